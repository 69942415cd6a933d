import json

import pytest

from sipua.bridge.agent.live.protocol import LiveOutbox
from sipua.bridge.agent.realtime.protocol import RealtimeOutbox
from sipua.bridge.agent.wire.errors import ClientError
from sipua.bridge.agent.wire.outbox import Outbox


def test_ids_are_never_given_twice() -> None:
    outbox = Outbox("abc")
    assert len({outbox.new_id("item") for _ in range(1000)}) == 1000


@pytest.mark.parametrize(
    ("outbox", "field"),
    [(RealtimeOutbox("a"), "event_id"), (LiveOutbox("a"), "client_event_id")],
    ids=["realtime", "live"],
)
def test_an_error_names_the_clients_event_as_the_vendor_does(outbox: Outbox, field: str) -> None:
    outbox.error(ClientError("invalid_value", "No.", "session"), "mine")
    (message,) = outbox.take()
    assert json.loads(message)["error"] == {
        "type": "invalid_request_error",
        "code": "invalid_value",
        "message": "No.",
        "param": "session",
        field: "mine",
    }
