"""Signalling over the fake pjsua2, without its thread: a test calls, the far side answers, time is
an argument.
"""

from __future__ import annotations

import dataclasses
import importlib
import socket
import sys
from collections.abc import Callable
from typing import Any, ClassVar

import pjsua2 as real
import pytest

import sipua.sip.pj.agent  # the real ones are there, to come back after the test
from sipua.rtp.ports import PortPool, ReservedPort
from sipua.sip.admission.admission import Admission
from sipua.sip.dns.names import Found, Name, Outcome, Target, targets
from sipua.sip.messages import CallInvited, PlaceCall, SipEvent
from sipua.sip.pj.native.waker import WakerError
from sipua.sip.pj.thread import Timers
from sipua.sip.settings import AccountSettings, SipSettings
from support.ports import LOOPBACK, LOOPBACK6, PortBlock
from support.signalling import fake_pj

CALLER = "192.0.2.1:5060"
REGISTRAR = "192.0.2.9:5060"
_OVER_PJSUA2 = (
    "call",
    "account",
    "accounts",
    "placed_call",
    "placer",
    "library",
    "endpoint",
    "agent",
)

SETTINGS = SipSettings(
    hosts=(LOOPBACK, LOOPBACK6),
    port=5060,
    transports=("udp",),
    public_addresses=(),
    user_agent="test",
    max_calls=8,
    session_expires_s=1800,
    min_session_expires_s=90,
    media_hosts=(LOOPBACK, LOOPBACK6),
    rtcp_xr="auto",
    ptime_ms=20,
    codecs=("PCMU", "PCMA"),
    accounts=(),
    nameservers=(),
    log_messages=False,
)
ACCOUNT = AccountSettings("pbx", "sip:100@192.0.2.9", "sip:192.0.2.9", "100", "secret")


class Port:
    """In the place of a `ClosedPort`: nothing is sent."""

    closed: ClassVar[set[tuple[str, int]]] = set()

    def __init__(self, host: str, port: int) -> None:
        self._address = host, port

    def refused(self) -> bool:
        return self._address in self.closed

    def close(self) -> None:
        """Nothing is open."""


class NoResolver:
    def __init__(self, resolve: object, fault: object) -> None:
        self.versions: set[int] = set()

    def install(self) -> None:
        """There is nothing to install it in."""

    def close(self) -> None:
        """Nothing to take out."""

    def reaches(self, address: str) -> bool:
        return ":" not in address

    def leave_out(self, target: Target, until: float) -> None:
        """A fake has no order of its own."""

    def leave(self, host: str, rest_s: float) -> bool:
        return False

    def ranked(self, found: Found, port: int, transport: str) -> list[Target]:
        return [one for one in targets(found, port, transport) if self.reaches(one.address)]


class FakeWaker:
    """In the place of a `Waker`: there is no ioqueue, but the fake's poll can be ended."""

    def __init__(self, poll: object) -> None:
        self.error: WakerError | None = None

    def wake(self) -> None:
        if self.error is not None:
            raise self.error
        fake_pj.script.coming.put(lambda: None)

    def polled(self) -> None:
        if self.error is not None:
            raise self.error

    def close(self) -> None:
        """Nothing is open."""


def over_fake_pj(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """The modules of `sipua.sip.pj` that use pjsua2, made anew over the fake one."""
    monkeypatch.setitem(sys.modules, "pjsua2", fake_pj.module())
    for name in _OVER_PJSUA2:
        monkeypatch.delitem(sys.modules, f"sipua.sip.pj.{name}")
        monkeypatch.setattr(sipua.sip.pj, name, getattr(sipua.sip.pj, name))
    modules = {name: importlib.import_module(f"sipua.sip.pj.{name}") for name in _OVER_PJSUA2}
    # It reaches into the real library, which is not there.
    monkeypatch.setattr(modules["endpoint"], "PjResolver", NoResolver)
    monkeypatch.setattr(modules["placer"], "ClosedPort", Port)
    monkeypatch.setattr(modules["library"], "Waker", FakeWaker)
    return modules


class LentPorts(PortPool):
    """A pool that takes back at the end what was not given back."""

    def __init__(self, block: PortBlock) -> None:
        super().__init__((LOOPBACK, LOOPBACK6), *block.range(8))
        self._block = block
        self._lent: list[ReservedPort] = []

    def reserve(self, now: float, family: socket.AddressFamily | None = None) -> ReservedPort:
        self._lent.append(super().reserve(now, family))
        return self._lent[-1]

    def close(self) -> None:
        for port in self._lent:
            self.release(port, 0.0)
        self._block.close()


class Signalling:
    def __init__(self, monkeypatch: pytest.MonkeyPatch, *accounts: AccountSettings) -> None:
        modules = over_fake_pj(monkeypatch)
        self.pj = fake_pj.script
        self.events: list[SipEvent] = []
        self.invited: list[CallInvited] = []
        self.admission = Admission(max_calls=2, accept_any=True)
        self.admission.allow_host("pbx", "192.0.2.9", services=False)
        self.ports = LentPorts(PortBlock(16))
        self.timers = Timers()
        self.now = 0.0
        self.lookups: list[tuple[Name, Callable[[Outcome], None]]] = []
        """Names that are being looked up, and whom the outcome is told."""
        settings = dataclasses.replace(SETTINGS, accounts=accounts)
        self.endpoint = modules["endpoint"].SipEndpoint(
            settings,
            self.admission,
            self.ports,
            self.events.append,
            self._after,
            resolve=self._resolve,
        )

    def close(self) -> None:
        self.ports.close()

    def _after(self, delay_s: float, action: Any) -> None:
        self.timers.at(self.now + delay_s, action)

    def _resolve(self, name: Name, later: Callable[[Outcome], None]) -> Outcome | None:
        self.lookups.append((name, later))
        return None

    def pass_time(self, seconds: float) -> None:
        self.now += seconds
        for action in self.timers.due(self.now):
            action()
        self.endpoint.poll(0)

    def take(self) -> list[SipEvent]:
        """What was told since the last time, but that the INVITE of a call has left: `invited`."""
        told = [event for event in self.events if not isinstance(event, CallInvited)]
        self.invited += [event for event in self.events if isinstance(event, CallInvited)]
        self.events.clear()
        return told

    def take_of_calls(self) -> list[SipEvent]:
        """The same, without what is told of registrations."""
        return [event for event in self.take() if hasattr(event, "call_id")]

    @property
    def in_use(self) -> int:
        return self.ports.stats()["in_use"]

    def account(self, name: str) -> Any:
        account = self.endpoint._accounts.get(name)
        assert account is not None
        return account

    def call(self, call_id: str) -> Any:
        return self.endpoint._calls[call_id]

    @property
    def calls(self) -> int:
        return len(self.endpoint._calls)

    def invite(self, message: str = "", source: str = CALLER, account: str = "local") -> None:
        self.account(account).onIncomingCall(incoming(message or invite(), source))

    def begin(self) -> Any:
        """A call that came in, as the object behind it."""
        self.invite()
        (event,) = self.take()
        return self.call(event.call_id)  # type: ignore[union-attr]  # an IncomingCall

    def place(self, account: str = "", **headers: str) -> Any:
        local = self.ports.reserve(self.now)
        self.endpoint.command(PlaceCall("c-ours", "sip:200@192.0.2.9", local, account, headers))
        return self.endpoint._calls.get("c-ours")


def invite(call_id: str = "abc@192.0.2.1") -> str:
    return (
        "INVITE sip:agent@127.0.0.1 SIP/2.0\r\n"
        f"Call-ID: {call_id}\r\nFrom: <sip:caller@192.0.2.1>;tag=1\r\nTo: <sip:agent@127.0.0.1>\r\n"
        "Content-Type: application/sdp\r\n\r\n"
    )


def incoming(message: str, source: str) -> Any:
    params = real.OnIncomingCallParam()
    params.callId = 3
    params.rdata.wholeMsg, params.rdata.srcAddress = message, source
    return params


def answered(status: int, message: str = "", source: str = REGISTRAR, expires_s: int = 0) -> Any:
    """What the registrar says to our REGISTER."""
    params = real.OnRegStateParam()
    params.code, params.reason, params.expiration = status, f"reason {status}", expires_s
    params.rdata.wholeMsg, params.rdata.srcAddress = message, source
    return params


def response(message: str, source: str = REGISTRAR) -> Any:
    """The event of a state that a message has brought about."""
    event = real.SipEvent()
    event.type = event.body.tsxState.type = real.PJSIP_EVENT_RX_MSG
    event.body.tsxState.src.rdata.wholeMsg = message
    event.body.tsxState.src.rdata.srcAddress = source
    return event
