"""The agent that a document names, as the parts of a route."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qs

import pytest

from sipua.calls import routes
from sipua.calls.answering.policy import AnsweringPolicy
from sipua.calls.legs.targets import Destination
from sipua.config import Config
from sipua.twilio.fetch import FetchError
from sipua.twilio.request import WebRequest
from sipua.twilio.twiml.verbs import StatusCallback, Stream
from sipua.worker.call.documents import Documents
from sipua.worker.call.route_parts import RouteParts
from support.calls.tool_call import FACTS

TWILIO = {
    "account_sid": "AC" + "1" * 32,
    "auth_token": "0123456789abcdef",
    "hosts": ("127.0.0.1",),
    "allow": ("127.0.0.0/8",),
    "may_call": ("+43",),
}


class Log:
    def __init__(self) -> None:
        self.told: list[tuple[str, Mapping[str, Any]]] = []

    def warning(self, event: str, **fields: Any) -> None:
        self.told.append((event, fields))


def documents(**twilio: Any) -> Documents:
    config = Config.model_validate({"twilio": {**TWILIO, **twilio}})
    return Documents(config, {"sales": Destination(("sip:a@pbx",), "refer")})


def usual() -> RouteParts:
    config = Config.model_validate({"calls": {"fallback": ({"prompt": "sorry"},)}})
    profile = routes.profile(config)
    policy: AnsweringPolicy = routes.answering(config, None)
    return RouteParts(profile, policy, [], {})


async def test_an_engine_for_its_address_alone() -> None:
    one = documents()
    stream = Stream("ws://127.0.0.1:5000/ws?a=1", "agent", {"tenant": "bicycles"})
    parts = await one.parts(stream, FACTS, usual(), Log())  # type: ignore[arg-type]
    (engine,) = parts.engines
    made = engine.create(FACTS.call_id, facts=FACTS)
    assert (made.url, made.protocol.name) == (stream.url, "twilio_stream")
    assert "X-Twilio-Signature" in made.headers
    assert not parts.recovers
    assert parts.profile.steps == usual().profile.steps, "the route's own fallback stays"
    assert (parts.profile.greeting, parts.profile.tools) == ("", ())
    _, start = made.protocol.start()
    assert b"bicycles" in start
    await one.close()


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("wss://agent.example/ws", "twilio.hosts"),
        ("ws://127.0.0.1.example/ws", "twilio.hosts"),
    ],
)
async def test_one_that_documents_may_not_name(url: str, words: str) -> None:
    one = documents()
    with pytest.raises(FetchError, match=words):
        await one.parts(Stream(url), FACTS, usual(), Log())  # type: ignore[arg-type]
    await one.close()


async def test_an_address_that_may_not_be_reached() -> None:
    one = documents(hosts=("*",), allow=())
    for host in ("127.0.0.1", "[::1]", "169.254.169.254", "10.0.0.1"):
        with pytest.raises(FetchError, match="may not be reached"):
            await one.parts(Stream(f"ws://{host}/"), FACTS, usual(), Log())  # type: ignore[arg-type]
    await one.close()


async def test_what_a_stream_says_of_itself_is_told_beside_the_call(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    one, log = documents(), Log()
    asked: list[WebRequest] = []

    async def tell(request: WebRequest) -> None:
        asked.append(request)
        raise FetchError(11_205, "nobody is there")

    monkeypatch.setattr(one.client, "tell", tell)
    stream = Stream("ws://127.0.0.1/", "agent", {}, StatusCallback("http://127.0.0.1/s"))
    parts = await one.parts(stream, FACTS, usual(), log)  # type: ignore[arg-type]
    protocol = parts.engines[0].create(FACTS.call_id, facts=FACTS).protocol
    protocol.start()
    protocol.goodbye()
    await asyncio.sleep(0.05)
    told = [parse_qs(one.body.decode()) for one in asked]
    assert [one["StreamEvent"] for one in told] == [["stream-started"], ["stream-stopped"]]
    assert {one["StreamName"][0] for one in told} == {"agent"}
    assert len({one.headers["I-Twilio-Idempotency-Token"] for one in asked}) == 2
    assert [event for event, _ in log.told] == ["twilio.status_lost"] * 2
    await one.close()


async def test_whom_a_document_may_call_because_of_who_has_sent_it() -> None:
    one = documents()
    theirs = one.account(("+49",))
    assert theirs.destination("+49123") is not None
    assert theirs.destination("+43123") is not None
    assert theirs.destination("sales") is not None
    assert theirs.destination("+1900") is None
    assert one.account(()).destination("+49123") is None, "of this one alone"
    await one.close()
