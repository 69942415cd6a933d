"""Whether call records can be written and traces sent, as doctor sees it."""

from __future__ import annotations

from pathlib import Path

from sipua.cli.doctor import files as doctor_files
from sipua.config import Config
from sipua.doctor.findings import Level
from support.calls.hook_server import HookServer, answer


def levels(**section: object) -> list[Level]:
    config = Config.model_validate({"cdr": section})
    return [finding.level for finding in doctor_files.examine(config)]


def test_a_directory_that_can_be_made_is_good_and_is_not_made(tmp_path: Path) -> None:
    assert levels(directory=str(tmp_path / "a" / "b")) == [Level.OK]
    assert not (tmp_path / "a").exists()


def test_a_file_in_its_place_is_told(tmp_path: Path) -> None:
    (tmp_path / "cdr").write_text("")
    assert levels(directory=str(tmp_path / "cdr")) == [Level.WARN]
    assert levels(directory=str(tmp_path / "cdr"), enabled=False) == []


def test_a_collector_is_asked_and_gets_no_span() -> None:
    for status, level in ((200, Level.OK), (401, Level.WARN)):
        with HookServer([answer(status)]) as server:
            traces = {"enabled": True, "endpoint": server.url, "headers": {"x-key": "secret-key"}}
            config = Config.model_validate({"cdr": {"enabled": False}, "traces": traces})
            (finding,) = doctor_files.examine(config)
        assert finding.level == level
        assert "secret-key" not in str(finding)
        (request,) = server.requests
        assert (request.path, request.headers["x-key"]) == ("/v1/traces", "secret-key")
    (finding,) = doctor_files.examine(config)  # it is down now
    assert finding.level == Level.WARN
