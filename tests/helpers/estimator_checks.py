"""scikit-learn's estimator checks, no exception declared."""

from __future__ import annotations

import warnings
from inspect import signature
from typing import Any

from sklearn.utils.estimator_checks import check_estimator


def check_matrix_estimator(estimator: Any) -> None:
    """Run all checks; those that scikit-learn itself skips say nothing."""
    # The checks turn into errors those warnings that they are about.
    warnings.simplefilter("ignore")
    quiet = {"on_skip": None} if "on_skip" in signature(check_estimator).parameters else {}
    check_estimator(estimator, **quiet)
