"""One table worked out by hand for a word, checked on every engine."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeAlias

from helpers.flavours import build, build_spark, read_rows, types_of
from userportrait._core import frames

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    Make: TypeAlias = Callable[..., frames.Frame]

__all__ = ["Case", "check", "check_on_spark"]


@dataclass(frozen=True)
class Case:
    """What a word must give.

    Parameters
    ----------
    name : str
        What is promised, as a sentence.
    run : callable
        Gets a function that makes a frame from columns of (type, values); returns a frame.
    rows : list of tuples
        The rows that must come out, in any order.
    types : dict of str to str, default={}
        Types of result columns, as narwhals names them.
    """

    name: str
    run: Callable[[Make], frames.Frame]
    rows: list[tuple[Any, ...]]
    types: dict[str, str] = field(default_factory=dict[str, str])

    def __str__(self) -> str:
        return self.name


def check(case: Case, flavour: str) -> None:
    """Run the case on one engine."""
    _compare(case, lambda **columns: frames.enter(build(flavour, **columns)))


def check_on_spark(cases: Sequence[Case], session: Any) -> None:
    """Run all cases on Spark; name all that fail."""
    failed: list[str] = []
    for case in cases:
        try:
            _compare(case, lambda **columns: frames.enter(build_spark(session, **columns)))
        except Exception as error:
            failed.append(f"{case.name}: {type(error).__name__}: {str(error)[:600]}")
    assert not failed, "\n".join(failed)


def _compare(case: Case, make: Make) -> None:
    native = frames.leave(case.run(make))
    found = read_rows(native)
    expected = sorted(case.rows, key=lambda row: [(v is None, str(type(v)), v) for v in row])
    assert found == expected
    assert [[type(v) for v in row] for row in found] == [[type(v) for v in row] for row in expected]
    types = types_of(native)
    assert {name: types[name] for name in case.types} == case.types
