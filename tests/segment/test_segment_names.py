"""Names of segments: what is told, in which words, and how equal names are told apart."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest
from scipy.stats import rankdata, spearmanr

from userportrait._core.feature_table import read_features
from userportrait.errors import InvalidParameterError, MissingColumnError
from userportrait.segment import CustomerSegments
from userportrait.segment._profiles import SegmentProfile, profile_segments
from userportrait.segment._segment_names import segment_names

if TYPE_CHECKING:
    from collections.abc import Sequence


def profiled(frame: pd.DataFrame, labels: Sequence[int]) -> SegmentProfile:
    table = read_features(frame, owner="test", allow_missing=True)
    found = np.array(labels)
    segments = [*range(int(found.max()) + 1), *([-1] if found.min() < 0 else [])]
    return profile_segments(table, found, segments)


def named(frame: pd.DataFrame, labels: Sequence[int], language: Any = "en") -> list[str]:
    return segment_names(profiled(frame, labels), language, None)


def test_numbers_stand_by_their_ranks_which_scipy_counts_too() -> None:
    source = np.random.default_rng(0)
    frame = pd.DataFrame({"spend": source.lognormal(sigma=2.0, size=60)})
    frame["visits"] = np.round(frame["spend"])
    frame.loc[3, "spend"] = np.nan
    labels = [0, 1, 1] * 20
    profile = profiled(frame, labels)
    known = frame["spend"].notna().to_numpy()
    ranks = rankdata(frame.loc[known, "spend"])
    inside = np.array(labels)[known] == 1
    expected = (ranks[inside].mean() - ranks.mean()) / ranks.std()
    row = (profile.table["segment"] == 1) & (profile.table["feature"] == "spend")
    assert profile.standing[row.to_numpy()].tolist() == pytest.approx([expected])
    complete = profiled(frame.fillna(1.0), labels).alike.to_numpy()
    oracle: Any = spearmanr(frame.fillna(1.0))
    assert complete[0, 1] == pytest.approx(oracle.statistic)


def test_one_very_large_customer_does_not_make_a_segment_high() -> None:
    frame = pd.DataFrame({"spend": [1.0, 2, 3, 4, 9_000, 50, 60, 70, 80, 90]})
    labels = [0] * 5 + [1] * 5
    profile = profiled(frame, labels)
    assert profile.table["effect_size"].tolist()[0] > 0.3
    assert named(frame, labels) == ["low spend", "high spend"]


def test_a_feature_that_goes_with_one_told_already_gives_way() -> None:
    source = np.random.default_rng(1)
    kind = np.repeat([0, 1], 100)
    spend = source.normal(size=200) + 3.0 * kind
    frame = pd.DataFrame(
        {
            "spend": spend,
            "spend_online": spend + source.normal(0, 1.0, size=200),
            "age": source.normal(size=200) + 0.9 * kind,
        }
    )
    assert named(frame, kind.tolist()) == [
        "low spend, rather low age",
        "high spend, rather high age",
    ]
    # Where nothing else sets segments apart, it is told all the same.
    two = frame[["spend", "spend_online"]]
    assert named(two, kind.tolist())[0] == "low spend, low spend_online"


def test_levels_are_told_by_what_most_have_and_rare_ones_not_at_all() -> None:
    plan = ["gold"] * 45 + ["basic"] * 5 + ["gold"] * 5 + ["basic"] * 45
    city = ["x"] * 46 + ["village"] * 4 + ["x"] * 50
    frame = pd.DataFrame({"plan": plan, "city": city})
    labels = [0] * 50 + [1] * 50
    assert named(frame, labels) == ["mostly plan = gold", "mostly plan = basic"]
    assert named(frame, labels, "zh") == ["多为 plan = gold", "多为 plan = basic"]
    few = pd.DataFrame({"plan": ["a", "b", "c", "d"] * 10 + ["a"] * 10})
    assert named(few, [0] * 40 + [1] * 10) == ["rarely plan = a", "mostly plan = a"]


def test_constant_features_and_middling_segments_are_not_told() -> None:
    frame = pd.DataFrame(
        {"spend": [1.0, 2.0, 8.0, 9.0, 4.0, 6.0], "country": ["cn"] * 6, "one": 1.0}
    )
    assert named(frame, [0, 0, 1, 1, 2, 2]) == ["low spend", "high spend", "average"]
    assert named(frame, [0, 0, 1, 1, 2, 2], "zh") == ["低 spend", "高 spend", "普通客户"]


def test_equal_names_are_told_apart_by_the_feature_that_differs_most() -> None:
    source = np.random.default_rng(0)
    kind = np.repeat([0, 1, 2, 3], 400)
    frame = pd.DataFrame(
        {
            "spend": source.normal(np.array([5, 5, -5, -5])[kind], 1.0),
            "visits": source.normal(np.array([3, 3, -3, -3])[kind], 4.0),
            "age": source.normal(np.array([0.5, -0.5, 0.0, 0.0])[kind], 1.0),
            "tenure": source.normal(np.array([0.0, 0.0, 0.5, -0.5])[kind], 1.0),
        }
    )
    assert [name.replace("rather ", "") for name in named(frame, kind.tolist())] == [
        "high spend, high visits, high age",
        "high spend, high visits, low age",
        "low spend, low visits, high tenure",
        "low spend, low visits, low tenure",
    ]


def test_equal_names_are_strengthened_before_they_are_numbered() -> None:
    frame = pd.DataFrame({"spend": np.arange(40.0)})
    five = named(frame, np.repeat(np.arange(5), 8).tolist())
    assert five == ["very low spend", "low spend", "average", "high spend", "very high spend"]
    eight = named(frame, np.repeat(np.arange(8), 5).tolist())
    assert eight[:4] == ["very low spend", "low spend (1)", "low spend (2)", "average (1)"]


def test_names_and_rules_have_the_words_of_the_caller_and_chinese_ones() -> None:
    frame = pd.DataFrame({"orders": [1.0, 2, 1, 9, 8], "channel": ["w", "w", "w", "a", "a"]})
    words = {"orders": "订单数", "channel": "渠道"}
    segments = CustomerSegments(2, feature_labels=words).fit(frame)
    assert segments.names(language="zh") == ["多为渠道 = w、低订单数", "多为渠道 = a、高订单数"]
    assert segments.profile(language="zh")["feature"].unique().tolist() == ["orders", "channel"]
    rules = segments.rules(frame, language="zh")["rule"].tolist()
    assert rules == ["渠道 不为 a", "渠道 为 a"]
    both = segments.rules(frame[["orders", "channel"]].assign(channel="w"), language="zh")["rule"]
    assert both.tolist() == ["订单数 <= 5", "订单数 > 5"]
    one = CustomerSegments(1).fit(frame)
    assert one.rules(frame, language="zh")["rule"].tolist() == ["全部客户"]


def test_words_for_columns_that_are_not_there_are_refused() -> None:
    frame = pd.DataFrame({"orders": [1.0, 2.0]})
    with pytest.raises(MissingColumnError, match="Did you mean 'orders'"):
        CustomerSegments(2, feature_labels={"order": "订单数"}).fit(frame)
    with pytest.raises(InvalidParameterError, match="feature_labels must be a mapping"):
        CustomerSegments(2, feature_labels=["orders"]).fit(frame)  # type: ignore[arg-type]
