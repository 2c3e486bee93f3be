"""Many blocks with a key each against one block at a time, for any keys, blocks and tables."""

import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from posapp.domain.meter import EncryptionAlgorithm
from posapp.errors import InputError
from posapp.sts import ciphers
from posapp.sts.bulk import ciphers as bulk
from posapp.sts.bulk.arrays import ROWS_A_CHUNK
from posapp.sts.bulk.misty1 import Misty1Keys
from posapp.sts.bulk.sta import StaKeys
from posapp.sts.misty1 import Misty1Cipher
from posapp.sts.sta import StaCipher, StaTables

STA, MISTY1 = EncryptionAlgorithm.STA, EncryptionAlgorithm.MISTY1
SAMPLE = ciphers.sample_tables()
LENGTHS = {STA: 8, MISTY1: 16}
blocks = st.integers(0, (1 << 64) - 1)
permutations16 = st.permutations(range(16))


def rows_of(length: int) -> st.SearchStrategy[list[tuple[bytes, int]]]:
    return st.lists(st.tuples(st.binary(min_size=length, max_size=length), blocks), max_size=9)


def arrays(rows: list[tuple[bytes, int]], length: int) -> tuple[np.ndarray, np.ndarray]:
    keys = np.frombuffer(b"".join(key for key, _ in rows), np.uint8).reshape(-1, length)
    return keys, np.array([block for _, block in rows], np.uint64)


@given(rows_of(16))
def test_ea11_in_bulk_is_ea11(rows: list[tuple[bytes, int]]) -> None:
    keys, plain = arrays(rows, 16)
    encrypted = bulk.encrypt(MISTY1, keys, plain, SAMPLE)
    assert encrypted.tolist() == [Misty1Cipher(key).encrypt(block) for key, block in rows]
    assert bulk.decrypt(MISTY1, keys, encrypted, SAMPLE).tolist() == plain.tolist()


@given(rows_of(8), permutations16, permutations16, st.permutations(range(64)))
def test_ea07_in_bulk_is_ea07_with_any_tables(
    rows: list[tuple[bytes, int]], s1: list[int], s2: list[int], p: list[int]
) -> None:
    tables = StaTables(s1, s2, p)
    keys, plain = arrays(rows, 8)
    encrypted = bulk.encrypt(STA, keys, plain, tables)
    assert encrypted.tolist() == [StaCipher(key, tables).encrypt(block) for key, block in rows]
    assert bulk.decrypt(STA, keys, encrypted, tables).tolist() == plain.tolist()


@pytest.mark.parametrize("ea", LENGTHS)
@pytest.mark.parametrize(
    "rows", [0, 1, ROWS_A_CHUNK - 1, ROWS_A_CHUNK, ROWS_A_CHUNK + 1, 2 * ROWS_A_CHUNK + 7]
)
def test_no_row_is_lost_where_chunks_meet(ea: EncryptionAlgorithm, rows: int) -> None:
    chance = np.random.default_rng(rows)
    keys = chance.integers(0, 256, (rows, LENGTHS[ea])).astype(np.uint8)
    plain = chance.integers(0, 1 << 63, rows).astype(np.uint64)
    encrypted = bulk.encrypt(ea, keys, plain, SAMPLE)
    assert len(encrypted) == rows
    assert (bulk.decrypt(ea, keys, encrypted, SAMPLE) == plain).all()
    edges = {0, ROWS_A_CHUNK - 1, ROWS_A_CHUNK, 2 * ROWS_A_CHUNK, rows - 1}
    for row in edges & set(range(rows)):
        expected = ciphers.encrypt(ea, keys[row].tobytes(), int(plain[row]), SAMPLE)
        assert int(encrypted[row]) == expected


def test_columns_that_lie_otherwise_in_memory_make_no_difference() -> None:
    chance = np.random.default_rng(1)
    wide = chance.integers(0, 256, (32, 10)).astype(np.uint8)
    plain = chance.integers(0, 1 << 63, 20).astype(np.uint64)[::2]
    for ea, keys in ((STA, wide[:8].T), (MISTY1, wide[::2].T)):
        straight = bulk.encrypt(ea, np.ascontiguousarray(keys), plain.copy(), SAMPLE)
        assert (bulk.encrypt(ea, keys, plain, SAMPLE) == straight).all()


@pytest.mark.parametrize(("ea", "length"), [(STA, 16), (MISTY1, 8), (STA, 7)])
def test_keys_of_another_length_are_refused(ea: EncryptionAlgorithm, length: int) -> None:
    with pytest.raises(InputError, match="DECODER_KEY_LENGTH"):
        bulk.prepared(ea, np.zeros((1, length), np.uint8), SAMPLE)


def test_an_unknown_algorithm_is_refused_in_bulk() -> None:
    with pytest.raises(InputError, match="EA_UNKNOWN"):
        bulk.prepared(9, np.zeros((1, 8), np.uint8), SAMPLE)  # type: ignore[arg-type]


def test_no_keys_show_in_a_repr() -> None:
    keys = np.full((1, 16), ord("s"), np.uint8)
    shown = repr(Misty1Keys(keys)) + repr(StaKeys(keys[:, :8], SAMPLE))
    assert shown == "Misty1Keys(...)StaKeys(...)"


WITHOUT_NUMPY = """
import importlib, pkgutil, sys
sys.modules["numpy"] = None
import posapp.sts
from posapp.errors import ConfigError
for found in pkgutil.walk_packages(posapp.sts.__path__, "posapp.sts.", onerror=lambda name: None):
    if not found.name.startswith("posapp.sts.bulk"):
        importlib.import_module(found.name)
try:
    import posapp.sts.bulk
except ConfigError as error:
    print(error.code)
try:
    import posapp.sts.bulk.campaign
except ConfigError as error:
    print(error.code)
"""


def test_without_numpy_everything_else_imports_and_bulk_says_what_is_missing() -> None:
    run = subprocess.run(
        [sys.executable, "-c", WITHOUT_NUMPY], capture_output=True, text=True, check=False
    )
    assert run.stdout.split() == ["BULK_MISSING", "BULK_MISSING"], run.stderr
