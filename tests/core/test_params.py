"""Rules for parameters: what they take, what they say, all problems at once."""

from __future__ import annotations

import math
from fractions import Fraction
from typing import Any

import numpy as np
import pytest

from userportrait._core.params import (
    Between,
    InstanceOf,
    OneOf,
    Optional,
    Rule,
    check_params,
    check_values,
)
from userportrait.errors import InvalidParameterError


@pytest.mark.parametrize(
    ("rule", "value"),
    [
        (Between(2, 20), 2),
        (Between(2, 20), 20.0),
        (Between(0, math.inf), 1e300),
        (Between(0, math.inf), 10**400),
        (Between(2, 20, integer=True), np.int32(5)),
        (Between(0, 1, open_low=True), np.float64(1.0)),
        (Between(0, 1, open_high=True), 0),
        (Between(0, 1), Fraction(1, 3)),
        (OneOf(("a", "b")), "b"),
        (InstanceOf((str, bytes), "a text"), "x"),
        (Optional(Between(2, 20)), None),
        (Optional(Between(2, 20)), 3),
    ],
)
def test_a_good_value_has_no_problem(rule: Rule, value: object) -> None:
    assert rule.problem("n", value) is None


@pytest.mark.parametrize(
    ("rule", "value", "problem"),
    [
        (Between(2, 20), 1, "n must be a number in [2, 20]; got 1."),
        (Between(2, 20), math.nan, "n must be a number in [2, 20]; got nan."),
        (Between(2, 20), True, "n must be a number in [2, 20]; got True."),
        (Between(2, 20), "5", "n must be a number in [2, 20]; got '5'."),
        (Between(2, 20), None, "n must be a number in [2, 20]; got None."),
        (Between(2, 20, integer=True), 2.0, "n must be an integer in [2, 20]; got 2.0."),
        (Between(0, 1, open_low=True), 0, "n must be a number in (0, 1]; got 0."),
        (Between(0, 1, open_high=True), 1, "n must be a number in [0, 1); got 1."),
        (Between(0.1, math.inf), 0, "n must be a number in [0.1, inf]; got 0."),
        (Between(0, 4294967295), -1, "n must be a number in [0, 4294967295]; got -1."),
        (
            OneOf(("quantile", "uniform")),
            "quantle",
            (
                "n: 'quantle' is not a known option. Did you mean 'quantile'?\n"
                "Known: 'quantile', 'uniform'."
            ),
        ),
        (OneOf(("a",)), 3, "n: '3' is not a known option.\nKnown: 'a'."),
        (OneOf(("a",)), ["a"], "n: '['a']' is not a known option.\nKnown: 'a'."),
        (InstanceOf((str,), "a text"), 3, "n must be a text; got int."),
        (Optional(InstanceOf((str,), "a text")), 3, "n must be a text; got int."),
    ],
)
def test_a_bad_value_gets_one_sentence(rule: Rule, value: object, problem: str) -> None:
    assert rule.problem("n", value) == problem


RULES: dict[str, Rule] = {
    "n_bins": Between(2, 20, integer=True),
    "binning": OneOf(("quantile", "uniform")),
    "name": Optional(InstanceOf((str,), "a text")),
}


def test_all_bad_parameters_are_reported_at_once() -> None:
    with pytest.raises(InvalidParameterError) as caught:
        check_values("RFM", {"n_bins": 1, "binning": "quantle", "name": 3}, RULES)

    assert str(caught.value) == (
        "RFM: 3 problems.\n"
        "- n_bins must be an integer in [2, 20]; got 1.\n"
        "- binning: 'quantle' is not a known option. Did you mean 'quantile'?\n"
        "Known: 'quantile', 'uniform'.\n"
        "- name must be a text; got int."
    )
    assert caught.value.owner == "RFM"
    assert len(caught.value.problems) == 3


def test_good_parameters_pass_in_silence() -> None:
    check_values("RFM", {"n_bins": 5, "binning": "uniform", "name": None}, RULES)


def test_the_parameters_of_an_estimator_are_read_from_its_attributes() -> None:
    class RFM:
        def __init__(self, **params: Any) -> None:
            vars(self).update(params)

    check_params(RFM(n_bins=5, binning="uniform", name=None, other=object()), RULES)
    with pytest.raises(InvalidParameterError, match=r"^RFM: 2 problems"):
        check_params(RFM(n_bins=0, binning="", name=None), RULES)


def test_rules_are_values_that_can_be_compared() -> None:
    assert Between(2, 20) == Between(2, 20)
    assert len({OneOf(("a",)), OneOf(("a",)), Optional(OneOf(("a",)))}) == 2
