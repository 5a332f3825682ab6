"""Campaign scorecards: worked by hand, against statsmodels, and against the shop's truth."""

from __future__ import annotations

import math
import pickle
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy.optimize import minimize_scalar
from scipy.stats import t
from statsmodels.regression.linear_model import OLS
from statsmodels.stats import proportion
from statsmodels.stats.weightstats import CompareMeans, DescrStatsW

import userportrait as up
from userportrait.errors import InvalidDataError, InvalidParameterError, MissingColumnError
from userportrait.experiment import Scorecard, campaign_scorecard

START = "2026-03-01"


def orders_frame(rows: list[tuple[str, int, str, float]]) -> pd.DataFrame:
    frame = pd.DataFrame(rows, columns=["customer_id", "order_id", "ordered_at", "amount"])
    return frame.assign(ordered_at=pd.to_datetime(frame["ordered_at"]))


def small() -> tuple[pd.DataFrame, pd.DataFrame]:
    customers = pd.DataFrame(
        {"customer_id": list("abcdefgh"), "variant": ["mail"] * 5 + ["none"] * 3}
    )
    orders = orders_frame(
        [
            ("a", 1, "2026-03-01", 10.0),  # the first moment counts
            ("a", 1, "2026-03-01", 5.0),  # same order, second line
            ("a", 2, "2026-03-20", 20.0),  # comes back after 19 days
            ("b", 3, "2026-03-05", 30.0),
            ("b", 4, "2026-03-06", -30.0),  # gives all of it back: no order of its own
            ("c", 5, "2026-02-28", 99.0),  # before
            ("d", 6, "2026-03-29", 99.0),  # after 28 days
            ("f", 7, "2026-03-10", 40.0),
            ("g", 8, "2026-03-11", 8.0),
            ("g", 9, "2026-05-01", 8.0),  # comes back too late
            ("z", 10, "2026-03-12", 500.0),  # not of the campaign
        ]
    )
    return customers, orders


def card_of(**options: object) -> Scorecard:
    customers, orders = small()
    given: dict[str, object] = {"control": "none", "starts_at": START}
    return campaign_scorecard(customers, orders, **given | options)  # type: ignore[arg-type]


def test_the_figures_of_eight_customers_are_those_counted_by_hand() -> None:
    card = card_of(costs=2.0, fixed_cost=4.0, margin=0.5)
    assert (card.n_treated, card.n_hold_out) == (5, 3)
    conversion = card["conversion"]
    assert (conversion.treated, conversion.hold_out) == (2 / 5, 2 / 3)
    value = card["average_order_value"]  # 35 in three orders, 48 in two: b's return counts
    assert (value.treated, value.hold_out) == (pytest.approx(35 / 3), 24.0)
    retention = card["retention"]
    assert (retention.treated, retention.hold_out) == (1 / 2, 0.0)
    orders, revenue = 3 - 5 * 2 / 3, 35 - 5 * 48 / 3
    assert card["incremental_orders"].value == pytest.approx(orders)
    assert card["incremental_revenue"].value == pytest.approx(revenue)
    assert card["incremental_profit"].value == pytest.approx(0.5 * revenue - 14)
    assert card["roi"].value == pytest.approx((0.5 * revenue - 14) / 14)
    assert card["cost_per_incremental_order"].value == pytest.approx(14 / orders)


def test_without_costs_there_is_no_return() -> None:
    measures = [line.measure for line in card_of()]
    assert measures[-1] == "incremental_revenue"
    assert "roi" not in measures


def test_buyers_who_were_not_watched_long_enough_are_left_out_and_counted() -> None:
    card = card_of(as_of="2026-04-02")  # 30 days before are the buyers until the 3rd of March
    assert card.n_not_followed == 3
    assert card["retention"].n_treated == 1
    assert any("3 buyers" in note for note in card.notes())
    assert any(note.startswith("3 位买家") for note in card.notes("zh"))


def test_a_campaign_that_still_runs_says_so() -> None:
    assert not card_of(as_of="2026-03-12").is_over
    assert card_of().is_over
    assert "still runs" in " ".join(card_of(as_of="2026-03-12").notes())


@pytest.fixture(scope="module")
def lively() -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    rng = np.random.default_rng(11)
    n = 600
    before = rng.gamma(2.0, 10.0, n)
    treated = rng.random(n) < 0.8
    count = rng.poisson(0.5 + 0.3 * treated + before / 60)
    who = np.repeat(np.arange(n), count)
    orders = pd.DataFrame(
        {
            "customer_id": who,
            "order_id": np.arange(len(who)),
            "ordered_at": pd.Timestamp(START) + pd.to_timedelta(rng.random(len(who)) * 20, "D"),
            "amount": np.round(rng.gamma(1.5, 20.0, len(who)) + before[who] / 4, 2),
        }
    )
    customers = pd.DataFrame({"customer_id": np.arange(n), "variant": treated, "before": before})
    spent = orders.groupby("customer_id")["amount"].agg(["sum", "count"])
    table = customers.join(spent, on="customer_id").fillna(0.0)
    return customers, orders, table


def test_means_are_welch(lively: tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]) -> None:
    customers, orders, table = lively
    line = campaign_scorecard(customers, orders, control=False)["revenue_per_customer"]
    groups = [DescrStatsW(table.loc[table["variant"] == arm, "sum"]) for arm in (True, False)]
    welch = CompareMeans(*groups)
    assert line.p_value == pytest.approx(welch.ttest_ind(usevar="unequal")[1], rel=1e-9)
    low, high = welch.tconfint_diff(usevar="unequal")
    assert line.interval == (pytest.approx(low, rel=1e-9), pytest.approx(high, rel=1e-9))


def test_shares_are_scores(lively: tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]) -> None:
    customers, orders, table = lively
    line = campaign_scorecard(customers, orders, control=False)["conversion"]
    hits = table["count"].gt(0).groupby(table["variant"]).agg(["sum", "size"])
    counts = {bool(arm): (int(x), int(n)) for arm, x, n in hits.itertuples()}
    control, variant = counts[False], counts[True]
    for end in line.region.hull:
        assert abs(brute_score(control, variant, end)) == pytest.approx(1.959964, rel=1e-6)
    same: Any = proportion.test_proportions_2indep  # its stubs know no attributes
    for end in line.relative_region.shift(1.0).hull:
        # The limits are the ratios that statsmodels' score test just rejects.
        options = {"method": "score", "compare": "ratio", "correction": False}
        assert same(*variant, *control, value=end, **options).pvalue == pytest.approx(0.05)
    tested = same(*variant, *control, method="score", compare="diff")
    assert line.p_value == pytest.approx(tested.pvalue, rel=1e-9)


def brute_score(control: tuple[int, ...], variant: tuple[int, ...], difference: float) -> float:
    """Return the score statistic with the likeliest rates found by search."""
    (x, n), (y, m) = control, variant

    def misfit(rate: float) -> float:
        other = rate + difference
        return -(x * math.log(rate) + (n - x) * math.log1p(-rate)
                 + y * math.log(other) + (m - y) * math.log1p(-other))  # fmt: skip

    limits = (max(0.0, -difference) + 1e-9, min(1.0, 1.0 - difference) - 1e-9)
    rate = float(
        minimize_scalar(misfit, bounds=limits, method="bounded", options={"xatol": 1e-12}).x
    )
    other = rate + difference
    variance = (rate * (1 - rate) / n + other * (1 - other) / m) * (n + m) / (n + m - 1)
    return (y / m - x / n - difference) / math.sqrt(variance)


def test_an_order_value_has_the_delta_method_s_variance(
    lively: tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame],
) -> None:
    customers, orders, table = lively
    line = campaign_scorecard(customers, orders, control=False)["average_order_value"]
    variances = []
    for _, arm in table.groupby("variant"):
        n, mean = len(arm), arm["count"].mean()
        ratio = arm["sum"].mean() / mean
        cov = np.cov(arm["sum"], arm["count"])
        variances.append((cov[0, 0] - 2 * ratio * cov[0, 1] + ratio**2 * cov[1, 1]) / n / mean**2)
    low, high = line.interval
    sizes = (line.n_hold_out, line.n_treated)  # buyers
    below = sum(v**2 / (n - 1) for v, n in zip(variances, sizes, strict=True))
    half = t.ppf(0.975, sum(variances) ** 2 / below) * math.sqrt(sum(variances))
    assert (high - low) / 2 == pytest.approx(half, rel=1e-9)
    assert (low + high) / 2 == pytest.approx(line.treated - line.hold_out)


def test_adjustment_gives_lin_s_estimate_and_a_shorter_interval(
    lively: tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame],
) -> None:
    customers, orders, table = lively
    plain = campaign_scorecard(customers, orders, control=False)["incremental_revenue"]
    card = campaign_scorecard(customers, orders, control=False, adjust=["before"])
    line = card["revenue_per_customer"]
    off = table["before"] - table["before"].mean()
    arm = table["variant"].astype(float)
    design = np.column_stack([np.ones(len(arm)), arm, off, off * arm])
    fit = OLS(table["sum"].to_numpy(), design).fit(cov_type="HC1")
    assert line.value == pytest.approx(fit.params[1], rel=1e-9)
    low, high = line.interval
    # HC1 takes the centre of the covariate as given, so that it is a little shorter.
    assert (high - low) / 2 / 1.97 == pytest.approx(fit.bse[1], rel=0.02)
    narrow = card["incremental_revenue"].interval
    assert np.ptp(narrow) < 0.95 * np.ptp(plain.interval)


def test_a_return_with_a_known_cost_is_the_interval_of_profit_over_it(
    lively: tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame],
) -> None:
    customers, orders, _ = lively
    card = campaign_scorecard(customers, orders, control=False, costs=1.5, margin=0.4)
    cost = 1.5 * card.n_treated
    low, high = card["incremental_profit"].interval
    assert card["roi"].interval == (pytest.approx(low / cost), pytest.approx(high / cost))
    assert card["roi"].p_value == pytest.approx(card["incremental_profit"].p_value)
    orders_low, orders_high = card["incremental_orders"].interval
    assert orders_low > 0
    found = card["cost_per_incremental_order"].interval
    assert found == (pytest.approx(cost / orders_high), pytest.approx(cost / orders_low))


def test_touches_cost_what_they_sum_to_in_the_time_of_the_campaign() -> None:
    touches = pd.DataFrame(
        {
            "customer_id": ["a", "a", "b", "f", "z", "c"],
            "touched_at": pd.to_datetime([START, "2026-03-08", START, START, START, "2026-04-20"]),
            "cost": [1.0, 2.0, 4.0, 0.5, 100.0, 100.0],
        }
    )
    card = card_of(costs=touches)
    cost = 7 - 0.5 * 5 / 3
    profit = card["incremental_profit"].value
    assert profit == pytest.approx(card["incremental_revenue"].value - cost)
    assert card["roi"].value == pytest.approx(profit / cost)


def test_an_unbounded_figure_is_said_plainly() -> None:
    rng = np.random.default_rng(3)
    customers = pd.DataFrame({"customer_id": range(400), "variant": ["A", "B"] * 200})
    who = np.flatnonzero(rng.random(400) < 0.2)
    orders = pd.DataFrame(
        {"customer_id": who, "order_id": who, "ordered_at": pd.Timestamp(START), "amount": 10.0}
    )
    card = campaign_scorecard(customers, orders, control="A", costs=1.0)
    line = card["cost_per_incremental_order"]
    assert not line.is_bounded
    assert line.interval == (-math.inf, math.inf)
    (_, low), (high, _) = line.region.parts
    few, many = card["incremental_orders"].interval
    assert (low, high) == (pytest.approx(200 / few), pytest.approx(200 / many))
    assert f"up to {low:,.2f}, or from {high:,.2f} on" in str(card)
    assert "The campaign may have brought nothing" in str(card)
    assert not card.to_frame().set_index("measure").loc["cost_per_incremental_order", "is_bounded"]


def test_ratings_are_weighed_by_customer() -> None:
    ratings = pd.DataFrame({"customer_id": list("aaabcffg"), "rating": [5, 4, 3, 1, 2, 5, 4, 3.0]})
    card = card_of(ratings=ratings)
    line = card["mean_rating"]
    assert (line.treated, line.hold_out) == (pytest.approx(3.0), pytest.approx(4.0))
    assert (line.n_treated, line.n_hold_out) == (3, 2)
    share = card_of(ratings=ratings, satisfaction="top", top=4)["top_box_share"]
    assert (share.treated, share.hold_out) == (pytest.approx(2 / 5), pytest.approx(2 / 3))


def test_figures_without_enough_customers_are_unknown_and_said_to_be() -> None:
    ratings = pd.DataFrame({"customer_id": ["a", "f"], "rating": [5.0, 4.0]})
    card = card_of(ratings=ratings)
    assert card["mean_rating"].region.parts == ()
    assert "Mean rating: too few customers for an interval." in card.notes()
    assert "评分：客户过少" in " ".join(card.notes("zh"))


def test_the_split_is_checked_against_the_plan() -> None:
    rng = np.random.default_rng(1)
    customers = pd.DataFrame({"customer_id": range(1000), "variant": ["A"] * 350 + ["B"] * 650})
    who = rng.integers(0, 1000, 300)
    orders = pd.DataFrame(
        {"customer_id": who, "order_id": range(300), "ordered_at": pd.Timestamp(START),
         "amount": 5.0}
    )  # fmt: skip
    bad = campaign_scorecard(customers, orders, control="A", planned_share=0.5)
    assert bad.srm_p_value < 1e-15
    assert "planned sizes" in bad.notes()[0]
    good = campaign_scorecard(customers, orders, control="A", planned_share=0.65)
    assert good.srm_p_value == pytest.approx(1.0)
    assert "planned sizes" not in good.notes()[0]


def test_the_order_of_rows_and_the_engine_change_nothing(
    lively: tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame],
) -> None:
    pl = pytest.importorskip("polars")
    customers, orders, _ = lively
    options = {"control": False, "costs": 1.0, "adjust": ["before"], "starts_at": START}
    first = campaign_scorecard(customers, orders, **options).to_frame()
    mixed = campaign_scorecard(
        customers.sample(frac=1, random_state=1), orders.sample(frac=1, random_state=2), **options
    ).to_frame()
    pd.testing.assert_frame_equal(first, mixed, rtol=1e-12)
    lazy = pl.from_pandas(orders).lazy()
    other = campaign_scorecard(pl.from_pandas(customers), lazy, **options).to_frame()
    pd.testing.assert_frame_equal(first, other, rtol=1e-12)


def test_the_shop_s_known_effects_are_inside_about_as_often_as_promised() -> None:
    inside: list[bool] = []
    for seed in range(12):
        shop = up.make_shop(n_customers=900, random_state=seed)
        touches = shop.touches.frame
        sent = touches[touches["campaign_id"] == "K01"]
        card = campaign_scorecard(
            sent, shop.orders, variant="treatment", control=False, starts_at="2025-07-02T09:00:01",
            alpha=0.1,
        )  # fmt: skip
        truth = shop.truth.customers
        truth = truth[truth["is_eligible"]]
        inside.append(truth["effect_converted"].mean() in card["conversion"].region)
        total = truth["effect_spend"].mean() * card.n_treated
        inside.append(total in card["incremental_revenue"].region)
    # 24 intervals of 90 %: fewer than 17 hits have a chance below 1 in 500.
    assert sum(inside) >= 17


def test_a_card_pickles_and_becomes_a_dict() -> None:
    card = card_of(costs=1.0)
    again = pickle.loads(pickle.dumps(card))
    assert again.to_frame().equals(card.to_frame())
    assert card.to_dict()["lines"][0]["measure"] == "conversion"
    assert len(card) == len(card.to_frame())


def test_html_is_escaped_and_in_both_languages() -> None:
    customers, orders = small()
    customers = customers.replace({"variant": {"mail": "<b>mail</b>"}})
    card = campaign_scorecard(customers, orders, control="none", starts_at=START)
    assert "<b>mail" not in card.to_html()
    assert "&lt;b&gt;mail" in card._repr_html_()
    assert "转化率" in card.to_html("zh")
    assert "个百分点" in card.to_html("zh")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"control": "nome"}, "Did you mean 'none'"),
        ({"margin": 0.0, "days": 0}, "2 problems"),
        ({"satisfaction": "tops"}, "Did you mean 'top'"),
        ({"starts_at": None, "history_days": 30}, "history_days needs starts_at"),
        ({"treated": "none"}, "one treated arm with the hold-out"),
    ],
)
def test_bad_parameters_are_named(options: dict[str, object], message: str) -> None:
    with pytest.raises(InvalidParameterError, match=message):
        card_of(**options)


def test_three_arms_need_a_name() -> None:
    customers, orders = small()
    customers.loc[0, "variant"] = "call"
    customers.loc[1, "variant"] = "call"
    with pytest.raises(InvalidParameterError, match="'call', 'mail', 'none'"):
        campaign_scorecard(customers, orders, control="none")
    card = campaign_scorecard(customers, orders, control="none", treated="call")
    assert (card.n_treated, card.n_hold_out) == (2, 3)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            lambda c: c.assign(variant=["mail"] * 7 + ["none"]),
            "'none' has 1 customer; 2 are needed",
        ),
        (lambda c: c.assign(variant=[None] * 2 + ["mail"] * 3 + ["none"] * 3), "2 rows .* no arm"),
        (lambda c: c.assign(customer_id=list("aacdefgh")), "come twice"),
        (lambda c: c.assign(customer_id=range(8)), "whole numbers in `customers` and texts"),
        (lambda c: c.assign(before=[math.nan] + [1.0] * 7), "'before' must hold finite numbers"),
    ],
)
def test_bad_tables_are_refused(change: object, message: str) -> None:
    customers, orders = small()
    changed = change(customers)  # type: ignore[operator]
    adjust = ["before"] if "before" in changed else []
    with pytest.raises(InvalidDataError, match=message):
        campaign_scorecard(changed, orders, control="none", adjust=adjust)


def test_a_missing_column_is_named() -> None:
    customers, orders = small()
    with pytest.raises(MissingColumnError, match="Did you mean 'variant'"):
        campaign_scorecard(customers, orders, control="none", variant="variants")
    with pytest.raises(MissingColumnError, match="costs"):
        campaign_scorecard(customers, orders, control="none", costs=customers)


def test_a_campaign_after_the_newest_order_is_refused() -> None:
    with pytest.raises(InvalidDataError, match="newest order is before starts_at"):
        card_of(starts_at="2027-01-01")
