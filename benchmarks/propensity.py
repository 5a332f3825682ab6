"""Propensity beside statsmodels and scikit-learn: a stepwise search, and one fit.

Run as `python benchmarks/propensity.py [--rows 94455] [--factors 10] [--levels 40]`. The search
takes and removes whole factors by joint Wald tests; statsmodels gets a loop of fits that do the
same. Its columns of 0 and 1 are written out before the clock starts; ours starts at the frame.
"""

from __future__ import annotations

import argparse
import time
from typing import Any

import numpy as np
import pandas as pd
import statsmodels.api as sm
from _pairs import print_environment, time_in_turn
from sklearn.linear_model import LogisticRegression

from userportrait.predict import Propensity


def make_table(
    n_rows: int, n_factors: int, n_levels: int, n_moving: int, seed: int
) -> tuple[Any, Any]:
    """Return factors of which the last few move the outcome, and the outcome."""
    source = np.random.default_rng(seed)
    codes = source.integers(n_levels, size=(n_factors, n_rows))
    eta = np.full(n_rows, -1.5)
    for at in range(n_factors - n_moving, n_factors):
        eta += source.normal(0.0, 0.4, n_levels)[codes[at]]
    levels = np.array([f"level {at:03}" for at in range(n_levels)])
    frame = pd.DataFrame({f"factor_{at}": levels[codes[at]] for at in range(n_factors)})
    return frame, (source.random(n_rows) < 1.0 / (1.0 + np.exp(-eta))).astype(np.float64)


def written_out(frame: pd.DataFrame) -> dict[str, np.ndarray]:
    """Return the columns of 0 and 1 of each factor, the first level left out."""
    return {
        str(name): pd.get_dummies(frame[name], drop_first=True).to_numpy(dtype=np.float64)
        for name in frame
    }


class Loop:
    """A search by statsmodels: each candidate is fitted and tested as a whole."""

    def __init__(self, blocks: dict[str, np.ndarray], y: np.ndarray) -> None:
        self.blocks, self.y, self.n_fits = blocks, y, 0

    def p_values(self, chosen: list[str]) -> dict[str, float]:
        """Fit a model and return the joint p-value of each of its factors."""
        parts = [np.ones((len(self.y), 1)), *(self.blocks[name] for name in chosen)]
        result = sm.Logit(self.y, np.hstack(parts)).fit(disp=0, method="newton")
        self.n_fits += 1
        found: dict[str, float] = {}
        start = 1
        for name in chosen:
            width = self.blocks[name].shape[1]
            picked = np.eye(width, len(result.params), start)
            found[name] = float(result.wald_test(picked, use_f=False, scalar=True).pvalue)
            start += width
        return found

    def run(self) -> list[str]:
        """Return the factors chosen, in the order in which they entered."""
        chosen: list[str] = []
        while True:
            outside = [name for name in self.blocks if name not in chosen]
            tests = {name: self.p_values([*chosen, name])[name] for name in outside}
            best = min(tests, key=tests.__getitem__, default=None)
            if best is None or tests[best] >= 0.05:
                return chosen
            chosen.append(best)
            stays = self.p_values(chosen)
            worst = max(stays, key=stays.__getitem__)
            if stays[worst] > 0.05:
                chosen.remove(worst)


def search(frame: pd.DataFrame, y: np.ndarray, blocks: dict[str, np.ndarray]) -> None:
    """Time both searches; the loop runs once, for it is slow."""

    def ours() -> Propensity:
        return Propensity(stepwise="both").fit(frame, y)

    model = ours()
    before = time_in_turn({"ours": ours}, 3)["ours"]
    loop = Loop(blocks, y)
    start = time.perf_counter()
    chosen = loop.run()
    slow = time.perf_counter() - start
    after = time_in_turn({"ours": ours}, 3)["ours"]
    assert set(chosen) == set(model.terms_), "the searches chose different factors"
    fast = float(np.median(before.seconds + after.seconds))
    print(f"search: {len(chosen)} of {len(blocks)} factors, the same in both")
    around = f"{before.median:.3f} before, {after.median:.3f} after"
    print(f"  userportrait          {fast:8.3f} s ({around} the loop)")
    print(f"  statsmodels, a loop   {slow:8.3f} s, {loop.n_fits} fits")
    print(f"  ratio                 {slow / fast:8.1f}")


def one_fit(
    frame: pd.DataFrame, y: np.ndarray, blocks: dict[str, np.ndarray], repeats: int
) -> None:
    """Time one fit of all factors."""
    dense = np.hstack(list(blocks.values()))
    with_ones = np.hstack([np.ones((len(y), 1)), dense])
    found: dict[str, Any] = {}

    def ours() -> None:
        found["userportrait"] = Propensity().fit(frame, y)

    def theirs() -> None:
        found["statsmodels"] = sm.Logit(y, with_ones).fit(disp=0, method="newton")

    def others() -> None:
        model = LogisticRegression(C=np.inf, solver="newton-cholesky", tol=1e-10)
        found["scikit-learn"] = model.fit(dense, y)

    ways = {"userportrait": ours, "statsmodels": theirs, "scikit-learn": others}
    times = time_in_turn(ways, repeats)
    mine, rival, third = (found[name] for name in ways)
    assert np.allclose(mine.coef_[0], rival.params[1:], rtol=1e-6, atol=1e-8)
    assert np.allclose(mine.covariance_, rival.cov_params(), rtol=1e-5, atol=1e-10)
    assert np.allclose(mine.coef_[0], third.coef_[0], rtol=1e-5, atol=1e-6)
    print(f"one fit: {dense.shape[1]} coefficients, the same in all three")
    for name, spent in times.items():
        print(f"  {name:20} {spent}  {spent.median / times['userportrait'].median:6.1f}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=94_455)
    parser.add_argument("--factors", type=int, default=10)
    parser.add_argument("--levels", type=int, default=40)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--moving", type=int, default=3, help="factors that move the outcome")
    parser.add_argument("--only", choices=("search", "fit"))
    given = parser.parse_args()
    print_environment("userportrait", "statsmodels", "scikit-learn", "numpy", "pandas")
    frame, y = make_table(given.rows, given.factors, given.levels, given.moving, seed=0)
    blocks = written_out(frame)
    if given.only != "fit":
        search(frame, y, blocks)
    if given.only != "search":
        one_fit(frame, y, blocks, given.repeats)


if __name__ == "__main__":
    main()
