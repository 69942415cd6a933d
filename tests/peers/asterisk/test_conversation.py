"""Asterisk calls the edge as an extension, and records what it hears (20 s in all).

Asterisk's own recordings say what was heard and in which order: the greeting, then what Asterisk
said, in µ-law and in A-law; who speaks into the greeting silences it (M5). That not a packet was
lost Asterisk says in its RTCP; to the millisecond test_sip_audio.py judges, by the packets.
"""

from collections.abc import Callable

import pytest

from support.calls.edge import Edge
from support.media import audio
from support.media.audio import Pcm
from support.peers.asterisk import Asterisk, Recording
from support.peers.asterisk_config import SPEECH
from support.peers.pbx import GREETING, account, heard, registers

pytestmark = pytest.mark.sound

Edges = Callable[..., Edge]
SPOKEN = audio.speech(SPEECH)
SPOKEN_MS = len(SPOKEN) / 8


def read(recording: Recording) -> tuple[Pcm, Pcm]:
    """What the edge sent, and what Asterisk said to it, on one clock."""
    return (
        audio.read_wav(recording.received, rate_hz=8000),
        audio.read_wav(recording.sent, rate_hz=8000),
    )


def test_an_extension_registers_with_digest(asterisk: Asterisk, edge_factory: Edges) -> None:
    earlier = len(registers(asterisk, "sipua"))
    edge = edge_factory({"accounts": [account(asterisk)]})
    assert edge.wait_event("registration.ok")["account"] == "sipua"
    (contact,) = asterisk.contacts("sipua")
    assert contact.uri.startswith(f"sip:sipua@127.0.0.1:{edge.port}")
    assert "sipua/sip:sipua@127.0.0.1" in asterisk.cli("pjsip show contacts")

    # The first challenge tells the realm; nothing is given away before it.
    *asked, answered = registers(asterisk, "sipua")[earlier:]
    assert 1 <= len(asked) <= 2
    assert not any("\nAuthorization:" in request for request in asked)
    assert 'Digest username="sipua", realm="asterisk"' in answered
    assert "only-for-tests" not in edge.log


def test_greeting_and_answer_arrive_whole_in_both_laws(
    asterisk: Asterisk, edge_factory: Edges
) -> None:
    users = ("sipua-ulaw", "sipua-alaw")
    edge = edge_factory({"accounts": [account(asterisk, user) for user in users]})
    edge.wait_event("registration.ok", count=2)
    for user in users:
        asterisk.originate(f"PJSIP/{user}", "60245")
    for _ in users:
        received, sent = read(asterisk.wait_recording(30))
        greeted_ms = heard(GREETING, received)
        answered_ms = heard(SPOKEN, received)
        said_ms = heard(SPOKEN, sent)
        assert greeted_ms < 1000, "the greeting does not wait"
        assert greeted_ms + len(GREETING) / 8 < said_ms
        # After the speech's end, the silence that ends a turn.
        assert 400 < answered_ms - (said_ms + SPOKEN_MS) < 5000
    asterisk.wait_idle()
    edge.wait_event("call.ended", count=2)
    assert {call["codec"] for call in edge.events(name="call.media")} == {"PCMU", "PCMA"}
    for call in edge.events(name="call.ended"):
        assert (call["end"]["by"], call["end"]["sip"]["status"], call["interruptions"]) == (
            "caller",
            200,
            0,
        )
        (stream,) = call["rtp"]["streams"]
        assert (stream["lost"], stream["late"], call["rtp"]["dropped"]) == (0, 0, {})
        assert call["rtp"]["rtcp"]["remote_lost"] == 0


def test_M5_barge_in_silences_the_agent_on_the_wire(
    asterisk: Asterisk, edge_factory: Edges
) -> None:
    edge = edge_factory({"accounts": [account(asterisk)]})
    edge.wait_event("registration.ok")
    asterisk.originate("PJSIP/sipua", "60215")
    received, sent = read(asterisk.wait_recording(30))
    interrupted = edge.wait_event("call.interrupted")
    edge.wait_event("call.ended")

    greeted_ms = audio.find(GREETING[: 8 * 500], received).offset_ms
    said_ms = heard(SPOKEN, sent)
    assert said_ms < greeted_ms + 2000, "Asterisk was to speak into the greeting"
    # The greeting has pauses of its own; the first silence that is longer is the interruption.
    longest_ms = audio.longest_silence_ms(GREETING)
    gaps = audio.gaps(received, min_ms=longest_ms + 300)
    silence = next(gap for gap in gaps if gap.start_ms > greeted_ms)
    played_ms = silence.start_ms - greeted_ms
    assert played_ms < 3000, "the greeting was not cut"
    assert abs(played_ms - interrupted["played_ms"]) < 300  # the recorder slips now and then
    assert silence.start_ms > said_ms
    # Not a sample of the old sentence follows; what follows is the answer to the new one.
    assert silence.start_ms + silence.length_ms > said_ms + SPOKEN_MS
    assert heard(SPOKEN, received) > said_ms + SPOKEN_MS

    assert len(edge.events(name="call.interrupted")) == 1
    (told,) = edge.events(name="> conversation.item.truncate")
    assert told["fields"]["audio_end_ms"] == interrupted["played_ms"]
    assert told["fields"]["item_id"] == interrupted["item_id"]
    assert edge.events(name="< conversation.item.truncated")
    assert not edge.events(name="engine.error")
