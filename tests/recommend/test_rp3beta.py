"""Random walks of three steps, against products of dense matrices."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from helpers.neighbours import assert_keeps_all_promises, dense_top, model_top, shop, weights_of
from userportrait.errors import InvalidParameterError
from userportrait.recommend import RP3Beta

if TYPE_CHECKING:
    from pathlib import Path


def walks(x: Any, alpha: float, beta: float) -> tuple[Any, Any]:
    """Return first steps and what past items say, by the definition of the paper."""
    with np.errstate(divide="ignore"):
        to_items = np.where(x > 0, (x / x.sum(axis=1, keepdims=True)) ** alpha, 0.0)
        to_customers = np.where(x > 0, (x / x.sum(axis=0)) ** alpha, 0.0).T
    said = to_customers @ to_items / x.sum(axis=0) ** beta
    np.fill_diagonal(said, 0.0)
    return to_items, said


@pytest.mark.parametrize(("alpha", "beta"), [(1.0, 0.0), (0.7, 0.3), (1.6, 0.9)])
@pytest.mark.parametrize("weighting", ["binary", "raw", "log"])
@pytest.mark.parametrize("engine", ["auto", "numpy"])
def test_scores_are_those_of_the_walk(
    alpha: float, beta: float, weighting: Any, engine: Any
) -> None:
    frame = shop(n_customers=25)
    model = RP3Beta(alpha, beta, 1_000, weighting=weighting, engine=engine).fit(frame)
    x = weights_of(frame, weighting)
    steps, said = walks(x, alpha, beta)
    np.testing.assert_allclose(model.neighbours_.toarray(), said, rtol=2e-6)
    known = np.arange(len(x))
    scores = model._scores(model.interactions_.matrix, known)
    np.testing.assert_allclose(scores, steps @ said, rtol=2e-6)
    np.testing.assert_array_equal(model_top(model, 5), dense_top(scores, x, 5))


def test_without_exponents_a_score_is_the_chance_of_a_walk() -> None:
    """With all neighbours and the item itself, the chances of where a walk ends sum to 1."""
    frame = shop(n_customers=25)
    x = weights_of(frame, "binary")
    steps, said = walks(x, 1.0, 0.0)
    model = RP3Beta(1.0, 0.0, 1_000).fit(frame)
    scores = model._scores(model.interactions_.matrix, np.arange(len(x)))
    stays = steps @ np.diag(
        (x.T / x.sum(axis=0)[:, None] @ (x / x.sum(1, keepdims=True))).diagonal()
    )
    np.testing.assert_allclose((scores + stays).sum(axis=1), 1.0, rtol=1e-6)
    assert said.shape == model.neighbours_.shape


def test_a_larger_beta_holds_popular_items_back() -> None:
    frame = shop(n_customers=200)
    means = []
    for beta in (0.0, 0.4, 1.0):
        model = RP3Beta(beta=beta).fit(frame)
        means.append(model.interactions_.item_counts[model_top(model, 3)].mean())
    assert means[0] > means[1] > means[2]


def test_few_neighbours_are_the_likeliest_ones() -> None:
    frame = shop()
    every = RP3Beta(n_neighbours=1_000).fit(frame).neighbours_.toarray()
    few = RP3Beta(n_neighbours=5).fit(frame).neighbours_.toarray()
    np.testing.assert_array_equal(np.sort(few, axis=1)[:, -5:], np.sort(every, axis=1)[:, -5:])
    assert (few > 0).sum(axis=1).max() == 5


def test_it_keeps_all_promises(tmp_path: Path) -> None:
    def make(**settings: Any) -> RP3Beta:
        return RP3Beta(0.8, 0.4, 9, weighting="log", **settings)

    assert_keeps_all_promises(make, tmp_path)


def test_all_bad_parameters_are_named() -> None:
    with pytest.raises(InvalidParameterError) as caught:
        RP3Beta(-1.0, 4.0, 0, weighting="none").fit(shop())  # type: ignore[arg-type]
    for name in ("alpha", "beta", "n_neighbours", "weighting"):
        assert name in str(caught.value)
