"""What the pages list by hand is what the code has."""

from __future__ import annotations

import argparse
import re
import textwrap
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd
import pytest

import userportrait as up
from userportrait.__main__ import _parser
from userportrait.value import QUINTILE11, VALUE8

if TYPE_CHECKING:
    from userportrait.value import SegmentMap


def page(repository: Path, name: str) -> str:
    return (repository / "docs" / f"{name}.rst").read_text("utf-8")


def table_rows(text: str) -> list[tuple[str, ...]]:
    """Return the cells of every list-table of a page, literal marks taken off."""
    rows: list[list[str]] = []
    inside = False
    for line in text.splitlines():
        if line.startswith("   * - "):
            rows.append([line[7:]])
            inside = True
        elif inside and re.match(r"     -( |$)", line):
            rows[-1].append(line[7:])
        elif inside and line.startswith("       "):
            rows[-1][-1] += " " + line.strip()
        else:
            inside = False
    return [tuple(cell.strip().replace("``", "") for cell in row) for row in rows]


def commands() -> dict[str, argparse.ArgumentParser]:
    chosen = [a for a in _parser()._actions if isinstance(a, argparse._SubParsersAction)]
    return dict(chosen[0].choices)


@pytest.mark.parametrize("command", sorted(commands()))
def test_the_page_of_the_command_line_lists_every_option(repository: Path, command: str) -> None:
    text = page(repository, "command_line")
    start = text.index(f"\nuserportrait {command}\n")
    following = [
        text.index(f"\nuserportrait {other}\n") for other in commands() if other != command
    ]
    section = text[start : min((at for at in following if at > start), default=len(text))]
    options = [o for a in commands()[command]._actions for o in a.option_strings if o[:2] == "--"]
    assert [o for o in options if o != "--help" and f"``{o}" not in section] == []


def test_the_page_of_the_command_line_lists_no_option_that_is_not_there(repository: Path) -> None:
    said = set(re.findall(r"(?<![\w-])--[a-z][a-z-]+", page(repository, "command_line")))
    known = {o for c in commands().values() for a in c._actions for o in a.option_strings}
    assert said <= known | {"--version"}


def test_the_page_of_portraits_lists_every_default_tag_in_order(repository: Path) -> None:
    rows = [row[:3] for row in table_rows(page(repository, "portraits")) if len(row) == 4]
    assert rows[1:] == [(tag.name, tag.kind, tag.description) for tag in up.default_tags()]


def test_the_page_of_summaries_lists_every_column_in_order(repository: Path) -> None:
    rows = table_rows(page(repository, "features"))
    listed = [row[0].removesuffix(", …") for row in rows if len(row) == 4][1:]
    columns = up.summarise_orders(up.make_shop(n_customers=20).orders).columns
    assert listed == [c for c in columns if not c.endswith(("_90d", "_365d"))]


@pytest.mark.parametrize("segments", [QUINTILE11, VALUE8], ids=lambda found: found.name)
def test_the_page_of_rfm_lists_each_map_with_both_labels(
    repository: Path, segments: SegmentMap
) -> None:
    rows = table_rows(page(repository, "rfm"))
    for key, en, zh in zip(
        segments.keys, segments.labels["en"], segments.labels["zh"], strict=True
    ):
        codes = " ".join(segments.codes[key])
        assert any(row[:3] == (en, zh, codes) for row in rows), key


def code_blocks(text: str) -> dict[str, str]:
    """Return the code blocks of a page that have a name, in order."""
    pattern = r"\.\. code-block:: python\n   :name: (\S+)\n\n((?:   .*\n|\n)+)"
    return {name: textwrap.dedent(code) for name, code in re.findall(pattern, text)}


@pytest.mark.spark
def test_the_spark_blocks_of_the_guide_run_and_agree_with_pandas(
    repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, spark: Any
) -> None:
    pa: Any = pytest.importorskip("pyarrow")
    pq: Any = pytest.importorskip("pyarrow.parquet")
    monkeypatch.chdir(tmp_path)
    text = page(repository, "notebook_to_cluster")
    for name in ("lines", "tags", "arriving", "checkpoint"):  # Spark keeps the folder it began in
        text = text.replace(f'"{name}"', f'"{(tmp_path / name).as_posix()}"')
    blocks = code_blocks(text)
    assert list(blocks) == ["spark-main-job", "spark-portraits", "spark-stream"]
    columns = {
        "customer_id": "Customer", "order_id": "Order ID", "ordered_at": "Date", "item_id": "SKU",
        "quantity": "Qty", "price": "Unit price", "country": "Country",
    }  # fmt: skip
    raw = up.make_shop(n_customers=120, random_state=0).raw_orders
    Path("lines").mkdir()
    pq.write_table(pa.Table.from_pandas(raw, preserve_index=False), "lines/january.parquet")
    names: dict[str, Any] = {"up": up, "spark": spark, "columns": columns}
    for name in ("spark-main-job", "spark-portraits"):
        exec(blocks[name], names)
    orders, cleaning = up.clean_orders(raw, **columns, now="2026-01-01")
    assert names["cleaning"].to_dict() == cleaning.to_dict()
    built = up.build_portraits(orders).to_frame()
    pd.testing.assert_frame_equal(names["portraits"].to_frame(), built)
    names["orders"].frame.write.parquet(str(tmp_path / "arriving"))
    exec(blocks["spark-stream"], names)
    pd.testing.assert_frame_equal(names["table"], up.CustomerSummary().update(orders).finalize())


def test_no_placeholder_is_left_on_a_page(repository: Path) -> None:
    for page in sorted((repository / "docs").rglob("*.rst")):
        assert not re.findall(r"@[A-Z0-9]+@", page.read_text(encoding="utf-8")), page.name
