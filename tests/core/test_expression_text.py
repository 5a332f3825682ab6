"""How expressions are read: grammar, spellings, limits, and errors that point at the place."""

from __future__ import annotations

import re
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from userportrait._core.expression import Expression, parse_expression
from userportrait.errors import ExpressionError, InvalidParameterError

# --- spellings of the same ---------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "canonical"),
    [
        ("a=1", "a = 1"),
        ("a == 1", "a = 1"),
        ("a <> 1", "a != 1"),
        ("a ≠ 1 and b ≤ 2 and c ≥ 3", "a != 1 and b <= 2 and c >= 3"),
        ("3 > a", "a < 3"),
        ("A AND b Or NOT c", "A and b or not c"),
        ("not country = 'United Kingdom'", "not country = 'United Kingdom'"),
        ("not (country = 'UK')", "not country = 'UK'"),
        ("a and (b or c)", "a and (b or c)"),
        ("(a and b) or c", "a and b or c"),
        ("a and b and c", "a and b and c"),
        ("(a and b) and c", "(a and b) and c"),
        ("not not a", "not not a"),
        ("not (a and b)", "not (a and b)"),
        ("(((a)))", "a"),
        ("a IS NOT MISSING", "a is not missing"),
        ("a is not true", "a is not true"),
        ("(a) is missing", "(a) is missing"),
        ("(a > 1) is false", "(a > 1) is false"),
        ("a Not In (1,-2 , 3.5)", "a not in (1, -2, 3.5)"),
        ("a between -1 and b", "a between -1 and b"),
        ("a starts  with 'x'", "a starts with 'x'"),
        ('a = "it\'s"', "a = 'it''s'"),
        ('a = "say ""hi"""', "a = 'say \"hi\"'"),
        ("a = ''", "a = ''"),
        (
            "a = 1e3 or a = .5 or a = 2. or a=-0.5E-2",
            "a = 1000.0 or a = 0.5 or a = 2.0 or a = -0.005",
        ),
        ("a = -5", "a = -5"),
        ("a=-5", "a = -5"),
        ("a = 0 or a = 0.5 or a = -0.0", "a = 0 or a = 0.5 or a = -0.0"),
        ("`in` > 1", "`in` > 1"),
        ("`a b``c` > 1", "`a b``c` > 1"),
        ("`plain` > 1", "plain > 1"),
        ("`30d` is missing", "`30d` is missing"),
        ("消费金额 > 100", "消费金额 > 100"),
        ("naïve_ß = 1", "naïve_ß = 1"),
        ("true or FALSE", "true or false"),
        ("true = a", "a = true"),
        ("\n\ta\n  and\u3000b\n", "a and b"),
        ("a = 9223372036854775807", "a = 9223372036854775807"),
        ("a = 1e20", "a = 1e+20"),
    ],
)
def test_an_expression_has_one_canonical_text(text: str, canonical: str) -> None:
    expression = parse_expression(text)
    assert expression.to_text() == canonical
    assert parse_expression(canonical) == expression


@pytest.mark.parametrize(
    ("text", "canonical"),
    [
        ("（消费 ＞ 100） and 国家 ＝ ‘英国’", "消费 > 100 and 国家 = '英国'"),
        ("国家 in （“英国”，‘法国’、'德国'）", "国家 in ('英国', '法国', '德国')"),
        ("消费 ＞＝ １００．５", "消费 >= 100.5"),
        ("消费 ！＝ －５", "消费 != -5"),
        ("ａ ＡＮＤ ｂ", "a and b"),
        ("国家 = ＂英＇国＂", "国家 = '英＇国'"),
        ("国家 = ’英国’ or 国家 = ”法国”", "国家 = '英国' or 国家 = '法国'"),
        ("国家 = 'Ａ（'", "国家 = 'Ａ（'"),
        ("｀ａ ｂ｀ = 1", "`ａ ｂ` = 1"),
    ],
)
def test_full_width_marks_of_chinese_keyboards_are_taken(text: str, canonical: str) -> None:
    expression = parse_expression(text)
    assert expression.to_text() == canonical
    assert parse_expression(canonical) == expression


# --- errors ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "message", "column"),
    [
        ("", "the expression is empty", 1),
        (" \n ", "the expression is empty", 1),
        ("1 < n < 5", "write 1 < n and n < 5, or n between 1 and 5 (limits included)", 7),
        ("5 >= n > 1", "n between 1 and 5", 8),
        ("a = b = c", "write a = b and b = c", 7),
        ("country = United Kingdom", "found Kingdom. A text goes in quotes", 18),
        ("country = 'O'Brien'", "A quote inside a text is written twice", 14),
        ("country is 'UK'", "compare values with =: country = 'UK'", 12),
        ("n is not 5", "compare values with !=: n != 5", 10),
        ("country is null", "write country is missing", 12),
        ("country is not None", "write country is not missing", 16),
        ("(a > 1) is null", "expected 'missing', 'true' or 'false' after 'is'; found null", 12),
        ("a is", "expected 'missing', 'true' or 'false' after 'is'; the expression ends", 5),
        ("a = missing", "For an unknown value write 'is missing'", 5),
        ("a & b", "write 'and' for &", 3),
        ("a ＆ b", "write 'and' for &", 3),
        ("a && b", "write 'and' for &&", 3),
        ("a | b", "write 'or' for |", 3),
        ("a || b", "write 'or' for ||", 3),
        ("!a", "write 'not' for !", 1),
        ("a and ~b", "write 'not' for ~", 7),
        ("a => 1", "write >= for =>", 3),
        ("a =< 1", "write <= for =<", 3),
        ("a =! 1", "write != for =!", 3),
        ("a === 1", "write = for ===", 3),
        ("a !== 1", "write != for !==", 3),
        ("at >= 2011-12-01", "a date is a text and goes in quotes: '2011-12-01'", 7),
        ("at >= 2011/12/01", "a date is a text and goes in quotes: '2011-12-01'", 7),
        ("n > 1,000", "write numbers without it: 1000, not 1,000", 6),
        ("n in (1,000)", "a number has no leading zeros", 9),
        ("n = 007", "for a text write '007'", 5),
        ("n > 1_000", "write numbers without underscores", 6),
        ("n > 30d", "neither a number nor a name", 5),
        ("n > 1.2.3", "neither a number nor a name", 5),
        ("n > 9223372036854775808", "too large: the limit is 9,223,372,036,854,775,807", 5),
        ("n > 1" + "0" * 5000, "this number is too large", 5),
        ("n > 1e999", "this number is too large: the limit is 1.8e308", 5),
        ("n in 5", "'in' takes a list in brackets: in (5)", 6),
        ("c in 'x'", "in ('x')", 6),
        ("n in", "'in' takes a list in brackets: in (1, 2)", 5),
        ("n in ()", "expected a value; found )", 7),
        ("n in (1", "this '(' has no ')'", 6),
        ("n in (1 2)", "expected ',' or ')'; found 2", 9),
        ("n in (1,", "expected a value; the expression ends here", 9),
        ("c in (France)", "a list holds values, not tags: for the text write 'France'", 7),
        ("c in ['a']", "lists go in round brackets", 6),
        ("n = (1, 2)", "several go with 'in'", 5),
        ("(a > 1", "this '(' has no ')'", 1),
        ("a > 1)", "this ')' has no '('", 6),
        ("(a > 1 b > 2)", "expected 'and', 'or' or the end; found b", 8),
        ("(n) > 3", "write the tag to compare without brackets", 1),
        ("c contains 5", "'contains' takes a text in quotes: contains '5'", 12),
        ("c starts with x", "'starts with' takes a text in quotes: starts with 'x'", 15),
        ("c starts 'x'", "expected 'with', as in 'starts with'", 10),
        ("c startswith 'x'", "Did you mean 'starts with'?", 3),
        ("c containing 'x'", "Did you mean 'contains'?", 3),
        ("c like 'x%'", "Did you mean 'contains' or 'starts with'?", 3),
        ("c equals 'x'", "Did you mean '='?", 3),
        ("c betwen 1 and 2", "Did you mean 'between'?", 3),
        ("a = 1 adn b = 2", "Did you mean 'and'?", 7),
        ("n between 5 and 1", "the lower limit comes first: n between 1 and 5", 11),
        ("n between 5", "expected 'and', as in 'n between 5 and …'", 12),
        ("n not 5", "after a tag, 'not' goes with in, between, contains or starts with", 7),
        ("n - 3 > 2", "there is no arithmetic", 3),
        ("n -3 > 2", "there is no arithmetic", 3),
        ("n > 5 -3", "there is no arithmetic", 7),
        ("n > m + 3", "there is no arithmetic", 7),
        ("n > 5%", "no per cent", 6),
        ("first-order = 1", "A name with a hyphen goes in backticks", 6),
        ("a.b = 1", "a name with a dot goes in backticks", 2),
        ("5", "5 alone is not a condition", 1),
        ("c = 'A' or 'B'", "several values of one tag go in a list", 12),
        ("1 = 1", "one side must be a tag", 1),
        ("and a", "expected a condition, such as n_orders >= 2; found and", 1),
        ("a or", "expected a condition, such as n_orders >= 2; the expression ends here", 5),
        ("a > > 3", "expected a value or a tag; found >", 5),
        ("a = in", "A tag of this name goes in backticks: `in`", 5),
        ("c = 'UK", "the text that starts here has no closing '", 5),
        ('c = “UK"', "the text that starts here has no closing ”", 5),
        ("`a b", "the name that starts here has no closing `", 1),
        ("`` > 1", "expected a tag's name between the backticks", 1),
        ("n > £5", "'£' is not part of the language", 5),
        ("n\u200b > 5", "'U+200B' is not part of the language", 2),
        ("a > 1;", "write one expression, without ;", 6),
        ("a > 1 and\n  b ? 3", "'?' is not part of the language", 15),
    ],
)
def test_an_error_points_at_the_place_and_says_what_would_do(
    text: str, message: str, column: int
) -> None:
    with pytest.raises(ExpressionError, match=re.escape(message)) as caught:
        parse_expression(text)
    assert caught.value.position == column - 1
    assert caught.value.text == text
    assert "^" in str(caught.value)


def test_an_error_shows_the_place() -> None:
    with pytest.raises(ExpressionError) as caught:
        parse_expression("n_orders >= 2 & spend > 100")
    assert str(caught.value) == (
        "write 'and' for & (at column 15)\n  n_orders >= 2 & spend > 100\n                ^"
    )


@pytest.mark.parametrize("text", [b"a > 1", None, 5])
def test_only_a_text_is_an_expression(text: object) -> None:
    with pytest.raises(InvalidParameterError, match="text must be a text"):
        parse_expression(text)  # type: ignore[arg-type]


# --- limits ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        "(" * 10_000,
        "(" * 10_000 + "a" + ")" * 10_000,
        "not " * 10_000 + "a",
        "not (" * 10_000 + "a" + ")" * 10_000,
        "(" * 65 + "a" + ")" * 65,
    ],
    ids=["open", "closed", "nots", "mixed", "one too many"],
)
def test_deep_nesting_is_an_expression_error(text: str) -> None:
    with pytest.raises(ExpressionError, match="more than 64 deep"):
        parse_expression(text)


@pytest.mark.parametrize(
    "text", ["(" * 64 + "a" + ")" * 64, "not " * 64 + "a", "not (" * 32 + "a or b" + ")" * 32]
)
def test_nesting_up_to_the_limit_works(text: str) -> None:
    limit = sys.getrecursionlimit()
    try:
        sys.setrecursionlimit(min(limit, 1000))
        expression = parse_expression(text)
        assert parse_expression(expression.to_text()) == expression
        assert expression.result({"a": True, "b": True}) is True
        assert len(expression.explain({"a": True})) in {1, 2}
    finally:
        sys.setrecursionlimit(limit)


def test_a_chain_has_no_depth() -> None:
    expression = parse_expression(" or ".join(f"n = {i}" for i in range(5000)))
    assert expression.result({"n": 4999}) is True
    assert parse_expression(expression.to_text()) == expression


def test_a_long_list_is_read_and_a_longer_text_is_refused() -> None:
    numbers = ", ".join(str(i) for i in range(20_000))
    assert parse_expression(f"n in ({numbers})").result({"n": 19_999}) is True
    with pytest.raises(ExpressionError, match="at most 200,000 will do") as caught:
        parse_expression("n = 1 or " * 30_000)
    assert len(str(caught.value)) < 300


# --- whatever comes ------------------------------------------------------------------------

FRAGMENTS = (
    *("a", "`b c`", "消费", "5", "-2.5", "1e3", "'x'", '"y"', "“z”", "(", ")", ",", "（", "，"),
    *("=", "==", "!=", "<", ">=", "≤", "&", "|", "!", "-", "'", "`", "£", "\n", "007", "1_0"),
    *("and", "or", "not", "in", "is", "between", "contains", "starts", "with", "missing", "true"),
)


@given(st.lists(st.sampled_from(FRAGMENTS), max_size=14).map(" ".join) | st.text(max_size=40))
def test_any_text_is_an_expression_or_an_expression_error(text: str) -> None:
    found = expression_or_error(text)
    if isinstance(found, ExpressionError):
        assert 0 <= found.position <= len(text)
        assert str(found)
    else:
        assert parse_expression(found.to_text()) == found


def expression_or_error(text: str) -> Expression | ExpressionError:
    try:
        return parse_expression(text)
    except ExpressionError as error:
        return error
