"""What is done to a call when it is found out who has answered: real sounds, no bridge."""

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from sipua.bridge.engine_api.events import Transcript
from sipua.bridge.engine_api.protocol import SPEECH_AND_TOOLS
from sipua.bridge.events import AudioLeft, AudioPlayed, BridgeEvent
from sipua.calls.answering.policy import AnsweringPolicy
from sipua.calls.answering.watch import AnswerWatch
from sipua.codecs.pcm import Pcm
from sipua.events.ending import Reason
from sipua.events.event import Event
from support.media import audio

SPEECH = np.concatenate([audio.speech("pbx"), audio.silence(300)])
BEEP = np.concatenate([audio.silence(400), audio.tone(1000, 400), audio.silence(400)])
HELLO = np.concatenate([audio.silence(300), audio.speech("goodbye"), audio.silence(1200)])


class Line:
    """Stands in for a call, its bridge, and the screen of that."""

    def __init__(self) -> None:
        self.bridge: Any = self
        self.screen: Any = self
        self.capabilities = SPEECH_AND_TOOLS
        self.confirmed = asyncio.Event()
        self.answered_by: dict[str, Any] | None = None
        self.over = self.engine_missed = False
        self.steps: list[str] = []
        self.told: list[Event] = []
        self.listener: Callable[[Pcm], None] | None = None
        self.on_event: Callable[[BridgeEvent, float], None] = lambda event, now: None

    def subscribe(self, listener: Callable[[BridgeEvent, float], None]) -> Callable[[], None]:
        self.on_event = listener
        return lambda: None

    def listen(self, listener: Callable[[Pcm], None]) -> Callable[[], None]:
        self.listener = listener

        def end() -> None:
            self.listener = None

        return end

    def hold(self, on: bool) -> None:
        self.steps.append("hold" if on else "open")

    def mute(self, on: bool) -> None:
        """With `hold`."""

    def tell(self, event: Event) -> None:
        self.told.append(event)

    def interrupt(self, by: str) -> None:
        self.steps.append("interrupt")

    def speak(self, instructions: str | None = None) -> None:
        self.steps.append("speak" if instructions is None else "speak text")

    def inject(self, role: str, text: str, *, respond: bool) -> None:
        self.steps.append(f"inject {text.split()[1]}")

    def play(self, name: str, pcm: Pcm, *, interruptible: bool) -> str:
        self.steps.append("play")
        return "local:message:1"

    def hang_up(self, reason: Reason, detail: str, status: int = 0) -> None:
        assert reason is Reason.MACHINE
        self.steps.append("hang up")
        self.over = True

    async def says(self, *sounds: Pcm) -> None:
        for sound in sounds:
            for start in range(0, len(sound) - 159, 160):
                if self.listener is not None:
                    self.listener(sound[start : start + 160])
        await asyncio.sleep(0.1)

    async def until(self, step: str) -> None:
        async with asyncio.timeout(20):
            while step not in self.steps:
                await asyncio.sleep(0.01)


class Watched(Line):
    def watch(self, policy: AnsweringPolicy) -> None:
        watch = AnswerWatch(self, policy, lambda person: self.steps.append(f"greet {person}"))
        self.task = asyncio.create_task(watch.run())


@pytest.fixture
async def line() -> AsyncIterator[Watched]:
    made = Watched()
    yield made
    made.task.cancel()
    await asyncio.gather(made.task, return_exceptions=True)


async def answered(line: Watched, policy: AnsweringPolicy) -> None:
    line.watch(policy)
    await asyncio.sleep(0)
    assert line.steps == ["hold"]
    line.confirmed.set()
    await asyncio.sleep(0.01)


async def test_nothing_is_listened_to_before_the_answer(line: Watched) -> None:
    line.watch(AnsweringPolicy())
    await asyncio.sleep(0.01)
    assert line.listener is None


async def test_a_person_is_greeted(line: Watched) -> None:
    await answered(line, AnsweringPolicy())
    await line.says(HELLO)
    assert line.steps[1:] == ["open", "greet True"]
    assert line.answered_by is not None
    assert line.answered_by["verdict"] == "person"


async def test_the_model_is_told_of_a_machine(line: Watched) -> None:
    await answered(line, AnsweringPolicy())
    await line.says(SPEECH, SPEECH)
    assert line.steps[1:] == ["interrupt", "inject machine", "open"]
    line.on_event(Transcript("i", "user", "Please leave a message after the tone.", True), 0.0)
    assert line.steps[4:] == ["inject voicemail", "open"]
    line.on_event(Transcript("j", "user", "Leave a message.", True), 0.0)
    assert len(line.told) == 2, "told once"


async def test_words_of_a_person_do_not_end_the_call(line: Watched) -> None:
    """Somebody at a firm may well say that a message can be left."""
    await answered(line, AnsweringPolicy(on_voicemail="hangup"))
    await line.says(HELLO)
    line.on_event(Transcript("i", "user", "Please leave a message with me.", True), 0.0)
    assert "hang up" not in line.steps
    assert len(line.told) == 1


async def test_a_text_waits_for_the_beep(line: Watched) -> None:
    await answered(line, AnsweringPolicy(on_voicemail="message", text="Call back."))
    await line.says(SPEECH, SPEECH)
    assert line.steps[1:] == ["hold", "interrupt", "speak text"]
    await line.says(BEEP)
    assert line.steps[4:] == ["open"]
    line.on_event(AudioLeft("i"), 0.0)
    line.on_event(AudioPlayed("i"), 0.0)
    await line.until("hang up")
    assert line.steps[-1] == "hang up", "and nothing is let through any more"
    assert line.answered_by is not None
    assert (line.answered_by["verdict"], line.answered_by["message"]) == ("voicemail", "left")


async def test_a_person_stops_the_message(line: Watched, tmp_path: Path) -> None:
    path = tmp_path / "message.wav"
    audio.write_wav(path, audio.speech("operator"), rate_hz=8000)
    await answered(line, AnsweringPolicy(on_voicemail="message", message=str(path)))
    await line.says(SPEECH, SPEECH, BEEP)
    assert line.steps[-2:] == ["open", "play"]
    await line.says(HELLO)
    assert line.steps[-5:] == ["hold", "interrupt", "open", "inject person", "speak"]


async def test_an_engine_that_is_lost_leaves_the_line_open(line: Watched) -> None:
    """So that the prompt of the fallback is heard."""
    await answered(line, AnsweringPolicy())
    line.engine_missed = True
    await line.until("open")
    assert line.listener is None


async def test_a_fax_is_hung_up_on(line: Watched) -> None:
    await answered(line, AnsweringPolicy())
    await line.says(audio.silence(300), audio.tone(2100, 1500))
    assert line.steps[1:] == ["interrupt", "hang up"]
