from __future__ import annotations

from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest

from userportrait.errors import InvalidParameterError, MissingExtraError, UnsupportedOnEngine
from userportrait.recommend import ALS, Popularity, SparkALS, evaluate_ranking, load_recommender

if TYPE_CHECKING:
    from pathlib import Path


def tastes(seed: int = 0, n: int = 120) -> pd.DataFrame:
    """Customers of four tastes with ten items each, and some chance."""
    luck = np.random.default_rng(seed)
    rows = [
        (c, f"p{10 * (c % 4) + i:02}" if luck.random() < 0.9 else f"p{luck.integers(40):02}")
        for c in range(n)
        for i in luck.choice(10, 6, replace=False)
    ]
    return pd.DataFrame(rows, columns=["customer_id", "item_id"])


@pytest.mark.spark
def test_mllib_finds_the_tastes_and_the_model_serves_without_it(spark: Any, tmp_path: Path) -> None:
    frame = tastes()
    wanted = pd.DataFrame(
        [(c, f"p{10 * (c % 4) + i:02}") for c in range(120) for i in range(10)],
        columns=["customer_id", "item_id"],
    )
    left = wanted.merge(frame, how="left", indicator=True)
    left = left[left["_merge"] == "left_only"][["customer_id", "item_id"]]

    def recall(model: Any) -> float:
        return float(evaluate_ranking(model, left, metrics="recall@5", n_resamples=0)["value"][0])

    model = SparkALS(8, l2=5.0, n_blocks=2).fit(frame)
    ours = ALS(8, l2=5.0, frequency_scaling=1.0, solver="cholesky").fit(frame)
    assert recall(model) > 0.8 > recall(Popularity().fit(frame)) + 0.3
    assert abs(recall(model) - recall(ours)) < 0.1
    # MLlib scales its penalty by counts, ours by weights.
    assert model.loss_[-1] == pytest.approx(ours.loss_[-1], rel=0.2)
    told = model.explain(3, model.recommend([3], k=1)["item_id"][0])
    assert told["contribution"].sum() == pytest.approx(model.recommend([3], k=1)["score"][0])
    model.save(tmp_path / "model.zip")
    loaded = load_recommender(tmp_path / "model.zip")
    assert loaded.recommend(k=3).equals(model.recommend(k=3))


def test_without_spark_the_remedy_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    if find_spec("pyspark") is not None:
        target = "pyspark.sql.SparkSession.getActiveSession"
        monkeypatch.setattr(target, staticmethod(lambda: None))
    with pytest.raises((MissingExtraError, UnsupportedOnEngine), match=r"spark|Spark"):
        SparkALS(2).fit(tastes(n=8))


def test_bad_parameters_are_named_before_any_work() -> None:
    with pytest.raises(InvalidParameterError, match="n_blocks"):
        SparkALS(2, n_blocks=0).fit(tastes(n=8))
