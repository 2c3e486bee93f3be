"""One sentence for each matter, one word for each step."""

from __future__ import annotations

from posapp.services.unresolved import Matter, Step, Unresolved
from posapp.ui import messages
from posapp.ui.i18n import translate
from posapp.ui.unresolved.presenter import UnresolvedState

STATES = {
    Matter.CLOCK_BACK: "bad",
    Matter.CLOCK_JUMPED: "bad",
    Matter.RESTORED: "bad",
    Matter.UNKNOWN_SALE: "warn",
    Matter.OPEN_SALE: "warn",
    Matter.ORPHAN: "warn",
    Matter.MODULE_HOLD: "warn",
    Matter.CLOCK_AHEAD: "warn",
    Matter.SLIPS: "off",
}


def head(row: Unresolved) -> str:
    """What it is, in a few words."""
    return {
        Matter.CLOCK_BACK: translate("Open", "The clock was set back"),
        Matter.CLOCK_JUMPED: translate("Open", "The clock is far ahead"),
        Matter.RESTORED: translate("Open", "This till comes from a backup"),
        Matter.UNKNOWN_SALE: translate("Open", "A sale whose outcome is not known"),
        Matter.OPEN_SALE: translate("Open", "A sale that is not finished"),
        Matter.ORPHAN: translate("Open", "Tokens that no sale here tells of"),
        Matter.MODULE_HOLD: translate("Open", "The module makes no tokens now"),
        Matter.CLOCK_AHEAD: translate("Open", "The clock is ahead"),
        Matter.SLIPS: translate("Open", "Slips wait for the printer"),
    }[row.matter]


def sentence(row: Unresolved, formatter: messages.Formatter) -> str:
    """What happened and what is safe."""
    if row.matter is Matter.MODULE_HOLD:
        return _hold(row, formatter)
    told = {
        Matter.CLOCK_BACK: translate(
            "Open", "It says {now} and it was {floor} already. Nothing is sold until it is right."
        ),
        Matter.CLOCK_JUMPED: translate(
            "Open", "It says {now}; the last known moment is {floor}. Selling waits for a look."
        ),
        Matter.RESTORED: translate(
            "Open", "The module is asked what it made after {since}. Selling waits for that."
        ),
        Matter.UNKNOWN_SALE: translate(
            "Open",
            "{receipt}, {amount_minor}, meter {meter}. "
            "The money is held until module {module} is asked.",
        ),
        Matter.OPEN_SALE: translate(
            "Open", "{receipt}, {amount_minor}, meter {meter}. Module {module} has the answer."
        ),
        Matter.ORPHAN: translate(
            "Open", "{amount_minor} for meter {meter}, made after the backup. Was it paid?"
        ),
        Matter.CLOCK_AHEAD: translate(
            "Open", "It says {now}; the last known moment is {floor}. Is that right?"
        ),
        Matter.SLIPS: translate("Open", "{count} wait. They come out when the printer is ready."),
    }[row.matter]
    shown = {name: formatter(name, value) for name, value in row.params.items()}
    return messages.fill(told, shown)


def _hold(row: Unresolved, formatter: messages.Formatter) -> str:
    told = messages.tell(
        str(row.params["hold"]), row.params, format_param=formatter, translate=_message
    )
    return f"{told.what} {told.act}"


def _message(text: str) -> str:
    return translate("Messages", text)


def step_words(step: Step) -> str:
    """What its button says."""
    return {
        Step.WAIT: translate("Open", "Wait"),
        Step.ASK_MODULE: translate("Open", "Ask the module"),
        Step.PRINT_CLAIM: translate("Open", "Print claim slip"),
        Step.SETTLE_AUDIT: translate("Open", "Settle from its book"),
        Step.SET_CLOCK: translate("Open", "Set the time"),
        Step.CONFIRM_CLOCK: translate("Open", "The time is right"),
        Step.GO_ON: translate("Open", "Go on without it"),
        Step.COUNTED: translate("Open", "Paid, it is in the cash"),
        Step.NOT_PAID: translate("Open", "Nobody paid"),
        Step.SEE_MODULE: translate("Open", "See the module"),
        Step.SEE_PRINTER: translate("Open", "See the printer"),
    }[step]


def entry_words(step: Step) -> tuple[str, str, str]:
    """What is typed for a step, an example, and what it means."""
    if step is Step.SET_CLOCK:
        return (
            translate("Open", "Day and time by another clock"),
            "24.12.2026 09:30",
            translate(
                "Open",
                "The till goes by this time from now on. The computer's own clock stays as it "
                "is; head office's next word replaces it.",
            ),
        )
    if step is Step.SETTLE_AUDIT:
        return (
            translate("Open", "File with the module's signed book"),
            "/media/usb/audit-RM-00117.posa",
            translate(
                "Open",
                "The book proves which sales have tokens. Where it proves nothing, a sale stays "
                "as it is; nothing is ever made twice.",
            ),
        )
    return (
        translate("Open", "Reason"),
        translate("Open", "module was stolen"),
        translate("Open", "Some receipt numbers are left out, so that none is ever used twice."),
    )


def done_words(state: UnresolvedState) -> str:
    """What came of the last step."""
    settled = state.settled
    if settled is not None:
        told = translate("Open", "Made: {made} · not made: {none} · the book is silent: {silent}")
        return told.format(
            made=len(settled.made), none=len(settled.not_made), silent=len(settled.silent)
        )
    done = {
        Step.ASK_MODULE: translate("Open", "The module was asked."),
        Step.PRINT_CLAIM: translate("Open", "The claim slip is printed. The money is held."),
        Step.SET_CLOCK: translate("Open", "The till goes by that time now."),
        Step.CONFIRM_CLOCK: translate("Open", "The time is confirmed."),
    }
    return done.get(state.done, translate("Open", "That is written down.")) if state.done else ""
