"""To listen in to calls is a right of its own."""

from __future__ import annotations

from typing import Any

import pytest

from sipua.control.calls.supervise import SuperviseResource
from sipua.control.http.endpoint import Asked
from sipua.control.http.problems import Kind, ProblemError
from sipua.control.http.tokens import Placing, Right, Token
from sipua.control.link.state import State

PHONES = Placing(("sip:@pbx.example.com",), 1, 6)


async def asked(path: str, body: Any, **token: Any) -> Kind:
    """What is wrong with it: there is no call, if nothing else is."""
    resource = SuperviseResource(State(), None, None)  # type: ignore[arg-type]  # no edge is reached
    endpoint = next(one for one in resource.endpoints() if one.path == f"/v1/calls/{{id}}/{path}")
    assert endpoint.body is not None
    request = Asked(
        path={"id": "c-22222222"},
        query=None,
        body=endpoint.body.model_validate(body),
        token=Token("one", b"", **token),
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
    token = {"placing": PHONES}
    assert await asked(path, body, right=Right.OPERATOR, **token) is Kind.NO_RIGHT
    assert await asked(path, body, right=Right.READONLY, supervises=True, **token) is Kind.NO_CALL
    assert await asked(path, body, right=Right.ADMIN, **token) is Kind.NO_CALL


async def test_a_supervisor_is_called_where_the_token_may_call() -> None:
    path, body = "supervisors", {"to": "sip:anna@elsewhere.example.com"}
    may_not = Kind.NOT_ALLOWED_TO_CALL
    assert await asked(path, body, right=Right.ADMIN, placing=PHONES) is may_not
    assert await asked(path, body, right=Right.ADMIN) is may_not
