"""Components: against numpy and scikit-learn, by properties, and at the edges."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sklearn.decomposition import PCA

from helpers.estimator_checks import check_matrix_estimator
from userportrait.errors import ColumnTypeError, InvalidDataError, InvalidParameterError
from userportrait.segment import PrincipalComponents


def correlated(n: int = 200) -> np.ndarray:
    source = np.random.default_rng(0)
    return source.normal(size=(n, 5)) @ source.normal(size=(5, 5)) * [1, 10, 100, 1, 1] + 7.0


def test_variances_are_the_eigenvalues_of_the_correlations() -> None:
    x = correlated()
    found = PrincipalComponents(3).fit(x)
    expected = np.linalg.eigvalsh(np.corrcoef(x, rowvar=False))[::-1]
    assert found.variance_["variance"].to_numpy() == pytest.approx(expected)
    assert found.variance_["share"].sum() == pytest.approx(1.0)
    assert found.variance_["is_kept"].tolist() == [True, True, True, False, False]


def test_loadings_are_correlations_of_features_and_components() -> None:
    x = correlated()
    found = PrincipalComponents(3).fit(x)
    scores = found.transform(x)
    expected = np.corrcoef(x.T, scores.T)[:5, 5:]
    assert found.loadings_.to_numpy() == pytest.approx(expected)
    variance = found.variance_["variance"].to_numpy()[:3]
    assert np.cov(scores.T) == pytest.approx(np.diag(variance), abs=1e-10)


def test_all_components_reproduce_the_correlations_and_the_rows() -> None:
    x = correlated()
    found = PrincipalComponents(5).fit(x)
    loadings = found.loadings_.to_numpy()
    assert loadings @ loadings.T == pytest.approx(np.corrcoef(x, rowvar=False))
    assert found.inverse_transform(found.transform(x)) == pytest.approx(x)


def test_without_scales_it_is_scikit_learns_up_to_signs() -> None:
    x = correlated()
    ours = PrincipalComponents(2, scale="none").fit_transform(x)
    assert np.abs(ours) == pytest.approx(np.abs(PCA(2).fit_transform(x)), rel=1e-6, abs=1e-8)


def test_the_largest_loading_is_positive_whatever_the_order_of_rows() -> None:
    x = correlated()
    found = PrincipalComponents(5).fit(x)
    loadings = found.loadings_.to_numpy()
    assert (loadings[np.abs(loadings).argmax(axis=0), np.arange(5)] > 0).all()
    shuffled = PrincipalComponents(5).fit(x[::-1])
    pd.testing.assert_frame_equal(found.loadings_, shuffled.loadings_, atol=1e-9)
    # Two features load equally on each component: the first one decides.
    pair = PrincipalComponents(2).fit(x[:, :2]).loadings_
    assert (pair.to_numpy()[0] > 0).all()


@pytest.mark.parametrize("share", [0.3, 0.6, 0.9, 0.999])
def test_as_few_components_as_hold_the_share(share: float) -> None:
    found = PrincipalComponents(share).fit(correlated())
    cumulative = found.variance_["cumulative_share"].to_numpy()
    assert cumulative[found.n_components_ - 1] >= share
    assert found.n_components_ == 1 or cumulative[found.n_components_ - 2] < share


def test_a_constant_column_has_no_loading() -> None:
    frame = pd.DataFrame({"a": [1.0, 2.0, 3.0], "b": [5.0, 5.0, 5.0], "c": [1.0, 3.0, 2.0]})
    found = PrincipalComponents(2).fit(frame)
    assert np.abs(found.loadings_.to_numpy()[1]).max() < 1e-12
    assert found.inverse_transform(found.transform(frame))[:, 1] == pytest.approx(5.0)
    assert found.get_feature_names_out().tolist() == ["component_1", "component_2"]


def test_the_picture_shows_the_loadings() -> None:
    pytest.importorskip("matplotlib")
    from matplotlib import pyplot as plt

    found = PrincipalComponents(2).fit(correlated())
    texts = [text.get_text() for text in found.plot_loadings().texts]
    expected = [f"{value:.2f}" for value in found.loadings_.to_numpy().ravel()]
    assert texts == [text.replace("-0.00", "0.00") for text in expected]
    plt.close("all")


def test_units_of_any_size_give_the_same_components() -> None:
    x = correlated()
    scales = np.array([1e-200, 1.0, 1e200, 1e9, 1e-9])
    plain, scaled = PrincipalComponents(2).fit(x), PrincipalComponents(2).fit(x * scales)
    np.testing.assert_allclose(scaled.loadings_, plain.loadings_, atol=1e-9)
    np.testing.assert_allclose(scaled.transform(x * scales), plain.transform(x), atol=1e-8)


def test_estimator_checks_of_scikit_learn_pass() -> None:
    check_matrix_estimator(PrincipalComponents())


def test_bad_input_is_named() -> None:
    x = correlated(20)
    with pytest.raises(InvalidParameterError, match=r"(?s)share in \(0, 1\); got 1\.5.*'standard'"):
        PrincipalComponents(1.5, scale="standart").fit(x)  # type: ignore[arg-type]
    with pytest.raises(InvalidParameterError, match=r"at most 5.*got 6"):
        PrincipalComponents(6).fit(x)
    with pytest.raises(InvalidDataError, match="one value only"):
        PrincipalComponents().fit(np.ones((5, 2)))
    with pytest.raises(InvalidDataError, match="must have 2 columns"):
        PrincipalComponents(2).fit(x).inverse_transform(x)
    with pytest.raises(ColumnTypeError, match="'c' holds texts"):
        PrincipalComponents().fit(pd.DataFrame({"a": [1.0, 2.0], "c": ["x", "y"]}))
