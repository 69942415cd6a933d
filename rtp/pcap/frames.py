"""From a captured frame to its UDP datagram: link layer, IPv4 and IPv6, fragments.

Nothing raises here: a frame that is no UDP, or wrong, is counted by reason and gives nothing.
"""

from collections import OrderedDict
from dataclasses import dataclass
from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address
from struct import Struct

from sipua.rtp.events import Address
from sipua.rtp.pcap.file import Frame

LINK_NAMES = {
    0: "BSD loopback",
    1: "Ethernet",
    9: "PPP",
    12: "raw IP",
    14: "raw IP",
    101: "raw IP",
    105: "IEEE 802.11",
    108: "OpenBSD loopback",
    113: "Linux cooked",
    127: "IEEE 802.11 radiotap",
    147: "user 0",
    187: "Bluetooth",
    189: "USB",
    228: "raw IPv4",
    229: "raw IPv6",
    252: "Wireshark upper PDU",
    276: "Linux cooked v2",
}


@dataclass(slots=True)
class Datagram:
    at_s: float
    source: Address
    target: Address
    payload: bytes
    missing: int = 0
    """Bytes at the end of the payload that the capture program did not keep."""


@dataclass(slots=True)
class FrameCounts:
    frames: int = 0
    datagrams: int = 0
    truncated: int = 0
    """Datagrams that the capture program kept only the beginning of."""
    reassembled: int = 0
    fragments_lost: int = 0
    """Fragments whose datagram never became whole."""
    not_ip: int = 0
    not_udp: int = 0
    malformed: int = 0
    unknown_link: int = 0


_ETHERTYPE_IP = (0x0800, 0x86DD)
_VLAN_TAGS = (0x8100, 0x88A8, 0x9100, 0x9200)
_PPPOE_SESSION = 0x8864
_PPP_IP = (b"\x00\x21", b"\x00\x57")
_SNAP = b"\xaa\xaa\x03\x00\x00\x00"
# AF_INET, and AF_INET6 as Linux, Windows, BSD and macOS number it.
_FAMILIES = (2, 10, 23, 24, 28, 30)

_UDP = 17
_IPV4_HEAD = Struct("!BBHHHBBH4s4s")
_UDP_HEAD = Struct("!HHHH")
_IPV6_FRAGMENT = 44
_IPV6_AUTHENTICATION = 51
_IPV6_OPTIONS = (0, 43, 60, 135, 139, 140)
_MAX_EXTENSIONS = 16


@dataclass(slots=True)
class _Fragment:
    key: tuple[bytes, bytes, int]
    offset: int
    more: bool


class Decoder:
    """One capture's decoder: it remembers fragments, and counts."""

    def __init__(self, counts: FrameCounts) -> None:
        self.counts = counts
        self.unknown_link_type = -1
        self._fragments = _Fragments(counts)

    def decode(self, frame: Frame) -> Datagram | None:
        self.counts.frames += 1
        start = _ip_start(frame.link_type, frame.data)
        if start is None:
            self.counts.unknown_link += 1
            self.unknown_link_type = frame.link_type
            return None
        if start < 0 or start >= len(frame.data):
            self.counts.not_ip += 1
            return None
        version = frame.data[start] >> 4
        if version == 4:
            datagram = self._ipv4(frame, start)
        elif version == 6:
            datagram = self._ipv6(frame, start)
        else:
            self.counts.not_ip += 1
            return None
        if datagram is not None:
            self.counts.datagrams += 1
            self.counts.truncated += datagram.missing > 0
        return datagram

    def _ipv4(self, frame: Frame, start: int) -> Datagram | None:
        data = frame.data
        if start + 20 > len(data):
            return self._malformed()
        first, _, total, identity, flags, _, protocol, _, source, target = _IPV4_HEAD.unpack_from(
            data, start
        )
        header = 4 * (first & 0x0F)
        # 0: the network card was to fill it in (segmentation offload), after the capture.
        end = start + total if total else len(data) + frame.missing
        if header < 20 or start + header > end:
            return self._malformed()
        if protocol != _UDP:
            self.counts.not_udp += 1
            return None
        if end > len(data) + frame.missing:
            return self._malformed()
        body = data[start + header : end]
        missing = max(0, end - len(data))
        offset, more = 8 * (flags & 0x1FFF), bool(flags & 0x2000)
        if offset or more:
            fragment = _Fragment((source, target, identity), offset, more)
            return self._joined(frame.at_s, fragment, body, missing)
        return self._udp(frame.at_s, source, target, body, missing)

    def _ipv6(self, frame: Frame, start: int) -> Datagram | None:
        data = frame.data
        at = start + 40
        if at > len(data):
            return self._malformed()
        length = int.from_bytes(data[start + 4 : start + 6])
        end = at + length if length else len(data) + frame.missing
        if end > len(data) + frame.missing:
            return self._malformed()
        addresses = data[start + 8 : start + 24], data[start + 24 : at]
        found = self._extensions(addresses, data[:end], at, data[start + 6])
        if found is None:
            return None
        at, fragment = found
        body = data[at:end]
        missing = max(0, end - max(at, len(data)))
        if fragment is not None and (fragment.offset or fragment.more):
            return self._joined(frame.at_s, fragment, body, missing)
        return self._udp(frame.at_s, *addresses, body, missing)

    def _extensions(
        self, addresses: tuple[bytes, bytes], data: bytes, at: int, protocol: int
    ) -> tuple[int, _Fragment | None] | None:
        """Past the IPv6 extension headers: where UDP begins, and of which fragment."""
        fragment = None
        for _ in range(_MAX_EXTENSIONS):
            if protocol == _UDP:
                return at, fragment
            if at + 8 > len(data):
                self.counts.malformed += 1
                return None
            following, size = data[at], data[at + 1]
            if protocol == _IPV6_FRAGMENT:
                place = int.from_bytes(data[at + 2 : at + 4])
                identity = int.from_bytes(data[at + 4 : at + 8])
                fragment = _Fragment((*addresses, identity), place & 0xFFF8, bool(place & 1))
                at += 8
            elif protocol == _IPV6_AUTHENTICATION:
                at += 4 * (size + 2)
            elif protocol in _IPV6_OPTIONS:
                at += 8 * (size + 1)
            else:
                break
            protocol = following
        self.counts.not_udp += 1
        return None

    def _joined(
        self, at_s: float, fragment: _Fragment, body: bytes, missing: int
    ) -> Datagram | None:
        if missing:
            self.counts.fragments_lost += 1
            return None
        whole = self._fragments.add(fragment, body)
        return None if whole is None else self._udp(at_s, *fragment.key[:2], whole, 0)

    def _udp(
        self, at_s: float, source: bytes, target: bytes, body: bytes, missing: int
    ) -> Datagram | None:
        if len(body) < 8:
            if missing:
                self.counts.truncated += 1
                return None
            return self._malformed()
        source_port, target_port, length, _ = _UDP_HEAD.unpack_from(body)
        if length == 0:  # a jumbogram, or filled in by the card
            length = len(body) + missing
        if not 8 <= length <= len(body) + missing:
            return self._malformed()
        return Datagram(
            at_s,
            (_text(source), source_port),
            (_text(target), target_port),
            body[8:length],
            max(0, length - len(body)),
        )

    def _malformed(self) -> Datagram | None:
        self.counts.malformed += 1
        return None

    def finish(self) -> None:
        """The capture is over: what is not whole now never will be."""
        self._fragments.give_up()


def _ip_start(link_type: int, data: bytes) -> int | None:
    """Where the IP packet begins; −1: it is another protocol; None: the link is not known."""
    match link_type:
        case 1:
            return _after_ethertype(data, 12)
        case 12 | 14 | 101 | 228 | 229:
            return 0
        case 113:
            return _after_ethertype(data, 14)
        case 276:
            kind = int.from_bytes(data[0:2])
            if kind in _VLAN_TAGS:
                return _after_ethertype(data, 22)
            return 20 if kind in _ETHERTYPE_IP else -1
        case 0 | 108:
            # In the byte order of the machine that captured, which need not be the file's.
            known = any(int.from_bytes(data[:4], order) in _FAMILIES for order in ("little", "big"))
            return 4 if known else -1
        case _:
            return None


def _after_ethertype(data: bytes, at: int) -> int:
    kind = int.from_bytes(data[at : at + 2])
    while kind in _VLAN_TAGS:
        at += 4
        kind = int.from_bytes(data[at : at + 2])
    at += 2
    if kind in _ETHERTYPE_IP:
        return at
    if kind == _PPPOE_SESSION:
        return at + 8 if data[at + 6 : at + 8] in _PPP_IP else -1
    if kind <= 1500 and data[at : at + 6] == _SNAP:
        at += 8
        return at if int.from_bytes(data[at - 2 : at]) in _ETHERTYPE_IP else -1
    return -1


@lru_cache(maxsize=1024)
def _text(address: bytes) -> str:
    return str(IPv4Address(address) if len(address) == 4 else IPv6Address(address))


_MAX_PENDING = 64
_MAX_PIECES = 64
_MAX_SIZE = 65_535


@dataclass(slots=True)
class _Pending:
    pieces: dict[int, bytes]
    total: int | None = None


class _Fragments:
    """Datagrams that are not yet whole; the oldest makes room for a new one."""

    def __init__(self, counts: FrameCounts) -> None:
        self._counts = counts
        self._pending: OrderedDict[tuple[bytes, bytes, int], _Pending] = OrderedDict()

    def add(self, fragment: _Fragment, data: bytes) -> bytes | None:
        """The datagram's body, when this was the piece that it lacked."""
        pending = self._pending.get(fragment.key)
        if pending is None:
            if len(self._pending) == _MAX_PENDING:
                _, oldest = self._pending.popitem(last=False)
                self._counts.fragments_lost += len(oldest.pieces)
            pending = self._pending[fragment.key] = _Pending({})
        end = fragment.offset + len(data)
        if end > _MAX_SIZE or len(pending.pieces) == _MAX_PIECES:
            del self._pending[fragment.key]
            self._counts.fragments_lost += len(pending.pieces) + 1
            return None
        pending.pieces[fragment.offset] = data
        if not fragment.more:
            pending.total = end
        if pending.total is None:
            return None
        parts: list[bytes] = []
        at = 0
        while at < pending.total:
            piece = pending.pieces.get(at)
            if not piece:
                return None
            parts.append(piece)
            at += len(piece)
        del self._pending[fragment.key]
        if at != pending.total or len(parts) != len(pending.pieces):
            # Pieces that overlap are an attack or an accident, never a phone.
            self._counts.fragments_lost += len(pending.pieces)
            return None
        self._counts.reassembled += 1
        return b"".join(parts)

    def give_up(self) -> None:
        for pending in self._pending.values():
            self._counts.fragments_lost += len(pending.pieces)
        self._pending.clear()
