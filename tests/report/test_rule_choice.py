"""Which rules are shown, and what items are called."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest

from userportrait.data import Items
from userportrait.errors import InvalidDataError, InvalidParameterError
from userportrait.report._rule_choice import STRENGTH, choose_rules, item_names, shorten

if TYPE_CHECKING:
    from userportrait.patterns import Rules


def test_the_strongest_come_first_whatever_their_number(sold: Rules) -> None:
    frame = sold.test("chi2", adjust=None).to_frame()
    frame["row"] = np.arange(len(frame))
    order = ["odds_ratio_low", "confidence", "count", "row"]
    frame = frame.sort_values(order, ascending=[False, False, False, True])
    pairs = list(zip(frame["antecedent"], frame["consequent"], strict=True))
    for most in (1, 3, len(sold), len(sold) + 7):
        chosen = choose_rules(sold, by=STRENGTH, most=most, owner="plot")
        assert [(line.antecedent, line.consequent) for line in chosen.lines] == pairs[:most]
        assert chosen.n_all == len(sold)


def test_any_measure_may_decide_and_nan_comes_last(sold: Rules) -> None:
    chosen = choose_rules(sold, by="conviction", most=len(sold), owner="plot")
    values = dict(zip(zip(*_sides(sold), strict=True), sold.measure("conviction"), strict=True))
    drawn = np.array([values[line.antecedent, line.consequent] for line in chosen.lines])
    assert (np.diff(np.nan_to_num(drawn, nan=-1.0, posinf=1e300)) <= 0).all()
    with pytest.raises(InvalidParameterError, match="Did you mean 'lift'"):
        choose_rules(sold, by="lfit", most=3, owner="plot")


def _sides(rules: Rules) -> list[list[Any]]:
    frame = rules.to_frame()
    return [frame["antecedent"].tolist(), frame["consequent"].tolist()]


def test_figures_are_those_of_the_rule(sold: Rules) -> None:
    rows = sold.to_frame().to_dict("records")
    known = {(row["antecedent"], row["consequent"]): row for row in rows}
    for line in choose_rules(sold, by=STRENGTH, most=100, owner="plot").lines:
        row = known[line.antecedent, line.consequent]
        for name in ("count", "support", "confidence", "lift"):
            assert getattr(line, name) == row[name]
        assert line.usual == pytest.approx(row["consequent_count"] / sold.n_baskets)


def test_of_a_rule_and_its_reverse_the_first_stays(sold: Rules) -> None:
    chosen = choose_rules(sold, by=STRENGTH, most=100, owner="plot")
    kept = chosen.without_mirrored()
    pairs = [frozenset((line.antecedent, line.consequent)) for line in kept]
    assert len(pairs) == len(set(pairs))
    assert set(pairs) == {frozenset((r.antecedent, r.consequent)) for r in chosen.lines}
    assert kept[0] == chosen.lines[0]


def test_no_rules_and_no_rules_at_all_are_told_apart(sold: Rules) -> None:
    with pytest.raises(InvalidDataError, match="plot: there are no rules to draw"):
        choose_rules(sold.take([]), by=STRENGTH, most=3, owner="plot")
    with pytest.raises(InvalidParameterError, match="what derive_rules returns; got DataFrame"):
        choose_rules(sold.to_frame(), by=STRENGTH, most=3, owner="plot")  # type: ignore[arg-type]


def test_items_are_called_by_their_labels_and_no_two_alike() -> None:
    labels = {"a": "Tea\n pot", "b": "Cup", "c": "Cup", "x": "unused", "d": None, "e": float("nan")}
    assert item_names(["a", "b", "c", "d", "e", "f"], labels, owner="plot") == {
        "a": "Tea pot", "b": "Cup (b)", "c": "Cup (c)", "d": "d", "e": "e", "f": "f",
    }  # fmt: skip


def test_items_tables_and_whole_numbers_will_do() -> None:
    frame = pd.DataFrame({"item_id": [1, 2], "name": ["Tea", None]})
    assert item_names([1, 2, 3], Items(frame), owner="plot") == {1: "Tea", 2: "2", 3: "3"}
    without = Items(frame[["item_id"]])
    assert item_names([1], without, owner="plot") == {1: "1"}
    with pytest.raises(InvalidParameterError, match="labels must be a mapping of item to name"):
        item_names([1], ["Tea"], owner="plot")


@pytest.mark.parametrize(
    "name", ["Tea", "An uncommonly long name of a teapot, blue", "青花瓷茶壶" * 5]
)
def test_long_names_are_shortened(name: str) -> None:
    short = shorten(name, 16)
    assert short == name or (short.endswith("…") and name.startswith(short[:-1]))
    assert sum(1.6 if ord(c) > 0x2E80 else 1 for c in short) <= 22
