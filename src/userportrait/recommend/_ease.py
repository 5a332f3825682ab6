"""EASE: the best linear item-to-item weights, in closed form, on the smaller side."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Literal, TypeAlias

import numpy as np

from userportrait._core.params import Between, OneOf, Rule
from userportrait.errors import InvalidDataError
from userportrait.recommend._base import Recommender
from userportrait.recommend._interactions import csr
from userportrait.recommend._inverse import invert_in_place
from userportrait.recommend._linear import (
    WEIGHTING_RULE,
    Weighting,
    column_sums,
    dense_pair_sums,
    dense_scores,
    exact_top,
    main_items_by_column,
    power,
    row_numbers,
    row_sums,
    weighted,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from userportrait.recommend._interactions import Interactions, Matrix
    from userportrait.recommend._top import Top

__all__ = ["EASE"]

Side: TypeAlias = Literal["auto", "items", "customers"]

_STRIP = 512  # rows of a product at a time
_GIB = 2**30


class EASE(Recommender):
    """Recommend by item-to-item weights that predict each customer's items from the others.

    The least-squares weights with a zero diagonal have a closed form: one inverse of a matrix of
    items by items, or, with the same answer, of customers by customers.

    Parameters
    ----------
    l2 : float, default=500.0
        Ridge penalty, above 0. 100 to 1,000 suits most data; sparser data want less.
    customer_power : float, default=0.0
        How much less a customer with many items counts in the fit: a customer of n items counts
        with n to the power of minus this, scaled so that all interactions together count as much
        as before. 0 to 2; 0.8 was better than 0 on MovieLens-1M, 0.5 on gowalla.
    item_power : float, default=0.0
        Scores of an item of n customers are multiplied by n to the power of minus this. 0 to 1;
        0.1 to 0.2 was better than 0 on both.
    side : {'auto', 'items', 'customers'}, default='auto'
        What the inverted matrix is of; by default what there are fewer of. The customers' side
        answers slower, most of all for baskets and new customers.
    weighting : {'binary', 'raw', 'log'}, default='binary'
        Whether an interaction counts 1, its weight, or the logarithm of 1 + weight.
    max_memory : float, default=6.0
        GiB that a fit may take for the inverse; beyond, it refuses before it starts.

    Attributes
    ----------
    item_weights_ : ndarray of float32, shape (n_items, n_items)
        What a past item (row) adds to the score of an item (column). On the items' side only.
    kernel_ : ndarray of float32, shape (n_customers, n_customers)
        Inverse of ``X X' + l2``. On the customers' side only.
    graph_ : csr_array of float64, shape (n_customers, n_items)
        The weighted interactions X. On the customers' side only.
    diagonal_ : ndarray of float64, shape (n_items,)
        Diagonal of the inverse of ``X'X + l2``. On the customers' side only.

    See Also
    --------
    GraphFilter : As linear, without a matrix of items by items.
    SLIM : The same problem with few weights, none of them negative.

    Notes
    -----
    With P the inverse of ``X'X + l2``, the weight of a past item i for an item j is
    ``-P_ij / P_jj`` [1]_. On the customers' side, with K the inverse of ``X X' + l2``, the identity
    ``X P = K X`` gives the scores of the customers of `fit`, and ``P = (1 - X' K X) / l2`` those of
    anybody else. The inverse takes ``4 n^2`` bytes and ``n^3`` operations, n the smaller side; it
    is computed in float32.

    References
    ----------
    .. [1] Steck (2019), "Embarrassingly shallow autoencoders for sparse data", The Web Conference.

    Examples
    --------
    >>> import pandas as pd
    >>> frame = pd.DataFrame({"customer_id": ["ann", "ann", "bo", "bo", "cy"],
    ...                       "item_id": ["tea", "cup", "tea", "cup", "tea"]})
    >>> EASE(l2=1.0).fit(frame).recommend(["cy"], k=1)[["item_id", "score", "reason"]].round(3)
      item_id  score          reason
    0     cup    0.5  because of tea
    """

    item_weights_: NDArray[np.float32]
    kernel_: NDArray[np.float32]
    graph_: Matrix
    diagonal_: NDArray[np.float64]

    _rules: ClassVar[Mapping[str, Rule]] = {
        "l2": Between(0.0, float("inf"), open_low=True, open_high=True),
        "customer_power": Between(0.0, 2.0),
        "item_power": Between(0.0, 1.0),
        "side": OneOf(("auto", "customers", "items")),
        "weighting": WEIGHTING_RULE,
        "max_memory": Between(0.0, float("inf"), open_low=True),
    }
    _learned: ClassVar[tuple[str, ...]] = (
        "item_weights_",
        "kernel_",
        "graph_",
        "diagonal_",
        "_customer_scale",
        "_item_scale",
    )

    def __init__(
        self,
        l2: float = 500.0,
        *,
        customer_power: float = 0.0,
        item_power: float = 0.0,
        side: Side = "auto",
        weighting: Weighting = "binary",
        max_memory: float = 6.0,
    ) -> None:
        self.l2 = l2
        self.customer_power = customer_power
        self.item_power = item_power
        self.side: Side = side
        self.weighting: Weighting = weighting
        self.max_memory = max_memory

    def _learn(self, data: Interactions) -> None:
        given = weighted(data.matrix, self.weighting)
        on_items = self.side == "items" or (
            self.side == "auto" and data.n_items <= data.n_customers
        )
        n = data.n_items if on_items else data.n_customers
        self._check_memory(n, data)
        for name in self._learned:
            if hasattr(self, name):
                delattr(self, name)
        row = row_numbers(given)
        per_customer = row_sums(given)
        counts = power(per_customer, -self.customer_power)
        total = float((counts * per_customer).sum())
        self._customer_scale = np.sqrt(counts * (per_customer.sum() / total if total else 1.0))
        self._item_scale = power(column_sums(given), -self.item_power)
        graph = csr(
            given.data * self._customer_scale[row], given.indices, given.indptr, given.shape
        )
        if on_items:
            self._learn_items(graph)
        else:
            self._learn_customers(graph)

    def _check_memory(self, n: int, data: Interactions) -> None:
        needed = 4 * n * (n + 8192) / _GIB
        if needed <= self.max_memory:
            return
        side = "items" if n == data.n_items else "customers"
        other = min(data.n_items, data.n_customers)
        smaller = 4 * other * (other + 8192) / _GIB
        remedy = (
            f"side='auto' would take {smaller:.1f} GiB"
            if smaller <= self.max_memory
            else "Raise max_memory, leave out rare items, or take GraphFilter, which keeps no such "
            "matrix"
        )
        message = (
            f"EASE: the inverse for {n:,} {side} takes {needed:.1f} GiB; max_memory is "
            f"{self.max_memory:g}. {remedy}."
        )
        raise InvalidDataError(message)

    def _learn_items(self, graph: Matrix) -> None:
        inverse = invert_in_place(_gram(graph.T.tocsr(), self.l2))
        diagonal = np.diag(inverse).copy()
        inverse *= (self._item_scale / -diagonal).astype(np.float32)
        np.fill_diagonal(inverse, 0.0)
        self.item_weights_ = inverse

    def _learn_customers(self, graph: Matrix) -> None:
        self.kernel_ = invert_in_place(_gram(graph, self.l2))
        self.graph_ = graph
        across = graph.T.tocsr().astype(np.float32)
        total = np.zeros(graph.shape[1])
        for start in range(0, graph.shape[0], _STRIP):
            rows = slice(start, start + _STRIP)
            reached = _times(self.kernel_[rows], across)
            part = graph[rows]
            values = reached[row_numbers(part), part.indices] * part.data
            total += np.bincount(part.indices, weights=values, minlength=len(total))
        self.diagonal_ = (1.0 - total) / self.l2

    def _settle(self) -> None:
        if hasattr(self, "graph_"):
            self._across: Matrix = self.graph_.T.tocsr().astype(np.float32)

    # Scores

    def _scores(self, history: Matrix, known: NDArray[np.intp]) -> NDArray[Any]:
        given = weighted(history, self.weighting)
        if hasattr(self, "item_weights_"):
            return dense_scores(given, self.item_weights_)
        found = np.empty(history.shape, dtype=np.float32)
        for start in range(0, history.shape[0], _STRIP):
            rows = slice(start, start + _STRIP)
            found[rows] = self._scores_of_strip(given[rows], known[rows])
        return found

    def _scores_of_strip(self, given: Matrix, known: NDArray[np.intp]) -> NDArray[np.float32]:
        """Return ``r - r P / diag(P)``, scaled, with P from the customers' side."""
        of_fit = (known >= 0) & (self._customer_scale[known] > 0)
        reached = np.empty((len(known), len(self.kernel_)), dtype=np.float32)
        reached[of_fit] = self.kernel_[known[of_fit]]
        others = np.flatnonzero(~of_fit)
        if len(others):
            across = given[others] @ self.graph_.T.tocsr()
            reached[others] = dense_scores(across.tocsr(), self.kernel_)
        inner = _times(reached, self._across)
        scale = np.where(of_fit, 1.0 / np.where(of_fit, self._customer_scale[known], 1.0),
                         -1.0 / self.l2)  # fmt: skip
        inner *= -scale[:, None].astype(np.float32)
        row = row_numbers(given)
        outside = ~of_fit[row]
        inner[row[outside], given.indices[outside]] -= given.data[outside] / self.l2
        inner /= self.diagonal_.astype(np.float32)
        inner[row, given.indices] += given.data
        inner *= self._item_scale.astype(np.float32)
        return inner

    def _top_of_block(
        self,
        history: Matrix,
        known: NDArray[np.intp],
        k: int,
        allowed: NDArray[np.bool_] | None,
        blocked: Matrix | None,
    ) -> Top:
        if not hasattr(self, "item_weights_"):
            return super()._top_of_block(history, known, k, allowed, blocked)
        given = weighted(history, self.weighting)

        def exact(row: NDArray[np.intp], item: NDArray[np.intp]) -> NDArray[np.float64]:
            return dense_pair_sums(given, self.item_weights_, row, item)

        return exact_top(dense_scores(given, self.item_weights_), exact, k, allowed, blocked)

    # Why

    def _columns(self, items: NDArray[np.intp]) -> NDArray[np.float32]:
        """Return columns of the item weights."""
        if hasattr(self, "item_weights_"):
            return self.item_weights_[:, items]
        chosen = self._across[items]
        reached = dense_scores(chosen, self.kernel_)  # items by customers
        found: NDArray[np.float32] = self._across @ np.ascontiguousarray(reached.T)
        found *= (self._item_scale[items] / (self.l2 * self.diagonal_[items])).astype(np.float32)
        found[items, np.arange(len(items))] = 0.0
        return found

    def _contributions(
        self, items: NDArray[np.intp], weights: NDArray[np.float64], known: int, item: int
    ) -> NDArray[np.float64]:
        one = csr(weights, items, np.array([0, len(items)]), (1, self.interactions_.n_items))
        column = self._columns(np.array([item], dtype=np.intp))[items, 0].astype(np.float64)
        found: NDArray[np.float64] = weighted(one, self.weighting).data * column
        return found

    def _main_items(
        self, history: Matrix, known: NDArray[np.intp], row: NDArray[np.intp], item: NDArray[Any]
    ) -> NDArray[np.intp]:
        given = weighted(history, self.weighting)
        return main_items_by_column(self._columns, given, row, item)


def _gram(rows: Matrix, l2: float) -> NDArray[np.float32]:
    """Return products of all rows with all in front of them, and the penalty on the diagonal."""
    n = rows.shape[0]
    narrow = rows.astype(np.float32)
    across = narrow.T.tocsr()
    found = np.zeros((n, n), dtype=np.float32)
    for start in range(0, n, _STRIP):
        part = slice(start, min(start + _STRIP, n))
        (narrow[part] @ across).toarray(out=found[part])
    found[np.diag_indices(n)] += np.float32(l2)
    return found


def _times(rows: NDArray[np.float32], across: Matrix) -> NDArray[np.float32]:
    """Return dense rows times a sparse matrix that is given transposed.

    Each row is summed in the order of customers, so it does not depend on the other rows.
    """
    found: NDArray[np.float32] = across @ np.ascontiguousarray(rows.T)
    return np.ascontiguousarray(found.T)
