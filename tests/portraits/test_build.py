"""The main job on small shops: what is built, kept, read and refused."""

from __future__ import annotations

import logging
import os
import pickle
import subprocess
import sys
from datetime import datetime
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pytest

from helpers.engines import to_engine
from userportrait.data import Orders, make_shop
from userportrait.errors import (
    CustomerNotFoundError,
    ExpressionError,
    InvalidParameterError,
    MissingColumnError,
    StoreError,
    UnknownTagError,
)
from userportrait.portraits import Portraits, build_portraits, default_tags, open_portraits
from userportrait.stores import MappingStore, MemoryStore, SQLiteStore
from userportrait.tags import FactTag, RuleTag, StatisticalTag, TagCatalogue
from userportrait.value import RFM

if TYPE_CHECKING:
    from pathlib import Path

    from userportrait.data import Shop


@pytest.fixture(scope="module")
def shop() -> Shop:
    return make_shop(n_customers=120, random_state=4)


@pytest.fixture(scope="module")
def portraits(shop: Shop) -> Portraits:
    return build_portraits(shop.orders, store=MemoryStore())


def small() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "customer_id": [17850, 17850, 13047],
            "order_id": ["a", "b", "c"],
            "ordered_at": pd.to_datetime(["2026-01-01", "2026-01-08", "2026-01-09"]),
            "amount": [10.0, 2.5, 99.0],
        }
    )


def test_every_customer_with_a_line_has_a_portrait(shop: Shop, portraits: Portraits) -> None:
    expected = sorted(set(shop.orders.to_pandas()["customer_id"]))
    assert list(portraits) == expected
    assert len(portraits) == len(expected)


def test_facts_of_a_portrait_agree_with_pandas(shop: Shop, portraits: Portraits) -> None:
    lines = shop.orders.to_pandas()
    for customer, rows in list(lines.groupby("customer_id"))[:20]:
        tags = portraits[str(customer)].tags
        bought = rows[rows["quantity"] > 0]
        assert tags["n_orders"] == bought["order_id"].nunique()
        assert tags["spend"] == pytest.approx(rows["amount"].sum(), abs=1e-9)
        assert tags["last_order_at"] == f"{bought['ordered_at'].max():%Y-%m-%d}"


def test_the_rfm_tags_are_those_of_the_estimator(shop: Shop, portraits: Portraits) -> None:
    scored = RFM().fit_transform(shop.orders)
    frame = portraits.to_frame(["r", "f", "m", "rfm"])
    assert frame["customer_id"].tolist() == scored["customer_id"].tolist()
    assert frame["rfm"].tolist() == scored["segment"].tolist()
    assert frame[["r", "f", "m"]].to_numpy().tolist() == scored[["r", "f", "m"]].to_numpy().tolist()


@pytest.mark.parametrize("store", ["memory", "sqlite", "mapping"])
def test_what_is_built_can_be_opened_again(shop: Shop, store: str, tmp_path: Path) -> None:
    kept = {
        "memory": MemoryStore,
        "sqlite": lambda: SQLiteStore(tmp_path / "shop.db"),
        "mapping": lambda: MappingStore({}),
    }[store]()
    built = build_portraits(shop.orders, store=kept)
    opened = open_portraits(kept)
    pd.testing.assert_frame_equal(opened.to_frame(), built.to_frame())
    assert opened.as_of == built.as_of
    assert opened.build.versions == built.build.versions
    assert opened.facts["shop"] == built.facts["shop"]
    one = next(iter(built))
    assert dict(opened[one].tags) == dict(built[one].tags)
    assert str(opened[one].explain("rfm")) == str(built[one].explain("rfm"))


def test_an_empty_store_says_what_to_do() -> None:
    with pytest.raises(StoreError, match=r"holds no portraits yet. Fill it with build_portraits"):
        open_portraits(MemoryStore())


def test_every_engine_and_row_order_gives_the_same_tags(shop: Shop, engine: str) -> None:
    frame = shop.orders.to_pandas().drop(columns="amount_minor")
    expected = build_portraits(frame).to_frame()
    rng = np.random.default_rng(7)
    for _ in range(2):
        shuffled = frame.iloc[rng.permutation(len(frame))]
        found = build_portraits(to_engine(engine, shuffled)).to_frame()
        pd.testing.assert_frame_equal(found, expected, check_exact=True)


def test_ids_are_found_as_text_or_number() -> None:
    portraits = build_portraits(small())
    assert portraits["17850"].customer_id == 17850
    assert dict(portraits[17850].tags) == dict(portraits["17850"].tags)
    assert "17850" in portraits
    assert 17850 in portraits
    assert 1.5 not in portraits


def test_an_unknown_customer_is_named_in_the_error_but_not_in_the_message() -> None:
    with pytest.raises(CustomerNotFoundError, match="among 2 customers") as caught:
        build_portraits(small())["secret-id"]
    assert caught.value.customer_id == "secret-id"
    assert "secret-id" not in str(caught.value)


def test_as_of_is_a_moment_and_nothing_later_is_used() -> None:
    portraits = build_portraits(small(), as_of="2026-01-08 12:00")
    assert list(portraits) == [17850]
    assert portraits.as_of == datetime(2026, 1, 8, 12)
    assert portraits.facts["shop"]["n_orders"] == 2
    assert portraits.facts["shop"]["last_order_at"] == "2026-01-08T12:00:00"
    with pytest.raises(InvalidParameterError, match="before the first order"):
        build_portraits(small(), as_of="2020-01-01")


def test_the_facts_of_the_shop_are_counted_by_hand() -> None:
    facts = build_portraits(small()).facts
    assert facts["shop"] == {
        "n_customers": 2,
        "n_orders": 3,
        "n_lines": 3,
        "spend": 111.5,
        "refunds": 0.0,
        "first_order_at": "2026-01-01T00:00:00",
        "last_order_at": "2026-01-09T00:00:00",
        "currency": None,
    }
    assert facts["months"] == [
        {"month": "2026-01", "orders": 3, "spend": 111.5, "customers": 2, "new_customers": 2}
    ]
    assert facts["cohorts"] == {"months": ["2026-01"], "sizes": [2], "active": [[2]]}


def test_shipped_tags_without_data_are_left_out_and_logged(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with caplog.at_level(logging.INFO, logger="userportrait"):
        portraits = build_portraits(small(), default_tags())
    assert "favourite_category" not in portraits.catalogue
    assert "country" not in portraits.catalogue
    assert "favourite_category" in caplog.text


def test_a_tag_of_your_own_without_data_is_an_error() -> None:
    own = TagCatalogue([StatisticalTag("town", "citty", "most_frequent")])
    with pytest.raises(MissingColumnError, match="citty"):
        build_portraits(small(), own)


def test_own_tags_beside_the_shipped_ones() -> None:
    tags = default_tags() + RuleTag("is_big", "spend > 50 and is_one_time_buyer")
    portraits = build_portraits(small(), tags)
    assert portraits.audience("is_big").customer_ids.tolist() == [13047]


def test_customers_without_orders_are_portrayed_when_their_table_is_given(shop: Shop) -> None:
    portraits = build_portraits(
        shop.orders, customers=shop.customers, items=shop.items, events=shop.events
    )
    assert len(portraits) == len(shop.customers)
    idle = portraits.audience("n_orders = 0")
    assert idle.size > 0
    first = portraits[idle.customer_ids[0]]
    assert first.tags["activity"] == "no order"
    assert first.tags["rfm"] is None
    assert portraits.audience("favourite_category is not missing").size > 0


def test_forgetting_a_customer_reaches_store_and_memory() -> None:
    store = MemoryStore()
    portraits = build_portraits(small(), store=store)
    assert portraits.forget(["17850", 4711]) == 1
    assert 17850 not in portraits
    assert list(store.read_profiles([17850, 13047])) == [13047]
    assert portraits.audience("n_orders >= 1").customer_ids.tolist() == [13047]


def test_a_second_build_replaces_the_first(tmp_path: Path) -> None:
    store = SQLiteStore(tmp_path / "x.db")
    build_portraits(small(), store=store)
    build_portraits(small()[:1], store=store)
    assert list(open_portraits(store)) == [17850]


def test_a_build_that_fails_leaves_the_old_portraits(tmp_path: Path) -> None:
    store = SQLiteStore(tmp_path / "x.db")
    build_portraits(small(), store=store)
    own = TagCatalogue([FactTag("town", "town", source="customers")])
    with pytest.raises(InvalidParameterError, match="customers"):
        build_portraits(small()[:1], own, store=store)
    assert len(open_portraits(store)) == 2


def test_an_expression_with_a_typo_points_at_the_place_and_the_nearest_tag() -> None:
    with pytest.raises(ExpressionError, match="Did you mean 'recency'") as caught:
        build_portraits(small()).audience("n_orders > 1 and recencyy < 5")
    assert caught.value.position == 17


def test_an_unknown_tag_in_to_frame_or_explain_is_named() -> None:
    portraits = build_portraits(small())
    with pytest.raises(UnknownTagError, match="Did you mean 'spend'"):
        portraits.to_frame(["spendd"])
    with pytest.raises(UnknownTagError, match="Did you mean 'recency'"):
        portraits[17850].explain("recencyy")


def test_progress_is_told_from_zero_to_one() -> None:
    told: list[tuple[str, float]] = []
    build_portraits(small(), progress=lambda step, share: told.append((step, share)))
    assert told[0] == ("tags", 0.0)
    assert told[-1] == ("store", 1.0)
    assert all(0 <= share <= 1 for _, share in told)


def test_representations_name_no_customer_but_the_portrait_itself(portraits: Portraits) -> None:
    one = str(next(iter(portraits)))
    assert one not in repr(portraits) + portraits._repr_html_() + repr(portraits[one])
    html = portraits[one]._repr_html_()
    assert one in html
    assert "<script" not in html


def test_a_portrait_is_frozen(portraits: Portraits) -> None:
    portrait = portraits[next(iter(portraits))]
    with pytest.raises(TypeError):
        portrait.tags["n_orders"] = 99  # type: ignore[index]
    with pytest.raises(AttributeError):
        portrait.customer_id = "x"  # type: ignore[misc]


def test_one_customer_alone_is_portrayed_without_noise() -> None:
    portraits = build_portraits(small()[:1])
    tags = portraits[17850].tags
    assert (tags["recency"], tags["n_orders"], tags["mean_gap"]) == (0, 1, None)
    assert tags["rfm"] is not None


def test_the_default_tags_have_labels_in_both_languages_and_a_description() -> None:
    for tag in default_tags():
        assert tag.description
        assert set(tag.labels) == {"en", "zh"}
    assert default_tags()["rfm8"].value_label("Important Keep", "zh") == "重要保持客户"
    chinese = build_portraits(small(), default_tags(language="zh")).to_frame()
    assert chinese["rfm8"].str.contains("客户").all()


def test_portraits_and_what_is_read_from_them_survive_pickling(tmp_path: Path) -> None:
    portraits = build_portraits(small(), store=SQLiteStore(tmp_path / "x.db"))
    again = pickle.loads(pickle.dumps(portraits))
    pd.testing.assert_frame_equal(again.to_frame(), portraits.to_frame())
    assert len(open_portraits(again.store)) == 2
    one = pickle.loads(pickle.dumps(portraits[17850]))
    assert dict(one.tags) == dict(portraits[17850].tags)
    audience = pickle.loads(pickle.dumps(portraits.audience("n_orders > 1")))
    assert audience.customer_ids.tolist() == [17850]


def test_orders_and_their_frame_are_portrayed_alike() -> None:
    pd.testing.assert_frame_equal(
        build_portraits(Orders(small())).to_frame(), build_portraits(small()).to_frame()
    )


def test_the_limits_behind_the_scores_are_kept_and_explained(shop: Shop) -> None:
    store = MemoryStore()
    build_portraits(shop.orders, store=store)
    portraits = open_portraits(store)
    limits = RFM().fit(shop.orders).limits_
    kept = portraits.facts["rfm"]
    assert kept["limits"] == {name: found.tolist() for name, found in limits.items()}
    assert kept["labels"][0] == "Champions"
    told = str(portraits[portraits.customer_ids[0]].explain("rfm"))
    assert "recency limits (days):" in told
    assert "n_orders = " in told


def test_limits_fitted_before_are_kept_by_the_default_tags(shop: Shop) -> None:
    before = RFM().fit(shop.orders, as_of="2025-06-30")
    portraits = build_portraits(shop.orders, default_tags(rfm=before))
    expected = before.transform(shop.orders)
    assert portraits.to_frame(["rfm"])["rfm"].tolist() == expected["segment"].tolist()
    with pytest.raises(InvalidParameterError, match="five scores"):
        default_tags(rfm=RFM(3))


def test_one_id_instead_of_a_list_is_refused_before_anybody_is_erased() -> None:
    portraits = build_portraits(small())
    for wrong in ("17850", 17850):
        with pytest.raises(InvalidParameterError, match="put a single one in brackets"):
            portraits.forget(wrong)  # type: ignore[arg-type]
    assert len(portraits) == 2


def test_a_text_instead_of_a_list_of_tags_is_refused() -> None:
    with pytest.raises(InvalidParameterError, match=r"Write \['rfm'\]"):
        build_portraits(small()).to_frame("rfm")


def test_wrong_parts_are_refused_before_the_work() -> None:
    with pytest.raises(InvalidParameterError) as caught:
        build_portraits(small(), ["spend"], store="shop.db")  # type: ignore[arg-type]
    assert len(caught.value.problems) == 2
    assert "Write SQLiteStore('shop.db')" in str(caught.value)


@pytest.mark.parametrize("threads", ["1", "2", "4"])
def test_the_number_of_threads_changes_no_tag(shop: Shop, threads: str, tmp_path: Path) -> None:
    pytest.importorskip("polars")
    pytest.importorskip("pyarrow")
    shop.orders.to_pandas().to_parquet(tmp_path / "o.parquet")
    code = (
        "import sys, polars as pl, userportrait as up\n"
        "orders = pl.scan_parquet(sys.argv[1]).drop('amount_minor')\n"
        "for turn in range(4):\n"
        "    store = up.SQLiteStore(sys.argv[2])\n"
        "    up.build_portraits(orders, store=store)\n"
    )
    environment = {**os.environ, "POLARS_MAX_THREADS": threads}
    command = [sys.executable, "-c", code, str(tmp_path / "o.parquet"), str(tmp_path / "x.db")]
    subprocess.run(command, check=True, env=environment)
    found = open_portraits(SQLiteStore(tmp_path / "x.db")).to_frame()
    expected = build_portraits(shop.orders).to_frame()
    pd.testing.assert_frame_equal(found, expected, check_exact=True)
