"""Records benchmarks/captures/ anew, from real calls: .venv/bin/python scripts/record_captures.py

A real Asterisk (the one of the tests, `make peers`) is called and speaks; what arrives is written
with the kernel's time stamps, signalling included. The impaired recording is the clean one behind
the benchmark's seeded network. See benchmarks/captures/README.md.
"""

from __future__ import annotations

import select
import socket
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from sipua.bench.common import clock
from sipua.bench.load.caller import Caller, Offer
from sipua.bench.replay.network import Impairment
from sipua.codecs.g711 import Law
from sipua.rtp.events import Address
from sipua.rtp.pcap.writer import PcapWriter, read

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT / "tests"))

from support.media.audio import DATA  # noqa: E402
from support.peers.asterisk import Asterisk  # noqa: E402 - the tests' peers are not installed

FOLDER = ROOT / "benchmarks" / "captures"
HOST = "127.0.0.1"
MAX_BYTES = 120_000
IMPAIRMENT = Impairment.parse("loss=3%,jitter=40ms,seed=7")

EXTENSIONS = f"""
exten => 620,1,Answer()
 same => n,Playback({DATA}/speech-caller)
 same => n,Wait(1)
 same => n,Playback({DATA}/speech-pbx)
 same => n,Hangup()
exten => 621,1,Answer()
 same => n,Playback({DATA}/speech-short)
 same => n,SendDTMF(159#,300,160)
 same => n,Wait(1)
 same => n,Hangup()
"""


@dataclass(frozen=True, slots=True)
class Take:
    name: str
    extension: str
    law: Law
    ptime_ms: int = 20


TAKES = (
    Take("pcmu-20ms", "620", Law.PCMU),
    Take("pcma-40ms", "620", Law.PCMA, ptime_ms=40),
    Take("pcmu-20ms-dtmf", "621", Law.PCMU),
)


class Recorder:
    """One call, until the far side hangs up. Writes what it hears, and the signalling."""

    def __init__(self, asterisk: Address, take: Take, path: Path) -> None:
        self._asterisk = asterisk
        self._take = take
        self._path = path
        self._sip, self._rtp, self._rtcp = _bound(), *_pair()
        self._wall_s = time.time() - time.monotonic()

    def record(self) -> int:
        port = self._rtp.getsockname()[1]
        caller = Caller(
            1,
            self._sip.getsockname(),
            self._asterisk,
            Offer(HOST, port, self._take.law, self._take.ptime_ms),
            run=self._take.name,
            service=self._take.extension,
        )
        with self._path.open("wb") as file:
            self._writer = PcapWriter(file, MAX_BYTES)
            self._send(caller.invite(time.monotonic()))
            while caller.state not in ("over", "failed"):
                readable, _, _ = select.select([self._sip, self._rtp, self._rtcp], [], [], 0.1)
                if self._sip in readable:
                    message, source = self._sip.recvfrom(8192)
                    self._writer.write(self._now(), source, self._sip.getsockname(), message)
                    self._send(caller.receive(message))
                for udp in (self._rtp, self._rtcp):
                    if udp in readable:
                        data, stamps, _, source = udp.recvmsg(2048, clock.ANCILLARY_BYTES)
                        at_s = clock.stamp_ns(stamps) / 1e9
                        self._writer.write(at_s, source, udp.getsockname(), data)
                self._send(caller.handle_timer(time.monotonic()))
        if caller.state == "failed" or self._writer.refused:
            raise SystemExit(
                f"{self._take.name}: status {caller.status}, or over {MAX_BYTES} bytes"
            )
        return self._writer.packets

    def _now(self) -> float:
        return self._wall_s + time.monotonic()

    def _send(self, messages: list[bytes]) -> None:
        for message in messages:
            self._writer.write(self._now(), self._sip.getsockname(), self._asterisk, message)
            self._sip.sendto(message, self._asterisk)


def impair(clean: Path, impaired: Path) -> int:
    """The RTP behind the seeded network; signalling and RTCP as they were."""
    datagrams = list(read(clean))
    is_rtp = [d.payload[0] & 0xC0 == 0x80 and not 192 <= d.payload[1] <= 223 for d in datagrams]
    rtp = [datagram for datagram, is_it in zip(datagrams, is_rtp, strict=True) if is_it]
    carried = [(at, rtp[index]) for at, index in IMPAIRMENT.carry([d.at_s for d in rtp])]
    rest = [(d.at_s, d) for d, is_it in zip(datagrams, is_rtp, strict=True) if not is_it]
    with impaired.open("wb") as file:
        writer = PcapWriter(file, MAX_BYTES)
        for at_s, datagram in sorted(carried + rest, key=lambda pair: pair[0]):
            writer.write(at_s, datagram.source, datagram.target, datagram.payload)
    return writer.packets


def _bound(port: int = 0) -> socket.socket:
    udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    udp.bind((HOST, port))
    clock.ask_for_stamps(udp)
    return udp


def _pair() -> tuple[socket.socket, socket.socket]:
    """RTP on an even port, RTCP on the next."""
    while True:
        rtp = _bound()
        port = rtp.getsockname()[1]
        try:
            if port % 2 == 0:
                return rtp, _bound(port + 1)
        except OSError:
            pass  # in use by another process
        rtp.close()


def main() -> None:
    FOLDER.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        asterisk = Asterisk(Path(folder))
        try:
            home = asterisk.layout.home
            for name, old, new in (
                ("pjsip.conf", "direct_media=no", "direct_media=no\nuse_ptime=yes"),
                ("extensions.conf", "[sipua]\n", f"[sipua]{EXTENSIONS}"),
                (
                    "modules.conf",
                    "load = app_echo.so",
                    "load = app_echo.so\nload = app_senddtmf.so",
                ),
            ):
                text = (home / name).read_text()
                assert old in text, f"{name} is not what it was"
                (home / name).write_text(text.replace(old, new))
            asterisk.restart()
            for take in TAKES:
                path = FOLDER / f"{take.name}.pcap"
                count = Recorder(asterisk.address, take, path).record()
                print(f"{path.name}: {count} packets, {path.stat().st_size} bytes")
        finally:
            asterisk.stop()
    path = FOLDER / "pcmu-20ms-loss-jitter.pcap"
    count = impair(FOLDER / "pcmu-20ms.pcap", path)
    print(f"{path.name}: {count} packets, {path.stat().st_size} bytes; {IMPAIRMENT}")


if __name__ == "__main__":
    main()
