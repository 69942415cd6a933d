"""Unknown, broken and odd messages in a session of the ElevenLabs engine, in any order."""

import json
from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from sipua.bridge.engine_api.events import (
    AudioDelta,
    AudioDone,
    ResponseDone,
    ResponseStarted,
    Transcript,
)
from sipua.bridge.engines.elevenlabs_agent import events as wire
from support.engine.elevenlabs_engine import Session, audio, server_message, tool_call, user_words
from support.engine.elevenlabs_types import SERVER_TYPES

SOUND = b"\x7f" * 160
STEPS = ("sound", "words", "caller", "interrupts", "complete", "calls", "feed", "result", "inject")


def test_M6_every_message_of_the_vendor_is_handled_or_knowingly_ignored() -> None:
    assert SERVER_TYPES - wire.DECODER.handled - wire.IGNORED == {"dtmf_request"}
    assert not wire.DECODER.handled & wire.IGNORED


@given(
    st.sampled_from(sorted(wire.DECODER.handled)),
    st.dictionaries(st.text(), st.integers() | st.text() | st.none()),
)
def test_M6_a_message_of_any_fields_is_read_or_counted(type_: str, fields: dict[str, str]) -> None:
    session = Session()
    session.engine.receive(json.dumps({**fields, f"{type_}_event": fields, "type": type_}))
    session.raw(audio(SOUND, 1))
    assert session.engine.counters()["events"] == 3


@given(st.binary(max_size=200) | st.text(max_size=200))
def test_M6_a_message_of_anything_ends_nothing(message: str | bytes) -> None:
    session = Session()
    session.engine.receive(message)
    session.raw(audio(SOUND, 1))
    assert AudioDelta("speech_1", 0, SOUND) in session.taken()


@given(st.lists(st.sampled_from(STEPS), max_size=40))
def test_items_begin_and_end_in_order_and_once_and_all_we_send_is_valid(steps: list[str]) -> None:
    session = Session()
    for number, step in enumerate(steps, 1):
        _take(session, step, number)
    session.raw(user_words("The end."))
    running, done, final = "", Counter[str](), Counter[str]()
    for event in session.taken():
        match event:
            case ResponseStarted(response_id):
                assert not running
                running = response_id
            case AudioDelta(item_id) | AudioDone(item_id):
                assert item_id == running
            case Transcript(item_id, "assistant", final=is_final):
                assert item_id == running
                final[item_id] += is_final
            case ResponseDone(response_id):
                assert response_id == running
                done[response_id] += 1
                running = ""
    assert not running
    assert {*done.values(), *final.values()} <= {0, 1}


def _take(session: Session, step: str, number: int) -> None:
    engine = session.engine
    words = {"agent_response": f"word {number}", "event_id": number}
    steps = {
        "sound": lambda: session.raw(audio(SOUND, number)),
        "words": lambda: session.raw(server_message("agent_response", **words)),
        "caller": lambda: session.raw(user_words(f"word {number}")),
        "interrupts": lambda: session.raw(server_message("interruption", event_id=number)),
        "complete": lambda: session.raw(server_message("agent_response_complete")),
        "calls": lambda: session.raw(tool_call(f"t{number}")),
        "feed": lambda: session.feed(500),
        "result": lambda: session.ask(engine.tool_result("t1", "noon", respond=True)),
        "inject": lambda: session.ask(engine.inject("user", "Room 12.", respond=True)),
    }
    steps[step]()
