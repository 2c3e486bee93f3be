"""Finding meters: from either end of the number, by words in any order, by account and phone."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from posapp.domain.customer import Customer
from posapp.store import search
from posapp.store.feed import SqlSyncStore
from posapp.store.store import SqlStore
from posapp.wire.feed import Entity, FeedRow
from tests.stores import Seller, a_customer, a_meter, a_meter_number, a_store

PEOPLE = (
    Customer(1, "Achieng Wanjiru Njoroge", "LP-000417", "+254 722 123456", "12 Market Rd, Kisumu"),
    Customer(2, "José Muñoz", "LP-000418", "0722 999 888", "Plot 7, Nyalenda"),
    Customer(3, "Ng'ang'a Kamau", "", "", "Estate 12B"),
    Customer(4, "Wanjiru Achieng", "77 12-3", "0733 000 111", "Kisumu Road 3"),
    Customer(5, "Wanjirukamau Otieno", "LP-000420", "", ""),
)


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory):
    made = a_store(tmp_path_factory.mktemp("search"))
    rows = [FeedRow(n, Entity.CUSTOMER, str(p.customer_id), p) for n, p in enumerate(PEOPLE, 1)]
    for number in range(1, 61):
        meter = a_meter(number, customer_id=number if number <= 5 else 0)
        rows.append(FeedRow(len(rows) + 1, Entity.METER, meter.number.digits, meter))
    second = a_meter(61, customer_id=1)
    rows.append(FeedRow(len(rows) + 1, Entity.METER, second.number.digits, second))
    SqlSyncStore(made).apply_rows("global", rows, len(rows))
    Seller(made).sell(meter=3)
    yield made
    made.close()


def _words(store: SqlStore, text: str, limit: int = 20) -> list[str]:
    found = store.read(lambda reader: reader.search_words(text.split(), limit))
    return [hit.customer.name for hit in found if hit.customer is not None]


def _digits(store: SqlStore, digits: str, limit: int = 20) -> list[str]:
    found = store.read(lambda reader: reader.search_digits(digits, limit))
    return [hit.meter.number.digits for hit in found]


def test_an_exact_number_brings_the_meter_its_customer_and_its_last_sale(store: SqlStore):
    found = store.read(lambda reader: reader.meter(a_meter_number(3)))
    assert found is not None
    assert found.meter == a_meter(3, customer_id=3)
    assert found.customer == PEOPLE[2]
    assert found.last_sale is not None and found.last_sale.amount_minor == 20_000
    without = store.read(lambda reader: reader.meter(a_meter_number(50)))
    assert without is not None and (without.customer, without.last_sale) == (None, None)
    assert store.read(lambda reader: reader.meter(a_meter_number(9999))) is None


def test_the_first_digits_find_all_that_start_so(store: SqlStore):
    numbers = [a_meter_number(n).digits for n in range(1, 62)]
    start = numbers[9][:9]
    assert set(_digits(store, start)) >= {n for n in numbers if n.startswith(start)}
    assert numbers[9] in _digits(store, start)


def test_the_last_digits_find_the_meter(store: SqlStore):
    number = a_meter_number(17).digits
    assert _digits(store, number[-6:]) == [number]


def test_few_last_digits_are_not_asked(store: SqlStore):
    numbers = [a_meter_number(n).digits for n in range(1, 62)]
    end = numbers[4][-2:]
    assert all(n.startswith(end) for n in _digits(store, end))


def test_a_whole_number_comes_first(store: SqlStore):
    number = a_meter_number(20).digits
    assert _digits(store, number)[0] == number


def test_starts_and_ends_share_a_full_page(store: SqlStore):
    numbers = [a_meter_number(n).digits for n in range(1, 62)]
    digits = "450"  # every number starts so
    ends = {n for n in numbers if n.endswith(digits)}
    found = _digits(store, digits, limit=10)
    assert len(found) == 10
    assert ends <= set(found)


@pytest.mark.parametrize("typed", ["0722123456", "254722123456", "722123456", "00254722123456"])
def test_a_phone_is_found_however_it_is_written(store: SqlStore, typed: str):
    assert _digits(store, typed) == [a_meter_number(1).digits, a_meter_number(61).digits]


def test_a_few_digits_are_no_phone(store: SqlStore):
    assert a_meter_number(1).digits not in _digits(store, "23456")


@pytest.mark.parametrize("typed", ["LP-000417", "lp000417", "LP 000 417"])
def test_an_account_is_found_whatever_its_punctuation(store: SqlStore, typed: str):
    found = store.read(lambda reader: reader.search_account(typed, 20))
    assert {hit.customer.customer_id for hit in found if hit.customer} == {1}


def test_an_account_of_digits_is_found_among_digits(store: SqlStore):
    assert _digits(store, "77123") == [a_meter_number(4).digits]


def test_no_account_is_no_ones_account(store: SqlStore):
    assert store.read(lambda reader: reader.search_account("", 20)) == ()
    assert store.read(lambda reader: reader.search_account("--", 20)) == ()


def test_words_come_in_any_order_and_each_may_be_a_beginning(store: SqlStore):
    both = {"Achieng Wanjiru Njoroge", "Wanjiru Achieng"}
    assert set(_words(store, "wanjiru achieng")) == both
    assert set(_words(store, "ACHIENG wanj")) == both
    assert set(_words(store, "wanj ach njo")) == {"Achieng Wanjiru Njoroge"}
    assert _words(store, "w achieng njo") == []  # one letter is no beginning, unless it is last


def test_the_name_as_typed_comes_first(store: SqlStore):
    assert _words(store, "wanjiru achieng")[0] == "Wanjiru Achieng"
    assert _words(store, "achieng wanjiru")[0] == "Achieng Wanjiru Njoroge"
    assert _words(store, "wanjiru")[-1] == "Wanjirukamau Otieno"


def test_accents_do_not_matter(store: SqlStore):
    assert _words(store, "jose munoz") == ["José Muñoz"]
    assert _words(store, "JOSÉ MUÑ") == ["José Muñoz"]


def test_an_apostrophe_is_no_grammar(store: SqlStore):
    assert _words(store, "ng'ang'a") == ["Ng'ang'a Kamau"]
    assert _words(store, "kamau ng'a") == ["Ng'ang'a Kamau"]


def test_an_address_is_found_with_a_name(store: SqlStore):
    assert _words(store, "nyalenda 7") == ["José Muñoz"]
    assert _words(store, "market achieng") == ["Achieng Wanjiru Njoroge"] * 2


def test_a_customer_with_two_meters_brings_both(store: SqlStore):
    found = store.read(lambda reader: reader.search_words(["njoroge"], 20))
    assert {hit.meter.number for hit in found} == {a_meter_number(1), a_meter_number(61)}
    assert len(store.read(lambda reader: reader.search_words(["njoroge"], 1))) == 1


@pytest.mark.parametrize(
    "text",
    ['"', "*", "(", "NOT", "OR AND", "a OR b", "name:x", "-", "^a", "'", "a*b", "NEAR(a b)", "\0"],
)
def test_nothing_typed_is_taken_for_grammar(store: SqlStore, text: str):
    store.read(lambda reader: reader.search_words(text.split(), 20))


@given(st.text(max_size=30))
@settings(max_examples=200)
def test_any_text_can_be_typed(store: SqlStore, text: str):
    store.read(lambda reader: reader.search_words([text], 20))
    store.read(lambda reader: reader.search_words(text.split(), 20))
    store.read(lambda reader: reader.search_account(text, 20))


names = st.lists(
    st.text(st.characters(categories=["Lu", "Ll", "Lo", "Nd"]), min_size=1, max_size=8),
    min_size=1,
    max_size=3,
).map(" ".join)


@given(names)
@example("0ᦰ0")  # a letter now, and none when the index's tables were made
@example("Amina ᦰᦰ Njoroge")
@settings(max_examples=60)
def test_everyone_is_found_by_their_own_name(store: SqlStore, name: str):
    number = 900
    person = a_customer(number, name)
    sync = SqlSyncStore(store)
    at = sync.cursor("names")
    meter = a_meter(number, customer_id=number)
    rows = [
        FeedRow(at + 1, Entity.CUSTOMER, str(number), person),
        FeedRow(at + 2, Entity.METER, meter.number.digits, meter),
    ]
    sync.apply_rows("names", rows, at + 2)
    words = search.words_of(name)
    found = store.read(lambda reader: reader.search_words(words, 200))
    assert meter.number in {hit.meter.number for hit in found}


def test_recent_meters_are_the_newest_each_once(tmp_path: Path):
    store = a_store(tmp_path)
    rows = [FeedRow(n, Entity.METER, a_meter(n).number.digits, a_meter(n)) for n in range(1, 6)]
    SqlSyncStore(store).apply_rows("global", rows, 5)
    seller = Seller(store)
    for meter in (1, 2, 3, 2, 1, 9):  # 9 is no meter of this town any more
        seller.sell(meter)
    seller.begin(5)  # not sold
    recent = store.read(lambda reader: reader.recent_meters(2))
    assert [hit.meter.number for hit in recent] == [a_meter_number(1), a_meter_number(2)]
    store.close()


@pytest.mark.parametrize("char", ["\ufe20", "\u0305", "\u19b0", "\u1cf2", '"', "*", "\u0301"])
def test_an_odd_sign_in_a_word_is_no_error(store: SqlStore, char: str):
    assert isinstance(_words(store, f"ab{char}cd"), list)


def test_limits_hold(store: SqlStore):
    assert len(_digits(store, "45", limit=7)) == 7
    assert _digits(store, "45", limit=0) == []
    assert _words(store, "wanjiru", limit=0) == []
    assert len(search.words_of("a " * 50)) == search.WORDS_MAX
