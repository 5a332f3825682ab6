"""Matrix factorisation of ratings."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np
from scipy import sparse

from userportrait._core import frames
from userportrait._core.params import Between, Rule
from userportrait.data import Events, Orders
from userportrait.errors import InvalidDataError, MissingColumnError
from userportrait.recommend._als import main_of_pairs
from userportrait.recommend._engines import ENGINE_RULES
from userportrait.recommend._factors import FactorRecommender, first_factors
from userportrait.recommend._interactions import Interactions
from userportrait.recommend._least_squares import Axes, Rows, axes_of, rows_of, solve_rows

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from userportrait.recommend._engines import Engine
    from userportrait.recommend._interactions import Matrix
    from userportrait.typing import IntoFrame

__all__ = ["ExplicitMF"]

_OPEN = float("inf")
_PAIR = ("customer_id", "item_id")


class ExplicitMF(FactorRecommender):
    """Predict ratings, and recommend what would be rated best.

    A rating is the mean of all, plus how the customer rates, plus how the item is rated, plus the
    product of two vectors. Customers and items are solved in turn, by least squares.

    Parameters
    ----------
    n_factors : int, default=20
        Length of the vectors.
    n_iterations : int, default=20
        How often items and customers are solved.
    l2 : float, default=15.0
        Penalty on the squared length of each vector, above 0; in squared points of the scale,
        whose default suits ratings from 1 to 5.
    bias_l2 : float, default=2.0
        Penalty on the squared bias of each customer and item, above 0.
    random_state : int, default=0
        What the first factors are drawn with.
    engine : {'auto', 'numpy', 'numba'}, default='auto'
        Compiled code where numba is installed. Answers agree but for rounding.
    n_jobs : int, optional
        Threads; by default one for each processor. Answers do not depend on it.

    Attributes
    ----------
    mean_ : float
        Mean of all ratings.
    item_factors_, customer_factors_ : ndarray of float64, shape (n, n_factors)
        In the order of ``interactions_.item_ids`` and ``interactions_.customer_ids``.
    item_biases_, customer_biases_ : ndarray of float64, shape (n,)
        What is added for each item and each customer.
    loss_ : ndarray of float64, shape (n_iterations,)
        Sum of squared errors after each iteration, penalties included.
    range_ : tuple of float
        The lowest and the highest rating seen.

    See Also
    --------
    ALS : For interactions without ratings.

    Notes
    -----
    The model is that of [1]_, solved by alternating least squares, biases together with factors
    of the same side. The last step solves all customers exactly, so that a basket with the same
    ratings gets the same scores as the customer who gave them.

    A frame is read as explicit feedback: of several ratings of a pair the newest counts. Scores
    are predicted ratings, not cut to the scale, so that they keep apart what is at its end; those
    of `predict` are cut. Items of a basket count as rated best where no ratings are given.

    References
    ----------
    .. [1] Koren, Bell and Volinsky (2009), "Matrix factorization techniques for recommender
       systems", Computer 42(8).

    Examples
    --------
    >>> import pandas as pd
    >>> ratings = pd.DataFrame({"customer_id": ["ann", "ann", "bo", "bo", "cy"],
    ...                         "item_id": ["tea", "cup", "tea", "cup", "tea"],
    ...                         "rating": [5, 1, 4, 2, 5]})
    >>> model = ExplicitMF(2, bias_l2=0.1, engine="numpy").fit(ratings)
    >>> pairs = pd.DataFrame({"customer_id": ["cy", "di"], "item_id": ["cup", "tea"]})
    >>> model.predict(pairs).round(1)
    array([2.1, 4.7])
    """

    mean_: float
    item_biases_: NDArray[np.float64]
    customer_biases_: NDArray[np.float64]
    loss_: NDArray[np.float64]
    range_: tuple[float, float]
    customer_factors_: NDArray[np.float64]
    item_factors_: NDArray[np.float64]

    _rules: ClassVar[Mapping[str, Rule]] = {
        "n_factors": Between(1, 4096, integer=True),
        "n_iterations": Between(1, 100_000, integer=True),
        "l2": Between(0.0, _OPEN, open_low=True, open_high=True),
        "bias_l2": Between(0.0, _OPEN, open_low=True, open_high=True),
        "random_state": Between(0, 2**32 - 1, integer=True),
        **ENGINE_RULES,
    }
    _learned: ClassVar[tuple[str, ...]] = (
        "customer_factors_",
        "item_factors_",
        "customer_biases_",
        "item_biases_",
        "mean_",
        "loss_",
        "range_",
    )

    def __init__(
        self,
        n_factors: int = 20,
        *,
        n_iterations: int = 20,
        l2: float = 15.0,
        bias_l2: float = 2.0,
        random_state: int = 0,
        engine: Engine = "auto",
        n_jobs: int | None = None,
    ) -> None:
        self.n_factors = n_factors
        self.n_iterations = n_iterations
        self.l2 = l2
        self.bias_l2 = bias_l2
        self.random_state = random_state
        self.engine: Engine = engine
        self.n_jobs = n_jobs

    def fit(self, interactions: Interactions | Orders | IntoFrame) -> Self:
        """Learn from ratings.

        Parameters
        ----------
        interactions : Interactions or frame
            A frame has `customer_id`, `item_id`, `rating` (or `weight`), and may have
            `occurred_at`. Interactions must have been read with ``feedback='explicit'``.

        Returns
        -------
        Self

        Raises
        ------
        InvalidParameterError
            If parameters do not fit; all of them are named.
        InvalidDataError, MissingColumnError
            If there are no ratings.
        """
        return super().fit(_ratings(interactions, "ExplicitMF.fit"))

    def update(self, interactions: Interactions | Orders | IntoFrame) -> Self:
        """Learn from further ratings; the same as a fit on all of them together.

        Parameters
        ----------
        interactions : Interactions or frame
            As in `fit`; new ones only.

        Returns
        -------
        Self

        Raises
        ------
        NotFittedError
            Before `fit`.
        InvalidDataError
            If they do not go together with those of `fit`.
        """
        self._check_fitted("interactions_")
        return super().update(_ratings(interactions, "ExplicitMF.update"))

    def predict(self, pairs: IntoFrame) -> NDArray[np.float64]:
        """Return the rating that is expected for each pair.

        Parameters
        ----------
        pairs : frame
            With `customer_id` and `item_id`; further columns do not matter.

        Returns
        -------
        ndarray of float64, shape (n_rows,)
            In the order of the rows, within the scale of the ratings seen. A customer or an item
            that `fit` has not seen is taken as an average one.

        Raises
        ------
        NotFittedError
            Before `fit`.
        MissingColumnError
            If a column is not there.
        """
        self._check_fitted("interactions_")
        inner = frames.enter(pairs, argument="pairs")
        names = frames.column_names(inner)
        for name in _PAIR:
            if name not in names:
                raise MissingColumnError(name, names, "pairs")
        columns = frames.collect_arrays(frames.select_columns(inner, list(_PAIR)), list(_PAIR))
        data = self.interactions_
        customer = data.customer_places(columns["customer_id"].tolist())
        item = data.item_places(columns["item_id"].tolist())
        both = (customer >= 0) & (item >= 0)
        found = np.full(len(customer), self.mean_)
        found += np.where(customer >= 0, self.customer_biases_[customer], 0.0)
        found += np.where(item >= 0, self.item_biases_[item], 0.0)
        x, y = self.customer_factors_[customer[both]], self.item_factors_[item[both]]
        found[both] += np.einsum("ij,ij->i", x, y)
        low, high = self.range_
        kept: NDArray[np.float64] = np.clip(found, low, high)
        return kept

    def _learn(self, data: Interactions) -> None:
        given = data.matrix
        across = given.T.tocsr()
        self.mean_ = float(given.data.mean()) if given.nnz else 0.0
        self.range_ = (float(given.data.min(initial=np.inf)), float(given.data.max(initial=0.0)))
        generator = np.random.default_rng(self.random_state)
        x = first_factors(data.n_customers, self.n_factors + 1, generator).astype(np.float64)
        x[:, -1] = 0.0
        y, losses = x[:0], list[float]()
        for _ in range(self.n_iterations):
            y, _error = self._solve(across, x)
            x, error = self._solve(given, y)
            losses.append(error + self._penalty(y))
        self.customer_factors_, self.customer_biases_ = x[:, :-1].copy(), x[:, -1].copy()
        self.item_factors_, self.item_biases_ = y[:, :-1].copy(), y[:, -1].copy()
        self.loss_ = np.array(losses)

    def _solve(
        self, ratings: Matrix, other: NDArray[np.float64]
    ) -> tuple[NDArray[np.float64], float]:
        """Solve one side; the last place of each vector is its bias."""
        rows = self._rows(ratings, other[:, -1])
        found, gain = self._solved(rows, self._axes_of(other))
        return found, float(rows.target @ rows.target) - float(gain.sum())

    def _solved(self, rows: Rows, axes: Axes) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        ridge = np.full(len(rows), float(self.l2))
        found, gain = solve_rows(rows, axes, ridge, self.engine, self.n_jobs)
        found[:, -1] *= self._bias_length
        return found, gain

    def _rows(self, ratings: Matrix, biases: NDArray[np.float64]) -> Rows:
        """Return what is left of ratings for the factors and the bias of each row."""
        left = ratings.data - self.mean_ - biases[ratings.indices]
        return rows_of(ratings, np.ones(len(left)), left)

    def _axes_of(self, other: NDArray[np.float64]) -> Axes:
        """Return the vectors of one side, with a place for the bias of the other."""
        wide = other.copy()
        wide[:, -1] = self._bias_length
        return axes_of(wide, is_common=False)

    @property
    def _bias_length(self) -> float:
        """A bias is the product of this and a number that is penalised like a factor."""
        return float(np.sqrt(self.l2 / self.bias_l2))

    def _penalty(self, rows: NDArray[np.float64]) -> float:
        squares = np.einsum("ij,ij->j", rows, rows)
        return float(self.l2 * squares[:-1].sum() + self.bias_l2 * squares[-1])

    def _settle(self) -> None:
        super()._settle()
        wide = np.concatenate([self.item_factors_, self.item_biases_[:, None]], axis=1)
        self._axes: Axes = self._axes_of(wide)

    def _wide_items(self) -> NDArray[np.float64]:
        return np.concatenate([self.item_factors_, self.item_biases_[:, None]], axis=1)

    def _wide_rows(self, factors: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.concatenate([factors[:, :-1], np.ones((len(factors), 1))], axis=1)

    def _factors_of(self, history: Matrix, known: NDArray[np.intp]) -> NDArray[np.float64]:
        biases = self.customer_biases_[known][:, None]
        found = np.concatenate([self.customer_factors_[known], biases], axis=1)
        new = np.flatnonzero(known < 0)
        if len(new):
            found[new] = self._fold_in(history if len(new) == len(known) else history[new])
        return found

    def _starts(
        self, factors: NDArray[np.float64], history: Matrix, known: NDArray[np.intp]
    ) -> NDArray[np.float64]:
        return self.mean_ + factors[:, -1]

    def _fold_in(self, history: Matrix) -> NDArray[np.float64]:
        return self._solved(self._rows(history, self.item_biases_), self._axes)[0]

    def _main_items(
        self, history: Matrix, known: NDArray[np.intp], row: NDArray[np.intp], item: NDArray[Any]
    ) -> NDArray[np.intp]:
        rows = self._rows(history, self.item_biases_)
        ridge = np.full(len(rows), float(self.l2))
        return main_of_pairs(rows, self._axes, ridge, row, item, self.engine, self.n_jobs)


def _ratings(value: Any, owner: str) -> Interactions:
    """Read a frame as ratings, or see that interactions are."""
    if isinstance(value, (Orders, Events)) or sparse.issparse(value):
        message = (
            f"{owner}: a {type(value).__name__} holds no ratings. Give a frame of customer_id, "
            f"item_id and rating, or take ALS."
        )
        raise InvalidDataError(message)
    if not isinstance(value, Interactions):
        names = frames.column_names(frames.enter(value, argument="interactions"))
        if "rating" not in names and "weight" not in names:
            raise MissingColumnError("rating", names, owner)
        return Interactions.from_frame(value, feedback="explicit")
    if value.feedback != "explicit":
        message = (
            f"{owner}: the interactions were read as implicit feedback. Read them with "
            f"feedback='explicit' if their weights are ratings; otherwise take ALS."
        )
        raise InvalidDataError(message)
    return value
