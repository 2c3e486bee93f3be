"""A sale: its states, its lines, its tokens. One vocabulary for store, screen and paper."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum, StrEnum

from posapp.domain.meter import EncryptionAlgorithm
from posapp.errors import InputError


class SaleState(StrEnum):
    """INTENT -> REQUESTED -> ISSUED -> REVEALED, and the three ways to the side.

    REFUSED: the module said no. CANCELLED: nothing was asked, or the module burnt the request.
    UNKNOWN: the module was asked and cannot be reached now; it is never a failure.
    """

    INTENT = "intent"
    REQUESTED = "requested"
    ISSUED = "issued"
    REVEALED = "revealed"
    REFUSED = "refused"
    CANCELLED = "cancelled"
    UNKNOWN = "unknown"


OPEN_STATES = (SaleState.INTENT, SaleState.REQUESTED, SaleState.UNKNOWN)
SOLD_STATES = (SaleState.ISSUED, SaleState.REVEALED)


class SaleKind(IntEnum):
    """Why an order was placed; the numbers are written in the journal.

    Only a SALE is priced by a tariff. A FREE_ISSUE and a REPLACEMENT make credit nobody pays for,
    ENGINEERING and KEY_CHANGE make no credit, a PAYMENT makes no token at all. UNKNOWN_METER is a
    sale to a meter that head office never told of: its configuration was typed in.
    """

    SALE = 0
    KEY_CHANGE = 1
    FREE_ISSUE = 2
    REPLACEMENT = 3
    ENGINEERING = 4
    PAYMENT = 5
    UNKNOWN_METER = 6


class LineKind(IntEnum):
    """What a line of a sale is for; the numbers are written in the journal."""

    ENERGY = 1
    LEVY = 2
    FEE = 3
    TAX = 4
    ARREARS = 5
    ROUNDING = 6
    PAYMENT = 7


@dataclass(frozen=True, slots=True)
class SaleLine:
    """One line of a sale; the lines of a sale add up to what the customer pays.

    `code` names the tariff's component ("block 1", "vat"); `rate` is its published rate as
    text ("16.50" per kWh, "16" per cent), so that paper shows what the tariff prints.
    """

    kind: LineKind
    code: str
    amount_minor: int
    units_tenths: int = 0
    rate: str = ""


class TokenKind(IntEnum):
    """What an item of an order makes; the numbers are written in the journal.

    The first three are the standard's token classes; a KEY_CHANGE is a set of two, three or four
    tokens of class 2 that belong together.
    """

    CREDIT = 0
    METER_TEST = 1
    MANAGEMENT = 2
    KEY_CHANGE = 3

    @property
    def takes_tid(self) -> bool:
        """Whether its token carries a token identifier (IEC 62055-41 6.2)."""
        return self in (TokenKind.CREDIT, TokenKind.MANAGEMENT)


@dataclass(frozen=True, slots=True)
class KeyTarget:
    """Where a key change takes a meter. `sgc` six digits, `krn` 1..9, `ti` two digits.

    `third_token` asks for the third token that some EA07 meters take to learn their SGC.
    Raises InputError KEY_CHANGE_FIELD(field).
    """

    sgc: str
    krn: int
    ti: str
    third_token: bool = False

    def __post_init__(self) -> None:
        checks = {
            "sgc": len(self.sgc) == 6 and self.sgc.isascii() and self.sgc.isdigit(),
            "krn": 1 <= self.krn <= 9,
            "ti": len(self.ti) == 2 and self.ti.isascii() and self.ti.isdigit(),
        }
        for name, right in checks.items():
            if not right:
                raise InputError("KEY_CHANGE_FIELD", field=name)

    def token_count(self, ea: EncryptionAlgorithm) -> int:
        """How many tokens the set has."""
        if ea is EncryptionAlgorithm.MISTY1:
            return 4
        return 3 if self.third_token else 2


@dataclass(frozen=True, slots=True)
class TokenDigits:
    """The 20 digits of a token. They are cash: `repr` hides them."""

    digits: str

    def __post_init__(self) -> None:
        if len(self.digits) != 20 or not (self.digits.isascii() and self.digits.isdigit()):
            raise InputError("TOKEN_FORM")
        if int(self.digits) >= 1 << 66:
            raise InputError("TOKEN_FORM")

    @property
    def groups(self) -> tuple[str, ...]:
        """Five groups of four."""
        return tuple(self.digits[i : i + 4] for i in range(0, 20, 4))

    def __repr__(self) -> str:
        return "TokenDigits(**** **** **** **** " + self.digits[-4:] + ")"


class TenderKind(IntEnum):
    """How a customer pays; the numbers are written in the journal."""

    CASH = 0
    MOBILE = 1
    CARD = 2
    ACCOUNT = 3
    CHEQUE = 4


@dataclass(frozen=True, slots=True)
class Tender:
    """What was handed over. `received_minor` less the amount due is change, in cash only."""

    kind: TenderKind
    received_minor: int
    reference: str = ""

    def __post_init__(self) -> None:
        if self.received_minor < 0 or len(self.reference) > 40:
            raise InputError("TENDER_INVALID")
        if self.kind is not TenderKind.CASH and not self.reference.strip():
            raise InputError("TENDER_REFERENCE_MISSING")
