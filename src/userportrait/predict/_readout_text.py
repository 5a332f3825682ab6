"""A read-out for a terminal and a notebook."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from userportrait._core.display import page_fragment, table

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import TypeAlias

    import pandas as pd

    from userportrait.predict._readout import PropensityReadout

    Row: TypeAlias = tuple[str, ...]
    Table: TypeAlias = tuple[str, Row, list[Row]]

__all__ = ["readout_html", "readout_text"]

_MOST = 40


def readout_text(found: PropensityReadout) -> str:
    """Return the read-out for a terminal."""
    blocks = ["\n".join(_head(found))]
    if found.warnings:
        blocks.append("\n".join(f"warning: {one}" for one in found.warnings))
    blocks += [_aligned(title, columns, rows) for title, columns, rows in _tables_of(found)]
    return "\n\n".join(blocks)


def readout_html(found: PropensityReadout) -> str:
    """Return the read-out for a notebook."""
    parts = [_lines(_head(found)), _lines([f"Warning: {one}" for one in found.warnings])]
    parts += [
        table(columns, rows, numeric=columns[1:], caption=title)
        for title, columns, rows in _tables_of(found)
    ]
    return page_fragment(f"{found.name}: {_told(found.outcome)}", *parts)


def _lines(lines: Sequence[str]) -> str:
    from html import escape

    return "".join(f"<p>{escape(line)}</p>" for line in lines)


def _told(outcome: Any) -> str:
    return f"chance of {outcome!r}"


def _head(found: PropensityReadout) -> list[str]:
    train, test = found.training, found.evaluation
    how = "at random" if found.first_moment is None else f"from {_moment(found.first_moment)} on"
    share = test.n_rows / (test.n_rows + train.n_rows)
    left = f"; {found.n_left_out:,} left out" if found.n_left_out else ""
    low, high = test.auc_interval
    best = test.lift.iloc[0]
    first = f"{found.name}, {_told(found.outcome)}: learnt from {train.n_rows:,} rows, judged by "
    first += f"{test.n_rows:,} held out {how} ({share:.0%}){left}"
    area = f"area under the curve {test.auc:.3f} [{low:.3f}, {high:.3f}], on the training rows "
    area += f"{train.auc:.3f}; KS {test.ks:.3f}"
    usual = test.n_positive / test.n_rows
    top = f"best {best.n_rows:,.0f} rows: {best.rate:.1%} against {usual:.1%} of all, "
    top += f"lift {best.lift:.2f}, {best.gain:.1%} of all outcomes"
    lines = [first, area, top, str(test.confusion)]
    if test.brier is not None and test.calibration_error is not None:
        lines.append(
            f"Brier score {test.brier:.4f}, calibration error {test.calibration_error:.4f}"
        )
    if len(found.repeats) > 1:
        areas = found.repeats["auc"]
        lines.append(f"area in {len(areas)} splits: {areas.min():.3f} to {areas.max():.3f}")
    if found.fit_statistics is not None:
        lines.append(_fit_line(found, found.fit_statistics))
    return lines


def _moment(moment: Any) -> str:
    return str(moment).removesuffix(" 00:00:00")


def _fit_line(found: PropensityReadout, fit: pd.Series[Any]) -> str:
    told = f"Nagelkerke's R² {fit['nagelkerke']:.3f}, McFadden's {fit['mcfadden']:.3f}"
    if not math.isnan(fit["lr_chi2"]):
        told += f"; likelihood ratio {fit['lr_chi2']:.1f} of {fit['df']:.0f} df, "
        told += f"p {_p(float(fit['p_value']))}"
    test = found.hosmer_lemeshow
    if test is not None:
        told += f"; Hosmer-Lemeshow {test.statistic:.1f} of {test.df} df, p {_p(test.p_value)}"
    return told


def _tables_of(found: PropensityReadout) -> list[Table]:
    """Return title, columns and cells of each table shown."""
    shown: list[Table] = []
    rows: list[Row]
    if found.stepwise_path is not None and len(found.stepwise_path):
        rows = [
            (f"{s.step} {s.action} {s.term}".strip(), f"{s.df}", _number(s.statistic),
             _p(s.p_value), f"{s.aic:,.1f}", f"{s.bic:,.1f}")
            for s in found.stepwise_path.itertuples()
        ]  # fmt: skip
        shown.append(("Steps", ("step", "df", "chi2", "p", "AIC", "BIC"), rows))
    if found.factor_tests is not None:
        shown.append(_factors(found.factor_tests))
    if found.summary is not None:
        shown.append(_coefficients(found.summary))
    if found.importance is not None:
        rows = [
            (str(r.feature), f"{r.importance:.4f}", f"{r.std_error:.4f}")
            for r in found.importance.head(_MOST).itertuples()
        ]
        columns = ("feature", "loss of area", "error")
        shown.append(("Loss of area when a column is shuffled", columns, rows))
    rows = [
        (f"{b.bin}", f"{b.n_rows:,}", f"{b.rate:.1%}", f"{b.lift:.2f}", f"{b.gain:.1%}")
        for b in found.lift.itertuples()
    ]
    shown.append(
        ("Held-out rows, best scores first", ("bin", "rows", "rate", "lift", "gain"), rows)
    )
    return shown


def _factors(tests: pd.DataFrame) -> Table:
    names = {"wald_chi2": "Wald chi2", "p_value": "p", "lr_chi2": "LR chi2", "lr_p_value": "LR p",
             "holdout_p_value": "hold-out p"}  # fmt: skip
    kept = [name for name in names if name in tests.columns]
    rows = [
        (
            str(term),
            str(df),
            *(
                _p(v) if k.endswith("p_value") else _number(v)
                for k, v in zip(kept, row, strict=True)
            ),
        )
        for (term, df), row in zip(
            tests[["term", "df"]].itertuples(index=False),
            tests[kept].itertuples(index=False),
            strict=True,
        )
    ]
    return "Columns as a whole", ("term", "df", *(names[name] for name in kept)), rows


def _coefficients(summary: pd.DataFrame) -> Table:
    rows: list[Row] = [
        (
            str(r.term) if r.level is None else f"{r.term} = {r.level!s}",
            _number(r.coef), _number(r.std_error), _number(r.wald_chi2), _p(r.p_value),
            *(("", "") if r.term == "intercept" else _odds(r.odds_ratio, r.ci_low, r.ci_high)),
        )
        for r in summary.head(_MOST).itertuples()
    ]  # fmt: skip
    more = len(summary) - len(rows)
    title = "Coefficients" + (f" (the first {_MOST} of {len(summary)})" if more > 0 else "")
    columns = ("term", "coef", "error", "Wald chi2", "p", "odds ratio", "interval")
    return title, columns, rows


def _odds(ratio: Any, low: Any, high: Any) -> tuple[str, str]:
    """Return an odds ratio and its interval, near 1 with the digits that tell it from 1."""
    told = [f"{v:.6g}" if 0.99 < v < 1.01 else _number(v) for v in (ratio, low, high)]
    return told[0], f"[{told[1]}, {told[2]}]"


def _number(value: Any) -> str:
    return "–" if math.isnan(value) else f"{value:,.1f}" if abs(value) >= 1000 else f"{value:.4g}"


def _p(value: Any) -> str:
    return "–" if math.isnan(value) else "<0.0001" if value < 1e-4 else f"{value:.4f}"


def _aligned(title: str, columns: Row, rows: list[Row]) -> str:
    cells = [columns, *rows]
    widths = [max(len(row[at]) for row in cells) for at in range(len(columns))]
    sides = [str.ljust, *(str.rjust for _ in columns[1:])]
    lines = [
        "  ".join(side(cell, width) for side, cell, width in zip(sides, row, widths, strict=True))
        for row in cells
    ]
    return "\n".join([title, *(f"  {line.rstrip()}" for line in lines)])
