"""The token that asks: a client that offers only what its token may do asks for it first."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from pydantic import Field

from sipua.control.http.endpoint import Answer, Asked, Endpoint
from sipua.control.http.tokens import Right
from sipua.control.resources.models import Shown


class Place(Shown):
    """Whom the token may call."""

    prefixes: list[str]
    max_calls: int
    per_minute: int


class TokenShown(Shown):
    """A token, without its text."""

    name: str
    right: Literal["readonly", "operator", "admin"]
    supervise: bool | None = Field(
        default=None, description="True: it may listen in to calls. Missing: it may not."
    )
    place: Place | None = Field(default=None, description="Missing: it may place no calls.")


class TokenResource:
    def endpoints(self) -> Sequence[Endpoint]:
        return (
            Endpoint(
                "GET",
                "/v1/token",
                "show_token",
                "The token that asks, and what it may do.",
                self._show,
                Right.READONLY,
                {200: TokenShown},
            ),
        )

    async def _show(self, asked: Asked) -> Answer:
        token = asked.token
        assert token is not None, "the endpoint has a right"
        place = token.placing
        return Answer(
            TokenShown(
                name=token.name,
                right=token.right.value,
                supervise=token.may_supervise or None,
                place=Place(
                    prefixes=list(place.prefixes),
                    max_calls=place.max_calls,
                    per_minute=place.per_minute,
                )
                if place
                else None,
            )
        )
