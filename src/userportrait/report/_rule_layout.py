"""Where the nodes of a graph go: by distance in the graph, without overlaps, always the same."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from userportrait.report._figures import Floats

__all__ = ["components", "line_order", "place_nodes"]

Edges: TypeAlias = "Sequence[tuple[int, int]]"

_ACROSS, _DOWN = 128.0, 74.0
"""How far linked nodes would like to be apart, in points: labels are wider than high."""
_N_MOVES, _N_PUSHES = 200, 200


def components(n_nodes: int, edges: Edges) -> list[list[int]]:
    """Return the nodes that hang together, in the order in which they first occur."""
    near = _neighbours(n_nodes, edges)
    seen: set[int] = set()
    found: list[list[int]] = []
    for start in range(n_nodes):
        if start in seen:
            continue
        seen.add(start)
        part = [start]
        for node in part:  # grows while it is walked
            fresh = [other for other in near[node] if other not in seen]
            seen.update(fresh)
            part.extend(fresh)
        found.append(part)
    return found


def _neighbours(n_nodes: int, edges: Edges) -> list[list[int]]:
    near: list[dict[int, None]] = [{} for _ in range(n_nodes)]
    for a, b in edges:
        if a != b:
            near[a][b] = near[b][a] = None
    return [list(found) for found in near]


def place_nodes(
    boxes: Floats, edges: Edges, *, aspect: float = 1.5, margin: float = 26.0
) -> tuple[Floats, tuple[float, float]]:
    """Return the middles of the nodes and the width and height of all, in points.

    Parameters
    ----------
    boxes : ndarray of shape (n_nodes, 2)
        Width and height of each node's label; no two of them will overlap.
    edges : sequence of (int, int)
        Pairs of linked nodes.
    aspect : float, default=1.5
        Width by height that the whole should come near to.
    margin : float, default=26.0
        Least space between labels.

    Notes
    -----
    Each part that hangs together is laid out so that distances on paper follow distances in
    the graph, by majorising stress (Gansner, Koren and North 2005), from a circle. Labels that
    overlap are then pushed apart, and the parts are packed, highest first.
    """
    middles = np.zeros((len(boxes), 2))
    parts = components(len(boxes), edges)
    sizes: list[tuple[float, float]] = []
    for part in parts:
        inside = {node: place for place, node in enumerate(part)}
        links = [(inside[a], inside[b]) for a, b in edges if a in inside]
        spots = _by_distance(_distances(len(part), links)) * (_ACROSS, _DOWN)
        spots = _pushed_apart(spots, boxes[part] + margin)
        halves = (boxes[part] + margin) / 2
        low, high = (spots - halves).min(axis=0), (spots + halves).max(axis=0)
        middles[part] = spots - low
        sizes.append((float(high[0] - low[0]), float(high[1] - low[1])))
    corners, size = _packed(sizes, aspect)
    for part, corner in zip(parts, corners, strict=True):
        middles[part] += corner
    return middles, size


def _distances(n_nodes: int, edges: Edges) -> Floats:
    """Return the number of steps between any two nodes of a connected graph."""
    near = _neighbours(n_nodes, edges)
    found = np.full((n_nodes, n_nodes), -1.0)
    for start in range(n_nodes):
        found[start, start] = 0
        reached = [start]
        for node in reached:
            for other in near[node]:
                if found[start, other] < 0:
                    found[start, other] = found[start, node] + 1
                    reached.append(other)
    return found


def _by_distance(wanted: Floats) -> Floats:
    """Return places whose distances come near to those wanted, the long side across."""
    n = len(wanted)
    if n == 1:
        return np.zeros((1, 2))
    angles = 2 * np.pi * np.arange(n) / n
    spots = np.column_stack([np.cos(angles), np.sin(angles)]) * max(1.0, n / 6)
    weights = 1 / np.maximum(wanted, 1.0) ** 2
    np.fill_diagonal(weights, 0)
    inverse = np.linalg.pinv(np.diag(weights.sum(axis=1)) - weights)
    for _ in range(_N_MOVES):
        apart = np.linalg.norm(spots[:, None] - spots[None], axis=2)
        pull = -weights * wanted / np.maximum(apart, 1e-9)
        np.fill_diagonal(pull, 0)
        np.fill_diagonal(pull, -pull.sum(axis=1))
        spots = inverse @ (pull @ spots)
    spots -= spots.mean(axis=0)
    spread: Floats = spots.T @ spots
    turn = -0.5 * np.arctan2(2 * spread[0, 1], spread[0, 0] - spread[1, 1])
    turned = np.array([[np.cos(turn), np.sin(turn)], [-np.sin(turn), np.cos(turn)]])
    found: Floats = spots @ turned
    return found.round(6)  # the last bits may differ between machines


def _pushed_apart(spots: Floats, boxes: Floats) -> Floats:
    """Move labels until none overlaps, each time along the shorter way."""
    spots = spots.copy()
    reach = (boxes[:, None] + boxes[None]) / 2
    for _ in range(_N_PUSHES):
        over = (reach - np.abs(spots[:, None] - spots[None])).min(axis=2)
        pairs = np.argwhere(np.triu(over > 1e-6, 1)).tolist()
        if not pairs:
            return spots
        for a, b in pairs:
            gap = spots[b] - spots[a]
            room = reach[a, b] - np.abs(gap)
            axis = int(room[1] <= room[0])
            push = max(float(room.min()), 0.0) * (0.5 if gap[axis] >= 0 else -0.5)
            spots[a, axis] -= push
            spots[b, axis] += push
    return _spread(spots, boxes)


def _spread(spots: Floats, boxes: Floats) -> Floats:
    """Scale everything until no labels overlap: always ends, takes room."""
    for a in range(len(spots)):
        for b in range(a):
            if np.abs(spots[a] - spots[b]).max() < 1e-6:
                spots[a] += (1e-3 * (a + 1), 1e-3 * (a + 1))
    apart = np.abs(spots[:, None] - spots[None])
    reach = (boxes[:, None] + boxes[None]) / 2
    with np.errstate(divide="ignore"):
        factors = np.where(apart > 0, reach / apart, np.inf).min(axis=2)
    np.fill_diagonal(factors, 1)
    wider: Floats = spots * max(1.0, float(factors.max()))
    return wider


def _packed(
    sizes: list[tuple[float, float]], aspect: float
) -> tuple[list[tuple[float, float]], tuple[float, float]]:
    """Pack boxes, highest first, each into the first gap that holds it.

    Returns their corners and the width and height of all.
    """
    area = sum(width * height for width, height in sizes)
    limit = max(max(width for width, _ in sizes), (area * aspect * 1.1) ** 0.5)
    gaps = [(0.0, 0.0, limit, float("inf"))]
    corners = [(0.0, 0.0)] * len(sizes)
    for place in sorted(range(len(sizes)), key=lambda i: (-sizes[i][1], -sizes[i][0], i)):
        width, height = sizes[place]
        x, y, wide, high = next(
            gap for gap in gaps if gap[2] >= width - 1e-6 and gap[3] >= height - 1e-6
        )
        corners[place] = (x, y)
        gaps.remove((x, y, wide, high))
        gaps += [(x + width, y, wide - width, height), (x, y + height, wide, high - height)]
        gaps.sort(key=lambda gap: (gap[1], gap[0]))
    ends = [(x + w, y + h) for (x, y), (w, h) in zip(corners, sizes, strict=True)]
    return corners, (max(x for x, _ in ends), max(y for _, y in ends))


def line_order(n_nodes: int, edges: Edges) -> list[int]:
    """Return the nodes in a row in which linked ones stand near each other.

    Parts that hang together stay together; within a part each node is put at the mean place of
    its neighbours, again and again, and the row with the least sum of distances is kept.
    """
    near = _neighbours(n_nodes, edges)
    found: list[int] = []
    for part in components(n_nodes, edges):
        best, row = part, part
        for _ in range(20):
            row = _towards_neighbours(row, near)
            if _length(row, near) < _length(best, near):
                best = row
        found += best
    return found


def _towards_neighbours(row: list[int], near: list[list[int]]) -> list[int]:
    place = {node: i for i, node in enumerate(row)}

    def wish(node: int) -> float:
        around = [place[other] for other in near[node]]
        return (place[node] + sum(around)) / (1 + len(around))

    return sorted(row, key=lambda node: (wish(node), place[node]))


def _length(row: list[int], near: list[list[int]]) -> int:
    place = {node: i for i, node in enumerate(row)}
    return sum(abs(place[node] - place[other]) for node in row for other in near[node])
