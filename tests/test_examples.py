"""The gallery's scripts run, and keep the shape that its pages promise."""

from __future__ import annotations

import ast
import re
import runpy
import sys
from pathlib import Path
from typing import Any

import pytest

EXAMPLES = sorted((Path(__file__).resolve().parent.parent / "examples").glob("plot_*.py"))

every_example = pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)


def test_there_are_examples() -> None:
    # The first issue asks for four or more.
    assert len(EXAMPLES) >= 5


@every_example
def test_an_example_runs_and_draws(
    path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    runpy.run_path(str(path), run_name="__main__")
    assert sys.modules["matplotlib.pyplot"].get_fignums()
    assert list(tmp_path.iterdir()) == []  # an example leaves no file behind


@every_example
def test_an_example_is_a_question_a_table_a_picture_and_what_to_do_next(path: Path) -> None:
    text = path.read_text("utf-8")
    title = (ast.get_docstring(ast.parse(text)) or "").splitlines()[0]
    headings = re.findall(r"^# (.+)\n# [-=]{3,}$", text, re.MULTILINE)
    assert title.endswith("?")
    assert {"The table", "The picture", "What to do next"} <= set(headings)


@every_example
def test_an_example_reads_neither_the_network_nor_a_file(path: Path) -> None:
    tree = ast.parse(path.read_text("utf-8"))
    imported = [name.name for node in ast.walk(tree) if isinstance(node, ast.Import)
                for name in node.names]  # fmt: skip
    imported += [node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]
    allowed = {"matplotlib", "numpy", "pandas", "userportrait"}
    assert {name.partition(".")[0] for name in imported} <= allowed
    calls: list[Any] = [node.func for node in ast.walk(tree) if isinstance(node, ast.Call)]
    names = [getattr(call, "attr", getattr(call, "id", "")) for call in calls]
    assert not [name for name in names if name == "open" or name.startswith("read_")]
