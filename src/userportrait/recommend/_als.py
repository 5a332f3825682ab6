"""Alternating least squares on implicit feedback."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Literal, TypeAlias

import numpy as np

from userportrait._core.params import Between, OneOf, Optional, Rule
from userportrait._core.threads import one_blas_thread
from userportrait.recommend._als_numpy import shares
from userportrait.recommend._als_steps import Side, improve
from userportrait.recommend._engines import ENGINE_RULES
from userportrait.recommend._factors import FactorRecommender, first_factors
from userportrait.recommend._interactions import csr
from userportrait.recommend._least_squares import (
    Axes,
    Rows,
    axes_of,
    main_entries,
    rows_of,
    solve_rows,
)
from userportrait.recommend._linear import WEIGHTING_RULE, Weighting, weighted

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from userportrait.recommend._engines import Engine
    from userportrait.recommend._interactions import Interactions, Matrix

__all__ = ["ALS"]

Solver: TypeAlias = Literal["cg", "cholesky"]

_USUAL_ALPHA = 2.5
_OPEN = float("inf")


class ALS(FactorRecommender):
    """Recommend by factors that tell the items of each customer from all others.

    The weighted matrix factorisation of implicit feedback: every customer and every item is a
    vector; their product should be 1 where there is an interaction and 0 elsewhere, and counts the
    more, the surer it is. Customers and items are solved in turn.

    Parameters
    ----------
    n_factors : int, default=64
        Length of the vectors. More factors tell more apart and take longer.
    n_iterations : int, default=15
        How often customers and items are solved in turn; customers once more at the end.
    alpha : float, optional
        How much more an interaction counts than none: an interaction of weight w counts
        ``1 + alpha w``. By default 2.5 times the root of the number of cells for each pair, for an
        interaction of mean weight: 12 on MovieLens-1M, 97 on gowalla.
    l2 : float, default=100.0
        Penalty on the squared lengths of an average customer's and item's vector, above 0.
    frequency_scaling : float, default=0.5
        How much more customers and items of many interactions are penalised: by the power of what
        they count, divided by the mean. 0 to 1; 1 is the penalty of [3]_.
    weighting : {'binary', 'raw', 'log'}, default='binary'
        Whether the weight of an interaction is 1, as it is, or the logarithm of 1 + weight.
    solver : {'cg', 'cholesky'}, default='cg'
        A step of conjugate gradients [2]_ in the first two thirds of the iterations, then two; or
        exact. The first is faster and about as good.
    random_state : int, default=0
        What the first factors are drawn with.
    engine : {'auto', 'numpy', 'numba'}, default='auto'
        Compiled code where numba is installed. Answers agree but for rounding.
    n_jobs : int, optional
        Threads; by default one for each processor. Answers do not depend on it.

    Attributes
    ----------
    item_factors_ : ndarray of float64, shape (n_items, n_factors)
        In the order of ``interactions_.item_ids``.
    customer_factors_ : ndarray of float64, shape (n_customers, n_factors)
        In the order of ``interactions_.customer_ids``.
    loss_ : ndarray of float64, shape (n_iterations,)
        The loss after each iteration, its penalty included; the last one with customers solved
        once more.
    alpha_ : float
        The `alpha` that was used.

    See Also
    --------
    BPR : Factors that put a customer's items in front of others.
    ExplicitMF : Factors of ratings.

    Notes
    -----
    The loss is the sum over all customers u and items i of ``c (p - x_u y_i)^2``, with c = 1 +
    alpha w and p = 1 for pairs, c = 1 and p = 0 for all others, plus the penalties [1]_.

    The last step solves all customers exactly, whichever the solver. So a customer of `fit`, a
    basket of the same items and a new customer with the same history have the same vector, and a
    score is a sum over past items: `explain` returns its terms.

    Rows are solved in the axes of what they have in common, stretched to one. There, a row of n
    interactions takes O(n n_factors) for a step of conjugate gradients, and an exact solution
    a system of the smaller of n and n_factors. Time for an iteration is O(n_pairs n_factors) with
    ``'cg'``; memory is that of the factors.

    References
    ----------
    .. [1] Hu, Koren and Volinsky (2008), "Collaborative filtering for implicit feedback datasets",
       ICDM.
    .. [2] Takács, Pilászy and Tikk (2011), "Applications of the conjugate gradient method for
       implicit feedback collaborative filtering", RecSys.
    .. [3] Rendle, Krichene, Zhang and Koren (2022), "Revisiting the performance of iALS on item
       recommendation benchmarks", RecSys.

    Examples
    --------
    >>> import pandas as pd
    >>> frame = pd.DataFrame({"customer_id": ["ann", "ann", "bo", "bo", "cy", "di"],
    ...                       "item_id": ["tea", "cup", "tea", "cup", "tea", "jam"]})
    >>> model = ALS(2, l2=0.1, engine="numpy").fit(frame)
    >>> model.recommend(["cy"], k=1)[["item_id", "reason"]]
      item_id          reason
    0     cup  because of tea
    """

    customer_factors_: NDArray[np.float64]
    item_factors_: NDArray[np.float64]
    loss_: NDArray[np.float64]
    alpha_: float

    _rules: ClassVar[Mapping[str, Rule]] = {
        "n_factors": Between(1, 4096, integer=True),
        "n_iterations": Between(1, 100_000, integer=True),
        "alpha": Optional(Between(0.0, _OPEN, open_low=True, open_high=True)),
        "l2": Between(0.0, _OPEN, open_low=True, open_high=True),
        "frequency_scaling": Between(0.0, 1.0),
        "weighting": WEIGHTING_RULE,
        "solver": OneOf(("cg", "cholesky")),
        "random_state": Between(0, 2**32 - 1, integer=True),
        **ENGINE_RULES,
    }
    _learned: ClassVar[tuple[str, ...]] = (
        "customer_factors_",
        "item_factors_",
        "loss_",
        "alpha_",
        "_mean_total",
    )

    def __init__(
        self,
        n_factors: int = 64,
        *,
        n_iterations: int = 15,
        alpha: float | None = None,
        l2: float = 100.0,
        frequency_scaling: float = 0.5,
        weighting: Weighting = "binary",
        solver: Solver = "cg",
        random_state: int = 0,
        engine: Engine = "auto",
        n_jobs: int | None = None,
    ) -> None:
        self.n_factors = n_factors
        self.n_iterations = n_iterations
        self.alpha = alpha
        self.l2 = l2
        self.frequency_scaling = frequency_scaling
        self.weighting: Weighting = weighting
        self.solver: Solver = solver
        self.random_state = random_state
        self.engine: Engine = engine
        self.n_jobs = n_jobs

    def _learn(self, data: Interactions) -> None:
        given = weighted(data.matrix, self.weighting)
        self.alpha_ = self._alpha_for(given)
        customers, items = self._rows(given), self._rows(given.T.tocsr())
        self._mean_total = self._mean_of(customers)
        ridges = (self._ridge(customers, self._mean_total), self._ridge(items, None))
        x, y = self._first(data)
        constant = float(customers.target.sum())
        with one_blas_thread():  # held: to change the number of threads wakes all of them
            if self.solver == "cholesky":
                whole = y.astype(np.float64)
                found, losses = self._solve(customers, items, ridges, whole, constant)
            else:
                found, losses = self._improve(customers, items, ridges, x, y)
            # Exactly as a customer of the same history is folded in later.
            self.customer_factors_, gain = self._solved(customers, found, ridges[0])
        losses[-1] = constant - float(gain.sum()) + _penalty(found, ridges[1])
        self.item_factors_, self.loss_ = found, np.array(losses)

    def _alpha_for(self, given: Matrix) -> float:
        return _usual_alpha(given) if self.alpha is None else float(self.alpha)

    def _mean_of(self, customers: Rows) -> float:
        return float(_totals(customers).mean()) if len(customers) else 1.0

    def _first(self, data: Interactions) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Return the factors of customers and items to start from."""
        generator = np.random.default_rng(self.random_state)
        customers = first_factors(data.n_customers, self.n_factors, generator)
        return customers, first_factors(data.n_items, self.n_factors, generator)

    def _rows(self, matrix: Matrix) -> Rows:
        """Return interactions as least squares take them: the target of x y is 1."""
        weight = self.alpha_ * matrix.data
        return rows_of(matrix, weight, 1.0 + weight)

    def _ridge(self, rows: Rows, mean: float | None) -> NDArray[np.float64]:
        """Return the penalty of each row."""
        totals = _totals(rows)
        if not self.frequency_scaling or not len(totals):
            return np.full(len(rows), float(self.l2))
        mean = float(totals.mean()) if mean is None else mean
        scaled: NDArray[np.float64] = self.l2 * (totals / mean) ** self.frequency_scaling
        return scaled

    def _solve(
        self,
        customers: Rows,
        items: Rows,
        ridges: tuple[NDArray[np.float64], NDArray[np.float64]],
        y: NDArray[np.float64],
        constant: float,
    ) -> tuple[NDArray[np.float64], list[float]]:
        """Solve each side exactly in turn, items last."""
        losses = list[float]()
        for _ in range(self.n_iterations):
            x, _gain = self._solved(customers, y, ridges[0])
            y, gain = self._solved(items, x, ridges[1])
            losses.append(constant - float(gain.sum()) + _penalty(x, ridges[0]))
        return y, losses

    def _improve(
        self,
        customers: Rows,
        items: Rows,
        ridges: tuple[NDArray[np.float64], NDArray[np.float64]],
        x: NDArray[np.float32],
        y: NDArray[np.float32],
    ) -> tuple[NDArray[np.float64], list[float]]:
        """Take steps on each side in turn, items last.

        One is enough while the other side still moves far; that also ends at a lower loss.
        """
        users, things = Side(customers, x, ridges[0]), Side(items, y, ridges[1])
        losses = list[float]()
        n_rough = 2 * self.n_iterations // 3
        for number in range(self.n_iterations):
            n_steps = 1 if number < n_rough else 2
            for one, other in ((users, things), (things, users)):
                improve(one, other, n_steps, self.engine, self.n_jobs)
            losses.append(float(things.loss.sum()) + _penalty(users.factors, ridges[0]))
        return things.factors.astype(np.float64), losses

    def _solved(
        self, rows: Rows, factors: NDArray[np.float64], ridge: NDArray[np.float64]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return the exact factors of one side, and what is gained in each row."""
        axes = axes_of(factors, is_common=True, n_jobs=self.n_jobs)
        return solve_rows(rows, axes, ridge, self.engine, self.n_jobs)

    def _settle(self) -> None:
        super()._settle()
        self._axes: Axes = axes_of(self.item_factors_, is_common=True, n_jobs=self.n_jobs)

    def _given(self, history: Matrix) -> tuple[Rows, NDArray[np.float64]]:
        """Return histories as least squares take them, and their penalties."""
        rows = self._rows(weighted(history, self.weighting))
        return rows, self._ridge(rows, self._mean_total)

    def _fold_in(self, history: Matrix) -> NDArray[np.float64]:
        rows, ridge = self._given(history)
        found, _ = solve_rows(rows, self._axes, ridge, self.engine, self.n_jobs)
        return found

    def _contributions(
        self, items: NDArray[np.intp], weights: NDArray[np.float64], known: int, item: int
    ) -> NDArray[np.float64]:
        if not len(items):
            return np.zeros(0)
        n_items = self.interactions_.n_items
        one = csr(weights, items.astype(np.int32), np.array([0, len(items)]), (1, n_items))
        rows, ridge = self._given(one)
        place, target = np.arange(len(items)), np.array([item])
        given = (rows.indices, rows.weight, rows.target)
        found = shares(place, *given, self._axes.factors, self._axes.base + ridge[0], target)
        terms: NDArray[np.float64] = found[:, 0]
        return terms

    def _main_items(
        self, history: Matrix, known: NDArray[np.intp], row: NDArray[np.intp], item: NDArray[Any]
    ) -> NDArray[np.intp]:
        rows, ridge = self._given(history)
        return main_of_pairs(rows, self._axes, ridge, row, item, self.engine, self.n_jobs)


def main_of_pairs(
    rows: Rows,
    axes: Axes,
    ridge: NDArray[np.float64],
    row: NDArray[np.intp],
    item: NDArray[Any],
    engine: Engine,
    n_jobs: int | None,
) -> NDArray[np.intp]:
    """Return the item of each row's history that adds most to each pair, -1 for none."""
    order = np.argsort(row, kind="stable")
    ends = np.zeros(len(rows) + 1, dtype=np.int64)
    np.cumsum(np.bincount(row, minlength=len(rows)), out=ends[1:])
    wanted = item[order].astype(np.int64)
    entry = main_entries(rows, axes, ridge, ends, wanted, engine, n_jobs)
    found = np.full(len(row), -1, dtype=np.intp)
    told = entry >= 0
    place = rows.indptr[row[order[told]]] + entry[told]
    found[order[told]] = rows.indices[place]
    return found


def _totals(rows: Rows) -> NDArray[np.float64]:
    """Return what the interactions of each row count together, and 1 for the row itself."""
    row = np.repeat(np.arange(len(rows)), rows.sizes)
    total: NDArray[Any] = np.bincount(row, weights=rows.weight, minlength=len(rows))
    return total.astype(np.float64) + 1.0


def _usual_alpha(matrix: Matrix) -> float:
    """Return an alpha that suits how rare pairs are, for interactions of mean weight."""
    n_customers, n_items = matrix.shape
    total = float(matrix.data.sum())
    if not total:
        return 1.0
    mean = total / matrix.nnz
    return float(_USUAL_ALPHA * np.sqrt(n_customers * n_items / matrix.nnz) / mean)


def _penalty(factors: NDArray[Any], ridge: NDArray[np.float64]) -> float:
    return float(np.einsum("ij,ij->i", factors, factors) @ ridge)
