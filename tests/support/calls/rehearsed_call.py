"""A real call with an agent that plays a scenario: what the caller heard, what it was told."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from sipua.bridge.agent.speech.prompts import TEXTS
from support.calls.edge import Edge
from support.media import audio
from support.media.rtp_stream import RtpStream

GREETING = audio.read_wav(audio.GREETING, rate_hz=audio.PHONE_RATE_HZ)
GREETING_MS = len(GREETING) / 8
SAID = audio.speech("short")
SAID_MS = len(SAID) / 8
CALLER = np.concatenate([audio.silence(GREETING_MS + 500), SAID])
ASKED_MS = GREETING_MS + 500 + SAID_MS
"""When the caller has asked, from the beginning of the recording."""

TONE = audio.tone(440, 300)
# The model's turn without a sign of life, before there is a filler.
WAIT_MS = 2000
# Before a filler, and the softest part of its loop.
FILLER_DELAY_MS = 700
FILLER_PAUSE_MS = 900


@dataclass
class Heard:
    """One call, as the caller and the agent had it."""

    edge: Edge
    stream: RtpStream
    pcm: audio.Pcm
    journal: list[dict[str, Any]]

    def events(self, name: str) -> list[dict[str, Any]]:
        return self.edge.events(name=name)

    @property
    def record(self) -> dict[str, Any]:
        (ended,) = self.events("call.ended")
        return ended["engine"]

    def after(self, begin_ms: float) -> audio.Pcm:
        return self.pcm[round(begin_ms * 8) :]

    def between(self, begin_ms: float, end_ms: float) -> audio.Pcm:
        return self.pcm[round(begin_ms * 8) : round(end_ms * 8)]

    def tone_ms(self, begin_ms: float) -> float:
        """Where the next of the agent's words are that are a tone."""
        while len(self.after(begin_ms)) > len(TONE):
            match = audio.find(TONE, self.between(begin_ms, begin_ms + 1000))
            if match.score > 0.9:
                return begin_ms + match.offset_ms
            begin_ms += 400
        raise AssertionError("the conversation did not go on")

    def longest_gap_ms(self, begin_ms: float, end_ms: float) -> float:
        part = self.between(begin_ms, end_ms)
        return max((gap.length_ms for gap in audio.gaps(part)), default=0.0)

    def told(self, session: int) -> list[str]:
        """The past that the edge told a session, in the order of connections: who, and what."""
        sessions = list(dict.fromkeys(entry["session_id"] for entry in self.journal))
        told = []
        for entry in self.journal:
            if entry["session_id"] != sessions[session] or entry.get("from") != "client":
                continue
            event = entry["event"]
            if event.get("type") == "conversation.item.create":
                (content,) = event["item"]["content"]
                told.append(f"{event['item']['role']}: {content.get('text', content['type'])}")
            elif "bytes" in event:  # too long for the journal: the sound of what the caller said
                told.append("user: sound")
        return told


Play = Callable[..., Heard]


GREETED = """
[[steps]]
on = "greeting"
"""
GREETED_WITH = f"assistant: {TEXTS['greeting']}"
LAST_WORDS = """
[[steps]]
on = "any"
tone_ms = 1500
"""
