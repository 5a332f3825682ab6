"""Whom to contact: the customers that a budget buys, and what they should bring."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import pandas as pd

from userportrait._core.display import definition_list, page_fragment
from userportrait._core.params import Between, Optional, check_values
from userportrait.errors import InvalidDataError
from userportrait.predict._calibration import read_probability
from userportrait.predict._lift import read_score

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats: TypeAlias = NDArray[np.float64]

__all__ = ["TargetList", "choose_targets"]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class TargetList:
    """The customers to contact, best first.

    Parameters
    ----------
    customers : DataFrame
        ``rank``, ``customer_id``, ``probability``, ``value``, ``cost``, ``expected_profit``,
        ``cumulative_cost``, ``cumulative_profit``.
    n_candidates : int
        Customers given.
    n_unprofitable : int
        Customers whose expected profit is not above 0, so that they are never chosen.
    budget : float or None

    See Also
    --------
    choose_targets : Make one.

    Examples
    --------
    >>> from userportrait.predict import choose_targets
    >>> found = choose_targets(["ann", "bo"], [0.4, 0.01], value=30, cost=1)
    >>> found.customers["customer_id"].tolist(), round(found.expected_profit, 2)
    (['ann'], 11.0)
    """

    customers: pd.DataFrame
    n_candidates: int
    n_unprofitable: int
    budget: float | None

    @property
    def cost(self) -> float:
        """What contacting them costs."""
        return float(self.customers["cost"].sum())

    @property
    def expected_responses(self) -> float:
        """How many should respond."""
        return float(self.customers["probability"].sum())

    @property
    def expected_profit(self) -> float:
        """What they should bring, less the cost."""
        return float(self.customers["expected_profit"].sum())

    def to_frame(self) -> pd.DataFrame:
        """Return the customers."""
        return self.customers.copy()

    def __str__(self) -> str:
        return (
            f"{len(self.customers):,} of {self.n_candidates:,} customers: cost {self.cost:,.2f}, "
            f"expected responses {self.expected_responses:,.1f}, "
            f"expected profit {self.expected_profit:,.2f}; "
            f"{self.n_unprofitable:,} would not pay for their contact"
        )

    def _repr_html_(self) -> str:
        shown = {
            "customers": f"{len(self.customers):,} of {self.n_candidates:,}",
            "cost": f"{self.cost:,.2f}",
            "expected responses": f"{self.expected_responses:,.1f}",
            "expected profit": f"{self.expected_profit:,.2f}",
            "would not pay for their contact": f"{self.n_unprofitable:,}",
        }
        return page_fragment("Target list", definition_list(shown))


def choose_targets(
    customer_id: Any,
    probability: Any,
    *,
    value: Any = 1.0,
    cost: Any = 0.0,
    budget: float | None = None,
    n_most: int | None = None,
) -> TargetList:
    """Choose the customers whose contact pays most, within a budget.

    Parameters
    ----------
    customer_id : array-like of shape (n_customers,)
        Each once.
    probability : array-like of shape (n_customers,)
        Chance of a response, in [0, 1]; calibrated, or the profit is wrong.
    value : float or array-like of shape (n_customers,), default=1.0
        What a response brings; finite.
    cost : float or array-like of shape (n_customers,), default=0.0
        What a contact costs, 0 or more and finite.
    budget : float, optional
        Cost of all contacts, at most.
    n_most : int, optional
        Customers, at most.

    Returns
    -------
    TargetList

    Raises
    ------
    InvalidParameterError
        If `budget` or `n_most` are out of range.
    InvalidDataError
        If lengths differ, values are missing, infinite or not numbers, IDs stand twice, or
        probabilities are outside [0, 1].

    Notes
    -----
    Without a budget customers are taken by expected profit, equal ones in the order given.
    With one they are taken by expected profit per cost as long as the budget lasts, and a
    customer that no longer fits is passed over. [1]_ They are also taken by expected profit
    alone, and, where `n_most` limits them too, by expected profit less the cost times the price
    of money at which the budget is just spent. [2]_ The best of these lists is kept: it is
    within one customer's profit of the best list there is.

    References
    ----------
    .. [1] Dantzig (1957), "Discrete-variable extremum problems", Operations Research 5(2).
    .. [2] Fisher (1981), "The Lagrangian relaxation method for solving integer programming
       problems", Management Science 27(1).

    Examples
    --------
    >>> from userportrait.predict import choose_targets
    >>> found = choose_targets(["ann", "bo", "cy"], [0.5, 0.4, 0.01], value=30, cost=1, budget=2)
    >>> found.customers["customer_id"].tolist(), found.n_unprofitable
    (['ann', 'bo'], 1)
    >>> found.cost, found.expected_responses, found.expected_profit
    (2.0, 0.9, 25.0)
    """
    check_values(
        "choose_targets",
        {"budget": budget, "n_most": n_most},
        {
            "budget": Optional(Between(0.0, 1e300)),
            "n_most": Optional(Between(1, 2**62, integer=True)),
        },
    )
    chance = read_probability(probability, owner="choose_targets")
    ids = pd.Series(customer_id).reset_index(drop=True)
    _check_ids(ids, len(chance))
    worth = _spread(value, len(chance), "value")
    price = _spread(cost, len(chance), "cost")
    if (price < 0).any():
        bad = np.flatnonzero(price < 0)
        message = "choose_targets: cost must be 0 or more."
        raise InvalidDataError(message, rows=bad[:5].tolist(), n_rows=len(bad))
    profit = chance * worth - price
    lists = [_within(order, price, budget, n_most) for order in _orders(profit, price, budget)]
    if budget is not None and n_most is not None and len(lists) > 1:
        lists.append(_priced(profit, price, budget, n_most))
    chosen = max(lists, key=lambda rows: float(profit[rows].sum()))
    frame = pd.DataFrame(
        {
            "rank": np.arange(1, len(chosen) + 1),
            "customer_id": ids.iloc[chosen].to_numpy(),
            "probability": chance[chosen],
            "value": worth[chosen],
            "cost": price[chosen],
            "expected_profit": profit[chosen],
            "cumulative_cost": np.cumsum(price[chosen]),
            "cumulative_profit": np.cumsum(profit[chosen]),
        }
    )
    return TargetList(
        customers=frame, n_candidates=len(chance), n_unprofitable=int((profit <= 0).sum()),
        budget=budget,
    )  # fmt: skip


def _check_ids(ids: pd.Series[Any], n_rows: int) -> None:
    if len(ids) != n_rows:
        message = f"choose_targets: {len(ids)} customer IDs and {n_rows} probabilities."
        raise InvalidDataError(message)
    for bad, what in ((ids.isna(), "are missing"), (ids.duplicated(), "stand twice")):
        rows = np.flatnonzero(bad.to_numpy())
        if len(rows):
            message = f"choose_targets: some customer IDs {what}."
            raise InvalidDataError(
                message, column="customer_id", rows=rows[:5].tolist(), n_rows=len(rows)
            )


def _spread(values: Any, n_rows: int, name: str) -> Floats:
    if np.ndim(values) == 0:
        single = read_score([values], owner="choose_targets", name=name)
        return np.full(n_rows, single[0])
    found = read_score(values, owner="choose_targets", name=name)
    if len(found) != n_rows:
        message = f"choose_targets: {name} has {len(found)} values for {n_rows} customers."
        raise InvalidDataError(message)
    return found


def _orders(profit: Floats, price: Floats, budget: float | None) -> list[NDArray[np.intp]]:
    """Return the rows that pay, best first: by profit, with a budget also by profit per cost."""
    paying = np.flatnonzero(profit > 0)
    worth = profit[paying]
    by_profit: NDArray[np.intp] = paying[np.argsort(-worth, kind="stable")]
    if budget is None or not len(paying) or price[paying].min() == price[paying].max():
        return [by_profit]
    with np.errstate(divide="ignore"):
        per_cost = worth / price[paying]
    return [paying[np.lexsort((-worth, -per_cost))], by_profit]


def _within(
    order: NDArray[np.intp], price: Floats, budget: float | None, n_most: int | None
) -> NDArray[np.intp]:
    most = len(order) if n_most is None else min(n_most, len(order))
    if budget is None:
        return order[:most]
    spent = np.cumsum(price[order])
    fits = int(np.searchsorted(spent, budget * (1 + 1e-12), side="right"))
    if fits >= most or fits == len(order):
        return order[:most]
    chosen = order[:fits].tolist()
    left = budget - (float(spent[fits - 1]) if fits else 0.0)
    for row in order[fits:].tolist():
        if len(chosen) == most:
            break
        if price[row] <= left:
            chosen.append(row)
            left -= float(price[row])
    return np.array(chosen, dtype=np.intp)


def _priced(profit: Floats, price: Floats, budget: float, n_most: int) -> NDArray[np.intp]:
    """Return rows by profit less what their cost is worth, at the rate that spends the budget.

    Just above this rate the best `n_most` rows fit into the budget, just below they do not.
    They differ by rows that are worth the same; of these, those that fit are exchanged.
    """
    costly = (profit > 0) & (price > 0)
    low, high = 0.0, 1.000001 * float((profit[costly] / price[costly]).max(initial=0.0))
    fit, beyond = _best_at(high, profit, price, n_most), _best_at(low, profit, price, n_most)
    limit = budget * (1.0 + 1e-12)
    if price[beyond].sum() <= limit:
        return beyond[np.argsort(-profit[beyond], kind="stable")]
    while high - low > 1e-14 * high:
        rate = (low + high) / 2.0
        rows = _best_at(rate, profit, price, n_most)
        if price[rows].sum() <= limit:
            high, fit = rate, rows
        else:
            low, beyond = rate, rows
    goes, comes = np.setdiff1d(fit, beyond), np.setdiff1d(beyond, fit)
    goes = goes[np.argsort(price[goes], kind="stable")]
    comes = comes[np.argsort(-price[comes], kind="stable")]
    n_new = len(comes) - len(goes)  # come in addition: fewer rows paid at the higher rate
    left = limit - float(price[fit].sum())
    chosen: set[int] = set(fit.tolist())
    for at, new in enumerate(comes.tolist()):
        old = int(goes[at - n_new]) if at >= n_new else None
        more = float(price[new]) - (0.0 if old is None else float(price[old]))
        if 0.0 < more <= left:
            chosen.add(new)
            chosen -= set() if old is None else {old}
            left -= more
    rows = np.array(sorted(chosen), dtype=np.intp)
    return rows[np.argsort(-profit[rows], kind="stable")]


def _best_at(rate: float, profit: Floats, price: Floats, n_most: int) -> NDArray[np.intp]:
    """Return at most so many rows of the largest worth above 0, in the order given."""
    worth = profit - rate * price
    rows = np.flatnonzero((worth > 0) & (profit > 0))
    if len(rows) <= n_most:
        return rows
    cut = np.partition(worth[rows], len(rows) - n_most)[len(rows) - n_most]
    above, even = rows[worth[rows] > cut], rows[worth[rows] == cut]
    return np.sort(np.r_[above, even[: n_most - len(above)]])
