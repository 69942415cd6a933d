"""The fuzzer's own parts: the same cases each time, messages filled and cut as they are meant."""

from __future__ import annotations

import socket
import struct
from pathlib import Path

import pytest

from support.fuzz import answers, campaign, grammar, judge, message, plan
from support.fuzz.link import Link
from support.media.rtp_stream import Received
from support.ports import LOOPBACK

ANSWER = (
    "SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP a;branch=b\r\n"
    "From: <sip:a@b>;tag=1\r\nTo: <sip:c@d>;tag=2\r\n"
    "Call-ID: x\r\nCSeq: 1 INVITE\r\nContact: <sip:e@f>\r\nContent-Length: 2\r\n\r\nhi"
)


def test_a_case_is_made_of_its_seed_and_number_alone() -> None:
    some = [plan.case("a", number) for number in range(200)]
    assert some == [plan.case("a", number) for number in range(200)]
    assert some != [plan.case("b", number) for number in range(200)]
    assert {case.kind for case in some} == {"alone", "stream", "call", "early", "placed"}
    assert {case.over for case in some} == {"UDP", "TCP"}
    assert any(case.stranger for case in some)
    assert any(step.cuts for case in some for step in case.steps)


def test_cases_are_saved_and_sent_again_as_they_were(tmp_path: Path) -> None:
    some = list(campaign.drawn("a", 5, 40))
    (tmp_path / "cases").write_text("".join(f"{case.as_json()}\n" for case in some))
    assert list(campaign.saved(tmp_path / "cases")) == some


def test_every_method_and_every_message_of_rfc_4475_comes() -> None:
    sent = b"".join(step.data for case in campaign.drawn("a", 0, 1500) for step in case.steps)
    for method in grammar.METHODS:
        assert f"{method} sip:".encode() in sent, method
    assert len(plan.seeds()) > 49
    assert b"Refer-To: " in sent
    assert b"multipart/" in sent


def test_placeholders_are_filled_and_the_length_is_counted() -> None:
    template = b"A {{me}} {{r:To}}\r\nContent-Length: {{length}}\r\n\r\n{{me}}!{{none}}"
    filled = message.filled(template, {"me": "x\udcff", "r:To": "y"})
    assert filled == b"A x\xff y\r\nContent-Length: 11\r\n\r\nx\xff!{{none}}"


def test_a_seed_is_read_and_written_as_it_was() -> None:
    for seed in plan.seeds():
        assert message.read(seed.written()) == seed


def test_a_right_answer_has_no_trouble() -> None:
    assert answers.trouble(ANSWER) == ""
    assert (answers.status(ANSWER), answers.method(ANSWER)) == (200, "INVITE")
    assert answers.header(ANSWER, "To") == "<sip:c@d>;tag=2"
    assert answers.status(ANSWER.replace("SIP/2.0 200 OK", "BYE sip:a@b SIP/2.0")) == 0


@pytest.mark.parametrize(
    ("part", "other", "what"),
    [
        ("SIP/2.0 200 OK", "SIP/2.0 999 OK", "first line"),
        ("Call-ID: x\r\n", "", "0 × Call-ID"),
        ("Call-ID: x\r\n", "Call-ID: x\r\ni: y\r\n", "2 × Call-ID"),
        ("Length: 2", "Length: 3", "Content-Length 3 of 2"),
        ("Contact: <sip:e@f>", "no field", "line 'no field'"),
        ("Via: ", "X: ", "no Via"),
        ("\r\n\r\n", "\r\n", "no end"),
    ],
)
def test_a_wrong_answer_is_named(part: str, other: str, what: str) -> None:
    assert what in answers.trouble(ANSWER.replace(part, other, 1))


def test_what_another_process_sends_is_not_held_against_the_edge() -> None:
    def heard(*packets: tuple[int, int], sources: tuple[int, ...] = (4000,)) -> list[str]:
        received = Received(9)
        for number, (ssrc, sequence) in enumerate(packets):
            received.add(struct.pack("!BBHII", 0x80, 0, sequence, 0, ssrc), number)
        ends = [(LOOPBACK, port) for port in sources]
        return judge.heard(received.judge(sources=ends, sent=0), (4000, 4009))

    whole = ((1, 65534), (1, 65535), (1, 0), (1, 1))
    assert heard(*whole) == []
    assert heard(*whole[:2], (2, 30_000), *whole[2:], sources=(4000, 9000)) == []
    assert "has lost 1 of 4" in heard(whole[0], *whole[2:])[0]
    assert "of the edge" in heard(*whole, (2, 5), sources=(4000, 4002))[0]
    assert heard() == ["the call beside has heard nothing"]


def test_messages_are_cut_from_a_stream_however_it_comes() -> None:
    with (
        socket.create_server((LOOPBACK, 0)) as server,
        Link(server.getsockname()[:2], "TCP", LOOPBACK) as link,
    ):
        edge, _ = server.accept()
        with edge:
            link.send(b"abcdef", cuts=(2, 2, 4))
            assert edge.recv(6, socket.MSG_WAITALL) == b"abcdef"
            edge.sendall(b"\r\n\r\n" + ANSWER.encode() * 2 + ANSWER.encode()[:30])
            assert link.receive(5) == ANSWER
            assert link.receive(5) == ANSWER
            assert link.receive(0) is None
            edge.sendall(ANSWER.encode()[30:])
            assert link.receive(5) == ANSWER
        assert link.receive(5) is None
        assert not link.open
