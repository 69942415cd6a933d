"""The section `admission` of the configuration."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from sipua.config.values.fields import AS_TUPLE, OneLine
from sipua.config.values.section import Section

Rate = Annotated[float, Field(ge=0, le=100_000)]


class AdmissionSection(Section):
    """Strangers and floods: requests that would begin something. docs/operations.md."""

    stranger_rate: Rate = Field(
        default=10,
        description="Requests a second from one address that may not call; twice as many at once. "
        "What is more gets no answer. 0: no limit.",
    )
    strangers_rate: Rate = Field(
        default=200,
        description="The same of all such addresses together. 0: no limit.",
    )
    peer_rate: Rate = Field(
        default=200,
        description="Requests a second (INVITE, OPTIONS, others; none within a call) from one "
        "address that may call; twice as many at once. What is more gets 503 with Retry-After. "
        "0: no limit.",
    )
    answer_strangers: bool = Field(
        default=True,
        description="Answer what comes from an address that may not call, with one uniform 403. "
        "`false`: in silence; only what claims to be within a call gets 481.",
    )
    scanners: Annotated[tuple[OneLine, ...], AS_TUPLE] = Field(
        default=(
            *("friendly-scanner", "friendly-request", "sipvicious", "sundayddr", "sip-scan"),
            *("sipsak", "iwar", "siparmyknife", "pplsip", "vaxsipuseragent", "sipcli"),
        ),
        description="Parts of the User-Agent of tools that look for open PBXs. From an address "
        "that may not call they get no answer.",
    )
