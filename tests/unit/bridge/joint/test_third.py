"""A third party on a call: who hears whom, as a matrix of tones. No socket, no clock."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
import pytest
import structlog

from sipua.bridge.fault_owner import FaultOwner
from sipua.bridge.joint.third import Between, Part, Third
from sipua.codecs.g711 import Law, decode, encode
from sipua.codecs.pcm import Pcm
from sipua.codecs.tones import sine
from sipua.rtp.events import Dtmf, Frame, Lost, RtpEvent, Silence, SsrcChanged

HZ = {"caller": 500, "agent": 900, "third": 1400}
FRAMES = 60
SILENT = encode(Law.PCMU, np.zeros(160, np.int16))


class Line:
    def __init__(self, law: Law) -> None:
        self.law = law
        self.lent = False
        self.sent: list[bytes] = []
        self.realigned = 0
        self.on_relay: Callable[[bytes], bytes] = lambda payload: payload

    def lend(self) -> None:
        self.lent = True

    def take_back(self) -> None:
        self.lent = False

    def press(self, digits: str) -> None: ...

    def relay(self, payload: bytes, samples: int, marker: bool) -> None:
        self.sent.append(self.on_relay(payload))

    def relay_gap(self, samples: int, packets: int) -> None: ...

    def realign(self) -> None:
        self.realigned += 1


class Handle:
    cancelled = False

    def cancel(self) -> None:
        self.cancelled = True


@dataclass
class Leg:
    law: Law = Law.PCMU
    laws: dict[int, Law] = field(default_factory=lambda: {0: Law.PCMU, 8: Law.PCMA})
    between: Between | None = None
    given: list[RtpEvent] = field(default_factory=list)
    tick: Callable[[float], float] | None = None
    handle: Handle = field(default_factory=Handle)

    def __post_init__(self) -> None:
        self.line = Line(self.law)

    def put_between(self, between: Between | None) -> None:
        self.between = between

    def give(self, events: Sequence[RtpEvent]) -> None:
        self.given += events

    def pace(self, callback: Callable[[float], float], now: float) -> Handle:
        self.tick = callback
        return self.handle


class Party:
    def __init__(self, name: str) -> None:
        self.pcm = sine(HZ[name], FRAMES * 20, 8000)

    def payload(self, number: int, law: Law) -> bytes:
        return encode(law, self.pcm[number * 160 : number * 160 + 160])


def heard(payloads: Sequence[bytes], law: Law) -> set[str]:
    """Whose tone is in it, in its middle."""
    pcm = np.concatenate([decode(law, payload) for payload in payloads[10:-10]])
    spectrum = np.abs(np.fft.rfft(pcm * np.hanning(len(pcm)))) / len(pcm)
    bins = {name: round(hz * len(pcm) / 8000) for name, hz in HZ.items()}
    return {name for name, at in bins.items() if spectrum[at - 1 : at + 2].max() > 100}


class Talk:
    """All three talk all the time."""

    def __init__(self, part: Part, law: Law = Law.PCMU, third_law: Law = Law.PCMU) -> None:
        self.faults: list[str] = []
        self.leg, self.third_leg = Leg(law), Leg(third_law)
        owner = FaultOwner("fault", structlog.get_logger(), self.faults.append)
        self.third = Third(self.leg, self.third_leg, owner, part)
        self.third.begin(0.0)
        self.to_agent: list[bytes] = []
        self.to_caller: list[bytes] = []
        self.now = 0.0
        self.number = 0
        self.parties = {name: Party(name) for name in HZ}

    def frame(self, *, caller: bool = True, agent: bool = True) -> None:
        between, law = self.leg.between, self.leg.law
        assert between is not None
        at = self.number
        self.third.said(
            [Frame(self.third_leg.law.payload_type, self._said("third", self.third_leg.law), 0.0)]
        )
        if caller:
            passed = between.came([Frame(law.payload_type, self._said("caller", law), 0.0)])
            self.to_agent += [one.payload for one in passed if isinstance(one, Frame)]
        if agent:
            self.to_caller.append(between.leaves(self._said("agent", law)))
        assert self.third_leg.tick is not None
        due = self.third_leg.tick(self.now)
        assert due == pytest.approx(self.now + 0.02)
        self.now += 0.02
        self.number = at + 1

    def _said(self, name: str, law: Law) -> bytes:
        return self.parties[name].payload(self.number % FRAMES, law)

    def run(self, frames: int = FRAMES) -> None:
        for _ in range(frames):
            self.frame()


@pytest.mark.parametrize("law", list(Law))
@pytest.mark.parametrize("third_law", list(Law))
@pytest.mark.parametrize(
    ("part", "agent_hears", "caller_hears"),
    [
        ("listen", {"caller"}, {"agent"}),
        ("whisper", {"caller", "third"}, {"agent"}),
        ("barge", {"caller", "third"}, {"agent", "third"}),
    ],
)
def test_who_hears_whom(
    part: Part, agent_hears: set[str], caller_hears: set[str], law: Law, third_law: Law
) -> None:
    talk = Talk(part, law, third_law)
    talk.run()
    assert heard(talk.to_agent, law) == agent_hears
    assert heard(talk.to_caller, law) == caller_hears
    assert heard(talk.third_leg.line.sent, third_law) == {"caller", "agent"}
    assert set(talk.third.counters().values()) == {0}
    assert talk.faults == []


def test_who_only_listens_changes_no_byte() -> None:
    talk = Talk("listen")
    talk.run()
    caller, agent = talk.parties["caller"], talk.parties["agent"]
    assert talk.to_agent == [caller.payload(number, Law.PCMU) for number in range(FRAMES)]
    assert talk.to_caller == [agent.payload(number, Law.PCMU) for number in range(FRAMES)]


def test_the_part_changes_in_mid_call() -> None:
    talk = Talk("barge")
    talk.run()
    talk.third.set_part("whisper")
    talk.to_caller.clear()
    talk.run()
    assert heard(talk.to_caller, Law.PCMU) == {"agent"}
    talk.third.set_part("listen")
    talk.to_agent.clear()
    talk.run()
    assert heard(talk.to_agent, Law.PCMU) == {"caller"}


def test_after_its_end_the_call_is_as_before() -> None:
    talk = Talk("barge")
    talk.run(5)
    talk.third.end()
    talk.third.end()
    assert talk.leg.between is None
    assert talk.third_leg.handle.cancelled


def test_a_caller_whose_phone_sends_nothing_in_a_pause() -> None:
    talk = Talk("whisper")
    talk.run()
    for _ in range(FRAMES):
        talk.frame(caller=False)
    made = [one for one in talk.leg.given if isinstance(one, Frame)]
    assert len(made) > FRAMES - 10
    assert heard([one.payload for one in made], Law.PCMU) == {"third"}
    between = talk.leg.between
    assert between is not None
    told = between.came([Silence(FRAMES * 160)])
    assert [one.samples for one in told if isinstance(one, Silence)] == [
        (FRAMES - len(made)) * 160
    ], "what was made is no pause any more"
    assert between.came([Lost(160)]) == [Lost(160)], "and it is taken off once"


def test_a_joint_that_has_nothing_to_pass_on() -> None:
    talk = Talk("barge")
    talk.leg.line.lent = True
    between = talk.leg.between
    assert between is not None
    talk.leg.line.on_relay = between.leaves
    for _ in range(FRAMES):
        talk.frame(agent=False)
    assert heard(talk.leg.line.sent, Law.PCMU) == {"third"}
    assert talk.leg.line.realigned == len(talk.leg.line.sent)


def test_other_news_passes_as_it_is() -> None:
    talk = Talk("barge")
    between = talk.leg.between
    assert between is not None
    news: list[RtpEvent] = [Dtmf("5", 100, inband=False), SsrcChanged(1, 2), Frame(3, b"x", 0.0)]
    assert list(between.came(news)) == news
    assert list(between.came([Frame(0, b"", 0.0)])) == [Frame(0, b"", 0.0)]


def test_a_process_that_stood_still_leaves_frames_out() -> None:
    talk = Talk("listen")
    talk.run(5)
    tick = talk.third_leg.tick
    assert tick is not None
    before = len(talk.third_leg.line.sent)
    assert tick(talk.now + 0.06) == pytest.approx(talk.now + 0.08)
    assert len(talk.third_leg.line.sent) - before == 4, "a little late: they all leave"
    before = len(talk.third_leg.line.sent)
    tick(talk.now + 2.0)
    assert len(talk.third_leg.line.sent) - before <= 2
    assert talk.third_leg.line.realigned == 1


def test_a_fault_in_it_is_not_the_calls(monkeypatch: pytest.MonkeyPatch) -> None:
    talk = Talk("barge")
    talk.run(5)

    def broken(*_: object) -> Pcm:
        raise ZeroDivisionError

    monkeypatch.setattr("sipua.bridge.joint.third.decode", broken)
    between = talk.leg.between
    assert between is not None
    frame = Frame(0, SILENT, 0.0)
    assert between.came([frame]) == [frame]
    assert between.leaves(SILENT) == SILENT
    assert len(talk.faults) == 1, "it ends, once"
