"""A utility's own files: good rows load, bad ones are named by line and reason, never half."""

import io
import re
from pathlib import Path

import pytest
from sqlalchemy import func, select

from posapp import cli, paths
from posapp.bootstrap import headoffice
from posapp.cli import shared
from posapp.domain.customer import Customer
from posapp.domain.meter import KeyType, MeterState, luhn_digit
from posapp.errors import ConfigError, InputError
from posapp.headoffice import feed, schema
from posapp.headoffice.desk import Desk
from posapp.headoffice.imports import BadRow, import_files
from posapp.wire.feed import GLOBAL
from posapp.wire.messages import Rows
from tests.office import DirectLine, an_office, enrolled_till

TARIFF = paths.resources() / "tariffs" / "ke-domestic.toml"
CUSTOMERS = """customer_id,name,account,phone,address
1,Wanjiku Njoroge,310-1,0712 345 678,"Plot 9, Kahawa"
2,Ömer Šehić,310-2,,
3,Achieng Odhiambo,310-2,,
"""


def meter_number(place: int) -> str:
    body = f"04{place:08d}"
    return body + luhn_digit(body)


def meters_csv(*rows: str, header: str = "") -> str:
    header = header or "meter,tariff,ea,sgc,krn,ti,base_date,customer_id,account,phases,state"
    return "\n".join([header, *rows]) + "\n"


@pytest.fixture
def office(tmp_path):
    office = an_office(tmp_path / "office")
    yield office
    office.close()


@pytest.fixture
def code(office):
    import_files(office, [TARIFF])
    with office.database.read() as connection:
        return connection.execute(select(schema.tariff.c.code)).scalar_one()


def write(tmp_path: Path, name: str, text: str | bytes) -> Path:
    path = tmp_path / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode("utf-8"))
    return path


def feed_rows(office) -> int:
    with office.database.read() as connection:
        assert feed.pending(connection) == 0
        return connection.execute(select(func.max(schema.feed.c.seq))).scalar_one() or 0


def test_customers_meters_and_tariffs_load_in_any_order_and_reach_a_till(office, tmp_path):
    meters = meters_csv(
        f"{meter_number(1)},KE-DOM,11,600675,2,1,2014,1,,,",
        f"{meter_number(2)},KE-DOM,7,600675,2,01,2014,,310-1,3,blocked",
        f"{meter_number(3)},KE-DOM,7,600675,2,01,1993,,,,",
    )
    text = TARIFF.read_text(encoding="utf-8")
    own_code = next(line for line in text.splitlines() if line.startswith("code")).split('"')[1]
    files = [
        write(tmp_path, "meters.csv", meters.replace("KE-DOM", own_code)),
        write(tmp_path, "customers.csv", "\ufeff" + CUSTOMERS),
        TARIFF,
    ]
    report = import_files(office, files)
    assert [(f.file, f.added, f.bad_rows) for f in report.files] == [
        ("ke-domestic.toml", 1, 0),
        ("customers.csv", 3, 0),
        ("meters.csv", 3, 0),
    ]
    till = enrolled_till(office, DirectLine(Desk(office)))
    assert till.sync.run_once().problem == ""
    values = till.store.values
    assert values["customer", "1"] == Customer(
        1, "Wanjiku Njoroge", "310-1", "0712 345 678", "Plot 9, Kahawa"
    )
    assert values["tariff", f"{own_code}@1"].text == text
    second = values["meter", meter_number(2)]
    assert (second.customer_id, second.phases, second.state) == (1, 3, MeterState.BLOCKED)
    assert second.configuration.kt is KeyType.UNIQUE
    assert values["meter", meter_number(1)].configuration.ti == "01"
    assert values["meter", meter_number(3)].customer_id == 0


def test_the_same_files_again_change_nothing_and_one_change_is_one_row(office, code, tmp_path):
    customers = write(tmp_path, "customers.csv", CUSTOMERS)
    meters = write(
        tmp_path, "m.csv", meters_csv(f"{meter_number(1)},{code},7,600675,2,01,2014,1,,,")
    )
    import_files(office, [customers, meters])
    before = feed_rows(office)
    report = import_files(office, [customers, meters, TARIFF])
    assert [(f.added, f.changed) for f in report.files] == [(0, 0), (0, 0), (0, 0)]
    assert feed_rows(office) == before
    changed = write(tmp_path, "customers.csv", CUSTOMERS.replace("Achieng", "Atieno"))
    report = import_files(office, [changed])
    assert (report.files[0].changed, report.files[0].unchanged) == (1, 2)
    assert feed_rows(office) == before + 1


def test_rows_come_in_pages_that_miss_nothing_even_while_they_change(office, tmp_path):
    lines = ["customer_id,name"] + [f"{n},Customer {n}" for n in range(1, 41)]
    import_files(office, [write(tmp_path, "c.csv", "\n".join(lines))])
    seen: dict[int, str] = {}
    after, pages = 0, 0
    while True:
        with office.database.read() as connection:
            rows = Rows.from_body(feed.rows_after(connection, GLOBAL, after, 150))
        assert rows.upto > after
        seen.update({row.value.customer_id: row.value.name for row in rows.rows})
        after, pages = rows.upto, pages + 1
        if pages == 2:  # rows not yet seen and rows already seen both move to the end
            lines[1], lines[39] = "1,Changed 1", "39,Changed 39"
            import_files(office, [write(tmp_path, "c.csv", "\n".join(lines))])
        if rows.upto == rows.head:
            break
    assert pages > 4
    assert sorted(seen) == list(range(1, 41))
    assert (seen[1], seen[39], seen[40]) == ("Changed 1", "Changed 39", "Customer 40")
    with office.database.read() as connection:
        assert feed.rows_after(connection, GLOBAL, after, 150)[3] == []


def test_bad_customers_are_named_and_the_others_load(office, tmp_path):
    rows = [
        "customer_id,name,account,phone,address",
        "1,Good,a,,",
        "x,Letters,,,",
        "0,Zero,,,",
        "2,,,,",
        "1,Again,,,",
        "3,Too,many,cells,here,now",
        '4,"never closed,,,',
        "5,Bell\x07,,,",
        "6," + "L" * 201 + ",,,",
        "",
        "7,Good too,,,",
    ]
    report = import_files(office, [write(tmp_path, "c.csv", "\r\n".join(rows))])
    assert [(row.line, row.code) for row in report.files[0].bad] == [
        (3, "FIELD_NUMBER"),
        (4, "FIELD_NUMBER"),
        (5, "FIELD_EMPTY"),
        (6, "ROW_REPEATED"),
        (7, "ROW_COLUMNS"),
        (8, "ROW_QUOTES"),
        (9, "FIELD_CONTROL"),
        (10, "FIELD_TOO_LONG"),
    ]
    assert report.files[0].bad[3] == BadRow(6, "ROW_REPEATED", {"first_line": 2})
    assert (report.files[0].added, report.bad_rows) == (2, 8)
    assert "  line 3: sorry" in report.text(lambda _: "sorry")
    assert "c.csv: 2 new, 0 changed, 0 as before, 8 left out" in report.text()
    assert "line 6: ROW_REPEATED (first_line=2)" in report.text()


def test_bad_meters_are_named_and_the_others_load(office, code, tmp_path):
    import_files(office, [write(tmp_path, "c.csv", CUSTOMERS)])
    good = f"{code},7,600675,2,01,2014"
    rows = [
        (f"{meter_number(1)},{good},1,,,", ""),
        (f"{meter_number(1)},{good},1,,,", "ROW_REPEATED"),
        (f"{meter_number(2)[:-1]},{good},1,,,", "METER_NUMBER_LENGTH"),
        (f"{int(meter_number(3)) + 1:011d},{good},1,,,", "METER_CHECK_DIGIT"),
        (f"O{meter_number(3)[1:]},{good},1,,,", "METER_NUMBER_LETTERS"),
        (f"{meter_number(4)},nothing,7,600675,2,01,2014,1,,,", "TARIFF_UNKNOWN"),
        (f"{meter_number(4)},{code},9,600675,2,01,2014,1,,,", "FIELD_VALUE"),
        (f"{meter_number(4)},{code},7,60067,2,01,2014,1,,,", "METER_CONFIGURATION"),
        (f"{meter_number(4)},{code},7,600675,0,01,2014,1,,,", "FIELD_NUMBER"),
        (f"{meter_number(4)},{code},7,600675,2,,2014,1,,,", "METER_CONFIGURATION"),
        (f"{meter_number(4)},{code},7,600675,2,01,2015,1,,,", "FIELD_VALUE"),
        (f"{meter_number(4)},{good},77,,,", "CUSTOMER_UNKNOWN"),
        (f"{meter_number(4)},{good},1,310-2,,", "CUSTOMER_CONFLICT"),
        (f"{meter_number(4)},{good},,999,,", "ACCOUNT_UNKNOWN"),
        (f"{meter_number(4)},{good},,310-2,,", "ACCOUNT_SHARED"),
        (f"{meter_number(4)},{good},1,,2,", "FIELD_VALUE"),
        (f"{meter_number(4)},{good},1,,,sold", "FIELD_VALUE"),
        (f"{meter_number(5)},{good},1,310-1,3,ACTIVE", ""),
    ]
    path = write(tmp_path, "m.csv", meters_csv(*(row for row, _ in rows)))
    report = import_files(office, [path])
    expected = [(line, code) for line, (_, code) in enumerate(rows, 2) if code]
    assert [(row.line, row.code) for row in report.files[0].bad] == expected
    assert report.files[0].added == 2


def test_a_file_from_a_spreadsheet_with_semicolons_loads(office, tmp_path):
    path = write(tmp_path, "c.csv", "customer_id;name\r\n1;Njoroge, Wanjiku\r\n")
    assert import_files(office, [path]).files[0].added == 1


@pytest.mark.parametrize(
    ("text", "missing", "unknown"),
    [
        ("customer_id,nmae\n1,A\n", "name", "nmae"),
        ("meter,tariff,ea,sgc,krn,ti\n", "base_date", ""),
        ("customer_id,name,name\n", "", "twice"),
        ("", "all", ""),
    ],
)
def test_columns_that_do_not_fit_stop_the_file_before_it_starts(
    office, tmp_path, text, missing, unknown
):
    with pytest.raises(InputError, match="IMPORT_HEADER") as caught:
        import_files(office, [write(tmp_path, "c.csv", text)])
    assert caught.value.params == {"file": "c.csv", "missing": missing, "unknown": unknown}


def test_a_file_that_is_not_utf8_is_refused_with_its_line(office, tmp_path):
    path = write(tmp_path, "c.csv", "customer_id,name\n1,A\n2,Zo\xeb\n".encode("latin-1"))
    with pytest.raises(InputError, match="IMPORT_NOT_TEXT") as caught:
        import_files(office, [path])
    assert caught.value.params["line"] == 3
    assert feed_rows(office) == 0


def test_a_file_that_is_not_there_is_named(office, tmp_path):
    with pytest.raises(ConfigError, match="FILE_UNREADABLE"):
        import_files(office, [tmp_path / "none.csv"])


def test_a_failure_in_the_middle_leaves_nothing_of_the_file(office, tmp_path, monkeypatch):
    path = write(tmp_path, "c.csv", CUSTOMERS)

    def out_of_paper(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(feed, "publish", out_of_paper)
    with pytest.raises(KeyboardInterrupt):
        import_files(office, [path])
    monkeypatch.undo()
    with office.database.read() as connection:
        assert connection.execute(select(func.count()).select_from(schema.customer)).scalar() == 0
    assert import_files(office, [path]).files[0].added == 3


def test_a_tariff_pack_with_a_typo_or_a_wrong_example_is_refused(office, tmp_path):
    text = TARIFF.read_text(encoding="utf-8")
    typo = write(tmp_path, "typo.toml", text.replace("version", "verison", 1))
    with pytest.raises(InputError, match="TARIFF_INVALID"):
        import_files(office, [typo])
    assert feed_rows(office) == 0


@pytest.mark.usefixtures("code")
def test_a_changed_tariff_needs_a_new_version(office, tmp_path):
    text = TARIFF.read_text(encoding="utf-8")
    changed = write(tmp_path, "same.toml", text + "\n# a remark\n")
    with pytest.raises(InputError, match="TARIFF_VERSION_TAKEN"):
        import_files(office, [changed])
    line = next(line for line in text.splitlines() if line.startswith("version"))
    newer = write(tmp_path, "newer.toml", text.replace(line, "version = 99", 1))
    assert import_files(office, [newer]).files[0].added == 1
    assert import_files(office, [TARIFF]).files[0].unchanged == 1


def test_the_commands_work_on_a_folder(tmp_path):
    folder = tmp_path / "office"
    headoffice.init(folder, utility="Town", zone="Africa/Lagos", currency_code="NGN")
    with pytest.raises(ConfigError, match="OFFICE_EXISTS"):
        headoffice.init(folder, utility="Town", zone="Africa/Lagos", currency_code="NGN")
    assert (folder / "store.key").stat().st_mode & 0o077 == 0
    path = write(tmp_path, "c.csv", CUSTOMERS)
    assert headoffice.import_files(folder, [path]).bad_rows == 0
    assert headoffice.add_operator(folder, "Grace", "clerk", "246810") == 1
    assert headoffice.add_operator(folder, "Kwame", "supervisor", "975310") == 2
    with pytest.raises(InputError, match="OPERATOR_ROLE"):
        headoffice.add_operator(folder, "Kwame", "king", "975310")
    with pytest.raises(InputError, match="PIN_FORM"):
        headoffice.add_operator(folder, "Kwame", "clerk", "1")
    code = headoffice.enrol(folder, "0417", vendor="Shop", float_text="50,000.00")
    assert len(code) == 19
    with pytest.raises(InputError, match="TILL_CODE_INVALID"):
        headoffice.enrol(folder, "41", float_text="1")
    with pytest.raises(InputError, match="AMOUNT_LETTERS"):
        headoffice.enrol(folder, "0418", float_text="much")


def command(monkeypatch, capsys, *arguments, pin=""):
    """Exit status, standard output, standard error of `posapp headoffice ...`."""
    monkeypatch.setattr("sys.stdin", io.StringIO(pin + "\n"))
    try:
        status = cli.main(["headoffice", *map(str, arguments)])
    except SystemExit as end:
        status = end.code
    out = capsys.readouterr()
    return status, out.out, out.err


def test_the_command_for_people_adds_resets_and_removes(tmp_path, monkeypatch, capsys):
    folder = tmp_path / "office"
    headoffice.init(folder, utility="Town", zone="Africa/Lagos", currency_code="NGN")

    def run(*arguments, pin=""):
        return command(monkeypatch, capsys, "operator", "--dir", folder, *arguments, pin=pin)

    assert run("--name", "Grace", pin="246810") == (0, "Grace is operator 1\n", "")
    assert run("--number", 1, "--pin", pin="135791") == (0, "Grace (1) has a new PIN\n", "")
    assert run("--number", 1, "--pin", pin="1")[2].strip().endswith("[PIN_FORM]")
    assert run("--number", 1, "--remove") == (0, "Grace (1) is removed\n", "")
    status, _, said = run("--number", 1, "--remove")
    assert status == shared.EXIT_REFUSED and said.strip().endswith("[OPERATOR_UNKNOWN]")
    for wrong in (
        (),
        ("--number", 1),
        ("--number", 1, "--pin", "--remove"),
        ("--name", "Grace", "--remove"),
        ("--name", "Grace", "--number", 1, "--pin"),
    ):
        status, out, said = run(*wrong)
        assert (status, out) == (2, "") and "usage:" in said


def test_bad_rows_are_told_in_sentences(tmp_path, monkeypatch, capsys):
    folder = tmp_path / "office"
    headoffice.init(folder, utility="Town", zone="Africa/Lagos", currency_code="NGN")
    rows = "customer_id,name\nx,Ann\n7,\n8,Bo\n8,Bo\n9,Cy,more\n10,\x01\n"
    customers = write(tmp_path, "customers.csv", rows)
    header = "meter,tariff,ea,sgc,krn,ti,base_date,customer_id,state\n"
    good = meter_number(1)
    bad = good[:-1] + str((int(good[-1]) + 1) % 10)
    meters = write(
        tmp_path,
        "meters.csv",
        header
        + f"{bad},none,7,600675,1,01,2014,,\n12,none,7,600675,1,01,2014,,\n"
        + f"letters,none,7,600675,1,01,2014,,\n{good},none,9,600675,1,01,2014,,\n"
        + f"{good},none,7,6,1,01,2014,,\n{good},none,7,600675,1,01,2014,,stolen\n"
        + f"{good},none,7,600675,1,01,1900,,\n{good},none,7,600675,1,01,2014,,\n",
    )
    status, out, _ = command(monkeypatch, capsys, "import", "--dir", folder, customers, meters)
    assert status == shared.EXIT_FAILED
    told = [line for line in out.splitlines() if line.startswith("  line ")]
    assert len(told) == 13, out
    for line in told:
        assert re.fullmatch(r"  line \d+: [A-Z0-9a-z].* .*[a-z].*\. \[[A-Z_]+\]", line), line
        assert "cannot do this" not in line


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"zone": "Africa/Atlantis"}, "ZONE_UNKNOWN"),
        ({"currency_code": "XXX"}, "CURRENCY_INVALID"),
        ({"day_starts_at": "25:00"}, "DAY_START_INVALID"),
    ],
)
def test_a_head_office_that_could_not_work_is_not_made(tmp_path, change, code):
    folder = tmp_path / "office"
    settings = {"utility": "Town", "zone": "Africa/Lagos", "currency_code": "NGN", **change}
    with pytest.raises(InputError, match=code):
        headoffice.init(folder, **settings)
    assert not folder.exists()


def test_the_tables_of_the_migration_are_the_tables_of_the_code(office):
    with office.database.read() as connection:
        for table in schema.metadata.tables.values():
            rows = connection.exec_driver_sql(f"PRAGMA table_info({table.name})").all()
            found = [(name, bool(required), bool(key)) for _, name, _, required, _, key in rows]
            wanted = [(c.name, not c.nullable, c.primary_key) for c in table.columns]
            assert found == wanted, table.name
            indexes = {
                row[1]
                for row in connection.exec_driver_sql(f"PRAGMA index_list({table.name})").all()
                if not row[1].startswith("sqlite_")
            }
            assert indexes == {index.name for index in table.indexes}, table.name
