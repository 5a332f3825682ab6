"""What a design with several looks costs and how soon it ends, before it starts."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, runtime_checkable

import numpy as np
from scipy.special import ndtri

from userportrait._core.display import definition_list, page_fragment, table
from userportrait._core.params import Between, InstanceOf, OneOf, Rule, check_values
from userportrait.experiment._group_sequential import GroupSequential

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pandas as pd

    from userportrait.experiment._base import Design
    from userportrait.experiment._estimate import Alternative

__all__ = ["SequentialPlan", "inflation_factor", "plan_looks"]


@runtime_checkable
class _Sequential(Protocol):
    def needed_drift(self, alpha: float, power: float, alternative: Alternative) -> float: ...


_RULES: dict[str, Rule] = {
    "alpha": Between(0.0, 1.0, open_low=True, open_high=True),
    "power": Between(0.0, 1.0, open_low=True, open_high=True),
    "alternative": OneOf(("two-sided", "greater", "less")),
}


def inflation_factor(
    design: Design, alpha: float = 0.05, power: float = 0.8, alternative: Alternative = "two-sided"
) -> float:
    """Return how many times the units of a fixed design a design needs at the most.

    Parameters
    ----------
    design : Design
    alpha : float, default=0.05
        Chance of a false alarm.
    power : float, default=0.8
        Chance to find the effect; above `alpha`.
    alternative : {'two-sided', 'greater', 'less'}, default='two-sided'

    Returns
    -------
    float
        1 for designs with one look. For `GroupSequential`, the units at its last look; for
        `Anytime`, those by which it has stopped with that power.

    Notes
    -----
    As for a fixed design, a significant effect in the wrong direction is not power.

    References
    ----------
    .. [1] Jennison and Turnbull (2000), "Group Sequential Methods with Applications to
       Clinical Trials", tables 2.2, 2.4 and 2.9.

    Examples
    --------
    >>> from userportrait.experiment import Fixed, GroupSequential, inflation_factor
    >>> round(inflation_factor(GroupSequential(looks=5, boundary="pocock"), 0.05, 0.9), 3)
    1.207
    >>> inflation_factor(Fixed())
    1.0
    """
    values = {"alpha": alpha, "power": power, "alternative": alternative}
    check_values("inflation_factor", values, _RULES)
    check_values(
        "inflation_factor", {"power": power}, {"power": Between(alpha, 1.0, open_low=True)}
    )
    if not isinstance(design, _Sequential):
        return 1.0
    side = alpha / 2.0 if alternative == "two-sided" else alpha
    fixed = float(-ndtri(side) + ndtri(power))
    return (design.needed_drift(alpha, power, alternative) / fixed) ** 2


@dataclass(frozen=True, slots=True, kw_only=True)
class SequentialPlan:
    """Bounds of all looks, and what they cost and save.

    Parameters
    ----------
    fractions : tuple of float, of length K
        Units at each look as shares of those at the last one.
    lower, upper : tuple of float, of length K
        Bounds of the statistic beyond which the experiment stops; infinite where there is none.
    inner : tuple of float, of length K
        Half-widths around 0 that stop a two-sided test for futility; 0 where there are none.
    alpha_spent : tuple of float, of length K
        Chance of a false alarm up to each look.
    stop_without_effect, stop_with_effect : tuple of float, of length K
        Chances to stop at each look.
    power_spent : tuple of float, of length K
        Chance to have found the effect up to each look.
    inflation : float
        Units at the last look by those of a fixed design.
    expected_without_effect, expected_halfway, expected_with_effect : float
        Expected units by those of a fixed design, for no effect, half the effect planned for,
        and all of it.

    Examples
    --------
    >>> from userportrait.experiment import GroupSequential, plan_looks
    >>> plan = plan_looks(GroupSequential(looks=3), alpha=0.05, power=0.8)
    >>> [round(bound, 3) for bound in plan.upper]
    [3.71, 2.511, 1.993]
    >>> round(plan.inflation, 3), round(plan.expected_with_effect, 3)
    (1.013, 0.866)
    """

    fractions: tuple[float, ...]
    lower: tuple[float, ...]
    upper: tuple[float, ...]
    inner: tuple[float, ...]
    alpha_spent: tuple[float, ...]
    stop_without_effect: tuple[float, ...]
    stop_with_effect: tuple[float, ...]
    power_spent: tuple[float, ...]
    inflation: float
    expected_without_effect: float
    expected_halfway: float
    expected_with_effect: float

    def to_frame(self) -> pd.DataFrame:
        """Return one row per look: its share, bounds, what is spent and the chances to stop."""
        import pandas as pd

        columns = (
            "lower", "upper", "inner", "alpha_spent", "power_spent", "stop_without_effect",
            "stop_with_effect",
        )  # fmt: skip
        looks = range(1, len(self.fractions) + 1)
        return pd.DataFrame(
            {
                "look": list(looks),
                "information": self.fractions,
                **{name: getattr(self, name) for name in columns},
            }
        )

    def to_dict(self) -> dict[str, object]:
        """Return every value under its name."""
        return {name: getattr(self, name) for name in self.__dataclass_fields__}

    def _told(self) -> Mapping[str, str]:
        return {
            "units at the last look": f"{self.inflation:.3f} x a fixed design",
            "expected without effect": f"{self.expected_without_effect:.3f} x",
            "expected with the effect": f"{self.expected_with_effect:.3f} x",
        }

    def __str__(self) -> str:
        told = "; ".join(f"{name}: {value}" for name, value in self._told().items())
        return f"{self.to_frame().to_string(index=False, float_format='%.4f')}\n{told}"

    def _repr_html_(self) -> str:
        frame = self.to_frame()
        rows = [
            [int(row[0]), *(f"{value:.4f}" for value in row[1:])]
            for row in frame.itertuples(index=False)
        ]
        names = [str(name) for name in frame.columns]
        return page_fragment(
            "Looks", table(names, rows, numeric=names), definition_list(self._told())
        )


def plan_looks(
    design: GroupSequential,
    *,
    alpha: float = 0.05,
    power: float | None = None,
    alternative: Alternative = "two-sided",
) -> SequentialPlan:
    """Return the bounds of all looks of a design, and the units it needs and is expected to.

    Parameters
    ----------
    design : GroupSequential
    alpha : float, default=0.05
        Chance of a false alarm.
    power : float, optional
        Chance to find the effect planned for; by default that of the design.
    alternative : {'two-sided', 'greater', 'less'}, default='two-sided'

    Returns
    -------
    SequentialPlan
        With 'less', bounds are those of the statistic turned round.

    References
    ----------
    .. [1] Jennison and Turnbull (2000), "Group Sequential Methods with Applications to
       Clinical Trials", chapter 2.

    Examples
    --------
    >>> from userportrait.experiment import GroupSequential, Spending, plan_looks
    >>> design = GroupSequential(looks=4, futility=Spending("hwang-shih-decani", -2))
    >>> plan = plan_looks(design, power=0.9, alternative="greater")
    >>> round(plan.inflation, 3), round(plan.expected_without_effect, 3)
    (1.101, 0.646)
    """
    check_values(
        "plan_looks",
        {"design": design},
        {"design": InstanceOf((GroupSequential,), "GroupSequential")},
    )
    power = design.power if power is None else power
    inflation = inflation_factor(design, alpha, power, alternative)
    bounds = design.with_power(power).bounds(alpha, alternative)
    drift = design.needed_drift(alpha, power, alternative)
    null, half, full = (bounds.exits(share * drift) for share in (0.0, 0.5, 1.0))
    false_alarms = bounds.exits(0.0, futility=design.binding)
    sides = 2.0 if bounds.two_sided else 1.0
    times, n = np.asarray(bounds.times), len(bounds.times)
    stops = [found.above + found.below + found.inside for found in (null, half, full)]
    for found in stops:
        found[-1] = 1.0 - found[:-1].sum()
    low = [-bound for bound in bounds.upper] if bounds.two_sided else [-math.inf] * n
    return SequentialPlan(
        fractions=bounds.times,
        lower=tuple(low) if bounds.two_sided or not bounds.futility else bounds.futility,
        upper=bounds.upper,
        inner=bounds.futility if bounds.two_sided and bounds.futility else (0.0,) * n,
        alpha_spent=_floats(sides * np.cumsum(false_alarms.above)),
        stop_without_effect=_floats(stops[0]),
        stop_with_effect=_floats(stops[2]),
        power_spent=_floats(np.cumsum(full.above)),
        inflation=inflation,
        expected_without_effect=inflation * float(stops[0] @ times),
        expected_halfway=inflation * float(stops[1] @ times),
        expected_with_effect=inflation * float(stops[2] @ times),
    )


def _floats(values: np.ndarray) -> tuple[float, ...]:
    return tuple(float(value) for value in values)
