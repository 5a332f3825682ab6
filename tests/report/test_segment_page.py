"""A page of segments: its figures, its parts, its silence on persons, both languages."""

from __future__ import annotations

import re
from html import unescape
from html.parser import HTMLParser
from string import Formatter
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest

import userportrait as up
from userportrait.errors import InvalidParameterError, NotFittedError
from userportrait.report import segment_page
from userportrait.report._segment_answer import summary_section
from userportrait.report._segment_cells import breakable, index_text, mean_text
from userportrait.report._segment_charts import Panel, measures_chart
from userportrait.report._segment_facts import effect_step, read_facts
from userportrait.report._segment_parts import features_section
from userportrait.report._segment_words import GLOSSARY, MEASURES, SAY
from userportrait.segment import CustomerSegments, segment_drift

if TYPE_CHECKING:
    from pathlib import Path


def shop(n: int = 240, seed: int = 0) -> pd.DataFrame:
    """Return customers of three kinds."""
    source = np.random.default_rng(seed)
    kind = np.repeat([0, 1, 2], [n // 2, n // 3, n - n // 2 - n // 3])
    frame = pd.DataFrame(
        {
            "customer_id": [f"c{at}" for at in range(n)],
            "orders": source.normal(np.array([5.0, 30.0, 60.0])[kind], 2.0),
            "age": source.normal(np.array([30.0, 60.0, 30.0])[kind], 2.0),
            "channel": np.array(["web", "app", "shop"], dtype=object)[kind],
        }
    )
    frame.loc[frame.index[[0, n // 2, n - 1]], "age"] = np.nan
    return frame


@pytest.fixture(scope="module")
def customers() -> pd.DataFrame:
    return shop()


@pytest.fixture(scope="module")
def segments(customers: pd.DataFrame) -> CustomerSegments:
    return CustomerSegments().fit(customers)


@pytest.fixture(scope="module")
def pages(segments: CustomerSegments, customers: pd.DataFrame) -> dict[str, str]:
    return {
        language: str(segment_page(segments, customers, language=language))
        for language in ("en", "zh")
    }


class _Fake:
    """Segments made by hand, as a fitted estimator tells of them."""

    def __init__(self, labels: list[int], frame: pd.DataFrame, method: str = "hdbscan") -> None:
        self.labels, self.frame, self.method = np.array(labels), frame, method
        self.choice_ = self.feature_labels = None

    def profile(self, *, language: str) -> pd.DataFrame:
        del language
        rows: list[dict[str, Any]] = []
        for segment in sorted(set(self.labels.tolist())):
            inside = self.frame[self.labels == segment]
            for name in self.frame.columns:
                mean, everybody = inside[name].mean(), self.frame[name].mean()
                rows.append(
                    {
                        "segment": segment, "name": f"name {segment}", "n_customers": len(inside),
                        "share": len(inside) / len(self.frame), "feature": name, "level": "",
                        "mean": mean, "everybody": everybody, "index": 100 * mean / everybody,
                        "effect_size": (mean - everybody) / self.frame[name].std(ddof=0),
                    }
                )  # fmt: skip
        return pd.DataFrame(rows)

    def rules(self, X: object, *, language: str) -> pd.DataFrame:
        del X, language
        rows = [
            {"segment": segment, "name": f"name {segment}", "rule": f"rule {segment}",
             "precision": 1.0, "recall": 1.0, "n_customers": int((self.labels == segment).sum())}
            for segment in sorted(set(self.labels.tolist())) if segment >= 0
        ]  # fmt: skip
        return pd.DataFrame(rows)


def fake(labels: list[int], frame: pd.DataFrame, method: str = "hdbscan") -> Any:
    return _Fake(labels, frame, method)


class _Balance(HTMLParser):
    """Counts what is opened and not closed."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []

    def handle_starttag(self, tag: str, attrs: object) -> None:
        del attrs
        if tag not in ("meta", "br", "link", "img", "wbr"):
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: object) -> None:
        pass

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def plain(page: str) -> str:
    """Return what a page says, without its marks."""
    body = re.sub(r"<style>.*?</style>", "", page, flags=re.DOTALL)
    return unescape(re.sub(r"<[^>]+>", "", body.replace("<wbr>", "")))


# The frame


@pytest.mark.parametrize("language", ["en", "zh"])
def test_the_page_is_whole_html_without_scripts_or_links_out(
    pages: dict[str, str], language: str
) -> None:
    page = pages[language]
    balance = _Balance()
    balance.feed(page)
    assert balance.open == []
    assert "<script" not in page
    assert not re.search(r"(src|href)=[\"']?(http|//)", page)
    assert "nan" not in plain(page).lower().split()
    ids = re.findall(r' id="([^"]+)"', page)
    assert len(ids) == len(set(ids))


def test_every_part_is_there_and_reached_by_a_link(pages: dict[str, str]) -> None:
    for key in ("number", "cards", "table", "notes", "method"):
        assert f'id="{key}"' in pages["en"]
        assert f'href="#{key}"' in pages["en"]
    assert "240 customers fall into 3 segments." in pages["en"]
    assert "240 位客户可分为 3 个分群。" in pages["zh"]
    assert 'lang="zh-CN"' in pages["zh"]


def test_equal_segments_give_equal_bytes_whatever_the_order_of_rows(
    customers: pd.DataFrame, pages: dict[str, str]
) -> None:
    shuffled = customers.sample(frac=1.0, random_state=1)
    assert segment_page(CustomerSegments().fit(shuffled), shuffled) == pages["en"]


def test_a_page_is_written_to_its_file(
    segments: CustomerSegments, customers: pd.DataFrame, pages: dict[str, str], tmp_path: Path
) -> None:
    target = tmp_path / "segments.html"
    assert segment_page(segments, customers, target) == target
    assert target.read_text("utf-8") == pages["en"]


def test_no_customer_is_told_of_by_id(pages: dict[str, str], customers: pd.DataFrame) -> None:
    words = set(re.findall(r"\w+", plain(pages["en"])))
    assert not words & set(customers["customer_id"])


@pytest.mark.parametrize(
    ("name", "pieces"),
    [
        ("cash_advance", ["cash_", "advance"]),
        ("NumWebPurchases <= 2", ["Num", "Web", "Purchases &lt;= 2"]),
        ("PhD", ["PhD"]),
        ("a_", ["a_"]),
    ],
)
def test_long_names_break_where_their_parts_meet(name: str, pieces: list[str]) -> None:
    assert breakable(name).split("<wbr>") == pieces
    assert breakable(name, 99) == name.replace("<", "&lt;")


def test_features_have_the_words_that_they_were_given(customers: pd.DataFrame) -> None:
    labels = {"orders": "订单数", "channel": "渠道"}
    segments = CustomerSegments(3, feature_labels=labels).fit(customers)
    told = plain(str(segment_page(segments, customers, language="zh")))
    assert "渠道 = web" in told
    assert not re.search(r"\b(orders|channel)\b", told)
    assert "age" in told


def test_names_are_escaped() -> None:
    frame = shop().rename(columns={"orders": "<script>x</script>"})
    frame["channel"] = frame["channel"].replace("web", "<b>&")
    page = str(segment_page(CustomerSegments(3).fit(frame), frame))
    assert "<script" not in page
    assert "<b>" not in page
    assert "<script>x</script>" in plain(page)


# The figures


def test_figures_are_those_of_the_customers_in_each_segment(
    segments: CustomerSegments, customers: pd.DataFrame
) -> None:
    facts = read_facts(segments, customers, "en")
    assert facts.n_customers == len(customers)
    assert facts.n_features == 3
    for portrait in facts.portraits:
        inside = customers[segments.labels_ == portrait.segment]
        assert portrait.n_customers == len(inside)
        for line in portrait.lines:
            values: Any = customers[line.feature]
            if line.level:
                values = (values == line.level).astype(float)
            else:
                effect = (values[inside.index].mean() - values.mean()) / values.std(ddof=0)
                assert line.effect == pytest.approx(effect)
            assert line.mean == pytest.approx(values[inside.index].mean())
            assert line.everybody == pytest.approx(values.mean())
            assert line.index == pytest.approx(100 * line.mean / line.everybody)


def test_what_sets_a_segment_apart_is_told_once_a_feature_strongest_first(
    segments: CustomerSegments, customers: pd.DataFrame
) -> None:
    for portrait in read_facts(segments, customers, "en").portraits:
        told = portrait.telling(5)
        sizes = [abs(line.effect) for line in told]
        assert sizes == sorted(sizes, reverse=True)
        assert len({line.feature for line in told}) == len(told)
        assert all(size >= 0.2 for size in sizes)


def test_rules_on_the_page_hold_for_the_customers_they_say(
    segments: CustomerSegments, customers: pd.DataFrame, pages: dict[str, str]
) -> None:
    told = plain(pages["en"])
    for rule in segments.rules(customers).itertuples():
        assert str(rule.rule) in told
        assert f"Takes {rule.n_customers} customers" in told


def test_the_rules_together_are_as_right_as_their_customers() -> None:
    source = np.random.default_rng(0)
    frame = pd.DataFrame(source.normal(size=(200, 2)), columns=["a", "b"])
    segments = CustomerSegments(6).fit(frame)
    rules = segments.rules(frame)
    hits = rules["recall"] * segments.sizes_
    precision, recall = hits.sum() / rules["n_customers"].sum(), hits.sum() / 200
    page = plain(str(segment_page(segments, frame)))
    assert f"The rules together{100 * precision:.0f}% / {100 * recall:.0f}%" in page


def test_a_rule_that_takes_nobody_is_not_told(
    segments: CustomerSegments, customers: pd.DataFrame
) -> None:
    first = customers[segments.labels_ == 0]
    page = plain(str(segment_page(segments, first)))
    assert page.count("The rule that tells it best") == 1
    assert "Takes 0 customers" not in page


def test_steps_of_effects_are_those_of_cohen() -> None:
    effects = (0.0, 0.19, -0.2, 0.49, 0.5, -0.8, 3.0, float("nan"))
    assert [effect_step(effect) for effect in effects] == [0, 0, 1, 1, 2, 3, 3, 0]


@pytest.mark.parametrize(
    ("level", "value", "told"),
    [
        ("", 1968.4, "1968"), ("", 52_247.3, "52,247"), ("", 0.0713, "0.0713"), ("", 3.0, "3"),
        ("", -0.0, "0"), ("", -12.345, "-12.3"), ("", 2.5e300, "2.5e+300"), ("web", 0.0713, "7.1%"),
        ("web", float("nan"), "–"), ("", float("nan"), "–"),
    ],
)  # fmt: skip
def test_means_have_as_many_digits_as_help(level: str, value: float, told: str) -> None:
    assert mean_text(level, value) == told


def test_an_index_has_no_minus_sign_before_a_zero() -> None:
    told = [index_text(index) for index in (-0.2, 99.6, 1341.0, 1e13, float("nan"))]
    assert told == ["0", "100", "1,341", "1e+13", "–"]


def test_rows_of_the_table_are_ranked_by_the_strongest_effect_of_any_segment() -> None:
    frame = pd.DataFrame({"flat": [1.0, 2.0] * 6, "apart": [0.0] * 6 + [9.0] * 6})
    facts = read_facts(fake([0] * 6 + [1] * 6, frame), frame, "en")
    assert [feature for feature, _ in facts.rows] == ["apart", "flat"]


def test_a_long_table_opens_on_demand() -> None:
    source = np.random.default_rng(0)
    frame = pd.DataFrame({f"f{at:03}": source.normal(5, 1, 20) for at in range(45)})
    facts = read_facts(fake([0] * 10 + [1] * 10, frame), frame, "en")
    page = features_section(facts, "en")
    assert "Show 5 more rows" in page
    assert len(set(re.findall(r"f\d{3}", page))) == 45


# How many


def test_one_crowd_is_told_as_such() -> None:
    blob = pd.DataFrame(np.random.default_rng(0).normal(size=(200, 3)), columns=list("abc"))
    page = plain(str(segment_page(CustomerSegments().fit(blob), blob)))
    assert "No segments stand out" in page
    assert "Why this number" in page
    assert "The segments" not in page
    assert "Index" not in page.split("All features", 2)[2].split("What to know")[0]
    for name in blob.columns:
        assert f"{name}{blob[name].mean():.3g}" in page


@pytest.mark.parametrize("n_clusters", [1, 2, 5])
def test_a_number_that_was_given_is_not_called_chosen(
    customers: pd.DataFrame, n_clusters: int
) -> None:
    segments = CustomerSegments(n_clusters).fit(customers)
    page = plain(str(segment_page(segments, customers)))
    assert "was given, not chosen" in page
    assert "Why this number" not in page


def test_a_table_without_names_has_a_page() -> None:
    rows = np.concatenate([np.zeros((6, 2)), np.full((6, 2), 9.0)])
    rows[:, 1] += np.arange(12) / 100
    assert "x0" in str(segment_page(CustomerSegments(2).fit(rows), rows))


def test_the_chart_stays_in_its_frame_and_marks_the_number_chosen(pages: dict[str, str]) -> None:
    whole = re.findall(r"<svg.*?</svg>", pages["en"], flags=re.DOTALL)
    assert len(whole) == 2
    for chart in whole:
        assert chart.count("<polyline") == len(MEASURES)
        assert chart.count('class="mark s1 f1"') == len(MEASURES)
        assert re.findall(r"<title>(\d+): [^<]+</title></circle>", chart).count("3") == 6


def test_a_measure_that_is_missing_or_flat_is_drawn_all_the_same() -> None:
    flat = Panel(name="flat", note="", counts=(2, 3), values=(1.0, 1.0))
    gone = Panel(name="gone", note="", counts=(2, 3), values=(float("nan"), 2.0))
    chart = measures_chart([flat, gone], 2, label="measures")
    assert "nan" not in chart
    heights = [float(y) for y in re.findall(r'cy="([-\d.]+)"', chart)]
    assert len(heights) == 2 * 3
    assert all(44 <= y <= 178 for y in heights)


# Who belongs to none, and who must not be told of


def test_customers_in_no_segment_are_told_apart() -> None:
    frame = pd.DataFrame({"spend": [1.0] * 8 + [9.0] * 7 + [50.0] * 5})
    facts = read_facts(fake([0] * 8 + [1] * 7 + [-1] * 5, frame), frame, "en")
    assert [portrait.segment for portrait in facts.portraits] == [0, 1]
    assert facts.noise is not None
    assert facts.noise.n_customers == 5
    page = plain(summary_section(fake([0] * 8 + [1] * 7 + [-1] * 5, frame), frame, "en"))
    assert "20 customers fall into 2 segments." in page
    assert "5 customers (25%) are unlike any segment" in page


def test_figures_of_few_customers_are_not_told() -> None:
    frame = pd.DataFrame({"spend": [10.0] * 10 + [777.0] * 4})
    found = summary_section(fake([0] * 10 + [1] * 4, frame, "kmeans"), frame, "en")
    page = plain(found)
    assert "777" not in page
    assert "rule 1" not in page
    assert "Fewer than 5 customers" in page


def test_rare_levels_are_not_told() -> None:
    frame = shop()
    frame.loc[frame.index[:4], "channel"] = "fax"
    page = plain(str(segment_page(CustomerSegments(3).fit(frame), frame)))
    assert "channel = web" in page
    assert "fax" not in page.split("The segments", 2)[2]
    assert "1 levels of fewer than 5 customers are not shown." in page


# Whether they still hold


def later(customers: pd.DataFrame) -> pd.DataFrame:
    """Return the customers half a year on: the first kind buys more, ten are gone."""
    moved = customers.copy()
    moved.loc[moved["orders"] < 15, "orders"] += 6.0
    return moved.iloc[10:]


@pytest.mark.parametrize("language", ["en", "zh"])
def test_a_drift_is_told_with_its_sizes_moves_and_transitions(
    segments: CustomerSegments, customers: pd.DataFrame, language: Any
) -> None:
    drift = segment_drift(segments, customers, later(customers))
    assert drift.verdict == "refit"
    page = str(segment_page(segments, customers, drift=drift, language=language))
    balance = _Balance()
    balance.feed(page)
    assert balance.open == []
    told = plain(page[page.index('id="drift"') : page.index('id="notes"')])
    assert SAY["drift.refit"](language) in told
    assert (drift.reasons[0][1:] in told) == (language == "en")
    for size in drift.sizes.itertuples():
        assert f"{size.n_before} {100 * float(str(size.share_before)):.0f}%" in told
        assert f"{size.n_after} {100 * float(str(size.share_after)):.0f}%" in told
    then, now = (frame.loc[frame["channel"] == "web", "orders"].mean()
                 for frame in (customers, later(customers)))  # fmt: skip
    assert f"{then:.3g} → {now:.3g}" in told
    assert told.count("100%") == 3  # nobody changed segment
    assert "nan" not in told


def test_a_page_without_a_drift_says_nothing_of_it(pages: dict[str, str]) -> None:
    assert 'id="drift"' not in pages["en"]


def test_segments_that_hold_are_told_to_hold(
    segments: CustomerSegments, customers: pd.DataFrame
) -> None:
    anonymous = customers.drop(columns="customer_id")
    drift = segment_drift(segments, anonymous, anonymous.iloc[1:])
    page = plain(str(segment_page(segments, customers, drift=drift)))
    assert "nothing has moved enough" in page
    assert "known both times" not in page


def test_transitions_of_few_customers_are_not_told() -> None:
    frame = pd.DataFrame({"customer_id": range(24), "spend": [1.0] * 20 + [9.0] * 4})
    segments = CustomerSegments(2).fit(frame)
    drift = segment_drift(segments, frame, frame)
    page = str(segment_page(segments, frame, drift=drift))
    table = page[page.index("Where customers known both times went") :]
    cells = re.findall(r"<td[^>]*>([^<]*)</td>", table[: table.index("</table>")])
    assert cells == ["100%", "0%", "–", "–"]


# Words


@pytest.mark.parametrize("key", sorted(SAY))
def test_both_languages_have_the_same_gaps(key: str) -> None:
    def gaps(text: str) -> set[str]:
        return {name for _, name, _, _ in Formatter().parse(text) if name}

    assert gaps(SAY[key].english) == gaps(SAY[key].chinese)
    assert SAY[key].english


def test_the_chinese_page_speaks_chinese(pages: dict[str, str]) -> None:
    told = plain(pages["zh"])
    for sentence in [*SAY.values(), *(part for pair in GLOSSARY for part in pair)]:
        if sentence.english != sentence.chinese and " " in sentence.english:
            head = sentence.english.split("{")[0]
            assert len(head) < 8 or head not in told


# Errors


def test_arguments_of_another_type_are_named(customers: pd.DataFrame, tmp_path: Path) -> None:
    other: Any = "segments"
    with pytest.raises(InvalidParameterError, match="fitted CustomerSegments"):
        segment_page(other, customers)
    fitted = CustomerSegments(2).fit(customers)
    wrong: Any = "fr"
    with pytest.raises(InvalidParameterError, match="language"):
        segment_page(fitted, customers, language=wrong)
    with pytest.raises(InvalidParameterError, match="there is no folder"):
        segment_page(fitted, customers, tmp_path / "nowhere" / "page.html")


def test_segments_must_be_fitted(customers: pd.DataFrame) -> None:
    with pytest.raises(NotFittedError):
        segment_page(CustomerSegments(), customers)


def test_the_shops_page_takes_segments_and_a_read_out(tmp_path: Path) -> None:
    shop = up.make_shop(n_customers=400, random_state=1)
    portraits = up.build_portraits(shop.orders)
    frame = portraits.to_frame()[["n_orders", "spend"]].astype(float)
    segments = CustomerSegments(2).fit(frame)
    bought = (frame["n_orders"] + np.arange(len(frame)) % 5 > 6).astype(int)
    readout = up.propensity_readout(frame[["spend"]], bought)
    for language in ("en", "zh"):
        path = up.report(
            portraits, tmp_path / "shop.html", language=language,  # type: ignore[arg-type]
            customer_segments=(segments, frame), propensity=readout,
        )  # fmt: skip
        page = path.read_text("utf-8")
        for key in ("customer-segments", "propensity"):
            assert page.count(f'id="{key}"') == 1
            assert f'href="#{key}"' in page
        keys = re.findall(r' id="([^"]+)"', page)
        assert len(keys) == len(set(keys))


def test_the_shops_page_refuses_what_are_no_segments(tmp_path: Path) -> None:
    portraits = up.build_portraits(up.make_shop(n_customers=50, random_state=1).orders)
    with pytest.raises(InvalidParameterError, match=r"(?s)customer_segments.*propensity"):
        up.report(portraits, tmp_path / "shop.html", customer_segments=3, propensity=3)  # type: ignore[arg-type]
