"""The page of customer segments: how many and why, who they are, how to tell them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from userportrait._core.params import InstanceOf, OneOf, Optional, check_values
from userportrait.report._format import Formatter, Language
from userportrait.report._html import Markup, element
from userportrait.report._page import check_target, document, tiles, write_page
from userportrait.report._segment_answer import answer_section, number_section, summary_section
from userportrait.report._segment_drift import drift_section
from userportrait.report._segment_facts import read_facts
from userportrait.report._segment_parts import (
    cards_section,
    features_section,
    method_section,
    notes_section,
)
from userportrait.report._segment_words import SAY
from userportrait.report._words import Words
from userportrait.segment import CustomerSegments, SegmentDrift

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from userportrait.report._segment_facts import Facts

__all__ = ["segment_page", "segment_section"]

_OWNER = "segment_page"


def segment_page(
    segments: CustomerSegments,
    X: Any,
    path: str | Path | None = None,
    *,
    title: str | None = None,
    language: Language = "en",
    drift: SegmentDrift | None = None,
) -> str | Path:
    """Make a page of customer segments: self-contained HTML, no network, no script.

    It shows how many segments there are and why, a card for each with what sets it apart and
    the rule that tells it best, a table of all features and, if given, whether the segments
    still hold at a later date. It follows the reader's light or
    dark setting, fits phones and prints.

    Parameters
    ----------
    segments : CustomerSegments
        Fitted.
    X : array-like of shape (n_rows, n_features), or frame
        Customers to learn the rules from, such as those of `fit`.
    path : str or Path, optional
        The file to write; an existing one is replaced in one step.
    title : str, optional
        The page's heading.
    language : {'en', 'zh'}, default='en'
        Features have the words of ``feature_labels`` or their own names, levels their own.
    drift : SegmentDrift, optional
        From `userportrait.segment.segment_drift`: whether the segments still hold.

    Returns
    -------
    str or Path
        The page, or the file where it was written. Equal segments give equal bytes.

    Raises
    ------
    InvalidParameterError
        If an argument is of another type, or `path` is a folder or in one that is not there.
    NotFittedError
        If `segments` are not fitted.
    InvalidDataError
        If `X` lacks features of the segments.

    See Also
    --------
    userportrait.segment.CustomerSegments.profile : The same figures as a frame.
    userportrait.segment.CustomerSegments.rules : The rules as a frame.

    Notes
    -----
    Figures of segments, and of levels of categories, with fewer than five customers are not
    shown. Effects are shaded from 0.2, 0.5 and 0.8 on. [1]_ What mean silhouettes say is told
    as by Kaufman and Rousseeuw. [2]_

    References
    ----------
    .. [1] Cohen (1988), "Statistical power analysis for the behavioral sciences".
    .. [2] Kaufman and Rousseeuw (1990), "Finding groups in data", table 2.4.

    Examples
    --------
    >>> import pandas as pd
    >>> from userportrait.report import segment_page
    >>> from userportrait.segment import CustomerSegments, SegmentDrift
    >>> customers = pd.DataFrame({"orders": [1.0] * 6 + [9.0] * 5})
    >>> page = segment_page(CustomerSegments(2).fit(customers), customers)
    >>> page[:15], "11 customers fall into 2 segments." in page
    ('<!DOCTYPE html>', True)
    """
    check_values(
        _OWNER,
        {"segments": segments, "title": title, "language": language, "drift": drift},
        {
            "segments": InstanceOf((CustomerSegments,), "fitted CustomerSegments"),
            "title": Optional(InstanceOf((str,), "a text or None")),
            "language": OneOf(("en", "zh")),
            "drift": Optional(InstanceOf((SegmentDrift,), "from segment_drift, or None")),
        },
    )
    target = None if path is None else check_target(path, _OWNER)
    facts = read_facts(segments, X, language)
    choice, labels = segments.choice_, dict(segments.feature_labels or {})
    sections: list[tuple[str, Markup | None]] = [
        ("number", None if choice is None else number_section(choice, language)),
        ("cards", cards_section(facts, language) if len(facts.everyone) > 1 else None),
        ("table", features_section(facts, language)),
        ("drift", None if drift is None else drift_section(drift, facts, labels, language)),
        ("notes", notes_section(facts, language)),
        ("method", method_section(language)),
    ]
    kept = [(key, part) for key, part in sections if part is not None]
    text = document(
        title=title or SAY["title"](language),
        kind=SAY["kind"](language),
        subtitle=_subtitle(segments, facts, language),
        body=[
            answer_section(segments, facts, language),
            tiles(_figures(segments, facts, language)),
            _contents([key for key, _ in kept], language),
            *(part for _, part in kept),
        ],
        foot=SAY["made_by"](language),
        words=Words(Formatter(language)),
    )
    return text if target is None else write_page(target, text)


def segment_section(segments: CustomerSegments, X: Any, *, language: Language = "en") -> str:
    """Return segments in short as one section of a page: how many, why, who they are.

    Parameters
    ----------
    segments : CustomerSegments
        Fitted.
    X : array-like of shape (n_rows, n_features), or frame
        Customers to learn the rules from, such as those of `fit`.
    language : {'en', 'zh'}, default='en'

    Returns
    -------
    str
        A ``<section>`` with the ID ``customer-segments``, escaped, for pages with this
        library's style sheet: those that the functions of this room make.

    Raises
    ------
    InvalidParameterError
        If an argument is of another type.
    InvalidDataError
        If `X` lacks features of the segments.

    See Also
    --------
    segment_page : A page of its own.

    Examples
    --------
    >>> import pandas as pd
    >>> from userportrait.report import segment_section
    >>> from userportrait.segment import CustomerSegments
    >>> customers = pd.DataFrame({"orders": [1.0] * 6 + [9.0] * 5})
    >>> segment_section(CustomerSegments(2).fit(customers), customers)[:31]
    '<section id="customer-segments"'
    """
    check_values(
        "segment_section",
        {"segments": segments, "language": language},
        {
            "segments": InstanceOf((CustomerSegments,), "fitted CustomerSegments"),
            "language": OneOf(("en", "zh")),
        },
    )
    return summary_section(segments, X, language)


def _subtitle(segments: CustomerSegments, facts: Facts, language: Language) -> str:
    method = SAY[segments.method](language) if segments.method in SAY else segments.method
    n = facts.n_features
    return SAY["subtitle"](
        language, customers=Formatter(language).counted(facts.n_customers, "customer"),
        features=SAY["feature" if n == 1 else "features"](language, n=str(n)), method=method,
    )  # fmt: skip


def _figures(
    segments: CustomerSegments, facts: Facts, language: Language
) -> list[tuple[str, str, str | None]]:
    """Return the headline figures: sizes, how far apart segments are, and how well rules hold."""
    fmt = Formatter(language)
    sizes = [portrait.n_customers for portrait in facts.portraits]
    choice = segments.choice_
    found: list[tuple[str, str, str | None]] = []
    if choice is None or choice.n_clusters == 1:
        found.append((SAY["tile.customers"](language), fmt.count(facts.n_customers), None))
    if len(sizes) > 1:
        low, high = fmt.count(min(sizes)), fmt.count(max(sizes))
        note = SAY["tile.segments.note" if low != high else "tile.segments.each"](
            language, low=low, high=high
        )
        found.append((SAY["tile.segments"](language), str(len(sizes)), note))
    else:
        found.append((SAY["tile.features"](language), str(facts.n_features), None))
    if choice is not None and choice.n_clusters > 1:
        measures = choice.to_frame().set_index("n_clusters")
        value = float(measures["silhouette"].loc[choice.n_clusters])
        note = SAY["tile.silhouette.note"](language, cloud=f"{choice.cloud_silhouette:.2f}")
        found.append((SAY["tile.silhouette"](language), f"{value:.2f}", note))
    if facts.noise is not None:
        n, share = fmt.count(facts.noise.n_customers), fmt.share(facts.noise.share)
        found[0] = (SAY["tile.noise"](language), n, share)
    rules = [(p.rule, p.n_customers) for p in facts.portraits if p.rule is not None]
    if len(rules) > 1:
        hits = sum(rule.recall * n for rule, n in rules)
        recall = fmt.share(hits / sum(n for _, n in rules))
        right = sum(rule.precision * rule.n_customers for rule, _ in rules)
        precision = fmt.share(right / sum(rule.n_customers for rule, _ in rules))
        told = f"{precision} / {recall}"
        found.append((SAY["tile.rules"](language), told, SAY["tile.rules.note"](language)))
    return found


def _contents(keys: Sequence[str], language: Language) -> Markup:
    links = (element("li", element("a", SAY[key](language), href=f"#{key}")) for key in keys)
    return element("nav", element("ul", *links), aria_label=SAY["contents"](language))
