"""The few settings that belong to one machine; everything else comes from head office.

A till's folder holds `till.toml`:

    [module]
    address = "serial:/dev/ttyACM0"      # serial:PORT, tcp:HOST:PORT
    [printer]
    address = "tcp:127.0.0.1:9100"       # tcp:HOST:PORT, serial:PORT, usblp:/dev/usb/lp0, none
    model = "generic-80"
    [head_office]
    url = "http://127.0.0.1:8080"
    [store]
    key = "keyring"                      # keyring, or keyfile (tests and demo only)
    [backup]
    folder = "/media/backup"             # of a second disk or a stick; empty: no backups
    [retention]                          # days; 0: kept for ever; the journal always is
    slips_days = "400"                   # of slips that came out
    crashes_days = "90"
    [clock]                              # ahead of the last known moment; 0: never
    warn_hours = "96"                    # ask a supervisor to look
    stop_hours = "0"                     # sell only after one did; the lease ends it anyway
    [screen]
    theme = "light"                      # light, dark, contrast
    language = "en"
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, field, replace
from pathlib import Path

from posapp.errors import ConfigError

FILE_NAME = "till.toml"
NUMBER_DIGITS_MAX = 5
THEMES = ("light", "dark", "contrast")
LOCK_MINUTES_MAX = 240  # 0: never
KEY_CHANGES = ("bundle", "first")  # with the credit, or alone and credit at the next visit


@dataclass(frozen=True, slots=True)
class TillConfig:
    """Settings of one till on one machine, checked when made."""

    folder: Path
    module_address: str = ""
    printer_address: str = "none"
    printer_model: str = "generic-80"
    head_office_url: str = ""
    store_key: str = "keyring"
    backup_folder: str = ""
    keep_slips_days: int = 400
    keep_crashes_days: int = 90
    clock_warn_hours: int = 96
    clock_stop_hours: int = 0
    theme: str = "light"
    language: str = "en"
    lock_minutes: str = "10"
    key_change: str = "bundle"
    warnings: tuple[str, ...] = field(default=())

    def __post_init__(self) -> None:
        if self.theme not in THEMES:
            raise ConfigError("CONFIG_VALUE", field="screen.theme", expected=", ".join(THEMES))
        if self.store_key not in ("keyring", "keyfile"):
            raise ConfigError("CONFIG_VALUE", field="store.key", expected="keyring, keyfile")
        if not self.lock_minutes.isdecimal() or int(self.lock_minutes) > LOCK_MINUTES_MAX:
            raise ConfigError("CONFIG_VALUE", field="screen.lock_minutes", expected="0 .. 240")
        if self.key_change not in KEY_CHANGES:
            expected = ", ".join(KEY_CHANGES)
            raise ConfigError("CONFIG_VALUE", field="sale.key_change", expected=expected)


_FIELDS = {
    ("module", "address"): "module_address",
    ("printer", "address"): "printer_address",
    ("printer", "model"): "printer_model",
    ("head_office", "url"): "head_office_url",
    ("store", "key"): "store_key",
    ("backup", "folder"): "backup_folder",
    ("retention", "slips_days"): "keep_slips_days",
    ("retention", "crashes_days"): "keep_crashes_days",
    ("clock", "warn_hours"): "clock_warn_hours",
    ("clock", "stop_hours"): "clock_stop_hours",
    ("screen", "theme"): "theme",
    ("screen", "language"): "language",
    ("screen", "lock_minutes"): "lock_minutes",
    ("sale", "key_change"): "key_change",
}


def load(folder: Path) -> TillConfig:
    """The settings in `folder`, or the usual ones where there is no file.

    Raises ConfigError CONFIG_SYNTAX, CONFIG_FIELD or CONFIG_VALUE with file and field.
    """
    config = TillConfig(folder)
    path = folder / FILE_NAME
    if not path.exists():
        return config
    try:
        data = tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError("CONFIG_SYNTAX", file=str(path), reason=str(error)) from None
    except OSError as error:
        raise ConfigError("FILE_UNREADABLE", file=str(path), reason=error.strerror) from None
    changes: dict[str, str | int] = {}
    for section, values in data.items():
        for key, value in values.items() if isinstance(values, dict) else ():
            name = _FIELDS.get((section, key))
            if name is None or not isinstance(value, str):
                raise ConfigError("CONFIG_FIELD", file=str(path), field=f"{section}.{key}")
            is_number = isinstance(getattr(config, name), int)
            changes[name] = _number(value, f"{section}.{key}") if is_number else value
        if not isinstance(values, dict):
            raise ConfigError("CONFIG_FIELD", file=str(path), field=section)
    return replace(config, **changes)  # type: ignore[arg-type]


def _number(text: str, field: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) <= NUMBER_DIGITS_MAX):
        raise ConfigError("CONFIG_VALUE", field=field, expected="0 to 99999")
    return int(text)


def save(config: TillConfig) -> None:
    """Write `till.toml` so that it is either the old file or the new one, never half of one."""
    lines: list[str] = []
    for section in dict.fromkeys(section for section, _ in _FIELDS):
        lines.append(f"[{section}]")
        for (own, key), name in _FIELDS.items():
            if own == section:
                text = str(getattr(config, name)).replace("\\", "\\\\").replace('"', '\\"')
                lines.append(f'{key} = "{text}"')
        lines.append("")
    path = config.folder / FILE_NAME
    temporary = path.with_suffix(".new")
    temporary.write_text("\n".join(lines), encoding="utf-8")
    temporary.replace(path)
