"""Pairs of items: how often they meet against how often they would by chance, block by block."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import numpy as np
from scipy import sparse

from userportrait.errors import InvalidDataError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from userportrait.patterns._baskets import Baskets
    from userportrait.patterns._pairs_categories import Categories

    Floats: TypeAlias = NDArray[np.float64]
    Ints: TypeAlias = NDArray[np.int64]

__all__ = ["Among", "Given", "PairBlock", "PairScan", "basket_matrix", "basket_weights"]

Given: TypeAlias = Literal["all", "size", "category"]
"""What chance is measured against."""

Among: TypeAlias = Literal["all", "within", "across"]
"""Which pairs: any, of one category, or of two categories."""

_CELLS = 2_000_000  # of one dense block: about 60 MB with its temporaries
_SIZES = (2, 3, 4, 5, 7, 10, 14, 20, 28, 40, 57, 80, 113, 160, 226, 320, 640, 1280)


def basket_weights(baskets: Baskets) -> NDArray[np.int64]:
    """Return how many baskets each row stands for."""
    if baskets.weights is None:
        return np.ones(len(baskets.indptr) - 1, dtype=np.int64)
    return baskets.weights.astype(np.int64)


def basket_matrix(baskets: Baskets, dtype: Any = np.int64) -> Any:
    """Return the rows as a sparse matrix of ones, rows by items."""
    ones = np.ones(len(baskets.indices), dtype=dtype)
    shape = (len(baskets.indptr) - 1, len(baskets.items))
    return sparse.csr_matrix((ones, baskets.indices, baskets.indptr), shape=shape)


@dataclass(frozen=True, slots=True)
class PairBlock:
    """Pairs that are tested, with their counts among the baskets that the test looks at.

    Parameters
    ----------
    first, second : ndarray of int32
        Codes of the items.
    observed : ndarray of int64
        Baskets with both.
    expected : ndarray of float64
        The same by chance.
    n_first, n_second : ndarray of int64
        Baskets with each.
    n_total : ndarray of int64
        All baskets that the test looks at.
    """

    first: NDArray[np.int32]
    second: NDArray[np.int32]
    observed: Ints
    expected: Floats
    n_first: Ints
    n_second: Ints
    n_total: Ints

    def __len__(self) -> int:
        return len(self.first)

    def take(self, rows: NDArray[Any]) -> PairBlock:
        """Return some of the pairs."""
        names = self.__dataclass_fields__
        return PairBlock(**{name: getattr(self, name)[rows] for name in names})

    @staticmethod
    def join(blocks: list[PairBlock]) -> PairBlock:
        """Return the pairs of all blocks."""
        names = PairBlock.__dataclass_fields__
        if not blocks:
            codes, counts = np.empty(0, dtype=np.int32), np.empty(0, dtype=np.int64)
            return PairBlock(codes, codes, counts, np.empty(0), counts, counts, counts)
        parts = {name: np.concatenate([getattr(b, name) for b in blocks]) for name in names}
        return PairBlock(**parts)


class PairScan:
    """Every pair of items that is expected to meet often enough, also if it never does.

    Parameters
    ----------
    baskets : Baskets
    min_expected : float
        Pairs that chance would bring together less often are left out: about them the data
        cannot say anything. The choice looks at the items' own counts only, and so does not
        bias the test.
    given : {'all', 'size', 'category'}
    among : {'all', 'within', 'across'}
    categories : Categories, optional

    Attributes
    ----------
    n_items : int
        Items in any basket.
    n_pairs : int
        Their pairs, of the kind that `among` names.
    n_tested : int
        Pairs that came out of `blocks`, once it has run.
    """

    def __init__(
        self,
        baskets: Baskets,
        *,
        min_expected: float,
        given: Given = "all",
        among: Among = "all",
        categories: Categories | None = None,
    ) -> None:
        self.baskets = baskets
        self.min_expected = min_expected
        self.given: Given = given
        self.among: Among = "within" if given == "category" else among
        self.categories = categories
        self.n_baskets: int = int(baskets.n_baskets)
        self.n_tested = 0
        self._weights = basket_weights(baskets)
        if self.n_baskets >= 2**31:
            raise InvalidDataError("pairs are counted for fewer than 2**31 baskets.")
        self._matrix: Any = basket_matrix(baskets, np.int32)
        self._counts = self._column_sums(self._weights)
        self._related = _keys_of_related(baskets)
        self.n_items = int(np.count_nonzero(self._counts))
        self.n_pairs = self._all_pairs()

    @property
    def counts(self) -> Ints:
        """Baskets with each item."""
        return self._counts

    def _column_sums(self, weights: NDArray[np.integer]) -> Ints:
        rows = np.repeat(weights, np.diff(self.baskets.indptr))
        sums = np.bincount(self.baskets.indices, weights=rows, minlength=len(self.baskets.items))
        return np.rint(sums).astype(np.int64)

    def _all_pairs(self) -> int:
        every = self.n_items * (self.n_items - 1) // 2 - len(self._related)
        if self.among == "all" or self.categories is None:
            return every
        codes = self.categories.codes[self._counts > 0]
        sizes = np.bincount(codes[codes >= 0]).astype(np.int64)
        within = int((sizes * (sizes - 1) // 2).sum())
        known = int(sizes.sum())
        return within if self.among == "within" else known * (known - 1) // 2 - within

    def blocks(self) -> Iterator[PairBlock]:
        """Yield the pairs, each once, with memory that does not grow with their number."""
        self.n_tested = 0
        if self.given == "category":
            found = self._by_category()
        elif self.given == "size":
            found = self._by_size()
        else:
            found = self._among_all()
        for pairs in found:
            block = self._unrelated(pairs)
            self.n_tested += len(block)
            if len(block):
                yield block

    def _unrelated(self, block: PairBlock) -> PairBlock:
        """Leave out items with their own ancestors, which always meet."""
        if not len(self._related):
            return block
        keys = block.first.astype(np.int64) * len(self.baskets.items) + block.second
        return block.take(np.flatnonzero(~np.isin(keys, self._related)))

    # --- against all baskets -----------------------------------------------------------------

    def _among_all(self) -> Iterator[PairBlock]:
        counts = self._counts.astype(np.float64)
        least = self.min_expected * self.n_baskets
        order = np.argsort(-self._counts, kind="stable")
        order = order[counts[order] * counts.max(initial=0.0) >= least]
        sorted_counts = counts[order]
        matrix = self._matrix[:, order]
        for low, high in _row_blocks(len(order)):
            # Partners are a beginning of the order, as it falls; later rows have shorter ones.
            width = int(np.searchsorted(-sorted_counts * sorted_counts[low], -least, side="right"))
            width = min(width, high)
            expected = np.outer(sorted_counts[low:high], sorted_counts[:width]) / self.n_baskets
            rows, columns = self._chosen(expected, low, order[low:high], order[:width])
            if not len(rows):
                continue
            together = self._together(matrix, low, high, width, self._weights)
            yield self._block(
                order[low + rows], order[columns], together[rows, columns], expected[rows, columns]
            )

    def _chosen(
        self, expected: Floats, low: int, firsts: NDArray[Any], seconds: NDArray[Any]
    ) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
        """Return places of pairs to test: expected often enough, each once, of the right kind."""
        chosen: Any = np.asarray(expected >= self.min_expected)
        n_rows, width = expected.shape
        np.logical_and(chosen, np.tri(n_rows, width, low - 1, dtype=np.bool_), out=chosen)
        if self.among != "all" and self.categories is not None:
            first, second = self.categories.codes[firsts], self.categories.codes[seconds]
            same = first[:, None] == second[None, :]
            np.logical_and(chosen, same if self.among == "within" else ~same, out=chosen)
            known = (first >= 0)[:, None] & (second >= 0)[None, :]
            np.logical_and(chosen, known, out=chosen)
        rows, columns = np.nonzero(chosen)
        return rows, columns

    @staticmethod
    def _together(
        matrix: Any, low: int, high: int, width: int, weights: NDArray[np.int64]
    ) -> NDArray[np.int32]:
        """Return how many baskets hold both, for a block of items against the first `width`."""
        part = matrix[:, low:high].T.tocsr()
        if weights.max(initial=1) > 1 or weights.min(initial=1) < 1:
            part = (part @ sparse.diags(weights.astype(np.int32), dtype=np.int32)).tocsr()
        found: NDArray[np.int32] = (part @ matrix[:, :width]).toarray()
        return found

    def _block(
        self, one: NDArray[Any], other: NDArray[Any], observed: NDArray[Any], expected: Floats
    ) -> PairBlock:
        first, second = np.minimum(one, other), np.maximum(one, other)
        return PairBlock(
            first.astype(np.int32),
            second.astype(np.int32),
            observed.astype(np.int64),
            expected,
            self._counts[first],
            self._counts[second],
            np.full(len(first), self.n_baskets, dtype=np.int64),
        )

    # --- against baskets of the same size -----------------------------------------------------

    def _by_size(self) -> Iterator[PairBlock]:
        """Yield pairs with what baskets of these sizes would hold if filled at random."""
        order = np.argsort(-self._counts, kind="stable")
        order = order[self._counts[order] >= self.min_expected]
        left, right = self._size_factors(order)
        matrix = self._matrix[:, order]
        for low, high in _row_blocks(len(order)):
            expected = left[low:high] @ right[:high].T
            rows, columns = self._chosen(expected, low, order[low:high], order[:high])
            if not len(rows):
                continue
            together = self._together(matrix, low, high, high, self._weights)
            least = np.minimum(self._counts[order[low + rows]], self._counts[order[columns]])
            yield self._block(
                order[low + rows],
                order[columns],
                together[rows, columns],
                np.minimum(expected[rows, columns], least),
            )

    def _size_factors(self, order: NDArray[np.intp]) -> tuple[Floats, Floats]:
        """Return two matrices whose product is the expected number of baskets with both.

        In baskets of about one size, item a has the share q_a of all places. Of a basket of s
        places, a and b take two, one after the other: s (s - 1) q_a q_b, and without
        replacement the second one comes out of 1 - q of the places that are left.
        """
        sizes = np.diff(self.baskets.indptr)
        stratum = np.searchsorted(_SIZES, sizes, side="right")
        left: list[Floats] = []
        right: list[Floats] = []
        for one in np.unique(stratum[sizes > 1]).tolist():
            weights = np.where((stratum == one) & (sizes > 1), self._weights, 0)
            places = float((weights * sizes).sum())
            share = self._column_sums(weights)[order] / max(places, 1.0)
            two_places = float((weights.astype(np.float64) * sizes * (sizes - 1.0)).sum())
            after = share / np.maximum(1.0 - share, 1e-9)
            left += [share * two_places / 2.0, after * two_places / 2.0]
            right += [after, share]
        if not left:
            return np.zeros((len(order), 1)), np.zeros((len(order), 1))
        return np.column_stack(left), np.column_stack(right)

    # --- against baskets that hold the category otherwise -------------------------------------

    def _by_category(self) -> Iterator[PairBlock]:
        """Yield pairs of one category, among baskets with a third item of it."""
        assert self.categories is not None  # noqa: S101  # the caller has checked
        codes = self.categories.codes
        by_item: Any = self._matrix.tocsc()
        for category in range(len(self.categories.names)):
            items = np.flatnonzero((codes == category) & (self._counts > 0))
            if len(items) > 2:
                part = by_item[:, items].tocsr()
                part.sort_indices()
                yield from self._in_category(part, items)

    def _in_category(self, part: Any, items: NDArray[np.intp]) -> Iterator[PairBlock]:
        sizes = np.diff(part.indptr)
        weights = self._weights
        one, two, several = (
            np.where(sizes == 1, weights, 0),
            np.where(sizes == 2, weights, 0),
            np.where(sizes > 1, weights, 0),
        )
        counts, singles = (np.asarray(part.T @ w, dtype=np.int64) for w in (several, one))
        n_holding = int(weights[sizes > 0].sum())
        for low, high in _row_blocks(len(items)):
            together = self._together(part, low, high, high, weights)
            only_two = self._together(part, low, high, high, two)
            # A basket with a and one more item only has a third item unless that one is b. Of
            # baskets with one item of the category, that item must be neither a nor b.
            n_first = counts[low:high, None] - only_two
            n_second = counts[None, :high] - only_two
            n_total = n_holding - singles[low:high, None] - singles[None, :high] - only_two
            observed = together - only_two
            expected = n_first * (n_second / np.maximum(n_total, 1))
            rows, columns = self._chosen(expected, low, items[low:high], items[:high])
            where = (rows, columns)
            later, earlier = items[low + rows], items[columns]  # codes ascend with their places
            yield PairBlock(
                earlier.astype(np.int32),
                later.astype(np.int32),
                observed[where].astype(np.int64),
                expected[where],
                n_second[where].astype(np.int64),
                n_first[where].astype(np.int64),
                n_total[where].astype(np.int64),
            )


def _keys_of_related(baskets: Baskets) -> Ints:
    if baskets.related is None:
        return np.empty(0, dtype=np.int64)
    low, high = baskets.related.min(axis=1), baskets.related.max(axis=1)
    found: Ints = np.unique(low.astype(np.int64) * len(baskets.items) + high)
    return found


def _row_blocks(n: int) -> Iterator[tuple[int, int]]:
    """Cut `n` rows of a lower triangle into blocks of about equal numbers of cells."""
    low = 0
    while low < n:
        high = min(n, low + max(1, _CELLS // max(n, 1)))
        yield low, high
        low = high
