"""What filters know of items and customers: tables by ID, read once from frames and mappings."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, replace
from typing import TYPE_CHECKING, Any, TypeVar, cast
from weakref import WeakKeyDictionary

import numpy as np
import pandas as pd

from userportrait._core import frames
from userportrait._core.coding import code_values
from userportrait._core.columns import TextColumn, column_from
from userportrait._core.display import format_count
from userportrait.data._roles import Role, RoleKind, check_present
from userportrait.data._tables import Table
from userportrait.errors import InvalidDataError, InvalidParameterError
from userportrait.recommend._interactions import places_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from numpy.typing import NDArray

    from userportrait._core.columns import Column
    from userportrait.recommend._interactions import Interactions

__all__ = ["FilterValue", "KeyedLists", "KeyedTable", "label_codes", "read_lists", "read_table"]

_T = TypeVar("_T")
_SHOWN = 5


class FilterValue:
    """What all filters share: a short `repr`, and answers kept for each model's interactions."""

    def kept(self, data: Interactions, make: Callable[[], _T]) -> _T:
        """Return what `make` returns, which is asked once for the same interactions."""
        memo: WeakKeyDictionary[Interactions, _T] = self.__dict__.setdefault(
            "_memo", WeakKeyDictionary()
        )
        found = memo.get(data)
        if found is None:
            found = memo[data] = make()
        return found

    def set(self, name: str, value: Any) -> None:
        """Set a field of a frozen dataclass, while it is being made."""
        object.__setattr__(self, name, value)

    def __getstate__(self) -> dict[str, Any]:
        return {name: part for name, part in self.__dict__.items() if name != "_memo"}

    def __repr__(self) -> str:
        shown: list[str] = []
        defaults: dict[str, Any] = {part.name: part.default for part in fields(cast("Any", self))}
        for name, default in defaults.items():
            value = getattr(self, name)
            if value != default:
                shown.append(f"{name}={_short(value)}")
        return f"{type(self).__name__}({', '.join(shown)})"


def _short(value: Any) -> str:
    given: Any = value
    if isinstance(value, tuple) and len(given) > _SHOWN:
        listed = ", ".join(map(repr, given[:_SHOWN]))
        return f"({listed}, … {len(given) - _SHOWN:,} more)"
    return repr(given)


class _Keyed:
    """Rows by sorted IDs."""

    def __init__(self, ids: NDArray[Any], key: str) -> None:
        self.ids = ids
        self.key = key
        self._memo: WeakKeyDictionary[Interactions, NDArray[np.intp]] = WeakKeyDictionary()
        self._places: dict[str, int] | None = None

    def places(self, wanted: Iterable[Any]) -> NDArray[np.intp]:
        """Return the row of each ID, -1 for one that is not there."""
        return places_of(self.ids, wanted, self._table)

    def _table(self) -> Mapping[str, int]:
        if self._places is None:
            self._places = {text: row for row, text in enumerate(self.ids.tolist())}
        return self._places

    def __getstate__(self) -> dict[str, Any]:
        return {name: part for name, part in self.__dict__.items() if not name.startswith("_")}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._memo = WeakKeyDictionary()
        self._places = None

    def __len__(self) -> int:
        return len(self.ids)

    def __hash__(self) -> int:
        return hash((self.key, len(self.ids), *self.ids[:_SHOWN].tolist()))


class KeyedTable(_Keyed):
    """One row of values for each item or customer.

    Parameters
    ----------
    ids : ndarray
        Sorted; int64, or objects that are texts.
    columns : mapping of str to column
    key : str
        ``'item_id'`` or ``'customer_id'``.
    """

    def __init__(self, ids: NDArray[Any], columns: Mapping[str, Column], key: str) -> None:
        super().__init__(ids, key)
        self.columns: dict[str, Column] = dict(columns)

    def number(self, name: str) -> NDArray[np.float64]:
        """Return a column of numbers and, as the last value, NaN: for unknown rows, -1."""
        column: Any = self.columns.get(name)
        if column is None or isinstance(column, TextColumn):  # without a single value
            return np.full(len(self) + 1, np.nan)
        values = np.append(np.asarray(column.values, dtype=np.float64), np.nan)
        values[:-1][~column.known] = np.nan
        return values

    def for_items(self, data: Interactions) -> NDArray[np.intp]:
        """Return the row of each item of the model, -1 for one that is not in the table.

        Raises
        ------
        InvalidDataError
            If the item IDs are texts here and whole numbers there, or the reverse.
        """
        found = self._memo.get(data)
        if found is None:
            check_same_kind(self.ids, data.item_ids, "item_id")
            found = self._memo[data] = self.places(data.item_ids)
        return found

    def count_unknown(self, data: Interactions) -> int:
        """Return how many items of the table the model does not know."""
        return len(self) - int(np.count_nonzero(self.for_items(data) >= 0))

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, KeyedTable)
            and np.array_equal(self.ids, other.ids)
            and self.columns.keys() == other.columns.keys()
            and all(self.columns[n].to_list() == other.columns[n].to_list() for n in self.columns)
        )

    def __hash__(self) -> int:
        return super().__hash__()

    def __repr__(self) -> str:
        noun = self.key.removesuffix("_id")
        if len(self) > _SHOWN or self.key == "customer_id" or len(self.columns) != 1:
            return f"<{format_count(len(self), noun)}: {', '.join(self.columns)}>"
        (column,) = self.columns.values()
        return repr(dict(zip(self.ids.tolist(), column.to_list(), strict=True)))


class KeyedLists(_Keyed):
    """A list of items or labels for each customer.

    Parameters
    ----------
    ids : ndarray
        Customers, sorted.
    indptr, codes : ndarray of int
        Codes of the values of each customer, ascending.
    values : ndarray
        Distinct values, sorted.
    """

    def __init__(
        self,
        ids: NDArray[Any],
        indptr: NDArray[np.intp],
        codes: NDArray[np.int32],
        values: NDArray[Any],
    ) -> None:
        super().__init__(ids, "customer_id")
        self.indptr = indptr
        self.codes = codes
        self.values = values

    def rows_of(
        self, customers: NDArray[Any]
    ) -> tuple[NDArray[np.bool_], NDArray[np.intp], NDArray[np.int32]]:
        """Return who is in the table, and the lists of customers: row by row, the codes."""
        place = self.places(customers)
        inside = place >= 0
        starts = np.where(inside, self.indptr[place], 0)
        sizes = np.where(inside, self.indptr[place + 1] - starts, 0)
        row = np.repeat(np.arange(len(place)), sizes)
        before = np.cumsum(sizes) - sizes
        at = np.arange(len(row)) + np.repeat(starts - before, sizes)
        return inside, row, self.codes[at]

    def columns_in(self, data: Interactions) -> NDArray[np.intp]:
        """Return the column of each value, an item, in the model; -1 for an unknown one."""
        found = self._memo.get(data)
        if found is None:
            check_same_kind(self.values, data.item_ids, "item_id")
            found = self._memo[data] = data.item_places(self.values)
        return found

    def __eq__(self, other: object) -> bool:
        return isinstance(other, KeyedLists) and all(
            np.array_equal(getattr(self, name), getattr(other, name))
            for name in ("ids", "indptr", "codes", "values")
        )

    def __hash__(self) -> int:
        return super().__hash__()

    def __repr__(self) -> str:
        customers = format_count(len(self), "customer")
        return f"<{customers}, {format_count(len(self.codes), 'pair')}>"


def label_codes(column: Column) -> tuple[NDArray[np.int32], tuple[Any, ...]]:
    """Return each row's label as a number, -1 where unknown, and the labels."""
    if isinstance(column, TextColumn):
        return column.codes, column.labels
    labels, codes = np.unique(column.values, return_inverse=True)
    return np.where(column.known, codes, -1).astype(np.int32), tuple(labels.tolist())


def check_same_kind(ids: NDArray[Any], others: NDArray[Any], column: str) -> None:
    """Raise `InvalidDataError` if one side has texts and the other whole numbers."""
    if len(ids) and len(others) and ids.dtype != others.dtype:
        kinds = ["texts" if part.dtype == object else "whole numbers" for part in (ids, others)]
        message = (
            f"'{column}' holds {kinds[0]} in the filter and {kinds[1]} in the model. Convert one "
            f"of them."
        )
        raise InvalidDataError(message, column=column)


def read_table(
    value: Any,
    columns: Mapping[str, RoleKind],
    owner: str,
    *,
    key: str = "item_id",
    optional: Iterable[str] = (),
) -> KeyedTable:
    """Read values by ID.

    Parameters
    ----------
    value : mapping, Series, Table or frame
        A mapping, or a Series by its index, gives the first of `columns`; a frame has the key
        and the columns.
    columns : mapping of str to str
        What each column must hold: ``'number'``, ``'label'`` or ``'any'``.
    owner : str
        The filter, for messages.
    key : {'item_id', 'customer_id'}
    optional : iterable of str
        Columns that may be missing; they are unknown everywhere then.

    Raises
    ------
    MissingColumnError, ColumnTypeError, InvalidDataError
        If a column is missing or has another type, or an ID is missing or comes twice.
    """
    if isinstance(value, KeyedTable):
        return value
    frame = _as_frame(value, key, next(iter(columns)), owner)
    may_miss = set(optional)
    roles = [Role(key, "id", f"the {key.removesuffix('_id')}", required=True)]
    roles += [
        Role(name, kind, "what the filter goes by", required=name not in may_miss)
        for name, kind in columns.items()
    ]
    found = _settled(frame, roles, owner, unique=key)
    codes, ids = code_values(found[key])
    row = np.empty(len(ids), dtype=np.intp)
    row[codes] = np.arange(len(codes))
    made = {
        name: column_from(pd.Series(found[name])).take(row) for name in columns if name in found
    }
    return KeyedTable(ids, made, key)


def read_lists(value: Any, other: str, kind: RoleKind, owner: str) -> KeyedLists:
    """Read pairs of a customer and an item or label.

    Parameters
    ----------
    value : mapping, Table or frame
        A mapping of customer to list, or a frame with `customer_id` and `other`.
    other : str
    kind : {'id', 'label'}
    owner : str
        The filter, for messages.
    """
    if isinstance(value, KeyedLists):
        return value
    given: Any = value
    if isinstance(value, Mapping):
        given = _long(given, other, owner)
    roles = [Role("customer_id", "id", "the customer", required=True)]
    roles.append(Role(other, kind, "what the customer's list holds", required=True))
    found = _settled(given, roles, owner, unique=None)
    customer, ids = code_values(found["customer_id"])
    if kind == "id":
        code, values = code_values(found[other])
    else:
        code, labels = label_codes(column_from(pd.Series(found[other])))
        values = np.empty(len(labels), dtype=object)
        values[:] = labels
    n = max(len(values), 1)
    key = np.unique(customer.astype(np.int64) * n + code)
    indptr = np.searchsorted(key, np.arange(len(ids) + 1) * n)
    return KeyedLists(ids, indptr, (key % n).astype(np.int32), values)


def _as_frame(value: Any, key: str, column: str, owner: str) -> Any:
    given: Any = value
    if isinstance(value, pd.Series):
        return pd.DataFrame({key: given.index, column: given.to_numpy()})
    if isinstance(value, Mapping):
        names = pd.Series(list(given), dtype=None if given else object)
        values = pd.Series(list(given.values()), dtype=None if given else object)
        return pd.DataFrame({key: names, column: values})
    if isinstance(value, (str, bytes, int, float)) or value is None:
        problem = f"a mapping or a frame by {key} is needed; got {type(value).__name__}."
        raise InvalidParameterError(owner, [problem])
    return given


def _long(value: Mapping[Any, Any], other: str, owner: str) -> pd.DataFrame:
    customers: list[Any] = []
    others: list[Any] = []
    for customer, listed in value.items():
        if isinstance(listed, (str, bytes)) or not hasattr(listed, "__iter__"):
            problem = f"each customer needs a list; got {type(listed).__name__}."
            raise InvalidParameterError(owner, [problem])
        items = list(listed)
        customers += [customer] * len(items)
        others += items
    return pd.DataFrame({"customer_id": pd.Series(customers), other: pd.Series(others)})


def _settled(value: Any, roles: list[Role], owner: str, *, unique: str | None) -> dict[str, Any]:
    """Return the columns of a frame, checked as those of a table are; none of them need a row."""
    frame = frames.enter(value.frame if isinstance(value, Table) else value, argument=owner)
    names = frames.column_names(frame)
    check_present(owner, roles, names)
    wanted = [role.name for role in roles if role.name in names]
    if len(wanted) == len(roles) and frames.count_rows(frame) == 0:
        return {name: np.empty(0, dtype=object) for name in wanted}
    if unique is not None:  # a value that is missing is no fault
        roles = [replace(role, required=role.name == unique) for role in roles]
    table_class = type(owner, (Table,), {"_roles": tuple(roles), "_unique": unique})
    table: Table = table_class(frames.leave(frame))
    return dict(frames.collect_columns(frames.enter(table.frame), wanted))
