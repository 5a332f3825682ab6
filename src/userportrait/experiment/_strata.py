"""Post-stratification: groups known beforehand as covariates, from aggregates by group."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, TypeAlias, cast

import numpy as np

from userportrait.errors import InvalidParameterError
from userportrait.experiment._metrics import Term
from userportrait.experiment._moments import Column, Moments

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from userportrait.experiment._aggregates import Aggregates
    from userportrait.experiment._base import MomentMetric
    from userportrait.experiment._estimate import Estimate

    Floats: TypeAlias = NDArray[np.float64]

__all__ = ["estimate_stratified"]

_FEW = 5
OTHERS = "others"


def estimate_stratified(
    metric: MomentMetric,
    aggregates: Aggregates,
    control: str,
    variant: str,
    strata: Sequence[str],
) -> Estimate:
    """Adjust a metric for the shares of strata, which chance made unequal in the arms.

    Parameters
    ----------
    metric : MomentMetric
        With `covariates`, such as `Mean` and `Ratio`.
    aggregates : Aggregates
        By the strata, among others.
    control, variant : str
    strata : sequence of str
        Columns; every combination of their labels is a stratum. Strata with fewer than 5
        units in one of the two arms are put together.

    Returns
    -------
    Estimate

    Raises
    ------
    InvalidParameterError
        If the metric takes no covariates.

    Notes
    -----
    An indicator of each stratum but the first goes in as a covariate. With a regression in
    each arm and no other covariates the result is the sum over strata of the mean of the
    stratum times its share in both arms: the post-stratified mean. [1]_ The moments of the
    indicators follow from the counts and means of the groups; no rows are needed.

    References
    ----------
    .. [1] Miratrix, Sekhon and Yu (2013), "Adjusting treatment effect estimates by
       post-stratification in randomized experiments", Journal of the Royal Statistical
       Society B 75(2).
    """
    if not hasattr(metric, "covariates"):
        problem = (
            f"'{metric.name}' takes no covariates, so strata cannot adjust it. "
            "Use Mean or Ratio, or Fixed() without strata."
        )
        raise InvalidParameterError("Fixed", [problem])
    tables = [_by_stratum(aggregates.collapse(strata), arm) for arm in (control, variant)]
    names = _common(tables)
    arms = [
        _with_indicators(aggregates.moments(arm), table, names)
        for arm, table in zip((control, variant), tables, strict=True)
    ]
    terms = tuple(Term(Column(source=_title(name))) for name in names[1:])
    with_strata = replace(
        cast("Any", metric), adjust=(*cast("Any", metric).covariates, *terms), name=metric.name
    )
    found: Estimate = with_strata.estimate(*arms)
    return found


def _by_stratum(aggregates: Aggregates, arm: str) -> dict[tuple[str, ...], tuple[int, Floats]]:
    rows = [i for i, key in enumerate(aggregates.keys) if key[0] == arm]
    return {
        aggregates.keys[row][1:]: (int(aggregates.n[row]), aggregates.means[row]) for row in rows
    }


def _common(
    tables: Sequence[dict[tuple[str, ...], tuple[int, Floats]]],
) -> list[tuple[str, ...]]:
    """Return the strata that stand alone, and one for the rest if there is any."""
    every = sorted({key for table in tables for key in table})
    alone = [
        key for key in every if all(key in table and table[key][0] >= _FEW for table in tables)
    ]
    return alone if len(alone) == len(every) else [(OTHERS,), *alone]


def _with_indicators(
    moments: Moments,
    table: dict[tuple[str, ...], tuple[int, Floats]],
    names: Sequence[tuple[str, ...]],
) -> Moments:
    """Add an indicator of each stratum but the first to the moments of an arm."""
    counts = np.array([table[name][0] for name in names[1:]], dtype=np.float64)
    k, p, n = len(counts), len(moments.means), moments.n
    shares = counts / n
    off = np.array([table[name][1] for name in names[1:]]).reshape(k, p) - moments.means
    cross = np.full((p + k, p + k), np.nan)
    cross[:p, :p] = moments.cross
    cross[p:, :p] = counts[:, None] * off
    cross[:p, p:] = cross[p:, :p].T
    cross[p:, p:] = np.diag(counts) - np.outer(counts, shares)
    titles = tuple(_title(name) for name in names[1:])
    return Moments((*moments.names, *titles), n, np.concatenate([moments.means, shares]), cross)


def _title(name: tuple[str, ...]) -> str:
    return f"stratum {' and '.join(name)}"
