"""H9 on real calls: an exception in our own code, put there by a module that the edge imports.

SIPp and an RTP far end call a real edge. A fault in an engine's protocol costs that session, and
the caller talks on with the next one; one in the audio path costs that call, and no other.
"""

import textwrap
from pathlib import Path

import pytest

from support.calls.rehearsed_call import ASKED_MS, FILLER_DELAY_MS, Play

pytestmark = [pytest.mark.peer, pytest.mark.sound]

# A tool's module is imported while the edge starts; the tool itself is never called.
TOOL = '''
def unused() -> str:
    """Is never called."""
    return ""
'''


@pytest.fixture
def faulty(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the module belongs that spoils the edge."""
    home = tmp_path / "faulty"
    home.mkdir()
    monkeypatch.setenv("PYTHONPATH", str(home))
    return home / "faulty.py"


CONFIG = {"tools": {"python": ["faulty:unused"]}}


def test_H9_a_fault_in_an_engines_protocol_and_the_caller_talks_on(
    faulty: Path, play: Play
) -> None:
    faulty.write_text(
        textwrap.dedent("""
        from sipua.bridge.engines.openai_realtime.protocol import OpenAIRealtime

        receive, seen = OpenAIRealtime.receive, []

        def spoiled(self, message):
            if b"speech_stopped" in message:
                seen.append("asked")
            elif seen and b"output_audio.delta" in message:
                seen.append("delta")
            if seen.count("delta") == 3 and "fault" not in seen:
                seen.append("fault")
                raise KeyError("injected")
            return receive(self, message)

        OpenAIRealtime.receive = spoiled
        """)
        + TOOL
    )
    heard = play(
        """
        [[steps]]
        on = "speech"
        tone_ms = 3000
        scope = "server"
        """,
        last_words=True,
        call_ms=ASKED_MS + 5000,
        config=CONFIG,
    )
    (fault,) = heard.events("engine.fault")
    (ended,) = heard.events("call.ended")
    assert (fault["level"], fault["call_id"]) == ("error", ended["call_id"])
    assert (fault["where"], fault["error"]) == ("websocket reader", "KeyError: 'injected'")
    (outage,) = heard.events("engine.outage")
    assert outage["cause"] == "internal error: websocket reader: KeyError"
    again = heard.events("engine.in_use")[1]
    assert again["why"] == "reconnected"
    assert again["gap_ms"] < 1000
    # The caller hears the 300 ms that came of the answer, and close behind them the words that
    # go on, a second and a half.
    first_ms = heard.tone_ms(ASKED_MS)
    assert heard.tone_ms(first_ms + 800) < first_ms + 1400
    assert heard.longest_gap_ms(first_ms, first_ms + 1400) < FILLER_DELAY_MS
    assert heard.record["lost_fault"] == 1
    assert ended["end"]["by"] == "caller"


def test_H9_a_fault_in_the_audio_path_hangs_up_and_says_why(faulty: Path, play: Play) -> None:
    faulty.write_text(
        textwrap.dedent("""
        from sipua.bridge.uplink.timeline import Uplink

        feed, fed = Uplink.feed, []

        def spoiled(self, events, now):
            fed.append(now)
            if len(fed) == 100:
                raise KeyError("injected")
            return feed(self, events, now)

        Uplink.feed = spoiled
        """)
        + TOOL
    )
    heard = play(
        "",
        call_ms=ASKED_MS + 4000,
        config={**CONFIG, "record": {"enabled": True, "directory": str(faulty.parent)}},
        scenario_name="uac_call_ended_by_peer",
    )
    (failed,) = heard.events("call.failed")
    assert (failed["level"], failed["where"]) == ("error", "RTP")
    (ended,) = heard.events("call.ended")
    assert (ended["end"]["reason"], ended["end"]["detail"]) == (
        "internal_error",
        "internal error: RTP: KeyError",
    )
    assert 1.5 < ended["duration_s"] < 4
    (record,) = faulty.parent.glob("*/*.jsonl")
    assert "internal error: RTP: KeyError" in record.read_text().splitlines()[-1]
