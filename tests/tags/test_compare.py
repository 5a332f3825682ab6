from __future__ import annotations

import math
from datetime import datetime
from typing import Any

import numpy as np
import pytest

from userportrait._core.columns import column_from
from userportrait.errors import InvalidParameterError
from userportrait.tags import TagTable, compare_tables
from userportrait.typing import Build


def make_table(ids: Any, version: int = 1, **values: Any) -> TagTable:
    columns = {name: column_from(found) for name, found in values.items()}
    build = Build(as_of=datetime(2026, 1, 1), versions=dict.fromkeys(columns, version))
    return TagTable(np.asarray(ids), columns, build)


def test_moves_of_customers_in_both_builds_are_counted() -> None:
    old = make_table([1, 2, 3, 4], stage=["a", "a", "b", None], n=[1, 2, None, 4],
                     vip=[True, True, False, None])  # fmt: skip
    new = make_table([2, 3, 4, 5], 2, stage=["a", "c", "c", "c"], n=[2.0, 0.0, 5.0, 9.0],
                     vip=[True, False, True, None])  # fmt: skip
    found = compare_tables(old, new).set_index("tag")
    assert found["n_both"].tolist() == [3, 3, 3]
    assert found["share_changed"].to_dict() == {"stage": 2 / 3, "n": 2 / 3, "vip": 1 / 3}
    assert found["share_known_old"].tolist() == [0.75, 0.75, 0.75]
    assert found["share_known_new"].tolist() == [1.0, 1.0, 0.75]
    assert found["version_new"].tolist() == [2, 2, 2]


def test_the_index_is_the_one_worked_out_by_hand() -> None:
    old = make_table([1, 2, 3], stage=["a", "a", "b"])
    new = make_table([1, 2, 3], stage=["a", "b", "b"])
    # With half a customer in each cell: (2.5, 1.5) of 4 against (1.5, 2.5) of 4.
    expected = 2 * (0.25 * math.log(2.5 / 1.5))
    found = compare_tables(old, new)
    assert found["psi"][0] == pytest.approx(expected, rel=1e-12)
    # The 0.99 quantile of chi-squared with one degree of freedom is 6.6349.
    assert found["psi_limit"][0] == pytest.approx(6.634896601021213 * (1 / 3 + 1 / 3), rel=1e-9)


def test_tags_of_one_build_only_or_of_another_kind_have_no_index() -> None:
    old, new = make_table([1], a=["x"], b=[1]), make_table([1], b=["y"], c=[2])
    found = compare_tables(old, new).set_index("tag")
    assert list(found.index) == ["a", "b", "c"]
    assert found["psi"].isna().all()
    assert found["version_new"].isna().tolist() == [True, False, False]


def test_builds_without_a_common_customer_can_be_compared() -> None:
    found = compare_tables(make_table([1], a=["x"]), make_table([2], a=["x"]))
    assert found["n_both"].tolist() == [0]
    assert found["share_changed"].isna().all()
    assert found["psi"].tolist() == [0.0]


def test_the_index_of_unchanged_populations_stays_below_its_limit() -> None:
    # 200 simulated pairs of samples from one population; at alpha = 0.05 about 10 exceed.
    generator = np.random.default_rng(11)
    n, exceeding = 400, 0
    for _ in range(200):
        first, second = generator.normal(size=(2, n))
        found = compare_tables(
            make_table(np.arange(n), x=first), make_table(np.arange(n), x=second), alpha=0.05
        )
        exceeding += bool(found["psi"][0] > found["psi_limit"][0])
    # Binomial(200, 0.05) exceeds 20 with probability 0.0014.
    assert exceeding <= 20


def test_bad_parameters_are_named() -> None:
    table = make_table([1], a=["x"])
    with pytest.raises(InvalidParameterError, match="2 problems"):
        compare_tables(table, table, n_bins=1, alpha=1.0)
