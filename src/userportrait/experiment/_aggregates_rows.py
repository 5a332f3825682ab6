"""From rows that a database has summed to aggregates."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, cast

import numpy as np

from userportrait._core import frames
from userportrait.errors import InvalidDataError, MissingColumnError
from userportrait.experiment._aggregates import Aggregates
from userportrait.experiment._aggregates_frames import distinct_columns, pairs_of
from userportrait.experiment._aggregates_keys import NO_LABEL, label_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray

    from userportrait.experiment._moments import Column
    from userportrait.typing import IntoFrame

    Floats: TypeAlias = NDArray[np.float64]
    Rows: TypeAlias = Iterable[Mapping[str, Any]] | IntoFrame

__all__ = ["aggregate_rows"]

_ROUNDING = 1e-9


def aggregate_rows(
    rows: Rows,
    columns: Sequence[str | Column],
    *,
    variant: str,
    by: Sequence[str],
    together: Sequence[Sequence[str | Column]] | None,
    form: Literal["centred", "sums"],
    shift: Mapping[str, float],
) -> Aggregates:
    """Do what `Aggregates.from_rows` and `Aggregates.from_sums` say."""
    asked = distinct_columns(columns)
    names = tuple(column.name for column in asked)
    by = (by,) if isinstance(by, str) else tuple(by)
    pairs = pairs_of(asked, together)
    two_names: list[tuple[str, str]] = [(names[i], names[j]) for i, j in _places(pairs)]
    given = _mappings(rows)
    for name in shift:
        if name not in names:
            raise MissingColumnError(name, names, "shift")
    keys = tuple(tuple(label_of(_cell(row, name)) for name in (variant, *by)) for row in given)
    for at, key in enumerate(keys):
        if key[0] == NO_LABEL:
            message = f"a row has no label in '{variant}'. Leave units without a variant out."
            raise InvalidDataError(message, column=variant, rows=[at])
    n = np.array([_count(row, at) for at, row in enumerate(given)], dtype=np.int64)
    first, second = ("mean", "cross") if form == "centred" else ("sum", "sum")
    sums = [
        [_number(row, f"{first}_{c}", at, n[at]) for c in names] for at, row in enumerate(given)
    ]
    two = [
        [_product(row, second, a, b, at, n[at]) for a, b in two_names]
        for at, row in enumerate(given)
    ]
    singles = np.array(sums, dtype=np.float64).reshape(len(n), len(names))
    products = np.array(two, dtype=np.float64).reshape(len(n), pairs.shape[1])
    if form == "centred":
        origin = _middle(singles, n)
        offsets = np.where(n[:, None] > 0, singles - origin, 0.0)
        cross = products
    else:
        origin = np.array([shift.get(name, 0.0) for name in names], dtype=np.float64)
        offsets = singles / np.maximum(n, 1)[:, None]
        cross = products - singles[:, pairs[0]] * offsets[:, pairs[1]]
    _check_squares(cross, products, pairs, names, form)
    return Aggregates.merge_all([
        Aggregates(
            names, by, keys, n, origin, offsets, pairs, cross,
            np.zeros((len(n), len(names)), dtype=np.int64), np.zeros(len(n), dtype=np.int64),
        )
    ])  # fmt: skip


def _places(pairs: NDArray[np.intp]) -> list[list[int]]:
    found: list[list[int]] = pairs.T.tolist()
    return found


def _mappings(rows: Rows) -> list[Mapping[str, Any]]:
    """Return rows as mappings; a frame's rows too."""
    if not hasattr(rows, "collect_schema") and not hasattr(rows, "columns"):
        return [cast("Mapping[str, Any]", row) for row in cast("Iterable[Any]", rows)]
    inner = frames.enter(rows, argument="rows")
    names = frames.column_names(inner)
    arrays = frames.collect_arrays(inner, names)
    cells = zip(*(arrays[name].tolist() for name in names), strict=True)
    return [dict(zip(names, row, strict=True)) for row in cells]


def _middle(means: Floats, n: NDArray[np.int64]) -> Floats:
    at = np.flatnonzero(n > 0)
    zeros: Floats = np.zeros(len(means.T))
    return means[int(at[0])] if len(at) else zeros


def _cell(row: Mapping[str, Any], name: str) -> Any:
    if not isinstance(cast("Any", row), Mapping):
        message = f"each row must be a mapping of names to values; got {type(row).__name__}."
        raise InvalidDataError(message)
    if name not in row:
        raise MissingColumnError(name, row)
    return row[name]


def _count(row: Mapping[str, Any], at: int) -> int:
    value = _cell(row, "n")
    try:
        number = float(value)
    except (TypeError, ValueError):
        number = np.nan
    if not (number >= 0 and number.is_integer()):
        message = f"column 'n' must hold whole numbers of units, 0 or more; got {value!r}."
        raise InvalidDataError(message, column="n", rows=[at])
    return int(value)


def _number(row: Mapping[str, Any], name: str, at: int, n: int) -> float:
    value = _cell(row, name)
    if n == 0:
        return 0.0  # a sum over no rows is null in SQL
    try:
        number = float("nan") if value is None else float(value)
    except (TypeError, ValueError):
        number = float("nan")
    if not np.isfinite(number):
        message = f"column '{name}' must hold finite numbers; got {value!r}."
        raise InvalidDataError(message, column=name, rows=[at])
    return number


def _product(row: Mapping[str, Any], what: str, a: str, b: str, at: int, n: int) -> float:
    name, turned = f"{what}_{a}_{b}", f"{what}_{b}_{a}"
    return _number(row, turned if name not in row and turned in row else name, at, n)


def _check_squares(
    cross: Floats, products: Floats, pairs: NDArray[np.intp], names: Sequence[str], form: str
) -> None:
    """Refuse sums of squares below 0; what rounding alone has made negative becomes 0."""
    for k in np.flatnonzero(pairs[0] == pairs[1]).tolist():
        bad = cross[:, k] < -_ROUNDING * np.abs(products[:, k])
        if form == "centred":
            bad = cross[:, k] < 0
        where = np.flatnonzero(bad)
        if len(where):
            name = names[int(pairs[0, k])]
            message = (
                f"the sum of squared deviations of '{name}' is negative: its sums are not of the "
                "same rows, or have lost their digits. Give sums of values less a shift."
            )
            raise InvalidDataError(message, column=name, rows=where[:5].tolist())
        cross[:, k] = np.maximum(cross[:, k], 0.0)
