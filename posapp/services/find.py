"""Find a meter from whatever the customer has: a number, a name, a phone, an old receipt."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from enum import StrEnum

from posapp.clock import Clock
from posapp.domain.digits import is_digits, joined
from posapp.domain.ids import ReceiptNumber
from posapp.domain.meter import MeterNumber, luhn_digit
from posapp.errors import InputError, PosError
from posapp.ports import FoundMeter, Reader, Store
from posapp.sts.card import is_card
from posapp.sts.numbers import DRN_LENGTHS, valid_neighbours
from posapp.sts.scan import Form, read_scan

HITS_MAX = 50
DIGITS_MIN = 3  # fewer digits would match half the town
TEXT_MAX = 80
WORDS_MAX = 6


class QueryKind(StrEnum):
    """What the text in the search box was taken for."""

    EMPTY = "empty"
    METER = "meter"
    DIGITS = "digits"
    WORDS = "words"
    RECEIPT = "receipt"


@dataclass(frozen=True, slots=True)
class FindResult:
    """Hits for a text. `complete`: this number is known and starts no longer one, so go on.

    `problem` is an error code with `params` when the text cannot be a number that exists.
    """

    text: str
    kind: QueryKind
    hits: tuple[FoundMeter, ...] = ()
    more: bool = False
    complete: bool = False
    problem: str = ""
    params: dict[str, object] = field(default_factory=dict)


class Find:
    """Runs on the lookup lane; every question has a limit and an index behind it."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    def __call__(self, text: str) -> FindResult:
        """Classify and search. Raises nothing for odd text: the result says what is wrong."""
        text = text.strip()[:TEXT_MAX]
        if not text:
            return FindResult(text, QueryKind.EMPTY)
        if is_card(text):
            return self._other_form(text)
        digits = joined(text)
        if is_digits(digits):
            found = self._digits(text, digits)
            return found if found.hits or len(digits) in DRN_LENGTHS else self._other_form(text)
        if re.fullmatch(r"(?=.*[0-9])[A-Za-z0-9]{4}-?[0-9]{7}-?[0-9]", text):
            return self._receipt(text)
        return self._words(text)

    def recent(self, limit: int = 7) -> tuple[FoundMeter, ...]:
        """Customers of the newest sales, newest first."""
        return self._store.read(lambda reader: reader.recent_meters(limit))

    def _digits(self, text: str, digits: str) -> FindResult:
        whole = len(digits) in DRN_LENGTHS
        if whole and luhn_digit(digits[:-1]) == digits[-1]:
            number = MeterNumber(digits)
            found = self._store.read(lambda reader: reader.meter(number))
            if found is not None:
                longer = len(digits) == 11 and self._starts_longer(digits)
                return FindResult(text, QueryKind.METER, (found,), complete=not longer)
        if len(digits) < DIGITS_MIN:
            return FindResult(text, QueryKind.DIGITS)
        hits = self._store.read(lambda reader: reader.search_digits(digits, HITS_MAX + 1))
        if hits or not whole:
            problem = "" if hits else "NOT_FOUND"
            return self._result(text, QueryKind.DIGITS, hits, problem)
        return self._no_such_number(text, digits)

    def _other_form(self, text: str) -> FindResult:
        """A PAN, a padded barcode or a meter card; what is none of them was not found."""
        try:
            scan = read_scan(text)
            if scan.card is not None:
                today = self._store.read(lambda reader: reader.site()).local(self._clock.now())
                scan.card.check_expiry(today.date())
        except PosError as error:
            return FindResult(text, QueryKind.METER, problem=error.code, params=error.params)
        number = scan.number
        if number is None:
            few = sum(c.isdigit() for c in text) < DIGITS_MIN
            problem = "TOKEN_NOT_METER" if scan.form is Form.TOKEN else "NOT_FOUND"
            return FindResult(text, QueryKind.DIGITS, problem="" if few else problem)
        hit = self._store.read(lambda reader: reader.meter(number))
        if hit is None:
            return FindResult(text, QueryKind.METER, problem="METER_NOT_FOUND")
        return FindResult(text, QueryKind.METER, (hit,), complete=True)

    def _starts_longer(self, digits: str) -> bool:
        hits = self._store.read(lambda reader: reader.search_digits(digits, 3))
        return any(
            hit.meter.number.digits != digits and hit.meter.number.digits.startswith(digits)
            for hit in hits
        )

    def _no_such_number(self, text: str, digits: str) -> FindResult:
        if luhn_digit(digits[:-1]) == digits[-1]:
            return FindResult(text, QueryKind.METER, problem="METER_NOT_FOUND")

        def near(reader: Reader) -> tuple[FoundMeter, ...]:
            found = (reader.meter(MeterNumber(n)) for n in valid_neighbours(digits))
            return tuple(hit for hit in found if hit is not None)

        hits = self._store.read(near)
        params: dict[str, object] = {"number": digits}
        return FindResult(text, QueryKind.METER, hits, problem="METER_CHECK_DIGIT", params=params)

    def _receipt(self, text: str) -> FindResult:
        try:
            number = ReceiptNumber.parse(text)
        except InputError as error:
            words = self._words(text)  # an account may look like a receipt number
            if words.hits:
                return words
            return FindResult(text, QueryKind.RECEIPT, problem=error.code, params=error.params)

        def look(reader: Reader) -> FoundMeter | None:
            if reader.site().till_code != number.till_code:
                return None
            sale = reader.sale_by_receipt(number.number)
            return reader.meter(MeterNumber(sale.intent.meter)) if sale else None

        hit = self._store.read(look)
        if hit is None:
            return FindResult(text, QueryKind.RECEIPT, problem="RECEIPT_NOT_FOUND")
        return FindResult(text, QueryKind.RECEIPT, (hit,), complete=True)

    def _words(self, text: str) -> FindResult:
        words = re.findall(r"\w+", text)[:WORDS_MAX]
        if not words or all(len(word) < 2 for word in words):
            return FindResult(text, QueryKind.WORDS)
        hits = self._store.read(lambda reader: reader.search_words(words, HITS_MAX + 1))
        if not hits:
            hits = self._store.read(lambda reader: reader.search_account(text, HITS_MAX + 1))
        return self._result(text, QueryKind.WORDS, hits, "" if hits else "NOT_FOUND")

    def _result(
        self, text: str, kind: QueryKind, hits: tuple[FoundMeter, ...], problem: str
    ) -> FindResult:
        return FindResult(text, kind, hits[:HITS_MAX], len(hits) > HITS_MAX, problem=problem)
