"""How good recommendations are: what customers turned out to want, against what was shown."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import pandas as pd

from userportrait._core.params import Between, InstanceOf, OneOf, Optional, check_values
from userportrait.recommend._evaluation_shop import read_segments, read_shop
from userportrait.recommend._evaluation_table import read_lists, read_relevant
from userportrait.recommend._metrics import ACCURACY, Judged, read_metrics
from userportrait.recommend._metrics_beyond import OF_LISTS, OF_THE_WHOLE, Shown
from userportrait.recommend._resampling import resample_means

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from numpy.typing import NDArray

    from userportrait.data import Items, Orders
    from userportrait.recommend._interactions import Interactions
    from userportrait.recommend._metrics import Gains, Metric
    from userportrait.recommend._metrics_beyond import Shop
    from userportrait.typing import CustomerId, IntoFrame, Recommends

    Floats: TypeAlias = NDArray[np.float64]

__all__ = [
    "CHECKED",
    "METRICS",
    "evaluate_customers",
    "evaluate_ranking",
    "judge",
    "values_by_customer",
]

METRICS: tuple[str, ...] = (*ACCURACY, *OF_LISTS, *OF_THE_WHOLE)

CHECKED: Mapping[str, Any] = {
    "min_weight": Optional(Between(0.0, float("inf"), open_low=True, open_high=True)),
    "gains": OneOf(("binary", "linear", "exponential")),
    "filter_seen": InstanceOf((bool,), "a bool"),
    "confidence_level": Between(0.0, 1.0, open_low=True, open_high=True),
    "n_resamples": Between(0, 1_000_000, integer=True),
    "random_state": Optional(Between(0, 2**63, integer=True)),
}
"""Rules of the parameters that several functions share."""


def evaluate_ranking(
    recommended: IntoFrame | Recommends,
    actual: Interactions | Orders | IntoFrame,
    *,
    metrics: str | Iterable[str] = ("recall@20", "ndcg@20"),
    train: Interactions | Orders | IntoFrame | None = None,
    items: Items | IntoFrame | Mapping[Any, str] | None = None,
    by: IntoFrame | Mapping[CustomerId, str] | None = None,
    min_weight: float | None = None,
    gains: Gains = "binary",
    filter_seen: bool = True,
    confidence_level: float = 0.95,
    n_resamples: int = 1000,
    random_state: int | None = 0,
) -> pd.DataFrame:
    """Evaluate recommended lists by what customers turned out to want.

    Parameters
    ----------
    recommended : frame, or any object that recommends
        A frame of any engine with `customer_id`, `item_id` and, best of all, `rank`; without it
        lists go by descending `score`, equal scores by item; without both by the order of rows,
        where the engine has one. Ranks may have gaps, which are closed. An object with the
        method ``recommend`` (`userportrait.typing.Recommends`) is asked for lists as long as
        the metrics need.
    actual : Interactions, Orders or frame
        The wanted items, `customer_id`, `item_id` and optionally `weight`; weights of a pair are
        summed, 1 a row without the column. Only rows of the test part belong here.
    metrics : str or iterable of str, default=('recall@20', 'ndcg@20')
        Names with the number of items of each list that count; see Notes.
    train : Interactions, Orders or frame, optional
        What the recommender has learned from: novelty, popularity, serendipity, diversity and
        the catalogue are measured by it. Taken from `recommended` where that is a fitted
        `Recommender`.
    items : Items, frame or mapping of item to category, optional
        All items on offer, the catalogue; `category` is for ``'category_diversity'``. By
        default the catalogue is that of `train`.
    by : frame or mapping of customer to text, optional
        The segment of each customer; a frame has `customer_id` and one more column. Customers
        without one come last, as segment None.
    min_weight : float, optional
        Pairs that weigh less are not wanted, such as low ratings. By default all of weight
        above 0 are.
    gains : {'binary', 'linear', 'exponential'}, default='binary'
        What a wanted item is worth to NDCG: 1, its weight w, or 2^w - 1.
    filter_seen : bool, default=True
        Passed to ``recommend`` where `recommended` has it.
    confidence_level : float, default=0.95
        Of the intervals.
    n_resamples : int, default=1000
        Bootstrap samples of the customers; 0 for no intervals.
    random_state : int, optional, default=0
        Seed of the bootstrap.

    Returns
    -------
    DataFrame
        One row per metric, in the order asked: `metric`, `value`, `ci_low`, `ci_high`,
        `n_customers` (the value is a mean over them) and `n_without_list`. With `by` one row
        per segment and metric, and `segment` as first column; segments are sorted.

    Raises
    ------
    InvalidParameterError
        If a metric is unknown or needs `train` or `items`, or a parameter does not fit; all
        problems are named.
    MissingColumnError, ColumnTypeError
        If a frame lacks a column, or one has a type it cannot have.
    InvalidDataError
        If nothing is wanted, a list has an item or a rank twice, or the IDs of two tables are
        texts here and numbers there.

    See Also
    --------
    evaluate_customers : The same for each customer.
    compare_rankings : Is one recommender better than another, or is it chance?

    Notes
    -----
    The customers are those of `actual`. One who has no list counts as 0 in what measures hits,
    and is counted in `n_without_list`; nothing can be said of the novelty of a list that is not
    there, so there its customer does not count. A customer who has a list and wanted nothing
    cannot be judged, and is passed over. A list shorter than ``k`` is judged as it is: what
    it lacks are misses.

    Let h be the hits among the first k items, and m the wanted items.

    - ``recall`` h / m; ``capped_recall`` h / min(m, k); ``weighted_recall`` the share of the
      wanted weight; ``precision`` h / k; ``f1`` 2 h / (m + k); ``hit_rate`` 1 if h > 0.
    - ``mrr`` 1 / rank of the first hit, 0 without one.
    - ``map`` the sum of the precision at each hit over min(m, k).
    - ``ndcg`` the sum of gain / log2(rank + 1) over that of the best possible list, which has
      min(m, k) items. [1]_
    - ``novelty`` the mean of -log2 of the share of customers of `train` who have the item, at
      least one of them [2]_; ``popularity`` the mean of that share, here 0 for an unknown item.
    - ``diversity`` 1 less the mean cosine of two items of the list, by the customers of `train`
      who have them; ``category_diversity`` the share of pairs from two categories, an item
      without one being like no other. Lists of fewer than two items do not count.
    - ``serendipity`` the share of the first k that is a hit and not among the k items with most
      customers in `train`. [3]_
    - ``coverage`` the share of the catalogue that is in any list; ``gini`` and ``entropy`` (in
      bits) of how often each item of the catalogue is shown [4]_; ``personalization`` the mean
      share of the first k that another customer's list does not have. These four belong to all
      lists together: they are no means over customers, depend on their number, and have no
      interval.

    Intervals are BCa bootstrap intervals over customers [5]_: they say how the mean would vary
    with other customers, not with another training part. All sums that the bootstrap makes are
    exact, so that the order of rows, the engine and the number of threads change nothing.

    References
    ----------
    .. [1] Järvelin and Kekäläinen (2002), "Cumulated gain-based evaluation of IR techniques",
       ACM Transactions on Information Systems 20(4).
    .. [2] Castells, Hurley and Vargas (2015), "Novelty and diversity in recommender systems",
       Recommender Systems Handbook, 2nd ed., Springer.
    .. [3] Ge, Delgado-Battenfeld and Jannach (2010), "Beyond accuracy: evaluating recommender
       systems by coverage and serendipity", RecSys.
    .. [4] Shani and Gunawardana (2011), "Evaluating recommendation systems", Recommender
       Systems Handbook, Springer.
    .. [5] Efron (1987), "Better bootstrap confidence intervals", Journal of the American
       Statistical Association 82(397).

    Examples
    --------
    >>> import pandas as pd
    >>> lists = pd.DataFrame(
    ...     {
    ...         "customer_id": ["ann", "ann", "bo", "bo"],
    ...         "item_id": ["tea", "cup", "tea", "pot"],
    ...         "rank": [1, 2, 1, 2],
    ...     }
    ... )
    >>> wanted = pd.DataFrame({"customer_id": ["ann", "bo", "cy"]})
    >>> wanted["item_id"] = ["cup", "tea", "tea"]
    >>> evaluate_ranking(lists, wanted, metrics=["recall@2", "mrr@2"], n_resamples=0)
         metric     value  ci_low  ci_high  n_customers  n_without_list
    0  recall@2  0.666667     NaN      NaN            3               1
    1     mrr@2  0.500000     NaN      NaN            3               1
    """
    owner = "evaluate_ranking"
    _check(
        owner,
        min_weight=min_weight,
        gains=gains,
        filter_seen=filter_seen,
        confidence_level=confidence_level,
        n_resamples=n_resamples,
        random_state=random_state,
    )
    chosen = read_metrics(metrics, METRICS, owner)
    shop = read_shop(recommended, train, items, chosen, owner)
    judged = judge(recommended, actual, chosen, min_weight, gains, filter_seen, owner)
    values = values_by_customer(judged, shop, chosen)
    parts: list[pd.DataFrame] = []
    for segment, rows in read_segments(by, judged.relevant.customer_ids, owner):
        found = resample_means(
            values if rows is None else values[rows],
            n_resamples=n_resamples,
            random_state=random_state,
        )
        part = _summary(judged, shop, chosen, values, rows)
        limits = [found.interval(at, confidence_level) for at in range(len(chosen))]
        part.insert(2, "ci_low", [low for low, _ in limits])
        part.insert(3, "ci_high", [high for _, high in limits])
        if by is not None:
            part.insert(0, "segment", pd.Series([segment] * len(part), dtype=object))
        parts.append(part)
    return parts[0] if by is None else pd.concat(parts, ignore_index=True)


def evaluate_customers(
    recommended: IntoFrame | Recommends,
    actual: Interactions | Orders | IntoFrame,
    *,
    metrics: str | Iterable[str] = ("recall@20", "ndcg@20"),
    train: Interactions | Orders | IntoFrame | None = None,
    items: Items | IntoFrame | Mapping[Any, str] | None = None,
    min_weight: float | None = None,
    gains: Gains = "binary",
    filter_seen: bool = True,
) -> pd.DataFrame:
    """Evaluate the list of each customer by what this customer turned out to want.

    Parameters
    ----------
    recommended, actual, metrics, train, items, min_weight, gains, filter_seen
        As in `evaluate_ranking`, but only metrics that a single list has: not ``'coverage'``,
        ``'gini'``, ``'entropy'`` and ``'personalization'``.

    Returns
    -------
    DataFrame
        One row per customer of `actual`, sorted: `customer_id`, `n_wanted`, `n_shown` (items of
        the list, of the largest ``k`` at most), and one column per metric; NaN where a list is
        too short to have one.

    Raises
    ------
    InvalidParameterError, MissingColumnError, ColumnTypeError, InvalidDataError
        As in `evaluate_ranking`.

    See Also
    --------
    evaluate_ranking : Means, with intervals.

    Examples
    --------
    >>> import pandas as pd
    >>> lists = pd.DataFrame({"customer_id": [1, 1], "item_id": ["tea", "cup"], "rank": [1, 2]})
    >>> wanted = pd.DataFrame({"customer_id": [1, 2], "item_id": ["cup", "tea"]})
    >>> evaluate_customers(lists, wanted, metrics=["recall@2", "mrr@2"])
       customer_id  n_wanted  n_shown  recall@2  mrr@2
    0            1         1        2       1.0    0.5
    1            2         1        0       0.0    0.0
    """
    owner = "evaluate_customers"
    _check(owner, min_weight=min_weight, gains=gains, filter_seen=filter_seen)
    chosen = read_metrics(metrics, (*ACCURACY, *OF_LISTS), owner)
    shop = read_shop(recommended, train, items, chosen, owner)
    judged = judge(recommended, actual, chosen, min_weight, gains, filter_seen, owner)
    values = values_by_customer(judged, shop, chosen)
    columns: dict[str, Any] = {
        "customer_id": judged.relevant.customer_ids,
        "n_wanted": judged.n_relevant,
        "n_shown": judged.sizes(max(metric.k for metric in chosen)),
    }
    columns |= {str(metric): values[:, at] for at, metric in enumerate(chosen)}
    return pd.DataFrame(columns)


def _check(owner: str, **values: object) -> None:
    check_values(owner, values, {name: CHECKED[name] for name in values})


def judge(
    recommended: Any,
    actual: Any,
    metrics: list[Metric],
    min_weight: float | None,
    gains: Gains,
    filter_seen: bool,
    owner: str,
) -> Judged:
    """Read both sides, and match them."""
    relevant = read_relevant(actual, min_weight=min_weight, owner=owner)
    k = max(metric.k for metric in metrics)
    lists = read_lists(recommended, relevant, k=k, filter_seen=filter_seen, owner=owner)
    return Judged(relevant, lists, gains)


def values_by_customer(judged: Judged, shop: Shop, metrics: list[Metric]) -> Floats:
    """Return one row per customer, one column per metric; NaN where there is no value."""
    found = np.full((judged.n, len(metrics)), np.nan)
    shown: dict[int, Shown] = {}
    for at, metric in enumerate(metrics):
        if metric.name in ACCURACY:
            found[:, at] = ACCURACY[metric.name](judged, metric.k)
        elif metric.name in OF_LISTS:
            lists = shown.setdefault(metric.k, Shown(judged, shop, metric.k))
            found[:, at] = OF_LISTS[metric.name](lists)
    return found


def _summary(
    judged: Judged,
    shop: Shop,
    metrics: list[Metric],
    values: Floats,
    rows: NDArray[np.bool_] | None,
) -> pd.DataFrame:
    """Return the metrics of some customers, without intervals."""
    some = values if rows is None else values[rows]
    without = judged.sizes(1) == 0
    n_without = int(without.sum() if rows is None else without[rows].sum())
    found: list[tuple[str, float, int, int]] = []
    for at, metric in enumerate(metrics):
        if metric.name in OF_THE_WHOLE:
            value = OF_THE_WHOLE[metric.name](Shown(judged, shop, metric.k), rows)
            n = len(some) - n_without
        else:
            known = some[:, at][~np.isnan(some[:, at])]
            value, n = float(known.mean()) if len(known) else float("nan"), len(known)
        found.append((str(metric), value, n, n_without))
    return pd.DataFrame(found, columns=["metric", "value", "n_customers", "n_without_list"])
