"""The pjsua2 library as one object: transports, accounts, calls. pjsua2 thread only.

Commands come in as plain data (`command`), events leave through `emit`; `agent` puts both on
the asyncio side. Strong references to calls are held here and dropped between two polls: a
`pj.Call` that Python collects hangs up whoever has its slot by then.
"""

from __future__ import annotations

import contextlib
import os
import socket
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pjsua2 as pj

from sipua.rtp.ports import NoPortsLeft, PortPool
from sipua.sip import sdp
from sipua.sip.admission import Admission, Refusal, networks_of
from sipua.sip.messages import (
    Address,
    Answer,
    CallEnded,
    CallRefused,
    EndedBy,
    Hangup,
    IncomingCall,
    LibraryMessage,
    PlaceCall,
    Ring,
    SignallingFault,
    SipCommand,
    SipEvent,
    SipMessage,
    new_call_id,
)
from sipua.sip.pjaccount import AccountSettings, PjAccount
from sipua.sip.pjcall import LAWS, PjCall, call_params
from sipua.sip.state import CallState

LOCAL_ACCOUNT = "local"
_ANY_ADDRESS = "0.0.0.0"  # noqa: S104 (compared, and never put into SDP)
_ROUTED_ANYWHERE = "192.0.2.1"  # TEST-NET-1: only the route is looked up, nothing is sent
_ADDRESS_IN_USE = 120000 + 98  # PJ_STATUS_FROM_OS(EADDRINUSE)
_TRANSPORTS = {"udp": pj.PJSIP_TRANSPORT_UDP, "tcp": pj.PJSIP_TRANSPORT_TCP}


class PortTakenError(OSError):
    def __init__(self, host: str, port: int, transport: str) -> None:
        super().__init__(f"{transport.upper()} {host}:{port} is taken")
        self.host, self.port, self.transport = host, port, transport


class CannotListenError(OSError):
    """The address is not ours, or not allowed."""


@dataclass(frozen=True, slots=True)
class SipSettings:
    host: str
    port: int
    transports: tuple[str, ...]
    public_address: str
    user_agent: str
    max_calls: int
    session_expires_s: int
    min_session_expires_s: int
    media_host: str
    ptime_ms: int
    codecs: tuple[str, ...]
    accounts: tuple[AccountSettings, ...]
    log_messages: bool


class SipEndpoint:
    def __init__(
        self,
        settings: SipSettings,
        admission: Admission,
        ports: PortPool,
        emit: Callable[[SipEvent], None],
        after: Callable[[float, Callable[[], None]], None],
    ) -> None:
        self.settings = settings
        self.ptime_ms = settings.ptime_ms
        self.emit = emit
        self.after = after
        self.closing = False
        self.bound: dict[str, Address] = {}
        self._admission = admission
        self._ports = ports
        self._library: _Library | None = None
        self._log_writer: _LogWriter | None = None
        self._accounts: dict[str, PjAccount] = {}
        self._calls: dict[str, PjCall] = {}
        self._refused: list[tuple[PjCall, Refusal]] = []
        self._ended: list[PjCall] = []

    # --- life (called by the thread) ------------------------------------------------------

    def open(self) -> None:
        library = self._library = _Library(self)
        with _silent_stdout():
            library.libCreate()
        self._log_writer = _LogWriter(self.emit, self.settings.log_messages)
        library.libInit(self._library_config())
        library.audDevManager().setNoDev()
        self._choose_codecs(library)
        self._listen(library)
        library.libStart()
        host, port = next(iter(self.bound.values()))
        local = AccountSettings(LOCAL_ACCOUNT, f"sip:sipua@{_bracketed(host)}:{port}")
        for account in (local, *self.settings.accounts):
            self._accounts[account.name] = PjAccount(self, account)
            self._accounts[account.name].open()
        self._accounts[LOCAL_ACCOUNT].setDefault()

    def poll(self, timeout_ms: int) -> None:
        if self._library is not None:
            self._library.libHandleEvents(timeout_ms)
        self._refuse()
        self._ended.clear()

    def _refuse(self) -> None:
        """Between two polls: from inside its callback pjsua2 would answer without our headers."""
        refused, self._refused = self._refused, []
        for call, refusal in refused:
            self._ended.append(call)
            try:
                call.end(refusal.status, refusal.reason, refusal.retry_after_s)
            except pj.Error as error:
                self.fault("refuse", error)

    def close(self) -> None:
        self.closing = True
        for call in list(self._calls.values()):
            call.end(503, "Shutting Down")
        for account in self._accounts.values():
            account.unregister()

    def idle(self) -> bool:
        return not self._calls and not any(a.registered for a in self._accounts.values())

    def destroy(self) -> None:
        self._calls.clear()
        self._ended.clear()
        for account in self._accounts.values():
            with contextlib.suppress(pj.Error):
                account.shutdown()
        self._accounts.clear()
        if self._library is not None:
            with contextlib.suppress(pj.Error):
                # No waiting second: what had to be answered was waited for in `close`.
                self._library.libDestroy(pj.PJSUA_DESTROY_NO_RX_MSG)
            self._library = None

    def fault(self, where: str, error: BaseException, call_id: str | None = None) -> None:
        text = getattr(error, "reason", None) or f"{type(error).__name__}: {error}"
        self.emit(SignallingFault(where, str(text), call_id))

    # --- commands -------------------------------------------------------------------------

    def command(self, command: SipCommand) -> None:
        if isinstance(command, PlaceCall):
            self._place(command)
            return
        call = self._calls.get(command.call_id)
        if call is None:
            return  # it ended while the command was on its way; CallEnded is already out
        try:
            match command:
                case Ring():
                    call.ring()
                case Answer():
                    call.accept()
                case Hangup():
                    call.end(command.status, command.reason, command.retry_after_s)
        except pj.Error as error:
            self.fault(type(command).__name__, error, command.call_id)
            call.end(500, "Internal Error")

    def _place(self, command: PlaceCall) -> None:
        account = self._accounts.get(command.account or LOCAL_ACCOUNT)
        if account is None:
            self.emit(CallEnded(command.call_id, EndedBy.US, 404, f"no account {command.account}"))
            return
        call = PjCall(
            self,
            account,
            call_id=command.call_id,
            local=command.local,
            signalling_ip=_host_of(command.target),
            state=CallState.CALLING,
            placed=command,
        )
        self._calls[command.call_id] = call
        try:
            call.makeCall(command.target, call_params(headers=command.headers))
        except pj.Error as error:
            if self._calls.pop(command.call_id, None) is not None:
                self.emit(CallEnded(command.call_id, EndedBy.US, 500, str(error.reason)))

    # --- called by accounts and calls -----------------------------------------------------

    def incoming(self, account: PjAccount, prm: Any) -> None:
        message = str(prm.rdata.wholeMsg)
        source = _address(str(prm.rdata.srcAddress))
        verdict = self._admission.judge(source[0], len(self._calls))
        local = None
        if isinstance(verdict, str):
            try:
                local = self._ports.reserve(time.monotonic())
            except NoPortsLeft as error:
                self.fault("reserve", error)
                verdict = Refusal(503, "No Media Port", retry_after_s=5)
        sip_call_id = sdp.header(message, "Call-ID") or sdp.header(message, "i") or ""
        from_uri = sdp.header(message, "From") or sdp.header(message, "f") or ""
        to_uri = sdp.header(message, "To") or sdp.header(message, "t") or ""
        call_id = new_call_id()
        call = PjCall(
            self,
            account,
            call_id=call_id,
            local=local,
            signalling_ip=source[0],
            state=CallState.OFFERED,
            pj_id=prm.callId,
        )
        if isinstance(verdict, Refusal) or local is None:
            assert isinstance(verdict, Refusal)
            self._refused.append((call, verdict))
            self.emit(
                CallRefused(sip_call_id, from_uri, to_uri, source, verdict.status, verdict.reason)
            )
            return
        self._calls[call_id] = call
        self.emit(
            IncomingCall(
                call_id=call_id,
                sip_call_id=sip_call_id,
                from_uri=from_uri,
                to_uri=to_uri,
                request_uri=message.split(" ", 2)[1],
                source=source,
                origin=verdict,
                local=local,
            )
        )

    def forget(self, call: PjCall) -> None:
        """The call is over; its object dies between two polls, never inside its callback."""
        if self._calls.pop(call.call_id, None) is not None:
            self._ended.append(call)

    def place_again(self, call: PjCall, source: str, challenge: str) -> bool:
        """Our call met a challenge before its account knew the realm. At most once an account."""
        if call.placed is None or not call.account.learn_from(source, challenge):
            return False
        self.forget(call)
        self._place(call.placed)
        return True

    def media_host_towards(self, peer: str) -> str:
        """The address that we put into SDP: the configured one, or the one that faces the peer."""
        host = self.settings.media_host
        return _facing(peer) if host == _ANY_ADDRESS else host

    def belongs(self, name: str, source: str) -> bool:
        return self._admission.belongs(name, _address(source)[0])

    def trust(self, name: str, source: str) -> None:
        """A registrar that answered may send us calls from the address it answered from."""
        host = _address(source)[0]
        if self._admission.origin(host) in (None, "anyone"):
            self._admission.allow(name, networks_of(host))

    # --- set-up ---------------------------------------------------------------------------

    def _library_config(self) -> Any:
        config = pj.EpConfig()
        config.uaConfig.threadCnt = 0
        config.uaConfig.mainThreadOnly = True
        config.uaConfig.maxCalls = self.settings.max_calls
        config.uaConfig.userAgent = self.settings.user_agent
        config.uaConfig.natTypeInSdp = 0
        config.medConfig.clockRate = 8000
        config.medConfig.sndClockRate = 8000
        config.medConfig.noVad = True
        level = 4 if self.settings.log_messages else 2
        config.logConfig.level = config.logConfig.consoleLevel = level
        config.logConfig.msgLogging = 1 if self.settings.log_messages else 0
        config.logConfig.decor = 0
        config.logConfig.writer = self._log_writer
        return config

    def _choose_codecs(self, library: Any) -> None:
        """Only G.711, in the configured order: whatever else was compiled in is not ours."""
        order = [name.upper() for name in self.settings.codecs]
        for codec in library.codecEnum2():
            name = str(codec.codecId).split("/")[0].upper()
            priority = 255 - order.index(name) if name in order and name in LAWS else 0
            library.codecSetPriority(codec.codecId, priority)

    def _listen(self, library: Any) -> None:
        port = self.settings.port
        for name in self.settings.transports:
            config = pj.TransportConfig()
            config.port = port
            config.boundAddress = self.settings.host
            config.publicAddress = self.settings.public_address
            try:
                transport = library.transportCreate(_TRANSPORTS[name], config)
            except pj.Error as error:
                if error.status == _ADDRESS_IN_USE:
                    raise PortTakenError(self.settings.host, port, name) from None
                raise CannotListenError(
                    f"cannot listen on {name} {self.settings.host}:{port}: {error.reason}"
                ) from None
            info = library.transportGetInfo(transport)
            self.bound[name] = _address(str(info.localAddress))
            # With port 0 the system chose one: the other transports share it.
            port = port or self.bound[name][1]


class _Library(pj.Endpoint):  # type: ignore[misc]  # SWIG classes are untyped
    def __init__(self, owner: SipEndpoint) -> None:
        super().__init__()
        self._owner = owner

    def onRejectedIncomingCall(self, prm: Any) -> None:  # noqa: N802 (pjsua2's name)
        """pjsip refused an INVITE by itself: no common codec, bad SDP, bad extension."""
        try:
            message = str(prm.rdata.wholeMsg)
            self._owner.emit(
                CallRefused(
                    sip_call_id=sdp.header(message, "Call-ID") or "",
                    from_uri=str(prm.remoteInfo),
                    to_uri=str(prm.localInfo),
                    source=_address(str(prm.rdata.srcAddress)),
                    status=int(prm.statusCode),
                    reason=str(prm.reason),
                )
            )
        except Exception as error:  # noqa: BLE001 (SWIG would swallow it)
            self._owner.fault("onRejectedIncomingCall", error)


# What pjsip says when it has no credential yet: that is how an account learns its realm.
_LEARNING = "PJSIP_ENOCREDENTIAL"


class _LogWriter(pj.LogWriter):  # type: ignore[misc]  # SWIG classes are untyped
    """pjsip's own log: its errors, and whole SIP messages when they were asked for."""

    def __init__(self, emit: Callable[[SipEvent], None], messages: bool) -> None:
        super().__init__()
        self._emit = emit
        self._messages = messages

    def write(self, entry: Any) -> None:
        text = str(entry.msg)
        head, _, body = text.partition("\n")
        if self._messages and " bytes " in head and (" msg " in head):
            direction = "received" if "RX " in head else "sent"
            self._emit(SipMessage(direction, _peer_of(head), body.rsplit("--end msg--", 1)[0]))
        elif entry.level <= 1 and _LEARNING not in text:
            self._emit(LibraryMessage(text.strip()))


def _peer_of(head: str) -> str:
    for word in (" from ", " to "):
        if word in head:
            return head.rsplit(word, 1)[1].rstrip(": ")
    return ""


def _address(text: str) -> Address:
    host, _, port = text.rpartition(":")
    return host.strip("[]"), int(port)


def _facing(peer: str) -> str:
    """Our address on the way to the peer. Connecting a UDP socket asks the routing table."""
    for host in (peer, _ROUTED_ANYWHERE):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
            try:
                probe.connect((host, 9))
            except OSError:
                continue
            return str(probe.getsockname()[0])
    return "127.0.0.1"


def _host_of(uri: str) -> str:
    """The host of a SIP URI that we were told to call."""
    address = uri.partition("<")[2].partition(">")[0] or uri
    host_port = address.partition(":")[2].rpartition("@")[2]
    return host_port.partition(";")[0].partition("?")[0].partition(":")[0]


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host


@contextlib.contextmanager
def _silent_stdout() -> Iterator[None]:
    """libCreate prints to stdout before any log setting can be made; `--json` needs it clean."""
    saved = os.dup(1)
    null = os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(null, 1)
        yield
    finally:
        os.dup2(saved, 1)
        os.close(saved)
        os.close(null)
