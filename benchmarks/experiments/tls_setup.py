"""What TLS adds to the set-up of a call, from our INVITE to its 180, beside UDP and TCP:

    python benchmarks/experiments/tls_setup.py [--calls 200]

`tls` keeps its connection, as a trunk does; `tls anew` makes one for each call, with the handshake
in the time (a certificate of P-256, no certificate of the caller). The ways take turns, so that
what else the machine does falls on all of them.
"""

from __future__ import annotations

import argparse
import json
import secrets
import socket
import ssl
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Final

from sipua.bench.common.certificate import certificate

OFFER: Final = (
    "v=0\r\no=a 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n"
    "m=audio 9 RTP/AVP 0\r\n"
)
START_S: Final = 30.0
Line = socket.socket


class Edge:
    """`sipua serve`, and where it listens."""

    def __init__(self, home: Path, held: ExitStack, pem: str) -> None:
        config = home / "edge.toml"
        # An engine that says nothing: the call rings until it is cancelled.
        silent = held.enter_context(socket.create_server(("127.0.0.1", 0), backlog=4096))
        config.write_text(
            '[sip]\nport = 0\naccept = "any"\ntransports = ["udp", "tcp", "tls"]\n'
            f'[sip.tls]\nport = 0\ncertificate = "{pem}"\nkey = "{pem}"\n'
            f'[engine]\nurl = "ws://127.0.0.1:{silent.getsockname()[1]}/"\napi_key = "none"\n'
            f'[cdr]\ndirectory = "{home}"\n[outbound]\ndirectory = "{home}"\n'
            '[log]\nformat = "json"\n'
        )
        log = home / "edge.log"
        command = [sys.executable, "-m", "sipua", "serve", "--config", str(config)]
        with log.open("w") as written:
            process = subprocess.Popen(command, stderr=written)  # noqa: S603 - our own
        held.callback(process.wait)
        held.callback(process.terminate)
        addresses = _listening(log)
        self.plain, self.tls = (("127.0.0.1", int(one.rpartition(":")[2])) for one in addresses)


def _listening(log: Path) -> list[str]:
    until = time.monotonic() + START_S
    while time.monotonic() < until:
        for line in log.read_text().splitlines():
            event = json.loads(line) if line.startswith("{") else {}
            if event.get("event") == "edge.listening":
                return str(event["sip"]).split(", ")
        time.sleep(0.1)
    raise SystemExit(f"the edge does not start: {log.read_text()}")


def ring(line: Line, transport: str) -> float:
    """An INVITE, and the milliseconds until it rings; then it is cancelled."""
    me = "{}:{}".format(*line.getsockname())
    branch, call = secrets.token_hex(8), secrets.token_hex(8)

    def send(method: str, to_tag: str = "", body: str = "") -> None:
        line.sendall(
            f"{method} sip:agent@127.0.0.1 SIP/2.0\r\n"
            f"Via: SIP/2.0/{transport} {me};branch=z9hG4bK{branch}\r\n"
            f"From: <sip:a@{me}>;tag=a\r\nTo: <sip:agent@127.0.0.1>{to_tag}\r\n"
            f"Call-ID: {call}\r\nCSeq: 1 {method}\r\nMax-Forwards: 70\r\n"
            f"Contact: <sip:a@{me};transport={transport.lower()}>\r\n"
            f"Content-Type: application/sdp\r\nContent-Length: {len(body)}\r\n\r\n{body}".encode()
        )

    began = time.perf_counter()
    send("INVITE", body=OFFER)
    text = _until(line, "SIP/2.0 180")
    took_ms = (time.perf_counter() - began) * 1000
    send("CANCEL")
    while " INVITE\r\n" not in text.partition("SIP/2.0 487")[2]:
        text += line.recv(65535).decode()
    tag = text.partition("\r\nTo: ")[2].partition("\r\n")[0].partition(";tag=")[2]
    send("ACK", f";tag={tag}")
    return took_ms


def _until(line: Line, status: str) -> str:
    text = ""
    while status not in text or not text.endswith("\r\n\r\n"):
        text += line.recv(65535).decode()
    return text


def _udp(edge: Edge) -> Line:
    line = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    line.connect(edge.plain)
    line.settimeout(START_S)
    return line


def _tcp(where: tuple[str, int]) -> Line:
    line = socket.create_connection(where, timeout=START_S)
    line.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return line


def _tls(edge: Edge) -> Line:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context.wrap_socket(_tcp(edge.tls))


@contextmanager
def _ways(edge: Edge) -> Iterator[dict[str, Callable[[], float]]]:
    with _udp(edge) as udp, _tcp(edge.plain) as tcp, _tls(edge) as tls:

        def anew() -> float:
            began = time.perf_counter()
            with _tls(edge) as line:
                connected_ms = (time.perf_counter() - began) * 1000
                return connected_ms + ring(line, "TLS")

        yield {
            "udp": lambda: ring(udp, "UDP"),
            "tcp": lambda: ring(tcp, "TCP"),
            "tls": lambda: ring(tls, "TLS"),
            "tls anew": anew,
        }


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--calls", type=int, default=200)
    calls = parser.parse_args().calls
    with ExitStack() as held:
        home = Path(held.enter_context(tempfile.TemporaryDirectory()))
        edge = Edge(home, held, held.enter_context(certificate()))
        ways = held.enter_context(_ways(edge))
        took: dict[str, list[float]] = {name: [] for name in ways}
        for _ in range(calls):
            for name, place in ways.items():
                took[name].append(place())
    print(f"{'way':<10} {'p50 ms':>8} {'p95 ms':>8}   INVITE to 180, {calls} calls each")
    for name, every in took.items():
        cuts = statistics.quantiles(every, n=20)
        print(f"{name:<10} {cuts[9]:8.2f} {cuts[18]:8.2f}")


if __name__ == "__main__":
    main()
