"""The phone of a life talks to another one: what each sends is what the other takes."""

from __future__ import annotations

import pytest

from sipua.bench.life.leg import Leg, called
from sipua.bench.load.caller import Offer

US, EDGE = ("127.0.0.1", 5071), ("127.0.0.1", 5060)
CALL = "life-x-1"


class Line:
    """Two legs; `a` has called `b`, in the place of the edge."""

    def __init__(self) -> None:
        self.a = Leg(US, EDGE, Offer("127.0.0.1", 4000), CALL, "talk")
        self.b = Leg(EDGE, US, Offer("127.0.0.1", 6000), CALL, "talk")
        self.lost = 0
        (invite,) = self.a.call(0.0)
        assert called(invite.decode()) == (CALL, "talk")
        self.to_a(self.b.invited(invite.decode()))

    def up(self) -> Line:
        self.to_a(self.b.ring())
        self.to_a(self.b.answer(1.0))
        assert (self.a.state, self.b.state) == ("up", "up")
        return self

    def to_a(self, messages: list[bytes]) -> None:
        for message in messages:
            if answers := self.a.receive(message.decode()):
                self.to_b(answers)

    def to_b(self, messages: list[bytes]) -> None:
        for message in messages:
            if answers := self.b.receive(message.decode()):
                self.to_a(answers)


def test_a_call_its_media_and_its_end() -> None:
    line = Line().up()
    assert (line.a.media, line.b.media) == (("127.0.0.1", 6000), ("127.0.0.1", 4000))
    assert line.a.deadline is None
    assert line.b.deadline is None  # the ACK has come
    line.to_b(line.a.hang_up(2.0))
    assert (line.a.state, line.a.ended_by, line.a.bye_status) == ("over", "us", 200)
    assert (line.b.state, line.b.ended_by) == ("over", "edge")


def test_hold_is_answered_by_its_mirror_and_ends() -> None:
    line = Line().up()
    (offer,) = line.a.hold(2.0, "sendonly")
    (answer,) = line.b.receive(offer.decode())
    assert b"a=recvonly" in answer
    line.to_a([answer])
    assert line.a.state == "up"
    assert line.a.deadline is None
    line.to_b(line.a.hold(3.0, "sendrecv"))
    assert line.a.deadline is None


def test_a_transfer_that_is_asked_for_is_told_to_the_end() -> None:
    line = Line().up()
    line.to_b(line.a.refer("sip:7001@127.0.0.1", 2.0))
    assert line.a.referred == 202
    assert line.b.refer_to == "<sip:7001@127.0.0.1>"
    line.to_a(line.b.tell(100, 2.1, last=False))
    line.to_a(line.b.tell(486, 2.2, last=True))
    assert line.a.notified == [100, 486]


def test_a_refusal_gets_its_ack_and_is_not_sent_again() -> None:
    line = Line()
    line.to_a(line.b.refuse(486))
    assert (line.a.state, line.a.status, line.a.deadline) == ("failed", 486, None)
    assert line.a.hang_up(1.0) == []


@pytest.mark.parametrize("answered", [False, True])
def test_S10_a_cancel_before_and_behind_the_answer(*, answered: bool) -> None:
    line = Line()
    cancel = line.a.cancel(0.1)
    assert cancel[0].startswith(b"CANCEL ")
    if answered:
        line.to_a(line.b.answer(0.1))
    line.to_b(cancel)
    if not answered:
        assert (line.a.state, line.a.status, line.b.status) == ("failed", 487, 487)
        return
    assert line.a.state == "up"  # the answer was first: it hangs up
    line.to_b(line.a.hang_up(0.2))
    assert line.b.state == "over"


def test_what_is_not_answered_is_sent_again_and_given_up() -> None:
    leg = Leg(US, EDGE, Offer("127.0.0.1", 4000), CALL, "talk")
    first = leg.call(0.0)
    assert leg.handle_timer(0.4) == []
    assert leg.handle_timer(0.5) == first
    assert leg.handle_timer(40.0) == []
    assert (leg.state, leg.status) == ("failed", 408)


def test_the_same_request_twice_has_the_same_answer() -> None:
    line = Line().up()
    (offer,) = line.a.hold(2.0, "sendonly")
    first, again = line.b.receive(offer.decode()), line.b.receive(offer.decode())
    assert first == again


@pytest.mark.parametrize("text", ["", "SIP/2.0", "SIP/2.0 xyz", "BYE", "INVITE sip:x SIP/2.0"])
def test_rubbish_ends_nothing(text: str) -> None:
    line = Line().up()
    line.a.receive(text)
    assert line.a.state in ("up", "over")
    assert called(text) == ("", "")
