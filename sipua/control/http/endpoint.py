"""What can be asked, as data: the server and the OpenAPI document are written from it."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, TypeAlias

from aiohttp import web
from pydantic import BaseModel

from sipua.control.http.dialect import Dialect, Plain
from sipua.control.http.problems import Kind, ProblemError
from sipua.control.http.tokens import Right, Token

JSON = "application/json"
EVENTS = "text/event-stream"
LINES = "application/x-ndjson"
METRICS = "text/plain"
"""Of Prometheus; a reader that asks for OpenMetrics gets that."""


@dataclass(frozen=True, slots=True)
class Asked:
    """A request that was admitted, and whose parts are valid."""

    path: Mapping[str, str]
    query: Any
    body: Any
    token: Token | None
    """None: nobody needs one here."""
    request: web.BaseRequest

    def may(self, right: Right) -> bool:
        return self.token is not None and not self.token.right < right

    @property
    def by(self) -> str:
        """Who asks, for logs and events."""
        return self.token.name if self.token else ""


@dataclass(frozen=True, slots=True)
class Answer:
    body: BaseModel | bytes | None = None
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)

    def encoded(self) -> Answer:
        """With its body as it is sent."""
        if not isinstance(self.body, BaseModel):
            return self
        data = self.body.model_dump_json(by_alias=True, exclude_none=True).encode()
        return replace(self, body=data)


Handler: TypeAlias = Callable[[Asked], Awaitable[Answer | web.StreamResponse]]


@dataclass(frozen=True, slots=True)
class Endpoint:
    method: str
    path: str
    """With names in braces: `/v1/calls/{id}`."""
    name: str
    """Of the operation, in the document and in clients made from it."""
    summary: str
    handler: Handler
    right: Right | None
    """None: without a token."""
    answers: Mapping[int, type[BaseModel] | None]
    body: type[BaseModel] | None = None
    body_needed: bool = True
    query: type[BaseModel] | None = None
    problems: Sequence[Kind] = ()
    """Besides those that every endpoint has."""
    media_type: str = JSON
    headers: Mapping[str, str] = field(default_factory=dict)
    """Request headers: name and meaning."""
    idempotent: bool = False
    """Whether an Idempotency-Key is needed."""
    for_probes: bool = False
    """Without a token and without a bound of requests: it costs no more than a refusal would, and
    what else asks from the same address must not shut out a supervisor's probe."""
    documented: bool = True
    """False: a file of the page, and no part of the API."""


def _pattern(path: str) -> re.Pattern[str]:
    return re.compile(re.sub(r"\\\{(\w+)\\\}", r"(?P<\1>[^/]{1,64})", re.escape(path)))


class Table:
    """Finds the endpoint of a request."""

    def __init__(self, endpoints: Sequence[Endpoint], dialects: Sequence[Dialect] = ()) -> None:
        """`dialects`: of those that are not asked in ours."""
        self.endpoints = tuple(endpoints)
        self._dialects = (*dialects, Plain())
        self._patterns = {
            path: _pattern(path) for path in dict.fromkeys(endpoint.path for endpoint in endpoints)
        }
        self._of = {(one.path, one.method): one for one in endpoints}

    def dialect(self, path: str) -> Dialect:
        return next(one for one in self._dialects if path.startswith(one.prefix))

    def find(self, method: str, path: str) -> tuple[Endpoint, dict[str, str]]:
        """Raises ProblemError."""
        for template, pattern in self._patterns.items():
            if found := pattern.fullmatch(path):
                endpoint = self._of.get((template, "GET" if method == "HEAD" else method))
                if endpoint is not None and (method, endpoint.media_type) != ("HEAD", EVENTS):
                    return endpoint, found.groupdict()
                allowed = [one for at, one in self._of if at == template]
                raise ProblemError(Kind.METHOD, headers={"Allow": ", ".join(allowed)})
        raise ProblemError(Kind.NOT_FOUND)
