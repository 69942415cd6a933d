"""Time stamps along the media path of one call, put on by the hook that production has for it.

`media_path` makes the parts of a call's path as subclasses that note the time and do the same (see
bridge/call/media_path.py). All notes of a call go, in order, into one flat list of numbers, (what,
value) pairs; `trace.py` reads it afterwards. What that costs is part of what is measured; see
docs/bench.md.

    socket ─K─R─▶ parse ─P─▶ session ─▶ Uplink.feed ─F, D, U─▶ append ─A─▶ websocket
    phone ◀─S─ sendto ◀─ cadence ◀─ PlayoutQueue.push ─B, E─ ◀─ event ◀─M─ websocket
"""

from __future__ import annotations

import enum
import functools
import socket
import time
from array import array
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from sipua.bench.common import clock
from sipua.bridge.call.media_path import MediaPath
from sipua.bridge.engine_api.settings import AudioFormat
from sipua.bridge.engine_link.session import EngineSession
from sipua.bridge.playout.queue import PlayoutQueue
from sipua.bridge.uplink.encoder import Encoder, PcmEncoder, encoder_for
from sipua.bridge.uplink.timeline import Uplink
from sipua.codecs.g711 import Law
from sipua.codecs.pcm import Pcm
from sipua.rtp import packet
from sipua.rtp.events import Frame, Lost, RtpEvent, Silence
from sipua.rtp.session.session import RtpSession
from sipua.rtp.session.transport import RtpTransport

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


_Note = Callable[[tuple[int, ...]], None]


class CallTrace:
    """The notes of one call."""

    def __init__(self, *, keep_audio: bool) -> None:
        self.notes: array[int] = array("q")
        self.note: _Note = self.notes.extend
        self.audio: list[bytes] | None = [] if keep_audio else None


def media_path(trace: CallTrace) -> MediaPath:
    return MediaPath(
        session=functools.partial(RtpSession, parse=_parser(trace.note)),
        transport=functools.partial(_Transport, trace.note),
        uplink=functools.partial(_Uplink, trace.note),
        playout=functools.partial(_Playout, trace.note),
    )


class ProbedSocket(socket.socket):
    """Takes over a bound socket; asks the kernel for its stamps."""

    def __init__(self, bound: socket.socket, trace: CallTrace) -> None:
        super().__init__(bound.family, bound.type, bound.proto, fileno=bound.detach())
        self.setblocking(False)
        clock.ask_for_stamps(self)
        self._note = trace.note

    def recvfrom(self, size: int, flags: int = 0) -> tuple[bytes, Any]:
        data, stamps, _, source = self.recvmsg(size, clock.ANCILLARY_BYTES, flags)
        now = _now()
        number = (data[1] & 0x7F) << 16 | data[2] << 8 | data[3] if len(data) > 3 else -1
        self._note((_KERNEL, clock.stamp_ns(stamps), _READ, now, _ARRIVED, number))
        return data, source

    def sendto(self, data: Any, address: Any) -> int:  # type: ignore[override]
        sent = super().sendto(data, address)
        number = (data[2] << 8 | data[3]) << 1 | data[1] >> 7
        self._note((_PACKET, _now(), _NUMBER, number))
        return sent


def _parser(note: _Note) -> Callable[[bytes], packet.RtpPacket]:
    def parse(datagram: bytes) -> packet.RtpPacket:
        parsed = packet.parse(datagram)
        note((_PARSED, _now()))
        return parsed

    return parse


class _Transport(RtpTransport):
    def __init__(self, note: _Note, *arguments: Any, **settings: Any) -> None:
        super().__init__(*arguments, **settings)
        self._note = note

    def _on_timer(self) -> None:
        self._note((_TIMER, 0))
        super()._on_timer()


class _PcmEncoder(PcmEncoder):
    def __init__(self, note: _Note, rate_hz: int) -> None:
        super().__init__(rate_hz)
        self._note = note

    def frame(self, law: Law, payload: bytes) -> bytes | Pcm:
        piece = super().frame(law, payload)
        self._note((_DECODED, _now()))
        return piece

    def finish(self, piece: bytes | Pcm) -> bytes:
        out = super().finish(piece)
        self._note((_RESAMPLED, _now()))
        return out


class _Uplink(Uplink):
    __slots__ = ("_note",)

    def __init__(self, note: _Note, laws: Mapping[int, Law]) -> None:
        def encoder(audio_format: AudioFormat) -> Encoder[Any]:
            if audio_format.is_g711:
                return encoder_for(audio_format)  # which resamples nothing
            return _PcmEncoder(note, audio_format.rate_hz)

        super().__init__(laws, encoder_for=encoder)
        self._note = note

    def feed(self, events: Sequence[RtpEvent], now: float) -> list[bytes]:
        note = self._note
        note((_FEED, _now()))
        for event in events:
            if isinstance(event, Frame):
                note((_FRAME, round(event.received_at * 1e9)))
            elif isinstance(event, Lost):
                note((_LOST, event.samples))
            elif isinstance(event, Silence):
                note((_SILENCE, event.samples))
        return super().feed(events, now)

    def tick(self, now: float, *, holding: bool = False) -> Sequence[bytes]:
        self._note((_TICK, 0))
        return super().tick(now, holding=holding)


class _Playout(PlayoutQueue):
    __slots__ = ("_note",)

    def __init__(self, note: _Note, *arguments: Any, **settings: Any) -> None:
        super().__init__(*arguments, **settings)
        self._note = note

    def push(self, item_id: str, audio: bytes) -> None:
        what = _PUSH if self.pending else _FIRST
        before = _now()
        super().push(item_id, audio)
        self._note((what, before, _PUSHED, _now()))


class ProbedSession(EngineSession):
    def __init__(self, trace: CallTrace, *arguments: Any, **settings: Any) -> None:
        super().__init__(*arguments, **settings)
        self._note, self._kept = trace.note, trace.audio

    def append(self, pcm: bytes) -> None:
        super().append(pcm)
        self._note((_SENT, _now()))
        if self._kept is not None:
            self._kept.append(pcm)

    def _receive(self, message: bytes | str) -> None:
        self._note((_MESSAGE, _now()))
        super()._receive(message)
