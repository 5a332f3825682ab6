"""Choose a model's parameters on a validation part of the training data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import product
from time import perf_counter
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias, TypeGuard

import numpy as np
import pandas as pd

from userportrait._core.params import Between, InstanceOf, Optional, check_values
from userportrait._core.progress import teller
from userportrait.errors import InvalidParameterError, unknown_name
from userportrait.recommend._base import Recommender
from userportrait.recommend._evaluate import CHECKED, values_by_customer
from userportrait.recommend._evaluation_shop import is_mapping, read_shop
from userportrait.recommend._evaluation_table import Relevant, read_lists, read_relevant
from userportrait.recommend._interaction_sources import as_interactions
from userportrait.recommend._metrics import ACCURACY, Judged, read_metrics
from userportrait.recommend._metrics_beyond import OF_LISTS
from userportrait.recommend._resampling import resample_means
from userportrait.recommend._splits import split_blocks, split_by_time
from userportrait.recommend._splits_result import Split
from userportrait.recommend._splits_rows import read_rows
from userportrait.recommend._tune_result import TuningResult

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from numpy.typing import NDArray

    from userportrait.data import Orders
    from userportrait.recommend._interactions import Interactions
    from userportrait.recommend._metrics import Metric
    from userportrait.typing import IntoFrame, Progress

    Floats: TypeAlias = NDArray[np.float64]
    Grid: TypeAlias = Mapping[str, Any]

__all__ = ["Tunable", "tune"]

_OWNER = "tune"


class Tunable(Protocol):
    """A recommender with parameters; every `Recommender` is one."""

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """Return the parameters by name."""
        ...

    def set_params(self, **params: Any) -> Any:
        """Change parameters by name."""
        ...

    def fit(self, interactions: Any) -> Any:
        """Learn."""
        ...

    def recommend(
        self,
        customers: Sequence[Any] | None = None,
        *,
        k: int = 10,
        filter_seen: bool = True,
        exclude: Iterable[Any] = (),
    ) -> pd.DataFrame:
        """Return up to `k` items for each customer, best first."""
        ...


def tune(
    model: Tunable,
    grid: Grid | Sequence[Grid],
    interactions: Interactions | Orders | IntoFrame,
    *,
    metric: str = "ndcg@20",
    metrics: str | Iterable[str] = (),
    split: Split[Any] | Callable[[Any], Split[Any]] | None = None,
    n_settings: int | None = None,
    max_customers: int | None = None,
    min_weight: float | None = None,
    filter_seen: bool = True,
    refit: bool = True,
    confidence_level: float = 0.95,
    random_state: int | None = 0,
    progress: Progress | bool | None = None,
) -> TuningResult:
    """Try settings of a model on a validation part of the training data.

    Give it training data only: cut off the test part before, and evaluate on it once, after.

    Parameters
    ----------
    model : Recommender, or any object with ``get_params``, ``set_params``, ``fit``, ``recommend``
        Its parameters are the starting point; it is not changed.
    grid : mapping of str to sequence, or a list of such
        The values to try of each parameter; ``part__name`` reaches into a model within. All
        combinations are tried, or `n_settings` random ones; then a value may also be a
        distribution with the method ``rvs``, such as ``scipy.stats.loguniform(1, 1e4)``.
    interactions : Interactions, Orders or frame
        The training data.
    metric : str, default='ndcg@20'
        What to maximise, of `evaluate_customers`; less is better only for ``'popularity'``,
        which is for you to mind.
    metrics : str or iterable of str, default=()
        Further ones to report.
    split : Split or callable, optional
        How to cut the validation part: a function such as
        ``lambda data: split_last(data, 2)``, or a ready `Split` of `interactions`. By default
        the newest fifth by `split_by_time` where times are known, `split_blocks` where not.
    n_settings : int, optional
        How many settings to try, drawn at random; without distributions none comes twice.
    max_customers : int, optional
        Judge by so many customers at most, drawn at random. Some thousands tell settings apart
        as well as hundreds of thousands.
    min_weight, filter_seen
        As in `evaluate_ranking`.
    refit : bool, default=True
        Whether to fit the best setting to all of `interactions` in the end.
    confidence_level : float, default=0.95
        Of the intervals.
    random_state : int, optional, default=0
        Seed of settings, customers and intervals. Models have their own.
    progress : callable or bool, optional
        Called with ``'tune'`` and the share done.

    Returns
    -------
    TuningResult

    Raises
    ------
    InvalidParameterError
        If a parameter of the grid is unknown or takes no such value, or another one does not
        fit.
    InvalidDataError
        If the validation part is empty.

    See Also
    --------
    compare_rankings : Compare different models.

    Notes
    -----
    Customers of whom the training part of the cut knows nothing do not count: their lists are
    the popular items, whatever the setting. With `filter_seen`, pairs that both parts have do
    not count either, as no list may have them.

    Of equal settings the first one tried is best. An error of a model ends the search; it
    carries a note with the setting.

    Examples
    --------
    >>> import userportrait as up
    >>> from userportrait.recommend import EASE, split_by_time
    >>> orders = up.make_shop(n_customers=300, random_state=0).orders
    >>> cut = split_by_time(orders, share=0.2)
    >>> found = tune(EASE(), {"l2": [10.0, 1000.0]}, cut.train, metric="recall@10")
    >>> found.n_customers, sorted(found.best_params)
    (66, ['l2'])
    """
    _check(
        split=split,
        n_settings=n_settings,
        max_customers=max_customers,
        min_weight=min_weight,
        filter_seen=filter_seen,
        refit=refit,
        confidence_level=confidence_level,
        random_state=random_state,
    )
    tell = teller(progress, owner=_OWNER)
    others = [metrics] if isinstance(metrics, str) else list(metrics)
    chosen = read_metrics([metric, *others], (*ACCURACY, *OF_LISTS), _OWNER)
    settings = _settings(model, grid, n_settings, random_state)
    data: Any = interactions
    if isinstance(model, Recommender):  # read once, not once for each setting
        data = as_interactions(interactions, owner=_OWNER)
    cut = _cut(data, split, filter_seen)
    relevant = read_relevant(cut.test, min_weight=min_weight, owner=_OWNER)
    relevant = _some_customers(relevant, max_customers, random_state)
    trial = _Trial(model, cut.train, relevant, chosen, filter_seen)
    rows: list[_Row] = []
    for at, setting in enumerate(settings):
        rows.append(trial.run(setting))
        tell("tune", (at + 1) / (len(settings) + refit))
    found = _table(settings, rows, chosen, confidence_level, random_state)
    best = settings[int(found.index[0])]
    fitted = None
    if refit:
        fitted = _with_setting(model, best)
        fitted.fit(data)
        tell("tune", 1.0)
    return TuningResult(
        table=found.reset_index(drop=True),
        best_params=best,
        model=fitted,
        metric=str(chosen[0]),
        method=cut.method,
        n_customers=relevant.n_customers,
    )


def _check(**values: Any) -> None:
    rules: dict[str, Any] = {name: CHECKED[name] for name in values if name in CHECKED}
    rules["n_settings"] = Optional(Between(1, 1_000_000, integer=True))
    rules["max_customers"] = Optional(Between(1, float("inf"), integer=True))
    rules["refit"] = InstanceOf((bool,), "a bool")
    check_values(_OWNER, values, rules)
    split = values["split"]
    if not (split is None or isinstance(split, Split) or callable(split)):
        problem = (
            f"split must be a Split or a function that makes one, such as split_last; "
            f"got {type(split).__name__}."
        )
        raise InvalidParameterError(_OWNER, [problem])


def _settings(
    model: Tunable, grid: Any, n_settings: int | None, random_state: int | None
) -> list[dict[str, Any]]:
    """Return the settings to try."""
    grids: list[Any] = [grid] if isinstance(grid, Mapping) else list(grid)
    problems = _grid_problems(model, grids, n_settings)
    if problems:
        raise InvalidParameterError(_OWNER, problems)
    source = np.random.default_rng(random_state)
    if any(_is_distribution(values) for part in grids for values in part.values()):
        return [_drawn(grids, source) for _ in range(n_settings or 0)]
    every = [
        dict(zip(part, values, strict=True)) for part in grids for values in product(*part.values())
    ]
    if n_settings is None or n_settings >= len(every):
        return every
    chosen = source.choice(len(every), n_settings, replace=False)
    return [every[at] for at in np.sort(chosen).tolist()]


def _drawn(grids: list[Any], source: np.random.Generator) -> dict[str, Any]:
    part = grids[int(source.integers(len(grids)))]
    setting: dict[str, Any] = {}
    for name, values in part.items():
        if _is_distribution(values):
            value = values.rvs(random_state=source)
            setting[name] = value.item() if isinstance(value, np.generic) else value
        else:
            setting[name] = values[int(source.integers(len(values)))]
    return setting


def _grid_problems(model: Tunable, grids: list[Any], n_settings: int | None) -> list[str]:
    if not grids or not all(is_mapping(part) and len(part) for part in grids):
        return ["grid must map names of parameters to lists of values, such as {'l2': [10, 100]}."]
    known = sorted(model.get_params())
    problems: list[str] = []
    for part in grids:
        for name, values in part.items():
            if name not in known:
                problems.append(unknown_name("parameter", str(name), known))
            elif _is_distribution(values):
                if n_settings is None:
                    problems.append(f"grid: '{name}' is a distribution; say n_settings, too.")
            elif isinstance(values, (str, bytes)) or not hasattr(values, "__len__"):
                problems.append(
                    f"grid: '{name}' must be a list of values; got {type(values).__name__}."
                )
            elif not len(values):
                problems.append(f"grid: '{name}' has no value.")
    return list(dict.fromkeys(problems))


def _is_distribution(values: Any) -> bool:
    return hasattr(values, "rvs")


def _cut(data: Any, split: Any, filter_seen: bool) -> Split[Any]:
    made: Any = split
    if split is None:
        timed = read_rows(data, _OWNER).at is not None
        made = split_by_time(data, share=0.2) if timed else split_blocks(data, 0.2)
    elif not isinstance(split, Split):
        made = split(data)
    if not _is_split(made):
        problem = f"split must return a Split; it returned a {type(made).__name__}."
        raise InvalidParameterError(_OWNER, [problem])
    return made.narrow_test(known_customers=True, new_pairs=filter_seen)


def _is_split(value: object) -> TypeGuard[Split[Any]]:
    return isinstance(value, Split)


def _some_customers(
    relevant: Relevant, max_customers: int | None, random_state: int | None
) -> Relevant:
    n = relevant.n_customers
    if max_customers is None or max_customers >= n:
        return relevant
    chosen = np.zeros(n, dtype=bool)
    chosen[np.random.default_rng(random_state).choice(n, max_customers, replace=False)] = True
    return relevant.take(chosen[relevant.customer])


@dataclass(frozen=True, slots=True)
class _Row:
    """What one setting was worth."""

    values: Floats
    fit_seconds: float
    recommend_seconds: float


class _Trial:
    """Fits a setting to the training part, and judges it by the validation part."""

    def __init__(
        self,
        model: Tunable,
        train: Any,
        relevant: Relevant,
        metrics: list[Metric],
        filter_seen: bool,
    ) -> None:
        self._model = model
        self._train = train
        self._relevant = relevant
        self._metrics = metrics
        self._k = max(metric.k for metric in metrics)
        self._filter_seen = filter_seen
        self._shop = read_shop(None, train, None, metrics, _OWNER)

    def run(self, setting: Mapping[str, Any]) -> _Row:
        try:
            return self._run(setting)
        except Exception as error:
            error.add_note(f"tune: with {dict(setting)!r}")
            raise

    def _run(self, setting: Mapping[str, Any]) -> _Row:
        fresh = _with_setting(self._model, setting)
        started = perf_counter()
        fresh.fit(self._train)
        fitted = perf_counter()
        lists = read_lists(
            fresh, self._relevant, k=self._k, filter_seen=self._filter_seen, owner=_OWNER
        )
        done = perf_counter()
        judged = Judged(self._relevant, lists)
        values = values_by_customer(judged, self._shop, self._metrics)
        return _Row(values, fitted - started, done - fitted)


def _with_setting(model: Any, setting: Mapping[str, Any]) -> Any:
    """Return a model that is not fitted, with the parameters of this one and the setting."""
    fresh = _unfitted(model)
    fresh.set_params(**setting)
    return fresh


def _unfitted(value: Any) -> Any:
    if is_mapping(value):
        return {name: _unfitted(part) for name, part in value.items()}
    if _is_listing(value):
        parts = (_unfitted(part) for part in value)
        return tuple(parts) if isinstance(value, tuple) else list(parts)
    if hasattr(value, "get_params") and not isinstance(value, type):
        params = value.get_params(deep=False)
        return type(value)(**{name: _unfitted(part) for name, part in params.items()})
    return value


def _is_listing(value: object) -> TypeGuard[Sequence[Any]]:
    return isinstance(value, (list, tuple))


def _table(
    settings: list[dict[str, Any]],
    rows: list[_Row],
    metrics: list[Metric],
    confidence_level: float,
    random_state: int | None,
) -> pd.DataFrame:
    """Return one row per setting, best first; the index says which setting it is."""
    by_customer = np.column_stack([row.values[:, 0] for row in rows])
    found = resample_means(by_customer, n_resamples=1000, random_state=random_state)
    order = np.argsort(np.where(np.isnan(found.means), np.inf, -found.means), kind="stable")
    behind = by_customer[:, [order[0]]] - by_customer
    less = resample_means(behind, n_resamples=1000, random_state=random_state)
    limits = [found.interval(at, confidence_level) for at in range(len(rows))]
    less_limits = [less.interval(at, confidence_level) for at in range(len(rows))]
    names = list(dict.fromkeys(name for setting in settings for name in setting))
    columns: dict[str, Any] = {
        name: pd.Series([setting.get(name) for setting in settings]) for name in names
    }
    columns[str(metrics[0])] = found.means
    columns |= {"ci_low": [low for low, _ in limits], "ci_high": [high for _, high in limits]}
    columns["behind"] = less.means
    columns["behind_low"] = [low for low, _ in less_limits]
    columns["behind_high"] = [high for _, high in less_limits]
    for at, metric in enumerate(metrics[1:], start=1):
        every = np.column_stack([row.values[:, at] for row in rows])
        columns[str(metric)] = resample_means(every, n_resamples=0, random_state=None).means
    columns["fit_seconds"] = [row.fit_seconds for row in rows]
    columns["recommend_seconds"] = [row.recommend_seconds for row in rows]
    return pd.DataFrame(columns).iloc[order]
