"""Odd tables through every method of segments: handled as documented, or a clear error."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import adjusted_rand_score

from userportrait.errors import ColumnTypeError, InvalidDataError, UserPortraitError
from userportrait.segment import CustomerSegments
from userportrait.segment._segment_models import METHODS

if TYPE_CHECKING:
    from userportrait.segment._segment_models import Method

every_method = pytest.mark.parametrize("method", METHODS)


def shop(n: int = 90) -> tuple[pd.DataFrame, np.ndarray]:
    source = np.random.default_rng(4)
    kind = np.repeat([0, 1, 2], [n // 2, n // 3, n - n // 2 - n // 3])
    frame = pd.DataFrame(
        {
            "spend": source.normal(np.array([10.0, 60.0, 110.0])[kind], 3.0),
            "visits": source.normal(np.array([5.0, 50.0, 5.0])[kind], 2.0),
            "channel": np.array(["web", "app", "shop"], dtype=object)[kind],
        }
    )
    return frame, kind


def fitted(frame: Any, method: Method, n_clusters: int = 3) -> CustomerSegments:
    return CustomerSegments(n_clusters, method=method, n_init=3).fit(frame)


@every_method
def test_constant_and_empty_columns_change_nothing(method: Method) -> None:
    frame, _ = shop()
    odd = frame.assign(one=7.0, country="cn", nothing=np.nan)
    plain, found = fitted(frame, method), fitted(odd, method)
    assert plain.labels_.tolist() == found.labels_.tolist()
    assert found.names() == plain.names()
    assert set(found.prepare_.dropped_) == {"one", "country", "nothing"}
    constant = found.profile().query("feature == 'one' and n_customers > 0")
    assert constant["effect_size"].tolist() == [0.0] * len(constant)
    assert found.rules(odd)["precision"].min() > 0.9 or method == "hdbscan"


@every_method
def test_tables_without_two_distinct_rows_are_refused(method: Method) -> None:
    with pytest.raises(InvalidDataError, match="every column of X holds one value only"):
        fitted(pd.DataFrame({"spend": [5.0] * 20, "channel": ["web"] * 20}), method, 1)


def test_texts_that_tell_customers_apart_are_no_feature() -> None:
    frame, _ = shop(240)
    named = frame.assign(email=[f"c{at}@shop.example" for at in range(240)])
    with pytest.raises(InvalidDataError, match="column 'email' has 240 different texts"):
        CustomerSegments(3).fit(named)
    cities = frame.assign(city=[f"city {at % 60}" for at in range(240)])
    assert CustomerSegments(3).fit(cities).n_clusters_ == 3


@every_method
def test_missing_values_are_filled(method: Method) -> None:
    frame, kind = shop()
    frame.loc[::11, "visits"] = np.nan
    frame.loc[5::13, "channel"] = None
    segments = fitted(frame, method)
    known = segments.labels_ >= 0
    assert adjusted_rand_score(kind[known], segments.labels_[known]) > 0.9
    assert segments.predict(frame).tolist() == segments.labels_.tolist()
    means: Any = segments.profile().query("segment == 0 and feature == 'visits'")["mean"]
    assert means.item() == pytest.approx(frame.loc[segments.labels_ == 0, "visits"].mean())


@every_method
def test_infinity_is_refused_by_column_and_row(method: Method) -> None:
    frame, _ = shop()
    frame.loc[4, "visits"] = np.inf
    with pytest.raises(InvalidDataError, match="column 'visits' holds infinity") as caught:
        fitted(frame, method)
    assert list(caught.value.rows) == [4]
    good, _ = shop()
    with pytest.raises(InvalidDataError, match="column 'visits' holds infinity"):
        fitted(good, method).predict(frame)


@every_method
def test_columns_that_are_copies_are_taken_for_columns(method: Method) -> None:
    frame, kind = shop()
    segments = fitted(frame.assign(spend_again=frame["spend"]), method)
    known = segments.labels_ >= 0
    assert adjusted_rand_score(kind[known], segments.labels_[known]) > 0.95
    twice = pd.concat([frame, frame[["spend"]]], axis=1)
    with pytest.raises(UserPortraitError, match="spend"):
        fitted(twice, method)


@every_method
def test_more_columns_than_rows_will_do(method: Method) -> None:
    source = np.random.default_rng(6)
    kind = np.repeat([0, 1], 15)
    rows = source.normal(size=(30, 45)) + 6.0 * kind[:, None]
    segments = CustomerSegments(2, method=method, n_init=2).fit(rows)
    known = segments.labels_ >= 0
    assert known.mean() > 0.8
    assert adjusted_rand_score(kind[known], segments.labels_[known]) == 1.0
    assert len(segments.names()) == (3 if method == "hdbscan" else 2)


@every_method
def test_a_level_that_was_not_seen_is_no_error(method: Method) -> None:
    frame, _ = shop()
    segments = fitted(frame, method)
    new = frame.head(3).assign(channel="post")
    found = segments.predict(new)
    assert found.shape == (3,)
    assert set(found.tolist()) <= {-1, 0, 1, 2}
    if method != "hdbscan":  # the numbers still say which segment
        assert found.tolist() == segments.labels_[:3].tolist()


@every_method
def test_other_columns_than_in_fit_are_refused(method: Method) -> None:
    frame, _ = shop()
    segments = fitted(frame, method)
    with pytest.raises(InvalidDataError, match=r"(?s)now missing:\n- visits"):
        segments.predict(frame.drop(columns="visits"))
    with pytest.raises(InvalidDataError, match=r"(?s)unseen at fit time:\n- age"):
        segments.predict(frame.assign(age=1.0))
    with pytest.raises(InvalidDataError, match="same order"):
        segments.predict(frame[["visits", "spend", "channel"]])
    with pytest.raises(ColumnTypeError, match="column 'channel' holds numbers; it held texts"):
        segments.predict(frame.assign(channel=1.0))
    with pytest.raises(ColumnTypeError, match="column 'spend' holds texts; it held numbers"):
        segments.predict(frame.assign(spend="much"))


@every_method
def test_columns_with_nothing_in_them_are_missing_values_of_their_kind(method: Method) -> None:
    frame, _ = shop()
    frame.loc[::11, "visits"] = np.nan
    frame.loc[5::13, "channel"] = None
    segments = fitted(frame, method)
    nothing = np.full(len(frame), None, dtype=object)
    for name in ("visits", "channel"):
        half = frame.copy()
        half[name] = nothing
        one = frame.copy()
        one[name] = pd.Series([np.nan] * len(frame), dtype=float)
        assert segments.predict(half).tolist() == segments.predict(one).tolist()


@every_method
def test_fewer_rows_than_auto_needs_are_told(method: Method) -> None:
    frame, _ = shop()
    few = frame.iloc[[0, 1, 50, 51]]
    segments = CustomerSegments(method=method)
    if method == "hdbscan":
        assert segments.fit(few).n_clusters_ == 1
    else:
        with pytest.raises(InvalidDataError, match="at least 10 rows"):
            segments.fit(few)
