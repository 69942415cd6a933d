"""What an engine is told of its call."""

from __future__ import annotations

import json
from dataclasses import replace

from sipua.bridge.engine_api.settings import EngineSettings
from sipua.bridge.engines.twilio_stream.sids import call_sid
from sipua.calls.facts import CallFacts
from sipua.sip.wire.caller_id import Caller
from sipua.worker.call.engines import RouteEngine, spare_connections
from support.calls.tool_call import FACTS
from support.calls.traced_call import TRACE

ENGINE = RouteEngine(
    "main",
    "openai_realtime",
    EngineSettings(url="ws://127.0.0.1:1/v1", api_key="k", headers={"x-own": "1"}),
    5.0,
    lambda _: {"x-call": "c-test"},
    0,
    300.0,
)


def test_the_upgrade_of_its_websocket_has_the_context() -> None:
    for trace in (None, TRACE):
        choice = ENGINE.choice(replace(FACTS, trace=trace), lambda *_: None)
        headers = choice.create(()).headers
        assert headers.get("traceparent") == (TRACE.traceparent() if trace else None)
        assert (headers["x-own"], headers["x-call"]) == ("1", "c-test")


def test_the_agent_of_a_target_has_two_tools_and_quotes_as_it_is_told() -> None:
    engine = replace(ENGINE, settings=replace(ENGINE.settings, tool_choice="hang_up"))
    choice = engine.for_briefing("Caller: {{caller}}").choice(FACTS, lambda *_: None)
    protocol = choice.create(()).protocol
    settings = protocol._settings  # type: ignore[attr-defined]  # what it was made of
    assert settings.instructions == "Caller: {{caller}}"
    assert [tool["name"] for tool in settings.tools] == ["accept_transfer", "decline_transfer"]
    assert settings.tool_choice == "auto"


def test_an_engine_that_only_listens_never_answers() -> None:
    turns = {"type": "server_vad", "threshold": 0.4, "create_response": True}
    settings = replace(ENGINE.settings, turn_detection=turns, tools=({"name": "hang_up"},))
    engine = replace(ENGINE, settings=settings).for_listening()
    protocol = engine.choice(FACTS, lambda *_: None).create(()).protocol
    assert not protocol.capabilities.takes_turns
    assert protocol.capabilities.speech_events
    assert (engine.settings.tools, engine.settings.instructions) == ((), "")
    assert engine.settings.turn_detection == {
        **turns,
        "create_response": False,
        "interrupt_response": False,
    }


STREAM = replace(
    ENGINE,
    kind="twilio_stream",
    parameters={"from_number": "{{caller}}", "tenant": "a"},
    stream_status=lambda key, call_id: lambda form: TOLD.append((key, call_id, dict(form))),
)
TOLD: list[tuple[str, str, dict[str, str]]] = []


def _parameters(engine: RouteEngine, facts: CallFacts) -> dict[str, str]:
    protocol = engine.choice(facts, lambda *_: None).create((), "").protocol
    _, start = protocol.start()
    told: dict[str, str] = json.loads(start)["start"]["customParameters"]
    return told


def test_an_agent_is_told_of_the_call_by_its_operator_and_by_those_who_placed_it() -> None:
    facts = replace(
        FACTS, caller=Caller("+4930123"), metadata={"order": "17", "tenant": "not this one"}
    )
    assert _parameters(STREAM, facts) == {
        "from_number": "+4930123",
        "tenant": "a",
        "order": "17",
    }


def test_the_stream_of_a_call_is_told_of_with_its_id_and_key() -> None:
    TOLD.clear()
    _parameters(STREAM, FACTS)
    ((key, call_id, form),) = TOLD
    assert (key, call_id) == ("k", FACTS.call_id)
    assert form["CallSid"] == call_sid(FACTS.call_id)


def test_no_connection_to_an_agent_is_opened_before_there_is_a_call() -> None:
    spared = replace(ENGINE, headers=lambda _: {}, spare_sessions=2)
    assert spare_connections([spared], lambda *_: None)._keepers
    stream = replace(STREAM, headers=lambda _: {}, spare_sessions=2)
    assert not spare_connections([stream], lambda *_: None)._keepers


def test_the_first_words_of_an_agent_have_the_caller_filled_in() -> None:
    settings = replace(ENGINE.settings, agent_id="agent_1", greeting="Good day, {{caller}}.")
    engine = replace(ENGINE, kind="elevenlabs_agent", settings=settings)
    protocol = engine.choice(FACTS, lambda *_: None).create(()).protocol
    (told,) = protocol.start()
    first = json.loads(told)["conversation_config_override"]["agent"]["first_message"]
    assert first == f"Good day, {FACTS.caller.number}."
    protocol = engine.for_briefing("A caller waits.").choice(FACTS, lambda *_: None).create(())
    (told,) = protocol.protocol.start()
    agent = json.loads(told)["conversation_config_override"]["agent"]
    assert agent == {"prompt": {"prompt": "A caller waits."}}
