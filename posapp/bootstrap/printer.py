"""Starts the virtual printer: `posapp printer serve`. It is its own process, as a printer is."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable
from pathlib import Path

from posapp.printing.profile import load_profile
from posapp.printing.virtual.engine import Engine, Sheet
from posapp.printing.virtual.server import Server, open_port
from posapp.printing.virtual.sheets import SheetFolder

ROLL_MM = 50_000
MODEL = "virtual-80"


def serve(
    listen: str,
    out: Path | None = None,
    *,
    paper_mm: int = ROLL_MM,
    control: str | None = None,
    model: str = MODEL,
    speed_mm_s: int = 0,
    say: Callable[[str], None] | None = None,
) -> int:
    """Print what comes to `listen` until SIGTERM or SIGINT; the exit status.

    `listen` is `tcp:HOST:PORT` (port 0: any) or `pty:PATH`; sheets go to `out`. `control`
    is the HOST:PORT (port 0: any free one) that takes lines such as `paper 500`, `paper out`,
    `cover open`, `status`. `speed_mm_s` 0 prints at once. `say` gets one line when ready:
    `ready ADDRESS control HOST:PORT`. Raises ConfigError LISTEN_FORM, PORT_BUSY.
    """
    profile = load_profile(model)
    folder = SheetFolder(out, profile) if out is not None else None
    count = 0

    def keep(sheet: Sheet) -> None:
        nonlocal count
        count += 1
        if folder is not None:
            folder.save(sheet)

    engine = Engine(profile, keep, paper_mm=paper_mm, speed_mm_s=speed_mm_s)
    port, address = open_port(listen)
    server = Server(engine, port, control=control, sheets=lambda: count)
    if threading.current_thread() is threading.main_thread():
        for name in (signal.SIGTERM, signal.SIGINT):
            signal.signal(name, lambda *_: server.stop())
    ready = f"ready {address} control {server.control}"
    if say is None:
        print(ready, flush=True)  # who started us reads it through a pipe
    else:
        say(ready)
    server.run()
    if folder is not None and engine.sheet.lines:
        folder.save(engine.sheet)  # torn off when the printer was put away
    return 0
