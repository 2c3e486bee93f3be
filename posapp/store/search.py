"""Finding meters: by digits from either end, by words in any order, by account and phone.

Every question walks an index and stops at a limit; what is best is decided here in Python over
at most 200 rows, because ordering inside the word index takes as long as the town is large.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import replace
from itertools import zip_longest
from typing import Any

from sqlalchemy import Connection
from sqlcipher3 import dbapi2

from posapp.clock import from_epoch_ms
from posapp.db.engine import driver_rows
from posapp.domain.customer import Customer
from posapp.domain.meter import (
    EncryptionAlgorithm,
    KeyType,
    Meter,
    MeterConfiguration,
    MeterNumber,
    MeterState,
)
from posapp.ports import FoundMeter, LastSale

ROWS_MAX = 200  # candidates looked at; more would not fit a screen after ranking either
WORDS_MAX = 8
DIGITS_MAX = 40
END_DIGITS_MIN = 3  # fewer last digits than this say nothing
PREFIX_MIN = 2  # shortest beginning the word index keeps
PHONE_DIGITS_MIN = 6
PHONE_DIGITS_KEPT = 9  # without country code and trunk zero, so that both spellings meet

# The combining accents from U+0300 on that SQLite's unicode61 tokenizer folds, one bit each.
_ACCENTS = 0x361F8 << 32 | 0x8029FDF

_FOUND = """
SELECT m.number, m.ea, m.sgc, m.krn, m.ti, m.base_date, m.ken, m.tct, m.kt, m.tariff,
  m.customer_id, m.state, m.phases, m.maker, m.ct_ratio,
  c.customer_id, c.name, c.account, c.phone, c.address,
  s.at_ms, s.amount_minor, s.units_tenths,
  m.pending_sgc, m.pending_krn, m.pending_ti, m.pending_base_date, m.pending_ken
FROM {source} LEFT JOIN customer c ON c.customer_id = m.customer_id
LEFT JOIN sale s ON s.place = (
  SELECT l.place FROM sale l WHERE l.meter = m.number AND l.state = 1 AND l.kind = 0
  ORDER BY l.month DESC, l.place DESC LIMIT 1)
WHERE {where} LIMIT ?"""

EXACT = _FOUND.format(source="meter m", where="m.number = ?")
STARTS = _FOUND.format(source="meter m", where="m.number >= ? AND m.number < ?")
ENDS = _FOUND.format(source="meter m", where="m.reversed >= ? AND m.reversed < ?")
OF_CUSTOMER = _FOUND.format(source="meter m", where="m.customer_id = ?")
_BY_CUSTOMER = "customer k CROSS JOIN meter m"
BY_ACCOUNT = _FOUND.format(
    source=_BY_CUSTOMER,
    where="k.account_key = ? AND k.account_key <> '' AND m.customer_id = k.customer_id",
)
BY_PHONE = _FOUND.format(
    source=_BY_CUSTOMER,
    where="k.phone_reversed >= ? AND k.phone_reversed < ? AND k.phone_reversed <> ''"
    " AND m.customer_id = k.customer_id",
)
WORDS = """
SELECT k.customer_id, k.name, k.address FROM customer_words w
JOIN customer k ON k.customer_id = w.rowid WHERE customer_words MATCH ? LIMIT ?"""


def reversed_digits(text: str) -> str:
    """Digits from the last to the first, for a prefix search from the end."""
    return text[::-1]


def phone_key(phone: str) -> str:
    """The last nine digits, reversed: the same for 0722 123456 and +254 722 123456."""
    digits = "".join(c for c in phone if c.isascii() and c.isdigit())
    return digits[::-1][:PHONE_DIGITS_KEPT] if len(digits) >= PHONE_DIGITS_MIN else ""


def account_key(account: str) -> str:
    """Letters and digits only, in capitals: how accounts are compared."""
    return "".join(c for c in account if c.isalnum()).upper()


def words_of(text: str) -> tuple[str, ...]:
    """The words as the index sees them: runs of letters, digits and their marks."""
    shown = "".join(c if _in_word(c) else " " for c in text)
    return tuple(shown.split())[:WORDS_MAX]


def _in_word(char: str) -> bool | int:
    """Exactly what the index's tokenizer keeps inside a word: letters, numbers, and the accents
    that it folds. Any other mark ends a word there, and so it must here.
    """
    category = unicodedata.category(char)
    accent = ord(char) - 0x300
    return category[0] in "LN" or category == "Co" or (0 <= accent < 50 and _ACCENTS >> accent & 1)


def folded(word: str) -> str:
    """Lower case without accents, for ranking."""
    plain = unicodedata.normalize("NFD", word.lower())
    return "".join(c for c in plain if unicodedata.category(c) != "Mn")


def exact(connection: Connection, number: MeterNumber) -> FoundMeter | None:
    """One meter by its whole number."""
    rows = driver_rows(connection, EXACT, (number.digits, 1))
    return _found(rows[0]) if rows else None


def by_digits(connection: Connection, digits: str, limit: int) -> tuple[FoundMeter, ...]:
    """Exact number, account and phone first; then starts and ends of numbers in turn."""
    limit = min(limit, ROWS_MAX)
    digits = digits[:DIGITS_MAX]
    if not digits or limit < 1:
        return ()
    starts = driver_rows(connection, STARTS, (*_range(digits), limit))
    ends = []
    if len(digits) >= END_DIGITS_MIN:
        ends = driver_rows(connection, ENDS, (*_range(reversed_digits(digits)), limit))
    whole = [row for row in starts if row[0] == digits]
    accounts = driver_rows(connection, BY_ACCOUNT, (digits, limit))
    phones = []
    if (key := phone_key(digits)) != "":
        phones = driver_rows(connection, BY_PHONE, (*_range(key), limit))
    turns = (row for pair in zip_longest(starts, ends) for row in pair if row is not None)
    return _first_of_each([*whole, *accounts, *phones, *turns], limit)


def by_account(connection: Connection, account: str, limit: int) -> tuple[FoundMeter, ...]:
    """Meters of the customers with exactly this account, whatever its punctuation."""
    limit = min(limit, ROWS_MAX)
    rows = driver_rows(connection, BY_ACCOUNT, (account_key(account), limit))
    return _first_of_each(rows, limit)


def by_words(connection: Connection, words: Sequence[str], limit: int) -> tuple[FoundMeter, ...]:
    """Meters of customers with all words in name or address, best names first."""
    limit = min(limit, ROWS_MAX)
    typed = tuple(word for text in words for word in words_of(text))[:WORDS_MAX]
    if not typed or limit < 1:
        return ()
    people = _people(connection, typed)
    if not people:
        cut = _as_the_index_cuts(connection, typed)
        people = _people(connection, cut) if cut and cut != typed else []
        typed = cut
    if not people:
        return ()
    keys = [folded(word) for word in typed]
    people.sort(key=lambda row: (-_score(keys, row[1]), folded(row[1]), row[0]))
    found: list[Any] = []
    for customer_id, _, _ in people:
        found += driver_rows(connection, OF_CUSTOMER, (customer_id, limit - len(found)))
        if len(found) >= limit:
            break
    return _first_of_each(found, limit)


def of_customer(connection: Connection, customer_id: int) -> tuple[FoundMeter, ...]:
    """A customer's meters, at most ROWS_MAX."""
    rows = driver_rows(connection, OF_CUSTOMER, (customer_id, ROWS_MAX))
    return tuple(_found(row) for row in rows)


def _people(connection: Connection, words: Sequence[str]) -> list[Any]:
    try:
        return list(driver_rows(connection, WORDS, (match_expression(words), ROWS_MAX)))
    except dbapi2.OperationalError as error:
        if not str(error).startswith("fts5:"):
            raise
        return []  # a letter that the index takes for none: see `_as_the_index_cuts`


def _as_the_index_cuts(connection: Connection, words: Sequence[str]) -> tuple[str, ...]:
    """The words cut at letters that are none in the index's older tables of letters.

    There such a letter parts two words, so a query with it would be one for neighbouring words,
    which this index does not keep. Asked letter by letter, and only after such a query failed.
    """
    parting = {c for c in set("".join(words)) if not c.isascii() and _parts(connection, c)}
    cut = "".join(" " if c in parting else c for c in " ".join(words))
    return tuple(cut.split())[:WORDS_MAX]


def _parts(connection: Connection, letter: str) -> bool:
    try:
        driver_rows(connection, WORDS, (f'"a{letter}b"', 1))
    except dbapi2.OperationalError as error:
        if not str(error).startswith("fts5:"):
            raise
        return True
    return False


def match_expression(words: Sequence[str]) -> str:
    """All words, each quoted so that no sign of it is grammar, and each as a beginning.

    Single letters stay whole words: as beginnings they would match half the town, and no index
    is kept for them. The last word may be one that is still being typed.
    """
    *before, last = words
    parts = [f'"{word}"' + ("*" if len(word) >= PREFIX_MIN else "") for word in before]
    return " AND ".join([*parts, f'"{last}"*'])


def _score(keys: list[str], name: str) -> int:
    """Whole words of the name weigh most, then their beginnings, then the address."""
    own = [folded(word) for word in words_of(name)]
    score = 0
    for place, key in enumerate(keys):
        if key in own:
            score += 4 + (place < len(own) and own[place] == key)
        elif any(word.startswith(key) for word in own):
            score += 2
    return score


def _range(digits: str) -> tuple[str, str]:
    return digits, digits + ":"  # ':' follows '9'


def _first_of_each(rows: Iterable[Any], limit: int) -> tuple[FoundMeter, ...]:
    found: dict[str, FoundMeter] = {}
    for row in rows:
        if row[0] not in found:
            found[row[0]] = _found(row)
            if len(found) == limit:
                break
    return tuple(found.values())


def _pending(present: MeterConfiguration, row: Any) -> MeterConfiguration:
    sgc, krn, ti, base_date, ken = row
    return replace(present, sgc=sgc, krn=krn, ti=ti, base_date=base_date, ken=ken)


def _found(row: Any) -> FoundMeter:
    configuration = MeterConfiguration(
        EncryptionAlgorithm(row[1]), row[2], row[3], row[4], row[5], row[6], row[7], KeyType(row[8])
    )
    meter = Meter(
        number=MeterNumber(row[0]),
        configuration=configuration,
        tariff=row[9],
        customer_id=row[10],
        state=MeterState(row[11]),
        phases=row[12],
        maker=row[13],
        ct_ratio=row[14],
        pending=None if row[23] is None else _pending(configuration, row[23:28]),
    )
    customer = None if row[15] is None else Customer(*row[15:20])
    last = None if row[20] is None else LastSale(from_epoch_ms(row[20]), row[21], row[22])
    return FoundMeter(meter, customer, last)
