"""Webhooks: what waits for each receiver and why, and what may be done about it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Annotated, Literal, TypeVar
from urllib.parse import urlsplit

from pydantic import Field

from sipua.config.change.in_force import InForce
from sipua.config.sections.webhooks import EventWebhookSection
from sipua.control.http.endpoint import Answer, Asked, Endpoint
from sipua.control.http.problems import Kind, ProblemError
from sipua.control.http.tokens import Right
from sipua.control.resources.models import Moment, Query, Request, Shown
from sipua.edge.wiring import hooks
from sipua.log import logs
from sipua.outputs.hooks import reading, trial
from sipua.outputs.hooks.reading import DeadLetter, EndpointState
from sipua.outputs.hooks.spool import SpoolError

Found = TypeVar("Found")


class Webhook(Shown):
    """A receiver of events."""

    name: str
    state: Literal["ok", "failing", "disabled", "off", "removed"] = Field(
        description="`disabled`: it has answered 410. `off`: by the configuration. `removed`: the "
        "configuration does not have it, and something is kept for it."
    )
    origin: str | None = Field(default=None, description="Of its URL, which may hold a key.")
    types: list[str] = Field(description="Types of events that it gets.")
    waiting: int = Field(description="Events that wait for it.")
    dead: int = Field(description="Dead letters: events that were given up.")
    oldest: Moment | None = Field(
        default=None, description="When the oldest event that waits happened."
    )
    next: Moment | None = Field(default=None, description="When one that was tried is tried again.")
    cause: str | None = Field(
        default=None, description="Why the oldest event that waits was not taken, or why 410."
    )
    disabled_at: Moment | None = None


class WebhookList(Shown):
    webhooks: list[Webhook]


class Letter(Shown):
    """An event that was given up."""

    id: str
    type: str
    call_id: str | None = None
    at: Moment = Field(description="When it happened.")
    dead_at: Moment
    attempts: int
    cause: str


class Letters(Shown):
    """A page of dead letters, the oldest events first."""

    letters: list[Letter]
    next: str | None = Field(default=None, description="`after` of the next page; null: none.")


class LettersQuery(Query):
    limit: int = Field(default=100, ge=1, le=1000)
    after: int = Field(default=0, ge=0, le=2**53, description="`next` of the page before.")


class Redelivery(Request):
    ids: (
        Annotated[list[Annotated[str, Field(max_length=64)]], Field(min_length=1, max_length=1000)]
        | Literal["all"]
    ) = Field(
        description="Ids of dead letters; `all`: all of them, and what waits is tried now, too."
    )


class Redelivered(Shown):
    webhook: str
    redelivered: int = Field(description="Dead letters that wait again.")


class Enabled(Shown):
    webhook: str
    changed: bool = Field(description="False: it was not disabled.")


class Tried(Shown):
    """What it has answered to the event `webhook.test`."""

    webhook: str
    ok: bool
    status: int | None = None
    cause: str | None = Field(default=None, description="Why it is no success.")
    took_ms: int


class WebhooksResource:
    def __init__(self, in_force: InForce, node: str) -> None:
        self._in_force = in_force
        self._directory = hooks.hook_directory(in_force.config)
        self._node = node
        self._tried: set[str] = set()

    @property
    def _configured(self) -> dict[str, EventWebhookSection]:
        return {one.name: one for one in self._in_force.config.webhooks}

    def endpoints(self) -> Sequence[Endpoint]:
        broken = (Kind.STORAGE,)
        return (
            Endpoint(
                "GET",
                "/v1/webhooks",
                "list_webhooks",
                "The receivers of events: what waits, what is dead, why.",
                self._list,
                Right.READONLY,
                {200: WebhookList},
                problems=broken,
            ),
            Endpoint(
                "GET",
                "/v1/webhooks/{name}/dead",
                "list_dead_letters",
                "Events that were given up.",
                self._dead,
                Right.READONLY,
                {200: Letters},
                query=LettersQuery,
                problems=broken,
            ),
            Endpoint(
                "POST",
                "/v1/webhooks/{name}/redeliver",
                "redeliver_dead_letters",
                "Send dead letters again.",
                self._redeliver,
                Right.OPERATOR,
                {200: Redelivered},
                body=Redelivery,
                problems=broken,
            ),
            Endpoint(
                "POST",
                "/v1/webhooks/{name}/enable",
                "enable_webhook",
                "Send to it again, although it has answered 410.",
                self._enable,
                Right.ADMIN,
                {200: Enabled},
                problems=broken,
            ),
            Endpoint(
                "POST",
                "/v1/webhooks/{name}/test",
                "test_webhook",
                "Send it the event `webhook.test`, now and once.",
                self._test,
                Right.OPERATOR,
                {200: Tried},
                problems=(Kind.WRONG_STATE,),
            ),
        )

    async def _list(self, _asked: Asked) -> Answer:
        states = {one.webhook: one for one in await self._states()}
        names = [*self._configured, *sorted(states.keys() - self._configured)]
        found = [_shown(name, self._configured.get(name), states.get(name)) for name in names]
        return Answer(WebhookList(webhooks=found))

    async def _dead(self, asked: Asked) -> Answer:
        name, query = await self._known(asked), asked.query
        found = await _read(
            lambda: reading.dead(self._directory, name, after=query.after, limit=query.limit + 1)
        )
        page = found[: query.limit]
        more = len(found) > len(page)
        return Answer(
            Letters(
                letters=[_letter(one) for one in page],
                next=str(page[-1].number) if more else None,
            )
        )

    async def _redeliver(self, asked: Asked) -> Answer:
        name, order = await self._known(asked), asked.body.ids
        ids = None if order == "all" else set(order)
        count = await _read(lambda: reading.redeliver(self._directory, name, ids))
        logs.get().info("webhook.redelivered", webhook=name, count=count, by=asked.by)
        return Answer(Redelivered(webhook=name, redelivered=count))

    async def _enable(self, asked: Asked) -> Answer:
        name = await self._known(asked)
        changed = await _read(lambda: reading.enable(self._directory, name))
        if changed:
            logs.get().info("webhook.enabled", webhook=name, by=asked.by)
        return Answer(Enabled(webhook=name, changed=changed))

    async def _test(self, asked: Asked) -> Answer:
        name = asked.path["name"]
        section = self._configured.get(name)
        if section is None:
            raise ProblemError(Kind.NOT_FOUND, "there is no such webhook")
        if name in self._tried:
            raise ProblemError(Kind.WRONG_STATE, "it is being tested")
        self._tried.add(name)
        try:
            tried = await trial.run(hooks.endpoint(section), self._node)
        finally:
            self._tried.discard(name)
        return Answer(
            Tried(
                webhook=name,
                ok=tried.answer.ok,
                status=tried.answer.status or None,
                cause=tried.answer.cause or None,
                took_ms=tried.took_ms,
            )
        )

    async def _known(self, asked: Asked) -> str:
        """The name in the path. Raises ProblemError."""
        name = asked.path["name"]
        if name in self._configured or name in {one.webhook for one in await self._states()}:
            return name
        raise ProblemError(Kind.NOT_FOUND, "there is no such webhook")

    async def _states(self) -> list[EndpointState]:
        return await _read(lambda: reading.endpoints(self._directory))


async def _read(ask: Callable[[], Found]) -> Found:
    """A disk may be slow. Raises ProblemError."""
    try:
        return await asyncio.to_thread(ask)
    except SpoolError as error:
        raise ProblemError(Kind.STORAGE, str(error)) from None


def _shown(name: str, section: EventWebhookSection | None, state: EndpointState | None) -> Webhook:
    found = state or EndpointState(name, 0, 0, None, None, "", None)
    disabled = found.disabled
    if section is None:
        word = "removed"
    elif not section.enabled:
        word = "off"
    elif disabled is not None:
        word = "disabled"
    else:
        word = "failing" if found.cause else "ok"
    return Webhook.model_validate(
        {
            "name": name,
            "state": word,
            "origin": _origin(section.url) if section else None,
            "types": list(section.types) if section else [],
            "waiting": found.waiting,
            "dead": found.dead,
            "oldest": _moment(found.oldest_s),
            "next": _moment(found.next_s or None),
            "cause": (disabled.cause if disabled else found.cause) or None,
            "disabled_at": _moment(disabled.since_s) if disabled else None,
        }
    )


def _letter(one: DeadLetter) -> Letter:
    return Letter(
        id=one.id,
        type=one.type,
        call_id=one.call_id or None,
        at=datetime.fromtimestamp(one.at_s, UTC),
        dead_at=datetime.fromtimestamp(one.dead_s, UTC),
        attempts=one.attempts,
        cause=one.cause,
    )


def _origin(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"


def _moment(at_s: float | None) -> datetime | None:
    return None if at_s is None else datetime.fromtimestamp(at_s, UTC)
