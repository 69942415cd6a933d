"""Who hangs up, and that the other side notices (5 s).

Both calls are up at once: Asterisk ends its one after a second, the edge ends the other when
`calls.max_duration_s` is over.
"""

from collections.abc import Callable

from support.calls.edge import Edge
from support.peers.asterisk import EVERY_ASTERISK, Asterisk
from support.peers.pbx import account

pytestmark = EVERY_ASTERISK

Edges = Callable[..., Edge]


def test_either_side_hangs_up(asterisk: Asterisk, edge_factory: Edges) -> None:
    users = ("sipua", "sipua-ulaw")
    edge = edge_factory(
        {
            "accounts": [account(asterisk, user) for user in users],
            "calls": {"max_duration_s": 3},
        }
    )
    edge.wait_event("registration.ok", count=2)
    for user, extension in zip(users, ("6081", "6089"), strict=True):
        asterisk.originate(f"PJSIP/{user}", extension)
    edge.wait_event("call.ended", count=2, timeout_s=20)
    asterisk.wait_idle(3)

    incoming = {call["to"]: call for call in edge.events(name="call.incoming")}
    ended = {call["call_id"]: call for call in edge.events(name="call.ended")}
    theirs, ours = (
        (call, ended[call["call_id"]])
        for user in users
        for to, call in incoming.items()
        if f"<sip:{user}@" in to
    )

    call, end = theirs
    assert (end["end"]["by"], end["end"]["sip"]["status"]) == ("caller", 200)
    assert end["duration_s"] > 0.9
    assert bye_and_answers(asterisk, call["sip_call_id"], by_asterisk=True) == ["BYE", "200 OK"]

    call, end = ours
    assert (end["end"]["by"], end["end"]["sip"]["status"]) == ("edge", 200)
    assert end["end"]["reason"] == "max_duration"
    assert end["duration_s"] > 2.5
    assert bye_and_answers(asterisk, call["sip_call_id"], by_asterisk=False) == ["BYE", "200 OK"]


def bye_and_answers(asterisk: Asterisk, sip_call_id: str, *, by_asterisk: bool) -> list[str]:
    """The BYE of one side, and the other's answers."""
    requests = asterisk.sip_messages("BYE sip:", sent=by_asterisk)
    answers = asterisk.sip_messages("SIP/2.0", sent=not by_asterisk)
    bye = [message for message in requests if sip_call_id in message]
    answered = [
        message.partition("\n")[0].removeprefix("SIP/2.0 ")
        for message in answers
        if sip_call_id in message and " BYE\n" in message
    ]
    return ["BYE"] * len(bye) + answered
