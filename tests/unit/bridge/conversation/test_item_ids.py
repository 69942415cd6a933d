"""Names of items, responses and tool calls over several sessions."""

from sipua.bridge.conversation.item_ids import CallItemIds
from sipua.bridge.engine_api.events import AudioDelta, Event, SpeechStarted, ToolCall, Unknown


def test_names_stay_as_they_are_until_another_session_uses_them_again() -> None:
    call = CallItemIds()
    first, second, third = call.session(), call.session(), call.session()
    heard = AudioDelta("item_1", 0, b"")
    assert first.told(heard) is heard
    assert second.told(heard).item_id == "2.item_1"
    assert third.told(heard).item_id == "3.item_1"
    assert first.told(heard) is heard
    fresh = AudioDelta("item_2", 0, b"")
    assert second.told(fresh) is fresh


def test_the_way_back() -> None:
    call = CallItemIds()
    first, second = call.session(), call.session()
    first.told(AudioDelta("item_1", 0, b""))
    second.told(AudioDelta("item_1", 0, b""))
    assert [first.own(name) for name in ("item_1", "unknown")] == ["item_1", "unknown"]
    assert [second.own(name) for name in ("item_1", "2.item_1")] == [None, "item_1"]


def test_a_tool_call_and_its_response() -> None:
    call = CallItemIds()
    tool = ToolCall("call_1", "order", "{}", "resp_1")
    call.session().told(tool)
    assert call.session().told(tool) == ToolCall("2.call_1", "order", "{}", "2.resp_1")


def test_what_has_no_name_is_left_alone() -> None:
    call = CallItemIds()
    nameless: list[Event] = [SpeechStarted("", 20), Unknown("session.news")]
    for event in nameless:
        call.session().told(event)
        assert call.session().told(event) is event


def test_what_is_remembered_is_bounded() -> None:
    names = CallItemIds()
    session = names.session()
    for number in range(5000):
        session.told(SpeechStarted(f"item_{number}", 0))
    assert names.owner("item_0") is None
    assert names.owner("item_4999") == 1
