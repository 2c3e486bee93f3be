"""The line to a networked module: verified TLS, frames, one Thrift call at a time, all in time.

Nothing of the library's own sockets is used: they wait for ever, and a late answer would be
taken for the next one. What a call means is `prismtoken.py`'s matter.
"""

from __future__ import annotations

import socket
import ssl
import struct
import time
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

import thriftpy2
from thriftpy2.protocol.binary import TBinaryProtocol
from thriftpy2.thrift import TMessageType
from thriftpy2.transport import TTransportException

from posapp.security_module.drivers.driver import (
    LineClosedError,
    LineLostError,
    LineSilentError,
    WrongAnswerError,
)

CONNECT_S = 3.0
WRITE_S = 2.0
SLICE_S = 0.05  # how long one wait lasts, so that `cancel` is heard
FRAME_MAX = 1 << 20  # 256 tokens with all their words take a quarter of it
READ_BYTES = 1 << 14
_HEADER = struct.Struct("!i")

API: Any = thriftpy2.load(
    str(Path(__file__).with_name("prismtoken.thrift")),
    module_name="posapp_prismtoken_thrift",
)
SERVICE: Any = API.TokenApi
PROTOCOL: Any = TBinaryProtocol

# What the library raises for bytes that are no message of the interface.
_UNREADABLE = (
    EOFError,
    IndexError,
    KeyError,
    MemoryError,
    OverflowError,
    RecursionError,
    TTransportException,
    TypeError,
    ValueError,
    struct.error,
)


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where the module listens. `name` is what its certificate must say; `authority` is a file
    of certificates to trust instead of the system's, "" for the system's.
    """

    host: str
    port: int
    name: str
    authority: str = ""

    def context(self) -> ssl.SSLContext:
        """Certificate and host name are always checked. Raises OSError for a bad file."""
        context = ssl.create_default_context(cafile=self.authority or None)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        assert context.check_hostname and context.verify_mode is ssl.CERT_REQUIRED
        return context


class ApiError(Exception):
    """The module's own no: `code` as it wrote it. Its words are left out: they quote values."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


class ThriftLine:
    """An open connection. Deadlines are `time.monotonic` seconds."""

    def __init__(self, endpoint: Endpoint, deadline: float) -> None:
        """Raises LineClosedError MODULE_ABSENT, MODULE_NOT_TRUSTED. Nothing was asked."""
        self._cancelled = False
        self._call = 0
        self._socket = _connected(endpoint, deadline)

    def cancel(self) -> None:
        """Make a waiting call of another thread raise LineLostError soon."""
        self._cancelled = True

    def close(self) -> None:
        self._socket.close()

    def check(self) -> None:
        """Raise LineLostError (sent False) if the other end is gone, or said what nobody asked."""
        try:
            self._socket.settimeout(0)
            self._socket.recv(1)
        except (ssl.SSLWantReadError, ssl.SSLWantWriteError, BlockingIOError):
            return
        except OSError as error:
            raise LineLostError("gone", sent=False) from error
        raise LineLostError("closed", sent=False)

    def call(self, name: str, deadline: float, **arguments: object) -> Any:
        """The result of one call.

        Raises ApiError, LineLostError, LineSilentError, WrongAnswerError.
        """
        self._call += 1
        self._send(_message(name, self._call, arguments), deadline)
        return _result(name, self._call, self._receive(name, deadline))

    def _send(self, data: bytes, deadline: float) -> None:
        left = deadline - time.monotonic()
        if left <= 0:
            raise LineLostError("no time left", sent=False)
        self._socket.settimeout(min(WRITE_S, left))
        try:
            self._socket.sendall(_HEADER.pack(len(data)) + data)
        except OSError as error:  # TLS cannot say how much of it left
            raise LineLostError("write", sent=True) from error

    def _receive(self, name: str, deadline: float) -> bytes:
        (size,) = _HEADER.unpack(self._exactly(_HEADER.size, name, deadline))
        if not 0 < size <= FRAME_MAX:
            raise WrongAnswerError("frame")
        return self._exactly(size, name, deadline)

    def _exactly(self, count: int, name: str, deadline: float) -> bytes:
        data = b""
        while len(data) < count:
            if self._cancelled:
                raise LineLostError("cancelled", sent=True)
            try:
                self._socket.settimeout(SLICE_S)
                piece = self._socket.recv(min(READ_BYTES, count - len(data)))
            except TimeoutError:
                if time.monotonic() >= deadline:
                    raise LineSilentError(name) from None
                continue
            except OSError as error:
                raise LineLostError("read", sent=True) from error
            if not piece:
                raise LineLostError("closed", sent=True)
            data += piece
            if len(data) < count and time.monotonic() >= deadline:
                raise LineSilentError(name)
        return data


def _connected(endpoint: Endpoint, deadline: float) -> ssl.SSLSocket:
    try:
        context = endpoint.context()
    except (OSError, ValueError) as error:
        raise LineClosedError("MODULE_NOT_TRUSTED", "the file of certificates") from error
    wait_s = min(CONNECT_S, max(SLICE_S, deadline - time.monotonic()))
    try:
        plain = socket.create_connection((endpoint.host, endpoint.port), timeout=wait_s)
    except OSError as error:
        raise LineClosedError("MODULE_ABSENT", type(error).__name__) from error
    try:
        plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return context.wrap_socket(plain, server_hostname=endpoint.name)
    except ssl.SSLCertVerificationError as error:
        plain.close()
        raise LineClosedError("MODULE_NOT_TRUSTED", str(error.verify_message)) from error
    except (OSError, ValueError) as error:
        plain.close()
        raise LineClosedError("MODULE_ABSENT", type(error).__name__) from error


def _message(name: str, call: int, arguments: dict[str, object]) -> bytes:
    body = getattr(SERVICE, f"{name}_args")(**arguments)
    buffer = BytesIO()
    protocol = PROTOCOL(buffer)
    protocol.write_message_begin(name, TMessageType.CALL, call)
    protocol.write_struct(body)
    protocol.write_message_end()
    return buffer.getvalue()


def _result(name: str, call: int, data: bytes) -> Any:
    result = getattr(SERVICE, f"{name}_result")()
    try:
        protocol = PROTOCOL(BytesIO(data))
        said, kind, number = protocol.read_message_begin()
        if (said, number) != (name, call):
            raise WrongAnswerError("call")
        if kind != TMessageType.REPLY:  # it did not understand us: that is no word on the request
            raise WrongAnswerError("reply")
        protocol.read_struct(result)
    except _UNREADABLE as error:
        raise WrongAnswerError("thrift") from error
    except thriftpy2.thrift.TException as error:
        raise WrongAnswerError("thrift") from error
    refusal = getattr(result, "ex1", None)
    if refusal is not None:
        raise ApiError(refusal.eCode if isinstance(refusal.eCode, str) else "")
    if result.success is None:
        raise WrongAnswerError("result")
    return result.success
