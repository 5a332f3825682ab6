"""Any object that recommends, as a model of this room."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np

from userportrait.errors import InvalidDataError, InvalidParameterError
from userportrait.recommend._base import Recommender
from userportrait.recommend._interaction_sources import as_interactions
from userportrait.typing import Recommends

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from userportrait.data import Orders
    from userportrait.recommend._interactions import Interactions, Matrix
    from userportrait.typing import IntoFrame

__all__ = ["RuleBased"]


class RuleBased(Recommender):
    """Recommend by rules, or by anything else with a `recommend` method.

    So rules of baskets, a service, or a model of yours can be blended, filtered, re-ranked and
    evaluated like the models of this room.

    Parameters
    ----------
    source : Recommends
        An object with `recommend(customers, k=…, filter_seen=…, exclude=…)`. If it has `fit`, it
        is fitted with the frame of interactions; else it must be ready. If it has
        `complete(baskets, k=…, filter_seen=…)`, baskets of unknown customers are asked of it.

    Attributes
    ----------
    interactions_ : Interactions
        What `fit` has seen.

    See Also
    --------
    userportrait.patterns.BasketRuleRecommender : Association rules as a recommender.
    userportrait.typing.Recommends : What a recommender promises.

    Notes
    -----
    The source is asked for all its items; those that `fit` has not seen are passed over, and so
    are scores of 0 or less.

    Examples
    --------
    >>> import pandas as pd
    >>> from userportrait.patterns import BasketRuleRecommender
    >>> baskets = [["tea", "cup"]] * 8 + [["tea", "pot"]] * 6 + [["milk"]] * 6
    >>> lines = [(i, item) for i, basket in enumerate(baskets) for item in basket]
    >>> frame = pd.DataFrame(lines, columns=["customer_id", "item_id"])
    >>> model = RuleBased(BasketRuleRecommender()).fit(frame)
    >>> model.recommend([0], k=1)[["customer_id", "item_id", "rank"]]
       customer_id item_id  rank
    0            0     pot     1
    """

    _positive_only: ClassVar[bool] = True
    _plain_reason = "by rule"

    def __init__(self, source: Recommends) -> None:
        self.source = source

    def fit(self, interactions: Interactions | Orders | IntoFrame) -> Self:
        """Fit the source, if it can be fitted.

        Parameters
        ----------
        interactions : Interactions, Orders or frame
            `Orders` and frames are handed on as they are.

        Returns
        -------
        Self

        Raises
        ------
        InvalidParameterError
            If the source does not recommend.
        """
        source: Any = self.source
        if not isinstance(source, Recommends):
            problem = f"source must have a method 'recommend'; got {type(source).__name__}."
            raise InvalidParameterError("RuleBased", [problem])
        data = as_interactions(interactions, owner="RuleBased.fit")
        self._given = interactions if interactions is not data else None
        return self._fit(data)

    def _learn(self, data: Interactions) -> None:
        source: Any = self.source
        if hasattr(source, "fit"):
            given = getattr(self, "_given", None)
            source.fit(data.to_frame() if given is None else given)
        self._given = None

    def _scores(self, history: Matrix, known: NDArray[np.intp]) -> NDArray[np.float64]:
        found = np.zeros(history.shape)
        inside = np.flatnonzero(known >= 0)
        if len(inside):
            ids = self.interactions_.customer_ids[known[inside]].tolist()
            table = self._asked(self.source.recommend, list(dict.fromkeys(ids)))
            place: dict[Any, list[int]] = {}
            for row, name in zip(inside.tolist(), ids, strict=True):
                place.setdefault(name, []).append(row)
            self._enter(found, table, table["customer_id"].tolist(), place)
        outside = np.flatnonzero(known < 0)
        if len(outside) and hasattr(self.source, "complete"):
            source: Any = self.source
            items = self.interactions_.item_ids
            baskets = [
                items[history.indices[history.indptr[r] : history.indptr[r + 1]]].tolist()
                for r in outside.tolist()
            ]
            table = self._asked(source.complete, baskets)
            place = {i: [row] for i, row in enumerate(outside.tolist())}
            self._enter(found, table, table["basket"].tolist(), place)
        return found

    def _asked(self, method: Any, wanted: list[Any]) -> Any:
        return method(wanted, k=max(1, self.interactions_.n_items), filter_seen=False)

    def _enter(
        self, found: NDArray[np.float64], table: Any, names: list[Any], place: dict[Any, list[int]]
    ) -> None:
        column = self.interactions_.item_places(table["item_id"].tolist())
        score = table["score"].to_numpy(dtype=np.float64)
        good = (column >= 0) & (score > 0)
        for name, item, value in zip(
            np.array(names, dtype=object)[good], column[good], score[good], strict=True
        ):
            for row in place.get(name, ()):
                found[row, item] = value

    def save(self, path: str | Path) -> None:
        """Refuse: the source is not of this library, and knows itself how to be kept.

        Parameters
        ----------
        path : str or Path

        Raises
        ------
        InvalidDataError
            Always.
        """
        message = (
            f"RuleBased.save: '{path}' is not written, because a {type(self.source).__name__} "
            f"cannot be. Keep the source your own way, and fit RuleBased again."
        )
        raise InvalidDataError(message)
