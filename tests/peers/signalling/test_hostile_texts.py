"""S21: header fields of 58 kB, patterns without end, bytes that are no text; from strangers and
from trunks. Each INVITE has its final answer, the edge answers others meanwhile, a call beside it
hears every packet, and nothing is kept.
"""

import contextlib
import os
import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from support.calls.edge import Edge
from support.footprint import nothing_kept, settled
from support.media import audio
from support.media.rtp_far_end import RtpFarEnd
from support.peers.raw_caller import RawCaller
from support.peers.sipp import Sipp
from support.ports import LOOPBACK
from support.signalling.torture.wire import answers_options

Edges = Callable[..., Edge]

HOST = "127.0.0.9"
LONG = 58_000
CALL_MS = 15_000
ROWS = {
    "sip": "sip:",
    "sip_user": "sip:a:",
    "at": "@",
    "percent": "%41",
    "authorization": "authorization:",
    "blanks": " \t",
    "latin_1": "\udce9",
}
FIELDS = ("From", "To", "Call-ID", "User-Agent", "Subject", "P-Asserted-Identity", "Diversion")
SHAPES = {
    **{f"{field} of {name}": (field, row) for name, row in ROWS.items() for field in FIELDS},
    **{f"{field} with a byte": (field, "\udcff") for field in FIELDS},
    **{f"{field} with a NUL": (field, "\0") for field in FIELDS},
    **{f"{field} with an escape": (field, "\x1b[2J\x07") for field in FIELDS},
}
DROPPED = {f"{field} with a NUL" for field in FIELDS if field not in ("From", "To")}
"""By pjsip, unread (S2)."""
# Each was 3 s and more, and all of it the edge's processor time, when an expression took the square
# of a text. A busy machine makes an answer late and not that time longer.
OPTIONS_WITHIN_S, PROCESSOR_S = 3.0, 0.5
LONGEST_LINE = 4_096


def hostile(shape: str) -> dict[str, str]:
    field, row = SHAPES[shape]
    text = (row * LONG)[:LONG] if " of " in shape else f"x{row}x"
    names = {"From": f'"{text}" <sip:raw@{HOST}>;tag=raw', "To": f'"{text}" <sip:agent@{HOST}>'}
    return {field: names.get(field, text.replace(" \t", "-") if field == "Call-ID" else text)}


def processor_s(edge: Edge) -> float:
    """What the edge has used of the processor, see proc_pid_stat(5)."""
    fields = Path(f"/proc/{edge.process.pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@pytest.mark.slow
@pytest.mark.parametrize("origin", ["stranger", "trunk"])
@pytest.mark.timeout(180)
def test_S21_hostile_texts_are_answered_and_nothing_is_kept(
    edge_factory: Edges,
    sipp: Sipp,
    far_end: Callable[..., RtpFarEnd],
    tmp_path: Path,
    origin: str,
) -> None:
    edge = edge_factory(
        {
            "sip": {"accept": "trunks"},
            "trunks": [
                {
                    "name": "carrier",
                    "hosts": [LOOPBACK, *([HOST] * (origin == "trunk"))],
                    "trust_identity": True,
                    "number_in": {"0": "+49"},
                    "headers_in": ["Subject", "User-Agent"],
                }
            ],
            "engine": {
                "instructions": "{{caller}} {{caller_name}} {{diverted}} {{header:Subject}}"
            },
            "record": {"enabled": True, "directory": str(tmp_path / "records")},
            "capture": {"enabled": True, "directory": str(tmp_path / "captures")},
            "calls": {"answer": "at_once"},
            "admission": {"stranger_rate": 0, "strangers_rate": 0},  # each has its answer
        }
    )
    sipp.run("uac_call", edge.address, pause_ms=200)
    before = settled(edge.process.pid)
    media = far_end(1, audio.silence(CALL_MS))
    beside = sipp.start("uac_call", edge.address, media=media, pause_ms=CALL_MS)
    edge.wait_event("call.confirmed", count=2)

    answered: dict[str, int] = {}
    used_s: dict[str, float] = {}
    for shape in SHAPES:
        with RawCaller(edge.address, host=HOST, says=hostile(shape)) as caller:
            before_s = processor_s(edge)
            caller.invite()
            answers_options(edge.address, OPTIONS_WITHIN_S)
            used_s[shape] = processor_s(edge) - before_s
            if shape in DROPPED:
                continue
            answered[shape] = caller.final("INVITE").status
            caller.ack()
            if answered[shape] == 200:
                caller.bye()
                caller.final("BYE")
    assert set(answered.values()) == {200 if origin == "trunk" else 403}
    assert max(used_s.values()) < PROCESSOR_S, used_s
    assert beside.wait().ok
    (stream,) = media.finish()
    assert stream.lost == 0
    assert max(map(len, edge.log.splitlines())) < LONGEST_LINE
    assert edge.events(name="sip.fault") == []
    assert edge.events(name="call.failed") == []
    nothing_kept(edge.process.pid, before)
    print(f"OPTIONS behind a hostile INVITE: worst {max(used_s.values()) * 1000:.0f} ms of work")


@pytest.mark.slow
@pytest.mark.parametrize("size", [LONG, 1_000_000])
def test_S21_hostile_texts_by_tcp(edge_factory: Edges, size: int) -> None:
    """What is longer than a message may be ends the connection, and delays no other call."""
    edge = edge_factory()
    for row in ("sip:", "\r\n ", "From: ", "\0"):
        before_s = processor_s(edge)
        with socket.create_connection(edge.address, timeout=5) as flood:
            flood.sendall(b"INVITE sip:a@b SIP/2.0\r\nSubject: ")
            with contextlib.suppress(ConnectionError):
                flood.sendall((row * size)[:size].encode())
            answers_options(edge.address, OPTIONS_WITHIN_S)
        assert processor_s(edge) - before_s < PROCESSOR_S
    assert max(map(len, edge.log.splitlines())) < LONGEST_LINE
