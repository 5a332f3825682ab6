"""One customer's portrait."""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from userportrait._core.display import page_fragment, table
from userportrait.errors import UnknownTagError
from userportrait.tags import Explanation, TagCatalogue, explain_tag

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from userportrait.typing import Build, CustomerId, TagValue

__all__ = ["Portrait"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Portrait:
    """Everything that is known of one customer at one moment.

    Parameters
    ----------
    customer_id : int or str
    tags : mapping of str to value
        Every tag of the build, in catalogue order; None where unknown. Another name raises
        `UnknownTagError` with the nearest one.
    build : Build
        When it was true, and which versions made it.
    catalogue : TagCatalogue
        The definitions.

    Examples
    --------
    >>> import userportrait as up
    >>> shop = up.make_shop(n_customers=50, random_state=1)
    >>> portraits = up.build_portraits(shop.orders)
    >>> customer_id = portraits.customer_ids[0]
    >>> portraits[customer_id].tags["n_orders"] >= 1
    True
    """

    customer_id: CustomerId
    tags: Mapping[str, TagValue]
    build: Build
    catalogue: TagCatalogue

    def __post_init__(self) -> None:
        object.__setattr__(self, "tags", MappingProxyType(_Named(self.tags)))

    def __reduce__(self) -> tuple[Any, ...]:
        return _restored, (self.customer_id, dict(self.tags), self.build, self.catalogue)

    @property
    def as_of(self) -> datetime:
        """The moment that the tags describe; UTC."""
        return self.build.as_of

    @property
    def versions(self) -> Mapping[str, int]:
        """Which version of its definition made each tag."""
        return self.build.versions

    def explain(self, tag: str) -> Explanation:
        """Say why the customer has a tag's value.

        Parameters
        ----------
        tag : str

        Returns
        -------
        Explanation
            The value, when it was true, the version, and the reasons behind it.

        Raises
        ------
        UnknownTagError
            If there is no such tag; the message names the nearest one.
        """
        return explain_tag(self.catalogue, self.tags, tag, build=self.build)

    def __repr__(self) -> str:
        known = sum(value is not None for value in self.tags.values())
        return f"<Portrait: {known} of {len(self.tags)} tags known, as of {self.as_of:%Y-%m-%d}>"

    def _repr_html_(self) -> str:
        rows = [
            (name, _shown(value), self.catalogue[name].description)
            for name, value in self.tags.items()
            if name in self.catalogue
        ]
        title = f"Customer {self.customer_id}, as of {self.as_of:%Y-%m-%d %H:%M} UTC"
        return page_fragment(title, table(("tag", "value", "meaning"), rows))


class _Named(dict[str, "TagValue"]):
    """Tags by name; a name that is not there raises with the nearest one."""

    def __missing__(self, name: str) -> TagValue:
        raise UnknownTagError(name, self)


def _restored(
    customer_id: CustomerId, tags: dict[str, TagValue], build: Build, catalogue: TagCatalogue
) -> Portrait:
    return Portrait(customer_id=customer_id, tags=tags, build=build, catalogue=catalogue)


def _shown(value: TagValue) -> str:
    if value is None:
        return "unknown"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:,.2f}"
    return f"{value:,}" if isinstance(value, int) else value
