"""The files of a line's end, and the certificates that it takes."""

from __future__ import annotations

import contextlib
import hashlib
import random
import stat
import threading
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)
from cryptography.x509.oid import NameOID

from posapp.db import lock
from posapp.errors import InputError, StoreError
from posapp.security_module.link import identity
from posapp.security_module.link.identity import LineKeys, Peer, pin_of
from tests.security_module.lines import introduce, line_keys
from tests.security_module.module_process import ON_POSIX

# ---------------------------------------------------------------- certificates


def a_certificate(key: Any, name: str = "", signer: Any = None) -> bytes:
    spki = key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    common = name or _pin(spki)[:16].hex()
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common)])
    algorithm = None if isinstance(signer or key, Ed25519PrivateKey) else SHA256()
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(identity._NOT_BEFORE)
        .not_valid_after(identity._NOT_AFTER)
        .sign(signer or key, algorithm)
        .public_bytes(Encoding.DER)
    )


def _at(certificate: bytes, before: bytes, byte: int) -> bytes:
    """The byte after the first place of `before`, or its own last one, is another."""
    place = certificate.index(before) + len(before) - (before[0] == 2)
    return certificate[:place] + bytes([byte]) + certificate[place + 1 :]


def test_a_certificate_with_a_changed_byte_is_refused_or_says_the_same_key() -> None:
    """The count of unused bits of a signature says nothing; all else is signed or signature."""
    good = a_certificate(Ed25519PrivateKey.from_private_bytes(bytes(32)))
    pin, same = pin_of(good), 0
    for place in range(len(good)):
        for byte in {good[place] ^ 1, good[place] ^ 0x80, 0, 0xFF} - {good[place]}:
            with contextlib.suppress(InputError):
                assert pin_of(good[:place] + bytes([byte]) + good[place + 1 :]) == pin
                same += 1
    assert same <= 1


def _pin(spki: bytes) -> bytes:
    return hashlib.sha256(spki).digest()


def test_keys_of_both_kinds_are_taken_and_others_are_not() -> None:
    edwards = Ed25519PrivateKey.generate()
    assert len(pin_of(a_certificate(edwards))) == 32
    assert len(pin_of(a_certificate(ec.generate_private_key(ec.SECP256R1())))) == 32
    refused = [
        a_certificate(ec.generate_private_key(ec.SECP384R1())),
        a_certificate(rsa.generate_private_key(65537, 2048)),
        a_certificate(edwards, name="somebody"),
        a_certificate(edwards, signer=Ed25519PrivateKey.generate()),
        _at(a_certificate(edwards), b"\xa0\x03\x02\x01", 9),  # no version of X.509
        _at(a_certificate(edwards), b"\x02\x01\x01", 0x80),  # a serial number below zero
        a_certificate(edwards)[:-1],
        a_certificate(edwards) + b"\0",
        b"",
        b"nonsense",
    ]
    for certificate in refused:
        with pytest.raises(InputError) as caught:
            pin_of(certificate)
        assert caught.value.code == "LINE_CERTIFICATE"


# ---------------------------------------------------------------- files


def test_the_private_key_is_on_no_disk_in_the_clear(tmp_path: Path) -> None:
    till, module = line_keys(tmp_path / "till", 1), line_keys(tmp_path / "module", 2)
    assert till.certificate != module.certificate  # made now, before anything else is drawn
    introduce(till, module)
    assert till.context(server=False) and module.context(server=True)
    for keys, seed in ((till, 1), (module, 2)):
        raw = _first_ed25519(keys, seed)
        der = Ed25519PrivateKey.from_private_bytes(raw).private_bytes(
            Encoding.DER, PrivateFormat.PKCS8, NoEncryption()
        )
        for path in keys._folder.rglob("*"):
            if path.is_file():
                text = path.read_bytes()
                assert raw not in text and der not in text and raw.hex().encode() not in text
        pem = keys._folder / "line.pem"
        assert b"BEGIN ENCRYPTED PRIVATE KEY" in pem.read_bytes()
        if ON_POSIX:
            assert stat.S_IMODE(pem.stat().st_mode) == 0o600
            assert stat.S_IMODE((keys._folder / "line-peers").stat().st_mode) == 0o600


def _first_ed25519(keys: LineKeys, seed: int) -> bytes:
    """The key that this seed's randomness gave, found again by its certificate."""
    source = random.Random(seed)
    public = x509.load_der_x509_certificate(keys.certificate).public_key()
    raw = source.randbytes(32)
    assert Ed25519PrivateKey.from_private_bytes(raw).public_key() == public
    return raw


def test_files_under_another_secret_are_told_and_not_replaced(tmp_path: Path) -> None:
    keys = line_keys(tmp_path, 1)
    assert keys.certificate
    keys.trust(Peer.read("T001", line_keys(tmp_path / "other", 2).certificate))
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir() if path.is_file()}
    other = line_keys(tmp_path, 3, secret=bytes(32))
    for ask in (lambda: other.peers(), lambda: other.trust(Peer.read("x", keys.certificate))):
        with pytest.raises(StoreError) as caught:
            ask()
        assert caught.value.code == "LINE_FILE_SEALED"
    after = {path.name: path.read_bytes() for path in tmp_path.iterdir() if path.is_file()}
    assert after == before


def test_a_key_file_under_another_secret_gives_no_session(tmp_path: Path) -> None:
    keys = line_keys(tmp_path, 1)
    certificate = keys.certificate
    other = line_keys(tmp_path, 3, secret=bytes(32))
    other.trust(Peer.read("T001", certificate))
    with pytest.raises(StoreError) as caught:
        other.context(server=True)
    assert caught.value.code == "LINE_FILE_SEALED"


def test_no_flipped_bit_of_the_peers_file_is_believed(tmp_path: Path) -> None:
    keys = line_keys(tmp_path, 1)
    keys.trust(Peer.read("T001", line_keys(tmp_path / "other", 2).certificate))
    path = tmp_path / "line-peers"
    good = path.read_bytes()
    for place in range(len(good)):
        path.write_bytes(good[:place] + bytes([good[place] ^ 1]) + good[place + 1 :])
        with pytest.raises(StoreError):
            line_keys(tmp_path, 3).peers()
    path.write_bytes(good)
    assert len(line_keys(tmp_path, 3).peers()) == 1


def test_two_who_change_the_peers_at_once_lose_none(tmp_path: Path) -> None:
    folder = tmp_path / "module"
    tills = [line_keys(tmp_path / str(number), 10 + number) for number in range(8)]
    peers = [Peer.read(f"till {number}", till.certificate) for number, till in enumerate(tills)]
    assert line_keys(folder, 1).certificate
    begin = threading.Barrier(len(peers))

    def pair(number: int) -> None:
        keys = line_keys(folder, 20 + number)
        keys.peers()
        begin.wait()
        keys.trust(peers[number])
        assert keys.may_ask(peers[number].certificate, bytes([number]) * 16, bind=True)

    threads = [threading.Thread(target=pair, args=(number,)) for number in range(len(peers))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    found = {peer.name: peer.till for peer in line_keys(folder, 1).peers()}
    assert found == {peer.name: bytes([n]) * 16 for n, peer in enumerate(peers)}


def test_peers_that_somebody_keeps_locked_are_busy_and_stay_as_they_are(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ours, theirs = line_keys(tmp_path / "a", 1), line_keys(tmp_path / "b", 2)
    introduce(ours, theirs)
    monkeypatch.setattr(identity, "LOCK_WAIT_S", 0.02)
    (name,) = [peer.name for peer in ours.peers()]
    with lock.held(tmp_path / "a" / identity.LOCK_FILE, within_s=0):
        with pytest.raises(StoreError, match="STORE_BUSY"):
            ours.forget(name)
        assert ours.peer(name)
    assert ours.forget(name)
