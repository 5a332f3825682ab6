"""What a policy would have earned, and how far that can be trusted."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pandas as pd

from userportrait._core.display import format_count, page_fragment, table
from userportrait.errors import InvalidParameterError, unknown_name

__all__ = ["PolicyValue"]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class PolicyValue:
    """What a policy would have earned per impression, by each way to estimate it.

    Parameters
    ----------
    estimates : DataFrame
        One row per method: `method`, `value` (mean reward of an impression), `ci_low`,
        `ci_high`, `difference` from what the log earned, with `difference_low` and
        `difference_high`.
    logged_value : float
        Mean reward of an impression in the log.
    n_impressions : int
    n_clusters : int
        Independent units that intervals stand on: customers, where they are known.
    n_effective : float
        Impressions that would tell as much if the policy itself had shown them:
        (sum of weights)² / sum of squared weights, at the worst position.
    mean_weight : float
        Should be near 1. Less: the policy shows what the log never does, or propensities are
        too high.
    largest_weight : float
    share_overlapping : float
        Share of rows that the policy may show, too.
    n_clipped : int
        Weights that were cut.

    See Also
    --------
    evaluate_policy : Makes one.

    Examples
    --------
    >>> import pandas as pd
    >>> from userportrait.recommend import evaluate_policy
    >>> log = pd.DataFrame(
    ...     {
    ...         "customer_id": [1, 2, 3, 4] * 100,
    ...         "item_id": ["tea", "cup"] * 200,
    ...         "reward": [1, 0, 1, 1] * 100,
    ...         "propensity": [0.5] * 400,
    ...     }
    ... )
    >>> tea = pd.DataFrame({"customer_id": [1, 2, 3, 4], "item_id": ["tea"] * 4, "rank": 1})
    >>> evaluate_policy(log, tea, methods=["snips"]).n_impressions
    400
    """

    estimates: pd.DataFrame
    logged_value: float
    n_impressions: int
    n_clusters: int
    n_effective: float
    mean_weight: float
    largest_weight: float
    share_overlapping: float
    n_clipped: int

    def value(self, method: str = "snips") -> float:
        """Return the estimate of one method.

        Raises
        ------
        InvalidParameterError
            If there is none.
        """
        known = self.estimates["method"].tolist()
        if method not in known:
            raise InvalidParameterError(
                "PolicyValue.value", [unknown_name("method", method, known)]
            )
        return float(self.estimates["value"].iloc[known.index(method)])

    def to_frame(self) -> pd.DataFrame:
        """Return the estimates as a frame of your own."""
        return self.estimates.copy()

    def to_dict(self) -> dict[str, Any]:
        """Return the facts by name, and the estimates as a list of dicts."""
        return self._facts() | {"estimates": self.estimates.to_dict("records")}

    def _facts(self) -> dict[str, Any]:
        names = [name for name in self.__dataclass_fields__ if name != "estimates"]
        return {name: getattr(self, name) for name in names}

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, PolicyValue):
            return NotImplemented
        return self._facts() == other._facts() and self.estimates.equals(other.estimates)

    def __hash__(self) -> int:
        raise TypeError("PolicyValue cannot be hashed.")

    def __repr__(self) -> str:
        shown = ", ".join(
            f"{row['method']} {row['value']:.4g}" for row in self.estimates.to_dict("records")
        )
        return f"PolicyValue({shown}, {format_count(self.n_impressions, 'impression')})"

    @property
    def _told(self) -> str:
        return (
            f"{format_count(self.n_impressions, 'impression')}, worth {self.n_effective:,.0f} of "
            f"the policy's own; mean weight {self.mean_weight:.3f}, largest "
            f"{self.largest_weight:.4g}. The log earned {self.logged_value:.4g} per impression."
        )

    def _rows(self) -> tuple[list[str], list[list[str]]]:
        rows = [
            [
                row["method"],
                f"{row['value']:.4g}",
                f"[{row['ci_low']:.4g}, {row['ci_high']:.4g}]",
                f"{row['difference']:+.4g}",
                f"[{row['difference_low']:+.4g}, {row['difference_high']:+.4g}]",
            ]
            for row in self.estimates.to_dict("records")
        ]
        return ["method", "value", "interval", "difference", "its interval"], rows

    def __str__(self) -> str:
        names, rows = self._rows()
        text = pd.DataFrame(rows, columns=names).to_string(index=False)
        return f"Value of the policy\n{self._told}\n{text}"

    def _repr_html_(self) -> str:
        names, rows = self._rows()
        return page_fragment(
            "Value of the policy",
            f"<small>{self._told}</small>",
            table(names, rows, numeric=names[1:]),
        )
