"""Lists with the customer's own mix of categories."""

from __future__ import annotations

from dataclasses import KW_ONLY, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from userportrait._core.params import InstanceOf, check_values
from userportrait.recommend._filters_items import as_table
from userportrait.recommend._filters_tables import FilterValue, read_table
from userportrait.recommend._interactions import entry_rows
from userportrait.recommend._rerank_greedy import codes_of_items
from userportrait.recommend._rerank_pool import POOL_RULES, append_later, first_and_last
from userportrait.recommend._top import Top, no_items

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from userportrait.recommend._filters import Candidates, Request
    from userportrait.recommend._filters_items import ItemValues
    from userportrait.recommend._interactions import Interactions

__all__ = ["Calibrated"]

_SMOOTHING = 0.01


@dataclass(frozen=True, repr=False)
class Calibrated(FilterValue):
    """Lists with the mix of categories that the customer's history has.

    Parameters
    ----------
    items : mapping, Series, Items or frame
        Category by item; a frame has `item_id` and the column `by`.
    strength : float, default=0.5
        0 leaves the order as it is, 1 looks at the mix only.
    by : str, default='category'
        The attribute: category, brand, or another column.
    n_candidates : int, default=100
        So many of the best candidates are mixed; longer lists go on with the others as they are.

    Raises
    ------
    MissingColumnError, ColumnTypeError, InvalidDataError
        If the items cannot be read, or one comes twice.

    Notes
    -----
    One item after the other is chosen, so that
    ``(1 - strength) * (sum of scores) - strength * divergence`` is largest [1]_. Scores are
    scaled from 0 (worst candidate) to 1 (best one). The divergence is Kullback's and Leibler's,
    of the categories of the list from those of the history, where each past item counts once.
    The list's shares, of all its items, are mixed with 1 % of the history's. Equal values go by
    the candidates' order. A longer list begins with the shorter one; an item that comes after
    one with a lower score has that score. Somebody without a history gets the candidates as
    they are.

    References
    ----------
    .. [1] Steck (2018), "Calibrated recommendations", RecSys '18, 154-162.

    Examples
    --------
    >>> Calibrated({"p1": "tea", "p2": "cups"}, strength=0.8)
    Calibrated(items={'p1': 'tea', 'p2': 'cups'}, strength=0.8)
    """

    items: ItemValues
    strength: float = 0.5
    _: KW_ONLY
    by: str = "category"
    n_candidates: int = 100

    def __post_init__(self) -> None:
        owner = "Calibrated"
        rules = POOL_RULES | {"by": InstanceOf((str,), "a text")}
        check_values(owner, {name: getattr(self, name) for name in rules}, rules)
        self.set("items", read_table(self.items, {self.by: "label"}, owner))

    def choose(self, request: Request, candidates: Candidates) -> Top:
        """Return the items whose categories come nearest to those of the history."""
        data, k = request.interactions, request.k
        code, n_labels = codes_of_items(as_table(self.items), self.by, data)
        n = min(data.n_items, max(self.n_candidates, k))
        top = candidates.best(n)
        wanted = _shares(request, code, max(n_labels, 1))
        pool = Top(top.items[:, : self.n_candidates], top.scores[:, : self.n_candidates])
        return _calibrated(pool, top, k, self.strength, code, wanted)

    def count_unknown(self, data: Interactions) -> int:
        """Return how many items of the table the model does not know.

        Parameters
        ----------
        data : Interactions
            Those of the model, its `interactions_`.
        """
        return as_table(self.items).count_unknown(data)


def _shares(request: Request, code: NDArray[Any], n_labels: int) -> NDArray[np.float64]:
    """Return the share of each category in each history, of shape (n_rows, n_labels)."""
    history = request.history
    row = entry_rows(history)
    label = code[history.indices]
    known = label >= 0
    key = row[known] * n_labels + label[known]
    counts = np.bincount(key, minlength=len(request) * n_labels)
    counts = counts.reshape(len(request), n_labels)
    found: NDArray[np.float64] = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    return found


def _calibrated(
    pool: Top,
    top: Top,
    k: int,
    strength: float,
    code: NDArray[Any],
    wanted: NDArray[np.float64],
) -> Top:
    """Choose among the first candidates by score and mix; the others follow."""
    found = no_items(len(pool.items), k)
    left = pool.items >= 0
    if not left.any():
        return found
    items = np.where(left, pool.items, 0)
    label, number = code[items], np.arange(len(items))
    first, last = first_and_last(pool)
    gain = (pool.scores - last[:, None]) / np.where(first > last, first - last, 1.0)[:, None]
    counts = np.zeros(wanted.shape)
    for place in range(min(k, items.shape[1])):
        better = _divergence_saved(counts, wanted, place + 1)
        saved = np.take_along_axis(better, np.maximum(label, 0), axis=1)
        values = (1 - strength) * gain + strength * np.where(label >= 0, saved, 0.0)
        best = np.argmax(np.where(left, values, -np.inf), axis=1)
        there = left[number, best]
        if not there.any():
            break
        found.items[there, place] = items[number, best][there]
        found.scores[there, place] = pool.scores[number, best][there]
        left[number, best] = False
        added = there & (label[number, best] >= 0)
        counts[number[added], label[number, best][added]] += 1
    append_later(found, top, items.shape[1])
    scores = np.minimum.accumulate(found.scores, axis=1)
    return Top(found.items, np.where(found.items >= 0, scores, 0.0))


def _divergence_saved(
    counts: NDArray[np.float64], wanted: NDArray[np.float64], size: int
) -> NDArray[np.float64]:
    """Return by how much one more item of each category brings a list nearer to the history."""
    own = _SMOOTHING * wanted
    before = (1 - _SMOOTHING) * counts / size + own
    after = (1 - _SMOOTHING) * (counts + 1) / size + own
    ratio = np.divide(after, before, out=np.ones_like(before), where=wanted > 0)
    return wanted * np.log(ratio)
