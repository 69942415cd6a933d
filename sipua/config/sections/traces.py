"""The section `traces` of the configuration."""

from __future__ import annotations

import re
from typing import Annotated, Final

from pydantic import AfterValidator, Field

from sipua.config.sections.tools import HttpUrl
from sipua.config.values.fields import Headers, OneLine, Seconds, wrong
from sipua.config.values.section import Section

_ATTRIBUTE: Final = re.compile(r"[a-z][a-z0-9_.-]{0,127}")
_MOST_ATTRIBUTES: Final = 64
_LONGEST_VALUE: Final = 1000


def _attributes(resource: dict[str, str]) -> dict[str, str]:
    form = '{ "deployment.environment.name" = "production" }'
    if len(resource) > _MOST_ATTRIBUTES:
        raise wrong(f"has more than {_MOST_ATTRIBUTES} attributes", form)
    for name, value in resource.items():
        if not _ATTRIBUTE.fullmatch(name):
            raise wrong(f"{name!r} is no name of an attribute", form)
        if not value or len(value) > _LONGEST_VALUE or not value.isprintable():
            raise wrong(f"{name} has no value of 1 to {_LONGEST_VALUE} printable characters", form)
    return resource


class TracesSection(Section):
    """A trace of each call for Jaeger, Tempo, or whatever takes OpenTelemetry. docs/traces.md."""

    enabled: bool = Field(
        default=False,
        description="Write traces, and pass their context on to tools, webhooks and engines "
        "(`pip install 'sipua[otel]'`).",
    )
    endpoint: HttpUrl = Field(
        default="http://127.0.0.1:4318",
        description="Where a collector takes OTLP over HTTP (protobuf). Without a path: "
        "`/v1/traces`. https certificates are verified; redirects are not followed.",
    )
    headers: Headers = Field(
        default={}, description="HTTP headers for the collector; values are kept secret."
    )
    sample: float = Field(
        default=1.0,
        ge=0,
        le=1,
        allow_inf_nan=False,
        description="Share of the calls that are written, 0 to 1, drawn by the call id. Calls with "
        "a fault always are.",
    )
    private: bool = Field(
        default=False,
        description="Write numbers, words, keys, hosts of callers and texts of other sides as "
        "well, as attributes `sipua.private.…`. `record.numbers`, `record.transcripts` and "
        "`calls.mask_dtmf` apply to them.",
    )
    service_name: Annotated[OneLine, Field(min_length=1, max_length=255)] = Field(
        default="sipua", description="`service.name` of the traces."
    )
    resource: Annotated[dict[str, str], AfterValidator(_attributes)] = Field(
        default={},
        description="Further attributes of the resource: "
        '`{ "deployment.environment.name" = "production" }`.',
    )
    timeout_s: Seconds = Field(
        default=10, le=120, description="Longest wait for the collector's answer."
    )
    ca_file: OneLine = Field(
        default="",
        description="Certificates (PEM) that are trusted with those of the system.",
    )
