"""Finished wheels and source tarballs, outside the clone, each with a checksum beside it."""

import ctypes.util
import fcntl
import functools
import hashlib
import os
import platform
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import kinds
import wheel


def root() -> Path:
    """The folder that survives clones: $SIPUA_CACHE, or the user's cache folder."""
    user_cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return Path(os.environ.get("SIPUA_CACHE") or user_cache / "sipua") / "pjsua2"


@contextmanager
def locked(say: Callable[[str], None]) -> Iterator[None]:
    """One build at a time; a second one waits and then finds the result."""
    root().mkdir(parents=True, exist_ok=True)
    with (root() / ".lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say("waiting for another build to end")
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def key(version: str, source_digest: str) -> str:
    return f"{version}-{source_digest[:12]}-{_suffix()}"


def find_wheel(source_digest: str | None) -> Path | None:
    """The newest good wheel for this machine and recipe, from this source if one is given."""
    source = source_digest[:12] if source_digest else "*"
    folders = root().glob(f"*-{source}-{_suffix()}")
    for folder in sorted(folders, key=lambda folder: folder.stat().st_mtime, reverse=True):
        if found := _verified(folder, "*.whl"):
            return found
    return None


def find_source() -> Path | None:
    return _verified(root() / "source", "*.tar.*")


def store(file: Path, name: str) -> Path:
    """Put a file into the folder `name`, in one step: a reader sees all of it or nothing."""
    target, incoming = root() / name, root() / f".incoming-{name}"
    shutil.rmtree(incoming, ignore_errors=True)
    incoming.mkdir(parents=True)
    shutil.copy(file, incoming)
    (incoming / "sha256").write_text(digest(file) + "\n")
    shutil.rmtree(target, ignore_errors=True)
    incoming.rename(target)
    return target / file.name


def _verified(folder: Path, pattern: str) -> Path | None:
    files = list(folder.glob(pattern))
    checksum = folder / "sha256"
    if len(files) == 1 and checksum.exists() and checksum.read_text().strip() == digest(files[0]):
        return files[0]
    return None


@functools.cache  # a recipe that is edited while it is built must not name the result
def _suffix() -> str:
    """What a wheel must fit: this Python, this machine, its OpenSSL, and the recipe of today."""
    recipe = hashlib.sha256(b"".join(path.read_bytes() for path in wheel.RECIPE)).hexdigest()
    openssl = (ctypes.util.find_library("ssl") or "none").rpartition(".")[2]
    kind = kinds.chosen().suffix
    return f"{wheel.abi()}-{platform.machine()}-openssl{openssl}-{recipe[:12]}{kind}"
