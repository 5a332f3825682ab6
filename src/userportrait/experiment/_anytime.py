"""A design that may be looked at whenever one likes."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal, TypeAlias

from scipy.optimize import brentq

from userportrait._core.params import Between, OneOf, Optional, Rule, check_values
from userportrait.errors import InvalidDataError, InvalidParameterError
from userportrait.experiment._base import Design
from userportrait.experiment._crossing import Peeks, find_last, find_peeks, log_chance
from userportrait.experiment._estimate import Judgement
from userportrait.experiment._fixed import Fixed
from userportrait.experiment._group_sequential import normal_statistic, standard_errors
from userportrait.experiment._intervals import RelativeMethod, effect_interval, relative_interval
from userportrait.experiment._mixture import log_e_value, tightest_rate

if TYPE_CHECKING:
    from userportrait.experiment._estimate import Alternative, Estimate

    Fact: TypeAlias = float | bool | str

__all__ = ["Anytime"]

_FEW = 100
"""Units of an arm below which means of heavy tails are not normal enough."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Anytime(Design):
    """Look as often as you like; intervals and p-values hold at all looks together.

    Parameters
    ----------
    n_star : int, optional
        Units of both arms together at which the interval shall be the tightest; fix it before
        the start. By default `horizon`, else 5,000.
    effect : float, optional
        Instead of `n_star`: the standard deviation of the effects that are worth finding. The
        test is then the mixture sequential probability ratio test.
    effect_kind : {'relative', 'absolute'}, default='relative'
        Whether `effect` is a share of the control's mean.
    horizon : int, optional
        Units of both arms together after which nobody looks any more. Bounds are then lower:
        they hold up to there only.
    peek_share : float, optional
        With `horizon`, plan one last look there: looks before it share this part of alpha, in
        (0, 1), the last look has the rest and nearly the interval of a fixed design. Without,
        all looks are alike.
    relative_method : {'fieller', 'log', 'delta'}, default='fieller'
        As in `Fixed`.

    Notes
    -----
    The e-value is the likelihood ratio of a normal mixture of effects against no effect; for
    a one-sided alternative, of its half. Whatever the rule to stop, it exceeds 1 / alpha with
    a chance of at most alpha, so that its inverse is a p-value, and what it does not exclude
    is an interval. [1]_ [2]_ With an estimated variance this holds for large samples [3]_,
    also after adjustment by regression [4]_: below about 100 units an arm the result says so.

    With `horizon` the level of the e-value is lowered until a Brownian motion that is watched
    all the time reaches it up to the horizon with a chance of alpha: 2.73 standard errors
    there instead of 3.04, where the fixed design has 1.96 (alpha 5 %, two-sided).

    References
    ----------
    .. [1] Robbins (1970), "Statistical methods related to the law of the iterated logarithm",
       The Annals of Mathematical Statistics 41(5).
    .. [2] Johari, Koomen, Pekelis and Walsh (2022), "Always valid inference: continuous
       monitoring of A/B tests", Operations Research 70(3).
    .. [3] Waudby-Smith, Arbour, Sinha, Kennedy and Ramdas (2024), "Time-uniform central limit
       theory and asymptotic confidence sequences", The Annals of Statistics 52(6).
    .. [4] Lindon, Ham, Tingley and Bojinov (2022), "Anytime-valid linear models and
       regression adjusted causal inference in randomized experiments", arXiv 2210.08589.

    Examples
    --------
    >>> from userportrait.experiment import Anytime, Estimate
    >>> found = Estimate(
    ...     metric="spend", control="A", variant="B", n_control=500, n_variant=500,
    ...     control_mean=10.0, variant_mean=10.7, control_variance=0.03, variant_variance=0.01,
    ... )
    >>> judged = Anytime(n_star=2000).judge(found, alpha=0.05, alternative="two-sided")
    >>> [round(end, 3) for end in judged.interval], round(judged.p_value, 4)
    ([0.083, 1.317], 0.0167)
    >>> judged.facts["decision"]
    'effect'
    """

    n_star: int | None = None
    effect: float | None = None
    effect_kind: Literal["relative", "absolute"] = "relative"
    horizon: int | None = None
    peek_share: float | None = None
    relative_method: RelativeMethod = "fieller"

    def __post_init__(self) -> None:
        rules: dict[str, Rule] = {
            "n_star": Optional(Between(2, 2**53, integer=True)),
            "effect": Optional(Between(0.0, 1e300, open_low=True)),
            "effect_kind": OneOf(("relative", "absolute")),
            "horizon": Optional(Between(2, 2**53, integer=True)),
            "peek_share": Optional(Between(0.0, 1.0, open_low=True, open_high=True)),
            "relative_method": OneOf(("fieller", "log", "delta")),
        }
        check_values("Anytime", {name: getattr(self, name) for name in rules}, rules)
        problems: list[str] = []
        if self.n_star is not None and self.effect is not None:
            problems.append("give n_star or effect, not both.")
        if self.peek_share is not None and self.horizon is None:
            problems.append("peek_share needs horizon, the units at the last look.")
        if problems:
            raise InvalidParameterError("Anytime", problems)

    @property
    def unit_n(self) -> int:
        """Units that count as one unit of information."""
        return self.horizon or self.n_star or 5000

    def judge(self, estimate: Estimate, *, alpha: float, alternative: Alternative) -> Judgement:
        """Return the decision now, an interval and a p-value that hold at any time.

        Parameters
        ----------
        estimate : Estimate
            Of all units so far.
        alpha : float
            Chance of a false alarm at all looks together.
        alternative : {'two-sided', 'greater', 'less'}

        Returns
        -------
        Judgement
            ``facts``: information (units by `horizon` or else `n_star`), boundary (of a
            normal statistic), decision ('continue', 'effect', or 'no effect' after a last
            look), stopped, e_value and log_e_value.

        Raises
        ------
        InvalidDataError
            If there are more units than `horizon` and no last look was planned.
        """
        if not estimate.std_error > 0.0:
            return self._judge_constant(estimate, alpha, alternative)
        return _Glance(self, estimate, alpha, alternative).judge()

    def _judge_constant(
        self, estimate: Estimate, alpha: float, alternative: Alternative
    ) -> Judgement:
        judged = Fixed(relative_method=self.relative_method).judge(
            estimate, alpha=alpha, alternative=alternative
        )
        note = "Without spread no bound of repeated looks applies."
        facts: dict[str, Fact] = {"decision": "continue", "stopped": False}
        return replace(judged, facts=facts, notes=(*judged.notes, note))

    def peeks(self, alpha: float, rate: float, *, two_sided: bool) -> Peeks:
        """Return the bound of looks at any time, with the ratio of the mixture at time 1."""
        if self.horizon is None:
            return Peeks(-math.log(alpha), rate, two_sided)
        share = 1.0 if self.peek_share is None else self.peek_share
        return find_peeks(share * alpha, rate, two_sided=two_sided)

    def needed_drift(self, alpha: float, power: float, alternative: Alternative) -> float:
        """Return the mean at time 1 of a statistic that has stopped by then with this power.

        Time 1 is at `horizon` or else at `n_star`, which are taken to be the units needed; a
        given `effect` is taken to be the true one.
        """
        two_sided = alternative == "two-sided"
        side = alpha / 2.0 if two_sided else alpha
        longer = self.unit_n / (self.n_star or self.unit_n)

        def excess(drift: float) -> float:
            given = self.effect is not None
            rate = drift * drift if given else tightest_rate(alpha, two_sided=two_sided)
            peeks = self.peeks(alpha, rate * longer, two_sided=two_sided)
            if self.peek_share is None:
                return peeks.crossing(drift) - power
            return peeks.crossing_or_above(find_last(peeks, side, 1.0), 1.0, drift) - power

        high = 4.0
        while excess(high) < 0.0:
            high *= 1.5
        return float(brentq(excess, 0.5, high, xtol=1e-6))


@dataclass(frozen=True, slots=True)
class _Glance:
    """One look at the data."""

    design: Anytime
    estimate: Estimate
    alpha: float
    alternative: Alternative

    @property
    def n(self) -> int:
        return self.estimate.n_control + self.estimate.n_variant

    @property
    def two_sided(self) -> bool:
        return self.alternative == "two-sided"

    @property
    def time(self) -> float:
        return self.n / self.design.unit_n

    @property
    def towards(self) -> float:
        """The normal statistic, turned so that up counts."""
        found = normal_statistic(self.estimate)
        if self.two_sided:
            return abs(found)
        return -found if self.alternative == "less" else found

    def rate(self) -> float:
        """Return the ratio of the mixture at time 1."""
        design = self.design
        if design.effect is None:
            found = tightest_rate(self.alpha, two_sided=self.two_sided)
            return found * design.unit_n / (design.n_star or design.unit_n)
        spread = design.effect
        if design.effect_kind == "relative":
            spread *= abs(self.estimate.control_mean)
        return (spread / self.estimate.std_error) ** 2 / self.time

    def judge(self) -> Judgement:
        peeks = self.design.peeks(self.alpha, self.rate(), two_sided=self.two_sided)
        last = self._is_last()
        bound = self._last_bound(peeks) if last else peeks.bound(self.time)
        freedom = self.estimate.degrees_of_freedom
        reach = standard_errors(bound, freedom)
        relative, notes = relative_interval(
            self.estimate, reach, self.alternative, self.design.relative_method
        )
        log_p = self._log_p(peeks, last=last)
        name = "mixture sequential test" if self.design.effect else "confidence sequence"
        return Judgement(
            interval=effect_interval(
                self.estimate.effect, self.estimate.std_error, reach, self.alternative
            ),
            relative_interval=relative,
            p_value=math.exp(log_p),
            log_p_value=log_p,
            statistic=self.estimate.effect / self.estimate.std_error,
            method=f"last look of a {name}" if last else name,
            facts=self._facts(peeks, bound, last=last),
            notes=(*notes, *self._few()),
        )

    def _is_last(self) -> bool:
        horizon = self.design.horizon
        if horizon is None or self.n < horizon:
            return False
        if self.design.peek_share is None and self.n > horizon:
            message = (
                f"the design holds for looks up to {horizon:,} units, and there are {self.n:,}. "
                "Analyse the first ones only, or plan without horizon, or with peek_share for "
                "one last look."
            )
            raise InvalidDataError(message)
        return self.design.peek_share is not None

    def _last_bound(self, peeks: Peeks) -> float:
        side = self.alpha / 2.0 if self.two_sided else self.alpha
        return find_last(peeks, side, self.time)

    def _log_e(self, peeks: Peeks) -> float:
        return log_e_value(self.towards, peeks.rate * self.time, two_sided=self.two_sided)

    def _log_p(self, peeks: Peeks, *, last: bool) -> float:
        share = 1.0 if self.design.peek_share is None else self.design.peek_share
        if math.isnan(self.towards):
            return math.nan
        if last:
            return peeks.last_log_p(self.towards, share, self.time)
        log_e = self._log_e(peeks)
        if self.design.horizon is None:
            return min(-log_e, 0.0)
        return min(log_chance(replace(peeks, log_level=log_e)) - math.log(share), 0.0)

    def _facts(self, peeks: Peeks, bound: float, *, last: bool) -> dict[str, Fact]:
        found = self.towards >= bound
        log_e = self._log_e(peeks)
        decision = "effect" if found else "no effect" if last else "continue"
        return {
            "information": self.time,
            "boundary": bound,
            "decision": decision,
            "stopped": decision != "continue",
            "e_value": math.exp(log_e) if log_e < 700.0 else math.inf,
            "log_e_value": log_e,
        }

    def _few(self) -> tuple[str, ...]:
        least = min(self.estimate.n_control, self.estimate.n_variant)
        if least >= _FEW:
            return ()
        return (
            f"An arm has {least} units; this interval needs about {_FEW} before the first look.",
        )
