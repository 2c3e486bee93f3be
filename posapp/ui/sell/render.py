"""Shows a `SellState` on the sell page: one function a moment, no decisions."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from posapp.domain.customer import phone_ends
from posapp.domain.energy import units_text
from posapp.domain.ids import ReceiptNumber
from posapp.domain.money import amount_text
from posapp.domain.sale import OPEN_STATES, SOLD_STATES, TenderKind
from posapp.errors import PosError
from posapp.ports import PrinterState, PrintState
from posapp.services.slips import COPY_QUEUED, UNPRINTED
from posapp.ui import messages, spoken
from posapp.ui.i18n import day_text, ltr, meter_text, say, time_text, translate
from posapp.ui.sell import payment, words
from posapp.ui.sell.open_sales import is_not_known, told_first
from posapp.ui.sell.state import Phase, SellState
from posapp.ui.widgets.lines import Line
from posapp.ui.widgets.panels import escape

if TYPE_CHECKING:
    from posapp.ports import FoundMeter, PrintJob, SaleRecord
    from posapp.ui.sell.page import SellPage

# What the printer's own state says before the reason that is written at the slip.
PAPER_FIRST = {PrinterState.PAPER_OUT: "PAPER_OUT", PrinterState.COVER_OPEN: "COVER_OPEN"}
PRINTER_AWAY = {PrinterState.OFFLINE: "PRINTER_OFFLINE", PrinterState.ABSENT: "PRINTER_ABSENT"}


def show(page: SellPage, state: SellState) -> None:
    """Render everything."""
    table: dict[Phase, Callable[[SellPage, SellState], None]] = {
        Phase.IDLE: _idle,
        Phase.SEARCH: _search,
        Phase.QUOTE: _quote,
        Phase.TENDER: _tender,
        Phase.SELLING: _tender,
        Phase.SOLD: _sold,
    }
    table[state.phase](page, state)
    _page_banner(page, state)


# ---------------------------------------------------------------- idle


def _idle(page: SellPage, state: SellState) -> None:
    page.omnibox.set_quiet(False)
    page.omnibox.show_text("")
    page.omnibox.show_example(translate("Sell", "Meter, name, phone or receipt number"))
    page.omnibox.show_hint(translate("Sell", "or scan"))
    now, site = page.till.clock.now(), page.till.site
    rows = tuple(words.recent_row(found, site, now) for found in state.recent)
    page.recent.list.show_rows(rows, state.recent_at)
    page.recent.show_empty(not rows)
    page.show_view(page.recent)
    _last_sale(page, state)
    page.slip.primary.hide()


def _last_sale(page: SellPage, state: SellState) -> None:
    body, last = page.last, state.last
    body.shown.setVisible(last is not None)
    body.empty.setVisible(last is None)
    if last is None:
        page.slip.show_body(body, translate("Sell", "Last sale"))
        body.empty.set_html(escape(translate("Sell", "The last sale and its token stay here.")))
        return
    site, intent = page.till.site, last.record.intent
    time = time_text(site.local(last.record.at))
    page.slip.show_body(body, translate("Sell", "Last sale"), time)
    body.name.setText(words.name_of(last.found) if last.found else "")
    body.meter.setText(meter_text(intent.meter))
    token = last.record.tokens[-1] if last.record.tokens else ""
    groups = [token[i : i + 4] for i in range(0, len(token), 4)]
    body.token[0].setText(" ".join(groups[:3]))
    body.token[1].setText(" ".join(groups[3:]))
    tender = intent.tenders[0].kind if intent.tenders else TenderKind.CASH
    state_chip, word = _slip_chip(last.jobs)
    paid = translate("Sell", "Paid, {way}").format(way=words.tender_word(tender).lower())
    receipt = str(ReceiptNumber(site.till_code, intent.receipt))
    body.lines.show_lines(
        (
            Line(translate("Sell", "Units"), f"{units_text(intent.units_tenths)} kWh", strong=True),
            Line(paid, amount_text(intent.amount_minor, page.unit)),
            Line(translate("Sell", "Change"), amount_text(intent.change_minor, page.unit)),
            Line(
                translate("Sell", "Receipt {number}").format(number=ltr(receipt)),
                word,
                state=state_chip,
            ),
        )
    )


def _standing(jobs: tuple[PrintJob, ...]) -> PrintJob | None:
    """The slip that counts: the original, or the newest copy when one was queued for it."""
    original = next((job for job in jobs if job.copy_no == 0), None)
    if original is not None and original.held == COPY_QUEUED:
        return max(jobs, key=lambda job: job.copy_no)
    return original


def _slip_chip(jobs: tuple[PrintJob, ...]) -> tuple[str, str]:
    job = _standing(jobs)
    if job is None:
        return "off", translate("Sell", "No slip")
    if job.state is PrintState.PRINTED:
        copy = translate("Sell", "Copy printed")
        return "ok", copy if job.copy_no else translate("Sell", "Printed")
    if job.state is PrintState.UNCERTAIN and job.held != COPY_QUEUED:
        return "warn", translate("Sell", "Look at the paper")
    if job.state is PrintState.CANCELLED:
        return "off", translate("Sell", "Not printed")
    if job.copy_no or job.held == COPY_QUEUED:
        return "busy", translate("Sell", "A copy is coming")
    if job.held in PAPER_FIRST.values():
        return "warn", translate("Sell", "Waits for paper")
    if job.held:
        return "warn", translate("Sell", "Waits for the printer")
    return "busy", translate("Sell", "Printing")


# ---------------------------------------------------------------- search


def _search(page: SellPage, state: SellState) -> None:
    page.omnibox.set_quiet(False)
    shown = page.omnibox.edit.text()
    if shown.replace(" ", "") != state.query.replace(" ", ""):
        page.omnibox.show_text(state.query)
    result = state.result
    hits = result.hits if result else ()
    count = translate("Sell", "50+ found") if result and result.more else ""
    if result and not count:
        count = translate("Sell", "{n} found").format(n=len(hits))
    page.omnibox.show_hint(count if hits else "", "Esc")
    now, site = page.till.clock.now(), page.till.site
    rows = tuple(words.hit_row(found, site, now) for found in hits)
    marked = tuple(word for word in state.query.split() if not word.isdigit())
    page.results.list.show_rows(rows, state.selected if rows else -1, marked)
    page.results.frame.setVisible(bool(rows))
    _search_message(page, state)
    page.results.show_note(more=bool(result and result.more))
    page.show_view(page.results)
    if not hits:
        page.slip.show_body(page.blank, "")
        page.slip.primary.hide()
        return
    _preview(page, state, hits[min(state.selected, len(hits) - 1)])
    side = translate("Sell", "{n} of {all}").format(n=state.selected + 1, all=len(hits))
    title = translate("Sell", "Is this the customer?")
    page.slip.show_body(page.preview, title, side)
    page.slip.primary.show()
    page.slip.primary.show_action(translate("Sell", "Sell to this meter"))


def _search_message(page: SellPage, state: SellState) -> None:
    result, banner = state.result, page.results.message
    if result is None or (state.searching and not result.hits):
        banner.hide()
        return
    if result.problem == "NOT_FOUND":
        head = translate("Sell", "No customer found for “{text}”.").format(text=state.query.strip())
        banner.tell("off", head, _told(page, PosError("NOT_FOUND")).act)
    elif result.problem:
        told = _told(page, PosError(result.problem, **result.params))
        act = translate("Sell", "Is it one of these?") if result.hits else told.act
        banner.tell("bad" if "DIGIT" in result.problem else "off", told.what, act)
    elif not result.hits:
        banner.tell("off", translate("Sell", "Keep typing."), _more_needed(result.text))
    banner.setVisible(bool(result.problem) or not result.hits)


def _more_needed(text: str) -> str:
    digits = sum(c.isdigit() for c in text)
    if digits and digits == len(text.replace(" ", "")):
        return translate("Sell", "A meter number has 11 or 13 digits; the last six are enough.")
    return translate("Sell", "Two letters of the name are enough to begin.")


def _preview(page: SellPage, state_shown: SellState, found: FoundMeter) -> None:
    body, site = page.preview, page.till.site
    tariff = dict(state_shown.tariffs).get(found.meter.tariff, found.meter.tariff)
    body.name.setText(words.name_of(found))
    body.address.setText(words.address_of(found))
    body.meter.show_digits(found.meter.number.digits)
    rows = [Line(translate("Sell", "Tariff"), tariff)]
    last = found.last_sale
    if last is not None:
        text = words.last_sale_text(last, site, short=True)
        if not page.compact:
            text += f" · {units_text(last.units_tenths)} kWh"
        rows.append(Line(translate("Sell", "Last sale"), text))
    if found.customer is not None:
        if found.customer.account:
            rows.append(Line(translate("Sell", "Account"), found.customer.account))
        ends = phone_ends(found.customer.phone)
        if ends:
            rows.append(Line(translate("Sell", "Phone ends"), ends))
    state, word = words.state_of(found)
    rows.append(Line(translate("Sell", "State"), word, state=state))
    body.lines.show_lines(tuple(rows))


# ---------------------------------------------------------------- quote


def _card(page: SellPage, found: FoundMeter, tariff: str) -> None:
    card, site = page.card, page.till.site
    card.name.setText(words.name_of(found))
    card.address.setText(words.address_of(found, phone=not page.compact))
    card.meter.show_digits(found.meter.number.digits)
    card.tariff.setText(tariff or found.meter.tariff)
    state, word = words.state_of(found)
    card.chip.show_state(state, word)
    card.last.setText(words.last_sale_text(found.last_sale, site, short=page.compact))


def _quote(page: SellPage, state: SellState) -> None:
    context = state.context
    assert context is not None
    found = context.found
    page.omnibox.set_quiet(True)
    page.omnibox.show_text(meter_text(found.meter.number.digits))
    page.omnibox.show_hint(translate("Sell", "Next customer"), "F2")
    _card(page, found, context.pack.name if context.pack else "")
    if context.problem is not None:
        _stopped(page, context.problem)
        return
    _key_question(page, state)
    page.show_view(page.sale, page.amount)
    page.amount.show_unit(state.in_units)
    page.amount.field.show_text(state.entry)
    last = found.last_sale
    amount = words.plain_amount(last.amount_minor, page.unit) if last else ""
    page.amount.pad.wide.show_preset(amount, translate("Sell", "Same as last"))
    _quote_slip(page, state)


def _key_question(page: SellPage, state: SellState) -> None:
    """Between the customer and the amount: did the meter take its key change?"""
    plan = state.context.key_plan if state.context else None
    page.stop.setVisible(plan is not None and plan.change is not None)
    if plan is None or plan.change is None:
        return
    if plan.unanswered is None:
        head = translate("Sell", "This meter gets its key change with the next token.")
        body = translate("Sell", "The slip has all numbers in the order they are keyed in.")
    else:
        day = day_text(page.till.site.local(plan.unanswered.at))
        head = translate("Sell", "Did the meter take its key change of {day}?").format(day=day)
        body = translate("Sell", "+ yes   - no. Without an answer its numbers come again.")
    page.stop.tell("warn", head, body)


def _stopped(page: SellPage, problem: PosError) -> None:
    told = _told(page, problem)
    page.stop.tell("bad", told.what, told.body)
    page.stop.show()
    page.show_view(page.sale)
    page.show_no_step()
    page.slip.show_body(page.blank, translate("Sell", "Quote"))
    page.slip.primary.show()
    if problem.code == "KEY_CHANGE_FIRST":
        page.slip.primary.show_action(translate("Sell", "Print the key change"))
        return
    page.slip.primary.show_action(translate("Sell", "Take payment"), reason=told.short)


def _quote_slip(page: SellPage, state: SellState) -> None:
    body, quote, context = page.quote, state.quote, state.context
    assert context is not None
    side = "" if page.compact else translate("Sell", "valid 5 minutes")
    page.slip.show_body(body, translate("Sell", "Quote"), side if quote else "")
    body.units.show_number(units_text(quote.units_tenths) if quote else "0.0", after="kWh")
    body.lines.show_lines(words.quote_lines(quote) if quote else ())
    body.lines.setVisible(quote is not None)
    body.empty.setVisible(quote is None)
    note = "" if quote is None else words.notes_html(quote, short=page.compact)
    body.note.setVisible(bool(note))
    if note:
        body.note.tell_html("note", note)
    if state.failure is not None:
        _failure(page, state, body.note)
    why = words.why_text(context, quote, page.till.site) if quote and not page.compact else ""
    body.why.set_html(escape(why))
    body.why.setVisible(bool(why))
    body.paper.setVisible(quote is not None)
    printed = quote is not None and state.printed_quote is quote
    paper = translate("Sell", "Printing") if printed else translate("Sell", "Print")
    body.paper.setText(paper)
    primary, action = page.slip.primary, translate("Sell", "Take payment")
    primary.show()
    if quote is not None:
        primary.show_action(action)
        return
    if state.problem is not None:
        told = _told(page, state.problem)
        body.empty.set_html(f"{escape(told.what)}<br>{escape(told.act)}")
        primary.show_action(action, reason=told.short)
        return
    bought = context.situation.bought_tenths if context.situation else 0
    words_of_month = translate("Sell", "Bought this month: {units} kWh.")
    body.empty.set_html(escape(words_of_month.format(units=units_text(bought))))
    primary.show_action(action, reason=translate("Sell", "Type an amount"))


# ---------------------------------------------------------------- tender


def _tender(page: SellPage, state: SellState) -> None:
    context, quote = state.context, state.quote
    if quote is None:  # a key change alone has no price
        page.slip.primary.show_busy(translate("Sell", "Asking the module"))
        return
    assert context is not None
    page.omnibox.set_quiet(True)
    page.omnibox.show_text(meter_text(context.found.meter.number.digits))
    page.omnibox.show_hint(translate("Sell", "Back to amount"), "Esc")
    _card(page, context.found, context.pack.name if context.pack else "")
    page.stop.hide()
    page.show_view(page.sale, page.tender)
    page.tender.show_way(state.tender)
    left = payment.left_minor(state)
    page.tender.show_sums(left, state.received)
    for field in (page.tender.field, page.tender.part):
        if state.received:
            field.show_text(state.received)
        else:
            field.suggest(words.plain_amount(left, page.unit).replace(",", ""))
    page.tender.reference.show_text(state.reference)
    if state.guard:
        told = _told(page, PosError(state.guard))
        page.payment.banner.tell("warn", told.what, told.body)
        page.payment.banner.show()
    else:
        _failure(page, state, page.payment.banner)
    _payment_slip(page, state)


def _payment_slip(page: SellPage, state: SellState) -> None:
    body, presenter, unit = page.payment, page.presenter, page.unit
    context, quote = state.context, state.quote
    assert context is not None and quote is not None
    page.slip.show_body(body, translate("Sell", "Payment"), translate("Sell", "quote is fixed"))
    due, got = quote.amount_minor, presenter.received_minor()
    body.due.show_number(amount_text(due, unit), before=unit.symbol)
    body.way.setText(words.received_word(state.tender))
    body.received.setText(amount_text(payment.received_minor(state, unit), unit))
    body.change.show_number(amount_text(max(0, got - due), unit), before=unit.symbol)
    units = f"{units_text(quote.units_tenths)} kWh"
    body.lines.show_lines(
        (
            *(words.part_line(part, unit) for part in state.parts),
            Line(translate("Sell", "Units"), units, strong=True),
            Line(translate("Sell", "Meter"), meter_text(context.found.meter.number.digits)),
        )
    )
    aloud = translate("Sell", "Read aloud: {words} A token cannot be taken back.")
    sum_words = spoken.money_words(due, unit)
    who = f"{words.name_of(context.found)}, {sum_words}."
    if context.found.customer is None:
        who = f"{sum_words[:1].upper()}{sum_words[1:]}."
    ink = page.palette().windowText().color().name()
    bold = f'<b style="color:{ink};font-weight:600">{escape(who)}</b>'
    body.aloud.set_html(escape(aloud).replace("{words}", bold))
    primary = page.slip.primary
    primary.show()
    if state.phase is Phase.SELLING:
        primary.show_busy(translate("Sell", "Asking the module"))
        return
    action = translate("Sell", "Sell again") if state.guard else translate("Sell", "Sell and print")
    missing = presenter.missing_minor()
    reason = ""
    if presenter.makes_a_part():
        action = translate("Sell", "Keep {amount}, rest later")
        part = payment.received_minor(state, unit)
        action = action.format(amount=ltr(amount_text(part, unit)))
    elif missing:
        words_less = translate("Sell", "Received {amount} less than to pay")
        reason = words_less.format(amount=ltr(amount_text(missing, unit)))
    elif not payment.has_reference(state):
        reason = translate("Sell", "Type the reference first")
    primary.show_action(action, reason=reason)


# ---------------------------------------------------------------- sold


def _sold(page: SellPage, state: SellState) -> None:
    sold = state.sold
    assert sold is not None
    intent, unit, site = sold.record.intent, page.unit, page.till.site
    page.omnibox.set_quiet(False)
    page.omnibox.show_text("")
    page.omnibox.show_example(translate("Sell", "Next customer: meter, name, phone or receipt"))
    page.omnibox.show_hint("" if page.compact else translate("Sell", "or scan"))
    card = page.sold.card
    card.name.setText(words.name_of(sold.found))
    number = ltr(meter_text(intent.meter))
    card.meter.setText(translate("Sell", "Meter {number}").format(number=number))
    time = time_text(site.local(sold.record.at))
    card.chip.show_state("ok", translate("Sell", "Sold {time}").format(time=ltr(time)))
    page.sold.card.show_tokens(words.token_rows(sold.record), state.token_at)
    if sold.record.tokens:
        card.token.show_digits(sold.record.tokens[-1])
    card.show_units(units_text(words.units_on(sold.record)))
    receipt = translate("Sell", "Receipt {number}").format(number=ltr(str(sold.receipt)))
    page.sold.receipt.setText(receipt)
    left = translate("Sell", "Float after sale {amount}")
    page.sold.float_left.setText(left.format(amount=ltr(amount_text(sold.float_left_minor, unit))))
    page.show_view(page.sold)
    body = page.change
    page.slip.show_body(body, translate("Sell", "Give change"))
    body.change.show_number(amount_text(sold.change_minor, unit), before=unit.symbol)
    body.pieces.setText(words.pieces_text(sold.change_minor, unit))
    order = words.order_html(sold.record)
    body.order.setVisible(bool(order))
    if order:
        body.order.tell_html("note", order)
    body.paid.show_lines(
        (
            *(words.part_line(part, unit) for part in intent.tenders),
            Line(translate("Sell", "Paid"), amount_text(intent.amount_minor, unit), strong=True),
        )
    )
    within = translate("Sell", "In these {amount}")
    body.within.setText(within.format(amount=ltr(amount_text(intent.amount_minor, unit))))
    body.lines.show_lines(tuple(words.line_of(ln, intent.lines, unit) for ln in intent.lines))
    page.slip.primary.show()
    page.slip.primary.show_action(translate("Sell", "Next customer"))
    show_slip_state(page, state)


def slip_waits(state: SellState) -> bool:
    """Whether a slip that is shown is not on paper yet."""
    jobs = state.jobs if state.phase is Phase.SOLD else state.last.jobs if state.last else ()
    if state.phase is Phase.SOLD and not jobs:
        return True
    return any(job.state in UNPRINTED and job.held != COPY_QUEUED for job in jobs)


def show_slip_state(page: SellPage, state: SellState) -> None:
    """What became of the receipt of the sale that is shown; never covers the token."""
    if state.phase is not Phase.SOLD:
        return
    job = _standing(state.jobs)
    banner, body = page.sold.slip, page.change
    chip, word = _slip_chip(state.jobs) if state.jobs else ("busy", translate("Sell", "Printing"))
    if chip == "ok" and job is not None and not job.copy_no:
        word = translate("Sell", "Receipt printed")
    code = _slip_trouble(page, job)
    lost = job is not None and job.state is PrintState.UNCERTAIN and code != COPY_QUEUED
    if code and code != COPY_QUEUED and not lost:
        chip, word = "warn", translate("Sell", "1 receipt to print")
    body.chip.show_state(chip, word)
    body.queue.setText(translate("Sell", "kept in the queue") if code and not lost else "")
    if code:
        told = _told(page, PosError(code))
        button, key = (translate("Sell", "Print a copy"), "F6") if lost else ("", "")
        banner.tell("warn", told.what, told.body, button=button, key=key)
    banner.setVisible(bool(code))
    waits = job is None or (job.state in UNPRINTED and not lost)
    page.sold.card.copy.setEnabled(not waits)


def _slip_trouble(page: SellPage, job: PrintJob | None) -> str:
    """The code of what stands between this slip and the paper, or nothing."""
    if job is None or job.state not in UNPRINTED:
        return ""
    if job.held == COPY_QUEUED or (job.copy_no and job.state is not PrintState.UNCERTAIN):
        return COPY_QUEUED
    if job.state is PrintState.UNCERTAIN:
        return "PRINTER_NO_ANSWER" if job.held == "PRINTER_NO_ANSWER" else "PRINT_UNCERTAIN"
    state = page.status.printer.state if page.status else PrinterState.UNKNOWN
    known = job.held if job.held in messages.WORDS else ""
    away = PRINTER_AWAY.get(state, "PRINTER_OFFLINE" if job.held else "")
    return PAPER_FIRST.get(state) or known or away


def token_shown(state: SellState) -> tuple[str, str, str, str] | None:
    """(name, meter, units, digits) of the token that is on the page."""
    if state.phase is Phase.SOLD and state.sold is not None:
        record, found = state.sold.record, state.sold.found
    elif state.phase is Phase.IDLE and state.last is not None and state.last.found is not None:
        record, found = state.last.record, state.last.found
    else:
        return None
    if not record.tokens:
        return None
    at = state.token_at if state.phase is Phase.SOLD else len(record.tokens) - 1
    row = words.token_rows(record)[at]
    return words.name_of(found), record.intent.meter, row.units, row.digits


# ---------------------------------------------------------------- messages


def _told(page: SellPage, error: PosError) -> messages.Told:
    return say(error, messages.formatter_for(page.till.site))


def _failure(page: SellPage, state: SellState, banner: object) -> None:
    from posapp.ui.widgets.panels import Banner

    assert isinstance(banner, Banner)
    if state.failure is None:
        banner.hide()
        return
    told = _told(page, state.failure)
    soft = state.failure.code in ("QUOTE_EXPIRED", "QUOTE_CHANGED", "OPEN_SALE_FINISHED")
    banner.tell("warn" if soft else "bad", told.what, told.body)
    banner.show()


def _page_banner(page: SellPage, state: SellState) -> None:
    """Over the lists: a failure, or sales that were interrupted. The worst wins."""
    banner = page.banner
    if state.phase in (Phase.QUOTE, Phase.TENDER, Phase.SELLING):
        banner.hide()
        return
    record = told_first(state.recovery)
    if state.failure is not None:
        told = _told(page, state.failure)
        tone = "warn" if is_not_known(state.failure) else "bad"
        banner.tell(tone, told.what, told.body, button=translate("Sell", "Close"), key="Esc")
    elif record is not None:
        code, tone = _how_it_ended(record)
        intent = record.intent
        told = _told(
            page,
            PosError(
                code, receipt=intent.receipt, amount_minor=intent.amount_minor, meter=intent.meter
            ),
        )
        again = asks_again(state)
        button = translate("Sell", "Ask again") if again else translate("Sell", "Close")
        banner.tell(tone, told.what, told.body, button=button)
    else:
        banner.hide()
        return
    banner.show()


def asks_again(state: SellState) -> bool:
    """Whether the page's banner tells of a sale that is still open."""
    record = told_first(state.recovery)
    return state.failure is None and record is not None and record.state in OPEN_STATES


def _how_it_ended(record: SaleRecord) -> tuple[str, str]:
    if record.state in OPEN_STATES:
        return "OUTCOME_UNKNOWN", "warn"
    return ("SALE_RECOVERED", "ok") if record.state in SOLD_STATES else ("SALE_NOT_MADE", "warn")
