"""The local agent behind chan_websocket, driven by the messages of a channel of ours."""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sipua.bridge.agent.asterisk.conversation import (
    AHEAD,
    FORMATS,
    MAX_MESSAGE_BYTES,
    PIECE_MS,
    ChannelConversation,
)
from sipua.bridge.agent.realtime.shared_state import SharedAgentState
from sipua.bridge.agent.scenario.settings import AgentSettings
from sipua.bridge.agent.speech.formats import PCMU, Clip, converted
from sipua.bridge.agent.speech.prompts import prompt
from sipua.bridge.agent.speech.speaker import tone
from sipua.bridge.agent.wire.audio_message import AudioMessage
from sipua.bridge.engines.asterisk_websocket.messages import Events
from support.media import audio, g711

GREETING = converted(prompt("greeting"), PCMU).data
SILENCE = b"\xff" * 160
SAID = g711.encode(g711.PCMU, audio.speech("short"))
MARKED = {
    "MARK_MEDIA": "MEDIA_MARK_PROCESSED",
    "STOP_MEDIA_BUFFERING": "MEDIA_BUFFERING_COMPLETED",
}


def read(command: bytes, *, as_json: bool) -> tuple[str, str]:
    assert len(command) <= 128, "Asterisk takes no more"
    if not as_json:
        name, _, correlation_id = command.decode().partition(" ")
        return name, correlation_id
    fields: Mapping[str, str] = json.loads(command)
    assert set(fields) <= {"command", "correlation_id"}
    return fields["command"], fields.get("correlation_id", "")


class Channel:
    """The other side. What was queued is heard when the test wants it."""

    def __init__(self, *, as_json: bool = False, wire: str = "ulaw", **settings: Any) -> None:
        shared = SharedAgentState(AgentSettings(**settings))
        self.agent = ChannelConversation(shared, entropy="x", now=0.0)
        self.events = Events("c-1", as_json=as_json)
        self._as_json = as_json
        self.said = b""
        self.commands: list[str] = []
        self.queued: deque[tuple[str, str]] = deque()
        assert self.agent.start() == []
        self.tell(self.events.media_start(wire, 160, {"tenant": "a"}))

    @property
    def errors(self) -> int:
        return self.agent.counters.client_errors

    def tell(self, message: bytes) -> None:
        for one in self.agent.receive(message, 0.0):
            if isinstance(one, AudioMessage):
                self.said += one
                continue
            name, correlation_id = read(one, as_json=self._as_json)
            self.commands.append(name)
            if name in MARKED:
                self.queued.append((MARKED[name], correlation_id))
            elif name == "FLUSH_MEDIA":
                self.queued.clear()

    def hear(self, data: bytes, size: int = 160) -> None:
        for begin in range(0, len(data), size):
            self.tell(AudioMessage(data[begin : begin + size]))

    def play(self) -> None:
        """All that is queued, and what the agent says on that."""
        while self.queued:
            self.tell(self.events.answered(*self.queued.popleft()))


forms = pytest.mark.parametrize("as_json", [False, True], ids=["plain-text", "json"])


@forms
def test_it_answers_in_the_form_that_it_is_told_in_and_greets(as_json: bool) -> None:
    channel = Channel(as_json=as_json)
    assert channel.agent.channel_id == "c-1"
    assert channel.said == GREETING
    pieces = -(-len(GREETING) // (8 * PIECE_MS))
    assert channel.commands == [
        "ANSWER",
        "START_MEDIA_BUFFERING",
        *(["MARK_MEDIA"] * pieces),
        "STOP_MEDIA_BUFFERING",
    ]
    channel.play()
    assert channel.errors == 0


@pytest.mark.parametrize("wire", FORMATS)
def test_it_says_what_it_has_heard_in_every_format(wire: str) -> None:
    channel = Channel(wire=wire, greeting=False)
    assert channel.said == b""
    form = FORMATS[wire]
    said = converted(Clip(SAID, PCMU, ""), form).data
    silence = converted(Clip(SILENCE * 60, PCMU, ""), form).data
    channel.hear(silence + said + silence, size=333)
    assert audio.is_in(audio.speech("short"), narrow(channel.said, wire))
    assert channel.errors == 0
    assert "FLUSH_MEDIA" not in channel.commands


def narrow(data: bytes, wire: str) -> audio.Pcm:
    return PCMU.decode(converted(Clip(data, FORMATS[wire], ""), PCMU).data)


def test_in_each_format_the_greeting_is_the_same() -> None:
    assert Channel(wire="slin24").said == prompt("greeting").data
    said = Channel(wire="slin16").said
    assert abs(len(said) / 32 - prompt("greeting").duration_ms) < 5


@forms
def test_M5_who_speaks_into_what_it_says_has_it_dropped(as_json: bool) -> None:
    channel = Channel(as_json=as_json)
    on_its_way = channel.queued[0]
    channel.hear(SILENCE * 20 + SAID)
    assert channel.commands.count("FLUSH_MEDIA") == 1
    assert channel.agent.counters.interrupted == 1
    channel.tell(channel.events.answered(*on_its_way))
    assert channel.errors == 0, "it was heard before the flush came"
    channel.tell(channel.events.answered(*on_its_way))
    assert channel.errors == 1, "twice"


def test_what_was_heard_to_its_end_is_not_flushed() -> None:
    channel = Channel()
    channel.play()
    channel.hear(SILENCE * 20 + SAID)
    assert "FLUSH_MEDIA" not in channel.commands
    assert channel.agent.counters.interrupted == 0


def test_no_mark_from_before_a_flush_comes_behind_one_from_after_it() -> None:
    channel = Channel()
    dropped = channel.queued[0]
    channel.tell(channel.events.dtmf_end("*"))
    channel.hear(SILENCE * 20 + SAID + SILENCE * 60)
    channel.play()
    assert channel.errors == 0
    channel.tell(channel.events.answered(*dropped))
    assert channel.errors == 1


def test_no_more_is_queued_than_asterisk_has_room_for() -> None:
    """And all of it is said in the end."""
    channel = Channel(greeting=False, mode="parrot")
    caller = converted(Clip(SAID * 20, PCMU, ""), PCMU).data
    channel.hear(SILENCE * 20 + caller + SILENCE * 60)
    ahead_bytes = AHEAD * PIECE_MS * 8
    assert len(channel.said) == ahead_bytes < len(caller)
    assert "STOP_MEDIA_BUFFERING" not in channel.commands
    channel.tell(channel.events.answered(*channel.queued.popleft()))
    assert len(channel.said) == ahead_bytes + PIECE_MS * 8
    channel.play()
    assert len(channel.said) >= len(caller)
    assert channel.commands[-1] == "STOP_MEDIA_BUFFERING"
    assert channel.commands.count("START_MEDIA_BUFFERING") == 1
    assert channel.errors == 0


@forms
def test_it_waits_while_the_queue_is_full(as_json: bool) -> None:
    channel = Channel(as_json=as_json, greeting=False)
    channel.tell(channel.events.bare("MEDIA_XOFF"))
    channel.hear(SILENCE * 20 + SAID + SILENCE * 60)
    assert channel.said == b""
    channel.tell(channel.events.bare("MEDIA_XON"))
    assert audio.is_in(audio.speech("short"), g711.decode(g711.PCMU, channel.said))
    channel.play()
    assert channel.errors == 0


def test_what_waits_is_flushed_too() -> None:
    channel = Channel(greeting=False)
    channel.tell(channel.events.bare("MEDIA_XOFF"))
    channel.hear(SILENCE * 20 + SAID + SILENCE * 60)
    channel.tell(channel.events.dtmf_end("*"))
    channel.tell(channel.events.bare("MEDIA_XON"))
    assert (channel.said, channel.commands[-1]) == (b"", "FLUSH_MEDIA")


@forms
def test_keys(as_json: bool) -> None:
    channel = Channel(as_json=as_json)
    channel.tell(channel.events.dtmf_end("5"))
    assert channel.commands[-1] == "STOP_MEDIA_BUFFERING"
    channel.tell(channel.events.dtmf_end("*"))
    assert channel.commands[-1] == "FLUSH_MEDIA"
    channel.tell(channel.events.dtmf_end("#"))
    assert channel.commands[-1] == "HANGUP"
    before = list(channel.commands)
    channel.hear(SILENCE * 20 + SAID + SILENCE * 60)
    channel.tell(channel.events.dtmf_end("#"))
    assert channel.commands == before, "the other side is to close now"
    assert channel.errors == 0


@pytest.mark.parametrize(
    ("mode", "says"), [("silence", b""), ("tone", converted(tone(), PCMU).data)]
)
def test_modes(mode: Any, says: bytes) -> None:
    channel = Channel(greeting=False, mode=mode)
    channel.hear(SILENCE * 20 + SAID + SILENCE * 60)
    assert channel.said == says


def test_its_time_ends() -> None:
    channel = Channel(session_limit_s=60)
    channel.agent.handle_timer(59)
    assert not channel.agent.expired
    channel.agent.handle_timer(channel.agent.next_deadline())
    assert channel.agent.expired
    assert channel.agent.take_recordings() == channel.agent.take_warnings() == []


NONSENSE = [
    b"",
    b"nonsense",
    b"MEDIA_MARK_PROCESSED",
    b"MEDIA_MARK_PROCESSED piece-2",
    b"MEDIA_BUFFERING_COMPLETED piece-1",
    b"ERROR channel_id:c-1 error_text:No such command",
    b"QUEUE_DRAINED",
    b"MEDIA_START channel_id:c-1 format:ulaw",
    b"\xff\xfe",
    b"{}",
    b"{",
    b'{"event":"HOLOGRAM"}',
    b'{"event":"DTMF_END","digit":5}',
    b'{"event":' + b"[" * 60_000,
    b" " * (MAX_MESSAGE_BYTES + 1),
    AudioMessage(b"\xff" * (MAX_MESSAGE_BYTES + 1)),
]


@pytest.mark.parametrize("message", NONSENSE, ids=range(len(NONSENSE)))
def test_M6_what_no_asterisk_would_say_is_counted_and_the_call_goes_on(message: bytes) -> None:
    channel = Channel()
    commands = list(channel.commands)
    channel.tell(message)
    assert channel.errors == 1
    assert channel.commands == commands
    channel.play()
    channel.hear(SILENCE * 20 + SAID + SILENCE * 60)
    assert audio.is_in(audio.speech("short"), g711.decode(g711.PCMU, channel.said))
    assert channel.errors == 1


def test_M6_nothing_counts_before_the_start() -> None:
    agent = ChannelConversation(SharedAgentState(AgentSettings()), entropy="x", now=0.0)
    assert agent.receive(AudioMessage(SILENCE), 0.0) == []
    assert agent.receive(b"MEDIA_XON", 0.0) == []
    assert agent.receive(b"DTMF_END digit:# channel_id:c-1", 0.0) == []
    assert agent.counters.client_errors == 3
    assert agent.receive(b"MEDIA_START format:ulaw channel_id:c-1", 0.0)[0] == b"ANSWER"


@pytest.mark.parametrize("told", ["format:g722", "format:", "", "format:slin48 event:MEDIA_XON"])
def test_M6_a_call_in_a_format_that_it_does_not_have_is_hung_up(told: str) -> None:
    agent = ChannelConversation(SharedAgentState(AgentSettings()), entropy="x", now=0.0)
    assert agent.receive(f"MEDIA_START {told}".encode(), 0.0) == [b"HANGUP"]
    assert agent.counters.client_errors == 1


@given(
    st.lists(
        st.one_of(
            st.binary(max_size=400),
            st.binary(max_size=400).map(AudioMessage),
            st.sampled_from(
                [
                    b"MEDIA_START format:ulaw channel_id:c-1",
                    b"MEDIA_XON",
                    b"MEDIA_XOFF",
                    b"DTMF_END digit:*",
                    b"MEDIA_MARK_PROCESSED piece-1",
                    b"MEDIA_BUFFERING_COMPLETED answer-1",
                ]
            ),
            st.text(max_size=40).map(lambda text: f"MEDIA_START {text}".encode()),
            st.recursive(st.text(), lambda inner: st.dictionaries(st.text(), inner)).map(
                lambda value: json.dumps({"event": "MEDIA_START", "more": value}).encode()
            ),
        ),
        max_size=30,
    )
)
def test_M6_no_message_is_its_end(messages: list[bytes]) -> None:
    agent = ChannelConversation(SharedAgentState(AgentSettings()), entropy="x", now=0.0)
    for message in messages:
        for one in agent.receive(message, 0.0):
            assert isinstance(one, AudioMessage) or one
    assert agent.counters.client_errors <= len(messages)
