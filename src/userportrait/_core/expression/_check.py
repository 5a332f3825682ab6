"""Whether an expression fits the tags: known names, right types, plausible values."""

from __future__ import annotations

from difflib import get_close_matches
from typing import TYPE_CHECKING

import numpy as np

from userportrait._core.columns import TextColumn
from userportrait._core.expression._evaluate import is_blank
from userportrait._core.expression._tokens import quote_name, quote_text
from userportrait._core.expression._tree import (
    Among,
    Between,
    Compare,
    Constant,
    Flag,
    Matches,
    Missing,
    Tag,
    Value,
    leaf_nodes,
)
from userportrait.errors import ExpressionError, unknown_name

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from userportrait._core.columns import Column
    from userportrait._core.expression._tree import Condition, LeafNode, Operand

__all__ = ["ANY", "check_tree", "kind_of", "value_hints"]

ANY = "any"
"""The kind of a tag without a single value: it can be compared with everything."""

_KINDS = {"number": "a number", "text": "a text", "boolean": "yes or no"}
_UNKNOWN = frozenset({"null", "none", "na", "nan", "unknown", "empty"})
_MOST_LABELS = 200


def kind_of(column: Column) -> str:
    """Return ``'boolean'``, ``'number'``, ``'text'``, or ``'any'`` for a column without values."""
    return ANY if is_blank(column) else column.kind


def check_tree(
    tree: Condition, text: str, kinds: Mapping[str, str], known: Iterable[str] | None = None
) -> None:
    """Raise `ExpressionError` at the first tag or value that does not fit.

    Parameters
    ----------
    tree : condition
    text : str
        The text that positions refer to.
    kinds : mapping of str to str
        The kind of each tag.
    known : iterable of str, optional
        All names there are, for the hint; by default those of `kinds`.
    """
    checker = _Checker(text, kinds, kinds if known is None else known)
    for leaf in leaf_nodes(tree):
        checker.check(leaf)


class _Checker:
    def __init__(self, text: str, kinds: Mapping[str, str], known: Iterable[str]) -> None:
        self.text = text
        self.kinds = kinds
        self.known = known

    def check(self, leaf: LeafNode) -> None:
        if isinstance(leaf, Constant):
            return
        kind = self.kind(leaf.tag)
        if isinstance(leaf, Missing):
            return
        if isinstance(leaf, Flag):
            self.check_flag(leaf.tag, kind)
        elif isinstance(leaf, Compare):
            self.check_operand(leaf.tag, kind, leaf.other)
            self.check_order(leaf, kind)
        elif isinstance(leaf, Among):
            for value in leaf.values:
                self.check_operand(leaf.tag, kind, value)
        elif isinstance(leaf, Between):
            self.check_operand(leaf.tag, kind, leaf.low)
            self.check_operand(leaf.tag, kind, leaf.high)
            self.check_ordered(leaf.tag, kind, "between")
        elif kind not in {"text", ANY}:
            self.check_match(leaf, kind)

    def kind(self, tag: Tag) -> str:
        if tag.name not in self.kinds:
            message = unknown_name("tag", tag.name, self.known)
            if tag.name.lower() in _UNKNOWN:
                message = f"'{tag.name}' is not a known tag. Write 'is missing' for unknown values."
            raise self.error(message, tag)
        return self.kinds[tag.name]

    def check_flag(self, tag: Tag, kind: str) -> None:
        if kind in {"boolean", ANY}:
            return
        name = tag.to_text()
        example = f"{name} > 0" if kind == "number" else f"{name} = 'a value'"
        message = f"{name} is {_KINDS[kind]}, not yes or no: compare it, as in {example}"
        raise self.error(message, tag)

    def check_operand(self, tag: Tag, kind: str, other: Operand) -> None:
        if isinstance(other, Tag):
            self.check_other_tag(tag, kind, other)
        elif ANY not in {kind, other.kind} and other.kind != kind:
            message = f"{tag.to_text()} is {_KINDS[kind]}, {other.to_text()} is not: "
            raise self.error(message + _remedy(tag, kind, other), other)

    def check_other_tag(self, tag: Tag, kind: str, other: Tag) -> None:
        if other.name not in self.kinds and kind == "text" and other.name.lower() not in _UNKNOWN:
            message = (
                f"'{other.name}' is not a known tag. "
                f"Did you mean the text {quote_text(other.name)}? Texts go in quotes."
            )
            close = get_close_matches(other.name, [str(name) for name in self.known], n=1)
            if close:
                message += f" The nearest tag is '{close[0]}'."
            raise self.error(message, other)
        found = self.kind(other)
        if ANY not in {kind, found} and kind != found:
            message = (
                f"{tag.to_text()} is {_KINDS[kind]}, {other.to_text()} is {_KINDS[found]}: "
                "they cannot be compared"
            )
            raise self.error(message, other)

    def check_order(self, leaf: Compare, kind: str) -> None:
        if leaf.operator not in {"=", "!="}:
            self.check_ordered(leaf.tag, kind, leaf.operator)

    def check_ordered(self, tag: Tag, kind: str, word: str) -> None:
        if kind == "boolean":
            name = tag.to_text()
            message = f"{name} is yes or no and has no order: '{word}' does not work, = and != do"
            raise self.error(message, tag)

    def check_match(self, leaf: Matches, kind: str) -> None:
        message = f"{leaf.tag.to_text()} is {_KINDS[kind]}; '{leaf.how}' works on texts"
        raise self.error(message, leaf.tag)

    def error(self, message: str, at: Operand) -> ExpressionError:
        return ExpressionError(message, self.text, at.position)


def _remedy(tag: Tag, kind: str, other: Value) -> str:
    name = tag.to_text()
    if kind == "boolean":
        return f"write {name} = true, or {name} = false"
    if kind == "text":
        return f"put the value in quotes: {quote_text(other.to_text().strip(chr(39)))}"
    if isinstance(other.value, str) and _is_number(other.value):
        return f"write it without quotes: {other.value}"
    return f"compare it with a number, as in {name} > 100"


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def value_hints(tree: Condition, columns: Mapping[str, Column]) -> tuple[str, ...]:
    """Name texts that no customer has where a text that customers have is near.

    Only tags with at most 200 distinct texts are looked at, and only a text that two or more
    customers share is proposed.

    Returns
    -------
    tuple of str
        One sentence for each suspicious text, in the order of the expression.
    """
    hints: dict[str, None] = {}
    for leaf in leaf_nodes(tree):
        if not isinstance(leaf, Compare | Among):
            continue
        if isinstance(leaf, Compare) and leaf.operator not in {"=", "!="}:
            continue
        column = columns[leaf.tag.name]
        values = leaf.values if isinstance(leaf, Among) else (leaf.other,)
        if isinstance(column, TextColumn) and 0 < len(column.labels) <= _MOST_LABELS:
            hints |= {
                hint: None
                for value in values
                if isinstance(value, Value) and (hint := _value_hint(leaf.tag, value, column))
            }
    return tuple(hints)


def _value_hint(tag: Tag, value: Value, column: TextColumn) -> str:
    given = str(value.value)
    if given in column.labels:
        return ""
    counts = np.bincount(column.codes[column.codes >= 0], minlength=len(column.labels))
    shared = {
        label.casefold(): label
        for label, n in zip(column.labels, counts.tolist(), strict=True)
        if n > 1
    }
    close = get_close_matches(given.casefold(), shared, n=1, cutoff=0.75)
    if not close:
        return ""
    near = quote_text(shared[close[0]])
    return f"no customer has {quote_name(tag.name)} = {quote_text(given)}. Did you mean {near}?"
