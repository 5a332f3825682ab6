"""The plan of a switchback: which place has which variant, from when to when."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import timedelta
from hashlib import sha256
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import pandas as pd

from userportrait._core import frames
from userportrait._core.params import Between, InstanceOf, check_values
from userportrait._core.units import as_moment, to_micros
from userportrait.errors import ColumnTypeError, InvalidDataError, InvalidParameterError
from userportrait.experiment._aggregates_keys import label_of
from userportrait.experiment._attach import Collected

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import date, datetime

    from numpy.typing import NDArray

    from userportrait.typing import IntoFrame

    Ints: TypeAlias = NDArray[np.int64]

__all__ = ["SwitchbackExclusions", "label_switchback", "plan_switchback"]

_COLUMNS = ("unit", "starts_at", "counted_from", "ends_at", "variant", "block")
_KEPT, _OTHER_UNIT, _OUTSIDE, _BURN_IN = range(4)


def plan_switchback(
    units: Iterable[Any],
    start: datetime | date | str,
    end: datetime | date | str,
    *,
    period: timedelta,
    burn_in: timedelta = timedelta(0),
    variants: Sequence[str] = ("A", "B"),
    random_state: int = 0,
) -> pd.DataFrame:
    """Plan which place has which variant in which period.

    Where customers share something, such as couriers or stock, one customer's treatment
    changes what others find. A whole place then changes between the variants instead.

    Parameters
    ----------
    units : iterable of str or int
        The places, each once, such as cities.
    start, end : datetime, date or ISO 8601 text
        The span, in UTC; periods lie in [start, end).
    period : timedelta
        Length of a period. What is left after the last whole period is not planned.
    burn_in : timedelta, default=0
        How long the variant before may still have an effect: this part at the start of each
        period will not be counted. Shorter than `period`.
    variants : sequence of str, default=('A', 'B')
        At least two.
    random_state : int, default=0
        Another number gives another plan.

    Returns
    -------
    DataFrame
        One row for each place and period, sorted: ``unit``, ``period`` (from 0),
        ``starts_at``, ``counted_from``, ``ends_at``, ``variant`` and ``block``, a name for
        the row.

    Raises
    ------
    InvalidParameterError
        If a parameter cannot be used, or there are fewer periods than variants.

    See Also
    --------
    label_switchback : Finds the period of each row of data.
    Switchback : Analyses them.

    Notes
    -----
    In each place every variant has as many periods as the others, or one more; their order is
    drawn at random, from a hash of the place, so that another place added later changes
    nothing for those that are there. Burn-in is left out after every period, changed or not:
    otherwise the parts of the day that are counted would depend on the draw. [1]_

    References
    ----------
    .. [1] Bojinov, Simchi-Levi and Zhao (2023), "Design and analysis of switchback
       experiments", Management Science 69(7).

    Examples
    --------
    >>> from datetime import timedelta
    >>> from userportrait.experiment import plan_switchback
    >>> plan = plan_switchback(
    ...     ["Bonn", "Ulm"], "2026-03-02", "2026-03-03", period=timedelta(hours=6),
    ...     burn_in=timedelta(minutes=30),
    ... )
    >>> plan[["unit", "period", "counted_from", "variant"]].head(4)
       unit  period        counted_from variant
    0  Bonn       0 2026-03-02 00:30:00       A
    1  Bonn       1 2026-03-02 06:30:00       A
    2  Bonn       2 2026-03-02 12:30:00       B
    3  Bonn       3 2026-03-02 18:30:00       B
    """
    places = list(units)
    labels = sorted({label_of(place) for place in places})
    first = to_micros(as_moment(start, owner="plan_switchback", name="start"))
    last = to_micros(as_moment(end, owner="plan_switchback", name="end"))
    _check_plan(len(places), len(labels), period, burn_in, variants, random_state)
    step = period // timedelta(microseconds=1)
    n_periods = max(0, (last - first) // step)
    if n_periods < len(variants):
        problem = (
            f"from start to end there are {n_periods} whole periods; {len(variants)} variants "
            "need at least as many. Give a later end or a shorter period."
        )
        raise InvalidParameterError("plan_switchback", [problem])
    names = np.array([str(name) for name in variants], dtype=object)
    drawn = [_draw(label, n_periods, len(names), random_state) for label in labels]
    starts = np.tile(first + step * np.arange(n_periods, dtype=np.int64), len(labels))
    period_of = np.tile(np.arange(n_periods, dtype=np.int64), len(labels))
    unit = np.repeat(np.array(labels, dtype=object), n_periods)
    width = len(str(n_periods - 1))
    return pd.DataFrame(
        {
            "unit": unit,
            "period": period_of,
            "starts_at": _times(starts),
            "counted_from": _times(starts + burn_in // timedelta(microseconds=1)),
            "ends_at": _times(starts + step),
            "variant": names[np.concatenate(drawn)],
            "block": [
                f"{place} {number:0{width}d}" for place, number in zip(unit, period_of, strict=True)
            ],
        }
    )


def _check_plan(
    n_places: int,
    n_labels: int,
    period: object,
    burn_in: object,
    variants: Sequence[str],
    random_state: object,
) -> None:
    check_values(
        "plan_switchback",
        {"period": period, "burn_in": burn_in, "random_state": random_state},
        {
            "period": InstanceOf((timedelta,), "a timedelta"),
            "burn_in": InstanceOf((timedelta,), "a timedelta"),
            "random_state": Between(0, 2**63 - 1, integer=True),
        },
    )
    problems: list[str] = []
    if not n_labels:
        problems.append("units must hold at least one place.")
    if n_labels < n_places:
        problems.append("units must hold each place once.")
    if isinstance(period, timedelta) and isinstance(burn_in, timedelta):
        if period <= timedelta(0):
            problems.append(f"period must be longer than 0; got {period}.")
        elif not timedelta(0) <= burn_in < period:
            problems.append(f"burn_in must be at least 0 and shorter than {period}; got {burn_in}.")
    if isinstance(variants, str) or len(set(variants)) < max(2, len(variants)):
        problems.append("variants must hold at least two different names.")
    if problems:
        raise InvalidParameterError("plan_switchback", problems)


def _draw(label: str, n_periods: int, n_variants: int, random_state: int) -> NDArray[np.intp]:
    """Return a place's variants in the order of its periods, each equally often or one more."""
    digest = sha256(f"switchback {random_state}:{label}".encode()).digest()
    rng = np.random.default_rng(int.from_bytes(digest, "big"))
    rounds, rest = divmod(n_periods, n_variants)
    every = np.tile(np.arange(n_variants, dtype=np.intp), rounds)
    return rng.permutation(np.concatenate([every, rng.permutation(n_variants)[:rest]]))


def _times(micros: Ints) -> NDArray[np.datetime64]:
    return micros.astype("datetime64[us]")


@dataclass(frozen=True, slots=True, kw_only=True)
class SwitchbackExclusions:
    """How many rows a switchback counts, and why it leaves others out.

    Parameters
    ----------
    n_rows, n_kept : int
        Rows given, and counted.
    n_burn_in : int
        Within the burn-in at the start of a period.
    n_outside : int
        Before, after or between the planned periods.
    n_other_units : int
        Of places that the plan does not have.

    Examples
    --------
    >>> from userportrait.experiment import SwitchbackExclusions
    >>> print(SwitchbackExclusions(n_rows=9, n_kept=6, n_burn_in=2, n_outside=1, n_other_units=0))
    6 of 9 rows counted; left out: 2 in the burn-in, 1 outside the plan.
    """

    n_rows: int
    n_kept: int
    n_burn_in: int
    n_outside: int
    n_other_units: int

    def __str__(self) -> str:
        parts = [
            f"{count:,} {what}"
            for count, what in (
                (self.n_burn_in, "in the burn-in"),
                (self.n_outside, "outside the plan"),
                (self.n_other_units, "of other places"),
            )
            if count
        ]
        kept = f"{self.n_kept:,} of {self.n_rows:,} rows counted"
        return f"{kept}; left out: {', '.join(parts)}." if parts else f"{kept}."

    def to_dict(self) -> dict[str, int]:
        """Return a dict that JSON can write."""
        return asdict(self)


def label_switchback(
    frame: IntoFrame,
    plan: IntoFrame,
    *,
    unit: str = "unit",
    time: str = "occurred_at",
    variant: str = "variant",
    block: str = "block",
) -> tuple[Any, SwitchbackExclusions]:
    """Find the variant and the block of each row, and leave burn-in out.

    Parameters
    ----------
    frame : frame
        One row for each order, visit or other thing that is measured.
    plan : frame
        Of `plan_switchback`; what was really done, where that differs.
    unit, time : str
        Columns of the place and of the moment (UTC); by default ``'unit'`` and
        ``'occurred_at'``.
    variant, block : str
        Names of the new columns; by default ``'variant'`` and ``'block'``.

    Returns
    -------
    rows : frame
        Of the same library: the rows that count, with two more columns.
    exclusions : SwitchbackExclusions

    Raises
    ------
    MissingColumnError
        If a column is not there.
    InvalidParameterError
        If a new name is taken.
    InvalidDataError
        If a moment is missing, or periods of a place overlap.
    ColumnTypeError
        If the moments are no times.

    Examples
    --------
    >>> from datetime import timedelta
    >>> import pandas as pd
    >>> from userportrait.experiment import label_switchback, plan_switchback
    >>> plan = plan_switchback(
    ...     ["Bonn"], "2026-03-02", "2026-03-03", period=timedelta(hours=12),
    ...     burn_in=timedelta(hours=1),
    ... )
    >>> orders = pd.DataFrame(
    ...     {"unit": "Bonn", "amount": [9.0, 8.0],
    ...      "occurred_at": pd.to_datetime(["2026-03-02 00:10", "2026-03-02 13:00"])}
    ... )
    >>> rows, exclusions = label_switchback(orders, plan)
    >>> rows["block"].tolist(), str(exclusions)
    (['Bonn 1'], '1 of 2 rows counted; left out: 1 in the burn-in.')
    """
    data = Collected(frames.enter(frame))
    taken = [name for name in (variant, block) if name in data.names]
    if taken:
        problem = f"the frame has a column '{taken[0]}' already; rename it, or give another name."
        raise InvalidParameterError("label_switchback", [problem])
    planned = Collected(frames.enter(plan, argument="plan")).arrays(list(_COLUMNS))
    found = data.arrays([unit, time])
    at = _moments(found[time], time)
    row, state = _match(found[unit], at, planned)
    counts = np.bincount(state, minlength=4)
    kept = state == _KEPT
    labels = {
        name: planned[source].astype(object)[row]  # of rows that do not count, any label
        for name, source in ((variant, "variant"), (block, "block"))
    }
    exclusions = SwitchbackExclusions(
        n_rows=len(at),
        n_kept=int(counts[_KEPT]),
        n_burn_in=int(counts[_BURN_IN]),
        n_outside=int(counts[_OUTSIDE]),
        n_other_units=int(counts[_OTHER_UNIT]),
    )
    return data.with_columns(labels, kept), exclusions


def _moments(values: NDArray[Any], column: str) -> Ints:
    if values.dtype.kind != "M":
        message = f"'{column}' must hold times; it holds {values.dtype} values."
        raise ColumnTypeError(message, column=column)
    missing = np.flatnonzero(np.isnat(values))
    if len(missing):
        message = f"'{column}' is missing; each row needs the moment it belongs to."
        raise InvalidDataError(
            message, column=column, rows=missing[:5].tolist(), n_rows=len(missing)
        )
    return values.astype("datetime64[us]").astype(np.int64)


def _match(
    units: NDArray[Any], at: Ints, plan: dict[str, NDArray[Any]]
) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Return each row's row of the plan, and whether it counts."""
    row = np.zeros(len(at), dtype=np.intp)
    state = np.full(len(at), _OTHER_UNIT, dtype=np.intp)
    starts, counted, ends = (
        _moments(plan[name], name) for name in ("starts_at", "counted_from", "ends_at")
    )
    own, labels = _labels(units)
    planned, places = _labels(plan["unit"])
    for place, label in enumerate(places):
        if label not in labels:
            continue
        of_place = np.flatnonzero(planned == place)
        of_place = of_place[np.argsort(starts[of_place], kind="stable")]
        if bool((ends[of_place][:-1] > starts[of_place][1:]).any()):
            message = f"plan: periods of '{label}' overlap; a place has one variant at a time."
            raise InvalidDataError(message, column="starts_at")
        mine = np.flatnonzero(own == labels.index(label))
        position = np.searchsorted(starts[of_place], at[mine], side="right") - 1
        matched = of_place[np.maximum(position, 0)]
        is_outside = (position < 0) | (at[mine] >= ends[matched])
        is_early = at[mine] < counted[matched]
        row[mine] = matched
        state[mine] = np.where(is_outside, _OUTSIDE, np.where(is_early, _BURN_IN, _KEPT))
    return row, state


def _labels(values: NDArray[Any]) -> tuple[NDArray[np.intp], list[str]]:
    """Return codes and the labels as texts, so that 7 and '7' are one place."""
    codes, distinct = pd.factorize(values)
    return codes.astype(np.intp), [label_of(value) for value in distinct]
