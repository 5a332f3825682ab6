from __future__ import annotations

import math
from collections import defaultdict
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from helpers.engines import to_engine
from userportrait.errors import InvalidParameterError, MissingColumnError
from userportrait.tags import PreferenceTag, TagContext


def oracle(
    rows: list[tuple[Any, Any, str, int]],
    today: int,
    weights: dict[str, float],
    half_life: float,
    *,
    idf: bool = True,
) -> dict[Any, dict[Any, float]]:
    """Score (customer, value, behaviour, day) rows the slow way, with dictionaries."""
    interest: dict[Any, dict[Any, float]] = defaultdict(lambda: defaultdict(float))
    size: dict[Any, dict[Any, float]] = defaultdict(lambda: defaultdict(float))
    for customer, value, behaviour, day in rows:
        if behaviour in weights:
            left = weights[behaviour] * 2 ** (-(today - day) / half_life)
            interest[customer][value] += left
            size[customer][value] += abs(left)
    liked = {
        c: {v: b for v, b in of.items() if b > 1e-12 * size[c][v]} for c, of in interest.items()
    }
    liked = {customer: of for customer, of in liked.items() if of}
    n_liking: dict[Any, int] = defaultdict(int)
    for of in liked.values():
        for value in of:
            n_liking[value] += 1
    return {
        customer: {
            value: b / sum(of.values())
            * (1 + math.log((1 + len(liked)) / (1 + n_liking[value])) if idf else 1)
            for value, b in of.items()
        }
        for customer, of in liked.items()
    }  # fmt: skip


def make_frame(rows: list[tuple[int, str, bool, int]]) -> pd.DataFrame:
    frame = pd.DataFrame(rows, columns=["customer_id", "category", "is_return", "day"])
    frame["order_id"] = range(len(frame))
    frame["ordered_at"] = pd.Timestamp("2026-01-01") + pd.to_timedelta(frame["day"], unit="D")
    frame["amount"] = np.where(frame["is_return"], -1.0, 1.0)
    return frame


def test_two_customers_worked_by_hand() -> None:
    # ann: tea twice 90 days ago (2 × ½ = 1), cups once today (1). bo: tea once today.
    frame = make_frame([(1, "tea", False, 0), (1, "tea", False, 0), (1, "cup", False, 90),
                        (2, "tea", False, 90)])  # fmt: skip
    context = TagContext(frame)
    tag = PreferenceTag("favourite", "category", half_life_days=90)
    scores = tag.scores(context)
    # Both like tea: idf = 1 + ln(3 / 3) = 1. One likes cups: 1 + ln(3 / 2).
    assert scores["customer_id"].tolist() == [1, 1, 2]
    assert scores["value"].tolist() == ["cup", "tea", "tea"]
    assert scores["score"].tolist() == [0.5 * (1 + math.log(1.5)), 0.5, 1.0]
    assert tag.evaluate(context, {}).to_list() == ["cup", "tea"]
    assert PreferenceTag("t", "category", rank=2).evaluate(context, {}).to_list() == ["tea", None]
    assert len(tag.scores(context, top=1)) == 2


def test_equal_scores_go_to_the_smallest_value() -> None:
    frame = make_frame([(1, "tea", False, 0), (1, "cup", False, 0)])
    assert PreferenceTag("t", "category").evaluate(TagContext(frame), {}).to_list() == ["cup"]


def test_scores_that_differ_only_by_rounding_are_ties() -> None:
    # Three views of 0.1 make 0.30000000000000004, one cart makes 0.3.
    frame = make_frame([(1, "pot", False, 0)])
    events = pd.DataFrame(
        {
            "customer_id": [1] * 4,
            "event": ["view", "view", "view", "cart"],
            "occurred_at": pd.to_datetime(["2026-01-01"] * 4),
            "category": ["tea", "tea", "tea", "cup"],
        }
    )
    context = TagContext(frame, events=events)
    tag = PreferenceTag("t", "category", weights={"view": 0.1, "cart": 0.3})
    assert tag.evaluate(context, {}).to_list() == ["cup"]


def test_what_is_sent_back_is_no_favourite() -> None:
    frame = make_frame([(1, "tea", False, 0), (1, "tea", True, 0), (2, "cup", False, 0)])
    context = TagContext(frame)
    assert PreferenceTag("t", "category").evaluate(context, {}).to_list() == [None, "cup"]
    lenient = PreferenceTag("t", "category", weights={"purchase": 1})
    assert lenient.evaluate(context, {}).to_list() == ["tea", "cup"]


def test_events_count_with_their_weights_and_find_the_category_by_the_item(engine: str) -> None:
    frame = make_frame([(1, "tea", False, 0), (2, "tea", False, 0)]).drop(columns="category")
    frame["item_id"] = ["t1", "t1"]
    items = pd.DataFrame({"item_id": ["t1", "c1"], "category": ["tea", "cups"]})
    events = pd.DataFrame(
        {
            "customer_id": [2, 2, 1, 2],
            "event": ["cart", "cart", "search", "cart"],
            "occurred_at": pd.to_datetime(["2026-01-01"] * 4),
            "item_id": ["c1", "c1", "c1", None],
        }
    )
    tables = {name: to_engine(engine, t) for name, t in (("items", items), ("events", events))}
    context = TagContext(to_engine(engine, frame), **tables)
    tag = PreferenceTag("t", "category", weights={"purchase": 1, "cart": 0.8}, idf=False)
    assert tag.evaluate(context, {}).to_list() == ["tea", "cups"]
    scores = tag.scores(context)
    assert scores["score"].tolist() == pytest.approx([1, 1.6 / 2.6, 1 / 2.6], abs=1e-15)


def test_events_that_cannot_say_the_value_are_passed_over() -> None:
    frame = make_frame([(1, "tea", False, 0)])
    events = pd.DataFrame(
        {"customer_id": [1], "event": ["view"], "occurred_at": pd.to_datetime(["2026-01-01"])}
    )
    context = TagContext(frame, events=events)
    assert PreferenceTag("t", "category").evaluate(context, {}).to_list() == ["tea"]


def test_a_preference_can_come_from_events_alone() -> None:
    frame = make_frame([(1, "tea", False, 0), (2, "tea", False, 0)])
    events = pd.DataFrame(
        {
            "customer_id": [1],
            "event": ["view"],
            "occurred_at": pd.to_datetime(["2026-01-01"]),
            "device": ["phone"],
        }
    )
    tag = PreferenceTag("t", "device")
    assert tag.evaluate(TagContext(frame, events=events), {}).to_list() == ["phone", None]
    assert tag.lacks(TagContext(frame)) == "the column 'device' of the orders, items or events"
    with pytest.raises(MissingColumnError, match="tag 't': 'device' is not a known column"):
        tag.evaluate(TagContext(frame), {})


def test_hours_are_numbers_and_windows_cut() -> None:
    frame = make_frame([(1, "tea", False, 0), (1, "tea", False, 0), (1, "tea", False, 40)])
    frame["ordered_at"] += pd.to_timedelta([9, 9, 20], unit="h")
    context = TagContext(frame)
    assert PreferenceTag("t", "hour").evaluate(context, {}).to_list() == [9]
    assert PreferenceTag("t", "hour", window_days=40).evaluate(context, {}).to_list() == [20]
    assert PreferenceTag("t", "hour").value_kind == "number"


lines = st.lists(
    st.tuples(
        st.integers(0, 3), st.sampled_from(["茶", "cup", "tea", "Ä"]), st.booleans(),
        st.integers(0, 400),
    ),
    min_size=1,
    max_size=40,
)  # fmt: skip


@given(lines, st.floats(1, 500), st.booleans(), st.randoms(use_true_random=False))
def test_scores_agree_with_a_slow_oracle_whatever_the_row_order(
    rows: list[tuple[int, str, bool, int]], half_life: float, idf: bool, random: Any
) -> None:
    frame = make_frame(rows)
    shuffled = frame.sample(frac=1, random_state=random.randrange(2**31))
    weights = {"purchase": 1.0, "return": -0.35}
    tag = PreferenceTag("t", "category", half_life_days=half_life, weights=weights, idf=idf)
    context, other = TagContext(frame), TagContext(shuffled)
    expected = oracle(
        [(c, v, "return" if r else "purchase", d) for c, v, r, d in rows],
        max(day for _, _, _, day in rows), weights, half_life, idf=idf,
    )  # fmt: skip
    scores = tag.scores(context)
    found: dict[Any, dict[Any, float]] = defaultdict(dict)
    for row in scores.itertuples():
        found[row.customer_id][row.value] = row.score
    assert {c: set(of) for c, of in found.items()} == {c: set(of) for c, of in expected.items()}
    for customer, of in expected.items():
        # Sums differ in the last bits with the order of addition, more where they cancel.
        for value, score in of.items():
            assert found[customer][value] == pytest.approx(score, rel=1e-9, abs=1e-12)
    pd.testing.assert_frame_equal(scores, tag.scores(other), check_exact=True)


def test_decay_composes() -> None:
    rows = [(1, "tea", False, 0), (1, "cup", False, 3), (2, "cup", False, 5)]
    frame = make_frame(rows)
    tag = PreferenceTag("t", "category", half_life_days=7)
    now, later = (tag.scores(TagContext(frame, as_of=d)) for d in ("2026-01-06", "2026-03-06"))
    # Term frequencies are shares, so the common factor of the elapsed days cancels.
    pd.testing.assert_frame_equal(later, now, check_exact=True)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"half_life_days": 0}, "half_life_days must be a number in (0, 36500]"),
        ({"rank": 0}, "rank must be an integer in [1, 1000]"),
        ({"weights": {"return": -1}}, "weights: at least one must be positive."),
        ({"weights": {"purchase": float("nan")}}, "weights['purchase'] must be a number"),
        ({"weights": {}}, "weights: at least one must be positive."),
    ],
)
def test_a_preference_that_makes_no_sense_is_refused(
    arguments: dict[str, Any], message: str
) -> None:
    with pytest.raises(InvalidParameterError) as caught:
        PreferenceTag("t", "category", **arguments)
    assert message in str(caught.value)


def test_behaviour_that_cancels_out_leaves_no_preference() -> None:
    # 0.1 + 0.2 - 0.3 leaves 5.6e-17 in floating point.
    frame = make_frame([(1, "pot", False, 0)])
    events = pd.DataFrame(
        {
            "customer_id": [1] * 3,
            "event": ["look", "like", "hide"],
            "occurred_at": pd.to_datetime(["2026-01-01"] * 3),
            "category": ["tea"] * 3,
        }
    )
    weights = {"look": 0.1, "like": 0.2, "hide": -0.3}
    tag = PreferenceTag("t", "category", weights=weights)
    assert tag.evaluate(TagContext(frame, events=events), {}).to_list() == [None]


def test_a_short_half_life_still_tells_what_was_bought_long_ago() -> None:
    frame = make_frame([(1, "tea", False, 0), (2, "cup", False, 5000)])
    tag = PreferenceTag("t", "category", half_life_days=0.5)
    assert tag.evaluate(TagContext(frame), {}).to_list() == ["tea", "cup"]


def test_without_any_behaviour_that_counts_everything_is_unknown() -> None:
    context = TagContext(make_frame([(1, "tea", False, 0), (2, "cup", True, 1)]))
    for rank in (1, 2):
        tag = PreferenceTag("t", "category", weights={"cart": 1.0}, rank=rank)
        assert tag.evaluate(context, {}).to_list() == [None, None]
    assert len(tag.scores(context)) == 0


def test_the_order_in_which_weights_are_given_changes_nothing() -> None:
    rows = [(1, "tea", False, 0), (1, "tea", True, 3), (1, "cup", False, 9)]
    context = TagContext(make_frame(rows)), TagContext(make_frame(rows))
    first = PreferenceTag("t", "category", weights={"purchase": 0.7, "return": -0.1})
    second = PreferenceTag("t", "category", weights={"return": -0.1, "purchase": 0.7})
    pd.testing.assert_frame_equal(
        first.scores(context[0]), second.scores(context[1]), check_exact=True
    )
