"""The edge: what it is and how it does, its trunks, registrations and workers, what it refused."""

from __future__ import annotations

import time
from collections.abc import Sequence
from importlib.metadata import version
from typing import Literal

from pydantic import Field

from sipua.config.change.in_force import InForce
from sipua.config.sections.trunks import ServerSection
from sipua.control.http.endpoint import Answer, Asked, Endpoint
from sipua.control.http.problems import Kind, ProblemError
from sipua.control.http.tokens import Right, Tokens
from sipua.control.link.asking import EdgeLink
from sipua.control.link.edge_port import EdgePort
from sipua.control.link.state import State
from sipua.control.resources.models import Moment, Query, Shown
from sipua.control.view.edge import Registration as RegistrationView
from sipua.control.view.edge import Worker as WorkerView


class Edge(Shown):
    """The edge."""

    node: str
    version: str
    boot: str = Field(description="This run of it: the first part of the ids of its events.")
    up_s: float
    calls: int
    max_calls: int
    draining: bool
    config: str = Field(description="The hash of its configuration; more: `/v1/config`.")
    refused: int = Field(description="INVITEs that never became a call.")
    denied: dict[str, int] = Field(description="Requests to this API that were denied, by kind.")


class Name(Shown):
    """What a host name stands for."""

    name: str
    addresses: list[str]
    at: Moment
    cause: str | None = Field(default=None, description="Why the last look-up failed.")


class LastRefusal(Shown):
    """A call that did not come about: `incoming`: we refused it; `outgoing`: the other side did."""

    at: Moment
    direction: Literal["incoming", "outgoing"]
    status: int = Field(description="Of SIP.")
    reason: str
    cause: str | None = Field(default=None, description="Which rule of ours refused it.")


class TrunkServer(Shown):
    """A server that our calls to a trunk may go to."""

    uri: str
    priority: int
    weight: int
    state: Literal["unknown", "up", "down"] = Field(
        description="By the last OPTIONS, or by the last call that was sent to it."
    )
    since: Moment | None = None
    round_trip_ms: float | None = Field(default=None, description="Of the last OPTIONS.")
    cause: str | None = Field(default=None, description="Why it is down.")


class Trunk(Shown):
    name: str
    hosts: list[str]
    proxy: str = Field(description="The first server that our calls go to; empty: none.")
    servers: list[TrunkServer] = Field(description="All of them, as they are configured.")
    names: list[Name]
    calls: int = Field(description="Calls that are up.")
    max_calls: int = Field(description="Calls that it may have at once; 0: any number.")
    calls_per_second: int = Field(
        description="Calls that may begin in a second, in each direction; 0: any number."
    )
    last_refusal: LastRefusal | None = None


class Trunks(Shown):
    trunks: list[Trunk]


class Registration(Shown):
    account: str
    registrar: str
    state: Literal["waiting", "registered", "failed", "removed"]
    since: Moment | None = None
    expires_s: int | None = None
    status: int | None = None
    reason: str | None = None
    retry_in_s: float | None = None
    fix: str | None = None
    answered_at: Moment | None = Field(
        default=None, description="Of the registrar's last answer; it holds for `expires_s`."
    )
    names: list[Name]
    calls: int
    last_refusal: LastRefusal | None = None


class Registrations(Shown):
    registrations: list[Registration]


class Worker(Shown):
    worker: int
    pid: int | None = None
    ready: bool
    since: Moment | None = None
    deaths: int
    cause: str | None = Field(default=None, description="Of its last death.")
    calls: int


class Workers(Shown):
    workers: list[Worker]


class Refusal(Shown):
    """An INVITE that never became a call."""

    id: str
    at: Moment
    status: int
    reason: str
    cause: str | None = Field(default=None, description="Why it was refused.")
    rule: str | None = Field(
        default=None, description="The key of its trunk that refuses it, where it is one."
    )
    sip_call_id: str
    from_: str | None = Field(default=None, alias="from")
    to: str
    source: str
    kept_back: int = Field(description="Refusals before it that were not told.")


class Refusals(Shown):
    """The last refusals, the newest first."""

    refusals: list[Refusal]
    total: int = Field(description="Since the start.")


class RefusalsQuery(Query):
    limit: int = Field(default=100, ge=1, le=500)


class EdgeResource:
    def __init__(
        self,
        in_force: InForce,
        state: State,
        link: EdgeLink,
        edge: EdgePort,
        tokens: Tokens,
        *,
        node: str,
    ) -> None:
        self._in_force = in_force
        self._state = state
        self._link = link
        self._edge = edge
        self._tokens = tokens
        self._node = node
        self._version = version("sipua")
        self._begun = time.monotonic()

    def endpoints(self) -> Sequence[Endpoint]:
        return (
            Endpoint(
                "GET",
                "/v1/edge",
                "show_edge",
                "The edge itself.",
                self._show,
                Right.READONLY,
                {200: Edge},
                problems=(Kind.EDGE_SILENT,),
            ),
            Endpoint(
                "GET",
                "/v1/trunks",
                "list_trunks",
                "The trunks, and what their names stand for.",
                self._trunks,
                Right.READONLY,
                {200: Trunks},
            ),
            Endpoint(
                "GET",
                "/v1/registrations",
                "list_registrations",
                "The accounts, and whether each is registered.",
                self._registrations,
                Right.READONLY,
                {200: Registrations},
            ),
            Endpoint(
                "POST",
                "/v1/registrations/{account}/refresh",
                "refresh_registration",
                "Register an account now; an event tells how it went.",
                self._refresh,
                Right.OPERATOR,
                {202: None},
                problems=(Kind.NOT_FOUND, Kind.EDGE_SILENT),
            ),
            Endpoint(
                "GET",
                "/v1/workers",
                "list_workers",
                "The processes that carry calls.",
                self._workers,
                Right.READONLY,
                {200: Workers},
            ),
            Endpoint(
                "GET",
                "/v1/refusals",
                "list_refusals",
                "The last INVITEs that were refused, each with its cause.",
                self._refusals,
                Right.READONLY,
                {200: Refusals},
                query=RefusalsQuery,
            ),
        )

    async def _show(self, _asked: Asked) -> Answer:
        edge = await self._link.ask(self._edge.state)
        return Answer(
            Edge(
                node=self._node,
                version=self._version,
                boot=self._state.ring.boot,
                up_s=round(time.monotonic() - self._begun, 3),
                calls=edge.calls,
                max_calls=edge.max_calls,
                draining=edge.draining,
                config=self._in_force.now.hash,
                refused=self._state.edge.refused,
                denied=dict(self._tokens.refused),
            )
        )

    async def _trunks(self, _asked: Asked) -> Answer:
        return Answer(
            Trunks(
                trunks=[
                    Trunk(
                        name=trunk.name,
                        hosts=list(trunk.hosts),
                        proxy=next((one.uri for one in trunk.every_server), ""),
                        servers=[self._server(trunk.name, one) for one in trunk.every_server],
                        names=self._names(trunk.name),
                        calls=self._calls_of(trunk.name),
                        max_calls=trunk.max_calls,
                        calls_per_second=trunk.calls_per_second,
                        last_refusal=self._last_refusal(trunk.name),
                    )
                    for trunk in self._in_force.config.trunks
                ]
            )
        )

    async def _registrations(self, _asked: Asked) -> Answer:
        found = []
        for account in self._in_force.config.accounts:
            known = self._state.edge.registrations.get(account.name)
            one = known or RegistrationView(account.name, account.registrar)
            more = {
                "names": self._names(one.account),
                "calls": self._calls_of(one.account),
                "last_refusal": self._last_refusal(one.account),
            }
            fields = {name: getattr(one, name) for name in RegistrationView.__slots__}
            found.append(Registration.model_validate({**fields, **more}))
        return Answer(Registrations(registrations=found))

    async def _refresh(self, asked: Asked) -> Answer:
        account = asked.path["account"]
        if account not in {one.name for one in self._in_force.config.accounts}:
            raise ProblemError(Kind.NOT_FOUND, "there is no such account")
        await self._link.ask(lambda: self._edge.refresh_registration(account))
        return Answer(status=202)

    async def _workers(self, _asked: Asked) -> Answer:
        found = []
        for number, one in sorted(self._state.edge.workers.items()):
            calls = sum(call.worker == number for call in self._state.calls.up.values())
            fields = {name: getattr(one, name) for name in WorkerView.__slots__}
            found.append(Worker.model_validate({**fields, "calls": calls}))
        return Answer(Workers(workers=found))

    async def _refusals(self, asked: Asked) -> Answer:
        query: RefusalsQuery = asked.query
        newest_first = list(self._state.edge.refusals)[::-1][: query.limit]
        found = [
            Refusal.model_validate(
                {
                    "id": one.id,
                    "at": one.at,
                    "status": one.status,
                    "reason": one.reason,
                    "cause": one.cause,
                    "rule": one.rule,
                    "sip_call_id": one.sip_call_id,
                    "from": one.from_uri,
                    "to": one.to_uri,
                    "source": one.source,
                    "kept_back": one.kept_back,
                }
            )
            for one in newest_first
        ]
        return Answer(Refusals(refusals=found, total=self._state.edge.refused))

    def _server(self, trunk: str, section: ServerSection) -> TrunkServer:
        known = self._state.edge.servers.get((trunk, section.uri))
        return TrunkServer(
            uri=section.uri,
            priority=section.priority,
            weight=section.weight,
            state=known.state if known else "unknown",
            since=known.since if known else None,
            round_trip_ms=known.round_trip_ms if known else None,
            cause=known.cause if known else None,
        )

    def _names(self, origin: str) -> list[Name]:
        known = self._state.edge.names.get(origin, {})
        return [Name.model_validate(one) for one in known.values()]

    def _calls_of(self, origin: str) -> int:
        return sum(call.origin == origin for call in self._state.calls.up.values())

    def _last_refusal(self, origin: str) -> LastRefusal | None:
        known = self._state.edge.last_refusals.get(origin)
        return None if known is None else LastRefusal.model_validate(known)
