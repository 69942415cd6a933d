"""What the bodies of requests and answers have in common. Descriptions of fields are those of the
OpenAPI document.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, PlainSerializer

from sipua.events.teller import rfc3339

Moment = Annotated[
    datetime, PlainSerializer(rfc3339, return_type=str, when_used="json"), Field(strict=False)
]


class Request(BaseModel):
    """The base of bodies: what is not known is refused."""

    model_config = ConfigDict(extra="forbid", strict=True)


class Query(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Shown(BaseModel):
    model_config = ConfigDict(from_attributes=True)
