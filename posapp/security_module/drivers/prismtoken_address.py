"""What a till must be told of a networked module, as one address; never a password."""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import parse_qsl, urlsplit

from posapp.domain.meter import KeyType
from posapp.errors import ConfigError
from posapp.security_module.drivers.prismtoken_line import Endpoint

SCHEME = "prismtoken"
PORT = 9443
CACHE_S = 300  # how long the module surely remembers a result is not published
SETTLE_S = 15  # longer than a request that was cut off can still be under way
KEYS_MAX = 64
_IDENT = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.,-]{0,39}", re.ASCII)
_KEY = re.compile(r"(\d{6})\.([1-9])\.(1993|2014|2035)(?:\.(\d{1,3}))?", re.ASCII)
_EXPECTED = f"{SCHEME}://USER@HOST:PORT?key=SGC.KRN.BASE"


@dataclass(frozen=True, slots=True)
class KeyRow:
    """A vending key that the module holds, as somebody wrote it down: it cannot be asked."""

    sgc: str
    krn: int
    base_date: int
    ken: int = 255
    kt: int = int(KeyType.UNIQUE)
    dkga: int = 4


@dataclass(frozen=True, slots=True)
class Settings:
    """`prismtoken://USER@HOST:PORT?key=SGC.KRN.BASE[.KEN]&...` with, besides one `key` for each:

    `realm` ("local"), `ca` (a file of certificates to trust), `name` (what the certificate says,
    when it is not HOST), `cache_s` and `settle_s` (seconds).
    """

    endpoint: Endpoint
    user: str
    realm: str = "local"
    keys: tuple[KeyRow, ...] = ()
    cache_s: int = CACHE_S
    settle_s: float = SETTLE_S

    @property
    def module_id(self) -> str:
        """Its verified name: the interface says no identity before a token is made."""
        return f"{self.endpoint.name}:{self.endpoint.port}"[:64]

    @classmethod
    def parse(cls, address: str) -> Settings:
        """Raises ConfigError MODULE_ADDRESS_INVALID, MODULE_ADDRESS_SECRET."""
        try:
            url = urlsplit(address)
            host, port, user = url.hostname or "", url.port or PORT, url.username or ""
            options = parse_qsl(url.query, strict_parsing=bool(url.query), max_num_fields=80)
        except ValueError:
            raise _invalid(address) from None
        if url.password is not None:
            raise ConfigError("MODULE_ADDRESS_SECRET")
        known = {name: value for name, value in options if name != "key"}
        keys = [value for name, value in options if name == "key"]
        realm = known.pop("realm", "local")
        name, authority = known.pop("name", host), known.pop("ca", "")
        cache_s = _seconds(known.pop("cache_s", str(CACHE_S)))
        settle_s = _seconds(known.pop("settle_s", str(SETTLE_S)))
        right = url.scheme == SCHEME and host and name and not known and not url.fragment
        right = right and not url.path.strip("/") and len(keys) <= KEYS_MAX
        right = right and bool(_IDENT.fullmatch(user)) and bool(_IDENT.fullmatch(realm))
        if not right or cache_s is None or settle_s is None:
            raise _invalid(address)
        rows = tuple(_key_row(text, address) for text in keys)
        return cls(Endpoint(host, port, name, authority), user, realm, rows, cache_s, settle_s)


def _key_row(text: str, address: str) -> KeyRow:
    match = _KEY.fullmatch(text)
    if match is None or int(match[4] or 255) > 255:
        raise _invalid(address)
    return KeyRow(match[1], int(match[2]), int(match[3]), int(match[4] or 255))


def _seconds(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 7 else None


def _invalid(address: str) -> ConfigError:
    return ConfigError("MODULE_ADDRESS_INVALID", address=_shown(address), expected=_EXPECTED)


def _shown(address: str) -> str:
    """Without whatever stands before the host: it may hold a password that was typed wrong."""
    return re.sub(r"//[^/?#]*@", "//…@", address)[:80]
