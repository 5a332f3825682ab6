"""Whether segments found at one date still hold at another."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import numpy as np
import pandas as pd

from userportrait._core.display import definition_list, format_count, page_fragment, table
from userportrait._core.params import Between, OneOf, check_values
from userportrait._core.shares import stability_terms
from userportrait.segment._drift_sides import (
    Side,
    check_sides,
    count_members,
    prepared,
    read_side,
    transitions_of,
)
from userportrait.segment._drift_tests import compare_shares, count_far, far_chance, moves_of

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from numpy.typing import NDArray

    from userportrait.segment._profiles import Language

    Floats: TypeAlias = NDArray[np.float64]

__all__ = ["MOVE_LIMIT", "SegmentDrift", "segment_drift"]

_PSI_LIMIT = 0.25
_FAR_LIMIT = 0.05
MOVE_LIMIT = 0.5


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SegmentDrift:
    """What has become of segments between two dates.

    Parameters
    ----------
    verdict : {'stable', 'refit'}
    reasons : tuple of str
        Why to refit; empty where nothing asks for it.
    sizes : DataFrame
        One row a segment, noise (-1) last: ``segment``, ``name``, ``n_before``, ``n_after``,
        ``share_before``, ``share_after``, ``psi`` (what it adds to the index), ``n_far``
        (customers after that are far from the segment's centre), ``n_judged`` (those whose
        distance is judged).
    moves : DataFrame
        One row a segment and feature, or level of a category: ``segment``, ``name``,
        ``feature``, ``level``; the members' mean, or share of the level, ``before`` and
        ``after``; ``effect_size`` (of means, the difference in standard deviations of
        everybody before, extreme values held back as `segment_drift` says; of shares, Cohen's
        h); ``p_value`` and ``adjusted_p_value`` (Holm). NaN where a side has no members, or for
        p-values fewer than 10.
    psi, chance_psi : float
        Stability index of the shares, and what to expect of it where nothing has moved.
    chi2, df, p_value : float, int, float
        Test that the shares are the same.
    n_far, n_judged : int
        Of all segments.
    far_expected : float
        Customers to expect far away where nothing has moved.
    far_p_value : float
    n_before, n_after : int
    transitions : DataFrame or None
        Customers that are in both, by the segment before (rows) and after (columns); None
        without ``customer_id``.
    n_only_before, n_only_after : int or None
    alpha : float

    See Also
    --------
    segment_drift : Make one.

    Examples
    --------
    >>> import numpy as np
    >>> from userportrait.segment import CustomerSegments, segment_drift
    >>> source = np.random.default_rng(0)
    >>> old = np.concatenate([source.normal(at, 1, size=(100, 2)) for at in (0, 8)])
    >>> segments = CustomerSegments(2).fit(old)
    >>> segment_drift(segments, old, old[:120]).verdict
    'refit'
    """

    verdict: Literal["stable", "refit"]
    reasons: tuple[str, ...]
    sizes: pd.DataFrame
    moves: pd.DataFrame
    psi: float
    chance_psi: float
    chi2: float
    df: int
    p_value: float
    n_far: int
    n_judged: int
    far_expected: float
    far_p_value: float
    n_before: int
    n_after: int
    transitions: pd.DataFrame | None
    n_only_before: int | None
    n_only_after: int | None
    alpha: float

    @property
    def transition_shares(self) -> pd.DataFrame | None:
        """Shares of each row of `transitions`; NaN in a row of nobody."""
        if self.transitions is None:
            return None
        totals = self.transitions.sum(axis=1)
        return self.transitions.div(totals.where(totals > 0), axis=0)

    @property
    def n_both(self) -> int | None:
        """Customers that are in both; None without ``customer_id``."""
        return None if self.transitions is None else int(self.transitions.to_numpy().sum())

    @property
    def moved_share(self) -> float:
        """Share of the customers in both that changed segment; NaN where there is none."""
        if self.transitions is None or not self.n_both:
            return float("nan")
        return 1.0 - float(np.trace(self.transitions.to_numpy())) / self.n_both

    @property
    def far_share(self) -> float:
        """Share of the judged customers that are far from their centre; NaN of none."""
        return self.n_far / self.n_judged if self.n_judged else float("nan")

    def to_frame(self) -> pd.DataFrame:
        """Return a copy of `sizes`."""
        return self.sizes.copy()

    def to_dict(self) -> dict[str, Any]:
        """Return the single figures by name."""
        return {
            "verdict": self.verdict, "reasons": list(self.reasons), "psi": self.psi,
            "chance_psi": self.chance_psi, "chi2": self.chi2, "df": self.df,
            "p_value": self.p_value, "far_share": self.far_share, "n_far": self.n_far,
            "n_judged": self.n_judged, "far_expected": self.far_expected,
            "far_p_value": self.far_p_value, "n_before": self.n_before, "n_after": self.n_after,
            "n_both": self.n_both, "moved_share": self.moved_share,
            "n_only_before": self.n_only_before, "n_only_after": self.n_only_after,
            "alpha": self.alpha,
        }  # fmt: skip

    def strongest_moves(self, n: int = 10) -> pd.DataFrame:
        """Return the largest effects in `moves` that have a p-value, the largest first.

        Parameters
        ----------
        n : int, default=10
            1 or more.

        Returns
        -------
        DataFrame
            Columns as in `moves`.

        Raises
        ------
        InvalidParameterError
            If `n` is out of range.
        """
        check_values("strongest_moves", {"n": n}, {"n": Between(1, 10**9, integer=True)})
        known = self.moves[self.moves["p_value"].notna()]
        order = np.argsort(-known["effect_size"].abs().to_numpy(), kind="stable")
        return known.iloc[order[:n]].reset_index(drop=True)

    def plot(self, *, language: Language = "en") -> Figure:
        """Draw shares, moves and transitions; see `plot_segment_drift`."""
        from userportrait.segment._drift_plot import plot_segment_drift

        return plot_segment_drift(self, language=language)

    def __str__(self) -> str:
        if self.reasons:
            return f"{self.verdict}: {'; '.join(self.reasons)}"
        moves = self.strongest_moves(1)
        largest = 0.0 if moves.empty else abs(float(moves["effect_size"].iloc[0]))
        return (
            f"{self.verdict}: stability index of the shares {self.psi:.3f} "
            f"({self.chance_psi:.3f} by chance), far from their centre {_far_words(self)}; "
            f"largest move of a feature in a segment {largest:.2f}"
        )

    def _repr_html_(self) -> str:
        facts: dict[str, object] = {
            "customers": f"{self.n_before:,} before, {self.n_after:,} after",
            "stability index": f"{self.psi:.3f}, {self.chance_psi:.3f} by chance",
            "same shares": f"p = {self.p_value:.3g}",
            "far from their centre": _far_words(self),
        }
        if self.n_both:
            facts["changed segment"] = f"{self.moved_share:.1%} of {self.n_both:,} in both"
        rows = [
            (row.segment, row.name, f"{row.n_before:,}", f"{row.n_after:,}",
             f"{row.share_before:.1%}", f"{row.share_after:.1%}")
            for row in self.sizes.itertuples(index=False)
        ]  # fmt: skip
        columns = ("segment", "name", "before", "after", "share before", "share after")
        shown = table(columns, rows, numeric=columns[2:], caption="Sizes")
        parts = [definition_list(facts), shown, _moves_table(self.strongest_moves(5))]
        return page_fragment(str(self), *parts)


def segment_drift(
    segments: Any,
    before: Any,
    after: Any,
    *,
    alpha: float = 0.05,
    language: Language = "en",
) -> SegmentDrift:
    """Compare the customers of two dates by segments found earlier, and say whether to refit.

    Parameters
    ----------
    segments : CustomerSegments, or any fitted clusterer with `predict`
        Both frames are put into its segments; it is not changed.
    before, after : array-like of shape (n_rows, n_features), or frame
        One row a customer: the features of `fit` at two dates, such as the frame of `fit` and
        that of today. With a column ``customer_id`` in both, each customer is followed.
    alpha : float, default=0.05
        About the chance, at most, that ``'refit'`` is said although nothing has moved; above
        0, below 1.
    language : {'en', 'zh'}, default='en'
        Of the segments' names.

    Returns
    -------
    SegmentDrift

    Raises
    ------
    InvalidParameterError
        If parameters are out of range; all of them at once.
    MissingColumnError
        If ``customer_id`` is in one of the frames only.
    InvalidDataError
        If a customer is missing or comes twice, or if the features are unfit.
    ColumnTypeError
        If ``customer_id`` holds texts in one frame and numbers in the other.

    Notes
    -----
    ``'refit'`` is said for any of three reasons, each of which must be large and beyond
    chance at a third of `alpha`:

    - the stability index of the shares is 0.25 or more, a large change by custom; [1]_
    - 5 % or more of the customers are farther from their segment's centre than 99 % of its
      members were before;
    - the members of a segment moved by 0.5 standard deviations in a feature, or by as much
      in Cohen's h in the share of a level: a medium effect. Holm's adjustment keeps the
      chance over all segments and features.

    Customers that are in both frames make the shares more alike than two samples would be.
    The test takes that into account: without them it is Pearson's chi-square test, with
    nobody else that of Stuart and Maxwell. [2]_ The other two tests take the frames for two
    samples, so they alarm less where customers are in both. Means are compared by Welch's t
    test, which in small segments of long-tailed features alarms more often than it says.

    Distances are those of features brought to one scale by a `PrepareFeatures` of `before`,
    whatever the method: where the members of a segment are drawn as before, 1 % are far
    whatever its shape. A segment that had fewer than 20 members is not judged by it, nor
    is noise.

    Extreme values of a feature, the last one or one in 200 on either side of `before`, neither
    hide a move nor make one. The standard deviation and the `PrepareFeatures` are those of
    values held within the range of the others; for the effect and its test, members' values at
    both dates count as at most as far outside that range as it is wide. Features with fewer
    than 10 values in `before`, or with no other difference, are taken as they are.

    References
    ----------
    .. [1] Siddiqi (2006), "Credit risk scorecards", Wiley.
    .. [2] Maxwell (1970), "Comparing the classification of subjects by two independent
       judges", British Journal of Psychiatry 116.

    Examples
    --------
    >>> import pandas as pd
    >>> from userportrait.segment import CustomerSegments, segment_drift
    >>> orders = [1.0, 1.0, 2.0, 2.0, 9.0, 9.0, 8.0, 8.0]
    >>> spring = pd.DataFrame({"customer_id": range(8), "orders": orders})
    >>> autumn = spring.assign(orders=[1.0, 8.0, 2.0, 2.0, 9.0, 9.0, 8.0, 8.0])
    >>> drift = segment_drift(CustomerSegments(2).fit(spring), spring, autumn)
    >>> drift.transitions
    after   0  1
    before
    0       3  1
    1       0  4
    >>> drift.moved_share
    0.125
    """
    check_values(
        "segment_drift",
        {"segments": segments, "alpha": alpha, "language": language},
        {
            "segments": _Predicts(),
            "alpha": Between(0.0, 1.0, open_low=True, open_high=True),
            "language": OneOf(("en", "zh")),
        },
    )
    sides = read_side(segments, before, "before"), read_side(segments, after, "after")
    check_sides(*sides)
    numbers = _numbers(segments, sides)
    return _told(sides, numbers, _names(segments, numbers, language), alpha)


class _Predicts:
    """Something with a method `predict`."""

    def problem(self, name: str, value: object) -> str | None:
        """Return one sentence about a bad value, None for a good one."""
        if callable(getattr(value, "predict", None)):
            return None
        return f"{name} must be a fitted clusterer with predict; got {type(value).__name__}."


def _numbers(segments: Any, sides: tuple[Side, Side]) -> list[int]:
    """Return the segments' numbers, those without customers included, noise last."""
    labels = np.unique(np.concatenate([side.labels for side in sides]))
    known: Any = getattr(segments, "n_clusters_", 0)
    is_whole: Any = np.ndim(known) == 0 and np.asarray(known).dtype.kind in "iu"
    n_known = int(known) if is_whole else 0
    numbers = [*range(max(n_known, int(labels.max()) + 1))]
    return [*numbers, -1] if labels.min() < 0 else numbers


def _names(segments: Any, numbers: list[int], language: Language) -> list[str]:
    noise = {"en": "noise", "zh": "噪声"}[language]
    plain = {"en": "segment {}", "zh": "分群 {}"}[language]
    told: dict[int, str] = {n: plain.format(n) if n >= 0 else noise for n in numbers}
    if callable(getattr(segments, "profile", None)):
        profile = segments.profile(language=language)
        told |= dict(zip(profile["segment"].tolist(), profile["name"].tolist(), strict=True))
    return [told[number] for number in numbers]


def _told(
    sides: tuple[Side, Side], numbers: list[int], names: list[str], alpha: float
) -> SegmentDrift:
    old, new = sides
    n_old, n_new = (count_members(side.labels, numbers) for side in sides)
    total_old, total_new = float(n_old.sum()), float(n_new.sum())
    both = transitions_of(old, new, numbers)
    kept = np.zeros((len(numbers),) * 2) if both is None else both.to_numpy(dtype=np.float64)
    chi2, df, p_value = compare_shares(n_old, n_new, kept)
    terms = stability_terms(n_old, n_new)
    chance = (int((n_old + n_new > 0).sum()) - 1) * (1.0 / total_old + 1.0 / total_new)
    far = count_far(*prepared(old, new), old.labels, new.labels, numbers)
    n_far, n_judged, expected = int(far[0].sum()), int(far[1].sum()), float(far[2].sum())
    far_p = far_chance(n_far, n_judged, expected, float(far[3].sum()))
    moves = moves_of(old.table, new.table, old.labels, new.labels, numbers)
    moves.insert(1, "name", moves["segment"].map(dict(zip(numbers, names, strict=True))))
    reasons = [
        *_why_shares(float(terms.sum()), p_value, alpha / 3.0),
        *_why_far(n_far, n_judged, expected, far_p, alpha / 3.0),
        *_why_moves(moves, alpha / 3.0),
    ]
    sizes = pd.DataFrame(
        {
            "segment": numbers, "name": names,
            "n_before": n_old.astype(np.int64), "n_after": n_new.astype(np.int64),
            "share_before": n_old / total_old, "share_after": n_new / total_new, "psi": terms,
            "n_far": far[0], "n_judged": far[1],
        }
    )  # fmt: skip
    n_both = None if both is None else int(both.to_numpy().sum())
    return SegmentDrift(
        verdict="refit" if reasons else "stable", reasons=tuple(reasons), sizes=sizes,
        moves=moves, psi=float(terms.sum()), chance_psi=chance, chi2=chi2, df=df,
        p_value=p_value, n_far=n_far, n_judged=n_judged, far_expected=expected,
        far_p_value=far_p, n_before=int(total_old), n_after=int(total_new), transitions=both,
        n_only_before=None if n_both is None else int(total_old) - n_both,
        n_only_after=None if n_both is None else int(total_new) - n_both, alpha=alpha,
    )  # fmt: skip


def _why_shares(psi: float, p_value: float, level: float) -> list[str]:
    if psi < _PSI_LIMIT or p_value > level:
        return []
    return [f"the shares moved by a stability index of {psi:.2f} (limit {_PSI_LIMIT})"]


def _why_far(n_far: int, n_judged: int, expected: float, p: float, level: float) -> list[str]:
    if not n_judged or n_far < _FAR_LIMIT * n_judged or p > level:
        return []
    far, usual = n_far / n_judged, expected / n_judged
    told = f"{far:.1%} of the customers are far from their segment's centre"
    return [f"{told} ({usual:.1%} expected, limit {_FAR_LIMIT:.0%})"]


def _why_moves(moves: pd.DataFrame, level: float) -> list[str]:
    effects = moves["effect_size"].abs().to_numpy()
    large = (effects >= MOVE_LIMIT) & (moves["adjusted_p_value"].to_numpy() <= level)
    if not large.any():
        return []
    row: Any = moves.iloc[int(np.argmax(np.where(large, effects, -1.0)))]
    what = f"{row['feature']} = {row['level']}" if row["level"] else str(row["feature"])
    more = int(large.sum()) - 1
    also = f", and {format_count(more, 'more such move')}" if more else ""
    unit = "in Cohen's h" if row["level"] else "standard deviations"
    size = f"{row['effect_size']:+.2f} {unit} (limit {MOVE_LIMIT})"
    number, name = int(row["segment"]), str(row["name"])
    who = f"segment {number} ({name})" if number >= 0 else name
    return [f"{who} moved in {what} by {size}{also}"]


def _far_words(drift: SegmentDrift) -> str:
    if not drift.n_judged:
        return "unknown, since no segment was large enough"
    expected = drift.far_expected / drift.n_judged
    return f"{drift.far_share:.1%} ({expected:.1%} expected)"


def _moves_table(moves: pd.DataFrame) -> str:
    columns = ["segment", "feature", "level", "before", "after", "effect_size", "adjusted_p_value"]
    rows = [
        (segment, f"{feature} = {level}" if level else feature, f"{old:,.4g}", f"{new:,.4g}",
         f"{effect:+.2f}", f"{p:.3g}")
        for segment, feature, level, old, new, effect, p in moves[columns].to_numpy().tolist()
    ]  # fmt: skip
    shown = ("segment", "feature", "mean before", "after", "effect size", "adjusted p")
    return table(shown, rows, numeric=shown[2:], caption="Largest moves")
