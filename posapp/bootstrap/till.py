"""Builds the till: every concrete class of its process is named here and nowhere else."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TypeVar

from posapp import __version__, config, paths
from posapp.bootstrap import commission, module_access, store_key
from posapp.bootstrap.caretaker import Caretaker
from posapp.clock import Clock, Randomness, SystemClock, SystemRandomness, TillClock
from posapp.codec.signing import SigningKey
from posapp.config import TillConfig
from posapp.domain.clock_limits import ClockLimits
from posapp.domain.ids import ReceiptNumber
from posapp.domain.meter import MeterNumber
from posapp.domain.money import money_text, parse_amount
from posapp.domain.sale import Tender, TenderKind, TokenDigits
from posapp.domain.site import Site
from posapp.errors import StoreError
from posapp.journal.verify import Verdict
from posapp.lanes import InlineLanes, Lane, Lanes, ThreadLanes, Urgency
from posapp.ports import LinkState, SyncStatus
from posapp.printing.link import link_factory
from posapp.printing.previewer import DocumentPreviewer
from posapp.printing.profile import load_profile
from posapp.printing.render.slip import render_slip
from posapp.printing.spooler import Spooler
from posapp.reports.people import resolver
from posapp.security_module.link.identity import NAME_MAX
from posapp.security_module.manager import ModuleManager
from posapp.services.acknowledge_audit import AcknowledgeAudit
from posapp.services.backup import Backup
from posapp.services.desk import make_desk
from posapp.services.export_audit import ExportAudit
from posapp.services.find import Find
from posapp.services.key_plan import KeyPolicy
from posapp.services.load_document import LoadAuthorisation, LoadKeys
from posapp.services.move_cash import MoveCash
from posapp.services.pair import Pair
from posapp.services.quote import PrepareSale
from posapp.services.reconcile import Reconcile
from posapp.services.recover import Recover
from posapp.services.recover_answers import RecoverAnswers
from posapp.services.report import DailyReport
from posapp.services.reprint import Reprint
from posapp.services.sell import Sell
from posapp.services.shift import CloseShift, OpenShift, PrintZ
from posapp.services.sign_in import SignIn
from posapp.services.status import ReadStatus
from posapp.services.till import Till
from posapp.services.trial import PrintTrial
from posapp.services.truth import make_truth
from posapp.services.two_people import TwoPeople
from posapp.services.x_report import XReport
from posapp.store.backup import SqlBackups
from posapp.store.disk import BALLAST_BYTES
from posapp.store.feed import SqlSyncStore
from posapp.store.meta import get_meta, set_meta
from posapp.store.schema import STORE_FILE
from posapp.store.store import SqlStore, create_store, open_store
from posapp.sync.enrol import enrol as ask_head_office
from posapp.sync.http_sync import HttpSync

T = TypeVar("T")

SOFTWARE = f"posapp {__version__}"
PENDING_SECRET = "pending_secret"  # a key head office was asked to take, until it answered


class NoHeadOffice:
    """A till without an address of head office: everything stays here until it has one."""

    def run_once(self) -> SyncStatus:
        return self.status()

    def status(self) -> SyncStatus:
        return SyncStatus(LinkState.NEVER)


def build(
    settings: TillConfig,
    *,
    lanes: Lanes | None = None,
    clock: Clock | None = None,
    randomness: Randomness | None = None,
    module: ModuleManager | None = None,
) -> Till:
    """Open the store and put the till together; open sales are finished by its caretaker.

    About 0.3 s; call it off the UI thread. Raises StoreError and ConfigError.
    """
    lanes, clock = lanes or ThreadLanes(), TillClock(clock or SystemClock())
    randomness = randomness or SystemRandomness()
    store = _open(settings, lanes, clock, randomness)
    store.clock_limits = ClockLimits(settings.clock_warn_hours, settings.clock_stop_hours)
    try:
        site = store.read(lambda reader: reader.site())
        module = module or _module(settings, site, lanes, clock, randomness)
        return _assemble(settings, store, site, module, lanes, clock, randomness)
    except BaseException:
        store.close()
        raise


def _module(
    settings: TillConfig, site: Site, lanes: Lanes, clock: Clock, randomness: Randomness
) -> ModuleManager:
    return ModuleManager(
        settings.module_address or "serial:none",
        till_id=site.till_id,
        clock=clock,
        lanes=lanes,
        randomness=randomness,
        secret=module_access.secret,
        line_keys=module_access.line_keys(settings, randomness),
    )


def _name_on_the_line(site: Site) -> str:
    """What a module calls this till."""
    return (site.till_name or site.till_code)[:NAME_MAX]


def _assemble(
    settings: TillConfig,
    store: SqlStore,
    site: Site,
    module: ModuleManager,
    lanes: Lanes,
    clock: Clock,
    randomness: Randomness,
) -> Till:
    profile = load_profile(settings.printer_model)
    factory = link_factory(settings.printer_address)
    spooler = Spooler(store, factory, profile, render_slip, clock, lanes)
    people = resolver(lambda number: store.read(lambda reader: reader.customer_name(number)))
    previewer = DocumentPreviewer(profile, people)
    line = _head_office(settings, store, clock, randomness)
    sync = line or NoHeadOffice()
    recover = Recover(store, module, spooler, clock)
    sign_in = SignIn(store, module)
    two = TwoPeople(sign_in)
    policy = KeyPolicy(settings.key_change)
    sell = Sell(store, module, spooler, clock, randomness, policy=policy)
    rules = commission.load(settings.folder)
    backup = Backup(store, _backups(settings, store, clock), clock)
    answers = RecoverAnswers(store, module)
    caretaker = Caretaker(lanes, store, module, spooler, line, recover, backup, answers)
    till = Till(
        site=site,
        lanes=lanes,
        clock=clock,
        store=store,
        sign_in=sign_in,
        open_shift=OpenShift(store, clock),
        close_shift=CloseShift(store, spooler, clock, Reconcile(store, module), sign_in, rules),
        move_cash=MoveCash(store, spooler, clock),
        x_report=XReport(store, spooler, clock, rules),
        print_z=PrintZ(store, spooler),
        find=Find(store, clock),
        prepare_sale=PrepareSale(store, clock, policy=policy),
        sell=sell,
        desk=make_desk(store, module, spooler, clock, sell, two),
        reprint=Reprint(store, spooler),
        print_trial=PrintTrial(store, spooler, clock),
        recover=recover,
        truth=make_truth(store, module, spooler, clock, two, answers),
        report=DailyReport(store, spooler, clock, previewer),
        load_authorisation=LoadAuthorisation(store, module, two),
        load_keys=LoadKeys(store, module, two),
        export_audit=ExportAudit(module, two),
        acknowledge_audit=AcknowledgeAudit(module, two),
        pair=Pair(module, two, _name_on_the_line(site)),
        look_at_module=module.refresh,
        status=ReadStatus(store, module, spooler, sync, clock, backup.status, store.disk),
        backup=backup,
        answers=answers,
        previewer=previewer,
        sync_now=sync.run_once,
        close=lambda: _close(caretaker, spooler, module, line, store, lanes),
    )
    caretaker.start()
    return till


def _backups(settings: TillConfig, store: SqlStore, clock: Clock) -> SqlBackups | None:
    if not settings.backup_folder:
        return None
    return SqlBackups(store, Path(settings.backup_folder), clock)


def _head_office(
    settings: TillConfig, store: SqlStore, clock: Clock, randomness: Randomness
) -> HttpSync | None:
    if not settings.head_office_url:
        return None
    return HttpSync(
        SqlSyncStore(store), settings.head_office_url, clock, randomness, software=SOFTWARE
    )


def _close(
    caretaker: Caretaker,
    spooler: Spooler,
    module: ModuleManager,
    line: HttpSync | None,
    store: SqlStore,
    lanes: Lanes,
) -> None:
    caretaker.stop()
    spooler.close()
    module.close()  # from here on nothing on the sale lane waits for a device
    if line is not None:
        line.close()
    lanes.run(Lane.SALE, lambda: None, Urgency.CHORE).result()  # it writes down what it has begun
    store.close()
    lanes.close()


def opened(settings: TillConfig, *, read_only: bool = False) -> SqlStore:
    """A till's store for a command; `read_only` beside a till that may be selling.

    Raises StoreError NOT_ENROLLED, STORE_IN_USE, STORE_KEY_WRONG.
    """
    clock = TillClock(SystemClock())
    return _open(settings, InlineLanes(), clock, SystemRandomness(), read_only=read_only)


def closed_module(settings: TillConfig, store: SqlStore) -> ModuleManager:
    """The till's module as a command knows it: nothing has been asked, and nothing will be."""
    site = store.read(lambda reader: reader.site())
    return _module(settings, site, InlineLanes(), SystemClock(), SystemRandomness())


def _open(
    settings: TillConfig,
    lanes: Lanes,
    clock: Clock,
    randomness: Randomness,
    *,
    read_only: bool = False,
) -> SqlStore:
    if not (settings.folder / STORE_FILE).exists():
        raise StoreError("NOT_ENROLLED", folder=str(settings.folder))
    key = store_key.load(settings.folder, settings.store_key)
    return open_store(
        settings.folder,
        key,
        clock=clock,
        randomness=randomness,
        lanes=lanes,
        read_only=read_only,
        ballast_bytes=BALLAST_BYTES,
    )


def enrol(
    folder: Path | None,
    *,
    url: str,
    code: str,
    module_address: str = "",
    printer_address: str = "none",
    printer_model: str = "generic-80",
    key_source: str = "keyring",
) -> Site:
    """Make `folder` a till of the head office at `url`; safe to try again after a lost answer.

    Raises StoreError ALREADY_ENROLLED, HeadOfficeError, ConfigError, InputError ENROL_CODE_FORM.
    """
    clock, randomness, lanes = SystemClock(), SystemRandomness(), InlineLanes()
    settings = TillConfig(
        paths.private_folder(folder or paths.data_folder()),
        module_address=module_address,
        printer_address=printer_address,
        printer_model=printer_model,
        head_office_url=url,
        store_key=key_source,
    )
    store = _unenrolled(settings, lanes, clock, randomness)
    try:
        secret = _pending_secret(store, randomness)
        answer = ask_head_office(
            url, code, clock, randomness, signing_key=SigningKey(secret), software=SOFTWARE
        )
        config.save(settings)
        store.install(answer.site, answer.till_id, secret, answer.head_office_key, SOFTWARE)
        sync = _head_office(settings, store, clock, randomness)
        assert sync is not None
        sync.run_once()  # customers, meters, tariffs; what is missing comes with the next round
        sync.close()
    finally:
        store.close()
    return answer.site


def pair(folder: Path | None, code: str) -> str:
    """Pair this till with the module at its address; the module's id. Up to 10 s.

    Whoever may read the till's store key may do this: it is for setting a till up. Raises
    InputError PAIR_CODE_FORM, ModuleError PAIR_..., PORT_..., StoreError, ConfigError.
    """
    settings = config.load(folder or paths.data_folder())
    clock, randomness, lanes = SystemClock(), SystemRandomness(), InlineLanes()
    site = _looked(settings.folder, lambda store: store.read(lambda reader: reader.site()))
    module = _module(settings, site, lanes, clock, randomness)
    try:
        return module.pair(code, _name_on_the_line(site)).module_id
    finally:
        module.close()


def _unenrolled(
    settings: TillConfig, lanes: Lanes, clock: Clock, randomness: Randomness
) -> SqlStore:
    if not (settings.folder / STORE_FILE).exists():
        key = store_key.create(settings.folder, settings.store_key, randomness)
        return create_store(settings.folder, key, clock=clock, randomness=randomness, lanes=lanes)
    store = _open(settings, lanes, clock, randomness)
    try:
        store.identity()
    except StoreError:
        return store
    store.close()
    raise StoreError("ALREADY_ENROLLED", folder=str(settings.folder))


def _pending_secret(store: SqlStore, randomness: Randomness) -> bytes:
    known = store.look(lambda connection: get_meta(connection, PENDING_SECRET))
    if known is not None:
        return known
    secret = randomness.bytes(32)
    store.transaction(lambda connection: set_meta(connection, PENDING_SECRET, secret))
    return secret


def sell_once(folder: Path | None, meter: str, amount: str, operator_id: int, pin: str) -> str:
    """One cash sale for a person with an open shift, opening it with no float if need be.

    The receipt number, units and token as lines of text. Raises PosError.
    """
    till = build(config.load(folder or paths.data_folder()))
    try:
        sell = partial(_sell, till, meter, amount, operator_id, pin)
        return till.lanes.run(Lane.SALE, sell, Urgency.SALE).result()
    finally:
        till.close()


def _sell(till: Till, meter: str, amount: str, operator_id: int, pin: str) -> str:
    operator = till.sign_in(operator_id, pin)
    if till.store.read(lambda reader: reader.open_shift()) is None:
        till.open_shift(operator, 0)
    context = till.prepare_sale(MeterNumber.parse(meter))
    minor = parse_amount(amount, till.site.currency)
    cash = Tender(TenderKind.CASH, minor)
    sold = till.sell(context, context.by_money(minor), (cash,), operator_id)
    till.sell.revealed(sold.record.intent.sale_id)
    return _told(sold.receipt, minor, till.site, sold.record.tokens)


def _told(receipt: ReceiptNumber, minor: int, site: Site, tokens: tuple[str, ...]) -> str:
    lines = [f"{receipt}  {money_text(minor, site.currency)}"]
    lines += [" ".join(TokenDigits(token).groups) for token in tokens]
    return "\n".join(lines)


def open_beside(settings: TillConfig, lanes: Lanes) -> SqlStore:
    """The store read-only, beside a till that may be selling. Raises StoreError, ConfigError."""
    return _open(settings, lanes, SystemClock(), SystemRandomness(), read_only=True)


def verify_journal(folder: Path) -> tuple[Verdict, tuple[str, ...]]:
    """Read a till's journal back, then all that no hash of it covers.

    Raises StoreError when the store cannot be opened.
    """
    return _looked(folder, lambda store: (store.verify_journal(), store.flaws()))


def check_rebuild(folder: Path) -> tuple[str, ...]:
    """Make all projections again beside the store; where they differ from what is there."""
    return _looked(folder, lambda store: tuple(store.check_projections().differences))


def _looked(folder: Path, ask: Callable[[SqlStore], T]) -> T:
    settings = config.load(folder)
    store = _open(settings, InlineLanes(), SystemClock(), SystemRandomness(), read_only=True)
    try:
        return ask(store)
    finally:
        store.close()
