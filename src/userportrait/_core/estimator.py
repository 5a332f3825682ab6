"""The base of all estimators: scikit-learn's verbs, fully typed, without importing it."""

from __future__ import annotations

from inspect import Parameter, signature
from typing import TYPE_CHECKING, Any, Self

from userportrait._core.display import definition_list, page_fragment
from userportrait.errors import InvalidParameterError, NotFittedError, unknown_name

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["Estimator"]


class Estimator:
    """Parameters in, learned attributes out.

    The constructor stores its arguments under their own names and does nothing else;
    learned attributes end in ``_``. `sklearn.base.clone` and `sklearn.pipeline` work
    with it, because they only ask for `get_params` and `set_params`.
    """

    @classmethod
    def _parameter_names(cls) -> list[str]:
        kinds = (Parameter.VAR_KEYWORD, Parameter.VAR_POSITIONAL)
        found = signature(cls.__init__).parameters.values()
        return [p.name for p in found if p.name != "self" and p.kind not in kinds]

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """Return the constructor's arguments by name.

        Parameters
        ----------
        deep : bool, default=True
            Whether arguments that are estimators add their own, as ``name__part``.

        Returns
        -------
        dict of str to object
        """
        found: dict[str, Any] = {}
        for name in self._parameter_names():
            value = getattr(self, name)
            found[name] = value
            if deep and _has_params(value):
                found |= {f"{name}__{key}": part for key, part in value.get_params().items()}
        return found

    def set_params(self, **params: Any) -> Self:
        """Change constructor arguments by name; return the estimator.

        Parameters
        ----------
        **params : object
            New values; ``name__part`` reaches into an argument that is an estimator.

        Returns
        -------
        Self

        Raises
        ------
        InvalidParameterError
            If a name is not a parameter; then nothing is changed.
        """
        problems = self._wrong_params(params)
        if problems:
            raise InvalidParameterError(type(self).__name__, problems)
        own = {key: value for key, value in params.items() if "__" not in key}
        for key, value in own.items():
            setattr(self, key, value)
        for key, value in params.items():
            name, _, part = key.partition("__")
            if part:
                getattr(self, name).set_params(**{part: value})
        return self

    def _wrong_params(self, params: Mapping[str, Any]) -> list[str]:
        known = self._parameter_names()
        problems: list[str] = []
        for key, value in params.items():
            name, _, part = key.partition("__")
            if name not in known:
                problems.append(unknown_name("parameter", key, known))
            elif part:
                inner = params.get(name, getattr(self, name))
                problems += _wrong_part(name, inner, {part: value})
        return problems

    def _check_fitted(self, attribute: str) -> None:
        if not hasattr(self, attribute):
            raise NotFittedError(type(self).__name__)

    def _changed_params(self) -> dict[str, Any]:
        defaults = {p.name: p.default for p in signature(type(self).__init__).parameters.values()}
        values = self.get_params(deep=False)
        return {name: v for name, v in values.items() if not _same(v, defaults[name])}

    def __repr__(self) -> str:
        shown = ", ".join(f"{name}={value!r}" for name, value in self._changed_params().items())
        return f"{type(self).__name__}({shown})"

    def _repr_html_(self) -> str:
        rows = {name: repr(value) for name, value in self.get_params(deep=False).items()}
        return page_fragment(type(self).__name__, definition_list(rows))


def _has_params(value: Any) -> bool:
    return hasattr(value, "get_params") and not isinstance(value, type)


def _wrong_part(name: str, inner: Any, params: Mapping[str, Any]) -> list[str]:
    """Say what is wrong with parameters of an argument; nothing if it takes them all."""
    if not _has_params(inner):
        return [f"{name} has no parameters of its own; it is a {type(inner).__name__}."]
    known = sorted(key.partition("__")[0] for key in inner.get_params(deep=False))
    return [
        f"{name}: {unknown_name('parameter', key, known)}"
        for key in params
        if key.partition("__")[0] not in known
    ]


def _same(value: object, default: object) -> bool:
    if value is default:
        return True
    return type(value) is type(default) and bool(repr(value) == repr(default))
