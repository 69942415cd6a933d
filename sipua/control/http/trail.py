"""Which requests are told for the audit log: those that change something, and those that are
refused for their token."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final

from aiohttp import web
from pydantic import BaseModel

from sipua.bridge.fault_owner import FaultOwner, nothing
from sipua.control.http.endpoint import Endpoint
from sipua.control.http.local_user import local_user
from sipua.control.http.problems import TYPE, Kind
from sipua.control.http.tokens import Token
from sipua.events.edge_events import ApiRequest
from sipua.log import logs
from sipua.log.throttle import Throttle

_READS: Final = ("GET", "HEAD")
_OF_TOKENS: Final = (Kind.WRONG_TOKEN, Kind.NO_RIGHT)
_LONGEST_PATH: Final = 200


class Trail:
    """On the API's loop."""

    def __init__(self, tell: Callable[[ApiRequest], None] | None = None) -> None:
        """`tell`: None where there is no audit log. It must not wait."""
        self._tell = tell
        self._refusals = Throttle(1.0, burst=5)
        self._faults = FaultOwner("api.fault", logs.get(), nothing)

    def refused(
        self, request: web.BaseRequest, endpoint: Endpoint, by: Token | None, kind: Kind
    ) -> None:
        """For its token, before it was read: strangers can do that as often as they like."""
        if self._tell is None or kind not in _OF_TOKENS:
            return
        kept_back = self._refusals.ask("", time.monotonic())
        if kept_back is not None:
            told = _request(request, endpoint, by)
            told.status, told.problem = kind.status, kind.type.removeprefix(TYPE)
            told.kept_back = kept_back or None
            self._pass_on(told)

    def carried_out(
        self,
        request: web.BaseRequest,
        endpoint: Endpoint,
        by: Token | None,
        body: object,
        outcome: int | Kind | None,
    ) -> None:
        """`outcome`: its status or problem; None: the client went before."""
        if self._tell is None or request.method in _READS or endpoint.right is None:
            return
        told = _request(request, endpoint, by)
        told.given = sorted(body.model_fields_set) if isinstance(body, BaseModel) else []
        if isinstance(outcome, Kind):
            told.status, told.problem = outcome.status, outcome.type.removeprefix(TYPE)
        else:
            told.status = outcome
        self._pass_on(told)

    def _pass_on(self, told: ApiRequest) -> None:
        assert self._tell is not None
        self._faults.harmless("api.fault").run("audit", self._tell, told)


def _request(request: web.BaseRequest, endpoint: Endpoint, by: Token | None) -> ApiRequest:
    return ApiRequest(
        by=by.name if by else "",
        right=by.right.value if by else "",
        from_=request.remote or "",
        local_user=_user(request),
        operation=endpoint.name,
        method=request.method[:20],
        path=request.path[:_LONGEST_PATH],
        given=[],
        status=None,
    )


def _user(request: web.BaseRequest) -> str | None:
    transport = request.transport
    if transport is None:
        return None
    peer, ours = (transport.get_extra_info(name) for name in ("peername", "sockname"))
    if not peer or not ours or peer[0] != ours[0]:
        return None  # one machine's two ends have one address, of loopback or of an interface
    return local_user(peer[:2], ours[:2])
