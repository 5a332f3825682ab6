"""Bayesian personalised ranking: factors that put a customer's items in front of others."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from userportrait._core.params import Between, Rule
from userportrait._core.threads import one_blas_thread
from userportrait.recommend import _bpr_numpy
from userportrait.recommend._engines import ENGINE_RULES, plain_array, uses_numba
from userportrait.recommend._factors import FactorRecommender, first_factors
from userportrait.recommend._interactions import entry_rows, row_sizes

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from userportrait.recommend._engines import Engine
    from userportrait.recommend._interactions import Interactions, Matrix

__all__ = ["BPR"]

_OPEN = float("inf")
_MOST_IN_BATCH = 8192
_BATCHES = 50  # at least, in an iteration
_DRAWS = 10


class BPR(FactorRecommender):
    """Recommend by factors that put items a customer has in front of items without.

    Each pair of a customer and an item is compared with another item that the customer does not
    have, drawn anew in each iteration; the score of the first should be higher. Weights do not
    count: a pair is there or not.

    Parameters
    ----------
    n_factors : int, default=64
        Length of the vectors.
    n_iterations : int, default=40
        Passes over all pairs. See `loss_` for whether they are enough.
    learning_rate : float, default=0.05
        Length of the first step of each number; later ones are shorter.
    l2 : float, default=0.02
        Penalty on the squared factors of each comparison, 0 or more.
    random_state : int, default=0
        What first factors, the order of pairs and the compared items are drawn with.
    engine : {'auto', 'numpy', 'numba'}, default='auto'
        Compiled code where numba is installed. Answers agree but for rounding.
    n_jobs : int, optional
        Threads that make lists; by default one for each processor. Learning takes one, so that
        answers do not depend on it.

    Attributes
    ----------
    item_factors_ : ndarray of float64, shape (n_items, n_factors)
        In the order of ``interactions_.item_ids``.
    item_biases_ : ndarray of float64, shape (n_items,)
        Added to the product of factors.
    customer_factors_ : ndarray of float64, shape (n_customers, n_factors)
        In the order of ``interactions_.customer_ids``.
    loss_ : ndarray of float64, shape (n_iterations,)
        Mean of ``log(1 + exp(-difference))`` in each iteration: 0.69 for guessing.

    See Also
    --------
    ALS : Counts all pairs at once; faster, explains its scores, usually better lists.

    Notes
    -----
    The loss is that of [1]_. Steps are taken for a batch of pairs at a time, and each number has a
    rate of its own, which falls with the squared slopes so far [2]_. That makes the answer
    independent of threads, unlike updates without locks.

    Somebody new gets a vector that is linear in the mean factors of the items: the linear map that
    best gives the vectors of the customers of `fit`. Reasons use the same map, and name the past
    item that adds most there; scores of customers of `fit` are no sums over past items.

    Time for an iteration is O(n_pairs n_factors).

    References
    ----------
    .. [1] Rendle, Freudenthaler, Gantner and Schmidt-Thieme (2009), "BPR: Bayesian personalized
       ranking from implicit feedback", UAI.
    .. [2] Duchi, Hazan and Singer (2011), "Adaptive subgradient methods for online learning and
       stochastic optimization", Journal of Machine Learning Research 12.

    Examples
    --------
    >>> import pandas as pd
    >>> frame = pd.DataFrame({"customer_id": ["ann", "ann", "bo", "bo", "cy", "di", "di"],
    ...                       "item_id": ["tea", "cup", "tea", "cup", "tea", "jam", "bun"]})
    >>> model = BPR(4, n_iterations=200, engine="numpy").fit(frame)
    >>> model.recommend(["cy"], k=1)["item_id"].tolist()
    ['cup']
    """

    item_biases_: NDArray[np.float64]
    loss_: NDArray[np.float64]
    customer_factors_: NDArray[np.float64]
    item_factors_: NDArray[np.float64]

    _rules: ClassVar[Mapping[str, Rule]] = {
        "n_factors": Between(1, 4096, integer=True),
        "n_iterations": Between(1, 100_000, integer=True),
        "learning_rate": Between(0.0, _OPEN, open_low=True, open_high=True),
        "l2": Between(0.0, _OPEN, open_high=True),
        "random_state": Between(0, 2**32 - 1, integer=True),
        **ENGINE_RULES,
    }
    _learned: ClassVar[tuple[str, ...]] = (
        "customer_factors_",
        "item_factors_",
        "item_biases_",
        "loss_",
    )

    def __init__(
        self,
        n_factors: int = 64,
        *,
        n_iterations: int = 40,
        learning_rate: float = 0.05,
        l2: float = 0.02,
        random_state: int = 0,
        engine: Engine = "auto",
        n_jobs: int | None = None,
    ) -> None:
        self.n_factors = n_factors
        self.n_iterations = n_iterations
        self.learning_rate = learning_rate
        self.l2 = l2
        self.random_state = random_state
        self.engine: Engine = engine
        self.n_jobs = n_jobs

    def _learn(self, data: Interactions) -> None:
        generator = np.random.default_rng(self.random_state)
        n_customers, n_items = data.n_customers, data.n_items
        x = first_factors(n_customers, self.n_factors, generator).astype(np.float64)
        y = np.zeros((n_items, self.n_factors + 1))
        y[:, :-1] = first_factors(n_items, self.n_factors, generator)
        customer = entry_rows(data.matrix)
        item = data.matrix.indices.astype(np.intp)
        learner = _Learner(x, y, self.learning_rate, self.l2, self.engine)
        size = min(_MOST_IN_BATCH, max(1, -(-len(item) // _BATCHES)))
        losses = list[float]()
        for _ in range(self.n_iterations):
            order = generator.permutation(len(item))
            other = _others(customer[order], customer * n_items + item, n_items, generator)
            inside = other >= 0
            order, other = order[inside], other[inside]
            total = 0.0
            for first in range(0, len(order), size):
                part = order[first : first + size]
                total += learner.step(customer[part], item[part], other[first : first + size])
            losses.append(total / max(1, len(order)))
        self.customer_factors_ = x
        self.item_factors_, self.item_biases_ = y[:, :-1].copy(), y[:, -1].copy()
        self.loss_ = np.array(losses)

    def _settle(self) -> None:
        super()._settle()
        matrix = self.interactions_.matrix
        means = _mean_factors(matrix, self.item_factors_)
        with one_blas_thread():
            square = means.T @ means
            square += np.eye(len(square)) * (1e-6 * np.trace(square) / len(square) + 1e-12)
            linalg: Any = np.linalg
            self._map: NDArray[np.float64] = linalg.solve(square, means.T @ self.customer_factors_)
            self._aims: NDArray[np.float64] = self.item_factors_ @ self._map.T

    def _wide_items(self) -> NDArray[np.float64]:
        return np.concatenate([self.item_factors_, self.item_biases_[:, None]], axis=1)

    def _wide_rows(self, factors: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.concatenate([factors, np.ones((len(factors), 1))], axis=1)

    def _fold_in(self, history: Matrix) -> NDArray[np.float64]:
        means = _mean_factors(history, self.item_factors_)
        found = np.zeros_like(means)
        for d in range(len(self._map)):  # in an order that does not depend on other rows
            found += means[:, d, None] * self._map[d]
        return found

    def _main_items(
        self, history: Matrix, known: NDArray[np.intp], row: NDArray[np.intp], item: NDArray[Any]
    ) -> NDArray[np.intp]:
        found = np.full(len(row), -1, dtype=np.intp)
        order = np.argsort(row, kind="stable")
        rows, starts = np.unique(row[order], return_index=True)
        factors, aims = self.item_factors_, self._aims
        with one_blas_thread():
            for one, pairs in zip(rows.tolist(), np.split(order, starts[1:]), strict=True):
                codes = history.indices[history.indptr[one] : history.indptr[one + 1]]
                if not len(codes):
                    continue
                given: NDArray[np.float64] = factors[codes] @ aims[item[pairs]].T
                best = given.argmax(axis=0)
                told = given[best, np.arange(len(pairs))] > 0
                found[pairs[told]] = codes[best[told]]
        return found


class _Learner:
    """Takes steps, with either engine."""

    def __init__(
        self,
        x: NDArray[np.float64],
        y: NDArray[np.float64],
        rate: float,
        l2: float,
        engine: Engine,
    ) -> None:
        self._factors = (x, y, np.zeros_like(x), np.zeros_like(y))
        self._places = (np.full(len(x), -1, np.int64), np.full(len(y), -1, np.int64))
        self._how = (float(rate), float(l2))
        self._compiled: Any = None
        if uses_numba(engine, "BPR"):
            from userportrait.recommend._bpr_numba import take_step

            self._compiled = take_step

    def step(
        self, customer: NDArray[np.intp], item: NDArray[np.intp], other: NDArray[np.intp]
    ) -> float:
        """Take one step with some triples; return the sum of their losses."""
        if self._compiled is None:
            return _bpr_numpy.take_step(customer, item, other, *self._factors, *self._how)
        triples = [plain_array(part, np.int64) for part in (customer, item, other)]
        return float(self._compiled(*triples, *self._factors, *self._places, *self._how))


def _others(
    customer: NDArray[np.intp],
    pairs: NDArray[np.intp],
    n_items: int,
    generator: np.random.Generator,
) -> NDArray[np.intp]:
    """Draw an item for each customer that the customer does not have; -1 where luck fails.

    `pairs` has customer times `n_items` plus item, sorted.
    """
    found: NDArray[np.intp] = generator.integers(0, n_items, len(customer)).astype(np.intp)
    doubtful = np.arange(len(customer))
    for draw in range(_DRAWS):
        keys = customer[doubtful] * n_items + found[doubtful]
        place = np.minimum(np.searchsorted(pairs, keys), len(pairs) - 1)
        doubtful = doubtful[pairs[place] == keys]
        if not len(doubtful):
            break
        last = draw == _DRAWS - 1
        found[doubtful] = -1 if last else generator.integers(0, n_items, len(doubtful))
    return found


def _mean_factors(history: Matrix, factors: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the mean factors of the items of each row; zeros for an empty one."""
    sizes = row_sizes(history)
    pattern = history.copy()
    pattern.data = np.ones(len(pattern.data))
    sums: NDArray[np.float64] = pattern @ factors
    return sums / np.maximum(sizes, 1)[:, None]
