"""Our transports for TLS: one that connects and one that listens, on each of our hosts. pjsua2
thread only.

    connector   certificates of servers are checked by `ca_file`; asked first, so all calls out
                and registrations begin with it
    listener    tells peers of `client_ca_file`; `TlsPeers` checks their certificates

pjsip has one list of authorities for both directions of a transport, and tells a peer that connects
all of their names: 14 KB with those of the system. So there are two. pjsip cannot make one without
a socket that listens, but goes on without it when the port is taken: the connector is made while a
socket of ours has the port.

The files are read here and given to pjsip as files in memory: pjsip reads them at each connection,
and what a renewal has half written would fail there. Other files make other transports; connections
that are up keep theirs, and the calls of these go on.
"""

from __future__ import annotations

import contextlib
import ctypes
import errno
import os
import socket
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, Final, TypeAlias

import pjsua2 as pj
from pjsua2 import _pjsua2

from sipua.rtp.hostport import join
from sipua.rtp.ports import family_of
from sipua.sip.errors import CannotListenError
from sipua.sip.pj.native import openssl
from sipua.sip.pj.native.memory_files import MemoryFiles
from sipua.sip.wire.addresses import Listener
from sipua.sip.wire.tls import TlsSettings

HANDSHAKE_S: Final = 5.0
"""A peer that is not through with it by then is cut off."""
_WAITING: Final = 1024
_CIPHERS: Final = (0xC02B, 0xC02F, 0xC02C, 0xC030, 0xCCA9, 0xCCA8, 0x009E, 0x009F)
"""Of TLS 1.2: a new key for each connection, and AEAD. TLS 1.3 has no others."""
NO_DELAY: Final = pj.SockOpt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
"""Without it a 180 behind a 100 waits until the peer's system has acknowledged that: 40 ms. pjsip
reads its value here."""
Contents: TypeAlias = tuple[bytes, bytes, bytes, bytes]
"""Of the certificate, its key, `ca_file` and `client_ca_file`."""
_KINDS: Final = {socket.AF_INET: "PJSIP_TRANSPORT_TLS", socket.AF_INET6: "PJSIP_TRANSPORT_TLS6"}


class TlsTransports:
    def __init__(
        self,
        library: Any,
        settings: TlsSettings,
        hosts: Sequence[str],
        public: Callable[[socket.AddressFamily], str],
        muted: Callable[[], AbstractContextManager[None]],
    ) -> None:
        """`library`: pjsua2's Endpoint. `muted`: without pjsip's own log."""
        self._library = library
        self._settings = settings
        self._hosts = hosts
        self._public = public
        self._muted = muted
        self.port = settings.port
        self._made: list[int] = []
        self._files = MemoryFiles()
        self._contents: Contents = (b"", b"", b"", b"")

    def open(self, contents: Contents) -> list[Listener]:
        """Where it listens. Raises CannotListenError."""
        check_build()
        self._contents = contents
        return list(self._make())

    def differs(self, settings: TlsSettings, contents: Contents) -> bool:
        return (settings, contents) != (self._settings, self._contents)

    def use(self, settings: TlsSettings, contents: Contents) -> None:
        """Raises CannotListenError: nothing listens now."""
        self._settings, self._contents = settings, contents
        self.make_anew()

    def make_anew(self) -> None:
        """Raises CannotListenError."""
        made, self._made = self._made, []
        for transport in made:
            with contextlib.suppress(pj.Error):
                self._library.transportClose(transport)
        self._files.replace()
        list(self._make())

    def close(self) -> None:
        """After the library's end."""
        self._files.close()

    def _make(self) -> Iterator[Listener]:
        certificate, key, ca_file, client_ca_file = map(self._files.name, self._contents)
        for host in self._hosts:
            config = self._config(host, certificate, key)
            config.tlsConfig.CaListFile = ca_file
            config.tlsConfig.verifyServer = self._settings.verify
            if not certificate:  # nothing listens: any port will do, and 5061 may be another's
                with _taken(host, 0) as config.port:
                    self._create(host, config)
                continue
            with _taken(host, self.port) as port:
                config.port = self.port = port
                self._create(host, config)
            config = self._config(host, certificate, key)
            config.tlsConfig.CaListFile = client_ca_file
            config.tlsConfig.requireClientCert = self._settings.clients_need_one
            self._create(host, config)
            _prepare(host, port)
            yield Listener("tls", (host, port))

    def _config(self, host: str, certificate: str, key: str) -> Any:
        config = pj.TransportConfig()
        config.port = self.port
        config.boundAddress = host
        config.publicAddress = self._public(family_of(host))
        tls = config.tlsConfig
        tls.certFile, tls.privKeyFile = certificate, key
        tls.proto = pj.PJ_SSL_SOCK_PROTO_TLS1_2 | pj.PJ_SSL_SOCK_PROTO_TLS1_3
        for cipher in _CIPHERS:
            tls.ciphers.push_back(cipher)
        tls.msecTimeout = int(HANDSHAKE_S * 1000)
        tls.sockOptParams.sockOpts.push_back(NO_DELAY)
        return config

    def _create(self, host: str, config: Any) -> None:
        try:
            with self._muted():
                kind = getattr(pj, _KINDS[family_of(host)])
                self._made.append(int(self._library.transportCreate(kind, config)))
        except pj.Error as error:
            where = join(host, self.port)
            raise CannotListenError(f"cannot listen on tls {where}: {error.reason}") from None

    def authorities(self) -> openssl.Authorities | None:
        """Those of peers that connect to us; None: there are none."""
        file = self._files.name(self._contents[3])
        return openssl.Authorities(file) if file else None


def _prepare(host: str, port: int) -> None:
    """Have the socket that listens wait longer for less. Raises CannotListenError: there is none,
    which pjsip does not tell.

    pjsip's has room for five connections that it has not accepted yet; a sixth comes a second
    later. And a peer that says nothing after it has connected has 150 KB of pjsip: so it does not
    get there (tcp(7)), and waits in the kernel.
    """
    for descriptor in _sockets():
        with contextlib.suppress(OSError), socket.socket(fileno=os.dup(descriptor)) as one:
            listens = one.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN)
            if listens and one.getsockname()[:2] == (host, port):
                one.listen(_WAITING)
                one.setsockopt(socket.IPPROTO_TCP, socket.TCP_DEFER_ACCEPT, int(HANDSHAKE_S))
                return
    raise CannotListenError(f"cannot listen on tls {join(host, port)}", "another `sip.tls.port`")


def _sockets() -> Iterator[int]:
    for link in Path("/proc/self/fd").iterdir():
        with contextlib.suppress(OSError):  # the one that lists them is gone
            if link.readlink().name.startswith("socket:"):
                yield int(link.name)


def check_build() -> None:
    """Raises CannotListenError where this pjsua2 has an OpenSSL without security fixes."""
    if not openssl.is_new_enough():
        raise CannotListenError(
            "tls among `sip.transports` needs a pjsua2 with OpenSSL 3; this one has an older one",
            "`make pjsua2` builds one with the system's, or leave tls out",
        )


def check_own_keys(settings: TlsSettings) -> None:
    """Raises CannotListenError where this pjsua2 does not ask for the keys of a connection."""
    if settings.own and not hasattr(pj, "OnTlsConnectParam"):
        raise CannotListenError(
            f"{settings.own[0].where}* needs the production build of pjsua2",
            "`make pjsua2` makes it; or leave the tls_ keys of trunks and accounts out",
        )


def shut_down(connection: int) -> None:
    """By its pointer. pjsua2's own function does not take the one that its callback gives."""
    ctypes.CDLL(_pjsua2.__file__).pjsip_transport_shutdown(ctypes.c_void_p(connection))


def read(settings: TlsSettings) -> Contents:
    """Raises OSError."""
    names = (settings.certificate, settings.key, settings.ca_file, settings.client_ca_file)
    certificate, key, ca_file, client_ca_file = map(contents_of, names)
    return certificate, key, ca_file, client_ca_file


def contents_of(name: str) -> bytes:
    """Raises OSError."""
    return Path(name).read_bytes() if name else b""


@contextlib.contextmanager
def _taken(host: str, port: int) -> Iterator[int]:
    """Hold a port, or a free one for 0, so that another socket cannot listen on it."""
    family = family_of(host)
    with socket.socket(family, socket.SOCK_STREAM) as held:
        held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            held.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        try:
            held.bind((host, port))
            held.listen(1)
        except OSError as error:
            text = f"cannot listen on tls {join(host, port)}: {error.strerror}"
            taken = error.errno == errno.EADDRINUSE
            fix = (
                "another `sip.tls.port`, or stop what has it (ss -ltnp)" if taken else "`sip.host`"
            )
            raise CannotListenError(text, fix) from None
        yield int(held.getsockname()[1])
