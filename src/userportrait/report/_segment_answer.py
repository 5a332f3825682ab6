"""How many segments there are and why: the answer of their page, and a section of another."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from userportrait.report._format import Formatter
from userportrait.report._html import Child, Markup, element, join, text_table
from userportrait.report._page import bar, details, paragraph, section
from userportrait.report._segment_cells import breakable, heading, mean_text, rule_text
from userportrait.report._segment_charts import Panel, measures_chart
from userportrait.report._segment_facts import FEWEST, NOISE, read_facts
from userportrait.report._segment_words import MEASURES, SAY
from userportrait.segment._choose_k import STABLE

if TYPE_CHECKING:
    from userportrait.report._format import Language
    from userportrait.report._segment_facts import Facts, Portrait
    from userportrait.segment import ClusterChoice, CustomerSegments

__all__ = ["answer_section", "headline", "number_section", "summary_section"]

_CLEAR = ((0.7, "strong"), (0.5, "fair"), (0.25, "weak"))
"""What mean silhouettes say by Kaufman and Rousseeuw (1990), table 2.4."""


def summary_section(
    segments: CustomerSegments, X: Any, language: Language, *, key: str = "customer-segments"
) -> Markup:
    """Return segments in short, as a section of another page.

    Parameters
    ----------
    segments : CustomerSegments
        Fitted.
    X : array-like or frame
        Customers to learn the rules from, such as those of `fit`.
    language : {'en', 'zh'}
    key : str, default='customer-segments'
        Where links lead to.
    """
    facts = read_facts(segments, X, language)
    told = [headline(segments, facts, language), *_said(segments, facts, language)]
    joint = "" if language == "zh" else " "
    words = paragraph(joint.join(told))
    return section(key, SAY["section"](language), words, _overview(facts, language, rules=True))


def headline(segments: CustomerSegments, facts: Facts, language: Language) -> str:
    """Return how many segments there are, in a sentence."""
    fmt = Formatter(language)
    customers = fmt.counted(facts.n_customers, "customer")
    if len(facts.portraits) > 1 or facts.noise is not None:
        n = fmt.counted(len(facts.portraits), "segment")
        return SAY["headline"](language, customers=customers, segments=n)
    if segments.choice_ is not None or segments.method == "hdbscan":
        return SAY["headline.one"](language)
    return SAY["headline.asked"](language, customers=customers)


def answer_section(segments: CustomerSegments, facts: Facts, language: Language) -> Markup:
    """Return how many segments there are, why, and who they are at a glance."""
    reasons = (element("li", told) for told in _said(segments, facts, language))
    return section(
        "answer",
        SAY["answer"](language),
        element("p", headline(segments, facts, language), class_="answer"),
        element("ul", *reasons, class_="reasons"),
        _overview(facts, language, rules=False) if len(facts.everyone) > 1 else None,
    )


def _said(segments: CustomerSegments, facts: Facts, language: Language) -> list[str]:
    """Return the reasons for the number of segments."""
    fmt = Formatter(language)
    choice = segments.choice_
    found: list[str] = []
    if facts.noise is not None and facts.noise.n_customers:
        n = fmt.counted(facts.noise.n_customers, "customer")
        found.append(SAY["noise"](language, customers=n, share=fmt.share(facts.noise.share)))
    if choice is None:
        found.append(SAY["dense" if segments.method == "hdbscan" else "given"](language))
    else:
        found += _chosen(choice, language)
    return found


def _chosen(choice: ClusterChoice, language: Language) -> list[str]:
    measures = choice.to_frame()
    if not len(measures):
        return []
    n = choice.n_clusters
    cloud = _decimal(choice.cloud_silhouette)
    if n == 1:
        best = measures.iloc[int(measures["silhouette"].to_numpy().argmax())]
        value, cut = _decimal(float(best["silhouette"])), str(int(best["n_clusters"]))
        limit = _decimal(choice.cloud_limit)
        return [SAY["chosen.none"](language, n=cut, value=value, cloud=cloud, limit=limit)]
    low, high = int(measures["n_clusters"].min()), int(measures["n_clusters"].max())
    found = [SAY["chosen"](language, n=str(n), low=str(low), high=str(high))]
    row = measures[measures["n_clusters"] == n].iloc[0]
    silhouette = float(row["silhouette"])
    told = SAY["chosen.silhouette"](language, value=_decimal(silhouette), cloud=cloud)
    clear = next((word for limit, word in _CLEAR if silhouette > limit), "poor")
    joint = "" if language == "zh" else " "
    found.append(told + joint + SAY[f"clear.{clear}"](language))
    if "stability" in row.index:
        value = _decimal(float(row["stability"]))
        found.append(SAY["chosen.stability"](language, value=value))
    return found


def _overview(facts: Facts, language: Language, *, rules: bool) -> Markup:
    """Return a table of all segments, a line each."""
    fmt = Formatter(language)
    largest = max(portrait.share for portrait in facts.everyone)
    rows: list[list[Child]] = [
        [
            heading(portrait.segment, portrait.name, language),
            _size(portrait, largest, fmt),
            _apart(portrait, language),
            *([_rule_cell(portrait, language)] if rules else []),
        ]
        for portrait in facts.everyone
    ]
    keys = ["segment", "customers", "apart", *(["rule"] if rules else [])]
    return text_table(
        [SAY[f"col.{key}"](language) for key in keys], rows,
        caption=SAY["table.segments"](language), numeric=(1,),
        class_="kinds" if rules else "kinds brief",
    )  # fmt: skip


def _size(portrait: Portrait, largest: float, fmt: Formatter) -> Markup:
    css = "f3" if portrait.segment == NOISE else "f1"
    length = portrait.share / largest if largest else 0.0
    n, share = fmt.count(portrait.n_customers), element("small", fmt.share(portrait.share))
    return join([n, " ", share, bar(length, css)])


def _apart(portrait: Portrait, language: Language) -> Child:
    if portrait.is_hidden:
        return SAY["hidden"](language, n=str(FEWEST))
    lines = portrait.telling(3)
    if not lines:
        return SAY["apart.none"](language)
    said = [
        breakable(
            SAY["apart.of"](
                language, label=line.label, mean=mean_text(line.level, line.mean),
                everybody=mean_text(line.level, line.everybody),
            )
        )
        for line in lines
    ]  # fmt: skip
    return join(said, "、" if language == "zh" else ", ")


def _rule_cell(portrait: Portrait, language: Language) -> Child:
    if portrait.rule is None:
        return "–"
    fmt = Formatter(language)
    shares = "\u00a0/\u00a0".join(
        fmt.share(v) for v in (portrait.rule.precision, portrait.rule.recall)
    )
    return join([rule_text(portrait.rule.text), " ", element("small", shares)])


def number_section(choice: ClusterChoice, language: Language) -> Markup | None:
    """Return the measures of each number of segments; None if nothing was measured."""
    measures = choice.to_frame()
    if not len(measures):
        return None
    counts = tuple(int(k) for k in measures["n_clusters"])
    names = [name for name in MEASURES if name in measures.columns]
    panels: list[Panel] = []
    for name in names:
        values = tuple(float(value) for value in measures[name])
        if all(math.isnan(value) for value in values):
            continue
        said, way = MEASURES[name]
        mark: tuple[float, float, str] | None = None
        if name == "silhouette" and not math.isnan(choice.cloud_silhouette):
            reach = choice.cloud_limit - choice.cloud_silhouette
            mark = choice.cloud_silhouette - reach, choice.cloud_limit, SAY["one_cloud"](language)
        elif name == "stability":
            mark = STABLE, STABLE, SAY["stable"](language)
        panels.append(
            Panel(name=said(language), note=SAY[way](language), counts=counts, values=values,
                  mark=mark)
        )  # fmt: skip
    rows = [
        [str(count), *(f"{value:,.4g}" if value == value else "–" for value in values)]
        for count, values in zip(counts, measures[names].to_numpy().tolist(), strict=True)
    ]
    table = text_table(
        [SAY["col.n_clusters"](language), *(MEASURES[name][0](language) for name in names)], rows,
        caption=SAY["table.measures"](language), numeric=range(1, len(names) + 1),
    )  # fmt: skip
    return section(
        "number",
        SAY["number"](language),
        paragraph(choice.reason[:1].upper() + choice.reason[1:] + ".")
        if language == "en"
        else None,
        paragraph(SAY["number.intro"](language), "quiet"),
        measures_chart(panels, choice.n_clusters, label=SAY["number.alt"](language)),
        details(SAY["details"](language), table),
    )


def _decimal(value: float) -> str:
    return "–" if math.isnan(value) else f"{value:.2f}"
