"""Optional packages and names that are loaded when they are first used."""

from __future__ import annotations

import sys
from types import ModuleType
from typing import Any

import pytest

from userportrait._core.lazy import lazy_exports, optional_import
from userportrait.errors import MissingExtraError


def test_a_package_that_is_there_is_imported() -> None:
    assert optional_import("json.decoder", what="x", extra="y").__name__ == "json.decoder"


def test_a_missing_package_names_the_command_that_installs_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # Importing what is None raises ImportError.
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    monkeypatch.setitem(sys.modules, "pyarrow.parquet", None)

    with pytest.raises(MissingExtraError) as caught:
        optional_import("pyarrow.parquet", what="read_parquet", extra="parquet")

    assert str(caught.value) == (
        'read_parquet needs pyarrow.\nInstall it with: pip install "userportrait[parquet]"'
    )
    assert isinstance(caught.value, ImportError)
    assert isinstance(caught.value.__cause__, ImportError)


HOMES = {"loads": "json", "decoder": "json.decoder", "fold": "no_such_module_anywhere"}


def package() -> tuple[Any, dict[str, Any]]:
    namespace: dict[str, Any] = {"__name__": "json", "hidden": 1}
    return lazy_exports("json", HOMES, namespace), namespace


def test_a_name_is_loaded_when_it_is_first_used_and_then_kept() -> None:
    import json

    (load, _), namespace = package()

    assert "loads" not in namespace
    assert load("loads") is json.loads
    assert namespace["loads"] is json.loads


def test_a_module_of_the_package_can_be_a_name() -> None:
    (load, _), namespace = package()

    assert isinstance(load("decoder"), ModuleType)
    assert namespace["decoder"].__name__ == "json.decoder"


def test_an_unknown_name_is_an_attribute_error_as_for_any_module() -> None:
    (load, _), _ = package()

    with pytest.raises(AttributeError, match="module 'json' has no attribute 'lods'"):
        load("lods")


def test_a_broken_home_is_not_taken_for_a_missing_name() -> None:
    (load, _), namespace = package()

    with pytest.raises(ModuleNotFoundError, match="no_such_module_anywhere"):
        load("fold")
    assert "fold" not in namespace


def test_the_names_are_listed_before_they_are_loaded() -> None:
    (_, names), _ = package()

    assert names() == ["__name__", "decoder", "fold", "loads"]
