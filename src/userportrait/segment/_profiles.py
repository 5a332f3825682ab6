"""What sets segments apart: means beside everybody's, and where segments stand by rank."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import numpy as np
import pandas as pd
from scipy import stats

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from userportrait._core.feature_table import FeatureTable

    Floats: TypeAlias = NDArray[np.float64]
    Ints: TypeAlias = NDArray[np.intp]

__all__ = ["Language", "SegmentProfile", "profile_segments"]

Language: TypeAlias = Literal["en", "zh"]


@dataclass(frozen=True, slots=True, eq=False)
class SegmentProfile:
    """Segments beside everybody.

    Parameters
    ----------
    segments : tuple of int
        0, 1 and so on, and -1 last where some customers are in none.
    table : DataFrame
        Columns ``segment``, ``n_customers``, ``share``, ``feature``, ``level``, ``mean``,
        ``everybody``, ``index``, ``effect_size``; the mean of a level is its share.
    standing : ndarray of shape (n_rows of `table`,)
        What names go by. Of a number, the difference of the mean ranks in standard deviations
        of the ranks, so that a few very large customers do not decide; of a level, the effect
        size.
    alike : DataFrame
        Rank correlations of the numbers, by feature.
    """

    segments: tuple[int, ...]
    table: pd.DataFrame
    standing: Floats
    alike: pd.DataFrame


def profile_segments(table: FeatureTable, labels: Ints, segments: Sequence[int]) -> SegmentProfile:
    """Compare each segment with everybody, feature by feature."""
    places = np.where(labels < 0, len(segments) - 1, labels)
    sizes = np.bincount(places, minlength=len(segments))
    parts: list[pd.DataFrame] = []
    ranks: dict[str, Floats] = {}
    for name in table.names:
        if name in table.numbers:
            values = table.numbers[name]
            ranks[name] = _ranks(values)
            part = _compared(name, "", values, places, sizes)
            part["standing"] = _distances(ranks[name], places, len(sizes))[2]
            parts.append(part)
            continue
        codes, levels = table.texts[name]
        for at in sorted(range(len(levels)), key=lambda at: str(levels[at])):
            is_level = (codes == at).astype(np.float64)
            is_level[codes < 0] = np.nan
            part = _compared(name, str(levels[at]), is_level, places, sizes)
            part["effect_size"] = _cohens_h(part["mean"].to_numpy(), part["everybody"].to_numpy())
            parts.append(part.assign(standing=part["effect_size"]))
    found = pd.concat(parts, ignore_index=True)
    found = found.sort_values("segment", kind="stable", ignore_index=True)
    found["segment"] = np.array(segments, dtype=np.intp)[found["segment"].to_numpy()]
    standing: Floats = found.pop("standing").to_numpy(dtype=np.float64)
    return SegmentProfile(tuple(segments), found, standing, _correlations(ranks))


def _compared(name: str, level: str, values: Floats, places: Ints, sizes: Ints) -> pd.DataFrame:
    means, everybody, effect = _distances(values, places, len(sizes))
    return pd.DataFrame(
        {
            "segment": np.arange(len(sizes)), "n_customers": sizes,
            "share": sizes / max(1, len(places)), "feature": name, "level": level,
            "mean": means, "everybody": everybody,
            "index": 100.0 * means / everybody if everybody > 0 else np.nan,
            "effect_size": effect,
        }
    )  # fmt: skip


def _distances(values: Floats, places: Ints, n_segments: int) -> tuple[Floats, float, Floats]:
    """Return means, everybody's mean, and the differences in standard deviations."""
    known = ~np.isnan(values)
    whose, kept = places[known], values[known]
    counts = np.bincount(whose, minlength=n_segments)
    sums = np.bincount(whose, weights=kept, minlength=n_segments)
    with np.errstate(invalid="ignore", divide="ignore"):
        means: Floats = sums / counts
    everybody = float(kept.mean()) if len(kept) else np.nan
    # Of equal values the computed deviation may be a little above 0.
    spread = float(kept.std()) if len(kept) and kept.min() < kept.max() else 0.0
    effect = (means - everybody) / spread if spread > 0 else np.where(counts, 0.0, np.nan)
    return means, everybody, effect


def _cohens_h(means: Floats, everybody: Floats) -> Floats:
    def angle(shares: Floats) -> Floats:
        found: Floats = 2.0 * np.arcsin(np.sqrt(np.clip(shares, 0.0, 1.0)))
        return found

    return angle(means) - angle(everybody)


def _ranks(values: Floats) -> Floats:
    found = np.full(len(values), np.nan)
    known = ~np.isnan(values)
    rank: Any = stats.rankdata
    found[known] = rank(values[known])
    return found


def _correlations(ranks: dict[str, Floats]) -> pd.DataFrame:
    """Return rank correlations, 0 with constant columns; what is missing counts as average."""
    columns: list[Floats] = []
    for values in ranks.values():
        off = values - (np.nanmean(values) if not np.isnan(values).all() else 0.0)
        off = np.where(np.isnan(off), 0.0, off)
        columns.append(off / max(float(np.linalg.norm(off)), 1e-300))
    rows: Floats = np.array(columns) if columns else np.empty((0, 0))
    return pd.DataFrame(rows @ rows.T, index=list(ranks), columns=list(ranks))
