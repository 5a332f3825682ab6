"""What an audience says of itself: why a customer is in it, how it meets another one."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from userportrait._core.display import definition_list, page_fragment

if TYPE_CHECKING:
    from userportrait._core.expression import Leaf

__all__ = ["Membership", "Overlap"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Membership:
    """Why a customer is in an audience, or is not.

    Parameters
    ----------
    result : bool or None
        The truth of the whole expression; None is unknown, which means not in it.
    leaves : tuple of Leaf
        Each condition with the customer's value and the result.

    See Also
    --------
    Audience.explain : Make one.

    Examples
    --------
    >>> from userportrait.audience import parse_expression
    >>> expression, tags = parse_expression("spend > 100 and is_lapsed"), {"spend": 80.5}
    >>> print(Membership(result=expression.result(tags), leaves=expression.explain(tags)))
    Not in the audience: the expression is false.
    - spend > 100: false (spend is 80.5)
    - is_lapsed: unknown (is_lapsed is unknown)
    """

    result: bool | None
    leaves: tuple[Leaf, ...]

    @property
    def is_member(self) -> bool:
        """Whether the customer is in the audience."""
        return self.result is True

    @property
    def headline(self) -> str:
        """One sentence with the result."""
        truth = "unknown" if self.result is None else str(self.result).lower()
        where = "In the audience" if self.is_member else "Not in the audience"
        return f"{where}: the expression is {truth}."

    def __str__(self) -> str:
        return "\n".join([self.headline, *(f"- {leaf}" for leaf in self.leaves)])

    def _repr_html_(self) -> str:
        rows = {leaf.text: str(leaf).removeprefix(f"{leaf.text}: ") for leaf in self.leaves}
        return page_fragment(self.headline, definition_list(rows))


@dataclass(frozen=True, slots=True, kw_only=True)
class Overlap:
    """How many customers two audiences share.

    Parameters
    ----------
    n_both, n_first_only, n_second_only, n_neither : int
        Customers in both audiences, in one of them only, in none.

    See Also
    --------
    Audience.overlap : Make one.

    Examples
    --------
    >>> overlap = Overlap(n_both=20, n_first_only=30, n_second_only=50, n_neither=900)
    >>> overlap.jaccard
    0.2
    """

    n_both: int
    n_first_only: int
    n_second_only: int
    n_neither: int

    @property
    def jaccard(self) -> float:
        """Share of the customers in either audience who are in both; 0 if there are none."""
        n_either = self.n_both + self.n_first_only + self.n_second_only
        return self.n_both / n_either if n_either else 0.0

    @property
    def lift(self) -> float:
        """How often they meet against audiences that have nothing to do with each other.

        1 where they meet as often as by chance, and where one of them is empty.
        """
        n_first, n_second = self.n_both + self.n_first_only, self.n_both + self.n_second_only
        n = n_first + self.n_second_only + self.n_neither
        return self.n_both * n / (n_first * n_second) if n_first and n_second else 1.0

    def to_dict(self) -> dict[str, float]:
        """Return the counts, and the two measures, by name."""
        return asdict(self) | {"jaccard": self.jaccard, "lift": self.lift}

    def _repr_html_(self) -> str:
        shown = {
            "in both": f"{self.n_both:,}",
            "in the first only": f"{self.n_first_only:,}",
            "in the second only": f"{self.n_second_only:,}",
            "in neither": f"{self.n_neither:,}",
            "shared of those in either": f"{self.jaccard:.1%}",
        }
        return page_fragment("Overlap", definition_list(shown))
