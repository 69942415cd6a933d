"""The same agent behind Asterisk's chan_websocket and behind the edge: it notices no difference.

Asterisk calls both: 650 is its own channel to the agent, `sipua` is the edge, whose engine is the
agent. What the agent is told is compared by names and fields, what is heard by a recording of
Asterisk's. The local agent is called by Asterisk's channel, too.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from sipua.bridge.agent.scenario.settings import AgentSettings
from sipua.bridge.agent.server.server import AgentServer
from support.calls.edge import Edge
from support.engine import journal
from support.engine.channel_agent import SAID_MS, ChannelAgent, Visit, channel_agent
from support.media import audio
from support.peers.asterisk import Asterisk
from support.peers.asterisk_config import SPEECH
from support.peers.pbx import GREETING, account, heard
from support.peers.websocket_asterisk import EXTENSION, Agent
from support.process import wait_until

pytestmark = [pytest.mark.peer, pytest.mark.timeout(180)]

# What is the system's own, and not the protocol's.
_OWN = {"connection_id", "channel", "channel_id", "channel_variables", "queue_length"}


@dataclass
class Bed:
    form: str
    agent: ChannelAgent
    url: str
    asterisk: Asterisk

    def visit(self) -> Visit:
        """The next one, when it is over."""
        visit = wait_until(lambda: self.agent.visits, 30, "a call of the agent")[-1]
        assert visit.over.wait(60)
        self.agent.visits.clear()
        return visit


@pytest.fixture(scope="module", params=["plain-text", "json"])
def bed(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bed]:
    form = str(request.param)
    home: Path = tmp_path_factory.mktemp("asterisk")
    with channel_agent(as_json=form == "json") as (agent, url):
        asterisk = Asterisk(home, agent=Agent(url, form))
        yield Bed(form, agent, url, asterisk)
        asterisk.stop()


def told(visit: Visit) -> list[tuple[str, dict[str, str]]]:
    """What any Asterisk would have told."""
    return [
        (name, {key: value if key not in _OWN else "" for key, value in fields.items()})
        for name, fields in visit.events
    ]


def loud_ms(received: audio.Pcm) -> float:
    frames = received[: len(received) // 160 * 160].reshape(-1, 160).astype(np.float32)
    return float(np.count_nonzero(np.sqrt((frames**2).mean(axis=1)) > 1000) * 20)


def test_an_agent_for_asterisk_is_told_the_same_by_the_edge(
    bed: Bed, edge_factory: Callable[..., Edge]
) -> None:
    bed.asterisk.originate(f"Local/{EXTENSION}@sipua", "651")
    by_asterisk = bed.visit()
    assert "timeout" not in by_asterisk.fault.lower()
    bed.asterisk.wait_idle()
    bed.asterisk.wait_recording(30)

    engine = {"type": "asterisk_websocket", "url": bed.url, "control_message_format": bed.form}
    edge = edge_factory({"accounts": [account(bed.asterisk)], "engine": engine})
    edge.wait_event("registration.ok")
    bed.asterisk.originate("PJSIP/sipua", "651")
    by_us = bed.visit()
    assert "timeout" not in by_us.fault.lower()
    assert told(by_us) == told(by_asterisk)
    assert (by_us.path, by_us.subprotocol) == (by_asterisk.path, "media")
    assert by_us.heard > 160 * 50 * 4, "the caller's audio, silence too"

    ended = edge.wait_event("call.ended")
    assert (ended["end"]["by"], ended["end"]["detail"]) == ("agent", "the agent sent HANGUP")
    received = audio.read_wav(bed.asterisk.wait_recording(30).received, rate_hz=8000)
    assert abs(loud_ms(received) - SAID_MS) <= 60, "what was flushed was not heard"


@pytest.mark.parametrize("form", ["plain-text", "json"])
async def test_the_local_agent_takes_the_calls_of_an_asterisk(form: str, tmp_path: Path) -> None:
    """So it speaks the protocol, and not only what the edge makes of it."""
    path = tmp_path / "agent.jsonl"

    def calls(url: str) -> audio.Pcm:
        asterisk = Asterisk(tmp_path / "asterisk", agent=Agent(url, form))
        try:
            asterisk.originate(f"Local/{EXTENSION}@sipua", "619")
            recording = asterisk.wait_recording(40)
            asterisk.wait_idle()
            asterisk.originate(f"Local/{EXTENSION}@sipua", "610")
            wait_until(lambda: "HANGUP" in path.read_text(), 30, "an end by the agent")
            asterisk.wait_idle()
        finally:
            asterisk.stop()
        return audio.read_wav(recording.received, rate_hz=8000)

    async with AgentServer(AgentSettings(journal=str(path))) as server:
        received = await asyncio.to_thread(calls, server.channel_url)
        assert heard(GREETING, received) < 3000
        assert audio.is_in(audio.speech(SPEECH), received), "it was repeated"
    assert (server.counters.sessions, server.counters.client_errors) == (2, 0)
    told = [str(event) for event in journal.events(path, "client")]
    assert sum("MEDIA_START" in event for event in told) == 2
    keys = [event for event in told if "DTMF_END" in event]
    assert "#" in keys[-1], "the call was over then"
    said = [str(event) for event in journal.events(path, "server")]
    assert "HANGUP" in said[-1]
    assert not any("ERROR" in event for event in told)
