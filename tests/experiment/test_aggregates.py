from __future__ import annotations

from datetime import date
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from threadpoolctl import threadpool_limits

from helpers.engines import ENGINES, MORE, require_engine, to_engine
from userportrait.errors import (
    ColumnTypeError,
    InvalidDataError,
    InvalidParameterError,
    MissingColumnError,
)
from userportrait.experiment import Aggregates, Column
from userportrait.experiment import _aggregates_sql as sql
from userportrait.experiment._aggregates_panel import PANEL_ROWS

COLUMNS = ["spend", "visits", "past"]


def customers(n: int = 5_000, seed: int = 0, arms: tuple[Any, ...] = ("A", "B")) -> pd.DataFrame:
    luck = np.random.default_rng(seed)
    past = luck.lognormal(2.0, 1.0, n)
    return pd.DataFrame(
        {
            "variant": luck.choice(np.array(arms), n),
            "city": luck.choice(np.array(["Leeds", "York", None], dtype=object), n),
            "day": [date(2026, 3, 1 + int(i)) for i in luck.integers(0, 3, n)],
            "past": past,
            "spend": past * 0.3 + luck.lognormal(1.0, 1.2, n),
            "visits": luck.poisson(2.0, n),
            "bought": luck.random(n) < 0.2,
        }
    )


def check_against_numpy(found: Aggregates, frame: pd.DataFrame, columns: list[str]) -> None:
    """Compare with numpy's own mean and covariance of each arm's rows."""
    for variant in found.variants:
        rows = frame.loc[frame["variant"].astype(str) == variant, columns].to_numpy(float)
        moments = found.moments(variant)
        assert moments.n == len(rows)
        np.testing.assert_allclose(moments.means, rows.mean(axis=0), rtol=1e-12)
        wanted = np.cov(rows.T).reshape(len(columns), -1)
        size = np.sqrt(np.outer(np.diag(wanted), np.diag(wanted)))
        np.testing.assert_array_less(np.abs(moments.cross / (len(rows) - 1) - wanted), 1e-12 * size)


@pytest.mark.parametrize("name", [*ENGINES, *MORE[:2]])
def test_every_engine_gives_numpys_moments(name: str) -> None:
    frame = customers()
    native = to_engine(require_engine(name), frame)
    found = Aggregates.from_frame(native, [*COLUMNS, "bought"])
    assert found.variants == ("A", "B")
    check_against_numpy(found, frame, [*COLUMNS, "bought"])


@pytest.mark.spark
def test_spark_gives_numpys_moments(spark: Any) -> None:
    frame = customers()
    found = Aggregates.from_frame(to_engine("spark", frame), COLUMNS, by=["day"])
    check_against_numpy(found.collapse(), frame, COLUMNS)
    assert found.groups() == (("2026-03-01",), ("2026-03-02",), ("2026-03-03",))
    frame.loc[[3, 7], "spend"] = np.nan
    with pytest.raises(InvalidDataError, match="'spend' has 2 missing values"):
        Aggregates.from_frame(to_engine("spark", frame), COLUMNS)


def test_all_engines_agree_on_segments_caps_and_missing_values(engine: str) -> None:
    frame = customers()
    frame.loc[::50, "spend"] = np.nan
    columns = [
        Column(source="spend", lower=1.0, upper=20.0),
        Column(source="spend", above=2.0),
        "visits",
    ]
    for missing in ("zero", "drop"):
        ask: dict[str, Any] = {"by": ["city", "day"], "missing": missing}
        wanted = Aggregates.from_frame(frame, columns, **ask)
        found = Aggregates.from_frame(to_engine(engine, frame), columns, **ask)
        assert found.keys == wanted.keys
        assert ("A", "(missing)", "2026-03-01") in found.keys
        np.testing.assert_array_equal(found.n, wanted.n)
        np.testing.assert_array_equal(found.filled, wanted.filled)
        np.testing.assert_array_equal(found.dropped, wanted.dropped)
        np.testing.assert_allclose(found.means, wanted.means, rtol=1e-12)
        np.testing.assert_allclose(found.cross, wanted.cross, rtol=1e-12, atol=1e-9)
        n_lost = int(frame["spend"].isna().sum())
        assert found.dropped.sum() == (n_lost if missing == "drop" else 0)
        assert found.filled[:, 0].sum() == (n_lost if missing == "zero" else 0)


def test_engines_in_memory_give_the_same_bits(engine: str) -> None:
    if engine == "duckdb":
        pytest.skip("DuckDB adds up in its own order")
    frame = customers(PANEL_ROWS + 1_000)
    wanted = Aggregates.from_frame(frame, COLUMNS, by=["city"])
    found = Aggregates.from_frame(to_engine(engine, frame), COLUMNS, by=["city"])
    assert found.to_bytes() == wanted.to_bytes()


def test_duckdb_runs_one_query_and_a_second_only_for_missing_values(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    require_engine("duckdb")
    asked: list[Any] = []
    run = sql._run

    def counted(*arguments: Any) -> Any:
        asked.append(arguments)
        return run(*arguments)

    monkeypatch.setattr(sql, "_run", counted)
    frame = customers(900)
    Aggregates.from_frame(to_engine("duckdb", frame), [*COLUMNS, "bought"], by=["city", "day"])
    assert len(asked) == 1
    frame.loc[5, "spend"] = np.nan
    Aggregates.from_frame(to_engine("duckdb", frame), COLUMNS, missing="drop")
    assert len(asked) == 3


def test_caps_and_indicators_are_those_of_the_column_class() -> None:
    frame = customers(500)
    column = Column(source="spend", above=3.0)
    found = Aggregates.from_frame(frame, [column]).moments("A")
    rows = frame.loc[frame["variant"] == "A", "spend"]
    assert found.mean("spend above 3") == pytest.approx((rows > 3.0).mean(), rel=1e-12)


@pytest.mark.parametrize("name", ["pandas", "duckdb"])
def test_a_shift_of_a_billion_changes_no_variance(name: str) -> None:
    luck = np.random.default_rng(3)
    # Multiples of 1/64 are exact beside 1e9, so that only the arithmetic can err.
    values = np.round(luck.lognormal(1.0, 1.0, 400_000) * 64) / 64
    frame = pd.DataFrame({"variant": luck.integers(0, 2, len(values)), "spend": values})
    frame = frame.sort_values("spend", ignore_index=True)  # the worst case for a pilot
    require_engine(name)
    plain = Aggregates.from_frame(to_engine(name, frame), ["spend"])
    frame["spend"] += 1e9
    moved = Aggregates.from_frame(to_engine(name, frame), ["spend"])
    for variant in plain.variants:
        wanted = plain.moments(variant).variance("spend")
        assert moved.moments(variant).variance("spend") == pytest.approx(wanted, rel=1e-10)


def test_arms_and_groups_far_apart_keep_their_digits() -> None:
    luck = np.random.default_rng(5)
    arm = np.r_[np.zeros(3_000, dtype=int), np.ones(3_000, dtype=int), [2] * 5]
    plain = np.round(luck.standard_normal(len(arm)) * 64) / 64
    moved = plain + np.array([0.0, 1e9, -1e9])[arm]
    order = luck.permutation(len(arm))
    near, far = (
        Aggregates.from_frame(pd.DataFrame({"variant": arm, "spend": v}).iloc[order], ["spend"])
        for v in (plain, moved)
    )
    np.testing.assert_allclose(far.cross, near.cross, rtol=1e-10)


def test_the_number_of_threads_changes_no_bit() -> None:
    luck = np.random.default_rng(0)
    rows = {f"x{i}": luck.standard_normal(30_000) for i in range(12)}
    frame = pd.DataFrame({"variant": luck.integers(0, 3, 30_000), **rows})
    seen: set[bytes] = set()
    for n in (1, 2, 4):
        with threadpool_limits(n):
            seen.add(Aggregates.from_frame(frame, list(rows)).to_bytes())
    assert len(seen) == 1


@given(
    st.lists(
        st.tuples(st.sampled_from("AB"), st.sampled_from(["x", "y"]), st.integers(-99, 99)),
        min_size=2,
        max_size=30,
    ),
    st.integers(0, 30),
)
def test_merging_any_cut_is_reading_the_whole(rows: list[tuple[str, str, int]], cut: int) -> None:
    frame = pd.DataFrame(rows, columns=["variant", "city", "spend"])
    frame["other"] = frame["spend"] ** 2 % 7
    whole = Aggregates.from_frame(frame, ["spend", "other"], by=["city"])
    parts = [frame[:cut], frame[cut:]]
    left, right = (Aggregates.from_frame(part, ["spend", "other"], by=["city"]) for part in parts)
    merged = left.merge(right)
    assert merged.keys == whole.keys
    np.testing.assert_array_equal(merged.n, whole.n)
    np.testing.assert_allclose(merged.means, whole.means, rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(merged.cross, whole.cross, rtol=1e-12, atol=1e-9)
    np.testing.assert_allclose(right.merge(left).cross, merged.cross, rtol=1e-12, atol=1e-9)


def test_merge_puts_the_columns_of_the_other_in_order() -> None:
    frame = customers(900)
    first = Aggregates.from_frame(frame[:400], ["spend", "visits"], by=["city", "day"])
    second = Aggregates.from_frame(frame[400:], ["visits", "spend"], by=["day", "city"])
    whole = Aggregates.from_frame(frame, ["spend", "visits"], by=["city", "day"])
    merged = first.merge(second)
    assert merged.keys == whole.keys
    np.testing.assert_allclose(merged.cross, whole.cross, rtol=1e-11, atol=1e-9)


def test_moments_of_a_segment_are_those_of_its_rows() -> None:
    frame = customers()
    found = Aggregates.from_frame(frame, COLUMNS, by=["city", "day"])
    moments = found.moments("B", city="York")
    rows = frame[(frame["variant"] == "B") & (frame["city"] == "York")]
    assert moments.n == len(rows)
    assert moments.variance("spend") == pytest.approx(rows["spend"].var(), rel=1e-12)
    assert (
        found.moments("B", day=date(2026, 3, 2)).n
        == ((frame["variant"] == "B") & (frame["day"] == date(2026, 3, 2))).sum()
    )
    assert found.moments("A", city="Rome").n == 0
    collapsed = found.collapse("city")
    assert collapsed.groups() == (("(missing)",), ("Leeds",), ("York",))
    assert collapsed.moments("B", city="York").mean("past") == pytest.approx(rows["past"].mean())


def test_thousands_of_clusters_are_counted_like_a_group_by() -> None:
    frame = customers(4_000)
    frame["shop"] = np.random.default_rng(1).integers(0, 700, len(frame))
    found = Aggregates.from_frame(frame, ["spend", "visits"], by=["shop"])
    groups = frame.groupby(["variant", "shop"])[["spend", "visits"]]
    wanted = groups.mean()
    place = {key: i for i, key in enumerate(found.keys)}
    order = [place[v, str(s)] for v, s in wanted.index]
    assert len(order) == len(found.keys)
    np.testing.assert_allclose(found.means[order], wanted.to_numpy(), rtol=1e-12)
    off = frame[["spend", "visits"]] - groups.transform("mean")
    products = (off["spend"] * off["visits"]).groupby([frame["variant"], frame["shop"]]).sum()
    np.testing.assert_allclose(found.cross[order, 1], products.to_numpy(), rtol=1e-9, atol=1e-9)
    check_against_numpy(found.collapse(), frame, ["spend", "visits"])


def test_only_products_within_a_metric_are_kept() -> None:
    frame = customers(200)
    found = Aggregates.from_frame(frame, COLUMNS, together=[["spend", "past"], ["visits"]])
    assert found.cross.shape[1] == 4
    moments = found.moments("A")
    rows = frame[frame["variant"] == "A"]
    wanted = np.cov(rows["spend"], rows["past"])[0, 1]
    assert moments.covariance("past", "spend") == pytest.approx(wanted, rel=1e-12)
    assert np.isnan(moments.covariance("visits", "spend"))
    with pytest.raises(InvalidParameterError, match="aggregate both alike"):
        found.merge(Aggregates.from_frame(frame, COLUMNS))
    with pytest.raises(MissingColumnError, match="Did you mean 'past'"):
        Aggregates.from_frame(frame, COLUMNS, together=[["pats"]])


@pytest.mark.parametrize(
    ("labels", "wanted"),
    [
        ([1, 0, 1], ("0", "1")),
        ([10.0, 9.0, 9.0], ("9", "10")),
        ([True, False, True], ("False", "True")),
        (["b", "B", "a"], ("B", "a", "b")),
        ([date(2026, 1, 2), date(2026, 1, 1), date(2026, 1, 1)], ("2026-01-01", "2026-01-02")),
    ],
)
def test_labels_of_any_type_become_the_same_texts(
    engine: str, labels: list[Any], wanted: tuple[str, ...]
) -> None:
    frame = pd.DataFrame({"variant": labels, "spend": [1.0, 2.0, 3.0]})
    found = Aggregates.from_frame(to_engine(engine, frame), ["spend"])
    assert found.variants == wanted
    assert found.count(labels[0]) == labels.count(labels[0])


def test_categories_without_rows_are_no_variants() -> None:
    variant = pd.Categorical(["B", "A", "B"], categories=["Z", "B", "A"])
    found = Aggregates.from_frame(pd.DataFrame({"variant": variant, "spend": [1, 2, 3]}), "spend")
    assert found.variants == ("A", "B")
    assert found.moments("B").mean("spend") == 2.0


def test_bytes_come_back_the_same() -> None:
    found = Aggregates.from_frame(customers(300), COLUMNS, by=["city"])
    again = Aggregates.from_bytes(found.to_bytes())
    assert again.to_bytes() == found.to_bytes()
    assert again.keys == found.keys
    with pytest.raises(InvalidDataError, match="not a table of aggregates"):
        Aggregates.from_bytes(b"something else")


def test_a_frame_of_groups_has_counts_and_means() -> None:
    table = Aggregates.from_frame(customers(300), ["spend"], by=["city"]).to_frame()
    assert list(table.columns) == ["variant", "city", "n", "mean of spend"]
    assert table["n"].sum() == 300


def test_no_rows_are_no_variants(engine: str) -> None:
    native = to_engine(engine, customers(3).iloc[:0].astype({"variant": str, "city": str}))
    found = Aggregates.from_frame(native, ["spend"])
    assert found.variants == ()
    with pytest.raises(InvalidParameterError, match="There is none"):
        found.moments("A")


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_values_that_are_no_numbers_are_counted_and_named(engine: str, value: float) -> None:
    frame = customers(50)
    frame.loc[[3, 20], "spend"] = value
    problem = "missing" if np.isnan(value) else "infinite"
    with pytest.raises(InvalidDataError, match=f"'spend' has 2 {problem} values") as caught:
        Aggregates.from_frame(to_engine(engine, frame), COLUMNS)
    assert caught.value.column == "spend"
    assert caught.value.rows == (() if engine == "duckdb" else (3, 20))


def test_units_without_a_variant_are_refused(engine: str) -> None:
    frame = customers(50)
    frame["variant"] = frame["variant"].astype(object)
    frame.loc[[3, 20, 21], "variant"] = None
    with pytest.raises(InvalidDataError, match="'variant' names no variant in 3 rows"):
        Aggregates.from_frame(to_engine(engine, frame), COLUMNS)


def test_values_too_large_to_square_are_refused(engine: str) -> None:
    frame = customers(50)
    frame.loc[4, "spend"] = 1e200
    with pytest.raises(InvalidDataError, match="'spend' has values whose squares"):
        Aggregates.from_frame(to_engine(engine, frame), ["spend"])


def test_a_column_of_texts_is_refused(engine: str) -> None:
    with pytest.raises(ColumnTypeError, match="'city' must hold numbers"):
        Aggregates.from_frame(to_engine(engine, customers(20)), ["city"])


def test_wrong_names_are_told_with_the_nearest() -> None:
    frame = customers(20)
    with pytest.raises(MissingColumnError, match="Did you mean 'spend'"):
        Aggregates.from_frame(frame, ["spned"])
    with pytest.raises(MissingColumnError, match="variant: 'arm'"):
        Aggregates.from_frame(frame, ["spend"], variant="arm")
    with pytest.raises(InvalidParameterError, match="other columns than the variant"):
        Aggregates.from_frame(frame, ["spend"], by=["variant"])
    with pytest.raises(InvalidParameterError, match="at least one column"):
        Aggregates.from_frame(frame, [])
    with pytest.raises(InvalidParameterError, match="missing: 'nothing' is not a known option"):
        Aggregates.from_frame(frame, ["spend"], missing="nothing")  # type: ignore[arg-type]
    found = Aggregates.from_frame(frame, ["spend"])
    with pytest.raises(InvalidParameterError, match="'C' is not a known variant"):
        found.moments("C")
    with pytest.raises(InvalidParameterError, match="'city' is not a known column of by"):
        found.moments("A", city="York")
    with pytest.raises(InvalidParameterError, match="same columns and by"):
        found.merge(Aggregates.from_frame(frame, ["visits"]))
    with pytest.raises(InvalidParameterError, match="merges with its own kind only"):
        found.merge("something")  # type: ignore[arg-type]
