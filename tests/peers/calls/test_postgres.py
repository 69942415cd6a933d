"""Call records in a real PostgreSQL: it is down, it hangs, it comes back."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from sipua.cli.main import run
from sipua.events.parties import CallerShown
from sipua.outputs.cdr import postgres_store
from sipua.outputs.cdr import sink as sink_module
from sipua.outputs.cdr.backlog import Backlog
from sipua.outputs.cdr.postgres_store import PostgresStore
from sipua.outputs.cdr.row import encode
from sipua.outputs.cdr.sink import Sink, StoreError
from support.calls.edge import Edge
from support.calls.rows import row
from support.peers.postgres import Hanging, Postgres
from support.peers.sipp import Sipp
from support.process import wait_until

pytestmark = pytest.mark.peer


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Postgres]:
    postgres = Postgres(tmp_path_factory.mktemp("postgres") / "home")
    yield postgres
    postgres.close()


@pytest.fixture(autouse=True)
def _clean(server: Postgres) -> None:
    server.query("DROP TABLE IF EXISTS sipua_cdr, sipua_schema_version")


def add(directory: Path, *call_ids: str) -> None:
    with (directory / "2026-11-18.jsonl").open("ab") as file:
        for call_id in call_ids:
            file.write(encode(row(call_id)) + b"\n")


def stored(server: Postgres) -> list[str]:
    if server.query("SELECT to_regclass('sipua_cdr') IS NULL") == ["t"]:
        return []
    return server.query("SELECT id FROM sipua_cdr ORDER BY id")


def test_a_row_is_written_whole_and_twice_is_once(server: Postgres) -> None:
    store = PostgresStore(server.address)
    assert store.open()
    for _ in range(2):
        assert store.write([row("c-1"), row("c-2")]) == []
    store.close()
    again = PostgresStore(server.address)
    assert not again.open()
    again.close()
    assert stored(server) == ["c-1", "c-2"]
    columns = "\"from\", status, reason, talk_ms, doc->>'sip_call_id', extract(epoch from began)"
    (line,) = server.query(f"SELECT {columns} FROM sipua_cdr WHERE id = 'c-1'")
    assert line == "…3456|completed|hangup|8000|abc@host|1795000000.000000"


def test_a_row_that_it_never_takes_holds_nothing_up(server: Postgres) -> None:
    store = PostgresStore(server.address)
    store.open()
    refused = store.write([row("c-1"), row("c-2", from_="a\x00b"), row("c-3")])
    store.close()
    assert [call_id for call_id, _ in refused] == ["c-2"]
    assert stored(server) == ["c-1", "c-3"]


def test_D1_a_database_that_went_down_gets_the_backlog_when_it_is_back(
    server: Postgres, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sink_module, "_LONGEST_WAIT_S", 0.5)
    sink = Sink(PostgresStore(server.address), Backlog(tmp_path, "postgres"))
    with capture_logs() as logs:
        add(tmp_path, "c-1")
        sink.start()
        wait_until(lambda: stored(server) == ["c-1"], 15, "the first row")
        server.stop()
        add(tmp_path, "c-2", "c-3")
        sink.wake()
        wait_until(lambda: logs, 15, "the line that it is down")
        server.start()
        wait_until(lambda: stored(server) == ["c-1", "c-2", "c-3"], 30, "the backlog")
        sink.stop()
    assert [line["event"] for line in logs] == ["cdr.sink_down", "cdr.sink_back"]
    assert "secret" not in str(logs)


def test_D1_a_database_that_hangs_is_given_up_in_time(
    server: Postgres, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(postgres_store, "_CONNECT_S", 0.3)
    hanging = Hanging()
    store = PostgresStore(server.at(hanging.port))
    with pytest.raises(StoreError, match="no answer"):
        store.open()
    store.close()
    assert hanging.connections
    hanging.close()


def test_D1_a_wrong_password_is_said_without_it(server: Postgres) -> None:
    store = PostgresStore(server.address.replace("secret-of-the-test", "guess-of-mine"))
    with pytest.raises(StoreError, match="password authentication failed") as told:
        store.open()
    assert "guess-of-mine" not in str(told.value)
    store.close()


def test_what_it_has_of_a_caller_is_found_and_erased(server: Postgres, tmp_path: Path) -> None:
    """Also rows whose files are gone, and calls whose number only a header had."""
    by_header = CallerShown(
        number="+4930123456", received="030123456", header="P-Asserted-Identity"
    )
    store = PostgresStore(server.address)
    store.open()
    theirs = [
        row("c-1", from_="sip:+4930123456@x"),
        row("c-2", from_="sip:anonymous@x", caller=by_header),
        row("c-3", direction="outgoing", from_="sip:shop@x", to="tel:+49-30-123456"),
    ]
    others = [
        row("c-4", from_="sip:+49301234567@x"),
        row("c-5", direction="outgoing", from_="sip:+4930123456@x", to="sip:ann@x"),
        row("c-6", from_="…3456"),
    ]
    store.write([*theirs, *others])
    store.close()
    config = tmp_path / "edge.toml"
    config.write_text(f'[cdr]\ndirectory = "{tmp_path}"\npostgres = "{server.address}"\n')
    assert run(["forget", "+49 30 123456", "-c", str(config)]) == 0
    assert server.query("SELECT count(*) FROM sipua_cdr WHERE doc::text LIKE '%123456%'") == ["5"]
    assert run(["forget", "+49 30 123456", "--yes", "-c", str(config)]) == 0
    left = server.query(
        'SELECT id FROM sipua_cdr WHERE "from" IS NOT NULL OR "to" IS NOT NULL '
        "OR doc::text LIKE '%3456%' ORDER BY id"
    )
    assert left == ["c-4", "c-5", "c-6"]
    assert server.query("SELECT count(*) FROM sipua_cdr WHERE doc ->> 'status' <> ''") == ["6"]
    assert run(["forget", "+4930123456", "--yes", "--last-digits", "-c", str(config)]) == 0
    assert "c-6" in (tmp_path / "erasures.jsonl").read_text().splitlines()[-1]


def test_a_database_that_does_not_answer_is_said_and_nothing_is_deleted(
    server: Postgres, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    add(tmp_path, "c-1")
    config = tmp_path / "edge.toml"
    wrong = server.address.replace("secret-of-the-test", "guess-of-mine")
    config.write_text(f'[cdr]\ndirectory = "{tmp_path}"\npostgres = "{wrong}"\n')
    before = (tmp_path / "2026-11-18.jsonl").read_bytes()
    assert run(["forget", "…3456", "--yes", "-c", str(config)]) != 0
    told = capsys.readouterr().err
    assert "PostgreSQL" in told
    assert "guess-of-mine" not in told
    assert (tmp_path / "2026-11-18.jsonl").read_bytes() == before


def test_D1_an_edge_whose_database_goes_down_takes_calls_and_writes_them_later(
    server: Postgres, edge_factory: Callable[..., Edge], sipp: Sipp, tmp_path: Path
) -> None:
    secret = tmp_path / "postgres.secret"
    secret.touch(0o600)
    secret.write_text(server.address)
    edge = edge_factory({"cdr": {"directory": tmp_path / "cdr", "postgres_file": str(secret)}})
    sipp.run("uac_call", edge.address, pause_ms=300)
    first = edge.wait_event("call.ended")["call_id"]
    wait_until(lambda: stored(server) == [first], 60, "the row in PostgreSQL")
    server.stop()
    try:
        sipp.run("uac_call", edge.address, pause_ms=300)
        second = edge.wait_event("call.ended", count=2)
        assert second["status"] == "completed"
        edge.wait_event("cdr.sink_down")
    finally:
        server.start()
    both = sorted((first, edge.events(name="call.ended")[-1]["call_id"]))
    wait_until(lambda: sorted(stored(server)) == both, 90, "the row of the time without it")
