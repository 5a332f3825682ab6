"""Terms of a model: numbers as they are, factors as levels against a reference."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import numpy as np

from userportrait.errors import InvalidDataError, InvalidParameterError, unknown_name
from userportrait.predict._one_column import level_rank

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from userportrait._core.feature_table import FeatureTable

    Floats: TypeAlias = NDArray[np.float64]
    Ints: TypeAlias = NDArray[np.intp]

__all__ = ["Coded", "Coding", "Factor", "Number", "learn_coding"]


@dataclass(frozen=True, slots=True)
class Number:
    """A number: one column, centred and scaled inside."""

    name: str
    mean: float
    deviation: float


@dataclass(frozen=True, slots=True)
class Factor:
    """A factor: one column for each level; the reference's is left out of the model."""

    name: str
    levels: tuple[Any, ...]
    reference: int

    @property
    def shown(self) -> tuple[int, ...]:
        """Positions of the levels that get a coefficient."""
        return tuple(at for at in range(len(self.levels)) if at != self.reference)


@dataclass(frozen=True, slots=True, eq=False)
class Coded:
    """Rows as a model reads them.

    Parameters
    ----------
    numbers : ndarray of shape (n_numbers, n_rows)
        Centred and scaled.
    codes : ndarray of int, shape (n_factors, n_rows)
        Positions of levels; that of the reference where the level is unknown and this was
        asked for.
    """

    numbers: Floats
    codes: Ints

    @property
    def n_rows(self) -> int:
        return int(self.numbers.shape[1])


@dataclass(frozen=True, slots=True)
class Coding:
    """What columns become: an intercept, then the numbers, then all levels of all factors.

    Parameters
    ----------
    names : tuple of str
        The terms, in the order of the input.
    numbers : tuple of Number
    factors : tuple of Factor
    """

    names: tuple[str, ...]
    numbers: tuple[Number, ...]
    factors: tuple[Factor, ...]

    @property
    def width(self) -> int:
        """Columns, those of reference levels included."""
        return 1 + len(self.numbers) + sum(len(factor.levels) for factor in self.factors)

    @property
    def columns(self) -> dict[str, Ints]:
        """Columns of each term that the model may use."""
        found = {number.name: np.array([1 + at]) for at, number in enumerate(self.numbers)}
        start = 1 + len(self.numbers)
        for factor in self.factors:
            found[factor.name] = start + np.array(factor.shown, dtype=np.intp)
            start += len(factor.levels)
        return {name: found[name] for name in self.names}

    @property
    def labels(self) -> list[tuple[str, Any]]:
        """Term and level of each column; the level is None where there is none."""
        found: list[tuple[str, Any]] = [("intercept", None)]
        found += [(number.name, None) for number in self.numbers]
        return found + [(factor.name, lev) for factor in self.factors for lev in factor.levels]

    def code(
        self, table: FeatureTable, *, owner: str, unseen: Literal["error", "reference"] = "error"
    ) -> Coded:
        """Return rows in this coding.

        Raises
        ------
        InvalidDataError
            If a level is unknown and `unseen` is ``'error'``, or a column changed its kind.
        """
        numbers = np.empty((len(self.numbers), table.n_rows))
        for at, number in enumerate(self.numbers):
            _check_has(table.numbers, number.name, "numbers", owner)
            numbers[at] = (table.numbers[number.name] - number.mean) / number.deviation
        codes = np.empty((len(self.factors), table.n_rows), dtype=np.intp)
        for at, factor in enumerate(self.factors):
            _check_has(table.texts, factor.name, "texts", owner)
            codes[at] = _codes(table, factor, owner, unseen)
        return Coded(numbers, codes)

    def to_natural(self, scaled: Ints) -> Floats:
        """Return the matrix that turns coefficients of scaled columns into those of the input.

        Parameters
        ----------
        scaled : ndarray of int
            The columns of the model, the intercept first.
        """
        chosen: list[int] = scaled.tolist()
        matrix = np.eye(len(chosen))
        for row, column in enumerate(chosen):
            if 1 <= column <= len(self.numbers):
                number = self.numbers[column - 1]
                matrix[row, row] = 1.0 / number.deviation
                matrix[0, row] = -number.mean / number.deviation
        return matrix


def learn_coding(
    table: FeatureTable,
    weights: Floats | None,
    *,
    reference: str | Mapping[str, Any],
    owner: str,
) -> tuple[Coding, tuple[str, ...]]:
    """Return the coding of a table, and the columns of one value, which are left out.

    Parameters
    ----------
    table : FeatureTable
    weights : ndarray, optional
        Rows of weight 0 must be left out before.
    reference : {'first', 'last', 'most_frequent'} or mapping of str to level
        Levels are in the order of their texts, whole numbers by size before all others;
        equally frequent ones too. Columns that the mapping does not name take the first.
    owner : str
    """
    _check_reference(table, reference, owner)
    numbers: list[Number] = []
    factors: list[Factor] = []
    names: list[str] = []
    for name in table.names:
        if name in table.numbers:
            number = _learn_number(name, table.numbers[name], weights)
            if number is not None:
                numbers.append(number)
                names.append(name)
        else:
            factor = _learn_factor(name, table, weights, reference, owner)
            if len(factor.levels) > 1:
                factors.append(factor)
                names.append(name)
    dropped = tuple(name for name in table.names if name not in names)
    return Coding(tuple(names), tuple(numbers), tuple(factors)), dropped


def _check_has(columns: Mapping[str, object], name: str, kind: str, owner: str) -> None:
    if name not in columns:
        message = f"{owner}: column '{name}' held {kind} when the model was fitted."
        raise InvalidDataError(message, column=name)


def _learn_number(name: str, values: Floats, weights: Floats | None) -> Number | None:
    low, high = float(values.min()), float(values.max())
    if low == high:
        return None
    ordered, weight = np.sort(values), None
    if weights is not None:
        order = np.argsort(values, kind="stable")
        ordered, weight = values[order], weights[order]
    # Sorted, so that the sum does not depend on the order of rows.
    mean = float(np.average(ordered, weights=weight))
    deviation = float(np.sqrt(np.average((ordered - mean) ** 2, weights=weight)))
    return Number(name, mean, deviation) if deviation > 0 else None


def _learn_factor(
    name: str,
    table: FeatureTable,
    weights: Floats | None,
    reference: str | Mapping[str, Any],
    owner: str,
) -> Factor:
    codes, distinct = table.texts[name]
    counts = np.bincount(codes, weights=weights, minlength=len(distinct))
    order = sorted(range(len(distinct)), key=lambda at: level_rank(str(distinct[at])))
    levels = tuple(distinct[at] for at in order)
    if isinstance(reference, str):
        place = {"first": 0, "last": len(levels) - 1}.get(reference)
        if place is None:
            place = int(np.argmax(counts[order]))
        return Factor(name, levels, place)
    wanted = reference.get(name, levels[0])
    if wanted not in levels:
        known = [str(level) for level in levels]
        message = f"reference of '{name}': {unknown_name('level', str(wanted), known)}"
        raise InvalidParameterError(owner, [message])
    return Factor(name, levels, levels.index(wanted))


def _check_reference(table: FeatureTable, reference: str | Mapping[str, Any], owner: str) -> None:
    if isinstance(reference, str):
        return
    factors = list(table.texts)
    problems = [
        f"reference: {unknown_name('column of texts', str(name), factors)}"
        for name in reference
        if name not in factors
    ]
    if problems:
        raise InvalidParameterError(owner, problems)


def _codes(
    table: FeatureTable, factor: Factor, owner: str, unseen: Literal["error", "reference"]
) -> Ints:
    codes, distinct = table.texts[factor.name]
    known = {level: at for at, level in enumerate(factor.levels)}
    places = np.array([known.get(level, -1) for level in distinct.tolist()], dtype=np.intp)
    found: Ints = places[codes]
    new = np.flatnonzero(found < 0)
    if len(new) and unseen == "error":
        examples = _first_texts([distinct[codes[row]] for row in new[:1000]])
        message = (
            f"{owner}: column '{factor.name}' has levels that fit did not see: {examples}. "
            f"Fit with rows that have them, or set unseen='reference'."
        )
        raise InvalidDataError(message, column=factor.name, rows=new[:5].tolist(), n_rows=len(new))
    found[new] = factor.reference
    return found


def _first_texts(values: Sequence[Any], most: int = 3) -> str:
    distinct = sorted({repr(value) for value in values})
    return ", ".join(distinct[:most]) + (" …" if len(distinct) > most else "")
