"""Calls that are heard: the greeting arrives whole, and the parrot answers with what was said.

All calls of this file are up at once on one edge: they differ in how the call was set up
(transport, codec, who offers, what else is offered, whose address the SDP names), and each must
have the same conversation. The sound is judged by correlation, not by counting packets.
"""

import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

from support.calls.edge import Edge
from support.footprint import Footprint, nothing_kept, settled
from support.media import audio, g711
from support.media.rtp_far_end import RtpFarEnd
from support.media.rtp_stream import RtpStream
from support.peers.sipp import Sipp, SippResult
from support.signalling import offers

pytestmark = [pytest.mark.peer, pytest.mark.sound, pytest.mark.few]

GREETING = audio.read_wav(audio.GREETING, rate_hz=audio.PHONE_RATE_HZ)
GREETING_MS = len(GREETING) / 8
SAID = audio.speech("short")
CALLER = np.concatenate([audio.silence(GREETING_MS + 500), SAID])
# The greeting, a breath, the sentence, the silence that ends the turn, the answer, and slack.
CALL_MS = round(GREETING_MS + 500 + 2 * len(SAID) / 8 + 300 + 1200)

CALLS: dict[str, dict[str, Any]] = {
    "UDP": {},
    "TCP": {"transport": "t1"},
    "A-law": {"OFFER": offers.PCMA},
    "delayed offer": {"scenario": "uac_delayed_offer"},
    "with video": {"OFFER": offers.WITH_VIDEO},
    "with T.38": {"OFFER": offers.WITH_T38},
    "private address": {"OFFER": offers.PRIVATE_ADDRESS},
    "late ACK": {"scenario": "uac_late_ack"},
}


@dataclass(frozen=True, slots=True)
class Conversation:
    sip: SippResult
    heard: RtpStream

    @property
    def answer(self) -> str:
        """The 200 to the INVITE."""
        return self.sip.received("SIP/2.0 200")[0].text

    @property
    def first_packet_after_ack_s(self) -> float:
        (ack,) = (m for m in self.sip.messages if m.sent and m.first_line.startswith("ACK"))
        local = time.localtime(self.heard.started_at_s)
        seconds = local.tm_hour * 3600 + local.tm_min * 60 + local.tm_sec
        return (seconds + self.heard.started_at_s % 1 - ack.at_s + 43200) % 86400 - 43200


@dataclass(frozen=True, slots=True)
class _Afternoon:
    """What all the calls were, and what the edge held before them."""

    edge: Edge
    before: Footprint
    calls: dict[str, Conversation]


@pytest.fixture(scope="module")
def afternoon(tmp_path_factory: pytest.TempPathFactory) -> Iterator[_Afternoon]:
    home = tmp_path_factory.mktemp("audio")
    config = {"engine": {"turn_detection": {"silence_duration_ms": 300}}}
    with ExitStack() as stack:
        edge = Edge(home / "edge", config)
        stack.callback(edge.close)
        sipp = Sipp(home / "sipp")
        stack.callback(sipp.close)
        sipp.run("uac_call", edge.address, pause_ms=100)  # opens what opens on first use
        ends = {}
        for name in CALLS:
            law = g711.PCMA if name == "A-law" else g711.PCMU
            ends[name] = stack.enter_context(RtpFarEnd(home, 1, CALLER, law=law))
        before = settled(edge.process.pid)
        runs = {}
        for name, how in CALLS.items():
            scenario = how.get("scenario", "uac_call")
            transport = how.get("transport", "u1")
            values = {k: v for k, v in how.items() if k.isupper()}
            runs[name] = sipp.start(
                scenario,
                edge.address,
                media=ends[name],
                pause_ms=CALL_MS,
                transport=transport,
                **values,
            )
        results = {name: run.wait(check=False) for name, run in runs.items()}
        calls = {name: Conversation(results[name], ends[name].finish()[0]) for name in CALLS}
        yield _Afternoon(edge, before, calls)


@pytest.fixture
def conversations(afternoon: _Afternoon) -> dict[str, Conversation]:
    return afternoon.calls


@pytest.fixture(params=CALLS)
def conversation(
    request: pytest.FixtureRequest, conversations: dict[str, Conversation]
) -> Conversation:
    return conversations[request.param]


def test_the_call_goes_as_the_scenario_says(conversation: Conversation) -> None:
    """INVITE, 200, ACK, BYE, 200, over either transport."""
    assert conversation.sip.ok, str(conversation.sip)


def test_the_greeting_is_heard_whole(conversation: Conversation) -> None:
    audio.assert_whole(GREETING, conversation.heard.pcm())


def test_the_parrot_says_what_the_caller_said(conversation: Conversation) -> None:
    after = conversation.heard.pcm()[round(GREETING_MS * 8) :]
    assert audio.find(SAID, after).score > 0.95


def test_the_stream_has_no_fault(conversation: Conversation) -> None:
    heard = conversation.heard
    faults = (heard.lost, heard.duplicates, heard.reordered, heard.timestamp_breaks)
    assert (*faults, heard.malformed) == (0, 0, 0, 0, 0)
    assert len(set(heard.ssrc)) == 1
    assert len(heard.sources) == 1


def test_the_codec_is_the_offered_one(conversations: dict[str, Conversation]) -> None:
    for name, conversation in conversations.items():
        law = g711.PCMA if name == "A-law" else g711.PCMU
        assert set(conversation.heard.payload_type) == {law}, name


@pytest.mark.parametrize("name", sorted(CALLS.keys() - {"private address"}))
def test_the_greeting_begins_with_the_first_packet_after_the_ack(
    conversations: dict[str, Conversation], name: str
) -> None:
    """`answer = "ready"`: the greeting waits for the ACK, and is not played before it.

    Where the caller really is shows only after its first packets when SDP does not tell.
    """
    conversation = conversations[name]
    match = audio.find(GREETING, conversation.heard.pcm())
    assert match.offset_ms < 100
    # Kernel's time stamp against SIPp's trace, which is written after the sending.
    assert -0.05 < conversation.first_packet_after_ack_s < 5


@pytest.mark.parametrize(("name", "line"), [("with video", "m=video"), ("with T.38", "m=image")])
def test_S7_video_and_fax_are_rejected_while_audio_goes_on(
    conversations: dict[str, Conversation], name: str, line: str
) -> None:
    lines = conversations[name].answer.splitlines()
    audio_lines = [text for text in lines if text.startswith("m=audio")]
    assert len(audio_lines) == 1
    assert audio_lines[0].split()[1] != "0"
    (rejected,) = (text for text in lines if text.startswith(line))
    assert rejected.split()[1] == "0"


def test_S5_the_200_of_a_delayed_offer_offers_both_laws(
    conversations: dict[str, Conversation],
) -> None:
    (line,) = (
        text
        for text in conversations["delayed offer"].answer.splitlines()
        if text.startswith("m=audio")
    )
    _, port, profile, *formats = line.split()
    assert int(port) > 0
    assert profile == "RTP/AVP"
    assert {"0", "8"} <= set(formats)


def test_S7_a_private_address_in_sdp_is_left_for_the_real_source(
    conversations: dict[str, Conversation],
) -> None:
    """Nothing could be heard at 10.99.99.99; the caller's packets showed where it really is."""
    conversation = conversations["private address"]
    assert "10.99.99.99" in next(m.text for m in conversation.sip.messages if m.sent)
    assert audio.find(GREETING[-8000:], conversation.heard.pcm()).score > 0.95


def test_nothing_is_kept_of_a_call(afternoon: _Afternoon) -> None:
    nothing_kept(afternoon.edge.process.pid, afternoon.before)
