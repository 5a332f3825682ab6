"""OptimalBinning beside optbinning: information value and time on public data, column by column.

Run as `python benchmarks/predict_binning.py [--repeats 3]` where optbinning is installed too. Both
get at most six bins of at least 5 % of the rows, and bins of numbers go one way. The information
value of both is taken from the rows of their bins in the same way. optbinning's bin of rare levels
may be smaller than 5 %, ours may not, so texts with such levels are marked.
"""

from __future__ import annotations

import argparse
import warnings
from functools import partial

import numpy as np
import pandas as pd
from _basket_files import folder
from _pairs import print_environment, time_in_turn
from optbinning import OptimalBinning as Rival

from userportrait.predict import OptimalBinning


def tables() -> dict[str, tuple[pd.DataFrame, np.ndarray]]:
    """Return features and outcomes by name."""
    bank = pd.read_csv(folder() / "bank_marketing/bank_additional_full.csv.gz")
    shoppers = pd.read_csv(folder() / "online_shoppers/online_shoppers_intention.csv.gz")
    telco = pd.read_csv(folder() / "telco_churn/telco_churn.csv.gz").drop(columns="customerID")
    telco["TotalCharges"] = pd.to_numeric(telco["TotalCharges"], errors="coerce")
    outcomes = (
        bank.pop("y") == "yes", shoppers.pop("Revenue").astype(bool), telco.pop("Churn") == "Yes",
    )  # fmt: skip
    found = zip(("bank", "shoppers", "telco"), (bank, shoppers, telco), outcomes, strict=True)
    return {name: (frame, y.to_numpy().astype(int)) for name, frame, y in found}


def information(bins: np.ndarray, y: np.ndarray) -> float:
    """Return the information value of bins, half a row where an outcome is missing."""
    counts = pd.crosstab(bins, y).to_numpy(dtype=float)
    shares = np.maximum(counts, 0.5) / counts.sum(axis=0)
    return float(((shares[:, 1] - shares[:, 0]) * np.log(shares[:, 1] / shares[:, 0])).sum())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=3)
    given = parser.parse_args()
    warnings.simplefilter("ignore")
    print_environment("optbinning", "numpy", "pandas")
    ratios: list[float] = []
    gains: dict[str, list[float]] = {"numbers": [], "texts": []}
    for name, (frame, y) in tables().items():
        for column in frame:
            is_number = pd.api.types.is_numeric_dtype(frame[column]) and frame[column].nunique() > 2
            x = (
                frame[column].to_numpy()
                if is_number
                else frame[column].astype(str).to_numpy(object)
            )
            settings = {"dtype": "numerical", "monotonic_trend": "auto_asc_desc"}
            if not is_number:
                settings = {"dtype": "categorical", "cat_cutoff": 0.05}
            rival = Rival(max_n_bins=6, min_bin_size=0.05, min_prebin_size=0.02, **settings)
            ours = OptimalBinning(max_bins=6, min_share=0.05)
            times = time_in_turn(
                {"ours": partial(ours.fit, x, y), "optbinning": partial(rival.fit, x, y)},
                given.repeats,
            )
            theirs = information(rival.transform(x, metric="indices"), y)
            own = information(ours.transform(x), y)
            ratio = times["optbinning"].median / times["ours"].median
            ratios.append(ratio)
            gains["numbers" if is_number else "texts"].append(own - theirs)
            rare = not is_number and pd.Series(x).value_counts(normalize=True).min() < 0.05
            print(
                f"{name:9}{column:25} ours {own:.4f}  optbinning {theirs:.4f}  "
                f"{ratio:5.1f} times{'  rare levels' if rare else ''}"
            )
    for kind, found in gains.items():
        more, less = (int((np.array(found) * sign > 5e-4).sum()) for sign in (1, -1))
        print(f"{kind}: more {more}, less {less}, as much {len(found) - more - less}; ", end="")
        print(f"most lost {-min(found):.4f}, most gained {max(found):.4f}")
    print(f"optbinning / ours, a column: median {np.median(ratios):.1f}, least {min(ratios):.1f}")


if __name__ == "__main__":
    main()
