"""Opens the till's window first and builds the till behind it, so that a person sees it at once."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from posapp import config, log, paths
from posapp.config import TillConfig
from posapp.ui.qt_loading import load_qt

if TYPE_CHECKING:
    from posapp.services.till import Till
    from posapp.ui.extra import ExtraPage


def run(folder: Path | None, extra: ExtraPage | None = None) -> int:
    """The till's window, until it is closed; the exit status. Raises ConfigError.

    `extra` is one more page, for a demonstration.
    """
    load_qt()
    from posapp.ui import app  # after Qt itself: see load_qt

    folder = paths.private_folder(folder or paths.data_folder())
    log.to_file(folder / "till.log")
    settings = config.load(folder)
    return app.run(
        lambda: _build(folder),
        settings,
        enrol=lambda url, code: _enrol(settings, url, code),
        extra=extra,
    )


def _build(folder: Path) -> Till:
    from posapp.bootstrap import till  # store, printing, sync: loaded while the window shows

    return till.build(config.load(folder))


def _enrol(settings: TillConfig, url: str, code: str) -> None:
    from posapp.bootstrap import till

    till.enrol(
        settings.folder,
        url=url,
        code=code,
        module_address=settings.module_address,
        printer_address=settings.printer_address,
        printer_model=settings.printer_model,
        key_source=settings.store_key,
    )
