"""What the sell page shows, as one value; the presenter makes it, `render` shows it. No Qt."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from posapp.domain.sale import Tender, TenderKind
from posapp.errors import PosError

if TYPE_CHECKING:
    from posapp.ports import FoundMeter, PrintJob
    from posapp.pricing.quote import Quote
    from posapp.services.find import FindResult
    from posapp.services.quote import SaleContext
    from posapp.services.recover import Recovery
    from posapp.services.sell import Sold
    from posapp.ui.sell.idle import LastSold


class Phase(StrEnum):
    """The moments of one sale."""

    IDLE = "idle"
    SEARCH = "search"
    QUOTE = "quote"
    TENDER = "tender"
    SELLING = "selling"
    SOLD = "sold"


@dataclass(frozen=True, slots=True)
class SellState:
    """Everything the page shows, as one value."""

    phase: Phase = Phase.IDLE
    query: str = ""
    result: FindResult | None = None
    searching: bool = False
    selected: int = 0
    recent: tuple[FoundMeter, ...] = ()
    recent_at: int = -1
    last: LastSold | None = None
    tariffs: tuple[tuple[str, str], ...] = ()
    context: SaleContext | None = None
    entry: str = ""
    in_units: bool = False
    quote: Quote | None = None
    printed_quote: Quote | None = None
    problem: PosError | None = None
    tender: TenderKind = TenderKind.CASH
    received: str = ""
    reference: str = ""
    parts: tuple[Tender, ...] = ()
    guard: str = ""
    sold: Sold | None = None
    token_at: int = 0
    jobs: tuple[PrintJob, ...] = ()
    failure: PosError | None = None
    recovery: Recovery | None = None

    @property
    def context_problem(self) -> PosError | None:
        """Why this meter cannot be sold to at all."""
        return self.context.problem if self.context else None

    @property
    def asks_about_key(self) -> bool:
        """Whether somebody should say if the meter took its key change."""
        plan = self.context.key_plan if self.context else None
        return self.phase is Phase.QUOTE and plan is not None and plan.unanswered is not None

    @property
    def in_coins(self) -> bool:
        """Whether a sum for units is one of whole coins: until somebody pays otherwise."""
        return self.phase is not Phase.TENDER or self.tender is TenderKind.CASH

    @property
    def due_minor(self) -> int:
        """What the frozen quote costs."""
        return self.quote.amount_minor if self.quote else 0
