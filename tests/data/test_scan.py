"""Parquet files open as lazy frames, and what is wrong with them is said at once."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import pandas as pd
import pytest

from helpers.engines import require_engine, to_pandas
from userportrait import scan_parquet
from userportrait.errors import (
    DataFileNotFoundError,
    InvalidDataError,
    InvalidParameterError,
    MissingColumnError,
    MissingExtraError,
)

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder of two files, and things that are none."""
    require_engine("duckdb")
    require_engine("polars")
    for year in (2025, 2026):
        home = tmp_path / "shop" / f"year={year}"
        home.mkdir(parents=True)
        pd.DataFrame({"id": [year % 100], "a b": ["x"]}).to_parquet(home / "part.parquet")
    (tmp_path / "shop" / "_SUCCESS").touch()
    hidden = tmp_path / "shop" / "_temporary"
    hidden.mkdir()
    (hidden / "half.parquet").write_text("half")
    return tmp_path / "shop"


@pytest.fixture
def settings() -> Iterator[Any]:
    """What DuckDB's default connection is set to; put back at the end."""
    require_engine("duckdb")
    import duckdb

    def current(name: str) -> Any:
        return duckdb.execute(f"SELECT current_setting('{name}')").fetchall()[0][0]

    threads = current("threads")
    yield current
    duckdb.execute("RESET memory_limit")
    duckdb.execute(f"SET threads = {threads}")


@pytest.mark.parametrize(("engine", "library"), [("duckdb", "duckdb"), ("polars", "polars")])
def test_a_folder_of_folders_is_one_lazy_table(folder: Path, engine: Any, library: str) -> None:
    lazy = scan_parquet(folder, engine=engine)
    assert type(lazy).__module__.strip("_").startswith(library)
    found = to_pandas(lazy).sort_values("id", ignore_index=True)
    assert found["id"].tolist() == [25, 26]
    assert found["year"].tolist() == [2025, 2026]
    chosen = scan_parquet(folder, engine=engine, columns=["a b", "id"])
    assert list(to_pandas(chosen).columns) == ["a b", "id"]
    file = folder / "year=2026" / "part.parquet"
    assert to_pandas(scan_parquet(file, engine=engine))["id"].tolist() == [26]


@pytest.mark.parametrize("engine", ["duckdb", "polars"])
def test_what_is_missing_or_broken_is_said_at_once(
    folder: Path, tmp_path: Path, engine: Any
) -> None:
    with pytest.raises(DataFileNotFoundError, match="Did you mean 'shop'"):
        scan_parquet(tmp_path / "shops", engine=engine)
    with pytest.raises(InvalidDataError, match=r"holds no Parquet file \(.parquet, .pq\)"):
        scan_parquet(_empty(tmp_path), engine=engine)
    with pytest.raises(InvalidDataError, match="cannot be read as Parquet"):
        scan_parquet(folder / "_temporary" / "half.parquet", engine=engine)
    with pytest.raises(MissingColumnError, match="Did you mean 'year'"):
        scan_parquet(folder, columns=["yaer"], engine=engine)


def _empty(tmp_path: Path) -> Path:
    (tmp_path / "empty").mkdir()
    return tmp_path / "empty"


def test_memory_and_threads_are_set_on_the_default_connection(folder: Path, settings: Any) -> None:
    scan_parquet(folder, memory_limit="1GB", threads=1)
    assert settings("memory_limit") == "953.6 MiB"
    assert settings("threads") == 1
    assert settings("temp_directory") not in ("", ".tmp")


def test_bad_options_are_named(folder: Path) -> None:
    with pytest.raises(InvalidParameterError, match="3 problems"):
        scan_parquet(folder, engine="dask", memory_limit=2, threads=0)  # type: ignore[arg-type]
    with pytest.raises(InvalidParameterError, match="memory_limit='much' is not what DuckDB takes"):
        scan_parquet(folder, memory_limit="much")
    with pytest.raises(InvalidParameterError, match="are for engine='duckdb'"):
        scan_parquet(folder, engine="polars", threads=2)


@pytest.mark.parametrize("engine", ["duckdb", "polars"])
def test_a_missing_library_names_the_extra(
    folder: Path, engine: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, engine, None)
    with pytest.raises(MissingExtraError, match=rf'pip install "userportrait\[{engine}\]"'):
        scan_parquet(folder, engine=engine)
