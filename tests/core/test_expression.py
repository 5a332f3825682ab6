"""What expressions mean: truth over columns, explanations, checks against the tags."""

from __future__ import annotations

import operator
import pickle
import re
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from userportrait._core.columns import BooleanColumn, NumberColumn, TextColumn, column_from
from userportrait._core.expression import Expression, parse_expression
from userportrait._core.expression._tree import (
    Among,
    And,
    Between,
    Compare,
    Constant,
    Flag,
    Is,
    Matches,
    Missing,
    Not,
    Or,
    Tag,
    Value,
)
from userportrait.errors import ExpressionError, InvalidParameterError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from userportrait._core.columns import Column
    from userportrait._core.expression._tree import Condition
    from userportrait.typing import TagValue

SHOP: dict[str, Column] = {
    "spend": column_from([250.0, 80.0, None, 100.0]),
    "n_orders": column_from([3, 1, 2, None]),
    "country": column_from(["France", "United Kingdom", "France", None]),
    "city": column_from(["Lyon", "London", "Lille", "Paris"]),
    "first_order_at": column_from(["2011-03-01", "2010-12-05", None, "2011-10-10"]),
    "is_repeat_buyer": column_from([True, False, True, None]),
    "is_lapsed": column_from([None, False, True, True]),
    "nothing": column_from([None, None, None, None]),
}
YES, NO, DUNNO = True, False, None


def truth(text: str, columns: Mapping[str, Column] = SHOP) -> list[bool | None]:
    return parse_expression(text).evaluate(columns).to_list()


# --- worked by hand ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("spend >= 100", [YES, NO, DUNNO, YES]),
        ("100 <= spend", [YES, NO, DUNNO, YES]),
        ("spend > 100", [YES, NO, DUNNO, NO]),
        ("spend < 100.5", [NO, YES, DUNNO, YES]),
        ("spend != 80", [YES, NO, DUNNO, YES]),
        ("n_orders = 3.0", [YES, NO, NO, DUNNO]),
        ("n_orders in (1, 2.0, 7.5)", [NO, YES, YES, DUNNO]),
        ("n_orders not in (1, 2)", [YES, NO, NO, DUNNO]),
        ("spend in (80, 100)", [NO, YES, DUNNO, YES]),
        ("n_orders between 2 and 3", [YES, NO, YES, DUNNO]),
        ("n_orders not between 2 and 3", [NO, YES, NO, DUNNO]),
        ("country = 'France'", [YES, NO, YES, DUNNO]),
        ("country = 'Spain'", [NO, NO, NO, DUNNO]),
        ("not country = 'United Kingdom'", [YES, NO, YES, DUNNO]),
        ("country in ('France', 'Spain')", [YES, NO, YES, DUNNO]),
        ("city not in ('Lyon', 'Paris')", [NO, YES, YES, NO]),
        ("city contains 'on'", [YES, YES, NO, NO]),
        ("city not contains 'on'", [NO, NO, YES, YES]),
        ("city starts with 'L'", [YES, YES, YES, NO]),
        ("city not starts with 'Lo'", [YES, NO, YES, YES]),
        ("city contains ''", [YES, YES, YES, YES]),
        ("first_order_at >= '2011-03-01'", [YES, NO, DUNNO, YES]),
        ("first_order_at between '2011-01-01' and '2011-06-30'", [YES, NO, DUNNO, NO]),
        ("is_repeat_buyer", [YES, NO, YES, DUNNO]),
        ("is_repeat_buyer = false", [NO, YES, NO, DUNNO]),
        ("is_repeat_buyer in (true, false)", [YES, YES, YES, DUNNO]),
        ("is_repeat_buyer = is_lapsed", [DUNNO, YES, YES, DUNNO]),
        ("is_repeat_buyer != is_lapsed", [DUNNO, NO, NO, DUNNO]),
        ("spend > n_orders", [YES, YES, DUNNO, DUNNO]),
        ("city < country", [NO, YES, NO, DUNNO]),
        ("country is missing", [NO, NO, NO, YES]),
        ("country is not missing", [YES, YES, YES, NO]),
        ("is_lapsed is true", [NO, NO, YES, YES]),
        ("is_lapsed is not true", [YES, YES, NO, NO]),
        ("is_lapsed is false", [NO, YES, NO, NO]),
        ("(spend > 90) is not true", [NO, YES, YES, NO]),
        ("(spend > 90) is missing", [NO, NO, YES, NO]),
        ("true", [YES, YES, YES, YES]),
        ("false or is_lapsed", [DUNNO, NO, YES, YES]),
        ("nothing > 3", [DUNNO] * 4),
        ("nothing = 'a' or nothing", [DUNNO] * 4),
        ("nothing = spend", [DUNNO] * 4),
        ("nothing is missing", [YES] * 4),
    ],
)
def test_a_condition_says_what_a_person_reads(text: str, expected: list[bool | None]) -> None:
    assert truth(text) == expected


def test_the_truth_tables_are_kleenes() -> None:
    # Kleene (1952), section 64: the strong tables, rows and columns in the order T, F, U.
    states = (True, False, None)
    columns = {
        "a": column_from([a for a in states for _ in states]),
        "b": column_from([b for _ in states for b in states]),
    }
    assert truth("a and b", columns) == [YES, NO, DUNNO, NO, NO, NO, DUNNO, NO, DUNNO]
    assert truth("a or b", columns) == [YES, YES, YES, YES, NO, DUNNO, YES, DUNNO, DUNNO]
    assert truth("not b", columns) == [NO, YES, DUNNO] * 3


def test_integers_beyond_two_to_the_53_are_compared_exactly() -> None:
    # float64 cannot tell 2**53 from 2**53 + 1.
    columns = {"id": column_from([2**53, 2**53 + 1])}
    assert truth(f"id = {2**53 + 1}", columns) == [NO, YES]
    assert truth(f"id > {float(2**53)!r}", columns) == [NO, YES]
    assert truth(f"id in ({float(2**53)!r})", columns) == [YES, NO]
    assert truth("id < 1e300 and id > -1e300", columns) == [YES, YES]


def test_texts_with_many_hits_are_found_by_their_code() -> None:
    labels = [f"item-{i:03}" for i in range(50)]
    columns = {"item": column_from([*labels, None])}
    assert truth("item >= 'item-010'", columns) == [NO] * 10 + [YES] * 40 + [DUNNO]


def test_an_expression_without_tags_needs_the_number_of_customers() -> None:
    assert parse_expression("true").evaluate({}, n_rows=3).to_list() == [YES] * 3
    assert parse_expression("true").evaluate({}).to_list() == []
    assert len(parse_expression("true").evaluate(SHOP)) == 4


def test_no_customers_give_no_truths() -> None:
    empty: dict[str, Column] = {
        "spend": NumberColumn(np.zeros(0), np.zeros(0, dtype=bool)),
        "city": TextColumn(np.zeros(0, dtype=np.int32), ()),
        "is_lapsed": BooleanColumn(np.zeros(0, dtype=bool), np.zeros(0, dtype=bool)),
    }
    assert truth("spend > 1 and city in ('a') or not is_lapsed", empty) == []


def test_the_columns_are_left_alone() -> None:
    before = {name: column.to_list() for name, column in SHOP.items()}
    found = parse_expression("is_lapsed").evaluate(SHOP)
    found.true[:] = True
    found.known[:] = True
    assert {name: column.to_list() for name, column in SHOP.items()} == before


# --- against a slow reading, row by row ------------------------------------------------------

COMPARE: dict[str, Any] = {
    "=": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
NUMBER_TAGS = ("spend", "n orders", "消费")
TEXT_TAGS = ("country", "in", "back`tick")
FLAG_TAGS = ("is_lapsed", "true")
NUMBERS = st.sampled_from([0, 1, 2, -3, 2.5, -0.25, 1e-7, 1e16, 0.1, 2**53 + 1])
TEXTS = st.sampled_from(["", "a", "ab", "B", "O'Neill", 'say "hi"', "中文", "line\nbreak"])


def slow(node: Condition, row: Mapping[str, Any]) -> bool | None:
    """Say what a condition is for one customer, with nothing but Python's None."""
    match node:
        case Constant(value):
            return value
        case Flag(tag):
            return row[tag.name]
        case Missing(tag, negated):
            return (row[tag.name] is None) != negated
        case Not(operand):
            inner = slow(operand, row)
            return None if inner is None else not inner
        case Is(operand, state, negated):
            return (slow(operand, row) is state) != negated
        case And(operands):
            parts = [slow(operand, row) for operand in operands]
            return False if False in parts else None if None in parts else True
        case Or(operands):
            parts = [slow(operand, row) for operand in operands]
            return True if True in parts else None if None in parts else False
        case Between(tag, low, high, negated):
            limits = And((Compare(tag, ">=", low), Compare(tag, "<=", high)))
            return slow(Not(limits) if negated else limits, row)
        case Compare(tag, sign, other):
            left = row[tag.name]
            right = row[other.name] if isinstance(other, Tag) else other.value
            return None if left is None or right is None else COMPARE[sign](left, right)
        case Among(tag, values, negated):
            left = row[tag.name]
            return None if left is None else (left in [v.value for v in values]) != negated
        case Matches(tag, how, part, negated):
            left = row[tag.name]
            if left is None:
                return None
            hit = part.value in left if how == "contains" else left.startswith(part.value)
            return hit != negated


def operands(tags: tuple[str, ...], values: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.one_of(st.sampled_from(tags).map(Tag), values.map(Value))


def in_order(limits: tuple[Any, Any]) -> tuple[Any, Any]:
    low, high = limits
    if isinstance(low, Value) and isinstance(high, Value) and low.value > high.value:  # type: ignore[operator]
        return high, low
    return low, high


def leaves_on(tags: tuple[str, ...], values: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    tag = st.sampled_from(tags).map(Tag)
    limits = st.tuples(operands(tags, values), operands(tags, values)).map(in_order)
    return st.one_of(
        st.builds(Compare, tag, st.sampled_from(sorted(COMPARE)), operands(tags, values)),
        st.builds(
            Among,
            tag,
            st.lists(values.map(Value), min_size=1, max_size=6).map(tuple),
            st.booleans(),
        ),
        st.builds(
            lambda tag, pair, negated: Between(tag, *pair, negated), tag, limits, st.booleans()
        ),
        st.builds(Missing, tag, st.booleans()),
    )


LEAVES = st.one_of(
    leaves_on(NUMBER_TAGS, NUMBERS),
    leaves_on(TEXT_TAGS, TEXTS),
    st.builds(
        Matches,
        st.sampled_from(TEXT_TAGS).map(Tag),
        st.sampled_from(["contains", "starts with"]),
        TEXTS.map(Value),
        st.booleans(),
    ),
    st.builds(Flag, st.sampled_from(FLAG_TAGS).map(Tag)),
    st.builds(
        Compare,
        st.sampled_from(FLAG_TAGS).map(Tag),
        st.sampled_from(["=", "!="]),
        operands(FLAG_TAGS, st.booleans()),
    ),
    st.builds(Constant, st.booleans()),
)


def joined(parts: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    several = st.lists(parts, min_size=2, max_size=3).map(tuple)
    return st.one_of(
        st.builds(And, several),
        st.builds(Or, several),
        st.builds(Not, parts),
        st.builds(Is, parts, st.sampled_from([True, False, None]), st.booleans()),
    )


TREES = st.recursive(LEAVES, joined, max_leaves=12)
ROWS = st.lists(
    st.fixed_dictionaries(
        {
            **{name: st.none() | NUMBERS for name in NUMBER_TAGS},
            **{name: st.none() | TEXTS for name in TEXT_TAGS},
            **{name: st.none() | st.booleans() for name in FLAG_TAGS},
        }
    ),
    min_size=1,
    max_size=8,
)
ALL_TAGS = (*NUMBER_TAGS, *TEXT_TAGS, *FLAG_TAGS)


def as_columns(rows: list[dict[str, Any]]) -> dict[str, Column]:
    return {name: column_from([row[name] for row in rows]) for name in ALL_TAGS}


@given(TREES)
def test_what_is_written_is_read_back_exactly(tree: Condition) -> None:
    expression = Expression.from_tree(tree)
    assert expression.tree == tree
    assert repr(expression.tree) == repr(tree)  # also 1 against 1.0 and True
    assert parse_expression(expression.to_text()).to_text() == expression.to_text()


@given(TREES, ROWS)
def test_the_fast_reading_agrees_with_the_slow_one(
    tree: Condition, rows: list[dict[str, Any]]
) -> None:
    # A column takes all its numbers as float64 as soon as one of them is not whole.
    columns = as_columns(rows)
    values = [{name: columns[name].value_at(i) for name in ALL_TAGS} for i in range(len(rows))]
    found = Expression.from_tree(tree).evaluate(columns)
    expected = [slow(tree, row) for row in values]
    assert found.to_list() == expected
    assert not (found.true & ~found.known).any()


@given(TREES, ROWS)
def test_an_explanation_agrees_with_the_evaluation(
    tree: Condition, rows: list[dict[str, Any]]
) -> None:
    columns = as_columns(rows)
    expression = Expression.from_tree(tree)
    whole = expression.evaluate(columns).to_list()
    for position in range(len(rows)):
        values = {name: columns[name].value_at(position) for name in ALL_TAGS}
        assert expression.result(values) == whole[position]
        for leaf in expression.explain(values):
            part = parse_expression(leaf.text).evaluate(columns)
            assert leaf.result == part.to_list()[position]
            assert leaf.values == tuple(values[name] for name in leaf.tags)


# --- explanations ------------------------------------------------------------------------


def test_an_explanation_names_each_condition_with_value_and_result() -> None:
    expression = parse_expression("spend >= 100 and not (country='France' or r = f) and true")
    leaves = expression.explain({"spend": 250.0, "country": "Spain", "r": 5})
    assert [(leaf.text, leaf.value, leaf.result) for leaf in leaves] == [
        ("spend >= 100", 250.0, True),
        ("country = 'France'", "Spain", False),
        ("r = f", 5, None),
        ("true", None, True),
    ]
    assert leaves[2].values == (5, None)
    assert [str(leaf) for leaf in leaves] == [
        "spend >= 100: true (spend is 250.0)",
        "country = 'France': false (country is 'Spain')",
        "r = f: unknown (r is 5, f is unknown)",
        "true: true",
    ]


@pytest.mark.parametrize("value", [3, 3.0, np.int64(3), np.float32(3), np.float64(3)])
def test_an_explanation_takes_numbers_of_all_kinds(value: TagValue) -> None:
    assert parse_expression("n = 3").result({"n": value}) is True


def test_nan_is_unknown_and_numpy_booleans_are_booleans() -> None:
    assert parse_expression("n > 3").result({"n": float("nan")}) is None
    assert parse_expression("flag").result({"flag": np.True_}) is True  # type: ignore[dict-item]


def test_an_explanation_refuses_values_that_no_tag_has() -> None:
    with pytest.raises(InvalidParameterError, match="got list"):
        parse_expression("n > 3").explain({"n": [1]})  # type: ignore[dict-item]


def test_an_explanation_checks_the_types() -> None:
    with pytest.raises(ExpressionError, match="spend is a text, 3 is not"):
        parse_expression("spend > 3").explain({"spend": "high"})


# --- names, equality, pickling ---------------------------------------------------------------


def test_names_are_the_tags_used_each_once_in_order() -> None:
    text = "b > a and (c is missing or not b = 2) and d between e and 5 and true"
    assert parse_expression(text).names == ("b", "a", "c", "d", "e")


def test_expressions_are_equal_by_meaning_not_by_spelling() -> None:
    one, two = parse_expression("a<>1  AND b"), parse_expression("a != 1 and b")
    assert one == two
    assert hash(one) == hash(two)
    assert one.text != two.text
    assert parse_expression("a = 1") != parse_expression("a = true")
    assert str(one) == "a<>1  AND b"
    assert repr(one) == "Expression('a<>1  AND b')"


def test_an_expression_and_its_error_survive_pickling() -> None:
    expression = parse_expression("spend between 1 and 5 or rfm in ('a')")
    again = pickle.loads(pickle.dumps(expression))
    assert again == expression
    assert again.text == expression.text
    with pytest.raises(ExpressionError) as caught:
        parse_expression("spend >")
    assert str(pickle.loads(pickle.dumps(caught.value))) == str(caught.value)


def test_a_tree_with_a_number_that_cannot_be_written_is_refused() -> None:
    with pytest.raises(InvalidParameterError, match="finite"):
        Value(float("nan"))


# --- checks against the tags -----------------------------------------------------------------

KINDS = {
    "spend": "number",
    "spend_90d": "number",
    "country": "text",
    "rfm": "text",
    "is_lapsed": "boolean",
    "empty": "any",
}


@pytest.mark.parametrize(
    ("text", "message", "column"),
    [
        ("spnd > 3", "'spnd' is not a known tag. Did you mean 'spend'?\nKnown: 'country', ", 1),
        ("spend > 3 and Spend_90 = 1", "Did you mean 'spend_90d'?", 15),
        ("country = France", "Did you mean the text 'France'? Texts go in quotes.", 11),
        (
            "country = rfn",
            "Did you mean the text 'rfn'? Texts go in quotes. The nearest tag is",
            11,
        ),
        ("country = null", "Write 'is missing' for unknown values.", 11),
        ("spend > spnd", "'spnd' is not a known tag. Did you mean 'spend'?", 9),
        ("spend = 'high'", "spend is a number, 'high' is not: compare it with a number", 9),
        ("spend = '100'", "write it without quotes: 100", 9),
        ("spend = true", "spend is a number, true is not", 9),
        ("rfm > 3", "rfm is a text, 3 is not: put the value in quotes: '3'", 7),
        ("rfm in ('a', 3)", "put the value in quotes: '3'", 14),
        ("rfm between 'a' and 3", "rfm is a text, 3 is not", 21),
        ("is_lapsed = 1", "write is_lapsed = true, or is_lapsed = false", 13),
        ("is_lapsed > false", "has no order: '>' does not work", 1),
        ("is_lapsed between false and true", "has no order", 1),
        ("not spend", "spend is a number, not yes or no: compare it, as in spend > 0", 5),
        ("rfm or is_lapsed", "rfm is a text, not yes or no: compare it, as in rfm = 'a value'", 1),
        ("spend contains '1'", "spend is a number; 'contains' works on texts", 1),
        ("is_lapsed starts with 't'", "'starts with' works on texts", 1),
        ("spend > country", "spend is a number, country is a text: they cannot be compared", 9),
        ("(rfm) is missing", "rfm is a text, not yes or no", 2),
        ("cuontry is missing", "Did you mean 'country'?", 1),
    ],
)
def test_a_check_points_at_what_does_not_fit(text: str, message: str, column: int) -> None:
    with pytest.raises(ExpressionError, match=re.escape(message)) as caught:
        parse_expression(text).check(KINDS)
    assert caught.value.position == column - 1
    assert caught.value.text == text


@pytest.mark.parametrize(
    "text",
    [
        "empty > 3 or empty = 'a' or empty or empty contains 'b' or empty = spend",
        "is_lapsed = true and not is_lapsed and is_lapsed is missing",
        "spend > spend_90d and rfm = country and rfm < 'm'",
    ],
)
def test_what_fits_passes_the_check(text: str) -> None:
    parse_expression(text).check(KINDS)


def test_evaluation_checks_the_types_too_and_knows_all_names() -> None:
    with pytest.raises(ExpressionError, match="country is a text, 3 is not"):
        truth("country > 3")
    with pytest.raises(ExpressionError, match="Did you mean 'n_orders'"):
        truth("n_order > 3")


# --- hints for values ------------------------------------------------------------------------


def countries(*, n_each: int = 2) -> dict[str, Column]:
    return {"country": column_from(["United Kingdom", "France"] * n_each)}


def test_a_text_that_no_customer_has_gets_a_hint_if_one_is_near() -> None:
    expression = parse_expression("country = 'united kingdom' or country in ('Frnace', 'France')")
    assert expression.hints(countries()) == (
        "no customer has country = 'united kingdom'. Did you mean 'United Kingdom'?",
        "no customer has country = 'Frnace'. Did you mean 'France'?",
    )


def test_no_hint_where_nothing_is_near_or_where_it_could_reveal_one_customer() -> None:
    assert parse_expression("country = 'Spain'").hints(countries()) == ()
    assert parse_expression("country > 'Frnace'").hints(countries()) == ()
    assert parse_expression("country = 'Frnace'").hints(countries(n_each=1)) == ()
    many = {"name": column_from([f"name {i}" for i in range(201)] * 2)}
    assert parse_expression("name = 'nome 7'").hints(many) == ()
