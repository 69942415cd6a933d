"""One call's extended reports: what we add to our reports, and what the peer's contain.

VoIP metrics      with each report of ours that has something to say of the peer's stream
reference time    while we send nothing: the peer's answer gives the round trip, which it
                  otherwise gives with its receiver reports
its answer        when the peer has sent such a time since our last report
"""

from collections import deque

from sipua.rtp.receive.stats import ReceiveStats
from sipua.rtp.rtcp import voice
from sipua.rtp.rtcp.extended import Extended, LastReference, VoipMetrics

_SENT_KEPT = 16


class ExtendedReports:
    def __init__(self, ssrc: int, *, packet_ms: int, longest_hold_ms: int) -> None:
        self._ssrc = ssrc
        self._packet_ms = packet_ms
        self._longest_hold_ms = longest_hold_ms
        self.wanted = False
        """Whether ours are to be sent."""
        self.sent = 0
        self.received = 0
        self.skipped = 0
        """Blocks that are not read."""
        self.times: deque[tuple[int, float]] = deque(maxlen=_SENT_KEPT)
        """When our reference times were sent, by what a peer quotes of them."""
        self._remote: VoipMetrics | None = None
        self._to_answer: tuple[int, int, float] | None = None

    def compose(
        self,
        now: float,
        ntp: int,
        stats: ReceiveStats | None,
        *,
        sending: bool,
        round_trip_ms: float | None,
    ) -> list[Extended]:
        """What goes into the report at this moment; none, or one."""
        if not self.wanted:
            return []
        made = Extended(self._ssrc)
        if not sending:
            made.reference_ntp = ntp
            self.times.append((ntp >> 16 & 0xFFFFFFFF, now))
        if self._to_answer is not None:
            ssrc, quoted, came = self._to_answer
            made.answers.append(LastReference(ssrc, quoted, round((now - came) * 65536)))
            self._to_answer = None
        metrics = self._measured(stats, round_trip_ms)
        if metrics is not None:
            made.voip.append(metrics)
        if sending and not made.answers and not made.voip:
            return []
        self.sent += 1
        return [made]

    def read(self, extended: Extended, now: float, *, theirs: bool) -> list[LastReference]:
        """`theirs`: it is from the source of the peer's audio. Returns the answers to our times."""
        self.received += 1
        self.skipped += extended.skipped
        for metrics in extended.voip:
            if metrics.ssrc == self._ssrc:
                self._remote = metrics
        if theirs and extended.reference_ntp is not None:
            quoted = extended.reference_ntp >> 16 & 0xFFFFFFFF
            self._to_answer = (extended.ssrc, quoted, now)
        return [one for one in extended.answers if one.ssrc == self._ssrc and one.last]

    def _measured(
        self, stats: ReceiveStats | None, round_trip_ms: float | None
    ) -> VoipMetrics | None:
        if stats is None:
            return None
        return voice.measured(
            stats,
            round_trip_ms=round_trip_ms,
            packet_ms=self._packet_ms,
            longest_hold_ms=self._longest_hold_ms,
        )

    def figures(self, stats: ReceiveStats | None, round_trip_ms: float | None) -> dict[str, object]:
        """`quality`: of what we hear, as we would tell it; `remote_quality`: as the peer tells."""
        ours = self._measured(stats, round_trip_ms)
        return {
            "xr_sent": self.sent,
            "xr_received": self.received,
            "xr_blocks_skipped": self.skipped,
            "quality": None if ours is None else voice.shown(ours),
            "remote_quality": None if self._remote is None else voice.shown(self._remote),
        }
