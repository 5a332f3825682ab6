"""Progress of long work, told to a callable or drawn as a bar."""

from __future__ import annotations

import logging
from importlib import import_module
from typing import TYPE_CHECKING, Any

from userportrait.errors import InvalidParameterError

if TYPE_CHECKING:
    from userportrait.typing import Progress

__all__ = ["teller"]

_LOG = logging.getLogger("userportrait.progress")


def teller(progress: Progress | bool | None, *, owner: str) -> Progress:
    """Return a callable that takes the step's name and the share done.

    None and False are silent; True draws a bar where tqdm is installed, and logs elsewhere.

    Raises
    ------
    InvalidParameterError
        If `progress` is none of these.
    """
    if progress is None or progress is False:
        return _say_nothing
    if progress is True:
        return _bar()
    given: Any = progress
    if callable(given):
        return progress
    problem = f"progress must be a callable, True or None; got {type(given).__name__}."
    raise InvalidParameterError(owner, [problem])


def _bar() -> Progress:
    try:
        tqdm: Any = import_module("tqdm.auto").tqdm
    except ImportError:
        return lambda step, share: _LOG.info("%s: %.0f %%", step, 100 * share)
    bars: dict[str, Any] = {}

    def draw(step: str, share: float) -> None:
        bar = bars.setdefault(step, None) or tqdm(total=100, desc=step)
        bars[step] = bar
        bar.update(round(100 * share) - bar.n)
        if share >= 1:
            bar.close()

    return draw


def _say_nothing(step: str, share: float) -> None:
    """Take progress and be silent."""
