"""The parameters that have an effect, by the names that Twilio's clients send."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from sipua.calls.steer import place_request
from sipua.control.resources.models import Query
from sipua.twilio.request import CallStatus
from sipua.twilio.twiml.parse import LONGEST_TWIML

LARGEST_PAGE = 1000


class _Documents(BaseModel):
    model_config = ConfigDict(extra="forbid")

    twiml: str = Field(default="", alias="Twiml", max_length=LONGEST_TWIML)
    url: str = Field(default="", alias="Url", max_length=4096)
    method: Literal["GET", "POST"] = Field(default="POST", alias="Method")
    fallback_url: str = Field(default="", alias="FallbackUrl", max_length=4096)


class UpdateCall(_Documents):
    """Of a call that is up."""

    status: Literal["", "completed", "canceled"] = Field(default="", alias="Status")


class CreateCall(_Documents):
    to: str = Field(alias="To", min_length=1, max_length=512)
    from_: str = Field(alias="From", min_length=1, max_length=512)
    application_sid: str = Field(default="", alias="ApplicationSid", max_length=64)
    timeout: float | None = Field(
        default=None, alias="Timeout", ge=1, le=place_request.LONGEST_RING_S
    )
    time_limit: float | None = Field(
        default=None, alias="TimeLimit", ge=1, le=place_request.LONGEST_CALL_S
    )
    machine_detection: Literal["", "Enable", "DetectMessageEnd"] = Field(
        default="", alias="MachineDetection"
    )

    status_callback: str = Field(default="", alias="StatusCallback", max_length=4096)
    status_callback_method: Literal["GET", "POST"] = Field(
        default="POST", alias="StatusCallbackMethod"
    )
    status_callback_event: str = Field(default="completed", alias="StatusCallbackEvent")
    """Separated by blanks."""


class ListCalls(Query):
    status: Literal["", CallStatus] = Field(default="", alias="Status")
    to: str = Field(default="", alias="To", max_length=512)
    from_: str = Field(default="", alias="From", max_length=512)
    page_size: int = Field(default=50, alias="PageSize", ge=1, le=LARGEST_PAGE)
    page: int = Field(default=0, alias="Page", ge=0, le=10**6)
