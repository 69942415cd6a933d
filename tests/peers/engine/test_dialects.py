"""Calls whose engine speaks a dialect: SIPp and an RTP far end, the edge, and the local agent in
the same dialect. What both said on the websocket is judged by the vendors' types."""

import json

import numpy as np
import pytest

from sipua.bridge.engines.openai_realtime.dialects import DIALECTS
from support.calls.rehearsed_call import ASKED_MS, CALLER, GREETING, Heard, Play
from support.engine.dialect_types import JUDGES
from support.media import audio

pytestmark = [pytest.mark.peer, pytest.mark.sound]


def judged(heard: Heard, dialect: str) -> list[str]:
    """Types of what the edge said, all of it and the agent's words known to the vendor."""
    said = []
    for line in heard.journal:
        if line.get("from") in ("client", "server") and "bytes" not in line["event"]:
            judge = JUDGES[dialect]
            accepted = judge.client if line["from"] == "client" else judge.server
            accepted(json.dumps(line["event"]))
            said += [line["event"]["type"]] * (line["from"] == "client")
    names = ("unknown", "malformed", "bad_json", "bad_base64", "faults", "tool_calls_dropped")
    assert {heard.record[name] for name in names} == {0}
    assert heard.events("engine.error") == heard.events("engine.unsettled") == []
    return said


@pytest.mark.parametrize("dialect", DIALECTS)
def test_M7_a_greeting_a_question_a_tool_and_an_answer(play: Play, dialect: str) -> None:
    heard = play(
        """
        [[steps]]
        on = "speech"
        call = [{ name = "get_call_info", arguments = {} }]

        [[steps]]
        on = "tool_result"
        tone_ms = 1500
        """,
        call_ms=ASKED_MS + 4000,
        caller=np.concatenate([CALLER, audio.silence(500)]),
        config={
            "engine": {"dialect": dialect, "transcription": "gpt-transcribe"},
            "tools": {"builtin": ["get_call_info"]},
        },
    )
    pieces = audio.find_pieces(GREETING, heard.pcm)
    spoken = sorted(piece.score for piece in pieces)
    # A pause in it matches nowhere, and a machine with other things to do may lose a frame.
    assert spoken[2] > 0.95
    assert heard.tone_ms(ASKED_MS) < ASKED_MS + 2500
    said = judged(heard, dialect)
    assert said[0] == "session.update"
    assert said.count("session.update") == said.count("conversation.item.create") == 1
    assert ("session.finish" in said) is bool(DIALECTS[dialect].goodbye)


@pytest.mark.parametrize("dialect", DIALECTS)
def test_M5_who_talks_into_the_greeting_cuts_it_where_it_was_heard(
    play: Play, dialect: str
) -> None:
    words_at_ms = 1500
    caller = np.concatenate([audio.silence(words_at_ms), audio.speech("short")])
    heard = play(
        """
        [[steps]]
        on = "speech"
        tone_ms = 1500
        """,
        call_ms=words_at_ms + len(audio.speech("short")) / 8 + 3000,
        caller=caller,
        config={"engine": {"dialect": dialect}},
    )
    assert audio.find_pieces(GREETING, heard.pcm)[-1].score < 0.5  # was never heard
    assert heard.tone_ms(words_at_ms)
    said = judged(heard, dialect)
    assert said.count("conversation.item.truncate") == (1 if DIALECTS[dialect].truncates else 0)
    assert heard.record["truncated"] == 1
