"""The sounds that an operator may have played: ours, and the files of one folder."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Final

from sipua.bridge.playout import sounds
from sipua.bridge.playout.sound_files import TEXTS, SoundError
from sipua.codecs.pcm import Pcm

MOST_BYTES: Final = 32_000_000


class SoundFiles:
    def __init__(self, folder: str) -> None:
        """`folder`: empty, there is none."""
        self._folder = folder

    async def load(self, name: str) -> Pcm:
        """Read it, on another thread. Raises SoundError."""
        if name in TEXTS:
            return sounds.prompt(name)
        if not self._folder:
            raise SoundError(f"{name}: no sound of ours, and `calls.sounds` names no folder")
        return await asyncio.to_thread(self._read, name)

    def _read(self, name: str) -> Pcm:
        folder = Path(self._folder).expanduser().resolve()
        try:
            path = (folder / name).resolve()
            if not path.is_relative_to(folder) or not path.is_file():
                raise SoundError(f"{name}: there is no such file in `calls.sounds`")
            if path.stat().st_size > MOST_BYTES:
                raise SoundError(f"{name}: more than {MOST_BYTES // 1_000_000} MB")
            return sounds.read(path)
        except (OSError, ValueError) as error:
            if isinstance(error, SoundError):
                raise SoundError(str(error).replace(str(folder) + "/", "")) from None
            raise SoundError(f"{name}: cannot be read") from None
