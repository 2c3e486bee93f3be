"""A till's clock: back it stops, far ahead it asks, and a supervisor's time holds instead."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from posapp.clock import TillClock, epoch_ms
from posapp.codec import cbor
from posapp.domain.clock_limits import ClockLimits, ClockState
from posapp.errors import InputError, SaleError
from posapp.journal.facts import ClockSet
from posapp.lanes import InlineLanes
from posapp.services.set_clock import SetClock
from posapp.services.two_people import TwoPeople
from posapp.services.unresolved import ListUnresolved, Matter, Step
from posapp.store.feed import SqlSyncStore
from posapp.store.store import open_store
from tests.services.counter import GRACE, KWAME, Counter, a_counter
from tests.services.easy_module import EasyModule
from tests.stores import KEY, START, SeededRandomness, StoppedClock, a_meter_number, again

BATTERY_GONE = datetime(2020, 1, 1, tzinfo=UTC)


class Shop:
    """A counter on a computer whose clock may be wrong."""

    def __init__(self, folder: Path, limits: ClockLimits | None = None) -> None:
        self.folder = folder
        self.computer = StoppedClock()
        self.counter: Counter = a_counter(folder, EasyModule(), TillClock(self.computer))
        if limits is not None:
            self.counter.store.clock_limits = limits

    def set(self, moment: datetime, operator_id: int = KWAME.operator_id) -> None:
        SetClock(self.counter.store, TwoPeople(self.counter.sign_in))(moment, operator_id)

    def matters(self) -> list[Matter]:
        rows = ListUnresolved(self.counter.store, self.counter.module, self.counter.clock)()
        return [row.matter for row in rows if row.matter is not Matter.SLIPS]


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Shop]:
    made = Shop(tmp_path)
    yield made
    made.counter.store.close()


def test_a_computer_without_its_battery_sells_by_a_supervisors_time(shop):
    shop.computer.moment = BATTERY_GONE
    assert shop.matters() == [Matter.CLOCK_BACK]
    with pytest.raises(SaleError, match="CLOCK_BACK"):
        shop.counter.sale(3, 50_000)
    now = START + timedelta(hours=20)
    shop.set(now)
    assert shop.computer.moment == BATTERY_GONE  # nobody touched it
    assert shop.counter.clock.now() == now and shop.matters() == []
    shop.computer.move(minutes=5)
    record = shop.counter.sale(3, 50_000).record
    assert record.at == now + timedelta(minutes=5)
    assert record.intent.business_date == now.date()


def test_the_time_that_was_set_stands_in_the_journal_with_who_set_it(shop):
    shop.computer.moment = BATTERY_GONE
    floor = shop.counter.store.read(lambda reader: reader.clock_floor())
    head = shop.counter.store.read(lambda reader: reader.head()).seq
    shop.set(START + timedelta(hours=2))
    (entry,) = shop.counter.store.read(lambda reader: reader.entries(head, 10))
    _, kind, version, _, body = cbor.decode(entry)
    assert (kind, version) == (ClockSet.KIND, 1)
    told = ClockSet.from_body(body)
    trusted = epoch_ms(START + timedelta(hours=2))
    assert told == ClockSet(epoch_ms(floor), epoch_ms(BATTERY_GONE), trusted, KWAME.operator_id)
    assert shop.counter.store.check_projections().ok


def test_the_offset_is_known_after_a_restart_and_not_after_the_computer_was_put_right(shop):
    shop.computer.moment = BATTERY_GONE
    shop.set(START + timedelta(hours=2))
    shop.counter.store.close()
    store = again(shop.folder)
    assert store.read(lambda reader: reader.clock_offset_ms()) == epoch_ms(
        START + timedelta(hours=2)
    ) - epoch_ms(BATTERY_GONE)
    store.close()
    clock = TillClock(shop.computer)
    opened = open_store(
        shop.folder,
        KEY,
        clock=clock,
        randomness=SeededRandomness(9),
        lanes=InlineLanes(),
        reserve_bytes=0,
    )
    shop.counter = Counter(opened, EasyModule(), clock)
    assert shop.counter.clock.now() == START + timedelta(hours=2)
    # The computer learns the right time: ours is now years ahead, beyond the lease, and stops.
    shop.computer.moment = START + timedelta(hours=3)
    with pytest.raises(SaleError, match="LEASE_EXPIRED"):
        shop.counter.sale(3, 50_000)
    shop.set(START + timedelta(hours=3))
    assert shop.counter.store.read(lambda reader: reader.clock_offset_ms()) == 0
    assert shop.counter.clock.now() == START + timedelta(hours=3)


def test_a_time_that_was_set_counts_as_passed_and_the_wrong_one_does_not(shop):
    shop.computer.move(days=10)  # within the lease: nothing but a person can tell
    right = START + timedelta(hours=1)
    shop.set(right)
    assert shop.counter.store.read(lambda reader: reader.clock_floor()) == right
    shop.counter.sale(3, 50_000)
    shop.computer.move(hours=-1)
    assert shop.matters() == [Matter.CLOCK_BACK]


@pytest.mark.parametrize(
    ("moment", "code"),
    [
        (START - timedelta(hours=1), "CLOCK_BEFORE_FLOOR"),
        (START + timedelta(days=15), "CLOCK_AFTER_LEASE"),
    ],
)
def test_a_time_outside_what_is_known_is_refused(shop, moment, code):
    head = shop.counter.store.read(lambda reader: reader.head()).seq
    with pytest.raises(InputError, match=code):
        shop.set(moment)
    with pytest.raises(InputError, match="OPERATION_DENIED"):
        shop.set(START + timedelta(hours=1), GRACE.operator_id)
    assert shop.counter.store.read(lambda reader: reader.head()).seq == head
    assert shop.counter.clock.now() == START


def test_head_offices_word_replaces_a_supervisors_time(shop):
    shop.computer.moment = BATTERY_GONE
    shop.set(START + timedelta(days=3))
    right = START + timedelta(hours=5)
    SqlSyncStore(shop.counter.store).set_server_time(right)
    assert shop.counter.clock.now() == right
    assert shop.counter.store.read(lambda reader: reader.clock_floor()) == right
    assert shop.matters() == []


def test_head_offices_word_leaves_a_trusted_computer_alone(shop):
    SqlSyncStore(shop.counter.store).set_server_time(START + timedelta(hours=5))
    assert shop.counter.clock.now() == START
    assert shop.counter.store.read(lambda reader: reader.clock_offset_ms()) == 0
    assert shop.matters() == [Matter.CLOCK_BACK]


def test_a_clock_ahead_of_what_is_known_is_told_of_then_stops_then_is_confirmed(tmp_path):
    shop = Shop(tmp_path, ClockLimits(warn_hours=48, stop_hours=96))
    shop.computer.move(hours=47)
    assert shop.matters() == []
    shop.computer.move(hours=2)
    assert shop.matters() == [Matter.CLOCK_AHEAD]
    shop.counter.prepare(a_meter_number(3))  # it still sells
    shop.computer.move(hours=48)
    assert shop.matters() == [Matter.CLOCK_JUMPED]
    with pytest.raises(SaleError, match="CLOCK_JUMPED"):
        shop.counter.sale(3, 50_000)
    (row,) = ListUnresolved(shop.counter.store, shop.counter.module, shop.counter.clock)()
    assert row.steps == (Step.CONFIRM_CLOCK, Step.SET_CLOCK)
    shop.set(shop.counter.clock.now())
    assert shop.matters() == []
    shop.counter.sale(3, 50_000)
    shop.counter.store.close()


@pytest.mark.parametrize(
    ("ahead", "state"),
    [
        (timedelta(minutes=-3), ClockState.BACK),
        (timedelta(minutes=-1), ClockState.TRUSTED),
        (timedelta(hours=48), ClockState.TRUSTED),
        (timedelta(hours=48, seconds=1), ClockState.AHEAD),
        (timedelta(hours=96, seconds=1), ClockState.JUMPED),
    ],
)
def test_what_a_clock_is_worth(ahead, state):
    assert ClockLimits(48, 96).judge(START + ahead, START) is state
    if ahead > timedelta(0):
        assert ClockLimits().judge(START + ahead, START) is ClockState.TRUSTED
