"""The end of `sipua call`: what counts as good, what is advised, what is printed."""

from __future__ import annotations

import pytest

from sipua.cli.testphone.report import INTERRUPTED, Report, packets


def talked(**changes: object) -> Report:
    report = Report("c-1", "sip:600@192.0.2.1", "pbx", answered=True, ended_by="us", status=200)
    report.received_packets, report.sent_packets, report.codec = 150, 151, "PCMU"
    report.heard_s, report.heard_dbfs = 3.0, -25.3
    for name, value in changes.items():
        setattr(report, name, value)
    return report


def refused(status: int, **changes: object) -> Report:
    report = Report("c-1", "sip:600@192.0.2.1", "", ended_by="peer", status=status, reason="R")
    for name, value in changes.items():
        setattr(report, name, value)
    return report


def test_a_call_that_was_answered_and_ended_by_either_side_is_good() -> None:
    assert talked().good
    assert talked(ended_by="peer").good
    assert talked().advice == ""


def test_a_call_that_failed_is_not_good() -> None:
    assert not refused(486).good
    assert not talked(cause="no RTP for 20 s").good
    assert not talked(ended_by="network", status=408).good


ADVICE = [
    (refused(401), "--account"),
    (refused(403), "refuses"),
    (refused(404), "no such number"),
    (refused(486), "busy"),
    (refused(488), "codec"),
    (refused(503), "speech model"),
    (refused(502, ended_by="network"), "host name"),
    (refused(408, ended_by="network"), "no SIP answer"),
    (refused(503, ended_by="network"), "no SIP answer"),
    (refused(487, ended_by="us", cause="no answer within 20 s"), "no SIP answer"),
    (refused(487, ended_by="us", rang=True, cause="no answer within 20 s"), "ring_timeout_s"),
    (talked(received_packets=0, heard_s=0.0, heard_dbfs=None), "no RTP came"),
    (talked(heard_dbfs=-80.0), "only silence"),
]


@pytest.mark.parametrize(("report", "words"), ADVICE)
def test_what_to_do_is_said(report: Report, words: str) -> None:
    assert words in report.advice
    assert f"-> {report.advice}" in report.as_text()


def test_an_unknown_status_or_ctrl_c_needs_no_advice() -> None:
    assert refused(599).advice == ""
    assert refused(487, ended_by="us", cause=INTERRUPTED, rang=True).advice != ""
    assert "->" not in refused(599).as_text()


def test_the_text_for_people() -> None:
    assert talked(recording="out.wav").as_text() == (
        "  heard 3.0 s at -25.3 dBFS (150 packets in, 151 out, PCMU)\n  written to out.wav\n"
    )
    assert refused(486, reason="Busy Here").as_text().startswith("  not answered: 486 Busy Here\n")


def test_the_json_holds_all_of_it() -> None:
    data = refused(486).as_dict()
    assert data["status"] == 486
    assert "busy" in str(data["advice"])


def test_packets_are_counted_over_all_streams_of_a_call() -> None:
    streams = [{"received": 100}, {"received": 50}]
    assert packets({"rtp": {"sent": 151, "streams": streams}}) == (150, 151)
    assert packets({"rtp": {}}) == (0, 0)
    assert packets({}) == (0, 0)
