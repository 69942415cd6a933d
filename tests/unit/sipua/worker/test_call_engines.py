"""What an engine is told of the trace of its call."""

from __future__ import annotations

from dataclasses import replace

from sipua.bridge.engine_api.settings import EngineSettings
from sipua.worker.call_engines import RouteEngine
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
