"""A request from its connection to its answer: admitted, read within bounds, checked, handled.

Nothing of a request is believed: its body has a size and a time, its connection a number of others
beside it, its token a rate, its answer a time within which it is taken; what does not fit the model
of its endpoint gets the places of all its faults.
"""

from __future__ import annotations

import asyncio
import logging
import ssl
import time
from collections.abc import Sequence
from typing import Any

from aiohttp import web
from pydantic import ValidationError

from sipua.bridge.fault_owner import FaultOwner, described
from sipua.control.http.connections import IDLE_S, Connections, bound, listen
from sipua.control.http.dialect import Dialect
from sipua.control.http.endpoint import Answer, Asked, Endpoint, Table
from sipua.control.http.limits import Buckets
from sipua.control.http.problems import FieldError, Kind, ProblemError, retry_later
from sipua.control.http.sending import send
from sipua.control.http.tokens import Right, Token, Tokens
from sipua.control.http.trail import Trail
from sipua.log import logs
from sipua.log.throttle import Throttle
from sipua.rtp.hostport import join

LARGEST_BODY = 65_536
BODY_WITHIN_S = 5.0
_LINGER_S = 1.0
"""A body that is refused is read for so long: a peer that is cut off while it writes never reads
why."""
_OPEN_PER_SECOND = 50
"""Requests without a token that one address may make."""
_SHUTDOWN_S = 1.0
_ALWAYS = {"Server": "sipua", "Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}

# What strangers can cause is counted, and not a line of the log each.
_quiet = logging.getLogger("sipua.api")
_quiet.setLevel(logging.CRITICAL + 1)


class HttpServer:
    """On the running loop."""

    def __init__(
        self,
        table: Table,
        tokens: Tokens,
        *,
        host: str,
        port: int,
        tls: ssl.SSLContext | None = None,
        max_connections: int = 1000,
        trail: Trail | None = None,
    ) -> None:
        self._table = table
        self._tokens = tokens
        self._trail = trail or Trail()
        self._address = host, port
        self._tls = tls
        self._most = bound(max_connections)
        self._open_requests = Buckets(_OPEN_PER_SECOND, 2 * _OPEN_PER_SECOND)
        self._lines = Throttle(10.0)
        self._log = logs.get()
        self._server: web.Server | None = None
        self._accepting: asyncio.Task[None] | None = None
        self.connections: Connections | None = None
        self.requests = 0

    async def open(self) -> str:
        """Begin; returns where. Raises OSError."""
        sock = listen(*self._address)
        self._server = web.Server(
            self._handle,
            handler_cancellation=True,
            keepalive_timeout=IDLE_S,
            lingering_time=_LINGER_S,
            access_log=None,
            logger=_quiet,
        )
        self.connections = Connections(sock, self._server, self._tls, self._most)
        self._accepting = FaultOwner().task(self.connections.serve(), "api connections")
        host, port, *_ = sock.getsockname()
        return join(host, port)

    async def close(self) -> None:
        if self._accepting is not None:
            self._accepting.cancel()
        if self._server is not None:
            await self._server.shutdown(_SHUTDOWN_S)

    # --- one request ----------------------------------------------------------------------

    async def _handle(self, request: web.BaseRequest) -> web.StreamResponse:
        self.requests += 1
        response = await self._response(request)
        if isinstance(response, web.Response):
            await send(request, response)
        return response

    async def _response(self, request: web.BaseRequest) -> web.StreamResponse:
        """To be sent; a stream has been sent already."""
        try:
            return await self._answer(request)
        except ProblemError as problem:
            return self._refused(request, problem)
        except (ConnectionError, asyncio.CancelledError):
            raise
        except Exception as error:  # noqa: BLE001 (the request fails, and nothing else)
            kept_back = self._lines.ask(type(error).__name__, time.monotonic())
            if kept_back is not None:
                place = f"{request.method} {request.path[:100]}"
                self._log.error(
                    "api.fault", request=place, **described(error), lines_kept_back=kept_back
                )
            return self._refused(
                request, ProblemError(Kind.INTERNAL, "the log of the edge has the cause")
            )

    def _refused(self, request: web.BaseRequest, problem: ProblemError) -> web.Response:
        dialect = self._table.dialect(request.path)
        status, body, headers = dialect.refusal(problem, request.path[:200])
        response = web.Response(status=status, body=body, headers={**_ALWAYS, **headers})
        if not request.content.at_eof():
            response.force_close()
        return response

    async def _answer(self, request: web.BaseRequest) -> web.StreamResponse:
        now = time.monotonic()
        source = request.remote or ""
        query = request.query
        endpoint, path = self._find(request, source, now)
        token = None
        if endpoint.right is None:
            if not endpoint.for_probes:
                self._open(source, now)
        else:
            token = self._admitted(request, endpoint, endpoint.right, source, now)
        body: Any = None
        outcome: int | Kind | None = None
        try:
            asked = Asked(
                path=path,
                query=_checked_query(endpoint, list(query.items())),
                body=(body := await _body(endpoint, request, self._table.dialect(request.path))),
                token=token,
                request=request,
            )
            answer = await endpoint.handler(asked)
            outcome = answer.status
        except ProblemError as problem:
            outcome = problem.kind
            raise
        except Exception:
            outcome = Kind.INTERNAL
            raise
        finally:
            self._trail.carried_out(request, endpoint, token, body, outcome)
        return _made(endpoint, answer) if isinstance(answer, Answer) else answer

    def _admitted(
        self, request: web.BaseRequest, endpoint: Endpoint, right: Right, source: str, now: float
    ) -> Token:
        token = None
        try:
            token = self._admit(request, source, now)
            self._tokens.demand(token, right)
        except ProblemError as problem:
            self._trail.refused(request, endpoint, token, problem.kind)
            raise
        return token

    def _find(
        self, request: web.BaseRequest, source: str, now: float
    ) -> tuple[Endpoint, dict[str, str]]:
        """A path that is not there needs a token, too: without one, all paths look the same."""
        try:
            return self._table.find(request.method, request.path)
        except ProblemError:
            self._admit(request, source, now)
            raise

    def _admit(self, request: web.BaseRequest, source: str, now: float) -> Token:
        dialect = self._table.dialect(request.path)
        authorization = dialect.authorization(request.headers)
        return self._tokens.admit(authorization, list(request.query), source, now)

    def _open(self, source: str, now: float) -> None:
        wait_s = self._open_requests.take(source, now)
        if wait_s:
            raise retry_later(Kind.TOO_MANY, "", wait_s)


def _made(endpoint: Endpoint, answer: Answer) -> web.Response:
    data = answer.encoded().body
    headers = {**_ALWAYS, **answer.headers}
    if data is not None:
        headers.setdefault("Content-Type", endpoint.media_type)
    return web.Response(status=answer.status, body=data, headers=headers)


# --- its parts ----------------------------------------------------------------------------


def _checked_query(endpoint: Endpoint, given: list[tuple[str, str]]) -> Any:
    names = [name for name, _ in given]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise ProblemError(
            Kind.INVALID,
            "a parameter came twice",
            [FieldError(pointer=name, detail="came twice") for name in twice],
        )
    if endpoint.query is None:
        if names:
            errors = [FieldError(pointer=name, detail="is not known") for name in names]
            raise ProblemError(Kind.INVALID, "there are no parameters here", errors)
        return None
    try:
        return endpoint.query.model_validate(dict(given))
    except ValidationError as error:
        raise _invalid(error, "a parameter is wrong", "") from None


async def _body(endpoint: Endpoint, request: web.BaseRequest, dialect: Dialect) -> Any:
    if endpoint.body is None:
        return None
    length = request.content_length
    if length is not None and length > LARGEST_BODY:
        raise ProblemError(Kind.TOO_LARGE, f"at most {LARGEST_BODY} bytes")
    data = await _read(request)
    if not data and not endpoint.body_needed:
        return endpoint.body()
    if request.content_type != dialect.content_type:
        raise ProblemError(Kind.NO_JSON, f"Content-Type: {dialect.content_type}")
    try:
        return dialect.read(endpoint.body, data)
    except ValidationError as error:
        raise _invalid(error, "the body does not fit", "/") from None


async def _read(request: web.BaseRequest) -> bytes:
    pieces: list[bytes] = []
    length = 0
    try:
        async with asyncio.timeout(BODY_WITHIN_S):
            while piece := await request.content.readany():
                length += len(piece)
                if length > LARGEST_BODY:
                    raise ProblemError(Kind.TOO_LARGE, f"at most {LARGEST_BODY} bytes")
                pieces.append(piece)
    except TimeoutError:
        raise ProblemError(Kind.SLOW, f"within {BODY_WITHIN_S:g} s") from None
    except web.RequestPayloadError:
        raise ProblemError(Kind.INVALID, "the body is broken off or not well formed") from None
    return b"".join(pieces)


def _invalid(error: ValidationError, detail: str, root: str) -> ProblemError:
    errors = [
        FieldError(pointer=_pointer(one["loc"], root), detail=one["msg"])
        for one in error.errors(include_url=False, include_context=False, include_input=False)[:20]
    ]
    return ProblemError(Kind.INVALID, detail, errors)


def _pointer(place: Sequence[str | int], root: str) -> str:
    parts = [str(part).replace("~", "~0").replace("/", "~1") for part in place]
    return root + "/".join(parts)
