"""Which datagrams of a capture are RTP, and of which streams.

A stream is one SSRC between two addresses. Where SDP names the receiving address, one packet is
enough; everywhere else a candidate must behave like RTP for a while: RTCP, STUN, DNS, T.38 and
random UDP fail the version, the payload type, the SSRC that stays or the sequence that goes on.
"""

from collections import Counter, OrderedDict
from dataclasses import dataclass, field

from sipua.bench.streams import sip_sdp
from sipua.bench.streams.model import ShortStream, Udptl
from sipua.bench.streams.stream_statistics import StreamStatistics
from sipua.rtp.events import Address
from sipua.rtp.packet import RtpError, RtpPacket, parse
from sipua.rtp.pcap.writer import Datagram

Key = tuple[Address, Address, int]

MIN_PACKETS = 5
"""What behaves like RTP for so many packets is RTP."""
_MAX_CANDIDATES = 4096
_GIVE_UP_AFTER = 16
_MAX_STEP = 64
_MAX_TIME_STEP = 90_000 * 60
# Of the static payload types, those that RFC 3551 assigns (19 is Cisco's comfort noise); the
# dynamic ones. 72 to 76 would be RTCP.
_ASSIGNED = frozenset({0, *range(3, 20), 25, 26, 28, *range(31, 35), *range(96, 128)})
# Other people's protocols, some of which look like RTP now and then.
_OTHER_PORTS = frozenset(
    {53, 67, 68, 69, 123, 137, 138, 161, 162, 443, 500, 514, 546, 547, 1701, 1812, 1813, 1900}
    | {2055, 2152, 3478, 4500, 4789, 5060, 5061, 5349, 5353, 5355, 6081, 6343}
)
_MAX_ANNOUNCED = 65_536


@dataclass(slots=True)
class Announced:
    """What SDP said about an address, and when, in which call."""

    at_s: float
    message: sip_sdp.SipMessage
    media: sip_sdp.Media


@dataclass(slots=True)
class Candidate:
    statistics: StreamStatistics = field(default_factory=StreamStatistics)
    packets: list[tuple[float, bytes]] = field(default_factory=list)
    believed: bool = False
    count: int = 0
    progress: int = 0
    odd: int = 0
    last_sequence: int = 0
    last_timestamp: int = 0
    payload_type: int = 0
    steady: bool = True
    """Of one payload type, and no packet twice."""

    def goes_on(self, packet: RtpPacket) -> bool:
        step = (packet.sequence - self.last_sequence + 32768 & 0xFFFF) - 32768
        return abs(step) <= _MAX_STEP

    def judge(self, packet: RtpPacket) -> None:
        """Does this packet follow the one before it, as packets of one stream do?"""
        if self.count:
            self.steady &= packet.payload_type == self.payload_type
            step = (packet.sequence - self.last_sequence + 32768 & 0xFFFF) - 32768
            time = (packet.timestamp - self.last_timestamp + (1 << 31) & 0xFFFFFFFF) - (1 << 31)
            self.progress += 0 < step <= _MAX_STEP
            self.odd += abs(step) > _MAX_STEP or abs(time) > _MAX_TIME_STEP
            self.steady &= step != 0
        self.count += 1
        self.payload_type = packet.payload_type
        self.last_sequence, self.last_timestamp = packet.sequence, packet.timestamp
        self.believed = (
            self.count >= MIN_PACKETS
            and self.progress * 2 >= self.count - 1
            and self.odd * 8 <= self.count
        )


class Finder:
    """Takes all datagrams of a capture; then `streams()` are those that are RTP."""

    def __init__(self, *, keep_packets: bool) -> None:
        self._keep = keep_packets
        self._streams: dict[Key, Candidate] = {}
        self._candidates: OrderedDict[Key, Candidate] = OrderedDict()
        self._announced: dict[Address, list[Announced]] = {}
        self._announcements = 0
        self._udptl: Counter[tuple[Address, Address]] = Counter()
        self.sip_messages = 0
        self.rtcp_packets = 0
        self.datagrams = 0

    def add(self, datagram: Datagram) -> None:
        self.datagrams += 1
        payload = datagram.payload
        if len(payload) < 8 or payload[0] >> 6 != 2:
            self._other(datagram)
            return
        if is_rtcp(payload):
            self.rtcp_packets += 1
            return
        try:
            packet = parse(payload)
        except RtpError:
            self._other(datagram)
            return
        key = datagram.source, datagram.target, packet.ssrc
        stream = self._streams.get(key)
        if self._is_fax(datagram) and not (stream and stream.goes_on(packet)):
            self._other(datagram)
            return
        if stream is None:
            stream = self._probation(key, packet)
            if stream is None:
                return
        stream.statistics.add(datagram.at_s, packet, datagram.missing)
        stream.last_sequence = packet.sequence
        if self._keep or not stream.believed:
            stream.packets.append((datagram.at_s, payload))

    def _probation(self, key: Key, packet: RtpPacket) -> Candidate | None:
        named = key[1] in self._announced or key[0] in self._announced
        if not named and not _plausible(key, packet):
            return None
        stream = self._candidates.get(key)
        if stream is None:
            if len(self._candidates) >= _MAX_CANDIDATES:
                self._candidates.popitem(last=False)
            stream = self._candidates[key] = Candidate()
        stream.judge(packet)
        if stream.believed:
            del self._candidates[key]
            self._streams[key] = stream
            if not self._keep:
                stream.packets.clear()
        elif stream.count > _GIVE_UP_AFTER:
            # Begin anew: what is RTP will behave better, what is not shall not pile up.
            self._candidates[key] = stream = Candidate()
            stream.judge(packet)
        return stream

    def _is_fax(self, datagram: Datagram) -> bool:
        """By the last word of SDP about either address."""
        for address in (datagram.target, datagram.source):
            if known := self._announced.get(address):
                return known[-1].media.udptl
        return False

    def _other(self, datagram: Datagram) -> None:
        message = sip_sdp.read(datagram.payload)
        if message is None:
            if self._is_fax(datagram):
                self._udptl[datagram.source, datagram.target] += 1
            return
        self.sip_messages += 1
        for media in message.media:
            if self._announcements < _MAX_ANNOUNCED:
                self._announcements += 1
                found = Announced(datagram.at_s, message, media)
                self._announced.setdefault(media.address, []).append(found)

    def streams(self) -> dict[Key, Candidate]:
        """In the order in which they began."""
        named = {key: c for key, c in self._candidates.items() if key[1] in self._announced}
        found = self._streams | named
        return dict(sorted(found.items(), key=lambda item: item[1].statistics.begin_s))

    def short(self) -> list[ShortStream]:
        """What may be RTP: each packet that came is as those of a stream are."""
        return [
            ShortStream(*key, candidate.payload_type, candidate.count)
            for key, candidate in self._candidates.items()
            if key[1] not in self._announced and not candidate.odd and candidate.steady
        ]

    def udptl(self) -> list[Udptl]:
        return [Udptl(*pair, packets) for pair, packets in self._udptl.items()]

    def announced(self, key: Key, end_s: float) -> tuple[Announced | None, Announced | None]:
        """What SDP says of a stream's receiver and of its sender, the last before the stream's
        end: a re-INVITE may have changed it, and a later call may have the same port.
        """
        source, target, _ = key
        return self._latest(target, end_s), self._latest(source, end_s)

    def _latest(self, address: Address, end_s: float) -> Announced | None:
        known = self._announced.get(address) or self._behind_nat(address)
        before = [found for found in known if found.at_s <= end_s and not found.media.udptl]
        return before[-1] if before else None

    def _behind_nat(self, address: Address) -> list[Announced]:
        """The port often survives a NAT that changes the address."""
        same = [known for place, known in self._announced.items() if place[1] == address[1]]
        return same[0] if len(same) == 1 else []


def is_rtcp(payload: bytes) -> bool:
    """A compound that begins as RFC 3550 6.1 has it (with APP, and the reduced size of RFC 5506):
    the packet types are those of RTP types 64 to 95, which RFC 5761 forbids beside RTCP.
    """
    return 192 <= payload[1] <= 223 and 4 * (1 + int.from_bytes(payload[2:4])) <= len(payload)


def _plausible(key: Key, packet: RtpPacket) -> bool:
    (_, source_port), (_, target_port), _ = key
    return (
        packet.payload_type in _ASSIGNED
        and source_port not in _OTHER_PORTS
        and target_port not in _OTHER_PORTS
        and min(source_port, target_port) > 0
    )
