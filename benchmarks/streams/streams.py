"""What is in a capture: its RTP streams, and the calls that they belong to.

capture ─▶ Finder (SDP, heuristics) ─▶ StreamStatistics (loss, jitter, …) ─▶ Stream ─▶ table or JSON
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from sipua.bench.streams.finder import Announced, Candidate, Finder, Key
from sipua.bench.streams.model import Call, ShortStream, Stream, Udptl
from sipua.bench.streams.report import as_json, render_text
from sipua.rtp.pcap.writer import CaptureError, FrameCounts, read

__all__ = ["Call", "Stream", "Survey", "as_json", "find", "render_text", "survey"]

# RFC 3551 §6, tables 4 and 5.
_STATIC: dict[int, tuple[str, int]] = {
    0: ("PCMU", 8000),
    3: ("GSM", 8000),
    4: ("G723", 8000),
    5: ("DVI4", 8000),
    6: ("DVI4", 16000),
    7: ("LPC", 8000),
    8: ("PCMA", 8000),
    9: ("G722", 8000),  # its clock runs at 8000 by an old mistake
    10: ("L16", 44100),
    11: ("L16", 44100),
    12: ("QCELP", 8000),
    13: ("CN", 8000),
    14: ("MPA", 90000),
    15: ("G728", 8000),
    16: ("DVI4", 11025),
    17: ("DVI4", 22050),
    18: ("G729", 8000),
    19: ("CN", 8000),
    25: ("CelB", 90000),
    26: ("JPEG", 90000),
    28: ("nv", 90000),
    31: ("H261", 90000),
    32: ("MPV", 90000),
    33: ("MP2T", 90000),
    34: ("H263", 90000),
}
_EVENT = "telephone-event"


@dataclass(slots=True)
class Survey:
    """All that was found in one file."""

    path: str
    streams: list[Stream]
    calls: list[Call]
    frames: FrameCounts = field(default_factory=FrameCounts)
    sip_messages: int = 0
    rtcp_packets: int = 0
    udptl: list[Udptl] = field(default_factory=list)
    short: list[ShortStream] = field(default_factory=list)
    damage: str = ""
    """Why the rest of the file was not read: it was cut off, or is broken there."""


def find(path: str | Path) -> list[Stream]:
    """The RTP streams of a capture with all their packets. Raises CaptureError."""
    return survey(path, keep_packets=True).streams


def survey(path: str | Path, *, keep_packets: bool = False) -> Survey:
    """Streams and calls of a capture; without their packets some 40 bytes a packet are kept.

    A file that ends badly (a capture program that was killed leaves one) is read up to there.
    Raises CaptureError where nothing can be read.
    """
    counts = FrameCounts()
    finder = Finder(keep_packets=keep_packets)
    damage = ""
    try:
        for datagram in read(path, counts):
            finder.add(datagram)
    except CaptureError as error:
        if not counts.datagrams:
            raise
        damage = str(error)
    streams: list[Stream] = []
    calls: dict[str, Call] = {}
    for number, (key, candidate) in enumerate(finder.streams().items(), start=1):
        receiver, sender = finder.announced(key, candidate.statistics.end_s)
        stream = _stream(number, key, candidate, receiver, sender)
        if not keep_packets:
            stream.packets.clear()
        streams.append(stream)
        named = receiver or sender
        if named is not None:
            _assign(stream, named, calls)
    _pair(streams)
    return Survey(
        str(path),
        streams,
        list(calls.values()),
        counts,
        sip_messages=finder.sip_messages,
        rtcp_packets=finder.rtcp_packets,
        udptl=finder.udptl(),
        short=finder.short(),
        damage=damage,
    )


def _stream(
    number: int,
    key: Key,
    candidate: Candidate,
    receiver: Announced | None,
    sender: Announced | None,
) -> Stream:
    statistics = candidate.statistics
    # What the receiver calls its payload types counts; the sender's list is usually the same.
    media = [found.media for found in (sender, receiver) if found is not None]
    named = {n: codec for described in media for n, codec in described.codecs.items()}
    names = {n: codec.name for n, codec in named.items()}
    event_type = statistics.event_type(names)
    main = statistics.main_type(event_type)
    codec, clock_rate = _STATIC.get(main, (None, None))
    if main in named:
        codec, clock_rate = named[main].name, named[main].clock_rate
    elif main == event_type:
        codec, clock_rate = _EVENT, 8000
    account = statistics.account(main, event_type, clock_rate)
    announced_ms = receiver.media.ptime_ms if receiver is not None else None
    return Stream(
        number=number,
        ssrc=key[2],
        source=key[0],
        target=key[1],
        payload_type=main,
        codec=codec,
        clock_rate=account.clock_rate,
        ptime_ms=account.ptime_ms or announced_ms,
        packets=candidate.packets,
        event_payload_type=event_type,
        payload_types=dict(sorted(statistics.types.items())),
        received=account.received,
        expected=account.expected,
        lost=account.lost,
        duplicates=account.duplicates,
        reordered=account.reordered,
        restarts=account.restarts,
        jitter_ms=account.jitter_ms,
        jitter_max_ms=account.jitter_max_ms,
        max_gap_ms=account.max_gap_ms,
        markers=account.markers,
        talk_share=account.talk_share,
        digits=account.digits,
        start_s=statistics.begin_s,
        duration_s=statistics.end_s - statistics.begin_s,
        payload_bytes=statistics.bytes,
        truncated=statistics.truncated,
        kind=media[-1].kind if media else "",
        encrypted=any(described.encrypted for described in media),
        announced=bool(media),
    )


def _assign(stream: Stream, named: Announced, calls: dict[str, Call]) -> None:
    call_id = named.message.call_id
    call = calls.get(call_id)
    if call is None:
        message = named.message
        call = Call(len(calls) + 1, call_id, message.from_uri, message.to_uri)
        calls[call_id] = call
    call.streams.append(stream.number)
    stream.call = call.number


def _pair(streams: Sequence[Stream]) -> None:
    """The two directions of a conversation: the same two addresses, or the same call."""
    for stream in streams:
        if stream.opposite is not None:
            continue
        others = [
            other
            for other in streams
            if other.opposite is None and other is not stream and other.overlaps(stream)
        ]
        mirrored = [
            other
            for other in others
            if (other.source, other.target) == (stream.target, stream.source)
        ]
        same_call = [
            other
            for other in others
            if stream.call is not None
            and (other.call, other.kind) == (stream.call, stream.kind)
            and other.source[0] == stream.target[0] != stream.source[0]
        ]
        for other in (mirrored or same_call)[:1]:
            stream.opposite, other.opposite = other.number, stream.number
