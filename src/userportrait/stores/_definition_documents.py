"""What a definition may be: a JSON object under a kind and a name."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any

from userportrait.errors import InvalidDataError, InvalidParameterError

__all__ = ["check_names", "check_version", "decode_document", "encode_document"]

_LONGEST = 200
_DEEPEST = 100


def encode_document(document: Mapping[str, Any]) -> str:
    """Return a document as JSON text, checked.

    Parameters
    ----------
    document : mapping of str to JSON value
        None, truths, integers, finite numbers, texts, and lists and mappings of them. A tuple
        counts as a list.

    Returns
    -------
    str
        ASCII, on one line.

    Raises
    ------
    InvalidDataError
        If the document is no mapping, a key is no text, a number is NaN or infinite, a value
        is of another type, or it is nested more than 100 deep. The message says where.

    See Also
    --------
    userportrait.typing.DefinitionStore : Where documents are kept.

    Examples
    --------
    >>> encode_document({"label": "Loyal", "limits": [3, 0.5], "active": True})
    '{"label":"Loyal","limits":[3,0.5],"active":true}'
    """
    given: Any = document
    if not isinstance(given, Mapping):
        message = f"a document must be a mapping of texts to values; got {_kind(given)}."
        raise InvalidDataError(message)
    plain = _plain(document, "", 0)
    try:
        return json.dumps(plain, separators=(",", ":"), allow_nan=False)
    except ValueError as error:
        raise InvalidDataError("a document holds an integer of too many digits.") from error


def decode_document(text: str) -> dict[str, Any]:
    """Return the document that `encode_document` wrote."""
    found: dict[str, Any] = json.loads(text)
    return found


def check_names(owner: str, **names: object) -> None:
    """Raise one `InvalidParameterError` unless each is a text of 1 to 200 characters."""
    problems: list[str] = []
    for what, name in names.items():
        if not isinstance(name, str):
            problems.append(f"{what} must be a text; got {_kind(name)}.")
        elif not 1 <= len(name) <= _LONGEST:
            problems.append(f"{what} must have 1 to {_LONGEST} characters; got {len(name)}.")
        elif any("\ud800" <= letter <= "\udfff" for letter in name):
            problems.append(f"{what} holds half a character (a lone surrogate).")
    if problems:
        raise InvalidParameterError(owner, problems)


def check_version(owner: str, version: Any) -> None:
    """Raise `InvalidParameterError` unless a version is None or an integer from 1."""
    is_number = isinstance(version, int) and not isinstance(version, bool)
    if version is None or (is_number and 1 <= version < 2**63):
        return
    raise InvalidParameterError(owner, [f"version must be an integer from 1; got {version!r}."])


def _plain(value: Any, place: str, depth: int) -> Any:
    """Return a value of JSON's types, or say where it is none."""
    if value is None or isinstance(value, bool):
        return value
    for kind in (int, str):
        if isinstance(value, kind):
            return kind(value)
    if isinstance(value, float) and math.isfinite(value):
        return float(value)
    where = f" at '{place[1:]}'" if place else ""
    if depth > _DEEPEST:
        raise InvalidDataError(f"a document must not be nested more than {_DEEPEST} deep{where}.")
    if isinstance(value, Mapping):
        return {_key(k, where): _plain(v, f"{place}.{k}", depth + 1) for k, v in _items(value)}
    if isinstance(value, (list, tuple)):
        return [_plain(v, f"{place}.{at}", depth + 1) for at, v in _places(value)]
    given = repr(float(value)) if isinstance(value, float) else _kind(value)
    message = (
        f"a document holds texts, finite numbers, truths, None, lists and mappings; got "
        f"{given}{where}."
    )
    raise InvalidDataError(message)


def _items(value: Any) -> list[tuple[Any, Any]]:
    return list(value.items())


def _places(value: Any) -> list[tuple[int, Any]]:
    found: list[Any] = list(value)
    return list(enumerate(found))


def _key(key: object, where: str) -> str:
    if isinstance(key, str):
        return str(key)
    raise InvalidDataError(f"a document's keys must be texts; got {_kind(key)}{where}.")


def _kind(value: object) -> str:
    return "None" if value is None else f"a value of type {type(value).__name__}"
