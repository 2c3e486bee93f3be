"""A module as a shop has it: its own process, limits, operators, paired with one till."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from posapp.bootstrap import module as bootstrap
from posapp.bootstrap import module_people
from posapp.bootstrap.module_people import Change
from posapp.clock import SystemClock, SystemRandomness
from posapp.domain.lease import Lease
from posapp.lanes import Lanes
from posapp.security_module.link.identity import LineKeys
from posapp.security_module.manager import ModuleManager
from posapp.wire.audit import AuditAcknowledgement, AuditFile, SignedAcknowledgement
from posapp.wire.authorisation import Authorisation, Grant, SignedAuthorisation
from tests.security_module.engines import OFFICE, TRUST
from tests.security_module.module_process import ModuleProcess, write_key_file
from tests.services.counter import GRACE, KWAME, PIN
from tests.stores import TILL_ID


@dataclass
class Shop:
    """One module, whose operators are Grace (clerk) and Kwame (supervisor), and its till's keys."""

    module: ModuleProcess
    keys: LineKeys

    @classmethod
    def make(cls, folder: Path) -> Shop:
        """A new module, not yet started, paired with nobody and authorised for nothing."""
        place = folder / "shop-module"
        place.mkdir(parents=True)
        (place / "trust.json").write_text(TRUST.to_text(), encoding="ascii")
        key_file = write_key_file(place / "keys.json")
        module_id = bootstrap.init(
            place, key_file, place / "trust.json", supervisor=GRACE.name, pin=PIN
        )
        for by, wanted in (
            (1, Change("add", KWAME.operator_id, KWAME.name, "supervisor", PIN)),
            (2, Change("role", GRACE.operator_id, role="clerk", pin=PIN)),
        ):
            module_people.change(place, by, PIN, wanted)
        (folder / "line").mkdir()
        listen = "tcp:127.0.0.1:0"  # a killed one's pty number would soon be somebody else's
        keys = LineKeys(folder / "line", bytes(32), SystemRandomness())
        return cls(ModuleProcess(place, listen, module_id, in_clear=False), keys)

    def manager(self, lanes: Lanes | None = None, till_id: bytes = TILL_ID) -> ModuleManager:
        """The till's hand on it while it runs."""
        return ModuleManager(
            self.module.address,
            till_id=till_id,
            clock=SystemClock(),
            lanes=lanes,
            line_keys=self.keys,
            hard_s=5,
        )

    def code(self) -> str:
        """What its window shows: 24 digits."""
        words = bootstrap.pair(self.module.folder)
        return "".join(part for part in words.split("\n")[0].split() if part.isdigit())

    def authorisation(
        self, number: int = 1, units: int = 1 << 40, unseen: int = 1000, days: int = 7
    ) -> bytes:
        """Head office's document for it."""
        now = datetime.now(UTC)
        said = Authorisation(
            module_id=self.module.module_id,
            number=number,
            issued_at=now,
            till_id=TILL_ID,
            currency_code="KES",
            lease=Lease(number, 1 << 40, 1 << 40, 1, now + timedelta(days=days)),
            lease_days=days,
            unacknowledged_max=unseen,
            grants=tuple(
                Grant(sgc, krn, units, 0, 1 << 40) for sgc, krn in (("123456", 1), ("201457", 1))
            ),
        )
        return SignedAuthorisation.sign(said, *OFFICE).to_bytes()

    def acknowledgement(self, audit: AuditFile) -> bytes:
        """Head office's word on all of a file."""
        word = AuditAcknowledgement(
            self.module.module_id, audit.head.number, audit.head.hash32, _now_ms()
        )
        return SignedAcknowledgement.sign(word, OFFICE[0]).to_bytes()


def _now_ms() -> int:
    return int(datetime.now(UTC).timestamp() * 1000)
