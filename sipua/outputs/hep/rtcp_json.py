"""RTCP as JSON, in the names that Homer reads (those of its agents heplify and captagent)."""

from __future__ import annotations

from typing import Any

import msgspec

from sipua.rtp.rtcp.errors import RtcpError
from sipua.rtp.rtcp.extended import VOIP_METRICS, VoipMetrics
from sipua.rtp.rtcp.packets import (
    RECEIVER_REPORT,
    SENDER_REPORT,
    Compound,
    Report,
    ReportBlock,
    parse,
)


def documents(datagram: bytes) -> list[bytes]:
    """One for each report; none for what is no RTCP."""
    try:
        compound = parse(datagram)
    except RtcpError:
        return []
    return [msgspec.json.encode(_document(report, compound)) for report in compound.reports]


def _document(report: Report, compound: Compound) -> dict[str, Any]:
    sender = report.sender
    document: dict[str, Any] = {
        "ssrc": report.ssrc,
        "type": RECEIVER_REPORT if sender is None else SENDER_REPORT,
        "report_count": len(report.blocks),
        "report_blocks": [_block(block) for block in report.blocks],
        "sdes_ssrc": next(iter(compound.cnames), 0),
    }
    if sender is not None:
        document["sender_information"] = {
            "ntp_timestamp_sec": sender.ntp >> 32,
            "ntp_timestamp_usec": sender.ntp & 0xFFFFFFFF,  # a fraction, whatever the name says
            "rtp_timestamp": sender.timestamp,
            "packets": sender.packets,
            "octets": sender.octets,
        }
    metrics = next((one for extended in compound.extended for one in extended.voip), None)
    if metrics is not None:
        document["report_blocks_xr"] = _voip(metrics)
    return document


def _voip(metrics: VoipMetrics) -> dict[str, int]:
    return {
        "type": VOIP_METRICS,
        "id": metrics.ssrc,
        "fraction_lost": metrics.loss_rate,
        "fraction_discard": metrics.discard_rate,
        "burst_density": metrics.burst_density,
        "gap_density": metrics.gap_density,
        "burst_duration": metrics.burst_ms,
        "gap_duration": metrics.gap_ms,
        "round_trip_delay": metrics.round_trip_ms,
        "end_system_delay": metrics.end_system_ms,
    }


def _block(block: ReportBlock) -> dict[str, int]:
    return {
        "source_ssrc": block.ssrc,
        "fraction_lost": block.fraction_lost,
        "packets_lost": max(0, block.lost),  # readers take it for an unsigned number
        "highest_seq_no": block.highest,
        "ia_jitter": block.jitter_samples,
        "lsr": block.last_sr,
        "dlsr": block.delay_since_sr,
    }
