"""Bundles with what they may earn."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from userportrait._core.display import format_count, page_fragment, table

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pandas as pd

__all__ = ["BundleTable"]

_SHOWN = ("items", "count", "lift", "bundle_price", "extra_margin", "low", "high")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class BundleTable:
    """Bundles that may be worth offering, best first.

    Parameters
    ----------
    bundles : DataFrame
        One row per bundle; see `suggest_bundles`.
    n_candidates : int
        Sets of items that were valued.
    n_unpriced : int
        Sets left out because an item has no price or no margin.
    n_baskets : int
    discount, response : float
        As given.

    See Also
    --------
    suggest_bundles : Make one.

    Examples
    --------
    >>> from userportrait.patterns import suggest_bundles
    >>> lists = [["tea", "cup"]] * 30 + [["tea"]] * 20 + [["cup"]] * 10 + [["milk"]] * 40
    >>> found = suggest_bundles(lists, prices={"tea": 5, "cup": 8, "milk": 1}, margins=0.5)
    >>> found
    BundleTable(1 bundle of 1 valued, discount 10 %)
    >>> list(found)
    [('cup', 'tea')]
    """

    bundles: pd.DataFrame
    n_candidates: int
    n_unpriced: int
    n_baskets: int
    discount: float
    response: float

    def __len__(self) -> int:
        return len(self.bundles)

    def __iter__(self) -> Iterator[tuple[Any, ...]]:
        """Yield the items of each bundle, best first."""
        yield from self.bundles["items"].tolist()

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, BundleTable):
            return NotImplemented
        return self._facts() == other._facts() and self.bundles.equals(other.bundles)

    def __hash__(self) -> int:
        raise TypeError("BundleTable cannot be hashed.")

    def _facts(self) -> dict[str, Any]:
        names = [name for name in self.__dataclass_fields__ if name != "bundles"]
        return {name: getattr(self, name) for name in names}

    def to_frame(self) -> pd.DataFrame:
        """Return the bundles as a frame of your own."""
        return self.bundles.copy()

    def to_dict(self) -> dict[str, Any]:
        """Return the facts by name, and the bundles as a list of dicts."""
        return self._facts() | {"bundles": self.bundles.to_dict("records")}

    def __repr__(self) -> str:
        valued = f"{format_count(len(self), 'bundle')} of {self.n_candidates:,} valued"
        return f"BundleTable({valued}, discount {100 * self.discount:g} %)"

    @property
    def _told(self) -> str:
        left_out = f" {self.n_unpriced:,} without price or margin." if self.n_unpriced else ""
        return (
            f"Margin per 1,000 baskets at a discount of {100 * self.discount:g} %, if the offer "
            f"repeats {self.response:g} of what the items add to each other today.{left_out}"
        )

    def _rows(self) -> list[list[str]]:
        columns = ("items", "count", "lift", "bundle_price")
        limits = ("extra_margin", "extra_margin_low", "extra_margin_high")
        shown: Any = self.bundles[[*columns, *limits]].head(10)
        return [
            [" + ".join(map(str, items)), f"{count:,}", *(f"{value:.2f}" for value in rest)]
            for items, count, *rest in shown.itertuples(index=False, name=None)
        ]

    def __str__(self) -> str:
        rows = [list(_SHOWN), *self._rows()]
        widths = [max(len(row[i]) for row in rows) for i in range(len(_SHOWN))]
        lines = [
            "  ".join(
                [row[0].ljust(widths[0])]
                + [v.rjust(w) for v, w in zip(row[1:], widths[1:], strict=True)]
            )
            for row in rows
        ]
        return "\n".join([repr(self), self._told, *lines])

    def _repr_html_(self) -> str:
        body = table(_SHOWN, self._rows(), numeric=_SHOWN[1:])
        return page_fragment("Bundles", f"<small>{self._told}</small>", body)
