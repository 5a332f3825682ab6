"""Every text exists in both languages and has the same gaps."""

from __future__ import annotations

import re
from importlib.resources import files

import pytest

from userportrait.report._format import NOUNS, Formatter
from userportrait.report._reasons import REASONS, reason_text
from userportrait.report._story import TEXTS
from userportrait.report._words import GLOSSARY, WORDS, Words

GAP = re.compile(r"\{(\w+)\}")
CHINESE = re.compile(r"[一-鿿]")
UNTRANSLATED = {"return.end"}  # a full stop


@pytest.mark.parametrize(
    "pair", [*WORDS.items(), *TEXTS.items(), *REASONS.items()], ids=lambda pair: pair[0]
)
def test_both_languages_say_the_same_with_the_same_gaps(pair: tuple[str, tuple[str, str]]) -> None:
    key, (english, chinese) = pair
    assert set(GAP.findall(english)) == set(GAP.findall(chinese))
    assert not CHINESE.search(english)
    assert key in UNTRANSLATED or CHINESE.search(chinese)


def test_every_key_that_the_code_names_exists() -> None:
    folder = files("userportrait.report")
    code = "\n".join(
        part.read_text("utf-8") for part in folder.iterdir() if part.name.endswith(".py")
    )
    used = set(re.findall(r'words\(\s*"([a-z_]+(?:\.[a-z_0-9]+)+)"', code))
    assert len(used) > 50
    assert used <= set(WORDS)
    told = set(re.findall(r'self\.say\(\s*"([a-z_.]+)"', code))
    assert told <= set(TEXTS)


def test_the_glossary_is_whole() -> None:
    assert all(len(entry) == 4 and all(entry) for entry in GLOSSARY)
    assert all(CHINESE.search(entry[3]) for entry in GLOSSARY)
    assert Words(Formatter("zh")).glossary()[0][0] == "销售额"
    assert all(CHINESE.search(forms[2]) for forms in NOUNS.values())


def test_gaps_are_filled_and_names_listed() -> None:
    words = Words(Formatter("en"))
    assert words("tags.yes", share="5%") == "yes: 5%"
    assert words.listing(["a", "b"]) == "a, b"
    assert Words(Formatter("zh")).listing(["a", "b"]) == "a、b"


def test_reasons_unknown_here_are_shown_as_they_are() -> None:
    assert reason_text("zero_price", "en") == "a price of 0"
    assert reason_text("zero_price", "zh") == "单价为 0"
    assert reason_text("house_rule", "zh") == "house rule"
