"""What the module's page says: facts of the status, of a document and of a task."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from posapp.domain.energy import units_text
from posapp.domain.money import money_text
from posapp.domain.operator import Role
from posapp.domain.site import Site
from posapp.errors import PosError
from posapp.ports import KeyLimit, ModuleStatus, SupplyKey
from posapp.ui import messages
from posapp.ui.expiry import expiry_of
from posapp.ui.i18n import ltr, say, time_text, translate
from posapp.ui.message_words_drivers import ACTIONS
from posapp.ui.module.presenter import READ_FROM_FILE, Document, Done, Task, Words
from posapp.ui.status_words import expiry_words
from posapp.ui.widgets.lines import Line
from posapp.wire.audit import AuditAcknowledgement
from posapp.wire.authorisation import Authorisation

if TYPE_CHECKING:
    from posapp.ui.module.bars import KeyRow
    from posapp.ui.module.presenter import ModulePageState

MONEY_UNITS = 100_000  # of the currency, as limits in money count
UNLIMITED_UNITS = 1 << 39  # grants from here on are no limit anybody reads
GRANTS_SHOWN = 3
UNSEEN_WARN_SHARE = 5  # warn from four fifths of what may be unconfirmed


def task_words(task: Task) -> str:
    """The verb with its object, on a button and over the form."""
    return {
        Task.AUTHORISATION: translate("Module", "Load an authorisation"),
        Task.KEYS: translate("Module", "Load keys"),
        Task.CONFIRMATION: translate("Module", "Load confirmation"),
        Task.AUDIT: translate("Module", "Save the audit"),
        Task.PAIR: translate("Module", "Pair"),
    }[task]


def task_explained(task: Task) -> str:
    """What it is for, in a sentence or two."""
    return {
        Task.AUTHORISATION: translate(
            "Module",
            "Head office says in a signed file how much the module may make and until when. "
            "The module checks who signed it; two people stand by.",
        ),
        Task.KEYS: translate(
            "Module",
            "Vending keys come in a file that only this module can open. Two people stand by.",
        ),
        Task.CONFIRMATION: translate(
            "Module",
            "Head office confirms in a signed file which tokens it has seen. Then the module "
            "goes on.",
        ),
        Task.AUDIT: translate(
            "Module",
            "Every token, refusal and sign-in stands in the module's own book. Take the file to "
            "head office; it holds no keys and no PINs.",
        ),
        Task.PAIR: translate(
            "Module",
            "Open the pairing at the module's office. It shows a code of 24 digits for some "
            "minutes; type it here.",
        ),
    }[task]


def entry_words(task: Task) -> tuple[str, str]:
    """Caption and example of the one field of a task."""
    if task is Task.PAIR:
        return translate("Module", "Pairing code"), "0000 0000 0000 0000 0000 0000"
    if task is Task.AUDIT:
        return translate("Module", "File to write"), "/media/stick/audit.posa"
    return translate("Module", "File"), "/media/stick/…"


def reads(state: ModulePageState) -> bool:
    """Whether the task reads a file before anybody signs."""
    return state.task in READ_FROM_FILE


def role_words(role: Role) -> str:
    """A person's role."""
    return {
        Role.VENDOR: translate("Login", "Vendor"),
        Role.CLERK: translate("Login", "Clerk"),
        Role.SUPERVISOR: translate("Login", "Supervisor"),
        Role.TECHNICIAN: translate("Login", "Technician"),
        Role.AUDITOR: translate("Login", "Auditor"),
    }[role]


def done_words(done: Done) -> str:
    """What was done, in one sentence."""
    text = {
        Task.AUTHORISATION: translate("Module", "The module has authorisation {n} now."),
        Task.KEYS: translate("Module", "The module has {n} keys now."),
        Task.CONFIRMATION: translate("Module", "Confirmed up to entry {n}."),
        Task.AUDIT: translate("Module", "The audit is in {file}."),
        Task.PAIR: translate("Module", "This till and module {file} know each other now."),
    }[done.task]
    return text.format(n=done.number, file=ltr(done.file))


def state_told(status: ModuleStatus) -> messages.Told:
    """The state's sentences, as the whole till says them."""
    return say(PosError(status.sentence or f"STATE_{status.state.name}"))


def action_words(status: ModuleStatus) -> str:
    """The words of the state's one action."""
    return translate("Messages", ACTIONS.get(status.action, ""))


def moment_words(moment: datetime, site: Site) -> str:
    """`12.11.2027 09:42`."""
    local = site.local(moment)
    return ltr(f"{local:%d.%m.%Y} {time_text(local)}")


def day_words(moment: datetime, site: Site) -> str:
    """`12.11.2027`."""
    return ltr(f"{site.local(moment):%d.%m.%Y}")


def limit_words(limit: KeyLimit, site: Site) -> tuple[str, str]:
    """What is left under a key: (units, declared value)."""
    none = translate("Module", "no limit")
    units = ltr(f"{units_text(limit.units_left)} kWh")
    if limit.units_left >= UNLIMITED_UNITS:
        units = none
    if not limit.units_left and limit.money_units_left:
        minor = limit.money_units_left * site.currency.scale // MONEY_UNITS
        units = ltr(money_text(minor, site.currency))
    value = ltr(money_text(limit.value_left_minor, site.currency))
    if limit.value_left_minor >= UNLIMITED_UNITS:
        value = none
    return units, translate("Module", "value {amount}").format(amount=value)


def key_rows(status: ModuleStatus, site: Site, now: datetime) -> tuple[KeyRow, ...]:
    """One row a key, with what is left of it."""
    from posapp.ui.module.bars import KeyRow

    limits = {(limit.sgc, limit.krn): limit for limit in status.limits}
    rows = []
    for key in status.keys:
        limit = limits.get((key.sgc, key.krn))
        units, value, share = "", "", -1
        if status.limited:
            limit = limit or KeyLimit(key.sgc, key.krn, 0, 0, 0)
            units, value = limit_words(limit, site)
            share = limit.units_left or limit.money_units_left
        state, word = _key_chip(key, now)
        rows.append(
            KeyRow(
                name=ltr(f"SGC {key.sgc} · KRN {key.krn}"),
                detail=key_detail(key, site),
                left=units,
                value=value,
                share=share,
                state=state,
                word=word,
            )
        )
    return tuple(rows)


def _key_chip(key: SupplyKey, now: datetime) -> tuple[str, str]:
    if key.active_from is not None and key.active_from > now:
        return "off", translate("Module", "Not yet active")
    expiry = expiry_of(key, now)
    if expiry is None:
        return "", ""
    return "bad" if expiry.step <= 1 else "warn", expiry_words(expiry)


def key_detail(key: SupplyKey, site: Site) -> str:
    """Base date and validity of a key."""
    until = day_words(key.ends_at, site)
    words = translate("Module", "base date {year} · until {day}")
    return words.format(year=ltr(str(key.base_date)), day=until)


def facts(status: ModuleStatus, site: Site, now: datetime) -> tuple[Line, ...]:
    """The module's own numbers, for the slip side."""
    certified = (
        Line(translate("Module", "Certified"), translate("Module", "Yes"), state="ok")
        if status.certified
        else Line(
            translate("Module", "Certified"),
            translate("Module", "NOT CERTIFIED – TEST KEYS"),
            state="warn",
        )
    )
    lines = [
        Line(translate("Module", "Module"), ltr(status.module_id or "–"), ltr(status.firmware)),
        certified,
    ]
    if not status.limited:
        none = translate("Module", "It tells of no limits and of no lease.")
        return (*lines, Line(translate("Module", "Limits"), translate("Module", "none"), none))
    return (*lines, _lease(status, site, now), *_book(status))


def _lease(status: ModuleStatus, site: Site, now: datetime) -> Line:
    words, until = translate("Module", "Lease of the module"), status.lease_until
    if until is None:
        return Line(words, translate("Module", "None yet"), state="bad")
    left = until - now
    if left <= timedelta(0):
        chip, state = translate("Module", "Ended"), "bad"
    else:
        days = left // timedelta(days=1)
        chip = translate("Module", "Days left: {n}").format(n=days)
        state = "warn" if days < 2 else "ok"
    second = translate("Module", "until {day}").format(day=moment_words(until, site))
    return Line(words, chip, second, state=state)


def _book(status: ModuleStatus) -> tuple[Line, ...]:
    most, unseen = status.unacknowledged_max, status.unacknowledged
    of = translate("Module", "{n} of {max}").format(n=f"{unseen:,}", max=f"{most:,}")
    near = most and unseen * UNSEEN_WARN_SHARE >= most * (UNSEEN_WARN_SHARE - 1)
    state = ("bad" if unseen >= most else "warn") if near else ""
    return (
        Line(
            translate("Module", "Tokens not yet confirmed"),
            ltr(of) if most else f"{unseen:,}",
            translate("Module", "head office confirms them by file"),
            state=state,
        ),
        Line(
            translate("Module", "Authorisation"),
            str(status.authorisation or translate("Module", "none")),
        ),
        Line(translate("Module", "Entries in its book"), f"{status.audit_no:,}"),
    )


def document_lines(document: Document, site: Site) -> tuple[Line, ...]:
    """What a file says of itself, for the eyes of who signs."""
    return _document_lines(document.says, site)


def _document_lines(says: Words, site: Site) -> tuple[Line, ...]:
    module = Line(translate("Module", "For module"), ltr(says.module_id))
    if isinstance(says, AuditAcknowledgement):
        return (module, Line(translate("Module", "Confirmed up to entry"), f"{says.number:,}"))
    if isinstance(says, Authorisation):
        days = translate("Module", "lease of {n} days").format(n=says.lease_days)
        unseen = translate("Module", "for {module} · {n} tokens may wait for confirmation")
        under = unseen.format(module=ltr(says.module_id), n=f"{says.unacknowledged_max:,}")
        number = translate("Module", "Authorisation {n}").format(n=says.number)
        lines = [Line(number, days, under)]
        for grant in says.grants[:GRANTS_SHOWN]:
            units = _total(grant.units_total, ltr(f"{units_text(grant.units_total)} kWh"))
            amount = ltr(money_text(grant.value_total_minor, site.currency))
            value = _total(grant.value_total_minor, amount)
            name = ltr(f"SGC {grant.sgc} · KRN {grant.krn}")
            ever = translate("Module", "in all, value {amount}").format(amount=value)
            lines.append(Line(name, units, ever))
        more = len(says.grants) - GRANTS_SHOWN
        if more > 0:
            lines.append(Line(translate("Module", "and more keys"), str(more)))
        return tuple(lines)
    mark = translate("Module", "test keys") if says.test else translate("Module", "production")
    return (
        module,
        Line(translate("Module", "Number"), str(says.serial)),
        Line(translate("Module", "Marked"), mark),
        Line(translate("Module", "Load before"), day_words(says.load_before, site)),
    )


def _total(total: int, words: str) -> str:
    return translate("Module", "no limit") if total >= UNLIMITED_UNITS else words


def sentence(state: ModulePageState) -> str:
    """The one sentence that is signed or confirmed, with every value that matters."""
    status, task = state.status, state.task
    module = ltr(status.module_id) if status and status.module_id else "–"
    if task is Task.PAIR:
        return translate("Module", "This till and module {module} will trust each other.").format(
            module=module
        )
    if task is Task.AUDIT:
        return translate("Module", "The book of module {module} goes into a file.").format(
            module=module
        )
    if state.document is None:
        return translate("Module", "Read the file first.")
    says = state.document.says
    if isinstance(says, Authorisation):
        text = translate("Module", "Load authorisation {n} into module {module}.")
        return text.format(n=says.number, module=module)
    if isinstance(says, AuditAcknowledgement):
        text = translate("Module", "Head office has seen module {module} up to entry {n}.")
        return text.format(n=says.number, module=module)
    text = translate("Module", "Load key file {n} into module {module}.")
    return text.format(n=says.serial, module=module)
