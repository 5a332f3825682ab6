"""Model cards: what they keep, what they say, and how far later rows have moved."""

from __future__ import annotations

import copy
import json
import pickle
from datetime import UTC, date, datetime, timedelta, timezone
from html.parser import HTMLParser
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest
from sklearn.cluster import DBSCAN, KMeans
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import LinearSVC

from helpers.public_outcomes import read_outcomes
from userportrait.data import make_shop
from userportrait.errors import InvalidDataError, InvalidParameterError, NotFittedError
from userportrait.predict import (
    ModelCard,
    NextPurchaseCategory,
    OptimalBinning,
    Propensity,
    Scorecard,
    evaluate_classifier,
    model_card,
    population_stability,
)
from userportrait.segment import CustomerSegments, KPrototypes, PrepareFeatures

if TYPE_CHECKING:
    from pathlib import Path


def customers(n: int = 400, seed: int = 0, shift: float = 0.0) -> pd.DataFrame:
    draw = np.random.default_rng(seed)
    visits = draw.poisson(4, n).astype(float)
    visits[draw.random(n) < 0.1] = np.nan
    return pd.DataFrame(
        {
            "age": draw.normal(40 + shift, 10, n),
            "plan": draw.choice(["basic", "gold", "企业"], n, p=[0.6, 0.3, 0.1]),
            "visits": visits,
        }
    )


FRAME = customers()
FILLED = FRAME.fillna(0.0)
Y = np.where(FILLED["age"] + 10 * np.random.default_rng(9).normal(size=400) > 42, "yes", "no")


def card_of(**given: Any) -> ModelCard:
    model = Propensity().fit(FILLED, Y)
    return model_card(model, FILLED, Y, trained_at=datetime(2026, 1, 5, 8), **given)


def test_a_card_says_what_the_columns_held() -> None:
    card = model_card(Scorecard(min_iv=0.0).fit(FRAME, Y), FRAME, Y)
    age, plan, visits = card.features

    assert (age.low, age.high) == (FRAME["age"].min(), FRAME["age"].max())
    assert age.mean == pytest.approx(FRAME["age"].mean(), rel=1e-12)
    assert age.deviation == pytest.approx(FRAME["age"].std(ddof=0), rel=1e-12)
    assert sum(age.counts) == 400
    assert set(age.counts) == {40}
    counts = FRAME["plan"].value_counts()
    assert dict(zip(plan.levels, plan.counts, strict=True)) == counts.to_dict()
    assert plan.levels[0] == "basic"
    assert visits.n_missing == FRAME["visits"].isna().sum()
    assert visits.missing_share == FRAME["visits"].isna().mean()
    assert card.outcome is not None
    assert card.outcome_rate == (Y == "yes").mean()
    assert card.score is not None
    assert (card.score.kind, sum(card.score.counts)) == ("number", 400)
    assert card.parameters["min_iv"] == 0.0
    assert set(card.libraries) == {
        "python", "userportrait", "scikit-learn", "numpy", "scipy", "pandas",
    }  # fmt: skip


def test_a_card_has_no_rows_and_no_ids() -> None:
    frame = FILLED.assign(
        customer_id=[f"c{at}" for at in range(400)],
        mail=[f"{at}@shop.example" for at in range(400)],
    )
    card = model_card(KPrototypes(2, n_init=1).fit(FILLED), FILLED)
    assert [column.name for column in card.features] == ["age", "plan", "visits"]
    segments = CustomerSegments(2, n_init=1).fit(frame.drop(columns="mail"))
    card = model_card(segments, frame.drop(columns="mail"))
    assert "customer_id" not in str(card.to_dict())
    mail = model_card(PrepareFeatures(categories="drop").fit(frame), frame).features[-1]
    assert (mail.name, mail.levels, mail.n_levels, mail.range) == (
        "mail", (), 400, "400 different texts",
    )  # fmt: skip


def test_of_many_levels_none_of_a_few_rows_is_kept() -> None:
    draw = np.random.default_rng(0)
    texts = np.where(draw.random(900) < 0.2, "walk-in", [f"order {at // 3}" for at in range(900)])
    frame = pd.DataFrame({"order": texts, "few": ["a", "b", "c"] * 300, "n": np.arange(900.0)})
    order, few, _ = model_card(PrepareFeatures().fit(frame), frame).features
    assert order.levels == ("walk-in",)
    assert order.n_levels > 200
    assert few.levels == ("a", "b", "c")
    small = frame.head(20).assign(mail=[f"{at}@shop.example" for at in range(20)])
    assert model_card(PrepareFeatures().fit(small), small).features[-1].levels == ()


def test_many_levels_keep_the_most_frequent() -> None:
    texts = [f"item {at % 60:02}" for at in range(600)] + ["item 59"] * 5
    frame = pd.DataFrame({"item": texts, "n": np.arange(605.0)})
    card = model_card(PrepareFeatures().fit(frame), frame)
    item = card.features[0]
    assert (len(item.levels), item.n_levels, item.levels[:2]) == (50, 60, ("item 59", "item 00"))
    assert item.n_other == 100
    drift = card.drift(frame).set_index("feature")
    assert drift["psi"].tolist() == [0.0, 0.0]
    assert drift["outside"].isna().tolist() == [True, False]


def test_a_card_survives_json_and_pickle_and_compares() -> None:
    card = card_of(name="churn", data_from=date(2025, 1, 1), data_to="2025-12-31", limits=["a"])
    back = ModelCard.from_dict(json.loads(json.dumps(card.to_dict(), allow_nan=False)))
    assert back == card
    assert pickle.loads(pickle.dumps(card)) == card == copy.deepcopy(card)
    assert card_of() == card_of()
    assert card_of(name="other") != card_of()
    assert (card.data_from, card.data_to) == ("2025-01-01", "2025-12-31")


def test_a_moment_is_utc_and_now_by_default() -> None:
    model = Propensity().fit(FILLED, Y)
    before = datetime.now(UTC).replace(tzinfo=None) - timedelta(seconds=2)
    assert before <= model_card(model, FILLED).trained_at <= before + timedelta(minutes=5)
    shanghai = timezone(timedelta(hours=8))
    card = model_card(model, FILLED, trained_at=datetime(2026, 1, 5, 8, tzinfo=shanghai))
    assert card.trained_at == datetime(2026, 1, 5)


@pytest.mark.parametrize(
    ("document", "words"),
    [
        ({}, "no model card of this version"),
        ({"format": 2}, "Update userportrait if it is newer"),
        ({"format": 1, "name": "a"}, "the model card lacks 'data_from'"),
        ({**card_of().to_dict(), "features": [{"name": "a"}]}, "columns cannot be read"),
        ({**card_of().to_dict(), "features": 3}, "columns cannot be read"),
    ],
)
def test_what_is_no_card_is_refused(document: dict[str, Any], words: str) -> None:
    with pytest.raises(InvalidDataError, match=words):
        ModelCard.from_dict(document)


def test_drift_is_the_stability_index_of_both_sets_of_rows() -> None:
    later = customers(300, seed=1, shift=6.0)
    drift = model_card(Scorecard(min_iv=0.0).fit(FRAME, Y), FRAME).drift(later).set_index("feature")
    for name in FRAME.columns:
        oracle = population_stability(FRAME[name], later[name])
        assert drift.loc[name, "psi"] == pytest.approx(oracle.psi, rel=1e-12)
        assert drift.loc[name, "chance_psi"] == pytest.approx(oracle.chance_psi, rel=1e-12)
    assert drift.loc["age", "verdict"] == "large"
    assert drift.loc["plan", "verdict"] == "stable"
    assert drift.loc["age", "mean_after"] == pytest.approx(later["age"].mean(), rel=1e-12)
    assert drift.loc["visits", "missing_after"] == later["visits"].isna().mean()


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (np.arange(1_000) % 20 == 0, np.arange(1_000) % 20 != 0),
        (np.where(np.arange(1_000) % 12 == 0, np.arange(1_000), 0), np.arange(1_000) % 300),
        (np.ones(1_000), np.full(1_000, 2.0)),
        (np.ones(1_000), np.zeros(1_000)),
    ],
    ids=["rare flag", "mostly zero", "constant up", "constant down"],
)
def test_heavy_ties_do_not_hide_drift(before: np.ndarray, after: np.ndarray) -> None:
    other = np.arange(1_000.0)
    X = pd.DataFrame({"tied": before, "other": other})
    card = model_card(PrepareFeatures().fit(X), X)
    later = pd.DataFrame({"tied": after, "other": other})
    card = ModelCard.from_dict(json.loads(json.dumps(card.to_dict())))
    drift = card.drift(later)
    assert drift["verdict"].tolist() == ["large", "stable"]
    oracle = population_stability(before, after)
    assert drift["psi"].tolist() == pytest.approx([oracle.psi, 0.0], rel=1e-12)
    assert card.drift(X)["psi"].tolist() == [0.0, 0.0]


def test_an_index_that_chance_explains_is_no_drift() -> None:
    # 40 rows against ten bins: above 0.1 in most draws, though nothing has moved.
    card = model_card(PrepareFeatures().fit(FRAME), FRAME)
    verdicts, indexes = [], []
    for seed in range(1, 61):
        drift = card.drift(customers(40, seed=seed))
        verdicts += drift["verdict"].tolist()
        indexes.append(drift.loc[0, "psi"])
    assert np.mean(np.array(indexes) > 0.1) > 0.5
    assert verdicts.count("stable") >= 0.98 * len(verdicts)


def test_drift_names_new_levels_absent_columns_and_changed_kinds() -> None:
    later = customers(200, seed=2)
    later.loc[:49, "plan"] = "platinum"
    later["age"] = later["age"].astype(str)
    later = later.drop(columns="visits")
    drift = card_of().drift(later).set_index("feature")
    assert drift["verdict"].to_dict() == {
        "age": "other kind", "plan": "large", "visits": "absent",
    }  # fmt: skip
    assert drift.loc["plan", "outside"] == 0.25
    assert drift.loc[["age", "visits"], "psi"].isna().all()


def test_a_column_without_any_value_has_moved_to_missing() -> None:
    later = customers(200, seed=2).assign(plan=None, age=np.nan)
    drift = model_card(Scorecard(min_iv=0.0).fit(FRAME, Y), FRAME).drift(later)
    drift = drift.set_index("feature")
    assert drift.loc[["age", "plan"], "missing_after"].tolist() == [1.0, 1.0]
    assert drift.loc[["age", "plan"], "verdict"].tolist() == ["large", "large"]
    blank = FRAME.assign(nothing=np.nan)
    card = model_card(PrepareFeatures().fit(blank), blank)
    assert card.features[-1].range == "no value"
    found = card.drift(FRAME.assign(nothing=1.0)).set_index("feature").loc["nothing"]
    assert (found["verdict"], found["missing_before"]) == ("large", 1.0)


def test_scores_and_outcomes_drift_too() -> None:
    model = Propensity().fit(FILLED, Y)
    card = model_card(model, FILLED, Y)
    later = customers(400, seed=3, shift=8.0).fillna(0.0)
    both = model.predict_proba(later)
    drift = card.drift(later, both, np.where(later["age"] > 45, "yes", "no"))
    assert drift["role"].tolist() == ["score", "outcome", "feature", "feature", "feature"]
    assert drift.loc[0, "verdict"] == "large"
    assert drift.loc[0, "psi"] == pytest.approx(
        population_stability(model.predict_proba(FILLED)[:, 1], both[:, 1]).psi, rel=1e-12
    )
    pd.testing.assert_frame_equal(card.drift(later, both), card.drift(later, both[:, 1]))
    with pytest.raises(InvalidDataError, match="the card has no outcome to compare with"):
        model_card(model, FILLED).drift(later, y=Y)


@pytest.mark.parametrize("before", [int, float, bool, object, str])
@pytest.mark.parametrize("after", [int, float, bool, object, str, "Int64", "boolean"])
def test_equal_classes_do_not_drift_where_their_type_changes(before: Any, after: Any) -> None:
    truth = pd.Series((Y == "yes").astype(int))
    X = FILLED[["age"]]
    card = model_card(Propensity().fit(X, truth), X, truth.astype(before))
    assert card.outcome is not None
    assert set(card.outcome.levels) == {"0", "1"}
    assert card.outcome_rate == truth.mean()
    drift = card.drift(X, y=truth.astype(after))
    assert drift.iloc[0][["psi", "outside", "verdict"]].tolist() == [0.0, 0.0, "stable"]


def test_segments_come_back_as_floats_and_with_missing_ones() -> None:
    X = FILLED[["age", "visits"]]
    model = CustomerSegments(3, n_init=1).fit(X)
    card = model_card(model, X)
    found = pd.Series(np.asarray(model.predict(X)).astype(float))
    assert card.drift(X, found).loc[0, "psi"] == 0.0
    found[:200] = np.nan
    assert card.drift(X, found).iloc[0][["missing_after", "outside"]].tolist() == [0.5, 0.0]
    assert card.drift(X, found + 7).loc[0, "outside"] == 1.0


@pytest.mark.parametrize("levels", [("False", "True"), ("0.0", "1.0"), ("0", "1")])
@pytest.mark.parametrize("later", [int, float, bool])
def test_cards_of_an_older_version_know_their_classes(levels: Any, later: Any) -> None:
    truth = (Y == "yes").astype(int)
    X = FILLED[["age"]]
    document = model_card(Propensity().fit(X, truth), X, truth).to_dict()
    own = dict(zip(("0", "1"), levels, strict=True))
    document["outcome"]["levels"] = [own[level] for level in document["outcome"]["levels"]]
    card = ModelCard.from_dict(document)
    assert card.outcome_rate == truth.mean()
    drift = card.drift(X, y=truth.astype(later))
    assert drift.iloc[0][["psi", "outside", "verdict"]].tolist() == [0.0, 0.0, "stable"]


def test_texts_that_look_like_numbers_stay_apart() -> None:
    texts = np.array(["7", "07", "7.50"])[np.arange(400) % 3]
    card = model_card(LogisticRegression().fit(FILLED[["age"]], texts), FILLED[["age"]], texts)
    assert card.outcome is not None
    assert set(card.outcome.levels) == {"7", "07", "7.50"}
    only = card.drift(FILLED[["age"]], y=np.full(400, "07"))
    assert only.iloc[0][["outside", "verdict"]].tolist() == [0.0, "large"]


@pytest.mark.parametrize("bad", [[0.3], np.full(399, 0.3), np.full((400, 3), 0.3), 0.3])
@pytest.mark.parametrize("X", [FILLED, FILLED[[]].assign(other=1.0)], ids=["same", "absent"])
def test_scores_and_outcomes_of_another_length_are_refused(bad: Any, X: pd.DataFrame) -> None:
    card = card_of()
    with pytest.raises(InvalidDataError, match="drift: score must be one column of 400 rows; it"):
        card.drift(X, bad)
    with pytest.raises(InvalidDataError, match="drift: y must be one column of 400 rows; it has"):
        card.drift(X, y=bad)


def test_an_array_without_names_goes_by_position() -> None:
    X = FILLED[["age", "visits"]]
    card = model_card(Propensity().fit(X, Y), X, Y)
    later = customers(300, seed=4, shift=8.0).fillna(0.0)[["age", "visits"]]
    for rows in (later.to_numpy(), later.to_numpy().tolist()):
        pd.testing.assert_frame_equal(card.drift(rows), card.drift(later))
    one = model_card(Propensity().fit(X[["age"]], Y), X[["age"]])
    pd.testing.assert_frame_equal(one.drift(later["age"]), one.drift(later[["age"]]))
    for bad in (later.to_numpy()[:, :1], np.ones((5, 3))):
        with pytest.raises(InvalidDataError, match=r"columns; the card has 2: age, visits\. Give"):
            card.drift(bad)


MODELS: dict[str, tuple[Any, str | None]] = {
    "classes": (LogisticRegression(), "number"),
    "pipeline": (make_pipeline(StandardScaler(), LogisticRegression()), "number"),
    "margin": (LinearSVC(), "number"),
    "regression": (LinearRegression(), "number"),
    "clusters": (KMeans(3, random_state=0), "text"),
    "segments": (CustomerSegments(3, n_init=1), "text"),
    "labels": (DBSCAN(), "text"),
    "transformer": (StandardScaler(), None),
    "ours": (PrepareFeatures(), None),
}


@pytest.mark.parametrize("name", MODELS)
def test_any_fitted_model_has_a_card(name: str) -> None:
    model, kind = MODELS[name]
    X = FILLED[["age", "visits"]].to_numpy()
    y = X[:, 0] * 2.0 if name == "regression" else (Y == "yes").astype(int)
    model.fit(X, y)
    card = model_card(model, X, y)
    assert [column.name for column in card.features] == ["x0", "x1"]
    assert (None if card.score is None else card.score.kind) == kind
    assert ModelCard.from_dict(json.loads(json.dumps(card.to_dict()))) == card
    if hasattr(model, "predict") and kind == "text":
        drift = card.drift(X + 50.0, model.predict(X + 50.0))
        assert drift["verdict"].tolist() == ["large"] * 3
    assert (card.outcome_rate is None) == (name == "regression")
    assert card.library in ("sklearn", "userportrait")


def test_three_classes_and_one_feature_have_cards() -> None:
    X = FILLED[["age"]]
    y = pd.cut(FILLED["age"], 3, labels=["low", "middle", "high"]).astype(str)
    card = model_card(LogisticRegression().fit(X, y), X, y)
    assert card.score is not None
    assert card.outcome is not None
    assert set(card.outcome.levels) == {"low", "middle", "high"}
    assert set(card.score.levels) <= {"low", "middle", "high"}
    assert card.outcome_rate is None
    for x in (FRAME["visits"], FRAME["visits"].tolist(), FRAME["plan"]):
        binned = model_card(OptimalBinning().fit(x, Y), x, Y)
        assert [column.name for column in binned.features] == ["x"]
        assert binned.drift(x).loc[0, "psi"] == 0.0


def test_times_are_no_features_and_a_model_of_orders_has_a_card() -> None:
    shop = make_shop(300, random_state=0)
    orders = shop.orders.to_pandas()
    model = NextPurchaseCategory(items=shop.items).fit(orders)
    card = model_card(model, orders)
    names = [column.name for column in card.features]
    assert "ordered_at" not in names
    assert {"item_id", "quantity", "price"} <= set(names)
    assert "customer_id" not in names
    assert card.score is None
    assert ModelCard.from_dict(json.loads(json.dumps(card.to_dict()))) == card
    with pytest.raises(InvalidDataError, match="X has no features"):
        model_card(model, orders[["customer_id", "ordered_at"]])
    drift = card.drift(orders[["customer_id", "ordered_at"]])
    assert set(drift["verdict"]) == {"absent"}


@pytest.mark.parametrize("kind", ["ours", "theirs", "pipeline", "segments"])
def test_ids_and_times_beside_the_features_are_not_given_to_the_model(kind: str) -> None:
    X = FILLED[["age", "visits"]]
    model: Any = {
        "ours": Propensity(), "theirs": LogisticRegression(),
        "pipeline": make_pipeline(StandardScaler(), LogisticRegression()),
        "segments": CustomerSegments(2, n_init=1),
    }[kind].fit(X, Y)  # fmt: skip
    more = X.assign(customer_id=[f"c{at}" for at in range(400)], seen_at=pd.Timestamp("2026-01-01"))
    moment = datetime(2026, 1, 5)
    assert model_card(model, more, Y, trained_at=moment) == model_card(
        model, X, Y, trained_at=moment
    )


def test_a_model_that_was_fitted_on_an_id_gets_it() -> None:
    X = FILLED[["age"]].assign(customer_id=np.arange(400.0))
    model = LogisticRegression().fit(X, Y)
    card = model_card(model, X, Y)
    assert [column.name for column in card.features] == ["age"]
    assert card.score is not None
    assert card.score.mean == pytest.approx(model.predict_proba(X)[:, 1].mean(), rel=1e-12)


def test_frames_of_polars_make_the_same_card() -> None:
    polars = pytest.importorskip("polars")
    model = Propensity().fit(FILLED, Y)
    there = model_card(model, polars.from_pandas(FILLED), trained_at=datetime(2026, 1, 5))
    assert there == model_card(model, FILLED, trained_at=datetime(2026, 1, 5))


def test_scores_come_from_an_evaluation_or_any_mapping() -> None:
    model = Propensity().fit(FILLED, Y)
    evaluation = evaluate_classifier(model, FILLED, Y)
    card = model_card(model, FILLED, scores=evaluation)
    assert card.scores["auc"] == evaluation.auc
    given = {"auc": np.float64(0.7), "folds": (1, np.nan), "at": date(2026, 1, 1), "none": None}
    card = model_card(model, FILLED, scores=given)
    assert card.scores == {
        "auc": 0.7, "folds": [1, None], "at": "datetime.date(2026, 1, 1)", "none": None,
    }  # fmt: skip


def test_all_bad_parameters_are_named() -> None:
    model = Propensity().fit(FILLED, Y)
    bad: dict[str, Any] = {"name": 3, "limits": "one text", "trained_at": "today"}
    with pytest.raises(InvalidParameterError, match="3 problems") as caught:
        model_card(model, FILLED, **bad)
    assert "trained_at must be a datetime; got str" in str(caught.value)
    for key, value in {"n_bins": 1, "scores": 0.7, "data_from": 2025}.items():
        with pytest.raises(InvalidParameterError, match=key):
            model_card(model, FILLED, **{key: value})  # type: ignore[arg-type]
    with pytest.raises(InvalidDataError, match="y must be one column of 400 rows"):
        model_card(model, FILLED, Y[:-1])
    with pytest.raises(NotFittedError):
        model_card(Propensity(), FILLED)


@pytest.mark.parametrize("bad", ["nonsense", "", "31.12.2025", "2025-13-01", 2025, pd.NaT])
@pytest.mark.parametrize("name", ["data_from", "data_to"])
def test_what_is_no_date_is_refused(name: str, bad: Any) -> None:
    with pytest.raises(InvalidParameterError, match=f"{name} must be a date or a text such as"):
        card_of(**{name: bad})


@pytest.mark.parametrize(
    ("first", "last"),
    [
        ("2025-12-31", "2025-01-01"),
        (date(2025, 1, 2), "2025-01-01"),
        (datetime(2025, 1, 1, 9), "2025-01-01T08:00"),
        ("2025-01-01T09:00", "2025-01-01T12:00+08:00"),
        (pd.Timestamp("2025-01-02 00:00"), date(2025, 1, 1)),
    ],
)
def test_data_cannot_end_before_they_begin(first: Any, last: Any) -> None:
    with pytest.raises(InvalidParameterError, match="data_from is later than data_to"):
        card_of(data_from=first, data_to=last)


@pytest.mark.parametrize(
    ("first", "last"),
    [
        ("2025-01-01", "2025-01-01"),
        (datetime(2025, 1, 1, 12), "2025-01-01"),
        ("2025-01-01T09:00", "2025-01-01T18:00+08:00"),
        (None, "2025-01-01 23:59"),
        (pd.Timestamp("2025-01-01"), datetime(2025, 6, 1, tzinfo=UTC)),
    ],
)
def test_a_period_is_kept_as_it_was_given(first: Any, last: Any) -> None:
    card = card_of(data_from=first, data_to=last)
    wanted = [at if at is None or isinstance(at, str) else at.isoformat() for at in (first, last)]
    assert [card.data_from, card.data_to] == wanted


@pytest.mark.parametrize("model", [Propensity(), LogisticRegression(), LinearSVC()])
def test_the_outcome_may_be_the_first_class(model: Any) -> None:
    X, y = FILLED[["age"]], np.where(Y == "yes", "churn", "stay")
    model.fit(X, y)
    card = model_card(model, X, y, positive="churn")
    assert (card.positive, card.outcome_rate) == ("churn", (y == "churn").mean())
    assert f"churn, stay; rate of churn {(y == 'churn').mean():.1%}" in str(card).replace(
        "stay, churn", "churn, stay"
    )
    if hasattr(model, "predict_proba"):
        both = model.predict_proba(X)
        chance = both[:, 0]
        assert card.drift(X, both).loc[0, "psi"] == 0.0
    else:
        chance = -model.decision_function(X)
    assert card.score is not None
    assert card.score.mean == pytest.approx(chance.mean(), rel=1e-12)
    assert card.drift(X, chance, y)["psi"].tolist() == [0.0, 0.0, 0.0]
    assert ModelCard.from_dict(json.loads(json.dumps(card.to_dict()))) == card
    moment = datetime(2026, 1, 5)
    assert model_card(model, X, y, positive="stay", trained_at=moment).score == (
        model_card(model, X, y, trained_at=moment).score
    )


def test_the_outcome_of_a_card_is_a_value_of_y() -> None:
    with pytest.raises(InvalidParameterError, match="positive must be one of the values of y"):
        card_of(positive="maybe")
    X, truth = FILLED[["age"]], Y == "yes"
    card = model_card(Propensity().fit(X, truth), X, truth, positive=False)
    assert (card.positive, card.outcome_rate) == ("0", (~truth).mean())
    with pytest.raises(InvalidDataError, match="model_card requires y"):
        model_card(Propensity().fit(X, truth), X, positive=True)
    with pytest.raises(InvalidDataError, match="was fitted to the classes"):
        model_card(Propensity().fit(X, truth), X, Y, positive="no")


def test_a_card_of_an_older_version_has_no_named_outcome() -> None:
    document = card_of().to_dict()
    del document["positive"], document["positive_column"]
    assert ModelCard.from_dict(document) == card_of()


class Links(HTMLParser):
    """Collects what a page would fetch or run."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        names = {name for name, _ in attrs}
        if tag in ("script", "img", "link", "iframe") or names & {"src", "href", "onload"}:
            self.found.append(tag)


def test_the_card_is_told_in_text_markdown_and_html() -> None:
    card = card_of(
        name="a <b>|card",
        data_from="2025-01-01",
        data_to="2025-06-30",
        intended_use="Whom to call.",
        limits=["Not for prices.", "Not for children."],
        notes="n",
        scores={"auc": 0.71234, "auc_ci_low": 0.7, "none": None},
    )
    text = str(card)
    assert text.splitlines()[0] == "a <b>|card"
    assert "400 rows, 2025-01-01 to 2025-06-30, 3 features" in text
    assert "auc 0.712\n" in text
    assert "Not for prices. Not for children." in text
    markdown = card.to_markdown()
    assert markdown.startswith("# a \\<b\\>\\|card\n")
    assert "| age | number | 0.0% |" in markdown
    for page in (card.to_html(), card._repr_html_()):
        assert "a &lt;b&gt;|card" in page
        assert "<b>" not in page
        links = Links()
        links.feed(page)
        assert links.found == []
    assert card.to_frame()["feature"].tolist() == ["age", "plan", "visits"]


def test_a_card_of_public_data_finds_what_has_moved(shared_data: Path) -> None:
    frame, y = read_outcomes(shared_data, "telco")
    half = len(frame) // 2
    model = Propensity().fit(frame[:half], y[:half])
    card = model_card(
        model, frame[:half], y[:half], scores=evaluate_classifier(model, frame[half:], y[half:])
    )
    later = frame[half:]
    assert set(card.drift(later, model.predict_proba(later), y[half:])["verdict"]) == {"stable"}
    dearer = later.assign(MonthlyCharges=1.3 * later["MonthlyCharges"])
    drift = card.drift(dearer).set_index("feature")
    assert drift.index[drift["verdict"] == "large"].tolist() == ["MonthlyCharges"]
    assert len(json.dumps(card.to_dict())) < 20_000
