"""The facts of a build that are no tags: months, cohorts, the cleaning account."""

from __future__ import annotations

from calendar import monthrange
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

import numpy as np

from userportrait.errors import InvalidDataError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from userportrait.portraits import Portraits
    from userportrait.typing import Build

__all__ = [
    "Cleaning",
    "CohortTable",
    "Month",
    "cleaning_of",
    "cohorts_of",
    "currency_of",
    "fact_of",
    "has_fact",
    "months_of",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Month:
    """One calendar month of the shop; `is_whole` is False for the month of `as_of`, if cut."""

    month: str
    orders: int
    spend: float
    customers: int
    new_customers: int
    is_whole: bool

    @property
    def returning_customers(self) -> int:
        """Customers of the month who had bought before it."""
        return self.customers - self.new_customers


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class CohortTable:
    """Customers by the month of their first purchase, and how many bought later.

    Parameters
    ----------
    months : tuple of str
        The cohorts that have customers.
    sizes : tuple of int
    shares : ndarray of float64, shape (n_cohorts, n_months)
        Share of the cohort that bought j months later; NaN where that month is not yet
        over when the portraits were made, or not reached.
    """

    months: tuple[str, ...]
    sizes: tuple[int, ...]
    shares: NDArray[np.float64]

    def retention_after(self, months: int) -> float | None:
        """Return the share of customers who bought so many months later, over all cohorts."""
        if months >= self.shares.shape[1]:
            return None
        column = self.shares[:, months]
        seen = ~np.isnan(column)
        if not seen.any():
            return None
        return float(np.average(column[seen], weights=np.array(self.sizes)[seen]))


@dataclass(frozen=True, slots=True, kw_only=True)
class Cleaning:
    """What became of the rows; `rows` holds (action, reason, n_rows)."""

    n_rows_in: int
    n_rows_out: int
    rows: tuple[tuple[str, str, int], ...]


def has_fact(portraits: Portraits, name: str) -> bool:
    """Whether a build kept this fact."""
    return bool(portraits.build.facts.get(name))


def fact_of(build: Build, name: str) -> dict[str, Any]:
    """Return one of a build's facts, empty if it was not kept."""
    return dict(build.facts.get(name) or {})


def currency_of(build: Build) -> str | None:
    """Return the currency's code, None if it is not known."""
    found = fact_of(build, "shop").get("currency")
    return str(found) if found else None


def months_of(portraits: Portraits) -> tuple[Month, ...]:
    """Return the shop's months.

    Raises
    ------
    InvalidDataError
        If the build has not kept them.
    """
    return tuple(
        Month(
            month=str(row["month"]),
            orders=int(row["orders"]),
            spend=float(row["spend"]),
            customers=int(row["customers"]),
            new_customers=int(row["new_customers"]),
            is_whole=_is_over(str(row["month"]), portraits.as_of),
        )
        for row in _fact(portraits, "months")
    )


def cohorts_of(portraits: Portraits, *, last: int | None = None) -> CohortTable:
    """Return the cohorts that have customers.

    Parameters
    ----------
    portraits : Portraits
    last : int, optional
        How many of the newest cohorts, and how many months of each; by default all.

    Raises
    ------
    InvalidDataError
        If the build has not kept them.
    """
    fact = _fact(portraits, "cohorts")
    names, sizes, active = list(fact["months"]), list(fact["sizes"]), list(fact["active"])
    n = len(names)
    whole = [_is_over(str(name), portraits.as_of) for name in names]
    kept = [i for i in range(n) if sizes[i] > 0][-(last or n) :]
    width = min(n, last or n)
    shares = np.full((len(kept), width), np.nan)
    for row, i in enumerate(kept):
        for j in range(min(width, n - i, len(active[i]))):
            if j == 0 or whole[i + j]:
                shares[row, j] = active[i][j] / sizes[i]
    used = int((~np.isnan(shares)).any(axis=0).sum())
    return CohortTable(
        months=tuple(str(names[i]) for i in kept),
        sizes=tuple(int(sizes[i]) for i in kept),
        shares=shares[:, :used],
    )


def cleaning_of(portraits: Portraits, report: Any = None) -> Cleaning | None:
    """Return the account of the cleaning: of this report, else of the build; None if unknown."""
    if report is not None:
        rows = report.to_frame()[["reason", "n_rows", "action"]].to_dict("records")
        return _cleaning(report.n_rows_in, report.n_rows_out, rows)
    fact: Mapping[str, Any] | None = portraits.build.facts.get("cleaning")
    return _cleaning(fact["n_rows_in"], fact["n_rows_out"], fact["rows"]) if fact else None


def _cleaning(n_rows_in: int, n_rows_out: int, rows: list[Mapping[str, Any]]) -> Cleaning:
    return Cleaning(
        n_rows_in=int(n_rows_in),
        n_rows_out=int(n_rows_out),
        rows=tuple((str(r["action"]), str(r["reason"]), int(r["n_rows"])) for r in rows),
    )


def _fact(portraits: Portraits, name: str) -> Any:
    found = portraits.build.facts.get(name)
    if not found:
        message = (
            f"the portraits' build has no '{name}' among its facts. "
            "Build them with build_portraits(...), which keeps them."
        )
        raise InvalidDataError(message)
    return found


def _is_over(month: str, as_of: datetime) -> bool:
    """Whether the portraits know at least half of the month's last day."""
    year, number = (int(part) for part in month.split("-")[:2])
    last_day = monthrange(year, number)[1]
    return as_of >= datetime(year, number, last_day, 12)  # noqa: DTZ001
