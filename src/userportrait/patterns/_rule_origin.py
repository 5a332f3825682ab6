"""Where rules come from, and each step that left some of them out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from userportrait.patterns._rules_split import Demands

__all__ = ["RuleOrigin", "RuleStep"]


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleStep:
    """One step from all splits to the rules at hand.

    Parameters
    ----------
    name : str
        What was done.
    n_before, n_after : int
        Rules before and after it.
    """

    name: str
    n_before: int
    n_after: int

    def __str__(self) -> str:
        gone = self.n_before - self.n_after
        return f"{self.name}: {self.n_before:,} → {self.n_after:,} (−{gone:,})"


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleOrigin:
    """Where rules come from, and what was asked of them.

    Parameters
    ----------
    n_splits : int
        Splits of frequent itemsets that were looked at.
    n_unknown : int
        Splits left out because mining had not counted one of the sides.
    min_count : int
        Least number of baskets with a whole rule.
    stopped : str or None
        Why rules are missing; None if none are.
    limits : mapping of str to value
        What `derive_rules` was asked for.
    demands : Demands
        The same as arrays of what may stand on each side.
    """

    n_splits: int
    n_unknown: int
    min_count: int
    stopped: str | None
    limits: Mapping[str, Any]
    demands: Demands
