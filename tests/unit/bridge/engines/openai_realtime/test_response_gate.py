"""The vendor runs one response at a time: these are the ways to want another one meanwhile."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sipua.bridge.engines.openai_realtime.protocol import OpenAIRealtime
from sipua.bridge.engines.openai_realtime.response_gate import MAX_INSTRUCTIONS, ResponseGate
from support.engine.realtime_engine import (
    all_sent,
    item_event,
    refusal,
    response,
    sent,
    session,
    speech_started,
    speech_stopped,
    talking,
)


def instructions(event: dict[str, Any]) -> str | None:
    assert event["type"] == "response.create"
    return (event.get("response") or {}).get("instructions")


def result(engine: OpenAIRealtime, call_id: str = "call_1") -> list[dict[str, Any]]:
    return all_sent(engine.tool_result(call_id, "{}", respond=True))


def added(engine: OpenAIRealtime, item_id: str) -> None:
    output = {"id": item_id, "type": "function_call_output", "call_id": "c", "output": "{}"}
    engine.receive(item_event(output))


def end(engine: OpenAIRealtime, response_id: str = "resp_1", status: str = "completed") -> None:
    engine.receive(response("done", response_id, status=status))


# While a response runs


def test_a_wish_waits_for_the_end_of_the_response_that_runs() -> None:
    engine = talking()
    assert list(engine.speak("Say that it takes a while.")) == []
    assert list(engine.take_outgoing()) == []
    end(engine)
    assert instructions(sent(engine.take_outgoing())) == "Say that it takes a while."
    assert engine.counters()["responses_deferred"] == 1


def test_tool_results_are_told_at_once_and_answered_together() -> None:
    engine = talking()
    for call_id in ("call_1", "call_2", "call_3"):
        (item,) = result(engine, call_id)
        assert item["type"] == "conversation.item.create"
    end(engine)
    assert instructions(sent(engine.take_outgoing())) is None
    end(engine, "resp_2")
    assert list(engine.take_outgoing()) == []


def test_instructions_that_differ_are_all_followed_in_order_the_same_one_once() -> None:
    engine = talking(instructions="You are Ada.")
    for text in ("Say A.", "Say B.", "Say A."):
        engine.speak(text)
    result(engine)
    end(engine)
    assert instructions(sent(engine.take_outgoing())) == "You are Ada.\n\nSay A.\n\nSay B."


def test_what_waits_is_bounded_and_counted() -> None:
    engine = talking()
    for number in range(20):
        engine.speak(f"Say {number}.")
    end(engine)
    text = instructions(sent(engine.take_outgoing()))
    assert text == "\n\n".join(f"Say {number}." for number in range(12, 20))
    assert engine.counters()["instructions_dropped"] == 12


def test_a_request_that_is_not_answered_yet_is_not_repeated() -> None:
    engine = session()
    assert sent(engine.speak("Hello."))
    (item,) = result(engine)
    assert item["type"] == "conversation.item.create"
    engine.receive(response("created", "resp_1"))
    end(engine)
    assert instructions(sent(engine.take_outgoing())) is None


@pytest.mark.parametrize("status", ["cancelled", "failed", "incomplete"])
def test_a_response_ends_in_any_way(status: str) -> None:
    engine = talking()
    engine.speak("Go on.")
    end(engine, status=status)
    assert sent(engine.take_outgoing())


def test_responses_without_ids_end_too() -> None:
    engine = session()
    engine.receive(response("created", ""))
    engine.speak("Go on.")
    end(engine, "resp_1")
    assert sent(engine.take_outgoing())


def test_the_late_end_of_another_response_is_not_the_end_of_this_one() -> None:
    engine = talking()
    engine.speak("Go on.")
    end(engine, "resp_0")
    assert list(engine.take_outgoing()) == []


# What another response has fulfilled


def test_a_response_that_begins_after_the_result_is_known_answers_it() -> None:
    engine = session()
    engine.receive(speech_started())
    (item,) = result(engine)
    added(engine, item["item"]["id"])
    engine.receive(speech_stopped())
    engine.receive(response("created", "resp_1"))
    end(engine)
    assert list(engine.take_outgoing()) == []


def test_a_response_that_began_before_the_result_was_known_does_not() -> None:
    engine = session()
    engine.receive(speech_started())
    (item,) = result(engine)
    engine.receive(speech_stopped())
    engine.receive(response("created", "resp_1"))
    added(engine, item["item"]["id"])
    end(engine)
    assert sent(engine.take_outgoing())


def test_instructions_are_fulfilled_by_nothing_else() -> None:
    engine = session()
    engine.receive(speech_started())
    assert list(engine.speak("Say goodbye.")) == []
    engine.receive(speech_stopped())
    engine.receive(response("created", "resp_1"))
    end(engine)
    assert instructions(sent(engine.take_outgoing())) == "Say goodbye."


# While the caller speaks


def test_the_model_does_not_speak_into_the_caller() -> None:
    engine = talking()
    engine.receive(speech_started())
    result(engine)
    end(engine, status="cancelled")
    assert list(engine.take_outgoing()) == []
    engine.receive(speech_stopped())
    assert list(engine.take_outgoing()) == []  # the server answers by itself
    engine.receive(response("created", "resp_2"))
    end(engine, "resp_2")
    assert sent(engine.take_outgoing())


def test_somebody_who_decides_that_it_is_the_engines_turn_is_heard() -> None:
    """Nothing came after the caller had finished: a nudge must not wait for it as well."""
    engine = session()
    engine.receive(speech_started())
    engine.receive(speech_stopped())
    result(engine)
    assert list(engine.take_outgoing()) == []
    assert sent(engine.speak(None))


@pytest.mark.parametrize("detection", [None, {"create_response": False}])
def test_a_server_that_does_not_answer_by_itself_is_asked_at_once(
    detection: dict[str, Any] | None,
) -> None:
    engine = session(turn_detection=detection)
    engine.receive(speech_started())
    assert len(result(engine)) == 2


def test_an_error_instead_of_the_answer_is_the_end_of_waiting_for_it() -> None:
    engine = session()
    engine.receive(speech_started())
    engine.receive(speech_stopped())
    result(engine)
    engine.receive(refusal("event_of_somebody_else", code="rate_limit_exceeded", message="Slow."))
    assert sent(engine.take_outgoing())


# The race: the server began one that we had not seen


@pytest.mark.parametrize("changes", [{}, {"event_id": None}, {"code": None}])
@pytest.mark.parametrize("seen", [True, False])
def test_a_refused_request_is_made_again_when_the_other_response_has_ended(
    changes: dict[str, Any], seen: bool
) -> None:
    engine = session()
    asked = sent(engine.speak("Say A."))
    if seen:
        engine.receive(response("created", "resp_9"))
    assert list(engine.receive(refusal(asked["event_id"], **changes))) == []  # no fault
    engine.speak("Say B.")
    assert list(engine.take_outgoing()) == []
    end(engine, "resp_9")
    assert instructions(sent(engine.take_outgoing())) == "Say A.\n\nSay B."
    assert engine.counters()["responses_refused"] == 1
    assert engine.counters()["faults"] == 1


def test_a_refused_request_that_the_other_response_fulfilled_is_not_made_again() -> None:
    engine = session()
    item, asked = result(engine)
    added(engine, item["item"]["id"])
    engine.receive(response("created", "resp_9"))
    engine.receive(refusal(asked["event_id"]))
    end(engine, "resp_9")
    assert list(engine.take_outgoing()) == []


def test_a_refused_request_whose_result_the_other_response_did_not_know_is_made_again() -> None:
    engine = session()
    item, asked = result(engine)
    engine.receive(response("created", "resp_9"))
    added(engine, item["item"]["id"])
    engine.receive(refusal(asked["event_id"]))
    end(engine, "resp_9")
    assert sent(engine.take_outgoing())["type"] == "response.create"


def test_a_request_that_is_wrong_is_not_made_again() -> None:
    engine = session()
    asked = sent(engine.speak("Say A."))
    engine.receive(refusal(asked["event_id"], code="invalid_value", message="No."))
    assert list(engine.take_outgoing()) == []
    assert instructions(sent(engine.speak("Say B."))) == "Say B."


# Whatever happens


class Server:
    """As strict as the vendor: one response at a time, its own ones when the caller has finished.

    What it says waits in a line, and so does what it is told: either may be late.
    """

    def __init__(self) -> None:
        self.running: str | None = None
        self.said: list[tuple[str, str]] = []
        self.told: list[str] = []
        self.answered: list[str] = []
        self.number = 0
        self.refused = 0

    def begin(self, why: str) -> None:
        self.number += 1
        self.running = f"resp_{self.number}"
        self.answered.append(why)
        self.said.append(("created", self.running))

    def hear(self) -> None:
        request = self.told.pop(0)
        if self.running is None:
            self.begin(request)
        else:
            self.refused += 1
            self.said.append(("refused", request))


class Session:
    """A gate, between a caller of `want` and that server."""

    def __init__(self) -> None:
        self.gate = ResponseGate(server_answers=True)
        self.server = Server()
        self.wished: list[str] = []
        self.asked: dict[str, list[str]] = {}

    def wish(self) -> None:
        if len(self.wished) < MAX_INSTRUCTIONS:
            self.wished.append(f"Say {len(self.wished)}.")
            self.gate.want(self.wished[-1], answer=True)
            self.ask()

    def ask(self) -> None:
        wish = self.gate.request()
        if wish is not None:
            event_id = f"event_{len(self.asked)}"
            self.asked[event_id] = list(wish.instructions)
            self.gate.asked(event_id, wish)
            self.server.told.append(event_id)

    def hear(self) -> None:
        if self.server.told:
            self.server.hear()

    def by_itself(self) -> None:
        if self.server.running is None:
            self.server.begin("")

    def end(self) -> None:
        if self.server.running is not None:
            self.server.said.append(("done", self.server.running))
            self.server.running = None

    def listen(self) -> None:
        if not self.server.said:
            return
        kind, what = self.server.said.pop(0)
        if kind == "created":
            self.gate.created(what)
        elif kind == "done":
            self.gate.done(what)
        else:
            self.gate.failed(what, one_runs=True)
        self.ask()

    @property
    def said(self) -> list[str]:
        return [text for request in self.server.answered if request for text in self.asked[request]]


ACTIONS = [Session.wish, Session.hear, Session.by_itself, Session.end, Session.listen]


@given(st.lists(st.sampled_from(ACTIONS), max_size=60))
def test_whatever_the_order_no_wish_is_lost_and_none_is_said_twice(actions: list[Any]) -> None:
    """Requests and events cross each other."""
    session = Session()
    for action in actions:
        action(session)
    for _ in range(200):  # and then it becomes quiet
        for action in (Session.hear, Session.listen, Session.end, Session.listen):
            action(session)
    assert sorted(session.said) == sorted(session.wished)
    assert session.gate.dropped == 0
