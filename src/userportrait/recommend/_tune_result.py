"""What settings of a model were worth."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from userportrait._core.display import format_count, page_fragment, table

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["TuningResult"]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class TuningResult:
    """What every setting was worth on the validation part, best first.

    Parameters
    ----------
    table : DataFrame
        One row per setting, best first: a column for each parameter; the metric with `ci_low`
        and `ci_high`; `behind`, how much less it is than the best, with `behind_low` and
        `behind_high` of the paired difference; further metrics; `fit_seconds`,
        `recommend_seconds`.
    best_params : mapping of str to object
        The setting of the first row.
    model : object or None
        A model with this setting, fitted to everything that `tune` was given; None without
        ``refit``.
    metric : str
        What was maximised.
    method : str
        How the validation part was cut.
    n_customers : int
        Customers it was judged by.

    Examples
    --------
    >>> import userportrait as up
    >>> orders = up.make_shop(n_customers=60, random_state=0).orders
    >>> found = up.tune(up.EASE(), {"l2": [3.0, 300.0]}, orders, metric="recall@5")
    >>> sorted(found.best_params)
    ['l2']
    """

    table: pd.DataFrame
    best_params: Mapping[str, Any]
    model: Any
    metric: str
    method: str
    n_customers: int

    @property
    def best_value(self) -> float:
        """The metric of the best setting on the validation part.

        The best of many is too good: for what to expect, evaluate once on data that `tune` has
        not seen.
        """
        return float(self.table[self.metric].iloc[0])

    @property
    def n_as_good(self) -> int:
        """Settings, the best one included, that chance may well have put behind."""
        return int((self.table["behind_low"].fillna(np.inf) <= 0).sum()) or 1

    def to_frame(self) -> pd.DataFrame:
        """Return the table as a frame of your own."""
        return self.table.copy()

    def to_dict(self) -> dict[str, Any]:
        """Return the facts by name, and the table as a list of dicts."""
        return {
            "best_params": dict(self.best_params),
            "metric": self.metric,
            "method": self.method,
            "n_customers": self.n_customers,
            "table": self.table.to_dict("records"),
        }

    def __repr__(self) -> str:
        n = format_count(len(self.table), "setting")
        return f"TuningResult({n}, best {self.metric} {self.best_value:.4f}, {self._setting})"

    @property
    def _setting(self) -> str:
        return ", ".join(f"{name}={value!r}" for name, value in self.best_params.items())

    @property
    def _told(self) -> str:
        customers = format_count(self.n_customers, "customer")
        return (
            f"{format_count(len(self.table), 'setting')} judged by {customers}, cut {self.method}; "
            f"{self.n_as_good:,} as good as the best within chance. A test part cut off before is "
            f"untouched."
        )

    def _rows(self) -> tuple[list[str], list[list[str]]]:
        names = [*self.best_params, self.metric, "behind", "fit_seconds"]
        rows = [
            [f"{v:.4g}" if isinstance(v, float) else str(v) for v in row]
            for row in self.table[names].head(10).itertuples(index=False, name=None)
        ]
        return names, rows

    def __str__(self) -> str:
        names, rows = self._rows()
        text = pd.DataFrame(rows, columns=names).to_string(index=False)
        more = f"\n… and {len(self.table) - 10:,} more" if len(self.table) > 10 else ""
        return f"Settings by {self.metric}\n{self._told}\n{text}{more}"

    def _repr_html_(self) -> str:
        names, rows = self._rows()
        numeric = [self.metric, "behind", "fit_seconds"]
        return page_fragment(
            f"Settings by {self.metric}",
            f"<small>{self._told}</small>",
            table(names, rows, numeric=numeric),
        )
