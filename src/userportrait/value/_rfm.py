"""RFM: customers scored by recency, frequency and money, and named segments of the scores."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Literal, Self

import numpy as np

from userportrait._core import frames
from userportrait._core.estimator import Estimator
from userportrait._core.params import Between, InstanceOf, OneOf, Optional, Rule, check_params
from userportrait.errors import InvalidParameterError
from userportrait.value._edges import learn_limits, score_values
from userportrait.value._rfm_inputs import (
    MEASURES,
    Collected,
    Counted,
    Left,
    count_measures,
    measure_customers,
)
from userportrait.value._segments import QUINTILE11, VALUE8, SegmentMap, map_from

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from numpy.typing import NDArray

    from userportrait.data import Orders
    from userportrait.typing import IntoFrame

__all__ = ["RFM"]


class RFM(Estimator):
    """Score customers by recency, frequency and monetary value.

    Score limits are learned from the customers seen in `fit`, so that customers of a later
    month are scored on the same scale and their moves between segments mean something.

    Parameters
    ----------
    n_bins : int, optional
        Scores run from 1 (worst) to `n_bins` (best), 2 to 9. By default 5, or 2 with
        ``segments='value8'``.
    binning : str, optional
        How limits are learned: ``'quantile'`` (equal shares of customers, linear
        interpolation as in `pandas.qcut`), ``'uniform'`` (equal widths), ``'kmeans'``
        (one-dimensional clusters), or, for two bins, ``'mean'`` or ``'median'``. By
        default ``'quantile'``, or ``'mean'`` with ``segments='value8'``.
    limits : mapping of str to sequence of float, optional
        Limits of your own, ascending, by measure: ``recency`` in days, ``frequency`` in
        orders, ``monetary`` in the currency. A measure that is left out is learned.
    monetary : {'sum', 'mean'}, default='sum'
        Whether `monetary` is a customer's whole spend or the mean of the orders.
    refunds : {'net', 'ignore'}, default='net'
        Whether refunds are taken off the spend.
    segments : {'auto', 'quintile11', 'value8'} or mapping, default='auto'
        ``'quintile11'`` is the eleven-segment map of quintile scores, ``'value8'`` the
        eight-segment map of high and low scores that is common in China; a mapping of
        segment to codes (such as ``{"best": ["55*"], …}``, ``*`` for any score) is your
        own. ``'auto'`` takes the map that fits `n_bins`, or the codes themselves.
    language : {'en', 'zh'}, default='en'
        Language of the segments' labels.

    Attributes
    ----------
    limits_ : dict of str to ndarray of shape (n_bins - 1,)
        Inner score limits, ascending, by measure, in the units of `limits`. A value equal
        to a limit belongs below it.
    as_of_ : datetime or None
        The moment of `fit`, UTC; None after a `fit` on a customer summary.
    n_customers_ : int
        Customers seen in `fit`.
    empty_scores_ : dict of str to tuple of int
        Scores that no customer of `fit` has: ties are never split, so a shop of one-time
        buyers has fewer frequency scores.
    segment_labels_ : tuple of str
        The segments' labels, best first.

    Notes
    -----
    `recency` is whole days (UTC) from the last purchase to `as_of`. `frequency` counts the
    distinct orders with a purchase; returns are no orders. A customer whose lines are all
    returns has frequency 0 and recency from the last line. Equal values always share a
    score. Time is O(n) in order lines. On Spark and ibis the limits are learned from counts
    of values, which is all that is collected; limits, scores and segments are the same, to
    the bit, on every engine. The measures are those of [1]_; the eleven-segment map is a
    widely copied table that we found to cover each of the 125 codes exactly once.

    References
    ----------
    .. [1] Bult and Wansbeek (1995), "Optimal selection for direct mail", Marketing Science
       14(4), 378-394.

    Examples
    --------
    >>> import pandas as pd
    >>> from userportrait.data import Orders
    >>> orders = Orders(
    ...     pd.DataFrame(
    ...         {
    ...             "customer_id": ["ann", "bo", "ann", "cy"],
    ...             "order_id": [1, 2, 3, 4],
    ...             "ordered_at": pd.to_datetime(
    ...                 ["2026-01-05", "2026-01-06", "2026-02-01", "2026-01-20"]
    ...             ),
    ...             "amount": [10.0, 5.5, 20.25, 80.0],
    ...         }
    ...     )
    ... )
    >>> RFM(segments="value8").fit(orders).transform(orders)
      customer_id  recency  frequency  monetary  r  f  m            segment
    0         ann        0          2     30.25  2  2  1      General Value
    1          bo       26          1      5.50  1  1  1   General Win Back
    2          cy       12          1     80.00  2  1  2  Important Develop
    """

    limits_: dict[str, NDArray[np.float64]]
    as_of_: datetime | None
    n_customers_: int
    empty_scores_: dict[str, tuple[int, ...]]
    segment_labels_: tuple[str, ...]

    _rules: ClassVar[Mapping[str, Rule]] = {
        "n_bins": Optional(Between(2, 9, integer=True)),
        "binning": Optional(OneOf(("quantile", "uniform", "kmeans", "mean", "median"))),
        "monetary": OneOf(("sum", "mean")),
        "refunds": OneOf(("net", "ignore")),
        "segments": InstanceOf((str, dict), "'auto', 'quintile11', 'value8' or a dict"),
        "language": OneOf(("en", "zh")),
        "limits": Optional(InstanceOf((dict,), "a dict of measure to limits")),
    }

    def __init__(
        self,
        n_bins: int | None = None,
        *,
        binning: Literal["quantile", "uniform", "kmeans", "mean", "median"] | None = None,
        limits: Mapping[str, Sequence[float]] | None = None,
        monetary: Literal["sum", "mean"] = "sum",
        refunds: Literal["net", "ignore"] = "net",
        segments: str | Mapping[str, Sequence[str]] = "auto",
        language: Literal["en", "zh"] = "en",
    ) -> None:
        self.n_bins = n_bins
        self.binning = binning
        self.limits = limits
        self.monetary = monetary
        self.refunds = refunds
        self.segments = segments
        self.language = language

    def fit(self, orders: Orders | IntoFrame, *, as_of: object = None) -> Self:
        """Learn the score limits.

        Parameters
        ----------
        orders : Orders or frame
            Order lines, where a raw frame must have canonical names; or a customer summary,
            which is what `userportrait.features.summarise_orders` returns.
        as_of : datetime, date or ISO 8601 text, optional
            Lines after this moment are not used; by default the newest line's time. Not with
            a summary, which was made for a moment.

        Returns
        -------
        Self

        Raises
        ------
        InvalidParameterError
            If parameters do not fit; all of them are named.
        """
        self._checked()
        measured = self._measured(orders, as_of, "RFM.fit")
        return self._learn(measured, "RFM.fit")

    def transform(self, orders: Orders | IntoFrame, *, as_of: object = None) -> Any:
        """Score customers by the limits learned in `fit`.

        Parameters
        ----------
        orders : Orders or frame
            Order lines or a customer summary, as in `fit`.
        as_of : datetime, date or ISO 8601 text, optional
            Lines after this moment are not used; by default the newest line's time. Not with
            a summary.

        Returns
        -------
        frame
            One row per customer in the library of `orders`: `customer_id`, `recency` (int64,
            days), `frequency` (int64, orders), `monetary` (float64, currency), `r`, `f`,
            `m` (int64), `segment` (text). Sorted by ID; a summary in memory keeps its order.
            A Spark DataFrame and an ibis table are a query that has not run, and have no
            order.

        Raises
        ------
        NotFittedError
            Before `fit`.
        """
        self._check_fitted("limits_")
        return self._scored(self._measured(orders, as_of, "RFM.transform"))

    def fit_transform(self, orders: Orders | IntoFrame, *, as_of: object = None) -> Any:
        """Learn the limits and score the same customers; see `fit` and `transform`."""
        self._checked()
        measured = self._measured(orders, as_of, "RFM.fit_transform")
        self._learn(measured, "RFM.fit_transform")
        return self._scored(measured)

    def score(self, orders: Orders | IntoFrame, *, as_of: datetime) -> Any:
        """Do as `transform`, which makes the estimator a scorer for tags."""
        return self.transform(orders, as_of=as_of)

    def learned(self, column: str | None = None) -> dict[str, list[float]]:
        """Return the limits behind a column of `transform`, for explanations.

        Parameters
        ----------
        column : {'r', 'f', 'm', 'segment'}, optional
            By default all limits, as for ``'segment'``.

        Returns
        -------
        dict of str to list of float
            Empty for a column without limits.
        """
        self._check_fitted("limits_")
        units = {"recency": "days", "frequency": "orders", "monetary": "currency"}
        return {
            f"{name} limits ({unit}):": [float(limit) for limit in self.limits_[name]]
            for name, unit in units.items()
            if column in (None, "segment", name[0])
        }

    def _checked(self) -> tuple[int, str, SegmentMap]:
        check_params(self, self._rules)
        two = self.segments == "value8"
        n_bins = self.n_bins if self.n_bins is not None else 2 if two else 5
        binning = self.binning or ("mean" if two and n_bins == 2 else "quantile")
        problems: list[str] = []
        if binning in ("mean", "median") and n_bins != 2:
            problems.append(f"binning='{binning}' cuts in two, so n_bins must be 2; got {n_bins}.")
        problems += self._limit_problems(n_bins)
        if problems:
            raise InvalidParameterError("RFM", problems)
        return n_bins, binning, self._segment_map(n_bins)

    def _limit_problems(self, n_bins: int) -> list[str]:
        problems: list[str] = []
        for name, values in (self.limits or {}).items():
            if name not in MEASURES:
                problems.append(f"limits: '{name}' is not one of {', '.join(MEASURES)}.")
                continue
            try:
                found = np.asarray(values, dtype=np.float64)
            except (TypeError, ValueError):
                found = np.array([np.nan])
            rising = bool((np.diff(found) >= 0).all()) and bool(np.isfinite(found).all())
            if found.shape != (n_bins - 1,) or not rising:
                problems.append(
                    f"limits['{name}'] must be {n_bins - 1} finite numbers, ascending, for "
                    f"{n_bins} scores; got {values!r}."
                )
        return problems

    def _segment_map(self, n_bins: int) -> SegmentMap:
        if not isinstance(self.segments, str):
            return map_from(self.segments, n_bins)
        known = {"quintile11": QUINTILE11, "value8": VALUE8}
        if self.segments in known:
            found = known[self.segments]
            if found.n_bins != n_bins:
                problem = f"segments='{found.name}' needs n_bins={found.n_bins}; got {n_bins}."
                raise InvalidParameterError("RFM", [problem])
            return found
        if self.segments != "auto":
            rule = OneOf(("auto", *known)).problem("segments", self.segments)
            raise InvalidParameterError("RFM", [rule or ""])
        fitting = [m for m in known.values() if m.n_bins == n_bins]
        return fitting[0] if fitting else _codes_as_segments(n_bins)

    def _measured(self, orders: Orders | IntoFrame, as_of: object, owner: str) -> Collected | Left:
        net, mean = self.refunds == "net", self.monetary == "mean"
        return measure_customers(orders, as_of, net=net, mean=mean, owner=owner)

    def _learn(self, measured: Collected | Left, owner: str) -> Self:
        n_bins, binning, segment_map = self._checked()
        counted = count_measures(measured, owner=owner)
        given = self.limits or {}
        self.limits_ = {
            name: np.asarray(given[name], dtype=np.float64)
            if name in given
            else learn_limits(counted[name].values, n_bins, binning, counted[name].counts)
            for name in MEASURES
        }
        self.as_of_ = measured.as_of
        self.n_customers_ = counted["recency"].n
        self.segment_labels_ = segment_map.labels[self.language]
        self._segment_table = segment_map.table()
        self.empty_scores_ = {
            name: _empty_scores(counted[name], self.limits_[name], low_is_best=name == "recency")
            for name in MEASURES
        }
        return self

    def _scored(self, measured: Collected | Left) -> Any:
        if isinstance(measured, Left):
            return self._scored_by_engine(measured.frame)
        r, f, m = (
            score_values(measured.values[n], self.limits_[n], low_is_best=n == "recency")
            for n in MEASURES
        )
        segment = self._segment_table[r - 1, f - 1, m - 1]
        engine = measured.engine
        columns = {
            "customer_id": measured.customer_ids,
            **measured.values,
            "r": r,
            "f": f,
            "m": m,
            "segment": frames.label_column(segment, self.segment_labels_, engine),
        }
        return frames.from_arrays(columns, engine, like=measured.like)

    def _scored_by_engine(self, found: frames.Frame) -> Any:
        """Score as a query: nothing is collected, and no customer leaves the engine."""
        for name, score in zip(MEASURES, "rfm", strict=True):
            limits = self.limits_[name]
            edges = limits[np.isfinite(limits)].tolist()
            found = frames.with_bins(found, name, edges, score)
            if name == "recency":
                found = frames.with_arithmetic(found, len(limits) + 1, "-", score, score)
            else:
                found = frames.with_arithmetic(found, score, "+", 1, score)
        found = frames.with_arithmetic(found, "r", "*", 10, "code")
        found = frames.with_arithmetic(found, "code", "+", "f", "code")
        found = frames.with_arithmetic(found, "code", "*", 10, "code")
        found = frames.with_arithmetic(found, "code", "+", "m", "code")
        table: Any = self._segment_table
        places = np.argwhere(table >= 0) + 1
        labels: dict[int, str] = {
            int(100 * r + 10 * f + m): self.segment_labels_[int(table[r - 1, f - 1, m - 1])]
            for r, f, m in places.tolist()
        }
        found = frames.with_mapped(found, "code", labels, "segment")
        return frames.leave(
            frames.select_columns(found, ["customer_id", *MEASURES, "r", "f", "m", "segment"])
        )


def _empty_scores(
    counted: Counted, limits: NDArray[np.float64], *, low_is_best: bool
) -> tuple[int, ...]:
    """Return the scores that no value has."""
    above = [counted.n_above(limit) for limit in limits]
    counts = -np.diff([counted.n, *above, 0])
    scores = range(len(counts), 0, -1) if low_is_best else range(1, len(counts) + 1)
    return tuple(sorted(score for score, n in zip(scores, counts, strict=True) if n == 0))


def _codes_as_segments(n_bins: int) -> SegmentMap:
    digits = [str(score) for score in range(n_bins, 0, -1)]
    codes = [r + f + m for r in digits for f in digits for m in digits]
    return map_from({code: [code] for code in codes}, n_bins)
