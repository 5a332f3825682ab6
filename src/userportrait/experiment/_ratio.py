"""A ratio of two means, such as revenue per order, where the unit assigned is the customer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, cast

from userportrait._core.params import InstanceOf, OneOf, Optional
from userportrait.errors import InvalidParameterError
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

__all__ = ["Ratio"]


@dataclass(frozen=True, slots=True)
class Ratio(Described):
    """A sum by another sum over the units of an arm, such as revenue per order.

    The unit that was assigned (the customer) is not the unit of the denominator (the order),
    so orders of one customer are not independent. The variance is that of customers, by
    linearisation.

    Parameters
    ----------
    numerator, denominator : str or Column
        Both summed per assigned unit.
    adjust : str, Column, Ratio or sequence of these, optional
        Covariates known before the experiment: columns, or ratios such as the same one in
        the weeks before.
    adjustment : {'lin', 'pooled'}, default='lin'
        As in `Mean`.
    cap : Cap, optional
        Limits beyond which values of the numerator count as the limit.
    equal_variance : bool, default=False
        Whether both arms share one variance.
    name, goal, role, margin, margin_kind, claim
        See `Described`.

    Raises
    ------
    InvalidParameterError
        If a value is none of these, the two columns are one, or the metric's own columns are
        among the covariates.

    See Also
    --------
    Mean : A mean per assigned unit.

    Notes
    -----
    The linearisation ``(y - ratio x) / mean(x)`` holds where the mean of the denominator is
    well above its standard error. Below 3 standard errors the metric is refused, below 10 a
    note says so. [1]_

    References
    ----------
    .. [1] Deng, Knoblich and Lu (2018), "Applying the delta method in metric analytics: a
       practical guide with novel ideas", KDD.

    Examples
    --------
    >>> import numpy as np
    >>> from userportrait.experiment import Moments, Ratio
    >>> orders = np.array([1.0, 2.0, 3.0, 2.0])
    >>> a = Moments.of({"revenue": np.array([10.0, 19.0, 30.0, 21.0]), "orders": orders})
    >>> b = Moments.of({"revenue": np.array([12.0, 22.0, 34.0, 20.0]), "orders": orders})
    >>> found = Ratio("revenue", "orders").estimate(a, b)
    >>> found.control_mean, found.variant_mean, round(found.std_error, 4)
    (10.0, 11.0, 0.4082)
    """

    numerator: str | Column
    denominator: str | Column
    adjust: Covariate | Iterable[Covariate] | None = None
    adjustment: Adjustment = "lin"
    cap: Cap | None = None
    equal_variance: bool = False

    _rules: ClassVar[Mapping[str, Rule]] = {
        "numerator": InstanceOf((str, Column), "the name of a column, or a Column"),
        "denominator": InstanceOf((str, Column), "the name of a column, or a Column"),
        "adjustment": OneOf(("lin", "pooled")),
        "cap": Optional(InstanceOf((Cap,), "a Cap")),
        "equal_variance": InstanceOf((bool,), "True or False"),
    }

    def __post_init__(self) -> None:
        self._check(self._rules)
        top, bottom = capped(self.numerator, None), capped(self.denominator, None)
        if top == bottom:
            problem = f"numerator and denominator must differ; both are '{top.name}'."
            raise InvalidParameterError("Ratio", [problem])
        object.__setattr__(self, "adjust", as_terms("Ratio", self.adjust, (top, bottom)))
        self._call_it(f"{top.name}{', capped,' if self.cap else ''} per {bottom.name}")

    @property
    def term(self) -> Term:
        """What is measured, in the form that covariates have too."""
        return Term(capped(self.numerator, self.cap), capped(self.denominator, None))

    @property
    def covariates(self) -> tuple[Term, ...]:
        """The covariates, each once."""
        return cast("tuple[Term, ...]", self.adjust)

    @property
    def columns(self) -> tuple[Column, ...]:
        """What must be aggregated."""
        return columns_of(self.term, *self.covariates)

    def estimate(self, control: Moments, variant: Moments) -> Estimate:
        """Return both ratios and their variances.

        Parameters
        ----------
        control, variant : Moments
            Of two arms, with at least 2 units each.

        Returns
        -------
        Estimate
            Without the names of the arms.

        Raises
        ------
        InvalidDataError
            If the mean of a denominator is within 3 standard errors of 0.
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
