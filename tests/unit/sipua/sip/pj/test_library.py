"""What the library tells by itself: INVITEs that pjsip refuses, its log, and messages in it."""

from __future__ import annotations

import dataclasses
import socket
from typing import Any

import pjsua2 as real
import pytest

from sipua.sip.messages import CallRefused, LibraryMessage, SignallingFault, SipMessage
from sipua.sip.pj.native.waker import WakerError
from support.signalling import signalling as over_fake
from support.signalling.signalling import CALLER, Signalling, invite


def rejected(source: str = CALLER) -> Any:
    params = real.OnRejectedIncomingCallParam()
    params.statusCode, params.reason = 488, "Not Acceptable Here"
    params.remoteInfo, params.localInfo = "<sip:caller@192.0.2.1>", "<sip:agent@127.0.0.1>"
    params.rdata.wholeMsg, params.rdata.srcAddress = invite(), source
    return params


def log(signalling: Signalling, text: str, *, level: int = 4, messages: bool = True) -> None:
    writer = signalling.endpoint._library._log_writer
    writer._messages = messages
    entry = real.LogEntry()
    entry.level, entry.msg = level, text
    writer.write(entry)


def test_what_pjsip_refuses_is_told(signalling: Signalling) -> None:
    signalling.endpoint._library.onRejectedIncomingCall(rejected())
    assert signalling.take() == [
        CallRefused(
            "abc@192.0.2.1",
            "<sip:caller@192.0.2.1>;tag=1",
            "<sip:agent@127.0.0.1>",
            ("192.0.2.1", 5060),
            488,
            "Not Acceptable Here",
        )
    ]


def test_a_refusal_that_cannot_be_read_is_a_fault(signalling: Signalling) -> None:
    signalling.endpoint._library.onRejectedIncomingCall(rejected("no:port"))
    assert [type(event) for event in signalling.take()] == [SignallingFault]


@pytest.mark.parametrize(
    ("head", "direction", "peer"),
    [
        (
            "RX 300 bytes Request msg INVITE/cseq=1 (rdata0x1) from UDP 192.0.2.1:5060:",
            "received",
            "UDP 192.0.2.1:5060",
        ),
        (
            "TX 300 bytes Response msg 100/INVITE/cseq=1 (tdta0x1) to TCP 192.0.2.1:5060:",
            "sent",
            "TCP 192.0.2.1:5060",
        ),
    ],
)
def test_messages_of_its_log_are_told_whole(
    signalling: Signalling, head: str, direction: str, peer: str
) -> None:
    log(signalling, f"{head}\n{invite()}--end msg--")
    assert signalling.take() == [SipMessage(direction, peer, invite())]


def test_only_its_errors_are_told_and_not_how_a_realm_is_learnt(signalling: Signalling) -> None:
    log(signalling, "bind error", level=1)
    log(signalling, "no credential (PJSIP_ENOCREDENTIAL)", level=1)
    log(signalling, "a warning", level=2)
    assert signalling.take() == [LibraryMessage("bind error")]


def test_a_library_that_cannot_be_woken_is_polled_as_before(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def unknown_build(poll: object) -> None:
        raise WakerError("this build is unknown")

    monkeypatch.setattr(over_fake, "FakeWaker", unknown_build)
    signalling = Signalling(monkeypatch)
    try:
        signalling.endpoint.open()
        assert not signalling.endpoint.can_wake()
        assert signalling.take() == [SignallingFault("waker", "WakerError: this build is unknown")]
        signalling.endpoint.wake()
        signalling.endpoint.poll(0)
        assert signalling.take() == []
    finally:
        signalling.close()


@pytest.mark.parametrize("found_by", ["wake", "poll"])
def test_a_waker_that_breaks_is_told_once_and_is_kept(
    signalling: Signalling, found_by: str
) -> None:
    """Kept: pjsip has a pointer into it."""
    library = signalling.endpoint._library
    assert signalling.endpoint.can_wake()
    library._waker.error = WakerError("it broke")
    for _ in range(2):
        signalling.endpoint.wake() if found_by == "wake" else signalling.endpoint.poll(0)
    assert not signalling.endpoint.can_wake()
    assert signalling.take() == [SignallingFault("waker", "WakerError: it broke")]
    assert library._waker is not None


def test_tcp_does_not_hold_a_response_behind_another_one(monkeypatch: pytest.MonkeyPatch) -> None:
    signalling = Signalling(monkeypatch)
    transports = dataclasses.replace(signalling.endpoint.settings, transports=("udp", "tcp"))
    signalling.endpoint.settings = transports
    signalling.endpoint.open()
    tcp = (real.PJSIP_TRANSPORT_TCP, real.PJSIP_TRANSPORT_TCP6)
    assert signalling.pj.asked("sockOpt") == [
        (kind, socket.IPPROTO_TCP, socket.TCP_NODELAY) for kind in tcp
    ]
    signalling.close()
