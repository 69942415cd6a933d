"""The strangers of a life, a process: what comes from addresses that may not call, in bursts.

Scans and floods of SIP, rubbish, RTP to the whole range of ports, connections by TCP and TLS that
say little, and requests to the API without a right.
"""

from __future__ import annotations

import contextlib
import random
import secrets
import socket
import ssl
import struct
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing.connection import Connection

from sipua.bench.life.config import Ports
from sipua.bench.load.edge import HOST, RTP_PORTS

ADDRESS = "127.0.0.66"
_SEED = 66
_PAUSE_S = (0.3, 1.2)
_DATAGRAMS = 150
_TCP_S = 1.0
_KEPT = 12
"""Connections that are held open, and closed in turn."""
_SDP = (
    f"v=0\r\no=- 1 1 IN IP4 {ADDRESS}\r\ns=-\r\nc=IN IP4 {ADDRESS}\r\nt=0 0\r\n"
    "m=audio 4000 RTP/AVP 0\r\n"
)


@dataclass(frozen=True, slots=True)
class Plan:
    ports: Ports


def run(pipe: Connection, plan: Plan) -> None:
    """The process: "go", "rest" and "state"; each is answered by what was done so far."""
    with contextlib.suppress(EOFError, KeyboardInterrupt):
        _Strangers(pipe, plan).run()


def packet(kind: str, number: int, me: str, port: int, agent: str = "") -> bytes:
    """`invite`, `options`, `register`, `rubbish` or `rtp`: one of a stranger's packets."""
    if kind == "rubbish":
        return secrets.token_bytes(400)
    if kind == "rtp":
        return struct.pack("!BBHII", 0x80, 0, number & 0xFFFF, 160 * number, 7) + bytes(160)
    method = kind.upper()
    body = _SDP if method == "INVITE" else ""
    lines = (
        f"{method} sip:{number}@{HOST}:{port} SIP/2.0",
        f"Via: SIP/2.0/UDP {me};branch=z9hG4bK{number};rport",
        f"From: <sip:x@{me}>;tag={number}",
        f"To: <sip:{number}@{HOST}:{port}>",
        f"Call-ID: {number}@{me}",
        f"CSeq: 1 {method}",
        "Max-Forwards: 70",
        f"Contact: <sip:x@{me}>",
        *([f"User-Agent: {agent}"] if agent else []),
        *(["Content-Type: application/sdp"] if body else []),
        f"Content-Length: {len(body)}",
    )
    return ("\r\n".join(lines) + "\r\n\r\n" + body).encode()


class _Strangers:
    def __init__(self, pipe: Connection, plan: Plan) -> None:
        self._pipe = pipe
        self._ports = plan.ports
        self._chance = random.Random(_SEED)
        self._done: Counter[str] = Counter()
        self._number = 0
        self._held: list[socket.socket] = []
        self._works = False
        self._acts: tuple[Callable[[], None], ...] = (
            lambda: self._flood("invite"),
            lambda: self._flood("options"),
            lambda: self._flood("register"),
            lambda: self._flood("invite", agent="friendly-scanner"),
            lambda: self._flood("rubbish"),
            self._broken,
            self._spray,
            self._tcp,
            self._tls,
            self._api,
        )

    def run(self) -> None:
        """Until the pipe is closed."""
        self._pipe.send("ready")
        while True:
            pause_s = self._chance.uniform(*_PAUSE_S)
            if self._pipe.poll(pause_s):
                message = self._pipe.recv()
                self._works = {"go": True, "rest": False}.get(message, self._works)
                if message == "rest":
                    self._let_go(0)
                self._pipe.send(dict(self._done))
            elif self._works:
                with contextlib.suppress(OSError):
                    self._chance.choice(self._acts)()
                self._let_go(_KEPT)

    def _let_go(self, kept: int) -> None:
        while len(self._held) > kept:
            self._held.pop(0).close()

    def _udp(self) -> socket.socket:
        udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        udp.bind((ADDRESS, 0))
        udp.setblocking(False)
        return udp

    def _flood(self, kind: str, agent: str = "") -> None:
        with self._udp() as udp:
            me = "{}:{}".format(*udp.getsockname())
            for _ in range(_DATAGRAMS):
                self._number += 1
                udp.sendto(
                    packet(kind, self._number, me, self._ports.sip, agent),
                    (HOST, self._ports.sip),
                )
        self._done["scans" if agent else f"floods of {kind}"] += 1

    def _broken(self) -> None:
        """From the address of the trunk: messages that are none, or lie."""
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
            udp.bind((HOST, 0))
            me = "{}:{}".format(*udp.getsockname())
            for _ in range(10):
                self._number += 1
                whole = packet("invite", self._number, me, self._ports.sip)
                cut = self._chance.choice(
                    (
                        whole[: self._chance.randrange(len(whole))],
                        whole.replace(b"Content-Length: ", b"Content-Length: 9"),
                        whole.replace(b"CSeq: 1", b"CSeq: 99999999999"),
                        whole.replace(b"SIP/2.0\r\nVia", b"SIP/7.0\r\nVia"),
                        whole.replace(b"m=audio 4000 RTP/AVP 0", b"m=audio 4000 RTP/AVP 65535"),
                        b"\r\n" * 40,
                        b"\0" * 300,
                    )
                )
                udp.sendto(cut, (HOST, self._ports.sip))
        self._done["broken messages of a peer"] += 1

    def _spray(self) -> None:
        with self._udp() as udp:
            for number in range(1500):
                port = self._chance.randrange(RTP_PORTS.start, RTP_PORTS.stop)
                with contextlib.suppress(OSError):  # ICMP of a closed port
                    udp.sendto(packet("rtp", number, "", port), (HOST, port))
        self._done["sprays of RTP"] += 1

    def _connect(self, port: int) -> socket.socket:
        return socket.create_connection((HOST, port), _TCP_S, (ADDRESS, 0))

    def _tcp(self) -> None:
        """One dribbles, one says rubbish, one is reset."""
        slow = self._connect(self._ports.sip)
        slow.sendall(b"INVITE sip:")
        self._held.append(slow)
        with self._connect(self._ports.sip) as rude:
            rude.sendall(secrets.token_bytes(2000))
        with self._connect(self._ports.sip) as reset:
            reset.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._done["connections by TCP"] += 3

    def _tls(self) -> None:
        """One shakes hands and asks, one never does, one speaks plain text."""
        self._held.append(self._connect(self._ports.tls))
        with self._connect(self._ports.tls) as plain:
            plain.sendall(packet("options", 1, ADDRESS, self._ports.tls))
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        with context.wrap_socket(self._connect(self._ports.tls)) as secure:
            self._number += 1
            secure.sendall(packet("options", self._number, ADDRESS, self._ports.tls))
            time.sleep(0.05)
        self._done["connections by TLS"] += 3

    def _api(self) -> None:
        for head in (
            "GET /v1/calls HTTP/1.1\r\nAuthorization: Bearer wrong-wrong-wrong-wrong-wrong",
            "POST /v1/calls HTTP/1.1\r\nContent-Length: 100000000",
            "rubbish",
        ):
            with socket.create_connection((HOST, self._ports.api), _TCP_S) as asks:
                asks.sendall(f"{head}\r\nHost: x\r\n\r\n".encode())
                asks.settimeout(_TCP_S)
                asks.recv(4096)
        self._done["requests to the API without a right"] += 3
