"""Everything this till keeps about one customer, as text that the person can read."""

from __future__ import annotations

import json
from typing import Any

from posapp.domain.customer import Customer
from posapp.domain.energy import units_text
from posapp.domain.ids import ReceiptNumber
from posapp.domain.money import money_text
from posapp.domain.site import Site
from posapp.errors import InputError
from posapp.ports import Clock, Previewer, PrintJob, Reader, SaleRecord, Store
from posapp.services.slips import PAGE

FORMAT = "posapp/person/1"


class ExportPerson:
    """Runs on the report lane: walks all sales, some seconds on a till of years."""

    def __init__(self, store: Store, previewer: Previewer, clock: Clock) -> None:
        self._store = store
        self._previewer = previewer
        self._clock = clock

    def __call__(self, customer_id: int) -> bytes:
        """UTF-8 JSON: record, meters, sales with their tokens, and every slip as it prints.

        A person erased here has no record left; sales still carry the number. Raises InputError
        PERSON_UNKNOWN when nothing at all is kept under it.
        """
        told, jobs = self._store.read(lambda reader: self._tell(reader, customer_id))
        site = self._store.read(lambda reader: reader.site())
        told["documents"] = [self._document(site, job) for job in jobs]  # drawing reads names
        text = json.dumps(told, ensure_ascii=False, indent=2)
        return (text + "\n").encode("utf-8")

    def _tell(self, reader: Reader, customer_id: int) -> tuple[dict[str, Any], list[PrintJob]]:
        customer, meters = reader.customer_name(customer_id), reader.meters_of(customer_id)
        sales = _sales_of(reader, customer_id)
        if customer is None and not meters and not sales:
            raise InputError("PERSON_UNKNOWN", customer=customer_id)
        site = reader.site()
        jobs = [job for sale in sales for job in reader.print_jobs_of_sale(sale.intent.sale_id)]
        told: dict[str, Any] = {
            "format": FORMAT,
            "made_at": site.local(self._clock.now()).isoformat(timespec="seconds"),
            "till": f"{site.till_name} ({site.till_code}), {site.utility}",
            "customer_id": customer_id,
            "erased_here": reader.is_erased(customer_id),
            "record": None if customer is None else _record(customer),
            "meters": [
                {"number": m.number.digits, "tariff": m.tariff, "state": m.state.value}
                for m in meters
            ],
            "sales": [_sale(site, sale) for sale in sales],
        }
        return told, jobs

    def _document(self, site: Site, job: PrintJob) -> dict[str, Any]:
        return {
            "kind": job.kind,
            "title": job.title,
            "copy": job.copy_no,
            "queued_at": site.local(job.queued_at).isoformat(timespec="seconds"),
            "text": self._previewer.text(job.document).splitlines(),
        }


def _record(customer: Customer) -> dict[str, str]:
    return {
        "name": customer.name,
        "account": customer.account,
        "phone": customer.phone,
        "address": customer.address,
    }


def _sale(site: Site, record: SaleRecord) -> dict[str, Any]:
    sale = record.intent
    return {
        "receipt": str(ReceiptNumber(site.till_code, sale.receipt)),
        "at": site.local(record.at).isoformat(timespec="seconds"),
        "state": record.state.value,
        "reason": record.ended_reason,
        "meter": sale.meter,
        "paid": money_text(sale.amount_minor, site.currency),
        "paid_by": [[tender.kind.name.lower(), tender.reference] for tender in sale.tenders],
        "units_kwh": units_text(sale.units_tenths),
        "free_kwh": units_text(sale.free_tenths),
        "tokens": list(record.tokens),
    }


def _sales_of(reader: Reader, customer_id: int) -> list[SaleRecord]:
    records: list[SaleRecord] = []
    while True:
        after = records[-1].intent_seq if records else 0
        page = reader.sales_of_customer(customer_id, PAGE, after)
        records.extend(page)
        if len(page) < PAGE:
            return records
