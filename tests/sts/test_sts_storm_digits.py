"""The short form of the storm of digits, and whether the storm itself can tell."""

import random
import re

import pytest

from posapp.domain.meter import EncryptionAlgorithm
from posapp.sts import crc
from posapp.sts.meter import MeterResult, VirtualMeter
from tests.storm import storm_digits
from tests.storm.storm_digits import MUTATIONS, Scene, Tally, bounds, pour
from tests.sts.meters import MISTY1, STA

SEED, STRINGS = 20_260_723, 30_000


def test_thirty_thousand_strings_are_refused_or_taken_by_all_alike() -> None:
    tally = pour(SEED, STRINGS, minutes=5)
    assert tally.findings == []
    assert sum(tally.verdicts.values()) == STRINGS
    assert tally.judged > STRINGS * 3 // 4
    assert {"Accept", "FormatError", "CRCError", "1stKCT"} <= tally.verdicts.keys()


def test_the_same_seed_is_the_same_storm() -> None:
    again = [pour(seed, 500, minutes=5).verdicts for seed in (1, 1, 2)]
    assert again[0] == again[1] != again[2]


@pytest.mark.parametrize("mutation", [m for _, m in MUTATIONS])
def test_every_mutation_makes_something_of_a_token(mutation: storm_digits.Mutation) -> None:
    chance, token = random.Random(3), "12345678901234567890"
    made = {mutation(chance, token) for _ in range(200)}
    assert made == {token} if mutation.__name__ == "_untouched" else made - {token}


def test_the_bounds_are_where_the_tails_are() -> None:
    # Mean 10: P(X < 1) = 0.00005, P(X < 2) = 0.0005; P(X > 24) = 0.00005, P(X > 23) = 0.00012.
    assert bounds(655_360) == (1, 24)
    assert bounds(30_000)[0] == 0
    assert bounds(0) == (0, 0)
    low, high = bounds(65_536 * 400)
    assert (320 < low < 330, 470 < high < 480) == (True, True)


# ---------------------------------------------------------------- broken on purpose


@pytest.fixture
def tally() -> Tally:
    return Tally()


@pytest.mark.parametrize("ea", [STA, MISTY1])
def test_a_meter_that_looks_at_half_the_checksum_is_found(
    ea: EncryptionAlgorithm, tally: Tally, monkeypatch: pytest.MonkeyPatch
) -> None:
    def half(token_class: int, block: int) -> bool:
        return block & 0xFF == crc.field(token_class, block >> 16) & 0xFF

    monkeypatch.setattr("posapp.sts.meter.received.checksum_fits", half)
    Scene(ea, SEED, tally).strings(4000)
    assert any("disagree" in finding for finding in tally.findings)


def test_a_meter_that_remembers_refused_strings_is_found(
    tally: Tally, monkeypatch: pytest.MonkeyPatch
) -> None:
    judge = VirtualMeter.enter

    def careless(meter: VirtualMeter, digits: str) -> MeterResult:
        result = judge(meter, digits)
        meter.krn += result is MeterResult.CRC_ERROR and meter.krn < 9
        return result

    monkeypatch.setattr(VirtualMeter, "enter", careless)
    Scene(STA, SEED, tally).strings(50)
    assert any("trace" in finding for finding in tally.findings)


@pytest.mark.parametrize(
    "broken", ["tokens.number_of", "tokens.decode", "meter.VirtualMeter.enter"]
)
def test_an_exception_of_another_family_is_found(
    broken: str, tally: Tally, monkeypatch: pytest.MonkeyPatch
) -> None:
    def careless(*_: object) -> object:
        raise ZeroDivisionError

    monkeypatch.setattr(f"posapp.sts.{broken}", careless)
    Scene(STA, SEED, tally).strings(1)
    assert any("ZeroDivisionError" in finding for finding in tally.findings)


def test_fewer_false_accepts_than_chance_makes_are_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(storm_digits, "CHANCE", 1 / 4)  # as if the checksum had two bits
    (finding,) = pour(SEED, 600, minutes=5).findings
    assert re.match(r"0 of \d+ wrong strings .* chance explains [1-9]\d+ to", finding)


class Lax(int):
    """A checksum that is equal to any other with the same four last bits."""

    __hash__ = int.__hash__

    def __eq__(self, other: object) -> bool:
        return isinstance(other, int) and int(self) & 15 == other & 15

    def __ne__(self, other: object) -> bool:
        return not self == other


def test_more_false_accepts_than_chance_makes_are_found_though_all_agree(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    exact, in_money = crc.field, crc.currency_field
    monkeypatch.setattr(crc, "field", lambda *given: Lax(exact(*given)))
    monkeypatch.setattr(crc, "currency_field", lambda data48: Lax(in_money(data48)))
    (finding,) = pour(SEED, 600, minutes=5).findings
    assert re.match(r"\d\d of \d+ wrong strings .* chance explains 0 to [01]$", finding)
