"""From messages, reports and events to packets; and what a collector that is down costs."""

from __future__ import annotations

import asyncio
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest

from sipua.events import call_events
from sipua.events.stream import EventStream
from sipua.log.secret_masking import register_secret
from sipua.outputs.hep import hep
from sipua.outputs.hep.hep import MOST_WAITING, Hep
from sipua.outputs.hep.seen import RtcpSeen, second_leg
from sipua.outputs.hep.settings import HepSettings
from sipua.rtp.rtcp.packets import Compound, Report, build
from sipua.sip.messages import SipMessage
from support.calls.homer import CDR, LOG, RTCP, SIP, Collector
from support.calls.rows import ended, incoming
from support.process import wait_until

EVERYTHING = ("sip", "rtcp", "logs", "cdr")
INVITE = (
    "INVITE sip:100@edge SIP/2.0\r\nCall-ID: abc@host\r\n"
    'Proxy-Authorization: Digest username="u", response="0123456789abcdef"\r\n'
    "X-Note: the canary sings\r\n\r\n"
)


@pytest.fixture
def collector() -> Iterator[Collector]:
    collector = Collector()
    yield collector
    collector.close()


def sender(port: int, events: EventStream, **changes: Any) -> Hep:
    what = frozenset(changes.pop("what", EVERYTHING))
    settings = HepSettings("127.0.0.1", port, changes.pop("transport", "udp"), what, 7, "key", "n")
    assert not changes
    return Hep(settings, events, lambda _transport, _peer: ("192.0.2.9", 5060))


def run(made: Hep, during: Callable[[], None]) -> None:
    async def scenario() -> None:
        await made.start()
        during()
        await asyncio.sleep(0.1)
        await made.stop()

    asyncio.run(scenario())


def report() -> RtcpSeen:
    datagram = build(Compound([Report(9)]))
    return RtcpSeen("c-1", time.time(), ("192.0.2.9", 4001), ("192.0.2.1", 5), datagram, missed=2)


def test_S25_a_message_by_tls_is_text_and_by_tcp(collector: Collector) -> None:
    made = sender(collector.port, EventStream("berlin"))
    run(made, lambda: made.take_sip(SipMessage("received", "TLS 192.0.2.1:40000", INVITE)))
    (message,) = collector.of(SIP)
    assert message.source == ("192.0.2.1", 40_000)
    assert (message.number(2), len(message.payload)) == (6, len(INVITE))


def test_a_call_in_packets(collector: Collector) -> None:
    events = EventStream("berlin")
    made = sender(collector.port, events)
    register_secret("the canary sings")

    def call() -> None:
        made.take_sip(SipMessage("received", "TCP 192.0.2.1:40000", INVITE))
        teller = events.teller("c-1")
        teller.tell(incoming())
        teller.tell(call_events.Ringing())
        made.take_rtcp(report())
        events.teller().tell(call_events.Ringing())  # of no call
        teller.tell(call_events.TurnText(who="caller", item="i", text="the secret word"))
        teller.tell(ended())

    run(made, call)
    (message,) = collector.of(SIP)
    assert (message.source, message.target) == (("192.0.2.1", 40_000), ("192.0.2.9", 5060))
    assert (message.number(2), message.number(12), message.text(14)) == (6, 7, "key")
    assert len(message.payload) == len(INVITE)
    (control,) = collector.of(RTCP)
    assert (control.source[1], control.json["type"]) == (4001, 201)
    lines = [packet.json for packet in collector.of(LOG)]
    assert [line["event"] for line in lines] == ["call.incoming", "call.ringing", "call.ended"]
    assert lines[0].items() >= {"call_id": "c-1", "origin": "carrier"}.items()
    assert lines[1].keys() == {"ts", "event", "call_id"}
    (record,) = collector.of(CDR)
    assert (record.json["schema"], record.json["id"]) == ("sipua.cdr/1", "c-1")
    assert {packet.call_id for packet in collector.packets} == {"abc@host"}
    sent = b"".join(packet.raw for packet in collector.packets)
    assert b"canary" not in sent
    assert b"secret word" not in sent
    assert b"0123456789abcdef" not in sent
    counts = made.counts()
    assert [counts[f"sent_{kind}"] for kind in EVERYTHING] == [1, 1, 3, 1]
    assert (counts["dropped"], counts["failed"], counts["waiting"]) == (2, 0, 0)


def test_events_go_on_behind_a_connection_that_was_reset(monkeypatch: pytest.MonkeyPatch) -> None:
    """No SIP is sent, so an event is the first to meet the connection that is none any more."""
    monkeypatch.setattr("sipua.outputs.hep.line._FIRST_WAIT_S", 0.0)
    events = EventStream("berlin")
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(10)
        made = sender(server.getsockname()[1], events, what=["logs", "cdr"], transport="tcp")
        events.subscribe(made._take_event)  # without its thread: each step is ours
        events.teller("c-1").tell(incoming())
        made.drain()
        first, _ = server.accept()
        first.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        first.close()
        events.teller("c-1").tell(ended())  # a line, and behind it a record
        made.drain()
        assert (made.counts()["up"], made.counts()["failed"], len(made._names)) == (0, 2, 0)
        events.teller("c-2").tell(incoming())
        made.drain()
        second, _ = server.accept()
        with second:
            second.settimeout(10)
            assert second.recv(4) == b"HEP3"
        made._line.close()


def test_the_end_waits_for_a_collector_beside_the_loop(monkeypatch: pytest.MonkeyPatch) -> None:
    held = threading.Event()
    made = sender(1, EventStream("berlin"))
    monkeypatch.setattr(made._line, "open", lambda _now: held.wait(10) and False)

    async def scenario() -> None:
        await made.start()
        made.take_sip(SipMessage("received", "UDP 192.0.2.1:40000", INVITE))
        stopping = asyncio.create_task(made.stop())
        for _ in range(5):  # the loop goes on meanwhile
            await asyncio.sleep(0.02)
        assert not stopping.done()
        held.set()
        await stopping

    asyncio.run(scenario())


def test_only_what_is_wanted(collector: Collector) -> None:
    events = EventStream("berlin")
    made = sender(collector.port, events, what=["rtcp"])

    def call() -> None:
        made.take_sip(SipMessage("received", "UDP 192.0.2.1:40000", INVITE))
        events.teller("c-1").tell(incoming())
        made.take_rtcp(report())
        events.teller("c-1").tell(ended())

    run(made, call)
    assert [packet.kind for packet in collector.packets] == [RTCP]


def test_a_call_that_we_place_has_its_name_from_its_invite(collector: Collector) -> None:
    events = EventStream("berlin")

    def call() -> None:
        teller = events.teller("c-1")
        teller.tell(call_events.Placing(to="1", account="a", route="r", worker=1))
        teller.tell(call_events.Invited(sip_call_id="ours@edge"))
        teller.tell(ended(direction="outgoing", sip_call_id=""))

    run(sender(collector.port, events), call)
    assert len(collector.of(LOG)) == 3
    assert collector.of(CDR)[0].json["sip_call_id"] == "ours@edge"
    assert {packet.call_id for packet in collector.packets} == {"ours@edge"}


def test_reports_of_a_second_leg_have_the_name_of_its_own_invite(collector: Collector) -> None:
    events = EventStream("berlin")
    made = sender(collector.port, events, what=["rtcp"])

    def call() -> None:
        teller = events.teller("c-1")
        teller.tell(incoming())
        for number in (1, 2):  # the first one failed
            made.take_rtcp(replace(report(), call_id=second_leg("c-1")))
            teller.tell(call_events.Leg(target="t", account="a", sip_call_id=f"leg-{number}"))
        made.take_rtcp(replace(report(), call_id=second_leg("c-1")))
        made.take_rtcp(report())
        teller.tell(ended())

    run(made, call)
    names = [packet.call_id for packet in collector.of(RTCP)]
    assert names == ["leg-1", "leg-1", "leg-2", "abc@host"]


def test_a_closed_port_is_counted_and_told_once(
    capsys: pytest.CaptureFixture[str], closed_port: int
) -> None:
    made = sender(closed_port, EventStream("berlin"))

    def call() -> None:
        for _ in range(20):
            made.take_sip(SipMessage("sent", "UDP 192.0.2.1:40000", INVITE))

    run(made, call)
    counts = made.counts()
    assert counts["refused"] > 0
    assert counts["sent_sip"] + counts["failed"] == 20
    assert capsys.readouterr().err.count("hep.failing") <= 1


def test_a_full_queue_gives_up_the_oldest() -> None:
    made = sender(1, EventStream("berlin"), transport="tcp")
    for number in range(MOST_WAITING + 5):
        made.take_sip(SipMessage("sent", f"UDP 192.0.2.1:{number + 1}", INVITE))
    counts = made.counts()
    assert (counts["waiting"], counts["dropped"]) == (MOST_WAITING, 5)


def test_a_lost_connection_is_made_again(monkeypatch: pytest.MonkeyPatch, closed_port: int) -> None:
    monkeypatch.setattr(hep, "_EVERY_S", 0.01)
    monkeypatch.setattr("sipua.outputs.hep.line._FIRST_WAIT_S", 0.05)
    collector = Collector(tcp=True, port=closed_port)
    made = sender(closed_port, EventStream("berlin"), transport="tcp")

    async def scenario() -> None:
        await made.start()

        def sip() -> None:
            made.take_sip(SipMessage("sent", "UDP 192.0.2.1:40000", INVITE))

        def until(ready: Callable[[], object], what: str) -> None:
            wait_until(lambda: (sip(), time.sleep(0.02), ready())[2], 20, what)

        until(lambda: collector.of(SIP), "the first packet")
        await asyncio.to_thread(collector.close)
        until(lambda: made.counts()["up"] == 0, "the connection's end")
        again = Collector(tcp=True, port=closed_port)
        try:
            until(lambda: again.of(SIP), "a packet on the next connection")
        finally:
            await made.stop()
            again.close()

    asyncio.run(scenario())
    assert made.counts()["connections"] == 2
