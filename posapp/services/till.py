"""All the use cases of one till in one value, as the window gets them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from posapp.domain.site import Site
from posapp.ports import BackupStatus, Clock, Lanes, ModuleStatus, Previewer, Store, SyncStatus
from posapp.services.acknowledge_audit import AcknowledgeAudit
from posapp.services.desk import Desk
from posapp.services.export_audit import ExportAudit
from posapp.services.find import Find
from posapp.services.load_document import LoadAuthorisation, LoadKeys
from posapp.services.move_cash import MoveCash
from posapp.services.pair import Pair
from posapp.services.quote import PrepareSale
from posapp.services.recover import Recover
from posapp.services.recover_answers import RecoverAnswers
from posapp.services.report import DailyReport
from posapp.services.reprint import Reprint
from posapp.services.sell import Sell
from posapp.services.shift import CloseShift, OpenShift, PrintZ
from posapp.services.sign_in import SignIn
from posapp.services.status import ReadStatus
from posapp.services.trial import PrintTrial
from posapp.services.truth import Truth
from posapp.services.x_report import XReport


@dataclass(frozen=True, slots=True)
class Till:
    """What bootstrap makes and the window uses; `test_keys` shows the permanent warning, `backup`
    makes one now (report lane), `answers` is for a till that came back from a backup.
    """

    site: Site
    lanes: Lanes
    clock: Clock
    store: Store
    sign_in: SignIn
    open_shift: OpenShift
    close_shift: CloseShift
    move_cash: MoveCash
    x_report: XReport
    print_z: PrintZ
    find: Find
    prepare_sale: PrepareSale
    sell: Sell
    desk: Desk
    reprint: Reprint
    print_trial: PrintTrial
    recover: Recover
    truth: Truth
    report: DailyReport
    load_authorisation: LoadAuthorisation
    load_keys: LoadKeys
    export_audit: ExportAudit
    acknowledge_audit: AcknowledgeAudit
    pair: Pair
    look_at_module: Callable[[], ModuleStatus]
    status: ReadStatus
    previewer: Previewer
    sync_now: Callable[[], SyncStatus]
    close: Callable[[], None]
    test_keys: bool = True
    backup: Callable[[], BackupStatus] = BackupStatus
    answers: RecoverAnswers | None = None
