"""A recording that is over: converted, sealed, hashed, and put in its place.

    c-2hp5vgaq.part.wav ─▶ (FLAC, Opus) ─▶ (age) ─▶ c-2hp5vgaq.flac.age, and c-2hp5vgaq.json

Converting and sealing is done by a child process of low priority: it would hold up the calls of a
worker. The part file goes last, so whatever ends the process, it is finished once more, or is there
with its metadata, and waits to be sent where it is to be.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Final

from sipua.events.recording_events import RecordingSaved
from sipua.recording.files import metadata, waiting
from sipua.recording.files.metadata import Metadata
from sipua.recording.files.sealing import seal
from sipua.recording.files.settings import ENDINGS, PART, RecordingSettings

_CHILD_WITHIN_S: Final = 1800.0
_BLOCK_FRAMES: Final = 65_536
_HASH_BYTES: Final = 1 << 20


class FinishError(Exception):
    """The text says why; the part file is still there."""


@dataclass(frozen=True, slots=True)
class Finished:
    path: Path
    size: int
    sha256: str


def stem(part: Path) -> str:
    """`c-2hp5vgaq`, or `c-2hp5vgaq.2` of the second recording of a call."""
    return part.name.removesuffix(PART)


def metadata_of(part: Path) -> Path:
    return part.with_name(stem(part) + ".json")


def finish(part: Path, about: Metadata, settings: RecordingSettings) -> Finished:
    """May take long: not for the loop. Raises FinishError, OSError."""
    if not part.exists():
        metadata.write(metadata_of(part), about)
        raise FinishError(about.failed or "there is no file")
    final = part.with_name(stem(part) + settings.ending)
    with part.open("r+b") as file:
        _lock(file)
        whole = part
        if settings.format in ("flac", "opus") or settings.recipients:
            _in_a_child(part, final, settings)
            whole = final
        done = Finished(final, whole.stat().st_size, _sha256(whole))
        about.file, about.bytes, about.sha256 = final.name, done.size, done.sha256
        metadata.write(metadata_of(part), about)
        if settings.upload:
            waiting.add(settings.directory, part)
        if whole is part:
            part.rename(final)
        else:
            part.unlink()
    return done


def saved(done: Finished, about: Metadata, *, sealed: bool) -> RecordingSaved:
    return RecordingSaved(
        path=str(done.path),
        bytes=done.size,
        sha256=done.sha256,
        seconds=round(about.seconds, 3),
        basis=about.basis,
        sealed=sealed,
        missed_s=about.missed_s,
    )


def _lock(file: IO[bytes]) -> None:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        raise FinishError("another process has it") from None


def _sha256(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(_HASH_BYTES):
            digest.update(block)
    return digest.hexdigest()


# --- the child process ------------------------------------------------------------------------


def _in_a_child(part: Path, final: Path, settings: RecordingSettings) -> None:
    order = {
        "part": str(part),
        "final": str(final),
        "format": settings.format,
        "recipients": settings.recipients,
    }
    try:
        ran = subprocess.run(  # noqa: S603 - a module of ours, with data on its stdin
            [sys.executable, "-m", __name__],
            input=json.dumps(order).encode(),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            timeout=_CHILD_WITHIN_S,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise FinishError(f"not finished within {_CHILD_WITHIN_S:g} s") from None
    if ran.returncode:
        words = ran.stderr.decode(errors="replace").strip().splitlines()
        raise FinishError(words[-1][:300] if words else f"exit code {ran.returncode}")


def _child() -> None:
    with contextlib.suppress(OSError):  # a sandbox may forbid it
        os.setpriority(os.PRIO_PROCESS, 0, 10)
    os.umask(0o077)
    order = json.load(sys.stdin)
    part, final = Path(order["part"]), Path(order["final"])
    whole = part
    if order["format"] in ("flac", "opus"):
        whole = part.with_name(part.name + ENDINGS[order["format"]])
        _convert(part, whole, order["format"])
    if order["recipients"]:
        fresh = final.with_name(final.name + ".new")
        seal(whole, fresh, order["recipients"])
        fresh.replace(final)
        if whole != part:
            whole.unlink()
    elif whole != part:
        whole.replace(final)


def _convert(source: Path, target: Path, audio_format: str) -> None:
    import soundfile  # noqa: PLC0415 - an extra

    kind = ("FLAC", "PCM_16") if audio_format == "flac" else ("OGG", "OPUS")
    with (
        soundfile.SoundFile(source) as wav,
        soundfile.SoundFile(
            target, "w", wav.samplerate, wav.channels, format=kind[0], subtype=kind[1]
        ) as out,
    ):
        while len(block := wav.read(_BLOCK_FRAMES, dtype="int16")):
            out.write(block)


if __name__ == "__main__":
    try:
        _child()
    except Exception as error:  # noqa: BLE001 - the parent tells it
        sys.exit(f"{type(error).__name__}: {error}")
