"""Drift of segments: tables by brute force, tests beside SciPy's, alarms simulated."""

from __future__ import annotations

import pickle
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest
from matplotlib import pyplot as plt
from scipy import stats
from statsmodels.stats.contingency_tables import SquareTable
from statsmodels.stats.proportion import proportions_ztest

from userportrait.errors import (
    ColumnTypeError,
    InvalidDataError,
    InvalidParameterError,
    MissingColumnError,
    NotFittedError,
)
from userportrait.predict import population_stability
from userportrait.segment import (
    CustomerSegments,
    KPrototypes,
    SegmentDrift,
    plot_segment_drift,
    segment_drift,
)
from userportrait.segment._drift_tests import compare_shares, count_far, far_chance

if TYPE_CHECKING:
    from collections.abc import Iterator

CENTRES = np.array([[0.0, 0.0], [6.0, 0.0], [0.0, 6.0]])


@pytest.fixture(autouse=True)
def _close_figures() -> Iterator[None]:
    yield
    plt.close("all")


def customers(seed: int, n: int = 300, shares: tuple[float, ...] = (0.5, 0.3, 0.2)) -> pd.DataFrame:
    source = np.random.default_rng(seed)
    kind = source.choice(3, size=n, p=shares)
    values = CENTRES[kind] + source.normal(size=(n, 2))
    channel = np.array(["app", "web"], dtype=object)[source.integers(0, 2, size=n)]
    return pd.DataFrame({"orders": values[:, 0], "age": values[:, 1], "channel": channel})


def identified(frame: pd.DataFrame, first: int = 0) -> pd.DataFrame:
    return frame.assign(customer_id=np.arange(first, first + len(frame)))


@dataclass
class Halves:
    """A clusterer whose segments are known: by the sign of the first column, noise beyond 9."""

    n_clusters_: int = 2

    def predict(self, X: Any) -> np.ndarray:
        values = np.asarray(X)[:, 0].astype(np.float64)
        return np.where(np.abs(values) > 9, -1, (values > 0).astype(int))


@pytest.fixture(scope="module")
def old() -> pd.DataFrame:
    return customers(0)


@pytest.fixture(scope="module")
def segments(old: pd.DataFrame) -> CustomerSegments:
    return CustomerSegments(3, n_init=3).fit(old)


# Sizes


def test_sizes_and_index_are_those_of_the_predictions(
    segments: CustomerSegments, old: pd.DataFrame
) -> None:
    new = customers(1, 200, (0.2, 0.3, 0.5))
    drift = segment_drift(segments, old, new)
    labels = segments.predict(old), segments.predict(new)
    for side, found in zip(("before", "after"), labels, strict=True):
        counts = pd.Series(found).value_counts().sort_index()
        assert drift.sizes[f"n_{side}"].tolist() == counts.tolist()
        np.testing.assert_allclose(drift.sizes[f"share_{side}"], counts / len(found))
    assert drift.sizes["name"].tolist() == segments.names()
    stability = population_stability(labels[0].astype(str), labels[1].astype(str))
    assert drift.psi == pytest.approx(stability.psi, rel=1e-12)
    assert drift.chance_psi == pytest.approx(stability.chance_psi)
    assert drift.p_value == pytest.approx(stability.p_value)
    pd.testing.assert_frame_equal(drift.to_frame(), drift.sizes)
    assert drift.transitions is None
    assert drift.n_both is drift.n_only_before is None
    assert np.isnan(drift.moved_share)


def test_without_common_customers_the_test_is_pearsons() -> None:
    before, after = np.array([40.0, 30, 30, 0]), np.array([20.0, 50, 10, 5])
    chi2, df, p_value = compare_shares(before, after, np.zeros((4, 4)))
    expected: Any = stats.chi2_contingency([before, after], correction=False)
    assert (chi2, df, p_value) == pytest.approx((expected[0], expected[2], expected[1]))


def test_with_the_same_customers_the_test_is_that_of_stuart_and_maxwell() -> None:
    both = np.array([[30.0, 5, 2], [10, 40, 3], [1, 9, 20]])
    chi2, df, p_value = compare_shares(both.sum(axis=1), both.sum(axis=0), both)
    table: Any = SquareTable(both, shift_zeros=False)
    expected = table.homogeneity(method="stuart_maxwell")
    assert (chi2, df) == pytest.approx((expected.statistic, expected.df))
    assert p_value == pytest.approx(expected.pvalue)


def test_where_nobody_moved_there_is_nothing_to_test() -> None:
    kept = np.diag([30.0, 20.0])
    assert compare_shares(np.array([30.0, 20]), np.array([30.0, 20]), kept) == (0.0, 0, 1.0)


def test_with_some_common_customers_false_alarms_are_at_their_level() -> None:
    source = np.random.default_rng(0)
    alarms, naive, n = 0, 0, 1000
    for _ in range(n):
        # 300 in both, who mostly stay; 100 more on each side.
        stay = source.choice(3, size=300, p=[0.5, 0.3, 0.2])
        left, right = (source.choice(3, size=100, p=[0.5, 0.3, 0.2]) for _ in range(2))
        again = np.where(
            source.random(300) < 0.8, stay, source.choice(3, size=300, p=[0.5, 0.3, 0.2])
        )
        both = np.zeros((3, 3))
        np.add.at(both, (stay, again), 1.0)
        before = both.sum(axis=1) + np.bincount(left, minlength=3)
        after = both.sum(axis=0) + np.bincount(right, minlength=3)
        alarms += compare_shares(before, after, both)[2] <= 0.05
        naive += compare_shares(before, after, np.zeros((3, 3)))[2] <= 0.05
    # Three standard errors of 0.05 over 1,000; two samples would see hardly anything.
    assert abs(alarms / n - 0.05) < 3 * np.sqrt(0.05 * 0.95 / n)
    assert naive / n < 0.01


# Transitions


def test_transitions_are_a_cross_table_of_the_customers_in_both(
    segments: CustomerSegments, old: pd.DataFrame
) -> None:
    before = identified(old)
    after = identified(customers(2, 250), first=120).sample(frac=1.0, random_state=0)
    drift = segment_drift(segments, before, after)
    merged = (
        before.assign(segment=segments.predict(before))
        .merge(after.assign(segment=segments.predict(after)), on="customer_id")
        .rename(columns={"segment_x": "before", "segment_y": "after"})
    )
    expected = pd.crosstab(merged["before"], merged["after"])
    assert drift.transitions is not None
    np.testing.assert_array_equal(drift.transitions, expected)
    shares = pd.crosstab(merged["before"], merged["after"], normalize="index")
    np.testing.assert_allclose(np.asarray(drift.transition_shares), shares)
    assert drift.n_both == len(merged) == 180
    assert drift.n_only_before == 120
    assert drift.n_only_after == 70
    assert drift.moved_share == pytest.approx((merged["before"] != merged["after"]).mean())


def test_customers_without_anybody_in_common_have_no_moved_share() -> None:
    frame = pd.DataFrame({"x": [-1.0, 1.0, 2.0]})
    drift = segment_drift(Halves(), identified(frame), identified(frame, first=10))
    assert drift.n_both == 0
    assert np.isnan(drift.moved_share)
    assert np.isnan(np.asarray(drift.transition_shares)).all()


# Moves


def test_moves_are_differences_of_means_and_levels_with_their_tests(
    segments: CustomerSegments, old: pd.DataFrame
) -> None:
    new = customers(3, 400)
    new["orders"] += 0.3
    new.loc[new.index[:40], "age"] = np.nan
    drift = segment_drift(segments, old, new)
    moves: Any = drift.moves.set_index(["segment", "feature", "level"])
    assert len(moves) == 3 * 4
    for segment in range(3):
        pair: Any = [X[segments.predict(X) == segment] for X in (old, new)]
        for name in ("orders", "age"):
            a, b = (side[name].dropna() for side in pair)
            row = moves.loc[segment, name, ""]
            assert (row["before"], row["after"]) == pytest.approx((a.mean(), b.mean()))
            low = np.quantile(old[name], 0.005, method="higher")
            high = np.quantile(old[name], 0.995, method="lower")
            spread = old[name].clip(low, high).std(ddof=0)
            assert row["effect_size"] == pytest.approx((b.mean() - a.mean()) / spread)
            welch: Any = stats.ttest_ind(a, b, equal_var=False)
            assert row["p_value"] == pytest.approx(welch.pvalue)
        hits = [int((side["channel"] == "web").sum()) for side in pair]
        row = moves.loc[segment, "channel", "web"]
        sizes = [len(side) for side in pair]
        assert row["p_value"] == pytest.approx(proportions_ztest(hits, sizes)[1])
        angles = [2 * np.arcsin(np.sqrt(h / n)) for h, n in zip(hits, sizes, strict=True)]
        assert row["effect_size"] == pytest.approx(angles[1] - angles[0])
    strongest = drift.strongest_moves(3)["effect_size"].abs()
    assert strongest.tolist() == sorted(drift.moves["effect_size"].abs(), reverse=True)[:3]


def test_a_new_level_is_a_move_and_few_members_have_no_p_value() -> None:
    X = np.array([-1.0] * 20 + [1.0] * 5)
    before = pd.DataFrame({"x": X, "channel": ["web"] * 25})
    after = before.assign(channel=["app"] * 10 + ["web"] * 15)
    moves: Any = segment_drift(Halves(), before, after).moves.set_index(["segment", "level"])
    assert moves.loc[(0, "app"), "before"] == 0.0
    assert moves.loc[(0, "app"), "after"] == 0.5
    assert moves.loc[(0, "app"), "p_value"] == pytest.approx(
        proportions_ztest([0, 10], [20, 20])[1]
    )
    assert np.isnan(moves.loc[(1, "app"), "p_value"])


def test_features_that_never_differ_do_not_move() -> None:
    frame = pd.DataFrame({"x": np.repeat([-1.0, 1.0], 30), "y": 7.0})
    drift = segment_drift(Halves(), frame, frame)
    assert drift.moves["effect_size"].tolist() == [0.0] * 4
    assert drift.moves["p_value"].tolist() == [1.0] * 4
    moved = segment_drift(Halves(), frame, frame.assign(y=8.0))
    assert moved.verdict == "refit"
    assert "moved in y" in str(moved)


# Far away


def test_far_is_beyond_99_of_100_members_of_the_segment() -> None:
    source = np.random.default_rng(0)
    before, after = source.normal(size=(250, 3)), source.normal(size=(80, 3)) * 1.5
    labels = np.repeat([0, 1], [200, 50]), np.repeat([0, 1], [50, 30])
    n_far, n_judged, mean, variance = count_far(before, after, *labels, [0, 1])
    for segment in (0, 1):
        old, new = before[labels[0] == segment], after[labels[1] == segment]
        own = [
            np.linalg.norm(old[at] - np.delete(old, at, axis=0).mean(axis=0))
            for at in range(len(old))
        ]
        limit = np.quantile(own, 0.99, method="inverted_cdf")
        assert n_far[segment] == (np.linalg.norm(new - old.mean(axis=0), axis=1) > limit).sum()
    assert n_judged.tolist() == [50, 30]
    # The limit is the 198th of 200 and the last of 50: 3 and 1 of the gaps lie beyond.
    assert mean.tolist() == pytest.approx([50 * 3 / 201, 30 / 51])
    # One segment alone has a beta-binomial distribution.
    of_one = stats.betabinom(50, 3, 198)
    assert variance[0] == pytest.approx(of_one.var())
    found = far_chance(4, 50, float(mean[0]), float(variance[0]))
    assert found == pytest.approx(of_one.sf(3), rel=1e-6)


def test_small_segments_and_noise_are_not_judged() -> None:
    before = np.concatenate([np.linspace(-5, -1, 30), np.linspace(1, 5, 19), np.full(40, 10.0)])
    X = before[:, None]
    drift = segment_drift(Halves(), X, X)
    assert drift.sizes["segment"].tolist() == [0, 1, -1]
    assert drift.sizes["n_judged"].tolist() == [30, 0, 0]
    assert drift.sizes["name"].tolist() == ["segment 0", "segment 1", "noise"]
    assert drift.n_far == 0


def test_noise_that_moved_is_told_by_its_name() -> None:
    frame = pd.DataFrame({"x": np.repeat([-1.0, 20.0], 30), "y": np.arange(60.0)})
    drift = segment_drift(Halves(), frame, frame.assign(y=frame["y"] + 60.0 * (frame["x"] > 9)))
    assert drift.reasons == ("noise moved in y by +3.46 standard deviations (limit 0.5)",)


def test_the_chance_of_far_customers_adds_over_segments() -> None:
    # Simulated: ranks of 40 and 60 new values among 100 and 50 old ones.
    source = np.random.default_rng(1)
    counts = np.zeros(20_000, dtype=int)
    for n_old, n_new in ((100, 40), (50, 60)):
        rank = int(np.ceil(0.99 * n_old))
        share = source.beta(n_old + 1 - rank, rank, size=len(counts))
        counts += source.binomial(n_new, share)
    mean = 40 * 2 / 101 + 60 / 51
    variance = sum(float(stats.betabinom.var(n, a, b)) for n, a, b in ((40, 2, 99), (60, 1, 50)))
    for n_far in (3, 6, 9):
        found = far_chance(n_far, 100, mean, variance)
        assert found == pytest.approx((counts >= n_far).mean(), abs=0.015)


# Verdicts


def test_the_same_population_hardly_ever_asks_to_refit() -> None:
    alarms, far, shares = 0, 0, 0
    for seed in range(30):
        before, after = customers(2 * seed, 150), customers(2 * seed + 1, 150)
        drift = segment_drift(CustomerSegments(3, n_init=1).fit(before), before, after)
        alarms += drift.verdict == "refit"
        far += drift.far_p_value <= 0.05
        shares += drift.p_value <= 0.05
    # The 99.9 % limit of a binomial of 30 and 0.05.
    assert max(alarms, far, shares) <= 6


def test_the_same_customers_at_both_dates_are_stable(
    segments: CustomerSegments, old: pd.DataFrame
) -> None:
    drift = segment_drift(segments, identified(old), identified(old))
    assert drift.verdict == "stable"
    assert drift.reasons == ()
    assert drift.psi == drift.moved_share == drift.chi2 == 0.0
    assert str(drift).startswith("stable: stability index of the shares 0.000")


def test_moved_shares_ask_to_refit(segments: CustomerSegments, old: pd.DataFrame) -> None:
    drift = segment_drift(segments, old, customers(4, 300, (0.1, 0.2, 0.7)))
    assert drift.verdict == "refit"
    assert len(drift.reasons) == 1
    assert "stability index" in drift.reasons[0]


def test_customers_of_another_kind_ask_to_refit(
    segments: CustomerSegments, old: pd.DataFrame
) -> None:
    new = customers(5, 300)
    source = np.random.default_rng(0)
    strange = source.choice(300, size=30, replace=False)
    new.loc[strange, ["orders", "age"]] = source.choice([-9.0, 15.0], size=(30, 2))
    drift = segment_drift(segments, old, new)
    assert drift.verdict == "refit"
    assert drift.far_share >= 0.09
    assert any("far from their segment's centre" in reason for reason in drift.reasons)


def test_members_that_moved_ask_to_refit(segments: CustomerSegments, old: pd.DataFrame) -> None:
    new = customers(6, 300)
    new["age"] += 2.0
    drift = segment_drift(segments, old, new)
    assert drift.verdict == "refit"
    assert any("moved in age by +0." in reason for reason in drift.reasons)


@pytest.mark.parametrize("as_array", [False, True])
def test_an_extreme_value_before_hides_no_drift(*, as_array: bool) -> None:
    source = np.random.default_rng(1)
    before = pd.DataFrame(source.normal(size=(300, 2)), columns=["x", "y"])
    after = pd.DataFrame(source.normal([0.0, 2.5], size=(250, 2)), columns=["x", "y"])
    wrong = before.copy()
    wrong.loc[7, "y"] = -1e9
    kinds = [table.to_numpy() if as_array else table for table in (before, wrong, after)]
    clean, found = (segment_drift(Halves(), table, kinds[2]) for table in kinds[:2])
    assert [reason.split(" ")[-3:] for reason in found.reasons] == [
        reason.split(" ")[-3:] for reason in clean.reasons
    ]
    assert len(found.reasons) == 2
    assert found.far_share > 0.7 * clean.far_share > 0.3
    pairs = zip(found.strongest_moves(2)["effect_size"], [2.5, 2.5], strict=True)
    assert all(abs(effect - shift) < 0.4 for effect, shift in pairs)
    assert found.strongest_moves(2)["p_value"].max() < 1e-20
    # What is shown is what is there.
    assert found.moves["before"].min() < -1e6


def test_an_extreme_value_after_makes_no_move() -> None:
    source = np.random.default_rng(2)
    before = pd.DataFrame(source.normal(size=(300, 2)), columns=["x", "y"])
    after = pd.DataFrame(source.normal(size=(300, 2)), columns=["x", "y"])
    after.loc[7, "y"] = 1e9
    drift = segment_drift(Halves(), before, after)
    assert drift.verdict == "stable"
    assert drift.strongest_moves(1)["effect_size"].abs().max() < 0.5


def test_rare_values_of_a_feature_are_taken_as_they_are() -> None:
    # Nothing but 0 in the middle 99 of 100, so no range to hold values in.
    frame = pd.DataFrame({"x": np.repeat([-1.0, 1.0], 300), "gifts": 0.0})
    frame.loc[[0, 599], "gifts"] = 50.0
    moved = frame.assign(gifts=np.tile([0.0, 5.0], 300))
    row = segment_drift(Halves(), frame, moved).strongest_moves(1).iloc[0]
    assert row["effect_size"] == pytest.approx((2.5 - 50 / 300) / frame["gifts"].std(ddof=0))


def test_long_tails_are_no_drift() -> None:
    alarms, far, moves = 0, 0, 0
    for seed in range(200):
        source = np.random.default_rng(seed)
        before, after = (
            pd.DataFrame(
                {
                    "x": source.normal(size=200), "spend": source.lognormal(3, 1, 200),
                    "visits": source.lognormal(0, 1.5, 200), "margin": source.standard_t(2, 200),
                }
            )
            for _ in range(2)
        )  # fmt: skip
        drift = segment_drift(Halves(), before, after)
        alarms += drift.verdict == "refit"
        far += drift.far_p_value <= 0.05
        moves += bool(drift.moves["adjusted_p_value"].min() <= 0.05)
    # The 99.9 % limit of a binomial of 200 and 0.05.
    assert max(alarms, far, moves) <= stats.binom.ppf(0.999, 200, 0.05) == 21


# Input


def test_the_order_of_rows_changes_nothing(segments: CustomerSegments, old: pd.DataFrame) -> None:
    before, after = identified(old), identified(customers(7), first=100)
    first = segment_drift(segments, before, after)
    second = segment_drift(
        segments, before.sample(frac=1.0, random_state=1), after.sample(frac=1.0, random_state=2)
    )
    assert first.to_dict() == second.to_dict()
    pd.testing.assert_frame_equal(first.sizes, second.sizes, check_exact=True)
    pd.testing.assert_frame_equal(first.moves, second.moves, check_exact=True)


def test_frames_of_polars_give_the_same(segments: CustomerSegments, old: pd.DataFrame) -> None:
    pl = pytest.importorskip("polars")
    before, after = identified(old), identified(customers(7), first=100)
    frames = [pl.DataFrame(frame.to_dict("list")) for frame in (before, after)]
    expected = segment_drift(segments, before, after).to_dict()
    assert segment_drift(segments, *frames).to_dict() == expected
    lazy = [frame.lazy() for frame in frames]
    assert segment_drift(segments, *lazy).to_dict() == expected


def test_other_clusterers_will_do(old: pd.DataFrame) -> None:
    model = KPrototypes(3, n_init=2).fit(old)
    drift = segment_drift(model, identified(old), identified(customers(8)))
    assert drift.sizes["name"].tolist() == ["segment 0", "segment 1", "segment 2"]
    assert drift.verdict == "stable"


def test_segments_of_hdbscan_have_noise(old: pd.DataFrame) -> None:
    before, after = (frame[["orders", "age"]] for frame in (old, customers(10)))
    model = CustomerSegments(method="hdbscan").fit(before)
    drift = segment_drift(model, before, after)
    assert drift.sizes["n_before"].sum() == len(old)
    assert set(model.labels_) <= set(drift.sizes["segment"])
    drift.plot().canvas.draw()


def test_bad_input_is_refused(segments: CustomerSegments, old: pd.DataFrame) -> None:
    wrong: Any = {"alpha": 0.0, "language": "fr"}
    with pytest.raises(InvalidParameterError) as caught:
        segment_drift(object(), old, old, **wrong)
    assert all(name in str(caught.value) for name in ("segments", "alpha", "language"))
    with pytest.raises(NotFittedError):
        segment_drift(CustomerSegments(2), old, old)
    with pytest.raises(MissingColumnError, match="customers of 'after'"):
        segment_drift(segments, identified(old), old)
    twice = identified(old).assign(customer_id=[0, 0, *range(2, len(old))])
    with pytest.raises(InvalidDataError, match="'after' holds customers twice") as found:
        segment_drift(segments, identified(old), twice)
    assert found.value.rows == (1,)
    without = identified(old).assign(customer_id=[np.nan, *range(1, len(old))])
    with pytest.raises(InvalidDataError, match="'before' holds customers without an ID"):
        segment_drift(segments, without, identified(old))
    texts = identified(old).assign(customer_id=[f"c{at}" for at in range(len(old))])
    with pytest.raises(ColumnTypeError, match="texts in one frame"):
        segment_drift(segments, identified(old), texts)
    with pytest.raises(InvalidDataError, match="same features"):
        segment_drift(Halves(), old[["orders"]], old[["age"]])
    with pytest.raises(InvalidDataError):
        segment_drift(segments, old, old.drop(columns="age"))
    with pytest.raises(InvalidDataError, match="infinity"):
        segment_drift(segments, old, old.assign(age=np.inf))
    with pytest.raises(InvalidDataError):
        segment_drift(segments, old, old.iloc[:0])


def test_one_row_on_a_side_is_compared(segments: CustomerSegments, old: pd.DataFrame) -> None:
    assert segment_drift(segments, old, old.iloc[:1]).n_after == 1
    alone = segment_drift(segments, old.iloc[:1], old)
    assert alone.n_judged == 0
    assert np.isnan(alone.far_share)
    assert "no segment was large enough" in str(alone)


# Shown


def test_a_drift_is_shown_in_html_and_kept() -> None:
    frame = pd.DataFrame({"x": np.repeat([-1.0, 1.0], 30), "<b>": np.arange(60.0)})
    drift = segment_drift(Halves(), identified(frame), identified(frame, first=15))
    page = drift._repr_html_()
    assert "changed segment" in page
    assert "&lt;b&gt;" in page
    assert "<b>" not in page
    again: SegmentDrift = pickle.loads(pickle.dumps(drift))
    assert again.to_dict() == drift.to_dict()


def test_the_picture_has_shares_moves_and_transitions(
    segments: CustomerSegments, old: pd.DataFrame
) -> None:
    drift = segment_drift(segments, identified(old), identified(customers(4, 300, (0.1, 0.2, 0.7))))
    figure: Any = plot_segment_drift(drift)
    shares, moves, transitions = figure.axes
    np.testing.assert_allclose(shares.get_lines()[0].get_xdata(), drift.sizes["share_before"])
    np.testing.assert_allclose(shares.get_lines()[1].get_xdata(), drift.sizes["share_after"])
    widths = [bar.get_width() for bar in moves.patches]
    np.testing.assert_allclose(widths, drift.strongest_moves(8)["effect_size"])
    told = {text.get_position(): text.get_text() for text in transitions.texts}
    for (row, column), share in np.ndenumerate(np.asarray(drift.transition_shares)):
        assert told.get((column, row), "0%") == f"{share:.0%}"
    assert figure.get_suptitle().startswith("Refit: the shares moved")
    figure.canvas.draw()


def test_the_picture_without_customers_or_moves_is_smaller() -> None:
    frame = pd.DataFrame({"x": [-1.0, 1.0, 2.0, 10.0]})
    figure: Any = segment_drift(Halves(), frame, frame).plot()
    assert len(figure.axes) == 2
    assert [text.get_text() for text in figure.axes[1].texts] == ["too few members"]
    assert figure.axes[0].get_yticklabels()[-1].get_text() == "noise"
    figure.canvas.draw()
