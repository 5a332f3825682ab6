"""Spending functions: how much of the false alarms allowed may be used up by when."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Literal, TypeAlias

from scipy.special import ndtr, ndtri

from userportrait._core.params import Between, OneOf, Optional, Rule, check_values
from userportrait.errors import InvalidParameterError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = ["Spending"]

Family: TypeAlias = Literal["obrien-fleming", "pocock", "power", "hwang-shih-decani"]
_SHAPES = {"power": 3.0, "hwang-shih-decani": -4.0}


@dataclass(frozen=True, slots=True)
class Spending:
    """How an error probability is spent over the information of a trial.

    Parameters
    ----------
    family : {'obrien-fleming', 'pocock', 'power', 'hwang-shih-decani'}, default='obrien-fleming'
        The first two look like the bounds of that name and are by Lan and DeMets [1]_; the
        third, by Kim and DeMets, spends ``fraction ** shape``; the fourth [2]_ spends
        ``(1 - exp(-shape * fraction)) / (1 - exp(-shape))``.
    shape : float, optional
        Of the last two only. For 'power' in (0, 20], by default 3; for 'hwang-shih-decani' in
        [-40, 40], by default -4 (near O'Brien and Fleming; 1 is near Pocock, 0 is even).

    Notes
    -----
    Only the information at a look and at those before decides a bound: the number and the
    times of later looks need not be known.

    References
    ----------
    .. [1] Lan and DeMets (1983), "Discrete sequential boundaries for clinical trials",
       Biometrika 70(3).
    .. [2] Hwang, Shih and De Cani (1990), "Group sequential designs using a family of type I
       error probability spending functions", Statistics in Medicine 9(12).

    Examples
    --------
    >>> from userportrait.experiment import Spending
    >>> Spending("power", shape=2).spent(0.5, 0.05)
    0.0125
    """

    family: Family = "obrien-fleming"
    shape: float | None = None

    _rules: ClassVar[Mapping[str, Rule]] = {
        "family": OneOf(("obrien-fleming", "pocock", "power", "hwang-shih-decani")),
        "shape": Optional(Between(-40.0, 40.0)),
    }

    def __post_init__(self) -> None:
        check_values("Spending", {"family": self.family, "shape": self.shape}, dict(self._rules))
        if self.shape is None:
            return
        if self.family not in _SHAPES:
            problem = f"shape means nothing for '{self.family}'; leave it out. Got {self.shape!r}."
            raise InvalidParameterError("Spending", [problem])
        if self.family == "power" and not 0.0 < self.shape <= 20.0:
            problem = f"shape of 'power' must be a number in (0, 20]; got {self.shape!r}."
            raise InvalidParameterError("Spending", [problem])

    def spent(self, fraction: float, alpha: float) -> float:
        """Return what may be spent up to a share of the planned information.

        Parameters
        ----------
        fraction : float
            Share of the planned information; below 0 counts as 0, above 1 as 1.
        alpha : float
            What may be spent in all, of one side.

        Returns
        -------
        float
            From 0 to `alpha`.
        """
        if fraction <= 0.0:
            return 0.0
        if fraction >= 1.0:
            return alpha
        if self.family == "obrien-fleming":
            return 2.0 * float(ndtr(ndtri(alpha / 2.0) / math.sqrt(fraction)))
        if self.family == "pocock":
            return alpha * math.log1p((math.e - 1.0) * fraction)
        shape = _SHAPES[self.family] if self.shape is None else float(self.shape)
        if self.family == "power":
            return alpha * math.pow(fraction, shape)
        if shape == 0.0:
            return alpha * fraction
        return alpha * math.expm1(-shape * fraction) / math.expm1(-shape)

    def steps(self, fractions: Sequence[float], alpha: float) -> tuple[float, ...]:
        """Return what is spent at each of several looks, the differences of `spent`.

        Parameters
        ----------
        fractions : sequence of float
            Shares of the planned information, ascending.
        alpha : float
            What may be spent in all, of one side.

        Returns
        -------
        tuple of float
        """
        totals = [0.0, *(self.spent(fraction, alpha) for fraction in fractions)]
        return tuple(max(totals[look + 1] - totals[look], 0.0) for look in range(len(fractions)))
