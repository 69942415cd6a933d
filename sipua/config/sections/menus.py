"""Menus: the caller chooses by key, before an agent or in its place."""

from __future__ import annotations

from pydantic import Field

from sipua.bridge.agent.scenario.scenario import SPEAKER
from sipua.config.sections.actions import ActionSection, Keys
from sipua.config.values.fields import Name, OneLine, Seconds, SoundFile
from sipua.config.values.section import Section
from sipua.config.values.spoken import SpokenText, SpokenVoice, WordsPerMinute


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
    words_per_minute: WordsPerMinute = Field(
        default=155, description=f"Speed of {SPEAKER} for `text`."
    )
    keys: Keys = Field(default={})
    no_input_s: Seconds = Field(
        default=5, description="How long a key is waited for behind the prompt."
    )
    retries: int = Field(
        default=2,
        ge=0,
        le=9,
        description="How often the prompt is repeated when no key came, or a wrong one.",
    )
    on_no_input: ActionSection = ActionSection()
    on_invalid: ActionSection = ActionSection()
    when: OneLine = Field(
        default="", description="Name of an `[hours.NAME]`, outside of which `closed` counts."
    )
    closed: ActionSection = ActionSection()
