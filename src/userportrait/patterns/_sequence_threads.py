"""Pieces of work in several threads, and one who looks at the clock meanwhile."""

from __future__ import annotations

from collections import deque
from concurrent.futures import ThreadPoolExecutor, wait
from typing import TYPE_CHECKING, Generic, Protocol, TypeVar

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from userportrait.patterns._budget import Watch
    from userportrait.patterns._sequence_found import Found

__all__ = ["Piece", "Team"]

_TELL_SECONDS = 0.1
"""How often the clock is looked at."""

_Result = TypeVar("_Result", covariant=True)


class Piece(Protocol[_Result]):
    """Does one piece of work.

    It stops early when the first value of `signal` is not 0 any more, and keeps the number of
    patterns that it has found in the second.
    """

    def __call__(self, piece: int, worker: int, signal: NDArray[np.int64], /) -> _Result:
        """Do a piece, in the thread of this number."""
        ...


class Team(Generic[_Result]):
    """Threads that share the pieces of some work, first come, first served.

    Parameters
    ----------
    n_threads : int
    watch : Watch
    found : Found
        What has been found before.
    span : tuple of float
        From where to where the work brings the progress.
    """

    def __init__(
        self, n_threads: int, watch: Watch, found: Found, span: tuple[float, float]
    ) -> None:
        self._n_threads = n_threads
        self._watch = watch
        self._found = found
        self._span = span
        self._signals: NDArray[np.int64] = np.zeros((n_threads, 8), dtype=np.int64)
        self._open: deque[int] = deque()

    def do(self, work: Piece[_Result], n_pieces: int) -> tuple[dict[int, _Result], str | None]:
        """Return the results of the pieces, in their order, and why some may be missing."""
        self._open.extend(range(n_pieces))
        with ThreadPoolExecutor(self._n_threads) as pool:
            futures = [pool.submit(self._pull, work, n) for n in range(self._n_threads)]
            reason: str | None = None
            try:
                while True:
                    _, running = wait(futures, timeout=_TELL_SECONDS)
                    reason = reason or self._look(n_pieces)
                    if not running:
                        break
            finally:
                self._stop()
        results = {piece: result for future in futures for piece, result in future.result()}
        return dict(sorted(results.items())), reason

    def _pull(self, work: Piece[_Result], worker: int) -> list[tuple[int, _Result]]:
        """Do pieces until none is left."""
        results: list[tuple[int, _Result]] = []
        signal = self._signals[worker]
        before = 0
        while True:
            try:
                piece = self._open.popleft()
            except IndexError:
                return results
            results.append((piece, work(piece, worker, signal)))
            before = self._signals[worker, 2] = before + signal[1]
            signal[1] = 0

    def _look(self, n_pieces: int) -> str | None:
        """Tell the progress, and stop all work if it costs too much."""
        n = len(self._found) + int(self._signals[:, 1:3].sum())
        low, high = self._span
        share = low + (high - low) * (1 - len(self._open) / n_pieces)
        reason = self._watch.stop(n, n * self._found.bytes_each, min(share, 0.999))
        if reason is not None:
            self._stop()
        return reason

    def _stop(self) -> None:
        self._open.clear()
        self._signals[:, 0] = 1
