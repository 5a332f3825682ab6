"""Is one recommender better than another, or is it chance? Paired tests over customers."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import numpy as np
import pandas as pd
from scipy.stats import t as student

from userportrait._core.display import format_count, page_fragment, table
from userportrait._core.multiplicity import adjust_p
from userportrait._core.params import OneOf, Optional, check_values
from userportrait.errors import InvalidDataError, InvalidParameterError, unknown_name
from userportrait.recommend._evaluate import CHECKED, values_by_customer
from userportrait.recommend._evaluation_shop import is_mapping, read_shop
from userportrait.recommend._evaluation_table import read_lists, read_relevant
from userportrait.recommend._metrics import ACCURACY, Judged, read_metrics
from userportrait.recommend._metrics_beyond import OF_LISTS
from userportrait.recommend._resampling import (
    resample_means,
    sign_flip_p_values,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from numpy.typing import NDArray

    from userportrait.data import Items, Orders
    from userportrait.recommend._interactions import Interactions
    from userportrait.recommend._metrics import Gains, Metric
    from userportrait.typing import IntoFrame, Recommends

    Floats: TypeAlias = NDArray[np.float64]

__all__ = ["RankingComparison", "compare_rankings"]

_OWNER = "compare_rankings"

TestName: TypeAlias = Literal["permutation", "bootstrap", "t"]
Adjustment: TypeAlias = Literal["holm", "bonferroni", "bh", "by"]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class RankingComparison:
    """What differs between recommenders on the same customers, and how surely.

    Parameters
    ----------
    values : DataFrame
        One row per recommender and metric: `ranking`, `metric`, `value`, `ci_low`, `ci_high`.
    differences : DataFrame
        One row per metric and pair of recommenders: `metric`, `ranking`, `other`,
        `difference` (the first less the other), `ci_low`, `ci_high`, `p_value`,
        `adjusted_p_value`, `n_customers`, and `n_better` and `n_worse` of them.
    method : str
        The test.
    adjust : str or None
        How p-values were adjusted, over all rows of `differences`.
    n_customers : int
        Customers of the comparison.

    See Also
    --------
    compare_rankings : Makes one.

    Examples
    --------
    >>> import pandas as pd
    >>> from userportrait.recommend import compare_rankings
    >>> actual = pd.DataFrame({"customer_id": [1, 2, 3], "item_id": ["a", "b", "c"]})
    >>> good = actual.assign(rank=1)
    >>> found = compare_rankings({"good": good, "poor": good.assign(item_id="z")}, actual,
    ...                          metrics="recall@1")
    >>> found.values["value"].tolist()
    [1.0, 0.0]
    """

    values: pd.DataFrame
    differences: pd.DataFrame
    method: str
    adjust: str | None
    n_customers: int

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, RankingComparison):
            return NotImplemented
        mine, theirs = self._facts(), other._facts()
        return mine == theirs and self.differences.equals(other.differences)

    def __hash__(self) -> int:
        raise TypeError("RankingComparison cannot be hashed.")

    def _facts(self) -> tuple[object, ...]:
        return self.method, self.adjust, self.n_customers, self.values.to_csv()

    def to_frame(self) -> pd.DataFrame:
        """Return the differences as a frame of your own."""
        return self.differences.copy()

    def to_dict(self) -> dict[str, Any]:
        """Return the facts by name, and both tables as lists of dicts."""
        return {
            "method": self.method,
            "adjust": self.adjust,
            "n_customers": self.n_customers,
            "values": self.values.to_dict("records"),
            "differences": self.differences.to_dict("records"),
        }

    def __repr__(self) -> str:
        n = self.values["ranking"].nunique()
        customers = format_count(self.n_customers, "customer")
        return f"RankingComparison({format_count(n, 'ranking')}, {customers}, {self.method})"

    @property
    def _told(self) -> str:
        rule = "not adjusted" if self.adjust is None else f"adjusted by {self.adjust}"
        customers = format_count(self.n_customers, "customer")
        return f"The same {customers} for all; paired {self.method} test, p-values {rule}."

    def _rows(self) -> tuple[list[str], list[list[str]]]:
        names = ["metric", "ranking", "other", "difference", "interval", "p"]
        rows: list[list[str]] = []
        for row in self.differences.to_dict("records"):
            span = f"[{row['ci_low']:+.4f}, {row['ci_high']:+.4f}]"
            texts = [str(row[name]) for name in names[:3]]
            rows.append([*texts, f"{row['difference']:+.4f}", span, _p(row["adjusted_p_value"])])
        return names, rows

    def __str__(self) -> str:
        names, rows = self._rows()
        text = pd.DataFrame(rows, columns=names).to_string(index=False)
        return f"Rankings compared\n{self._told}\n{text}"

    def _repr_html_(self) -> str:
        names, rows = self._rows()
        values = [
            [row["ranking"], row["metric"], f"{row['value']:.4f}"]
            for row in self.values.to_dict("records")
        ]
        return page_fragment(
            "Rankings compared",
            f"<small>{self._told}</small>",
            table(("ranking", "metric", "value"), values, numeric=["value"]),
            table(names, rows, numeric=["difference", "interval", "p"]),
        )


def _p(value: float) -> str:
    return "< 0.0001" if value < 0.0001 else f"{value:.4f}"


def compare_rankings(
    rankings: Mapping[str, IntoFrame | Recommends],
    actual: Interactions | Orders | IntoFrame,
    *,
    metrics: str | Iterable[str] = ("recall@20", "ndcg@20"),
    baseline: str | None = None,
    method: TestName = "permutation",
    adjust: Adjustment | None = "holm",
    train: Interactions | Orders | IntoFrame | None = None,
    items: Items | IntoFrame | Mapping[Any, str] | None = None,
    min_weight: float | None = None,
    gains: Gains = "binary",
    filter_seen: bool = True,
    confidence_level: float = 0.95,
    n_resamples: int = 9999,
    random_state: int | None = 0,
) -> RankingComparison:
    """Compare recommenders on the same customers.

    Parameters
    ----------
    rankings : mapping of str to frame or object that recommends
        Two or more, each by a name; each as `recommended` of `evaluate_ranking`.
    actual, train, items, min_weight, gains, filter_seen
        As in `evaluate_ranking`; `train` is not taken from a recommender here.
    metrics : str or iterable of str, default=('recall@20', 'ndcg@20')
        As in `evaluate_customers`: metrics that a single list has.
    baseline : str, optional
        The name that all others are compared with. By default all pairs are.
    method : {'permutation', 'bootstrap', 't'}, default='permutation'
        The two-sided test of no difference in the mean. ``'permutation'`` swaps the two lists
        of random customers, all ways to do so if these are few; ``'bootstrap'`` resamples
        customers; ``'t'`` is Student's paired test.
    adjust : {'holm', 'bonferroni', 'bh', 'by'} or None, default='holm'
        Over all pairs and metrics: against any false discovery (Holm, Bonferroni), or against
        a large share of them (Benjamini and Hochberg; and Yekutieli).
    confidence_level : float, default=0.95
        Of each interval; they are not adjusted.
    n_resamples : int, default=9999
        Of the test; it sets the smallest p-value, 1 / (`n_resamples` + 1). Intervals take 1,000
        at most, or these where the test is the bootstrap.
    random_state : int, optional, default=0

    Returns
    -------
    RankingComparison

    Raises
    ------
    InvalidParameterError
        If there are fewer than two rankings, a name is unknown, or a parameter does not fit.
    MissingColumnError, ColumnTypeError, InvalidDataError
        As in `evaluate_ranking`; also if there is only one customer.

    See Also
    --------
    evaluate_ranking : One recommender.

    Notes
    -----
    Pairing is what makes small differences visible: customers differ among each other much more
    than recommenders do on one customer. A customer for whom a metric has no value on either
    side, such as the novelty of an empty list, does not count in that row.

    The permutation test and the t test hardly differ with hundreds of customers [1]_. None of
    them knows that the settings of one recommender were chosen on these very customers: tune on
    a part of the training data, see `tune`.

    References
    ----------
    .. [1] Smucker, Allan and Carterette (2007), "A comparison of statistical significance tests
       for information retrieval evaluation", CIKM.

    Examples
    --------
    >>> import pandas as pd
    >>> wanted = pd.DataFrame({"customer_id": range(8), "item_id": ["tea"] * 8})
    >>> tea = pd.DataFrame({"customer_id": range(8), "item_id": ["tea"] * 8, "rank": 1})
    >>> cup = tea.assign(item_id=["cup"] * 7 + ["tea"])
    >>> found = compare_rankings({"tea": tea, "cup": cup}, wanted, metrics="recall@1")
    >>> found
    RankingComparison(2 rankings, 8 customers, permutation)
    >>> found.to_frame()[["ranking", "other", "difference", "p_value"]]
      ranking other  difference   p_value
    0     tea   cup       0.875  0.015625
    """
    checked = {
        "method": method,
        "adjust": adjust,
        "min_weight": min_weight,
        "gains": gains,
        "filter_seen": filter_seen,
        "confidence_level": confidence_level,
        "n_resamples": n_resamples,
        "random_state": random_state,
    }
    rules = {name: CHECKED[name] for name in checked if name in CHECKED}
    rules["method"] = OneOf(("permutation", "bootstrap", "t"))
    rules["adjust"] = Optional(OneOf(("holm", "bonferroni", "bh", "by")))
    check_values(_OWNER, checked, rules)
    names = _names(rankings, baseline)
    chosen = read_metrics(metrics, (*ACCURACY, *OF_LISTS), _OWNER)
    shop = read_shop(None, train, items, chosen, _OWNER)
    relevant = read_relevant(actual, min_weight=min_weight, owner=_OWNER)
    if relevant.n_customers < 2:
        message = f"{_OWNER}: actual has one customer. Two or more are needed."
        raise InvalidDataError(message)
    k = max(metric.k for metric in chosen)
    values: dict[str, Floats] = {}
    for name in names:
        lists = read_lists(
            rankings[name], relevant, k=k, filter_seen=filter_seen, owner=f"{_OWNER}: '{name}'"
        )
        values[name] = values_by_customer(Judged(relevant, lists, gains), shop, chosen)
    pairs = (
        list(combinations(names, 2))
        if baseline is None
        else [(name, baseline) for name in names if name != baseline]
    )
    few = min(n_resamples, 1000)
    table_of_values = _table_of_values(values, chosen, confidence_level, few, random_state)
    rows = _differences(values, pairs, chosen)
    found = _tested(rows, method, confidence_level, n_resamples, random_state)
    found.insert(
        list(found.columns).index("p_value") + 1,
        "adjusted_p_value",
        adjust_p(found["p_value"].to_numpy(dtype=np.float64), adjust),
    )
    return RankingComparison(
        values=table_of_values,
        differences=found,
        method=method,
        adjust=adjust,
        n_customers=relevant.n_customers,
    )


def _names(rankings: Any, baseline: str | None) -> list[str]:
    if not is_mapping(rankings) or len(rankings) < 2:
        problem = (
            "rankings must be a mapping of two names or more to what they recommend, such as "
            "{'new': model, 'old': frame}."
        )
        raise InvalidParameterError(_OWNER, [problem])
    names: list[str] = list(rankings)
    if baseline is not None and baseline not in names:
        raise InvalidParameterError(_OWNER, [unknown_name("ranking", str(baseline), names)])
    return names


def _table_of_values(
    values: Mapping[str, Floats],
    metrics: list[Metric],
    confidence_level: float,
    n_resamples: int,
    random_state: int | None,
) -> pd.DataFrame:
    rows: list[tuple[Any, ...]] = []
    for name, columns in values.items():
        found = resample_means(columns, n_resamples=n_resamples, random_state=random_state)
        for at, metric in enumerate(metrics):
            limits = found.interval(at, confidence_level)
            rows.append((name, str(metric), float(found.means[at]), *limits))
    return pd.DataFrame(rows, columns=["ranking", "metric", "value", "ci_low", "ci_high"])


@dataclass(frozen=True, slots=True)
class _Differences:
    """Paired differences, one column for each metric and pair."""

    names: list[tuple[str, str, str]]
    columns: Floats


def _differences(
    values: Mapping[str, Floats], pairs: list[tuple[str, str]], metrics: list[Metric]
) -> _Differences:
    names: list[tuple[str, str, str]] = []
    columns: list[Floats] = []
    for at, metric in enumerate(metrics):
        for one, other in pairs:
            names.append((str(metric), one, other))
            columns.append(values[one][:, at] - values[other][:, at])
    return _Differences(names, np.column_stack(columns))


def _tested(
    rows: _Differences,
    method: str,
    confidence_level: float,
    n_resamples: int,
    random_state: int | None,
) -> pd.DataFrame:
    columns = rows.columns
    n = (~np.isnan(columns)).sum(axis=0)
    n_drawn = n_resamples if method == "bootstrap" else min(n_resamples, 1000)
    found = resample_means(columns, n_resamples=n_drawn, random_state=random_state)
    if method == "permutation":
        p_value = sign_flip_p_values(columns, n_resamples=n_resamples, random_state=random_state)
    elif method == "bootstrap":
        p_value = _bootstrap_p_values(found.means, found.resampled)
    else:
        p_value = _t_p_values(columns, found.means, n)
    limits = [found.interval(at, confidence_level) for at in range(len(rows.names))]
    table_of_names = pd.DataFrame(rows.names, columns=["metric", "ranking", "other"])
    return table_of_names.assign(
        difference=found.means,
        ci_low=[low for low, _ in limits],
        ci_high=[high for _, high in limits],
        p_value=np.where(n > 1, p_value, np.nan),
        n_customers=n,
        n_better=(columns > 0).sum(axis=0),
        n_worse=(columns < 0).sum(axis=0),
    )


def _bootstrap_p_values(means: Floats, resampled: Floats) -> Floats:
    """Return how often a resample is as far from the mean as the mean is from 0."""
    known = np.isfinite(resampled)
    far = np.abs(np.where(known, resampled - means, 0.0)) >= np.abs(means) * (1.0 - 1e-12)
    found: Floats = ((far & known).sum(axis=0) + 1.0) / (known.sum(axis=0) + 1.0)
    return found


def _t_p_values(columns: Floats, means: Floats, n: NDArray[np.int64]) -> Floats:
    squares = np.nansum((columns - means) ** 2, axis=0)
    error = np.sqrt(squares / np.maximum(n - 1, 1) / np.maximum(n, 1))
    t = np.divide(np.abs(means), error, out=np.full(len(means), np.inf), where=error > 0)
    found = np.asarray(2.0 * student.sf(t, np.maximum(n - 1, 1)), dtype=np.float64)
    found[means == 0.0] = 1.0
    return found
