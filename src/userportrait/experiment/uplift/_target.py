"""Whom to treat with a given budget, and what that should earn."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import pandas as pd

from userportrait._core.display import definition_list, format_count, page_fragment
from userportrait._core.params import Between, Optional, Rule, check_values
from userportrait.errors import InvalidDataError
from userportrait.experiment.uplift._policy import read_costs
from userportrait.experiment.uplift._trial import as_numbers, check_lengths

if TYPE_CHECKING:
    from collections.abc import Mapping

    from matplotlib.axes import Axes
    from numpy.typing import ArrayLike, NDArray

    Floats: TypeAlias = NDArray[np.float64]

__all__ = ["Targeting", "target"]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Targeting:
    """Customers chosen for a treatment.

    Parameters
    ----------
    customer_id : ndarray of shape (n,)
        Customers, or their row positions where no IDs were given.
    uplift, cost, profit : ndarray of float64, shape (n,)
        Predicted uplift in outcomes; cost of the treatment; worth of the uplift less the cost.
    rank : ndarray of int64, shape (n,)
        1 for the customer with the highest worth per cost.
    chosen : ndarray of bool, shape (n,)
    budget : float or None

    Attributes
    ----------
    n_chosen : int
    spent : float
    expected_outcomes : float
        Additional outcomes expected from those chosen.
    expected_profit : float
        Their worth less the cost.

    Examples
    --------
    >>> chosen = target([0.10, 0.02, 0.06], budget=2.0, cost=1.0, value=50.0)
    >>> chosen.customer_ids.tolist(), round(chosen.expected_profit, 2)
    ([0, 2], 6.0)
    """

    customer_id: NDArray[Any] = field(repr=False)
    uplift: Floats = field(repr=False)
    cost: Floats = field(repr=False)
    profit: Floats = field(repr=False)
    rank: NDArray[np.int64] = field(repr=False)
    chosen: NDArray[np.bool_] = field(repr=False)
    budget: float | None

    @property
    def customer_ids(self) -> NDArray[Any]:
        """Those chosen, best first."""
        found = np.flatnonzero(self.chosen)
        return self.customer_id[found[np.argsort(self.rank[found], kind="stable")]]

    @property
    def n_chosen(self) -> int:
        """Number of customers chosen."""
        return int(self.chosen.sum())

    @property
    def spent(self) -> float:
        """Cost of treating those chosen."""
        return float(self.cost[self.chosen].sum())

    @property
    def expected_outcomes(self) -> float:
        """Additional outcomes expected."""
        return float(self.uplift[self.chosen].sum())

    @property
    def expected_profit(self) -> float:
        """Worth of the additional outcomes less the cost."""
        return float(self.profit[self.chosen].sum())

    def to_frame(self) -> pd.DataFrame:
        """Return one row per customer, in the order given."""
        return pd.DataFrame(
            {
                "customer_id": self.customer_id,
                "uplift": self.uplift,
                "cost": self.cost,
                "expected_profit": self.profit,
                "rank": self.rank,
                "chosen": self.chosen,
            }
        )

    def to_dict(self) -> dict[str, float | int | None]:
        """Return the totals."""
        return {
            "n_chosen": self.n_chosen,
            "budget": self.budget,
            "spent": self.spent,
            "expected_outcomes": self.expected_outcomes,
            "expected_profit": self.expected_profit,
        }

    def plot(self, ax: Axes | None = None) -> Axes:
        """Draw the expected profit by money spent, and where the choice stops."""
        from userportrait.experiment.uplift._plots import draw_budget

        return draw_budget(self, ax)

    def __str__(self) -> str:
        return (
            f"{format_count(self.n_chosen, 'customer')} of {len(self.chosen):,} for "
            f"{self.spent:,.2f}: {self.expected_outcomes:,.1f} additional outcomes, "
            f"{self.expected_profit:,.2f} profit expected"
        )

    def _repr_html_(self) -> str:
        return page_fragment("Customers to treat", definition_list(self.to_dict()))


_RULES: Mapping[str, Rule] = {
    "budget": Optional(Between(0, float("inf"), open_high=True)),
    "value": Between(0, float("inf"), open_low=True, open_high=True),
    "max_customers": Optional(Between(0, 10**12, integer=True)),
    "min_profit": Between(float("-inf"), float("inf"), open_low=True, open_high=True),
}


def target(
    uplift: ArrayLike,
    *,
    budget: float | None = None,
    cost: float | ArrayLike = 0.0,
    value: float = 1.0,
    max_customers: int | None = None,
    min_profit: float = 0.0,
    customer_id: ArrayLike | None = None,
) -> Targeting:
    """Choose the customers whose treatment should earn most within a budget.

    Parameters
    ----------
    uplift : array-like of shape (n,)
        Predicted additional outcomes of each customer, such as `Uplift.predict` returns.
    budget : float, optional
        What may be spent in all. By default there is no limit.
    cost : float or array-like of shape (n,), default=0.0
        Of treating a customer; at least 0.
    value : float, default=1.0
        What one unit of the outcome is worth, in the currency of `cost`.
    max_customers : int, optional
        How many may be chosen at most.
    min_profit : float, default=0.0
        Only customers with a higher expected profit than this are chosen.
    customer_id : array-like of shape (n,), optional
        IDs, for the result. By default the positions of the rows.

    Returns
    -------
    Targeting

    Raises
    ------
    InvalidParameterError
        If a parameter will not do.
    InvalidDataError
        If lengths differ or a value is missing.

    Notes
    -----
    Customers come in the order of worth per cost, until the first one that the budget has no
    room for; so the profit is at most one customer's worth below the best that is possible, and
    is the best where all cost the same. Equal ones come in the order of `customer_id`. The
    best predictions are also the luckiest ones: expect less than `expected_profit`, and
    measure it with `policy_value` on customers that the model has not seen. [1]_

    References
    ----------
    .. [1] Dantzig (1957), "Discrete-variable extremum problems", Operations Research 5(2),
       266-288.

    Examples
    --------
    >>> print(target([0.10, 0.02, 0.06, -0.01], budget=2.0, cost=1.0, value=50.0))
    2 customers of 4 for 2.00: 0.2 additional outcomes, 6.00 profit expected
    """
    values = (budget, value, max_customers, min_profit)
    check_values("target", dict(zip(_RULES, values, strict=True)), _RULES)
    gains = as_numbers(uplift, "uplift")
    costs = read_costs(cost, len(gains))
    ids = np.arange(len(gains)) if customer_id is None else np.asarray(customer_id)
    check_lengths(uplift=len(gains), customer_id=len(ids))
    if len(np.unique(ids)) < len(ids):
        message = "customer_id holds a customer more than once."
        raise InvalidDataError(message, column="customer_id")
    profit = value * gains - costs
    order = _order(value * gains, costs, profit > min_profit, ids)
    limit = int((profit > min_profit).sum())
    if max_customers is not None:
        limit = min(limit, max_customers)
    if budget is not None:
        # A hair of room, so that ten times 0.1 fits into 1.
        within = np.cumsum(costs[order]) <= budget * (1 + 1e-12)
        limit = min(limit, int(within.argmin()) if not within.all() else len(within))
    chosen = np.zeros(len(gains), dtype=bool)
    chosen[order[:limit]] = True
    rank = np.empty(len(gains), dtype=np.int64)
    rank[order] = np.arange(1, len(gains) + 1)
    return Targeting(
        customer_id=ids,
        uplift=gains,
        cost=costs,
        profit=profit,
        rank=rank,
        chosen=chosen,
        budget=budget,
    )


def _order(
    worth: Floats, cost: Floats, wanted: NDArray[np.bool_], ids: NDArray[Any]
) -> NDArray[np.int64]:
    """Return customers by worth per cost, those that are not wanted last."""
    ratio = np.divide(worth, cost, out=np.full(len(cost), np.inf), where=cost > 0)
    free = cost == 0
    ratio = np.where(free & (worth <= 0), -np.inf, ratio)
    name = np.unique(ids, return_inverse=True)[1] if len(ids) else np.zeros(0)
    return np.lexsort((name, -worth, -ratio, ~wanted))
