"""By file alone: a module gets its limits, brings its book and is acknowledged."""

from __future__ import annotations

import re

import pytest

from posapp import cli
from posapp.bootstrap import headoffice
from posapp.errors import ModuleError
from posapp.wire.authorisation import SignedAuthorisation
from posapp.wire.introductions import Trust
from tests.security_module.module_process import ModuleProcess
from tests.security_module.test_module_process import Till


def run(capsys, *arguments):
    status = cli.main([str(argument) for argument in arguments])
    out = capsys.readouterr()
    assert (status, out.err) == (0, ""), out.err
    return out.out


def test_head_office_and_a_module_that_meet_by_files_only(capsys, tmp_path):
    office, trust = tmp_path / "office", tmp_path / "trust.json"
    headoffice.init(office, utility="Test", zone="Africa/Nairobi", currency_code="KES")
    headoffice.enrol(office, "K014", till_name="Till", vendor="Shop", float_text="1000.00")
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
        refused = cli.main(["module", "authorise", *to, str(book)])
        assert refused == cli.shared.EXIT_REFUSED
        assert capsys.readouterr().err.count("\n") == 1
