"""One small change of pjproject's source."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Mend:
    file: str
    place: str
    """Must be there just once."""
    becomes: str
