"""The one family of errors that the world can cause, with codes that never change.

A `PosError` says what happened by its code and parameters; the words for people are in
`posapp.ui.messages`. Programmer mistakes are `assert`s and built-in exceptions instead.
"""

from __future__ import annotations

from enum import StrEnum


class Outcome(StrEnum):
    """What became of a request that could have made a token."""

    NOT_EXECUTED = "not_executed"
    EXECUTED = "executed"
    UNKNOWN = "unknown"


class PosError(Exception):
    """Something outside the program is not as it must be.

    `code` is stable and has a message in `posapp.ui.messages`; `params` fill its sentences.
    Parameters never hold a PIN, a key or a token.
    """

    code: str

    def __init__(self, code: str, /, **params: object) -> None:
        super().__init__(code, params)
        self.code = code
        self.params = params

    def __str__(self) -> str:
        if not self.params:
            return self.code
        return f"{self.code} ({', '.join(f'{k}={v}' for k, v in self.params.items())})"


class InputError(PosError):
    """What a person or a file entered does not fit; nothing was changed."""


class ConfigError(PosError):
    """The installation, a folder, a port or a configuration file is not usable as it is."""


class StoreError(PosError):
    """The encrypted store refused: wrong key, in use, newer schema, full or damaged."""


class SaleError(PosError):
    """The sale cannot go on; no token was made unless `outcome` says otherwise."""

    def __init__(
        self, code: str, /, *, outcome: Outcome = Outcome.NOT_EXECUTED, **params: object
    ) -> None:
        super().__init__(code, **params)
        self.outcome = outcome


class ModuleError(PosError):
    """The security module or its line refused or went silent.

    `outcome` is the one thing a caller must look at: UNKNOWN is never a failure.
    """

    def __init__(
        self, code: str, /, *, outcome: Outcome = Outcome.NOT_EXECUTED, **params: object
    ) -> None:
        super().__init__(code, **params)
        self.outcome = outcome


class PrintError(PosError):
    """Paper, cover, cable or printer; a sale is never touched by it."""


class HeadOfficeError(PosError):
    """Head office cannot be reached or did not accept; selling goes on."""
