"""Ranking metrics: tables worked by hand, loops, scikit-learn, and what must not matter."""

from __future__ import annotations

import itertools
import math
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy.stats import permutation_test, ttest_rel
from sklearn.metrics import ndcg_score

from helpers.engines import to_engine
from userportrait._core.multiplicity import adjust_p
from userportrait.errors import (
    ColumnTypeError,
    InvalidDataError,
    InvalidParameterError,
    MissingColumnError,
)
from userportrait.recommend import (
    EASE,
    Interactions,
    compare_rankings,
    evaluate_customers,
    evaluate_ranking,
)
from userportrait.recommend._resampling import resample_means, sign_flip_p_values

# ann: hits at ranks 2 and 4 of 3 wanted; bo: one at rank 1 of 1; cy: wanted, no list.
LISTS = {"ann": ["tea", "cup", "jam", "pot"], "bo": ["tea", "cup"], "dee": ["tea"]}
WANTED = {"ann": ["cup", "pot", "oil"], "bo": ["tea"], "cy": ["tea"]}


def lists_of(lists: dict[Any, list[Any]]) -> pd.DataFrame:
    rows = [(c, item, at + 1) for c, items in lists.items() for at, item in enumerate(items)]
    return pd.DataFrame(rows, columns=["customer_id", "item_id", "rank"])


def wanted_of(wanted: dict[Any, list[Any]]) -> pd.DataFrame:
    rows = [(c, item) for c, items in wanted.items() for item in items]
    return pd.DataFrame(rows, columns=["customer_id", "item_id"])


def by_customer(metric: str, **more: Any) -> list[float]:
    found = evaluate_customers(lists_of(LISTS), wanted_of(WANTED), metrics=metric, **more)
    assert found["customer_id"].tolist() == ["ann", "bo", "cy"]
    return found[metric].tolist()


@pytest.mark.parametrize(
    ("metric", "expected"),
    [
        ("recall@4", [2 / 3, 1, 0]),
        ("recall@3", [1 / 3, 1, 0]),
        ("capped_recall@2", [1 / 2, 1, 0]),
        ("precision@4", [2 / 4, 1 / 4, 0]),
        ("f1@4", [2 * (0.5 * 2 / 3) / (0.5 + 2 / 3), 2 * (0.25 * 1) / 1.25, 0]),
        ("hit_rate@1", [0, 1, 0]),
        ("mrr@4", [1 / 2, 1, 0]),
        ("mrr@1", [0, 1, 0]),
        ("map@4", [(1 / 2 + 2 / 4) / 3, 1, 0]),
        ("map@2", [(1 / 2) / 2, 1, 0]),
        (
            "ndcg@4",
            [
                (1 / math.log2(3) + 1 / math.log2(5)) / (1 + 1 / math.log2(3) + 1 / 2),
                1,
                0,
            ],
        ),
        ("ndcg@2", [(1 / math.log2(3)) / (1 + 1 / math.log2(3)), 1, 0]),
    ],
)
def test_metrics_are_those_worked_by_hand(metric: str, expected: list[float]) -> None:
    assert by_customer(metric) == pytest.approx(expected)


# Five customers of the training part: tea 4 of 5, cup 2, jam 1, pot 1; oil is unknown.
TRAIN = wanted_of(
    {1: ["tea", "cup"], 2: ["tea", "cup"], 3: ["tea"], 4: ["tea", "jam"], 5: ["pot"]}
).assign(customer_id=lambda t: "c" + t["customer_id"].astype(str))


def test_what_lists_are_like_is_worked_by_hand() -> None:
    shares = {"tea": 4 / 5, "cup": 2 / 5, "jam": 1 / 5, "pot": 1 / 5}
    novelty = [np.mean([-math.log2(shares[item]) for item in LISTS[c]]) for c in ("ann", "bo")] + [
        math.nan
    ]
    assert by_customer("novelty@4", train=TRAIN) == pytest.approx(novelty, nan_ok=True)
    popular = [np.mean([shares[i] for i in LISTS[c]]) for c in ("ann", "bo")] + [math.nan]
    assert by_customer("popularity@4", train=TRAIN) == pytest.approx(popular, nan_ok=True)
    # The two most popular are tea and cup, so only ann's pot is a surprise.
    assert by_customer("serendipity@4", train=TRAIN)[:2] == [0.0, 0.0]
    assert by_customer("serendipity@2", train=TRAIN) == [0.0, 0.0, 0.0]
    # tea and cup share 2 customers of 4 and 2.
    assert by_customer("diversity@2", train=TRAIN)[:2] == pytest.approx([1 - 2 / math.sqrt(8)] * 2)
    categories = {"tea": "drink", "cup": "ware", "pot": "ware"}
    got = by_customer("category_diversity@4", items=categories | {"jam": None})
    assert got == pytest.approx([1 - 2 / 12, 1, math.nan], nan_ok=True)


def test_a_surprise_is_a_hit_that_popularity_would_not_have_shown() -> None:
    found = evaluate_customers(
        lists_of({"ann": ["pot", "tea"]}),
        wanted_of({"ann": ["pot", "tea"]}),
        metrics=["serendipity@2", "serendipity@1"],
        train=TRAIN,
    )
    assert found[["serendipity@2", "serendipity@1"]].to_numpy().tolist() == [[0.5, 1.0]]


def test_metrics_of_all_lists_are_worked_by_hand() -> None:
    names = ["coverage@2", "gini@2", "entropy@2", "personalization@2"]
    found = evaluate_ranking(lists_of(LISTS), wanted_of(WANTED), metrics=names, train=TRAIN)
    value = dict(zip(found["metric"], found["value"], strict=True))
    # ann and bo see tea and cup, twice each, of the four items of the training part.
    counts = [0, 0, 2, 2]
    pairs = sum(abs(a - b) for a, b in itertools.product(counts, counts))
    assert value["coverage@2"] == 0.5
    assert value["gini@2"] == pytest.approx(pairs / (2 * 4 * sum(counts)) * 4 / 3)
    assert value["entropy@2"] == 1.0
    assert value["personalization@2"] == 0.0
    assert found["n_customers"].tolist() == [2] * 4
    assert found[["ci_low", "ci_high"]].isna().all().all()


def test_customers_without_a_list_count_as_0_and_are_counted() -> None:
    found = evaluate_ranking(lists_of(LISTS), wanted_of(WANTED), metrics=["recall@4"])
    assert found["value"].tolist() == pytest.approx([(2 / 3 + 1 + 0) / 3])
    assert found[["n_customers", "n_without_list"]].to_numpy().tolist() == [[3, 1]]


def random_case(n: int, k: int, seed: int, n_items: int = 60) -> tuple[Any, Any]:
    rng = np.random.default_rng(seed)
    lists = {c: rng.permutation(n_items)[: rng.integers(1, k + 1)].tolist() for c in range(n)}
    wanted = {c: rng.permutation(n_items)[: rng.integers(1, 25)].tolist() for c in range(0, n, 2)}
    return lists, wanted


def looped(lists: Any, wanted: Any, name: str, k: int) -> list[float]:
    """Compute a metric as textbooks write it."""
    values = []
    for customer, want in wanted.items():
        shown = lists.get(customer, [])[:k]
        hit = [item in want for item in shown]
        best = sum(1 / math.log2(i + 2) for i in range(min(k, len(want))))
        precision_at = [sum(hit[: i + 1]) / (i + 1) for i in range(len(hit))]
        values.append(
            {
                "recall": sum(hit) / len(want),
                "precision": sum(hit) / k,
                "hit_rate": float(any(hit)),
                "mrr": next((1 / (i + 1) for i, h in enumerate(hit) if h), 0.0),
                "map": sum(p for p, h in zip(precision_at, hit, strict=True) if h)
                / min(k, len(want)),
                "ndcg": sum(h / math.log2(i + 2) for i, h in enumerate(hit)) / best,
            }[name]
        )
    return values


@pytest.mark.parametrize("name", ["recall", "precision", "hit_rate", "mrr", "map", "ndcg"])
@pytest.mark.parametrize("k", [1, 5, 20, 40])
def test_metrics_agree_with_loops(name: str, k: int) -> None:
    lists, wanted = random_case(60, 25, seed=k)
    found = evaluate_customers(lists_of(lists), wanted_of(wanted), metrics=f"{name}@{k}")
    assert found[f"{name}@{k}"].tolist() == pytest.approx(looped(lists, wanted, name, k))


@pytest.mark.parametrize("gains", ["linear", "exponential"])
def test_graded_ndcg_agrees_with_scikit_learn(gains: Any) -> None:
    rng = np.random.default_rng(3)
    n, n_items, k = 20, 15, 6
    weight = rng.integers(0, 5, (n, n_items)).astype(float)
    weight[:, 0] = 1.0
    score = rng.random((n, n_items))
    cells = [(c, i, score[c, i], weight[c, i]) for c in range(n) for i in range(n_items)]
    frame = pd.DataFrame(cells, columns=["customer_id", "item_id", "score", "weight"])
    found = evaluate_customers(
        frame.drop(columns="weight"), frame.drop(columns="score"), metrics=f"ndcg@{k}", gains=gains
    )
    gain = weight if gains == "linear" else 2**weight - 1
    expected = [ndcg_score(gain[[c]], score[[c]], k=k) for c in range(n)]
    assert found[f"ndcg@{k}"].tolist() == pytest.approx(expected)


def test_weighted_recall_and_least_weights() -> None:
    wanted = wanted_of({"ann": ["cup", "oil"]}).assign(weight=[3.0, 1.0])
    lists = lists_of({"ann": ["cup"]})
    found = evaluate_customers(lists, wanted, metrics=["weighted_recall@1", "recall@1"])
    assert found[["weighted_recall@1", "recall@1"]].to_numpy().tolist() == [[0.75, 0.5]]
    found = evaluate_customers(lists, wanted, metrics="recall@1", min_weight=2.0)
    assert found["recall@1"].tolist() == [1.0]


def test_diversity_agrees_with_all_pairs() -> None:
    lists, wanted = random_case(40, 8, seed=5, n_items=30)
    rng = np.random.default_rng(0)
    train = {c: rng.permutation(30)[: rng.integers(2, 9)].tolist() for c in range(100, 160)}
    have = {i: {c for c, items in train.items() if i in items} for i in range(30)}

    def cosine(a: int, b: int) -> float:
        length = math.sqrt(len(have[a]) * len(have[b]))
        return len(have[a] & have[b]) / length if length else 0.0

    expected = []
    for customer in wanted:
        pairs = list(itertools.combinations(lists[customer], 2))
        expected.append(1 - np.mean([cosine(*p) for p in pairs]) if pairs else math.nan)
    found = evaluate_customers(
        lists_of(lists), wanted_of(wanted), metrics="diversity@8", train=wanted_of(train)
    )
    assert found["diversity@8"].tolist() == pytest.approx(expected, nan_ok=True)


@pytest.mark.parametrize("texts", [False, True])
def test_the_order_of_rows_changes_nothing(texts: bool) -> None:
    lists, wanted = random_case(80, 20, seed=9)
    recommended, actual = lists_of(lists), wanted_of(wanted)
    if texts:
        recommended, actual = recommended.astype(str), actual.astype(str)
        recommended["rank"] = recommended["rank"].astype(int)
    names = ["ndcg@20", "map@10", "novelty@20", "gini@20", "diversity@5"]
    once = evaluate_ranking(recommended, actual, metrics=names, train=actual)
    again = evaluate_ranking(
        recommended.sample(frac=1, random_state=1),
        actual.sample(frac=1, random_state=2),
        metrics=names,
        train=actual.sample(frac=1, random_state=3),
    )
    pd.testing.assert_frame_equal(once, again, check_exact=True)


def test_every_engine_gives_the_same(engine: str) -> None:
    lists, wanted = random_case(30, 10, seed=2)
    recommended, actual = lists_of(lists), wanted_of(wanted)
    plain = evaluate_ranking(recommended, actual, n_resamples=50)
    found = evaluate_ranking(
        to_engine(engine, recommended), to_engine(engine, actual), n_resamples=50
    )
    pd.testing.assert_frame_equal(plain, found, check_exact=True)


def test_rank_goes_before_score_and_score_before_the_order_of_rows() -> None:
    frame = pd.DataFrame(
        {"customer_id": 1, "item_id": ["a", "b", "c"], "score": [1.0, 3.0, 3.0], "rank": [1, 5, 9]}
    )
    wanted = pd.DataFrame({"customer_id": [1], "item_id": ["b"]})
    place = {"rank": 2, "score": 1, None: 2}
    for order, at in place.items():
        columns = ["customer_id", "item_id", *([order] if order else [])]
        found = evaluate_customers(frame[columns], wanted, metrics="mrr@3")
        assert found["mrr@3"].tolist() == [1 / at]
    # Equal scores go by item, not by the order of rows.
    turned = frame[["customer_id", "item_id", "score"]].iloc[::-1]
    assert evaluate_customers(turned, wanted, metrics="mrr@3")["mrr@3"].tolist() == [1.0]


def test_a_model_is_asked_for_its_lists_and_knows_its_catalogue() -> None:
    train = Interactions.from_frame(TRAIN)
    model = EASE().fit(train)
    wanted = pd.DataFrame({"customer_id": ["c3", "c5"], "item_id": ["cup", "tea"]})
    asked = evaluate_ranking(model, wanted, metrics=["recall@2", "coverage@2"], n_resamples=0)
    given = evaluate_ranking(
        model.recommend(k=2), wanted, metrics=["recall@2", "coverage@2"], train=train, n_resamples=0
    )
    pd.testing.assert_frame_equal(asked, given)
    with pytest.raises(InvalidDataError, match="Convert one of them"):
        evaluate_ranking(model, wanted.assign(customer_id=[3, 5]))


def test_segments_are_judged_apart() -> None:
    lists, wanted = lists_of(LISTS), wanted_of(WANTED)
    by = {"ann": "new", "bo": "old"}
    found = evaluate_ranking(lists, wanted, metrics="recall@4", by=by, n_resamples=10)
    assert found["segment"].tolist() == ["new", "old", None]
    assert found["value"].tolist() == pytest.approx([2 / 3, 1.0, 0.0])
    assert found["n_without_list"].tolist() == [0, 0, 1]
    frame = pd.DataFrame({"customer_id": list(by), "tier": list(by.values())})
    again = evaluate_ranking(lists, wanted, metrics="recall@4", by=frame, n_resamples=10)
    pd.testing.assert_frame_equal(found, again)


def test_no_list_at_all_is_worth_nothing() -> None:
    empty = lists_of(LISTS).iloc[:0]
    found = evaluate_ranking(empty, wanted_of(WANTED), metrics=["recall@5", "novelty@5"],
                             train=TRAIN)  # fmt: skip
    assert found["value"].tolist() == pytest.approx([0.0, math.nan], nan_ok=True)
    assert found["n_without_list"].tolist() == [3, 3]


def test_longer_metrics_than_lists_count_what_lacks_as_misses() -> None:
    found = evaluate_customers(lists_of(LISTS), wanted_of(WANTED), metrics="precision@100")
    assert found["precision@100"].tolist() == [0.02, 0.01, 0.0]


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda a, b: evaluate_ranking(a, b, metrics="ndgc@5"), InvalidParameterError, "'ndcg'"),
        (lambda a, b: evaluate_ranking(a, b, metrics="ndcg"), InvalidParameterError, "'ndcg@20'"),
        (lambda a, b: evaluate_ranking(a, b, metrics="ndcg@0"), InvalidParameterError, "how many"),
        (lambda a, b: evaluate_ranking(a, b, metrics=[]), InvalidParameterError, "at least one"),
        (
            lambda a, b: evaluate_ranking(a, b, metrics=["ndcg@5", "ndcg@5"]),
            InvalidParameterError,
            "twice",
        ),
        (
            lambda a, b: evaluate_ranking(a, b, metrics="novelty@5"),
            InvalidParameterError,
            "needs train=",
        ),
        (
            lambda a, b: evaluate_customers(a, b, metrics="gini@5"),
            InvalidParameterError,
            "not a known metric",
        ),
        (
            lambda a, b: evaluate_ranking(pd.concat([a, a.assign(rank=a["rank"] + 10)]), b),
            InvalidDataError,
            "an item twice",
        ),
        (lambda a, b: evaluate_ranking(a.assign(rank=1), b), InvalidDataError, "rank twice"),
        (
            lambda a, b: evaluate_ranking(a.assign(rank=math.nan), b),
            InvalidDataError,
            "needs a rank",
        ),
        (lambda a, b: evaluate_ranking(a, b.iloc[:0]), InvalidDataError, "no rows"),
        (lambda a, b: evaluate_ranking(a, b.assign(weight=0)), InvalidDataError, "no item that"),
        (lambda a, b: evaluate_ranking(a, b.assign(weight=-1)), InvalidDataError, "at least 0"),
        (
            lambda a, b: evaluate_ranking(a, b.assign(customer_id=[1, 1, 1, 2, 3])),
            InvalidDataError,
            "Convert one of them",
        ),
        (
            lambda a, b: evaluate_ranking(a, b.assign(customer_id=[1, "a", "b", 2, 3])),
            ColumnTypeError,
            "customer_id",
        ),
        (
            lambda a, b: evaluate_ranking(a.rename(columns={"item_id": "item"}), b),
            MissingColumnError,
            "'item' looks like it",
        ),
        (
            lambda a, b: evaluate_ranking(a, b, confidence_level=95, n_resamples=-1),
            InvalidParameterError,
            "2 problems",
        ),
    ],
)
def test_bad_input_is_refused_with_what_would_do(call: Any, error: Any, message: str) -> None:
    with pytest.raises(error, match=message):
        call(lists_of(LISTS), wanted_of(WANTED))


def test_rows_without_an_order_of_their_own_need_a_rank() -> None:
    pytest.importorskip("duckdb")
    lists = lists_of(LISTS)[["customer_id", "item_id"]]
    with pytest.raises(InvalidDataError, match="'rank' or 'score'"):
        evaluate_ranking(to_engine("duckdb", lists), wanted_of(WANTED))


# Resampling


def test_resampled_means_scatter_as_theory_says() -> None:
    rng = np.random.default_rng(0)
    values = np.column_stack([rng.random(400), rng.exponential(size=400)])
    found = resample_means(values, n_resamples=4000, random_state=1)
    error = values.std(axis=0) / math.sqrt(400)
    assert found.means == pytest.approx(values.mean(axis=0))
    assert found.resampled.mean(axis=0) == pytest.approx(values.mean(axis=0), abs=5e-3)
    assert found.resampled.std(axis=0) == pytest.approx(error, rel=0.05)


def test_intervals_cover_the_truth_as_often_as_they_say() -> None:
    rng = np.random.default_rng(2)
    n_trials, n = 400, 40
    covered = 0
    for seed in range(n_trials):
        values = rng.exponential(size=(n, 1))
        found = resample_means(values, n_resamples=500, random_state=seed)
        low, high = found.interval(0, 0.9)
        covered += low <= 1.0 <= high
    # Binomial error of 400 trials is 1.5 %; skewness costs some per cent at n = 40.
    assert 0.84 <= covered / n_trials <= 0.95


def test_missing_values_count_in_no_resample() -> None:
    values = np.array([[1.0, 1.0], [2.0, np.nan], [3.0, 3.0]])
    found = resample_means(values, n_resamples=300, random_state=0)
    assert found.means.tolist() == [2.0, 2.0]
    known = found.resampled[~np.isnan(found.resampled[:, 1]), 1]
    assert set(np.round(known, 9)) <= {1.0, 1.5, 2.0, 2.5, 3.0, 5 / 3, 7 / 3} | set(
        np.round([5 / 3, 7 / 3], 9)
    )


def test_sums_of_resamples_are_exact_whatever_the_order_of_columns() -> None:
    values = np.random.default_rng(0).random((500, 7))
    once = resample_means(values, n_resamples=64, random_state=5).resampled
    alone = resample_means(values[:, [3]], n_resamples=64, random_state=5).resampled
    # The unit depends on the largest value, which may differ; both roundings are below 1e-12.
    np.testing.assert_allclose(once[:, [3]], alone, rtol=0, atol=1e-12)


def test_few_customers_are_permuted_in_all_ways() -> None:
    differences = np.random.default_rng(1).normal(0.3, 1.0, 9)
    expected = permutation_test(
        (differences, np.zeros(9)),
        lambda a, b, axis: np.mean(a - b, axis=axis),
        permutation_type="samples",
        vectorized=True,
        n_resamples=np.inf,
    ).pvalue
    found = sign_flip_p_values(differences[:, None], n_resamples=9999, random_state=0)
    assert found.tolist() == pytest.approx([expected])


def test_many_customers_are_permuted_at_random() -> None:
    differences = np.random.default_rng(1).normal(0.1, 1.0, (300, 2))
    found = sign_flip_p_values(differences, n_resamples=4999, random_state=0)
    expected = ttest_rel(differences, np.zeros((300, 2))).pvalue
    assert found == pytest.approx(expected, abs=0.03)


def test_adjustments_are_those_of_r() -> None:
    # p.adjust(c(0.01, 0.02, 0.03, 0.04), method), R 4: worked by hand from the definitions.
    p = np.array([0.03, 0.01, np.nan, 0.04, 0.02])
    assert adjust_p(p, "bonferroni")[[1, 4, 0, 3]].tolist() == pytest.approx(
        [0.04, 0.08, 0.12, 0.16]
    )
    assert adjust_p(p, "holm")[[1, 4, 0, 3]].tolist() == pytest.approx([0.04, 0.06, 0.06, 0.06])
    assert adjust_p(p, "bh")[[1, 4, 0, 3]].tolist() == pytest.approx([0.04, 0.04, 0.04, 0.04])
    factor = 1 + 1 / 2 + 1 / 3 + 1 / 4
    assert adjust_p(p, "by")[[1, 4, 0, 3]].tolist() == pytest.approx([0.04 * factor] * 4)
    assert np.isnan(adjust_p(p, "holm")[2])


# Comparison


def two_rankings(n: int, seed: int) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    lists, wanted = random_case(n, 20, seed=seed)
    other, _ = random_case(n, 20, seed=seed + 1)
    return lists_of(lists), lists_of(other), wanted_of(wanted)


def test_the_t_test_agrees_with_scipy() -> None:
    one, other, wanted = two_rankings(80, 4)
    found = compare_rankings({"a": one, "b": other}, wanted, metrics="ndcg@10", method="t")
    values = [evaluate_customers(x, wanted, metrics="ndcg@10")["ndcg@10"] for x in (one, other)]
    row = found.to_frame().iloc[0]
    assert row["p_value"] == pytest.approx(ttest_rel(*values).pvalue)
    assert row["difference"] == pytest.approx(values[0].mean() - values[1].mean())
    assert row["n_better"] == (values[0] > values[1]).sum()


def test_all_tests_agree_with_many_customers() -> None:
    one, other, wanted = two_rankings(300, 8)
    p = [
        compare_rankings({"a": one, "b": other}, wanted, metrics="ndcg@10", method=method)
        .to_frame()["p_value"]
        .iloc[0]
        for method in ("permutation", "bootstrap", "t")
    ]
    assert max(p) - min(p) < 0.03


def test_tests_of_equal_recommenders_raise_few_false_alarms() -> None:
    rng = np.random.default_rng(0)
    p = [
        sign_flip_p_values(rng.choice([-1.0, 0, 1.0], (50, 1)), n_resamples=199, random_state=seed)
        for seed in range(400)
    ]
    share = np.mean(np.concatenate(p) <= 0.1)
    assert share <= 0.1 + 3 * math.sqrt(0.09 / 400)


def test_comparisons_pair_all_or_with_one() -> None:
    one, other, wanted = two_rankings(30, 4)
    rankings = {"a": one, "b": other, "c": one}
    found = compare_rankings(rankings, wanted, metrics="recall@5", n_resamples=99)
    assert found.to_frame()[["ranking", "other"]].to_numpy().tolist() == [
        ["a", "b"],
        ["a", "c"],
        ["b", "c"],
    ]
    same = found.to_frame().iloc[1]
    assert (same["difference"], same["p_value"], same["adjusted_p_value"]) == (0.0, 1.0, 1.0)
    found = compare_rankings(rankings, wanted, baseline="c", n_resamples=99)
    assert found.to_frame()["other"].tolist() == ["c"] * 4


def test_comparisons_print_pickle_and_compare() -> None:
    import pickle

    one, other, wanted = two_rankings(30, 4)
    found = compare_rankings({"<a>": one, "b": other}, wanted, n_resamples=99)
    assert pickle.loads(pickle.dumps(found)) == found
    assert "15 customers" in str(found)
    assert "&lt;a&gt;" in found._repr_html_()
    assert "<a>" not in found._repr_html_()
    assert found.to_dict()["method"] == "permutation"


def test_comparisons_refuse_what_cannot_be_compared() -> None:
    one, other, wanted = two_rankings(30, 4)
    with pytest.raises(InvalidParameterError, match="two names or more"):
        compare_rankings({"a": one}, wanted)
    with pytest.raises(InvalidParameterError, match="Did you mean 'old'"):
        compare_rankings({"new": one, "old": other}, wanted, baseline="odl")
    with pytest.raises(InvalidDataError, match="one customer"):
        compare_rankings({"a": one, "b": other}, wanted[wanted["customer_id"] == 0])
    with pytest.raises(InvalidParameterError, match="coverage"):
        compare_rankings({"a": one, "b": other}, wanted, metrics="coverage@5")


def test_a_public_split_is_judged_as_a_loop_would(shared_data: Any) -> None:
    """500 customers of a public split, lists of the same items for all."""
    folder = shared_data / "lightgcn_gowalla"
    if not folder.is_dir():
        pytest.skip("the gowalla split is not here")
    pytest.importorskip("pyarrow")
    names = {"user": "customer_id", "item": "item_id"}
    test = pd.read_parquet(folder / "test.parquet").rename(columns=names)
    test = test[test["customer_id"] < 500]
    popular = list(range(100, 120))
    lists = dict.fromkeys(range(500), popular)
    wanted = test.groupby("customer_id")["item_id"].agg(list).to_dict()
    found = evaluate_ranking(lists_of(lists), test, metrics=["recall@20", "ndcg@20"])
    for name, value in zip(("recall", "ndcg"), found["value"], strict=True):
        assert value == pytest.approx(np.mean(looped(lists, wanted, name, 20)))
