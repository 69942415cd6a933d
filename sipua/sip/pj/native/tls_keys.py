"""Which certificate we show, and whom we believe, when we connect to a trunk or account that has
keys of its own. pjsua2 thread only.

pjsip asks for each connection that it makes (scripts/build_pjsua2/tls_keys.cpp), by the host of the
URI. A request within a call goes where the peer's Contact says, which is often an address: the
keys of a host count for the addresses, too, that it has led to.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final, TypeAlias

from sipua.sip.pj.native.memory_files import MemoryFiles
from sipua.sip.wire.addresses import address
from sipua.sip.wire.tls import TlsKeys

OwnContents: TypeAlias = tuple[bytes, bytes, bytes]
"""Of the certificate, its key, `ca_file`."""
_ADDRESSES: Final = 4096
"""That are remembered; of more, those that were used first are forgotten."""


class OwnKeys:
    def __init__(self) -> None:
        self._of_host: dict[str, tuple[str, str, str, bool]] = {}
        """In memory files, and whether the server's certificate is checked."""
        self._with: dict[str, frozenset[str]] = {}
        """The hosts that have the same keys as this one."""
        self._used: dict[str, frozenset[str]] = {}
        """By address and port, of connections that have such keys: the hosts of these."""
        self._at: dict[str, str] = {}
        """The host of an address."""
        self._files = MemoryFiles()

    def use(self, every: Iterable[tuple[TlsKeys, OwnContents]]) -> None:
        """For connections that begin from now on."""
        self._files.replace()
        self._of_host.clear()
        self._with.clear()
        for keys, contents in every:
            certificate, key, authorities = map(self._files.name, contents)
            for host in keys.hosts:
                self._of_host[host] = (certificate, key, authorities, keys.verify)
                self._with[host] = frozenset(keys.hosts)
        self._at = {ip: host for ip, host in self._at.items() if host in self._of_host}

    def choose(self, prm: Any) -> None:
        """Of pjsua2's onTlsConnect."""
        if not self._of_host and not self._used:
            return
        host, ip = str(prm.host).lower().strip("[]"), address(str(prm.address))[0]
        if host in self._of_host:
            self._remember(ip, host)
        elif host == ip:  # a name that has none is another peer's, also at the same address
            host = self._at.get(ip, "")
        remote = str(prm.address)
        self._used.pop(remote, None)
        if found := self._of_host.get(host):
            prm.certificate, prm.key, prm.authorities, prm.verify = found
            prm.own = True
            if len(self._used) >= _ADDRESSES:
                del self._used[next(iter(self._used))]
            self._used[remote] = self._with[host]

    def only(self, remote: str) -> frozenset[str] | None:
        """The names that count of the certificate at the other end of a connection that we have
        made: authorities of one trunk's own say nothing about another one. None: all of them."""
        return self._used.get(remote)

    def close(self) -> None:
        """After the library's end."""
        self._files.close()

    def _remember(self, ip: str, host: str) -> None:
        self._at.pop(ip, None)
        if len(self._at) >= _ADDRESSES:
            del self._at[next(iter(self._at))]
        self._at[ip] = host
