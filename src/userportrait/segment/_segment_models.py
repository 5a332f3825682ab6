"""The methods of `CustomerSegments` behind one interface: prepare, count, fit, predict."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, Protocol, TypeAlias

import numpy as np
import pandas as pd

from userportrait._core.feature_table import FeatureTable
from userportrait._core.scikit import from_sklearn
from userportrait._core.threads import one_thread
from userportrait.errors import InvalidDataError, InvalidParameterError
from userportrait.segment._choose_k import ClusterChoice, choose_n_clusters
from userportrait.segment._dense_rows import DenseRows
from userportrait.segment._kprototypes import KPrototypes
from userportrait.segment._prepare import PrepareFeatures

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats: TypeAlias = NDArray[np.float64]
    Ints: TypeAlias = NDArray[np.intp]

__all__ = ["METHODS", "FittedModel", "Method", "ModelSettings", "Transformer", "fit_model"]

Method: TypeAlias = Literal["kmeans", "minibatch", "gaussian_mixture", "hdbscan", "kprototypes"]
METHODS: tuple[Method, ...] = ("kmeans", "minibatch", "gaussian_mixture", "hdbscan", "kprototypes")


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelSettings:
    """The parameters of `CustomerSegments` that matter to its methods."""

    n_clusters: int | Literal["auto"]
    method: Method
    prepare: Any
    max_clusters: int
    n_init: int
    min_cluster_size: int | None
    random_state: int | None


class Transformer:
    """The rule for `prepare`."""

    def problem(self, name: str, value: object) -> str | None:
        """Return one sentence about a bad value, None for a good one."""
        if not isinstance(value, type) and all(hasattr(value, x) for x in ("fit", "transform")):
            return None
        kind = type(value).__name__
        return f"{name} must be an object with fit and transform, or None; got {kind}."


class FittedModel(Protocol):
    """What a method has found.

    `labels` are those of the rows it was fitted to: 0 to ``n_clusters - 1``, and -1 for noise
    where `has_noise` is true.
    """

    prepare: Any
    choice: ClusterChoice | None
    n_clusters: int
    labels: Ints
    has_noise: bool

    def predict(self, table: FeatureTable) -> Ints:
        """Return the clusters of rows."""
        ...


def fit_model(table: FeatureTable, settings: ModelSettings) -> FittedModel:
    """Prepare rows and find clusters; rows come in an order of their own."""
    make: Any = PrepareFeatures() if settings.prepare is None else settings.prepare
    if settings.method == "kprototypes" and not isinstance(make, PrepareFeatures):
        message = (
            "with method='kprototypes', which keeps categories as they are, prepare must be a "
            "PrepareFeatures or None."
        )
        raise InvalidParameterError("CustomerSegments", [message])
    frame = _frame_of(table)
    prepare: Any = from_sklearn("base.clone")(make).fit(frame)
    rows = _checked(prepare.transform(frame))
    with one_thread():
        if settings.method == "hdbscan":
            return _Dense(prepare, rows, settings)
        if settings.method == "kprototypes":
            return _Mixed(prepare, rows, table, settings)
        return _Centred(prepare, rows, settings)


class _Centred:
    """k-means, all at once or in batches, and mixtures of normal distributions."""

    has_noise: bool = False

    def __init__(self, prepare: Any, rows: Floats, settings: ModelSettings) -> None:
        self.prepare = prepare
        self.choice, self.n_clusters = _count(rows, settings)
        model = _unfitted(settings, self.n_clusters)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", from_sklearn("exceptions.ConvergenceWarning"))
            self.model: Any = model.fit(rows)
        self.labels: Ints = self.model.predict(rows).astype(np.intp)

    def predict(self, table: FeatureTable) -> Ints:
        rows = _checked(self.prepare.transform(_frame_of(table)))
        with one_thread():
            found: Ints = self.model.predict(rows).astype(np.intp)
        return found


class _Dense:
    """HDBSCAN, which finds the number itself; one cluster where it finds none."""

    choice: ClusterChoice | None = None

    def __init__(self, prepare: Any, rows: Floats, settings: ModelSettings) -> None:
        self.prepare = prepare
        most = None if settings.n_clusters == "auto" else int(settings.n_clusters)
        if most is not None:
            _refuse_too_many(rows, most)
        self.dense = DenseRows(rows, settings.min_cluster_size, most)
        self.labels = self.dense.labels
        self.n_clusters = self.dense.n_clusters
        self.has_noise = self.n_clusters > 1

    def predict(self, table: FeatureTable) -> Ints:
        return self.dense.predict(_checked(self.prepare.transform(_frame_of(table))))


class _Mixed:
    """k-prototypes: prepared numbers, and categories as they are.

    A mismatch counts the `category_weight` of the prepared table, in which two rows with one
    level different are as far apart, so the number is chosen there.
    """

    has_noise: bool = False

    def __init__(
        self, prepare: Any, rows: Floats, table: FeatureTable, settings: ModelSettings
    ) -> None:
        self.prepare = prepare
        self.choice = None
        wanted = settings.n_clusters
        if wanted == "auto":
            self.choice, wanted = _count(rows, settings)
        self.n_clusters: int = wanted
        self.model = KPrototypes(
            wanted,
            gamma=float(prepare.category_weight),
            n_init=settings.n_init,
            random_state=settings.random_state,
        ).fit_table(self._mixed(table))
        self.labels = self.model.labels_

    def predict(self, table: FeatureTable) -> Ints:
        return self.model.predict_table(self._mixed(table))

    def _mixed(self, table: FeatureTable) -> FeatureTable:
        """Return prepared numbers beside the categories, where missing is a level of its own."""
        table = self.prepare.as_fitted(table)
        numbers: dict[str, Floats] = self.prepare.prepared_numbers(table)
        texts: dict[str, tuple[Ints, NDArray[Any]]] = {}
        for name, (codes, levels) in table.texts.items():
            if self.prepare.categories != "drop":
                # A text that no level has: a level may be called missing itself.
                words = [*(str(level) for level in levels.tolist()), "\x00missing"]
                texts[name] = (codes % len(words), np.array(words, dtype=object))
        return FeatureTable((*numbers, *texts), table.n_rows, numbers, is_named=True, texts=texts)


def _count(rows: Floats, settings: ModelSettings) -> tuple[ClusterChoice | None, int]:
    if settings.n_clusters == "auto":
        choice = choose_n_clusters(
            rows, max_clusters=settings.max_clusters, random_state=settings.random_state
        )
        return choice, choice.n_clusters
    wanted = int(settings.n_clusters)
    _refuse_too_many(rows, wanted)
    return None, wanted


def _refuse_too_many(rows: Floats, wanted: int) -> None:
    n_distinct = int((~pd.DataFrame(rows).duplicated()).sum())
    if n_distinct < wanted:
        message = (
            f"{wanted} clusters need as many distinct rows; X has "
            f"n_samples={len(rows)}, {n_distinct} distinct. Ask for fewer."
        )
        raise InvalidDataError(message)


def _unfitted(settings: ModelSettings, n_clusters: int) -> Any:
    common: dict[str, Any] = {"n_init": settings.n_init, "random_state": settings.random_state}
    if settings.method == "gaussian_mixture":
        mixture = from_sklearn("mixture.GaussianMixture")
        return mixture(n_clusters, reg_covar=1e-4, max_iter=300, **common)
    if settings.method == "minibatch":
        return from_sklearn("cluster.MiniBatchKMeans")(n_clusters, batch_size=4096, **common)
    return from_sklearn("cluster.KMeans")(n_clusters, **common)


def _frame_of(table: FeatureTable) -> Any:
    """Return features as a frame where they have names, as a matrix where they have none."""
    if not table.is_named:
        return table.matrix()
    columns: dict[str, Any] = {}
    for name in table.names:
        if name in table.numbers:
            columns[name] = table.numbers[name]
        else:
            codes, levels = table.texts[name]
            texts = np.array([*(str(level) for level in levels.tolist()), None], dtype=object)
            columns[name] = texts[codes]
    return pd.DataFrame(columns)


def _checked(rows: Any) -> Floats:
    to_numpy = getattr(rows, "to_numpy", None)
    found = np.ascontiguousarray(rows if to_numpy is None else to_numpy(), dtype=np.float64)
    if found.ndim != 2 or not np.isfinite(found).all():
        message = "CustomerSegments: prepare must make a table of finite numbers."
        raise InvalidDataError(message)
    return found
