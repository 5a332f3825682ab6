"""E-values: combined and selected by definition, and false discoveries by simulation."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from userportrait.errors import InvalidDataError, InvalidParameterError
from userportrait.experiment import combine_e_values, select_e_values


def test_means_and_products_by_hand() -> None:
    assert combine_e_values([4.0, 0.0, 2.0]) == 2.0
    assert combine_e_values([4.0, 0.5, 2.0], method="product") == 4.0
    assert combine_e_values([4.0, 8.0], weights=[3, 1]) == 5.0
    assert combine_e_values([math.inf, 8.0], weights=[0, 1]) == 8.0
    assert combine_e_values([math.inf, 1.0]) == math.inf


def test_products_do_not_overflow_on_the_way() -> None:
    assert combine_e_values([1e200, 1e200, 1e-200, 1e-150], method="product") == pytest.approx(1e50)
    assert combine_e_values([1e200, 1e200], method="product") == math.inf
    assert combine_e_values([math.inf, 0.0], method="product") == 0.0


def by_definition(values: list[float], alpha: float) -> list[bool]:
    n = len(values)
    most = max(
        (k for k in range(1, n + 1) if sum(v >= n / (alpha * k) for v in values) >= k), default=0
    )
    return [most > 0 and v >= n / (alpha * most) for v in values]


@given(st.lists(st.floats(0.0, 1000.0), min_size=1, max_size=12), st.floats(0.01, 0.5))
def test_selection_follows_its_definition(values: list[float], alpha: float) -> None:
    found = select_e_values(values, alpha=alpha)
    expected = by_definition(values, alpha)
    edge = any(
        math.isclose(v * alpha * k, len(values), rel_tol=1e-12)
        for v in values
        for k in range(1, len(values) + 1)
    )
    assert edge or list(found) == expected


def test_false_discoveries_are_few_under_dependence() -> None:
    rng = np.random.default_rng(5)
    shares = []
    for _ in range(2000):
        common = rng.standard_normal()
        z = 0.7 * common + math.sqrt(0.51) * rng.standard_normal(20)
        z[:5] += 4.0
        e_values = np.exp(3.0 * z - 4.5)  # likelihood ratio of a mean of 3
        chosen = select_e_values(list(e_values), alpha=0.1)
        shares.append(chosen[5:].sum() / max(chosen.sum(), 1))
    assert np.mean(shares) <= 0.1


def test_bad_evidence_is_named() -> None:
    with pytest.raises(InvalidDataError, match=r"numbers from 0 on\. Rows \(from 0\): 1"):
        combine_e_values([1.0, -0.5])
    with pytest.raises(InvalidDataError, match="from 0 on"):
        select_e_values([math.nan])
    with pytest.raises(InvalidDataError, match="at least one number"):
        combine_e_values([])
    with pytest.raises(InvalidDataError, match="weights must be 2 numbers from 0 on"):
        combine_e_values([1.0, 2.0], weights=[0.0, 0.0])
    with pytest.raises(InvalidDataError, match="a product has none"):
        combine_e_values([1.0, 2.0], method="product", weights=[1.0, 1.0])
    with pytest.raises(InvalidParameterError, match="Did you mean 'mean'"):
        combine_e_values([1.0], method="means")  # type: ignore[arg-type]
    with pytest.raises(InvalidParameterError, match="alpha must be a number"):
        select_e_values([1.0], alpha=0.0)
