"""What the status strip says about each part of the till."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from posapp.domain.money import amount_text
from posapp.domain.site import Site
from posapp.ports import LinkState, ModuleState, PrinterState
from posapp.ui.expiry import Expiry, next_expiry
from posapp.ui.i18n import ltr, time_text, translate
from posapp.ui.widgets.rail import ChipWords

if TYPE_CHECKING:
    from posapp.services.status import TillStatus

LEASE_WARN_DAYS = 2


def chips(
    status: TillStatus, site: Site, now: datetime, *, hide_float: bool = False
) -> dict[str, ChipWords]:
    """Words for every chip. While a drawer is counted the float is not shown."""
    return {
        "head_office": _head_office(status, site),
        "module": _module(status, now),
        "printer": _printer(status),
        "float": _float(status, site, hide=hide_float),
        "clock": _clock(status),
    }


def _head_office(status: TillStatus, site: Site) -> ChipWords:
    sync = status.sync
    if sync.state is LinkState.ONLINE:
        words = translate("Status", "Head office online")
        return ChipWords("ok", words, translate("Status", "Online"))
    if sync.state is LinkState.SUSPENDED:
        words = translate("Status", "Head office has paused this till")
        return ChipWords("warn", words, translate("Status", "Paused"))
    short = translate("Status", "Offline")
    if sync.since is not None:
        words = translate("Status", "Offline since {time} · {n} waiting")
        time = ltr(time_text(site.local(sync.since)))
        return ChipWords("off", words.format(time=time, n=sync.waiting), short)
    if sync.waiting:
        words = translate("Status", "Offline · {n} waiting").format(n=sync.waiting)
        return ChipWords("off", words, short)
    return ChipWords("off", short, short)


def _module(status: TillStatus, now: datetime) -> ChipWords:
    short = translate("Status", "Module")
    state = status.module.state
    if state in (ModuleState.READY, ModuleState.BUSY):
        if status.lease_until is None:
            words = translate("Status", "Module ready · no lease")
            return ChipWords("warn", words, translate("Status", "No lease"))
        days = (status.lease_until - now).days
        if status.lease_until < now:
            words = translate("Status", "Lease has ended")
            return ChipWords("bad", words, words)
        if days == 1:
            words = translate("Status", "Module ready · lease 1 day")
        else:
            words = translate("Status", "Module ready · lease {n} days").format(n=days)
        expiry = next_expiry(status.module, now)
        if expiry is not None and days >= LEASE_WARN_DAYS:
            ends = expiry_words(expiry)
            return ChipWords(expiry.colour, ends, ends)
        return ChipWords("warn" if days < LEASE_WARN_DAYS else "ok", words, short)
    colour, words = module_words()[state]
    return ChipWords(colour, words, short if colour == "busy" else words)


def expiry_words(expiry: Expiry) -> str:
    """A key that ends soon, in three or four words."""
    if expiry.step <= 0:
        return translate("Status", "Key has ended")
    if expiry.days <= 1:
        return translate("Status", "Key ends in 1 day")
    return translate("Status", "Key ends in {n} days").format(n=expiry.days)


def module_words() -> dict[ModuleState, tuple[str, str]]:
    """Colour and words of every state of the module; READY and BUSY say the lease as well."""
    asking = translate("Status", "Asking the module")
    return {
        ModuleState.ABSENT: ("bad", translate("Status", "Module missing")),
        ModuleState.OPENING: ("busy", asking),
        ModuleState.HANDSHAKE: ("busy", asking),
        ModuleState.WRONG_MODULE: ("bad", translate("Status", "Wrong module")),
        ModuleState.NOT_PAIRED: ("bad", translate("Status", "Module not paired")),
        ModuleState.FW_TOO_OLD: ("bad", translate("Status", "Module too old")),
        ModuleState.READY: ("ok", translate("Status", "Module ready")),
        ModuleState.BUSY: ("ok", translate("Status", "Module ready")),
        ModuleState.LINK_LOST: ("bad", translate("Status", "Module line broke")),
        ModuleState.RECOVERING: ("busy", translate("Status", "Finishing a sale")),
        ModuleState.LOCKED: ("warn", translate("Status", "Module locked")),
        ModuleState.LIMIT_USED: ("bad", translate("Status", "Module limit used")),
        ModuleState.KEY_EXPIRED: ("bad", translate("Status", "Module keys expired")),
        ModuleState.KEY_MISSING: ("bad", translate("Status", "Module has no keys")),
        ModuleState.HOLD_LEASE: ("bad", translate("Status", "Module lease ended")),
        ModuleState.HOLD_AUDIT: ("bad", translate("Status", "Module audit full")),
        ModuleState.CLOCK_BAD: ("bad", translate("Status", "Module clock differs")),
        ModuleState.PIN_BLOCKED: ("bad", translate("Status", "Module PIN blocked")),
        ModuleState.TAMPERED: ("bad", translate("Status", "Module tampered")),
        ModuleState.ZEROISED: ("bad", translate("Status", "Module erased")),
    }


def _printer(status: TillStatus) -> ChipWords:
    table = {
        PrinterState.READY: ("ok", translate("Status", "Printer ready")),
        PrinterState.PAPER_LOW: ("warn", translate("Status", "Paper low")),
        PrinterState.PAPER_OUT: ("warn", translate("Status", "Paper out")),
        PrinterState.COVER_OPEN: ("warn", translate("Status", "Cover open")),
        PrinterState.OFFLINE: ("warn", translate("Status", "Printer silent")),
        PrinterState.ABSENT: ("off", translate("Status", "No printer")),
        PrinterState.UNKNOWN: ("off", translate("Status", "Printer not seen yet")),
    }
    state, words = table[status.printer.state]
    short = translate("Status", "Printer") if state == "ok" else words
    if status.printer.waiting and state != "ok":
        waiting = translate("Status", "{state} · {n} waiting")
        return ChipWords(state, waiting.format(state=words, n=status.printer.waiting), short)
    return ChipWords(state, words, short)


def _float(status: TillStatus, site: Site, *, hide: bool) -> ChipWords:
    if hide:
        words = (
            translate("Status", "Float low")
            if status.float_low
            else translate("Status", "Float good")
        )
        return ChipWords("warn" if status.float_low else "ok", words, words)
    amount = ltr(amount_text(status.float_left_minor, site.currency))
    words = translate("Status", "Float  {amount}").format(amount=amount)
    state = "warn" if status.float_low else "ok"
    if status.float_left_minor == 0:
        state = "bad"
    return ChipWords(state, words, words)


def _clock(status: TillStatus) -> ChipWords:
    short = translate("Status", "Clock")
    if status.clock_trusted:
        return ChipWords("ok", translate("Status", "Clock trusted"), short)
    words = translate("Status", "Clock is wrong")
    return ChipWords("bad", words, words)
