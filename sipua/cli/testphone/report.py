"""The result of a call that `sipua call` placed: as JSON, as text, and with advice."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass

SILENT_DBFS = -60.0
"""G.711's idle noise is below it, the quietest speech above."""

_ENDED_WELL = (200, 487)
_NOT_SENT = 502
INTERRUPTED = "Ctrl-C"
_ADVICE = {
    401: "the far side asks for a password: use --account NAME; with it, check the password",
    403: "the far side refuses: check that it knows our address and that the account may call",
    404: "the far side has no such number, or not for this account",
    407: "the far side asks for a password: use --account NAME; with it, check the password",
    480: "no phone is registered under that number, or it does not answer",
    486: "the far side is busy, or has as many calls as it takes (sip.max_calls)",
    487: "the call was not answered in time (calls.ring_timeout_s)",
    488: "no codec in common: the far side must allow PCMU or PCMA (ulaw, alaw), without SRTP",
    _NOT_SENT: "the far side was not reached: check the host name",
    503: "the far side cannot take calls now: it shuts down, or its speech model is unreachable",
}
_UNREACHED = "no SIP answer came: check host, port, transport and firewall"
_NO_RTP = "answered, but no RTP came: check the firewall and NAT (rtp.public_address)"
_SILENCE = "RTP came, but only silence: look at the far side"


@dataclass(slots=True)
class Report:
    """It is filled during the call. Its fields are the JSON."""

    call_id: str
    uri: str
    account: str
    answered: bool = False
    rang: bool = False
    ended_by: str = ""
    status: int = 0
    reason: str = ""
    cause: str = ""
    codec: str = ""
    digits: str = ""
    """Keys that the far side pressed."""
    heard_s: float = 0.0
    heard_dbfs: float | None = None
    received_packets: int = 0
    sent_packets: int = 0
    recording: str | None = None
    capture: str | None = None

    @property
    def good(self) -> bool:
        """The call was answered, and ended without a failure."""
        fine = self.ended_by == "us" or self.status in _ENDED_WELL
        return self.answered and fine and not self.cause

    @property
    def advice(self) -> str:
        """Empty when nothing failed."""
        if self.answered:
            if not self.received_packets:
                return _NO_RTP
            quiet = self.heard_dbfs is None or self.heard_dbfs < SILENT_DBFS
            return _SILENCE if quiet else ""
        unheard = self.ended_by == "us" and not self.rang and self.cause != INTERRUPTED
        if unheard or (self.ended_by == "network" and self.status != _NOT_SENT):
            return _UNREACHED
        return _ADVICE.get(self.status, "")

    def as_dict(self) -> dict[str, object]:
        return {**asdict(self), "advice": self.advice}

    def as_text(self) -> str:
        lines = []
        if self.answered:
            loud = "" if self.heard_dbfs is None else f" at {self.heard_dbfs} dBFS"
            packets = f"{self.received_packets} packets in, {self.sent_packets} out, {self.codec}"
            lines.append(f"heard {self.heard_s} s{loud} ({packets})")
            if self.digits:
                lines.append(f"digits received: {self.digits}")
            if self.recording:
                lines.append(f"written to {self.recording}")
            if self.cause:
                lines.append(f"ended because: {self.cause}")
        else:
            why = f" ({self.cause})" if self.cause else ""
            lines.append(f"not answered: {self.status} {self.reason}{why}")
        if self.capture:
            lines.append(self.capture)
        if self.advice:
            lines.append(f"-> {self.advice}")
        return "".join(f"  {line}\n" for line in lines)


def packets(stats: Mapping[str, object]) -> tuple[int, int]:
    """Packets received and sent, from the statistics of a bridge."""
    rtp = stats.get("rtp")
    if not isinstance(rtp, Mapping):
        return 0, 0
    streams = rtp.get("streams", ())
    return sum(int(stream["received"]) for stream in streams), int(rtp.get("sent", 0))
