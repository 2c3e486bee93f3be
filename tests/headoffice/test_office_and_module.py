"""Head office and a real module: authorisations down, audits up, and a copied folder shows."""

from __future__ import annotations

import shutil
from datetime import timedelta

import pytest

from posapp.bootstrap import ceremony
from posapp.errors import InputError, ModuleError
from posapp.headoffice import admin, modules
from posapp.headoffice.ceremony.keys import Attributes
from posapp.headoffice.modules import Growth, Terms
from posapp.headoffice.schema import till as tills
from posapp.wire.audit import AuditFile, genesis
from posapp.wire.key_file import KeyFile
from tests.ceremony import PINS, a_vault
from tests.office import TERMS, an_office
from tests.security_module.engines import (
    NOON,
    NOON_TID,
    OFFICE,
    TRUST,
    SetClock,
    an_engine,
    order,
    whole_audit,
)
from tests.security_module.module_process import a_request

KEY = ("201457", 1)
SECOND = OFFICE[1]
UNITS = 711  # of one token of the tests, with 16 minor units of declared value each


@pytest.fixture
def time():
    return SetClock(NOON)


@pytest.fixture
def office(tmp_path, time):
    office = an_office(tmp_path / "office", time)
    office.key = OFFICE[0]  # the one that the module of the tests was made to trust
    admin.set_up_till(office, "0417", "", "Mama Njeri", "Market St 3", TERMS)
    modules.set_trust(office, [SECOND.public], [], TRUST.two_above_minor)
    yield office
    office.close()


@pytest.fixture
def engine(tmp_path, time):
    engine, store = an_engine(tmp_path / "module", time, trust=TRUST)
    yield engine
    store.close()


def the_till(office) -> bytes:
    with office.database.read() as connection:
        return bytes(connection.execute(tills.select()).one().till_id)


def allow(office, engine, tokens, signers=(), **more):
    modules.register(office, engine.card())
    grown = Growth(UNITS * tokens, 0, UNITS * 16 * tokens)
    terms = Terms({KEY: grown}, **{"days": 14, "unacknowledged_max": 100} | more)
    issued = modules.authorise(office, engine.hello().module_id, "0417", terms, signers)
    return issued.signed


def sell(engine, office, sequence):
    request = a_request(sequence, NOON_TID + sequence, till=the_till(office), units=UNITS)
    return engine.issue(order(request))


def the_audit(engine) -> AuditFile:
    _, head = engine.audit_page(0, 1)
    return AuditFile(0, genesis(head.module_id), tuple(whole_audit(engine)), head)


def test_a_module_makes_what_head_office_allowed_and_no_more(office, engine):
    engine.load_authorisation(allow(office, engine, 2).to_bytes())
    sell(engine, office, 1)
    sell(engine, office, 2)
    with pytest.raises(ModuleError, match="LIMIT_UNITS"):
        sell(engine, office, 3)
    engine.load_authorisation(allow(office, engine, 1).to_bytes())
    sell(engine, office, 4)
    with pytest.raises(ModuleError, match="LIMIT_UNITS"):
        sell(engine, office, 5)


def test_a_document_that_was_lost_on_the_way_stops_the_next_until_it_is_written_again(
    office, engine
):
    lost = allow(office, engine, 1)
    later = allow(office, engine, 1)
    with pytest.raises(ModuleError, match="AUTHORISATION_NUMBER"):
        engine.load_authorisation(later.to_bytes())
    assert engine.load_authorisation(lost.to_bytes()) == 1
    assert engine.load_authorisation(later.to_bytes()) == 2
    again = modules.newest(office, engine.hello().module_id)
    assert engine.load_authorisation(again.to_bytes()) == 2  # no harm


def test_head_office_and_module_agree_on_when_two_must_sign(office, engine):
    many = TRUST.two_above_minor // (UNITS * 16)
    engine.load_authorisation(allow(office, engine, many - 1).to_bytes())
    engine.load_authorisation(allow(office, engine, 1).to_bytes())
    with pytest.raises(InputError, match="SIGNERS_TOO_FEW"):
        allow(office, engine, 1)
    engine.load_authorisation(allow(office, engine, 1, [SECOND]).to_bytes())
    engine.load_authorisation(allow(office, engine, many).to_bytes())


def test_the_acknowledgement_lets_a_full_module_go_on(office, engine):
    engine.load_authorisation(allow(office, engine, 9, unacknowledged_max=2).to_bytes())
    sell(engine, office, 1)
    sell(engine, office, 2)
    with pytest.raises(ModuleError, match="AUDIT_FULL"):
        sell(engine, office, 3)
    file = AuditFile.from_bytes(the_audit(engine).to_bytes())
    done = modules.acknowledge(office, file)
    assert done.new == len(file.entries) == done.known
    engine.acknowledge(done.signed.to_bytes())
    sell(engine, office, 4)


def test_the_days_begin_anew_with_every_word(office, engine, time):
    engine.load_authorisation(allow(office, engine, 9, days=3).to_bytes())
    time.move(days=2)
    engine.acknowledge(modules.acknowledge(office, the_audit(engine)).signed.to_bytes())
    time.move(days=2)
    sell(engine, office, 4 * 24 * 60)
    time.move(days=2)
    with pytest.raises(ModuleError, match="LEASE_EXPIRED"):
        sell(engine, office, 6 * 24 * 60)


def test_a_copied_folder_shows_as_two_entries_with_one_number(office, engine, tmp_path, time):
    engine.load_authorisation(allow(office, engine, 5).to_bytes())
    sell(engine, office, 1)
    engine._store.rest()
    shutil.copytree(tmp_path / "module", tmp_path / "stolen")
    in_common = len(whole_audit(engine))
    stolen, store = an_engine(tmp_path / "stolen", time, trust=TRUST)
    try:
        sell(stolen, office, 2)  # the thief sells on ...
        sell(engine, office, 2)  # ... and so does the shop
        modules.acknowledge(office, the_audit(engine))
        with pytest.raises(InputError) as caught:
            modules.acknowledge(office, the_audit(stolen))
    finally:
        store.close()
    assert caught.value.code == "AUDIT_FORK"
    assert caught.value.params["module_id"] == engine.hello().module_id
    assert caught.value.params["number"] == in_common + 1
    with pytest.raises(InputError, match="MODULE_COPIED"):
        allow(office, engine, 1)


def test_a_module_that_was_put_back_shows_at_its_next_start(office, engine, tmp_path, time):
    engine.load_authorisation(allow(office, engine, 5).to_bytes())
    engine._store.rest()
    shutil.copytree(tmp_path / "module", tmp_path / "backup")
    sell(engine, office, 1)
    modules.acknowledge(office, the_audit(engine))
    put_back, store = an_engine(tmp_path / "backup", time, trust=TRUST)
    try:
        with pytest.raises(InputError, match="AUDIT_FORK"):
            modules.acknowledge(office, the_audit(put_back))
    finally:
        store.close()


def test_a_key_file_of_the_ceremony_opens_with_the_key_on_the_modules_card(engine, tmp_path, time):
    vault = a_vault(tmp_path / "ceremony")
    ceremony.make(vault, PINS, Attributes("201457", 9))
    card = tmp_path / "module.card"
    card.write_text(engine.card().to_text())
    out = tmp_path / "out.keys"
    module_id = engine.hello().module_id
    ceremony.export(vault, PINS, module_id, card, out, clock=time)
    file = KeyFile.read(out.read_bytes())
    officers = ceremony.officers(vault, PINS, tmp_path / "officers.json")
    assert len(officers) == 2
    file.check(
        ceremony.read_officers(tmp_path / "officers.json"),
        module_id,
        engine.card().seal_key,
        newest_serial=0,
        now=NOON + timedelta(days=1),
    )
