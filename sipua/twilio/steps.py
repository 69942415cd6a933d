"""What a walk through TwiML asks for, and how what it has asked for came out. Plain data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from sipua.twilio.twiml.verbs import Action, Dial, Method, Record, Remark, Stream

# --- steps --------------------------------------------------------------------------------------
# One that is awaited is the last of its sequence: the walk goes on when its end is told.


@dataclass(frozen=True, slots=True)
class Answer:
    """The call that rings is answered; awaited, by `picked_up`."""


@dataclass(frozen=True, slots=True)
class Fetch:
    """A document; awaited, by `fetched` or `fetch_failed`."""

    number: int
    """Told with the outcome: one of a request that is not wanted any more changes nothing."""
    url: str = field(repr=False)
    method: Method
    results: Mapping[str, str] = field(default_factory=dict, repr=False)
    """Parameters of the verb that is over, beside those of the call."""


@dataclass(frozen=True, slots=True)
class Speak:
    """Awaited, by `played` or `not_played`, as the next two."""

    text: str = field(repr=False)
    voice: str = ""
    language: str = ""


@dataclass(frozen=True, slots=True)
class PlaySound:
    url: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class SendKeys:
    digits: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Stop:
    """What is awaited ends now, and its end is not told."""


@dataclass(frozen=True, slots=True)
class OpenStream:
    """Awaited, by `stream_ended`. Its URL is complete."""

    stream: Stream


@dataclass(frozen=True, slots=True)
class CallTargets:
    """Awaited, by `dialled`."""

    dial: Dial


@dataclass(frozen=True, slots=True)
class LeaveTargets:
    """Those that are called are called no more, or hung up: the end of that is told."""


@dataclass(frozen=True, slots=True)
class SendRefer:
    """Awaited, by `referred`."""

    uri: str


@dataclass(frozen=True, slots=True)
class JoinQueue:
    """Awaited, by `queue_left`."""

    name: str


@dataclass(frozen=True, slots=True)
class RecordCaller:
    """Awaited, by `recorded`. Its URLs are complete."""

    number: int
    """Of the recordings of this walk."""
    record: Record
    after: Action | None = None
    """Asked also when the call ends in the middle of it. None: that is no URL."""


@dataclass(frozen=True, slots=True)
class FinishRecording:
    """A key ends the recording of this number: its end is told."""

    number: int


@dataclass(frozen=True, slots=True)
class RejectCall:
    """The last step."""

    reason: Literal["rejected", "busy"]


@dataclass(frozen=True, slots=True)
class HangUp:
    """The last step: the documents are at their end."""


@dataclass(frozen=True, slots=True)
class GiveUp:
    """The last step: there is no document to go on with."""

    detail: str


Awaited: TypeAlias = (
    Answer
    | Fetch
    | Speak
    | PlaySound
    | SendKeys
    | OpenStream
    | CallTargets
    | SendRefer
    | JoinQueue
    | RecordCaller
)
Last: TypeAlias = RejectCall | HangUp | GiveUp
Step: TypeAlias = Remark | Stop | LeaveTargets | FinishRecording | Awaited | Last

# --- outcomes -----------------------------------------------------------------------------------

DialStatus: TypeAlias = Literal["completed", "busy", "no-answer", "failed", "canceled"]


@dataclass(frozen=True, slots=True)
class Dialled:
    status: DialStatus
    duration_s: int | None = None
    """Of a call that was answered."""
    sid: str = ""

    def results(self) -> dict[str, str]:
        found = {
            "DialCallStatus": self.status,
            "DialBridged": "true" if self.status == "completed" else "false",
        }
        if self.sid:
            found["DialCallSid"] = self.sid
        if self.duration_s is not None:
            found["DialCallDuration"] = str(self.duration_s)
        return found


@dataclass(frozen=True, slots=True)
class Referred:
    """SIP's statuses; 0: none came."""

    answer: int
    """To the REFER."""
    notified: int = 0
    """The last one that was told of the new call."""

    def results(self) -> dict[str, str]:
        found = {}
        if self.answer:
            found["ReferSipResponseCode"] = str(self.answer)
        if self.answer >= 300:
            found["ReferCallStatus"] = "failed"
        elif self.notified:
            found["NotifySipResponseCode"] = str(self.notified)
            found["ReferCallStatus"] = self._status()
        return found

    def _status(self) -> str:
        if self.notified < 300:
            return "in-progress" if self.notified >= 200 else "ringing"
        return "busy" if self.notified in (486, 600) else "failed"


@dataclass(frozen=True, slots=True)
class QueueLeft:
    result: Literal["bridged", "queue-full", "hangup", "error", "leave", "system-error"]
    waited_s: int = 0

    def results(self) -> dict[str, str]:
        return {"QueueResult": self.result, "QueueTime": str(self.waited_s)}


@dataclass(frozen=True, slots=True)
class Recorded:
    sid: str = ""
    """Empty: there is none, because there was no sound or no disk for it."""
    url: str = ""
    duration_s: int = 0

    def results(self, digits: str) -> dict[str, str]:
        """`digits`: the key that has ended it, or `hangup`."""
        found = {
            "RecordingUrl": self.url,
            "RecordingSid": self.sid,
            "RecordingDuration": str(self.duration_s),
        }
        return {**found, "Digits": digits} if digits else found
