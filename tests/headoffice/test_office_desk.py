"""What head office answers a till, good and bad; facts arrive once, whole and in order."""

import random
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import select, update

from posapp.codec import cbor
from posapp.codec.pin import pin_fits
from posapp.codec.signing import SigningKey
from posapp.errors import HeadOfficeError, InputError
from posapp.headoffice import admin, feed, projector, schema
from posapp.headoffice.desk import Desk
from posapp.headoffice.totals import totals
from posapp.ports import LinkState
from posapp.sync.enrol import enrol
from posapp.sync.http_sync import HttpSync
from posapp.wire import envelope
from posapp.wire.envelope import Request
from posapp.wire.feed import Entity, till_scope
from posapp.wire.lease import SignedLease
from posapp.wire.messages import Message, Pull, Pushed, Refused, Verdict
from tests.journals import Journal
from tests.office import (
    SOFTWARE,
    DirectLine,
    FixedClock,
    SeededRandomness,
    a_push,
    an_office,
    ask,
    count,
    dump,
    enrolled_till,
    reopened,
)
from tests.sync_store import MemorySyncStore

# ---------------------------------------------------------------- a day


def test_a_day_of_sales_arrives_once_and_adds_up(office, till):
    till.journal.open()
    sold = [till.journal.sell() for _ in range(40)]
    status = till.sync.run_once()
    assert (status.state, status.waiting, status.problem) == (LinkState.ONLINE, 0, "")
    assert till.store.acked == till.journal.head.seq
    with office.database.read() as connection:
        day = totals(connection, sold[0].business_date)
    assert day.sales == 40
    assert day.amount_minor == {"KES": sum(sale.amount_minor for sale in sold)}
    assert day.units_tenths == sum(sale.units_tenths for sale in sold)
    assert sum(day.tills[0].accounts.values()) == 0
    assert day.tills[0].accounts["CASH"] == day.amount_minor["KES"]
    assert (day.tills[0].unresolved, day.tills[0].waiting) == (0, 0)
    assert till.sync.run_once().state is LinkState.ONLINE
    assert count(office, schema.sale) == 40
    assert count(office, schema.batch) == 1


def test_a_till_that_was_offline_says_so_and_catches_up(till, line):
    line.down = True
    till.journal.sell()
    status = till.sync.run_once()
    assert (status.state, status.problem, status.waiting) == (LinkState.OFFLINE, "LINE_DOWN", 2)
    assert status.since is not None
    assert status.last_contact is None
    assert 0 <= till.sync.pause_ms() <= 10_000
    line.down = False
    assert till.sync.run_once().waiting == 0


def test_an_answer_that_is_lost_changes_nothing(office, till, line):
    till.journal.open()
    for _ in range(5):
        till.journal.sell()
        line.losing_answers = 2
        assert till.sync.run_once().state is LinkState.OFFLINE
        assert till.sync.run_once().state is LinkState.OFFLINE
    assert till.sync.run_once().state is LinkState.ONLINE
    assert count(office, schema.sale) == 5
    assert count(office, schema.journal) == len(till.journal.entries)


def test_every_captured_request_may_be_replayed_in_any_order(office, till, line):
    till.journal.open()
    for _ in range(6):
        till.journal.sell()
        till.sync.run_once()
    everything = (schema.journal, schema.sale, schema.token, schema.posting, schema.batch)
    before = dump(office, *everything)
    captured = list(line.frames)
    random.Random(3).shuffle(captured)
    for message, frame, _ in captured + captured:
        if message is not Message.ENROL:
            line.desk.answer(message, frame)
    assert dump(office, *everything) == before
    assert count(office, schema.incident) == 0
    till.journal.sell()
    assert till.sync.run_once().state is LinkState.ONLINE


def test_a_long_journal_goes_up_in_several_batches(office, till):
    small = replace(till.sync._state, batch_bytes=4096)
    till.sync._state = small
    for _ in range(150):
        till.journal.sell()
    assert till.sync.run_once().waiting == 0
    assert count(office, schema.batch) > 1
    assert count(office, schema.sale) == 150


# ---------------------------------------------------------------- pushes by hand


def test_a_gap_is_answered_with_where_to_start(till, line):
    till.journal.sell()
    till.journal.sell()
    answer = ask(line, till, Message.PUSH, a_push(till, 2, 4).to_body())
    assert answer == Pushed(Verdict.GAP, 0, till.journal.heads[0].hash)


def test_an_overlap_that_is_byte_equal_is_taken_and_adds_only_what_is_new(office, till, line):
    till.journal.sell()
    till.journal.sell()
    assert ask(line, till, Message.PUSH, a_push(till, 0, 2).to_body()).seq == 2
    assert ask(line, till, Message.PUSH, a_push(till, 0, 4).to_body()).seq == 4
    assert ask(line, till, Message.PUSH, a_push(till, 1, 3).to_body()).seq == 4
    assert count(office, schema.journal) == 4


def test_another_history_is_a_fork_and_kept_as_evidence_once(office, till, line, expect_log):
    expect_log("till 0417 pushed and was answered FORK")
    till.journal.sell()
    ask(line, till, Message.PUSH, a_push(till, 0, 2).to_body())
    twin = Journal(random.Random(99), till.journal.till_id)
    twin.sell()
    twin.sell()
    other = replace(till, journal=twin)
    for _ in range(3):
        assert ask(line, till, Message.PUSH, a_push(other, 0, 4).to_body()).verdict is Verdict.FORK
        assert ask(line, till, Message.PUSH, a_push(other, 2, 4).to_body()).verdict is Verdict.FORK
    assert count(office, schema.incident) == 2
    assert count(office, schema.journal) == 2
    assert count(office, schema.sale) == 1


def test_a_head_signed_by_another_key_is_invalid_and_kept(office, till, line, expect_log):
    expect_log("till 0417 pushed and was answered INVALID")
    till.journal.sell()
    foreign = till.journal.heads[2].sign(SigningKey(bytes(32)))
    answer = ask(line, till, Message.PUSH, a_push(till, 0, 2, signature=foreign).to_body())
    assert answer.verdict is Verdict.INVALID
    assert count(office, schema.journal) == 0
    assert count(office, schema.incident) == 1


@pytest.mark.parametrize("change", [{"batch": b"\x01rubbish"}, {"epoch": 9}])
def test_a_batch_that_cannot_be_read_is_invalid_and_kept(office, till, line, change, expect_log):
    expect_log("till 0417 pushed and was answered INVALID")
    till.journal.sell()
    answer = ask(line, till, Message.PUSH, a_push(till, 0, 2, **change).to_body())
    assert answer.verdict is Verdict.INVALID
    assert count(office, schema.incident) == 1


def test_a_frame_with_another_key_is_refused(till, line):
    till.journal.sell()
    body = a_push(till, 0, 2).to_body()
    assert ask(line, till, Message.PUSH, body, SigningKey(bytes(32))) == Refused(
        "SIGNATURE_INVALID"
    )


def test_flipped_and_cut_frames_never_change_anything(office, till, line):
    till.journal.sell()
    body = a_push(till, 0, 2).to_body()
    request = Request(Message.PUSH, till.journal.till_id, b"nonce--8", FixedClock().now(), body)
    good = envelope.write_request(request, till.store.key.sign)
    rng = random.Random(4)
    for _ in range(60):
        changed = bytearray(good[: rng.choice([len(good), rng.randrange(len(good))])])
        if changed and len(changed) == len(good):
            changed[rng.randrange(len(changed))] ^= 1 << rng.randrange(8)
        try:
            answer = line.desk.answer(Message.PUSH, bytes(changed))
        except InputError as error:
            known = error.code
        else:
            known = Refused.from_body(envelope.claimed_reply(answer).body).code
        assert known in ("FRAME_INVALID", "FRAME_VERSION", "SIGNATURE_INVALID", "TILL_UNKNOWN")
    assert count(office, schema.journal) == 0
    assert count(office, schema.incident) == 0


def test_a_reply_from_someone_else_is_not_believed(till, line, clock):
    class Impostor(DirectLine):
        def exchange(self, message, frame):
            reply = envelope.claimed_reply(super().exchange(message, frame))
            return envelope.write_reply(reply, frame, SigningKey(bytes(32)).sign)

    till.journal.sell()
    sync = HttpSync(till.store, Impostor(line.desk), clock, SeededRandomness(2), software=SOFTWARE)
    status = sync.run_once()
    assert (status.state, status.problem) == (LinkState.OFFLINE, "REPLY_FORGED")
    assert status.last_contact is None
    assert till.store.acked == 0


def test_only_the_tills_own_scopes_are_given(till, line):
    foreign = Pull(till_scope(bytes(16)), 0, 1000)
    assert ask(line, till, Message.PULL, foreign.to_body()) == Refused("SCOPE_FORBIDDEN")


# ---------------------------------------------------------------- rollback, clones, suspension


def test_a_till_restored_from_a_backup_is_told_and_loses_nothing_of_what_is_here(
    office, till, expect_log
):
    expect_log("answered FORK")
    till.journal.open()
    for _ in range(4):
        till.journal.sell()
    till.sync.run_once()
    kept = count(office, schema.journal)
    del till.journal.entries[6:], till.journal.heads[7:]
    till.store.acked = 6
    status = till.sync.run_once()
    assert (status.state, status.problem) == (LinkState.SUSPENDED, "TILL_ROLLED_BACK")
    for _ in range(4):
        till.journal.sell()
    status = till.sync.run_once()
    assert (status.state, status.problem) == (LinkState.SUSPENDED, "TILL_FORKED")
    assert count(office, schema.journal) == kept
    assert till.store.contact().problem == "TILL_FORKED"
    assert count(office, schema.incident) == 1, "the till's side of it is kept as evidence"
    till.journal.sell()
    assert till.sync.run_once().problem == "TILL_FORKED"
    assert count(office, schema.incident) == 1, "and shown once"


def test_a_suspension_is_remembered_over_a_restart_of_the_till(office, till, line, clock):
    till.sync.run_once()
    admin.set_suspended(office, "0417", suspended=True)
    assert till.sync.run_once().problem == "TILL_SUSPENDED"
    again = HttpSync(till.store, line, clock, SeededRandomness(3), software=SOFTWARE)
    assert again.status().state is LinkState.SUSPENDED
    till.journal.sell()
    assert ask(line, till, Message.PUSH, a_push(till, 0, 2).to_body()).verdict is Verdict.SUSPENDED
    admin.set_suspended(office, "0417", suspended=False)
    assert again.run_once().state is LinkState.ONLINE
    assert again.status().waiting == 0


def test_a_till_that_only_a_person_can_help_asks_every_quarter_of_an_hour(office, till):
    till.sync.run_once()
    admin.set_suspended(office, "0417", suspended=True)
    for _ in range(3):
        assert till.sync.run_once().state is LinkState.SUSPENDED
        pauses = [till.sync.pause_ms() for _ in range(50)]
        assert 450_000 <= min(pauses) < max(pauses) <= 900_000
    admin.set_suspended(office, "0417", suspended=False)
    assert till.sync.run_once().state is LinkState.ONLINE
    assert till.sync.pause_ms() <= 5_000


def test_a_role_of_newer_software_is_passed_over_and_said_once(office, till, caplog):
    caplog.set_level("INFO")
    admin.add_operator(office, "Grace", "clerk", "246810")
    with office.write() as connection:
        row = connection.execute(select(schema.feed).where(schema.feed.c.entity == "operator"))
        body = cbor.decode(row.one().body)
        body[2] = "inspector"
        connection.execute(
            update(schema.feed)
            .where(schema.feed.c.entity == "operator")
            .values(body=cbor.encode(body))
        )
    number = admin.add_operator(office, "Kwame", "clerk", "975310")
    for _ in range(3):
        assert till.sync.run_once().problem == ""
    assert [key for entity, key in till.store.values if entity == "operator"] == [str(number)]
    said = [r for r in caplog.records if "newer software" in r.getMessage()]
    assert [(r.levelname, r.name) for r in said] == [("INFO", "posapp.sync.http_sync")]


def test_a_till_nobody_knows_is_suspended(till, line, clock):
    stranger = Journal(random.Random(5))
    store = MemorySyncStore(stranger, till.store.key, till.store.office_key)
    sync = HttpSync(store, line, clock, SeededRandomness(3), software=SOFTWARE)
    assert sync.run_once().problem == "TILL_UNKNOWN"
    assert sync.status().state is LinkState.SUSPENDED


def test_a_head_office_restored_from_yesterday_gets_everything_again(tmp_path, clock):
    office = an_office(tmp_path / "a", clock)
    till = enrolled_till(office, DirectLine(Desk(office)), clock=clock)
    till.journal.open()
    till.journal.sell()
    till.sync.run_once()
    with office.database.write() as connection:  # yesterday's backup had only three entries
        journal = schema.journal
        connection.execute(journal.delete().where(journal.c.seq > 3))
        connection.execute(
            schema.till_branch.update().values(seq=3, hash=till.journal.heads[3].hash)
        )
        projector.forget(connection)
    office = reopened(office)
    desk = Desk(office)
    desk.catch_up()
    till.journal.sell()
    sync = HttpSync(till.store, DirectLine(desk), clock, SeededRandomness(4), software=SOFTWARE)
    assert sync.run_once().waiting == 0
    assert count(office, schema.journal) == len(till.journal.entries)
    assert count(office, schema.sale) == 2
    office.close()


# ---------------------------------------------------------------- leases and rows


def test_a_lease_is_renewed_when_half_of_it_is_over_and_its_number_grows(office, till, clock):
    till.sync.run_once()
    first = till.store.values["lease", "lease"].lease
    assert first == till.answer.lease.lease
    clock.pass_by(days=6)
    till.sync.run_once()
    assert till.store.values["lease", "lease"].lease == first
    clock.pass_by(days=2)
    till.sync.run_once()
    second = till.store.values["lease", "lease"].lease
    assert second.number == first.number + 1
    assert second.valid_until == clock.now() + timedelta(days=14)
    assert admin.add_float(office, "0417", 5_000) == 10_005_000
    till.sync.run_once()
    third = till.store.values["lease", "lease"].lease
    assert (third.number, third.authorised_total_minor) == (second.number + 1, 10_005_000)
    with pytest.raises(InputError, match="FLOAT_NOT_POSITIVE"):
        admin.add_float(office, "0417", 0)


def test_a_lease_made_for_another_till_is_not_taken(office, till):
    other = SignedLease.sign(bytes(16), replace(till.answer.lease.lease, number=9), office.key)
    with office.write() as connection:
        scope = till_scope(till.journal.till_id)
        feed.publish(connection, [feed.Change(scope, Entity.LEASE, "lease", other)])
    assert till.sync.run_once().problem == "LEASE_FOREIGN"
    assert ("lease", "lease") not in till.store.values


def test_a_suspended_till_gets_no_new_lease(office, till, clock):
    till.sync.run_once()
    admin.set_suspended(office, "0417", suspended=True)
    clock.pass_by(days=13)
    till.sync.run_once()
    assert till.store.values["lease", "lease"].lease.number == 1


def test_operators_come_down_with_their_verifiers_and_the_tills_clock_gets_a_floor(
    office, till, clock
):
    number = admin.add_operator(office, "Grace Otieno", "clerk", "246810")
    clock.pass_by(hours=1)
    till.sync.run_once()
    record = till.store.values["operator", str(number)]
    assert record.operator.name == "Grace Otieno"
    assert record.pin_verifier.startswith("$argon2id$")
    assert till.store.floor == clock.now()


# ---------------------------------------------------------------- enrolment


def ask_to_enrol(line, code: str, seed: int = 1, clock=None):
    key = SigningKey(bytes([seed]) * 32)
    return enrol(
        line, code, clock or FixedClock(), SeededRandomness(seed), signing_key=key, software="x"
    )


def a_code(office) -> str:
    from tests.office import TERMS

    admin.set_up_till(office, "0001", "", "", "", TERMS)
    return admin.make_code(office, "0001").text


def test_a_code_works_once_but_its_own_till_may_ask_again(office, line):
    code = a_code(office)
    line.losing_answers = 2  # the till's own retries get through the third time
    first = ask_to_enrol(line, code)
    assert ask_to_enrol(line, code) == first
    with pytest.raises(HeadOfficeError, match="ENROL_CODE_USED"):
        ask_to_enrol(line, code, seed=2)


def replayed(line):
    """What head office answers to the captured enrolment now: the code of its refusal."""
    message, frame, _ = line.frames[0]
    assert message is Message.ENROL
    claimed = envelope.claimed_reply(line.desk.answer(message, frame))
    return Refused.from_body(claimed.body).code if claimed.message == Message.ERROR else ""


@pytest.mark.usefixtures("till")
def test_a_captured_enrolment_is_worth_nothing_after_the_codes_end(line, clock):
    assert replayed(line) == ""
    clock.pass_by(days=40)
    assert replayed(line) == "ENROL_CODE_EXPIRED"


def test_a_captured_enrolment_is_worth_nothing_after_the_tills_first_word(line, till):
    till.sync.run_once()
    assert replayed(line) == "ENROL_CODE_USED"


@pytest.mark.usefixtures("till")
def test_a_captured_enrolment_is_worth_nothing_while_the_till_is_suspended(line, office):
    admin.set_suspended(office, "0417", suspended=True)
    assert replayed(line) == "TILL_SUSPENDED"


def test_a_till_suspended_before_it_came_is_not_taken_in(line, office):
    code = a_code(office)
    admin.set_suspended(office, "0001", suspended=True)
    with pytest.raises(HeadOfficeError, match="TILL_SUSPENDED"):
        ask_to_enrol(line, code)


def test_a_person_gets_a_new_pin_and_a_person_leaves(office, till, line):
    first = admin.add_operator(office, "Grace", "clerk", "246810")
    second = admin.add_operator(office, "Kwame", "vendor", "975310")
    till.sync.run_once()
    before = till.store.values["operator", str(first)]
    assert admin.set_pin(office, first, "135791").name == "Grace"
    assert admin.remove_operator(office, second).name == "Kwame"
    till.sync.run_once()
    record = till.store.values["operator", str(first)]
    assert pin_fits("135791", record.pin_verifier)
    assert record == replace(before, pin_verifier=record.pin_verifier)
    assert ("operator", str(second)) not in till.store.values
    for number in (second, 77, 0, -1, 1 << 70):
        with pytest.raises(InputError, match="OPERATOR_UNKNOWN"):
            admin.set_pin(office, number, "135791")
        with pytest.raises(InputError, match="OPERATOR_UNKNOWN"):
            admin.remove_operator(office, number)
    assert admin.add_operator(office, "Amina", "vendor", "864213") == second + 1
    newcomer = ask_to_enrol(line, a_code(office), seed=9)
    names = [one.operator.name for one in newcomer.operators]
    assert "Kwame" not in names and {"Grace", "Amina"} <= set(names)


def test_five_wrong_tries_end_a_code(office, line):
    code = a_code(office)
    wrong = code[:4] + "".join("A" if char != "A" else "B" for char in code[4:])
    for _ in range(5):
        with pytest.raises(HeadOfficeError, match="ENROL_CODE_WRONG"):
            ask_to_enrol(line, wrong)
    with pytest.raises(HeadOfficeError, match="ENROL_CODE_BLOCKED"):
        ask_to_enrol(line, code)
    fresh = admin.make_code(office, "0001").text
    assert ask_to_enrol(line, fresh).site.till_code == "0001"


def test_a_code_ends_after_three_days(office, line, clock):
    code = a_code(office)
    clock.pass_by(hours=73)
    with pytest.raises(HeadOfficeError, match="ENROL_CODE_EXPIRED"):
        ask_to_enrol(line, code)


def test_a_code_that_was_never_made_is_wrong(line):
    with pytest.raises(HeadOfficeError, match="ENROL_CODE_WRONG"):
        ask_to_enrol(line, "A" * 16)


def test_a_till_that_has_spoken_gets_no_second_code(office, till):
    till.sync.run_once()
    with pytest.raises(InputError, match="TILL_ALREADY_ENROLLED"):
        admin.make_code(office, "0417")


def test_a_till_whose_first_answer_was_lost_with_its_key_may_get_a_new_code(office, line):
    lost = ask_to_enrol(line, a_code(office), seed=1)
    again = ask_to_enrol(line, admin.make_code(office, "0001").text, seed=2)
    assert again.till_id == lost.till_id


def test_a_head_office_that_does_not_know_the_code_cannot_take_a_till_in(office, line):
    class Impostor(DirectLine):
        def exchange(self, message, frame):
            reply = envelope.claimed_reply(super().exchange(message, frame))
            body = {**reply.body, 1: SigningKey(bytes(32)).public}
            return envelope.write_reply(
                replace(reply, body=body), frame, SigningKey(bytes(32)).sign
            )

    with pytest.raises(InputError, match="ENROL_REPLY_FORGED"):
        ask_to_enrol(Impostor(line.desk), a_code(office))
