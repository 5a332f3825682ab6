from __future__ import annotations

import pickle

import numpy as np
import pytest

from userportrait._core.columns import Column, column_from
from userportrait.errors import ExpressionError, InvalidParameterError
from userportrait.tags import RuleTag, TagContext

# Five customers; the context has three, so rules are tried on columns of three and fewer.
RECENCY = column_from([120, 10, None])
N_ORDERS = column_from([2, 0, 5])


def columns() -> dict[str, Column]:
    return {"recency": RECENCY, "n_orders": N_ORDERS}


def test_a_rule_is_true_false_or_unknown(context: TagContext) -> None:
    tag = RuleTag("is_lapsed", "recency > 90")
    assert tag.evaluate(context, columns()).to_list() == [True, False, None]
    both = RuleTag("t", "recency > 90 and n_orders >= 3")
    # Unknown and true is unknown.
    assert both.evaluate(context, columns()).to_list() == [False, False, None]
    either = RuleTag("t", "recency > 90 or n_orders >= 3")
    # Unknown or true is true.
    assert either.evaluate(context, columns()).to_list() == [True, False, True]
    negated = RuleTag("t", "not recency > 90")
    assert negated.evaluate(context, columns()).to_list() == [False, True, None]


def test_is_missing_decides_about_unknown_values(context: TagContext) -> None:
    tag = RuleTag("t", "recency is missing or recency > 90")
    assert tag.evaluate(context, columns()).to_list() == [True, False, True]


def test_the_first_case_that_is_true_gives_the_value(context: TagContext) -> None:
    tag = RuleTag(
        "stage", cases=[("n_orders = 0", "visitor"), ("recency > 90", "lapsed")],
        otherwise="active",
    )  # fmt: skip
    # The third customer's recency is unknown, so whether it is lapsed is too.
    assert tag.evaluate(context, columns()).to_list() == ["lapsed", "visitor", None]
    assert tag.value_kind == "text"


def test_cases_without_otherwise_leave_the_rest_unknown(context: TagContext) -> None:
    tag = RuleTag("t", cases=[("n_orders >= 5", "many"), ("n_orders >= 2", "many")])
    found = tag.evaluate(context, columns())
    assert found.to_list() == ["many", None, "many"]


def test_a_rule_without_tags_holds_for_everybody(context: TagContext) -> None:
    assert RuleTag("t", "true").evaluate(context, {}).to_list() == [True, True, True]


def test_inputs_are_the_tags_of_all_conditions_once() -> None:
    tag = RuleTag("t", cases=[("a > 1 and b", "x"), ("b or c = 'd'", "y")])
    assert tag.inputs == ("a", "b", "c")


def test_a_condition_that_cannot_be_read_names_the_tag_and_the_place() -> None:
    with pytest.raises(ExpressionError) as caught:
        RuleTag("is_lapsed", "recency >> 90")
    assert str(caught.value).startswith("tag 'is_lapsed': ")
    assert caught.value.position == 9


def test_values_of_the_wrong_kind_name_the_tag(context: TagContext) -> None:
    tag = RuleTag("is_lapsed", "recency = 'long'")
    with pytest.raises(ExpressionError, match="tag 'is_lapsed': recency is a number"):
        tag.evaluate(context, columns())


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({}, "give either an expression or cases."),
        ({"expression": "a", "cases": [("a", "x")]}, "give either an expression or cases."),
        ({"expression": "a", "otherwise": "x"}, "otherwise goes with cases"),
        ({"cases": [("a", 1)]}, "a case's value must be a text; got 1."),
    ],
)
def test_a_rule_needs_conditions_and_texts(arguments: dict[str, object], message: str) -> None:
    with pytest.raises(InvalidParameterError) as caught:
        RuleTag("t", **arguments)  # type: ignore[arg-type]
    assert message in str(caught.value)


def test_reasons_are_the_leaves_up_to_the_case_that_settles_it() -> None:
    tag = RuleTag("t", cases=[("a > 1", "x"), ("b > 1", "y"), ("c > 1", "z")])
    found = tag.reasons({"a": 1, "b": 2, "c": 3})
    assert [str(reason) for reason in found] == [
        "a > 1: false (a is 1)",
        "b > 1: true (b is 2)",
    ]


def test_a_rule_survives_pickling_and_equals_its_copy(context: TagContext) -> None:
    tag = RuleTag("t", "recency > 90")
    copy = pickle.loads(pickle.dumps(tag))
    assert copy == tag
    assert hash(copy) == hash(tag)
    assert np.array_equal(
        copy.evaluate(context, columns()).values, tag.evaluate(context, columns()).values
    )
