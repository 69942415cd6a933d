"""The model passes a caller on: REFER to a peer that follows, fails, or does not transfer (SIPp).

Only where a call may go stands in the configuration; what becomes of it the model is told.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from support.calls.edge import Edge
from support.engine.scenarios import scenario
from support.peers.sipp import Sipp, SippResult

pytestmark = pytest.mark.peer

Edges = Callable[..., Edge]

TARGET = "sip:201@pbx.example:5080;user=phone"
WISH = """\
[[steps]]
on = "greeting"
tone_ms = 200
call = [{ name = "transfer", arguments = { target = "support" } }]
"""


def edge_that_transfers(edge_factory: Edges, home: Path, target: str = TARGET) -> Edge:
    tools: dict[str, Any] = {"builtin": ["transfer"], "transfer": {"targets": {"support": target}}}
    return edge_factory({"agent": {"scenario": scenario(home, WISH)}, "tools": tools})


def refer_of(result: SippResult) -> dict[str, str]:
    """The header fields of the one REFER."""
    (refer,) = result.received("REFER sip:")
    lines = refer.text.split("\n\n")[0].split("\n")[1:]
    return dict(line.split(": ", 1) for line in lines)


def test_a_call_that_the_target_takes_is_no_longer_ours(
    edge_factory: Edges, sipp: Sipp, tmp_path: Path
) -> None:
    edge = edge_that_transfers(edge_factory, tmp_path)
    result = sipp.run("uac_is_transferred", edge.address)
    refer = refer_of(result)
    assert refer["Refer-To"] == f"<{TARGET}>"
    assert "<sip:" in refer["Referred-By"]
    ended = edge.wait_event("call.ended")
    assert (ended["end"]["by"], ended["end"]["reason"]) == ("agent", "transferred")
    progress = [event["status"] for event in edge.events(name="call.transfer_progress")]
    assert progress == [100, 100, 180], "taken, tried, rings"
    assert edge.wait_event("call.transferred")["status"] == 200


def test_a_target_that_does_not_answer_leaves_the_call_with_us(
    edge_factory: Edges, sipp: Sipp, tmp_path: Path
) -> None:
    edge = edge_that_transfers(edge_factory, tmp_path)
    sipp.run("uac_is_transferred_in_vain", edge.address, OUTCOME="486 Busy Here", pause_ms=1000)
    failed = edge.wait_event("call.transfer_failed")
    assert (failed["status"], failed["reason"]) == (486, "Busy Here")
    ended = edge.wait_event("call.ended")
    assert (ended["end"]["by"], ended["end"]["sip"]["status"]) == ("caller", 200)


@pytest.mark.parametrize("answer", ["405 Method Not Allowed", "501 Not Implemented", "603 Decline"])
def test_a_peer_that_does_not_transfer_leaves_the_call_with_us(
    edge_factory: Edges, sipp: Sipp, tmp_path: Path, answer: str
) -> None:
    edge = edge_that_transfers(edge_factory, tmp_path)
    sipp.run("uac_does_not_transfer", edge.address, ANSWER=answer, pause_ms=1000)
    failed = edge.wait_event("call.transfer_failed")
    assert failed["status"] == int(answer[:3])
    ended = edge.wait_event("call.ended")
    assert (ended["end"]["by"], ended["end"]["sip"]["status"]) == ("caller", 200)


def test_a_number_belongs_to_whoever_calls(edge_factory: Edges, sipp: Sipp, tmp_path: Path) -> None:
    edge = edge_that_transfers(edge_factory, tmp_path, "+4930123#")
    result = sipp.run("uac_is_transferred", edge.address)
    source = edge.wait_event("call.incoming")["source"]
    assert refer_of(result)["Refer-To"] == f"<sip:+4930123%23@{source}>"
