"""Tags as a frame of the caller's library, and portraits of orders that are not in memory."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

import pandas as pd
import pytest

from helpers.engines import require_engine, to_engine
from userportrait._core import frames
from userportrait.data import Orders, make_shop
from userportrait.errors import InvalidParameterError, UnknownTagError
from userportrait.portraits import build_portraits, default_tags, tag_customers

if TYPE_CHECKING:
    from userportrait.data import Shop


@pytest.fixture(scope="module")
def shop() -> Shop:
    return make_shop(n_customers=80, random_state=5)


@pytest.fixture(scope="module")
def lines(shop: Shop) -> pd.DataFrame:
    return shop.orders.to_pandas().drop(columns="amount_minor")


@pytest.fixture
def small_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("userportrait._core.frames._parts.PARTS_ABOVE", 10)
    monkeypatch.setattr("userportrait.tags._by_parts.ROWS_PER_PART", 500)


def plain(native: Any) -> dict[str, list[Any]]:
    """Return columns of plain values by name, rows sorted by customer."""
    frame = frames.to_pandas(frames.enter(native)).sort_values("customer_id")
    return {
        str(name): [None if v is None or v is pd.NA or v != v else v for v in frame[name].tolist()]
        for name in frame
    }


def test_the_tags_are_those_of_the_portraits_on_every_engine(
    shop: Shop, lines: pd.DataFrame, engine: str
) -> None:
    as_of = lines["ordered_at"].quantile(0.9)
    customers = to_engine(engine, shop.customers.to_pandas())
    native = to_engine(engine, lines)
    found = tag_customers(native, as_of=as_of, customers=customers)
    assert type(found) is type(native)
    built = build_portraits(lines, as_of=as_of, customers=shop.customers)
    assert plain(found) == plain(built.to_frame())


@pytest.mark.parametrize("in_parts", [False, True])
def test_an_ibis_table_gives_an_ibis_table(
    lines: pd.DataFrame, in_parts: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    ibis = pytest.importorskip("ibis")
    pa = pytest.importorskip("pyarrow")
    if in_parts:
        monkeypatch.setattr("userportrait._core.frames._parts.PARTS_ABOVE", 10)
        monkeypatch.setattr("userportrait.tags._by_parts.ROWS_PER_PART", 500)
    tags = default_tags().select(["recency", "rfm", "country"])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # of ibis, about DuckDB and pandas
        backend = ibis.duckdb.connect()
        table = backend.create_table("lines", pa.Table.from_pandas(lines, preserve_index=False))
        found = tag_customers(table, tags)
        assert isinstance(found, ibis.Table)
        assert plain(found) == plain(tag_customers(lines, tags))


def test_a_large_relation_is_tagged_in_parts(
    shop: Shop, lines: pd.DataFrame, small_parts: None
) -> None:
    duckdb = pytest.importorskip("duckdb")
    connection = duckdb.connect()
    connection.register("lines", lines)
    orders = Orders(connection.sql("SELECT * FROM lines"))
    found = tag_customers(orders, items=shop.items, events=shop.events)
    expected = build_portraits(lines, items=shop.items, events=shop.events)
    assert plain(found) == plain(expected.to_frame())
    assert "arrays" not in vars(orders)
    assert connection.sql("SELECT count(*) FROM found").fetchall() == [(len(expected),)]


def test_portraits_of_a_large_relation_are_those_in_memory(
    shop: Shop, lines: pd.DataFrame, small_parts: None
) -> None:
    require_engine("duckdb")
    given: dict[str, Any] = {
        "customers": shop.customers,
        "items": shop.items,
        "events": shop.events,
        "as_of": lines["ordered_at"].quantile(0.9),
    }
    orders = Orders(to_engine("duckdb", lines.sample(frac=1.0, random_state=1)), currency="EUR")
    steps: list[tuple[str, float]] = []
    found = build_portraits(orders, **given, progress=lambda *step: steps.append(step))
    expected = build_portraits(Orders(lines, currency="EUR"), **given)
    assert found.build == expected.build  # with the facts: totals, months, cohorts, limits
    assert list(found.table.json_rows()) == list(expected.table.json_rows())
    assert "arrays" not in vars(orders)
    assert [share for name, share in steps if name == "tags"] == [0.0, 0.0, 0.5, 1.0]
    one = next(iter(found))
    assert str(found[one].explain("rfm")) == str(expected[one].explain("rfm"))


def test_what_is_no_catalogue_is_refused(lines: pd.DataFrame) -> None:
    with pytest.raises(InvalidParameterError, match="tags must be a TagCatalogue; got list"):
        tag_customers(lines, ["recency"])  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    with pytest.raises(InvalidParameterError, match="before the first order"):
        tag_customers(lines, as_of="1999-01-01")


def test_a_tag_that_a_portrait_does_not_have_is_named(lines: pd.DataFrame) -> None:
    portraits = build_portraits(lines)
    portrait = portraits[next(iter(portraits))]
    with pytest.raises(UnknownTagError, match="Did you mean 'recency'"):
        _ = portrait.tags["recncy"]
    assert portrait.tags.get("recncy") is None
    with pytest.raises(TypeError):
        portrait.tags["recency"] = 1  # type: ignore[index]  # pyright: ignore[reportIndexIssue]
