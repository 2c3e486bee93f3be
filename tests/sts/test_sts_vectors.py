"""The published vectors, all of them, and a runner that notices one wrong digit."""

import json
from pathlib import Path
from typing import Any

import pytest

from posapp.errors import InputError
from posapp.sts import ciphers, sta, vectors

FILE = Path(__file__).parent.parent / "data" / "sts_vectors.json"
Vector = dict[str, Any]


@pytest.fixture
def published() -> list[Vector]:
    found: list[Vector] = json.loads(FILE.read_bytes())["vectors"]
    return found


def write(folder: Path, *chosen: Vector) -> Path:
    file = folder / "vectors.json"
    file.write_text(json.dumps({"vectors": chosen}), encoding="utf-8")
    return file


def test_every_published_vector_passes(published: list[Vector]) -> None:
    report = vectors.run(FILE)
    assert report.lines == (f"{len(published)} passed, 0 failed",)


def test_one_wrong_digit_in_any_token_is_a_failure(published: list[Vector], tmp_path: Path) -> None:
    with_tokens = [v for v in published if v.get("tokens")]
    for vector in with_tokens:
        token = vector["tokens"][-1]
        last = token["digits"][-1]
        token["digits"] = token["digits"][:-1] + str((int(last) + 1) % 10)
    report = vectors.run(write(tmp_path, *with_tokens))
    assert (report.passed, report.failed) == (0, len(with_tokens))


def test_a_wrong_value_on_the_way_is_a_failure(tmp_path: Path) -> None:
    wrong = []
    for vector in json.loads(FILE.read_bytes())["vectors"]:
        for name, value in vector["intermediate"].items():
            if isinstance(value, str):
                changed = json.loads(json.dumps(vector))
                changed["intermediate"][name] = ("0" if value[0] != "0" else "1") + value[1:]
                changed["id"] = f"{vector['id']}:{name}"
                wrong.append(changed)
    report = vectors.run(write(tmp_path, *wrong))
    assert report.passed == 0
    assert report.failed == len(wrong) > 300


def test_a_wrong_field_of_a_key_change_is_a_failure(
    published: list[Vector], tmp_path: Path
) -> None:
    changes = [v for v in published if v["kind"] == "KeyChange"]
    for vector in changes:
        vector["tokens"][0]["fields"]["kenho"] ^= 1
    report = vectors.run(write(tmp_path, *changes))
    assert (report.passed, report.failed) == (0, len(changes))


def test_kinds_that_it_does_not_know_are_counted_and_named(
    published: list[Vector], tmp_path: Path
) -> None:
    known = next(v for v in published if v["kind"] == "MISTY1")
    report = vectors.run(write(tmp_path, known, {"kind": "Tea leaves"}, {"kind": "Tea leaves"}))
    assert report.summary == "1 passed, 0 failed, 2 skipped"
    assert report.lines == ("skipped 2 of Tea leaves", report.summary)


def test_a_vector_without_anything_to_compare_is_a_failure(tmp_path: Path) -> None:
    report = vectors.run(
        write(
            tmp_path, {"id": "E", "kind": "DES", "inputs": {"key": "00" * 8, "plaintext": "00" * 8}}
        )
    )
    assert report.lines == ("FAILED E DES: nothing to compare", "0 passed, 1 failed")


def test_an_incomplete_vector_is_a_failure_not_a_crash(
    published: list[Vector], tmp_path: Path
) -> None:
    emptied = [{**v, "inputs": {}, "tokens": []} for v in published]
    report = vectors.run(write(tmp_path, *emptied))
    assert (report.passed, report.failed) == (0, len(published))


def test_a_sites_tables_serve_only_vectors_that_do_not_ask_for_the_sample(
    published: list[Vector], tmp_path: Path
) -> None:
    sample = next(v for v in published if v.get("sta_tables") == "sample" and v.get("tokens"))
    unmarked = {k: v for k, v in sample.items() if k != "sta_tables"}
    by_kind = next(v for v in published if v["kind"] == "STA sample tables")
    other = sta.StaTables(range(16), range(16), ciphers.sample_tables().p)
    report = vectors.run(write(tmp_path, sample, by_kind, unmarked), other)
    assert (report.passed, report.failed) == (2, 1)


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"vectors": {}}', '{"vectors": [1]}'])
def test_another_file_is_refused(tmp_path: Path, text: str) -> None:
    file = tmp_path / "vectors.json"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(InputError, match="VECTORS_INVALID"):
        vectors.run(file)


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="VECTORS_INVALID"):
        vectors.run(tmp_path / "nothing.json")
