"""Audiences: members, frames, explanations, set algebra, display."""

from __future__ import annotations

import pickle
import warnings
from datetime import datetime
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from helpers.engines import to_pandas
from userportrait.audience import Audience, Expression, parse_expression, select_audience
from userportrait.errors import (
    CustomerNotFoundError,
    DataWarning,
    ExpressionError,
    InvalidParameterError,
    UnknownTagError,
)
from userportrait.tags import TagTable, column_from
from userportrait.typing import Build

BUILD = Build(as_of=datetime(2026, 1, 31), versions={})


def shop_of(ids: list[Any]) -> TagTable:
    kind = object if isinstance(ids[0], str) else np.int64
    columns = {
        "spend": column_from([250.0, 80.0, None, 120.0]),
        "n_orders": column_from([3, 1, 2, None]),
        "country": column_from(["France", "France", None, "Spain"]),
        "is_lapsed": column_from([False, True, None, False]),
    }
    return TagTable(np.array(ids, dtype=kind), columns, BUILD)


@pytest.fixture
def shop() -> TagTable:
    return shop_of([101, 102, 103, 104])


# --- members -----------------------------------------------------------------------------


def test_members_are_those_for_whom_the_expression_is_true(shop: TagTable) -> None:
    audience = Audience(shop, "spend >= 100")
    assert audience.customer_ids.tolist() == [101, 104]
    assert audience.customer_ids.dtype == np.int64
    assert audience.size == 2
    assert audience.share == 0.5
    assert audience.n_unknown == 1
    assert audience.n_customers == 4
    assert audience.members.tolist() == [True, False, False, True]
    assert audience.expression == parse_expression("spend >= 100")
    assert audience.table is shop


def test_not_leaves_the_unknown_out_unless_asked(shop: TagTable) -> None:
    assert Audience(shop, "not spend >= 100").customer_ids.tolist() == [102]
    assert Audience(shop, "(spend >= 100) is not true").customer_ids.tolist() == [102, 103]


def test_texts_stay_texts() -> None:
    audience = Audience(shop_of(["ann", "bo", "cy", "di"]), "n_orders >= 2")
    assert audience.customer_ids.tolist() == ["ann", "cy"]
    assert audience.customer_ids.dtype == object


def test_membership_can_be_asked(shop: TagTable) -> None:
    audience = Audience(shop, "spend >= 100")
    assert 101 in audience
    assert np.int64(104) in audience
    assert "101" in audience  # as `portraits["101"]` finds the customer 101
    for stranger in (102, 103, 105, 0, 10**30, "0101", "ann", 101.0, None, True):
        assert stranger not in audience
    texts = Audience(shop_of(["ann", "bo", "cy", "di"]), "spend >= 100")
    assert "ann" in texts
    assert "zoe" not in texts
    assert 101 not in texts


def test_what_a_caller_changes_stays_with_the_caller(shop: TagTable) -> None:
    audience = Audience(shop, "spend >= 100")
    audience.members[:] = False
    audience.customer_ids[:] = 0
    assert audience.customer_ids.tolist() == [101, 104]


def test_an_audience_cannot_be_changed(shop: TagTable) -> None:
    audience = Audience(shop, "true")
    with pytest.raises(AttributeError):
        audience.size = 3  # type: ignore[misc]
    with pytest.raises(AttributeError):
        audience.name = "x"  # type: ignore[attr-defined]


def test_a_shop_without_customers_has_an_empty_audience() -> None:
    audience = Audience(TagTable(np.zeros(0, dtype=np.int64), {}, BUILD), "true")
    assert (audience.size, audience.share, audience.n_unknown) == (0, 0.0, 0)
    assert audience.to_frame().columns.tolist() == ["customer_id"]
    assert repr(audience) == "<Audience 'true': 0 of 0 customers (0.0%)>"
    assert 5 not in audience


def test_a_tag_that_is_misspelt_is_an_error_with_a_hint(shop: TagTable) -> None:
    with pytest.raises(ExpressionError, match="Did you mean 'spend'"):
        select_audience(shop, "spnd > 3")


def test_only_a_text_or_an_expression_will_do(shop: TagTable) -> None:
    assert Audience(shop, parse_expression("true")).size == 4
    with pytest.raises(InvalidParameterError, match="expression must be a text or an Expression"):
        Audience(shop, 5)  # type: ignore[arg-type]


def test_a_text_that_looks_misspelt_warns_and_selects_all_the_same(shop: TagTable) -> None:
    message = r"no customer has country = 'Frnace'\. Did you mean 'France'\?"
    with pytest.warns(DataWarning, match=message):
        audience = select_audience(shop, "country = 'Frnace' or n_orders = 3")
    assert audience.customer_ids.tolist() == [101]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        select_audience(shop, "country in ('France', 'Italy')")
        select_audience(shop, "country = 'Spian'")  # one customer only: nothing is given away


# --- frames ------------------------------------------------------------------------------


def test_a_frame_has_the_members_and_their_tags(shop: TagTable) -> None:
    found = Audience(shop, "spend >= 100 or spend is missing").to_frame()
    expected = pd.DataFrame(
        {
            "customer_id": [101, 103, 104],
            "spend": [250.0, np.nan, 120.0],
            "n_orders": pd.array([3, 2, None], dtype="Int64"),
            "country": ["France", None, "Spain"],
            "is_lapsed": pd.array([False, None, False], dtype="boolean"),
        }
    )
    pd.testing.assert_frame_equal(found, expected)


def test_a_frame_without_gaps_keeps_plain_types(shop: TagTable) -> None:
    found = Audience(shop, "n_orders >= 3").to_frame(["is_lapsed", "n_orders"])
    assert found.columns.tolist() == ["customer_id", "is_lapsed", "n_orders"]
    assert found["n_orders"].dtype == np.int64
    assert found["is_lapsed"].dtype == bool


def test_a_frame_of_nobody_has_the_columns(shop: TagTable) -> None:
    found = Audience(shop, "false").to_frame(["spend", "country"])
    assert found.columns.tolist() == ["customer_id", "spend", "country"]
    assert len(found) == 0


def test_every_engine_gets_the_same_frame(shop: TagTable, engine: str) -> None:
    if engine == "pandas-pyarrow":
        pytest.skip("an input, not an engine of its own")
    native = Audience(shop, "n_orders >= 2 or n_orders is missing").to_frame(engine=engine)
    found = to_pandas(native)
    assert found["customer_id"].tolist() == [101, 103, 104]
    assert found["country"].tolist() == ["France", None, "Spain"]
    assert found["is_lapsed"].tolist() == [False, None, False]
    assert found["spend"].iloc[[0, 2]].tolist() == [250.0, 120.0]
    assert found["spend"].isna().tolist() == [False, True, False]
    assert found["n_orders"].iloc[:2].tolist() == [3, 2]
    assert found["n_orders"].isna().tolist() == [False, False, True]


def test_bad_arguments_of_a_frame_are_named(shop: TagTable) -> None:
    audience = Audience(shop, "true")
    with pytest.raises(InvalidParameterError, match="Did you mean 'polars'"):
        audience.to_frame(engine="polar")
    with pytest.raises(UnknownTagError, match="Did you mean 'n_orders'"):
        audience.to_frame(["n_order"])
    with pytest.raises(InvalidParameterError, match=r"\['spend'\]"):
        audience.to_frame("spend")


def test_a_dict_has_the_numbers(shop: TagTable) -> None:
    assert Audience(shop, "spend>=100").to_dict() == {
        "expression": "spend >= 100",
        "size": 2,
        "share": 0.5,
        "n_unknown": 1,
        "n_customers": 4,
    }


# --- explanations ------------------------------------------------------------------------


def test_an_explanation_says_why(shop: TagTable) -> None:
    audience = Audience(shop, "spend >= 100 and not country = 'France'")
    assert str(audience.explain(101)) == (
        "Not in the audience: the expression is false.\n"
        "- spend >= 100: true (spend is 250.0)\n"
        "- country = 'France': true (country is 'France')"
    )
    assert audience.explain(104).is_member
    assert audience.explain(103).result is None
    assert "the expression is unknown" in audience.explain(103).headline
    assert "<dl>" in audience.explain(103)._repr_html_()


def test_an_explanation_of_a_stranger_is_an_error_without_the_id(shop: TagTable) -> None:
    with pytest.raises(CustomerNotFoundError, match="among 4 customers") as caught:
        Audience(shop, "true").explain(99_999)
    assert "99999" not in str(caught.value)
    with pytest.raises(CustomerNotFoundError, match="a text"):
        Audience(shop, "true").explain("ann")


def test_explanations_agree_with_membership(shop: TagTable) -> None:
    audience = Audience(shop, "spend > 100 or (is_lapsed and n_orders < 3) or country is missing")
    for customer_id in shop.customer_ids.tolist():
        assert audience.explain(customer_id).is_member == (customer_id in audience)


# --- set algebra ---------------------------------------------------------------------------


def test_audiences_are_joined_met_and_taken_away(shop: TagTable) -> None:
    spenders, lapsed = Audience(shop, "spend >= 100"), Audience(shop, "is_lapsed")
    french = Audience(shop, "country = 'France'")
    assert (spenders & french).customer_ids.tolist() == [101]
    assert (spenders | lapsed).customer_ids.tolist() == [101, 102, 104]
    assert (spenders - french).customer_ids.tolist() == [104]
    assert (spenders & french).expression.to_text() == "spend >= 100 and country = 'France'"
    assert (spenders | lapsed | french).expression.to_text() == (
        "spend >= 100 or is_lapsed or country = 'France'"
    )
    assert (spenders - french).expression.to_text() == (
        "spend >= 100 and (country = 'France') is not true"
    )


TEXTS = st.sampled_from(
    ["spend >= 100", "is_lapsed", "country = 'France'", "n_orders < 3", "false", "true"]
)


@given(TEXTS, TEXTS)
def test_the_algebra_is_that_of_sets(one: str, two: str) -> None:
    shop = shop_of([101, 102, 103, 104])
    first, second = Audience(shop, one), Audience(shop, two)
    a, b = set(first.customer_ids), set(second.customer_ids)
    assert set((first & second).customer_ids) == a & b
    assert set((first | second).customer_ids) == a | b
    assert set((first - second).customer_ids) == a - b
    for made in (first & second, first | second, first - second):
        assert Audience(shop, made.expression.to_text()) == made
    overlap = first.overlap(second)
    counts = (overlap.n_both, overlap.n_first_only, overlap.n_second_only, overlap.n_neither)
    assert counts == (len(a & b), len(a - b), len(b - a), 4 - len(a | b))
    assert overlap.jaccard == (len(a & b) / len(a | b) if a | b else 0)


def test_audiences_of_different_builds_do_not_mix(shop: TagTable) -> None:
    one, two = Audience(shop, "true"), Audience(shop_of([1, 2, 3, 4]), "true")
    for use in (Audience.overlap, Audience.__and__, Audience.__or__, Audience.__sub__):
        with pytest.raises(InvalidParameterError, match="the same portraits"):
            use(one, two)
    with pytest.raises(TypeError):
        one & 5  # type: ignore[operator]


def test_an_overlap_measures_how_often_two_audiences_meet(shop: TagTable) -> None:
    overlap = Audience(shop, "spend >= 100").overlap(Audience(shop, "country = 'France'"))
    assert overlap.to_dict() == {
        "n_both": 1,
        "n_first_only": 1,
        "n_second_only": 1,
        "n_neither": 1,
        "jaccard": 1 / 3,
        "lift": 1.0,
    }
    nobody = Audience(shop, "false")
    assert nobody.overlap(nobody).jaccard == 0
    assert nobody.overlap(nobody).lift == 1
    assert "in the first only" in overlap._repr_html_()


# --- display, comparison, pickling -----------------------------------------------------------


def test_the_display_shows_numbers_and_no_customers(shop: TagTable) -> None:
    audience = Audience(shop, "spend >= 100 and country < '<b>'")
    assert repr(Audience(shop, "spend >= 100")) == (
        "<Audience 'spend >= 100': 2 of 4 customers (50.0%), 1 unknown>"
    )
    html = audience._repr_html_()
    assert "&lt;b&gt;" in html
    assert "<b>" not in html
    for text in (repr(audience), html):
        assert not any(str(customer_id) in text for customer_id in (101, 102, 103, 104))
    long = Audience(shop, " or ".join(f"n_orders = {i}" for i in range(100)))
    assert len(repr(long)) < 300


def test_audiences_are_equal_by_expression_and_members(shop: TagTable) -> None:
    audience = Audience(shop, "spend >= 100")
    assert audience == Audience(shop, "spend>=100")
    assert hash(audience) == hash(Audience(shop, "spend>=100"))
    assert audience != Audience(shop, "spend > 100")
    assert audience != Audience(shop_of([1, 2, 3, 4]), "spend >= 100")
    assert audience != "spend >= 100"


def test_an_audience_survives_pickling_if_its_table_does() -> None:
    shop = shop_of([101, 102, 103, 104])
    table = SimpleNamespace(customer_ids=shop.customer_ids, columns=dict(shop.columns))
    one, two = Audience(table, "spend >= 100"), Audience(table, "is_lapsed")  # type: ignore[arg-type]
    again, other = pickle.loads(pickle.dumps((one, two)))
    assert again == one
    assert (again | other).size == (one | two).size


def test_the_room_exports_the_language() -> None:
    assert isinstance(parse_expression("true"), Expression)
