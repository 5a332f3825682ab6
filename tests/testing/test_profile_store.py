"""The conformance suite: passes an honest store, names each promise that a broken one breaks."""

from __future__ import annotations

import json
import re
import time
from copy import deepcopy
from threading import Lock, RLock
from typing import Any

import pytest

from userportrait.stores import check_profiles
from userportrait.testing import _profile_promises, _profile_store, check_profile_store
from userportrait.testing._profile_promises import PROMISES
from userportrait.typing import Build


class Honest:
    """A small store that keeps every promise."""

    def __init__(self) -> None:
        self.lock: Any = RLock()
        self.kept: dict[Any, dict[str, Any]] = {}
        self.build: Build | None = None

    def replace_profiles(self, profiles: Any, *, build: Build) -> int:
        with self.lock:
            new = self.collect(profiles)
            self.swap(new, deepcopy(Build.from_dict(build.to_dict())))
            return len(new)

    def collect(self, profiles: Any) -> dict[Any, dict[str, Any]]:
        return dict(check_profiles(profiles))

    def swap(self, new: dict[Any, dict[str, Any]], build: Build) -> None:
        self.kept, self.build = new, build

    def read_profiles(self, customer_ids: Any) -> dict[Any, dict[str, Any]]:
        kept = self.kept
        return {key: dict(kept[key]) for key in customer_ids if key in kept}

    def scan_profiles(self) -> Any:
        for key, tags in self.kept.items():
            yield key, dict(tags)

    def read_build(self) -> Build | None:
        return deepcopy(self.build)

    def delete_customers(self, customer_ids: Any) -> int:
        with self.lock:
            gone = self.kept.keys() & set(customer_ids)
            self.kept = {key: tags for key, tags in self.kept.items() if key not in gone}
            return len(gone)


class CountsStrangers(Honest):
    def delete_customers(self, customer_ids: Any) -> int:
        return super().delete_customers(customer_ids) or (0 if self.kept else len(customer_ids))


class BuildsWhenErasing(Honest):
    def delete_customers(self, customer_ids: Any) -> int:
        self.build = self.build or Build(as_of=_profile_promises.AS_OF, versions={})
        return super().delete_customers(customer_ids)


class ChangesValues(Honest):
    def change(self, value: Any) -> Any:
        raise NotImplementedError

    def read_profiles(self, customer_ids: Any) -> dict[Any, dict[str, Any]]:
        found = super().read_profiles(customer_ids)
        return {k: {t: self.change(v) for t, v in tags.items()} for k, tags in found.items()}


class BooleansToIntegers(ChangesValues):
    def change(self, value: Any) -> Any:
        return int(value) if isinstance(value, bool) else value


class IntegersToFloats(ChangesValues):
    def change(self, value: Any) -> Any:
        return float(value) if type(value) is int and value < 2**53 else value


class RoundsFloats(ChangesValues):
    def change(self, value: Any) -> Any:
        return round(value, 12) if isinstance(value, float) else value


class ForgetsTheSignOfZero(ChangesValues):
    def change(self, value: Any) -> Any:
        return value + 0.0 if isinstance(value, float) else value


class StripsTexts(ChangesValues):
    def change(self, value: Any) -> Any:
        return value.replace("\x00", "") if isinstance(value, str) else value


class DropsUnknown(Honest):
    def collect(self, profiles: Any) -> dict[Any, dict[str, Any]]:
        new = super().collect(profiles)
        return {k: {t: v for t, v in tags.items() if v is not None} for k, tags in new.items()}


class DropsCustomersWithoutTags(Honest):
    def collect(self, profiles: Any) -> dict[Any, dict[str, Any]]:
        return {key: tags for key, tags in super().collect(profiles).items() if tags}


class AddsTags(Honest):
    def collect(self, profiles: Any) -> dict[Any, dict[str, Any]]:
        return {k: {**tags, "updated": 1} for k, tags in super().collect(profiles).items()}


class ScansOtherValues(Honest):
    def scan_profiles(self) -> Any:
        for key, tags in super().scan_profiles():
            yield key, {tag: value or 0 for tag, value in tags.items()}


class TextKeys(Honest):
    def collect(self, profiles: Any) -> dict[Any, dict[str, Any]]:
        return {str(key): tags for key, tags in super().collect(profiles).items()}

    def read_profiles(self, customer_ids: Any) -> dict[Any, dict[str, Any]]:
        return {k: dict(self.kept[str(k)]) for k in customer_ids if str(k) in self.kept}


class FoldsCase(Honest):
    def read_profiles(self, customer_ids: Any) -> dict[Any, dict[str, Any]]:
        folded = {k.lower() if isinstance(k, str) else k: v for k, v in self.kept.items()}
        wanted = {k: k.lower() if isinstance(k, str) else k for k in customer_ids}
        return {k: dict(folded[key]) for k, key in wanted.items() if key in folded}


class InventsStrangers(Honest):
    def read_profiles(self, customer_ids: Any) -> dict[Any, dict[str, Any]]:
        return {key: {} for key in customer_ids if self.kept} | super().read_profiles(customer_ids)


class RaisesForStrangers(Honest):
    def read_profiles(self, customer_ids: Any) -> dict[Any, dict[str, Any]]:
        return {key: dict(self.kept[key]) for key in customer_ids if self.kept}


class AnswersByPosition(Honest):
    def read_profiles(self, customer_ids: Any) -> dict[Any, dict[str, Any]]:
        found = super().read_profiles(sorted(customer_ids, key=str))
        return dict(zip([k for k in customer_ids if k in found], found.values(), strict=False))


class RefusesNobody(Honest):
    def read_profiles(self, customer_ids: Any) -> dict[Any, dict[str, Any]]:
        customer_ids[0]
        return super().read_profiles(customer_ids)


class ReadsAThousand(Honest):
    def read_profiles(self, customer_ids: Any) -> dict[Any, dict[str, Any]]:
        return super().read_profiles(customer_ids[:1000])


class Updates(Honest):
    def swap(self, new: dict[Any, dict[str, Any]], build: Build) -> None:
        super().swap({**self.kept, **new}, build)


class Miscounts(Honest):
    def replace_profiles(self, profiles: Any, *, build: Build) -> int:
        super().replace_profiles(profiles, build=build)
        return 1


class SkipsEmptyBuilds(Honest):
    def swap(self, new: dict[Any, dict[str, Any]], build: Build) -> None:
        if new or not self.kept:
            super().swap(new, build)


class ForgetsFacts(Honest):
    def swap(self, new: dict[Any, dict[str, Any]], build: Build) -> None:
        super().swap(new, Build(as_of=build.as_of, versions=build.versions))


class SortsVersions(Honest):
    def swap(self, new: dict[Any, dict[str, Any]], build: Build) -> None:
        versions = dict(sorted(build.versions.items()))
        super().swap(new, Build(as_of=build.as_of, versions=versions, facts=build.facts))


class WholeSeconds(Honest):
    def read_build(self) -> Build | None:
        build = super().read_build()
        return build and Build(
            as_of=build.as_of.replace(microsecond=0), versions=build.versions, facts=build.facts
        )


class WritesInPlace(Honest):
    def replace_profiles(self, profiles: Any, *, build: Build) -> int:
        with self.lock:
            self.swap({}, Build.from_dict(build.to_dict()))
            for key, tags in check_profiles(profiles):
                self.kept[key] = tags
            return len(self.kept)


class SwallowsErrors(Honest):
    def replace_profiles(self, profiles: Any, *, build: Build) -> int:
        try:
            return super().replace_profiles(profiles, build=build)
        except LookupError:
            return 0


class LastOneWins(Honest):
    def collect(self, profiles: Any) -> dict[Any, dict[str, Any]]:
        return {
            key: tags
            for profile in profiles
            for key, tags in super(LastOneWins, self).collect([profile]).items()
        }


class OtherErrorForDuplicates(Honest):
    def collect(self, profiles: Any) -> dict[Any, dict[str, Any]]:
        found = list(profiles)
        new = LastOneWins.collect(self, found)  # type: ignore[arg-type]
        if len(new) < len(found):
            raise KeyError("twice")
        return new


class AcceptsAnyValue(Honest):
    def collect(self, profiles: Any) -> dict[Any, dict[str, Any]]:
        found = [(key, dict(tags)) for key, tags in profiles]
        list(check_profiles((key, {}) for key, _ in found))
        return dict(found)


class WritesNaN(Honest):
    def collect(self, profiles: Any) -> dict[Any, dict[str, Any]]:
        found = [(key, dict(tags)) for key, tags in profiles]
        finite = [
            (k, {t: repr(v) if isinstance(v, float) else v for t, v in tags.items()})
            for k, tags in found
        ]
        list(check_profiles(finite))
        return dict(found)


class AcceptsAnyID(Honest):
    def collect(self, profiles: Any) -> dict[Any, dict[str, Any]]:
        found = list(profiles)
        checked = check_profiles((k if type(k) in (int, str) else repr(k), t) for k, t in found)
        return {key: tags for (key, _), (_, tags) in zip(found, checked, strict=True)}


class KeepsWhatWasGiven(Honest):
    def collect(self, profiles: Any) -> dict[Any, dict[str, Any]]:
        found = list(profiles)
        list(check_profiles(found))
        return dict(found)


class GivesAwayItsDicts(Honest):
    def read_profiles(self, customer_ids: Any) -> dict[Any, dict[str, Any]]:
        return {key: self.kept[key] for key in customer_ids if key in self.kept}


class ScansItsDicts(Honest):
    def scan_profiles(self) -> Any:
        yield from self.kept.items()


class CountsWhatWasAsked(Honest):
    def delete_customers(self, customer_ids: Any) -> int:
        before = bool(self.kept)
        super().delete_customers(customer_ids)
        return len(customer_ids) if before else 0


class HidesOnly(Honest):
    def delete_customers(self, customer_ids: Any) -> int:
        return len(self.kept.keys() & set(customer_ids))


class ForgetsTheBuild(Honest):
    def delete_customers(self, customer_ids: Any) -> int:
        n = super().delete_customers(customer_ids)
        self.build = self.build if self.kept else None
        return n


class RaisesForGoneCustomers(Honest):
    def delete_customers(self, customer_ids: Any) -> int:
        for key in customer_ids if self.kept else ():
            self.kept.pop(key)
        return len(customer_ids) if self.kept else 0


class ScansTheNewest(Honest):
    def scan_profiles(self) -> Any:
        for key in list(self.kept):
            if key in self.kept:
                yield key, dict(self.kept[key])


class ScansSomeTwice(Honest):
    def scan_profiles(self) -> Any:
        yield from super().scan_profiles()
        yield from super().scan_profiles()


class LocksOutItsOwnBuild(Honest):
    def __init__(self) -> None:
        super().__init__()
        self.lock = Lock()

    def read_profiles(self, customer_ids: Any) -> dict[Any, dict[str, Any]]:
        with self.lock:
            return super().read_profiles(customer_ids)


class ShowsTheNewBuildEarly(Honest):
    def replace_profiles(self, profiles: Any, *, build: Build) -> int:
        old, self.build = self.build, Build.from_dict(build.to_dict())
        try:
            return super().replace_profiles(profiles, build=build)
        except BaseException:
            self.build = old
            raise


class SwapsInSteps(Honest):
    def swap(self, new: dict[Any, dict[str, Any]], build: Build) -> None:
        texts = {key: tags for key, tags in self.kept.items() if isinstance(key, str)}
        self.kept = {**{k: v for k, v in new.items() if isinstance(k, int)}, **texts}
        time.sleep(0.002)
        super().swap(new, build)


class WritersMix(Honest):
    def __init__(self) -> None:
        super().__init__()
        self.new: dict[Any, dict[str, Any]] = {}

    def replace_profiles(self, profiles: Any, *, build: Build) -> int:
        self.new = {}
        for key, tags in check_profiles(profiles):
            self.new[key] = tags
        self.swap(dict(self.new), deepcopy(Build.from_dict(build.to_dict())))
        return len(self.kept)


class TakesEncoded(Honest):
    def replace_encoded(self, profiles: Any, *, build: Build) -> int:
        return self.replace_profiles(((k, json.loads(text)) for k, text in profiles), build=build)


class EncodedTwice(TakesEncoded):
    def replace_encoded(self, profiles: Any, *, build: Build) -> int:
        return super().replace_encoded(dict(profiles).items(), build=build)


class EncodedAsText(TakesEncoded):
    def replace_encoded(self, profiles: Any, *, build: Build) -> int:
        return self.replace_profiles(((k, {"json": text}) for k, text in profiles), build=build)


BROKEN: dict[str, list[type[Honest]]] = {
    "an empty store has no build and no profiles": [CountsStrangers, BuildsWhenErasing],
    "values come back as they were written, with their types": [
        BooleansToIntegers,
        IntegersToFloats,
        RoundsFloats,
        ForgetsTheSignOfZero,
        StripsTexts,
        DropsUnknown,
        DropsCustomersWithoutTags,
        AddsTags,
        ScansOtherValues,
    ],
    "integer and text IDs are kept apart, with their types": [TextKeys, FoldsCase],
    "unknown customers are left out": [InventsStrangers, RaisesForStrangers],
    "the order and repetition of the IDs asked for do not matter": [
        AnswersByPosition,
        RefusesNobody,
    ],
    "thousands of customers can be read at once": [ReadsAThousand],
    "a build replaces everything before it": [Updates, Miscounts],
    "an empty build is a build": [SkipsEmptyBuilds],
    "a build comes back as it was written": [ForgetsFacts, SortsVersions, WholeSeconds],
    "a build that fails half-way changes nothing": [WritesInPlace, SwallowsErrors],
    "a customer who comes twice is refused": [LastOneWins, OtherErrorForDuplicates],
    "values that are no tag values are refused": [AcceptsAnyValue, WritesNaN],
    "IDs that are neither integer nor text are refused": [AcceptsAnyID],
    "the profiles given and returned are copies": [
        KeepsWhatWasGiven,
        GivesAwayItsDicts,
        ScansItsDicts,
    ],
    "erasing counts the customers who were there, and they are gone": [
        CountsWhatWasAsked,
        HidesOnly,
        ForgetsTheBuild,
        RaisesForGoneCustomers,
    ],
    "a scan keeps to the build it began with": [ScansTheNewest, ScansSomeTwice],
    "a build may read the store it replaces, and readers see the old build until it ends": [
        LocksOutItsOwnBuild,
        WritesInPlace,
        ShowsTheNewBuildEarly,
    ],
    "readers in other threads see one build, never a mixture": [
        SwapsInSteps,
        WritersMix,
        WritesInPlace,
    ],
    "encoded profiles are kept like others, if the store takes them": [
        EncodedTwice,
        EncodedAsText,
    ],
}


@pytest.mark.parametrize("store", [Honest, TakesEncoded])
def test_an_honest_store_passes(store: type[Honest]) -> None:
    check_profile_store(store)


@pytest.mark.parametrize(
    ("promise", "store"),
    [(promise, store) for promise, stores in BROKEN.items() for store in stores],
    ids=lambda value: value.__name__ if isinstance(value, type) else "",
)
def test_a_broken_promise_is_named(
    promise: str, store: type[Honest], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_profile_promises, "_LONGEST", 0.5)
    monkeypatch.setattr(_profile_store, "PROMISES", {promise: PROMISES[promise]})
    with pytest.raises(AssertionError, match=re.escape(f"- {promise}: ")):
        check_profile_store(store)


def test_every_promise_can_be_broken() -> None:
    assert set(BROKEN) == set(PROMISES)


def test_the_message_says_which_promise_and_what_was_seen() -> None:
    with pytest.raises(AssertionError) as caught:
        check_profile_store(WholeSeconds)
    lines = str(caught.value).splitlines()
    assert lines[0].startswith("WholeSeconds breaks ")
    assert lines[0].endswith(" promises.")
    assert all(line.startswith("- ") and ": " in line for line in lines[1:])
    assert isinstance(caught.value.__cause__, AssertionError)


def test_one_broken_promise_is_one() -> None:
    with pytest.raises(AssertionError) as caught:
        check_profile_store(EncodedTwice)
    assert str(caught.value) == (
        "EncodedTwice breaks one promise.\n"
        "- encoded profiles are kept like others, if the store takes them: "
        "replace_encoded accepted a customer twice"
    )


def test_an_unexpected_error_is_shown_with_its_type() -> None:
    with pytest.raises(AssertionError, match=r"left out: raised KeyError: 2") as caught:
        check_profile_store(RaisesForStrangers)
    assert isinstance(caught.value.__cause__, KeyError)


def test_missing_methods_are_named() -> None:
    class Half:
        def read_build(self) -> None: ...

        def scan_profiles(self) -> Any: ...

    with pytest.raises(AssertionError) as caught:
        check_profile_store(Half)  # type: ignore[arg-type]
    assert str(caught.value).endswith(
        "Half is not a ProfileStore: it lacks delete_customers, read_profiles, replace_profiles."
    )


def test_a_factory_that_returns_a_used_store_is_refused() -> None:
    store = Honest()
    with pytest.raises(AssertionError, match="factory\\(\\) must return a new, empty store"):
        check_profile_store(lambda: store)


def test_an_error_of_the_factory_passes_unchanged() -> None:
    def factory() -> Honest:
        raise OSError("no such server")

    with pytest.raises(OSError, match="no such server"):
        check_profile_store(factory)


def test_stores_are_closed_after_each_check_also_a_failed_one() -> None:
    opened: list[Honest] = []
    closed: list[Honest] = []

    class Closing(Updates):
        def __init__(self) -> None:
            super().__init__()
            opened.append(self)

        def close(self) -> None:
            closed.append(self)

    with pytest.raises(AssertionError):
        check_profile_store(Closing)
    assert opened == closed
    assert len(opened) == len(PROMISES)
