"""What head office sends: applied once, in order, in small steps, and let go again."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from posapp.codec.signing import SigningKey, verify
from posapp.domain.customer import Customer
from posapp.domain.lease import Lease
from posapp.domain.meter import Meter
from posapp.domain.operator import Operator, OperatorRecord, Role
from posapp.domain.standing import Debt, FeeState, Rate, Standing
from posapp.errors import InputError, StoreError
from posapp.ports import Contact, SyncStore
from posapp.store import feed
from posapp.store.feed import SqlSyncStore
from posapp.store.store import SqlStore
from posapp.wire.feed import Entity, FeedRow, FeedValue, TariffText
from posapp.wire.lease import SignedLease
from tests.stores import (
    HEAD_OFFICE,
    START,
    TILL_ID,
    Seller,
    a_customer,
    a_meter,
    a_meter_number,
    a_store,
    again,
)


@pytest.fixture
def store(tmp_path: Path):
    made = a_store(tmp_path)
    yield made
    made.close()


@pytest.fixture
def sync(store: SqlStore) -> SqlSyncStore:
    return SqlSyncStore(store)


def row(seq: int, value: FeedValue) -> FeedRow:
    if isinstance(value, Customer):
        return FeedRow(seq, Entity.CUSTOMER, str(value.customer_id), value)
    if isinstance(value, Meter):
        return FeedRow(seq, Entity.METER, value.number.digits, value)
    if isinstance(value, TariffText):
        return FeedRow(seq, Entity.TARIFF, value.key, value)
    if isinstance(value, Standing):
        return FeedRow(seq, Entity.STANDING, value.meter.digits, value)
    if isinstance(value, Rate):
        return FeedRow(seq, Entity.RATE, value.currency, value)
    if isinstance(value, OperatorRecord):
        return FeedRow(seq, Entity.OPERATOR, str(value.operator.operator_id), value)
    return FeedRow(seq, Entity.LEASE, value.till_id.hex(), value)


def gone(seq: int, entity: str, key: str) -> FeedRow:
    return FeedRow(seq, entity, key, None, deleted=True)


def a_lease(number: int, key: SigningKey = HEAD_OFFICE, till_id: bytes = TILL_ID) -> SignedLease:
    until = datetime(2026, 12, 1, tzinfo=UTC)
    return SignedLease.sign(till_id, Lease(number, number * 1000, 500, 10, until), key)


def an_operator(verifier: str = "$argon2id$a") -> OperatorRecord:
    return OperatorRecord(Operator(3, "Grace Otieno", Role.CLERK), verifier)


def test_this_is_the_store_that_sync_asks_for(sync: SqlSyncStore):
    asked: SyncStore = sync
    assert asked.cursor("global") == 0


def test_rows_of_every_kind_arrive(store: SqlStore, sync: SqlSyncStore):
    values = [a_customer(1), a_meter(1, 1), TariffText("dom", "[x]"), an_operator(), a_lease(1)]
    sync.apply_rows("global", [row(n, v) for n, v in enumerate(values, 1)], 9)
    assert sync.cursor("global") == 9
    found = store.read(lambda reader: reader.meter(a_meter_number(1)))
    assert found is not None and (found.meter, found.customer) == (values[1], values[0])
    assert store.read(lambda reader: reader.tariff_packs("dom")) == ("[x]",)
    assert store.read(lambda reader: reader.tariff_codes()) == ("dom",)
    assert store.read(lambda reader: reader.operators()) == (an_operator(),)
    assert store.read(lambda reader: reader.lease()) == a_lease(1).lease
    assert store.read(lambda reader: reader.customer_name(1)) == a_customer(1)


def a_standing(**account: Any) -> Standing:
    return Standing(a_meter_number(1), START, **account)


def a_rate(rate: str, day: int) -> Rate:
    return Rate("USD", Decimal(rate), date(2026, 11, day))


def test_what_head_office_knows_of_an_account_arrives_and_its_newest_word_holds(
    store: SqlStore, sync: SqlSyncStore
):
    first = a_standing(entitled=True, average_tenths=0)
    fees = (("network", FeeState(date(2026, 10, 2), 9_130)),)
    second = a_standing(debts=(Debt("water", 120_000, date(2024, 1, 31)),), fees=fees)
    for seq, standing in enumerate((first, second), 1):
        sync.apply_rows("g", [row(seq, standing)], seq)
        assert store.read(lambda reader: reader.standing(a_meter_number(1))) == standing
    assert store.read(lambda reader: reader.standing(a_meter_number(2))) is None
    sync.apply_rows("g", [gone(3, Entity.STANDING, a_meter_number(1).digits)], 3)
    assert store.read(lambda reader: reader.standing(a_meter_number(1))) is None


def test_a_newer_rate_takes_the_place_of_the_older(store: SqlStore, sync: SqlSyncStore):
    sync.apply_rows("g", [row(1, a_rate("129.240", 17)), row(2, a_rate("130.10", 18))], 2)
    assert store.read(lambda reader: reader.rate("USD")) == a_rate("130.10", 18)
    assert store.read(lambda reader: reader.rate("EUR")) is None
    sync.apply_rows("g", [gone(3, Entity.RATE, "USD")], 3)
    assert store.read(lambda reader: reader.rate("USD")) is None


def test_versions_of_a_tariff_stand_beside_each_other_the_newest_first(
    store: SqlStore, sync: SqlSyncStore
):
    def texts() -> tuple[str, ...]:
        return store.read(lambda reader: reader.tariff_packs("dom"))

    values = [TariffText("dom", f"[{n}]", n) for n in (0, 2, 10, 1)] + [TariffText("com", "[c]", 3)]
    sync.apply_rows("g", [row(n, v) for n, v in enumerate(values, 1)], 5)
    assert texts() == ("[10]", "[2]", "[1]", "[0]")
    assert store.read(lambda reader: reader.tariff_codes()) == ("com", "dom")
    sync.apply_rows("g", [row(6, TariffText("dom", "[two]", 2)), gone(7, "tariff", "dom@10")], 7)
    assert texts() == ("[two]", "[1]", "[0]")
    sync.apply_rows("g", [gone(8, Entity.TARIFF, "dom")], 8)
    assert texts() == ("[two]", "[1]")
    sync.leave("g")
    assert texts() == ()


def test_what_transformers_divide_by_arrives_with_the_meter(store: SqlStore, sync: SqlSyncStore):
    for seq, ratio in enumerate((1, 40, 1), 1):
        meter = replace(a_meter(1), ct_ratio=ratio)
        sync.apply_rows("g", [row(seq, meter)], seq)
        found = store.read(lambda reader: reader.meter(a_meter_number(1)))
        assert found is not None and found.meter == meter


def test_applying_again_changes_nothing(store: SqlStore, sync: SqlSyncStore):
    rows = [row(1, a_customer(1)), row(2, a_meter(1, 1)), row(3, a_customer(1, "New Name"))]
    for _ in range(3):
        sync.apply_rows("global", rows, 3)
    sync.apply_rows("global", rows[:1], 1)  # an old message, late
    assert sync.cursor("global") == 3
    found = store.read(lambda reader: reader.search_words(["new"], 9))
    assert [hit.meter.number for hit in found] == [a_meter_number(1)]
    assert store.read(lambda reader: reader.search_words(["njoroge"], 9)) == ()


def test_a_late_message_that_overlaps_brings_only_what_is_new(store: SqlStore, sync: SqlSyncStore):
    sync.apply_rows("g", [row(1, a_customer(1)), row(2, a_customer(1, "New Name"))], 2)
    sync.apply_rows("g", [row(1, a_customer(1)), row(3, a_customer(2))], 3)
    assert store.read(lambda reader: reader.customer_name(1)) == a_customer(1, "New Name")
    assert store.read(lambda reader: reader.customer_name(2)) == a_customer(2)


def test_a_changed_customer_is_found_by_the_new_words_only(store: SqlStore, sync: SqlSyncStore):
    moved = replace(a_customer(1), address="5 Lake Street", phone="0711 222333", account="Z9")
    sync.apply_rows("g", [row(1, a_meter(1, 1)), row(2, a_customer(1)), row(3, moved)], 3)
    for words, hits in ((["lake"], 1), (["oginga"], 0)):
        assert len(store.read(lambda r, w=words: r.search_words(w, 9))) == hits  # type: ignore[misc]
    assert len(store.read(lambda reader: reader.search_digits("0711222333", 9))) == 1
    assert store.read(lambda reader: reader.search_digits("0722000001", 9)) == ()
    assert len(store.read(lambda reader: reader.search_account("z9", 9))) == 1
    check = "INSERT INTO customer_words (customer_words, rank) VALUES ('integrity-check', 1)"
    store.transaction(lambda c: c.exec_driver_sql(check))


def test_what_is_deleted_is_gone_and_a_sale_stays(store: SqlStore, sync: SqlSyncStore):
    sync.apply_rows("g", [row(1, a_customer(1)), row(2, a_meter(1, 1)), row(3, an_operator())], 3)
    sale = Seller(store).sell(1)
    sync.apply_rows(
        "g",
        [
            gone(4, Entity.CUSTOMER, "1"),
            gone(5, Entity.METER, a_meter_number(1).digits),
            gone(6, Entity.OPERATOR, "3"),
            gone(7, Entity.CUSTOMER, "77"),
        ],
        7,
    )
    assert store.read(lambda reader: reader.customer_name(1)) is None
    assert store.read(lambda reader: reader.meter(a_meter_number(1))) is None
    assert store.read(lambda reader: reader.search_words(["njoroge"], 9)) == ()
    assert store.read(lambda reader: reader.operators()) == ()
    assert store.read(lambda reader: reader.sale(sale.sale_id)) is not None
    assert store.verify_journal().broken_seq is None
    assert store.check_projections().ok


def test_a_row_in_two_scopes_stays_until_both_let_go(store: SqlStore, sync: SqlSyncStore):
    sync.apply_rows("agency:1", [row(1, a_meter(1)), row(2, a_meter(2))], 2)
    sync.apply_rows("agency:2", [row(1, a_meter(2)), row(2, a_meter(3))], 2)
    sync.leave("agency:1")
    here = [store.read(lambda r, n=n: r.meter(a_meter_number(n))) for n in (1, 2, 3)]  # type: ignore[misc]
    assert [found is not None for found in here] == [False, True, True]
    assert (sync.cursor("agency:1"), sync.scopes()) == (0, ("agency:2",))
    sync.apply_rows("agency:2", [gone(3, Entity.METER, a_meter_number(2).digits)], 3)
    assert store.read(lambda reader: reader.meter(a_meter_number(2))) is None
    sync.leave("agency:3")


def test_a_long_list_is_cut_into_steps_each_with_its_cursor(
    store: SqlStore, sync: SqlSyncStore, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(feed, "STEP_ROWS", 10)
    rows = [row(n, a_customer(n)) for n in range(1, 36)]
    seen: list[int] = []
    apply = store.transaction

    def counted(work: object, *rest: object) -> object:
        done = apply(work, *rest)  # type: ignore[arg-type]
        seen.append(sync.cursor("global"))
        return done

    monkeypatch.setattr(store, "transaction", counted)
    sync.apply_rows("global", rows, 50)
    assert seen == [10, 20, 30, 50]


def test_a_feed_that_breaks_off_goes_on_at_a_rows_edge(
    tmp_path: Path, store: SqlStore, sync: SqlSyncStore, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(feed, "STEP_ROWS", 10)
    rows = [row(n, a_customer(n)) for n in range(1, 36)]
    put = feed._put_customer

    def breaks(connection: object, customer: object) -> None:
        if customer == a_customer(25):
            raise RuntimeError("power")
        put(connection, customer)  # type: ignore[arg-type]

    monkeypatch.setattr(feed, "_put_customer", breaks)
    with pytest.raises(RuntimeError):
        sync.apply_rows("global", rows, 35)
    monkeypatch.setattr(feed, "_put_customer", put)
    store.close()
    reopened = again(tmp_path)
    sync = SqlSyncStore(reopened)
    assert sync.cursor("global") == 20
    assert reopened.read(lambda reader: reader.customer_name(21)) is None
    sync.apply_rows("global", rows, 35)
    count = reopened.look(lambda c: c.exec_driver_sql("SELECT count(*) FROM customer").scalar())
    assert (count, sync.cursor("global")) == (35, 35)
    reopened.close()


def test_an_unknown_kind_of_row_keeps_its_place(sync: SqlSyncStore):
    rows = [FeedRow(1, "weather", "x", None), row(2, a_customer(1))]
    sync.apply_rows("global", rows, 2)
    assert sync.cursor("global") == 2


def test_an_empty_message_moves_the_cursor(sync: SqlSyncStore):
    sync.apply_rows("global", [], 12)
    assert sync.cursor("global") == 12
    sync.apply_rows("global", [], 4)
    assert sync.cursor("global") == 12


def test_a_lease_never_goes_back(store: SqlStore, sync: SqlSyncStore):
    for seq, number in enumerate((2, 3, 1), 1):
        sync.apply_rows("till", [row(seq, a_lease(number))], seq)
    lease = store.read(lambda reader: reader.lease())
    assert lease is not None and lease.number == 3


@pytest.mark.parametrize(
    ("forged", "code"),
    [
        (a_lease(1, SigningKey(bytes(32))), "SIGNATURE_INVALID"),
        (a_lease(1, till_id=bytes(16)), "LEASE_FOREIGN"),
    ],
)
def test_a_lease_of_someone_else_is_refused(
    store: SqlStore, sync: SqlSyncStore, forged: SignedLease, code: str
):
    with pytest.raises(InputError) as caught:
        sync.apply_rows("till", [row(1, a_customer(1)), row(2, forged)], 2)
    assert caught.value.code == code
    assert store.read(lambda reader: reader.lease()) is None
    assert sync.cursor("till") < 2, "a slow disk may have taken the customer alone"


def test_misses_of_a_pin_are_the_tills_own(store: SqlStore, sync: SqlSyncStore):
    sync.apply_rows("g", [row(1, an_operator())], 1)
    store.write(lambda unit: unit.set_pin_misses(3, 4))

    def misses() -> int:
        return store.read(lambda reader: reader.operators())[0].misses

    sync.apply_rows("g", [row(2, an_operator())], 2)
    assert misses() == 4
    sync.apply_rows("g", [row(3, an_operator("$argon2id$new"))], 3)
    assert misses() == 0


def test_acknowledgements_only_move_on_and_only_for_our_own_chain(
    store: SqlStore, sync: SqlSyncStore
):
    Seller(store).sell()
    head = sync.head()
    assert head.seq == 3
    assert sync.acknowledged() == (0, sync.hash_at(0))
    second = sync.hash_at(2)
    assert second is not None and sync.hash_at(3) == head.hash and sync.hash_at(4) is None
    sync.acknowledge(2, second)
    first = sync.hash_at(1)
    assert first is not None
    sync.acknowledge(1, first)
    assert sync.acknowledged() == (2, second)
    assert store.read(lambda reader: reader.acknowledged_seq()) == 2
    for seq, digest in ((3, bytes(32)), (9, head.hash)):
        with pytest.raises(StoreError) as caught:
            sync.acknowledge(seq, digest)
        assert caught.value.code == "STORE_DAMAGED"
    Seller(store, seed=8).begin(2)
    assert sync.acknowledged() == (2, second)


def test_entries_come_in_pages(store: SqlStore, sync: SqlSyncStore):
    Seller(store).sell()
    everything = sync.entries(0, 100)
    assert len(everything) == 3
    assert sync.entries(0, 2) + sync.entries(2, 2) == everything
    assert sync.entries(3, 5) == ()
    head = store.read(lambda reader: reader.head())
    assert sync.hash_at(3) == head.hash


def test_the_till_signs_without_showing_its_secret(store: SqlStore, sync: SqlSyncStore):
    signature = sync.sign(b"posapp/test", b"hello")
    verify(store.identity().key.public, b"posapp/test", b"hello", signature)
    assert sync.head_office_key() == HEAD_OFFICE.public


def test_head_offices_time_raises_the_floor_and_lowers_one_that_is_clearly_wrong(
    store: SqlStore, sync: SqlSyncStore
):
    def floor() -> datetime:
        return store.read(lambda reader: reader.clock_floor())

    sync.set_server_time(START + timedelta(hours=5))
    sync.set_server_time(START + timedelta(hours=5) - timedelta(seconds=90))
    assert floor() == START + timedelta(hours=5), "a slow line is no wrong clock"
    before = store.read(lambda reader: reader.head().seq)
    sync.set_server_time(START)
    assert floor() == START
    assert store.read(lambda reader: reader.head().seq) == before + 1, "it is in the journal"


def test_the_last_contact_is_remembered(tmp_path: Path, store: SqlStore, sync: SqlSyncStore):
    assert sync.contact() == Contact()
    for contact in (Contact(START, "TILL_SUSPENDED"), Contact(None, "x"), Contact(START)):
        sync.set_contact(contact)
        assert sync.contact() == contact
    store.close()
    reopened = again(tmp_path)
    assert SqlSyncStore(reopened).contact() == Contact(START)
    reopened.close()
