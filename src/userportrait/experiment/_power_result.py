"""A plan of an experiment: units, effect and the chance to find it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import numpy as np

from userportrait._core.display import definition_list, page_fragment
from userportrait._core.params import Between, check_values

if TYPE_CHECKING:
    from collections.abc import Iterable

    import pandas as pd
    from matplotlib.axes import Axes

    from userportrait.experiment._power_trial import Trial

__all__ = ["PowerCurve", "PowerPlan"]

Question: TypeAlias = Literal["power", "sample size", "minimum detectable effect"]


@dataclass(frozen=True, slots=True, kw_only=True)
class PowerCurve:
    """The chance to find an effect, by the number of units.

    Parameters
    ----------
    n : tuple of int
        Units of both arms, ascending.
    power : tuple of float
        Chance to find the effect with so many.
    effect : float
    target : float
        The power that was asked for or found.
    planned_n : int
        Units of the plan.

    See Also
    --------
    PowerPlan.curve : Make one.

    Examples
    --------
    >>> from userportrait.experiment import sample_size
    >>> curve = sample_size(baseline=0.12, effect=0.01).curve([10_000, 34_338, 100_000])
    >>> [round(power, 2) for power in curve.power]
    [0.33, 0.8, 1.0]
    """

    n: tuple[int, ...]
    power: tuple[float, ...]
    effect: float
    target: float
    planned_n: int

    def to_frame(self) -> pd.DataFrame:
        """Return the columns ``n`` and ``power``."""
        import pandas as pd

        return pd.DataFrame({"n": self.n, "power": self.power})

    def plot(self, ax: Axes | None = None) -> Axes:
        """Draw power by units.

        Parameters
        ----------
        ax : matplotlib Axes, optional
            Where to draw; a new figure by default.

        Returns
        -------
        matplotlib Axes
        """
        from userportrait.experiment._power_plot import plot_power

        return plot_power(self, ax)


@dataclass(frozen=True, slots=True, kw_only=True)
class PowerPlan:
    """Units, effect and power of an experiment that is to be run.

    Parameters
    ----------
    question : {'power', 'sample size', 'minimum detectable effect'}
        Which of the three was asked for.
    n_control, n_variant : int
        Units of each arm; with a design of several looks, those at the last one.
    effect, relative_effect : float
        Of the variant against the control; the second as a share of the control's mean, NaN
        if that is 0.
    power : float
        Chance to find the effect, or to show what the margin is for.
    std_error : float
        Of the estimated effect, with all units.
    expected_n : float or None
        Units that a group sequential design is expected to use if the effect is there.
    trial : Trial
        Everything else that was planned with.
    notes : tuple of str
        What the reader must know.

    See Also
    --------
    sample_size, power, minimum_detectable_effect : Make one.

    Examples
    --------
    >>> from userportrait.experiment import sample_size
    >>> plan = sample_size(baseline=0.12, effect=0.01)
    >>> plan.n, plan.n_control, round(plan.power, 4)
    (34338, 17169, 0.8)
    """

    question: Question
    n_control: int
    n_variant: int
    effect: float
    relative_effect: float
    power: float
    std_error: float
    trial: Trial
    expected_n: float | None = None
    notes: tuple[str, ...] = ()

    @property
    def n(self) -> int:
        """Units of both arms."""
        return self.n_control + self.n_variant

    @property
    def n_clusters(self) -> tuple[int, int] | None:
        """Clusters of the control and of the variant; None where single units are assigned."""
        size = self.trial.cluster_size
        if size is None:
            return None
        return round(self.n_control / size), round(self.n_variant / size)

    def curve(self, n: Iterable[int] | None = None) -> PowerCurve:
        """Return the power for other numbers of units.

        Parameters
        ----------
        n : iterable of int, optional
            Units of both arms; by default 41 numbers from a tenth to three times the plan's.
        """
        sizes = [int(size) for size in n] if n is not None else _around(self.n)
        for size in sizes:
            check_values("curve", {"n": size}, {"n": Between(2, 2**53, integer=True)})
        arms = 1.0 + self.trial.ratio
        return PowerCurve(
            n=tuple(sizes),
            power=tuple(self.trial.powers([size / arms for size in sizes], self.effect)),
            effect=self.effect,
            target=self.power,
            planned_n=self.n,
        )

    def to_dict(self) -> dict[str, Any]:
        """Return plain values."""
        clusters = self.n_clusters or (math.nan, math.nan)
        return {
            "question": self.question,
            "n": self.n,
            "n_control": self.n_control,
            "n_variant": self.n_variant,
            "n_clusters_control": clusters[0],
            "n_clusters_variant": clusters[1],
            "expected_n": math.nan if self.expected_n is None else self.expected_n,
            "baseline": self.trial.baseline,
            "effect": self.effect,
            "relative_effect": self.relative_effect,
            "margin": math.nan if self.trial.margin is None else self.trial.absolute_margin,
            "power": self.power,
            "alpha": self.trial.alpha,
            "alternative": self.trial.side,
            "std_error": self.std_error,
            "r2": self.trial.r2,
            "design_effect": self.trial.design_effect,
            "design": type(self.trial.design).__name__,
        }

    def to_frame(self) -> pd.DataFrame:
        """Return one row with the values of `to_dict`."""
        import pandas as pd

        return pd.DataFrame([self.to_dict()])

    def plot(self, ax: Axes | None = None) -> Axes:
        """Draw power by units around the plan.

        Parameters
        ----------
        ax : matplotlib Axes, optional
            Where to draw; a new figure by default.

        Returns
        -------
        matplotlib Axes
        """
        return self.curve().plot(ax)

    @property
    def headline(self) -> str:
        """One sentence with the answer."""
        share = "" if math.isnan(self.relative_effect) else f" ({self.relative_effect:+.3g} of it)"
        what = f"an effect of {self.effect:+.4g} on {self.trial.baseline:.4g}{share}"
        if self.trial.margin is not None:
            what = f"'{self.trial.claim}' within {self.trial.absolute_margin:.4g} for {what}"
        units = f"{self.n_control:,} + {self.n_variant:,} units"
        return f"{units} show {what} with power {self.power:.3f}."

    def __str__(self) -> str:
        return "\n".join([self.headline, *(f"- {note}" for note in self.notes)])

    def _repr_html_(self) -> str:
        shown: dict[str, object] = {
            "units of both arms": f"{self.n:,}",
            "power": f"{self.power:.3f}",
            "level": f"{self.trial.alpha:g}, {self.trial.side}",
            "design": type(self.trial.design).__name__,
        }
        return page_fragment(self.headline, definition_list(shown))


def _around(n: int) -> list[int]:
    return sorted({max(4, round(size)) for size in np.geomspace(0.1 * n, 3.0 * n, 41)})
