"""Which of several arms is the best, and what choosing another one is expected to cost."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from userportrait._core.display import page_fragment, table
from userportrait._core.params import InstanceOf, check_values
from userportrait.errors import InvalidDataError
from userportrait.experiment._bayes import Bayes
from userportrait.experiment._boundaries import grid
from userportrait.experiment._posterior import GaussianArm

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd
    from numpy.typing import NDArray

    from userportrait.experiment._estimate import Estimate
    from userportrait.experiment._posterior import Arm, Posterior

    Floats: TypeAlias = NDArray[np.float64]

__all__ = ["BestArm", "probability_best"]


@dataclass(frozen=True, slots=True, kw_only=True)
class BestArm:
    """How probable it is for each arm to be the best.

    Parameters
    ----------
    metric : str
    arms : tuple of str
        The control first.
    probability : tuple of float
        That an arm has the best mean; they sum to 1.
    expected_loss : tuple of float
        By how much the best mean is expected to be better than that of the arm chosen, in the
        metric's unit.

    Examples
    --------
    >>> from userportrait.experiment import Estimate, probability_best
    >>> found = [
    ...     Estimate(
    ...         metric="spend", control="A", variant=arm, n_control=900, n_variant=900,
    ...         control_mean=10.0, variant_mean=mean, control_variance=0.03,
    ...         variant_variance=0.03,
    ...     )
    ...     for arm, mean in (("B", 10.3), ("C", 10.5))
    ... ]
    >>> print(probability_best(found))
    spend: C is the best with 78.6 %, expected loss 0.0294
    """

    metric: str
    arms: tuple[str, ...]
    probability: tuple[float, ...]
    expected_loss: tuple[float, ...]

    @property
    def best(self) -> str:
        """The arm with the least expected loss."""
        return self.arms[int(np.argmin(self.expected_loss))]

    def to_frame(self) -> pd.DataFrame:
        """Return one row per arm: arm, probability, expected_loss."""
        import pandas as pd

        return pd.DataFrame(
            {
                "arm": self.arms,
                "probability": self.probability,
                "expected_loss": self.expected_loss,
            }
        )

    def to_dict(self) -> dict[str, object]:
        """Return every value under its name."""
        return {name: getattr(self, name) for name in self.__dataclass_fields__}

    def __str__(self) -> str:
        at = self.arms.index(self.best)
        return (
            f"{self.metric}: {self.best} is the best with {100 * self.probability[at]:.1f} %, "
            f"expected loss {self.expected_loss[at]:.3g}"
        )

    def _repr_html_(self) -> str:
        rows = [
            (arm, f"{chance:.1%}", f"{loss:.3g}")
            for arm, chance, loss in zip(
                self.arms, self.probability, self.expected_loss, strict=True
            )
        ]
        names = ("arm", "probability", "expected_loss")
        return page_fragment(str(self), table(names, rows, numeric=names[1:]))


def probability_best(estimates: Sequence[Estimate], design: Bayes | None = None) -> BestArm:
    """Return the probability that each arm is the best, and the loss of choosing it.

    Parameters
    ----------
    estimates : sequence of Estimate
        One for each variant, of the same metric against the same control.
    design : Bayes, optional
        The prior, by default a flat one. With ``more_is_better=False`` the best arm has the
        smallest mean.

    Returns
    -------
    BestArm

    Raises
    ------
    InvalidDataError
        If there is no estimate, metrics, controls or variants do not fit, or an arm has no
        spread.

    Notes
    -----
    Given the control's mean the arms are independent; what is left are two integrals. Where
    an adjustment gives the control slightly different means beside each variant, the effects
    are kept and the first of these means is used.

    References
    ----------
    .. [1] Scott (2010), "A modern Bayesian look at the multi-armed bandit", Applied Stochastic
       Models in Business and Industry 26(6).

    Examples
    --------
    >>> from userportrait.experiment import Bayes, Estimate, probability_best
    >>> visits = [
    ...     Estimate(
    ...         metric="visit", control="A", variant=arm, n_control=1000, n_variant=1000,
    ...         control_mean=0.05, variant_mean=rate, control_variance=0.05 * 0.95 / 1000,
    ...         variant_variance=rate * (1 - rate) / 1000,
    ...     )
    ...     for arm, rate in (("B", 0.06), ("C", 0.07))
    ... ]
    >>> probability_best(visits, Bayes(prior_counts=(1, 1))).to_frame().round(3)
      arm  probability  expected_loss
    0   A        0.018          0.021
    1   B        0.178          0.011
    2   C        0.804          0.001
    """
    prior = Bayes() if design is None else design
    check_values("probability_best", {"design": prior}, {"design": InstanceOf((Bayes,), "Bayes")})
    _check(estimates, prior)
    shared = [_with_control(estimate, estimates[0]) for estimate in estimates]
    first, arms = estimates[0], prior.posteriors(shared)
    sign = 1.0 if prior.more_is_better else -1.0
    chances, over = _compare(arms, sign)
    gains = [0.0, *(sign * arm.mean for arm in arms)]
    return BestArm(
        metric=first.metric,
        arms=(first.control, *(estimate.variant for estimate in estimates)),
        probability=tuple(chance / sum(chances) for chance in chances),
        expected_loss=tuple(max(over - gain, 0.0) for gain in gains),
    )


def _check(estimates: Sequence[Estimate], prior: Bayes) -> None:
    if not estimates:
        raise InvalidDataError("there is no arm to compare: estimates must hold at least one.")
    heads = {(estimate.metric, estimate.control) for estimate in estimates}
    if len(heads) > 1:
        raise InvalidDataError("all estimates must be of one metric against one control.")
    if len({estimate.variant for estimate in estimates}) < len(estimates):
        raise InvalidDataError("a variant occurs twice; give one estimate for each.")
    still = [e.variant for e in estimates if not min(e.control_variance, e.variant_variance) > 0]
    if still and prior.prior_counts is None:
        raise InvalidDataError(f"'{still[0]}' or the control has no spread, so none is known.")


def _with_control(estimate: Estimate, first: Estimate) -> Estimate:
    if estimate.control_mean == first.control_mean:
        return estimate
    shift = first.control_mean - estimate.control_mean
    return replace(
        estimate,
        control_mean=first.control_mean,
        variant_mean=estimate.variant_mean + shift,
        control_variance=first.control_variance,
    )


def _compare(arms: Sequence[Posterior], sign: float) -> tuple[list[float], float]:
    """Return the chance of each arm to be the best, and how much better the best is expected."""
    control, weights = arms[0].control, arms[0].weights
    steps, widths = _steps(arms, sign)
    at = control[:, None] + sign * steps[None, :]
    worse = [_worse(arm, at, sign) for arm in arms]
    start = [_worse(arm, control[:, None], sign)[:, 0] for arm in arms]
    chances = [float(weights @ np.prod(start, axis=0))]
    for own, arm in enumerate(arms):
        others = [found for other, found in enumerate(worse) if other != own]
        density = (
            _spread(arm).density(at) * np.prod(others, axis=0)
            if others
            else (_spread(arm).density(at))
        )
        chances.append(float(weights @ (density @ widths)))
    return chances, float(weights @ ((1.0 - np.prod(worse, axis=0)) @ widths))


def _steps(arms: Sequence[Posterior], sign: float) -> tuple[Floats, Floats]:
    """Return distances from the control within which any variant may be."""
    far, near = 0.0, math.inf
    for arm in arms:
        spread = arm.spread
        far = max(far, sign * arm.mean + 9.0 * spread)
        near = min(near, spread)
    far = max(far, near)
    return grid([(0.0, far)], max(near / 4.0, far / 400.0))


def _worse(arm: Posterior, at: Floats, sign: float) -> Floats:
    return _spread(arm).below(at) if sign > 0.0 else _spread(arm).above(at)


def _spread(arm: Posterior) -> Arm:
    """Return the variant's distributions, one per row."""
    variant = arm.variant
    if isinstance(variant, GaussianArm):
        return GaussianArm(variant.mean[:, None], variant.sd[:, None])
    return variant
