"""The section `twilio` of the configuration."""

from __future__ import annotations

import re
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field

from sipua.config.values.addresses import Networks
from sipua.config.values.fields import (
    AS_TUPLE,
    NO_SECRET,
    AccountSid,
    OneLine,
    Secret,
    http_url,
    wrong,
)
from sipua.config.values.parties import Whom
from sipua.config.values.section import Section

_HOST = re.compile(r"[A-Za-z0-9.*?_-]{1,253}|[0-9a-fA-F:]{2,45}")

_LANGUAGE = re.compile(r"[A-Za-z]{2,8}(?:-[A-Za-z0-9]{1,8}){0,3}")


def _host(text: str) -> str:
    if not _HOST.fullmatch(text):
        raise wrong("is no host", 'such as "agent.example.com" or "*.example.com"')
    return text


def _language(text: str) -> str:
    if not _LANGUAGE.fullmatch(text):
        raise wrong("is no language", '"en", "de", "en-US"')
    return text


def _api_url(text: str) -> str:
    if not text:
        return text
    if urlsplit(text).query:
        raise wrong("has a query (?...)", '"https://edge.example.com:8090"')
    return http_url(text)


class TwilioSection(Section):
    """For agents that are made for Twilio. docs/twilio_rest.md, docs/twiml.md."""

    account_sid: AccountSid = Field(
        default="",
        description="Name of the account: `AC` and 32 hexadecimal digits, made up by you. With it "
        "the API also answers as Twilio's REST does, for calls of this edge; engines of type "
        "`twilio_stream` have the same. Empty: it does not.",
        examples=["AC0123456789abcdef0123456789abcdef"],
    )
    auth_token: Secret = Field(
        default=NO_SECRET,
        description="Key that requests to the agent are signed with (`X-Twilio-Signature`): its "
        "AuthToken. Better: `auth_token_file`. Empty: they are not signed.",
    )
    auth_token_file: str = Field(
        default="", description="File that holds the token and nothing else."
    )
    hosts: Annotated[tuple[Annotated[str, AfterValidator(_host)], ...], AS_TUPLE] = Field(
        default=(),
        description="Hosts that documents and callers of the REST may name, with `*` and `?`: for "
        "further documents, sounds, streams and status callbacks. The host and port of a route's "
        "`voice_url` are among them already.",
        examples=[["agent.example.com"]],
    )
    allow: Networks = Field(
        default=(),
        description="Networks that may be reached beside public addresses: `10.1.2.0/24`, "
        "`127.0.0.1`. All others are refused, whatever a host's name resolves to.",
    )
    may_call: Whom = Field(
        default=(),
        description="Whom documents may call and refer to (`<Dial>`, `<Refer>`), beside the "
        'targets of `tools.transfer` by their names: the beginning of a number (`"+49"`), or a URI '
        '(`"sip:@pbx.example.com"`: everyone at that host). Empty: nobody else.',
    )
    language: Annotated[str, AfterValidator(_language)] = Field(
        default="en",
        description="Language of a `<Say>` that names none: that of a voice of espeak-ng.",
    )
    ca_file: OneLine = Field(
        default="",
        description="Certificates (PEM) that are trusted with those of the system.",
    )
    recordings: OneLine = Field(
        default="",
        description="Folder of what documents have recorded of callers (`<Record>`), "
        "`DATE/RE….wav`; it is made when it does not exist. Empty: `<Record>` does nothing. Mind "
        "the law of both sides' countries. docs/twiml_record.md.",
        examples=["recordings/twiml"],
    )
    recordings_days: int = Field(
        default=30,
        ge=0,
        le=36_500,
        description="`recordings`: those of older days are deleted. 0: never.",
    )
    api_url: Annotated[str, AfterValidator(_api_url)] = Field(
        default="",
        description="`recordings`: the address at which agents reach the API of this edge; a "
        "`RecordingUrl` begins with it.",
        examples=["https://edge.example.com:8090"],
    )
