"""A tool of the configuration: the call as signed JSON, the answer as the model's result."""

from __future__ import annotations

import re
from typing import Any, ClassVar

import msgspec

from sipua.calls.facts import CallFacts
from sipua.config.sections.tools import WebhookSection
from sipua.log.secret_masking import star_registered
from sipua.process import trace_context
from sipua.process.web.signing import Signer
from sipua.tools.call_queue import Result, failure
from sipua.tools.context import ToolContext
from sipua.tools.wire.http_client import HttpClient, HttpError, Request, Response
from sipua.tools.wire.schema import Declaration

_EXCERPT_CHARS = 500
_MARGIN_S = 1.0


class Webhook:
    reveals: ClassVar[bool] = True

    def __init__(self, section: WebhookSection, client: HttpClient, most_bytes: int) -> None:
        self.declaration = Declaration(section.name, section.description, section.parameters)
        self.timeout_s = section.timeout_s + _MARGIN_S  # the client's own deadline comes first
        self._section = section
        self._client = client
        self._most_bytes = most_bytes
        secret = section.secret.get_secret_value()
        self._signer = Signer(secret) if secret else None
        self._headers = {name: value.get_secret_value() for name, value in section.headers.items()}

    async def run(self, arguments: dict[str, Any], context: ToolContext) -> Result | None:
        section, facts = self._section, context.call.facts()
        body = {
            "call_id": facts.call_id,
            "tool": section.name,
            "tool_call_id": context.tool_call_id,
            "arguments": arguments,
            "call": call_facts(facts),
        }
        request = Request(
            url=section.url,
            method=section.method,
            headers=self._headers | _trace_headers(facts, context.tool_call_id),
            signer=self._signer,
            key=_key(facts.call_id, context.tool_call_id),
            body=msgspec.json.encode(body),
            timeout_s=section.timeout_s,
            retries=section.retries,
            most_bytes=self._most_bytes,
        )
        try:
            response = await self._client.send(request)
        except HttpError as error:
            context.log.warning(
                "tool.webhook",
                tool=section.name,
                tool_call_id=context.tool_call_id,
                kind=error.kind,
                error=error.text,
                attempts=error.attempts,
            )
            text = f"The server behind {section.name} {error.text}."
            return failure(text, "timeout" if error.kind == "timeout" else "error", error.text)
        context.log.debug(
            "tool.webhook",
            tool=section.name,
            tool_call_id=context.tool_call_id,
            status=response.status,
            attempts=response.attempts,
            bytes=len(response.body),
        )
        return self._result(response, context)

    def _result(self, response: Response, context: ToolContext) -> Result:
        # A server may quote what it has got; our keys are none of the model's business.
        text = star_registered(response.text.strip())
        if response.ok:
            if response.more:
                text += "… [cut off: the answer is longer]"
            return Result(text or '{"done": true}')
        context.log.warning(
            "tool.webhook",
            tool=self._section.name,
            tool_call_id=context.tool_call_id,
            kind="status",
            status=response.status,
            attempts=response.attempts,
        )
        if 300 <= response.status < 400:
            text = "It points to another address, which is not followed."
        excerpt = f": {text[:_EXCERPT_CHARS]}" if text else "."
        answered = f"answered with status {response.status}"
        return failure(
            f"The server behind {self._section.name} {answered}{excerpt}", reason=answered
        )


def call_facts(facts: CallFacts) -> dict[str, Any]:
    return {
        "from": facts.from_uri,
        "to": facts.to_uri,
        "caller": _caller(facts),
        "called": facts.called,
        "headers": dict(facts.headers),
        "direction": facts.direction,
        "account": facts.origin,
        "route": facts.route,
        "sip_call_id": facts.sip_call_id,
        "started_at": facts.started_at.isoformat(timespec="milliseconds"),
        "duration_s": round(facts.talked_s, 1),
    }


def _caller(facts: CallFacts) -> dict[str, Any]:
    caller = facts.caller
    return {
        "number": caller.number,
        "name": caller.name,
        "anonymous": caller.anonymous,
        "diverted": list(caller.diverted),
        "verstat": caller.verdict.verstat,
        "attest": caller.verdict.attest,
    }


def _trace_headers(facts: CallFacts, tool_call_id: str) -> dict[str, str]:
    if facts.trace is None:
        return {}
    return {trace_context.HEADER: facts.trace.traceparent("tool", tool_call_id)}


def _key(call_id: str, tool_call_id: str) -> str:
    """The key of one tool call of one call. No dots: they separate the signed parts."""
    return re.sub(r"[^A-Za-z0-9_-]", "-", f"{call_id}_{tool_call_id}")[:200]
