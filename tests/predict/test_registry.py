"""A registry gives each model a version, keeps it whole, and tells versions apart."""

from __future__ import annotations

from datetime import datetime
from threading import Thread
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest

from userportrait.errors import InvalidDataError, InvalidParameterError
from userportrait.predict import (
    ModelRegistry,
    Propensity,
    evaluate_classifier,
    model_card,
)
from userportrait.segment import CustomerSegments
from userportrait.stores import MemoryDefinitionStore, SQLiteDefinitionStore, SQLiteStore
from userportrait.typing import Build

if TYPE_CHECKING:
    from pathlib import Path

DRAW = np.random.default_rng(0)
X = pd.DataFrame({"visits": DRAW.poisson(4, 200), "plan": DRAW.choice(["basic", "gold"], 200)})
Y = (X["visits"] + 2 * DRAW.normal(size=200) > 4).astype(int)


def fitted(C: float = 1.0) -> Propensity:
    return Propensity(penalty="l2", C=C).fit(X, Y)


def test_versions_come_back_as_they_were(tmp_path: Path) -> None:
    path = tmp_path / "models.db"
    models = [fitted(C) for C in (0.1, 1.0, 10.0)]
    registry = ModelRegistry(SQLiteDefinitionStore(path))
    assert [registry.register("churn", model) for model in models] == [1, 2, 3]
    assert registry.register("segments", CustomerSegments(2, n_init=1).fit(X)) == 1

    again = ModelRegistry(SQLiteDefinitionStore(path))
    assert (again.names(), again.versions("churn")) == (["churn", "segments"], [1, 2, 3])
    for version, model in enumerate(models, 1):
        loaded = again.load("churn", version)
        np.testing.assert_array_equal(loaded.predict_proba(X), model.predict_proba(X))
    assert again.load("churn").C == 10.0
    assert again.load("segments").n_clusters_ == 2


def test_cards_are_kept_with_their_version() -> None:
    registry = ModelRegistry({})
    model = fitted()
    card = model_card(model, X, Y, name="churn", trained_at=datetime(2026, 1, 5))
    registry.register("churn", model)
    registry.register("churn", model, card=card)
    assert registry.card("churn", 1) is None
    found = registry.card("churn")
    assert found is not None
    assert found.version == 2
    assert card.version is None
    assert found.features == card.features
    assert str(found).splitlines()[0] == "churn, version 2"
    assert set(found.drift(X, model.predict_proba(X))["verdict"]) == {"stable"}


def test_a_stage_points_at_one_version() -> None:
    registry = ModelRegistry(MemoryDefinitionStore())
    for C in (0.1, 1.0, 10.0):
        registry.register("churn", fitted(C))
    registry.register("other:churn", fitted(5.0))
    registry.promote("churn", 1)
    registry.promote("churn", 2, stage="shadow")
    registry.promote("other:churn", 1)
    assert registry.load("churn", "production").C == 0.1
    registry.promote("churn", 3)
    assert registry.load("churn", "production").C == 10.0
    assert registry.stages("churn") == {"production": 3, "shadow": 2}
    assert registry.stages("other:churn") == {"production": 1}
    for bad in ("", "Production", "a b", "1st", "x" * 33, None):
        with pytest.raises(InvalidParameterError, match="stage must be"):
            registry.promote("churn", 1, stage=bad)  # type: ignore[arg-type]
    for bad_version in ("shadow", None, True, 1.0, np.True_):
        with pytest.raises(InvalidParameterError, match="version must be an integer"):
            registry.promote("churn", bad_version)  # type: ignore[arg-type]


def test_versions_are_compared_by_the_scores_of_their_cards() -> None:
    registry = ModelRegistry({})
    for C in (0.001, 1.0):
        model = fitted(C)
        scores = evaluate_classifier(model, X, Y)
        card = model_card(model, X, Y, scores=scores, data_to="2026-01-31")
        registry.register("churn", model, card=card)
    registry.register("churn", fitted())
    registry.promote("churn", 2)
    registry.promote("churn", 2, stage="shadow")
    frame = registry.compare("churn")
    assert frame["version"].tolist() == [1, 2, 3]
    assert frame["stages"].tolist() == ["", "production, shadow", ""]
    assert frame["auc"].tolist()[1] == evaluate_classifier(fitted(1.0), X, Y).auc
    assert frame["log_loss"].tolist()[:2] == sorted(frame["log_loss"].tolist()[:2], reverse=True)
    last = frame.tail(1)[["trained_at", "n_rows", "auc"]]
    assert bool(last.isna().all(axis=None))
    assert frame["outcome_rate"].tolist()[:2] == [Y.mean()] * 2
    assert "name" not in frame


@pytest.mark.parametrize("kind", ["mapping", "file"])
def test_versions_of_the_comparison_are_taken(kind: str, tmp_path: Path) -> None:
    store: Any = {} if kind == "mapping" else SQLiteDefinitionStore(tmp_path / "models.db")
    registry = ModelRegistry(store)
    model = fitted(0.1)
    registry.register("churn", model, card=model_card(model, X, Y))
    registry.register("churn", fitted(1.0))
    first, second = registry.compare("churn")["version"].to_numpy()
    assert isinstance(first, np.integer)
    assert registry.load("churn", first).C == 0.1
    card = registry.card("churn", first)
    assert card is not None
    assert type(card.version) is int
    registry.promote("churn", first)
    assert registry.stages("churn") == {"production": 1}
    registry.delete("churn", second)
    assert registry.versions("churn") == [1]


def test_only_a_version_is_deleted() -> None:
    registry = ModelRegistry({})
    registry.register("churn", Propensity())
    for bad in (None, "production", True, 1.0):
        with pytest.raises(InvalidParameterError, match=r"ModelRegistry\.delete: version must be"):
            registry.delete("churn", bad)  # type: ignore[arg-type]
    assert registry.versions("churn") == [1]


def test_threads_get_versions_of_their_own_on_one_file(tmp_path: Path) -> None:
    path = tmp_path / "models.db"
    given: dict[int, float] = {}
    problems: list[Exception] = []

    def register(start: int) -> None:
        registry = ModelRegistry(SQLiteDefinitionStore(path))
        try:
            for at in range(4):
                C = 1.0 + start * 10 + at
                given[registry.register("churn", Propensity(penalty="l2", C=C))] = C
        except Exception as error:
            problems.append(error)

    threads = [Thread(target=register, args=(start,)) for start in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert problems == []
    assert sorted(given) == list(range(1, 21))
    registry = ModelRegistry(SQLiteDefinitionStore(path))
    assert {version: registry.load("churn", version).C for version in given} == given


def test_a_deleted_version_is_gone_with_its_model(tmp_path: Path) -> None:
    store = SQLiteDefinitionStore(tmp_path / "models.db")
    registry = ModelRegistry(store)
    for C in (0.1, 1.0):
        registry.register("churn", fitted(C))
    registry.promote("churn", 1)
    with pytest.raises(InvalidParameterError, match=r"is in production\. Promote another one"):
        registry.delete("churn", 1)
    registry.delete("churn", 2)
    assert registry.versions("churn") == [1]
    assert store.list_definitions("model_content") == {"churn": [1]}
    assert registry.register("churn", fitted()) == 3


def test_models_stand_beside_portraits_in_one_file(tmp_path: Path) -> None:
    path = tmp_path / "shop.db"
    build = Build(as_of=datetime(2026, 1, 1), versions={})
    registry = ModelRegistry(SQLiteDefinitionStore(path))
    registry.register("churn", fitted())
    with SQLiteStore(path) as store:
        store.replace_profiles([(1, {"n": 1})], build=build)
        store.delete_customers([1])
    assert registry.load("churn").C == 1.0


def test_what_is_not_known_is_named() -> None:
    registry = ModelRegistry({})
    with pytest.raises(
        InvalidParameterError, match=r"'churn' is not a known model\. There is none"
    ):
        registry.load("churn")
    registry.register("churn", Propensity())
    with pytest.raises(InvalidParameterError, match="Did you mean 'churn'"):
        registry.card("chrun")
    for version in (0, 2, -1, True, 1.5, 1.0, np.True_, np.float64(1), np.int64(2)):
        with pytest.raises(InvalidParameterError, match=r"a known version of 'churn'\. Known: 1"):
            registry.load("churn", version)  # type: ignore[arg-type]
    with pytest.raises(InvalidParameterError, match="'production' is not a known stage"):
        registry.load("churn", "production")
    for name in ("", "x" * 151, 3):
        with pytest.raises(InvalidParameterError, match="name must be a text of 1 to 150"):
            registry.register(name, Propensity())  # type: ignore[arg-type]
    with pytest.raises(InvalidParameterError, match="card must be a ModelCard; got dict"):
        registry.register("churn", Propensity(), card={})  # type: ignore[arg-type]
    with pytest.raises(InvalidDataError, match="cannot be saved"):
        registry.register("churn", print)
    assert registry.versions("churn") == [1]
    for store in (None, "models.db", 3):
        with pytest.raises(InvalidParameterError, match="store must be a store of definitions"):
            ModelRegistry(store)  # type: ignore[arg-type]


def test_a_damaged_lost_or_newer_model_is_told() -> None:
    kept: dict[str, str] = {}
    registry = ModelRegistry(kept)
    registry.register("churn", Propensity())
    key = '["model_content","churn",1]'
    whole = kept[key]
    kept[key] = whole.replace("A", "B", 1)
    with pytest.raises(InvalidDataError, match="'churn, version 1' is damaged or lost"):
        registry.load("churn")
    del kept[key]
    with pytest.raises(InvalidDataError, match="damaged or lost"):
        registry.load("churn")
    kept['["model","churn",1]'] = kept['["model","churn",1]'].replace('"format":1', '"format":9')
    with pytest.raises(InvalidDataError, match="of a newer userportrait"):
        registry.load("churn")


def test_a_notebook_shows_what_there_is() -> None:
    registry = ModelRegistry({})
    registry.register("a<b", Propensity())
    registry.promote("a<b", 1)
    shown: Any = registry._repr_html_()
    assert "<td>a&lt;b</td><td>1</td><td>production: 1</td>" in shown
    assert repr(registry) == "ModelRegistry(<definitions in a dict>)"
