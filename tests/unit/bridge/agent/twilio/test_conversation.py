"""The local agent behind Media Streams, driven by the messages of a stream of ours."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from sipua.bridge.agent.realtime.shared_state import SharedAgentState
from sipua.bridge.agent.scenario.settings import AgentSettings
from sipua.bridge.agent.speech.formats import PCMU, converted
from sipua.bridge.agent.speech.prompts import prompt
from sipua.bridge.agent.twilio.conversation import StreamConversation
from sipua.bridge.engines.twilio_stream.messages import StreamMessages
from support.media import audio, g711

GREETING = converted(prompt("greeting"), PCMU).data
SILENCE = b"\xff" * 160
SAID = g711.encode(g711.PCMU, audio.speech("short"))
STREAM = "MZ" + "0" * 32


class Edge:
    """The other side: marks of what was said come back when the test wants it."""

    def __init__(self, **settings: Any) -> None:
        shared = SharedAgentState(AgentSettings(**settings))
        self.agent = StreamConversation(shared, entropy="x", now=0.0)
        self.messages = StreamMessages("AC" + "0" * 32, "CA" + "0" * 32, STREAM)
        self.said = b""
        self.marks: list[str] = []
        self.clears = 0
        assert self.agent.start() == []
        self.tell(self.messages.connected())
        self.tell(self.messages.start({}))

    def tell(self, message: bytes) -> None:
        for one in self.agent.receive(message, 0.0):
            read = json.loads(one)
            assert read["streamSid"] == STREAM
            match read["event"]:
                case "media":
                    self.said += base64.b64decode(read["media"]["payload"], validate=True)
                case "mark":
                    self.marks.append(read["mark"]["name"])
                case "clear":
                    self.clears += 1

    def hear(self, mulaw: bytes) -> None:
        for begin in range(0, len(mulaw), 160):
            self.tell(self.messages.media(mulaw[begin : begin + 160]))

    def give_marks_back(self) -> None:
        for name in self.marks:
            self.tell(self.messages.mark(name))
        self.marks = []


def test_it_greets_with_a_mark_behind_each_piece() -> None:
    edge = Edge()
    assert edge.said == GREETING
    assert len(edge.marks) == -(-len(GREETING) // 1200)
    edge.give_marks_back()
    assert edge.agent.counters.client_errors == 0


def test_it_says_what_it_has_heard() -> None:
    edge = Edge(greeting=False)
    assert edge.said == b""
    edge.hear(SILENCE * 20 + SAID + SILENCE * 60)
    assert audio.is_in(audio.speech("short"), g711.decode(g711.PCMU, edge.said))
    assert edge.clears == 0


def test_M5_who_speaks_into_what_it_says_has_it_dropped() -> None:
    edge = Edge()
    edge.hear(SILENCE * 20 + SAID)
    assert edge.clears == 1
    assert edge.agent.counters.interrupted == 1
    edge = Edge()
    edge.give_marks_back()  # it was heard to its end
    edge.hear(SILENCE * 20 + SAID)
    assert edge.clears == 0


def test_keys() -> None:
    edge = Edge()
    edge.tell(edge.messages.dtmf("5"))
    edge.tell(edge.messages.dtmf("*"))
    assert (edge.clears, edge.agent.closed) == (1, False)
    edge.tell(edge.messages.dtmf("#"))
    assert edge.agent.closed


def test_the_end() -> None:
    edge = Edge(session_limit_s=60)
    edge.tell(edge.messages.stop())
    assert edge.agent.closed
    edge = Edge(session_limit_s=60)
    edge.agent.handle_timer(59)
    assert not edge.agent.expired
    edge.agent.handle_timer(edge.agent.next_deadline())
    assert edge.agent.expired


@pytest.mark.parametrize(
    "message",
    [b"nonsense", b"{}", b'{"event":"hologram"}', b'{"event":"media","media":{"payload":"*"}}'],
)
def test_what_no_edge_would_say_is_counted(message: bytes) -> None:
    edge = Edge()
    edge.tell(message)
    assert edge.agent.counters.client_errors == 1


def test_a_mark_out_of_order_is_the_edges_fault() -> None:
    edge = Edge()
    edge.tell(edge.messages.mark(edge.marks[1]))
    assert edge.agent.counters.client_errors == 1
