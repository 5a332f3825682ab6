"""The account of how baskets were read: what was collapsed, ignored, or looks odd."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from userportrait._core.display import format_count, page_fragment, table
from userportrait.errors import InvalidDataError, InvalidParameterError, unknown_name

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from userportrait.data._clean_report import RowRecord

__all__ = ["REASONS", "BasketReport"]

REASONS: Mapping[str, str] = {
    "return": "takes something back: negative units or money",
    "no_units": "no units, or an unknown number of them",
    "missing_order_id": "no order",
    "missing_item_id": "no item",
}
"""Why a line is ignored: the first reason that applies, in this order."""


def _no_baskets() -> NDArray[Any]:
    return np.empty(0, dtype=object)


@dataclass(frozen=True, slots=True, eq=False)
class BasketReport:
    """What became of every line that was read.

    Made by the constructors of `Baskets`, as `Baskets.report`.

    Parameters
    ----------
    source : str
        What was read, such as ``'orders'``.
    n_lines : int
        Lines, or cells that were set.
    n_baskets, n_entries : int
        Baskets, empty ones included, and distinct items in them, all baskets together.
    n_duplicates : int
        Lines whose item was in the same basket already; they count once.
    ignored : mapping of str to int
        Lines that were left out, by reason: ``return``, ``no_units``, ``missing_order_id``,
        ``missing_item_id``.
    n_empty : int
        Baskets without an item.
    giant_above : int or None
        From how many items on a basket counts as giant: more than these.
    n_giant : int
        Giant baskets.
    largest : int
        Items in the largest basket that was kept.
    removed : ndarray
        Baskets with more than `max_items` items, which were left out: their order IDs where
        there are any, else their positions from 0.
    notes : tuple of str
        What else was done, such as items that have no category.

    Examples
    --------
    >>> from userportrait.patterns import Baskets
    >>> print(Baskets.from_lists([["tea", "tea", "pot"], ["tea", None], []]).report)
    Baskets from lists
    lines read                          5
    ignored                             1
      missing_item_id                   1  no item
    collapsed                           1  the same item again in a basket
    entries kept                        3
    baskets                             3
      empty                             1
      largest                           2  items
    """

    source: str
    n_lines: int
    n_baskets: int
    n_entries: int
    n_duplicates: int = 0
    ignored: Mapping[str, int] = field(default_factory=dict[str, int])
    n_empty: int = 0
    giant_above: int | None = None
    n_giant: int = 0
    largest: int = 0
    removed: NDArray[Any] = field(default_factory=_no_baskets)
    notes: tuple[str, ...] = ()
    _rows: RowRecord | None = field(default=None, repr=False)

    @property
    def n_ignored(self) -> int:
        """Lines that were left out."""
        return sum(self.ignored.values())

    @property
    def n_removed(self) -> int:
        """Baskets that were left out because they have too many items."""
        return len(self.removed)

    def ignored_rows(self, reason: str | None = None) -> Any:
        """Return lines that were left out, as they came.

        Parameters
        ----------
        reason : str, optional
            One of `ignored`; by default all of them.

        Returns
        -------
        frame
            In the library of the input: all its columns, then `row` (position in the input,
            from 0) and `reason`.

        Raises
        ------
        InvalidParameterError
            If no line was left out for this reason.
        InvalidDataError
            If the lines are not at hand: baskets read from lists, matrices, Parquet chunks,
            DuckDB or Spark keep counts only.
        """
        if reason is not None and reason not in self.ignored:
            problem = unknown_name("reason", reason, self.ignored)
            raise InvalidParameterError("BasketReport.ignored_rows", [problem])
        if self._rows is None:
            message = (
                f"the lines of baskets from {self.source} are counted and not kept, so none can "
                f"be read back. Read a pandas, polars or pyarrow frame with from_frame for that."
            )
            raise InvalidDataError(message)
        return self._rows.select(reason)

    def to_frame(self) -> pd.DataFrame:
        """Return one row per figure: `figure` and `n`, as a pandas frame."""
        rows = [(name, n) for name, n, _ in self._figures()]
        names, counts = [name for name, _ in rows], [n for _, n in rows]
        return pd.DataFrame({"figure": names, "n": np.array(counts, dtype=np.int64)})

    def to_dict(self) -> dict[str, Any]:
        """Return the account, without rows, as a dict that JSON can write."""
        return {
            "source": self.source,
            "n_lines": self.n_lines,
            "n_baskets": self.n_baskets,
            "n_entries": self.n_entries,
            "n_duplicates": self.n_duplicates,
            "ignored": dict(self.ignored),
            "n_empty": self.n_empty,
            "giant_above": self.giant_above,
            "n_giant": self.n_giant,
            "n_removed": self.n_removed,
            "largest": self.largest,
            "notes": list(self.notes),
        }

    def _figures(self) -> list[tuple[str, int, str]]:
        rows = [("lines read", self.n_lines, ""), ("ignored", self.n_ignored, "")]
        rows += [(f"  {why}", n, REASONS.get(why, "")) for why, n in self.ignored.items()]
        rows.append(("collapsed", self.n_duplicates, "the same item again in a basket"))
        rows += [("entries kept", self.n_entries, ""), ("baskets", self.n_baskets, "")]
        rows.append(("  empty", self.n_empty, ""))
        if self.n_giant:
            rows.append(("  giant", self.n_giant, f"more than {self.giant_above:,} items"))
        rows.append(("  largest", self.largest, "items"))
        if self.n_removed:
            rows.append(("baskets removed", self.n_removed, "more items than max_items"))
        return rows

    def __str__(self) -> str:
        lines = [f"Baskets from {self.source}"]
        lines += [f"{n:<26}{c:>11,}{'  ' + w if w else ''}" for n, c, w in self._figures()]
        if self.notes:
            lines += ["notes", *(f"  {note}" for note in self.notes)]
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        rows = [(name.strip(), f"{n:,}", what) for name, n, what in self._figures()]
        parts = [table(("", "count", "meaning"), rows, numeric=("count",))]
        if self.notes:
            parts.append(table(("notes",), [(note,) for note in self.notes]))
        kept = format_count(self.n_baskets, "basket")
        return page_fragment(f"Baskets from {self.source}: {kept}", *parts)
