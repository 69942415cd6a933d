"""sounds.py SECONDS [SEED] [FILE]  Fuzzes the decoder of sounds; `make fuzz TARGET=sounds`.

Child processes decode mutated files, one behind the other, with the allocator of glibc that checks
itself. Exit 1: one has died, or took longer than a file may; build/fuzz/sounds/ has the file, which
is decoded again by naming it.
"""

from __future__ import annotations

import io
import os
import resource
import subprocess
import sys
import time
from pathlib import Path
from random import Random
from typing import Final

import numpy as np
import soundfile

from sipua.bridge.playout import any_format, decoder

HOME: Final = Path("build/fuzz/sounds")
CASE: Final = HOME / "case"
_LONGEST_S: Final = 60.0
_CHECKED: Final = {
    "LD_PRELOAD": "libc_malloc_debug.so.0",
    "MALLOC_CHECK_": "3",
    "MALLOC_PERTURB_": "165",
    "OPENBLAS_NUM_THREADS": "1",
}
_NUMBERS: Final = (
    0,
    1,
    0x7F,
    0x80,
    0xFF,
    0x7FFF,
    0x8000,
    0xFFFF,
    0x7FFFFFF0,
    0x80000000,
    2**32 - 1,
)


def main() -> int:
    seconds = float(sys.argv[1])
    seed = int(sys.argv[2]) if len(sys.argv) > 2 else time.time_ns() % 100_000
    if len(sys.argv) > 3:
        return decode(Path(sys.argv[3]).read_bytes())
    HOME.mkdir(parents=True, exist_ok=True)
    print(f"fuzzing sounds for {seconds:g} s, seed {seed}", file=sys.stderr)
    command = [sys.executable, __file__, "child", str(seed)]
    with subprocess.Popen(command, env={**os.environ, **_CHECKED}) as child:
        until, moved, changed_at = time.monotonic() + seconds, -1.0, time.monotonic()
        while time.monotonic() < until and child.poll() is None:
            time.sleep(1)
            if CASE.exists() and CASE.stat().st_mtime != moved:
                moved, changed_at = CASE.stat().st_mtime, time.monotonic()
            elif time.monotonic() - changed_at > _LONGEST_S:
                break
        ended = child.poll()
        over = time.monotonic() >= until
        child.kill()
    if over and ended is None:
        return 0
    kept = HOME / f"finding-{seed}"
    kept.write_bytes(CASE.read_bytes())
    print(f"found: {'endless' if ended is None else f'exit {ended}'}: {kept}", file=sys.stderr)
    return 1


def child(random: Random) -> None:
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    seeds, number = written(), 0
    quiet = os.open(os.devnull, os.O_WRONLY)
    told = os.fdopen(os.dup(2), "w")
    os.dup2(quiet, 2)  # the libraries complain of each defect
    while True:
        data = mutated(random, seeds)
        CASE.write_bytes(data)
        decode(data)
        number += 1
        if number % 10_000 == 0:
            print(f"{number} files", file=told, flush=True)


def decode(data: bytes) -> int:
    kind = any_format.format_of(data)
    if not kind:
        return 0
    with os.fdopen(os.memfd_create("sound"), "w+b") as file:
        file.write(data)
        file.truncate(len(data) * (64 if kind == "MP3" else 1))
        file.seek(0)
        try:
            pcm = decoder.decoded(file.fileno())
        except decoder.UndecodableError:
            return 0
    assert pcm.dtype == np.int16
    assert 0 < len(pcm) < 8000 * 601
    return 0


def written() -> list[bytes]:
    """Short files of all kinds."""
    noise = np.random.default_rng(3)
    kinds = [("MP3", "MPEG_LAYER_III", rate) for rate in (8000, 16_000, 22_050, 44_100, 48_000)]
    kinds += [("FLAC", one, 44_100) for one in ("PCM_S8", "PCM_16", "PCM_24")]
    kinds += [("OGG", "VORBIS", 8000), ("OGG", "VORBIS", 44_100), ("OGG", "OPUS", 48_000)]
    kinds += [("WAV", one, 8000) for one in soundfile.available_subtypes("WAV")]
    kinds += [("AIFF", one, 8000) for one in soundfile.available_subtypes("AIFF")]
    files = []
    for kind, subtype, rate in kinds:
        for channels in (1, 2):
            samples = noise.normal(0, 0.2, (rate // 5, channels))
            file = io.BytesIO()
            try:
                soundfile.write(file, samples, rate, format=kind, subtype=subtype)
            except soundfile.LibsndfileError:
                continue  # some are mono alone
            files.append(file.getvalue())
    tagged = b"ID3\x04\0\0\0\0\1\0" + bytes(128) + files[3] + b"TAG" + bytes(125)
    return [*files, tagged]


def mutated(random: Random, seeds: list[bytes]) -> bytes:
    data = bytearray(random.choice(seeds))
    beginning = bytes(data[:4])
    for _ in range(random.choice((1, 1, 2, 3, 5, 10, 30))):
        at = random.randrange(max(1, min(len(data), random.choice((64, 200, len(data))))))
        match random.randrange(6):
            case 0:
                data[at : at + 1] = bytes([random.randrange(256)])
            case 1:
                size = random.choice((1, 2, 3, 4, 8))
                number = random.choice(_NUMBERS) % 256**size
                data[at : at + size] = number.to_bytes(size, random.choice(("little", "big")))
            case 2:
                del data[at : at + random.choice((1, 2, 4, 16, 200))]
            case 3:
                data[at:at] = data[at : at + random.choice((1, 4, 16, 200))] * random.choice(
                    (1, 20)
                )
            case 4:
                other = random.choice(seeds)
                start, size = random.randrange(len(other)), random.choice((4, 16, 100, 1000))
                data[at : at + size] = other[start : start + size]
            case _:
                data[at : at + 16] = random.randbytes(16)
    if random.random() < 0.9:
        data[:4] = beginning
    return _summed(data) if data[:4] == b"OggS" else bytes(data)


def _summed(data: bytearray) -> bytes:
    """Its pages with right sums: a page with a wrong one reaches no decoder."""
    at = 0
    while (at := data.find(b"OggS", at)) >= 0 and at + 27 <= len(data):
        segments = data[at + 26]
        end = at + 27 + segments + sum(data[at + 27 : at + 27 + segments])
        data[at + 22 : at + 26] = bytes(4)
        total = 0
        for byte in data[at:end]:
            total = ((total << 8) & 0xFFFFFFFF) ^ _SUMS[(total >> 24) ^ byte]
        data[at + 22 : at + 26] = total.to_bytes(4, "little")
        at = max(end, at + 27)
    return bytes(data)


def _sum_of(byte: int) -> int:
    total = byte << 24
    for _ in range(8):
        total = ((total << 1) ^ 0x04C11DB7 if total & 0x80000000 else total << 1) & 0xFFFFFFFF
    return total


_SUMS: Final = tuple(map(_sum_of, range(256)))

if __name__ == "__main__":
    if sys.argv[1] == "child":
        child(Random(int(sys.argv[2])))
    sys.exit(main())
