"""Every decision of the sell page, without Qt."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace

import pytest
import ui_town
from ui_town import AMINA, BLOCKED, PEOPLE, build_till, module_status, number

from posapp.domain.module_state import ModuleState
from posapp.domain.sale import TenderKind
from posapp.errors import ModuleError, Outcome, SaleError
from posapp.pricing.exact import MoneyRounding
from posapp.pricing.tariff import CashRounding
from posapp.ui.running import Direct
from posapp.ui.sell.presenter import SellPresenter
from posapp.ui.sell.state import Phase


class Later:
    """Keeps results until they are delivered, like lanes that are busy."""

    def __init__(self) -> None:
        self.waiting = []

    def run(self, lane, work, then, failed, *, key="", urgency=None):
        self.waiting.append((work, then, failed, key))

    def deliver(self):
        direct, waiting = Direct(), self.waiting
        self.waiting = []
        for work, then, failed, key in waiting:
            direct.run(None, work, then, failed, key=key)


@pytest.fixture
def sale(world):
    presenter = SellPresenter(build_till(world), Direct(), lambda _: None)
    presenter.start(PEOPLE[0])
    return presenter


@pytest.fixture
def quoted(sale):
    sale.type_query(AMINA.digits)
    sale.type_amount("1700")
    return sale


@pytest.fixture
def paying(quoted, world):
    quoted.enter()
    world.clock.pass_ms(400)
    return quoted


def test_a_whole_known_number_goes_on_without_enter(sale):
    sale.type_query("4512 3098 761")
    assert sale.state.phase is Phase.QUOTE
    assert sale.state.context.found.customer.name == "Amina Wanjiru"


def test_a_name_waits_for_a_key_press(sale):
    sale.type_query("ami wan")
    assert sale.state.phase is Phase.SEARCH
    assert len(sale.state.result.hits) == 6
    sale.move(1)
    sale.enter()
    assert sale.state.context.found.customer.name == "Amina Wangari"


def test_enter_during_the_search_takes_a_single_hit_when_it_arrives(world):
    lanes = Later()
    sale = SellPresenter(build_till(world), lanes, lambda _: None)
    sale.start(PEOPLE[0])
    lanes.deliver()
    sale.type_query("fatou")
    sale.enter()
    assert sale.state.phase is Phase.SEARCH
    lanes.deliver()
    lanes.deliver()
    assert sale.state.phase is Phase.QUOTE


def test_an_answer_to_older_text_is_not_shown(world):
    lanes = Later()
    sale = SellPresenter(build_till(world), lanes, lambda _: None)
    sale.start(PEOPLE[0])
    lanes.deliver()
    sale.type_query("ami")
    old = lanes.waiting
    lanes.waiting = []
    sale.type_query("fat")
    lanes.deliver()
    lanes.waiting = old
    lanes.deliver()
    assert [f.customer.name for f in sale.state.result.hits] == ["Fatou Diallo"]


def test_the_quote_follows_every_key_and_its_lines_add_up(sale):
    sale.type_query(AMINA.digits)
    for text in ("17", "170", "1700"):
        sale.type_amount(text)
        quote = sale.state.quote
        if quote is not None:
            assert sum(line.amount_minor for line in quote.lines) == quote.amount_minor
    assert sale.state.quote.amount_minor == 170000


def test_an_amount_below_the_smallest_sale_is_no_quote(sale):
    sale.type_query(AMINA.digits)
    sale.type_amount("10")
    assert sale.state.quote is None
    assert sale.state.problem.code == "AMOUNT_BELOW_MINIMUM"
    sale.enter()
    assert sale.state.phase is Phase.QUOTE


def test_an_amount_above_the_limit_is_no_quote(sale):
    sale.type_query(AMINA.digits)
    sale.type_amount("100001")
    assert sale.state.problem.code == "AMOUNT_ABOVE_LIMIT"


def test_letters_in_an_amount_are_told(sale):
    sale.type_query(AMINA.digits)
    sale.refuse_letters("x")
    assert sale.state.problem.code == "AMOUNT_LETTERS"


def test_units_are_priced_too(sale):
    sale.type_query(AMINA.digits)
    sale.toggle_units()
    sale.type_amount("50.5")
    assert sale.state.quote.units_tenths == 505


def test_units_are_paid_in_whole_coins_where_they_are_paid_in_cash(sale, world):
    sale.type_query(AMINA.digits)
    context = sale.state.context
    coins = replace(context.pack, cash_rounding=CashRounding(1_000, MoneyRounding.UP))
    sale.state = replace(sale.state, context=replace(context, pack=coins))
    sale.toggle_units()
    sale.type_amount("50.5")
    in_coins = sale.state.due_minor
    assert in_coins % 1_000 == 0
    sale.enter()
    assert sale.state.due_minor == in_coins
    sale.pay_with(TenderKind.MOBILE)
    exact = sale.state.due_minor
    assert in_coins - 1_000 < exact < in_coins
    world.clock.pass_ms(400)
    sale.exact_and_sell()
    assert (sale.state.phase, sale.state.due_minor) == (Phase.TENDER, in_coins), "seen before paid"
    sale.exact_and_sell()
    assert sale.state.phase is Phase.SOLD


def test_same_as_last_is_one_key(sale):
    sale.type_query(AMINA.digits)
    sale.same_as_last()
    assert sale.state.quote.amount_minor == 50000


def test_a_blocked_meter_says_so_and_takes_no_amount(sale):
    sale.type_query(BLOCKED.digits)
    assert sale.state.context_problem.code == "METER_BLOCKED"
    sale.type_amount("500")
    sale.enter()
    assert sale.state.phase is Phase.QUOTE and sale.state.quote is None


def test_a_press_within_300_ms_of_the_freeze_sells_nothing(quoted, world):
    quoted.enter()
    world.clock.pass_ms(299)
    quoted.enter()
    assert quoted.state.phase is Phase.TENDER and world.sales == []
    world.clock.pass_ms(1)
    quoted.enter()
    assert quoted.state.phase is Phase.SOLD and len(world.sales) == 1


def test_no_press_sells_twice_while_the_module_is_asked(world):
    lanes = Later()
    sale = SellPresenter(build_till(world), lanes, lambda _: None)
    sale.start(PEOPLE[0])
    lanes.deliver()
    sale.type_query(AMINA.digits)
    lanes.deliver()
    lanes.deliver()
    sale.type_amount("1700")
    sale.enter()
    for _ in range(5):
        world.clock.pass_ms(400)
        sale.enter()
        sale.exact_and_sell()
    assert sale.state.phase is Phase.SELLING
    lanes.deliver()
    assert len(world.sales) == 1 and sale.state.phase is Phase.SOLD


def test_nothing_typed_means_exact_cash(paying, world):
    paying.enter()
    assert world.sales[0].intent.received_minor == 170000
    assert paying.state.sold.change_minor == 0


def test_too_little_cash_sells_nothing(paying, world):
    paying.type_received("1500")
    assert paying.missing_minor() == 20000
    paying.enter()
    assert world.sales == [] and paying.state.phase is Phase.TENDER


def test_change_is_what_was_handed_over_less_the_price(paying):
    paying.type_received("2000")
    paying.enter()
    assert paying.state.sold.change_minor == 30000


def test_plus_sells_for_exact_cash_whatever_was_typed(paying, world):
    paying.type_received("2000")
    paying.exact_and_sell()
    assert world.sales[0].intent.received_minor == 170000


def test_another_payment_needs_its_reference(paying, world):
    paying.next_tender()
    assert paying.state.tender is TenderKind.MOBILE
    paying.enter()
    assert world.sales == []
    paying.type_reference("QX71")
    paying.enter()
    tender = world.sales[0].intent.tenders[0]
    assert (tender.kind, tender.reference) == (TenderKind.MOBILE, "QX71")


def test_a_refusal_keeps_the_frozen_quote_and_says_why(paying, world):
    world.refuse = ModuleError("MODULE_ABSENT")
    paying.enter()
    assert paying.state.phase is Phase.TENDER
    assert paying.state.failure.code == "MODULE_ABSENT"
    paying.enter()
    assert world.sales == [], "the press that met the refusal must not sell again by itself"
    world.clock.pass_ms(300)
    paying.enter()
    assert len(world.sales) == 1


def test_an_unknown_outcome_leaves_the_sale_and_asks_the_module(paying, world):
    world.refuse = SaleError("OUTCOME_UNKNOWN", outcome=Outcome.UNKNOWN, meter=AMINA.digits)
    paying.enter()
    assert paying.state.phase is Phase.IDLE and paying.state.quote is None


def test_changed_prices_bring_back_the_amount_with_a_fresh_quote(paying, world):
    world.refuse = SaleError("QUOTE_CHANGED")
    paying.enter()
    assert paying.state.phase is Phase.QUOTE
    assert paying.state.quote.amount_minor == 170000
    assert paying.state.failure.code == "QUOTE_CHANGED"


def test_the_same_sale_within_two_minutes_asks_once_more(paying, world):
    paying.enter()
    paying.enter()
    paying.type_query(AMINA.digits)
    paying.type_amount("1700")
    paying.enter()
    world.clock.pass_ms(400)
    paying.enter()
    assert paying.state.guard == "SECOND_SALE" and len(world.sales) == 1
    paying.enter()
    assert len(world.sales) == 1, "the answer needs a fresh press too"
    world.clock.pass_ms(400)
    paying.enter()
    assert len(world.sales) == 2


def test_far_more_than_usual_asks_once_more(sale, world):
    sale.type_query(AMINA.digits)
    sale.type_amount("5000")
    sale.enter()
    world.clock.pass_ms(400)
    sale.enter()
    assert sale.state.guard == "FAR_ABOVE_USUAL" and world.sales == []


def test_a_scan_during_the_payment_starts_a_search_and_sells_nothing(paying, world):
    paying.scan(number("0712345678").digits)
    assert world.sales == []
    assert paying.state.phase is Phase.QUOTE
    assert paying.state.context.found.customer.name == "Fatou Diallo"


def test_escape_goes_back_one_step_at_a_time(paying):
    paying.escape()
    assert paying.state.phase is Phase.QUOTE and paying.state.quote is not None
    paying.escape()
    assert paying.state.phase is Phase.IDLE and paying.state.context is None


def test_the_token_stays_while_the_next_customer_is_looked_for(paying):
    paying.enter()
    paying.type_query("fat")
    assert paying.state.phase is Phase.SEARCH
    paying.escape()
    assert paying.state.phase is Phase.SOLD and paying.state.sold is not None


def test_prices_older_than_four_minutes_are_read_again(quoted, world):
    old = quoted.state.context
    world.clock.pass_ms(5 * 60 * 1000)
    quoted.enter()
    assert quoted.state.phase is Phase.QUOTE
    assert quoted.state.context is not old and quoted.state.quote is not None


def test_a_copy_is_printed_of_the_sale_that_is_shown(paying, world):
    paying.enter()
    paying.papers.copy()
    assert [job.copy_no for job in world.jobs] == [0, 1]
    assert len(paying.state.jobs) == 2


def test_an_old_check_digit_offers_the_neighbour(sale):
    sale.type_query("45123098716")
    assert sale.state.result.problem == "METER_CHECK_DIGIT"
    assert [f.meter.number for f in sale.state.result.hits] == [AMINA]


def test_open_sales_of_the_last_run_are_asked_for_at_sign_in(world):
    sale = SellPresenter(build_till(world), Direct(), lambda _: None)
    assert sale.state.recovery is None
    record = ui_town.leave_open(world)
    sale.start(PEOPLE[0])
    assert sale.state.recovery.unresolved == (record,)


def test_no_presenter_needs_qt():
    names = ("sell", "login", "shift", "reports", "sync")
    lines = [f"import posapp.ui.{name}.presenter" for name in names]
    lines += ["import posapp.ui.messages, posapp.ui.cash, posapp.ui.spoken", "import sys"]
    lines += ["assert not [m for m in sys.modules if m.startswith('PySide6')]"]
    subprocess.run([sys.executable, "-c", "\n".join(lines)], check=True, timeout=60)


def test_the_town_is_the_one_of_the_pictures():
    assert ui_town.AMINA.grouped == "4512 3098 761"


def test_a_quote_goes_to_paper_and_sells_nothing(sale, world):
    sale.type_query(AMINA.digits)
    sale.papers.quote()
    assert world.trials == []  # there is no quote yet
    sale.type_amount("1700")
    sale.papers.quote()
    assert world.trials == [sale.state.quote]
    assert sale.state.printed_quote is sale.state.quote
    assert sale.state.phase is Phase.QUOTE and not world.sales


def test_what_was_said_of_a_module_that_was_away_goes_when_it_is_back(paying, world):
    world.module = ModuleState.ABSENT
    paying.see_module(module_status(world))
    world.refuse = ModuleError("MODULE_ABSENT")
    paying.enter()
    paying.see_module(module_status(world))
    assert paying.state.failure.code == "MODULE_ABSENT"
    world.module = ModuleState.READY
    paying.see_module(module_status(world))
    assert paying.state.failure is None and paying.state.phase is Phase.TENDER


def test_another_refusal_stays_when_a_module_comes_back(paying, world):
    world.module = ModuleState.ABSENT
    paying.see_module(module_status(world))
    world.refuse = SaleError("SHIFT_NOT_OPEN")
    paying.enter()
    world.module = ModuleState.READY
    paying.see_module(module_status(world))
    assert paying.state.failure.code == "SHIFT_NOT_OPEN"
