"""Puts the parts of a call together: bridge, conversation, capture, and who listens to it.

What belongs to a call and needs nothing but its events and methods is attached in `_attach`.
"""

from __future__ import annotations

import functools
from collections.abc import Callable

from sipua import logs, wiring
from sipua.bridge.call import CallBridge
from sipua.bridge.conversation import ConversationEvent
from sipua.bridge.dialogue import Dialogue
from sipua.bridge.engine_session import EngineSession
from sipua.bridge.engines import create as create_engine
from sipua.bridge.engines.base import Event
from sipua.bridge.pacer import Pacer
from sipua.call import Call, CallLimits
from sipua.call_capture import CallCapture
from sipua.config import Config
from sipua.engine_host import EngineHost
from sipua.facts import CallFacts
from sipua.profile import AgentProfile
from sipua.rtp.ports import ReservedPort
from sipua.sip.messages import SipCommand
from sipua.throttle import Throttle
from sipua.tools.control import CallTools
from sipua.tools.toolbox import Toolbox


class CallParts:
    """One for all calls of a process: what they share, and how each is made."""

    def __init__(
        self,
        config: Config,
        pacer: Pacer,
        engines: EngineHost,
        send: Callable[[SipCommand], None],
        *,
        toolbox: Toolbox,
    ) -> None:
        self._config = config
        self._pacer = pacer
        self._engines = engines
        self._send = send
        self._toolbox = toolbox
        self._refusals = Throttle()
        self._limits = CallLimits(
            ring_timeout_s=config.calls.ring_timeout_s,
            max_duration_s=config.calls.max_duration_s,
            mask_dtmf=config.calls.mask_dtmf,
        )

    def make(
        self,
        facts: CallFacts,
        local: ReservedPort,
        profile: AgentProfile,
        capture: CallCapture | None = None,
    ) -> Call:
        bridge = CallBridge(
            local=local,
            pacer=self._pacer,
            settings=wiring.media_settings(self._config),
            make_conversation=functools.partial(self._make_conversation, facts.call_id, profile),
        )
        call = Call(
            facts,
            bridge,
            profile,
            self._limits,
            send=self._send,
            log=logs.bind_call(facts.call_id),
            refusals=self._refusals,
            capture=capture,
        )
        self._attach(call)
        return call

    def _attach(self, call: Call) -> None:
        """Listeners of one call: `call.subscribe(…)`."""
        control = CallTools(call, self._toolbox.hold)
        tools = self._toolbox.runner(control, call.log, call.profile.tools)
        call.subscribe(tools.on_event)
        call.start(tools.run(), "tools")

    def _make_conversation(
        self, call_id: str, profile: AgentProfile, on_event: Callable[[ConversationEvent], None]
    ) -> Dialogue:
        first = profile.engines[0]

        def make_session(on_engine: Callable[[Event], None]) -> EngineSession:
            settings = wiring.engine_settings(
                first.section,
                url=self._engines.url(first.section),
                instructions=profile.instructions,
                tools=self._toolbox.declarations(profile.tools),
            )
            engine = create_engine(first.section.type, settings)
            return EngineSession(
                engine.protocol, engine.url, engine.headers, on_event=on_engine, call_id=call_id
            )

        return Dialogue(make_session, on_event=on_event, engine=first.name)
