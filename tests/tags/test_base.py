from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from userportrait._core.columns import NumberColumn
from userportrait.errors import InvalidParameterError, UnknownTagError
from userportrait.tags import Domain, FactTag, Tag, TagCatalogue, TagContext

if TYPE_CHECKING:
    from collections.abc import Mapping

    from userportrait._core.columns import Column


@dataclass(frozen=True, repr=False)
class Twice(Tag):
    """An own kind: another tag's number, doubled."""

    of: str

    kind = "own"

    @property
    def inputs(self) -> tuple[str, ...]:
        return (self.of,)

    def evaluate(self, context: TagContext, inputs: Mapping[str, Column]) -> Column:
        column = inputs[self.of]
        assert isinstance(column, NumberColumn)
        return NumberColumn(column.values * 2, column.known)


def test_a_kind_of_ones_own_takes_part_in_the_catalogue(context: TagContext) -> None:
    tags = TagCatalogue([Twice("double", "spend"), FactTag("spend", "spend")])
    assert tags.evaluate(context)["double"].to_list() == [20.0, 20.0, 50.0]
    with pytest.raises(UnknownTagError, match="Did you mean 'spend'"):
        TagCatalogue([Twice("double", "spent"), FactTag("spend", "spend")])


@pytest.mark.parametrize("name", ["spend", "消费", "Größe", "_x1"])
def test_a_name_can_be_written_in_any_script(name: str) -> None:
    assert FactTag(name, "spend").name == name


@pytest.mark.parametrize(
    "name", ["", "1st", "two words", "a-b", "and", "Missing", "true", "between"]
)
def test_a_name_that_expressions_could_not_use_is_refused(name: str) -> None:
    with pytest.raises(InvalidParameterError, match="name"):
        FactTag(name, "spend")


def test_all_bad_parameters_are_named_at_once() -> None:
    wrong: Any = {"version": 0, "ttl_days": -1, "domain": "number"}
    with pytest.raises(InvalidParameterError) as caught:
        FactTag("n", "n_ordrs", **wrong)
    assert caught.value.owner == "FactTag 'n'"
    assert len(caught.value.problems) == 4


def test_labels_fall_back_to_names() -> None:
    tag = FactTag(
        "segment",
        "spend",
        labels={"zh": "分群"},
        value_labels={"zh": {"Champions": "重要价值客户"}},
    )
    assert (tag.label("zh"), tag.label()) == ("分群", "segment")
    assert tag.value_label("Champions", "zh") == "重要价值客户"
    assert tag.value_label("Loyal", "zh") == "Loyal"
    assert tag.value_label(None, "zh") == "未知"


def test_a_document_holds_what_was_said_and_nothing_else() -> None:
    tag = FactTag("r", "recency", unit="days", ttl_days=30)
    assert tag.document() == {"kind": "fact", "values": "number", "ttl_days": 30, "unit": "days"}


def test_definitions_differ_only_by_what_makes_values() -> None:
    tag = FactTag("r", "recency")
    assert tag.same_definition(replace(tag, description="d", version=3, labels={"en": "R"}))
    assert not tag.same_definition(FactTag("r", "tenure"))
    assert not tag.same_definition(replace(tag, domain=Domain("number", low=0)))
    assert hash(replace(tag, labels={"en": "R"})) == hash(tag)


def test_a_tag_shows_only_what_was_set() -> None:
    assert repr(FactTag("r", "recency", version=2)) == "FactTag('r', version=2, column='recency')"
    assert np.bool_(FactTag("r", "recency") == FactTag("r", "recency"))
