"""What a campaign brought: the frozen scorecard, as a table, as text, as HTML."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from userportrait._core.display import page_fragment, table
from userportrait._core.params import OneOf, check_values
from userportrait.experiment._confidence_set import NO_VALUE, ConfidenceSet
from userportrait.experiment._scorecard_words import MEASURES, SENTENCES

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import pandas as pd

    from userportrait.experiment._words import Language

__all__ = ["Scorecard", "ScorecardLine"]

_ALARM = 0.001


@dataclass(frozen=True, slots=True, kw_only=True)
class ScorecardLine:
    """One figure of a campaign with its interval.

    Parameters
    ----------
    measure : str
        Such as ``'conversion'`` or ``'roi'``.
    value : float
        The treated arm less the hold-out; for ROI and costs the figure itself.
    region : ConfidenceSet
        The values that the data agree with: mostly an interval.
    treated, hold_out : float
        The figure in each arm; NaN for what only both together have.
    relative : float
        The difference as a share of the hold-out's figure, NaN where there is none.
    relative_region : ConfidenceSet
    p_value : float
        Two-sided, of no difference; for ROI of a campaign that just pays for itself.
    n_treated, n_hold_out : int
        Who the figure rests on: customers, buyers or those who rated.

    Examples
    --------
    >>> from userportrait.experiment import ConfidenceSet, ScorecardLine
    >>> line = ScorecardLine(
    ...     measure="roi", value=1.5, region=ConfidenceSet(((0.2, 3.1),)), p_value=0.02,
    ...     n_treated=900, n_hold_out=100,
    ... )
    >>> line.interval
    (0.2, 3.1)
    """

    measure: str
    value: float
    region: ConfidenceSet
    p_value: float
    n_treated: int
    n_hold_out: int
    treated: float = math.nan
    hold_out: float = math.nan
    relative: float = math.nan
    relative_region: ConfidenceSet = NO_VALUE

    @property
    def interval(self) -> tuple[float, float]:
        """The smallest interval that holds all values of the region."""
        return self.region.hull

    @property
    def is_bounded(self) -> bool:
        """Whether the data bound the figure on both sides."""
        return self.region.is_bounded

    def label(self, language: Language = "en") -> str:
        """Return the name of the measure for people."""
        return MEASURES[self.measure].label(language)

    def write(self, value: float, language: Language = "en") -> str:
        """Return a value of this measure as people write it, a difference of shares in points."""
        kind = MEASURES[self.measure]
        return kind.write_change(value) + kind.unit(language)

    def write_region(self, language: Language = "en") -> str:
        """Return the region in words."""
        if not self.region.parts:
            return SENTENCES["unknown"](language)
        kind = MEASURES[self.measure]
        parts = [_told(low, high, kind.write_change, language) for low, high in self.region.parts]
        return (", or " if language == "en" else "，或").join(parts) + kind.unit(language)


def _told(low: float, high: float, write: Callable[[float], str], language: Language) -> str:
    if math.isinf(low) and math.isinf(high):
        return SENTENCES["anything"](language)
    if math.isinf(low):
        return SENTENCES["up_to"](language, high=write(high))
    if math.isinf(high):
        return SENTENCES["from"](language, low=write(low))
    return SENTENCES["between"](language, low=write(low), high=write(high))


@dataclass(frozen=True, slots=True, kw_only=True)
class Scorecard:
    """What a campaign changed and what that cost; made by `campaign_scorecard`.

    Parameters
    ----------
    lines : tuple of ScorecardLine
        In the order in which they are shown.
    treated, hold_out : str
        The names of the arms.
    n_treated, n_hold_out : int
        Customers in each.
    alpha : float
        Intervals hold the truth in a share of 1 - `alpha` of campaigns.
    srm_p_value : float
        Of the sizes of the arms against the planned share; NaN if none was given.
    n_not_followed : int
        Buyers who were not observed long enough to tell whether they came back.
    largest_share : float
        What the best customer of the treated arm has of the arm's revenue.
    is_over : bool
        Whether the data go on to the end of the campaign.

    See Also
    --------
    campaign_scorecard : Make one.

    Examples
    --------
    >>> import userportrait as up
    >>> from userportrait.experiment import campaign_scorecard
    >>> shop = up.make_shop(n_customers=2000, random_state=0)
    >>> touches = shop.touches.frame
    >>> sent = touches[touches["campaign_id"] == "K01"]
    >>> card = campaign_scorecard(
    ...     sent, shop.orders, variant="treatment", control=False, costs=sent,
    ...     starts_at=sent["touched_at"].iloc[0],
    ... )
    >>> card["conversion"].value > 0
    True
    >>> [line.measure for line in card][:3]
    ['conversion', 'average_order_value', 'retention']
    """

    lines: tuple[ScorecardLine, ...]
    treated: str
    hold_out: str
    n_treated: int
    n_hold_out: int
    alpha: float
    srm_p_value: float = math.nan
    n_not_followed: int = 0
    largest_share: float = 0.0
    is_over: bool = True

    def __iter__(self) -> Iterator[ScorecardLine]:
        return iter(self.lines)

    def __len__(self) -> int:
        return len(self.lines)

    def __getitem__(self, measure: str) -> ScorecardLine:
        rule = OneOf(tuple(line.measure for line in self.lines))
        check_values("Scorecard", {"measure": measure}, {"measure": rule})
        return next(line for line in self.lines if line.measure == measure)

    def to_frame(self) -> pd.DataFrame:
        """Return one row for each figure.

        Columns: `measure`, `treated`, `hold_out`, `value`, `ci_low`, `ci_high`, `relative`,
        `relative_ci_low`, `relative_ci_high`, `p_value`, `n_treated`, `n_hold_out` and
        `is_bounded`. Ends that the data do not bound are infinite; where the values lie
        outside an interval, `ScorecardLine.region` has its two parts.
        """
        import pandas as pd

        return pd.DataFrame([_row(line) for line in self.lines])

    def to_dict(self) -> dict[str, Any]:
        """Return all of it as a dict; regions are lists of parts."""
        found = asdict(self)
        found["lines"] = [
            asdict(line) | {n: list(getattr(line, n).parts) for n in ("region", "relative_region")}
            for line in self.lines
        ]
        return found

    def notes(self, language: Language = "en") -> tuple[str, ...]:
        """Return what the reader must know, in sentences."""
        check_values("Scorecard.notes", {"language": language}, {"language": OneOf(("en", "zh"))})
        return tuple(self._notes(language))

    def _notes(self, language: Language) -> Iterator[str]:
        say = SENTENCES
        if self.srm_p_value < _ALARM:
            yield say["srm"](language, p=f"{self.srm_p_value:.2g}", alarm=f"{_ALARM:g}")
        if not self.is_over:
            yield say["running"](language)
        if min(self.n_treated, self.n_hold_out) < 100:
            yield say["small"](language)
        if self.largest_share > 0.1:
            yield say["leverage"](language, share=f"{self.largest_share:.0%}")
        if self.n_not_followed:
            yield say["followed"](language, n=f"{self.n_not_followed:,}")
        yield say["buyers"](language)
        for line in self.lines:
            if line.region.parts and not line.is_bounded:
                region = line.write_region(language)
                yield say["unbounded"](language, measure=line.label(language), region=region)
            if not line.region.parts:
                yield say["too_few"](language, measure=line.label(language))

    def __str__(self) -> str:
        shown = self.table("en")
        widths = [max(map(len, column)) for column in zip(*shown, strict=True)]
        lines = [
            "  ".join(
                cell.ljust(width) if place in (0, 4) else cell.rjust(width)
                for place, (cell, width) in enumerate(zip(row, widths, strict=True))
            ).rstrip()
            for row in shown
        ]
        return "\n".join([self._title("en"), "", *lines, "", *self.notes()])

    def table(self, language: Language = "en") -> list[list[str]]:
        """Return the figures as people write them: a row of headings, a row for each."""
        head = SENTENCES["head"](language, share=f"{1 - self.alpha:.0%}").split("|")
        return [head, *([*_cells(line, language)] for line in self.lines)]

    def _title(self, language: Language) -> str:
        return SENTENCES["title"](
            language, treated=self.treated, hold_out=self.hold_out,
            n_treated=f"{self.n_treated:,}", n_hold_out=f"{self.n_hold_out:,}",
        )  # fmt: skip

    def to_html(self, language: Language = "en") -> str:
        """Return the scorecard as HTML: escaped, without scripts, for light and dark pages."""
        from html import escape

        check_values("Scorecard.to_html", {"language": language}, {"language": OneOf(("en", "zh"))})
        head, *rows = self.table(language)
        notes = "".join(f"<li>{escape(note)}</li>" for note in self.notes(language))
        shown = table(head, rows, numeric=[head[place] for place in (1, 2, 3, 5)])
        wide = f"<div style='overflow-x:auto'>{shown}</div>"
        return page_fragment(self._title(language), wide, f"<ul>{notes}</ul>")

    def _repr_html_(self) -> str:
        return self.to_html()


def _cells(line: ScorecardLine, language: Language) -> Iterator[str]:
    kind = MEASURES[line.measure]
    yield line.label(language)
    yield "" if math.isnan(line.treated) else kind.write(line.treated)
    yield "" if math.isnan(line.hold_out) else kind.write(line.hold_out)
    yield "" if math.isnan(line.value) else line.write(line.value, language)
    yield line.write_region(language)
    yield "" if math.isnan(line.p_value) else _p_value(line.p_value)


def _p_value(p: float) -> str:
    return "<0.0001" if p < 1e-4 else f"{p:.4f}"


def _row(line: ScorecardLine) -> dict[str, object]:
    low, high = line.interval
    relative_low, relative_high = line.relative_region.hull
    return {
        "measure": line.measure,
        "treated": line.treated,
        "hold_out": line.hold_out,
        "value": line.value,
        "ci_low": low,
        "ci_high": high,
        "relative": line.relative,
        "relative_ci_low": relative_low,
        "relative_ci_high": relative_high,
        "p_value": line.p_value,
        "n_treated": line.n_treated,
        "n_hold_out": line.n_hold_out,
        "is_bounded": line.is_bounded,
    }
