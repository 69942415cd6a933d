"""RTP packets: bytes to fields and back (RFC 3550 §5.1, RFC 5761 §4)."""

from struct import Struct

import msgspec

_HEADER = Struct("!BBHII")
_unpack_header = _HEADER.unpack_from
_pack_header = _HEADER.pack

HEADER_SIZE = 12
# What one UDP datagram carries in an Ethernet frame. Speech packets are an eighth of it; anything
# bigger is not a phone, and is refused before it costs anything.
MAX_DATAGRAM = 1472


class RtpError(Exception):
    """The datagram is not an RTP packet; `reason` is a short word to count it under."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


# A Struct is made in C, in half the time that a dataclass takes, and the collector does not look at
# it: one is made for each packet of each call.
class RtpPacket(msgspec.Struct, gc=False):
    marker: bool
    payload_type: int
    sequence: int
    timestamp: int
    ssrc: int
    payload: bytes


def parse(datagram: bytes) -> RtpPacket:
    """Read one RTP packet.

    Raises RtpError with reason short, oversize, version, rtcp, csrc, extension or padding.
    """
    size = len(datagram)
    if not HEADER_SIZE <= size <= MAX_DATAGRAM:
        raise RtpError(_reason_for_size(datagram))
    first, second, sequence, timestamp, ssrc = _unpack_header(datagram)
    if 192 <= second <= 223 and first >> 6 == 2:
        raise RtpError("rtcp")
    # 0x80: no optional field, as nearly every phone sends it.
    payload = datagram[HEADER_SIZE:] if first == 0x80 else _strip(datagram, first, size)
    return RtpPacket(second > 127, second & 0x7F, sequence, timestamp, ssrc, payload)


def _reason_for_size(datagram: bytes) -> str:
    if len(datagram) > MAX_DATAGRAM:
        return "oversize"
    # An RTCP header alone is 4 bytes, shorter than any RTP packet.
    if len(datagram) >= 4 and datagram[0] >> 6 == 2 and 192 <= datagram[1] <= 223:
        return "rtcp"
    return "short"


def _strip(datagram: bytes, first: int, size: int) -> bytes:
    """The payload without CSRC list, header extension and padding."""
    if first >> 6 != 2:
        raise RtpError("version")
    start = HEADER_SIZE + 4 * (first & 0x0F)
    if start > size:
        raise RtpError("csrc")
    if first & 0x10:
        if start + 4 > size:
            raise RtpError("extension")
        start += 4 + 4 * int.from_bytes(datagram[start + 2 : start + 4])
        if start > size:
            raise RtpError("extension")
    end = size
    if first & 0x20:
        padding = datagram[-1]
        if padding == 0 or start + padding > size:
            raise RtpError("padding")
        end -= padding
    return datagram[start:end]


def build(
    payload: bytes,
    *,
    payload_type: int,
    sequence: int,
    timestamp: int,
    ssrc: int,
    marker: bool = False,
) -> bytes:
    """One packet with a plain header. Sequence and timestamp may be unwrapped: they wrap here."""
    return (
        _pack_header(
            0x80,
            payload_type | 0x80 if marker else payload_type,
            sequence & 0xFFFF,
            timestamp & 0xFFFFFFFF,
            ssrc,
        )
        + payload
    )
