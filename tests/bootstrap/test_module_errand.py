"""By file alone: a module gets its limits, brings its book and is acknowledged."""

from __future__ import annotations

import io
import re
from dataclasses import replace

import pytest

from posapp import cli
from posapp.bootstrap import headoffice
from posapp.errors import ModuleError
from posapp.wire.authorisation import SignedAuthorisation
from posapp.wire.introductions import ModuleCard, Trust
from tests.ceremony import PINS, a_vault
from tests.security_module.module_process import ModuleProcess, a_configuration
from tests.security_module.test_module_process import Till


def run(capsys, *arguments):
    status = cli.main([str(argument) for argument in arguments])
    out = capsys.readouterr()
    assert (status, out.err) == (0, ""), out.err
    return out.out


def test_head_office_and_a_module_that_meet_by_files_only(capsys, tmp_path):
    office, trust = tmp_path / "office", tmp_path / "trust.json"
    headoffice.init(office, utility="Test", zone="Africa/Nairobi", currency_code="KES")
    headoffice.enrol(office, "K014", till_name="Till", vendor="Shop", float_text="5000.00")
    run(capsys, "headoffice", "trust", "--dir", office, "--out", trust)
    module = ModuleProcess.make(tmp_path / "module", trust=Trust.read(trust.read_bytes()))
    word, book, seen = tmp_path / "word", tmp_path / "book", tmp_path / "seen"
    card = module.folder / "module.card"
    with module.running():
        to = ("--address", module.address)
        till = Till(module.address)
        with pytest.raises(ModuleError, match="AUTHORISATION_MISSING"):
            till.sell()
        till.manager.close()
        more = ("--units", "201457:1=100", "--value", "201457:1=5000.00")
        known = ("--module", module.module_id, "--till", "K014", "--card", card)
        run(capsys, "headoffice", "authorise", "--dir", office, *known, *more, "--out", word)
        assert "authorisation 1." in run(capsys, "module", "authorise", *to, word)
        ours = SignedAuthorisation.read(word.read_bytes()).authorisation.till_id
        till = Till(module.address, till_id=ours)
        till.till_id = ours
        till.sell()
        till.manager.close()
        written = run(capsys, "module", "audit", *to, "--out", book)
        count = int(re.match(r"[0-9]+", written)[0])
        assert count >= 3
        run(capsys, "headoffice", "acknowledge", "--dir", office, "--audit", book, "--out", seen)
        assert f"up to {count}" in run(capsys, "module", "acknowledge", *to, seen)
        now = tmp_path / "now"
        known = ("--module", module.module_id, "--out", now)
        assert f"entry {count}" in run(capsys, "headoffice", "time", "--dir", office, *known)
        assert "it is after 20" in run(capsys, "module", "set-time", *to, now)
        assert "no fault" in run(capsys, "module", "self-test", *to)
        refused = cli.main(["module", "authorise", *to, str(book)])
        assert refused == cli.shared.EXIT_REFUSED
        assert capsys.readouterr().err.count("\n") == 1


def officer_runs(capsys, monkeypatch, *arguments):
    """A ceremony's command; both officers type their PINs."""
    monkeypatch.setattr("sys.stdin", io.StringIO("".join(f"{pin}\n" for pin in PINS)))
    return run(capsys, "headoffice", "keys", *arguments)


def test_a_key_goes_from_the_ceremony_to_a_token_and_is_never_seen(capsys, monkeypatch, tmp_path):
    office, vault = tmp_path / "office", a_vault(tmp_path / "ceremony")
    officers, trust, keys = tmp_path / "officers", tmp_path / "trust.json", tmp_path / "keys"
    headoffice.init(office, utility="Test", zone="Africa/Nairobi", currency_code="KES")
    headoffice.enrol(office, "K014", till_name="Till", vendor="Shop", float_text="5000.00")
    in_vault = ("--dir", vault)
    officer_runs(capsys, monkeypatch, "make", *in_vault, "--sgc", "654321", "--krn", "1")
    officer_runs(capsys, monkeypatch, "officers", *in_vault, "--out", officers)
    of_both = ("--officers", officers, "--out", trust)
    run(capsys, "headoffice", "trust", "--dir", office, *of_both)
    run(capsys, "module", "init", "--dir", tmp_path / "module", "--trust", trust)
    card = tmp_path / "module" / "module.card"
    module = ModuleProcess(
        tmp_path / "module",
        f"pty:{tmp_path / 'line'}",
        ModuleCard.read(card.read_bytes()).module_id,
    )
    of_module = ("--module", module.module_id, "--public-key", card, "--out", keys)
    told = officer_runs(capsys, monkeypatch, "export", *in_vault, *of_module)
    assert "key file 1" in told
    word = tmp_path / "word"
    allowed = ("--units", "654321:1=100", "--value", "654321:1=5000.00", "--card", card)
    known = ("--module", module.module_id, "--till", "K014", "--out", word)
    run(capsys, "headoffice", "authorise", "--dir", office, *known, *allowed)
    ours = SignedAuthorisation.read(word.read_bytes()).authorisation.till_id
    with module.running():
        to = ("--address", module.address)
        run(capsys, "module", "authorise", *to, word)
        assert "has 1 vending keys" in run(capsys, "module", "load-keys", *to, keys)
        module.restart()
        till = Till(module.address, till_id=ours)
        till.till_id = ours
        wanted = replace(till.intend(), configuration=a_configuration(sgc="654321"))
        sold = till.manager.issue(wanted)
        till.manager.close()
    assert len(sold.tokens[0]) == 20
