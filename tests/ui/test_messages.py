"""Every code that the program raises has plain words in the right order."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from posapp.domain.money import currency
from posapp.errors import ModuleError, Outcome, SaleError
from posapp.ui import messages
from posapp.ui.message_words import SHORT

ROOT = Path(messages.__file__).resolve().parents[1]
FAMILY = {
    "PosError",
    "InputError",
    "ConfigError",
    "StoreError",
    "SaleError",
    "ModuleError",
    "PrintError",
    "HeadOfficeError",
}
CODE = re.compile(r"[A-Z][A-Z0-9]*(_[A-Z0-9]+)*")
BANNED = re.compile(r"\b(error|invalid|failed|failure|please|oops|sorry)\b|!", re.IGNORECASE)


def raised() -> dict[str, str]:
    """Code -> where, of every error of our family that is made with a literal."""
    found: dict[str, str] = {}
    for path in sorted(ROOT.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not isinstance(node, ast.Call) or not node.args:
                continue
            name = getattr(node.func, "id", getattr(node.func, "attr", ""))
            if name not in FAMILY:
                continue
            for part in ast.walk(node.args[0]):
                if (
                    isinstance(part, ast.Constant)
                    and isinstance(part.value, str)
                    and CODE.fullmatch(part.value)
                ):
                    found[part.value] = f"{path.relative_to(ROOT)}:{node.lineno}"
    return found


def test_every_raised_code_has_words():
    missing = {code: where for code, where in raised().items() if code not in messages.WORDS}
    assert missing == {}


def test_no_code_has_words_in_two_places():
    places: dict[str, list[str]] = {}
    for path in sorted((ROOT / "ui").glob("message_words*.py")):
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            if isinstance(node, ast.AnnAssign) and isinstance(node.value, ast.Dict):
                if getattr(node.target, "id", "") == "SHORT":
                    continue
                for key in node.value.keys:
                    if isinstance(key, ast.Constant):
                        places.setdefault(str(key.value), []).append(path.name)
    assert {code: names for code, names in places.items() if len(names) > 1} == {}


def test_whatever_a_slip_waits_for_has_words():
    waits = re.compile(r"(PRINTER|PAPER|COVER|COPY|PRINT)_[A-Z_]+")
    trees = [ast.parse(p.read_text(encoding="utf-8")) for p in (ROOT / "printing").rglob("*.py")]
    codes = {
        node.value
        for tree in trees
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant)
        and isinstance(node.value, str)
        and waits.fullmatch(node.value)
    }
    assert {"COPY_QUEUED", "PRINTER_BUSY", "PRINTER_DENIED", "PRINTER_NO_ANSWER"} <= codes
    assert not codes - set(messages.WORDS)


@pytest.mark.parametrize("code", sorted(messages.WORDS))
def test_words_are_plain_sentences(code):
    words = (*messages.WORDS[code], SHORT.get(code, ""))
    for sentence in words:
        assert not BANNED.search(sentence), sentence
        assert sentence == sentence.strip()
    what, safe, act = messages.WORDS[code]
    assert what.endswith((".", "?")) and act.endswith(".") and safe.endswith(".")
    assert len(what) < 120 and len(f"{safe} {act}") < 200


def test_parameters_are_shown_in_the_site_s_currency():
    told = messages.english(SaleError("FLOAT_TOO_LOW", left_minor=123400), currency("KES"))
    assert told.what == "The float allows KSh 1,234.00 more."
    assert told.line.endswith("[FLOAT_TOO_LOW]")


def test_a_missing_parameter_leaves_no_brace():
    assert messages.english(ModuleError("PORT_BUSY")).what == "Another program uses the port."


def test_a_document_whose_loading_was_not_answered_is_no_sale():
    error = ModuleError("LOAD_UNCERTAIN", outcome=Outcome.UNKNOWN, cause="MODULE_TIMEOUT")
    told = messages.english(error)
    assert "the journal names both people" in told.body and "customer" not in told.body


def test_an_unknown_outcome_never_says_that_no_token_was_made():
    told = messages.english(ModuleError("MODULE_TIMEOUT", outcome=Outcome.UNKNOWN))
    assert "No token" not in told.line
    assert "never charged twice" in told.safe


def test_a_code_nobody_knows_still_says_what_is_safe():
    told = messages.english(SaleError("SOMETHING_NEW"))
    assert told.safe and told.act
