"""Who gets which variant: by a hash of the customer and the experiment, the same for ever."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from hashlib import sha256
from numbers import Integral
from typing import TYPE_CHECKING, Any, TypeAlias, cast, overload

import numpy as np
import pandas as pd

from userportrait._core.params import Between, InstanceOf, Optional, check_values
from userportrait.errors import ColumnTypeError, InvalidDataError, InvalidParameterError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from userportrait._core.params import Rule
    from userportrait.typing import CustomerId

    Floats: TypeAlias = NDArray[np.float64]

__all__ = ["Layer", "assign"]

HOLDOUT = "holdout"
_RESERVED = ("holdout/", "layer/")
_HALVES = {"A": 0.5, "B": 0.5}


@dataclass(frozen=True, slots=True)
class Layer:
    """A part of the customers that one experiment has to itself.

    Experiments of one layer with parts that do not overlap never share a customer; those of
    different layers are independent.

    Parameters
    ----------
    name : str
        Of the layer, such as the page that its experiments change.
    start, end : float, default=0.0 and 1.0
        The part, within [0, 1): customers from `start` on and below `end`.

    Examples
    --------
    >>> from userportrait.experiment import Layer, assign
    >>> ids = range(10_000)
    >>> prices = assign(ids, "prices", layer=Layer("checkout", 0.0, 0.3))
    >>> badges = assign(ids, "badges", layer=Layer("checkout", 0.3, 1.0))
    >>> any(a is not None and b is not None for a, b in zip(prices, badges))
    False
    """

    name: str
    start: float = 0.0
    end: float = 1.0

    def __post_init__(self) -> None:
        rules: dict[str, Rule] = {
            "name": InstanceOf((str,), "a text"),
            "start": Between(0.0, 1.0, open_high=True),
            "end": Between(0.0, 1.0, open_low=True),
        }
        check_values("Layer", {name: getattr(self, name) for name in rules}, rules)
        if self.start >= self.end:
            problem = f"start must be below end; got {self.start:g} and {self.end:g}."
            raise InvalidParameterError("Layer", [problem])


@overload
def assign(  # type: ignore[overload-overlap]
    customer_id: CustomerId,
    salt: str,
    *,
    shares: Mapping[str, float] = ...,
    holdout: float = ...,
    holdout_salt: str | None = ...,
    layer: Layer | None = ...,
    strata: None = ...,
) -> str | None: ...
@overload
def assign(
    customer_id: Iterable[CustomerId],
    salt: str,
    *,
    shares: Mapping[str, float] = ...,
    holdout: float = ...,
    holdout_salt: str | None = ...,
    layer: Layer | None = ...,
    strata: Iterable[Any] | None = ...,
) -> NDArray[np.object_]: ...
def assign(
    customer_id: CustomerId | Iterable[CustomerId],
    salt: str,
    *,
    shares: Mapping[str, float] = _HALVES,
    holdout: float = 0.0,
    holdout_salt: str | None = None,
    layer: Layer | None = None,
    strata: Iterable[Any] | None = None,
) -> str | NDArray[np.object_] | None:
    """Assign customers to variants by a hash; no list has to be kept.

    Parameters
    ----------
    customer_id : int, str, or array of them
        The integer 1 and the text ``'1'`` are the same customer; ``'01'`` is another one.
        Texts are taken as they are: upper and lower case differ.
    salt : str
        Name of the experiment. Another salt gives an independent assignment, so never use one
        twice.
    shares : mapping of str to float, default={'A': 0.5, 'B': 0.5}
        Share of each variant, above 0, together 1. The order counts: a variant at either end
        of it keeps its customers while its share grows.
    holdout : float, default=0.0
        Share of customers kept out of the variants, in [0, 1); their label is ``'holdout'``.
    holdout_salt : str, optional
        Give several experiments the same one to hold out the same customers from all of them.
        By default each experiment has a hold-out of its own.
    layer : Layer, optional
        The part of the customers that may take part; the others get None.
    strata : array, optional
        A label for each customer, known before the experiment, such as the country. Shares
        are then met in each stratum as exactly as whole customers allow. This needs all
        customers at once: keep the result, since another list of customers gives another one.

    Returns
    -------
    str, None, or ndarray of object
        The variant, of each customer in the order given.

    Raises
    ------
    InvalidDataError
        If an ID is missing, neither an integer nor a text, or in two strata.
    InvalidParameterError
        If shares do not add up to 1, or another parameter cannot be used.

    Notes
    -----
    The customer's place is the number that the first 13 hexadecimal digits of
    SHA-256(``salt + ":" + customer_id``), in UTF-8, make, divided by 16 ** 13; variants take
    parts of [0, 1) in their order. This will not change, and any database or language can do
    it too. Hold-out and layer have places of their own, with ``"holdout/" + holdout_salt`` (or
    the salt) and ``"layer/" + name`` instead of the salt. Within a stratum customers are cut
    in the order of their places. [1]_

    References
    ----------
    .. [1] Tang, Agarwal, O'Brien and Meyer (2010), "Overlapping experiment infrastructure:
       more, better, faster experimentation", KDD.

    Examples
    --------
    >>> from userportrait.experiment import assign
    >>> assign("ann", "free-shipping")
    'A'
    >>> assign(["ann", "bo", "cy"], "badge-colours", holdout=0.2).tolist()
    ['A', 'A', 'holdout']
    >>> assign([7, "7"], "new-gate").tolist()
    ['B', 'B']
    """
    is_one = isinstance(customer_id, str | Integral)
    names, limits = _check(salt, shares, holdout, holdout_salt, layer)
    texts = _texts([customer_id] if is_one else customer_id)
    if strata is None:
        chosen = np.searchsorted(limits, _places(texts, salt), side="right")
    elif is_one:
        problem = "strata need all customers at once; one customer was given."
        raise InvalidParameterError("assign", [problem])
    else:
        taken = _takes_part(texts, salt, holdout, holdout_salt, layer)
        chosen = _stratified(texts, salt, strata, taken, limits)
    found = np.array([*names, None], dtype=object)[chosen]
    if holdout:
        found[_is_held_out(texts, salt, holdout, holdout_salt)] = HOLDOUT
    if layer is not None:
        found[~_is_inside(texts, layer)] = None
    return cast("str | None", found[0]) if is_one else found


def _check(
    salt: object, shares: object, holdout: object, holdout_salt: object, layer: object
) -> tuple[list[str], Floats]:
    """Return the variants and the inner limits of their parts of [0, 1)."""
    values = {"salt": salt, "holdout": holdout, "holdout_salt": holdout_salt, "layer": layer,
              "shares": shares}  # fmt: skip
    rules: dict[str, Rule] = {
        "salt": InstanceOf((str,), "a text"),
        "holdout": Between(0.0, 1.0, open_high=True),
        "holdout_salt": Optional(InstanceOf((str,), "a text or None")),
        "layer": Optional(InstanceOf((Layer,), "a Layer or None")),
        "shares": InstanceOf((Mapping,), "a mapping of variant to share"),
    }
    check_values("assign", values, rules)
    problems: list[str] = []
    if not salt or str(salt).startswith(_RESERVED):
        problems.append(f"salt must be a text that does not start with {' or '.join(_RESERVED)}.")
    given = cast("Mapping[str, float]", shares)
    rule = Between(0.0, 1.0, open_low=True)
    found = [rule.problem(f"shares['{name}']", value) for name, value in given.items()]
    problems += [problem for problem in found if problem is not None]
    if HOLDOUT in given:
        problems.append("shares must not name a variant 'holdout'; use holdout=.")
    if not problems and abs(math.fsum(given.values()) - 1.0) > 1e-9:
        problems.append(f"shares must add up to 1; got {math.fsum(given.values()):.12g}.")
    if problems:
        raise InvalidParameterError("assign", problems)
    return list(given), np.cumsum(list(given.values()))[:-1]


def _texts(customer_id: Any) -> list[bytes]:
    """Return each ID as the bytes that are hashed."""
    values: Any = customer_id
    if isinstance(customer_id, Mapping | bytes) or not isinstance(customer_id, Iterable):
        kind = type(cast("object", customer_id)).__name__
        raise ColumnTypeError(f"customer_id must be one ID or an array of IDs; got {kind}.")
    for method in ("to_numpy", "to_pylist", "tolist"):
        if method == "to_numpy" and getattr(getattr(values, "dtype", None), "kind", "") not in "iu":
            continue
        if hasattr(values, method):
            values = getattr(values, method)()
    items: list[Any] = list(values)
    if all(type(item) is str for item in items):
        return [item.encode() for item in items]
    if all(type(item) is int for item in items):
        return [b"%d" % item for item in items]
    return _mixed_texts(items)


def _mixed_texts(items: list[Any]) -> list[bytes]:
    rows = [row for row, item in enumerate(items) if not _is_id(item)]
    if rows:
        kind = type(items[rows[0]]).__name__
        raise InvalidDataError(
            f"customer_id must be integers or texts; the first that is not is of type {kind}. "
            "Integers with gaps become floats in pandas: drop missing IDs, then "
            "astype('int64').",
            column="customer_id",
            rows=rows[:5],
            n_rows=len(rows),
        )
    return [str(item if isinstance(item, str) else int(item)).encode() for item in items]


def _is_id(item: object) -> bool:
    return isinstance(item, str) or (not isinstance(item, bool) and isinstance(item, Integral))


def _heads(texts: list[bytes], salt: str, size: int = 8) -> NDArray[np.uint64]:
    """Return the first bytes of each customer's hash as whole numbers, eight bytes each."""
    prefix = f"{salt}:".encode()
    heads = b"".join([sha256(prefix + text).digest()[:size] for text in texts])
    return np.frombuffer(heads, dtype=">u8").astype(np.uint64).reshape(len(texts), size // 8)


def _places(texts: list[bytes], salt: str) -> Floats:
    """Return each customer's place in [0, 1)."""
    places: Floats = (_heads(texts, salt)[:, 0] >> np.uint64(12)).astype(np.float64) / 2.0**52
    return places


def _is_held_out(
    texts: list[bytes], salt: str, holdout: float, holdout_salt: str | None
) -> NDArray[np.bool_]:
    return _places(texts, f"holdout/{holdout_salt or salt}") < holdout


def _is_inside(texts: list[bytes], layer: Layer) -> NDArray[np.bool_]:
    places = _places(texts, f"layer/{layer.name}")
    return (places >= layer.start) & (places < layer.end)


def _takes_part(
    texts: list[bytes], salt: str, holdout: float, holdout_salt: str | None, layer: Layer | None
) -> NDArray[np.bool_]:
    taken = np.ones(len(texts), dtype=np.bool_)
    if holdout:
        taken &= ~_is_held_out(texts, salt, holdout, holdout_salt)
    if layer is not None:
        taken &= _is_inside(texts, layer)
    return taken


def _stratified(
    texts: list[bytes],
    salt: str,
    strata: Iterable[Any],
    taken: NDArray[np.bool_],
    limits: Floats,
) -> NDArray[np.intp]:
    """Return the number of each customer's variant; one past the last for who takes no part."""
    labels = [str(label) for label in strata]
    n, outside = len(texts), len(limits) + 1
    if len(labels) != n:
        problem = f"strata must have one label for each of {n} customers; got {len(labels)}."
        raise InvalidParameterError("assign", [problem])
    customers, unique = pd.factorize(np.array(texts, dtype=object))
    codes, names = pd.factorize(np.array(labels, dtype=object))
    first = np.full(len(unique), n, dtype=np.intp)
    np.minimum.at(first, customers, np.arange(n))
    moved = np.flatnonzero(codes != codes[first[customers]])
    if len(moved):
        raise InvalidDataError(
            "a customer is in two strata.",
            column="customer_id",
            rows=moved[:5].tolist(),
            n_rows=len(moved),
        )
    members = first[taken[first]]  # rows, one for each customer who takes part
    heads = _heads([texts[row] for row in members.tolist()], salt, 16)
    home = codes[members]
    order = np.lexsort((heads[:, 1], heads[:, 0], home))  # two keys, so that none are equal
    sizes = np.bincount(home, minlength=len(names))
    begins = np.cumsum(sizes) - sizes
    rank = np.arange(len(order)) - begins[home[order]]
    # A start that differs by stratum, so that rounding favours no variant.
    start = _places([str(name).encode() for name in names], f"{salt}:stratum")
    points = (rank + start[home[order]]) / sizes[home[order]]
    by_customer = np.full(len(unique), outside, dtype=np.intp)
    by_customer[customers[members[order]]] = np.searchsorted(limits, points, side="right")
    found: NDArray[np.intp] = by_customer[customers]
    return found
