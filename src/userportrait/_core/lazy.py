"""Optional packages and lazily loaded names."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from userportrait.errors import MissingExtraError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from types import ModuleType

__all__ = ["lazy_exports", "optional_import"]


def optional_import(module: str, *, what: str, extra: str) -> ModuleType:
    """Import an optional package, or say which extra to install.

    Parameters
    ----------
    module : str
        The module to import, such as ``"pyarrow.parquet"``.
    what : str
        What needs it, the start of the message.
    extra : str
        The extra that brings it.
    """
    try:
        return import_module(module)
    except ImportError as error:
        raise MissingExtraError(what, module.partition(".")[0], extra) from error


def lazy_exports(
    package: str, homes: Mapping[str, str], namespace: dict[str, Any]
) -> tuple[Callable[[str], Any], Callable[[], list[str]]]:
    """Return ``__getattr__`` and ``__dir__`` that import public names when first used.

    Parameters
    ----------
    package : str
        The package's ``__name__``.
    homes : mapping of str to str
        For each public name, the module that defines it.
    namespace : dict
        The package's ``globals()``, where a loaded name is kept.
    """

    def load(name: str) -> Any:
        home = homes.get(name)
        if home is None:
            message = f"module {package!r} has no attribute {name!r}"
            raise AttributeError(message, name=name, obj=None)
        module = import_module(home)
        value = module if home == f"{package}.{name}" else getattr(module, name)
        namespace[name] = value
        return value

    def names() -> list[str]:
        return sorted({*homes, *(key for key in namespace if key.startswith("__"))})

    return load, names
