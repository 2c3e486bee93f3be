"""The words of paper: every language has every key and every field."""

from __future__ import annotations

import re
import tomllib

import pytest

from posapp.paths import resources
from posapp.reports.words import words

FOLDER = resources() / "i18n" / "paper"
LANGUAGES = sorted(path.stem for path in FOLDER.glob("*.toml"))


def keys(language: str) -> dict[str, str]:
    tables = tomllib.loads((FOLDER / f"{language}.toml").read_text(encoding="utf-8"))
    return {f"{t}.{k}": text for t, table in tables.items() for k, text in table.items()}


def fields(text: str) -> set[str]:
    return set(re.findall(r"{(\w+)}", text))


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_language_has_the_keys_and_fields_of_english(language: str):
    english, other = keys("en"), keys(language)
    assert set(other) == set(english)
    assert {k: fields(t) for k, t in other.items()} == {k: fields(t) for k, t in english.items()}


def test_an_unknown_language_speaks_english():
    assert words("xx").language == "en"
    assert words("../en").language == "en"


@pytest.mark.parametrize("language", LANGUAGES)
def test_days_and_months_are_all_there(language: str):
    assert len(words(language)("daily.weekdays").split()) == 7
    assert len(words(language)("daily.months").split()) == 12
