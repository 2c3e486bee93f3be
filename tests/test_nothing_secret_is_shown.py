"""Reprs and logs are read by many: no token, PIN verifier or key stands in one."""

from __future__ import annotations

import logging

from posapp.domain.meter import KeyType
from posapp.domain.operator import Operator, OperatorRecord, Role
from posapp.log import MaskedFormatter
from posapp.ports import IssueResult
from posapp.sts.keys import VendingKey

TOKEN = "52601815908301661318"


def test_values_that_hold_cash_or_secrets_hide_them():
    secret = bytes.fromhex("abababababababab949494949494949401234567")
    values = [
        IssueResult(bytes(16), (TOKEN,), "M-1", 7),
        OperatorRecord(Operator(1, "Grace", Role.CLERK), "$argon2id$v=19$secret"),
        VendingKey(secret, "201457", 1, KeyType.UNIQUE, 2014, 255, 4),
    ]
    for value in values:
        shown = repr(value)
        assert TOKEN not in shown
        assert "argon2id" not in shown
        assert "abab" not in shown


def test_a_token_in_a_traceback_is_masked():
    try:
        raise ValueError(f"cannot print {TOKEN}")
    except ValueError as error:
        info = (type(error), error, error.__traceback__)
    record = logging.LogRecord("x", logging.ERROR, "", 0, "a slip was cut short", (), info)
    text = MaskedFormatter("%(message)s").format(record)
    assert TOKEN not in text
    assert "****1318" in text
