"""Find what separates the outcome, so that no finite answer of greatest likelihood exists."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
from scipy import linalg

from userportrait.predict._separation_search import separating_direction

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from userportrait.predict._coding import Coding
    from userportrait.predict._design import Design
    from userportrait.predict._newton import Fit

    Floats: TypeAlias = NDArray[np.float64]
    Ints: TypeAlias = NDArray[np.intp]

__all__ = ["Separation", "find_separating_terms", "find_separation", "told_together"]

_FLAT = 1e-4
"""Information a row, in some direction, below which a fit may have run away."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Separation:
    """A column, or a level of one, that tells one outcome without exception.

    Parameters
    ----------
    term : str
    level : object
        None for a number.
    outcome : object
        The class that all rows of the level have; None where several columns do it together.
    n_rows : int
        Rows of the level; 0 for a number.

    Examples
    --------
    >>> from userportrait.predict import Separation
    >>> print(Separation(term="plan", level="gold", outcome="yes", n_rows=12))
    all 12 rows with plan = 'gold' are 'yes'
    """

    term: str
    level: Any
    outcome: Any
    n_rows: int

    @property
    def where(self) -> str:
        """The column, or the level of it."""
        return self.term if self.level is None else f"{self.term} = {self.level!r}"

    def __str__(self) -> str:
        where = self.where
        if self.outcome is None:
            return f"{where}, together with other columns"
        if self.level is None:
            return f"{where} tells the two classes apart by a limit"
        rows = "the 1 row with {}" if self.n_rows == 1 else f"all {self.n_rows:,} rows with {{}}"
        verb = "is" if self.n_rows == 1 else "are"
        return f"{rows.format(where)} {verb} {self.outcome!r}"


def told_together(found: Sequence[Separation], most: int = 5) -> str:
    """Return the findings as one text; columns that need each other share a clause."""
    alone = [str(one) for one in found if one.outcome is not None]
    parts = alone[:most] + ["…"] * (len(alone) > most)
    shared = [one.where for one in found if one.outcome is None]
    if shared:
        names = ", ".join(shared[:most]) + (" …" if len(shared) > most else "")
        parts.append(f"several columns together tell the two classes apart, among them {names}")
    return "; ".join(parts)


def find_separation(
    design: Design, coding: Coding, y: Floats, columns: Ints, classes: NDArray[Any]
) -> list[Separation]:
    """Return levels of one outcome, and numbers of which a limit tells the classes apart.

    Parameters
    ----------
    design : Design
    coding : Coding
    y : ndarray of 0.0 and 1.0
    columns : ndarray of int
        Columns of the model.
    classes : ndarray of shape (2,)
    """
    found: list[Separation] = []
    rows, ones = design.sums(np.ones(design.n_rows)), design.sums(y)
    chosen: list[int] = columns.tolist()
    terms = {coding.labels[at][0] for at in chosen}
    for at, (term, level) in enumerate(coding.labels):
        is_level = at > design.n_numbers
        if is_level and term in terms and rows[at] > 0 and (ones[at] in (0.0, rows[at])):
            outcome = classes.tolist()[int(ones[at] > 0)]
            found.append(Separation(term=term, level=level, outcome=outcome, n_rows=int(rows[at])))
        elif 0 < at <= design.n_numbers and at in chosen:
            values = design.numbers[at - 1]
            if _is_split(values[y > 0.5], values[y < 0.5]):
                found.append(
                    Separation(term=term, level=None, outcome=classes.tolist()[1], n_rows=0)
                )
    return found


def _is_split(first: Floats, second: Floats) -> bool:
    return bool(first.min() >= second.max() or second.min() >= first.max())


def find_separating_terms(
    fit: Fit, plain: Floats, design: Design, coding: Coding, y: Floats
) -> list[Separation]:
    """Return the terms that separate the outcome together, if any do.

    Parameters
    ----------
    fit : Fit
        Of greatest likelihood.
    plain : ndarray of shape (width, width)
        Cross products of all columns, every row counted as it is in the fit.
    design : Design
    coding : Coding
    y : ndarray of 0.0 and 1.0
    """
    if fit.converged and not _is_flat(fit, plain):
        return []
    direction = separating_direction(design, y, fit.columns)
    if direction is None:
        return []
    size = np.abs(direction)
    size[0] = 0.0
    places: list[int] = fit.columns[np.flatnonzero(size > 1e-6 * size.max())].tolist()
    labels = [coding.labels[place] for place in places]
    return [Separation(term=term, level=level, outcome=None, n_rows=0) for term, level in labels]


def _is_flat(fit: Fit, plain: Floats) -> bool:
    """Return whether all but no information is left in some direction."""
    at = np.ix_(fit.columns, fit.columns)
    try:
        least: Floats = linalg.eigh(
            fit.gram[at], plain[at], eigvals_only=True, subset_by_index=[0, 0]
        )
    except linalg.LinAlgError:
        return True
    return bool(least[0] <= _FLAT)
