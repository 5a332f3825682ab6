"""The helper that hands frames to engines changes nothing on the way."""

from __future__ import annotations

import numpy as np
import pandas as pd

from helpers.engines import to_engine, to_pandas


def test_a_frame_survives_the_way_to_an_engine_and_back(engine: str) -> None:
    frame = pd.DataFrame(
        {
            "whole": [3, 1, 2],
            "number": [1.5, np.nan, 3.0],
            "text": ["a", None, "c"],
            "yes": [True, False, True],
            "at": pd.to_datetime(["2026-01-01 00:00:00", "2026-01-02 03:04:05", None]),
        },
        index=[5, 6, 7],
    )

    back = to_pandas(to_engine(engine, frame))

    expected = pd.DataFrame(
        {
            "whole": np.array([3, 1, 2], dtype="int64"),
            "number": [1.5, np.nan, 3.0],
            "text": pd.Series(["a", None, "c"], dtype=object),
            "yes": [True, False, True],
            "at": frame["at"].reset_index(drop=True).astype("datetime64[us]"),
        }
    )
    pd.testing.assert_frame_equal(back, expected)
