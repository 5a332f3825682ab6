"""Caps of heavy tails, fixed before the arms are compared, and what a few units weigh."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any, ClassVar, Literal, TypeAlias

import numpy as np
import pandas as pd

from userportrait._core import frames
from userportrait._core.params import Between, OneOf, Optional, check_values
from userportrait.errors import (
    ColumnTypeError,
    InvalidDataError,
    InvalidParameterError,
    MissingColumnError,
)
from userportrait.experiment._aggregates_keys import label_of
from userportrait.experiment._moments import Column

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from userportrait._core.params import Rule
    from userportrait.experiment._moments import Moments
    from userportrait.typing import IntoFrame

__all__ = ["Cap", "Leverage", "check_leverage", "leverage", "leverage_of_cap", "numbers_of"]

Floats: TypeAlias = "NDArray[np.float64]"

_MUCH = 1.0 / 3.0
"""From this share of the variance on, a few units decide the result."""
_TOP_SHARE = 0.001


@dataclass(frozen=True, slots=True, kw_only=True)
class Cap:
    """Limits beyond which a value counts as the limit (winsorising).

    Parameters
    ----------
    upper, lower : float, optional
        The limits themselves, in the unit of the column.
    quantile, lower_quantile : float, optional
        The limits as quantiles of the column, in (0, 1): the smallest value that a share
        `quantile` of the units does not exceed. They are taken once from all arms together,
        so that no arm has limits of its own. A quantile known from earlier data, given as
        `upper`, is better still: it is fixed before anybody looks.
    of : {'all', 'positive'}, default='all'
        Which units the quantiles describe. Where most units have 0, as with spending, the
        0.99 quantile of all may be 0; that of the positive ones never is.

    Raises
    ------
    InvalidParameterError
        If no limit is given, one is given twice, or the lower one is not below the upper one.

    See Also
    --------
    check_leverage : Share of the variance that the top units carry, by column and arm.

    Notes
    -----
    A cap changes the question: the effect on the capped mean is not the effect on money in
    total. It trades that bias for a smaller variance. [1]_ Missing values stay missing.

    References
    ----------
    .. [1] Kohavi, Tang and Xu (2020), "Trustworthy Online Controlled Experiments", chapter 22.

    Examples
    --------
    >>> import numpy as np
    >>> from userportrait.experiment import Cap
    >>> cap = Cap(quantile=0.75).resolve(np.array([1.0, 2.0, 3.0, 400.0]))
    >>> cap.upper, cap.column("spend").name
    (3.0, 'spend up to 3')
    """

    upper: float | None = None
    lower: float | None = None
    quantile: float | None = None
    lower_quantile: float | None = None
    of: Literal["all", "positive"] = "all"

    _rules: ClassVar[Mapping[str, Rule]] = {
        "upper": Optional(Between(-math.inf, math.inf)),
        "lower": Optional(Between(-math.inf, math.inf)),
        "quantile": Optional(Between(0.0, 1.0, open_low=True, open_high=True)),
        "lower_quantile": Optional(Between(0.0, 1.0, open_low=True, open_high=True)),
        "of": OneOf(("all", "positive")),
    }

    def __post_init__(self) -> None:
        check_values("Cap", {name: getattr(self, name) for name in self._rules}, self._rules)
        problems = list(self._contradictions())
        if problems:
            raise InvalidParameterError("Cap", problems)

    def _contradictions(self) -> list[str]:
        found: list[str] = []
        if (self.upper, self.lower, self.quantile, self.lower_quantile) == (None,) * 4:
            found.append("give a limit: upper=, lower=, quantile= or lower_quantile=.")
        if self.upper is not None and self.quantile is not None:
            found.append("upper and quantile both set the upper limit; give one of them.")
        if self.lower is not None and self.lower_quantile is not None:
            found.append("lower and lower_quantile both set the lower limit; give one of them.")
        for low, high, names in (
            (self.lower, self.upper, "lower must be below upper"),
            (self.lower_quantile, self.quantile, "lower_quantile must be below quantile"),
        ):
            if low is not None and high is not None and low >= high:
                found.append(f"{names}; got {low:.15g} and {high:.15g}.")
        return found

    @property
    def is_resolved(self) -> bool:
        """Whether both limits are numbers, none a quantile."""
        return self.quantile is None and self.lower_quantile is None

    def resolve(self, values: Floats, *, column: str = "the column") -> Cap:
        """Turn quantiles into limits.

        Parameters
        ----------
        values : ndarray of float64 of shape (n,)
            The column over all arms together; NaN is left out.
        column : str, default='the column'
            Its name, used in messages.

        Returns
        -------
        Cap
            With `upper` and `lower` only; the cap itself if it has no quantile.

        Raises
        ------
        InvalidDataError
            If there are no values, or the limits would leave all values equal.
        """
        if self.is_resolved:
            return self
        known = values[~np.isnan(values)]
        described = known[known > 0.0] if self.of == "positive" else known
        if not len(described):
            kind = "positive value" if self.of == "positive" else "value"
            message = f"'{column}' has no {kind}, so a quantile cannot cap it. Give Cap(upper=...)."
            raise InvalidDataError(message, column=column)
        upper = self.upper if self.quantile is None else _quantile(described, self.quantile)
        lower = (
            self.lower if self.lower_quantile is None else _quantile(described, self.lower_quantile)
        )
        self._check_spread(known, lower, upper, column)
        return replace(self, upper=upper, lower=lower, quantile=None, lower_quantile=None)

    def _check_spread(
        self, known: Floats, lower: float | None, upper: float | None, column: str
    ) -> None:
        low, high = float(known.min()), float(known.max())
        if low == high:
            return  # constant before: not the fault of the cap
        lowest, highest = np.clip([low, high], lower, upper)
        if lowest == highest or (lower is not None and upper is not None and lower >= upper):
            message = (
                f"The cap makes all values of '{column}' equal to {highest:.15g}. "
                "Take a quantile further out, or Cap(quantile=..., of='positive')."
            )
            raise InvalidDataError(message, column=column)

    def column(self, source: str) -> Column:
        """Return the capped column to aggregate.

        Raises
        ------
        InvalidParameterError
            If a limit is still a quantile, which aggregates alone cannot turn into a number.
        """
        if not self.is_resolved:
            problem = (
                f"the cap of '{source}' is a quantile, which needs rows. "
                "Give Cap(upper=...) where only aggregates are at hand."
            )
            raise InvalidParameterError("Cap", [problem])
        return Column(source=source, lower=self.lower, upper=self.upper)


def _quantile(values: Floats, share: float) -> float:
    return float(np.quantile(values, share, method="inverted_cdf"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Leverage:
    """Share of a column's variance that its most extreme units carry.

    Parameters
    ----------
    n : int
        Units in all.
    n_top : int
        Units looked at.
    share : float
        Their part of the sum of squared deviations, in [0, 1].

    Examples
    --------
    >>> import numpy as np
    >>> from userportrait.experiment import leverage
    >>> found = leverage(np.array([0.0] * 99 + [100.0]))
    >>> found.n_top, round(found.share, 2)
    (1, 0.99)
    >>> print(found.note("spend"))
    1 of 100 units carries 99 % of the variance of 'spend': the result hangs on a few; consider Cap.
    """

    n: int
    n_top: int
    share: float

    @property
    def is_high(self) -> bool:
        """Whether the units carry more than a third of the variance."""
        return self.share > _MUCH

    def note(self, column: str) -> str | None:
        """Return a sentence of warning, None where the share is not high."""
        if not self.is_high:
            return None
        verb = "carries" if self.n_top == 1 else "carry"
        return (
            f"{self.n_top:,} of {self.n:,} units {verb} {self.share:.0%} of the variance of "
            f"'{column}': the result hangs on a few; consider Cap."
        ).replace("%", " %")


def leverage(values: Floats, *, n_top: int | None = None) -> Leverage:
    """Return the share of the variance that the most extreme units carry.

    Parameters
    ----------
    values : ndarray of float64 of shape (n,)
        One arm, or all; NaN is left out.
    n_top : int, optional
        How many units to look at, those furthest from the mean; by default one in a
        thousand, at least one.

    Returns
    -------
    Leverage
        With share 0 where there is no variance.

    Raises
    ------
    InvalidParameterError
        If `n_top` is not a positive whole number.

    See Also
    --------
    check_leverage : The same for columns of a frame, arm by arm.

    Examples
    --------
    >>> import numpy as np
    >>> from userportrait.experiment import leverage
    >>> round(leverage(np.array([1.0, 2.0, 3.0, 94.0])).share, 2)
    0.75
    """
    check_values(
        "leverage", {"n_top": n_top}, {"n_top": Optional(Between(1, 2**63 - 1, integer=True))}
    )
    known = values[~np.isnan(values)]
    n = len(known)
    top = min(n, n_top or max(1, math.ceil(_TOP_SHARE * n)))
    if n == 0:
        return Leverage(n=0, n_top=0, share=0.0)
    squares = (known - known.mean()) ** 2
    total = float(squares.sum())
    largest = np.sort(np.partition(squares, n - top)[n - top :])
    share = float(largest.sum()) / total if total > 0.0 else 0.0
    return Leverage(n=n, n_top=top, share=min(share, 1.0))


def check_leverage(
    frame: IntoFrame,
    columns: str | Sequence[str],
    *,
    variant: str = "variant",
    n_top: int | None = None,
) -> pd.DataFrame:
    """Return, for each column and arm, what the most extreme units carry of the variance.

    Parameters
    ----------
    frame : frame
        One row for each unit that was assigned.
    columns : str or sequence of str
        Columns of numbers; NaN and null are left out.
    variant : str, default='variant'
        The column of the arms.
    n_top : int, optional
        How many units to look at; by default one in a thousand, at least one.

    Returns
    -------
    DataFrame
        One row for each column and arm: ``column``, ``variant``, ``n``, ``n_top``, ``share``
        and ``is_high``, which says that a cap is worth a thought.

    Raises
    ------
    MissingColumnError
        If a column is not there.
    ColumnTypeError
        If a column holds no numbers.

    Examples
    --------
    >>> import pandas as pd
    >>> from userportrait.experiment import check_leverage
    >>> spend = [1.0, 3.0, 2.0, 1.0] * 24 + [1.0, 2.0, 1.0, 500.0]
    >>> frame = pd.DataFrame({"variant": ["A", "B"] * 50, "spend": spend})
    >>> check_leverage(frame, "spend").round(2)
      column variant   n  n_top  share  is_high
    0  spend       A  50      1   0.02    False
    1  spend       B  50      1   0.98     True
    """
    chosen = [columns] if isinstance(columns, str) else list(columns)
    inner = frames.enter(frame)
    names = frames.column_names(inner)
    for name in (variant, *chosen):
        if name not in names:
            raise MissingColumnError(name, names)
    found = frames.collect_arrays(inner, list(dict.fromkeys((variant, *chosen))))
    codes, labels = pd.factorize(found[variant])
    arms = sorted((label_of(label), code) for code, label in enumerate(labels))
    rows: list[dict[str, object]] = []
    for name in chosen:
        values = numbers_of(found[name], name)
        for label, code in arms:
            seen = leverage(values[codes == code], n_top=n_top)
            rows.append({"column": name, "variant": label, **asdict(seen), "is_high": seen.is_high})
    return pd.DataFrame(rows)


def numbers_of(values: NDArray[Any], column: str) -> Floats:
    """Return a column as floats.

    Raises
    ------
    ColumnTypeError
        If it holds no numbers.
    """
    try:
        return values.astype(np.float64)
    except (TypeError, ValueError):
        message = f"'{column}' must hold numbers; it holds {values.dtype} values."
        raise ColumnTypeError(message, column=column) from None


def leverage_of_cap(plain: Moments, capped: Moments, column: str, name: str) -> float:
    """Return the share of the variance that a cap takes away, from aggregates alone.

    Parameters
    ----------
    plain, capped : Moments
        One group of units; both may be the same object.
    column, name : str
        Names of the column as it stands and of the capped one.
    """
    before, after = plain.variance(column), capped.variance(name)
    return max(0.0, 1.0 - after / before) if before > 0.0 else 0.0
