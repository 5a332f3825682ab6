"""Qini, AUUC and uplift at the top: against scikit-uplift, a slow oracle, and what must hold."""

from __future__ import annotations

import gzip
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from userportrait.errors import InvalidDataError, InvalidParameterError
from userportrait.experiment.uplift import auuc, qini, uplift_at_k, uplift_curve

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

I = np.arange(60)  # noqa: E741
TREATMENT = (I * 7 % 5 < 2).astype(int)
Y = ((I * 11 % 7) < 2 + TREATMENT).astype(int)
TIED = (I * 13 % 17) / 17
APART = (I * 37 % 61) / 61


def slow_area(y: Floats, treatment: Floats, score: Floats, kind: str) -> float:
    """The area over random order, point by point, by the words of the definition."""
    points = [(0.0, 0.0)]
    for level in sorted(set(score), reverse=True):
        top = score >= level
        treated, control = top & (treatment == 1), top & (treatment == 0)
        n1, n0 = treated.sum(), control.sum()
        y1, y0 = y[treated].sum(), y[control].sum()
        if kind == "qini":
            height = y1 - (y0 * n1 / n0 if n0 else 0.0)
        else:
            height = ((y1 / n1 if n1 else 0.0) - (y0 / n0 if n0 else 0.0)) * (n1 + n0)
        points.append((n1 + n0, height))
    area = sum((b[0] - a[0]) * (a[1] + b[1]) / 2 for a, b in pairwise(points))
    return float(area - points[-1][0] * points[-1][1] / 2)


def test_the_areas_are_those_of_scikit_uplift() -> None:
    # Printed by scikit-uplift 0.5.1: qini_auc_score and uplift_auc_score on these 60 rows.
    assert qini(Y, TREATMENT, TIED) == pytest.approx(0.0712450788841784, abs=1e-12)
    assert auuc(Y, TREATMENT, TIED) == pytest.approx(0.072387549655428, abs=1e-12)
    assert qini(Y, TREATMENT, APART) == pytest.approx(0.06419820667783076, abs=1e-12)
    assert auuc(Y, TREATMENT, APART) == pytest.approx(0.13572046053811831, abs=1e-12)


def test_the_uplift_at_the_top_is_that_of_scikit_uplift() -> None:
    # Printed by scikit-uplift 0.5.1: uplift_at_k on the 60 rows without ties.
    wanted = {
        "overall": [0.33333333333333337, 0.08333333333333331, 0.25, 0.1111111111111111],
        "by_group": [
            0.33333333333333337,
            0.12857142857142856,
            0.08333333333333337,
            0.06845238095238093,
        ],
    }
    for strategy, values in wanted.items():
        found = [
            uplift_at_k(Y, TREATMENT, APART, k=k, strategy=strategy) for k in (0.1, 0.3, 0.5, 0.9)
        ]
        assert found == pytest.approx(values, abs=1e-12)


def test_the_curves_are_those_of_scikit_uplift() -> None:
    # Printed by scikit-uplift 0.5.1: qini_curve and uplift_curve on the 60 tied rows.
    n = [0, 3, 6, 10, 14, 17, 20, 24, 28, 31, 34, 38, 42, 45, 48, 52, 56, 60]
    heights = {
        "qini": [0.0, 1.0, 0.0, -1 / 3, 1.5, 0.9, 1 / 3, 8 / 7, 1.7647058823529411],
        "uplift": [0.0, 1.5, 0.0, -0.8333333333333331, 3.5, 2.1857142857142855],
    }
    for kind, values in heights.items():
        curve = uplift_curve(Y, TREATMENT, TIED, kind=kind, n_resamples=0)  # type: ignore[arg-type]
        assert list(curve.n) == n
        assert curve.value[: len(values)] == pytest.approx(values, abs=1e-12)


def test_the_areas_of_hillstrom_are_those_of_scikit_uplift(shared_data: Path) -> None:
    # Printed by scikit-uplift 0.5.1 for women's e-mail against none, 42,693 customers.
    with gzip.open(shared_data / "hillstrom" / "hillstrom.csv.gz") as file:
        rows = pd.read_csv(file)
    rows = rows[rows["segment"] != "Mens E-Mail"]
    treatment, y = rows["segment"] == "Womens E-Mail", rows["visit"]
    score = rows["womens"] * 2 - rows["recency"] / 12
    assert qini(y, treatment, score) == pytest.approx(0.0605747098617112, abs=1e-9)
    assert auuc(y, treatment, score) == pytest.approx(0.027966655847733685, abs=1e-9)
    score = rows["history"].rank(method="first")
    assert qini(y, treatment, score) == pytest.approx(0.0030298608716954663, abs=1e-9)
    assert auuc(y, treatment, score) == pytest.approx(0.0012402816830990842, abs=1e-9)
    assert uplift_at_k(y, treatment, score) == pytest.approx(0.04794238908948567, abs=1e-9)


def trials(most: int = 25) -> st.SearchStrategy[tuple[Floats, Floats, Floats]]:
    row = st.tuples(st.integers(0, 1), st.integers(0, 1), st.integers(-3, 3))
    ends = st.just([(1, 1, 0), (0, 0, 1)])  # both arms, always
    rows = st.tuples(ends, st.lists(row, max_size=most)).map(lambda pair: pair[0] + pair[1])
    return rows.map(lambda found: tuple(np.array(found, dtype=float).T))


@given(trials())
def test_areas_are_those_of_the_definition(trial: tuple[Floats, Floats, Floats]) -> None:
    y, treatment, score = trial
    n = len(y)
    wanted = slow_area(y, treatment, score, "qini") / n**2
    assert qini(y, treatment, score, normalized=False) == pytest.approx(wanted, abs=1e-12)
    wanted = slow_area(y, treatment, score, "uplift") / n**2
    assert auuc(y, treatment, score, normalized=False) == pytest.approx(wanted, abs=1e-12)
    best = slow_area(y, treatment, y * (2 * treatment - 1), "qini")
    found = qini(y, treatment, score)
    if best > 0:
        assert found == pytest.approx(slow_area(y, treatment, score, "qini") / best, abs=1e-12)
    else:
        assert np.isnan(found)


@given(trials(), st.randoms(use_true_random=False))
def test_neither_row_order_nor_the_scale_of_scores_matters(
    trial: tuple[Floats, Floats, Floats], random: object
) -> None:
    y, treatment, score = trial
    order = np.random.default_rng(1).permutation(len(y))
    for metric in (qini, auuc, uplift_at_k):
        first = metric(y, treatment, score)
        assert metric(y[order], treatment[order], score[order]) == pytest.approx(first, nan_ok=True)
        assert metric(y, treatment, 7 * score - 3) == pytest.approx(first, nan_ok=True)


@given(trials())
def test_a_score_that_knows_nothing_has_no_area(trial: tuple[Floats, Floats, Floats]) -> None:
    y, treatment, _ = trial
    assert qini(y, treatment, np.zeros(len(y)), normalized=False) == pytest.approx(0)
    assert auuc(y, treatment, np.zeros(len(y)), normalized=False) == pytest.approx(0)


def test_a_cut_through_a_tie_is_the_mean_over_its_orders() -> None:
    # Four customers, the last three tied, two taken: every second one is equally likely.
    y, treatment, score = [1, 1, 0, 0], [1, 0, 1, 0], [2, 1, 1, 1]
    # In expectation: treated 1 + 1/3 customers with sum 1, control 2/3 with sum 1/3.
    assert uplift_at_k(y, treatment, score, k=0.5) == pytest.approx(1 / (4 / 3) - 0.5)


def test_the_perfect_order_has_area_one() -> None:
    assert qini(Y, TREATMENT, Y * (2 * TREATMENT - 1)) == pytest.approx(1)


def test_amounts_are_welcome_but_have_no_normalised_auuc() -> None:
    amounts = Y * 12.5
    assert qini(amounts, TREATMENT, TIED) == pytest.approx(qini(Y, TREATMENT, TIED))
    with pytest.raises(InvalidDataError, match="0 and 1 only"):
        auuc(amounts, TREATMENT, TIED)
    wanted = 12.5 * auuc(Y, TREATMENT, TIED, normalized=False)
    assert auuc(amounts, TREATMENT, TIED, normalized=False) == pytest.approx(wanted)


@pytest.mark.parametrize(
    ("y", "treatment", "score", "message"),
    [
        ([1, 0], [1, 1], [1, 2], "everybody of 2 customers was treated"),
        ([1, 0], [0, 0], [1, 2], "nobody of 2 customers was treated"),
        ([1, 0], [0, 2], [1, 2], "treatment must be 0 or 1; 1 values are not"),
        ([1, np.nan], [0, 1], [1, 2], r"y has 1 missing or infinite values.*Rows \(from 0\): 1"),
        ([1, 0], [0, 1], [1, np.inf], "score has 1 missing"),
        ([1, 0, 1], [0, 1], [1, 2], "y has 3, treatment has 2, score has 2"),
        ([1, 0], ["a", "b"], [1, 2], "got texts"),
        (["x", "y"], [0, 1], [1, 2], "y must hold numbers"),
        ([[1, 0], [0, 1]], [0, 1], [1, 2], "y must be one-dimensional"),
        ([], [], [], "nobody of 0 customers"),
    ],
)
def test_a_message_says_what_is_wrong(
    y: object, treatment: object, score: object, message: str
) -> None:
    with pytest.raises(InvalidDataError, match=message):
        qini(y, treatment, score)  # type: ignore[arg-type]


def test_bad_parameters_are_named() -> None:
    with pytest.raises(InvalidParameterError, match=r"(?s)2 problems.*k must be.*strategy"):
        uplift_at_k(Y, TREATMENT, TIED, k=0, strategy="overal")
    with pytest.raises(InvalidParameterError, match="normalized must be a bool"):
        qini(Y, TREATMENT, TIED, normalized=1)  # type: ignore[arg-type]
