"""What an experiment needs of its data: counts, means and cross products, group by group."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import numpy as np
import pandas as pd

from userportrait._core.state import check_other, pack, unpack
from userportrait.errors import InvalidParameterError, unknown_name
from userportrait.experiment._aggregates_keys import label_of, sorted_keys
from userportrait.experiment._aggregates_panel import Table, regroup
from userportrait.experiment._moments import Column, Moments

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from numpy.typing import NDArray

    from userportrait.typing import IntoFrame, SupportsAggregates

    Floats: TypeAlias = NDArray[np.float64]
    Ints: TypeAlias = NDArray[np.int64]
    Key: TypeAlias = tuple[str, ...]

__all__ = ["Aggregates", "Missing"]

Missing: TypeAlias = Literal["error", "drop", "zero"]
"""What becomes of a missing value: an error, the row is left out, or it counts as 0."""

_KIND, _VERSION = "UPXA", 1


@dataclass(frozen=True, slots=True, eq=False)
class Aggregates:
    """Counts, means and centred cross products by variant, and by segment or day.

    Everything that a metric of moments needs. Aggregates of different rows merge, so that a
    day is added without reading the days before.

    Parameters
    ----------
    columns : tuple of str
        Names of the numbers, p of them.
    by : tuple of str
        Columns besides the variant that cut the groups, such as a segment or a day.
    keys : tuple of tuple of str
        The variant and the labels of `by` of each group, sorted, g of them.
    n : ndarray of shape (g,)
        Units in each group.
    origin : ndarray of shape (p,)
        Any numbers near the means.
    offsets : ndarray of shape (g, p)
        Means less the origin, which keeps digits that a large mean has no room for.
    pairs : ndarray of shape (2, q)
        Positions of the columns whose cross products are known.
    cross : ndarray of shape (g, q)
        Sums of products of deviations from the group's means.
    filled : ndarray of shape (g, p)
        Missing values that were counted as 0.
    dropped : ndarray of shape (g,)
        Rows left out because a value was missing.

    See Also
    --------
    Moments : One group of it.

    Examples
    --------
    >>> import pandas as pd
    >>> from userportrait.experiment import Aggregates
    >>> frame = pd.DataFrame({"variant": ["A", "A", "B", "B"], "spend": [1.0, 3.0, 5.0, 9.0]})
    >>> found = Aggregates.from_frame(frame, ["spend"])
    >>> found.variants
    ('A', 'B')
    >>> found.moments("B").mean("spend"), found.moments("B").variance("spend")
    (7.0, 8.0)
    """

    columns: tuple[str, ...]
    by: tuple[str, ...]
    keys: tuple[Key, ...]
    n: Ints
    origin: Floats
    offsets: Floats
    pairs: NDArray[np.intp]
    cross: Floats
    filled: Ints
    dropped: Ints

    @classmethod
    def from_frame(
        cls,
        frame: IntoFrame,
        columns: Sequence[str | Column],
        *,
        variant: str = "variant",
        by: Sequence[str] = (),
        together: Sequence[Sequence[str | Column]] | None = None,
        missing: Missing = "error",
    ) -> Aggregates:
        """Aggregate a frame in one pass.

        Parameters
        ----------
        frame : frame
            One row for each unit that was assigned, such as a customer.
        columns : sequence of str or Column
            The numbers to aggregate; booleans count as 0 and 1.
        variant : str, default='variant'
            The column that says which arm a unit was in; labels of any type become texts.
        by : sequence of str, default=()
            Further columns to group by. A missing label becomes ``'(missing)'``.
        together : sequence of sequence of str or Column, optional
            Which columns are needed together: cross products are kept within each of these
            only. All of them by default.
        missing : {'error', 'drop', 'zero'}, default='error'
            What becomes of null and NaN: an error that counts them, the row is left out, or
            the value counts as 0.

        Raises
        ------
        MissingColumnError
            If a column is not there.
        ColumnTypeError
            If a column holds no numbers.
        InvalidDataError
            If a unit has no variant, a value is infinite, or (by default) missing.
        """
        from userportrait.experiment._aggregates_frames import aggregate_frame

        return aggregate_frame(
            frame, columns, variant=variant, by=by, together=together, missing=missing
        )

    @classmethod
    def from_rows(
        cls,
        rows: Iterable[Mapping[str, Any]] | IntoFrame,
        columns: Sequence[str | Column],
        *,
        variant: str = "variant",
        by: Sequence[str] = (),
        together: Sequence[Sequence[str | Column]] | None = None,
    ) -> Aggregates:
        """Take rows that a database has aggregated, one for each group.

        Parameters
        ----------
        rows : iterable of mapping, or frame
            The variant and the columns of `by`; ``n``, the units; for each column ``mean_NAME``;
            for each pair of columns, and each with itself, ``cross_NAME_NAME`` in any order: the
            sum of products of deviations from the group's means, which is ``n`` times SQL's
            ``covar_pop``. Rows of one group merge.
        columns : sequence of str or Column
            The columns that were aggregated.
        variant, by, together
            As in `from_frame`.

        Raises
        ------
        MissingColumnError
            If a row lacks a name.
        InvalidDataError
            If a count is not a whole number, a number is missing or not finite, or a sum of
            squares is negative.

        Examples
        --------
        >>> from userportrait.experiment import Aggregates
        >>> rows = [
        ...     {"variant": "A", "n": 2, "mean_spend": 2.0, "cross_spend_spend": 2.0},
        ...     {"variant": "B", "n": 2, "mean_spend": 7.0, "cross_spend_spend": 8.0},
        ... ]
        >>> Aggregates.from_rows(rows, ["spend"]).moments("B").variance("spend")
        8.0
        """
        from userportrait.experiment._aggregates_rows import aggregate_rows

        return aggregate_rows(
            rows, columns, variant=variant, by=by, together=together, form="centred", shift={}
        )

    @classmethod
    def from_sums(
        cls,
        rows: Iterable[Mapping[str, Any]] | IntoFrame,
        columns: Sequence[str | Column],
        *,
        variant: str = "variant",
        by: Sequence[str] = (),
        together: Sequence[Sequence[str | Column]] | None = None,
        shift: Mapping[str, float] | None = None,
    ) -> Aggregates:
        """Take plain sums and sums of products, one row for each group.

        Sums of squares of values whose mean is large beside their spread have lost digits
        before they arrive; sum values less a `shift` near the mean, or use `from_rows`.

        Parameters
        ----------
        rows : iterable of mapping, or frame
            As in `from_rows`, but with ``sum_NAME`` and ``sum_NAME_NAME``.
        columns, variant, by, together
            As in `from_rows`.
        shift : mapping of str to float, optional
            What was subtracted from each value of a column before it was summed; 0 by default.

        Raises
        ------
        MissingColumnError, InvalidDataError
            As `from_rows`.

        Examples
        --------
        >>> from userportrait.experiment import Aggregates
        >>> rows = [{"variant": "A", "n": 2, "sum_spend": 4.0, "sum_spend_spend": 10.0}]
        >>> Aggregates.from_sums(rows, ["spend"]).moments("A").variance("spend")
        2.0
        """
        from userportrait.experiment._aggregates_rows import aggregate_rows

        return aggregate_rows(
            rows, columns, variant=variant, by=by, together=together, form="sums",
            shift=shift or {},
        )  # fmt: skip

    @classmethod
    def from_store(
        cls,
        store: SupportsAggregates,
        columns: Sequence[str | Column],
        *,
        variant: str = "variant",
        by: Sequence[str] = (),
        together: Sequence[Sequence[str | Column]] | None = None,
    ) -> Aggregates:
        """Ask a store of your own; see `userportrait.typing.SupportsAggregates`.

        Parameters
        ----------
        store : SupportsAggregates
        columns, variant, by, together
            As in `from_rows`. A derived column is asked for by its name, such as
            ``'spend above 0'``.

        Raises
        ------
        MissingColumnError, InvalidDataError
            As `from_rows`.
        """
        named = [c if isinstance(c, str) else c.name for c in columns]
        labels = [by] if isinstance(by, str) else list(by)
        rows = store.read_aggregates(named, variant=variant, by=labels)
        return cls.from_rows(rows, columns, variant=variant, by=labels, together=together)

    @property
    def means(self) -> Floats:
        """Means of the columns in each group, of shape (g, p); NaN where it has no unit."""
        return np.where(self.n[:, None] > 0, self.origin + self.offsets, np.nan)

    @property
    def variants(self) -> tuple[str, ...]:
        """The arms, sorted; numbers by their size."""
        return tuple(dict.fromkeys(key[0] for key in self.keys))

    def groups(self) -> tuple[Key, ...]:
        """Return the distinct labels of `by`, sorted; one empty tuple where there is no `by`."""
        return sorted_keys({key[1:] for key in self.keys})

    def count(self, variant: object) -> int:
        """Return the units of a variant."""
        return int(self.n[self._rows_of(variant, {})].sum())

    def moments(self, variant: object, **by: object) -> Moments:
        """Return the moments of a variant, or of one of its groups.

        Parameters
        ----------
        variant : object
            Its label; ``1`` and ``'1'`` are the same.
        **by : object
            Labels of columns of `by`; groups that differ in the others are merged.

        Returns
        -------
        Moments
            Without units where the variant has no such group. Cross products that were not
            asked for are NaN.

        Raises
        ------
        InvalidParameterError
            If there is no such variant, or no such column in `by`.
        """
        rows = self._rows_of(variant, by)
        table = self._table(rows)
        if len(rows) != 1:
            table = regroup(table, np.zeros(len(rows), dtype=np.intp), 1)
        p = len(self.columns)
        cross = np.full((p, p), np.nan)
        i, j = self.pairs
        cross[i, j] = cross[j, i] = table.cross[0]
        means = self.origin + table.offsets[0] if table.n[0] else np.zeros(p)
        return Moments(self.columns, int(table.n[0]), means, cross)

    def collapse(self, by: Sequence[str] = ()) -> Aggregates:
        """Return aggregates by fewer columns; by the variant alone by default."""
        kept = [by] if isinstance(by, str) else list(by)
        self._check_by(kept)
        at = [0, *(1 + self.by.index(name) for name in kept)]
        return self._united([tuple(key[i] for i in at) for key in self.keys], tuple(kept))

    def merge(self, other: Aggregates) -> Aggregates:
        """Return the aggregates of the units of both, which must not overlap.

        Raises
        ------
        InvalidParameterError
            If the other has other columns, or is by other columns.
        """
        return Aggregates.merge_all([self, other])

    @classmethod
    def merge_all(cls, parts: Iterable[Aggregates]) -> Aggregates:
        """Return the aggregates of the units of all parts; see `merge`.

        Raises
        ------
        InvalidParameterError
            If there is no part, or two differ in their columns.
        """
        given = list(parts)
        if not given:
            raise InvalidParameterError("Aggregates.merge_all", ["parts must not be empty."])
        for part in given:
            check_other(Aggregates, part)
        first = given[0]
        rest = [first._aligned(part) for part in given[1:]]  # noqa: SLF001
        all_parts = [first, *rest]
        both = Aggregates(
            first.columns,
            first.by,
            tuple(key for part in all_parts for key in part.keys),
            np.concatenate([part.n for part in all_parts]),
            first.origin,
            np.concatenate([part.offsets for part in all_parts]),
            first.pairs,
            np.concatenate([part.cross for part in all_parts]),
            np.concatenate([part.filled for part in all_parts]),
            np.concatenate([part.dropped for part in all_parts]),
        )
        return both._united(both.keys, both.by)

    def to_frame(self) -> pd.DataFrame:
        """Return one row for each group: labels, ``n`` and the mean of each column."""
        names = ("variant", *self.by)
        labels = {name: [key[i] for key in self.keys] for i, name in enumerate(names)}
        means = {f"mean of {name}": self.means[:, i] for i, name in enumerate(self.columns)}
        return pd.DataFrame({**labels, "n": self.n, **means})

    def to_bytes(self) -> bytes:
        """Serialise; nothing in it is code."""
        labels = np.array([label for key in self.keys for label in key], dtype=object)
        tables = {
            "keys": {"label": labels},
            "groups": {"n": self.n, "dropped": self.dropped},
            "origin": {"origin": self.origin},
            "values": {"offset": self.offsets.ravel(), "filled": self.filled.ravel()},
            "pairs": {"first": self.pairs[0], "second": self.pairs[1]},
            "cross": {"cross": self.cross.ravel()},
        }
        facts = {"columns": list(self.columns), "by": list(self.by)}
        return pack(_KIND, _VERSION, facts, tables)

    @classmethod
    def from_bytes(cls, payload: bytes) -> Aggregates:
        """Read what `to_bytes` wrote.

        Raises
        ------
        InvalidDataError
            If the bytes are something else, damaged, or of a later version.
        """
        _, facts, tables = unpack(payload, _KIND, _VERSION, "table of aggregates")
        columns, by = tuple(facts["columns"]), tuple(facts["by"])
        n = tables["groups"]["n"]
        g, p, width = len(n), len(columns), 1 + len(by)
        labels = tables["keys"]["label"].tolist()
        keys = tuple(tuple(labels[i * width : (i + 1) * width]) for i in range(g))
        pairs = np.array([tables["pairs"]["first"], tables["pairs"]["second"]], dtype=np.intp)
        return cls(
            columns,
            by,
            keys,
            n,
            tables["origin"]["origin"],
            tables["values"]["offset"].reshape(g, p),
            pairs,
            tables["cross"]["cross"].reshape(g, pairs.shape[1]),
            tables["values"]["filled"].reshape(g, p),
            tables["groups"]["dropped"],
        )

    def __repr__(self) -> str:
        parts = [f"{self.count(name):,} of {name!r}" for name in self.variants]
        cut = f" by {', '.join(self.by)}" if self.by else ""
        numbers = "1 column" if len(self.columns) == 1 else f"{len(self.columns)} columns"
        return f"<Aggregates{cut} of {numbers}: {', '.join(parts)}>"

    # --- inside ------------------------------------------------------------------------

    def _table(self, rows: NDArray[np.intp] | slice = slice(None)) -> Table:
        return Table(self.n[rows], self.offsets[rows], self.cross[rows], self.pairs)

    def _check_by(self, names: Sequence[str]) -> None:
        problems = [unknown_name("column of by", n, self.by) for n in names if n not in self.by]
        if problems:
            raise InvalidParameterError("Aggregates", problems)

    def _rows_of(self, variant: object, by: dict[str, object]) -> NDArray[np.intp]:
        label = label_of(variant)
        if label not in self.variants:
            raise InvalidParameterError(
                "Aggregates", [unknown_name("variant", label, self.variants)]
            )
        self._check_by(list(by))
        wanted = {0: label} | {1 + self.by.index(n): label_of(v) for n, v in by.items()}
        fits = [all(key[i] == v for i, v in wanted.items()) for key in self.keys]
        return np.flatnonzero(fits)

    def _aligned(self, other: Aggregates) -> Aggregates:
        """Return the other with its columns and pairs in this one's order."""
        same = other.columns == self.columns and other.by == self.by
        if same and np.array_equal(other.pairs, self.pairs):
            return replace(
                other, origin=self.origin, offsets=other.offsets + (other.origin - self.origin)
            )
        if set(other.columns) != set(self.columns) or set(other.by) != set(self.by):
            message = (
                f"both must have the same columns and by; got {_shown(self.columns)} by "
                f"{_shown(self.by)}, and {_shown(other.columns)} by {_shown(other.by)}."
            )
            raise InvalidParameterError("Aggregates.merge", [message])
        at = [other.columns.index(name) for name in self.columns]
        key_at = [0, *(1 + other.by.index(name) for name in self.by)]
        place = {pair: k for k, pair in enumerate(other._named_pairs())}
        mine = self._named_pairs()
        if set(mine) != set(place):
            message = "one lacks cross products that the other has; aggregate both alike."
            raise InvalidParameterError("Aggregates.merge", [message])
        cross = other.cross[:, [place[pair] for pair in mine]]
        keys = tuple(tuple(key[i] for i in key_at) for key in other.keys)
        offsets = other.offsets[:, at] + (other.origin[at] - self.origin)
        return Aggregates(
            self.columns, self.by, keys, other.n, self.origin, offsets, self.pairs, cross,
            other.filled[:, at], other.dropped,
        )  # fmt: skip

    def _named_pairs(self) -> list[frozenset[str]]:
        pairs: list[list[int]] = self.pairs.T.tolist()
        return [frozenset((self.columns[i], self.columns[j])) for i, j in pairs]

    def _united(self, keys: Sequence[Key], by: tuple[str, ...]) -> Aggregates:
        """Return groups merged where their new keys are equal."""
        distinct = sorted_keys(set(keys))
        place = {key: i for i, key in enumerate(distinct)}
        codes = np.array([place[key] for key in keys], dtype=np.intp)
        table = regroup(self._table(), codes, len(distinct))
        filled = np.zeros((len(distinct), len(self.columns)), dtype=np.int64)
        np.add.at(filled, codes, self.filled)
        dropped = np.zeros(len(distinct), dtype=np.int64)
        np.add.at(dropped, codes, self.dropped)
        return Aggregates(
            self.columns, by, distinct, table.n, self.origin, table.offsets, table.pairs,
            table.cross, filled, dropped,
        )  # fmt: skip


def _shown(names: Sequence[str]) -> str:
    return ", ".join(f"'{name}'" for name in names) or "nothing"
