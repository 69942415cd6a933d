"""SIP over TLS as signalling uses it: transports, peers, and how long our certificate holds.
pjsua2 thread only.
"""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from socket import AddressFamily
from typing import Any, Final, NamedTuple

from sipua.sip.errors import CannotListenError
from sipua.sip.messages import SipEvent
from sipua.sip.pj.native.tls import (
    Contents,
    TlsTransports,
    check_own_keys,
    contents_of,
    read,
    shut_down,
)
from sipua.sip.pj.native.tls_keys import OwnContents, OwnKeys
from sipua.sip.pj.native.tls_peers import TlsPeers
from sipua.sip.wire import certificate
from sipua.sip.wire.addresses import Listener
from sipua.sip.wire.certificate import Certificate, CertificateError
from sipua.sip.wire.tls import CertificateExpires, TlsKeys, TlsNotReady, TlsReady, TlsSettings

_LOOK_S: Final = 3600.0
_AGAIN_S: Final = 5.0
_TRIES: Final = 3


class _Files(NamedTuple):
    main: Contents
    own: tuple[OwnContents, ...]
    """Of trunks and accounts."""


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
        self._transports = TlsTransports(library, _main(settings), hosts, public, muted)
        self._settings = settings
        self._emit = emit
        self._after = after
        self.keys = OwnKeys()
        self.peers = TlsPeers(emit, shut_down, self.keys.only)
        self._own: tuple[OwnContents, ...] = ()
        self._ours: Certificate | None = None
        self._of_peers: list[Certificate] = []
        self._told_days: dict[Certificate, int] = {}
        self._turn = 0
        """Of the files in use: an attempt with earlier ones is not made any more."""

    def open(self) -> list[Listener]:
        """Where it listens. Raises CannotListenError."""
        check_own_keys(self._settings)
        try:
            self._ours, self._of_peers, files = _checked(self._settings)
        except CertificateError as error:
            raise CannotListenError(f"{error.key} {error.what}", error.fix) from None
        listeners = self._transports.open(files.main)
        self._use_own(self._settings.own, files.own)
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
        try:
            check_own_keys(settings)
        except CannotListenError as error:
            self._emit(TlsNotReady(str(error), error.fix))
            return
        now = _read(settings)
        if now is not None and not self._differs(settings, now):
            return
        try:
            ours, self._of_peers, files = _checked(settings)
        except CertificateError as error:
            self._emit(TlsNotReady(f"{error.key} {error.what}", error.fix))
            return
        self._settings, self._ours = settings, ours
        self._use_own(settings.own, files.own)
        if not self._transports.differs(_main(settings), files.main):
            self._tell_expiry()
            return
        self._turn += 1
        try:
            self._transports.use(_main(settings), files.main)
        except CannotListenError as error:
            self._listen_later(error)
        else:
            self._in_use(anew=True)
            self._tell_expiry()

    def _differs(self, settings: TlsSettings, files: _Files) -> bool:
        own = (settings.own, files.own) != (self._settings.own, self._own)
        return own or self._transports.differs(_main(settings), files.main)

    def _use_own(self, own: tuple[TlsKeys, ...], contents: tuple[OwnContents, ...]) -> None:
        self._own = contents
        self.keys.use(zip(own, contents, strict=True))

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
        self.keys.close()

    def _in_use(self, *, anew: bool) -> None:
        transports, ours = self._transports, self._ours
        needed = self._settings.clients_need_one
        self.peers.use(transports.authorities(), needed=needed, port=transports.port)
        self._told_days.clear()
        if ours is None:
            self._emit(TlsReady((), None, None, anew))
        else:
            days = ours.days_left(time.time())
            self._emit(TlsReady(ours.names, ours.ends_at, days, anew))

    def _look(self) -> None:
        self._tell_expiry()
        self._after(_LOOK_S, self._look)

    def _tell_expiry(self) -> None:
        for one in (self._ours, *self._of_peers):
            if one is None:
                continue
            days = one.days_left(time.time())
            step = certificate.warning_step(days)
            if step is not None and step != self._told_days.get(one):
                self._told_days[one] = step
                self._emit(CertificateExpires(one.names, one.ends_at, days))


def _main(settings: TlsSettings) -> TlsSettings:
    """What the transports are made with: others for a trunk alone do not make them anew."""
    return dataclasses.replace(settings, own=())


def _checked(settings: TlsSettings) -> tuple[Certificate | None, list[Certificate], _Files]:
    """Our certificate, those of trunks and accounts, and the files as they were when they were
    checked: a renewal writes one after the other. Raises CertificateError, with its whole key."""
    for _ in range(_TRIES):
        now, files = time.time(), _read(settings)
        _check("sip.tls.client_", "", "", settings.client_ca_file, now)
        try:
            ours = _check("sip.tls.", settings.certificate, settings.key, settings.ca_file, now)
            own = [
                _check(one.where, one.certificate, one.key, one.ca_file, now)
                for one in settings.own
            ]
        except OSError:  # it has gone between two looks
            continue
        if files is not None and _read(settings) == files:
            return ours, [one for one in own if one is not None], files
    raise CertificateError("sip.tls.certificate", "is being written", "reload again")


def _check(where: str, own: str, key: str, ca_file: str, now: float) -> Certificate | None:
    try:
        return certificate.check(own, key, ca_file, now)
    except CertificateError as error:
        raise CertificateError(f"{where}{error.key}", error.what, error.fix) from None


def _read(settings: TlsSettings) -> _Files | None:
    """None: one cannot be read; the check says which, and why."""
    try:
        own = [
            tuple(contents_of(name) for name in (one.certificate, one.key, one.ca_file))
            for one in settings.own
        ]
        return _Files(read(settings), tuple((one[0], one[1], one[2]) for one in own))
    except OSError:
        return None
