"""A command goes out at once, not when a poll is over: a poll takes seconds here, a call does not.

The bounds lie between the two, so that they say nothing of how fast a machine is.
"""

import re
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from support.calls.edge import Edge
from support.peers.sipp import Sipp, SippResult

pytestmark = pytest.mark.peer

Edges = Callable[..., Edge]

POLL_MS = 4000
"""Below what counts as a thread that hangs."""
AT_ONCE_S = 3.0


def python(home: Path, changes: str) -> Path:
    """An interpreter whose `-m sipua` has the changes."""
    path = home / "python"
    path.write_text(
        f"#!{sys.executable}\n"
        "import sys\n"
        "from sipua.sip.pj import thread\n"
        f"from sipua.sip.pj.native import waker\n{changes}\n"
        "from sipua.cli import main\n"
        "sys.exit(main.run(sys.argv[3:]))\n"
    )
    path.chmod(0o700)
    return path


def waited_s(result: SippResult, first_line: str, *, since: str) -> float:
    (began, *_) = [m for m in result.messages if m.first_line.startswith(since)]
    return result.received(first_line)[0].at_s - began.at_s


@pytest.mark.parametrize("transport", ["udp", "tcp"])
def test_an_answer_and_a_bye_do_not_wait_for_the_end_of_a_poll(
    edge_factory: Edges, sipp: Sipp, tmp_path: Path, transport: str
) -> None:
    edge = edge_factory(
        {"sip": {"transports": [transport]}, "calls": {"max_duration_s": 1}},
        python=python(tmp_path, f"thread.LONGEST_POLL_MS = {POLL_MS}"),
    )
    result = sipp.run("uac_call_ended_by_peer", edge.address, transport=f"{transport[0]}1")
    for status in ("SIP/2.0 180", "SIP/2.0 200"):
        assert waited_s(result, status, since="INVITE") < AT_ONCE_S
    assert waited_s(result, "BYE", since="INVITE") < AT_ONCE_S
    answer = result.received("SIP/2.0 200")[0].text
    contact = re.findall(r"^Contact:.*?:(\d+)[;>]", answer, re.MULTILINE)
    assert contact == [str(edge.port)], "what wakes it is no transport"
    assert edge.wait_event("edge.listening")["sip"] == f"{edge.address[0]}:{edge.port}"
    assert edge.events(name="sip.fault") == []
    assert edge.stop() == 0


def test_a_build_that_cannot_be_woken_is_told_and_polled_often(
    edge_factory: Edges, sipp: Sipp, tmp_path: Path
) -> None:
    changes = f"thread.LONGEST_POLL_MS = {POLL_MS}; waker._PENDING = -1"
    edge = edge_factory({"calls": {"max_duration_s": 1}}, python=python(tmp_path, changes))
    fault = edge.wait_event("sip.fault")
    assert (fault["where"], "pj_ioqueue_recv" in fault["error"]) == ("waker", True)
    result = sipp.run("uac_call_ended_by_peer", edge.address)
    assert waited_s(result, "SIP/2.0 200", since="INVITE") < AT_ONCE_S
    assert waited_s(result, "BYE", since="INVITE") < AT_ONCE_S
    assert edge.stop() == 0
