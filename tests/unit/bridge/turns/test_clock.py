"""Turns out of events: who spoke when, what each answer took, and in what stages."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TypeVar

from hypothesis import given, settings
from hypothesis import strategies as st

from sipua.bridge.engine_api.events import (
    CallerIdle,
    ResponseDone,
    ResponseStarted,
    ServerTool,
    SpeechStarted,
    SpeechStopped,
    ToolCall,
    Transcript,
)
from sipua.bridge.engine_api.settings import AudioFormat
from sipua.bridge.events import (
    AudioBegan,
    AudioLeft,
    AudioPlayed,
    BridgeEvent,
    EngineInUse,
    EngineOutage,
    Interrupted,
    ModelSilent,
    ToolAnswered,
)
from sipua.bridge.turns.clock import Endpointing, TurnClock
from sipua.bridge.turns.model import (
    AgentSpoke,
    AnswerHeard,
    CallerSpoke,
    FirstWord,
    Stages,
    ToolRan,
    Turn,
    TurnNews,
    TurnOver,
)

News = TypeVar("News")

RULES = {"vad": Endpointing(silence_ms=500, prefix_ms=300)}
IN_USE = EngineInUse("vad", AudioFormat.PCM16, "sess_1", "first")


@dataclass
class Talk:
    """Feeds a clock; `at` in seconds, the engine's audio clock runs along from 0."""

    clock: TurnClock = field(default_factory=lambda: TurnClock(lambda name: RULES.get(name, NONE)))
    news: list[TurnNews] = field(default_factory=list)

    def at(self, now: float, *events: BridgeEvent, heard_ms: int | None = None) -> Talk:
        for event in events:
            heard = round(now * 1000) if heard_ms is None else heard_ms
            self.news += self.clock.feed(event, now, heard)
        return self

    def all(self, kind: type[News]) -> list[News]:
        return [one for one in self.news if isinstance(one, kind)]

    def over(self, now: float) -> list[Turn]:
        self.news += self.clock.end(now)
        return [one.turn for one in self.all(TurnOver)]


NONE = Endpointing()


def caller(talk: Talk, from_s: float, until_s: float, item: str = "u") -> None:
    """Speech between the two, as server_vad tells it: 60 ms and 500 ms later."""
    talk.at(from_s + 0.06, SpeechStarted(item, round(from_s * 1000) - 300))
    talk.at(until_s + 0.5, SpeechStopped(item, round(until_s * 1000) + 500))


def test_an_answer_in_its_stages() -> None:
    talk = Talk().at(0, IN_USE)
    caller(talk, 1.0, 2.0)
    talk.at(2.51, ResponseStarted("r"))
    talk.at(2.9, AudioBegan("a")).at(2.92, AudioLeft("a")).at(3.9, AudioPlayed("a", 1000))
    (spoke,) = talk.all(CallerSpoke)
    assert (spoke.from_s, spoke.until_s) == (1.0, 2.0)
    (answer,) = talk.all(AnswerHeard)
    assert answer.turn.stages == Stages(endpointing_ms=500, model_ms=400, playout_ms=20)
    assert answer.turn.stages.total_ms == 920
    (turn,) = talk.over(5)
    assert (turn.outcome, turn.heard_ms, turn.responses) == ("answered", 1000, 1)


def test_where_the_engine_says_the_speech_ended_is_mapped_by_the_audio_it_was_given() -> None:
    """80 ms of audio more than the position: the event came so long after that audio."""
    talk = Talk().at(0, IN_USE)
    talk.at(10.0, SpeechStarted("u", 1700), heard_ms=2060)
    talk.at(11.0, SpeechStopped("u", 2980), heard_ms=3060)
    (spoke,) = talk.all(CallerSpoke)
    assert round(11.0 - spoke.until_s, 3) == 0.58
    assert round(10.0 - spoke.from_s, 3) == 0.06


def test_a_position_beyond_reason_stays_inside_the_speech() -> None:
    for end_ms in (-10_000_000, 0, 10_000_000):
        talk = Talk().at(0, IN_USE)
        talk.at(2.0, SpeechStarted("u", 1700)).at(3.0, SpeechStopped("u", end_ms))
        (spoke,) = talk.all(CallerSpoke)
        assert 2.0 <= spoke.from_s <= spoke.until_s <= 3.0


def test_the_first_word_counts_from_the_ack() -> None:
    talk = Talk().at(0, IN_USE).at(0.1, ResponseStarted("r")).at(0.5, AudioBegan("a"))
    talk.clock.answered(2.0)
    talk.at(2.004, AudioLeft("a")).at(3.0, AudioPlayed("a", 1000))
    (word,) = talk.all(FirstWord)
    assert word.turn.kind == "greeting"
    assert word.turn.stages == Stages(playout_ms=4)


def test_a_greeting_that_was_not_ready_at_the_ack_shows_the_models_part() -> None:
    talk = Talk().at(0, IN_USE)
    talk.clock.answered(1.0)
    talk.at(1.2, ResponseStarted("r")).at(1.7, AudioBegan("a")).at(1.71, AudioLeft("a"))
    (word,) = talk.all(FirstWord)
    assert word.turn.stages == Stages(model_ms=700, playout_ms=10)


def test_an_interruption_ends_the_turn_where_it_was_heard_to() -> None:
    talk = Talk().at(0, IN_USE)
    caller(talk, 1.0, 2.0)
    talk.at(2.9, AudioBegan("a"), AudioLeft("a"))
    talk.at(3.9, Interrupted("a", 1000, 2500), SpeechStarted("v", 3500))
    (spoke,) = talk.all(AgentSpoke)
    assert (spoke.played_ms, spoke.total_ms, spoke.cut) == (1000, 3500, "caller")
    turn, second = talk.over(5)
    assert (turn.outcome, turn.heard_ms) == ("interrupted", 1000)
    assert second.outcome == "ended"


def test_an_item_that_never_left_is_told_as_unheard() -> None:
    talk = Talk().at(0, IN_USE)
    caller(talk, 1.0, 2.0)
    talk.at(2.9, AudioBegan("a")).at(2.91, Interrupted("a", 0, 200), SpeechStarted("v", 2500))
    (spoke,) = talk.all(AgentSpoke)
    assert (spoke.played_ms, spoke.total_ms, spoke.from_s) == (0, 200, spoke.until_s)
    assert talk.all(AnswerHeard) == []
    assert talk.over(3)[0].outcome == "continued"


def test_a_caller_who_takes_a_breath_goes_on_and_one_who_waits_was_not_answered() -> None:
    talk = Talk().at(0, IN_USE)
    caller(talk, 1.0, 2.0)
    caller(talk, 2.7, 3.5)
    caller(talk, 9.0, 10.0)
    outcomes = [(turn.outcome, turn.waited_ms > 5000) for turn in talk.over(10.6)]
    assert outcomes == [("continued", False), ("unanswered", True), ("ended", False)]


def test_a_response_that_failed_is_no_breath() -> None:
    talk = Talk().at(0, IN_USE)
    caller(talk, 1.0, 2.0)
    talk.at(2.6, ResponseStarted("r")).at(2.7, ResponseDone("r", "failed", "server_error"))
    caller(talk, 3.0, 3.5)
    first = talk.over(4.1)[0]
    assert (first.outcome, first.failed) == ("unanswered", "failed: server_error")


def test_a_tools_time_stands_apart_from_the_models() -> None:
    talk = Talk().at(0, IN_USE)
    caller(talk, 1.0, 2.0)
    talk.at(2.5, ResponseStarted("r1"))
    talk.at(2.8, ToolCall("c", "weather", "{}", "r1"), ResponseDone("r1", "completed"))
    talk.at(4.0, ToolAnswered("c", "ok")).at(4.1, ResponseStarted("r2"))
    talk.at(4.3, AudioBegan("a")).at(4.3, AudioLeft("a"))
    (answer,) = talk.all(AnswerHeard)
    assert answer.turn.stages == Stages(endpointing_ms=500, model_ms=600, tools_ms=1200)
    (ran,) = talk.all(ToolRan)
    assert (ran.span.name, ran.span.ran_ms, ran.span.outcome) == ("weather", 1200, "ok")
    assert ran.span.audio_s == 4.3
    assert ran.turn is answer.turn
    assert answer.turn.responses == 2


def test_words_before_a_tool_are_the_answer_and_the_rest_belongs_to_it() -> None:
    talk = Talk().at(0, IN_USE)
    caller(talk, 1.0, 2.0)
    talk.at(2.5, ResponseStarted("r1")).at(2.8, AudioBegan("wait"), AudioLeft("wait"))
    talk.at(2.9, ToolCall("c", "weather", "{}", "r1"), ResponseDone("r1", "completed"))
    talk.at(3.5, ToolAnswered("c")).at(3.6, ResponseStarted("r2"), AudioBegan("result"))
    talk.at(3.8, AudioPlayed("wait", 1000), AudioLeft("result"))
    talk.at(5.8, AudioPlayed("result", 2000))
    (turn,) = talk.over(6)
    assert turn.stages == Stages(endpointing_ms=500, model_ms=300)
    assert turn.heard_ms == 3000
    assert turn.tools[0].audio_s == 3.8


def test_parallel_tools_count_once_and_one_without_an_end_is_told() -> None:
    talk = Talk().at(0, IN_USE)
    caller(talk, 1.0, 2.0)
    talk.at(3.0, ToolCall("c", "one", "{}", "r"), ToolCall("d", "two", "{}", "r"))
    talk.at(3.5, ServerTool("m", "mcp", "started"), ToolAnswered("c"))
    talk.at(4.0, ServerTool("m", "mcp", "failed"))
    talk.at(5.0, AudioBegan("a"), AudioLeft("a"))
    (answer,) = talk.all(AnswerHeard)
    assert answer.turn.stages == Stages(endpointing_ms=500, model_ms=500, tools_ms=2000)
    talk.over(6)
    ran = {one.span.name: (one.span.outcome, one.span.ran_ms) for one in talk.all(ToolRan)}
    assert ran == {"one": ("ok", 500), "mcp": ("error", 500), "two": ("unfinished", None)}


def test_the_time_without_an_engine_is_nobodys_but_the_outages() -> None:
    talk = Talk().at(0, IN_USE)
    caller(talk, 1.0, 2.0)
    talk.at(2.6, ResponseStarted("r")).at(3.0, EngineOutage("vad", "closed 1011"))
    talk.at(4.5, EngineInUse("vad", AudioFormat.PCM16, "sess_2", "reconnected", 1500))
    talk.at(4.6, ResponseStarted("r2")).at(5.0, AudioBegan("a"), AudioLeft("a"))
    (answer,) = talk.all(AnswerHeard)
    assert answer.turn.stages == Stages(endpointing_ms=500, model_ms=1000, outage_ms=1500)
    assert answer.turn.outages == 1


def test_speech_across_an_outage_is_one_turn() -> None:
    talk = Talk().at(0, IN_USE).at(1.06, SpeechStarted("u", 700))
    talk.at(2.0, EngineOutage("vad", "gone"))
    talk.at(3.0, EngineInUse("vad", AudioFormat.PCM16, "sess_2", "reconnected", 1000))
    talk.at(3.2, SpeechStarted("v", 0), heard_ms=200)
    talk.at(4.5, SpeechStopped("v", 1500), heard_ms=1500)
    talk.at(5.0, AudioBegan("a"), AudioLeft("a"))
    (turn,) = talk.over(6)
    assert (turn.spoke_from_s, turn.spoke_until_s) == (1.0, 4.0)
    assert turn.stages == Stages(endpointing_ms=500, model_ms=500)


def test_the_end_of_speech_told_twice_across_an_outage_counts_from_the_second() -> None:
    talk = Talk().at(0, IN_USE).at(1.06, SpeechStarted("u", 700))
    talk.at(2.0, EngineOutage("vad", "gone"))
    talk.at(3.0, EngineInUse("vad", AudioFormat.PCM16, "sess_2", "reconnected", 1000))
    talk.at(4.0, SpeechStopped("v", 1000), heard_ms=1000).at(4.4, AudioBegan("a"), AudioLeft("a"))
    (turn,) = talk.over(6)
    assert turn.stages == Stages(endpointing_ms=500, model_ms=400)


def test_speech_that_the_next_session_never_heard_ends_with_the_outage() -> None:
    talk = Talk().at(0, IN_USE).at(1.06, SpeechStarted("u", 700))
    talk.at(2.0, EngineOutage("vad", "gone"))
    talk.at(3.0, EngineInUse("vad", AudioFormat.PCM16, "sess_2", "reconnected", 1000))
    talk.at(3.4, AudioBegan("a"), AudioLeft("a"))
    (turn,) = talk.over(6)
    assert turn.stages == Stages(outage_ms=1000, model_ms=400)


def test_overlapping_items_and_several_responses_are_one_answer() -> None:
    talk = Talk().at(0, IN_USE)
    caller(talk, 1.0, 2.0)
    talk.at(2.6, ResponseStarted("r"), AudioBegan("a"), AudioLeft("a"), AudioBegan("b"))
    talk.at(3.0, ResponseStarted("r2"), AudioBegan("c"))
    talk.at(4.0, AudioPlayed("a", 1400), AudioLeft("b"))
    talk.at(5.0, Interrupted("b", 1000, 100), Interrupted("c", 0, 900), SpeechStarted("v", 4600))
    first, _ = talk.over(5)
    assert (first.outcome, first.heard_ms, first.responses) == ("interrupted", 2400, 2)
    assert len(talk.all(AnswerHeard)) == 1


def test_a_response_answers_the_turn_that_it_began_in() -> None:
    """Nothing is interrupted here: the caller talks on while the first answer comes."""
    talk = Talk().at(0, IN_USE)
    caller(talk, 1.0, 2.0)
    talk.at(2.5, ResponseStarted("r1")).at(2.6, SpeechStarted("v", 2250))
    talk.at(2.8, AudioBegan("a"), AudioLeft("a"), ResponseDone("r1", "completed"))
    talk.at(3.7, SpeechStopped("v", 3700), ResponseStarted("r2"), AudioBegan("b"))
    talk.at(3.9, AudioPlayed("a", 1100), AudioLeft("b")).at(4.9, AudioPlayed("b", 1000))
    first, second = talk.over(6)
    assert first.stages == Stages(endpointing_ms=500, model_ms=300)
    assert second.stages == Stages(endpointing_ms=500, playout_ms=200)
    assert (first.heard_ms, second.heard_ms) == (1100, 1000)


def test_nothing_is_told_of_a_turn_that_is_over() -> None:
    """The playout is a queue: what was said later has left, so that this came out of order."""
    talk = Talk().at(0, IN_USE)
    caller(talk, 1.0, 2.0)
    talk.at(2.6, AudioBegan("a"))
    caller(talk, 3.0, 4.0)
    talk.at(4.6, AudioBegan("b"), AudioLeft("b")).at(4.7, AudioLeft("a"))
    assert [one.turn.number for one in talk.all(AnswerHeard)] == [2]


def test_an_engine_that_answers_before_anybody_said_that_the_speech_ended() -> None:
    """Voice detection of our own is slower than the ears of such an engine."""
    talk = Talk().at(0, IN_USE).at(1.06, SpeechStarted("u", 700))
    talk.at(2.3, AudioBegan("a")).at(2.32, AudioLeft("a"))
    assert talk.all(AnswerHeard) == []
    talk.at(2.5, SpeechStopped("u", 2500))
    (answer,) = talk.all(AnswerHeard)
    assert answer.turn.stages == Stages(endpointing_ms=300, playout_ms=20)


def test_an_answer_into_the_callers_words_waits_for_nothing() -> None:
    talk = Talk().at(0, IN_USE).at(1.06, SpeechStarted("u", 700))
    talk.at(1.5, AudioBegan("a"), AudioLeft("a")).at(2.5, SpeechStopped("u", 2500))
    (turn,) = talk.over(3)
    assert (turn.outcome, turn.stages) == ("overlapped", None)


def test_who_spoke_without_being_spoken_to() -> None:
    talk = Talk().at(0, IN_USE)
    caller(talk, 1.0, 2.0)
    talk.at(2.6, AudioBegan("a"), AudioLeft("a")).at(3.6, AudioPlayed("a", 1000))
    talk.at(9.0, CallerIdle("i", 9000), ResponseStarted("r")).at(9.2, AudioBegan("b"))
    talk.at(9.2, AudioLeft("b")).at(9.9, AudioPlayed("b", 700))
    assert [turn.kind for turn in talk.over(10)] == ["caller", "idle"]
    unasked = talk.all(AnswerHeard)[1].turn
    assert (unasked.stages, unasked.responses) == (Stages(model_ms=200), 1)


def test_sounds_of_our_own_answer_nothing() -> None:
    talk = Talk().at(0, IN_USE)
    caller(talk, 1.0, 2.0)
    talk.at(2.6, AudioBegan("local:filler:1"), AudioLeft("local:filler:1"))
    talk.at(3.0, AudioPlayed("local:filler:1", 400), ModelSilent(5000, "nudged"))
    talk.at(4.0, AudioBegan("a"), AudioLeft("a"))
    (answer,) = talk.all(AnswerHeard)
    assert answer.turn.stages == Stages(endpointing_ms=500, model_ms=1500)
    assert [(one.local, one.turn) for one in talk.all(AgentSpoke)] == [(True, None)]
    assert answer.turn.nudges == 1


def test_what_the_call_ends_in_is_told() -> None:
    talk = Talk().at(0, IN_USE)
    caller(talk, 1.0, 2.0)
    talk.at(2.6, AudioBegan("a"), AudioLeft("a"))
    (turn,) = talk.over(3.1)
    (spoke,) = talk.all(AgentSpoke)
    assert (spoke.played_ms, spoke.cut) == (500, "end")
    assert turn.outcome == "answered"


_ids = st.sampled_from(["a", "b", "c"])
_positions = st.integers(-5000, 20_000)
_events = st.one_of(
    st.builds(SpeechStarted, _ids, _positions),
    st.builds(SpeechStopped, _ids, _positions),
    st.builds(CallerIdle, _ids, _positions),
    st.builds(ResponseStarted, _ids),
    st.builds(ResponseDone, _ids, st.sampled_from(["completed", "cancelled", "failed"])),
    st.builds(AudioBegan, st.sampled_from(["i", "j", "k", "l", "local:x:1"])),
    st.builds(AudioLeft, st.sampled_from(["i", "j", "k", "l", "local:x:1"])),
    st.builds(AudioPlayed, st.sampled_from(["i", "j", "k", "l"]), st.integers(0, 5000)),
    st.builds(
        Interrupted,
        st.sampled_from(["i", "j", "k", "l"]),
        st.integers(0, 5000),
        st.integers(0, 5000),
    ),
    st.builds(ToolCall, _ids, st.just("tool"), st.just("{}"), _ids),
    st.builds(ToolAnswered, _ids, st.sampled_from(["", "error"])),
    st.builds(ServerTool, _ids, st.just("mcp"), st.sampled_from(["started", "completed"])),
    st.builds(EngineOutage, st.just("vad"), st.just("gone")),
    st.just(IN_USE),
    st.builds(ModelSilent, st.integers(0, 9000), st.just("nudged")),
    st.builds(Transcript, _ids, st.just("user"), st.just("hello"), st.booleans()),
)
_steps = st.lists(
    st.tuples(_events, st.floats(0, 5), st.none() | st.integers(0, 30_000)), max_size=60
)


@given(steps=_steps, ack_after=st.integers(0, 60))
@settings(max_examples=400, deadline=None)
def test_in_any_order_nothing_is_negative_lost_or_told_twice(
    steps: list[tuple[BridgeEvent, float, int | None]], ack_after: int
) -> None:
    clock = TurnClock(lambda name: RULES.get(name, NONE))
    now, news, opened = 100.0, list[TurnNews](), 0
    for index, (event, pause_s, heard_ms) in enumerate(steps):
        now += pause_s
        if index == ack_after:
            news += clock.answered(now)
        news += clock.feed(event, now, heard_ms)
    news += clock.end(now)
    opened = clock.turns
    over = [one.turn for one in news if isinstance(one, TurnOver)]
    assert sorted(turn.number for turn in over) == list(range(1, opened + 1))
    heard = [one.turn for one in news if isinstance(one, AnswerHeard | FirstWord)]
    assert len({turn.number for turn in heard}) == len(heard)
    assert {turn.number for turn in heard} == {turn.number for turn in over if turn.stages}
    for turn in over:
        _check(turn)
        last = news.index(TurnOver(turn))
        assert AnswerHeard(turn) not in news[last:], "nothing after the end"
    for one in news:
        if isinstance(one, AgentSpoke):
            assert 0 <= one.played_ms <= one.total_ms
            assert one.from_s <= one.until_s
        elif isinstance(one, CallerSpoke):
            assert one.from_s <= one.until_s <= now
        elif isinstance(one, ToolRan):
            assert one.span.ran_ms is None or one.span.ran_ms >= 0


def _check(turn: Turn) -> None:
    assert turn.outcome is not None
    assert turn.waited_ms >= 0
    assert turn.heard_ms >= 0
    if turn.stages is None:
        return
    stages = turn.stages
    parts = (stages.endpointing_ms, stages.model_ms, stages.tools_ms, stages.outage_ms)
    assert min(*parts, stages.playout_ms) >= 0
    assert turn.left_s is not None
    if turn.kind == "caller":
        assert turn.spoke_until_s is not None
        whole_ms = (turn.left_s - turn.spoke_until_s) * 1000
        assert abs(stages.total_ms - whole_ms) <= 3, "the stages are the whole time"
