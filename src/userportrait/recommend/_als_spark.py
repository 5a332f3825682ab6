"""Alternating least squares by Spark's MLlib, for what outgrows one machine."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from userportrait._core import frames
from userportrait._core.lazy import optional_import
from userportrait._core.params import Between, Optional, Rule
from userportrait.errors import UnsupportedOnEngine
from userportrait.recommend._als import ALS
from userportrait.recommend._engines import ENGINE_RULES
from userportrait.recommend._interactions import entry_rows
from userportrait.recommend._least_squares import axes_of, solve_rows
from userportrait.recommend._linear import WEIGHTING_RULE, Weighting, weighted

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from userportrait.recommend._als import Solver
    from userportrait.recommend._engines import Engine
    from userportrait.recommend._interactions import Interactions, Matrix

__all__ = ["SparkALS"]

_WHAT = "SparkALS"
_OPEN = float("inf")


class SparkALS(ALS):
    """`ALS` whose factors a Spark cluster learns; lists, filters and reasons are as ever.

    Spark's MLlib alternates on its workers. The vectors of items come back, customers are solved
    exactly from them here, and the model is then one like `ALS`: it answers without Spark, folds in
    new customers, explains and is saved.

    Parameters
    ----------
    n_factors : int, default=64
        Length of the vectors.
    n_iterations : int, default=15
        How often items and customers are solved.
    alpha : float, optional
        How much more an interaction counts than none; as in `ALS`.
    l2 : float, default=100.0
        Penalty on the squared length of an average item's vector, above 0. MLlib scales it by the
        number of interactions, as `ALS` does with ``frequency_scaling=1``.
    weighting : {'binary', 'raw', 'log'}, default='binary'
        Whether the weight of an interaction is 1, as it is, or the logarithm of 1 + weight.
    n_blocks : int, default=10
        Parts into which Spark cuts customers and items.
    random_state : int, default=0
        MLlib's seed.
    engine : {'auto', 'numpy', 'numba'}, default='auto'
        For what is computed here.
    n_jobs : int, optional
        Threads here; by default one for each processor.

    Attributes
    ----------
    item_factors_, customer_factors_, alpha_
        As in `ALS`.
    loss_ : ndarray of shape (1,)
        The loss at the end.

    See Also
    --------
    ALS : The same on one machine, which is the faster one up to some hundred million pairs.

    Notes
    -----
    Needs an active Spark session. The pairs of customers and items are collected once, because
    lists leave out what customers have; factors of n_items x n_factors come back. Factors depend
    on how Spark adds up, so equal seeds give equal lists only on an equal cluster. The method is
    that of [1]_ on blocks.

    References
    ----------
    .. [1] Hu, Koren and Volinsky (2008), "Collaborative filtering for implicit feedback datasets",
       ICDM.

    Examples
    --------
    >>> SparkALS(n_factors=32, n_blocks=200)
    SparkALS(n_factors=32, n_blocks=200)
    """

    frequency_scaling: float = 1.0
    solver: Solver = "cholesky"
    customer_factors_: NDArray[np.float64]
    item_factors_: NDArray[np.float64]
    loss_: NDArray[np.float64]
    alpha_: float

    _rules: ClassVar[Mapping[str, Rule]] = {
        "n_factors": Between(1, 4096, integer=True),
        "n_iterations": Between(1, 100_000, integer=True),
        "alpha": Optional(Between(0.0, _OPEN, open_low=True, open_high=True)),
        "l2": Between(0.0, _OPEN, open_low=True, open_high=True),
        "weighting": WEIGHTING_RULE,
        "n_blocks": Between(1, 1_000_000, integer=True),
        "random_state": Between(0, 2**32 - 1, integer=True),
        **ENGINE_RULES,
    }

    def __init__(
        self,
        n_factors: int = 64,
        *,
        n_iterations: int = 15,
        alpha: float | None = None,
        l2: float = 100.0,
        weighting: Weighting = "binary",
        n_blocks: int = 10,
        random_state: int = 0,
        engine: Engine = "auto",
        n_jobs: int | None = None,
    ) -> None:
        self.n_factors = n_factors
        self.n_iterations = n_iterations
        self.alpha = alpha
        self.l2 = l2
        self.weighting: Weighting = weighting
        self.n_blocks = n_blocks
        self.random_state = random_state
        self.engine: Engine = engine
        self.n_jobs = n_jobs

    def _learn(self, data: Interactions) -> None:
        given = weighted(data.matrix, self.weighting)
        self.alpha_ = self._alpha_for(given)
        customers = self._rows(given)
        self._mean_total = self._mean_of(customers)
        self.item_factors_ = self._item_factors(given)
        axes = axes_of(self.item_factors_, is_common=True)
        ridge = self._ridge(customers, self._mean_total)
        found, gain = solve_rows(customers, axes, ridge, self.engine, self.n_jobs)
        self.customer_factors_ = found
        items = self._ridge(self._rows(given.T.tocsr()), None)
        penalty = float((items[:, None] * self.item_factors_**2).sum())
        self.loss_ = np.array([float(customers.target.sum()) - float(gain.sum()) + penalty])

    def _item_factors(self, given: Matrix) -> NDArray[np.float64]:
        """Return what MLlib learns of items; zeros for items of nobody."""
        optional_import("pyspark", what=_WHAT, extra="spark")
        session = _active_session()
        mean_count = given.nnz / max(1, given.shape[0])
        estimator: Any = import_module("pyspark.ml.recommendation").ALS(
            rank=self.n_factors,
            maxIter=self.n_iterations,
            regParam=float(self.l2) / max(1.0, mean_count),
            implicitPrefs=True,
            alpha=self.alpha_,
            numUserBlocks=self.n_blocks,
            numItemBlocks=self.n_blocks,
            seed=self.random_state,
            userCol="customer",
            itemCol="item",
            ratingCol="weight",
        )
        pairs = _on_spark(session, given)
        with frames.quiet_spark():
            rows = estimator.fit(pairs).itemFactors.collect()
        found = np.zeros((given.shape[1], self.n_factors))
        for row in rows:
            found[row["id"]] = row["features"]
        return found


def _active_session() -> Any:
    session = import_module("pyspark.sql").SparkSession.getActiveSession()
    if session is None:
        remedy = "Make one with SparkSession.builder.getOrCreate(), or use ALS."
        raise UnsupportedOnEngine(f"{_WHAT}.fit", "Spark without an active session", remedy)
    return session


def _on_spark(session: Any, given: Matrix) -> Any:
    """Hand the pairs to Spark."""
    import pandas as pd

    frame = pd.DataFrame(
        {
            "customer": entry_rows(given).astype(np.int32),
            "item": given.indices.astype(np.int32),
            "weight": given.data.astype(np.float32),
        }
    )
    with frames.quiet_spark():
        return session.createDataFrame(frame)
