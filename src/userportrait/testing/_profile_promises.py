"""The promises of a profile store, each with the check that can break it."""

from __future__ import annotations

from threading import Event, Thread
from typing import TYPE_CHECKING, Any, TypeAlias

from userportrait.errors import InvalidDataError
from userportrait.testing._profile_samples import (
    AS_OF,
    VALUES,
    build_of,
    expect_kept,
    expect_profiles,
    expect_refused,
    profiles_of,
    scan,
    write,
)
from userportrait.testing._promises import expect, promise_into
from userportrait.typing import Build, ProfileStore, SupportsEncodedProfiles

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from userportrait.testing._profile_samples import Profiles
    from userportrait.typing import CustomerId, TagValue

    Check: TypeAlias = "Callable[[ProfileStore], None]"

__all__ = ["PROMISES"]

PROMISES: dict[str, Check] = {}
"""What is promised, in plain words, and the check that raises if it is not kept."""
promise = promise_into(PROMISES)

_LONGEST = 60.0


@promise("an empty store has no build and no profiles")
def _empty(store: ProfileStore) -> None:
    expect(store.read_build() is None, "read_build did not return None")
    expect(dict(store.read_profiles([1, "1"])) == {}, "read_profiles found somebody")
    expect(not list(store.scan_profiles()), "scan_profiles yielded somebody")
    expect(store.delete_customers([1, "1"]) == 0, "delete_customers deleted somebody")
    expect(store.read_build() is None, "delete_customers made a build")


@promise("values come back as they were written, with their types")
def _values(store: ProfileStore) -> None:
    wanted: Profiles = {1: dict(VALUES), "no tags": {}}
    write(store, wanted)
    expect_kept(store, wanted, 1, "after a build")


@promise("integer and text IDs are kept apart, with their types")
def _ids(store: ProfileStore) -> None:
    texts = [
        "1",
        "-1",
        "01",
        "1.0",
        "a/b",
        "a b",
        "é",
        "e\u0301",
        "É",
        "客户",
        "",
        "%",
        "\x00",
        "A",
    ]
    keys: list[CustomerId] = [0, 1, -1, 2**63 - 1, -(2**63), *texts, "a", "x" * 500]
    wanted: Profiles = {key: {"n": i} for i, key in enumerate(keys)}
    write(store, wanted)
    expect_kept(store, wanted, 1, "after a build")
    for key in keys:
        expect_profiles(store.read_profiles([key]), {key: wanted[key]}, "read_profiles of one")


@promise("unknown customers are left out")
def _unknown(store: ProfileStore) -> None:
    write(store, {1: {"n": 1}, "b": {"n": 2}})
    found = store.read_profiles([2, "b", "1", "c"])
    expect_profiles(found, {"b": {"n": 2}}, "read_profiles")
    expect(dict(store.read_profiles([3])) == {}, "read_profiles of an unknown one found somebody")


@promise("the order and repetition of the IDs asked for do not matter")
def _order(store: ProfileStore) -> None:
    wanted = profiles_of(1)
    write(store, wanted)
    keys = list(wanted)
    expect_profiles(store.read_profiles(keys[::-1]), wanted, "read_profiles backwards")
    expect_profiles(store.read_profiles(keys + keys), wanted, "read_profiles of repeated IDs")
    expect_profiles(store.read_profiles(tuple(keys[3:5])), _only(wanted, keys[3:5]), "of two")
    expect(dict(store.read_profiles([])) == {}, "read_profiles of nobody found somebody")


@promise("thousands of customers can be read at once")
def _many(store: ProfileStore) -> None:
    wanted = profiles_of(1, 3_000)
    n = write(store, wanted)
    expect(n == 3_000, f"replace_profiles returned {n} for 3000 profiles")
    expect_kept(store, wanted, 1, "after a build of 3000")


@promise("a build replaces everything before it")
def _replace(store: ProfileStore) -> None:
    write(store, {1: {"old": 1, "both": 1}, 2: {"old": 1}, "x": {}})
    wanted: Profiles = {1: {"both": 2}, "y": {"new": 2}}
    n = write(store, wanted, 2)
    expect(n == 2, f"replace_profiles returned {n} for 2 profiles")
    expect_kept(store, wanted, 2, "after a second build")
    expect(dict(store.read_profiles([2, "x"])) == {}, "customers of the old build are still there")


@promise("an empty build is a build")
def _empty_build(store: ProfileStore) -> None:
    for profiles in (iter(()), iter([(1, {"n": 1})]), iter(())):
        n = store.replace_profiles(profiles, build=build_of(1))
    expect(n == 0, f"replace_profiles returned {n} for no profiles")
    expect_kept(store, {}, 1, "after an empty build")


@promise("a build comes back as it was written")
def _build(store: ProfileStore) -> None:
    facts: dict[str, Any] = {
        "cohorts": [[1, 0.5, None], [True, "客户", {"n": -0.5}]],
        "quotes": "\"'\\",
        "empty": {},
    }
    versions = {"z": 3, "a": 12, "总消费": 1}
    build = Build(as_of=AS_OF, versions=versions, facts=facts)
    store.replace_profiles([], build=build)
    found = store.read_build()
    expect(found == build, f"read_build returned {found!r} for {build!r}")
    order = list(found.versions) if found else []
    expect(order == list(versions), f"the versions came back in the order {order}")
    facts["later"] = 1
    versions["later"] = 1
    expect(store.read_build() == found, "changing the facts given changed the build kept")


@promise("a build that fails half-way changes nothing")
def _failing(store: ProfileStore) -> None:
    def half(n: int) -> Iterator[tuple[CustomerId, dict[str, TagValue]]]:
        yield from list(profiles_of(2, 500).items())[:n]
        raise LookupError("the source of the profiles failed")

    for kept in ({}, profiles_of(1)):
        if kept:
            write(store, kept)
        for n in (0, 5, 500):
            try:
                store.replace_profiles(half(n), build=build_of(2))
            except LookupError:
                pass
            else:
                raise AssertionError("the error of the iterable did not reach the caller")
            if kept:
                expect_kept(store, kept, 1, f"after a failure at profile {n}")
            else:
                _empty(store)
    write(store, {"after": {"n": 3}}, 3)
    expect_kept(store, {"after": {"n": 3}}, 3, "after a failed build and a good one")


@promise("a customer who comes twice is refused")
def _duplicates(store: ProfileStore) -> None:
    kept = profiles_of(1)
    write(store, kept)
    for key in (1, "b"):
        twice: list[Any] = [(1, {"n": 1}), ("b", {"n": 2}), ("1", {}), (key, {"n": 3})]
        expect_refused(store, twice, "a repeated customer", kept)
    far: list[Any] = [*((i, {}) for i in range(2_000)), (0, {})]
    expect_refused(store, far, "a customer repeated far away", kept)


@promise("values that are no tag values are refused")
def _bad_values(store: ProfileStore) -> None:
    kept = profiles_of(1)
    write(store, kept)
    bad: list[Any] = [float("nan"), float("inf"), float("-inf"), [1], {"a": 1}, AS_OF, b"bytes"]
    for value in bad:
        profiles = [(1, {"good": 1}), (2, {"good": 1, "bad": value})]
        expect_refused(store, profiles, f"the value {value!r}", kept)


@promise("IDs that are neither integer nor text are refused")
def _bad_ids(store: ProfileStore) -> None:
    kept = profiles_of(1)
    write(store, kept)
    bad: list[Any] = [1.0, True, None, b"1", (1, 2)]
    for key in bad:
        expect_refused(store, [("good", {}), (key, {"n": 1})], f"the ID {key!r}", kept)


@promise("the profiles given and returned are copies")
def _copies(store: ProfileStore) -> None:
    given: Profiles = {1: {"n": 1}, "b": {"n": 2}}
    wanted: Profiles = {key: dict(tags) for key, tags in given.items()}
    write(store, given)
    given[1]["n"] = -1
    given.pop("b")
    expect_kept(store, wanted, 1, "after a change of what was given")
    for found in (dict(store.read_profiles([1, "b"])), dict(store.scan_profiles())):
        for tags in found.values():
            _spoil(tags)
    expect_kept(store, wanted, 1, "after a change of what was returned")
    reused: dict[str, TagValue] = {}

    def reusing() -> Iterator[tuple[CustomerId, dict[str, TagValue]]]:
        for i in range(5):
            reused["n"] = i
            yield i, reused

    store.replace_profiles(reusing(), build=build_of(1))
    wanted = {i: {"n": i} for i in range(5)}
    expect_kept(store, wanted, 1, "after a generator that reuses one dict")


@promise("erasing counts the customers who were there, and they are gone")
def _delete(store: ProfileStore) -> None:
    wanted = profiles_of(1)
    write(store, wanted)
    n = store.delete_customers([1, 99, "2", "nobody", "1", 1])
    expect(n == 2, f"delete_customers returned {n} where 2 of the customers were there")
    expect(dict(store.read_profiles([1, "2"])) == {}, "erased customers can still be read")
    wanted = {key: tags for key, tags in wanted.items() if key not in (1, "2")}
    expect_kept(store, wanted, 1, "after an erasure")
    n = store.delete_customers([1, "2"])
    expect(n == 0, f"delete_customers returned {n} for customers who were gone")
    expect(store.delete_customers([]) == 0, "delete_customers of nobody deleted somebody")
    n = store.delete_customers(list(wanted))
    expect(n == len(wanted), f"delete_customers returned {n} for {len(wanted)} customers")
    expect_kept(store, {}, 1, "after the erasure of everybody")


@promise("a scan keeps to the build it began with")
def _scan(store: ProfileStore) -> None:
    wanted = profiles_of(1)
    write(store, wanted)
    scanning = store.scan_profiles()
    found = dict([next(scanning)])
    write(store, profiles_of(2, 30), 2)
    found.update(scanning)
    expect_profiles(found, wanted, "a scan during which a build happened")
    dropped = store.scan_profiles()
    next(dropped)
    write(store, profiles_of(3), 3)
    del dropped
    expect_kept(store, profiles_of(3), 3, "after a dropped scan")


@promise("a build may read the store it replaces, and readers see the old build until it ends")
def _reading_build(store: ProfileStore) -> None:
    old = profiles_of(1)
    write(store, old)

    def updated() -> Iterator[tuple[CustomerId, dict[str, TagValue]]]:
        for key, tags in store.scan_profiles():
            expect_kept(store, old, 1, "during a build")
            yield key, {**tags, "build": 2}

    problems: list[Exception] = []

    def rebuild() -> None:
        try:
            store.replace_profiles(updated(), build=build_of(2))
        except Exception as error:
            problems.append(error)

    _run([Thread(target=rebuild, daemon=True)])
    if problems:
        raise problems[0]
    expect_kept(store, profiles_of(2), 2, "after a build made from the store itself")


@promise("readers in other threads see one build, never a mixture")
def _threads(store: ProfileStore) -> None:
    n = 60
    write(store, profiles_of(1, n))
    keys, done, problems = list(profiles_of(1, n)), Event(), list[str]()

    def look(how: str, profiles: Mapping[CustomerId, Mapping[str, TagValue]]) -> None:
        builds = sorted({str(tags.get("build")) for tags in profiles.values()})
        if len(builds) != 1 or len(profiles) != n:
            problems.append(f"{how} saw {len(profiles)} of {n} customers, of builds {builds}")

    def read() -> None:
        try:
            while not done.is_set() and not problems:
                look("read_profiles", store.read_profiles(keys))
                look("scan_profiles", scan(store))
        except Exception as error:
            problems.append(f"a reader raised {type(error).__name__}: {error}")

    def slowly(number: int) -> Iterator[tuple[CustomerId, dict[str, TagValue]]]:
        for i, item in enumerate(profiles_of(number, n).items()):
            if i == n // 2:
                done.wait(0.005)  # let the readers look at half a build
            yield item

    def rebuild(first: int) -> None:
        try:
            for number in range(first, first + 8):
                store.replace_profiles(slowly(number), build=build_of(number))
        except Exception as error:
            problems.append(f"a writer raised {type(error).__name__}: {error}")

    readers = [Thread(target=read, daemon=True) for _ in range(3)]
    writers = [Thread(target=rebuild, args=(first,), daemon=True) for first in (10, 20)]
    _run(writers, readers, done)
    expect(not problems, problems[0] if problems else "")
    found = store.read_build()
    number = found.versions["n"] if found else 0
    expect(number in (17, 27), f"after all builds, build {number} is kept, not a last one")
    expect_kept(store, profiles_of(number, n), number, "after all builds")


@promise("encoded profiles are kept like others, if the store takes them")
def _encoded(store: ProfileStore) -> None:
    if not isinstance(store, SupportsEncodedProfiles):
        return
    texts: list[tuple[CustomerId, str]] = [
        (1, '{"n":1,"yes":true,"unknown":null,"name":"客户"}'),
        ("1", "{}"),
    ]
    wanted: Profiles = {1: {"n": 1, "yes": True, "unknown": None, "name": "客户"}, "1": {}}
    n = store.replace_encoded(iter(texts), build=build_of(1))
    expect(n == 2, f"replace_encoded returned {n} for 2 profiles")
    expect_kept(store, wanted, 1, "after a build of encoded profiles")
    try:
        store.replace_encoded([*texts, (1, "{}")], build=build_of(2))
    except InvalidDataError:
        expect_kept(store, wanted, 1, "after a repeated customer was refused")
    else:
        raise AssertionError("replace_encoded accepted a customer twice")


def _run(
    writers: Sequence[Thread], readers: Sequence[Thread] = (), done: Event | None = None
) -> None:
    for thread in (*readers, *writers):
        thread.start()
    for thread in writers:
        thread.join(_LONGEST)
    if done is not None:
        done.set()
    for thread in readers:
        thread.join(_LONGEST)
    hanging = any(thread.is_alive() for thread in (*writers, *readers))
    expect(not hanging, f"a build or a reader hangs: not finished after {_LONGEST:g} s")


def _only(profiles: Profiles, keys: Iterable[CustomerId]) -> Profiles:
    return {key: profiles[key] for key in keys}


def _spoil(tags: Any) -> None:
    try:
        tags["n"] = "spoilt"
    except TypeError:
        return  # a read-only mapping keeps the promise too
