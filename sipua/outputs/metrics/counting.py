"""A reader of events that counts. What an event says is believed only as far as its types go."""

from __future__ import annotations

import re
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, TypeAlias

import msgspec

from sipua.events.stream import Happened
from sipua.outputs.metrics.families import Counter
from sipua.outputs.metrics.names import FAULTS, NONE, STAGES, TOKENS, Names
from sipua.outputs.metrics.series import Series

MOST_CALLS: Final = 20_000
"""Calls that are followed at once; the oldest of more is forgotten."""

_HASH: Final = re.compile("[0-9a-f]{4,64}")
_EXPECTED: Final = (
    *(("completed", fault) for fault in FAULTS),
    *(("failed", fault) for fault in FAULTS if fault != NONE),
)
"""How a call may well end. A series that begins with its first event has not risen for
Prometheus, and nobody would be told of a first fault."""

Fields: TypeAlias = Mapping[str, Any]


@dataclass(slots=True)
class _Up:
    """A call that is up, and what was counted for it."""

    direction: str
    origin: str
    route: str
    began_s: float
    heard: bool = False
    """Of a call that we place: the other side has answered anything."""
    engine: str = ""
    legs: int = 0
    """Second ones."""


class Counting:
    def __init__(self, series: Series, names: Names) -> None:
        self._series = series
        self._up: OrderedDict[str, _Up] = OrderedDict()
        for account in names.accounts:
            series.registration_up.set(0, account)
        for origin in names.origins:
            series.names_resolved.set(1, origin)
        series.expect(names)
        self._by_type: dict[str, Callable[[Happened, Fields], None]] = {
            "call.incoming": self._incoming,
            "call.placing": lambda happened, data: self._begin(happened, data, "outgoing"),
            "call.progress": lambda happened, _: self._heard(happened),
            "call.answered": self._answered,
            "call.confirmed": self._confirmed,
            "call.media": lambda _, data: series.media.add(_codec(data)),
            "call.interrupted": lambda *_: series.interruptions.add(),
            "call.transferred": lambda *_: series.transfers.add("ok"),
            "call.transfer_failed": lambda *_: series.transfers.add("failed"),
            "call.leg": lambda happened, _: self._legs(happened, 1),
            "call.leg_ended": self._leg_ended,
            "menu.left": lambda _, data: series.menus.add(data.get("menu"), data.get("by")),
            "queue.left": lambda _, data: self._queue_left(data),
            "recording.saved": lambda _, data: series.recordings.add(
                "gap" if _number(data.get("missed_s")) else "saved"
            ),
            "recording.failed": lambda _, data: (
                series.recordings.add("failed") if data.get("over") is True else None
            ),
            "recording.blocked": lambda *_: series.recordings.add("blocked"),
            "recording.uploaded": lambda *_: series.uploads.add("ok"),
            "recording.upload_failed": lambda _, data: series.uploads.add(
                "given_up" if data.get("given_up") is True else "failed"
            ),
            "call.steered": lambda _, data: series.commands.add(
                data.get("act"), data.get("status")
            ),
            "call.blocked": lambda _, data: series.calls_blocked.add(data.get("rule")),
            "campaign.attempt": lambda _, data: self._attempt(data),
            "call.fallback": lambda *_: series.fallbacks.add(),
            "call.ended": self._ended,
            "call.rejected": self._rejected,
            "call.rejections_not_logged": lambda _, data: self._untold(data.get("statuses")),
            "sip.dropped": lambda _, data: _add_each(series.requests_dropped, data),
            "stir.not_fetched": lambda _, data: _add_each(series.certificates_not_fetched, data),
            "sip.connections_refused": lambda _, data: _add_each(series.connections_refused, data),
            "turn.latency": self._latency,
            "turn.unanswered": lambda happened, _: series.turns_unanswered.add(
                self._engine(happened)
            ),
            "tool.done": lambda _, data: self._tool(data),
            "tool.failed": lambda _, data: self._tool(data),
            "engine.in_use": self._engine_in_use,
            "engine.outage": lambda _, data: series.engine_outages.add(_engine_of(data)),
            "engine.gone": lambda _, data: series.engine_gone.add(_engine_of(data)),
            "engine.usage": self._usage,
            "registration.ok": lambda _, data: self._registered(data, 1),
            "registration.failed": lambda _, data: self._registered(data, 0),
            "registration.removed": lambda _, data: self._registered(data, 0),
            "trunk.resolved": lambda _, data: series.names_resolved.set(1, data.get("origin")),
            "trunk.unresolved": lambda _, data: series.names_resolved.set(0, data.get("origin")),
            "trunk.up": lambda _, data: self._server(data, 1),
            "trunk.down": lambda _, data: self._server(data, 0),
            "trunk.probed": lambda _, data: self._server(data, 1),
            "call.attempt_failed": self._attempt_failed,
            "worker.died": lambda *_: series.worker_deaths.add(),
            "events.lost": lambda _, data: series.events_lost.add(by=_number(data.get("count"))),
            "tls.certificate": lambda _, data: series.tls_certificate_end.set(_ends_at(data)),
            "edge.listening": lambda _, data: self._listening(data),
            "config.reloaded": lambda _, data: self._reloaded(data),
            "config.refused": lambda *_: series.config_reloads.add("refused"),
            "edge.draining": lambda *_: series.draining.set(1),
            "edge.drain_ended": lambda *_: series.draining.set(0),
            "edge.signalling_lost": lambda *_: series.signalling_lost.add(),
        }

    def read(self, happened: Happened) -> None:
        """On the loop of the edge."""
        if count := self._by_type.get(happened.told.type):
            data = msgspec.json.decode(happened.told.data)
            if isinstance(data, dict):
                count(happened, data)

    def engine_tried(self, name: str, reached: bool) -> None:
        """An attempt of a worker, which is no event."""
        self._series.engine_attempts.add(name, "ok" if reached else "failed")

    # --- a call ---------------------------------------------------------------------------

    def _incoming(self, happened: Happened, data: Fields) -> None:
        self._begin(happened, data, "incoming")
        caller = _object(data.get("caller"))
        if verstat := caller.get("verstat"):
            self._series.callers_verified.add(verstat, caller.get("attest") or NONE)

    def _begin(self, happened: Happened, data: Fields, direction: str) -> None:
        origin = data.get("origin" if direction == "incoming" else "account")
        route = _text(data.get("route")) or NONE
        # As they are counted now: after a reload they may be known by their names.
        direction, origin, route = self._series.calls_active.key((direction, origin, route))
        up = _Up(direction, origin, route, happened.told.at_s)
        self._forget(happened.told.call_id)
        while len(self._up) >= MOST_CALLS:
            self._forget(next(iter(self._up)))
        self._up[happened.told.call_id] = up
        self._series.calls_active.add(1, up.direction, up.origin, up.route)
        for status, fault in _EXPECTED:
            self._series.calls.expect(up.direction, up.origin, up.route, status, fault)

    def _forget(self, call_id: str) -> _Up | None:
        up = self._up.pop(call_id, None)
        if up is not None:
            self._series.calls_active.add(-1, up.direction, up.origin, up.route)
            self._series.legs_active.add(-up.legs)
            if up.engine:
                self._series.engine_calls.add(-1, up.engine)
        return up

    def _leg_ended(self, happened: Happened, data: Fields) -> None:
        self._legs(happened, -1)
        self._series.legs.add(data.get("state"))

    def _legs(self, happened: Happened, more: int) -> None:
        up = self._up.get(happened.told.call_id)
        if up is not None and up.legs + more >= 0:
            up.legs += more
            self._series.legs_active.add(more)

    def _heard(self, happened: Happened) -> None:
        up = self._up.get(happened.told.call_id)
        if up is not None and up.direction == "outgoing" and not up.heard:
            up.heard = True
            self._series.post_dial_delay.observe(max(0.0, happened.told.at_s - up.began_s))

    def _answered(self, _: Happened, data: Fields) -> None:
        self._series.call_setup.observe(_seconds(data.get("setup_ms")), "incoming")

    def _confirmed(self, happened: Happened, _: Fields) -> None:
        up = self._up.get(happened.told.call_id)
        if up is not None and up.direction == "outgoing":
            self._heard(happened)
            took_s = max(0.0, happened.told.at_s - up.began_s)
            self._series.call_setup.observe(took_s, "outgoing")

    def _ended(self, happened: Happened, data: Fields) -> None:
        self._forget(happened.told.call_id)
        series = self._series
        end = _object(data.get("end"))
        direction = data.get("direction")
        route = _text(data.get("route")) or NONE
        status, fault = data.get("status"), end.get("fault") or NONE
        series.calls.add(direction, data.get("origin"), route, status, fault)
        series.call_ends.add(end.get("by"), end.get("reason"))
        if answered_by := _object(data.get("answered_by")):
            series.answered_by.add(answered_by.get("verdict"))
        if status == "completed":
            series.talk.observe(data.get("duration_s"), direction)
            series.first_audio.observe(_seconds(data.get("first_audio_ms")))
        self._rtp(_object(data.get("rtp")))

    def _attempt(self, data: Fields) -> None:
        self._series.campaign_attempts.add(data.get("outcome"))
        if data.get("abandoned") is True:
            self._series.campaign_abandoned.add()

    def _rtp(self, rtp: Fields) -> None:
        series = self._series
        found = rtp.get("streams")
        streams = [_object(stream) for stream in found] if isinstance(found, list) else []
        received = sum(_number(stream.get("received")) for stream in streams)
        lost = sum(_number(stream.get("lost")) for stream in streams)
        rtcp = _object(rtp.get("rtcp"))
        series.rtp_lost.add("out", by=_number(rtcp.get("remote_lost")))
        if received:
            series.rtp_loss.observe(lost / (received + lost))
            jitter = max(_number(stream.get("jitter_ms")) for stream in streams)
            series.rtp_jitter.observe(jitter / 1000)
        series.rtp_mos.observe(_object(rtcp.get("quality")).get("mos_lq"), "in")
        series.rtp_mos.observe(_object(rtcp.get("remote_quality")).get("mos_lq"), "out")
        series.rtp_round_trip.observe(_seconds(rtcp.get("round_trip_ms")))

    def _queue_left(self, data: Fields) -> None:
        queue, reason = data.get("queue"), data.get("reason")
        self._series.queue_left.add(queue, reason)
        if reason == "served":
            self._series.queue_wait.observe(_seconds(data.get("waited_ms")), queue)

    def _rejected(self, _: Happened, data: Fields) -> None:
        self._series.calls_refused.add(str(data.get("status")))
        self._untold(data.get("kept_back_statuses"))

    def _untold(self, statuses: object) -> None:
        """Refusals that were too many to be told one by one."""
        for status, count in _object(statuses).items():
            self._series.calls_refused.add(status, by=_number(count))

    # --- the conversation -----------------------------------------------------------------

    def _latency(self, happened: Happened, data: Fields) -> None:
        engine = self._engine(happened)
        for stage in STAGES:
            self._series.answer_latency.observe(_seconds(data.get(f"{stage}_ms")), engine, stage)

    def _tool(self, data: Fields) -> None:
        self._series.tool_calls.add(data.get("outcome"))
        self._series.tool.observe(_seconds(data.get("duration_ms")))

    def _engine(self, happened: Happened) -> str:
        up = self._up.get(happened.told.call_id)
        return up.engine if up is not None else ""

    def _engine_in_use(self, happened: Happened, data: Fields) -> None:
        up = self._up.get(happened.told.call_id)
        if up is None:
            return
        if up.engine:
            self._series.engine_calls.add(-1, up.engine)
        (up.engine,) = self._series.engine_calls.key((_engine_of(data),))
        self._series.engine_calls.add(1, up.engine)

    def _usage(self, happened: Happened, data: Fields) -> None:
        engine = self._engine(happened)
        for kind in TOKENS:
            if count := _number(data.get(kind)):
                self._series.tokens.add(engine, kind, by=count)
        if cost := _number(data.get("cost")):
            self._series.cost.add(engine, by=cost)

    # --- the edge -------------------------------------------------------------------------

    def _listening(self, data: Fields) -> None:
        self._series.calls_max.set(_number(data.get("max_calls")))
        self._in_force(data.get("config"))

    def _reloaded(self, data: Fields) -> None:
        self._series.config_reloads.add("ok")
        self._in_force(data.get("hash"))

    def _in_force(self, name: object) -> None:
        if isinstance(name, str) and _HASH.fullmatch(name):
            self._series.config_info.learn({"hash": (name,)})
            self._series.config_info.only(name)

    def _registered(self, data: Fields, value: float) -> None:
        if not data.get("meanwhile"):  # else another registrar has it
            self._series.registration_up.set(value, data.get("account"))

    def _server(self, data: Fields, value: float) -> None:
        server = data.get("trunk"), data.get("server")
        self._series.trunk_up.set(value, *server)
        if (round_trip_s := _seconds(data.get("round_trip_ms"))) is not None:
            self._series.trunk_round_trip.set(round_trip_s, *server)

    def _attempt_failed(self, happened: Happened, data: Fields) -> None:
        if up := self._up.get(happened.told.call_id):
            self._series.trunk_failovers.add(up.origin, data.get("server"))


def _add_each(counter: Counter, data: Fields) -> None:
    """Counts by their reason."""
    for reason, count in _object(data.get("counts")).items():
        counter.add(reason, by=_number(count))


def _object(value: object) -> Fields:
    return value if isinstance(value, dict) else {}


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _number(value: object) -> float:
    """0 for what is none."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return 0.0
    return float(value) if 0 <= value < 1e15 else 0.0


def _seconds(milliseconds: object) -> float | None:
    if isinstance(milliseconds, bool) or not isinstance(milliseconds, int | float):
        return None
    return milliseconds / 1000


def _ends_at(data: Fields) -> float:
    """In Unix time; 0: there is no certificate."""
    try:
        return datetime.fromisoformat(_text(data.get("expires"))).timestamp()
    except ValueError:
        return 0.0


def _engine_of(data: Fields) -> str:
    return _text(data.get("engine"))


def _codec(data: Fields) -> str:
    return _text(data.get("codec")).partition("/")[0]
