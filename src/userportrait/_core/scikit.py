"""Names of scikit-learn, which has no types."""

from __future__ import annotations

from importlib import import_module
from typing import Any

__all__ = ["from_sklearn"]


def from_sklearn(path: str) -> Any:
    """Return a name of scikit-learn, such as ``'utils.validation.check_array'``.

    Its modules are imported by it, so call it in functions, not at the top of a module that
    `import userportrait` loads.
    """
    module, _, name = path.rpartition(".")
    return getattr(import_module(f"sklearn.{module}" if module else "sklearn"), name)
