"""What doctor says of call records, webhooks and traces: whether they can be written and sent."""

from __future__ import annotations

from pathlib import Path

from sipua.cli.doctor import files
from sipua.config import Config
from sipua.doctor.findings import Finding, Level
from sipua.outputs.hooks.spool import Change, Disabled, NewEvent, Spool, database_file
from support.calls.hook_server import HookServer, answer


def levels(**section: object) -> list[Level]:
    config = Config.model_validate({"cdr": section})
    return [finding.level for finding in files.examine(config)]


def test_a_directory_that_can_be_made_is_good_and_is_not_made(tmp_path: Path) -> None:
    assert levels(directory=str(tmp_path / "a" / "b")) == [Level.OK]
    assert not (tmp_path / "a").exists()


def test_a_file_in_its_place_is_told(tmp_path: Path) -> None:
    (tmp_path / "cdr").write_text("")
    assert levels(directory=str(tmp_path / "cdr")) == [Level.WARN]
    assert levels(directory=str(tmp_path / "cdr"), enabled=False) == []


def of_webhooks(home: Path, *names: str) -> list[Finding]:
    webhooks = tuple({"name": name, "url": "https://crm.example.com/"} for name in names)
    spool = {"directory": str(home)}
    sections = {"cdr": {"enabled": False}, "webhooks": webhooks, "webhook_spool": spool}
    return files.examine(Config.model_validate(sections))


def test_how_webhooks_do(tmp_path: Path) -> None:
    assert files.examine(Config.model_validate({"cdr": {"enabled": False}})) == []
    (one,) = of_webhooks(tmp_path / "none", "crm")
    assert (one.level, one.name) == (Level.OK, "webhooks")
    spool = Spool(tmp_path)
    spool.open()
    names = ("dead", "gone", "fine", "removed")
    spool.write([NewEvent("a-1", "call.ended", "c-1", 1.0, b"{}", names)], ())
    spool.write((), [Change("dead", 1, dead_s=2.0, cause="answered 500", attempts=10)])
    spool.disable(Disabled("gone", 2.0, "answered 410", "x"))
    spool.close()
    found = {finding.name: finding for finding in of_webhooks(tmp_path, *names[:3])}
    assert found.pop("webhooks").level is Level.OK
    assert set(found) == {"webhook dead", "webhook gone", "webhook removed"}
    assert "redeliver dead --all" in found["webhook dead"].advice
    assert "enable gone" in found["webhook gone"].advice
    assert "not configured" in str(found["webhook removed"].value)


def test_a_spool_that_is_none_is_told(tmp_path: Path) -> None:
    database_file(tmp_path).write_text("no database, whatever it is" * 100)
    assert [one.level for one in of_webhooks(tmp_path, "crm")] == [Level.OK, Level.WARN]


def test_a_collector_is_asked_and_gets_no_span() -> None:
    for status, level in ((200, Level.OK), (401, Level.WARN)):
        with HookServer([answer(status)]) as server:
            traces = {"enabled": True, "endpoint": server.url, "headers": {"x-key": "secret-key"}}
            config = Config.model_validate({"cdr": {"enabled": False}, "traces": traces})
            (finding,) = files.examine(config)
        assert finding.level == level
        assert "secret-key" not in str(finding)
        (request,) = server.requests
        assert (request.path, request.headers["x-key"]) == ("/v1/traces", "secret-key")
    (finding,) = files.examine(config)  # it is down now
    assert finding.level == Level.WARN
