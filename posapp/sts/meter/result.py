"""What a meter answers to a token (IEC 62055-41 7.1.4)."""

from __future__ import annotations

from enum import StrEnum


class MeterResult(StrEnum):
    """The standard's names, and two that only some meters say: LOCKOUT and NOT_READY.

    A virtual meter is always ready; NOT_READY is what a meter behind a two-way carrier may say.
    """

    ACCEPT = "Accept"
    FIRST_KCT = "1stKCT"
    SECOND_KCT = "2ndKCT"
    THIRD_KCT = "3rdKCT"
    FOURTH_KCT = "4thKCT"
    OVERFLOW_ERROR = "OverflowError"
    KEY_TYPE_ERROR = "KeyTypeError"
    FORMAT_ERROR = "FormatError"
    RANGE_ERROR = "RangeError"
    FUNCTION_ERROR = "FunctionError"
    OLD_ERROR = "OldError"
    USED_ERROR = "UsedError"
    KEY_EXPIRED_ERROR = "KeyExpiredError"
    DDTK_ERROR = "DDTKError"
    CRC_ERROR = "CRCError"
    MFR_CODE_ERROR = "MfrCodeError"
    LOCKOUT = "Lockout"
    NOT_READY = "NotReady"

    @property
    def status_number(self) -> int | None:
        """Its number 1..16 on two-way carriers, by one source; 3rdKCT and 4thKCT have none."""
        return _STATUS_NUMBERS.get(self)


_STATUS_NUMBERS = {
    result: number
    for number, result in enumerate(
        (
            MeterResult.ACCEPT,
            MeterResult.FIRST_KCT,
            MeterResult.SECOND_KCT,
            MeterResult.OVERFLOW_ERROR,
            MeterResult.KEY_TYPE_ERROR,
            MeterResult.FORMAT_ERROR,
            MeterResult.RANGE_ERROR,
            MeterResult.FUNCTION_ERROR,
            MeterResult.OLD_ERROR,
            MeterResult.USED_ERROR,
            MeterResult.KEY_EXPIRED_ERROR,
            MeterResult.DDTK_ERROR,
            MeterResult.CRC_ERROR,
            MeterResult.MFR_CODE_ERROR,
            MeterResult.LOCKOUT,
            MeterResult.NOT_READY,
        ),
        start=1,
    )
}
