"""The store that the documentation shows: short, and as good as its word."""

from __future__ import annotations

from itertools import count
from pathlib import Path

from stores.example_store import JSONFileStore
from userportrait.testing import check_profile_store

ROOT = Path(__file__).parents[2]


def test_the_documented_store_keeps_its_promises(tmp_path: Path) -> None:
    numbers = count()
    check_profile_store(lambda: JSONFileStore(tmp_path / f"{next(numbers)}.json"))


def test_the_documented_store_has_at_most_40_lines() -> None:
    text = (ROOT / "tests/stores/example_store.py").read_text(encoding="utf-8")
    assert len(text.splitlines()) <= 40


def test_the_documentation_shows_this_file() -> None:
    page = (ROOT / "docs/stores.rst").read_text(encoding="utf-8")
    assert ".. literalinclude:: ../tests/stores/example_store.py" in page
