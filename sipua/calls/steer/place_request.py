"""A call that is to be placed, as those outside ask for it, and why it may not be."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Literal, TypeAlias

from sipua.calls.steer.commands import RunDocuments
from sipua.calls.steer.metadata import metadata_fault
from sipua.sip.parties import headers

LONGEST_RING_S: Final = 600
LONGEST_CALL_S: Final = 86_400

NotPlaced: TypeAlias = Literal[
    "invalid",
    "blocked",
    "list_unreadable",
    "draining",
    "full",
    "trunk_full",
    "no_worker",
    "no_port",
    "failed",
]


class CannotPlaceError(Exception):
    """The text says why, to those who asked."""

    def __init__(
        self, kind: NotPlaced, text: str, *, retry_after_s: float = 0.0, rule: str = ""
    ) -> None:
        """`rule`: what forbids it, where it is a rule of the configuration."""
        super().__init__(text)
        self.kind = kind
        self.retry_after_s = retry_after_s
        self.rule = rule


@dataclass(frozen=True, slots=True)
class PlaceRequest:
    to: str
    """A SIP URI, or a number at the account or trunk."""
    origin: str = ""
    """The account or trunk that it goes out by; empty: straight to the host in `to`."""
    route: str = ""
    """The agent; empty: the first route that fits."""
    headers: Mapping[str, str] = field(default_factory=dict)
    """Of the INVITE."""
    caller_id: str = ""
    """Our number; empty: the trunk's."""
    metadata: Mapping[str, str] = field(default_factory=dict)
    ring_timeout_s: float | None = None
    """None: as configured."""
    max_duration_s: float | None = None
    answering: str = ""
    """`off` or `detect`; empty: as the route has it, as the next one."""
    on_voicemail: str = ""
    documents: RunDocuments | None = None
    """They lead the call, whatever its route has."""
    by: str = ""
    """Whose token it was."""


def fault_of(request: PlaceRequest) -> str:
    """What is wrong with it in itself; empty: nothing. Target, account and route are not judged."""
    for name, value, most in (
        ("ring_timeout_s", request.ring_timeout_s, LONGEST_RING_S),
        ("max_duration_s", request.max_duration_s, LONGEST_CALL_S),
    ):
        if value is not None and not 1 <= value <= most:
            return f"`{name}` is to be from 1 to {most}"
    if len(request.headers) > headers.MOST:
        return f"`headers` has more than {headers.MOST} fields"
    for name, text in request.headers.items():
        if fault := headers.fault(name, text):
            return f"`headers`: {fault}"
    return metadata_fault(request.metadata)
