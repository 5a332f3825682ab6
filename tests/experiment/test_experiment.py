"""An experiment from data to result: arms, comparisons, policies, bad input."""

from __future__ import annotations

import pickle
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from helpers.engines import to_engine
from userportrait.errors import (
    InvalidDataError,
    InvalidParameterError,
    MissingColumnError,
)
from userportrait.experiment import (
    Aggregates,
    Cap,
    Count,
    Experiment,
    Fixed,
    Mean,
    Proportion,
    Quantile,
    Ratio,
)


def frame(seed: int = 0, arms: str = "ABC", n: int = 50) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    parts = [
        pd.DataFrame(
            {"variant": arm, "spend": rng.gamma(2.0, 5.0, n + 7 * i) + i,
             "orders": 1.0 + rng.poisson(1.0, n + 7 * i)}
        ).assign(before=lambda f: f["spend"] + rng.normal(0.0, 3.0, len(f)))
        for i, arm in enumerate(arms)
    ]  # fmt: skip
    found = pd.concat(parts, ignore_index=True)
    return found.sample(frac=1.0, random_state=seed, ignore_index=True)


METRICS = (
    Mean("spend"),
    Mean("spend", "before", name="adjusted"),
    Ratio("spend", "orders"),
    Count("orders"),
)


def test_every_metric_meets_every_variant_in_the_order_given() -> None:
    result = Experiment([Mean("spend"), Mean("orders")], control="B").analyze(frame())
    assert [(e.metric, e.control, e.variant) for e in result] == [
        ("spend", "B", "A"), ("spend", "B", "C"), ("orders", "B", "A"), ("orders", "B", "C"),
    ]  # fmt: skip
    assert dict(result.counts) == {"A": 50, "B": 57, "C": 64}


def test_a_frame_and_its_aggregates_say_the_same(engine: str) -> None:
    data = frame()
    experiment = Experiment(METRICS, control="A")
    known = experiment.analyze(data).to_frame()
    columns = list(dict.fromkeys(c for m in METRICS for c in m.columns))
    aggregates = Aggregates.from_frame(data, columns)
    half = [Aggregates.from_frame(part, columns) for part in (data[:60], data[60:])]
    for given in (to_engine(engine, data), aggregates, half[0].merge(half[1])):
        pd.testing.assert_frame_equal(experiment.analyze(given).to_frame(), known, rtol=1e-9)


@pytest.mark.parametrize("labels", [{"A": 0, "B": 1, "C": 2}, {"A": "tea", "B": "pot", "C": "cup"}])
def test_labels_of_any_type_are_texts_in_the_result(labels: dict[str, Any]) -> None:
    data = frame()
    data["variant"] = data["variant"].map(labels)
    result = Experiment(Mean("spend"), control=labels["A"]).analyze(data)
    assert result.control == str(labels["A"])
    assert set(result.variants) == {str(labels["B"]), str(labels["C"])}
    plain = Experiment(Mean("spend"), control="A").analyze(frame())
    assert result["spend", labels["C"]].effect == pytest.approx(plain["spend", "C"].effect)


def test_booleans_are_labels_too() -> None:
    data = frame(arms="AB").assign(treated=lambda f: f["variant"] == "B")
    result = Experiment(Mean("spend"), control=False, variant="treated").analyze(data)
    assert (result.control, result.variants) == ("False", ("True",))


def test_all_pairs_are_compared_on_request() -> None:
    result = Experiment(Mean("spend"), control="A", comparisons="all").analyze(frame())
    assert [(e.control, e.variant) for e in result] == [("A", "B"), ("A", "C"), ("B", "C")]
    b, c = (frame().loc[lambda f, n=name: f["variant"] == n, "spend"] for name in "BC")
    known = stats.ttest_ind(c, b, equal_var=False)
    assert result["spend", "C", "B"].p_value == pytest.approx(known.pvalue, rel=1e-9)


def test_merged_arms_are_arms_of_all_their_units() -> None:
    data = frame(arms="ABCD")
    experiment = Experiment(METRICS, control="A", merged={"any": ["B", "C"]}, comparisons="all")
    result = experiment.analyze(data)
    assert list(result.counts) == ["A", "B", "C", "D", "any"]
    pairs = [(e.control, e.variant) for e in result if e.metric == "spend"]
    assert ("A", "any") in pairs
    assert ("D", "any") in pairs
    assert ("B", "any") not in pairs  # they share units
    by_hand = data.assign(variant=data["variant"].replace({"B": "any", "C": "any"}))
    known = Experiment(METRICS, control="A").analyze(by_hand)
    for metric in ("spend", "adjusted", "spend per orders", "orders"):
        first, second = result[metric, "any"], known[metric, "any"]
        assert first.interval == pytest.approx(second.interval, rel=1e-9)
        assert first.p_value == pytest.approx(second.p_value, rel=1e-9)


def test_merged_arms_work_for_metrics_of_rows() -> None:
    data = frame(arms="ABC")
    result = Experiment(
        [Quantile("spend", 0.5), Mean("spend")], control="A", merged={"any": ["B", "C"]}
    ).analyze(data)
    by_hand = data.assign(variant=data["variant"].replace({"B": "any", "C": "any"}))
    name = Quantile("spend", 0.5).name
    known = Experiment(Quantile("spend", 0.5), control="A").analyze(by_hand)[name]
    assert result[name, "any"].interval == pytest.approx(known.interval, rel=1e-9)


@pytest.mark.parametrize("name", ["A", "X"])
def test_merged_arms_that_cannot_be_are_refused(name: str) -> None:
    with pytest.raises(
        InvalidParameterError, match=r"must not make|Did you mean 'B'|is not a known"
    ):
        Experiment(Mean("spend"), control="A", merged={name: ["B", "E"]}).analyze(frame())
    with pytest.raises(InvalidParameterError, match=r"'B' is an arm already"):
        Experiment(Mean("spend"), control="A", merged={"B": ["C"]}).analyze(frame())


def test_a_cap_by_quantile_is_taken_over_all_arms_together() -> None:
    data = frame()
    cap = Cap(quantile=0.9)
    limit = float(np.quantile(data["spend"], 0.9, method="inverted_cdf"))
    found = Experiment(Mean("spend", cap=cap), control="A").analyze(data)
    by_hand = data.assign(spend=data["spend"].clip(upper=limit))
    known = Experiment(Mean("spend"), control="A").analyze(by_hand)
    assert found["spend, capped", "C"].effect == pytest.approx(known["spend", "C"].effect)
    ratio = Experiment(Ratio("spend", "orders", cap=cap), control="A").analyze(data)
    assert ratio.effects[0].control_mean < 1.0 * data["spend"].sum()
    with pytest.raises(InvalidParameterError, match=r"is a quantile, which needs rows"):
        Experiment(Mean("spend", cap=cap), control="A").analyze(
            Aggregates.from_frame(data, ["spend"])
        )


def test_a_proportion_is_judged_by_its_own_test() -> None:
    data = frame(arms="AB").assign(bought=lambda f: (f["orders"] > 1.0).astype(int))
    metric = Proportion("bought", test="fisher")
    found = Experiment(metric, control="A").analyze(data)["bought"]
    table = pd.crosstab(data["variant"], data["bought"]).to_numpy()
    assert found.p_value == pytest.approx(stats.fisher_exact(table)[1], rel=1e-9)
    assert "Fisher" in found.method


# --- missing values --------------------------------------------------------------------


def holes() -> pd.DataFrame:
    data = frame(arms="AB")
    data.loc[[3, 8, 20], "spend"] = np.nan
    return data


def test_missing_values_are_an_error_that_counts_them() -> None:
    with pytest.raises(InvalidDataError, match=r"'spend'.* 3 missing"):
        Experiment(Mean("spend"), control="A").analyze(holes())
    with pytest.raises(InvalidDataError, match=r"'spend'.* 3 missing"):
        Experiment(Quantile("spend", 0.5), control="A").analyze(holes())


@pytest.mark.parametrize("metric", [Mean("spend"), Quantile("spend", 0.5)])
def test_missing_values_are_dropped_or_counted_as_zero_and_told(metric: Any) -> None:
    data = holes()
    dropped = Experiment(metric, control="A", missing="drop").analyze(data)
    assert sum(dropped.dropped.values()) == 3
    known = Experiment(metric, control="A").analyze(data.dropna())
    assert dropped[metric.name].interval == pytest.approx(known[metric.name].interval, rel=1e-9)
    assert "3 rows left out for a missing value." in str(dropped)
    filled = Experiment(metric, control="A", missing="zero").analyze(data)
    known = Experiment(metric, control="A").analyze(data.fillna(0.0))
    assert sum(filled.filled.values()) == 3
    assert filled[metric.name].effect == pytest.approx(known[metric.name].effect, rel=1e-9)
    assert "3 missing values counted as 0." in str(filled)


# --- bad input -------------------------------------------------------------------------


def test_a_misspelt_control_gets_the_nearest_arm() -> None:
    data = frame().assign(variant=lambda f: "group " + f["variant"])
    with pytest.raises(InvalidParameterError, match=r"Did you mean 'group A'"):
        Experiment(Mean("spend"), control="grup A").analyze(data)
    with pytest.raises(MissingColumnError, match=r"Did you mean 'variant'"):
        Experiment(Mean("spend"), control="A", variant="varient").analyze(data)
    with pytest.raises(MissingColumnError, match=r"Did you mean 'spend'"):
        Experiment(Mean("spent"), control="A").analyze(data)
    with pytest.raises(MissingColumnError, match=r"Did you mean 'spend'"):
        Experiment(Mean("spent"), control="A").analyze(Aggregates.from_frame(data, ["spend"]))


def test_one_arm_is_no_experiment() -> None:
    with pytest.raises(InvalidDataError, match=r"has one arm only, 'A'"):
        Experiment(Mean("spend"), control="A").analyze(frame(arms="A"))


def test_an_arm_needs_two_units() -> None:
    data = frame(arms="AB")
    data.loc[0, "variant"] = "C"
    with pytest.raises(InvalidDataError, match=r"arm 'C' has 1 unit; a variance needs at least 2"):
        Experiment(Mean("spend"), control="A").analyze(data)
    with pytest.raises(InvalidDataError, match=r"arm 'C' has 1 unit"):
        Experiment(Quantile("spend", 0.5), control="A").analyze(data)


def test_no_rows_are_no_experiment() -> None:
    with pytest.raises((InvalidDataError, InvalidParameterError)):
        Experiment(Mean("spend"), control="A").analyze(frame().iloc[:0])


def test_an_arm_whose_units_are_all_dropped_is_empty() -> None:
    data = frame(arms="AB")
    data.loc[data["variant"] == "B", "spend"] = np.nan
    with pytest.raises(InvalidDataError, match=r"arm 'B' has no units|has one arm only"):
        Experiment(Mean("spend"), control="A", missing="drop").analyze(data)


def test_a_unit_without_an_arm_is_named() -> None:
    data = frame(arms="AB")
    data["variant"] = data["variant"].astype(object)
    data.loc[5, "variant"] = None
    for metric in (Mean("spend"), Quantile("spend", 0.5)):
        with pytest.raises(InvalidDataError, match=r"'variant'"):
            Experiment(metric, control="A").analyze(data)


def test_zero_variance_has_an_exact_answer() -> None:
    data = frame(arms="AB").assign(same=1.0)
    found = Experiment(Mean("same"), control="A").analyze(data)["same"]
    assert (found.effect, found.p_value, found.interval) == (0.0, 1.0, (0.0, 0.0))
    assert not found.is_significant
    assert "does not vary" in found.notes[0]


def test_columns_measured_after_the_start_are_no_covariates() -> None:
    with pytest.raises(InvalidParameterError) as caught:
        Experiment(
            [Mean("spend", "visits"), Ratio("spend", "orders", Ratio("visits", "sessions"))],
            control="A",
            measured_after=["visits", "sessions"],
        )
    assert len(caught.value.problems) == 3
    assert "the treatment may have changed it" in caught.value.problems[0]
    Experiment(Mean("visits", "before"), control="A", measured_after="visits")


def test_all_bad_parameters_are_named_at_once() -> None:
    with pytest.raises(InvalidParameterError) as caught:
        Experiment(
            [Mean("spend"), Mean("spend")],
            control="A",
            alpha=1.5,
            alternative="bigger",  # type: ignore[arg-type]
            multiplicity="bonferoni",  # type: ignore[arg-type]
            design="fixed",  # type: ignore[arg-type]
        )
    assert len(caught.value.problems) == 5
    text = str(caught.value)
    assert "Did you mean 'bonferroni'" in text
    assert "two metrics are called 'spend'" in text
    with pytest.raises(InvalidParameterError, match=r"got str"):
        Experiment("spend", control="A")  # type: ignore[arg-type]
    with pytest.raises(InvalidParameterError, match=r"at least one metric"):
        Experiment([], control="A")
    with pytest.raises(InvalidParameterError, match=r"dunnett"):
        Experiment(Mean("spend"), control="A", multiplicity="dunnett", comparisons="all")


def test_metrics_of_rows_need_rows() -> None:
    aggregates = Aggregates.from_frame(frame(), ["spend"])
    with pytest.raises(InvalidParameterError, match=r"needs rows; analyze a frame"):
        Experiment(Quantile("spend", 0.5), control="A").analyze(aggregates)


def test_an_experiment_survives_pickling_and_says_the_same_twice() -> None:
    experiment = Experiment(METRICS, control="A", multiplicity="holm", design=Fixed())
    again = pickle.loads(pickle.dumps(experiment))
    first, second = experiment.analyze(frame()), again.analyze(frame())
    assert first == second
    assert pickle.loads(pickle.dumps(first)) == first
    shuffled = frame().sample(frac=1.0, random_state=3)
    pd.testing.assert_frame_equal(
        experiment.analyze(shuffled).to_frame(), first.to_frame(), rtol=1e-10
    )


def test_a_misspelt_declaration_is_no_protection_and_is_refused() -> None:
    data = pd.DataFrame({"variant": ["A", "B"] * 4, "spend": range(8), "visits": range(8)})
    late = Experiment(Mean("spend"), control="A", measured_after=["visit"])
    with pytest.raises(MissingColumnError, match=r"measured_after: 'visit'.*Did you mean 'visits'"):
        late.analyze(data)
    Experiment(Mean("spend"), control="A", measured_after="visits").analyze(data)


def test_no_rows_are_called_no_rows() -> None:
    with pytest.raises(InvalidDataError, match="no rows"):
        Experiment(Mean("spend"), control="A").analyze(frame().iloc[:0])
