"""The grammar of audience expressions: a recursive-descent parser with a limited depth."""

from __future__ import annotations

from difflib import get_close_matches
from typing import TYPE_CHECKING

from userportrait._core.expression._tokens import KEYWORDS, quote_name, quote_text, scan
from userportrait._core.expression._tree import (
    Among,
    And,
    Between,
    Compare,
    Constant,
    Flag,
    Is,
    Matches,
    Missing,
    Not,
    Or,
    Tag,
    Value,
)
from userportrait.errors import ExpressionError

if TYPE_CHECKING:
    from userportrait._core.expression._tokens import Token
    from userportrait._core.expression._tree import Condition, Operand

__all__ = ["MAX_DEPTH", "MAX_LENGTH", "parse_tree"]

MAX_DEPTH = 64
"""How many brackets and 'not' may stand inside each other."""

MAX_LENGTH = 200_000
"""How many characters an expression may have."""

_MIRRORED = {"=": "=", "!=": "!=", "<": ">", "<=": ">=", ">": "<", ">=": "<="}
_TESTS = ("in", "between", "contains", "starts with", "is missing")


def parse_tree(text: str) -> Condition:
    """Return the syntax tree of an expression.

    Raises
    ------
    ExpressionError
        Where the text is not an expression.
    """
    if len(text) > MAX_LENGTH:
        message = f"the expression has {len(text):,} characters; at most {MAX_LENGTH:,} will do"
        raise ExpressionError(message, text[:60] + " …", 0)
    if not text.strip():
        message = "the expression is empty; write a condition such as n_orders >= 2"
        raise ExpressionError(message, text, 0)
    return _Parser(text).parse()


class _Parser:
    """Reads tokens from left to right, one of them ahead."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.tokens = scan(text)
        self.token = next(self.tokens)

    def parse(self) -> Condition:
        tree = self.disjunction(0)
        if self.token.kind != "end":
            raise self.error(self.what_cannot_follow())
        return tree

    # --- conditions and how they are joined ----------------------------------------------

    def disjunction(self, depth: int) -> Condition:
        operands = [self.conjunction(depth)]
        while self.accept("or"):
            operands.append(self.conjunction(depth))
        return operands[0] if len(operands) == 1 else Or(tuple(operands))

    def conjunction(self, depth: int) -> Condition:
        operands = [self.negation(depth)]
        while self.accept("and"):
            operands.append(self.negation(depth))
        return operands[0] if len(operands) == 1 else And(tuple(operands))

    def negation(self, depth: int) -> Condition:
        n_nots = 0
        while self.at("not"):
            n_nots += 1
            self.check_depth(depth + n_nots)
            self.advance()
        node = self.bracketed(depth + n_nots) if self.at("(") else self.condition()
        for _ in range(n_nots):
            node = Not(node)
        return node

    def bracketed(self, depth: int) -> Condition:
        self.check_depth(depth + 1)
        opening = self.advance()
        inner = self.disjunction(depth + 1)
        if not self.accept(")"):
            reason = self.what_cannot_follow()
            if self.token.kind == "end":
                raise self.error("this '(' has no ')'", opening)
            raise self.error(reason)
        if self.accept("is"):
            return self.truth_test(inner)
        if self.at_comparison():
            message = "brackets hold conditions: write the tag to compare without brackets"
            raise self.error(message, opening)
        return inner

    def truth_test(self, operand: Condition) -> Condition:
        negated = self.accept("not")
        for word, state in (("missing", None), ("true", True), ("false", False)):
            if self.accept(word):
                return Is(operand, state, negated)
        raise self.error(f"expected 'missing', 'true' or 'false' after 'is'; {self.found()}")

    def condition(self) -> Condition:
        left = self.operand("a condition, such as n_orders >= 2")
        if isinstance(left, Value):
            return self.value_first(left)
        if self.at_comparison():
            return self.comparison(left)
        if self.accept("is"):
            return self.after_is(left)
        negated = self.accept("not")
        if self.accept("in"):
            return Among(left, self.value_list(), negated)
        if self.accept("between"):
            return self.between(left, negated)
        if self.accept("contains"):
            return Matches(left, "contains", self.text_value("contains"), negated)
        if self.accept("starts"):
            self.expect("with", "starts with")
            return Matches(left, "starts with", self.text_value("starts with"), negated)
        if negated:
            message = "after a tag, 'not' goes with in, between, contains or starts with"
            raise self.error(f"{message}; {self.found()}")
        if not (self.token.kind in {"end", "mark"} or self.at("and") or self.at("or")):
            raise self.error(self.what_follows_a_tag(left))
        return Flag(left)

    # --- what stands behind a tag --------------------------------------------------------

    def comparison(self, left: Tag) -> Condition:
        operator = str(self.advance().value)
        right = self.operand("a value or a tag")
        if self.at_comparison():
            raise self.chained(left, operator, right)
        return Compare(left, operator, right)

    def value_first(self, left: Value) -> Condition:
        """Read ``100 <= spend``, which becomes ``spend >= 100``, or a bare true or false."""
        if not self.at_comparison():
            if isinstance(left.value, bool):
                return Constant(left.value)
            raise self.error(
                f"{left.to_text()} alone is not a condition: compare a tag with it; "
                "several values of one tag go in a list: in ('a', 'b')",
                position=left.position,
            )
        operator = str(self.advance().value)
        right = self.operand("a tag")
        if isinstance(right, Value):
            message = "two values are compared: one side must be a tag"
            raise self.error(message, position=left.position)
        if self.at_comparison():
            raise self.chained(left, operator, right)
        return Compare(right, _MIRRORED[operator], left)

    def chained(self, first: Operand, operator: str, middle: Operand) -> ExpressionError:
        token = self.advance()
        last = self.operand("a value or a tag")
        a, b, c = first.to_text(), middle.to_text(), last.to_text()
        hint = f"write {a} {operator} {b} and {b} {token.value} {c}"
        ascending = {operator, str(token.value)} <= {"<", "<="}
        descending = {operator, str(token.value)} <= {">", ">="}
        if isinstance(middle, Tag) and (ascending or descending):
            low, high = (a, c) if ascending else (c, a)
            hint += f", or {b} between {low} and {high} (limits included)"
        return self.error(f"comparisons cannot be chained: {hint}", token)

    def after_is(self, left: Tag) -> Condition:
        negated = self.accept("not")
        if self.accept("missing"):
            return Missing(left, negated)
        for word, state in (("true", True), ("false", False)):
            if self.accept(word):
                return Is(Flag(left), state, negated)
        name = left.to_text()
        if self.token.kind == "name" and str(self.token.value).lower() in {
            *("null", "none", "na", "nan", "empty", "unknown", "blank"),
        }:
            hint = f"write {name} is {'not ' if negated else ''}missing"
        elif self.token.kind in {"name", "text", "number"}:
            sign = "!=" if negated else "="
            hint = f"compare values with {sign}: {name} {sign} {self.as_value(self.token)}"
        else:
            hint = self.found()
        raise self.error(f"expected 'missing', 'true' or 'false' after 'is'; {hint}")

    def between(self, left: Tag, negated: bool) -> Condition:
        low = self.operand("a value or a tag")
        self.expect("and", f"{left.to_text()} between {low.to_text()} and …")
        high = self.operand("a value or a tag")
        if isinstance(low, Value) and isinstance(high, Value) and _is_above(low, high):
            message = (
                "the lower limit comes first: "
                f"{left.to_text()} between {high.to_text()} and {low.to_text()}"
            )
            raise self.error(message, position=low.position)
        return Between(left, low, high, negated)

    def value_list(self) -> tuple[Value, ...]:
        if not self.at("("):
            token, hint = self.token, ""
            if token.kind in {"name", "text", "number"}:
                hint = f" in ({self.as_value(token)})"
            raise self.error(f"'in' takes a list in brackets:{hint or ' in (1, 2)'}")
        opening = self.advance()
        values = [self.list_value()]
        while self.accept(","):
            values.append(self.list_value())
        if not self.accept(")"):
            if self.token.kind == "end":
                raise self.error("this '(' has no ')'", opening)
            raise self.error(f"expected ',' or ')'; {self.found()}")
        return tuple(values)

    def list_value(self) -> Value:
        value = self.operand("a value")
        if isinstance(value, Tag):
            message = f"a list holds values, not tags: for the text write {quote_text(value.name)}"
            raise self.error(message, position=value.position)
        return value

    def text_value(self, word: str) -> Value:
        value = self.operand("a text in quotes")
        if isinstance(value, Tag) or value.kind != "text":
            shown = value.name if isinstance(value, Tag) else str(value.value)
            message = f"'{word}' takes a text in quotes: {word} {quote_text(shown)}"
            raise self.error(message, position=value.position)
        return value

    def operand(self, expected: str) -> Operand:
        token = self.token
        if token.kind == "name":
            self.advance()
            return Tag(str(token.value), token.position)
        if token.kind in {"number", "text"}:
            self.advance()
            return Value(token.value, token.position)
        for word, value in (("true", True), ("false", False)):
            if self.accept(word):
                return Value(value, token.position)
        raise self.error(f"expected {expected}; {self.found()}{self.operand_hint()}")

    def operand_hint(self) -> str:
        if self.at("missing"):
            return ". For an unknown value write 'is missing' without a comparison"
        if self.at("("):
            return ". A single value stands without brackets, several go with 'in': in (1, 2)"
        if self.at_comparison():
            return ". A tag or a value comes first"
        if self.token.kind == "keyword":
            name = str(self.token.value)
            return f". A tag of this name goes in backticks: {quote_name(name)}"
        return ""

    # --- tokens --------------------------------------------------------------------------

    def at(self, word: str) -> bool:
        return self.token.kind in {"keyword", "mark"} and self.token.value == word

    def at_comparison(self) -> bool:
        return self.token.kind == "comparison"

    def advance(self) -> Token:
        token = self.token
        self.token = next(self.tokens, token)
        return token

    def accept(self, word: str) -> bool:
        if self.at(word):
            self.advance()
            return True
        return False

    def expect(self, word: str, form: str) -> None:
        if not self.accept(word):
            raise self.error(f"expected '{word}', as in '{form}'; {self.found()}")

    # --- messages ------------------------------------------------------------------------

    def error(
        self, message: str, at: Token | None = None, *, position: int | None = None
    ) -> ExpressionError:
        where = (at or self.token).position if position is None else position
        return ExpressionError(message, self.text, where)

    def check_depth(self, depth: int) -> None:
        if depth > MAX_DEPTH:
            message = f"brackets and 'not' stand more than {MAX_DEPTH} deep inside each other"
            raise self.error(message)

    def found(self) -> str:
        if self.token.kind == "end":
            return "the expression ends here"
        return f"found {self.text[self.token.position : self.token.end][:40]}"

    def as_value(self, token: Token) -> str:
        return str(token.value) if token.kind == "number" else quote_text(str(token.value))

    def what_cannot_follow(self) -> str:
        """Say what is wrong with the token behind a complete condition."""
        if self.at(")"):
            return "this ')' has no '('"
        if self.at(","):
            return "a ',' belongs in a list only; write numbers without it: 1000, not 1,000"
        if self.at_comparison():
            return "a comparison needs a tag or a value on its left"
        if self.token.kind == "number" and str(self.token.value).startswith("-"):
            return "there is no arithmetic: compare a tag with a value or with another tag"
        hint = ""
        if self.token.kind == "name" and self.text[self.token.position - 1] in "'\"":
            hint = ". A quote inside a text is written twice: 'O''Neill'"
        elif self.token.kind == "name":
            close = get_close_matches(str(self.token.value).lower(), ("and", "or"), n=1)
            hint = f". Did you mean '{close[0]}'?" if close else ". A text goes in quotes"
        return f"expected 'and', 'or' or the end; {self.found()}{hint}"

    def what_follows_a_tag(self, tag: Tag) -> str:
        hint = ""
        if self.token.kind == "number" and str(self.token.value).startswith("-"):
            return "there is no arithmetic: compare a tag with a value or with another tag"
        if self.token.kind == "name":
            word = str(self.token.value).lower()
            if word in {"like", "ilike", "matches", "includes", "has"}:
                hint = ". Did you mean 'contains' or 'starts with'?"
            elif word in {"equals", "equal", "eq"}:
                hint = ". Did you mean '='?"
            else:
                options = [*sorted(KEYWORDS - {"true", "false", "missing", "with"}), "starts with"]
                close = get_close_matches(word.replace("_", " "), options, n=1)
                found = "starts with" if close == ["starts"] else "".join(close)
                hint = f". Did you mean '{found}'?" if close else ". A text goes in quotes"
        tests = ", ".join(_TESTS)
        return (
            f"expected a comparison (=, <, {tests} …) after {tag.to_text()}; {self.found()}{hint}"
        )


def _is_above(low: Value, high: Value) -> bool:
    if low.kind != high.kind or low.kind == "boolean":
        return False
    return low.value > high.value  # type: ignore[operator]
