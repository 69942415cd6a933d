"""The section `capture` of the configuration."""

from __future__ import annotations

from pydantic import Field

from sipua.config.values.fields import OneLine
from sipua.config.values.section import Section


class CaptureSection(Section):
    """Calls written to pcap files, to look at in Wireshark or `sipua bench`. docs/captures.md."""

    enabled: bool = Field(
        default=False,
        description="Write each call (that `match` names) to `directory/CALL_ID.pcap`. The files "
        "hold what people said: mind the law.",
    )
    directory: OneLine = Field(
        default="captures",
        description="Where to; made when it is not there. Relative to the working directory.",
    )
    match: OneLine = Field(
        default="",
        description="Only calls whose From or To has this in it, such as `100@`; with `*` or `?` "
        "it is a pattern for the whole header. Empty: all.",
    )
    sip: bool = Field(
        default=True, description="The call's SIP messages; secrets in them are masked."
    )
    rtp: bool = Field(default=True, description="The call's RTP, both directions.")
    max_mb_per_call: int = Field(
        default=20,
        ge=1,
        le=4000,
        description="Where a file ends; the call goes on. A minute of G.711 is 1.3 MB.",
    )
    max_total_mb: int = Field(
        default=1000,
        ge=1,
        le=1_000_000,
        description="All files of `directory` together, each call that is up reckoned with "
        "`max_mb_per_call`; the oldest are deleted to make room.",
    )
