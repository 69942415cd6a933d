"""How requests are written: a client of another vendor's API has its own ways."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from pydantic import BaseModel

from sipua.control.http.problems import MEDIA_TYPE, ProblemError


class Dialect(Protocol):
    """Of all paths that begin with `prefix`."""

    @property
    def prefix(self) -> str: ...

    @property
    def content_type(self) -> str:
        """Of the bodies of requests."""

    def authorization(self, headers: Mapping[str, str]) -> str | None:
        """The header of that name as ours would be: with a token. `headers`: their names are
        found in any case."""

    def read(self, model: type[BaseModel], data: bytes) -> BaseModel:
        """Raises ValidationError and ProblemError."""

    def refusal(self, problem: ProblemError, path: str) -> tuple[int, bytes, Mapping[str, str]]:
        """Status, body and headers."""


class Plain:
    """Ours: JSON, tokens, problems of RFC 9457."""

    prefix = "/"
    content_type = "application/json"

    def authorization(self, headers: Mapping[str, str]) -> str | None:
        return headers.get("Authorization")

    def read(self, model: type[BaseModel], data: bytes) -> BaseModel:
        return model.model_validate_json(data)

    def refusal(self, problem: ProblemError, path: str) -> tuple[int, bytes, Mapping[str, str]]:
        headers = {"Content-Type": MEDIA_TYPE, **problem.headers}
        return problem.kind.status, problem.body(path), headers
