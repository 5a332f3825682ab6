"""A share of customers who did something, with tests and intervals of its own."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, ClassVar, Literal, Protocol, TypeAlias

from scipy.special import xlogy

from userportrait._core.params import Between, InstanceOf, OneOf, Optional
from userportrait.errors import InvalidDataError
from userportrait.experiment._covariates import compare
from userportrait.experiment._estimate import Estimate, Judgement
from userportrait.experiment._intervals import critical_value, log_p
from userportrait.experiment._metrics import (
    Adjustment,
    Covariate,
    Described,
    Term,
    as_terms,
    columns_of,
)
from userportrait.experiment._moments import Column
from userportrait.experiment._proportion_exact import (
    EXACT_LIMIT,
    barnard_log_p,
    boschloo_log_p,
    fisher_log_p,
)
from userportrait.experiment._proportion_intervals import (
    agresti_caffo,
    difference_score,
    log_ratio,
    newcombe,
    ratio_score,
    wald,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from userportrait._core.params import Rule
    from userportrait.experiment._estimate import Alternative
    from userportrait.experiment._moments import Moments

    Counts: TypeAlias = tuple[int, int]
    """Successes and units of one arm."""

__all__ = ["JudgesFixed", "Proportion", "ProportionInterval", "ProportionTest", "RatioInterval"]

ProportionTest: TypeAlias = Literal[
    "z", "score", "wald", "chi2", "g", "fisher", "barnard", "boschloo"
]
ProportionInterval: TypeAlias = Literal["newcombe", "score", "wald", "agresti-caffo"]
RatioInterval: TypeAlias = Literal["score", "log"]

_INTERVALS: dict[str, Callable[[Counts, Counts, float], tuple[float, float]]] = {
    "newcombe": newcombe,
    "score": difference_score,
    "wald": wald,
    "agresti-caffo": agresti_caffo,
}
_NAMES = {
    "z": "z-test, pooled variance",
    "score": "score test of Miettinen and Nurminen",
    "wald": "z-test, unpooled variance",
    "chi2": "Pearson's chi-square test",
    "g": "G-test",
    "fisher": "Fisher's exact test",
    "barnard": "Barnard's exact test",
    "boschloo": "Boschloo's exact test",
}
_EXACT = {"fisher": fisher_log_p, "barnard": barnard_log_p, "boschloo": boschloo_log_p}
_FEW = 5.0
_BORDER = (
    "Test and interval are made in different ways and disagree about 0 here: the result is on "
    "the border."
)


class JudgesFixed(Protocol):
    """A metric with a test of its own, which a fixed design uses instead of the t-test."""

    def judge_fixed(
        self,
        control: Moments,
        variant: Moments,
        estimate: Estimate,
        *,
        alpha: float,
        alternative: Alternative,
    ) -> Judgement | None:
        """Return intervals and the p-value; None leaves them to the design."""
        ...


@dataclass(frozen=True, slots=True)
class Proportion(Described):
    """The share of units for which something holds, such as the customers who bought.

    Parameters
    ----------
    column : str or Column
        A column of 0 and 1, or of booleans; checked from the moments, so any other values
        raise. With `above` any numbers will do.
    above : float, optional
        Counts the units whose value is above this limit: ``Proportion("spend", above=0)`` is
        the share of buyers.
    test : {'z', 'score', 'wald', 'chi2', 'g', 'fisher', 'barnard', 'boschloo'}, default='z'
        The test of a fixed design. ``'z'`` pools the variance; its square is ``'chi2'``.
        ``'score'`` is Miettinen and Nurminen's, ``'wald'`` does not pool, ``'g'`` is the
        likelihood ratio. ``'fisher'`` is exact given the total; ``'barnard'`` (ordered by the
        pooled z) and ``'boschloo'`` are exact and reject more often. These two list all pairs
        of counts: beyond 1,000,000 of them Fisher's test stands in, and a note says so.
    interval : {'newcombe', 'score', 'wald', 'agresti-caffo'}, default='newcombe'
        Of the difference, in a fixed design.
    ratio_interval : {'score', 'log'}, default='score'
        Of the relative effect, in a fixed design: Koopman's, or that of Katz on the log scale.
    correction : bool, default=False
        Whether ``'z'``, ``'wald'`` and ``'chi2'`` use Yates' correction for continuity. It makes
        them conservative, and moves no interval.
    adjust : str, Column, Ratio or sequence of these, optional
        Covariates known before the experiment, as in `Mean`. An adjusted proportion is judged
        as a mean: the tests and intervals above are then not used.
    adjustment : {'lin', 'pooled'}, default='lin'
        As in `Mean`.
    name, goal, role, margin, margin_kind, claim
        See `Described`: what results call the metric, which way is good, what it is for, and
        the change that is still acceptable.

    See Also
    --------
    userportrait.experiment.sample_size : How many units such a metric needs.

    Notes
    -----
    Designs other than the fixed one treat the proportion as a mean with variance
    p (1 - p) / (n - 1). Interval and test are made in different ways: near the limit one may
    exclude 0 while the other does not reject, which a note says.

    References
    ----------
    .. [1] Newcombe (1998), "Interval estimation for the difference between independent
       proportions: comparison of eleven methods", Statistics in Medicine 17(8).
    .. [2] Miettinen and Nurminen (1985), "Comparative analysis of two rates", Statistics in
       Medicine 4(2).
    .. [3] Koopman (1984), "Confidence intervals for the ratio of two binomial proportions",
       Biometrics 40(2).
    .. [4] Agresti and Caffo (2000), "Simple and effective confidence intervals for proportions
       and differences of proportions", The American Statistician 54(4).
    .. [5] Boschloo (1970), "Raised conditional level of significance for the 2 × 2-table when
       testing the equality of two probabilities", Statistica Neerlandica 24(1).

    Examples
    --------
    >>> import numpy as np
    >>> from userportrait.experiment import Moments, Proportion
    >>> metric = Proportion("bought", test="barnard")
    >>> control = Moments.of({"bought": np.repeat([1.0, 0.0], [7, 8])})
    >>> variant = Moments.of({"bought": np.repeat([1.0, 0.0], [12, 3])})
    >>> found = metric.estimate(control, variant)
    >>> round(found.effect, 4)
    0.3333
    >>> verdict = metric.judge_fixed(
    ...     control, variant, found, alpha=0.05, alternative="two-sided"
    ... )
    >>> round(verdict.p_value, 4), [round(end, 3) for end in verdict.interval]
    (0.0682, [-0.009, 0.587])
    """

    column: str | Column
    above: float | None = None
    test: ProportionTest = "z"
    interval: ProportionInterval = "newcombe"
    ratio_interval: RatioInterval = "score"
    correction: bool = False
    adjust: Covariate | Iterable[Covariate] | None = None
    adjustment: Adjustment = "lin"

    _rules: ClassVar[Mapping[str, Rule]] = {
        "column": InstanceOf((str, Column), "the name of a column, or a Column"),
        "above": Optional(Between(-math.inf, math.inf)),
        "test": OneOf(tuple(_NAMES)),
        "interval": OneOf(tuple(_INTERVALS)),
        "ratio_interval": OneOf(("score", "log")),
        "correction": InstanceOf((bool,), "True or False"),
        "adjustment": OneOf(("lin", "pooled")),
    }

    def __post_init__(self) -> None:
        self._check(self._rules)
        counted = self.term.numerator
        object.__setattr__(self, "adjust", as_terms("Proportion", self.adjust, (counted,)) or None)
        self._call_it(counted.name)

    @property
    def term(self) -> Term:
        """What is measured, in the form that covariates have too."""
        plain = self.column if isinstance(self.column, Column) else Column(source=self.column)
        return Term(plain if self.above is None else replace(plain, above=self.above))

    @property
    def covariates(self) -> tuple[Term, ...]:
        """The covariates, each once."""
        return as_terms("Proportion", self.adjust, ())

    @property
    def columns(self) -> tuple[Column, ...]:
        """What must be aggregated."""
        return columns_of(self.term, *self.covariates)

    def estimate(self, control: Moments, variant: Moments) -> Estimate:
        """Return both shares with their sampling variances.

        Parameters
        ----------
        control, variant : Moments
            Of the two arms.

        Raises
        ------
        InvalidDataError
            If an arm is empty, or the values are not all 0 or 1.
        """
        first, second = self._count(control, "control"), self._count(variant, "variant")
        if self.adjust is not None:
            return compare(
                self.name, self.term, self.covariates, control, variant, adjustment=self.adjustment
            )
        return Estimate(
            metric=self.name,
            control="",
            variant="",
            n_control=first[1],
            n_variant=second[1],
            control_mean=first[0] / first[1],
            variant_mean=second[0] / second[1],
            control_variance=_variance(first),
            variant_variance=_variance(second),
        )

    def judge_fixed(
        self,
        control: Moments,
        variant: Moments,
        estimate: Estimate,
        *,
        alpha: float,
        alternative: Alternative,
    ) -> Judgement | None:
        """Return the metric's own intervals and p-value, for a design without peeking.

        Parameters
        ----------
        control, variant : Moments
            Of the two arms.
        estimate : Estimate
            What `estimate` returned for them.
        alpha : float
            One minus the confidence level of the intervals.
        alternative : {'two-sided', 'greater', 'less'}
            A one-sided alternative leaves one end of each interval infinite.

        Returns
        -------
        Judgement or None
            None if there are covariates: the design judges an adjusted proportion.
        """
        if self.adjust is not None:
            return None
        first = self._count(control, estimate.control or "control")
        second = self._count(variant, estimate.variant or "variant")
        test, notes = self._usable_test(first, second)
        statistic, log = _judge(test, first, second, alternative, correction=self.correction)
        critical = critical_value(alpha, alternative)
        interval = _INTERVALS[self.interval](first, second, critical)
        ratio = (ratio_score if self.ratio_interval == "score" else log_ratio)(
            first, second, critical
        )
        if math.isinf(ratio[1]):
            notes += ("The relative effect has no upper limit: the control has no success.",)
        null_inside = interval[0] <= 0.0 <= interval[1]
        if alternative == "two-sided" and null_inside == (log < math.log(alpha)):
            notes += (_BORDER,)
        return Judgement(
            interval=_one_sided(interval, alternative),
            relative_interval=_one_sided((ratio[0] - 1.0, ratio[1] - 1.0), alternative),
            p_value=math.exp(log),
            log_p_value=log,
            statistic=statistic,
            method=f"{_NAMES[test]}; {self.interval} interval",
            facts={"control_count": first[0], "variant_count": second[0]},
            notes=notes,
        )

    def _usable_test(self, first: Counts, second: Counts) -> tuple[str, tuple[str, ...]]:
        """Return the test to use, and what the reader must know of it."""
        pairs = (first[1] + 1) * (second[1] + 1)
        if self.test in ("barnard", "boschloo") and pairs > EXACT_LIMIT:
            note = (
                f"{_NAMES[self.test]} would list {pairs:,} pairs of counts (at most "
                f"{EXACT_LIMIT:,}); Fisher's exact test was used, which rejects less often."
            )
            return "fisher", (note,)
        total, n = first[0] + second[0], first[1] + second[1]
        fewest = min(total, n - total) * min(first[1], second[1]) / n
        if self.test not in _EXACT and fewest < _FEW:
            note = (
                f"An expected count is {fewest:.3g}, below {_FEW:g}: the test is approximate. "
                "test='barnard' or 'fisher' is exact."
            )
            return self.test, (note,)
        return self.test, ()

    def _count(self, arm: Moments, label: str) -> Counts:
        """Return successes and units, after a check that the column holds 0 and 1 only."""
        name, n = self.term.numerator.name, arm.n
        if n < 1:
            raise InvalidDataError(f"arm '{label}' has no units.", column=name)
        mean = arm.mean(name)
        total = mean * n
        count = round(total) if math.isfinite(total) else -1
        # Of 0 and 1 the sum is whole, and equal to the sum of squares.
        at = arm.names.index(name)
        squares = float(arm.cross[at, at]) + total * mean
        slack = 1e-6 + 1e-11 * n
        off = not (abs(total - count) <= slack and abs(squares - total) <= slack)
        if off or not 0 <= count <= n:
            raise InvalidDataError(
                f"column '{name}' of arm '{label}' must hold 0 and 1 (or booleans) only; its sum "
                f"is {total:.6g} and its sum of squares {squares:.6g} over {n:,} units. "
                "Use Mean, or Proportion with above=.",
                column=name,
            )
        return count, n


def _variance(arm: Counts) -> float:
    """Return the sampling variance of a share; NaN for one unit."""
    x, n = arm
    return x * (n - x) / n / n / (n - 1) if n > 1 else math.nan


def _one_sided(interval: tuple[float, float], alternative: Alternative) -> tuple[float, float]:
    low, high = interval
    return (
        -math.inf if alternative == "less" else low,
        math.inf if alternative == "greater" else high,
    )


def _judge(
    test: str, control: Counts, variant: Counts, alternative: Alternative, *, correction: bool
) -> tuple[float, float]:
    """Return the statistic and the logarithm of the p-value."""
    if test in _EXACT:
        return _z(control, variant, "z"), min(_EXACT[test](control, variant, alternative), 0.0)
    if test == "g":
        z = _signed_root_of_g(control, variant)
    else:
        z = _z(control, variant, test, correction=correction and test != "score")
    return z * z if test in ("chi2", "g") else z, log_p(z, alternative)


def _z(control: Counts, variant: Counts, test: str, *, correction: bool = False) -> float:
    """Return the difference in standard errors; 0 where both arms are all alike."""
    (x1, n1), (x2, n2) = control, variant
    off, n = x2 / n2 - x1 / n1, n1 + n2
    if test == "wald":
        variance = x1 * (n1 - x1) / n1**3 + x2 * (n2 - x2) / n2**3
    else:
        rate = (x1 + x2) / n
        variance = rate * (n - x1 - x2) / n * (1.0 / n1 + 1.0 / n2)
    if test == "score":
        variance *= n / (n - 1)
    if correction:
        off = math.copysign(max(abs(off) - (1.0 / n1 + 1.0 / n2) / 2.0, 0.0), off)
    if variance <= 0.0:
        return 0.0 if off == 0.0 else math.copysign(math.inf, off)
    return off / math.sqrt(variance)


def _signed_root_of_g(control: Counts, variant: Counts) -> float:
    """Return the root of the likelihood ratio statistic, with the sign of the effect."""
    (x1, n1), (x2, n2) = control, variant
    total, n = x1 + x2, n1 + n2
    g = 0.0
    for x, size, all_alike in (
        (x1, n1, total),
        (n1 - x1, n1, n - total),
        (x2, n2, total),
        (n2 - x2, n2, n - total),
    ):
        g += 2.0 * float(xlogy(x, x * n / (size * all_alike) if x else 1.0))
    return math.copysign(math.sqrt(max(g, 0.0)), x2 / n2 - x1 / n1)
