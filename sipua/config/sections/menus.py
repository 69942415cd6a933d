"""Menus: the caller chooses by key, before an agent or in its place."""

from __future__ import annotations

import re
import shutil
from typing import Annotated, Final

from pydantic import AfterValidator, Field

from sipua.bridge.agent.scenario.scenario import SPEAKER
from sipua.config.sections.routes import Target
from sipua.config.values.fields import Name, OneLine, Seconds, SoundFile, wrong
from sipua.config.values.section import Section
from sipua.rtp.dtmf import DIGITS

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
"""Spoken by the local voice, before there are calls."""
SpokenVoice = Annotated[str, AfterValidator(_voice)]


class MenuActionSection(Section):
    """What a key leads to; exactly one of its keys is set."""

    route: OneLine = Field(
        default="",
        description="Name of a route: the call goes on as it says, with its menu or agent.",
    )
    agent: OneLine = Field(
        default="", description="Name of a route: its agent takes the call, without its menu."
    )
    menu: OneLine = Field(default="", description="Name of a menu.")
    transfer: Target = Field(
        default="",
        description="SIP URI or number that the other side is transferred to (REFER). When that "
        "fails the menu is heard again.",
    )
    prompt: SoundFile = Field(
        default="",
        description="WAV file (16 bit PCM) that is heard, and the menu again behind it. In "
        "`on_no_input` and `on_invalid` the call ends behind it.",
    )
    hang_up: bool = Field(default=False, description="The call ends.")

    @property
    def kinds(self) -> list[str]:
        """The keys that are set; exactly one in a valid entry."""
        return [name for name in type(self).model_fields if getattr(self, name)]


def _keys(keys: dict[str, MenuActionSection]) -> dict[str, MenuActionSection]:
    for key in keys:
        if len(key) != 1 or key.upper() not in DIGITS:
            raise wrong(f'"{key[:20]}" is on no keypad', f"one of {' '.join(DIGITS)}")
    return {key.upper(): action for key, action in keys.items()}


class MenuSection(Section):
    """A menu: a prompt, and what each key leads to. docs/menus.md.

    A route names it (`menu`), a fallback (`{ menu = "…" }`) or another menu.
    """

    name: Name = Field(description="Name in routes and events; unique.", examples=["main"])
    prompt: SoundFile = Field(
        default="",
        description="WAV file (16 bit PCM, any rate) that the caller hears. A key ends it.",
    )
    text: SpokenText = Field(
        default="",
        description=f"Text in the place of `prompt`, spoken by {SPEAKER}, which must be installed.",
    )
    voice: SpokenVoice = Field(default="en-us+f3", description=f"Voice of {SPEAKER} for `text`.")
    words_per_minute: int = Field(
        default=155, ge=80, le=450, description=f"Speed of {SPEAKER} for `text`."
    )
    keys: Annotated[dict[str, MenuActionSection], AfterValidator(_keys)] = Field(default={})
    no_input_s: Seconds = Field(
        default=5, description="How long a key is waited for behind the prompt."
    )
    retries: int = Field(
        default=2,
        ge=0,
        le=9,
        description="How often the prompt is repeated when no key came, or a wrong one.",
    )
    on_no_input: MenuActionSection = MenuActionSection()
    on_invalid: MenuActionSection = MenuActionSection()
