"""The blocks put together: portraits are built once, read, selected and explained."""

from __future__ import annotations

from userportrait.portraits._build import build_portraits
from userportrait.portraits._default_tags import default_tags
from userportrait.portraits._portrait import Portrait
from userportrait.portraits._portraits import Portraits, open_portraits
from userportrait.portraits._tag_customers import tag_customers

__all__ = [
    "Portrait",
    "Portraits",
    "build_portraits",
    "default_tags",
    "open_portraits",
    "tag_customers",
]
