"""The error tree: parents, messages, pickles, nearest names."""

from __future__ import annotations

import copy
import errno
import pickle
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from userportrait import errors
from userportrait.errors import (
    ColumnTypeError,
    CustomerNotFoundError,
    DataFileNotFoundError,
    DataWarning,
    DuplicateBatchError,
    ExpressionError,
    InvalidDataError,
    InvalidParameterError,
    MissingColumnError,
    MissingExtraError,
    NotFittedError,
    StoreError,
    StoreLockedError,
    UnknownTagError,
    UnsupportedOnEngine,
    UserPortraitError,
    UserPortraitWarning,
    describe_rows,
    unknown_name,
)

# An error, the built-in classes it must also be, its message, its attributes.
CASES: list[tuple[UserPortraitError, tuple[type, ...], str, dict[str, Any]]] = [
    (
        DuplicateBatchError("orders/7"),
        (InvalidDataError, ValueError),
        (
            "the batch 'orders/7' is in this state already, so its rows would count twice. "
            "Test with `batch_id in state.batch_ids` first, or give another batch_id."
        ),
        {"batch_id": "orders/7"},
    ),
    (
        InvalidParameterError("RFM", ["n_bins must be a number in [2, 20]; got 1."]),
        (ValueError,),
        "RFM: n_bins must be a number in [2, 20]; got 1.",
        {"owner": "RFM", "problems": ("n_bins must be a number in [2, 20]; got 1.",)},
    ),
    (
        InvalidParameterError("RFM", ["one.", "two."]),
        (ValueError,),
        "RFM: 2 problems.\n- one.\n- two.",
        {"problems": ("one.", "two.")},
    ),
    (
        InvalidDataError("Too large.", column="amount", rows=[3, 8], n_rows=5),
        (ValueError,),
        "Too large. Rows (from 0): 3, 8 and 3 more.",
        {"message": "Too large.", "column": "amount", "rows": (3, 8), "n_rows": 5},
    ),
    (
        InvalidDataError("No rows."),
        (ValueError,),
        "No rows.",
        {"column": None, "rows": (), "n_rows": 0},
    ),
    (
        ColumnTypeError("Texts.", column="ordered_at", rows=[0]),
        (InvalidDataError, ValueError, TypeError),
        "Texts. Rows (from 0): 0.",
        {"column": "ordered_at", "rows": (0,), "n_rows": 1},
    ),
    (
        MissingColumnError("amuont", ["price", "amount"]),
        (KeyError, LookupError),
        "'amuont' is not a known column. Did you mean 'amount'?\nKnown: 'amount', 'price'.",
        {"column": "amuont", "available": ("price", "amount"), "role": None},
    ),
    (
        MissingColumnError("amount", ["price"], "Orders needs 'amount'"),
        (KeyError,),
        "Orders needs 'amount': 'amount' is not a known column.\nKnown: 'price'.",
        {"role": "Orders needs 'amount'"},
    ),
    (
        UnknownTagError("recensy", ["recency", "tenure"]),
        (KeyError,),
        "'recensy' is not a known tag. Did you mean 'recency'?\nKnown: 'recency', 'tenure'.",
        {"tag": "recensy", "known": ("recency", "tenure")},
    ),
    (
        CustomerNotFoundError(17850, 4000),
        (KeyError,),
        (
            "no portrait under this customer_id (an integer) among 4,000 customers. "
            "Test with `customer_id in portraits` first."
        ),
        {"customer_id": 17850, "n_customers": 4000},
    ),
    (
        CustomerNotFoundError("ann@example.org"),
        (KeyError,),
        "no portrait under this customer_id (a text). Test with `customer_id in portraits` first.",
        {"customer_id": "ann@example.org", "n_customers": None},
    ),
    (
        NotFittedError("RFM"),
        (ValueError, AttributeError),
        "RFM is not fitted yet. Call fit(...) first.",
        {"owner": "RFM"},
    ),
    (
        ExpressionError("expected a value", "n_orders >", 10),
        (ValueError,),
        "expected a value (at column 11)\n  n_orders >\n            ^",
        {"message": "expected a value", "text": "n_orders >", "position": 10},
    ),
    (
        MissingExtraError("A polars frame", "polars", "polars"),
        (ImportError,),
        'A polars frame needs polars.\nInstall it with: pip install "userportrait[polars]"',
        {"what": "A polars frame", "package": "polars", "extra": "polars"},
    ),
    (
        UnsupportedOnEngine("orders=", "list", "Give a frame."),
        (TypeError,),
        "orders= does not work on list. Give a frame.",
        {"operation": "orders=", "engine": "list", "remedy": "Give a frame."},
    ),
    (
        DataFileNotFoundError("data/ordes.csv", ["orders.csv", "items.csv"]),
        (FileNotFoundError, OSError),
        "there is no file 'data/ordes.csv'. Did you mean 'orders.csv'?",
        {"path": "data/ordes.csv", "nearby": ("orders.csv", "items.csv")},
    ),
    (
        DataFileNotFoundError("zzz.csv"),
        (FileNotFoundError,),
        "there is no file 'zzz.csv'.",
        {"path": "zzz.csv", "nearby": ()},
    ),
    (StoreError("the file is no store"), (RuntimeError,), "the file is no store", {}),
    (
        StoreLockedError("shop.db", 5.0),
        (StoreError, RuntimeError, TimeoutError, OSError),
        (
            "the store 'shop.db' stayed locked by another writer for 5 s. "
            "Wait for that writer to finish, or open the store with a longer timeout=."
        ),
        {"path": "shop.db", "seconds": 5.0},
    ),
]

every_error = pytest.mark.parametrize(
    ("error", "parents", "message", "attributes"),
    CASES,
    ids=[f"{type(case[0]).__name__}-{i}" for i, case in enumerate(CASES)],
)


@every_error
def test_an_error_is_what_a_caller_would_expect_and_says_what_to_do(
    error: UserPortraitError, parents: tuple[type, ...], message: str, attributes: dict[str, Any]
) -> None:
    assert isinstance(error, parents)
    assert isinstance(error, UserPortraitError)
    assert str(error) == message
    assert {name: getattr(error, name) for name in attributes} == attributes


@every_error
def test_an_error_survives_pickling_and_copying_with_its_attributes(
    error: UserPortraitError, parents: tuple[type, ...], message: str, attributes: dict[str, Any]
) -> None:
    copies = [pickle.loads(pickle.dumps(error, protocol)) for protocol in range(2, 6)]

    for back in [*copies, copy.copy(error), copy.deepcopy(error)]:
        assert type(back) is type(error)
        assert str(back) == message
        assert vars(back) == vars(error)
        assert {name: getattr(back, name) for name in attributes} == attributes


@every_error
def test_every_error_is_caught_by_the_common_class(
    error: UserPortraitError, parents: tuple[type, ...], message: str, attributes: dict[str, Any]
) -> None:
    with pytest.raises(UserPortraitError):
        raise error
    for parent in parents:
        with pytest.raises(parent):
            raise error


def test_each_class_of_the_tree_is_tested_here() -> None:
    public = {getattr(errors, name) for name in errors.__all__}
    classes = {found for found in public if isinstance(found, type)}
    raised = {found for found in classes if issubclass(found, Exception)}
    warned = {found for found in classes if issubclass(found, Warning)}

    assert raised - warned - {UserPortraitError} == {type(case[0]) for case in CASES}
    assert warned == {UserPortraitWarning, DataWarning}
    assert issubclass(DataWarning, UserPortraitWarning)
    assert issubclass(UserPortraitWarning, UserWarning)


def test_one_kind_of_warning_can_be_silenced() -> None:
    import warnings

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DataWarning)
        warnings.warn("look here", DataWarning, stacklevel=1)


def test_a_missing_file_behaves_like_the_error_of_open() -> None:
    error = DataFileNotFoundError("data/orders.csv")

    assert error.errno == errno.ENOENT
    assert error.filename == "data/orders.csv"


def test_a_path_of_windows_finds_its_neighbour() -> None:
    assert "'orders.csv'?" in str(DataFileNotFoundError(r"C:\data\ordes.csv", ["orders.csv"]))


def test_the_customer_is_not_printed() -> None:
    assert "ann" not in str(CustomerNotFoundError("ann@example.org", 3))


def test_hasattr_works_on_what_is_not_fitted() -> None:
    class Model:
        @property
        def limits_(self) -> None:
            raise NotFittedError("Model")

    assert not hasattr(Model(), "limits_")


# --- where an expression is wrong --------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "position", "shown"),
    [
        ("a > 1", 0, "(at column 1)\n  a > 1\n  ^"),
        ("a > 1\nand b >", 13, "(at line 2, column 8)\n  and b >\n         ^"),
        ("a and\n", 6, "(at line 2, column 1)\n  \n  ^"),
        ("a\r\nb >", 6, "(at line 2, column 4)\n  b >\n     ^"),
        ("a\r\nb", 1, "(at column 2)\n  a\n   ^"),
        ("", 0, "(at column 1)\n  \n  ^"),
        ("  \n ", 1, "(at column 2)\n    \n   ^"),
        ("a\u2028b", 2, "(at column 3)\n  a\u2028b\n    ^"),
        # A Chinese letter is two cells wide in a terminal; a tab stays a tab.
        ("城市 = x", 5, "(at column 6)\n  城市 = x\n         ^"),
        ("\ta >", 4, "(at column 5)\n  \ta >\n  \t   ^"),
    ],
)
def test_an_expression_error_points_at_the_right_letter(
    text: str, position: int, shown: str
) -> None:
    assert str(ExpressionError("wrong", text, position)) == f"wrong {shown}"


@given(st.text(max_size=20), st.integers(0, 20))
def test_an_expression_error_can_always_be_printed(text: str, position: int) -> None:
    assert "wrong (at " in str(ExpressionError("wrong", text, min(position, len(text))))


# --- names and rows ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("given_name", "known", "text"),
    [
        (
            "AMOUNT",
            ["amount"],
            "'AMOUNT' is not a known x. Did you mean 'amount'?\nKnown: 'amount'.",
        ),
        ("zzz", ["b", "a", "b"], "'zzz' is not a known x.\nKnown: 'a', 'b'."),
        ("a", [], "'a' is not a known x. There is none."),
        (
            "数量",
            ["数量1", "price"],
            "'数量' is not a known x. Did you mean '数量1'?\nKnown: 'price', '数量1'.",
        ),
    ],
)
def test_an_unknown_name_gets_the_nearest_known_one(
    given_name: str, known: list[str], text: str
) -> None:
    assert unknown_name("x", given_name, known) == text


def test_at_most_thirty_names_are_listed() -> None:
    text = unknown_name("tag", "zzz", [f"tag_{i:02}" for i in range(45)])

    assert text.count("'tag_") == 30
    assert text.endswith("'tag_29' and 15 more.")


@pytest.mark.parametrize(
    ("rows", "n_rows", "text"),
    [
        ([], None, ""),
        ([], 5, ""),
        ([7], None, " Rows (from 0): 7."),
        ([1, 2, 3, 4, 5], 5, " Rows (from 0): 1, 2, 3, 4, 5."),
        ([1, 2, 3, 4, 5, 6], None, " Rows (from 0): 1, 2, 3, 4, 5 and 1 more."),
        ([1], 12_345, " Rows (from 0): 1 and 12,344 more."),
        ([1, 2], 1, " Rows (from 0): 1, 2."),
    ],
)
def test_rows_are_named_up_to_the_fifth(rows: list[int], n_rows: int | None, text: str) -> None:
    assert describe_rows(rows, n_rows) == text
