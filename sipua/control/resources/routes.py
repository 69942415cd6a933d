"""Routes: which one a call would take, and the agent that it leads to."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from pydantic import Field

from sipua.calls import routes
from sipua.calls.profile import AgentProfile, in_words
from sipua.config.change.in_force import InForce
from sipua.control.http.endpoint import Answer, Asked, Endpoint
from sipua.control.http.tokens import Right
from sipua.control.resources.models import Request, Shown
from sipua.edge.wiring import parties


class RouteTest(Request):
    """A call as it would come."""

    to: str = Field(max_length=512, description="The dialled number or URI.")
    from_: str = Field(default="", alias="from", max_length=512, description="The caller.")
    origin: str = Field(default="", max_length=64, description="The account or trunk.")
    at: datetime | None = Field(default=None, description="When it would come; left out: now.")


class RouteFound(Shown):
    """The route, and its agent."""

    route: str = Field(description="Empty: none fits, and the agent of [engine] talks.")
    engines: list[str] = Field(description="In the order in which they are tried.")
    type: str
    model: str
    voice: str
    tools: list[str] | None = Field(default=None, description="Null: all.")
    menu: str = Field(default="", description="What the caller hears before the agent.")
    queue: str = Field(default="", description="Where the caller waits for an agent or a person.")
    documents: str = Field(
        default="", description="The host whose documents lead the call (`voice_url`)."
    )
    forward: str = Field(
        default="", description="The SIP agent that takes the call in the agent's place."
    )
    hours: str = Field(default="", description="The hours in which it is so; empty: always.")
    open: bool = Field(default=True, description="Whether it is open at that time.")
    answer: str
    first_word: str
    fallback: list[str]


class RoutesResource:
    def __init__(self, in_force: InForce) -> None:
        self._in_force = in_force

    def endpoints(self) -> Sequence[Endpoint]:
        return (
            Endpoint(
                "POST",
                "/v1/routes/test",
                "test_route",
                "Which route a call would take.",
                self._test,
                Right.READONLY,
                {200: RouteFound},
                body=RouteTest,
            ),
        )

    async def _test(self, asked: Asked) -> Answer:
        order: RouteTest = asked.body
        config = self._in_force.config
        asked_for = parties.typed(config, order.to, order.from_, order.origin)
        at = (order.at or datetime.now(UTC)).astimezone(UTC)
        profile = routes.resolve(config, asked_for, at)
        is_open = not profile.when or routes.hours_named(config, profile.when).is_open(at)
        return Answer(_found(profile, is_open=is_open))


def _found(profile: AgentProfile, *, is_open: bool) -> RouteFound:
    first = profile.engines[0].section
    return RouteFound(
        route=profile.route,
        engines=[engine.name for engine in profile.engines],
        type=first.type,
        model=first.model,
        voice=first.voice,
        tools=None if profile.tools is None else list(profile.tools),
        menu=profile.menu,
        queue=profile.queue,
        documents=profile.documents,
        forward=profile.forward.target if profile.forward else "",
        hours=profile.when,
        open=is_open,
        answer=profile.answer,
        first_word=profile.first_word,
        fallback=[in_words(step) for step in profile.steps],
    )
