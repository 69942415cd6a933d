"""The pjsua2 library: its start without media, its transports, its log.

pjsua2 thread only.
"""

from __future__ import annotations

import contextlib
import ctypes
import functools
import os
import re
import socket
from collections.abc import Callable, Iterator
from importlib.metadata import version
from typing import Any, Protocol

import pjsua2 as pj

from sipua.rtp.hostport import join
from sipua.rtp.ports import family_of
from sipua.sip.admission import invite
from sipua.sip.admission.admission import FORBIDDEN, Refusal
from sipua.sip.errors import CannotListenError, PortTakenError
from sipua.sip.messages import LibraryMessage, SipEvent, SipMessage
from sipua.sip.pj.dialogs.negotiated import LAWS
from sipua.sip.pj.native.connections import PeerConnections
from sipua.sip.pj.native.tls import NO_DELAY
from sipua.sip.pj.native.tls_in_use import TlsInUse
from sipua.sip.pj.native.waker import Waker, WakerError
from sipua.sip.pj.params import sip_header
from sipua.sip.settings import SipSettings
from sipua.sip.wire import texts
from sipua.sip.wire.addresses import Listener, address, of_family
from sipua.sip.wire.free_port import free_port

_ADDRESS_IN_USE = 120000 + 98  # PJ_STATUS_FROM_OS(EADDRINUSE)
_TRANSPORTS = {
    ("udp", socket.AF_INET): pj.PJSIP_TRANSPORT_UDP,
    ("udp", socket.AF_INET6): pj.PJSIP_TRANSPORT_UDP6,
    ("tcp", socket.AF_INET): pj.PJSIP_TRANSPORT_TCP,
    ("tcp", socket.AF_INET6): pj.PJSIP_TRANSPORT_TCP6,
}
TLS = "tls"


@functools.cache
def no_answer() -> int:
    """The status by which our build drops a request. One before the fourth would answer it as if it
    had not been judged: there it is refused."""
    build = re.search(r"\+sipua(\d+)", version("pjsua2-python"))
    return 1 if build and int(build[1]) >= 4 else FORBIDDEN.status


class RefusalOf(Protocol):
    def __call__(self, method: str, message: str, received: Any, *, within: bool) -> Refusal | None:
        """What a request gets instead of what it asks for."""


class Library(pj.Endpoint):  # type: ignore[misc]  # SWIG classes are untyped
    """The library; one per process. Call `begin` before anything else."""

    def __init__(
        self,
        settings: SipSettings,
        emit: Callable[[SipEvent], None],
        fault: Callable[[str, BaseException], None],
        account_for: Callable[[Any], int],
        refusal_of: RefusalOf,
        *,
        connections: PeerConnections,
        after: Callable[[float, Callable[[], None]], None],
    ) -> None:
        super().__init__()
        self._settings = settings
        self._emit = emit
        self._fault = fault
        self._account_for = account_for
        self._refusal_of = refusal_of
        self._connections = connections
        self._log_writer = _LogWriter(emit, settings.log_messages)
        self.tls: TlsInUse | None = None
        if settings.tls is not None:
            self.tls = TlsInUse(
                self,
                settings.tls,
                settings.hosts,
                public=lambda family: of_family(settings.public_addresses, family) or "",
                muted=self._log_writer.muted,
                emit=emit,
                after=after,
            )
            self._log_writer.read_too = self.tls.peers.read_log
        self._waker: Waker | None = None
        self._wakes = False

    def begin(self) -> tuple[Listener, ...]:
        """Start without media and listen; returns the addresses."""
        with _silent_stdout():
            self.libCreate()
        self.libInit(self._library_config())
        try:
            self._waker = Waker(self.libHandleEvents)
            self._wakes = True
        except WakerError as error:
            self._fault("waker", error)
        self.audDevManager().setNoDev()
        self._choose_codecs()
        listeners = tuple(self._listen())
        self.libStart()
        return listeners

    def poll(self, timeout_ms: int) -> None:
        self.libHandleEvents(timeout_ms)
        if self._waker is not None and self._wakes:
            try:
                self._waker.polled()
            except WakerError as error:
                self._wake_no_more(error)

    def can_wake(self) -> bool:
        return self._wakes

    def wake(self) -> None:
        """Called by any thread."""
        if self._waker is not None and self._wakes:
            try:
                self._waker.wake()
            except WakerError as error:
                self._wake_no_more(error)

    def _wake_no_more(self, error: WakerError) -> None:
        """Commands wait for the end of short polls from now on. The waker stays: pjsip reads into
        its memory until it is closed.
        """
        self._wakes = False
        self._fault("waker", error)

    def end(self) -> None:
        self._wakes = False
        if self._waker is not None:
            self._waker.close()
        # Without its second of waiting: `close` has waited for the answers.
        self.libDestroy(pj.PJSUA_DESTROY_NO_RX_MSG)
        if self.tls is not None:
            self.tls.close()

    def names(self, received: Any) -> frozenset[str]:
        """In the certificate of the connection that a request has come by."""
        return frozenset() if self.tls is None else self.tls.peers.names(received)

    def onTransportState(self, prm: Any) -> None:  # noqa: N802 (pjsua2's name)
        try:
            if self.tls is not None and str(prm.type).upper() == "TLS":
                self.tls.peers.changed(prm)
        except Exception as error:  # noqa: BLE001 (SWIG would swallow it)
            self._fault("onTransportState", error)

    def onNewRequest(self, prm: Any) -> None:  # noqa: N802 (our own build's: mends.py)
        """A request, before pjsip has spent anything on it: a refused one leaves no state."""
        try:
            message = str(prm.rdata.wholeMsg)
            within = bool(getattr(prm, "within", False))  # not before the fifth build
            refusal = self._refusal_of(str(prm.method), message, prm.rdata, within=within)
            if getattr(prm, "port", 0):  # by a connection; builds before the sixth do not say it
                self._connections.request(
                    prm.port,
                    str(prm.rdata.srcAddress),
                    self.names(prm.rdata),
                    begins_call=refusal is None and prm.method == "INVITE" and not within,
                )
        except Exception as error:  # noqa: BLE001 (SWIG would swallow it)
            self._fault("onNewRequest", error)
            refusal = Refusal(500, "Internal Error")
        if refusal is not None:
            prm.statusCode = no_answer() if refusal.silent else refusal.status
            prm.reason = refusal.reason
            for name, value in refusal.headers.items():
                prm.headers.push_back(sip_header(name, value))
            for challenge in refusal.challenges:
                prm.headers.push_back(sip_header("WWW-Authenticate", challenge))

    def onNewConnection(self, prm: Any) -> None:  # noqa: N802 (our own build's: mends.py)
        try:
            prm.refused = not self._connections.may_come(prm.socket, prm.port, str(prm.peer))
        except Exception as error:  # noqa: BLE001 (SWIG would swallow it)
            self._fault("onNewConnection", error)

    def onConnectionEnd(self, descriptor: int) -> None:  # noqa: N802 (our own build's)
        try:
            self._connections.ended(descriptor)
        except Exception as error:  # noqa: BLE001 (SWIG would swallow it)
            self._fault("onConnectionEnd", error)

    def onDialogConnection(self, prm: Any) -> None:  # noqa: N802 (our own build's)
        """A request within a call has come by a connection."""
        try:
            self._connections.of_call(prm.port, str(prm.peer))
        except Exception as error:  # noqa: BLE001 (SWIG would swallow it)
            self._fault("onDialogConnection", error)

    def onTlsConnect(self, prm: Any) -> None:  # noqa: N802 (our own build's: mends.py)
        try:
            if self.tls is not None:
                self.tls.keys.choose(prm)
        except Exception as error:  # noqa: BLE001 (SWIG would swallow it)
            self._fault("onTlsConnect", error)

    def onSelectAccount(self, prm: Any) -> None:  # noqa: N802 (pjsua2's name)
        """Select by the source of the call. pjsip selects by names in it, which the caller chooses:
        so an attacker would be answered with an account's identity and credentials (S14).
        """
        try:
            prm.accountIndex = self._account_for(prm.rdata)
        except Exception as error:  # noqa: BLE001 (SWIG would swallow it)
            self._fault("onSelectAccount", error)

    def onRejectedIncomingCall(self, prm: Any) -> None:  # noqa: N802
        """pjsip refused an INVITE by itself: no common codec, bad SDP, bad extension."""
        try:
            request = invite.read(str(prm.rdata.wholeMsg), str(prm.rdata.srcAddress))
            refusal = Refusal(int(prm.statusCode), texts.line(str(prm.reason)))
            self._emit(request.refused(refusal))
        except Exception as error:  # noqa: BLE001 (SWIG would swallow it)
            self._fault("onRejectedIncomingCall", error)

    def _library_config(self) -> Any:
        config = pj.EpConfig()
        config.uaConfig.threadCnt = 0
        config.uaConfig.mainThreadOnly = True
        config.uaConfig.maxCalls = self._settings.max_calls
        config.uaConfig.userAgent = self._settings.user_agent
        config.uaConfig.natTypeInSdp = 0
        # No thread for media that never comes; by default one polls every 10 ms.
        config.medConfig.threadCnt = 0
        config.medConfig.hasIoqueue = False
        config.medConfig.clockRate = 8000
        config.medConfig.sndClockRate = 8000
        config.medConfig.noVad = True
        level = 4 if self._settings.log_messages else 2 if self.tls is None else 3
        config.logConfig.level = config.logConfig.consoleLevel = level
        config.logConfig.msgLogging = 1 if self._settings.log_messages else 0
        config.logConfig.decor = 0
        config.logConfig.writer = self._log_writer
        return config

    def _choose_codecs(self) -> None:
        """Choose only G.711, in the configured order, whatever else was compiled in. A law that is
        not configured comes last: `wire.codecs` leaves it out, but for a trunk that wants it.
        """
        order = list(dict.fromkeys((*self._settings.codecs, *LAWS)))
        for codec in self.codecEnum2():
            name = str(codec.codecId).split("/")[0].upper()
            priority = 255 - order.index(name) if name in order and name in LAWS else 0
            self.codecSetPriority(codec.codecId, priority)

    def _listen(self) -> Iterator[Listener]:
        """Listen with each transport on each of our hosts, as a socket has one family."""
        settings = self._settings
        transports = [name for name in settings.transports if name != TLS]
        port = settings.port or free_port(settings.hosts, transports)
        for host in settings.hosts:
            for name in transports:
                listener = self._listen_on(name, host, port)
                port = listener.address[1]
                yield listener
        if self.tls is not None:
            yield from self.tls.open()

    def _listen_on(self, name: str, host: str, port: int) -> Listener:
        family = family_of(host)
        config = pj.TransportConfig()
        config.port = port
        config.boundAddress = host
        if name == "tcp":
            config.sockOptParams.sockOpts.push_back(NO_DELAY)
        config.publicAddress = of_family(self._settings.public_addresses, family) or ""
        try:
            with self._log_writer.muted():
                transport = self.transportCreate(_TRANSPORTS[name, family], config)
        except pj.Error as error:
            if error.status == _ADDRESS_IN_USE:
                raise PortTakenError(host, port, name) from None
            raise CannotListenError(
                f"cannot listen on {name} {join(host, port)}: {error.reason}"
            ) from None
        # For TCP pjsip names one interface of many; only the port is used.
        bound = address(str(self.transportGetInfo(transport).localAddress))
        return Listener(name, (host, bound[1]))


# pjsip's error when it has no credential yet: this is how an account learns its realm.
_LEARNING = "PJSIP_ENOCREDENTIAL"
# Of a handshake; what has become of it follows at another level.
_SLOW_HANDSHAKE = "SSL timeout after"


class _LogWriter(pj.LogWriter):  # type: ignore[misc]  # SWIG classes are untyped
    """pjsip's own log: its errors, and whole SIP messages when they were asked for."""

    def __init__(self, emit: Callable[[SipEvent], None], messages: bool) -> None:
        super().__init__()
        self._emit = emit
        self._messages = messages
        self._muted = False
        self.read_too: Callable[[str], bool] = lambda _: False

    @contextlib.contextmanager
    def muted(self) -> Iterator[None]:
        """Do not log pjsip's errors in here: an exception reports them, with their fix."""
        self._muted = True
        try:
            yield
        finally:
            self._muted = False

    def write(self, entry: Any) -> None:
        text = str(entry.msg)
        head, _, body = text.partition("\n")
        if self._messages and " bytes " in head and (" msg " in head):
            direction = "received" if "RX " in head else "sent"
            self._emit(SipMessage(direction, _peer_of(head), body.rsplit("--end msg--", 1)[0]))
        elif self._muted or self.read_too(text):
            return
        elif entry.level <= 1 and _LEARNING not in text and _SLOW_HANDSHAKE not in text:
            self._emit(LibraryMessage(texts.line(text.strip())))


def _peer_of(head: str) -> str:
    for word in (" from ", " to "):
        if word in head:
            return head.rsplit(word, 1)[1].rstrip(": ")
    return ""


@contextlib.contextmanager
def _silent_stdout() -> Iterator[None]:
    """Silence stdout: libCreate prints to it before its log can be set; `--json` needs it clean."""
    saved = os.dup(1)
    null = os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(null, 1)
        yield
    finally:
        # C buffers its output to a pipe or a file until the process ends.
        ctypes.CDLL(None).fflush(None)
        os.dup2(saved, 1)
        os.close(saved)
        os.close(null)
