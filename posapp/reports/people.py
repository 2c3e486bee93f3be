"""Turns references to a person into words for paper, at the moment of drawing."""

from __future__ import annotations

from collections.abc import Callable

from posapp.domain.customer import Customer, mask_name, phone_ends
from posapp.reports.document import Resolver


def resolver(customer: Callable[[int], Customer | None]) -> Resolver:
    """A resolver over a lookup of customers, such as `Reader.customer_name`."""

    def words(person_id: int, field: str) -> str | None:
        found = customer(person_id)
        if found is None:
            return None
        if field == "masked_name":
            return mask_name(found.name)
        if field == "account":
            return found.account
        if field == "name":
            return found.name
        if field == "address":
            return found.address
        return phone_ends(found.phone) if field == "phone_end" else None

    return words
