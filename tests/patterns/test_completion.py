"""Many baskets at once give what each gives alone, in blocks of any size."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from userportrait.patterns import BasketRuleRecommender, _completion

LISTS = st.lists(
    st.lists(st.sampled_from("abcdefgh"), max_size=6, unique=True), min_size=3, max_size=20
)


@pytest.mark.parametrize("combine", ["best", "sum"])
@settings(max_examples=10)
@given(lists=LISTS)
def test_blocks_change_nothing(combine: str, lists: list[list[str]]) -> None:
    model = BasketRuleRecommender(min_support=1, max_antecedent=2, combine=combine).fit(
        [*lists, ["a", "b"]]
    )  # type: ignore[arg-type]
    whole = model.complete(lists, k=3)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_completion, "_CELLS", 10)
        patch.setattr(_completion, "_TRIES", 5)
        pd.testing.assert_frame_equal(model.complete(lists, k=3), whole)
    for number, basket in enumerate(lists):
        alone = model.complete([basket], k=3).drop(columns="basket")
        rows = whole[whole["basket"] == number].drop(columns="basket").reset_index(drop=True)
        pd.testing.assert_frame_equal(alone, rows, check_dtype=len(rows) > 0)


def test_a_giant_basket_is_completed() -> None:
    rng = np.random.default_rng(0)
    lists = [[f"i{i:03d}" for i in np.flatnonzero(rng.random(300) < 0.02)] for _ in range(500)]
    giant = [f"i{i:03d}" for i in range(295)]
    found = BasketRuleRecommender(min_support=2).fit([*lists, giant]).complete([giant])
    assert set(found["item_id"]) == {f"i{i:03d}" for i in range(295, 300)}


def test_completing_a_giant_basket_does_not_warn() -> None:
    model = BasketRuleRecommender().fit([["a", "b"]] * 9)
    found = model.complete([["a", *(f"x{i}" for i in range(600))]])
    assert found["item_id"].tolist() == ["b"]
