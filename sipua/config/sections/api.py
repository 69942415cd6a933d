"""The HTTP API of the edge; docs/api.md explains it."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from sipua.config.values.fields import AS_TUPLE, NO_SECRET, Name, OneLine, Port, Secret
from sipua.config.values.parties import Whom
from sipua.config.values.section import Section

SHORTEST_TOKEN = 24


class PlaceSection(Section):
    """The right to place calls by the API. Nothing may be called unless it is named here."""

    prefixes: Whom = Field(
        default=(),
        description='Whom calls may go to: the beginning of a number (`"+49"`), or a URI '
        '(`"sip:200@pbx.example.com"`; with an empty user everyone at that host). A number is '
        "what stands before the @, in whatever form it is called. Empty: no calls.",
    )
    max_calls: int = Field(
        default=1, ge=1, le=10_000, description="Calls at once that this token has placed."
    )
    per_minute: int = Field(
        default=6, ge=1, le=100_000, description="Calls that it may place in a minute."
    )


class TokenSection(Section):
    """A token of the API: one for each use, so that one can be taken back alone."""

    name: Name = Field(
        description="Name in logs and events; unique. It is no secret.", examples=["monitoring"]
    )
    token: Secret = Field(
        default=NO_SECRET,
        description="The token, at least 24 characters. Better: `token_file`.",
    )
    token_file: str = Field(
        default="",
        description="File that holds the token and nothing else, readable for no other user: "
        "`umask 077; openssl rand -hex 24 > FILE`.",
    )
    right: Literal["readonly", "operator", "admin"] = Field(
        default="readonly",
        description="`readonly`: look, but not at words, records and SIP messages. "
        "`operator`: look at these, too, and steer calls. `admin`: also drain and set "
        "the level of the log. To place calls is a right of its own: `place`.",
    )
    supervise: bool = Field(
        default=False,
        description="The right to listen in to calls, to talk in them and to take them over; "
        "`admin` has it, too. Supervisors are called where `place.prefixes` allow it.",
    )
    place: PlaceSection = PlaceSection()


class ApiSection(Section):
    """The HTTP API: calls to look at and to steer, events, health. docs/api.md."""

    enabled: bool = Field(default=False, description="Serve it.")
    host: OneLine = Field(
        default="127.0.0.1",
        description="Address to listen on. Any other than this machine's own needs TLS and tokens.",
    )
    port: Port = Field(default=8090, description="Port to listen on. 0 takes a free one.")
    tls_certificate: OneLine = Field(
        default="", description="File of the certificate, with its chain (PEM)."
    )
    tls_key: OneLine = Field(default="", description="File of its key (PEM).")
    requests_per_second: int = Field(
        default=50,
        ge=1,
        le=10_000,
        description="Requests that one token may make in a second; twice as many at once.",
    )
    max_connections: int = Field(
        default=2000,
        ge=10,
        le=60_000,
        description="Connections at once, readers of events included; and never more than half "
        "of the descriptors that the process may have.",
    )
    sip_ladder: bool = Field(
        default=True,
        description="Keep the SIP messages of each call, and of the last 1,000 that have ended, in "
        "memory, with secrets starred: `sipua calls show ID --sip`.",
    )
    page: bool = Field(
        default=True,
        description="Serve the page for browsers at `/`: docs/page.md. It asks with a token, too.",
    )
    ready_needs_registrations: bool = Field(
        default=False,
        description="`/health/ready` answers 503 while an account is not registered.",
    )
    tokens: Annotated[tuple[TokenSection, ...], AS_TUPLE] = Field(
        default=(), description="Who may ask. Without any, only `/health/` answers."
    )
