"""The row of a call, `sipua.cdr/1`. docs/cdr.md has its fields.

Fields may be added; none changes its meaning, and none is taken away. What there is nothing to say
of is missing.
"""

from __future__ import annotations

from typing import Any, Final

import msgspec

from sipua.events.ending import End, Status
from sipua.events.parties import CallerShown

SCHEMA: Final = "sipua.cdr/1"


class Hold(msgspec.Struct, frozen=True):
    count: int
    ms: int


class TransferTry(msgspec.Struct, omit_defaults=True):
    at: str
    target: str
    outcome: str = "pending"
    """`ok`, `failed`, or `pending`: the call ended before it was known."""
    status: int = 0
    """Of SIP; 0: none came."""
    reason: str = ""
    mode: str = ""
    """`refer`; `dial`: by a second leg; `attended`: that leg is taken over. `refer received`,
    `replaces received`: the other side has put somebody in its place."""
    cause: str = ""
    """Why it failed, of a closed list."""
    phases_ms: dict[str, int] = {}
    """When each phase was reached, in milliseconds."""


class AttemptRow(msgspec.Struct, frozen=True):
    """A server of a trunk that did not take the call."""

    at: str
    server: str
    status: int
    reason: str


class MenuStep(msgspec.Struct, frozen=True, omit_defaults=True):
    """A menu that the caller was in, and how it was left."""

    menu: str
    by: str
    key: str = ""
    to: str = ""


class SupervisorRow(msgspec.Struct, omit_defaults=True):
    """A person who has heard the call."""

    at: str
    who: str
    by: str
    modes: list[str]
    """In their order."""
    heard_s: float = 0.0
    cause: str = ""
    """Why it ended."""


class QueueWait(msgspec.Struct, frozen=True, omit_defaults=True):
    """A queue that the caller was in."""

    name: str
    waited_ms: int
    reason: str
    """`served`, or why it was left."""
    member: str = ""
    """Who has served the caller; empty: an agent, or nobody."""


class MediaFigures(msgspec.Struct, frozen=True, omit_defaults=True):
    codec: str = ""
    remote: str = ""
    sent: int = 0
    received: int = 0
    """Packets, as all counts here."""
    lost: int = 0
    """Of the other side's."""
    refused: int = 0
    """That came from a source which was not believed: nobody heard them."""
    jitter_ms: float | None = None
    remote_lost: int | None = None
    """Of ours, as the other side reports."""
    remote_jitter_ms: float | None = None
    round_trip_ms: float | None = None
    drift_ppm: float | None = None
    mos: float | None = None
    """Of listening to the other side, by loss alone."""
    remote_mos: float | None = None
    """Of listening to us, as the other side reports (RTCP XR)."""


class EngineFigures(msgspec.Struct, frozen=True, omit_defaults=True):
    name: str = ""
    """The last one that the call talked with."""
    used: list[str] = []
    """All that it talked with, where there were several."""
    models: list[str] = []
    sessions: int = 0
    outages: int = 0
    outage_ms: int = 0
    rotations: int = 0


class Row(msgspec.Struct, kw_only=True, omit_defaults=True, rename={"from_": "from"}):
    schema: str
    id: str
    """The call id."""
    node: str
    direction: str
    from_: str | None = None
    to: str | None = None
    caller: CallerShown | None = None
    """Who calls, by the header that is believed: in the trunk's format, and as it came."""
    called: str = ""
    """The number in the trunk's format; as it came it is in `to`."""
    origin: str = ""
    route: str = ""
    source: str = ""
    """Where the INVITE came from."""
    sip_call_id: str = ""
    server: str = ""
    """The server of a trunk that it went to, the last one of several."""
    attempts: list[AttemptRow] = []
    """Those that did not take it before."""
    worker: int | None = None
    config: str = ""
    """The hash of its configuration."""

    began: str
    ringing: str | None = None
    answered: str | None = None
    ended: str
    rang_ms: int = 0
    """Until the answer, or until the end of a call without one."""
    talk_ms: int = 0

    status: Status
    end: End
    hold: Hold | None = None
    transfers: list[TransferTry] = []
    menus: list[MenuStep] = []
    supervisors: list[SupervisorRow] = []
    queues: list[QueueWait] = []
    digits: int = 0
    """Keys that the other side pressed."""
    media: MediaFigures | None = None
    engine: EngineFigures | None = None
    first_audio_ms: float | None = None
    interruptions: int = 0
    answered_by: dict[str, Any] | None = None
    """As `call.ended` has it."""
    conversation: dict[str, Any] | None = None
    """The summary, as `call.ended` has it."""
    cost: float | None = None
    currency: str = ""
    record: str = ""
    """The file of the conversation."""
    capture: str = ""
    """The pcap file."""
    recordings: list[str] = []
    """The files of sound that were complete at the end of the call."""


_ENCODER = msgspec.json.Encoder()


def encode(row: Row) -> bytes:
    """A line, without its end."""
    return _ENCODER.encode(row)


_DECODER = msgspec.json.Decoder(Row)


def decode(line: bytes) -> Row:
    """Raises msgspec.MsgspecError for a line that is no row."""
    return _DECODER.decode(line)
