"""The section `park` of the configuration."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from sipua.config.sections.routes import Patterns
from sipua.config.sections.supervise import Prefix
from sipua.config.values.fields import AS_TUPLE, Name, Seconds
from sipua.config.values.section import Section


class ParkSection(Section):
    """Parked calls: the caller waits until somebody fetches the call. docs/supervise.md."""

    slots: int = Field(default=20, ge=1, le=999, description="Calls that may be parked at once.")
    timeout_s: Seconds = Field(
        default=120,
        description="How long a call stays parked at most; then the agent has it again.",
    )
    prefix: Prefix = Field(
        default="",
        description="Code that fetches a call, such as `*56`, with the number of the slot behind "
        "it. Empty: none.",
    )
    accounts: Annotated[tuple[Name, ...], AS_TUPLE] = Field(
        default=(), description="Accounts and trunks that the code may be dialled from."
    )
    callers: Patterns = Field(
        default=(),
        description="Who may dial it, as patterns like those of routes. Empty: each caller of "
        "`accounts`.",
    )
