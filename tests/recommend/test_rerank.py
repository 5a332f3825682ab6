"""Rerankers against brute force over all lists, against loops written down plainly, as values."""

from __future__ import annotations

import pickle
from dataclasses import replace
from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from helpers.recommenders import Together, TogetherWithNegatives, items_of, lists_of
from userportrait.errors import InvalidDataError, InvalidParameterError, MissingColumnError
from userportrait.recommend import (
    AtMostPer,
    Calibrated,
    CategoryQuota,
    Diversify,
    ExcludeItems,
    Request,
    Reranker,
)
from userportrait.recommend._top import Top
from userportrait.testing import check_recommends

ITEMS = [f"i{i:02d}" for i in range(14)]
LABELS = st.lists(st.sampled_from(["a", "b", "c", None]), min_size=14, max_size=14)


def shop(seed: int = 0, n: int = 60) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    customers = [f"c{i}" for i in rng.integers(0, 8, n)]
    items = [ITEMS[i] for i in rng.integers(0, len(ITEMS), n)]
    return pd.DataFrame({"customer_id": customers, "item_id": items})


MODELS = {kind.__name__: kind().fit(shop()) for kind in (Together, TogetherWithNegatives)}
MODEL = MODELS["TogetherWithNegatives"]
EVERYBODY = MODEL.interactions_.customer_ids.tolist()
models = st.sampled_from(sorted(MODELS))


def candidates(model: Any, customer: str) -> list[tuple[str, float]]:
    """All that a customer may get, best first."""
    return lists_of(model.recommend([customer], k=99)).get(customer, [])


# --- limits --------------------------------------------------------------------------------


@settings(max_examples=60)
@given(labels=LABELS, n=st.integers(1, 3), k=st.integers(1, 10), name=models)
def test_at_most_n_of_a_label_come_as_a_loop_takes_them(
    labels: Any, n: int, k: int, name: str
) -> None:
    label = dict(zip(ITEMS, labels, strict=True))
    model = MODELS[name]
    found = lists_of(model.recommend(k=k, filters=AtMostPer(n, label)))
    for customer in EVERYBODY:
        taken: list[tuple[str, float]] = []
        for item, score in candidates(model, customer):
            same = [other for other, _ in taken if label[other] == label[item]]
            if len(taken) < k and (label[item] is None or len(same) < n):
                taken.append((item, score))
        assert found.get(customer, []) == taken


def best_by_trying(
    given_items: list[tuple[str, float]],
    label: dict[str, Any],
    least: dict[str, int],
    most: dict[str, float],
    k: int,
) -> float:
    """Return the largest sum of scores of a list of k that keeps all numbers."""
    there = {one: sum(label[item] == one for item, _ in given_items) for one in least}
    least = {one: min(n, there[one]) for one, n in least.items()}
    sums: list[float] = []
    for size in range(k, 0, -1):
        for chosen in combinations(given_items, size):
            counts = {one: sum(label[item] == one for item, _ in chosen) for one in "abc"}
            enough = all(counts[one] >= n for one, n in least.items())
            if enough and all(counts[one] <= most.get(one, 99) for one in "abc"):
                sums.append(sum(score for _, score in chosen))
        if sums:
            return max(sums)
    return 0.0


@settings(max_examples=60)
@given(
    labels=LABELS,
    least=st.dictionaries(st.sampled_from("abc"), st.integers(1, 2), max_size=3),
    most=st.none() | st.integers(2, 3) | st.dictionaries(st.sampled_from("abc"), st.integers(2, 3)),
    k=st.integers(1, 7),
    name=models,
    customer=st.sampled_from(EVERYBODY),
)
def test_quotas_give_the_largest_sum_of_scores(
    labels: Any, least: Any, most: Any, k: int, name: str, customer: str
) -> None:
    label = dict(zip(ITEMS, labels, strict=True))
    least = {one: n for one, n in least.items() if one in labels}
    if isinstance(most, dict):
        most = {one: n for one, n in most.items() if one in labels}
    quota = CategoryQuota(label, at_least=least, at_most=() if most is None else most)
    there = {one: labels.count(one) for one in least}
    if sum(min(n, there[one]) for one, n in least.items()) > k:
        with pytest.raises(InvalidParameterError, match="but the lists have k="):
            MODELS[name].recommend([customer], k=k, filters=quota)
        return
    table = MODELS[name].recommend([customer], k=k, filters=quota)
    found = lists_of(table).get(customer, [])
    every = candidates(MODELS[name], customer)
    limits = dict.fromkeys("abc", most) if isinstance(most, int) else most or {}
    assert sum(score for _, score in found) == best_by_trying(every, label, least, limits, k)
    counts = {one: sum(label[item] == one for item, _ in found) for one in "abc"}
    for one, n in least.items():
        assert counts[one] >= min(n, sum(label[item] == one for item, _ in every))
    assert all(counts[one] <= limits.get(one, 99) for one in "abc")
    assert set(found) <= set(every)
    scores = [score for _, score in found]
    assert scores == sorted(scores, reverse=True)


def test_many_candidates_are_looked_at_where_it_takes_many() -> None:
    n = 400
    rows = [(1, f"p{i:03d}") for i in range(n)] + [(2, "p000")]
    model = Together().fit(pd.DataFrame(rows, columns=["customer_id", "item_id"]))
    # All of one label but the last item in the order of candidates.
    label = {f"p{i:03d}": "last" if i == n - 1 else "other" for i in range(n)}
    table = model.recommend([2], k=2, filters=AtMostPer(1, label))
    assert table["item_id"].tolist() == ["p001", "p399"]
    quota = CategoryQuota(label, at_least={"last": 1})
    table = model.recommend([2], k=3, filters=quota)
    assert table["item_id"].tolist() == ["p001", "p002", "p399"]
    assert table["reason"].tolist() == [
        "because of p000",
        "because of p000",
        "because of p000; moved in by CategoryQuota",
    ]


def test_blocks_of_candidates_do_not_matter(monkeypatch: pytest.MonkeyPatch) -> None:
    label = {item: "abc"[i % 3] for i, item in enumerate(ITEMS)}
    rules = [AtMostPer(1, label), CategoryQuota(label, at_least={"a": 2, "b": 1})]
    whole = [MODEL.recommend(k=5, filters=rule) for rule in rules]
    monkeypatch.setattr("userportrait.recommend._rerank_greedy._CELLS", 20)
    monkeypatch.setattr("userportrait.recommend._serve.block_rows", lambda n, size: 3)
    for rule, want in zip(rules, whole, strict=True):
        pd.testing.assert_frame_equal(MODEL.recommend(k=5, filters=rule), want)


def test_limits_keep_the_promises_of_a_recommender() -> None:
    label = {item: "abcdefg"[i % 7] for i, item in enumerate(ITEMS)}

    class Capped:
        def __init__(self, rule: Any) -> None:
            self.rule = rule

        def recommend(self, customers: Any = None, **asked: Any) -> pd.DataFrame:
            return MODEL.recommend(customers, filters=self.rule, **asked)

    for rule in (AtMostPer(1, label), Diversify(0.5), Diversify(0.9, n_candidates=3),
                 Calibrated(label, 0.7), Calibrated(label, 0.9, n_candidates=4)):  # fmt: skip
        check_recommends(lambda rule=rule: Capped(rule))  # type: ignore[misc]


# --- likeness ------------------------------------------------------------------------------


def mmr(
    given_items: list[tuple[str, float]], like: Any, strength: float, k: int
) -> list[tuple[str, float]]:
    """Maximal marginal relevance as the paper has it, one item after the other."""
    first, last = given_items[0][1], given_items[-1][1]
    spread = first - last if first > last else 1.0
    left, found = list(given_items), []
    while left and len(found) < k:
        values = []
        for item, score in left:
            nearest = max((like(item, other) for other, _ in found), default=0.0)
            values.append(score - strength * (score - last) - strength * spread * nearest)
        best = max(range(len(left)), key=lambda i: (values[i], -i))
        found.append((left.pop(best)[0], values[best]))
    return found


def cosine(model: Any) -> Any:
    own = {item: set() for item in ITEMS}  # type: ignore[var-annotated]
    for customer, item in shop().itertuples(index=False):
        own[item].add(customer)
    return lambda a, b: len(own[a] & own[b]) / np.sqrt(len(own[a]) * len(own[b]))


@pytest.mark.parametrize("name", sorted(MODELS))
@pytest.mark.parametrize("strength", [0.0, 0.3, 0.7, 1.0])
def test_lists_are_as_diverse_as_marginal_relevance_makes_them(name: str, strength: float) -> None:
    model = MODELS[name]
    category = {item: "abc"[i % 3] for i, item in enumerate(ITEMS)}
    brand = {item: [None, "x", "y"][i % 4 % 3] for i, item in enumerate(ITEMS)}
    items = pd.DataFrame({"item_id": ITEMS, "category": category.values(), "brand": brand.values()})

    def by_both(a: str, b: str) -> float:
        shared = (category[a] == category[b]) + (brand[a] == brand[b] and brand[a] is not None)
        return shared / 2

    rules = [
        (Diversify(strength), cosine(model)),
        (Diversify(strength, items), lambda a, b: float(category[a] == category[b])),
        (Diversify(strength, items, by=("category", "brand")), by_both),
    ]
    for rule, like in rules:
        found = lists_of(model.recommend(k=6, filters=rule))
        for customer in EVERYBODY:
            want = mmr(candidates(model, customer), like, strength, 6)
            assert [score for _, score in found[customer]] == pytest.approx(
                [score for _, score in want]
            )
            if like is not rules[0][1]:  # cosines that are equal may differ in the last bit
                assert [item for item, _ in found[customer]] == [item for item, _ in want]


def test_no_strength_changes_nothing() -> None:
    label = {item: "abc"[i % 3] for i, item in enumerate(ITEMS)}
    plain = MODEL.recommend(k=6)
    for rule in (Diversify(0), Calibrated(label, 0)):
        pd.testing.assert_frame_equal(MODEL.recommend(k=6, filters=rule), plain)


def test_cold_customers_get_diverse_lists_too() -> None:
    label = {item: "ab"[i % 2] for i, item in enumerate(ITEMS)}
    items = pd.DataFrame({"item_id": ITEMS, "category": label.values()})
    table = MODEL.recommend(["new"], k=2, filters=Diversify(1.0, items))
    first, second = table["item_id"]
    assert label[first] != label[second]
    assert first == MODEL.recommend(["new"], k=1)["item_id"].iloc[0]


def calibrated(
    given_items: list[tuple[str, float]],
    past: list[str],
    label: dict[str, Any],
    strength: float,
    k: int,
) -> list[str]:
    """Steck's greedy choice, with the divergence computed anew for every list."""
    first, last = given_items[0][1], given_items[-1][1]
    spread = first - last if first > last else 1.0
    known = [label[item] for item in past if label[item] is not None]
    wanted = {one: known.count(one) / len(known) for one in set(known)}

    def value(chosen: list[tuple[str, float]]) -> float:
        gain = sum((score - last) / spread for _, score in chosen)
        divergence = 0.0
        for one, share in wanted.items():
            own = sum(label[item] == one for item, _ in chosen) / len(chosen)
            divergence += share * np.log(share / (0.99 * own + 0.01 * share))
        return (1 - strength) * gain - strength * divergence

    left, found = list(given_items), []
    while left and len(found) < k:
        values = [round(value([*found, pair]), 12) for pair in left]
        found.append(left.pop(values.index(max(values))))
    return [item for item, _ in found]


@settings(max_examples=40)
@given(labels=LABELS, strength=st.sampled_from([0.25, 0.5, 0.9, 1.0]), name=models)
def test_lists_have_the_mix_that_trying_every_item_gives(
    labels: Any, strength: float, name: str
) -> None:
    label = dict(zip(ITEMS, labels, strict=True))
    model = MODELS[name]
    found = items_of(model.recommend(k=5, filters=Calibrated(label, strength)))
    for customer, rows in shop().groupby("customer_id"):
        past = sorted(set(rows["item_id"]))
        want = calibrated(candidates(model, str(customer)), past, label, strength, 5)
        assert found[customer] == want


def test_a_calibrated_list_has_the_shares_of_the_history() -> None:
    rows = [(1, f"a{i}") for i in range(3)] + [(1, "b0")]
    rows += [(2, f"{c}{i}") for c in "ab" for i in range(10)]
    model = TogetherWithNegatives().fit(pd.DataFrame(rows, columns=["customer_id", "item_id"]))
    label = {f"{c}{i}": c for c in "ab" for i in range(10)}
    table = model.recommend([1], k=8, filters=Calibrated(label, 1.0))
    assert [label[item] for item in table["item_id"]].count("a") == 6


def test_somebody_without_a_history_gets_the_candidates_as_they_are() -> None:
    label = {item: "abc"[i % 3] for i, item in enumerate(ITEMS)}
    plain = MODEL.recommend(["new"], k=6)
    pd.testing.assert_frame_equal(
        MODEL.recommend(["new"], k=6, filters=Calibrated(label, 0.9)), plain
    )


# --- in turn -------------------------------------------------------------------------------


def test_rerankers_work_in_turn_on_lists_that_go_on() -> None:
    category = {item: "abc"[i % 3] for i, item in enumerate(ITEMS)}
    brand = {item: "xyzuvw"[i % 6] for i, item in enumerate(ITEMS)}
    capped, mixed = AtMostPer(1, brand), CategoryQuota(category, at_least={"c": 1}, at_most=2)
    found = items_of(MODEL.recommend(k=4, filters=[capped, mixed]))
    for customer in EVERYBODY:
        stream: list[str] = []
        for item, _ in candidates(MODEL, customer):
            if brand[item] not in [brand[other] for other in stream]:
                stream.append(item)
        quota = [item for item in stream if category[item] == "c"][:1]
        for item in stream:
            same = [other for other in quota if category[other] == category[item]]
            if item not in quota and len(quota) < 4 and len(same) < 2:
                quota.append(item)
        assert sorted(found[customer]) == sorted(quota)


def test_the_reason_names_who_has_moved_an_item_in() -> None:
    brand = {item: "xyzuvwq"[i % 7] for i, item in enumerate(ITEMS)}
    category = {item: "abc"[i % 3] for i, item in enumerate(ITEMS)}
    rules = [AtMostPer(1, brand), CategoryQuota(category, at_most=1)]
    plain = items_of(MODEL.recommend(k=3))
    capped = items_of(MODEL.recommend(k=3, filters=rules[0]))
    table = MODEL.recommend(k=3, filters=rules)
    moved: set[str] = set()
    for customer, item, reason in zip(
        table["customer_id"], table["item_id"], table["reason"], strict=True
    ):
        if item not in capped[customer]:
            assert reason.endswith("; moved in by CategoryQuota")
            moved.add(reason.split("by ")[-1])
        elif item not in plain[customer]:
            assert reason.endswith("; moved in by AtMostPer")
            moved.add(reason.split("by ")[-1])
        else:
            assert "moved in" not in reason
    assert moved == {"AtMostPer", "CategoryQuota"}


def test_popular_items_keep_their_reason_when_they_are_moved_in() -> None:
    model = MODELS["Together"]
    label = {item: "abc"[i % 3] for i, item in enumerate(ITEMS)}
    table = model.recommend(["new"], k=3, filters=CategoryQuota(label, at_most=1))
    assert [reason.split(";")[0] for reason in table["reason"]] == [
        "popular: nothing is known of this customer yet"
    ] * 3
    assert table["reason"].str.contains("moved in by").any()


def test_filters_hold_for_rerankers_too() -> None:
    label = {item: "abc"[i % 3] for i, item in enumerate(ITEMS)}
    for rule in (AtMostPer(2, label), CategoryQuota(label, at_least={"a": 2}), Diversify(0.5)):
        table = MODEL.recommend(k=6, filters=[rule, ExcludeItems(ITEMS[:6])])
        assert not set(ITEMS[:6]) & set(table["item_id"])
        seen = shop().drop_duplicates().merge(table)
        assert len(seen) == 0


# --- rerankers of one's own ----------------------------------------------------------------


class LastFirst:
    """Puts the candidates in the reverse order."""

    def choose(self, request: Request, candidates: Any) -> Top:
        top = candidates.best(request.k)
        return Top(top.items[:, ::-1], -np.arange(top.items.size).reshape(top.items.shape))


def test_a_class_of_ones_own_will_do() -> None:
    assert isinstance(LastFirst(), Reranker)
    plain = items_of(MODEL.recommend(k=4))
    found = items_of(MODEL.recommend(k=4, filters=LastFirst()))
    assert found == {customer: items[::-1] for customer, items in plain.items()}


@pytest.mark.parametrize(
    ("choose", "message"),
    [
        (lambda top: Top(top.items[:, :1], top.scores[:, :1]), "must return items .* of shape"),
        (lambda top: Top(top.items.astype(float), top.scores), "whole numbers"),
        (lambda top: Top(top.items, -top.scores), "must return scores that do not rise"),
        (lambda top: Top(top.items[:, [0, 0, 1]], top.scores), "must not choose an item twice"),
        (lambda top: Top(top.items * [1, 0, 1] - [0, 1, 0], top.scores), "-1 at the end"),
        (lambda top: Top(top.items * 0 + [0, 1, 2], top.scores), "must choose candidates only"),
    ],
)
def test_rerankers_that_break_their_promises_are_named(choose: Any, message: str) -> None:
    class Wrong:
        def choose(self, request: Request, candidates: Any) -> Top:
            return choose(candidates.best(request.k))  # type: ignore[no-any-return]

    with pytest.raises(InvalidParameterError, match=message) as error:
        MODEL.recommend(k=3, filters=Wrong())
    assert "recommend: Wrong.choose" in str(error.value)


# --- as values -----------------------------------------------------------------------------

LABEL = {"i00": "a", "i01": "b"}
VALUES: list[Any] = [
    lambda: AtMostPer(1, LABEL),
    lambda: CategoryQuota(LABEL, at_least={"b": 1, "a": 2}, at_most={"a": 3}),
    lambda: Diversify(0.2, pd.DataFrame({"item_id": ITEMS, "category": "x"}), n_candidates=7),
    lambda: Calibrated(LABEL, 0.25),
]


@pytest.mark.parametrize("make", VALUES)
def test_rerankers_are_values(make: Any) -> None:
    one, other = make(), make()
    assert isinstance(one, Reranker)
    assert one == other
    assert hash(one) == hash(other)
    assert replace(one) == one
    before = MODEL.recommend(k=3, filters=one)
    again = pickle.loads(pickle.dumps(one))
    assert again == one
    pd.testing.assert_frame_equal(MODEL.recommend(k=3, filters=again), before)


def test_rerankers_are_printed_in_short() -> None:
    assert (
        repr(AtMostPer(2, dict.fromkeys(ITEMS, "x"))) == "AtMostPer(n=2, items=<14 items: brand>)"
    )
    assert repr(CategoryQuota(LABEL, at_least={"b": 1, "a": 2})) == (
        "CategoryQuota(items={'i00': 'a', 'i01': 'b'}, at_least={'a': 2, 'b': 1})"
    )


def test_items_that_the_model_does_not_know_are_counted() -> None:
    data = MODEL.interactions_
    label = LABEL | {"unheard of": "a"}
    for rule in (AtMostPer(1, label), CategoryQuota(label, at_most=1), Calibrated(label)):
        assert rule.count_unknown(data) == 1  # type: ignore[attr-defined]
        MODEL.recommend(k=3, filters=rule)
    assert Diversify().count_unknown(data) == 0


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: AtMostPer(0, LABEL), InvalidParameterError, "n must be an integer"),
        (lambda: AtMostPer(1, pd.DataFrame({"item_id": ["a"]})), MissingColumnError, "brand"),
        (lambda: CategoryQuota(LABEL, at_least={"A": 1}), InvalidParameterError, "mean 'a'"),
        (
            lambda: CategoryQuota(LABEL, at_least={"a": 0}),
            InvalidParameterError,
            r"at_least\['a'\]",
        ),
        (lambda: CategoryQuota(LABEL, at_most=0), InvalidParameterError, "at_most must be"),
        (lambda: CategoryQuota(LABEL, at_most={"a": -1}), InvalidParameterError, r"at_most\['a'\]"),
        (
            lambda: CategoryQuota(LABEL, at_least={"a": 3}, at_most=2),
            InvalidParameterError,
            "at_least is above at_most for 'a'",
        ),
        (lambda: Diversify(1.5), InvalidParameterError, "strength must be a number in"),
        (lambda: Diversify(0.5, n_candidates=0), InvalidParameterError, "n_candidates must be"),
        (
            lambda: Diversify(0.5, pd.DataFrame({"item_id": ["a"]}), by=()),
            InvalidParameterError,
            "by must name one column",
        ),
        (lambda: Calibrated(LABEL, -1), InvalidParameterError, "strength must be a number in"),
        (
            lambda: MODEL.recommend(filters=AtMostPer(1, {1: "a"})),
            InvalidDataError,
            "'item_id' holds whole numbers in the filter and texts in the model",
        ),
    ],
)
def test_what_does_not_fit_is_refused(make: Any, error: Any, message: str) -> None:
    with pytest.raises(error, match=message):
        make()
