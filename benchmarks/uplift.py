"""Uplift on Hillstrom: how well and how fast, beside causalml's meta-learners.

Women's e-mail against none, outcome visit, 42,693 customers, seven features, ten random halves:
learn on one, judge on the other by the normalised Qini of `userportrait` (equal to that of
scikit-uplift). causalml needs an environment of its own: give its Python with ``--causalml``. Both
take turns, split by split; of causalml's learners, those with gradient boosting (60 trees of 8
leaves) and those with linear models run.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

if TYPE_CHECKING:
    from collections.abc import Iterator

FEATURES = ["recency", "history", "mens", "womens", "zip_code", "newbie", "channel"]
KINDS = ["interacted", "s", "t", "x", "r", "dr", "class_transformation", "transformed_outcome"]


def read_hillstrom(data: Path) -> pd.DataFrame:
    rows = pd.read_csv(data / "hillstrom" / "hillstrom.csv.gz")
    rows = rows[rows["segment"] != "Mens E-Mail"].reset_index(drop=True)
    return rows.assign(treated=rows["segment"] == "Womens E-Mail")


def cut(n: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    order = np.random.default_rng(seed).permutation(n)
    return order[: n // 2], order[n // 2 :]


def ours(rows: pd.DataFrame, seed: int) -> Iterator[tuple[str, np.ndarray, float]]:
    from userportrait.experiment import Uplift

    train, test = cut(len(rows), seed)
    y, treated = rows["visit"].to_numpy(), rows["treated"].to_numpy()
    for kind in KINDS:
        start = time.perf_counter()
        model = Uplift(kind).fit(rows[FEATURES].iloc[train], y[train], treated[train])
        score = model.predict(rows[FEATURES].iloc[test])
        yield kind, score, time.perf_counter() - start


def theirs(rows: pd.DataFrame, seed: int) -> Iterator[tuple[str, np.ndarray, float]]:
    from causalml.inference.meta import (
        BaseDRRegressor,
        BaseRClassifier,
        BaseSClassifier,
        BaseTClassifier,
        BaseXClassifier,
    )
    from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
    from sklearn.linear_model import LogisticRegression, Ridge

    train, test = cut(len(rows), seed)
    x = pd.get_dummies(rows[FEATURES]).to_numpy(float)
    x = (x - x.mean(axis=0)) / x.std(axis=0)
    y, w = rows["visit"].to_numpy(), rows["treated"].to_numpy().astype(int)
    p = np.full(len(rows), w[train].mean())
    trees = {"max_iter": 60, "max_leaf_nodes": 8, "random_state": 0}
    bases: dict[str, tuple[Any, Any]] = {
        "boosting": (
            lambda: HistGradientBoostingClassifier(**trees),
            lambda: HistGradientBoostingRegressor(**trees),
        ),
        "linear": (lambda: LogisticRegression(max_iter=1000), Ridge),
    }
    for name, (classes, amounts) in bases.items():
        learners = {
            "S": (BaseSClassifier(classes()), {}, {}),
            "T": (BaseTClassifier(classes()), {}, {}),
            "X": (
                BaseXClassifier(outcome_learner=classes(), effect_learner=amounts()),
                {"p": p[train]},
                {"p": p[test]},
            ),
            "R": (
                BaseRClassifier(
                    outcome_learner=classes(), effect_learner=amounts(), random_state=0
                ),
                {"p": p[train]},
                {},
            ),
            "DR": (BaseDRRegressor(learner=amounts()), {"p": p[train], "seed": 0}, {"p": p[test]}),
        }
        for letter, (model, to_fit, to_predict) in learners.items():
            start = time.perf_counter()
            model.fit(x[train], w[train], y[train], **to_fit)
            score = np.asarray(model.predict(x[test], **to_predict)).ravel()
            yield f"causalml {letter}, {name}", score, time.perf_counter() - start


def work(data: Path) -> None:
    """Learn the splits named on standard input; answer with a file of scores for each."""
    import logging
    import warnings

    logging.disable(logging.CRITICAL)
    warnings.simplefilter("ignore")
    rows = read_hillstrom(data)
    for line in sys.stdin:
        seed, folder = json.loads(line)
        found = list(theirs(rows, seed))
        np.savez(Path(folder) / "scores.npz", **{name: score for name, score, _ in found})
        print(json.dumps({name: seconds for name, _, seconds in found}), flush=True)


@contextmanager
def worker(python: str | None, data: Path) -> Iterator[Any]:
    """Start the rival's process; None without one."""
    if python is None:
        yield None
        return
    command = [python, __file__, "--work", "--data", str(data)]
    pipes: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    with subprocess.Popen(command, **pipes) as process:
        yield process
        process.stdin.close()


def ask(process: Any, seed: int, folder: str) -> Iterator[tuple[str, np.ndarray, float]]:
    process.stdin.write(json.dumps([seed, folder]) + "\n")
    process.stdin.flush()
    seconds = json.loads(process.stdout.readline())
    with np.load(Path(folder) / "scores.npz") as scores:
        for name, taken in seconds.items():
            yield name, scores[name], taken


def compare(rows: pd.DataFrame, process: Any, n_splits: int) -> pd.DataFrame:
    from userportrait.experiment import qini

    y, treated = rows["visit"].to_numpy(), rows["treated"].to_numpy()
    found: list[tuple[int, str, float, float]] = []
    list(ours(rows.head(4000), 0))  # loads code
    with tempfile.TemporaryDirectory() as folder:
        for seed in range(n_splits):
            _, test = cut(len(rows), seed)
            runs = list(ours(rows, seed))
            runs += list(ask(process, seed, folder)) if process is not None else []
            for name, score, seconds in runs:
                found.append((seed, name, qini(y[test], treated[test], score), seconds))
    return pd.DataFrame(found, columns=["split", "learner", "qini", "seconds"])


def tell(found: pd.DataFrame) -> None:
    """Print means and paired differences from the default.

    Splits share customers. The second p-value allows for that (Nadeau and Bengio 2003), the first
    does not.
    """
    from scipy import stats

    values = found.pivot(index="split", columns="learner", values="qini")
    seconds = found.groupby("learner")["seconds"].median()
    lead = values["interacted"]
    for name in values.mean().sort_values(ascending=False).index:
        ahead = lead - values[name]
        n, spread = len(ahead), float(ahead.std(ddof=1))
        text = f"{name:24s} Qini {values[name].mean():.4f}  {seconds[name]:.2f} s"
        if spread > 0:
            plain = ahead.mean() / (spread * np.sqrt(1 / n))
            fair = ahead.mean() / (spread * np.sqrt(1 / n + 1))
            p = [2 * stats.t.sf(abs(t), n - 1) for t in (plain, fair)]
            wins = int((ahead > 0).sum())
            text += f"  behind {ahead.mean():+.4f}, in {wins} of {n}, p {p[0]:.2g} / {p[1]:.2g}"
        print(text)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--causalml", help="Python of an environment with causalml")
    parser.add_argument("--splits", type=int, default=10)
    parser.add_argument("--work", action="store_true", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if not (given.data / "hillstrom").is_dir():
        print(f"no Hillstrom data in {given.data}; give their folder with --data")
        return
    if given.work:
        work(given.data)
        return
    from _pairs import print_environment

    print_environment("userportrait", "numpy", "scipy")
    with worker(given.causalml, given.data) as process:
        tell(compare(read_hillstrom(given.data), process, given.splits))


if __name__ == "__main__":
    main()
