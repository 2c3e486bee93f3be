"""Our own line as a kind of driver: `serial:`, `tcp:` and `unix:` addresses lead here.

`link_driver.py` does the work; `serial:usb=VID:PID:SERIAL` is looked up by `devices.py` each
time the line is opened, because a port may have another name after it was plugged in again.
"""

from __future__ import annotations

from posapp.security_module import devices
from posapp.security_module.drivers.driver import Capability, Context, Driver, DriverKind
from posapp.security_module.drivers.link_driver import ASK_AGAIN_S, LinkDriver


def make(address: str, context: Context) -> Driver:
    """Raises ConfigError MODULE_ADDRESS_INVALID."""
    return LinkDriver(
        devices.parse(address),
        context.randomness,
        again_s=min(ASK_AGAIN_S, context.hard_s / 3),
        keys=context.line_keys,
    )


KIND = DriverKind(
    schemes=("serial", "tcp", "unix"),
    words="posapp's own line",
    make=make,
    capabilities=frozenset(
        {
            Capability.REPLAY,
            Capability.CONFLICT,
            Capability.SEQUENCE,
            Capability.CANCEL,
            Capability.GROUPS,
            Capability.KEYS,
            Capability.CURRENCY,
            Capability.KEY_CHANGE,
            Capability.MANAGEMENT,
            Capability.METER_TEST,
            Capability.VERIFY,
            Capability.LOGIN,
            Capability.LIMITS,
            Capability.AUDIT,
        }
    ),
    presence=devices.presence,
)
