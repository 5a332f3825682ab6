"""Public experiments: the numbers that are known of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from statsmodels.stats.proportion import proportions_ztest

from userportrait.experiment import (
    Estimate,
    Experiment,
    Fixed,
    Mean,
    Proportion,
    check_srm,
)

if TYPE_CHECKING:
    from pathlib import Path


def read(shared_data: Path, name: str) -> pd.DataFrame:
    path = shared_data / name
    if path.suffix == ".parquet":
        pytest.importorskip("pyarrow", reason="reading Parquet needs pyarrow")
        return pd.read_parquet(path)
    return pd.read_csv(path)


def test_udacity_is_cleaned_as_documented_and_shows_no_effect(shared_data: Path) -> None:
    """Rows whose group and page disagree go; of a user's rows the first stays."""
    data = read(shared_data, "udacity_ab/ab_data.parquet")
    fits = (data["group"] == "treatment") == (data["landing_page"] == "new_page")
    assert int((~fits).sum()) == 3_893
    users = data[fits].drop_duplicates("user_id")
    assert len(users) == 290_584
    experiment = Experiment(Proportion("converted"), control="control", variant="group")
    found = experiment.analyze(users)["converted"]
    assert round(found.statistic, 4) == -1.3109
    assert round(found.p_value, 4) == 0.1899
    counts = users.groupby("group")["converted"].agg(["sum", "size"])
    known = proportions_ztest(
        counts.loc[["treatment", "control"], "sum"], counts.loc[["treatment", "control"], "size"]
    )
    assert (found.statistic, found.p_value) == pytest.approx(known, rel=1e-9)
    welch = Experiment(Mean("converted"), control="control", variant="group").analyze(users)
    sides = [users.loc[users["group"] == g, "converted"] for g in ("treatment", "control")]
    known = stats.ttest_ind(*sides, equal_var=False)
    assert welch["converted"].p_value == pytest.approx(known.pvalue, rel=1e-9)


def test_cookie_cats_has_an_alarm_at_one_per_cent_and_none_at_the_default(
    shared_data: Path,
) -> None:
    data = read(shared_data, "cookie_cats/cookie_cats.csv.gz")
    counts = data["test_version"].value_counts().to_dict()
    assert counts == {"gate_30": 44_700, "gate_40": 45_489}
    assert round(check_srm(counts).p_value, 4) == 0.0086
    metrics = [Proportion("retention_1"), Proportion("retention_7"), Mean("sum_gamerounds")]
    result = Experiment(metrics, control="gate_30", variant="test_version").analyze(data)
    assert round(result["retention_1"].control_mean, 5) == 0.44819
    assert round(result["retention_7"].variant_mean, 5) == 0.18200
    assert result["retention_7"].p_value == pytest.approx(
        proportions_ztest(
            *data.groupby("test_version")["retention_7"].agg(["sum", "size"]).to_numpy().T
        )[1],
        rel=1e-9,
    )


def hillstrom(shared_data: Path) -> pd.DataFrame:
    return read(shared_data, "hillstrom/hillstrom.csv.gz")


def test_hillstroms_mails_and_a_p_value_below_the_smallest_difference_to_one(
    shared_data: Path,
) -> None:
    data = hillstrom(shared_data)
    experiment = Experiment(
        [Mean("visit"), Mean("spend"), Mean("spend", "history", name="adjusted")],
        control="No E-Mail",
        variant="segment",
        merged={"any e-mail": ["Mens E-Mail", "Womens E-Mail"]},
    )
    result = experiment.analyze(data)
    assert round(result["visit", "Mens E-Mail"].variant_mean, 6) == 0.182757
    assert round(result["spend", "Womens E-Mail"].variant_mean, 6) == 1.077202
    sides = [data.loc[data["segment"] == s, "visit"] for s in ("Womens E-Mail", "No E-Mail")]
    known = stats.ttest_ind(*sides, equal_var=False)
    found = result["visit", "Womens E-Mail"]
    assert found.p_value == pytest.approx(known.pvalue, rel=1e-9)
    assert 0.0 < found.p_value < 1e-42  # 2 (1 - cdf) is exactly 0
    merged = result["visit", "any e-mail"]
    assert merged.n_variant == 21_307 + 21_387
    plain, adjusted = (result[name, "Mens E-Mail"] for name in ("spend", "adjusted"))
    assert adjusted.std_error <= 1.01 * plain.std_error


def draws(values: np.ndarray[Any, Any], n: int, size: int, rng: np.random.Generator) -> Any:
    return values[rng.integers(0, len(values), size=(size, n))]


def coverage(
    shared_data: Path, n: int, repeats: int, method: Any
) -> tuple[float, float, float, float]:
    """Draw customers with replacement, so that the true lift is known: that of all of them.

    Returns the shares covered, missed below, missed above, and without bounds.
    """
    data = hillstrom(shared_data)
    pools = [
        data.loc[data["segment"] == s, "spend"].to_numpy() for s in ("No E-Mail", "Womens E-Mail")
    ]
    truth = pools[1].mean() / pools[0].mean() - 1.0
    rng = np.random.default_rng(n)
    found = np.zeros(4)
    design = Fixed(relative_method=method)
    for _ in range(repeats // 1_000):
        sides = [draws(pool, n, 1_000, rng) for pool in pools]
        means = np.column_stack([s.mean(axis=1) for s in sides]).tolist()
        variances = np.column_stack([s.var(axis=1, ddof=1) / n for s in sides]).tolist()
        for (a, b), (va, vb) in zip(means, variances, strict=True):
            freedom = (va + vb) ** 2 / ((va**2 + vb**2) / (n - 1)) if va + vb else np.inf
            estimate = Estimate(
                metric="spend", control="A", variant="B", n_control=n, n_variant=n,
                control_mean=a, variant_mean=b, control_variance=va, variant_variance=vb,
                degrees_of_freedom=freedom,
            )  # fmt: skip
            low, high = design.judge(
                estimate, alpha=0.05, alternative="two-sided"
            ).relative_interval
            open_ended = np.isinf(low) or np.isnan(low)
            found += [low <= truth <= high or np.isnan(low), truth < low, truth > high, open_ended]
    return tuple((found / repeats).tolist())


def test_relative_lift_covers_where_tails_are_heavy(shared_data: Path) -> None:
    """2,000 draws: standard error 0.5 points. Spend: 0.9 % of customers, up to 499."""
    covered, below, above, _ = coverage(shared_data, 2_000, 2_000, "fieller")
    assert covered >= 0.945 - 0.01
    assert max(below, above) <= 0.035 + 0.005
    covered, _, _, unbounded = coverage(shared_data, 500, 2_000, "fieller")
    assert covered >= 0.94
    assert unbounded > 0.5
    plain, *_ = coverage(shared_data, 500, 2_000, "delta")
    assert plain < 0.90  # the plain delta method does not


@pytest.mark.slow
@pytest.mark.parametrize(("n", "least"), [(500, 0.94), (2_000, 0.945), (10_000, 0.94)])
def test_relative_lift_covers_in_a_large_simulation(
    shared_data: Path, n: int, least: float
) -> None:
    """20,000 draws: standard error 0.15 points."""
    covered, below, above, _ = coverage(shared_data, n, 20_000, "fieller")
    assert covered >= least
    assert max(below, above) <= 0.035
