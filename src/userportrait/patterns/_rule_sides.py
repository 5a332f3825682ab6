"""Which items may, must or must not stand on a side of a rule."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from userportrait.errors import InvalidParameterError, unknown_name

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from userportrait.patterns._rule_index import SetIndex

__all__ = ["RuleSide", "allowed_sets", "read_side"]

_WORDS = ("only", "contains", "exclude")


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleSide:
    """Conditions on one side of a rule.

    Parameters
    ----------
    only : tuple of item, optional
        Every item of the side is one of these. By default any item will do.
    contains : tuple of item, default=()
        At least one of these is on the side. Empty: no such condition.
    exclude : tuple of item, default=()
        None of these is on the side.

    Examples
    --------
    >>> RuleSide(only=("milk", "bread"))
    RuleSide(only=('milk', 'bread'), contains=(), exclude=())
    """

    only: tuple[Any, ...] | None = None
    contains: tuple[Any, ...] = ()
    exclude: tuple[Any, ...] = ()


def read_side(name: str, given: object, items: NDArray[Any]) -> tuple[RuleSide | None, list[str]]:
    """Return the conditions that a parameter stands for, and what is wrong with it.

    Parameters
    ----------
    name : str
        The parameter's name.
    given : RuleSide, mapping with 'only', 'contains', 'exclude', items, or None
        Items alone stand for `only`.
    items : ndarray
        The items there are.
    """
    if given is None:
        return None, []
    value: Any = given
    if isinstance(given, RuleSide):
        side = given
    elif isinstance(given, str) or not isinstance(given, Iterable):
        what = f"{name} must be items, a RuleSide or a mapping with 'only', 'contains' or 'exclude'"
        return None, [f"{what}; got {type(given).__name__}."]
    elif isinstance(given, Mapping):
        parts: dict[str, Any] = {str(word): value[word] for word in value}
        problems = [
            *(f"{name}: {unknown_name('condition', w, _WORDS)}" for w in parts if w not in _WORDS),
            *(
                f"{name}: '{word}' must be a list of items, not one."
                for word, items_of in parts.items()
                if isinstance(items_of, str)
            ),
        ]
        if problems:
            return None, problems
        side = RuleSide(**{word: tuple(v) for word, v in parts.items() if v is not None})
    else:
        side = RuleSide(only=tuple(value))
    return side, _strangers(name, side, items)


def _strangers(name: str, side: RuleSide, items: NDArray[Any]) -> list[str]:
    named = [*(side.only or ()), *side.contains, *side.exclude]
    known = set(items.tolist())
    missing = [item for item in named if item not in known]
    return [f"{name}: {unknown_name('item', str(item), map(str, known))}" for item in missing[:3]]


def allowed_sets(index: SetIndex, side: RuleSide | None) -> NDArray[np.bool_] | None:
    """Return for each place whether the set may be this side; None if all may."""
    if side is None:
        return None
    found = np.ones(index.n_sets + 2, dtype=np.bool_)
    if side.only is not None:
        found &= index.whether(_marks(index, side.only), every=True)
    if side.contains:
        found &= index.whether(_marks(index, side.contains), every=False)
    if side.exclude:
        found &= ~index.whether(_marks(index, side.exclude), every=False)
    return found


def _marks(index: SetIndex, wanted: tuple[Any, ...]) -> NDArray[np.bool_]:
    chosen = set(wanted)
    return np.array([item in chosen for item in index.items.tolist()], dtype=np.bool_)


def check_sides(
    owner: str, sides: Mapping[str, object], items: NDArray[Any]
) -> dict[str, RuleSide | None]:
    """Read both sides; raise one error that names everything that is wrong."""
    read = {name: read_side(name, given, items) for name, given in sides.items()}
    problems = [problem for _, found in read.values() for problem in found]
    if problems:
        raise InvalidParameterError(owner, problems)
    return {name: side for name, (side, _) in read.items()}
