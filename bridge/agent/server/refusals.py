"""Requests that are answered without a websocket: most are refused, as the vendor does."""

from http import HTTPStatus

import msgspec
from websockets.datastructures import Headers
from websockets.http11 import Response

from sipua.bridge.agent.scenario.scenario import Connect

BAD_REQUEST = "invalid_request_error"

# Code and type of a status.
_REHEARSED = {
    401: ("invalid_api_key", BAD_REQUEST),
    403: ("unsupported_country_region_territory", "request_forbidden"),
    429: ("rate_limit_exceeded", "requests"),
}


def refusal(status: int, code: str, message: str, kind: str) -> Response:
    error = {"message": message, "type": kind, "param": None, "code": code}
    return answer({"error": error}, status)


def answer(content: object, status: int = 200) -> Response:
    body = msgspec.json.encode(content)
    headers = Headers(
        [
            ("Content-Type", "application/json"),
            ("Content-Length", str(len(body))),
            ("Connection", "close"),
        ]
    )
    phrase = HTTPStatus(status).phrase if status in set(HTTPStatus) else "Refused"
    return Response(status, phrase, headers, body)


def rehearsed(way: Connect) -> Response:
    code, kind = _REHEARSED.get(way.status, ("server_error", "server_error"))
    response = refusal(way.status, code, "This refusal was asked for by a scenario.", kind)
    if way.retry_after_s:
        response.headers["Retry-After"] = str(way.retry_after_s)
    return response
