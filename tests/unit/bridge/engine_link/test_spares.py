"""Spare connections to a real server, and the sessions that are made over them."""

from __future__ import annotations

import asyncio
import gc
import weakref
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import partial
from http import HTTPStatus
from typing import Any

import pytest
from structlog.testing import capture_logs

from sipua.bridge.conversation.dialogue import Dialogue
from sipua.bridge.conversation.policy import DialoguePolicy
from sipua.bridge.conversation.sessions import EngineChoice, engine_session
from sipua.bridge.engine_api.events import EngineLost, SessionReady
from sipua.bridge.engine_api.settings import EngineSettings
from sipua.bridge.engine_link import session as engine_link_session
from sipua.bridge.engine_link import spares as engine_link_spares
from sipua.bridge.engine_link.spares import EARLY_MESSAGES, SpareAddress, SpareConnections
from sipua.bridge.engines import create
from support.engine.engine_call import KEY, SESSION, Call
from support.engine.line import turn_state
from support.engine.scripted_engine import Peer, ScriptedEngine, scripted_engine, tcp_server

HEADERS = {"Authorization": f"Bearer {KEY}"}


async def ready(peer: Peer) -> None:
    await peer.make_ready()
    await peer.until_closed()


async def until(condition: Callable[[], object]) -> None:
    async with asyncio.timeout(10):
        while not condition():
            await asyncio.sleep(0.002)


class Kept:
    """The spare connections to one engine, and who was told what."""

    def __init__(self, engine: ScriptedEngine, count: int, max_age_s: float) -> None:
        self.tried: list[bool] = []
        made = create("openai_realtime", EngineSettings(url=engine.url, api_key=KEY))
        self.spares = SpareConnections(
            [
                SpareAddress(
                    made.url, made.headers, count, max_age_s, 5.0, "local", self.tried.append
                )
            ]
        )
        self.keeper = next(iter(self.spares._keepers.values()))

    @property
    def waiting(self) -> int:
        return self.keeper._plan.waiting

    @property
    def early(self) -> int:
        """Messages that wait with them."""
        return sum(len(one.connection.spare.early) for one in self.keeper._plan._waiting)

    def counters(self) -> dict[str, int]:
        return {name: count for name, count in self.keeper._plan.counters.items() if count}


@asynccontextmanager
async def kept(
    engine: ScriptedEngine, count: int = 1, *, max_age_s: float = 300.0, opened: bool = True
) -> AsyncIterator[Kept]:
    made = Kept(engine, count, max_age_s)
    made.spares.start()
    try:
        if opened:
            await until(lambda: made.early == count)
        yield made
    finally:
        await made.spares.close()


async def test_a_session_is_made_over_a_spare_one_and_another_one_is_opened() -> None:
    with capture_logs() as logs:
        async with scripted_engine(ready) as engine, kept(engine) as there:
            assert len(engine.requests) == 1
            call = Call(engine.url, open_socket=there.spares.connect)
            await call.session.connect(5)
            assert call.events == [SessionReady("sess_1")]
            assert call.session.spare is not None
            assert engine.peers[0].received[0]["type"] == "session.update"
            await until(lambda: there.waiting == 1)
            assert len(engine.requests) == 2
            assert there.counters() == {"opened": 2, "used": 1}
            assert there.tried == [True, True]
            await call.session.close()
    connected = next(line for line in logs if line["event"] == "engine.connected")
    assert connected["spare_s"] >= 0
    told = next(line for line in logs if line["event"] == "engine.spares")
    assert (told["opened"], told["used"], told["missed"]) == (2, 1, 0)


async def test_two_calls_at_once_share_no_connection() -> None:
    async with scripted_engine(ready) as engine, kept(engine) as there:
        calls = [Call(engine.url, open_socket=there.spares.connect) for _ in range(2)]
        await asyncio.gather(*(call.session.connect(5) for call in calls))
        assert [call.session.spare is not None for call in calls] == [True, False]
        assert there.counters()["used"] == 1
        assert there.counters()["missed"] == 1
        assert calls[0].session._socket is not calls[1].session._socket
        for call in calls:
            await call.session.close()


async def test_a_session_with_other_headers_or_another_address_gets_none() -> None:
    async with scripted_engine(ready) as engine, kept(engine) as there:
        headers = {**HEADERS, "X-Call": "call-7"}
        own = Call(engine.url, open_socket=there.spares.connect, headers=headers)
        other = Call(f"{engine.url}?model=another", open_socket=there.spares.connect)
        for call in (own, other):
            await call.session.connect(5)
            assert call.session.spare is None
            await call.session.close()
        assert engine.requests[1].headers["X-Call"] == "call-7"
        assert there.waiting == 1


async def test_the_trace_of_a_call_keeps_it_from_no_spare_connection() -> None:
    async with scripted_engine(ready) as engine, kept(engine) as there:
        calls = [
            Call(
                engine.url,
                open_socket=there.spares.connect,
                headers={**HEADERS, "traceparent": f"trace-{number}"},
            )
            for number in range(2)
        ]
        await asyncio.gather(*(call.session.connect(5) for call in calls))
        assert [call.session.spare is not None for call in calls] == [True, False]
        told = {request.headers.get("traceparent") for request in engine.requests}
        assert told == {None, "trace-1"}
        for call in calls:
            await call.session.close()


async def test_one_that_the_server_closes_is_given_to_no_call() -> None:
    async with scripted_engine(ready) as engine, kept(engine) as there:
        engine.peers[0].connection.transport.abort()
        await until(lambda: there.waiting == 0)
        call = Call(engine.url, open_socket=there.spares.connect)
        await call.session.connect(5)
        assert call.session.spare is None
        assert there.counters() == {"opened": 1, "lost": 1, "missed": 1}
        await until(lambda: there.waiting == 1)  # after the back-off
        await call.session.close()


async def test_one_whose_ping_is_not_answered_is_given_to_no_call() -> None:
    async with scripted_engine(ready) as engine, kept(engine) as there:
        socket = there.keeper._plan._waiting[0].connection.socket
        socket._pinged_s = asyncio.get_running_loop().time() - engine_link_spares.UNANSWERED_S
        call = Call(engine.url, open_socket=there.spares.connect)
        await call.session.connect(5)
        assert call.session.spare is None
        await call.session.close()


async def test_an_old_one_is_replaced() -> None:
    closed = 0

    async def waits(peer: Peer) -> None:
        nonlocal closed
        await peer.send("session.created", session=SESSION)
        await peer.until_closed()
        closed += 1

    async with scripted_engine(waits) as engine, kept(engine, max_age_s=0.2) as there:
        await until(lambda: closed >= 2)
        assert there.counters()["old"] >= 2
        assert "lost" not in there.counters()


async def test_M2_a_call_whose_spare_is_dead_connects_anew_at_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Cut without a word: no ping has found it yet. The others there are as dead."""
    monkeypatch.setattr(engine_link_session, "SPARE_ANSWER_S", 0.3)
    dead = 2

    async def script(peer: Peer) -> None:
        if len(engine.peers) > dead:
            await ready(peer)
        await peer.send("session.created", session=SESSION)
        await peer.vanish()

    events: list[object] = []
    with capture_logs() as logs:
        async with scripted_engine(script) as engine, kept(engine, dead) as there:
            dialogue = a_dialogue(engine, there, events.append)
            await dialogue.connect(5)
            counters = dialogue.counters()
            assert (counters["attempts"], counters["spares_unfit"]) == (1, 1)
            assert "spares_used" not in counters
            assert there.counters()["unfit"] == 1
            assert there.waiting == 0
            assert dialogue.session_id == "sess_1"
            await dialogue.close()
    told = [line["event"] for line in logs if line["log_level"] == "warning"]
    assert told == ["engine.spare_unfit"]


async def test_M2_also_when_it_dies_in_that_moment() -> None:
    async def script(peer: Peer) -> None:
        if len(engine.peers) > 1:
            await ready(peer)
        await peer.send("session.created", session=SESSION)
        await peer.expect("session.update")
        peer.connection.transport.abort()
        await peer.until_closed()

    async with scripted_engine(script) as engine, kept(engine) as there:
        dialogue = a_dialogue(engine, there)
        await dialogue.connect(5)
        assert dialogue.counters()["spares_unfit"] == 1
        await dialogue.close()


async def test_M3_the_life_of_a_session_begins_with_its_connection() -> None:
    async with scripted_engine(ready) as engine, kept(engine) as there:
        await asyncio.sleep(0.3)
        policy = DialoguePolicy(rotate_after_s=1000.0)
        dialogue = a_dialogue(engine, there, policy=policy)
        await dialogue.connect(5)
        now = asyncio.get_running_loop().time()
        assert 0 < dialogue._rotation.due - now < 1000.0 - 0.3
        assert dialogue.counters()["spares_used"] == 1
        await dialogue.close()


async def test_M6_a_server_that_talks_to_nobody_is_left() -> None:
    async def chatters(peer: Peer) -> None:
        for _ in range(EARLY_MESSAGES + 1):
            await peer.send("session.created", session=SESSION)
        await peer.until_closed()

    with capture_logs() as logs:
        async with scripted_engine(chatters) as engine, kept(engine, opened=False) as there:
            await until(lambda: there.counters().get("lost"))
            assert there.waiting == 0
    told = [line for line in logs if line["event"] == "engine.spare_lost"]
    assert len(told) == 1
    assert told[0]["log_level"] == "warning"


@pytest.mark.parametrize(
    ("status", "tried"),
    [(HTTPStatus.SERVICE_UNAVAILABLE, [False]), (HTTPStatus.TOO_MANY_REQUESTS, [])],
)
async def test_M1_a_refusal_is_told_once(status: HTTPStatus, tried: list[bool]) -> None:
    """A limit of sessions says nothing of the next call's: the engine is there."""
    with capture_logs() as logs:
        async with (
            scripted_engine(answer=(status, {}, "no")) as engine,
            kept(engine, opened=False) as there,
        ):
            await until(lambda: there.counters().get("failed"))
            assert there.tried == tried
            there.keeper._plan._not_before = 0.0  # the back-off is over
            there.keeper.look()
            await until(lambda: there.counters()["failed"] == 2)
    told = [line for line in logs if line["event"] == "engine.spare_failed"]
    assert len(told) == 1
    assert KEY not in str(told)


async def test_H1_at_the_end_all_are_closed_and_sessions_still_connect() -> None:
    over = 0

    async def script(peer: Peer) -> None:
        nonlocal over
        await peer.send("session.created", session=SESSION)
        try:
            await peer.expect("session.update")
            await peer.send("session.updated", session=SESSION)
            await peer.until_closed()
        finally:
            over += 1

    async with scripted_engine(script) as engine, kept(engine, 3) as there:
        await there.spares.close()
        await until(lambda: over == 3)
        call = Call(engine.url, open_socket=there.spares.connect)
        await call.session.connect(5)
        await call.session.close()
        await there.spares.close()  # again, with the process
        assert len(engine.requests) == 4


async def test_H1_what_is_being_opened_at_the_end_is_given_up() -> None:
    held = asyncio.Event()

    async def never(_reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
        held.set()

    async with tcp_server(never) as port:
        url = f"ws://127.0.0.1:{port}/"
        spares = SpareConnections([SpareAddress(url, {}, 1, 300.0, 60.0, "local")])
        spares.start()
        async with asyncio.timeout(5):
            await held.wait()
            await spares.close()


async def test_H9_a_fault_after_the_hand_over_is_the_sessions(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    is_broken = asyncio.Event()

    async def script(peer: Peer) -> None:
        await peer.make_ready()
        await is_broken.wait()
        await peer.send_raw(b"{}")
        await peer.until_closed()

    async with scripted_engine(script) as engine, kept(engine) as there:
        call = Call(engine.url, open_socket=there.spares.connect)
        await call.session.connect(5)

        def broken(_message: bytes) -> None:
            raise KeyError("x")

        monkeypatch.setattr(call.session._protocol, "receive", broken)
        is_broken.set()
        lost = await call.next(EngineLost)
        assert lost.fault
        assert there.counters().get("lost") is None
        await call.session.close()


async def test_H5_nothing_of_a_session_over_a_spare_waits_for_the_collector() -> None:
    async with scripted_engine(ready) as engine, kept(engine) as there:
        call = Call(engine.url, open_socket=there.spares.connect)
        await call.session.connect(5)
        gone = weakref.ref(call.session._socket)
        gc.disable()
        try:
            await call.session.close()
            del call
            await asyncio.sleep(0.05)
            assert gone() is None
        finally:
            gc.enable()


def a_dialogue(
    engine: ScriptedEngine,
    there: Kept,
    on_event: Callable[[Any], None] = lambda _: None,
    *,
    policy: DialoguePolicy | None = None,
) -> Dialogue:
    settings = EngineSettings(url=engine.url, api_key=KEY)
    return Dialogue(
        [EngineChoice("local", lambda _past, _: create("openai_realtime", settings))],
        policy=policy or DialoguePolicy(),
        on_event=on_event,
        turns=turn_state(),
        make_session=partial(engine_session, open_socket=there.spares.connect),
    )
