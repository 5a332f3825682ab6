"""The catalogue: all tags of a shop, in order, checked against each other."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

import pandas as pd

from userportrait._core.display import format_count, page_fragment, table
from userportrait._core.params import InstanceOf, check_values
from userportrait.errors import InvalidParameterError, UnknownTagError
from userportrait.tags._base import Tag
from userportrait.tags._by_parts import evaluate_in_parts, frame_in_parts
from userportrait.tags._evaluation import evaluate_tags
from userportrait.tags._table import TagTable
from userportrait.typing import Build

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from userportrait.tags._context import TagContext
    from userportrait.typing import Progress

__all__ = ["TagCatalogue"]


class TagCatalogue:
    """Tags in order, with different names, whose inputs are all there.

    A catalogue never changes; `add`, `replace` and `remove` return new ones.

    Parameters
    ----------
    tags : iterable of Tag
        In the order in which people should see them. A tag may stand before its inputs.

    Raises
    ------
    InvalidParameterError
        If two tags share a name, or tags are made from each other in a circle, which is
        named.
    ExpressionError
        If a rule names a tag that is not there, or compares it with a value of another kind.
    UnknownTagError
        If a tag that is no rule needs one that is not there.

    Examples
    --------
    >>> from userportrait.tags import FactTag, RuleTag
    >>> tags = TagCatalogue([FactTag("recency", "recency"), RuleTag("is_lapsed", "recency > 90")])
    >>> tags
    <TagCatalogue: 2 tags: recency, is_lapsed>
    >>> tags.remove("recency")
    Traceback (most recent call last):
        ...
    userportrait.errors.InvalidParameterError: TagCatalogue.remove: 'recency' is needed by \
'is_lapsed'. Remove that too, or replace it first.
    """

    def __init__(self, tags: Iterable[Tag] = ()) -> None:
        found = tuple(tags)
        rule = InstanceOf((Tag,), "a tag")
        check_values(
            "TagCatalogue",
            {f"tags[{i}]": tag for i, tag in enumerate(found)},
            {f"tags[{i}]": rule for i in range(len(found))},
        )
        self._tags: dict[str, Tag] = {tag.name: tag for tag in found}
        names = [tag.name for tag in found]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            problems = [f"there are two tags named '{name}'." for name in twice]
            raise InvalidParameterError("TagCatalogue", problems)
        kinds = self._kinds()
        for tag in found:
            tag.check_inputs(kinds)
        self._order: tuple[str, ...] = _evaluation_order(self._tags)

    def _kinds(self) -> dict[str, str]:
        kinds = {name: tag.value_kind or "any" for name, tag in self._tags.items()}
        return {name: "text" if kind == "date" else kind for name, kind in kinds.items()}

    # --- reading -----------------------------------------------------------------------------

    def __getitem__(self, name: str) -> Tag:
        """Return a tag by name.

        Raises
        ------
        UnknownTagError
            If there is none; the message names the nearest one.
        """
        found = self._tags.get(name)
        if found is None:
            raise UnknownTagError(name, self._tags)
        return found

    def __contains__(self, name: object) -> bool:
        return name in self._tags

    def __iter__(self) -> Iterator[Tag]:
        return iter(self._tags.values())

    def __len__(self) -> int:
        return len(self._tags)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, TagCatalogue) and list(self) == list(other)

    def __hash__(self) -> int:
        return hash(tuple(self._tags))

    @property
    def names(self) -> tuple[str, ...]:
        """The tags' names, in catalogue order."""
        return tuple(self._tags)

    @property
    def versions(self) -> dict[str, int]:
        """The version of each tag, in catalogue order."""
        return {name: tag.version for name, tag in self._tags.items()}

    @property
    def evaluation_order(self) -> tuple[str, ...]:
        """The tags' names, each one after all that it is made from."""
        return self._order

    def used_by(self, name: str) -> tuple[str, ...]:
        """Return the tags made from this one, directly or by way of others.

        Raises
        ------
        UnknownTagError
            If there is no such tag.
        """
        reached = {self[name].name}
        for other in self._order:
            if reached.intersection(self._tags[other].inputs):
                reached.add(other)
        return tuple(other for other in self._tags if other in reached and other != name)

    def made_from(self, name: str) -> tuple[str, ...]:
        """Return the tags that this one is made from, directly or by way of others.

        Raises
        ------
        UnknownTagError
            If there is no such tag.
        """
        reached = set(self[name].inputs)
        for other in reversed(self._order):
            if other in reached:
                reached.update(self._tags[other].inputs)
        return tuple(other for other in self._tags if other in reached)

    # --- new catalogues ------------------------------------------------------------------------

    def add(self, *tags: Tag) -> TagCatalogue:
        """Return a catalogue with more tags at its end.

        Raises
        ------
        InvalidParameterError
            If a name is taken; use `replace` to change a definition.
        """
        return TagCatalogue([*self, *tags])

    def __add__(self, other: Tag | Iterable[Tag]) -> TagCatalogue:
        """Return a catalogue with one tag, or those of another catalogue, at its end."""
        if isinstance(other, Tag):
            return self.add(other)
        if not isinstance(other, Iterable):  # pyright: ignore[reportUnnecessaryIsInstance]
            return NotImplemented
        return self.add(*other)

    def replace(self, *tags: Tag) -> TagCatalogue:
        """Return a catalogue with new definitions of tags that it has, in their places.

        A definition that makes its values in another way gets a higher version than the old
        one, if it does not have one already, so that old and new values can be told apart.

        Raises
        ------
        UnknownTagError
            If there is no tag of that name.
        """
        changed = {tag.name: _next_version(self[tag.name], tag) for tag in tags}
        return TagCatalogue(changed.get(tag.name, tag) for tag in self)

    def remove(self, *names: str) -> TagCatalogue:
        """Return a catalogue without some tags.

        Raises
        ------
        UnknownTagError
            If there is no such tag.
        InvalidParameterError
            If a tag that stays needs one of them; both are named.
        """
        gone = {self[name].name for name in names}
        problems: list[str] = []
        for name in sorted(gone):
            users = [tag.name for tag in self if name in tag.inputs and tag.name not in gone]
            if users:
                listed = ", ".join(f"'{user}'" for user in users)
                them = (
                    "that too, or replace it" if len(users) == 1 else "those too, or replace them"
                )
                problems.append(f"'{name}' is needed by {listed}. Remove {them} first.")
        if problems:
            raise InvalidParameterError("TagCatalogue.remove", problems)
        return TagCatalogue(tag for tag in self if tag.name not in gone)

    def select(self, names: Iterable[str]) -> TagCatalogue:
        """Return a catalogue of these tags and all that they are made from, in this order.

        Raises
        ------
        UnknownTagError
            If there is no such tag.
        """
        chosen = [self[name].name for name in names]
        wanted = set(chosen).union(*(self.made_from(name) for name in chosen))
        return TagCatalogue(tag for tag in self if tag.name in wanted)

    # --- evaluation ----------------------------------------------------------------------------

    def evaluate(self, context: TagContext, *, progress: Progress | None = None) -> TagTable:
        """Return every customer's value of every tag.

        Parameters
        ----------
        context : TagContext
            The tables and the moment.
        progress : callable, optional
            Called with ``'tags'`` and the share done, after each tag.

        Returns
        -------
        TagTable
            Its build says the moment and the version of each tag; the facts of the build
            hold what readers need to know of the tags, under ``'tags'``.

        Raises
        ------
        InvalidDataError
            If a tag's values leave its domain, or an own kind of tag gives a wrong column.
        MissingColumnError
            If the tables lack a column that a tag needs.

        Notes
        -----
        Order lines on Spark, and more of them on DuckDB than are collected, are evaluated in
        parts: each has some of the customers with all their rows, and the values are the
        same as in memory. What a tag must know of all customers is counted in a first pass.

        Examples
        --------
        >>> import pandas as pd
        >>> from userportrait.tags import FactTag, RuleTag, TagContext
        >>> frame = pd.DataFrame(
        ...     {
        ...         "customer_id": ["ann", "bo"],
        ...         "order_id": [1, 2],
        ...         "ordered_at": pd.to_datetime(["2026-01-05", "2026-02-01"]),
        ...         "amount": [10.0, 5.5],
        ...     }
        ... )
        >>> tags = TagCatalogue([FactTag("recency", "recency"), RuleTag("is_new", "recency < 7")])
        >>> tags.evaluate(TagContext(frame)).to_frame()
          customer_id  recency  is_new
        0         ann       27   False
        1          bo        0    True
        """
        told = None if progress is None else partial(progress, "tags")
        if context.in_parts:
            tags, ids, columns = evaluate_in_parts(self._tags, self._order, context, progress=told)
        else:
            tags, ids = self._tags, context.customer_ids
            columns = evaluate_tags(tags, self._order, context, progress=told)
        documents = {name: _document(tag, tags[name], context) for name, tag in self._tags.items()}
        build = Build(as_of=context.as_of, versions=self.versions, facts={"tags": documents})
        return TagTable(ids, columns, build)

    def tag(self, context: TagContext) -> Any:
        """Return every customer's tags as a frame of the library that the orders come from.

        Parameters
        ----------
        context : TagContext
            The tables and the moment.

        Returns
        -------
        frame
            `customer_id` and the tags, null where unknown. Order lines that are evaluated in
            parts (see `evaluate`) stay where they are: a Spark DataFrame is computed when it
            is used, and its rows have no order.

        Raises
        ------
        InvalidDataError
            If a tag's values leave its domain.
        UnsupportedOnEngine
            If Spark's workers cannot run this library.
        """
        if context.in_parts:
            return frame_in_parts(self._tags, self._order, context)
        orders = context.orders
        return self.evaluate(context).to_frame(engine=orders.engine, like=orders.frame)

    # --- display -------------------------------------------------------------------------------

    def to_frame(self) -> pd.DataFrame:
        """Return one row per tag.

        Returns
        -------
        DataFrame
            `name`, `kind`, `description`, `version`, `owner`, `unit`, `domain` (in words),
            `ttl_days` (NaN if the tag does not age), `inputs` (names, comma-separated) and
            `definition` (in words).
        """
        rows = [self._row(tag) for tag in self]
        names = ["name", "kind", "description", "version", "owner", "unit", "domain", "ttl_days",
                 "inputs", "definition"]  # fmt: skip
        return pd.DataFrame(rows, columns=pd.Index(names)).astype({"ttl_days": "float64"})

    def _row(self, tag: Tag) -> tuple[Any, ...]:
        domain = tag.domain.describe() if tag.domain is not None else tag.value_kind or ""
        inputs = ", ".join(tag.inputs)
        return (tag.name, tag.kind, tag.description, tag.version, tag.owner, tag.unit or "",
                domain, tag.ttl_days, inputs, tag.describe())  # fmt: skip

    def __repr__(self) -> str:
        shown = ", ".join([*self.names[:8], *(["…"] if len(self) > 8 else [])])
        return f"<TagCatalogue: {format_count(len(self), 'tag')}{': ' if shown else ''}{shown}>"

    def _repr_html_(self) -> str:
        columns = ("name", "kind", "what it says", "domain", "version", "made from")
        rows = [
            (t.name, t.kind, t.description or t.describe(), self._row(t)[6], t.version,
             ", ".join(t.inputs))
            for t in self
        ]  # fmt: skip
        title = f"TagCatalogue: {format_count(len(self), 'tag')}"
        return page_fragment(title, table(columns, rows, numeric=("version",)))


def _document(tag: Tag, used: Tag, context: TagContext) -> dict[str, Any]:
    learned = used.learned(context)
    return tag.document() | ({"learned": learned} if learned else {})


def _next_version(old: Tag, new: Tag) -> Tag:
    if new.same_definition(old):
        return replace(new, version=max(new.version, old.version))
    return new if new.version > old.version else replace(new, version=old.version + 1)


def _evaluation_order(tags: Mapping[str, Tag]) -> tuple[str, ...]:
    """Sort tags so that each stands after its inputs; name the circle if there is one."""
    order: list[str] = []
    done: set[str] = set()
    for start in tags:
        if start in done:
            continue
        path, waiting = [start], [list(tags[start].inputs)]
        while path:
            open_inputs = [name for name in waiting[-1] if name not in done]
            if not open_inputs:
                order.append(path.pop())
                done.add(order[-1])
                waiting.pop()
                continue
            name = open_inputs[0]
            if name in path:
                circle = " → ".join([*path[path.index(name) :], name])
                problem = f"tags are made from each other in a circle: {circle}."
                raise InvalidParameterError("TagCatalogue", [problem])
            path.append(name)
            waiting.append(list(tags[name].inputs))
    return tuple(order)
