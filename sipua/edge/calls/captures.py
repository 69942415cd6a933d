"""Which calls are captured, and the way of their SIP messages to their workers."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from functools import partial
from typing import Final

import msgspec

from sipua.capture import settings as capture_settings
from sipua.capture.sip_messages import SipToCaptures, Take, dialog
from sipua.config import Config
from sipua.edge.calls.edge_call import EdgeCall
from sipua.edge.wiring import wiring
from sipua.events.stream import Happened
from sipua.log import logs
from sipua.log.throttle import Throttle
from sipua.rtp.events import Address
from sipua.sip.messages import IncomingCall
from sipua.worker.link.coding import LinkError
from sipua.worker.link.messages import CapturedSip, CaptureOrder

_NAMING: Final = ("call.leg", "call.party_changed")
"""Events of a call that name the Call-ID of a further dialog of it."""


class _Naming(msgspec.Struct):
    sip_call_id: str
    way: str = ""


class EdgeCaptures:
    def __init__(
        self,
        sip: SipToCaptures | None,
        calls: Mapping[str, EdgeCall],
        to_worker: Callable[[int, CapturedSip], None],
    ) -> None:
        """`sip`: None: SIP is not wanted. `calls`: those that are up."""
        self._sip = sip
        self._calls = calls
        self._to_worker = to_worker
        self._takes: dict[str, Take] = {}
        """Of the calls whose SIP is captured."""
        self._gaps = Throttle(10.0)
        self._config: Config | None = None
        self._settings: capture_settings.CaptureSettings | None = None

    def use(self, config: Config) -> None:
        self._config = config
        self._settings = wiring.captures(config)

    def order(self, event: IncomingCall) -> CaptureOrder | None:
        """None: this call is not captured."""
        settings, config = self._settings, self._config
        wanted = settings is not None and capture_settings.wanted(
            settings, event.from_uri, event.to_uri
        )
        if config is None or not wanted:
            return None
        others = (call_id for call_id, call in self._calls.items() if call.captured)
        local = wiring.rtp_address(config, event.local, event.source[0])
        return CaptureOrder(local, (*others, event.call_id))

    def watch_sip(self, event: IncomingCall) -> None:
        """Send the worker the SIP of this call, what was seen of it so far first."""
        if self._settings is None or self._sip is None or not self._settings.sip:
            return
        call_id, take = event.call_id, partial(self._take, event.call_id)
        held = self._calls[call_id].held
        held.callback(self._sip.detach, take)
        held.callback(self._takes.pop, call_id, None)
        self._takes[call_id] = take
        self._sip.attach(dialog(event.sip_call_id, event.from_uri), take)

    def watch_dialled_in(self, event: IncomingCall, call_id: str) -> None:
        """The same of a supervisor who has dialled in to this call."""
        if self._sip is not None and (take := self._takes.get(call_id)):
            self._sip.attach(dialog(event.sip_call_id, event.from_uri), take)

    def on_event(self, happened: Happened) -> None:
        """The same of a call's other legs, and of a party that takes the other side's place."""
        told = happened.told
        if self._sip is None or told.type not in _NAMING:
            return
        if take := self._takes.get(told.call_id):
            named = msgspec.json.decode(told.data, type=_Naming)
            by_us = named.way != "replaces"
            self._sip.attach_named(named.sip_call_id, take, by_us=by_us)

    def _take(
        self, call_id: str, at_s: float, source: Address, target: Address, payload: bytes
    ) -> None:
        call = self._calls.get(call_id)
        if call is None:
            return
        try:
            self._to_worker(call.worker, CapturedSip(call_id, at_s, source, target, payload))
        except LinkError as error:  # a gap in the capture; the call goes on
            kept_back = self._gaps.ask("", time.monotonic())
            if kept_back is not None:
                logs.bind_call(call_id).warning(
                    "capture.sip_missed", cause=str(error), lines_kept_back=kept_back
                )
