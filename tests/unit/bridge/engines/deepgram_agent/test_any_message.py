"""Unknown, broken and odd messages in a session of the Deepgram engine, in any order."""

import json
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sipua.bridge.engine_api.events import (
    AudioDelta,
    AudioDone,
    ResponseDone,
    ResponseStarted,
    SpeechStarted,
    SpeechStopped,
    Unreadable,
)
from sipua.bridge.engines.deepgram_agent import events as wire
from support.engine.deepgram_engine import LATENCY, TOOL, Session
from support.engine.deepgram_types import SERVER

TYPES = sorted(wire.DECODER.handled)
STEPS = (
    *(
        "caller",
        "caller_words",
        "words",
        "thinks",
        "begins",
        "sound",
        "done",
        "calls",
        "takes_back",
    ),
    *("refuses", "feed", "speak", "cancel", "truncate", "result", "inject", "note"),
)


def test_M6_every_message_of_the_vendor_is_handled_or_knowingly_ignored() -> None:
    assert wire.DECODER.handled | wire.IGNORED == set(SERVER)
    assert not wire.DECODER.handled & wire.IGNORED


@given(st.sampled_from(TYPES), st.dictionaries(st.text(), st.integers() | st.text() | st.none()))
def test_M6_a_message_of_any_fields_is_read_or_counted(type_: str, fields: dict[str, str]) -> None:
    session = Session()
    session.engine.receive(json.dumps({**fields, "type": type_}))
    session.sound()
    assert session.engine.counters()["events"] == 3


@given(st.binary(max_size=200) | st.text(max_size=200))
def test_M6_a_message_of_anything_ends_nothing(message: str | bytes) -> None:
    session = Session()
    session.engine.receive(message)
    session.words("user", "Hello?")
    assert session.engine.counters()["events"] >= 3


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("not json", "bad_json"),
        ('{"type":"Error","code":7}', "malformed"),
        ('{"type":"Warning","description":"' + "x" * 5_000_000 + '"}', "oversize"),
        ('{"a":' * 5000, "bad_json"),
    ],
    ids=["json", "field", "size", "depth"],
)
def test_M6_what_cannot_be_read_is_told_for_the_log(text: str, reason: str) -> None:
    session = Session()
    session.raw(text)
    (told,) = session.taken()
    assert isinstance(told, Unreadable)
    assert told.reason == reason


@given(st.lists(st.sampled_from(STEPS), max_size=40))
def test_items_begin_and_end_in_order_and_once_and_all_we_send_is_valid(steps: list[str]) -> None:
    session = Session(tools=[TOOL])
    for number, step in enumerate(steps):
        _take(session, step, number)
    session.say("AgentAudioDone")
    session.words("user", "The end.")
    _check(session)


def _take(session: Session, step: str, number: int) -> None:
    engine = session.engine
    steps = {
        "caller": lambda: session.say("UserStartedSpeaking"),
        "caller_words": lambda: session.words("user", f"word {number}"),
        "words": lambda: session.words("assistant", f"word {number}"),
        "thinks": lambda: session.say("AgentThinking", content=""),
        "begins": lambda: session.say("AgentStartedSpeaking", **LATENCY),
        "sound": session.sound,
        "done": lambda: session.say("AgentAudioDone"),
        "calls": lambda: session.calls("f1", f"f{number}"),
        "takes_back": lambda: session.say(
            "FunctionCallCancelled", functions=[{"id": "f1", "name": "clock"}]
        ),
        "refuses": lambda: session.say("InjectionRefused", message="no"),
        "feed": lambda: session.feed(1000),
        "speak": lambda: session.ask(engine.speak("Speak.")),
        "cancel": lambda: session.ask(engine.cancel()),
        "truncate": lambda: session.ask(engine.truncate("assistant_1", 10)),
        "result": lambda: session.ask(engine.tool_result("f1", "noon", respond=True)),
        "inject": lambda: session.ask(engine.inject("user", "Room 12.", respond=True)),
        "note": lambda: session.ask(engine.inject("system", "On hold.", respond=False)),
    }
    steps[step]()


def _check(session: Session) -> None:
    running, caller_speaks, done = "", False, Counter[str]()
    for event in session.taken():
        match event:
            case ResponseStarted(response_id):
                assert not running
                running = response_id
            case AudioDelta(item_id) | AudioDone(item_id):
                assert item_id == running
            case ResponseDone(response_id):
                assert response_id == running
                done[response_id] += 1
                running = ""
            case SpeechStarted():
                assert not caller_speaks
                caller_speaks = True
            case SpeechStopped():
                assert caller_speaks
                caller_speaks = False
    assert not running
    assert not caller_speaks
    assert set(done.values()) <= {1}
