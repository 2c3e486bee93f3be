"""An authorisation that came as a file is the till's lease too, where head office signed it."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from posapp.codec.signing import SigningKey
from posapp.domain.lease import Lease
from posapp.errors import InputError
from posapp.wire.authorisation import Authorisation, Grant, SignedAuthorisation
from tests.stores import HEAD_OFFICE, TILL_ID, a_store

NOW = datetime(2026, 11, 20, 9, tzinfo=UTC)
OTHER = SigningKey(bytes(range(32)))


def an_authorisation(number: int) -> Authorisation:
    return Authorisation(
        module_id="REF-01234567",
        number=number,
        issued_at=NOW,
        till_id=TILL_ID,
        currency_code="KES",
        lease=Lease(number, 1_000_000 * number, 50_000, 5_000, NOW + timedelta(days=number)),
        lease_days=14,
        unacknowledged_max=500,
        grants=(Grant("201457", 1, 5000, 0, 12_500_000),),
        opening_hours=(),
    )


@pytest.fixture
def store(tmp_path):
    opened = a_store(tmp_path)
    yield opened
    opened.close()


def take(store, authorisation, *keys):
    data = SignedAuthorisation.sign(authorisation, *keys).to_bytes()
    return store.write(lambda uow: uow.take_authorisation(data))


def lease(store):
    return store.read(lambda reader: reader.lease())


def test_a_newer_one_renews_the_lease_and_an_older_one_changes_nothing(store):
    assert take(store, an_authorisation(7), HEAD_OFFICE)
    assert lease(store) == an_authorisation(7).lease
    assert not take(store, an_authorisation(6), HEAD_OFFICE)
    assert lease(store) == an_authorisation(7).lease
    assert take(store, an_authorisation(8), HEAD_OFFICE, OTHER)
    assert lease(store) == an_authorisation(8).lease


def test_a_stranger_s_signature_renews_nothing(store):
    before = lease(store)
    with pytest.raises(InputError, match="SIGN"):
        take(store, an_authorisation(9), OTHER)
    assert lease(store) == before


def test_one_for_another_till_renews_nothing(store):
    before = lease(store)
    foreign = replace(an_authorisation(9), till_id=bytes(16))
    with pytest.raises(InputError, match="LEASE_FOREIGN"):
        take(store, foreign, HEAD_OFFICE)
    assert lease(store) == before


def test_a_flipped_byte_renews_nothing(store):
    before = lease(store)
    data = bytearray(SignedAuthorisation.sign(an_authorisation(9), HEAD_OFFICE).to_bytes())
    for place in range(0, len(data), 7):
        flipped = bytes(data[:place] + bytes([data[place] ^ 1]) + data[place + 1 :])
        with pytest.raises(InputError):
            store.write(lambda uow, f=flipped: uow.take_authorisation(f))
    assert lease(store) == before
