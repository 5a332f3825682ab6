"""Compile what recommenders run, before a customer waits for it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from userportrait._core.lazy import optional_import
from userportrait.recommend._interactions import csr
from userportrait.recommend._item_knn import ItemKNN
from userportrait.recommend._measures import Measure, compare_rows
from userportrait.recommend._sparse import main_past_items, nearest_rows, top_of_product
from userportrait.recommend._top import top_of_scores
from userportrait.recommend._user_shares import Neighbourhood, main_shared_items

__all__ = ["warmup_recommend"]


def warmup_recommend() -> None:
    """Compile the code of `ItemKNN`, `UserKNN`, `RP3Beta` and of lists now, not at first use.

    Takes some seconds on a new machine. The machine code is kept on disk, beside the package or
    in the user's cache, and later processes load it in a fraction of a second.

    Raises
    ------
    MissingExtraError
        If numba is not installed.

    Examples
    --------
    >>> from userportrait.recommend import warmup_recommend
    >>> warmup_recommend()  # doctest: +SKIP
    """
    optional_import("numba", what="warmup_recommend", extra="fast")
    for dtype in (np.float32, np.float64):
        top_of_scores(np.ones((1, 2), dtype=dtype), 1, engine="numba")
    indptr, indices = np.arange(0, 13, 3), np.array([0, 1, 2] * 4, dtype=np.int32)
    matrix = csr(np.ones(12), indices, indptr, (4, 3))
    defaults = ItemKNN()
    measure = Measure(
        defaults.similarity, defaults.shrinkage, defaults.alpha, defaults.k1, defaults.b, "binary"
    )
    compared = compare_rows(matrix, measure, "numba")
    near = nearest_rows(replace(compared, places=None), 5, engine="numba")  # leaves room: packed
    nearest_rows(compared, 1, engine="numba", halves=True)
    top_of_product(near, matrix, 1, engine="numba")
    row = np.zeros(1, dtype=np.intp)
    main_past_items(near, near, row, row, engine="numba")
    main_shared_items(Neighbourhood(matrix, near, matrix, matrix), row, row, engine="numba")
