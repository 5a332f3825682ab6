"""The next category: features in plain loops, nothing of the future, real shops, bad input."""

from __future__ import annotations

import pickle
import warnings
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest

from userportrait.data import Orders, make_shop
from userportrait.errors import (
    InvalidDataError,
    InvalidParameterError,
    MissingColumnError,
    NotFittedError,
)
from userportrait.predict import (
    LeakageWarning,
    NextPurchaseCategory,
    next_category,
    next_purchase_category,
    snapshots,
)
from userportrait.predict._next_category_features import category_features, own_counts, read_market
from userportrait.predict._next_category_lines import read_purchases
from userportrait.predict._next_category_scores import baselines, score_table
from userportrait.tags import ScoredTag, TagContext
from userportrait.typing import Scorer

if TYPE_CHECKING:
    from pathlib import Path

DAY = 86_400_000_000
NAMES = ["books", "cups", "tea", "toys"]


def log_losses(model: NextPurchaseCategory) -> dict[str, float]:
    """Return the log loss of the model and of each baseline."""
    table = model.evaluation_
    return dict(zip(table["model"].tolist(), table["log_loss"].tolist(), strict=True))


def lines(n_customers: int = 60, seed: int = 0) -> pd.DataFrame:
    """Return a year of orders of customers with tastes; some returns, some unknown categories."""
    source = np.random.default_rng(seed)
    rows: list[dict[str, Any]] = []
    tastes = source.dirichlet(np.full(4, 0.4), n_customers)
    for order in range(n_customers * 8):
        who = int(source.integers(n_customers))
        at = pd.Timestamp("2025-01-01") + timedelta(minutes=int(source.integers(365 * 1440)))
        for _ in range(int(source.integers(1, 4))):
            category = NAMES[int(source.choice(4, p=tastes[who]))]
            amount = float(np.round(source.lognormal(3, 1), 2))
            if source.random() < 0.05:
                amount = -amount
            known = source.random() >= 0.05
            rows.append(
                {
                    "customer_id": f"c{who:02d}", "order_id": order, "ordered_at": at,
                    "amount": amount, "category": category if known else None,
                }
            )  # fmt: skip
    return pd.DataFrame(rows)


def by_hand(frame: pd.DataFrame, moment: datetime, days: float) -> dict[str, str]:
    """Return the main category of each customer's first order after a moment, in loops."""
    end = moment + timedelta(days=days)
    found: dict[str, str] = {}
    kept = frame[(frame["amount"] >= 0) & frame["category"].notna()]
    for who in sorted(frame.loc[frame["ordered_at"] <= moment, "customer_id"].unique()):
        own = kept[kept["customer_id"] == who]
        own = own[(own["ordered_at"] > moment) & (own["ordered_at"] <= end)]
        if not len(own):
            continue
        first = own[own["ordered_at"] == own["ordered_at"].min()]
        order = first[first["order_id"] == first["order_id"].min()]
        sums: dict[str, tuple[float, int]] = {}
        row: Any
        for row in order.itertuples():
            money, n = sums.get(str(row.category), (0.0, 0))
            sums[str(row.category)] = money + round(100 * row.amount), n + 1
        found[who] = min(sums, key=lambda name: (-sums[name][0], -sums[name][1], name))
    return found


def test_the_target_is_the_one_counted_by_hand() -> None:
    frame = lines()
    moment = datetime(2025, 6, 1)

    def nothing(past: Orders, as_of: datetime) -> pd.DataFrame:
        return past.to_pandas()[["customer_id"]].drop_duplicates()

    hand = by_hand(frame, moment, 45)
    found = snapshots(Orders(frame), nothing, "next_category", [moment], horizon=45)
    told = found.set_index("customer_id")["target"]
    assert told.dropna().to_dict() == hand
    assert told.isna().any()
    assert told.isna().sum() == len(found) - len(hand)
    own = snapshots(Orders(frame), nothing, next_category("category"), [moment], horizon=45)
    pd.testing.assert_frame_equal(own, found)


def test_the_model_learns_from_the_customers_and_targets_of_snapshots() -> None:
    frame = lines()
    moment = datetime(2025, 6, 1)
    model = NextPurchaseCategory(horizon=45, n_moments=1)
    model.fit(frame, as_of=moment + timedelta(days=45))
    hand = by_hand(frame, moment, 45)
    n_known = frame.loc[frame["ordered_at"] <= moment, "customer_id"].nunique()
    assert (model.n_rows_, model.n_left_out_) == (len(hand), n_known - len(hand))


def test_ties_go_to_more_lines_and_then_to_the_smaller_name() -> None:
    frame = pd.DataFrame(
        {
            "customer_id": [1, 1, 1, 2, 2, 3],
            "order_id": [1, 1, 1, 2, 2, 3],
            "ordered_at": pd.Timestamp("2026-01-05"),
            "amount": [10.0, 5.0, 5.0, 7.0, 7.0, -1.0],
            "category": ["tea", "cups", "cups", "tea", "cups", "tea"],
        }
    )
    assert next_category()(frame).to_dict() == {1: "cups", 2: "cups"}
    free = frame.assign(amount=0.0).iloc[:3]
    assert next_category()(free).to_dict() == {1: "cups"}
    p = read_purchases(Orders(free), "category", None, until=2**62, owner="test")
    assert p.share.tolist() == pytest.approx([2 / 3, 1 / 3])


def test_features_are_those_of_plain_loops() -> None:
    frame = lines(20, seed=3)
    end = datetime(2025, 7, 1)
    moment = int(pd.Timestamp(end).value // 1000)
    p = read_purchases(Orders(frame), "category", None, until=2**62, owner="test")
    market = read_market(p, moment, 60.0)
    found = category_features(p, market, moment, 90.0, (3, 11))
    own = own_counts(p, moment, (3, 11))
    past = frame[(frame["ordered_at"] <= end) & (frame["amount"] >= 0) & frame["category"].notna()]

    def lift(counts: list[float], level: np.ndarray) -> np.ndarray:
        flat = 0.8 * level + 0.2 / 4
        return np.log((np.array(counts) + 2 * flat) / ((sum(counts) + 2) * flat))

    for place in range(3, 11):
        mine = past[past["customer_id"] == p.customer_ids[place]]
        share, recent, held, main = (dict.fromkeys(NAMES, 0.0) for _ in range(4))
        last = ""
        for _, order in mine.sort_values("ordered_at", kind="stable").groupby(
            ["ordered_at", "order_id"]
        ):
            sums = order.groupby("category")["amount"].sum()
            age = (end - order["ordered_at"].iloc[0]) / timedelta(days=1)
            for name, money in sums.items():
                share[str(name)] += money / sums.sum()
                recent[str(name)] += money / sums.sum() * 0.5 ** (age / 90)
                held[str(name)] += 1
            last = str(sums.idxmax())
            main[last] += 1
        assert own[place - 3].tolist() == list(main.values())
        x = found[place - 3]
        assert x[:, 0] == pytest.approx(lift(list(share.values()), market.parts))
        assert x[:, 1] == pytest.approx(lift(list(main.values()), market.shares))
        assert x[:, 2] == pytest.approx(lift(list(recent.values()), market.parts))
        assert x[:, 3] == pytest.approx(lift(list(held.values()), market.held))
        assert x[:, 5].tolist() == [float(name == last) for name in NAMES]
        assert x[:, 4] == pytest.approx(market.transitions[NAMES.index(last)])


def test_what_comes_later_changes_nothing() -> None:
    frame = lines()
    as_of = datetime(2025, 9, 1)
    later = frame["ordered_at"] > as_of
    changed = frame.assign(
        category=np.where(later, "quite new", frame["category"]),
        amount=np.where(later, 1.0, frame["amount"]),
    )
    one = NextPurchaseCategory(horizon=45).fit(frame, as_of=as_of)
    other = NextPurchaseCategory(horizon=45).fit(changed, as_of=as_of)
    cut = NextPurchaseCategory(horizon=45).fit(frame[~later], as_of=as_of)
    for model in (other, cut):
        assert model.categories_.tolist() == NAMES
        pd.testing.assert_frame_equal(model.evaluation_, one.evaluation_)
        pd.testing.assert_frame_equal(
            model.predict_proba(changed, as_of=as_of), one.predict_proba(frame, as_of=as_of)
        )


def test_the_moment_that_judges_was_not_learned_from() -> None:
    # What is bought after the last moment is changed: the chances that are judged stay the same.
    frame = lines(200, seed=5)
    end = datetime(2025, 12, 1)
    last = end - timedelta(days=60)
    swapped = frame.assign(category=np.where(frame["ordered_at"] > last, "tea", frame["category"]))
    one = log_losses(NextPurchaseCategory(horizon=60).fit(frame, as_of=end))
    two = log_losses(NextPurchaseCategory(horizon=60).fit(swapped, as_of=end))
    p = read_purchases(
        Orders(frame), "category", None, until=int(pd.Timestamp(end).value // 1000), owner="test"
    )
    moment = int(pd.Timestamp(last).value // 1000)
    model = NextPurchaseCategory(horizon=60).fit(frame, as_of=last)
    chosen = p.next_after(moment, moment + 60 * DAY)
    chances = model.predict_proba(frame, as_of=last)
    place = pd.Index(p.customer_ids).get_indexer(chances["customer_id"])
    kept = chosen[place] >= 0
    logs = np.log(chances.iloc[:, 1:].to_numpy()[kept, chosen[place][kept]])
    assert one["next_category"] == pytest.approx(-logs.mean(), rel=1e-9)
    assert one["next_category"] != two["next_category"]


@pytest.mark.parametrize("most", [50, 3])
def test_names_that_are_new_after_the_last_moment_do_not_help_to_judge(most: int) -> None:
    # Two new names, or one, or 'other' itself: nobody could tell them apart beforehand.
    frame = lines(200, seed=5)
    end = datetime(2025, 12, 1)
    later = frame["ordered_at"] > end - timedelta(days=60)
    kept = frame["category"].isin(["books"]) | ~later
    for first in (kept, kept | frame["category"].eq("cups")):
        tables: list[pd.DataFrame] = []
        for one, two in (("new", "newer"), ("new", "new"), ("other", "other")):
            names = np.where(frame["category"] == "tea", one, two)
            named = frame["category"].where(first | frame["category"].isna(), names)
            model = NextPurchaseCategory(horizon=60, max_categories=most)
            tables.append(model.fit(frame.assign(category=named), as_of=end).evaluation_)
        assert len(tables[0]) == 3
        for table in tables[1:]:
            pd.testing.assert_frame_equal(table, tables[0])


def test_new_names_are_judged_as_other_and_learned_by_their_own() -> None:
    frame = lines(200, seed=5)
    end = datetime(2025, 12, 1)
    last = end - timedelta(days=60)
    later = frame["ordered_at"] > last
    named = frame.assign(category=frame["category"].where(~later, "new"))
    model = NextPurchaseCategory(horizon=60).fit(named, as_of=end)
    assert model.categories_.tolist() == sorted([*NAMES, "new"])
    told = model.evaluation_.set_index("model")
    # One of its own was given to 'other' beside the orders until then, by main category.
    p = read_purchases(
        Orders(frame), "category", None, until=int(pd.Timestamp(last).value // 1000), owner="test"
    )
    assert told.loc["global_shares", "log_loss"] == pytest.approx(np.log(len(p.main) + 5))
    assert told["top1"].tolist() == [0.0] * 3


def test_a_moment_before_that_of_the_fit_warns() -> None:
    frame = lines()
    early, late = datetime(2025, 9, 1), frame["ordered_at"].max()
    model = NextPurchaseCategory(horizon=45).fit(frame)
    for name in ("predict", "predict_proba", "score"):
        ask: Any = getattr(model, name)
        with pytest.warns(LeakageWarning, match=f"{name}: as_of is 2025-09-01") as caught:
            ask(frame, as_of=early)
        assert [one.filename for one in caught] == [__file__]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model.score(frame, as_of=late)
        model.predict(frame, as_of=late + timedelta(days=3))
        model.fit(frame, as_of=early).predict(frame, as_of=early)
        next_purchase_category(frame, early, horizon=45)
        tag = ScoredTag("next_category", scorer=model.fit(frame), column="category")
        tag.evaluate(TagContext(Orders(frame), as_of=early), {})
    kept = ScoredTag("next_category", scorer=model.fit(frame), column="category", refit=False)
    with pytest.warns(LeakageWarning):
        kept.evaluate(TagContext(Orders(frame), as_of=early), {})


def test_order_of_rows_kind_of_ids_and_engine_do_not_matter() -> None:
    frame = lines()
    one = next_purchase_category(frame, horizon=45)
    mixed = next_purchase_category(frame.sample(frac=1, random_state=1), horizon=45)
    pd.testing.assert_frame_equal(mixed, one)
    numbers = frame.assign(customer_id=frame["customer_id"].str[1:].astype(int))
    other = next_purchase_category(numbers, horizon=45)
    assert other["probability"].tolist() == one["probability"].tolist()
    pl = pytest.importorskip("polars")
    pytest.importorskip("pyarrow")
    again = next_purchase_category(pl.from_pandas(frame), horizon=45)
    assert again["probability"].tolist() == one["probability"].tolist()


def test_a_customers_chances_need_no_other_customer() -> None:
    frame = lines()
    model = pickle.loads(pickle.dumps(NextPurchaseCategory(horizon=45).fit(frame)))
    as_of = frame["ordered_at"].max()
    whole = model.predict_proba(frame, as_of=as_of).set_index("customer_id")
    alone = frame[frame["customer_id"] == "c07"]
    part = model.predict_proba(alone, as_of=as_of).set_index("customer_id")
    assert part.to_numpy() == pytest.approx(whole.loc[["c07"]].to_numpy())
    unknown = alone.assign(category=None)
    market = np.exp(model._market.base + model._choice.levels)
    told = model.predict_proba(unknown, as_of=as_of).iloc[0, 1:].to_numpy(dtype=float)
    assert told == pytest.approx(market / market.sum())


def test_the_frames_of_the_answer_agree() -> None:
    frame = lines()
    model = NextPurchaseCategory(horizon=45).fit(frame)
    as_of = model.as_of_
    wide = model.predict_proba(frame)
    assert wide.columns.tolist() == ["customer_id", *NAMES]
    assert wide["customer_id"].tolist() == sorted(frame["customer_id"].unique())
    assert wide[NAMES].sum(axis=1).to_numpy() == pytest.approx(1.0)
    best = model.predict(frame)
    assert best["category"].tolist() == wide[NAMES].idxmax(axis=1).tolist()
    assert best["probability"].tolist() == wide[NAMES].max(axis=1).tolist()
    scores = model.score(frame, as_of=as_of)
    assert scores["probability_tea"].tolist() == wide["tea"].tolist()
    long = next_purchase_category(frame, horizon=45, top=2)
    assert long["rank"].tolist() == [1, 2] * len(wide)
    assert long.loc[long["rank"] == 1, "category"].tolist() == best["category"].tolist()
    assert next_purchase_category(frame, horizon=45)["probability"].sum() == pytest.approx(
        len(wide)
    )


def test_it_is_a_scorer_and_makes_a_tag() -> None:
    frame = lines()
    model = NextPurchaseCategory(horizon=45)
    assert isinstance(model, Scorer)
    tag = ScoredTag("next_category", scorer=model, column="category")
    context = TagContext(Orders(frame))
    told = tag.evaluate(context, {}).to_list()
    assert len(told) == frame["customer_id"].nunique()
    assert set(told) <= set(NAMES)
    assert not hasattr(model, "categories_")


def test_rare_categories_become_other_and_items_lend_theirs() -> None:
    shop = make_shop(400, random_state=2)
    own = NextPurchaseCategory(max_categories=4).fit(shop.orders)
    assert own.categories_.tolist()[-1] == "other"
    assert len(own.categories_) == 4
    bare = shop.orders.to_pandas().drop(columns="category")
    lent = NextPurchaseCategory(items=shop.items, max_categories=4).fit(bare)
    assert lent.predict(bare)["probability"].tolist() == pytest.approx(
        own.predict(shop.orders)["probability"].tolist()
    )
    brands = next_purchase_category(shop.orders, by="brand", items=shop.items, top=1)
    assert set(brands["category"]) <= set(shop.items.to_pandas()["brand"])


def test_the_baselines_and_scores_are_those_worked_by_hand() -> None:
    own = np.array([[2, 0, 0], [0, 0, 0]])
    shares = np.array([0.5, 0.3, 0.2])
    found = baselines(own, shares)
    assert found["own_most_frequent"] == pytest.approx(
        np.array([[2.5 / 3, 0.1, 0.2 / 3], [0.5, 0.3, 0.2]])
    )
    table = score_table(found, np.array([0, 2])).set_index("model")
    assert table["top1"].tolist() == [0.5, 0.5]
    assert table["top3"].tolist() == [1.0, 1.0]
    assert table.loc["global_shares", "log_loss"] == pytest.approx(-np.log([0.5, 0.2]).mean())
    tied = score_table({"even": np.full((2, 4), 0.25)}, np.array([1, 3]))
    assert tied[["top1", "top3"]].to_numpy().tolist() == [[0.0, 0.5]]


def test_bad_use_is_told() -> None:
    frame = lines()
    with pytest.raises(InvalidParameterError) as caught:
        NextPurchaseCategory(horizon=0, n_moments=0, max_categories=1).fit(frame)
    assert all(name in str(caught.value) for name in ("horizon", "n_moments", "max_categories"))
    with pytest.raises(MissingColumnError, match="give items with 'item_id' and 'brand'"):
        NextPurchaseCategory(by="brand").fit(frame)
    items = pd.DataFrame({"item_id": [1], "brand": ["a"]})
    with pytest.raises(MissingColumnError, match="to find 'brand' among the items"):
        NextPurchaseCategory(by="brand", items=items).fit(frame)
    with pytest.raises(InvalidDataError, match="has 1 different values"):
        NextPurchaseCategory().fit(frame.assign(category="tea"))
    with pytest.raises(InvalidDataError, match="called 'customer_id'"):
        NextPurchaseCategory().fit(frame.replace({"category": {"tea": "customer_id"}}))
    days = (frame["ordered_at"].max() - frame["ordered_at"].min()) / timedelta(days=1)
    known = f"history of {np.floor(10 * days) / 10:g} days is shorter than the horizon of 30,000 "
    with pytest.raises(InvalidDataError, match=known):
        NextPurchaseCategory(horizon=30_000).fit(
            frame.assign(category=lambda x: x.category.fillna("tea"))
        )
    quiet = frame[frame["ordered_at"] < "2025-02-01"]
    with pytest.raises(InvalidDataError, match=r"between 2025-01-02.* and 2025-05-03"):
        NextPurchaseCategory(horizon=60, step=90).fit(quiet, as_of="2025-07-02")
    wrong: Any = 3
    with pytest.raises(InvalidParameterError, match="items must be Items or a frame; got int"):
        NextPurchaseCategory(items=wrong).fit(frame)
    with pytest.raises(InvalidParameterError, match="before the first order"):
        NextPurchaseCategory().fit(frame, as_of="2020-01-01")
    with pytest.raises(NotFittedError):
        NextPurchaseCategory().predict(frame)
    with pytest.raises(InvalidParameterError, match="top"):
        next_purchase_category(frame, top=0)
    short = NextPurchaseCategory(horizon=200).fit(frame)
    assert len(short.evaluation_) == 0


RETAIL = {
    "christmas": "CHRISTMAS|XMAS|ADVENT|SANTA", "bags": "BAG|SHOPPER|PURSE",
    "light": "LIGHT|CANDLE|LANTERN|LAMP", "kitchen": "CAKE|TEA|MUG|CUP|BOWL|PLATE|JAM |SPOON|JUG",
    "paper": "CARD|WRAP|BUNTING|PARTY|NAPKIN|PAPER|RIBBON|TAG", "storage": "BOX|TIN|JAR|DRAWER",
    "decoration": "SIGN|HEART|HANGING|DECORATION|FRAME|CLOCK|MIRROR|WICKER",
}  # fmt: skip


def retail_lines(folder: Path) -> pd.DataFrame:
    """Return the lines of a wholesaler of gifts, by words in the names of what is sold."""
    raw = pd.read_parquet(folder / "online_retail" / "online_retail.parquet")
    raw = raw.dropna(subset=["CustomerID"])
    names = raw["Description"].astype(str).str.upper()
    distinct = pd.Series(names.unique(), index=names.unique())
    group = pd.Series("rest", index=distinct.index, dtype=object)
    for name, words in reversed(RETAIL.items()):
        group[distinct.str.contains(words)] = name
    return pd.DataFrame(
        {
            "customer_id": raw["CustomerID"].astype("int64"),
            "order_id": raw["InvoiceNo"].astype(str),
            "ordered_at": raw["InvoiceDate"],
            "amount": raw["Quantity"] * raw["UnitPrice"],
            "category": names.map(group),
        }
    )


def test_a_real_shops_customers_are_foretold_better_than_by_shares(shared_data: Path) -> None:
    # Customers of Online Retail in the 60 days from 10 October 2011.
    pytest.importorskip("pyarrow")
    orders = Orders(retail_lines(shared_data))
    found = NextPurchaseCategory(horizon=60).fit(orders).evaluation_.set_index("model")
    mine, own, everybody = (
        found.loc[name] for name in ("next_category", "own_most_frequent", "global_shares")
    )
    assert mine["n_customers"] > 1000
    assert mine["top1"] > max(own["top1"], everybody["top1"])
    assert mine["top3"] > max(own["top3"], everybody["top3"])
    assert mine["log_loss"] < min(own["log_loss"], everybody["log_loss"]) - 0.05
    assert mine["calibration_error"] < 0.02
