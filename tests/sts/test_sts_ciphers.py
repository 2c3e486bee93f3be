"""EA07 and EA11 against published values, and tables that a site may replace (6.5.4, 6.5.6)."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from posapp.domain.meter import EncryptionAlgorithm
from posapp.errors import InputError
from posapp.sts import ciphers, crc, misty1, sta

STA, MISTY1 = EncryptionAlgorithm.STA, EncryptionAlgorithm.MISTY1
SAMPLE = ciphers.sample_tables()
blocks = st.integers(0, (1 << 64) - 1)
keys8, keys16 = st.binary(min_size=8, max_size=8), st.binary(min_size=16, max_size=16)
permutations16 = st.permutations(range(16))


def round_by_round(key: int, block: int, tables: sta.StaTables) -> list[int]:
    """The published description word for word, bit by bit: the block after every round."""
    key = ~key & (1 << 64) - 1
    key = key >> 12 | (key & 0xFFF) << 52
    after = []
    for _ in range(16):
        substituted = 0
        for n in range(16):
            table = tables.s2 if key >> 4 * n + 3 & 1 else tables.s1
            substituted |= table[block >> 4 * n & 15] << 4 * n
        block = 0
        for i in range(64):
            block |= (substituted >> i & 1) << tables.p[i]
        key = (key << 1 | key >> 63) & (1 << 64) - 1
        after.append(block)
    return after


def test_the_published_trace_of_ea07() -> None:
    key, block = 0x0ABC12DEF3456789, 0x0B19EB230100C207
    assert sta.prepared_key(key) == 0x876F543ED210CBA9
    after = round_by_round(key, block, SAMPLE)
    assert after[:2] == [0xCEA6B17D9D323631, 0x9A91A8A0CD1A42B9]
    assert after[-1] == 0xC45ED1619406DF95
    assert ciphers.encrypt(STA, key.to_bytes(8, "big"), block, SAMPLE) == 0xC45ED1619406DF95


@given(keys8, blocks, permutations16, permutations16, st.permutations(range(64)))
def test_merged_tables_agree_with_the_description(
    key: bytes, block: int, s1: list[int], s2: list[int], p: list[int]
) -> None:
    tables = sta.StaTables(s1, s2, p)
    encrypted = sta.StaCipher(key, tables).encrypt(block)
    assert encrypted == round_by_round(int.from_bytes(key, "big"), block, tables)[-1]
    assert sta.StaCipher(key, tables).decrypt(encrypted) == block


@given(keys8, blocks)
def test_ea07_decrypts_what_it_encrypted(key: bytes, block: int) -> None:
    encrypted = ciphers.encrypt(STA, key, block, SAMPLE)
    assert ciphers.decrypt(STA, key, encrypted, SAMPLE) == block


@given(keys16, blocks)
def test_ea11_decrypts_what_it_encrypted(key: bytes, block: int) -> None:
    encrypted = ciphers.encrypt(MISTY1, key, block, SAMPLE)
    assert ciphers.decrypt(MISTY1, key, encrypted, SAMPLE) == block


@pytest.mark.parametrize(
    ("plain", "encrypted"),
    [(0x0123456789ABCDEF, 0x8B1DA5F56AB3D07C), (0xFEDCBA9876543210, 0x04B68240B13BE95D)],
)
def test_the_published_blocks_of_ea11(plain: int, encrypted: int) -> None:
    key = bytes.fromhex("00112233445566778899aabbccddeeff")
    assert ciphers.encrypt(MISTY1, key, plain, SAMPLE) == encrypted
    assert ciphers.decrypt(MISTY1, key, encrypted, SAMPLE) == plain


def test_the_published_subkeys_of_ea11() -> None:
    words = [0x0011, 0x2233, 0x4455, 0x6677, 0x8899, 0xAABB, 0xCCDD, 0xEEFF]
    before, after = misty1.fi_tables()
    derived = [after[before[words[i]] ^ words[(i + 1) % 8]] for i in range(8)]
    assert derived == [0xCF51, 0x8E7F, 0x5E29, 0x673A, 0xCDBC, 0x07D6, 0xBF35, 0x5E11]


def test_the_substitutions_of_ea11_are_permutations_with_the_published_ends() -> None:
    assert sorted(misty1.S7) == list(range(128))
    assert sorted(misty1.S9) == list(range(512))
    assert misty1.S7[:4] == (27, 50, 51, 90)
    assert misty1.S7[-3:] == (92, 88, 125)
    assert misty1.S9[:4] == (451, 203, 339, 415)
    assert misty1.S9[-3:] == (348, 76, 450)


@pytest.mark.parametrize(("ea", "length"), [(STA, 16), (MISTY1, 8), (STA, 0)])
def test_a_key_of_another_length_is_refused(ea: EncryptionAlgorithm, length: int) -> None:
    with pytest.raises(InputError, match="DECODER_KEY_LENGTH"):
        ciphers.encrypt(ea, b"k" * length, 0, SAMPLE)


def test_an_unknown_algorithm_is_refused() -> None:
    with pytest.raises(InputError, match="EA_UNKNOWN"):
        ciphers.encrypt(9, b"k" * 8, 0, SAMPLE)  # type: ignore[arg-type]


def test_no_key_shows_in_a_repr() -> None:
    ciphers.cipher(STA, b"secret00", SAMPLE)
    assert "secret" not in repr(ciphers.cipher(STA, b"secret00", SAMPLE))
    assert "secret" not in repr(ciphers.cipher(MISTY1, b"secret00secret00", SAMPLE))
    ciphers.forget_keys()
    assert ciphers.cipher.cache_info().currsize == 0


# ---------------------------------------------------------------- a site's own tables


def content(**changes: object) -> dict[str, object]:
    return {"s1": list(SAMPLE.s1), "s2": list(SAMPLE.s2), "p": list(SAMPLE.p), **changes}


def test_a_sites_tables_take_the_place_of_the_sample(tmp_path: Path) -> None:
    file = tmp_path / "tables.json"
    file.write_text(json.dumps(content(s1=list(range(16)))), encoding="utf-8")
    tables = ciphers.load_tables(file)
    assert tables.s1 == tuple(range(16))
    key = bytes(range(8))
    assert ciphers.encrypt(STA, key, 1, tables) != ciphers.encrypt(STA, key, 1, SAMPLE)


@pytest.mark.parametrize(
    ("text", "field"),
    [
        ("not json", "file"),
        ("[]", "file"),
        ('{"s1": [], "s2": []}', "file"),
        (json.dumps({**content(), "p2": []}), "file"),
        (json.dumps(content(s1=[0] * 16)), "s1"),
        (json.dumps(content(s2=list(range(17)))), "s2"),
        (json.dumps(content(s2=list(range(1, 17)))), "s2"),
        (json.dumps(content(p=list(range(63)))), "p"),
        (json.dumps(content(p="x")), "p"),
        (json.dumps(content(s1=[True, False, *range(2, 16)])), "s1"),
        (json.dumps(content(s1=[0.0, *range(1, 16)])), "s1"),
        (" " * 5000, "file"),
    ],
)
def test_tables_that_are_no_permutations_are_refused(tmp_path: Path, text: str, field: str) -> None:
    file = tmp_path / "tables.json"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(InputError) as caught:
        ciphers.load_tables(file)
    assert caught.value.code == "STA_TABLES_FILE"
    assert caught.value.params["field"] == field
    assert caught.value.params["file"] == str(file)


def test_a_tables_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="STA_TABLES"):
        ciphers.load_tables(tmp_path / "nothing.json")


# ---------------------------------------------------------------- the checksum


@pytest.mark.parametrize(
    ("seven_bytes", "field"),
    [
        ("00004a2d900ff2", 0x0FFA),
        ("000b19eb230100", 0xC207),
        ("0005c02a552710", 0x1970),
        ("0005014eec0001", 0x3188),
    ],
)
def test_published_checksums(seven_bytes: str, field: int) -> None:
    raw = bytes.fromhex(seven_bytes)
    assert crc.field(raw[0], int.from_bytes(raw[1:], "big")) == field


def test_the_published_checksum_of_a_currency_token() -> None:
    assert crc.currency_field(0x4052B13960AA) == 0xC385
