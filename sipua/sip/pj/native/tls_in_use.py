"""SIP over TLS as signalling uses it: transports, peers, and how long our certificate holds.
pjsua2 thread only.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from socket import AddressFamily
from typing import Any, Final

from sipua.sip.errors import CannotListenError
from sipua.sip.messages import SipEvent
from sipua.sip.pj.native.tls import Contents, TlsTransports, read, shut_down
from sipua.sip.pj.native.tls_peers import TlsPeers
from sipua.sip.wire import certificate
from sipua.sip.wire.addresses import Listener
from sipua.sip.wire.certificate import Certificate, CertificateError
from sipua.sip.wire.tls import CertificateExpires, TlsNotReady, TlsReady, TlsSettings

_LOOK_S: Final = 3600.0
_AGAIN_S: Final = 5.0
_TRIES: Final = 3


class TlsInUse:
    def __init__(
        self,
        library: Any,
        settings: TlsSettings,
        hosts: Sequence[str],
        *,
        public: Callable[[AddressFamily], str],
        muted: Callable[[], AbstractContextManager[None]],
        emit: Callable[[SipEvent], None],
        after: Callable[[float, Callable[[], None]], None],
    ) -> None:
        """As `TlsTransports`."""
        self._transports = TlsTransports(library, settings, hosts, public, muted)
        self._settings = settings
        self._emit = emit
        self._after = after
        self.peers = TlsPeers(emit, shut_down)
        self._ours: Certificate | None = None
        self._told_days: int | None = None
        self._turn = 0
        """Of the files in use: an attempt with earlier ones is not made any more."""

    def open(self) -> list[Listener]:
        """Where it listens. Raises CannotListenError."""
        try:
            self._ours, contents = _checked(self._settings)
        except CertificateError as error:
            raise CannotListenError(f"sip.tls.{error.key} {error.what}", error.fix) from None
        listeners = self._transports.open(contents)
        self._in_use(anew=False)
        self._look()
        return listeners

    def use(self, settings: TlsSettings) -> None:
        """New connections begin with these files, and what is in them now. What is wrong with them
        is told, and nothing changes."""
        if bool(settings.certificate) != bool(self._settings.certificate):
            cause = "whether this edge listens by TLS (sip.tls.certificate) changes with a restart"
            self._emit(TlsNotReady(cause, "restart the edge"))
            return
        now = _read(settings)
        if now is not None and not self._transports.differs(settings, now):
            return
        try:
            ours, contents = _checked(settings)
        except CertificateError as error:
            self._emit(TlsNotReady(f"sip.tls.{error.key} {error.what}", error.fix))
            return
        self._settings, self._ours = settings, ours
        self._turn += 1
        try:
            self._transports.use(settings, contents)
        except CannotListenError as error:
            self._listen_later(error)
        else:
            self._in_use(anew=True)
            self._tell_expiry()

    def _listen_later(self, error: CannotListenError) -> None:
        cause = f"{error}: nothing connects by TLS until it works, in {_AGAIN_S:g} s"
        self._emit(TlsNotReady(cause, error.fix))
        turn = self._turn
        self._after(_AGAIN_S, lambda: self._listen_again(turn))

    def _listen_again(self, turn: int) -> None:
        if turn != self._turn:
            return
        try:
            self._transports.make_anew()
        except CannotListenError as error:
            self._listen_later(error)
        else:
            self._in_use(anew=True)
            self._tell_expiry()

    def close(self) -> None:
        self.peers.use(None, needed=False, port=0)
        self._transports.close()

    def _in_use(self, *, anew: bool) -> None:
        transports, ours = self._transports, self._ours
        needed = self._settings.clients_need_one
        self.peers.use(transports.authorities(), needed=needed, port=transports.port)
        self._told_days = None
        if ours is None:
            self._emit(TlsReady((), None, None, anew))
        else:
            days = ours.days_left(time.time())
            self._emit(TlsReady(ours.names, ours.ends_at, days, anew))

    def _look(self) -> None:
        self._tell_expiry()
        self._after(_LOOK_S, self._look)

    def _tell_expiry(self) -> None:
        if self._ours is None:
            return
        days = self._ours.days_left(time.time())
        step = certificate.warning_step(days)
        if step is not None and step != self._told_days:
            self._told_days = step
            self._emit(CertificateExpires(self._ours.names, self._ours.ends_at, days))


def _checked(settings: TlsSettings) -> tuple[Certificate | None, Contents]:
    """Our certificate, and the files as they were when they were checked: a renewal writes one
    after the other. Raises CertificateError."""
    for _ in range(_TRIES):
        now, contents = time.time(), _read(settings)
        try:
            certificate.check("", "", settings.client_ca_file, now)
        except CertificateError as error:
            raise CertificateError("client_ca_file", error.what, error.fix) from None
        try:
            ours = certificate.check(settings.certificate, settings.key, settings.ca_file, now)
        except OSError:  # it has gone between two looks
            continue
        if contents is not None and _read(settings) == contents:
            return ours, contents
    raise CertificateError("certificate", "is being written", "reload again")


def _read(settings: TlsSettings) -> Contents | None:
    """None: one cannot be read; the check says which, and why."""
    try:
        return read(settings)
    except OSError:
        return None
