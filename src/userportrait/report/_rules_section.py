"""What sells together, on the shop's page: the strongest rules in words, a chart and a table."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from userportrait.report._html import Child, Markup, element, join, text_table
from userportrait.report._page import bar, paragraph, section
from userportrait.report._rule_choice import (
    STRENGTH,
    check_rules,
    choose_rules,
    item_names,
    shorten,
)
from userportrait.report._svg import figure, legend, nice_ticks, text, text_width

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from userportrait.patterns import Rules
    from userportrait.report._rule_choice import ChosenRules, RuleLine, Side
    from userportrait.report._words import Words

__all__ = ["rules_section"]

_MOST = 10
_FEWEST = 5
"""Rules with fewer orders are not shown: they could tell of one customer."""


def rules_section(rules: Rules, labels: object, words: Words) -> Markup:
    """Return what sells together.

    Parameters
    ----------
    rules : Rules
        Rules of a lift of 1 or less are left out, and those with fewer than five baskets.
    labels : mapping of item to name, Items or None
        What to call the items.
    words : Words
    """
    check_rules(rules, "report")
    counts, lifts = rules.measure("count"), rules.measure("lift")
    few = int((counts < _FEWEST).sum())
    shown = rules.take(np.flatnonzero((counts >= _FEWEST) & (lifts > 1)))
    heading = words("section.rules")
    hidden = _hidden(few, words)
    if not len(shown):
        none = paragraph(words("rules.none", n=str(_FEWEST)))
        return section("rules", heading, none, hidden)
    # Twice as many as there is room for: each may stand beside its reverse.
    chosen = choose_rules(shown, by=STRENGTH, most=2 * _MOST, owner="report")
    lines = chosen.without_mirrored()[:_MOST]
    names = item_names(
        [item for line in lines for item in line.items], labels, owner="report",
        parameter="item_labels",
    )  # fmt: skip
    return section(
        "rules",
        heading,
        paragraph(words("rules.intro")),
        paragraph(_best(lines[0], names, words)),
        legend([("f3", words("rules.all_orders")), ("f1", words("rules.with_left"))]),
        _chart(lines, names, words),
        _table(lines, names, words),
        paragraph(_notes(rules, chosen, lines, words), "quiet"),
        hidden,
    )


def _hidden(few: int, words: Words) -> Markup | None:
    if not few:
        return None
    hidden = words.fmt.counted(few, "rule")
    return paragraph(words("rules.hidden", rules=hidden, n=str(_FEWEST)), "quiet")


def _side(side: Side, names: Mapping[Any, str], words: Words, width: float = 80) -> str:
    return words.listing([shorten(names[item], max(width / len(side), 12)) for item in side])


def _best(line: RuleLine, names: Mapping[Any, str], words: Words) -> str:
    return words(
        "rules.best",
        left=_side(line.antecedent, names, words),
        right=_side(line.consequent, names, words),
        confidence=words.fmt.share(line.confidence),
        usual=words.fmt.share(line.usual),
        lift=words("rules.times", n=words.fmt.number(line.lift)),
    )


def _table(lines: Sequence[RuleLine], names: Mapping[Any, str], words: Words) -> Markup:
    top = max(line.confidence for line in lines)
    columns = ("left", "right", "orders", "confidence", "usual", "lift")
    rows: list[list[Child]] = [
        [
            _side(line.antecedent, names, words),
            _side(line.consequent, names, words),
            join(
                [words.fmt.count(line.count), " ", element("small", words.fmt.share(line.support))]
            ),
            join([words.fmt.share(line.confidence), bar(line.confidence / top)]),
            words.fmt.share(line.usual),
            words("rules.times", n=words.fmt.number(line.lift)),
        ]
        for line in lines
    ]
    return text_table(
        [words(f"rules.{column}") for column in columns],
        rows,
        caption=words("rules.caption"),
        numeric=(2, 3, 4, 5),
        class_="rules",
    )


def _notes(rules: Rules, chosen: ChosenRules, lines: Sequence[RuleLine], words: Words) -> str:
    said = [words("rules.order")]
    if len(lines) < len(rules):
        shown, n_all = words.fmt.count(len(lines)), words.fmt.counted(len(rules), "rule")
        said += [words("rules.rest", shown=shown, all=n_all), words("rules.mirrored")]
    tested = rules.columns.get("adjusted_p_value")
    if tested is None:
        said.append(words("rules.untested"))
    elif float(tested.max()) <= 0.2:
        said.append(words("rules.tested", p=f"{float(f'{float(tested.max()):.2g}'):g}"))
    if chosen.stopped is not None:
        said.append(words("rules.stopped"))
    return ("" if words.fmt.language == "zh" else " ").join(said)


def _chart(lines: Sequence[RuleLine], names: Mapping[Any, str], words: Words) -> Markup:
    """Draw for each rule the usual share and the share with the left side, as two points."""
    ticks = nice_ticks(min(max(line.confidence for line in lines), 0.99), 4)
    left, right, top, slot, bottom = 8.0, 50.0, 2, 47, 28

    def draw(width: int) -> tuple[Markup, int]:
        base = top + slot * len(lines)

        def place(share: float) -> float:
            return left + (width - left - right) * share / ticks[-1]

        parts = [_share_axis(ticks, place, top, base, words)]
        for row, line in enumerate(lines):
            said = _fitted(line, names, words, 0.92 * (width - left))
            parts.append(_pair(line, top + slot * row, place, said, names, words))
        return join(parts), base + bottom

    return figure(draw, label=words("rules.alt"))


def _share_axis(
    ticks: Sequence[float], place: Callable[[float], float], top: float, base: float, words: Words
) -> Markup:
    parts: list[Markup] = []
    for tick in ticks:
        x = place(tick)
        css, anchor = ("axis", "start") if tick == 0 else ("grid", "middle")
        parts.append(element("line", x1=x, x2=x, y1=top, y2=base, class_=css))
        parts.append(text(words.fmt.share(tick), x, base + 18, css="t m", anchor=anchor))
    return join(parts)


def _pair(
    line: RuleLine,
    top: float,
    place: Callable[[float], float],
    said: str,
    names: Mapping[Any, str],
    words: Words,
) -> Markup:
    usual, share, y = place(line.usual), place(line.confidence), top + 31.0
    both = " → ".join(_side(side, names, words) for side in (line.antecedent, line.consequent))
    shares = " → ".join(words.fmt.share(value) for value in (line.usual, line.confidence))
    return element(
        "g",
        element("title", f"{both}: {shares}"),
        text(said, place(0.0) + 6, top + 17, css="t"),
        element("rect", x=usual, y=y - 1.5, width=max(share - usual, 0.5), height=3.0, class_="f3"),
        element("circle", cx=usual, cy=y, r=5.0, class_="f3"),
        element("circle", cx=share, cy=y, r=6.0, class_="f1"),
        text(words.fmt.share(line.confidence), share + 10, y + 4.5, css="t"),
    )


def _fitted(line: RuleLine, names: Mapping[Any, str], words: Words, room: float) -> str:
    """Return the rule in words that fit."""
    said = ""
    for width in range(80, 4, -2):
        said = " → ".join(
            words.listing([shorten(names[item], max(width / len(side), 5)) for item in side])
            for side in (line.antecedent, line.consequent)
        )
        if text_width(said, 13) <= room:
            return said
    return shorten(said, room / 13 / 0.64)
