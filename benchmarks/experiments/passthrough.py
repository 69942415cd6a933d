"""What a call-frame (20 ms, both ways) costs between RTP and engine: PCM16, G.711, and the gates.

    .venv/bin/python benchmarks/experiments/passthrough.py

Only the audio path's own work: no sockets, no JSON, no base64. Ratios travel between machines, the
microseconds do not.
"""

from __future__ import annotations

import timeit
from collections.abc import Callable

import numpy as np

from sipua.bridge.engine_api.settings import AudioFormat
from sipua.bridge.playout.queue import PlayoutQueue
from sipua.bridge.uplink.timeline import Uplink
from sipua.codecs.echo import EchoGate
from sipua.codecs.g711 import Law, encode
from sipua.codecs.tones import sine
from sipua.codecs.vad import VadConfig
from sipua.rtp.events import Frame

Run = Callable[[], None]

_FRAMES = 500
_REPEATS = 150  # short ones, so that some of them have the core to themselves
# Noise in syllables: steady noise would be a room's, and no voice.
_SYLLABLES = np.sin(np.arange(_FRAMES * 160) * (np.pi * 2.5 / 8000)) ** 2
_SPEECH = np.random.default_rng(1).normal(0, 4000, _FRAMES * 160) * _SYLLABLES


def _frames(pcm: np.typing.NDArray[np.float64]) -> list[bytes]:
    codes = encode(Law.PCMU, np.clip(pcm, -32768, 32767).astype(np.int16))
    return [codes[at : at + 160] for at in range(0, len(codes), 160)]


_NOISE = _frames(_SPEECH)
_ECHO = _frames(_SPEECH * 10 ** (-15 / 20))
_SILENCE = bytes([Law.PCMU.silence]) * 160
_BASE = 1000.0


def microseconds(run: Run) -> float:
    """Of one frame, the best of several runs: what disturbs only ever adds."""
    return float(min(timeit.repeat(run, number=1, repeat=_REPEATS)) / _FRAMES * 1e6)


def up(
    audio_format: AudioFormat, *, gate: str = "", voice: bool = False, tones: bool = False
) -> Run:
    """`gate`: "silent" or "speaking", as we are; "echo": we speak, and it comes back."""

    def run() -> None:
        uplink = Uplink()
        uplink.set_format(audio_format)
        uplink.detect_tones(tones)
        if gate:
            uplink.echo_hold.gate = EchoGate()
        if voice:
            uplink.echo_hold.detect_voice(VadConfig())
        for n in range(_FRAMES):
            if uplink.echo_hold.gate is not None:
                uplink.echo_hold.gate.sent(_SILENCE if gate == "silent" else _NOISE[n])
            came = _SILENCE if gate == "speaking" else _ECHO[n - 6]
            uplink.feed((Frame(0, came, 0.0),), _BASE + n * 0.02)

    return run


def down(audio_format: AudioFormat) -> Run:
    tone = sine(400, 200, audio_format.rate_hz)
    delta = encode(Law[audio_format.name], tone) if audio_format.is_g711 else tone.tobytes()

    def run() -> None:
        playout = PlayoutQueue(Law.PCMU)
        playout.set_format(audio_format)
        for _ in range(_FRAMES // 10):
            playout.push("item", delta)
            for _ in range(10):
                playout.next_frame()

    return run


def main() -> None:
    wide = 0.0
    print("| engine's format | up µs | down µs | both, of PCM16's |")
    print("|---|---|---|---|")
    for name, audio_format in (
        ("PCM16 24 kHz", AudioFormat.PCM16),
        ("PCM16 16 kHz", AudioFormat.PCM16_16K),
        ("PCM16 8 kHz", AudioFormat.PCM16_8K),
        ("G.711, the call's law", AudioFormat.PCMU),
        ("G.711, the other law", AudioFormat.PCMA),
    ):
        there, back = microseconds(up(audio_format)), microseconds(down(audio_format))
        wide = wide or there + back
        share = (there + back) / wide
        print(f"| {name} | {there:.2f} | {back:.2f} | {share:.2f} |")
    print("\n| besides, on the way up | adds µs |\n|---|---|")
    plain = microseconds(up(AudioFormat.PCMU))
    for name, run in (
        ("echo gate, we are silent", up(AudioFormat.PCMU, gate="silent")),
        ("echo gate, only we speak", up(AudioFormat.PCMU, gate="speaking")),
        ("echo gate, our voice comes back", up(AudioFormat.PCMU, gate="echo")),
        ("local voice detection", up(AudioFormat.PCMU, voice=True)),
        ("tones looked for", up(AudioFormat.PCMU, tones=True)),
    ):
        print(f"| {name} | {microseconds(run) - plain:.2f} |")


if __name__ == "__main__":
    main()
