"""Starts the Thrift server of the tests with certificates made for it, and commands it."""

from __future__ import annotations

import datetime as dt
import ipaddress
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tests.security_module.prismtoken_server import USER

KEYS = "key=201457.1.2014&key=123456.1.2014"


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def _signed(
    subject: str, issuer: str, public: Any, key: Any, *names: x509.GeneralName, days: int = 2
) -> x509.Certificate:
    now = dt.datetime.now(dt.UTC)
    builder = (
        x509.CertificateBuilder()
        .subject_name(_name(subject))
        .issuer_name(_name(issuer))
        .public_key(public)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=9))
        .not_valid_after(now + dt.timedelta(days=days))
        .add_extension(x509.BasicConstraints(ca=not names, path_length=None), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(key.public_key()), critical=False
        )
    )
    if names:
        builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
    else:
        usage = x509.KeyUsage(
            digital_signature=True,
            key_cert_sign=True,
            crl_sign=True,
            **dict.fromkeys(
                (
                    "content_commitment",
                    "key_encipherment",
                    "data_encipherment",
                    "key_agreement",
                    "encipher_only",
                    "decipher_only",
                ),
                False,
            ),
        )
        builder = builder.add_extension(usage, critical=True)
    return builder.sign(key, hashes.SHA256())


def make_certificates(folder: Path, *, days: int = 2) -> tuple[Path, Path, Path]:
    """(authority, server's certificate for localhost and 127.0.0.1, its key) as PEM files."""
    folder.mkdir(parents=True, exist_ok=True)
    authority, server = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
    names = [x509.DNSName("localhost"), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]
    certificates = [
        _signed("an authority", "an authority", authority.public_key(), authority),
        _signed("a module", "an authority", server.public_key(), authority, *names, days=days),
    ]
    pem = serialization.Encoding.PEM
    paths = (folder / "authority.pem", folder / "server.pem", folder / "server.key")
    for path, certificate in zip(paths, certificates, strict=False):
        path.write_bytes(certificate.public_bytes(pem))
    secret = server.private_bytes(
        pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    paths[2].write_bytes(secret)
    return paths


class PrismTokenProcess:
    """The running server; `tell` says what its next calls shall do."""

    def __init__(self, folder: Path, *, days: int = 2) -> None:
        self.authority, certificate, key = make_certificates(folder, days=days)
        self._process = subprocess.Popen(
            [
                *(sys.executable, "-m", "tests.security_module.prismtoken_server"),
                *(str(certificate), str(key)),
            ],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self.port = int(self._line().removeprefix("ready "))

    def address(self, host: str = "localhost", **options: object) -> str:
        """For a till that trusts the authority; options are added to the address."""
        query = "".join(f"&{name}={value}" for name, value in options.items())
        known = f"ca={self.authority}&{KEYS}&settle_s=0"
        return f"prismtoken://{USER}@{host}:{self.port}?{known}{query}"

    def tell(self, do: str, **more: object) -> Any:
        """One command; what it answers."""
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps({"do": do, **more}) + "\n")
        self._process.stdin.flush()
        return json.loads(self._line())

    @property
    def made(self) -> list[str]:
        """The message ids of all tokens ever made, in order, twice if made twice."""
        return list(self.tell("made"))

    def close(self) -> None:
        """End it."""
        self._process.kill()
        self._process.wait(10)
        for stream in (self._process.stdin, self._process.stdout):
            assert stream is not None
            stream.close()

    def _line(self) -> str:
        assert self._process.stdout is not None
        return self._process.stdout.readline().rstrip("\n")
