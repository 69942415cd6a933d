"""SIP messages drawn as a ladder."""

from __future__ import annotations

from typing import Any

import pytest

from sipua.cli.top.ladder import ladder, texts
from sipua.process.terminal_text import width


def message(second: float, first: str, *, sent: bool = False, **changes: str) -> dict[str, Any]:
    return {
        "at": f"2026-11-28T22:30:{second:06.3f}Z",
        "direction": "sent" if sent else "received",
        "peer": "UDP 192.0.2.1:5060",
        "first_line": first,
        "cseq": "1 INVITE",
        "text": f"{first}\nContent-Length: 0\n\n",
        **changes,
    }


CALL = [
    message(45.103, "INVITE sip:agent@192.0.2.9 SIP/2.0", text="Content-Type: application/sdp\n"),
    message(45.106, "SIP/2.0 100 Trying", sent=True),
    message(53.142, "BYE sip:sipua@192.0.2.9 SIP/2.0", cseq="2 BYE", peer="UDP 192.0.2.7:5060"),
]


def test_it_is_drawn() -> None:
    head, invite, trying, other, bye = ladder(CALL, 80)
    assert head.split() == ["192.0.2.1:5060", "UDP", "sipua"]
    assert ".103 │ INVITE sip:agent@192.0.2.9, SDP ──" in invite
    assert invite.endswith("──▶│")
    assert trying.startswith("      +0.003 │◀──")
    assert trying.endswith("── 100 Trying (1 INVITE) │")
    assert other.split()[0] == "192.0.2.7:5060", "messages come from another address now"
    assert bye.startswith("      +8.036 │ BYE ")


@pytest.mark.parametrize("columns", [0, 50, 79, 80, 100, 200])
def test_each_line_is_as_wide_as_the_terminal(columns: int) -> None:
    long = message(46, f"INVITE sip:{'電' * 300}@x SIP/2.0", peer=f"UDP {'x' * 300}:5060")
    assert {width(line) for line in ladder([*CALL, long], columns)} == {max(columns, 50)}


def test_what_a_peer_wrote_does_not_steer_the_terminal() -> None:
    odd = message(46, "INVITE sip:\x1b[2J@x SIP/2.0", peer="UDP \x1b]0;x\x07:1", cseq="1\x9b")
    odd["text"] = "INVITE sip:\x1b[2J@x SIP/2.0\nX: \x9b31m\n"
    for line in (*ladder([odd], 80), *texts([odd])):
        assert line.isprintable()


def test_there_is_none_or_not_all_of_it() -> None:
    assert list(ladder([], 80)) == ["no messages"]
    assert next(iter(ladder(CALL, 80, missed=3))) == "3 older messages are not kept"
