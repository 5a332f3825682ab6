"""What customers buy next: from a sequence of purchases to an item within some days."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from scipy.special import ndtri

from userportrait._core.display import definition_list, format_count, page_fragment, table
from userportrait._core.params import Between, Rule, check_values
from userportrait._core.shares import wilson_interval
from userportrait._core.units import MICROS_PER_DAY, as_moment, to_micros
from userportrait.errors import InvalidDataError
from userportrait.patterns._sequence_follow import Followed, Follower
from userportrait.patterns._sequence_mine import mine_sequences
from userportrait.patterns._sequence_walk import walk_patterns
from userportrait.patterns._sequences import as_sequences

if TYPE_CHECKING:
    from datetime import datetime

    from numpy.typing import NDArray

    from userportrait.patterns._sequence_mine import SequenceEngine
    from userportrait.patterns._sequence_patterns import SequencePatterns
    from userportrait.patterns._sequences import IntoSequences, Sequences

__all__ = ["NextPurchases", "derive_next_purchases"]

_SHOWN = 10
_CRITICAL = float(ndtri(0.975))


def derive_next_purchases(
    data: IntoSequences,
    *,
    within_days: float,
    min_support: float,
    min_confidence: float = 0.0,
    max_length: int | None = 2,
    max_steps: int | None = None,
    max_gap: float | None = None,
    max_span: float | None = None,
    until: datetime | str | None = None,
    engine: SequenceEngine = "auto",
) -> NextPurchases:
    """Derive rules of the form: who has bought this, buys that within so many days.

    Parameters
    ----------
    data : Sequences, Baskets or Events
        With times.
    within_days : float
        How long after the antecedent a purchase counts; above 0.
    min_support : int or float
        The least number, or share, of customers who hold the antecedent and then buy the item
        in time; see `mine_sequences`.
    min_confidence : float, default=0.0
    max_length : int, default=2
        Items of the antecedent.
    max_steps : int, optional
        Elements of the antecedent.
    max_gap, max_span : float, optional
        In days, for the antecedent; see `mine_sequences`.
    until : datetime or ISO 8601 text, optional
        To when purchases are known; by default the time of the last one.
    engine : {'auto', 'numpy', 'numba'}, default='auto'
        What mines the antecedents.

    Returns
    -------
    NextPurchases

    Raises
    ------
    InvalidDataError
        If the sequences have no times.
    InvalidParameterError
        If parameters are out of range.

    Notes
    -----
    Each customer is looked at once for each antecedent X: from the moment when X **first**
    ends. That customer counts if `within_days` from there are over by `until`; others are
    counted as unfinished, whatever they have bought by then, because leaving out only those
    who have not bought would make every rule look better.

    - ``n_antecedent`` are the customers who count, ``count`` those of them who buy the item in a
      later basket, at most `within_days` after.
    - ``confidence = count / n_antecedent``, and ``confidence_low`` its lower bound: the lower end
      of Wilson's 95 % interval [1]_. Rank by it where counts are small.
    - ``usual`` is what to expect of any basket: the mean over customers of the share of their
      baskets that are followed by the item within `within_days`, among baskets whose days are
      over. ``lift = confidence / usual``.
    - ``median_days`` is the median time from the end of X to the first such purchase, over the
      customers in ``count``.

    References
    ----------
    .. [1] Wilson (1927), "Probable inference, the law of succession, and statistical
       inference", Journal of the American Statistical Association 22(158).

    Examples
    --------
    >>> from userportrait.patterns import Sequences, derive_next_purchases
    >>> sequences = Sequences.from_lists(
    ...     [["printer", "ink"], ["printer", "ink"], ["printer", "paper"], ["paper", "paper"]],
    ...     at=[
    ...         ["2026-01-01", "2026-01-11"],
    ...         ["2026-01-02", "2026-01-22"],
    ...         ["2026-01-03", "2026-01-05"],
    ...         ["2026-01-01", "2026-03-31"],
    ...     ],
    ... )
    >>> found = derive_next_purchases(sequences, within_days=30, min_support=2)
    >>> found.to_frame().drop(columns=["support", "confidence_low"]).round(2).T
                              0
    antecedent    ((printer,),)
    item                    ink
    n_antecedent              3
    n_unfinished              0
    count                     2
    confidence             0.67
    usual                  0.25
    lift                   2.67
    median_days            15.0
    """
    owner = "derive_next_purchases"
    rules: dict[str, Rule] = {
        "within_days": Between(0, 36_525, open_low=True),
        "min_confidence": Between(0, 1),
    }
    check_values(owner, {"within_days": within_days, "min_confidence": min_confidence}, rules)
    sequences = as_sequences(data, owner=owner)
    at = _times(sequences, owner)
    last = (
        int(at.max(initial=0))
        if until is None
        else to_micros(as_moment(until, owner=owner, name="until"))
    )
    antecedents = mine_sequences(
        sequences,
        min_support=min_support,
        max_length=max_length,
        max_steps=max_steps,
        max_gap=max_gap,
        max_span=max_span,
        engine=engine,
    )
    follower = Follower(sequences, within_days, last)
    n_nodes = len(antecedents.trie.parent)
    held = np.zeros(n_nodes, dtype=np.int64)
    counted = np.zeros(n_nodes, dtype=np.int64)
    parts: list[Followed] = []
    for visit in walk_patterns(antecedents.trie, sequences.items, sequences, antecedents.limits):
        held += np.bincount(visit.node, minlength=n_nodes)
        counted += np.bincount(visit.node[follower.is_over[visit.moment]], minlength=n_nodes)
        parts.append(follower.after(visit, antecedents.min_count))
    found = _joined(parts)
    confident = found.count / np.maximum(counted[found.node], 1) >= min_confidence
    place = np.full(n_nodes, -1)
    place[antecedents.nodes] = np.arange(len(antecedents))
    order = np.lexsort((found.item, place[found.node]))
    order = order[confident[order]]
    chosen = Followed(found.node[order], found.item[order], found.count[order], found.delay[order])
    return NextPurchases(antecedents, chosen, counted, held, follower.usual(), within_days)


class NextPurchases:
    """Rules from a sequence of purchases to the next item.

    Made by `derive_next_purchases`, whose notes define every figure.

    Parameters
    ----------
    antecedents : SequencePatterns
        Every antecedent that was looked at.
    found : object
        The rules, in codes.
    counted, held : ndarray of int64 of shape (n_nodes,)
        For each antecedent, the customers who count, and all who hold it.
    usual : ndarray of float64 of shape (n_items,)
        The chance that any basket is followed by the item in time.
    within_days : float

    Examples
    --------
    >>> from userportrait.patterns import Sequences, derive_next_purchases
    >>> sequences = Sequences.from_lists(
    ...     [["printer", "ink"], ["printer", "paper"]],
    ...     at=[["2026-01-01", "2026-01-11"], ["2026-01-02", "2026-02-22"]],
    ... )
    >>> derive_next_purchases(sequences, within_days=30, min_support=1)
    <NextPurchases: 1 rule within 30 days, 2 customers>
    """

    def __init__(
        self,
        antecedents: SequencePatterns,
        found: Followed,
        counted: NDArray[np.int64],
        held: NDArray[np.int64],
        usual: NDArray[np.float64],
        within_days: float,
    ) -> None:
        self.antecedents: SequencePatterns = antecedents
        self.within_days: float = within_days
        self._found: Followed = found
        self._counted: NDArray[np.int64] = counted
        self._held: NDArray[np.int64] = held
        self._usual: NDArray[np.float64] = usual

    def __len__(self) -> int:
        return len(self._found.node)

    def to_frame(self) -> pd.DataFrame:
        """Return the rules, by antecedent in its public order, then by item.

        Returns
        -------
        DataFrame
            `antecedent` (tuple of tuples), `item`, `n_antecedent`, `n_unfinished`, `count`,
            `support` (count over all customers), `confidence`, `confidence_low`, `usual`, `lift`,
            `median_days`.
        """
        found = self._found
        names = dict(zip(self.antecedents.nodes.tolist(), self.antecedents.patterns(), strict=True))
        n = self._counted[found.node]
        confidence = found.count / n
        usual = self._usual[found.item]
        patterns = [names[node] for node in found.node.tolist()]
        return pd.DataFrame(
            {
                "antecedent": pd.Series(patterns, dtype=object),
                "item": self.antecedents.items[found.item],
                "n_antecedent": n,
                "n_unfinished": self._held[found.node] - n,
                "count": found.count,
                "support": found.count / max(1, self.antecedents.n_customers),
                "confidence": confidence,
                "confidence_low": wilson_interval(found.count, n, _CRITICAL)[0],
                "usual": usual,
                "lift": confidence / usual,
                "median_days": found.delay / MICROS_PER_DAY,
            }
        )

    def recommend(
        self, data: IntoSequences, *, n: int = 5, as_of: datetime | str | None = None
    ) -> pd.DataFrame:
        """Return what each customer is likely to buy next.

        A rule applies if the customer has first completed its antecedent at most `within_days`
        before `as_of`, and not after. An item has the score of its best rule: the lower bound
        of the confidence.

        Parameters
        ----------
        data : Sequences or Baskets
            What the customers have bought; with times.
        n : int, default=5
            Items for each customer, at most.
        as_of : datetime or ISO 8601 text, optional
            By default the time of the last purchase in the data.

        Returns
        -------
        DataFrame
            `customer_id`, `rank` (from 1), `item`, `score`, `median_days`, `antecedent`, by
            customer and rank. Of equal scores the smaller item comes first, and of an item's
            equal rules the first in their order. Customers to whom no rule applies have no row.
        """
        owner = "NextPurchases.recommend"
        check_values(owner, {"n": n}, {"n": Between(1, np.inf, integer=True)})
        sequences = as_sequences(data, owner=owner)
        at = _times(sequences, owner)
        now = int(at.max(initial=0)) if as_of is None else to_micros(as_moment(as_of, owner=owner))
        who, node = self._current(sequences, at, now)
        rules = self.to_frame()
        rules["node"] = self._found.node
        rules["code"] = self._found.item
        rules["rule"] = np.arange(len(rules))
        current = pd.DataFrame({"who": who, "node": node}).merge(rules, on="node")
        current = current.sort_values(
            ["who", "confidence_low", "code", "rule"], ascending=[True, False, True, True]
        ).drop_duplicates(["who", "code"])
        current["rank"] = current.groupby("who").cumcount() + 1
        current = current[current["rank"] <= n]
        return pd.DataFrame(
            {
                "customer_id": sequences.customer_ids[current["who"].to_numpy(dtype=np.int64)],
                "rank": current["rank"].to_numpy(dtype=np.int64),
                "item": current["item"].to_numpy(),
                "score": current["confidence_low"].to_numpy(),
                "median_days": current["median_days"].to_numpy(),
                "antecedent": current["antecedent"].to_numpy(),
            }
        )

    def _current(
        self, sequences: Sequences, at: NDArray[np.int64], now: int
    ) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return the customers and the antecedents that they have completed lately."""
        width = round(self.within_days * MICROS_PER_DAY)
        found = self.antecedents
        who: list[NDArray[np.int64]] = [np.empty(0, dtype=np.int64)]
        nodes: list[NDArray[np.int64]] = [np.empty(0, dtype=np.int64)]
        for visit in walk_patterns(found.trie, found.items, sequences, found.limits):
            moment = at[visit.moment]
            fits = (moment <= now) & (moment >= now - width)
            who.append(visit.customer[fits].astype(np.int64))
            nodes.append(visit.node[fits])
        return np.concatenate(who), np.concatenate(nodes)

    def __repr__(self) -> str:
        return (
            f"<NextPurchases: {format_count(len(self), 'rule')} within {self.within_days:g} days, "
            f"{format_count(self.antecedents.n_customers, 'customer')}>"
        )

    def _repr_html_(self) -> str:
        facts = {
            "rules": f"{len(self):,}",
            "within": f"{self.within_days:g} days",
            "customers": f"{self.antecedents.n_customers:,}",
        }
        columns = ("after", "next", "customers", "confidence", "lift", "median days")
        best = self.to_frame().sort_values("confidence_low", ascending=False, kind="stable")
        rows = [
            (
                " → ".join(", ".join(map(str, element)) for element in row["antecedent"]),
                row["item"],
                f"{row['count']:,} of {row['n_antecedent']:,}",
                f"{row['confidence']:.1%}",
                f"{row['lift']:.2f}",
                f"{row['median_days']:.1f}",
            )
            for row in best.head(_SHOWN).to_dict("records")
        ]
        shown = table(columns, rows, numeric=columns[2:])
        return page_fragment("Next purchases", definition_list(facts), shown)


def _times(sequences: Sequences, owner: str) -> NDArray[np.int64]:
    if sequences.at is None:
        message = (
            f"{owner}: the sequences have no times, and days are counted here. Give them, for "
            f"example in Sequences.from_lists(…, at=…)."
        )
        raise InvalidDataError(message)
    return sequences.at


def _joined(parts: list[Followed]) -> Followed:
    empty = np.empty(0, dtype=np.int64)
    parts = [Followed(empty, empty, empty, np.empty(0)), *parts]
    return Followed(
        np.concatenate([part.node for part in parts]),
        np.concatenate([part.item for part in parts]),
        np.concatenate([part.count for part in parts]),
        np.concatenate([part.delay for part in parts]),
    )
