"""A virtual meter accepts, and refuses used, old, foreign and expired tokens (7.3, 8)."""

import json
import random
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from posapp.domain.meter import EncryptionAlgorithm, KeyType, MeterNumber
from posapp.errors import InputError
from posapp.sts import ciphers, key_change, keys, meter, tokens
from posapp.sts.meter import MeterResult, VirtualMeter

STA, MISTY1 = EncryptionAlgorithm.STA, EncryptionAlgorithm.MISTY1
SAMPLE = ciphers.sample_tables()
NUMBER, LONG_NUMBER = MeterNumber("58000079523"), MeterNumber("0100000000008")
VENDING = keys.VendingKey(
    secret=bytes.fromhex("abababababababab949494949494949401234567"),
    sgc="201457",
    krn=1,
    kt=KeyType.UNIQUE,
    base_date=2014,
    ken=255,
    dkga=4,
)
BIRTH = 6_000_000
both = pytest.mark.parametrize("ea", [STA, MISTY1])


def key_of(ea: EncryptionAlgorithm, number: MeterNumber = NUMBER, ti: str = "01") -> bytes:
    return keys.decoder_key(VENDING, number, ti, ea)


def a_meter(ea: EncryptionAlgorithm = STA, **options: object) -> VirtualMeter:
    chosen = {"first_tid": BIRTH, **options}
    return VirtualMeter(NUMBER, key_of(ea), ea, SAMPLE, **chosen)  # type: ignore[arg-type]


def a_credit(
    tid: int, units: int = 100, ea: EncryptionAlgorithm = STA, key: bytes | None = None
) -> str:
    return tokens.credit(key or key_of(ea), ea, 0, 5, tid, units, SAMPLE)


@both
def test_a_credit_is_accepted_once(ea: EncryptionAlgorithm) -> None:
    twin = a_meter(ea)
    token = a_credit(BIRTH + 1, 711, ea)
    assert twin.enter(token) is MeterResult.ACCEPT
    assert twin.electricity_tenths == 711
    assert twin.enter(token) is MeterResult.USED_ERROR
    assert twin.electricity_tenths == 711


@both
def test_a_foreign_token_is_a_wrong_checksum(ea: EncryptionAlgorithm) -> None:
    twin = a_meter(ea)
    for other in (key_of(ea, LONG_NUMBER), key_of(ea, ti="02")):
        assert twin.enter(a_credit(BIRTH + 1, 711, ea, other)) is MeterResult.CRC_ERROR
    assert twin.electricity_tenths == 0
    assert twin.enter(a_credit(BIRTH + 1, 711, ea)) is MeterResult.ACCEPT


def test_what_was_made_before_the_meter_is_old() -> None:
    twin = a_meter()
    assert twin.enter(a_credit(BIRTH - 1)) is MeterResult.OLD_ERROR
    assert twin.enter(a_credit(BIRTH)) is MeterResult.USED_ERROR


def test_tokens_may_come_in_any_order_among_the_fifty_newest() -> None:
    twin = a_meter()
    order = list(range(BIRTH + 1, BIRTH + 51))
    random.Random(7).shuffle(order)
    assert {twin.enter(a_credit(t)) for t in order} == {MeterResult.ACCEPT}
    assert {twin.enter(a_credit(t)) for t in order} == {MeterResult.USED_ERROR}


def test_an_unused_token_is_old_after_fifty_newer_ones() -> None:
    twin = a_meter()
    for tid in range(BIRTH + 2, BIRTH + 52):
        assert twin.enter(a_credit(tid)) is MeterResult.ACCEPT
    assert twin.enter(a_credit(BIRTH + 1)) is MeterResult.OLD_ERROR


def test_an_expired_key_is_refused_and_leaves_no_trace() -> None:
    twin = a_meter(ken=92)
    assert twin.enter(a_credit((93 << 16) - 1)) is MeterResult.ACCEPT
    tids = list(twin.tids)
    assert twin.enter(a_credit(93 << 16)) is MeterResult.KEY_EXPIRED_ERROR
    assert twin.tids == tids


def test_a_default_key_takes_no_credit_but_management() -> None:
    twin = a_meter(kt=KeyType.DEFAULT)
    assert twin.enter(a_credit(BIRTH + 1)) is MeterResult.DDTK_ERROR
    clear = tokens.Management.CLEAR_TAMPER
    token = tokens.management(key_of(STA), STA, clear, 5, BIRTH + 1, 0, SAMPLE)
    assert twin.enter(token) is MeterResult.ACCEPT


@pytest.mark.parametrize(
    "digits",
    ["", "1" * 19, "1" * 21, "73786976294838206464", "9" * 20, "123456789 1234567890", "x" * 20],
)
def test_what_is_no_token_is_a_format_error(digits: str) -> None:
    assert a_meter().enter(digits) is MeterResult.FORMAT_ERROR


def test_a_full_register_refuses_and_the_token_stays_good() -> None:
    twin = a_meter()
    twin.credit[0] = (1 << 31) - 100
    tids = list(twin.tids)
    assert twin.enter(a_credit(BIRTH + 1, 100)) is MeterResult.OVERFLOW_ERROR
    assert twin.tids == tids
    twin.credit[0] = 0
    assert twin.enter(a_credit(BIRTH + 1, 100)) is MeterResult.ACCEPT


def test_a_function_that_a_meter_lacks_is_refused() -> None:
    twin = a_meter(functions=frozenset({0}))
    water = tokens.credit(key_of(STA), STA, 1, 5, BIRTH + 1, 10, SAMPLE)
    assert twin.enter(water) is MeterResult.FUNCTION_ERROR
    assert twin.enter(a_credit(BIRTH + 1)) is MeterResult.ACCEPT


def test_money_is_credited_and_deducted() -> None:
    twin = a_meter()
    make = tokens.currency_credit
    twin.enter(make(key_of(STA), STA, 4, BIRTH + 1, 10_000_000, SAMPLE))
    assert twin.credit == {4: 10_000_624}
    twin.enter(make(key_of(STA), STA, 4, BIRTH + 2, -100_000, SAMPLE))
    assert twin.credit == {4: 10_000_624 - 99_994}


def test_clearing_credit_takes_one_register_or_all() -> None:
    twin = a_meter()
    twin.credit = {0: 5, 1: 6}

    def clear(tid: int, register: int) -> MeterResult:
        made = tokens.Management.CLEAR_CREDIT
        return twin.enter(tokens.management(key_of(STA), STA, made, 5, tid, register, SAMPLE))

    assert clear(BIRTH + 1, 8) is MeterResult.RANGE_ERROR
    assert clear(BIRTH + 1, 0) is MeterResult.ACCEPT
    assert twin.credit == {1: 6}
    assert clear(BIRTH + 2, 0xFFFF) is MeterResult.ACCEPT
    assert twin.credit == {}


def test_a_test_token_of_another_maker_is_refused() -> None:
    twin = a_meter()  # maker 58
    assert twin.enter(tokens.meter_test(0, 1)) is MeterResult.ACCEPT
    assert twin.enter(tokens.meter_test(0, 1, 58)) is MeterResult.ACCEPT
    assert twin.enter(tokens.meter_test(0, 1, 57)) is MeterResult.MFR_CODE_ERROR


# ---------------------------------------------------------------- key changes


def a_change(ea: EncryptionAlgorithm, **changes: object) -> key_change.NewKey:
    new = replace(VENDING, base_date=2035, sgc="203557", krn=6)
    change = key_change.NewKey(
        key=keys.decoder_key(new, NUMBER, "02", ea),
        kt=KeyType.UNIQUE,
        krn=6,
        ti="02",
        ken=255,
        sgc="203557",
        rollover=True,
    )
    return replace(change, **changes)  # type: ignore[arg-type]


@both
def test_a_key_change_in_any_order_moves_the_meter_to_its_new_key(ea: EncryptionAlgorithm) -> None:
    twin, change = a_meter(ea), a_change(ea)
    tokens_of_set = list(key_change.change_set(key_of(ea), ea, change, SAMPLE))
    random.Random(3).shuffle(tokens_of_set)
    results = [twin.enter(t) for t in tokens_of_set]
    assert all(r.value.endswith("KCT") for r in results[:-1])
    assert results[-1] is MeterResult.ACCEPT
    assert (twin.krn, twin.ti, twin.ken, twin.tids) == (6, "02", 255, [0] * 50)
    assert twin.sgc == ("203557" if ea is MISTY1 else None)
    assert twin.enter(a_credit(BIRTH + 1, 100, ea)) is MeterResult.CRC_ERROR
    assert twin.enter(a_credit(9, 100, ea, change.key)) is MeterResult.ACCEPT


def test_a_third_token_brings_the_supply_group() -> None:
    twin = a_meter()
    made = key_change.change_set(key_of(STA), STA, a_change(STA), SAMPLE, third_token=True)
    assert [twin.enter(t) for t in made] == [
        MeterResult.FIRST_KCT,
        MeterResult.SECOND_KCT,
        MeterResult.ACCEPT,
    ]
    assert twin.sgc == "203557"


def test_an_incomplete_set_is_forgotten() -> None:
    twin = a_meter()
    first, second = key_change.change_set(key_of(STA), STA, a_change(STA), SAMPLE)
    assert twin.enter(first) is MeterResult.FIRST_KCT
    twin.forget_key_change()
    assert twin.enter(second) is MeterResult.SECOND_KCT
    assert twin.enter(first) is MeterResult.ACCEPT


def test_a_common_key_is_for_meters_with_cards() -> None:
    made = key_change.change_set(key_of(STA), STA, a_change(STA, kt=KeyType.COMMON), SAMPLE)
    keypad, card = a_meter(), a_meter(tct=1)
    assert [keypad.enter(t) for t in made][-1] is MeterResult.KEY_TYPE_ERROR
    assert [card.enter(t) for t in made][-1] is MeterResult.ACCEPT


# ---------------------------------------------------------------- memory


@both
def test_a_meter_remembers_everything_after_a_restart(ea: EncryptionAlgorithm) -> None:
    twin = a_meter(ea, ken=200)
    twin.enter(a_credit(BIRTH + 1, 711, ea))
    made = key_change.change_set(key_of(ea), ea, a_change(ea), SAMPLE)
    twin.enter(made[0])
    again = VirtualMeter.from_state(json.loads(json.dumps(twin.to_state())), SAMPLE)
    assert again.to_state() == twin.to_state()
    assert again.enter(a_credit(BIRTH + 1, 711, ea)) is MeterResult.USED_ERROR
    assert [again.enter(t) for t in made[1:]][-1] is MeterResult.ACCEPT


@pytest.mark.parametrize("change", [{"version": 2}, {"tids": [1]}, {"key": "zz"}, {"ea": 9}])
def test_a_damaged_memory_is_refused(change: dict[str, object]) -> None:
    state = {**a_meter().to_state(), **change}
    with pytest.raises(InputError, match="METER_STATE"):
        VirtualMeter.from_state(state, SAMPLE)
    with pytest.raises(InputError, match="METER_STATE"):
        VirtualMeter.from_state({}, SAMPLE)


def test_a_key_of_another_length_is_refused() -> None:
    with pytest.raises(InputError, match="DECODER_KEY_LENGTH"):
        VirtualMeter(NUMBER, bytes(16), STA, SAMPLE)


def test_no_key_shows_in_a_repr() -> None:
    assert repr(a_meter()) == "VirtualMeter(58000079523)"


@given(st.lists(st.integers(BIRTH - 3, BIRTH + 120), max_size=90))
def test_the_memory_of_fifty_agrees_with_a_plain_model(entered: list[int]) -> None:
    twin = a_meter(MISTY1)
    remembered = [BIRTH] * 50
    for tid in entered:
        if tid < min(remembered):
            expected = MeterResult.OLD_ERROR
        elif tid in remembered:
            expected = MeterResult.USED_ERROR
        else:
            expected = MeterResult.ACCEPT
            remembered.remove(min(remembered))
            remembered.append(tid)
        assert twin.enter(a_credit(tid, 1, MISTY1)) is expected
    assert twin.tids == sorted(remembered)


@given(st.text("0123456789", min_size=20, max_size=20))
def test_random_digits_never_credit_more_than_chance(digits: str) -> None:
    assert a_meter(MISTY1).enter(digits) in MeterResult


def test_the_meter_does_not_lean_on_what_makes_tokens() -> None:
    """It may disagree only because it shares nothing but ciphers and checksum."""
    shared = {name for name in vars(meter) if name in ("tokens", "amounts", "tid", "key_change")}
    assert shared == set()


@both
def test_twenty_thousand_mutated_tokens_pass_about_as_rarely_as_chance(
    ea: EncryptionAlgorithm,
) -> None:
    """One in 65 536 by chance: more than five among 20 000 is one seed in a million."""
    source = random.Random(20_260_723)
    twin, key = a_meter(ea), key_of(ea)
    passed = 0
    for _ in range(20_000):
        token = a_credit(source.randrange(BIRTH, BIRTH + 500_000), source.randrange(900), ea)
        place = source.randrange(20)
        digit = (int(token[place]) + source.randrange(1, 10)) % 10
        mutated = f"{token[:place]}{digit}{token[place + 1 :]}"
        verdict = twin.enter(mutated)
        refused = verdict in (MeterResult.CRC_ERROR, MeterResult.FORMAT_ERROR)
        code = ""
        try:
            tokens.decode(mutated, key, ea, SAMPLE)
        except InputError as error:
            code = error.code
        assert refused == (code in ("TOKEN_CRC", "TOKEN_RANGE"))
        passed += not refused
    assert passed <= 5
