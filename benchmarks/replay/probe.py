"""Time stamps along the media path, put on from outside: production code knows nothing of them.

The process that measures replaces what the path is made of by subclasses that note the time and
do the same. All notes of a call go, in order, into one flat list of numbers, (what, value) pairs;
`trace.py` reads it afterwards. What that costs is part of what is measured; see docs/bench.md.

    socket ─K─R─▶ parse ─P─▶ session ─▶ Uplink.feed ─F, D, U─▶ append ─A─▶ websocket
    phone ◀─S─ sendto ◀─ cadence ◀─ PlayoutQueue.push ─B, E─ ◀─ event ◀─M─ websocket
"""

from __future__ import annotations

import enum
import socket
import time
from array import array
from collections.abc import Callable, Sequence
from typing import Any

from sipua.bench.common import clock
from sipua.bridge.call import call_bridge
from sipua.bridge.engine_link.session import EngineSession
from sipua.bridge.playout import queue as downlink
from sipua.bridge.playout import sender
from sipua.bridge.uplink import encoder as feed
from sipua.bridge.uplink import timeline
from sipua.codecs import resample
from sipua.codecs.pcm import Pcm
from sipua.rtp import packet
from sipua.rtp.events import Frame, Lost, RtpEvent, Silence
from sipua.rtp.session import session, transport

_now = time.monotonic_ns


class Note(enum.IntEnum):
    """What a value in the list is; times are nanoseconds of the monotonic clock."""

    KERNEL = 0  # the kernel's stamp of an arrival (wall clock)
    READ = 1
    NUMBER = 2  # payload type << 16 | sequence number, before any judgement; -1: not RTP
    PARSED = 3
    FEED = 4  # the session has given back events
    FRAME = 5  # one of them: when its packet had been read
    LOST = 6  # one of them: samples
    SILENCE = 7  # one of them: samples
    DECODED = 8
    RESAMPLED = 9
    SENT = 10  # in the websocket
    TICK = 11  # what follows was made in a pause
    MESSAGE = 12  # from the engine
    PUSH = 13
    PUSHED = 14
    PACKET = 15  # handed to the kernel
    PACKET_NUMBER = 16  # sequence number << 1 | marker bit
    TIMER = 17  # what follows was not caused by a packet
    FIRST_PUSH = 18  # as PUSH, when nothing was waiting to be played: a talkspurt begins


# Plain numbers: an enum's member costs as much as the clock.
_KERNEL, _READ, _ARRIVED, _PARSED, _FEED, _FRAME, _LOST, _SILENCE, _DECODED = range(9)
_RESAMPLED, _SENT, _TICK, _MESSAGE, _PUSH, _PUSHED, _PACKET, _NUMBER, _TIMER, _FIRST = range(9, 19)


class CallTrace:
    """The notes of one call."""

    def __init__(self, *, keep_audio: bool) -> None:
        self.notes: array[int] = array("q")
        self.audio: list[bytes] | None = [] if keep_audio else None


class _Current:
    """The call whose code runs now: everything between two waits of the loop belongs to one."""

    def __init__(self) -> None:
        self.note: Callable[[tuple[int, ...]], None] = array("q").extend
        self.trace = CallTrace(keep_audio=False)

    def enter(self, trace: CallTrace) -> None:
        self.trace = trace
        self.note = trace.notes.extend


_current = _Current()


class ProbedSocket(socket.socket):
    """Takes over a bound socket; asks the kernel for its stamps."""

    def __init__(self, bound: socket.socket, trace: CallTrace) -> None:
        super().__init__(bound.family, bound.type, bound.proto, fileno=bound.detach())
        self.setblocking(False)
        clock.ask_for_stamps(self)
        self.trace = trace

    def recvfrom(self, size: int, flags: int = 0) -> tuple[bytes, Any]:
        data, stamps, _, source = self.recvmsg(size, clock.ANCILLARY_BYTES, flags)
        now = _now()
        _current.enter(self.trace)
        number = (data[1] & 0x7F) << 16 | data[2] << 8 | data[3] if len(data) > 3 else -1
        _current.note((_KERNEL, clock.stamp_ns(stamps), _READ, now, _ARRIVED, number))
        return data, source

    def sendto(self, data: Any, address: Any) -> int:  # type: ignore[override]
        sent = super().sendto(data, address)
        number = (data[2] << 8 | data[3]) << 1 | data[1] >> 7
        self.trace.notes.extend((_PACKET, _now(), _NUMBER, number))
        return sent


def _parse(datagram: bytes) -> packet.RtpPacket:
    parsed = packet.parse(datagram)
    _current.note((_PARSED, _now()))
    return parsed


class _Transport(transport.RtpTransport):
    def _on_timer(self) -> None:
        if isinstance(self._rtp, ProbedSocket):
            self._rtp.trace.notes.extend((_TIMER, 0))
        super()._on_timer()


class _Upsampler(resample.Upsampler8to24):
    __slots__ = ()

    def process(self, pcm: Pcm) -> Pcm:
        out = super().process(pcm)
        _current.note((_RESAMPLED, _now()))
        return out


class _Uplink(timeline.Uplink):
    __slots__ = ("_probed",)

    def __init__(self, *arguments: Any, **settings: Any) -> None:
        super().__init__(*arguments, **settings)
        self._probed = _current.trace

    def feed(self, events: Sequence[RtpEvent], now: float) -> list[bytes]:
        released = _now()
        _current.enter(self._probed)
        note = _current.note
        note((_FEED, released))
        for event in events:
            if isinstance(event, Frame):
                note((_FRAME, round(event.received_at * 1e9)))
            elif isinstance(event, Lost):
                note((_LOST, event.samples))
            elif isinstance(event, Silence):
                note((_SILENCE, event.samples))
        return super().feed(events, now)

    def tick(self, now: float, *, holding: bool = False) -> Sequence[bytes]:
        _current.enter(self._probed)
        _current.note((_TICK, 0))
        return super().tick(now, holding=holding)


class _Playout(downlink.PlayoutQueue):
    __slots__ = ("_probed",)

    def __init__(self, *arguments: Any, **settings: Any) -> None:
        super().__init__(*arguments, **settings)
        self._probed = _current.trace

    def push(self, item_id: str, audio: bytes) -> None:
        what = _PUSH if self.pending else _FIRST
        before = _now()
        super().push(item_id, audio)
        self._probed.notes.extend((what, before, _PUSHED, _now()))


class ProbedSession(EngineSession):
    """It belongs to the trace that is entered when it is made."""

    def __init__(self, *arguments: Any, **settings: Any) -> None:
        super().__init__(*arguments, **settings)
        self._probed = _current.trace

    def append(self, pcm: bytes) -> None:
        super().append(pcm)
        self._probed.notes.extend((_SENT, _now()))
        if self._probed.audio is not None:
            self._probed.audio.append(pcm)

    def _receive(self, message: bytes) -> None:
        self._probed.notes.extend((_MESSAGE, _now()))
        super()._receive(message)


def enter(trace: CallTrace) -> None:
    """A bridge that is made now is this call's."""
    _current.enter(trace)


def install() -> None:
    """In the whole process, for good: it does nothing else than to measure."""

    def decode(law: Any, payload: bytes) -> Pcm:
        pcm = plain_decode(law, payload)
        _current.note((_DECODED, _now()))
        return pcm

    plain_decode: Callable[[Any, bytes], Pcm] = vars(timeline)["decode"]
    for module, name, probed in (
        (session, "parse", _parse),
        (timeline, "decode", decode),
        (feed, "Upsampler8to24", _Upsampler),
        (call_bridge, "Uplink", _Uplink),
        (sender, "PlayoutQueue", _Playout),
        (call_bridge, "RtpTransport", _Transport),
    ):
        if not hasattr(module, name):
            raise RuntimeError(f"{module.__name__} has no {name} any more: probe.py must follow")
        setattr(module, name, probed)
