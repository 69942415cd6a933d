"""The load generator's signalling, message by message."""

from sipua.bench.load.caller import Caller, Offer, call_id_of

LOCAL, EDGE = ("127.0.0.1", 5999), ("127.0.0.1", 5060)
SDP = "v=0\r\nc=IN IP4 127.0.0.9\r\nt=0 0\r\nm=audio 16500 RTP/AVP 0\r\n"


def caller() -> Caller:
    return Caller(7, LOCAL, EDGE, Offer("127.0.0.1", 40000), run="x")


def answer(request: bytes, status: str, *, body: str = "", tag: str = ";tag=their") -> bytes:
    lines = request.decode().partition("\r\n\r\n")[0].split("\r\n")[1:]
    kept = [
        line + tag if line.startswith("To:") and "tag=" not in line else line
        for line in lines
        if line.startswith(("Via:", "From:", "To:", "Call-ID:", "CSeq:"))
    ]
    head = [f"SIP/2.0 {status}", *kept, "Contact: <sip:edge@127.0.0.1:5061>", "", body]
    return "\r\n".join(head).encode()


def up() -> tuple[Caller, bytes]:
    call = caller()
    (invite,) = call.invite(0.0)
    call.receive(answer(invite, "200 OK", body=SDP))
    return call, invite


def test_invite_answer_ack() -> None:
    call = caller()
    (invite,) = call.invite(0.0)
    assert invite.startswith(b"INVITE sip:agent@127.0.0.1:5060 SIP/2.0\r\n")
    assert b"m=audio 40000 RTP/AVP 0 101\r\n" in invite
    body = invite.partition(b"\r\n\r\n")[2]
    assert b"Content-Length: %d\r\n" % len(body) in invite
    assert call_id_of(invite) == call.call_id
    assert call.receive(answer(invite, "100 Trying", tag="")) == []
    assert call.progress == 100
    (ack,) = call.receive(answer(invite, "200 OK", body=SDP))
    assert call.state == "up"
    assert call.media == ("127.0.0.9", 16500)
    assert ack.startswith(b"ACK sip:edge@127.0.0.1:5061 SIP/2.0\r\n")
    assert b";tag=their\r\n" in ack
    assert b"CSeq: 1 ACK" in ack


def test_a_repeated_200_gets_its_ack_again() -> None:
    call, invite = up()
    again = answer(invite, "200 OK", body=SDP)
    assert call.receive(again) == call.receive(again)
    call.receive(answer(invite, "180 Ringing"))  # one that was overtaken
    assert call.progress == 200
    assert call.state == "up"


def test_invite_is_repeated_until_the_edge_has_it() -> None:
    call = caller()
    (invite,) = call.invite(0.0)
    assert call.handle_timer(0.4) == []
    assert call.handle_timer(0.5) == [invite]
    assert call.handle_timer(1.4) == []
    assert call.handle_timer(1.5) == [invite]
    call.receive(answer(invite, "180 Ringing"))
    assert call.deadline is None


def test_nobody_there() -> None:
    call = caller()
    call.invite(0.0)
    assert call.handle_timer(33.0) == []
    assert (call.state, call.status) == ("failed", 408)


def test_refused() -> None:
    call = caller()
    (invite,) = call.invite(0.0)
    (ack,) = call.receive(answer(invite, "486 Busy Here"))
    assert (call.state, call.status) == ("failed", 486)
    # RFC 3261, 17.1.1.3: the ACK of a refusal has the INVITE's branch.
    assert ack.split(b"branch=")[1].split(b";")[0] == invite.split(b"branch=")[1].split(b";")[0]


def test_an_answer_without_media_is_a_failure() -> None:
    call = caller()
    (invite,) = call.invite(0.0)
    call.receive(answer(invite, "200 OK", body=SDP.replace("16500", "0")))
    assert call.state == "failed"


def test_bye_ours() -> None:
    call, _ = up()
    (bye,) = call.hang_up(10.0)
    assert bye.startswith(b"BYE sip:edge@127.0.0.1:5061 SIP/2.0\r\n")
    assert call.handle_timer(10.5) == [bye]
    call.receive(answer(bye, "200 OK"))
    assert (call.state, call.deadline) == ("over", None)
    assert call.hang_up(11.0) == []


def test_bye_theirs() -> None:
    call, invite = up()
    request = invite.replace(b"INVITE", b"BYE")
    (reply,) = call.receive(request)
    assert reply.startswith(b"SIP/2.0 200 OK\r\nVia: ")
    assert call.state == "over"


def test_what_it_does_not_know_is_refused_and_harmless() -> None:
    call, invite = up()
    (reply,) = call.receive(invite.replace(b"INVITE", b"UPDATE"))
    assert reply.startswith(b"SIP/2.0 501 ")
    for junk in (b"", b"\r\n\r\n", b"SIP/2.0 xyz\r\n\r\n", b"\xff\xfe", b"ACK x SIP/2.0\r\n\r\n"):
        call.receive(junk)
    assert call.state == "up"
