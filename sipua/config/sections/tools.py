"""What the model can do during a call besides talking; docs/tools.md explains it."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, SecretStr

from sipua.config.sections.transfer import TransferSection
from sipua.config.values.fields import (
    AS_TUPLE,
    NO_SECRET,
    Headers,
    OneLine,
    Seconds,
    Secret,
    SoundFile,
    http_url,
    wrong,
)
from sipua.config.values.section import Section
from sipua.config.values.zones import find_zone
from sipua.process.web.signing import Signer
from sipua.tools.wire.schema import SchemaError, compile_schema

# What the vendors accept as the name of a function.
_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")
_PYTHON = re.compile(r"[A-Za-z_][\w.]*:[A-Za-z_][\w.]*|[A-Za-z0-9_.-]+")

Builtin = Literal[
    "hang_up",
    "transfer",
    "send_dtmf",
    "collect_digits",
    "put_on_hold",
    "get_call_info",
    "recording_pause",
    "recording_resume",
    "do_not_call",
]
Fact = Literal["from", "to", "direction", "duration", "time", "sip", "metadata"]


def _tool_name(text: str) -> str:
    if not _NAME.fullmatch(text):
        fix = re.sub(r"[^A-Za-z0-9_-]+", "_", text)[:64] or "find_order"
        raise wrong("a tool's name has 1 to 64 letters, digits, _ and -", f'"{fix}"')
    return text


def _described(text: str) -> str:
    if len(text.split()) < 3:
        raise wrong(
            "tells the model too little: it chooses tools by their descriptions",
            '"Looks up an order by its number. Use it when the caller asks about an order."',
        )
    return text


def _schema(schema: dict[str, Any]) -> dict[str, Any]:
    try:
        compile_schema(schema)
    except SchemaError as error:
        raise wrong(
            f"is no JSON schema of a tool's arguments: {error}",
            '{ type = "object", properties = { order = { type = "string" } }, '
            'required = ["order"] }',
        ) from None
    return schema


def _signing_secret(value: SecretStr) -> SecretStr:
    if value.get_secret_value():
        try:
            Signer(value.get_secret_value())
        except ValueError as error:
            raise wrong(str(error), 'openssl rand -base64 32, with "whsec_" before it') from None
    return value


def _python_tool(text: str) -> str:
    if not _PYTHON.fullmatch(text):
        raise wrong(
            "is neither `package.module:function` nor the name of an installed entry point",
            '"my_tools:find_order"',
        )
    return text


def _timezone(text: str) -> str:
    if text and find_zone(text) is None:
        raise wrong("is no time zone of this system", '"Europe/Berlin", or "" for its own')
    return text


def _distinct(items: tuple[str, ...]) -> tuple[str, ...]:
    for index, item in enumerate(items):
        if item in items[:index]:
            raise wrong(f'has "{item}" twice', "name it once")
    return items


ToolName = Annotated[str, AfterValidator(_tool_name)]
Description = Annotated[str, AfterValidator(_described)]
Schema = Annotated[dict[str, Any], AfterValidator(_schema)]
HttpUrl = Annotated[str, AfterValidator(http_url)]
SigningSecret = Annotated[Secret, AfterValidator(_signing_secret)]
NO_PARAMETERS: dict[str, Any] = {"type": "object", "properties": {}}


class HangUpSection(Section):
    """`hang_up`: the model ends the call, after its goodbye has been heard."""

    goodbye_s: Seconds = Field(
        default=15, description="Longest goodbye that is waited for; then the call ends anyway."
    )


class HoldSection(Section):
    """`put_on_hold`: the caller hears a sound, and the model does not hear the caller."""

    max_s: Seconds = Field(default=120, description="Longest hold that the model may ask for.")
    sound: SoundFile = Field(
        default="",
        description="WAV file (16 bit PCM) for the caller on hold; relative to this file. "
        "Empty: the built-in sound.",
    )


class CallInfoSection(Section):
    """`get_call_info`: what the model may know of the call."""

    reveal: Annotated[tuple[Fact, ...], AS_TUPLE, AfterValidator(_distinct)] = Field(
        default=("from", "to", "direction", "duration", "time"),
        description="Facts that the model may know: `from`, `to` (numbers and names), "
        "`direction`, `duration`, `time` (with date and zone), `sip` (URIs, "
        "account, route, call id), `metadata` (what was set by the HTTP interface).",
    )
    timezone: Annotated[str, AfterValidator(_timezone)] = Field(
        default="", description="Time zone of `time`, such as `Europe/Berlin`. Empty: the system's."
    )


class WebhookSection(Section):
    """A tool on a server of yours: it gets signed JSON over HTTP; its answer goes to the model."""

    name: ToolName = Field(description="Name of the tool.", examples=["find_order"])
    description: Description = Field(
        description="For the model: what the tool does and when to use it.",
        examples=["Looks up an order by its number."],
    )
    url: HttpUrl = Field(
        description="Address of the server. https certificates are verified; redirects are not "
        "followed.",
        examples=["https://crm.example.com/tools/find-order"],
    )
    method: Literal["POST", "PUT", "PATCH"] = Field(default="POST", description="HTTP method.")
    parameters: Schema = Field(
        default=NO_PARAMETERS, description="JSON schema of the arguments, an object."
    )
    parameters_file: OneLine = Field(
        default="", description="JSON file that holds that schema; relative to this file."
    )
    timeout_s: Seconds = Field(
        default=10, description="Longest wait for the answer, retries included."
    )
    retries: int = Field(
        default=2,
        ge=0,
        le=5,
        description="Further attempts when the host cannot be reached or answers 429 or 5xx. Each "
        "has the same `Idempotency-Key`.",
    )
    headers: Headers = Field(default={}, description="HTTP headers; values are kept secret.")
    secret: SigningSecret = Field(
        default=NO_SECRET,
        description="Key of the signature (Standard Webhooks): `whsec_` and base64. Better: "
        "`secret_file`. Empty: requests are not signed.",
    )
    secret_file: str = Field(default="", description="File that holds the secret and nothing else.")


class McpSection(Section):
    """An MCP server whose tools the engine calls by itself. The engine must be able to reach it."""

    label: ToolName = Field(description="Name of the server in tool calls.", examples=["crm"])
    url: HttpUrl = Field(description="Its address.", examples=["https://mcp.example.com/mcp"])
    description: str = Field(default="", description="For the model: what the server offers.")
    authorization: Secret = Field(
        default=NO_SECRET, description="OAuth access token. Better: `authorization_file`."
    )
    authorization_file: str = Field(
        default="", description="File that holds the token and nothing else."
    )
    headers: Headers = Field(default={}, description="HTTP headers; values are kept secret.")
    allowed_tools: Annotated[tuple[str, ...], AS_TUPLE, AfterValidator(_distinct)] = Field(
        default=(), description="Names of its tools that may be called. Empty: all."
    )
    require_approval: Literal["never", "always"] = Field(
        default="never",
        description="`always`: the tools are never run, because an approval is impossible "
        "during a call.",
    )


class ToolsSection(Section):
    """What the model can do during a call besides talking. docs/tools.md."""

    builtin: Annotated[tuple[Builtin, ...], AS_TUPLE, AfterValidator(_distinct)] = Field(
        default=("hang_up",),
        description="Built-in tools on offer: `hang_up`, `transfer`, `send_dtmf`, "
        "`collect_digits`, `put_on_hold`, `get_call_info`, `recording_pause`, "
        "`recording_resume`, `do_not_call`.",
    )
    python: Annotated[
        tuple[Annotated[str, AfterValidator(_python_tool)], ...],
        AS_TUPLE,
        AfterValidator(_distinct),
    ] = Field(
        default=(),
        description="Python functions: `package.module:function`, or the name of an entry point "
        "of the group `sipua.tools` that an installed package has.",
    )
    python_timeout_s: Seconds = Field(default=10, description="Longest run of a Python function.")
    max_running: int = Field(default=4, ge=1, le=32, description="Running tools at once, per call.")
    max_per_minute: int = Field(
        default=30, ge=1, le=600, description="Tool calls within a minute, per call."
    )
    max_result_bytes: int = Field(
        default=16_384,
        ge=256,
        le=65_536,
        description="Longest result for the model; the rest is cut off.",
    )
    hang_up: HangUpSection = Field(default=HangUpSection(), description="Ending the call.")
    transfer: TransferSection = Field(default=TransferSection(), description="Passing it on.")
    put_on_hold: HoldSection = Field(default=HoldSection(), description="Letting it wait.")
    get_call_info: CallInfoSection = Field(default=CallInfoSection(), description="Its facts.")
    webhooks: Annotated[tuple[WebhookSection, ...], AS_TUPLE] = Field(
        default=(), description="Tools behind HTTP."
    )
    mcp: Annotated[tuple[McpSection, ...], AS_TUPLE] = Field(
        default=(), description="Servers of tools that the engine calls."
    )
