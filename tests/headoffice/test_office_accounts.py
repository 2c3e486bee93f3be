"""accounts.csv, rates.csv and versions of a tariff: good rows reach a till, bad ones are named."""

from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path

import pytest
from sqlalchemy import select

from posapp import paths
from posapp.codec import cbor
from posapp.domain.meter import MeterNumber, luhn_digit
from posapp.domain.standing import Debt, FeeState, Rate, Standing
from posapp.errors import InputError
from posapp.headoffice import office as offices
from posapp.headoffice import schema
from posapp.headoffice.desk import Desk
from posapp.headoffice.imports import import_files
from posapp.headoffice.office import open_office
from tests.office import STORE_KEY, DirectLine, an_office, enrolled_till
from tests.old_stores import made_older

TARIFFS = paths.resources() / "tariffs"
TARIFF = TARIFFS / "ke-domestic.toml"
CODE = "KE-D1"
HEADER = "meter,as_of,entitled,average,debts,fees"


def meter_number(place: int) -> str:
    body = f"04{place:08d}"
    return body + luhn_digit(body)


def write(tmp_path: Path, name: str, *rows: str) -> Path:
    path = tmp_path / name
    path.write_text("\n".join(rows) + "\n", encoding="utf-8")
    return path


def meters(tmp_path: Path, *places: int) -> Path:
    rows = [f"{meter_number(n)},{CODE},7,600675,2,01,2014,{n % 2 * 39 + 1}" for n in places]
    return write(tmp_path, "meters.csv", "meter,tariff,ea,sgc,krn,ti,base_date,ct_ratio", *rows)


@pytest.fixture
def office(tmp_path):
    made = an_office(tmp_path / "office")
    import_files(made, [TARIFF, meters(tmp_path, 1, 2, 3)])
    yield made
    made.close()


def told(office, tmp_path, name: str, *rows: str) -> list[tuple[int, str]]:
    """Loads a file: its bad rows, by line and code."""
    report = import_files(office, [write(tmp_path, name, *rows)]).files[0]
    return [(row.line, row.code) for row in report.bad]


def values(office, code="0417"):
    """What a new till has after it asked."""
    till = enrolled_till(office, DirectLine(Desk(office)), seed=int(code), code=code)
    assert till.sync.run_once().problem == ""
    return till.store.values


def test_accounts_load_after_their_meters_and_reach_a_till(office, tmp_path):
    accounts = write(
        tmp_path,
        "accounts.csv",
        HEADER,
        f"{meter_number(1)},2026-11-20T06:00,yes,41.5,"
        "water:1200.00:2024-01-31 rates:35.50:2023-06-30,charge:91.30:2026-10-31 service:5:",
        f"{meter_number(2)},2026-11-19T21:30:00+00:00,,,,",
        f"{meter_number(4)},2026-11-20,NO,0,,",
    )
    report = import_files(office, [accounts, meters(tmp_path, 4)])
    assert [(f.file, f.added, f.bad_rows) for f in report.files] == [
        ("meters.csv", 1, 0),
        ("accounts.csv", 3, 0),
    ]
    found = values(office)
    assert found["standing", meter_number(1)] == Standing(
        MeterNumber(meter_number(1)),
        datetime(2026, 11, 20, 3, 0, tzinfo=UTC),
        entitled=True,
        average_tenths=415,
        debts=(
            Debt("water", 120_000, date(2024, 1, 31)),
            Debt("rates", 3_550, date(2023, 6, 30)),
        ),
        fees=(
            ("charge", FeeState(date(2026, 10, 31), 9_130)),
            ("service", FeeState(None, 500)),
        ),
    )
    as_of = datetime(2026, 11, 19, 21, 30, tzinfo=UTC)
    assert found["standing", meter_number(2)] == Standing(MeterNumber(meter_number(2)), as_of)
    fourth = found["standing", meter_number(4)]
    assert (fourth.average_tenths, fourth.as_of.hour) == (0, 21)
    assert found["meter", meter_number(1)].ct_ratio == 40
    assert found["meter", meter_number(2)].ct_ratio == 1


def test_the_same_accounts_again_change_nothing_and_a_new_word_takes_the_place(office, tmp_path):
    row = f"{meter_number(1)},2026-11-19T06:00,yes,,,"
    accounts = write(tmp_path, "a.csv", HEADER, row)
    assert import_files(office, [accounts]).files[0].added == 1
    assert import_files(office, [accounts]).files[0].unchanged == 1
    newer = write(tmp_path, "a.csv", HEADER, row.replace("T06", "T07").replace("yes", "no"))
    assert import_files(office, [newer]).files[0].changed == 1
    assert not values(office)["standing", meter_number(1)].entitled


def test_bad_rows_of_accounts_are_named_and_the_others_load(office, tmp_path):
    meter, good = meter_number(1), "2026-11-20T06:00"
    rows = [
        (f"{meter},{good},,,,", ""),
        (f"{meter},{good},,,,", "ROW_REPEATED"),
        (f"{meter_number(9)},{good},,,,", "METER_NOT_FOUND"),
        (f"{meter_number(2)[:-1]},{good},,,,", "METER_NUMBER_LENGTH"),
        (f"{meter_number(2)},,,,,", "FIELD_FORM"),
        (f"{meter_number(2)},yesterday,,,,", "FIELD_FORM"),
        (f"{meter_number(2)},20.11.2026,,,,", "FIELD_FORM"),
        (f"{meter_number(2)},0026-11-20T06:00,,,,", "FIELD_FORM"),
        (f"{meter_number(2)},2026-11-20T11:01,,,,", "FIELD_FUTURE"),
        (f"{meter_number(2)},{good},perhaps,,,", "FIELD_VALUE"),
        (f"{meter_number(2)},{good},,much,,", "UNITS_LETTERS"),
        (f"{meter_number(2)},{good},,,water:12.00,", "FIELD_FORM"),
        (f"{meter_number(2)},{good},,,water:12.00:,", "FIELD_FORM"),
        (f"{meter_number(2)},{good},,,water:12.00:31.1.2024,", "FIELD_FORM"),
        (f"{meter_number(2)},{good},,,Water:12.00:2024-01-31,", "FIELD_FORM"),
        (f"{meter_number(2)},{good},,,water:12.001:2024-01-31,", "AMOUNT_DECIMALS"),
        (f"{meter_number(2)},{good},,,water:-12:2024-01-31,", "AMOUNT_LETTERS"),
        (f"{meter_number(2)},{good},,,water::2024-01-31,", "AMOUNT_LETTERS"),
        (f"{meter_number(2)},{good},,,water:1:2024-01-31 water:2:2024-01-31,", "FIELD_FORM"),
        (f"{meter_number(2)},{good},,," + "w:1:2024-01-31 " * 25 + ",", "FIELD_NUMBER"),
        (f"{meter_number(2)},{good},,," + "w" * 2_001 + ",", "FIELD_TOO_LONG"),
        (f"{meter_number(2)},{good},,,,charge", "FIELD_FORM"),
        (f"{meter_number(2)},{good},,,,charge:1:2024-01-31:7", "FIELD_FORM"),
        (f"{meter_number(2)},{good},,,,charge:1:soon", "FIELD_FORM"),
        (f"{meter_number(3)},{good},,,,charge:1", ""),
    ]
    path = write(tmp_path, "accounts.csv", HEADER, *(row for row, _ in rows))
    report = import_files(office, [path]).files[0]
    expected = [(line, code) for line, (_, code) in enumerate(rows, 2) if code]
    assert [(row.line, row.code) for row in report.bad] == expected
    assert report.added == 2


def test_a_customer_may_have_as_many_debts_as_a_tariff_can_name(office, tmp_path):
    debts = " ".join(
        f"{'account_of_the_town_' + chr(97 + n)}:99999.50:2024-01-31" for n in range(12)
    )
    row = f"{meter_number(1)},2026-11-20T06:00,,,{debts},"
    assert told(office, tmp_path, "accounts.csv", HEADER, row) == []
    assert len(values(office)["standing", meter_number(1)].debts) == 12


def test_rates_reach_a_till_and_bad_ones_are_named(office, tmp_path):
    rows = [
        ("USD,129.2400,2026-11-20", ""),
        ("usd,130,2026-11-20", "ROW_REPEATED"),
        ("KES,1,2026-11-20", "FIELD_VALUE"),
        ("XXX,1,2026-11-20", "FIELD_VALUE"),
        ('EUR,"129,50",2026-11-20', "FIELD_FORM"),
        ("EUR,0,2026-11-20", "FIELD_FORM"),
        ("EUR,-1,2026-11-20", "FIELD_FORM"),
        ("EUR,NaN,2026-11-20", "FIELD_FORM"),
        ("EUR,1e99,2026-11-20", "FIELD_FORM"),
        ("EUR,1e-99,2026-11-20", "FIELD_FORM"),
        ("EUR,,2026-11-20", "FIELD_FORM"),
        ("EUR,140,", "FIELD_FORM"),
        ("EUR,140,20.11.2026", "FIELD_FORM"),
        ("EUR,140,2026-11-21", "FIELD_FUTURE"),
        ("ngn,0.085,2026-11-19", ""),
    ]
    expected = [(line, code) for line, (_, code) in enumerate(rows, 2) if code]
    text = [row for row, _ in rows]
    assert told(office, tmp_path, "rates.csv", "currency,rate,stamped", *text) == expected
    found = values(office)
    assert found["rate", "USD"] == Rate("USD", Decimal("129.2400"), date(2026, 11, 20))
    assert str(found["rate", "NGN"].rate) == "0.085"
    assert ("rate", "EUR") not in found
    again = write(tmp_path, "rates.csv", "currency,rate,stamped", "USD,130,2026-11-20")
    assert import_files(office, [again]).files[0].changed == 1
    assert values(office, "0418")["rate", "USD"].rate == 130


@pytest.mark.parametrize(
    ("header", "missing", "unknown"),
    [
        ("meter,as_of,debt", "", "debt"),
        ("as_of,entitled", "meter", ""),
        ("rate,currency", "stamped", ""),
        ("currency,rate,stamped,stamped", "", "twice"),
    ],
)
def test_columns_that_do_not_fit_stop_the_file(office, tmp_path, header, missing, unknown):
    with pytest.raises(InputError, match="IMPORT_HEADER") as caught:
        import_files(office, [write(tmp_path, "a.csv", header, "1,2,3")])
    assert (caught.value.params["missing"], caught.value.params["unknown"]) == (missing, unknown)


# ---------------------------------------------------------------- versions of a tariff


def a_version(tmp_path: Path, version: int) -> Path:
    text = TARIFF.read_text(encoding="utf-8").replace("version = 1", f"version = {version}", 1)
    return write(tmp_path, f"v{version}.toml", text)


def test_every_version_of_a_tariff_reaches_a_till(office, tmp_path):
    import_files(office, [a_version(tmp_path, 12), a_version(tmp_path, 3)][::-1])
    found = {
        key: value.version for (kind, key), value in values(office).items() if kind == "tariff"
    }
    assert found == {f"{CODE}@1": 1, f"{CODE}@3": 3, f"{CODE}@12": 12}


def test_a_version_between_two_that_are_loaded_comes_too_late(office, tmp_path):
    import_files(office, [a_version(tmp_path, 12)])
    with pytest.raises(InputError, match="TARIFF_VERSION_TAKEN") as caught:
        import_files(office, [a_version(tmp_path, 3)])
    assert caught.value.params["newest"] == 12
    assert import_files(office, [TARIFF]).files[0].unchanged == 1


def test_a_tariff_in_another_currency_is_refused(office):
    with pytest.raises(InputError, match="TARIFF_CURRENCY") as caught:
        import_files(office, [TARIFFS / "za-city-power-2024.toml"])
    assert caught.value.params["currency"] == "KES"


# ---------------------------------------------------------------- a head office of before


@pytest.fixture
def older(office, tmp_path):
    """The same head office as the software before this left it, opened by this one."""
    folder = tmp_path / "office"
    clock, randomness = office.clock, office.randomness
    office.close()
    before = made_older(
        folder / offices.FILE_NAME,
        STORE_KEY,
        Path(offices.__file__).parent / "migrations",
        "0002",
        offices.VERSION_TABLE,
        tmp_path / "older",
    )
    with before.write() as connection:
        text = TARIFF.read_text(encoding="utf-8")
        body = cbor.encode({0: CODE, 1: text})
        run = connection.exec_driver_sql
        assert run("UPDATE tariff SET body = ?", (body,)).rowcount == 1
        changed = run("UPDATE feed SET key = ?, body = ? WHERE entity = 'tariff'", (CODE, body))
        assert changed.rowcount == 1
    before.close()
    made = open_office(folder, STORE_KEY, clock, randomness)
    yield made
    made.close()


def test_an_older_head_office_keeps_its_tariffs_and_meters_and_takes_accounts(older, tmp_path):
    with older.database.read() as connection:
        rows = connection.execute(
            select(schema.tariff.c.reference, schema.tariff.c.code, schema.tariff.c.version)
        ).all()
    assert [tuple(row) for row in rows] == [(f"{CODE}@1", CODE, 1)]
    row = f"{meter_number(1)},2026-11-20T06:00,yes,,,"
    assert told(older, tmp_path, "accounts.csv", HEADER, row) == []
    assert import_files(older, [meters(tmp_path, 7)]).files[0].added == 1
    found = values(older)
    assert found["tariff", CODE].version == 0
    assert found["standing", meter_number(1)].entitled


def test_an_older_head_office_takes_its_own_pack_again_and_then_a_newer_one(older, tmp_path):
    assert import_files(older, [TARIFF]).files[0].bad_rows == 0
    changed = TARIFF.read_text(encoding="utf-8") + "\n# a remark\n"
    with pytest.raises(InputError, match="TARIFF_VERSION_TAKEN"):
        import_files(older, [write(tmp_path, "changed.toml", changed)])
    import_files(older, [a_version(tmp_path, 2)])
    found = {key: value.version for (kind, key), value in values(older).items() if kind == "tariff"}
    assert found == {CODE: 0, f"{CODE}@1": 1, f"{CODE}@2": 2}
