"""`sipua bench streams FILE`: what RTP a capture holds."""

import dataclasses
import json
import sys
from collections.abc import Iterator
from pathlib import Path

from sipua.bench.streams.model import ShortStream, Udptl
from sipua.bench.streams.streams import Survey, as_json, render_text, survey
from sipua.process.exits import Exit
from sipua.rtp.hostport import join
from sipua.rtp.pcap.writer import CaptureError

_MOST_SHORT = 20


def run_streams(path: Path, as_json_text: bool) -> int:
    """Print the streams; 0, or 2 with one line on stderr when the file cannot be read."""
    try:
        found = survey(path)
    except CaptureError as error:
        sys.stderr.write(f"sipua: {error}\n")
        return Exit.USAGE
    if as_json_text:
        document = as_json(found.streams, found.calls) | {
            "file": found.path,
            "frames": dataclasses.asdict(found.frames),
            "sip_messages": found.sip_messages,
            "rtcp_packets": found.rtcp_packets,
            "short_streams": [
                {
                    "ssrc": f"{short.ssrc:08x}",
                    "source": join(*short.source),
                    "target": join(*short.target),
                    "payload_type": short.payload_type,
                    "packets": short.packets,
                }
                for short in found.short
            ],
            "udptl": [
                {
                    "source": join(*fax.source),
                    "target": join(*fax.target),
                    "packets": fax.packets,
                }
                for fax in found.udptl
            ],
            "damage": found.damage or None,
        }
        sys.stdout.write(json.dumps(document, indent=2) + "\n")
    else:
        sys.stdout.write(_text(found))
    return Exit.OK


def _text(found: Survey) -> str:
    frames = found.frames
    packets = sum(stream.received for stream in found.streams)
    fax_packets = sum(fax.packets for fax in found.udptl)
    counts = [
        (found.sip_messages, _many(found.sip_messages, "SIP message")),
        (found.rtcp_packets, _many(found.rtcp_packets, "RTCP packet")),
        (fax_packets, _many(fax_packets, "UDPTL packet")),
    ]
    rest = frames.datagrams - packets - sum(count for count, _ in counts)
    counts.append((rest, _many(rest, "other datagram")))
    head = f"{found.path}: {_many(len(found.streams), 'RTP stream')}, {packets:,} RTP packets"
    head = ", ".join([head, *(words for count, words in counts if count)])
    lines = [head]
    passed_over = {
        "cut off by the capture program": frames.truncated,
        "not UDP": frames.not_udp + frames.not_ip,
        "malformed": frames.malformed,
        "of a link that is not read": frames.unknown_link,
        "fragments whose rest is missing": frames.fragments_lost,
    }
    told = [f"{count:,} {what}" for what, count in passed_over.items() if count]
    if told:
        lines.append(f"   of {_many(frames.frames, 'frame')}: {', '.join(told)}")
    if found.damage:
        lines.append(f"   what follows is what could be read: {found.damage}")
    text = "\n".join(lines) + "\n"
    if found.streams:
        text += "\n" + render_text(found.streams, found.calls)
    return text + "".join(f"{line}\n" for line in _asides(found))


def _asides(found: Survey) -> Iterator[str]:
    """What is no stream of RTP, or not surely."""
    if found.udptl:
        yield "\nfax (T.38 over UDPTL, by m=image in the SDP; it is no RTP and not judged):"
        for fax in found.udptl:
            yield f"   {_ends(fax)}, {_many(fax.packets, 'packet')}"
    if found.short:
        yield "\ntoo short to be sure that it is RTP:"
        for short in found.short[:_MOST_SHORT]:
            yield (
                f"   {_ends(short)}, SSRC {short.ssrc:08x}, type {short.payload_type}, "
                f"{_many(short.packets, 'packet')}"
            )
        if len(found.short) > _MOST_SHORT:
            yield f"   … and {len(found.short) - _MOST_SHORT} more (--json has all)"


def _ends(pair: ShortStream | Udptl) -> str:
    return f"{join(*pair.source)} → {join(*pair.target)}"


def _many(count: int, what: str) -> str:
    return f"{count:,} {what}{'' if count == 1 else 's'}"
