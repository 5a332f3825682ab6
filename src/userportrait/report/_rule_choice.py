"""Which rules are shown, strongest first, and what their items are called."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from userportrait._core import frames
from userportrait.errors import InvalidDataError, InvalidParameterError
from userportrait.report._svg import text_width

if TYPE_CHECKING:
    from collections.abc import Iterable

    from userportrait.patterns import Rules
    from userportrait.report._figures import Floats

__all__ = [
    "STRENGTH",
    "ChosenRules",
    "RuleLine",
    "check_labels",
    "check_rules",
    "choose_rules",
    "item_names",
    "shorten",
]

STRENGTH = "odds_ratio_low"
"""What makes a rule strong unless the caller names another measure."""

Side = tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class RuleLine:
    """One rule, with the figures that pages and plots show."""

    antecedent: Side
    consequent: Side
    count: int
    support: float
    confidence: float
    lift: float

    @property
    def usual(self) -> float:
        """The consequent's share of all baskets."""
        return self.confidence / self.lift

    @property
    def items(self) -> Side:
        """The items of both sides, the antecedent's first."""
        return (*self.antecedent, *self.consequent)


@dataclass(frozen=True, slots=True)
class ChosenRules:
    """The rules to show, strongest first, and how many there were."""

    lines: tuple[RuleLine, ...]
    n_all: int
    by: str
    stopped: str | None

    def without_mirrored(self) -> list[RuleLine]:
        """Return one rule of each pair of sides: the one that stands first."""
        found: dict[frozenset[Side], RuleLine] = {}
        for line in self.lines:
            found.setdefault(frozenset((line.antecedent, line.consequent)), line)
        return list(found.values())

    def items(self) -> list[Any]:
        """Return every item, those of the strongest rules first."""
        return list(dict.fromkeys(item for line in self.lines for item in line.items))


def check_rules(given: object, owner: str) -> None:
    """Raise unless these are rules: itemsets and frames are not."""
    from userportrait.patterns import Rules

    if isinstance(given, Rules):
        return
    problem = (
        f"rules must be what derive_rules returns; got {type(given).__name__}. "
        f"Make them first: derive_rules(mine_itemsets(baskets, min_support=...))."
    )
    raise InvalidParameterError(owner, [problem])


def choose_rules(rules: Rules, *, by: str, most: int, owner: str) -> ChosenRules:
    """Return the strongest rules.

    Parameters
    ----------
    rules : Rules
    by : str
        The measure, greatest first; NaN is last. Ties: the higher confidence, then more
        baskets, then the order of the rules.
    most : int
        How many.
    owner : str
        The plot's name, for the message.

    Raises
    ------
    InvalidParameterError
        If there is no such measure.
    InvalidDataError
        If there are no rules.
    """
    check_rules(rules, owner)
    if not len(rules):
        message = (
            f"{owner}: there are no rules to draw. Lower min_support or min_confidence, or raise "
            f"the alpha of significant()."
        )
        raise InvalidDataError(message)
    values = _strength(rules, by)
    return ChosenRules(
        tuple(_lines(rules, _strongest(rules, values, most))), len(rules), by, rules.stopped
    )


def _strength(rules: Rules, by: str) -> Floats:
    if by == STRENGTH and by not in rules.columns:
        rules = rules.test("chi2", adjust=None)  # adds the odds ratio's interval
    return np.nan_to_num(rules.measure(by), nan=-np.inf, posinf=np.inf, neginf=-np.inf)


def _strongest(rules: Rules, values: Floats, most: int) -> list[int]:
    rows = np.arange(len(values))
    if len(values) > most:  # only ties of the last one are sorted beside those above it
        rows = np.flatnonzero(values >= np.partition(values, -most)[-most])
    tables = rules.tables
    confidence = tables.both[rows] / tables.left[rows]
    order = np.lexsort((rows, -tables.both[rows], -confidence, -values[rows]))
    return [int(row) for row in rows[order[:most]]]


def _lines(rules: Rules, rows: list[int]) -> Iterable[RuleLine]:
    names = ["count", "support", "confidence", "lift"]
    frame = rules.take(rows).to_frame(names)
    columns = (frame[name].tolist() for name in ("antecedent", "consequent", *names))
    return (RuleLine(*row) for row in zip(*columns, strict=True))


def item_names(
    items: Iterable[Any], labels: object, *, owner: str, parameter: str = "labels"
) -> dict[Any, str]:
    """Return what to call each item: its label, else its ID; no two are called the same.

    Parameters
    ----------
    items : iterable
        The items.
    labels : mapping of item to name, Items with a column `name`, or None
    owner, parameter : str
        What took the labels and what it calls them, for the message.
    """
    wanted = list(items)
    check_labels(labels, owner=owner, parameter=parameter)
    known = _label_table(labels, wanted)
    found = {item: " ".join(str(known.get(item, item)).split()) or str(item) for item in wanted}
    often = Counter(found.values())
    return {
        item: f"{name} ({item})" if often[name] > 1 and name != str(item) else name
        for item, name in found.items()
    }


def check_labels(labels: object, *, owner: str, parameter: str = "labels") -> None:
    """Raise unless these can name items."""
    from userportrait.data import Items

    if labels is None or isinstance(labels, (Items, Mapping)):
        return
    problem = (
        f"{parameter} must be a mapping of item to name, an Items table or None; got "
        f"{type(labels).__name__}."
    )
    raise InvalidParameterError(owner, [problem])


def _label_table(labels: Any, wanted: list[Any]) -> Mapping[Any, Any]:
    from userportrait.data import Items

    if labels is None:
        return {}
    if isinstance(labels, Items):
        if "name" not in labels.columns:
            return {}
        found = frames.collect_arrays(frames.enter(labels.frame), ["item_id", "name"])
        pairs: Iterable[tuple[Any, Any]] = zip(
            found["item_id"].tolist(), found["name"].tolist(), strict=True
        )
    else:
        pairs = ((item, labels[item]) for item in wanted if item in labels)
    return {item: name for item, name in pairs if name is not None and name == name}


def shorten(name: str, width: float) -> str:
    """Return a name that is at most so many Latin letters wide, its end replaced by an ellipsis."""
    if text_width(name, 1.0) <= width * 0.64:
        return name
    kept = name
    while kept and text_width(f"{kept}…", 1.0) > width * 0.64:
        kept = kept[:-1]
    return f"{kept.rstrip(' ,.-(')}…"
