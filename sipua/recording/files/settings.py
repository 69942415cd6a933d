"""The settings of recordings."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal, TypeAlias

When: TypeAlias = Literal["off", "on_demand", "always"]
Format: TypeAlias = Literal["wav", "wav-g711", "flac", "opus"]
Consent: TypeAlias = Literal["none", "announce", "key"]

ENDINGS: Final = {"wav": ".wav", "wav-g711": ".wav", "flac": ".flac", "opus": ".opus"}
SEALED: Final = ".age"
PART: Final = ".part.wav"


@dataclass(frozen=True, slots=True)
class RecordingSettings:
    directory: Path
    format: Format = "wav"
    consent: Consent = "none"
    key: str = "1"
    key_wait_s: float = 10.0
    pause_while_collecting: bool = True
    mask_digits: bool = False
    """Silence in place of keys that are heard as tones."""
    recipients: tuple[str, ...] = ()
    """Public keys of age; none: the files are not sealed."""
    upload: bool = False
    """A finished file waits to be sent to S3."""

    @property
    def ending(self) -> str:
        """Of a finished file."""
        return ENDINGS[self.format] + (SEALED if self.recipients else "")
