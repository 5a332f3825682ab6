"""Rules as a table whose rows and columns are groups of sides that are alike."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from userportrait.report._figures import Floats
    from userportrait.report._rule_choice import RuleLine, Side

__all__ = ["RuleTable", "group_rules"]

_DISTANCES = (0.1, 0.3, 0.5, 0.7)
"""Cosine distances up to which sides count as alike, tried in turn."""


@dataclass(frozen=True, slots=True)
class RuleTable:
    """A grouped matrix: rows and columns are groups of sides, strongest side first.

    `others` says whether the last row, and the last column, is what was left over.
    """

    rows: tuple[tuple[Side, ...], ...]
    columns: tuple[tuple[Side, ...], ...]
    others: tuple[bool, bool]
    x: tuple[int, ...]
    y: tuple[int, ...]
    lifts: tuple[float, ...]
    supports: tuple[float, ...]

    @property
    def is_grouped(self) -> bool:
        """Whether any row or column stands for several sides."""
        return any(len(group) > 1 for group in (*self.rows, *self.columns))


def group_rules(lines: Sequence[RuleLine], most: int) -> RuleTable:
    """Put rules into a table of at most so many rows and columns.

    Parameters
    ----------
    lines : sequence of RuleLine
        Strongest first.
    most : int
        The most rows and the most columns.

    Returns
    -------
    RuleTable
        Rows in the order of their strongest rule; columns in the order in which rows need
        them; what is left over last. The figures are medians over the rules of a cell.
    """
    lefts = list(dict.fromkeys(line.antecedent for line in lines))
    rights = list(dict.fromkeys(line.consequent for line in lines))
    at_left = {side: i for i, side in enumerate(lefts)}
    at_right = {side: i for i, side in enumerate(rights)}
    logs = np.zeros((len(lefts), len(rights)))
    for line in lines:
        cell = at_left[line.antecedent], at_right[line.consequent]
        logs[cell] = np.log(line.lift) or 1e-9
    (row_of, rest_left), (column_of, rest_right) = _grouped(logs, most), _grouped(logs.T, most)
    cells: dict[tuple[int, int], list[RuleLine]] = {}
    for line in lines:
        cell = (row_of[at_left[line.antecedent]], column_of[at_right[line.consequent]])
        cells.setdefault(cell, []).append(line)
    across: dict[int, int] = {}
    for _, column in sorted(cells, key=lambda cell: (rest_right and cell[1] == most - 1, cell)):
        across.setdefault(column, len(across))
    found = sorted((row, across[column], inside) for (row, column), inside in cells.items())
    columns: list[tuple[Side, ...]] = [()] * len(across)
    for column, place in across.items():
        columns[place] = tuple(s for s, g in zip(rights, column_of, strict=True) if g == column)
    return RuleTable(
        rows=tuple(
            tuple(side for side, group in zip(lefts, row_of, strict=True) if group == row)
            for row in range(max(row_of) + 1)
        ),
        columns=tuple(columns),
        others=(rest_left, rest_right),
        x=tuple(x for _, x, _ in found),
        y=tuple(y for y, _, _ in found),
        lifts=tuple(float(np.median([line.lift for line in c])) for _, _, c in found),
        supports=tuple(float(np.median([line.support for line in c])) for _, _, c in found),
    )


def _grouped(vectors: Floats, most: int) -> tuple[list[int], bool]:
    """Return the group of each row, and whether the last group is what was left over.

    Groups are numbered in the order of their first rows.
    """
    n = len(vectors)
    if n <= most:
        return list(range(n)), False
    from scipy.cluster.hierarchy import fcluster, linkage

    tree: Any = linkage(vectors, "average", metric="cosine")
    given: list[int] = []
    for distance in _DISTANCES:
        given = fcluster(tree, distance, "distance").tolist()
        if len(set(given)) <= most:
            break
    number: dict[int, int] = {}
    for group in given:
        number.setdefault(group, len(number))
    return [min(number[group], most - 1) for group in given], len(number) > most
