"""A payment in parts, and a meter that is due for another key, by keys alone."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from ui_town import World, build_till

from posapp.domain.sale import Tender, TenderKind
from posapp.lanes import InlineLanes
from posapp.services.find import Find
from posapp.services.key_plan import KeyPolicy
from posapp.services.quote import PrepareSale
from posapp.services.sell import Sell
from posapp.ui.running import Direct
from posapp.ui.sell import words
from posapp.ui.sell.presenter import SellPresenter
from posapp.ui.sell.state import Phase
from tests.services.counter import GRACE
from tests.services.order_counter import an_order_counter, desk_of, due_for_another_key
from tests.services.tariff_counter import TariffCounter
from tests.stores import SeededRandomness, a_meter_number

CASH, MOBILE, CARD = TenderKind.CASH, TenderKind.MOBILE, TenderKind.CARD


@pytest.fixture
def counter(tmp_path: Path) -> Iterator[TariffCounter]:
    with an_order_counter(tmp_path) as made:
        yield made


def a_page(counter: TariffCounter) -> SellPresenter:
    """The page's decisions over a real store and a real module."""
    till = replace(
        build_till(World()),
        lanes=InlineLanes(),
        store=counter.store,
        clock=counter.clock,
        find=Find(counter.store, counter.clock),
        prepare_sale=counter.prepare,
        sell=counter.sell,
        desk=desk_of(counter),
    )
    page = SellPresenter(till, Direct(), lambda _: None)
    page.start(GRACE)
    return page


def to_pay(counter: TariffCounter, number: int = 1) -> SellPresenter:
    page = a_page(counter)
    page.type_query(a_meter_number(number).digits)
    page.type_amount("460")
    page.enter()
    counter.clock.move(seconds=1)
    assert page.state.phase is Phase.TENDER
    return page


def test_enter_keeps_a_part_and_asks_for_the_rest(counter: TariffCounter):
    page = to_pay(counter)
    page.next_tender()
    page.type_received("200")
    assert not page.makes_a_part(), "a part by phone needs its number"
    page.type_reference("QX1")
    assert page.makes_a_part() and not page.ready_to_sell()
    page.enter()
    assert (page.state.parts, page.state.tender) == ((Tender(MOBILE, 20_000, "QX1"),), CASH)
    page.type_received("300")
    assert page.received_minor() == 50_000
    page.enter()
    sold = page.state.sold
    assert page.state.phase is Phase.SOLD and sold is not None
    assert sold.record.intent.tenders == (Tender(MOBILE, 20_000, "QX1"), Tender(CASH, 30_000))
    assert sold.change_minor == 4_000


def test_the_same_reference_is_not_taken_twice_and_escape_gives_a_part_back(
    counter: TariffCounter,
):
    page = to_pay(counter)
    page.pay_with(CARD)
    page.type_received("100")
    page.type_reference("C1")
    page.enter()
    page.pay_with(CARD)
    page.type_reference("C1")
    assert not page.ready_to_sell()
    page.type_reference("C2")
    assert page.ready_to_sell() and page.received_minor() == 46_000
    page.escape()
    assert (page.state.parts, page.state.phase) == ((), Phase.TENDER)
    page.escape()
    assert page.state.phase is Phase.QUOTE


def test_more_than_is_due_is_never_taken_by_phone(counter: TariffCounter):
    page = to_pay(counter)
    page.pay_with(MOBILE)
    page.type_received("1000")
    assert page.received_minor() == 46_000


def test_four_parts_are_the_most(counter: TariffCounter):
    page = to_pay(counter)
    for _ in range(3):
        page.type_received("10")
        page.enter()
    page.type_received("10")
    assert not page.makes_a_part() and not page.ready_to_sell()


def test_a_set_is_shown_in_its_order_and_the_arrows_walk_it(counter: TariffCounter):
    due_for_another_key(counter, 2)
    page = to_pay(counter, 2)
    page.enter()
    assert page.state.sold is not None
    rows = words.token_rows(page.state.sold.record)
    assert [(row.name, row.units) for row in rows] == [
        ("Key change, part 1 of 2", ""),
        ("Key change, part 2 of 2", ""),
        ("Credit", "20.0"),
    ]
    assert tuple(row.digits for row in rows) == page.state.sold.record.tokens
    for _ in range(5):
        page.move(1)
    assert page.state.token_at == 2
    page.move(-1)
    assert page.state.token_at == 1


@pytest.mark.parametrize(("took", "tokens"), [(True, 1), (False, 3)])
def test_the_next_visit_asks_and_plus_or_minus_answers(
    counter: TariffCounter, took: bool, tokens: int
):
    due_for_another_key(counter, 2)
    counter.sale(2, 46_000)
    page = a_page(counter)
    page.type_query(a_meter_number(2).digits)
    assert page.state.asks_about_key
    if took:
        page.exact_and_sell()  # the key +
    else:
        page.keys.answer(took=False)
    assert page.state.phase is Phase.QUOTE and not page.state.asks_about_key
    page.type_amount("230")
    page.enter()
    counter.clock.move(seconds=1)
    page.enter()
    assert page.state.sold is not None and len(page.state.sold.record.tokens) == tokens


def test_where_the_key_comes_first_enter_prints_it(counter: TariffCounter):
    policy = KeyPolicy.FIRST
    counter.prepare = PrepareSale(counter.store, counter.clock, policy=policy)
    counter.sell = Sell(
        counter.store,
        counter.module,
        counter.queue,
        counter.clock,
        SeededRandomness(9),
        policy=policy,
    )
    due_for_another_key(counter, 2)
    page = a_page(counter)
    page.type_query(a_meter_number(2).digits)
    page.enter()
    sold = page.state.sold
    assert page.state.phase is Phase.SOLD and sold is not None
    assert len(sold.record.tokens) == 2 and sold.record.intent.amount_minor == 0
