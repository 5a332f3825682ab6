"""How much mining may cost, and who looks at the clock meanwhile."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING

from userportrait._core.params import Between, Optional, check_values
from userportrait._core.progress import teller

if TYPE_CHECKING:
    from userportrait.typing import Progress

__all__ = ["Budget", "Watch", "available_bytes", "default_bytes"]


@dataclass(frozen=True, slots=True)
class Budget:
    """The most that mining may cost; what is found by then is returned, flagged.

    Parameters
    ----------
    max_itemsets : int, optional
        How many itemsets, about: the search stops when it has found more.
    max_seconds : float, optional
        How long, about: the search looks at the clock a few times a second.
    max_bytes : int, optional
        Bytes of the result, 12 to 16 an itemset. By default a quarter of the memory that is
        free when the search starts, so that it never dies for lack of memory.

    Raises
    ------
    InvalidParameterError
        If a limit is not positive.

    Examples
    --------
    >>> from userportrait.patterns import Baskets, mine_itemsets
    >>> baskets = Baskets.from_lists([range(16), range(16)])
    >>> import warnings
    >>> with warnings.catch_warnings():
    ...     warnings.simplefilter("ignore")
    ...     found = mine_itemsets(baskets, min_support=2, budget=Budget(max_itemsets=1_000))
    >>> found.is_complete, found.stopped
    (False, 'more than 1,000 itemsets')
    """

    max_itemsets: int | None = None
    max_seconds: float | None = None
    max_bytes: int | None = None

    def __post_init__(self) -> None:
        count = Optional(Between(1, 2**62, integer=True))
        seconds = Optional(Between(0, float("inf"), open_low=True))
        values = {
            name: getattr(self, name) for name in ("max_itemsets", "max_seconds", "max_bytes")
        }
        rules = {"max_itemsets": count, "max_seconds": seconds, "max_bytes": count}
        check_values("Budget", values, rules)


class Watch:
    """Tells a miner, whenever it asks, whether it must stop; tells the caller the progress.

    Parameters
    ----------
    budget : Budget, optional
    progress : callable or bool, optional
        Told ``'itemsets'`` and the share done, which never falls.
    """

    def __init__(
        self, budget: Budget | None = None, progress: Progress | bool | None = None
    ) -> None:
        self.budget: Budget = budget or Budget()
        self._tell: Progress = teller(progress, owner="mine_itemsets")
        self._started: float = monotonic()
        self._max_bytes: int = self.budget.max_bytes or default_bytes()
        self._told: float = -1.0

    @property
    def max_bytes(self) -> int:
        """Bytes that the result may have."""
        return self._max_bytes

    def within(self, max_itemsets: int) -> Watch:
        """Return a watch over a part of the work: the same clock, fewer itemsets, no progress."""
        mine = self.budget.max_itemsets
        fewer = max_itemsets if mine is None else min(mine, max_itemsets)
        part = Watch(Budget(fewer, self.budget.max_seconds, self._max_bytes))
        part._started = self._started
        return part

    def stop(self, n_itemsets: int, n_bytes: int, share: float) -> str | None:
        """Return why to stop now, or None; `share` in [0, 1] is how much is done."""
        if share > self._told:
            self._told = share
            self._tell("itemsets", min(share, 1.0))
        budget = self.budget
        if budget.max_itemsets is not None and n_itemsets > budget.max_itemsets:
            return f"more than {budget.max_itemsets:,} itemsets"
        if n_bytes > self._max_bytes:
            return f"more than {self._max_bytes:,} bytes"
        seconds = monotonic() - self._started
        if budget.max_seconds is not None and seconds > budget.max_seconds:
            return f"more than {budget.max_seconds:g} seconds"
        return None

    def is_exhausted(self, whole: Watch, stopped: str) -> bool:
        """Return whether a part stopped for a limit of the whole, not for its own."""
        mine, limit = self.budget.max_itemsets, whole.budget.max_itemsets
        own = mine is not None and stopped == f"more than {mine:,} itemsets"
        return not own or mine == limit

    def finish(self) -> None:
        """Tell that all is done."""
        if self._told < 1.0:
            self._told = 1.0
            self._tell("itemsets", 1.0)


_UNKNOWN = 4 * 2**30


def default_bytes() -> int:
    """Return a quarter of the memory that is free; at least 64 MiB."""
    return max(available_bytes() // 4, 64 * 2**20)


def available_bytes() -> int:
    """Return the bytes of memory that a process may still take; 4 GiB where none can tell."""
    found = [size for size in (_free_memory(), _free_in_group()) if size is not None]
    return min(found, default=_UNKNOWN)


def _free_memory() -> int | None:
    try:
        for line in Path("/proc/meminfo").read_text("ascii").splitlines():
            if line.startswith("MemAvailable:"):
                return int(line.split()[1]) * 1024
    except (OSError, ValueError, IndexError):
        pass
    names: dict[str, int] = getattr(os, "sysconf_names", {})
    if "SC_PHYS_PAGES" in names and "SC_PAGE_SIZE" in names:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") // 2
    return None


def _free_in_group() -> int | None:
    """Return what a container's limit leaves, where there is one."""
    folder = Path("/sys/fs/cgroup")
    try:
        limit = (folder / "memory.max").read_text("ascii").strip()
        used = (folder / "memory.current").read_text("ascii").strip()
        return None if limit == "max" else max(int(limit) - int(used), 0)
    except (OSError, ValueError):
        return None
