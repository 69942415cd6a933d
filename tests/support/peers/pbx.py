"""The edge as an extension of the tests' Asterisk: its account, and what both have said."""

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np

from support.calls.edge import toml
from support.media import audio
from support.media.audio import Pcm
from support.peers.asterisk import Asterisk
from support.peers.asterisk_config import PASSWORD
from support.ports import PortBlock
from support.process import Child

_PROMPTS = Path(__file__).parents[3] / "bridge" / "agent" / "speech" / "prompts"
GREETING = audio.read_wav(_PROMPTS / "greeting.wav", rate_hz=audio.PHONE_RATE_HZ)
MISSED_MS = 100  # of a beginning or an end that a recorder has not
WHOLE = 0.985  # a frame lost from half a second of speech costs 0.02


def account(asterisk: Asterisk, user: str = "sipua", **keys: Any) -> dict[str, Any]:
    """For `edge_factory({"accounts": [...]})`; the realm is left for the edge to learn."""
    return {
        "name": user,
        "registrar": f"sip:127.0.0.1:{asterisk.port};transport=udp",
        "user": user,
        "password": PASSWORD,
    } | keys


def heard_whole(reference: Pcm, recording: Pcm) -> float:
    """Where it begins, in ms; fails unless all of it is there, in one piece, begin and end too.

    For what was received packet by packet, each at the place that its timestamp says.
    """
    pieces = audio.find_pieces(reference, recording)
    tail = reference[-4000:]
    end = audio.find(tail, recording)
    pieces.append(
        audio.Match(end.score, end.offset_ms - (len(reference) - len(tail)) / 8),
    )
    worst = min(piece.score for piece in pieces)
    assert worst > WHOLE, f"worst piece {worst:.3f}: {pieces}"
    places = [piece.offset_ms for piece in pieces]
    assert max(places) - min(places) < 2, f"something was cut or put in between: {places}"
    return places[0]


def heard(said: Pcm, recording: Pcm) -> float:
    """Where it begins, in ms; fails unless it is there, in order, but for a frame now and then.

    For what a peer has recorded, or what a process that waits for the processor has sent:
    a recorder may miss a frame or two at its beginning, and slip by one in between.
    """
    missing = audio.silence(MISSED_MS)
    pieces = audio.find_pieces(said, np.concatenate([missing, recording, missing]), piece_ms=250)
    places = [piece.offset_ms - MISSED_MS for piece in pieces if piece.score > 0.9]
    assert len(places) >= 0.6 * len(pieces), pieces
    assert max(places) - min(places) < 300, places
    return places[0]


def registers(asterisk: Asterisk, user: str) -> list[str]:
    """The REGISTER requests of that user, as Asterisk has received them."""
    messages = asterisk.sip_messages("REGISTER sip:", sent=False)
    return [message for message in messages if f"\nFrom: <sip:{user}@" in message]


def phone(
    asterisk: Asterisk,
    home: Path,
    seconds: float,
    *,
    after_s: float = 4,
    calls: str = "100",
    says: str = "caller",
) -> tuple[dict[str, Any], Pcm]:
    """A phone of Asterisk calls an extension, which is the edge, and speaks after so long; its
    story and what it heard."""
    ports = PortBlock()
    first, last = ports.range(100)
    config = home / "phone.toml"
    trunk = {
        "name": "pbx",
        "hosts": ["127.0.0.1"],
        "proxy": f"sip:127.0.0.1:{asterisk.port}",
        "user": "phone",
    }
    config.write_text(toml({"rtp": {"port_min": first, "port_max": last}, "trunks": [trunk]}))
    recording = home / "phone.wav"
    child = Child(
        [
            *(sys.executable, "-m", "sipua", "call", f"sip:{calls}@127.0.0.1:{asterisk.port}"),
            *(
                "--config",
                config,
                "--account",
                "pbx",
                "--wav",
                audio.DATA / f"speech-{says}.wav",
                "--after",
                str(after_s),
            ),
            *("--seconds", str(seconds), "--record", recording, "--json"),
        ],
        home / "phone.out",
    )
    child.wait(60)
    ports.close()
    story: dict[str, Any] = json.loads(child.log.read_text())
    return story, audio.read_wav(recording, rate_hz=8000)
