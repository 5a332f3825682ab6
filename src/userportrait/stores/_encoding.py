"""What may be kept: customer IDs, tag values and builds, checked and written as JSON."""

from __future__ import annotations

import json
import sys
from math import isfinite, isnan
from typing import TYPE_CHECKING, Any

from userportrait.errors import ColumnTypeError, InvalidDataError, StoreError
from userportrait.typing import Build

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from userportrait.typing import CustomerId, TagValue

__all__ = [
    "can_be_kept",
    "check_customer_id",
    "check_profiles",
    "decode_build",
    "decode_profile",
    "duplicate_customer",
    "encode_build",
    "encode_profile",
    "encoded_profiles",
    "look_up_id",
    "plain_profile",
]

_INT64 = 2**63
_SCALARS = frozenset({bool, int, float, str, type(None)})
_TEXT = frozenset({str})
_KINDS = "a bool, an int, a finite float, a text or None"

_encode = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode
_encode_ascii = json.JSONEncoder(allow_nan=False, separators=(",", ":")).encode
_decode = json.JSONDecoder().raw_decode


def check_profiles(
    profiles: Iterable[tuple[CustomerId, Mapping[str, TagValue]]],
) -> Iterator[tuple[CustomerId, dict[str, TagValue]]]:
    """Yield profiles that are safe to keep: checked, plain and copied.

    A store of your own gets most of its promises from this one call.

    Parameters
    ----------
    profiles : iterable of (customer_id, tags)
        What `ProfileStore.replace_profiles` was given. Tags are a mapping of names to
        values; None is 'unknown'. The iterable is read once, lazily.

    Yields
    ------
    customer_id : int or str
        NumPy integers and texts are converted to plain ones.
    tags : dict of str to bool, int, float, str or None
        A fresh dict; NumPy scalars are converted to plain values.

    Raises
    ------
    InvalidDataError
        If a customer comes twice (1 and "1" are two customers), a value is NaN or
        infinite, or an integer ID does not fit 64 bits. `rows` holds the position.
    ColumnTypeError
        If an ID is neither integer nor text, a tag's name is not a text, or a value is
        of another type: a date, a Decimal, a list. It is an `InvalidDataError` too.

    Examples
    --------
    >>> list(check_profiles([(17850, {"n_orders": 34, "country": "United Kingdom"})]))
    [(17850, {'n_orders': 34, 'country': 'United Kingdom'})]
    >>> list(check_profiles([(1, {"m": float("nan")})]))
    Traceback (most recent call last):
        ...
    userportrait.errors.InvalidDataError: tag 'm' is NaN; use None for 'unknown'. Rows (from 0): 0.
    """
    seen: set[CustomerId] = set()
    for position, (given, profile) in enumerate(profiles):
        try:
            customer_id, tags = check_customer_id(given), plain_profile(profile)
        except InvalidDataError as error:
            error.rows, error.n_rows = (position,), 1
            raise
        if customer_id in seen:
            raise duplicate_customer(position)
        seen.add(customer_id)
        yield customer_id, tags


def encoded_profiles(
    profiles: Iterable[tuple[CustomerId, Any]], encode: Callable[[Any], str]
) -> Iterator[tuple[CustomerId, str]]:
    """Yield checked IDs with profiles as JSON; duplicates are the caller's matter."""
    for position, (customer_id, profile) in enumerate(profiles):
        try:
            yield check_customer_id(customer_id), encode(profile)
        except InvalidDataError as error:
            error.rows, error.n_rows = (position,), 1
            raise


def duplicate_customer(position: int) -> InvalidDataError:
    """Return the error for a customer who comes twice; the ID is not printed."""
    return InvalidDataError(
        "a customer comes twice: one build has one profile for each customer_id. "
        "Merge or drop the repeated one.",
        column="customer_id",
        rows=(position,),
    )


def look_up_id(customer_id: Any) -> CustomerId:
    """Return an ID as plain int or str; raise if it is of another type."""
    if isinstance(customer_id, str):
        return customer_id if type(customer_id) is str else str.__str__(customer_id)
    if isinstance(customer_id, int) and not isinstance(customer_id, bool):
        return int(customer_id)
    numpy = sys.modules.get("numpy")
    if numpy is not None and isinstance(customer_id, numpy.integer):
        return int(customer_id)
    raise ColumnTypeError(
        "customer_id must be an integer or a text, the same one everywhere; "
        f"got {type(customer_id).__name__}.",
        column="customer_id",
    )


def can_be_kept(customer_id: CustomerId) -> bool:
    """Say whether a store could hold this ID at all."""
    if isinstance(customer_id, int):
        return -_INT64 <= customer_id < _INT64
    return customer_id.isascii() or _is_unicode(customer_id)


def check_customer_id(customer_id: Any) -> CustomerId:
    """Return an ID as plain int or str; raise if it cannot be kept."""
    plain = look_up_id(customer_id)
    if not can_be_kept(plain):
        what = (
            "an integer customer_id must fit 64 bits. Give it as text."
            if isinstance(plain, int)
            else "a text customer_id holds half a character (a lone surrogate). "
            "Decode the file with its right encoding."
        )
        raise InvalidDataError(what, column="customer_id")
    return plain


def plain_profile(profile: Mapping[str, Any]) -> dict[str, TagValue]:
    """Return a copy of one customer's tags with plain names and values."""
    return {_plain_name(tag): _plain_value(tag, value) for tag, value in profile.items()}


def encode_profile(profile: Mapping[str, Any]) -> str:
    """Write one customer's tags as compact JSON."""
    tags = profile if _is_usual(profile) else plain_profile(profile)
    try:
        text = _encode(tags)
        return text if text.isascii() or _is_unicode(text) else _encode_ascii(tags)
    except ValueError as error:
        plain_profile(tags)  # names the tag that is NaN or infinite
        message = "a tag holds an integer of too many digits; keep it as text."
        raise InvalidDataError(message) from error


def decode_profile(text: str) -> dict[str, TagValue]:
    """Read what `encode_profile` wrote."""
    try:
        tags: dict[str, TagValue] = _decode(text)[0]
    except ValueError as error:
        message = "a kept profile is not JSON: the store was damaged or written by other hands."
        raise StoreError(message) from error
    return tags


def encode_build(build: Build) -> str:
    """Write a build as JSON."""
    try:
        return _encode_ascii(build.to_dict())
    except (TypeError, ValueError) as error:
        message = f"the build's facts cannot be written as JSON: {error}."
        raise InvalidDataError(message, column="facts") from error


def decode_build(text: str | bytes) -> Build:
    """Read what `encode_build` wrote."""
    try:
        return Build.from_dict(json.loads(text))
    except (ValueError, KeyError, TypeError) as error:
        message = "the kept build is not readable: the store was damaged or written by other hands."
        raise StoreError(message) from error


def _is_usual(profile: Mapping[str, Any]) -> bool:
    # Types are tested in C: a profile of 30 plain values costs about a microsecond.
    return (
        _SCALARS.issuperset(map(type, profile.values()))
        and _TEXT.issuperset(map(type, profile))
        and type(profile) is dict
    )


def _plain_name(tag: object) -> str:
    if isinstance(tag, str):
        return tag if type(tag) is str else str.__str__(tag)
    message = f"a tag's name must be a text; got {type(tag).__name__}."
    raise ColumnTypeError(message)


def _plain_value(tag: object, value: Any) -> TagValue:
    if type(value) in _SCALARS and type(value) is not float:
        plain: TagValue = value
        return plain
    if isinstance(value, float):
        if isfinite(value):
            return float(value)
        what = "NaN; use None for 'unknown'" if isnan(value) else "infinite; numbers are finite"
        raise InvalidDataError(f"tag '{tag}' is {what}.", column=str(tag))
    if isinstance(value, str):
        return str.__str__(value)
    if isinstance(value, int):
        return int(value)
    numpy = sys.modules.get("numpy")
    if numpy is not None and isinstance(value, numpy.generic):
        item: Any = value.item()
        if type(item) in _SCALARS:
            return _plain_value(tag, item)
    raise ColumnTypeError(
        f"tag '{tag}': {type(value).__name__} is not a tag value. Use {_KINDS}.{_hint(value)}",
        column=str(tag),
    )


def _hint(value: Any) -> str:
    if type(value).__name__ in {"NAType", "NaTType"}:
        return " Use None for 'unknown'."
    if type(value).__name__ in {"date", "datetime", "Timestamp", "datetime64"}:
        return " A date is text, such as '2026-01-31'."
    if type(value).__name__ in {"Decimal", "Fraction"}:
        return " Convert it with float()."
    return ""


def _is_unicode(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
