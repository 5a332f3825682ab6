"""The two ideas that meet in an experiment: a metric and a design."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Protocol, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from userportrait.experiment._aggregates import Aggregates
    from userportrait.experiment._estimate import Alternative, Estimate, Judgement
    from userportrait.experiment._moments import Column, Moments

    Rows: TypeAlias = Mapping[str, NDArray[Any]]
    """Columns of one arm's rows, equally long."""

__all__ = ["Design", "Goal", "Metric", "MomentMetric", "Role", "RowMetric"]

Goal: TypeAlias = Literal["increase", "decrease"]
"""Which way is good."""
Role: TypeAlias = Literal["primary", "secondary", "guardrail"]
"""What a metric is for: it decides, it explains, or it must not get worse."""


class Metric(Protocol):
    """What every metric has: a name, a role, a direction, and perhaps a margin.

    ``margin`` is the loss that is still acceptable, as a share of the control's mean if
    ``margin_kind`` is ``'relative'``; None where no such question is asked.

    Examples
    --------
    >>> from userportrait.experiment import Mean
    >>> metric = Mean("spend")
    >>> metric.name, metric.goal, metric.role, metric.margin
    ('spend', 'increase', 'primary', None)
    """

    @property
    def name(self) -> str: ...
    @property
    def goal(self) -> Goal: ...
    @property
    def role(self) -> Role: ...
    @property
    def margin(self) -> float | None: ...


class MomentMetric(Metric, Protocol):
    """A metric that needs no rows: count, means and cross products will do.

    Any class with these members will do; there is no base class to inherit.

    Examples
    --------
    >>> from userportrait.experiment import Mean
    >>> [column.name for column in Mean("spend", adjust=["history"]).columns]
    ['spend', 'history']
    """

    @property
    def columns(self) -> tuple[Column, ...]:
        """What must be aggregated."""
        ...

    def estimate(self, control: Moments, variant: Moments) -> Estimate:
        """Return means and variances; the caller fills in the names of the arms."""
        ...


class RowMetric(Metric, Protocol):
    """A metric that needs the rows themselves: quantiles, ranks, any function of a sample.

    Any class with these members will do; there is no base class to inherit.

    Examples
    --------
    >>> from userportrait.experiment import Quantile
    >>> Quantile("spend", 0.9).row_columns
    ('spend',)
    """

    @property
    def row_columns(self) -> tuple[str, ...]:
        """The columns of the frame that it reads."""
        ...

    def estimate_rows(self, control: Rows, variant: Rows, *, random_state: int | None) -> Estimate:
        """Return means and variances; the caller fills in the names of the arms."""
        ...


class Design(ABC):
    """How an experiment was planned, which decides what may be concluded from an estimate.

    The base of all designs; a design of your own overrides `judge`.

    Examples
    --------
    >>> from userportrait.experiment import Design, Fixed, GroupSequential
    >>> isinstance(Fixed(), Design), isinstance(GroupSequential(looks=3), Design)
    (True, True)
    """

    group_columns: ClassVar[tuple[str, ...]] = ()

    @property
    def by(self) -> tuple[str, ...]:
        """Columns to aggregate by besides the variant, such as the cluster."""
        return self.group_columns

    def estimate(
        self, metric: MomentMetric, aggregates: Aggregates, control: str, variant: str
    ) -> Estimate:
        """Return the metric's own estimate; designs with clusters have another one."""
        return metric.estimate(aggregates.moments(control), aggregates.moments(variant))

    @abstractmethod
    def judge(self, estimate: Estimate, *, alpha: float, alternative: Alternative) -> Judgement:
        """Return intervals and the p-value."""
