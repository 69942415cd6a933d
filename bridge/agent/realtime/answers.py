"""The content of a response: from a step of the scenario, or else from the mode."""

from dataclasses import dataclass
from typing import Any

import msgspec
from msgspec import Raw, UnsetType

from sipua.bridge.agent.realtime.response import Answer, Loss, PlannedEnd
from sipua.bridge.agent.realtime.session import FunctionTool, McpTool
from sipua.bridge.agent.scenario.scenario import FunctionCall, Request, Script, Step
from sipua.bridge.agent.speech.formats import Clip, WireFormat, converted, converted_prompt
from sipua.bridge.agent.speech.speaker import Speaker, sine_clip
from sipua.bridge.agent.speech.voice import Voices


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestTools:
    """The tools of a request, and the rules of their use."""

    names: tuple[str, ...] = ()
    wanted: str = "auto"  # none, required, or the function that must be called
    parallel: bool = True

    @classmethod
    def of(
        cls,
        tools: list[FunctionTool | McpTool] | UnsetType,
        choice: Raw | UnsetType,
        parallel: bool | UnsetType,
    ) -> "RequestTools":
        listed = () if isinstance(tools, UnsetType) else tools
        names = tuple(tool.name for tool in listed if isinstance(tool, FunctionTool))
        chosen: Any = "auto" if isinstance(choice, UnsetType) else msgspec.json.decode(choice)
        if isinstance(chosen, dict):  # flat in GA, nested in the beta
            chosen = chosen.get("function", chosen).get("name", "required")
        return cls(names=names, wanted=str(chosen), parallel=parallel is not False)

    def allowed(self, calls: tuple[FunctionCall, ...]) -> tuple[FunctionCall, ...]:
        if self.wanted == "none":
            return ()
        if self.wanted not in ("auto", "required"):
            calls = tuple(call for call in calls if call.name == self.wanted)
        return calls if self.parallel else calls[:1]

    def forced(self) -> tuple[FunctionCall, ...]:
        """The call that a model without a script makes where it must make one."""
        if self.wanted in ("auto", "none") or not self.names:
            return ()
        name = self.names[0] if self.wanted == "required" else self.wanted
        return (FunctionCall(name=name),) if name in self.names else ()


class Answers:
    """The answers of one session, and warnings where scenario and session do not fit."""

    __slots__ = ("_script", "_speaker", "_voices", "_warnings")

    def __init__(self, script: Script, speaker: Speaker, voices: Voices) -> None:
        self._script = script
        self._speaker = speaker
        self._voices = voices
        self._warnings: list[dict[str, object]] = []

    def answer(
        self,
        request: Request,
        caller_clip: Clip | None,
        target: WireFormat,
        tools: RequestTools,
        now: float,
    ) -> Answer:
        usual = self._speaker.reply(caller_clip, target)  # called each time: it counts
        step = self._script.step(request, now)
        if step is not None:
            return self._played(step, usual, caller_clip, target, tools)
        if request.trigger != "tool_result" and (calls := tools.forced()):
            return Answer(calls=calls)
        return Answer(clip=usual)

    def _played(
        self,
        step: Step,
        usual: Clip | None,
        caller_clip: Clip | None,
        target: WireFormat,
        tools: RequestTools,
    ) -> Answer:
        clip = self._clip(step, usual, caller_clip, target)
        if step.burst_s and clip is not None and clip.data:
            wanted = step.burst_s * 1000 * target.bytes_per_ms
            data = (clip.data * (wanted // len(clip.data) + 1))[:wanted]
            clip = Clip(data, target, clip.transcript)
        calls = tools.allowed(step.call)
        if len(calls) < len(step.call):
            self._warn("agent.scenario.call_left_out", step.call, "tool_choice forbids it")
        unknown = tuple(call for call in calls if call.name not in tools.names)
        if unknown:
            self._warn("agent.scenario.unknown_tool", unknown, "no tool of the session has it")
        return Answer(
            clip=clip,
            calls=calls,
            call_first=step.call_first,
            after_ms=step.after_ms,
            stall_ms=step.stall_ms,
            planned_end=planned_end(step),
            at_once=step.burst_s > 0,
            garbage=step.garbage,
        )

    def _clip(
        self, step: Step, usual: Clip | None, caller_clip: Clip | None, target: WireFormat
    ) -> Clip | None:
        if step.parrot:
            return converted(caller_clip, target) if caller_clip is not None else usual
        if step.tone_ms:
            return converted_prompt(sine_clip(step.tone_ms), target)
        if step.speaks:
            return converted_prompt(self._voices.clip(step), target)
        return None if step.call else usual

    def take_warnings(self) -> list[dict[str, object]]:
        taken, self._warnings = self._warnings, []
        return taken

    def _warn(self, event: str, calls: tuple[FunctionCall, ...], problem: str) -> None:
        names = [call.name for call in calls]
        self._warnings.append({"event": event, "tools": names, "problem": problem})


def planned_end(step: Step) -> PlannedEnd | None:
    if (lost := loss(step)) is not None:
        return PlannedEnd("lost", loss=lost)
    if step.silent:
        return PlannedEnd("silent")
    if step.fail:
        return PlannedEnd("failed", step.fail)
    return PlannedEnd("cancelled") if step.cancel else None


def loss(step: Step) -> Loss | None:
    if step.close:
        return Loss("close", step.close)
    if step.cut:
        return Loss("cut")
    return Loss("freeze") if step.freeze else None
