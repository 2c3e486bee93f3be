"""Frames over HTTP POST. Slow is no failure: only a line that stands still for 30 s is.

Proxies and their settings are not guessed from the environment; what is said here is signed, so
whoever carries it can only lose it.
"""

from __future__ import annotations

import httpx

from posapp.errors import ConfigError, HeadOfficeError
from posapp.wire import envelope
from posapp.wire.messages import Message

STALL_TIMEOUT_S = 30.0  # without a byte; a batch may take minutes on a bad line
CONNECT_TIMEOUT_S = 15.0


class HttpTransport:
    """One head office at one URL; keeps its connection between messages."""

    def __init__(self, url: str, *, stall_timeout_s: float = STALL_TIMEOUT_S) -> None:
        """Raises ConfigError HEAD_OFFICE_URL when `url` is no http(s) address."""
        try:
            base = httpx.URL(url.rstrip("/") + envelope.PATH)
        except httpx.InvalidURL:
            base = httpx.URL("")
        if base.scheme not in ("http", "https") or not base.host:
            raise ConfigError("HEAD_OFFICE_URL", url=url[:200])
        self._base = base
        self._stall_timeout_s = stall_timeout_s
        self._client: httpx.Client | None = None

    def exchange(self, message: Message, frame: bytes) -> bytes:
        """The bytes that answer a frame. As long as the line moves, however slowly.

        Raises HeadOfficeError LINE_DOWN, LINE_STALLED, LINE_REFUSED(status), LINE_GARBLED.
        """
        try:
            return self._post(message, frame)
        except httpx.TimeoutException as error:
            self.close()
            connecting = isinstance(error, httpx.ConnectTimeout)
            raise HeadOfficeError("LINE_DOWN" if connecting else "LINE_STALLED") from error
        except httpx.TransportError as error:
            self.close()
            raise HeadOfficeError("LINE_DOWN", reason=type(error).__name__) from error
        except httpx.DecodingError as error:
            self.close()
            raise HeadOfficeError("LINE_GARBLED") from error

    def _post(self, message: Message, frame: bytes) -> bytes:
        client = self._open()
        url = self._base.join(message.name.lower())
        headers = {"content-type": envelope.CONTENT_TYPE, "accept-encoding": "identity"}
        with client.stream("POST", url, content=frame, headers=headers) as response:
            if response.status_code != httpx.codes.OK:
                raise HeadOfficeError("LINE_REFUSED", status=response.status_code)
            answer = bytearray()
            for chunk in response.iter_bytes():
                answer += chunk
                if len(answer) > envelope.REPLY_BYTES_MAX:
                    raise HeadOfficeError("LINE_GARBLED")
        return bytes(answer)

    def close(self) -> None:
        """Give the connection up; the next message makes a new one."""
        client, self._client = self._client, None
        if client is not None:
            client.close()

    def _open(self) -> httpx.Client:
        if self._client is None:
            timeout = httpx.Timeout(self._stall_timeout_s, connect=CONNECT_TIMEOUT_S)
            self._client = httpx.Client(timeout=timeout, trust_env=False)
        return self._client
