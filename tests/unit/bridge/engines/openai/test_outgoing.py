import json

from sipua.bridge.engines.openai.outgoing import Outgoing


def test_events_are_numbered_and_the_last_id_is_known() -> None:
    outgoing = Outgoing()
    assert outgoing.next_number == 1
    for number in (1, 2):
        message = outgoing.encode("session.update", session={"voice": "marin"})
        assert outgoing.last_id == f"session.update#{number}"
        assert json.loads(message) == {
            "type": "session.update",
            "event_id": outgoing.last_id,
            "session": {"voice": "marin"},
        }


def test_what_waits_is_taken_once_and_in_order() -> None:
    outgoing = Outgoing()
    outgoing.put([b"1"])
    outgoing.put(message for message in (b"2", b"3"))
    assert outgoing.take() == [b"1", b"2", b"3"]
    assert outgoing.take() == ()
