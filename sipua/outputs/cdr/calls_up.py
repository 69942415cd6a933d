"""From the events of calls to their rows. Pure: an event in, at a call's end a row out."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final

import msgspec

from sipua.events.ended import Ended
from sipua.events.ending import End
from sipua.events.teller import ENDED, Told, rfc3339
from sipua.outputs.cdr.row import (
    SCHEMA,
    AttemptRow,
    EngineFigures,
    Hold,
    MediaFigures,
    MenuStep,
    QueueWait,
    Row,
    SupervisorRow,
    TransferTry,
)

_MOST: Final = 32
"""Attempts, transfers, menus, queues, engines and models that are listed of one call."""

Fields = Mapping[str, Any]


@dataclass(slots=True)
class _Story:
    """What the events before the end have told."""

    source: str = ""
    worker: int | None = None
    config: str = ""
    sip_call_id: str = ""
    server: str = ""
    attempts: list[AttemptRow] = field(default_factory=list)
    ringing_s: float | None = None
    codec: str = ""
    remote: str = ""
    holds: int = 0
    held_since_s: float | None = None
    held_s: float = 0.0
    engines: list[str] = field(default_factory=list)
    models: list[str] = field(default_factory=list)
    transfers: list[TransferTry] = field(default_factory=list)
    digits: int = 0
    menus: list[MenuStep] = field(default_factory=list)
    supervisors: list[SupervisorRow] = field(default_factory=list)
    queues: list[QueueWait] = field(default_factory=list)
    member: str = ""
    """Who serves the caller of a queue."""

    def resumed(self, at_s: float) -> None:
        if self.held_since_s is not None:
            self.held_s += max(0.0, at_s - self.held_since_s)
            self.held_since_s = None


class CallsUp:
    """One for all calls of an edge."""

    def __init__(self, node: str) -> None:
        self._node = node
        self._calls: dict[str, _Story] = {}

    def __len__(self) -> int:
        return len(self._calls)

    def feed(self, told: Told) -> Row | None:
        """An event of `WANTED`. Raises msgspec.MsgspecError for one that is not as it should be."""
        if told.type == ENDED:
            story = self._calls.pop(told.call_id, None) or _Story()
            return _row(self._node, told, story)
        fields = msgspec.json.decode(told.data)
        if told.type in _BEGINNINGS:
            # Only these two begin a story: one that came behind its end would never be closed.
            about = (fields.get("source", ""), fields.get("worker"), fields.get("config", ""))
            self._calls[told.call_id] = _Story(*about)
        elif begun := self._calls.get(told.call_id):
            _STEPS[told.type](begun, told.at_s, fields)
        return None


# --- what each event means --------------------------------------------------------------------


def _ringing(story: _Story, at_s: float, _fields: Fields) -> None:
    story.ringing_s = story.ringing_s or at_s


def _invited(story: _Story, _at_s: float, fields: Fields) -> None:
    story.sip_call_id = fields["sip_call_id"]
    story.server = fields.get("server") or ""


def _attempt(story: _Story, at_s: float, fields: Fields) -> None:
    if len(story.attempts) < _MOST:
        failed = AttemptRow(_moment(at_s), fields["server"], fields["status"], fields["reason"])
        story.attempts.append(failed)


def _progress(story: _Story, at_s: float, fields: Fields) -> None:
    if fields["status"] >= 180:  # 100 says only that a proxy is there
        _ringing(story, at_s, fields)


def _media(story: _Story, _at_s: float, fields: Fields) -> None:
    story.codec, story.remote = fields["codec"], fields["remote"]


def _held(story: _Story, at_s: float, _fields: Fields) -> None:
    story.holds += 1
    story.held_since_s = at_s


def _resumed(story: _Story, at_s: float, _fields: Fields) -> None:
    story.resumed(at_s)


def _engine(story: _Story, _at_s: float, fields: Fields) -> None:
    name = fields["engine"]
    if name in story.engines:
        story.engines.remove(name)
    if len(story.engines) < _MOST:
        story.engines.append(name)  # the last one is in use


def _usage(story: _Story, _at_s: float, fields: Fields) -> None:
    model = fields.get("model")
    if model and model not in story.models and len(story.models) < _MOST:
        story.models.append(model)


def _dtmf(story: _Story, _at_s: float, _fields: Fields) -> None:
    story.digits += 1


def _menu(story: _Story, _at_s: float, fields: Fields) -> None:
    if len(story.menus) < _MOST:
        step = fields["menu"], fields["by"], fields.get("key", ""), fields.get("to", "")
        story.menus.append(MenuStep(*step))


def _supervised(story: _Story, at_s: float, fields: Fields) -> None:
    if len(story.supervisors) < _MOST:
        modes = [fields["mode"]]
        row = SupervisorRow(_moment(at_s), fields["who"], fields["by"], modes)
        story.supervisors.append(row)


def _supervisor_mode(story: _Story, _at_s: float, fields: Fields) -> None:
    if story.supervisors and len(story.supervisors[-1].modes) < _MOST:
        story.supervisors[-1].modes.append(fields["mode"])


def _supervisor_left(story: _Story, _at_s: float, fields: Fields) -> None:
    if story.supervisors:
        last = story.supervisors[-1]
        last.heard_s, last.cause = fields["heard_s"], fields["cause"]


def _queue_connected(story: _Story, _at_s: float, fields: Fields) -> None:
    story.member = fields.get("member") or ""


def _queue_left(story: _Story, _at_s: float, fields: Fields) -> None:
    member, story.member = story.member, ""
    served = member if fields["reason"] == "served" else ""
    if len(story.queues) < _MOST:
        wait = QueueWait(fields["queue"], fields["waited_ms"], fields["reason"], served)
        story.queues.append(wait)


def _transfer(story: _Story, at_s: float, fields: Fields) -> None:
    if len(story.transfers) < _MOST:
        begun = TransferTry(_moment(at_s), fields["target"], mode=fields.get("mode", "refer"))
        story.transfers.append(begun)


def _transfer_over(outcome: str) -> Callable[[_Story, float, Fields], None]:
    def step(story: _Story, _at_s: float, fields: Fields) -> None:
        if story.transfers and story.transfers[-1].outcome == "pending":
            last = story.transfers[-1]
            last.outcome = outcome
            last.status, last.reason = fields["status"], fields["reason"]
            last.cause = fields.get("cause", "")
            last.phases_ms = fields.get("phases_ms", {})

    return step


def _party_changed(story: _Story, at_s: float, fields: Fields) -> None:
    if len(story.transfers) < _MOST:
        target, mode = fields.get("party") or "", f"{fields['way']} received"
        story.transfers.append(TransferTry(_moment(at_s), target, mode=mode, outcome="ok"))


def _refer_failed(story: _Story, at_s: float, fields: Fields) -> None:
    if len(story.transfers) < _MOST:
        failed = TransferTry(_moment(at_s), fields["target"], mode="refer received")
        failed.outcome, failed.status, failed.reason = "failed", fields["status"], fields["reason"]
        story.transfers.append(failed)


_STEPS: Final[Mapping[str, Callable[[_Story, float, Fields], None]]] = {
    "call.invited": _invited,
    "call.attempt_failed": _attempt,
    "call.ringing": _ringing,
    "call.progress": _progress,
    "call.media": _media,
    "call.held": _held,
    "call.resumed": _resumed,
    "call.dtmf": _dtmf,
    "call.transfer": _transfer,
    "call.transferred": _transfer_over("ok"),
    "call.transfer_failed": _transfer_over("failed"),
    "call.party_changed": _party_changed,
    "call.refer_failed": _refer_failed,
    "menu.left": _menu,
    "call.supervised": _supervised,
    "call.supervisor_mode": _supervisor_mode,
    "call.supervisor_left": _supervisor_left,
    "queue.connected": _queue_connected,
    "queue.left": _queue_left,
    "engine.in_use": _engine,
    "engine.usage": _usage,
}
_BEGINNINGS: Final = ("call.incoming", "call.placing")

WANTED: Final = frozenset({*_STEPS, *_BEGINNINGS, ENDED})
"""The types of events that a row is made from."""


# --- the row ----------------------------------------------------------------------------------


def _row(node: str, told: Told, story: _Story) -> Row:
    fields: dict[str, Any] = msgspec.json.decode(told.data)
    ended = msgspec.convert({**fields, "type": ENDED}, Ended)
    story.resumed(_seconds(ended.ended))
    conversation = ended.conversation or {}
    rang_s = _seconds(ended.answered or ended.ended) - _seconds(ended.began)
    return Row(
        schema=SCHEMA,
        id=told.call_id,
        node=node,
        direction=ended.direction,
        from_=ended.from_,
        to=ended.to,
        caller=ended.caller,
        called=ended.called or "",
        origin=ended.origin,
        route=ended.route,
        source=story.source,
        sip_call_id=ended.sip_call_id or story.sip_call_id,
        server=story.server,
        attempts=story.attempts,
        worker=story.worker,
        config=story.config,
        began=ended.began,
        ringing=_moment(story.ringing_s) if story.ringing_s else None,
        answered=ended.answered,
        ended=ended.ended,
        rang_ms=max(0, round(rang_s * 1000)),
        talk_ms=round(ended.duration_s * 1000) if ended.answered else 0,
        status=ended.status,
        end=_plain(ended.end),
        hold=Hold(story.holds, round(story.held_s * 1000)) if story.holds else None,
        transfers=story.transfers,
        menus=story.menus,
        supervisors=story.supervisors,
        queues=story.queues,
        digits=story.digits,
        media=_figures(story, ended.rtp or {}),
        engine=_engines(story, conversation, ended.engine or {}),
        first_audio_ms=ended.first_audio_ms,
        interruptions=ended.interruptions,
        answered_by=ended.answered_by,
        conversation=ended.conversation,
        cost=_number(conversation, "cost"),
        currency=str(conversation.get("currency") or ""),
        record=str((ended.record or {}).get("file") or ""),
        capture=str((ended.capture or {}).get("file") or ""),
        recordings=_recordings(ended.recording or {}),
    )


def _recordings(recording: Fields) -> list[str]:
    files = recording.get("files")
    return [str(file["path"]) for file in files] if isinstance(files, list) else []


def _plain(end: End) -> End:
    """Without a detail that only says again what signalling said."""
    return msgspec.structs.replace(end, detail="") if _is_echo(end) else end


def _is_echo(end: End) -> bool:
    return end.sip is not None and end.detail == end.sip.reason


_NOT_BELIEVED: Final = ("source", "contention")
"""Why `rtp.latch` did not take a datagram."""


def _figures(story: _Story, rtp: Fields) -> MediaFigures | None:
    """None: no audio was ever negotiated."""
    if not story.codec and not rtp:
        return None
    streams = [stream for stream in rtp.get("streams") or () if isinstance(stream, dict)]
    rtcp = rtp.get("rtcp") or {}
    return MediaFigures(
        codec=story.codec,
        remote=story.remote,
        sent=_whole(rtp, "sent"),
        received=sum(_whole(stream, "received") for stream in streams),
        lost=sum(max(0, _whole(stream, "lost")) for stream in streams),
        refused=sum(_whole(rtp.get("dropped"), name) for name in _NOT_BELIEVED),
        jitter_ms=max((_number(stream, "jitter_ms") or 0.0 for stream in streams), default=None),
        remote_lost=None if rtcp.get("remote_lost") is None else _whole(rtcp, "remote_lost"),
        remote_jitter_ms=_number(rtcp, "remote_jitter_ms"),
        round_trip_ms=_number(rtcp, "round_trip_ms"),
        drift_ppm=_number(rtcp, "drift_ppm"),
        mos=_number(rtcp.get("quality") or {}, "mos_lq"),
        remote_mos=_number(rtcp.get("remote_quality") or {}, "mos_lq"),
    )


def _engines(story: _Story, conversation: Fields, counted: Fields) -> EngineFigures | None:
    """None: the call never talked with one."""
    if not story.engines and not counted:
        return None
    return EngineFigures(
        name=story.engines[-1] if story.engines else "",
        used=story.engines if len(story.engines) > 1 else [],
        models=story.models,
        sessions=_whole(conversation, "engine_sessions"),
        outages=_whole(conversation, "outages"),
        outage_ms=_whole(conversation, "outage_ms"),
        rotations=_whole(counted, "rotated"),
    )


def _whole(fields: object, name: str) -> int:
    value = fields.get(name) if isinstance(fields, dict) else None
    return value if isinstance(value, int) else 0


def _number(fields: Fields, name: str) -> float | None:
    value = fields.get(name)
    return float(value) if isinstance(value, int | float) else None


def _moment(at_s: float) -> str:
    return rfc3339(datetime.fromtimestamp(at_s, UTC))


def _seconds(moment: str) -> float:
    return datetime.fromisoformat(moment).timestamp()
