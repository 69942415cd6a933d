"""What strangers send without end is a few lines and a count."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import Any

import pytest
from structlog.testing import capture_logs

from sipua.edge.calls.signalling_log import FLUSH_S, REFUSALS_A_SECOND, SignallingLog
from sipua.events.stream import EventStream
from sipua.log import logs
from sipua.sip.messages import CallRefused, LibraryMessage, SignallingFault, TransferRefused
from sipua.sip.peer_news import (
    CertificatesNotFetched,
    ConnectionsRefused,
    RegistrarSilent,
    RequestsDropped,
)
from sipua.sip.wire.refer_messages import ReferNews
from sipua.sip.wire.tls import CertificateExpires, TlsNotReady, TlsReady, TlsRefused


def refused(host: str, caller: str = "<sip:+49301234567@h>") -> CallRefused:
    return CallRefused("id", caller, "<sip:100@us>", (host, 5060), 403, "Forbidden")


def signalling_log() -> SignallingLog:
    return SignallingLog(logs.get(), EventStream("edge").teller, "last4")


async def test_S16_one_source_has_ten_lines_in_ten_seconds_with_the_count() -> None:
    with capture_logs() as lines:
        log = signalling_log()
        for step in range(30_000):
            log.log_event(refused("192.0.2.1"), 50 + step / 1000)
        log.close()
    assert [line.get("kept_back", 0) for line in lines[:-1]] == [
        *([0] * 10),
        9_990,
        *([0] * 9),
        9_990,
        *([0] * 9),
    ]
    assert lines[-1] == {
        "event": "call.rejections_not_logged",
        "log_level": "warning",
        "count": 9_990,
        "statuses": {"403": 9_990},
    }


async def test_S16_a_thousand_sources_share_the_lines_and_none_is_uncounted() -> None:
    with capture_logs() as lines:
        log = signalling_log()
        for step in range(20_000):
            log.log_event(refused(f"10.0.{step % 4000 // 200}.{step % 200}"), 50 + step / 10_000)
        log.close()
    written = [line for line in lines if line["event"] == "call.rejected"]
    assert len(written) <= 3 * REFUSALS_A_SECOND
    counted = sum(line.get("kept_back", 0) for line in written) + lines[-1]["count"]
    assert counted + len(written) == 20_000


async def test_S16_what_was_kept_back_is_said_when_the_flood_is_over(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    due: list[Any] = []

    def call_later(delay_s: float, action: Any) -> asyncio.TimerHandle:
        due.append((delay_s, action))
        return asyncio.TimerHandle(0, action, (), asyncio.get_running_loop())

    monkeypatch.setattr(asyncio.get_running_loop(), "call_later", call_later)
    with capture_logs() as lines:
        log = signalling_log()
        for _ in range(14):
            log.log_event(refused("192.0.2.1"), 50.0)
        [(delay_s, flush)] = due
        assert delay_s == FLUSH_S
        flush()
    assert [line.get("count") for line in lines] == [None] * 10 + [4]


async def test_a_caller_is_written_as_the_record_may_have_him() -> None:
    for numbers, told in (("full", "<sip:+49301234567@h>"), ("last4", "…4567"), ("off", None)):
        with capture_logs() as lines:
            log = SignallingLog(logs.get(), EventStream("edge").teller, numbers)  # type: ignore[arg-type]
            log.log_event(refused("192.0.2.1"), 0.0)
        assert lines[0]["from"] == told


async def test_faults_of_one_place_are_one_line_a_second_but_each_call_has_its_own() -> None:
    with capture_logs() as lines:
        log = signalling_log()
        for _ in range(3):
            log.log_event(SignallingFault("reserve", "no port"), 1.0)
            log.log_event(SignallingFault("poll", "broken"), 1.0)
            log.log_event(SignallingFault("onCallState", "bug", "c-1"), 1.0)
            log.log_event(LibraryMessage("tcpc0x1 unable to"), 1.0)
            log.log_event(TransferRefused("c-1", "sip:x", 603), 1.0)
        log.log_event(SignallingFault("reserve", "no port"), 2.5)
    about = [line.get("where", line["event"]) for line in lines]
    assert about.count("onCallState") == 3
    assert about.count("poll") == 1
    assert about.count("sip.library") == about.count("call.transfer_refused") == 1
    assert lines[-1]["kept_back"] == 2


async def test_S12_a_refer_outside_of_a_call_is_told_a_few_times() -> None:
    with capture_logs() as lines:
        log = signalling_log()
        for _ in range(30):
            log.log_event(
                TransferRefused("", "<sip:900@x>", 403, "out of a call", ("192.0.2.1", 5060)), 1.0
            )
        log.close()
    told = [line for line in lines if line["event"] == "refer.refused"]
    assert 0 < len(told) < 30
    assert (told[0]["target"], told[0]["source"]) == ("<sip:900@x>", "192.0.2.1:5060")
    (kept_back,) = [line for line in lines if line["event"] == "call.rejections_not_logged"]
    assert kept_back["count"] == 30 - len(told)


async def test_what_becomes_of_a_refer_is_told() -> None:
    with capture_logs() as lines:
        log = signalling_log()
        news = partial(ReferNews, "c-1", "201")
        log.log_event(news("invited", sip_call_id="x@edge", account="pbx"), 1.0)
        log.log_event(news("progress", 180, "Ringing"), 1.0)
        log.log_event(news("failed", 486, "Busy Here"), 1.0)
    names = [line["event"] for line in lines]
    assert names == ["call.leg", "call.refer_progress", "call.refer_failed"]
    assert (lines[0]["leg"], lines[0]["sip_call_id"], lines[2]["status"]) == ("a", "x@edge", 486)


async def test_S19_a_registrar_that_does_not_answer_is_told_before_it_has_failed() -> None:
    with capture_logs() as lines:
        signalling_log().log_event(RegistrarSilent("pbx", "sip:192.0.2.1", 5.0), 0.0)
    assert lines[0]["event"] == "registration.waiting"
    assert lines[0]["waited_s"] == 5.0


async def test_S25_news_of_tls_are_events_and_refusals_have_a_bound() -> None:
    end = 1_800_000_000.0
    with capture_logs() as lines:
        log = signalling_log()
        log.log_event(TlsReady(("edge.test",), end, 12.34, anew=True), 1.0)
        log.log_event(CertificateExpires(("edge.test",), end, 0.5), 1.0)
        log.log_event(TlsNotReady("sip.tls.key is encrypted", "fix"), 1.0)
        for step in range(2_000):
            log.log_event(TlsRefused("192.0.2.1:4", False, "no shared cipher"), 10 + step / 1000)
        log.log_event(TlsRefused("192.0.2.1:5061", True, "untrusted"), 11.0)
    ready, expires, not_ready, *refused = lines
    assert (ready["event"], ready["days_left"], ready["anew"]) == ("tls.certificate", 12.3, True)
    assert ready["expires"] == "2027-01-15T08:00:00+00:00"
    assert (expires["event"], expires["log_level"]) == ("tls.certificate_expires", "error")
    assert not_ready["cause"] == "sip.tls.key is encrypted"
    assert [line["outgoing"] for line in refused] == [False, False, True]
    assert refused[1]["kept_back"] == 999


async def test_what_was_dropped_is_told_with_its_reasons() -> None:
    with capture_logs() as lines:
        log = signalling_log()
        for kind in (RequestsDropped, ConnectionsRefused, CertificatesNotFetched):
            log.log_event(kind({"rate": 3}, "192.0.2.1"), 50.0)
        log.close()
    events = ("sip.dropped", "sip.connections_refused", "stir.not_fetched")
    assert lines == [
        {"event": one, "log_level": "warning", "counts": {"rate": 3}, "source": "192.0.2.1"}
        for one in events
    ]
