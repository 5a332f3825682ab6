"""The parts of a propensity model's page, and their order."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from userportrait.experiment._words import write_number
from userportrait.report._html import Child, Markup, element, join, text_table
from userportrait.report._page import bar, details, paragraph
from userportrait.report._propensity_charts import (
    OddsRow,
    bars_chart,
    calibration_panel,
    curve_panel,
    lift_panel,
    odds_chart,
    one_chart,
    pair_chart,
)
from userportrait.report._propensity_tables import coefficients, factors, fit, steps
from userportrait.report._propensity_told import Told, strongest, write_moment, write_odds
from userportrait.report._svg import legend

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import pandas as pd

    Part: TypeAlias = Callable[[Told], list[Child] | None]

__all__ = ["PARTS"]

_MOST_ROWS = 46
"""Lines of the picture of odds ratios; the table has all of them."""
_ENTANGLED = 10.0


def drivers(told: Told) -> list[Child] | None:
    """Return the picture of odds ratios."""
    found = told.readout
    if found.effects is None or found.factor_tests is None:
        return None
    if not len(found.effects):
        return [paragraph(told.say("drivers.none"))]
    terms = strongest(found)
    rows: list[OddsRow] = []
    shown = 0
    for term in terms:
        more = _odds_rows(told, term, found.effects[found.effects["term"] == term])
        if rows and len(rows) + len(more) > _MOST_ROWS:
            break
        rows += more
        shown += 1
    has_interval = any(not math.isnan(row.low) for row in rows)
    level = f"{100 * float(found.told_model.confidence_level):.4g}%"
    rest = len(terms) - shown
    return [
        paragraph(told.say("drivers.intro", level=level), "quiet"),
        paragraph(told.say("no_interval"), "quiet") if not has_interval else None,
        _odds_legend(rows, told),
        odds_chart(rows, label=told.say("drivers.alt"), axis=told.say("drivers.axis")),
        paragraph(told.say("drivers.rest", n=str(rest)), "quiet") if rest else None,
        _entangled(told),
    ]


def _entangled(told: Told) -> Markup | None:
    """Name the columns that other columns tell nearly the same."""
    inflation = told.readout.variance_inflation
    if inflation is None:
        return None
    names = inflation["term"][inflation["gvif_scaled"] ** 2 > _ENTANGLED].tolist()
    return paragraph(told.say("drivers.entangled", names=told.joined(names))) if names else None


def _odds_rows(told: Told, term: str, own: pd.DataFrame) -> list[OddsRow]:
    if own["level"].isna().all():
        (row,) = own.to_dict("records")
        step = told.say("more", step=write_number(float(row["step"])))
        return [_odds_row(told, term, row, note=step)]
    ranked = own.sort_values("odds_ratio", ascending=False, kind="stable")
    levels = [_odds_row(told, str(row["level"]), row) for row in ranked.to_dict("records")]
    return [OddsRow(label=term, told="", verdict="heading"), *levels]


def _odds_row(told: Told, label: str, row: dict[Any, Any], *, note: str | None = None) -> OddsRow:
    if row["is_reference"]:
        return OddsRow(label=label, told=told.say("reference"), verdict="reference")
    value, low, high = (float(row[name]) for name in ("odds_ratio", "ci_low", "ci_high"))
    verdict = "up" if low > 1 else "down" if high < 1 else "unclear"
    text, *ends = write_odds(value, low, high)
    if not math.isnan(low):
        text += f" [{ends[0]}, {ends[1]}]"
    return OddsRow(
        label=label, told=text, verdict=verdict, note=note, value=value, low=low, high=high
    )


def _odds_legend(rows: Sequence[OddsRow], told: Told) -> Markup:
    present = {row.verdict for row in rows}
    css = {"up": "f1 dot", "down": "f2 diamond", "unclear": "ring"}
    return legend([(css[key], told.say(key)) for key in css if key in present])


def importance(told: Told) -> list[Child] | None:
    """Return what a classifier without coefficients leans on."""
    table = told.readout.importance
    if table is None:
        return None
    first = table.head(20)
    names, values = first["feature"].tolist(), first["importance"].tolist()
    errors = table["std_error"].tolist()
    rows = [
        (name, f"{value:.4f}", f"{error:.4f}")
        for name, value, error in zip(
            table["feature"].tolist(), table["importance"].tolist(), errors, strict=True
        )
    ]
    chart = bars_chart(
        names,
        values,
        [f"{v if v >= 5e-4 else 0.0:.3f}" for v in values],
        label=told.say("importance.alt"),
    )
    caption = told.say("table.importance")
    numbers = text_table(told.heads("column", "loss", "error"), rows, caption=caption,
                         numeric=(1, 2))  # fmt: skip
    return [
        paragraph(told.say("importance.intro"), "quiet"),
        chart,
        details(told.say("details"), numbers),
    ]


def whom(told: Told) -> list[Child] | None:
    """Return gain and lift by group."""
    held = told.readout.evaluation
    lift = held.lift
    x = np.r_[0.0, lift["cumulative_rows"].to_numpy(np.float64) / held.n_rows]
    y = np.r_[0.0, lift["gain"].to_numpy(np.float64)]
    at = min(max(int(np.searchsorted(x, 0.295)), 1), len(x) - 1)
    note = told.say("gain.note", top=told.fmt.share(x[at]), gain=told.fmt.share(y[at]))
    gain = curve_panel(
        x, y, title=told.say("gain.title"), axis=told.say("gain.x"),
        best=held.n_positive / held.n_rows, dots=len(x) <= 21, note=(x[at], y[at], note),
    )  # fmt: skip
    bars = lift_panel(
        lift["lift"].to_numpy(np.float64), title=told.say("lift.title"), axis=told.say("lift.x")
    )  # fmt: skip
    return [
        paragraph(told.say("whom.intro", n=str(len(lift))), "quiet"),
        element(
            "ul",
            *(
                element("li", f"{mark} ", told.say(f"gain.{key}"))
                for mark, key in (("━", "model"), ("─", "best"), ("┄", "chance"))
            ),
            class_="legend",
        ),
        pair_chart(gain, bars, label=told.say("whom.alt")),
        _lift_table(told),
    ]


def _lift_table(told: Told) -> Markup:
    lift, fmt = told.readout.lift, told.fmt
    top = float(lift["rate"].max()) or 1.0
    columns = ["bin", "n_rows", "n_positive", "rate", "lift", "gain", "cumulative_lift",
               "score_low", "score_high"]  # fmt: skip
    is_chance = told.readout.evaluation.calibration is not None
    rows: list[list[Child]] = []
    for b, n, ones, rate, ratio, gain, far, low, high in lift[columns].itertuples(index=False):
        span = [fmt.share(v) if is_chance else write_number(v) for v in (low, high)]
        rows.append([
            str(b), fmt.count(n), fmt.number(ones), join([fmt.share(rate), bar(rate / top)]),
            f"{ratio:.2f}", fmt.share(gain), f"{far:.2f}", f"{span[0]} – {span[1]}",
        ])  # fmt: skip
    heads = told.heads("group", "rows", "did", "rate", "lift", "gain", "so_far",
                       "chance" if is_chance else "score")  # fmt: skip
    caption = told.say("table.lift")
    return text_table(heads, rows, caption=caption, numeric=range(1, 8), class_="effects")


def trust(told: Told) -> list[Child] | None:
    """Return the curve and the calibration."""
    found = told.readout
    held = found.evaluation
    roc = curve_panel(
        held.roc["false_positive_rate"].to_numpy(np.float64),
        held.roc["true_positive_rate"].to_numpy(np.float64),
        title=told.say("roc.title", auc=f"{held.auc:.3f}"), axis=told.say("roc.x"),
    )  # fmt: skip
    repeats = None
    if len(found.repeats) > 1:
        areas = found.repeats["auc"]
        repeats = paragraph(
            told.say("repeats", n=str(len(areas)), low=f"{areas.min():.3f}",
                     high=f"{areas.max():.3f}")
        )  # fmt: skip
    if held.calibration is None:
        chart = one_chart(roc, label=told.say("trust.alt"))
        return [paragraph(told.say("trust.intro_curve"), "quiet"), repeats, chart]
    calibration = calibration_panel(
        held.calibration, title=told.say("calibration.title"), axis=told.say("calibration.x")
    )
    share = told.fmt.share
    rows = [
        (share(p), told.fmt.count(n), share(o), f"{share(low)} – {share(high)}")
        for n, p, o, low, high in held.calibration[
            ["n_rows", "predicted", "observed", "ci_low", "ci_high"]
        ].itertuples(index=False)
    ]
    numbers = text_table(
        told.heads("predicted", "rows", "observed", "interval"), rows,
        caption=told.say("table.calibration"), numeric=range(4),
    )  # fmt: skip
    return [
        paragraph(told.say("trust.intro"), "quiet"),
        repeats,
        pair_chart(roc, calibration, label=told.say("trust.alt")),
        details(told.say("details"), numbers),
    ]


def confusion(told: Told) -> list[Child] | None:
    """Return right and wrong answers at the threshold."""
    c, held, fmt = told.readout.confusion, told.readout.evaluation, told.fmt
    threshold = f"{c.threshold:g}"
    values = {
        "threshold": threshold,
        "called": fmt.count(c.true_positive + c.false_positive),
        "all": fmt.count(c.n_rows),
        "precision": fmt.share(c.precision),
        "recall": fmt.share(c.recall),
    }
    is_chance = held.calibration is not None
    idle = 1.0 - held.n_positive / held.n_rows
    rare = None
    if is_chance and c.recall < 0.5 and idle > 0.7:
        told_rare = told.say("confusion.rare", threshold=threshold, idle=fmt.share(idle))
        rare = paragraph(told_rare)
    rows = [
        (told.say("did"), fmt.count(c.true_positive), fmt.count(c.false_negative)),
        (told.say("did_not"), fmt.count(c.false_positive), fmt.count(c.true_negative)),
    ]
    heads = [told.say("col.truth"), told.say("called"), told.say("not_called")]
    caption = told.say("confusion.caption", accuracy=f"{100 * c.accuracy:.1f}%")
    return [
        paragraph(told.say("confusion.told" if is_chance else "confusion.score", **values)),
        text_table(heads, rows, caption=caption, numeric=(1, 2)),
        rare,
    ]


def limits(told: Told) -> list[Child] | None:
    """Return what the model cannot tell."""
    found = told.readout
    keys = ["cause", "uplift"]
    said = [told.say(f"limits.{key}") for key in keys]
    if found.first_moment is None:
        said.append(told.say("limits.random"))
    else:
        said.append(told.say("limits.time", moment=write_moment(found.first_moment, told.fmt)))
    if found.stepwise_path is not None and len(found.stepwise_path):
        said.append(told.say("limits.search"))
    said.append(told.say("limits.others"))
    return [element("ul", *(element("li", one) for one in said), class_="reasons")]


PARTS: dict[str, Part] = {
    "drivers": drivers, "importance": importance, "whom": whom, "trust": trust,
    "confusion": confusion, "factors": factors, "coefficients": coefficients, "steps": steps,
    "fit": fit, "limits": limits,
}  # fmt: skip
"""In the order of the page; None where the read-out has nothing to say."""
