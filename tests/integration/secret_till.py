"""A till as a process that does what it is told: `python -m tests.integration.secret_till FOLDER`.

Lines in: a word and what belongs to it, as typed by a person. A line out each: `ok ...`, or
`no CODE`. It writes the log, the crash files and the fault file of a till in service.
"""

from __future__ import annotations

import faulthandler
import sys
from collections.abc import Callable
from pathlib import Path

from posapp import config, log
from posapp.bootstrap import module_access
from posapp.bootstrap import till as bootstrap
from posapp.clock import SystemClock, SystemRandomness, epoch_ms
from posapp.domain.ids import uuid7
from posapp.domain.meter import MeterNumber
from posapp.domain.sale import KeyTarget, Tender, TenderKind, TokenKind
from posapp.errors import PosError
from posapp.journal.facts import TokenItem
from posapp.lanes import Lane, ThreadLanes, Urgency
from posapp.ports import IssueRequest
from posapp.security_module.manager import ModuleManager

LOG_LEVEL = 10  # all there is
CRASHES = "crashes"


class SecretTill:
    """A whole till; nobody looks at its window."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._clock, self._randomness = SystemClock(), SystemRandomness()
        settings, lanes = config.load(folder), ThreadLanes()
        line_keys = module_access.line_keys(settings, self._randomness)
        store = bootstrap._open(settings, lanes, self._clock, self._randomness)
        till_id = store.read(lambda reader: reader.site().till_id)
        store.close()
        self._till_id = till_id
        self._manager = ModuleManager(
            settings.module_address,
            till_id=till_id,
            clock=self._clock,
            lanes=lanes,
            line_keys=line_keys,
        )
        self._till = bootstrap.build(settings, lanes=lanes, module=self._manager)
        self._planted: list[bytes] = []
        self.verbs: dict[str, Callable[..., object]] = {
            "plant": lambda text: self._planted.append(bytes.fromhex(text)),
            "pair": lambda code: self._manager.pair(code, "T001").module_id,
            "sign_in": lambda number, pin: self._till.sign_in(int(number), pin),
            "login": lambda number, pin: self._manager.login(int(number), pin),
            "authorise": lambda text: self._manager.load_authorisation(bytes.fromhex(text)),
            "load_keys": lambda text: self._manager.load_keys(bytes.fromhex(text)),
            "sell": self._sell,
            "change_key": self._change_key,
        }

    def do(self, verb: str, *arguments: str) -> str:
        """What came of it. An error is also kept as a crash would be."""
        work = self.verbs[verb]
        try:
            done = self._till.lanes.run(Lane.SALE, lambda: work(*arguments), Urgency.SALE).result()
        except PosError as error:
            log.write_crash(self._folder / CRASHES, error, self._clock.now())
            return f"no {error.code}"
        return f"ok {done}"

    def _sell(self, meter: str, amount_minor: str, operator: str) -> str:
        context = self._till.prepare_sale(MeterNumber(meter))
        quote = context.by_money(int(amount_minor))
        cash = (Tender(TenderKind.CASH, quote.amount_minor),)
        sold = self._till.sell(context, quote, cash, int(operator))
        self._till.sell.revealed(sold.record.intent.sale_id)
        return " ".join(sold.record.tokens)

    def _change_key(self, meter: str, sgc: str, krn: str) -> str:
        """A key change set for a meter, asked for as a sale asks for its credit."""
        found = self._till.prepare_sale(MeterNumber(meter)).found.meter
        target = KeyTarget(sgc, int(krn), "01")
        sale_id = uuid7(epoch_ms(self._clock.now()), self._randomness.bytes(10)).bytes
        request = IssueRequest(
            request_id=sale_id,
            till_id=self._till_id,
            sequence=self._manager.refresh().last_sequence + 1,
            meter=meter,
            configuration=found.configuration,
            items=(TokenItem(TokenKind.KEY_CHANGE, 0, 0, 0, 0, target=target),),
        )
        return " ".join(self._manager.issue(request).tokens)


def main(name: str) -> None:
    """Do lines until there are no more; a till in service never ends by itself."""
    folder = Path(name)
    log.to_file(folder / "till.log", LOG_LEVEL)
    with (folder / "fault.txt").open("w") as faults:
        faulthandler.enable(faults)
        till = SecretTill(folder)
        print("ready", flush=True)
        for line in sys.stdin:
            print(till.do(*line.split()), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
