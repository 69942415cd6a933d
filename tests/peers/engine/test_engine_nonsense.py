"""M6: whatever an engine says between its words, the caller hears the words, and is heard.

Real calls; the engine is a websocket server of ours that talks sense, then nonsense, then sense,
all in one sentence.
"""

import asyncio
import base64
import itertools
from collections.abc import Callable
from pathlib import Path

import pytest

from support.calls.edge import Edge
from support.engine.scripted_engine import Peer, scripted_engine
from support.media import audio, g711
from support.media.rtp_far_end import RtpFarEnd
from support.media.rtp_stream import RtpStream
from support.peers.sipp import Sipp

pytestmark = [pytest.mark.peer, pytest.mark.sound]

SAID = audio.speech("caller")
DELTA_MS = 200
LEAD = 12  # deltas before the nonsense, which takes this server a while to send
PIECE_MS = 250
AUDIBLE = sum(
    audio.level_dbfs(SAID[at : at + 8 * PIECE_MS]) > -40
    for at in range(0, len(SAID) - 8 * PIECE_MS + 1, 8 * PIECE_MS)
)
PLACE = {"response_id": "resp_1", "item_id": "item_1", "output_index": 0, "content_index": 0}


def deltas(form: str) -> list[str]:
    """The sentence as the engine sends it."""
    if form == "pcmu":
        wire, per_ms = g711.encode(g711.PCMU, SAID), 8
    else:
        wide = audio.resample(SAID, audio.PHONE_RATE_HZ, 24_000)
        wire, per_ms = wide.astype("<i2").tobytes(), 48
    size = DELTA_MS * per_ms
    pieces = [wire[at : at + size] for at in range(0, len(wire), size)]
    return [base64.b64encode(piece).decode() for piece in pieces]


async def nonsense(peer: Peer) -> None:
    await peer.send_raw(b'{"type":"response.hologram.delta","delta":"?"}')
    await peer.send_raw(b"x" * 16_000_000)
    await peer.send_raw(b'{"type":"response.output_audio.delta"' + b"," * 15_999_000 + b"}")
    await peer.send("response.output_audio.delta", **PLACE, delta="not base64!")
    for code in ("odd", "item_truncate_invalid_item_id"):
        error = {"type": "invalid_request_error", "code": code, "message": "No."}
        await peer.send("error", error=error)
    for message in (b"", b"\xff\xfe", b"[]", b"{" * 100_000, b'{"type":"response.created"}'):
        await peer.send_raw(message)


@pytest.mark.parametrize("form", ["pcm16", "pcmu"])
async def test_M6_the_call_goes_on_and_so_does_its_audio(
    form: str, edge_factory: Callable[..., Edge], sipp: Sipp, tmp_path: Path
) -> None:
    heard_after = asyncio.Event()

    async def talk(peer: Peer) -> None:
        await peer.make_ready()
        await peer.expect("response.create")
        await peer.send("response.created", response={"id": "resp_1"})
        pieces = deltas(form)
        for piece in pieces[:LEAD]:
            await peer.send("response.output_audio.delta", **PLACE, delta=piece)
        await peer.expect("input_audio_buffer.append")  # the call is up, and what we say is heard
        await nonsense(peer)
        for piece in pieces[LEAD:]:
            await peer.send("response.output_audio.delta", **PLACE, delta=piece)
        await peer.send("response.output_audio.done", **PLACE)
        await peer.send("response.done", response={"id": "resp_1", "status": "completed"})
        for _ in range(50):  # a second of the caller, after all that
            await peer.expect("input_audio_buffer.append")
        heard_after.set()
        await peer.until_closed()

    def call(url: str) -> tuple[Edge, RtpStream]:
        edge = edge_factory({"engine": {"url": url, "audio": form}})
        with RtpFarEnd(tmp_path, 1, audio.tone(300, 1000), repeat=True) as far_end:
            length_ms = round(len(SAID) / 8) + 1500
            sipp.run("uac_call", edge.address, media=far_end, pause_ms=length_ms)
            return edge, far_end.finish()[0]

    async with scripted_engine(talk) as engine:
        edge, stream = await asyncio.to_thread(call, engine.url)
        assert heard_after.is_set()
        sent = {event["type"] for event in engine.peers[0].received}
        assert "input_audio_buffer.append" in sent
    ended = await asyncio.to_thread(edge.wait_event, "call.ended")
    assert ended["end"]["by"] == "caller"

    counters = ended["engine"]
    assert (counters["unknown"], counters["oversize"], counters["bad_base64"]) == (1, 2, 1)
    assert (counters["faults"], counters["bad_json"]) == (2, 3)
    assert counters["malformed"] == 2
    complaints = edge.events(name="engine.error", call_id=ended["call_id"])
    assert [event["code"] for event in complaints] == ["odd", "item_truncate_invalid_item_id"]
    (unknown,) = edge.events(name="engine.unknown", call_id=ended["call_id"])
    assert unknown["type"] == "response.hologram.delta"
    unreadable = edge.events(name="engine.unreadable", call_id=ended["call_id"])
    reasons = {event["reason"]: event["bytes"] for event in unreadable}
    assert reasons.keys() == {"oversize", "bad_base64", "bad_json", "malformed"}
    assert reasons["oversize"] == 16_000_000

    # On a busy machine two frames of 16 MB make a pause; but every word is there, once, in order.
    pieces = audio.find_pieces(SAID, stream.pcm(), piece_ms=PIECE_MS)
    spoken = [piece for piece in pieces if piece.score > 0.9]  # a pause in it matches nowhere
    assert len(spoken) >= 0.8 * AUDIBLE
    for one, other in itertools.pairwise(piece.offset_ms for piece in spoken):
        assert other > one - 1
