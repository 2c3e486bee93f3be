"""Bytes of a module's folder changed one at a time, a sample of `python -m tests.storm seal`."""

from __future__ import annotations

import random

import pytest

from tests.security_module.module_process import ON_POSIX
from tests.storm.module_ends import ServedModule
from tests.storm.seal_probe import Bench
from tests.storm.seal_scene import make_folder
from tests.storm.storm_seal import (
    STORE_FILES,
    Readings,
    Tally,
    ask,
    read,
    secret_of,
    small_flips,
    store_flips,
)

ASKED_SMALL, ASKED_STORE, READ = 40, 20, 80
SERVED = 4


@pytest.fixture(scope="module")
def keyed(tmp_path_factory):
    template = tmp_path_factory.mktemp("seal") / "keyed"
    known = make_folder(template, operators=False)
    return template, Bench(template, template.with_name("bench"), known)


@pytest.fixture
def chance():
    return random.Random(20261120)


@pytest.fixture(autouse=True)
def _damage_is_logged(caplog):
    caplog.set_level("CRITICAL", "posapp")


def test_a_folder_as_the_power_cut_left_it_answers_everything_right(keyed):
    assert keyed[1].whole() == ("right", [])


def test_a_changed_byte_is_an_error_or_harmless_and_never_a_wrong_token(keyed, chance):
    _, bench = keyed
    tally = Tally()
    ask(bench, chance.sample(small_flips(bench), ASKED_SMALL), tally)
    ask(bench, chance.sample(store_flips(bench, chance), ASKED_STORE), tally)
    assert not tally.findings
    refused = sum(count for (_, end), count in tally.ends.items() if end.startswith("refuses"))
    assert refused > ASKED_SMALL // 2, tally.words()


def test_every_row_is_as_it_was_written_or_cannot_be_read(keyed, chance):
    template, bench = keyed
    tally = Tally()
    flips = chance.sample(store_flips(bench, chance), READ)
    read(Readings(bench, secret_of(template)), flips, tally)
    assert not tally.findings
    for name in STORE_FILES:
        assert tally.ends[name, "cannot be read: STORE_DAMAGED"], tally.words()


def test_the_operators_file_and_the_devices_secret_are_whole_or_not_believed(tmp_path, chance):
    known = make_folder(tmp_path / "closed", operators=True)
    bench = Bench(tmp_path / "closed", tmp_path / "bench", known)
    sealed = [f for f in small_flips(bench) if f[0] in ("operators.sealed", "device.secret")]
    tally = Tally()
    ask(bench, chance.sample(sealed, ASKED_SMALL), tally)
    assert not tally.findings
    assert {end for _, end in tally.ends} <= {"refuses to start: SEAL_DAMAGED"}


@pytest.mark.skipif(not ON_POSIX, reason="the line is a pty")
def test_the_process_says_what_is_wrong_in_a_sentence_and_never_in_a_traceback(
    keyed, chance, tmp_path
):
    _, bench = keyed
    flips = chance.sample(small_flips(bench) + store_flips(bench, chance), SERVED)
    for name, place, mask in flips:
        data = bytearray(bench.template[name])
        data[place] ^= mask
        bench.put_back({name: bytes(data)})
        module = ServedModule(bench.folder, f"pty:{tmp_path / 'line'}", "")
        module.forked = True
        if module.starts():
            module.stop()
        else:
            assert module.errors(), "it ended without a word"
        assert "Traceback" not in module.errors(), (name, place, mask)
