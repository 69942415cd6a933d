"""Entries out of events: what a record says of a call."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

import pytest

from sipua.bridge.engine_api.events import (
    EngineFault,
    RateLimit,
    RateLimits,
    ResponseDone,
    ResponseStarted,
    SpeechStarted,
    SpeechStopped,
    ToolCall,
    Transcript,
    Usage,
    Used,
)
from sipua.bridge.engine_api.settings import AudioFormat
from sipua.bridge.events import (
    AudioBegan,
    AudioLeft,
    AudioPlayed,
    BridgeEvent,
    EngineGone,
    EngineInUse,
    EngineOutage,
    Interrupted,
    ModelSilent,
    ToolAnswered,
)
from sipua.bridge.turns.clock import Endpointing
from sipua.record.conversation import ConversationRecord
from sipua.record.prices import Price
from sipua.record.settings import EngineFacts, RecordSettings
from sipua.rtp.events import Dtmf, LossReported

IN_USE = EngineInUse("main", AudioFormat.PCM16, "sess_1", "first")
SETTINGS = RecordSettings(prices={"voice": Price(audio_out=10, text_in=1)})
ENGINES = {
    "main": EngineFacts("voice", "scribe", Endpointing(500, 300)),
    "local": EngineFacts(None),
}


@dataclass
class Call:
    """Begins at 100, is answered at 102; `at` counts from the answer."""

    settings: RecordSettings = SETTINGS
    entries: list[dict[str, Any]] = field(default_factory=list)

    def __post_init__(self) -> None:
        wall = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
        self.record = ConversationRecord(self.settings, ENGINES, now=100.0, wall=wall)
        facts = {"call_id": "c-1", "from": "<sip:+4930123456@pbx>", "to": "<sip:100@us>"}
        self.entries += self.record.begin(facts)

    def at(self, now: float, *events: BridgeEvent) -> Call:
        for event in events:
            self.entries += self.record.feed(event, 102 + now, round((now + 2) * 1000))
        return self

    def answered(self) -> Call:
        self.entries += self.record.answered(102.0)
        return self

    def over(self, now: float = 60) -> dict[str, Any]:
        self.entries += self.record.end(102 + now, {"by": "peer", "reason": "bye"})
        return self.entries[-1]

    def all(self, kind: str) -> list[dict[str, Any]]:
        return [entry for entry in self.entries if entry["kind"] == kind]

    def one(self, kind: str) -> dict[str, Any]:
        (entry,) = self.all(kind)
        return entry


def talking(settings: RecordSettings = SETTINGS) -> Call:
    return Call(settings).at(-1, IN_USE).answered()


def caller_says(call: Call, from_s: float, until_s: float, item: str = "u") -> None:
    call.at(from_s + 0.06, SpeechStarted(item, round((from_s + 2) * 1000) - 300))
    call.at(until_s + 0.5, SpeechStopped(item, round((until_s + 2) * 1000) + 500))


def test_a_session_that_is_not_in_use_any_more_costs_what_its_own_engine_does() -> None:
    call = talking().at(1, EngineInUse("local", AudioFormat.PCM16, "sess_2", "fallback"))
    call.at(2, Used(Usage(seconds=3), "session", "main"))
    assert call.one("usage")["model"] == "voice"


@pytest.mark.parametrize(("mask", "told"), [(True, None), (False, {"digits": "123"})])
def test_keys_that_the_model_presses_are_masked_like_the_callers(
    mask: bool, told: dict[str, str] | None
) -> None:
    call = talking(replace(SETTINGS, mask_dtmf=mask))
    call.at(1, ToolCall("c1", "send_dtmf", '{"digits": "123"}', "r1"))
    call.at(2, ToolAnswered("c1", "ok"))
    assert call.one("tool").get("arguments") == told


def test_the_first_line_has_the_time_of_day_and_as_much_of_the_numbers_as_is_allowed() -> None:
    call = Call()
    assert call.one("call") == {
        "kind": "call",
        "schema": "sipua.record/2",
        "began": "2026-03-01T12:00:00.000+00:00",
        "call_id": "c-1",
        "from": "…3456",
        "to": "100",
        "transcripts": "redacted",
    }


def test_all_times_count_from_the_answer() -> None:
    call = talking().at(1.5, EngineFault("rate", "slow down"))
    first, answered, fault = call.entries[1:]
    assert (first["at_ms"], first["news"], first["model"]) == (-1000, "first", "voice")
    assert (answered["time"], answered["rang_ms"]) == ("2026-03-01T12:00:02.000+00:00", 2000)
    assert (fault["at_ms"], fault["code"]) == (1500, "rate")


def test_a_call_that_was_never_answered_counts_from_its_begin() -> None:
    call = Call().at(-1, EngineGone("main", "unauthorized"))
    end = call.over(-0.5)
    assert call.one("engine")["at_ms"] == 1000
    assert (end["at_ms"], end["turns"], end["cost"]) == (1500, 0, 0)


def test_both_sides_with_their_words_and_times() -> None:
    call = talking()
    caller_says(call, 1.0, 2.0)
    call.at(2.7, Transcript("u", "user", "My PIN is 4711.", True))
    call.at(2.8, Transcript("a", "assistant", "Thank ", False), AudioBegan("a"), AudioLeft("a"))
    call.at(2.9, Transcript("a", "assistant", "you.", False))
    call.at(3.0, Transcript("a", "assistant", "Thank you.", True))
    call.at(3.8, AudioPlayed("a", 1000))
    said = call.one("caller")
    assert (said["start_ms"], said["end_ms"], said["turn"]) == (1000, 2000, 1)
    text = call.one("text")
    assert (text["who"], text["item"], text["text"]) == ("caller", "u", "My PIN is [number].")
    answer = call.one("agent")
    assert (answer["start_ms"], answer["end_ms"], answer["turn"]) == (2800, 3800, 1)
    assert answer["text"] == "Thank you."
    assert "cut" not in answer
    latency = call.one("latency")
    stages = ("endpointing_ms", "model_ms", "tools_ms", "outage_ms", "playout_ms")
    assert latency["total_ms"] == 800 == sum(latency[stage] for stage in stages)


def test_of_an_interrupted_answer_stands_what_was_heard() -> None:
    call = talking()
    call.at(1, AudioBegan("a"), AudioLeft("a"))
    call.at(1, Transcript("a", "assistant", "one and two and three and ", False))
    call.at(2, Interrupted("a", 1000, 1600))
    call.at(2.1, Transcript("a", "assistant", "four", False))
    call.at(2.2, Transcript("a", "assistant", "one and two and three and four", True))
    answer = call.one("agent")
    assert (answer["cut"], answer["played_ms"], answer["of_ms"]) == ("caller", 1000, 2600)
    assert answer["text"] == "one and"
    assert call.all("text") == []


def test_words_that_come_after_the_sound_are_added_as_far_as_it_was_heard() -> None:
    call = talking()
    call.at(1, AudioBegan("a"), AudioLeft("a")).at(2, Interrupted("a", 1000, 1000))
    assert call.one("agent")["text"] is None
    call.at(3, Transcript("a", "assistant", "here are some more words", True))
    assert call.one("text")["text"] == "here are"


@pytest.mark.parametrize(
    ("transcripts", "texts"), [("off", []), ("full", ["PIN 4711"]), ("redacted", ["PIN [number]"])]
)
def test_what_may_be_written_down(transcripts: Any, texts: list[str]) -> None:
    call = talking(replace(SETTINGS, transcripts=transcripts))
    call.at(1, AudioBegan("a"), AudioLeft("a"), Transcript("a", "assistant", "PIN 4711", True))
    call.at(1, ToolCall("t", "pay", '{"pin":"4711"}', "r"), ToolAnswered("t"))
    call.at(2, AudioPlayed("a", 1000), Transcript("u", "user", "PIN 4711", True))
    call.over()
    assert [entry["text"] for entry in call.all("text")] == texts
    assert [entry["text"] for entry in call.all("agent")] == (texts or [None])
    told = call.one("tool").get("arguments")
    assert told == {"off": None, "full": {"pin": "4711"}}.get(transcripts, {"pin": "[number]"})


def test_a_tool_with_its_time_and_what_became_of_it() -> None:
    call = talking()
    caller_says(call, 1.0, 2.0)
    call.at(2.6, ToolCall("t", "find", "{}", "r")).at(4.0, ToolAnswered("t", "timeout"))
    call.at(4.2, ToolCall("v", "slow", "{}", "r"))
    end = call.over(5)
    tool = call.all("tool")[0]
    assert (tool["name"], tool["by"], tool["start_ms"], tool["ran_ms"]) == (
        "find",
        "us",
        2600,
        1400,
    )
    assert (tool["outcome"], tool["turn"]) == ("timeout", 1)
    assert call.all("tool")[1]["outcome"] == "unfinished"
    assert (end["tools"], end["tool_errors"]) == (2, 2)


def test_what_became_of_the_engine_is_in_it() -> None:
    call = talking()
    call.at(5, ModelSilent(4000, "reconnecting"), EngineOutage("main", "closed 1011"))
    call.at(6, EngineInUse("local", AudioFormat.PCM16, "sess_2", "fallback", 1000, 4))
    news = [entry["news"] for entry in call.all("engine")]
    assert news == ["first", "silent", "outage", "fallback"]
    end = call.over()
    assert (end["engine_sessions"], end["outages"], end["outage_ms"]) == (2, 1, 1000)


def test_usage_and_cost_by_the_model_that_was_in_use() -> None:
    call = talking()
    call.at(1, ResponseDone("r", "completed", usage=Usage(text_in=1000, audio_out=100_000)))
    assert call.one("usage")["cost"] == pytest.approx(1.001)
    call.at(2, EngineInUse("local", AudioFormat.PCM16, "sess_2", "fallback"))
    call.at(3, ResponseDone("r2", "completed", usage=Usage(audio_out=50_000)))
    assert call.record.summary()["cost"] == pytest.approx(1.001)
    assert call.record.summary()["usage"] == {"text_in": 1000, "audio_out": 150_000}


def test_a_part_without_a_price_leaves_the_cost_open() -> None:
    call = talking().at(1, Used(Usage(seconds=3), "transcription"))
    usage = call.one("usage")
    assert (usage["model"], usage["cost"], usage["seconds"]) == ("scribe", None, 3)
    assert call.over()["cost"] is None


def test_a_rate_limit_that_runs_out_is_told_once() -> None:
    call = talking()
    for remaining in (500, 99, 50, 900, 10):
        limits = (RateLimit("tokens", 1000, remaining, 2.0), RateLimit("odd", None, None, None))
        call.at(1, RateLimits(limits))
    limit = call.one("rate_limit")
    assert (limit["name"], limit["remaining"], limit["limit"]) == ("tokens", 99, 1000)
    assert call.over()["rate_limits_low"] == 1


@pytest.mark.parametrize(("mask", "digit"), [(True, "?"), (False, "7")])
def test_keys_are_masked_as_in_the_log(mask: bool, digit: str) -> None:
    call = talking(replace(SETTINGS, mask_dtmf=mask)).at(1, Dtmf("7", 80, inband=False))
    assert call.one("dtmf")["digit"] == digit


def test_the_network_and_our_own_sounds_are_in_it() -> None:
    call = talking().at(1, LossReported(0.08, 12, 3.0, None), AudioLeft("local:filler:1"))
    call.at(2, AudioPlayed("local:filler:1", 900))
    assert call.one("network")["caller_lost"] == 0.08
    sound = call.one("sound")
    assert (sound["item"], sound["start_ms"], sound["played_ms"]) == ("local:filler:1", 1000, 900)


def test_the_summary() -> None:
    call = talking()
    call.at(0.02, AudioBegan("g"), AudioLeft("g")).at(0.9, AudioPlayed("g", 880))
    for turn in range(20):
        start_s = 2.0 + turn * 2
        caller_says(call, start_s, start_s + 0.5)
        left_s = start_s + 1.1 + turn / 100
        call.at(left_s, AudioBegan(f"a{turn}"), AudioLeft(f"a{turn}"))
        call.at(left_s + 0.1, AudioPlayed(f"a{turn}", 100))
    call.at(42.0, AudioBegan("z"), AudioLeft("z")).at(42.5, Interrupted("z", 500, 500))
    caller_says(call, 42.4, 43.0)
    call.at(43.6, ResponseStarted("r")).at(43.7, ResponseDone("r", "failed", "server_error"))
    end = call.over(50)
    assert (end["turns"], end["unanswered"], end["interruptions"]) == (21, 1, 1)
    assert end["first_word_ms"] == 20
    assert end["latency_ms"] == {"p50": 690, "p95": 780, "max": 790}
    assert [entry["outcome"] for entry in call.all("turn")][-2:] == ["interrupted", "unanswered"]
    assert call.all("turn")[-1]["failed"] == "failed: server_error"


def test_nothing_is_lost_of_a_call_that_says_very_much() -> None:
    """Items beyond what is remembered are forgotten, oldest first; the record goes on."""
    call = talking()
    for n in range(150):
        call.at(n, Transcript(f"u{n}", "user", "word " * 4100, True))
    assert len(call.all("text")) == 150
    assert max(len(entry["text"]) for entry in call.all("text")) <= 20_000
