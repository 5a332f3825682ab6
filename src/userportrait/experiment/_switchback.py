"""Experiments in which whole places change between the variants from period to period."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, ClassVar, Literal

from userportrait._core.params import Between, InstanceOf, OneOf, Optional, check_values
from userportrait.experiment._base import Design
from userportrait.experiment._clustered import Clustered, ClusteredEstimate, estimate_clusters
from userportrait.experiment._clustered_groups import clusters_of
from userportrait.experiment._switchback_plan import SwitchbackExclusions

if TYPE_CHECKING:
    from collections.abc import Mapping

    from userportrait._core.params import Rule
    from userportrait.experiment._aggregates import Aggregates
    from userportrait.experiment._base import MomentMetric
    from userportrait.experiment._estimate import Alternative, Estimate, Judgement
    from userportrait.experiment._intervals import RelativeMethod

__all__ = ["Switchback"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Switchback(Design):
    """Analyse once an experiment in which places changed between the variants.

    Parameters
    ----------
    unit : str or None, default='unit'
        The column of the place. Places differ, so each gets a level of its own; None leaves
        that out.
    time : str, optional
        A column of parts of the day or week that differ, such as the hour: each gets a level
        of its own. A block must lie in one of them.
    block : str, default='block'
        The column of `label_switchback` that names the place and period.
    method : {'cr2', 'cr1', 'wild'}, default='cr2'
        As in `Clustered`, each block being a cluster.
    relative_method : {'fieller', 'log', 'delta'}, default='fieller'
        Interval of the relative effect, as in `Fixed`.
    exclusions : SwitchbackExclusions, optional
        Of `label_switchback`; the result then says how many rows were left out.
    n_resamples : int, default=1999
        Patterns of signs of the wild bootstrap, 99 to 1,000,000.
    random_state : int, optional
        Makes these patterns repeatable; by default 0.

    Raises
    ------
    InvalidParameterError
        If a parameter is none of these.

    See Also
    --------
    plan_switchback : Draws the plan.
    label_switchback : Finds the block of each row, and leaves burn-in out.

    Notes
    -----
    What was assigned at random is the block, so blocks are the clusters of a regression of the
    rows on the variants and the levels of places and times. Days that are good or bad
    everywhere, and good spells of a place, do no harm to the test, because the variant of each
    period is drawn without regard to them. An effect that outlasts the burn-in does: it mixes
    the variants, and pulls the estimate towards 0. [1]_

    References
    ----------
    .. [1] Bojinov, Simchi-Levi and Zhao (2023), "Design and analysis of switchback
       experiments", Management Science 69(7).

    Examples
    --------
    >>> from datetime import timedelta
    >>> import numpy as np
    >>> import pandas as pd
    >>> from userportrait.experiment import (
    ...     Experiment, Mean, Switchback, label_switchback, plan_switchback
    ... )
    >>> plan = plan_switchback(
    ...     ["Bonn", "Ulm", "Jena"], "2026-03-02", "2026-03-16", period=timedelta(hours=12),
    ...     burn_in=timedelta(hours=1),
    ... )
    >>> rng = np.random.default_rng(0)
    >>> orders = pd.DataFrame(
    ...     {"unit": rng.choice(["Bonn", "Ulm", "Jena"], 5000), "wait": rng.gamma(9.0, 4.0, 5000),
    ...      "occurred_at": pd.Timestamp("2026-03-02") + rng.random(5000) * pd.Timedelta("14D")}
    ... )
    >>> rows, exclusions = label_switchback(orders, plan)
    >>> design = Switchback(exclusions=exclusions)
    >>> effect = Experiment(Mean("wait"), control="A", design=design).analyze(rows).effects[0]
    >>> bool(effect.interval[0] < 0 < effect.interval[1]), effect.facts["n_clusters_control"]
    (True, 42)
    """

    unit: str | None = "unit"
    time: str | None = None
    block: str = "block"
    method: Literal["cr2", "cr1", "wild"] = "cr2"
    relative_method: RelativeMethod = "fieller"
    exclusions: SwitchbackExclusions | None = field(default=None)
    n_resamples: int = 1999
    random_state: int | None = 0

    _rules: ClassVar[Mapping[str, Rule]] = {
        "unit": Optional(InstanceOf((str,), "the name of a column")),
        "time": Optional(InstanceOf((str,), "the name of a column")),
        "block": InstanceOf((str,), "the name of a column"),
        "method": OneOf(("cr2", "cr1", "wild")),
        "relative_method": OneOf(("fieller", "log", "delta")),
        "exclusions": Optional(
            InstanceOf((SwitchbackExclusions,), "the exclusions of label_switchback")
        ),
        "n_resamples": Between(99, 1_000_000, integer=True),
        "random_state": Optional(Between(0, 2**63 - 1, integer=True)),
    }

    def __post_init__(self) -> None:
        check_values("Switchback", {name: getattr(self, name) for name in self._rules}, self._rules)

    @property
    def by(self) -> tuple[str, ...]:
        """Columns to aggregate by besides the variant: block, place and time."""
        return (self.block, *(name for name in (self.unit, self.time) if name is not None))

    def estimate(
        self, metric: MomentMetric, aggregates: Aggregates, control: str, variant: str
    ) -> ClusteredEstimate:
        """Return both means, at the mix of places and times of all rows, and their variances.

        Parameters
        ----------
        metric : MomentMetric
            A mean or a ratio of means, with or without covariates.
        aggregates : Aggregates
            By block, place and time.
        control, variant : str

        Returns
        -------
        ClusteredEstimate
            Its clusters are the blocks.

        Raises
        ------
        InvalidDataError
            If an arm has fewer than two blocks, or a block has rows of several places.
        InvalidParameterError
            If the metric is no mean or ratio, or the aggregates are not by block.
        """
        arms = (control, variant)
        outcome = clusters_of(metric, aggregates, arms, self.by, owner="Switchback")
        found = estimate_clusters(metric.name, outcome, arms, self.method, what="blocks")
        if self.exclusions is None:
            return found
        return replace(found, notes=(*found.notes, str(self.exclusions)))

    def judge(self, estimate: Estimate, *, alpha: float, alternative: Alternative) -> Judgement:
        """Return intervals at level 1 - `alpha` and the p-value; see `Clustered.judge`."""
        design = Clustered(
            self.block,
            self.method,
            relative_method=self.relative_method,
            n_resamples=self.n_resamples,
            random_state=self.random_state,
        )
        found = design.judge(estimate, alpha=alpha, alternative=alternative)
        return replace(found, method=found.method.replace("cluster", "block"))
