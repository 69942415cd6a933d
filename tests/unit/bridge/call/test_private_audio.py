"""What is for the target alone, of all that an engine says."""

from __future__ import annotations

from sipua.bridge.call.private_audio import PrivateAudio
from sipua.bridge.engine_api.events import AudioDelta, AudioDone, ResponseDone

EARLIER = {"greeting"}


def delta(item: str) -> AudioDelta:
    return AudioDelta(item, 0, b"\0\0")


class Target:
    """A target that remembers what it got."""

    def __init__(self) -> None:
        self.private = PrivateAudio()
        self.got: list[str] = []

    def ask(self) -> None:
        self.private.begin(lambda event: self.got.append(event.item_id))

    def takes(self, event: AudioDelta | AudioDone | ResponseDone) -> bool:
        return self.private.takes(event, EARLIER.__contains__)


def test_the_next_item_is_for_the_target_alone() -> None:
    target = Target()
    assert not target.private.used
    target.ask()
    assert target.takes(delta("summary"))
    assert target.takes(delta("summary"))
    assert target.takes(AudioDone("summary"))
    assert not target.takes(ResponseDone("r1", "completed"))
    assert target.got == ["summary"] * 3
    assert not target.takes(delta("answer")), "the response after it is for the caller"


def test_what_had_begun_for_the_caller_stays_the_callers() -> None:
    target = Target()
    target.ask()
    assert not target.takes(delta("greeting"))
    assert not target.takes(AudioDone("greeting"))
    assert not target.takes(ResponseDone("r0", "cancelled"))
    assert target.takes(delta("summary")), "the response that was cancelled was another one"


def test_what_comes_too_late_is_heard_on_neither_side() -> None:
    target = Target()
    target.ask()
    target.takes(delta("summary"))
    target.private.end()
    assert target.takes(delta("summary"))
    assert target.got == ["summary"]
    never = Target()
    never.ask()
    never.private.end()
    assert never.takes(delta("summary"))
    assert not never.takes(ResponseDone("r1", "completed"))
    assert not never.takes(delta("explanation"))
    assert never.got == []
