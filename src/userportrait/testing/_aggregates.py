"""Does a class keep the promises of `userportrait.typing.SupportsAggregates`?"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from userportrait.experiment import Aggregates

if TYPE_CHECKING:
    from collections.abc import Sequence

    from userportrait.typing import IntoFrame, SupportsAggregates

__all__ = ["check_aggregates"]

_TOLERANCE = 1e-9


def check_aggregates(
    store: SupportsAggregates,
    rows: IntoFrame,
    columns: Sequence[str],
    *,
    variant: str = "variant",
    by: Sequence[str] = (),
) -> None:
    """Check that a store sums what `Aggregates.from_frame` sums.

    Put it in your own tests, with a store that holds a few rows.

    Parameters
    ----------
    store : SupportsAggregates
    rows : frame
        What the store holds, one row for each unit. Values with a mean far from 0 show
        whether the store centres its sums.
    columns : sequence of str
    variant : str, default='variant'
    by : sequence of str, default=()
        Columns to group by; the more values, the better.

    Raises
    ------
    AssertionError
        If a promise is broken; the message names every one.

    Examples
    --------
    >>> import pandas as pd
    >>> from userportrait.testing import check_aggregates
    >>> table = pd.DataFrame({"variant": list("AABB"), "spend": [1.0, 3.0, 5.0, 9.0]})
    >>> class Store:
    ...     def read_aggregates(self, columns, *, variant, by):
    ...         for key, part in table.groupby([variant, *by]):
    ...             row = dict(zip([variant, *by], key)) | {"n": len(part)}
    ...             row |= {f"mean_{a}": part[a].mean() for a in columns}
    ...             off = part[columns] - part[columns].mean()
    ...             yield row | {
    ...                 f"cross_{a}_{b}": (off[a] * off[b]).sum() for a in columns for b in columns
    ...             }
    >>> check_aggregates(Store(), table, ["spend"])
    """
    names, labels = list(columns), [by] if isinstance(by, str) else list(by)
    cases: list[tuple[list[str], list[str]]] = [
        (names, []),
        (names[:1], labels),
        (names, labels),
        (names, labels),
    ]
    if len(names) > 1:
        cases.append((names[::-1], labels[::-1]))
    broken: list[str] = []
    for asked, cut in cases:
        wanted = Aggregates.from_frame(rows, asked, variant=variant, by=cut)
        how = f"{', '.join(asked)} by {', '.join([variant, *cut])}"
        try:
            found = Aggregates.from_store(store, asked, variant=variant, by=cut)
        except Exception as error:  # any error at all breaks the promise
            broken.append(f"- {how}: raised {type(error).__name__}: {error}")
            continue
        broken += [f"- {how}: {problem}" for problem in _differences(found, wanted)]
    if broken:
        kind = type(store).__qualname__
        raise AssertionError(f"{kind} breaks promises.\n" + "\n".join(dict.fromkeys(broken)))


def _differences(found: Aggregates, wanted: Aggregates) -> list[str]:
    if found.keys != wanted.keys:
        return [f"the groups are {found.keys}, not {wanted.keys}."]
    problems: list[str] = []
    if not np.array_equal(found.n, wanted.n):
        problems.append(f"the units are {found.n.tolist()}, not {wanted.n.tolist()}.")
    i, j = wanted.pairs
    squares = wanted.cross[:, i == j]
    size = np.sqrt(squares[:, i] * squares[:, j])
    spread = np.sqrt(squares / np.maximum(wanted.n, 1)[:, None])
    if (np.abs(found.means - wanted.means) > _TOLERANCE * (np.abs(wanted.means) + spread)).any():
        problems.append("means differ from those of the rows.")
    if (np.abs(found.cross - wanted.cross) > _TOLERANCE * (size + 1e-300)).any():
        problems.append("cross products differ from those of the rows.")
    return problems
