"""Logs for the people who look after tills. No PIN, key or whole token ever gets into one."""

from __future__ import annotations

import logging
import logging.handlers
import re
import traceback
from datetime import datetime
from pathlib import Path

from posapp.paths import private_folder

CRASH_FILES_MAX = 20
LOG_BYTES = 2 * 1024 * 1024
LOG_FILES = 4

_TOKEN = re.compile(r"(?<!\d)(?:\d[ -]?){16}(\d{4})(?!\d)")


class MaskTokens(logging.Filter):
    """Whatever looks like twenty digits loses the first sixteen."""

    def filter(self, record: logging.LogRecord) -> bool:
        text = record.getMessage()
        masked = _TOKEN.sub(r"****\1", text)
        if masked != text:
            record.msg, record.args = masked, ()
        return True


class MaskedFormatter(logging.Formatter):
    """The same for tracebacks, which are only made into text here."""

    def format(self, record: logging.LogRecord) -> str:
        return _TOKEN.sub(r"****\1", super().format(record))


def to_file(path: Path, level: int = logging.INFO) -> None:
    """Send the program's log to a rotating file of at most 8 MiB in all."""
    handler = logging.handlers.RotatingFileHandler(
        path, maxBytes=LOG_BYTES, backupCount=LOG_FILES - 1, encoding="utf-8", delay=True
    )
    _install(handler, level)


def to_stderr(level: int = logging.WARNING) -> None:
    """Send the program's log to standard error, for commands."""
    _install(logging.StreamHandler(), level)


def write_crash(folder: Path, error: BaseException, at: datetime) -> Path | None:
    """Keep the traceback of an unexpected error, without local values; where, if it could be.

    At most the newest 20 are kept. Never raises: this runs when something is wrong already.
    """
    text = _TOKEN.sub(r"****\1", "".join(traceback.format_exception(error)))
    try:
        private_folder(folder)
        old = sorted(folder.glob("crash-*.txt"))
        for path in old[: max(0, len(old) - CRASH_FILES_MAX + 1)]:
            path.unlink(missing_ok=True)
        path = folder / f"crash-{at:%Y%m%d-%H%M%S-%f}.txt"
        path.write_text(text, encoding="utf-8")
    except OSError:
        return None
    return path


def _install(handler: logging.Handler, level: int) -> None:
    handler.addFilter(MaskTokens())
    handler.setFormatter(MaskedFormatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    root = logging.getLogger()
    root.addHandler(handler)
    root.setLevel(level)
