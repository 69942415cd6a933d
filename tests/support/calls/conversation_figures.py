"""What a call through a real Asterisk says of first word, barge-in and truncation.

Three witnesses: the edge's own capture (when each packet came and left), its log (what the engine
was told, and when it spoke up), Asterisk's recording (what was heard). The agent's answers are
tones without a pause, so that their end in a recording is one sample and no matter of taste.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np

from sipua.rtp.packet import RtpError, RtpPacket, parse
from sipua.rtp.pcap.writer import read
from support.calls.edge import Edge
from support.engine.scenarios import scenario
from support.media import audio, g711
from support.peers.asterisk import Asterisk
from support.peers.pbx import account

TONES = '[[steps]]\non = "any"\ntone_ms = 8000\ntimes = 0\n'
TONE_LEVEL = 300


@dataclass(frozen=True, slots=True)
class Cut:
    """One interruption."""

    heard_to_event_ms: float
    """From the first packet with the caller's voice to the engine's `speech_started`."""
    event_to_last_audio_ms: float
    """Below 0: the last packet had left already."""
    told_ms: int
    sent_ms: int
    """Of the item, on the wire."""
    recorded_ms: float
    """Of it, by Asterisk, whose recorder now and then slips by a frame or two."""


@dataclass(frozen=True, slots=True)
class CallFigures:
    first_word_ms: float
    """From the ACK, as it came, to the first packet."""
    first_packet: bytes
    skipped_frames: int
    cuts: list[Cut]


def edge_config(home: Path, asterisk: Asterisk) -> dict[str, Any]:
    return {
        "accounts": [account(asterisk)],
        "agent": {"scenario": str(scenario(home, TONES))},
        # The greeting is there before the call is answered: what is measured is the edge.
        "calls": {"answer": "greeting"},
        "capture": {"enabled": True, "directory": str(home / "captures")},
    }


def interrupted_calls(
    asterisk: Asterisk, edge: Edge, *, calls: int, interruptions: int
) -> list[CallFigures]:
    """So many calls at a time, each interrupted so many times."""
    edge.wait_event("registration.ok")
    for _ in range(calls):
        asterisk.originate("PJSIP/sipua", f"612{interruptions:02d}")
    limit_s = 30 + 4 * interruptions
    recordings = [
        audio.read_wav(asterisk.wait_recording(limit_s).received, rate_hz=8000)
        for _ in range(calls)
    ]
    edge.wait_event("call.ended", count=calls)
    spans = [tones(recording) for recording in recordings]
    figures = []
    for ended in edge.events(name="call.ended"):
        told = [
            event["fields"]["audio_end_ms"]
            for event in edge.events(name="> conversation.item.truncate", call_id=ended["call_id"])
        ]
        # Which recording is whose: nothing but the lengths of what was heard tells.
        recorded = min(spans, key=lambda lengths: distance(lengths, told))
        figures.append(_figures(edge, ended, told, recorded))
    return figures


def distance(lengths: list[float], told: list[int]) -> float:
    if len(lengths) < len(told):
        return float("inf")
    return float(np.median([abs(a - b) for a, b in zip(lengths, told, strict=False)]))


def tones(recording: audio.Pcm) -> list[float]:
    """Lengths of the stretches of tone, in ms; holes below 15 ms are the tone's own zeros."""
    loud = np.flatnonzero(np.abs(recording.astype(np.int32)) > TONE_LEVEL)
    if not len(loud):
        return []
    breaks = np.flatnonzero(np.diff(loud) > 15 * 8)
    starts = np.concatenate([loud[:1], loud[breaks + 1]])
    ends = np.concatenate([loud[breaks], loud[-1:]])
    return [
        float(end - start + 1) / 8
        for start, end in zip(starts, ends, strict=True)
        if end - start > 80 * 8
    ]


def _figures(edge: Edge, ended: Any, told: list[int], recorded: list[float]) -> CallFigures:
    call_id = ended["call_id"]
    (incoming,) = edge.events(name="call.incoming", call_id=call_id)
    sent, received, ack_s = _packets(Path(ended["capture"]["file"]), incoming["rtp_port"])
    starts = [
        _wall_s(event["ts"])
        for event in edge.events(name="< input_audio_buffer.speech_started", call_id=call_id)
    ]
    spurts = _spurts(sent)
    voice = np.array([at_s for at_s, packet in received if _level(packet) > TONE_LEVEL])
    cuts = []
    for at_s, told_ms, recorded_ms in zip(starts, told, recorded, strict=False):
        last, sent_ms = [spurt for spurt in spurts if spurt[0] < at_s + 0.2][-1]
        spoken = voice[voice <= at_s]
        pauses = np.flatnonzero(np.diff(spoken) > 0.3)
        onset = spoken[pauses[-1] + 1] if len(pauses) else spoken[0]
        cuts.append(Cut((at_s - onset) * 1000, (last - at_s) * 1000, told_ms, sent_ms, recorded_ms))
    return CallFigures(
        first_word_ms=(sent[0][0] - ack_s) * 1000,
        first_packet=bytes(sent[0][1].payload),
        skipped_frames=ended["cadence"]["skipped_frames"],
        cuts=cuts,
    )


_Stamped = list[tuple[float, RtpPacket]]


def _packets(path: Path, port: int) -> tuple[_Stamped, _Stamped, float]:
    """RTP that left, RTP that came, and when the ACK came."""
    sent: _Stamped = []
    received: _Stamped = []
    ack_s = 0.0
    for datagram in read(path):
        if datagram.payload.startswith(b"ACK "):
            ack_s = ack_s or datagram.at_s
        elif port in (datagram.source[1], datagram.target[1]):
            try:
                packet = parse(datagram.payload)
            except RtpError:
                continue
            if packet.payload_type in (g711.PCMU, g711.PCMA):
                ours = datagram.source[1] == port
                (sent if ours else received).append((datagram.at_s, packet))
    return sent, received, ack_s


def _spurts(sent: _Stamped) -> list[tuple[float, int]]:
    """Stretches of tone: when the last packet of each left, and its length in ms."""
    spurts: list[tuple[float, int]] = []
    previous = None
    for at_s, packet in sent:
        if _level(packet) <= TONE_LEVEL:
            continue
        # A machine that stood still leaves out frames' time, and the tone goes on behind it. The
        # caller and the silence that ends a turn take longer.
        goes_on = previous is not None and (packet.timestamp - previous) % 2**32 <= 8 * 400
        length_ms = len(packet.payload) // 8
        if goes_on:
            length_ms += spurts.pop()[1]
        spurts.append((at_s, length_ms))
        previous = packet.timestamp
    return spurts


def _level(packet: RtpPacket) -> int:
    return int(np.max(np.abs(g711.decode(packet.payload_type, bytes(packet.payload)).astype(int))))


def _wall_s(stamp: str) -> float:
    return datetime.fromisoformat(stamp).timestamp()


def table(figures: list[CallFigures]) -> str:
    """For people, and for docs/media.md."""
    cuts = [cut for call in figures for cut in call.cuts]
    rows = {
        "ACK to the first packet of the greeting": [call.first_word_ms for call in figures],
        "caller's first packet to speech_started": [cut.heard_to_event_ms for cut in cuts],
        "speech_started to the last audio packet": [cut.event_to_last_audio_ms for cut in cuts],
        "truncation told minus sent": [cut.told_ms - cut.sent_ms for cut in cuts],
        "truncation told minus recorded": [cut.told_ms - cut.recorded_ms for cut in cuts],
    }
    lines = [f"{len(figures)} calls, {len(cuts)} interruptions", "", "| ms | p50 | p95 | worst |"]
    lines.append("|---|---|---|---|")
    for name, values in rows.items():
        p50, p95 = np.percentile(values, [50, 95])
        worst = max(values, key=abs)
        lines.append(f"| {name} | {p50:.1f} | {p95:.1f} | {worst:.1f} |")
    skipped = sum(call.skipped_frames for call in figures)
    return "\n".join([*lines, "", f"frames that this machine was too busy to send: {skipped}"])
