"""The `CallControl` of a real call; see there for what each method promises."""

from __future__ import annotations

from sipua.calls.call import Call
from sipua.calls.facts import CallFacts
from sipua.calls.legs.outcome import IN_WORDS
from sipua.calls.legs.targets import Asked
from sipua.calls.menus.queue import lead
from sipua.calls.steer.commands import JoinQueue
from sipua.codecs.pcm import Pcm
from sipua.config.sections.actions import QUEUE
from sipua.events.ending import Reason
from sipua.tools.context import Transferred


class CallTools:
    def __init__(self, call: Call, hold: Pcm) -> None:
        self._call = call
        self._hold = hold

    def facts(self) -> CallFacts:
        return self._call.facts()

    @property
    def speaking(self) -> bool:
        return self._call.bridge.speaking

    def interruptible(self, on: bool) -> None:
        self._call.bridge.interruptible = on

    def listening(self, on: bool) -> None:
        self._call.bridge.listen(on)

    def hold_sound(self, on: bool) -> None:
        self._call.bridge.fill(self._hold if on else None)

    def pause_recording(self, asker: str) -> bool:
        recording = self._call.recording
        return recording is not None and recording.pause(asker)

    def resume_recording(self, asker: str) -> bool:
        recording = self._call.recording
        return recording is not None and recording.resume(asker)

    @property
    def pauses_while_collecting(self) -> bool:
        recording = self._call.recording
        return recording is not None and recording.pauses_while_collecting

    def send_dtmf(self, digits: str) -> None:
        self._call.bridge.send_dtmf(digits)

    async def transfer(self, target: str, name: str) -> Transferred:
        if target.startswith(QUEUE):
            queued = lead.ordered(self._call, JoinQueue(target.removeprefix(QUEUE)))
            return Transferred(queued.ok, queued.reason)
        outcome = await self._call.transfer(Asked(target, name))
        text = f"{outcome.status} {outcome.reason}"
        if outcome.mode != "refer" and outcome.cause is not None:
            text = f"{IN_WORDS[outcome.cause]} ({outcome.cause}, {text})"
        return Transferred(outcome.ok, text)

    def hang_up(self, detail: str) -> None:
        self._call.hang_up(Reason.AGENT_HANGUP, detail)

    def tool_result(
        self, call_id: str, output: str, *, respond: bool = True, outcome: str = ""
    ) -> None:
        self._call.bridge.tool_result(call_id, output, respond=respond, outcome=outcome)
