"""Key changes over the published interface: sets of tokens, and credit under the new key."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from posapp.clock import SystemClock
from posapp.domain.meter import EncryptionAlgorithm, MeterNumber
from posapp.domain.sale import KeyTarget, TokenKind
from posapp.errors import ModuleError, Outcome
from posapp.journal.facts import TokenItem
from posapp.ports import IssueRequest, IssueResult
from posapp.security_module.drivers.driver import Context, LineLostError, WrongAnswerError
from posapp.security_module.drivers.prismtoken import PrismTokenDriver
from posapp.security_module.drivers.prismtoken_address import Settings
from posapp.sts import ciphers, keys
from posapp.sts.meter import MeterResult, VirtualMeter
from tests.security_module.module_process import HMAC_SECRET, TILL, a_configuration
from tests.security_module.prismtoken_process import PrismTokenProcess
from tests.security_module.prismtoken_server import PASSWORD
from tests.security_module.test_prismtoken import a_sale, soon

CHANGE = "issueKeyChangeTokens"
TO = KeyTarget("123456", 1, "07")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PrismTokenProcess]:
    one = PrismTokenProcess(tmp_path_factory.mktemp("prismtoken-keys"))
    yield one
    one.close()


@pytest.fixture
def driver(server: PrismTokenProcess) -> Iterator[PrismTokenDriver]:
    context = Context(secret=lambda _name: PASSWORD, clock=SystemClock())
    one = PrismTokenDriver(Settings.parse(server.address()), context)
    one.open(soon())
    yield one
    one.close()


def an_order(ea: EncryptionAlgorithm, to: KeyTarget = TO) -> IssueRequest:
    """A key change, and credit under the new key."""
    request = a_sale(configuration=a_configuration(ea=ea))
    change = TokenItem(TokenKind.KEY_CHANGE, 0, 0, 0, 0, target=to)
    return replace(request, items=(change, replace(request.items[0], base_date=2014)))


def a_meter(request: IssueRequest) -> VirtualMeter:
    c = request.configuration
    key = keys.VendingKey(bytes.fromhex(HMAC_SECRET), c.sgc, c.krn, c.kt, c.base_date, c.ken, 4)
    number = MeterNumber(request.meter)
    decoder = keys.decoder_key(key, number, c.ti, c.ea)
    return VirtualMeter(number, decoder, c.ea, ciphers.sample_tables())


@pytest.mark.parametrize(
    ("ea", "third", "count"),
    [
        (EncryptionAlgorithm.STA, False, 2),
        (EncryptionAlgorithm.STA, True, 3),
    ],
)
def test_a_set_changes_the_meter_s_key_and_the_credit_after_it_is_taken(
    driver: PrismTokenDriver, ea: EncryptionAlgorithm, third: bool, count: int
) -> None:
    request = an_order(ea, replace(TO, third_token=third))
    result = driver.issue(request, soon())
    assert len(result.tokens) == request.token_count == count + 1
    meter = a_meter(request)
    seen = [meter.enter(token) for token in result.tokens]
    assert seen[-1] is MeterResult.ACCEPT
    assert meter.electricity_tenths == 711
    found = driver.fetch(request.request_id, TILL, soon())
    assert isinstance(found, IssueResult) and found.tokens == result.tokens


@pytest.mark.parametrize("fault", ["before", "after"])
def test_a_set_whose_line_broke_is_made_once(
    driver: PrismTokenDriver, server: PrismTokenProcess, fault: str
) -> None:
    request = an_order(EncryptionAlgorithm.STA)
    server.tell(fault, method=CHANGE)
    with pytest.raises(LineLostError):
        driver.issue(request, soon())
    driver.open(soon())
    result = driver.issue(request, soon())
    assert len(result.tokens) == 3
    assert sum(name.startswith(request.request_id.hex()) for name in server.made) == 2


@pytest.mark.parametrize(
    ("field", "value"),
    [("newConfig", None), ("drn", "58000079531"), ("tokenClass", 0), ("ea", 11)],
)
def test_a_set_for_something_else_is_not_shown(
    driver: PrismTokenDriver, server: PrismTokenProcess, field: str, value: Any
) -> None:
    server.tell("answer", field=field, value=value)
    with pytest.raises(WrongAnswerError):
        driver.issue(an_order(EncryptionAlgorithm.STA), soon())


def test_another_change_under_the_same_id_is_refused(driver: PrismTokenDriver) -> None:
    request = an_order(EncryptionAlgorithm.STA)
    driver.issue(request, soon())
    other = replace(request.items[0], target=replace(TO, ti="08"))
    with pytest.raises(ModuleError) as caught:
        driver.issue(replace(request, items=(other, request.items[1])), soon())
    assert (caught.value.code, caught.value.outcome) == ("RID_CONFLICT", Outcome.NOT_EXECUTED)
