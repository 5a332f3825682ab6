"""The profile of an audience: worked by hand, against a plain count, and on noise."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from userportrait._core.columns import BooleanColumn, TextColumn
from userportrait.audience import Audience
from userportrait.errors import InvalidParameterError, UnknownTagError
from userportrait.tags import TagTable, column_from
from userportrait.typing import Build

if TYPE_CHECKING:
    from userportrait._core.columns import Column

COLUMNS = [
    *("tag", "value", "n_audience", "n_all", "share_audience", "share_all"),
    *("tgi", "ci_low", "ci_high", "p_value", "q_value"),
]


def table_of(columns: dict[str, Column]) -> TagTable:
    n = len(next(iter(columns.values())))
    build = Build(as_of=datetime(2026, 1, 31), versions={})
    return TagTable(np.arange(1, n + 1), columns, build)


@pytest.fixture
def shop() -> TagTable:
    return table_of(
        {
            "n_orders": column_from([1, 1, 2, 3, 2, 1, None, 1]),
            "country": column_from(["FR", "UK", "UK", "FR", None, "UK", "UK", "UK"]),
            "is_lapsed": column_from([True, True, False, False, False, True, True, None]),
        }
    )


def test_a_profile_is_what_a_person_counts(shop: TagTable) -> None:
    found = Audience(shop, "n_orders >= 2").profile(["country", "is_lapsed"])
    assert list(found.columns) == COLUMNS
    assert found["tag"].tolist() == ["country"] * 3 + ["is_lapsed"] * 3
    assert found["value"].tolist() == ["FR", "UK", "(missing)", "yes", "no", "(missing)"]
    # Members are customers 3, 4 and 5.
    assert found["n_audience"].tolist() == [1, 1, 1, 0, 3, 0]
    assert found["n_all"].tolist() == [2, 5, 1, 4, 3, 1]
    assert found["share_audience"].tolist() == pytest.approx([1 / 3] * 3 + [0, 1, 0])
    assert found["share_all"].tolist() == [2 / 8, 5 / 8, 1 / 8, 4 / 8, 3 / 8, 1 / 8]
    # (1/3) / (2/8) × 100 and so on.
    assert found["tgi"].tolist() == pytest.approx([400 / 3, 160 / 3, 800 / 3, 0, 800 / 3, 0])
    # All three members have 'no', and nobody else: 1 of 56 ways to draw 3 of 8, doubled.
    assert found["p_value"].iloc[4] == pytest.approx(2 / 56)


def test_the_published_example_has_the_index_134_8() -> None:
    # 8.9 % of the audience and 6.6 % of everybody: Baike prints 134.9 for 134.8.
    base, size = 100_000, 1000
    with_value = np.zeros(base, dtype=bool)
    with_value[:89] = True
    with_value[size : size + 6600 - 89] = True
    member = np.arange(base) < size
    known = np.ones(base, dtype=bool)
    table = table_of(
        {"member": BooleanColumn(member, known), "value": BooleanColumn(with_value, known)}
    )
    (index,) = Audience(table, "member").profile(["value"]).query("value == 'yes'")["tgi"]
    assert round(index, 1) == 134.8


def test_shares_add_up_to_one_for_each_tag(shop: TagTable) -> None:
    sums = Audience(shop, "is_lapsed").profile().groupby("tag")[["share_audience", "share_all"]]
    assert sums.sum().to_numpy() == pytest.approx(1)


def test_tags_come_in_the_order_of_the_table_or_as_asked(shop: TagTable) -> None:
    audience = Audience(shop, "is_lapsed")
    assert list(audience.profile()["tag"].unique()) == ["n_orders", "country", "is_lapsed"]
    asked = audience.profile(iter(["is_lapsed", "n_orders"]))
    assert list(asked["tag"].unique()) == ["is_lapsed", "n_orders"]
    assert audience.profile([]).empty
    assert list(audience.profile([]).columns) == COLUMNS


def test_an_empty_audience_has_an_index_of_zero_and_knows_nothing(shop: TagTable) -> None:
    found = Audience(shop, "n_orders > 99").profile(["is_lapsed"])
    assert found["n_audience"].tolist() == [0, 0, 0]
    assert found["tgi"].tolist() == [0, 0, 0]
    assert found["ci_low"].tolist() == [0, 0, 0]
    assert found["ci_high"].tolist() == pytest.approx([200, 800 / 3, 800])
    assert found["p_value"].tolist() == found["q_value"].tolist() == [1, 1, 1]


def test_everybody_is_average_and_certainly_so(shop: TagTable) -> None:
    found = Audience(shop, "true").profile()
    for name in ("tgi", "ci_low", "ci_high"):
        assert (found[name] == 100).all()
    assert (found["p_value"] == 1).all()
    assert (found["q_value"] == 1).all()


def test_no_customers_make_an_empty_profile() -> None:
    nobody = table_of({"country": TextColumn(np.zeros(0, dtype=np.int32), ())})
    found = Audience(nobody, "country = 'FR'").profile()
    assert found.empty
    assert list(found.columns) == COLUMNS


def test_the_types_are_plain(shop: TagTable) -> None:
    found = Audience(shop, "is_lapsed").profile()
    assert found["n_audience"].dtype == found["n_all"].dtype == np.int64
    assert all(found[name].dtype == np.float64 for name in COLUMNS[4:])
    assert all(isinstance(label, str) for label in [*found["tag"], *found["value"]])
    assert list(found.index) == list(range(len(found)))


@pytest.mark.parametrize("expression", ["is_lapsed", "n_orders > 99", "true", "country = 'FR'"])
def test_a_profile_has_no_gaps(shop: TagTable, expression: str) -> None:
    assert not Audience(shop, expression).profile().isna().any().any()


NAMES = ("flag", "n", "text")
TAGS = st.fixed_dictionaries(
    {
        "flag": st.none() | st.booleans(),
        "n": st.none() | st.integers(0, 4),
        "text": st.none() | st.sampled_from(["a", "b", "c"]),
    }
)


@given(st.lists(TAGS, min_size=1, max_size=40))
def test_a_profile_agrees_with_a_plain_count(rows: list[dict[str, Any]]) -> None:
    columns = {name: column_from([row[name] for row in rows]) for name in NAMES}
    found = Audience(table_of(columns), "n >= 2").profile()
    members = [row for row in rows if row["n"] is not None and row["n"] >= 2]
    for line in found.to_dict("records"):
        n_all = sum(said(row[line["tag"]]) == line["value"] for row in rows)
        n_inside = sum(said(row[line["tag"]]) == line["value"] for row in members)
        assert (line["n_all"], line["n_audience"]) == (n_all, n_inside)
        share = n_inside / len(members) if members else 0
        assert line["tgi"] == pytest.approx(100 * share / (n_all / len(rows)))
        assert line["ci_low"] - 1e-6 <= line["tgi"] <= line["ci_high"] + 1e-6
        assert line["p_value"] <= line["q_value"] + 1e-12


def said(value: Any) -> str:
    if value is None:
        return "(missing)"
    return {True: "yes", False: "no"}[value] if isinstance(value, bool) else str(value)


@given(st.lists(TAGS, min_size=1, max_size=30), st.randoms())
def test_the_order_of_customers_does_not_matter(rows: list[dict[str, Any]], random: Any) -> None:
    shuffled = random.sample(rows, len(rows))
    profiles = []
    for order in (rows, shuffled):
        columns = {name: column_from([row[name] for row in order]) for name in NAMES}
        profiles.append(Audience(table_of(columns), "flag").profile())
    pd.testing.assert_frame_equal(*profiles)


# --- findings ----------------------------------------------------------------------------


def noise(random: np.random.Generator, n: int) -> dict[str, Column]:
    known = np.ones(n, dtype=bool)
    columns: dict[str, Column] = {"member": BooleanColumn(random.random(n) < 0.05, known)}
    columns |= {f"flag{i}": BooleanColumn(random.random(n) < 0.02, known) for i in range(20)}
    for i in range(20):
        codes = random.integers(0, 15, n).astype(np.int32)
        columns[f"text{i}"] = TextColumn(codes, tuple(map(str, range(15))))
    return columns


def test_an_audience_that_differs_in_nothing_has_no_findings() -> None:
    # 200 shops of 1,000 customers, 340 rows each: without a correction, the largest index of a
    # small audience always looks like a finding.
    random = np.random.default_rng(1)
    false, above_150 = 0, 0
    for _ in range(200):
        found = Audience(table_of(noise(random, 1000)), "member").profile()
        others = found[found["tag"] != "member"]
        false += bool((others["q_value"] <= 0.05).any())
        above_150 += bool((others["tgi"] > 150).any())
    assert false / 200 <= 0.05
    assert above_150 == 200


def test_what_the_expression_uses_makes_nothing_else_a_finding() -> None:
    # One tag has 20 values, all of them in or out by construction: 20 certain findings would
    # let p = 0.05 × 21 / 22 of another tag pass as well.
    random = np.random.default_rng(2)
    n = 2000
    chosen = TextColumn(random.integers(0, 20, n).astype(np.int32), tuple("abcdefghijklmnopqrst"))
    other = BooleanColumn(random.random(n) < 0.5, np.ones(n, dtype=bool))
    audience = Audience(table_of({"chosen": chosen, "other": other}), "chosen < 'k'")
    found = audience.profile()
    rest = found[found["tag"] == "other"]
    assert (found[found["tag"] == "chosen"]["q_value"] < 1e-6).all()
    assert rest["q_value"].to_numpy() == pytest.approx(rest["p_value"].to_numpy())


def test_a_real_difference_is_found() -> None:
    random = np.random.default_rng(3)
    columns = noise(random, 5000)
    member = columns["member"].values  # type: ignore[union-attr]
    rate = np.where(member, 0.3, 0.1)
    columns["planted"] = BooleanColumn(random.random(5000) < rate, np.ones(5000, dtype=bool))
    found = Audience(table_of(columns), "member").profile()
    findings = found[(found["q_value"] <= 1e-6) & (found["tag"] != "member")]
    assert set(findings["tag"]) == {"planted"}
    assert findings.query("value == 'yes'")["ci_low"].item() > 150


# --- parameters --------------------------------------------------------------------------


def test_all_bad_parameters_are_named_at_once(shop: TagTable) -> None:
    with pytest.raises(InvalidParameterError, match=r"Audience.profile: 3 problems") as caught:
        Audience(shop, "true").profile(min_size=0, confidence_level=95, n_bins=1)
    assert "confidence_level must be a number in (0, 1); got 95." in str(caught.value)


def test_a_misspelt_tag_gets_a_hint(shop: TagTable) -> None:
    with pytest.raises(UnknownTagError, match="Did you mean 'country'"):
        Audience(shop, "true").profile(["cuontry"])


def test_a_single_name_is_not_a_list(shop: TagTable) -> None:
    with pytest.raises(InvalidParameterError, match=r"a list of names: \['country'\]"):
        Audience(shop, "true").profile("country")


def test_a_lower_level_gives_a_shorter_interval(shop: TagTable) -> None:
    audience = Audience(shop, "is_lapsed")
    wide, narrow = audience.profile(), audience.profile(confidence_level=0.5)
    assert (narrow["ci_high"] - narrow["ci_low"] <= wide["ci_high"] - wide["ci_low"]).all()
