"""The sender's step and its news: the order that it promises."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from sipua.bridge.engine_api.settings import AudioFormat
from sipua.bridge.events import AudioLeft, AudioPlayed, MarkReached, PlayoutNews
from sipua.bridge.fault_owner import FaultOwner
from sipua.bridge.playout.sender import PlayoutSender
from sipua.codecs.g711 import Law

FRAME = np.full(160, 1000, np.int16)


class Call:
    """A sender and its neighbours, who write down what happens. `tick` is the pacer's."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 100.0
        self.log: list[str | PlayoutNews] = []
        self.on_tick: Callable[[], None] = lambda: None
        self.on_news: Callable[[PlayoutNews], None] = lambda _: None
        self.due = 0.0
        monkeypatch.setattr("time.monotonic", lambda: self.now)
        me: Any = self  # pacer, handle, session and transport in one
        self.sender = PlayoutSender(
            me,
            frame_ms=20,
            on_news=self._hear,
            on_tick=self._on_tick,
            on_frame=lambda payload, skipped: self.log.append("frame"),
            faults=FaultOwner(),
        )
        self.play = self.sender.playout.push_local
        self._me = me

    def open(self, *, on_hold: bool = False) -> None:
        self.sender.open(self._me, self._me, Law.PCMU, by_event=False, on_hold=on_hold)

    def begin(self) -> None:
        self.open()
        self.sender.start()

    def tick(self) -> None:
        self.now = self.due
        self.due = self._callback(self.now)

    def said(self) -> list[PlayoutNews]:
        return [entry for entry in self.log if not isinstance(entry, str)]

    def _hear(self, news: PlayoutNews) -> None:
        self.log.append(news)
        self.on_news(news)

    def _on_tick(self, now: float) -> None:
        self.log.append("tick")
        self.on_tick()

    # The pacer's
    def add(self, callback: Callable[[float], float], due_s: float, faults: FaultOwner) -> Any:
        self._callback = callback
        self.due = due_s
        return self

    # Its handle's
    def reschedule(self, due_s: float) -> None:
        self.log.append("due")
        self.due = due_s

    def cancel(self) -> None:
        self.log.append("cancelled")

    # The session's and the transport's
    def skip(self, samples: int) -> None:
        self.log.append("skipped")

    def send(self, payload: bytes, samples: int, marker: bool = False) -> bool:
        self.log.append("sent")
        return True


@pytest.fixture
def call(monkeypatch: pytest.MonkeyPatch) -> Call:
    return Call(monkeypatch)


def test_in_a_tick_the_frame_leaves_and_its_news_comes_last(call: Call) -> None:
    call.begin()
    call.log.clear()
    call.play("one", FRAME)
    call.tick()
    assert call.log == ["tick", "sent", "frame", AudioLeft("one"), AudioPlayed("one", 20)]


def test_what_leaves_at_once_has_its_next_deadline_before_its_news(call: Call) -> None:
    call.begin()
    call.log.clear()
    call.now += 0.005
    call.play("one", np.tile(FRAME, 2))
    deadlines: list[float] = []
    call.on_news = lambda _: deadlines.append(call.due)
    call.sender.send_now_if_idle()
    assert call.log == ["sent", "frame", "due", AudioLeft("one")]
    assert deadlines == [pytest.approx(call.now + 0.02)]


def test_the_first_frame_is_news_when_the_sender_has_its_place_in_the_pacer(call: Call) -> None:
    call.play("greeting", np.tile(FRAME, 2))
    call.on_news = lambda _: call.sender.close()
    call.begin()
    assert call.log[:4] == ["tick", "sent", "frame", AudioLeft("greeting")]
    assert "cancelled" in call.log, "there was a place to give back"


def test_items_are_told_as_their_frames_left(call: Call) -> None:
    call.play("one", np.tile(FRAME, 2))
    call.play("two", FRAME)
    call.begin()
    call.tick()
    call.tick()
    assert call.said() == [
        AudioLeft("one"),
        AudioPlayed("one", 40),
        AudioLeft("two"),
        AudioPlayed("two", 20),
    ]


def test_news_of_what_news_has_caused_comes_behind_it(call: Call) -> None:
    """Who hears that a frame left plays a sound, which leaves at once."""
    call.begin()
    call.log.clear()

    def answer(news: PlayoutNews) -> None:
        if news == AudioLeft("one"):
            call.sender.playout.end_item("one")
            call.now += 0.02
            call.tick()  # a talkspurt is over
            call.play("two", FRAME)
            call.sender.send_now_if_idle()
            call.log.append("answered")

    call.on_news = answer
    call.play("one", FRAME)
    call.sender.send_now_if_idle()
    assert [entry for entry in call.log if entry == "answered" or not isinstance(entry, str)] == [
        AudioLeft("one"),
        "answered",
        AudioPlayed("one", 20),
        AudioLeft("two"),
        AudioPlayed("two", 20),
    ]


def test_a_listener_that_fails_costs_the_others_nothing(call: Call) -> None:
    call.begin()
    call.play("one", FRAME)

    def fail(news: PlayoutNews) -> None:
        raise KeyError("injected")

    call.on_news = fail
    with pytest.raises(KeyError):
        call.sender.send_now_if_idle()
    call.on_news = lambda _: None
    call.tick()
    assert call.said() == [AudioLeft("one"), AudioPlayed("one", 20)]


def test_on_hold_news_does_not_wait_for_the_next_frame(call: Call) -> None:
    call.begin()
    playout = call.sender.playout
    playout.set_format(AudioFormat.PCMU)
    playout.push("answer", bytes(160))
    call.sender.send_now_if_idle()
    call.open(on_hold=True)
    call.log.clear()
    playout.end_item("answer")  # all of it was played by then
    call.sender.send_now_if_idle()
    assert call.log == [AudioPlayed("answer", 20)]
    playout.push("next", bytes(160))
    call.tick()
    assert call.log[1:] == ["tick", "skipped"]


def test_a_mark_is_told_behind_the_news_of_its_frame(call: Call) -> None:
    call.begin()
    call.play("one", FRAME)
    call.sender.playout.mark("behind one")
    call.log.clear()
    call.tick()
    assert call.log == [
        "tick",
        "sent",
        "frame",
        AudioLeft("one"),
        AudioPlayed("one", 20),
        MarkReached("behind one", played=True),
    ]


def test_a_mark_with_nothing_before_it_waits_for_no_media(call: Call) -> None:
    call.sender.playout.mark("early")
    call.sender.send_now_if_idle()
    assert call.log == [MarkReached("early", played=True)]


def test_a_mark_waits_for_audio_that_waits_for_media(call: Call) -> None:
    call.play("greeting", FRAME)
    call.sender.playout.mark("greeted")
    call.sender.send_now_if_idle()
    assert call.log == []
    call.begin()
    assert call.said()[-1] == MarkReached("greeted", played=True)


def test_marks_are_told_while_the_line_is_lent(call: Call) -> None:
    call.begin()
    call.sender.lend()
    call.play("one", FRAME)
    call.sender.playout.mark("cut")
    call.sender.playout.push("answer", bytes(960))
    call.log.clear()
    call.sender.playout.flush()
    call.tick()
    assert call.log == [MarkReached("cut", played=False)]
    call.sender.playout.flush()
    call.sender.take_back()
    call.tick()
    assert call.said()[-2:] == [AudioLeft("one"), AudioPlayed("one", 20)]


def test_a_mark_behind_half_a_frame_gives_the_next_tick_to_it(call: Call) -> None:
    call.begin()
    playout = call.sender.playout
    playout.set_format(AudioFormat.PCMU)
    playout.push("answer", bytes(240))
    call.sender.send_now_if_idle()
    playout.mark("m")
    call.sender.send_now_if_idle()
    assert call.said() == [AudioLeft("answer")]
    begun = call.due
    call.tick()
    assert call.said() == [AudioLeft("answer"), MarkReached("m", played=True)]
    assert call.due == pytest.approx(begun + 0.02), "the talkspurt went on, without a gap"
