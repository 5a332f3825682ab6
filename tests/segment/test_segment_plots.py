"""Pictures of segments: every figure of the tables is where it belongs, and nothing else."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest
from matplotlib import pyplot as plt
from matplotlib.colors import to_hex

from userportrait.errors import InvalidDataError, InvalidParameterError, MissingColumnError
from userportrait.segment import (
    ClusterChoice,
    CustomerSegments,
    choose_n_clusters,
    plot_cluster_choice,
    plot_profiles,
)
from userportrait.segment._plot_texts import number_writer, shortened, wrapped

if TYPE_CHECKING:
    from collections.abc import Iterator

MEASURES = (
    "silhouette", "calinski_harabasz", "davies_bouldin", "gap", "bic", "stability",
)  # fmt: skip


@pytest.fixture(autouse=True)
def _close_figures() -> Iterator[None]:
    yield
    plt.close("all")


def choice(n_clusters: int = 3) -> ClusterChoice:
    ks = np.arange(2, 7)
    table: dict[str, Any] = {"n_clusters": ks, "gap_error": 0.01 * ks}
    for at, name in enumerate(MEASURES, 1):
        table[name] = np.sin(ks * at) / at
    return ClusterChoice(
        n_clusters=n_clusters, reason="3 clusters: so it is", measures=pd.DataFrame(table),
        cloud_silhouette=0.2, cloud_deviation=0.05,
    )  # fmt: skip


def diamonds(ax: Any) -> list[tuple[float, float]]:
    lines = [line for line in ax.get_lines() if line.get_marker() == "D"]
    return [(float(line.get_xdata()[0]), float(line.get_ydata()[0])) for line in lines]


def profile(n_segments: int = 3, n_features: int = 4, **columns: Any) -> pd.DataFrame:
    source = np.random.default_rng(0)
    rows: list[dict[str, Any]] = []
    for segment in range(n_segments):
        for feature in range(n_features):
            mean = float(source.normal(10.0, 3.0))
            rows.append(
                {
                    "segment": segment, "name": f"group {segment}", "n_customers": 10,
                    "share": 1 / n_segments, "feature": f"feature {feature}", "level": "",
                    "mean": mean, "everybody": 10.0, "index": 10 * mean,
                    "effect_size": (mean - 10.0) / 3.0,
                }
            )  # fmt: skip
    return pd.DataFrame(rows).assign(**columns)


# The number of clusters


def test_each_measure_has_a_panel_with_its_values_and_the_better_direction() -> None:
    found = choice()
    figure = plot_cluster_choice(found)
    assert len(figure.axes) == 6
    for name, ax in zip(MEASURES, figure.axes, strict=True):
        line: Any = next(line for line in ax.get_lines() if line.get_marker() == "o")
        np.testing.assert_array_equal(line.get_xdata(), found.measures["n_clusters"])
        np.testing.assert_array_equal(line.get_ydata(), found.measures[name])
        is_less = name in ("davies_bouldin", "bic")
        assert ax.get_title(loc="right").endswith("less is better" if is_less else "more is better")
    figure.canvas.draw()


def test_the_number_chosen_is_marked_in_each_panel() -> None:
    found = choice(4)
    for name, ax in zip(MEASURES, plot_cluster_choice(found).axes, strict=True):
        at = found.measures.loc[found.measures["n_clusters"] == 4, name].item()
        assert diamonds(ax) == [(4.0, at)]


def test_one_cloud_has_no_mark() -> None:
    assert not any(diamonds(ax) for ax in plot_cluster_choice(choice(1)).axes)


def test_the_band_of_single_clouds_ends_where_a_choice_is_believed() -> None:
    figure = plot_cluster_choice(choice())
    band: Any = next(patch for patch in figure.axes[0].patches if patch.get_label() == "one cloud")
    assert band.get_bbox().y0 == pytest.approx(0.2 - 3 * 0.05)
    assert band.get_bbox().y1 == pytest.approx(0.2 + 3 * 0.05)


def test_the_gap_has_its_errors() -> None:
    found = choice()
    ax: Any = plot_cluster_choice(found).axes[3]
    segments = ax.containers[0][2][0].get_segments()
    heights = [float(np.ptp(segment[:, 1])) for segment in segments]
    np.testing.assert_allclose(heights, 2 * found.measures["gap_error"])


def test_the_reason_is_the_title() -> None:
    figure: Any = plot_cluster_choice(choice())
    assert figure.get_suptitle() == "3 clusters: so it is"
    assert "3 个分群" in choice().plot(language="zh").get_suptitle()


def test_a_choice_without_measures_says_so() -> None:
    figure: Any = choose_n_clusters(np.repeat([[0.0], [1.0]], 10, axis=0)).plot()
    assert [text.get_text() for ax in figure.axes for text in ax.texts] == ["not measured"] * 6
    assert "fewer than three distinct rows" in figure.get_suptitle()
    figure.canvas.draw()


def test_a_choice_is_drawn_on_axes_given() -> None:
    make: Any = plt.subplots
    figure, axes = make(3, 2)
    assert plot_cluster_choice(choice(), axes=axes) is figure
    assert axes[0, 0].get_title(loc="left") == "Silhouette"
    assert figure.get_suptitle() == ""


@pytest.mark.parametrize("axes", [[], [1, 2, 3, 4, 5, 6], 7])
def test_other_than_six_axes_are_refused(axes: Any) -> None:
    with pytest.raises(InvalidParameterError, match="axes must be 6 matplotlib Axes"):
        plot_cluster_choice(choice(), axes=axes)


def test_something_else_than_a_choice_is_refused() -> None:
    nothing: Any = None
    with pytest.raises(InvalidParameterError, match="choice must be a ClusterChoice"):
        plot_cluster_choice(nothing)


# Profiles


def test_cells_say_the_means_in_rows_by_their_largest_effect() -> None:
    table = profile()
    ax: Any = plot_profiles(table)
    largest = table["effect_size"].abs().groupby(table["feature"]).max()
    order = largest.sort_values(ascending=False).index.tolist()
    assert [label.get_text() for label in ax.get_yticklabels()] == order
    told = {(round(t.get_position()[1]), round(t.get_position()[0])): t for t in ax.texts}
    for row, feature in enumerate(order):
        of_feature = table[table["feature"] == feature]
        write = number_writer(np.append(of_feature["mean"].to_numpy(), 10.0))
        assert told[row, 0].get_text() == write(10.0)
        for column, value in enumerate(of_feature["mean"], 1):
            assert told[row, column].get_text() == write(value)


def test_shades_follow_the_effect_size_from_orange_to_blue() -> None:
    effects = [-3.0, -1.0, -0.6, -0.3, 0.1, 0.3, 0.6, 1.0, 3.0]
    table = profile(9, 1, effect_size=effects)
    ax: Any = plot_profiles(table)
    mesh = ax.collections[0]
    mesh.update_scalarmappable()
    colours = [to_hex(colour) for colour in mesh.get_facecolors().reshape(-1, 4)]
    assert len(set(colours)) == 9
    for colour, effect in zip(colours, effects, strict=True):
        red, blue = int(colour[1:3], 16), int(colour[5:7], 16)
        assert effect == 0.1 or (red > blue) == (effect < 0)
    plt.gcf().canvas.draw()


def test_columns_say_segment_share_and_name_and_noise_is_last() -> None:
    table = profile(2, 1, segment=[-1, 0], name=["noise", "low orders"], share=[0.25, 0.75])
    ax: Any = plot_profiles(table)
    assert [label.get_text() for label in ax.get_xticklabels()] == [
        "everybody", "0 · 75%\nlow orders", "25%\nnoise",
    ]  # fmt: skip


def test_rows_are_limited_and_the_picture_says_so() -> None:
    ax: Any = plot_profiles(profile(2, 9), max_features=4)
    assert len(ax.get_yticklabels()) == 4
    assert ax.xaxis.get_label().get_text() == "the 4 most telling of 9 rows"


def test_levels_are_shares_and_indices_are_whole() -> None:
    customers = pd.DataFrame({"age": [20.0, 21, 60, 61], "channel": ["app", "app", "web", "web"]})
    table = CustomerSegments(2).fit(customers).profile()
    ax: Any = plot_profiles(table)
    rows = [label.get_text() for label in ax.get_yticklabels()]
    assert sorted(rows) == ["age", "channel = app", "channel = web"]
    at = rows.index("channel = app")
    cells = [t.get_text() for t in ax.texts if round(t.get_position()[1]) == at]
    assert cells[0] == "50%"
    assert sorted(cells[1:]) == ["0%", "100%"]
    index: Any = plot_profiles(table, values="index")
    assert sum(t.get_text() == "100" for t in index.texts) == 3


def test_unknown_means_are_dashes_and_dollars_are_no_formula() -> None:
    table = profile(2, 2, name="spend ($) over $5").replace("feature 0", "paid $ of $")
    table["mean"] = [1.0, np.nan, 2.0, 3.0]
    table["effect_size"] = [0.1, np.nan, 0.2, 0.3]
    ax: Any = plot_profiles(table)
    assert "–" in [text.get_text() for text in ax.texts]
    assert r"paid \$ of \$" in [label.get_text() for label in ax.get_yticklabels()]
    plt.gcf().canvas.draw()


def test_names_of_columns_do_not_touch() -> None:
    table = profile(9, 3, name="high PURCHASES_INSTALLMENTS_FREQUENCY, low NumStorePurchases")
    ax: Any = plot_profiles(table)
    figure: Any = ax.figure
    figure.canvas.draw()
    boxes = [label.get_window_extent() for label in ax.get_xticklabels()]
    assert all(left.x1 < right.x0 for left, right in pairwise(boxes))
    assert min(box.x0 for box in boxes) >= 0
    assert max(box.y1 for box in boxes) <= figure.bbox.y1


def test_bad_profiles_are_refused() -> None:
    with pytest.raises(MissingColumnError, match="effect_size"):
        plot_profiles(profile().drop(columns="effect_size"))
    with pytest.raises(InvalidDataError, match="no rows"):
        plot_profiles(profile().iloc[:0])
    wrong: Any = {"values": "mode", "max_features": 0, "language": "fr"}
    with pytest.raises(InvalidParameterError) as caught:
        plot_profiles(profile(), **wrong)
    assert all(name in str(caught.value) for name in wrong)


def test_texts_are_broken_between_words_and_cut_in_the_middle() -> None:
    assert wrapped("low PURCHASES_FREQUENCY, high age") == "low PURCHASES_\nFREQUENCY, high\nage"
    assert wrapped("rarely NumStorePurchases") == "rarely NumStore\nPurchases"
    assert wrapped("x" * 40) == "\n".join(["x" * 18, "x" * 18, "x" * 4])
    assert wrapped("高购买频率和很高的收入水平", 12) == "高购买频率和\n很高的收入水\n平"
    assert wrapped("a b c d e f", 1, 3) == "a\nb\nc…"
    assert shortened("first_and_last", 9) == "firs…last"
    assert shortened("short", 9) == "short"


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (1234.5, "1,234"), (12.34, "12.3"), (1.234, "1.23"), (0.01234, "0.0123"),
        (2_340_000.0, "2.34M"), (float("nan"), "–"), (0.0, "0.00"),
    ],
)  # fmt: skip
def test_numbers_have_three_digits(value: float, text: str) -> None:
    assert number_writer(np.array([value]))(value) == text
