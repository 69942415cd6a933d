"""`sipua bench streams FILE`: what RTP a capture holds."""

import dataclasses
import json
import sys
from pathlib import Path

from sipua.bench.streams import Survey, as_json, render_text, survey
from sipua.rtp.capture import CaptureError

from sipua.exits import Exit


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
        }
        sys.stdout.write(json.dumps(document, indent=2) + "\n")
    else:
        sys.stdout.write(_text(found))
    return Exit.OK


def _text(found: Survey) -> str:
    frames = found.frames
    packets = sum(stream.received for stream in found.streams)
    head = f"{found.path}: {_many(len(found.streams), 'RTP stream')}, {packets:,} RTP packets"
    rest = frames.datagrams - packets - found.sip_messages
    if found.sip_messages:
        head += f", {_many(found.sip_messages, 'SIP message')}"
    if rest:
        head += f", {rest:,} other datagrams"
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
    text = "\n".join(lines) + "\n"
    if found.streams:
        text += "\n" + render_text(found.streams, found.calls)
    return text


def _many(count: int, what: str) -> str:
    return f"{count:,} {what}{'' if count == 1 else 's'}"
