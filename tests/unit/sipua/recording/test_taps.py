"""A recording hears what came first, wherever it goes on to."""

from __future__ import annotations

from types import SimpleNamespace

from sipua.recording.taps import RecordedTransport
from sipua.rtp.events import RtpEvent, Silence


def test_a_recording_hears_what_came_before_a_third_party_changes_it() -> None:
    heard: list[str] = []
    ports = SimpleNamespace(rtp_socket=None, rtcp_socket=None)
    transport = RecordedTransport(
        lambda _: heard.append("recording"),
        ports,  # type: ignore[arg-type]  # no sockets are needed
        None,  # type: ignore[arg-type]  # nor a session
        lambda _: heard.append("bridge"),
    )
    news: list[RtpEvent] = [Silence(160)]
    transport._on_events(news)
    transport.pass_to(lambda _: heard.append("third party"))
    transport._on_events(news)
    assert heard == ["recording", "bridge", "recording", "third party"]
