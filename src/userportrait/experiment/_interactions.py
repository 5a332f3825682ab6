"""Two experiments on the same units: does one change what the other does?"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
from scipy.special import gammaincc

from userportrait._core.display import page_fragment, table
from userportrait._core.params import InstanceOf, check_values
from userportrait.errors import InvalidDataError, InvalidParameterError, unknown_name
from userportrait.experiment._aggregates_keys import label_of
from userportrait.experiment._intervals import critical_value, log_p
from userportrait.experiment._slices import check_experiment, cut, effects_of
from userportrait.experiment._words import write_number

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    import pandas as pd
    from numpy.typing import NDArray

    from userportrait.experiment._aggregates import Aggregates
    from userportrait.experiment._experiment import Experiment
    from userportrait.experiment._result import Effect, ExperimentResult
    from userportrait.typing import IntoFrame

    Floats: TypeAlias = NDArray[np.float64]

__all__ = ["Interaction", "Interactions", "interactions"]

_OWNER = "interactions"


@dataclass(frozen=True, slots=True, kw_only=True)
class Interaction:
    """How much one arm of another experiment changes an effect.

    Parameters
    ----------
    metric, variant, control : str
        Whose effect.
    other_variant, other_control : str
        Arms of the other experiment.
    alone : Effect
        The effect among units in the other experiment's control.
    together : Effect
        The effect among units in the other experiment's variant.
    difference : float
        The latter less the former.
    std_error : float
    interval : tuple of float
    p_value : float
        Two-sided, of no interaction.

    Examples
    --------
    >>> import pandas as pd
    >>> from userportrait.experiment import Experiment, Mean, interactions
    >>> frame = pd.DataFrame(
    ...     {
    ...         "variant": ["A", "B"] * 8,
    ...         "banner": ["old"] * 8 + ["new"] * 8,
    ...         "spend": [1.0, 4, 2, 5, 3, 6, 2, 5, 1, 1, 2, 3, 3, 2, 2, 3],
    ...     }
    ... )
    >>> found = interactions(
    ...     Experiment(Mean("spend"), control="A"), frame, "banner", other_control="old"
    ... )
    >>> one = found.found[0]
    >>> one.alone.effect, one.together.effect, one.difference
    (3.0, 0.25, -2.75)
    """

    metric: str
    variant: str
    control: str
    other_variant: str
    other_control: str
    alone: Effect
    together: Effect
    difference: float
    std_error: float
    interval: tuple[float, float]
    p_value: float

    def __str__(self) -> str:
        low, high = self.interval
        return (
            f"{self.metric}, {self.variant} against {self.control}: {self.alone.effect:+.4g} with "
            f"{self.other_control}, {self.together.effect:+.4g} with {self.other_variant}; "
            f"difference {self.difference:+.4g} [{low:+.4g}, {high:+.4g}], p = {self.p_value:.2g}"
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Interactions:
    """Interactions of two experiments; made by `interactions`.

    Parameters
    ----------
    found : tuple of Interaction
    joint_p_values : mapping of str to float
        By metric, of no interaction between any arms.
    dependence_p_value : float
        Of arms that were assigned independently of each other. A small one says that the two
        assignments have something to do with each other; then interactions mean nothing.
    alpha : float

    See Also
    --------
    interactions : Make one.

    Examples
    --------
    >>> import pandas as pd
    >>> from userportrait.experiment import Experiment, Mean, interactions
    >>> frame = pd.DataFrame(
    ...     {
    ...         "variant": ["A", "B"] * 8,
    ...         "banner": ["old"] * 8 + ["new"] * 8,
    ...         "spend": [1.0, 4, 2, 5, 3, 6, 2, 5, 1, 1, 2, 3, 3, 2, 2, 3],
    ...     }
    ... )
    >>> found = interactions(
    ...     Experiment(Mean("spend"), control="A"), frame, "banner", other_control="old"
    ... )
    >>> len(found), round(found.joint_p_values["spend"], 4), found.dependence_p_value
    (1, 0.0013, 1.0)
    """

    found: tuple[Interaction, ...]
    joint_p_values: Mapping[str, float]
    dependence_p_value: float
    alpha: float

    def __iter__(self) -> Iterator[Interaction]:
        return iter(self.found)

    def __len__(self) -> int:
        return len(self.found)

    def to_frame(self) -> pd.DataFrame:
        """Return one row for each interaction.

        Columns: ``metric, variant, control, other_variant, other_control, alone, together,
        difference, std_error, ci_low, ci_high, p_value``.
        """
        import pandas as pd

        rows = [
            {
                "metric": i.metric, "variant": i.variant, "control": i.control,
                "other_variant": i.other_variant, "other_control": i.other_control,
                "alone": i.alone.effect, "together": i.together.effect,
                "difference": i.difference, "std_error": i.std_error,
                "ci_low": i.interval[0], "ci_high": i.interval[1], "p_value": i.p_value,
            }
            for i in self.found
        ]  # fmt: skip
        return pd.DataFrame(rows)

    def notes(self) -> tuple[str, ...]:
        """Return what the reader must know."""
        if self.dependence_p_value < 0.001:
            note = (
                f"The arms of the two experiments were not assigned independently (p = "
                f"{self.dependence_p_value:.2g}, alarm below 0.001): find out why first."
            )
            return (note,)
        return ()

    def __str__(self) -> str:
        return "\n".join([*(str(one) for one in self.found), *self.notes()])

    def _repr_html_(self) -> str:
        heads = ("metric", "arms", "other arms", "alone", "together", "difference", "p")
        rows = [
            (
                i.metric, f"{i.variant} against {i.control}",
                f"{i.other_variant} against {i.other_control}", write_number(i.alone.effect),
                write_number(i.together.effect), write_number(i.difference),
                write_number(i.p_value),
            )
            for i in self.found
        ]  # fmt: skip
        return page_fragment("Interactions", table(heads, rows, numeric=heads[3:]))


def interactions(
    experiment: Experiment,
    data: IntoFrame | Aggregates,
    other: str,
    *,
    other_control: object,
) -> Interactions:
    """Compare an experiment's effects between the arms of another one on the same units.

    Parameters
    ----------
    experiment : Experiment
        Whose effects are compared.
    data : frame or Aggregates
        One row for each unit that was in both, or aggregates `by` the other arms.
    other : str
        The column with the arms of the other experiment.
    other_control : str, int or bool
        Its control.

    Returns
    -------
    Interactions

    Raises
    ------
    InvalidParameterError
        If the other experiment has no such arm.
    InvalidDataError
        If it has one arm only that enough units were in.

    Notes
    -----
    Units of different arms are different units, so the four cells of a comparison are
    independent and their variances add up; degrees of freedom are Satterthwaite's. For means
    the test is that of the product of the two indicators in a regression with the standard
    errors HC2. The joint test over the other experiment's arms is Wald's; over several variants
    its p-values are combined after Bonferroni.

    References
    ----------
    .. [1] Kohavi, Tang and Xu (2020), "Trustworthy Online Controlled Experiments", chapter 4.

    Examples
    --------
    >>> import pandas as pd
    >>> from userportrait.experiment import Experiment, Mean, interactions
    >>> frame = pd.DataFrame(
    ...     {
    ...         "variant": ["A", "B"] * 8,
    ...         "banner": ["old"] * 8 + ["new"] * 8,
    ...         "spend": [1.0, 4, 2, 5, 3, 6, 2, 5, 1, 1, 2, 3, 3, 2, 2, 3],
    ...     }
    ... )
    >>> print(interactions(Experiment(Mean("spend"), control="A"), frame, "banner",
    ...                    other_control="old"))
    spend, B against A: +3 with old, +0.25 with new; difference -2.75 [-4.615, -0.8849], p = 0.0075
    """
    check_experiment(experiment, _OWNER)
    check_values(_OWNER, {"other": other}, {"other": InstanceOf((str,), "the name of a column")})
    if other == getattr(experiment, "variant", None):
        problem = f"other: '{other}' holds the arms of the experiment itself."
        raise InvalidParameterError(_OWNER, [problem])
    slices = cut(experiment, data, other, owner=_OWNER)
    base = label_of(other_control)
    if base not in slices.labels:
        problem = unknown_name(f"arm in column '{other}'", base, slices.labels)
        raise InvalidParameterError(_OWNER, [problem])
    arms = [label for label in slices.labels if label != base]
    if not arms:
        message = f"{_OWNER}: column '{other}' has one arm only with enough units, '{base}'."
        raise InvalidDataError(message, column=other)
    results = slices.analyze()
    found: list[Interaction] = []
    for effects in effects_of(results).values():
        cells = dict(zip(slices.labels, effects, strict=True))
        found += [_interaction(cells[base], cells[arm], base, arm, experiment.alpha)
                  for arm in arms]  # fmt: skip
    return Interactions(
        found=tuple(found),
        joint_p_values=_joint(results, base),
        dependence_p_value=_dependence(results, set(experiment.merged or {})),
        alpha=experiment.alpha,
    )


def _interaction(alone: Effect, together: Effect, base: str, arm: str, alpha: float) -> Interaction:
    difference = together.effect - alone.effect
    variances = (alone.std_error**2, together.std_error**2)
    std_error = math.sqrt(sum(variances))
    freedoms = (alone.degrees_of_freedom, together.degrees_of_freedom)
    below = sum(v * v / f for v, f in zip(variances, freedoms, strict=True))
    freedom = sum(variances) ** 2 / below if below > 0 else math.inf
    reach = critical_value(alpha, "two-sided", freedom) * std_error
    p = math.exp(log_p(difference / std_error, "two-sided", freedom)) if std_error else math.nan
    return Interaction(
        metric=alone.metric, variant=alone.variant, control=alone.control, other_variant=arm,
        other_control=base, alone=alone, together=together, difference=difference,
        std_error=std_error, interval=(difference - reach, difference + reach), p_value=p,
    )  # fmt: skip


def _joint(results: Mapping[str, ExperimentResult], base: str) -> dict[str, float]:
    """Return, by metric, a test that no arm of the other experiment changes any effect."""
    found: dict[str, list[float]] = {}
    for (metric, _, _), effects in effects_of(results).items():
        cells = dict(zip(results, effects, strict=True))
        first = cells.pop(base)
        off = np.array([e.effect - first.effect for e in cells.values()])
        # All differences share the variance of the other experiment's control.
        covariance = np.full((len(off), len(off)), first.std_error**2)
        covariance += np.diag([e.std_error**2 for e in cells.values()])
        found.setdefault(metric, []).append(_wald(off, covariance))
    return {metric: min(1.0, len(p) * min(p)) for metric, p in found.items()}


def _wald(off: Floats, covariance: Floats) -> float:
    if not np.isfinite(covariance).all() or np.linalg.matrix_rank(covariance) < len(off):
        return math.nan
    statistic = float(off @ np.linalg.solve(covariance, off))
    return float(gammaincc(len(off) / 2.0, statistic / 2.0))


def _dependence(results: Mapping[str, ExperimentResult], merged: set[str]) -> float:
    """Return Pearson's test of independence of the two assignments."""
    from scipy.stats import chi2_contingency

    names = list(
        dict.fromkeys(
            name for result in results.values() for name in result.counts if name not in merged
        )
    )
    table_of = np.array([[r.counts.get(name, 0) for name in names] for r in results.values()])
    kept = table_of[:, table_of.sum(axis=0) > 0]
    return float(chi2_contingency(kept, correction=False).pvalue)
