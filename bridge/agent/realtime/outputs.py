"""The items of a response, each with its events in the vendor's order.

message        output_item.added · item.added · content_part.added
               (transcript.delta · audio.delta)*
               audio.done · transcript.done · content_part.done · output_item.done · item.done
function call  output_item.added · item.added · arguments.delta · arguments.done
               output_item.done · item.done
"""

import re
from dataclasses import dataclass
from typing import Any

from sipua.bridge.agent.realtime.history import History, Item
from sipua.bridge.agent.realtime.protocol import RealtimeOutbox
from sipua.bridge.agent.scenario.scenario import FunctionCall
from sipua.bridge.agent.speech.formats import Clip, WireFormat


@dataclass(frozen=True, slots=True, kw_only=True)
class ResponsePlan:
    """The request of a response, fixed when the response starts."""

    format: WireFormat
    modality: str
    voice: str
    max_output_tokens: int | str
    metadata: dict[str, str] | None
    conversation_id: str | None  # None: out of band, its items join no conversation
    input_text_tokens: int


@dataclass(frozen=True, slots=True)
class Frame:
    """What all items of one response share."""

    response_id: str
    plan: ResponsePlan
    history: History
    outbox: RealtimeOutbox


class _Output:
    """An item on its way into the response and the conversation."""

    __slots__ = ("_frame", "_index", "_previous_id", "item")

    def __init__(self, item: Item, index: int, frame: Frame) -> None:
        self.item = item
        self._index = index
        self._frame = frame
        self._previous_id: str | None = None
        frame.outbox.event("response.output_item.added", **self._whole())
        if frame.plan.conversation_id is not None:
            self._previous_id = frame.history.insert(item)
            frame.outbox.event(
                "conversation.item.added", previous_item_id=self._previous_id, item=item.view()
            )

    def _close(self) -> None:
        self._frame.outbox.event("response.output_item.done", **self._whole())
        if self._frame.plan.conversation_id is not None:
            self._frame.outbox.event(
                "conversation.item.done", previous_item_id=self._previous_id, item=self.item.view()
            )

    def _whole(self) -> dict[str, Any]:
        return {
            "response_id": self._frame.response_id,
            "output_index": self._index,
            "item": self.item.view(),
        }

    def _place(self) -> dict[str, Any]:
        return {
            "response_id": self._frame.response_id,
            "item_id": self.item.id,
            "output_index": self._index,
        }


class Message(_Output):
    """A spoken message, in pieces. `sent_bytes` of the clip were sent."""

    __slots__ = ("_clip", "_words", "sent_bytes", "spoken")

    def __init__(self, clip: Clip, index: int, frame: Frame) -> None:
        item = Item(
            frame.outbox.new_id("item"),
            "message",
            status="in_progress",
            role="assistant",
            format=clip.format,
        )
        super().__init__(item, index, frame)
        self._clip = clip
        self._words: list[str] = re.findall(r"\S+\s*", clip.transcript)
        self.sent_bytes = 0
        self.spoken = ""
        frame.outbox.event("response.content_part.added", **self._spot(), part=self._part(""))

    @property
    def sent_ms(self) -> int:
        return self._clip.format.duration_ms(self.sent_bytes)

    def say(self, end: int) -> None:
        """Send the audio up to byte `end`, and its words, a little ahead."""
        clip = self._clip
        share = end / len(clip.data) if clip.data else 1.0
        text = "".join(self._words[: max(1, round(share * len(self._words)))])
        delta, self.spoken = text[len(self.spoken) :], text
        audible = self._frame.plan.modality == "audio"
        if delta:
            event = "output_audio_transcript" if audible else "output_text"
            self._frame.outbox.event(f"response.{event}.delta", **self._spot(), delta=delta)
        if audible and end > self.sent_bytes:
            self._frame.outbox.audio_delta(
                self._frame.response_id, self.item.id, self._index, clip.data[self.sent_bytes : end]
            )
            self.item.audio_ms = clip.format.duration_ms(end)
        self.sent_bytes = end

    def close(self, status: str) -> None:
        item, text, outbox, spot = self.item, self.spoken, self._frame.outbox, self._spot()
        item.status = status
        if self._frame.plan.modality == "audio":
            item.content = [{"type": "output_audio", "transcript": text}]
            self._frame.history.set_audio(item, self._clip.data[: self.sent_bytes], item.audio_ms)
            outbox.event("response.output_audio.done", **spot)
            outbox.event("response.output_audio_transcript.done", **spot, transcript=text)
        else:
            item.content = [{"type": "output_text", "text": text}]
            outbox.event("response.output_text.done", **spot, text=text)
        outbox.event("response.content_part.done", **spot, part=self._part(text))
        self._close()

    def _spot(self) -> dict[str, Any]:
        return {**self._place(), "content_index": 0}

    def _part(self, text: str) -> dict[str, str]:
        if self._frame.plan.modality == "audio":
            return {"type": "audio", "transcript": text}
        return {"type": "text", "text": text}


class Call(_Output):
    """A function call of the model, sent at once."""

    __slots__ = ()

    def __init__(self, call: FunctionCall, index: int, frame: Frame) -> None:
        outbox = frame.outbox
        extra = {"name": call.name, "call_id": outbox.new_id("call"), "arguments": ""}
        item = Item(outbox.new_id("item"), "function_call", status="in_progress", extra=extra)
        super().__init__(item, index, frame)
        extra["arguments"] = call.arguments
        item.text_chars = len(call.name) + len(call.arguments)
        item.status = "completed"
        place = {**self._place(), "call_id": extra["call_id"]}
        outbox.event("response.function_call_arguments.delta", **place, delta=call.arguments)
        outbox.event(
            "response.function_call_arguments.done",
            **place,
            name=call.name,
            arguments=call.arguments,
        )
        self._close()
