"""What the configuration says of every call."""

from __future__ import annotations

from dataclasses import dataclass, field

from sipua.calls.legs.targets import TransferSettings
from sipua.codecs.pcm import Pcm
from sipua.record.settings import Numbers


@dataclass(frozen=True, slots=True)
class CallLimits:
    """The configuration of every call."""

    ring_timeout_s: float
    max_duration_s: float
    mask_dtmf: bool = True
    numbers: Numbers = "last4"
    """How much of the other side's number is logged."""
    transfer: TransferSettings = field(default_factory=TransferSettings)
    early_media: Pcm | None = None
    """What the callers of this trunk or account hear before the answer; None: their own ringing."""
