"""What all recommenders share: IDs in and out, filters, cold customers, reasons, files."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np
import pandas as pd

from userportrait._core.estimator import Estimator
from userportrait._core.params import Between, InstanceOf, Rule, check_params, check_values
from userportrait.errors import InvalidDataError, InvalidParameterError, unknown_name
from userportrait.recommend._filters import ExcludeItems, ItemFilter, Request, Reranker
from userportrait.recommend._interaction_sources import as_interactions, join_interactions
from userportrait.recommend._interactions import csr
from userportrait.recommend._saving import load_recommender, save_recommender
from userportrait.recommend._serve import Lists, Serving, serve
from userportrait.recommend._similar import similar_rows
from userportrait.recommend._top import Top, block_rows, drop_blocked, no_items, top_of_scores

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from userportrait.data import Orders
    from userportrait.recommend._interactions import Interactions, Matrix
    from userportrait.typing import CustomerId, IntoFrame

__all__ = ["Recommender"]


class Recommender(Estimator, ABC):
    """The verbs of every recommender; it keeps the promises of `userportrait.typing.Recommends`.

    A subclass says how it learns (`_learn`) and how it scores (`_scores`, or `_top` where there is
    a faster way); linear ones say what an item of the history adds (`_contributions`).
    """

    interactions_: Interactions

    _rules: ClassVar[Mapping[str, Rule]] = {}
    _learned: ClassVar[tuple[str, ...]] = ()
    """Names of the attributes that `_learn` sets and `save` writes."""
    _positive_only: ClassVar[bool] = False
    """Whether a score of 0 says that nothing speaks for an item."""

    # What a subclass writes

    @abstractmethod
    def _learn(self, data: Interactions) -> None:
        """Set the learned attributes."""

    @abstractmethod
    def _scores(self, history: Matrix, known: NDArray[np.intp]) -> NDArray[Any]:
        """Return a score for each row of the history and each item.

        Parameters
        ----------
        history : csr_array of float64, shape (n_rows, n_items)
            Raw weights of what each row is known to have.
        known : ndarray of int
            The customer of each row, -1 for somebody whom `fit` has not seen.
        """

    def _top(
        self,
        history: Matrix,
        known: NDArray[np.intp],
        k: int,
        allowed: NDArray[np.bool_] | None,
        blocked: Matrix | None,
    ) -> Top:
        """Return the k best items of each row.

        Parameters
        ----------
        history, known
            As in `_scores`.
        k : int
        allowed : ndarray of bool, shape (n_items,) or (n_rows, n_items), optional
        blocked : csr_array, optional
            Items of each row that must not come.
        """
        n_rows = history.shape[0]
        step = block_rows(history.shape[1])
        if n_rows <= step:
            return self._top_of_block(history, known, k, allowed, blocked)
        parts: list[Top] = []
        for start in range(0, n_rows, step):
            rows = slice(start, start + step)
            mask = allowed if allowed is None or allowed.ndim == 1 else allowed[rows]
            out = None if blocked is None else blocked[rows]
            parts.append(self._top_of_block(history[rows], known[rows], k, mask, out))
        return Top(*(np.concatenate(pieces) for pieces in zip(*parts, strict=True)))

    def _top_of_block(
        self,
        history: Matrix,
        known: NDArray[np.intp],
        k: int,
        allowed: NDArray[np.bool_] | None,
        blocked: Matrix | None,
    ) -> Top:
        scores = self._scores(history, known)
        if self._positive_only:
            scores = np.where(scores > 0, scores, -np.inf)
        if allowed is not None:
            scores = np.where(allowed, scores, -np.inf)
        drop_blocked(scores, blocked)
        return top_of_scores(scores, k)

    def _contributions(
        self, items: NDArray[np.intp], weights: NDArray[np.float64], known: int, item: int
    ) -> NDArray[np.float64] | None:
        """Return what each item of one history adds to the score of an item; None if unknown.

        They sum to the score.
        """
        return None

    def _main_items(
        self, history: Matrix, known: NDArray[np.intp], row: NDArray[np.intp], item: NDArray[Any]
    ) -> NDArray[np.intp]:
        """Return the item of the history that speaks most for each pair, -1 for none."""
        found = np.full(len(row), -1, dtype=np.intp)
        for place in range(len(row)):
            start, stop = history.indptr[row[place]], history.indptr[row[place] + 1]
            codes = history.indices[start:stop]
            given = self._contributions(
                codes, history.data[start:stop], int(known[row[place]]), int(item[place])
            )
            if given is not None and len(given) and given.max() > 0:
                found[place] = codes[int(np.argmax(given))]
        return found

    _plain_reason: ClassVar[str] = "by what you like"
    """The reason of an item for which no single item of the history speaks."""

    def _similar_items(self, places: NDArray[np.intp], k: int) -> Top:
        """Return the k items nearest to each item: those recommended to who has just this one."""
        n, n_items = len(places), self.interactions_.n_items
        one = csr(np.ones(n), places.astype(np.int32), np.arange(n + 1, dtype=np.int32),
                  (n, n_items))  # fmt: skip
        return self._top(one, np.full(n, -1, dtype=np.intp), k, None, one)

    def _similar_customers(self, places: NDArray[np.intp], k: int) -> Top:
        """Return the k customers nearest to each customer: by the cosine of their items."""
        return similar_rows(self.interactions_.matrix, places, k)

    def _settle(self) -> None:
        """Make what is derived from the learned attributes, after `fit` and after `load`."""

    # The verbs

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
        filters: Sequence[ItemFilter | Reranker] = (),
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
        filters : sequence of ItemFilter and Reranker, default=()
            What may be recommended to whom, and how lists are mixed. Every filter must allow an
            item; rerankers work in turn.
        reasons : bool, default=True
            Whether to say why each item is there.

        Returns
        -------
        DataFrame
            `customer_id`, `item_id`, `score`, `rank` (from 1) and `reason`; customers in the
            order given, best first, equal scores by item. Scores compare items of one customer.
            Items that only their popularity speaks for come last, with a score of 0.

        Raises
        ------
        NotFittedError
            Before `fit`.
        InvalidParameterError
            If `k` is below 1, or a filter does not fit.
        """
        self._check_fitted("interactions_")
        data = self.interactions_
        if customers is None:
            ids, known = data.customer_ids, np.arange(data.n_customers, dtype=np.intp)
        else:
            if isinstance(customers, (str, bytes, int)):
                problem = f"customers must be a list of IDs; got {type(customers).__name__}."
                raise InvalidParameterError(f"{type(self).__name__}.recommend", [problem])
            ids, known = _as_ids(customers), data.customer_places(customers)
        history = self._histories(known)
        request = Request(data, ids, known, k)
        serving = self._serving("recommend", filter_seen, exclude, filters)
        lists = serve(self, request, history, serving)
        return self._frame("customer_id", ids[lists.row], lists, history, known, reasons)

    def complete(
        self,
        baskets: Iterable[Iterable[Any]],
        *,
        k: int = 10,
        filter_seen: bool = True,
        exclude: Iterable[Any] = (),
        filters: Sequence[ItemFilter | Reranker] = (),
        reasons: bool = True,
    ) -> pd.DataFrame:
        """Recommend what goes with lists of items: baskets, or new customers; nothing is refitted.

        Parameters
        ----------
        baskets : iterable of iterables of item
            Items that it does not know are passed over; a basket without known items gets the
            most popular ones.
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
        history = self._basket_rows(baskets)
        n = history.shape[0]
        known = np.full(n, -1, dtype=np.intp)
        request = Request(self.interactions_, np.full(n, None, dtype=object), known, k)
        serving = self._serving("complete", filter_seen, exclude, filters)
        lists = serve(self, request, history, serving)
        return self._frame("basket", lists.row, lists, history, known, reasons)

    def similar_items(self, items: Sequence[Any], *, k: int = 10) -> pd.DataFrame:
        """Return the items nearest to each item.

        Parameters
        ----------
        items : sequence of item
        k : int, default=10

        Returns
        -------
        DataFrame
            `item_id`, `similar_item_id`, `score`, `rank`.

        Raises
        ------
        InvalidParameterError
            If an item is unknown, or `k` is below 1.
        """
        self._check_fitted("interactions_")
        places = self._known_places("similar_items", "item", items)
        self._check_k("similar_items", k)
        top = self._similar_items(places, k)
        ids = self.interactions_.item_ids
        return _neighbour_frame("item_id", "similar_item_id", ids, places, top)

    def similar_customers(self, customers: Sequence[CustomerId], *, k: int = 10) -> pd.DataFrame:
        """Return the customers nearest to each customer.

        Parameters
        ----------
        customers : sequence of int or str
        k : int, default=10

        Returns
        -------
        DataFrame
            `customer_id`, `similar_customer_id`, `score`, `rank`.

        Raises
        ------
        InvalidParameterError
            If a customer is unknown, or `k` is below 1.
        """
        self._check_fitted("interactions_")
        places = self._known_places("similar_customers", "customer", customers)
        self._check_k("similar_customers", k)
        top = self._similar_customers(places, k)
        ids = self.interactions_.customer_ids
        return _neighbour_frame("customer_id", "similar_customer_id", ids, places, top)

    def explain(self, customer: CustomerId | Iterable[Any], item: Any) -> pd.DataFrame:
        """Say what each past item adds to the score of an item.

        Parameters
        ----------
        customer : int, str, or iterable of item
            A customer that `fit` has seen, or the items of a basket.
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
        place = int(self._known_places("explain", "item", [item])[0])
        if isinstance(customer, (str, int, np.integer)):
            known = self._known_places("explain", "customer", [customer])
            history = self._histories(known)
        else:
            known = np.array([-1], dtype=np.intp)
            history = self._basket_rows([customer])
        items, weights = history.indices, history.data
        given = self._contributions(items.astype(np.intp), weights, int(known[0]), place)
        if given is None:
            name = type(self).__name__
            message = f"{name}.explain: {name} is not a sum over past items; look at `reason`."
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

    # How it is done

    def saved_attributes(self) -> tuple[str, ...]:
        """Return the names of what `save` writes."""
        return ("interactions_", *self._learned)

    def settle_loaded(self) -> None:
        """Make what is derived from the learned attributes."""
        counts = self.interactions_.item_counts
        order = np.lexsort((np.arange(len(counts)), -counts))
        self._popular: NDArray[np.int32] = order.astype(np.int32)
        self._settle()

    @property
    def popular_items(self) -> NDArray[np.int32]:
        """Columns of the items, those of most customers first."""
        return self._popular

    def top(
        self,
        history: Matrix,
        known: NDArray[np.intp],
        k: int,
        allowed: NDArray[np.bool_] | None = None,
        blocked: Matrix | None = None,
    ) -> Top:
        """Return the k best items of each row, as arrays; for services and other models.

        Parameters
        ----------
        history : csr_array, shape (n_rows, n_items)
            Raw weights of what each row is known to have.
        known : ndarray of int
            The row of each customer in `interactions_`, -1 for one that `fit` has not seen.
        k : int
        allowed : ndarray of bool, shape (n_items,) or (n_rows, n_items), optional
        blocked : csr_array, optional
            Items of each row that must not come.

        Returns
        -------
        Top
            `items` (columns, -1 where there are no more) and `scores`, best first.
        """
        if not len(known) or not self.interactions_.n_items:
            return no_items(len(known), k)
        return self._top(history, known, k, allowed, blocked)

    @property
    def has_only_positive_scores(self) -> bool:
        """Whether a score of 0 says that nothing speaks for an item."""
        return self._positive_only

    def _histories(self, known: NDArray[np.intp]) -> Matrix:
        """Return what each customer is known to have; nothing for unknown ones."""
        matrix = self.interactions_.matrix
        if len(known) == matrix.shape[0] and np.array_equal(known, np.arange(len(known))):
            return matrix
        counts = np.diff(matrix.indptr)
        inside = known >= 0
        sizes = np.where(inside, counts[known] if len(counts) else 0, 0)
        indptr = np.zeros(len(known) + 1, dtype=matrix.indptr.dtype)
        np.cumsum(sizes, out=indptr[1:])
        starts = np.where(inside, matrix.indptr[known], 0)
        chosen = np.repeat(starts - indptr[:-1], sizes) + np.arange(indptr[-1])
        return csr(
            matrix.data[chosen], matrix.indices[chosen], indptr, (len(known), matrix.shape[1])
        )

    def _basket_rows(self, baskets: Iterable[Iterable[Any]]) -> Matrix:
        lists = [[basket] if isinstance(basket, str) else list(basket) for basket in baskets]
        sizes = np.array([len(items) for items in lists], dtype=np.intp)
        places = self.interactions_.item_places([item for items in lists for item in items])
        rows = np.repeat(np.arange(len(lists)), sizes)
        inside = places >= 0
        pairs = np.unique(np.stack([rows[inside], places[inside]]), axis=1)
        indptr = np.zeros(len(lists) + 1, dtype=np.int32)
        np.cumsum(np.bincount(pairs[0], minlength=len(lists)), out=indptr[1:])
        shape = (len(lists), self.interactions_.n_items)
        return csr(np.ones(pairs.shape[1]), pairs[1].astype(np.int32), indptr, shape)

    def _serving(
        self,
        method: str,
        filter_seen: bool,
        exclude: Iterable[Any],
        filters: Sequence[ItemFilter | Reranker],
    ) -> Serving:
        owner = f"{type(self).__name__}.{method}"
        check_values(
            owner, {"filter_seen": filter_seen}, {"filter_seen": InstanceOf((bool,), "a bool")}
        )
        given: list[ItemFilter | Reranker] = list(filters)
        if isinstance(exclude, str):
            problem = "exclude must be a list of items, not one text."
            raise InvalidParameterError(owner, [problem])
        out = list(exclude)
        if out:
            given.insert(0, ExcludeItems(out))
        wrong = [f for f in given if not isinstance(f, (ItemFilter, Reranker))]
        if wrong:
            problem = (
                f"filters must have a method 'allowed' or 'choose'; a {type(wrong[0]).__name__} "
                f"has none."
            )
            raise InvalidParameterError(owner, [problem])
        item_filters = tuple(f for f in given if isinstance(f, ItemFilter))
        rerankers = tuple(f for f in given if isinstance(f, Reranker))
        return Serving(owner, filter_seen, item_filters, rerankers)

    def _check_k(self, method: str, k: int) -> None:
        owner = f"{type(self).__name__}.{method}"
        check_values(owner, {"k": k}, {"k": Between(1, 1_000_000, integer=True)})

    def _known_places(self, method: str, kind: str, ids: Sequence[Any]) -> NDArray[np.intp]:
        data = self.interactions_
        owner = f"{type(self).__name__}.{method}"
        if isinstance(ids, (str, bytes, int)):
            problem = f"{kind}s must be a list of IDs; got {type(ids).__name__}."
            raise InvalidParameterError(owner, [problem])
        places = data.item_places(ids) if kind == "item" else data.customer_places(ids)
        if (places < 0).any():
            first = list(ids)[int(np.flatnonzero(places < 0)[0])]
            if kind == "item":
                near = [str(known) for known in data.item_ids.tolist()]
                problem = unknown_name("item", str(first), near)
            else:
                n = int((places < 0).sum())
                problem = f"{n:,} of the customers are unknown: fit has not seen them."
            raise InvalidParameterError(owner, [problem])
        return places

    def _frame(
        self,
        name: str,
        rows: NDArray[Any],
        lists: Lists,
        history: Matrix,
        known: NDArray[np.intp],
        reasons: bool,
    ) -> pd.DataFrame:
        columns: dict[str, Any] = {
            name: rows,
            "item_id": self.interactions_.item_ids[lists.item],
            "score": lists.score,
            "rank": lists.rank,
        }
        if reasons:
            columns["reason"] = self._reasons(lists, history, known)
        return pd.DataFrame(columns)

    def _reasons(
        self, lists: Lists, history: Matrix, known: NDArray[np.intp]
    ) -> NDArray[Any]:
        """Say why each item is there: a past item, or that it is popular."""
        cold = np.diff(history.indptr)[lists.row] == 0
        found = np.full(len(lists.row), self._plain_reason, dtype=object)
        model = ~lists.filled
        main = np.full(len(lists.row), -1, dtype=np.intp)
        main[model] = self._main_items(history, known, lists.row[model], lists.item[model])
        told = main >= 0
        if told.any():
            texts = np.array(
                [f"because of {item}" for item in self.interactions_.item_ids.tolist()],
                dtype=object,
            ) if told.sum() > self.interactions_.n_items else None
            if texts is not None:
                found[told] = texts[main[told]]
            else:
                names = self.interactions_.item_ids[main[told]].tolist()
                found[told] = [f"because of {item}" for item in names]
        found[lists.filled] = "popular"
        found[lists.filled & cold] = "popular: nothing is known of this customer yet"
        return found


def _as_ids(values: Sequence[Any]) -> NDArray[Any]:
    """Return IDs as int64 if all of them are whole numbers, as objects otherwise."""
    listed = list(values)
    if listed and all(isinstance(v, (int, np.integer)) for v in listed):
        return np.array(listed, dtype=np.int64)
    found = np.empty(len(listed), dtype=object)
    found[:] = listed
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
