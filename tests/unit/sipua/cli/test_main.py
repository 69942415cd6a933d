from __future__ import annotations

import json
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

import sipua
from sipua.cli import main as cli
from sipua.edge.workers.fork_server import ForkServer
from sipua.log.secret_masking import register_secret
from sipua.process.exits import Exit


@pytest.fixture(autouse=True)
def _clean(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("SIPUA_CONFIG", "SIPUA_DEBUG", "OPENAI_API_KEY"):
        monkeypatch.delenv(name, raising=False)


def stand_in(monkeypatch: pytest.MonkeyPatch, name: str, **functions: Any) -> None:
    """A module in place of one that is heavy or does things."""
    module = ModuleType(name)
    for function, value in functions.items():
        setattr(module, function, value)
    parent, _, child = name.rpartition(".")
    monkeypatch.setitem(sys.modules, name, module)
    monkeypatch.setattr(sys.modules.get(parent, sipua), child, module, raising=False)


def run_app(monkeypatch: pytest.MonkeyPatch, run: Any) -> None:
    stand_in(monkeypatch, "sipua.edge.app", run=run)
    monkeypatch.setattr(ForkServer, "begin", lambda _: None)  # the process is the test's


def test_help_shows_commands_codes_and_documents(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        cli.run(["--help"])
    text = capsys.readouterr().out
    assert ended.value.code == 0
    for word in (
        "serve",
        "agent",
        "call",
        "doctor",
        "config",
        "bench",
        "examples:",
        "docs/configuration.md",
    ):
        assert word in text
    assert all(code.meaning in text for code in Exit)
    assert max(map(len, text.splitlines())) <= 100


@pytest.mark.parametrize("argv", [[], ["config"]])
def test_without_a_command_help_and_2(argv: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(argv) == Exit.USAGE
    assert "usage: sipua" in capsys.readouterr().err


@pytest.mark.parametrize("argv", [["serv"], ["serve", "--conf", "x"], ["agent", "--port", "x"]])
def test_wrong_usage_is_2(argv: list[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        cli.run(argv)
    assert ended.value.code == Exit.USAGE


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        cli.run(["--version"])
    assert ended.value.code == 0
    text = capsys.readouterr().out
    assert text.startswith("sipua ")
    assert "pjsua2-python" in text


def test_serve_runs_the_demo_and_returns_its_code(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[Any] = []

    def run(config: Any, *, show_banner: bool, **_: Any) -> int:
        seen.append((config.sip.accept, show_banner))
        return Exit.NETWORK

    run_app(monkeypatch, run)
    assert cli.run(["serve"]) == Exit.NETWORK
    assert seen == [("any", False)]  # stderr is no terminal here


@pytest.mark.parametrize(
    ("log_format", "arguments", "shown"),
    [("auto", [], False), ("console", [], True), ("console", ["--json"], False)],
)
def test_H12_in_a_pipe_a_log_for_people_says_how_to_call(
    monkeypatch: pytest.MonkeyPatch, log_format: str, arguments: list[str], shown: bool
) -> None:
    seen: list[bool] = []
    monkeypatch.setenv("SIPUA_LOG__FORMAT", log_format)
    run_app(monkeypatch, lambda _config, show_banner, **_: seen.append(show_banner) or 0)
    assert cli.run(["serve", *arguments]) == Exit.OK
    assert seen == [shown]


def test_serve_reads_the_file_and_logs_warnings(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "edge.toml"
    path.write_text("[sip]\nport = 5070\n")
    ports: list[int] = []
    run_app(monkeypatch, lambda config, **_: ports.append(config.sip.port) or 0)
    for argv in (["serve", "--config", str(path)], ["serve", "-c", str(path), "--debug"]):
        assert cli.run(argv) == 0
    monkeypatch.setenv("SIPUA_CONFIG", str(path))
    assert cli.run(["serve", "--json"]) == 0
    assert ports == [5070, 5070, 5070]
    line = json.loads(capsys.readouterr().err.splitlines()[-1])
    assert (line["event"], line["key"], line["level"]) == (
        "config.warning",
        "sip.accept",
        "warning",
    )


def test_H8_serve_names_the_key_and_ends_with_3(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "edge.toml"
    path.write_text('[sip]\nport = 70000\naccept = "any"\n')
    assert cli.run(["serve", "-c", str(path)]) == Exit.CONFIG
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith(f"sipua: {path}: 1 error")
    assert cli.run(["serve", "-c", str(path), "--json"]) == Exit.CONFIG
    line = json.loads(capsys.readouterr().err)
    assert (line["event"], line["key"], line["line"]) == ("config.problem", "sip.port", 2)


def test_agent(monkeypatch: pytest.MonkeyPatch) -> None:
    from sipua.bridge.agent.scenario.settings import AgentSettings

    seen: list[Any] = []
    asked: list[dict[str, str]] = []
    stand_in(
        monkeypatch,
        "sipua.bridge.agent.server.server",
        run=lambda settings, *, as_json: seen.append((settings, as_json)) or 0,
    )
    stand_in(
        monkeypatch,
        "sipua.edge.wiring.wiring",
        agent_settings=lambda config, **rehearsed: (
            asked.append(rehearsed) or AgentSettings(port=config.agent.port)
        ),
    )
    assert cli.run(["agent"]) == 0
    assert cli.run(["agent", "--port", "0", "--mode", "tone", "--host", "127.0.0.2", "--json"]) == 0
    monkeypatch.setenv("SIPUA_AGENT__PORT", "9000")
    assert cli.run(["agent"]) == 0
    assert seen == [
        (AgentSettings(port=cli.AGENT_PORT), False),
        (AgentSettings(port=0, mode="tone", host="127.0.0.2"), True),
        (AgentSettings(port=9000), False),
    ]
    assert cli.run(["agent", "--fault", "drop:3", "--scenario", "/a/b.toml"]) == 0
    assert asked[-2:] == [
        {"scenario": "", "fault": ""},
        {"scenario": "/a/b.toml", "fault": "drop:3"},
    ]
    with pytest.raises(SystemExit, match="2"):
        cli.run(["agent", "--fault", "drip"])


def test_doctor(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[bool] = []
    stand_in(
        monkeypatch, "sipua.doctor.doctor", run=lambda *, json: seen.append(json) or Exit.UNFIT
    )
    assert cli.run(["doctor"]) == Exit.UNFIT
    assert cli.run(["doctor", "--json"]) == Exit.UNFIT
    assert seen == [False, True]


def test_config_commands(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert cli.run(["config", "check"]) == 0
    assert "no problems" in capsys.readouterr().out
    assert cli.run(["config", "show", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["source"] == "built-in demo configuration"
    assert cli.run(["config", "docs"]) == 0
    assert capsys.readouterr().out.startswith("# Configuration")
    assert cli.run(["config", "check", str(tmp_path / "none")]) == Exit.CONFIG


def test_a_crash_is_one_line_unless_debugging(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    register_secret("geheim-geheim")

    def crash(*_: object, **__: object) -> int:
        raise KeyError("geheim-geheim")

    run_app(monkeypatch, crash)
    assert cli.run(["serve"]) == Exit.INTERNAL
    (line,) = capsys.readouterr().err.splitlines()
    assert line == (
        "sipua: internal error: KeyError: '********'; run it again with --debug to see where"
    )
    assert cli.run(["serve", "--debug"]) == Exit.INTERNAL
    assert "Traceback" in capsys.readouterr().err
    monkeypatch.setenv("SIPUA_DEBUG", "1")
    assert cli.run(["serve"]) == Exit.INTERNAL
    text = capsys.readouterr().err
    assert "Traceback" in text
    assert "geheim" not in text


def test_ctrl_c_is_130(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(*_: object, **__: object) -> int:
        raise KeyboardInterrupt

    run_app(monkeypatch, interrupt)
    assert cli.run(["serve"]) == Exit.INTERRUPTED


def test_bench_has_options_of_its_own(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        cli.run(["bench", "--help"])
    assert end.value.code == 0
    assert "sipua bench capture" in capsys.readouterr().out
