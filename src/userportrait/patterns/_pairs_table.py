"""The pairs that were found, with the figures that tell how sure they are."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from userportrait._core.display import format_count, page_fragment, table

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pandas as pd

    from userportrait.patterns._pairs_tests import Adjustment

__all__ = ["PairKind", "PairTable"]

PairKind: TypeAlias = Literal["complements", "substitutes", "switches"]

_TITLES = {
    "complements": "Complements: bought together more often than by chance",
    "substitutes": "Substitutes: bought together less often than by chance",
    "switches": "Switches: bought next time instead of the other",
}
_SHOWN = {
    "complements": ("item_a", "item_b", "count", "expected", "lift", "lift_low", "q_value"),
    "substitutes": ("item_a", "item_b", "count", "expected", "lift", "similarity", "score"),
    "switches": ("from_item", "to_item", "count", "expected", "lift", "share", "q_value"),
}
_TEXTS = ("item_a", "item_b", "from_item", "to_item", "category")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class PairTable:
    """Pairs of items that hang together, best first.

    Parameters
    ----------
    kind : {'complements', 'substitutes', 'switches'}
    pairs : DataFrame
        One row per pair; the function that made it says which columns.
    n_tested : int
        Pairs that were tested: what false discoveries are counted against.
    n_untested : int
        Pairs that were not, because chance alone would bring them together too rarely.
    n_dropped : int
        Significant pairs that a further condition left out, such as `min_similarity`.
    n_baskets : int
        Baskets, or for switches pairs of purchases, that were looked at.
    alpha : float
        The share of false discoveries among the pairs, or the chance of any, that is allowed.
    adjustment : str
        How p-values were adjusted.

    See Also
    --------
    find_complements, find_substitutes, find_switching : Make one.

    Examples
    --------
    >>> from userportrait.patterns import Baskets, find_complements
    >>> lists = [["salsa", "chips"]] * 30 + [["milk"]] * 50 + [["chips"]] * 10 + [["salsa"]] * 10
    >>> found = find_complements(Baskets.from_lists(lists))
    >>> found
    PairTable(1 pair of 3 tested, complements)
    >>> found.to_frame()[["item_a", "item_b", "count", "expected", "lift"]]
      item_a item_b  count  expected   lift
    0  chips  salsa     30      16.0  1.875
    """

    kind: PairKind
    pairs: pd.DataFrame
    n_tested: int
    n_untested: int
    n_dropped: int = 0
    n_baskets: int
    alpha: float
    adjustment: Adjustment

    def __len__(self) -> int:
        return len(self.pairs)

    def __iter__(self) -> Iterator[tuple[Any, Any]]:
        """Yield the pairs of items, best first."""
        first, second = list(self.pairs.columns[:2])
        yield from zip(self.pairs[first].tolist(), self.pairs[second].tolist(), strict=True)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, PairTable):
            return NotImplemented
        return self._facts() == other._facts() and self.pairs.equals(other.pairs)

    def __hash__(self) -> int:
        raise TypeError("PairTable cannot be hashed.")

    def _facts(self) -> tuple[object, ...]:
        names = [n for n in self.__dataclass_fields__ if n != "pairs"]
        return tuple(getattr(self, name) for name in names)

    @property
    def n_never(self) -> int:
        """Pairs of the table that were never seen together."""
        return int((self.pairs["count"] == 0).sum())

    def of_item(self, item: object) -> pd.DataFrame:
        """Return the rows with this item on either side; none if it is in no pair."""
        first, second = list(self.pairs.columns[:2])
        chosen = (self.pairs[first] == item) | (self.pairs[second] == item)
        return self.pairs[chosen].reset_index(drop=True)

    def to_frame(self) -> pd.DataFrame:
        """Return the pairs as a frame of your own."""
        return self.pairs.copy()

    def to_dict(self) -> dict[str, Any]:
        """Return the facts of the search by name, and the pairs as a list of dicts."""
        names = [n for n in self.__dataclass_fields__ if n != "pairs"]
        found: dict[str, Any] = {name: getattr(self, name) for name in names}
        return found | {"pairs": self.pairs.to_dict("records")}

    @property
    def _counted(self) -> str:
        return f"{format_count(len(self), 'pair')} of {self.n_tested:,} tested"

    def __repr__(self) -> str:
        return f"PairTable({self._counted}, {self.kind})"

    @property
    def _told(self) -> str:
        rule = "unadjusted" if self.adjustment == "none" else self.adjustment.upper()
        parts = [f"{self._counted} (alpha {self.alpha:g}, {rule})"]
        if self.n_untested:
            parts.append(f"{self.n_untested:,} too rare to test")
        if self.n_dropped:
            parts.append(f"{self.n_dropped:,} significant ones left out by a condition")
        return "; ".join(parts) + "."

    def __str__(self) -> str:
        shown = self.pairs[self._columns()].head(10)
        rows = shown.to_string(index=False, float_format=lambda v: f"{v:.4g}") if len(shown) else ""
        more = f"… and {len(self) - 10:,} more" if len(self) > 10 else ""
        return "\n".join(part for part in (_TITLES[self.kind], self._told, rows, more) if part)

    def _columns(self) -> list[str]:
        return [name for name in _SHOWN[self.kind] if name in self.pairs.columns]

    def _repr_html_(self) -> str:
        names = self._columns()
        shown: Any = self.pairs[names].head(10)
        cells = [
            [f"{v:.4g}" if isinstance(v, float) else v for v in row]
            for row in shown.itertuples(index=False, name=None)
        ]
        numeric = [name for name in names if name not in _TEXTS]
        return page_fragment(
            _TITLES[self.kind], f"<small>{self._told}</small>", table(names, cells, numeric=numeric)
        )
