"""Which calls are captured, and the way of their SIP messages to their workers."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from functools import partial

from sipua.capture import settings as capture_settings
from sipua.capture.sip_messages import SipToCaptures, dialog
from sipua.config import Config
from sipua.edge.calls.edge_call import EdgeCall
from sipua.edge.wiring import wiring
from sipua.log import logs
from sipua.log.throttle import Throttle
from sipua.rtp.events import Address
from sipua.sip.messages import IncomingCall
from sipua.worker.link.coding import LinkError
from sipua.worker.link.messages import CapturedSip, CaptureOrder


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
        of, take = dialog(event.sip_call_id, event.from_uri), partial(self._take, event.call_id)
        self._calls[event.call_id].held.callback(self._sip.detach, of, take)
        self._sip.attach(of, take)

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
