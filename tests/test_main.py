"""The command line, as a shell user meets it."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from typing import TYPE_CHECKING

import pandas as pd
import pytest

import userportrait as up
from userportrait.__main__ import main

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def orders_csv(tmp_path: Path) -> Path:
    """A shop's export with a duplicate, a missing customer and a return."""
    raw = up.make_shop(n_customers=60, random_state=2).raw_orders
    path = tmp_path / "orders.csv"
    raw.to_csv(path, index=False)
    return path


def test_the_main_job_runs_in_one_go(
    orders_csv: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    report, store = tmp_path / "out.html", tmp_path / "shop.db"
    removed = tmp_path / "removed.csv"
    code = main(
        ["portrait", str(orders_csv), "--report", str(report), "--store", str(store),
         "--removed", str(removed), "--title", "Tea & Cups", "--as-of", "2026-01-01"]
    )  # fmt: skip
    said = capsys.readouterr()
    assert code == 0
    assert "customer_id  'Customer'" in said.out
    assert "rows in" in said.out
    assert "cleaning" in said.err
    assert "Tea &amp; Cups" in report.read_text(encoding="utf-8")
    portraits = up.open_portraits(up.SQLiteStore(store))
    raw = pd.read_csv(orders_csv)
    cleaning = portraits.facts["cleaning"]
    assert cleaning["n_rows_in"] == len(raw)
    gone = pd.read_csv(removed)
    assert len(gone) == cleaning["n_rows_in"] - cleaning["n_rows_out"]


def test_the_demo_needs_nothing_but_a_place_to_write(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["demo", "--customers", "80"]) == 0
    assert (tmp_path / "report.html").stat().st_size > 10_000
    assert "report:    report.html" in capsys.readouterr().out


def test_quiet_says_nothing_at_all(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    report = tmp_path / "r.html"
    assert main(["demo", "--customers", "60", "--quiet", "--report", str(report)]) == 0
    assert capsys.readouterr() == ("", "")
    assert report.exists()


def test_the_report_can_be_chinese(tmp_path: Path) -> None:
    report = tmp_path / "r.html"
    options = ["demo", "--customers", "60", "--quiet", "--language", "zh", "--report", str(report)]
    assert main(options) == 0
    assert "客户" in report.read_text(encoding="utf-8")


def test_columns_can_be_said(orders_csv: Path, tmp_path: Path) -> None:
    raw = pd.read_csv(orders_csv).rename(columns={"Customer": "who", "Date": "when"})
    raw.to_csv(orders_csv, index=False)
    report = str(tmp_path / "r.html")
    options = ["portrait", str(orders_csv), "--report", report, "--quiet"]
    assert main([*options, "--customer-id", "who", "--ordered-at", "when"]) == 0


@pytest.mark.parametrize(
    ("change", "code", "message"),
    [
        (["portrait", "ordrs.csv", "--report", "r.html"], 1, "Did you mean 'orders.csv'?"),
        (["portrait", "orders.csv", "--report", "no/r.html"], 2, "there is no folder 'no'"),
        (["portrait", "orders.csv", "--report", "."], 2, "is a folder"),
        (
            ["portrait", "orders.csv", "--report", "r.html", "--customer-id", "Custmer"],
            2,
            "Did you mean 'Customer'?",
        ),
        (
            ["portrait", "orders.csv", "--report", "r.html", "--as-of", "soon"],
            2,
            "as_of must be a date or time",
        ),
        (["demo", "--customers", "0"], 2, "n_customers"),
    ],
)
def test_what_goes_wrong_is_said_on_standard_error_with_a_code(
    orders_csv: Path,
    change: list[str],
    code: int,
    message: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(orders_csv.parent)
    assert main(change) == code
    said = capsys.readouterr().err
    assert [line for line in said.splitlines() if line.startswith("userportrait: error: ")]
    assert message in said
    assert "Traceback" not in said
    assert not (orders_csv.parent / "r.html").exists()


def test_two_columns_that_fit_are_not_guessed_between(
    orders_csv: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    raw = pd.read_csv(orders_csv)
    raw.assign(User=raw["Customer"]).to_csv(orders_csv, index=False)
    assert main(["portrait", str(orders_csv), "--report", str(tmp_path / "r.html")]) == 1
    assert "--customer-id" in capsys.readouterr().err


def test_a_locked_database_is_said_plainly(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["demo", "--customers", "40", "--quiet", "--store", "x.db"]) == 0
    monkeypatch.setattr("userportrait.__main__.LOCK_SECONDS", 0.2)
    with sqlite3.connect(tmp_path / "x.db", isolation_level=None) as other:
        other.execute("begin immediate")
        assert main(["demo", "--customers", "40", "--quiet", "--store", "x.db"]) == 1
        other.execute("rollback")
    other.close()
    assert "stayed locked by another writer for 0.2 s" in capsys.readouterr().err


def test_usage_errors_come_from_the_parser_with_code_2(
    capsys: pytest.CaptureFixture[str],
) -> None:
    for wrong in ([], ["portrait"], ["portray"], ["demo", "--customers", "many"]):
        with pytest.raises(SystemExit) as stopped:
            main(wrong)
        assert stopped.value.code == 2
    assert "usage: userportrait" in capsys.readouterr().err


def test_an_interrupt_has_its_own_code(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("userportrait.data.make_shop", interrupted)
    assert main(["demo"]) == 130
    assert "interrupted" in capsys.readouterr().err


@pytest.mark.parametrize("arguments", [["--version"], ["--help"], ["portrait", "--help"]])
def test_the_module_runs_as_a_program(arguments: list[str]) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "userportrait", *arguments],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert "userportrait" in done.stdout
    assert done.stderr == ""


def test_outputs_may_overwrite_neither_the_input_nor_each_other(
    orders_csv: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = orders_csv.read_bytes()
    same, other = str(orders_csv), str(orders_csv.parent / "x.html")
    for wrong in (
        ["--report", same],
        ["--report", other, "--removed", same],
        ["--report", other, "--store", other],
        ["--report", other, "--removed", str(orders_csv.parent / "no" / "x.csv")],
    ):
        assert main(["portrait", same, *wrong]) == 2
        assert "error" in capsys.readouterr().err
    assert orders_csv.read_bytes() == before
    assert main(["demo", "--report", other, "--store", other]) == 2
    assert "--store and --report are the same file" in capsys.readouterr().err


def test_a_time_format_is_used_where_dates_look_like_iso(tmp_path: Path) -> None:
    text = "customer_id,order_id,ordered_at,amount\n"
    text += "a,1,2024-03-01,1.5\nb,2,2024-05-01,2.5\n"
    (tmp_path / "o.csv").write_text(text)
    options = ["--report", str(tmp_path / "r.html"), "--store", str(tmp_path / "s.db")]
    code = main(["portrait", str(tmp_path / "o.csv"), *options, "--time-format", "%Y-%d-%m"])
    assert code == 0
    portraits = up.open_portraits(up.SQLiteStore(tmp_path / "s.db"))
    assert f"{portraits.as_of:%Y-%m-%d}" == "2024-01-05"


def test_lines_after_as_of_are_counted(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = "customer_id,order_id,ordered_at,amount\n"
    text += "a,1,2024-05-01 10:00:00,1\nb,2,2024-05-02 09:00:00,2\nb,2,2024-05-02 09:00:00,3\n"
    (tmp_path / "o.csv").write_text(text)
    options = ["--report", str(tmp_path / "r.html"), "--as-of", "2024-05-02"]
    assert main(["portrait", str(tmp_path / "o.csv"), *options]) == 0
    assert "2 order lines are later than that and were not used" in capsys.readouterr().out


def test_a_decimal_comma_can_be_said(tmp_path: Path) -> None:
    text = "customer_id;order_id;ordered_at;amount\na;1;2024-03-01;1,50\n"
    (tmp_path / "o.csv").write_text(text)
    options = ["--report", str(tmp_path / "r.html"), "--store", str(tmp_path / "s.db")]
    assert main(["portrait", str(tmp_path / "o.csv"), *options, "--decimal", ","]) == 0
    portraits = up.open_portraits(up.SQLiteStore(tmp_path / "s.db"))
    assert portraits["a"].tags["spend"] == 1.5
