"""The page about the line is right: its examples are recomputed, and nothing that is known in the
program is missing there.
"""

from __future__ import annotations

import ast
import json
import re
import zlib
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding

from posapp import paths
from posapp.codec import cbor
from posapp.security_module import manager
from posapp.security_module.drivers import link_driver
from posapp.security_module.link import codec, framing, identity, pairing, session, transports
from posapp.security_module.link.messages import Answer, Hello, Order, Report, order_of
from posapp.security_module.link.session import Piece
from posapp.security_module.reference import engine, login_desk, pairing_desk
from tests.security_module.engines import NOON_TID
from tests.security_module.line_scene import Scene
from tests.security_module.module_process import a_request

TEXT = (paths.resources() / "module-link.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```(\w+)\n(.*?)^```$", TEXT, re.DOTALL | re.MULTILINE)
SOURCE = Path(link_driver.__file__).parents[2]


def blocks(kind: str) -> list[list[str]]:
    found = [body.splitlines() for name, body in BLOCKS if name == kind]
    assert found, f"no example of {kind}"
    return found


def rows(kind: str) -> list[list[str]]:
    return [line.split() for block in blocks(kind) for line in block]


def long_hex(text: str) -> bytes:
    """Hex in which `01..fe` stands for all bytes from one to the other."""
    spans = re.sub(
        r"([0-9a-f]{2})\.\.([0-9a-f]{2})",
        lambda m: bytes(range(int(m[1], 16), int(m[2], 16) + 1)).hex(),
        text,
    )
    return bytes.fromhex(spans)


def diagnostic(text: str) -> Any:
    """A value in CBOR diagnostic notation: JSON with h'..' for bytes."""

    def back(value: Any) -> Any:
        if isinstance(value, dict):
            return {name: back(one) for name, one in value.items()}
        if isinstance(value, list):
            return [back(one) for one in value]
        if isinstance(value, str) and value.startswith("\0"):
            return bytes.fromhex(value[1:])
        return value

    return back(json.loads(re.sub(r"h'([0-9a-f]*)'", r'"\\u0000\1"', text)))


# ---------------------------------------------------------------- examples


def test_every_checksum_is_right() -> None:
    for payload, crc in rows("crc32"):
        assert f"{zlib.crc32(bytes.fromhex(payload)):08x}" == crc


def test_every_stuffing_is_right_both_ways() -> None:
    assert len(rows("cobs")) >= 9
    for plain, encoded in rows("cobs"):
        assert framing.cobs_encode(long_hex(plain)) == long_hex(encoded)
        assert framing.cobs_decode(long_hex(encoded)) == long_hex(plain)


def test_every_frame_is_right() -> None:
    for block in blocks("frame"):
        said = dict(line.split() for line in block)
        payload = bytes.fromhex(said["payload"])
        assert f"{zlib.crc32(payload):08x}" == said["crc"]
        assert framing.frame(payload).hex() == said["bytes"]
        assert framing.Deframer().feed(bytes.fromhex(said["bytes"])) == [payload]


def messages() -> list[tuple[Any, bytes]]:
    found = []
    for block in blocks("message"):
        middle = block.index("=")
        encoded = bytes.fromhex("".join(block[middle + 1 :]).replace(" ", ""))
        found.append((diagnostic(" ".join(block[:middle])), encoded))
    return found


def test_every_message_is_its_bytes_and_is_read_by_the_program() -> None:
    kinds = set()
    for value, encoded in messages():
        assert cbor.encode(value) == encoded
        assert cbor.decode(encoded) == value
        request, reply = codec.read_request(encoded), codec.read_reply(encoded)
        assert (request is None) != (reply is None)
        if request is not None and request.op == codec.ISSUE:
            assert codec.request(value["c"], "ISSUE", Order.read(request.fields).body()) == encoded
            kinds.add("order")
        elif reply is not None and "tokens" in value.get("ok", {}):
            assert Answer.read(reply.fields).body() == value["ok"]
            kinds.add("answer")
        elif reply is not None and "boot" in value.get("ok", {}):
            assert Hello.read(reply.fields).body().items() <= value["ok"].items()
            kinds.add("hello")
        elif reply is not None and reply.error:
            kinds.add("refusal")
    assert kinds == {"order", "answer", "hello", "refusal"}


def test_every_piece_is_right() -> None:
    seen = set()
    for kind, number, count, data, payload in rows("piece"):
        raw = b"" if data == "-" else bytes.fromhex(data)
        piece = Piece(int(kind, 16), int(number, 16), int(count), raw)
        assert piece.payload().hex() == payload
        assert Piece.read(bytes.fromhex(payload)) == piece
        seen.add(piece.kind)
    assert seen == {session.OPEN, session.DATA, session.ENDED, session.HEARD}


def certificate_of(secret: bytes) -> bytes:
    pem = identity._self_signed(Ed25519PrivateKey.from_private_bytes(secret))
    return x509.load_pem_x509_certificate(pem).public_bytes(Encoding.DER)


def test_the_certificate_and_its_pin_are_right() -> None:
    (block,) = blocks("certificate")
    middle = block.index("pin")
    secret = bytes.fromhex(block[0].split()[1])
    certificate = bytes.fromhex("".join(line.strip() for line in block[2:middle]))
    assert certificate_of(secret) == certificate
    pin = bytes.fromhex("".join(line.strip() for line in block[middle + 1 :]))
    assert identity.pin_of(certificate) == pin


def test_the_pairing_is_right() -> None:
    (block,) = blocks("pairing")
    said = {line.split(" ", 1)[0]: line.split(" ", 1)[1] for line in block}
    key = pairing.key_of(
        pairing.read_code(said["code"]),
        bytes.fromhex(said["salt"]),
        int(said["memory"]),
        int(said["passes"]),
    )
    transcript = pairing.Transcript(
        said["module"],
        said["name"],
        bytes.fromhex(said["salt"]),
        int(said["memory"]),
        int(said["passes"]),
        bytes.fromhex(said["till_nonce"]),
        bytes.fromhex(said["module_nonce"]),
        certificate_of(b"\x01" * 32),
        certificate_of(b"\x02" * 32),
    )
    assert key.hex() == said["K"]
    assert transcript.digest().hex() == said["T"]
    assert transcript.till_proof(key).hex() == said["till_proof"]
    assert transcript.module_proof(key).hex() == said["module_proof"]


def test_what_a_session_costs_is_what_is_said(tmp_path: Path) -> None:
    (said,) = re.findall(r"about ([\d,]+) bytes for both HELLOs", TEXT)
    (each,) = re.findall(r"after that costs (\d+) bytes more", TEXT)
    scene = Scene(tmp_path)
    scene.open()
    carried = sum(len(data) for data in scene.cable.carried.values())
    assert abs(carried - int(said.replace(",", ""))) < carried // 30
    assert f"{carried * 10 / transports.BAUD:.2f} s at 115,200 baud" in TEXT.replace("\n", " ")
    now = scene.driver._session
    assert now is not None
    now.say(bytes(100))
    (payload,) = now.pieces()
    assert len(payload) - 100 == int(each)
    scene.close()


# ---------------------------------------------------------------- nothing is missing


def section(op: str) -> str:
    found = re.search(rf"^### {op}\n(.*?)(?=^##)", TEXT, re.DOTALL | re.MULTILINE)
    assert found, f"{op} has no section"
    return found[1]


OPS = [*codec.OPS, *pairing.PAIR_OPS, login_desk.LOGIN, login_desk.LOGOUT, login_desk.OPERATORS]


@pytest.mark.parametrize("op", OPS)
def test_every_request_has_its_section(op: str) -> None:
    assert len(section(op)) > 20


def test_every_field_of_a_body_stands_in_its_section() -> None:
    hello = Hello("REF-1", bytes(8), "", certified=False)
    report = Report(hello, (), 0, 0, 0)
    answer = Answer(bytes(16), ("0" * 20,), "REF-1", 1, replayed=False)
    till = pairing.TillPairing("T", b"", "0" * 22 + "01", _Zeros())
    bodies: dict[str, list[Any]] = {
        "HELLO": [hello.body(), dict.fromkeys(("session", "paired", "pairing"))],
        "STATUS": [{"till": 0}, {n: 0 for n in report.body() if n not in hello.body()}],
        "ISSUE": [order_of(a_request(1, NOON_TID)), answer.body()],
        "FETCH": [{"rid": 0, "till": 0, "found": 0, "last": 0}],
        "CANCEL": [{"rid": 0, "till": 0, "seq": 0, "last": 0}],
        "PAIR_START": [till.start(), dict.fromkeys(("module", "salt", "memory", "passes"))],
        "PAIR_PROVE": [{"proof": 0}],
    }
    for op, parts in bodies.items():
        text = section(op)
        for name in (name for part in parts for name in part):
            assert re.search(rf"[`\"]{name}[`\"]", text), f"{op}.{name}"


class _Zeros:
    def bytes(self, count: int) -> bytes:
        return bytes(count)


CODE = re.compile(r"[A-Z][A-Z0-9]*(_[A-Z0-9]+)*")
FAMILY = {"ModuleError", "InputError", "SaleError"}
DOCUMENTS = ("authorisation", "audit", "key_file", "signatures")
# What can come of the line: raised by the module itself, or by the rules that it asks.
ASKED = [
    *sorted((SOURCE / "security_module" / "link").rglob("*.py")),
    *sorted((SOURCE / "security_module" / "reference").rglob("*.py")),
    *(SOURCE / "sts" / name for name in ("keys.py", "key_change.py", "tid.py", "amounts.py")),
    *(
        SOURCE / "wire" / f"{name}.py"
        for name in ("authorisation", "audit", "key_file", "signatures")
    ),
]


def codes() -> dict[str, str]:
    found: dict[str, str] = {}
    for path in ASKED:
        if not path.exists():
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not isinstance(node, ast.Call) or not node.args:
                continue
            if getattr(node.func, "id", "") not in FAMILY:
                continue
            for part in ast.walk(node.args[0]):
                value = getattr(part, "value", None)
                if isinstance(value, str) and CODE.fullmatch(value):
                    found[value] = f"{path.name}:{node.lineno}"
    return found


def test_every_refusal_is_named_among_the_refusals() -> None:
    named = set(re.findall(r"[A-Z][A-Z0-9_]{3,}", TEXT.split("## 8. Refusals")[1]))
    found = codes()
    assert {"STALE", "PAIR_CLOSED", "KEY_EXPIRED"} <= set(found)
    assert {code: where for code, where in found.items() if code not in named} == {}
    assert {codec.UNSUPPORTED_VERSION, codec.UNSUPPORTED_OP, codec.FIELD_RANGE} <= named


def test_what_uses_up_a_number_is_listed() -> None:
    said = TEXT.split("These are:")[1].split("###")[0]
    assert set(engine._CAN_PASS) <= set(re.findall(r"[A-Z][A-Z_]{3,}", said))


def test_every_reason_of_a_session_and_every_number_is_the_programs() -> None:
    for reason in session.REASONS:
        assert f"| {reason} |" in TEXT
    times = {
        "HELLO again": link_driver.HELLO_AGAIN_S,
        "a module that says no HELLO is not there": manager.OPEN_S,
        "a handshake again; then twice as long, and so on": link_driver.HANDSHAKE_AGAIN_S,
        "a request again, if nothing comes": link_driver.ASK_AGAIN_S,
        "after the last byte, when something was broken": link_driver.GRACE_S,
        "a call is given up": manager.HARD_S,
        "a write to a line that takes nothing": transports.WRITE_S,
    }
    for words, seconds in times.items():
        assert f"| {words} | {seconds:g} |" in TEXT, words
    numbers = [
        f"{framing.PAYLOAD_MAX:,} bytes",
        f"longer than {framing.ENCODED_MAX:,} bytes",
        f"1 to {session.PIECE_MAX:,}",
        f"{session.COUNT_MAX + 1:,} pieces",
        f"{link_driver.SESSIONS_MAX} of them",
        f"at most {identity.CERTIFICATE_MAX} bytes",
        f"at most {identity.PEERS_MAX} others",
        f"{pairing_desk.WINDOW_S // 60} minutes",
        f"{pairing.MEMORY_KIB:,} KiB",
        f"8 to {pairing.MEMORY_RANGE_KIB[1]:,} KiB",
    ]
    for number in numbers:
        assert number in TEXT, number
