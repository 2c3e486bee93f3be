"""The vendor's commission: the rules that head office put into the till's folder."""

from __future__ import annotations

from pathlib import Path

from posapp.domain.commission import CommissionRule, parse
from posapp.errors import ConfigError

FILE_NAME = "commission.toml"


def load(folder: Path) -> tuple[CommissionRule, ...]:
    """The rules of `commission.toml`, none where there is no such file.

    Raises ConfigError CONFIG_SYNTAX, COMMISSION_RULE, FILE_UNREADABLE.
    """
    path = folder / FILE_NAME
    if not path.exists():
        return ()
    try:
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise ConfigError("CONFIG_SYNTAX", file=str(path), reason=str(error)) from None
    except OSError as error:
        raise ConfigError("FILE_UNREADABLE", file=str(path), reason=error.strerror) from None
    return parse(text, str(path))
