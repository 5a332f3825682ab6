"""The private vocabulary over dataframes: one documented meaning for each word on every engine.

No other module imports narwhals. Every function here has a test against a table worked out
by hand, on every engine that is installed.
"""

from __future__ import annotations

from userportrait._core.frames._aggregate import (
    Aggregation,
    aggregate,
    count_missing,
    count_rows,
    extremes,
    spans,
)
from userportrait._core.frames._arrays import (
    collect_arrays,
    collect_columns,
    collect_keyed,
    from_arrays,
    label_column,
    to_pandas,
    values_of,
)
from userportrait._core.frames._columns import (
    keep_rows_until,
    name_columns,
    select_columns,
    sort_rows,
    with_any_negative,
    with_choice,
    with_day_number,
    with_epoch_micros,
    with_minor_units,
    with_null_where,
    with_product,
    with_zero_for_missing,
)
from userportrait._core.frames._engine import (
    ENGINES,
    Engine,
    Frame,
    column_kinds,
    column_names,
    enter,
    lazily,
    leave,
)
from userportrait._core.frames._ids import unfit_ids, with_category_values, with_whole_ids

__all__ = [
    "ENGINES",
    "Aggregation",
    "Engine",
    "Frame",
    "aggregate",
    "collect_arrays",
    "collect_columns",
    "collect_keyed",
    "column_kinds",
    "column_names",
    "count_missing",
    "count_rows",
    "enter",
    "extremes",
    "from_arrays",
    "keep_rows_until",
    "label_column",
    "lazily",
    "leave",
    "name_columns",
    "select_columns",
    "sort_rows",
    "spans",
    "to_pandas",
    "unfit_ids",
    "values_of",
    "with_any_negative",
    "with_category_values",
    "with_choice",
    "with_day_number",
    "with_epoch_micros",
    "with_minor_units",
    "with_null_where",
    "with_product",
    "with_whole_ids",
    "with_zero_for_missing",
]
