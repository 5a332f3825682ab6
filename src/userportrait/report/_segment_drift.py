"""The section of a page of segments that says whether they still hold at a later date."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from userportrait.report._format import Formatter
from userportrait.report._html import Child, Markup, caption_of, element, join, text_table
from userportrait.report._page import bar, paragraph, section
from userportrait.report._segment_cells import (
    breakable,
    heading,
    mean_text,
    swatch,
    two_sided,
)
from userportrait.report._segment_facts import FEWEST, NOISE
from userportrait.report._segment_words import SAY

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pandas as pd

    from userportrait.report._format import Language
    from userportrait.report._segment_facts import Facts
    from userportrait.segment import SegmentDrift

__all__ = ["drift_section"]

_MOST_MOVES, _FEW_MOVES = 8, 3
_SHADES = (0.05, 0.2, 0.5)
"""Shares of a segment's customers from which a cell of the transitions is darker."""


def drift_section(
    drift: SegmentDrift, facts: Facts, labels: Mapping[str, str], language: Language
) -> Markup:
    """Return whether segments still hold, their sizes, what moved and who went where.

    Parameters
    ----------
    drift : SegmentDrift
    facts : Facts
        Of the same segments: their names.
    labels : mapping of str to str
        Words for features.
    language : {'en', 'zh'}
    """
    names = {int(s): str(n) for s, n in zip(drift.sizes["segment"], drift.sizes["name"],
                                            strict=True)}  # fmt: skip
    names |= {portrait.segment: portrait.name for portrait in facts.portraits}
    reasons: list[str] = list(drift.reasons) if language == "en" else []
    told = (
        element("li", text[:1].upper() + text[1:]) for text in [*reasons, *_said(drift, language)]
    )
    return section(
        "drift",
        SAY["drift"](language),
        paragraph(SAY[f"drift.{drift.verdict}"](language)),
        element("ul", *told, class_="reasons"),
        _sizes(drift, names, language),
        _moves(_largest(drift), names, labels, language),
        *_transitions(drift, names, language),
    )


def _said(drift: SegmentDrift, language: Language) -> list[str]:
    fmt = Formatter(language)
    before = fmt.counted(drift.n_before, "customer")
    after = fmt.counted(drift.n_after, "customer")
    psi, chance = f"{drift.psi:.3f}", f"{drift.chance_psi:.3f}"
    found = [
        SAY["drift.compared"](language, before=before, after=after),
        SAY["drift.psi"](language, psi=psi, chance=chance),
    ]
    if drift.n_judged:
        far, usual = fmt.share(drift.far_share), fmt.share(drift.far_expected / drift.n_judged)
        found.append(SAY["drift.far"](language, share=far, usual=usual))
    if drift.n_both:
        n, share = fmt.counted(drift.n_both, "customer"), fmt.share(drift.moved_share)
        found.append(SAY["drift.moved"](language, customers=n, share=share))
    return found


def _sizes(drift: SegmentDrift, names: Mapping[int, str], language: Language) -> Markup:
    fmt = Formatter(language)
    longest = max(float(drift.sizes[["share_before", "share_after"]].to_numpy().max()), 1e-9)
    rows: list[list[Child]] = [
        [
            _named(row, names, language),
            _size(int(row["n_before"]), float(row["share_before"]), longest, "f3", fmt),
            _size(int(row["n_after"]), float(row["share_after"]), longest, "f1", fmt),
            f"{100 * (float(row['share_after']) - float(row['share_before'])):+.1f}",
        ]
        for row in drift.sizes.to_dict("records")
    ]
    keys = ("segment", "before", "after", "points")
    heads = [SAY[f"col.{key}"](language) for key in keys]
    caption = SAY["table.drift"](language)
    return text_table(heads, rows, caption=caption, numeric=(1, 2, 3), class_="sizes")


def _named(row: Mapping[Any, Any], names: Mapping[int, str], language: Language) -> Markup:
    segment = int(row["segment"])
    return heading(segment, names[segment], language)


def _size(n: int, share: float, longest: float, css: str, fmt: Formatter) -> Markup:
    small = element("small", fmt.share(share))
    return join([fmt.count(n), " ", small, bar(share / longest, css)])


def _largest(drift: SegmentDrift) -> pd.DataFrame:
    """Return the largest moves beyond chance; where there are none, a few of any."""
    moves = drift.strongest_moves(len(drift.moves))
    clear = moves[moves["adjusted_p_value"] <= drift.alpha]
    return moves.head(_FEW_MOVES) if clear.empty else clear.head(_MOST_MOVES)


def _moves(
    moves: pd.DataFrame, names: Mapping[int, str], labels: Mapping[str, str], language: Language
) -> Markup | None:
    if moves.empty:
        return paragraph(SAY["drift.unjudged"](language), "quiet")
    records: list[dict[Any, Any]] = moves.to_dict("records")
    reach = max(1.0, float(moves["effect_size"].abs().max()))
    rows: list[list[Child]] = []
    for row in records:
        feature, level = str(row["feature"]), str(row["level"])
        word = labels.get(feature, feature)
        effect, p = float(row["effect_size"]), float(row["adjusted_p_value"])
        before, after = (mean_text(level, float(row[key])) for key in ("before", "after"))
        rows.append(
            [
                _named(row, names, language),
                breakable(f"{word} = {level}" if level else word),
                f"{before} → {after}",
                join([f"{effect:+.2f}", two_sided(effect / reach)]),
                "<0.001" if p < 0.001 else f"{p:.2g}",
            ]
        )
    heads = [SAY[f"col.{key}"](language) for key in ("segment", "feature", "moved", "effect", "p")]
    caption = SAY["table.moves"](language)
    return text_table(heads, rows, caption=caption, numeric=(2, 3, 4), class_="moves")


def _transitions(drift: SegmentDrift, names: Mapping[int, str], language: Language) -> list[Markup]:
    counts, shares = drift.transitions, drift.transition_shares
    if counts is None or shares is None or not drift.n_both:
        return []
    fmt = Formatter(language)
    numbers = [int(number) for number in counts.index]
    heads = [SAY["col.before"](language), *(_column(number, language) for number in numbers)]
    rows: list[Markup] = []
    for at, number in enumerate(numbers):
        n_row = int(counts.iloc[at].sum())
        cells = (_cell(float(share), n_row, fmt) for share in shares.iloc[at])
        name = heading(number, names[number], language)
        rows.append(element("tr", element("th", name, scope="row"), *cells))
    caption = SAY["table.transitions"](language)
    table = element(
        "table",
        caption_of(caption),
        element("thead", element("tr", *(element("th", head, scope="col") for head in heads))),
        element("tbody", *rows),
        class_="heat profile",
    )
    scale = element(
        "ul",
        element("li", *(swatch(f"u{step}") for step in (1, 2, 3)), SAY["drift.scale"](language)),
        class_="legend",
    )
    return [
        scale,
        element("div", table, class_="scroll", tabindex="0", role="region", aria_label=caption),
    ]


def _column(number: int, language: Language) -> str:
    return SAY["noise.name"](language) if number == NOISE else f"→ {number}"


def _cell(share: float, n_row: int, fmt: Formatter) -> Markup:
    if n_row < FEWEST or math.isnan(share):
        return element("td", "–")
    step = sum(share >= limit for limit in _SHADES)
    return element("td", fmt.share(share), class_=f"u{step}" if step else None)
