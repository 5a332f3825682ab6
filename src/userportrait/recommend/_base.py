"""What all recommenders share: IDs in and out, filters, cold customers, reasons, files."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

import numpy as np
import pandas as pd

from userportrait._core.params import Between, InstanceOf, check_params, check_values
from userportrait.errors import InvalidDataError
from userportrait.recommend._base_hooks import RankingModel
from userportrait.recommend._base_lookup import (
    as_ids,
    basket_rows,
    check_item_kind,
    histories,
    known_places,
    listed,
)
from userportrait.recommend._engines import uses_numba
from userportrait.recommend._filters import Request
from userportrait.recommend._interaction_rows import join_interactions
from userportrait.recommend._interaction_sources import as_interactions
from userportrait.recommend._interactions import row_sizes
from userportrait.recommend._saving import load_recommender, save_recommender
from userportrait.recommend._serve import Lists, Serving, serve, serving_of
from userportrait.recommend._top import Top, no_items

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from userportrait.data import Orders
    from userportrait.recommend._filters import Filters
    from userportrait.recommend._interactions import Interactions
    from userportrait.typing import CustomerId, IntoFrame

__all__ = ["Recommender"]


class Recommender(RankingModel):
    """The verbs of every recommender; it keeps the promises of `userportrait.typing.Recommends`.

    A subclass says how it learns (`_learn`) and how it scores (`_scores`, or `_top` where there is
    a faster way); linear ones say what an item of the history adds (`_contributions`).

    Examples
    --------
    >>> import pandas as pd
    >>> from userportrait.recommend import EASE
    >>> bought = pd.DataFrame({"customer_id": [1, 1, 2], "item_id": ["tea", "pot", "tea"]})
    >>> model: Recommender = EASE(l2=1.0).fit(bought)
    >>> model.recommend([2])["item_id"].tolist()
    ['pot']
    """

    def fit(self, interactions: Interactions | Orders | IntoFrame) -> Self:
        """Learn from interactions.

        Parameters
        ----------
        interactions : Interactions, Orders or frame
            A frame has `customer_id` and `item_id`, and may have `weight`, `occurred_at` and
            `order_id`. For anything else make `Interactions` yourself.

        Returns
        -------
        Self

        Raises
        ------
        InvalidParameterError
            If parameters do not fit; all of them are named.
        MissingColumnError, ColumnTypeError, InvalidDataError
            If the frame cannot be used.
        """
        check_params(self, self._rules)
        return self._fit(as_interactions(interactions, owner=f"{type(self).__name__}.fit"))

    def _fit(self, data: Interactions) -> Self:
        if getattr(self, "engine", None) == "numba":
            uses_numba("numba", type(self).__name__)  # says what is missing by the model's name
        self._learn(data)
        self.interactions_ = data
        self.settle_loaded()
        return self

    def update(self, interactions: Interactions | Orders | IntoFrame) -> Self:
        """Learn from further interactions; the same as a fit on all of them together.

        Parameters
        ----------
        interactions : Interactions, Orders or frame
            New ones only: what `fit` has seen is remembered.

        Returns
        -------
        Self

        Raises
        ------
        NotFittedError
            Before `fit`.
        InvalidDataError
            If they do not go together with those of `fit`, such as IDs of another type.
        """
        self._check_fitted("interactions_")
        owner = f"{type(self).__name__}.update"
        new = as_interactions(interactions, owner=owner)
        return self._fit(join_interactions(self.interactions_, new, owner=owner))

    def recommend(
        self,
        customers: Sequence[CustomerId] | None = None,
        *,
        k: int = 10,
        filter_seen: bool = True,
        exclude: Iterable[Any] = (),
        filters: Filters | Sequence[Filters] = (),
        reasons: bool = True,
    ) -> pd.DataFrame:
        """Recommend items to customers.

        Parameters
        ----------
        customers : sequence of int or str, optional
            By default all that `fit` has seen, sorted. One that it has not seen gets the most
            popular items.
        k : int, default=10
            Most items for each customer; fewer come if no more are allowed.
        filter_seen : bool, default=True
            Whether items that the customer has had to do with are left out.
        exclude : iterable of item, default=()
            Items that are never recommended; short for ``filters=[ExcludeItems(...)]``.
        filters : sequence of ItemFilter, PairFilter and Reranker, default=()
            What may be recommended to whom, and how lists are mixed. Every filter must allow an
            item; rerankers work in turn. One alone need not be in a list.
        reasons : bool, default=True
            Whether to say why each item is there.

        Returns
        -------
        DataFrame
            `customer_id`, `item_id`, `score`, `rank` (from 1) and `reason`; customers in the
            order given, best first, equal scores by item. Scores compare items of one customer.
            Items that only their popularity speaks for come last, with a score of 0. Somebody
            for whom nothing is allowed has no rows; one who is named twice is answered twice.

        Raises
        ------
        NotFittedError
            Before `fit`.
        InvalidParameterError
            If `k` is below 1, or a filter does not fit.
        """
        self._check_fitted("interactions_")
        data = self.interactions_
        serving = self._serving("recommend", filter_seen, exclude, filters, reasons)
        if customers is None:
            ids, known = data.customer_ids, np.arange(data.n_customers, dtype=np.intp)
        else:
            asked = listed(customers, "customers", serving.owner)
            ids, known = as_ids(asked), data.customer_places(asked)
        request = Request(data, ids, known, k, histories(data, known))
        return self._frame("customer_id", ids, serve(self, request, serving), request, serving)

    def complete(
        self,
        baskets: Iterable[Iterable[Any]],
        *,
        k: int = 10,
        filter_seen: bool = True,
        exclude: Iterable[Any] = (),
        filters: Filters | Sequence[Filters] = (),
        reasons: bool = True,
    ) -> pd.DataFrame:
        """Recommend what goes with lists of items: baskets, or new customers; nothing is refitted.

        Parameters
        ----------
        baskets : iterable of iterables of item
            Items that it does not know are passed over; a basket without known items gets the
            most popular ones. A mapping of item to weight says how much each item counts, or
            how it was rated. Without weights each item counts 1, or (explicit feedback) as the
            best rating there is.
        k, filter_seen, exclude, filters, reasons
            As in `recommend`.

        Returns
        -------
        DataFrame
            `basket` (position, from 0), `item_id`, `score`, `rank`, `reason`.

        Raises
        ------
        NotFittedError
            Before `fit`.
        InvalidParameterError
            If `k` is below 1, or a filter does not fit.
        """
        self._check_fitted("interactions_")
        data = self.interactions_
        serving = self._serving("complete", filter_seen, exclude, filters, reasons)
        history = basket_rows(data, baskets, serving.owner)
        n = int(history.shape[0])
        known = np.full(n, -1, dtype=np.intp)
        request = Request(data, np.full(n, None, dtype=object), known, k, history)
        return self._frame("basket", np.arange(n), serve(self, request, serving), request, serving)

    def similar_items(self, items: Sequence[Any], *, k: int = 10) -> pd.DataFrame:
        """Return the items nearest to each item.

        Parameters
        ----------
        items : sequence of item
        k : int, default=10
            Most neighbours of each item.

        Returns
        -------
        DataFrame
            `item_id`, `similar_item_id`, `score`, `rank` (from 1); items in the order given,
            nearest first. An item is no neighbour of itself.

        Raises
        ------
        InvalidParameterError
            If an item is unknown, or `k` is below 1.
        """
        places, k = self._neighbours_of("item", items, k)
        top = self._similar_items(places, k) if len(places) else no_items(0, k)
        ids = self.interactions_.item_ids
        return _neighbour_frame("item_id", "similar_item_id", ids, places, top)

    def similar_customers(self, customers: Sequence[CustomerId], *, k: int = 10) -> pd.DataFrame:
        """Return the customers nearest to each customer.

        Parameters
        ----------
        customers : sequence of int or str
        k : int, default=10
            Most neighbours of each customer.

        Returns
        -------
        DataFrame
            `customer_id`, `similar_customer_id`, `score`, `rank` (from 1); customers in the
            order given, nearest first. Customers who share nothing are no neighbours.

        Raises
        ------
        InvalidParameterError
            If a customer is unknown, or `k` is below 1.
        """
        places, k = self._neighbours_of("customer", customers, k)
        top = self._similar_customers(places, k) if len(places) else no_items(0, k)
        ids = self.interactions_.customer_ids
        return _neighbour_frame("customer_id", "similar_customer_id", ids, places, top)

    def explain(self, customer: CustomerId | Iterable[Any], item: Any) -> pd.DataFrame:
        """Say what each past item adds to the score of an item.

        Parameters
        ----------
        customer : int, str, or iterable of item
            A customer that `fit` has seen, or the items of a basket, as in `complete`.
        item : item

        Returns
        -------
        DataFrame
            `item_id`, `weight` (of the past item), `contribution`, and `share` (of the score;
            0 if the score is 0), largest first. Contributions sum to the score.

        Raises
        ------
        InvalidParameterError
            If the customer or the item is unknown.
        InvalidDataError
            If the model is not linear in the history, so that no such sum exists.
        """
        self._check_fitted("interactions_")
        data, owner = self.interactions_, f"{type(self).__name__}.explain"
        place = int(known_places(data, "item", [item], owner)[0])
        if isinstance(customer, (str, int, float, np.number)):
            known = known_places(data, "customer", [customer], owner)
            history = histories(data, known)
        else:
            known = np.array([-1], dtype=np.intp)
            history = basket_rows(data, [customer], owner)
        items, weights = history.indices, history.data
        given = self._contributions(items.astype(np.intp), weights, int(known[0]), place)
        if given is None:
            name = type(self).__name__
            message = f"{owner}: {name} is not a sum over past items; look at `reason`."
            raise InvalidDataError(message)
        total = float(given.sum())
        share = given / total if total else np.zeros(len(given))
        order = np.lexsort((items, -given))
        return pd.DataFrame(
            {
                "item_id": self.interactions_.item_ids[items[order]],
                "weight": weights[order],
                "contribution": given[order],
                "share": share[order],
            }
        )

    def save(self, path: str | Path) -> None:
        """Write the fitted model to one file: arrays and JSON, no pickle.

        Parameters
        ----------
        path : str or Path
            An existing file is replaced once the new one is complete.

        Raises
        ------
        NotFittedError
            Before `fit`.
        """
        self._check_fitted("interactions_")
        save_recommender(self, path)

    @classmethod
    def load(cls, path: str | Path) -> Self:
        """Read a model of this class that `save` wrote; nothing in the file is run.

        Parameters
        ----------
        path : str or Path

        Returns
        -------
        Self

        Raises
        ------
        InvalidDataError
            If the file is damaged, or holds a model of another class.
        """
        model = load_recommender(path)
        if not isinstance(model, cls):
            message = f"The file holds a {type(model).__name__}, not a {cls.__name__}."
            raise InvalidDataError(message)
        return model

    def _serving(
        self,
        method: str,
        filter_seen: bool,
        exclude: Iterable[Any],
        filters: Filters | Sequence[Filters],
        reasons: bool,
    ) -> Serving:
        owner = f"{type(self).__name__}.{method}"
        flag = InstanceOf((bool, np.bool_), "True or False")
        given = {"filter_seen": filter_seen, "reasons": reasons}
        check_values(owner, given, dict.fromkeys(given, flag))
        out = listed(exclude, "exclude", owner)
        check_item_kind(self.interactions_, out, "exclude", owner)
        return serving_of(owner, bool(filter_seen), out, filters, bool(reasons))

    def _neighbours_of(self, kind: str, ids: Sequence[Any], k: int) -> tuple[NDArray[np.intp], int]:
        """Return where IDs stand, and how many neighbours there can be."""
        self._check_fitted("interactions_")
        data = self.interactions_
        owner = f"{type(self).__name__}.similar_{kind}s"
        check_values(owner, {"k": k}, {"k": Between(1, 1_000_000, integer=True)})
        places = known_places(data, kind, listed(ids, f"{kind}s", owner), owner)
        return places, min(k, data.n_items if kind == "item" else data.n_customers)

    def _frame(
        self, name: str, ids: NDArray[Any], lists: Lists, request: Request, serving: Serving
    ) -> pd.DataFrame:
        columns: dict[str, Any] = {
            name: ids[lists.row],
            "item_id": self.interactions_.item_ids[lists.item],
            "score": lists.score,
            "rank": lists.rank,
        }
        if serving.explains:
            columns["reason"] = self._reasons(lists, request, serving)
        return pd.DataFrame(columns)

    def _reasons(self, lists: Lists, request: Request, serving: Serving) -> NDArray[Any]:
        """Say why each item is there: a past item, its popularity, a reranker."""
        found = np.full(len(lists.row), self._cold_reason, dtype=object)
        is_cold = row_sizes(request.history)[lists.row] == 0
        own = ~lists.filled & ~is_cold
        if own.any():
            found[own] = self._own_reasons(
                request.history, request.known, lists.row[own], lists.item[own]
            )
        found[lists.filled] = "popular"
        found[lists.filled & is_cold] = "popular: nothing is known of this customer yet"
        for number, reranker in enumerate(serving.rerankers):
            moved = lists.moved_by == number
            if moved.any():
                found[moved] = found[moved] + f"; moved in by {type(reranker).__name__}"
        return found


def _neighbour_frame(
    one: str, other: str, ids: NDArray[Any], places: NDArray[np.intp], top: Top
) -> pd.DataFrame:
    inside = top.items >= 0
    row, column = np.nonzero(inside)
    return pd.DataFrame(
        {
            one: ids[places[row]],
            other: ids[top.items[inside]],
            "score": top.scores[inside],
            "rank": column + 1,
        }
    )
