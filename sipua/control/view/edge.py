"""The edge as it is shown: registrations, addresses of trunks, workers, refusals."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Literal, TypeAlias

import msgspec

from sipua.events.stream import Happened

REFUSALS_KEPT = 500

RegistrationState: TypeAlias = Literal["waiting", "registered", "failed", "removed"]


@dataclass(slots=True)
class Registration:
    account: str
    registrar: str
    state: RegistrationState = "waiting"
    since: datetime | None = None
    expires_s: int | None = None
    status: int | None = None
    reason: str | None = None
    retry_in_s: float | None = None
    fix: str | None = None
    answered_at: datetime | None = None
    """Of the registrar's last answer."""


@dataclass(slots=True)
class Resolved:
    """What a host name stands for."""

    name: str
    addresses: list[str]
    at: datetime
    cause: str | None = None
    """Why the last look-up failed."""


@dataclass(slots=True)
class Server:
    """A server of a trunk, of which something is known."""

    state: Literal["up", "down"]
    since: datetime
    round_trip_ms: float | None = None
    """Of the last OPTIONS."""
    cause: str | None = None
    """Why it is down."""


@dataclass(slots=True)
class Worker:
    worker: int
    pid: int | None = None
    ready: bool = False
    since: datetime | None = None
    deaths: int = 0
    cause: str | None = None
    """Of the last death."""


@dataclass(slots=True)
class Refusal:
    id: str
    at: datetime
    status: int
    reason: str
    sip_call_id: str
    from_uri: str | None
    to_uri: str
    source: str
    cause: str | None = None
    rule: str | None = None
    kept_back: int = 0
    """Refusals before it that were not told."""


@dataclass(slots=True)
class CallRefusal:
    """The last call that did not come about between us and a trunk or account."""

    at: datetime
    direction: Literal["incoming", "outgoing"]
    """`incoming`: we refused its INVITE. `outgoing`: it refused ours."""
    status: int
    reason: str
    cause: str | None = None


@dataclass(slots=True)
class EdgeView:
    registrations: dict[str, Registration] = field(default_factory=dict)
    names: dict[str, dict[str, Resolved]] = field(default_factory=dict)
    """Of each trunk or account, by name."""
    servers: dict[tuple[str, str], Server] = field(default_factory=dict)
    """By trunk and URI."""
    workers: dict[int, Worker] = field(default_factory=dict)
    refusals: deque[Refusal] = field(default_factory=lambda: deque(maxlen=REFUSALS_KEPT))
    refused: int = 0
    last_refusals: dict[str, CallRefusal] = field(default_factory=dict)
    """By trunk or account."""
    listening: bool = False

    def apply(self, happened: Happened) -> None:
        told = happened.told
        if told.type in _TYPES:
            at = datetime.fromtimestamp(told.at_s, UTC)
            data = msgspec.json.decode(told.data)
            if told.type in _OF_SERVERS:
                self._server(told.type, data, at)
            else:
                self._apply(happened, data, at)

    def _apply(self, happened: Happened, data: Mapping[str, Any], at: datetime) -> None:
        match happened.told.type:
            case "registration.ok":
                told = {"expires_s": data["expires_s"], "answered_at": at}
                self._registration(data, "registered", at, **told)
            case "registration.failed":
                told = {name: data.get(name) for name in ("status", "reason", "retry_in_s", "fix")}
                self._registration(data, "failed", at, answered_at=at, **told)
            case "registration.waiting":
                self._registration(data, "waiting", at, fix=data.get("fix"))
            case "registration.removed":
                self._registration(data, "removed", at)
            case "trunk.resolved" | "trunk.unresolved":
                name = Resolved(data["name"], data["addresses"], at, data.get("cause"))
                self.names.setdefault(data["origin"], {})[name.name] = name
            case "worker.ready":
                worker = self.workers.setdefault(data["worker"], Worker(data["worker"]))
                worker.pid, worker.ready, worker.since = data["pid"], True, at
            case "worker.died":
                worker = self.workers.setdefault(data["worker"], Worker(data["worker"]))
                worker.pid, worker.ready, worker.since = None, False, at
                worker.deaths, worker.cause = data["deaths"], data["cause"]
            case "call.rejected":
                self._refusal(happened, data, at)
            case "call.ended":
                self._refused_by_peer(data, at)
            case "call.rejections_not_logged":
                self.refused += data["count"]
            case "edge.listening":
                self.listening = True

    def _server(self, kind: str, data: Mapping[str, Any], at: datetime) -> None:
        key = data["trunk"], data["server"]
        if kind == "trunk.down":
            self.servers[key] = Server("down", at, cause=data["cause"])
            return
        before, round_trip_ms = self.servers.get(key), data.get("round_trip_ms")
        if kind == "trunk.up" or before is None or before.state != "up":
            self.servers[key] = Server("up", at, round_trip_ms)
        else:
            before.round_trip_ms = round_trip_ms

    def _registration(
        self, data: Mapping[str, Any], state: RegistrationState, at: datetime, **told: Any
    ) -> None:
        if data.get("meanwhile"):
            return  # another registrar has it: it is registered as before
        account = data["account"]
        before = self.registrations.get(account)
        since = before.since if before and before.state == state else at
        one = Registration(account, data["registrar"], state, since, **told)
        self.registrations[account] = one

    def _refusal(self, happened: Happened, data: Mapping[str, Any], at: datetime) -> None:
        kept_back = data.get("kept_back") or 0
        self.refused += 1 + kept_back
        self.refusals.append(
            Refusal(
                id=happened.id,
                at=at,
                status=data["status"],
                reason=data["reason"],
                sip_call_id=data["sip_call_id"],
                from_uri=data.get("from"),
                to_uri=data["to"],
                source=data["source"],
                cause=data.get("cause"),
                rule=data.get("rule"),
                kept_back=kept_back,
            )
        )
        if origin := data.get("origin"):
            reason, cause = data["reason"], data.get("cause")
            refusal = CallRefusal(at, "incoming", data["status"], reason, cause)
            self.last_refusals[origin] = refusal

    def _refused_by_peer(self, data: Mapping[str, Any], at: datetime) -> None:
        sip = data["end"].get("sip")
        if data.get("direction") == "outgoing" and not data.get("answered") and sip:
            refusal = CallRefusal(at, "outgoing", sip["status"], sip["reason"])
            self.last_refusals[data["origin"]] = refusal


_OF_SERVERS = frozenset({"trunk.up", "trunk.down", "trunk.probed"})
_TYPES = frozenset(
    {
        *_OF_SERVERS,
        "registration.ok",
        "registration.failed",
        "registration.waiting",
        "registration.removed",
        "trunk.resolved",
        "trunk.unresolved",
        "worker.ready",
        "worker.died",
        "call.rejected",
        "call.ended",
        "call.rejections_not_logged",
        "edge.listening",
    }
)
