"""Any function of the rows as a metric, its variance from Poisson resamples."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Literal, TypeAlias, cast

import numpy as np

from userportrait._core.params import Between, InstanceOf, OneOf, Optional
from userportrait.errors import InvalidDataError, InvalidParameterError, unknown_name
from userportrait.experiment._custom_functions import NAMED, Named
from userportrait.experiment._metrics import Described
from userportrait.experiment._resample import (
    RowEstimate,
    Sample,
    draw_weights,
    stream,
    weighted_means,
    welch_freedom,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from numpy.typing import NDArray

    from userportrait._core.params import Rule
    from userportrait.experiment._base import Rows

    Floats: TypeAlias = NDArray[np.float64]

__all__ = ["Custom", "Takes"]

Takes: TypeAlias = Literal["rows", "weights", "means"]
"""What a function gets: columns, columns and weights, or the columns' means."""

_BIASED = 0.25
_SKEWED = 1.0
_LOST = 0.1


@dataclass(frozen=True, slots=True)
class _Found:
    """A statistic of one arm with its variance."""

    value: float
    variance: float
    n_units: int
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Custom(Described):
    """Any function of the rows of an arm, such as the Gini coefficient of spending.

    Parameters
    ----------
    function : callable or str
        What is computed, or the name of a ready one: 'coefficient_of_variation',
        'correlation', 'geometric_mean', 'gini', 'median', 'standard_deviation' (divided by n)
        or 'trimmed_mean' (a tenth off each end).
    columns : str or sequence of str
        The columns that the function gets, in this order.
    takes : {'rows', 'weights', 'means'}, default='rows'
        What the function is called with. ``'rows'``: one array for each column, repeated as
        often as the resample says. ``'weights'``: the columns as they are, sorted, and
        ``weights=``, an array of whole numbers, so that nothing is copied. ``'means'``: the
        mean of each column, in arrays with one entry for each resample; for any function of
        means, such as a ratio of two, and by far the fastest. Ready functions know theirs.
    unit : str, optional
        The column of the units that were assigned, where a unit has several rows. Units are
        drawn with all their rows. By default each row is a unit.
    n_resamples : int, default=1000
        100 to 1,000,000. The standard error has a relative error of about
        ``1 / sqrt(2 n_resamples)``.
    name, goal, role, margin, margin_kind, claim
        See `Described`; by default the name holds those of the function and the columns.

    Raises
    ------
    InvalidParameterError
        If a parameter is none of these, or a ready function needs another number of columns.

    See Also
    --------
    Quantile : Quantiles, in closed form.
    Mean, Ratio : Means and ratios, which need no resamples.

    Notes
    -----
    In a resample each unit has a weight drawn from the Poisson distribution with mean 1, so
    that units are drawn independently, in blocks. [1]_ Their spread is the variance, times
    n / (n - 1) for n units; the value itself is that of the rows as they are. Rows are sorted
    before weights are drawn: neither their order nor the engine they come from changes the
    result. A note says when the resamples are skewed or off centre, which means that an
    interval of a normal distribution fits badly.

    References
    ----------
    .. [1] Chamandy, Muralidharan, Najmi and Naidu (2012), "Estimating uncertainty for massive
       data streams", Google Research.

    Examples
    --------
    >>> import numpy as np
    >>> from userportrait.experiment import Custom
    >>> spend = np.random.default_rng(0).lognormal(3.0, 1.0, 2000)
    >>> a, b = {"spend": spend[:1000]}, {"spend": spend[1000:] * 1.1}
    >>> found = Custom("geometric_mean", "spend").estimate_rows(a, b, random_state=0)
    >>> round(found.control_mean, 1), round(found.relative, 2), round(found.std_error, 1)
    (19.1, 0.14, 0.9)
    >>> share = Custom(lambda total, above: above / total, ["spend", "spend"], takes="means")
    >>> share.name
    'function of spend, spend'
    """

    function: Callable[..., Any] | str
    columns: str | Iterable[str]
    takes: Takes = "rows"
    unit: str | None = None
    n_resamples: int = 1000

    _rules: ClassVar[Mapping[str, Rule]] = {
        "takes": OneOf(("rows", "weights", "means")),
        "unit": Optional(InstanceOf((str,), "the name of a column")),
        "n_resamples": Between(100, 1_000_000, integer=True),
    }

    def __post_init__(self) -> None:
        self._check(self._rules)
        given: Any = self.columns
        columns = (given,) if isinstance(given, str) else tuple(cast("Iterable[Any]", given))
        object.__setattr__(self, "columns", columns)
        problems = self._problems(columns)
        if problems:
            raise InvalidParameterError("Custom", problems)
        function: Any = self.function
        called = function if isinstance(function, str) else getattr(function, "__name__", "")
        called = "function" if called in ("", "<lambda>") else called.replace("_", " ")
        self._call_it(f"{called} of {', '.join(columns)}")

    def _problems(self, columns: tuple[Any, ...]) -> list[str]:
        if not columns or not all(isinstance(name, str) for name in columns):
            return ["columns must hold the name of at least one column."]
        function: Any = self.function
        if not isinstance(function, str):
            kind = type(function).__name__
            is_fit = callable(function)
            return [] if is_fit else [f"function must be a function or a name; got {kind}."]
        if function not in NAMED:
            return [f"function: {unknown_name('function', function, NAMED)}"]
        wanted = NAMED[function].n_columns
        if wanted != len(columns):
            return [f"'{function}' needs {wanted} column{'s' * (wanted > 1)}; got {len(columns)}."]
        return []

    @property
    def row_columns(self) -> tuple[str, ...]:
        """The columns of the frame that it reads."""
        names = cast("tuple[str, ...]", self.columns)
        return tuple(dict.fromkeys(names if self.unit is None else (*names, self.unit)))

    def estimate_rows(
        self, control: Rows, variant: Rows, *, random_state: int | None
    ) -> RowEstimate:
        """Return the function's value in both arms, and the variances.

        Parameters
        ----------
        control, variant : mapping of str to ndarray
            Columns of one arm's rows.
        random_state : int or None
            None draws other resamples each time.

        Returns
        -------
        RowEstimate
            Without the names of the arms; counts are of units.

        Raises
        ------
        MissingColumnError
            If a column is not there.
        InvalidDataError
            If an arm has fewer than two units, a value is missing or infinite, or the function
            returns no finite number.
        """
        first = self._resample(control, "control", stream(random_state, 0))
        second = self._resample(variant, "variant", stream(random_state, 1))
        variances = (first.variance, second.variance)
        return RowEstimate(
            metric=self.name,
            control="control",
            variant="variant",
            n_control=first.n_units,
            n_variant=second.n_units,
            control_mean=first.value,
            variant_mean=second.value,
            control_variance=variances[0],
            variant_variance=variances[1],
            degrees_of_freedom=welch_freedom(variances, (first.n_units, second.n_units)),
            notes=first.notes + second.notes,
            unit=self.unit,
        )

    @property
    def _named(self) -> Named:
        if isinstance(self.function, str):
            return NAMED[self.function]
        names = cast("tuple[str, ...]", self.columns)
        return Named(self.function, self.takes, len(names))

    def _resample(self, rows: Rows, arm: str, rng: np.random.Generator) -> _Found:
        names = cast("tuple[str, ...]", self.columns)
        sample = Sample.of(rows, names, self.unit, arm=arm)
        named = self._named
        if named.prepare is not None:
            sample = sample.with_columns(named.prepare(*sample.columns))
        value = _value_of(named, sample)
        if not math.isfinite(value):
            message = f"'{self.name}' is {value} in the {arm}; it must be a finite number."
            raise InvalidDataError(message, column=names[0])
        drawn = _draw(named, sample, self.n_resamples, rng)
        known = drawn[np.isfinite(drawn)]
        if len(known) < (1.0 - _LOST) * len(drawn):
            lost = len(drawn) - len(known)
            message = (
                f"'{self.name}' has no finite value in {lost:,} of {len(drawn):,} resamples of the "
                f"{arm}: the rows are too few for it."
            )
            raise InvalidDataError(message, column=names[0])
        n = sample.n_units
        variance = float(known.var(ddof=1)) * n / (n - 1)
        return _Found(value, variance, n, self._notes(value, drawn, known, arm))

    def _notes(self, value: float, drawn: Floats, known: Floats, arm: str) -> tuple[str, ...]:
        found: list[str] = []
        if len(known) < len(drawn):
            lost = len(drawn) - len(known)
            found.append(f"{lost:,} resamples of the {arm} have no finite value and are left out.")
        spread = float(known.std())
        if spread == 0.0:
            return tuple(found)
        off = (float(known.mean()) - value) / spread
        if abs(off) > _BIASED:
            found.append(
                f"Resamples of the {arm} lie {off:+.1f} standard errors off: the function is "
                "biased in samples of this size, and the interval with it."
            )
        cubes: Floats = ((known - known.mean()) / spread) ** 3
        skew = float(cubes.mean())
        if abs(skew) > _SKEWED:
            found.append(
                f"Resamples of the {arm} are skewed ({skew:+.1f}), so the interval is rough."
            )
        return tuple(found)


def _value_of(named: Named, sample: Sample) -> float:
    """Return the function's value on the rows as they are."""
    if named.takes == "means":
        return float(named.function(*(float(values.mean()) for values in sample.columns)))
    if named.takes == "weights":
        weights = np.ones(sample.n, dtype=np.uint8)
        return float(named.function(*sample.columns, weights=weights))
    return float(named.function(*sample.columns))


def _draw(named: Named, sample: Sample, n_resamples: int, rng: np.random.Generator) -> Floats:
    """Return the function's value in every resample; NaN where nothing was drawn."""
    if named.takes == "means":
        with np.errstate(all="ignore"):
            values: Any = named.function(*weighted_means(rng, sample, n_resamples))
        return np.broadcast_to(np.asarray(values, dtype=np.float64), (n_resamples,))
    found: list[float] = []
    for block in draw_weights(rng, sample.n_units, n_resamples, n_rows=sample.n):
        for weights in sample.row_weights(block):
            if not weights.any():
                found.append(math.nan)
            elif named.takes == "weights":
                found.append(float(named.function(*sample.columns, weights=weights)))
            else:
                columns = [np.repeat(values, weights) for values in sample.columns]
                found.append(float(named.function(*columns)))
    return np.array(found, dtype=np.float64)
