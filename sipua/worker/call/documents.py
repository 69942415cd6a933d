"""Calls that documents lead: what all of a worker share, and one call's way through them.

TwimlRun ─▶ CallPorts ─▶ the call: answer, sounds, keys, targets
                └──────▶ CallAgents: a stream's agent, a queue
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from typing import Final, Protocol

from structlog.typing import FilteringBoundLogger

from sipua.bridge.events import BridgeEvent
from sipua.calls.facts import CallFacts
from sipua.calls.legs.targets import Destination
from sipua.calls.menus.agents import Way
from sipua.calls.menus.menu import ToDocuments
from sipua.calls.profile import NamedEngine
from sipua.calls.steer.commands import RunDocuments
from sipua.config import Config, EngineSection
from sipua.edge.wiring import call as wiring_call
from sipua.events import menu_events
from sipua.events.ending import Reason
from sipua.rtp.events import Dtmf
from sipua.twilio import configured, request
from sipua.twilio.call_ports import Account, Agents, CallPorts, DocumentCall
from sipua.twilio.dialled import destination
from sipua.twilio.fetch import WebClient
from sipua.twilio.recordings.recorder import RecordedCall, Recorder, RecorderSettings
from sipua.twilio.run import TwimlRun
from sipua.twilio.sound_cache import SoundCache
from sipua.twilio.telling import Telling
from sipua.twilio.twiml.parse import parse_document
from sipua.twilio.twiml.verbs import Action, Document, StatusCallback, Stream
from sipua.twilio.urls import host_of
from sipua.twilio.walk import TwimlWalk
from sipua.worker.call.end_callbacks import EndCallbacks
from sipua.worker.call.engines import RouteEngine
from sipua.worker.call.route_parts import RouteParts

ENGINE: Final = "<Stream>"
"""The name of a document's agent in events and records; no section of a configuration has it."""
_OVER: Final = Way(None, (Reason.AGENT_HANGUP, "TwiML"))


class LeftDocumentsError(Exception):
    """The call goes on without them."""

    def __init__(self, way: Way) -> None:
        super().__init__("the documents are left")
        self.way = way


class LedCall(DocumentCall, RecordedCall, Protocol):
    engine_missed: bool

    @property
    def placing(self) -> bool: ...

    @property
    def over(self) -> bool: ...


class Documents:
    """One worker's."""

    def __init__(self, config: Config, destinations: Mapping[str, Destination]) -> None:
        token = config.twilio.auth_token.get_secret_value()
        self._sid = configured.account_sid(config)
        self._account = Account(
            self._sid,
            token,
            config.twilio.language,
            partial(destination, destinations, config.twilio.may_call),
        )
        self.client = WebClient(configured.reach(config))
        self.sounds = SoundCache()
        self._telling = Telling(self.client)
        self.ends = EndCallbacks(
            configured.status_callbacks(config), self._sid, token, self._telling.tell
        )
        self._config = config
        self.recorder = _recorder(config, self._telling)
        """None: callers cannot be recorded."""

    async def close(self) -> None:
        """Behind the last call; what is on its way has a moment."""
        if self.recorder is not None:
            await self.recorder.close()
        await self._telling.close()
        await self.client.close()

    def account(self, may_call: tuple[str, ...]) -> Account:
        """For a document that somebody has sent who may call these, too."""
        if not may_call:
            return self._account
        own = self._account.destination
        theirs = partial(destination, {}, may_call)
        return replace(self._account, destination=lambda text: own(text) or theirs(text))

    async def parts(
        self, stream: Stream, facts: CallFacts, usual: RouteParts, log: FilteringBoundLogger
    ) -> RouteParts:
        """Of a route whose agent is this stream's; for the rest as the usual one. FetchError:
        documents may not name it."""
        await self.client.check(stream.url)
        section = EngineSection(type="twilio_stream", url=stream.url, account_sid=self._sid)
        settings = wiring_call.engine_settings(
            section, api_key=self._account.auth_token, instructions=""
        )
        told = stream.status_callback
        engine = RouteEngine(
            ENGINE,
            section.type,
            settings,
            section.connect_within_s,
            lambda _: {},
            spare_sessions=0,
            spare_max_age_s=0,
            parameters=stream.parameters,
            stream_status=None
            if told is None
            else lambda _key, _id: partial(self._tell, told, stream.name, facts, log),
        )
        profile = replace(
            usual.profile,
            engines=(NamedEngine(ENGINE, section),),
            instructions="",
            greeting="",
            tools=(),
        )
        record = wiring_call.record_engines(self._config, profile)
        return RouteParts(profile, usual.answering, [engine], record, recovers=False)

    def _tell(
        self,
        callback: StatusCallback,
        name: str,
        facts: CallFacts,
        log: FilteringBoundLogger,
        form: Mapping[str, str],
    ) -> None:
        """Beside the call."""
        told = request.of_stream(
            facts,
            self._sid,
            stream_sid=form["StreamSid"],
            name=name,
            event=form["StreamEvent"],
            at=datetime.now(UTC),
            error=form.get("StreamError", ""),
        )
        asked = request.written(
            callback.url,
            callback.method,
            told,
            auth_token=self._account.auth_token,
            token=request.idempotency_token(f"{form['StreamSid']} {form['StreamEvent']}", 0),
        )
        self._telling.tell(asked, log)


def _recorder(config: Config, telling: Telling) -> Recorder | None:
    directory = configured.recordings(config)
    if directory is None:
        return None
    settings = RecorderSettings(
        directory,
        configured.recordings_url(config),
        configured.account_sid(config),
        config.twilio.auth_token.get_secret_value(),
        config.record.numbers,
    )
    return Recorder(settings, telling)


class CallDocuments:
    """Those of one call."""

    def __init__(self, documents: Documents, call: LedCall, agents: Agents) -> None:
        self._documents = documents
        self._call = call
        self._agents = agents
        self._ports: CallPorts | None = None
        self._runs = 0

    @property
    def lead(self) -> bool:
        return self._ports is not None

    @property
    def dialling(self) -> bool:
        return self._ports is not None and self._ports.dialling

    async def run(self, to: ToDocuments) -> Way:
        call, order = self._call, to.order
        self._runs += 1
        call.engine_missed = False  # without a document its fallback may come once more
        if call.placing:  # the first one is asked for when somebody is there
            await call.confirmed.wait()
        fallback = Action(order.fallback_url) if order.fallback_url else None
        documents = self._documents
        recorder = documents.recorder
        walk = TwimlWalk(fallback, answered=call.confirmed.is_set(), records=recorder is not None)
        self._ports = ports = CallPorts(
            call,
            self._agents,
            documents.client,
            documents.account(order.may_call),
            documents.sounds,
            run=self._runs,
            recorder=recorder.of(call) if recorder is not None else None,
        )
        run = TwimlRun(walk, ports)
        unsubscribe = call.subscribe(_keys(run.key))
        call.tell(menu_events.DocumentsBegan(host=host_of(order.url) or None))
        ended = "replaced"
        try:
            await run.run(_first(order))
            ended = "no_document" if call.engine_missed else "end"
        except LeftDocumentsError as left:
            ended = "left"
            return left.way
        finally:
            unsubscribe()
            self._ports = None
            call.tell(menu_events.DocumentsEnded(by="ended" if call.over else ended))
        return _OVER


def _first(order: RunDocuments) -> Action | Document:
    """Its text was parsed before, where it came in."""
    return parse_document(order.text.encode()) if order.text else Action(order.url, order.method)


def _keys(told: Callable[[str], None]) -> Callable[[BridgeEvent, float], None]:
    def listen(event: BridgeEvent, _now: float) -> None:
        if isinstance(event, Dtmf):
            told(event.digit)

    return listen
