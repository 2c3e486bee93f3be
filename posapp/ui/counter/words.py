"""What the counter page says of each job, its fields, and the sentence that is signed."""

from __future__ import annotations

from posapp.domain.energy import units_text
from posapp.domain.ids import ReceiptNumber
from posapp.domain.money import money_text
from posapp.domain.site import Site
from posapp.ui.counter.state import CounterState, Field, Job
from posapp.ui.i18n import day_text, ltr, meter_text, time_text, translate
from posapp.ui.sell.words import name_of
from posapp.ui.widgets.lines import Line


def job_words(job: Job) -> tuple[str, str]:
    """Its name and what it does."""
    return {
        Job.ACCOUNT: (
            translate("Counter", "Account payment"),
            translate("Counter", "Money for the customer's account. There is no token."),
        ),
        Job.RECONNECTION: (
            translate("Counter", "Reconnection"),
            translate("Counter", "The fee for connecting the meter again. There is no token."),
        ),
        Job.TAMPER_FEE: (
            translate("Counter", "Tamper fee"),
            translate("Counter", "The fee after a meter was opened. There is no token."),
        ),
        Job.VOID: (
            translate("Counter", "Void a sale"),
            translate("Counter", "Only while nobody has seen its token and no slip was printed."),
        ),
        Job.REFUND: (
            translate("Counter", "Ask for it back"),
            translate(
                "Counter",
                "A request to head office, with a form to sign. No money leaves the drawer now.",
            ),
        ),
        Job.UNKNOWN_METER: (
            translate("Counter", "Unknown meter"),
            translate(
                "Counter",
                "Copy the label. Under a wrong key the token is lost. The sale is marked.",
            ),
        ),
        Job.REPLACEMENT: (
            translate("Counter", "Replacement"),
            translate("Counter", "Units left in the old meter, for the one that hangs there now."),
        ),
    }[job]


def field_words(name: Field, job: Job) -> str:
    """What stands over a field."""
    if name is Field.RECEIVED:
        return translate("Counter", "Cash; empty: exact")
    if name is Field.AMOUNT and job is Job.REFUND:
        return translate("Counter", "Amount wanted back")
    return {
        Field.METER: translate("Counter", "Meter"),
        Field.RECEIPT: translate("Counter", "Receipt number"),
        Field.EA: translate("Counter", "EA: 07 or 11"),
        Field.SGC: translate("Counter", "SGC"),
        Field.KRN: translate("Counter", "KRN"),
        Field.TI: translate("Counter", "TI"),
        Field.BASE_DATE: translate("Counter", "Base date, year"),
        Field.TARIFF: translate("Counter", "Tariff"),
        Field.AMOUNT: translate("Counter", "Amount"),
        Field.REFERENCE: translate("Counter", "Reference, may be empty"),
        Field.OLD_METER: translate("Counter", "Old meter"),
        Field.UNITS: translate("Counter", "Units, kWh"),
        Field.RIGHT_METER: translate("Counter", "Right meter; empty: money back"),
        Field.EVIDENCE: translate("Counter", "Papers shown"),
        Field.REASON: translate("Counter", "Reason"),
    }[name]


def sentence(state: CounterState) -> str:
    """What will be done, for whom: the sentence that is signed."""
    meter = ltr(state.text(Field.METER) or "…")
    amount = ltr(state.text(Field.AMOUNT) or "…")
    if state.job in (Job.VOID, Job.REFUND):
        words = translate("Counter", "Void sale {receipt}.")
        if state.job is Job.REFUND:
            words = translate("Counter", "Ask for {amount} of sale {receipt} back.")
            if state.text(Field.RIGHT_METER):
                words = translate("Counter", "Ask: {amount} of sale {receipt} to meter {right}.")
        return words.format(
            receipt=ltr(state.text(Field.RECEIPT) or "…"),
            amount=amount,
            right=ltr(state.text(Field.RIGHT_METER)),
        )
    if state.job is Job.REPLACEMENT:
        words = translate("Counter", "{units} kWh from meter {old} to meter {meter}.")
        return words.format(
            units=ltr(state.text(Field.UNITS) or "…"),
            old=ltr(state.text(Field.OLD_METER) or "…"),
            meter=meter,
        )
    words = translate("Counter", "{work}: {amount} for meter {meter}.")
    return words.format(work=job_words(state.job)[0], amount=amount, meter=meter)


def seen_lines(state: CounterState, site: Site) -> tuple[Line, ...]:
    """What was looked up, in one line: the customer, the earlier sale, or what the money buys."""
    seen = state.seen
    if seen is None:
        return ()
    if seen.quote is not None:
        units = translate("Counter", "{units} kWh").format(
            units=units_text(seen.quote.units_tenths)
        )
        return (Line(units, money_text(seen.quote.amount_minor, site.currency), strong=True),)
    name = name_of(seen.found) if seen.found is not None else ""
    if seen.record is None:
        return (Line(translate("Counter", "Customer"), name),)
    sale, local = seen.record.intent, site.local(seen.record.at)
    second = f"{day_text(local.date())} {time_text(local)} · {meter_text(sale.meter)}"
    paid = money_text(sale.amount_minor, site.currency)
    return (Line(name or translate("Counter", "Sold"), paid, second, strong=True),)


def done_words(state: CounterState, site: Site) -> str:
    """What was done, and what goes over the counter now."""
    done = state.done
    assert done is not None
    if done.sold is not None:
        change = done.sold.change_minor
        words = translate("Counter", "Done. Slip {receipt}.")
        if change:
            words = translate("Counter", "Done. Slip {receipt}. Give {change} change.")
        return words.format(
            receipt=ltr(str(done.sold.receipt)), change=ltr(money_text(change, site.currency))
        )
    assert done.record is not None
    sale = done.record.intent
    words = translate("Counter", "Sale {receipt} is void. Give {amount} back.")
    if done.job is Job.REFUND:
        words = translate(
            "Counter", "The request for sale {receipt} is written; its form prints. Pay nothing."
        )
    return words.format(
        receipt=ltr(str(ReceiptNumber(site.till_code, sale.receipt))),
        amount=ltr(money_text(sale.amount_minor, site.currency)),
    )


def action_words(job: Job) -> str:
    """What stands on the one button."""
    if job is Job.VOID:
        return translate("Counter", "Sign and void")
    if job is Job.REFUND:
        return translate("Counter", "Sign and ask")
    if job is Job.UNKNOWN_METER:
        return translate("Counter", "Sign and sell")
    if job is Job.REPLACEMENT:
        return translate("Counter", "Sign and make the token")
    return translate("Counter", "Take the money")


def missing_words(name: str, job: Job) -> str:
    """What is to be typed next."""
    steps = {
        "look": translate("Counter", "Press Enter to look it up"),
        "second": translate("Counter", "Choose the second person"),
        "pin": translate("Counter", "The second person types the PIN"),
    }
    if name in steps:
        return steps[name]
    return translate("Counter", "Missing: {field}").format(field=field_words(Field(name), job))
