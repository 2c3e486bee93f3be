"""A real till store and a real head office, with nothing between them but signed frames."""

from posapp import paths
from posapp.codec.signing import SigningKey
from posapp.domain.meter import MeterNumber
from posapp.headoffice import admin, schema
from posapp.headoffice.desk import Desk
from posapp.headoffice.imports import import_files
from posapp.headoffice.totals import totals
from posapp.lanes import InlineLanes
from posapp.ports import LinkState
from posapp.store.feed import SqlSyncStore
from posapp.store.store import create_store, open_store
from posapp.sync.enrol import enrol
from posapp.sync.http_sync import HttpSync
from tests.office import SOFTWARE, TERMS, DirectLine, FixedClock, SeededRandomness, an_office
from tests.stores import KEY, Seller, a_meter_number

CUSTOMERS = "customer_id,name,account,phone\n1,Wanjiku Njoroge,310-1,0712 345 678\n2,Otieno,,\n"


def test_a_real_store_enrols_learns_sells_and_is_checked_to_the_cent(tmp_path):
    clock = FixedClock()
    office = an_office(tmp_path / "office", clock)
    (tmp_path / "c.csv").write_text(CUSTOMERS, encoding="utf-8")
    pack = paths.resources() / "tariffs" / "ke-domestic.toml"
    import_files(office, [tmp_path / "c.csv", pack])
    with office.database.read() as connection:
        tariff = connection.execute(schema.tariff.select()).one().code
    meters = ["meter,tariff,ea,sgc,krn,ti,base_date,customer_id"]
    meters += [
        f"{a_meter_number(n).digits},{tariff},11,600675,1,01,2014,{n % 3}" for n in range(40)
    ]
    (tmp_path / "m.csv").write_text("\n".join(meters), encoding="utf-8")
    assert import_files(office, [tmp_path / "m.csv"]).bad_rows == 0
    admin.add_operator(office, "Grace Otieno", "clerk", "246810")
    admin.set_up_till(office, "K7M2", "", "Shop", "Market St", TERMS)
    line = DirectLine(Desk(office))
    secret = bytes(range(32))
    code = admin.make_code(office, "K7M2").text
    answer = enrol(
        line, code, clock, SeededRandomness(3), signing_key=SigningKey(secret), software=SOFTWARE
    )

    def sync_of(store):
        return HttpSync(SqlSyncStore(store), line, clock, SeededRandomness(4), software=SOFTWARE)

    store = create_store(
        tmp_path / "till", KEY, clock=clock, randomness=SeededRandomness(5), lanes=InlineLanes(),
        reserve_bytes=0,
    )  # fmt: skip
    store.install(answer.site, answer.till_id, secret, answer.head_office_key, SOFTWARE)
    sync = sync_of(store)
    assert sync.status().state is LinkState.NEVER
    assert sync.run_once().state is LinkState.ONLINE
    found = store.read(lambda reader: reader.meter(MeterNumber(a_meter_number(1).digits)))
    assert found.customer.name == "Wanjiku Njoroge"
    assert store.read(lambda reader: reader.lease()) == answer.lease.lease
    assert store.read(lambda reader: reader.tariff_packs(tariff)) == (pack.read_text("utf-8"),)
    assert [o.operator.name for o in store.read(lambda r: r.operators())] == ["Grace Otieno"]

    seller = Seller(store)
    sold = [seller.sell(meter=n) for n in range(30)]
    line.losing_answers = 1
    assert sync.run_once().problem == "LINE_STALLED"
    store.close()
    store = open_store(
        tmp_path / "till", KEY, clock=clock, randomness=SeededRandomness(6), lanes=InlineLanes(),
        reserve_bytes=0,
    )  # fmt: skip
    sync = sync_of(store)
    assert sync.status().state is LinkState.OFFLINE
    status = sync.run_once()
    assert (status.state, status.waiting, status.problem) == (LinkState.ONLINE, 0, "")
    head = store.read(lambda reader: reader.head())
    assert store.read(lambda reader: reader.acknowledged_seq()) == head.seq
    with office.database.read() as connection:
        day = totals(connection, sold[0].business_date)
    assert (day.sales, day.incidents) == (30, 0)
    assert day.amount_minor == {"KES": sum(sale.amount_minor for sale in sold)}
    assert day.units_tenths == sum(sale.units_tenths for sale in sold)
    assert (day.tills[0].seq, day.tills[0].waiting) == (head.seq, 0)
    store.close()
    office.close()
