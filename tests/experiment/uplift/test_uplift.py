"""Learners: known effects are found, on arrays and frames, for one arm and several."""

from __future__ import annotations

import gzip
import pickle
import warnings
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest

from userportrait.errors import (
    DataWarning,
    InvalidDataError,
    InvalidParameterError,
    MissingColumnError,
    NotFittedError,
)
from userportrait.experiment.uplift import Uplift, cross_fit_baseline, qini

if TYPE_CHECKING:
    from pathlib import Path

KINDS = (
    "interacted",
    "s",
    "t",
    "x",
    "r",
    "dr",
    "class_transformation",
    "transformed_outcome",
)
every_kind = pytest.mark.parametrize("kind", KINDS)


def shop(n: int, seed: int, *, share: float = 0.5) -> tuple[pd.DataFrame, np.ndarray, np.ndarray]:
    """Customers of the web buy with 0.2 more when treated, others do not react."""
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame(
        {
            "customer_id": np.arange(n),
            "recency": rng.integers(1, 13, n),
            "channel": rng.choice(["Web", "Phone"], n),
        }
    )
    treatment = (rng.random(n) < share).astype(int)
    effect = 0.2 * (frame["channel"] == "Web").to_numpy()
    y = (rng.random(n) < 0.15 + effect * treatment).astype(int)
    return frame, y, treatment


@every_kind
@pytest.mark.parametrize("share", [0.5, 0.25])
def test_every_kind_finds_the_effect(kind: Any, share: float) -> None:
    frame, y, treatment = shop(12_000, 0, share=share)
    uplift = Uplift(kind).fit(frame, y, treatment).predict(frame)
    web = (frame["channel"] == "Web").to_numpy()
    assert uplift[web].mean() == pytest.approx(0.2, abs=0.04)
    assert uplift[~web].mean() == pytest.approx(0.0, abs=0.04)


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "class_transformation"])
def test_effects_on_amounts_are_found(kind: Any) -> None:
    rng = np.random.default_rng(1)
    X, treatment = rng.normal(size=(4000, 3)), rng.integers(0, 2, 4000)
    y = 10 + 2 * X[:, 1] + (1 + X[:, 0]) * treatment + rng.normal(size=4000)
    uplift = Uplift(kind, l2_effect=1.0).fit(X, y, treatment).predict(X)
    # The transformed outcome has the noise of the whole amount, 10 / 0.5, in each customer.
    tolerance = 2.5 if kind == "transformed_outcome" else 0.35
    assert np.sqrt(np.mean((uplift - 1 - X[:, 0]) ** 2)) < tolerance


@every_kind
def test_every_kind_takes_a_base(kind: Any) -> None:
    if kind == "interacted":
        return
    from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

    frame, y, treatment = shop(3000, 2)
    base = DecisionTreeClassifier(max_depth=3, random_state=0)
    effect = DecisionTreeRegressor(max_depth=3, random_state=0)
    model = Uplift(kind, base=base, effect_base=effect, n_folds=2).fit(frame, y, treatment)
    assert qini(y, treatment, model.predict(frame)) > 0.05


def test_the_effect_of_the_interacted_regression_is_that_of_scikit_learn() -> None:
    # One logistic regression with the same columns, by another solver; no steps, equal penalties.
    from sklearn.linear_model import LogisticRegression

    rng = np.random.default_rng(0)
    x, treatment = rng.integers(0, 2, (2000, 2)).astype(float), rng.integers(0, 2, 2000)
    y = rng.random(2000) < 0.2 + 0.2 * x[:, 0] * treatment
    z = (x - x.mean(axis=0)) / x.std(axis=0)
    flag = treatment - treatment.mean()
    # scikit-learn has one penalty: the flag, which ours leaves free, gets a scale that frees it.
    matrix = np.column_stack([z, 1000 * flag, z * flag[:, None]])
    theirs = LogisticRegression(C=1.0, tol=1e-12, max_iter=5000).fit(matrix, y)
    chances = []
    for value in (1, 0):
        now = value - treatment.mean()
        row = np.column_stack([z, np.full(2000, 1000 * now), z * now])
        chances.append(theirs.predict_proba(row)[:, 1])
    ours = Uplift(l2=1.0, l2_effect=1.0).fit(x, y, treatment).predict(x)
    assert ours == pytest.approx(chances[0] - chances[1], abs=1e-4)


def test_a_saturated_t_learner_is_the_difference_of_means() -> None:
    rng = np.random.default_rng(0)
    x, treatment = rng.integers(0, 2, (500, 1)), rng.integers(0, 2, 500)
    y = rng.normal(size=500)
    uplift = Uplift("t", l2=0.0).fit(x, y, treatment).predict([[0], [1]])
    for value in (0, 1):
        rows = x[:, 0] == value
        wanted = y[rows & (treatment == 1)].mean() - y[rows & (treatment == 0)].mean()
        assert uplift[value] == pytest.approx(wanted, abs=1e-6)


def test_hillstrom_is_ranked_as_well_as_promised(shared_data: Path) -> None:
    # Ten halves of women's e-mail against none, outcome visit. The issue asks for 0.070.
    with gzip.open(shared_data / "hillstrom" / "hillstrom.csv.gz") as file:
        rows = pd.read_csv(file)
    rows = rows[rows["segment"] != "Mens E-Mail"].reset_index(drop=True)
    names = ["recency", "history", "mens", "womens", "zip_code", "newbie", "channel"]
    treatment, y = (rows["segment"] == "Womens E-Mail").to_numpy(), rows["visit"].to_numpy()
    found = []
    for seed in range(10):
        order = np.random.default_rng(seed).permutation(len(rows))
        train, test = order[: len(rows) // 2], order[len(rows) // 2 :]
        model = Uplift().fit(rows[names].iloc[train], y[train], treatment[train])
        found.append(qini(y[test], treatment[test], model.predict(rows[names].iloc[test])))
    assert np.mean(found) >= 0.070


def test_labels_and_column_names_will_do() -> None:
    frame, y, treatment = shop(3000, 0)
    labels = np.where(treatment == 1, "e-mail", "none")
    named = frame.assign(bought=y, group=labels)
    model = Uplift(control="none").fit(named, "bought", "group")
    plain = Uplift().fit(frame, y, treatment)
    assert model.arms_ == ("e-mail",)
    assert model.columns_ == ("recency", "channel")
    assert np.allclose(model.predict(frame), plain.predict(frame))


def test_each_of_several_arms_is_learned_beside_control() -> None:
    frame, _, _ = shop(9000, 0)
    rng = np.random.default_rng(1)
    arm = rng.integers(0, 3, 9000)
    web = (frame["channel"] == "Web").to_numpy()
    y = rng.random(9000) < 0.1 + 0.2 * np.where(web, arm == 1, arm == 2)
    labels = np.array(["none", "mail", "call"])[arm]
    model = Uplift(control="none").fit(frame, y, labels)
    assert model.arms_ == ("call", "mail")
    found = model.predict(frame)
    assert found.shape == (9000, 2)
    best = model.best_arm(frame)
    assert np.mean(best[web] == "mail") > 0.99
    assert np.mean(best[~web] == "call") > 0.99
    assert list(model.score(frame).columns) == ["customer_id", "uplift_call", "uplift_mail"]
    one = Uplift().fit(frame[arm != 1], y[arm != 1], arm[arm != 1] == 2).predict(frame)
    # Means and scales come from all customers there, from two arms here.
    assert np.corrcoef(one, found[:, 0])[0, 1] > 0.999
    with pytest.raises(InvalidDataError, match="a budget is for one treatment"):
        model.target(frame)


def test_nobody_is_treated_where_nothing_helps() -> None:
    rng = np.random.default_rng(0)
    x, treatment = rng.normal(size=(2000, 1)), rng.integers(0, 2, 2000)
    y = -1.0 * treatment + 0.1 * rng.normal(size=2000)
    model = Uplift().fit(x, y, treatment)
    assert set(model.best_arm(x)) == {None}
    assert model.target(x).n_chosen == 0


def test_scores_come_back_in_the_same_library_with_the_same_ids() -> None:
    pl = pytest.importorskip("polars")
    frame, y, treatment = shop(2000, 0)
    model = Uplift().fit(frame, y, treatment)
    made = pl.DataFrame({name: frame[name].tolist() for name in frame})
    found = model.score(made)
    assert isinstance(found, pl.DataFrame)
    assert found["customer_id"].to_list() == frame["customer_id"].tolist()
    assert found["uplift"].to_numpy() == pytest.approx(model.score(frame)["uplift"].to_numpy())
    again = Uplift().fit(made, y, treatment)
    assert again.predict(made) == pytest.approx(model.predict(frame))


def test_targeting_names_customers() -> None:
    frame, y, treatment = shop(2000, 0)
    frame["customer_id"] = [f"c{number}" for number in range(2000)]
    model = Uplift().fit(frame, y, treatment)
    chosen = model.target(frame, budget=100.0, cost=1.0, value=20.0)
    assert chosen.n_chosen == 100
    assert chosen.customer_ids[0].startswith("c")
    web = frame.set_index("customer_id")["channel"].loc[chosen.customer_ids]
    assert (web == "Web").all()
    assert Uplift().fit(np.eye(40), np.r_[y[:40]], treatment[:40]).target(np.eye(40)).n_chosen >= 0


@pytest.mark.parametrize("kind", ["interacted", "r", "dr"])
def test_neither_row_order_nor_the_run_matters(kind: Any) -> None:
    frame, y, treatment = shop(2000, 0)
    first = Uplift(kind).fit(frame, y, treatment).predict(frame)
    order = np.random.default_rng(0).permutation(2000)
    model = Uplift(kind).fit(frame.iloc[order], y[order], treatment[order])
    assert model.predict(frame) == pytest.approx(first, abs=1e-9)
    assert (Uplift(kind).fit(frame, y, treatment).predict(frame) == first).all()


def test_a_fitted_model_is_picklable_and_cloneable() -> None:
    from sklearn.base import clone

    frame, y, treatment = shop(1000, 0)
    model = Uplift("x", l2=2.0).fit(frame, y, treatment)
    again = pickle.loads(pickle.dumps(model))
    assert (again.predict(frame) == model.predict(frame)).all()
    assert clone(model).get_params() == model.get_params()
    assert repr(model) == "Uplift(kind='x', l2=2.0)"


def observed(n: int, seed: int, strength: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Rich customers buy more and are treated more often; the effect is 1 for all."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, 2))
    treatment = rng.random(n) < 1 / (1 + np.exp(-strength * x[:, 0]))
    return x, 2 * x[:, 0] + treatment + 0.5 * rng.normal(size=n), treatment


def test_an_assignment_that_features_tell_warns() -> None:
    x, y, treatment = observed(2000, 0, 1.0)
    with pytest.warns(DataWarning, match="features tell who was treated") as caught:
        Uplift().fit(x, y, treatment)
    assert caught[0].filename == __file__
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        Uplift(overlap="ignore").fit(x, y, treatment)
        model = Uplift("dr", propensity="model").fit(x, y, treatment)
    assert model.predict(x).mean() == pytest.approx(1, abs=0.1)
    assert not model.overlap_[1].is_random


def test_known_chances_and_a_classifier_will_do() -> None:
    from sklearn.linear_model import LogisticRegression

    rng = np.random.default_rng(0)
    rich = rng.random(4000) < 0.5
    chance = np.where(rich, 0.7, 0.3)
    treatment = rng.random(4000) < chance
    y = 2.0 * rich + treatment + 0.5 * rng.normal(size=4000)
    x = rng.normal(size=(4000, 1))  # the features hide who is rich
    wrong = Uplift("transformed_outcome").fit(x, y, treatment).predict(x).mean()
    right = Uplift("transformed_outcome").fit(x, y, treatment, propensity=chance).predict(x).mean()
    assert wrong > 1.5
    assert right == pytest.approx(1, abs=0.15)
    x = rich[:, None].astype(float)
    model = Uplift("dr", propensity=LogisticRegression()).fit(x, y, treatment)
    assert model.predict(x).mean() == pytest.approx(1, abs=0.1)
    model = Uplift("x", propensity=0.5, overlap="ignore").fit(x, y, treatment)
    assert np.isfinite(model.predict(x)).all()


def test_poor_overlap_is_refused_or_warned_of() -> None:
    x, y, treatment = observed(2000, 0, 8.0)
    with pytest.raises(InvalidDataError, match="hardly a match in the other arm"):
        Uplift("dr", propensity="model").fit(x, y, treatment)
    with pytest.warns(DataWarning, match="hardly a match") as caught:
        Uplift("dr", propensity="model", overlap="warn").fit(x, y, treatment)
    assert caught[0].filename == __file__
    Uplift("dr", propensity="model", overlap="ignore").fit(x, y, treatment)


def test_cross_fitted_expectations_never_see_their_own_outcome() -> None:
    rng = np.random.default_rng(0)
    x, treatment = rng.normal(size=(400, 60)), rng.integers(0, 2, 400)
    y = rng.normal(size=400)
    without, treated = cross_fit_baseline(x, y, treatment)
    own = np.where(treatment == 1, treated, without)
    # Pure noise: a model that had seen y would correlate with it.
    assert abs(np.corrcoef(own, y)[0, 1]) < 0.15


def test_bad_parameters_come_all_at_once() -> None:
    with pytest.raises(InvalidParameterError, match=r"(?s)3 problems.*kind.*l2.*n_folds"):
        Uplift("tt", l2=-1, n_folds=1).fit([[1], [2]], [0, 1], [0, 1])  # type: ignore[arg-type]
    with pytest.raises(InvalidParameterError, match=r"(?s)2 problems.*takes none.*propensity must"):
        Uplift(base=Uplift(), propensity=1.5).fit([[1], [2]], [0, 1], [0, 1])
    with pytest.raises(InvalidParameterError, match="effect_base must have fit and predict"):
        Uplift("x", effect_base=3).fit([[1], [2]], [0, 1], [0, 1])
    with pytest.raises(InvalidParameterError, match="'modell'"):
        Uplift(propensity="modell").fit([[1], [2]], [0, 1], [0, 1])


def test_bad_data_are_named() -> None:
    frame, y, treatment = shop(100, 0)
    with pytest.raises(InvalidDataError, match="X has 100, y has 99, treatment has 100"):
        Uplift().fit(frame, y[:99], treatment)
    with pytest.raises(InvalidDataError, match="everybody of 100 customers"):
        Uplift().fit(frame, y, np.ones(100))
    with pytest.raises(InvalidDataError, match="needs outcomes of 0 and 1"):
        Uplift("class_transformation").fit(frame, y * 2.5, treatment)
    with pytest.raises(InvalidDataError, match="Did you mean 'none'"):
        Uplift(control="non").fit(frame, y, np.where(treatment == 1, "mail", "none"))
    with pytest.raises(InvalidDataError, match="1 missing labels"):
        Uplift(control="none").fit(frame, y, np.array([None, *["none"] * 50, *["a"] * 49]))
    with pytest.raises(MissingColumnError, match="'visitt'"):
        Uplift().fit(frame, "visitt", treatment)
    model = Uplift().fit(frame, y, treatment)
    with pytest.raises(MissingColumnError, match="channel"):
        model.predict(frame[["recency"]])
    with pytest.raises(MissingColumnError, match="customer_id"):
        model.score(frame[["recency", "channel"]])
    with pytest.raises(NotFittedError):
        Uplift().predict(frame)
    with pytest.raises(InvalidDataError, match="with several arms, propensity must be"):
        Uplift(control="a", propensity=0.5).fit(frame, y, np.array(["a", "b", "c", "a"] * 25))
    with pytest.raises(InvalidDataError, match="too few for 5 folds"):
        Uplift("dr").fit(frame[:12], y[:12], np.r_[np.ones(6), np.zeros(6)])


def test_nobody_to_predict_is_an_empty_answer() -> None:
    frame, y, treatment = shop(200, 0)
    model = Uplift().fit(frame, y, treatment)
    assert model.predict(frame[:0]).shape == (0,)
    assert model.best_arm(frame[:0]).shape == (0,)
