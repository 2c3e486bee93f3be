"""Work on a meter by keys alone: field after field, the second PIN, the token on the screen."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from ui_town import World, build_till

from posapp.domain.operator import Operator, Role
from posapp.lanes import InlineLanes
from posapp.sts.meter import MeterResult
from posapp.ui.engineering.presenter import EngineeringPresenter, Job
from posapp.ui.running import Direct
from tests.services.counter import GRACE, KWAME, PIN
from tests.services.order_counter import an_order_counter, desk_of
from tests.services.tariff_counter import TariffCounter
from tests.stores import a_meter_number

METER = a_meter_number(2)


@pytest.fixture
def counter(tmp_path: Path) -> Iterator[TariffCounter]:
    with an_order_counter(tmp_path) as made:
        yield made


def a_till(counter: TariffCounter):
    return replace(
        build_till(World()),
        lanes=InlineLanes(),
        store=counter.store,
        clock=counter.clock,
        sign_in=counter.sign_in,
        sell=counter.sell,
        desk=desk_of(counter),
    )


def work(counter: TariffCounter, operator: Operator = GRACE) -> EngineeringPresenter:
    presenter = EngineeringPresenter(a_till(counter), Direct(), lambda _: None)
    presenter.start(operator)
    return presenter


def filled(presenter: EngineeringPresenter, job: Job, value: str = "") -> EngineeringPresenter:
    presenter.choose(job)
    presenter.type_text("meter", METER.grouped)
    presenter.type_text("work_order", "WO-7")
    presenter.type_text("value", value)
    presenter.type_text("reason", "seal replaced")
    return presenter


@pytest.mark.parametrize(
    ("job", "value"),
    [(Job.CLEAR_TAMPER, ""), (Job.POWER_LIMIT, "2500"), (Job.FREE_ISSUE, "12.5")],
)
def test_two_people_and_the_meter_takes_it(counter: TariffCounter, job: Job, value: str):
    presenter = filled(work(counter), job, value)
    assert presenter.state.second_person == KWAME and presenter.state.missing == "pin"
    presenter.enter()
    assert presenter.state.done is None
    presenter.type_pin(PIN)
    presenter.enter()
    done = presenter.state.done
    assert done is not None and presenter.state.failure is None
    assert counter.twin(2).enter(done.record.tokens[-1]) is MeterResult.ACCEPT


def test_a_wrong_pin_makes_nothing_and_another_field_takes_the_signature_back(
    counter: TariffCounter,
):
    presenter = filled(work(counter), Job.CLEAR_TAMPER)
    presenter.type_pin("000000")
    presenter.enter()
    assert presenter.state.failure is not None and presenter.state.failure.code == "PIN_WRONG"
    presenter.type_pin(PIN)
    presenter.type_text("work_order", "WO-8")
    assert presenter.state.missing == "pin"
    assert counter.store.read(lambda r: r.last_sale()) is None


def test_a_test_needs_a_meter_and_nobody_beside(counter: TariffCounter):
    presenter = work(counter)
    presenter.choose(Job.METER_TEST)
    assert presenter.state.missing == "meter"
    presenter.type_text("meter", METER.digits)
    presenter.enter()
    assert presenter.state.done is not None


@pytest.mark.parametrize(("value", "code"), [("2,5", "WORK_VALUE"), ("99999999", "WORK_VALUE")])
def test_a_number_that_cannot_be_meant_is_named(counter: TariffCounter, value: str, code: str):
    presenter = filled(work(counter), Job.POWER_LIMIT, value)
    presenter.type_pin(PIN)
    presenter.enter()
    assert presenter.state.failure is not None and presenter.state.failure.code == code


def test_each_role_sees_what_it_may_begin(counter: TariffCounter):
    everything = set(Job)
    for role, jobs in (
        (Role.VENDOR, {Job.METER_TEST}),
        (Role.CLERK, everything),
        (Role.SUPERVISOR, everything),
        (Role.TECHNICIAN, everything - {Job.FREE_ISSUE}),
        (Role.AUDITOR, set()),
    ):
        assert set(work(counter, Operator(9, "Somebody", role)).state.jobs) == jobs
