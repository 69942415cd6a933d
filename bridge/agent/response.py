"""One response on its way to the client: its events in the vendor's order, its audio paced.

    created · rate_limits · output_item.added · item.added · content_part.added
    (transcript.delta · audio.delta)*
    audio.done · transcript.done · content_part.done · output_item.done · item.done · done

Audio leaves in deltas, the first one small, `speed` times faster than it plays, each at its own
absolute deadline; so whoever interrupts finds a response that still runs, as with the vendor.
"""

import re
from dataclasses import dataclass
from typing import Any

from sipua.bridge.agent.formats import Clip, WireFormat
from sipua.bridge.agent.history import History, Item
from sipua.bridge.agent.protocol import Outbox
from sipua.bridge.agent.settings import AgentSettings

INPUT_TOKEN_MS = 100  # the vendor's price of heard audio
OUTPUT_TOKEN_MS = 50  # and of spoken
TEXT_TOKEN_CHARS = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class ResponsePlan:
    """What was asked for, settled when the response starts."""

    format: WireFormat
    modality: str
    voice: str
    max_output_tokens: int | str
    metadata: dict[str, str] | None
    conversation_id: str | None  # None: out of band, its item joins no conversation
    input_text_tokens: int


class Response:
    __slots__ = (
        "_clip",
        "_due_s",
        "_history",
        "_item",
        "_outbox",
        "_plan",
        "_previous_id",
        "_sent_bytes",
        "_settings",
        "_spoken",
        "_start_s",
        "_status",
        "_status_details",
        "_usage",
        "_words",
        "id",
    )

    def __init__(
        self,
        plan: ResponsePlan,
        clip: Clip | None,
        *,
        history: History,
        outbox: Outbox,
        settings: AgentSettings,
        now: float,
    ) -> None:
        self.id = outbox.new_id("resp")
        self._plan = plan
        self._clip = clip
        self._history = history
        self._outbox = outbox
        self._settings = settings
        self._item: Item | None = None
        self._previous_id: str | None = None
        self._sent_bytes = 0
        self._words: list[str] = re.findall(r"\S+\s*", clip.transcript) if clip else []
        self._spoken = ""
        self._status = "in_progress"
        self._status_details: dict[str, str] | None = None
        self._usage: dict[str, Any] | None = None
        self._start_s = now + settings.latency_ms / 1000
        self._due_s = self._start_s
        outbox.event("response.created", response=self._view())
        limit = {"limit": 1_000_000, "remaining": 1_000_000, "reset_seconds": 0.0}
        outbox.event("rate_limits.updated", rate_limits=[{"name": "tokens", **limit}])

    @property
    def item_id(self) -> str | None:
        return self._item.id if self._item else None

    @property
    def running(self) -> bool:
        return self._status == "in_progress"

    @property
    def next_deadline(self) -> float | None:
        return self._due_s if self.running else None

    @property
    def plays_until(self) -> float:
        """When a client that plays what it got at once has played it all."""
        return self._start_s + self._plan.format.duration_ms(self._sent_bytes) / 1000

    def advance(self, now: float) -> None:
        while self.running and self._due_s <= now:
            self._step()

    def cancel(self, reason: str) -> None:
        self._end("cancelled", reason)

    def _step(self) -> None:
        clip = self._clip
        if clip is None:
            self._end("completed", None)
            return
        item = self._item or self._open(clip)
        size_ms = self._settings.delta_ms if self._sent_bytes else self._settings.first_delta_ms
        end = min(self._sent_bytes + size_ms * clip.format.bytes_per_ms, self._allowed_bytes(clip))
        self._say(clip, item, end)
        if self._plan.modality == "audio" and end > self._sent_bytes:
            self._outbox.audio_delta(self.id, item.id, clip.data[self._sent_bytes : end])
            item.audio_ms = clip.format.duration_ms(end)
        self._sent_bytes = end
        self._due_s = self._start_s + clip.format.duration_ms(end) / 1000 / self._settings.speed
        if end >= len(clip.data):
            self._end("completed", None)
        elif end >= self._allowed_bytes(clip):
            self._end("incomplete", "max_output_tokens")

    def _allowed_bytes(self, clip: Clip) -> int:
        limit = self._plan.max_output_tokens
        if isinstance(limit, str):
            return len(clip.data)
        return min(len(clip.data), limit * OUTPUT_TOKEN_MS * clip.format.bytes_per_ms)

    def _say(self, clip: Clip, item: Item, end: int) -> None:
        """The words that belong to the audio up to `end`, a little ahead of it."""
        share = end / len(clip.data) if clip.data else 1.0
        count = max(1, round(share * len(self._words)))
        text = "".join(self._words[:count])
        delta, self._spoken = text[len(self._spoken) :], text
        if delta:
            event = "output_audio_transcript" if self._plan.modality == "audio" else "output_text"
            self._outbox.event(f"response.{event}.delta", **self._place(item), delta=delta)

    def _open(self, clip: Clip) -> Item:
        item = Item(
            self._outbox.new_id("item"),
            "message",
            status="in_progress",
            role="assistant",
            format=clip.format,
        )
        self._item = item
        self._outbox.event(
            "response.output_item.added", response_id=self.id, output_index=0, item=item.view()
        )
        if self._plan.conversation_id is not None:
            self._previous_id = self._history.insert(item)
            self._outbox.event(
                "conversation.item.added", previous_item_id=self._previous_id, item=item.view()
            )
        self._outbox.event("response.content_part.added", **self._place(item), part=self._part(""))
        return item

    def _end(self, status: str, reason: str | None) -> None:
        self._status = status
        if reason is not None:
            self._status_details = {"type": status, "reason": reason}
        if self._item is not None and self._clip is not None:
            self._close(self._item, self._clip)
        self._usage = self._used()
        self._outbox.event("response.done", response=self._view())

    def _close(self, item: Item, clip: Clip) -> None:
        place = self._place(item)
        text = self._spoken
        item.status = "completed" if self._status == "completed" else "incomplete"
        if self._plan.modality == "audio":
            item.content = [{"type": "output_audio", "transcript": text}]
            self._history.set_audio(item, clip.data[: self._sent_bytes], item.audio_ms)
            self._outbox.event("response.output_audio.done", **place)
            self._outbox.event("response.output_audio_transcript.done", **place, transcript=text)
        else:
            item.content = [{"type": "output_text", "text": text}]
            self._outbox.event("response.output_text.done", **place, text=text)
        self._outbox.event("response.content_part.done", **place, part=self._part(text))
        self._outbox.event(
            "response.output_item.done", response_id=self.id, output_index=0, item=item.view()
        )
        if self._plan.conversation_id is not None:
            self._outbox.event(
                "conversation.item.done", previous_item_id=self._previous_id, item=item.view()
            )

    def _place(self, item: Item) -> dict[str, Any]:
        return {
            "response_id": self.id,
            "item_id": item.id,
            "output_index": 0,
            "content_index": 0,
        }

    def _part(self, text: str) -> dict[str, str]:
        if self._plan.modality == "audio":
            return {"type": "audio", "transcript": text}
        return {"type": "text", "text": text}

    def _used(self) -> dict[str, Any]:
        own = self._item
        heard_ms = sum(item.audio_ms for item in self._history if item is not own)
        texts = sum(item.text_chars for item in self._history if item is not own)
        audio_in = heard_ms // INPUT_TOKEN_MS
        text_in = self._plan.input_text_tokens + texts // TEXT_TOKEN_CHARS
        audio_out = own.audio_ms // OUTPUT_TOKEN_MS if own else 0
        text_out = -(-len(self._spoken) // TEXT_TOKEN_CHARS)
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
            "output": [self._item.view()] if self._item else [],
            "conversation_id": plan.conversation_id,
            "output_modalities": [plan.modality],
            "max_output_tokens": plan.max_output_tokens,
            "audio": {"output": {"format": wire, "voice": plan.voice}},
            "usage": self._usage,
            "metadata": plan.metadata,
        }
