"""Texts that a program of this machine speaks: what they may be, and in which voice."""

from __future__ import annotations

import re
import shutil
from typing import Annotated, Final

from pydantic import AfterValidator, Field

from sipua.bridge.agent.scenario.scenario import SPEAKER
from sipua.config.values.fields import OneLine, wrong

_VOICE: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_+/-]{0,63}")
_LONGEST_TEXT: Final = 2000


def _text(text: str) -> str:
    if len(text) > _LONGEST_TEXT:
        raise wrong(f"has {len(text)} characters", f"{_LONGEST_TEXT} at most, or a WAV file")
    if text and shutil.which(SPEAKER) is None:
        raise wrong(
            f"needs the program {SPEAKER}, which is not installed",
            f'apt-get install {SPEAKER}, or prompt = "menu.wav" in its place',
        )
    return text


def _voice(text: str) -> str:
    if not _VOICE.fullmatch(text):
        raise wrong(f"is no voice of {SPEAKER}", 'such as "en-us", "de" or "fr+f3"')
    return text


SpokenText = Annotated[OneLine, AfterValidator(_text)]
SpokenVoice = Annotated[str, AfterValidator(_voice)]
WordsPerMinute = Annotated[int, Field(ge=80, le=450)]
