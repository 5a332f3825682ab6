"""Models of both rooms come back from a file with results equal to the last bit."""

from __future__ import annotations

import io
import json
import re
import sys
import zipfile
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest
from sklearn.cluster import KMeans
from sklearn.compose import make_column_transformer
from sklearn.ensemble import RandomForestClassifier
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.mixture import GaussianMixture
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder, StandardScaler

from helpers.public_outcomes import read_outcomes
from userportrait._core.model_files import model_from_bytes, model_to_bytes
from userportrait.data import make_shop
from userportrait.errors import (
    DataFileNotFoundError,
    DataWarning,
    InvalidDataError,
    InvalidParameterError,
    MissingExtraError,
)
from userportrait.predict import (
    NextPurchaseCategory,
    OptimalBinning,
    Propensity,
    Scorecard,
    WeightOfEvidence,
    calibrate,
    load_model,
    save_model,
)
from userportrait.segment import (
    CustomerSegments,
    FactorAnalysis,
    KModes,
    KPrototypes,
    PrepareFeatures,
    PrincipalComponents,
)
from userportrait.value import RFM

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


def customers(n: int = 300) -> tuple[pd.DataFrame, np.ndarray]:
    draw = np.random.default_rng(0)
    frame = pd.DataFrame(
        {
            "age": draw.normal(40, 10, n),
            "plan": draw.choice(["basic", "gold", "企业"], n),
            "visits": draw.poisson(3, n),
        }
    )
    y = (draw.random(n) < 1 / (1 + np.exp(-(frame["age"] - 40) / 10))).astype(int)
    return frame, np.where(y == 1, "yes", "no")


def measures(n: int = 300) -> pd.DataFrame:
    draw = np.random.default_rng(1)
    shared = draw.normal(size=(n, 1))
    return pd.DataFrame(shared + 0.7 * draw.normal(size=(n, 4)), columns=list("abcd"))


FRAME, Y = customers()
NUMBERS = measures()
MAKERS: dict[str, Callable[[], Any]] = {
    "propensity": lambda: Propensity().fit(FRAME, Y),
    "stepwise": lambda: Propensity(stepwise="both", reference={"plan": "gold"}).fit(FRAME, Y),
    "firth": lambda: Propensity(penalty="firth").fit(FRAME, Y),
    "ridge": lambda: Propensity(penalty="l2").fit(FRAME, Y),
    "scorecard": lambda: Scorecard(min_iv=0.0).fit(FRAME, Y),
    "evidence": lambda: WeightOfEvidence().fit(FRAME, Y),
    "prototypes": lambda: KPrototypes(3, n_init=2).fit(FRAME),
    "modes": lambda: KModes(3, n_init=2).fit(FRAME),
    "prepare": lambda: PrepareFeatures(categories="ordinal").fit(FRAME),
    "kmeans": lambda: CustomerSegments(3, n_init=2).fit(FRAME),
    "auto": lambda: CustomerSegments("auto", max_clusters=3, n_init=2).fit(FRAME),
    "minibatch": lambda: CustomerSegments(3, method="minibatch", n_init=2).fit(FRAME),
    "mixture": lambda: CustomerSegments(3, method="gaussian_mixture", n_init=2).fit(FRAME),
    "hdbscan": lambda: CustomerSegments(method="hdbscan").fit(FRAME),
    "mixed": lambda: CustomerSegments(3, method="kprototypes", n_init=2).fit(FRAME),
    "factors": lambda: FactorAnalysis(1).fit(NUMBERS),
    "components": lambda: PrincipalComponents().fit(NUMBERS),
    "calibrated": lambda: calibrate(Propensity(), FRAME, Y),
    "platt": lambda: calibrate(Propensity(), FRAME, Y, method="platt"),
    "pipeline": lambda: make_pipeline(PrepareFeatures(), LogisticRegression()).fit(FRAME, Y),
    "columns": lambda: make_pipeline(
        make_column_transformer((OneHotEncoder(), ["plan"]), (SimpleImputer(), ["age"])),
        StandardScaler(),
        LogisticRegression(),
    ).fit(FRAME, Y),
    "their_kmeans": lambda: KMeans(3, random_state=0).fit(NUMBERS),
    "their_mixture": lambda: GaussianMixture(2, random_state=0).fit(NUMBERS),
}
RESULTS = (
    "predict", "predict_proba", "decision_function", "transform", "score_samples", "points",
    "points_by_feature", "distances", "rules",
)  # fmt: skip
TOLD = ("summary", "factor_tests", "fit_statistics", "profile", "names")


def answers(model: Any, rows: pd.DataFrame) -> dict[str, Any]:
    """Return everything that a model says of rows and of itself."""
    found = {name: getattr(model, name)(rows) for name in RESULTS if hasattr(model, name)}
    found |= {name: getattr(model, name)() for name in TOLD if hasattr(model, name)}
    learned = {name for name in vars(model) if name.endswith("_") and not name.startswith("_")}
    return found | {name: getattr(model, name) for name in learned}


def assert_same(found: Any, wanted: Any, name: str) -> None:
    assert type(found) is type(wanted), name
    if isinstance(wanted, pd.DataFrame):
        pd.testing.assert_frame_equal(found, wanted, rtol=0, atol=0)
    elif isinstance(wanted, pd.Series):
        pd.testing.assert_series_equal(found, wanted, rtol=0, atol=0)
    elif isinstance(wanted, np.ndarray):
        assert found.dtype == wanted.dtype, name
        np.testing.assert_array_equal(found, wanted, strict=True)
    elif isinstance(wanted, (bool, int, float, str, tuple, list, type(None))):
        assert re.sub(" at 0x[0-9a-f]+", "", repr(found)) == re.sub(
            " at 0x[0-9a-f]+", "", repr(wanted)
        ), name


@pytest.mark.parametrize("name", MAKERS)
def test_a_loaded_model_says_the_same_to_the_last_bit(name: str, tmp_path: Path) -> None:
    model = MAKERS[name]()
    save_model(model, tmp_path / "model.zip")
    loaded = load_model(tmp_path / "model.zip")

    assert type(loaded) is type(model)
    assert repr(loaded) == repr(model)
    rows = NUMBERS if name in ("factors", "components", "their_kmeans", "their_mixture") else FRAME
    wanted = answers(model, rows.head(50))
    found = answers(loaded, rows.head(50))
    assert list(found) == list(wanted)
    assert len(wanted) > 1
    for key, value in wanted.items():
        assert_same(found[key], value, key)
    assert list(tmp_path.iterdir()) == [tmp_path / "model.zip"]


def test_equal_models_make_equal_files_and_a_loaded_one_makes_the_same() -> None:
    for name in ("propensity", "kmeans", "pipeline"):
        first, second = model_to_bytes(MAKERS[name]()), model_to_bytes(MAKERS[name]())
        assert first == second
        assert model_to_bytes(model_from_bytes(first, name=name)) == first


def test_a_loaded_model_can_be_fitted_again() -> None:
    for name in ("propensity", "kmeans", "scorecard"):
        model = model_from_bytes(model_to_bytes(MAKERS[name]()), name=name)
        again = model.fit(FRAME, Y)
        assert_same(again.predict(FRAME), MAKERS[name]().predict(FRAME), name)


def test_one_feature_and_orders_have_models_too(tmp_path: Path) -> None:
    binning = OptimalBinning().fit(FRAME["plan"], Y)
    save_model(binning, tmp_path / "bins.zip")
    loaded = load_model(tmp_path / "bins.zip")
    assert_same(loaded.transform(FRAME["plan"]), binning.transform(FRAME["plan"]), "transform")
    assert_same(loaded.table_, binning.table_, "table_")
    orders = pd.DataFrame(
        {
            "customer_id": ["ann", "ann", "bo"],
            "order_id": [1, 2, 3],
            "ordered_at": pd.to_datetime(["2026-01-01", "2026-01-05", "2026-01-03"]),
            "amount": [5.0, 6.0, 7.0],
        }
    )
    rfm = RFM(n_bins=2).fit(orders)
    save_model(rfm, tmp_path / "rfm.zip")
    assert_same(load_model(tmp_path / "rfm.zip").transform(orders), rfm.transform(orders), "rfm")


def test_a_model_of_orders_comes_back_with_its_items(tmp_path: Path) -> None:
    shop = make_shop(300, random_state=0)
    for items in (shop.items, shop.items.to_pandas()):
        model = NextPurchaseCategory(items=items).fit(shop.orders)
        save_model(model, tmp_path / "next.zip")
        loaded = load_model(tmp_path / "next.zip")
        assert type(loaded.items) is type(items)
        assert_same(loaded.predict(shop.orders), model.predict(shop.orders), "predict")
        assert_same(loaded.evaluation_, model.evaluation_, "evaluation_")


def test_a_model_not_fitted_comes_back_not_fitted() -> None:
    back = model_from_bytes(model_to_bytes(Propensity(penalty="l1", C=0.3)), name="x")
    assert repr(back) == "Propensity(penalty='l1', C=0.3)"
    assert not hasattr(back, "coef_")


def test_forests_go_through_skops_and_must_be_trusted(tmp_path: Path) -> None:
    pytest.importorskip("skops")
    model = make_pipeline(
        make_column_transformer((PrepareFeatures(), ["age", "plan"])),
        RandomForestClassifier(5, random_state=0),
    ).fit(FRAME, Y)
    save_model(model, tmp_path / "forest.zip")
    tree = "sklearn.tree._tree.Tree"
    with pytest.raises(InvalidDataError, match=re.escape(f"it names '{tree}', which is not")):
        load_model(tmp_path / "forest.zip")
    loaded = load_model(tmp_path / "forest.zip", trusted=[tree])
    assert_same(loaded.predict_proba(FRAME), model.predict_proba(FRAME), "predict_proba")


def test_without_skops_the_message_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "skops.io", None)
    forest = RandomForestClassifier(2, random_state=0).fit(NUMBERS, Y)
    with pytest.raises(MissingExtraError, match=r'pip install "userportrait\[models\]"') as caught:
        model_to_bytes(forest)
    assert "save_model of a RandomForestClassifier needs skops" in str(caught.value)
    model_to_bytes(MAKERS["pipeline"]())


@pytest.mark.parametrize(
    ("model", "words"),
    [
        (
            make_pipeline(FunctionTransformer(np.log1p), StandardScaler()),
            "FunctionTransformer|ufunc",
        ),
        (Propensity(reference=print), r"Propensity.reference holds a .*builtin_function_or_method"),  # type: ignore[arg-type]
        (print, "print|builtin_function_or_method"),
        (type("Strange", (), {})(), "Strange, which cannot be saved"),
    ],
)
def test_what_cannot_be_saved_is_named(model: Any, words: str, tmp_path: Path) -> None:
    if isinstance(model, type(make_pipeline(1))):
        pytest.importorskip("skops")
        payload = model_to_bytes(model)  # skops writes the name of a function
        loaded = model_from_bytes(payload, name="x")
        assert loaded.steps[0][1].func is np.log1p
        return
    with pytest.raises(InvalidDataError, match=words):
        save_model(model, tmp_path / "model.zip")
    assert list(tmp_path.iterdir()) == []


def changed(payload: bytes, change: Callable[[dict[str, Any]], None]) -> bytes:
    """Return a file whose document was tampered with."""
    target = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(payload)) as old, zipfile.ZipFile(target, "w") as new:
        for name in old.namelist():
            content = old.read(name)
            if name == "model.json":
                document = json.loads(content)
                change(document)
                content = json.dumps(document).encode()
            new.writestr(name, content)
    return target.getvalue()


@pytest.mark.parametrize(
    "name", ["subprocess.Popen", "os.system", "predict._saving.os", "builtins.exec", ""]
)
def test_a_file_that_names_another_class_runs_nothing(name: str, tmp_path: Path) -> None:
    payload = model_to_bytes(MAKERS["propensity"]())
    path = tmp_path / "stranger.zip"
    path.write_bytes(changed(payload, lambda document: document["model"].update({"class": name})))
    with pytest.raises(InvalidDataError, match=r"'stranger\.zip' cannot be loaded: it names '"):
        load_model(path)


def test_a_pickle_in_place_of_an_array_is_not_opened(tmp_path: Path) -> None:
    class Evil:
        def __reduce__(self) -> Any:
            return (open, (str(tmp_path / "owned"), "w"))

    target, array = io.BytesIO(), io.BytesIO()
    np.save(array, np.array([Evil()], dtype=object), allow_pickle=True)
    payload = io.BytesIO(model_to_bytes(MAKERS["propensity"]()))
    with zipfile.ZipFile(payload) as old, zipfile.ZipFile(target, "w") as new:
        for name in old.namelist():
            new.writestr(name, array.getvalue() if name.endswith(".npy") else old.read(name))
    with pytest.raises(InvalidDataError, match="is damaged"):
        model_from_bytes(target.getvalue(), name="x")
    assert not (tmp_path / "owned").exists()


def test_a_skops_part_from_a_stranger_is_refused() -> None:
    skops = pytest.importorskip("skops.io")
    model = FunctionTransformer(json.loads)
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as archive:
        document = {"userportrait_model": 1, "model": {"is": "foreign", "number": 0, "name": "0"}}
        archive.writestr("model.json", json.dumps(document))
        archive.writestr("others/0.skops", skops.dumps(model))
    with pytest.raises(InvalidDataError, match=r"it names 'json\.loads', which is not known"):
        model_from_bytes(target.getvalue(), name="x")
    assert model_from_bytes(target.getvalue(), name="x", trusted=["json.loads"]).func is json.loads


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda d: d.update(userportrait_model=99), "newer version. Update userportrait"),
        (lambda d: d.update(userportrait_model="1"), "its format is not known"),
        (lambda d: d.pop("model"), "is no model that save_model wrote, or is damaged"),
        (lambda d: d.update(model=[]), "a bare list"),
        (lambda d: d["model"].pop("is"), "is damaged"),
        (lambda d: d["model"].update({"is": "strange"}), "is damaged"),
        (lambda d: d["model"]["state"].update(coef_={"is": "array", "name": "99"}), "is damaged"),
        (lambda d: d["model"]["state"].update(coef_={"is": "same", "number": 99}), "is damaged"),
    ],
)
def test_strange_newer_and_damaged_files_are_told_apart(change: Any, words: str) -> None:
    payload = changed(model_to_bytes(MAKERS["propensity"]()), change)
    with pytest.raises(InvalidDataError, match=words):
        model_from_bytes(payload, name="model.zip")


def test_any_damage_to_the_bytes_is_an_error_or_does_no_harm() -> None:
    whole = MAKERS["scorecard"]()
    payload = model_to_bytes(whole)
    draw = np.random.default_rng(0)
    n_refused = 0
    for at in draw.integers(0, len(payload), 300).tolist():
        broken = bytearray(payload)
        broken[at] ^= 0xFF
        try:
            model = model_from_bytes(bytes(broken), name="x")
        except InvalidDataError:
            n_refused += 1
        else:
            assert_same(model.predict(FRAME), whole.predict(FRAME), "predict")
    assert n_refused > 200
    for n in range(0, len(payload), 500):
        with pytest.raises(InvalidDataError):
            model_from_bytes(payload[:n], name="x")


def test_a_missing_file_is_named_with_the_nearest(tmp_path: Path) -> None:
    save_model(Propensity(), tmp_path / "churn.zip")
    with pytest.raises(DataFileNotFoundError, match=r"Did you mean 'churn\.zip'"):
        load_model(tmp_path / "chrun.zip")
    (tmp_path / "text.zip").write_text("no archive")
    with pytest.raises(InvalidDataError, match=r"'text\.zip' is no model that save_model wrote"):
        load_model(tmp_path / "text.zip")


def test_a_folder_is_no_file_and_is_not_made(tmp_path: Path) -> None:
    absent = tmp_path / "models"
    with pytest.raises(InvalidParameterError) as caught:
        save_model(Propensity(), absent / "churn.zip")
    assert str(caught.value) == f"save_model: path: there is no folder '{absent}'. Make it first."
    assert not absent.exists()
    absent.mkdir()
    words = re.escape(f"path: '{absent}' is a folder; name a file in it.")
    with pytest.raises(InvalidParameterError, match=f"save_model: {words}"):
        save_model(Propensity(), absent)
    with pytest.raises(InvalidParameterError, match=f"load_model: {words}"):
        load_model(absent)
    assert list(tmp_path.iterdir()) == [absent]
    assert list(absent.iterdir()) == []


def test_another_version_of_scikit_learn_is_told() -> None:
    payload = model_to_bytes(MAKERS["their_kmeans"]())

    def older(document: dict[str, Any]) -> None:
        document["model"]["state"]["_sklearn_version"] = "0.9"

    with pytest.warns(DataWarning, match=r"KMeans was saved with scikit-learn 0\.9, and this is"):
        model_from_bytes(changed(payload, older), name="x")


def test_a_model_of_public_data_comes_back(shared_data: Path, tmp_path: Path) -> None:
    frame, y = read_outcomes(shared_data, "telco")
    for model in (Propensity().fit(frame, y), CustomerSegments(4, n_init=1).fit(frame)):
        save_model(model, tmp_path / "model.zip")
        loaded = load_model(tmp_path / "model.zip")
        assert_same(loaded.predict(frame), model.predict(frame), "predict")
