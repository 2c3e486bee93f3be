"""From amount to digits and back, for every class of token (6.2 to 6.4)."""

import doctest
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from posapp.domain.meter import EncryptionAlgorithm
from posapp.domain.sale import TokenDigits
from posapp.errors import InputError, PosError
from posapp.sts import amounts, ciphers, crc, tokens
from posapp.sts.tid import TID_MAX

STA, MISTY1 = EncryptionAlgorithm.STA, EncryptionAlgorithm.MISTY1
SAMPLE = ciphers.sample_tables()
KEYS = {
    STA: bytes.fromhex("87f3ecbb2e46b48f"),
    MISTY1: bytes.fromhex("929bd3a415c9420a05ec5ee9f3ce91c3"),
}
LARGEST = 73_786_976_294_838_206_463

algorithms = st.sampled_from([STA, MISTY1])
nibbles = st.integers(0, 15)
tids = st.integers(0, TID_MAX)


def test_the_published_credit_of_ea11() -> None:
    """STS 531-1-11 CTSA01 step 1: 0.1 kWh, 2014-03-01 13:00, base 2014, RND 5."""
    block = tokens.credit_block(0, 5, 85_740, 1)
    assert block == 0x05014EEC00013188
    assert ciphers.encrypt(MISTY1, KEYS[MISTY1], block, SAMPLE) == 0x2D98A5617B45BE2E
    assert tokens.insert_class(0x2D98A5617B45BE2E, 0) == 0x32D98A5616345BE2E
    digits = tokens.credit(KEYS[MISTY1], MISTY1, 0, 5, 85_740, 1, SAMPLE)
    assert digits == "58625789986991357486"


def test_the_published_credit_of_the_sample_tables() -> None:
    """25.6 kWh, RND 11, 1996-03-25 13:55, base 1993."""
    key = bytes.fromhex("0abc12def3456789")
    assert tokens.credit(key, STA, 0, 11, 0x19EB23, 256, SAMPLE) == "51043465443420856213"


def test_the_published_blocks_of_the_operational_examples() -> None:
    assert tokens.credit_block(0, 5, 5_871_715, 1) == 0x05599863000119E6
    assert tokens.currency_block(4, 0x52B139, 100_000) == 0x4052B13960AAC385
    assert tokens.insert_class(0xD431F4B09E0E9F62, 0) == 0x3D431F4B0860E9F62
    assert tokens.digits_of(0x3D431F4B0860E9F62) == "70630503470028726114"
    assert tokens.digits_of(tokens.insert_class(0x492083C0AE7CE455, 0)) == "23716100501183194197"
    assert tokens.digits_of(tokens.insert_class(0x4B814BC2511872E4, 0)) == "42334201269947232996"


def test_the_published_management_token_of_ea11() -> None:
    """CTSA03: 1000 W on 2024-03-28 09:01 under the key of base 2014."""
    limit = tokens.Management.MAXIMUM_POWER_LIMIT
    value = amounts.encode_units(1000)
    tid = 5_384_701
    digits = tokens.management(KEYS[MISTY1], MISTY1, limit, 5, tid, value, SAMPLE)
    assert digits == "34494889475378866499"


FIXED_LIST = [  # control bit, digits for two-digit makers, digits for four-digit makers
    (0, "00000000000150997584", "01152921509036054672"),
    (1, "00000000000167774880", "01152921513331042448"),
    (2, "00000000000201328896", "01152921521920952465"),
    (3, "18446744073843772416", "01152921539100838034"),
    (4, "36893488147553322496", "01152921573460543637"),
    (5, "00000000000671093248", "01152921642180020378"),
    (6, "00000000001207974400", "01152921779618973828"),
    (7, "00000000002281728512", "01152922054496880824"),
    (8, "00000000004429208064", "01152922604252694700"),
    (9, "00000000008724195840", "01152923703764322536"),
    (10, "00000000017314105857", "01152925902787577952"),
    (11, "00000000034493991426", "01152930300834089776"),
    (12, "00000000068853697029", "01152939096927112592"),
    (13, "00000000137573173770", "01152956689113154192"),
    (14, "00000000275012127252", "01152991873485249680"),
    (15, "00000000549890034216", "01153062242229428368"),
    (16, "00000001099645848124", "01153202979717788816"),
    (17, "00000002199157475960", "01153484454694514832"),
]


def test_the_fixed_list_of_tests_and_displays() -> None:
    assert tokens.meter_test(0, (1 << 36) - 1) == "56493153725450313471"
    assert tokens.meter_test(1, (1 << 28) - 1) == "02305843005052951967"
    for bit, short, long in FIXED_LIST:
        assert tokens.meter_test(0, 1 << bit) == short
        assert tokens.meter_test(1, 1 << bit) == long
    assert tokens.meter_test(2, 0) == "02305843009347914912"
    assert tokens.meter_test(2, 0xFC0000000) == "03440750115445279822"


def test_leading_zeros_count() -> None:
    assert tokens.digits_of(0) == "0" * 20
    assert tokens.digits_of((1 << 66) - 1) == str(LARGEST)


@given(st.integers(0, (1 << 66) - 1))
def test_twenty_digits_and_66_bits_are_the_same_thing(number: int) -> None:
    digits = tokens.digits_of(number)
    assert tokens.number_of(digits) == number
    assert tokens.number_of(" ".join(TokenDigits(digits).groups)) == number
    token_class, block = tokens.extract_class(number)
    assert tokens.insert_class(block, token_class) == number


@pytest.mark.parametrize(
    ("digits", "code"),
    [
        (str(LARGEST + 1), "TOKEN_RANGE"),
        ("9" * 20, "TOKEN_RANGE"),
        ("1" * 19, "TOKEN_FORM"),
        ("1" * 21, "TOKEN_FORM"),
        ("", "TOKEN_FORM"),
        ("1234567890123456789x", "TOKEN_FORM"),
        ("+1234567890123456789", "TOKEN_FORM"),
        ("1_234567890123456789", "TOKEN_FORM"),
        ("١٢٣٤٥٦٧٨٩٠١٢٣٤٥٦٧٨٩٠", "TOKEN_FORM"),
    ],
)
def test_what_is_no_token_is_refused(digits: str, code: str) -> None:
    with pytest.raises(InputError) as caught:
        tokens.decode(digits, KEYS[STA], STA, SAMPLE)
    assert caught.value.code == code


@given(algorithms, st.integers(0, 3), nibbles, tids, st.integers(0, amounts.UNITS_MAX))
def test_a_credit_says_what_was_put_in(
    ea: EncryptionAlgorithm, subclass: int, rnd: int, tid: int, units: int
) -> None:
    digits = tokens.credit(KEYS[ea], ea, subclass, rnd, tid, units, SAMPLE)
    TokenDigits(digits)
    decoded = tokens.decode(digits, KEYS[ea], ea, SAMPLE)
    assert (decoded.token_class, decoded.subclass) == (0, subclass)
    field = amounts.encode_units(units)
    assert decoded.fields == {"rnd": rnd, "tid": tid, "amount": field}
    assert decoded.tid == tid
    assert decoded.units == amounts.decode_units(field)


@given(
    algorithms,
    st.integers(4, 7),
    tids,
    st.integers(-amounts.CURRENCY_MAX, amounts.CURRENCY_MAX),
)
def test_a_currency_credit_says_what_was_put_in(
    ea: EncryptionAlgorithm, subclass: int, tid: int, units: int
) -> None:
    digits = tokens.currency_credit(KEYS[ea], ea, subclass, tid, units, SAMPLE)
    decoded = tokens.decode(digits, KEYS[ea], ea, SAMPLE)
    assert (decoded.token_class, decoded.subclass, decoded.tid) == (0, subclass, tid)
    assert decoded.units == amounts.decode_currency(*amounts.encode_currency(units))


@given(algorithms, st.sampled_from(tokens.Management), nibbles, tids, st.integers(0, 0xFFFF))
def test_a_management_token_says_what_was_put_in(
    ea: EncryptionAlgorithm, subclass: tokens.Management, rnd: int, tid: int, value: int
) -> None:
    if subclass is tokens.Management.CLEAR_TAMPER:
        value = 0
    elif subclass is tokens.Management.CLEAR_CREDIT:
        value = value % 8 or 0xFFFF
    digits = tokens.management(KEYS[ea], ea, subclass, rnd, tid, value, SAMPLE)
    decoded = tokens.decode(digits, KEYS[ea], ea, SAMPLE)
    assert (decoded.token_class, decoded.subclass) == (2, subclass)
    assert decoded.fields == {"rnd": rnd, "tid": tid, "value": value}
    assert decoded.units is None


@given(st.integers(0, 2), st.integers(0, (1 << 36) - 1), st.integers(0, 0xFFFF))
def test_a_test_token_needs_no_key_and_says_what_was_put_in(
    subclass: int, control: int, maker: int
) -> None:
    control &= (1 << (28 if subclass == 1 else 36)) - 1
    maker &= {0: 0xFF, 1: 0xFFFF, 2: 0}[subclass]
    decoded = tokens.decode(tokens.meter_test(subclass, control, maker), b"", STA, SAMPLE)
    assert (decoded.token_class, decoded.subclass) == (1, subclass)
    assert decoded.fields["control"] == control
    assert decoded.fields["zero" if subclass == 2 else "maker"] == maker
    assert decoded.tid is None


def test_a_wrong_digit_or_a_foreign_key_is_a_wrong_checksum() -> None:
    digits = tokens.credit(KEYS[STA], STA, 0, 5, 85_740, 711, SAMPLE)
    wrong = digits[:-1] + str((int(digits[-1]) + 1) % 10)
    with pytest.raises(InputError, match="TOKEN_CRC"):
        tokens.decode(wrong, KEYS[STA], STA, SAMPLE)
    with pytest.raises(InputError, match="TOKEN_CRC"):
        tokens.decode(digits, bytes(8), STA, SAMPLE)


def test_reserved_classes_and_subclasses_are_named() -> None:
    for token_class, subclass, code in ((3, 0, "TOKEN_CLASS"), (2, 11, "TOKEN_SUBCLASS")):
        data = subclass << 44 | 7
        block = data << 16 | crc.field(token_class, data)
        encrypted = ciphers.encrypt(STA, KEYS[STA], block, SAMPLE)
        digits = tokens.digits_of(tokens.insert_class(encrypted, token_class))
        with pytest.raises(InputError) as caught:
            tokens.decode(digits, KEYS[STA], STA, SAMPLE)
        assert caught.value.code == code


@pytest.mark.parametrize(
    ("subclass", "rnd", "tid", "units", "code"),
    [
        (4, 5, 5, 5, "TOKEN_SUBCLASS"),
        (-1, 5, 5, 5, "TOKEN_SUBCLASS"),
        (0, 16, 5, 5, "TOKEN_FIELD"),
        (0, -1, 5, 5, "TOKEN_FIELD"),
        (0, 5, TID_MAX + 1, 5, "TID_RANGE"),
        (0, 5, -1, 5, "TID_RANGE"),
        (0, 5, 5, amounts.UNITS_MAX + 1, "TOKEN_UNITS_RANGE"),
        (0, 5, 5, -1, "TOKEN_UNITS_RANGE"),
    ],
)
def test_no_field_is_ever_cut_short(
    subclass: int, rnd: int, tid: int, units: int, code: str
) -> None:
    with pytest.raises(PosError) as caught:
        tokens.credit(KEYS[STA], STA, subclass, rnd, tid, units, SAMPLE)
    assert caught.value.code == code


def test_fields_of_tests_have_their_widths() -> None:
    for subclass, control, maker in ((0, 1 << 36, 0), (1, 1 << 28, 0), (0, 0, 256), (2, 0, 1)):
        with pytest.raises(InputError, match="TOKEN_FIELD"):
            tokens.meter_test(subclass, control, maker)
    with pytest.raises(InputError, match="TOKEN_SUBCLASS"):
        tokens.meter_test(3, 0)
    with pytest.raises(InputError, match="TOKEN_SUBCLASS"):
        tokens.currency_credit(KEYS[STA], STA, 3, 0, 0, SAMPLE)


def test_a_decoded_token_hides_its_blocks() -> None:
    digits = tokens.credit(KEYS[STA], STA, 0, 5, 85_740, 711, SAMPLE)
    assert "block" not in repr(tokens.decode(digits, KEYS[STA], STA, SAMPLE))


def test_layouts_fill_the_44_bits() -> None:
    for layout in tokens.LAYOUTS.values():
        assert sum(width for _, width in layout.fields) == 44, layout.name


@given(st.lists(st.sampled_from("0123456789"), min_size=18, max_size=22), algorithms)
def test_any_digits_give_a_token_or_the_packages_own_error(
    chars: list[str], ea: EncryptionAlgorithm
) -> None:
    code = "TOKEN_"
    try:
        decoded = tokens.decode("".join(chars), KEYS[ea], ea, SAMPLE)
        assert (decoded.token_class, decoded.subclass) in tokens.LAYOUTS
    except InputError as error:
        code = error.code
    assert code.startswith("TOKEN_")


def test_the_extended_set_packs_an_index_with_its_value() -> None:
    assert tokens.extended_control(63) == 0xFC0000000
    assert tokens.extended_value(0, 1023) == 0x3FF
    assert tokens.extended_value(1, 0) == 0x400
    assert (tokens.flag_value(0, on=False), tokens.flag_value(0, on=True)) == (0xFC00, 0xFC01)
    assert tokens.flag_value(511, on=True) == 0xFFFF


@pytest.mark.parametrize(
    ("pack", "field"),
    [
        (lambda: tokens.extended_control(64), "index"),
        (lambda: tokens.extended_control(0, 1 << 30), "rest"),
        (lambda: tokens.extended_value(64, 0), "index"),
        (lambda: tokens.extended_value(0, 1024), "value"),
        (lambda: tokens.flag_value(512, on=True), "flag"),
        (lambda: tokens.flag_value(-1, on=True), "flag"),
    ],
)
def test_what_does_not_fit_the_extended_set_is_refused(pack: Callable[[], int], field: str) -> None:
    with pytest.raises(InputError) as caught:
        pack()
    assert (caught.value.code, caught.value.params["field"]) == ("TOKEN_FIELD", field)


def test_the_worked_example_of_the_module_is_the_published_token() -> None:
    result = doctest.testmod(tokens)
    assert (result.attempted > 5, result.failed) == (True, 0)


@pytest.mark.parametrize("register", [8, 9, 0xFFFE, 0x10000, -1])
def test_only_a_register_there_is_can_be_cleared(register: int) -> None:
    with pytest.raises(InputError) as caught:
        tokens.management_block(tokens.Management.CLEAR_CREDIT, 5, 5, register)
    assert (caught.value.code, caught.value.params["field"]) == ("TOKEN_FIELD", "value")


@pytest.mark.parametrize("subclass", [0, 1, 3, 4, 8, 9, 15, 16, -1, 1 << 30, True, "1", None])
def test_a_management_token_is_of_a_management_subclass(subclass: object) -> None:
    with pytest.raises(InputError) as caught:
        tokens.management_block(subclass, 5, 5, 0)  # type: ignore[arg-type]
    assert caught.value.code == "TOKEN_SUBCLASS"


@pytest.mark.parametrize("value", [1.0, "1", None])
def test_a_field_is_an_integer(value: object) -> None:
    with pytest.raises(InputError, match="TOKEN_FIELD"):
        tokens.management_block(tokens.Management.TARIFF_RATE, 5, 5, value)  # type: ignore[arg-type]


def test_a_token_that_carries_half_a_new_key_does_not_show_it() -> None:
    for subclass, name in ((3, "nkho"), (4, "nklo"), (8, "nkmo2"), (9, "nkmo1")):
        secret = 0xDEADBEEF
        data = subclass << 44 | 1 << 36 | secret
        block = data << 16 | crc.field(2, data)
        encrypted = ciphers.encrypt(MISTY1, KEYS[MISTY1], block, SAMPLE)
        digits = tokens.digits_of(tokens.insert_class(encrypted, 2))
        decoded = tokens.decode(digits, KEYS[MISTY1], MISTY1, SAMPLE)
        assert decoded.fields[name] == secret
        shown = repr(decoded) + str(decoded) + f"{decoded}"
        assert str(secret) not in shown
        assert f"{secret:x}" not in shown.lower()
        assert f"{name}=***" in shown
