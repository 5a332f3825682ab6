"""Items that are like those of the customer in what they are."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np
import pandas as pd

from userportrait._core.params import Between, InstanceOf, OneOf, Optional, Rule, check_params
from userportrait.errors import InvalidParameterError
from userportrait.recommend._attributes import attribute_rows, read_attributes
from userportrait.recommend._base import Recommender
from userportrait.recommend._base_reasons import best_of_each
from userportrait.recommend._engines import ENGINE_RULES
from userportrait.recommend._interaction_ids import with_more_ids
from userportrait.recommend._interaction_sources import as_interactions
from userportrait.recommend._interactions import csr, row_sizes, with_ones
from userportrait.recommend._similar import unit_rows
from userportrait.recommend._sparse import top_of_product, transposed
from userportrait.recommend._top import Top

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from userportrait.data import Customers, Items, Orders
    from userportrait.recommend._attributes import Attributes
    from userportrait.recommend._engines import Engine
    from userportrait.recommend._interactions import Interactions, Matrix
    from userportrait.typing import IntoFrame

__all__ = ["ContentBased"]


class ContentBased(Recommender):
    """Recommend items that have the attributes of the customer's items; new items, too.

    Parameters
    ----------
    weighting : {'binary', 'raw', 'log'}, default='log'
        How the weights of past items count: all the same, as they are, or their logarithm.
    tag_l2 : float, default=20.0
        Ridge penalty of the model that says from a customer's tags which attributes to expect;
        for customers without interactions, with `customers` in `fit`. Above 0.
    texts : sequence of str, optional
        Columns of `items` that are cut into words (pairs of characters in Chinese). By default
        those that hold prose.
    engine : {'auto', 'numpy', 'numba'}, default='auto'
        Both give the same lists; ``'auto'`` takes numba where it is installed.
    n_jobs : int, optional
        Threads; by default one for each processor.

    Attributes
    ----------
    interactions_ : Interactions
        What `fit` has seen; its items are those of `items` and of the interactions together.
    facts_ : ndarray of str, shape (n_facts,)
        Such as ``'category=tea'`` or ``'name: green'``.
    item_facts_ : csr_array, shape (n_items, n_facts)
        TF-IDF weights, of length 1 for each item.

    See Also
    --------
    Hybrid : Attributes and behaviour together.

    Notes
    -----
    Each attribute is a fact: a label, a word of a text, or one of five steps of a number. Facts
    are weighted by their rarity (TF-IDF) [1]_; the score of an item is its cosine with each past
    item, summed with the weights of the past. A fact that two items do not share adds nothing, so
    missing attributes do no harm. Customers without interactions get what ridge regression
    expects of their tags.

    References
    ----------
    .. [1] Lops, de Gemmis and Semeraro (2011), "Content-based recommender systems: state of the
       art and trends", Recommender Systems Handbook, 73-105.

    Examples
    --------
    >>> import pandas as pd
    >>> bought = pd.DataFrame({"customer_id": [1, 2], "item_id": ["sencha", "mug"]})
    >>> items = pd.DataFrame(
    ...     {"item_id": ["sencha", "gyokuro", "mug"], "category": ["tea", "tea", "cup"]}
    ... )
    >>> model = ContentBased().fit(bought, items=items)
    >>> model.recommend([1], k=1)[["item_id", "score", "reason"]]
       item_id     score             reason
    0  gyokuro  0.693147  because of sencha
    """

    facts_: NDArray[Any]
    item_facts_: Matrix

    _rules: ClassVar[Mapping[str, Rule]] = {
        "weighting": OneOf(("binary", "raw", "log")),
        "tag_l2": Between(0.0, float("inf"), open_low=True, open_high=True),
        "texts": Optional(InstanceOf((list, tuple), "a list of columns")),
        **ENGINE_RULES,
    }
    _learned: ClassVar[tuple[str, ...]] = (
        "facts_",
        "item_facts_",
        "_tag_facts",
        "_tag_weights",
        "_tag_rows",
        "_tag_ids",
    )
    _positive_only: ClassVar[bool] = True

    def __init__(
        self,
        *,
        weighting: str = "log",
        tag_l2: float = 20.0,
        texts: Sequence[str] | None = None,
        engine: Engine = "auto",
        n_jobs: int | None = None,
    ) -> None:
        self.weighting = weighting
        self.tag_l2 = tag_l2
        self.texts = texts
        self.engine: Engine = engine
        self.n_jobs = n_jobs

    def fit(
        self,
        interactions: Interactions | Orders | IntoFrame,
        *,
        items: Items | IntoFrame | None = None,
        customers: Customers | IntoFrame | None = None,
    ) -> Self:
        """Learn what items are, and which attributes customers with some tags like.

        Parameters
        ----------
        interactions : Interactions, Orders or frame
            A frame has `customer_id` and `item_id`, and may have `weight` and `occurred_at`.
        items : Items or frame
            `item_id` and attributes. An item may have several rows, such as one for each tag. It
            may be new: nobody has it yet.
        customers : Customers or frame, optional
            `customer_id` and tags; for customers without interactions.

        Returns
        -------
        Self

        Raises
        ------
        InvalidParameterError
            If parameters do not fit, or there are no attributes.
        MissingColumnError
            If a frame has no ID column.
        """
        check_params(self, self._rules)
        if items is None:
            raise InvalidParameterError("ContentBased.fit", ["items are needed: what they are."])
        owner = "ContentBased.fit"
        found = read_attributes(items, key="item_id", texts=self.texts, owner=f"{owner}: items")
        tags = None
        if customers is not None:
            tags = read_attributes(
                customers, key="customer_id", texts=(), owner=f"{owner}: customers"
            )
        data = as_interactions(interactions, owner=owner)
        self._items, self._tags = found, tags
        return self._fit(with_more_ids(data, items=found.ids, owner=owner))

    def _learn(self, data: Interactions) -> None:
        if not hasattr(self, "_items"):
            message = "a model that was loaded has no attributes; fit it again."
            raise InvalidParameterError("ContentBased.update", [message])
        rows, self.facts_ = attribute_rows(self._items, data.item_ids)
        self.item_facts_ = unit_rows(rows)
        self._tag_facts: NDArray[Any] | None = None
        self._tag_weights: NDArray[np.float64] | None = None
        self._tag_rows: Matrix | None = None
        self._tag_ids: NDArray[Any] | None = None
        if self._tags is not None:
            self._learn_tags(data, self._tags)

    def _learn_tags(self, data: Interactions, tags: Attributes) -> None:
        """Fit ridge regression from tags to the mean facts of a customer's items."""
        self._tag_ids = np.array(tags.ids, dtype=object)
        rows, self._tag_facts = attribute_rows(tags, self._tag_ids)
        ones = with_ones(rows)
        self._tag_rows = ones
        place = data.customer_places(tags.ids)
        liked = unit_rows(self._profiles(data.matrix))
        inside = np.flatnonzero(place >= 0)
        inside = inside[row_sizes(data.matrix)[place[inside]] > 0]
        known, wanted = ones[inside], liked[place[inside]]
        gram = (known.T @ known).toarray()
        gram[np.diag_indices_from(gram)] += self.tag_l2
        self._tag_weights = np.linalg.solve(gram, (known.T @ wanted).toarray())

    def _settle(self) -> None:
        self._across, _ = transposed(self.item_facts_, self.engine)

    def _weighed(self, history: Matrix) -> Matrix:
        data = history.data
        if self.weighting == "binary":
            data = np.ones(len(data))
        elif self.weighting == "log":
            data = np.log1p(data)
        return csr(data, history.indices, history.indptr, history.shape)

    def _profiles(self, history: Matrix) -> Matrix:
        found = self._weighed(history) @ self.item_facts_
        found.sort_indices()
        return found

    def _scores(self, history: Matrix, known: NDArray[np.intp]) -> NDArray[np.float64]:
        found: NDArray[np.float64] = (self._profiles(history) @ self._across).toarray()
        return found

    def _top(
        self,
        history: Matrix,
        known: NDArray[np.intp],
        k: int,
        allowed: NDArray[np.bool_] | None,
        blocked: Matrix | None,
    ) -> Top:
        parts: list[Top] = []
        step = 1024
        for start in range(0, max(history.shape[0], 1), step):
            rows = slice(start, start + step)
            parts.append(
                top_of_product(
                    self._profiles(history[rows]),
                    self._across,
                    k,
                    allowed=allowed if allowed is None or allowed.ndim == 1 else allowed[rows],
                    blocked=None if blocked is None else blocked[rows],
                    engine=self.engine,
                    n_jobs=self.n_jobs,
                )
            )
        return Top(*(np.concatenate(pieces) for pieces in zip(*parts, strict=True)))

    def _cold_top(
        self,
        customers: NDArray[Any],
        k: int,
        allowed: NDArray[np.bool_] | None,
        blocked: Matrix | None,
    ) -> Top | None:
        if self._tag_ids is None or self._tag_rows is None or self._tag_weights is None:
            return None
        place = pd.Index(self._tag_ids, dtype=object).get_indexer(
            pd.Index(customers.tolist(), dtype=object)
        )
        expected = np.zeros((len(customers), len(self.facts_)))
        inside = place >= 0
        expected[inside] = np.maximum(self._tag_rows[place[inside]] @ self._tag_weights, 0.0)
        dense = csr(*_as_csr(expected), expected.shape)
        return top_of_product(
            dense,
            self._across,
            k,
            allowed=allowed,
            blocked=blocked,
            engine=self.engine,
            n_jobs=self.n_jobs,
        )

    def _contributions(
        self, items: NDArray[np.intp], weights: NDArray[np.float64], known: int, item: int
    ) -> NDArray[np.float64]:
        one = csr(weights, items.astype(np.int32), np.array([0, len(items)]),
                  (1, self.item_facts_.shape[0]))  # fmt: skip
        shared = self.item_facts_[items] @ self.item_facts_[[item]].T
        found: NDArray[np.float64] = self._weighed(one).data * shared.toarray().ravel()
        return found

    def _main_items(
        self, history: Matrix, known: NDArray[np.intp], row: NDArray[np.intp], item: NDArray[Any]
    ) -> NDArray[np.intp]:
        found = np.full(len(row), -1, dtype=np.intp)
        step = 2_000
        for start in range(0, len(row), step):
            part = slice(start, start + step)
            found[part] = self._main_of(history, row[part], item[part])
        return found

    def _main_of(
        self, history: Matrix, row: NDArray[np.intp], item: NDArray[Any]
    ) -> NDArray[np.intp]:
        weighed = self._weighed(history)
        sizes = row_sizes(history)[row]
        ends = np.zeros(len(row) + 1, dtype=np.intp)
        np.cumsum(sizes, out=ends[1:])
        place = np.arange(int(ends[-1]), dtype=np.intp) + np.repeat(
            history.indptr[row] - ends[:-1], sizes
        )
        past, new = history.indices[place], np.repeat(item, sizes)
        shared = self.item_facts_[past].multiply(self.item_facts_[new]).sum(axis=1)
        best = best_of_each(np.asarray(shared).ravel() * weighed.data[place], ends)
        return np.where(best >= 0, past[np.maximum(best, 0)] if len(past) else -1, -1)


def _as_csr(dense: NDArray[np.float64]) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any]]:
    row, column = np.nonzero(dense)
    indptr = np.zeros(len(dense) + 1, dtype=np.int64)
    np.cumsum(np.bincount(row, minlength=len(dense)), out=indptr[1:])
    return dense[row, column], column.astype(np.int32), indptr
