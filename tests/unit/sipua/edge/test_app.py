"""The edge over a fake pjsua2: what is left of a call that cannot begin, and of lost signalling."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import json
import socket
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from sipua.calls.call import Call
from sipua.capture.call_capture import CallCaptures
from sipua.config import Config
from sipua.edge import app
from sipua.edge.calls import edge_calls
from sipua.edge.wiring import record as wiring_record
from sipua.events.ending import Reason
from sipua.process import main_loop
from sipua.process.exits import Exit
from sipua.record.recorder import CallRecord
from sipua.rtp.ports import ReservedPort
from sipua.sip.messages import Hangup, IncomingCall, SipCommand
from sipua.tools.toolbox import Toolbox
from sipua.worker.call import parts as call_parts
from sipua.worker.call.engines import RouteEngine
from support.calls.worker_in_task import WorkerInTask, in_tasks
from support.ports import LOOPBACK, PortBlock
from support.signalling import fake_pj
from support.signalling.signalling import CALLER, incoming, invite, over_fake_pj


class EdgeOverFake:
    def __init__(self, edge: app.Edge, home: Path, workers: dict[int, WorkerInTask]) -> None:
        self.edge = edge
        self.home = home
        self.workers = workers
        self.pj = fake_pj.script
        self.task = asyncio.create_task(edge.run())

    async def until(self, condition: Callable[[], object]) -> None:
        async with asyncio.timeout(10):
            while not condition():
                await asyncio.sleep(0.002)

    async def listening(self) -> None:
        await self.until(lambda: self.pj.asked("setDefault") and self.edge._sip._check_timer)

    def invite(self, call_id: str = "abc@192.0.2.1") -> None:
        account = self.edge._sip._endpoint._local
        params = incoming(invite(call_id), CALLER)
        self.pj.coming.put(lambda: account.onIncomingCall(params))

    async def refused(self) -> None:
        await self.until(lambda: self.pj.asked("hangup"))

    async def ringing(self) -> None:
        await self.until(lambda: (180,) in self.pj.asked("answer"))

    async def nothing_is_kept(self) -> None:
        edge = self.edge
        await self.until(lambda: not edge._calls)
        assert edge._ports.stats()["in_use"] == 0
        assert edge._sip_captures._calls == {}
        for running in self.workers.values():
            assert edge._workers.supervisor.slots[1].calls == 0
            there = running.worker._calls
            assert there is not None
            await self.until(lambda tasks=there._tasks: not tasks)
            assert (there._calls, there._capturing) == ({}, {})
            assert there._generations.current.parts._records._files is not None
            assert all(
                file._closing_at for file in there._generations.current.parts._records._files._open
            )
            assert there._generations.current.captures is not None
            assert all(
                one._closing for one in there._generations.current.captures._thread._captures
            )
        assert not [task for task in asyncio.all_tasks() if "c-" in task.get_name()]

    async def stop(self) -> int:
        self.edge._stop.set()
        return await asyncio.wait_for(self.task, 20)


@pytest.fixture
def mute() -> Iterator[str]:
    """An engine that is connected to and never says a word: calls ring."""
    with socket.create_server((LOOPBACK, 0)) as server:
        yield f"ws://{LOOPBACK}:{server.getsockname()[1]}/v1/realtime"


@pytest.fixture
async def edge(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, mute: str
) -> AsyncIterator[EdgeOverFake]:
    modules = over_fake_pj(monkeypatch)
    monkeypatch.setattr(app, "SipAgent", modules["agent"].SipAgent)
    monkeypatch.setattr(main_loop, "leave_soon", lambda: None)
    monkeypatch.setattr(main_loop, "on_interrupt", lambda _: None)  # signals are pytest's here
    workers = in_tasks(monkeypatch)
    with PortBlock(40) as block:
        first, last = block.range(32)
        config = Config.model_validate(
            {
                "sip": {"host": LOOPBACK, "accept": "any", "transports": ("udp",)},
                "rtp": {"port_min": first, "port_max": last},
                "engine": {"url": mute, "connect_timeout_s": 60},
                "calls": {"drain_s": 0},
                "edge": {"workers": 1},
                "record": {"enabled": True, "directory": str(tmp_path / "records")},
                "capture": {"enabled": True, "directory": str(tmp_path / "captures")},
                "cdr": {"directory": str(tmp_path / "cdr")},
            }
        )
        over = EdgeOverFake(app.Edge(config, show_banner=False), tmp_path, workers)
        await over.listening()
        yield over
        if not over.task.done():
            await over.stop()
    gc.unfreeze()


def broken(*_: object, **__: object) -> Any:
    raise KeyError("broken")


attach = call_parts.CallParts._attach


def broken_behind_the_tools(parts: call_parts.CallParts, call: Call) -> None:
    attach(parts, call)
    raise KeyError("broken")


BEGINNINGS: tuple[tuple[object, str, Callable[..., Any]], ...] = (
    (edge_calls.routes, "choose", broken),
    (edge_calls.wiring, "peer_of", broken),
    (RouteEngine, "choice", broken),
    (CallCaptures, "begin", broken),
    (call_parts, "CallBridge", broken),
    (wiring_record, "record_facts", broken),
    (CallRecord, "_put", broken),
    (Call, "subscribe", broken),
    (Toolbox, "runner", broken),
    (call_parts.CallParts, "_attach", broken_behind_the_tools),
)


async def test_S21_whatever_fails_as_a_call_begins_is_a_500_and_nothing_is_kept(
    edge: EdgeOverFake, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: dict[str, list[str]] = {}
    edge.edge._events.subscribe(
        lambda one: told.setdefault(one.told.call_id, []).append(one.told.type)
    )
    for number, (owner, name, fault) in enumerate(BEGINNINGS):
        edge.pj.steps.clear()
        with monkeypatch.context() as broken_now:
            broken_now.setattr(owner, name, fault)
            edge.invite(f"{number}@192.0.2.1")
            await edge.refused()
        assert edge.pj.asked("hangup") == [(500, "")], name
        await edge.nothing_is_kept()
    events = [types for call_id, types in told.items() if call_id]
    assert events, "of those whose route was found"
    for types in events:
        assert (types[0], types[-1]) == ("call.incoming", "call.ended"), types
        assert types.count("call.ended") == 1
    edge.invite("another@192.0.2.1")
    await edge.ringing()  # the next one is taken


async def test_S21_an_odd_byte_that_gets_as_far_as_the_record_is_a_500(
    edge: EdgeOverFake, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent: list[SipCommand] = []
    monkeypatch.setattr(edge.edge._calls, "_send", sent.append)
    local: ReservedPort = edge.edge._ports.reserve(0.0)
    odd = "<sip:\udce4@192.0.2.1>"
    source = ("192.0.2.1", 5060)
    edge.edge._on_sip(IncomingCall("c-odd", odd, odd, odd, odd, source, "anyone", local, 0.0))
    assert sent == [Hangup("c-odd", 500)]
    await edge.nothing_is_kept()
    assert local.rtp_socket.fileno() == -1


async def test_S21_a_sip_message_that_the_capture_cannot_have_ends_no_call(
    edge: EdgeOverFake, monkeypatch: pytest.MonkeyPatch
) -> None:
    edge.invite()
    await edge.ringing()
    await edge.until(lambda: edge.edge._calls)
    (call_id,) = edge.edge._calls._calls
    sent: list[SipCommand] = []
    monkeypatch.setattr(edge.edge._calls, "_send", sent.append)
    with capture_logs() as logs:
        for _ in range(3):
            edge.edge._calls._captures._take(call_id, 0.0, ("\udce4", 1), ("b", 2), b"")
    assert [line["event"] for line in logs] == ["capture.sip_missed"]
    assert sent == []


async def test_S21_a_result_that_is_no_text_keeps_no_call(
    edge: EdgeOverFake, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Call, "summary", "hang_up: \udce4")
    edge.invite()
    await edge.ringing()
    await edge.until(lambda: edge.edge._calls)
    edge.edge._calls.hang_up_all(Reason.SHUTDOWN, "the end", 503)
    await edge.nothing_is_kept()


async def test_S21_a_call_that_fails_while_it_runs_is_given_back(
    edge: EdgeOverFake, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def run(*_: object) -> None:
        raise KeyError("broken")

    monkeypatch.setattr(Call, "run", run)
    edge.invite()
    await edge.refused()
    assert edge.pj.asked("hangup") == [(500, "")]
    await edge.until(lambda: not edge.edge._calls)
    assert edge.edge._ports.stats()["in_use"] == 0


async def test_a_cancel_that_comes_with_its_invite_ends_the_call(edge: EdgeOverFake) -> None:
    account = edge.edge._sip._endpoint._local
    calls = edge.edge._sip._endpoint._calls

    def both() -> None:
        account.onIncomingCall(incoming(invite(), CALLER))
        next(iter(calls.values())).tell(fake_pj.real.PJSIP_INV_STATE_DISCONNECTED, 487)

    edge.pj.coming.put(both)
    await edge.until(lambda: edge.edge._ports.stats()["resting"])
    await edge.nothing_is_kept()


async def test_H1_a_drain_ends_what_still_rings(edge: EdgeOverFake) -> None:
    edge.invite()
    await edge.ringing()
    assert await edge.stop() == Exit.OK
    assert [status for status, _ in edge.pj.asked("hangup")] == [503]
    assert edge.pj.steps[-1][0] == "libDestroy"


def die() -> None:
    raise SystemExit("a bug in a callback")


async def test_H11_a_signalling_thread_that_dies_ends_the_process_and_keeps_the_records(
    edge: EdgeOverFake,
) -> None:
    edge.invite()
    await edge.ringing()
    edge.pj.coming.put(die)
    assert await asyncio.wait_for(edge.task, 10) == Exit.SIGNALLING
    (file,) = (edge.home / "records").rglob("*.jsonl")
    end = json.loads(file.read_text().splitlines()[-1])
    assert (end["end"]["by"], end["end"]["detail"]) == ("edge", "signalling is lost")


async def test_H11_it_dies_while_the_edge_drains(edge: EdgeOverFake) -> None:
    now, config = edge.edge._in_force.now, edge.edge._in_force.config
    calls = config.calls.model_copy(update={"drain_s": 60})
    edge.edge._in_force.now = replace(now, config=config.model_copy(update={"calls": calls}))
    edge.invite()
    await edge.ringing()
    edge.edge._stop.set()
    await edge.until(lambda: edge.edge._admission.draining)
    edge.pj.coming.put(die)
    assert await asyncio.wait_for(edge.task, 10) == Exit.SIGNALLING


async def test_H11_it_dies_while_it_is_stopped(
    edge: EdgeOverFake, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(edge.edge._sip._endpoint, "close", die)
    assert await edge.stop() == Exit.SIGNALLING


async def test_H11_a_thread_that_does_not_end_is_lost_too(
    edge: EdgeOverFake, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(edge.edge._sip._thread, "stop", lambda _: False)
    assert await edge.stop() == Exit.SIGNALLING
    with contextlib.suppress(AttributeError):
        monkeypatch.undo()
    edge.edge._sip._thread.stop(1.0)
