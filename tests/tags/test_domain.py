from __future__ import annotations

import pickle
from typing import Any

import pytest

from userportrait._core.columns import column_from
from userportrait.errors import InvalidDataError, InvalidParameterError
from userportrait.tags import Domain


def test_values_within_the_domain_pass() -> None:
    Domain("number", low=0, high=5).check(column_from([0, 5, None]), tag="r")
    Domain("text", values=("a", "b")).check(column_from(["a", None, "b"]), tag="t")
    Domain("number", values=(1, 2)).check(column_from([1, 2, None]), tag="n")
    Domain("date", low="2020-01-01").check(column_from(["2026-01-31", None]), tag="d")
    Domain("boolean").check(column_from([True, None]), tag="b")


def test_a_value_outside_says_which_tag_and_how_many_customers_but_never_the_value() -> None:
    with pytest.raises(InvalidDataError) as caught:
        Domain("text", values=("a", "b")).check(column_from(["secret", "a", "secret"]), tag="t")
    assert str(caught.value) == (
        "tag 't': 2 customers would get a value outside its domain (text: 'a', 'b'). "
        "Mend the data or the definition, or widen the domain."
    )
    assert caught.value.column == "t"
    assert caught.value.n_rows == 2


@pytest.mark.parametrize(
    ("domain", "values"),
    [
        (Domain("number", low=0), [-1]),
        (Domain("number", high=1), [1.5]),
        (Domain("number", values=(1, 2)), [3]),
        (Domain("date"), ["31.01.2026"]),
        (Domain("date", high="2026-01-01"), ["2026-01-02"]),
        (Domain("date", values=("2026-01-01",)), ["2026-01-02"]),
    ],
)
def test_one_value_outside_is_enough(domain: Domain, values: list[Any]) -> None:
    with pytest.raises(InvalidDataError, match="1 customer would"):
        domain.check(column_from(values), tag="t")


def test_values_of_another_kind_are_refused() -> None:
    with pytest.raises(InvalidDataError, match="tag 't' gives text values; its domain is number"):
        Domain("number", low=1).check(column_from(["a"]), tag="t")


def test_a_column_without_a_value_fits_every_domain() -> None:
    Domain("number", low=1).check(column_from([None, None]), tag="t")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"kind": "nubmer"}, "Did you mean 'number'?"),
        ({"kind": "number", "low": 5, "high": 1}, "low (5) is above high (1)."),
        ({"kind": "number", "low": "a"}, "'a' is not a number."),
        ({"kind": "number", "low": float("nan")}, "nan is not a number."),
        ({"kind": "number", "values": (1,), "low": 0}, "give values, at least one, or limits"),
        ({"kind": "text", "values": ()}, "give values, at least one, or limits"),
        ({"kind": "text", "low": "a"}, "a text domain has no limits"),
        ({"kind": "boolean", "low": 0}, "a boolean domain has neither"),
        ({"kind": "date", "low": "1.2.2026"}, "'1.2.2026' is not a date."),
    ],
)
def test_a_domain_that_makes_no_sense_is_refused(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidParameterError) as caught:
        Domain(**arguments)
    assert message in str(caught.value)


def test_a_domain_says_itself_in_words_and_survives_pickling() -> None:
    assert Domain("number", low=0).describe() == "number from 0"
    assert Domain("boolean").describe() == "boolean"
    domain = Domain("text", values=["a", "b"])  # type: ignore[arg-type]
    assert domain.values == ("a", "b")
    assert pickle.loads(pickle.dumps(domain)) == domain
