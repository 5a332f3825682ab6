"""Time two or more ways in turn, in one process, after they have agreed on the answer."""

from __future__ import annotations

import gc
import platform
import subprocess
import sys
import time
from dataclasses import dataclass
from importlib.metadata import version
from os import cpu_count
from statistics import median, quantiles
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

__all__ = ["Times", "peak_memory", "print_environment", "time_in_turn"]


@dataclass(frozen=True)
class Times:
    """The seconds of each run of one way."""

    seconds: tuple[float, ...]

    @property
    def median(self) -> float:
        return median(self.seconds)

    def __str__(self) -> str:
        if len(self.seconds) < 4:
            return f"{self.median:.4f} s"
        low, _, high = quantiles(self.seconds, n=4)
        return f"{self.median:.4f} s ({low:.4f} to {high:.4f})"


def time_in_turn(ways: Mapping[str, Callable[[], object]], repeats: int) -> dict[str, Times]:
    """Run each way once without the clock, then all of them in turn, again and again."""
    found: dict[str, list[float]] = {name: [] for name in ways}
    for way in ways.values():
        way()
    for _ in range(repeats):
        for name, way in ways.items():
            gc.collect()
            start = time.perf_counter()
            way()
            found[name].append(time.perf_counter() - start)
    return {name: Times(tuple(seconds)) for name, seconds in found.items()}


def print_environment(*packages: str) -> None:
    """Say what the figures were measured with."""
    versions = ", ".join(f"{name} {version(name)}" for name in packages)
    print(f"Python {platform.python_version()}, {cpu_count()} processors; {versions}")


def peak_memory(script: str, *arguments: str) -> float:
    """Return the peak resident memory, in MiB, of a Python script in a process of its own."""
    ending = (
        "\nimport resource, sys"
        "\nprint(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, file=sys.stderr)"
    )
    command = [sys.executable, "-c", script + ending, *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return int(done.stderr.split()[-1]) / 1024
