"""The words of paper, from resources/i18n/paper/<language>.toml; screens have their own."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from posapp.errors import ConfigError
from posapp.paths import resources

FALLBACK = "en"


@dataclass(frozen=True, slots=True)
class Words:
    """The sentences of one language by key; a missing one is taken from English."""

    language: str
    sentences: dict[str, str]

    def __call__(self, key: str, /, **values: object) -> str:
        """The sentence of `key` with its `{fields}` filled. Raises KeyError for an unknown key."""
        return self.sentences[key].format_map(values) if values else self.sentences[key]

    def or_else(self, key: str, otherwise: str, /, **values: object) -> str:
        """As calling, but of `otherwise` where there is no such key."""
        return self(key if key in self.sentences else otherwise, **values)

    def many(self, key: str) -> tuple[str, ...]:
        """A sentence that is set on several lines."""
        return tuple(self.sentences[key].splitlines())


@cache
def words(language: str) -> Words:
    """The words of a language, English where there is no such file.

    Raises ConfigError PAPER_WORDS when a shipped file cannot be read.
    """
    sentences = _read(FALLBACK)
    if language != FALLBACK and language.isalpha() and _path(language).exists():
        sentences = sentences | _read(language)
    else:
        language = FALLBACK
    return Words(language, sentences)


def _path(language: str) -> Path:
    return resources() / "i18n" / "paper" / f"{language}.toml"


def _read(language: str) -> dict[str, str]:
    path = _path(language)
    try:
        tables = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ConfigError("PAPER_WORDS", file=str(path), reason=str(error)) from None
    return {f"{name}.{key}": text for name, table in tables.items() for key, text in table.items()}
