"""Where the handshakes of a call's two ports go: never to an address that nobody can have."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pytest

from sipua.bridge.call.media import MediaPlan
from sipua.codecs.g711 import Law
from sipua.rtp.events import Address
from sipua.rtp.ports import ReservedPort
from sipua.rtp.session.transport import RtpTransport
from support.media.dtls import agreement
from support.media.rtp_session import make_session


class Recorded(socket.socket):
    """Nothing leaves it; `sent`: where a datagram was to go."""

    def __init__(self) -> None:
        super().__init__(socket.AF_INET, socket.SOCK_DGRAM)
        self.sent: list[Address] = []

    def sendto(self, data: Any, target: Any, /, *_: Any) -> int:
        self.sent.append(target)
        return len(data)


class End:
    def __init__(self, rtp: Recorded, rtcp: Recorded) -> None:
        self.rtp, self.rtcp = rtp, rtcp
        reserved = ReservedPort(4000, rtp, rtcp)
        self.transport = RtpTransport(reserved, make_session(), lambda _: None)
        self._ours = agreement(active=True)

    def open(self, remote: Address, rtcp_remote: Address | None = None) -> None:
        plan = MediaPlan(
            remote=remote,
            signalling_ip=None,
            law=Law.PCMU,
            payload_type=0,
            law_by_type={0: "PCMU"},
            telephone_event_type=None,
            sends=True,
            receives=True,
            rtcp_remote=rtcp_remote,
        )
        self.transport.secure_by_handshake(self._ours, remote, plan.rtcp_target)


@pytest.fixture
def end() -> Iterator[End]:
    with closing(Recorded()) as rtp, closing(Recorded()) as rtcp:
        end = End(rtp, rtcp)
        yield end
        end.transport.close()


@pytest.mark.parametrize(
    "nowhere",
    [("0.0.0.0", 0), ("0.0.0.0", 4000), ("255.255.255.255", 4000), ("224.0.0.9", 4000)],
)
def test_S7_a_call_that_begins_on_hold_shakes_hands_when_it_is_resumed(
    end: End, nowhere: Address
) -> None:
    end.open(nowhere)
    assert end.rtp.sent == end.rtcp.sent == []
    end.open(("192.0.2.1", 4000))
    assert set(end.rtp.sent) == {("192.0.2.1", 4000)}
    assert set(end.rtcp.sent) == {("192.0.2.1", 4001)}


def test_S7_reports_alone_may_be_wanted_nowhere(end: End) -> None:
    end.open(("192.0.2.1", 4000), ("0.0.0.0", 4001))
    assert set(end.rtp.sent) == {("192.0.2.1", 4000)}
    assert end.rtcp.sent == []
