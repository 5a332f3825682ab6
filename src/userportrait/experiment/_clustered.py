"""Experiments that assign whole clusters: stores, cities, classes of customers."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, ClassVar, Literal, TypeAlias

import numpy as np

from userportrait._core.params import Between, InstanceOf, OneOf, Optional, check_values
from userportrait.errors import InvalidParameterError
from userportrait.experiment._base import Design
from userportrait.experiment._clustered_fit import (
    ClusterFit,
    adjusted_scores,
    freedom,
    plain_scores,
)
from userportrait.experiment._clustered_groups import Outcome, clusters_of
from userportrait.experiment._clustered_wild import (
    MOST_ENUMERATED,
    WildTest,
    draw_signs,
    invert,
)
from userportrait.experiment._estimate import Estimate, Judgement
from userportrait.experiment._fixed import Fixed
from userportrait.experiment._intervals import RelativeMethod, relative_std_error
from userportrait.experiment._resample import RowEstimate

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from numpy.typing import NDArray

    from userportrait._core.params import Rule
    from userportrait.experiment._aggregates import Aggregates
    from userportrait.experiment._base import MomentMetric
    from userportrait.experiment._estimate import Alternative

    Floats: TypeAlias = NDArray[np.float64]

__all__ = ["ClusterMethod", "Clustered", "ClusteredEstimate", "estimate_clusters"]

ClusterMethod: TypeAlias = Literal["cr2", "cr1", "delta", "wild"]
"""How the variance between clusters is found."""

_FEW = 10
_LITTLE_FREEDOM = 5.0
_UNEQUAL = 1.0
_CONTRAST = np.array([-1.0, 1.0])
_METHODS: dict[str, str] = {
    "cr2": "t-test, clusters by CR2",
    "cr1": "t-test, clusters by CR1",
    "delta": "t-test, clusters by the delta method",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class ClusteredEstimate(Estimate):
    """An estimate that knows its clusters.

    Parameters
    ----------
    n_clusters_control, n_clusters_variant : int
        Clusters with units in each arm.
    fit : ClusterFit, optional
        The regression, from which the wild bootstrap tests; it takes no part in comparisons.
    tests : dict
        The wild bootstraps made so far, by number of resamples and seed.

    Examples
    --------
    >>> import pandas as pd
    >>> from userportrait.experiment import Aggregates, Clustered, Mean
    >>> frame = pd.DataFrame(
    ...     {"variant": list("AABBAABB"), "store": [1, 1, 2, 2, 3, 3, 4, 4],
    ...      "spend": [3.0, 4.0, 6.0, 9.0, 4.0, 5.0, 7.0, 9.0]}
    ... )
    >>> aggregates = Aggregates.from_frame(frame, ["spend"], by=["store"])
    >>> found = Clustered("store").estimate(Mean("spend"), aggregates, "A", "B")
    >>> found.n_clusters_control, found.n_control, found.effect
    (2, 4, 3.75)
    """

    n_clusters_control: int = 0
    n_clusters_variant: int = 0
    fit: ClusterFit | None = field(default=None, compare=False, repr=False)
    tests: dict[tuple[int, int | None], WildTest] = field(
        default_factory=dict[tuple[int, "int | None"], WildTest], compare=False, repr=False
    )


@dataclass(frozen=True, slots=True)
class Clustered(Design):
    """Analyse once an experiment that assigned whole clusters, not single units.

    Units of one store, city or day are alike, so their number says little: what counts is the
    number of clusters. An analysis by unit would raise false alarms far too often.

    Parameters
    ----------
    cluster : str
        The column that names what was assigned.
    method : {'cr2', 'cr1', 'delta', 'wild'}, default='cr2'
        ``'cr2'`` corrects the bias of the variance, and its t distribution has Satterthwaite
        degrees of freedom: right with few or unequal clusters. ``'cr1'`` is the usual robust
        variance with G - 1 degrees of freedom for G clusters, ``'delta'`` the variance of each
        arm's ratio of sums with those of Welch; both want 40 clusters or more. ``'wild'``
        flips the signs of the residuals of whole clusters: exact in all patterns up to 12
        clusters, `n_resamples` random ones above.
    relative_method : {'fieller', 'log', 'delta'}, default='fieller'
        Interval of the relative effect, as in `Fixed`. The wild bootstrap tests every ratio
        of the means instead.
    n_resamples : int, default=1999
        Patterns of signs of the wild bootstrap, 99 to 1,000,000.
    random_state : int, optional
        Makes these patterns repeatable; by default 0.

    Raises
    ------
    InvalidParameterError
        If a parameter is none of these.

    See Also
    --------
    Switchback : Places that change between the arms from period to period.

    Notes
    -----
    Everything comes from each cluster's counts, means and cross products, so rows are read
    once. A mean is the regression of the units on the arms, with the covariates of the metric
    (per arm for ``adjustment='lin'``); a ratio is linearised first. Larger clusters have more
    weight. The share of the variance that comes from the covariates' means over both arms is
    added to both adjusted means. [1]_ [2]_ [3]_

    References
    ----------
    .. [1] Bell and McCaffrey (2002), "Bias reduction in standard errors for linear regression
       with multi-stage samples", Survey Methodology 28(2).
    .. [2] Pustejovsky and Tipton (2018), "Small-sample methods for cluster-robust variance
       estimation and hypothesis testing in fixed effects models", Journal of Business and
       Economic Statistics 36(4).
    .. [3] Cameron, Gelbach and Miller (2008), "Bootstrap-based improvements for inference with
       clustered errors", Review of Economics and Statistics 90(3).

    Examples
    --------
    >>> import pandas as pd
    >>> from userportrait.experiment import Clustered, Experiment, Mean
    >>> frame = pd.DataFrame(
    ...     {"variant": list("AABBAABB"), "store": [1, 1, 2, 2, 3, 3, 4, 4],
    ...      "spend": [3.0, 4.0, 6.0, 9.0, 4.0, 5.0, 7.0, 9.0]}
    ... )
    >>> found = Experiment(Mean("spend"), control="A", design=Clustered("store")).analyze(frame)
    >>> effect = found.effects[0]
    >>> round(effect.effect, 2), round(effect.std_error, 3), round(effect.degrees_of_freedom, 2)
    (3.75, 0.559, 2.0)
    """

    cluster: str
    method: ClusterMethod = "cr2"
    relative_method: RelativeMethod = field(default="fieller", kw_only=True)
    n_resamples: int = field(default=1999, kw_only=True)
    random_state: int | None = field(default=0, kw_only=True)

    _rules: ClassVar[Mapping[str, Rule]] = {
        "cluster": InstanceOf((str,), "the name of a column"),
        "method": OneOf(("cr2", "cr1", "delta", "wild")),
        "relative_method": OneOf(("fieller", "log", "delta")),
        "n_resamples": Between(99, 1_000_000, integer=True),
        "random_state": Optional(Between(0, 2**63 - 1, integer=True)),
    }

    def __post_init__(self) -> None:
        check_values("Clustered", {name: getattr(self, name) for name in self._rules}, self._rules)

    @property
    def by(self) -> tuple[str, ...]:
        """Columns to aggregate by besides the variant: the cluster."""
        return (self.cluster,)

    def estimate(
        self, metric: MomentMetric, aggregates: Aggregates, control: str, variant: str
    ) -> ClusteredEstimate:
        """Return both means and their variances between clusters.

        Parameters
        ----------
        metric : MomentMetric
            A mean or a ratio of means, with or without covariates.
        aggregates : Aggregates
            By the cluster.
        control, variant : str

        Returns
        -------
        ClusteredEstimate

        Raises
        ------
        InvalidDataError
            If an arm has fewer than two clusters, or rows have no cluster.
        InvalidParameterError
            If the metric is no mean or ratio, or the aggregates are not by cluster.
        """
        arms = (control, variant)
        outcome = clusters_of(metric, aggregates, arms, self.by, owner="Clustered")
        return estimate_clusters(metric.name, outcome, arms, self.method, what="clusters")

    def judge(self, estimate: Estimate, *, alpha: float, alternative: Alternative) -> Judgement:
        """Return intervals at level 1 - `alpha` and the p-value.

        Parameters
        ----------
        estimate : Estimate
            Of this design's own `estimate`; another one is judged by its degrees of freedom.
        alpha : float
            Chance of a false alarm.
        alternative : {'two-sided', 'greater', 'less'}

        Returns
        -------
        Judgement
            Its facts hold the number of clusters and the degrees of freedom.

        Raises
        ------
        InvalidParameterError
            If the metric was made from rows of which it does not know the clusters.
        """
        fixed = Fixed(relative_method=self.relative_method)
        if isinstance(estimate, RowEstimate) and estimate.unit != self.cluster:
            problem = (
                f"'{estimate.metric}' is made from rows and does not know that '{self.cluster}' "
                f"was assigned; give the metric unit='{self.cluster}'."
            )
            raise InvalidParameterError("Clustered", [problem])
        if not isinstance(estimate, ClusteredEstimate):
            return fixed.judge(estimate, alpha=alpha, alternative=alternative)
        counted = replace(
            estimate, n_control=estimate.n_clusters_control, n_variant=estimate.n_clusters_variant
        )
        found = fixed.judge(counted, alpha=alpha, alternative=alternative)
        facts: dict[str, float | bool | str] = {
            "n_clusters_control": estimate.n_clusters_control,
            "n_clusters_variant": estimate.n_clusters_variant,
            "degrees_of_freedom": estimate.degrees_of_freedom,
        }
        if estimate.std_error == 0.0:
            return replace(found, facts=facts)
        if self.method == "wild" and estimate.fit is not None:
            return self._judge_wild(estimate, estimate.fit, found, facts, alpha, alternative)
        return replace(found, method=_METHODS[self.method], facts=facts)

    def _test(self, estimate: ClusteredEstimate, fit: ClusterFit) -> WildTest:
        key = (self.n_resamples, self.random_state)
        if key not in estimate.tests:
            signs = draw_signs(len(fit.clusters.labels), self.n_resamples, self.random_state)
            estimate.tests[key] = WildTest(fit, signs)
        return estimate.tests[key]

    def _judge_wild(
        self,
        estimate: ClusteredEstimate,
        fit: ClusterFit,
        found: Judgement,
        facts: dict[str, float | bool | str],
        alpha: float,
        alternative: Alternative,
    ) -> Judgement:
        n_clusters = len(fit.clusters.labels)
        test = self._test(estimate, fit)
        p_value = test.p_value((-1.0, 1.0), 0.0, alternative)
        interval = _ends(
            lambda value: test.p_value((-1.0, 1.0), value, alternative),
            estimate.effect, estimate.std_error, alpha, alternative, is_exact=test.is_exact,
        )  # fmt: skip
        relative, notes = _relative_ends(test, fit, estimate, alpha, alternative)
        if n_clusters > MOST_ENUMERATED:
            facts = {**facts, "n_resamples": self.n_resamples}
        elif 2.0 / len(test.signs) > alpha:
            least = 2.0 / len(test.signs)
            text = (
                f"With {n_clusters} clusters no p-value of the wild bootstrap is below {least:.3g}."
            )
            notes = (*notes, text)
        return replace(
            found,
            interval=interval,
            relative_interval=relative,
            p_value=p_value,
            log_p_value=math.log(p_value) if p_value > 0.0 else -math.inf,
            method="wild cluster bootstrap" + (", all patterns" if test.is_exact else ""),
            facts=facts,
            notes=notes,
        )


def _ends(
    p_value: Callable[[float], float],
    centre: float,
    step: float,
    alpha: float,
    alternative: Alternative,
    *,
    is_exact: bool,
) -> tuple[float, float]:
    """Return the values that the test does not reject."""
    low, high = -math.inf, math.inf
    if alternative != "less":
        low = invert(p_value, centre, -step, alpha, is_exact=is_exact)
    if alternative != "greater":
        high = invert(p_value, centre, step, alpha, is_exact=is_exact)
    return low, high


def _relative_ends(
    test: WildTest, fit: ClusterFit, estimate: Estimate, alpha: float, alternative: Alternative
) -> tuple[tuple[float, float], tuple[str, ...]]:
    """Return the shares of the control's mean that the test does not reject."""
    if estimate.control_mean == 0.0:
        return (math.nan, math.nan), ("The control's mean is 0, so no share of it exists.",)
    base = estimate.control_mean - float(fit.beta[0])
    side = alternative
    if estimate.control_mean < 0.0 and alternative != "two-sided":
        side = "less" if alternative == "greater" else "greater"

    def p_value(share: float) -> float:
        # variant = (1 + share) control, both less the base that the regression took off
        return test.p_value((-(1.0 + share), 1.0), share * base, alternative)

    step = relative_std_error(estimate)
    ends = _ends(p_value, estimate.relative, step, alpha, side, is_exact=test.is_exact)
    n_open = sum(math.isinf(end) for end in ends)
    if n_open > (0 if alternative == "two-sided" else 1):
        return ends, ("The data set no bound to the relative effect at this level.",)
    return ends, ()


def estimate_clusters(
    name: str, outcome: Outcome, arms: tuple[str, str], method: ClusterMethod, *, what: str
) -> ClusteredEstimate:
    """Return means and variances of a regression on clusters.

    Parameters
    ----------
    name : str
        Of the metric.
    outcome : Outcome
    arms : tuple of str
    method : {'cr2', 'cr1', 'delta', 'wild'}
    what : str
        What clusters are called in notes.
    """
    clusters = outcome.clusters
    fit = ClusterFit.of(clusters)
    shared = outcome.off @ fit.beta[outcome.slopes].T
    variance, degrees = _variance(fit, shared, method)
    n = clusters.n.sum(axis=0)
    by_arm = clusters.by_arm
    return ClusteredEstimate(
        metric=name,
        control=arms[0],
        variant=arms[1],
        n_control=int(n[0]),
        n_variant=int(n[1]),
        control_mean=outcome.base + float(fit.beta[0]),
        variant_mean=outcome.base + float(fit.beta[1]),
        control_variance=float(variance[0, 0]),
        variant_variance=float(variance[1, 1]),
        covariance=float(variance[0, 1]),
        degrees_of_freedom=degrees,
        notes=outcome.notes + _notes(fit, arms, degrees, method, what),
        n_clusters_control=by_arm[0],
        n_clusters_variant=by_arm[1],
        fit=fit,
    )


def _variance(fit: ClusterFit, shared: Floats, method: ClusterMethod) -> tuple[Floats, float]:
    """Return the variance matrix of both means, and the degrees of freedom of the effect."""
    g = len(fit.clusters.labels)
    if method == "cr2":
        scores = adjusted_scores(fit) + shared
        return scores.T @ scores, freedom(fit, _CONTRAST)
    scores = plain_scores(fit) + shared
    if method == "delta" and fit.clusters.are_nested:
        counts = np.array(fit.clusters.by_arm, dtype=np.float64)
        arm = (fit.clusters.n[:, 1] > 0).astype(np.intp)
        scores *= np.sqrt(counts / (counts - 1.0))[arm][:, None]
        parts = np.bincount(arm, weights=(scores @ _CONTRAST) ** 2)
        spread = float((parts**2 / (counts - 1.0)).sum())
        return scores.T @ scores, float(parts.sum()) ** 2 / spread if spread > 0.0 else g - 2.0
    n, k = int(fit.clusters.n.sum()), int(np.linalg.matrix_rank(fit.inverse, hermitian=True))
    factor = g / (g - 1.0)
    if method != "delta":
        factor *= (n - 1.0) / max(n - k, 1)
    return factor * (scores.T @ scores), g - 1.0


def _notes(
    fit: ClusterFit, arms: tuple[str, str], degrees: float, method: ClusterMethod, what: str
) -> tuple[str, ...]:
    counts = fit.clusters.by_arm
    fewest = min(counts)
    notes: list[str] = []
    if fewest < _FEW:
        arm = arms[counts.index(fewest)]
        advice = "" if method in ("cr2", "wild") else " Use method='cr2'."
        notes.append(
            f"Only {fewest} {what} in '{arm}': intervals are wide, and rest on the assumption "
            f"that {what} of both arms vary alike.{advice}"
        )
    n_split = int((fit.clusters.n > 0).all(axis=1).sum())
    if n_split:
        notes.append(
            f"{n_split:,} of {len(fit.clusters.labels):,} {what} have units in both arms: was "
            "another column assigned?"
        )
    sizes = fit.clusters.n.sum(axis=1)
    unequal = float(sizes.std() / sizes.mean())
    if unequal > _UNEQUAL:
        largest = int(sizes.argmax())
        notes.append(
            f"The {what} are very unequal: the largest has {sizes[largest] / sizes.sum():.0%} of "
            "the units.".replace("%", " %")
        )
    if degrees < _LITTLE_FREEDOM and method == "cr2":
        notes.append(
            f"The variance has only {degrees:.1f} degrees of freedom: a few {what} decide."
        )
    return tuple(notes)
