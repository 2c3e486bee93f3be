"""Facts round trip through their bodies, and stay small."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from posapp.domain.cash import CashKind
from posapp.domain.meter import EncryptionAlgorithm, KeyType, MeterConfiguration
from posapp.domain.sale import LineKind, SaleKind, SaleLine, Tender, TenderKind, TokenKind
from posapp.domain.standing import FeeState, Rate
from posapp.errors import InputError
from posapp.journal import facts
from posapp.journal.cash_facts import CashMoved, Commission, ModuleCount, ZMade
from posapp.journal.chain import Entry
from posapp.journal.facts import (
    ClockCorrected,
    Fact,
    KeyChangeAnswered,
    ModuleLoaded,
    OverrideSigned,
    RefundRequested,
    SaleEnded,
    SaleIntended,
    SaleIssued,
    SaleRetimed,
    SaleUncertain,
    SaleVoided,
    ShiftClosed,
    ShiftOpened,
    TillEnrolled,
    TokenItem,
)

numbers = st.integers(0, 2**40)
small = st.integers(0, 9999)
money = st.integers(-(10**12), 10**12)
words = st.text(max_size=20)
sale_ids = st.binary(min_size=16, max_size=16)
tokens = st.from_regex(r"[0-9]{20}", fullmatch=True)
configurations = st.builds(
    MeterConfiguration,
    ea=st.sampled_from(EncryptionAlgorithm),
    sgc=st.from_regex(r"[0-9]{6}", fullmatch=True),
    krn=st.integers(1, 9),
    ti=st.from_regex(r"[0-9]{2}", fullmatch=True),
    base_date=st.sampled_from([1993, 2014, 2035]),
    ken=st.integers(0, 255),
    tct=st.sampled_from([1, 2, 7]),
    kt=st.sampled_from(KeyType),
)
lines = st.builds(
    SaleLine,
    kind=st.sampled_from(LineKind),
    code=words,
    amount_minor=money,
    units_tenths=numbers,
    rate=words,
)
tenders = st.one_of(
    st.builds(Tender, st.just(TenderKind.CASH), numbers),
    st.builds(
        Tender,
        st.sampled_from([TenderKind.MOBILE, TenderKind.CARD, TenderKind.ACCOUNT]),
        numbers,
        st.from_regex(r"[A-Z0-9]{1,20}", fullmatch=True),
    ),
)
items = st.builds(
    TokenItem,
    kind=st.sampled_from(TokenKind),
    subclass=st.integers(0, 15),
    tid=numbers,
    units=numbers,
    value_minor=numbers,
    reserved=st.booleans(),
)
sales = st.builds(
    SaleIntended,
    sale_id=sale_ids,
    receipt=st.integers(1, 9_999_999),
    shift=small,
    operator_id=small,
    business_date=st.dates(date(2014, 1, 1), date(2099, 12, 31)),
    meter=st.from_regex(r"[0-9]{11}", fullmatch=True),
    configuration=configurations,
    customer_id=numbers,
    tariff=words,
    currency=st.sampled_from(["KES", "ZAR"]),
    lines=st.lists(lines, max_size=6).map(tuple),
    tenders=st.lists(tenders, max_size=3).map(tuple),
    units_tenths=numbers,
    month_units_before=numbers,
    items=st.lists(items, max_size=4).map(tuple),
    module_id=words,
    sequence=numbers,
    kind=st.sampled_from(SaleKind),
    reason=words,
    reference=words,
    batch=st.one_of(st.just(b""), sale_ids),
    free_tenths=st.one_of(st.just(0), numbers),
    fees=st.lists(
        st.tuples(words, st.builds(FeeState, st.none() | st.dates(), numbers)), max_size=3
    ).map(tuple),
    rate=st.none()
    | st.builds(Rate, st.just("USD"), st.decimals(1, 1000, places=4), st.dates(date(2014, 1, 1))),
    invoice=st.one_of(st.just(("", "")), st.tuples(words, words)),
)
days = st.dates(date(2014, 1, 1), date(2099, 12, 31))
cash_moves = st.builds(
    CashMoved, st.sampled_from(CashKind), small, small, days, st.just("KES"), numbers, words,
    words, small, small,
)  # fmt: skip
zs = st.builds(
    ZMade, small, small, small, days, st.just("KES"), numbers, numbers, numbers, numbers,
    st.binary(max_size=40),
    st.lists(st.builds(Commission, words, numbers, words, money), max_size=3).map(tuple),
    st.builds(
        ModuleCount, words, numbers, numbers, small, small,
        st.lists(numbers, max_size=4).map(tuple),
    ),
    small, small,
)  # fmt: skip
any_fact: st.SearchStrategy[Fact] = st.one_of(
    st.builds(TillEnrolled, words, st.binary(min_size=32, max_size=32)),
    st.builds(ShiftOpened, small, small, money),
    st.builds(ShiftOpened, small, small, money, days, st.just("KES")),
    cash_moves,
    zs,
    st.builds(
        ShiftClosed,
        small,
        small,
        money,
        money,
        st.lists(st.tuples(small, small), max_size=12).map(tuple),
        words,
        small,
        small,
    ),
    sales,
    st.builds(SaleRetimed, sale_ids, st.lists(items, max_size=4).map(tuple), numbers),
    st.builds(SaleIssued, numbers, st.lists(tokens, max_size=8).map(tuple), numbers),
    st.builds(SaleEnded, numbers, st.sampled_from([0, 1]), words),
    st.builds(SaleUncertain, numbers, words),
    st.builds(ClockCorrected, numbers, numbers),
    st.builds(ModuleLoaded, words, words, numbers, numbers, numbers),
    st.builds(SaleVoided, numbers, small, small),
    st.builds(
        RefundRequested,
        *(numbers, small, small, numbers, numbers, words, words, words, small, words),
    ),
    st.builds(KeyChangeAnswered, numbers, words, st.booleans(), small),
    st.builds(OverrideSigned, words, sale_ids, small, small, words, words, sale_ids, small),
)


@given(any_fact)
def test_every_fact_reads_back_from_its_entry(fact: Fact):
    entry = Entry(7, fact.KIND, fact.VERSION, 1_795_060_800_000, fact.to_body())
    again = Entry.from_bytes(entry.to_bytes())
    assert facts.read(again.kind, again.version, again.body) == fact


@given(sales)
def test_a_usual_sale_reads_back_too(sale: SaleIntended):
    """The body leaves out what follows from the lines; that path needs its own examples."""
    energy = tuple(replace(line, kind=LineKind.ENERGY) for line in sale.lines)
    units = sum(line.units_tenths for line in energy)
    amount = sum(line.amount_minor for line in energy)
    usual = replace(
        sale,
        lines=energy,
        units_tenths=units,
        items=(TokenItem(TokenKind.CREDIT, 0, 6_700_000, units, amount),),
    )
    assert facts.read(10, 1, usual.to_body()) == usual
    assert usual.to_body()[14] == [[6_700_000]]


def test_a_sale_of_nothing_new_has_no_new_keys_and_reads_as_before():
    """Journals of tills that never had free units, fees or rates are read the same for ever."""
    sale = a_usual_sale()
    assert sorted(sale.to_body()) == [*range(12), 13, 14, 15, 16]
    read = facts.read(10, 1, sale.to_body())
    assert isinstance(read, SaleIntended)
    assert (read.free_tenths, read.fees, read.rate, read.invoice) == (0, (), None, ("", ""))


NEW_KEYS = {
    17: {"free_tenths": 500},
    18: {
        "fees": (
            ("charge", FeeState(date(2026, 11, 19), 9_130)),
            ("service", FeeState(None, 0)),
        )
    },
    19: {"rate": Rate("USD", Decimal("129.2400"), date(2026, 11, 17))},
    20: {"invoice": ("TAX INVOICE", "VAT is shown")},
}


@pytest.mark.parametrize("key", NEW_KEYS)
def test_what_is_new_in_a_sale_has_a_key_of_its_own(key: int):
    sale = replace(a_usual_sale(), **NEW_KEYS[key])
    body = sale.to_body()
    assert sorted(set(body) - set(a_usual_sale().to_body())) == [key]
    assert facts.read(10, 1, body) == sale


@pytest.mark.parametrize(
    ("key", "value"),
    [
        (17, "500"),
        (17, 1 << 63),
        (18, [["charge", 739_000]]),
        (18, [["charge", -1, 0]]),
        (18, [["charge", 10**9, 0]]),
        (18, [[7, 0, 0]]),
        (18, {}),
        (19, ["USD", "much", 739_000]),
        (19, ["USD", "NaN", 739_000]),
        (19, ["USD", "0", 739_000]),
        (19, ["USD", "1E+999999", 739_000]),
        (19, ["USD", "1E-999999", 739_000]),
        (19, ["USD", "1.0"]),
        (19, ["USD", "1.0", 0]),
        (19, "USD"),
        (20, ["only"]),
        (20, ["TAX INVOICE", 7]),
    ],
)
def test_a_new_key_with_something_else_in_it_is_refused(key: int, value: object):
    with pytest.raises(InputError, match="JOURNAL_ENTRY_INVALID"):
        facts.read(10, 1, {**a_usual_sale().to_body(), key: value})


def test_kinds_are_numbered_once_and_for_ever():
    kinds = {cls: kind for (kind, _), reader in facts._READERS.items() for cls in [reader.__self__]}
    assert {cls.__name__: kind for cls, kind in kinds.items()} == {
        "TillEnrolled": 1,
        "ShiftOpened": 3,
        "ShiftClosed": 4,
        "CashMoved": 5,
        "ZMade": 6,
        "SaleIntended": 10,
        "SaleRetimed": 11,
        "SaleIssued": 12,
        "SaleEnded": 13,
        "SaleUncertain": 14,
        "SaleVoided": 15,
        "RefundRequested": 16,
        "KeyChangeAnswered": 17,
        "SaleSettled": 18,
        "ClockCorrected": 30,
        "ClockSet": 31,
        "ModuleLoaded": 40,
        "OverrideSigned": 41,
        "StoreRestored": 50,
        "AnswersRecovered": 51,
        "OrphanFound": 52,
        "OrphanSettled": 53,
        "PersonErased": 42,
    }


def test_a_kind_of_later_software_is_no_error():
    assert facts.read(99, 1, {0: "new"}) is None
    assert facts.read(10, 2, {0: "new"}) is None


@pytest.mark.parametrize("body", [{}, {0: 1}, {0: 1, 1: 5, 2: None}])
def test_a_known_kind_with_an_impossible_body_is_refused(body: dict[int, object]):
    with pytest.raises(InputError) as caught:
        facts.read(12, 1, body)
    assert caught.value.code == "JOURNAL_ENTRY_INVALID"


hostile = st.recursive(
    st.one_of(
        st.none(),
        st.booleans(),
        st.integers(-(2**70), 2**70),
        st.text(max_size=3),
        st.binary(max_size=3),
    ),
    lambda inner: st.lists(inner, max_size=3),
    max_leaves=4,
)


def leaves(value: object) -> list[object]:
    if isinstance(value, list | tuple):
        return [leaf for item in value for leaf in leaves(item)]
    return [value]


@given(any_fact, st.integers(0, 20), hostile)
def test_a_field_that_is_something_else_is_refused_or_fits(fact: Fact, key: int, value: object):
    body = {**fact.to_body(), key: value}
    try:
        read = facts.read(fact.KIND, fact.VERSION, body)
    except InputError:
        return
    for leaf in leaves(list(read.to_body().values())):
        assert leaf is not None
        assert not isinstance(leaf, int) or -(2**63) <= leaf < 2**63


@pytest.mark.parametrize("value", [1 << 63, -(1 << 63) - 1, None, "7", b"7", True, [7], {0: 7}])
def test_a_number_that_no_database_holds_is_refused(value: object):
    with pytest.raises(InputError, match="JOURNAL_ENTRY_INVALID"):
        facts.read(3, 1, {0: value, 1: 3, 2: 500})
    with pytest.raises(InputError, match="JOURNAL_ENTRY_INVALID"):
        facts.read(10, 1, {**a_usual_sale().to_body(), 10: [[1, "block 1", value, 73, "16"]]})


def a_usual_sale() -> SaleIntended:
    return SaleIntended(
        sale_id=bytes(range(16)),
        receipt=4711,
        shift=12,
        operator_id=3,
        business_date=date(2026, 11, 19),
        meter="45123098761",
        configuration=MeterConfiguration(EncryptionAlgorithm.MISTY1, "600675", 1, "01", 2014),
        customer_id=417,
        tariff="dom@3",
        currency="KES",
        lines=(
            SaleLine(LineKind.ENERGY, "block 1", 12_045, 73, "16.50"),
            SaleLine(LineKind.LEVY, "levy", 326, 0, "0.035"),
            SaleLine(LineKind.TAX, "vat", 2_734, 0, "16"),
        ),
        tenders=(Tender(TenderKind.CASH, 20_000),),
        units_tenths=73,
        month_units_before=410,
        items=(TokenItem(TokenKind.CREDIT, 0, 6_777_000, 73, 15_105),),
        module_id="RM-00117",
        sequence=4711,
    )


def test_a_whole_sale_takes_at_most_250_bytes_of_journal():
    sale = a_usual_sale()
    issued = SaleIssued(9_000, ("12345678901234567890",), 90_000)
    both = [
        Entry(9_000 + n, fact.KIND, fact.VERSION, 1_795_060_800_000, fact.to_body()).to_bytes()
        for n, fact in enumerate((sale, issued))
    ]
    assert sum(map(len, both)) <= 250


def test_a_sale_names_nobody():
    data = Entry(1, 10, 1, 1, a_usual_sale().to_body()).to_bytes()
    fields = SaleIntended.__dataclass_fields__
    assert not {"name", "phone", "address", "account"} & set(fields)
    assert b"Kisumu" not in data
