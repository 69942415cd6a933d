"""What tests/fuzz/sip.py has found, each as the shortest call or answer that does it."""

from __future__ import annotations

import socket
from collections.abc import Callable

import pytest

from support.calls.edge import Edge
from support.fuzz import answers
from support.peers.raw_caller import OFFER, RawCaller
from support.ports import LOOPBACK
from support.signalling.torture.draft import Draft
from support.signalling.torture.wire import answers_options

pytestmark = pytest.mark.peer

Edges = Callable[..., Edge]
QUIET = {"calls": {"answer": "at_once"}, "agent": {"mode": "silence", "greeting": False}}


def test_S19_an_answer_to_register_without_a_uri_ends_nothing(edge_factory: Edges) -> None:
    """`Contact: *`, and pjsip took the URI that is not there."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as registrar:
        registrar.bind((LOOPBACK, 0))
        registrar.settimeout(20)
        account = {
            "name": "pbx",
            "registrar": "sip:{}:{}".format(*registrar.getsockname()),
            "user": "100",
            "password": "",
        }
        edge = edge_factory({"accounts": [account]})
        data, source = registrar.recvfrom(65535)
        asked = data.decode()
        names = ("Via", "From", "Call-ID", "CSeq", "To")
        copied = "\r\n".join(f"{name}: {answers.header(asked, name)}" for name in names)
        more = ";tag=1\r\nContact: *\r\nContent-Length: 0\r\n\r\n"
        registrar.sendto(f"SIP/2.0 200 OK\r\n{copied}{more}".encode(), source)
        edge.wait_event("registration.ok")
        answers_options(edge.address)


def test_S21_a_message_with_a_long_content_type_is_answered(edge_factory: Edges) -> None:
    """So much was read behind a text of 256 bytes."""
    edge = edge_factory(QUIET)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
        udp.bind((LOOPBACK, 0))
        udp.settimeout(10)
        me, ours = ("{}:{}".format(*end) for end in (udp.getsockname(), edge.address))
        draft = Draft(me, ours, "UDP", "long", method="MESSAGE", body="x")
        draft.lines["Content-Type"] = f"Content-Type: text/{'x' * 40_000}"
        udp.sendto(draft.written(), edge.address)
        assert answers.trouble(udp.recv(65535).decode()) == ""
        answers_options(edge.address)


def test_S5_a_call_whose_offer_of_ours_is_not_answered_is_ended(edge_factory: Edges) -> None:
    """It stayed for good, with its port and its engine."""
    edge = edge_factory(QUIET)
    with RawCaller(edge.address, offer="") as caller:
        caller.invite()
        assert caller.final("INVITE").status == 200
        caller.ack()
        ended = edge.wait_event("call.ended")
    assert ended["end"]["detail"] == "our offer got no answer"


def test_S6_an_offer_that_pjsip_cannot_read_is_no_fault_of_ours(edge_factory: Edges) -> None:
    edge = edge_factory(QUIET)
    with RawCaller(edge.address, offer=f"{OFFER}a=ssrc:1 x\r\n") as caller:
        caller.invite()
        assert caller.final("INVITE").status == 488
        caller.ack()
    edge.wait_event("call.ended")
    assert edge.events(name="sip.fault") == []
