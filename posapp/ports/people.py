"""What a store tells of its customers as persons: for export, masking and erasing."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol

from posapp.domain.customer import Customer
from posapp.domain.meter import Meter

if TYPE_CHECKING:
    from posapp.ports import SaleRecord


class PeopleReader(Protocol):
    """Questions about persons, asked seldom and never during a sale."""

    def people(self, after: int, limit: int) -> tuple[tuple[Customer, int], ...]:
        """Customers with a number above `after`, by number, with how many meters each has."""
        ...

    def meters_of(self, customer_id: int) -> tuple[Meter, ...]:
        """A customer's meters, at most 200."""
        ...

    def sales_of_customer(
        self, customer_id: int, limit: int, after_seq: int = 0
    ) -> Sequence[SaleRecord]:
        """Sales to a customer, open ones included, in order; walks all sales: 1 s a million."""
        ...

    def is_erased(self, customer_id: int) -> bool:
        """Whether two people erased this customer's personal data here."""
        ...
