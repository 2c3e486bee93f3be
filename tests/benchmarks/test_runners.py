"""The runners of benchmarks and storms find their files, say their verdict and end by it."""

from __future__ import annotations

import json

import pytest

from tests.benchmarks import __main__ as benchmarks
from tests.benchmarks.row import Row
from tests.storm import __main__ as storms

FAST = Row("commit", 1.5, 1.0, "ms", 2)
SLOW = Row("lookup", 40.0, 10.0, "us", 3)


def _only(monkeypatch, **benches):
    monkeypatch.setattr(benchmarks, "discover", lambda: benches)


def test_every_bench_file_is_found():
    found = benchmarks.discover()
    assert "window.start" in found
    assert all(callable(bench) for bench in found.values())
    files = {path.stem.removeprefix("bench_") for path in benchmarks.HERE.glob("bench_*.py")}
    assert {name.partition(".")[0] for name in found} == files


def test_each_row_shows_its_ratio_and_whether_it_kept_its_target(monkeypatch, capsys):
    _only(monkeypatch, **{"a.b": lambda: [FAST, SLOW]})
    assert benchmarks.main([]) == 1
    lines = capsys.readouterr().out.splitlines()
    assert lines[1].split() == ["commit", "1.500", "ms", "1.000", "ms", "1.50x", "<=2x", "ok"]
    assert lines[2].split()[-4:] == ["4.00x", "<=3x", "TOO", "SLOW"]


def test_a_name_picks_and_the_file_holds_the_figures(monkeypatch, tmp_path):
    _only(monkeypatch, **{"store.commit": lambda: [FAST], "store.lookup": lambda: [SLOW]})
    out = tmp_path / "rows.json"
    assert benchmarks.main(["commit", "--json", str(out)]) == 0
    (row,) = json.loads(out.read_text())["rows"]
    assert (row["name"], row["ratio"], row["ok"]) == ("commit", 1.5, True)


def test_an_unknown_name_lists_what_there_is(monkeypatch, capsys):
    _only(monkeypatch, **{"store.commit": lambda: [FAST]})
    assert benchmarks.main(["paper"]) == 2
    assert "store.commit" in capsys.readouterr().out


@pytest.mark.parametrize("change", [{"limit": 0.0}, {"ours": -1.0}, {"name": ""}])
def test_a_row_without_a_measurement_cannot_exist(change):
    values = {"name": "x", "ours": 1.0, "limit": 1.0, "unit": "ms", "target_ratio": 1.0}
    with pytest.raises(ValueError, match="not a measurement"):
        Row(**{**values, **change})


def test_a_storm_that_broke_a_promise_is_told_and_fails(monkeypatch, capsys):
    asked = []

    def paper(seed, minutes):
        asked.append((seed, minutes))
        return ["a slip is lost"]

    monkeypatch.setattr(storms, "discover", lambda: {"paper": paper, "line": lambda *_: []})
    assert storms.main(["paper", "--seed", "9", "--minutes", "0.5"]) == 1
    assert asked == [(9, 0.5)]
    assert "a slip is lost" in capsys.readouterr().out
    assert storms.main(["line"]) == 0
    assert storms.main(["sun"]) == 2


def test_every_storm_file_is_found():
    files = {path.stem.removeprefix("storm_") for path in storms.HERE.glob("storm_*.py")}
    assert set(storms.discover()) == files
