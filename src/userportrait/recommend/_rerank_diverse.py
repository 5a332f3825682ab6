"""Lists whose items are less alike."""

from __future__ import annotations

from dataclasses import KW_ONLY, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from userportrait._core.params import check_values
from userportrait.errors import InvalidParameterError
from userportrait.recommend._base_reasons import spread_history
from userportrait.recommend._filters_items import as_table
from userportrait.recommend._filters_tables import FilterValue, KeyedTable, read_table
from userportrait.recommend._interactions import row_sizes
from userportrait.recommend._rerank_greedy import codes_of_items
from userportrait.recommend._rerank_pool import POOL_RULES, append_later, first_and_last
from userportrait.recommend._top import Top, no_items

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import TypeAlias

    from numpy.typing import NDArray

    from userportrait.data import Items
    from userportrait.recommend._filters import Candidates, Request
    from userportrait.recommend._interactions import Interactions, Matrix
    from userportrait.typing import IntoFrame

    Like: TypeAlias = Callable[[NDArray[np.int32]], NDArray[np.float64]]
    LikeOf: TypeAlias = Callable[[NDArray[np.int32]], Like]

__all__ = ["Diversify"]


@dataclass(frozen=True, repr=False)
class Diversify(FilterValue):
    """Fewer items that are alike, by maximal marginal relevance.

    Parameters
    ----------
    strength : float, default=0.3
        0 leaves the order as it is, 1 looks at likeness only.
    items : Items or frame, optional
        `item_id` and the columns `by`: two items are as alike as the share of these attributes
        that they have in common. By default items are alike if the same customers have them:
        by the cosine of their customers, each counted once.
    by : str or sequence of str, default='category'
        Attributes of `items`. An unknown value is like no other.
    n_candidates : int, default=100
        So many of the best candidates are mixed; longer lists go on with the others as they are.

    Raises
    ------
    MissingColumnError, ColumnTypeError, InvalidDataError
        If the items cannot be read, or one comes twice.

    Notes
    -----
    One item after the other is chosen, each with the largest value of
    ``score - strength * (score - last + (first - last) * likeness)``, where `first` and `last`
    are the best and the worst score of the candidates, and `likeness` is that with the most
    like of the items chosen before [1]_. Equal values go by the candidates' order. The score of
    an item is this value. Scores compare items of one list, so they do not rise with the rank,
    and a longer list begins with the shorter one.

    References
    ----------
    .. [1] Carbonell and Goldstein (1998), "The use of MMR, diversity-based reranking for
       reordering documents and producing summaries", SIGIR '98, 335-336.

    Examples
    --------
    >>> Diversify(0.5)
    Diversify(strength=0.5)
    """

    strength: float = 0.3
    items: KeyedTable | Items | IntoFrame | None = None
    _: KW_ONLY
    by: str | tuple[str, ...] = "category"
    n_candidates: int = 100

    def __post_init__(self) -> None:
        owner = "Diversify"
        check_values(owner, {name: getattr(self, name) for name in POOL_RULES}, POOL_RULES)
        if self.items is None:
            return
        names: tuple[Any, ...] = (self.by,) if isinstance(self.by, str) else tuple(self.by)
        if not names or not all(isinstance(name, str) for name in names):
            raise InvalidParameterError(owner, ["by must name one column or more."])
        self.set("by", self.by if isinstance(self.by, str) else names)
        self.set("items", read_table(self.items, dict.fromkeys(names, "label"), owner))

    def choose(self, request: Request, candidates: Candidates) -> Top:
        """Return the items of the largest marginal relevance."""
        data = request.interactions
        if self.items is None:
            across = self.kept(data, lambda: data.matrix.T.tocsr())
            like_of = _by_customers(across)
        else:
            like_of = _by_attributes(self.kept(data, lambda: self._attributes(data)))
        top = candidates.best(min(data.n_items, max(self.n_candidates, request.k)))
        return _diversified(top, request.k, self.n_candidates, self.strength, like_of)

    def _attributes(self, data: Interactions) -> NDArray[Any]:
        """Return the labels of each item, -1 where unknown, of shape (n_items, n_attributes)."""
        table = as_table(self.items)
        return np.stack([codes_of_items(table, name, data)[0] for name in table.columns], axis=1)

    def count_unknown(self, data: Interactions) -> int:
        """Return how many items of the table the model does not know; 0 without a table.

        Parameters
        ----------
        data : Interactions
            Those of the model, its `interactions_`.
        """
        return 0 if self.items is None else as_table(self.items).count_unknown(data)


def _by_customers(across: Matrix) -> LikeOf:
    """Return the cosine of items by their customers; `across` has the items in its rows."""
    sizes = row_sizes(across)

    def like_of(pool: NDArray[np.int32]) -> Like:
        parts = [spread_history(across, items.astype(np.intp)) for items in pool]
        has = [across.indices[place] for place, _ in parts]
        is_own = np.zeros(across.shape[1], dtype=bool)

        def like(chosen: NDArray[np.int32]) -> NDArray[np.float64]:
            shared = np.zeros(pool.shape, dtype=np.int64)
            for row, item in enumerate(chosen.tolist()):
                own = across.indices[across.indptr[item] : across.indptr[item + 1]]
                is_own[own] = True
                counts = np.concatenate(([0], np.cumsum(is_own[has[row]])))
                shared[row] = np.diff(counts[parts[row][1]])
                is_own[own] = False
            product = sizes[pool] * sizes[chosen][:, None]
            cosine: NDArray[np.float64] = shared / np.sqrt(np.maximum(product, 1))
            return cosine

        return like

    return like_of


def _by_attributes(labels: NDArray[Any]) -> LikeOf:
    """Return the share of attributes that items have in common."""

    def like_of(pool: NDArray[np.int32]) -> Like:
        others = labels[pool]

        def like(chosen: NDArray[np.int32]) -> NDArray[np.float64]:
            one = labels[chosen][:, None, :]
            shared: NDArray[np.float64] = ((others == one) & (one >= 0)).mean(axis=2)
            return shared

        return like

    return like_of


def _diversified(
    top: Top,
    k: int,
    n_candidates: int,
    strength: float,
    like_of: LikeOf,
) -> Top:
    """Choose among the first candidates by marginal relevance; the others follow."""
    n_rows = len(top.items)
    pool = Top(top.items[:, :n_candidates], top.scores[:, :n_candidates])
    inside = pool.items >= 0
    found = no_items(n_rows, k)
    if not inside.any():
        return found
    items = np.where(inside, pool.items, 0)
    like = like_of(items)
    first, last = first_and_last(pool)
    spread = np.where(first > last, first - last, 1.0)  # of equal scores, likeness decides
    base = pool.scores - strength * (pool.scores - last[:, None])
    likeness = np.zeros(base.shape)
    left = inside.copy()
    number = np.arange(n_rows)
    for place in range(min(k, base.shape[1])):
        values = np.where(left, base - strength * spread[:, None] * likeness, -np.inf)
        best = np.argmax(values, axis=1)
        there = left[number, best]
        if not there.any():
            break
        chosen = items[number, best]
        found.items[there, place] = chosen[there]
        found.scores[there, place] = values[number, best][there]
        left[number, best] = False
        np.maximum(likeness, like(chosen), out=likeness)
    append_later(found, top, pool.items.shape[1])
    return found
