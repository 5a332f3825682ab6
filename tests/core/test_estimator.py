"""The base of estimators: parameters, clones, prints, and what is not fitted."""

from __future__ import annotations

import pickle
from typing import Any, Self

import numpy as np
import pytest
from sklearn.base import clone

from userportrait._core.estimator import Estimator
from userportrait.errors import InvalidParameterError, NotFittedError


class Inner(Estimator):
    def __init__(self, depth: int = 3, *, name: str | None = None) -> None:
        self.depth = depth
        self.name = name


class Outer(Estimator):
    limits_: list[float]

    def __init__(self, n_bins: int = 5, *, inner: Any = None, edges: Any = None) -> None:
        self.n_bins = n_bins
        self.inner = inner
        self.edges = edges

    def fit(self, values: list[float]) -> Self:
        self.limits_ = sorted(values)
        return self

    def transform(self) -> list[float]:
        self._check_fitted("limits_")
        return self.limits_


class Bare(Estimator):
    """An estimator without parameters."""


def test_parameters_are_what_the_constructor_takes() -> None:
    assert Outer(7).get_params() == {"n_bins": 7, "inner": None, "edges": None}
    assert Bare().get_params() == {}


def test_parameters_of_parameters_are_named_with_two_underscores() -> None:
    inner = Inner(2)
    outer = Outer(inner=Outer(inner=inner))

    deep = outer.get_params()

    assert deep["inner__inner__depth"] == 2
    assert deep["inner__inner"] is inner
    assert set(outer.get_params(deep=False)) == {"n_bins", "inner", "edges"}


def test_an_estimator_of_scikit_learn_as_a_parameter_shows_its_own() -> None:
    from sklearn.cluster import KMeans

    outer = Outer(inner=KMeans(3))

    assert outer.get_params()["inner__n_clusters"] == 3
    assert outer.set_params(inner__n_clusters=4).inner.n_clusters == 4


def test_a_class_as_a_parameter_is_a_plain_value() -> None:
    assert "inner__depth" not in Outer(inner=Inner).get_params()


def test_parameters_are_set_by_name_and_the_estimator_comes_back() -> None:
    outer = Outer(inner=Inner())

    assert outer.set_params(n_bins=9, inner__depth=1) is outer
    assert (outer.n_bins, outer.inner.depth) == (9, 1)
    assert outer.set_params() is outer


@pytest.mark.parametrize("turned", [False, True])
def test_a_new_part_and_its_parameters_can_be_set_in_one_call(turned: bool) -> None:
    old, new = Inner(1), Inner(2)
    params = {"inner": new, "inner__depth": 8}

    outer = Outer(inner=old).set_params(**dict(reversed(params.items())) if turned else params)

    assert outer.inner is new
    assert (old.depth, new.depth) == (1, 8)


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"n_bns": 1}, r"Outer: 'n_bns' is not a known parameter. Did you mean 'n_bins'\?"),
        ({"n_bins": 9, "bogus": 1}, "Outer: 'bogus' is not a known parameter"),
        ({"n_bins": 9, "inner__dept": 1}, r"inner: 'dept' is not a known .* mean 'depth'\?"),
        ({"n_bins": 9, "edges__x": 1}, "edges has no parameters of its own; it is a NoneType"),
        ({"bogus": 1, "inner__bogus": 1}, "Outer: 2 problems"),
    ],
)
def test_a_wrong_name_changes_nothing(params: dict[str, Any], message: str) -> None:
    outer = Outer(inner=Inner())

    with pytest.raises(InvalidParameterError, match=message):
        outer.set_params(**params)

    assert outer.n_bins == 5
    assert outer.inner.depth == 3


def test_scikit_learn_clones_an_estimator_without_what_it_learned() -> None:
    edges = np.array([1.0, 2.0])
    outer = Outer(7, inner=Inner(name="x"), edges=edges).fit([2.0, 1.0])

    twin = clone(outer)

    assert type(twin) is Outer
    assert twin.n_bins == 7
    assert twin.inner is not outer.inner
    assert twin.inner.get_params() == {"depth": 3, "name": "x"}
    assert twin.edges.tolist() == [1.0, 2.0]
    assert not hasattr(twin, "limits_")


def test_what_is_not_fitted_says_so() -> None:
    with pytest.raises(
        NotFittedError, match=r"^Outer is not fitted yet\. Call fit\(\.\.\.\) first"
    ):
        Outer().transform()
    assert Outer().fit([2.0, 1.0]).transform() == [1.0, 2.0]


@pytest.mark.parametrize(
    ("estimator", "shown"),
    [
        (Outer(), "Outer()"),
        (Outer(7), "Outer(n_bins=7)"),
        (Outer(5.0), "Outer(n_bins=5.0)"),  # type: ignore[arg-type]
        (Outer(inner=Inner(name="x")), "Outer(inner=Inner(name='x'))"),
        (Outer(edges=np.array([1, 2])), "Outer(edges=array([1, 2]))"),
        (Bare(), "Bare()"),
    ],
)
def test_an_estimator_prints_what_differs_from_the_defaults(
    estimator: Estimator, shown: str
) -> None:
    assert repr(estimator) == shown


def test_a_required_parameter_is_always_printed() -> None:
    class Needs(Estimator):
        def __init__(self, column: str) -> None:
            self.column = column

    assert repr(Needs("a")) == "Needs(column='a')"


def test_the_notebook_shows_every_parameter_escaped() -> None:
    html = Outer(inner=Inner(name="<script>alert(1)</script>"))._repr_html_()

    assert "<dt>n_bins</dt><dd>5</dd>" in html
    assert "<script" not in html
    assert "&lt;script&gt;" in html


def test_an_estimator_survives_pickling_with_what_it_learned() -> None:
    back = pickle.loads(pickle.dumps(Outer(7, inner=Inner(2)).fit([2.0, 1.0])))

    assert repr(back) == "Outer(n_bins=7, inner=Inner(depth=2))"
    assert back.limits_ == [1.0, 2.0]


def test_importing_the_base_does_not_import_scikit_learn() -> None:
    import subprocess
    import sys

    code = "import sys, userportrait._core.estimator; assert 'sklearn' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)
