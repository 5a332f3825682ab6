"""Tags made part by part are those made in memory, bit for bit."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest

from helpers.engines import to_engine
from userportrait._core import frames
from userportrait._core.columns import NumberColumn
from userportrait.data import make_shop
from userportrait.errors import ColumnTypeError, InvalidDataError, MissingColumnError
from userportrait.tags import (
    Domain,
    FactTag,
    FrameTag,
    PreferenceTag,
    RuleTag,
    ScoredTag,
    StatisticalTag,
    Tag,
    TagCatalogue,
    TagContext,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from userportrait.data import Shop
    from userportrait.tags import TagTable

pytest.importorskip("duckdb")


@pytest.fixture(scope="module")
def shop() -> Shop:
    return make_shop(n_customers=90, random_state=8)


@pytest.fixture(scope="module")
def lines(shop: Shop) -> pd.DataFrame:
    """Order lines with columns of every kind beside the roles."""
    frame = shop.orders.to_pandas().drop(columns="amount_minor")
    rng = np.random.default_rng(3)
    n = len(frame)
    gaps = rng.random(n) < 0.3
    units = pd.array(rng.integers(0, 9, n), dtype="Int64")
    units[gaps] = None
    return frame.assign(
        points=units,
        weight=np.where(gaps, np.nan, rng.integers(1, 4, n) / 2),  # 0.5, 1.0 or 1.5
        coupon=pd.Series(rng.choice(["x", "y"], n), dtype=object).mask(gaps, None),
        gift=rng.random(n) < 0.5,
        due=frame["ordered_at"] + pd.to_timedelta(rng.integers(0, 5, n), unit="D"),
        big=pd.Series([2**60 + i if i % 50 == 0 else i for i in range(n)]),
    )


@pytest.fixture
def small_parts(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> int:
    """Cut even small relations, into parts of so many rows."""
    rows = int(getattr(request, "param", 500))
    monkeypatch.setattr("userportrait._core.frames._parts.PARTS_ABOVE", 10)
    monkeypatch.setattr("userportrait.tags._by_parts.ROWS_PER_PART", rows)
    return rows


def catalogue(shop: Shop) -> TagCatalogue:
    """Return tags of every kind, with and without what must be known of all customers."""
    some = shop.customers.to_pandas()["customer_id"].head(40)
    advisors = pd.DataFrame({"customer_id": some, "advisor": [f"a{i % 3}" for i in range(40)]})
    return TagCatalogue(
        [
            FactTag("recency", "recency"),
            FactTag("n_items", "n_items"),
            FactTag("gap", "mean_gap"),
            FactTag("since", "registered_at", source="customers"),
            FactTag("gender", "gender", source="customers"),
            StatisticalTag("points", "points", "sum"),
            StatisticalTag("last_points", "points", "last"),
            StatisticalTag("weight", "weight", "most_frequent"),
            StatisticalTag("coupon", "coupon", "most_frequent", per="order"),
            StatisticalTag("gift", "gift", "first"),
            StatisticalTag("due", "due", "last", domain=Domain("date")),
            StatisticalTag("biggest", "big", "max"),
            StatisticalTag("p30", "amount", "quantile", q=0.3, per="order"),
            StatisticalTag("brand", "brand", "most_frequent"),
            PreferenceTag("category", "category", zone="Asia/Shanghai"),
            PreferenceTag("second", "category", rank=2),
            PreferenceTag("hour", "hour", window_days=200),
            PreferenceTag("weights", "weight", idf=False),
            FrameTag("advisor", advisors, "advisor"),
            RuleTag("idle", "recency > 90 and points < 20"),
        ]
    )


def evaluated(native: Any, shop: Shop, tags: TagCatalogue, **given: Any) -> TagTable:
    context = TagContext(native, **given)
    return tags.evaluate(context)


def assert_same(found: TagTable, expected: TagTable) -> None:
    assert found.customer_ids.dtype == expected.customer_ids.dtype
    assert list(found.json_rows()) == list(expected.json_rows())
    assert found.build == expected.build
    pd.testing.assert_frame_equal(found.to_frame(), expected.to_frame(), check_exact=True)


@pytest.mark.parametrize(
    ("small_parts", "when"),
    [(10_000, None), (400, 0.8), (60, 0.02)],
    indirect=["small_parts"],
)
def test_every_kind_of_tag_is_the_same_in_parts(
    shop: Shop, lines: pd.DataFrame, small_parts: int, when: float | None
) -> None:
    # An early moment leaves parts in which nobody has bought, and some with late lines only.
    as_of = None if when is None else lines["ordered_at"].quantile(when)
    given = {
        "as_of": as_of,
        "customers": shop.customers.to_pandas(),
        "items": shop.items.to_pandas(),
        "events": shop.events.to_pandas(),
    }
    tags = catalogue(shop)
    expected = evaluated(lines, shop, tags, **given)
    shuffled = lines.sample(frac=1.0, random_state=small_parts)
    context = TagContext(to_engine("duckdb", shuffled), **given)
    assert context.in_parts
    found = tags.evaluate(context)
    assert "arrays" not in context.orders.__dict__  # never collected
    assert_same(found, expected)


def test_orders_alone_and_whole_ids_are_the_same_in_parts(
    lines: pd.DataFrame, shop: Shop, small_parts: int
) -> None:
    frame = lines.assign(customer_id=lines["customer_id"].str[1:].astype(int))
    frame = frame.drop(columns=["due", "amount"])  # quantity times price, on either side
    tags = catalogue(shop).remove("since", "gender", "brand", "advisor", "due")
    expected = evaluated(frame, shop, tags)
    assert_same(evaluated(to_engine("duckdb", frame), shop, tags), expected)


def test_without_pyarrow_parts_come_as_pandas(
    lines: pd.DataFrame, shop: Shop, small_parts: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    frame = lines.drop(columns="due")
    tags = catalogue(shop).remove("since", "gender", "brand", "due")
    expected = evaluated(frame, shop, tags)
    relation = to_engine("duckdb", frame)
    monkeypatch.setattr("userportrait._core.frames._parts_duckdb.has_arrow", lambda: False)
    assert_same(evaluated(relation, shop, tags), expected)


# --- what must be known of all customers ---------------------------------------------------------


def test_evidence_of_parts_is_the_evidence_of_the_whole(lines: pd.DataFrame) -> None:
    tag = PreferenceTag("category", "category")
    whole = tag.learn([tag.evidence(TagContext(lines))])
    groups = lines.groupby(lines["customer_id"].str[-1])
    parts = tag.learn([tag.evidence(TagContext(part)) for _, part in groups])
    assert parts["n"] == whole["n"]
    assert dict(zip(parts["values"], parts["counts"], strict=True)) == dict(
        zip(whole["values"], whole["counts"], strict=True)
    )


@dataclass(frozen=True, repr=False)
class RankOfSpend(Tag):
    """How many customers spend more: needs everybody, so it learns."""

    kind = "own"

    @property
    def learns(self) -> bool:
        return True

    def evidence(self, context: TagContext) -> Any:
        return context.summary["spend"].tolist() if context.has_lines else []

    def learn(self, evidence: Any) -> Any:
        return sorted(spend for part in evidence for spend in part)

    def evaluate(self, context: TagContext, inputs: Mapping[str, Any]) -> Any:
        spend: Any = context.summary_column("spend")
        ranks = np.searchsorted(context.learned(self), spend.values, side="right")
        return NumberColumn(ranks.astype(np.int64), np.asarray(spend.known))


def test_a_kind_of_ones_own_may_learn(lines: pd.DataFrame, shop: Shop, small_parts: int) -> None:
    tags = TagCatalogue([RankOfSpend("rank")])
    expected = evaluated(lines, shop, tags)
    assert len(set(expected["rank"].to_list())) > 1
    assert_same(evaluated(to_engine("duckdb", lines), shop, tags), expected)


class Deviation:
    """A scorer that learns from all orders, in any library, and scores some."""

    def fit(self, orders: Any) -> Deviation:
        self.mean_ = float(orders.to_pandas()["amount"].mean())
        return self

    def score(self, orders: Any, *, as_of: Any) -> pd.DataFrame:
        frame = orders.to_pandas()
        found = frame[frame["ordered_at"] <= as_of].groupby("customer_id")["amount"].min()
        return pd.DataFrame({"customer_id": found.index, "value": found.to_numpy() > self.mean_})

    def learned(self, column: str | None) -> dict[str, Any]:
        return {"mean": self.mean_}


def test_a_scorer_is_fitted_once_on_all_orders(
    lines: pd.DataFrame, shop: Shop, small_parts: int
) -> None:
    scorer = Deviation()
    tags = TagCatalogue([ScoredTag("above", scorer), ScoredTag("again", scorer, "value")])
    as_of = lines["ordered_at"].quantile(0.5)
    expected = evaluated(lines, shop, tags, as_of=as_of)
    found = evaluated(to_engine("duckdb", lines), shop, tags, as_of=as_of)
    assert not hasattr(scorer, "mean_")
    assert found.build.facts["tags"]["above"]["learned"]["mean"] == pytest.approx(
        expected.build.facts["tags"]["above"]["learned"]["mean"], rel=1e-12
    )
    assert list(found.json_rows()) == list(expected.json_rows())


# --- frames ---------------------------------------------------------------------------------------


def plain(native: Any) -> dict[str, list[Any]]:
    """Return columns of plain values by name, rows sorted by customer."""
    frame = frames.to_pandas(frames.enter(native)).sort_values("customer_id")
    return {
        str(name): [None if v is None or v is pd.NA or v != v else v for v in frame[name].tolist()]
        for name in frame
    }


def test_a_frame_of_tags_stays_on_the_connection_of_the_orders(
    lines: pd.DataFrame, shop: Shop, small_parts: int
) -> None:
    import duckdb

    tags = catalogue(shop).remove("since", "gender", "brand")
    tags = tags.add(ScoredTag("above", Deviation()), RankOfSpend("rank", domain=Domain("number")))
    expected = plain(tags.tag(TagContext(lines)))
    connection = duckdb.connect()
    connection.register("lines", lines)
    found = tags.tag(TagContext(connection.sql("SELECT * FROM lines")))
    assert plain(found) == expected
    types = dict(zip(found.columns, map(str, found.types), strict=True))
    assert [types[name] for name in ("recency", "points", "gap", "advisor", "idle", "above")] == [
        "BIGINT", "BIGINT", "DOUBLE", "VARCHAR", "BOOLEAN", "BOOLEAN",
    ]  # fmt: skip
    assert types["rank"] == "DOUBLE"  # a kind of one's own says 'number', not that they are whole
    assert connection.sql("SELECT max(recency) FROM found").fetchall()[0][0] > 0


def test_a_scorer_that_mixes_whole_numbers_and_fractions_is_named(
    lines: pd.DataFrame, small_parts: int
) -> None:
    calls: list[int] = []

    def score(orders: Any, *, as_of: Any) -> pd.DataFrame:
        calls.append(1)
        ids = orders.to_pandas()["customer_id"].unique()
        value: Any = 1 if len(calls) == 1 else 0.5  # the sample sees whole numbers
        return pd.DataFrame({"customer_id": ids, "value": value})

    tags = TagCatalogue([ScoredTag("mixed", score)])
    with pytest.raises(InvalidDataError, match="'mixed' cannot be integer in every row"):
        tags.tag(TagContext(to_engine("duckdb", lines)))


# --- errors ---------------------------------------------------------------------------------------


def test_a_value_outside_its_domain_is_the_same_error(
    lines: pd.DataFrame, shop: Shop, small_parts: int
) -> None:
    tags = TagCatalogue([FactTag("recency", "recency", domain=Domain("number", low=0, high=50))])
    with pytest.raises(InvalidDataError) as expected:
        evaluated(lines, shop, tags)
    context = TagContext(to_engine("duckdb", lines))
    with pytest.raises(InvalidDataError) as found:
        tags.evaluate(context)
    assert str(found.value) == str(expected.value)
    with pytest.raises(InvalidDataError, match="outside its domain"):
        tags.tag(context)  # counts those of one part


def test_ids_of_another_type_are_the_same_error(
    lines: pd.DataFrame, shop: Shop, small_parts: int
) -> None:
    tags = TagCatalogue([FactTag("gender", "gender", source="customers")])
    customers = pd.DataFrame({"customer_id": [1, 2], "gender": ["f", "m"]})
    with pytest.raises(ColumnTypeError) as expected:
        evaluated(lines, shop, tags, customers=customers)
    with pytest.raises(ColumnTypeError) as found:
        evaluated(to_engine("duckdb", lines), shop, tags, customers=customers)
    assert str(found.value) == str(expected.value)


def test_a_missing_column_is_the_same_error(
    lines: pd.DataFrame, shop: Shop, small_parts: int
) -> None:
    tags = TagCatalogue([StatisticalTag("x", "channle", "most_frequent")])
    with pytest.raises(MissingColumnError, match="Did you mean 'channel'"):
        evaluated(to_engine("duckdb", lines), shop, tags)
