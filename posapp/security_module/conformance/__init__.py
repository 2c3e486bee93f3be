"""The contract of a module's driver as checks that any author of a driver can run.

On a command line, for a driver that is installed (entry point `posapp.security_modules`):

    python -m posapp.security_module.conformance acme:usb=1234 --sgc 123456 --krn 1

In the author's own tests, where a cable can be cut and a second module is at hand:

    @pytest.mark.parametrize("check", CHECKS, ids=str)
    def test_the_contract(check, bench):
        reason = check.missing(bench)
        if reason:
            pytest.skip(reason)
        check.run(bench)

Nothing here needs pytest. What a driver declares (`Capability`) decides what it is asked; what
the bench lacks is skipped by name. The module under test makes real tokens: give it test keys.
"""

from posapp.security_module.conformance import services as services
from posapp.security_module.conformance.bench import Bench as Bench
from posapp.security_module.conformance.bench import BrokenError as BrokenError
from posapp.security_module.conformance.bench import Cable as Cable
from posapp.security_module.conformance.bench import Check as Check
from posapp.security_module.conformance.checks import CHECKS as CHECKS
from posapp.security_module.conformance.report import Report as Report
from posapp.security_module.conformance.report import Row as Row
from posapp.security_module.conformance.report import check as check
