"""Events get common names; repeats and robots are found; every row is accounted for."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from userportrait.data import CleaningReport, Events, clean_events
from userportrait.errors import (
    ColumnTypeError,
    InvalidDataError,
    InvalidParameterError,
    MissingColumnError,
)

ROLES = {"customer_id": "who", "event": "did", "occurred_at": "ts"}


def raw_events(n_rows: int = 3, **columns: Any) -> pd.DataFrame:
    frame = pd.DataFrame(
        {
            "who": range(n_rows),
            "did": ["view"] * n_rows,
            "ts": pd.date_range("2026-01-01", periods=n_rows, freq="h").astype("datetime64[us]"),
        }
    )
    return frame.assign(**columns)


def clean(frame: Any, **options: Any) -> tuple[Events, CleaningReport]:
    return clean_events(frame, **{**ROLES, "now": "2026-06-01", **options})


def test_clean_events_come_out_with_canonical_names() -> None:
    events, report = clean(raw_events(page=["a", "b", "c"], app=1), device="app")
    assert events.columns == ["customer_id", "event", "occurred_at", "device", "page"]
    assert report.reasons == ()


@pytest.mark.parametrize(
    ("column", "values", "reason"),
    [
        ("who", ["a", " ", "b"], "missing_customer_id"),
        ("did", ["view", None, "view"], "missing_event"),
        ("did", ["view", " ", "view"], "missing_event"),
        ("ts", ["2026-01-01", None, "2026-01-02"], "missing_time"),
        ("ts", ["2026-01-01", "2026-02-31", "2026-01-02"], "unparsable_time"),
        ("ts", ["2026-01-01", "2027-01-01", "2026-01-02"], "future_time"),
    ],
)
def test_each_reason_removes_and_counts_one_event(
    column: str, values: list[Any], reason: str
) -> None:
    events, report = clean(raw_events(**{column: values}))
    assert report.removed == {reason: 1}
    assert report.removed_rows()["row"].tolist() == [1]
    assert len(events) == 2


def test_names_are_spelt_alike_and_mapped() -> None:
    raw = raw_events(4, did=["Add to Cart", " add-to-cart", "PV", "fav"])
    events, report = clean(raw, event_names={"Add To Cart": "cart", "pv": "view"})
    assert events.frame["event"].tolist() == ["cart", "cart", "view", "fav"]
    assert report.changed == {"event_renamed": 3}
    assert report.flagged == {"unknown_event": 1}


def test_events_that_are_numbers_are_named_by_a_mapping() -> None:
    events, _ = clean(raw_events(did=[1, 2, 1]), event_names={1: "view", 2: "cart"})
    assert events.frame["event"].tolist() == ["view", "cart", "view"]


def test_equal_rows_are_removed_but_one() -> None:
    raw = pd.concat([raw_events(2), raw_events(1)], ignore_index=True)
    assert clean(raw)[1].removed == {"duplicate": 1}
    assert clean(raw, duplicates="flag")[1].flagged == {"duplicate": 1}
    assert clean(raw, duplicates="keep")[1].reasons == ()
    assert clean(raw.assign(page=["a", "b", "c"]))[1].reasons == ()


def test_a_burst_of_the_same_event_counts_once() -> None:
    seconds = [0, 1, 2, 10, 1]
    raw = raw_events(5, who=7, item=["a", "a", "a", "a", "b"])
    raw["ts"] = pd.Timestamp("2026-01-01") + pd.to_timedelta(seconds, unit="s")
    events, report = clean(raw, item_id="item", repeat_seconds=1)
    assert report.removed == {"repeat": 2}
    assert report.removed_rows()["row"].tolist() == [1, 2]
    assert clean(raw, item_id="item")[1].removed == {}
    shuffled, _ = clean(raw.iloc[::-1], item_id="item", repeat_seconds=1)
    assert sorted(shuffled.frame["occurred_at"]) == sorted(events.frame["occurred_at"])


def test_customers_who_do_too_much_in_a_day_are_bots() -> None:
    minutes = pd.to_timedelta(np.arange(101) * 5, unit="s")
    raw = pd.concat(
        [raw_events(2), raw_events(101, who=99, ts=pd.Timestamp("2026-01-02") + minutes)],
        ignore_index=True,
    )
    assert clean(raw, bot_daily_events=101)[1].flagged == {}
    assert clean(raw, bot_daily_events=100)[1].flagged == {"bot": 101}
    events, report = clean(raw, bot_daily_events=100, bots="remove")
    assert report.removed == {"bot": 101}
    assert len(events) == 2
    assert clean(raw, bot_daily_events=100, bots="keep")[1].reasons == ()


def test_customers_who_never_sleep_are_bots() -> None:
    def busy(hours: int, n_events: int) -> pd.DataFrame:
        offsets = np.arange(n_events) % hours * 3600 + np.arange(n_events) // hours
        times = pd.Timestamp("2026-01-02") + pd.to_timedelta(offsets, unit="s")
        return raw_events(n_events, who=99, ts=times)

    assert clean(busy(22, 100))[1].flagged == {"bot": 100}
    assert clean(busy(21, 100))[1].flagged == {}
    assert clean(busy(22, 99))[1].flagged == {}


def test_items_and_sessions_may_be_missing_and_stay_so() -> None:
    raw = raw_events(item=[1.0, None, 3.0], visit=["s ", None, "t"])
    events, report = clean(raw, item_id="item", session_id="visit")
    assert events.frame["item_id"].tolist() == [1, pd.NA, 3]
    assert events.frame["session_id"].tolist()[0] == "s"
    assert report.changed == {"item_id_to_integer": 2, "session_id_trimmed": 1}


def test_bad_input_says_what_to_do() -> None:
    with pytest.raises(MissingColumnError, match=r"clean_events, event=: 'dd' is not a known col"):
        clean(raw_events(), event="dd")
    with pytest.raises(InvalidParameterError, match="'who' is given for both customer_id and even"):
        clean(raw_events(), event="who")
    with pytest.raises(InvalidParameterError, match="3 problems"):
        clean(raw_events(), bots="drop", repeat_seconds=-1, event_names=["view"])
    with pytest.raises(InvalidDataError, match="the frame has no rows"):
        clean(raw_events(0))
    with pytest.raises(ColumnTypeError, match=r"event='did' must hold texts.*true and false"):
        clean(raw_events(did=True))
    with pytest.raises(InvalidDataError, match="none of 3 rows is left: 3 missing_customer_id"):
        clean(raw_events(who=None))
