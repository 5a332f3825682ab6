"""Every error and warning of the library, in one tree."""

from __future__ import annotations

from difflib import get_close_matches
from errno import ENOENT
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

__all__ = [
    "ColumnTypeError",
    "CustomerNotFoundError",
    "DataFileNotFoundError",
    "DataWarning",
    "DuplicateBatchError",
    "ExpressionError",
    "InvalidDataError",
    "InvalidParameterError",
    "MissingColumnError",
    "MissingExtraError",
    "NotFittedError",
    "StoreError",
    "StoreLockedError",
    "UnknownTagError",
    "UnsupportedOnEngine",
    "UserPortraitError",
    "UserPortraitWarning",
    "describe_rows",
    "unknown_name",
]


class UserPortraitError(Exception):
    """Base of every error that the library raises on purpose."""


class UserPortraitWarning(UserWarning):
    """Base of every warning of the library.

    Silence one kind with ``warnings.simplefilter("ignore", DataWarning)``.
    """


class DataWarning(UserPortraitWarning):
    """The data are usable, but something about them deserves a look."""


class InvalidParameterError(UserPortraitError, ValueError):
    """One or more parameters have values that cannot be used.

    Parameters
    ----------
    owner : str
        The class or function whose parameters were checked.
    problems : sequence of str
        One sentence for each bad parameter.
    """

    def __init__(self, owner: str, problems: Sequence[str]) -> None:
        self.owner: str = owner
        self.problems: tuple[str, ...] = tuple(problems)
        super().__init__(owner, self.problems)

    def __str__(self) -> str:
        if len(self.problems) == 1:
            return f"{self.owner}: {self.problems[0]}"
        return f"{self.owner}: {len(self.problems)} problems.\n" + "\n".join(
            f"- {problem}" for problem in self.problems
        )


class InvalidDataError(UserPortraitError, ValueError):
    """A table holds values that cannot be used.

    Parameters
    ----------
    message : str
        What was found, what was expected and what to do.
    column : str, optional
        The column at fault.
    rows : sequence of int, default=()
        Positions of the first offending rows, counted from 0.
    n_rows : int, optional
        Number of offending rows; by default as many as `rows` names.
    """

    def __init__(
        self,
        message: str,
        *,
        column: str | None = None,
        rows: Sequence[int] = (),
        n_rows: int | None = None,
    ) -> None:
        self.message: str = message
        self.column: str | None = column
        self.rows: tuple[int, ...] = tuple(int(row) for row in rows)
        self.n_rows: int = len(self.rows) if n_rows is None else int(n_rows)
        super().__init__(message)

    def __reduce__(self) -> tuple[object, ...]:
        state = {"column": self.column, "rows": self.rows, "n_rows": self.n_rows}
        return (type(self), (self.message,), state)

    def __str__(self) -> str:
        return self.message + describe_rows(self.rows, self.n_rows)


class ColumnTypeError(InvalidDataError, TypeError):
    """A column has a type that its role cannot take."""


class DuplicateBatchError(InvalidDataError):
    """A batch was given to a state that holds it already.

    Parameters
    ----------
    batch_id : str
        The name of the batch.
    """

    def __init__(self, batch_id: str) -> None:
        self.batch_id: str = batch_id
        message = (
            f"the batch '{batch_id}' is in this state already, so its rows would count twice. "
            f"Test with `batch_id in state.batch_ids` first, or give another batch_id."
        )
        super().__init__(message)

    def __reduce__(self) -> tuple[object, ...]:
        return (type(self), (self.batch_id,))


class MissingColumnError(UserPortraitError, KeyError):
    """A frame lacks a column that a role needs.

    Parameters
    ----------
    column : str
        The name that was asked for.
    available : iterable of str
        The names that the frame has.
    role : str, optional
        The role that the column should have played, where it has another name.
    """

    def __init__(self, column: str, available: Iterable[str], role: str | None = None) -> None:
        self.column: str = column
        self.available: tuple[str, ...] = tuple(available)
        self.role: str | None = role
        super().__init__(column, self.available, role)

    def __str__(self) -> str:
        text = unknown_name("column", self.column, self.available)
        return text if self.role is None else f"{self.role}: {text}"


class UnknownTagError(UserPortraitError, KeyError):
    """A tag was asked for that the catalogue or the portraits do not have."""

    def __init__(self, tag: str, known: Iterable[str]) -> None:
        self.tag: str = tag
        self.known: tuple[str, ...] = tuple(known)
        super().__init__(tag, self.known)

    def __str__(self) -> str:
        return unknown_name("tag", self.tag, self.known)


class CustomerNotFoundError(UserPortraitError, KeyError):
    """No portrait is kept for this customer.

    The message does not print the customer's ID; it is in `customer_id`.
    """

    def __init__(self, customer_id: int | str, n_customers: int | None = None) -> None:
        self.customer_id: int | str = customer_id
        self.n_customers: int | None = n_customers
        super().__init__(customer_id, n_customers)

    def __str__(self) -> str:
        kinds = {str: "a text", int: "an integer"}
        kind = kinds.get(type(self.customer_id), f"a {type(self.customer_id).__name__}")
        among = "" if self.n_customers is None else f" among {self.n_customers:,} customers"
        return (
            f"no portrait under this customer_id ({kind}){among}. "
            "Test with `customer_id in portraits` first."
        )


class NotFittedError(UserPortraitError, ValueError, AttributeError):
    """An estimator was used before `fit`."""

    def __init__(self, owner: str) -> None:
        self.owner: str = owner
        super().__init__(owner)

    def __str__(self) -> str:
        return f"{self.owner} is not fitted yet. Call fit(...) first."


class ExpressionError(UserPortraitError, ValueError):
    """An audience expression cannot be read or does not fit the tags.

    Parameters
    ----------
    message : str
        What is wrong and what would do.
    text : str
        The whole expression.
    position : int
        Where in the text, counted from 0.
    """

    def __init__(self, message: str, text: str, position: int) -> None:
        self.message: str = message
        self.text: str = text
        self.position: int = position
        super().__init__(message, text, position)

    def __str__(self) -> str:
        before = self.text[: self.position]
        line_number = before.count("\n") + 1
        column = self.position - (before.rfind("\n") + 1)
        line = self.text.split("\n")[line_number - 1].rstrip("\r")
        where = f"column {column + 1}"
        if line_number > 1:
            where = f"line {line_number}, {where}"
        start = max(0, column - 60)
        shown = line[start : column + 40]
        before_it, after_it = "…" * (start > 0), "…" * (column + 40 < len(line))
        blank = _blank(before_it + line[start:column])
        return f"{self.message} (at {where})\n  {before_it}{shown}{after_it}\n  {blank}^"


class MissingExtraError(UserPortraitError, ImportError):
    """An optional package is needed that is not installed."""

    def __init__(self, what: str, package: str, extra: str) -> None:
        self.what: str = what
        self.package: str = package
        self.extra: str = extra
        super().__init__(what, package, extra)

    def __str__(self) -> str:
        return (
            f"{self.what} needs {self.package}.\n"
            f'Install it with: pip install "userportrait[{self.extra}]"'
        )


class UnsupportedOnEngine(UserPortraitError, TypeError):
    """A dataframe engine cannot do what was asked, or is not supported at all."""

    def __init__(self, operation: str, engine: str, remedy: str) -> None:
        self.operation: str = operation
        self.engine: str = engine
        self.remedy: str = remedy
        super().__init__(operation, engine, remedy)

    def __str__(self) -> str:
        return f"{self.operation} does not work on {self.engine}. {self.remedy}"


class DataFileNotFoundError(UserPortraitError, FileNotFoundError):
    """A data file is not there."""

    def __init__(self, path: str, nearby: Iterable[str] = ()) -> None:
        self.path: str = path
        self.nearby: tuple[str, ...] = tuple(nearby)
        super().__init__(ENOENT, "there is no such file", path)

    def __reduce__(self) -> tuple[object, ...]:
        return (type(self), (self.path, self.nearby))

    def __str__(self) -> str:
        name = self.path.replace("\\", "/").rsplit("/", 1)[-1]
        close = get_close_matches(name, self.nearby, n=1)
        hint = f" Did you mean '{close[0]}'?" if close else ""
        return f"there is no file '{self.path}'.{hint}"


class StoreError(UserPortraitError, RuntimeError):
    """A store cannot be read or written."""


class StoreLockedError(StoreError, TimeoutError):
    """Another process holds the store's write lock for too long."""

    def __init__(self, path: str, seconds: float) -> None:
        self.path: str = path
        self.seconds: float = seconds
        super().__init__(path, seconds)

    def __str__(self) -> str:
        return (
            f"the store '{self.path}' stayed locked by another writer for {self.seconds:g} s. "
            "Wait for that writer to finish, or open the store with a longer timeout=."
        )


def _blank(text: str) -> str:
    """Return white space as wide as the text is in a terminal."""
    from unicodedata import east_asian_width

    wide = {letter: "  " for letter in text if east_asian_width(letter) in "WF"}
    return "".join("\t" if letter == "\t" else wide.get(letter, " ") for letter in text)


def unknown_name(kind: str, given: str, known: Iterable[str]) -> str:
    """Say that a name is unknown, with the nearest known one.

    Parameters
    ----------
    kind : str
        What the name stands for, such as ``"column"``.
    given : str
        The name that was given.
    known : iterable of str
        The names that would do.

    Returns
    -------
    str
        One to three sentences; known names are sorted, at most 30 are listed.

    Examples
    --------
    >>> print(unknown_name("column", "amuont", ["amount", "price"]))
    'amuont' is not a known column. Did you mean 'amount'?
    Known: 'amount', 'price'.
    """
    names = sorted({str(name) for name in known})
    by_folded = {name.casefold(): name for name in names}
    close = get_close_matches(str(given).casefold(), by_folded, n=1, cutoff=0.6)
    hint = f" Did you mean '{by_folded[close[0]]}'?" if close else ""
    if not names:
        return f"'{given}' is not a known {kind}. There is none."
    listed = ", ".join(f"'{name}'" for name in names[:30])
    more = f" and {len(names) - 30} more" if len(names) > 30 else ""
    return f"'{given}' is not a known {kind}.{hint}\nKnown: {listed}{more}."


def describe_rows(rows: Sequence[int], n_rows: int | None = None) -> str:
    """Name the first offending rows, for the end of a message.

    Parameters
    ----------
    rows : sequence of int
        Row positions, counted from 0.
    n_rows : int, optional
        How many rows there are in all.

    Returns
    -------
    str
        Text that starts with a space, or the empty text for no rows.

    Examples
    --------
    >>> describe_rows([3, 8], 5)
    ' Rows (from 0): 3, 8 and 3 more.'
    """
    if not rows:
        return ""
    shown = ", ".join(str(row) for row in rows[:5])
    rest = max(len(rows), n_rows or 0) - len(rows[:5])
    return f" Rows (from 0): {shown}" + (f" and {rest:,} more." if rest > 0 else ".")
