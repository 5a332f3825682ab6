"""From frames in memory to panels of rows, the same on every engine, without a copy of all."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any, TypeAlias, cast

import numpy as np
import pandas as pd

from userportrait._core import frames
from userportrait._core.coding import look_up_keys
from userportrait.experiment._aggregates_keys import label_of
from userportrait.experiment._aggregates_panel import PANEL_ROWS
from userportrait.experiment._aggregates_scan import Labels, Panel

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    Floats: TypeAlias = NDArray[np.float64]

__all__ = ["panels_of"]


def panels_of(native: Any, labels: Sequence[str], sources: Sequence[str]) -> Iterator[Panel]:
    """Yield panels of `PANEL_ROWS` rows, the last one shorter; one empty panel for no rows.

    Parameters
    ----------
    native : frame
        A pandas or polars frame (eager or lazy) or a pyarrow table.
    labels, sources : sequence of str
        Columns of labels and of numbers.
    """
    chosen = list(dict.fromkeys([*labels, *sources]))
    for rows in _slices(native, chosen):
        pandas = isinstance(rows, pd.DataFrame)
        read_labels, read_numbers = (
            (_pandas_labels, _pandas_numbers) if pandas else (_polars_labels, _polars_numbers)
        )
        yield Panel(
            [read_labels(rows[name]) for name in labels],
            {name: read_numbers(rows[name]) for name in sources},
        )


def _slices(native: Any, chosen: Sequence[str]) -> Iterator[Any]:
    """Yield pandas or polars frames of so many rows."""
    if isinstance(native, pd.DataFrame):
        rows = native.loc[:, list(chosen)] if len(chosen) < len(native.columns) else native
        for start in _starts(len(rows)):
            yield rows.iloc[start : start + PANEL_ROWS]
        return
    rows = native.select(list(chosen))
    if hasattr(rows, "collect"):
        yield from _lazy_slices(rows)
        return
    is_arrow = not hasattr(rows, "is_duplicated")
    for start in _starts(len(rows)):
        part = rows.slice(start, PANEL_ROWS)
        yield frames.enter(part).native if is_arrow else part


def _starts(n_rows: int) -> range:
    return range(0, max(n_rows, 1), PANEL_ROWS)


def _lazy_slices(rows: Any) -> Iterator[Any]:
    """Yield a lazy polars frame's rows in order, as the streaming engine brings them."""
    pl: Any = import_module("polars")
    if not hasattr(rows, "collect_batches"):  # before polars 1.34
        yield from _slices(rows.collect(), rows.collect_schema().names())
        return
    waiting: Any = None
    for batch in rows.collect_batches(chunk_size=PANEL_ROWS, maintain_order=True):
        waiting = batch if waiting is None else pl.concat([waiting, batch])
        while len(waiting) >= PANEL_ROWS:
            yield waiting.slice(0, PANEL_ROWS)
            waiting = waiting.slice(PANEL_ROWS)
    yield pl.DataFrame(schema=rows.collect_schema()) if waiting is None else waiting


# --- pandas ------------------------------------------------------------------------------


def _pandas_numbers(series: pd.Series[Any]) -> Floats:
    if series.dtype == np.float64:
        return np.asarray(series)
    return series.to_numpy(dtype=np.float64, na_value=np.nan)


def _pandas_labels(series: pd.Series[Any]) -> Labels:
    dtype: Any = series.dtype
    if isinstance(dtype, pd.CategoricalDtype):
        return Labels(np.asarray(series.cat.codes), _texts(series.cat.categories))
    keys = look_up_keys(series)
    if keys is not None:
        return _whole(*keys)
    codes, distinct = cast("tuple[NDArray[np.intp], Any]", pd.factorize(series))
    return Labels(codes, _texts(distinct))


def _whole(keys: NDArray[np.int64], low: int, span: int) -> Labels:
    return Labels(keys, [str(low + i) for i in range(span + 1)])


def _texts(values: Any) -> list[str]:
    return [label_of(value) for value in values]


# --- polars ------------------------------------------------------------------------------


def _polars_numbers(series: Any) -> Floats:
    return np.asarray(series.cast(import_module("polars").Float64).to_numpy())


def _polars_labels(series: Any) -> Labels:
    pl: Any = import_module("polars")
    if series.dtype.is_integer() and series.null_count() == 0:
        keys = look_up_keys(series.to_numpy())
        if keys is not None:
            return _whole(*keys)
    distinct = series.unique().drop_nulls()
    texts = _texts(distinct.to_list())
    if series.dtype == pl.String:
        codes = series.cast(pl.Enum(distinct)).to_physical()
    else:
        codes = series.replace_strict(distinct, pl.Series(range(len(texts))), default=None)
    codes = codes.cast(pl.Int64).fill_null(-1)
    return Labels(codes.to_numpy(), texts)
