"""Exact EASE on the smaller side: how long each part takes, and how much memory.

python benchmarks/recommend_ease.py /path/to/data --set gowalla
"""

from __future__ import annotations

import argparse
import resource
import time
from pathlib import Path
from typing import Any

import numpy as np
from _pairs import print_environment
from recommend_accuracy import FILES, K, interactions, read_split, recall_and_ndcg

from userportrait.recommend import EASE, _ease

SETTINGS = {
    "gowalla": EASE(300.0, customer_power=0.5, item_power=0.2),
    "ml1m": EASE(800.0, customer_power=0.8, item_power=0.1),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path)
    parser.add_argument("--set", choices=sorted(FILES), default="gowalla")
    arguments = parser.parse_args()
    print_environment("numpy", "scipy")
    train, test = read_split(arguments.data, arguments.set)
    model, data = SETTINGS[arguments.set], interactions(train)
    invert = _ease.invert_in_place

    def timed_inverse(matrix: Any) -> Any:
        started = time.perf_counter()
        found = invert(matrix)
        seconds = time.perf_counter() - started
        rate = len(matrix) ** 3 / seconds / 1e9
        print(f"  inverse of {len(matrix):,} rows: {seconds:.1f} s, {rate:.0f} GFLOP/s", flush=True)
        return found

    _ease.invert_in_place = timed_inverse
    started = time.perf_counter()
    model.fit(data)
    fitted = time.perf_counter()
    print(f"  fit: {fitted - started:.1f} s", flush=True)
    top = model.top(data.matrix, np.arange(data.n_customers), K, None, data.matrix)
    print(f"  top-20 of all: {time.perf_counter() - fitted:.1f} s")
    recall, ndcg = recall_and_ndcg(top.items, test)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    print(f"{model}: R@20 {recall:.4f}, N@20 {ndcg:.4f}; peak {peak:.2f} GiB")


if __name__ == "__main__":
    main()
