"""A batch gives back the very bytes it was made of, in few bytes, or says that it cannot."""

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from posapp.clock import from_epoch_ms
from posapp.codec.signing import SigningKey
from posapp.errors import InputError
from posapp.journal import facts
from posapp.journal.chain import Entry
from posapp.wire import batch, envelope
from posapp.wire.messages import Message, Push
from tests.journals import Journal

BYTES_PER_SALE_MAX = 60
BYTES_PER_SALE_USUAL = 42  # what we reach with room to spare; more means that columns got worse


def decoded_or_code(data: bytes) -> tuple[bytes, ...] | str:
    try:
        return batch.decode(data, 0)
    except InputError as error:
        return error.code


def a_push(journal: Journal, after: int = 0) -> bytes:
    """The whole frame on the wire: envelope, both signatures, everything."""
    push = Push(
        epoch=journal.head.epoch,
        base_seq=after,
        base_hash=journal.heads[after].hash,
        batch=batch.encode(journal.entries[after:]),
        signature=journal.head.sign(journal.key),
    )
    request = envelope.Request(
        Message.PUSH,
        journal.till_id,
        journal.rng.randbytes(8),
        from_epoch_ms(journal.at_ms),
        push.to_body(),
    )
    return envelope.write_request(request, SigningKey(bytes(32)).sign)


@pytest.mark.parametrize("seed", range(3))
def test_three_hundred_sales_travel_in_sixty_bytes_each_with_everything_around_them(seed):
    journal = Journal(random.Random(seed))
    for _ in range(300):
        journal.sell()
    assert len(journal.entries) == 600
    frame = a_push(journal)
    per_sale = len(frame) / 300
    print(f"{per_sale:.1f} bytes a sale on the wire")
    assert per_sale <= BYTES_PER_SALE_USUAL <= BYTES_PER_SALE_MAX
    read = Push.from_body(envelope.read_request(frame).claimed_body())
    assert batch.decode(read.batch, 0) == tuple(journal.entries)


def test_the_intents_and_outcomes_of_the_batch_are_the_facts_that_were_written():
    journal = Journal(random.Random(5))
    sold = [journal.sell() for _ in range(20)]
    entries = [Entry.from_bytes(data) for data in batch.decode(batch.encode(journal.entries), 0)]
    read = [facts.read(entry.kind, entry.version, entry.body) for entry in entries]
    assert [fact for fact in read if isinstance(fact, facts.SaleIntended)] == sold


def test_a_batch_of_one_entry_and_a_batch_from_the_middle_come_back():
    journal = Journal(random.Random(6))
    journal.open()
    for _ in range(5):
        journal.sell()
    for after in range(len(journal.entries)):
        for upto in (after + 1, len(journal.entries)):
            part = journal.entries[after:upto]
            assert batch.decode(batch.encode(part), after) == tuple(part)


leaves = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(1 << 70), 1 << 70),
    st.text(max_size=12),
    st.text("0123456789", max_size=12),
    st.binary(max_size=20),
)
values = st.recursive(
    leaves,
    lambda inner: st.one_of(
        st.lists(inner, max_size=4),
        st.dictionaries(st.integers(-3, 6), inner, max_size=3),
        st.dictionaries(st.text(max_size=2), inner, max_size=2),
    ),
    max_leaves=8,
)
bodies = st.dictionaries(st.integers(0, 5), values, max_size=4)
rows = st.tuples(st.integers(0, 3), st.integers(0, 1), st.integers(0, 1 << 41), bodies)


@settings(max_examples=150, deadline=None)
@given(st.lists(rows, min_size=1, max_size=12), st.integers(0, 5))
def test_whatever_an_entry_holds_it_comes_back_byte_for_byte(written, base):
    entries = tuple(
        Entry(base + place, kind, version, at_ms, body).to_bytes()
        for place, (kind, version, at_ms, body) in enumerate(written, 1)
    )
    assert batch.decode(batch.encode(entries), base) == entries


def test_entries_that_are_not_dense_still_come_back():
    entries = (Entry(4, 1, 1, 0, {}).to_bytes(), Entry(9, 1, 1, 0, {}).to_bytes())
    assert batch.decode(batch.encode(entries), 3) == entries


def test_damaged_batches_are_refused_or_read_as_other_entries_but_never_crash():
    journal = Journal(random.Random(7))
    for _ in range(10):
        journal.sell()
    good = batch.encode(journal.entries)
    rng = random.Random(8)
    damaged = [good[:n] for n in range(0, len(good), 7)]
    for _ in range(400):
        flipped = bytearray(good)
        flipped[rng.randrange(len(good))] ^= 1 << rng.randrange(8)
        damaged.append(bytes(flipped))
    results = [decoded_or_code(data) for data in damaged]
    # Other entries are no harm: their chain does not lead to the signed head.
    assert all(isinstance(r, tuple) or r == "BATCH_INVALID" for r in results)
    assert results.count("BATCH_INVALID") > 100


def test_random_bytes_are_no_batch():
    rng = random.Random(9)
    for size in (0, 1, 5, 50, 500):
        for form in (b"", b"\x00", b"\x01", b"\x02"):
            with pytest.raises(InputError, match="BATCH_INVALID"):
                batch.decode(form + rng.randbytes(size), 0)
