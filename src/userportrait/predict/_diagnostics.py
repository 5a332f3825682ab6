"""How well a logistic regression fits, and which rows and terms move it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import pandas as pd
from scipy import special

from userportrait._core.params import Between, check_values
from userportrait.errors import InvalidDataError
from userportrait.predict._calibration import calibration_frame, read_probability
from userportrait.predict._classes import read_outcome
from userportrait.predict._newton import fit_logistic, log_likelihood, probabilities

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from userportrait.predict._design import Design
    from userportrait.predict._newton import Fit

    Floats: TypeAlias = NDArray[np.float64]
    Ints: TypeAlias = NDArray[np.intp]

__all__ = [
    "HosmerLemeshow",
    "fit_measures",
    "hosmer_lemeshow",
    "inflation_frame",
    "influence_frame",
    "plain_facts",
    "ratio_tests",
]

_BLOCK = 1 << 16


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class HosmerLemeshow:
    """The test of Hosmer and Lemeshow, with its groups.

    Parameters
    ----------
    statistic : float
        Infinite where the outcome contradicts a probability of 0 or 1.
    df : int
    p_value : float
        Small where probabilities and outcomes differ by more than chance.
    groups : DataFrame
        One row a group: ``n_rows``, ``predicted``, ``observed``, ``ci_low``, ``ci_high``.

    Examples
    --------
    >>> from userportrait.predict import hosmer_lemeshow
    >>> found = hosmer_lemeshow([0, 0, 1, 0, 1, 1], [0.1, 0.2, 0.3, 0.6, 0.7, 0.9], n_groups=3)
    >>> found.df, round(found.statistic, 3), round(found.p_value, 3)
    (1, 0.873, 0.35)
    """

    statistic: float
    df: int
    p_value: float
    groups: pd.DataFrame


def hosmer_lemeshow(
    y: Any, probability: Any, n_groups: int = 10, *, in_sample: bool = True
) -> HosmerLemeshow:
    """Test whether outcomes come true as often as they were predicted.

    Parameters
    ----------
    y : array-like of shape (n_rows,)
        Two different values; the larger one is the outcome.
    probability : array-like of shape (n_rows,)
        In [0, 1].
    n_groups : int, default=10
        Groups of about equal numbers of rows; equal probabilities share a group, so there may
        be fewer. 2 to 1000.
    in_sample : bool, default=True
        Whether the model was fitted to these rows: degrees of freedom are two less than
        groups. For other rows they are the number of groups.

    Returns
    -------
    HosmerLemeshow

    Raises
    ------
    InvalidDataError
        If lengths differ, values are missing, a probability is outside [0, 1], or too few
        groups are left.

    Notes
    -----
    The test depends on the number of groups, has little power in small samples, and finds
    differences of no weight in large ones: look at the groups as well. [1]_

    References
    ----------
    .. [1] Hosmer, Lemeshow and Sturdivant (2013), "Applied Logistic Regression", section 5.2.2.

    Examples
    --------
    >>> from userportrait.predict import hosmer_lemeshow
    >>> found = hosmer_lemeshow([0, 1, 0, 1], [0.5, 0.5, 0.6, 0.6], n_groups=2, in_sample=False)
    >>> round(found.statistic, 3), found.df
    (0.083, 2)
    """
    check_values(
        "hosmer_lemeshow", {"n_groups": n_groups}, {"n_groups": Between(2, 1000, integer=True)}
    )
    values = read_probability(probability, owner="hosmer_lemeshow")
    _, outcome = read_outcome(y, len(values), owner="hosmer_lemeshow")
    groups = calibration_frame(outcome, values, n_groups)
    df = len(groups) - 2 * in_sample
    if df < 1:
        message = (
            f"hosmer_lemeshow: {len(groups)} groups of different probabilities are too few; "
            f"{3 if in_sample else 1} or more are needed."
        )
        raise InvalidDataError(message)
    n, predicted, observed = groups[["n_rows", "predicted", "observed"]].to_numpy(np.float64).T
    with np.errstate(divide="ignore", invalid="ignore"):
        parts = n * (observed - predicted) ** 2 / (predicted * (1.0 - predicted))
    statistic = float(np.where(observed == predicted, 0.0, parts).sum())
    return HosmerLemeshow(
        statistic=statistic, df=df, p_value=float(special.chdtrc(df, statistic)), groups=groups
    )


def plain_facts(
    design: Design, y: Floats, weights: Floats | None, beta: Floats
) -> tuple[float, float]:
    """Return the log-likelihood without a penalty, and Tjur's coefficient.

    The latter is how much higher the mean probability is where the outcome came true.
    """
    eta = design.predictor(beta)
    p = probabilities(eta)
    each = np.ones_like(y) if weights is None else weights
    with_it, without = each * y, each * (1.0 - y)
    apart = float(with_it @ p / with_it.sum() - without @ p / without.sum())
    return log_likelihood(eta, y, weights), apart


def fit_measures(
    facts: tuple[float, float], null: float, n_rows: float, size: int, *, is_likelihood: bool
) -> pd.Series:
    """Return the likelihood-ratio test of a model against its intercept, and pseudo-R².

    Parameters
    ----------
    facts : tuple of float
        What `plain_facts` says of the model.
    null : float
        Log-likelihood of the intercept alone.
    n_rows : float
    size : int
        Coefficients, the intercept included.
    is_likelihood : bool
        Whether the coefficients are those of greatest likelihood; there is no test otherwise.
    """
    value, apart = facts
    ratio, df = max(0.0, 2.0 * (value - null)), size - 1
    cox_snell = -float(np.expm1(2.0 * (null - value) / n_rows))
    tested = is_likelihood and df > 0
    return pd.Series(
        {
            "lr_chi2": ratio if is_likelihood else np.nan,
            "df": float(df),
            "p_value": float(special.chdtrc(df, ratio)) if tested else np.nan,
            "mcfadden": 1.0 - value / null,
            "mcfadden_adjusted": 1.0 - (value - size) / null,
            "cox_snell": cox_snell,
            "nagelkerke": cox_snell / -float(np.expm1(2.0 * null / n_rows)),
            "tjur": apart,
        }
    )


def ratio_tests(
    design: Design,
    y: Floats,
    weights: Floats | None,
    terms: Mapping[str, Ints],
    fit: Fit,
    *,
    max_iter: int,
) -> pd.DataFrame:
    """Return the likelihood-ratio test of each term: the model is fitted without it."""
    rows: list[dict[str, Any]] = []
    for own in terms.values():
        others = fit.columns[~np.isin(fit.columns, own)]
        less = fit_logistic(design, y, weights, others, start=fit.beta, max_iter=max_iter)
        ratio = max(0.0, 2.0 * (fit.log_likelihood - less.log_likelihood))
        rows.append({"lr_chi2": ratio, "lr_p_value": float(special.chdtrc(len(own), ratio))})
    return pd.DataFrame(rows, columns=["lr_chi2", "lr_p_value"], dtype=np.float64)


def inflation_frame(fit: Fit, terms: Mapping[str, Ints]) -> pd.DataFrame:
    """Return the generalised variance inflation of each term.

    The determinants of the correlation of the coefficients are taken: of those of the term, of
    all others, and of all together.
    """
    names = ["term", "df", "gvif", "gvif_scaled"]
    slopes = fit.covariance[1:, 1:]
    if not np.isfinite(slopes).all():
        unknown = [(name, len(own), np.nan, np.nan) for name, own in terms.items()]
        return pd.DataFrame(unknown, columns=names)
    errors = np.sqrt(np.diag(slopes))
    correlation = slopes / np.outer(errors, errors)
    rows: list[dict[str, Any]] = []
    for name, own in terms.items():
        mine = np.isin(fit.columns[1:], own)
        parts = [correlation[np.ix_(at, at)] for at in (mine, ~mine)]
        logs = [float(np.linalg.slogdet(part)[1]) for part in (*parts, correlation)]
        gvif = float(np.exp(logs[0] + logs[1] - logs[2]))
        scaled = gvif ** (1.0 / (2.0 * len(own)))
        rows.append({"term": name, "df": len(own), "gvif": gvif, "gvif_scaled": scaled})
    return pd.DataFrame(rows, columns=names)


def influence_frame(
    design: Design, y: Floats, fit: Fit, natural: Floats | None = None
) -> pd.DataFrame:
    """Return leverage, residuals and Cook's distance of one copy of each row.

    Parameters
    ----------
    design : Design
    y : ndarray of 0.0 and 1.0
    fit : Fit
    natural : ndarray, optional
        Turns coefficients of scaled columns into those of the input; with it, what each row
        adds to each coefficient comes too, in standard errors.
    """
    eta = design.predictor(fit.beta)
    p, q = probabilities(eta), probabilities(-eta)
    leverage = np.empty(design.n_rows)
    moves = np.empty((design.n_rows, 0 if natural is None else len(natural)))
    to_natural = None if natural is None else fit.covariance @ natural.T
    for start in range(0, design.n_rows, _BLOCK):
        rows = slice(start, start + _BLOCK)
        block = design.dense(fit.columns, rows)
        leverage[rows] = np.einsum("ij,ij->i", block @ fit.covariance, block)
        if to_natural is not None:
            moves[rows] = block @ to_natural
    leverage *= p * q
    # Where the outcome came true the residual is q / sqrt(p q), and -p / sqrt(p q) elsewhere.
    pearson = np.where(y > 0.5, np.exp(-0.5 * eta), -np.exp(0.5 * eta))
    deviance = np.where(y > 0.5, np.sqrt(_twice_log1p(-eta)), -np.sqrt(_twice_log1p(eta)))
    left = 1.0 - leverage
    cook = pearson**2 * leverage / (left**2 * len(fit.columns))
    found = pd.DataFrame(
        {
            "leverage": leverage,
            "pearson_residual": pearson,
            "deviance_residual": deviance,
            "cooks_distance": cook,
        }
    )
    if natural is None or to_natural is None:
        return found
    errors = np.sqrt(np.einsum("ij,ji->i", natural, to_natural))
    moves *= (np.where(y > 0.5, q, -p) / left)[:, None] / errors
    places: list[int] = fit.columns.tolist()
    names = [_dfbetas_name(*design.coding.labels[at]) for at in places]
    return pd.concat([found, pd.DataFrame(moves, columns=names)], axis=1)


def _dfbetas_name(term: str, level: Any) -> str:
    return f"dfbetas_{term}" if level is None else f"dfbetas_{term}={level}"


def _twice_log1p(eta: Floats) -> Floats:
    found: Floats = 2.0 * np.logaddexp(0.0, eta)
    return found
