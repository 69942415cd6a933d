"""M2, M3, M4 on real calls: the engine is lost, frozen, expired or silent, and the conversation
goes on. SIPp and an RTP far end call a real edge; the local agent plays a scenario. What is judged
is the caller's recording, and the agent's journal of what it was told."""

import json
import textwrap
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sipua.bridge.agent.prompts import TEXTS

from support import audio
from support.edge import Edge
from support.rtp_far_end import RtpFarEnd
from support.rtp_stream import RtpStream
from support.scenarios import scenario
from support.sipp import Sipp

pytestmark = [pytest.mark.peer, pytest.mark.alone]

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


@pytest.fixture
def play(
    tmp_path: Path,
    edge_factory: Callable[..., Edge],
    sipp: Sipp,
    far_end: Callable[..., RtpFarEnd],
) -> Play:
    def run(
        text: str,
        *,
        call_ms: float,
        config: dict[str, dict[str, Any]] | None = None,
        caller: audio.Pcm = CALLER,
        scenario_name: str = "uac_call",
        greeted: bool = True,
        last_words: bool = False,
    ) -> Heard:
        words = GREETED * greeted + textwrap.dedent(text) + LAST_WORDS * last_words
        journal = tmp_path / "journal.jsonl"
        more = config or {}
        edge = edge_factory(
            {
                **more,
                "engine": {"turn_detection": {"silence_duration_ms": 300}},
                "agent": {
                    "scenario": scenario(tmp_path, words),
                    "journal": journal,
                    **more.get("agent", {}),
                },
            }
        )
        end = far_end(1, caller)
        result = sipp.start(scenario_name, edge.address, media=end, pause_ms=round(call_ms))
        assert result.wait(check=False).ok
        (stream,) = end.finish()
        edge.wait_event("call.ended")
        assert edge.stop() == 0  # the journal is whole then
        lines = journal.read_text().splitlines()
        return Heard(edge, stream, stream.pcm(), [json.loads(line) for line in lines])

    return run


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


def test_M2_closed_in_mid_answer_the_next_session_knows_all_and_goes_on(play: Play) -> None:
    heard = play(
        """
        [[steps]]
        on = "speech"
        tone_ms = 3000
        close = 1011
        after_ms = 500
        scope = "server"
        """,
        last_words=True,
        call_ms=ASKED_MS + 5000,
    )
    (outage,) = heard.events("engine.outage")
    assert "1011" in outage["cause"]
    again = heard.events("engine.in_use")[1]
    assert (again["why"], again["restored"]) == ("reconnected", 3)
    # What was heard of the answer, and close behind it the words that go on: of two seconds, at
    # most one is missing.
    first_ms = heard.tone_ms(ASKED_MS)
    assert heard.longest_gap_ms(first_ms, first_ms + 2000) < FILLER_DELAY_MS
    assert heard.told(1)[:2] == [GREETED_WITH, "user: sound"]
    assert (heard.record["outages"], heard.record["lost_1011"]) == (1, 1)


def test_M2_reset_and_slow_to_come_back_the_caller_hears_the_filler(play: Play) -> None:
    heard = play(
        """
        [[connect]]
        ok = true

        [[connect]]
        slow_s = 4

        [[steps]]
        on = "speech"
        tone_ms = 3000
        cut = true
        after_ms = 500
        scope = "server"
        """,
        last_words=True,
        call_ms=ASKED_MS + 9000,
    )
    again = heard.events("engine.in_use")[1]
    assert 3900 < again["gap_ms"] < 6000
    first_ms = heard.tone_ms(ASKED_MS)
    last_ms = heard.tone_ms(first_ms + 2000)
    assert last_ms > first_ms + 3500
    assert heard.longest_gap_ms(first_ms, last_ms) < FILLER_DELAY_MS + FILLER_PAUSE_MS


def test_M2_half_open_is_seen_within_ten_seconds(play: Play) -> None:
    heard = play(
        """
        [[steps]]
        on = "speech"
        tone_ms = 3000
        freeze = true
        after_ms = 500
        scope = "server"
        """,
        last_words=True,
        call_ms=ASKED_MS + 13_000,
        config={"recovery": {"silent_after_s": 60}},
    )
    (outage,) = heard.events("engine.outage")
    assert "ping" in outage["cause"]
    first_ms = heard.tone_ms(ASKED_MS)
    last_ms = heard.tone_ms(first_ms + 2000)
    assert last_ms - first_ms < 500 + 10_000
    assert heard.longest_gap_ms(first_ms, last_ms) < WAIT_MS + FILLER_DELAY_MS + FILLER_PAUSE_MS
    assert heard.told(1)[:2] == [GREETED_WITH, "user: sound"]


def test_M2_an_engine_that_stays_away_is_given_up_and_the_caller_is_told(play: Play) -> None:
    heard = play(
        """
        [[connect]]
        ok = true

        [[connect]]
        status = 503
        times = 0

        [[steps]]
        on = "speech"
        tone_ms = 3000
        close = 1012
        after_ms = 300
        """,
        call_ms=ASKED_MS + 12_000,
        config={"recovery": {"outage_s": 4}},
        scenario_name="uac_call_ended_by_peer",
    )
    (gone,) = heard.events("engine.gone")
    assert "503" in gone["cause"]
    assert heard.record["connect_server"] >= 3
    assert heard.record["gone"] == 1


def test_M3_before_its_end_a_session_is_replaced_and_nobody_notices(play: Play) -> None:
    pause_ms = 6500
    caller = np.concatenate([CALLER, audio.silence(pause_ms), SAID])
    heard = play(
        """
        [[connect]]
        ok = true
        """,
        call_ms=ASKED_MS + pause_ms + 2 * SAID_MS + 2500,
        caller=caller,
        config={
            "agent": {"session_limit_s": 12},
            "recovery": {"rotate_after_s": 7, "rotate_latest_s": 10},
        },
    )
    uses = [event["why"] for event in heard.events("engine.in_use")]
    assert uses[:2] == ["first", "rotated"]
    assert set(uses[1:]) == {"rotated"}
    assert heard.events("engine.outage") == []
    second_ms = ASKED_MS + pause_ms
    assert audio.find(SAID, heard.between(ASKED_MS, second_ms)).score > 0.95
    assert audio.find(SAID, heard.after(second_ms)).score > 0.95  # the same parrot, it seems
    assert heard.told(1)[:2] == [GREETED_WITH, "user: sound"]


def test_M4_a_silent_model_is_asked_again_and_meanwhile_there_is_a_filler(play: Play) -> None:
    heard = play(
        """
        [[steps]]
        on = "speech"
        silent = true
        """,
        last_words=True,
        call_ms=ASKED_MS + 8000,
        config={"recovery": {"filler_after_s": 1, "silent_after_s": 4}},
    )
    (silent,) = heard.events("engine.silent")
    assert silent["action"] == "nudged"
    assert 3900 < silent["waited_ms"] < 5000
    assert len(heard.events("engine.in_use")) == 1
    tone_ms = heard.tone_ms(ASKED_MS)
    assert heard.longest_gap_ms(ASKED_MS, tone_ms) < 1000 + FILLER_DELAY_MS + FILLER_PAUSE_MS


def test_M4_a_model_that_stays_silent_gets_another_session_that_knows_all(play: Play) -> None:
    heard = play(
        """
        [[steps]]
        on = "speech"
        silent = true
        scope = "server"

        [[steps]]
        on = "speak"
        silent = true
        scope = "server"
        """,
        last_words=True,
        call_ms=ASKED_MS + 9000,
        config={"recovery": {"filler_after_s": 1, "silent_after_s": 2}},
    )
    assert [event["action"] for event in heard.events("engine.silent")] == [
        "nudged",
        "reconnecting",
    ]
    tone_ms = heard.tone_ms(ASKED_MS)
    assert heard.longest_gap_ms(ASKED_MS, tone_ms) < 1000 + FILLER_DELAY_MS + FILLER_PAUSE_MS
    assert heard.told(1) == [GREETED_WITH, "user: sound"]
    assert heard.record["lost_silent"] == 1


@pytest.mark.parametrize("speed", [3, 1000])
def test_M4_audio_far_faster_than_it_plays_is_paced_and_bounded(play: Play, speed: int) -> None:
    heard = play(
        """
        [[steps]]
        on = "any"
        tone_ms = 60_000

        [[steps]]
        on = "speech"
        parrot = true
        """,
        call_ms=3000 + 2 * SAID_MS + 2000,
        caller=np.concatenate([audio.silence(3000), SAID]),
        config={"agent": {"speed": speed}},
        greeted=False,
    )
    stream = heard.stream
    assert (stream.lost, stream.duplicates) == (0, 0)
    per_second = np.bincount((stream.arrival_ms // 1000).astype(int))
    assert per_second.max() <= 52
    assert heard.longest_gap_ms(100, 3000) < FILLER_DELAY_MS
    # A minute was waiting; the caller cut it short, and was answered.
    assert audio.find(SAID, heard.after(3000 + SAID_MS)).score > 0.95
    (ended,) = heard.events("call.ended")
    assert ended["interruptions"] == 1
    assert ended["playout"]["overflow_ms"] == 0
