"""A design with a few planned looks, at each of which the experiment may stop."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Literal, TypeAlias

from scipy.optimize import brentq
from scipy.special import ndtr, ndtri_exp, stdtrit

from userportrait._core.params import Between, InstanceOf, OneOf, Optional, Rule, check_values
from userportrait.errors import InvalidParameterError
from userportrait.experiment._base import Design
from userportrait.experiment._estimate import Judgement
from userportrait.experiment._fixed import Fixed
from userportrait.experiment._futility import Bounds, Recipe, find_bounds
from userportrait.experiment._intervals import RelativeMethod, log_p, relative_interval
from userportrait.experiment._spending import Spending
from userportrait.experiment._stagewise import Stopped

if TYPE_CHECKING:
    from userportrait.experiment._estimate import Alternative, Estimate

    Fact: TypeAlias = float | bool | str

__all__ = ["GroupSequential"]

Classical: TypeAlias = Literal["obrien-fleming", "pocock", "wang-tsiatis", "haybittle-peto"]
_CLASSICAL = ("obrien-fleming", "pocock", "wang-tsiatis", "haybittle-peto")
MOST_LOOKS = 400
_LEAST_STEP = 1e-5
_WHOLE = 1.0 - 1e-9


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupSequential(Design):
    """Look a few times at planned moments, and stop when a bound is crossed.

    Parameters
    ----------
    looks : int, optional
        How many looks, equally far apart; 5 if `fractions` is not given either. 1 to 400.
    fractions : tuple of float, optional
        Instead of `looks`: the units at each look as shares of the planned number, ascending
        up to 1. Put in the true shares of looks that are over.
    look : int, optional
        Which look this is, from 1 on. Not needed to plan, nor with `planned_n`.
    planned_n : int, optional
        Units of both arms of a pair at the last look. Says which share this look has and, without
        `look`, which of the planned looks it is (the nearest one; the last only from
        `planned_n` on).
    information : float, optional
        The share that this look has, instead of what `planned_n` says. Above 1 if the
        experiment ran longer.
    boundary : Spending or str, default=Spending('obrien-fleming')
        A spending function keeps the level whatever the shares turn out to be. The classical
        bounds 'obrien-fleming', 'pocock', 'wang-tsiatis' and 'haybittle-peto' (a high bar
        before the end, whatever the number of looks, and nearly the usual one at the end) are
        for looks as planned.
    shape : float, optional
        Of 'wang-tsiatis', the exponent from -0.5 to 0.5, by default 0.25; of
        'haybittle-peto', the significance asked before the end as a share of alpha, by
        default 0.02.
    futility : Spending, optional
        Stop too where an effect has become unlikely, and spend the chance to miss one
        (1 - `power`) like this. A one-sided alternative gets lower bounds, a two-sided one
        inner bounds around 0.
    binding : bool, default=False
        Whether such a stop is obeyed without exception. Then the upper bounds are lower;
        only with a `Spending` as boundary.
    power : float, default=0.8
        What `futility` is planned for, in (0.5, 1).
    relative_method : {'fieller', 'log', 'delta'}, default='fieller'
        As in `Fixed`.

    Notes
    -----
    Before a stop the interval is a repeated one, which holds at all looks together, and the
    p-value is the smallest level at which this look would stop. After a stop both follow the
    stage-wise ordering and are exact if no look before this one stopped, and ``facts`` has
    the median-unbiased estimate. The estimate itself is too large on average after an early
    stop. [1]_ Ends of the relative interval are Fieller's at the same distances, so that both
    intervals exclude 0 together.

    Bounds are those of normal statistics with independent increments, right to 1e-8. With few
    degrees of freedom the p-value at each look, not the statistic, is held to the bound.

    References
    ----------
    .. [1] Jennison and Turnbull (2000), "Group Sequential Methods with Applications to
       Clinical Trials".
    .. [2] Wang and Tsiatis (1987), "Approximately optimal one-parameter boundaries for group
       sequential trials", Biometrics 43(1).
    .. [3] Pampallona, Tsiatis and Kim (2001), "Interim monitoring of group sequential trials
       using spending functions for the type I and type II error probabilities", Drug
       Information Journal 35(4).

    Examples
    --------
    >>> from userportrait.experiment import Estimate, GroupSequential
    >>> found = Estimate(
    ...     metric="spend", control="A", variant="B", n_control=100, n_variant=100,
    ...     control_mean=10.0, variant_mean=10.6, control_variance=0.03, variant_variance=0.01,
    ... )
    >>> judged = GroupSequential(looks=5, look=3).judge(
    ...     found, alpha=0.05, alternative="two-sided"
    ... )
    >>> judged.facts["decision"], round(judged.facts["boundary"], 4)
    ('effect', 2.6803)
    """

    looks: int | None = None
    fractions: tuple[float, ...] | None = None
    look: int | None = None
    planned_n: int | None = None
    information: float | None = None
    boundary: Spending | Classical = field(default_factory=Spending)
    shape: float | None = None
    futility: Spending | None = None
    binding: bool = False
    power: float = 0.8
    relative_method: RelativeMethod = "fieller"

    def __post_init__(self) -> None:
        if self.fractions is not None:
            object.__setattr__(self, "fractions", tuple(float(f) for f in self.fractions))
        rules: dict[str, Rule] = {
            "looks": Optional(Between(1, MOST_LOOKS, integer=True)),
            "look": Optional(Between(1, MOST_LOOKS, integer=True)),
            "planned_n": Optional(Between(2, 2**53, integer=True)),
            "information": Optional(Between(0.0, 100.0, open_low=True)),
            "shape": Optional(Between(-0.5, 1.0)),
            "futility": Optional(InstanceOf((Spending,), "a Spending or None")),
            "binding": InstanceOf((bool,), "True or False"),
            "power": Between(0.5, 1.0, open_low=True, open_high=True),
            "relative_method": OneOf(("fieller", "log", "delta")),
        }
        if not isinstance(self.boundary, Spending):
            rules["boundary"] = OneOf(_CLASSICAL)
        check_values("GroupSequential", {name: getattr(self, name) for name in rules}, rules)
        problems = [*self._schedule_problems(), *self._bound_problems()]
        if problems:
            raise InvalidParameterError("GroupSequential", problems)

    def _schedule_problems(self) -> list[str]:
        found: list[str] = []
        if self.looks is not None and self.fractions is not None:
            found.append("give looks or fractions, not both.")
        steps = self.planned
        if not steps or len(steps) > MOST_LOOKS:
            return [*found, f"fractions must hold 1 to {MOST_LOOKS} shares; got {len(steps)}."]
        gaps = [steps[0], *(steps[at + 1] - steps[at] for at in range(len(steps) - 1))]
        if not all(gap >= _LEAST_STEP for gap in gaps) or abs(steps[-1] - 1.0) > 1e-9:
            found.append(
                "fractions must ascend from above 0 to exactly 1, at least 0.00001 apart; "
                f"got {steps!r}."
            )
        if self.look is not None and self.look > len(steps):
            found.append(f"look must be one of the {len(steps)} planned; got {self.look}.")
        return found

    def _bound_problems(self) -> list[str]:
        found: list[str] = []
        if self.shape is not None and self.boundary not in ("wang-tsiatis", "haybittle-peto"):
            found.append("shape is only for 'wang-tsiatis' and 'haybittle-peto'.")
        if self.shape is not None and self.boundary == "wang-tsiatis" and self.shape > 0.5:
            found.append(f"shape of 'wang-tsiatis' must be in [-0.5, 0.5]; got {self.shape!r}.")
        if self.shape is not None and self.boundary == "haybittle-peto" and self.shape <= 0.0:
            found.append(f"shape of 'haybittle-peto' must be in (0, 1]; got {self.shape!r}.")
        if self.binding and (self.futility is None or not isinstance(self.boundary, Spending)):
            found.append("binding needs futility, and a Spending as boundary.")
        return found

    @property
    def planned(self) -> tuple[float, ...]:
        """Shares of the planned units at all looks."""
        if self.fractions is not None:
            return self.fractions
        looks = 5 if self.looks is None else self.looks
        return tuple((look + 1) / looks for look in range(looks))

    def bounds(
        self, alpha: float, alternative: Alternative, times: tuple[float, ...] | None = None
    ) -> Bounds:
        """Return the bounds of all looks, turned so that up is what the alternative asks for."""
        two_sided = alternative == "two-sided"
        return find_bounds(
            Recipe(
                times=self.planned if times is None else times,
                boundary=self.boundary,
                shape=self.shape,
                alpha=alpha / 2.0 if two_sided else alpha,
                two_sided=two_sided,
                futility=self.futility,
                beta=1.0 - self.power,
                binding=self.binding,
            )
        )

    def needed_drift(self, alpha: float, power: float, alternative: Alternative) -> float:
        """Return the mean of the last statistic that stops for an effect with this power."""
        if self.futility is None:
            return drift_of_power(self.bounds(alpha, alternative), power)
        return self.with_power(power).bounds(alpha, alternative).drift

    def with_power(self, power: float) -> GroupSequential:
        """Return the design with another power that futility is planned for."""
        return replace(self, power=power)

    def place(self, n: int) -> tuple[int, tuple[float, ...]]:
        """Return the index of this look, from 0, and the shares of all looks as they are now."""
        planned = self.planned
        share = self.information
        if share is None and self.planned_n is not None:
            share = n / self.planned_n
        if self.look is None and share is None:
            problem = "say which look this is, by look= or planned_n=."
            raise InvalidParameterError("GroupSequential", [problem])
        at = self.look - 1 if self.look is not None else _nearest(planned, share or 0.0)
        if share is None or not isinstance(self.boundary, Spending):
            return at, planned
        return at, self._moved(at, share)

    def _moved(self, at: int, share: float) -> tuple[float, ...]:
        planned = self.planned
        last = at + 1 == len(planned)
        if at and share < planned[at - 1] + _LEAST_STEP:
            problem = (
                f"look {at + 1} has {share:.4g} of the planned units, not more than the look "
                f"before it ({planned[at - 1]:.4g}). Put the true shares of looks that are "
                "over into fractions."
            )
            raise InvalidParameterError("GroupSequential", [problem])
        if last:
            return (*planned[:at], share)
        later = [step for step in planned[at + 1 :] if step >= share + _LEAST_STEP]
        if not later:
            problem = (
                f"look {at + 1} of {len(planned)} has {share:.4g} of the planned units. "
                f"Say look={len(planned)} if it is the last one."
            )
            raise InvalidParameterError("GroupSequential", [problem])
        return (*planned[:at], share, *later)

    def judge(self, estimate: Estimate, *, alpha: float, alternative: Alternative) -> Judgement:
        """Return the decision at this look, the interval and the p-value.

        Parameters
        ----------
        estimate : Estimate
            Of all units up to this look.
        alpha : float
            Chance of a false alarm at all looks together.
        alternative : {'two-sided', 'greater', 'less'}

        Returns
        -------
        Judgement
            ``facts``: look, looks, information, boundary, futility (where planned), decision
            ('continue', 'effect', 'futility', or 'no effect' after the last look), stopped,
            alpha_spent, repeated_low and repeated_high; after a stop median_unbiased;
            before it conditional_power, the chance to cross the last bound if the effect is
            as estimated. Bounds are those of a normal statistic.
        """
        at, times = self.place(estimate.n_control + estimate.n_variant)
        if not estimate.std_error > 0.0:
            judged = Fixed(relative_method=self.relative_method).judge(
                estimate, alpha=alpha, alternative=alternative
            )
            note = "Without spread no bound of repeated looks applies."
            facts: dict[str, Fact] = {"look": at + 1, "decision": "continue", "stopped": False}
            return replace(judged, facts=facts, notes=(*judged.notes, note))
        return _Look(self, estimate, alpha, alternative, at, times).judge()


def drift_of_power(bounds: Bounds, power: float) -> float:
    """Return the drift under which the upper bounds are crossed with this power."""

    def excess(drift: float) -> float:
        return float(bounds.exits(drift).above.sum()) - power

    high = 1.0
    while excess(high) < 0.0:
        high *= 2.0
    return float(brentq(excess, 0.0, high, xtol=1e-10))


def _nearest(planned: tuple[float, ...], share: float) -> int:
    if share >= _WHOLE or len(planned) == 1:
        return len(planned) - 1
    early = planned[:-1]
    return min(range(len(early)), key=lambda at: abs(early[at] - share))


def normal_statistic(estimate: Estimate) -> float:
    """Return the normal quantile that is as extreme as the t statistic."""
    statistic = estimate.effect / estimate.std_error
    if math.isinf(estimate.degrees_of_freedom) or statistic == 0.0 or math.isnan(statistic):
        return statistic
    tail = log_p(abs(statistic), "greater", estimate.degrees_of_freedom)
    return math.copysign(-float(ndtri_exp(tail)), statistic)


def standard_errors(quantile: float, degrees_of_freedom: float) -> float:
    """Return the t quantile that is as extreme as a normal one."""
    if math.isinf(degrees_of_freedom) or not math.isfinite(quantile) or abs(quantile) > 36.0:
        return quantile
    tail = float(ndtr(-abs(quantile)))
    return math.copysign(-float(stdtrit(degrees_of_freedom, tail)), quantile)


@dataclass(frozen=True, slots=True)
class _Look:
    """One look at the data."""

    design: GroupSequential
    estimate: Estimate
    alpha: float
    alternative: Alternative
    at: int
    times: tuple[float, ...]

    @property
    def bounds(self) -> Bounds:
        return self.design.bounds(self.alpha, self.alternative, self.times)

    @property
    def sign(self) -> float:
        return -1.0 if self.alternative == "less" else 1.0

    @property
    def statistic(self) -> float:
        """Turned so that up is what the alternative asks for."""
        return self.sign * normal_statistic(self.estimate)

    def decision(self) -> str:
        """Return what to do."""
        towards = abs(self.statistic) if self.bounds.two_sided else self.statistic
        if towards >= self.bounds.upper[self.at]:
            return "effect"
        if self.at + 1 == len(self.times):
            return "no effect"
        stop = self.bounds.futility
        if stop is not None and towards <= stop[self.at] and stop[self.at] != 0.0:
            return "futility"
        return "continue"

    def judge(self) -> Judgement:
        decision = self.decision()
        bound = self.bounds.upper[self.at]
        repeated, relative, notes = self._interval(bound, bound)
        facts = self._facts(decision)
        facts["repeated_low"], facts["repeated_high"] = repeated
        if decision in ("effect", "no effect"):
            stopped = Stopped(self.bounds, self.at, self.statistic, binding=self.design.binding)
            log = stopped.log_p_value()
            repeated, relative, notes = self._stagewise(stopped, facts)
        else:
            log = self._repeated_log_p()
            if decision == "continue":
                facts["conditional_power"] = self._conditional_power()
        return Judgement(
            interval=repeated,
            relative_interval=relative,
            p_value=math.exp(log),
            log_p_value=log,
            statistic=self.estimate.effect / self.estimate.std_error,
            method=f"group sequential test, look {self.at + 1} of {len(self.times)}",
            facts=facts,
            notes=notes,
        )

    def _facts(self, decision: str) -> dict[str, Fact]:
        bounds = self.bounds
        spent = bounds.exits(0.0, futility=self.design.binding)
        sides = 2.0 if bounds.two_sided else 1.0
        facts: dict[str, Fact] = {
            "look": self.at + 1,
            "looks": len(self.times),
            "information": self.times[self.at],
            "boundary": bounds.upper[self.at],
            "decision": decision,
            "stopped": decision != "continue",
            "alpha_spent": sides * float(spent.above[: self.at + 1].sum()),
        }
        if bounds.futility is not None:
            facts["futility"] = bounds.futility[self.at]
        return facts

    def _interval(
        self, below: float, above: float
    ) -> tuple[tuple[float, float], tuple[float, float], tuple[str, ...]]:
        """Return the intervals that reach so many normal quantiles below and above.

        A negative reach puts an end on the other side of the estimate, as an exact interval
        after an early stop may do.
        """
        freedom = self.estimate.degrees_of_freedom
        low, high = standard_errors(below, freedom), standard_errors(above, freedom)
        effect, error = self.estimate.effect, self.estimate.std_error
        found = (effect - low * error, effect + high * error)
        relative, notes = self._relative(low, high)
        if self.alternative == "greater":
            found = (found[0], math.inf)
        elif self.alternative == "less":
            found = (-math.inf, found[1])
        return found, relative, notes

    def _relative(self, low: float, high: float) -> tuple[tuple[float, float], tuple[str, ...]]:
        if self.estimate.control_mean < 0.0:  # the ends of a share of it change sides
            low, high = high, low
        ends, notes = list[float](), dict[str, None]()
        for at, reach in ((0, low), (1, high)):
            found, told = relative_interval(
                self.estimate, abs(reach), "two-sided", self.design.relative_method
            )
            ends.append(found[at if reach >= 0.0 else 1 - at])
            notes.update(dict.fromkeys(told))
        if self.alternative != "two-sided" and not math.isnan(ends[0]):
            upward = (self.alternative == "greater") == (self.estimate.control_mean > 0.0)
            ends = [ends[0], math.inf] if upward else [-math.inf, ends[1]]
        return (ends[0], ends[1]), tuple(notes)

    def _stagewise(
        self, stopped: Stopped, facts: dict[str, Fact]
    ) -> tuple[tuple[float, float], tuple[float, float], tuple[str, ...]]:
        """Return the exact intervals after a stop, and note the median-unbiased estimate."""
        root, z = math.sqrt(self.times[self.at]), self.statistic
        error, freedom = self.estimate.std_error, self.estimate.degrees_of_freedom
        side = self.alpha / 2.0 if self.bounds.two_sided else self.alpha
        below = z - root * stopped.drift_at(side)
        above = root * stopped.drift_at(1.0 - side) - z if self.bounds.two_sided else math.inf
        shift = z - root * stopped.drift_at(0.5)
        middle = self.estimate.effect - self.sign * standard_errors(shift, freedom) * error
        facts["median_unbiased"] = middle
        return self._interval(*((below, above) if self.sign > 0.0 else (above, below)))

    def _repeated_log_p(self) -> float:
        """Return the smallest level, in logarithms, at which this look would stop."""
        towards = abs(self.statistic) if self.bounds.two_sided else self.statistic

        def excess(log_level: float) -> float:
            found = replace(self.design, futility=None, binding=False).bounds(
                math.exp(log_level), self.alternative, self.times
            )
            return found.upper[self.at] - towards

        # Above a half a bound of one side would be negative, which has no shape.
        plain = self.bounds.two_sided or isinstance(self.design.boundary, Spending)
        top = math.log(0.999 if plain else 0.499)
        if math.isnan(towards) or excess(top) >= 0.0:
            return 0.0
        low = math.log(self.alpha)
        while excess(low) <= 0.0 and low > -690.0:
            low -= 5.0
        return float(brentq(excess, low, top, xtol=1e-9)) if low > -690.0 else low

    def _conditional_power(self) -> float:
        time, last = self.times[self.at], self.times[-1]
        towards = abs(self.statistic) if self.bounds.two_sided else self.statistic
        expected = towards * last / math.sqrt(time)
        limit = self.bounds.upper[-1] * math.sqrt(last)
        return float(ndtr((expected - limit) / math.sqrt(last - time)))
