"""Key-change sets against the published examples (6.2.7, 6.2.8)."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from posapp.domain.meter import EncryptionAlgorithm, KeyType
from posapp.errors import InputError
from posapp.sts import ciphers, key_change, tokens

STA, MISTY1 = EncryptionAlgorithm.STA, EncryptionAlgorithm.MISTY1
SAMPLE = ciphers.sample_tables()
NEW_STA = key_change.NewKey(
    key=bytes.fromhex("bdc28dcf6005434d"),
    kt=KeyType.UNIQUE,
    krn=6,
    ti="02",
    ken=255,
    sgc="203557",
    rollover=True,
)
NEW_MISTY1 = replace(NEW_STA, key=bytes.fromhex("39fa45a353cb729549dc515a68a25c98"))
OLD_MISTY1 = bytes.fromhex("929bd3a415c9420a05ec5ee9f3ce91c3")


def hexes(blocks: tuple[int, ...]) -> list[str]:
    return [f"{block:016x}" for block in blocks]


def test_the_published_set_of_two() -> None:
    assert hexes(key_change.blocks(STA, NEW_STA)) == ["3f6abdc28dcf8552", "4f026005434db03b"]


def test_the_published_set_of_three() -> None:
    new = replace(
        NEW_STA,
        key=bytes.fromhex("7f78cdd220be39b8"),
        krn=1,
        sgc="201457",
        rollover=False,
    )
    assert hexes(key_change.blocks(STA, new, third_token=True)) == [
        "3f167f78cdd2390c",
        "4f0220be39b836f9",
        "80312f10000053d5",
    ]


def test_the_published_set_of_four() -> None:
    assert hexes(key_change.blocks(MISTY1, NEW_MISTY1)) == [
        "3f6a39fa45a37b82",
        "4f0268a25c98ca17",
        "8b2553cb7295efc9",
        "903149dc515a3259",
    ]
    assert key_change.change_set(OLD_MISTY1, MISTY1, NEW_MISTY1, SAMPLE) == (
        "39536809214641544852",
        "23263472884016433225",
        "45268691985939334940",
        "65389277406881242890",
    )


def test_ea11_always_takes_four() -> None:
    asked = key_change.blocks(MISTY1, NEW_MISTY1, third_token=True)
    assert asked == key_change.blocks(MISTY1, NEW_MISTY1)


def test_printing_a_set_again_gives_the_same_digits() -> None:
    old = bytes.fromhex("87f3ecbb2e46b48f")
    first = key_change.change_set(old, STA, NEW_STA, SAMPLE)
    assert key_change.change_set(old, STA, NEW_STA, SAMPLE) == first


@given(
    st.binary(min_size=16, max_size=16),
    st.sampled_from(KeyType),
    st.integers(1, 9),
    st.integers(0, 99),
    st.integers(0, 255),
    st.integers(0, 999_999),
    st.booleans(),
)
def test_a_set_says_what_was_put_in(
    key: bytes, kt: KeyType, krn: int, ti: int, ken: int, sgc: int, rollover: bool
) -> None:
    new = key_change.NewKey(key, kt, krn, f"{ti:02d}", ken, f"{sgc:06d}", rollover)
    said: dict[str, int] = {}
    for digits in key_change.change_set(OLD_MISTY1, MISTY1, new, SAMPLE):
        said.update(tokens.decode(digits, OLD_MISTY1, MISTY1, SAMPLE).fields)
    words = [said[n].to_bytes(4, "big") for n in ("nkho", "nkmo2", "nkmo1", "nklo")]
    assert b"".join(words) == key
    assert (said["kenho"] << 4 | said["kenlo"], said["krn"], said["ti"]) == (ken, krn, ti)
    assert said["sgcho"] << 12 | said["sgclo"] == sgc
    assert (said["kt"], said["ro"], said["kct3"]) == (kt, rollover, 0)


@pytest.mark.parametrize("change", [{"krn": 0}, {"ti": "1"}, {"ken": 256}, {"sgc": "12345"}])
def test_attributes_outside_their_range_are_refused(change: dict[str, object]) -> None:
    with pytest.raises(InputError) as caught:
        replace(NEW_STA, **change)  # type: ignore[arg-type]
    assert caught.value.code == "KEY_CHANGE_FIELD"
    assert caught.value.params == {"field": next(iter(change))}


def test_a_new_key_of_another_length_is_refused() -> None:
    with pytest.raises(InputError, match="DECODER_KEY_LENGTH"):
        key_change.blocks(MISTY1, NEW_STA)


def test_a_new_key_never_shows() -> None:
    assert "xbd" not in repr(NEW_STA)
