"""Three-valued logic over whole columns."""

from __future__ import annotations

import operator
from dataclasses import dataclass
from functools import reduce
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

import numpy as np

from userportrait._core.columns import BooleanColumn, NumberColumn, TextColumn
from userportrait._core.expression._tree import (
    Among,
    And,
    Between,
    Compare,
    Constant,
    Flag,
    Is,
    Missing,
    Not,
    Or,
    Value,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from numpy.typing import NDArray

    from userportrait._core.columns import Column
    from userportrait._core.expression._tree import Condition, LeafNode, Matches, Operand

__all__ = ["Truth", "evaluate_tree", "is_blank"]

BoolArray: TypeAlias = "NDArray[np.bool_]"
PlainValue: TypeAlias = bool | float | str

_OPERATORS: dict[str, Callable[[Any, Any], Any]] = {
    "=": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


@dataclass(frozen=True, slots=True, eq=False)
class Truth:
    """True, false or unknown for each customer.

    Parameters
    ----------
    true : ndarray of bool
        False where unknown.
    known : ndarray of bool

    Examples
    --------
    >>> import numpy as np
    >>> truth = Truth(np.array([True, False, False]), np.array([True, True, False]))
    >>> truth.to_list()
    [True, False, None]
    """

    true: BoolArray
    known: BoolArray

    def __len__(self) -> int:
        return len(self.true)

    def to_list(self) -> list[bool | None]:
        """Return True, False or None for each customer."""
        pairs = zip(self.true.tolist(), self.known.tolist(), strict=True)
        return [true if known else None for true, known in pairs]


class _Pair(NamedTuple):
    """Where a condition is true and where it is false; elsewhere it is unknown."""

    yes: BoolArray
    no: BoolArray


def evaluate_tree(tree: Condition, columns: Mapping[str, Column], n_rows: int) -> Truth:
    """Return the truth of a condition in each row; names and types are checked already."""
    pair = _evaluate(tree, columns, n_rows)
    return Truth(pair.yes, pair.yes | pair.no)


def is_blank(column: Column) -> bool:
    """Whether a column holds no value at all, so that nothing says what kind it is."""
    return isinstance(column, TextColumn) and not column.labels


def _evaluate(node: Condition, columns: Mapping[str, Column], n_rows: int) -> _Pair:
    match node:
        case And():
            parts = (_evaluate(operand, columns, n_rows) for operand in node.operands)
            return reduce(lambda a, b: _Pair(a.yes & b.yes, a.no | b.no), parts)
        case Or():
            parts = (_evaluate(operand, columns, n_rows) for operand in node.operands)
            return reduce(lambda a, b: _Pair(a.yes | b.yes, a.no & b.no), parts)
        case Not():
            yes, no = _evaluate(node.operand, columns, n_rows)
            return _Pair(no, yes)
        case Is():
            return _evaluate_is(node, columns, n_rows)
        case Constant():
            return _certain(np.full(n_rows, node.value))
        case Missing():
            known = columns[node.tag.name].known
            return _certain(known if node.negated else ~known)
        case _:
            return _evaluate_leaf(node, columns, n_rows)


def _evaluate_is(node: Is, columns: Mapping[str, Column], n_rows: int) -> _Pair:
    yes, no = _evaluate(node.operand, columns, n_rows)
    states = {True: yes, False: no, None: ~(yes | no)}
    hits = states[node.state]
    return _certain(~hits if node.negated else hits)


def _certain(hits: BoolArray) -> _Pair:
    return _Pair(hits, ~hits)


def _evaluate_leaf(
    node: Flag | Compare | Among | Between | Matches,
    columns: Mapping[str, Column],
    n_rows: int,
) -> _Pair:
    if isinstance(node, Between):
        return _evaluate_between(node, columns, n_rows)
    used = [columns[tag.name] for tag in node.tags]
    if any(is_blank(column) for column in used):
        nowhere = np.zeros(n_rows, dtype=bool)
        return _Pair(nowhere, nowhere)
    known = _all_of([column.known for column in used])
    hits = _hits(node, used)
    if not isinstance(node, Flag | Compare) and node.negated:
        hits = ~hits
    return _Pair(hits & known, known & ~hits)


def _all_of(parts: list[BoolArray]) -> BoolArray:
    found = parts[0]
    for part in parts[1:]:
        found = found & part
    return found


def _evaluate_between(node: Between, columns: Mapping[str, Column], n_rows: int) -> _Pair:
    """Read ``x between a and b`` as ``x >= a and x <= b``, also where a limit is a tag."""
    above = _evaluate_leaf(Compare(node.tag, ">=", node.low), columns, n_rows)
    below = _evaluate_leaf(Compare(node.tag, "<=", node.high), columns, n_rows)
    yes, no = above.yes & below.yes, above.no | below.no
    return _Pair(no, yes) if node.negated else _Pair(yes, no)


def _hits(node: LeafNode, used: list[Column]) -> BoolArray:
    """Return where the condition holds; rows that are not known may say anything."""
    column = used[0]
    if isinstance(node, Compare):
        compare = _OPERATORS[node.operator]
        if len(used) == 2:
            return _compare_columns(column, compare, used[1])
        return _compare_value(column, node.operator, _plain(node.other))
    if isinstance(node, Among):
        return _is_among(column, [value.value for value in node.values])
    if isinstance(column, TextColumn):
        part: str = node.part.value  # type: ignore[union-attr,assignment]
        if node.how == "contains":  # type: ignore[union-attr]
            return _labels_that(column, lambda label: part in label)
        return _labels_that(column, lambda label: label.startswith(part))
    return column.values


def _plain(operand: Operand) -> PlainValue:
    assert isinstance(operand, Value)  # noqa: S101  # a tag has its own column
    return operand.value


def _compare_value(column: Column, sign: str, value: PlainValue) -> BoolArray:
    compare = _OPERATORS[sign]
    if isinstance(column, TextColumn):
        if sign in {"=", "!="}:
            equal = _labels_among(column, {str(value)})
            return equal if sign == "=" else ~equal
        return _labels_that(column, lambda label: compare(label, value))
    if column.values.dtype.kind in "iu" and isinstance(value, float) and value.is_integer():
        value = int(value)  # exact beyond 2**53, where int64 does not fit into float64
    hits: BoolArray = compare(column.values, value)
    return hits


def _compare_columns(left: Column, compare: Callable[[Any, Any], Any], right: Column) -> BoolArray:
    if isinstance(left, TextColumn) and isinstance(right, TextColumn):
        labels = sorted({*left.labels, *right.labels})
        ranks = {label: rank for rank, label in enumerate(labels)}
        hits: BoolArray = compare(_ranked(left, ranks), _ranked(right, ranks))
        return hits
    assert not isinstance(left, TextColumn)  # noqa: S101  # kinds are checked before
    assert not isinstance(right, TextColumn)  # noqa: S101
    found: BoolArray = compare(left.values, right.values)
    return found


def _ranked(column: TextColumn, ranks: Mapping[str, int]) -> NDArray[np.int64]:
    table = np.array([*(ranks[label] for label in column.labels), -1], dtype=np.int64)
    return table[column.codes]


def _is_among(column: Column, values: list[PlainValue]) -> BoolArray:
    if isinstance(column, TextColumn):
        return _labels_among(column, {str(value) for value in values})
    if isinstance(column, BooleanColumn):
        wanted = {bool(value) for value in values}
        return (column.values & (True in wanted)) | (~column.values & (False in wanted))
    return _numbers_among(column, values)


def _numbers_among(column: NumberColumn, values: list[PlainValue]) -> BoolArray:
    kind = np.int64 if column.values.dtype.kind in "iu" else np.float64
    numbers = [float(v) if kind is np.float64 else int(v) for v in values if _fits(v, kind)]
    return np.isin(column.values, np.array(numbers, dtype=kind))


def _fits(value: PlainValue, kind: type) -> bool:
    """Whether a number can occur in a column of this kind."""
    if kind is np.float64:
        return float(value) == value
    return isinstance(value, int) or (float(value).is_integer() and abs(float(value)) < 2**63)


def _labels_that(column: TextColumn, test: Callable[[str], bool]) -> BoolArray:
    """Return the rows whose text passes a test, which sees each distinct text once."""
    return _rows_of(column, [code for code, label in enumerate(column.labels) if test(label)])


def _labels_among(column: TextColumn, wanted: set[str]) -> BoolArray:
    return _labels_that(column, wanted.__contains__)


def _rows_of(column: TextColumn, codes: list[int]) -> BoolArray:
    if not codes:
        return np.zeros(len(column), dtype=bool)
    if len(codes) <= 3:  # comparing is faster than looking up
        hits: BoolArray = column.codes == codes[0]
        for code in codes[1:]:
            hits |= column.codes == code
        return hits
    table = np.zeros(len(column.labels) + 1, dtype=bool)  # the last one is for code -1
    table[codes] = True
    return table[column.codes]
