"""Words that write a frame to files."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from userportrait._core.frames._schema import needs
from userportrait._core.frames._sql import project_sql, quoted
from userportrait._core.lazy import optional_import

if TYPE_CHECKING:
    from os import PathLike

    from userportrait._core.frames._engine import Frame

__all__ = ["sink_parquet"]

_PART = "part-0.parquet"


def sink_parquet(frame: Frame, path: str | PathLike[str]) -> None:
    """Write a frame as a directory of Parquet files, without collecting it where it is lazy.

    Parameters
    ----------
    frame : Frame
        On Spark the files are written by its workers, so the path must be one that they and
        the driver share.
    path : path
        A directory that does not exist yet. Every library reads it as one table.

    Raises
    ------
    FileExistsError
        If there is something already; nothing is overwritten.
    MissingExtraError
        If pandas is to write without pyarrow.
    """
    needs(frame, "sink_parquet", "sink_parquet")
    native = frame.native
    if frame.engine == "spark":
        if "://" not in str(path):
            _refuse_existing(Path(path))
        native.write.mode("errorifexists").parquet(str(path))
        return
    target = Path(path)
    _refuse_existing(target)
    if isinstance(native, pd.DataFrame):
        optional_import("pyarrow", what="Writing Parquet from pandas", extra="parquet")
    target.mkdir(parents=True)
    file = str(target / _PART)
    if isinstance(native, pd.DataFrame):
        native.to_parquet(file, index=False, engine="pyarrow")
    elif frame.is_sql:
        # The names of a projection are quoted, whatever they are.
        project_sql(frame, [quoted(frame, name) for name in native.columns]).write_parquet(file)
    else:
        polars: Any = import_module("polars")
        if isinstance(native, polars.LazyFrame):
            native.sink_parquet(file)
        else:
            native.write_parquet(file)


def _refuse_existing(target: Path) -> None:
    if target.exists():
        message = f"{target} exists already. Give a directory that does not."
        raise FileExistsError(message)
