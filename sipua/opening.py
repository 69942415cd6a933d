"""How a call begins: somebody calls us.

INVITE ─▶ 180 ─▶ engine connects and prepares its greeting ─▶ 200 ─▶ ACK ─▶ talk
            └── not answered in time: 480; no engine: the profile's fallback
"""

from __future__ import annotations

from sipua.call import Call
from sipua.sip.messages import Answer, Ring


class Answering:
    """A call that came in."""

    def __init__(self) -> None:
        self.answered = False

    async def run(self, call: Call) -> None:
        profile = call.profile
        call.send(Ring(call.call_id))
        call.log.info("call.ringing")
        if profile.answer == "at_once":
            self._answer(call)
        await call.bridge.connect(min(profile.connect_timeout_s, call.limits.ring_timeout_s))
        if profile.greeting:
            call.bridge.speak(profile.greeting)
        if profile.answer != "at_once":
            self._answer(call)

    def _answer(self, call: Call) -> None:
        call.send(Answer(call.call_id))
        call.log.info("call.answered", setup_ms=call.setup_ms)
