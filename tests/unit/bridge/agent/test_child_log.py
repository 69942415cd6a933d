"""The child's log as lines of ours."""

import asyncio
import os
from pathlib import Path

import pytest
from structlog.testing import capture_logs
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

from sipua.bridge.agent import child_log
from sipua.bridge.agent.process import AgentError, AgentProcess, environment
from sipua.bridge.agent.scenario.scenario import Connect, Scenario
from sipua.bridge.agent.scenario.settings import CALL_ID_HEADER, AgentSettings
from sipua.bridge.agent.server.server import AgentServer


def test_a_line_keeps_its_level_and_its_fields() -> None:
    with capture_logs() as logs:
        child_log.write_line(
            b'{"loss":"cut","event":"agent.rehearsed","level":"warning","ts":"x"}\n'
        )
    assert logs == [{"loss": "cut", "event": "agent.rehearsed", "log_level": "warning"}]


@pytest.mark.parametrize(
    "line", [b"Traceback (most recent call last):\n", b"[1]\n", b'{"event":"x"}\n', b"\xff\xfe\n"]
)
def test_what_is_no_line_of_a_log_is_told_as_it_is(line: bytes) -> None:
    with capture_logs() as logs:
        child_log.write_line(line)
    text = line.decode(errors="replace").rstrip()
    assert logs == [{"text": text, "event": "agent.said", "log_level": "warning"}]


async def test_the_rest_is_told_behind_a_line_that_is_too_long() -> None:
    reader = asyncio.StreamReader(limit=1000)
    reader.feed_data(b"x" * 5000 + b"\nshort\n")
    reader.feed_eof()
    with capture_logs() as logs:
        await child_log.relay(reader)
    assert logs[-1]["text"] == "short"


async def test_why_it_does_not_start_is_in_the_log() -> None:
    async with AgentServer(AgentSettings()) as taken:
        port = taken.port
        with capture_logs() as logs, pytest.raises(AgentError):
            await AgentProcess(AgentSettings(port=port)).start()
    (line,) = [line for line in logs if line["event"] == "agent.failed"]
    assert (line["log_level"], line["port"]) == ("error", port)


@pytest.mark.parametrize(
    ("given_id", "told"), [("c-7Tx_1", "c-7Tx_1"), ("c-1; event=x", None), ("x" * 65, None)]
)
async def test_a_line_about_a_session_names_its_call(given_id: str, told: str | None) -> None:
    scenario = Scenario(connect=(Connect(status=503),))
    async with AgentServer(AgentSettings(scenario=scenario)) as agent:
        with capture_logs() as logs, pytest.raises(InvalidStatus):
            await connect(agent.url, additional_headers={CALL_ID_HEADER: given_id})
    assert [line.get("call_id") for line in logs if line["event"] == "agent.rehearsed"] == [told]


def test_the_child_gets_what_it_needs_and_no_secret() -> None:
    ours = {
        "PATH": "/bin",
        "HOME": "/home/x",
        "LANG": "C.UTF-8",
        "LC_ALL": "C",
        "TMPDIR": "/tmp/x",
        "LD_LIBRARY_PATH": "/lib/x",
        "PYTHONPATH": "/x",
        "OPENAI_API_KEY": "sk-vendor-0123456789",
        "SIPUA_ENGINE__API_KEY": "sk-vendor-0123456789",
        "AWS_SECRET_ACCESS_KEY": "secret",
    }
    given = environment(ours)
    assert given == {
        **{name: ours[name] for name in list(ours)[:7]},
        "PYTHONUNBUFFERED": "1",
    }


async def test_the_childs_real_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-vendor-0123456789")
    agent = AgentProcess(AgentSettings())
    await agent.start()
    try:
        environ = Path(f"/proc/{agent.pid}/environ").read_bytes()  # noqa: ASYNC240
        assert b"sk-vendor" not in environ
        assert f"PATH={os.environ['PATH']}".encode() in environ
    finally:
        await agent.stop()
