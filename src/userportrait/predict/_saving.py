"""Fitted models as files: JSON and arrays, no pickle."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from userportrait._core.model_files import model_from_bytes, model_to_bytes
from userportrait.errors import DataFileNotFoundError, InvalidParameterError

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["load_model", "save_model"]


def save_model(model: Any, path: str | os.PathLike[str]) -> None:
    """Write a fitted model to a file that runs nothing when it is loaded.

    Parameters
    ----------
    model : estimator
        Any of `userportrait.predict` and `userportrait.segment`; of scikit-learn k-means,
        mixtures, logistic regression, scalers, PCA, calibration, and pipelines of all these.
        Other classes of scikit-learn, such as forests, need ``pip install
        "userportrait[models]"``.
    path : str or path-like
        The file, in a folder that is there. Another file of that name is replaced once the new
        one is complete.

    Raises
    ------
    InvalidParameterError
        If `path` is a folder, or in a folder that is not there.
    InvalidDataError
        If the model holds something that cannot be saved, such as a function. The message
        says where.
    MissingExtraError
        If skops is needed and not installed.

    See Also
    --------
    userportrait.predict.load_model : Read it.

    Notes
    -----
    The file is a zip archive of one JSON document and arrays; what scikit-learn has besides is
    written by skops. [1]_ Equal models make equal files. A model that keeps what it was fitted
    on, such as the segment of each row or the rows themselves (``method='hdbscan'``), has that
    in its file too.

    References
    ----------
    .. [1] skops, "Secure persistence", https://skops.readthedocs.io/en/stable/persistence.html

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> from userportrait.predict import Propensity, load_model
    >>> model = Propensity().fit([[1.0], [2], [3], [4]], [0, 1, 0, 1])
    >>> with TemporaryDirectory() as folder:
    ...     save_model(model, f"{folder}/model.zip")
    ...     loaded = load_model(f"{folder}/model.zip")
    >>> bool((loaded.predict_proba([[2.5]]) == model.predict_proba([[2.5]])).all())
    True
    """
    target = Path(path)
    _refuse_folder(target, "save_model")
    if not target.parent.is_dir():
        problem = f"path: there is no folder '{target.parent}'. Make it first."
        raise InvalidParameterError("save_model", [problem])
    content = model_to_bytes(model)
    part = target.with_name(f"{target.name}.{os.getpid()}.part")
    try:
        part.write_bytes(content)
        part.replace(target)
    finally:
        part.unlink(missing_ok=True)


def load_model(path: str | os.PathLike[str], *, trusted: Iterable[str] = ()) -> Any:
    """Read a model that `save_model` wrote.

    Parameters
    ----------
    path : str or path-like
    trusted : iterable of str, default=()
        Full names of classes and functions that skops does not know to be safe, and that you
        trust in this file. The message that refuses them names them.

    Returns
    -------
    estimator
        Of the class that was saved. Its results are equal to the last bit.

    Warns
    -----
    DataWarning
        If a part of scikit-learn was saved by another version of it.

    Raises
    ------
    DataFileNotFoundError
        If there is no such file.
    InvalidParameterError
        If `path` is a folder.
    InvalidDataError
        If the file is no such model, is damaged, is from a newer version, or names classes
        that no model has.
    MissingExtraError
        If skops is needed and not installed.

    Notes
    -----
    The file can name classes of this library's models and a few of scikit-learn. They are made
    empty and given their arrays: no code of the file is run, so a file from a stranger can at
    worst give bad predictions or be very large. `trusted` gives up that promise for the names
    in it.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> from userportrait.predict import OptimalBinning, save_model
    >>> with TemporaryDirectory() as folder:
    ...     binning = OptimalBinning().fit([1, 2, 3, 4] * 10, [0, 0, 1, 1] * 10)
    ...     save_model(binning, f"{folder}/bins.zip")
    ...     load_model(f"{folder}/bins.zip").cuts_.tolist()
    [3.0]
    """
    file = Path(path)
    _refuse_folder(file, "load_model")
    if not file.is_file():
        nearby = [other.name for other in file.parent.glob("*")] if file.parent.is_dir() else []
        raise DataFileNotFoundError(str(path), nearby)
    return model_from_bytes(file.read_bytes(), name=file.name, trusted=trusted)


def _refuse_folder(path: Path, owner: str) -> None:
    if path.is_dir():
        raise InvalidParameterError(owner, [f"path: '{path}' is a folder; name a file in it."])
