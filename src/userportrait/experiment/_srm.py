"""Did every variant get the units that the plan gives it? The first question of all."""

from __future__ import annotations

import math
from numbers import Real
from typing import TYPE_CHECKING, Any, Literal, Protocol, TypeAlias, cast, runtime_checkable

import numpy as np
from scipy.special import gammaln, log_ndtr

from userportrait._core.multiplicity import adjust_p
from userportrait._core.params import Between, InstanceOf, OneOf, Optional, Rule, check_values
from userportrait.errors import InvalidDataError, InvalidParameterError, unknown_name
from userportrait.experiment._aggregates import Aggregates
from userportrait.experiment._aggregates_keys import label_of
from userportrait.experiment._srm_result import SrmCheck, SrmGroup

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from numpy.typing import NDArray

    from userportrait._core.multiplicity import Adjustment

    Floats: TypeAlias = NDArray[np.float64]

__all__ = ["SupportsItems", "check_srm"]

Table: TypeAlias = "dict[str, dict[str, int]]"
"""Units by group and variant; without groups, one group with an empty label."""
Test: TypeAlias = Literal["chi2", "exact"]

_FEW = 5.0


@runtime_checkable
class SupportsItems(Protocol):
    """Labels with values: a dict, a pandas Series."""

    def items(self) -> Iterable[tuple[Any, Any]]:
        """Return pairs of label and value."""
        ...


def check_srm(
    counts: SupportsItems | Aggregates | Sequence[int],
    expected: Mapping[Any, float] | Sequence[float] | None = None,
    *,
    by: str | None = None,
    sequential: bool = False,
    alarm: float = 0.001,
    test: Test = "chi2",
    adjustment: Adjustment = "holm",
    concentration: float = 10_000.0,
) -> SrmCheck:
    """Check for a sample ratio mismatch: shares of units that the plan does not explain.

    An experiment with a mismatch has lost or doubled units in a way that depends on the
    variant, and its effects cannot be trusted.

    Parameters
    ----------
    counts : mapping, Series or Aggregates
        Units by variant: ``{"A": 5000, "B": 5100}``. For groups, such as days or segments, a
        mapping of group to such a mapping, or labels of the form (group, variant), as
        ``frame.groupby(["day", "variant"]).size()`` has; groups keep the order given. Plain
        numbers in a row are variants ``"1"``, ``"2"`` and so on.
    expected : mapping of variant to float, or sequence of float, optional
        Planned shares, or weights in their proportion; equal by default. A sequence is in the
        order of the variants.
    by : str, optional
        Which column of the aggregates makes the groups; for other input, only what they are
        called. Aggregates without it are checked in total.
    sequential : bool, default=False
        Whether the check is repeated while units come in. It then uses the test of Lindon and
        Malek, whose p-value may be read as often as one likes; groups are periods, in order,
        and their p-values include all periods before. Without groups, the units so far.
    alarm : float, default=0.001
        Level of the alarm. It is below the usual 0.05 because every experiment is checked,
        and an alarm means that its results are thrown away.
    test : {'chi2', 'exact'}, default='chi2'
        Pearson's chi-square test, or the binomial test of two variants; for fixed checks.
    adjustment : {'holm', 'bonferroni', 'bh', 'by'}, default='holm'
        How p-values of groups are adjusted for their number.
    concentration : float, default=10000
        Of the Dirichlet prior of the sequential test around the plan: about the number of
        units at which it starts to find what is off. Decide on it before the experiment.

    Returns
    -------
    SrmCheck
        With ``p_value``, ``is_alarm``, the alarm level, shares and groups.

    Raises
    ------
    InvalidDataError
        If counts are not whole numbers from 0 on, or there are none.
    InvalidParameterError
        If `expected` names other variants, or a parameter cannot be used.

    Notes
    -----
    The totals and the groups are checked at `alarm` each, so a plan that was followed raises
    an alarm with a probability of at most twice that. Groups find what totals cannot: two
    segments that are off in opposite directions.

    References
    ----------
    .. [1] Fabijan and others (2019), "Diagnosing sample ratio mismatch in online controlled
       experiments", KDD.
    .. [2] Lindon and Malek (2022), "Anytime-valid inference for multinomial count data",
       NeurIPS.

    Examples
    --------
    The players of a mobile game, of whom half should have met each gate:

    >>> from userportrait.experiment import check_srm
    >>> found = check_srm({"gate_30": 44_700, "gate_40": 45_489})
    >>> print(found)
    Sample ratio: no alarm, p = 0.008608 (alarm below 0.001).
    - gate_30: 44,700 of 90,189, 49.56% (planned 50.00%)
    - gate_40: 45,489 of 90,189, 50.44% (planned 50.00%)
    >>> check_srm({"gate_30": 44_700, "gate_40": 45_489}, alarm=0.01).is_alarm
    True
    """
    rules: dict[str, Rule] = {
        "by": Optional(InstanceOf((str,), "the name of a column or None")),
        "sequential": InstanceOf((bool,), "True or False"),
        "alarm": Between(0.0, 1.0, open_low=True, open_high=True),
        "test": OneOf(("chi2", "exact")),
        "adjustment": OneOf(("holm", "bonferroni", "bh", "by")),
        "concentration": Between(0.0, math.inf, open_low=True, open_high=True),
    }
    values = {
        "by": by, "sequential": sequential, "alarm": alarm, "test": test,
        "adjustment": adjustment, "concentration": concentration,
    }  # fmt: skip
    check_values("check_srm", values, rules)
    table = _read(_numbered(counts), by)
    variants = list(dict.fromkeys(name for group in table.values() for name in group))
    shares = _shares(_by_variant(expected, variants), variants)
    rows = np.array([[group.get(name, 0) for name in variants] for group in table.values()])
    _check_rows(rows, variants, test)
    found = _sequential(rows, shares, concentration) if sequential else _fixed(rows, shares, test)
    adjusted = np.exp(found.logs) if sequential else adjust_p(np.exp(found.logs), adjustment)
    cells = [dict(zip(variants, row, strict=True)) for row in rows.tolist()]
    labels = [] if "" in table else list(table)
    return SrmCheck(
        counts=dict(zip(variants, rows.sum(axis=0).tolist(), strict=True)),
        expected=dict(zip(variants, shares.tolist(), strict=True)),
        statistic=found.statistic,
        p_value=math.exp(found.log_p),
        log_p_value=found.log_p,
        alarm=alarm,
        method=found.method,
        by=by or ("group" if labels else ""),
        groups=tuple(
            SrmGroup(
                label=label,
                counts=cells[i],
                p_value=math.exp(found.logs[i]),
                adjusted_p_value=float(adjusted[i]),
                is_alarm=bool(adjusted[i] < alarm),
            )
            for i, label in enumerate(labels)
        ),
        notes=found.notes,
    )


def _check_rows(rows: NDArray[np.int64], variants: Sequence[str], test: Test) -> None:
    if len(variants) < 2:
        raise InvalidDataError("counts must have at least two variants; give 0 to an empty one.")
    if not rows.sum():
        raise InvalidDataError("counts must hold at least one unit; all of them are 0.")
    if test == "exact" and len(variants) > 2:
        problem = f"test='exact' is for two variants; there are {len(variants)}. Use 'chi2'."
        raise InvalidParameterError("check_srm", [problem])


# --- reading -----------------------------------------------------------------------------


def _numbered(counts: Any) -> Any:
    """Return plain numbers as a mapping of their places, anything else as it is."""
    if _is_row(counts):
        return {str(at): number for at, number in enumerate(counts, start=1)}
    return counts


def _by_variant(expected: Any, variants: Sequence[str]) -> Mapping[Any, float] | None:
    if not _is_row(expected):
        given: Mapping[Any, float] | None = expected
        return given
    if len(expected) != len(variants):
        problem = f"expected has {len(expected)} shares for {len(variants)} variants."
        raise InvalidParameterError("check_srm", [problem])
    return dict(zip(variants, expected, strict=True))


def _is_row(values: object) -> bool:
    return isinstance(values, (list, tuple, np.ndarray))


def _read(counts: object, by: str | None) -> Table:
    if isinstance(counts, Aggregates):
        return _read_aggregates(counts, by)
    if not isinstance(counts, SupportsItems):
        problem = (
            "counts must be a mapping of variant to number, a Series or Aggregates; "
            f"got {type(counts).__name__}."
        )
        raise InvalidParameterError("check_srm", [problem])
    table: Table = {}
    for label, value in counts.items():
        if isinstance(value, SupportsItems):
            for name, number in value.items():
                _put(table, label_of(label), name, number)
        elif isinstance(label, tuple) and len(pair := cast("Any", label)) == 2:
            _put(table, label_of(pair[0]), pair[1], value)
        else:
            _put(table, "", cast("object", label), value)
    if "" in table and len(table) > 1:
        raise InvalidDataError("counts must have groups for all variants, or for none.")
    return table


def _put(table: Table, group: str, name: object, number: object) -> None:
    variant = label_of(name)
    row = table.setdefault(group, {})
    if variant in row:
        raise InvalidDataError(f"counts names variant '{variant}' twice.")
    row[variant] = _whole(number, variant, group)


def _read_aggregates(counts: Aggregates, by: str | None) -> Table:
    small = counts.collapse(() if by is None else (by,))
    table: Table = {"".join(group): {} for group in small.groups()}
    for key, n in zip(small.keys, small.n, strict=True):
        table["".join(key[1:])][key[0]] = int(n)
    return table


def _whole(number: Any, variant: str, group: str) -> int:
    """Return a count, or say why it is none."""
    if not isinstance(number, bool) and isinstance(number, Real):
        value = float(number)
        if value >= 0.0 and value.is_integer():
            return int(value)
    where = f"variant '{variant}'" + (f" in group '{group}'" if group else "")
    raise InvalidDataError(f"counts must be whole numbers from 0 on; {where} has {number!r}.")


def _shares(expected: Mapping[Any, float] | None, variants: Sequence[str]) -> Floats:
    """Return the planned shares in the order of the variants."""
    if expected is None:
        return np.full(len(variants), 1.0 / max(len(variants), 1))
    given = {label_of(name): value for name, value in expected.items()}
    problems = [
        f"expected: {unknown_name('variant', name, variants)} A variant without units counts 0."
        for name in given
        if name not in variants
    ]
    problems += [f"expected has no share for variant '{v}'." for v in variants if v not in given]
    rule = Between(0.0, math.inf, open_low=True, open_high=True)
    found = (rule.problem(f"expected['{name}']", value) for name, value in given.items())
    problems += [problem for problem in found if problem is not None]
    if problems:
        raise InvalidParameterError("check_srm", problems)
    weights = np.array([float(given[name]) for name in variants])
    shares: Floats = weights / weights.sum()
    return shares


# --- tests -------------------------------------------------------------------------------


class _Found:
    """What a test says of the totals and of each group."""

    __slots__ = ("log_p", "logs", "method", "notes", "statistic")

    def __init__(
        self, log_p: float, logs: Floats, statistic: float, method: str, notes: Sequence[str] = ()
    ) -> None:
        self.log_p = log_p
        self.logs = logs
        self.statistic = statistic
        self.method = method
        self.notes = tuple(notes)


def _fixed(rows: NDArray[np.int64], shares: Floats, test: Test) -> _Found:
    total = rows.sum(axis=0)
    fewest = float(shares.min()) * float(rows.sum(axis=1).min())
    if test == "exact":
        logs = np.array([_binomial_log_p(row, float(shares[0])) for row in rows])
        log_p = _binomial_log_p(total, float(shares[0]))
        return _Found(log_p, logs, _chi_square(total, shares), "binomial test")
    notes = (
        [f"A count is expected to be {fewest:.3g}, below {_FEW:g}: the test is approximate."]
        if fewest < _FEW
        else []
    )
    freedom = len(shares) - 1
    logs = np.array([chi_square_log_p(_chi_square(row, shares), freedom) for row in rows])
    statistic = _chi_square(total, shares)
    log_p = chi_square_log_p(statistic, freedom)
    return _Found(log_p, logs, statistic, "Pearson's chi-square test", notes)


def _chi_square(counts: NDArray[np.int64], shares: Floats) -> float:
    planned = shares * counts.sum()
    off = counts - planned
    return float(np.sum(np.divide(off * off, planned, out=np.zeros(len(off)), where=planned > 0)))


def chi_square_log_p(statistic: float, degrees_of_freedom: int) -> float:
    """Return the logarithm of the upper tail of the chi-square distribution.

    Sums of positive terms only, from the recurrence of the incomplete gamma function, so the
    relative precision is kept however small the tail.
    """
    if statistic <= 0.0:
        return 0.0
    half, log_half = statistic / 2.0, math.log(statistic / 2.0)
    odd = degrees_of_freedom % 2
    start = math.log(2.0) + float(log_ndtr(-math.sqrt(statistic))) if odd else -half
    a = np.arange(odd / 2.0 if odd else 1.0, degrees_of_freedom / 2.0)
    terms = a * log_half - half - gammaln(a + 1.0)
    return min(float(np.logaddexp.reduce(np.concatenate(([start], terms)))), 0.0)


def _binomial_log_p(counts: NDArray[np.int64], share: float) -> float:
    """Return the log probability of all counts that are no likelier than the observed one."""
    n, x = int(counts.sum()), int(counts[0])
    k = np.arange(n + 1, dtype=np.float64)
    log_p = gammaln(n + 1.0) - gammaln(k + 1.0) - gammaln(n - k + 1.0)
    log_p += k * math.log(share) + (n - k) * math.log1p(-share)
    # A relative slack, because equal probabilities may differ in their last digits.
    extreme = log_p[log_p <= log_p[x] + 1e-7]
    top = float(extreme.max())
    return min(top + math.log(float(np.exp(extreme - top).sum())), 0.0)


def _sequential(rows: NDArray[np.int64], shares: Floats, concentration: float) -> _Found:
    so_far = np.cumsum(rows, axis=0)
    factors = log_bayes_factor(so_far, shares, concentration)
    # The p-value never rises again: evidence once seen is not taken back.
    largest = np.maximum(np.maximum.accumulate(factors), 0.0)
    top = float(largest[-1])
    return _Found(-top, -largest, top, "sequential multinomial test (Dirichlet mixture)")


def log_bayes_factor(counts: NDArray[np.int64], shares: Floats, concentration: float) -> Floats:
    """Return the log Bayes factor of shares drawn around the plan against the plan itself.

    Parameters
    ----------
    counts : ndarray of shape (..., k)
        Units so far.
    shares : ndarray of shape (k,)
    concentration : float
        Sum of the parameters of the Dirichlet prior, whose mean is the plan.
    """
    prior = concentration * shares
    after = np.asarray(gammaln(concentration + counts.sum(axis=-1)), dtype=np.float64)
    parts = gammaln(prior + counts) - gammaln(prior) - counts * np.log(shares)
    found: Floats = np.sum(parts, axis=-1) + float(gammaln(concentration)) - after
    return found
