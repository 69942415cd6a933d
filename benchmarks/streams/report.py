"""The streams of a capture: a table for people, JSON for programs (schema: docs/captures.md)."""

from collections.abc import Sequence

from sipua.bench.streams.model import Call, Stream
from sipua.rtp.hostport import join

SCHEMA = "sipua.bench.streams.streams/1"

_HEADINGS = (
    ("#", ">"),
    ("codec", "<"),
    ("ptime", ">"),
    ("packets", ">"),
    ("lost", ">"),
    ("dup", ">"),
    ("reord", ">"),
    ("jitter", ">"),
    ("max", ">"),
    ("longest gap", ">"),
    ("time", ">"),
    ("talk", ">"),
    ("digits", "<"),
)


def render_text(streams: Sequence[Stream], calls: Sequence[Call] = ()) -> str:
    """A table with a line of figures and a line of addresses for each stream."""
    rows = [_row(stream) for stream in streams]
    headings = [heading for heading, _ in _HEADINGS]
    widths = [max(map(len, column)) for column in zip(headings, *rows, strict=True)]
    lines = [_line(headings, widths)]
    for stream, row in zip(streams, rows, strict=True):
        lines += [_line(row, widths), " " * (widths[0] + 3) + _whence(stream)]
    for call in calls:
        numbers = ", ".join(map(str, call.streams))
        lines += [
            "",
            f"call {call.number}: {call.from_uri} → {call.to_uri}, streams {numbers}",
            f"   Call-ID {call.sip_call_id}",
        ]
    return "\n".join(lines) + "\n"


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    aligned = (
        f"{cell:{side}{width}}"
        for cell, width, (_, side) in zip(cells, widths, _HEADINGS, strict=True)
    )
    return f" {'  '.join(aligned)}".rstrip()


def _row(stream: Stream) -> list[str]:
    lost = f"{stream.lost:,}"
    if stream.lost:
        lost += f" ({stream.loss_percent:.1f} %)"
    return [
        str(stream.number),
        stream.codec or f"? (type {stream.payload_type})",
        "-" if stream.ptime_ms is None else f"{stream.ptime_ms:g} ms",
        f"{stream.received:,}",
        lost,
        f"{stream.duplicates:,}",
        f"{stream.reordered:,}",
        f"{stream.jitter_ms:.2f} ms",
        f"{stream.jitter_max_ms:.2f} ms",
        f"{stream.max_gap_ms:.1f} ms",
        f"{stream.duration_s:.1f} s",
        "-" if stream.talk_share is None else f"{stream.talk_share:.0%}",
        stream.digits or "-",
    ]


def _whence(stream: Stream) -> str:
    words = [f"{join(*stream.source)} → {join(*stream.target)}", f"SSRC {stream.ssrc:08x}"]
    if stream.call is not None:
        words.append(f"call {stream.call}")
    if stream.opposite is not None:
        words.append(f"answers {stream.opposite}")
    if stream.kind not in ("", "audio"):
        words.append(stream.kind)
    if stream.encrypted:
        words.append("encrypted")
    if stream.restarts:
        words.append(f"began anew {stream.restarts} times")
    if stream.truncated:
        words.append(f"{stream.truncated:,} packets cut off by the capture")
    return ", ".join(words)


def as_json(streams: Sequence[Stream], calls: Sequence[Call] = ()) -> dict[str, object]:
    return {
        "schema": SCHEMA,
        "streams": [_stream_as_json(stream) for stream in streams],
        "calls": [
            {
                "number": call.number,
                "sip_call_id": call.sip_call_id,
                "from": call.from_uri,
                "to": call.to_uri,
                "streams": call.streams,
            }
            for call in calls
        ],
    }


def _stream_as_json(stream: Stream) -> dict[str, object]:
    return {
        "number": stream.number,
        "ssrc": f"{stream.ssrc:08x}",
        "source": join(*stream.source),
        "target": join(*stream.target),
        "kind": stream.kind or None,
        "call": stream.call,
        "opposite": stream.opposite,
        "announced": stream.announced,
        "encrypted": stream.encrypted,
        "payload_type": stream.payload_type,
        "codec": stream.codec,
        "clock_rate": stream.clock_rate,
        "ptime_ms": stream.ptime_ms,
        "event_payload_type": stream.event_payload_type,
        "payload_types": {str(number): n for number, n in stream.payload_types.items()},
        "start_s": round(stream.start_s, 6),
        "duration_s": round(stream.duration_s, 6),
        "packets": stream.received,
        "payload_bytes": stream.payload_bytes,
        "expected": stream.expected,
        "lost": stream.lost,
        "loss_percent": round(stream.loss_percent, 3),
        "duplicates": stream.duplicates,
        "reordered": stream.reordered,
        "restarts": stream.restarts,
        "truncated": stream.truncated,
        "jitter_ms": round(stream.jitter_ms, 3),
        "jitter_max_ms": round(stream.jitter_max_ms, 3),
        "max_gap_ms": round(stream.max_gap_ms, 3),
        "markers": stream.markers,
        "talk_share": None if stream.talk_share is None else round(stream.talk_share, 3),
        "digits": stream.digits,
    }
