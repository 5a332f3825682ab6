"""Predictions: who will do it, how sure that is, and what speaks for it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from userportrait._core.lazy import lazy_exports

if TYPE_CHECKING:
    from userportrait.predict._propensity import LeakageWarning, Propensity, SeparationWarning
    from userportrait.predict._separation import Separation

__all__ = ["LeakageWarning", "Propensity", "Separation", "SeparationWarning"]

_HOMES: dict[str, str] = {
    "LeakageWarning": "userportrait.predict._propensity",
    "Propensity": "userportrait.predict._propensity",
    "Separation": "userportrait.predict._separation",
    "SeparationWarning": "userportrait.predict._propensity",
}

_load, _names = lazy_exports(__name__, _HOMES, globals())


def __getattr__(name: str) -> Any:
    return _load(name)


def __dir__() -> list[str]:
    return _names()
