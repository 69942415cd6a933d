"""The called parties: SIPp for the signalling and the sound, which espeak-ng has spoken."""

from __future__ import annotations

import shutil
import socket
import subprocess
import time
from contextlib import ExitStack
from pathlib import Path
from random import Random
from typing import Any, Final, Self

import numpy as np

from sipua.bench.answering import machines, speaker
from sipua.bench.answering.speaker import Signal, Voice, silence
from sipua.bench.common.errors import BenchError
from sipua.bench.experiments.campaign.wire import Trace
from sipua.codecs.g711 import Law, encode

HOST: Final = "127.0.0.1"
_STARTS_S: Final = 20.0
_PORTS: Final = range(12000, 16000)
"""Below the ports that the kernel gives to sockets without one."""
_GREETING: Final = (
    "Hello. You have reached the voicemail of Susan Miller. I cannot take your call right now. "
    "Please leave your name and your number after the tone, and I will call you back."
)
_SCENARIO: Final = Path(__file__).with_name("people.xml")


def check() -> None:
    """Raises BenchError."""
    speaker.check()
    if shutil.which("sipp") is None:
        raise BenchError(
            "sipp is missing, which plays the called parties: apt-get install sip-tester"
        )


def free_port(*, tcp: bool = False) -> int:
    kind = socket.SOCK_STREAM if tcp else socket.SOCK_DGRAM
    for port in Random(time.monotonic_ns()).sample(_PORTS, len(_PORTS)):
        with socket.socket(socket.AF_INET, kind) as one:
            try:
                one.bind((HOST, port))
            except OSError:
                continue
            return port
    raise BenchError(f"no port of {_PORTS.start} to {_PORTS.stop} is free")


def make_sounds(folder: Path, seed: int = 1) -> None:
    """What a person says who answers, and what a voicemail system does."""
    chance = Random(seed)
    person = [silence(0.3), Voice(chance, "en-us").say("Hello?"), silence(5.0)]
    greeting = (
        "Hello. You have reached the voicemail of Susan Miller. I cannot take your call right "
    )
    greeting += (
        "now. Please leave your name and your number after the tone, and I will call you back."
    )
    said = Voice(chance, "en-us").say(greeting)
    machine = [silence(0.4), said, silence(0.4), machines.beep(chance), silence(20.0)]
    for name, parts in (("person", person), ("machine", machine)):
        (folder / f"{name}.ul").write_bytes(_ulaw(np.concatenate(parts)))


def _ulaw(sound: Signal) -> bytes:
    pcm = np.rint(np.clip(sound, -1, 1) * 32767).astype(np.int16)
    return bytes(encode(Law.PCMU, pcm))


class People:
    """`with People(folder, "carrier") as far:` Those behind one trunk."""

    def __init__(self, folder: Path, trunk: str) -> None:
        """`folder`: has the sounds."""
        self.trunk, self.port = trunk, free_port()
        self._home = folder / trunk
        self._home.mkdir()
        self.trace = Trace(self._home / "messages", trunk)
        with ExitStack() as held:
            output = held.enter_context((self._home / "console").open("wb"))
            self._process = subprocess.Popen(  # noqa: S603 - our own arguments
                self._command(), cwd=folder, stdin=subprocess.DEVNULL, stdout=output, stderr=output
            )
        self._wait()

    def _command(self) -> list[str]:
        words: list[Any] = [
            *("sipp", "-sf", _SCENARIO, "-i", HOST, "-p", self.port, "-mp", free_port()),
            *("-l", 2000, "-nostdin"),
            *("-trace_msg", "-message_file", self._home / "messages"),
            *("-trace_err", "-error_file", self._home / "errors"),
        ]
        return [str(word) for word in words]

    def _wait(self) -> None:
        end_s = time.monotonic() + _STARTS_S
        bound = f":{self.port:04X}"
        while time.monotonic() < end_s and self._process.poll() is None:
            table = Path("/proc/net/udp").read_text().splitlines()[1:]
            if any(line.split()[1].endswith(bound) for line in table):
                return
            time.sleep(0.05)
        said = (self._home / "console").read_text(errors="replace")[-500:]
        self.close()
        raise BenchError(f"sipp does not start: {said}")

    def close(self) -> None:
        self._process.kill()
        self._process.wait()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()
