"""M2 on real calls: the engine is lost or frozen, and the conversation goes on.

SIPp and an RTP far end call a real edge; the local agent plays a scenario. What is judged is the
caller's recording, and the agent's journal of what it was told.
"""

import pytest

from sipua.bridge.engines.openai_realtime.dialects import DIALECTS
from support.calls.rehearsed_call import (
    ASKED_MS,
    FILLER_DELAY_MS,
    FILLER_PAUSE_MS,
    GREETED_WITH,
    WAIT_MS,
    Play,
)

pytestmark = [pytest.mark.peer, pytest.mark.sound]


@pytest.mark.parametrize("dialect", DIALECTS)
def test_M2_closed_in_mid_answer_the_next_session_knows_all_and_goes_on(
    play: Play, dialect: str
) -> None:
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
        config={"engine": {"dialect": dialect}},
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
    assert again["gap_ms"] > 3900
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
