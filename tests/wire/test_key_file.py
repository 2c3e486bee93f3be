"""Key files: for one module, from two officers, once, in time; and the page that says so."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from posapp import paths
from posapp.codec import cbor, hpke
from posapp.codec.hpke import OpeningKey
from posapp.codec.signing import SigningKey
from posapp.errors import InputError
from posapp.wire import signatures as signed
from posapp.wire.key_file import (
    FILE_BYTES_MAX,
    KEYS_MAX,
    PURPOSE,
    KeyFile,
    KeyFileHeader,
    KeyRecord,
    key_hash,
)
from tests import rfc9180

MODULE, OTHER = OpeningKey(bytes(range(32))), OpeningKey(bytes([7]) * 32)
FIRST, SECOND, STRANGER = (SigningKey(bytes([n]) * 32) for n in (10, 11, 12))
OFFICERS = frozenset({FIRST.public, SECOND.public})
MODULE_ID = "REF-1A2B3C4D"
NOW = datetime(2026, 11, 20, 9, tzinfo=UTC)
HEADER = KeyFileHeader(
    MODULE_ID, key_hash(MODULE.public), True, 1, NOW, datetime(2026, 12, 20, 9, tzinfo=UTC)
)
STRONG = KeyRecord(
    bytes.fromhex("abababababababab949494949494949401234567"), "201457", 1, 2, 2014, 255, 4
)
OLD = KeyRecord(
    bytes.fromhex("0123456789abcdef"), "600675", 2, 2, 2014, 255, 2,
    None, datetime(2027, 6, 30, tzinfo=UTC), frozenset({(0, 0), (2, 1)}),
)  # fmt: skip
FILE = KeyFile.make(HEADER, MODULE.public, [OLD, STRONG], [FIRST, SECOND])


def check(file: KeyFile = FILE, **change) -> None:
    wanted = {"officers": OFFICERS, "module_id": MODULE_ID, "public": MODULE.public}
    wanted |= {"newest_serial": 0, "now": NOW} | change
    again = KeyFile.read(file.to_bytes())
    again.check(
        wanted["officers"],
        wanted["module_id"],
        wanted["public"],
        newest_serial=wanted["newest_serial"],
        now=wanted["now"],
    )


moments = st.none() | st.integers(0, 1 << 47).map(
    lambda ms: datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=ms)
)
kinds = st.none() | st.frozensets(
    st.tuples(st.sampled_from((0, 2)), st.integers(0, 15)), max_size=32
)
secrets_of = {2: st.binary(min_size=8, max_size=8), 4: st.binary(min_size=20, max_size=20)}
records = st.sampled_from((2, 4)).flatmap(
    lambda dkga: st.builds(
        KeyRecord,
        secrets_of[dkga],
        st.from_regex(r"\A[0-9]{6}\Z"),
        st.integers(1, 9),
        st.integers(0, 3),
        st.sampled_from((1993, 2014, 2035)),
        st.integers(0, 255),
        st.just(dkga),
        moments,
        moments,
        kinds,
    )
)


@settings(max_examples=60)
@given(st.lists(records, min_size=1, max_size=5, unique_by=lambda r: (r.sgc, r.krn)))
def test_keys_come_out_as_they_went_in(found):
    file = KeyFile.read(KeyFile.make(HEADER, MODULE.public, found, [FIRST, SECOND]).to_bytes())
    assert file.open(MODULE) == tuple(sorted(found, key=lambda r: (r.sgc, r.krn)))
    assert KeyFile.read(file.to_bytes()) == file


def test_the_most_keys_fit_into_a_file():
    most = [replace(OLD, sgc=f"{n:06d}") for n in range(KEYS_MAX)]
    most = [
        replace(r, permitted=frozenset((c, s) for c in (0, 2) for s in range(16))) for r in most
    ]
    file = KeyFile.make(HEADER, MODULE.public, most, [FIRST, SECOND])
    assert len(KeyFile.read(file.to_bytes()).open(MODULE)) == KEYS_MAX
    with pytest.raises(InputError, match="KEY_FILE_FORM"):
        KeyFile.make(HEADER, MODULE.public, [*most, replace(OLD, sgc="999999")], [FIRST, SECOND])


@settings(max_examples=300)
@given(st.integers(0, len(FILE.to_bytes()) * 8 - 1))
def test_any_flipped_bit_is_refused(bit):
    data = bytearray(FILE.to_bytes())
    data[bit // 8] ^= 1 << bit % 8
    with pytest.raises(InputError):
        KeyFile.read(bytes(data)).check(
            OFFICERS, MODULE_ID, MODULE.public, newest_serial=0, now=NOW
        )


@given(st.integers(0, len(FILE.sealed) * 8 - 1))
def test_a_flipped_bit_opens_nothing_even_under_good_signatures(bit):
    sealed = bytearray(FILE.sealed)
    sealed[bit // 8] ^= 1 << bit % 8
    with pytest.raises(InputError, match="HPKE_REFUSED"):
        replace(FILE, sealed=bytes(sealed)).open(MODULE)


def test_a_good_file_may_be_loaded():
    check()
    assert KeyFile.read(FILE.to_bytes()).open(MODULE) == (STRONG, OLD)


LATER = HEADER.load_before + timedelta(milliseconds=1)
BY_ONE = replace(FILE, signatures=signed.sign(PURPOSE, FILE.document, [FIRST]))
WITH_STRANGER = replace(FILE, signatures=signed.sign(PURPOSE, FILE.document, [FIRST, STRANGER]))
FOR_OTHER_PURPOSE = replace(
    FILE, signatures=signed.sign(b"posapp/authorisation/1", FILE.document, [FIRST, SECOND])
)


@pytest.mark.parametrize(
    ("code", "file", "change"),
    [
        ("SIGNERS_TOO_FEW", BY_ONE, {}),
        ("SIGNERS_TOO_FEW", WITH_STRANGER, {}),
        ("SIGNATURE_INVALID", FOR_OTHER_PURPOSE, {}),
        ("KEY_FILE_FOREIGN", FILE, {"module_id": "REF-OTHER"}),
        ("KEY_FILE_FOREIGN", FILE, {"public": OTHER.public}),
        ("KEY_FILE_OLD", FILE, {"newest_serial": 1}),
        ("KEY_FILE_OLD", FILE, {"newest_serial": 5}),
        ("KEY_FILE_EXPIRED", FILE, {"now": LATER}),
    ],
)
def test_each_refusal_has_its_own_code(code, file, change):
    with pytest.raises(InputError) as caught:
        check(file, **change)
    assert caught.value.code == code


def test_a_file_is_good_until_its_last_millisecond():
    check(now=HEADER.load_before)


def test_another_module_cannot_open_it():
    with pytest.raises(InputError, match="HPKE_REFUSED"):
        FILE.open(OTHER)


@pytest.mark.parametrize(
    "change",
    [
        {"serial": 2},
        {"test": False},
        {"module_id": "REF-OTHER"},
        {"load_before": NOW + timedelta(days=900)},
    ],
)
def test_the_body_opens_only_under_its_own_header(change):
    with pytest.raises(InputError, match="HPKE_REFUSED"):
        replace(FILE, header=replace(HEADER, **change)).open(MODULE)


def resigned(change: dict) -> bytes:
    document = cbor.encode(cbor.decode(FILE.document) | change)
    return signed.pack(document, signed.sign(PURPOSE, document, [FIRST, SECOND]))


@pytest.mark.parametrize(
    "change",
    [
        {0: 2},
        {1: "ref"},
        {2: bytes(31)},
        {3: "lab"},
        {3: "production "},
        {4: 0},
        {5: -1},
        {6: 1 << 62},
        {6: 5},
        {7: bytes(48)},
        {7: "x"},
        {8: 0},
        {"8": 0},
    ],
)
def test_a_document_of_another_form_is_refused(change):
    with pytest.raises(InputError, match="KEY_FILE_FORM"):
        KeyFile.read(resigned(change))


def test_a_document_that_is_no_map_or_too_large_is_refused():
    document = cbor.encode([1])
    with pytest.raises(InputError, match="KEY_FILE_FORM"):
        KeyFile.read(signed.pack(document, signed.sign(PURPOSE, document, [FIRST])))
    with pytest.raises(InputError, match="SIGNED_FORM"):
        KeyFile.read(bytes(2 * FILE_BYTES_MAX))


ROW = STRONG.to_row()


@pytest.mark.parametrize(
    "body",
    [
        [],
        {},
        [ROW, ROW],
        [OLD.to_row(), ROW],
        [ROW[:9]],
        [[*ROW, 0]],
        [[b"\1" * 8, *ROW[1:]]],
        [["x" * 20, *ROW[1:]]],
        [[*ROW[:2], True, *ROW[3:]]],
        [[*ROW[:2], 10, *ROW[3:]]],
        [[*ROW[:6], 3, *ROW[7:]]],
        [[*ROW[:7], -1, *ROW[8:]]],
        [[*ROW[:9], [[0, 0], [0, 0]]]],
        [[*ROW[:9], [[1, 0]]]],
        [[*ROW[:9], [[0]]]],
        [[*ROW[:9], [0]]],
    ],
)
def test_a_body_of_another_form_is_refused(body):
    sealed = hpke.seal(MODULE.public, cbor.encode(body), HEADER.info())
    with pytest.raises(InputError, match="KEY_FILE_FORM"):
        replace(FILE, sealed=sealed).open(MODULE)


def test_our_own_mistakes_show_when_a_file_is_made():
    with pytest.raises(ValueError, match="officers"):
        KeyFile.make(HEADER, MODULE.public, [OLD], [FIRST])
    with pytest.raises(InputError, match="KEY_FILE_FORM"):
        KeyFile.make(HEADER, OTHER.public, [OLD], [FIRST, SECOND])
    with pytest.raises(InputError, match="HPKE_REFUSED"):
        KeyFile.make(
            replace(HEADER, key_hash=key_hash(bytes(32))), bytes(32), [OLD], [FIRST, SECOND]
        )
    with pytest.raises(InputError, match="KEY_FILE_FORM"):
        replace(HEADER, load_before=NOW)


NAIVE = datetime(2026, 11, 20)
LAST = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=1 << 47)


@pytest.mark.parametrize("field", ["active_from", "issue_until"])
def test_a_time_has_its_zone_and_its_range(field):
    assert getattr(replace(STRONG, **{field: LAST}), field) == LAST
    for moment in (NAIVE, LAST + timedelta(milliseconds=1), datetime(1969, 12, 31, tzinfo=UTC)):
        with pytest.raises(InputError) as caught:
            replace(STRONG, **{field: moment})
        assert caught.value.params == {"field": field}
    with pytest.raises(InputError, match="issued_at"):
        replace(HEADER, issued_at=NAIVE)


def test_nothing_of_a_secret_shows():
    shown = repr(FILE) + repr(STRONG) + repr(OLD) + repr(MODULE)
    for secret in (STRONG.secret, OLD.secret, bytes(range(32))):
        assert secret.hex() not in shown and repr(secret)[2:-1] not in shown
        assert secret not in FILE.to_bytes()
    with pytest.raises(InputError) as caught:
        replace(STRONG, secret=b"secret")
    assert caught.value.params == {"field": "secret"}


# --- the page -----------------------------------------------------------------------------------


def the_example() -> dict[str, bytes]:
    page = (paths.resources() / "key-file.md").read_text(encoding="utf-8")
    block = re.findall(r"```\n(.*?)```", page, re.DOTALL)[-1]
    found = re.findall(r"(\w+):\n((?:  [0-9a-f]+\n)+)", block)
    return {name: bytes.fromhex("".join(lines.split())) for name, lines in found}


def test_the_example_on_the_page_is_recomputed_step_by_step():
    page = the_example()
    assert len(page) == 19
    module = OpeningKey(page["module_secret"])
    officers = [SigningKey(page[f"officer_{n}_secret"]) for n in (1, 2)]
    assert module.public == page["module_public"]
    assert [o.public for o in officers] == [page["officer_1_public"], page["officer_2_public"]]
    header = cbor.encode(HEADER.to_map())
    assert header == page["header"]
    assert PURPOSE + b"\0" + header == page["info"] == HEADER.info()
    assert cbor.encode([STRONG.to_row(), OLD.to_row()]) == page["body"]
    steps = rfc9180.seal(module.public, page["body"], page["info"], page["ephemeral_secret"])
    assert steps == {name: page[name] for name in steps}
    assert cbor.encode(HEADER.to_map() | {7: steps["sealed"]}) == page["document"]
    for number, officer in enumerate(officers, 1):
        assert officer.sign(PURPOSE, page["document"]) == page[f"signature_{number}"]
    pairs = tuple((o.public, page[f"signature_{n}"]) for n, o in enumerate(officers, 1))
    assert signed.pack(page["document"], pairs) == page["file"]


def test_the_example_on_the_page_loads():
    file = KeyFile.read(the_example()["file"])
    check(file)
    assert file.header == HEADER
    assert file.open(MODULE) == (STRONG, OLD)


def test_the_page_names_every_refusal_that_a_check_can_give():
    page = (paths.resources() / "key-file.md").read_text(encoding="utf-8")
    for code in ("SIGNERS_TOO_FEW", "KEY_FILE_FOREIGN", "KEY_FILE_OLD", "KEY_FILE_EXPIRED"):
        assert f"`{code}`" in page
