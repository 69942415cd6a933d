"""The commands to a running call, and their outcomes. Plain data, which crosses the link.

A command says what is wanted; which token's holder wants it is told beside it (`by`). Its outcome
has one of a closed list of statuses:

    done            it is so now
    accepted        it has begun; an event tells the rest
    no_call         there is no such call, or it ended meanwhile
    wrong_state     not now: the call is not answered yet, is on hold, is being transferred
    invalid         the command itself is wrong; `detail` says what is right
    unsupported     what the call ends in cannot do it
    busy            too many commands of this call wait
    refused         the other side refused it; `values` has SIP's `status` and `reason`
    timeout         no answer in time; it may still happen
    failed          by a fault of ours
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final, Literal, TypeAlias

import msgspec

from sipua.calls.legs.modes import TransferMode
from sipua.calls.steer.metadata import metadata_fault
from sipua.config.values.uri import UriError, check_target

Side: TypeAlias = Literal["agent", "caller"]
RecordAct: TypeAlias = Literal["start", "stop", "pause", "resume"]
Role: TypeAlias = Literal["user", "system"]
Mode: TypeAlias = Literal["listen", "whisper", "barge", "takeover"]
"""What a supervisor does: see `sipua.calls.supervise.modes`."""
Status: TypeAlias = Literal[
    "done",
    "accepted",
    "no_call",
    "wrong_state",
    "invalid",
    "unsupported",
    "busy",
    "refused",
    "timeout",
    "failed",
]

LONGEST_DETAIL: Final = 200
LONGEST_TEXT: Final = 4_000
"""Characters that are said or injected at once."""
MOST_DIGITS: Final = 32
KEYS: Final = "0123456789*#ABCD"
LONGEST_SOUND_NAME: Final = 255
LONGEST_NAME: Final = 64


class HangUp(msgspec.Struct, frozen=True, tag="hang_up"):
    """End the call: BYE, or a refusal, or CANCEL, by its state."""

    detail: str = ""
    """Why, for people."""
    after_speech: bool = False
    """What is being said is said to its end first, within a bound; the caller cannot interrupt."""


class Transfer(msgspec.Struct, frozen=True, tag="transfer"):
    """The other side is put through to the target. A call that is there afterwards goes on."""

    target: str
    """A SIP URI, or a number at the peer."""
    wait: bool = False
    """For the outcome, which may take a minute; otherwise events tell it."""
    name: str = ""
    """Of the configured destination that has the target; empty: of none."""
    mode: TransferMode | None = None
    """In the place of the configured one."""


class PressKeys(msgspec.Struct, frozen=True, tag="press_keys"):
    """The other side gets these keys, as events or tones; speech waits for them."""

    digits: str


class Hold(msgspec.Struct, frozen=True, tag="hold"):
    """Put the other side on hold (a re-INVITE), or take it back."""

    on: bool


class Mute(msgspec.Struct, frozen=True, tag="mute"):
    """`agent`: the other side hears silence. `caller`: the engine does."""

    side: Side
    on: bool


class Say(msgspec.Struct, frozen=True, tag="say"):
    """The engine says the text, as literally as it can."""

    text: str
    interrupt: bool = False
    """Cut off what is being said; otherwise it waits for its turn."""


class Play(msgspec.Struct, frozen=True, tag="play"):
    """The other side hears a sound, behind what is being said."""

    sound: str
    """One of ours by its name (`sorry`), or a file in the folder `calls.sounds`."""
    interrupt: bool = False


class Inject(msgspec.Struct, frozen=True, tag="inject"):
    """The model is told something that no side of the call hears."""

    role: Role
    text: str
    respond: bool = False
    """It answers at once; otherwise it knows when it answers next."""


class SetMetadata(msgspec.Struct, frozen=True, tag="set_metadata"):
    """Add to the call's metadata. An empty value takes its name away."""

    values: dict[str, str]


class Record(msgspec.Struct, frozen=True, tag="record"):
    """The recording of the call's sound."""

    act: RecordAct


class Supervise(msgspec.Struct, frozen=True, tag="supervise"):
    """Call a supervisor, who is to hear the call."""

    target: str
    """A SIP URI, or a number at the account."""
    account: str = ""
    """The account or trunk that it goes out by; empty: as configured."""
    mode: Mode = "listen"
    fetch: bool = False
    """It is to fetch a parked call."""


class SuperviseMode(msgspec.Struct, frozen=True, tag="supervise_mode"):
    """The supervisor does something else."""

    mode: Mode


class SuperviseEnd(msgspec.Struct, frozen=True, tag="supervise_end"):
    """The supervisor's leg ends; after a takeover, the call."""


class Park(msgspec.Struct, frozen=True, tag="park"):
    """The caller waits, with our hold sound, until somebody fetches the call."""

    slot: str = ""
    """Given by the edge."""


class Unpark(msgspec.Struct, frozen=True, tag="unpark"):
    """The agent has the parked call again."""


class Whisper(msgspec.Struct, frozen=True, tag="whisper"):
    """A supervisor tells the agent something by text; the caller hears nothing of it."""

    text: str
    respond: bool = False
    """It speaks at once; otherwise it knows when it answers next."""


class JoinQueue(msgspec.Struct, frozen=True, tag="queue"):
    """The agent leaves, and the caller waits in this queue."""

    queue: str


class RunDocuments(msgspec.Struct, frozen=True, tag="documents"):
    """The agent leaves, and documents lead the call: from this URL, or beginning with this text."""

    url: str = ""
    method: Literal["GET", "POST"] = "POST"
    fallback_url: str = ""
    text: str = ""
    may_call: tuple[str, ...] = ()
    """Whom they may call, besides those of the configuration."""


Command: TypeAlias = (
    HangUp
    | Transfer
    | PressKeys
    | Hold
    | Mute
    | Say
    | Play
    | Inject
    | SetMetadata
    | Record
    | Supervise
    | SuperviseMode
    | SuperviseEnd
    | Park
    | Unpark
    | Whisper
    | JoinQueue
    | RunDocuments
)


@dataclass(frozen=True, slots=True)
class Done:
    """The outcome of a command."""

    status: Status
    detail: str = ""
    """For people; never what a caller or a model said."""
    values: dict[str, str | int] = field(default_factory=dict)

    @property
    def ok(self) -> bool:
        return self.status in ("done", "accepted")


def name_of(command: Command) -> str:
    return str(command.__struct_config__.tag)


def fault_of(command: Command) -> str:
    """What is wrong with a command that came from outside; empty: nothing."""
    texts = _texts(command)
    for name, text in texts.items():
        if not text.isascii() and any("\ud800" <= character <= "\udfff" for character in text):
            return f"`{name}` is no text: it has half of a surrogate pair"
    check = _CHECKS.get(type(command))
    return check(command) if check else ""


def _texts(command: Command) -> Mapping[str, str]:
    if isinstance(command, SetMetadata):
        return {**command.values, "values": "".join(command.values)}
    values = {name: getattr(command, name) for name in command.__struct_fields__}
    return {name: value for name, value in values.items() if isinstance(value, str)}


def _hang_up(command: HangUp) -> str:
    return _length("detail", command.detail, LONGEST_DETAIL, least=0)


def _target(command: Transfer | Supervise) -> str:
    try:
        check_target(command.target)
    except UriError as error:
        return f"`target` {error.what}: {error.fix}"
    return ""


def _press_keys(command: PressKeys) -> str:
    if wrong := sorted(set(command.digits.upper()) - set(KEYS)):
        return f"`digits`: {''.join(wrong)[:20]!r} is on no keypad: use {KEYS}"
    return _length("digits", command.digits, MOST_DIGITS)


def _say(command: Say | Inject | Whisper) -> str:
    return _length("text", command.text.strip() and command.text, LONGEST_TEXT)


def _play(command: Play) -> str:
    return _length("sound", command.sound, LONGEST_SOUND_NAME)


def _queue(command: JoinQueue) -> str:
    return _length("queue", command.queue, LONGEST_NAME)


def _metadata(command: SetMetadata) -> str:
    return metadata_fault(command.values)


def _length(name: str, text: str, most: int, *, least: int = 1) -> str:
    if len(text) < least:
        return f"`{name}` is empty"
    return f"`{name}` is longer than {most} characters" if len(text) > most else ""


_CHECKS: Final[Mapping[type, Callable[..., str]]] = {
    HangUp: _hang_up,
    Transfer: _target,
    Supervise: _target,
    PressKeys: _press_keys,
    Say: _say,
    Inject: _say,
    Whisper: _say,
    Play: _play,
    SetMetadata: _metadata,
    JoinQueue: _queue,
}
