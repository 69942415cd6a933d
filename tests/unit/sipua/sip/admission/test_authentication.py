"""S15: INVITEs of trunks with users, as the gate judges them."""

from __future__ import annotations

import dataclasses
import hashlib
import re

import pytest

from sipua.rtp.ports import PortPool
from sipua.sip.admission.admission import Admission, FloodLimits, Refusal
from sipua.sip.admission.gate import Gate
from sipua.sip.admission.lockouts import FAILURES, LOCKED_S
from sipua.sip.admission.nonces import LIFETIME_S
from sipua.sip.admission.refused_proofs import MOST, RETRANSMITTED_S, RefusedProofs
from sipua.sip.parties.policy import PeerPolicy
from sipua.sip.wire import digest
from sipua.sip.wire.texts import Message

PEER, STRANGER, OPEN = "192.0.2.1", "198.51.100.9", "192.0.2.99"
USERS = digest.users_of("sipua", digest.ALGORITHMS, {"100": "right", "101": "its own"})


@pytest.fixture
def admission() -> Admission:
    admission = Admission(max_calls=2, accept_any=False)
    admission.allow_host("phones", "192.0.2.0/28", services=False)
    admission.allow_host("open", OPEN, services=False)
    admission.policies = {"phones": PeerPolicy(users=USERS)}
    admission.flood = FloodLimits(stranger=0)
    return admission


@pytest.fixture
def gate(admission: Admission) -> Gate:
    return Gate(admission, PortPool(("127.0.0.1",), 40000, 40003), codecs=("PCMU",))


def asked(
    gate: Gate,
    authorization: str = "",
    *,
    host: str = PEER,
    method: str = "INVITE",
    at: float = 0,
    branch: str = "b",
    calls_up: int = 0,
) -> Refusal | None:
    more = f"Authorization: {authorization}\r\n" if authorization else ""
    via = (
        f"Via: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK{branch}\r\nCall-ID: one\r\nCSeq: 2 {method}\r\n"
    )
    message = f"{method} sip:agent@edge SIP/2.0\r\n{via}{more}\r\n"
    return gate.judge(method, message, host, calls_up=calls_up, now=at)


def proof(
    challenge: Refusal | None, user: str = "100", password: str = "right", count: int = 1
) -> str:
    assert challenge is not None
    found = re.search(r'nonce="([^"]+)"', challenge.challenges[0])
    assert found is not None

    def h(text: str) -> str:
        return hashlib.sha256(text.encode()).hexdigest()

    once = f"{found[1]}:{count:08x}:c:auth"
    response = h(f"{h(f'{user}:sipua:{password}')}:{once}:{h('INVITE:sip:a')}")
    return (
        f'Digest username="{user}", realm="sipua", nonce="{found[1]}", uri="sip:a", qop=auth, '
        f'response="{response}", algorithm=SHA-256, cnonce="c", nc={count:08x}'
    )


def without_nonce(refusal: Refusal | None) -> tuple[object, ...]:
    """As its peer sees it."""
    assert refusal is not None
    shown = tuple(re.sub(r'nonce="[^"]+"', "", one) for one in refusal.challenges)
    return refusal.status, refusal.reason, shown, tuple(refusal.headers.items())


def test_an_invite_is_challenged_and_the_right_password_lets_it_in(gate: Gate) -> None:
    challenge = asked(gate)
    assert challenge is not None
    assert (challenge.status, challenge.asks, len(challenge.challenges)) == (401, True, 2)
    assert asked(gate, proof(challenge)) is None
    assert asked(gate, proof(challenge, count=2)) is None  # its client goes on with the nonce


def test_only_invites_of_that_trunk_are_challenged(gate: Gate) -> None:
    assert asked(gate, method="OPTIONS") is None
    assert asked(gate, host=OPEN) is None
    stranger = asked(gate, host=STRANGER)
    assert stranger is not None
    assert stranger.status == 403


def test_S15_all_that_is_wrong_looks_alike(gate: Gate) -> None:
    challenge = asked(gate)
    wrong = [
        asked(gate, proof(challenge, password="wrong")),
        asked(gate, proof(challenge, "nobody")),
        asked(gate, "Digest rubbish"),
    ]
    assert {without_nonce(one) for one in (challenge, *wrong)} == {without_nonce(challenge)}
    causes = [one.because for one in wrong if one is not None]
    assert causes[:2] == ["wrong password of user 100", "no user nobody"]
    assert "qop=auth" in causes[2]
    assert not any(one.asks for one in wrong if one is not None)  # these are told


@pytest.mark.parametrize("password", ["right", "wrong"])
def test_S15_a_stale_nonce_tells_nothing_of_the_password(gate: Gate, password: str) -> None:
    challenge = asked(gate)
    old = asked(gate, proof(challenge, password=password), at=LIFETIME_S + 1)
    foreign = asked(gate, proof(challenge, password=password), host="192.0.2.2")
    for one in (old, foreign):
        assert one is not None
        assert all("stale=true" in text for text in one.challenges)
        assert one.asks


def test_S15_a_proof_is_taken_once(gate: Gate) -> None:
    challenge = asked(gate)
    assert asked(gate, proof(challenge)) is None
    again = asked(gate, proof(challenge))
    assert again is not None
    assert "stale=true" in again.challenges[0]


def test_S15_an_invite_that_is_sent_again_gets_the_answer_that_the_first_one_got(
    gate: Gate,
) -> None:
    proved = proof(asked(gate))
    busy = asked(gate, proved, calls_up=2)
    assert busy is not None
    assert busy.status == 486
    assert asked(gate, proved, calls_up=2) == busy
    assert asked(gate, proved, at=RETRANSMITTED_S - 0.1) == busy, "though there is room by now"
    others = [
        asked(gate, proved, branch="other", at=RETRANSMITTED_S - 0.1),
        asked(gate, proved, host="192.0.2.2", at=RETRANSMITTED_S - 0.1),
        asked(gate, proved, at=RETRANSMITTED_S),
    ]
    assert [one.status for one in others if one is not None] == [401] * 3


def test_S15_the_memory_of_refused_invites_is_bounded() -> None:
    kept = RefusedProofs()
    refusal = Refusal(486, "Busy Here")
    invites = [Message(f"INVITE sip:a SIP/2.0\r\nCall-ID: {n}\r\n\r\n") for n in range(MOST + 1)]
    for invite in invites:
        kept.note(invite, PEER, refusal, 0.0)
    assert kept.answer(invites[0], PEER, 0.0) is None
    assert kept.answer(invites[1], PEER, 0.0) == kept.answer(invites[-1], PEER, 0.0) == refusal
    kept.note(invites[0], PEER, refusal, RETRANSMITTED_S)
    assert len(kept._answers) == 1


def test_S15_the_guesser_is_locked_out_with_its_source_alone(gate: Gate) -> None:
    for _ in range(FAILURES):
        asked(gate, proof(asked(gate), password="wrong"))
    locked = asked(gate, proof(asked(gate)))
    assert locked is not None
    assert locked.because.startswith("user 100 is locked out")
    assert without_nonce(locked) == without_nonce(asked(gate))
    assert asked(gate, proof(asked(gate), "101", "its own")) is None
    assert asked(gate, proof(asked(gate, host="192.0.2.2")), host="192.0.2.2") is None
    later = asked(gate, at=LOCKED_S)
    assert asked(gate, proof(later), at=LOCKED_S) is None


def test_S15_a_source_that_guesses_on_gets_no_answer(gate: Gate, admission: Admission) -> None:
    admission.flood = dataclasses.replace(admission.flood, stranger=1)
    answers = [asked(gate, proof(asked(gate), "nobody")) for _ in range(4)]
    assert [one.silent for one in answers if one is not None] == [False, False, True, True]
    assert asked(gate, proof(asked(gate))) is None  # what is right has no such limit


def test_S11_what_says_to_be_within_a_dialog_takes_of_the_same_buckets(
    gate: Gate, admission: Admission
) -> None:
    admission.flood = dataclasses.replace(admission.flood, stranger=1, peer=1)
    stranger = [gate.within("", STRANGER, now=0.0).status for _ in range(3)]
    assert stranger == [481, 481, 0]
    refused = asked(gate, host=STRANGER)
    assert refused is not None
    assert refused.silent
    assert [gate.within("", PEER, now=0.0).status for _ in range(3)] == [481, 481, 503]
    admission.flood = dataclasses.replace(admission.flood, answer_strangers=False)
    assert gate.within("", "198.51.100.10", now=0.0).silent
