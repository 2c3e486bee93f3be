"""The one-time code proves both sides to each other."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from posapp.codec import cbor
from posapp.codec.signing import SigningKey
from posapp.domain.lease import Lease
from posapp.domain.operator import Operator, OperatorRecord, Role
from posapp.domain.site import Site
from posapp.errors import InputError
from posapp.wire.enrolment import EnrolCode, EnrolmentAnswer, EnrolRequest
from posapp.wire.lease import SignedLease

CODE = EnrolCode.make(bytes(range(10)))
OTHER = EnrolCode.make(bytes(range(1, 11)))
OFFICE = SigningKey(bytes([2]) * 32)
SITE = Site(
    bytes(16), "0417", "Till 1", "Town Power", "P051", "Shop", "Market St", "0800",
    "Africa/Nairobi", "KES", "03:00",
)  # fmt: skip
LEASE = Lease(1, 10_000, 1_000, 10, datetime(2026, 12, 1, tzinfo=UTC))
ANSWER = EnrolmentAnswer(
    SITE,
    OFFICE.public,
    (OperatorRecord(Operator(1, "Grace", Role.SUPERVISOR), "$argon2id$"),),
    SignedLease.sign(bytes(16), LEASE, OFFICE),
)


def test_a_code_is_typed_with_slips_of_case_space_and_lookalikes():
    assert EnrolCode.parse(f" {CODE.grouped.lower()} ") == CODE
    assert EnrolCode.parse("OIBA AAAA-AAAA AAAA") == EnrolCode.parse("018AAAAAAAAAAAAA")


@pytest.mark.parametrize("text", ["", "ABCD", "A" * 15 + "9", "A" * 17])
def test_what_is_no_code_is_refused(text):
    with pytest.raises(InputError, match="ENROL_CODE_FORM"):
        EnrolCode.parse(text)


def test_a_code_does_not_show_itself():
    assert CODE.text not in repr(CODE)


def test_only_the_whole_code_proves_a_request():
    request = EnrolRequest.make(CODE, bytes(32), "0.1.0")
    read = EnrolRequest.from_body(cbor.decode(cbor.encode(request.to_body())))
    assert read.proven(CODE.key())
    assert not read.proven(OTHER.key())
    changed = EnrolRequest(read.code_name, bytes([1]) * 32, read.software, read.mac)
    assert not changed.proven(CODE.key())


def test_an_answer_comes_back_and_is_bound_to_code_and_request():
    body = cbor.decode(cbor.encode(ANSWER.to_body(CODE.key(), b"request")))
    assert EnrolmentAnswer.from_body(body, CODE.key(), b"request") == ANSWER
    for key, request in ((OTHER.key(), b"request"), (CODE.key(), b"another request")):
        with pytest.raises(InputError, match="ENROL_REPLY_FORGED"):
            EnrolmentAnswer.from_body(body, key, request)


def test_a_zone_this_machine_does_not_know_is_refused_at_once():
    body = replace(ANSWER, site=replace(SITE, zone="Africa/Atlantis")).to_body(CODE.key(), b"r")
    with pytest.raises(InputError, match="MESSAGE_INVALID"):
        EnrolmentAnswer.from_body(body, CODE.key(), b"r")
