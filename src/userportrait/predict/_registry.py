"""Fitted models under names and versions, in any store of definitions."""

from __future__ import annotations

import operator
import re
from base64 import b64decode, b64encode
from dataclasses import replace
from datetime import UTC, datetime
from hashlib import sha256
from typing import TYPE_CHECKING, Any, SupportsIndex

import numpy as np
import pandas as pd

from userportrait._core.display import page_fragment, table
from userportrait._core.model_files import model_from_bytes, model_to_bytes
from userportrait.errors import InvalidDataError, InvalidParameterError, unknown_name
from userportrait.predict._model_card import ModelCard
from userportrait.stores._definition_stores import as_definition_store

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, MutableMapping, Sequence

    from userportrait.typing import DefinitionStore

__all__ = ["ModelRegistry"]

_MODEL, _CONTENT, _STAGE = "model", "model_content", "model_stage"
_FORMAT = 1
_LONGEST_NAME = 150
_STAGE_NAME = re.compile(r"[a-z][a-z0-9_-]{0,31}\Z")


class ModelRegistry:
    """Keep fitted models and their cards under names, each registration a version.

    Parameters
    ----------
    store : DefinitionStore or mutable mapping of str to str
        Where they are kept. Registries of one store see the same models.

    Raises
    ------
    InvalidParameterError
        If `store` is neither.

    See Also
    --------
    userportrait.predict.save_model : One model in a file of its own.
    userportrait.stores.SQLiteDefinitionStore : A store in one file.

    Notes
    -----
    A model is kept as `save_model` writes it, as text in a document: a third larger than the
    file, and read as a whole. In `SQLiteDefinitionStore` a model may have 700 MB; hundreds of
    large models are better kept as files. Several threads and processes may register under one
    name, as far as the store allows: each gets a version of its own. A checksum tells whether
    a model is the one that was registered; it does not protect from somebody who can write to
    the store. Loading runs nothing of the model, as `load_model` says.

    Examples
    --------
    >>> from userportrait.predict import Propensity
    >>> from userportrait.stores import MemoryDefinitionStore
    >>> registry = ModelRegistry(MemoryDefinitionStore())
    >>> model = Propensity().fit([[1.0], [2], [3], [4]], [0, 1, 0, 1])
    >>> registry.register("churn", model)
    1
    >>> registry.load("churn")
    Propensity()
    """

    def __init__(self, store: DefinitionStore | MutableMapping[str, str]) -> None:
        found = as_definition_store(store)
        if found is None:
            problem = (
                f"store must be a store of definitions, such as SQLiteDefinitionStore(path), or a "
                f"mutable mapping; got {type(store).__name__}."
            )
            raise InvalidParameterError("ModelRegistry", [problem])
        self._store: DefinitionStore = found

    def register(self, name: str, model: Any, *, card: ModelCard | None = None) -> int:
        """Add a model as a new version of a name.

        Parameters
        ----------
        name : str
            1 to 150 characters.
        model : estimator
            Fitted; anything that `save_model` takes.
        card : ModelCard, optional
            As `model_card` makes it.

        Returns
        -------
        int
            The version: 1, then 2, 3, …

        Raises
        ------
        InvalidParameterError
            If the name or the card is none.
        InvalidDataError, MissingExtraError
            As `save_model` says; then nothing is registered.

        Examples
        --------
        >>> from userportrait.predict import Propensity
        >>> ModelRegistry({}).register("churn", Propensity())
        1
        """
        _check_name(name, "register")
        given: Any = card
        if given is not None and not isinstance(given, ModelCard):
            problem = f"card must be a ModelCard; got {type(given).__name__}."
            raise InvalidParameterError("ModelRegistry.register", [problem])
        content = model_to_bytes(model)
        # The content comes first: whoever sees a version finds its model.
        number = self._store.write_definition(
            _CONTENT, name, {"base64": b64encode(content).decode("ascii")}
        )
        document = {
            "format": _FORMAT,
            "model": type(model).__name__,
            "registered_at": datetime.now(UTC).replace(tzinfo=None).isoformat(),
            "content": number,
            "sha256": sha256(content).hexdigest(),
            "card": None if card is None else card.to_dict(),
        }
        return self._store.write_definition(_MODEL, name, document)

    def load(
        self, name: str, version: SupportsIndex | str | None = None, *, trusted: Iterable[str] = ()
    ) -> Any:
        """Return a model that was registered.

        Parameters
        ----------
        name : str
        version : int or str, optional
            A version, or the name of a stage such as ``'production'``; by default the last
            version.
        trusted : iterable of str, default=()
            As in `load_model`.

        Returns
        -------
        estimator

        Raises
        ------
        InvalidParameterError
            If the name, version or stage is not known.
        InvalidDataError
            If the model is damaged, or as `load_model` says.

        Examples
        --------
        >>> from userportrait.predict import Propensity
        >>> registry = ModelRegistry({})
        >>> registry.register("churn", Propensity(C=0.5))
        1
        >>> registry.load("churn", 1)
        Propensity(C=0.5)
        """
        number, document = self._entry(name, version)
        found = self._store.read_definition(_CONTENT, name, document["content"])
        what = f"{name}, version {number}"
        content = b"" if found is None else b64decode(found["base64"])
        if sha256(content).hexdigest() != document["sha256"]:
            raise InvalidDataError(f"'{what}' is damaged or lost: register it again.")
        return model_from_bytes(content, name=what, trusted=trusted)

    def card(self, name: str, version: SupportsIndex | str | None = None) -> ModelCard | None:
        """Return the card of a version, None where it has none; the model is not read.

        Parameters
        ----------
        name : str
        version : int or str, optional
            As in `load`.

        Returns
        -------
        ModelCard or None
            With its version.

        Raises
        ------
        InvalidParameterError
            If the name, version or stage is not known.

        Examples
        --------
        >>> from userportrait.predict import Propensity
        >>> registry = ModelRegistry({})
        >>> registry.register("churn", Propensity())
        1
        >>> registry.card("churn") is None
        True
        """
        number, document = self._entry(name, version)
        if document["card"] is None:
            return None
        return replace(ModelCard.from_dict(document["card"]), version=number)

    def names(self) -> list[str]:
        """Return the names that have versions, sorted.

        Examples
        --------
        >>> ModelRegistry({}).names()
        []
        """
        return sorted(self._store.list_definitions(_MODEL))

    def versions(self, name: str) -> list[int]:
        """Return the versions of a name, ascending; none for an unknown name.

        Examples
        --------
        >>> ModelRegistry({}).versions("churn")
        []
        """
        return list(self._store.list_definitions(_MODEL).get(name, []))

    def promote(self, name: str, version: SupportsIndex, *, stage: str = "production") -> None:
        """Give a version a stage, which another version may have had before.

        Parameters
        ----------
        name : str
        version : int
        stage : str, default='production'
            1 to 32 small letters, digits, ``-`` and ``_``, a letter first.

        Raises
        ------
        InvalidParameterError
            If the name or version is not known, the version no integer, or the stage no such
            text.

        Examples
        --------
        >>> from userportrait.predict import Propensity
        >>> registry = ModelRegistry({})
        >>> for C in (0.5, 1.0):
        ...     _ = registry.register("churn", Propensity(C=C))
        >>> registry.promote("churn", 1)
        >>> registry.load("churn", "production"), registry.stages("churn")
        (Propensity(C=0.5), {'production': 1})
        """
        _check_version(version, "promote", _stage_problems(stage))
        number, _ = self._entry(name, version)
        self._store.write_definition(_STAGE, f"{stage}:{name}", {"version": number})

    def stages(self, name: str) -> dict[str, int]:
        """Return the version of each stage of a name.

        Examples
        --------
        >>> ModelRegistry({}).stages("churn")
        {}
        """
        found: dict[str, int] = {}
        for key in sorted(self._store.list_definitions(_STAGE)):
            stage, _, owner = key.partition(":")
            document = self._store.read_definition(_STAGE, key) if owner == name else None
            if document is not None:
                found[stage] = int(document["version"])
        return found

    def delete(self, name: str, version: SupportsIndex) -> None:
        """Remove a version and its model; its number is not given again.

        Raises
        ------
        InvalidParameterError
            If it is no integer, not known, or has a stage.

        Examples
        --------
        >>> from userportrait.predict import Propensity
        >>> registry = ModelRegistry({})
        >>> registry.register("churn", Propensity())
        1
        >>> registry.delete("churn", 1)
        >>> registry.versions("churn"), registry.register("churn", Propensity())
        ([], 2)
        """
        _check_version(version, "delete")
        number, document = self._entry(name, version)
        held = [stage for stage, at in self.stages(name).items() if at == number]
        if held:
            problem = f"version {number} of '{name}' is in {held[0]}. Promote another one first."
            raise InvalidParameterError("ModelRegistry.delete", [problem])
        self._store.delete_definition(_MODEL, name, number)
        self._store.delete_definition(_CONTENT, name, document["content"])

    def compare(self, name: str) -> pd.DataFrame:
        """Return the versions of a name side by side.

        Parameters
        ----------
        name : str

        Returns
        -------
        DataFrame
            One row a version, ascending: ``version``, ``stages`` (texts joined by a comma),
            ``model``, ``registered_at``; from the cards ``trained_at``, ``data_from``,
            ``data_to``, ``n_rows``, ``outcome_rate``; then one column for each number among
            the scores of any card. What a card does not say is missing.

        Raises
        ------
        InvalidParameterError
            If the name is not known.

        Examples
        --------
        >>> import pandas as pd
        >>> from userportrait.predict import Propensity, evaluate_classifier, model_card
        >>> X = pd.DataFrame({"plan": ["basic", "gold"] * 60, "visits": [1, 2, 3, 4, 5] * 24})
        >>> y = [0, 1, 0, 1, 0, 0, 1, 1, 0, 1, 1, 0] * 10
        >>> registry = ModelRegistry({})
        >>> for columns in (["visits"], ["plan", "visits"]):
        ...     model = Propensity().fit(X[columns], y)
        ...     scores = evaluate_classifier(model, X[columns], y)
        ...     card = model_card(model, X[columns], y, scores=scores)
        ...     _ = registry.register("offer", model, card=card)
        >>> registry.compare("offer")[["version", "n_rows", "auc"]].round(3)
           version  n_rows    auc
        0        1     120  0.500
        1        2     120  0.667
        """
        self._entry(name, None)
        by_version: dict[int, list[str]] = {}
        for stage, number in self.stages(name).items():
            by_version.setdefault(number, []).append(stage)
        rows: list[dict[str, Any]] = []
        for number in self.versions(name):
            document = self._store.read_definition(_MODEL, name, number)
            if document is not None:  # another process may have deleted it just now
                stages = ", ".join(by_version.get(number, []))
                rows.append(_compared(number, stages, document))
        return pd.DataFrame(rows)

    def __repr__(self) -> str:
        return f"ModelRegistry({self._store!r})"

    def _repr_html_(self) -> str:
        listed = self._store.list_definitions(_MODEL)
        rows = [
            (name, ", ".join(map(str, numbers)), _told(self.stages(name)))
            for name, numbers in sorted(listed.items())
        ]
        return page_fragment("ModelRegistry", table(("name", "versions", "stages"), rows))

    def _entry(
        self, name: str, version: SupportsIndex | str | None
    ) -> tuple[int, Mapping[str, Any]]:
        """Return the number of a version and its document."""
        versions = self.versions(name)
        if not versions:
            problem = unknown_name("model", str(name), self.names())
            raise InvalidParameterError("ModelRegistry", [problem])
        if isinstance(version, str):
            stages = self.stages(name)
            if version not in stages:
                problem = unknown_name("stage", version, stages)
                raise InvalidParameterError("ModelRegistry", [problem])
            version = stages[version]
        number = versions[-1] if version is None else _whole(version)
        document = None
        if number is not None and number in versions:
            document = self._store.read_definition(_MODEL, name, number)
        if number is None or document is None:
            known = ", ".join(map(str, versions))
            problem = f"{version!r} is not a known version of '{name}'. Known: {known}."
            raise InvalidParameterError("ModelRegistry", [problem])
        if document.get("format") != _FORMAT:
            message = f"'{name}', version {number}, is of a newer userportrait. Update it."
            raise InvalidDataError(message)
        return number, document


def _check_name(name: Any, method: str) -> None:
    if isinstance(name, str) and 1 <= len(name) <= _LONGEST_NAME:
        return
    given = f"one of {len(name)} characters" if isinstance(name, str) else f"{name!r}"
    problem = f"name must be a text of 1 to {_LONGEST_NAME} characters; got {given}."
    raise InvalidParameterError(f"ModelRegistry.{method}", [problem])


def _whole(version: Any) -> int | None:
    """Return an integer of any kind as one of Python's; None where it is none."""
    try:
        return None if isinstance(version, (bool, np.bool_)) else operator.index(version)
    except TypeError:
        return None


def _stage_problems(stage: Any) -> list[str]:
    if isinstance(stage, str) and _STAGE_NAME.match(stage):
        return []
    return [f"stage must be 1 to 32 small letters, digits, - and _; got {stage!r}."]


def _check_version(version: Any, method: str, problems: Sequence[str] = ()) -> None:
    found = list(problems)
    if _whole(version) is None:
        found.append(f"version must be an integer; got {version!r}.")
    if found:
        raise InvalidParameterError(f"ModelRegistry.{method}", found)


def _compared(number: int, stages: str, document: Mapping[str, Any]) -> dict[str, Any]:
    card = None if document["card"] is None else ModelCard.from_dict(document["card"])
    row = {
        "version": number, "stages": stages, "model": document["model"],
        "registered_at": pd.Timestamp(document["registered_at"]),
        "trained_at": pd.NaT if card is None else pd.Timestamp(card.trained_at),
        "data_from": None if card is None else card.data_from,
        "data_to": None if card is None else card.data_to,
        "n_rows": None if card is None else card.n_rows,
        "outcome_rate": None if card is None else card.outcome_rate,
    }  # fmt: skip
    scores = {} if card is None else card.scores
    numbers = {
        key: value
        for key, value in scores.items()
        if isinstance(value, (int, float)) and not isinstance(value, bool) and key not in row
    }
    return row | numbers


def _told(stages: Mapping[str, int]) -> str:
    return ", ".join(f"{stage}: {number}" for stage, number in stages.items())
