"""`sipua bench capture`: recorded packets, with their recorded timing, as a call of today.

    phones (process) ══ UDP ══▶ edge (process) ══ websocket ══▶ engine (process, or a URL)
                     ◀═════════                ◀══════════════

This file sets the three up, lets them run, and collects what each has noted. What it means is
computed in `measure.py`.
"""

from __future__ import annotations

import dataclasses
import socket
import time
from array import array
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from sipua.bench.common import children
from sipua.bench.common.certificate import certificate
from sipua.bench.common.clock import WallClock
from sipua.bench.common.errors import BenchError
from sipua.bench.replay import edge_side, engine_side, phones
from sipua.bench.replay.network import Impairment
from sipua.bench.streams import streams
from sipua.bench.streams.streams import Stream
from sipua.bridge.call.media import MediaPlan
from sipua.codecs.g711 import Law
from sipua.config import Config
from sipua.edge.wiring import call as wiring_call
from sipua.edge.wiring import wiring
from sipua.rtp.events import Address

if TYPE_CHECKING:
    from sipua.bench.replay.encryption import Encryption

LOOPBACK = "127.0.0.1"
_STARTUP_S = 20.0
_LEAD_S = 0.2  # between the word to start and the first packet
_TAIL_S = 2.0  # for the answer to what was said last
_REPORT_S = 60.0
_SPREAD_S = 4.0
_MAX_CALLS = 2000
_MAX_PACKETS = 20_000_000


@dataclass(frozen=True, slots=True)
class Options:
    file: Path
    stream: int | None = None
    engine: str = "local"
    speed: float = 1.0
    repeat: int = 1
    calls: int = 1
    impairment: Impairment | None = None
    probed: bool = True
    tls: bool = False
    """To the local engine, with a certificate of the run's own."""
    srtp: bool = False
    """The audio of the calls is encrypted, both ways."""


@dataclass(slots=True)
class Recording:
    """Everything that the three processes noted."""

    options: Options
    stream: Stream
    law: Law
    packets: Sequence[bytes]  # those that the scripts point to
    scripts: list[phones.Script]
    start_ns: int
    heard: list[phones.Heard]
    phone_wall: WallClock
    phone_late_ns: int
    edge: edge_side.EdgeRecord
    engine: list[engine_side.SessionRecord] | None  # of each call; None: not our engine


def choose(path: Path, number: int | None, say: Callable[[str], None]) -> Stream:
    """The stream that was asked for, or the longest one that we can play. Raises BenchError."""
    survey = streams.survey(path, keep_packets=True)
    found = survey.streams
    if survey.damage:
        say(f"note: played is what could be read of {survey.damage}")
    if number is not None:
        for stream in found:
            if stream.number == number:
                return stream
        there = f"1 to {len(found)}" if found else "none"
        raise BenchError(f"{path}: no stream {number}; there is {there}")
    playable = [stream for stream in found if _is_playable(stream)]
    if not playable:
        kinds = ", ".join(sorted({_codec(stream) for stream in found})) or "no RTP at all"
        raise BenchError(f"{path}: no G.711 stream to play; found: {kinds}")
    return max(playable, key=lambda stream: (not is_events(stream), len(stream.packets)))


def is_events(stream: Stream) -> bool:
    """Digits with an SSRC of their own; the audio is another stream."""
    return stream.payload_type == stream.event_payload_type


def law_of(stream: Stream, path: Path) -> Law:
    """Raises BenchError for what cannot be played."""
    if stream.encrypted:
        raise BenchError(f"{path}: stream {stream.number} is encrypted (SRTP): nothing to hear")
    if not _is_playable(stream):
        raise BenchError(
            f"{path}: stream {stream.number} is {_codec(stream)}; only G.711 (PCMU, PCMA) can be "
            "played"
        )
    return Law.PCMU if is_events(stream) else Law[str(stream.codec)]


def _is_playable(stream: Stream) -> bool:
    known = is_events(stream) or stream.codec in Law.__members__
    return known and not stream.encrypted and bool(stream.packets)


def _codec(stream: Stream) -> str:
    return stream.codec or f"payload type {stream.payload_type}"


def ptime_ms(stream: Stream) -> float:
    return stream.ptime_ms or 20.0


def timetable(stream: Stream, repeat: int, speed: float) -> tuple[list[bytes], list[float]]:
    """The packets and when each leaves, in seconds after the first."""
    first = stream.packets[0][0]
    times = [at - first for at, _ in stream.packets]
    packets = [data for _, data in stream.packets]
    again_s = times[-1] + ptime_ms(stream) / 1000
    sequences, timestamps = _span(packets, round(ptime_ms(stream) * 8))
    all_packets, all_times = list(packets), list(times)
    for turn in range(1, repeat):
        all_packets += [shifted(data, turn * sequences, turn * timestamps) for data in packets]
        all_times += [at + turn * again_s for at in times]
    return all_packets, [at / speed for at in all_times]


def shifted(packet: bytes, sequences: int, timestamps: int) -> bytes:
    """The same packet, later in its stream."""
    sequence = (int.from_bytes(packet[2:4]) + sequences) & 0xFFFF
    timestamp = (int.from_bytes(packet[4:8]) + timestamps) & 0xFFFFFFFF
    return packet[:2] + sequence.to_bytes(2) + timestamp.to_bytes(4) + packet[8:]


def _span(packets: Sequence[bytes], frame_samples: int) -> tuple[int, int]:
    """How far numbers and timestamps go on from one playing of the stream to the next."""
    first, last = packets[0], packets[-1]
    sequences = (int.from_bytes(last[2:4]) - int.from_bytes(first[2:4])) & 0xFFFF
    timestamps = (int.from_bytes(last[4:8]) - int.from_bytes(first[4:8])) & 0xFFFFFFFF
    return sequences + 1, timestamps + frame_samples


def scripts(
    times: Sequence[float], calls: int, frame_s: float, impairment: Impairment | None
) -> list[phones.Script]:
    """Calls begin spread over some seconds and at all phases of a frame: people do not speak in
    chorus, and a hundred answers at the same moment are no load that occurs.
    """
    spread_s = spread(times)
    made = []
    for call in range(calls):
        offset_s = call * (spread_s + frame_s) / calls
        order = (
            [(at, index) for index, at in enumerate(times)]
            if impairment is None
            else impairment.carry(times, call)
        )
        made.append(
            phones.Script(
                array("q", (round((at + offset_s) * 1e9) for at, _ in order)),
                array("q", (index for _, index in order)),
            )
        )
    return made


def run(options: Options, config: Config, say: Callable[[str], None]) -> Recording:
    """Takes as long as the recording, and a few seconds. Raises BenchError."""
    if not 1 <= options.calls <= _MAX_CALLS:
        raise BenchError(f"--calls {options.calls}: from 1 to {_MAX_CALLS}")
    stream = choose(options.file, options.stream, say)
    law = law_of(stream, options.file)
    if len(stream.packets) * options.repeat * options.calls > _MAX_PACKETS:
        raise BenchError(f"more than {_MAX_PACKETS} packets: fewer --calls or --repeat")
    packets, times = timetable(stream, options.repeat, options.speed)
    frame_s = ptime_ms(stream) / 1000 / options.speed
    plan = scripts(times, options.calls, frame_s, options.impairment)
    if not any(script.at_ns for script in plan):
        raise BenchError("--impair leaves nothing to play")
    children.raise_file_limit()
    with ExitStack() as stack:
        engine = None
        url = options.engine
        if options.engine == "local":
            settings = wiring.agent_settings(config)
            settings = dataclasses.replace(settings, port=0, max_sessions=options.calls + 8)
            path = stack.enter_context(certificate()) if options.tls else ""
            engine = stack.enter_context(children.Child("agent", engine_side.run, settings, path))
            url = engine.hear(_STARTUP_S)
        edge_plan = _edge_plan(options, config, url)
        edge = stack.enter_context(children.Child("edge", edge_side.run, edge_plan))
        ready = edge.hear(_STARTUP_S + config.engine.connect_within_s)
        if isinstance(ready, edge_side.Failed):
            raise BenchError(ready.text)
        sockets = [_bound() for _ in plan]
        srtp = _encryption(packets) if options.srtp else None
        media = [_media_plan(stream, law, udp.getsockname(), srtp) for udp in sockets]
        targets = [(LOOPBACK, port) for port in ready.ports]
        phone = stack.enter_context(
            children.Child(
                "phones",
                phones.replay,
                phones.Replay(sockets, targets, packets, plan, law.silence, srtp),
            )
        )
        phone.hear(_STARTUP_S)
        _close(sockets)
        edge.ask(media, _STARTUP_S)
        start_ns = time.monotonic_ns() + round(_LEAD_S * 1e9)
        phone.tell(start_ns)
        last_s = max(script.at_ns[-1] for script in plan if script.at_ns) / 1e9
        say(f"playing {last_s:.1f} s into {options.calls} call{'s' * (options.calls > 1)} …")
        # The processor is measured while all calls talk.
        _sleep_until(start_ns / 1e9 + (spread(times) if options.calls > 1 else 0.0))
        edge.tell("begin")
        _sleep_until(start_ns / 1e9 + times[-1])
        edge.tell("end")
        _sleep_until(start_ns / 1e9 + last_s + _TAIL_S)
        record: edge_side.EdgeRecord = edge.ask("finish", _REPORT_S)
        heard, wall, late_ns = phone.ask("finish", _REPORT_S)
        sessions = None
        if engine is not None:
            known = engine.ask("report", _REPORT_S)
            sessions = [known[session_id] for session_id in ready.session_ids]
    return Recording(
        options, stream, law, packets, plan, start_ns, heard, wall, late_ns, record, sessions
    )


def spread(times: Sequence[float]) -> float:
    """Seconds between the first call's beginning and the last one's."""
    return min(_SPREAD_S, times[-1] / 4)


def _edge_plan(options: Options, config: Config, url: str) -> edge_side.EdgePlan:
    return edge_side.EdgePlan(
        calls=options.calls,
        host=LOOPBACK,
        port_min=config.rtp.port_min,
        port_max=config.rtp.port_max,
        # The agent is a parrot: it says what the caller said, as an echo does.
        media=wiring_call.media_settings(config, echoes=False),
        engine=wiring_call.engine_settings(config.engine, url=url),
        connect_timeout_s=config.engine.connect_within_s,
        greeting=config.engine.greeting,
        probed=options.probed,
    )


def _encryption(packets: Sequence[bytes]) -> Encryption:
    """Raises BenchError."""
    try:
        from sipua.bench.replay.encryption import Encryption  # noqa: PLC0415 - needs an extra
    except ImportError as error:
        raise BenchError("--srtp needs pylibsrtp: pip install 'sipua[srtp]'") from error
    return Encryption(packets)


def _media_plan(stream: Stream, law: Law, phone: Address, srtp: Encryption | None) -> MediaPlan:
    """What offer and answer would have settled."""
    payload_type = law.payload_type if is_events(stream) else stream.payload_type
    return MediaPlan(
        remote=phone,
        signalling_ip=LOOPBACK,
        law=law,
        payload_type=payload_type,
        law_by_type={payload_type: law.name},
        telephone_event_type=stream.event_payload_type,
        sends=True,
        receives=True,
        srtp=srtp.keys if srtp else None,
    )


def _bound() -> socket.socket:
    udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    udp.bind((LOOPBACK, 0))
    return udp


def _close(sockets: Sequence[socket.socket]) -> None:
    for udp in sockets:
        udp.close()


def _sleep_until(monotonic_s: float) -> None:
    time.sleep(max(0.0, monotonic_s - time.monotonic()))
