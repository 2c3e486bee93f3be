"""The key ceremony: two officers open it together, keys leave it only for one module."""

from __future__ import annotations

import os
import shutil
from datetime import UTC, datetime, timedelta

import pytest
from cryptography.hazmat.decrepit.ciphers.algorithms import TripleDES
from cryptography.hazmat.primitives.ciphers import Cipher, modes

from posapp.bootstrap import ceremony, headoffice
from posapp.codec import sealed
from posapp.db.lock import FileLock
from posapp.domain.meter import KeyType
from posapp.errors import ConfigError, InputError, PosError, StoreError
from posapp.headoffice.ceremony import vault as vaults
from posapp.headoffice.ceremony.keys import Attributes, check_value, import_key, make_key
from posapp.headoffice.ceremony.signer_file import SignerFile
from posapp.sts.key_records import key_of
from posapp.sts.keys import VendingKey
from posapp.wire.key_file import KeyFile
from tests.ceremony import CHEAP, MODULE_ID, NAMES, PINS, BookModule, a_vault
from tests.office import FixedClock, SeededRandomness, an_office

STRONG = Attributes("201457", 1)
WEAK = Attributes("600675", 2, dkga=2)
SECRET_HEX = "abababababababab949494949494949401234567"
NOW = datetime(2026, 11, 20, 8, tzinfo=UTC)


@pytest.fixture
def vault(tmp_path):
    return a_vault(tmp_path / "ceremony")


def code_of(call, *arguments, **more):
    with pytest.raises(PosError) as caught:
        call(*arguments, **more)
    return caught.value.code


def opened(folder, pins=PINS):
    vault = vaults.open_vault(folder, pins)
    vault.close()
    return vault


# --- who opens it -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "pins",
    [
        (PINS[0], PINS[0]),
        (PINS[1], PINS[0]),
        (PINS[0], "another PIN"),
        ("another PIN", PINS[1]),
        (PINS[0], ""),
        PINS[:1],
    ],
)
def test_one_officer_alone_opens_nothing(vault, pins):
    assert code_of(vaults.open_vault, vault, pins) == "SEAL_REFUSED"
    assert [officer.name for officer in opened(vault).officers] == list(NAMES)


def test_the_file_is_its_owners_alone(vault):
    path = vault / vaults.FILE_NAME
    assert path.stat().st_mode & 0o777 == 0o600
    assert vault.stat().st_mode & 0o777 == 0o700
    path.chmod(0o640)
    assert code_of(vaults.open_vault, vault, PINS) == "FILE_EXPOSED"


def test_a_second_process_waits_outside(vault):
    lock = FileLock(vault / vaults.LOCK_NAME)
    assert code_of(vaults.open_vault, vault, PINS) == "STORE_IN_USE"
    lock.release()
    opened(vault)


def test_a_vault_is_never_made_over_another(vault):
    again = {"test": True, "randomness": SeededRandomness(9), "cost": CHEAP}
    assert code_of(ceremony.init, vault, NAMES, PINS, **again) == "FILE_EXISTS"
    assert opened(vault).officers[0].name == NAMES[0]


@pytest.mark.parametrize(
    ("code", "names", "pins"),
    [
        ("OFFICER_PIN_FORM", NAMES, ("short", PINS[1])),
        ("OFFICER_PIN_FORM", NAMES, (PINS[0], "tab\tin the PIN")),
        ("OFFICER_PIN_FORM", NAMES, (PINS[0], "x" * 129)),
        ("OFFICER_PIN_SAME", NAMES, (PINS[0], PINS[0])),
        ("OFFICER_NAME", ("", NAMES[1]), PINS),
        ("OFFICER_NAME", ("G" * 61, NAMES[1]), PINS),
        ("OFFICER_NAME_SAME", ("Grace", " grace "), PINS),
    ],
)
def test_two_officers_are_two_people(tmp_path, code, names, pins):
    folder = tmp_path / "ceremony"
    assert code_of(ceremony.init, folder, names, pins, test=True, cost=CHEAP) == code
    assert not (folder / vaults.FILE_NAME).exists()


def test_a_folder_that_cannot_be_written_says_so(tmp_path):
    (tmp_path / "ceremony").mkdir()
    (tmp_path / "ceremony" / vaults.LOCK_NAME).mkdir()
    call = (ceremony.init, tmp_path / "ceremony", NAMES, PINS)
    assert code_of(*call, test=True, cost=CHEAP) == "FILE_UNWRITABLE"


def test_no_folder_no_keys(tmp_path):
    assert code_of(vaults.open_vault, tmp_path, PINS) == "KEYS_MISSING"


def test_a_flipped_bit_opens_nothing(vault):
    path = vault / vaults.FILE_NAME
    whole = path.read_bytes()
    for place in range(0, len(whole), 37):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :])
        assert code_of(vaults.open_vault, vault, PINS) in {"SEAL_REFUSED", "SEAL_INVALID"}


# --- away from head office ----------------------------------------------------------------------


def test_keys_do_not_live_in_or_around_a_head_office(tmp_path):
    an_office(tmp_path / "office").close()
    for place in ("office", "office/keys", "office/deep/keys", "."):
        folder = tmp_path / place
        assert (
            code_of(ceremony.init, folder, NAMES, PINS, test=True, cost=CHEAP) == "KEYS_IN_OFFICE"
        )
        assert not (folder / vaults.FILE_NAME).exists()
    a_vault(tmp_path / "elsewhere" / "keys")


def test_a_vault_that_was_moved_into_a_head_office_is_not_opened_there(tmp_path, vault):
    an_office(tmp_path / "office").close()
    moved = tmp_path / "office" / "keys"
    shutil.copytree(vault, moved)
    assert code_of(vaults.open_vault, moved, PINS) == "KEYS_IN_OFFICE"


@pytest.mark.parametrize("place", [".", "keys"])
def test_head_office_does_not_serve_with_keys_in_its_folder(tmp_path, vault, place):
    folder = tmp_path / "office"
    headoffice.init(folder, utility="Town", zone="Africa/Nairobi", currency_code="KES")
    (folder / place).mkdir(exist_ok=True)
    shutil.copy(vault / vaults.FILE_NAME, folder / place)
    assert code_of(headoffice.serve, folder, "127.0.0.1:0") == "KEYS_IN_OFFICE"


def test_what_serves_never_loads_the_ceremony():
    import grimp

    graph = grimp.build_graph("posapp")
    keepers = graph.find_descendants("posapp.headoffice.ceremony") | {
        "posapp.headoffice.ceremony",
        "posapp.bootstrap.ceremony",
        "posapp.bootstrap.authorising",
    }
    assert len(keepers) > 5
    for server in ("posapp.bootstrap.headoffice", "posapp.headoffice.app", "posapp.bootstrap.till"):
        chains = [chain for k in keepers if (chain := graph.find_shortest_chain(server, k))]
        assert not chains


# --- keys ---------------------------------------------------------------------------------------


def test_a_new_key_is_random_and_right_for_its_generation(vault):
    randomness = SeededRandomness(8)
    lines = ceremony.make(vault, PINS, STRONG, randomness=randomness)
    lines += ceremony.make(vault, PINS, WEAK, randomness=randomness)
    strong, weak = opened(vault).keys
    assert (len(strong.secret), strong.dkga, strong.test) == (20, 4, True)
    assert (len(weak.secret), weak.dkga, weak.kt) == (8, 2, KeyType.UNIQUE)
    assert lines == [ceremony.key_line(strong), ceremony.key_line(weak)]
    assert ceremony.list_keys(vault, PINS) == ["2 test keys", *lines]


def test_an_imported_key_is_the_one_that_was_typed(vault):
    typed = SECRET_HEX[:20] + " " + SECRET_HEX[20:].upper() + "\t"
    ceremony.import_key(vault, PINS, STRONG, typed)
    assert opened(vault).find("201457", 1).secret == bytes.fromhex(SECRET_HEX)


@pytest.mark.parametrize(
    ("code", "attributes", "text"),
    [
        ("VENDING_KEY_HEX", STRONG, ""),
        ("VENDING_KEY_HEX", STRONG, SECRET_HEX[:-1]),
        ("VENDING_KEY_HEX", STRONG, SECRET_HEX[:-2] + "xy"),
        ("VENDING_KEY_LENGTH", STRONG, SECRET_HEX[:-2]),
        ("VENDING_KEY_PARITY", WEAK, "0000000000000000"),
        ("VENDING_KEY_ATTRIBUTE", Attributes("20145", 1), SECRET_HEX),
        ("VENDING_KEY_ATTRIBUTE", Attributes("201457", 0), SECRET_HEX),
    ],
)
def test_a_key_that_is_none_is_refused_without_quoting_it(vault, code, attributes, text):
    with pytest.raises(InputError) as caught:
        ceremony.import_key(vault, PINS, attributes, text)
    assert caught.value.code == code
    assert not text or text not in str(caught.value)
    assert opened(vault).keys == ()


def test_a_revision_has_one_key(vault):
    ceremony.import_key(vault, PINS, STRONG, SECRET_HEX)
    assert code_of(ceremony.make, vault, PINS, STRONG) == "KEY_THERE"
    assert opened(vault).keys[0].secret == bytes.fromhex(SECRET_HEX)


def test_all_attributes_come_back(vault):
    until = datetime(2027, 6, 30, tzinfo=UTC)
    full = Attributes(
        "201457", 3, KeyType.DEFAULT, 2035, 20, 4, NOW, until, frozenset({(0, 0), (2, 1)})
    )
    (line,) = ceremony.make(vault, PINS, full)
    key = opened(vault).find("201457", 3)
    assert (key.kt, key.base_date, key.ken) == (KeyType.DEFAULT, 2035, 20)
    assert (key.active_from, key.issue_until) == (NOW, until)
    assert key.permitted == frozenset({(0, 0), (2, 1)})
    assert line.endswith("until 2027-06-30T00:00Z makes only 0.0 2.1")
    assert "active from 2026-11-20T08:00Z" in line


def test_the_check_value_of_a_des_key_is_what_key_offices_print():
    key = import_key(WEAK, "0123456789abcdef")
    plain = Cipher(TripleDES(key.secret * 3), modes.ECB()).encryptor().update(bytes(8))
    assert check_value(key) == plain[:3].hex().upper() == "D5D44F"


def test_keys_that_differ_in_one_bit_have_other_check_values():
    key = import_key(STRONG, SECRET_HEX)
    other = import_key(STRONG, SECRET_HEX[:-1] + "6")
    assert check_value(key) == check_value(import_key(Attributes("999999", 9), SECRET_HEX))
    assert check_value(key) != check_value(other)


def test_a_key_of_an_unknown_generation_is_not_made():
    with pytest.raises(InputError, match="UNKNOWN_DKGA"):
        make_key(Attributes("201457", 1, dkga=7), SeededRandomness(1))


# --- out to a module ----------------------------------------------------------------------------


def exported(vault, tmp_path, module=None, **more):
    module = module or BookModule()
    out = tmp_path / f"{len(list(tmp_path.iterdir()))}.keys"
    done = ceremony.export(
        vault, PINS, module.module_id, module.card_file(tmp_path), out, clock=FixedClock(), **more
    )
    return done, KeyFile.read(out.read_bytes())


def test_a_key_file_opens_in_its_module_alone(vault, tmp_path):
    ceremony.import_key(vault, PINS, STRONG, SECRET_HEX)
    ceremony.make(vault, PINS, WEAK)
    module = BookModule()
    done, file = exported(vault, tmp_path, module)
    officers = [officer.key.public for officer in opened(vault).officers]
    file.check(officers, MODULE_ID, module.opening.public, newest_serial=0, now=NOW)
    records = file.open(module.opening)
    assert [key_of(record, test=True) for record in records] == list(opened(vault).keys)
    assert (done.serial, done.keys, done.test, file.header.test) == (1, 2, True, True)
    assert done.fingerprint == module.card.fingerprint
    assert file.header.load_before == NOW + timedelta(days=30)
    with pytest.raises(InputError, match="HPKE_REFUSED"):
        file.open(BookModule(seed=40).opening)


def test_serials_count_for_each_module_and_survive(vault, tmp_path):
    ceremony.make(vault, PINS, STRONG)
    other = BookModule("REF-OTHER", 40)
    serials = [exported(vault, tmp_path, m)[0].serial for m in (None, None, other, None)]
    assert serials == [1, 2, 1, 3]


def test_only_the_wanted_keys_leave(vault, tmp_path):
    ceremony.make(vault, PINS, STRONG)
    ceremony.make(vault, PINS, WEAK)
    _, file = exported(vault, tmp_path, wanted=[("600675", 2), ("600675", 2)])
    assert [r.sgc for r in file.open(BookModule().opening)] == ["600675"]
    assert code_of(exported, vault, tmp_path, wanted=[("600675", 9)]) == "KEY_NOT_THERE"


def test_the_mark_of_the_vault_is_the_mark_of_its_files(tmp_path):
    vault = a_vault(tmp_path / "real", test=False)
    ceremony.make(vault, PINS, STRONG)
    assert opened(vault).keys[0].test is False
    assert ceremony.list_keys(vault, PINS)[0] == "1 production keys"
    assert exported(vault, tmp_path)[1].header.test is False


def test_what_cannot_be_exported_counts_no_serial(vault, tmp_path):
    assert code_of(exported, vault, tmp_path) == "KEYS_NONE"
    ceremony.make(vault, PINS, STRONG)
    assert code_of(exported, vault, tmp_path, load_days=0) == "LOAD_DAYS"
    assert code_of(exported, vault, tmp_path, load_days=91) == "LOAD_DAYS"
    card = BookModule().card_file(tmp_path)
    out = tmp_path / "there"
    wrong = (ceremony.export, vault, PINS, "REF-OTHER", card, out)
    assert code_of(*wrong) == "MODULE_CARD_FOREIGN"
    out.write_text("something else")
    assert code_of(ceremony.export, vault, PINS, MODULE_ID, card, out) == "FILE_EXISTS"
    assert out.read_text() == "something else"
    assert opened(vault).serials == {}


def test_a_vault_has_room_for_a_thousand_keys(vault):
    vault = vaults.open_vault(vault, PINS)
    key = VendingKey(bytes(20), "000000", 1, KeyType.UNIQUE, 2014, 255, 4)
    vault.keys = (key,) * vaults.VAULT_KEYS_MAX
    assert code_of(vault.add, import_key(STRONG, SECRET_HEX)) == "KEYS_TOO_MANY"
    vault.close()


def test_a_key_file_takes_as_many_keys_as_a_module_holds(vault):
    vault = vaults.open_vault(vault, PINS)
    card = BookModule().card
    for number in range(65):
        vault.add(import_key(Attributes(f"{number:06d}", 1), SECRET_HEX))
    assert code_of(vault.export, card, vault.keys, NOW, 30) == "KEYS_TOO_MANY"
    file = vault.export(card, vault.keys[:64], NOW, vaults.LOAD_DAYS_MAX)
    assert len(file.open(BookModule().opening)) == 64
    vault.close()


def test_a_ceremony_without_two_officers_is_our_own_mistake(tmp_path):
    for names, pins in ((NAMES[:1], PINS), (NAMES, PINS[:1]), (NAMES[:1], PINS[:1])):
        with pytest.raises(ValueError, match="two officers"):
            ceremony.init(tmp_path / "x", names, pins, test=True, cost=CHEAP)


# --- officers -----------------------------------------------------------------------------------


def test_an_officer_takes_a_new_pin(vault):
    ceremony.make(vault, PINS, STRONG)
    before = opened(vault)
    assert ceremony.change_pin(vault, PINS, 1, "a fresh PIN") == NAMES[1]
    assert code_of(vaults.open_vault, vault, PINS) == "SEAL_REFUSED"
    after = opened(vault, (PINS[0], "a fresh PIN"))
    assert after.keys == before.keys
    assert after.officers[1].key.public == before.officers[1].key.public


@pytest.mark.parametrize(
    ("code", "pin"), [("OFFICER_PIN_FORM", "short"), ("OFFICER_PIN_SAME", PINS[0])]
)
def test_a_new_pin_is_as_good_as_the_first(vault, code, pin):
    assert code_of(ceremony.change_pin, vault, PINS, 1, pin) == code
    opened(vault)


def test_officers_say_their_public_keys(vault, tmp_path):
    out = tmp_path / "officers.json"
    lines = ceremony.officers(vault, PINS, out)
    publics = [officer.key.public for officer in opened(vault).officers]
    assert ceremony.read_officers(out) == tuple(publics)
    assert all(name in line for name, line in zip(NAMES, lines, strict=True))


@pytest.mark.parametrize(
    "text", ["", "[]", "{}", '{"version": 1, "officers": []}', '{"version": 2, "officers": []}',
             '{"version": 1, "officers": [{"public": "00"}]}', '{"version": 1, "officers": [7]}']
)  # fmt: skip
def test_what_is_no_officers_file_is_refused(tmp_path, text):
    path = tmp_path / "officers.json"
    path.write_text(text)
    assert code_of(ceremony.read_officers, path) == "OFFICERS_FILE"


def test_a_file_that_cannot_be_read_says_so(tmp_path):
    assert code_of(ceremony.read_officers, tmp_path / "none") == "FILE_UNREADABLE"
    (tmp_path / "long").write_bytes(bytes(10_000))
    assert code_of(ceremony.read_card, tmp_path / "long") == "FILE_UNREADABLE"


# --- a second signer ----------------------------------------------------------------------------


def a_signer(folder, name="Peter", pin="Peter's long PIN", seed=4):
    made = SignerFile.make(name, pin, SeededRandomness(seed), cost=CHEAP)
    path = folder / f"{name}.signer"
    made.store(path)
    return path, made


def test_a_signer_comes_back_with_the_pin(tmp_path):
    path, made = a_signer(tmp_path)
    assert path.stat().st_mode & 0o777 == 0o600
    again = SignerFile.load(path)
    assert again == made
    assert again.open("Peter's long PIN").public == made.public
    assert code_of(again.open, "Peter's wrong PIN") == "SEAL_REFUSED"
    assert code_of(made.store, path) == "FILE_EXISTS"
    path.chmod(0o644)
    assert code_of(SignerFile.load, path) == "FILE_EXPOSED"


def test_a_signer_file_under_another_public_key_is_refused(tmp_path):
    _, made = a_signer(tmp_path)
    _, other = a_signer(tmp_path, "Paul", seed=5)
    text = made.to_bytes().replace(made.public.hex().encode(), other.public.hex().encode())
    assert code_of(SignerFile.from_bytes(text).open, "Peter's long PIN") == "SIGNER_FILE"


@pytest.mark.parametrize(
    "change",
    [
        (b'"version": 1', b'"version": 2'),
        (b'"version": 1', b'"version": true'),
        (b'"name"', b'"nom"'),
        (b'"name": "Peter"', b'"name": 5'),
        (b'"public": "', b'"public": "zz'),
        (b'"sealed": "', b'"sealed": "q'),
        (b"{", b"["),
    ],
)
def test_what_is_no_signer_file_is_refused(tmp_path, change):
    _, made = a_signer(tmp_path)
    assert code_of(SignerFile.from_bytes, made.to_bytes().replace(*change)) == "SIGNER_FILE"


def test_a_signer_has_a_name_and_a_long_pin():
    for code, name, pin in (
        ("OFFICER_NAME", " ", "long enough"),
        ("OFFICER_PIN_FORM", "P", "1234"),
    ):
        assert code_of(SignerFile.make, name, pin, SeededRandomness(1), cost=CHEAP) == code


# --- what a thief or a reader finds -------------------------------------------------------------


def test_no_secret_shows_anywhere(vault, tmp_path, caplog):
    ceremony.import_key(vault, PINS, STRONG, SECRET_HEX)
    made, file = exported(vault, tmp_path)
    signer, _ = a_signer(tmp_path)
    open_one = opened(vault)
    shown = repr(open_one) + str(ceremony.list_keys(vault, PINS)) + repr(made) + repr(file)
    shown += repr(SignerFile.load(signer)) + repr(open_one.officers) + caplog.text
    files = b"".join(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())
    secrets = [open_one.keys[0].secret, *(officer.key.secret() for officer in open_one.officers)]
    secrets.append(SignerFile.load(signer).open("Peter's long PIN").secret())
    for secret in secrets:
        assert secret not in files and secret.hex().encode() not in files.lower()
        assert secret.hex() not in shown and repr(secret)[2:-1] not in shown
    for pin in (*PINS, "Peter's long PIN"):
        assert pin not in shown and pin.encode() not in files


def test_a_write_that_fails_leaves_the_old_file(vault, monkeypatch):
    before = (vault / vaults.FILE_NAME).read_bytes()

    def full(_handle):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    assert code_of(ceremony.make, vault, PINS, STRONG) == "FILE_UNWRITABLE"
    monkeypatch.undo()
    assert (vault / vaults.FILE_NAME).read_bytes() == before
    assert not list(vault.glob("*.new"))


def test_a_vault_of_newer_software_is_refused(vault):
    box = sealed.SealedBox.seal(
        b"\xa1\x00\x02",
        PINS,
        b"",
        purpose=vaults.PURPOSE,
        randomness=SeededRandomness(1),
        cost=CHEAP,
    )
    (vault / vaults.FILE_NAME).write_bytes(box.to_bytes())
    assert code_of(vaults.open_vault, vault, PINS) == "SEAL_INVALID"


def test_errors_of_a_vault_are_of_the_right_family(vault):
    with pytest.raises(ConfigError):
        vaults.open_vault(vault / "none", PINS)
    lock = FileLock(vault / vaults.LOCK_NAME)
    with pytest.raises(StoreError):
        vaults.open_vault(vault, PINS)
    lock.release()
