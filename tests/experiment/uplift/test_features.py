"""Encoding: what becomes of texts, missing values, unseen levels, other engines."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from userportrait.errors import InvalidDataError, MissingColumnError
from userportrait.experiment.uplift._features import Encoder, read_table


def encode(train: object, new: object, **settings: int) -> tuple[np.ndarray, list[str]]:
    encoder = Encoder(**settings).fit(read_table(train))
    found = encoder.transform(read_table(new, names=list(encoder.parts)))
    return found.linear, encoder.names


def test_numbers_are_standardised_by_what_fit_saw() -> None:
    found, names = encode(pd.DataFrame({"age": [20.0, 40.0]}), pd.DataFrame({"age": [30, 50]}))
    assert names == ["age"]
    assert found[:, 0].tolist() == [0.0, 2.0]


def test_a_missing_number_is_the_mean_and_has_an_indicator_if_fit_saw_one() -> None:
    train = pd.DataFrame({"age": [20.0, 40.0, np.nan, np.nan]})
    found, names = encode(train, train)
    assert names == ["age", "age is missing"]
    # The linear column's spread counts the missing ones as the mean.
    assert found[2, 0] == 0
    assert found[:, 1].tolist() == [-1, -1, 1, 1]
    found, _ = encode(train[:2], train)
    assert found.tolist() == [[-1], [1], [0], [0]]


def test_each_level_is_a_column_and_missing_is_a_level() -> None:
    train = pd.DataFrame({"channel": ["Web", "Phone", None, "Web"]})
    found, names = encode(train, train)
    assert names == ["channel = missing", "channel = Phone", "channel = Web"]
    assert found.argmax(axis=1).tolist()[1:3] == [1, 0]
    assert np.allclose(found.mean(axis=0), 0)
    assert np.allclose(found.std(axis=0), 1)


def test_an_unseen_level_is_the_average_customer() -> None:
    train = pd.DataFrame({"channel": ["Web", "Phone", "Web"]})
    found, _ = encode(train, pd.DataFrame({"channel": ["Fax", None]}))
    assert found.tolist() == [[0, 0], [0, 0]]


def test_rare_levels_share_one_and_unseen_ones_join_them() -> None:
    train = pd.DataFrame({"city": ["a"] * 4 + ["b"] * 3 + ["c", "d"]})
    found, names = encode(train, pd.DataFrame({"city": ["c", "zz", "a"]}), max_levels=3)
    assert names == ["city = a", "city = b", "city = all others"]
    assert found[0].tolist() == found[1].tolist()
    assert found[0].argmax() == 2


def test_constant_columns_are_left_out() -> None:
    train = pd.DataFrame({"age": [1.0, 2.0], "one": [5, 5], "shop": ["x", "x"]})
    found, names = encode(train, train)
    assert names == ["age"]
    assert found.shape == (2, 1)


def test_steps_are_intervals_of_about_equal_shares() -> None:
    values = pd.DataFrame({"spend": np.arange(100.0)})
    design = Encoder(n_steps=4).fit(read_table(values)).transform(read_table(values))
    groups = (design.steps > 0).sum(axis=0)
    assert groups.tolist() == [25, 25, 25, 25]
    assert ((design.steps > 0).sum(axis=1) == 1).all()


def test_two_values_need_no_steps() -> None:
    values = pd.DataFrame({"flag": [0, 1, 1, 0]})
    assert Encoder().fit(read_table(values)).transform(read_table(values)).steps.shape == (4, 0)


@pytest.mark.parametrize("flavour", ["pandas", "polars", "polars-lazy", "pyarrow", "duckdb"])
def test_every_engine_gives_the_same_numbers(flavour: str) -> None:
    columns = {
        "customer_id": ("text", ["ann", "bo", "cy"]),
        "age": ("float", [20.0, 30.0, None]),
        "orders": ("int", [1, 2, 3]),
        "channel": ("text", ["Web", None, "Phone"]),
    }
    frame = pd.DataFrame({name: values for name, (_, values) in columns.items()})
    wanted, names = encode(frame, frame)
    made = _build(frame, flavour)
    found, seen = encode(made, made)
    assert seen == names
    assert np.allclose(found, wanted)


def _build(frame: pd.DataFrame, flavour: str) -> object:
    if flavour == "pandas":
        return frame
    if flavour == "duckdb":
        return pytest.importorskip("duckdb").from_df(frame)
    if flavour == "pyarrow":
        return pytest.importorskip("pyarrow").Table.from_pandas(frame)
    pl = pytest.importorskip("polars")
    made = pl.DataFrame({name: frame[name].replace({np.nan: None}).tolist() for name in frame})
    return made.lazy() if flavour == "polars-lazy" else made


def test_customer_id_is_no_feature() -> None:
    table = read_table(pd.DataFrame({"customer_id": [1, 2], "age": [3, 4]}))
    assert list(table.columns) == ["age"]


def test_messages() -> None:
    with pytest.raises(InvalidDataError, match="column 'at' is of a kind"):
        read_table(pd.DataFrame({"at": pd.to_datetime(["2026-01-01"])}))
    with pytest.raises(InvalidDataError, match="column 'age' holds infinite values"):
        read_table(pd.DataFrame({"age": [np.inf]}))
    with pytest.raises(InvalidDataError, match="no column to learn from"):
        read_table(pd.DataFrame({"customer_id": [1]}))
    with pytest.raises(InvalidDataError, match="two dimensions"):
        read_table(np.zeros(3))
    with pytest.raises(InvalidDataError, match="must hold numbers"):
        read_table([["a"]])
    encoder = Encoder().fit(read_table(np.zeros((2, 2))))
    with pytest.raises(InvalidDataError, match="2 columns seen in fit; got an array of 3"):
        read_table(np.zeros((2, 3)), names=list(encoder.parts))
    with pytest.raises(MissingColumnError, match="Did you mean 'age'"):
        read_table(pd.DataFrame({"age": [1]}), names=["agee"])
    encoder = Encoder().fit(read_table(pd.DataFrame({"age": [1, 2]})))
    with pytest.raises(InvalidDataError, match="held numbers in fit and holds texts now"):
        encoder.transform(read_table(pd.DataFrame({"age": ["a", "b"]})))


def test_categories_are_levels_whatever_they_hold() -> None:
    train = pd.DataFrame({"code": pd.Categorical([1, 1, 2, None])})
    found, names = encode(train, train)
    assert names == ["code = missing", "code = 1", "code = 2"]
    assert found[0].tolist() == found[1].tolist()


def test_a_column_of_mixed_values_is_refused() -> None:
    with pytest.raises(InvalidDataError, match=r"column 'code' is of a kind .*\(mixed values\)"):
        read_table(pd.DataFrame({"code": pd.Series([1, "1"], dtype=object)}))
