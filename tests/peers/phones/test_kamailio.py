"""Kamailio between the edge and a phone: both register at it, and it stays in every dialog (15 s).

What it says of a request within a dialog is the judgement of our route set: `followed` came with
the Route that leads on, `strayed` did not.
"""

import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from support.calls.edge import Edge
from support.calls.outbound import Outbound
from support.media import audio
from support.peers.baresip import Baresip
from support.peers.kamailio import PASSWORD, Kamailio, Passed
from support.ports import LOOPBACK
from support.process import wait_until

pytestmark = [pytest.mark.peer, pytest.mark.timeout(180)]

QUIET = audio.silence(100)
Edges = Callable[..., Edge]


@pytest.fixture
def kamailio(tmp_path: Path) -> Iterator[Kamailio]:
    kamailio = Kamailio(tmp_path / "kamailio")
    yield kamailio
    kamailio.close()


@pytest.fixture(params=["udp", "tcp"])
def phone(request: pytest.FixtureRequest, kamailio: Kamailio, tmp_path: Path) -> Iterator[Baresip]:
    """Registered as `phone`."""
    phone = Baresip(
        tmp_path / "phone",
        QUIET,
        transport=request.param,
        registrar=kamailio.address,
        password=PASSWORD,
    )
    kamailio.wait_registered("phone")
    yield phone
    phone.close()


def account(kamailio: Kamailio) -> dict[str, Any]:
    return {
        "name": "pbx",
        "registrar": f"sip:{kamailio.address};transport=udp",
        "user": "agent",
        "password": PASSWORD,
    }


def registered(kamailio: Kamailio, edge_factory: Edges, **calls: Any) -> Edge:
    edge = edge_factory({"accounts": [account(kamailio)], "calls": calls})
    edge.wait_event("registration.ok")
    kamailio.wait_registered("agent")
    return edge


def wait_passed(kamailio: Kamailio, method: str, count: int = 1) -> list[Passed]:
    """The first requests of that method within the dialog, none of which may have strayed."""

    def come() -> list[Passed]:
        return [passed for passed in kamailio.passed() if passed.method == method][count - 1 :]

    wait_until(come, 10, f"{method} through Kamailio")
    passed = kamailio.passed()
    assert {request.verdict for request in passed} == {"followed"}, passed
    return [request for request in passed if request.method == method]


def test_a_phone_calls_holds_resumes_and_hangs_up(
    kamailio: Kamailio, phone: Baresip, edge_factory: Edges
) -> None:
    edge = registered(kamailio, edge_factory)
    phone.call(f"sip:agent@{kamailio.address}")
    phone.wait_talking()
    edge.wait_event("call.confirmed")
    phone.hold()
    edge.wait_event("call.held")
    phone.resume()
    edge.wait_event("call.resumed")
    phone.hang_up()
    ended = edge.wait_event("call.ended")
    assert (ended["end"]["by"], ended["end"]["sip"]["status"]) == ("caller", 200)
    assert len(wait_passed(kamailio, "INVITE", 2)) == 2  # to hold, and to resume
    wait_passed(kamailio, "BYE")


def test_the_edge_hangs_up_on_a_phone_by_the_way_its_call_came(
    kamailio: Kamailio, phone: Baresip, edge_factory: Edges
) -> None:
    edge = registered(kamailio, edge_factory, max_duration_s=1)
    phone.call(f"sip:agent@{kamailio.address}")
    phone.wait_ended()
    ended = edge.wait_event("call.ended")
    assert (ended["end"]["by"], ended["end"]["sip"]["status"]) == ("edge", 200)
    assert wait_passed(kamailio, "BYE")[0].port == edge.port


def outbound(kamailio: Kamailio, home: Path, **calls: Any) -> Outbound:
    """It is challenged (407), as each call through a provider's proxy."""
    config: dict[str, Any] = {"accounts": [account(kamailio)], "calls": calls}
    return Outbound(home / "outbound", f"sip:phone@{kamailio.address}", config, account="pbx")


def test_the_edge_calls_a_phone_and_hangs_up(
    kamailio: Kamailio, phone: Baresip, tmp_path: Path
) -> None:
    call = outbound(kamailio, tmp_path, max_duration_s=1)
    phone.wait_ended()
    assert call.wait() == 0, call.told
    (ended,) = call.events("call.ended")
    assert (ended["end"]["by"], ended["end"]["sip"]["status"]) == ("edge", 200)
    wait_passed(kamailio, "ACK")
    wait_passed(kamailio, "BYE")
    call.close()


def test_the_edge_calls_a_phone_that_holds_and_hangs_up(
    kamailio: Kamailio, phone: Baresip, tmp_path: Path
) -> None:
    call = outbound(kamailio, tmp_path)
    phone.wait_talking()
    call.wait_event("call.confirmed")
    phone.hold()
    call.wait_event("call.held")
    phone.resume()
    call.wait_event("call.resumed")
    phone.hang_up()
    assert call.wait() == 0, call.told
    (ended,) = call.events("call.ended")
    assert (ended["end"]["by"], ended["end"]["sip"]["status"]) == ("callee", 200)
    wait_passed(kamailio, "BYE")
    call.close()


def test_a_request_without_a_route_strays(kamailio: Kamailio) -> None:
    """The judge can say no."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:
        stranger.settimeout(5)
        stranger.connect((LOOPBACK, kamailio.port))
        port = stranger.getsockname()[1]
        stranger.send(
            f"BYE sip:phone@{kamailio.address} SIP/2.0\r\n"
            f"Via: SIP/2.0/UDP {LOOPBACK}:{port};branch=z9hG4bK1\r\nMax-Forwards: 70\r\n"
            f"From: <sip:a@{LOOPBACK}>;tag=1\r\nTo: <sip:b@{LOOPBACK}>;tag=2\r\n"
            "Call-ID: 1\r\nCSeq: 1 BYE\r\nContent-Length: 0\r\n\r\n".encode()
        )
        assert stranger.recv(2000).startswith(b"SIP/2.0 404 ")
    assert kamailio.passed() == [Passed("strayed", "BYE", port)]


def test_a_wrong_password_is_not_accepted(kamailio: Kamailio, edge_factory: Edges) -> None:
    edge = edge_factory({"accounts": [account(kamailio) | {"password": "wrong"}]})
    failed = edge.wait_event("registration.failed")
    assert failed["status"] in (401, 403)
    assert failed["retry_in_s"] is None
