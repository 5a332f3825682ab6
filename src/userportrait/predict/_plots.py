"""Pictures of a classifier: curve, gain and lift, precision and recall, calibration."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from userportrait._core.axes import (
    BLUE,
    GREY,
    MUTED,
    ORANGE,
    Canvas,
    check_plot,
    finish,
    number_ticks,
    open_axes,
    plain_axes,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from userportrait.predict._evaluate import ClassifierEvaluation

__all__ = [
    "plot_calibration",
    "plot_evaluation",
    "plot_gain",
    "plot_lift",
    "plot_precision_recall",
    "plot_roc",
]


def plot_roc(evaluation: ClassifierEvaluation, *, ax: Axes | None = None) -> Axes:
    """Draw the curve of right against false alarms.

    Parameters
    ----------
    evaluation : ClassifierEvaluation
    ax : matplotlib Axes, optional

    Returns
    -------
    matplotlib Axes

    Examples
    --------
    >>> from userportrait.predict import evaluate_scores, plot_roc
    >>> axes = plot_roc(evaluate_scores([0, 0, 1, 1], [0.1, 0.6, 0.4, 0.9], n_bins=2))
    >>> axes.get_xlabel()
    'others called positive'
    """
    check_plot("plot_roc", ax=ax, language="en")
    drawn = open_axes(ax, 5.2, 4.6)
    roc = evaluation.roc
    x, y = roc["false_positive_rate"].to_numpy(), roc["true_positive_rate"].to_numpy()
    drawn.plot([0, 1], [0, 1], color=GREY, linewidth=1, linestyle="--")
    drawn.plot(x, y, color=BLUE, linewidth=2)
    at = int(np.argmax(y - x))
    drawn.plot([x[at], x[at]], [x[at], y[at]], color=ORANGE, linewidth=1.5)
    drawn.annotate(
        f"KS {evaluation.ks:.2f}", (x[at], (x[at] + y[at]) / 2), xytext=(6, 0),
        textcoords="offset points", color=ORANGE, va="center",
    )  # fmt: skip
    low, high = evaluation.auc_interval
    _shares(drawn, "others called positive", "outcomes called positive")
    return finish(drawn, title=f"Area {evaluation.auc:.3f} [{low:.3f}, {high:.3f}]")


def plot_gain(evaluation: ClassifierEvaluation, *, ax: Axes | None = None) -> Axes:
    """Draw the share of outcomes that the best-scored customers hold.

    Parameters
    ----------
    evaluation : ClassifierEvaluation
    ax : matplotlib Axes, optional

    Returns
    -------
    matplotlib Axes

    Examples
    --------
    >>> from userportrait.predict import evaluate_scores, plot_gain
    >>> axes = plot_gain(evaluate_scores([0, 0, 1, 1], [0.1, 0.6, 0.4, 0.9], n_bins=2))
    >>> axes.get_ylabel()
    'share of all outcomes'
    """
    check_plot("plot_gain", ax=ax, language="en")
    drawn = open_axes(ax, 5.2, 4.6)
    lift = evaluation.lift
    x = np.r_[0.0, lift["cumulative_rows"].to_numpy() / evaluation.n_rows]
    y = np.r_[0.0, lift["gain"].to_numpy()]
    best = evaluation.n_positive / evaluation.n_rows
    drawn.plot([0, best, 1], [0, 1, 1], color=GREY, linewidth=1, linestyle=":")
    drawn.plot([0, 1], [0, 1], color=GREY, linewidth=1, linestyle="--")
    drawn.plot(x, y, color=BLUE, linewidth=2, marker="o", markersize=4)
    at = min(2, len(x) - 1)
    drawn.annotate(
        f"best {x[at]:.0%}: {y[at]:.0%} of all", (x[at], y[at]), xytext=(10, -12),
        textcoords="offset points", color=MUTED,
    )  # fmt: skip
    _shares(drawn, "customers, best scores first", "share of all outcomes")
    return finish(drawn, title="Gain")


def plot_lift(evaluation: ClassifierEvaluation, *, ax: Axes | None = None) -> Axes:
    """Draw the lift of each bin of scores.

    Parameters
    ----------
    evaluation : ClassifierEvaluation
    ax : matplotlib Axes, optional

    Returns
    -------
    matplotlib Axes

    Examples
    --------
    >>> from userportrait.predict import evaluate_scores, plot_lift
    >>> axes = plot_lift(evaluate_scores([0, 0, 1, 1], [0.1, 0.6, 0.4, 0.9], n_bins=2))
    >>> len(axes.patches)
    2
    """
    check_plot("plot_lift", ax=ax, language="en")
    drawn = open_axes(ax, 5.2, 4.6)
    lift = evaluation.lift
    bars = drawn.bar(lift["bin"], lift["lift"], color=BLUE, width=0.75)
    drawn.axhline(1.0, color=MUTED, linewidth=1, linestyle="--")
    if len(lift) <= 12:
        drawn.bar_label(bars, fmt="%.1f", color=MUTED, padding=2)
        drawn.set_xticks(lift["bin"])
    drawn.set_xlabel("bin of scores, best first")
    drawn.set_ylabel("times the mean rate")
    plain_axes(drawn, grid="y")
    return finish(drawn, title="Lift")


def plot_precision_recall(evaluation: ClassifierEvaluation, *, ax: Axes | None = None) -> Axes:
    """Draw precision against recall.

    Parameters
    ----------
    evaluation : ClassifierEvaluation
    ax : matplotlib Axes, optional

    Returns
    -------
    matplotlib Axes

    Examples
    --------
    >>> from userportrait.predict import evaluate_scores, plot_precision_recall
    >>> axes = plot_precision_recall(evaluate_scores([0, 0, 1, 1], [0.1, 0.6, 0.4, 0.9], n_bins=2))
    >>> axes.get_xlabel()
    'outcomes called positive (recall)'
    """
    check_plot("plot_precision_recall", ax=ax, language="en")
    drawn = open_axes(ax, 5.2, 4.6)
    roc = evaluation.roc.iloc[1:]
    drawn.plot(roc["true_positive_rate"], roc["precision"], color=BLUE, linewidth=2)
    base = evaluation.n_positive / evaluation.n_rows
    drawn.axhline(base, color=GREY, linewidth=1, linestyle="--")
    _shares(drawn, "outcomes called positive (recall)", "right among them (precision)")
    return finish(drawn, title=f"Average precision {evaluation.average_precision:.3f}")


def plot_calibration(evaluation: ClassifierEvaluation, *, ax: Axes | None = None) -> Axes:
    """Draw what came true against what was predicted, with intervals.

    Parameters
    ----------
    evaluation : ClassifierEvaluation
        Of probabilities.
    ax : matplotlib Axes, optional

    Returns
    -------
    matplotlib Axes
        With a word instead of points where the scores are no probabilities.

    Examples
    --------
    >>> from userportrait.predict import evaluate_scores, plot_calibration
    >>> axes = plot_calibration(evaluate_scores([0, 0, 1, 1], [0.1, 0.6, 0.4, 0.9], n_bins=2))
    >>> axes.get_xlabel()
    'predicted'
    """
    check_plot("plot_calibration", ax=ax, language="en")
    drawn = open_axes(ax, 5.2, 4.6)
    table = evaluation.calibration
    if table is None:
        plain_axes(drawn)
        drawn.set_axis_off()
        drawn.text(0.5, 0.5, "these scores are no probabilities", ha="center", color=MUTED)
        return finish(drawn, title="Calibration")
    top = min(1.0, 1.08 * float(max(table["ci_high"].max(), table["predicted"].max())))
    x, y = table["predicted"].to_numpy(), table["observed"].to_numpy()
    drawn.plot([0, top], [0, top], color=GREY, linewidth=1, linestyle="--")
    low = np.maximum(y - table["ci_low"].to_numpy(), 0.0)
    high = np.maximum(table["ci_high"].to_numpy() - y, 0.0)
    drawn.errorbar(
        x, y, yerr=np.vstack([low, high]), fmt="o", color=BLUE, markersize=5, linewidth=1.5
    )
    _shares(drawn, "predicted", "came true", top=top)
    return finish(drawn, title=f"Calibration error {evaluation.calibration_error:.3f}")


def plot_evaluation(evaluation: ClassifierEvaluation) -> Figure:
    """Draw four panels: curve, gain, lift and calibration.

    Parameters
    ----------
    evaluation : ClassifierEvaluation

    Returns
    -------
    matplotlib Figure

    Examples
    --------
    >>> from userportrait.predict import evaluate_scores, plot_evaluation
    >>> figure = plot_evaluation(evaluate_scores([0, 0, 1, 1], [0.1, 0.6, 0.4, 0.9], n_bins=2))
    >>> len(figure.axes)
    4
    """
    from matplotlib import pyplot as plt

    make: Any = plt.subplots
    figure, axes = make(2, 2, figsize=(10.4, 8.6), layout="constrained")
    for draw, ax in zip(
        (plot_roc, plot_gain, plot_lift, plot_calibration), axes.ravel(), strict=True
    ):
        draw(evaluation, ax=ax)
    drawn: Figure = figure
    return drawn


def _shares(ax: Canvas, x: str, y: str, *, top: float = 1.0) -> None:
    edge = 0.02 * top
    ax.set_xlim(-edge, top + edge)
    ax.set_ylim(-edge, top + edge)
    ax.set_xlabel(x)
    ax.set_ylabel(y)
    plain_axes(ax, grid="y")
    for axis in ("x", "y"):
        number_ticks(ax, axis, lambda share: f"{share:.0%}" if top > 0.1 else f"{share:.1%}")
