"""One response on its way to the client: created · rate_limits · its items (`outputs`) · done.

Audio leaves in deltas, the first one small, `speed` times faster than it plays, each at its own
absolute deadline; so an interruption finds a response that still runs, as with the vendor.
A response that is not to be completed has a `PlannedEnd`. It comes when `after_ms` of the speech
have been sent, or after all of the speech.
"""

from dataclasses import dataclass
from typing import Any, Literal

from sipua.bridge.agent.realtime.history import History, Item
from sipua.bridge.agent.realtime.outputs import Call, Frame, Message, ResponsePlan
from sipua.bridge.agent.realtime.protocol import RealtimeOutbox
from sipua.bridge.agent.scenario.garbage import garbage
from sipua.bridge.agent.scenario.scenario import FunctionCall, GarbageKind
from sipua.bridge.agent.scenario.settings import AgentSettings
from sipua.bridge.agent.speech.formats import Clip

INPUT_TOKEN_MS = 100  # the vendor's price of input audio
OUTPUT_TOKEN_MS = 50  # and of output audio
TEXT_TOKEN_CHARS = 4


@dataclass(frozen=True, slots=True)
class Loss:
    """How the connection is lost."""

    kind: Literal["close", "cut", "freeze"]
    code: int = 0


@dataclass(frozen=True, slots=True)
class PlannedEnd:
    """The end of a response that is not completed: by a scenario's step, or by the rate limit."""

    kind: Literal["silent", "failed", "cancelled", "lost"]
    code: str = ""  # of the failure
    loss: Loss | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """The content of a response, and its end."""

    clip: Clip | None = None
    calls: tuple[FunctionCall, ...] = ()
    call_first: bool = False
    after_ms: int = 0
    stall_ms: int = 0
    planned_end: PlannedEnd | None = None
    at_once: bool = False  # all audio in one delta
    garbage: tuple[GarbageKind, ...] = ()


class Response:
    __slots__ = (
        "_answer",
        "_done",
        "_due_s",
        "_frame",
        "_history",
        "_left",
        "_message",
        "_outbox",
        "_plan",
        "_settings",
        "_stalled",
        "_start_s",
        "_status",
        "_status_details",
        "_usage",
        "id",
        "loss",
    )

    def __init__(
        self,
        plan: ResponsePlan,
        answer: Answer,
        *,
        history: History,
        outbox: RealtimeOutbox,
        settings: AgentSettings,
        rate_limits: list[dict[str, object]],
        now: float,
    ) -> None:
        self.id = outbox.new_id("resp")
        self.loss: Loss | None = None  # of the connection: to be done now
        self._plan = plan
        self._answer = answer
        self._history = history
        self._outbox = outbox
        self._frame = Frame(self.id, plan, history, outbox)
        self._settings = settings
        speech: list[Clip | FunctionCall] = [] if answer.clip is None else [answer.clip]
        calls: list[Clip | FunctionCall] = list(answer.calls)
        self._left = calls + speech if answer.call_first else speech + calls
        self._done: list[Item] = []
        self._message: Message | None = None
        self._stalled = not answer.stall_ms
        self._status = "in_progress"
        self._status_details: dict[str, Any] | None = None
        self._usage: dict[str, Any] | None = None
        self._start_s = now + settings.latency_ms / 1000
        self._due_s: float | None = self._start_s
        outbox.event("response.created", response=self._view())
        outbox.event("rate_limits.updated", rate_limits=rate_limits)
        for kind in answer.garbage:
            outbox.raw(garbage(kind))

    @property
    def has_spoken(self) -> bool:
        return self._message is not None

    @property
    def running(self) -> bool:
        return self._status == "in_progress"

    @property
    def next_deadline(self) -> float | None:
        return self._due_s if self.running else None

    @property
    def tokens(self) -> int:
        """The tokens that it cost; 0 while it runs."""
        return int(self._usage["total_tokens"]) if self._usage else 0

    @property
    def plays_until(self) -> float:
        """When a client that plays at once has played all that it got."""
        return self._start_s + (self._message.sent_ms / 1000 if self._message else 0.0)

    def advance(self, now: float) -> None:
        while self.running and self._due_s is not None and self._due_s <= now:
            self._step()

    def cancel(self, reason: str) -> None:
        self._end("cancelled", {"reason": reason})

    def _step(self) -> None:
        part = self._left[0] if self._left else None
        if isinstance(part, FunctionCall):
            self._left.pop(0)
            index = len(self._done)
            call = Call(part, index, self._frame)
            self._done.append(call.item)
        elif self._pauses(part):
            self._pause()
        elif self._end_is_due(part):
            self._end_as_planned()
        elif part is None:
            self._end("completed", None)
        else:
            self._speak(part)

    def _pauses(self, clip: Clip | None) -> bool:
        return not self._stalled and (clip is None or self._sent_ms >= self._answer.after_ms)

    def _pause(self) -> None:
        assert self._due_s is not None, "it is in the middle of a step"
        self._stalled = True
        self._start_s += self._answer.stall_ms / 1000
        self._due_s += self._answer.stall_ms / 1000

    def _end_is_due(self, clip: Clip | None) -> bool:
        if self._answer.planned_end is None:
            return False
        return clip is None or self._sent_ms >= self._answer.after_ms

    def _end_as_planned(self) -> None:
        end = self._answer.planned_end
        assert end is not None
        if end.kind == "failed":
            error = {"type": _ERROR_TYPES.get(end.code, "server_error"), "code": end.code}
            self._end("failed", {"error": error})
        elif end.kind == "cancelled":
            self._end("cancelled", {"reason": "turn_detected"})
        else:
            self.loss = end.loss
            self._due_s = None

    @property
    def _sent_ms(self) -> int:
        return self._message.sent_ms if self._message else 0

    def _speak(self, clip: Clip) -> None:
        message = self._message
        if message is None:
            index = len(self._done)
            message = Message(clip, index, self._frame)
            self._message = message
            self._done.append(message.item)
        allowed = self._allowed_bytes(clip)
        end = min(message.sent_bytes + self._piece_bytes(clip, message), allowed)
        message.say(end)
        if end >= len(clip.data):
            self._left.pop(0)
            if self._left or self._answer.planned_end is not None:
                message.close("completed")
        elif end >= allowed:
            self._end("incomplete", {"reason": "max_output_tokens"})
        else:
            self._due_s = self._start_s + message.sent_ms / 1000 / self._settings.speed

    def _piece_bytes(self, clip: Clip, message: Message) -> int:
        if self._answer.at_once:
            return len(clip.data)
        settings = self._settings
        size_ms = settings.delta_ms if message.sent_bytes else settings.first_delta_ms
        until_ms = self._answer.after_ms - message.sent_ms  # a pause begins exactly there
        return (min(size_ms, until_ms) if until_ms > 0 else size_ms) * clip.format.bytes_per_ms

    def _allowed_bytes(self, clip: Clip) -> int:
        limit = self._plan.max_output_tokens
        if isinstance(limit, str):
            return len(clip.data)
        return min(len(clip.data), limit * OUTPUT_TOKEN_MS * clip.format.bytes_per_ms)

    def _end(self, status: str, details: dict[str, Any] | None) -> None:
        self._status = status
        if details is not None:
            self._status_details = {"type": status, **details}
        if self._message is not None and self._message.item.status == "in_progress":
            self._message.close("completed" if status == "completed" else "incomplete")
        self._usage = self._used()
        self._outbox.event("response.done", response=self._view())

    def _used(self) -> dict[str, Any]:
        own = {item.id for item in self._done}
        past = [item for item in self._history if item.id not in own]
        audio_in = sum(item.audio_ms for item in past) // INPUT_TOKEN_MS
        text_in = (
            self._plan.input_text_tokens + sum(item.text_chars for item in past) // TEXT_TOKEN_CHARS
        )
        audio_out = sum(item.audio_ms for item in self._done) // OUTPUT_TOKEN_MS
        chars = sum(item.text_chars for item in self._done)
        chars += len(self._message.spoken) if self._message else 0
        text_out = -(-chars // TEXT_TOKEN_CHARS)
        return {
            "total_tokens": audio_in + text_in + audio_out + text_out,
            "input_tokens": audio_in + text_in,
            "output_tokens": audio_out + text_out,
            "input_token_details": {
                "text_tokens": text_in,
                "audio_tokens": audio_in,
                "image_tokens": 0,
                "cached_tokens": 0,
                "cached_tokens_details": {
                    "text_tokens": 0,
                    "audio_tokens": 0,
                    "image_tokens": 0,
                },
            },
            "output_token_details": {"text_tokens": text_out, "audio_tokens": audio_out},
        }

    def _view(self) -> dict[str, Any]:
        plan = self._plan
        wire: dict[str, object] = {"type": plan.format.type}
        if plan.format.law is None:
            wire["rate"] = plan.format.rate
        return {
            "object": "realtime.response",
            "id": self.id,
            "status": self._status,
            "status_details": self._status_details,
            "output": [item.view() for item in self._done],
            "conversation_id": plan.conversation_id,
            "output_modalities": [plan.modality],
            "max_output_tokens": plan.max_output_tokens,
            "audio": {"output": {"format": wire, "voice": plan.voice}},
            "usage": self._usage,
            "metadata": plan.metadata,
        }


_ERROR_TYPES = {
    "rate_limit_exceeded": "tokens",
    "insufficient_quota": "insufficient_quota",
    "content_filter": "invalid_request_error",
}
