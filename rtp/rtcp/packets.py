"""RTCP packets: bytes to reports and back (RFC 3550 §6, RFC 5761 §4).

A datagram is a compound: SR or RR first, then any others. SR, RR, SDES (its CNAME), XR and BYE are
read; feedback and application packets are skipped.
"""

from dataclasses import dataclass, field
from struct import Struct

from sipua.rtp.rtcp import extended
from sipua.rtp.rtcp.errors import RtcpError
from sipua.rtp.rtcp.extended import Extended

SENDER_REPORT, RECEIVER_REPORT, DESCRIPTION, GOODBYE, EXTENDED = 200, 201, 202, 203, 207
FIRST_TYPE, LAST_TYPE = 192, 223  # what RFC 5761 sets apart from RTP on the same port
MAX_DATAGRAM = 1472

_HEADER = Struct("!BBH")
_SENDER = Struct("!QIII")
_BLOCK = Struct("!IIIIII")
_WORD = Struct("!I")
_CNAME = 1
_MAX_TEXT = 255
_MAX_32 = 0xFFFFFFFF
# Cumulative loss is a signed 24-bit number on the wire.
_MAX_LOST, _MIN_LOST = 0x7FFFFF, -0x800000


@dataclass(slots=True)
class ReportBlock:
    """What a receiver says of one stream."""

    ssrc: int
    fraction_lost: int
    """Of the packets since its last report, in 1/256."""
    lost: int
    """Since the beginning; negative when duplicates outnumber losses."""
    highest: int
    """Highest sequence number, extended by the wraps in the upper half."""
    jitter_samples: int
    last_sr: int
    """Middle 32 bits of the NTP time of the last SR that came; 0: none yet."""
    delay_since_sr: int
    """Between that SR and this report, in 1/65536 s."""


@dataclass(slots=True)
class SenderInfo:
    ntp: int
    """64 bits: seconds since 1900, and their fraction."""
    timestamp: int
    packets: int
    octets: int


@dataclass(slots=True)
class Report:
    """SR, or RR when `sender` is None."""

    ssrc: int
    sender: SenderInfo | None = None
    blocks: list[ReportBlock] = field(default_factory=list)


@dataclass(slots=True)
class Compound:
    """One datagram."""

    reports: list[Report] = field(default_factory=list)
    cnames: dict[int, bytes] = field(default_factory=dict)
    goodbyes: list[int] = field(default_factory=list)
    """SSRCs that leave (BYE)."""
    extended: list[Extended] = field(default_factory=list)
    malformed: int = 0
    """Extended reports that are none: the reports beside them are good all the same."""
    skipped: int = 0
    """Packets of other types."""


def parse(datagram: bytes) -> Compound:
    """Read one compound.

    Raises RtcpError with reason short, oversize, version, type, first, padding, length, count or
    sdes.
    """
    size = len(datagram)
    if size > MAX_DATAGRAM:
        raise RtcpError("oversize")
    if size < 8:
        raise RtcpError("short")
    compound = Compound()
    start = 0
    while start < size:
        if size - start < _HEADER.size:
            raise RtcpError("length")
        first, kind, words = _HEADER.unpack_from(datagram, start)
        end = start + 4 * (words + 1)
        if first >> 6 != 2:
            raise RtcpError("version")
        if not FIRST_TYPE <= kind <= LAST_TYPE:
            raise RtcpError("type")
        if start == 0 and kind not in (SENDER_REPORT, RECEIVER_REPORT):
            raise RtcpError("first")
        if end > size:
            raise RtcpError("length")
        body = datagram[start + 4 : end]
        if first & 0x20:
            # Only the last packet of a compound may be padded, and to whole words.
            padding = datagram[end - 1]
            if end != size or padding == 0 or padding % 4 or padding > len(body):
                raise RtcpError("padding")
            body = body[:-padding]
        _read(kind, first & 0x1F, body, compound)
        start = end
    return compound


def _read(kind: int, count: int, body: bytes, compound: Compound) -> None:
    if kind == SENDER_REPORT:
        compound.reports.append(_read_report(count, body, 4 + _SENDER.size))
    elif kind == RECEIVER_REPORT:
        compound.reports.append(_read_report(count, body, 4))
    elif kind == DESCRIPTION:
        _read_description(count, body, compound.cnames)
    elif kind == GOODBYE:
        if 4 * count > len(body):
            raise RtcpError("count")
        compound.goodbyes.extend(_WORD.unpack_from(body, 4 * i)[0] for i in range(count))
    elif kind == EXTENDED:
        try:
            compound.extended.append(extended.read(body))
        except RtcpError:
            compound.malformed += 1
    else:
        compound.skipped += 1


def _read_report(count: int, body: bytes, fixed: int) -> Report:
    # A profile may append to a report; a report may not be shorter than its count says.
    if fixed + count * _BLOCK.size > len(body):
        raise RtcpError("count")
    (ssrc,) = _WORD.unpack_from(body)
    sender = SenderInfo(*_SENDER.unpack_from(body, 4)) if fixed > 4 else None
    return Report(ssrc, sender, [_read_block(body, fixed + i * _BLOCK.size) for i in range(count)])


def _read_block(body: bytes, start: int) -> ReportBlock:
    ssrc, loss, highest, jitter, last_sr, delay = _BLOCK.unpack_from(body, start)
    lost = loss & 0xFFFFFF
    if lost > _MAX_LOST:
        lost -= 1 << 24
    return ReportBlock(ssrc, loss >> 24, lost, highest, jitter, last_sr, delay)


def _read_description(count: int, body: bytes, cnames: dict[int, bytes]) -> None:
    start = 0
    for _ in range(count):
        if start + 8 > len(body):
            raise RtcpError("sdes")
        (ssrc,) = _WORD.unpack_from(body, start)
        start += 4
        while True:
            if start >= len(body):
                raise RtcpError("sdes")
            if body[start] == 0:  # the end of the chunk, filled up to a word
                start = (start // 4 + 1) * 4
                break
            if start + 2 > len(body) or start + 2 + body[start + 1] > len(body):
                raise RtcpError("sdes")
            end = start + 2 + body[start + 1]
            if body[start] == _CNAME:
                cnames[ssrc] = body[start + 2 : end]
            start = end


def build(compound: Compound) -> bytes:
    """The datagram of a compound. Counters wrap and clamp here, as the RFC says of each."""
    out = b"".join(_build_report(report) for report in compound.reports)
    if compound.cnames:
        chunks = b"".join(_build_chunk(ssrc, name) for ssrc, name in compound.cnames.items())
        out += _packet(DESCRIPTION, len(compound.cnames), chunks)
    out += b"".join(_packet(EXTENDED, 0, extended.build(one)) for one in compound.extended)
    if compound.goodbyes:
        body = b"".join(_WORD.pack(ssrc) for ssrc in compound.goodbyes)
        out += _packet(GOODBYE, len(compound.goodbyes), body)
    return out


def _build_report(report: Report) -> bytes:
    sender = report.sender
    body = _WORD.pack(report.ssrc)
    if sender is not None:
        body += _SENDER.pack(
            sender.ntp & 0xFFFFFFFFFFFFFFFF,
            sender.timestamp & _MAX_32,
            sender.packets & _MAX_32,
            sender.octets & _MAX_32,
        )
    body += b"".join(_build_block(block) for block in report.blocks)
    kind = RECEIVER_REPORT if sender is None else SENDER_REPORT
    return _packet(kind, len(report.blocks), body)


def _build_block(block: ReportBlock) -> bytes:
    lost = min(max(block.lost, _MIN_LOST), _MAX_LOST) & 0xFFFFFF
    return _BLOCK.pack(
        block.ssrc,
        min(max(block.fraction_lost, 0), 255) << 24 | lost,
        block.highest & _MAX_32,
        min(block.jitter_samples, _MAX_32),
        block.last_sr & _MAX_32,
        min(block.delay_since_sr, _MAX_32),
    )


def _build_chunk(ssrc: int, name: bytes) -> bytes:
    name = name[:_MAX_TEXT]
    chunk = _WORD.pack(ssrc) + bytes([_CNAME, len(name)]) + name
    return chunk + bytes(4 - len(chunk) % 4)  # at least one zero byte: it ends the list


def _packet(kind: int, count: int, body: bytes) -> bytes:
    return _HEADER.pack(0x80 | count, kind, len(body) // 4) + body
