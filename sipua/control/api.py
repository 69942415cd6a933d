"""The API of an edge: its thread, its start and its end.

A slow client, a long list, a thousand readers: all of that is late on the thread of the API, and
never on the loop of the edge, which pays one append for each event.
"""

from __future__ import annotations

import asyncio
import ssl
import time
from functools import partial
from pathlib import Path

from sipua.bridge.fault_owner import FaultOwner, nothing
from sipua.config import Config
from sipua.config.change.in_force import InForce
from sipua.control.http.endpoint import Table
from sipua.control.http.server import HttpServer
from sipua.control.http.tokens import Placing, Right, Token, Tokens, digest
from sipua.control.http.trail import Trail
from sipua.control.link.asking import EdgeLink
from sipua.control.link.edge_port import ApiError, EdgePort
from sipua.control.link.state import Crossing, State
from sipua.control.resources.metrics import MetricsPage
from sipua.control.table import Parts, dialects, endpoints
from sipua.control.twilio.callbacks import StatusCallbacks
from sipua.control.view.ladders import SeenSip
from sipua.events.stream import EventStream
from sipua.log import logs
from sipua.process.side_loop import SideLoop
from sipua.sip.messages import SipMessage
from sipua.twilio import configured
from sipua.twilio.fetch import WebClient
from sipua.worker.link.messages import Samples


class ControlApi:
    """All methods are called on the edge's loop."""

    def __init__(
        self,
        in_force: InForce,
        events: EventStream,
        edge: EdgePort,
        metrics: MetricsPage | None = None,
    ) -> None:
        self._in_force = in_force
        self._events = events
        self._edge = edge
        self._metrics = metrics
        self._side = SideLoop("api")
        self._state = State()
        self._crossing = Crossing(self._state.take)
        # From here on: what happens at the start is to be seen, too.
        self._unsubscribe = events.subscribe(self._crossing.put)
        self._tokens = Tokens((), requests_per_second=1)
        self._tls: ssl.SSLContext | None = None
        self._server: HttpServer | None = None
        self._callbacks: StatusCallbacks | None = None

    async def start(self) -> None:
        """Raises ApiError."""
        config = self._in_force.config
        api, tokens = config.api, self._tokens
        tokens.use(_tokens(config), api.requests_per_second)
        link = EdgeLink(asyncio.get_running_loop())
        node = self._events.node
        self._callbacks = _callbacks(config, self._state)
        parts = Parts(
            self._in_force,
            self._state,
            link,
            self._edge,
            tokens,
            node,
            self._metrics,
            self._callbacks,
        )
        try:
            self._tls = _tls(config)
            server = HttpServer(
                Table(endpoints(parts), dialects(config)),
                tokens,
                host=api.host,
                port=api.port,
                tls=self._tls,
                max_connections=api.max_connections,
                trail=Trail(partial(link.tell, self._edge.tell)) if config.audit.enabled else None,
            )
            address = await self._side.run(self._open(server, link))
        except OSError as error:  # of the address, or of the files of TLS
            raise ApiError(str(error)) from error
        scheme = "https" if api.tls_certificate else "http"
        logs.get().info("api.listening", url=f"{scheme}://{address}", tokens=len(api.tokens))

    def take(self, samples: Samples) -> None:
        self._crossing.put(samples)

    def take_sip(self, message: SipMessage) -> None:
        """One that was sent or received."""
        if self._in_force.config.api.sip_ladder:
            self._crossing.put(SeenSip(time.time(), message))

    def use_config(self) -> None:
        """Take the tokens that are in force now, and the certificate from its file again."""
        if self._server is not None:
            mend = FaultOwner("api.config_failed", logs.get(), nothing)
            self._side.submit(self._use_config(mend))

    async def _use_config(self, mend: FaultOwner) -> None:
        """On the API's loop."""
        config = self._in_force.config
        self._tokens.use(_tokens(config), config.api.requests_per_second)
        self._state.look()
        if self._tls is not None:
            mend.run("certificate", _load, self._tls, config)

    async def stop(self) -> None:
        self._unsubscribe()
        self._crossing.close()
        if self._server is not None:
            await self._side.run(self._close(self._server))
        await self._side.close()

    async def _close(self, server: HttpServer) -> None:
        """On the API's loop."""
        self._state.close()
        await server.close()
        if self._callbacks is not None:
            await self._callbacks.close()

    async def _open(self, server: HttpServer, link: EdgeLink) -> str:
        """On the API's loop."""
        address = await server.open()
        self._server = server
        mend = FaultOwner("api.fault", logs.get(), nothing)
        self._state.on_gap = lambda: nothing(mend.task(self._mend(link), "events lost"))
        self._crossing.open(asyncio.get_running_loop())
        return address

    async def _mend(self, link: EdgeLink) -> None:
        """Events were lost on the way: of calls that are gone meanwhile nobody knows the end."""
        logs.get().error("api.events_lost", count=self._crossing.lost)
        edge = await link.ask(self._edge.state)
        self._state.keep_only(edge.call_ids)


def _tokens(config: Config) -> list[Token]:
    return [
        Token(
            name=one.name,
            digest=digest(one.token.get_secret_value()),
            right=Right(one.right),
            placing=Placing(one.place.prefixes, one.place.max_calls, one.place.per_minute)
            if one.place.prefixes
            else None,
            supervises=one.supervise,
        )
        for one in config.api.tokens
    ]


def _callbacks(config: Config, state: State) -> StatusCallbacks | None:
    section = config.twilio
    if not section.account_sid:
        return None
    client = WebClient(configured.reach(config))
    return StatusCallbacks(
        section.account_sid, section.auth_token.get_secret_value(), state, client
    )


def _tls(config: Config) -> ssl.SSLContext | None:
    """Raises OSError, as ssl.SSLError is one."""
    api = config.api
    if not api.tls_certificate:
        return None
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    _load(context, config)
    return context


def _load(context: ssl.SSLContext, config: Config) -> None:
    """For connections that come; also in the place of an earlier one."""
    api = config.api
    certificate, key = Path(api.tls_certificate).expanduser(), Path(api.tls_key).expanduser()
    context.load_cert_chain(certificate, key)
