"""The layout of graphs: distances as in the graph, no overlaps, always the same."""

from __future__ import annotations

import itertools

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from userportrait.report._rule_layout import components, line_order, place_nodes

few = settings(max_examples=25, deadline=None)
graphs = st.integers(1, 12).flatmap(
    lambda n: st.tuples(
        st.just(n), st.lists(st.tuples(st.integers(0, n - 1), st.integers(0, n - 1)), max_size=20)
    )
)


def overlaps(spots: np.ndarray, boxes: np.ndarray) -> list[tuple[int, int]]:
    return [
        (a, b)
        for a, b in itertools.combinations(range(len(spots)), 2)
        if (np.abs(spots[a] - spots[b]) < (boxes[a] + boxes[b]) / 2 - 1e-3).all()
    ]


@few
@given(graphs, st.integers(0, 5))
def test_no_box_overlaps_another_and_all_lie_inside(
    graph: tuple[int, list[tuple[int, int]]], seed: int
) -> None:
    n, edges = graph
    boxes = np.random.default_rng(seed).uniform(5, 120, size=(n, 2))
    spots, size = place_nodes(boxes, edges)
    assert overlaps(spots, boxes + 20) == []
    assert (spots - boxes / 2 >= 0).all()
    assert (spots + boxes / 2 <= np.array(size) + 1e-6).all()
    again, _ = place_nodes(boxes, edges)
    np.testing.assert_array_equal(spots, again)


def test_a_path_is_laid_out_as_a_line() -> None:
    # The distances of a path can be met exactly, so stress is least on a straight line.
    edges = [(i, i + 1) for i in range(4)]
    spots, _ = place_nodes(np.full((5, 2), 4.0), edges)
    steps = np.diff(spots[:, 0])
    np.testing.assert_allclose(np.abs(steps), 128, rtol=0.06)
    assert len(set(np.sign(steps))) == 1
    assert np.ptp(spots[:, 1]) < np.ptp(spots[:, 0]) / 10


@few
@given(graphs)
def test_parts_are_those_that_hang_together(graph: tuple[int, list[tuple[int, int]]]) -> None:
    n, edges = graph
    reach = np.eye(n, dtype=bool)
    for a, b in edges:
        reach[a, b] = reach[b, a] = True
    for _ in range(n):
        reach = reach @ reach
    parts = components(n, edges)
    assert sorted(node for part in parts for node in part) == list(range(n))
    assert {frozenset(part) for part in parts} == {
        frozenset(np.flatnonzero(row).tolist()) for row in reach
    }


@few
@given(graphs)
def test_a_row_holds_every_node_once(graph: tuple[int, list[tuple[int, int]]]) -> None:
    n, edges = graph
    assert sorted(line_order(n, edges)) == list(range(n))


def test_linked_nodes_stand_side_by_side() -> None:
    row = line_order(6, [(0, 3), (1, 4), (2, 5)])
    assert all(abs(row.index(a) - row.index(a + 3)) == 1 for a in range(3))
