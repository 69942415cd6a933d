"""The VoIP metrics of one stream: as we measure them, and as they are shown (RFC 3611 §4.7)."""

from collections.abc import Mapping

from sipua.rtp.receive.quality import mos, r_factor
from sipua.rtp.receive.stats import ReceiveStats
from sipua.rtp.rtcp.extended import NOT_KNOWN, VoipMetrics

_BYTES_PER_MS = 8
"""Of G.711."""
# Concealment is "enhanced" (G.711 appendix I), the jitter buffer adaptive (RFC 3611 §4.7.6).
_RECEIVER = 0b10_11_0000


def measured(
    stats: ReceiveStats, *, round_trip_ms: float | None, packet_ms: int, longest_hold_ms: int
) -> VoipMetrics | None:
    """Of what we receive; `packet_ms`: of what we send. None: nothing has come."""
    expected = stats.expected
    if not expected or not stats.received:
        return None
    their_packet_ms = stats.received_bytes / stats.received / _BYTES_PER_MS
    bursts = stats.bursts.figures(stats.highest, their_packet_ms)
    lost, late = stats.lost / expected, stats.late / expected
    found = VoipMetrics(
        stats.ssrc,
        loss_rate=int(256 * lost),
        discard_rate=int(256 * late),
        burst_density=int(256 * bursts.burst_density),
        gap_density=int(256 * bursts.gap_density),
        burst_ms=round(bursts.burst_ms),
        gap_ms=round(bursts.gap_ms),
        # Packets in order do not wait: what is ours is the time that a packet is filled in.
        end_system_ms=packet_ms,
        mos_lq=round(10 * mos(r_factor(lost + late))),
        receiver=_RECEIVER,
        buffer_maximum_ms=longest_hold_ms,
        buffer_limit_ms=longest_hold_ms,
    )
    if round_trip_ms is not None:
        r = r_factor(lost + late, round_trip_ms / 2 + their_packet_ms)
        found.round_trip_ms = round(round_trip_ms)
        found.r_factor, found.mos_cq = round(r), round(10 * mos(r))
    return found


def shown(metrics: VoipMetrics) -> Mapping[str, float | None]:
    """What the other side says may be anything: a value out of its range is none."""
    return {
        "loss_rate": round(metrics.loss_rate / 256, 4),
        "discard_rate": round(metrics.discard_rate / 256, 4),
        "burst_density": round(metrics.burst_density / 256, 4),
        "burst_ms": metrics.burst_ms,
        "gap_density": round(metrics.gap_density / 256, 4),
        "gap_ms": metrics.gap_ms,
        "r_factor": metrics.r_factor if metrics.r_factor <= 100 else None,
        "mos_lq": _mos(metrics.mos_lq),
        "mos_cq": _mos(metrics.mos_cq),
        "signal_dbm": None if metrics.signal_dbm == NOT_KNOWN else metrics.signal_dbm,
        "noise_dbm": None if metrics.noise_dbm == NOT_KNOWN else metrics.noise_dbm,
        "round_trip_ms": metrics.round_trip_ms or None,
        "end_system_ms": metrics.end_system_ms or None,
    }


def _mos(tenths: int) -> float | None:
    return tenths / 10 if 10 <= tenths <= 50 else None
