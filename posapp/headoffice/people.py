"""One customer at head office: told to the person, and erased here and at every till.

An erased customer's row keeps the bare number, so that a file loaded again does not bring the
person back. Journals hold numbers only and stay as they are.
"""

from __future__ import annotations

import json
from typing import Any

from sqlalchemy import Connection, select, update

from posapp.clock import from_epoch_ms
from posapp.codec import cbor
from posapp.domain.customer import Customer
from posapp.errors import InputError
from posapp.headoffice import feed
from posapp.headoffice.office import Office
from posapp.headoffice.schema import GONE, customer, meter, sale, till
from posapp.wire.feed import GLOBAL, Entity, read_value
from posapp.wire.fields import INT_MAX

FORMAT = "posapp/office-person/1"
SALES_MAX = 100_000


def export_customer(office: Office, number: int) -> bytes:
    """UTF-8 JSON: record, meters, and the sales of all tills to this customer.

    Raises InputError PERSON_UNKNOWN when nothing is kept under the number.
    """
    with office.database.read() as connection:
        record = _record(connection, number)
        meters = connection.execute(select(meter.c.number).where(meter.c.customer_id == number))
        numbers = sorted(meters.scalars())
        sales = [_sale(row) for row in connection.execute(_sales_of(number))]
    if record is None and not numbers and not sales:
        raise InputError("PERSON_UNKNOWN", customer=number)
    told = {
        "format": FORMAT,
        "made_at": office.clock.now().isoformat(timespec="seconds"),
        "utility": office.utility.name,
        "customer_id": number,
        "record": None if record is None else _told(record),
        "meters": numbers,
        "sales": sales,
    }
    return (json.dumps(told, ensure_ascii=False, indent=2) + "\n").encode("utf-8")


def erase_customer(office: Office, number: int) -> None:
    """Erase a customer; tills delete their row when they next talk with head office.

    Raises InputError PERSON_UNKNOWN.
    """
    with office.write() as connection:
        if _record(connection, number) is None:
            raise InputError("PERSON_UNKNOWN", customer=number)
        row = update(customer).where(customer.c.customer_id == number)
        connection.execute(row.values(account="", body=GONE))
        feed.publish(connection, [feed.Change(GLOBAL, Entity.CUSTOMER, str(number), None)])
        feed.sequence(connection)


def _record(connection: Connection, number: int) -> Customer | None:
    if not 0 < number <= INT_MAX:
        return None
    query = select(customer.c.body).where(customer.c.customer_id == number)
    body = connection.execute(query).scalar_one_or_none()
    if body is None or bytes(body) == GONE:
        return None
    value = read_value(Entity.CUSTOMER, cbor.decode(bytes(body)))
    assert isinstance(value, Customer)
    return value


def _told(record: Customer) -> dict[str, str]:
    return {
        "name": record.name,
        "account": record.account,
        "phone": record.phone,
        "address": record.address,
    }


def _sales_of(number: int) -> Any:
    # Walks all sales: a person asks seldom, and an index would cost every till's every sale.
    return (
        select(sale, till.c.code)
        .join(till, till.c.till_id == sale.c.till_id)
        .where(sale.c.customer_id == number)
        .order_by(sale.c.at_ms)
        .limit(SALES_MAX)
    )


def _sale(row: Any) -> dict[str, Any]:
    return {
        "till": row.code,
        "receipt": row.receipt,
        "at": from_epoch_ms(row.at_ms).isoformat(timespec="seconds"),
        "state": row.state,
        "meter": row.meter,
        "amount_minor": row.amount_minor,
        "currency": row.currency,
        "units_tenths_kwh": row.units_tenths,
    }
