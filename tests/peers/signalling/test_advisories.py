"""Messages that crashed pjproject 2.17, or could: each a hole that became known after its release
and is closed by scripts/build_pjsua2/fixes.py. The edge answers others afterwards.
"""

import socket
from collections.abc import Callable

import pytest

from support.calls.edge import Edge
from support.peers.raw_caller import OFFER, RawCaller
from support.peers.sipp import Sipp
from support.ports import LOOPBACK
from support.signalling.torture.wire import answers_options

pytestmark = pytest.mark.peer

Edges = Callable[..., Edge]

WITHIN_S = 5.0
KEY = "WVNfX19zZW1jdGwgKCkgewkyMjA7fQp9CnVubGVz"
CRYPTO = "".join(f"a=crypto:{tag} AES_CM_128_HMAC_SHA1_80 inline:{KEY}\r\n" for tag in range(1, 68))
"""67 lines: with rtpmap as many attributes as pjsip reads of a medium."""


def unhurt(edge: Edge) -> None:
    answers_options(edge.address, WITHIN_S)
    assert edge.process.exit_status is None
    assert edge.events(name="sip.fault") == []


def test_S6_more_keys_than_an_answer_has_room_for(edge_factory: Edges) -> None:
    """CVE-2026-57162."""
    trunk = {"name": "carrier", "hosts": [LOOPBACK], "srtp": "prefer"}
    edge = edge_factory({"sip": {"accept": "trunks"}, "trunks": [trunk]})
    for profile in ("RTP/AVP", "RTP/SAVP"):
        with RawCaller(edge.address, offer=OFFER.replace("RTP/AVP", profile) + CRYPTO) as caller:
            caller.invite()
            assert caller.final("INVITE").status in (200, 406, 488)
            caller.ack()
        unhurt(edge)


def test_S8_a_multipart_body_without_parts(edge_factory: Edges) -> None:
    edge = edge_factory()
    with RawCaller(edge.address) as caller:
        caller.invite("--x--\r\n", 'multipart/mixed;boundary="x"')
        assert 400 <= caller.final("INVITE").status < 500
        caller.ack()
    unhurt(edge)


def test_S2_xml_within_xml_within_xml(edge_factory: Edges) -> None:
    edge = edge_factory()
    body = "<a>" * 18_000
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
        udp.bind((LOOPBACK, 0))
        me = "{}:{}".format(*udp.getsockname())
        lines = (
            f"MESSAGE {edge.uri} SIP/2.0",
            f"Via: SIP/2.0/UDP {me};branch=z9hG4bKdeep;rport",
            f"From: <sip:raw@{me}>;tag=deep",
            f"To: <{edge.uri}>",
            "Call-ID: deep",
            "CSeq: 1 MESSAGE",
            "Max-Forwards: 70",
            "Content-Type: application/im-iscomposing+xml",
            f"Content-Length: {len(body)}",
        )
        udp.sendto("\r\n".join((*lines, "", body)).encode(), edge.address)
        udp.settimeout(WITHIN_S)
        assert udp.recv(65535).startswith(b"SIP/2.0 ")
    unhurt(edge)


def test_S19_a_registrar_with_more_service_routes_than_pjsip_holds(
    edge_factory: Edges, sipp: Sipp
) -> None:
    routes = "\n".join(f"Service-Route: <sip:{LOOPBACK}:{port};lr>" for port in range(9000, 9030))
    values = {"USERNAME": "agent", "PASSWORD": "of-a-test", "EXPIRES": "60", "HEADERS": routes}
    registrar = sipp.start("uas_registrar", calls=10, pause_ms=60_000, timeout_s=120, **values)
    account = {
        "name": "office",
        "registrar": f"sip:{registrar.address};transport=udp",
        "user": "agent",
        "password": "of-a-test",
    }
    edge = edge_factory({"accounts": [account]})
    edge.wait_event("registration.ok")
    unhurt(edge)
