from __future__ import annotations

import json
import pickle
from datetime import datetime

import pytest

from userportrait.errors import UnknownTagError
from userportrait.tags import FactTag, RuleTag, TagCatalogue, TagContext, explain_tag
from userportrait.typing import Build

TAGS = TagCatalogue(
    [
        FactTag("recency", "recency", unit="days", ttl_days=7),
        FactTag("n_orders", "n_orders", description="Orders so far."),
        RuleTag("is_lapsed", "recency > 90"),
        RuleTag(
            "stage",
            cases=[("is_lapsed", "lapsed"), ("n_orders >= 2", "loyal")],
            otherwise="new",
            version=2,
        ),
    ]
)
BUILD = Build(as_of=datetime(2026, 1, 31, 12), versions=TAGS.versions)


def test_an_explanation_reads_from_the_value_down_to_the_facts() -> None:
    values = {"recency": 10, "n_orders": 3, "is_lapsed": False, "stage": "loyal"}
    assert str(explain_tag(TAGS, values, "stage", BUILD)).splitlines() == [
        "stage = 'loyal' (version 2, true at 2026-01-31 12:00:00)",
        "  rule: 'lapsed' where is_lapsed; else 'loyal' where n_orders >= 2; else 'new'",
        "  - is_lapsed: false (is_lapsed is false)",
        "  - n_orders >= 2: true (n_orders is 3)",
        "  is_lapsed = false (version 1, true at 2026-01-31 12:00:00)",
        "    rule: true where recency > 90",
        "    - recency > 90: false (recency is 10)",
        "    recency = 10 days (version 1, true at 2026-01-31 12:00:00 until 2026-02-07 12:00:00)",
        "      fact: 'recency' of the customer summary",
        "  n_orders = 3 (version 1, true at 2026-01-31 12:00:00)",
        "    fact: 'n_orders' of the customer summary",
    ]


def test_what_is_unknown_is_explained_by_what_is_unknown() -> None:
    found = explain_tag(TAGS, {"n_orders": 3}, "stage", BUILD)
    assert found.value is None
    assert [str(reason) for reason in found.reasons] == [
        "is_lapsed: unknown (is_lapsed is unknown)"
    ]


def test_every_value_can_be_explained(context: TagContext) -> None:
    table = TAGS.evaluate(context)
    for customer_id in table.customer_ids:
        values = table.tags_of(customer_id)
        for tag in TAGS.names:
            found = explain_tag(TAGS, values, tag, table.build)
            assert (found.tag, found.value) == (tag, values[tag])
            assert (found.true_at, found.version) == (context.as_of, TAGS[tag].version)
            assert found.evidence == table.evidence(customer_id, tag)


def test_a_value_of_an_older_version_is_said_to_be_one() -> None:
    newer = TAGS.replace(RuleTag("is_lapsed", "recency > 60"))
    found = explain_tag(newer, {"is_lapsed": False, "recency": 70}, "is_lapsed", BUILD)
    assert found.version == 1
    (note,) = found.notes
    assert note.startswith("the value was made by version 1; this is version 2")
    other = Build(as_of=BUILD.as_of, versions={})
    assert "not part of the build" in explain_tag(TAGS, {}, "recency", other).notes[0]


def test_an_explanation_can_be_kept_and_shown() -> None:
    values = {"recency": 100, "is_lapsed": True}
    found = explain_tag(TAGS, values, "is_lapsed", BUILD)
    document = json.loads(json.dumps(found.to_dict()))
    assert document["value"] is True
    assert document["true_at"] == "2026-01-31T12:00:00"
    assert document["reasons"] == [
        {"text": "recency > 90", "values": {"recency": 100}, "result": True}
    ]
    assert document["inputs"][0]["tag"] == "recency"
    assert pickle.loads(pickle.dumps(found)) == found
    html = found._repr_html_()
    assert "recency &gt; 90" in html


def test_an_unknown_tag_is_named() -> None:
    with pytest.raises(UnknownTagError, match="Did you mean 'stage'"):
        explain_tag(TAGS, {}, "stge", BUILD)
