"""The assembly of a call: bridge, conversation, capture, and its listeners.

What belongs to a call and needs nothing but its events and methods is attached in `_attach`.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from dataclasses import replace
from functools import partial

from sipua.bridge.call.call_bridge import CallBridge
from sipua.bridge.call.media_path import MEDIA_PATH
from sipua.bridge.conversation.dialogue import Dialogue
from sipua.bridge.conversation.interface import ConversationEvent
from sipua.bridge.conversation.sessions import engine_session
from sipua.bridge.fault_owner import FaultOwner
from sipua.bridge.playout.pacer import Pacer
from sipua.bridge.playout.sound_files import SoundError
from sipua.bridge.playout.sounds import Sounds
from sipua.bridge.turns.state import TurnState
from sipua.calls import routes
from sipua.calls.answering.policy import for_one_call
from sipua.calls.call import Call
from sipua.calls.facts import CallFacts
from sipua.calls.legs.briefing import consultation
from sipua.calls.legs.briefing.warm import Warm
from sipua.calls.legs.orders import CallOrder
from sipua.calls.limits import CallLimits
from sipua.calls.menus.menu import ToDocuments
from sipua.calls.menus.queue import lead
from sipua.calls.parts.call_media import media_plan
from sipua.calls.steer.commands import RunDocuments
from sipua.calls.steer.sound_files import SoundFiles
from sipua.calls.steer.steering import Steering
from sipua.calls.supervise.parking import Parking, ParkSettings
from sipua.calls.supervise.supervision import Supervision
from sipua.capture.call_capture import CallCapture
from sipua.config import Config
from sipua.edge.wiring import call as wiring_call
from sipua.edge.wiring import call_recording as wiring_recording
from sipua.edge.wiring import menus as wiring_menus
from sipua.edge.wiring import record as wiring_record
from sipua.edge.wiring import supervise as wiring_supervise
from sipua.edge.wiring import transfer as wiring_transfer
from sipua.events.teller import Publish, Teller
from sipua.log import logs
from sipua.log.throttle import Throttle
from sipua.process.exits import Exit
from sipua.record.recorder import Records
from sipua.rtp.ports import ReservedPort
from sipua.tools.control import CallTools
from sipua.tools.toolbox import Toolbox
from sipua.tools.wire.errors import ToolLoadError
from sipua.twilio import configured
from sipua.worker.call.agents import CallAgents, Led
from sipua.worker.call.documents import Documents
from sipua.worker.call.end_callbacks import Tell
from sipua.worker.call.engines import EngineTried, route_engines, spare_connections
from sipua.worker.call.route_parts import RouteParts
from sipua.worker.engines.addresses import EngineAddresses


class PartsError(Exception):
    """The shared parts cannot be made: the event to log, and the process's exit code."""

    def __init__(self, event: str, error: Exception, fix: str, code: Exit) -> None:
        super().__init__(str(error))
        self.event = event
        self.fix = fix
        self.code = code


def make_parts(
    config: Config,
    agent_url: str,
    pacer: Pacer,
    send: Callable[[CallOrder], None],
    engine_tried: EngineTried,
    *,
    publish: Publish,
) -> CallParts:
    """Make everything that calls share, which may take long: the user's tools are imported. Nothing
    of it runs yet, and nothing needs a loop. Raises PartsError.
    """
    try:
        wiring_call.decode_sounds(config)
        wiring_transfer.decode_sounds(config)
        menus, beginnings = wiring_menus.menus(config), wiring_menus.beginnings(config)
        notices = wiring_menus.notices(config)
        wiring_recording.decode_sounds(config)
        wiring_supervise.decode_sounds(config)
    except SoundError as error:
        raise PartsError("sounds.failed", error, "correct the file", Exit.CONFIG) from None
    try:
        toolbox = wiring_call.toolbox(config)
        queues = wiring_menus.queues(config, toolbox.hold)
    except (ToolLoadError, SoundError) as error:
        raise PartsError("tools.failed", error, "the section [tools]", Exit.CONFIG) from None
    engines = EngineAddresses(config, agent_url)
    engines.warm_up()
    return CallParts(
        config,
        pacer,
        engines,
        send,
        engine_tried,
        publish=publish,
        toolbox=toolbox,
        records=wiring_call.records(config),
        led=Led(menus, queues, beginnings, notices, _documents(config, toolbox))
        if wiring_menus.leads(config)
        else None,
    )


def _untold(_name: str, _reached: bool) -> None:
    """See `EngineTried`."""


def _documents(config: Config, toolbox: Toolbox) -> Documents | None:
    if not configured.leads(config):
        return None
    return Documents(config, wiring_transfer.transfer_settings(config, toolbox.hold).destinations)


class CallParts:
    """The maker of all calls of a process, with what they share."""

    def __init__(
        self,
        config: Config,
        pacer: Pacer,
        engines: EngineAddresses,
        send: Callable[[CallOrder], None],
        engine_tried: EngineTried,
        *,
        publish: Publish,
        toolbox: Toolbox,
        records: Records,
        led: Led | None,
    ) -> None:
        """`engine_tried(name, reached)`: told of each attempt to connect to an engine.
        `publish`: passes the calls' events on. `led`: None where each call has an agent from the
        beginning.
        """
        self._pacer = pacer
        self._send = send
        self._toolbox = toolbox
        self._engines = engines
        self._media = wiring_call.media_settings(config)
        self._media_of = wiring_call.media_by_peer(config, self._media)
        self._early_media = wiring_call.early_media(config)
        self._recovery = wiring_call.dialogue_policy(config)
        self._records = records
        self._led = led
        self._recordings = wiring_recording.recordings(config)
        self._numbers = config.record.numbers
        self._engine_tried = engine_tried
        self._publish = publish
        self._refusals = Throttle()
        self._sound_files = SoundFiles(config.calls.sounds)
        self._supervise = wiring_supervise.supervise_settings(config, toolbox.hold)
        self._park = ParkSettings(config.park.timeout_s, toolbox.hold)
        self._limits = CallLimits(
            ring_timeout_s=config.calls.ring_timeout_s,
            max_duration_s=config.calls.max_duration_s,
            mask_dtmf=config.calls.mask_dtmf,
            numbers=config.record.numbers,
            transfer=wiring_transfer.transfer_settings(config, toolbox.hold),
        )
        self._routes = {
            name: RouteParts(
                profile,
                routes.answering(config, routes.named(config, name)),
                route_engines(config, profile, engines, toolbox),
                wiring_call.record_engines(config, profile),
            )
            for name, profile in routes.profiles(config).items()
        }
        first = [self._routes[name].engines[0] for name in routes.incoming(config)]
        self.spares = spare_connections(first, engine_tried)
        self._make_session = partial(engine_session, open_socket=self.spares.connect)

    async def start(self) -> None:
        """All but the spare connections, which are for calls that begin: `spares.start`."""
        self._engines.fetch_keys()
        await self._toolbox.start()
        self._records.start()

    async def stop(self) -> None:
        """Behind the last call; also what has not been started."""
        await self.spares.close()
        await self._engines.close()
        if self._led is not None and self._led.documents is not None:
            await self._led.documents.close()
        # It may wait for a disk, and other calls must not.
        await asyncio.to_thread(self._records.stop)
        await self._toolbox.close()

    def make(
        self,
        facts: CallFacts,
        local: ReservedPort,
        capture: CallCapture | None = None,
        *,
        ring_timeout_s: float | None = None,
        max_duration_s: float | None = None,
        answering: str = "",
        on_voicemail: str = "",
        documents: RunDocuments | None = None,
    ) -> Call:
        """Make a call, to be run. When this raises, nothing is left of it. KeyError: there is no
        such route. Times: None, as configured; the same of empty words. `documents`: these lead it.
        """
        route = self._told(facts, facts.route)
        usual = route.profile.answering
        policy = for_one_call(usual, route.answering, answering, on_voicemail)
        if policy is not usual:
            route = replace(route, profile=replace(route.profile, answering=policy))
        limits = replace(
            self._limits,
            ring_timeout_s=ring_timeout_s or self._limits.ring_timeout_s,
            max_duration_s=max_duration_s or self._limits.max_duration_s,
            early_media=self._early_media.get(facts.origin),
        )
        trace = facts.trace
        log = logs.bind_call(facts.call_id, **({"trace_id": trace.trace_id} if trace else {}))
        tell: Tell = Teller(log, self._publish, facts.call_id, trace).tell
        if self._led is not None and self._led.documents is not None:
            tell = self._led.documents.ends.watching(facts, tell, log)
        faults = FaultOwner("call.failed", log)
        converse = partial(self._make_conversation, facts, faults=faults)
        agents = None
        if self._led is not None:
            agents = CallAgents(
                self._led,
                facts,
                routes=partial(self._told, facts),
                first=route,
                converse=converse,
                attach=self._attach,
                documents=ToDocuments(documents) if documents else None,
            )
        recording = self._recordings.begin(
            route.profile.recording,
            wiring_recording.metadata(facts, self._numbers),
            facts.started_at.date(),
        )
        path = agents.path if agents else MEDIA_PATH
        bridge = CallBridge(
            local=local,
            pacer=self._pacer,
            settings=self._media_of.get(facts.origin, self._media),
            make_conversation=agents.conversation if agents else partial(converse, route),
            faults=faults,
            path=recording.path(path) if recording else path,
        )
        with contextlib.ExitStack() as undo:
            record = self._records.begin(
                facts.call_id,
                route.record,
                day=facts.started_at.date(),
                began_s=facts.began_s,
                heard_ms=lambda: bridge.heard_ms,
                tell=tell,
                **wiring_record.record_facts(facts),
            )
            undo.callback(record.abandon)
            call = Call(
                facts,
                bridge,
                route.profile,
                limits,
                send=self._send,
                log=log,
                tell=tell,
                refusals=self._refusals,
                capture=capture,
                record=record,
                recording=recording,
                faults=faults,
            )
            undo.callback(call.abandon)
            call.second.beside = partial(self._beside, call)
            if agents is None:
                self._attach(call)
            else:
                agents.begin(call, record)
            undo.pop_all()
        return call

    def _told(self, facts: CallFacts, name: str) -> RouteParts:
        """A route's parts; its greeting says who calls."""
        parts = self._routes[name]
        greeting = routes.filled(parts.profile.greeting, facts)
        return replace(parts, profile=replace(parts.profile, greeting=greeting))

    def _beside(self, call: Call, local: ReservedPort, warm: Warm) -> CallBridge:
        """For the target of a transfer: an audio path of its own, with an agent that knows what was
        said in the call, or with an engine that only listens. It is not connected yet."""
        facts = call.facts()
        route = self._routes[call.profile.route]
        if warm.by == "agent":
            told = routes.filled(warm.agent_told, facts)
            told = consultation.instructions(call.bridge.through.said(), told)
            engines = [engine.for_briefing(told) for engine in route.engines]
        else:
            engines = [engine.for_listening() for engine in route.engines]
        media = self._media_of.get(facts.origin, self._media)
        return CallBridge(
            local=local,
            pacer=self._pacer,
            settings=replace(media, sounds=Sounds()),  # no filler: the caller alone is kept waiting
            make_conversation=partial(
                self._make_conversation,
                facts,
                replace(route, engines=engines),
                faults=call.faults,
            ),
            faults=call.faults,
        )

    def supervision(self, call: Call) -> Supervision:
        parking = Parking(call, self._park)
        return Supervision(call, call.facts().origin, self._supervise, media_plan, parking)

    def steering(self, call: Call, supervision: Supervision) -> Steering:
        ordered = partial(lead.ordered, call)
        return Steering(call, self._toolbox.hold, self._sound_files, supervision, ordered)

    def _attach(self, call: Call) -> Callable[[], None]:
        """Attach the listeners of one call: `call.subscribe(…)`. The returned function takes them
        off.
        """
        control = CallTools(call, self._toolbox.hold)
        tools = self._toolbox.runner(
            control, call.log, call.profile.tools, faults=call.faults, tell=call.tell
        )
        unsubscribe = call.subscribe(tools.on_event)
        running = call.start(tools.run(), "tools")

        def detach() -> None:
            unsubscribe()
            running.cancel()

        return detach

    def _make_conversation(
        self,
        facts: CallFacts,
        route: RouteParts,
        on_event: Callable[[ConversationEvent], None],
        turns: TurnState,
        *,
        faults: FaultOwner,
    ) -> Dialogue:
        # What a document names says nothing of the engines of the configuration.
        tried = self._engine_tried if route.recovers else _untold
        return Dialogue(
            [engine.choice(facts, tried) for engine in route.engines],
            policy=self._recovery if route.recovers else replace(self._recovery, outage_s=0.0),
            on_event=on_event,
            call_id=facts.call_id,
            turns=turns,
            make_session=self._make_session,
            faults=faults,
        )
