"""To listen in to calls is a right of its own."""

from __future__ import annotations

from typing import Any

import pytest

from sipua.config import Config
from sipua.control.api import _tokens
from sipua.control.calls.supervise import SuperviseResource
from sipua.control.http.endpoint import Asked
from sipua.control.http.problems import Kind, ProblemError
from sipua.control.link.state import State

PHONES = {"prefixes": ["sip:@pbx.example.com"]}


async def asked(path: str, body: Any, **token: Any) -> Kind:
    """What is wrong with it: there is no call, if nothing else is."""
    given = {"name": "one", "token": "t" * 24, "place": PHONES, **token}
    (known,) = _tokens(Config.model_validate({"api": {"tokens": [given]}}))
    resource = SuperviseResource(State(), None, None)  # type: ignore[arg-type]  # no edge is reached
    endpoint = next(one for one in resource.endpoints() if one.path == f"/v1/calls/{{id}}/{path}")
    assert endpoint.body is not None
    request = Asked(
        path={"id": "c-22222222"},
        query=None,
        body=endpoint.body.model_validate(body),
        token=known,
        request=None,  # type: ignore[arg-type]  # it is not looked at
    )
    with pytest.raises(ProblemError) as raised:
        await endpoint.handler(request)
    return raised.value.kind


ACTS: list[tuple[str, dict[str, str]]] = [
    ("supervisors", {"to": "sip:anna@pbx.example.com"}),
    ("supervisors/mode", {"mode": "barge"}),
    ("supervisors/end", {}),
    ("whisper", {"text": "Be brief."}),
]


@pytest.mark.parametrize(("path", "body"), ACTS)
async def test_each_act_needs_it(path: str, body: dict[str, str]) -> None:
    assert await asked(path, body, right="operator") is Kind.NO_RIGHT
    assert await asked(path, body, right="readonly", supervise=True) is Kind.NO_CALL
    assert await asked(path, body, right="admin") is Kind.NO_CALL


async def test_a_supervisor_is_called_where_the_token_may_call() -> None:
    path, body = "supervisors", {"to": "sip:anna@elsewhere.example.com"}
    assert await asked(path, body, right="admin") is Kind.NOT_ALLOWED_TO_CALL
    assert await asked(path, body, right="admin", place={}) is Kind.NOT_ALLOWED_TO_CALL
