"""One call's bridge on real sockets, with a scripted engine: what is heard, cut, held, reported."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import numpy as np
import pytest

from sipua.bridge.engine_api.events import AudioDelta, SpeechStarted
from sipua.bridge.engine_api.protocol import SPEECH_AND_TOOLS
from sipua.bridge.engine_api.settings import AudioFormat
from sipua.bridge.events import (
    EngineGone,
    EngineInUse,
    Interrupted,
    PeerSilent,
    SourceMoved,
    ToolAnswered,
)
from sipua.bridge.turns.barge_in import BargeInPolicy
from sipua.bridge.turns.barge_in_settings import BargeIn
from sipua.codecs import dtmf
from sipua.codecs.dtmf import DtmfDetector
from sipua.codecs.g711 import Law, decode, encode
from sipua.codecs.tones import sine
from sipua.rtp.events import Dtmf
from sipua.rtp.packet import build
from support.calls.call_bridge import SETTINGS, Phone, Setup
from support.media.event_writer import press

pytestmark = pytest.mark.usefixtures("virtual_clock")


async def test_a_greeting_that_waited_is_the_first_packet(setup: Setup) -> None:
    assert await setup.bridge.connect(1.0) == "scripted"
    setup.bridge.speak("Greet the caller.")
    setup.bridge.open_media(setup.plan)
    await asyncio.sleep(0.05)
    assert setup.phone.packets() == [], "nothing is sent before the ACK"
    setup.bridge.start()
    packets = await setup.phone.hear(10)
    assert packets[0].marker
    silence = bytes([Law.PCMU.silence]) * 160
    assert all(bytes(packet.payload) != silence for packet in packets)
    assert [p.sequence - packets[0].sequence for p in packets] == list(range(10))
    assert [p.timestamp - packets[0].timestamp for p in packets] == list(range(0, 1600, 160))


async def test_the_ack_may_come_before_the_media(setup: Setup) -> None:
    setup.bridge.start()
    setup.bridge.open_media(setup.plan)
    assert await setup.phone.hear(3)


async def test_what_the_phone_says_reaches_the_engine(setup: Setup) -> None:
    setup.bridge.open_media(setup.plan)
    setup.bridge.start()
    await setup.phone.talk(setup.port, 10)
    await setup.until(lambda: len(setup.heard_pcm) >= 10 * 480)
    assert SourceMoved(setup.phone.address, 1) in setup.events


async def test_M5_barge_in_silences_the_wire_and_truncates_at_what_was_played(
    setup: Setup,
) -> None:
    setup.bridge.open_media(setup.plan)
    setup.bridge.start()
    setup.engine.say("long answer", 10_000)
    silence = bytes([Law.PCMU.silence]) * 160
    packets = await setup.phone.hear(15)
    setup.engine.on_event(SpeechStarted("caller", 0))
    (truncation,) = setup.engine.truncated
    await asyncio.sleep(0.2)
    packets += setup.phone.packets()
    spoken = [n for n, packet in enumerate(packets) if bytes(packet.payload) != silence]
    played_ms = (spoken[-1] - spoken[0] + 1) * 20
    assert truncation == ("long answer", played_ms)
    (cut,) = [event for event in setup.events if isinstance(event, Interrupted)]
    assert (cut.item_id, cut.played_ms) == ("long answer", played_ms)
    assert setup.engine.cancelled == 1
    assert [bytes(p.payload) for p in packets[spoken[-1] + 1 :]], "silence goes on being sent"


async def test_where_the_engine_may_not_be_interrupted_nothing_is_cut(setup: Setup) -> None:
    setup.bridge._barge_in = BargeInPolicy(BargeIn(enabled=False), setup.bridge.turns)
    setup.bridge.open_media(setup.plan)
    setup.bridge.start()
    setup.engine.say("long answer", 1000)
    setup.engine.on_event(SpeechStarted("caller", 0))
    assert setup.engine.truncated == []
    silence = bytes([Law.PCMU.silence]) * 160
    heard = await setup.phone.hear(10)
    assert all(bytes(packet.payload) != silence for packet in heard[1:])


async def test_audio_that_comes_late_for_a_cut_item_is_not_heard(setup: Setup) -> None:
    setup.bridge.open_media(setup.plan)
    setup.bridge.start()
    setup.engine.on_event(AudioDelta("answer", 0, sine(400, 200, 24_000).tobytes()))
    setup.engine.on_event(SpeechStarted("caller", 0))
    setup.engine.on_event(AudioDelta("answer", 0, sine(400, 200, 24_000).tobytes()))
    setup.phone.packets()
    silence = bytes([Law.PCMU.silence]) * 160
    heard = await setup.phone.hear(5)
    assert {bytes(packet.payload) for packet in heard[1:]} == {silence}


async def test_hold_stops_both_directions_and_resume_goes_on_in_sequence(setup: Setup) -> None:
    setup.bridge.open_media(setup.plan)
    setup.bridge.start()
    before = (await setup.phone.hear(3))[-1]
    setup.bridge.open_media(replace(setup.plan, sends=False))
    await asyncio.sleep(0.05)
    setup.phone.packets()
    setup.engine.say("said while held", 200)
    setup.engine.heard.clear()
    await setup.phone.talk(setup.port, 5)
    assert setup.phone.packets() == []
    assert not np.any(np.abs(setup.heard_pcm.astype(int)) > 500), "music is not the caller"
    setup.bridge.open_media(setup.plan)
    after = await setup.phone.hear(8)
    silence = bytes([Law.PCMU.silence]) * 160
    assert after[0].timestamp > before.timestamp, "time went on"
    sequences = [packet.sequence for packet in after]
    assert sequences == list(range(sequences[0], sequences[0] + 8))
    assert any(bytes(packet.payload) != silence for packet in after), "what waited is said now"


async def test_R11_a_change_of_law_in_mid_call_changes_what_we_send(setup: Setup) -> None:
    setup.bridge.open_media(setup.plan)
    setup.bridge.start()
    assert (await setup.phone.hear(2))[0].payload_type == 0
    setup.bridge.open_media(replace(setup.plan, law=Law.PCMA, payload_type=8))
    setup.phone.packets()
    packets = await setup.phone.hear(3)
    assert packets[-1].payload_type == 8
    assert bytes(packets[-1].payload) == bytes([Law.PCMA.silence]) * 160


async def test_R12_a_phone_that_stays_silent_is_reported(setup: Setup) -> None:
    setup.bridge.leg.settings = replace(SETTINGS, timeout_s=0.2)
    setup.bridge.open_media(setup.plan)
    await setup.until(lambda: any(isinstance(event, PeerSilent) for event in setup.events))


async def test_R12_a_call_that_begins_on_hold_has_the_longer_timeout(setup: Setup) -> None:
    setup.bridge.leg.settings = replace(SETTINGS, timeout_s=0.1)
    setup.bridge.open_media(replace(setup.plan, sends=False, receives=False))
    await asyncio.sleep(0.4)
    assert setup.events == []


async def test_M2_a_lost_engine_is_reported_at_once(setup: Setup) -> None:
    setup.engine.on_event(EngineGone("scripted", "gone"))
    assert setup.events == [EngineGone("scripted", "gone")]


async def test_a_call_that_never_got_media_closes_cleanly(setup: Setup) -> None:
    await setup.bridge.close()
    assert setup.engine.closed
    assert setup.bridge.stats()["first_audio_ms"] is None


async def test_digits_go_out_as_events_while_audio_waits(setup: Setup) -> None:
    plan = replace(setup.plan, telephone_event_type=101, telephone_event_send_type=96)
    setup.bridge.open_media(plan)
    setup.bridge.start()
    setup.engine.say("answer", 1000)
    packets = await setup.phone.hear(5)
    setup.bridge.send_dtmf("1#")
    packets += await setup.phone.hear(75)
    events = [packet for packet in packets if packet.payload_type == 96]
    first, second = (packet.timestamp for packet in events if packet.marker)
    by_digit = {packet.timestamp: packet.payload[0] for packet in events}
    assert by_digit == {first: 1, second: 11}
    assert [p.payload[1] >> 7 for p in events if p.timestamp == first][-3:] == [1, 1, 1]
    assert second - first >= 1600, "100 ms of digit, 100 ms of pause"
    # Sequence numbers have no gap, and audio's timestamps go on as if nothing had been between.
    assert [p.sequence - packets[0].sequence for p in packets] == list(range(len(packets)))
    audio = [packet for packet in packets if packet.payload_type == 0]
    assert all((p.timestamp - packets[0].timestamp) % 160 == 0 for p in audio)
    before = [p for p in audio if p.timestamp < first]
    silence = bytes([Law.PCMU.silence]) * 160
    spoken = [p for p in audio if bytes(p.payload) != silence]
    after = [p for p in spoken if p not in before]
    assert before
    assert after[0].timestamp >= second + 1600
    assert after[0].marker
    assert len(spoken) == 50, "what was being said is said whole"
    assert setup.bridge.stats()["keypad"] == {"sent": 2, "sent_inband": 0, "overflow": 0}


async def test_digits_go_out_as_tones_to_a_peer_without_events(setup: Setup) -> None:
    setup.bridge.open_media(setup.plan)
    setup.bridge.start()
    setup.bridge.send_dtmf("19d")
    packets = await setup.phone.hear(40)
    assert [p.sequence - packets[0].sequence for p in packets] == list(range(40))
    assert all((p.timestamp - packets[0].timestamp) % 160 == 0 for p in packets)
    detector = DtmfDetector()
    heard = [found for p in packets for found in detector.feed(decode(Law.PCMU, p.payload))]
    assert "".join(digit for digit, _ in heard) == "19D"
    assert all(length == pytest.approx(100, abs=6) for _, length in heard)


async def test_keys_that_do_not_exist_or_are_too_many(setup: Setup) -> None:
    with pytest.raises(ValueError, match="on no keypad"):
        setup.bridge.send_dtmf("12x")
    setup.bridge.send_dtmf("1" * 70)
    assert setup.bridge.stats()["keypad"] == {"sent": 0, "sent_inband": 0, "overflow": 6}


async def test_keys_wait_while_the_call_is_held(setup: Setup) -> None:
    plan = replace(setup.plan, telephone_event_type=101, telephone_event_send_type=101)
    setup.bridge.open_media(replace(plan, sends=False))
    setup.bridge.start()
    setup.bridge.send_dtmf("5")
    await asyncio.sleep(0.1)
    assert setup.phone.packets() == []
    setup.bridge.open_media(plan)
    packets = await setup.phone.hear(5)
    assert packets[0].payload_type == 101


async def test_R10_events_are_told_and_tones_beside_them_are_not_told_again(setup: Setup) -> None:
    setup.bridge.open_media(replace(setup.plan, telephone_event_type=101))
    setup.bridge.start()
    tone = encode(Law.PCMU, dtmf.tone("5", 1600))
    for n in range(10):
        packet = build(
            tone[n * 160 :][:160], payload_type=0, sequence=n, timestamp=n * 160, ssrc=0x1234
        )
        setup.phone.socket.sendto(packet, ("127.0.0.1", setup.port))
        await asyncio.sleep(0.01)
    for event in press("5", timestamp=1600, sequence=10, ssrc=0x1234):
        setup.phone.socket.sendto(event.datagram, ("127.0.0.1", setup.port))
    await setup.until(lambda: Dtmf("5", 100, inband=False) in setup.events)
    await asyncio.sleep(0.3)
    assert [event for event in setup.events if isinstance(event, Dtmf)] == [Dtmf("5", 100, False)]
    assert setup.engine.digits == [], "it has not asked for keys"


async def test_an_agent_that_wants_the_callers_keys_gets_them(setup: Setup) -> None:
    setup.bridge.open_media(replace(setup.plan, telephone_event_type=101))
    setup.bridge.start()
    wants = replace(SPEECH_AND_TOOLS, digits=True)
    setup.engine.on_event(EngineInUse("a", AudioFormat.PCMU, "s", "first", capabilities=wants))
    for event in press("5", timestamp=1600, sequence=10, ssrc=0x1234):
        setup.phone.socket.sendto(event.datagram, ("127.0.0.1", setup.port))
    await setup.until(lambda: setup.engine.digits)
    assert setup.engine.digits == [("5", 100)]
    setup.bridge.set_aside(True)
    setup.bridge.told(Dtmf("6", 100, inband=False, by_info=True))
    assert setup.engine.digits == [("5", 100)], "the caller is put through"


async def test_the_engines_clock_is_the_audio_that_its_session_was_given(setup: Setup) -> None:
    setup.engine.on_event(EngineInUse("model", AudioFormat.PCM16, "sess_1", "first"))
    setup.bridge.open_media(setup.plan)
    setup.bridge.start()
    await setup.phone.talk(setup.port, 10)
    await setup.until(lambda: len(setup.heard_pcm) >= 10 * 480)
    assert setup.bridge.heard_ms == len(setup.heard_pcm) // 24
    before = len(setup.heard_pcm)
    setup.engine.on_event(EngineInUse("model", AudioFormat.PCM16, "sess_2", "reconnected"))
    await setup.phone.talk(setup.port, 5)
    await setup.until(lambda: len(setup.heard_pcm) >= before + 5 * 480)
    assert setup.bridge.heard_ms == (len(setup.heard_pcm) - before) // 24


async def test_a_tools_result_is_told(setup: Setup) -> None:
    setup.bridge.tool_result("call_1", "{}", outcome="ok")
    assert ToolAnswered("call_1", "ok") in setup.events


async def test_R1_who_sends_before_the_answer_is_not_taken_for_the_caller(setup: Setup) -> None:
    """Behind a NAT both have the same rank, and the attacker is the earlier one."""
    attacker, natted = Phone(), ("192.168.77.5", 4000)
    attacker.send(setup.port, b"\xff" * 160)
    setup.bridge.before_answer()
    setup.bridge.open_media(replace(setup.plan, remote=natted))
    talking = asyncio.create_task(attacker.talk(setup.port, 12))
    await setup.phone.talk(setup.port, 12)
    await talking
    await setup.until(lambda: setup.events != [])
    assert setup.events == [SourceMoved(setup.phone.address, 3)]
    await setup.until(lambda: setup.bridge.stats()["rtp"]["dropped"].get("source", 0) > 0)
    (stream,) = setup.bridge.stats()["rtp"]["streams"]
    assert stream["lost"] == 0
    attacker.socket.close()
