"""How Twilio's clients ask: Basic authentication, forms, and errors with numbers.

The password is one of the tokens of our API: it has its rights, its bounds and its line in the
audit log. The user is the account, or a key (`SK…`), whose secret the password then is.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final
from urllib.parse import parse_qsl

from pydantic import BaseModel

from sipua.control.http.problems import FieldError, Kind, ProblemError
from sipua.log import logs
from sipua.twilio.rest import errors
from sipua.twilio.rest.resource import ROOT

_MOST_FIELDS: Final = 100

_ANSWERS: Final[Mapping[Kind, tuple[int, int]]] = {
    Kind.NO_TOKEN: (401, errors.NO_CREDENTIALS),
    Kind.WRONG_TOKEN: (401, errors.NO_CREDENTIALS),
    Kind.TOKEN_IN_URL: (401, errors.NO_CREDENTIALS),
    Kind.NO_RIGHT: (403, errors.FORBIDDEN),
    Kind.NOT_ALLOWED_TO_CALL: (400, errors.NOT_ALLOWED_TO_CALL),
    Kind.BLOCKED: (400, errors.NOT_ALLOWED_TO_CALL),
    Kind.NOT_FOUND: (404, errors.NOT_FOUND),
    Kind.NO_CALL: (404, errors.NOT_FOUND),
    Kind.CALL_ENDED: (404, errors.NOT_FOUND),
    Kind.METHOD: (405, errors.METHOD),
    Kind.WRONG_STATE: (400, errors.WRONG_STATE),
    Kind.UNSUPPORTED: (400, errors.WRONG_STATE),
    Kind.TOO_MANY: (429, errors.TOO_MANY),
    Kind.INTERNAL: (500, errors.INTERNAL),
}
"""Status and number."""
_THEIRS: Final = 400, errors.BAD_REQUEST
_OURS: Final = 503, errors.UNAVAILABLE
"""Those of every other kind, by whose fault it is."""


@dataclass
class NumberedProblemError(ProblemError):
    """One for which Twilio has a number of its own."""

    code: int = errors.BAD_REQUEST


class TwilioDialect:
    prefix = f"{ROOT}/"
    content_type = "application/x-www-form-urlencoded"

    def __init__(self, account_sid: str) -> None:
        self._account_sid = account_sid

    def authorization(self, headers: Mapping[str, str]) -> str | None:
        # A browser adds credentials that it has been given once to what any page makes it send.
        if "Origin" in headers or headers.get("Sec-Fetch-Site", "none") != "none":
            return None
        scheme, _, credentials = headers.get("Authorization", "").strip().partition(" ")
        if scheme.lower() != "basic":
            return None
        try:
            text = base64.b64decode(credentials.strip(), validate=True).decode()
        except (binascii.Error, ValueError):
            return None
        user, _, password = text.partition(":")
        known = user == self._account_sid or user.startswith("SK")
        return f"Bearer {password}" if known else None

    def read(self, model: type[BaseModel], data: bytes) -> BaseModel:
        try:
            given = parse_qsl(
                data.decode(), keep_blank_values=True, max_num_fields=_MOST_FIELDS, errors="strict"
            )
        except ValueError:
            raise ProblemError(Kind.INVALID, "the body is no form") from None
        values: dict[str, str] = {}
        for name, value in given:
            values[name] = f"{values[name]} {value}" if name in values else value
        known = {field.alias for field in model.model_fields.values()}
        if unknown := sorted(values.keys() - known):
            shown = ", ".join(name[:40] for name in unknown[:20])
            logs.get().warning("twilio.parameters_without_effect", parameters=shown)
        return model.model_validate({name: values[name] for name in values.keys() & known})

    def refusal(self, problem: ProblemError, path: str) -> tuple[int, bytes, Mapping[str, str]]:
        usual = _OURS if problem.kind.status >= 500 else _THEIRS
        status, code = _ANSWERS.get(problem.kind, usual)
        if isinstance(problem, NumberedProblemError):
            code = problem.code
        headers = {"Content-Type": "application/json", **problem.headers}
        if status == 401:
            headers["WWW-Authenticate"] = 'Basic realm="sipua"'
        return status, errors.body(code, status, _message(problem, path)), headers


def _message(problem: ProblemError, path: str) -> str:
    if problem.kind in (Kind.NOT_FOUND, Kind.NO_CALL, Kind.CALL_ENDED):
        return f"The requested resource {path} was not found"
    faults = "; ".join(_words(error) for error in problem.errors[:5])
    return ": ".join(part for part in (problem.kind.title, problem.detail, faults) if part)


def _words(error: FieldError) -> str:
    return f"{error.pointer.removeprefix('/')}: {error.detail}"
