"""Writing a page in one step."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from userportrait.errors import InvalidParameterError
from userportrait.report import _page
from userportrait.report._format import Formatter
from userportrait.report._page import check_target, document, write_page
from userportrait.report._words import Words

if TYPE_CHECKING:
    from pathlib import Path


def test_an_existing_page_is_replaced_and_nothing_else_is_left(tmp_path: Path) -> None:
    target = tmp_path / "shop.html"
    target.write_text("old")
    assert write_page(target, "新\n") == target
    assert target.read_bytes() == "新\n".encode()
    assert [path.name for path in tmp_path.iterdir()] == ["shop.html"]


def test_a_page_has_the_permissions_of_any_new_file(tmp_path: Path) -> None:
    plain = tmp_path / "plain"
    plain.write_text("")
    assert write_page(tmp_path / "shop.html", "x").stat().st_mode == plain.stat().st_mode


def test_a_failed_write_keeps_the_old_page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    target = tmp_path / "shop.html"
    target.write_text("old")

    def fail(self: Path, other: Path) -> None:
        raise OSError("the disk is full")

    monkeypatch.setattr(_page.Path, "replace", fail)
    with pytest.raises(OSError, match="full"):
        write_page(target, "new")
    assert target.read_text() == "old"
    assert [path.name for path in tmp_path.iterdir()] == ["shop.html"]


def test_a_missing_folder_is_named_with_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(InvalidParameterError, match=r"no folder '.*nowhere'. Make it first"):
        check_target(tmp_path / "nowhere" / "shop.html", "report")


def test_a_folder_is_no_page(tmp_path: Path) -> None:
    with pytest.raises(InvalidParameterError, match="is a folder; name a file in it"):
        check_target(tmp_path, "report")


def test_a_path_is_a_text_or_a_path() -> None:
    with pytest.raises(InvalidParameterError, match="report: path must be a text or Path; got int"):
        check_target(3, "report")  # type: ignore[arg-type]


def test_the_frame_names_its_language_and_forbids_what_it_does_not_need() -> None:
    words = Words(Formatter("zh"))
    page = document(title="a<b", kind="k", subtitle="s", body=[], foot="f", words=words)
    assert page.startswith('<!DOCTYPE html>\n<html lang="zh-CN">')
    assert "<title>a&lt;b</title>" in page
    assert "default-src &#x27;none&#x27;" in page
