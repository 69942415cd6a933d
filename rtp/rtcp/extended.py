"""Extended reports: the blocks of an XR packet, and back (RFC 3611 §4).

VoIP metrics, the receiver's reference time and the answers to it are read and written. The other
four blocks are checked for their length and counted: traces of single packets, and a summary whose
figures the other reports have.
"""

from dataclasses import dataclass, field
from struct import Struct

from sipua.rtp.rtcp.errors import RtcpError

LOSS_RLE, DUPLICATE_RLE, RECEIPT_TIMES, REFERENCE_TIME, DLRR, SUMMARY, VOIP_METRICS = range(1, 8)
NOT_KNOWN = 127
"""Of levels, R factors and MOS."""
# The body of each, in words; of the traces, the least.
_TRACES = {LOSS_RLE: 2, DUPLICATE_RLE: 2, RECEIPT_TIMES: 2}
_WORDS = {REFERENCE_TIME: 2, SUMMARY: 9, VOIP_METRICS: 8}

_BLOCK = Struct("!BBH")
_WORD = Struct("!I")
_NTP = Struct("!Q")
_SUB_BLOCK = Struct("!III")
_VOIP = Struct("!I4B4HbbBB4BBxHHH")


@dataclass(slots=True)
class VoipMetrics:
    """What a receiver says of one stream since its beginning (RFC 3611 §4.7). Rates and densities
    are in 1/256.
    """

    ssrc: int
    loss_rate: int = 0
    discard_rate: int = 0
    """Packets that came too late, or found no room."""
    burst_density: int = 0
    gap_density: int = 0
    burst_ms: int = 0
    gap_ms: int = 0
    round_trip_ms: int = 0
    """0: not known; the next one, too."""
    end_system_ms: int = 0
    signal_dbm: int = NOT_KNOWN
    noise_dbm: int = NOT_KNOWN
    echo_return_loss_db: int = NOT_KNOWN
    gap_min: int = 16
    r_factor: int = NOT_KNOWN
    external_r_factor: int = NOT_KNOWN
    mos_lq: int = NOT_KNOWN
    """In tenths: of listening; the next one of conversing, with the delay."""
    mos_cq: int = NOT_KNOWN
    receiver: int = 0
    """Bits: concealment, jitter buffer."""
    buffer_nominal_ms: int = 0
    buffer_maximum_ms: int = 0
    buffer_limit_ms: int = 0


@dataclass(slots=True)
class LastReference:
    """The answer to a reference time: to whom, which, and how long ago (1/65536 s)."""

    ssrc: int
    last: int
    delay: int


@dataclass(slots=True)
class Extended:
    """One XR packet."""

    ssrc: int
    reference_ntp: int | None = None
    """64 bits; the last one, when there are several."""
    answers: list[LastReference] = field(default_factory=list)
    voip: list[VoipMetrics] = field(default_factory=list)
    skipped: int = 0
    """Blocks of other kinds."""


def read(body: bytes) -> Extended:
    """What stands behind the packet's header. Raises RtcpError, reason xr."""
    if len(body) < 4:
        raise RtcpError("xr")
    extended = Extended(_WORD.unpack_from(body)[0])
    at = 4
    while at < len(body):
        if at + _BLOCK.size > len(body):
            raise RtcpError("xr")
        kind, _, words = _BLOCK.unpack_from(body, at)
        at += _BLOCK.size
        if at + 4 * words > len(body):
            raise RtcpError("xr")
        _read_block(kind, words, body[at : at + 4 * words], extended)
        at += 4 * words
    return extended


def _read_block(kind: int, words: int, block: bytes, extended: Extended) -> None:
    wrong = words != _WORDS.get(kind, words) or words < _TRACES.get(kind, 0)
    if wrong or (kind == DLRR and words % 3):
        raise RtcpError("xr")
    if kind == VOIP_METRICS:
        extended.voip.append(_voip(block))
    elif kind == REFERENCE_TIME:
        (extended.reference_ntp,) = _NTP.unpack(block)
    elif kind == DLRR:
        extended.answers += [LastReference(*fields) for fields in _SUB_BLOCK.iter_unpack(block)]
    else:  # an unknown one as well (RFC 3611 §3)
        extended.skipped += 1


def _voip(block: bytes) -> VoipMetrics:
    return VoipMetrics(*_VOIP.unpack(block))


def build(extended: Extended) -> bytes:
    """The body of the packet. Figures that are too large for their fields are clamped."""
    out = _WORD.pack(extended.ssrc)
    if extended.reference_ntp is not None:
        out += _BLOCK.pack(REFERENCE_TIME, 0, 2) + _NTP.pack(extended.reference_ntp & (2**64 - 1))
    if extended.answers:
        out += _BLOCK.pack(DLRR, 0, 3 * len(extended.answers))
        for answer in extended.answers:
            out += _SUB_BLOCK.pack(answer.ssrc, answer.last, min(answer.delay, 0xFFFFFFFF))
    for one in extended.voip:
        out += _BLOCK.pack(VOIP_METRICS, 0, 8) + _VOIP.pack(
            one.ssrc,
            *map(_byte, (one.loss_rate, one.discard_rate, one.burst_density, one.gap_density)),
            *map(_short, (one.burst_ms, one.gap_ms, one.round_trip_ms, one.end_system_ms)),
            *(one.signal_dbm, one.noise_dbm, one.echo_return_loss_db, one.gap_min),
            *(one.r_factor, one.external_r_factor, one.mos_lq, one.mos_cq, one.receiver),
            *map(_short, (one.buffer_nominal_ms, one.buffer_maximum_ms, one.buffer_limit_ms)),
        )
    return out


def _byte(value: int) -> int:
    return min(max(value, 0), 0xFF)


def _short(value: int) -> int:
    return min(max(value, 0), 0xFFFF)
