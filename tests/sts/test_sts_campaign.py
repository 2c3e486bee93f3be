"""Key changes for a list of meters: the same lines as one meter at a time, and hostile lists."""

import csv
import io
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from posapp.domain.meter import EncryptionAlgorithm, KeyType, MeterNumber, luhn_digit
from posapp.errors import InputError, PosError
from posapp.sts import ciphers, key_change, tokens
from posapp.sts.bulk import campaign as campaigns
from posapp.sts.bulk import rows as csv_rows
from posapp.sts.bulk.campaign import COLUMNS, RESULT_COLUMNS, Campaign, CampaignReport, Target
from posapp.sts.keys import VendingKey, with_odd_parity
from posapp.ui.messages import WORDS

STA, MISTY1 = EncryptionAlgorithm.STA, EncryptionAlgorithm.MISTY1
NOW = datetime(2025, 6, 1, 12, tzinfo=UTC)
SAMPLE = ciphers.sample_tables()
HEADER = ",".join(RESULT_COLUMNS)


def vending_key(
    sgc: str, krn: int, kt: KeyType, base_date: int, ken: int = 255, dkga: int = 4
) -> VendingKey:
    secret = f"{sgc}-{krn}-secret-bytes".encode().ljust(20, b".")[:20]
    if dkga == 2:
        secret = with_odd_parity(secret[:8])
    return VendingKey(secret, sgc, krn, kt, base_date, ken, dkga)


KEYS = {
    (key.sgc, key.krn): key
    for key in (
        vending_key("201457", 1, KeyType.UNIQUE, 2014),
        vending_key("201457", 2, KeyType.UNIQUE, 2014, dkga=2),
        vending_key("203557", 6, KeyType.UNIQUE, 2035),
        vending_key("000001", 1, KeyType.DEFAULT, 1993, ken=200, dkga=2),
        vending_key("999999", 9, KeyType.UNIQUE, 2014, ken=10),
        vending_key("300000", 3, KeyType.COMMON, 2014, dkga=2),
        vending_key("300000", 4, KeyType.COMMON, 2014),
        vending_key("400000", 1, KeyType.INITIAL, 2014),
    )
}
NEAREST = Target("203557", 6)


def meter(n: int, *, long: bool = False) -> str:
    body = f"{n:012d}" if long else f"{n:010d}"
    return body + luhn_digit(body)


def run(
    text: str | bytes,
    target: Target = NEAREST,
    keys: dict[tuple[str, int], VendingKey] = KEYS,
    **options: object,
) -> tuple[list[str], CampaignReport]:
    """The lines written after the header, and the report."""
    source = io.BytesIO(text.encode() if isinstance(text, str) else text)
    output = io.BytesIO()
    report = Campaign(keys, target, SAMPLE, NOW).run(source, output, **options)
    header, *lines = output.getvalue().decode("ascii").split("\n")
    assert header == HEADER
    assert lines.pop() == ""
    return [line.partition(",")[2] for line in lines], report


def problem_of(line: str) -> str:
    return line.rpartition(",")[2]


def listed(*rows: str, columns: str = "meter,ea,sgc,krn,ti") -> str:
    return "".join(f"{row}\n" for row in (columns, *rows))


# ---------------------------------------------------------------- against the single path


def one_by_one(rows: list[dict[str, str]], target: Target) -> Iterator[str]:
    """What a campaign must write, made of the single path's functions, a meter at a time."""
    for row in rows:
        wanted = dict(row)
        wanted["three_token"] = wanted.get("three_token") or str(int(target.three_token))
        for name in ("sgc", "krn", "ti"):
            default = getattr(target, name)
            if not wanted.get(f"new_{name}"):
                wanted[f"new_{name}"] = row[name] if default is None else str(default)
        made, rollover, problem = (), "", ""
        try:
            change = _change(wanted)
        except PosError as error:
            problem = error.code
        else:
            made, rollover = change
        shown = [wanted[name] for name in RESULT_COLUMNS[1:9]]
        places = (13, 2, 6, 1, 2, 6, 1, 2)
        shown = [
            s if _digits(s) and len(s) <= p else "" for s, p in zip(shown, places, strict=True)
        ]
        if len(shown[1]) == 1:
            shown[1] = f"0{shown[1]}"
        yield ",".join((*shown, rollover, *made, *[""] * (4 - len(made)), problem))


def _digits(text: str) -> bool:
    return text.isascii() and text.isdigit()


def _change(row: dict[str, str]) -> tuple[tuple[str, ...], str]:
    number = row["meter"]
    _refuse("METER_NUMBER_LENGTH", len(number) not in (11, 13))
    number = MeterNumber(number)
    _refuse("EA_UNKNOWN", row["ea"] not in ("7", "07", "11"))
    for prefix in ("", "new_"):
        for name, length in (("sgc", 6), ("krn", 1), ("ti", 2)):
            value = row[prefix + name]
            right = _digits(value) and len(value) == length and (name != "krn" or value != "0")
            _refuse(f"ROW_{prefix}{name}".upper(), not right)
    _refuse("ROW_THREE_TOKEN", row.get("three_token", "") not in ("", "0", "1"))
    for prefix, code in (("", "KEY_NOT_FOUND"), ("new_", "NEW_KEY_NOT_FOUND")):
        _refuse(code, (row[f"{prefix}sgc"], int(row[f"{prefix}krn"])) not in KEYS)
    old, new = (
        key_change.Side(KEYS[row[f"{p}sgc"], int(row[f"{p}krn"])], row[f"{p}ti"])
        for p in ("", "new_")
    )
    key_change.check_change(old, new, NOW, 2)
    ea = EncryptionAlgorithm(int(row["ea"]))
    old_key = old.decoder_key(number, ea)
    change = key_change.new_key(old, new, number, ea)
    third = row.get("three_token") == "1"
    made = key_change.change_set(old_key, ea, change, SAMPLE, third_token=third)
    return made, str(int(change.rollover))


def _refuse(code: str, wrong: bool) -> None:
    if wrong:
        raise InputError(code)


def sometimes(right: st.SearchStrategy[str], *wrong: str) -> st.SearchStrategy[str]:
    return st.integers(0, 15).flatmap(lambda n: st.sampled_from(wrong) if n == 0 else right)


sides = st.sampled_from(sorted(KEYS)).map(lambda pair: (pair[0], str(pair[1])))
tis = st.sampled_from(("00", "01", "02", "63", "99"))


@st.composite
def some_rows(draw: st.DrawFn) -> dict[str, str]:
    old, new = draw(sides), draw(st.one_of(sides, st.just(("", ""))))
    short = st.integers(0, 10**10 - 1).map(meter)
    long = st.integers(0, 10**12 - 1).map(lambda n: meter(n, long=True))
    return {
        "meter": draw(
            sometimes(st.one_of(short, long), "", "123", "12345678904", "1234567890x", "9" * 40)
        ),
        "ea": draw(sometimes(st.sampled_from(("7", "07", "11")), "", "9", "09", "011", "x")),
        "sgc": draw(sometimes(st.just(old[0]), "", "12345", "1234567", "+12345", "=1+2+3")),
        "krn": draw(sometimes(st.just(old[1]), "", "0", "10", "-")),
        "ti": draw(sometimes(tis, "", "1", "100", " 1")),
        "new_sgc": draw(sometimes(st.just(new[0]), "00001", "abcdef")),
        "new_krn": draw(sometimes(st.just(new[1]), "0", "99")),
        "new_ti": draw(sometimes(st.one_of(tis, st.just("")), "7", "0x")),
        "three_token": draw(sometimes(st.sampled_from(("", "0", "1")), "2", "yes")),
    }


targets = st.sampled_from(
    (NEAREST, Target(), Target(ti="02"), Target("201457", 1, "99", three_token=True))
)


@settings(max_examples=150)
@given(st.lists(some_rows(), max_size=12), targets, st.integers(1, 14), st.booleans())
def test_a_campaign_writes_what_one_meter_at_a_time_writes(
    rows: list[dict[str, str]], target: Target, chunk_rows: int, quoted: bool
) -> None:
    text = io.StringIO()
    quoting = csv.QUOTE_ALL if quoted else csv.QUOTE_MINIMAL
    writer = csv.DictWriter(text, list(COLUMNS)[::-1], quoting=quoting)  # CRLF, any order
    writer.writeheader()
    writer.writerows(rows)
    lines, report = run(text.getvalue(), target, chunk_rows=chunk_rows)
    assert lines == list(one_by_one(rows, target))
    refused = [problem for line in lines if (problem := problem_of(line))]
    assert (report.rows, report.refused) == (len(rows), len(refused))
    assert report.done == len(rows) - len(refused)
    assert report.problems == {code: refused.count(code) for code in refused}
    assert not report.cancelled


def test_a_hundred_tariffs_and_every_size_of_chunk_give_the_same_bytes() -> None:
    rows = [
        {"meter": meter(n, long=n % 7 == 0), "ea": "11", "sgc": "201457", "krn": "1"}
        | {"ti": f"{n % 100:02d}", "new_ti": f"{n * 31 % 100:02d}"}
        for n in range(250)
    ]
    text = listed(*(",".join(row.values()) for row in rows), columns=",".join(rows[0]))
    expected = list(one_by_one(rows, NEAREST))
    assert not any(map(problem_of, expected))
    for chunk_rows in (1, 99, 100, 249, 250, 251, 16_384):
        assert run(text, chunk_rows=chunk_rows)[0] == expected


def test_the_published_set_of_four() -> None:
    secret = bytes.fromhex("abababababababab949494949494949401234567")
    keys = {
        pair: VendingKey(secret, *pair, KeyType.UNIQUE, base_date, 255, 4)
        for pair, base_date in {("201457", 1): 2014, ("203557", 6): 2035}.items()
    }
    (line,), _ = run(listed("00000000000,11,201457,1,01"), Target("203557", 6, "02"), keys)
    assert line == (
        "00000000000,11,201457,1,01,203557,6,02,1,39536809214641544852,23263472884016433225,"
        "45268691985939334940,65389277406881242890,"
    )


def test_an_old_key_may_have_expired_but_not_the_new_one() -> None:
    away, back = run(
        listed(
            f"{meter(1)},07,999999,9,01,201457,1",
            f"{meter(1)},07,201457,1,01,999999,9",
            columns="meter,ea,sgc,krn,ti,new_sgc,new_krn",
        )
    )[0]
    assert problem_of(away) == "" and problem_of(back) == "KEY_CHANGE_EXPIRED"


def test_nothing_to_change_is_refused() -> None:
    lines, _ = run(listed(f"{meter(1)},07,201457,1,01"), Target())
    assert problem_of(lines[0]) == "KEY_CHANGE_NOTHING"


def test_every_problem_of_a_row_has_words() -> None:
    rows = [
        "",
        "1,2",
        ",07,201457,1,01",
        f"{meter(1)},08,201457,1,01",
        f"{meter(1)},07,1,1,01",
        f"{meter(1)},07,201457,0,01",
        f"{meter(1)},07,201457,1,1",
        f"{meter(1)},07,201457,7,01",
        f"{meter(1)},07,203557,6,01",
        f"{meter(1)},07,400000,1,01",
        "12345678904,07,201457,1,01",
        "1234567890a,07,201457,1,01",
    ]
    codes = set(map(problem_of, run(listed(*rows))[0]))
    changes = "meter,ea,sgc,krn,ti,new_sgc,new_krn,new_ti,three_token"
    rows = [f"{meter(1)},07,201457,1,01,{end}" for end in ("1,,,", ",0,,", ",,1,", "201457,,,")]
    rows += [f"{meter(1)},07,201457,1,01,{end}" for end in ("300000,3,,", "400000,1,,", ",,,2")]
    rows += [f"{meter(1)},11,201457,2,01,,,,"]
    codes |= set(map(problem_of, run(listed(*rows, columns=changes))[0]))
    assert len(codes) == 18 and "NEW_KEY_NOT_FOUND" in codes and "" not in codes
    assert not codes - set(WORDS)


def test_only_ea07_asks_whether_a_meter_takes_a_third_token() -> None:
    rows = [
        {"meter": meter(1), "ea": ea, "sgc": "201457", "krn": "1", "ti": "01", "three_token": mark}
        for ea in ("07", "11")
        for mark in ("", "0", "1")
    ]
    text = listed(*(",".join(row.values()) for row in rows), columns=",".join(rows[0]))
    lines, _ = run(text)
    assert lines == list(one_by_one(rows, NEAREST))
    assert [sum(map(len, line.split(",")[9:13])) // 20 for line in lines] == [2, 2, 3, 4, 4, 4]


def test_a_campaign_without_keys_refuses_every_row() -> None:
    lines, report = run(listed(f"{meter(1)},07,201457,1,01"), keys={})
    assert report.problems == {"KEY_NOT_FOUND": 1}
    assert lines[0].startswith(f"{meter(1)},07,201457,1,01,203557,6,01,,")


@pytest.mark.parametrize("wrong", [{"sgc": "12345"}, {"krn": 0}, {"krn": 10}, {"ti": "1"}])
def test_a_target_that_cannot_be_is_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(InputError, match="KEY_CHANGE_FIELD"):
        Target(**wrong)  # type: ignore[arg-type]


# ---------------------------------------------------------------- files as people send them

GOOD = f"{meter(1)},07,201457,1,01"


@pytest.mark.parametrize(
    "text",
    [
        listed(GOOD, GOOD),
        listed(GOOD, GOOD).replace("\n", "\r\n"),
        "\ufeff" + listed(GOOD, GOOD),
        listed(GOOD, GOOD).removesuffix("\n"),
        listed(GOOD, GOOD).replace("\n", "\r\n").removesuffix("\r\n"),
        listed(GOOD, "", "", GOOD, ""),
        listed(GOOD, "\r", GOOD, "\r"),
        listed(*[",".join(f'"{field}"' for field in GOOD.split(","))] * 2),
        listed(GOOD, GOOD, columns='"meter", "ea",sgc , krn,ti'),
    ],
)
def test_two_good_rows_are_two_good_rows_however_they_are_written(text: str) -> None:
    lines, report = run(text)
    assert report.done == len(lines) == 2
    row = dict(zip(COLUMNS, GOOD.split(","), strict=False))
    assert lines[0] == lines[1] == next(one_by_one([row], NEAREST))


@pytest.mark.parametrize(
    ("hostile", "problem"),
    [
        ('"', "ROW_FORM"),
        (GOOD + '"', "METER_NUMBER_LENGTH ROW_TI ROW_FORM"),
        (f'"{GOOD}"', "ROW_FORM"),
        (f'"{GOOD}', "ROW_FORM"),
        (f'"1\t2"3,{GOOD}', "ROW_FORM"),
        (GOOD + ",", "ROW_FORM"),
        (",,,,,,,,,,", "ROW_FORM"),
        ("x", "ROW_FORM"),
        (GOOD.replace("1", "\0"), "METER_NUMBER_LETTERS"),
        ("\0", "ROW_FORM"),
        ('"\0",,,,', "METER_NUMBER_LENGTH"),
        ("=cmd|'/c calc'!A0,07,201457,1,01", "METER_NUMBER_LENGTH"),
        ("=1+2+3+4+56,07,201457,1,01", "METER_NUMBER_LETTERS"),
        (GOOD.replace("07", "७७"), "EA_UNKNOWN"),
        (f"{meter(1)},07,201457,1, 1", "ROW_TI"),
        ("-" * 5000, "ROW_FORM"),
        (GOOD + " " * 3_000_000, "ROW_FORM"),
        (f'{",".join(GOOD.split(",")[:4])},"{"1" * 200_000}"', "ROW_FORM"),
        (f"{'1' * 900},07,201457,1,01", "METER_NUMBER_LENGTH"),
        (f"{GOOD}\r{GOOD}", "ROW_FORM"),
        (f"{meter(1)},07,201457,1,0\r1", "ROW_TI"),
    ],
)
@pytest.mark.parametrize("chunk_rows", [1, 3, 1000])
def test_a_hostile_row_is_refused_in_its_place_and_disturbs_no_other(
    hostile: str, problem: str, chunk_rows: int
) -> None:
    lines, report = run(listed(GOOD, hostile, GOOD), chunk_rows=chunk_rows)
    assert lines[0] == lines[2] and problem_of(lines[0]) == ""
    assert problem_of(lines[1]) in problem.split()
    assert set(lines[1].rpartition(",")[0]) <= set("0123456789,")
    assert ",,,,," in lines[1]
    assert (report.rows, report.done, report.refused) == (3, 2, 1)


@pytest.mark.parametrize(
    "hostile",
    [["x"] * 5, [",,,,,,,,,"], [",,,,,", ",,,"], ["x", ",,,,,,,,"], [",,,,,,,,", "x"]],
)
def test_rows_that_only_together_have_the_right_number_of_fields_are_refused(
    hostile: list[str],
) -> None:
    lines, _ = run(listed(GOOD, *hostile, GOOD))
    assert list(map(problem_of, lines)) == ["", *["ROW_FORM"] * len(hostile), ""]


def test_bytes_that_are_no_text_are_refused_in_their_place() -> None:
    raw = listed(GOOD, "~", GOOD).encode().replace(b"~", b'\xff\xfe\x80,07,"201457",1,01')
    lines, _ = run(raw)
    assert list(map(problem_of, lines)) == ["", "METER_NUMBER_LENGTH", ""]


@pytest.mark.parametrize(
    ("header", "code", "field"),
    [
        ("", "CSV_EMPTY", None),
        (",,", "CSV_EMPTY", None),
        ("meter", "CSV_COLUMN_MISSING", "ea"),
        ("meter,ea,sgc,krn", "CSV_COLUMN_MISSING", "ti"),
        ("meter,ea,sgc,krn,ti,name", "CSV_COLUMN_UNKNOWN", "name"),
        ("meter,ea,sgc,krn,ti,ti", "CSV_COLUMN_TWICE", "ti"),
        ('"meter,ea,sgc,krn,ti', "CSV_COLUMN_UNKNOWN", '"meter,ea,sgc,krn,ti'),
        ("x" * 3_000_000, "CSV_COLUMN_UNKNOWN", "x" * 40),
    ],
)
def test_a_header_with_other_columns_is_refused_by_name(
    header: str, code: str, field: str | None
) -> None:
    output = io.BytesIO()
    campaign = Campaign(KEYS, NEAREST, SAMPLE, NOW)
    with pytest.raises(InputError) as caught:
        campaign.run(io.BytesIO(f"{header}\n{GOOD}\n".encode()), output)
    assert (caught.value.code, caught.value.params.get("field")) == (code, field)
    assert output.getvalue() == b""


def test_an_empty_file_and_one_in_another_encoding_have_no_columns() -> None:
    for raw in (b"", b"\n", b"\xff\xfem\0e\0", b"\0" * 100):
        with pytest.raises(InputError, match="CSV_"):
            run(raw)


@pytest.mark.parametrize("separator", [";", "\t"])
@pytest.mark.parametrize("ending", ["\n", "\r\n"])
def test_a_spreadsheets_own_separators_are_taken(separator: str, ending: str) -> None:
    text = listed(GOOD, GOOD, columns="Meter, EA,sgc,KRN,ti")
    expected, _ = run(listed(GOOD, GOOD))
    assert run("\ufeff" + text.replace(",", separator).replace("\n", ending))[0] == expected


@pytest.mark.parametrize("chunk_rows", [1, 2, 1000])
def test_every_row_says_the_line_it_stood_on(chunk_rows: int) -> None:
    rows = [GOOD, "", "x", GOOD, "", "", f"{meter(1)},07,201457,1,1", "x", *[GOOD] * 5]
    output = io.BytesIO()
    report = Campaign(KEYS, NEAREST, SAMPLE, NOW).run(
        io.BytesIO(listed(*rows).encode()), output, chunk_rows=chunk_rows
    )
    written = output.getvalue().decode().splitlines()[1:]
    lines = [int(line.partition(",")[0]) for line in written]
    assert lines == [n for n, row in enumerate(rows, start=2) if row]
    assert report.first_lines == {"ROW_FORM": 4, "ROW_TI": 8}
    assert report.problems == {"ROW_FORM": 2, "ROW_TI": 1}


def test_a_campaign_may_ask_for_the_third_token_and_a_row_may_say_no() -> None:
    target = Target("203557", 6, three_token=True)
    columns = "meter,ea,sgc,krn,ti,three_token"
    lines, _ = run(listed(f"{GOOD},", f"{GOOD},0", f"{GOOD},1", columns=columns), target)
    assert [sum(len(cell) == 20 for cell in line.split(",")) for line in lines] == [3, 2, 3]
    assert run(listed(GOOD), target)[0] == lines[:1]


def test_a_list_of_no_meters_is_done_at_once() -> None:
    assert run("meter,ea,sgc,krn,ti")[1] == CampaignReport(
        0, 0, 0, cancelled=False, problems={}, first_lines={}
    )


class Trickle(io.BytesIO):
    """A source that gives a few bytes at a time, as a pipe may."""

    def read(self, size: int | None = -1) -> bytes:
        return super().read(7)


def test_a_source_that_trickles_gives_the_same_lines() -> None:
    text = listed(*(f"{meter(n)},07,201457,1,01" for n in range(30)))
    output = io.BytesIO()
    Campaign(KEYS, NEAREST, SAMPLE, NOW).run(Trickle(text.encode()), output, chunk_rows=4)
    written = output.getvalue().decode().split("\n")[1:-1]
    assert [line.partition(",")[2] for line in written] == run(text)[0]


# ---------------------------------------------------------------- progress, cancel, limits


def test_a_cancelled_run_leaves_whole_chunks_and_says_how_many_rows() -> None:
    text = listed(*(f"{meter(n)},07,201457,1,01" for n in range(10)))
    told: list[tuple[int, int | None]] = []
    lines, report = run(
        text,
        chunk_rows=3,
        progress=lambda done, total: told.append((done, total)),
        cancelled=lambda: len(told) == 2,
        total=10,
    )
    assert told == [(3, 10), (6, 10)]
    assert lines == run(text)[0][:6]
    assert (report.rows, report.done, report.cancelled) == (6, 6, True)


def test_a_wish_to_cancel_after_the_last_row_comes_too_late() -> None:
    told: list[int] = []
    _, report = run(
        listed(GOOD), progress=lambda done, _: told.append(done), cancelled=lambda: bool(told)
    )
    assert told == [1]
    assert (report.rows, report.cancelled) == (1, False)


def test_a_list_that_never_ends_is_stopped_at_a_chunk(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(campaigns, "ROWS_MAX", 4)
    output = io.BytesIO()
    campaign = Campaign(KEYS, NEAREST, SAMPLE, NOW)
    with pytest.raises(InputError, match="CSV_ROWS") as caught:
        campaign.run(io.BytesIO(listed(*[GOOD] * 7).encode()), output, chunk_rows=2)
    assert caught.value.params == {"maximum": 4}
    assert output.getvalue().count(b"\n") == 1 + 4


def test_an_endless_line_takes_no_memory() -> None:
    kept: list[int] = []

    class Endless(io.BytesIO):
        def read(self, size: int | None = -1) -> bytes:
            kept.append(len(table._rest) if len(kept) else 0)
            if len(kept) == 1:
                return b"meter,ea,sgc,krn,ti\n"
            return b"1" * 4096 * (len(kept) < 99)

    table = csv_rows.Table(Endless(), COLUMNS)
    assert [chunk.malformed.tolist() for chunk in table.chunks(10)] == [[True]]
    assert len(kept) > 90 and max(kept) == csv_rows.LINE_BYTES_MAX + 1


def test_tokens_of_a_campaign_are_read_by_the_old_key() -> None:
    (line,), _ = run(listed(f"{meter(5)},11,201457,1,01"))
    old = key_change.Side(KEYS["201457", 1], "01").decoder_key(MeterNumber(meter(5)), MISTY1)
    new = key_change.Side(KEYS["203557", 6], "01").decoder_key(MeterNumber(meter(5)), MISTY1)
    said: dict[str, int] = {}
    for digits in line.split(",")[9:13]:
        said |= tokens.decode(digits, old, MISTY1, SAMPLE).fields
    words = (said[name].to_bytes(4, "big") for name in ("nkho", "nkmo2", "nkmo1", "nklo"))
    assert b"".join(words) == new
    assert (said["ro"], said["krn"], said["ti"]) == (1, 6, 1)


def test_the_clock_rule_of_the_groups_decides_what_has_expired() -> None:
    """KEN 85 of 2014 ends at 22:55 on the wall clock of the groups."""
    keys = KEYS | {("203557", 6): vending_key("203557", 6, KeyType.UNIQUE, 2014, ken=85)}
    moment, lagos = datetime(2024, 9, 18, 22, 0, tzinfo=UTC), timezone(timedelta(hours=1))
    for zone, problems in ((UTC, {}), (lagos, {"KEY_CHANGE_EXPIRED": 1})):
        campaign = Campaign(keys, NEAREST, SAMPLE, moment, zone=zone)
        assert campaign.run(io.BytesIO(listed(GOOD).encode()), io.BytesIO()).problems == problems
