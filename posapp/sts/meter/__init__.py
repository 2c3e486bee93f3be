"""A virtual meter: judges tokens as a real one does (IEC 62055-41 7.1.4, 7.3 and 8).

For the demo, training and tests. Start at `virtual`, which follows one entry in the order of
judgement. The package shares only ciphers and CRC with `tokens`, reads bits by itself, and so
can disagree with what the till makes.

design     what its maker decided: services, memory, limits, keypad
received   twenty digits to class and block; the checksum
registers  credit, totals and consumption
sections   the key-change tokens of a set that is not yet complete
keypad     wrong entries and the lockout that follows them
display    what a test token shows
state      the memory as JSON, checked when it is read again
"""

from __future__ import annotations

from posapp.sts.meter.design import MeterDesign
from posapp.sts.meter.display import Display, ExtendedReading, Reading
from posapp.sts.meter.result import MeterResult
from posapp.sts.meter.virtual import VirtualMeter

__all__ = [
    "Display",
    "ExtendedReading",
    "MeterDesign",
    "MeterResult",
    "Reading",
    "VirtualMeter",
]
