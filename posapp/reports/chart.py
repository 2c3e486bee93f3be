"""The chart of accounts: our accounts under the numbers of somebody's own books (TOML).

resources/ledger/README.md documents accounts and export.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from posapp.errors import ConfigError
from posapp.journal.postings import Account
from posapp.paths import resources

MODES = ("agent", "principal")


@dataclass(frozen=True, slots=True)
class Chart:
    """Number and name of every account; `codes` has numbers of single codes."""

    accounts: Mapping[Account, tuple[str, str]]
    codes: Mapping[tuple[Account, str], str]

    def number(self, account: Account, code: str = "") -> str:
        """The number that a line of this account and code is booked under."""
        return self.codes.get((account, code), self.accounts[account][0])

    def name(self, account: Account) -> str:
        return self.accounts[account][1]


def shipped() -> Chart:
    """The chart that comes with the program."""
    path = resources() / "ledger" / "chart.toml"
    return parse(path.read_text(encoding="utf-8"), str(path))


def parse(text: str, where: str) -> Chart:
    """A chart from its TOML. Raises ConfigError CONFIG_SYNTAX or CHART_INVALID(field)."""
    try:
        tables = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError("CONFIG_SYNTAX", file=where, reason=str(error)) from None

    def bad(field: str) -> ConfigError:
        return ConfigError("CHART_INVALID", file=where, field=field)

    mode, rows, codes = tables.get("mode"), tables.get("account"), tables.get("codes", {})
    if mode not in MODES:
        raise bad("mode")
    if not isinstance(rows, dict) or rows.keys() != {account.name for account in Account}:
        raise bad("account")
    if not isinstance(codes, dict):
        raise bad("codes")
    accounts = {}
    for account in Account:
        row = rows[account.name]
        if isinstance(row, dict) and mode == "agent" and "agent" in row:
            row = row["agent"]
        pair = _pair(row)
        if pair is None:
            raise bad(account.name)
        accounts[account] = pair
    own: dict[tuple[Account, str], str] = {}
    for key, number in codes.items():
        name, _, code = key.partition(" ")
        if name not in Account.__members__ or not code or not isinstance(number, str):
            raise bad(f"codes.{key}")
        own[Account[name], code] = number
    return Chart(accounts, own)


def _pair(row: Any) -> tuple[str, str] | None:
    if not isinstance(row, dict):
        return None
    number, name = row.get("number"), row.get("name")
    if not (isinstance(number, str) and number and isinstance(name, str) and name):
        return None
    return number, name
