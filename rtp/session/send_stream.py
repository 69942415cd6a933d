"""Our own RTP stream: its sequence numbers, its clock, and the counts of its packets."""

import secrets

from sipua.rtp.dtmf import EventPacket
from sipua.rtp.events import Address
from sipua.rtp.latch.latch import SourceLatch
from sipua.rtp.packet import build
from sipua.rtp.rtcp.session import Sent


class SendStream:
    """Our stream of one session; its packets go to the latch's address."""

    __slots__ = (
        "_bytes",
        "_event_payload_type",
        "_keepalives",
        "_latch",
        "_payload_type",
        "_sending",
        "_sent",
        "_sequence",
        "_skipped_samples",
        "_ssrc",
        "_timestamp",
        "_unsent",
    )

    def __init__(
        self,
        ssrc: int,
        latch: SourceLatch,
        *,
        payload_type: int,
        event_payload_type: int | None,
        first_sequence: int | None = None,
        first_timestamp: int | None = None,
    ) -> None:
        self._ssrc = ssrc
        self._latch = latch
        # Random starts (RFC 3550 §5.1); in the lower half so that SRTP cannot lose a wrap early.
        self._sequence = secrets.randbelow(1 << 15) if first_sequence is None else first_sequence
        self._timestamp = secrets.randbelow(1 << 32) if first_timestamp is None else first_timestamp
        self._keepalives = 0
        self._sent = 0
        self._bytes = 0
        self._unsent = 0
        self._skipped_samples = 0
        self.update(payload_type, event_payload_type, sending=True)

    def update(self, payload_type: int, event_payload_type: int | None, *, sending: bool) -> None:
        """Take what offer and answer say: how to send, and whether."""
        self._payload_type = payload_type
        self._event_payload_type = event_payload_type
        self._sending = sending

    def send(
        self, payload: bytes, samples: int, marker: bool = False
    ) -> tuple[bytes, Address] | None:
        """The next packet and where it goes; None (counted) when it may not or cannot be sent."""
        sequence = self._sequence
        timestamp = self._timestamp
        self._sequence = sequence + 1
        self._timestamp = timestamp + samples
        latch = self._latch
        target = latch.probes.pop() if latch.probes and self._sending else latch.target
        if target is None or not self._sending:
            self._unsent += 1
            return None
        self._sent += 1
        self._bytes += len(payload)
        return (
            build(
                payload,
                payload_type=self._payload_type,
                sequence=sequence,
                timestamp=timestamp,
                ssrc=self._ssrc,
                marker=marker,
            ),
            target,
        )

    def send_event(self, event: EventPacket) -> tuple[bytes, Address] | None:
        """The packet of a telephone event; skip() is its clock. None (counted) as for send()."""
        sequence = self._sequence
        self._sequence = sequence + 1
        target = self._latch.target
        payload_type = self._event_payload_type
        if target is None or not self._sending or payload_type is None:
            self._unsent += 1
            return None
        self._sent += 1
        self._bytes += len(event.payload)
        datagram = build(
            event.payload,
            payload_type=payload_type,
            sequence=sequence,
            timestamp=self._timestamp - event.age_samples,
            ssrc=self._ssrc,
            marker=event.marker,
        )
        return datagram, target

    def keepalive(self, payload_type: int) -> tuple[bytes, Address] | None:
        """A packet without audio, of a type that the peer does not know and so passes over (RFC
        6263 4.6). It leaves on hold, too. None: there is nowhere to send to.
        """
        target = self._latch.target
        if target is None:
            return None
        sequence = self._sequence
        self._sequence = sequence + 1
        self._keepalives += 1
        datagram = build(
            b"",
            payload_type=payload_type,
            sequence=sequence,
            timestamp=self._timestamp,
            ssrc=self._ssrc,
        )
        return datagram, target

    def skip(self, samples: int, packets: int = 0) -> None:
        """Advance the clock without a packet. `packets`: so many numbers go by as well, and the
        peer sees them as lost: a relay passes a loss on.
        """
        self._sequence += packets
        self._timestamp += samples
        self._skipped_samples += samples

    @property
    def audio_sent(self) -> int:
        return self._sent

    @property
    def so_far(self) -> Sent:
        """The totals for our reports."""
        return Sent(self._sent + self._keepalives, self._bytes, self._timestamp)

    def stats(self) -> dict[str, object]:
        return {
            "sent": self._sent,
            "sent_bytes": self._bytes,
            "unsent": self._unsent,
            "keepalives": self._keepalives,
            "skipped_samples": self._skipped_samples,
        }
