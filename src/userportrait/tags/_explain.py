"""Why a customer has a value: the definition, the conditions, the tags behind it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from html import escape
from typing import TYPE_CHECKING, Any

from userportrait._core.display import page_fragment

if TYPE_CHECKING:
    from collections.abc import Mapping

    from userportrait.tags._base import Tag
    from userportrait.tags._catalogue import TagCatalogue
    from userportrait.typing import Build, TagValue

__all__ = ["Explanation", "Reason", "TagEvidence", "evidence_of", "explain_tag", "value_text"]


@dataclass(frozen=True, slots=True)
class Reason:
    """One condition behind a value.

    Parameters
    ----------
    text : str
        The condition.
    values : mapping of str to bool, int, float, str or None
        What the customer has for each tag of the condition; None is unknown.
    result : bool or None
        Whether the condition holds; None is unknown.

    Examples
    --------
    >>> print(Reason("recency > 90", {"recency": 120}, True))
    recency > 90: true (recency is 120)
    """

    text: str
    values: Mapping[str, TagValue]
    result: bool | None

    def __str__(self) -> str:
        shown = ", ".join(f"{name} is {value_text(value)}" for name, value in self.values.items())
        return f"{self.text}: {value_text(self.result)}" + (f" ({shown})" if shown else "")


@dataclass(frozen=True, slots=True, kw_only=True)
class TagEvidence:
    """A tag's value with its time and the version that made it.

    Parameters
    ----------
    tag : str
    value : bool, int, float, str or None
        None is unknown.
    true_at : datetime
        The moment that the value describes: `as_of` of the build; UTC, naive.
    version : int
        The version of the tag's definition that made it.
    expires_at : datetime or None
        From then on the value counts as unknown; None if it does not age.

    Examples
    --------
    >>> from datetime import datetime
    >>> print(
    ...     TagEvidence(
    ...         tag="n_orders",
    ...         value=3,
    ...         true_at=datetime(2026, 1, 31),
    ...         version=1,
    ...         expires_at=None,
    ...     )
    ... )
    n_orders = 3 (version 1, true at 2026-01-31)
    """

    tag: str
    value: TagValue
    true_at: datetime
    version: int
    expires_at: datetime | None = None

    def to_dict(self) -> dict[str, Any]:
        """Return a dict that JSON can write."""
        return {
            "tag": self.tag,
            "value": self.value,
            "true_at": self.true_at.isoformat(),
            "version": self.version,
            "expires_at": None if self.expires_at is None else self.expires_at.isoformat(),
        }

    def __str__(self) -> str:
        until = "" if self.expires_at is None else f" until {moment_text(self.expires_at)}"
        when = f"true at {moment_text(self.true_at)}{until}"
        return f"{self.tag} = {value_text(self.value)} (version {self.version}, {when})"


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """Why a customer has a tag's value.

    Parameters
    ----------
    evidence : TagEvidence
        The value, when it was true and which version made it.
    kind : str
        What sort of tag it is: fact, rule, statistical, preference, scored or manual.
    definition : str
        How the values are made, in words.
    reasons : tuple of Reason
        The conditions that were looked at, for a rule.
    inputs : tuple of Explanation
        The same for the tags that this one is made from.
    notes : tuple of str
        What to keep in mind, such as a definition newer than the value.

    Examples
    --------
    >>> from datetime import datetime
    >>> from userportrait.tags import FactTag, RuleTag, TagCatalogue
    >>> from userportrait.typing import Build
    >>> tags = TagCatalogue(
    ...     [FactTag("recency", "recency", unit="days"), RuleTag("is_lapsed", "recency > 90")]
    ... )
    >>> build = Build(as_of=datetime(2026, 1, 31), versions=tags.versions)
    >>> print(explain_tag(tags, {"recency": 120, "is_lapsed": True}, "is_lapsed", build))
    is_lapsed = true (version 1, true at 2026-01-31)
      rule: true where recency > 90
      - recency > 90: true (recency is 120)
      recency = 120 days (version 1, true at 2026-01-31)
        fact: 'recency' of the customer summary
    """

    evidence: TagEvidence
    kind: str
    definition: str
    unit: str | None = None
    description: str = ""
    reasons: tuple[Reason, ...] = ()
    inputs: tuple[Explanation, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def tag(self) -> str:
        """The tag's name."""
        return self.evidence.tag

    @property
    def value(self) -> TagValue:
        """The customer's value, None if unknown."""
        return self.evidence.value

    @property
    def true_at(self) -> datetime:
        """The moment that the value describes; UTC, naive."""
        return self.evidence.true_at

    @property
    def version(self) -> int:
        """The version of the definition that made the value."""
        return self.evidence.version

    def to_dict(self) -> dict[str, Any]:
        """Return a dict that JSON can write."""
        return {
            **self.evidence.to_dict(),
            "kind": self.kind,
            "definition": self.definition,
            "unit": self.unit,
            "description": self.description,
            "reasons": [
                {"text": r.text, "values": dict(r.values), "result": r.result} for r in self.reasons
            ],
            "inputs": [part.to_dict() for part in self.inputs],
            "notes": list(self.notes),
        }

    def _head(self) -> str:
        text = str(self.evidence)
        if self.unit is None or self.value is None:
            return text
        shown = f"{self.tag} = {value_text(self.value)}"
        return f"{shown} {self.unit}{text.removeprefix(shown)}"

    def _lines(self, indent: str) -> list[str]:
        lines = [f"{indent}{self._head()}", f"{indent}  {self.kind}: {self.definition}"]
        lines += [f"{indent}  - {reason}" for reason in self.reasons]
        lines += [f"{indent}  note: {note}" for note in self.notes]
        for part in self.inputs:
            lines += part._lines(indent + "  ")  # noqa: SLF001
        return lines

    def __str__(self) -> str:
        return "\n".join(self._lines(""))

    def _html(self) -> str:
        items = [f"<li>{escape(self.kind)}: {escape(self.definition)}</li>"]
        items += [f"<li>{escape(str(reason))}</li>" for reason in self.reasons]
        items += [f"<li>note: {escape(note)}</li>" for note in self.notes]
        items += [f"<li>{part._html()}</li>" for part in self.inputs]  # noqa: SLF001
        return f"{escape(self._head())}<ul>{''.join(items)}</ul>"

    def _repr_html_(self) -> str:
        return page_fragment(f"Why {self.tag}?", self._html())


def explain_tag(
    catalogue: TagCatalogue, values: Mapping[str, TagValue], tag: str, build: Build
) -> Explanation:
    """Say why a customer has a tag's value.

    Parameters
    ----------
    catalogue : TagCatalogue
        The definitions.
    values : mapping of str to bool, int, float, str or None
        The customer's tags; one that is not there is unknown.
    tag : str
        The tag to explain.
    build : Build
        What the values come from.

    Returns
    -------
    Explanation
        With the tags that the value is made from, down to those made from no other.

    Raises
    ------
    UnknownTagError
        If the catalogue has no such tag.

    Examples
    --------
    >>> from datetime import datetime
    >>> from userportrait.tags import FactTag, TagCatalogue
    >>> from userportrait.typing import Build
    >>> tags = TagCatalogue([FactTag("n_orders", "n_orders")])
    >>> build = Build(as_of=datetime(2026, 1, 31), versions=tags.versions)
    >>> print(explain_tag(tags, {"n_orders": 3}, "n_orders", build))
    n_orders = 3 (version 1, true at 2026-01-31)
      fact: 'n_orders' of the customer summary
    """
    definition = catalogue[tag]
    return Explanation(
        evidence=evidence_of(definition, values.get(tag), build),
        kind=definition.kind,
        definition=definition.describe(),
        unit=definition.unit,
        description=definition.description,
        reasons=definition.reasons(values),
        inputs=tuple(explain_tag(catalogue, values, name, build) for name in definition.inputs),
        notes=_notes(definition, build),
    )


def evidence_of(tag: Tag, value: TagValue, build: Build) -> TagEvidence:
    """Return a value with its time and version."""
    expires = None if tag.ttl_days is None else build.as_of + timedelta(days=tag.ttl_days)
    return TagEvidence(
        tag=tag.name,
        value=value,
        true_at=build.as_of,
        version=build.versions.get(tag.name, tag.version),
        expires_at=expires,
    )


def _notes(tag: Tag, build: Build) -> tuple[str, ...]:
    made_by = build.versions.get(tag.name)
    if made_by is None:
        return ("this tag was not part of the build, so its value is unknown.",)
    if made_by != tag.version:
        note = (
            f"the value was made by version {made_by}; this is version {tag.version} of the "
            f"definition, so reasons and value may disagree."
        )
        return (note,)
    learned: Mapping[str, Any] = build.facts.get("tags", {}).get(tag.name, {}).get("learned", {})
    return tuple(f"learned from the data: {name} {_told(value)}" for name, value in learned.items())


def _told(value: Any) -> str:
    parts: list[Any] = [*value] if isinstance(value, (list, tuple)) else [value]
    return ", ".join(_number(part) for part in parts)


def _number(part: Any) -> str:
    return f"{part:,.10g}" if isinstance(part, (int, float)) else str(part)


def value_text(value: TagValue) -> str:
    """Return a value as people read it: unknown, true, 3, 'Champions'."""
    if value is None:
        return "unknown"
    return repr(value).lower() if isinstance(value, bool) else repr(value)


def moment_text(moment: datetime) -> str:
    """Return a moment, without its time if that is midnight."""
    text = moment.isoformat(sep=" ")
    return text.removesuffix(" 00:00:00")
