"""Queues: callers wait until an agent or a person has time for them."""

from __future__ import annotations

import re
from typing import Annotated, Final, Literal

from pydantic import AfterValidator, Field

from sipua.bridge.agent.scenario.scenario import SPEAKER
from sipua.config.sections.actions import ActionSection, Keys, Target
from sipua.config.sections.routes import Patterns
from sipua.config.sections.supervise import Prefix
from sipua.config.values.fields import AS_TUPLE, Name, OneLine, Seconds, SoundFile, wrong
from sipua.config.values.section import Section
from sipua.config.values.spoken import SpokenText, SpokenVoice, WordsPerMinute

POSITION, MINUTES = "{position}", "{minutes}"
PAUSE_REASON: Final = re.compile(r"[0-9A-Za-z_*-]{1,32}")
"""What can be dialled behind the code for a pause."""


def _with(placeholder: str) -> AfterValidator:
    def check(text: str) -> str:
        if text and placeholder not in text:
            raise wrong(f"has no {placeholder} in it", f'such as "… {placeholder} …"')
        return text

    return AfterValidator(check)


def _member(target: str) -> str:
    if not target:
        raise wrong("is empty", 'a SIP URI or a number, such as "sip:201@192.0.2.10"')
    return target


class MemberSection(Section):
    """A person who serves the callers of a queue."""

    name: Name = Field(description="Name in events; unique in the queue.", examples=["anna"])
    target: Annotated[Target, AfterValidator(_member)] = Field(
        description="SIP URI, or number at `account`. The same target in two queues is one person.",
        examples=["sip:201@192.0.2.10"],
    )
    signed_in: bool = Field(
        default=True,
        description="Whether the member takes callers before it has signed in or out for the first "
        "time.",
    )


def _reasons(reasons: dict[str, str]) -> dict[str, str]:
    for code in reasons:
        if not PAUSE_REASON.fullmatch(code):
            raise wrong(f'"{code[:40]}" cannot be dialled', '1 = "lunch"')
    return reasons


class QueueMembersSection(Section):
    """What members of queues say of themselves: signed in, in a pause, signed out. By the API, by
    `sipua queue`, or by a code from the member's own phone. docs/queue.md."""

    sign_in_code: Prefix = Field(
        default="",
        description="Code, such as `*60`, that a member dials to sign in, or to end a pause. "
        "Empty: none.",
    )
    sign_out_code: Prefix = Field(
        default="", description="Code that a member dials to sign out. Empty: none."
    )
    pause_code: Prefix = Field(
        default="",
        description="Code that a member dials for a pause, with the reason behind it or without. "
        "Empty: none.",
    )
    pause_reasons: Annotated[dict[str, OneLine], AfterValidator(_reasons)] = Field(
        default={},
        description='What is dialled behind `pause_code`, and what it means: `{ 1 = "lunch" }`. '
        "Another number is the reason itself.",
    )
    accounts: Annotated[tuple[Name, ...], AS_TUPLE] = Field(
        default=(), description="Accounts and trunks that the codes may be dialled from."
    )
    callers: Patterns = Field(
        default=(),
        description="Who may dial them, as patterns like those of routes. Empty: each member who "
        "calls by `accounts`.",
    )
    signed_in_sound: SoundFile = Field(
        default="",
        description="WAV file that is heard by who has signed in. Left out: two tones, upwards.",
    )
    signed_out_sound: SoundFile = Field(
        default="", description="The same of who has signed out. Left out: two tones, downwards."
    )
    paused_sound: SoundFile = Field(
        default="", description="The same of a pause. Left out: the same tone twice."
    )
    file: OneLine = Field(
        default="queue-members.json",
        description="File that keeps it while the edge does not run; written when a member says "
        "something for the first time. Relative to the working directory. Empty: it is forgotten.",
    )


class QueueSection(Section):
    """Callers wait here for an agent or for people. docs/queue.md.

    A route names it (`queue`), a menu, a fallback, a tool (`queue:NAME` in
    `tools.transfer.targets`) or the HTTP interface. Without members an agent serves its callers,
    `max_calls` at once.
    """

    name: Name = Field(description="Name in routes and events; unique.", examples=["support"])
    max_calls: int = Field(
        default=0,
        ge=0,
        le=100_000,
        description="Callers that the agent has at once; a further one waits. Required without "
        "members.",
    )
    agent: OneLine = Field(
        default="",
        description="Name of the route whose agent serves the callers. Left out: that of the route "
        "by which a call came.",
    )
    members: Annotated[tuple[MemberSection, ...], AS_TUPLE] = Field(default=())
    strategy: Literal["ring_all", "round_robin", "in_order"] = Field(
        default="ring_all",
        description="Which members are called: all that are free at once; the next one, in turn; "
        "or the first one that is free.",
    )
    ring_s: Seconds = Field(default=20, description="So long a member is called.")
    wrap_up_s: float = Field(
        default=0,
        ge=0,
        le=86_400,
        allow_inf_nan=False,
        description="A member's pause behind a call.",
    )
    retry_s: Seconds = Field(
        default=30,
        description="So long a member is left out who was busy, declined, or did not answer.",
    )
    account: OneLine = Field(
        default="",
        description="Account or trunk that members are called by. Left out: as "
        "`tools.transfer.account`.",
    )
    music: SoundFile = Field(
        default="",
        description="WAV file (16 bit PCM, any rate) that is heard over and over. Left out: the "
        "sound of `tools.put_on_hold`.",
    )
    announcement: SoundFile = Field(
        default="", description="WAV file that is heard at the beginning, and then at times."
    )
    position_text: Annotated[SpokenText, _with(POSITION)] = Field(
        default="",
        description=f"What {SPEAKER} says of the place, such as `You are number {POSITION} in the "
        "queue.` Left out: nothing.",
    )
    wait_text: Annotated[SpokenText, _with(MINUTES)] = Field(
        default="",
        description=f"What {SPEAKER} says of the time, such as `Please wait for about {MINUTES} "
        "minutes.`; as soon as it can be estimated.",
    )
    voice: SpokenVoice = Field(default="en-us+f3", description=f"Voice of {SPEAKER}.")
    words_per_minute: WordsPerMinute = Field(default=155, description=f"Speed of {SPEAKER}.")
    announce_every_s: float = Field(
        default=30,
        ge=0,
        le=86_400,
        allow_inf_nan=False,
        description="Pause between two announcements. 0: only at the beginning.",
    )
    keys: Keys = Field(default={})
    max_wait_s: Seconds = Field(default=900, description="Longest wait; then `on_timeout` counts.")
    max_callers: int = Field(
        default=20,
        ge=0,
        le=1000,
        description="Callers who may wait; for a further one `on_full` counts. 0: none may.",
    )
    on_timeout: ActionSection = ActionSection()
    on_full: ActionSection = ActionSection()
    on_empty: ActionSection = ActionSection()
    when: OneLine = Field(
        default="", description="Name of an `[hours.NAME]`, outside of which `closed` counts."
    )
    closed: ActionSection = ActionSection()
