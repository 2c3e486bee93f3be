"""The real process over real HTTP: answers, restarts, busy ports, lines that break anywhere."""

import json
import signal
import socket
import subprocess
import sys
import urllib.request
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest

from posapp.bootstrap import headoffice
from posapp.codec.signing import SigningKey
from posapp.errors import ConfigError, HeadOfficeError
from posapp.ports import LinkState
from posapp.sync.enrol import enrol
from posapp.sync.http_sync import HttpSync
from posapp.sync.transports.http import HttpTransport
from posapp.wire import envelope
from posapp.wire.messages import Message
from tests.office import SOFTWARE, FixedClock, SeededRandomness, enrolled_till

SERVE = "import sys; from posapp.bootstrap import headoffice; from pathlib import Path; "
SERVE += "headoffice.serve(Path(sys.argv[1]), sys.argv[2])"


class Server:
    """A head office process in a folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.port = 0
        self.child: subprocess.Popen[str] | None = None

    def start(self) -> str:
        self.child = subprocess.Popen(
            [sys.executable, "-c", SERVE, str(self.folder), f"127.0.0.1:{self.port}"],
            stdout=subprocess.PIPE,
            text=True,
        )
        line = self.child.stdout.readline()
        assert line.startswith("ready http://127.0.0.1:"), line
        self.port = int(line.rpartition(":")[2])
        return line.removeprefix("ready ").strip()

    def kill(self) -> None:
        self.child.kill()
        self._reap()

    def stop(self) -> int:
        self.child.send_signal(signal.SIGTERM)
        return self._reap()

    def _reap(self) -> int:
        status = self.child.wait(10)
        self.child.stdout.close()
        self.child = None
        return status


@pytest.fixture
def clock():
    return FixedClock(datetime.now(UTC).replace(microsecond=0))


@pytest.fixture
def server(tmp_path):
    folder = tmp_path / "office"
    headoffice.init(folder, utility="Town", zone="Africa/Nairobi", currency_code="KES")
    server = Server(folder)
    yield server
    if server.child is not None:
        server.kill()


def a_code(server: Server, till_code: str = "0417") -> str:
    return headoffice.enrol(server.folder, till_code, vendor="Shop", float_text="100000")


def totals(url: str, day) -> dict:
    with urllib.request.urlopen(f"{url}/totals/{day.isoformat()}") as answer:
        return json.load(answer)


class BreakingLine:
    """HTTP whose answers are cut, flipped or lost on schedule, after head office did its work."""

    def __init__(self, url: str, schedule) -> None:
        self.inner = HttpTransport(url)
        self.schedule = iter(schedule)

    def exchange(self, message, frame):
        how = next(self.schedule, "good")
        if how == "flipped request":
            frame = frame[:-1] + bytes([frame[-1] ^ 1])
        if how == "cut request":
            frame = frame[: len(frame) // 2]
        answer = self.inner.exchange(message, frame)
        if how == "lost":
            raise HeadOfficeError("LINE_STALLED")
        if how == "cut":
            return answer[: len(answer) // 2]
        if how == "flipped":
            return answer[:-1] + bytes([answer[-1] ^ 1])
        return answer

    def close(self):
        self.inner.close()


def test_a_till_enrols_sells_and_syncs_over_a_line_that_breaks_everywhere(server, clock):
    url = server.start()
    bad = ["lost", "good", "cut", "flipped", "good", "flipped request", "good", "cut request"]
    till = enrolled_till(a_code(server), HttpTransport(url), clock=clock)
    line = BreakingLine(url, bad * 4)
    sync = HttpSync(till.store, line, clock, SeededRandomness(5), software=SOFTWARE)
    sold = []
    for _ in range(12):
        sold.append(till.journal.sell())
        sync.run_once()
    for _ in range(40):
        status = sync.run_once()
        if status.state is LinkState.ONLINE:
            break
    assert (status.state, status.waiting) == (LinkState.ONLINE, 0)
    line.close()
    till.sync.close()
    assert server.stop() == 0
    # After a restart the numbers are the same: they are in the file, not in the process.
    url = server.start()
    day = totals(url, sold[0].business_date)
    assert (day["sales"], day["tills"][0]["journal_seq"]) == (12, till.journal.head.seq)
    assert day["amount_minor"] == {"KES": sum(sale.amount_minor for sale in sold)}
    assert headoffice.totals(server.folder, sold[0].business_date).to_json() == day


def test_head_office_killed_between_any_two_batches_loses_and_doubles_nothing(server, clock):
    url = server.start()
    till = enrolled_till(a_code(server), url, clock=clock)
    sold = [till.journal.sell() for _ in range(5)]
    for _ in range(2):
        till.sync.run_once()
        server.kill()
        sold += [till.journal.sell() for _ in range(5)]
        status = till.sync.run_once()
        assert (status.state, status.problem) == (LinkState.OFFLINE, "LINE_DOWN")
        assert status.waiting == 10
        assert server.start() == url
    status = till.sync.run_once()
    assert (status.state, status.waiting) == (LinkState.ONLINE, 0)
    day = totals(url, sold[0].business_date)
    assert (day["sales"], day["tills"][0]["entries_waiting"]) == (15, 0)
    assert sum(day["tills"][0]["accounts"].values()) == 0
    till.sync.close()


def test_a_killed_head_office_while_a_push_is_on_its_way(server, clock):
    """The process dies inside the request, at whatever instruction it stands."""
    url = server.start()
    till = enrolled_till(a_code(server), url, clock=clock)
    for _ in range(120):
        till.journal.sell()

    class KillingTransport(HttpTransport):
        def _post(self, message, frame):
            if message is Message.PUSH and server.child is not None:
                with socket.create_connection(("127.0.0.1", server.port)) as raw:
                    head = f"POST /s1/push HTTP/1.1\r\nhost: x\r\ncontent-length: {len(frame)}\r\n"
                    raw.sendall(head.encode() + b"\r\n" + frame)
                    server.kill()
            return super()._post(message, frame)

    line = KillingTransport(url)
    sync = HttpSync(till.store, line, clock, SeededRandomness(6), software=SOFTWARE)
    assert sync.run_once().problem == "LINE_DOWN"
    assert server.start() == url
    till.sync.close()
    line.close()
    sync = HttpSync(till.store, url, clock, SeededRandomness(7), software=SOFTWARE)
    assert sync.run_once().waiting == 0
    assert totals(url, till_day(till))["sales"] == 120
    sync.close()


def till_day(till):
    from posapp.journal.chain import Entry
    from posapp.journal.facts import SaleIntended, read

    entry = Entry.from_bytes(till.journal.entries[0])
    fact = read(entry.kind, entry.version, entry.body)
    assert isinstance(fact, SaleIntended)
    return fact.business_date


def test_commands_work_beside_a_serving_head_office(server, clock, tmp_path):
    url = server.start()
    till = enrolled_till(a_code(server), url, clock=clock)
    till.sync.run_once()
    path = tmp_path / "c.csv"
    path.write_text("customer_id,name\n1,Wanjiku\n", encoding="utf-8")
    headoffice.import_files(server.folder, [path])
    headoffice.add_operator(server.folder, "Grace", "clerk", "246810")
    till.sync.run_once()
    assert till.store.values["customer", "1"].name == "Wanjiku"
    assert till.store.values["operator", "1"].operator.name == "Grace"
    headoffice.suspend(server.folder, "0417")
    assert till.sync.run_once().problem == "TILL_SUSPENDED"
    till.sync.close()


def test_the_http_side_says_no_in_its_own_words(server):
    url = server.start()
    with httpx.Client(base_url=url, trust_env=False) as client:
        assert client.get("/health").json()["ok"] is True
        assert client.post("/s1/push", content=b"rubbish").status_code == 400
        assert client.post("/s1/error", content=b"x").status_code == 404
        assert client.get("/s1/push").status_code == 405
        long = bytes(envelope.REQUEST_BYTES_MAX + 1)
        assert client.post("/s1/push", content=long).status_code == 413
        assert client.get("/totals/yesterday").status_code == 400
        assert client.get("/totals/2026-11-19").json()["sales"] == 0
        with socket.create_connection(("127.0.0.1", server.port)) as broken:
            broken.sendall(b"POST /s1/push HTTP/1.1\r\nhost: x\r\ncontent-length: 900\r\n\r\nhalf")
        assert client.get("/health").json()["ok"] is True
    assert server.stop() == 0
    log = server.folder / "headoffice.log"
    assert not log.exists() or "Traceback" not in log.read_text(encoding="utf-8")


def test_a_busy_port_is_named_and_the_folder_stays_usable(server):
    server.start()
    with pytest.raises(ConfigError, match="PORT_BUSY"):
        headoffice.serve(server.folder, f"127.0.0.1:{server.port}")
    with pytest.raises(ConfigError, match="LISTEN_ADDRESS_INVALID"):
        headoffice.serve(server.folder, "8080")


def test_no_head_office_is_no_crash(tmp_path):
    with pytest.raises(ConfigError, match="OFFICE_MISSING"):
        headoffice.serve(tmp_path, "127.0.0.1:0")
    with pytest.raises(ConfigError, match="HEAD_OFFICE_URL"):
        HttpTransport("ftp://example")
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    line = HttpTransport(f"http://127.0.0.1:{port}")
    with pytest.raises(HeadOfficeError, match="LINE_DOWN"):
        line.exchange(Message.HELLO, b"x")


def test_a_line_that_stands_still_is_given_up_after_the_stall_timeout():
    with socket.create_server(("127.0.0.1", 0)) as silent:
        line = HttpTransport(f"http://127.0.0.1:{silent.getsockname()[1]}", stall_timeout_s=0.2)
        with pytest.raises(HeadOfficeError, match="LINE_STALLED"):
            line.exchange(Message.HELLO, b"x")


def test_a_code_typed_with_dashes_enrols_over_http(server):
    url = server.start()
    answer = enrol(
        url,
        a_code(server).lower(),
        FixedClock(),
        SeededRandomness(8),
        signing_key=SigningKey(bytes(32)),
        software=SOFTWARE,
    )
    assert answer.site.utility == "Town"
    assert answer.lease.lease.authorised_total_minor == 10_000_000
