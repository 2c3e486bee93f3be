"""Both keepers of vending keys behave alike, and a module's secret can live in a token."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone

import pytest

from posapp.clock import SystemRandomness
from posapp.codec import cbor
from posapp.codec.sealed import Cost
from posapp.domain.meter import EncryptionAlgorithm, KeyType, MeterNumber
from posapp.errors import InputError, ModuleError, PosError, StoreError
from posapp.security_module.reference.backends import BookedKey, KeyBackend
from posapp.security_module.reference.backends.book import VouchedBook
from posapp.security_module.reference.backends.sealed import SealedBackend
from posapp.security_module.reference.operators import Operator, Operators, Role
from posapp.security_module.reference.seal import FileDevice, VouchedFile
from posapp.sts.keys import VendingKey, decoder_key
from tests.security_module.engines import CountedRandomness, SetClock
from tests.security_module.soft_tokens import ListBook, SoftToken, a_token, needs_soft_hsm

EA07, EA11 = EncryptionAlgorithm.STA, EncryptionAlgorithm.MISTY1
METER = MeterNumber("58000079523")
SECRET = bytes.fromhex("abababababababab949494949494949401234567")
KEY = VendingKey(SECRET, "201457", 1, KeyType.UNIQUE, 2014, 255, 4, test=True)
DES_KEY = VendingKey(bytes.fromhex("abababababababab"), "123456", 1, KeyType.UNIQUE, 2014, 255, 2)


@contextmanager
def a_backend(book: ListBook, token: SoftToken | None) -> Iterator[KeyBackend]:
    if token is None:
        yield SealedBackend(book)
        return
    from posapp.security_module.reference.backends.pkcs11 import Pkcs11Backend

    backend = Pkcs11Backend(token.hsm(), book)
    try:
        yield backend
    finally:
        backend.close()


@pytest.fixture(params=["sealed", pytest.param("pkcs11", marks=needs_soft_hsm)])
def kept(request):
    """(how to open the backend again and again, its book)"""
    book = ListBook()
    token = a_token() if request.param == "pkcs11" else None
    return lambda: a_backend(book, token), book


def test_a_loaded_key_makes_the_meters_key_now_and_after_a_restart(kept):
    opened, _ = kept
    for loads in (True, False):
        with opened() as backend:
            if loads:
                backend.load(KEY)
            assert backend.attributes() == (KEY.attributes(),)
            for ea in (EA07, EA11):
                made = backend.decoder_key("201457", 1, METER, "01", ea)
                assert made == decoder_key(KEY, METER, "01", ea)


def test_keys_are_told_in_order_and_without_their_secrets(kept):
    opened, _ = kept
    keys = [
        replace(KEY, sgc=sgc, krn=krn) for sgc, krn in (("9" * 6, 1), ("1" * 6, 2), ("1" * 6, 1))
    ]
    with opened() as backend:
        for key in keys:
            backend.load(key)
        told = backend.attributes()
    assert [(key.sgc, key.krn) for key in told] == sorted((key.sgc, key.krn) for key in keys)
    assert not any(hasattr(key, "secret") for key in told)
    assert SECRET.hex() not in repr(told) and str(SECRET) not in repr(told)


def test_a_removed_key_is_gone_for_good(kept):
    opened, book = kept
    with opened() as backend:
        backend.load(KEY)
        backend.remove("201457", 1)
    assert book.rows() == ()
    with opened() as backend:
        for ask in (
            lambda: backend.decoder_key("201457", 1, METER, "01", EA07),
            lambda: backend.remove("201457", 1),
        ):
            with pytest.raises(ModuleError, match="KEY_NOT_FOUND") as caught:
                ask()
            assert caught.value.params == {"sgc": "201457", "krn": 1}


def test_what_the_book_does_not_take_is_not_loaded(kept):
    opened, book = kept
    with opened() as backend:
        for change in (lambda: backend.load(KEY), lambda: backend.remove("201457", 1)):
            book.fails = StoreError("DISK_FULL")
            before = backend.attributes()
            with pytest.raises(StoreError, match="DISK_FULL"):
                change()
            assert backend.attributes() == before
            backend.load(KEY)
        assert book.rows()[0].attributes == KEY.attributes()


@pytest.mark.parametrize("ti", ["1", "abc", "１２"])
def test_a_derivation_that_the_standard_does_not_know_is_refused(kept, ti):
    opened, _ = kept
    with opened() as backend:
        backend.load(KEY)
        with pytest.raises(InputError, match="TARIFF_INDEX"):
            backend.decoder_key("201457", 1, METER, ti, EA07)


def test_the_sealed_store_holds_keys_for_dkga02_and_is_never_bound():
    backend = SealedBackend(ListBook())
    backend.load(DES_KEY)
    made = backend.decoder_key("123456", 1, METER, "01", EA07)
    assert made == decoder_key(DES_KEY, METER, "01", EA07)
    assert (backend.probe().name, backend.probe().bound) == ("sealed", False)
    backend.close()
    assert backend.attributes() == ()


def test_c11_no_row_and_no_backend_shows_its_secret(kept):
    opened, book = kept
    with opened() as backend:
        backend.load(KEY)
        texts = [repr(book.rows()), str(book.rows()), repr(backend), repr(backend.probe())]
        with pytest.raises(PosError) as caught:
            backend.decoder_key("201457", 9, METER, "01", EA07)
        texts += [repr(caught.value), str(caught.value)]
    for text in texts:
        assert SECRET.hex() not in text
        assert repr(SECRET)[2:20] not in text


def test_a_row_that_holds_no_key_opens_no_backend():
    with pytest.raises(InputError, match="VENDING_KEY_LENGTH"):
        SealedBackend(ListBook(BookedKey(KEY.attributes(), b"short")))


# --- the book of a device's keys ------------------------------------------------------------------


@pytest.fixture
def file(tmp_path):
    return VouchedFile(tmp_path / "keys.vouched", FileDevice(bytes(32)), b"test/1", 1 << 16)


def test_a_book_gives_back_what_was_entered_and_forgets_what_was_dropped(file):
    limited = replace(
        KEY.attributes(),
        krn=2,
        active_from=datetime(2026, 1, 2, tzinfo=timezone(timedelta(hours=2))),
        issue_until=datetime(2027, 1, 2, 3, 4, 5, tzinfo=UTC),
        permitted=frozenset({(0, 0), (2, 3)}),
        test=False,
    )
    rows = (BookedKey(KEY.attributes(), b"12345678"), BookedKey(limited, b"87654321"))
    book = VouchedBook(file)
    assert book.rows() == ()
    for row in reversed(rows):
        book.put(row)
    assert VouchedBook(file).rows() == book.rows() == rows
    book.put(replace(rows[0], kept=b"changed!"))
    book.drop("201457", 2)
    book.drop("201457", 9)
    assert [row.kept for row in VouchedBook(file).rows()] == [b"changed!"]


def test_c12_flipped_bytes_of_a_book_are_an_error_and_no_other_key(file):
    VouchedBook(file).put(BookedKey(KEY.attributes(), b"12345678"))
    whole = file.path.read_bytes()
    for at in range(len(whole)):
        flipped = bytearray(whole)
        flipped[at] ^= 1 << at % 8
        file.path.write_bytes(flipped)
        with pytest.raises(ModuleError, match="SEAL_DAMAGED"):
            VouchedBook(file)


@pytest.mark.parametrize("content", [b"", cbor.encode([2, []]), cbor.encode([1, [[1]]])])
def test_a_book_of_another_version_is_not_guessed_at(file, content):
    file.write(content)
    with pytest.raises(ModuleError, match="SEAL_DAMAGED"):
        VouchedBook(file)


def test_a_book_that_cannot_be_written_keeps_its_rows(file):
    book = VouchedBook(file)
    file.path.mkdir()
    with pytest.raises(StoreError, match="STORE_DISK_ERROR"):
        book.put(BookedKey(KEY.attributes(), b"12345678"))
    assert book.rows() == ()


# --- the module's own secret in a token -----------------------------------------------------------


@needs_soft_hsm
def test_a_module_whose_secret_is_in_a_token_opens_with_that_token_only(tmp_path):
    from posapp.security_module.reference.backends.pkcs11 import Pkcs11Device

    token, other = a_token(), a_token()
    module, boss = "REF-0000A001", Operator(1, "Grace Otieno", Role.SUPERVISOR)
    hsm = token.hsm()
    device = Pkcs11Device.create(hsm, module, CountedRandomness())
    again = Pkcs11Device.create(hsm, module, CountedRandomness())
    assert device.derive(b"one") == again.derive(b"one") != device.derive(b"two")
    assert not device.bound  # SoftHSM says itself that it is no hardware
    Operators.create(
        tmp_path,
        module,
        device,
        CountedRandomness(),
        boss,
        "739182640517",
        bytes(32),
        cost=Cost(64, 1),
    )
    people = Operators(tmp_path, module, device, SetClock(), CountedRandomness())
    assert people.login(1, "739182640517") is Role.SUPERVISOR
    people.close()
    hsm.close()

    hsm = other.hsm()
    with pytest.raises(ModuleError, match="HSM_DEVICE_GONE"):
        Operators(tmp_path, module, Pkcs11Device(hsm, module), SetClock(), CountedRandomness())
    stranger = Pkcs11Device.create(hsm, module, SystemRandomness())
    with pytest.raises(ModuleError, match="SEAL_DAMAGED"):
        Operators(tmp_path, module, stranger, SetClock(), CountedRandomness())
    hsm.close()


def test_a_device_that_is_away_costs_no_try(tmp_path):
    class Away:
        bound = True
        gone = False

        def derive(self, purpose: bytes) -> bytes:
            if self.gone:
                raise ModuleError("HSM_ABSENT", token="sts")
            return bytes(32)

    device, boss = Away(), Operator(1, "Grace Otieno", Role.SUPERVISOR)
    arguments = (tmp_path, "REF-0000A001", device)
    Operators.create(*arguments, CountedRandomness(), boss, "4711", bytes(32), cost=Cost(64, 1))
    people = Operators(*arguments, SetClock(), CountedRandomness())
    device.gone = True
    for _ in range(7):
        with pytest.raises(ModuleError, match="HSM_ABSENT"):
            people.login(1, "4711")
    device.gone = False
    assert people.all()[0][1] == 5
    people.login(1, "4711")
    people.close()


# --- without the extra ----------------------------------------------------------------------------

WITHOUT = """
import sys
sys.modules["pkcs11"] = None
from posapp.errors import ConfigError
from posapp.security_module.reference import backends, operators, seal
from posapp.security_module.reference.backends import sealed
try:
    backends.open_hsm("lib.so", "sts", "hsm.pin")
except ConfigError as error:
    print(error.code)
"""


def test_without_python_pkcs11_all_else_works_and_the_lack_is_named():
    run = subprocess.run(
        [sys.executable, "-c", WITHOUT], capture_output=True, text=True, check=True, timeout=60
    )
    assert run.stdout.strip() == "HSM_EXTRA_MISSING"
