"""A number per customer that is 0 for most: how many have any, and how much those have."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, cast

from userportrait._core.params import InstanceOf, OneOf, Optional
from userportrait.errors import InvalidDataError
from userportrait.experiment._caps import Cap
from userportrait.experiment._covariates import compare
from userportrait.experiment._mean import Mean
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
from userportrait.experiment._ratio import Ratio

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from userportrait._core.params import Rule
    from userportrait.experiment._estimate import Estimate
    from userportrait.experiment._moments import Moments

__all__ = ["Count"]


@dataclass(frozen=True, slots=True)
class Count(Described):
    """A count or an amount that most units have none of, split into whether and how much.

    The mean per unit is the share of units above 0 times the mean of those. Both parts are
    reported beside the mean, and how much of the lift comes from each.

    Parameters
    ----------
    column : str or Column
        At least 0, such as orders or money per customer.
    adjust, adjustment, cap
        As in `Mean`; covariates adjust the mean per unit, not its parts.
    name, goal, role, margin, margin_kind, claim
        See `Described`.

    See Also
    --------
    Mean : Without the parts.

    Notes
    -----
    The mean of the units above 0 compares groups that the treatment itself has chosen: it
    says where the lift comes from, not what the treatment does to one customer. The two-part
    p-value tests whether anything at all differs: the squares of both parts' statistics add
    up to a chi-square with 2 degrees of freedom. [1]_

    References
    ----------
    .. [1] Lachenbruch (2002), "Analysis of data with excess zeros", Statistical Methods in
       Medical Research 11(4).

    Examples
    --------
    >>> import pandas as pd
    >>> from userportrait.experiment import Count, Experiment
    >>> orders = [0] * 4 + [1] * 4 + [2] * 2 + [0] * 2 + [1] * 4 + [2] * 2 + [3] * 2
    >>> frame = pd.DataFrame({"variant": ["A"] * 10 + ["B"] * 10, "orders": orders})
    >>> result = Experiment(Count("orders"), control="A").analyze(frame)
    >>> result.to_frame()[["metric", "control_mean", "variant_mean"]].round(3)
                       metric  control_mean  variant_mean
    0                  orders         0.800          1.40
    1             orders: any         0.600          0.80
    2  orders: mean of those         1.333          1.75
    >>> round(result["orders"].facts["lift_from_any"], 3)
    0.514
    """

    column: str | Column
    adjust: Covariate | Iterable[Covariate] | None = None
    adjustment: Adjustment = "lin"
    cap: Cap | None = None

    _rules: ClassVar[Mapping[str, Rule]] = {
        "column": InstanceOf((str, Column), "the name of a column, or a Column"),
        "adjustment": OneOf(("lin", "pooled")),
        "cap": Optional(InstanceOf((Cap,), "a Cap")),
    }

    def __post_init__(self) -> None:
        self._check(self._rules)
        plain = capped(self.column, None)
        object.__setattr__(self, "adjust", as_terms("Count", self.adjust, (plain,)))
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
        return tuple(dict.fromkeys((*columns_of(self.term, *self.covariates), self._any)))

    @property
    def _any(self) -> Column:
        return Column(source=capped(self.column, None).source, above=0.0)

    @property
    def parts(self) -> tuple[Mean, Ratio]:
        """The share of units above 0, and the mean of those, as metrics of their own."""
        share = Mean(self._any, name=f"{self.name}: any", goal=self.goal, role="secondary")
        size = Ratio(
            self.term.numerator,
            self._any,
            name=f"{self.name}: mean of those",
            goal=self.goal,
            role="secondary",
        )
        return share, size

    def estimate(self, control: Moments, variant: Moments) -> Estimate:
        """Return both means per unit and their variances; see `Mean.estimate`."""
        return compare(
            self.name, self.term, self.covariates, control, variant, adjustment=self.adjustment
        )

    def facts(self, control: Moments, variant: Moments) -> dict[str, float | bool | str]:
        """Return where the lift comes from.

        Parameters
        ----------
        control, variant : Moments

        Returns
        -------
        dict
            ``lift_from_any`` and ``lift_from_size``, shares of the logarithm of the ratio of
            the (unadjusted) means, which add up to 1; and ``two_part_p_value``. Empty where a
            part cannot be compared, because nearly nobody is above 0 or a mean is not positive.
        """
        try:
            share, size = (part.estimate(control, variant) for part in self.parts)
        except InvalidDataError:
            return {}
        means = (share.control_mean, share.variant_mean, size.control_mean, size.variant_mean)
        if min(means) <= 0.0:
            return {}
        logs = math.log(means[1] / means[0]), math.log(means[3] / means[2])
        found: dict[str, float | bool | str] = {}
        if sum(logs):
            found["lift_from_any"] = logs[0] / sum(logs)
            found["lift_from_size"] = logs[1] / sum(logs)
        if share.std_error > 0.0 and size.std_error > 0.0:
            squares = [(e.effect / e.std_error) ** 2 for e in (share, size)]
            found["two_part_p_value"] = math.exp(-0.5 * sum(squares))
        return found
