"""An experiment's page: the answer first, then what it rests on."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from userportrait._core.params import Between, InstanceOf, OneOf, Optional, check_values
from userportrait.experiment import (
    DayEffects,
    ExperimentResult,
    Scorecard,
    SegmentEffects,
    SequentialPath,
    SrmCheck,
    decide,
)
from userportrait.experiment._words import write_number, write_share
from userportrait.report._experiment_parts import (
    days_section,
    effects_section,
    looks_section,
    scorecard_section,
    segments_section,
    sizes_section,
)
from userportrait.report._experiment_words import GLOSSARY, SAY
from userportrait.report._format import Formatter, Language
from userportrait.report._html import Markup, element
from userportrait.report._page import check_target, document, section, tiles, write_page
from userportrait.report._words import Words

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from userportrait.experiment import Decision

__all__ = ["experiment_page"]

_OWNER = "experiment_page"


def experiment_page(
    result: ExperimentResult,
    path: str | Path | None = None,
    *,
    title: str | None = None,
    language: Language = "en",
    srm: SrmCheck | None = None,
    worthwhile: float | None = None,
    looks: SequentialPath | Sequence[SequentialPath] = (),
    segments: SegmentEffects | None = None,
    days: DayEffects | None = None,
    scorecard: Scorecard | None = None,
) -> str | Path:
    """Make an experiment's page: self-contained HTML, no network, no script.

    It shows what to do and why, the effects on all metrics, and, of what is given: whether the
    arms have their planned sizes, the looks of a sequential design between their bounds,
    effects by segment and by day, and the scorecard of a campaign. It follows the reader's
    light or dark setting, fits phones and prints.

    Parameters
    ----------
    result : ExperimentResult
        From ``Experiment.analyze``.
    path : str or Path, optional
        The file to write; an existing one is replaced in one step.
    title : str, optional
        The page's heading.
    language : {'en', 'zh'}, default='en'
        Names of metrics and arms, and notes of methods, stay as they are.
    srm : SrmCheck, optional
        From `userportrait.experiment.check_srm`, by day or segment if it has groups.
    worthwhile : float, optional
        The smallest relative gain that is worth a change; see `userportrait.experiment.decide`.
    looks : SequentialPath or sequence of them, optional
        From `userportrait.experiment.sequential_path` or `path_by_day`.
    segments : SegmentEffects, optional
        From `userportrait.experiment.effects_by_segment`.
    days : DayEffects, optional
        From `userportrait.experiment.effects_by_day`.
    scorecard : Scorecard, optional
        From `userportrait.experiment.campaign_scorecard`.

    Returns
    -------
    str or Path
        The page, or the file where it was written. Equal results give equal bytes.

    Raises
    ------
    InvalidParameterError
        If an argument is of another type, or `path` is a folder or in one that is not there.

    Examples
    --------
    >>> import pandas as pd
    >>> from userportrait.experiment import Experiment, Mean
    >>> from userportrait.report import experiment_page
    >>> frame = pd.DataFrame(
    ...     {"variant": ["A"] * 4 + ["B"] * 4, "spend": [1.0, 2.0, 3.0, 2.0, 4.0, 5.0, 6.0, 5.0]}
    ... )
    >>> page = experiment_page(Experiment(Mean("spend"), control="A").analyze(frame))
    >>> page[:15]
    '<!DOCTYPE html>'
    """
    paths = (looks,) if isinstance(looks, SequentialPath) else tuple(looks)
    check_values(
        _OWNER,
        {"result": result, "language": language, "title": title, "srm": srm,
         "worthwhile": worthwhile, "segments": segments, "days": days, "scorecard": scorecard},
        {
            "result": InstanceOf((ExperimentResult,), "the result of Experiment.analyze"),
            "language": OneOf(("en", "zh")),
            "title": Optional(InstanceOf((str,), "a text or None")),
            "srm": Optional(InstanceOf((SrmCheck,), "from check_srm, or None")),
            "worthwhile": Optional(Between(0.0, math.inf, open_low=True)),
            "segments": Optional(InstanceOf((SegmentEffects,), "from effects_by_segment, or None")),
            "days": Optional(InstanceOf((DayEffects,), "from effects_by_day, or None")),
            "scorecard": Optional(InstanceOf((Scorecard,), "from campaign_scorecard, or None")),
        },
    )  # fmt: skip
    for one in paths:
        known = InstanceOf((SequentialPath,), "from sequential_path")
        check_values(_OWNER, {"looks": one}, {"looks": known})
    target = None if path is None else check_target(path, _OWNER)
    decisions = _decisions(result, srm, worthwhile)
    sections: list[tuple[str, Markup | None]] = [
        ("effects", effects_section(result, language)),
        ("sizes", None if srm is None else sizes_section(srm, result.control, language)),
        ("looks", looks_section(paths, language) if paths else None),
        ("segments", None if segments is None else segments_section(segments, language)),
        ("days", None if days is None else days_section(days, language)),
        ("scorecard", None if scorecard is None else scorecard_section(scorecard, language)),
        ("notes", _notes(result, language)),
        ("method", _method(language)),
    ]
    kept = [(key, part) for key, part in sections if part is not None]
    text = document(
        title=title or SAY["title"](language),
        kind=SAY["kind"](language),
        subtitle=_subtitle(result, language),
        body=[
            _answer(decisions, language),
            tiles(_figures(result, srm, language)),
            _contents([key for key, _ in kept], language),
            *(part for _, part in kept),
        ],
        foot=SAY["made_by"](language),
        words=Words(Formatter(language)),
    )
    return text if target is None else write_page(target, text)


def _decisions(
    result: ExperimentResult, srm: SrmCheck | None, worthwhile: float | None
) -> list[Decision]:
    if not any(effect.role == "primary" for effect in result.effects):
        return []
    compared = dict.fromkeys(e.variant for e in result.effects if e.control == result.control)
    return [decide(result, name, srm=srm, worthwhile=worthwhile) for name in compared]


def _answer(decisions: Sequence[Decision], language: Language) -> Markup | None:
    if not decisions:
        return None
    parts: list[Markup] = []
    for found in decisions:
        parts.append(element("p", found.headline(language), class_="answer"))
        reasons = (element("li", reason.text(language)) for reason in found.reasons)
        parts.append(element("ul", *reasons, class_="reasons"))
    return section("answer", SAY["answer"](language), *parts)


def _subtitle(result: ExperimentResult, language: Language) -> str:
    order = sorted(result.counts.items(), key=lambda item: item[0] != result.control)
    arms = [
        SAY["control" if name == result.control else "arm"](language, name=name, n=f"{n:,}")
        for name, n in order
    ]
    levels = {f"{100 * (1 - e.interval_alpha):.4g}%" for e in result.effects}
    level = levels.pop() if len(levels) == 1 else f"{100 * (1 - result.alpha):.4g}%"
    return SAY["subtitle"](language, arms=", ".join(arms), design=result.design, level=level)


def _figures(
    result: ExperimentResult, srm: SrmCheck | None, language: Language
) -> list[tuple[str, str, str | None]]:
    """Return the headline figures: units, the primary metrics, and the sizes of the arms."""
    note = SAY["tile.units.note"](language, n=str(len(result.counts)))
    found: list[tuple[str, str, str | None]] = [
        (SAY["tile.units"](language), f"{sum(result.counts.values()):,}", note)
    ]
    several = len(result.variants) > 1
    for e in [e for e in result.effects if e.role == "primary" and e.control == result.control][:4]:
        name = f"{e.metric}, {e.variant}" if several else e.metric
        if math.isnan(e.relative):
            value, ends = write_number(e.effect), [write_number(end) for end in e.interval]
        else:
            value = write_share(e.relative)
            ends = [write_share(end) for end in e.relative_interval]
        found.append((name, value, f"[{ends[0]}, {ends[1]}]"))
    if srm is not None:
        told = SAY["tile.srm.bad" if srm.is_alarm else "tile.srm.ok"](language)
        under = SAY["tile.srm.note"](language, p=f"{srm.p_value:.2g}", alarm=f"{srm.alarm:g}")
        found.append((SAY["tile.srm"](language), told, under))
    return found


def _contents(keys: Sequence[str], language: Language) -> Markup:
    links = (element("li", element("a", SAY[key](language), href=f"#{key}")) for key in keys)
    return element("nav", element("ul", *links), aria_label=SAY["contents"](language))


def _notes(result: ExperimentResult, language: Language) -> Markup | None:
    told = list(result.notes)
    for key, counts in (("missing", result.dropped), ("filled", result.filled)):
        n = sum(counts.values())
        if n:
            told.append(SAY[key](language, n=f"{n:,}"))
    several = len({(e.control, e.variant) for e in result.effects}) > 1
    for e in result.effects:
        where = f"{e.metric}, {e.variant}" if several else e.metric
        told += [f"{where}: {note}" for note in e.notes]
    if not told:
        return None
    items = (element("li", note) for note in dict.fromkeys(told))
    return section("notes", SAY["notes"](language), element("ul", *items, class_="reasons"))


def _method(language: Language) -> Markup:
    terms = [
        part
        for term, meaning in GLOSSARY
        for part in (element("dt", term(language)), element("dd", meaning(language)))
    ]
    return section("method", SAY["method"](language), element("dl", *terms, class_="terms"))
