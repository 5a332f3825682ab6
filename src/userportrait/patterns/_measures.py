"""The catalogue of measures: what each one means, its formula, range and source."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import numpy as np
import pandas as pd

from userportrait.errors import InvalidParameterError, unknown_name
from userportrait.patterns import _measures_formulas as formulas

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from userportrait.patterns._measures_formulas import Tables

__all__ = ["MEASURES", "RuleMeasure", "rule_measures"]

Floats: TypeAlias = "NDArray[np.float64]"
Needs: TypeAlias = Literal["table", "items", "subsets"]


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleMeasure:
    """One measure of the rule X → Y.

    Parameters
    ----------
    name : str
    formula : str
        In shares: ``x``, ``y``, ``xy`` of the baskets hold X, Y, both; ``n`` baskets in all. A
        dash means without: ``x-y`` of the baskets hold X and not the whole of Y.
    range : tuple of float
        Least and greatest value, both included.
    at_independence : float or None
        The value where X says nothing about Y; None where there is no such value.
    undefined : str
        Where the formula divides by zero, and what is given there. Empty: nowhere.
    null_invariant : bool
        Whether baskets with neither side leave the value alone.
    symmetric : bool
        Whether Y → X has the same value.
    needs : {'table', 'items', 'subsets'}
        What it is made from: the rule's four counts, the counts of its items, or those of its
        antecedent's subsets.
    source : str
        Where it was published.
    """

    name: str
    formula: str
    range: tuple[float, float]
    at_independence: float | None
    undefined: str = ""
    null_invariant: bool = False
    symmetric: bool = False
    needs: Needs = "table"
    source: str


_A93 = "Agrawal, Imieliński and Swami (1993), SIGMOD"
_TAN = "Tan, Kumar and Srivastava (2004), Information Systems 29(4)"
_WU = "Wu, Chen and Han (2010), Data Mining and Knowledge Discovery 21(3)"
_HH = "Hahsler and Hornik (2007), Intelligent Data Analysis 11(5)"
_BRIN = "Brin, Motwani, Ullman and Tsur (1997), SIGMOD"
_KOD = "Kodratoff (2001), Machine Learning and Its Applications, LNCS 2049"
_BAY = "Bayardo, Agrawal and Gunopulos (2000), Data Mining and Knowledge Discovery 4"
_INF = float("inf")


def _measure(
    name: str,
    formula: str,
    limits: tuple[float, float],
    neutral: float | None,
    source: str,
    undefined: str = "",
    marks: str = "",
    needs: Needs = "table",
) -> RuleMeasure:
    return RuleMeasure(
        name=name,
        formula=formula,
        range=limits,
        at_independence=neutral,
        undefined=undefined,
        null_invariant="n" in marks,
        symmetric="s" in marks,
        needs=needs,
        source=source,
    )


_ALL = (
    _measure("count", "n·xy", (0, _INF), None, _A93, marks="ns"),
    _measure("support", "xy", (0, 1), None, _A93, marks="s"),
    _measure("coverage", "x", (0, 1), None, _A93),
    _measure("prevalence", "y", (0, 1), None, _A93),
    _measure("confidence", "xy / x", (0, 1), None, _A93, marks="n"),
    _measure("lift", "xy / (x·y)", (0, _INF), 1, _BRIN, marks="s"),
    _measure(
        "leverage", "xy − x·y", (-0.25, 0.25), 0,
        "Piatetsky-Shapiro (1991), Knowledge Discovery in Databases", marks="s",
    ),
    _measure(
        "conviction", "x·(1 − y) / (x-y)", (0, _INF), 1, _BRIN, "infinite at confidence 1",
    ),
    _measure("added_value", "xy/x − y", (-1, 1), 0, _TAN),
    _measure(
        "all_confidence", "xy / max share of one item", (0, 1), None,
        "Omiecinski (2003), IEEE Transactions on Knowledge and Data Engineering 15(1)",
        marks="ns", needs="items",
    ),
    _measure("casual_confidence", "(xy/x + (-x-y)/(1 − x)) / 2", (0, 1), 0.5, _KOD,
             "NaN where X is in every basket"),
    _measure("casual_support", "xy + (-x-y)", (0, 1), None, _KOD, marks="s"),
    _measure(
        "certainty", "(xy/x − y) / (1 − y)", (-_INF, 1), 0,
        "Galiano, Blanco, Sánchez and Vila (2002), Intelligent Data Analysis 6",
        "0 where Y is in every basket",
    ),
    _measure(
        "certainty_factor", "certainty, or (xy/x − y) / y where that is negative", (-1, 1), 0,
        "Galiano, Blanco, Sánchez and Vila (2002), Intelligent Data Analysis 6",
        "0 where Y is in every basket",
    ),
    _measure(
        "chi_squared", "n (xy − x·y)² / (x·y·(1 − x)·(1 − y))", (0, _INF), 0,
        "Brin, Motwani and Silverstein (1997), SIGMOD", "0 where a side is in every basket", "s",
    ),
    _measure(
        "collective_strength",
        "a / e · (1 − e) / (1 − a), a = xy + (-x-y), e = x·y + (1 − x)·(1 − y)", (0, _INF), 1,
        "Aggarwal and Yu (1998), PODS",
        "infinite where a = 1; NaN where e = 1 as well", "s",
    ),
    _measure(
        "confidence_boost", "confidence / greatest confidence of X' → Y, X' ⊂ X", (0, _INF),
        None, "Balcázar (2013), ACM Transactions on Knowledge Discovery from Data 7(4)",
        needs="subsets",
    ),
    _measure("confirmed_confidence", "xy/x − (x-y)/x", (-1, 1), None, _TAN, marks="n"),
    _measure("cosine", "xy / √(x·y)", (0, 1), None, _TAN, marks="ns"),
    _measure(
        "counterexample_rate", "(xy − (x-y)) / xy", (-_INF, 1), None,
        "Hahsler (2015), A probabilistic comparison of commonly used interest measures",
        marks="n",
    ),
    _measure(
        "cross_support", "least over greatest share of one item", (0, 1), None,
        "Xiong, Tan and Kumar (2003), ICDM", marks="ns", needs="items",
    ),
    _measure(
        "difference_of_confidence", "xy/x − (-xy)/(1 − x)", (-1, 1), 0,
        "Hofmann and Wilhelm (2001), Computational Statistics 16(3)",
        "NaN where X is in every basket",
    ),
    _measure(
        "g_statistic", "2 n Σ o·log(o / e) over the four cells", (0, _INF), 0,
        "Dunning (1993), Computational Linguistics 19(1)", "0 where a side is in every basket",
        "s",
    ),
    _measure(
        "gini", "x (p² + (1 − p)²) + (1 − x)(q² + (1 − q)²) − y² − (1 − y)², p = xy/x, "
        "q = (-xy)/(1 − x)", (0, 0.5), 0, _TAN, "0 where X is in every basket",
    ),
    _measure(
        "goodman_kruskal", "(max(xy, x-y) + max(-xy, -x-y) − m) / (1 − m), m = max(y, 1 − y)",
        (0, 1), 0, _TAN, "NaN where Y is in every basket",
    ),
    _measure("hyper_confidence", "P(C < n·xy), C hypergeometric", (0, 1), None, _HH, marks="s"),
    _measure(
        "hyper_lift", "n·xy / the 0.99 quantile of C", (0, _INF), None, _HH,
        "infinite where the quantile is 0", "s",
    ),
    _measure("imbalance", "abs(x − y) / (x + y − xy)", (0, 1), None, _WU, marks="ns"),
    _measure(
        "implication_index", "√n ((x-y) − x·(1 − y)) / √(x·(1 − y))", (-_INF, _INF), 0,
        "Gras (1996), L'implication statistique", "0 where Y is in every basket",
    ),
    _measure(
        "importance", "log10((n·xy + 1) / (n·(x-y) + 1))", (-_INF, _INF), None,
        "Microsoft Association Algorithm Technical Reference", marks="n",
    ),
    _measure(
        "improvement", "confidence − greatest confidence of X' → Y, X' ⊂ X", (-1, 1), None,
        _BAY, needs="subsets",
    ),
    _measure("j_measure", "xy log(xy / (x·y)) + (x-y) log((x-y) / (x·(1 − y)))", (0, _INF), 0,
             "Smyth and Goodman (1991), Knowledge Discovery in Databases"),
    _measure("jaccard", "xy / (x + y − xy)", (0, 1), None, _TAN, marks="ns"),
    _measure(
        "kappa", "2 (xy − x·y) / (x·(1 − y) + y·(1 − x))", (-1, 1), 0, _TAN,
        "NaN where both sides are in every basket", "s",
    ),
    _measure("klosgen", "√xy (xy/x − y)", (-1, 1), 0, _TAN),
    _measure("kulczynski", "(xy/x + xy/y) / 2", (0, 1), None, _WU, marks="ns"),
    _measure("laplace", "(n·xy + 1) / (n·x + 2)", (0, 1), None, _TAN, marks="n"),
    _measure(
        "least_contradiction", "(xy − (x-y)) / y", (-_INF, 1), None,
        "Azé and Kodratoff (2004), Revue des Nouvelles Technologies de l'Information",
        marks="n",
    ),
    _measure(
        "lerman", "√n (xy − x·y) / √(x·y)", (-_INF, _INF), 0,
        "Lerman (1981), Classification et analyse ordinale des données", marks="s",
    ),
    _measure(
        "lift_increase", "lift / greatest lift of X' → Y, X' one item less", (0, _INF), None,
        "López, Mattos Mayo and others (2014), lift increase criterion", needs="subsets",
    ),
    _measure(
        "log10_p_value", "log10 P(C ≥ n·xy), C hypergeometric", (-_INF, 0), None, _HH, marks="s",
    ),
    _measure("max_confidence", "max(xy/x, xy/y)", (0, 1), None, _WU, marks="ns"),
    _measure(
        "mutual_information", "Σ o·log(o / e) over the cells / the smaller entropy of the sides",
        (0, 1), 0, _TAN, "0 where a side is in every basket", "s",
    ),
    _measure(
        "odds_ratio", "xy·(-x-y) / ((x-y)·(-xy))", (0, _INF), 1, _TAN,
        "infinite where only the divisor is 0; NaN where both are", "s",
    ),
    _measure("p_value", "P(C ≥ n·xy), C hypergeometric", (0, 1), None, _HH, marks="s"),
    _measure(
        "phi", "(xy − x·y) / √(x·y·(1 − x)·(1 − y))", (-1, 1), 0, _TAN,
        "NaN where a side is in every basket", "s",
    ),
    _measure(
        "ralambondrainy", "x-y", (0, 1), None,
        "Diatta, Ralambondrainy and Totohasina (2007), Quality Measures in Data Mining",
    ),
    _measure(
        "relative_linkage_disequilibrium",
        "d / (d + m); d = xy − x·y; m = min(x-y, -xy) if d > 0, else −min(xy, -x-y)", (0, 1), 0,
        "Kenett and Salini (2008), Advances in Data Mining", "0 where d = 0", "s",
    ),
    _measure(
        "relative_risk", "(xy/x) / ((-xy)/(1 − x))", (0, _INF), 1,
        "Sistrom and Garvan (2004), Radiology 230",
        "infinite where no basket has Y without X; NaN where X is in every basket",
    ),
    _measure("rule_power_factor", "xy² / x", (0, 1), None,
             "Ochin, Kumar and Joshi (2016), Procedia Computer Science 93"),
    _measure(
        "sebag", "xy / (x-y)", (0, _INF), None,
        "Sebag and Schoenauer (1988), EKAW", "infinite at confidence 1", "n",
    ),
    _measure(
        "standardised_lift", "(lift − least) / (greatest − least) that x, y and one basket allow",
        (0, 1), None,
        "McNicholas, Murphy and O'Regan (2008), Computational Statistics and Data Analysis 52",
        "1 where only one value is possible", "s",
    ),
    _measure(
        "varying_rates_liaison", "xy / (x·y) − 1", (-1, _INF), 0,
        "Bernard and Charron (1996), Mathématiques et Sciences Humaines 135", marks="s",
    ),
    _measure(
        "yule_q", "(r − 1) / (r + 1), r the odds ratio", (-1, 1), 0, _TAN,
        "1 where r is infinite; NaN where r is", "s",
    ),
    _measure(
        "yule_y", "(√r − 1) / (√r + 1), r the odds ratio", (-1, 1), 0, _TAN,
        "1 where r is infinite; NaN where r is", "s",
    ),
    _measure(
        "zhang", "(xy − x·y) / max(xy·(1 − x), x·(y − xy))", (-1, 1), 0,
        "Yan, Zhang and Zhang (2009), Expert Systems with Applications 36(2)",
        "0 where both are 0",
    ),
)  # fmt: skip

MEASURES: dict[str, RuleMeasure] = {measure.name: measure for measure in _ALL}
"""Every measure by its name."""

_SPECIAL = {"certainty_factor": "signed_certainty"}


def check_names(owner: str, names: Sequence[str], known: Sequence[str] = ()) -> None:
    """Raise if a name is neither a measure nor otherwise known."""
    every = [*MEASURES, *known]
    wrong = [name for name in names if name not in every]
    if wrong:
        raise InvalidParameterError(owner, [unknown_name("measure", w, every) for w in wrong])


def measure_tables(name: str, tables: Tables) -> Floats:
    """Return a measure that needs no more than the four counts."""
    formula: Callable[[Tables], Floats] = getattr(formulas, _SPECIAL.get(name, name))
    with np.errstate(over="ignore"):
        return formula(tables)


def rule_measures() -> pd.DataFrame:
    """Return the catalogue of measures.

    Returns
    -------
    DataFrame
        One row each, sorted by name: `name`, `formula`, `low`, `high`, `at_independence` (NaN
        where there is no such value), `undefined`, `null_invariant`, `symmetric`, `needs`,
        `source`. See `RuleMeasure` for what they mean.

    Examples
    --------
    >>> rule_measures().set_index("name").loc["lift", "formula"]
    'xy / (x·y)'
    """
    rows: list[dict[str, Any]] = [
        {
            "name": measure.name,
            "formula": measure.formula,
            "low": float(measure.range[0]),
            "high": float(measure.range[1]),
            "at_independence": measure.at_independence,
            "undefined": measure.undefined,
            "null_invariant": measure.null_invariant,
            "symmetric": measure.symmetric,
            "needs": measure.needs,
            "source": measure.source,
        }
        for measure in sorted(_ALL, key=lambda found: found.name)
    ]
    return pd.DataFrame(rows).astype({"at_independence": "float64"})
