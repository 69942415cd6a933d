"""The errors of the API: a closed list, as `application/problem+json` (RFC 9457). docs/api.md."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum

from pydantic import BaseModel, Field

TYPE = "urn:sipua:problem:"
MEDIA_TYPE = "application/problem+json"


class Kind(Enum):
    """Its type behind `urn:sipua:problem:`, the status and the title."""

    NO_TOKEN = ("no-token", 401, "A token is needed")
    WRONG_TOKEN = ("wrong-token", 401, "This token is not known")
    TOKEN_IN_URL = ("token-in-url", 401, "A token does not belong into a URL")
    NO_RIGHT = ("no-right", 403, "This token may not do that")
    NOT_ALLOWED_TO_CALL = ("not-allowed-to-call", 403, "This token may not call there")
    BLOCKED = ("blocked", 403, "This number is not called")
    NOT_FOUND = ("not-found", 404, "There is no such thing")
    NO_CALL = ("no-call", 404, "There is no such call")
    METHOD = ("method-not-allowed", 405, "This method is not allowed here")
    CALL_ENDED = ("call-ended", 409, "The call is over")
    WRONG_STATE = ("wrong-state", 409, "That cannot be done now")
    KEY_IN_USE = ("idempotency-key-in-use", 409, "The first request with this key still runs")
    TOO_LARGE = ("too-large", 413, "The body is too large")
    NO_JSON = ("no-json", 415, "The body must be JSON")
    INVALID = ("invalid", 400, "The request is not valid")
    KEY_MISSING = ("idempotency-key-missing", 400, "An Idempotency-Key is needed")
    KEY_REUSED = ("idempotency-key-reused", 422, "This key came with another request")
    UNFIT_CONFIG = ("unfit-configuration", 422, "The configuration cannot be used")
    TOO_MANY = ("too-many-requests", 429, "Too many requests")
    SLOW = ("too-slow", 408, "The request did not come in time")
    UNSUPPORTED = ("unsupported", 409, "What the call ends in cannot do it")
    FAILED = ("failed", 502, "The other side or the engine refused")
    INTERNAL = ("internal", 500, "A fault of the edge")
    NOT_READY = ("not-ready", 503, "Calls are not taken now")
    EDGE_SILENT = ("edge-silent", 503, "The edge does not answer")
    NO_CAPACITY = ("no-capacity", 503, "There is no room for it now")
    STORAGE = ("storage", 503, "What is kept on disk cannot be read or written")
    NO_ANSWER_IN_TIME = ("no-answer-in-time", 504, "It is not known yet how it ended")

    def __init__(self, name: str, status: int, title: str) -> None:
        self.type = TYPE + name
        self.status = status
        self.title = title


class FieldError(BaseModel):
    """One fault of a request."""

    pointer: str = Field(description="Where: a JSON pointer into the body, or the parameter.")
    detail: str = Field(description="What is wrong with it.")


class SipStatus(BaseModel):
    """A status of SIP signalling."""

    status: int
    reason: str


class ProblemBody(BaseModel):
    """An error (RFC 9457)."""

    type: str = Field(description="Which of the documented kinds it is.")
    title: str = Field(description="The kind, in words.")
    status: int = Field(description="The HTTP status.")
    detail: str | None = Field(default=None, description="What went wrong here.")
    instance: str | None = Field(default=None, description="The path that was asked for.")
    errors: list[FieldError] | None = Field(default=None, description="The faults of a request.")
    sip: SipStatus | None = Field(default=None, description="What signalling said.")


@dataclass
class ProblemError(Exception):
    """Raised anywhere below a request, and sent as its answer."""

    kind: Kind
    detail: str = ""
    errors: Sequence[FieldError] = ()
    headers: Mapping[str, str] = field(default_factory=dict)
    sip: SipStatus | None = None

    def body(self, instance: str) -> bytes:
        told = ProblemBody(
            type=self.kind.type,
            title=self.kind.title,
            status=self.kind.status,
            detail=self.detail or None,
            instance=instance,
            errors=list(self.errors) or None,
            sip=self.sip,
        )
        return told.model_dump_json(exclude_none=True).encode()


def retry_later(kind: Kind, detail: str, after_s: float) -> ProblemError:
    return ProblemError(kind, detail, headers={"Retry-After": str(max(1, round(after_s + 0.5)))})
