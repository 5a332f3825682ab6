"""A model card in words: text, Markdown, HTML."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING, Any

from userportrait._core.display import STYLE, definition_list, format_count, table

if TYPE_CHECKING:
    from userportrait.predict._model_card import ModelCard

__all__ = ["card_fragment", "card_lines", "card_markdown", "card_page"]

_SIDE_FIGURES = ("_ci_low", "_ci_high", "threshold")
_COLUMNS = ("feature", "kind", "missing", "range")
_PAGE = (
    "body{max-width:60rem;margin:2rem auto;padding:0 1rem;color-scheme:light dark}"
    ".up td,.up dd{overflow-wrap:break-word}.up .wide{overflow-x:auto}.up h1{font-size:1.5rem}"
    ".up caption{text-align:left;font-weight:600;padding:1em 0 .3em}"
)


def card_lines(card: ModelCard) -> list[str]:
    """Return the card as lines of text."""
    facts = {key: value for key, value in _facts(card).items() if key != "parameters"}
    width = max(map(len, facts))
    lines = [_title(card), *(f"  {key:<{width}}  {value}" for key, value in facts.items())]
    shown = card.features[:10]
    wide = max((len(column.name) for column in shown), default=0)
    lines += [f"  - {column.name:<{wide}}  {column.range}" for column in shown]
    if len(card.features) > len(shown):
        lines.append(f"  - and {len(card.features) - len(shown)} more")
    return lines


def card_markdown(card: ModelCard) -> str:
    """Return the card as a page of Markdown."""
    parts = [f"# {_marked(_title(card))}", ""]
    parts += [f"- **{key}**: {_marked(value)}" for key, value in _facts(card).items()]
    parts += ["", "## Features", "", *_rows(_COLUMNS, _features(card))]
    if card.scores:
        parts += ["", "## Scores", "", *_rows(("score", "value"), _scores(card))]
    return "\n".join(parts) + "\n"


def card_fragment(card: ModelCard) -> str:
    """Return the card as HTML for a notebook."""
    return (
        f"<div class='up'><style>{STYLE}</style><h4>{escape(_title(card))}</h4>{_body(card)}</div>"
    )


def card_page(card: ModelCard) -> str:
    """Return the card as a page of HTML."""
    title = escape(_title(card))
    return (
        "<!DOCTYPE html><html lang='en'><head><meta charset='utf-8'>"
        "<meta name='viewport' content='width=device-width,initial-scale=1'>"
        f"<title>{title}</title><style>{STYLE}{_PAGE}</style></head>"
        f"<body class='up'><main><h1>{title}</h1>{_body(card)}</main></body></html>\n"
    )


def _title(card: ModelCard) -> str:
    return card.name if card.version is None else f"{card.name}, version {card.version}"


def _facts(card: ModelCard) -> dict[str, str]:
    """Return what there is to say, in the order in which a reader asks."""
    found = {
        "model": f"{card.model} ({card.library} {card.libraries.get(_package(card), '')})".replace(
            " )", ")"
        ),
        "parameters": ", ".join(f"{key}={value!r}" for key, value in card.parameters.items()),
        "trained at": f"{card.trained_at:%Y-%m-%d %H:%M} UTC",
        "data": f"{format_count(card.n_rows, 'row')}, {_dates(card)}"
        f"{format_count(len(card.features), 'feature')}",
        "outcome": _outcome(card),
        "scores": _headline(card),
        "intended use": card.intended_use,
        "limits": " ".join(card.limits),
        "notes": card.notes,
        "made with": ", ".join(f"{name} {number}" for name, number in card.libraries.items()),
    }
    return {key: value for key, value in found.items() if value}


def _package(card: ModelCard) -> str:
    return "scikit-learn" if card.library == "sklearn" else card.library


def _dates(card: ModelCard) -> str:
    if card.data_from is None and card.data_to is None:
        return ""
    if card.data_to is None:
        return f"from {card.data_from}, "
    return (
        f"up to {card.data_to}, "
        if card.data_from is None
        else (f"{card.data_from} to {card.data_to}, ")
    )


def _outcome(card: ModelCard) -> str:
    if card.outcome is None:
        return ""
    rate = card.outcome_rate
    whose = "rate" if card.positive is None else f"rate of {card.positive}"
    return card.outcome.range if rate is None else f"{card.outcome.range}; {whose} {rate:.1%}"


def _headline(card: ModelCard) -> str:
    numbers = [
        (key.replace("_", " "), value)
        for key, value in card.scores.items()
        if isinstance(value, float) and not key.endswith(_SIDE_FIGURES)
    ]
    return ", ".join(f"{name} {value:.3g}" for name, value in numbers[:5])


def _features(card: ModelCard) -> list[tuple[str, str, str, str]]:
    return [
        (column.name, column.kind, f"{column.missing_share:.1%}", column.range)
        for column in card.features
    ]


def _scores(card: ModelCard) -> list[tuple[str, str]]:
    return [(key.replace("_", " "), _figure(value)) for key, value in card.scores.items()]


def _figure(value: Any) -> str:
    if value is None:
        return "–"
    return f"{value:,.4g}" if isinstance(value, float) else str(value)


def _rows(columns: tuple[str, ...], rows: list[Any]) -> list[str]:
    lines = [f"| {' | '.join(columns)} |", f"|{'---|' * len(columns)}"]
    return lines + [f"| {' | '.join(_marked(cell) for cell in row)} |" for row in rows]


def _marked(text: str) -> str:
    """Return a text that Markdown shows as it is."""
    plain = " ".join(text.split())
    return "".join(f"\\{letter}" if letter in "\\`*_[]<>|#" else letter for letter in plain)


def _body(card: ModelCard) -> str:
    shown = table(_COLUMNS, _features(card), numeric=("missing",), caption="Features")
    parts = [definition_list(_facts(card)), f"<div class='wide'>{shown}</div>"]
    if card.scores:
        shown = table(("score", "value"), _scores(card), numeric=("value",), caption="Scores")
        parts.append(f"<div class='wide'>{shown}</div>")
    return "".join(parts)
