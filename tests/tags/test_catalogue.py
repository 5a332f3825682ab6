from __future__ import annotations

import pickle
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from helpers.engines import to_engine
from userportrait.errors import (
    ExpressionError,
    InvalidDataError,
    InvalidParameterError,
    UnknownTagError,
)
from userportrait.tags import (
    Domain,
    FactTag,
    PreferenceTag,
    RuleTag,
    ScoredTag,
    StatisticalTag,
    Tag,
    TagCatalogue,
    TagContext,
)
from userportrait.value import RFM

if TYPE_CHECKING:
    from collections.abc import Mapping

    from userportrait._core.columns import Column

RECENCY = FactTag("recency", "recency", unit="days", ttl_days=30)
SPEND = FactTag("spend", "spend")
LAPSED = RuleTag("is_lapsed", "recency > 90")
RICH = RuleTag("is_rich_and_lapsed", "is_lapsed and spend > 10")


def catalogue() -> TagCatalogue:
    return TagCatalogue([RICH, LAPSED, RECENCY, SPEND])


def test_tags_keep_their_order_and_are_evaluated_after_their_inputs(context: TagContext) -> None:
    tags = catalogue()
    assert tags.names == ("is_rich_and_lapsed", "is_lapsed", "recency", "spend")
    assert tags.evaluation_order == ("recency", "is_lapsed", "spend", "is_rich_and_lapsed")
    table = tags.evaluate(context)
    assert tuple(table.columns) == tags.names
    assert table.build.versions == dict.fromkeys(tags.names, 1)
    assert table.build.as_of == context.as_of


def test_a_catalogue_reads_like_a_mapping() -> None:
    tags = catalogue()
    assert len(tags) == 4
    assert list(tags) == [RICH, LAPSED, RECENCY, SPEND]
    assert "spend" in tags
    assert tags["spend"] is SPEND
    with pytest.raises(UnknownTagError, match="'spent' is not a known tag"):
        tags["spent"]
    assert pickle.loads(pickle.dumps(tags)) == tags


def test_a_catalogue_never_changes() -> None:
    tags = TagCatalogue([RECENCY])
    more = tags + LAPSED
    assert (len(tags), len(more)) == (1, 2)
    assert len(tags + TagCatalogue([SPEND])) == 2
    listed = [SPEND, LAPSED]
    assert len(tags + listed) == 3
    assert len(more.remove("is_lapsed")) == 1
    assert len(more) == 2
    assert more.replace(RuleTag("is_lapsed", "recency > 60"))["is_lapsed"] != more["is_lapsed"]
    assert more["is_lapsed"] is LAPSED
    with pytest.raises(TypeError):
        tags + 3  # type: ignore[operator]


def test_two_tags_of_one_name_are_refused() -> None:
    with pytest.raises(InvalidParameterError, match="there are two tags named 'spend'"):
        TagCatalogue([SPEND, SPEND])
    with pytest.raises(InvalidParameterError, match="there are two tags named 'recency'"):
        TagCatalogue([RECENCY]).add(RECENCY)
    with pytest.raises(InvalidParameterError, match=r"tags\[1\] must be a tag; got str"):
        TagCatalogue([SPEND, "recency"])  # type: ignore[list-item]


def test_a_changed_definition_gets_a_higher_version() -> None:
    tags = TagCatalogue([RECENCY, LAPSED])
    changed = tags.replace(RuleTag("is_lapsed", "recency > 60"))
    assert changed.versions == {"recency": 1, "is_lapsed": 2}
    later = changed.replace(RuleTag("is_lapsed", "recency > 30", version=7))
    assert later["is_lapsed"].version == 7
    described = later.replace(RuleTag("is_lapsed", "recency > 30", description="gone"))
    assert described["is_lapsed"].version == 7
    assert described["is_lapsed"].description == "gone"
    with pytest.raises(UnknownTagError):
        tags.replace(SPEND)


def test_a_tag_in_use_cannot_be_removed() -> None:
    tags = catalogue()
    with pytest.raises(InvalidParameterError) as caught:
        tags.remove("recency")
    assert str(caught.value) == (
        "TagCatalogue.remove: 'recency' is needed by 'is_lapsed'. "
        "Remove that too, or replace it first."
    )
    assert tags.remove("recency", "is_lapsed", "is_rich_and_lapsed").names == ("spend",)
    with pytest.raises(UnknownTagError):
        tags.remove("spent")


def test_selecting_takes_what_the_tags_are_made_from() -> None:
    tags = catalogue()
    assert tags.select(["is_lapsed"]).names == ("is_lapsed", "recency")
    assert tags.made_from("is_rich_and_lapsed") == ("is_lapsed", "recency", "spend")
    assert tags.used_by("recency") == ("is_rich_and_lapsed", "is_lapsed")
    assert tags.used_by("is_rich_and_lapsed") == ()


def test_a_rule_on_an_unknown_tag_points_at_the_place() -> None:
    with pytest.raises(ExpressionError) as caught:
        TagCatalogue([SPEND, RuleTag("is_rich", "true and spent > 10")])
    assert str(caught.value).startswith("tag 'is_rich': 'spent' is not a known tag.")
    assert "Did you mean 'spend'?" in str(caught.value)
    assert caught.value.position == 9


def test_a_rule_that_compares_the_wrong_kind_fails_before_any_data() -> None:
    with pytest.raises(ExpressionError, match="tag 'is_rich': spend is a number"):
        TagCatalogue([SPEND, RuleTag("is_rich", "spend = 'much'")])
    dated = FactTag("first_order_at", "first_order_at")
    TagCatalogue([dated, RuleTag("is_old", "first_order_at < '2025-01-01'")])


def test_a_circle_is_named() -> None:
    tags = [RuleTag("a", "b"), RuleTag("b", "c"), RuleTag("c", "b"), RuleTag("d", "a")]
    with pytest.raises(InvalidParameterError, match="in a circle: b → c → b"):
        TagCatalogue(tags)
    with pytest.raises(InvalidParameterError, match="in a circle: a → a"):
        TagCatalogue([RuleTag("a", "a")])


def test_long_chains_of_tags_are_no_problem() -> None:
    rules = [RuleTag(f"t{i}", f"t{i + 1}") for i in range(3000)]
    tags = TagCatalogue([*rules, RuleTag("t3000", "true")])
    assert tags.evaluation_order[0] == "t3000"


def test_values_outside_the_domain_stop_the_build(context: TagContext) -> None:
    tag = FactTag("spend", "spend", domain=Domain("number", high=20))
    with pytest.raises(InvalidDataError, match="tag 'spend': 1 customer would get a value outside"):
        TagCatalogue([tag]).evaluate(context)


def test_an_own_kind_that_gives_a_wrong_column_is_named(context: TagContext) -> None:
    @dataclass(frozen=True, repr=False)
    class Broken(Tag):
        result: Any

        def evaluate(self, context: TagContext, inputs: Mapping[str, Column]) -> Any:
            return self.result

    short = SPEND.evaluate(context, {}).take(context.customer_ids == "ann")
    with pytest.raises(InvalidDataError, match="tag 'x' gives 1 value for 3 customers"):
        TagCatalogue([Broken("x", short)]).evaluate(context)
    with pytest.raises(InvalidDataError, match=r"tag 'x' must give a .* column; got list"):
        TagCatalogue([Broken("x", [1])]).evaluate(context)


def test_progress_goes_from_nothing_to_all(context: TagContext) -> None:
    told: list[tuple[str, float]] = []
    catalogue().evaluate(context, progress=lambda step, share: told.append((step, share)))
    assert told == [("tags", 0.0), ("tags", 0.25), ("tags", 0.5), ("tags", 0.75), ("tags", 1.0)]


def test_an_empty_catalogue_gives_an_empty_table(context: TagContext) -> None:
    table = TagCatalogue().evaluate(context)
    assert len(table) == 3
    assert list(table.json_rows()) == [("ann", "{}"), ("bo", "{}"), ("cy", "{}")]
    assert repr(TagCatalogue()) == "<TagCatalogue: 0 tags>"


def test_the_catalogue_as_a_frame_says_all_that_is_set() -> None:
    frame = catalogue().to_frame().set_index("name")
    assert frame.loc["is_lapsed", "inputs"] == "recency"
    assert frame.loc["is_lapsed", "definition"] == "true where recency > 90"
    assert frame.loc["recency", "ttl_days"] == 30
    assert frame.loc["recency", "domain"] == "number"
    assert len(TagCatalogue().to_frame()) == 0


def test_the_catalogue_in_a_notebook_escapes_what_people_write() -> None:
    html = TagCatalogue([FactTag("spend", "spend", description="<b>all</b>")])._repr_html_()
    assert "&lt;b&gt;all&lt;/b&gt;" in html
    assert "<b>all" not in html


def everything() -> TagCatalogue:
    rfm = RFM(n_bins=2)
    return TagCatalogue(
        [
            RECENCY,
            SPEND,
            FactTag("city", "city", source="customers"),
            StatisticalTag("median_order", "amount", "median", per="order", lines="all"),
            StatisticalTag("country", "country", "most_frequent"),
            StatisticalTag("price_std", "price", "std", lines="all"),
            StatisticalTag("shelf_sum", "shelf", "sum"),
            PreferenceTag("favourite", "category", half_life_days=20),
            PreferenceTag("hour", "hour"),
            ScoredTag("segment", rfm, "segment"),
            ScoredTag("r", rfm, "r"),
            RuleTag("is_german", "country = 'DE' or city is not missing"),
        ]
    )


def five_lines() -> pd.DataFrame:
    times = ["2026-01-05 10:00", "2026-01-05 10:00", "2026-01-06 23:30", "2026-02-01 08:00",
             "2026-02-03 00:00"]  # fmt: skip
    return pd.DataFrame(
        {
            "customer_id": ["ann", "ann", "bo", "ann", "cy"],
            "order_id": [1, 1, 2, 3, 4],
            "ordered_at": pd.to_datetime(times),
            "item_id": ["tea", "cup", "tea", "tea", "cup"],
            "quantity": [1, 2, 1, -1, 5],
            "price": [10.0, 5.0, 10.0, 10.0, 5.0],
            "country": ["DE", "DE", None, "CN", "DE"],
        }
    )


def tables() -> dict[str, pd.DataFrame]:
    return {
        "customers": pd.DataFrame({"customer_id": ["bo", "zoe"], "city": ["Ulm", "Kiel"]}),
        "items": pd.DataFrame({"item_id": ["tea", "cup"], "category": ["drinks", "pots"]}),
        "events": pd.DataFrame(
            {
                "customer_id": ["bo", "ann", "ann"],
                "event": ["cart", "view", "view"],
                "occurred_at": pd.to_datetime(["2026-01-08", "2026-02-01", "2026-02-02"]),
                "item_id": ["cup", "cup", "tea"],
            }
        ),
    }


def test_every_engine_gives_the_same_table_bit_for_bit(frame: pd.DataFrame, engine: str) -> None:
    frame["shelf"] = [0.1, 0.2, 0.3, 0.4, 0.7]
    plain = everything().evaluate(TagContext(frame, **tables()))
    there = {name: to_engine(engine, table) for name, table in tables().items()}
    found = everything().evaluate(TagContext(to_engine(engine, frame), **there))
    assert list(found.json_rows()) == list(plain.json_rows())
    assert found.customer_ids.tolist() == ["ann", "bo", "cy", "zoe"]
    expected = plain.to_frame()
    pd.testing.assert_frame_equal(found.to_frame(), expected, check_exact=True)


@given(st.permutations(range(5)), st.permutations(range(3)))
def test_every_order_of_rows_gives_the_same_table_bit_for_bit(
    order: list[int], others: list[int]
) -> None:
    frame = five_lines()
    frame["shelf"] = [0.1, 0.2, 0.3, 0.4, 0.7]
    given = tables()
    plain = everything().evaluate(TagContext(frame, **given))
    given["events"] = given["events"].iloc[others]
    given["items"] = given["items"].iloc[::-1]
    found = everything().evaluate(TagContext(frame.iloc[order], **given))
    assert list(found.json_rows()) == list(plain.json_rows())
