"""The section `hep` of the configuration."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from sipua.config.values.fields import AS_TUPLE, NO_SECRET, OneLine, Port, Secret, not_empty
from sipua.config.values.section import Section


class HepSection(Section):
    """What calls send and receive, for Homer (HEP 3). docs/homer.md."""

    enabled: bool = Field(default=False, description="Send to the collector.")
    host: OneLine = Field(default="127.0.0.1", description="Host name or address of the collector.")
    port: Port = Field(default=9060, description="Port of the collector.")
    transport: Literal["udp", "tcp", "tls"] = Field(
        default="udp",
        description="`udp` never waits. `tcp` and `tls` connect again when they are cut. Only "
        "`tls` hides from the network what is sent.",
    )
    ca_file: OneLine = Field(
        default="",
        description="Certificates (PEM) that the collector's is checked with, for `tls`. Empty: "
        "those of the system.",
    )
    what: Annotated[
        tuple[Literal["sip", "rtcp", "logs", "cdr"], ...], AS_TUPLE, AfterValidator(not_empty)
    ] = Field(
        default=("sip", "rtcp", "logs", "cdr"),
        description="What is sent: all SIP messages with secrets masked, but with whole numbers; "
        "RTCP of calls; events of calls; their records.",
    )
    capture_id: int = Field(
        default=2001,
        ge=0,
        le=0xFFFFFFFF,
        description="Number of this edge among all that send to the collector.",
    )
    auth_key: Secret = Field(
        default=NO_SECRET,
        description="Key that the collector asks for; it is sent with each packet. Better: "
        "`auth_key_file`.",
    )
    auth_key_file: str = Field(default="", description="File that holds the key and nothing else.")
