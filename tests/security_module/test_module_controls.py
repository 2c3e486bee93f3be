"""The controls of the module, each by its number: limits, authorisations, keys, lease, clock, TID.
What a thief, a clerk alone or a wrong clock can do is what these tests allow. C9 has its own file.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from posapp.codec.signing import SigningKey
from posapp.domain.lease import Lease
from posapp.domain.sale import KeyTarget, TokenKind
from posapp.errors import ModuleError
from posapp.journal.facts import TokenItem
from posapp.security_module.reference.engine import Engine
from posapp.security_module.reference.keys import load_key_file
from posapp.security_module.reference.store import ModuleStore, create_store, open_store
from posapp.sts import amounts
from posapp.wire.audit import AuditKind
from tests.security_module.controls import code_of, kinds, last_body, load, refused, sell
from tests.security_module.engines import (
    MODULE_ID,
    NOON,
    NOON_TID,
    OFFICE,
    STRANGER,
    TRUST,
    TWO_ABOVE_MINOR,
    CountedRandomness,
    SetClock,
    a_grant,
    an_acknowledgement,
    an_authorisation,
    an_engine,
    order,
    signed,
    whole_audit,
)
from tests.security_module.module_process import (
    HMAC_SECRET,
    OTHER_TILL,
    TEST_KEYS,
    TILL,
    a_configuration,
    a_request,
    an_item,
    write_key_file,
)

DAY = 1440


@pytest.fixture
def clock() -> SetClock:
    return SetClock()


@pytest.fixture
def opened(tmp_path: Path, clock: SetClock) -> Iterator[tuple[Engine, ModuleStore]]:
    """A module that trusts OFFICE and has no authorisation yet."""
    engine, store = an_engine(tmp_path / "module", clock, trust=TRUST)
    yield engine, store
    store.close()


@pytest.fixture
def engine(opened: tuple[Engine, ModuleStore]) -> Engine:
    return opened[0]


# ---------------------------------------------------------------- C1: limits per key


def test_c1_units_of_a_key_are_counted_down_to_nothing_and_not_below(engine: Engine) -> None:
    load(engine, grants=(a_grant(units=1000, money=0),))
    sell(engine, 1, 700)
    assert refused(engine, a_request(2, NOON_TID + 2, units=301)) == "LIMIT_UNITS"
    sell(engine, 3, 300)
    assert refused(engine, a_request(4, NOON_TID + 4, units=1)) == "LIMIT_UNITS"
    assert engine.report(TILL).limits[0].units == 0
    assert engine.report(TILL).state == "limit_used"


def test_c1_what_a_token_carries_counts_not_what_was_asked(engine: Engine) -> None:
    load(engine, grants=(a_grant(units=16_393),))
    assert refused(engine, a_request(1, NOON_TID, units=16_385)) == "LIMIT_UNITS"  # 16 394


def test_c1_a_group_counts_as_a_whole_and_is_made_whole_or_not(engine: Engine) -> None:
    load(engine, grants=(a_grant(units=250),))
    request = a_request(1, NOON_TID, NOON_TID + 1, NOON_TID + 2, units=100)
    assert refused(engine, request) == "LIMIT_UNITS"
    assert engine.report(TILL).limits[0].units == 250
    engine.issue(order(a_request(2, NOON_TID, NOON_TID + 1, units=100)))
    assert engine.report(TILL).limits[0].units == 50


def test_c1_money_on_tokens_and_declared_value_have_limits_of_their_own(engine: Engine) -> None:
    load(engine, grants=(a_grant(units=1000, money=5_000_000, value=9_000),))
    in_money = TokenItem(TokenKind.CREDIT, 4, NOON_TID, 5_000_000, 5_000)
    request = replace(a_request(1), items=(in_money,))
    carried = amounts.decode_currency(*amounts.encode_currency(5_000_000))
    assert carried > 5_000_000
    assert refused(engine, request) == "LIMIT_CURRENCY"
    engine.issue(order(replace(request, sequence=2, items=(replace(in_money, units=4_900_000),))))
    dear = replace(an_item(NOON_TID + 1, 10), value_minor=4_001)
    assert refused(engine, replace(a_request(3), items=(dear,))) == "LIMIT_VALUE"
    engine.issue(order(replace(a_request(4), items=(replace(dear, value_minor=4_000),))))
    assert engine.report(TILL).limits[0].value_minor == 0


def test_c1_a_key_without_a_grant_has_nothing_and_the_others_are_not_touched(
    engine: Engine,
) -> None:
    load(engine)
    other = a_configuration(sgc="123456", krn=1)
    assert refused(engine, a_request(1, NOON_TID, configuration=other)) == "LIMIT_UNITS"
    sell(engine, 2)


def test_c1_the_credit_after_a_key_change_counts_for_the_new_key(engine: Engine) -> None:
    load(engine, grants=(a_grant(units=1000),))
    change = TokenItem(TokenKind.KEY_CHANGE, 0, 0, 0, 0, target=KeyTarget("201457", 1, "01"))
    request = replace(
        a_request(1, configuration=a_configuration(sgc="123456", krn=1)),
        items=(change, an_item(NOON_TID, 400)),
    )
    engine.issue(order(request))
    (limit,) = engine.report(TILL).limits
    assert (limit.sgc, limit.units) == ("201457", 600)


def test_c1_an_answer_said_again_costs_nothing(engine: Engine) -> None:
    load(engine, grants=(a_grant(units=100),))
    request = order(a_request(1, NOON_TID, units=100))
    first = engine.issue(request)
    assert engine.issue(request).tokens == first.tokens
    assert engine.report(TILL).limits[0].units == 0


def test_c1_a_refused_order_is_burnt_so_that_it_cannot_run_after_a_top_up(engine: Engine) -> None:
    load(engine, grants=(a_grant(units=100),))
    request = a_request(1, NOON_TID, units=101)
    assert refused(engine, request) == "LIMIT_UNITS"
    load(engine, 2)
    assert refused(engine, request) == "STALE"


@settings(max_examples=25, deadline=None)
@given(
    grants=st.lists(st.integers(0, 3000), min_size=1, max_size=4),
    asks=st.lists(st.tuples(st.integers(0, 3), st.integers(1, 1500)), max_size=25),
)
def test_c1_the_sum_of_tokens_never_passes_what_was_granted(
    tmp_path_factory: pytest.TempPathFactory, grants: list[int], asks: list[tuple[int, int]]
) -> None:
    engine, store = an_engine(tmp_path_factory.mktemp("c1"), trust=TRUST)
    granted = made = 0
    number = 0
    waiting = list(grants)
    for sequence, (turn, units) in enumerate(asks, start=1):
        if turn == 0 and waiting:
            granted += waiting.pop()
            number += 1
            load(engine, number, grants=(a_grant(units=granted),))
        try:
            sell(engine, sequence, units)
        except ModuleError:
            assert made + units > granted or number == 0
        else:
            made += units
        assert made <= granted
    if number:
        assert engine.report(TILL).limits[0].units == granted - made
    store.close()


# ---------------------------------------------------------------- C2: authorisations


def test_c2_without_an_authorisation_nothing_is_made(engine: Engine) -> None:
    assert refused(engine, a_request(1, NOON_TID)) == "AUTHORISATION_MISSING"
    assert (engine.report(TILL).state, engine.report(TILL).problem) == (
        "hold_lease",
        "AUTHORISATION_MISSING",
    )
    assert load(engine) == 1
    assert engine.report(TILL).state == "ready"
    sell(engine, 2)


@pytest.mark.parametrize(
    ("number", "code"),
    [(1, "AUTHORISATION_NUMBER"), (3, "AUTHORISATION_NUMBER"), (99, "AUTHORISATION_NUMBER")],
    ids=["replayed", "one left out", "far ahead"],
)
def test_c2_numbers_follow_one_another_without_a_gap(
    engine: Engine, number: int, code: str
) -> None:
    load(engine)
    again = an_authorisation(number, grants=(a_grant(units=1 << 41),))
    assert code_of(lambda: engine.load_authorisation(signed(again))) == code
    assert load(engine, 2) == 2


def test_c2_the_same_document_again_changes_nothing_and_is_no_fault(engine: Engine) -> None:
    document = signed(an_authorisation(grants=(a_grant(units=100),)))
    assert engine.load_authorisation(document) == engine.load_authorisation(document) == 1
    assert engine.report(TILL).limits[0].units == 100
    assert kinds(engine).count(AuditKind.AUTHORISATION) == 1


@pytest.mark.parametrize(
    ("changes", "keys", "code"),
    [
        ({"module_id": "REF-00000002"}, OFFICE, "AUTHORISATION_FOREIGN"),
        ({}, (STRANGER,), "SIGNERS_TOO_FEW"),
        ({}, (OFFICE[0],), "SIGNERS_TOO_FEW"),
        ({}, (OFFICE[0], STRANGER), "SIGNERS_TOO_FEW"),
        (
            {"issued_at": NOON - timedelta(days=91), "lease": None},
            OFFICE,
            "AUTHORISATION_EXPIRED",
        ),
    ],
    ids=["another module", "a stranger", "one of two", "one and a stranger", "ended"],
)
def test_c2_a_document_that_is_not_for_it_or_not_signed_enough_is_refused_and_written_down(
    engine: Engine, changes: dict[str, Any], keys: tuple[SigningKey, ...], code: str
) -> None:
    if changes.get("lease", 0) is None:
        changes = {**changes, "lease": Lease(1, 1, 1, 1, NOON - timedelta(seconds=1))}
    document = signed(an_authorisation(**changes), *keys)
    assert code_of(lambda: engine.load_authorisation(document)) == code
    assert kinds(engine)[-1] is AuditKind.REFUSAL
    assert last_body(engine)[10] == code
    assert engine.report(TILL).authorisation == 0
    assert refused(engine, a_request(1, NOON_TID)) == "AUTHORISATION_MISSING"


def test_c2_every_flipped_bit_of_a_document_is_refused(engine: Engine) -> None:
    document = signed(an_authorisation())
    for place in range(0, len(document)):
        broken = bytearray(document)
        broken[place] ^= 1 << place % 8
        with pytest.raises(ModuleError):
            engine.load_authorisation(bytes(broken))
    assert engine.report(TILL).authorisation == 0
    assert engine.load_authorisation(document) == 1


def test_c2_one_signer_is_enough_up_to_the_threshold_and_not_in_slices(engine: Engine) -> None:
    half = TWO_ABOVE_MINOR // 2
    one = (OFFICE[1],)
    load(engine, 1, *one, grants=(a_grant(units=half, money=0, value=half),))
    grown = {"grants": (a_grant(units=half, money=0, value=2 * half + 1),)}
    document = signed(an_authorisation(2, **grown), *one)
    assert code_of(lambda: engine.load_authorisation(document)) == "SIGNERS_TOO_FEW"
    load(engine, 2, *OFFICE, **grown)
    load(engine, 3, *one, grants=(a_grant(units=half, money=0, value=3 * half),))  # counts anew


def test_c2_energy_for_nothing_needs_two_signers_too(engine: Engine) -> None:
    free = an_authorisation(grants=(a_grant(units=TWO_ABOVE_MINOR + 1, money=0, value=0),))
    document = signed(free, OFFICE[0])
    assert code_of(lambda: engine.load_authorisation(document)) == "SIGNERS_TOO_FEW"


@pytest.mark.parametrize("less", ["units", "money", "value"])
def test_c2_no_total_ever_shrinks(engine: Engine, less: str) -> None:
    load(engine, grants=(a_grant(10, 10, 10),))
    shrunk = an_authorisation(
        2, grants=(a_grant(**{"units": 10, "money": 10, "value": 10, less: 9}),)
    )
    assert code_of(lambda: engine.load_authorisation(signed(shrunk))) == "AUTHORISATION_SHRINKS"


def test_c2_a_key_that_a_document_leaves_out_keeps_what_it_has(engine: Engine) -> None:
    load(engine, grants=(a_grant(units=500),))
    load(engine, 2, grants=(a_grant(sgc="123456"),))
    assert [limit.units for limit in engine.report(TILL).limits][1] == 500


def test_c2_the_currency_of_a_module_never_changes(engine: Engine) -> None:
    load(engine)
    other = signed(an_authorisation(2, currency_code="ZAR"))
    assert code_of(lambda: engine.load_authorisation(other)) == "AUTHORISATION_CURRENCY"


def test_c2_another_till_than_the_authorised_one_gets_nothing(engine: Engine) -> None:
    load(engine)
    assert refused(engine, a_request(1, NOON_TID, till=OTHER_TILL)) == "TILL_FOREIGN"


def test_c2_an_authorisation_outlives_the_process(tmp_path: Path) -> None:
    engine, store = an_engine(tmp_path, trust=TRUST)
    load(engine, grants=(a_grant(units=300),))
    sell(engine, 1, 100)
    store.close()
    engine, store = an_engine(tmp_path, trust=TRUST)
    assert (engine.report(TILL).authorisation, engine.report(TILL).limits[0].units) == (1, 200)
    assert load(engine, 2) == 2
    store.close()


def test_c2_a_laboratory_module_believes_nobody_and_sells(tmp_path: Path) -> None:
    engine, store = an_engine(tmp_path)
    assert code_of(lambda: load(engine)) == "AUTHORISATION_UNTRUSTED"
    sell(engine, 1)
    report = engine.report(TILL)
    assert (report.limited, report.state, report.limits, report.lease_until_ms) == (
        *(False, "ready"),
        *((), 0),
    )
    store.close()


# ---------------------------------------------------------------- C3: the life of keys


@pytest.mark.parametrize(
    ("changes", "at", "code"),
    [
        ({"active_from": "2026-03-04T12:00:00+00:00"}, -1, "KEY_NOT_ACTIVE"),
        ({"active_from": "2026-03-04T12:00:00+00:00"}, 0, ""),
        ({"issue_until": "2026-03-04T12:00:00+00:00"}, 0, ""),
        ({"issue_until": "2026-03-04T12:00:00+00:00"}, 1, "KEY_ISSUE_ENDED"),
    ],
)
def test_c3_a_key_works_from_its_first_to_its_last_second(
    tmp_path: Path, changes: dict[str, Any], at: int, code: str
) -> None:
    row = {**TEST_KEYS[0], "secret": HMAC_SECRET, **changes}
    found = load_key_file(write_key_file(tmp_path / "keys.json", [row]))
    create_store(tmp_path, bytes(32), MODULE_ID, found, 0, TRUST.to_text().encode())
    store = open_store(tmp_path, bytes(32))
    clock = SetClock(NOON + timedelta(seconds=at))
    engine = Engine(store, clock, CountedRandomness())
    load(engine)
    if code:
        assert refused(engine, a_request(1, NOON_TID)) == code
        assert engine.report(TILL).state == "key_expired"
    else:
        sell(engine, 1)
    (info,) = engine.report(TILL).keys
    assert max(info.active_from_ms, info.issue_until_ms) == 1_772_625_600_000
    store.close()


def test_c3_the_last_minute_of_a_ken_sells_and_the_next_does_not(tmp_path: Path) -> None:
    last = (86 << 16) - 1  # of KEN 85
    at = NOON + timedelta(minutes=last - NOON_TID)
    clock = SetClock(at)
    engine, store = an_engine(tmp_path, clock, begun=at - timedelta(days=1))
    ending = a_configuration(krn=2)
    engine.issue(order(a_request(1, last, configuration=ending)))
    clock.move(minutes=1)
    assert refused(engine, a_request(2, last + 1, configuration=ending)) == "KEY_EXPIRED"
    store.close()


# ---------------------------------------------------------------- C4: the lease and the audit


def test_c4_the_lease_ends_days_after_the_last_signed_word(engine: Engine, clock: SetClock) -> None:
    load(engine, lease_days=7)
    clock.move(days=7)
    sell(engine, 1, tid=NOON_TID + 7 * DAY)
    clock.move(seconds=1)
    assert refused(engine, a_request(2, NOON_TID + 7 * DAY + 1)) == "LEASE_EXPIRED"
    assert engine.report(TILL).state == "hold_lease"
    engine.acknowledge(an_acknowledgement(engine, clock.now()))
    sell(engine, 3, tid=NOON_TID + 7 * DAY + 1)
    clock.move(days=8)
    load(engine, 2, lease_days=7, issued_at=clock.now())
    sell(engine, 4, tid=NOON_TID + 15 * DAY)


def test_c4_tokens_that_head_office_has_not_seen_are_counted_and_one_too_many_is_refused(
    engine: Engine,
) -> None:
    load(engine, unacknowledged_max=5)
    engine.issue(order(a_request(1, *range(NOON_TID, NOON_TID + 4))))
    assert refused(engine, a_request(2, NOON_TID + 5, NOON_TID + 6)) == "AUDIT_FULL"
    sell(engine, 3, tid=NOON_TID + 5)
    assert refused(engine, a_request(4, NOON_TID + 6)) == "AUDIT_FULL"
    report = engine.report(TILL)
    assert (report.state, report.unacknowledged, report.unacknowledged_max) == ("hold_audit", 5, 5)
    engine.acknowledge(an_acknowledgement(engine, NOON))
    assert engine.report(TILL).unacknowledged == 0
    sell(engine, 5, tid=NOON_TID + 6)


def test_c4_an_acknowledgement_of_a_part_frees_that_part(engine: Engine) -> None:
    load(engine, unacknowledged_max=3)
    sell(engine, 1)
    after_one = len(whole_audit(engine))
    sell(engine, 2)
    sell(engine, 3)
    engine.acknowledge(an_acknowledgement(engine, NOON, after_one))
    assert engine.report(TILL).unacknowledged == 2


def test_c4_only_head_offices_word_about_this_very_chain_counts(engine: Engine) -> None:
    load(engine, unacknowledged_max=1)
    sell(engine, 1)
    wrong = [
        (an_acknowledgement(engine, NOON, None, STRANGER), "SIGNERS_TOO_FEW"),
        (an_acknowledgement(engine, NOON, module_id="REF-00000002"), "AUTHORISATION_FOREIGN"),
        (an_acknowledgement(engine, NOON, hash32=bytes(32)), "ACKNOWLEDGEMENT_OTHER"),
        (an_acknowledgement(engine, NOON, number=0), "ACKNOWLEDGEMENT_OTHER"),
        (an_acknowledgement(engine, NOON, number=10_000), "ACKNOWLEDGEMENT_OTHER"),
        (an_acknowledgement(engine, NOON)[:-1], "CBOR_INVALID"),
    ]
    for document, code in wrong:
        assert code_of(lambda document=document: engine.acknowledge(document)) == code
    assert engine.report(TILL).unacknowledged == 1
    newest = an_acknowledgement(engine, NOON)
    older = an_acknowledgement(engine, NOON, 3)
    engine.acknowledge(newest)
    engine.acknowledge(newest)
    assert code_of(lambda: engine.acknowledge(older)) == "ACKNOWLEDGEMENT_OLD"


# ---------------------------------------------------------------- C5: the clock


def test_c5_a_clock_a_day_back_stops_the_module_and_says_so(
    engine: Engine, clock: SetClock
) -> None:
    load(engine)
    sell(engine, 1)
    clock.move(days=-1)
    assert refused(engine, a_request(2, NOON_TID + 2)) == "CLOCK_BEHIND"
    assert engine.report(TILL).state == "clock_bad"
    clock.move(days=1)
    sell(engine, 3)


def test_c5_a_clock_a_day_ahead_sells_within_the_lease_and_a_year_ahead_does_not(
    engine: Engine, clock: SetClock
) -> None:
    load(engine)
    clock.move(days=365)
    assert refused(engine, a_request(1, NOON_TID + 365 * DAY)) == "LEASE_EXPIRED"
    clock.move(days=-364)
    sell(engine, 2, tid=NOON_TID + DAY)


def test_c5_a_signed_word_is_a_proof_that_its_time_has_passed(
    engine: Engine, clock: SetClock
) -> None:
    load(engine, issued_at=NOON + timedelta(days=3))
    assert refused(engine, a_request(1, NOON_TID)) == "CLOCK_BEHIND"
    clock.move(days=3)
    sell(engine, 2, tid=NOON_TID + 3 * DAY)


def test_c5_minutes_between_the_clocks_of_office_and_module_stop_nobody(engine: Engine) -> None:
    load(engine, issued_at=NOON + timedelta(minutes=50))
    sell(engine, 1)


def test_c5_a_floor_that_a_false_clock_left_in_the_future_falls_by_head_offices_word(
    engine: Engine, clock: SetClock
) -> None:
    load(engine)
    clock.move(days=30)
    sell(engine, 1, tid=NOON_TID + 30 * DAY)
    clock.move(days=-30)
    assert refused(engine, a_request(2, NOON_TID + 2)) == "CLOCK_BEHIND"
    before_it = an_acknowledgement(engine, clock.now(), 2)  # does not know of that entry
    engine.acknowledge(before_it)
    assert refused(engine, a_request(3, NOON_TID + 2)) == "CLOCK_BEHIND"
    engine.acknowledge(an_acknowledgement(engine, clock.now()))
    assert kinds(engine)[-1] is AuditKind.CLOCK
    other = "0100000000008"
    engine.issue(order(a_request(4, NOON_TID + 2, meter=other)))
    assert refused(engine, a_request(5, NOON_TID + 2)) == "TID_WINDOW"  # that meter is spoilt


def test_c5_an_old_word_lets_the_floor_fall_no_lower_than_a_newer_one_proved(
    engine: Engine, clock: SetClock
) -> None:
    load(engine)
    clock.move(days=30)
    sell(engine, 1, tid=NOON_TID + 30 * DAY)
    clock.move(days=-20)
    load(engine, 2, issued_at=clock.now())
    engine.acknowledge(an_acknowledgement(engine, NOON + timedelta(days=1)))
    clock.move(days=-5)
    assert refused(engine, a_request(2, NOON_TID, meter="0100000000008")) == "CLOCK_BEHIND"
    clock.move(days=5)
    engine.issue(order(a_request(3, NOON_TID + 10 * DAY, meter="0100000000008")))


def test_c5_opening_hours_hold_to_the_minute(engine: Engine, clock: SetClock) -> None:
    noon = 2 * DAY + 12 * 60  # a Wednesday
    load(engine, opening_hours=((noon, noon + 60),))
    sell(engine, 1)
    clock.move(minutes=59, seconds=59)
    sell(engine, 2)
    clock.move(seconds=1)
    assert refused(engine, a_request(3, NOON_TID + 3)) == "OUTSIDE_HOURS"
    assert engine.report(TILL).problem == "OUTSIDE_HOURS"
    clock.move(days=6, hours=23)
    sell(engine, 4, tid=NOON_TID + 7 * DAY)


# ---------------------------------------------------------------- C6: the TID


def test_c6_the_module_takes_exactly_the_proposed_tid_or_says_the_lowest(engine: Engine) -> None:
    load(engine)
    sell(engine, 1, tid=NOON_TID)
    with pytest.raises(ModuleError) as caught:
        engine.issue(order(a_request(2, NOON_TID)))
    said = caught.value.params
    assert (said["lowest_tid"], said["base_date"]) == (NOON_TID + 1, 2014)


def test_c6_a_refused_tid_costs_nothing_of_the_limit(engine: Engine) -> None:
    load(engine, grants=(a_grant(units=200),))
    sell(engine, 1, 100, tid=NOON_TID)
    assert refused(engine, a_request(2, NOON_TID, units=100)) == "TID_WINDOW"
    assert engine.report(TILL).limits[0].units == 100
