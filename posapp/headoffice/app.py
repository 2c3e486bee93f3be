"""Head office over HTTP: POST /s1/<message> for tills, GET /health, GET /totals/<date>.

One worker thread does all work on the database; the event loop only moves bytes. What a till
must believe is signed inside the bytes, so a proxy in between may be anyone's.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from typing import TypeVar

from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from posapp.errors import InputError, StoreError
from posapp.headoffice.desk import Desk
from posapp.headoffice.office import Office
from posapp.headoffice.totals import totals
from posapp.wire import envelope
from posapp.wire.messages import Message

T = TypeVar("T")

_NAMES = {message.name.lower(): message for message in Message if message is not Message.ERROR}
_LOCAL = ("127.0.0.1", "::1")
_log = logging.getLogger(__name__)


def make_app(open_office: Callable[[], Office], on_ready: Callable[[], None]) -> Starlette:
    """The ASGI application. The office is opened on the worker thread, which then owns it."""
    worker = ThreadPoolExecutor(1, thread_name_prefix="headoffice")
    held: list[tuple[Office, Desk]] = []

    def begin() -> None:
        office = open_office()
        desk = Desk(office)
        held.append((office, desk))
        desk.catch_up()

    async def run(work: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(worker, work)

    @contextlib.asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        await run(begin)
        on_ready()
        try:
            yield
        finally:
            await run(held[0][0].close)
            worker.shutdown()

    async def message(request: Request) -> Response:
        kind = _NAMES.get(request.path_params["name"])
        if kind is None:
            return _plain(404)
        try:
            frame = await _body(request)
        except ClientDisconnect:
            return _plain(400)  # nobody hears it: the line broke in the middle of a frame
        if frame is None:
            return _plain(413)
        try:
            answer = await run(lambda: held[0][1].answer(kind, frame))
        except InputError as error:
            return _plain(400, error.code)
        except StoreError as error:
            _log.error("the store refused: %s", error.code)
            return _plain(503)
        return Response(answer, media_type=envelope.CONTENT_TYPE)

    async def health(_: Request) -> Response:
        with contextlib.suppress(StoreError):
            head = await run(lambda: _health(held[0][0]))
            return JSONResponse({"ok": True, "head_office": head})
        return JSONResponse({"ok": False}, status_code=503)

    async def day(request: Request) -> Response:
        if request.client is None or request.client.host not in _LOCAL:
            return _plain(403)  # turnover is nobody else's business
        try:
            asked = date.fromisoformat(request.path_params["date"])
        except ValueError:
            return _plain(400)
        return JSONResponse(await run(lambda: _totals(held[0][0], asked)))

    return Starlette(
        lifespan=lifespan,
        routes=[
            Route(envelope.PATH + "{name}", message, methods=["POST"]),
            Route("/health", health),
            Route("/totals/{date}", day),
        ],
    )


def _health(office: Office) -> str:
    with office.database.read():
        return office.key.public.hex()[:16]


def _totals(office: Office, asked: date) -> dict[str, object]:
    with office.database.read() as connection:
        return totals(connection, asked).to_json()


async def _body(request: Request) -> bytes | None:
    """The body, or None as soon as it is too long for a frame."""
    data = bytearray()
    async for chunk in request.stream():
        data += chunk
        if len(data) > envelope.REQUEST_BYTES_MAX:
            return None
    return bytes(data)


def _plain(status: int, text: str = "") -> Response:
    return Response(text, status_code=status, media_type="text/plain")
