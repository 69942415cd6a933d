"""What a request is told before anything is spent on it, and what it costs: S7, S8, S15, S16, S23.

In an edge of pjsua2's production build; the index's wheel does not ask (test_index_wheel.py).
"""

import os
import selectors
import signal
import socket
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

import pytest

from support.calls.edge import Edge
from support.footprint import nothing_kept, settled
from support.peers.raw_caller import OFFER, RawCaller
from support.peers.sipp import Sipp, SippResult
from support.ports import LOOPBACK

pytestmark = pytest.mark.peer

Edges = Callable[..., Edge]

STRANGERS = {
    "sip": {"accept": "trunks"},
    "trunks": [{"name": "carrier", "hosts": ["192.0.2.0/24"]}],
}
FLOOD = 3500
LARGEST_GROWTH = 40_000_000
"""Of that flood: 238 MB when each refused INVITE keeps its transaction."""
CONNECTIONS = 300


def options(edge: Edge, sipp: Sipp, status: int, reason: str = "") -> str:
    """The answer, which must have that status."""
    result = sipp.run("uac_options", edge.address, STATUS=str(status))
    (answer,) = result.received(f"SIP/2.0 {status} {reason}")
    return answer.text


def retry_after(answer: str) -> int:
    return int(answer.partition("\nRetry-After: ")[2].partition("\n")[0])


def test_S23_options_while_ready_full_and_draining(edge_factory: Edges, sipp: Sipp) -> None:
    edge = edge_factory({"sip": {"max_calls": 1, "transports": ["udp", "tcp"]}})
    ready = options(edge, sipp, 200)
    assert "\nAllow: " in ready
    call = sipp.start("uac_call", edge.address, until_told=True)
    edge.wait_event("call.confirmed")
    assert retry_after(options(edge, sipp, 503, "Busy Here")) == 5
    sipp.run("uac_options", edge.address, transport="t1", STATUS="503")
    sipp.run("uac_rejected", edge.address, STATUS="486")
    edge.process.send(signal.SIGTERM)
    edge.wait_event("edge.draining")
    assert retry_after(options(edge, sipp, 503, "Shutting Down")) == 30
    call.hang_up()
    call.wait()
    assert edge.process.wait(30) == 0


def test_S23_options_is_200_again_when_the_call_is_over(edge_factory: Edges, sipp: Sipp) -> None:
    edge = edge_factory({"sip": {"max_calls": 1}})
    sipp.run("uac_call", edge.address, pause_ms=100)
    edge.wait_event("call.ended")
    options(edge, sipp, 200)


def test_S23_options_while_all_media_ports_rest(edge_factory: Edges, sipp: Sipp) -> None:
    edge = edge_factory(rtp_ports=2)
    options(edge, sipp, 200)
    sipp.run("uac_call", edge.address, pause_ms=100)
    edge.wait_event("call.ended")
    assert retry_after(options(edge, sipp, 503, "No Media Port")) == 5


def test_S23_options_without_any_engine(edge_factory: Edges, sipp: Sipp) -> None:
    with socket.create_server((LOOPBACK, 0)) as closed:
        url = f"ws://{LOOPBACK}:{closed.getsockname()[1]}/v1/realtime"
    edge = edge_factory({"engine": {"url": url, "connect_timeout_s": 1}})
    options(edge, sipp, 200)  # nothing is known yet
    sipp.run("uac_rejected", edge.address, STATUS="503")
    assert 0 < retry_after(options(edge, sipp, 503, "No Engine")) <= 30


def test_S15_whatever_a_stranger_asks_it_is_403(edge_factory: Edges) -> None:
    edge = edge_factory(STRANGERS)
    for method in ("OPTIONS", "REGISTER", "MESSAGE", "SUBSCRIBE", "NOTIFY", "PUBLISH"):
        with RawCaller(edge.address) as stranger:
            stranger.request(method)
            assert stranger.final(method).status == 403
    assert edge.events(name="call.rejected") == []


def test_S16_a_flood_of_strangers_keeps_no_memory(edge_factory: Edges) -> None:
    edge = edge_factory({**STRANGERS, "admission": {"stranger_rate": 0, "strangers_rate": 0}})
    _flood(edge, 100)
    before = settled(edge.process.pid)
    size_before = _resident(edge.process.pid)
    _flood(edge, FLOOD)
    grown = _resident(edge.process.pid) - size_before
    assert grown < LARGEST_GROWTH, f"{grown / 1e6:.0f} MB for {FLOOD} INVITEs"
    edge.wait_event("call.rejected", count=1)
    nothing_kept(edge.process.pid, before)


def test_S16_the_ack_of_a_refusal_is_taken_in_silence(edge_factory: Edges, sipp: Sipp) -> None:
    edge = edge_factory(STRANGERS)
    result: SippResult = sipp.run("uac_rejected", edge.address, calls=3, STATUS="403")
    assert len([m for m in result.messages if not m.sent]) == 3
    with RawCaller(edge.address) as stranger:
        stranger.invite()
        stranger.ack()
        stranger.request("OPTIONS")
        stranger.final("OPTIONS")  # what was answered to the ACK would have come before
        assert [response.status for response in stranger.responses] == [403, 403]


def test_S18_connections_that_come_together_are_taken_together(edge_factory: Edges) -> None:
    """With a backlog of 5, every sixth of them waits for its peer's kernel to try again."""
    unbound = {"connections_per_source": 0, "connections": 0, "peer_rate": 0}
    edge = edge_factory({"sip": {"transports": ["udp", "tcp"]}, "admission": unbound})
    took_s = []
    while min(took_s, default=1.0) > 0.9 and len(took_s) < 3:  # a machine may stand still for once
        took_s.append(_together_s(edge))
    assert min(took_s) < 0.9, took_s


def _together_s(edge: Edge) -> float:
    """Until all have their connections, and one that came last has its answer."""
    with ExitStack() as stack, selectors.DefaultSelector() as selector:
        began = time.monotonic()
        for _ in range(CONNECTIONS):
            connection = stack.enter_context(socket.socket())
            connection.setblocking(False)
            connection.connect_ex(edge.address)
            selector.register(connection, selectors.EVENT_WRITE)
        phone = stack.enter_context(socket.create_connection(edge.address, timeout=5))
        phone.sendall(_options_by_tcp(edge))
        assert phone.recv(4096).startswith(b"SIP/2.0 200")
        answered_s = time.monotonic() - began
        while selector.get_map() and time.monotonic() - began < 10:
            for key, _ in selector.select(1):
                selector.unregister(key.fileobj)
        connected_s = time.monotonic() - began
    return max(answered_s, connected_s)


@pytest.mark.parametrize(
    ("offer", "content_type", "status", "cause"),
    [
        (OFFER, "multipart/mixed", 400, "no boundary"),
        (OFFER + "m=audio 9 RTP/AVP 0\r\n" * 999, "application/sdp", 488, "1000 media sections"),
        (OFFER.replace("c=IN IP4 127.0.0.1", "c=IN IP4 localhost"), "", 488, "names a host"),
        (OFFER.replace("c=IN IP4 127.0.0.1", "c=IN IP6 ::1"), "", 488, "over IPv6"),
    ],
)
def test_S7_S8_an_offer_that_cannot_be_met_is_refused_before_it_rings(
    edge_factory: Edges, offer: str, content_type: str, status: int, cause: str
) -> None:
    edge = edge_factory(rtp_ports=2)
    with RawCaller(edge.address) as caller:
        caller.invite(offer, content_type or "application/sdp")
        assert caller.final("INVITE").status == status
        caller.ack()
        assert [response.status for response in caller.responses] == [status]
        assert 'Warning: 399 sipua "' in caller.responses[0].text
    rejected = edge.wait_event("call.rejected")
    assert (rejected["status"], cause in rejected["cause"]) == (status, True)
    assert edge.events(name="call.incoming") == []
    with RawCaller(edge.address) as caller:  # the only port is still there
        caller.invite()
        assert caller.final("INVITE").status == 200
        caller.ack()
        caller.bye()
        caller.final("BYE")


def test_S4_S6_a_long_offer_is_read_to_its_end(edge_factory: Edges) -> None:
    """pjsua2 has no text for an SDP above its own bound, and we rewrite texts."""
    candidates = "a=candidate:1 1 UDP 1 192.0.2.1 4000 typ host\r\n" * 40
    edge = edge_factory()
    for more in (f"{candidates}a=rtcp-mux\r\n", "m=audio 9 RTP/AVP 0\r\n" * 15):
        with RawCaller(edge.address) as caller:
            caller.invite(OFFER + more)
            answer = caller.final("INVITE")
            assert answer.status == 200
            assert ("a=rtcp-mux" in answer.text) == ("a=rtcp-mux" in more)
            assert answer.text.count("m=audio 0 ") == more.count("m=audio")
            caller.ack()
            caller.bye()
            caller.final("BYE")


def test_S7_a_reinvite_that_cannot_be_met_is_refused_and_the_call_goes_on(
    edge_factory: Edges,
) -> None:
    edge = edge_factory()
    with RawCaller(edge.address) as caller:
        caller.invite()
        caller.final("INVITE")
        caller.ack()
        edge.wait_event("call.confirmed")
        caller.reinvite(OFFER.replace("c=IN IP4 127.0.0.1", "c=IN IP4 localhost"))
        assert caller.final("INVITE").status == 488
        caller.bye()
        assert caller.final("BYE").status == 200
    refused = edge.wait_event("call.offer_refused")
    assert (refused["status"], "names a host" in refused["cause"]) == (488, True)
    assert edge.wait_event("call.ended")["end"]["by"] == "caller"


def _flood(edge: Edge, calls: int) -> None:
    """Different INVITEs, fifty at a time; each must be answered."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:
        stranger.bind((LOOPBACK, 0))
        stranger.settimeout(10)
        me = f"{LOOPBACK}:{stranger.getsockname()[1]}"
        for number in range(calls):
            head = (
                f"INVITE sip:{number}@{LOOPBACK}:{edge.port} SIP/2.0",
                f"Via: SIP/2.0/UDP {me};branch=z9hG4bK{os.getpid()}-{calls}-{number};rport",
                f"From: <sip:x@{me}>;tag={number}",
                f"To: <sip:{number}@{LOOPBACK}:{edge.port}>",
                f"Call-ID: {calls}-{number}@{me}",
                "CSeq: 1 INVITE",
                "Max-Forwards: 70",
                f"Contact: <sip:x@{me}>",
                "Content-Type: application/sdp",
                f"Content-Length: {len(OFFER)}",
            )
            stranger.sendto(("\r\n".join(head) + "\r\n\r\n" + OFFER).encode(), edge.address)
            if number % 50 == 49:
                for _ in range(50):
                    assert stranger.recv(4096).startswith(b"SIP/2.0 403")


def _resident(pid: int) -> int:
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def _options_by_tcp(edge: Edge) -> bytes:
    lines = (
        f"OPTIONS sip:{LOOPBACK}:{edge.port};transport=tcp SIP/2.0",
        f"Via: SIP/2.0/TCP {LOOPBACK}:9;branch=z9hG4bKphone;rport",
        f"From: <sip:phone@{LOOPBACK}>;tag=1",
        f"To: <sip:{LOOPBACK}>",
        "Call-ID: phone",
        "CSeq: 1 OPTIONS",
        "Max-Forwards: 70",
        "Content-Length: 0",
    )
    return ("\r\n".join(lines) + "\r\n\r\n").encode()
