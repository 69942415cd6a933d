"""Network namespaces: hosts, a wire between them, a NAT, as the kernel has them.

    with Network() as network:
        edge = network.host("edge", "203.0.113.1/24")
        home = network.behind_nat("203.0.113.9/24", "192.168.77.0/24")
        udp = home.udp(("192.168.77.5", 4000))
        Edge(tmp_path, {"sip": {"host": "203.0.113.1"}}, inside=edge.command)

A namespace is held by a child process, so none is left behind when the test run dies. Sockets are
opened in them by a thread that goes there; commands by nsenter. It takes root.
"""

import ctypes
import itertools
import os
import signal
import socket
import struct
import subprocess
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Self

from support.process import wait_until

_CLONE_NEWNET = 0x40000000
_NAT = """
table ip nat {{
    chain prerouting {{
        type nat hook prerouting priority -100
    }}
    chain postrouting {{
        type nat hook postrouting priority 100
        oifname "wan" masquerade {how}
        iifname "lan" oifname "lan" masquerade
    }}
}}
"""


def why_impossible() -> str:
    """What the kernel refuses; empty where namespaces can be made."""
    made = subprocess.run(
        ["unshare", "-n", "ip", "link", "set", "lo", "up"],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "LC_ALL": "C"},
    )
    return made.stderr.strip() if "not permitted" in made.stderr else ""


class Host:
    """One namespace. `command` goes before what is to run in it."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.router: Host | None = None
        """The NAT that it is behind."""
        own = _inode("self")
        self._holder = subprocess.Popen(
            ["setpriv", "--pdeathsig", "KILL", "unshare", "-n", "sleep", "infinity"]
        )
        self.pid = self._holder.pid
        self.command = ("nsenter", "-t", str(self.pid), "-n")
        wait_until(lambda: _inode(str(self.pid)) != own, 5, f"the namespace of {name}")
        self.run("ip", "link", "set", "lo", "up")

    def run(self, *command: str, text: str | None = None) -> None:
        done = subprocess.run(
            [*self.command, *command], input=text, capture_output=True, text=True, check=False
        )
        if done.returncode:
            raise RuntimeError(f"{' '.join(command)} in {self.name}: {done.stderr.strip()}")

    def address(self, interface: str, *addresses: str) -> None:
        for address in addresses:
            self.run("ip", "address", "add", address, "dev", interface)
        self.run("ip", "link", "set", interface, "up")

    def forward(self, port: int, to: str) -> None:
        """Of a NAT: what comes to this port by UDP, from the LAN as well (hairpin), goes there."""
        rule = f"ip daddr != {to} udp dport {port} dnat to {to}"
        self.run("nft", "add", "rule", "ip", "nat", "prerouting", *rule.split())

    def udp(self, address: tuple[str, int]) -> socket.socket:
        family = socket.AF_INET6 if ":" in address[0] else socket.AF_INET

        def bound() -> socket.socket:
            udp = socket.socket(family, socket.SOCK_DGRAM)
            try:
                udp.bind(address)
            except OSError:
                udp.close()
                raise
            return udp

        return self._open(bound)

    def forger(self, source: tuple[str, int]) -> "Forger":
        return Forger(self._open(_raw), source)

    def _open(self, make: Callable[[], socket.socket]) -> socket.socket:
        opened: list[socket.socket] = []
        failed: list[OSError] = []

        def open_there() -> None:
            libc = ctypes.CDLL(None, use_errno=True)
            with Path(f"/proc/{self.pid}/ns/net").open() as there:
                if libc.setns(there.fileno(), _CLONE_NEWNET):
                    failed.append(OSError(ctypes.get_errno(), f"setns to {self.name}"))
                    return
            try:
                opened.append(make())
            except OSError as error:
                failed.append(error)

        thread = threading.Thread(target=open_there)
        thread.start()
        thread.join()
        if failed:
            raise failed[0]
        return opened[0]

    def close(self) -> None:
        self._holder.send_signal(signal.SIGKILL)
        self._holder.wait()


def _raw() -> socket.socket:
    return socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW)


class Forger:
    """Sends by UDP under the address of another host, and hears nothing."""

    def __init__(self, raw: socket.socket, source: tuple[str, int]) -> None:
        self._raw, self._source = raw, source

    def sendto(self, payload: bytes, to: tuple[str, int]) -> None:
        length = 8 + len(payload)
        hosts = socket.inet_aton(self._source[0]) + socket.inet_aton(to[0])
        ip = struct.pack("!BBHHHBBH8s", 0x45, 0, 20 + length, 0, 0, 64, 17, 0, hosts)
        udp = struct.pack("!HHHH", self._source[1], to[1], length, 0)
        self._raw.sendto(ip + udp + payload, to)

    def recv(self, _size: int, _flags: int = 0) -> bytes:
        raise BlockingIOError

    def close(self) -> None:
        self._raw.close()


class Network:
    """A switch with hosts on it."""

    def __init__(self) -> None:
        self._hosts: list[Host] = []
        self._wires = itertools.count(1)
        self._switch = self._new("switch")
        self._switch.run("ip", "link", "add", "br0", "type", "bridge")
        self._switch.run("ip", "link", "set", "br0", "up")

    def host(self, name: str, *addresses: str) -> Host:
        """On the switch, by its interface `wan`."""
        host = self._new(name)
        port = f"port{next(self._wires)}"
        self._wire(self._switch, port, host, "wan")
        self._switch.run("ip", "link", "set", port, "master", "br0", "up")
        host.address("wan", *addresses)
        return host

    def behind_nat(
        self,
        outside: str,
        router: str,
        *inside: str,
        how: str = "",
        forgets_s: int = 0,
    ) -> Host:
        """A host with the addresses `inside`, whose `router` has the address `outside`. `how`: what
        nftables does with the ports: keeps them as far as it can, or `random`. `forgets_s`: what
        has opened by UDP is closed after so long without a packet; 0: as the kernel does.
        """
        nat = self.host(f"the NAT {outside}", outside)
        host = self._new(f"behind the NAT {outside}")
        self._wire(nat, "lan", host, "wan")
        nat.address("lan", router)
        nat.run("sh", "-c", "echo 1 > /proc/sys/net/ipv4/ip_forward")
        nat.run("nft", "-f", "-", text=_NAT.format(how=how))
        if forgets_s:
            for name in ("udp_timeout", "udp_timeout_stream"):
                file = f"/proc/sys/net/netfilter/nf_conntrack_{name}"
                nat.run("sh", "-c", f"echo {forgets_s} > {file}")
        host.router = nat
        host.address("wan", *inside)
        host.run("ip", "route", "add", "default", "via", router.partition("/")[0])
        return host

    def _new(self, name: str) -> Host:
        host = Host(name)
        self._hosts.append(host)
        return host

    def _wire(self, one: Host, one_end: str, other: Host, other_end: str) -> None:
        peer = ("type", "veth", "peer", "name", other_end, "netns", str(other.pid))
        one.run("ip", "link", "add", one_end, *peer)

    def close(self) -> None:
        for host in self._hosts:
            host.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()


def _inode(pid: str) -> int:
    return Path(f"/proc/{pid}/ns/net").stat().st_ino
