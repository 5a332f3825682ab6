"""Which of the shipped tags a shop has the data for."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from userportrait.portraits._default_tags import SHIPPED

if TYPE_CHECKING:
    from userportrait.tags import TagCatalogue, TagContext

__all__ = ["supported_tags"]

_LOG = logging.getLogger("userportrait.portraits")


def supported_tags(catalogue: TagCatalogue, context: TagContext) -> TagCatalogue:
    """Leave out the shipped tags that lack their data; a tag of the user's own stays."""
    lacking: dict[str, str] = {}
    for name in catalogue.evaluation_order:
        tag = catalogue[name]
        missing = [other for other in tag.inputs if other in lacking]
        reason = f"the tag '{missing[0]}'" if missing else tag.lacks(context)
        if reason is not None and tag.owner == SHIPPED:
            lacking[name] = reason
            _LOG.info("tag '%s' is left out; it needs %s", name, reason)
    return catalogue.select(n for n in catalogue.names if n not in lacking)
