"""Bring the features of customers to one scale, so that distances mean something."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Self, TypeAlias

import numpy as np
import pandas as pd
from scipy import special, stats

from userportrait._core.matrix import MatrixEstimator
from userportrait._core.moments import skewness
from userportrait._core.params import Between, OneOf, Optional, check_params
from userportrait.errors import ColumnTypeError, InvalidDataError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from userportrait._core.feature_table import FeatureTable
    from userportrait._core.params import Rule

    Floats: TypeAlias = NDArray[np.float64]

__all__ = ["PrepareFeatures"]

_FLAGGED = 0.05
"""Share of missing numbers from which a column says so: fewer would be a segment of their own."""
_SKEWED = 1.0
"""A column is transformed from this much skewness on; a normal sample of 100 has 0.2."""


@dataclass(frozen=True, slots=True)
class _Number:
    """What is done to one column of numbers.

    `power` is that of Yeo and Johnson's transform: 1 leaves values, 0 is log(1 + x).
    """

    name: str
    median: float
    unit: float
    power: float
    centre: float
    spread: float
    has_flag: bool

    def apply(self, values: Floats, clip: float | None) -> Floats:
        filled = np.where(np.isnan(values), self.median, values)
        found: Floats = (_powered(filled / self.unit, self.power) - self.centre) / self.spread
        return found if clip is None else np.clip(found, -clip, clip)

    @property
    def told(self) -> str:
        """The transform in a word."""
        if self.power == 1.0:
            return "none"
        return "log" if self.power == 0.0 else f"power {self.power:.2f}"


@dataclass(frozen=True, slots=True)
class _Category:
    """What is done to one column of categories: its levels, rare ones under ``other``."""

    name: str
    levels: tuple[str, ...]
    has_other: bool
    has_missing: bool


class PrepareFeatures(MatrixEstimator):
    """Make features of customers fit for distances: transforms, one scale, 0 and 1 for levels.

    Money and counts have long tails, so a few customers would make up most of any distance.
    Skewed columns are transformed first, by the logarithm or by a power; then all columns are
    centred on the median and divided by the spread of the middle half.

    Parameters
    ----------
    unskew : {'auto', 'log', 'power', 'none'}, default='auto'
        For columns whose skewness is beyond 1 or -1. ``'log'`` is log(1 + x) in units of a
        small size, with the sign kept for negative values by the power transform of Yeo and
        Johnson; ``'power'`` is that transform with the power that fits best; ``'auto'`` takes
        the logarithm, which is easier to tell, unless it leaves a skewness beyond 1. [1]_
    scale : {'robust', 'standard', 'none'}, default='robust'
        ``'robust'`` divides by the interquartile range over 1.349, the standard deviation of
        a normal sample; where that is 0, by the standard deviation.
    clip : float or None, default=5.0
        Scaled numbers beyond this many units count as this many.
    categories : {'one_hot', 'ordinal', 'drop'}, default='one_hot'
        ``'one_hot'`` makes a column for each level, so scaled that one mismatch adds
        `category_weight` to a squared distance; ``'ordinal'`` numbers the levels in order of
        their texts and scales them as numbers.
    category_weight : float, default=1.0
        0 or more.
    min_share : float, default=0.01
        Levels of a smaller share of the rows are taken together as ``other``; 0 to 0.5.
        Columns made are called ``(other)`` and ``(missing)`` where the input has such levels.
    missing : {'fill', 'error'}, default='fill'
        ``'fill'`` puts the median for a missing number and, where 5 % of the rows or more miss
        it, adds a column that says so; it takes a missing category for a level of its own.

    Attributes
    ----------
    steps_ : DataFrame
        One row a column of the input: ``feature``, ``kind`` (number or category),
        ``skewness`` before and ``skewness_after``, ``transform``, ``n_missing``, ``n_levels``,
        ``kept``.
    dropped_ : tuple of str
        Columns with one value only, which tell nothing.
    n_features_in_ : int
    feature_names_in_ : ndarray of str
        Only after a `fit` with names.

    See Also
    --------
    userportrait.segment.KPrototypes : Takes categories as they are.

    Notes
    -----
    What is learned depends on the values alone, not on the order of rows. The logarithm is
    that of 1 + x / u, where u is the lowest tenth of the sizes that are not 0 (1 for most
    counts), so a change of currency changes nothing.

    References
    ----------
    .. [1] Yeo and Johnson (2000), "A new family of power transformations to improve normality
       or symmetry", Biometrika 87(4).

    Examples
    --------
    >>> import pandas as pd
    >>> from userportrait.segment import PrepareFeatures
    >>> customers = pd.DataFrame(
    ...     {"spend": [10.0, 12, 15, 20, 900], "channel": ["web", "web", "app", "app", "web"]}
    ... )
    >>> prepare = PrepareFeatures().fit(customers)
    >>> prepare.get_feature_names_out().tolist()
    ['spend', 'channel = app', 'channel = web']
    >>> prepare.transform(customers).round(2)[:, 0].tolist()
    [-1.12, -0.61, 0.0, 0.74, 4.07]
    """

    steps_: pd.DataFrame
    dropped_: tuple[str, ...]

    _kind: ClassVar = "transformer"
    _allow_missing: ClassVar[bool] = True
    _rules: ClassVar[Mapping[str, Rule]] = {
        "unskew": OneOf(("auto", "log", "power", "none")),
        "scale": OneOf(("robust", "standard", "none")),
        "clip": Optional(Between(0.0, 1e300, open_low=True)),
        "categories": OneOf(("one_hot", "ordinal", "drop")),
        "category_weight": Between(0.0, 1e300),
        "min_share": Between(0.0, 0.5),
        "missing": OneOf(("fill", "error")),
    }

    def __init__(
        self,
        *,
        unskew: Literal["auto", "log", "power", "none"] = "auto",
        scale: Literal["robust", "standard", "none"] = "robust",
        clip: float | None = 5.0,
        categories: Literal["one_hot", "ordinal", "drop"] = "one_hot",
        category_weight: float = 1.0,
        min_share: float = 0.01,
        missing: Literal["fill", "error"] = "fill",
    ) -> None:
        self.unskew = unskew
        self.scale = scale
        self.clip = clip
        self.categories = categories
        self.category_weight = category_weight
        self.min_share = min_share
        self.missing = missing

    def fit(self, X: Any, y: object = None) -> Self:
        """Learn transforms, scales and levels.

        Parameters
        ----------
        X : array-like of shape (n_rows, n_features), or frame
            NaN and None are missing values.
        y : object, optional
            Ignored; pipelines hand it on.

        Returns
        -------
        Self

        Raises
        ------
        InvalidParameterError
            If parameters are out of range; all of them at once.
        InvalidDataError
            If a number is infinite, if something is missing and `missing` is ``'error'``, or
            if no column has two values.
        """
        check_params(self, self._rules)
        table = self._checked(self._read_features(X, fitting=True))
        rows: list[dict[str, Any]] = []
        self._numbers: list[_Number] = []
        self._categories: list[_Category] = []
        for name in table.names:
            if name in table.numbers:
                rows.append(self._learn_number(name, table.numbers[name]))
            else:
                rows.append(self._learn_category(name, table.categories[name]))
        self.steps_ = pd.DataFrame(rows)
        self.dropped_ = tuple(row["feature"] for row in rows if not row["kept"])
        if len(self.dropped_) == len(rows):
            message = (
                f"PrepareFeatures: every column of X holds one value only, or rare ones "
                f"(n_samples={table.n_rows}). There is nothing to tell rows apart by."
            )
            raise InvalidDataError(message)
        return self

    def transform(self, X: Any) -> Floats:
        """Return the features on one scale.

        Parameters
        ----------
        X : array-like of shape (n_rows, n_features), or frame
            A level that `fit` did not see counts as ``other``; where there is none, all of
            the column's levels are 0.

        Returns
        -------
        ndarray of shape (n_rows, n_features_out)
            In the order of `get_feature_names_out`; nothing is missing in it.

        Raises
        ------
        NotFittedError
            If `fit` was not called.
        ColumnTypeError
            If a column of numbers holds texts now, or one of texts numbers.
        InvalidDataError
            If columns or values are unfit.
        """
        table = self._checked(self.as_fitted(self._read_features(X, fitting=False)))
        parts = list(self.prepared_numbers(table).values())
        weight = np.sqrt(self.category_weight / 2.0)
        for category in self._categories:
            texts = _texts(table.categories[category.name])
            if self.categories == "ordinal":
                parts.append(self._ordinal[category.name].apply(_ranks(texts, category), self.clip))
            else:
                known = _known_levels(texts, category)
                parts.extend(weight * (known == level) for level in _shown_levels(category))
        return np.column_stack(parts)

    def as_fitted(self, table: FeatureTable) -> FeatureTable:
        """Return rows with their columns of the kinds that `fit` saw, or raise.

        A column with nothing in it is of either kind.
        """
        numbers, texts = dict(table.numbers), dict(table.texts)
        for number in self._numbers:
            if number.name in texts:
                if (texts.pop(number.name)[0] >= 0).any():
                    raise _other_kind(number.name, "texts", "numbers")
                numbers[number.name] = np.full(table.n_rows, np.nan)
        for category in self._categories:
            if category.name in numbers:
                if not np.isnan(numbers.pop(category.name)).all():
                    raise _other_kind(category.name, "numbers", "texts")
                nothing = np.full(table.n_rows, -1, dtype=np.intp)
                texts[category.name] = (nothing, np.array([], dtype=object))
        return replace(table, numbers=numbers, texts=texts)

    def prepared_numbers(self, table: FeatureTable) -> dict[str, Floats]:
        """Return the columns made of numbers, of rows that are read already."""
        found: dict[str, Floats] = {}
        for number in self._numbers:
            values = table.numbers[number.name]
            found[number.name] = number.apply(values, self.clip)
            if number.has_flag:
                found[f"{number.name} is missing"] = np.isnan(values).astype(np.float64)
        return found

    def fit_transform(self, X: Any, y: object = None) -> Floats:
        """Learn from features and return them on one scale."""
        return self.fit(X, y).transform(X)

    def get_feature_names_out(self, input_features: object = None) -> NDArray[Any]:
        """Return the names of the columns that `transform` makes.

        Parameters
        ----------
        input_features : object, optional
            Ignored; pipelines hand it on.

        Returns
        -------
        ndarray of str
        """
        self._check_fitted("n_features_in_")
        names: list[str] = []
        for number in self._numbers:
            names += [number.name, *([f"{number.name} is missing"] if number.has_flag else [])]
        for category in self._categories:
            if self.categories == "ordinal":
                names.append(category.name)
            else:
                levels = _shown_levels(category)
                names += [f"{category.name} = {_word(level, levels)}" for level in levels]
        return np.array(names, dtype=object)

    def _checked(self, table: FeatureTable) -> FeatureTable:
        if self.missing == "fill":
            return table
        for name, values in {**table.numbers, **table.categories}.items():
            missing = np.flatnonzero(pd.isna(values))
            if len(missing):
                message = (
                    f"PrepareFeatures: column '{name}' has missing values. Fill them, or leave "
                    f"missing='fill'."
                )
                rows = missing[:5].tolist()
                raise InvalidDataError(message, column=name, rows=rows, n_rows=len(missing))
        return table

    def _learn_number(self, name: str, values: Floats) -> dict[str, Any]:
        known = values[~np.isnan(values)]
        kept = len(known) > 0 and float(known.min()) < float(known.max())
        row = {
            "feature": name, "kind": "number", "skewness": np.nan, "skewness_after": np.nan,
            "transform": "none", "n_missing": len(values) - len(known), "n_levels": 0,
            "kept": kept,
        }  # fmt: skip
        if not kept:
            return row
        median = float(np.median(known))
        unit = _unit(known)
        before = _skewness(known)
        power = self._power(known / unit, before)
        moved = _powered(known / unit, power)
        centre, spread = self._centre_and_spread(moved)
        has_flag = len(values) - len(known) >= _FLAGGED * len(values) and len(known) < len(values)
        number = _Number(name, median, unit, power, centre, spread, has_flag)
        self._numbers.append(number)
        return row | {
            "skewness": before, "skewness_after": _skewness(moved), "transform": number.told,
        }  # fmt: skip

    def _power(self, values: Floats, before: float) -> float:
        if self.unskew == "none" or abs(before) <= _SKEWED:
            return 1.0
        if np.isin(values, [values.min(), values.max()]).all():
            return 1.0  # two values stay two values
        if self.unskew == "log":
            return 0.0
        if self.unskew == "auto" and abs(_skewness(_powered(values, 0.0))) <= _SKEWED:
            return 0.0
        best = _fitted_power(values)
        return best if abs(_skewness(_powered(values, best))) < abs(before) else 1.0

    def _centre_and_spread(self, values: Floats) -> tuple[float, float]:
        if self.scale == "none":
            return 0.0, 1.0
        deviation = float(values.std())
        if self.scale == "standard":
            return float(values.mean()), deviation
        low, middle, high = np.quantile(values, [0.25, 0.5, 0.75])
        spread = float(high - low) / 1.3489795003921634
        # A lump of equal values can leave a middle half that is far narrower than the rest.
        return float(middle), max(spread, 0.25 * deviation) if spread > 0 else deviation

    def _learn_category(self, name: str, values: NDArray[Any]) -> dict[str, Any]:
        texts = _texts(values)
        counts = pd.Series(texts, dtype=object).value_counts()
        n_missing = int(counts.get(_MISSING, 0))
        counts = counts.drop(_MISSING, errors="ignore")
        frequent = counts[counts >= self.min_share * len(texts)]
        if len(frequent) == len(counts) - 1:
            frequent = counts  # one rare level alone is no `other`
        levels = tuple(sorted(str(level) for level in frequent.index))
        category = _Category(name, levels, len(frequent) < len(counts), n_missing > 0)
        kept = len(_shown_levels(category)) > 1 and self.categories != "drop"
        if kept:
            self._categories.append(category)
            if self.categories == "ordinal":
                self._learn_ordinal(name, _ranks(texts, category))
        return {
            "feature": name, "kind": "category", "skewness": np.nan, "skewness_after": np.nan,
            "transform": self.categories if kept else "none", "n_missing": n_missing,
            "n_levels": len(counts), "kept": kept,
        }  # fmt: skip

    def _learn_ordinal(self, name: str, ranks: Floats) -> None:
        if not hasattr(self, "_ordinal") or len(self._categories) == 1:
            self._ordinal: dict[str, _Number] = {}
        centre, spread = self._centre_and_spread(ranks)
        self._ordinal[name] = _Number(name, 0.0, 1.0, 1.0, centre, spread, has_flag=False)


def _other_kind(name: str, given: str, known: str) -> ColumnTypeError:
    message = f"column '{name}' holds {given}; it held {known} when PrepareFeatures was fitted."
    return ColumnTypeError(message, column=name)


_MISSING = "\x00missing"
_OTHER = "\x00other"
"""Levels of our own; texts of the same word are levels like any."""


def _unit(values: Floats) -> float:
    sizes = np.abs(values[values != 0.0])
    found = float(np.quantile(sizes, 0.1))
    return found if found > 0 else 1.0


def _skewness(values: Floats) -> float:
    """Return the skewness, 0 where values differ by rounding only."""
    deviation = float(values.std())
    if deviation <= 1e-12 * max(1.0, float(np.abs(values).max())):
        return 0.0
    return skewness(values)


def _powered(values: Floats, power: float) -> Floats:
    """Return Yeo and Johnson's transform; a power of 1 leaves the values alone."""
    if power == 1.0:
        return values
    size = np.abs(values)
    transform: Any = special.boxcox1p
    up: Floats = transform(size, power)
    down: Floats = transform(size, 2.0 - power)
    return np.where(values >= 0, up, -down)


def _fitted_power(values: Floats) -> float:
    """Return the most likely power, of sorted values so that their order does not matter."""
    ranked = np.sort(values)
    fit: Any = stats.yeojohnson_normmax
    with np.errstate(all="ignore"):
        found = float(fit(ranked, brack=(-2.0, 2.0)))
    # Three decimals are all that the data can tell, and hide where the search stopped.
    return round(float(np.clip(found, -3.0, 3.0)), 3) if np.isfinite(found) else 0.0


def _texts(values: NDArray[Any]) -> NDArray[Any]:
    found = np.array([str(value) for value in values.tolist()], dtype=object)
    found[pd.isna(values)] = _MISSING
    return found


def _shown_levels(category: _Category) -> tuple[str, ...]:
    more = ([_OTHER] if category.has_other else []) + ([_MISSING] if category.has_missing else [])
    return (*category.levels, *more)


def _word(level: str, levels: tuple[str, ...]) -> str:
    """Return a level as it is shown: ``(other)`` where ``other`` is a level of the input."""
    if level not in (_MISSING, _OTHER):
        return level
    word = level.removeprefix("\x00")
    return f"({word})" if word in levels else word


def _known_levels(texts: NDArray[Any], category: _Category) -> NDArray[Any]:
    known = {*category.levels, *([_MISSING] if category.has_missing else [])}
    return np.array([text if text in known else _OTHER for text in texts], dtype=object)


def _ranks(texts: NDArray[Any], category: _Category) -> Floats:
    rank = {level: float(at) for at, level in enumerate(_shown_levels(category))}
    other = rank.get(_OTHER, (len(rank) - 1) / 2.0)
    return np.array([rank.get(text, other) for text in texts])
