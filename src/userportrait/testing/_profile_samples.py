"""What the checks of profile stores share: sample profiles and comparisons."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any, TypeAlias

from userportrait.errors import InvalidDataError
from userportrait.testing._promises import expect
from userportrait.typing import Build

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from userportrait.typing import CustomerId, ProfileStore, TagValue

__all__ = [
    "AS_OF",
    "VALUES",
    "Profiles",
    "build_of",
    "expect_kept",
    "expect_profiles",
    "expect_refused",
    "profiles_of",
    "scan",
    "write",
]

Profiles: TypeAlias = "dict[CustomerId, dict[str, TagValue]]"

VALUES: dict[str, TagValue] = {
    "yes": True,
    "no": False,
    "zero": 0,
    "one": 1,
    "negative": -7,
    "64 bits": 2**63 - 1,
    "more than 64 bits": 10**30 + 7,
    "a float without a fraction": 1.0,
    "a tenth": 0.1,
    "a sum of tenths": 0.1 + 0.2,
    "negative zero": -0.0,
    "smallest": 5e-324,
    "largest": 1.7976931348623157e308,
    "unknown": None,
    "empty text": "",
    "a number in a text": "1",
    "a truth in a text": "True",
    "nothing in a text": "null",
    "a date": "2026-01-31",
    "quotes": "\"double\" 'single' \\back / slash {brace} [bracket] %s ?",
    "control characters": "line\nbreak\ttab\r\nzero\x00end",
    "重要价值客户": "重要价值客户 🛒 ñ ß ‮",
    "": "a tag without a name",
    "long": "x" * 10_000,
}
"""One value of every kind that a store must give back as it was."""

AS_OF = datetime.fromisoformat("2026-01-31T12:30:15.123456")


def build_of(number: int) -> Build:
    """Return a build that can be told from others."""
    return Build(as_of=AS_OF, versions={"build": 1, "n": number})


def profiles_of(number: int, n: int = 12) -> Profiles:
    """Return the profiles of one build: integer and text IDs by turns."""
    return {_id(i): {"build": number, "n": i} for i in range(n)}


def write(store: ProfileStore, profiles: Profiles, number: int = 1) -> int:
    """Replace everything by these profiles."""
    return store.replace_profiles(profiles.items(), build=build_of(number))


def expect_profiles(found: Mapping[Any, Mapping[str, Any]], wanted: Profiles, how: str) -> None:
    """Raise unless the same customers have the same tags of the same types."""
    plain = {_typed(key): (key, dict(tags)) for key, tags in found.items()}
    expected = {_typed(key): (key, tags) for key, tags in wanted.items()}
    for typed, (key, _) in expected.items():
        expect(typed in plain, f"{how} misses customer {key!r}")
    for typed, (key, _) in plain.items():
        expect(typed in expected, f"{how} has customer {key!r}, who is not there")
    for typed, (_, tags) in expected.items():
        _expect_tags(plain[typed][1], tags, how)


def expect_kept(store: ProfileStore, wanted: Profiles, number: int, when: str) -> None:
    """Raise unless the store holds exactly this build."""
    expect_profiles(store.read_profiles(list(wanted)), wanted, f"{when}, read_profiles")
    expect_profiles(scan(store), wanted, f"{when}, scan_profiles")
    expect(store.read_build() == build_of(number), f"{when}, read_build returned another build")


def scan(store: ProfileStore) -> Profiles:
    """Return what a scan yields, copied; raise if a customer comes twice."""
    found: Profiles = {}
    for key, tags in store.scan_profiles():
        expect(key not in found, f"scan_profiles yielded customer {key!r} twice")
        found[key] = dict(tags)
    return found


def expect_refused(
    store: ProfileStore, profiles: Iterable[tuple[Any, Any]], what: str, kept: Profiles
) -> None:
    """Raise unless the profiles are refused and the old build is kept."""
    try:
        store.replace_profiles(profiles, build=build_of(2))
    except InvalidDataError:
        pass
    except Exception as error:
        kind = type(error).__name__
        message = f"{what} raised {kind} ({error}) where InvalidDataError is promised"
        raise AssertionError(message) from error
    else:
        raise AssertionError(f"{what} was accepted, where InvalidDataError is promised")
    expect_kept(store, kept, 1, f"after {what} was refused")


def _id(i: int) -> CustomerId:
    return i if i % 2 else str(i)


def _expect_tags(found: Mapping[str, Any], wanted: Mapping[str, TagValue], how: str) -> None:
    for tag, value in wanted.items():
        expect(tag in found, f"{how} misses tag {tag!r}")
        expect(_typed(found[tag]) == _typed(value), _changed(how, value, found[tag]))
    extra = sorted(set(found) - set(wanted))
    expect(not extra, f"{how} has tags that were not written: {extra}")


def _typed(value: object) -> tuple[type, str]:
    return type(value), repr(value)


def _changed(how: str, value: object, found: object) -> str:
    shown, kind = repr(value)[:60], type(value).__name__
    return f"{how} gives {repr(found)[:60]} ({type(found).__name__}) for {shown} ({kind})"
