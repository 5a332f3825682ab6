from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest

from helpers.engines import to_engine
from userportrait.errors import InvalidDataError, MissingColumnError
from userportrait.experiment import Aggregates, Experiment, Mean
from userportrait.testing import check_aggregates

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

COLUMNS = ["spend", "past"]


def customers(n: int = 600, seed: int = 0) -> pd.DataFrame:
    luck = np.random.default_rng(seed)
    past = luck.lognormal(2.0, 1.0, n)
    return pd.DataFrame(
        {
            "variant": luck.choice(["A", "B"], n),
            "city": luck.choice(["Leeds", "York"], n),
            "past": past,
            "spend": 0.3 * past + luck.lognormal(1.0, 1.0, n),
        }
    )


class Warehouse:
    """A store that groups with pandas; `centred=False` gives it the mistake of plain sums."""

    def __init__(self, table: pd.DataFrame, *, centred: bool = True) -> None:
        self.table, self.centred = table, centred

    def read_aggregates(
        self, columns: Sequence[str], *, variant: str, by: Sequence[str]
    ) -> Iterator[dict[str, Any]]:
        for key, part in self.table.groupby([variant, *by]):
            assert isinstance(key, tuple)
            row: dict[str, Any] = dict(zip([variant, *by], key, strict=True)) | {"n": len(part)}
            for a in columns:
                row[f"mean_{a}"] = part[a].mean()
                for b in columns:
                    middle = (part[a].mean(), part[b].mean()) if self.centred else (0.0, 0.0)
                    row[f"cross_{a}_{b}"] = ((part[a] - middle[0]) * (part[b] - middle[1])).sum()
            yield row


def same(found: Aggregates, wanted: Aggregates, rtol: float = 1e-10) -> None:
    assert found.keys == wanted.keys
    np.testing.assert_array_equal(found.n, wanted.n)
    np.testing.assert_allclose(found.means, wanted.means, rtol=rtol)
    np.testing.assert_allclose(found.cross, wanted.cross, rtol=rtol)


SQL = """
    SELECT variant, city, count(*) AS n,
        avg(spend) AS mean_spend, avg(past) AS mean_past,
        count(*) * covar_pop(spend, spend) AS cross_spend_spend,
        count(*) * covar_pop(spend, past) AS cross_past_spend,
        count(*) * covar_pop(past, past) AS cross_past_past
    FROM frame GROUP BY variant, city"""


def test_rows_of_sql_are_the_frames_aggregates() -> None:
    duckdb = pytest.importorskip("duckdb")
    frame = customers()
    relation = duckdb.sql(SQL)
    wanted = Aggregates.from_frame(frame, COLUMNS, by=["city"])
    same(Aggregates.from_rows(relation, COLUMNS, by=["city"]), wanted)
    rows = relation.to_df().to_dict("records")
    same(Aggregates.from_rows(rows, COLUMNS, by="city"), wanted)
    assert len(frame) == int(wanted.n.sum())


def plain_sums(frame: pd.DataFrame, by: list[str]) -> pd.DataFrame:
    made = frame.assign(
        n=1,
        sum_spend=frame["spend"],
        sum_past=frame["past"],
        sum_spend_spend=frame["spend"] ** 2,
        sum_spend_past=frame["spend"] * frame["past"],
        sum_past_past=frame["past"] ** 2,
    )
    names = ["n", *(name for name in made.columns if name.startswith("sum_"))]
    return made.groupby(by)[names].sum().reset_index()


def test_plain_sums_are_centred(engine: str) -> None:
    frame = customers()
    sums = to_engine(engine, plain_sums(frame, ["variant", "city"]))
    found = Aggregates.from_sums(sums, COLUMNS, by=["city"])
    same(found, Aggregates.from_frame(frame, COLUMNS, by=["city"]), rtol=1e-9)
    result = Experiment(Mean("spend", "past"), control="A").analyze(found)
    wanted = Experiment(Mean("spend", "past"), control="A").analyze(frame)
    assert result.effects[0].p_value == pytest.approx(wanted.effects[0].p_value, rel=1e-8)


def test_rows_of_one_group_merge() -> None:
    frame = customers()
    sums = plain_sums(frame, ["variant", "city"])
    found = Aggregates.from_sums(sums, COLUMNS)
    same(found, Aggregates.from_frame(frame, COLUMNS), rtol=1e-9)


def test_a_shift_keeps_the_digits() -> None:
    frame = customers()
    moved = frame.assign(spend=frame["spend"] + 1e9)
    sums = plain_sums(frame, ["variant"])  # of values less the shift
    found = Aggregates.from_sums(sums, COLUMNS, shift={"spend": 1e9})
    wanted = Aggregates.from_frame(moved, COLUMNS)
    np.testing.assert_allclose(found.means, wanted.means, rtol=1e-12)
    np.testing.assert_allclose(found.cross, wanted.cross, rtol=1e-6)
    with pytest.raises(MissingColumnError, match="shift: 'spned'"):
        Aggregates.from_sums(sums, COLUMNS, shift={"spned": 1.0})
    broken = plain_sums(moved, ["variant"])
    broken["sum_spend_spend"] *= 1 - 1e-6
    with pytest.raises(InvalidDataError, match="have lost their digits"):
        Aggregates.from_sums(broken, COLUMNS)


def test_only_the_products_of_a_metric_are_needed() -> None:
    row = {"variant": "A", "n": 3, "mean_a": 1.0, "mean_b": 2.0}
    row |= {"cross_a_a": 1.0, "cross_b_b": 4.0}
    found = Aggregates.from_rows([row], ["a", "b"], together=[["a"], ["b"]])
    assert found.moments("A").variance("b") == 2.0
    with pytest.raises(MissingColumnError, match="cross_a_b"):
        Aggregates.from_rows([row], ["a", "b"])


def test_a_group_without_units_has_no_sums() -> None:
    rows = [
        {"variant": "A", "n": 0, "mean_a": None, "cross_a_a": None},
        {"variant": "B", "n": 2, "mean_a": 3.0, "cross_a_a": 2.0},
    ]
    found = Aggregates.from_rows(rows, ["a"])
    assert found.count("A") == 0
    assert found.moments("B").mean("a") == 3.0
    assert np.isnan(found.means[0, 0])


@pytest.mark.parametrize("count", [1.5, -1, None, "many", float("nan")])
def test_counts_that_are_no_whole_numbers_are_refused(count: Any) -> None:
    rows = [
        {"variant": "B", "n": 2.0, "mean_a": 3.0, "cross_a_a": 2.0},
        {"variant": "A", "n": count, "mean_a": 3.0, "cross_a_a": 2.0},
    ]
    with pytest.raises(InvalidDataError, match="'n' must hold whole numbers") as caught:
        Aggregates.from_rows(rows, ["a"])
    assert caught.value.rows == (1,)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"mean_a": None}, "'mean_a' must hold finite numbers"),
        ({"mean_a": float("inf")}, "'mean_a' must hold finite numbers"),
        ({"cross_a_a": "x"}, "'cross_a_a' must hold finite numbers"),
        ({"cross_a_a": -1.0}, "squared deviations of 'a' is negative"),
        ({"variant": None}, "no label in 'variant'"),
    ],
)
def test_rows_that_cannot_be_right_are_refused(change: dict[str, Any], message: str) -> None:
    row = {"variant": "A", "n": 2, "mean_a": 3.0, "cross_a_a": 2.0} | change
    with pytest.raises(InvalidDataError, match=message):
        Aggregates.from_rows([row], ["a"])
    with pytest.raises(InvalidDataError, match="must be a mapping"):
        Aggregates.from_rows([("A", 2)], ["a"])  # type: ignore[list-item]


def test_a_store_of_ones_own_is_asked_and_checked() -> None:
    frame = customers()
    store = Warehouse(frame)
    same(
        Aggregates.from_store(store, COLUMNS, by=["city"]),
        Aggregates.from_frame(frame, COLUMNS, by=["city"]),
    )
    check_aggregates(store, frame, COLUMNS, by=["city"])


def test_a_store_that_breaks_promises_is_told_which() -> None:
    frame = customers()
    with pytest.raises(AssertionError, match="cross products differ"):
        check_aggregates(Warehouse(frame, centred=False), frame, COLUMNS)
    with pytest.raises(AssertionError, match="the units are"):
        check_aggregates(Warehouse(frame[:-5]), frame, COLUMNS, by="city")
    with pytest.raises(AssertionError, match="the groups are"):
        check_aggregates(Warehouse(frame[frame["city"] == "York"]), frame, COLUMNS, by="city")
    with pytest.raises(AssertionError, match="raised KeyError"):
        check_aggregates(Warehouse(frame.drop(columns="past")), frame, COLUMNS)
