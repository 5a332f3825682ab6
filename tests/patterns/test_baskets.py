"""Baskets: the same from every source, nothing lost without a count."""

from __future__ import annotations

import pickle
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from helpers.engines import to_engine
from userportrait.data import Items, Orders
from userportrait.errors import (
    ColumnTypeError,
    DataWarning,
    InvalidDataError,
    InvalidParameterError,
    MissingColumnError,
)
from userportrait.patterns import Baskets
from userportrait.patterns import _basket_merge as merging

if TYPE_CHECKING:
    from pathlib import Path

LISTS = st.lists(st.lists(st.integers(0, 6), max_size=8), max_size=12)


def as_sets(baskets: Baskets) -> list[set[Any]]:
    parts = np.split(baskets.items[baskets.indices], baskets.indptr[1:-1])
    return [set(part.tolist()) for part in parts[: len(baskets.sizes)]]


def lines_frame() -> pd.DataFrame:
    """Orders 1 to 4: a duplicate, a return, no units, a missing item, a missing order."""
    return pd.DataFrame(
        [
            (2, "tea", "ann", "2026-01-05 10:00", 3.0, 2.0),
            (2, "pot", "ann", "2026-01-05 09:00", 20.0, 1.0),
            (2, "tea", "ann", "2026-01-05 11:00", 6.0, 1.0),
            (1, "cup", "bo", "2026-01-06 08:00", 4.0, 1.0),
            (1, None, "bo", "2026-01-06 08:00", 4.0, 1.0),
            (3, "cup", "bo", "2026-01-07 08:00", 4.0, -1.0),
            (None, "cup", None, "2026-01-08 08:00", 4.0, 1.0),
            (4, "tea", None, "2026-01-09 08:00", None, 3.0),
            (4, "cup", None, "2026-01-09 08:00", 4.0, 0.0),
            (4, "cup", None, "2026-01-09 08:00", -4.0, 1.0),
        ],
        columns=["order", "item", "customer", "at", "price", "units"],
    ).assign(at=lambda f: pd.to_datetime(f["at"]), order=lambda f: f["order"].astype("Int64"))


def check_lines(baskets: Baskets) -> None:
    """What a person makes of `lines_frame`."""
    assert as_sets(baskets) == [{"cup"}, {"tea", "pot"}, {"tea"}]
    assert baskets.order_ids is not None
    assert baskets.order_ids.tolist() == [1, 2, 4]
    assert baskets.customers is not None
    assert baskets.customers.tolist() == [1, 0, -1]
    assert baskets.customer_ids is not None
    assert baskets.customer_ids.tolist() == ["ann", "bo"]
    assert baskets.at is not None
    assert baskets.at.view("datetime64[us]").astype(str).tolist() == [
        "2026-01-06T08:00:00.000000",
        "2026-01-05T09:00:00.000000",
        "2026-01-09T08:00:00.000000",
    ]
    # Tea: 2 units at 3 and 1 at 6; the 3 units without a price count for nothing.
    assert baskets.prices is not None
    assert dict(zip(baskets.items, baskets.prices, strict=True)) == {"cup": 4, "pot": 20, "tea": 4}
    report = baskets.report
    assert report.ignored == {
        "return": 2,
        "no_units": 1,
        "missing_order_id": 1,
        "missing_item_id": 1,
    }
    assert (report.n_lines, report.n_duplicates, report.n_entries) == (10, 1, 4)


ROLES = {
    "order_id": "order",
    "item_id": "item",
    "customer_id": "customer",
    "ordered_at": "at",
    "price": "price",
    "quantity": "units",
}


def test_lines_of_every_engine_make_the_same_baskets(engine: str) -> None:
    check_lines(Baskets.from_frame(to_engine(engine, lines_frame()), **ROLES))


@pytest.mark.spark
def test_lines_on_spark_make_the_same_baskets(spark: Any) -> None:
    check_lines(Baskets.from_frame(to_engine("spark", lines_frame()), **ROLES))


def test_the_order_of_lines_does_not_matter() -> None:
    shuffled = lines_frame().sample(frac=1.0, random_state=3)
    check_lines(Baskets.from_frame(shuffled, **ROLES))


@pytest.mark.parametrize("chunk", [1, 3, 100])
def test_parquet_chunks_make_the_same_baskets(tmp_path: Path, chunk: int) -> None:
    pytest.importorskip("pyarrow")
    frame = lines_frame()
    frame.iloc[:5].to_parquet(tmp_path / "a.parquet")
    frame.iloc[5:].to_parquet(tmp_path / "b.parquet")
    told: list[float] = []
    baskets = Baskets.from_parquet(
        tmp_path, **ROLES, rows_per_chunk=chunk, progress=lambda step, share: told.append(share)
    )
    check_lines(baskets)
    assert told == sorted(told)
    assert told[-1] == 1.0


def test_parquet_without_further_columns_keeps_pairs_only(tmp_path: Path) -> None:
    pytest.importorskip("pyarrow")
    rng = np.random.default_rng(5)
    frame = pd.DataFrame(
        {"order_id": rng.integers(0, 90, 500), "item_id": rng.integers(0, 20, 500).astype(str)}
    )
    frame.to_parquet(tmp_path / "lines.parquet", row_group_size=37)
    whole, chunks = (
        Baskets.from_frame(frame),
        Baskets.from_parquet(tmp_path / "lines.parquet", rows_per_chunk=64),
    )
    pd.testing.assert_frame_equal(whole.to_frame(), chunks.to_frame())
    assert chunks.report.n_duplicates == whole.report.n_duplicates


def test_parquet_of_texts_and_numbers_is_refused(tmp_path: Path) -> None:
    pytest.importorskip("pyarrow")
    pd.DataFrame({"order_id": [1], "item_id": ["a"]}).to_parquet(tmp_path / "a.parquet")
    pd.DataFrame({"order_id": [1], "item_id": [1]}).to_parquet(tmp_path / "b.parquet")
    with pytest.raises(InvalidDataError, match="'item_id' holds whole numbers in one file"):
        Baskets.from_parquet(tmp_path)
    with pytest.raises(MissingColumnError, match="Did you mean 'item_id'"):
        Baskets.from_parquet(tmp_path, item_id="itemid")
    (tmp_path / "c.parquet").write_text("no")
    with pytest.raises(InvalidDataError, match="no Parquet file"):
        Baskets.from_parquet(tmp_path / "c.parquet")


def orders_frame() -> pd.DataFrame:
    frame = lines_frame().dropna(subset=["order", "price"])
    frame = frame[frame["price"] > 0].fillna({"customer": "cy"})
    names = {v: k for k, v in ROLES.items()}
    return frame.rename(columns=names).assign(order_id=lambda f: f["order_id"].astype("int64"))


def test_orders_of_every_engine_keep_purchases_only(engine: str) -> None:
    orders = Orders(to_engine(engine, orders_frame()))
    baskets = Baskets.from_orders(orders)
    assert as_sets(baskets) == [{"cup"}, {"tea", "pot"}]
    assert baskets.report.ignored == {"return": 1, "no_units": 1, "missing_item_id": 1}
    assert baskets.prices is not None
    assert dict(zip(baskets.items, baskets.prices, strict=True)) == {"cup": 4, "pot": 20, "tea": 4}
    assert baskets.to_frame()["customer_id"].tolist() == ["bo", "ann", "ann"]


def test_ignored_lines_can_be_read_back(engine: str) -> None:
    baskets = Baskets.from_frame(to_engine(engine, lines_frame()), **ROLES)
    if engine in ("duckdb", "polars-lazy"):
        with pytest.raises(InvalidDataError, match="counted and not kept"):
            baskets.report.ignored_rows()
        return
    found = baskets.report.ignored_rows("return")
    assert pd.Series(found["row"].to_numpy()).tolist() == [5, 9]
    assert len(baskets.report.ignored_rows()) == 5
    with pytest.raises(InvalidParameterError, match="Did you mean 'return'"):
        baskets.report.ignored_rows("returns")


def test_orders_without_units_and_with_shared_numbers() -> None:
    frame = pd.DataFrame(
        {
            "customer_id": [1, 2, 2],
            "order_id": ["a", "a", "b"],
            "ordered_at": pd.to_datetime(["2026-01-02", "2026-01-01", "2026-01-03"]),
            "item_id": [10, 10, 11],
            "amount": [5.0, 7.0, -1.0],
        }
    )
    baskets = Baskets.from_orders(Orders(frame))
    assert baskets.to_frame().to_dict("list") == {
        "order_id": ["a", "a"],
        "item_id": [10, 10],
        "customer_id": [1, 2],
        "ordered_at": [pd.Timestamp("2026-01-02"), pd.Timestamp("2026-01-01")],
    }
    assert baskets.prices is not None
    assert baskets.prices.tolist() == [6.0]


def test_unknown_customers_go_with_the_only_customer_of_their_order(engine: str) -> None:
    frame = pd.DataFrame(
        {
            "order_id": [1, 1, 2, 2, 2],
            "item_id": ["a", "b", "a", "b", "c"],
            "customer_id": ["x", None, "x", "y", None],
        }
    )
    found = Baskets.from_frame(to_engine(engine, frame), customer_id="customer_id").to_frame()
    rows = found.astype(object).where(found.notna(), None).to_numpy().tolist()
    assert rows == [
        [1, "a", "x"],
        [1, "b", "x"],
        [2, "c", None],
        [2, "a", "x"],
        [2, "b", "y"],
    ]


def test_several_columns_name_an_order_together(engine: str) -> None:
    frame = pd.DataFrame(
        {"who": [2, 1, 1, 1, None], "day": ["m", "m", "t", "m", "m"], "what": list("abcaa")}
    )
    frame["who"] = frame["who"].astype("Int64")
    baskets = Baskets.from_frame(to_engine(engine, frame), order_id=["who", "day"], item_id="what")
    assert baskets.order_ids is not None
    assert baskets.order_ids.tolist() == [(1, "m"), (1, "t"), (2, "m")]
    assert as_sets(baskets) == [{"a", "b"}, {"c"}, {"a"}]
    assert baskets.report.ignored == {"missing_order_id": 1}


@given(LISTS)
def test_every_form_holds_the_same_baskets(lists: list[list[int]]) -> None:
    baskets = Baskets.from_lists(lists)
    assert as_sets(baskets) == [set(row) for row in lists]
    assert baskets.report.n_duplicates == sum(len(row) - len(set(row)) for row in lists)
    assert baskets.report.n_empty == sum(not row for row in lists)
    assert baskets.items.tolist() == sorted({item for row in lists for item in row})
    assert as_sets(Baskets.from_sparse(baskets.to_sparse(), baskets.items)) == as_sets(baskets)
    if lists and baskets.n_items:
        for sparse in (False, True):
            onehot = baskets.to_onehot(sparse=sparse)
            assert as_sets(Baskets.from_onehot(onehot)) == as_sets(baskets)
    counts = [sum(item in row for row in lists) for item in baskets.items.tolist()]
    assert baskets.item_counts.tolist() == counts


@given(LISTS, st.integers(0, 3))
def test_merging_keeps_every_count(lists: list[list[int]], keep_bits: int) -> None:
    baskets = Baskets.from_lists(lists)
    merged = baskets.merged
    rows = np.split(baskets.items[merged.indices], merged.indptr[1:-1])
    found = {tuple(r.tolist()): int(w) for r, w in zip(rows, merged.weights, strict=False)}
    assert len(found) == len(merged.weights)
    wanted: dict[tuple[int, ...], int] = {}
    for row in lists:
        if row:
            key = tuple(sorted(set(row)))
            wanted[key] = wanted.get(key, 0) + 1
    assert found == wanted


@given(LISTS)
def test_colliding_hashes_never_merge_different_baskets(lists: list[list[int]]) -> None:
    baskets = Baskets.from_lists(lists)
    original = merging._hash_rows
    merging._hash_rows = lambda starts, *rest: original(starts, *rest) & np.uint64(1)
    try:
        merged = merging.merge_rows(baskets.indptr, baskets.indices, None, baskets.n_items)
    finally:
        merging._hash_rows = original
    rows = {
        tuple(merged.indices[a:b].tolist()): int(w)
        for a, b, w in zip(merged.indptr[:-1], merged.indptr[1:], merged.weights, strict=True)
    }
    plain = baskets.merged
    assert len(rows) == len(merged.weights) == len(plain.weights)
    assert sum(rows.values()) == int(plain.weights.sum())


def test_weights_stand_for_baskets() -> None:
    baskets = Baskets.from_lists([["a", "b"], ["b"], []], weights=[3, 0, 2])
    assert (len(baskets), baskets.n_entries, baskets.density) == (5, 6, 6 / 10)
    assert baskets.item_counts.tolist() == [3, 3]
    assert baskets.to_sparse().toarray().tolist() == [[1, 1]] * 3 + [[0, 0]] * 2
    assert baskets.merged.weights.tolist() == [3, 0]
    assert baskets.with_weights([1, 1, 1]).n_baskets == 3
    with pytest.raises(InvalidParameterError, match="weights must be 3 whole numbers"):
        Baskets.from_lists([[], [], []], weights=[1, 2])


def test_giant_baskets_are_told_and_left_out_only_if_asked() -> None:
    lists = [list(range(12)), [1, 2], [50]]
    with pytest.warns(DataWarning, match=r"1 basket of 3 have more than 10 items, the largest 12"):
        baskets = Baskets.from_lists(lists, giant_above=10)
    assert (baskets.report.n_giant, len(baskets)) == (1, 3)
    small = Baskets.from_lists(lists, max_items=10)
    assert small.items.tolist() == [1, 2, 50]
    assert small.report.removed.tolist() == [0]
    assert small.report.n_removed == 1
    assert len(small) == 2
    assert "baskets removed" in str(small.report)
    frame = pd.DataFrame({"order_id": ["big"] * 3 + ["small"], "item_id": [1, 2, 3, 1]})
    assert Baskets.from_frame(frame, max_items=2).report.removed.tolist() == ["big"]


def test_items_can_be_chosen_and_left_out() -> None:
    baskets = Baskets.from_lists([["a", "b", "c"], ["c"], ["b"]])
    assert as_sets(baskets.select(["c", "a", "c"])) == [{"a", "c"}, {"c"}, set()]
    assert as_sets(baskets.without(["b"])) == [{"a", "c"}, {"c"}, set()]
    assert baskets.select(["a"]).items.tolist() == ["a"]
    assert baskets.codes_of(["c", "a"]).tolist() == [0, 2]
    with pytest.raises(InvalidParameterError, match="'d' is not a known item"):
        baskets.select(["d"])
    with pytest.raises(InvalidParameterError, match="must be a list of items; got str"):
        baskets.select("a")
    with pytest.raises(InvalidParameterError, match="are texts; got int"):
        baskets.without([1])


def test_some_customers_and_some_time() -> None:
    baskets = Baskets.from_frame(lines_frame(), **ROLES)
    ann = baskets.where(customers=pd.Series(["ann", "nobody"]))
    assert as_sets(ann) == [{"tea", "pot"}]
    assert ann.items.tolist() == baskets.items.tolist()
    assert as_sets(baskets.where(baskets.sizes == 1)) == [{"cup"}, {"tea"}]
    assert len(baskets.between("2026-01-05 09:00", "2026-01-06 08:00")) == 1
    assert len(baskets.between()) == 3
    with pytest.raises(InvalidParameterError, match="a mask, or customers="):
        baskets.where()
    with pytest.raises(InvalidParameterError, match="3 truth values"):
        baskets.where([1, 0, 1])
    bare = Baskets.from_lists([["a"]])
    with pytest.raises(InvalidParameterError, match="no customers"):
        bare.where(customers=["ann"])
    with pytest.raises(InvalidParameterError, match="no times"):
        bare.between("2026-01-01")


TAXONOMY = {"assam": "tea", "sencha": "tea", "pot": "ware"}


def test_categories_replace_items() -> None:
    baskets = Baskets.from_lists([["assam", "sencha", "pot"], ["sencha", "rope"], ["rope"]])
    replaced = baskets.with_taxonomy(TAXONOMY)
    assert as_sets(replaced) == [{"tea", "ware"}, {"tea"}, set()]
    assert "1 item without one left out" in replaced.report.notes[0]
    frame = pd.DataFrame({"item_id": list(TAXONOMY), "category": list(TAXONOMY.values())})
    assert as_sets(baskets.with_taxonomy(Items(frame))) == as_sets(replaced)
    with pytest.raises(MissingColumnError, match="'brand'"):
        baskets.with_taxonomy(Items(frame), "brand")
    with pytest.raises(InvalidParameterError, match="no item of the baskets"):
        baskets.with_taxonomy({1: "tea"})
    with pytest.raises(InvalidParameterError, match="mode"):
        baskets.with_taxonomy(TAXONOMY, mode="both")  # type: ignore[arg-type]
    with pytest.raises(InvalidParameterError, match="mapping"):
        baskets.with_taxonomy([1])  # type: ignore[arg-type]


def test_categories_stand_beside_items_level_by_level() -> None:
    baskets = Baskets.from_lists([["assam", "sencha", "pot"], ["sencha", "rope"], []])
    two = baskets.with_taxonomy(TAXONOMY, "kind", mode="add").with_taxonomy(
        {"assam": "drinks", "sencha": "drinks"}, "shelf", mode="add"
    )
    assert as_sets(two) == [
        {"assam", "sencha", "pot", "kind: tea", "kind: ware", "shelf: drinks"},
        {"sencha", "rope", "kind: tea", "shelf: drinks"},
        set(),
    ]
    assert two.related is not None
    assert {tuple(pair) for pair in two.items[two.related].tolist()} == {
        ("assam", "kind: tea"),
        ("sencha", "kind: tea"),
        ("pot", "kind: ware"),
        ("assam", "shelf: drinks"),
        ("sencha", "shelf: drinks"),
    }
    some = two.without(["assam"])
    assert some.related is not None
    assert len(some.related) == 3


def test_onehot_frames_of_every_kind(engine: str) -> None:
    frame = pd.DataFrame({"tea": [1, 0, 1], "pot": [0, 0, 1]})
    for version in (frame, frame.astype(bool), frame.astype(float)):
        assert as_sets(Baskets.from_onehot(to_engine(engine, version))) == [
            {"tea"},
            set(),
            {"tea", "pot"},
        ]


def test_transaction_encoders_are_understood() -> None:
    preprocessing = pytest.importorskip("mlxtend.preprocessing")
    lists = [["tea", "pot"], ["tea"], ["cup"]]
    encoder = preprocessing.TransactionEncoder()
    dense = pd.DataFrame(encoder.fit_transform(lists), columns=encoder.columns_)
    sparse = pd.DataFrame.sparse.from_spmatrix(
        encoder.transform(lists, sparse=True).astype(np.uint8), columns=encoder.columns_
    )
    for frame in (dense, sparse):
        assert as_sets(Baskets.from_onehot(frame)) == [set(row) for row in lists]
    named = dense.set_axis(pd.Index(["x", "y", "z"], name="order"), axis=0)
    assert Baskets.from_onehot(named).to_frame()["order_id"].tolist() == ["x", "x", "y", "z"]


def test_onehot_frames_of_something_else_are_refused() -> None:
    with pytest.raises(InvalidDataError, match="'tea' holds other values in 1 row"):
        Baskets.from_onehot(pd.DataFrame({"tea": [0, 2]}))
    with pytest.raises(InvalidDataError, match="'tea' holds other values in 2 rows"):
        Baskets.from_onehot(pd.DataFrame({"tea": ["x", "y"]}))
    with pytest.raises(InvalidDataError, match="two columns for the item 'a'"):
        Baskets.from_onehot(pd.DataFrame([[1, 0]], columns=["a", "a"]))
    nulls = pd.DataFrame({"tea": [1.0, None], "pot": pd.array([True, None], dtype="boolean")})
    baskets = Baskets.from_onehot(nulls)
    assert baskets.report.ignored == {"missing_item_id": 2}
    assert baskets.item_counts.tolist() == [1, 1]
    with pytest.raises(InvalidDataError, match="counted and not kept"):
        baskets.report.ignored_rows()


def test_sparse_matrices_of_something_else_are_refused() -> None:
    from scipy.sparse import coo_array, csr_matrix

    assert as_sets(Baskets.from_sparse(csr_matrix([[2.0, 0.0]]))) == [{0}]
    cells = (np.array([0, 1, 1]), (np.array([0, 0, 0]), np.array([1, 0, 0])))
    assert as_sets(Baskets.from_sparse(coo_array(cells, shape=(1, 2)), ["a", "b"])) == [{"a"}]
    with pytest.raises(InvalidDataError, match="negative values or NaN in 1 row"):
        Baskets.from_sparse(csr_matrix([[-1, 1]]))
    with pytest.raises(InvalidParameterError, match="must be a SciPy sparse"):
        Baskets.from_sparse(np.eye(2))
    for items, message in ((["a"], "2 columns"), (["a", "a"], "twice"), ([1.5, None], "whole")):
        with pytest.raises(InvalidParameterError, match=message):
            Baskets.from_sparse(csr_matrix([[1, 1]]), items)


@pytest.mark.parametrize(
    "lists", [["tea"], [b"tea"], [1], [[1, "a"]], [[1.5]], [[True]], [[("a", "b")]]]
)
def test_lists_of_something_else_are_refused(lists: Any) -> None:
    with pytest.raises(InvalidDataError, match=r"list of items|whole numbers, or texts"):
        Baskets.from_lists(lists)


def test_frames_of_something_else_are_refused() -> None:
    frame = pd.DataFrame({"order_id": [1], "item_id": ["a"], "at": ["x"], "x": [1.5]})
    with pytest.raises(MissingColumnError, match=r"item_id: 'itemid' .* Did you mean 'item_id'"):
        Baskets.from_frame(frame, item_id="itemid")
    with pytest.raises(ColumnTypeError, match="must hold times or dates"):
        Baskets.from_frame(frame, ordered_at="at")
    with pytest.raises(ColumnTypeError, match="1 row hold a fraction"):
        Baskets.from_frame(frame, order_id="x")
    with pytest.raises(InvalidParameterError, match="same column"):
        Baskets.from_frame(frame, item_id="order_id")
    with pytest.raises(InvalidParameterError, match="order_id must be the name"):
        Baskets.from_frame(frame, order_id=[])
    with pytest.raises(InvalidParameterError, match="2 problems"):
        Baskets.from_frame(frame, giant_above=0, max_items=1.5)  # type: ignore[arg-type]
    with pytest.raises(InvalidParameterError, match="must be an Orders table"):
        Baskets.from_orders(frame)  # type: ignore[arg-type]
    with pytest.raises(MissingColumnError, match="item_id"):
        Baskets.from_orders(
            Orders(
                pd.DataFrame(
                    {
                        "customer_id": [1],
                        "order_id": [1],
                        "ordered_at": pd.to_datetime(["2026-01-01"]),
                        "amount": [1.0],
                    }
                )
            )
        )


def test_missing_times_are_named(engine: str) -> None:
    frame = pd.DataFrame({"order_id": [1, 2], "item_id": ["a", "b"]})
    frame["at"] = pd.to_datetime(["2026-01-01", None])
    with pytest.raises(InvalidDataError, match="1 time of 'at' missing"):
        Baskets.from_frame(to_engine(engine, frame), ordered_at="at")


def test_arrays_that_do_not_fit_are_refused() -> None:
    ends, codes = np.array([0, 1]), np.array([3], dtype=np.int32)
    with pytest.raises(InvalidParameterError, match="positions in the 1 items"):
        Baskets(ends, codes, np.array([7]))
    with pytest.raises(InvalidParameterError, match="must start at 0"):
        Baskets(np.array([0, 2]), codes, np.arange(5))
    with pytest.raises(InvalidParameterError, match="must not fall"):
        Baskets(np.array([0, 2, 1]), codes, np.arange(5))
    with pytest.raises(InvalidParameterError, match="at must have 1 values; got 2"):
        Baskets(ends, codes, np.arange(5), at=np.array([1, 2]))


def test_nothing_at_all_is_fine() -> None:
    for baskets in (Baskets.from_lists([]), Baskets.from_lists([[], [None]])):
        assert baskets.n_items == 0
        assert np.isnan(baskets.density)
        assert len(baskets.merged.weights) == 0
        assert baskets.to_frame().empty
        assert baskets._repr_html_()
    empty = lines_frame().iloc[:0]
    assert len(Baskets.from_frame(empty, **ROLES)) == 0
    assert len(Baskets.from_onehot(pd.DataFrame({"a": []}))) == 0


def test_reports_read_well_and_baskets_pickle() -> None:
    baskets = Baskets.from_frame(lines_frame(), **ROLES)
    again = pickle.loads(pickle.dumps(baskets))
    pd.testing.assert_frame_equal(again.to_frame(), baskets.to_frame())
    assert again.report.to_dict() == baskets.report.to_dict()
    assert baskets.report.to_frame()["n"].tolist()[:2] == [10, 5]
    assert repr(baskets) == "<Baskets: 3 baskets, 3 items, 4 entries, 5 lines ignored>"
    odd = Baskets.from_lists([["<b>"]])
    assert "&lt;b&gt;" in odd._repr_html_()
    assert "lines read" in odd.report._repr_html_()
