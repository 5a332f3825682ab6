"""Parts of the customers that take turns at being predicted."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from userportrait.errors import InvalidDataError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats: TypeAlias = NDArray[np.float64]

__all__ = ["make_folds"]


def make_folds(
    matrix: Floats, outcome: Floats, treated: NDArray[np.bool_], n_folds: int, random_state: int
) -> NDArray[np.int64]:
    """Return the fold of each customer, balanced over arms and outcomes.

    Customers are sorted by a random direction through their features, so that neither the
    order of the rows nor anything but `random_state` decides.
    """
    smallest = int(min(treated.sum(), (~treated).sum()))
    if smallest < 2 * n_folds:
        message = (
            f"the smaller arm has {smallest} customers, too few for {n_folds} folds. "
            "Take fewer folds, or a kind that needs none, such as 't' or 'interacted'."
        )
        raise InvalidDataError(message)
    rng = np.random.default_rng(random_state)
    along: Floats = np.zeros(len(outcome))
    weights: Any = rng.standard_normal((matrix.shape[1],))
    # Column by column: a matrix product may round a row differently at another place.
    for column in range(matrix.shape[1]):
        along += float(weights[column]) * matrix[:, column]
    order = np.lexsort((along, outcome > np.median(outcome), treated))
    turns = np.concatenate([rng.permutation(n_folds) for _ in range(-(-len(outcome) // n_folds))])[
        : len(outcome)
    ]
    folds = np.empty(len(outcome), dtype=np.int64)
    folds[order] = turns
    return folds
