"""Which tool calls run, and when the model is asked to speak about their results."""

from __future__ import annotations

import json
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sipua.bridge.conversation.history import History
from sipua.bridge.conversation.policy import DialoguePolicy
from sipua.bridge.engine_api.events import ToolCall
from sipua.bridge.engine_api.settings import EngineSettings
from sipua.bridge.engines import create
from sipua.tools.call_queue import Refusal, Result, Run, ToolCallQueue, bounded, failure
from sipua.tools.wire.schema import Declaration, Registry

REGISTRY = Registry(
    Declaration(name, "Does something.", {"type": "object"}) for name in ("find", "hang_up")
)


def call(number: int, response: str = "r1", name: str = "find", arguments: str = "{}") -> ToolCall:
    return ToolCall(f"c{number}", name, arguments, response)


def queue(**bounds: int) -> ToolCallQueue:
    return ToolCallQueue(REGISTRY, unlimited={"hang_up"}, **bounds)


def test_results_are_given_as_they_come_and_the_last_one_asks_to_speak() -> None:
    it = queue()
    for number in range(3):
        assert isinstance(it.take(call(number), 0.0), Run)
    assert it.running == 3
    assert it.seal("r1") == []
    given = [it.done(f"c{number}", Result(f"answer {number}")) for number in (1, 2, 0)]
    assert [(a.tool_call_id, a.output, a.respond) for answers in given for a in answers] == [
        ("c1", "answer 1", False),
        ("c2", "answer 2", False),
        ("c0", "answer 0", True),
    ]
    assert it.running == 0


def test_a_result_waits_until_all_calls_of_its_response_are_known() -> None:
    it = queue()
    it.take(call(0), 0.0)
    assert it.done("c0", Result("quick")) == ()
    it.take(call(1), 0.0)
    (first,) = it.seal("r1")
    assert (first.tool_call_id, first.respond) == ("c0", False)
    (last,) = it.done("c1", Result("slow"))
    assert last.respond


def test_responses_are_apart() -> None:
    it = queue()
    it.take(call(0, "r1"), 0.0)
    it.seal("r1")
    it.take(call(1, "r2"), 0.0)
    it.seal("r2")
    (later,) = it.done("c1", Result("b"))
    (earlier,) = it.done("c0", Result("a"))
    assert later.respond
    assert earlier.respond


def test_one_tool_that_wants_silence_silences_its_response() -> None:
    it = queue()
    it.take(call(0), 0.0)
    it.take(call(1, name="hang_up"), 0.0)
    it.seal("r1")
    assert not it.done("c1", Result("bye", respond=False))[0].respond
    assert not it.done("c0", Result("found"))[0].respond


@pytest.mark.parametrize(
    ("asked", "reason", "told"),
    [
        (call(0, name="fly"), "unknown_tool", "no tool named 'fly'"),
        (call(0, arguments="{"), "bad_json", "not valid JSON"),
        (call(0, arguments="[]"), "bad_json", "one JSON object"),
    ],
)
def test_what_cannot_run_is_answered_all_the_same(asked: ToolCall, reason: str, told: str) -> None:
    it = queue()
    taken = it.take(asked, 0.0)
    assert isinstance(taken, Refusal)
    assert taken.reason == reason
    (answer,) = it.seal("r1")
    assert told in answer.output
    assert answer.outcome == "refused"
    assert answer.respond


def test_a_refused_call_beside_one_that_runs() -> None:
    it = queue()
    it.take(call(0, name="fly"), 0.0)
    it.take(call(1), 0.0)
    (refused,) = it.seal("r1")
    assert not refused.respond
    assert it.done("c1", Result("x"))[0].respond


def test_no_more_at_once_than_allowed() -> None:
    it = queue(max_running=2)
    taken = [it.take(call(number), 0.0) for number in range(3)]
    assert [type(one) for one in taken] == [Run, Run, Refusal]
    assert isinstance(it.take(call(9, name="hang_up"), 0.0), Run), "the end is always possible"
    it.done("c0", Result("x"))
    it.done("c9", Result("x"))
    assert isinstance(it.take(call(4), 0.0), Run)


def test_no_more_within_a_minute_than_allowed() -> None:
    it = queue(max_per_minute=2)
    for number, at in ((0, 0.0), (1, 30.0)):
        it.take(call(number), at)
        it.done(f"c{number}", Result("x"))
    refused = it.take(call(2), 59.9)
    assert isinstance(refused, Refusal)
    assert refused.reason == "too_many"
    assert isinstance(it.take(call(3, name="hang_up"), 59.9), Run)
    it.done("c3", Result("x"))
    assert isinstance(it.take(call(4), 90.1), Run), "two of three are older than a minute"


def test_the_same_call_is_not_run_twice() -> None:
    it = queue()
    assert isinstance(it.take(call(0), 0.0), Run)
    assert it.take(call(0), 0.0) is None
    it.seal("r1")
    assert len(it.done("c0", Result("x"))) == 1
    assert it.done("c0", Result("x")) == ()
    assert it.take(call(0), 1.0) is None
    assert it.counters()["repeated"] == 2


def test_results_are_bounded() -> None:
    it = queue(max_result_bytes=300)
    it.take(call(0), 0.0)
    it.seal("r1")
    (answer,) = it.done("c0", Result("ö" * 10_000))
    assert len(answer.output.encode()) <= 300
    assert answer.output.endswith("… [cut off: 10000 characters in all]")
    assert it.counters()["cut_off"] == 1


@given(st.text(), st.integers(64, 200))
def test_a_bounded_text_fits(text: str, most: int) -> None:
    assert len(bounded(text, most)[0].encode()) <= most


@pytest.mark.parametrize(
    ("given_text", "told"),
    [
        ("plain, with\ttabs\r\nand lines", "plain, with\ttabs\r\nand lines"),
        ("a\ud800b\udc00c", "a\ufffdb\ufffdc"),
        ("a smile: \ud83d\ude00", "a smile: \U0001f600"),
        ("\udc80 of surrogateescape", "\ufffd of surrogateescape"),
        (
            "nul\0 bell\7 escape\x1b[2J delete\x7f c1\x9b",
            "nul\ufffd bell\ufffd escape\ufffd[2J delete\ufffd c1\ufffd",
        ),
        ("Grüße, 你好, \U0001f600", "Grüße, 你好, \U0001f600"),
        ("", ""),
    ],
)
def test_S21_a_result_is_clean_text(given_text: str, told: str) -> None:
    it = queue()
    it.take(call(0), 0.0)
    it.seal("r1")
    (answer,) = it.done("c0", Result(given_text))
    assert answer.output == told
    assert it.counters()["cut_off"] == 0


@pytest.mark.parametrize("piece", ["x", "\0", "\ud800", "\U0001f600"])
def test_S21_a_result_of_10_mb_costs_what_its_bound_costs(piece: str) -> None:
    it = queue()
    it.take(call(0), 0.0)
    it.seal("r1")
    text = piece * 10_000_000
    began = time.thread_time()
    (answer,) = it.done("c0", Result(text))
    assert time.thread_time() - began < 0.25  # a millisecond on a quiet machine
    assert len(answer.output.encode()) <= 16_384
    assert answer.output.endswith("[cut off: 10000000 characters in all]")
    assert len(failure(text).output) < 30_000


@given(st.text(st.characters(exclude_categories=())))
def test_S21_what_the_next_session_is_told_is_utf_8_and_json(text: str) -> None:
    it = queue()
    it.take(call(0), 0.0)
    it.seal("r1")
    (answer,) = it.done("c0", Result(text))
    history = History(DialoguePolicy())
    history.tool_called(ToolCall("c0", "find", "{}", "r1"))
    history.tool_returned("c0", answer.output)
    engine = create("openai_realtime", EngineSettings(api_key="sk-1", past=history.past()))
    session = '{"id": "sess_1", "type": "realtime", "object": "realtime.session"}'
    for event in ("session.created", "session.updated"):
        engine.protocol.receive(f'{{"type": "{event}", "event_id": "e", "session": {session}}}')
        told = engine.protocol.take_outgoing()
    results = [message for message in map(json.loads, told) if "output" in message.get("item", ())]
    assert [message["item"]["output"] for message in results] == [answer.output]


def test_failures_are_json() -> None:
    assert failure('it said "no"').output == '{"error":"it said \\"no\\""}'


@given(st.lists(st.tuples(st.integers(0, 3), st.booleans()), max_size=20), st.randoms())
def test_each_call_is_answered_once_and_each_response_asks_once(
    calls: list[tuple[int, bool]], chance: object
) -> None:
    """Whatever the order in which tools end, and whatever is refused."""
    it = queue(max_running=3)
    answers = []
    open_calls = []
    for number, (response, known) in enumerate(calls):
        name = "find" if known else "fly"
        taken = it.take(call(number, f"r{response}", name), 0.0)
        if isinstance(taken, Run):
            open_calls.append(taken.tool_call_id)
    for response in range(4):
        answers += it.seal(f"r{response}")
    chance.shuffle(open_calls)  # type: ignore[attr-defined]
    for tool_call_id in open_calls:
        answers += it.done(tool_call_id, Result("x"))
    assert sorted(a.tool_call_id for a in answers) == sorted(f"c{n}" for n in range(len(calls)))
    assert sum(a.respond for a in answers) == len({response for response, _ in calls})
    assert it.running == 0
