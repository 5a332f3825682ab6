"""After `warmup_recommend`, neighbour models compile nothing more."""

from __future__ import annotations

from typing import Any

import pytest

from helpers.neighbours import shop
from userportrait.recommend import ItemKNN, RP3Beta, UserKNN, warmup_recommend


def test_nothing_is_left_to_compile() -> None:
    pytest.importorskip("numba")
    from userportrait.recommend import (
        _nearest_numba,
        _sparse_numba,
        _top_numba,
        _user_shares_numba,
    )

    def compiled_kinds() -> dict[str, int]:
        entries: list[Any] = [
            _nearest_numba.half_products,
            _nearest_numba.mirror,
            _nearest_numba.nearest,
            _nearest_numba.nearest_in_square,
            _nearest_numba.pack,
            _sparse_numba.main_columns,
            _sparse_numba.top_of_rows,
            _sparse_numba.transpose,
            _top_numba.top_rows,
            _user_shares_numba.main_of_rows,
        ]
        return {kernel.__name__: len(kernel.signatures) for kernel in entries}

    warmup_recommend()
    before = compiled_kinds()
    assert all(before.values())
    frame = shop()
    for weighting in ("binary", "raw"):
        for model in (
            ItemKNN(5, weighting=weighting),
            ItemKNN(5, weighting=weighting, similarity="bm25"),
            UserKNN(5, weighting=weighting),
            RP3Beta(weighting=weighting),
        ):
            model.fit(frame).recommend(k=3, exclude=["i00"])
            model.complete([["i01", "i02"]], k=3)
    assert compiled_kinds() == before
