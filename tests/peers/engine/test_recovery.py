"""M3 and M4 on real calls: sessions that expire, models that are silent or too fast. As
test_sip_engine_lost.py."""

import numpy as np
import pytest

from support.calls.rehearsed_call import (
    ASKED_MS,
    CALLER,
    FILLER_DELAY_MS,
    FILLER_PAUSE_MS,
    GREETED_WITH,
    SAID,
    SAID_MS,
    Play,
)
from support.media import audio

pytestmark = [pytest.mark.peer, pytest.mark.sound]


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
    assert silent["waited_ms"] > 3900
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
