"""The asyncio side: events of the signalling thread arrive in order, when it is through."""

from __future__ import annotations

import asyncio
import dataclasses
import threading

import pytest

from sipua.sip.admission.admission import Admission
from sipua.sip.messages import LibraryMessage, SipEvent
from sipua.sip.nat.stun_client import StunClient
from support.ports import LOOPBACK, PortBlock
from support.signalling import fake_pj
from support.signalling.signalling import ACCOUNT, SETTINGS, LentPorts, over_fake_pj


def test_a_callback_is_not_disturbed_by_the_work_that_it_brings(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    agent_module = over_fake_pj(monkeypatch)["agent"]
    ports = LentPorts(PortBlock(16))
    seen: list[SipEvent] = []
    told = threading.Event()
    before: list[int] = []

    def on_event(event: SipEvent) -> None:
        seen.append(event)
        told.set()

    async def run() -> None:
        settings = dataclasses.replace(SETTINGS, hosts=(LOOPBACK,), media_hosts=(LOOPBACK,))
        agent = agent_module.SipAgent(
            settings, Admission(max_calls=2, accept_any=True), ports, on_event
        )
        await agent.start()

        def callback() -> None:
            agent._emit(LibraryMessage("one"))
            agent._emit(LibraryMessage("two"))
            told.wait(0.2)
            before.append(len(seen))

        fake_pj.script.coming.put(callback)
        async with asyncio.timeout(20):
            while len(seen) < 2:
                await asyncio.sleep(0.01)
            agent._emit(LibraryMessage("from the loop's own thread"))
            while len(seen) < 3:
                await asyncio.sleep(0.01)
        await agent.stop(1.0)

    try:
        asyncio.run(run())
    finally:
        ports.close()
    assert before == [0]
    assert [event.text for event in seen] == [  # type: ignore[union-attr]  # LibraryMessages
        "one",
        "two",
        "from the loop's own thread",
    ]


def test_the_first_register_has_the_address_that_stun_has_found(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    agent_module = over_fake_pj(monkeypatch)["agent"]
    ports = LentPorts(PortBlock(16))
    contacts: list[str] = []

    async def found(stun: StunClient, _first_s: float) -> None:
        stun._search.address = "203.0.113.9"

    async def run() -> None:
        monkeypatch.setattr(StunClient, "start", found)
        settings = dataclasses.replace(
            SETTINGS,
            hosts=(LOOPBACK,),
            media_hosts=(LOOPBACK,),
            accounts=(ACCOUNT,),
            stun_servers=((LOOPBACK, 3478),),
        )
        admission = Admission(max_calls=2, accept_any=True)
        agent = agent_module.SipAgent(settings, admission, ports, lambda _: None)
        await agent.start()
        contacts.append(agent._endpoint.account("pbx").contact)
        await agent.stop(1.0)

    try:
        asyncio.run(run())
    finally:
        ports.close()
    assert contacts == ["<sip:100@203.0.113.9:5060>"]
