"""The module folder's own configuration: `module.toml`, every line of it optional.

sta_tables = "tables.toml"      # a site's tables for EA07

[pkcs11]
library = "/usr/lib/softhsm/libsofthsm2.so"
token = "sts"                   # the label of the token
pin_file = "hsm.pin"            # its user PIN in one line; only its owner may read it
keys = true                     # vending keys are kept in the token
device = true                   # the module's own secret is, too
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from posapp.errors import ConfigError

CONFIG_FILE = "module.toml"


@dataclass(frozen=True, slots=True)
class TokenPlace:
    """A token of a PKCS#11 library, and what is kept in it."""

    library: str
    token: str
    pin_file: Path
    keys: bool
    device: bool


@dataclass(frozen=True, slots=True)
class ModuleConfig:
    """What `module.toml` says; its file names are relative to its folder."""

    sta_tables: Path | None = None
    token: TokenPlace | None = None


_TOKEN_FIELDS: dict[str, type] = {"library": str, "token": str, "pin_file": str}
_TOKEN_FLAGS = ("keys", "device")


def read_config(folder: Path) -> ModuleConfig:
    """An empty one where there is no file.

    Raises ConfigError CONFIG_SYNTAX(file, reason), CONFIG_FIELD(file, field), FILE_UNREADABLE.
    """
    path = folder / CONFIG_FILE
    try:
        values = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return ModuleConfig()
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError("CONFIG_SYNTAX", file=str(path), reason=str(error)) from None
    except OSError as error:
        raise ConfigError("FILE_UNREADABLE", file=str(path), reason=error.strerror) from None
    tables = values.pop("sta_tables", None)
    if tables is not None and not isinstance(tables, str):
        raise ConfigError("CONFIG_FIELD", file=str(path), field="sta_tables")
    section = values.pop("pkcs11", None)
    for field in values:
        raise ConfigError("CONFIG_FIELD", file=str(path), field=field)
    return ModuleConfig(
        None if tables is None else folder / tables,
        None if section is None else _token(path, section),
    )


def _token(path: Path, section: Any) -> TokenPlace:
    if not isinstance(section, dict):
        raise ConfigError("CONFIG_FIELD", file=str(path), field="pkcs11")
    flags: dict[str, Any] = {**dict.fromkeys(_TOKEN_FLAGS, False), **section}
    for field, value in flags.items():
        expected = bool if field in _TOKEN_FLAGS else _TOKEN_FIELDS.get(field)
        if expected is None or type(value) is not expected or value == "":
            raise ConfigError("CONFIG_FIELD", file=str(path), field=f"pkcs11.{field}")
    for field in _TOKEN_FIELDS:
        if field not in flags:
            raise ConfigError("CONFIG_FIELD", file=str(path), field=f"pkcs11.{field}")
    return TokenPlace(
        flags["library"],
        flags["token"],
        path.parent / flags["pin_file"],
        flags["keys"],
        flags["device"],
    )
