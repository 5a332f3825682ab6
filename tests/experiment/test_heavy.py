"""A metric that hangs on one unit says so, on every engine, unless it is capped."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

import userportrait as up


def spending(n: int = 400) -> pd.DataFrame:
    """Return two arms of ordinary spenders, and one customer who spent a fortune."""
    source = np.random.default_rng(0)
    spend = source.exponential(10.0, n)
    spend[7] = 1e6
    return pd.DataFrame(
        {
            "variant": np.where(np.arange(n) % 2 == 0, "A", "B"),
            "spend": spend,
            "visits": source.poisson(3.0, n) + 1.0,
        }
    )


def notes(data: Any, *metrics: Any) -> list[str]:
    result = up.Experiment(list(metrics), control="A").analyze(data)
    return [note for effect in result.effects for note in effect.notes]


def test_one_customer_who_carries_the_variance_is_told() -> None:
    told = notes(spending(), up.Mean("spend"))
    assert any("1 of 400 units carries 100 % of the variance of 'spend'" in n for n in told)
    assert any("'spend'" in n for n in notes(spending(), up.Ratio("spend", "visits")))


def test_neither_a_cap_nor_ordinary_spenders_are_warned_of() -> None:
    capped = notes(spending(), up.Mean("spend", cap=up.Cap(upper=100.0)))
    assert not any("carries" in note for note in capped)
    assert not any("carries" in note for note in notes(spending(), up.Mean("visits")))


def test_a_heavy_covariate_is_not_the_metric() -> None:
    told = notes(spending(), up.Mean("visits", adjust=["spend"]))
    assert not any("carries" in note for note in told)


@pytest.mark.parametrize("engine", ["polars", "duckdb"])
def test_every_engine_tells_the_same(engine: str) -> None:
    library = pytest.importorskip(engine)
    frame = spending()
    if engine == "polars":
        data = library.DataFrame({name: frame[name].to_numpy() for name in frame})
    else:
        connection = library.connect()
        connection.register("given", frame)
        data = connection.sql("select * from given")
    assert any("carries 100 %" in note for note in notes(data, up.Mean("spend")))
