"""`sipua call` and `sipua outbound` over a fake pjsua2: whatever fails, all is given back."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterator
from pathlib import Path
from typing import Any

import pytest

from sipua.bridge.call.call_bridge import CallBridge
from sipua.cli.testphone import dial
from sipua.cli.testphone.dial import Dial, DialRequest
from sipua.config import Config
from sipua.edge import outbound
from sipua.edge.outbound import Outbound, OutboundRequest, outgoing_of, profile_of
from sipua.process import main_loop
from sipua.process.exits import Exit
from sipua.worker.call import parts as call_parts
from support.calls.worker_in_task import in_tasks
from support.ports import LOOPBACK, PortBlock
from support.signalling import fake_pj
from support.signalling.signalling import over_fake_pj

URI = "sip:200@192.0.2.9"
Single = Dial | Outbound


@pytest.fixture
def config(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Config]:
    modules = over_fake_pj(monkeypatch)
    for command in (dial, outbound):
        monkeypatch.setattr(command, "SipAgent", modules["agent"].SipAgent)
    monkeypatch.setattr(main_loop, "leave_soon", lambda: None)
    monkeypatch.setattr(main_loop, "on_interrupt", lambda _: None)  # signals are pytest's here
    in_tasks(monkeypatch)
    with PortBlock(8) as block:
        first, last = block.range(4)
        yield Config.model_validate(
            {
                "sip": {"host": LOOPBACK},
                "rtp": {"port_min": first, "port_max": last},
                "engine": {"url": "ws://127.0.0.1:9/v1/realtime"},
                "cdr": {"directory": str(tmp_path / "cdr")},
            }
        )


def make_dial(config: Config) -> Single:
    return Dial(config, DialRequest(URI, as_json=True), b"")


def make_outbound(config: Config) -> Single:
    request = OutboundRequest(URI)
    profile = profile_of(config, request)
    return Outbound(config, request, profile, outgoing_of(config, request, profile))


COMMANDS = [make_dial, make_outbound]


def broken(*_: object, **__: object) -> Any:
    raise KeyError("broken")


async def outcome(work: Coroutine[Any, Any, Exit]) -> Exit:
    return await asyncio.wait_for(work, 20)


def all_given_back(single: Single) -> None:
    assert single._ports.stats()["in_use"] == 0
    steps = [step[0] for step in fake_pj.script.steps]
    assert not steps or "libDestroy" in steps, "signalling that was begun is ended"


@pytest.mark.parametrize(
    ("make", "owner", "name"),
    [
        (make_dial, dial, "CallBridge"),
        (make_dial, Dial, "_begin_capture"),
        (make_dial, Dial, "_place"),
        (make_outbound, Outbound, "_facts"),
    ],
)
async def test_what_fails_before_the_call_is_told_and_all_is_given_back(
    config: Config,
    monkeypatch: pytest.MonkeyPatch,
    make: Callable[[Config], Single],
    owner: object,
    name: str,
) -> None:
    single = make(config)
    monkeypatch.setattr(owner, name, broken)
    with pytest.raises(KeyError, match="broken"):
        await outcome(single.run())
    all_given_back(single)


@pytest.mark.parametrize(
    ("owner", "name"), [(call_parts, "CallBridge"), (call_parts.CallParts, "_attach")]
)
async def test_what_fails_in_the_worker_is_told_too(
    config: Config,
    monkeypatch: pytest.MonkeyPatch,
    owner: object,
    name: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    single = make_outbound(config)
    monkeypatch.setattr(owner, name, broken)
    assert await outcome(single.run()) == Exit.INTERNAL
    assert "internal error" in capsys.readouterr().out
    all_given_back(single)


@pytest.mark.parametrize("make", COMMANDS)
async def test_without_a_port_nothing_is_kept(
    config: Config, make: Callable[[Config], Single], capsys: pytest.CaptureFixture[str]
) -> None:
    single = make(config)
    lent = [single._ports.reserve(0.0) for _ in range(2)]
    assert await outcome(single.run()) == Exit.NETWORK
    assert "sipua: no RTP port free" in capsys.readouterr().err
    for port in lent:
        single._ports.release(port, 0.0)
    all_given_back(single)


@pytest.mark.parametrize("make", COMMANDS)
@pytest.mark.parametrize("error", [fake_pj.pj_error("no route"), TypeError("not a text")])
async def test_a_call_that_pjsip_does_not_place_is_a_failed_call(
    config: Config, make: Callable[[Config], Single], error: Exception
) -> None:
    fake_pj.script.fail("makeCall", error)
    single = make(config)
    assert await outcome(single.run()) == Exit.SIP
    all_given_back(single)


async def test_a_fault_of_ours_in_the_middle_hangs_up_and_is_raised(
    config: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    single = Dial(config, DialRequest(URI, as_json=True), b"")
    monkeypatch.setattr(CallBridge, "start", broken)
    work = asyncio.create_task(outcome(single.run()))
    await placed(single)
    call = single._sip._endpoint._calls[single._call_id]
    fake_pj.script.coming.put(lambda: call.tell(fake_pj.real.PJSIP_INV_STATE_CONFIRMED, 200))
    with pytest.raises(KeyError, match="broken"):
        await work
    assert fake_pj.script.asked("hangup") == [(0, "")]
    all_given_back(single)


@pytest.mark.parametrize("make", COMMANDS)
async def test_H11_signalling_that_dies_ends_a_single_call(
    config: Config, make: Callable[[Config], Single], capsys: pytest.CaptureFixture[str]
) -> None:
    def die() -> None:
        raise SystemExit("a bug")

    single = make(config)
    work = asyncio.create_task(outcome(single.run()))
    await placed(single)
    fake_pj.script.coming.put(die)
    assert await work == Exit.SIGNALLING
    assert "SIP signalling is lost" in capsys.readouterr().err
    all_given_back(single)


@pytest.mark.parametrize("make", COMMANDS)
async def test_ctrl_c_before_there_is_a_call_places_none(
    config: Config, make: Callable[[Config], Single], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(main_loop, "on_interrupt", lambda end: end())
    single = make(config)
    assert await outcome(single.run()) == Exit.INTERRUPTED
    assert fake_pj.script.asked("makeCall") == []
    all_given_back(single)


async def placed(single: Single) -> None:
    async with asyncio.timeout(10):
        while not fake_pj.script.asked("makeCall"):
            await asyncio.sleep(0.002)
