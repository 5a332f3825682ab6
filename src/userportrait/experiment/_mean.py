"""The mean of a column per unit, with or without covariates."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, cast

from userportrait._core.params import InstanceOf, OneOf, Optional
from userportrait.experiment._caps import Cap
from userportrait.experiment._covariates import compare
from userportrait.experiment._metrics import (
    Adjustment,
    Covariate,
    Described,
    Term,
    as_terms,
    capped,
    columns_of,
)
from userportrait.experiment._moments import Column

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from userportrait._core.params import Rule
    from userportrait.experiment._estimate import Estimate
    from userportrait.experiment._moments import Moments

__all__ = ["Mean"]


@dataclass(frozen=True, slots=True)
class Mean(Described):
    """The mean of a column per unit that was assigned, such as money spent per customer.

    Parameters
    ----------
    column : str or Column
        What is averaged.
    adjust : str, Column, Ratio or sequence of these, optional
        Covariates known before the experiment, such as earlier spending. They take out of the
        variance what they explain. A constant one, and one that the others determine, is
        left out with a note.
    adjustment : {'lin', 'pooled'}, default='lin'
        ``'lin'`` fits one regression in each arm: right for arms of unequal size and effects
        that depend on the covariates. ``'pooled'`` is CUPED as published: one slope for both,
        taken from all units as one sample, which pulls the effect towards 0 in small samples.
    cap : Cap, optional
        Limits beyond which values count as the limit.
    equal_variance : bool, default=False
        Whether both arms share one variance (Student) instead of one each (Welch).
    name, goal, role, margin, margin_kind, claim
        See `Described`: what results call the metric, which way is good, what it is for, and
        the change that is still acceptable.

    Raises
    ------
    InvalidParameterError
        If a value is none of these, or the metric's own column is among the covariates.

    See Also
    --------
    Ratio : A ratio of two means.
    Proportion : A share, with exact tests.

    Notes
    -----
    The mean of arm a is adjusted to the covariate means of both arms together,
    ``mean(y) - slope (mean(x) - pooled mean(x))``. Its variance has the residual variance of
    the arm, the uncertainty of the slope, and that of the pooled covariate means, which both
    adjusted means share: hence their covariance, which the relative interval uses. Where the
    covariates explain so little that the standard error would grow by more than 1 %, the
    unadjusted means are kept, with a note. [1]_ [2]_

    References
    ----------
    .. [1] Lin (2013), "Agnostic notes on regression adjustments to experimental data",
       Annals of Applied Statistics 7(1).
    .. [2] Deng, Xu, Kohavi and Walker (2013), "Improving the sensitivity of online controlled
       experiments by utilizing pre-experiment data", WSDM.

    Examples
    --------
    >>> import numpy as np
    >>> from userportrait.experiment import Mean, Moments
    >>> before = np.array([1.0, 2.0, 3.0, 4.0, 5.0, 6.0])
    >>> noise = np.array([0.1, -0.1, 0.0, 0.1, -0.1, 0.0])
    >>> a = Moments.of({"spend": 2.0 * before + noise, "before": before})
    >>> b = Moments.of({"spend": 2.0 * before + 1.0 - noise, "before": before})
    >>> plain, adjusted = Mean("spend").estimate(a, b), Mean("spend", "before").estimate(a, b)
    >>> round(plain.effect, 3), round(plain.std_error, 3)
    (1.0, 2.161)
    >>> round(adjusted.effect, 3), round(adjusted.std_error, 3)
    (1.0, 0.057)
    """

    column: str | Column
    adjust: Covariate | Iterable[Covariate] | None = None
    adjustment: Adjustment = "lin"
    cap: Cap | None = None
    equal_variance: bool = False

    _rules: ClassVar[Mapping[str, Rule]] = {
        "column": InstanceOf((str, Column), "the name of a column, or a Column"),
        "adjustment": OneOf(("lin", "pooled")),
        "cap": Optional(InstanceOf((Cap,), "a Cap")),
        "equal_variance": InstanceOf((bool,), "True or False"),
    }

    def __post_init__(self) -> None:
        self._check(self._rules)
        plain = self.column if isinstance(self.column, Column) else Column(source=self.column)
        object.__setattr__(self, "adjust", as_terms("Mean", self.adjust, (plain,)))
        self._call_it(f"{plain.name}, capped" if self.cap else plain.name)

    @property
    def term(self) -> Term:
        """What is measured, in the form that covariates have too."""
        return Term(capped(self.column, self.cap))

    @property
    def covariates(self) -> tuple[Term, ...]:
        """The covariates, each once."""
        return cast("tuple[Term, ...]", self.adjust)

    @property
    def columns(self) -> tuple[Column, ...]:
        """What must be aggregated."""
        return columns_of(self.term, *self.covariates)

    def estimate(self, control: Moments, variant: Moments) -> Estimate:
        """Return both means and their variances.

        Parameters
        ----------
        control, variant : Moments
            Of two arms, with at least 2 units each.

        Returns
        -------
        Estimate
            Without the names of the arms.
        """
        return compare(
            self.name,
            self.term,
            self.covariates,
            control,
            variant,
            adjustment=self.adjustment,
            equal_variance=self.equal_variance,
        )
