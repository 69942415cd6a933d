"""One direction of a joint: what leaves, in which law, and where in time. No socket, no clock."""

import random

import pytest

from sipua.bridge.joint.joint import Joint
from sipua.bridge.joint.relay import LONGEST_GAP, Relay
from sipua.codecs.g711 import Law, transcoding_table
from sipua.codecs.pcm import Pcm
from sipua.rtp.events import Dtmf, Frame, Lost, Silence, SsrcChanged
from sipua.rtp.latch.latch import Policy, SourceLatch
from sipua.rtp.packet import build
from sipua.rtp.session.config import RtpConfig
from sipua.rtp.session.session import RtpSession

CODES = bytes(range(160))


class Line:
    """The sending side of the other leg."""

    def __init__(self, law: Law = Law.PCMU) -> None:
        self.law = law
        self.sent: list[tuple[bytes, bool]] = []
        self.timestamp = 0
        self.sequence = 0
        self.times: list[int] = []
        self.numbers: list[int] = []
        self.did: list[str] = []

    def relay(self, payload: bytes, samples: int, marker: bool) -> None:
        self.sent.append((payload, marker))
        self.times.append(self.timestamp)
        self.numbers.append(self.sequence)
        self.timestamp += samples
        self.sequence += 1

    def relay_gap(self, samples: int, packets: int) -> None:
        self.timestamp += samples
        self.sequence += packets

    def realign(self) -> None:
        self.did.append("realign")

    def lend(self) -> None:
        self.did.append("lend")

    def take_back(self) -> None:
        self.did.append("take back")

    def press(self, digits: str) -> None:
        self.did.append(f"press {digits}")


class Leg:
    def __init__(self, law: Law = Law.PCMU) -> None:
        self.laws = {0: Law.PCMU, 8: Law.PCMA}
        self.line = Line(law)
        self.receives = True

    def fill(self, pcm: Pcm | None) -> None:
        self.line.did.append("silence" if pcm is None else "hold sound")


def frame(payload: bytes = CODES, payload_type: int = 0) -> Frame:
    return Frame(payload_type, payload, 0.0)


@pytest.mark.parametrize(("payload_type", "law"), [(0, Law.PCMU), (8, Law.PCMA)])
def test_the_same_law_is_passed_on_byte_for_byte(payload_type: int, law: Law) -> None:
    line = Line(law)
    Relay({payload_type: law}, line).feed([frame(payload_type=payload_type)])
    assert line.sent == [(CODES, True)]


def test_the_other_law_is_translated() -> None:
    line = Line(Law.PCMA)
    relay = Relay({0: Law.PCMU}, line)
    relay.feed([frame()])
    assert line.sent[0][0] == CODES.translate(transcoding_table(Law.PCMU, Law.PCMA))
    line.law = Law.PCMU  # a re-INVITE
    relay.feed([frame()])
    assert line.sent[1] == (CODES, False)


def test_packets_of_20_and_40_ms_keep_their_length() -> None:
    line = Line()
    Relay({0: Law.PCMU}, line).feed([frame(), frame(CODES * 2), frame()])
    assert line.times == [0, 160, 480]


def test_a_loss_is_passed_on_as_one() -> None:
    line = Line()
    Relay({0: Law.PCMU}, line).feed([frame(), Lost(320), frame()])
    assert (line.times, line.numbers) == ([0, 480], [0, 3])
    assert [marker for _, marker in line.sent] == [True, False]


def test_a_pause_is_time_without_packets() -> None:
    line = Line()
    Relay({0: Law.PCMU}, line).feed([frame(), Silence(1600), frame()])
    assert (line.times, line.numbers) == ([0, 1760], [0, 1])
    assert [marker for _, marker in line.sent] == [True, True]


@pytest.mark.parametrize("event", [Silence(LONGEST_GAP + 1), SsrcChanged(1, 2)])
def test_a_timeline_that_is_not_to_be_followed(event: Silence | SsrcChanged) -> None:
    line = Line()
    Relay({0: Law.PCMU}, line).feed([frame(), event, frame()])
    assert line.did == ["realign"]
    assert line.sent[1][1], "a marker"


def test_unknown_payload_types_and_empty_packets_are_counted() -> None:
    line = Line()
    relay = Relay({0: Law.PCMU}, line)
    relay.feed([frame(payload_type=3), frame(b"")])
    assert line.sent == []
    assert relay.counters()["unknown_payloads"] == 2


def test_keys_are_pressed_on_the_other_leg() -> None:
    a, b = Leg(), Leg()
    joint = Joint(a, b)
    joint.begin()
    for key in (Dtmf("5", 100, inband=False), Dtmf("6", 100, inband=True)):
        joint.key_of_a(key)
    joint.from_b([Silence(160), Dtmf("#", 100, inband=False)])
    assert "press 5" in b.line.did
    assert "press #" in a.line.did
    assert "press 6" not in b.line.did, "it is heard"


def test_a_side_on_hold_without_music_leaves_the_other_our_hold_sound() -> None:
    a, b = Leg(), Leg()
    joint = Joint(a, b, hold_sound=b"sound")  # type: ignore[arg-type]  # any object
    joint.begin()
    assert a.line.did == b.line.did == ["silence", "lend"]
    b.receives = False
    joint.update()
    assert a.line.did[-2:] == ["hold sound", "take back"]
    assert b.line.did[-1] == "lend"
    b.receives = True
    joint.update()
    assert a.line.did[-2:] == ["silence", "lend"]
    joint.end()
    joint.end()
    assert a.line.did[-2:] == b.line.did[-2:] == ["silence", "take back"]


def session() -> RtpSession:
    return RtpSession(
        ssrc=1,
        law_by_pt={0: "PCMU"},
        send_pt=0,
        telephone_event_pt=None,
        latch=SourceLatch(Policy.AUTO),
        config=RtpConfig(),
        now=0.0,
    )


@pytest.mark.parametrize("seed", range(20))
def test_order_and_time_over_a_bad_network(seed: int) -> None:
    """5 % loss, jitter of up to 30 ms, packets that overtake: what leaves is in order, at the
    place in time that its sender gave it, and each number that is missing was lost."""
    draw = random.Random(seed)
    rtp, line = session(), Line()
    rtp.latch.set_remote(("127.0.0.1", 4000), "127.0.0.1", set())
    relay = Relay({0: Law.PCMU}, line)
    arrivals = sorted(
        (number * 0.02 + draw.uniform(0, 0.03), number)
        for number in range(1000)
        if draw.random() > 0.05 or number < 3
    )
    sent = {}
    for now, number in arrivals:
        while (deadline := rtp.next_deadline()) is not None and deadline <= now:
            relay.feed(rtp.handle_timer(deadline))
        payload = number.to_bytes(2, "big") * 80
        sent[payload] = number
        packet = build(payload, payload_type=0, sequence=number, timestamp=number * 160, ssrc=7)
        relay.feed(rtp.receive(packet, ("127.0.0.1", 4000), now))
    numbers = [sent[payload] for payload, _ in line.sent]
    assert numbers == sorted(set(numbers))
    first = numbers[0]
    assert line.times == [(number - first) * 160 for number in numbers]
    assert line.numbers == [number - first for number in numbers]
    assert len(numbers) > 0.97 * len(arrivals)
