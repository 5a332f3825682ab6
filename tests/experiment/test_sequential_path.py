"""Paths of several looks: bounds as each look saw them, days that add up, messages."""

from __future__ import annotations

import math
import pickle
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from userportrait.errors import InvalidDataError, InvalidParameterError
from userportrait.experiment import (
    Aggregates,
    Anytime,
    Estimate,
    Fixed,
    GroupSequential,
    Mean,
    Spending,
    path_by_day,
    sequential_path,
)


def looks(*shares: float, z: float = 1.0) -> list[Estimate]:
    return [
        Estimate(
            metric="spend", control="A", variant="B", n_control=round(500 * share),
            n_variant=round(500 * share), control_mean=10.0, variant_mean=10.0 + 0.2 * z,
            control_variance=0.02, variant_variance=0.02,
        )
        for share in shares
    ]  # fmt: skip


def test_bounds_are_those_of_the_plan_and_later_looks_are_planned() -> None:
    design = GroupSequential(looks=4)
    path = sequential_path(looks(0.25, 0.5), design)
    assert path.upper == pytest.approx(design.bounds(0.05, "two-sided").upper, rel=1e-12)
    assert path.lower == pytest.approx([-bound for bound in path.upper])
    assert path.decision == ("continue", "continue", "planned", "planned")
    assert math.isnan(path.statistic[2])
    assert path.stopped_at is None
    frame = path.to_frame()
    assert list(frame) == ["look", "information", "statistic", "lower", "upper", "decision"]


def test_true_shares_spend_what_they_should() -> None:
    design = GroupSequential(looks=4, planned_n=1000)
    path = sequential_path(looks(0.2, 0.6, 0.7, 1.1), design)
    assert path.information == pytest.approx((0.2, 0.6, 0.7, 1.1))
    bounds = replace(design, looks=None, fractions=(0.2, 0.6, 0.7, 1.0)).bounds(0.05, "two-sided")
    assert path.upper[:3] == pytest.approx(bounds.upper[:3], rel=1e-12)
    assert path.decision[-1] == "no effect"


def test_sides_are_turned_back() -> None:
    design = GroupSequential(looks=3, futility=Spending("hwang-shih-decani", -2))
    up = sequential_path(looks(0.33, 0.67), design, alternative="greater")
    down = sequential_path(looks(0.33, 0.67, z=-1.0), design, alternative="less")
    assert down.upper == pytest.approx([-low for low in up.lower])
    assert down.lower == pytest.approx([-high for high in up.upper])
    assert down.decision == up.decision
    both = sequential_path(looks(0.33, 0.67, z=0.01), design)
    assert both.inner[1] > 0.01
    assert both.decision[1] == "futility"
    assert both.stopped_at == 1


def test_anytime_has_no_looks_to_come() -> None:
    path = sequential_path(looks(0.1, 0.5, 1.0, z=3.3), Anytime(n_star=1000))
    assert path.information == pytest.approx((0.1, 0.5, 1.0))
    assert path.upper == tuple(sorted(path.upper, reverse=True))
    assert path.decision == ("continue", "effect", "effect")
    assert path.stopped_at == 2


def days() -> pd.DataFrame:
    rng = np.random.default_rng(0)
    n = 4000
    return pd.DataFrame(
        {
            "variant": rng.choice(["A", "B"], n),
            "day": np.sort(rng.integers(1, 11, n)),
            "spend": rng.exponential(10.0, n),
        }
    )


def test_days_add_up_to_what_a_frame_cut_there_says() -> None:
    frame = days()
    frame.loc[frame["variant"] == "B", "spend"] += 1.5
    aggregates = Aggregates.from_frame(frame, ["spend"], by=["day"])
    design = GroupSequential(looks=10)
    path = path_by_day(Mean("spend"), aggregates, design, control="A", variant="B")
    assert path.label == tuple(str(day) for day in range(1, 11))
    assert (path.control, path.variant) == ("A", "B")
    until = frame[frame["day"] <= 6]
    arms = [until.loc[until["variant"] == arm, "spend"] for arm in "AB"]
    error = math.sqrt(sum(arm.var() / len(arm) for arm in arms))
    assert path.statistic[5] == pytest.approx((arms[1].mean() - arms[0].mean()) / error, abs=0.02)
    assert path.stopped_at is not None


def test_paths_print_and_survive_pickling() -> None:
    path = sequential_path(looks(0.5), GroupSequential(looks=2), labels=["<Monday>"])
    assert path.label == ("<Monday>", "2")
    assert "spend: B against A" in str(path)
    assert "<table>" in path._repr_html_()
    assert pickle.loads(pickle.dumps(path)).upper == path.upper
    assert path.to_dict()["look"] == (1, 2)


def test_bad_paths_are_named() -> None:
    with pytest.raises(InvalidDataError, match="there is no look"):
        sequential_path([], Anytime())
    with pytest.raises(InvalidDataError, match="3 looks were made, and 2 were planned"):
        sequential_path(looks(0.2, 0.5, 1.0), GroupSequential(looks=2))
    with pytest.raises(InvalidDataError, match="one entry per look, 1; got 2"):
        sequential_path(looks(0.2), GroupSequential(looks=2), labels=["a", "b"])
    with pytest.raises(
        InvalidParameterError, match="must be GroupSequential or Anytime; got Fixed"
    ):
        sequential_path(looks(0.2), Fixed())  # type: ignore[arg-type]


def test_a_frame_in_the_place_of_aggregates_is_refused() -> None:
    given: Any = pd.DataFrame({"variant": ["A", "B"] * 4, "day": [1] * 8, "spend": range(8)})
    with pytest.raises(InvalidParameterError, match="aggregates must be Aggregates by day"):
        path_by_day(Mean("spend"), given, GroupSequential(looks=1), control="A", variant="B")
