"""S21: a call that cannot begin is refused, and nothing of it is kept."""

from collections.abc import Callable
from pathlib import Path

import pytest

from support.calls.edge import Edge
from support.footprint import nothing_kept, settled
from support.peers.raw_caller import RawCaller

pytestmark = pytest.mark.peer


def call(edge: Edge, call_id: str) -> int:
    """The status of the answer; a call that is answered is hung up."""
    with RawCaller(edge.address, says={"Call-ID": call_id}) as caller:
        caller.invite()
        status = caller.final("INVITE").status
        caller.ack()
        if status == 200:
            caller.bye()
            assert caller.final("BYE").status == 200
        return status


def test_S21_a_byte_that_is_no_text_does_not_leave_half_a_call(
    edge_factory: Callable[..., Edge], tmp_path: Path
) -> None:
    """The record could not be begun with it: no final answer came, and port and slot stayed."""
    edge = edge_factory(
        {
            "sip": {"max_calls": 1},
            "agent": {"mode": "silence", "greeting": False},
            "record": {"enabled": True, "directory": tmp_path / "records"},
        }
    )
    assert call(edge, "whole") == 200
    edge.wait_event("call.ended")
    before = settled(edge.process.pid)
    for number in range(3):
        assert call(edge, f"odd-\udcff-\udc80-{number}") in (200, 400, 500)
        nothing_kept(edge.process.pid, before)
    assert call(edge, "whole again") == 200
