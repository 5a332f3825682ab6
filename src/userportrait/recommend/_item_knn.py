"""Items bought by the same customers: nearest neighbours of past items."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from userportrait._core.params import Between, Rule
from userportrait.recommend._engines import ENGINE_RULES, Engine
from userportrait.recommend._item_to_item import ItemToItem
from userportrait.recommend._measures import (
    MEASURE_RULES,
    Measure,
    Similarity,
    compare_columns,
    narrow_weights,
)
from userportrait.recommend._sparse import nearest_rows

if TYPE_CHECKING:
    from collections.abc import Mapping

    from userportrait.recommend._interactions import Interactions, Matrix
    from userportrait.recommend._linear import Weighting

__all__ = ["ItemKNN"]


class ItemKNN(ItemToItem):
    r"""Recommend items that the same customers have had to do with as with the past items.

    Each item keeps its nearest neighbours; a customer's score of an item is the sum of its
    similarities to the customer's items, as far as it is among their neighbours.

    Parameters
    ----------
    n_neighbours : int, default=100
        Neighbours kept of each item, itself not counted. Of equally near ones, those in front in
        the order of IDs are kept.
    similarity : {'cosine', 'asymmetric', 'jaccard', 'dice', 'tfidf', 'bm25'}, default='cosine'
        How alike two items are; see Notes.
    shrinkage : float, default=0.0
        Added to what similarities are divided by: larger values trust pairs less that few
        customers share. 10 to 100 is usual. Of no consequence for the order of lists with
        ``'bm25'``, which divides by nothing.
    alpha : float, default=0.5
        Only for ``'asymmetric'``, in [0, 1]: at 1 a neighbour counts by the share of the past
        item's customers who have it, which favours popular items; at 0 by the share of its own
        customers who have the past item; 0.5 is the cosine.
    k1, b : float, default=1.2 and 0.75
        Only for ``'bm25'``: how soon further weight stops to count (above 0), and how much items
        of many customers are held back, in [0, 1].
    weighting : {'binary', 'raw', 'log'}, default='binary'
        Whether an interaction counts 1, its weight, or log(1 + weight); both when items are
        compared and when a customer's items are summed up.
    engine : {'auto', 'numpy', 'numba'}, default='auto'
        ``'auto'`` runs compiled code where numba is installed. The lists are the same.
    n_jobs : int, optional
        Threads of the compiled code; by default one for each processor. The lists are the same.

    Attributes
    ----------
    interactions_ : Interactions
        What it was fitted on.
    neighbours_ : csr_array of float32, shape (n_items, n_items)
        Row: a past item; columns: its neighbours; values: similarities above 0.

    See Also
    --------
    RP3Beta : Like it, by random walks; popular items are held back.
    UserKNN : Nearest customers instead of nearest items.

    Notes
    -----
    With x an item's column of weights over the customers, the similarity of a past item i and an
    item j is, h being the shrinkage:

    - cosine: :math:`x_i x_j / (|x_i| |x_j| + h)`; Deshpande and Karypis [1]_;
    - asymmetric: :math:`x_i x_j / (|x_i|^{2 \alpha} |x_j|^{2 (1 - \alpha)} + h)`; Aiolli [2]_;
    - jaccard: :math:`x_i x_j / (|x_i|^2 + |x_j|^2 - x_i x_j + h)`;
    - dice: :math:`x_i x_j / ((|x_i|^2 + |x_j|^2) / 2 + h)`;
    - tfidf: the cosine of :math:`\sqrt{x_{ui}} \, q_u`;
    - bm25: :math:`y_i y_j / (1 + h)` with
      :math:`y_{ui} = q_u x_{ui} (k_1 + 1) / (x_{ui} + k_1 (1 - b + b s_i / \bar s))`, where s
      is the sum of an item's weights [3]_.

    For the last two, items are documents and customers their words:
    :math:`q_u = \max(0, \log(n / (1 + n_u)))` with n items, n_u of them the customer's. These are
    the variants of the library implicit, whose logarithm can also be below 0.

    Similarities are rounded to float32, and the sums of them taken in float64, in the order of
    items: lists do not depend on the engine, on threads, or on who else is asked for. Time grows
    with the sum of squares of the customers' numbers of items. `update` is a refit.

    References
    ----------
    .. [1] Deshpande and Karypis (2004), "Item-based top-N recommendation algorithms", ACM
       Transactions on Information Systems 22(1).
    .. [2] Aiolli (2013), "Efficient top-N recommendation for very large scale binary rated
       datasets", RecSys.
    .. [3] Robertson and Zaragoza (2009), "The probabilistic relevance framework: BM25 and
       beyond", Foundations and Trends in Information Retrieval 3(4).

    Examples
    --------
    >>> import pandas as pd
    >>> lines = pd.DataFrame(
    ...     {
    ...         "customer_id": [1, 1, 2, 2, 3, 3, 4],
    ...         "item_id": ["cup", "tea", "cup", "tea", "tea", "pot", "cup"],
    ...     }
    ... )
    >>> model = ItemKNN().fit(lines)
    >>> model.recommend([4], k=2).round(3)
       customer_id item_id  score  rank          reason
    0            4     tea  0.667     1  because of cup
    1            4     pot  0.000     2         popular
    """

    neighbours_: Matrix

    _rules: ClassVar[Mapping[str, Rule]] = {
        "n_neighbours": Between(1, 1_000_000, integer=True),
        **MEASURE_RULES,
        **ENGINE_RULES,
    }

    def __init__(
        self,
        n_neighbours: int = 100,
        *,
        similarity: Similarity = "cosine",
        shrinkage: float = 0.0,
        alpha: float = 0.5,
        k1: float = 1.2,
        b: float = 0.75,
        weighting: Weighting = "binary",
        engine: Engine = "auto",
        n_jobs: int | None = None,
    ) -> None:
        self.n_neighbours = n_neighbours
        self.similarity: Similarity = similarity
        self.shrinkage = shrinkage
        self.alpha = alpha
        self.k1 = k1
        self.b = b
        self.weighting: Weighting = weighting
        self.engine: Engine = engine
        self.n_jobs = n_jobs

    def _learn(self, data: Interactions) -> None:
        measure = Measure(
            self.similarity, self.shrinkage, self.alpha, self.k1, self.b, self.weighting
        )
        compared = compare_columns(data.matrix, measure, self.engine)
        self.neighbours_ = nearest_rows(
            compared, self.n_neighbours, engine=self.engine, n_jobs=self.n_jobs
        )

    def _history_weights(self, history: Matrix) -> Matrix:
        return narrow_weights(history, self.weighting)
