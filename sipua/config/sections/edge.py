"""The processes of the edge."""

from __future__ import annotations

from pydantic import Field

from sipua.config.values.fields import Workers
from sipua.config.values.section import Section


class EdgeSection(Section):
    """The processes that carry calls: signalling has one, and each call lives in a worker."""

    name: str = Field(
        default="",
        max_length=64,
        pattern=r"^[A-Za-z0-9._-]*$",
        description="The name of this edge in events and records, where there are several. Empty: "
        "the name of the host.",
    )
    workers: Workers = Field(
        default="auto",
        description="Worker processes, as a whole number. `auto`: one for each processor that this "
        "process may use, within the limit of its container.",
    )
    worker_memory_mb: int = Field(
        default=1024,
        ge=0,
        description="Memory that a worker may have; one with more is ended with its calls, and "
        "replaced. A worker has about 70 MB, and up to 1 MB more for each call; the rest is for "
        "the functions of `tools.python`. 0: no limit.",
    )
