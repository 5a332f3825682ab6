"""A read-out and how it is told: language, names, numbers."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from userportrait.experiment._words import write_number
from userportrait.report._format import Formatter, Language
from userportrait.report._html import element
from userportrait.report._propensity_words import SAY

if TYPE_CHECKING:
    from collections.abc import Sequence

    from userportrait.predict import PropensityReadout

__all__ = ["Told", "strongest", "write_moment", "write_odds", "write_p"]


@dataclass(frozen=True, slots=True)
class Told:
    """A read-out, and how it is told.

    Parameters
    ----------
    readout : PropensityReadout
    language : {'en', 'zh'}
    outcome : str
        What the outcome is called.
    """

    readout: PropensityReadout
    language: Language
    outcome: str

    def say(self, key: str, **values: str) -> str:
        return SAY[key](self.language, **values)

    @property
    def fmt(self) -> Formatter:
        return Formatter(self.language)

    @property
    def top(self) -> str:
        """The share of customers in the best group."""
        held = self.readout.evaluation
        return self.fmt.share(float(held.lift["n_rows"].iloc[0]) / held.n_rows)

    def heads(self, *names: str) -> list[str]:
        """Return headings of columns; Chinese ones would break anywhere."""
        found = [self.say(f"col.{name}") for name in names]
        if self.language == "en":
            return found
        return [element("span", name, style="white-space:nowrap") for name in found]

    def joined(self, names: Sequence[str]) -> str:
        return ("、" if self.language == "zh" else ", ").join(names)


def write_p(value: float) -> str:
    """Return a p-value; a dash for none."""
    return "–" if math.isnan(value) else "<0.0001" if value < 1e-4 else f"{value:.4f}"


def write_odds(value: float, low: float, high: float) -> tuple[str, str, str]:
    """Return an odds ratio and the ends of its interval, with as many decimals as it is sure of."""
    width = high - low if math.isfinite(high - low) else abs(value)
    places = 2
    if 0 < width < 0.1:
        places = min(1 + math.ceil(-math.log10(width)), 6)

    def write(one: float) -> str:
        if not math.isfinite(one):
            return write_number(one)
        if 0 < one < 1e-4:
            return f"{one:.1e}"
        return f"{one:,.{places}f}" if one < 100 else f"{one:,.0f}"

    return write(value), write(low), write(high)


def strongest(found: PropensityReadout) -> list[str]:
    """Return the columns of a regression, those of the smallest p-value first."""
    tests = found.factor_tests
    if tests is None:
        return []
    by_strength = tests.assign(each=tests["wald_chi2"] / tests["df"]).fillna(0.0)
    ordered = by_strength.sort_values(
        ["p_value", "each"], ascending=[True, False], kind="stable"
    )  # equal where p-values are too small for a number
    names: list[str] = ordered["term"].tolist()
    return names


def write_moment(moment: Any, fmt: Formatter) -> str:
    """Return a date in words, and anything else as it is."""
    return fmt.date(moment) if hasattr(moment, "isoformat") else str(moment)
