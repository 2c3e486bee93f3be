"""One end's key on the line and whom it trusts; the same folder of two files for till and module.

`line.pem` holds the encrypted private key and its self-signed certificate, `line-peers` (sealed)
the certificates learnt by pairing. There is no authority: a peer is known by its public key.
"""

from __future__ import annotations

import hashlib
import re
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import InvalidSignature, InvalidTag, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    PrivateFormat,
    PublicFormat,
)
from cryptography.x509.oid import NameOID

from posapp.clock import Randomness
from posapp.codec import cbor
from posapp.codec.files import write_private
from posapp.db import lock
from posapp.errors import InputError, StoreError

KEY_FILE = "line.pem"
PEERS_FILE = "line-peers"
LOCK_FILE = "line-peers.lock"
LOCK_WAIT_S = 2.0  # a change takes two fsyncs
CERTIFICATE_MAX = 512  # bytes; ours have 260, one with a P-256 key 330
PEERS_MAX = 8  # a module shared at a counter, a till with spare modules
NAME_MAX = 32
PIN_BYTES = 32
SECRET_BYTES = 32

# Certificate and TBSCertificate, each with its length; version 3, a serial number of one byte
# above zero. A stranger's bytes go no further into the library's parser than this.
_HEAD = re.compile(
    rb"(?:\x30(?:[\x00-\x7f]|\x81.|\x82..)){2}\xa0\x03\x02\x01\x02\x02\x01[\x01-\x7f]", re.S
)
_KEY_INFO = b"posapp/line-key/1"
_NONCE_BYTES = 12
_CHANGED = (-1,)
# A clock that is wrong must not stop a line: the certificates are good for all times.
_NOT_BEFORE = datetime(1970, 1, 1)
_NOT_AFTER = datetime(9999, 12, 31, 23, 59, 59)


@dataclass(frozen=True, slots=True)
class Peer:
    """Another end as pairing showed it: a module's id or a till's name, and its certificate.

    `till` is the id that a till asks under, from its first order on; else empty.
    """

    name: str
    certificate: bytes
    pin: bytes
    till: bytes = b""

    @classmethod
    def read(cls, name: str, certificate: bytes) -> Peer:
        """Raises InputError LINE_CERTIFICATE."""
        return cls(name, certificate, pin_of(certificate))


def pin_of(certificate: bytes) -> bytes:
    """The SHA-256 of the public key (SubjectPublicKeyInfo) of a certificate as we take them:
    Ed25519 or P-256, signed by itself, named after its key. Raises InputError LINE_CERTIFICATE.
    """
    try:
        if len(certificate) > CERTIFICATE_MAX or not _HEAD.match(certificate):
            raise ValueError("another kind of certificate")
        read = x509.load_der_x509_certificate(certificate)
        key = read.public_key()
        read.verify_directly_issued_by(read)
    except (ValueError, TypeError, InvalidSignature, UnsupportedAlgorithm):
        raise InputError("LINE_CERTIFICATE") from None
    known = isinstance(key, Ed25519PublicKey) or (
        isinstance(key, EllipticCurvePublicKey) and isinstance(key.curve, SECP256R1)
    )
    pin = hashlib.sha256(key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)).digest()
    if not known or read.subject != _name(pin):
        raise InputError("LINE_CERTIFICATE")
    return pin


class LineKeys:
    """The two files in `folder`, sealed under `secret` (32 bytes, kept elsewhere).

    `randomness` makes the key when it is asked for the first time. Another process may change
    the peers at any moment: each question looks at the file anew.
    """

    def __init__(self, folder: Path, secret: bytes, randomness: Randomness) -> None:
        assert len(secret) == SECRET_BYTES, "a secret of another length"
        self._folder = folder
        self._secret = secret
        self._randomness = randomness
        self._certificate = b""
        self._stamp: tuple[int, ...] | None = None
        self._peers: tuple[Peer, ...] = ()
        self._contexts: dict[bool, ssl.SSLContext] = {}

    @property
    def certificate(self) -> bytes:
        """Our own certificate (DER). Raises StoreError LINE_FILE_SEALED, ConfigError."""
        if not self._certificate:
            path = self._folder / KEY_FILE
            if not path.exists():
                self._make(path)
            try:
                read = x509.load_pem_x509_certificate(path.read_bytes())
            except (OSError, ValueError):
                raise StoreError("LINE_FILE_SEALED", file=str(path)) from None
            self._certificate = read.public_bytes(Encoding.DER)
        return self._certificate

    def peers(self) -> tuple[Peer, ...]:
        """Whom this end trusts now. Raises StoreError LINE_FILE_SEALED."""
        path = self._folder / PEERS_FILE
        stamp = _stamp(path)
        if stamp != self._stamp:
            self._peers = () if stamp is None else self._read(path)
            self._contexts.clear()
            self._stamp = stamp
        return self._peers

    def peer(self, name: str) -> Peer | None:
        """The peer of this name."""
        return next((peer for peer in self.peers() if peer.name == name), None)

    def knows(self, certificate: bytes | None) -> bool:
        """Whether this is the certificate of a trusted peer, now."""
        return any(peer.certificate == certificate for peer in self.peers())

    def trust(self, peer: Peer) -> None:
        """Trust `peer` from now on, in the place of an earlier one of that name or key. Durable.

        Raises StoreError LINE_PEERS_FULL, LINE_FILE_SEALED, STORE_BUSY; ConfigError
        FILE_UNWRITABLE.
        """
        with self._changing() as peers:
            others = [p for p in peers if p.name != peer.name and p.pin != peer.pin]
            if len(others) >= PEERS_MAX:
                raise StoreError("LINE_PEERS_FULL", maximum=PEERS_MAX)
            self._write([*others, peer])

    def may_ask(self, certificate: bytes | None, till: bytes, *, bind: bool) -> bool:
        """Whether the peer with this certificate asks under a till's id of its own.

        `bind` keeps the id for this peer alone, durably, when neither of them has another.
        Raises StoreError LINE_FILE_SEALED, STORE_BUSY; ConfigError FILE_UNWRITABLE.
        """
        asking = _may_ask(self.peers(), certificate, till)
        if asking is None or asking.till or not bind:
            return asking is not None
        with self._changing() as peers:
            asking = _may_ask(peers, certificate, till)
            if asking is not None and not asking.till:
                self._write([replace(p, till=till) if p == asking else p for p in peers])
            return asking is not None

    def forget(self, name: str) -> bool:
        """Trust the peer of this name no more; whether there was one. Durable.

        Raises as `trust`.
        """
        if self.peer(name) is None:
            return False
        with self._changing() as peers:
            left = [peer for peer in peers if peer.name != name]
            if len(left) < len(peers):
                self._write(left)
            return len(left) < len(peers)

    def context(self, *, server: bool) -> ssl.SSLContext:
        """TLS 1.3 with our key, for these peers alone; there must be one.

        No tickets: a resumed session costs more bytes than a full one, and outlives a pairing.
        Raises StoreError LINE_FILE_SEALED.
        """
        peers = self.peers()
        assert peers, "a session with nobody"
        found = self._contexts.get(server)
        if found is None:
            _ = self.certificate  # makes the key when it is not there yet
            found = self._contexts[server] = self._new_context(peers, server=server)
        return found

    # ------------------------------------------------------------ sealing

    def seal(self, purpose: bytes, data: bytes) -> bytes:
        """`data` encrypted and bound to a purpose (AES-256-GCM)."""
        nonce = self._randomness.bytes(_NONCE_BYTES)
        return nonce + AESGCM(self._derive(purpose)).encrypt(nonce, data, purpose)

    def unseal(self, purpose: bytes, sealed: bytes) -> bytes:
        """What `seal` was given. Raises ValueError for anything else."""
        nonce, rest = sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:]
        try:
            return AESGCM(self._derive(purpose)).decrypt(nonce, rest, purpose)
        except InvalidTag:
            raise ValueError("another key, or damaged") from None

    def _derive(self, purpose: bytes) -> bytes:
        return HKDF(hashes.SHA256(), 32, salt=None, info=purpose).derive(self._secret)

    def _password(self) -> bytes:
        return self._derive(_KEY_INFO).hex().encode("ascii")

    # ------------------------------------------------------------ files

    def _make(self, path: Path) -> None:
        key = Ed25519PrivateKey.from_private_bytes(self._randomness.bytes(32))
        sealed = key.private_bytes(
            Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(self._password())
        )
        write_private(path, sealed + _self_signed(key))

    def _new_context(self, peers: tuple[Peer, ...], *, server: bool) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER if server else ssl.PROTOCOL_TLS_CLIENT)
        context.minimum_version = context.maximum_version = ssl.TLSVersion.TLSv1_3
        context.check_hostname = False  # a peer is its key; it has no host name
        context.verify_mode = ssl.CERT_REQUIRED
        context.set_ecdh_curve("X25519")  # the one group of the protocol; and no 1.2 kB of others
        if server:
            context.num_tickets = 0
        path = self._folder / KEY_FILE
        try:
            context.load_cert_chain(path, password=self._password)
        except (ssl.SSLError, OSError):
            raise StoreError("LINE_FILE_SEALED", file=str(path)) from None
        context.load_verify_locations(cadata=b"".join(peer.certificate for peer in peers))
        return context

    def _read(self, path: Path) -> tuple[Peer, ...]:
        try:
            rows = cbor.decode(self.unseal(PEERS_FILE.encode("ascii"), path.read_bytes()))
            return tuple(_peer(*row) for row in rows)
        except (OSError, ValueError, TypeError, InputError):
            raise StoreError("LINE_FILE_SEALED", file=str(path)) from None

    @contextmanager
    def _changing(self) -> Iterator[tuple[Peer, ...]]:
        """The peers as they are now; nobody else changes them inside."""
        with lock.held(self._folder / LOCK_FILE, within_s=LOCK_WAIT_S):
            self._stamp = _CHANGED
            yield self.peers()

    def _write(self, peers: list[Peer]) -> None:
        rows = [[peer.name, peer.certificate, peer.till] for peer in peers]
        sealed = self.seal(PEERS_FILE.encode("ascii"), cbor.encode(rows))
        write_private(self._folder / PEERS_FILE, sealed)
        self._stamp = _CHANGED  # two changes may fall into one tick of the file's clock


def _may_ask(peers: tuple[Peer, ...], certificate: bytes | None, till: bytes) -> Peer | None:
    """The peer with this certificate, unless it has another id or another one has this id."""
    asking = next((peer for peer in peers if peer.certificate == certificate), None)
    if asking is None or any(p.till == till and p != asking for p in peers):
        return None
    return asking if asking.till in (b"", till) else None


def _peer(name: str, certificate: bytes, till: bytes = b"") -> Peer:
    """A row of the file; those of the version before have no till."""
    return replace(Peer.read(name, certificate), till=till)


def _stamp(path: Path) -> tuple[int, ...] | None:
    try:
        found = path.stat()
    except FileNotFoundError:
        return None
    return (found.st_mtime_ns, found.st_ino, found.st_size)


def _name(pin: bytes) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, pin[:16].hex())])


def _self_signed(key: Ed25519PrivateKey) -> bytes:
    public = key.public_key()
    spki = public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    name = _name(hashlib.sha256(spki).digest())
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(public)
        .serial_number(1)
        .not_valid_before(_NOT_BEFORE)
        .not_valid_after(_NOT_AFTER)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .sign(key, None)
    )
    return certificate.public_bytes(Encoding.PEM)
