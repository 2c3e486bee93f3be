"""Vending keys in a PKCS#11 token: real SoftHSM, and a wire to pull and errors to inject."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from posapp.domain.meter import EncryptionAlgorithm, KeyType, MeterNumber
from posapp.errors import ModuleError, Outcome, StoreError
from posapp.security_module.reference.backends import BookedKey
from posapp.sts.keys import VendingKey, decoder_key
from tests.security_module.soft_tokens import (
    LIBRARY,
    USER_PIN,
    ListBook,
    SoftToken,
    a_token,
    needs_soft_hsm,
)

pytestmark = needs_soft_hsm

pkcs11 = pytest.importorskip(
    "pkcs11", reason="needs SoftHSM: the package softhsm2 and python-pkcs11"
)

from posapp.security_module.reference.backends.hsm import Hsm, pin_from_file  # noqa: E402
from posapp.security_module.reference.backends.pkcs11 import Pkcs11Backend  # noqa: E402

VECTORS = Path(__file__).parents[1] / "data" / "sts_vectors.json"
EA07, EA11 = EncryptionAlgorithm.STA, EncryptionAlgorithm.MISTY1
METER = MeterNumber("58000079523")
SECRET = bytes.fromhex("abababababababab949494949494949401234567")
KEY = VendingKey(SECRET, "201457", 1, KeyType.UNIQUE, 2014, 255, 4, test=True)
DES_KEY = VendingKey(bytes.fromhex("abababababababab"), "123456", 1, KeyType.UNIQUE, 2014, 255, 2)


@pytest.fixture
def token():
    return a_token()


@pytest.fixture
def opened():
    """Opens backends and closes them after the test."""
    open_ones: list[Pkcs11Backend] = []

    def open_backend(token: SoftToken, book: ListBook | None = None, **options: Any):
        backend = Pkcs11Backend(token.hsm(**options), book or ListBook())
        open_ones.append(backend)
        return backend

    yield open_backend
    for backend in open_ones:
        backend.close()


def refused(code: str):
    """The refusal of that code; whatever a device says, no token was made."""
    return pytest.raises(ModuleError, match=rf"^{code}\b", check=_not_executed)


def _not_executed(error: ModuleError) -> bool:
    return error.outcome is Outcome.NOT_EXECUTED


# --- the same keys as without a device ------------------------------------------------------------


@pytest.mark.parametrize("ea", [EA07, EA11])
def test_a_key_in_the_device_makes_the_very_keys_that_the_host_makes(token, opened, ea):
    backend = opened(token)
    backend.load(KEY)
    assert backend.attributes() == (KEY.attributes(),)
    for ti in ("01", "77"):
        expected = decoder_key(KEY, METER, ti, ea)
        assert backend.decoder_key("201457", 1, METER, ti, ea) == expected


def published() -> list[dict[str, Any]]:
    """The standard's own test cases with a vending key for DKGA04."""
    vectors = json.loads(VECTORS.read_text(encoding="utf-8"))["vectors"]
    return [
        {**vector["inputs"], "decoder_key": vector["intermediate"]["decoder_key"]}
        for vector in vectors
        if vector["inputs"].get("dkga") == 4 and "decoder_key" in vector["intermediate"]
    ]


def test_the_published_decoder_keys_come_out_of_the_device(token, opened):
    backend = opened(token)
    for case in published():
        secret = bytes.fromhex(case["vending_key"])
        attributes = (case["sgc"], case["krn"], KeyType(case["kt"]), case["base_date"])
        backend.load(VendingKey(secret, *attributes, case.get("ken", 255), 4))
        number, ea = MeterNumber(case["drn"]), EncryptionAlgorithm(case["ea"])
        made = backend.decoder_key(case["sgc"], case["krn"], number, case["ti"], ea)
        assert made.hex() == case["decoder_key"]
    assert len(published()) > 20


def test_a_key_survives_the_end_of_the_process_and_its_secret_never_leaves(token, opened):
    book = ListBook()
    opened(token, book).load(KEY)
    assert SECRET not in book.rows()[0].kept
    again = opened(token, book)
    assert again.decoder_key("201457", 1, METER, "01", EA11) == decoder_key(KEY, METER, "01", EA11)

    def secrets(session: Any) -> list[Any]:
        found = []
        for key in list(session.get_objects({pkcs11.Attribute.LABEL: "VK-201457-1"})):
            assert key[pkcs11.Attribute.EXTRACTABLE] is False
            with pytest.raises(pkcs11.AttributeSensitive):
                key[pkcs11.Attribute.VALUE]
            found.append(key)
        return found

    hsm = token.hsm()
    assert len(hsm.run("look", secrets)) == 1
    hsm.close()


def test_the_probe_does_what_real_keys_need_and_leaves_nothing(token, opened):
    backend = opened(token)
    info = backend.probe()
    assert (info.name, info.bound) == ("pkcs11", False)  # SoftHSM is files on the same disk
    assert "SoftHSM" in info.device
    assert backend._hsm.run("look", lambda session: list(session.get_objects())) == []


def test_dkga02_is_refused_with_the_reason(token, opened):
    backend = opened(token)
    with refused("HSM_KEY_KIND") as caught:
        backend.load(DES_KEY)
    assert caught.value.params == {"dkga": 2}
    assert backend.attributes() == ()


def test_a_key_that_is_not_loaded_and_a_derivation_that_is_not_allowed_are_refused(token, opened):
    backend = opened(token)
    with refused("KEY_NOT_FOUND"):
        backend.decoder_key("201457", 1, METER, "01", EA07)
    with refused("KEY_NOT_FOUND"):
        backend.remove("201457", 1)
    backend.load(replace(KEY, kt=KeyType.COMMON))
    with pytest.raises(Exception, match="KEY_TYPE"):
        backend.decoder_key("201457", 1, METER, "01", EA07)


# --- loading, replacing, removing -----------------------------------------------------------------


def objects(token: SoftToken) -> int:
    hsm = token.hsm()
    try:
        return len(hsm.run("look", lambda session: list(session.get_objects())))
    finally:
        hsm.close()


def test_loading_again_replaces_and_loading_the_same_adds_nothing(token, opened):
    backend = opened(token)
    backend.load(KEY)
    backend.load(KEY)
    assert objects(token) == 1
    newer = replace(KEY, secret=bytes(range(20)))
    backend.load(newer)
    assert objects(token) == 1
    assert backend.decoder_key("201457", 1, METER, "01", EA07) == decoder_key(
        newer, METER, "01", EA07
    )


def test_a_removed_key_is_gone_from_device_and_book(token, opened):
    book = ListBook()
    backend = opened(token, book)
    backend.load(KEY)
    backend.remove("201457", 1)
    assert (objects(token), book.rows()) == (0, ())
    with refused("KEY_NOT_FOUND"):
        backend.decoder_key("201457", 1, METER, "01", EA07)


def test_after_a_power_cut_while_loading_the_key_of_the_book_still_works(token, opened):
    book = ListBook()
    backend = opened(token, book)
    backend.load(KEY)
    newer = replace(KEY, secret=bytes(range(20)))
    book.fails = StoreError("DISK_FULL")  # the device has both keys, the book names the old one
    with pytest.raises(StoreError):
        backend.load(newer)
    assert objects(token) == 2
    for one in (backend, opened(token, book)):
        assert one.decoder_key("201457", 1, METER, "01", EA07) == decoder_key(
            KEY, METER, "01", EA07
        )
    backend.load(newer)
    assert objects(token) == 1
    assert backend.decoder_key("201457", 1, METER, "01", EA07) == decoder_key(
        newer, METER, "01", EA07
    )


# --- never a wrong key ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "change",
    [{"ken": 254}, {"base_date": 2035}, {"test": False}, {"permitted": frozenset({(0, 0)})}],
)
def test_attributes_changed_in_the_store_no_longer_fit_their_key(token, opened, change):
    book = ListBook()
    opened(token, book).load(KEY)
    row = book.rows()[0]
    book.put(BookedKey(replace(row.attributes, **change), row.kept))
    with refused("HSM_KEY_CHANGED"):
        opened(token, book).decoder_key("201457", 1, METER, "01", EA07)


def test_another_key_under_the_same_name_is_noticed(opened, token):
    book = ListBook()
    opened(token, book).load(KEY)
    impostor = a_token()
    opened(impostor).load(replace(KEY, secret=bytes(20)))
    with refused("HSM_KEY_CHANGED"):
        opened(impostor, book).decoder_key("201457", 1, METER, "01", EA07)


def test_every_byte_of_a_check_value_counts(token, opened):
    book = ListBook()
    opened(token, book).load(KEY)
    row = book.rows()[0]
    for place in range(len(row.kept)):
        kept = bytearray(row.kept)
        kept[place] ^= 1
        with refused("HSM_KEY_CHANGED"):
            opened(token, ListBook(BookedKey(row.attributes, bytes(kept)))).decoder_key(
                "201457", 1, METER, "01", EA07
            )


def test_a_key_that_is_missing_in_the_device_is_said_to_be(token, opened):
    book = ListBook()
    opened(token, book).load(KEY)
    with refused("HSM_KEY_GONE"):
        opened(a_token(), book).decoder_key("201457", 1, METER, "01", EA07)


# --- PIN ------------------------------------------------------------------------------------------


def test_the_pin_is_wiped_after_its_use_and_is_in_no_error(token, opened):
    token.asked.pin = "582917406330"
    backend = opened(token)
    with refused("HSM_PIN_WRONG") as caught:
        backend.probe()
    assert "582917406330" not in f"{caught.value!r} {caught.value}"
    assert [bytes(pin) for pin in token.asked.given] == [bytes(12)]


def test_a_refused_pin_is_not_tried_again_until_a_person_gives_another(token, opened):
    token.asked.pin = "582917406330"
    backend = opened(token)
    for _ in range(3):
        with refused("HSM_PIN_WRONG"):
            backend.probe()
    assert len(token.asked.given) == 1
    with refused("HSM_PIN_WRONG"):
        backend._hsm.unlock()
    token.asked.pin = USER_PIN
    backend._hsm.unlock()
    backend.probe()
    assert len(token.asked.given) == 3


def test_a_pin_comes_from_a_file_of_its_owner_only(tmp_path):
    path = tmp_path / "hsm.pin"
    source = pin_from_file(path)
    for content, mode in ((None, 0), ("5829", 0o644), ("5 8", 0o600), ("é" * 4, 0o600)):
        if content is not None:
            path.write_text(content, encoding="utf-8")
            path.chmod(mode)
        with refused("HSM_PIN_FILE"):
            source()
    path.write_text("582917\n", encoding="ascii")
    path.chmod(0o600)
    assert source() == bytearray(b"582917")
    assert source() is not source()


# --- absent, pulled, hung -------------------------------------------------------------------------


def test_a_token_that_is_not_there_is_absent_and_found_when_it_comes(opened):
    backend = opened(SoftToken("sts-late", a_token().asked))
    with refused("HSM_ABSENT") as caught:
        backend.probe()
    assert caught.value.params == {"token": "sts-late"}
    a_token("sts-late")
    backend.probe()


def test_two_tokens_of_one_label_are_not_chosen_from(opened):
    a_token("sts-twin")
    with refused("HSM_DOUBLE"):
        opened(a_token("sts-twin")).probe()


def test_a_library_that_is_missing_is_named(opened):
    missing = SoftToken("sts", a_token().asked, library="/nowhere/lib.so")
    with refused("HSM_LIBRARY") as caught:
        opened(missing).probe()
    assert caught.value.params == {"library": "/nowhere/lib.so"}


class Wire:
    """Between our code and the real library: `fail(error)` once or `pull()` until `plug()`."""

    def __init__(self) -> None:
        self.errors: list[Exception] = []
        self.pulled = False
        self.opened = 0
        self.hang: threading.Event | None = None

    def load(self, path: str) -> Any:
        return _Watched(pkcs11.lib(path), self)

    def check(self) -> None:
        if self.hang is not None:
            self.hang.wait(20)
        if self.pulled:
            raise pkcs11.DeviceRemoved
        if self.errors:
            raise self.errors.pop(0)


class _Watched:
    """Hands every call on, through the wire."""

    def __init__(self, inner: Any, wire: Wire) -> None:
        self._inner, self._wire = inner, wire

    def __getitem__(self, name: Any) -> Any:
        return self._inner[name]

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._inner, name)
        if name in ("get_token", "open", "create_object"):
            return self._through(name, found)
        if name in ("sign", "get_objects", "destroy"):

            def call(*args: Any, **options: Any) -> Any:
                self._wire.check()
                answer = found(*args, **options)
                return (
                    [_Watched(o, self._wire) for o in answer] if name == "get_objects" else answer
                )

            return call
        return found

    def _through(self, name: str, found: Any) -> Any:
        def call(*args: Any, **options: Any) -> Any:
            if name == "get_token" and self._wire.pulled:
                raise pkcs11.NoSuchToken
            self._wire.check()
            self._wire.opened += name == "open"
            return _Watched(found(*args, **options), self._wire)

        return call


@pytest.fixture
def wire():
    return Wire()


@pytest.fixture
def working(token, opened, wire):
    """A backend with a key, used once, over a wire."""
    backend = opened(token, load=wire.load)
    backend.load(KEY)
    derive(backend)
    wire.opened = 0
    return backend


def derive(backend: Pkcs11Backend) -> bytes:
    return backend.decoder_key("201457", 1, METER, "01", EA07)


def test_a_token_pulled_out_in_the_middle_is_absent_and_works_again_when_back(working, wire):
    wire.pulled = True
    for _ in range(3):
        with refused("HSM_ABSENT"):
            derive(working)
    wire.pulled = False
    assert derive(working) == decoder_key(KEY, METER, "01", EA07)


@pytest.mark.parametrize(
    "error",
    ["SessionHandleInvalid", "SessionClosed", "UserNotLoggedIn", "KeyHandleInvalid", "DeviceError"],
)
def test_a_lost_session_is_opened_anew_once(working, wire, error):
    wire.errors = [getattr(pkcs11, error)()]
    assert derive(working) == decoder_key(KEY, METER, "01", EA07)
    assert wire.opened == 1
    wire.errors = [getattr(pkcs11, error)() for _ in range(2)]
    with refused("HSM_FAILED"):
        derive(working)
    assert derive(working) == decoder_key(KEY, METER, "01", EA07)


@pytest.mark.parametrize(
    ("error", "code"),
    [
        ("DeviceMemory", "HSM_FULL"),
        ("TokenWriteProtected", "HSM_READ_ONLY"),
        ("SessionReadOnly", "HSM_READ_ONLY"),
        ("KeySizeRange", "HSM_UNFIT"),
        ("MechanismInvalid", "HSM_UNFIT"),
        ("FunctionFailed", "HSM_FAILED"),
        ("GeneralError", "HSM_FAILED"),
        ("PKCS11Error", "HSM_FAILED"),
    ],
)
def test_what_a_device_says_while_loading_becomes_a_plain_refusal(working, wire, error, code):
    newer = replace(KEY, krn=2)
    wire.errors = [getattr(pkcs11, error)("Unmapped error code 0x1b")]
    with refused(code):
        working.load(newer)
    assert working.attributes() == (KEY.attributes(),)
    working.load(newer)
    assert len(working.attributes()) == 2


def test_a_device_that_hangs_is_given_up_in_time_and_asked_again_later(working, wire, monkeypatch):
    monkeypatch.setattr(working._hsm, "_answer_s", 0.2)
    wire.hang = threading.Event()
    for _ in range(2):
        with refused("HSM_TIMEOUT"):
            derive(working)
    monkeypatch.undo()
    wire.hang.set()
    working._hsm._last.result(10)
    wire.hang = None
    assert derive(working) == decoder_key(KEY, METER, "01", EA07)


def test_work_in_a_session_for_reading_cannot_write(token):
    hsm = token.hsm()
    new = {
        pkcs11.Attribute.CLASS: pkcs11.ObjectClass.SECRET_KEY,
        pkcs11.Attribute.KEY_TYPE: pkcs11.KeyType.GENERIC_SECRET,
        pkcs11.Attribute.VALUE: bytes(32),
        pkcs11.Attribute.TOKEN: True,
    }
    with refused("HSM_READ_ONLY"):
        hsm.run("import", lambda session: session.create_object(new))
    hsm.run("import", lambda session: session.create_object(new), write=True)
    hsm.close()


class OddDevice:
    """Lists HMAC and gives other bytes, or gives its secrets away."""

    def __init__(self, answer: bytes, *, open_hearted: bool = False) -> None:
        self.answer, self.open_hearted = answer, open_hearted
        self.flags = self.slot = self

    def __getattr__(self, name: str) -> Any:
        return self._itself

    def _itself(self, *args: Any, **options: Any) -> Any:
        return self

    def sign(self, data: bytes, **options: Any) -> bytes:
        return self.answer

    def __getitem__(self, name: Any) -> bytes:
        if self.open_hearted:
            return bytes(32)
        raise pkcs11.AttributeSensitive


def test_a_device_that_answers_otherwise_than_the_standard_is_unfit(opened, token):
    right = bytes.fromhex("b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7")
    for device, step in (
        (OddDevice(bytes(32)), "hmac"),
        (OddDevice(right, open_hearted=True), "secret"),
    ):
        backend = opened(token, load=device.get)
        with refused("HSM_UNFIT") as caught:
            backend.probe()
        assert caught.value.params["step"] == step


# --- one thread, one process ----------------------------------------------------------------------


def test_all_of_it_happens_on_one_thread(token):
    hsm = token.hsm()
    seen = {hsm.run("look", lambda _: threading.current_thread().name) for _ in range(5)}
    hsm.close()
    hsm.close()
    assert seen == {"hsm"}


FORKED = """
import os, sys
from posapp.security_module.reference.backends.hsm import Hsm
hsm = Hsm(sys.argv[1], sys.argv[2], lambda: bytearray(sys.argv[3], "ascii"))
hsm.info()
child = os.fork()
if child == 0:
    try:
        hsm.info()
    except AssertionError:
        os._exit(42)
    os._exit(1)
print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
hsm.close()
"""


@pytest.mark.skipif(sys.platform == "win32", reason="needs fork")
def test_a_forked_child_never_touches_the_library(token):
    run = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", FORKED, LIBRARY, token.label, USER_PIN],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    assert run.stdout.strip() == "42"


def test_a_closed_backend_is_not_used_by_mistake(token, opened):
    backend = opened(token)
    backend.close()
    with pytest.raises(AssertionError, match="closed"):
        backend.probe()
    assert isinstance(backend._hsm, Hsm)
