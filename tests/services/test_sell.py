"""A sale through the real store and the real module process."""

from __future__ import annotations

import pytest

from posapp.clock import SystemClock
from posapp.domain.meter import MeterNumber
from posapp.domain.sale import SaleState, Tender, TenderKind
from posapp.errors import InputError, ModuleError, Outcome, SaleError
from posapp.ports import PrintState
from posapp.reports.document import Document
from posapp.security_module.manager import ModuleManager
from posapp.security_module.reference.keys import load_key_file
from posapp.sts.ciphers import sample_tables
from posapp.sts.keys import decoder_key
from posapp.sts.meter import MeterResult, VirtualMeter
from tests.security_module.module_process import ModuleProcess
from tests.services.counter import (
    BLOCKED_METER,
    FLOAT_MINOR,
    GRACE,
    KEYLESS_METER,
    KWAME,
    OLD_METER,
    PIN,
    a_configuration,
    a_counter,
)
from tests.stores import TILL_ID, StoppedClock, a_meter_number


@pytest.fixture(scope="module")
def process(tmp_path_factory):
    made = ModuleProcess.make(tmp_path_factory.mktemp("module"))
    with made.running():
        yield made


@pytest.fixture
def module(process):
    manager = ModuleManager(process.address, till_id=TILL_ID, clock=SystemClock(), hard_s=5)
    yield manager
    manager.close()


@pytest.fixture
def counter(tmp_path, module):
    module.refresh()  # one module serves all tests: each new till goes on above its count
    made = a_counter(tmp_path / "till", module)
    yield made
    made.store.close()


def a_meter_twin(process, number):
    configuration = a_configuration(number)
    keys = load_key_file(process.folder / "keys.json")
    key = next(k for k in keys if (k.sgc, k.krn) == (configuration.sgc, configuration.krn))
    meter = a_meter_number(number)
    secret = decoder_key(key, meter, configuration.ti, configuration.ea)
    return VirtualMeter(meter, secret, configuration.ea, sample_tables())


@pytest.mark.parametrize("number", [1, 2, 3])
def test_the_meter_takes_the_token_once_and_shows_what_was_sold(counter, process, number):
    sold = counter.sale(number, 50_000, received=100_000)
    twin = a_meter_twin(process, number)
    token = sold.record.tokens[0]
    assert twin.enter(token) is MeterResult.ACCEPT
    assert twin.electricity_tenths == sold.record.intent.units_tenths > 0
    assert twin.enter(token) is MeterResult.USED_ERROR
    assert a_meter_twin(process, number + 3).enter(token) is MeterResult.CRC_ERROR
    assert sold.change_minor == 50_000
    assert sold.float_left_minor == FLOAT_MINOR - 50_000


def test_token_and_print_job_are_durable_together(counter):
    sold = counter.sale(4, 20_000)
    record = counter.store.read(lambda reader: reader.sale(sold.record.intent.sale_id))
    jobs = counter.store.read(lambda r: r.print_jobs((PrintState.QUEUED,), 10))
    assert record.state is SaleState.ISSUED
    assert record.tokens == sold.record.tokens
    assert [job.sale_id for job in jobs] == [sold.record.intent.sale_id]
    assert Document.from_bytes(jobs[0].document).title == str(sold.receipt)
    counter.sell.revealed(sold.record.intent.sale_id)
    record = counter.store.read(lambda reader: reader.sale(sold.record.intent.sale_id))
    assert record.state is SaleState.REVEALED
    assert counter.queue.woken == 1


def test_two_sales_in_one_minute_have_two_token_times(counter):
    first, second = counter.sale(5, 10_000), counter.sale(5, 10_000)
    assert second.record.intent.items[0].tid > first.record.intent.items[0].tid
    assert second.record.intent.month_units_before == first.record.intent.units_tenths


@pytest.mark.parametrize(
    ("meter", "amount", "code"),
    [
        (OLD_METER, 50_000, "BASE_DATE_ENDED"),
        (BLOCKED_METER, 50_000, "METER_BLOCKED"),
        (KEYLESS_METER, 50_000, "KEY_NOT_FOUND"),
        (a_meter_number(1), 50, "AMOUNT_BELOW_MINIMUM"),
        (a_meter_number(1), 900, "AMOUNT_BELOW_MINIMUM"),
        (a_meter_number(1), 5_000_001, "AMOUNT_ABOVE_LIMIT"),
        (MeterNumber("45123098761"), 50_000, "METER_NOT_FOUND"),
    ],
)
def test_a_sale_that_cannot_be_is_refused_before_anything_is_written(counter, meter, amount, code):
    before = counter.store.read(lambda reader: reader.head().seq)
    with pytest.raises(SaleError) as refusal:
        counter.sale(meter, amount)
    assert refusal.value.code == code
    assert refusal.value.outcome is Outcome.NOT_EXECUTED
    assert counter.store.read(lambda reader: reader.head().seq) == before


@pytest.mark.parametrize(
    ("tenders", "code"),
    [
        ((Tender(TenderKind.CASH, 9_999),), "TENDER_TOO_LITTLE"),
        ((Tender(TenderKind.MOBILE, 10_001, "QK1"),), "CHANGE_NOT_CASH"),
        ((), "TENDER_INVALID"),
    ],
)
def test_money_that_does_not_fit_sells_nothing(counter, tenders, code):
    context = counter.prepare(a_meter_number(6))
    with pytest.raises(SaleError) as refusal:
        counter.sell(context, context.by_money(10_000), tenders, GRACE.operator_id)
    assert refusal.value.code == code


def test_a_quote_that_the_month_has_overtaken_is_not_sold(counter):
    context = counter.prepare(a_meter_number(7))
    quote = context.by_money(10_000)
    counter.sale(7, 10_000)
    with pytest.raises(SaleError) as refusal:
        counter.sell(context, quote, (Tender(TenderKind.CASH, 10_000),), GRACE.operator_id)
    assert refusal.value.code == "QUOTE_CHANGED"


def test_only_the_person_of_the_open_shift_sells(counter):
    context = counter.prepare(a_meter_number(8))
    quote = context.by_money(10_000)
    with pytest.raises(SaleError) as refusal:
        counter.sell(context, quote, (Tender(TenderKind.CASH, 10_000),), KWAME.operator_id)
    assert refusal.value.code == "SHIFT_OF_ANOTHER"


def test_a_pin_opens_and_five_misses_close_the_door(counter):
    assert counter.sign_in(1, PIN) == GRACE
    for left in (4, 3, 2, 1):
        with pytest.raises(InputError) as refusal:
            counter.sign_in(1, "000000")
        assert (refusal.value.code, refusal.value.params["left"]) == ("PIN_WRONG", left)
    for pin in ("000000", PIN):
        with pytest.raises(InputError) as refusal:
            counter.sign_in(1, pin)
        assert refusal.value.code == "PIN_BLOCKED"
    assert counter.sign_in(2, PIN) == KWAME


def test_a_reprint_is_the_next_copy_of_the_same_document(counter):
    sold = counter.sale(9, 10_000)
    sale_id = sold.record.intent.sale_id
    job_id = sold.job_id
    for _ in range(2):
        with pytest.raises(InputError) as refusal:
            counter.reprint(sale_id)
        assert refusal.value.code == "SLIP_WAITING", "it will come out by itself"
        counter.store.write(lambda u, job=job_id: u.set_print_job(job, PrintState.PRINTED))
        job_id = counter.reprint(sale_id)
    jobs = counter.store.read(lambda reader: reader.print_jobs_of_sale(sale_id))
    assert [job.copy_no for job in jobs] == [0, 1, 2]
    assert len({job.document for job in jobs}) == 1
    with pytest.raises(InputError) as refusal:
        counter.reprint(bytes(16))
    assert refusal.value.code == "NOTHING_TO_REPRINT"


def test_a_module_that_is_gone_costs_nothing(tmp_path):
    clock = StoppedClock()
    absent = ModuleManager(f"serial:{tmp_path / 'nothing'}", till_id=TILL_ID, clock=clock)
    made = a_counter(tmp_path / "till", absent, clock)
    with pytest.raises(ModuleError) as refusal:
        made.sale(1, 10_000)
    assert refusal.value.outcome is Outcome.NOT_EXECUTED
    assert made.open_sales() == 0
    made.store.close()


def test_a_clock_that_went_back_stops_the_sale(tmp_path, module):
    clock = StoppedClock()
    made = a_counter(tmp_path / "till", module, clock)
    clock.move(minutes=-10)
    with pytest.raises(SaleError) as refusal:
        made.sale(1, 10_000)
    assert refusal.value.code == "CLOCK_BACK"
    made.store.close()
