"""One call's RTP, without sockets or clocks: datagrams and `now` in, events and packets out.

receive:  parse → payload type → source latch → SSRC → statistics → reorder buffer → events
send:     sequence, timestamp, header → (datagram, address) (see send_stream)
reports:  RTCP from either port in, one out at handle_timer (see rtp/rtcp)
"""

import math
from collections import deque
from collections.abc import Callable, Collection, Mapping, Sequence

from sipua.rtp.dtmf import DtmfReceiver, EventPacket
from sipua.rtp.events import (
    Address,
    ComfortNoise,
    MediaTimeout,
    PacketsRefused,
    RtpEvent,
    SourceChanged,
    SsrcChanged,
)
from sipua.rtp.hostport import join
from sipua.rtp.latch.latch import SourceLatch, Verdict
from sipua.rtp.packet import RtpError, RtpPacket, parse
from sipua.rtp.receive.stats import ReceiveStats
from sipua.rtp.receive.stream import AUDIO, Stream
from sipua.rtp.rtcp.session import Control, RtcpSession
from sipua.rtp.session.config import RtpConfig
from sipua.rtp.session.keepalive import Keepalive
from sipua.rtp.session.send_stream import SendStream
from sipua.rtp.session.traffic import Traffic, traffic

_AUDIO, _EVENT, _NOISE = AUDIO, 2, 3
_COMFORT_NOISE = 13  # static payload type (RFC 3551), may come without having been negotiated
_MAX_PAST_STREAMS = 8
_MAX_SSRC_STEP = 16
_MANY_REFUSED = 50  # between two reports, and worth an event: a second of a call's packets


class RtpSession:
    """One call's RTP; the only part of it that a call uses. Not thread-safe: one loop owns it."""

    def __init__(
        self,
        *,
        ssrc: int,
        law_by_pt: Mapping[int, str],
        send_pt: int,
        telephone_event_pt: int | None,
        telephone_event_send_pt: int | None = None,
        latch: SourceLatch,
        config: RtpConfig,
        now: float,
        first_sequence: int | None = None,
        first_timestamp: int | None = None,
        rtcp: RtcpSession | None = None,
        parse: Callable[[bytes], RtpPacket] = parse,
    ) -> None:
        self._parse = parse
        self.ssrc = ssrc
        self._rtcp = rtcp
        self._report_due = math.inf if rtcp is None else rtcp.due
        self._control: Control | None = None
        self._refused_reported: dict[str, int] = {}
        self._config = config
        self.latch = latch
        self._kinds: dict[int, int] = {}
        self._set_payload_types(law_by_pt, telephone_event_pt)
        self._on_hold = False
        self._own = SendStream(
            ssrc,
            latch,
            payload_type=send_pt,
            event_payload_type=telephone_event_send_pt,
            first_sequence=first_sequence,
            first_timestamp=first_timestamp,
        )
        self.keepalive = Keepalive(self._own, config.keepalive_s, now)
        self._due = min(self._report_due, self.keepalive.due)
        self._stream: Stream | None = None
        self._next_ssrc: RtpPacket | None = None  # of another SSRC: a second one confirms it
        self._next_ssrc_at = 0.0
        self._past: deque[dict[str, int | float]] = deque(maxlen=_MAX_PAST_STREAMS)
        self._received_at = now
        self._timed_out = False
        self._dropped: dict[str, int] = {}
        self._events_received = 0
        self._noise_received = 0
        self._noise_dbov: int | None = None
        self._dtmf = DtmfReceiver()
        self._ssrc_changes = 0
        self._source_changes = 0

    # -- receiving

    def receive(self, datagram: bytes, source: Address, now: float) -> Sequence[RtpEvent]:
        """Take one datagram from the RTP port. A wrong one is counted; nothing is raised."""
        parse = self._parse  # for CPython an attribute that is called at once is slower
        try:
            packet = parse(datagram)
        except RtpError as error:
            if error.reason == "rtcp" and self._rtcp is not None:
                return self.receive_control(datagram, source, now)
            self.drop(error.reason)
            return ()
        kind = self._kinds.get(packet.payload_type)
        latch = self.latch
        stream = self._stream
        if source == latch.source and latch.locked:
            if kind == _AUDIO and stream is not None and packet.ssrc == stream.ssrc:
                self._received_at = now
                self._timed_out = False
                self._next_ssrc = None
                return stream.push(packet, kind, now)
            return self._receive_accepted(packet, kind, now)
        verdict = latch.accept(source, packet.ssrc, packet.sequence, now, kind is not None)
        if verdict is Verdict.ACCEPTED:
            return self._receive_accepted(packet, kind, now)
        if verdict is Verdict.CHANGED:
            return self._receive_from_new_source(packet, kind, source, now)
        if kind is None:
            self.drop("payload_type")
        elif verdict is Verdict.REFUSED:
            self.drop("source")
        else:
            self.drop("probation" if verdict is Verdict.PROBATION else "contention")
        return ()

    def receive_control(self, datagram: bytes, source: Address, now: float) -> Sequence[RtpEvent]:
        """Take one datagram from the RTCP port."""
        if self._rtcp is None:
            self.drop("rtcp")
            return ()
        return self._rtcp.receive(datagram, source, now, self.latch, self._peer_stats)

    def _receive_from_new_source(
        self, packet: RtpPacket, kind: int | None, source: Address, now: float
    ) -> Sequence[RtpEvent]:
        self._source_changes += 1
        rank = self.latch.rank
        assert rank is not None
        events: list[RtpEvent] = [SourceChanged(source, rank)]
        if kind == _AUDIO and self._stream is not None and packet.ssrc != self._stream.ssrc:
            # The source has proved itself: its SSRC needs no second packet.
            events.extend(self._change_ssrc(packet.ssrc, now))
        events.extend(self._receive_accepted(packet, kind, now))
        return events

    def _receive_accepted(
        self, packet: RtpPacket, kind: int | None, now: float
    ) -> Sequence[RtpEvent]:
        """Sort a packet of the right source: audio or not, this SSRC or another."""
        if kind is None:
            self.drop("payload_type")
        else:
            self._received_at = now
            self._timed_out = False
        events_of_packet: Sequence[RtpEvent] = ()
        if kind == _EVENT:
            events_of_packet = self._receive_event(packet, now)
        elif kind == _NOISE:
            events_of_packet = self._receive_noise(packet)
        stream = self._stream
        if stream is not None and packet.ssrc == stream.ssrc:
            if kind == _AUDIO:
                self._next_ssrc = None
            # Not audio, but it has its place in the sequence: it must not look like a loss.
            released = stream.push(packet, kind, now)
            return (*released, *events_of_packet) if events_of_packet else released
        if kind != _AUDIO:  # events may have an SSRC of their own: the audio's does not change
            return events_of_packet
        if stream is None:
            return self._first_stream(packet, now)
        return self._confirm_ssrc(packet, now)

    def _receive_event(self, packet: RtpPacket, now: float) -> Sequence[RtpEvent]:
        self._events_received += 1
        return self._dtmf.push(packet.ssrc, packet.timestamp, packet.marker, packet.payload, now)

    def _receive_noise(self, packet: RtpPacket) -> Sequence[RtpEvent]:
        if not packet.payload:
            self.drop("noise_empty")
            return ()
        self._noise_received += 1
        self._noise_dbov = -(packet.payload[0] & 0x7F)
        return (ComfortNoise(self._noise_dbov),)

    def _first_stream(self, packet: RtpPacket, now: float) -> Sequence[RtpEvent]:
        self._stream = self._begin_stream(packet.ssrc)
        return (SsrcChanged(None, packet.ssrc), *self._stream.push(packet, _AUDIO, now))

    def _begin_stream(self, ssrc: int) -> Stream:
        config = self._config
        return Stream(
            ssrc,
            frame_samples=config.ptime_ms * 8,
            hold_ms=config.hold_ms,
            min_hold_ms=config.min_hold_ms,
            max_hold_ms=config.max_hold_ms,
        )

    def _confirm_ssrc(self, packet: RtpPacket, now: float) -> Sequence[RtpEvent]:
        """Let another SSRC take over: two packets with none of the present SSRC between them.

        So neither a single forged or late packet, nor two streams mixed into one, can make the
        audio jump; the first packet is kept until then and nothing is lost.
        """
        first = self._next_ssrc
        if (
            first is None
            or first.ssrc != packet.ssrc
            or not 0 < (packet.sequence - first.sequence) & 0xFFFF <= _MAX_SSRC_STEP
        ):
            self.drop("ssrc")
            self._next_ssrc = packet
            self._next_ssrc_at = now
            return ()
        self._dropped["ssrc"] -= 1  # the first one is used after all
        events = list(self._change_ssrc(packet.ssrc, now))
        assert self._stream is not None
        events.extend(self._stream.push(first, _AUDIO, self._next_ssrc_at))
        events.extend(self._stream.push(packet, _AUDIO, now))
        return events

    def _change_ssrc(self, ssrc: int, now: float) -> Sequence[RtpEvent]:
        old = self._stream
        assert old is not None
        events = list(old.buffer.flush(now))
        self._past.append(old.snapshot())
        self._ssrc_changes += 1
        self._next_ssrc = None
        self._stream = self._begin_stream(ssrc)
        events.append(SsrcChanged(old.ssrc, ssrc))
        return events

    def drop(self, reason: str) -> None:
        self._dropped[reason] = self._dropped.get(reason, 0) + 1

    # -- time

    def next_deadline(self) -> float | None:
        """When handle_timer() wants to be called; None: not before another packet."""
        stream = self._stream
        gap = None if stream is None else stream.buffer.deadline
        key = self._dtmf.deadline
        if key is not None and (gap is None or key < gap):
            gap = key
        due = self._due
        if not self._timed_out and (idle := self._received_at + self._timeout_s) < due:
            due = idle
        if gap is not None and gap < due:
            return gap
        return None if due == math.inf else due

    @property
    def holding(self) -> bool:
        """Whether packets wait behind a gap."""
        return self._stream is not None and self._stream.buffer.deadline is not None

    def handle_timer(self, now: float) -> Sequence[RtpEvent]:
        """Do what is due. Call it at next_deadline(); earlier calls do no harm."""
        events: list[RtpEvent] = []
        if self._stream is not None:
            events.extend(self._stream.buffer.expire(now))
        events.extend(self._dtmf.expire(now))
        if not self._timed_out and now >= self._received_at + self._timeout_s:
            self._timed_out = True
            events.append(MediaTimeout(now - self._received_at))
        if self._rtcp is not None and now >= self._report_due:
            self._control = self._rtcp.report(now, self._own.so_far, self.latch, self._peer_stats)
            self._report_due = self._rtcp.due
            self._report_refused(events)
        if now >= self.keepalive.due:
            self.keepalive.handle_timer(now, self._kinds, muxed=self._muxed)
        self._due = min(self._report_due, self.keepalive.due)
        return events

    def _report_refused(self, events: list[RtpEvent]) -> None:
        """Report refused datagrams as rarely as RTCP reports: an event may end in a log line."""
        reported = self._refused_reported
        counts = {
            reason: count - reported.get(reason, 0)
            for reason, count in self._dropped.items()
            if count > reported.get(reason, 0)
        }
        if sum(counts.values()) >= _MANY_REFUSED:
            self._refused_reported = dict(self._dropped)
            events.append(PacketsRefused(counts))

    def take_control(self) -> Control | None:
        """The RTCP datagram of handle_timer(), given once: send it now."""
        control, self._control = self._control, None
        return control

    def goodbye(self, now: float) -> Control | None:
        """The RTCP datagram that ends our stream."""
        if self._rtcp is None:
            return None
        return self._rtcp.goodbye(now, self._own.so_far, self.latch, self._peer_stats)

    @property
    def _peer_stats(self) -> ReceiveStats | None:
        return None if self._stream is None else self._stream.stats

    @property
    def _muxed(self) -> bool:
        return self._rtcp is not None and self._rtcp.muxed

    @property
    def _timeout_s(self) -> float:
        return self._config.hold_timeout_s if self._on_hold else self._config.timeout_s

    # -- sending

    def send(
        self, payload: bytes, samples: int, marker: bool = False
    ) -> tuple[bytes, Address] | None:
        """The next packet and where it goes; None (counted) when it may not or cannot be sent."""
        return self._own.send(payload, samples, marker)

    def send_event(self, event: EventPacket) -> tuple[bytes, Address] | None:
        """The packet of a telephone event; skip() is its clock. None (counted) as for send()."""
        return self._own.send_event(event)

    def skip(self, samples: int, packets: int = 0) -> None:
        """Advance our clock without a packet; see SendStream."""
        self._own.skip(samples, packets)

    # -- signalling

    def update(
        self,
        *,
        law_by_pt: Mapping[int, str],
        send_pt: int,
        telephone_event_pt: int | None,
        telephone_event_send_pt: int | None = None,
        remote: Address | None,
        signalling_ip: str | None,
        sending: bool,
        on_hold: bool,
        now: float,
        rtcp_remote: Address | None = None,
        rtcp_muxed: bool = False,
        rtcp_extended: bool = False,
        remote_ssrcs: Collection[int] = (),
    ) -> None:
        """Take a new offer or answer. `sending`: our direction has send; `on_hold`: no speech is
        expected, so wait longer for media; `remote_ssrcs`: those that it announces.
        """
        self._set_payload_types(law_by_pt, telephone_event_pt)
        self._own.update(send_pt, telephone_event_send_pt, sending=sending)
        ssrcs = set(remote_ssrcs)
        if self.latch.locked and self._stream is not None:
            ssrcs.add(self._stream.ssrc)
        self.latch.set_remote(remote, signalling_ip, ssrcs)
        self._on_hold = on_hold
        self._received_at = now
        self._timed_out = False
        if self._rtcp is not None:
            self._rtcp.set_remote(rtcp_remote, rtcp_muxed, rtcp_extended)

    def _set_payload_types(
        self, law_by_pt: Mapping[int, str], telephone_event_pt: int | None
    ) -> None:
        self._kinds = {_COMFORT_NOISE: _NOISE} | {
            payload_type: _NOISE if name == "CN" else _AUDIO
            for payload_type, name in law_by_pt.items()
        }
        if telephone_event_pt is not None:
            self._kinds[telephone_event_pt] = _EVENT

    # -- accounts

    def traffic(self, skipped: int) -> Traffic:
        return traffic(self._own.so_far.packets, self._past, self._stream, self._dropped, skipped)

    def stats(self) -> dict[str, object]:
        """Counters of the call, and of each SSRC (the last ones, the present one at the end)."""
        streams = list(self._past)
        if self._stream is not None:
            streams.append(self._stream.snapshot())
        target = self.latch.target
        return {
            **self._own.stats(),
            "target": None if target is None else join(*target),
            "rank": self.latch.rank,
            "locked": self.latch.locked,
            "source_changes": self._source_changes,
            "ssrc_changes": self._ssrc_changes,
            "events_received": self._events_received,
            "noise_received": self._noise_received,
            "noise_dbov": self._noise_dbov,
            "dtmf": dict(self._dtmf.counters),
            "dropped": {reason: count for reason, count in self._dropped.items() if count},
            "streams": streams,
            "rtcp": {} if self._rtcp is None else self._rtcp.stats(),
        }
