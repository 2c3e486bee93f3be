"""Test tokens and what they show (6.2.3, 6.3.8)."""

import json
from pathlib import Path

import pytest

from posapp.domain.meter import EncryptionAlgorithm, KeyType
from posapp.sts import amounts, tokens
from posapp.sts.meter import Display, ExtendedReading, MeterResult, Reading
from posapp.sts.tokens import Management
from tests.sts.meters import (
    BIRTH,
    LONG_NUMBER,
    MISTY1,
    NUMBER,
    STA,
    a_credit,
    a_management,
    a_meter,
    a_set,
    refused,
)

VECTORS = Path(__file__).parent.parent / "data" / "sts_vectors.json"
ALL_2_DIGITS, ALL_4_DIGITS = "56493153725450313471", "02305843005052951967"


def test_one_token_shows_everything_a_meter_knows() -> None:
    twin = a_meter(software="7.31", ken=200)
    for digits in a_set(third_token=True):
        twin.enter(digits)
    twin.registers.credit[0] = 100
    twin.power_limit_w, twin.tampered = 9000, False
    twin.consume(30, load_w=1500)
    assert twin.enter(ALL_2_DIGITS) is MeterResult.ACCEPT
    assert twin.shown == (
        Reading(Display.LOAD_SWITCH, True),
        Reading(Display.DISPLAY, None),
        Reading(Display.CONSUMPTION, 30),
        Reading(Display.KRN, 6),
        Reading(Display.TI, "02"),
        Reading(Display.TOKEN_INPUT, None),
        Reading(Display.MAXIMUM_POWER, 9000),
        Reading(Display.TAMPER_STATUS, False),
        Reading(Display.POWER, 1500),
        Reading(Display.SOFTWARE_VERSION, "7.31"),
        Reading(Display.MAXIMUM_PHASE_UNBALANCE, None),
        Reading(Display.WATER_METER_FACTOR, None),
        Reading(Display.TARIFF_RATE, None),
        Reading(Display.EA, 7),
        Reading(Display.KEY_CHANGE_TOKENS, 3),
        Reading(Display.SGC, "203557"),
        Reading(Display.KEN, 255),
        Reading(Display.DRN, NUMBER.digits),
    )


def test_a_meter_that_was_told_nothing_shows_nothing_of_it() -> None:
    twin = a_meter(MISTY1, kt=KeyType.DEFAULT)
    shown = {display: twin.reading(display).value for display in Display}
    assert (shown[Display.SGC], shown[Display.MAXIMUM_POWER]) == (None, None)
    assert (shown[Display.LOAD_SWITCH], shown[Display.POWER]) == (False, 0)
    assert (shown[Display.EA], shown[Display.KEY_CHANGE_TOKENS]) == (11, 4)


def test_a_tampered_meter_says_so_until_it_is_cleared() -> None:
    twin = a_meter()
    twin.tampered = True
    status = tokens.meter_test(0, 1 << Display.TAMPER_STATUS - 1)
    assert twin.enter(status) is MeterResult.ACCEPT
    assert twin.shown == (Reading(Display.TAMPER_STATUS, True),)
    twin.enter(a_management(Management.CLEAR_TAMPER, BIRTH + 1, 0))
    assert twin.shown == ()
    twin.enter(status)
    assert twin.shown == (Reading(Display.TAMPER_STATUS, False),)


def test_settings_are_shown_as_they_were_set() -> None:
    twin = a_meter()
    kinds = (
        (
            Management.MAXIMUM_POWER_LIMIT,
            amounts.encode_units(20_004),
            Display.MAXIMUM_POWER,
            20_004,
        ),
        (Management.MAXIMUM_PHASE_UNBALANCE, 777, Display.MAXIMUM_PHASE_UNBALANCE, 777),
        (Management.TARIFF_RATE, 0xFEED, Display.TARIFF_RATE, 0xFEED),
        (Management.WATER_METER_FACTOR, 12, Display.WATER_METER_FACTOR, 12),
    )
    for step, (kind, value, display, expected) in enumerate(kinds):
        assert twin.enter(a_management(kind, BIRTH + 1 + step, value)) is MeterResult.ACCEPT
        assert twin.reading(display).value == expected


def published(subclass: int) -> list[dict[str, str]]:
    found = json.loads(VECTORS.read_bytes())["vectors"]
    return [
        {"control": v["inputs"]["control"], "digits": v["tokens"][0]["digits"]}
        for v in found
        if v["kind"].startswith("InitiateMeterTest") and v["tokens"][0]["subclass"] == subclass
        if not v["inputs"].get("mfr_code")
    ]


@pytest.mark.parametrize("subclass", [0, 1])
def test_every_published_test_token_shows_what_its_bits_ask_for(subclass: int) -> None:
    ours, others = (NUMBER, LONG_NUMBER) if subclass == 0 else (LONG_NUMBER, NUMBER)
    vectors = published(subclass)
    assert vectors
    for vector in vectors:
        twin = a_meter(number=ours)
        assert twin.enter(vector["digits"]) is MeterResult.ACCEPT
        control = int(vector["control"], 16)
        expected = [d for d in Display if control >> d - 1 & 1]
        assert [r.display for r in twin.shown if isinstance(r, Reading)] == expected
        refused(a_meter(number=others), vector["digits"], MeterResult.FUNCTION_ERROR)


def test_only_the_meters_own_maker_or_none_is_listened_to() -> None:
    short, long = a_meter(), a_meter(number=LONG_NUMBER)  # makers 58 and 0100
    for maker, expected in ((0, "Accept"), (58, "Accept"), (57, "MfrCodeError")):
        assert short.enter(tokens.meter_test(0, 1, maker)) == expected
    for maker, expected in ((0, "Accept"), (100, "Accept"), (1, "MfrCodeError")):
        assert long.enter(tokens.meter_test(1, 1, maker)) == expected


def test_the_makers_code_is_judged_before_what_is_asked() -> None:
    refused(a_meter(), tokens.meter_test(0, 0, 57), MeterResult.MFR_CODE_ERROR)


def test_asking_for_nothing_it_has_is_a_function_error() -> None:
    plain = a_meter(displays=frozenset({Display.KRN, Display.TI}))
    for control in (0, 1 << 18, 1 << Display.SGC - 1):
        refused(plain, tokens.meter_test(0, control), MeterResult.FUNCTION_ERROR)
    assert plain.enter(ALL_2_DIGITS) is MeterResult.ACCEPT
    assert plain.shown == (Reading(Display.KRN, 1), Reading(Display.TI, "01"))


@pytest.mark.parametrize("ea", [STA, MISTY1])
def test_the_extended_set_reads_what_it_wrote(ea: EncryptionAlgorithm) -> None:
    twin = a_meter(ea)
    assert twin.enter("02305843009347914912") is MeterResult.ACCEPT
    assert twin.shown == (ExtendedReading(0, 0),)
    twin.extended, twin.flags = {0: 1023, 5: 2}, {0, 511}
    twin.enter(tokens.meter_test(2, 5 << 30))
    assert twin.shown == (ExtendedReading(5, 2),)
    assert twin.enter("03440750115445279822") is MeterResult.ACCEPT
    assert twin.shown == (ExtendedReading(63, 1 | 1 << 511),)
    plain = a_meter(ea, extended_read=False)
    refused(plain, "02305843009347914912", MeterResult.FUNCTION_ERROR)


def test_what_is_shown_goes_with_the_next_entry_and_is_no_memory() -> None:
    twin = a_meter()
    before = twin.to_state()
    twin.enter(ALL_2_DIGITS)
    assert twin.to_state() == before
    twin.enter(a_credit(BIRTH - 1))
    assert twin.shown == ()


def test_the_consumption_of_a_water_meter_is_its_water() -> None:
    twin = a_meter(credit=frozenset({1, 5}))
    twin.enter(a_credit(BIRTH + 1, 40, subclass=1))
    twin.consume(15, register=1)
    assert twin.reading(Display.CONSUMPTION).value == 15
