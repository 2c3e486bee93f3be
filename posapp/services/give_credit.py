"""Credit that nobody pays for: a free issue within a quota, or units left in a swapped meter."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from posapp.domain.energy import UNITS_TENTHS_MAX
from posapp.domain.meter import MeterNumber, MeterState
from posapp.domain.operator import Operator
from posapp.domain.permissions import Operation
from posapp.domain.sale import SaleKind, TokenKind
from posapp.errors import InputError, SaleError
from posapp.journal.facts import TokenItem
from posapp.ports import Store, UnitOfWork
from posapp.services.key_plan import known_meter
from posapp.services.override import Consent, Override, Signed
from posapp.services.place import Goods, Order, Place, Sold
from posapp.sts.amounts import decode_units, encode_units
from posapp.sts.tid import next_tid

EVIDENCE_MAX = 80


class GiveCredit:
    """Runs on the sale lane. Both take two people and a reason."""

    def __init__(self, store: Store, place: Place, override: Override) -> None:
        self._store = store
        self._place = place
        self._override = override

    def free(
        self, number: MeterNumber, units_tenths: int, operator_id: int, consent: Consent
    ) -> Sold:
        """A free issue of 0.1 kWh units, within the quota of the first person's role and day.

        Raises InputError UNITS_RANGE, FREE_UNITS_ABOVE_ROLE, FREE_ISSUES_USED, METER_NOT_FOUND,
        as `Override`, and SaleError as `Place`; no token is made then.
        """
        _check_units(units_tenths)
        parameters = {0: number.digits, 1: units_tenths}
        signed = self._override(Operation.FREE_ISSUE, operator_id, consent, parameters)

        def compose(uow: UnitOfWork, now: datetime, person: Operator) -> Goods:
            day = uow.site().business_date(now)
            issued = uow.free_issues(person.operator_id, day)
            uow.role_limits(person.role).check_free(units_tenths, issued)
            return _goods(uow, now, number, units_tenths, signed, SaleKind.FREE_ISSUE, "")

        return self._given(number, signed, operator_id, compose)

    def replacement(
        self,
        number: MeterNumber,
        old_meter: MeterNumber,
        units_tenths: int,
        evidence: str,
        operator_id: int,
        consent: Consent,
    ) -> Sold:
        """Units that were left in a meter that was taken down, for the one that hangs there now.

        `evidence` (1..80 characters) names what proves the reading. Raises InputError
        EVIDENCE_MISSING, UNITS_RANGE, SAME_METER, as `Override`, and SaleError as `Place`.
        """
        _check_units(units_tenths)
        proof = evidence.strip()
        if not 0 < len(proof) <= EVIDENCE_MAX:
            raise InputError("EVIDENCE_MISSING", limit=EVIDENCE_MAX)
        if old_meter == number:
            raise InputError("SAME_METER", number=number.digits)
        parameters = {0: number.digits, 1: units_tenths, 2: old_meter.digits, 3: proof}
        signed = self._override(Operation.REPLACE_CREDIT, operator_id, consent, parameters)
        reference = f"{old_meter.digits} {proof}"

        def compose(uow: UnitOfWork, now: datetime, _person: Operator) -> Goods:
            kind = SaleKind.REPLACEMENT
            return _goods(uow, now, number, units_tenths, signed, kind, reference)

        return self._given(number, signed, operator_id, compose)

    def _given(
        self,
        number: MeterNumber,
        signed: Signed,
        operator_id: int,
        compose: Callable[[UnitOfWork, datetime, Operator], Goods],
    ) -> Sold:
        found, plan = self._store.read(lambda reader: known_meter(reader, number))
        order = Order(
            found=found,
            configuration=plan.present,
            operation=signed.operation,
            operator_id=operator_id,
            amount_minor=0,
            compose=compose,
            keys=plan.keys,
            signed=signed,
        )
        return self._place(order)


def _goods(
    uow: UnitOfWork,
    now: datetime,
    number: MeterNumber,
    units_tenths: int,
    signed: Signed,
    kind: SaleKind,
    reference: str,
) -> Goods:
    found, plan = known_meter(uow, number)
    if found.meter.state is MeterState.BLOCKED:
        raise SaleError("METER_BLOCKED", number=number.digits)
    lease = uow.lease()
    if lease is None:
        raise SaleError("LEASE_MISSING")
    if now > lease.valid_until:
        raise SaleError("LEASE_EXPIRED", until=lease.valid_until)
    base = plan.credit.base_date
    tid = next_tid(now, base, uow.tid_high_water(number, base))
    said = base if plan.change else 0
    credit = TokenItem(TokenKind.CREDIT, 0, tid, units_tenths, 0, base_date=said)
    items = (*plan.set_items(), credit)
    return Goods(kind=kind, items=items, reason=signed.reason, reference=reference)


def _check_units(units_tenths: int) -> None:
    """A token must carry exactly that many: above 1638.3 kWh it has steps."""
    if not 1 <= units_tenths <= UNITS_TENTHS_MAX:
        raise InputError("UNITS_RANGE", text=str(units_tenths))
    carried = decode_units(encode_units(units_tenths))
    if carried != units_tenths:
        raise InputError("UNITS_NOT_EXACT", next_tenths=carried)
