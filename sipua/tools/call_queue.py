"""The queue of one call's tool calls: which may run, and when the model shall go on.

    ToolCall ─▶ take ─▶ Run ─────────────▶ the runner runs it ─▶ done ─┐
                 │                                                   ├─▶ Answer(s) to the engine
                 └─ refused: an answer that says why ──▶ seal ───────┘

A response may call several tools. Each result is given as it comes; only the last one of a
response asks the model to speak, or it would answer before it knows all of it. `seal` says that
all calls of a response are known: until then no result is the last one.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

import msgspec

from sipua.bridge.engine_api.events import ToolCall
from sipua.tools.wire.schema import ArgumentsError, Registry

Outcome = Literal["ok", "error", "timeout", "refused"]

_MINUTE_S = 60.0
_RECENT_IDS = 256
_FAILURE_CHARS = 4000
_REASON_CHARS = 200

_CONTROLS = {code: "\ufffd" for code in (*range(32), *range(127, 160)) if chr(code) not in "\t\n\r"}


@dataclass(frozen=True, slots=True)
class Result:
    """The result for the model. `respond` false: it shall not speak about it."""

    output: str
    outcome: Outcome = "ok"
    respond: bool = True
    reason: str = ""
    """Why it failed, for the log: no text of a caller or of another server."""


@dataclass(frozen=True, slots=True)
class Run:
    """A call that may run now."""

    tool_call_id: str
    name: str
    arguments: dict[str, Any]
    response_id: str


@dataclass(frozen=True, slots=True)
class Answer:
    """A result for the engine."""

    tool_call_id: str
    output: str
    outcome: Outcome
    respond: bool


@dataclass(frozen=True, slots=True)
class Refusal:
    """A call that does not run; its answer comes with `seal`."""

    reason: str
    text: str


def failure(text: str, outcome: Outcome = "error", reason: str = "") -> Result:
    """A text that the model can explain to the caller, or learn from. `reason`: for the log, where
    the text itself is not for the log.
    """
    text = clean(text[:_FAILURE_CHARS])
    output = msgspec.json.encode({"error": text}).decode()
    return Result(output, outcome, reason=clean((reason or text)[:_REASON_CHARS]))


def clean(text: str) -> str:
    """The text as any JSON and any vendor accept it: without half characters (lone surrogates),
    and without control characters except line ends and tabs.
    """
    if not text.isascii():  # two halves side by side are one character
        text = text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    return text.translate(_CONTROLS)


def bounded(text: str, most_bytes: int) -> tuple[str, bool]:
    """The text, clean; or its beginning and a note about the rest, and true."""
    start = clean(text[: most_bytes + 1])  # only this part is read, however long the text is
    data = start.encode()
    if len(data) <= most_bytes:
        return start, False
    note = f"… [cut off: {len(text)} characters in all]"
    return data[: most_bytes - len(note.encode())].decode(errors="ignore") + note, True


@dataclass(slots=True)
class _Group:
    """The calls of one response."""

    open: set[str] = field(default_factory=set)
    sealed: bool = False
    respond: bool = True
    held: list[Answer] = field(default_factory=list)


class ToolCallQueue:
    """The tool calls of one call. Methods get `now` where time counts; nothing here waits."""

    def __init__(
        self,
        registry: Registry,
        *,
        max_running: int = 4,
        max_per_minute: int = 30,
        max_result_bytes: int = 16_384,
        unlimited: Collection[str] = (),
    ) -> None:
        """`unlimited`: tools that no limit may stop, such as the end of the call."""
        self._registry = registry
        self._max_running = max_running
        self._max_per_minute = max_per_minute
        self._max_result_bytes = max_result_bytes
        self._unlimited = frozenset(unlimited)
        self._groups: dict[str, _Group] = {}
        self._group_of: dict[str, str] = {}
        self._begun: deque[float] = deque()
        self._seen: dict[str, None] = {}  # an ordered set
        self._counters = {"called": 0, "refused": 0, "repeated": 0, "failed": 0, "cut_off": 0}

    @property
    def running(self) -> int:
        return len(self._group_of)

    def awaits(self, tool_call_id: str) -> bool:
        """Whether it runs and has no result yet."""
        return tool_call_id in self._group_of

    def take(self, call: ToolCall, now: float) -> Run | Refusal | None:
        """Take a call. None: a repeated call, which is not run twice."""
        if call.call_id in self._seen:
            self._counters["repeated"] += 1
            return None
        self._remember(call.call_id)
        group = self._groups.setdefault(call.response_id, _Group())
        try:
            arguments = self._registry.arguments(call.name, call.arguments)
        except ArgumentsError as error:
            return self._refuse(group, call, error.reason, str(error))
        if call.name not in self._unlimited and (refusal := self._bound(group, call, now)):
            return refusal
        self._begun.append(now)
        self._counters["called"] += 1
        group.open.add(call.call_id)
        self._group_of[call.call_id] = call.response_id
        return Run(call.call_id, call.name, arguments, call.response_id)

    def seal(self, response_id: str) -> Sequence[Answer]:
        """Note that all calls of this response have been taken."""
        group = self._groups.get(response_id)
        if group is None or group.sealed:
            return ()
        group.sealed = True
        return self._release(response_id, group)

    def done(self, tool_call_id: str, result: Result) -> Sequence[Answer]:
        """Take a call's result; a second result does nothing."""
        response_id = self._group_of.pop(tool_call_id, None)
        if response_id is None:
            return ()
        group = self._groups[response_id]
        group.open.discard(tool_call_id)
        group.respond = group.respond and result.respond
        self._counters["failed"] += result.outcome != "ok"
        output, cut_off = bounded(result.output, self._max_result_bytes)
        self._counters["cut_off"] += cut_off
        group.held.append(Answer(tool_call_id, output, result.outcome, respond=False))
        return self._release(response_id, group) if group.sealed else ()

    def counters(self) -> dict[str, int]:
        return dict(self._counters)

    def _release(self, response_id: str, group: _Group) -> Sequence[Answer]:
        answers, group.held = group.held, []
        if not group.open:
            del self._groups[response_id]
            if answers:
                answers[-1] = replace(answers[-1], respond=group.respond)
        return answers

    def _bound(self, group: _Group, call: ToolCall, now: float) -> Refusal | None:
        while self._begun and self._begun[0] <= now - _MINUTE_S:
            self._begun.popleft()
        if len(self._begun) >= self._max_per_minute:
            return self._refuse(
                group,
                call,
                "too_many",
                "Too many tool calls within a minute. Go on without it, or ask the caller to wait.",
            )
        if self.running >= self._max_running:
            return self._refuse(
                group,
                call,
                "busy",
                "Too many tools are running. Wait for their results, then call it again.",
            )
        return None

    def _refuse(self, group: _Group, call: ToolCall, reason: str, text: str) -> Refusal:
        self._counters["refused"] += 1
        answer = Answer(call.call_id, failure(text).output, "refused", respond=False)
        group.held.append(answer)
        return Refusal(reason, text)

    def _remember(self, tool_call_id: str) -> None:
        if len(self._seen) == _RECENT_IDS:
            del self._seen[next(iter(self._seen))]
        self._seen[tool_call_id] = None
