"""Modules at head office: numbers without gaps, totals that only grow, copies that show."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from posapp.codec.signing import SigningKey
from posapp.db import migrations
from posapp.db.engine import open_sqlcipher
from posapp.errors import InputError
from posapp.headoffice import admin, modules
from posapp.headoffice import office as offices
from posapp.headoffice.modules import Growth, Terms
from posapp.headoffice.schema import (
    module,
    module_authorisation,
    module_entry,
    module_fork,
    module_grant,
)
from posapp.headoffice.schema import till as tills
from posapp.security_module.reference import limits
from posapp.wire.audit import AuditHead
from posapp.wire.authorisation import SignedAuthorisation
from tests.ceremony import MODULE_ID, BookModule
from tests.office import STORE_KEY, TERMS, FixedClock, an_office, count, reopened

KEY = ("201457", 1)
OTHER_KEY = ("600675", 2)
SECOND = SigningKey(bytes([9]) * 32)
STRANGER = SigningKey(bytes([8]) * 32)
MODULE = BookModule()


@pytest.fixture
def home(office):
    """An office with one till and one module that it knows."""
    admin.set_up_till(office, "0417", "", "Mama Njeri", "Market St 3", TERMS)
    modules.register(office, MODULE.card)
    return office


def terms(*, days=14, unacknowledged=500, hours=(), **growths) -> Terms:
    growths = {KEY: Growth(**growths)} if growths else {}
    return Terms(growths, days, unacknowledged, hours)


def refused(call, *arguments, **more):
    with pytest.raises(InputError) as caught:
        call(*arguments, **more)
    return caught.value.code


# --- authorisations -----------------------------------------------------------------------------


def test_an_authorisation_says_what_was_asked_and_is_the_tills_lease(home, clock):
    issued = modules.authorise(
        home, MODULE_ID, "0417", terms(units=1000, money_units=7, value_minor=50, hours=((1, 2),))
    )
    said = issued.signed.authorisation
    issued.signed.check({home.key.public}, 1)
    assert issued.complete
    assert (said.module_id, said.number, said.issued_at) == (MODULE_ID, 1, clock.now())
    (grant,) = said.grants
    assert (grant.sgc, grant.krn) == KEY
    assert (grant.units_total, grant.money_units_total, grant.value_total_minor) == (1000, 7, 50)
    assert (said.lease_days, said.unacknowledged_max, said.currency_code) == (14, 500, "KES")
    assert said.opening_hours == ((1, 2),)
    assert said.lease.number == 1
    assert said.lease.authorised_total_minor == TERMS.authorised_minor
    assert said.lease.valid_until == clock.now() + timedelta(days=14)


def test_the_lease_in_it_is_the_one_that_goes_down_the_line(office, till):
    modules.register(office, MODULE.card)
    said = modules.authorise(office, MODULE_ID, "0417", terms(days=30)).signed.authorisation
    assert said.till_id == till.answer.till_id
    assert said.lease.number == till.answer.lease.lease.number + 1
    till.sync.run_once()
    assert till.store.values["lease", "lease"].lease == said.lease


def test_numbers_have_no_gaps_and_totals_only_grow(home):
    first = modules.authorise(home, MODULE_ID, "0417", terms(units=10)).signed.authorisation
    home = reopened(home)
    grown = Terms({KEY: Growth(units=5), OTHER_KEY: Growth(value_minor=3)}, 7, 100)
    second = modules.authorise(home, MODULE_ID, "0417", grown).signed.authorisation
    third = modules.authorise(home, MODULE_ID, "0417", terms()).signed.authorisation
    home.close()
    assert [a.number for a in (first, second, third)] == [1, 2, 3]
    assert [g.units_total for g in second.grants] == [15, 0]
    assert third.grants == second.grants
    assert [a.lease.number for a in (first, second, third)] == [1, 2, 3]


def test_a_refused_authorisation_leaves_no_trace(home):
    for code, arguments in {
        "MODULE_NOT_REGISTERED": ("REF-OTHER", "0417", terms(units=1)),
        "TILL_UNKNOWN": (MODULE_ID, "9999", terms(units=1)),
        "GROWTH_RANGE": (MODULE_ID, "0417", terms(units=-1)),
        "AUTHORISATION_INVALID": (MODULE_ID, "0417", terms(days=0)),
    }.items():
        assert refused(modules.authorise, home, *arguments) == code
    too_long = terms(days=91)
    too_many = terms(unacknowledged=0)
    too_much = terms(units=1 << 63)
    for wish in (too_long, too_many, too_much):
        assert refused(modules.authorise, home, MODULE_ID, "0417", wish) == "AUTHORISATION_INVALID"
    assert count(home, module_authorisation) == count(home, module_grant) == 0
    with home.database.read() as connection:
        assert connection.execute(select(tills.c.lease_number)).scalar_one() == 0


def test_a_suspended_till_gets_nothing(home):
    admin.set_suspended(home, "0417", suspended=True)
    assert refused(modules.authorise, home, MODULE_ID, "0417", terms()) == "TILL_SUSPENDED"


def test_a_module_stays_at_its_till(home):
    admin.set_up_till(home, "0418", "", "", "", TERMS)
    modules.authorise(home, MODULE_ID, "0417", terms())
    assert refused(modules.authorise, home, MODULE_ID, "0418", terms()) == "MODULE_AT_TILL"


def test_a_till_may_have_a_spare_module(home):
    spare = BookModule("REF-SPARE", 60)
    modules.register(home, spare.card)
    numbers = [
        modules.authorise(home, name, "0417", terms(units=4)).signed.authorisation
        for name in (MODULE_ID, "REF-SPARE", MODULE_ID)
    ]
    assert [(a.number, a.lease.number) for a in numbers] == [(1, 1), (1, 2), (2, 3)]
    assert [a.grants[0].units_total for a in numbers] == [4, 4, 8]


def test_above_the_threshold_two_sign(home):
    trust = modules.set_trust(home, [SECOND.public], [], 300)
    for wish in ({"units": 301}, {"money_units": 300_001}, {"value_minor": 301}):
        asked = (home, MODULE_ID, "0417", terms(**wish))
        with pytest.raises(InputError) as caught:
            modules.authorise(*asked)
        assert (caught.value.code, caught.value.params) == (
            "SIGNERS_TOO_FEW",
            {"found": 1, "needed": 2},
        )
        issued = modules.authorise(*asked, [SECOND])
        issued.signed.check(trust.office, 2)
    small = modules.authorise(home, MODULE_ID, "0417", terms(units=100, value_minor=300))
    assert (small.needed, small.signed.authorisation.number) == (1, 4)


def test_the_threshold_counts_all_keys_together(home):
    modules.set_trust(home, [SECOND.public], [], 100)
    both = Terms({KEY: Growth(units=60), OTHER_KEY: Growth(units=60)}, 14, 100)
    assert refused(modules.authorise, home, MODULE_ID, "0417", both) == "SIGNERS_TOO_FEW"


def test_one_signer_cannot_grant_a_lot_in_small_pieces(home):
    modules.set_trust(home, [SECOND.public], [], 100)
    piece = (MODULE_ID, "0417", terms(units=50))
    assert [modules.authorise(home, *piece).needed for _ in range(2)] == [1, 1]
    home = reopened(home)
    assert refused(modules.authorise, home, *piece) == "SIGNERS_TOO_FEW"
    assert modules.authorise(home, *piece, [SECOND]).needed == 2
    assert modules.authorise(home, *piece).needed == 1  # two have seen what there was
    home.close()


def test_what_the_office_counts_is_what_a_module_counts(home):
    """Else a module would refuse what head office handed out as complete."""
    grown = {KEY: Growth(30, 1_000_001, 7), OTHER_KEY: Growth(1, 0, 900)}
    issued = modules.authorise(home, MODULE_ID, "0417", Terms(grown, 14, 100))
    rows = limits.grown((), issued.signed.authorisation.grants)
    assert limits.growth_minor((), rows, "KES") == (30 + 1001) + 900
    modules.set_trust(home, [SECOND.public], [], (30 + 1001) + 900)
    assert modules.trust_of(home).needed(limits.growth_minor((), rows, "KES")) == 1
    with home.database.read() as connection:
        kept = connection.execute(select(module.c.single_growth_minor)).scalar_one()
    assert kept == limits.growth_minor((), rows, "KES")


def test_an_incomplete_one_waits_for_its_second_signer(home):
    trust = modules.set_trust(home, [SECOND.public], [], 0)
    half = modules.authorise(home, MODULE_ID, "0417", terms(units=1), allow_incomplete=True)
    assert not half.complete
    assert refused(half.signed.check, trust.office, 2) == "SIGNERS_TOO_FEW"
    half.signed.countersign(SECOND).check(trust.office, 2)


def test_only_known_signers_sign_and_each_once(home):
    asked = (home, MODULE_ID, "0417", terms())
    assert refused(modules.authorise, *asked, [STRANGER]) == "SIGNER_UNKNOWN"
    assert refused(modules.authorise, *asked, [home.key]) == "SIGNER_TWICE"
    modules.set_trust(home, [SECOND.public], [], None)
    assert refused(modules.authorise, *asked, [SECOND, SECOND]) == "SIGNER_TWICE"
    assert modules.authorise(*asked, [SECOND]).complete


def test_trust_is_kept(home):
    assert modules.trust_of(home).office == (home.key.public,)
    first = modules.set_trust(home, [SECOND.public], [STRANGER.public], 1)
    home = reopened(home)
    assert modules.trust_of(home) == first
    second = modules.set_trust(home, [], [], None)
    assert modules.trust_of(home) == second != first
    assert refused(modules.set_trust, home, [], [], 1) == "TRUST_INVALID"
    home.close()


def test_the_newest_is_written_again_as_it_was(home):
    assert refused(modules.newest, home, MODULE_ID) == "AUTHORISATION_NONE"
    modules.authorise(home, MODULE_ID, "0417", terms())
    last = modules.authorise(home, MODULE_ID, "0417", terms(units=1)).signed
    assert modules.newest(home, MODULE_ID) == last
    assert refused(modules.newest, home, "REF-OTHER") == "MODULE_NOT_REGISTERED"


@settings(max_examples=8, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(*[st.integers(0, 1 << 40)] * 3), min_size=1, max_size=5))
def test_what_is_granted_is_the_sum_of_what_was_asked(tmp_path_factory, asked):
    office = an_office(tmp_path_factory.mktemp("office"))
    admin.set_up_till(office, "0417", "", "", "", TERMS)
    modules.register(office, MODULE.card)
    last = None
    for units, money, value in asked:
        wish = terms(units=units, money_units=money, value_minor=value)
        now = modules.authorise(office, MODULE_ID, "0417", wish).signed.authorisation
        assert last is None or now.number == last.number + 1
        last = now
    office.close()
    (grant,) = last.grants
    totals = (grant.units_total, grant.money_units_total, grant.value_total_minor)
    assert totals == tuple(map(sum, zip(*asked, strict=True)))


# --- cards --------------------------------------------------------------------------------------


def test_a_module_has_one_card(home):
    assert modules.register(home, MODULE.card) is False
    assert refused(modules.register, home, BookModule(seed=70).card) == "MODULE_CARD_OTHER"
    assert modules.register(home, BookModule("REF-OTHER", 70).card) is True


# --- audits -------------------------------------------------------------------------------------


def acknowledged(office, file):
    done = modules.acknowledge(office, file)
    done.signed.check({office.key.public})
    word = done.signed.acknowledgement
    assert (word.module_id, word.number, word.hash32) == (
        file.head.module_id, file.head.number, file.head.hash32
    )  # fmt: skip
    return done.new, done.known


def test_a_book_is_taken_piece_by_piece(home):
    module = BookModule().sell(5)
    assert acknowledged(home, module.audit()) == (5, 5)
    assert acknowledged(home, module.sell(3).audit(after=5)) == (3, 8)
    assert acknowledged(home, module.sell(2).audit(after=6)) == (2, 10)  # overlapping
    assert acknowledged(home, module.audit()) == (0, 10)  # all of it once more
    assert acknowledged(home, module.audit(after=10)) == (0, 10)  # nothing new
    with home.database.read() as connection:
        kept = connection.execute(
            select(module_entry.c.entry).order_by(module_entry.c.number)
        ).scalars()
        assert list(map(bytes, kept)) == module.entries


def test_an_empty_book_is_a_book(home):
    assert acknowledged(home, BookModule().audit()) == (0, 0)


def test_an_old_file_is_no_alarm_but_says_what_is_known(home):
    module = BookModule().sell(9)
    acknowledged(home, module.audit())
    assert acknowledged(home, module.audit(upto=4)) == (0, 9)


def test_a_copied_module_shows_as_two_entries_with_one_number(home):
    module = BookModule().sell(5)
    thief = module.copy()
    acknowledged(home, module.sell(3).audit())
    thief.sell(2, meter="01234567890")
    with pytest.raises(InputError) as caught:
        modules.acknowledge(home, thief.audit())
    assert caught.value.code == "AUDIT_FORK"
    assert caught.value.params == {"module_id": MODULE_ID, "number": 6}
    with home.database.read() as connection:
        row = connection.execute(module_fork.select()).one()
    assert (row.number, bytes(row.evidence)) == (6, thief.audit().to_bytes())


def test_a_module_that_was_put_back_shows_when_it_goes_on(home):
    module = BookModule().sell(8)
    acknowledged(home, module.audit())
    put_back = BookModule(entries=module.entries[:5])
    acknowledged(home, put_back.audit())  # nothing yet that differs
    assert refused(modules.acknowledge, home, put_back.sell(1, meter="9").audit(5)) == "AUDIT_FORK"


def test_a_copy_shows_even_when_its_file_begins_after_what_is_known(home):
    module = BookModule().sell(5)
    thief = module.copy().sell(1, meter="9")
    acknowledged(home, module.sell(1).audit())
    assert refused(modules.acknowledge, home, thief.sell(3).audit(after=6)) == "AUDIT_FORK"


def test_a_copied_module_gets_nothing_ever_again(home):
    module = BookModule().sell(2)
    thief = BookModule().sell(2, meter="9")
    acknowledged(home, module.audit())
    for _ in range(2):
        assert refused(modules.acknowledge, home, thief.audit()) == "AUDIT_FORK"
    assert count(home, module_fork) == 1
    home = reopened(home)
    assert refused(modules.acknowledge, home, module.sell(1).audit()) == "MODULE_COPIED"
    assert refused(modules.authorise, home, MODULE_ID, "0417", terms()) == "MODULE_COPIED"
    assert refused(modules.newest, home, MODULE_ID) == "MODULE_COPIED"
    home.close()


def test_who_carries_a_file_cannot_make_a_module_look_copied(home):
    """A changed entry is no fork: its chain does not lead to what the module signed."""
    module = BookModule().sell(6)
    acknowledged(home, module.audit())
    forged = BookModule().sell(6, meter="9")
    real = module.audit()
    for file in (
        replace(real, entries=tuple(forged.entries)),
        replace(real, entries=(*forged.entries[:3], *module.entries[3:])),
        replace(real, entries=real.entries[:-1]),
        replace(real, after=1, after_hash32=forged.hash_at(1), entries=real.entries[1:]),
        replace(real, after=2),
    ):
        assert refused(modules.acknowledge, home, file) == "AUDIT_BROKEN"
    signed = AuditHead.sign(MODULE_ID, 6, forged.hash_at(6), STRANGER)
    stranger = replace(forged.audit(), head=signed)
    assert refused(modules.acknowledge, home, stranger) == "SIGNATURE_INVALID"
    assert count(home, module_fork) == 0
    acknowledged(home, module.sell(1).audit())


def test_a_broken_entry_is_named(home):
    module = BookModule().sell(6)
    entries = list(module.entries)
    entries[3] = BookModule().sell(4, meter="9").entries[3]
    with pytest.raises(InputError) as caught:
        modules.acknowledge(home, replace(module.audit(), entries=tuple(entries)))
    assert caught.value.code == "AUDIT_BROKEN"
    assert caught.value.params == {"number": 4, "reason": "AUDIT_HASH_BROKEN"}
    assert count(home, module_entry) == 0


def test_entries_that_never_came_are_asked_for(home):
    module = BookModule().sell(6)
    acknowledged(home, module.audit(upto=2))
    with pytest.raises(InputError) as caught:
        modules.acknowledge(home, module.audit(after=4))
    assert (caught.value.code, caught.value.params) == ("AUDIT_MISSING", {"after": 2, "first": 5})


def test_a_stranger_s_audit_is_not_taken(home):
    stranger = BookModule("REF-OTHER", 70).sell(1)
    assert refused(modules.acknowledge, home, stranger.audit()) == "MODULE_NOT_REGISTERED"


# --- the database -------------------------------------------------------------------------------


def test_an_office_of_the_first_schema_is_brought_along(tmp_path, monkeypatch):
    with monkeypatch.context() as patched:
        patched.setattr(migrations, "known_versions", lambda _: ("0001",))
        patched.setattr(migrations, "_run", _only_the_first)
        office = an_office(tmp_path)
        admin.set_up_till(office, "0417", "", "", "", TERMS)
        office.close()
    database = open_sqlcipher(tmp_path / offices.FILE_NAME, STORE_KEY, create=False)
    with database.read() as connection:
        assert migrations.current_version(connection, offices.VERSION_TABLE) == "0001"
    database.close()
    office = offices.open_office(tmp_path, STORE_KEY, FixedClock(), None)
    modules.register(office, MODULE.card)
    issued = modules.authorise(office, MODULE_ID, "0417", terms(units=3))
    assert SignedAuthorisation.read(issued.signed.to_bytes()).authorisation.number == 1
    office.close()


def _only_the_first(connection, script_location, version_table):
    from alembic.operations import Operations
    from alembic.runtime.migration import MigrationContext
    from alembic.script import ScriptDirectory

    script = ScriptDirectory(str(script_location))
    options = {
        "version_table": version_table,
        "script": script,
        "fn": lambda revision, _: script._upgrade_revs("0001", revision),
    }
    context = MigrationContext.configure(connection, opts=options)
    with Operations.context(context):
        context.run_migrations()
