"""`python -m posapp.security_module.conformance ADDRESS --sgc SGC --krn KRN`: a report.

For an installed driver on a line that nobody cuts; ends with status 1 if something is broken.
The password, where the driver wants one, is read from POSAPP_MODULE_SECRET.
"""

from __future__ import annotations

import argparse
import os
import sys

from posapp.domain.meter import EncryptionAlgorithm, MeterConfiguration
from posapp.errors import PosError
from posapp.security_module.conformance.bench import Bench
from posapp.security_module.conformance.report import check
from posapp.security_module.drivers.driver import Context
from posapp.security_module.drivers.registry import DriverRegistry

SECRET = "POSAPP_MODULE_SECRET"


def main(arguments: list[str] | None = None) -> int:
    """The exit status: 0, 1 (something is broken), 2 (it cannot be tried)."""
    parser = argparse.ArgumentParser(prog="python -m posapp.security_module.conformance")
    parser.add_argument("address", help="of a module with test keys: it makes tokens")
    parser.add_argument("--sgc", required=True, help="supply group code of a key it holds")
    parser.add_argument("--krn", type=int, required=True)
    parser.add_argument("--base-date", type=int, default=2014)
    parser.add_argument("--ea", type=int, default=7)
    parser.add_argument("--ti", default="01")
    parser.add_argument("--ken", type=int, default=255)
    parser.add_argument("--call-s", type=float, default=10.0, help="longest time of one call")
    given = parser.parse_args(arguments)
    registry = DriverRegistry()
    secret = os.environ.get(SECRET)
    context = Context(hard_s=given.call_s, secret=lambda _name: secret)
    try:
        kind = registry.kind_of(given.address)
        registry.make(given.address, context)
        configuration = MeterConfiguration(
            EncryptionAlgorithm(given.ea),
            given.sgc,
            given.krn,
            given.ti,
            given.base_date,
            given.ken,
        )
    except (PosError, ValueError) as error:
        print(f"{error}", file=sys.stderr)
        return 2
    report = check(
        Bench(
            make=lambda: registry.make(given.address, context),
            capabilities=kind.capabilities,
            configuration=configuration,
            secrets=(secret,) if secret else (),
            call_s=given.call_s,
        )
    )
    print(report)
    return 0 if report.ok else 1


if __name__ == "__main__":
    sys.exit(main())
