"""The section `capture` of the configuration."""

from __future__ import annotations

from pydantic import Field

from sipua.config.values.fields import OneLine
from sipua.config.values.section import Section


class CaptureSection(Section):
    """Calls written to pcap files, for Wireshark or `sipua bench`. docs/captures.md."""

    enabled: bool = Field(
        default=False,
        description="Write each call (that `match` selects) to `directory/CALL_ID.pcap`. The "
        "files hold what people said: mind the law.",
    )
    directory: OneLine = Field(
        default="captures",
        description="Folder of the files; it is made when it does not exist. Relative to the "
        "working directory.",
    )
    match: OneLine = Field(
        default="",
        description="Only calls whose From or To contains this text, such as `100@`. With `*` "
        "or `?` it is a pattern for the whole header. Empty: all calls.",
    )
    sip: bool = Field(
        default=True, description="The call's SIP messages; secrets in them are masked."
    )
    rtp: bool = Field(default=True, description="The call's RTP, both directions.")
    max_mb_per_call: int = Field(
        default=20,
        ge=1,
        le=4000,
        description="Longest file; the call goes on without capture. A minute of G.711 is 1.3 MB.",
    )
    max_total_mb: int = Field(
        default=1000,
        ge=1,
        le=1_000_000,
        description="Size of all files in `directory` together; a running call counts with "
        "`max_mb_per_call`. The oldest files are deleted to make room.",
    )
