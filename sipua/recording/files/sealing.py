"""Files sealed by age: with public keys when they are finished, opened with a secret key."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path


class SealError(Exception):
    """The text says why."""


def seal(source: Path, target: Path, recipients: Sequence[str]) -> None:
    """Raises what the library raises."""
    import pyrage  # noqa: PLC0415 - an extra

    keys = [pyrage.x25519.Recipient.from_str(text) for text in recipients]
    pyrage.encrypt_file(str(source), str(target), keys)


def unseal(path: Path, target: Path, identity: Path) -> None:
    """`target` must not be there. Raises SealError, OSError."""
    try:
        import pyrage  # noqa: PLC0415 - an extra
    except ImportError:
        raise SealError("pyrage is not installed: pip install 'sipua[recording]'") from None
    lines = [line.strip() for line in identity.read_text().splitlines()]
    try:
        keys = [pyrage.x25519.Identity.from_str(line) for line in lines if line and line[0] != "#"]
    except Exception:  # noqa: BLE001 - of the library; its text may quote the secret
        raise SealError(f"{identity} has a line that is no AGE-SECRET-KEY-1…") from None
    if not keys:
        raise SealError(f"{identity} has no key")
    os.close(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
    try:
        pyrage.decrypt_file(str(path), str(target), keys)
    except Exception as error:  # noqa: BLE001 - of the library
        target.unlink(missing_ok=True)
        raise SealError(f"{path} cannot be opened with this key: {error}") from None
