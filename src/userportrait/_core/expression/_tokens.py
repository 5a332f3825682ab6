"""The words of an audience expression: from text to tokens."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias

from userportrait.errors import ExpressionError

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["COMPARISONS", "KEYWORDS", "Token", "TokenKind", "quote_name", "quote_text", "scan"]

TokenKind: TypeAlias = Literal["name", "keyword", "number", "text", "comparison", "mark", "end"]

KEYWORDS: frozenset[str] = frozenset(
    {"and", "or", "not", "in", "is", "between", "contains", "starts", "with"}
    | {"missing", "true", "false"}
)

COMPARISONS: dict[str, str] = {
    "=": "=",
    "==": "=",
    "!=": "!=",
    "<>": "!=",
    "≠": "!=",
    "<": "<",
    "<=": "<=",
    "≤": "<=",
    ">": ">",
    ">=": ">=",
    "≥": ">=",
}
"""What may be written, and the operator that it stands for."""

# Full-width forms that Chinese and Japanese keyboards give, one character for one, so that
# positions stay the same.
_PLAIN = {0xFF01 + i: 0x21 + i for i in range(94)} | {
    ord("、"): ord(","),
    ord("−"): ord("-"),
    ord("｟"): ord("("),
    ord("｠"): ord(")"),
}
_CLOSING = {
    "'": "'",
    '"': '"',
    "＇": "＇",
    "＂": "＂",
    "‘": "’",
    "’": "’",
    "“": "”",
    "”": "”",
}
_BACKTICKS = "`｀"

_NUMBER = re.compile(r"-?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")
_DATE = re.compile(r"[0-9]{4}([-/.])[0-9]{1,2}\1[0-9]{1,2}")
_COMPARISON = re.compile(r"<=|>=|!=|<>|==|[=<>≤≥≠]")
_LARGEST = 2**63 - 1

_SLIPS = {
    "&": "write 'and' for &",
    "&&": "write 'and' for &&",
    "|": "write 'or' for |",
    "||": "write 'or' for ||",
    "!": "write 'not' for !",
    "~": "write 'not' for ~",
    "=>": "write >= for =>",
    "=<": "write <= for =<",
    "=!": "write != for =!",
    "===": "write = for ===",
    "!==": "write != for !==",
    ":": "write = for :",
    "[": "lists go in round brackets: in ('a', 'b')",
    "{": "lists go in round brackets: in ('a', 'b')",
    ";": "write one expression, without ;",
    ".": "a name with a dot goes in backticks: `a.b`",
    "-": "there is no arithmetic: compare a tag with a value or with another tag. "
    "A name with a hyphen goes in backticks: `a-b`",
    "%": "there is no arithmetic and no per cent: shares are numbers such as 0.2",
} | dict.fromkeys("+*/", "there is no arithmetic: compare a tag with a value or with another tag")
_SLIP = re.compile(r"!==|===|&&|\|\||=>|=<|=!|!(?!=)|[&|~:\[{;.%+*/-]")


@dataclass(frozen=True, slots=True)
class Token:
    """One word, number, text or mark.

    Parameters
    ----------
    kind : str
    value : str, int or float
        A keyword in small letters, a comparison in its first form, a text without quotes.
    position : int
        Where it starts, counted from 0.
    end : int
        Where the next character is.
    """

    kind: TokenKind
    value: str | int | float
    position: int
    end: int


def scan(text: str) -> Iterator[Token]:
    """Yield the tokens of an expression, an 'end' token last.

    Raises
    ------
    ExpressionError
        When the iteration comes to something that is not part of the language.
    """
    plain = text.translate(_PLAIN)
    last = len(text.rstrip())
    position = 0
    while True:
        while position < last and text[position].isspace():
            position += 1
        if position >= last:
            yield Token("end", "", last, last)
            return
        token = _token_at(text, plain, position)
        yield token
        position = token.end


def _token_at(text: str, plain: str, position: int) -> Token:
    mark = plain[position]
    if text[position] in _CLOSING:
        return _quoted(text, position)
    if text[position] in _BACKTICKS:
        return _backticked(text, position)
    if mark.isidentifier():
        return _word(plain, position)
    if found := _DATE.match(plain, position):
        message = f"a date is a text and goes in quotes: '{found.group().replace('/', '-')}'"
        raise ExpressionError(message, text, position)
    if found := _NUMBER.match(plain, position):
        return _number(text, plain, found)
    if found := _SLIP.match(plain, position):
        raise ExpressionError(_SLIPS[found.group()], text, position)
    if found := _COMPARISON.match(plain, position):
        return Token("comparison", COMPARISONS[found.group()], position, found.end())
    if mark in "(),":
        return Token("mark", mark, position, position + 1)
    shown = mark if mark.isprintable() else f"U+{ord(mark):04X}"
    raise ExpressionError(f"'{shown}' is not part of the language", text, position)


def _quoted(text: str, position: int) -> Token:
    closing = _CLOSING[text[position]]
    value, end = _until(text, position + 1, closing)
    if end < 0:
        message = (
            f"the text that starts here has no closing {closing} "
            "(a quote inside a text is written twice: 'O''Neill')"
        )
        raise ExpressionError(message, text, position)
    return Token("text", value, position, end)


def _backticked(text: str, position: int) -> Token:
    name, end = _until(text, position + 1, text[position])
    if end < 0:
        raise ExpressionError("the name that starts here has no closing `", text, position)
    if not name:
        raise ExpressionError("expected a tag's name between the backticks", text, position)
    return Token("name", name, position, end)


def _until(text: str, start: int, closing: str) -> tuple[str, int]:
    """Return what stands before the closing mark, and the position behind it or -1."""
    parts: list[str] = []
    while (found := text.find(closing, start)) >= 0:
        parts.append(text[start:found])
        if text[found + 1 : found + 2] != closing:
            return closing.join(parts), found + 1
        start = found + 2
    return "", -1


def _word(plain: str, position: int) -> Token:
    end = _word_end(plain, position)
    word = plain[position:end]
    if word.lower() in KEYWORDS:
        return Token("keyword", word.lower(), position, end)
    return Token("name", word, position, end)


def _word_end(plain: str, position: int) -> int:
    end = position
    while end < len(plain) and ("a" + plain[end]).isidentifier():
        end += 1
    return end


def _number(text: str, plain: str, found: re.Match[str]) -> Token:
    digits, start, end = found.group(), found.start(), found.end()
    if plain[end : end + 1] == "_" and plain[end + 1 : end + 2].isdigit():
        raise ExpressionError("write numbers without underscores", text, end)
    if plain[end : end + 1] == "." or _word_end(plain, end) > end:
        message = (
            "this is neither a number nor a name: a text goes in quotes, "
            "and a name that starts with a digit in backticks"
        )
        raise ExpressionError(message, text, start)
    if re.match(r"-?0[0-9]", digits):
        message = f"a number has no leading zeros; for a text write '{digits}'"
        raise ExpressionError(message, text, start)
    whole = digits.lstrip("-").isdigit()
    too_large = len(digits) > 20 if whole else float(digits) in {float("inf"), float("-inf")}
    if too_large or (whole and abs(int(digits)) > _LARGEST):
        limit = f"{_LARGEST:,}" if whole else "1.8e308"
        raise ExpressionError(f"this number is too large: the limit is {limit}", text, start)
    return Token("number", int(digits) if whole else float(digits), start, end)


def quote_text(text: str) -> str:
    """Write a text as the language does: ``O'Neill`` as ``'O''Neill'``."""
    return "'" + text.replace("'", "''") + "'"


def quote_name(name: str) -> str:
    """Write a tag's name, in backticks where it needs them."""
    bare = name.isidentifier() and name.lower() not in KEYWORDS and name.translate(_PLAIN) == name
    return name if bare else "`" + name.replace("`", "``") + "`"
