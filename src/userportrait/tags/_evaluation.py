"""Evaluating tags one after the other, each checked when it is made."""

from __future__ import annotations

from typing import TYPE_CHECKING

from userportrait._core.columns import BooleanColumn, NumberColumn, TextColumn
from userportrait._core.display import format_count
from userportrait.errors import InvalidDataError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from userportrait._core.columns import Column
    from userportrait.tags._base import Tag
    from userportrait.tags._context import TagContext

__all__ = ["check_column", "evaluate_tags"]


def evaluate_tags(
    tags: Mapping[str, Tag],
    order: Sequence[str],
    context: TagContext,
    *,
    check: bool = True,
    progress: Callable[[float], None] | None = None,
) -> dict[str, Column]:
    """Return every customer's value of every tag, by name.

    Parameters
    ----------
    tags : mapping of str to Tag
    order : sequence of str
        The names, each one after all that the tag is made from.
    context : TagContext
    check : bool, default=True
        Whether values outside of a tag's domain raise.
    progress : callable, optional
        Called with the share done.
    """
    made: dict[str, Column] = {}
    for done, name in enumerate(order):
        if progress is not None:
            progress(done / len(order))
        tag = tags[name]
        column = tag.evaluate(context, {other: made[other] for other in tag.inputs})
        _check_shape(tag, column, len(context.customer_ids))
        if check:
            check_column(tag, column)
        made[name] = column
    if progress is not None:
        progress(1.0)
    return {name: made[name] for name in tags}


def _check_shape(tag: Tag, column: object, n: int) -> None:
    if not isinstance(column, BooleanColumn | NumberColumn | TextColumn):
        kind = type(column).__name__
        message = f"tag '{tag.name}' must give a boolean, number or text column; got {kind}."
        raise InvalidDataError(message, column=tag.name)
    if len(column) != n:
        message = (
            f"tag '{tag.name}' gives {format_count(len(column), 'value')} for "
            f"{format_count(n, 'customer')}."
        )
        raise InvalidDataError(message, column=tag.name)


def check_column(tag: Tag, column: Column) -> None:
    """Raise `InvalidDataError` if values leave the tag's domain."""
    if tag.domain is not None:
        tag.domain.check(column, tag=tag.name)
