"""The sections of an experiment's page."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from userportrait.experiment._plots_forest import ForestRow, verdict_of
from userportrait.experiment._result import write_p
from userportrait.experiment._words import write_number, write_share
from userportrait.report._experiment_charts import (
    days_chart,
    forest_chart,
    path_chart,
    shares_chart,
)
from userportrait.report._experiment_words import SAY
from userportrait.report._html import Child, Markup, element, text_table
from userportrait.report._page import details, paragraph, section

if TYPE_CHECKING:
    from collections.abc import Sequence

    from userportrait.experiment import (
        DayEffects,
        Effect,
        ExperimentResult,
        Scorecard,
        SegmentEffect,
        SegmentEffects,
        SequentialPath,
        SrmCheck,
    )
    from userportrait.report._format import Language

__all__ = [
    "days_section",
    "effects_section",
    "looks_section",
    "scorecard_section",
    "segments_section",
    "sizes_section",
]

_COLOURS = {"better": "c1", "worse": "c2", "unclear": "c0"}


def effects_section(result: ExperimentResult, language: Language) -> Markup:
    """Return the forest plot and its table."""
    drawable = [e for e in result.effects if not math.isnan(e.relative)]
    several = len({(e.variant, e.control) for e in result.effects}) > 1
    rows = [_forest_row(e, language, several=several) for e in drawable]
    chart = None
    if rows:
        chart = forest_chart(
            rows, scale="relative", label=SAY["effects.alt"](language),
            axis=SAY["axis.relative"](language),
        )  # fmt: skip
    return section(
        "effects",
        SAY["effects"](language),
        paragraph(SAY["effects.intro"](language), "quiet"),
        _legend(rows, language),
        chart,
        _effects_table(result.effects, language, several=several),
    )


def _forest_row(effect: Effect, language: Language, *, several: bool) -> ForestRow:
    notes = [f"{effect.variant} – {effect.control}"] if several else []
    if effect.role != "primary":
        notes.append(SAY[effect.role](language))
    margin = None
    if effect.margin is not None and effect.margin.kind == "relative":
        margin = effect.margin.margin * (1.0 if effect.goal == "decrease" else -1.0)
    low, high = effect.relative_interval
    return ForestRow(
        label=effect.metric, note=" · ".join(notes), value=effect.relative, low=low, high=high,
        verdict=verdict_of(effect), margin=margin,
    )  # fmt: skip


def _legend(rows: Sequence[ForestRow], language: Language, *, shrunk: bool = False) -> Markup:
    entries: list[tuple[str, str]] = []
    for verdict, css in (("better", "f1 dot"), ("worse", "f2 diamond"), ("unclear", "ring")):
        if any(row.verdict == verdict for row in rows):
            entries.append((css, SAY[verdict](language)))
    items = [
        element("li", element("span", class_=f"swatch {css}", aria_hidden="true"), name)
        for css, name in entries
    ]
    if any(row.margin is not None for row in rows):
        items.append(element("li", "┊ ", SAY["margin"](language)))
    if shrunk:
        items.append(element("li", "├┤ ", SAY["shrunk"](language)))
    return element("ul", *items, class_="legend")


def _effects_table(effects: Sequence[Effect], language: Language, *, several: bool) -> Markup:
    heads = [
        "metric",
        *(["arms"] if several else []),
        "control",
        "variant",
        "change",
        "p",
        "verdict",
    ]
    rows: list[list[Child]] = []
    for e in effects:
        cells: list[Child] = [_named(e, language)]
        if several:
            cells.append(f"{e.variant} – {e.control}")
        cells += [write_number(e.control_mean), write_number(e.variant_mean), _change(e),
                  _p(e), _verdict(e, language)]  # fmt: skip
        rows.append(cells)
    numeric = range(2 if several else 1, len(heads) - 1)
    return text_table(
        [SAY[f"col.{name}"](language) for name in heads], rows,
        caption=SAY["table.effects"](language), numeric=numeric, class_="effects",
    )  # fmt: skip


def _named(effect: Effect, language: Language) -> Child:
    if effect.role == "primary":
        return effect.metric
    return element("span", effect.metric, " ", element("small", SAY[effect.role](language)))


def _change(effect: Effect) -> str:
    if math.isnan(effect.relative):
        low, high = map(write_number, effect.interval)
        return f"{write_number(effect.effect)} [{low}, {high}]"
    low, high = map(write_share, effect.relative_interval)
    return f"{write_share(effect.relative)} [{low}, {high}]"


def _p(effect: Effect) -> str:
    p = effect.adjusted_p_value
    if math.isnan(p):
        return "–"
    told = write_p(effect.p_value, effect.log_p_value) if p == effect.p_value else f"{p:.2g}"
    return told.removeprefix("p = ")


def _verdict(effect: Effect, language: Language) -> Child:
    verdict = verdict_of(effect)
    shown = element("span", SAY[verdict](language), class_=f"verdict {_COLOURS[verdict]}")
    if effect.margin is None:
        return shown
    size = effect.margin.margin
    margin = f"{100 * size:.3g}%" if effect.margin.kind == "relative" else write_number(size)
    key = "safe" if effect.margin.is_shown else "unsafe"
    return element("span", shown, " ", element("small", SAY[key](language, margin=margin)))


def sizes_section(srm: SrmCheck, control: str, language: Language) -> Markup:
    """Return the check of the arms' sizes, by group if there are groups."""
    values = {"p": f"{srm.p_value:.2g}", "alarm": f"{srm.alarm:g}"}
    told = SAY["sizes.bad" if srm.is_alarm else "sizes.ok"](language, **values)
    n = srm.n
    rows = [
        (name, f"{count:,}", f"{count / n:.2%}", f"{srm.expected[name]:.2%}")
        for name, count in srm.counts.items()
    ]
    heads = [SAY[f"col.{name}"](language) for name in ("arm", "units", "share", "planned")]
    return section(
        "sizes",
        SAY["sizes"](language),
        paragraph(told),
        *_groups_of(srm, control, language),
        text_table(heads, rows, caption=SAY["table.sizes"](language), numeric=(1, 2, 3)),
    )


def _groups_of(srm: SrmCheck, control: str, language: Language) -> list[Markup]:
    groups = [group for group in srm.groups if group.n]
    if len(groups) < 2:
        return []
    arm = next((name for name in srm.counts if name != control), next(iter(srm.counts)))
    planned = srm.expected[arm]
    told = SAY["sizes.groups"](language, arm=arm, by=srm.by or "group")
    chart = shares_chart(
        [group.label for group in groups],
        [group.counts.get(arm, 0) / group.n for group in groups],
        [2.5758 * math.sqrt(planned * (1.0 - planned) / group.n) for group in groups],
        [group.is_alarm for group in groups],
        expected=planned,
        label=told,
    )
    return [paragraph(told, "quiet"), chart]


def looks_section(paths: Sequence[SequentialPath], language: Language) -> Markup:
    """Return the looks of sequential designs."""
    parts: list[Child] = [paragraph(SAY["looks.intro"](language), "quiet")]
    for path in paths:
        parts += [
            paragraph(_looks_told(path, language)),
            path_chart(path, label=SAY["looks.alt"](language), axis=SAY["looks.axis"](language)),
            details(SAY["details"](language), _looks_table(path, language)),
        ]
    return section("looks", SAY["looks"](language), *parts)


def _looks_told(path: SequentialPath, language: Language) -> str:
    stop = path.stopped_at
    if stop is None:
        return SAY["looks.going"](language, metric=path.metric)
    decision = SAY[path.decision[stop - 1]](language)
    return SAY["looks.stopped"](
        language, metric=path.metric, label=path.label[stop - 1], decision=decision
    )


def _looks_table(path: SequentialPath, language: Language) -> Markup:
    rows = [
        (
            path.label[k], f"{path.information[k]:.1%}", write_number(path.statistic[k]),
            f"{write_number(path.lower[k])} … {write_number(path.upper[k])}",
            SAY[path.decision[k]](language),
        )
        for k in range(len(path.look))
    ]  # fmt: skip
    heads = [SAY[f"col.{name}"](language)
             for name in ("look", "share", "statistic", "bounds", "decision")]  # fmt: skip
    return text_table(heads, rows, caption=SAY["table.looks"](language), numeric=(1, 2, 3))


def segments_section(segments: SegmentEffects, language: Language) -> Markup:
    """Return the effects by segment, metric by metric."""
    parts: list[Child] = []
    families = dict.fromkeys((s.effect.metric, s.effect.variant) for s in segments)
    several = len({variant for _, variant in families}) > 1
    for metric, variant in families:
        chosen = segments.of(metric, variant)
        name = f"{metric}, {variant}" if several else metric
        parts += _segments_of(segments, chosen, name, language)
    for column, small in segments.left_out.items():
        if small:
            told = SAY["segments.left_out"](language, column=column, n=str(len(small)))
            parts.append(paragraph(told, "quiet"))
    return section("segments", SAY["segments"](language), *parts)


def _segments_of(
    segments: SegmentEffects, chosen: Sequence[SegmentEffect], name: str, language: Language
) -> list[Child]:
    several = len({s.column for s in chosen}) > 1
    rows = [
        ForestRow(
            label=f"{s.column}: {s.segment}" if several else s.segment,
            note=f"{s.effect.n_control + s.effect.n_variant:,}",
            value=s.effect.effect, low=s.effect.interval[0], high=s.effect.interval[1],
            verdict=verdict_of(s.effect),
        )
        for s in chosen
    ]  # fmt: skip
    told: list[Child] = [
        paragraph(
            SAY["segments.differ" if found.adjusted_p_value <= segments.alpha else "segments.same"](
                language, metric=name, column=found.column, q=write_number(found.test.q),
                p=f"{found.adjusted_p_value:.2g}",
            )
        )
        for found in segments.differences
        if found.metric == chosen[0].effect.metric and found.variant == chosen[0].effect.variant
    ]  # fmt: skip
    chart = forest_chart(
        rows, scale="absolute", label=SAY["segments.alt"](language),
        axis=SAY["axis.absolute"](language),
        shrunk=[(s.shrunk, *s.shrunk_interval) for s in chosen],
    )  # fmt: skip
    head = element("h3", name)
    table = details(SAY["details"](language), _segments_table(chosen, name, language))
    return [head, *told, _legend(rows, language, shrunk=True), chart, table]


def _segments_table(chosen: Sequence[SegmentEffect], name: str, language: Language) -> Markup:
    rows = [
        (
            f"{s.column}: {s.segment}", f"{s.effect.n_control + s.effect.n_variant:,}",
            write_number(s.effect.effect),
            f"[{write_number(s.effect.interval[0])}, {write_number(s.effect.interval[1])}]",
            _p(s.effect), write_number(s.shrunk),
            f"[{write_number(s.shrunk_interval[0])}, {write_number(s.shrunk_interval[1])}]",
        )
        for s in chosen
    ]  # fmt: skip
    keys = ("segment", "units", "difference", "interval", "p", "shrunk", "interval")
    heads = [SAY[f"col.{key}"](language) for key in keys]
    caption = SAY["table.segments"](language, metric=name)
    return text_table(heads, rows, caption=caption, numeric=range(1, 7), class_="effects")


def days_section(days: DayEffects, language: Language) -> Markup:
    """Return the effects day by day."""
    parts: list[Child] = []
    several = len({t.variant for t in days}) > 1
    for t in days:
        name = f"{t.metric}, {t.variant}" if several else t.metric
        told = SAY[f"days.{t.course}"](language, metric=name, p=f"{t.p_value:.2g}")
        if not (math.isnan(t.early) or math.isnan(t.late)):
            early, late = write_number(t.early), write_number(t.late)
            told += " " + SAY["days.first"](language, early=early, late=late)
        values = [(e.effect, *e.interval) for e in t.effects]
        chart = days_chart(
            t.days, values, (t.first, t.last), label=SAY["days.alt"](language),
            is_clear=t.course != "unclear",
        )  # fmt: skip
        rows = [
            (day, f"{e.n_control + e.n_variant:,}", write_number(e.effect),
             f"[{write_number(e.interval[0])}, {write_number(e.interval[1])}]")
            for day, e in zip(t.days, t.effects, strict=True)
        ]  # fmt: skip
        heads = [SAY[f"col.{key}"](language) for key in ("day", "units", "difference", "interval")]
        table = text_table(heads, rows, caption=name, numeric=(1, 2, 3), class_="effects")
        parts += [paragraph(told), chart, details(SAY["details"](language), table)]
    return section("days", SAY["days"](language), *parts)


def scorecard_section(scorecard: Scorecard, language: Language) -> Markup:
    """Return the scorecard of a campaign."""
    head, *rows = scorecard.table(language)
    shown = text_table(
        head, rows, caption=SAY["table.scorecard"](language), numeric=(1, 2, 3, 5), class_="effects"
    )
    notes = (element("li", note) for note in scorecard.notes(language))
    return section(
        "scorecard",
        SAY["scorecard"](language),
        shown,
        element("ul", *notes, class_="reasons quiet"),
    )
