"""Calls that end in an agent made of other people's parts: Twilio's Agent Connect judges the
upgrade, pipecat reads the call and the audio both ways."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from sipua.bridge.engines.twilio_stream.sids import call_sid
from support.calls.edge import Edge
from support.media import audio
from support.media.rtp_far_end import RtpFarEnd
from support.peers.asterisk import Asterisk
from support.peers.asterisk_config import KEYS
from support.peers.sipp import Sipp
from support.peers.voice_agent import listens, python_of_agents
from support.ports import LOOPBACK, PortBlock
from support.process import wait_until

# An agent of other people's parts takes seconds of a processor to start: few beside each other.
pytestmark = [pytest.mark.peer, pytest.mark.sound, pytest.mark.few]

Edges = Callable[..., Edge]
TOKEN = "0123456789abcdef"
PROGRAM = Path(__file__).parents[2] / "support" / "peers" / "judged_agent.py"
SAID = audio.speech("short")
SAID_MS = len(SAID) // 8


class JudgedAgent:
    def __init__(self, home: Path) -> None:
        self._ports = PortBlock(2)
        port = self._ports.port()
        self._log = home / "agent.log"
        self._process = python_of_agents(PROGRAM, [str(port), TOKEN], self._log)
        self.url = f"ws://{LOOPBACK}:{port}/stream"
        self._process.wait_up(lambda: listens(port), 60)

    def learnt(self, what: str) -> list[dict[str, Any]]:
        lines = self._log.read_text().splitlines()
        told = [json.loads(line) for line in lines if line.startswith("{")]
        return [one for one in told if what in one]

    def wait(self, what: str) -> dict[str, Any]:
        return wait_until(lambda: self.learnt(what), 20, f"{what} from the agent")[0]

    def close(self) -> None:
        self._process.kill()
        self._ports.close()


@pytest.fixture(scope="module")
def agent(tmp_path_factory: pytest.TempPathFactory) -> Iterator[JudgedAgent]:
    judged = JudgedAgent(tmp_path_factory.mktemp("agent"))
    yield judged
    judged.close()


def engine(agent: JudgedAgent, token: str = TOKEN) -> dict[str, dict[str, Any]]:
    parameters = {"from_number": "+4930123", "to_number": "+43123"}
    return {
        "engine": {
            "type": "twilio_stream",
            "url": agent.url,
            "api_key": token,
            "parameters": parameters,
        }
    }


def test_pipecat_reads_the_call_and_its_echo_is_heard(
    agent: JudgedAgent, edge_factory: Edges, sipp: Sipp, far_end: Callable[..., RtpFarEnd]
) -> None:
    edge = edge_factory(engine(agent))
    end = far_end(1, np.concatenate([audio.silence(500), SAID]))
    run = sipp.start("uac_call", edge.address, media=end, pause_ms=500 + 2 * SAID_MS + 1000)
    assert run.wait(check=False).ok
    (heard,) = end.finish()
    ended = edge.wait_event("call.ended")
    call = agent.wait("kind")
    assert (call["kind"], call["call_id"]) == ("twilio", call_sid(ended["call_id"]))
    connected = edge.wait_event("engine.connected")
    assert call["stream_id"] == connected["session_id"]
    assert call["body"] == {"from_number": "+4930123", "to_number": "+43123"}
    agent.wait("stopped")
    assert agent.wait("heard_ms")["heard_ms"] > SAID_MS
    assert audio.is_in(SAID, heard.pcm())
    assert {ended["engine"][name] for name in ("unknown", "malformed", "bad_base64")} == {0}


def test_pipecat_reads_the_keys_of_asterisk_and_clears_and_hangs_up(
    agent: JudgedAgent, asterisk: Asterisk, edge_factory: Edges
) -> None:
    """The last key ends the call: the agent closes the stream."""
    earlier = len(agent.learnt("digit"))
    edge = edge_factory(engine(agent))
    asterisk.originate(f"PJSIP/trunk/{edge.uri}", "610")
    ended = edge.wait_event("call.ended", timeout_s=20)
    before, last, _ = KEYS.partition("0")
    digits = [one["digit"] for one in agent.learnt("digit")[earlier:]]
    assert "".join(digits) == before + last
    assert (ended["engine"]["clears"], ended["end"]["by"]) == (before.count("*"), "agent")


def test_twilios_own_check_refuses_another_token(
    agent: JudgedAgent, edge_factory: Edges, sipp: Sipp
) -> None:
    edge = edge_factory(engine(agent, token="another"))
    assert not sipp.start("uac_call", edge.address, pause_ms=100).wait(check=False).ok
    failed = edge.wait_event("engine.failed")
    assert (failed["kind"], failed["status"]) == ("forbidden", 403)
