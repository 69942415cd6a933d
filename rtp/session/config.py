"""What the configuration says about the RTP of every call."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class RtpConfig:
    ptime_ms: int = 20
    hold_ms: float = 60
    """How long to wait behind a gap until the jitter is known."""
    min_hold_ms: float = 20
    max_hold_ms: float = 200
    timeout_s: float = 20
    hold_timeout_s: float = 300
    """The timeout while the call is on hold."""
    keepalive_s: float = 0
    """Without audio of ours a packet leaves so often; 0: none does."""
