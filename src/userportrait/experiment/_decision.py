"""What to do now: one answer in plain words, from primary metrics and guardrails."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias

from userportrait._core.display import page_fragment
from userportrait._core.params import Between, InstanceOf, OneOf, Optional, check_values
from userportrait.errors import InvalidDataError, InvalidParameterError, unknown_name
from userportrait.experiment._aggregates_keys import label_of
from userportrait.experiment._decision_words import ACTIONS, REASONS
from userportrait.experiment._result import ExperimentResult, write_p
from userportrait.experiment._words import write_number, write_share

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from userportrait.experiment._result import Effect
    from userportrait.experiment._srm_result import SrmCheck
    from userportrait.experiment._words import Language

__all__ = ["Action", "Decision", "Reason", "decide"]

Action: TypeAlias = Literal[
    "check the data", "keep running", "roll out", "roll out with care", "do not roll out",
    "no difference", "not decided",
]  # fmt: skip

_OWNER = "decide"


@dataclass(frozen=True, slots=True)
class Reason:
    """One sentence behind a decision.

    Parameters
    ----------
    key : str
        Which sentence.
    values : tuple of (str, str)
        What fills its places.
    """

    key: str
    values: tuple[tuple[str, str], ...] = ()

    def text(self, language: Language = "en") -> str:
        """Return the sentence."""
        return REASONS[self.key](language, **dict(self.values))


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """What to do with a variant, and why.

    Parameters
    ----------
    variant, control : str
    action : str
        'check the data', 'keep running', 'roll out', 'roll out with care', 'do not roll out',
        'no difference' or 'not decided'.
    reasons : tuple of Reason
        In the order in which they count.

    See Also
    --------
    decide : Make one.

    Examples
    --------
    >>> from userportrait.experiment import Decision
    >>> print(Decision(variant="B", control="A", action="not decided", reasons=()))
    Not decided: the data do not say whether B is better than A.
    """

    variant: str
    control: str
    action: Action
    reasons: tuple[Reason, ...]

    def headline(self, language: Language = "en") -> str:
        """Return the answer in one sentence."""
        return ACTIONS[self.action](language, variant=self.variant, control=self.control)

    def text(self, language: Language = "en") -> str:
        """Return the answer and its reasons, one line each."""
        check_values("Decision.text", {"language": language}, {"language": OneOf(("en", "zh"))})
        reasons = (f"- {reason.text(language)}" for reason in self.reasons)
        return "\n".join([self.headline(language), *reasons])

    def __str__(self) -> str:
        return self.text()

    def _repr_html_(self) -> str:
        from html import escape

        items = "".join(f"<li>{escape(reason.text())}</li>" for reason in self.reasons)
        return page_fragment(self.headline(), f"<ul>{items}</ul>")


def decide(
    result: ExperimentResult,
    variant: object = None,
    *,
    srm: SrmCheck | None = None,
    worthwhile: float | None = None,
) -> Decision:
    """Say what follows from a result, by rules that are fixed beforehand.

    Parameters
    ----------
    result : ExperimentResult
    variant : str, optional
        Which arm; by default the only one besides the control.
    srm : SrmCheck, optional
        A check of the arms' sizes from `check_srm`. After an alarm nothing else counts.
    worthwhile : float, optional
        The smallest relative gain of a primary metric that is worth a change, such as 0.01.
        If all primary intervals lie below it, the answer is that there is no difference worth
        having, rather than that nothing is known.

    Returns
    -------
    Decision

    Raises
    ------
    InvalidParameterError
        If there are several variants and none is named, or the one named is unknown.
    InvalidDataError
        If the result has no primary metric.

    Notes
    -----
    The rules, the first that fits:

    1. The arms' sizes raise an alarm: check the data.
    2. A guardrail or a primary metric is significantly worse, and no margin allows it: do not
       roll out.
    3. A sequential design has not stopped and may go on: keep running.
    4. Every primary metric with a margin has shown it, and at least one other primary metric,
       if there is one, is significantly better: roll out; with care, if a guardrail with a
       margin has not shown that it stays within it.
    5. All primary intervals lie below what is worthwhile, and none has a gain: no difference.
    6. Not decided.

    With several primary metrics, adjust them: ``Experiment(..., multiplicity="holm")``.

    Examples
    --------
    >>> import pandas as pd
    >>> from userportrait.experiment import Experiment, Mean, decide
    >>> frame = pd.DataFrame(
    ...     {"variant": ["A"] * 4 + ["B"] * 4, "spend": [1.0, 2.0, 3.0, 2.0, 4.0, 5.0, 6.0, 5.0]}
    ... )
    >>> print(decide(Experiment(Mean("spend"), control="A").analyze(frame)))
    Roll out: B is better than A.
    - spend is better: +150% [+57.0%, +409%], p = 0.002.
    - No guardrail was measured: nothing says what else may have changed.
    """
    check_values(
        _OWNER,
        {"result": result, "worthwhile": worthwhile},
        {
            "result": InstanceOf((ExperimentResult,), "the result of Experiment.analyze"),
            "worthwhile": Optional(Between(0.0, math.inf, open_low=True)),
        },
    )
    effects = _effects_of(result, variant)
    primary = [e for e in effects if e.role == "primary"]
    if not primary:
        message = f"{_OWNER}: no metric has role='primary', so there is nothing to decide by."
        raise InvalidDataError(message)
    guards = [e for e in effects if e.role == "guardrail"]
    action, reasons = _judge(result, primary, guards, srm, worthwhile)
    if len(primary) > 1 and result.multiplicity is None:
        reasons.append(Reason("several", (("n", str(len(primary))),)))
    first = primary[0]
    return Decision(
        variant=first.variant, control=first.control, action=action, reasons=tuple(reasons)
    )


def _effects_of(result: ExperimentResult, variant: object) -> list[Effect]:
    known = list(dict.fromkeys(e.variant for e in result.effects if e.control == result.control))
    if variant is None and len(known) > 1:
        listed = ", ".join(map(repr, known))
        problem = (
            f"there are several variants, {listed}; decide about one: decide(result, {known[0]!r})."
        )
        raise InvalidParameterError(_OWNER, [problem])
    name = known[0] if variant is None else label_of(variant)
    if name not in known:
        raise InvalidParameterError(_OWNER, [unknown_name("variant", name, known)])
    return [e for e in result.effects if e.variant == name and e.control == result.control]


def _judge(
    result: ExperimentResult,
    primary: Sequence[Effect],
    guards: Sequence[Effect],
    srm: SrmCheck | None,
    worthwhile: float | None,
) -> tuple[Action, list[Reason]]:
    if srm is not None and srm.is_alarm:
        values = (("p", f"{srm.p_value:.2g}"), ("alarm", f"{srm.alarm:g}"))
        return "check the data", [Reason("srm", values)]
    told = [_reason(e) for e in (*primary, *guards)]
    if any(_is_harmed(e) for e in (*primary, *guards)):
        return "do not roll out", told
    if any(_may_go_on(e) for e in primary):
        return "keep running", [*told, Reason("running")]
    if _is_won(primary):
        safe = all(e.margin is None or e.margin.is_shown for e in guards)
        if not guards:
            told.append(Reason("no_guardrail"))
        return ("roll out" if safe else "roll out with care"), told
    if worthwhile is not None and all(_is_below(e, worthwhile) for e in primary):
        return "no difference", [*told, Reason("below", (("size", f"{worthwhile:.3g}"),))]
    del result
    return "not decided", [*told, *_range(primary)]


def _is_harmed(effect: Effect) -> bool:
    """Return whether a metric got worse by more than its margin, if it has one, allows."""
    return effect.is_better is False and not (effect.margin is not None and effect.margin.is_shown)


def _may_go_on(effect: Effect) -> bool:
    return effect.facts.get("decision") == "continue"


def _is_won(primary: Sequence[Effect]) -> bool:
    margins = [e for e in primary if e.margin is not None]
    others = [e for e in primary if e.margin is None]
    if not all(e.margin is not None and e.margin.is_shown for e in margins):
        return False
    return not others or any(e.is_better is True for e in others)


def _is_below(effect: Effect, worthwhile: float) -> bool:
    low, high = effect.relative_interval
    best = high if (effect.goal == "increase") == _mean_is_positive(effect) else -low
    return best < worthwhile


def _mean_is_positive(effect: Effect) -> bool:
    """A negative control mean turns the sign of a relative effect round."""
    return effect.control_mean > 0.0


def _reason(effect: Effect) -> Reason:
    kind = "guard" if effect.role == "guardrail" else "primary"
    values = [("metric", effect.metric), ("size", _size(effect)), ("p", _p(effect))]
    if effect.margin is not None:
        kind += "_shown" if effect.margin.is_shown else "_not_shown"
        size = effect.margin.margin
        relative = effect.margin.kind == "relative"
        values.append(("margin", f"{100 * size:.3g}%" if relative else f"{size:.4g}"))
        values.append(("margin_p", write_p(effect.margin.p_value, effect.margin.log_p_value)))
        if effect.is_better is False and not effect.margin.is_shown:
            kind = kind.replace("_not_shown", "_worse")
    else:
        verdict = {True: "_better", False: "_worse", None: "_unclear"}[effect.is_better]
        kind += verdict
    return Reason(kind, tuple(values))


def _size(effect: Effect) -> str:
    if math.isnan(effect.relative):
        low, high = (write_number(end) for end in effect.interval)
        return f"{write_number(effect.effect)} [{low}, {high}]"
    low, high = (write_share(end) for end in effect.relative_interval)
    return f"{write_share(effect.relative)} [{low}, {high}]"


def _p(effect: Effect) -> str:
    if math.isnan(effect.adjusted_p_value) or effect.adjusted_p_value == effect.p_value:
        return write_p(effect.p_value, effect.log_p_value)
    return write_p(effect.adjusted_p_value, math.log(max(effect.adjusted_p_value, 5e-324)))


def _range(primary: Iterable[Effect]) -> list[Reason]:
    return [
        Reason(
            "range", (("metric", e.metric), ("low", write_share(low)), ("high", write_share(high)))
        )
        for e in primary
        for low, high in (e.relative_interval,)
        if math.isfinite(low) and math.isfinite(high)
    ]
