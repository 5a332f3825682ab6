"""RFM against tables worked out by hand, against pandas.qcut, and its promises."""

from __future__ import annotations

import copy
import pickle
from datetime import datetime
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.base import clone

from helpers.engines import to_engine, to_pandas
from userportrait.data import Orders
from userportrait.errors import InvalidParameterError, NotFittedError
from userportrait.value import RFM


def lines(n_customers: int = 200, seed: int = 3, *, returns: bool = True) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    customer = rng.integers(0, n_customers, 6 * n_customers)
    n = len(customer)
    quantity = rng.integers(1, 5, n)
    if returns:
        quantity = np.where(rng.random(n) < 0.05, -1, quantity)
    return pd.DataFrame(
        {
            "customer_id": [f"c{c:04d}" for c in customer],
            "order_id": rng.integers(0, 3 * n_customers, n) * n_customers + customer,
            "ordered_at": pd.Timestamp("2025-01-01")
            + pd.to_timedelta(rng.integers(0, 365 * 24 * 60, n), unit="min"),
            "quantity": quantity,
            "price": np.round(rng.lognormal(2, 1, n), 2),
        }
    )


def test_five_customers_worked_out_by_hand() -> None:
    frame = pd.DataFrame(
        {
            "customer_id": ["a", "b", "c", "d", "e"],
            "order_id": [1, 2, 3, 4, 5],
            "ordered_at": pd.to_datetime(
                ["2026-01-31", "2026-01-30", "2026-01-21", "2026-01-11", "2026-01-01"]
            ),
            "amount": [50.0, 40.0, 30.0, 20.0, 10.0],
        }
    )
    found = RFM().fit_transform(frame, as_of="2026-01-31 12:00")
    assert found.columns.tolist() == [
        "customer_id", "recency", "frequency", "monetary", "r", "f", "m", "segment",
    ]  # fmt: skip
    assert found["recency"].tolist() == [0, 1, 10, 20, 30]
    assert found["r"].tolist() == [5, 4, 3, 2, 1]
    assert found["f"].tolist() == [1, 1, 1, 1, 1]  # equal values share a score
    assert found["m"].tolist() == [5, 4, 3, 2, 1]
    # Codes 515, 414, 313, 212, 111 in the eleven-segment map.
    assert found["segment"].tolist() == [
        "Promising", "Promising", "Promising", "Hibernating", "Lost",
    ]  # fmt: skip


def test_scores_without_ties_at_the_limits_are_those_of_pandas_qcut() -> None:
    frame = lines(returns=False)
    found = RFM().fit_transform(frame)
    money = pd.qcut(found["monetary"], 5, labels=[1, 2, 3, 4, 5]).astype("int64")
    recency = pd.qcut(found["recency"], 5, labels=[5, 4, 3, 2, 1]).astype("int64")
    assert found["m"].tolist() == money.tolist()
    assert found["r"].tolist() == recency.tolist()


def test_measures_agree_with_a_pandas_group_by() -> None:
    frame = lines()
    found = RFM().fit_transform(frame, as_of="2026-01-01").set_index("customer_id")
    bought = frame[frame["quantity"] > 0]
    last = bought.groupby("customer_id")["ordered_at"].max()
    expected = (pd.Timestamp("2026-01-01") - last.dt.normalize()).dt.days
    orders = bought.groupby("customer_id")["order_id"].nunique()
    cents = np.sign(frame["quantity"]) * np.floor(
        (frame["quantity"] * frame["price"]).abs() * 100 + 0.500001
    )
    spend = cents.groupby(frame["customer_id"]).sum() / 100
    assert found.loc[expected.index, "recency"].tolist() == expected.tolist()
    assert found.loc[orders.index, "frequency"].tolist() == orders.tolist()
    assert found.loc[spend.index, "monetary"].tolist() == spend.tolist()


def test_every_engine_gives_the_same_bits_in_its_own_library(engine: str) -> None:
    frame = lines()
    expected = to_pandas(RFM().fit_transform(frame, as_of="2025-12-01"))
    native = to_engine(engine, frame)
    found = RFM().fit_transform(native, as_of="2025-12-01")
    library = type(native).__module__.partition(".")[0]
    assert type(found).__module__.partition(".")[0] == library
    pd.testing.assert_frame_equal(to_pandas(found), expected, check_exact=True)


@settings(max_examples=25)
@given(st.randoms(use_true_random=False))
def test_the_order_of_rows_changes_nothing(random: Any) -> None:
    frame = lines(40)
    shuffled = frame.sample(frac=1, random_state=random.randrange(2**31)).reset_index(drop=True)
    pd.testing.assert_frame_equal(RFM().fit_transform(shuffled), RFM().fit_transform(frame))


def test_limits_of_one_month_score_the_next_unchanged() -> None:
    frame = lines()
    model = RFM().fit(frame, as_of="2025-06-30")
    kept = copy.deepcopy(model.limits_)
    later = model.transform(frame, as_of="2025-12-31")
    assert {k: v.tolist() for k, v in model.limits_.items()} == {
        k: v.tolist() for k, v in kept.items()
    }
    above = sum((later["frequency"].to_numpy() > limit).astype(int) for limit in kept["frequency"])
    assert later["f"].tolist() == (above + 1).tolist()
    assert model.as_of_ == datetime(2025, 6, 30)


def test_refunds_are_netted_or_ignored_as_asked() -> None:
    frame = pd.DataFrame(
        {
            "customer_id": [1, 1],
            "order_id": [1, 2],
            "ordered_at": pd.to_datetime(["2026-01-01", "2026-01-09"]),
            "amount": [30.0, -10.0],
        }
    )
    net = RFM().fit_transform(frame).iloc[0]
    gross = RFM(refunds="ignore").fit_transform(frame).iloc[0]
    assert (net["monetary"], gross["monetary"]) == (20.0, 30.0)
    assert (net["frequency"], net["recency"]) == (1, 8)  # a return is neither order nor purchase


def test_a_customer_of_returns_only_has_no_order_and_recency_from_the_last_line(
    engine: str,
) -> None:
    frame = pd.DataFrame(
        {
            "customer_id": [1, 2],
            "order_id": [1, 2],
            "ordered_at": pd.to_datetime(["2026-01-09", "2026-01-04"]),
            "quantity": [1, -1],
            "price": [3.0, 10.0],
        }
    )
    found = to_pandas(RFM().fit_transform(to_engine(engine, frame)))
    assert found[["recency", "frequency", "monetary"]].to_numpy().tolist() == [
        [0, 1, 3.0],
        [5, 0, -10.0],
    ]
    ignored = to_pandas(RFM(refunds="ignore").fit_transform(to_engine(engine, frame)))
    assert ignored["monetary"].tolist() == [3.0, 0.0]


def test_monetary_can_be_the_mean_order() -> None:
    frame = lines(30)
    total, mean = RFM().fit_transform(frame), RFM(monetary="mean").fit_transform(frame)
    expected = total["monetary"] / total["frequency"].clip(lower=1)
    assert mean["monetary"].tolist() == expected.tolist()


def test_limits_of_your_own_are_used_and_the_others_learned() -> None:
    frame = lines(50)
    own = {"recency": [7, 30, 90, 180], "monetary": [10, 20, 50, 100]}
    model = RFM(limits=own).fit(frame)
    assert model.limits_["recency"].tolist() == [7, 30, 90, 180]
    found = model.transform(frame)
    cut = pd.cut(found["recency"], [-1, 7, 30, 90, 180, 10**6], labels=[5, 4, 3, 2, 1])
    assert found["r"].tolist() == cut.astype("int64").tolist()


@pytest.mark.parametrize("binning", ["quantile", "uniform", "kmeans"])
@pytest.mark.parametrize("n_bins", [2, 3, 5, 9])
def test_more_money_never_scores_lower(binning: Any, n_bins: int) -> None:
    found = RFM(n_bins, binning=binning).fit_transform(lines(120))
    assert found.sort_values("monetary")["m"].is_monotonic_increasing
    assert found.sort_values("recency")["r"].is_monotonic_decreasing
    assert found[["r", "f", "m"]].min().min() >= 1
    assert found[["r", "f", "m"]].max().max() <= n_bins


def test_a_shop_of_one_time_buyers_reports_its_empty_scores() -> None:
    frame = lines(60).drop_duplicates("customer_id").assign(quantity=1)
    model = RFM().fit(frame)
    assert model.empty_scores_["frequency"] == (2, 3, 4, 5)
    assert model.empty_scores_["monetary"] == ()
    assert model.n_customers_ == frame["customer_id"].nunique()


def test_one_customer_is_scored_without_noise() -> None:
    frame = lines(1).assign(quantity=1)
    found = RFM().fit_transform(frame)
    assert len(found) == 1
    assert found[["r", "f", "m"]].iloc[0].tolist() == [5, 1, 1]
    assert found.notna().all().all()


def test_the_eight_segments_follow_high_and_low_of_the_means() -> None:
    frame = lines()
    model = RFM(segments="value8", language="zh").fit(frame)
    found = model.transform(frame)
    high = {
        "r": found["recency"] <= found["recency"].mean(),
        "f": found["frequency"] > found["frequency"].mean(),
        "m": found["monetary"] > found["monetary"].mean(),
    }
    names = {
        (True, True): "价值", (True, False): "发展", (False, True): "保持", (False, False): "挽留",
    }  # fmt: skip
    expected = [
        ("重要" if m else "一般") + names[r, f] + "客户"
        for r, f, m in zip(high["r"], high["f"], high["m"], strict=True)
    ]
    assert found["segment"].tolist() == expected


def test_segments_of_your_own() -> None:
    own = {"best": ["*33", "332"], "rest": ["*1*", "*2*", "*31", "132", "232"]}
    found = RFM(3, segments=own).fit_transform(lines(50))
    best = (found["f"] == 3) & ((found["m"] == 3) | ((found["r"] == 3) & (found["m"] == 2)))
    assert found["segment"].tolist() == np.where(best, "best", "rest").tolist()


def test_codes_are_the_segments_where_no_map_fits() -> None:
    found = RFM(4).fit_transform(lines(50))
    codes = found[["r", "f", "m"]].astype(str).agg("".join, axis=1)
    assert found["segment"].tolist() == codes.tolist()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"n_bins": 1}, r"n_bins must be an integer in \[2, 9\]; got 1"),
        ({"binning": "quantle"}, "Did you mean 'quantile'"),
        ({"binning": "mean"}, "binning='mean' cuts in two, so n_bins must be 2; got 5"),
        ({"segments": "quintile12"}, "Did you mean 'quintile11'"),
        ({"segments": "value8", "n_bins": 5}, "segments='value8' needs n_bins=2; got 5"),
        ({"limits": {"recncy": [1]}}, "'recncy' is not one of recency, frequency, monetary"),
        ({"limits": {"recency": [3, 2, 1, 0]}}, "must be 4 finite numbers, ascending"),
        ({"limits": {"recency": [1, 2]}}, "must be 4 finite numbers, ascending"),
        ({"n_bins": 2, "segments": {"a": ["11*"]}}, "6 codes belong to no segment"),
        ({"n_bins": 2, "segments": {"a": ["***"], "b": ["111"]}}, "111 is in 'a' and in 'b'"),
        ({"n_bins": 2, "segments": {"a": ["13*"]}}, "'13\\*' is not a code"),
    ],
)
def test_bad_parameters_are_named_at_fit(options: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidParameterError, match=message):
        RFM(**options).fit(lines(10))


def test_all_bad_parameters_are_named_at_once() -> None:
    with pytest.raises(InvalidParameterError) as caught:
        RFM(1, monetary="total", language="fr").fit(lines(10))  # type: ignore[arg-type]
    assert len(caught.value.problems) == 3


def test_transform_before_fit_is_refused() -> None:
    with pytest.raises(NotFittedError, match=r"RFM is not fitted yet. Call fit\(...\) first."):
        RFM().transform(lines(10))


def test_the_estimator_keeps_scikit_learns_verbs() -> None:
    model = RFM(3, monetary="mean")
    assert clone(model).get_params() == model.get_params()
    fitted = model.fit(lines(20))
    assert fitted is model
    again = pickle.loads(pickle.dumps(model))
    pd.testing.assert_frame_equal(again.transform(lines(20)), model.transform(lines(20)))


def test_a_second_fit_forgets_the_first() -> None:
    first, second = lines(30, seed=1), lines(30, seed=2)
    model = RFM().fit(first).fit(second)
    fresh = RFM().fit(second)
    assert all((model.limits_[k] == fresh.limits_[k]).all() for k in fresh.limits_)


def test_the_input_is_not_changed() -> None:
    frame = lines(20)
    before = frame.copy(deep=True)
    RFM().fit_transform(frame)
    pd.testing.assert_frame_equal(frame, before)


def test_an_orders_table_is_scored_like_its_frame() -> None:
    frame = lines(40)
    pd.testing.assert_frame_equal(RFM().fit_transform(Orders(frame)), RFM().fit_transform(frame))


def test_large_polars_frames_go_to_the_engine_and_give_the_same(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    pl = pytest.importorskip("polars")
    frame = pl.from_pandas(lines())
    few = RFM().fit_transform(frame)
    monkeypatch.setattr("userportrait.data._orders.ARRAYS_UP_TO", 0)
    assert RFM().fit_transform(frame).equals(few)
    plain = pl.from_pandas(lines(returns=False)).with_columns(amount=pl.lit(1.005))
    assert RFM().fit_transform(plain)["monetary"][0] % 1.01 == pytest.approx(0, abs=1e-9)
