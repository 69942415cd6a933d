"""A second leg, joined to a call on real sockets: both hear each other, the agent hears nothing."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import replace
from itertools import pairwise

from sipua.bridge.call.leg import MediaLeg
from sipua.codecs.g711 import Law, transcoding_table
from sipua.rtp.events import Dtmf
from sipua.rtp.packet import RtpPacket
from sipua.rtp.ports import PortPool
from support.calls.call_bridge import Phone, Setup, bridge_setup
from support.ports import PortBlock

CODES = bytes(range(160))


@contextlib.asynccontextmanager
async def joined(setup: Setup, law: Law = Law.PCMU) -> AsyncIterator[tuple[Phone, int, MediaLeg]]:
    """The other leg's phone, our port towards it, and the leg."""
    block = PortBlock(40)
    first, last = block.range(20)
    block.close()
    local = PortPool(("127.0.0.1",), first, last).reserve(0.0)
    phone = Phone()
    through = setup.bridge.through

    def on_rtp(events: object) -> None:
        if through.joint is not None:
            through.joint.from_b(events)  # type: ignore[arg-type]  # of the transport

    leg = setup.bridge.leg.another(local, on_rtp)
    number = law.payload_type
    plan = replace(setup.plan, remote=phone.address, law=law, payload_type=number)
    leg.open(plan)
    leg.start()
    setup.bridge.set_aside(True)
    through.join(leg)
    yield phone, local.port, leg
    through.part()
    leg.close()
    phone.socket.close()
    local.rtp_socket.close()
    local.rtcp_socket.close()


def relayed(packets: list[RtpPacket]) -> list[RtpPacket]:
    """Without our own silence."""
    return [one for one in packets if len(set(one.payload)) > 1]


async def test_both_hear_each_other_and_the_agent_nothing() -> None:
    async with bridge_setup() as setup:
        setup.bridge.open_media(setup.plan)
        setup.bridge.start()
        await setup.bridge.connect(1)
        await setup.phone.talk(setup.port, 5)
        async with joined(setup, Law.PCMA) as (other, port, _):
            heard = len(setup.engine.heard)
            await asyncio.gather(setup.phone.talk(setup.port, 20), other.talk(port, 20))
            await asyncio.sleep(0.1)
            assert len(setup.engine.heard) == heard
            to_other = relayed(other.packets())
            to_caller = relayed(setup.phone.packets())
        table = transcoding_table(Law.PCMU, Law.PCMA)
        assert {one.payload for one in to_other[-15:]} == {CODES.translate(table)}
        assert {one.payload for one in to_caller[-15:]} == {CODES}
        assert to_caller[0].marker
        assert to_other[0].marker


async def test_one_stream_whose_timestamps_are_those_of_the_clock() -> None:
    """Agent, joint, agent: one SSRC, numbers without a gap, time that never goes back or jumps."""
    async with bridge_setup() as setup:
        setup.bridge.open_media(setup.plan)
        setup.bridge.start()
        await setup.bridge.connect(1)
        await setup.phone.talk(setup.port, 10)
        async with joined(setup) as (other, port, _):
            await asyncio.sleep(0.3)  # the other side says nothing yet
            await other.talk(port, 20)
            setup.bridge.through.part()
            setup.bridge.set_aside(False)
            await asyncio.sleep(0.3)
        packets = setup.phone.packets()
        assert len({one.ssrc for one in packets}) == 1
        numbers = [one.sequence for one in packets]
        assert numbers == list(range(numbers[0], numbers[0] + len(numbers)))
        steps = [(later.timestamp - one.timestamp) & 0xFFFFFFFF for one, later in pairwise(packets)]
        assert min(steps) >= 160, "never back, and no time twice"
        assert sum(step >= 300 * 8 - 320 for step in steps) <= 2, "the silence, and no other jump"
        assert sum(steps) / 8 > 900


async def test_keys_go_out_on_the_lent_line_and_audio_behind_them() -> None:
    async with bridge_setup() as setup:
        plan = replace(setup.plan, telephone_event_type=101, telephone_event_send_type=101)
        setup.bridge.open_media(plan)
        setup.bridge.start()
        await setup.bridge.connect(1)
        await setup.phone.talk(setup.port, 5)
        async with joined(setup) as (other, port, _):
            await other.talk(port, 10)
            setup.bridge.send_dtmf("5")
            await other.talk(port, 25)
            await asyncio.sleep(0.1)
            packets = setup.phone.packets()
        keys = [one for one in packets if one.payload_type == 101]
        assert {one.payload[0] for one in keys} == {5}
        assert len({one.timestamp for one in keys}) == 1
        last = max(index for index, one in enumerate(packets) if one.payload_type == 101)
        assert relayed(packets[last:]), "audio goes on"
        ordered = [one.timestamp for one in packets if one.payload_type == 0]
        assert ordered == sorted(ordered)


async def test_a_key_is_pressed_for_the_other_side_once_in_whatever_way_it_was_told() -> None:
    async with bridge_setup() as setup:
        setup.bridge.open_media(setup.plan)
        setup.bridge.start()
        async with joined(setup) as (_, _, leg):
            pressed: list[str] = []
            leg.line.press = pressed.append  # type: ignore[method-assign]
            for way in ({"by_info": True}, {}):
                setup.bridge.told(Dtmf("5", 100, inband=False, **way))
            setup.bridge.told(Dtmf("6", 100, inband=True))
    assert pressed == ["5"]
