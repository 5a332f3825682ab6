"""How much mining may cost, and who looks at the clock meanwhile."""

from __future__ import annotations

from dataclasses import dataclass
from time import monotonic
from typing import TYPE_CHECKING

from userportrait._core.progress import teller

if TYPE_CHECKING:
    from userportrait.typing import Progress

__all__ = ["Budget", "Watch"]


@dataclass(frozen=True, slots=True)
class Budget:
    """The most that mining may cost; what is found by then is returned, flagged.

    Parameters
    ----------
    max_itemsets : int, optional
    max_seconds : float, optional
    max_bytes : int, optional
        Bytes of the result.
    """

    max_itemsets: int | None = None
    max_seconds: float | None = None
    max_bytes: int | None = None


class Watch:
    """Tells a miner, whenever it asks, whether it must stop; tells the caller the progress."""

    def __init__(
        self, budget: Budget | None = None, progress: Progress | bool | None = None
    ) -> None:
        self.budget = budget or Budget()
        self._tell = teller(progress, owner="mine_itemsets")
        self._started = monotonic()

    def stop(self, n_itemsets: int, n_bytes: int, share: float) -> str | None:
        """Return why to stop now, or None; `share` in [0, 1] is how much is done."""
        self._tell("itemsets", share)
        budget = self.budget
        if budget.max_itemsets is not None and n_itemsets > budget.max_itemsets:
            return f"more than {budget.max_itemsets:,} itemsets"
        if budget.max_bytes is not None and n_bytes > budget.max_bytes:
            return f"more than {budget.max_bytes:,} bytes"
        seconds = monotonic() - self._started
        if budget.max_seconds is not None and seconds > budget.max_seconds:
            return f"more than {budget.max_seconds:g} seconds"
        return None
