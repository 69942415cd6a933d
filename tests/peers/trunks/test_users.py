"""Trunks with users: their INVITEs are challenged, and the right password lets them in. S15."""

import hashlib
import re
import secrets
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from sipua.calls.steer.commands import HangUp
from support.calls.edge import Edge
from support.calls.steered_edge import SteeredEdge
from support.media import audio
from support.peers.asterisk import EVERY_ASTERISK, Asterisk
from support.peers.asterisk_config import PASSWORD
from support.peers.baresip import Baresip
from support.peers.raw_caller import OFFER, RawCaller, Response
from support.peers.sipp import Sipp
from support.ports import LOOPBACK
from support.process import wait_until

pytestmark = [pytest.mark.peer, pytest.mark.timeout(120)]

Edges = Callable[..., Edge]

USER, RIGHT, WRONG = "phone", "right-horse", "wrong-horse"
ELSEWHERE = "127.0.0.2"


def config(
    user: str = USER,
    password: str = RIGHT,
    algorithms: tuple[str, ...] = ("SHA-256", "MD5"),
    **admission: Any,
) -> dict[str, Any]:
    trunk = {
        "name": "phones",
        "hosts": ["127.0.0.0/28"],
        "users": [{"user": user, "password": password}, {"user": "another", "password": "its own"}],
        "digest_algorithms": list(algorithms),
    }
    return {
        "agent": {"mode": "silence", "greeting": False},
        "sip": {"accept": "trunks"},
        "trunks": [trunk],
        "admission": admission,
    }


@pytest.fixture(scope="module")
def edge(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Edge]:
    edge = Edge(tmp_path_factory.mktemp("users") / "edge", config(stranger_rate=0))
    yield edge
    edge.close()


def rejected(edge: Edge) -> int:
    return len(edge.events(name="call.rejected"))


# --- peers ------------------------------------------------------------------------------------


def test_sipp_with_the_right_password_and_the_wrong_one(edge_factory: Edges, sipp: Sipp) -> None:
    """It knows MD5 alone, and reads the first challenge: that must be MD5."""
    edge = edge_factory(config(password="right", algorithms=("MD5",)))
    sipp.run("uac_digest", edge.address, pause_ms=100, USER=USER, PASSWORD="right", STATUS="200")
    edge.wait_event("call.incoming")
    assert edge.events(name="call.rejected") == []
    sipp.run("uac_digest", edge.address, pause_ms=1, USER=USER, PASSWORD="wrong", STATUS="401")
    event = edge.wait_event("call.rejected")
    assert (event["status"], event["rule"], event["origin"]) == (401, "users", "phones")
    assert event["cause"] == f"wrong password of user {USER}"
    assert len(edge.events(name="call.incoming")) == 1


@pytest.mark.parametrize("password", [RIGHT, WRONG])
def test_a_baresip_is_asked_for_its_password(
    edge_factory: Edges, tmp_path: Path, password: str
) -> None:
    """Version 1.0 knows MD5 alone, and gives up when there is a SHA-256 beside it."""
    edge = edge_factory(config(algorithms=("MD5",)))
    said = audio.speech("short")
    with closing(Baresip(tmp_path / "phone", said, user=USER, password=password)) as phone:
        phone.call(edge.uri)
        if password == RIGHT:
            phone.wait_talking()
            phone.hang_up()
            edge.wait_event("call.ended")
            assert edge.events(name="call.rejected") == []
        else:
            edge.wait_event("call.rejected")
            phone.wait_ended()
            assert edge.events(name="call.incoming") == []


@EVERY_ASTERISK
def test_an_asterisk_is_a_trunk_that_proves_itself(asterisk: Asterisk, edge_factory: Edges) -> None:
    edge = edge_factory(config(user="trunk-user", password=PASSWORD))
    uri = f"sip:agent@{LOOPBACK}:{edge.port}"
    asterisk.cli(f"channel originate PJSIP/trunk-user/{uri} application Wait 2")
    edge.wait_event("call.ended")
    assert edge.events(name="call.rejected") == []
    # Without a user it gives up at the challenge, which is no refused call.
    asterisk.cli(f"channel originate PJSIP/trunk/{uri} application Wait 2")
    asterisk.wait_idle()
    assert len(edge.events(name="call.incoming")) == 1
    assert edge.events(name="call.rejected") == []


@pytest.mark.parametrize("algorithms", [("SHA-256",), ("SHA-256", "MD5")])
def test_pjsip_has_the_stronger_one(
    edge_factory: Edges, tmp_path: Path, algorithms: tuple[str, ...]
) -> None:
    """Another edge, as a client of this one."""
    edge = edge_factory(config(algorithms=algorithms))
    trunk = {
        "name": "edge",
        "proxy": f"sip:{LOOPBACK}:{edge.port}",
        "user": USER,
        "password": RIGHT,
        "realm": "sipua",
    }
    settings = {
        "agent": {"greeting": False},
        "trunks": [trunk],
        "outbound_routes": [{"name": "all", "trunks": [{"trunk": "edge"}]}],
    }
    with closing(SteeredEdge(tmp_path / "client", settings)) as client:
        call_id = str(client.place("1234")["id"])
        client.wait_event("call.confirmed", call_id=call_id)
        client.steer(call_id, HangUp("enough"))
        client.wait_event("call.ended", call_id=call_id)
    edge.wait_event("call.incoming")
    assert edge.events(name="call.rejected") == []


# --- attacks ----------------------------------------------------------------------------------


def asked(edge: Edge, host: str, **says: str) -> Response:
    """What an INVITE gets at first."""
    with RawCaller(edge.address, host=host, says=says) as caller:
        caller.invite()
        answer = caller.final("INVITE")
        caller.ack()
        if answer.status == 200:
            caller.bye()
            caller.final("BYE")
        return answer


def proof(answer: Response, user: str, password: str, algorithm: str = "MD5") -> str:
    """An Authorization, made by other code than ours."""
    found = re.search(r'nonce="([^"]+)"', answer.text)
    assert found is not None
    nonce, cnonce, uri = found[1], secrets.token_hex(8), "sip:agent@edge"

    def h(text: str) -> str:
        name = algorithm.replace("-", "").lower()
        return hashlib.new(name, text.encode(), usedforsecurity=False).hexdigest()

    first, second = h(f"{user}:sipua:{password}"), h(f"INVITE:{uri}")
    response = h(f"{first}:{nonce}:00000001:{cnonce}:auth:{second}")
    return (
        f'Digest username="{user}", realm="sipua", nonce="{nonce}", uri="{uri}", '
        f'response="{response}", algorithm={algorithm}, cnonce="{cnonce}", qop=auth, nc=00000001'
    )


def tried(edge: Edge, user: str, password: str, host: str = LOOPBACK, **more: str) -> Response:
    return asked(edge, host, Authorization=proof(asked(edge, host), user, password, **more))


def shape(answer: Response) -> list[str]:
    """Without what differs in any two answers."""
    text = re.sub(r'nonce="[^"]+"', "", answer.text)
    return [
        line for line in text.split("\r\n") if not line.startswith(("Via", "From", "To", "Call-ID"))
    ]


@pytest.mark.parametrize("algorithm", ["SHA-256", "MD5"])
def test_both_algorithms_are_offered_and_taken(edge: Edge, algorithm: str) -> None:
    first, second = re.findall(r"WWW-Authenticate: (.*)\r", asked(edge, LOOPBACK).text)
    assert "algorithm=SHA-256" in first
    assert "algorithm=MD5" in second
    assert tried(edge, USER, RIGHT, algorithm=algorithm).status == 200


def test_S15_an_unknown_user_and_a_wrong_password_look_alike(edge: Edge) -> None:
    answers = [
        asked(edge, "127.0.0.3"),
        tried(edge, USER, WRONG, "127.0.0.3"),
        tried(edge, "nobody", WRONG, "127.0.0.3"),
        tried(edge, USER, "its own", "127.0.0.3"),
        asked(edge, "127.0.0.3", Authorization="Digest rubbish"),
    ]
    assert {one.status for one in answers} == {401}
    assert len({tuple(shape(one)) for one in answers}) == 1


def test_S15_guessing_locks_out_the_guesser_and_not_the_phone(edge: Edge) -> None:
    for _ in range(5):
        assert tried(edge, USER, WRONG, "127.0.0.4").status == 401
    assert tried(edge, USER, RIGHT, "127.0.0.4").status == 401  # too late, there
    assert tried(edge, "another", "its own", "127.0.0.4").status == 200
    assert tried(edge, USER, RIGHT).status == 200

    def causes() -> list[str]:
        told = edge.events(name="call.rejected")
        return [one["cause"] for one in told if one["source"].startswith("127.0.0.4:")]

    locked = wait_until(lambda: causes()[5:], 30, "the rejection of the right password")
    assert locked == [f"user {USER} is locked out at this source for 60 s"]


def test_S15_a_guess_with_anothers_nonce_counts_against_nobody(edge: Edge) -> None:
    """Who pretends to be at the phone's address does not see the nonce that goes there."""
    elsewhere = asked(edge, ELSEWHERE)
    for _ in range(6):
        answer = asked(edge, "127.0.0.5", Authorization=proof(elsewhere, USER, WRONG))
        assert (answer.status, "stale=true" in answer.text) == (401, True)
    assert tried(edge, USER, RIGHT, "127.0.0.5").status == 200


def test_S15_a_proof_that_was_heard_is_no_use(edge: Edge) -> None:
    heard = proof(asked(edge, LOOPBACK), USER, RIGHT)
    assert asked(edge, LOOPBACK, Authorization=heard).status == 200
    again = asked(edge, LOOPBACK, Authorization=heard)
    assert (again.status, again.text.count("stale=true")) == (401, 2)


def test_S15_a_refused_invite_that_is_sent_again_is_refused_alike(edge: Edge) -> None:
    """Its proof counts once, and its first answer may have got lost."""
    proved = {"Authorization": proof(asked(edge, LOOPBACK), USER, RIGHT)}
    with RawCaller(edge.address, says=proved, offer=OFFER.replace("AVP 0", "AVP 18")) as caller:
        answers = []
        for _ in range(3):
            caller.responses.clear()
            caller.invite()
            answers.append(caller.final("INVITE"))
    assert {one.status for one in answers} == {488}
    assert len({tuple(shape(one)) for one in answers}) == 1


def test_S15_many_guesses_get_no_answer(edge_factory: Edges) -> None:
    edge = edge_factory(config(stranger_rate=0.1))
    first = asked(edge, LOOPBACK)
    with RawCaller(edge.address, says={"Authorization": proof(first, USER, WRONG)}) as caller:
        for _ in range(10):
            caller.invite()
        dropped = edge.wait_event("sip.dropped")
        assert dropped["counts"] == {"rate": 1}
    assert tried(edge, "another", "its own").status == 200


def test_a_stranger_is_not_even_challenged(edge: Edge) -> None:
    assert asked(edge, "127.0.0.77").status == 403
