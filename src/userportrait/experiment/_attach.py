"""Further columns for a caller's frame, row by row, in the library it came from."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

import pandas as pd

from userportrait._core import frames
from userportrait.errors import MissingColumnError

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy as np
    from numpy.typing import NDArray

__all__ = ["Collected"]


class Collected:
    """A caller's frame with its rows in a fixed order.

    Parameters
    ----------
    frame : Frame
        Eager ones stay as they are; lazy ones are collected once.
    """

    def __init__(self, frame: frames.Frame) -> None:
        self._frame = frame
        self._is_eager = frame.engine in ("pandas", "polars", "pyarrow")
        names = frames.column_names(frame)
        self._arrays = {} if self._is_eager else frames.collect_arrays(frame, names)
        self.names: tuple[str, ...] = tuple(names)

    def arrays(self, columns: list[str]) -> dict[str, NDArray[Any]]:
        """Return columns as arrays; raises MissingColumnError if one is not there."""
        for name in columns:
            if name not in self.names:
                raise MissingColumnError(name, self.names)
        if self._is_eager:
            return frames.collect_arrays(self._frame, columns)
        return {name: self._arrays[name] for name in columns}

    def with_columns(
        self, columns: Mapping[str, NDArray[Any]], kept: NDArray[np.bool_] | None = None
    ) -> Any:
        """Return the caller's kind of frame with further columns, or some of its rows.

        Parameters
        ----------
        columns : mapping of str to ndarray
            One value for each row of the frame.
        kept : ndarray of bool, optional
            The rows to return; all by default.
        """
        if not self._is_eager:
            whole = {**self._arrays, **columns}
            if kept is not None:
                whole = {name: values[kept] for name, values in whole.items()}
            return frames.from_arrays(whole, self._frame.engine, like=self._frame)
        native = frames.leave(self._frame)
        if isinstance(native, pd.DataFrame):
            made = native.assign(**columns)
            return made if kept is None else made[kept].reset_index(drop=True)
        if self._frame.engine == "polars":
            pl: Any = import_module("polars")
            added = frames.from_arrays(columns, "polars")
            made = native.with_columns(added.get_columns())
            return made if kept is None else made.filter(pl.Series(kept))
        pa: Any = import_module("pyarrow")
        added = frames.from_arrays(columns, "pyarrow")
        for name in columns:
            native = native.append_column(name, added.column(name))
        return native if kept is None else native.filter(pa.array(kept))
