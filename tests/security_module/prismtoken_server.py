"""A module that speaks the published Thrift interface over TLS, in a process of its own.

It makes real tokens under test keys, makes a second one when it is asked twice (only
fetchTokenResult is safe to repeat), and does on command what a bad line or a bad day does.

    python -m tests.security_module.prismtoken_server CERTIFICATE KEY

prints `ready PORT` and then takes commands, one a line of standard input, and answers each with
one line of JSON. For the next call of a method: {"do": FAULT, "method": ..., "s": seconds} where
FAULT is before, after, late, slow, swallow, drip, noise or huge, and {"do": "refuse", "method":
..., "code": ...}; {"do": "answer", "field": ..., "value": ...} changes the next token;
{"do": "forget"}, {"do": "sign_out"}; {"do": "made"} answers the message ids in order.
"""

from __future__ import annotations

import json
import secrets
import socket
import ssl
import struct
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import thriftpy2
from thriftpy2.protocol.binary import TBinaryProtocol
from thriftpy2.thrift import TProcessor
from thriftpy2.transport import TMemoryBuffer

from posapp.domain.meter import EncryptionAlgorithm, KeyType, MeterNumber
from posapp.errors import PosError
from posapp.security_module import drivers
from posapp.sts import amounts, key_change, keys, numbers, sta, tid, tokens
from posapp.sts.key_change import Side
from tests.security_module.module_process import DES_SECRET, HMAC_SECRET, TEST_KEYS

API: Any = thriftpy2.load(
    str(Path(drivers.__file__).with_name("prismtoken.thrift")), module_name="served_thrift"
)
USER, PASSWORD = "till-7", "correct horse 9"


def _keys() -> dict[tuple[int, int], keys.VendingKey]:
    found = {}
    for row in TEST_KEYS:
        values = {**row, "kt": KeyType(row["kt"]), "test": True}
        secret = bytes.fromhex(HMAC_SECRET if row["dkga"] == 4 else DES_SECRET)
        found[int(row["sgc"]), row["krn"]] = keys.VendingKey(secret=secret, **values)
    return found


class Handler:
    """The calls, in the library's words. One lock: a module does one thing at a time."""

    def __init__(self) -> None:
        self._keys = _keys()
        self._lock = threading.Lock()
        self.sessions: set[str] = set()
        self.cache: dict[str, list[Any]] = {}
        self.made: list[str] = []
        self.refusals: dict[str, str] = {}
        self.changes: dict[str, Any] = {}

    def ping(self, wait_ms: int, echo: str) -> str:
        return echo

    def signInWithPassword(
        self, message: str, realm: str, user: str, password: str, options: Any
    ) -> Any:
        self._maybe_refuse("signInWithPassword")
        if options.version != "1.1":
            raise _no("ESignin.Version")
        if realm != "local":
            raise _no("ESignin.Realm")
        if (user, password) != (USER, PASSWORD):
            raise _no("ESignin.Authentication")
        session = secrets.token_hex(16)
        self.sessions.add(session)
        return API.SignInResult(accessToken=session)

    def getStatus(self, message: str, access: str) -> list[Any]:
        self._must_be_in(access)
        self._maybe_refuse("getStatus")
        alert = API.Alert(eCode="ESts.VkExpired", eMsgEn="a key expires soon")
        return [API.NodeStatus(info={"name": "test"}, alerts=[alert])]

    def issueCreditToken(
        self,
        message: str,
        access: str,
        meter: Any,
        subclass: int,
        amount: float,
        at: int,
        flags: int,
    ) -> list[Any]:
        self._must_be_in(access)
        self._maybe_refuse("issueCreditToken")
        if flags != 2 or amount != int(amount):
            raise _no("EParamRange")
        if meter.allowKrnUpdate is not False or meter.allowKenUpdate is not False:
            raise _no("EService")  # it would bring a key change along
        with self._lock:
            token = self._credit(meter, subclass, int(amount), at)
            self.made.append(message)
            self.cache[message] = [token]
            return self.cache[message]

    def _credit(self, meter: Any, subclass: int, units: int, at: int) -> Any:
        key = self._keys.get((meter.sgc, meter.krn))
        if key is None:
            raise _no("EKeystore.NotFound")
        number = at - (tid.BASE_DATES[key.base_date] - tid.BASE_DATES[1993]).days * 1440
        if number < 0:
            raise _no("ESts.VkBeforeBdt")
        if number > tid.TID_MAX or tid.is_expired(number, key.ken):
            raise _no("ESts.VkExpired")
        try:
            drn, ea = MeterNumber(meter.drn), EncryptionAlgorithm(meter.ea)
            secret = keys.decoder_key(key, drn, f"{meter.ti:02d}", ea)
            digits = tokens.credit(
                secret, ea, subclass, secrets.randbelow(16), number, units, sta.SAMPLE
            )
        except (PosError, ValueError):
            raise _no("ESts.DrnOrPan") from None
        return self._token(
            meter,
            digits,
            tokenClass=0,
            subclass=subclass,
            tid=number,
            transferAmount=float(amounts.decode_units(amounts.encode_units(units))),
            isReservedTid=tid.is_reserved(number),
        )

    def _token(self, meter: Any, digits: str, **fields: Any) -> Any:
        values: dict[str, Any] = {
            "drn": meter.drn,
            "pan": numbers.pan(MeterNumber(meter.drn)),
            **{name: getattr(meter, name) for name in ("ea", "tct", "sgc", "krn", "ti")},
            **{"tid": 0, "transferAmount": 0.0, "isReservedTid": False},
            **{"description": "", "stsUnitName": "u", "scaledAmount": "0"},
            **{"scaledUnitName": "kWh", "tokenDec": digits, "tokenHex": f"{int(digits):017X}"},
            **{"idSm": "TEST-SM", "vkKcv": "ABCDEF"},
        }
        changes, self.changes = self.changes, {}
        return API.Token(**{**values, **fields, **changes})

    def issueMseToken(self, *_: Any) -> list[Any]:
        raise _no("EService.Disabled")

    def issueKeyChangeTokens(self, message: str, access: str, meter: Any, target: Any) -> list[Any]:
        self._must_be_in(access)
        self._maybe_refuse("issueKeyChangeTokens")
        if meter.allowKrnUpdate is not False or meter.allowKenUpdate is not False:
            raise _no("EService")
        with self._lock:
            made = self._key_change(meter, target)
            self.made.append(message)
            self.cache[message] = made
            return made

    def _key_change(self, meter: Any, target: Any) -> list[Any]:
        old = self._keys.get((meter.sgc, meter.krn))
        new = self._keys.get((target.toSgc, target.toKrn))
        if old is None or new is None:
            raise _no("EKeystore.NotFound")
        drn, ea = MeterNumber(meter.drn), EncryptionAlgorithm(meter.ea)
        sides = [Side(old, f"{meter.ti:02d}"), Side(new, f"{target.toTi:02d}")]
        digits = key_change.change_set(
            keys.decoder_key(old, drn, sides[0].ti, ea),
            ea,
            key_change.new_key(*sides, drn, ea),
            sta.SAMPLE,
            third_token=bool(meter.allow3Kct),
        )
        advice = API.MeterConfigAdvice(
            **{name: getattr(target, name) for name in ("toSgc", "toKrn", "toTi")},
            **{"toKen": new.ken, "idRecord": "", "record2": "", "rollover": False},
            toVkKcv="ABCDEF",
        )
        return [
            self._token(
                meter,
                text,
                tokenClass=2,
                subclass=(3, 4, 8, 9)[place],
                newConfig=None if place else advice,
            )
            for place, text in enumerate(digits)
        ]

    def fetchTokenResult(self, message: str, access: str, wanted: str) -> list[Any]:
        self._must_be_in(access)
        self._maybe_refuse("fetchTokenResult")
        if wanted not in self.cache:
            raise _no("ECacheMiss")
        return self.cache[wanted]

    def _must_be_in(self, access: str) -> None:
        if access not in self.sessions:
            raise _no("EAuthentication.Token")

    def _maybe_refuse(self, method: str) -> None:
        code = self.refusals.pop(method, "")
        if code:
            raise _no(code)


def _no(code: str) -> Exception:
    error: Exception = API.ApiException(eCode=code, eMsgEn="")
    return error


class Server:
    """Connections, faults and commands."""

    def __init__(self, certificate: str, key: str) -> None:
        self.handler = Handler()
        self._processor = TProcessor(API.TokenApi, self.handler)
        self._faults: dict[str, tuple[str, float]] = {}
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate, key)
        self._context = context
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]

    def accept(self) -> None:
        """For ever, a thread a connection."""
        while True:
            plain, _ = self._listener.accept()
            threading.Thread(target=self._talk, args=(plain,), daemon=True).start()

    def _talk(self, plain: socket.socket) -> None:
        with suppress(OSError, EOFError, struct.error):
            with plain:
                talker = self._context.wrap_socket(plain, server_side=True)
            with talker:
                while True:
                    (size,) = struct.unpack("!i", _read(talker, 4))
                    if not self._serve(talker, _read(talker, size)):
                        return

    def _serve(self, talker: ssl.SSLSocket, request: bytes) -> bool:
        """Whether the line goes on."""
        method = TBinaryProtocol(TMemoryBuffer(request)).read_message_begin()[0]
        kind, wait_s = self._faults.pop(method, ("", 0.0))
        if kind == "before":
            return False
        if kind == "swallow":
            return True
        if kind == "late":  # the line is gone, the request is not
            talker.close()
            time.sleep(wait_s)
        if kind == "slow":
            time.sleep(wait_s)
        out = TMemoryBuffer()
        self._processor.process(TBinaryProtocol(TMemoryBuffer(request)), TBinaryProtocol(out))
        if kind in ("after", "late"):
            return False
        data = struct.pack("!i", len(out.getvalue())) + out.getvalue()
        if kind == "drip":
            for byte in data:
                talker.sendall(bytes([byte]))
                time.sleep(wait_s)
        elif kind == "noise":
            talker.sendall(struct.pack("!i", 40) + bytes(range(40)))
        elif kind == "huge":
            talker.sendall(struct.pack("!i", 1 << 30))
        else:
            talker.sendall(data)
        return True

    def obey(self, command: dict[str, Any]) -> Any:
        """One command of the test."""
        handler, what = self.handler, command["do"]
        if what == "made":
            return handler.made
        if what == "forget":
            handler.cache.clear()
        elif what == "sign_out":
            handler.sessions.clear()
        elif what == "refuse":
            handler.refusals[command["method"]] = command["code"]
        elif what == "answer":
            handler.changes[command["field"]] = command["value"]
        elif what == "heal":
            self._faults.clear()
        else:
            self._faults[command["method"]] = (what, command.get("s", 0.0))
        return True


def _read(talker: ssl.SSLSocket, count: int) -> bytes:
    data = b""
    while len(data) < count:
        piece = talker.recv(count - len(data))
        if not piece:
            raise EOFError
        data += piece
    return data


def main() -> None:
    """Serve until standard input ends."""
    server = Server(sys.argv[1], sys.argv[2])
    threading.Thread(target=server.accept, daemon=True).start()
    print(f"ready {server.port}", flush=True)
    for line in sys.stdin:
        print(json.dumps(server.obey(json.loads(line))), flush=True)


if __name__ == "__main__":
    main()
