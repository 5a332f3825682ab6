"""Assignment by hash: pinned for ever, even, independent of other experiments."""

from __future__ import annotations

import hashlib
import time
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from userportrait.errors import ColumnTypeError, InvalidDataError, InvalidParameterError
from userportrait.experiment import Layer, assign
from userportrait.experiment._assignment import _places


def place(customer_id: object, salt: str) -> float:
    """The documented rule, in the words of any other language."""
    text = f"{salt}:{customer_id}".encode()
    return int(hashlib.sha256(text).hexdigest()[:13], 16) / 16**13


def test_the_assignment_of_these_customers_never_changes() -> None:
    # Written down when the function was made. If this fails, running experiments break.
    ids = ["ann", "bo", "cy", 7, "7", "李雷"]
    pinned = {
        "free-shipping": ["A", "B", "A", "A", "A", "B"],
        "new-gate": ["A", "A", "A", "B", "B", "B"],
        "badge-colours": ["A", "A", "B", "A", "A", "B"],
    }
    for salt, variants in pinned.items():
        assert assign(ids, salt).tolist() == variants
    held = assign(["ann", "bo", "cy", 7, "7"], "badge-colours", holdout=0.2)
    assert held.tolist() == ["A", "A", "holdout", "A", "A"]
    assert place("ann", "free-shipping") == 0.3195669610494951
    assert place("李雷", "free-shipping") == 0.6770917852615304


def test_the_rule_is_the_documented_one() -> None:
    ids = [*range(-3, 500), *(f"C{i:05d}" for i in range(500)), "", "ä", "a:b", 2**70]
    shares = {"control": 0.2, "new": 0.5, "newer": 0.3}
    found = assign(ids, "gate 7", shares=shares, holdout=0.05, layer=Layer("shop", 0.1, 0.8))
    for customer_id, variant in zip(ids, found, strict=True):
        if not 0.1 <= place(customer_id, "layer/shop") < 0.8:
            expected = None
        elif place(customer_id, "holdout/gate 7") < 0.05:
            expected = "holdout"
        else:
            at = place(customer_id, "gate 7")
            expected = "control" if at < 0.2 else "new" if at < 0.7 else "newer"
        assert variant == expected


@pytest.mark.parametrize(
    "make",
    [
        list, tuple, np.array, pd.Series, pd.Index, iter,
        lambda ids: pd.Series(ids, dtype="Int64"),
        lambda ids: pd.Series(ids, dtype="int32"),
        lambda ids: np.array(ids, dtype=np.uint64),
        lambda ids: [str(i) for i in ids],
        lambda ids: pd.Series([str(i) for i in ids]),
        lambda ids: np.array([str(i) for i in ids]),
        lambda ids: [np.int64(i) for i in ids],
    ],
)  # fmt: skip
def test_a_number_and_its_text_are_the_same_customer_in_any_container(make: Any) -> None:
    ids = list(range(50))
    expected = [assign(i, "salt") for i in ids]
    assert assign(make(ids), "salt").tolist() == expected


@pytest.mark.parametrize("package", ["polars", "pyarrow"])
def test_columns_of_other_engines_are_read(package: str) -> None:
    module = pytest.importorskip(package)
    make = module.Series if package == "polars" else module.chunked_array
    ids = [[1, 2, 3]] if package == "pyarrow" else [1, 2, 3]
    texts = [["a", "b"]] if package == "pyarrow" else ["a", "b"]
    assert assign(make(ids), "s").tolist() == assign([1, 2, 3], "s").tolist()
    assert assign(make(texts), "s").tolist() == assign(["a", "b"], "s").tolist()


# --- chance ------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["numbers", "texts"])
def test_places_are_even_and_neighbours_have_nothing_in_common(kind: str) -> None:
    ids = [b"%d" % i if kind == "numbers" else b"user-%08d" % i for i in range(200_000)]
    places = _places(ids, "evenness")
    assert places.min() >= 0.0
    assert places.max() < 1.0
    cells = np.bincount((places * 1000).astype(int), minlength=1000)
    assert stats.chisquare(cells).pvalue > 1e-3
    assert stats.kstest(places, "uniform").pvalue > 1e-3
    assert abs(np.corrcoef(places[:-1], places[1:])[0, 1]) < 4 / np.sqrt(len(places))


def test_experiments_are_independent_of_each_other_and_of_holdouts() -> None:
    ids = [b"%d" % i for i in range(4000)]
    salts = [f"experiment-{i}" for i in range(60)]
    salts += [f"holdout/{s}" for s in salts[:20]] + [f"layer/{s}" for s in salts[:20]]
    sides = np.array([_places(ids, salt) < 0.5 for salt in salts], dtype=float)
    z = np.corrcoef(sides)[np.triu_indices(len(salts), 1)] * np.sqrt(len(ids))
    # 4,950 pairs: correlations are standard normal if nothing is shared.
    assert stats.kstest(z, "norm").pvalue > 1e-3
    assert np.abs(z).max() < 5.0


def test_shares_are_met() -> None:
    shares = {"A": 0.1, "B": 0.25, "C": 0.65}
    found = pd.Series(assign(range(100_000), "shares", shares=shares, holdout=0.2))
    counts = found.value_counts()
    planned = {"holdout": 0.2, **{name: 0.8 * share for name, share in shares.items()}}
    names = list(planned)
    p = stats.chisquare([counts[n] for n in names], [100_000 * planned[n] for n in names]).pvalue
    assert p > 1e-3


def test_a_growing_variant_keeps_its_customers() -> None:
    small = assign(range(5000), "ramp", shares={"old": 0.95, "new": 0.05})
    large = assign(range(5000), "ramp", shares={"old": 0.5, "new": 0.5})
    assert set(np.flatnonzero(small == "new")) < set(np.flatnonzero(large == "new"))


def test_a_shared_holdout_is_the_same_everywhere_and_an_own_one_is_not() -> None:
    held = [
        assign(range(5000), salt, holdout=0.1, holdout_salt=shared) == "holdout"
        for salt, shared in (("x", "2026"), ("y", "2026"), ("x", None), ("y", None))
    ]
    assert (held[0] == held[1]).all()
    assert 20 < (held[2] & held[3]).sum() < 90  # 50 of 5,000 by chance


def test_layers_part_their_customers_and_do_not_tilt_the_variants() -> None:
    first = assign(range(20_000), "p", layer=Layer("checkout", 0.0, 0.3))
    second = assign(range(20_000), "q", layer=Layer("checkout", 0.3, 1.0))
    inside, other = first != None, second != None  # noqa: E711
    assert (inside ^ other).all()
    assert abs(inside.mean() - 0.3) < 0.02
    assert abs((first[inside] == "A").mean() - 0.5) < 0.03


def test_a_million_customers_take_seconds() -> None:
    start = time.perf_counter()
    assign(np.arange(1_000_000), "speed")
    assert time.perf_counter() - start < 12.0  # about one on an idle core


# --- strata ------------------------------------------------------------------------------


def stratified(ids: list[Any], strata: list[Any], **options: Any) -> pd.DataFrame:
    found = assign(ids, "strata", strata=strata, **options)
    return pd.DataFrame({"id": ids, "stratum": strata, "variant": found})


def test_each_stratum_meets_the_shares_to_the_customer() -> None:
    rng = np.random.default_rng(2)
    strata = rng.choice(["de", "fr", "cn"], 999, p=[0.7, 0.25, 0.05]).tolist()
    shares = {"A": 0.5, "B": 0.3, "C": 0.2}
    frame = stratified(list(range(999)), strata, shares=shares)
    for _, part in frame.groupby("stratum"):
        for variant, share in shares.items():
            assert abs((part["variant"] == variant).sum() - share * len(part)) <= 1.0


def test_strata_do_not_depend_on_the_order_of_rows_or_on_repeats() -> None:
    ids = list(range(300))
    strata = [i % 4 for i in ids]
    expected = dict(zip(ids, assign(ids, "s", strata=strata), strict=True))
    order = np.random.default_rng(0).permutation(np.repeat(ids, 2)).tolist()
    again = assign(order, "s", strata=[strata[i] for i in order])
    assert again.tolist() == [expected[i] for i in order]


def test_many_small_strata_favour_no_variant() -> None:
    ids = list(range(9000))
    frame = stratified(ids, [i // 3 for i in ids])
    # 3,000 strata of three: 1 or 2 customers of A each, by a fair start.
    assert stats.binomtest(int((frame["variant"] == "A").sum()) - 3000, 3000).pvalue > 1e-3
    chance = frame.groupby(frame.index % 3)["variant"].apply(lambda v: (v == "A").mean())
    assert (abs(chance - 0.5) < 0.05).all()


def test_who_is_held_out_or_outside_the_layer_takes_no_place_in_a_stratum() -> None:
    ids = list(range(4000))
    layer = Layer("l", 0.2, 0.9)
    frame = stratified(ids, [i % 5 for i in ids], holdout=0.1, layer=layer)
    plain = assign(ids, "strata", holdout=0.1, layer=layer)
    assert ((frame["variant"] == "holdout") == (plain == "holdout")).all()
    assert (frame["variant"].isna() == pd.isna(plain)).all()
    sides = frame[frame["variant"].isin(["A", "B"])].groupby(["stratum", "variant"]).size()
    assert (abs(sides.unstack()["A"] - sides.unstack()["B"]) <= 1).all()


# --- bad input ---------------------------------------------------------------------------


@pytest.mark.parametrize("bad", [1.0, None, True, np.nan, 1.5])
def test_ids_that_are_neither_integers_nor_texts_are_refused(bad: Any) -> None:
    with pytest.raises(InvalidDataError, match=r"integers or texts.*Rows \(from 0\): 1"):
        assign(["a", bad], "s")


@pytest.mark.parametrize("bad", [{"a": 1}, b"abc", None, 2.0])
def test_what_is_no_column_is_refused(bad: Any) -> None:
    with pytest.raises(ColumnTypeError, match="one ID or an array"):
        assign(bad, "s")


def test_bad_parameters_are_refused() -> None:
    with pytest.raises(InvalidParameterError, match=r"add up to 1; got 0\.9"):
        assign("a", "s", shares={"A": 0.5, "B": 0.4})
    with pytest.raises(InvalidParameterError, match=r"shares\['A'\] must be"):
        assign("a", "s", shares={"A": -0.5, "B": 1.5})
    with pytest.raises(InvalidParameterError, match="must not name a variant 'holdout'"):
        assign("a", "s", shares={"holdout": 0.5, "B": 0.5})
    with pytest.raises(InvalidParameterError, match="salt must be"):
        assign("a", "")
    with pytest.raises(InvalidParameterError, match="salt must be"):
        assign("a", "layer/shop")
    with pytest.raises(InvalidParameterError, match="start must be below end"):
        Layer("l", 0.5, 0.5)
    one: Any = "a"
    with pytest.raises(InvalidParameterError, match="all customers at once"):
        assign(one, "s", strata=["x"])
    with pytest.raises(InvalidParameterError, match="one label for each of 2 customers; got 1"):
        assign(["a", "b"], "s", strata=["x"])
    with pytest.raises(InvalidDataError, match="in two strata"):
        assign(["a", "b", "a"], "s", strata=["x", "y", "y"])


def test_no_customers_have_no_variants() -> None:
    assert assign([], "s").tolist() == []
    assert assign([], "s", strata=[], holdout=0.1).tolist() == []
