"""Names of items, responses and tool calls over several sessions."""

from sipua.bridge.conversation.item_ids import CallItemIds
from sipua.bridge.engine_api.events import AudioDelta, Event, SpeechStarted, ToolCall, Unknown


def test_names_stay_as_they_are_until_another_session_uses_them_again() -> None:
    call = CallItemIds()
    first, second, third = call.session(), call.session(), call.session()
    heard = AudioDelta("item_1", 0, b"")
    assert first.to_call_ids(heard) is heard
    assert second.to_call_ids(heard).item_id == "2.item_1"
    assert third.to_call_ids(heard).item_id == "3.item_1"
    assert first.to_call_ids(heard) is heard
    fresh = AudioDelta("item_2", 0, b"")
    assert second.to_call_ids(fresh) is fresh


def test_the_way_back() -> None:
    call = CallItemIds()
    first, second = call.session(), call.session()
    first.to_call_ids(AudioDelta("item_1", 0, b""))
    second.to_call_ids(AudioDelta("item_1", 0, b""))
    assert [first.to_session_id(name) for name in ("item_1", "unknown")] == ["item_1", "unknown"]
    assert [second.to_session_id(name) for name in ("item_1", "2.item_1")] == [None, "item_1"]


def test_a_tool_call_and_its_response() -> None:
    call = CallItemIds()
    tool = ToolCall("call_1", "order", "{}", "resp_1")
    call.session().to_call_ids(tool)
    assert call.session().to_call_ids(tool) == ToolCall("2.call_1", "order", "{}", "2.resp_1")


def test_what_has_no_name_is_left_alone() -> None:
    call = CallItemIds()
    nameless: list[Event] = [SpeechStarted("", 20), Unknown("session.news")]
    for event in nameless:
        call.session().to_call_ids(event)
        assert call.session().to_call_ids(event) is event


def test_what_is_remembered_is_bounded() -> None:
    names = CallItemIds()
    session = names.session()
    for number in range(5000):
        session.to_call_ids(SpeechStarted(f"item_{number}", 0))
    assert names.owner("item_0") is None
    assert names.owner("item_4999") == 1
