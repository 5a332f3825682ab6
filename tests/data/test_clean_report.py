"""The report adds up, reads well, and survives pickling, notebooks and JSON."""

from __future__ import annotations

import json
import pickle
from dataclasses import FrozenInstanceError

import pandas as pd
import pytest

from helpers.raw_orders import ROLES, raw_orders
from userportrait.data import CleaningReport, Reason, clean_orders
from userportrait.errors import InvalidDataError, InvalidParameterError


@pytest.fixture
def report() -> CleaningReport:
    raw = pd.concat([raw_orders(3, who=[1, None, 3]), raw_orders(1)], ignore_index=True)
    raw = raw.assign(reason="<b>", row="r")
    return clean_orders(raw, **ROLES, now="2026-06-01", duplicates="flag")[1]


def test_the_frame_has_the_promised_columns(report: CleaningReport) -> None:
    frame = report.to_frame()
    assert list(frame.columns) == ["reason", "n_rows", "action"]
    assert frame["n_rows"].dtype == "int64"
    assert frame.to_dict("records") == [
        {"reason": "missing_customer_id", "n_rows": 1, "action": "removed"},
        {"reason": "customer_id_to_integer", "n_rows": 3, "action": "changed"},
        {"reason": "duplicate", "n_rows": 1, "action": "flagged"},
    ]


def test_the_text_adds_up(report: CleaningReport) -> None:
    assert str(report).splitlines() == [
        "Cleaning of orders",
        "rows in                             4",
        "removed                             1",
        "  missing_customer_id               1  no customer",
        "rows kept                           3",
        "changed",
        "  customer_id_to_integer            3  a customer ID such as 17850.0 became 17850",
        "flagged",
        "  duplicate                         1  equals another row in every column",
    ]


def test_the_html_is_escaped_and_has_no_script(report: CleaningReport) -> None:
    noted = CleaningReport("orders", 1, 1, (), notes=("<script>",))
    assert "<script" not in noted._repr_html_()
    assert "&lt;script&gt;" in noted._repr_html_()
    assert "missing_customer_id" in report._repr_html_()


def test_the_dict_is_json(report: CleaningReport) -> None:
    found = json.loads(json.dumps(report.to_dict()))
    assert found["removed"] == {"missing_customer_id": 1}
    assert found["n_rows_in"] == found["n_rows_out"] + found["n_removed"]


def test_columns_of_the_same_name_are_not_overwritten(report: CleaningReport) -> None:
    removed = report.removed_rows()
    assert list(removed.columns)[-2:] == ["row_", "reason_"]
    assert removed["reason"].tolist() == ["<b>"]
    assert removed["row_"].tolist() == [1]


def test_rows_of_an_unknown_reason_are_an_error_with_the_nearest(report: CleaningReport) -> None:
    with pytest.raises(InvalidParameterError, match="Did you mean 'missing_customer_id'"):
        report.removed_rows("missing_customer")
    with pytest.raises(InvalidParameterError, match="'outlier' is not a known reason"):
        report.flagged_rows("outlier")


def test_a_clean_frame_has_no_removed_rows() -> None:
    report = clean_orders(raw_orders(2), **ROLES, now="2026-06-01")[1]
    assert len(report.removed_rows()) == len(report.flagged_rows()) == 0
    assert list(report.removed_rows().columns) == [*ROLES.values(), "row", "reason"]


def test_reports_are_frozen_comparable_and_picklable(report: CleaningReport) -> None:
    again = pickle.loads(pickle.dumps(report))
    assert again == report
    assert again.removed_rows().equals(report.removed_rows())
    with pytest.raises(FrozenInstanceError):
        report.n_rows_in = 0  # type: ignore[misc]


def test_a_report_that_does_not_add_up_cannot_be_made() -> None:
    lost = Reason("duplicate", 1, "removed", "")
    with pytest.raises(InvalidDataError, match="does not add up: 5 rows in, 3 out, 1 removed"):
        CleaningReport("orders", 5, 3, (lost,))


def test_a_report_made_by_hand_has_no_rows_to_read_back() -> None:
    with pytest.raises(InvalidDataError, match="none can be read back"):
        CleaningReport("orders", 3, 3, ()).removed_rows()
