"""The certificates of the peers whose connections by TLS are up. pjsua2 thread only.

A request belongs to a connection, and not to an address: a datagram may say to come from any. Which
connection that is pjsua2 does not show; pjsip has it in the second field of what it has received
(pjsip_rx_data.tp_info.transport), and tells the same pointer when a connection comes or goes.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Iterable
from typing import Any, Final

import pjsua2 as pj

from sipua.sip.pj.native.openssl import Authorities
from sipua.sip.wire import texts
from sipua.sip.wire.addresses import address
from sipua.sip.wire.tls import TlsRefused

_POINTER: Final = ctypes.sizeof(ctypes.c_void_p)
_NO_NAMES: Final[frozenset[str]] = frozenset()
_NAMING: Final = (pj.PJ_SSL_CERT_NAME_DNS, pj.PJ_SSL_CERT_NAME_IP, pj.PJ_SSL_CERT_NAME_URI)
_HANDSHAKE: Final = "Handshake failed on "


class TlsPeers:
    def __init__(
        self,
        tell: Callable[[TlsRefused], None],
        shut_down: Callable[[int], None],
        only: Callable[[str], frozenset[str] | None],
    ) -> None:
        """`shut_down`: a connection, by its pointer. `only`: `OwnKeys.only`."""
        self._tell = tell
        self._shut_down = shut_down
        self._only = only
        self._names: dict[int, frozenset[str]] = {}
        self._authorities: Authorities | None = None
        self._needed = False
        self._port = 0

    def use(self, authorities: Authorities | None, *, needed: bool, port: int) -> None:
        """For connections that begin from now on. `needed`: by every peer that connects to us.
        `port`: that we listen on."""
        if self._authorities is not None:
            self._authorities.close()
        self._authorities, self._needed, self._port = authorities, needed, port

    def changed(self, prm: Any) -> None:
        """A connection has come, or gone."""
        self._names.pop(int(prm.hnd), None)
        if prm.tlsInfo.isEmpty():
            return
        incoming = address(str(prm.tlsInfo.localAddr))[1] == self._port
        if prm.state != pj.PJSIP_TP_STATE_CONNECTED:
            if prm.tlsInfo.verifyStatus and not incoming:
                causes = "; ".join(str(one) for one in prm.tlsInfo.verifyMsgs)
                self._refused(prm, causes, outgoing=True)
        elif incoming:
            self._begun(prm)
        elif not prm.tlsInfo.verifyStatus:
            self._learn(prm, self._only(str(prm.tlsInfo.remoteAddr)))

    def _begun(self, prm: Any) -> None:
        """By the peer. What its certificate says counts only when an authority of ours says so."""
        if self._authorities is None:
            return
        cause = "not checked"
        try:
            shown = str(prm.tlsInfo.remoteCertInfo.raw)
            cause = self._authorities.refusal_of(shown) if shown else "it has no certificate"
        finally:
            if cause and self._needed:
                self._shut_down(int(prm.hnd))
        if not cause:
            self._learn(prm)
        elif shown or self._needed:
            self._refused(prm, cause, outgoing=False)

    def _learn(self, prm: Any, only: frozenset[str] | None = None) -> None:
        shown = prm.tlsInfo.remoteCertInfo
        alternative = [(name.type, str(name.name)) for name in shown.subjectAltName]
        names = names_of(alternative, str(shown.subjectCn))
        self._names[int(prm.hnd)] = names if only is None else names & only

    def _refused(self, prm: Any, cause: str, *, outgoing: bool) -> None:
        peer = texts.line(str(prm.tlsInfo.remoteAddr))
        self._tell(TlsRefused(peer, outgoing, texts.line(cause)))

    def names(self, received: Any) -> frozenset[str]:
        """The names in the certificate of the connection that this request has come by."""
        if not self._names:
            return _NO_NAMES
        place = int(received.pjRxData) + _POINTER
        return self._names.get(ctypes.c_void_p.from_address(place).value or 0, _NO_NAMES)

    def read_log(self, text: str) -> bool:
        """A line of pjsip's log, which alone has the end of a handshake; False: it is another."""
        if not text.startswith(_HANDSHAKE):
            return False
        for way, outgoing in ((" in accepting ", False), (" in connecting to ", True)):
            _, found, rest = text.partition(way)
            peer, colon, cause = rest.partition(": ")
            if found and colon:
                self._tell(TlsRefused(texts.line(peer), outgoing, texts.line(cause.strip())))
        return True


def names_of(alternative: Iterable[tuple[int, str]], common: str) -> frozenset[str]:
    """RFC 5922 7.1: the subject counts where no alternative name does."""
    names = {name.lower() for kind, name in alternative if kind in _NAMING}
    return frozenset(names or ({common.lower()} if common else ()))
