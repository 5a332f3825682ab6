"""Rules between items: measured, tested, pruned and shown."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import pandas as pd

from userportrait._core.display import definition_list, format_count, page_fragment, table
from userportrait._core.params import Between, OneOf, Optional, check_values
from userportrait.errors import InvalidParameterError
from userportrait.patterns._measures import check_names
from userportrait.patterns._measures_formulas import Tables
from userportrait.patterns._prune import best_general, is_minimal, log_p_of_extension
from userportrait.patterns._rule_origin import RuleOrigin, RuleStep
from userportrait.patterns._rule_sides import RuleSide, allowed_sets, check_sides
from userportrait.patterns._rules_columns import measure_of, rows_of_measures
from userportrait.patterns._rules_mlxtend import mlxtend_frame, sets_as, used
from userportrait.patterns._rules_split import count_pairs
from userportrait.patterns._significance import odds_ratio_interval
from userportrait.patterns._significance_rules import RuleTest, adjusted, run_test

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from numpy.typing import ArrayLike, NDArray

    from userportrait.patterns._baskets import Baskets
    from userportrait.patterns._prune import PruneMethod
    from userportrait.patterns._rule_index import SetIndex
    from userportrait.patterns._significance import Alternative, SignificanceMethod
    from userportrait.patterns._significance_rules import AdjustMethod, HypothesisCount

    Side: TypeAlias = RuleSide | Mapping[str, Iterable[Any]] | Iterable[Any] | None

__all__ = ["Rules"]

Codes: TypeAlias = "NDArray[np.int32]"
Ints: TypeAlias = "NDArray[np.int64]"
Floats: TypeAlias = "NDArray[np.float64]"

_CORE = (
    "antecedent_count", "consequent_count", "count", "support", "confidence", "lift",
    "leverage", "conviction",
)  # fmt: skip
_COUNTS = ("antecedent_count", "consequent_count", "count")
_SHOWN = 10


class Rules:
    """Rules X → Y: baskets with all of X often hold all of Y.

    Made by `derive_rules`. Every method that keeps some of the rules returns new ones and
    leaves these as they are.

    Parameters
    ----------
    index : SetIndex
        The itemsets.
    antecedents, consequents, itemsets : ndarray of int32 of shape (n_rules,)
        Row numbers of X, Y and both together in ``Itemsets.to_frame()``.
    splits : ndarray of int32 of shape (n_rules,)
        X as bits: of the k items of both together, item i is in X where bit ``k - 1 - i`` is set.
    origin : RuleOrigin
    steps : tuple of RuleStep, default=()
        What was filtered and pruned so far.
    columns : mapping of str to ndarray, optional
        Figures beside the measures, such as those of a test.

    See Also
    --------
    userportrait.patterns.derive_rules : Make them.
    userportrait.patterns.rule_measures : What can be measured.

    Examples
    --------
    >>> import userportrait as up
    >>> baskets = up.Baskets.from_lists([["tea", "milk"], ["tea", "milk"], ["tea"], ["pot"]])
    >>> rules = up.derive_rules(up.mine_itemsets(baskets, min_support=2))
    >>> rules
    Rules(2 rules of 1 itemset, 4 baskets)
    >>> rules.measure("confidence").round(3).tolist()
    [1.0, 0.667]
    """

    def __init__(
        self,
        index: SetIndex,
        antecedents: Codes,
        consequents: Codes,
        itemsets: Codes,
        splits: Codes,
        *,
        origin: RuleOrigin,
        steps: tuple[RuleStep, ...] = (),
        columns: Mapping[str, Floats] | None = None,
    ) -> None:
        self.index = index
        self.antecedents = antecedents
        self.consequents = consequents
        self.itemsets = itemsets
        self.splits = splits
        self.origin = origin
        self.steps = steps
        self.columns: dict[str, Floats] = dict(columns or {})

    def __len__(self) -> int:
        return len(self.itemsets)

    @property
    def n_baskets(self) -> int:
        """Baskets that the itemsets were mined from."""
        return self.index.n_baskets

    @property
    def stopped(self) -> str | None:
        """Why rules are missing; None if none are."""
        return self.origin.stopped

    @property
    def n_unknown(self) -> int:
        """Splits left out because mining had not counted one of the sides."""
        return self.origin.n_unknown

    @property
    def n_pairs(self) -> int:
        """Rules that could be made of two frequent sides, frequent together or not.

        Within the limits on sides that `derive_rules` was given; worked out when asked for.
        """
        return max(count_pairs(self.index, self.origin.demands), self.origin.n_splits)

    @property
    def tables(self) -> Tables:
        """The counts of each rule: both sides, each side, all baskets."""
        counts = self.index.counts
        return Tables(
            counts[self.itemsets].astype(np.int64),
            counts[self.antecedents].astype(np.int64),
            counts[self.consequents].astype(np.int64),
            self.n_baskets,
        )

    def measure(self, name: str) -> Floats:
        """Return one measure of every rule.

        Parameters
        ----------
        name : str
            A name of `rule_measures`, or of a column that a test added.

        Raises
        ------
        InvalidParameterError
            If there is no such measure; the message names the nearest.
        """
        check_names("Rules.measure", [name], list(self.columns))
        return measure_of(self, name, self.tables)

    def to_frame(self, measures: Sequence[str] | None = None, *, ids: bool = False) -> pd.DataFrame:
        """Return the rules as a table.

        Parameters
        ----------
        measures : sequence of str, optional
            Names of `rule_measures` and of columns that tests added. By default the counts of
            both sides and of the rule, support, confidence, lift, leverage, conviction, and all
            columns of tests.
        ids : bool, default=False
            Whether to give itemsets as row numbers of ``Itemsets.to_frame()``
            (`antecedent_id`, `consequent_id`, `itemset_id`), which takes a fraction of the
            time, instead of tuples of items (`antecedent`, `consequent`).

        Returns
        -------
        DataFrame
            One row a rule.
        """
        chosen = [*_CORE, *self.columns] if measures is None else list(measures)
        check_names("Rules.to_frame", chosen, [*_COUNTS, *self.columns])
        found: dict[str, Any] = {}
        if ids:
            found["antecedent_id"] = self.antecedents.copy()
            found["consequent_id"] = self.consequents.copy()
            found["itemset_id"] = self.itemsets.copy()
        else:
            sets = self._tuples()
            found["antecedent"] = sets[self.antecedents]
            found["consequent"] = sets[self.consequents]
        figures = rows_of_measures(self, [name for name in chosen if name not in _COUNTS])
        for name in chosen:
            found[name] = self._counts(name) if name in _COUNTS else figures[name]
        return pd.DataFrame(found, copy=False)

    def _counts(self, name: str) -> Ints:
        places = {
            "antecedent_count": self.antecedents,
            "consequent_count": self.consequents,
            "count": self.itemsets,
        }
        return self.index.counts.astype(np.int64)[places[name]]

    def _tuples(self) -> NDArray[np.object_]:
        """Return the items of every set that stands on a side, as tuples."""
        return sets_as(tuple, self.index, used(self.index, self.antecedents, self.consequents))

    def to_mlxtend(self) -> pd.DataFrame:
        """Return the frame that mlxtend's `association_rules` makes of the same itemsets.

        Returns
        -------
        DataFrame
            The columns, the order and the values of the installed version: `antecedents` and
            `consequents` as frozensets, then its measures. mlxtend compares rounded shares with
            its threshold; rules exactly on it, which it may lose, are here.
        """
        return mlxtend_frame(
            self.index, self.antecedents, self.consequents, self.itemsets, self.splits
        )

    def take(self, rows: ArrayLike) -> Rules:
        """Return some rules by position or mask, in the order given."""
        chosen = np.asarray(rows)
        return self._keep(chosen if chosen.size else chosen.astype(np.intp), None)

    def _keep(self, rows: NDArray[Any], step: str | None) -> Rules:
        columns = {name: values[rows] for name, values in self.columns.items()}
        left, right = self.antecedents[rows], self.consequents[rows]
        whole = self.itemsets[rows]
        made = (
            () if step is None else (RuleStep(name=step, n_before=len(self), n_after=len(whole)),)
        )
        return Rules(
            self.index,
            left,
            right,
            whole,
            self.splits[rows],
            origin=self.origin,
            steps=(*self.steps, *made),
            columns=columns,
        )

    def filter(
        self,
        *,
        at_least: Mapping[str, float] | None = None,
        at_most: Mapping[str, float] | None = None,
        antecedents: Side = None,
        consequents: Side = None,
    ) -> Rules:
        """Keep the rules that meet every condition.

        Parameters
        ----------
        at_least, at_most : mapping of str to float, optional
            Limits by measure, met by equality too. NaN meets none.
        antecedents, consequents : optional
            What may stand on each side; see `derive_rules`.

        Examples
        --------
        >>> import userportrait as up
        >>> baskets = up.Baskets.from_lists([["tea", "milk"], ["tea", "milk"], ["tea"], ["pot"]])
        >>> rules = up.derive_rules(up.mine_itemsets(baskets, min_support=2))
        >>> kept = rules.filter(at_least={"confidence": 0.9})
        >>> print(*kept.steps)
        filter confidence ≥ 0.9: 2 → 1 (−1)
        """
        low, high = dict(at_least or {}), dict(at_most or {})
        check_names("Rules.filter", [*low, *high], list(self.columns))
        given: dict[str, object] = {"antecedents": antecedents, "consequents": consequents}
        sides = check_sides("Rules.filter", given, self.index.items)
        tables, kept = self.tables, np.ones(len(self), dtype=np.bool_)
        said: list[str] = []
        for name, limit in low.items():
            kept &= measure_of(self, name, tables) >= limit
            said.append(f"{name} ≥ {limit:g}")
        for name, limit in high.items():
            kept &= measure_of(self, name, tables) <= limit
            said.append(f"{name} ≤ {limit:g}")
        for name, places in (("antecedents", self.antecedents), ("consequents", self.consequents)):
            allowed = allowed_sets(self.index, sides[name])
            if allowed is not None:
                kept &= allowed[places]
                said.append(name)
        return self._keep(np.flatnonzero(kept), f"filter {', '.join(said)}")

    def of(self, item: Any) -> Rules:
        """Keep the rules with an item on either side."""
        side = {"contains": [item]}
        wanted = check_sides("Rules.of", {"item": side}, self.index.items)["item"]
        allowed = allowed_sets(self.index, wanted)
        kept = (
            np.zeros(0, dtype=np.intp)
            if allowed is None
            else np.flatnonzero(allowed[self.itemsets])
        )
        return self._keep(kept, "of one item")

    def sort_by(self, measure: str, *, ascending: bool = False) -> Rules:
        """Return the rules by a measure, greatest first; ties stay in their order, NaN is last."""
        values = self.measure(measure)
        order = np.argsort(values if ascending else -values, kind="stable")
        return self._keep(order, None)

    def top(self, n: int, measure: str = "lift", *, ascending: bool = False) -> Rules:
        """Return the first `n` rules by a measure."""
        check_values("Rules.top", {"n": n}, {"n": Between(0, float("inf"), integer=True)})
        best = self.sort_by(measure, ascending=ascending)
        return Rules._keep(best, np.arange(min(n, len(self))), f"top {n:,} by {measure}")

    def test(
        self,
        method: SignificanceMethod = "fisher",
        *,
        adjust: AdjustMethod | None = "holm",
        n_tested: HypothesisCount = "pairs",
        alternative: Alternative = "greater",
        confidence_level: float = 0.95,
        baskets: Baskets | None = None,
        n_permutations: int = 999,
        random_state: int | None = None,
    ) -> Rules:
        """Test each rule against independence of its sides, and add the results as columns.

        Parameters
        ----------
        method : {'fisher', 'fisher_midp', 'chi2', 'g'}, default='fisher'
            Fisher's exact test (hypergeometric), its mid-p variant, Pearson's chi-square or the
            likelihood ratio, both without continuity correction.
        adjust : {'holm', 'bonferroni', 'bh', 'by', 'permutation'} or None, default='holm'
            Holm, Bonferroni and permutation keep the chance of any false discovery; BH and BY
            the share of false ones among the discoveries.
        n_tested : 'pairs' or int, default='pairs'
            How many hypotheses the adjustment counts. ``'pairs'``: every rule that could be
            made of two frequent sides, whether or not they are frequent together, within the
            limits on sides (`n_pairs`); it is a matter of the sides alone, so it is valid
            whatever `min_support` was. Give a number, at least that of the rules, only if you
            fixed the hypotheses without a look at these baskets: the rules at hand, or the
            splits of frequent itemsets, are too few, because `min_support` picked the pairs
            that met often by chance.
        alternative : {'greater', 'less', 'two-sided'}, default='greater'
            Together more often than by chance, less often, or either.
        confidence_level : float, default=0.95
            Of the odds ratio's interval.
        baskets : Baskets, optional
            For ``'permutation'``: where the itemsets come from.
        n_permutations : int, default=999
            How often baskets are shuffled. The smallest adjusted p-value is one over one more.
        random_state : int, optional
            Makes shuffling repeatable.

        Returns
        -------
        Rules
            The same rules with `p_value`, `log10_p_value` (which does not underflow),
            `adjusted_p_value`, `log10_adjusted_p_value`, `odds_ratio`, `odds_ratio_low` and
            `odds_ratio_high` (half a basket added to each cell; Woolf's interval).

        Notes
        -----
        Permutation shuffles which items are in which baskets, keeping both how often each item
        is bought and the size of each basket (global curveball trades). Each shuffle is mined
        with the same `min_count`, and the smallest p-value of its rules is noted. A rule's
        adjusted value is the share of shuffles, itself included, that do as well [2]_. Its null
        hypothesis is that no items have to do with one another.

        References
        ----------
        .. [1] Hahsler and Hornik (2007), "New probabilistic interest measures for association
           rules", Intelligent Data Analysis 11(5).
        .. [2] Westfall and Young (1993), Resampling-Based Multiple Testing, Wiley.
        .. [3] Carstens, Hamann, Meyer, Penschuck, Tran and Wagner (2018), "Parallel and
           I/O-efficient randomisation of massive networks using global curveball trades", ESA.
        """
        asked = RuleTest(
            method=method,
            adjust=adjust,
            n_tested=n_tested,
            alternative=alternative,
            n_permutations=n_permutations,
            random_state=random_state,
        )
        asked.check("Rules.test", len(self), confidence_level, baskets)
        tables = self.tables
        log_p = run_test(tables, asked)
        log_adjusted = adjusted(log_p, asked, self, baskets)
        ratio, low, high = odds_ratio_interval(
            tables.both, tables.left, tables.right, tables.n, confidence_level=confidence_level
        )
        columns = {
            "p_value": np.exp(log_p),
            "log10_p_value": log_p / np.log(10.0),
            "adjusted_p_value": np.exp(log_adjusted),
            "log10_adjusted_p_value": log_adjusted / np.log(10.0),
            "odds_ratio": ratio,
            "odds_ratio_low": low,
            "odds_ratio_high": high,
        }
        tested = self._keep(np.arange(len(self)), None)
        tested.columns.update(columns)
        return tested

    def significant(
        self,
        method: SignificanceMethod = "fisher",
        *,
        adjust: AdjustMethod | None = "holm",
        alpha: float = 0.05,
        n_tested: HypothesisCount = "pairs",
        alternative: Alternative = "greater",
        confidence_level: float = 0.95,
        baskets: Baskets | None = None,
        n_permutations: int = 999,
        random_state: int | None = None,
    ) -> Rules:
        """Keep the rules whose adjusted p-value is at most `alpha`; see `test`.

        Parameters
        ----------
        alpha : float, default=0.05
            In (0, 1).
        method, adjust, n_tested, alternative, confidence_level
            See `test`.
        baskets, n_permutations, random_state
            See `test`.

        Returns
        -------
        Rules
            With the columns of `test`. The step says how many rules were not significant.
        """
        limit = Between(0, 1, open_low=True, open_high=True)
        check_values("Rules.significant", {"alpha": alpha}, {"alpha": limit})
        tested = self.test(
            method,
            adjust=adjust,
            n_tested=n_tested,
            alternative=alternative,
            confidence_level=confidence_level,
            baskets=baskets,
            n_permutations=n_permutations,
            random_state=random_state,
        )
        kept = np.flatnonzero(tested.columns["log10_adjusted_p_value"] <= np.log10(alpha))
        return Rules._keep(tested, kept, f"significant {method}, {adjust}, alpha {alpha:g}")

    def prune(
        self,
        method: PruneMethod = "productive",
        *,
        min_improvement: float = 0.0,
        alpha: float | None = None,
    ) -> Rules:
        """Drop rules that say no more than shorter ones.

        Parameters
        ----------
        method : {'productive', 'redundant', 'improvement', 'minimal'}, default='productive'
            What stays.

            - ``'redundant'``: X → Y goes if some proper subset X' of X, the empty one included,
              has at least its confidence: improvement of 0 or less [1]_.
            - ``'improvement'``: X → Y stays if its confidence exceeds that of every such
              X' → Y by at least `min_improvement`, which must be above 0.
            - ``'productive'``: as ``'redundant'``; with `alpha`, each item of X must also raise
              the confidence significantly: Fisher's test among the baskets with the rest of X,
              the largest p-value at most `alpha` [2]_. It is not adjusted for many rules.
            - ``'minimal'``: X → Y stays if X is a generator (no smaller set has its baskets) and
              X with Y is closed (no larger set has theirs): of rules with the same counts the one
              with the smallest antecedent and the largest consequent [3]_.

        min_improvement : float, default=0.0
            For ``'improvement'``, in (0, 1].
        alpha : float, optional
            For ``'productive'``, in (0, 1).

        Returns
        -------
        Rules
            The step says how many were pruned.

        Notes
        -----
        Every subset counts, whether or not its rule is among these: pruning does not depend on
        what was filtered before. Confidences are compared as quotients of whole numbers, which
        tells any two apart up to 2 ** 26 baskets.

        References
        ----------
        .. [1] Bayardo, Agrawal and Gunopulos (2000), "Constraint-based rule mining in large,
           dense databases", Data Mining and Knowledge Discovery 4.
        .. [2] Webb (2007), "Discovering significant patterns", Machine Learning 68(1).
        .. [3] Bastide, Pasquier, Taouil, Stumme and Lakhal (2000), "Mining minimal
           non-redundant association rules using frequent closed itemsets", CL 2000.
        """
        improving = Between(0, 1, open_low=method == "improvement")
        check_values(
            "Rules.prune",
            {"method": method, "min_improvement": min_improvement, "alpha": alpha},
            {
                "method": OneOf(("productive", "redundant", "improvement", "minimal")),
                "min_improvement": improving,
                "alpha": Optional(Between(0, 1, open_low=True, open_high=True)),
            },
        )
        wrong: list[str] = []
        if alpha is not None and method != "productive":
            wrong.append("alpha goes with method 'productive'.")
        if min_improvement and method != "improvement":
            wrong.append("min_improvement goes with method 'improvement'.")
        if wrong:
            raise InvalidParameterError("Rules.prune", wrong)
        if method == "minimal":
            kept = is_minimal(self.index, self.antecedents, self.itemsets)
            return self._keep(np.flatnonzero(kept), "prune minimal")
        confidence = self.tables.confidence
        best = best_general(self.index, self.antecedents, self.itemsets, self.splits)
        kept = confidence > best
        if method == "improvement":
            kept &= confidence - best >= min_improvement
            return self._keep(np.flatnonzero(kept), f"prune improvement ≥ {min_improvement:g}")
        rows = np.flatnonzero(kept)
        if alpha is None:
            return self._keep(rows, f"prune {method}")
        log_p = log_p_of_extension(
            self.index, self.antecedents[rows], self.itemsets[rows], self.splits[rows]
        )
        return self._keep(rows[log_p <= np.log(alpha)], f"prune {method}, alpha {alpha:g}")

    def __repr__(self) -> str:
        n_sets = len(np.unique(self.itemsets))
        of = f"{format_count(len(self), 'rule')} of {format_count(n_sets, 'itemset')}"
        end = "" if self.stopped is None else f", incomplete: {self.stopped}"
        return f"Rules({of}, {format_count(self.n_baskets, 'basket')}{end})"

    def __str__(self) -> str:
        lines = [repr(self), *(f"- {step}" for step in self.steps)]
        if self.n_unknown:
            lines.append(f"- {self.n_unknown:,} splits without a known count were left out")
        lines.extend("  " + "  ".join(row) for row in self._rows(_SHOWN))
        return "\n".join(lines)

    def _rows(self, n: int) -> list[tuple[str, ...]]:
        """Return the first rules as texts: the rule, count, confidence, lift."""
        few = self.take(np.arange(min(n, len(self))))
        frame = few.to_frame(["count", "confidence", "lift"])
        columns: list[list[Any]] = [frame[name].tolist() for name in frame.columns]
        return [
            (f"{_words(left)} → {_words(right)}", f"{both:,.0f}", f"{sure:.1%}", f"{times:.2f}")
            for left, right, both, sure, times in zip(*columns, strict=True)
        ]

    def _repr_html_(self) -> str:
        facts: dict[str, object] = {
            "baskets": f"{self.n_baskets:,}",
            "least baskets of a rule": f"{self.origin.min_count:,}",
            "splits looked at": f"{self.origin.n_splits:,}",
        }
        if self.n_unknown:
            facts["splits without a known count"] = f"{self.n_unknown:,}"
        if self.stopped is not None:
            facts["incomplete"] = self.stopped
        facts |= {f"step {i + 1}": str(step) for i, step in enumerate(self.steps)}
        columns = ("rule", "baskets", "confidence", "lift")
        body = table(columns, self._rows(_SHOWN), numeric=columns[1:])
        n_more = len(self) - _SHOWN
        more = f"<small>{n_more:,} more</small>" if n_more > 0 else ""
        title = format_count(len(self), "rule")
        return page_fragment(title, definition_list(facts), body, more)


def _words(items: tuple[Any, ...]) -> str:
    return ", ".join(map(str, items))
