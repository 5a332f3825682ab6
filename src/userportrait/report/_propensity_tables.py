"""The tables of a regression on a propensity model's page."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from userportrait.experiment._words import write_number
from userportrait.report._html import Child, Markup, element, text_table
from userportrait.report._page import paragraph
from userportrait.report._propensity_told import strongest, write_odds, write_p

if TYPE_CHECKING:
    from userportrait.report._propensity_told import Told

__all__ = ["coefficients", "factors", "fit", "steps"]


def factors(told: Told) -> list[Child] | None:
    """Return the tests of columns as a whole, with their inflation of variance."""
    found = told.readout
    if found.factor_tests is None or not len(found.factor_tests):
        return None
    tests = found.factor_tests.set_index("term")
    names = {"wald": "wald_chi2", "p": "p_value", "lr": "lr_chi2", "lr_p": "lr_p_value",
             "holdout_p": "holdout_p_value"}  # fmt: skip
    kept = {key: name for key, name in names.items() if name in tests.columns}
    inflation = None
    if found.variance_inflation is not None:
        inflation = found.variance_inflation.set_index("term")["gvif_scaled"] ** 2
    rows: list[list[Child]] = []
    for term in strongest(found):
        cells: list[Child] = [term, str(int(tests["df"][term]))]
        for key, name in kept.items():
            value = float(tests[name][term])
            cells.append(write_p(value) if key.endswith("p") else write_number(value))
        if inflation is not None:
            value = float(inflation[term])
            cells.append("–" if math.isnan(value) else f"{value:.1f}")
        rows.append(cells)
    keys = ["column", "df", *kept, *(["vif"] if inflation is not None else [])]
    table = text_table(
        told.heads(*keys), rows, caption=told.say("table.factors"), numeric=range(1, len(keys)),
        class_="effects",
    )  # fmt: skip
    search = told.say("factors.search") if "holdout_p" in kept else None
    return [
        paragraph(search, "quiet") if search else None,
        table,
        paragraph(told.say("factors.vif"), "quiet") if inflation is not None else None,
    ]


def coefficients(told: Told) -> list[Child] | None:
    """Return the table of coefficients, reference levels in their places."""
    found = told.readout
    if found.summary is None or found.effects is None:
        return None
    by_name = {
        (row["term"], row["level"]): row for row in found.summary.to_dict("records")
    }  # levels are None for numbers in both tables
    rows = [_coefficient(told, by_name[("intercept", None)], None, None)]
    last = None
    for effect in found.effects.to_dict("records"):
        term, level = effect["term"], effect["level"]
        if level is not None and term != last:
            rows.append([element("strong", term), *[""] * 8])
        last = term
        rows.append(_coefficient(told, by_name.get((term, level)), effect, level))
    heads = told.heads("column", "rows", "rate", "coef", "error", "wald", "p", "odds", "interval")
    table = text_table(
        heads, rows, caption=told.say("table.coefficients"), numeric=range(1, 9), class_="effects"
    )
    return [table, *_left_out(told)]


def _left_out(told: Told) -> list[Markup]:
    """Name levels and columns that add nothing."""
    model = told.readout.told_model
    aliased = [
        term if level is None else f"{term} = {level}"
        for term, level in model.aliased_
        if level is None or term in model.terms_
    ]
    found = (("aliased", aliased), ("dropped", list(model.dropped_)))
    return [
        paragraph(told.say(f"coefficients.{key}", names=told.joined(names)), "quiet")
        for key, names in found
        if names
    ]


def _coefficient(
    told: Told, row: dict[Any, Any] | None, effect: dict[Any, Any] | None, level: Any
) -> list[Child]:
    fmt = told.fmt
    counts = ["", ""]
    if effect is not None and level is not None:
        counts = [fmt.count(float(effect["n_rows"])), fmt.share(float(effect["rate"]))]
    if row is None:
        name = _set_in(str(level), " ", element("small", told.say("reference")))
        return [name, *counts, "", "", "", "", "1", ""]
    numbers = [write_number(float(row[key])) for key in ("coef", "std_error", "wald_chi2")]
    odds = ["", ""]
    if row["term"] != "intercept":
        value, low, high = (float(row[key]) for key in ("odds_ratio", "ci_low", "ci_high"))
        shown, *ends = write_odds(value, low, high)
        odds = [shown, "–" if math.isnan(low) else f"{ends[0]} – {ends[1]}"]
    label = str(row["term"]) if level is None else _set_in(str(level))
    return [label, *counts, *numbers, write_p(float(row["p_value"])), *odds]


def _set_in(*inner: Child) -> Markup:
    return element("span", *inner, style="display:inline-block;padding-left:.9rem")


def steps(told: Told) -> list[Child] | None:
    """Return the path of the search, and what was left out."""
    found = told.readout
    path = found.stepwise_path
    if path is None or not len(path):
        return None
    rows: list[list[Child]] = []
    for step, action, term, df, chi2, p, aic, bic in path[
        ["step", "action", "term", "df", "statistic", "p_value", "aic", "bic"]
    ].itertuples(index=False):
        name = told.say(f"steps.{action}", **({} if action == "start" else {"term": term}))
        rows.append([f"{step}. {name}", str(df) if df else "–", write_number(chi2), write_p(p),
                     f"{aic:,.0f}", f"{bic:,.0f}"])  # fmt: skip
    model = found.told_model
    every = [str(name) for name in getattr(model, "feature_names_in_", [])]
    if not every:
        every = [f"x{at}" for at in range(int(model.n_features_in_))]
    left = [name for name in every if name not in model.terms_]
    key = "steps.told" if left else "steps.all"
    said = told.say(
        key, all=str(len(every)),
        **({"chosen": str(len(model.terms_)), "names": told.joined(left)} if left else {}),
    )  # fmt: skip
    heads = [*told.heads("step", "df", "chi2", "p"), "AIC", "BIC"]
    caption = told.say("table.steps")
    return [
        paragraph(said),
        text_table(heads, rows, caption=caption, numeric=range(1, 6), class_="effects"),
    ]


def fit(told: Told) -> list[Child] | None:
    """Return how well the model fits, on both sides of the split."""
    found = told.readout
    sides = (found.training, found.evaluation)
    measures = {"auc": "auc", "ks": "ks", "ap": "average_precision", "brier": "brier",
                "log_loss": "log_loss", "error": "calibration_error"}  # fmt: skip
    rows: list[list[Child]] = []
    for key, name in measures.items():
        values = [getattr(side, name) for side in sides]
        if values[1] is not None:
            cells = ("–" if value is None else f"{value:.4f}" for value in values)
            rows.append([told.say(f"fit.{key}"), *cells])
    said: list[Child] = []
    facts = found.fit_statistics
    if facts is not None:
        measured = ("nagelkerke", "mcfadden", "cox_snell", "tjur")
        rows.extend([told.say(f"fit.{key}"), f"{float(facts[key]):.4f}", ""] for key in measured)
        if not math.isnan(float(facts["lr_chi2"])):
            ratio = told.say(
                "fit.lr", chi2=write_number(float(facts["lr_chi2"])),
                df=f"{float(facts['df']):.0f}", p=write_p(float(facts["p_value"])),
            )  # fmt: skip
            said.append(paragraph(ratio))
    said += _hosmer(told)
    if found.final_model is not None:
        said.append(paragraph(told.say("fit.refit"), "quiet"))
    heads = told.heads("measure", "training", "holdout")
    return [text_table(heads, rows, caption=told.say("table.fit"), numeric=(1, 2)), *said]


def _hosmer(told: Told) -> list[Child]:
    found = told.readout
    said: list[Child] = []
    for key, test in (
        ("training", found.hosmer_lemeshow),
        ("holdout", found.holdout_hosmer_lemeshow),
    ):
        if test is not None and found.summary is not None:
            said.append(
                paragraph(
                    told.say("fit.hl", rows=told.say(f"fit.rows_{key}"),
                             chi2=write_number(test.statistic), df=str(test.df),
                             p=write_p(test.p_value))
                )
            )  # fmt: skip
    if said and found.training.n_rows > 5000:
        said.append(paragraph(told.say("fit.hl_large"), "quiet"))
    return said
