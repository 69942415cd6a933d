"""A conversation that begins later, or with others."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from sipua.bridge.conversation.switched import SwitchedConversation
from sipua.bridge.engine_api.settings import Past, PastMessage
from sipua.bridge.playout.queue import PlayoutQueue
from sipua.bridge.turns.state import TurnState
from sipua.codecs.g711 import Law


@dataclass
class Inner:
    name: str
    asked: list[Any] = field(default_factory=list)
    session_id: str = "session"

    async def connect(self, timeout_s: float) -> None:
        self.asked.append(("connect", timeout_s))

    def append(self, audio: bytes) -> None:
        self.asked.append(audio)

    def speak(self, instructions: str | None = None) -> None:
        self.asked.append(instructions)

    def truncate(self, item_id: str, audio_end_ms: int) -> None:
        self.asked.append((item_id, audio_end_ms))

    def cancel(self) -> None:
        self.asked.append("cancel")

    def tool_result(self, call_id: str, output: str, *, respond: bool = True) -> None:
        self.asked.append((call_id, output, respond))

    def inject(self, role: str, text: str, *, respond: bool) -> None:
        self.asked.append((role, text, respond))

    def digit(self, key: str, duration_ms: int) -> None:
        self.asked.append((key, duration_ms))

    def marked(self, name: str, *, played: bool) -> None:
        self.asked.append((name, played))

    def past(self) -> list[Past]:
        return [PastMessage("user", "Hello?")]

    async def close(self) -> None:
        self.asked.append("close")

    def counters(self) -> dict[str, int]:
        return {self.name: 1}


def switched(first: Inner | None = None) -> SwitchedConversation:
    turns = TurnState(PlayoutQueue(Law.PCMU))
    return SwitchedConversation(lambda _: None, turns, (lambda *_: first) if first else None)


def ask_everything(one: SwitchedConversation) -> None:
    one.append(b"audio")
    one.speak("Greet.")
    one.truncate("item", 20)
    one.cancel()
    one.tool_result("call", "result", respond=False)
    one.inject("system", "text", respond=True)
    one.digit("5", 100)
    one.marked("a1", played=True)


async def test_without_one_nothing_is_heard_and_nothing_said() -> None:
    one = switched()
    assert not one.talks
    await one.connect(5.0)
    ask_everything(one)
    assert (one.session_id, one.counters(), one.past()) == ("", {}, ())
    await one.close()


async def test_all_is_passed_on_to_the_one_in_use() -> None:
    first, second = Inner("first"), Inner("second")
    one = switched(first)
    assert one.talks
    await one.use(lambda *_: second)
    assert first.asked == ["close"], "the one before is closed first"
    await one.connect(5.0)
    ask_everything(one)
    assert second.asked == [
        ("connect", 5.0),
        b"audio",
        "Greet.",
        ("item", 20),
        "cancel",
        ("call", "result", False),
        ("system", "text", True),
        ("5", 100),
        ("a1", True),
    ]
    assert one.session_id == "session"
    assert one.past() == second.past()
    assert one.counters() == {"first": 1, "second": 1}, "those of all"
    await one.leave()
    assert one.counters() == {"first": 1, "second": 1}, "and behind their end"


async def test_a_call_that_is_over_gets_no_other() -> None:
    one = switched(Inner("first"))
    await one.close()
    late = Inner("late")
    await one.use(lambda *_: late)
    assert not one.talks
