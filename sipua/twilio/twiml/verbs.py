"""The verbs of TwiML, with the values that they have where nothing is written.

`action`: where the next document comes from. None: there is none, and the next verb follows. One
with an empty URL asks for the document itself again. A URL may hold a key, and a text what is
private: no error shows them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Literal, TypeAlias

Method: TypeAlias = Literal["GET", "POST"]
MOST_LOOPS: Final = 1000
"""Also where the document has 0, for ever."""


@dataclass(frozen=True, slots=True)
class Action:
    """Where the next document comes from, when a verb is over."""

    url: str = field(repr=False)
    method: Method = "POST"


@dataclass(frozen=True, slots=True)
class StatusCallback:
    url: str = field(repr=False)
    method: Method = "POST"


@dataclass(frozen=True, slots=True)
class Stream:
    url: str = field(repr=False)
    name: str = ""
    parameters: Mapping[str, str] = field(default_factory=dict)
    status_callback: StatusCallback | None = None


@dataclass(frozen=True, slots=True)
class Connect:
    stream: Stream
    action: Action | None = None


@dataclass(frozen=True, slots=True)
class Say:
    text: str = field(repr=False)
    voice: str = ""
    language: str = ""
    loop: int = 1


@dataclass(frozen=True, slots=True)
class Play:
    """Exactly one of both is there."""

    url: str = field(default="", repr=False)
    digits: str = field(default="", repr=False)
    """Keys that the other side gets; `w` is a pause of half a second."""
    loop: int = 1


@dataclass(frozen=True, slots=True)
class Pause:
    length_s: int = 1


Prompt: TypeAlias = Say | Play | Pause


@dataclass(frozen=True, slots=True)
class Gather:
    prompts: tuple[Prompt, ...] = ()
    action: Action = Action("")
    """An empty URL: the document itself."""
    timeout_s: int = 5
    """After the prompts, or the last key."""
    finish_on_key: str = "#"
    """Empty: none."""
    num_digits: int | None = None
    action_on_empty_result: bool = False
    takes_keys: bool = True
    """False: it asks for speech alone."""


@dataclass(frozen=True, slots=True)
class Number:
    number: str
    send_digits: str = ""


@dataclass(frozen=True, slots=True)
class Sip:
    uri: str


@dataclass(frozen=True, slots=True)
class Dial:
    targets: tuple[Number | Sip, ...] = ()
    """The first one that answers has the call. Empty: none that can be called."""
    action: Action | None = None
    timeout_s: int = 30
    time_limit_s: int = 14_400
    caller_id: str = ""
    answer_on_bridge: bool = False
    """The call goes on ringing until the target has answered."""
    hangup_on_star: bool = False

    @property
    def without_effect(self) -> list[str]:
        found = ["caller_id"] if self.caller_id else []
        if any(isinstance(one, Number) and one.send_digits for one in self.targets):
            found.append("send_digits")
        return found


@dataclass(frozen=True, slots=True)
class Refer:
    uri: str
    action: Action | None = None


@dataclass(frozen=True, slots=True)
class Record:
    action: Action = Action("")
    timeout_s: int = 5
    max_length_s: int = 3600
    finish_on_key: str = "1234567890*#"
    """Any of them."""
    play_beep: bool = True
    trim: bool = True
    """Silence before and behind what is said is left out."""
    status_callback: StatusCallback | None = None


@dataclass(frozen=True, slots=True)
class Enqueue:
    name: str
    action: Action | None = None


@dataclass(frozen=True, slots=True)
class Redirect:
    to: Action


@dataclass(frozen=True, slots=True)
class Hangup:
    pass


@dataclass(frozen=True, slots=True)
class Reject:
    reason: Literal["rejected", "busy"] = "rejected"


Verb: TypeAlias = (
    Connect
    | Say
    | Play
    | Pause
    | Gather
    | Dial
    | Refer
    | Record
    | Enqueue
    | Redirect
    | Hangup
    | Reject
)


@dataclass(frozen=True, slots=True)
class Remark:
    """What of a document has no effect, or another one than it asks for."""

    code: int
    """As the vendor numbers its errors and warnings: https://www.twilio.com/docs/api/errors."""
    text: str


@dataclass(frozen=True, slots=True)
class Document:
    verbs: tuple[Verb, ...] = ()
    unread_first: str = ""
    """The name of its first element, if that could not be used."""
    remarks: tuple[Remark, ...] = ()
