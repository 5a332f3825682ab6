"""Is the number of clusters found? Mixtures of 2 to 6 that can be told apart, and single clouds.

Run as `python benchmarks/segment_choice.py [--first 0] [--seeds 100] [--kind both]`. Every table
goes through `PrepareFeatures` first, as in `CustomerSegments`.
"""

from __future__ import annotations

import argparse
from collections import Counter
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
from _pairs import print_environment

from userportrait.segment import PrepareFeatures, choose_n_clusters

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats: TypeAlias = NDArray[np.float64]

CLOUDS = ("round", "correlated", "heavy tails", "skewed", "uniform", "counts and a flag")


def make_mixture(seed: int) -> tuple[Floats, int]:
    """Return rows of 2 to 6 normal clusters in 2 to 8 dimensions, and how many clusters.

    Sizes differ up to fourfold, widths up to twofold, units of the features a thousandfold;
    some clusters are much nearer to each other than others. Centres of two clusters are at
    least six mean widths apart: a row's own cluster is then the nearest one in 99.8 % of cases.
    """
    source = np.random.default_rng([1, seed])
    n_clusters = int(source.integers(2, 7))
    n_dims = int(source.integers(2, 9))
    sizes = source.integers(50, 201, size=n_clusters)
    widths = source.uniform(0.7, 1.4, size=n_clusters)
    centres = _far_apart(n_dims, widths, source)
    rows = np.concatenate(
        [
            source.normal(centre, width, size=(size, n_dims))
            for centre, width, size in zip(centres, widths, sizes, strict=True)
        ]
    )
    return rows * 10.0 ** source.uniform(-1.5, 1.5, size=n_dims), n_clusters


def _far_apart(n_dims: int, widths: Floats, source: np.random.Generator) -> Floats:
    """Draw centres in a box that grows until they are far enough apart."""
    least = 3.0 * (widths[:, None] + widths[None, :])
    np.fill_diagonal(least, 0.0)
    side = 8.0
    while True:
        centres = source.uniform(-side, side, size=(len(widths), n_dims))
        apart = np.linalg.norm(centres[:, None, :] - centres[None, :, :], axis=2)
        if (apart >= least).all():
            return centres
        side *= 1.02


def make_cloud(seed: int) -> tuple[Floats, str]:
    """Return rows of one cloud in 2 to 8 dimensions, and what kind it is."""
    source = np.random.default_rng([2, seed])
    kind = CLOUDS[seed % len(CLOUDS)]
    n_dims = int(source.integers(2, 9))
    n_rows = int(source.integers(200, 1201))
    rows = source.normal(size=(n_rows, n_dims)) @ _turned(kind, n_dims, source)
    if kind == "heavy tails":  # Student's t with 6 degrees of freedom
        rows /= np.sqrt(source.chisquare(6, size=(n_rows, 1)) / 6.0)
    if kind == "skewed":
        rows = np.exp(0.8 * rows)
    if kind == "uniform":
        rows = source.random(size=rows.shape)
    if kind == "counts and a flag":
        rows = source.poisson(source.uniform(0.7, 6.0, size=n_dims), size=rows.shape).astype(float)
        rows[:, 0] = source.random(n_rows) < 0.1
    return rows, kind


def _turned(kind: str, n_dims: int, source: np.random.Generator) -> Floats:
    if kind not in ("correlated", "heavy tails", "skewed"):
        return np.eye(n_dims)
    turned: Floats = source.normal(size=(n_dims, n_dims))
    turned /= np.linalg.norm(turned, axis=0)
    return turned


def choose(rows: Floats) -> Any:
    """Choose as `CustomerSegments` does."""
    return choose_n_clusters(PrepareFeatures().fit_transform(rows))


def main() -> None:
    """Print how often the truth was found."""
    parser = argparse.ArgumentParser(description="How often the number of clusters is found")
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--seeds", type=int, default=100)
    parser.add_argument("--kind", choices=("both", "mixtures", "clouds"), default="both")
    chosen = parser.parse_args()
    print_environment()
    seeds = range(chosen.first, chosen.first + chosen.seeds)
    if chosen.kind != "clouds":
        right = 0
        for seed in seeds:
            rows, truth = make_mixture(seed)
            found = choose(rows)
            right += found.n_clusters == truth
            if found.n_clusters != truth:
                print(f"seed {seed}: {truth} in {rows.shape[1]} dimensions, found {found}")
        print(f"mixtures: the right number in {right} of {len(seeds)}")
    if chosen.kind != "mixtures":
        missed: Counter[str] = Counter()
        for seed in seeds:
            rows, kind = make_cloud(seed)
            found = choose(rows)
            if found.n_clusters != 1:
                missed[kind] += 1
                print(f"seed {seed}: a {kind} cloud in {rows.shape[1]} dimensions, found {found}")
        print(f"clouds: no clusters in {len(seeds) - missed.total()} of {len(seeds)}")


if __name__ == "__main__":
    main()
