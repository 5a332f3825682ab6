"""Plots of rules: what is drawn is what was derived; nothing runs over or is cut off."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from matplotlib import pyplot as plt
from matplotlib import rcParams
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure

from userportrait.errors import InvalidDataError, InvalidParameterError
from userportrait.report import (
    plot_rule_coordinates,
    plot_rule_graph,
    plot_rule_matrix,
    plot_rule_scatter,
)
from userportrait.report._rule_choice import STRENGTH, choose_rules
from userportrait.report._rule_groups import group_rules
from userportrait.report._rule_scale import LiftScale, percent, plain

if TYPE_CHECKING:
    from userportrait.patterns import Rules

# matplotlib types what it returns too loosely for tests to look into it.
scatter: Any = plot_rule_scatter
matrix: Any = plot_rule_matrix
graph: Any = plot_rule_graph
coordinates: Any = plot_rule_coordinates

PLOTS = [plot_rule_scatter, plot_rule_matrix, plot_rule_graph, plot_rule_coordinates]
every_plot = pytest.mark.parametrize("plot", PLOTS)


def texts(ax: Any) -> list[str]:
    ticks = [*ax.get_xticklabels(), *ax.get_yticklabels()]
    keys = [text for key in ax.artists for text in key.get_texts()]
    return [text.get_text() for text in (*ax.texts, *ticks, *keys) if text.get_text()]


@every_plot
def test_plots_draw_on_given_axes_and_touch_nothing_else(
    plot: Any, language: str, sold: Rules
) -> None:
    before = dict(rcParams)
    ax: Any = Figure(figsize=(9, 7)).subplots()
    assert plot(sold.top(12), ax=ax, language=language) is ax
    ax.figure.draw_without_rendering()
    assert plt.get_fignums() == []
    assert dict(rcParams) == before


@every_plot
def test_plots_make_a_figure_in_which_nothing_is_cut_off(plot: Any, sold: Rules) -> None:
    ax = plot(sold.top(16), labels={"tea": "A pot of tea that has a very long name, for two"})
    assert plt.get_fignums() == [ax.figure.number]
    ax.figure.draw_without_rendering()
    page = ax.figure.bbox
    box = ax.get_tightbbox()
    assert box.x0 >= page.x0 - 2
    assert box.x1 <= page.x1 + 2
    assert box.y0 >= page.y0 - 2
    assert box.y1 <= page.y1 + 2


@every_plot
def test_the_same_rules_give_the_same_picture(plot: Any, sold: Rules) -> None:
    pictures = []
    for _ in range(2):
        figure = Figure(figsize=(5, 5), dpi=40)
        plot(sold.top(8), ax=figure.subplots())
        canvas: Any = FigureCanvasAgg(figure)
        canvas.draw()
        pictures.append(np.asarray(canvas.buffer_rgba()))
    np.testing.assert_array_equal(pictures[0], pictures[1])


@every_plot
def test_what_is_left_out_is_counted(plot: Any, sold: Rules) -> None:
    note = f"6 of {len(sold):,} rules drawn, the strongest by the odds ratio's lower limit"
    assert note in texts(plot(sold, max_rules=6))
    assert not any("drawn" in text for text in texts(plot(sold.take(range(5)))))
    assert any("strongest by leverage" in t for t in texts(plot(sold, max_rules=3, by="leverage")))


@every_plot
def test_rules_that_are_missing_are_pointed_out(plot: Any, sold: Rules) -> None:
    from userportrait.patterns import Baskets, derive_rules, mine_itemsets

    baskets = Baskets.from_lists([["a", "b", "c"]] * 3)
    stopped = derive_rules(mine_itemsets(baskets, min_support=1, engine="numpy"), max_rules=4)
    assert stopped.stopped is not None
    assert any("Mining stopped early" in text for text in texts(plot(stopped)))


@every_plot
def test_items_have_the_names_given_and_no_formulas(plot: Any, sold: Rules) -> None:
    pair = sold.filter(antecedents=["tea"], consequents=["pot"])
    shown = " ".join(texts(plot(pair, labels={"tea": "$5 tea$", "pot": "Teapot"})))
    assert r"\$5 tea\$" in shown.replace("\n", " ")
    assert "Teapot" in shown


@every_plot
def test_no_rules_are_refused_in_words(plot: Any, sold: Rules) -> None:
    with pytest.raises(InvalidDataError, match=f"{plot.__name__}: there are no rules to draw"):
        plot(sold.filter(at_least={"lift": 1e9}))
    assert plt.get_fignums() == []


@every_plot
def test_bad_options_are_named_all_at_once(plot: Any, sold: Rules) -> None:
    with pytest.raises(InvalidParameterError, match="3 problems") as caught:
        plot(sold, max_rules=0, language="de", by=3)
    assert "max_rules must be an integer in" in str(caught.value)
    with pytest.raises(InvalidParameterError, match="what derive_rules returns; got list"):
        plot([])
    with pytest.raises(InvalidParameterError, match="labels must be a mapping"):
        plot(sold, labels=["tea"])


@every_plot
def test_one_rule_can_be_drawn(plot: Any, sold: Rules) -> None:
    plot(sold.take([0])).figure.draw_without_rendering()


def test_points_are_the_rules(sold: Rules) -> None:
    for y in ("confidence", "lift"):
        (points,) = scatter(sold, y=y, max_rules=5000).collections
        frame = sold.to_frame(["support", y])[["support", y]].to_numpy()
        drawn = np.asarray(points.get_offsets())
        np.testing.assert_array_equal(np.sort(drawn, axis=0), np.sort(frame, axis=0))


def test_numbered_rules_are_named_below(sold: Rules) -> None:
    ax = scatter(sold, n_named=4)
    lines = choose_rules(sold, by=STRENGTH, most=1000, owner="").without_mirrored()[:4]
    assert [text.get_text() for text in ax.texts if text.get_text().isdigit()] == list("1234")
    (listed,) = [text.get_text() for text in ax.texts if text.get_text().startswith("1  ")]
    sides = [f"{', '.join(line.antecedent)} → {', '.join(line.consequent)}" for line in lines]
    assert listed.split("\n") == [f"{i + 1}  {side}" for i, side in enumerate(sides)]
    assert not any(t.startswith("1  ") for t in texts(scatter(sold, n_named=0)))


def test_lifts_under_one_are_hollow_or_dashed(sold: Rules) -> None:
    few = sold.filter(at_most={"lift": 0.9}, antecedents=["gin", "rum"])
    (points,) = scatter(few).collections
    assert {tuple(colour[:3]) for colour in points.get_facecolors()} == {(1.0, 1.0, 1.0)}
    assert graph(few).patches[0].get_linestyle() not in ("-", "solid")
    assert any("under 1" in text for text in texts(matrix(few)))


def test_the_matrix_has_a_point_for_every_rule_where_nothing_is_grouped(sold: Rules) -> None:
    few = sold.top(10, STRENGTH) if STRENGTH in sold.columns else sold.top(10)
    ax = matrix(few, max_groups=20)
    (points,) = [c for c in ax.collections if len(c.get_offsets()) > 1]
    rows = [tick.get_text() for tick in ax.get_yticklabels()]
    columns = [tick.get_text() for tick in ax.get_xticklabels()]
    drawn = {(rows[int(y)], columns[int(x)]) for x, y in points.get_offsets()}
    frame = few.to_frame()
    sides = (frame[side].map(", ".join) for side in ("antecedent", "consequent"))
    assert drawn == set(zip(*sides, strict=True))
    assert (rows[0], columns[0]) in drawn


@pytest.mark.parametrize("most", [2, 5, 16])
def test_groups_hold_every_side_once_and_figures_are_medians(sold: Rules, most: int) -> None:
    lines = choose_rules(sold, by=STRENGTH, most=150, owner="").lines
    table = group_rules(lines, most)
    assert len(table.rows) <= most
    assert len(table.columns) <= most
    for groups, name in ((table.rows, "antecedent"), (table.columns, "consequent")):
        sides = [side for group in groups for side in group]
        assert len(sides) == len(set(sides))
        assert set(sides) == {getattr(line, name) for line in lines}
    cells = list(zip(table.x, table.y, table.lifts, table.supports, strict=True))
    for x, y, lift, support in cells:
        inside = [
            line
            for line in lines
            if line.antecedent in table.rows[y] and line.consequent in table.columns[x]
        ]
        assert lift == np.median([line.lift for line in inside])
        assert support == np.median([line.support for line in inside])
    assert len(cells) == len({cell[:2] for cell in cells})


def test_sides_that_lead_to_the_same_share_a_row() -> None:
    from userportrait.report._rule_choice import RuleLine

    pairs = [("a", "z", 9.0), ("b", "z", 8.5), ("c", "y", 7.0), ("d", "x", 6.0)]
    lines = [RuleLine((a,), (c,), 5, 0.1, 0.5, lift) for a, c, lift in pairs]
    table = group_rules(lines, 3)
    assert table.rows == ((("a",), ("b",)), (("c",),), (("d",),))
    assert table.others == (False, False)
    assert group_rules(lines, 2).rows == ((("a",), ("b",)), (("c",), ("d",)))
    assert group_rules(lines, 2).others == (True, True)


def test_the_graph_has_a_box_for_every_item_and_an_arrow_for_every_pair(sold: Rules) -> None:
    items = ["tea", "pot", "ink", "pen"]
    few = sold.filter(antecedents=items, consequents=items).filter(at_least={"lift": 1.5})
    few = few.take(
        few.to_frame()["antecedent"].map(len) + few.to_frame()["consequent"].map(len) == 2
    )
    ax = graph(few)
    frame = few.to_frame()
    pairs = {
        frozenset((*a, *c)) for a, c in zip(frame["antecedent"], frame["consequent"], strict=True)
    }
    named = {text.get_text() for text in ax.texts if text.get_text() in items}
    assert named == set().union(*pairs)
    assert len(ax.patches) == len(pairs)


def test_boxes_of_the_graph_do_not_touch(sold: Rules) -> None:
    labels = {item: f"{item} with a rather long name" for item in "abcd"}
    ax = graph(sold.top(14), labels=labels)
    ax.figure.draw_without_rendering()
    boxes = [text.get_window_extent() for text in ax.texts if text.get_bbox_patch() is not None]
    assert len(boxes) > 2
    assert not any(a.overlaps(b) for a, b in itertools.combinations(boxes, 2))


def test_paths_go_through_the_items_of_the_rule(sold: Rules) -> None:
    one = sold.filter(antecedents={"contains": ["ink"]}, consequents=["pad"])
    one = one.take([int(np.argmax(one.to_frame()["antecedent"].map(len)))])
    ax = coordinates(one)
    names = [tick.get_text() for tick in ax.get_yticklabels()]
    antecedent = one.to_frame()["antecedent"].iloc[0]
    dots, arrow = ax.lines[1], ax.lines[2]
    assert {names[int(y)] for y in dots.get_ydata()} == set(antecedent)
    assert [names[int(y)] for y in arrow.get_ydata()] == ["pad"]


def test_classes_differ_in_grey_and_have_round_limits() -> None:
    scale = LiftScale.of([0.4, 1.0, 3.0, 80.0])
    grey = [np.dot(to_rgb(scale.colour(step)), (0.2126, 0.7152, 0.0722)) for step in range(1, 5)]
    assert all(a - b > 0.1 for a, b in itertools.pairwise(grey))
    assert scale.limits == (3.0, 8.9, 27.0)
    assert [scale.step(lift) for lift in (0.4, 1.0, 3.0, 8.8, 80.0)] == [0, 1, 2, 2, 4]
    assert LiftScale.of([2.0, 2.0]).limits == ()


def test_numbers_of_keys_are_short() -> None:
    assert [percent(share) for share in (0.000123, 0.5, 1.0)] == ["0.012%", "50%", "100%"]
    assert [plain(lift) for lift in (1.234, 12.5, 1234.0)] == ["1.2", "12", "1,200"]
