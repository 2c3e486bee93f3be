"""Which drivers there are, by the scheme of an address, and why one of them cannot be used.

Ours and those of others come the same way: an entry point of GROUP whose name is the scheme and
whose value is a `DriverKind`. One that does not load is named with its reason; the rest work.
"""

from __future__ import annotations

import importlib.metadata
import re
import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from importlib.metadata import EntryPoint

from posapp.errors import ConfigError
from posapp.security_module.drivers.driver import (
    INTERFACE,
    Capability,
    Context,
    Driver,
    DriverKind,
)

GROUP = "posapp.security_modules"

# Our own, for an installation that lost its metadata; pyproject.toml says the same, and a test
# compares them.
_LINK = "posapp.security_module.drivers.link:KIND"
OURS = {
    "serial": _LINK,
    "tcp": _LINK,
    "unix": _LINK,
    "prismtoken": "posapp.security_module.drivers.prismtoken:KIND",
}
_OUR_POINTS = {name: EntryPoint(name, value, GROUP) for name, value in OURS.items()}
EXTRAS = {"prismtoken": "prismtoken"}  # the extra that brings a scheme's library

_SCHEME = re.compile(r"[a-z][a-z0-9+.-]{0,31}")
_REASON_MAX = 120


@dataclass(frozen=True, slots=True)
class Listed:
    """One driver as the registry knows it. `problem` is empty when it can be used, else one of
    DRIVER_LIBRARY_MISSING, DRIVER_BROKEN, DRIVER_INTERFACE, DRIVER_SCHEME_TAKEN, and `reason`
    says more.
    """

    scheme: str
    words: str = ""
    capabilities: frozenset[Capability] = frozenset()
    source: str = "posapp"
    problem: str = ""
    reason: str = ""


class DriverRegistry:
    """Loads a driver when its scheme is first asked for. Safe to share between threads.

    `installed` gives the entry points of GROUP; it is asked once, and only for what is not ours.
    """

    def __init__(self, installed: Callable[[], Iterable[EntryPoint]] | None = None) -> None:
        self._installed = installed or _installed
        self._others: dict[str, EntryPoint] | None = None
        self._taken: list[EntryPoint] = []
        self._lock = threading.Lock()

    def make(self, address: str, context: Context) -> Driver:
        """A closed driver for an address. Opens nothing.

        Raises ConfigError MODULE_ADDRESS_INVALID, DRIVER_UNKNOWN(scheme, expected),
        DRIVER_LIBRARY_MISSING(scheme, library, extra), DRIVER_BROKEN(scheme, reason),
        DRIVER_INTERFACE(scheme, found, expected).
        """
        kind = self.kind_of(address)
        try:
            driver = kind.make(address, context)
        except ConfigError:
            raise
        except Exception as error:
            raise ConfigError(
                "DRIVER_BROKEN", scheme=_scheme(address), reason=_reason(error)
            ) from error
        missing = _missing(driver)
        if missing:
            raise ConfigError(
                "DRIVER_BROKEN", scheme=_scheme(address), reason=f"it has no {missing}"
            )
        return driver

    def kind_of(self, address: str) -> DriverKind:
        """The driver for an address, loaded. Raises like `make`."""
        scheme = _scheme(address)
        point = _OUR_POINTS.get(scheme) or self._foreign().get(scheme)
        if point is None:
            raise ConfigError(
                "DRIVER_UNKNOWN" if _SCHEME.fullmatch(scheme) else "MODULE_ADDRESS_INVALID",
                scheme=scheme[:32],
                address=address[:80],
                expected=", ".join(sorted({*OURS, *self._foreign()})),
            )
        return _load(point)

    def listed(self) -> tuple[Listed, ...]:
        """Every driver, those that cannot be used with their reason. Loads them all; never raises
        for a bad one.
        """
        foreign = self._foreign()
        rows = [self._row(point) for point in (*_OUR_POINTS.values(), *foreign.values())]
        rows += [
            Listed(p.name, source=_source(p), problem="DRIVER_SCHEME_TAKEN", reason=p.value)
            for p in self._taken
        ]
        return tuple(sorted(rows, key=lambda row: (row.scheme, row.problem)))

    def _foreign(self) -> dict[str, EntryPoint]:
        """The entry points of others. Nobody takes the place of a driver that comes with us."""
        with self._lock:
            if self._others is None:
                self._others = {}
                for point in sorted(self._installed(), key=lambda p: (p.name, p.value)):
                    known = _OUR_POINTS.get(point.name) or self._others.setdefault(
                        point.name, point
                    )
                    if known.value != point.value:
                        self._taken.append(point)
            return self._others

    @staticmethod
    def _row(point: EntryPoint) -> Listed:
        try:
            kind = _load(point)
        except ConfigError as error:
            reason = str(error.params.get("reason", error.params.get("library", "")))
            return Listed(point.name, source=_source(point), problem=error.code, reason=reason)
        return Listed(point.name, kind.words, kind.capabilities, _source(point))


def _installed() -> Iterable[EntryPoint]:
    return importlib.metadata.entry_points(group=GROUP)


def _scheme(address: str) -> str:
    return address.partition(":")[0] if ":" in address else ""


def _source(point: EntryPoint) -> str:
    distribution = getattr(point, "dist", None)
    return "posapp" if distribution is None else str(distribution.name)


def _load(point: EntryPoint) -> DriverKind:
    """Whatever a foreign file does while it is imported ends here, as a reason."""
    try:
        kind = point.load()
    except ModuleNotFoundError as error:
        raise ConfigError(
            "DRIVER_LIBRARY_MISSING",
            scheme=point.name,
            library=(error.name or "?")[:_REASON_MAX],
            extra=EXTRAS.get(point.name, point.name),
        ) from error
    except (Exception, SystemExit) as error:
        raise ConfigError("DRIVER_BROKEN", scheme=point.name, reason=_reason(error)) from error
    interface = getattr(kind, "interface", None)
    if interface != INTERFACE:
        raise ConfigError(
            "DRIVER_INTERFACE",
            scheme=point.name,
            found=str(interface)[:_REASON_MAX],
            expected=INTERFACE,
            reason=f"it speaks {str(interface)[:20]}, this till speaks {INTERFACE}",
        )
    if not isinstance(kind, DriverKind) or point.name not in kind.schemes:
        reason = f"{point.value} is no driver for {point.name}"
        raise ConfigError("DRIVER_BROKEN", scheme=point.name, reason=reason)
    return kind


def _missing(driver: object) -> str:
    """What of the contract an object does not have; it may have promised the version and lied."""
    wanted = [name for name in vars(Driver) if not name.startswith("_")]
    return ", ".join(name for name in wanted if not hasattr(type(driver), name))


def _reason(error: BaseException) -> str:
    return f"{type(error).__name__}: {error}"[:_REASON_MAX]
