"""The section `admission` of the configuration."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, Field

from sipua.config.values.fields import AS_TUPLE, OneLine, wrong
from sipua.config.values.section import Section


def _digest_realm(text: str) -> str:
    if not text or not text.isascii() or not text.isprintable() or set(text) & set('"\\'):
        raise wrong("is no realm: printable ASCII, without quotes and backslashes", '"sipua"')
    return text


DigestRealm = Annotated[str, Field(max_length=64), AfterValidator(_digest_realm)]
Rate = Annotated[float, Field(ge=0, le=100_000)]
Number = Annotated[int, Field(ge=0, le=4000)]
Seconds = Annotated[float, Field(ge=0, le=86_400)]


class AdmissionSection(Section):
    """Strangers and floods: requests that would begin something, and connections by TCP and TLS.
    docs/operations.md."""

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
        description="Answer what comes from an address that may not call, with one uniform 403 "
        "(481 where it claims to be within a call). `false`: in silence.",
    )
    digest_realm: DigestRealm = Field(
        default="sipua",
        description="Realm of our challenges to trunks with `users`.",
    )
    scanners: Annotated[tuple[OneLine, ...], AS_TUPLE] = Field(
        default=(
            *("friendly-scanner", "friendly-request", "sipvicious", "sundayddr", "sip-scan"),
            *("sipsak", "iwar", "siparmyknife", "pplsip", "vaxsipuseragent", "sipcli"),
        ),
        description="Parts of the User-Agent of tools that look for open PBXs. From an address "
        "that may not call they get no answer.",
    )
    connections_per_source: Number = Field(
        default=32,
        description="Connections by TCP and TLS at once from one address that is of no trunk or "
        "account. What is more is reset. New ones a second are bounded as requests are. 0: no "
        "limit.",
    )
    connections: Number = Field(
        default=256,
        description="The same of all such addresses together. For one more, one of the "
        "address that has most of them is closed. 0: no limit.",
    )
    peer_connections: Number = Field(
        default=1024,
        description="Connections at once that trunks and accounts make to us, together. What is "
        "more is reset. 0: no limit.",
    )
    first_request_s: Seconds = Field(
        default=10,
        description="Seconds in which such an address must have sent a first whole request, with "
        "the handshake of TLS; then its connection is closed. 0: no limit.",
    )
    idle_s: Seconds = Field(
        default=60,
        description="Seconds after the last whole request from such an address until its "
        "connection is closed, unless it carries a call. 0: no limit.",
    )
