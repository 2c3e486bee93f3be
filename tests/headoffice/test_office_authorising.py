"""The commands as people run them: PINs by a pipe, files on a stick, one sentence when refused."""

from __future__ import annotations

import io
import json
import logging

import pytest

from posapp import cli
from posapp.bootstrap import authorising, ceremony, headoffice
from posapp.cli.shared import EXIT_REFUSED
from posapp.codec.sealed import RARE, SealedBox
from posapp.headoffice.ceremony.signer_file import SignerFile
from posapp.wire.audit import SignedAcknowledgement
from posapp.wire.authorisation import SignedAuthorisation
from posapp.wire.introductions import Trust
from posapp.wire.key_file import KeyFile
from tests.ceremony import CHEAP, MODULE_ID, NAMES, PINS, BookModule, a_vault
from tests.office import SeededRandomness

SECRET_HEX = "abababababababab949494949494949401234567"
SIGNER_PIN = "Peter's long PIN"


@pytest.fixture
def run(capsys, monkeypatch, caplog):
    """Runs one command with lines for its questions: status, lines said, error text."""
    caplog.set_level(logging.DEBUG)
    seen: list[str] = []

    def one(*arguments, typed=()):
        monkeypatch.setattr("sys.stdin", io.StringIO("".join(f"{line}\n" for line in typed)))
        status = cli.main(["headoffice", *map(str, arguments)])
        said = capsys.readouterr()
        seen.append(said.out + said.err)
        return status, said.out.splitlines(), said.err

    yield one
    everything = "".join(seen) + caplog.text
    for secret in (*PINS, SIGNER_PIN, SECRET_HEX, SECRET_HEX.upper(), "Traceback"):
        assert secret not in everything


@pytest.fixture
def office(tmp_path):
    folder = tmp_path / "office"
    headoffice.init(folder, utility="Town Power", zone="Africa/Nairobi", currency_code="KES")
    headoffice.enrol(folder, "0417", float_text="100000.00")
    return folder


@pytest.fixture
def vault(tmp_path):
    return a_vault(tmp_path / "ceremony")


@pytest.fixture
def signer(tmp_path):
    path = tmp_path / "peter.signer"
    authorising.make_signer("Peter", SIGNER_PIN, path, randomness=SeededRandomness(4), cost=CHEAP)
    return path


@pytest.fixture
def card(tmp_path):
    return BookModule().card_file(tmp_path)


def refused(done, code):
    status, out, err = done
    assert status == EXIT_REFUSED and out == []
    assert err.strip().endswith(f"[{code}]") and len(err.strip().splitlines()) == 1, err


# --- keys ---------------------------------------------------------------------------------------


def test_a_ceremony_begins_with_two_pins_at_their_real_cost(run, tmp_path):
    folder = tmp_path / "ceremony"
    officers = [word for name in NAMES for word in ("--officer", name)]
    status, lines, _ = run("keys", "init", "--dir", folder, *officers, "--mark", "test", typed=PINS)
    assert (status, len(lines)) == (0, 2)
    assert lines[0].startswith(f"officer 1 {NAMES[0]} key ")
    assert SealedBox.read((folder / "keys.sealed").read_bytes()).cost == RARE


def test_a_key_is_made_and_goes_to_one_module(run, vault, tmp_path):
    out = tmp_path / "first.keys"
    key = ("--sgc", "201457", "--krn", "1")
    status, (line,), err = run("keys", "make", "--dir", vault, *key, typed=PINS)
    assert (status, err) == (0, "")
    assert line.startswith("SGC 201457 KRN 1 KT 2 base date 2014 KEN 255 DKGA 04 check value ")
    module = BookModule()
    export = ("keys", "export", "--dir", vault, "--module", MODULE_ID, "--public-key",
              module.card_file(tmp_path), "--out", out)  # fmt: skip
    status, lines, _ = run(*export, typed=PINS)
    assert lines[0] == f"key file 1 for module {MODULE_ID}: 1 test keys"
    assert lines[2] == f"the module must show {module.card.fingerprint}"
    (record,) = KeyFile.read(out.read_bytes()).open(module.opening)
    assert (record.sgc, record.krn, record.dkga) == ("201457", 1, 4)
    assert out.stat().st_mode & 0o777 == 0o600
    refused(run(*export, typed=PINS), "FILE_EXISTS")


def test_a_weak_key_is_made_with_a_warning(run, vault):
    weak = ("keys", "make", "--dir", vault, "--sgc", "600675", "--krn", "2", "--dkga", "2")
    status, (line,), err = run(*weak, typed=PINS)
    assert status == 0 and "DKGA 02" in line
    assert err.startswith("WARNING: a DKGA02 key is one DES key")


def test_an_import_asks_for_the_key_after_the_pins(run, vault):
    asked = ("keys", "import", "--dir", vault, "--sgc", "201457", "--krn", "1")
    more = ("--active-from", "2026-11-20T00:00", "--issue-until", "2027-01-01T00:00+03:00",
            "--permitted", "0.0", "2.1")  # fmt: skip
    status, (line,), _ = run(*asked, *more, typed=(*PINS, SECRET_HEX))
    assert status == 0
    assert "active from 2026-11-20T00:00Z issue until 2026-12-31T21:00Z makes only 0.0 2.1" in line
    status, lines, _ = run("keys", "list", "--dir", vault, typed=PINS)
    assert (status, lines) == (0, ["1 test keys", line])
    refused(run(*asked, typed=(*PINS, SECRET_HEX)), "KEY_THERE")
    refused(run(*asked, typed=(*PINS, "12 34 5x")), "VENDING_KEY_HEX")


def test_a_wrong_pin_is_one_sentence(run, vault):
    refused(run("keys", "list", "--dir", vault, typed=(PINS[0], "not this one")), "SEAL_REFUSED")
    refused(run("keys", "list", "--dir", vault, typed=PINS[:1]), "SEAL_REFUSED")
    refused(run("keys", "list", "--dir", vault), "SEAL_REFUSED")


def test_an_officer_changes_the_pin(run, vault, tmp_path):
    fresh = "a fresh PIN"
    status, lines, _ = run(
        "keys", "officers", "--dir", vault, "--new-pin", "2", typed=(*PINS, fresh)
    )
    assert (status, lines) == (0, [f"{NAMES[1]} has a new PIN"])
    refused(run("keys", "list", "--dir", vault, typed=PINS), "SEAL_REFUSED")
    out = tmp_path / "officers.json"
    status, lines, _ = run("keys", "officers", "--dir", vault, "--out", out, typed=(PINS[0], fresh))
    assert status == 0 and len(lines) == 2
    assert [row["name"] for row in json.loads(out.read_text())["officers"]] == list(NAMES)


def test_an_init_needs_two_names_and_a_place_of_its_own(run, office, tmp_path):
    init = ("keys", "init", "--mark", "test", "--officer", "Grace")
    refused(run(*init, "--dir", tmp_path / "x"), "OFFICERS_TWO")
    both = (*init, "--officer", "Peter")
    refused(run(*both, "--dir", office / "keys", typed=PINS), "KEYS_IN_OFFICE")
    refused(run(*both, "--dir", tmp_path / "x", typed=(PINS[0], "1234")), "OFFICER_PIN_FORM")


class Terminal(io.StringIO):
    def isatty(self):
        return True


def test_a_new_pin_is_typed_twice_at_a_terminal(capsys, monkeypatch, vault):
    officers = ["headoffice", "keys", "officers", "--dir", str(vault), "--new-pin", "1"]
    for last, status in (("a fresh PIM", EXIT_REFUSED), ("a fresh PIN", 0)):
        answers = iter((*PINS, "a fresh PIN", last))
        prompts: list[str] = []
        monkeypatch.setattr("sys.stdin", Terminal())
        monkeypatch.setattr(
            "getpass.getpass", lambda prompt, a=answers, p=prompts: p.append(prompt) or next(a)
        )
        assert cli.main(officers) == status
        assert prompts[0] == "PIN of the first officer: " and prompts[3] == "The same again: "
    assert "[OFFICER_PIN_DIFFERS]" in capsys.readouterr().err


# --- authorisations -----------------------------------------------------------------------------


def asked(office, out, *more):
    return ("authorise", "--dir", office, "--module", MODULE_ID, "--till", "0417",
            "--out", out, *more)  # fmt: skip


def test_an_authorisation_is_made_and_said(run, office, card, tmp_path):
    out = tmp_path / "1.auth"
    wish = ("--card", card, "--units", "201457:1=1500.5", "--money", "201457:1=0.00007",
            "--value", "201457:1=25000.00", "--units", "600675:2=7", "--days", "10",
            "--unacknowledged", "300", "--open", "mon-fri=07:00-18:00")  # fmt: skip
    status, lines, _ = run(*asked(office, out, *wish))
    assert status == 0
    signed = SignedAuthorisation.read(out.read_bytes())
    said = signed.authorisation
    assert [(g.sgc, g.krn, g.units_total) for g in said.grants] == [
        ("201457", 1, 15005), ("600675", 2, 70)
    ]  # fmt: skip
    assert said.grants[0].money_units_total == 7
    assert said.grants[0].value_total_minor == 2_500_000
    assert (said.lease_days, said.unacknowledged_max) == (10, 300)
    assert said.opening_hours[0] == (240, 900)  # Nairobi is three hours ahead
    assert lines[0] == f"authorisation 1 for module {MODULE_ID}"
    assert any("SGC 201457 KRN 1 in all 1,500.5 units" in line for line in lines)
    assert any("0.00007 KES" in line and "KSh 25,000.00 declared" in line for line in lines)
    assert any(line.startswith("open mon 04:00 to mon 15:00") for line in lines)


def test_the_next_one_adds_and_a_lost_file_is_written_again(run, office, card, tmp_path):
    first, second, again = (tmp_path / f"{n}.auth" for n in (1, 2, 3))
    run(*asked(office, first, "--card", card, "--units", "201457:1=10"))
    run(*asked(office, second, "--units", "201457:1=5"))
    status, lines, _ = run(
        "authorise", "--dir", office, "--module", MODULE_ID, "--again", "--out", again
    )
    assert (status, lines[0]) == (0, f"authorisation 2 for module {MODULE_ID}")
    assert again.read_bytes() == second.read_bytes() != first.read_bytes()
    said = SignedAuthorisation.read(second.read_bytes()).authorisation
    assert (said.number, said.grants[0].units_total) == (2, 150)


def test_a_place_that_cannot_be_written_costs_no_number(run, office, card, tmp_path):
    taken = tmp_path / "taken"
    taken.write_text("a letter")
    refused(run(*asked(office, taken, "--card", card)), "FILE_EXISTS")
    refused(run(*asked(office, tmp_path / "no" / "1.auth", "--card", card)), "FILE_UNWRITABLE")
    out = tmp_path / "1.auth"
    run(*asked(office, out, "--card", card))
    assert SignedAuthorisation.read(out.read_bytes()).authorisation.number == 1
    assert taken.read_text() == "a letter"


@pytest.mark.parametrize(
    ("code", "wish"),
    [
        ("GRANT_FORM", ("--units", "20145:1=1")),
        ("GRANT_FORM", ("--units", "201457:0=1")),
        ("GRANT_FORM", ("--units", "201457:11=1")),
        ("GRANT_FORM", ("--units", "201457:1=0.05")),
        ("GRANT_FORM", ("--units", "201457:1=-1")),
        ("GRANT_FORM", ("--units", "201457:1=NaN")),
        ("GRANT_FORM", ("--units", "201457:1=1e99")),
        ("GRANT_FORM", ("--units", "201457:1=much")),
        ("GRANT_FORM", ("--money", "201457:1=0.000001")),
        ("AMOUNT_DECIMALS", ("--value", "201457:1=1.001")),
        ("OPENING_HOURS", ("--open", "always")),
        ("AUTHORISATION_INVALID", ("--days", "91")),
        ("AUTHORISATION_INVALID", ("--unacknowledged", "0")),
    ],
)
def test_a_wish_that_is_none_is_refused(run, office, card, tmp_path, code, wish):
    refused(run(*asked(office, tmp_path / "1.auth", "--card", card, *wish)), code)
    assert not (tmp_path / "1.auth").exists()


def test_a_module_is_introduced_by_its_own_card(run, office, tmp_path):
    out = tmp_path / "1.auth"
    other = BookModule("REF-OTHER", 70).card_file(tmp_path)
    refused(run(*asked(office, out)), "MODULE_NOT_REGISTERED")
    refused(run(*asked(office, out, "--card", other)), "MODULE_CARD_FOREIGN")


def test_without_a_till_it_is_a_misuse(run, office, capsys, tmp_path):
    with pytest.raises(SystemExit):
        run("authorise", "--dir", office, "--module", MODULE_ID, "--out", tmp_path / "x")
    assert "--till CODE is needed" in capsys.readouterr().err


def the_trust(run, office, vault, signer, tmp_path, *more):
    officers, out = tmp_path / "officers.json", tmp_path / "trust.json"
    run("keys", "officers", "--dir", vault, "--out", officers, typed=PINS)
    status, (line,), _ = run(
        "trust", "--dir", office, "--signer", signer, "--officers", officers, "--out", out, *more
    )
    trust = Trust.read(out.read_bytes())
    assert (status, line) == (0, f"trust {trust.fingerprint}")
    return trust


def test_above_the_threshold_a_second_person_signs(run, office, vault, signer, card, tmp_path):
    trust = the_trust(run, office, vault, signer, tmp_path, "--two-above", "50.00")
    assert trust.two_above_minor == 5000
    assert len(trust.office) == len(trust.officers) == 2
    out = tmp_path / "1.auth"
    large = ("--card", card, "--units", "201457:1=500.1")
    refused(run(*asked(office, out, *large)), "SIGNERS_TOO_FEW")
    refused(
        run(*asked(office, out, *large, "--signer", signer), typed=["wrong one"]), "SEAL_REFUSED"
    )
    status, lines, _ = run(*asked(office, out, *large, "--signer", signer), typed=[SIGNER_PIN])
    assert status == 0 and sum(line.startswith("signed by") for line in lines) == 2
    SignedAuthorisation.read(out.read_bytes()).check(trust.office, 2)


def test_the_second_signature_may_be_given_on_another_machine(
    run, office, vault, signer, card, tmp_path
):
    trust = the_trust(run, office, vault, signer, tmp_path, "--two-above", "0")
    half, whole = tmp_path / "half.auth", tmp_path / "whole.auth"
    status, lines, _ = run(
        *asked(office, half, "--card", card, "--units", "201457:1=1", "--to-countersign")
    )
    assert status == 0 and lines[-1].startswith("NOT COMPLETE")
    again = ("countersign", "--authorisation", half, "--signer", signer, "--out", whole)
    status, lines, _ = run(*again, typed=[SIGNER_PIN])
    assert (status, lines[0], lines[-1]) == (
        0, f"authorisation 1 for module {MODULE_ID}", "countersigned"
    )  # fmt: skip
    SignedAuthorisation.read(whole.read_bytes()).check(trust.office, 2)
    third = tmp_path / "third.auth"
    with pytest.raises(Exception, match="SIGNER_TWICE"):
        authorising.countersign(whole, signer, third, lambda _: SIGNER_PIN)
    assert not third.exists()


def test_a_changed_authorisation_is_not_countersigned(run, office, signer, card, tmp_path):
    out = tmp_path / "1.auth"
    run(*asked(office, out, "--card", card, "--units", "201457:1=1"))
    data = bytearray(out.read_bytes())
    data[data.index(b"201457") + 5] ^= 1
    out.write_bytes(bytes(data))
    with pytest.raises(Exception, match="SIGNATURE_INVALID"):
        authorising.countersign(out, signer, tmp_path / "2.auth", lambda _: SIGNER_PIN)


def test_a_threshold_without_a_second_signer_is_refused(run, office, tmp_path):
    alone = ("trust", "--dir", office, "--out", tmp_path / "t", "--two-above")
    refused(run(*alone, "5"), "TRUST_INVALID")
    refused(run(*alone, "five"), "AMOUNT_LETTERS")


def test_a_signer_is_made_with_the_real_cost_of_a_pin(run, tmp_path):
    out = tmp_path / "peter.signer"
    made = ("signer", "--name", "Peter", "--out", out)
    status, (line,), _ = run(*made, typed=[SIGNER_PIN])
    assert status == 0 and line.startswith("signer Peter key ")
    refused(run(*made, typed=[SIGNER_PIN]), "FILE_EXISTS")


def test_a_signer_takes_a_new_pin(run, signer, capsys):
    before = SignerFile.load(signer)
    status, lines, _ = run("signer", "--new-pin", signer, typed=[SIGNER_PIN, "a fresh PIN"])
    assert (status, lines) == (0, ["Peter has a new PIN"])
    assert SignerFile.load(signer).open("a fresh PIN").public == before.public
    refused(run("signer", "--new-pin", signer, typed=[SIGNER_PIN, "x" * 9]), "SEAL_REFUSED")
    refused(run("signer", "--new-pin", signer, typed=["a fresh PIN", "x"]), "OFFICER_PIN_FORM")
    with pytest.raises(SystemExit):
        run("signer", "--new-pin", signer, "--name", "Paul")
    assert "--name goes with --out" in capsys.readouterr().err


def test_head_office_lists_its_modules(run, office, card, tmp_path):
    assert run("modules", "--dir", office)[:2] == (0, [])
    run(*asked(office, tmp_path / "1.auth", "--card", card))
    spare, audit = BookModule("REF-SPARE", 70), tmp_path / "audit"
    for number in range(2):
        book = spare.sell(number + 1)
        audit.write_bytes(book.audit().to_bytes())
        run("acknowledge", "--dir", office, "--audit", audit, "--card",
            spare.card_file(tmp_path), "--out", tmp_path / f"{number}.word")  # fmt: skip
    other = BookModule("REF-SPARE", 70).sell(1, meter="9")
    audit.write_bytes(other.audit().to_bytes())
    run("acknowledge", "--dir", office, "--audit", audit, "--out", tmp_path / "no")
    shown = BookModule().card.fingerprint
    _, lines, _ = run("modules", "--dir", office)
    assert lines == [
        f"module {MODULE_ID} till 0417 authorisation 1 audit up to 0 card {shown}",
        "module REF-SPARE till none authorisation 0 audit up to 3 card "
        f"{spare.card.fingerprint} COPIED",
    ]


# --- audits -------------------------------------------------------------------------------------


def test_an_audit_by_stick_is_acknowledged(run, office, card, tmp_path):
    module = BookModule().sell(4)
    audit, word = tmp_path / "audit", tmp_path / "word"
    audit.write_bytes(module.audit().to_bytes())
    taken = ("acknowledge", "--dir", office, "--audit", audit)
    refused(run(*taken, "--out", word), "MODULE_NOT_REGISTERED")
    status, lines, _ = run(*taken, "--card", card, "--out", word)
    assert (status, lines) == (0, [f"module {MODULE_ID}: 4 new entries, whole up to 4"])
    signed = SignedAcknowledgement.read(word.read_bytes())
    with headoffice.opened(office) as opened:
        signed.check({opened.key.public})
    assert signed.acknowledgement.hash32 == module.hash_at(4)
    audit.write_bytes(module.audit(upto=2).to_bytes())
    status, lines, _ = run(*taken, "--out", tmp_path / "older")
    assert status == 0 and lines[1].startswith("LOOK: up to 4 came before.")


def test_a_copied_module_is_named_loudly(run, office, card, tmp_path):
    module, thief = BookModule().sell(4), BookModule().sell(3).sell(1, meter="9")
    first, second = tmp_path / "first", tmp_path / "second"
    first.write_bytes(module.audit().to_bytes())
    second.write_bytes(thief.audit().to_bytes())
    taken = ("acknowledge", "--dir", office, "--card", card)
    run(*taken, "--audit", first, "--out", tmp_path / "1")
    done = run(*taken, "--audit", second, "--out", tmp_path / "2")
    refused(done, "AUDIT_FORK")
    assert done[2].startswith(f"ALARM: module {MODULE_ID} has two different entries 4.")
    assert not (tmp_path / "2").exists()
    refused(run(*asked(office, tmp_path / "a")), "MODULE_COPIED")


def test_noise_is_no_audit(run, office, tmp_path):
    audit = tmp_path / "audit"
    for data, code in ((b"", "CBOR_INVALID"), (b"\xa0", "AUDIT_INVALID")):
        audit.write_bytes(data)
        refused(
            run("acknowledge", "--dir", office, "--audit", audit, "--out", tmp_path / "w"), code
        )
    none = ("acknowledge", "--dir", office, "--audit", tmp_path / "none", "--out", tmp_path / "w")
    refused(run(*none), "FILE_UNREADABLE")


def test_a_ceremony_folder_is_no_office(run, vault, tmp_path):
    refused(run(*asked(vault, tmp_path / "x")), "OFFICE_MISSING")
    assert ceremony.list_keys(vault, PINS) == ["0 test keys"]
