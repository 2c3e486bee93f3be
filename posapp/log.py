"""Logs for the people who look after tills. No PIN, key or whole token ever gets into one."""

from __future__ import annotations

import logging
import logging.handlers
import re
from pathlib import Path

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


def to_file(path: Path, level: int = logging.INFO) -> None:
    """Send the program's log to a rotating file of at most 8 MiB in all."""
    handler = logging.handlers.RotatingFileHandler(
        path, maxBytes=LOG_BYTES, backupCount=LOG_FILES - 1, encoding="utf-8", delay=True
    )
    _install(handler, level)


def to_stderr(level: int = logging.WARNING) -> None:
    """Send the program's log to standard error, for commands."""
    _install(logging.StreamHandler(), level)


def _install(handler: logging.Handler, level: int) -> None:
    handler.addFilter(MaskTokens())
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    root = logging.getLogger()
    root.addHandler(handler)
    root.setLevel(level)
