"""Random and mutated digit strings against parser, verifier and meter: `python -m tests.storm`.

The promises: nothing but PosError is raised, verifier and meter never disagree, what is refused
leaves no trace, and a wrong string passes as often as chance says and no oftener.
"""

from __future__ import annotations

import math
import random
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

from posapp.domain.meter import EncryptionAlgorithm, KeyType, MeterNumber
from posapp.errors import PosError
from posapp.sts import ciphers, key_change, keys, tokens
from posapp.sts.meter import MeterResult, VirtualMeter
from posapp.sts.tokens import Management

STRINGS = 1_000_000  # about a minute
ROUND = 25_000
FINDINGS_MOST = 20  # more of them say nothing new
CHANCE = 1 / 65_536  # of sixteen checksum bits
# Chance alone breaks either bound once in 10 000 seeds: rare enough to look into, and narrow
# enough that at a million strings no hit at all, or three times too many, is a finding.
TAIL = 1e-4
BIRTH = 6_000_000
SAMPLE = ciphers.sample_tables()
NUMBER, NEIGHBOUR = MeterNumber("58000079523"), MeterNumber("0100000000008")
VENDING = keys.VendingKey(
    secret=bytes(range(20)), sgc="201457", krn=1, kt=KeyType.UNIQUE, base_date=2014, ken=255, dkga=4
)
OTHER_DIGITS = "٠١٢٣٤٥٦٧٨٩०१२³²①５𝟗"
STRANGE = "aOoIlB+-_.,xé\u200b\u202f\t\n\0\ud800"

REFUSED = ("TOKEN_FORM", "TOKEN_RANGE", "TOKEN_CRC")
Mutation = Callable[[random.Random, str], str]


# ---------------------------------------------------------------- what happens to a string


def _digit_changed(chance: random.Random, digits: str) -> str:
    place = chance.randrange(20)
    digit = (int(digits[place]) + chance.randrange(1, 10)) % 10
    return f"{digits[:place]}{digit}{digits[place + 1 :]}"


def _two_swapped(chance: random.Random, digits: str) -> str:
    place = chance.randrange(19)
    return digits[:place] + digits[place + 1] + digits[place] + digits[place + 2 :]


def _groups_swapped(chance: random.Random, digits: str) -> str:
    groups = [digits[i : i + 4] for i in range(0, 20, 4)]
    one, other = chance.sample(range(5), 2)
    groups[one], groups[other] = groups[other], groups[one]
    return "".join(groups)


def _one_dropped(chance: random.Random, digits: str) -> str:
    place = chance.randrange(20)
    return digits[:place] + digits[place + 1 :]


def _one_added(chance: random.Random, digits: str) -> str:
    place = chance.randrange(21)
    return f"{digits[:place]}{chance.randrange(10)}{digits[place:]}"


def _shifted(chance: random.Random, digits: str) -> str:
    """One digit left out and another typed at the end: twenty again."""
    return _one_dropped(chance, digits) + str(chance.randrange(10))


def _another_sign(chance: random.Random, digits: str) -> str:
    place = chance.randrange(20)
    return digits[:place] + chance.choice(OTHER_DIGITS + STRANGE) + digits[place + 1 :]


def _spaced(chance: random.Random, digits: str) -> str:
    separator = chance.choice([" ", "-", "\u00a0", "\u202f", "  ", "\t", "\n"])
    return separator.join(digits[i : i + 4] for i in range(0, 20, 4))


def _random_digits(chance: random.Random, _digits: str) -> str:
    return f"{chance.randrange(10**20):020d}"


def _random_token(chance: random.Random, _digits: str) -> str:
    return f"{chance.getrandbits(66):020d}"


def _random_text(chance: random.Random, _digits: str) -> str:
    return "".join(chance.choices("0123456789" + OTHER_DIGITS + STRANGE, k=chance.randrange(30)))


def _untouched(_chance: random.Random, digits: str) -> str:
    return digits


# How often each comes. Most keep twenty digits, because only those are judged by the checksum.
MUTATIONS: tuple[tuple[int, Mutation], ...] = (
    (30, _digit_changed),
    (15, _two_swapped),
    (10, _groups_swapped),
    (10, _shifted),
    (20, _random_token),
    (4, _random_digits),
    (2, _one_dropped),
    (2, _one_added),
    (2, _another_sign),
    (2, _spaced),
    (1, _random_text),
    (2, _untouched),
)


# ---------------------------------------------------------------- one meter in the storm


@dataclass
class Tally:
    """What was counted. `judged` are wrong strings that only the checksum could refuse."""

    judged: int = 0
    passed: int = 0
    verdicts: Counter[str] = field(default_factory=Counter)
    findings: list[str] = field(default_factory=list)

    def find(self, sentence: str) -> None:
        if len(self.findings) < FINDINGS_MOST:
            self.findings.append(sentence)


class Scene:
    """A meter of one algorithm and the strings that are made from fresh tokens.

    Every string has a token of its own: were a few tokens mutated again and again, one string
    that passes by chance would be counted each time, and the count would prove nothing.
    """

    def __init__(self, ea: EncryptionAlgorithm, seed: int, tally: Tally) -> None:
        self.ea, self.tally = ea, tally
        self.random = random.Random(f"{seed} EA{int(ea)}")
        self.key = keys.decoder_key(VENDING, NUMBER, "01", ea)
        self.neighbours_key = keys.decoder_key(VENDING, NEIGHBOUR, "01", ea)
        self.mutations = [mutation for _, mutation in MUTATIONS]
        self.weights = [weight for weight, _ in MUTATIONS]
        self.newborn()

    def newborn(self) -> None:
        self.meter = VirtualMeter(NUMBER, self.key, self.ea, SAMPLE, first_tid=BIRTH)
        self.birth = self.meter.to_state()

    def _token(self, key: bytes) -> tuple[str, bool]:
        """Any token under a key, and whether it is a test token, which needs none."""
        chance, ea, kind = self.random, self.ea, self.random.randrange(20)
        tid, units = chance.randrange(BIRTH + 1, 1 << 24), chance.randrange(1 << 20)
        if kind < 9:
            return tokens.credit(key, ea, chance.randrange(4), kind, tid, units, SAMPLE), False
        if kind < 14:
            subclass = chance.randrange(4, 8)
            return tokens.currency_credit(key, ea, subclass, tid, units, SAMPLE), False
        if kind < 18:
            setting, value = chance.choice(list(Management)), chance.randrange(1 << 16)
            if setting in (Management.CLEAR_TAMPER, Management.CLEAR_CREDIT):
                value = 0
            return tokens.management(key, ea, setting, 5, tid, value, SAMPLE), False
        if kind < 19:
            new = key_change.NewKey(
                chance.randbytes(len(key)), KeyType.UNIQUE, 2, "02", 255, "201457", rollover=False
            )
            return chance.choice(key_change.change_set(key, ea, new, SAMPLE)), False
        return tokens.meter_test(chance.choice((0, 2)), chance.getrandbits(36) | 1), True

    def strings(self, count: int) -> None:
        """`count` strings, half of them from tokens of this meter, half from the neighbour's."""
        chance = self.random
        for mutation in chance.choices(self.mutations, self.weights, k=count):
            own = chance.random() < 0.5
            token, is_test = self._token(self.key if own else self.neighbours_key)
            self.one(
                mutation(chance, token), honest=token if own or is_test else None, plain_sum=is_test
            )
        self._look_for_traces()

    def _look_for_traces(self) -> None:
        if self.meter.to_state() != self.birth:
            self.tally.find(f"EA{int(self.ea):02d}: refused strings left a trace in the meter")

    def one(self, text: str, *, honest: str | None, plain_sum: bool) -> None:
        """Parser, verifier and meter say what they think of one string, and must agree.

        `honest` is the token behind it if the meter has to know that one. With `plain_sum` the
        string comes from a test token, which is not encrypted: there the checksum alone
        decides, which is no matter of chance, and the string is not counted.
        """
        try:
            plain = tokens.digits_of(tokens.number_of(text))
            parsed = ""
        except PosError as error:
            plain, parsed = text, error.code
        except Exception as error:  # the finding itself
            self.tally.find(f"the parser raised {error!r} for {text!r}")
            return
        said = self._verified(text)
        if said not in REFUSED:
            self._look_for_traces()
        verdict = self._metered(plain)
        if said is None or verdict is None:
            return
        if parsed and said != parsed:
            self.tally.find(f"parser {parsed} and verifier {said} disagree on {text!r}")
        if plain != text and self._metered(text) is not MeterResult.FORMAT_ERROR:
            self.tally.find(f"the meter took {text!r}, which no keypad can send")
        self._compare(text, said, verdict)
        if plain == honest:
            if said:
                self.tally.find(f"EA{int(self.ea):02d}: an honest token was refused: {said}")
        elif not plain_sum and verdict is not MeterResult.FORMAT_ERROR:
            self.tally.judged += 1
            self.tally.passed += said != "TOKEN_CRC"
        if said not in REFUSED:
            self.newborn()  # it may have taken something, perhaps another key

    def _verified(self, text: str) -> str | None:
        try:
            tokens.decode(text, self.key, self.ea, SAMPLE)
        except PosError as error:
            return error.code
        except Exception as error:  # the finding itself
            self.tally.find(f"the verifier raised {error!r} for {text!r}")
            return None
        return ""

    def _metered(self, text: str) -> MeterResult | None:
        try:
            return self.meter.enter(text)
        except Exception as error:  # the finding itself
            self.tally.find(f"the meter raised {error!r} for {text!r}")
            return None

    def _compare(self, text: str, said: str, verdict: MeterResult) -> None:
        tally = self.tally
        tally.verdicts[verdict.value] += 1
        expected = {
            "TOKEN_FORM": {MeterResult.FORMAT_ERROR},
            "TOKEN_RANGE": {MeterResult.FORMAT_ERROR},
            "TOKEN_CRC": {MeterResult.CRC_ERROR},
            "TOKEN_CLASS": {MeterResult.FUNCTION_ERROR},
            "TOKEN_SUBCLASS": {MeterResult.FUNCTION_ERROR},
            "": set(MeterResult) - {MeterResult.FORMAT_ERROR, MeterResult.CRC_ERROR},
        }.get(said, set())
        if verdict not in expected:
            tally.find(f"verifier {said or 'accepts'} and meter {verdict} disagree on {text!r}")


# ---------------------------------------------------------------- what chance allows


def bounds(judged: int) -> tuple[int, int]:
    """The fewest and most false accepts that chance explains, each to a tail of TAIL.

    Each wrong string passes with probability 2^-16 independently of the others, because the
    cipher makes any change of a block a random one; the sum of so many rare ones is Poisson's.
    """
    mean = judged * CHANCE
    term, below, low, count = math.exp(-mean), 0.0, 0, 0
    while 1 - below - term >= TAIL:  # the tail above `count`
        if below + term < TAIL:
            low = count + 1
        below += term
        count += 1
        term *= mean / count
    return low, count


def pour(seed: int, strings: int, minutes: float) -> Tally:
    """At most `strings` strings in `minutes`; half for each algorithm."""
    tally, poured, ends = Tally(), 0, time.monotonic() + minutes * 60
    scenes = [Scene(ea, seed, tally) for ea in EncryptionAlgorithm]
    while poured < strings and time.monotonic() < ends and len(tally.findings) < FINDINGS_MOST:
        count = min(ROUND, strings - poured)
        for scene in scenes:
            scene.newborn()
            scene.strings(count // len(scenes))
        poured += count
    low, high = bounds(tally.judged)
    if not low <= tally.passed <= high:
        tally.find(
            f"{tally.passed} of {tally.judged} wrong strings passed the checksum; "
            f"chance explains {low} to {high}"
        )
    return tally


def storm(seed: int, minutes: float) -> list[str]:
    """A million strings, or as many as fit."""
    return pour(seed, STRINGS, minutes).findings
