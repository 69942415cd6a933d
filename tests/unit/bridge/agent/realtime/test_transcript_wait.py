"""Answers that wait for the words of their turn; the recogniser is the test."""

from typing import Any

import numpy as np

from sipua.bridge.agent.realtime.transcript_wait import WORDS_S, Recording
from sipua.bridge.agent.scenario.scenario import ALWAYS, Scenario, Step
from sipua.bridge.agent.scenario.settings import AgentSettings
from support.engine.agent_client import AgentClient, audio_of, one, types_of
from support.media.audio import silence, tone

RATE = 24_000
VOICE = tone(300, 600, RATE)
TURN = np.concatenate((VOICE, silence(520, RATE)))
TRANSCRIPT = "conversation.item.input_audio_transcription.completed"
YES = Step(on="speech", heard="yes", tone_ms=100, times=ALWAYS)
OTHER = Step(on="speech", tone_ms=300, times=ALWAYS)


def client(*steps: Step, **settings: Any) -> AgentClient:
    made = AgentClient(AgentSettings(scenario=Scenario(steps=steps), **settings))
    made.update(audio={"input": {"transcription": {"model": "gpt-4o-mini-transcribe"}}})
    return made


def recording(agent: AgentClient) -> Recording:
    (taken,) = agent.conversation.take_recordings()
    return taken


def found(agent: AgentClient, taken: Recording, words: str | None) -> list[dict[str, Any]]:
    return agent._take(agent.conversation.words_found(taken, words, agent.now))


def test_the_answer_waits_for_the_words_and_they_decide_it() -> None:
    for words, length_ms in (("oh yes", 100), ("no", 300), ("", 300), (None, 300)):
        agent = client(YES, OTHER)
        events = agent.say(TURN)
        assert types_of(events)[-1] == "conversation.item.done"
        events = found(agent, recording(agent), words) + agent.wait(1000)
        assert one(events, TRANSCRIPT)["transcript"] == (words or "")
        assert len(audio_of(events)) == length_ms * 48


def test_words_that_do_not_come_are_not_waited_for() -> None:
    agent = client(YES, OTHER)
    agent.say(TURN)
    taken = recording(agent)
    assert agent.wait(WORDS_S * 1000 - 100) == []
    assert len(audio_of(agent.wait(1000))) == 300 * 48
    assert types_of(found(agent, taken, "yes")) == [TRANSCRIPT]  # late, but told


def test_a_caller_who_speaks_on_gets_one_answer() -> None:
    agent = client(YES, OTHER)
    agent.say(TURN)
    first = recording(agent)
    agent.say(VOICE)
    assert types_of(found(agent, first, "yes")) == [TRANSCRIPT]
    agent.say(silence(520, RATE))
    second = recording(agent)
    assert second.item_id != first.item_id
    assert len(audio_of(found(agent, second, "no") + agent.wait(1000))) == 300 * 48


def test_an_answer_asked_for_by_hand_waits_too() -> None:
    agent = client(YES, OTHER)
    agent.detect(None)
    agent.say(VOICE)
    agent.send("input_audio_buffer.commit")
    assert agent.send("response.create") == []
    assert len(audio_of(found(agent, recording(agent), "yes") + agent.wait(1000))) == 100 * 48


def test_where_no_step_asks_for_words_only_the_transcript_has_them() -> None:
    agent = client(Step(on="speech", tone_ms=100), ears=True)
    events = agent.say(TURN) + agent.wait(1000)
    assert len(audio_of(events)) == 100 * 48
    assert TRANSCRIPT not in types_of(events)
    assert one(found(agent, recording(agent), "good bye"), TRANSCRIPT)["transcript"] == "good bye"


def test_without_ears_a_transcript_says_how_long_the_turn_was() -> None:
    agent = client(Step(on="speech", tone_ms=100))
    assert one(agent.say(TURN), TRANSCRIPT)["transcript"] == "[1.1 s of speech]"
    assert agent.conversation.take_recordings() == []


def test_the_words_of_one_turn_do_not_decide_the_next_answer() -> None:
    agent = client(YES, Step(on="speak", heard="yes", tone_ms=500), Step(tone_ms=200))
    agent.say(TURN)
    found(agent, recording(agent), "yes")
    agent.wait(1000)
    events = agent.send("response.create", response={"instructions": "Go on."}) + agent.wait(1000)
    assert len(audio_of(events)) == 200 * 48


def test_silence_that_is_committed_has_no_words() -> None:
    agent = client(Step(heard="yes", tone_ms=100, times=ALWAYS), Step(tone_ms=300, times=ALWAYS))
    agent.detect({"type": "server_vad", "idle_timeout_ms": 5000})
    agent.send("response.create")
    agent.wait(1000)
    events = agent.say(silence(6000, RATE)) + agent.wait(1000)
    assert one(events, "input_audio_buffer.timeout_triggered")
    assert len(audio_of(events)) == 300 * 48
