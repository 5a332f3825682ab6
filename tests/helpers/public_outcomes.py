"""Public customers with an outcome: bank calls, telephone contracts, visits of a shop."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd
import pytest

if TYPE_CHECKING:
    from pathlib import Path

    import numpy as np

__all__ = ["read_outcomes"]


def read_outcomes(folder: Path, name: str) -> tuple[pd.DataFrame, np.ndarray]:
    """Return columns known before the outcome, and the outcome."""
    files = {
        "bank": "bank_marketing/bank_additional_full.csv.gz",
        "telco": "telco_churn/telco_churn.csv.gz",
        "shoppers": "online_shoppers/online_shoppers_intention.csv.gz",
    }
    path = folder / files[name]
    if not path.is_file():
        pytest.skip(f"{files[name]} is not in the folder of public data sets")
    table = pd.read_csv(path, keep_default_na=False)
    if name == "bank":
        # How long the call took is known only after it; one level has three customers.
        frame = table[table["default"] != "yes"].drop(columns=["duration"])
        return frame.drop(columns="y"), (frame["y"] == "yes").to_numpy(int)
    if name == "telco":
        total = pd.to_numeric(table["TotalCharges"], errors="coerce").fillna(0.0)
        frame = table.assign(TotalCharges=total).drop(columns=["customerID", "Churn"])
        return frame, (table["Churn"] == "Yes").to_numpy(int)
    codes = ["OperatingSystems", "Browser", "Region", "TrafficType"]
    frame = table.drop(columns="Revenue").astype(dict.fromkeys(codes, str))
    for code in codes:
        rare = frame[code].map(frame[code].value_counts()) < 100
        frame[code] = frame[code].mask(rare, "rare")
    return frame.assign(Weekend=frame["Weekend"].astype(str)), (
        table["Revenue"].astype(str) == "True"
    ).to_numpy(int)
