"""The words for every error code: what happened, is a token or money affected, what to do. No Qt.

The screen translates these English sentences, the command line prints them. The words stand in
`posapp.ui.message_words`; a test finds every code that the program raises.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from posapp.domain.energy import units_text
from posapp.domain.ids import ReceiptNumber
from posapp.domain.money import Currency, money_text
from posapp.errors import Outcome, PosError
from posapp.ui import (
    message_words,
    message_words_backup,
    message_words_cash,
    message_words_drivers,
    message_words_hsm,
    message_words_keys,
    message_words_line,
    message_words_module,
    message_words_more,
    message_words_office,
    message_words_people,
    message_words_sts,
    message_words_tariffs,
    message_words_truth,
)
from posapp.ui.message_words import SHORT, UNKNOWN_OUTCOME, UNLISTED, Words

if TYPE_CHECKING:
    from posapp.domain.site import Site

Formatter = Callable[[str, object], str]

# Codes whose own words say what is not known; of all others a token may have come.
SAY_IT_THEMSELVES = ("LOAD_UNCERTAIN", "OUTCOME_UNKNOWN", "SALE_UNRESOLVED")

WORDS: dict[str, Words] = {
    **message_words.WORDS,
    **message_words_module.MODULE_WORDS,
    **message_words_more.MORE,
    **message_words_office.OFFICE_WORDS,
    **message_words_hsm.HSM_WORDS,
    **message_words_keys.KEYS_WORDS,
    **message_words_line.LINE_WORDS,
    **message_words_drivers.DRIVER_WORDS,
    **message_words_people.PEOPLE_WORDS,
    **message_words_backup.BACKUP_WORDS,
    **message_words_cash.CASH_WORDS,
    **message_words_sts.STS_WORDS,
    **message_words_tariffs.TARIFF_WORDS,
    **message_words_truth.TRUTH_WORDS,
}


@dataclass(frozen=True, slots=True)
class Told:
    """One message. `body` is the second and third sentence together."""

    code: str
    what: str
    safe: str
    act: str
    short: str = ""

    @property
    def body(self) -> str:
        """Whether money or a token is affected, then what to do."""
        return " ".join(part for part in (self.safe, self.act) if part)

    @property
    def line(self) -> str:
        """All of it in one line, the code last."""
        return f"{self.what} {self.body} [{self.code}]"


def plain_param(name: str, value: object) -> str:
    """A parameter without a site: minor units as they are, times in UTC."""
    if name.endswith("_tenths") and isinstance(value, int):
        return f"{units_text(value)} kWh"
    if isinstance(value, datetime):
        return f"{value:%d.%m.%Y %H:%M} UTC"
    if name == "what" and isinstance(value, str):
        return ", ".join(message_words_tariffs.MOVED.get(part, part) for part in value.split(","))
    return str(value)


def formatter_for(site: Site) -> Formatter:
    """Parameters in a site's currency and local time."""

    def format_param(name: str, value: object) -> str:
        if name.endswith("_minor") and isinstance(value, int):
            return money_text(value, site.currency)
        if isinstance(value, datetime):
            return f"{site.local(value):%d.%m.%Y %H:%M}"
        if name == "receipt" and isinstance(value, int):
            return str(ReceiptNumber(site.till_code, value))
        if name in ("meter", "number") and isinstance(value, str) and value.isdigit():
            return " ".join(value[i : i + 4] for i in range(0, len(value), 4))
        return plain_param(name, value)

    return format_param


def tell(
    code: str,
    params: Mapping[str, object],
    *,
    outcome: Outcome | None = None,
    format_param: Formatter | None = None,
    translate: Callable[[str], str] = str,
) -> Told:
    """The message of a code. A code without words still says that nothing is lost."""
    words = WORDS.get(code, UNLISTED)
    if outcome is Outcome.UNKNOWN and code not in SAY_IT_THEMSELVES:
        words = (words[0], *UNKNOWN_OUTCOME)
    show = format_param or plain_param
    filled = {name: show(name, value) for name, value in params.items()}
    what, safe, act = (fill(translate(sentence), filled) for sentence in words)
    short = SHORT.get(code, "")
    return Told(code, what, safe, act, fill(translate(short), filled) if short else what)


def english(error: PosError, currency: Currency | None = None) -> Told:
    """The message of an error in English, for the command line."""

    def show(name: str, value: object) -> str:
        if currency is not None and name.endswith("_minor") and isinstance(value, int):
            return money_text(value, currency)
        return plain_param(name, value)

    outcome = getattr(error, "outcome", None)
    return tell(error.code, error.params, outcome=outcome, format_param=show)


def fill(sentence: str, params: Mapping[str, str]) -> str:
    """Put parameters in; one that is missing is left out together with the blank before it."""

    def put(match: re.Match[str]) -> str:
        value = params.get(match.group(2))
        return "" if value is None else match.group(1) + value

    return re.sub(r"(\s?)\{(\w+)\}", put, sentence)
