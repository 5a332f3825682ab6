"""A propensity model's page: whom to contact first, then what that rests on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from userportrait._core.params import InstanceOf, OneOf, Optional, check_values
from userportrait.predict import PropensityReadout
from userportrait.report._format import Formatter, Language
from userportrait.report._html import Child, Markup, element
from userportrait.report._page import check_target, document, section, tiles, write_page
from userportrait.report._propensity_parts import PARTS
from userportrait.report._propensity_told import Told, strongest, write_moment
from userportrait.report._propensity_words import GLOSSARY, SAY
from userportrait.report._words import Words

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

__all__ = ["propensity_page", "propensity_section"]

_WELL_CALIBRATED = 0.02
_CLEAR = 0.05
_FEW = 50


def propensity_page(
    readout: PropensityReadout,
    path: str | Path | None = None,
    *,
    title: str | None = None,
    outcome: str | None = None,
    language: Language = "en",
) -> str | Path:
    """Make a propensity model's page: self-contained HTML, no network, no script.

    It shows whom to contact first, what speaks for the outcome and against it, gain and lift by
    group, the curve and the calibration, right and wrong answers at the threshold, tests of
    columns, coefficients with their reference levels, the path of the search, the fit, and what
    the model cannot tell. All but the coefficients is told of rows that the model has not seen.
    It follows the reader's light or dark setting, fits phones and prints.

    Parameters
    ----------
    readout : PropensityReadout
        From `userportrait.predict.propensity_readout`.
    path : str or Path, optional
        The file to write; an existing one is replaced in one step.
    title : str, optional
        The page's heading.
    outcome : str, optional
        What the outcome is called, such as ``'buys within 90 days'``; by default its value.
    language : {'en', 'zh'}, default='en'
        Names of columns and levels, and warnings of the fit, stay as they are.

    Returns
    -------
    str or Path
        The page, or the file where it was written. Equal read-outs give equal bytes.

    Raises
    ------
    InvalidParameterError
        If an argument is of another type, or `path` is a folder or in one that is not there.

    See Also
    --------
    propensity_section : The same as a section of a page.

    Examples
    --------
    >>> import pandas as pd
    >>> from userportrait.predict import propensity_readout
    >>> from userportrait.report import propensity_page
    >>> X = pd.DataFrame({"plan": ["basic", "gold"] * 60, "visits": [1, 2, 3, 4, 5] * 24})
    >>> y = [0, 1, 0, 1, 0, 0, 1, 1, 0, 1, 1, 0] * 10
    >>> page = propensity_page(propensity_readout(X, y, n_bins=4), outcome="buys again")
    >>> page[:15]
    '<!DOCTYPE html>'
    """
    _check("propensity_page", readout, title, outcome, language)
    target = None if path is None else check_target(path, "propensity_page")
    told = _told(readout, outcome, language)
    parts = [("answer", _answer(told)), *_parts(told), ("method", _method(language))]
    sections = [section(key, _heading(told, key), *inner) for key, inner in parts]
    text = document(
        title=title or SAY["title"](language),
        kind=SAY["kind"](language),
        subtitle=_subtitle(told),
        body=[
            sections[0],
            tiles(_figures(told)),
            _contents(told, [key for key, _ in parts[1:]]),
            *sections[1:],
        ],
        foot=SAY["made_by"](language),
        words=Words(Formatter(language)),
    )
    return text if target is None else write_page(target, text)


def propensity_section(
    readout: PropensityReadout, *, outcome: str | None = None, language: Language = "en"
) -> str:
    """Return the whole read-out as one section of a page.

    Parameters
    ----------
    readout : PropensityReadout
        From `userportrait.predict.propensity_readout`.
    outcome : str, optional
        What the outcome is called; by default its value.
    language : {'en', 'zh'}, default='en'

    Returns
    -------
    str
        A ``<section>`` with the ID ``propensity``, escaped, for pages with this library's style
        sheet: those that the functions of this room make.

    Raises
    ------
    InvalidParameterError
        If an argument is of another type.

    See Also
    --------
    propensity_page : A page of its own.

    Examples
    --------
    >>> import pandas as pd
    >>> from userportrait.predict import propensity_readout
    >>> from userportrait.report import propensity_section
    >>> X = pd.DataFrame({"plan": ["basic", "gold"] * 60, "visits": [1, 2, 3, 4, 5] * 24})
    >>> y = [0, 1, 0, 1, 0, 0, 1, 1, 0, 1, 1, 0] * 10
    >>> propensity_section(propensity_readout(X, y, n_bins=4))[:24]
    '<section id="propensity"'
    """
    _check("propensity_section", readout, None, outcome, language)
    told = _told(readout, outcome, language)
    inner: list[Child] = [element("p", _subtitle(told), class_="quiet"), *_answer(told)]
    for key, parts in _parts(told):
        inner += [element("h3", _heading(told, key)), *parts]
    return section("propensity", SAY["section"](language), *inner)


def _check(owner: str, readout: object, title: object, outcome: object, language: object) -> None:
    text = Optional(InstanceOf((str,), "a text or None"))
    check_values(
        owner,
        {"readout": readout, "title": title, "outcome": outcome, "language": language},
        {
            "readout": InstanceOf((PropensityReadout,), "from propensity_readout"),
            "title": text,
            "outcome": text,
            "language": OneOf(("en", "zh")),
        },
    )


def _told(readout: PropensityReadout, outcome: str | None, language: Language) -> Told:
    name = str(readout.outcome) if outcome is None else outcome
    return Told(readout, language, name)


def _parts(told: Told) -> list[tuple[str, list[Child]]]:
    found = ((key, part(told)) for key, part in PARTS.items())
    return [(key, inner) for key, inner in found if inner is not None]


def _heading(told: Told, key: str) -> str:
    if key == "confusion":
        return told.say(key, threshold=f"{told.readout.confusion.threshold:g}")
    return told.say(key)


def _subtitle(told: Told) -> str:
    found = told.readout
    if found.first_moment is None:
        how = told.say("by_chance")
    else:
        how = told.say("by_time", moment=write_moment(found.first_moment, told.fmt))
    return told.say(
        "subtitle", name=found.name, outcome=told.outcome, how=how,
        train=told.fmt.count(found.training.n_rows), test=told.fmt.count(found.evaluation.n_rows),
    )  # fmt: skip


def _contents(told: Told, keys: Sequence[str]) -> Markup:
    links = (element("li", element("a", _heading(told, key), href=f"#{key}")) for key in keys)
    return element("nav", element("ul", *links), aria_label=told.say("contents"))


def _answer(told: Told) -> list[Child]:
    held = told.readout.evaluation
    if told.readout.has_leakage:
        first = told.say("answer.leak")
    elif held.auc_interval[0] <= 0.5:
        first = told.say("answer.none")
    else:
        best = held.lift.iloc[0]
        first = told.say(
            "answer.lift", top=told.top, gain=told.fmt.share(float(best["gain"])),
            lift=f"{float(best['lift']):.1f}",
        )  # fmt: skip
    reasons = [element("li", one) for one in _reasons(told)]
    return [element("p", first, class_="answer"), element("ul", *reasons, class_="reasons")]


def _reasons(told: Told) -> list[str]:
    found, fmt = told.readout, told.fmt
    held = found.evaluation
    low, high = held.auc_interval
    best = held.lift.iloc[0]
    said = [
        told.say(
            "answer.rate", share=fmt.share(held.n_positive / held.n_rows),
            n=fmt.count(held.n_positive), all=fmt.count(held.n_rows), top=told.top,
            rate=fmt.share(float(best["rate"])),
        ),
        told.say(
            "answer.auc", auc=_tenths(held.auc), low=_tenths(low), high=_tenths(high),
            training=_tenths(found.training.auc),
        ),
    ]  # fmt: skip
    # The training rows' own area lies above the whole interval of the hold-out. Forests always
    # look perfect there, so only regressions are told.
    if found.summary is not None and found.training.auc > high and found.optimism > 0.02:
        said.append(told.say("answer.overfit"))
    error, names = held.calibration_error, _leaned_on(found)
    if error is not None and _is_good(found):
        said.append(told.say(f"answer.{_calibration(found)}", error=f"{100 * error:.1f}"))
    if names:
        said.append(told.say("answer.drivers", names=told.joined(names)))
    if held.n_positive < _FEW:
        said.append(told.say("answer.few", n=str(held.n_positive)))
    if getattr(found.told_model, "separation_", ()):
        said.append(told.say("separated"))
    plain = (text.removeprefix("Propensity: ") for text in found.warnings)
    return said + [told.say("warned", text=text) for text in plain]


def _is_good(found: PropensityReadout) -> bool:
    return not found.has_leakage and found.evaluation.auc_interval[0] > 0.5


def _calibration(found: PropensityReadout) -> str:
    """Say whether chances are right, wrong by no more than luck explains, or wrong."""
    error, test = found.evaluation.calibration_error, found.holdout_hosmer_lemeshow
    if error is not None and error <= _WELL_CALIBRATED:
        return "calibrated"
    return "uncertain" if test is not None and test.p_value >= _CLEAR else "uncalibrated"


def _leaned_on(found: PropensityReadout) -> list[str]:
    if found.factor_tests is not None:
        return strongest(found)[:3]
    if found.importance is None:
        return []
    positive: Any = found.importance[found.importance["importance"] > 0]
    names: list[str] = positive["feature"].head(3).tolist()
    return names


def _tenths(share: float) -> str:
    return f"{100 * share:.1f}%"


def _figures(told: Told) -> list[tuple[str, str, str | None]]:
    found, fmt, say = told.readout, told.fmt, told.say
    held = found.evaluation
    low, high = held.auc_interval
    best = held.lift.iloc[0]
    usual = fmt.share(held.n_positive / held.n_rows)
    shown: list[tuple[str, str, str | None]] = [
        (say("tile.auc"), f"{held.auc:.3f}", f"[{low:.3f}, {high:.3f}]"),
        (
            say("tile.lift", top=told.top),
            f"{float(best['lift']):.2f}",
            say("tile.lift.note", rate=fmt.share(float(best["rate"])), usual=usual),
        ),
    ]
    shares = (held.lift["cumulative_rows"] / held.n_rows).to_numpy()
    at = min(int((shares < 0.295).sum()), len(shares) - 1)
    gain = fmt.share(float(held.lift["gain"].iloc[at]))
    shown.append((say("tile.gain", top=fmt.share(float(shares[at]))), gain, say("tile.gain.note")))
    if held.calibration_error is None:
        of_all = say("tile.rate.note", n=fmt.count(held.n_positive), all=fmt.count(held.n_rows))
        shown.append((say("tile.rate"), usual, of_all))
    else:
        error = f"{100 * held.calibration_error:.1f}"
        shown.append((say("tile.error"), error, say("tile.error.note")))
    shown.append((say("tile.ks"), f"{held.ks:.3f}", say("tile.ks.note")))
    rows = fmt.count(held.n_rows)
    note = say("tile.rows.note", n=fmt.count(found.training.n_rows))
    return [*shown, (say("tile.rows"), rows, note)]


def _method(language: Language) -> list[Child]:
    terms = [
        part
        for term, meaning in GLOSSARY
        for part in (element("dt", term(language)), element("dd", meaning(language)))
    ]
    return [element("dl", *terms, class_="terms")]
