"""The calls as they are shown: those that are up, and the last ones that have ended."""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final, Literal, TypeAlias

import msgspec

from sipua.control.view.quality import CallQuality
from sipua.events.stream import Happened
from sipua.worker.link.messages import Samples

State: TypeAlias = Literal["placing", "ringing", "active", "ended"]
STATES: Final[tuple[State, ...]] = ("placing", "ringing", "active", "ended")
ENDED_KEPT = 1000
SPANS_KEPT = 500
WORDS_KEPT = 200
MOST_CALLS = 20_000
"""A call whose end was lost on the way must not stay for ever."""


@dataclass(slots=True)
class Media:
    codec: str
    remote: str
    direction: str
    ssrc: str = ""
    """Ours."""
    srtp: str = ""


@dataclass(slots=True)
class Transfer:
    target: str
    state: Literal["asked", "done", "failed"] = "asked"
    status: int | None = None
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class Span:
    """Speech of one side."""

    who: Literal["caller", "agent"]
    from_ms: int
    """Since the answer, as the end."""
    until_ms: int
    turn: int | None
    cut: str | None = None
    """By whom it was cut off."""


@dataclass(frozen=True, slots=True)
class Words:
    who: str
    text: str
    turn: int | None
    at: datetime
    """When they became known."""


@dataclass(slots=True)
class CallView:
    id: str
    sequence: int
    """Of its first event: calls are listed by it."""
    direction: Literal["incoming", "outgoing"]
    state: State
    from_uri: str | None
    to_uri: str | None
    origin: str
    route: str
    worker: int
    created_at: datetime
    by: str = ""
    """Whose token placed it."""
    sip_call_id: str = ""
    source: str = ""
    caller: dict[str, Any] | None = None
    """As events have it."""
    called: str | None = None
    answered_at: datetime | None = None
    ended_at: datetime | None = None
    held: bool = False
    muted: set[Literal["agent", "caller"]] = field(default_factory=set)
    """The sides that the other one does not hear."""
    media: Media | None = None
    engine: str = ""
    engine_up: bool = False
    turns: int = 0
    latency: dict[str, int] = field(default_factory=dict)
    """Of the last answer, with its stages."""
    confirmed_at: datetime | None = None
    """The zero of spans."""
    samples: CallQuality = field(default_factory=CallQuality)
    spans: deque[Span] = field(default_factory=lambda: deque(maxlen=SPANS_KEPT))
    words: deque[Words] = field(default_factory=lambda: deque(maxlen=WORDS_KEPT))
    metadata: dict[str, str] = field(default_factory=dict)
    """Known to those who gave it, and at the end: events do not tell its values before."""
    quality: dict[str, Any] = field(default_factory=dict)
    """What the other side has last reported of our audio."""
    transfer: Transfer | None = None
    answered_by: dict[str, Any] | None = None
    supervisor: dict[str, Any] | None = None
    """Who hears the call, and in what mode."""
    parked: str | None = None
    """The slot."""
    recording: str = "off"
    """`asking` is known to the call alone."""
    status: str | None = None
    end: dict[str, Any] | None = None
    duration_s: float | None = None
    stats: dict[str, Any] = field(default_factory=dict)
    """Everything that was counted; known at the end."""


Change: TypeAlias = Callable[[CallView, Mapping[str, Any], datetime], None]
_STATS: Final = ("rtp", "transport", "uplink", "playout", "cadence", "echo", "engine", "keypad")


class CallsView:
    def __init__(self) -> None:
        self.up: OrderedDict[str, CallView] = OrderedDict()
        self.ended: OrderedDict[str, CallView] = OrderedDict()

    def get(self, call_id: str) -> CallView | None:
        return self.up.get(call_id) or self.ended.get(call_id)

    def apply(self, happened: Happened) -> CallView | None:
        """The call that it is of; None: none that is up."""
        told = happened.told
        if not told.call_id:
            return None
        at = datetime.fromtimestamp(told.at_s, UTC)
        if told.type in _BEGINNINGS:
            call = _begun(happened, msgspec.json.decode(told.data), at)
            self.up[call.id] = call
            if len(self.up) > MOST_CALLS:
                self.up.popitem(last=False)
            return call
        found = self.up.get(told.call_id)
        change = _CHANGES.get(told.type)
        if found is not None and change is not None:
            change(found, msgspec.json.decode(told.data), at)
            if found.state == "ended":
                self._move(found)
        return found

    def sampled(self, samples: Samples) -> None:
        for one in samples.samples:
            if call := self.get(one.call_id):
                call.samples.take(one, last=call.state == "ended")

    def keep_only(self, up: Iterable[str]) -> None:
        """Events were lost: what the edge has not any more has ended, and nobody knows how."""
        for call_id in set(self.up) - set(up):
            call = self.up[call_id]
            call.state = "ended"
            self._move(call)

    def newest_first(self) -> list[CallView]:
        calls = [*self.up.values(), *self.ended.values()]
        return sorted(calls, key=lambda call: call.sequence, reverse=True)

    def _move(self, call: CallView) -> None:
        self.up.pop(call.id, None)
        self.ended[call.id] = call
        if len(self.ended) > ENDED_KEPT:
            self.ended.popitem(last=False)


def _begun(happened: Happened, data: Mapping[str, Any], at: datetime) -> CallView:
    incoming = happened.told.type == "call.incoming"
    return CallView(
        id=happened.told.call_id,
        sequence=happened.sequence,
        direction="incoming" if incoming else "outgoing",
        state="ringing" if incoming else "placing",
        from_uri=data.get("from"),
        to_uri=data.get("to"),
        origin=data["origin"] if incoming else data["account"],
        route=data["route"],
        worker=data["worker"],
        created_at=at,
        by=data.get("by") or "",
        sip_call_id=data.get("sip_call_id", ""),
        source=data.get("source", ""),
        caller=data.get("caller"),
        called=data.get("called"),
    )


def _invited(call: CallView, data: Mapping[str, Any], _at: datetime) -> None:
    call.sip_call_id = data["sip_call_id"]
    call.origin = data.get("origin") or call.origin


def _ringing(call: CallView, data: Mapping[str, Any], _at: datetime) -> None:
    if call.state == "placing" and data.get("status", 180) > 100:
        call.state = "ringing"


def _active(call: CallView, _data: Mapping[str, Any], at: datetime) -> None:
    call.state = "active"
    call.answered_at = call.answered_at or at


def _confirmed(call: CallView, data: Mapping[str, Any], at: datetime) -> None:
    _active(call, data, at)
    call.confirmed_at = at


def _media(call: CallView, data: Mapping[str, Any], _at: datetime) -> None:
    call.media = Media(
        data["codec"], data["remote"], data["direction"], data["ssrc"], data.get("srtp", "")
    )


def _held(call: CallView, _data: Mapping[str, Any], _at: datetime) -> None:
    call.held = True


def _resumed(call: CallView, _data: Mapping[str, Any], _at: datetime) -> None:
    call.held = False


def _steered(call: CallView, data: Mapping[str, Any], _at: datetime) -> None:
    if data["act"] == "mute" and data["status"] == "done":
        change = call.muted.add if data.get("on") else call.muted.discard
        change(data["about"])


def _quality(call: CallView, data: Mapping[str, Any], _at: datetime) -> None:
    call.quality = {name: value for name, value in data.items() if name != "fix"}


def _caller_spoke(call: CallView, data: Mapping[str, Any], _at: datetime) -> None:
    call.turns += 1
    call.spans.append(Span("caller", data["start_ms"], data["end_ms"], data.get("turn")))


def _agent_spoke(call: CallView, data: Mapping[str, Any], _at: datetime) -> None:
    times = data["start_ms"], data["end_ms"]
    call.spans.append(Span("agent", *times, data.get("turn"), data.get("cut")))


def _text(call: CallView, data: Mapping[str, Any], at: datetime) -> None:
    call.words.append(Words(data["who"], data["text"], data.get("turn"), at))


def _latency(call: CallView, data: Mapping[str, Any], _at: datetime) -> None:
    call.latency = {name: value for name, value in data.items() if name.endswith("_ms")}


def _engine(call: CallView, data: Mapping[str, Any], _at: datetime) -> None:
    call.engine, call.engine_up = data["engine"], True


def _no_engine(call: CallView, _data: Mapping[str, Any], _at: datetime) -> None:
    call.engine_up = False


def _transfer(call: CallView, data: Mapping[str, Any], _at: datetime) -> None:
    call.transfer = Transfer(data["target"])


def _transferred(call: CallView, data: Mapping[str, Any], _at: datetime) -> None:
    call.transfer = Transfer(data["target"], "done", data["status"], data["reason"])


def _transfer_failed(call: CallView, data: Mapping[str, Any], _at: datetime) -> None:
    call.transfer = Transfer(data["target"], "failed", data["status"], data["reason"])


def _answered_by(call: CallView, data: Mapping[str, Any], _at: datetime) -> None:
    call.answered_by = dict(data)


def _message(call: CallView, data: Mapping[str, Any], _at: datetime) -> None:
    if call.answered_by is not None:
        call.answered_by = {**call.answered_by, "message": data["state"]}


def _supervised(call: CallView, data: Mapping[str, Any], _at: datetime) -> None:
    call.supervisor = {"who": data["who"], "by": data["by"], "mode": data["mode"]}


def _supervisor_mode(call: CallView, data: Mapping[str, Any], _at: datetime) -> None:
    if call.supervisor is not None:
        call.supervisor = {**call.supervisor, "mode": data["mode"]}


def _supervisor_left(call: CallView, _data: Mapping[str, Any], _at: datetime) -> None:
    call.supervisor = None


def _parked(call: CallView, data: Mapping[str, Any], _at: datetime) -> None:
    call.parked = data["slot"]


def _unparked(call: CallView, _data: Mapping[str, Any], _at: datetime) -> None:
    call.parked = None


def _ended(call: CallView, data: Mapping[str, Any], at: datetime) -> None:
    call.state, call.ended_at = "ended", at
    call.status, call.end, call.duration_s = data["status"], data["end"], data["duration_s"]
    call.engine_up = False
    call.metadata = data.get("metadata") or call.metadata
    call.stats = {name: data[name] for name in _STATS if data.get(name)}


def _recording(state: str) -> Change:
    def change(call: CallView, _data: Mapping[str, Any], _at: datetime) -> None:
        call.recording = state

    return change


_BEGINNINGS: Final = ("call.incoming", "call.placing")
_CHANGES: Final[Mapping[str, Change]] = {
    "call.invited": _invited,
    "call.progress": _ringing,
    "call.answered": _active,
    "call.confirmed": _confirmed,
    "call.media": _media,
    "call.held": _held,
    "call.resumed": _resumed,
    "call.quality": _quality,
    "call.steered": _steered,
    "turn.caller": _caller_spoke,
    "turn.agent": _agent_spoke,
    "turn.text": _text,
    "turn.latency": _latency,
    "engine.in_use": _engine,
    "engine.outage": _no_engine,
    "engine.gone": _no_engine,
    "call.answered_by": _answered_by,
    "call.message": _message,
    "call.transfer": _transfer,
    "call.transferred": _transferred,
    "call.transfer_failed": _transfer_failed,
    "call.supervised": _supervised,
    "call.supervisor_mode": _supervisor_mode,
    "call.supervisor_left": _supervisor_left,
    "call.parked": _parked,
    "call.unparked": _unparked,
    "recording.started": _recording("on"),
    "recording.resumed": _recording("on"),
    "recording.paused": _recording("paused"),
    "recording.saved": _recording("saved"),
    "recording.failed": _recording("failed"),
    "recording.blocked": _recording("blocked"),
    "call.ended": _ended,
}
