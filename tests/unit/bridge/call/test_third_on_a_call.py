"""A third party on a call with an engine, on real sockets: who hears whom, what is left of it."""

from __future__ import annotations

import asyncio
import gc
import time
import weakref
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace

import numpy as np
import pytest

from sipua.bridge.call.leg import MediaLeg
from sipua.bridge.engine_api.events import AudioDelta
from sipua.bridge.fault_owner import FaultOwner
from sipua.bridge.joint.third import Part, Third
from sipua.codecs.g711 import Law, decode, encode
from sipua.codecs.pcm import Pcm
from sipua.codecs.tones import sine
from sipua.rtp.events import RtpEvent
from sipua.rtp.packet import RtpPacket
from sipua.rtp.ports import PortPool
from support.calls.call_bridge import Phone, Setup, bridge_setup
from support.ports import PortBlock

HZ = {"caller": 500, "agent": 900, "supervisor": 1400}
FRAMES = 50


def heard(pcm: Pcm, rate_hz: int = 8000) -> set[str]:
    middle = pcm[len(pcm) // 4 : -len(pcm) // 4].astype(np.float64)
    spectrum = np.abs(np.fft.rfft(middle * np.hanning(len(middle)))) / len(middle)
    places = {name: round(hz * len(middle) / rate_hz) for name, hz in HZ.items()}
    return {name for name, at in places.items() if spectrum[at - 2 : at + 3].max() > 200}


def sound(packets: Sequence[RtpPacket]) -> Pcm:
    return np.concatenate([decode(Law.PCMU, packet.payload) for packet in packets])


@contextmanager
def supervised(setup: Setup, part: Part, faults: FaultOwner) -> Iterator[tuple[Third, Phone, int]]:
    """A second leg to a phone, and its third party."""
    block = PortBlock(40)
    first, last = block.range(20)
    block.close()
    local = PortPool(("127.0.0.1",), first, last).reserve(0.0)
    phone = Phone()
    third: list[Third] = []

    def said(events: Sequence[RtpEvent]) -> None:
        third[0].said(events)

    leg: MediaLeg = setup.bridge.leg.another(local, said, faults=faults)
    leg.open(replace(setup.plan, remote=phone.address))
    leg.start()
    third.append(Third(setup.bridge.leg, leg, faults, part))
    third[0].begin(time.monotonic())
    yield third[0], phone, local.port
    third[0].end()
    third.clear()
    leg.close()
    phone.socket.close()
    local.rtp_socket.close()
    local.rtcp_socket.close()


async def all_talk(setup: Setup, phone: Phone, port: int) -> None:
    tones = {name: sine(hz, FRAMES * 20, 8000) for name, hz in HZ.items()}
    agent = sine(HZ["agent"], FRAMES * 20, 24_000).tobytes()
    setup.engine.on_event(AudioDelta("answer", 0, agent))
    for at in range(0, FRAMES * 160, 160):
        setup.phone.send(setup.port, encode(Law.PCMU, tones["caller"][at : at + 160]))
        phone.send(port, encode(Law.PCMU, tones["supervisor"][at : at + 160]))
        await asyncio.sleep(0.02)


@pytest.mark.parametrize(
    ("part", "agent_hears", "caller_hears"),
    [
        ("whisper", {"caller", "supervisor"}, {"agent"}),
        ("barge", {"caller", "supervisor"}, {"agent", "supervisor"}),
    ],
)
async def test_an_engine_hears_who_whispers(
    part: Part, agent_hears: set[str], caller_hears: set[str]
) -> None:
    async with bridge_setup() as setup:
        setup.bridge.open_media(setup.plan)
        setup.bridge.start()
        faults = FaultOwner("supervisor", None, setup.faults.append)
        with supervised(setup, part, faults) as (third, phone, port):
            await all_talk(setup, phone, port)
            assert heard(setup.heard_pcm, 24_000) == agent_hears
            assert heard(sound(setup.phone.packets())) == caller_hears
            assert heard(sound(phone.packets())) == {"caller", "agent"}
            assert third.counters()["to_agent"] == 0
        setup.engine.heard.clear()
        await setup.phone.talk(setup.port, 5)
        assert len(setup.engine.heard) == 5, "as before"
        assert setup.faults == []


async def test_H5_nothing_is_left_of_a_third_party_that_has_gone() -> None:
    gc.collect()
    gc.disable()
    try:
        async with bridge_setup() as setup:
            setup.bridge.open_media(setup.plan)
            setup.bridge.start()
            with supervised(setup, "barge", FaultOwner()) as (third, _, _):
                gone = weakref.ref(third)
                del third
                await asyncio.sleep(0.05)
            await asyncio.sleep(0.05)
            assert gone() is None
    finally:
        gc.enable()
