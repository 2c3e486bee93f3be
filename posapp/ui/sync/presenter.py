"""Head office and the parts of this till: what waits, and a round now. No Qt."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from posapp.errors import PosError
from posapp.lanes import Lane
from posapp.ui.running import Runner

if TYPE_CHECKING:
    from posapp.ports import SyncStatus
    from posapp.services.status import TillStatus
    from posapp.services.till import Till


@dataclass(frozen=True, slots=True)
class SyncState:
    """Everything the page shows."""

    status: TillStatus | None = None
    sync: SyncStatus | None = None
    running: bool = False
    done: bool = False
    failure: PosError | None = None


class SyncPresenter:
    """Runs rounds on the sync lane; selling goes on."""

    def __init__(self, till: Till, tasks: Runner, changed: Callable[[SyncState], None]) -> None:
        self._till = till
        self._tasks = tasks
        self._changed = changed
        self.state = SyncState()

    def show_status(self, status: TillStatus) -> None:
        """The window's poll."""
        self._set(replace(self.state, status=status, sync=status.sync))

    def sync_now(self) -> None:
        """One full round."""
        if self.state.running:
            return
        self._set(replace(self.state, running=True, done=False, failure=None))
        self._tasks.run(Lane.SYNC, self._till.sync_now, self._synced, self._fail)

    def _synced(self, status: SyncStatus) -> None:
        self._set(replace(self.state, sync=status, running=False, done=True))

    def _fail(self, error: PosError) -> None:
        self._set(replace(self.state, failure=error, running=False))

    def _set(self, state: SyncState) -> None:
        self.state = state
        self._changed(state)
