"""Softphones that people have: each calls the edge and is called by it (25 s for each).

A phone's own recording is judged by what it is known to do: now and then a frame is not in it.
"""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from support.calls.edge import Edge
from support.calls.outbound import Outbound
from support.media import audio
from support.peers.baresip import Baresip
from support.peers.linphone import Linphone
from support.peers.pbx import heard
from support.process import wait_until

pytestmark = [pytest.mark.peer, pytest.mark.sound, pytest.mark.timeout(180)]

PROMPTS = Path(audio.GREETING).parent
GREETING = audio.read_wav(audio.GREETING, rate_hz=audio.PHONE_RATE_HZ)
SAID = audio.speech("short")
AFTER_GREETING = np.concatenate([audio.silence(len(GREETING) / 8 + 1500), SAID])

Phone = Linphone | Baresip
Edges = Callable[..., Edge]
Phones = Callable[..., Phone]
Talk = Callable[[Phone, dict[str, Any]], Outbound]


KINDS: dict[str, tuple[Callable[..., Phone], str]] = {
    "linphone": (Linphone, "udp"),
    "baresip": (Baresip, "udp"),
    "baresip-tcp": (Baresip, "tcp"),
}


@pytest.fixture(params=KINDS)
def phone_of(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Phones]:
    """`phone_of(what it says)`: the phone of this test's name."""
    kind, transport = KINDS[request.param]
    started: list[Phone] = []

    def start(said: audio.Pcm) -> Phone:
        started.append(kind(tmp_path / "phone", said, transport=transport))
        return started[-1]

    yield start
    for phone in started:
        phone.close()


def received(edge: Edge, call_id: str) -> int:
    """Packets of the peer's that have become sound for the engine."""
    (ended,) = edge.events(call_id=call_id, name="call.ended")
    return sum(int(stream["received"]) for stream in ended["rtp"]["streams"])


def test_a_phone_calls_is_greeted_answered_and_hangs_up(
    phone_of: Phones, edge_factory: Edges
) -> None:
    edge = edge_factory()
    phone = phone_of(AFTER_GREETING)
    phone.call(edge.uri)
    phone.wait_talking()
    call_id = edge.wait_event("call.confirmed")["call_id"]
    edge.wait_event("turn.agent", count=2, timeout_s=60)  # the greeting; the caller's words again
    phone.hang_up()
    ended = edge.wait_event("call.ended")
    assert (ended["end"]["by"], ended["end"]["sip"]["status"]) == ("caller", 200)
    heard(GREETING, phone.heard())
    heard(SAID, phone.heard())
    assert received(edge, call_id) > 250


def test_a_phone_is_hung_up(phone_of: Phones, edge_factory: Edges) -> None:
    edge = edge_factory({"calls": {"max_duration_s": 2}})
    phone = phone_of(audio.silence(100))
    phone.call(edge.uri)
    phone.wait_talking()
    phone.wait_ended()
    assert edge.wait_event("call.ended")["end"]["by"] == "edge"


def test_a_phone_holds_resumes_and_presses_a_key(phone_of: Phones, edge_factory: Edges) -> None:
    edge = edge_factory({"agent": {"greeting": False}})
    phone = phone_of(audio.silence(100))
    phone.call(edge.uri)
    phone.wait_talking()
    edge.wait_event("call.confirmed")
    phone.hold()
    assert edge.wait_event("call.held")["direction"] in ("recvonly", "inactive")
    phone.resume()
    assert edge.wait_event("call.resumed")["direction"] == "sendrecv"
    phone.press("5")
    edge.wait_event("call.dtmf")
    phone.hang_up()
    ended = edge.wait_event("call.ended")
    assert (ended["end"]["by"], ended["end"]["sip"]["status"]) == ("caller", 200)
    assert ended["rtp"]["dtmf"]["digits"] == 1


@pytest.fixture
def talk(tmp_path: Path) -> Iterator[Talk]:
    """`talk(phone, the section calls)`: the edge has called the phone, and they talk."""
    with ExitStack() as calls_of_ours:

        def start(phone: Phone, calls: dict[str, Any]) -> Outbound:
            call = Outbound(tmp_path / "outbound", phone.uri, {"calls": calls})
            calls_of_ours.callback(call.close)
            call.wait_event("call.confirmed")
            phone.wait_talking()
            return call

        yield start


def test_the_edge_calls_a_phone_and_hangs_up(phone_of: Phones, talk: Talk) -> None:
    phone = phone_of(audio.silence(100))
    call = talk(phone, {"max_duration_s": 6})
    phone.wait_ended()
    assert call.wait() == 0, call.told
    (ended,) = call.events("call.ended")
    assert ended["end"]["by"] == "edge"
    heard(GREETING, phone.heard())


def test_the_edge_calls_a_phone_that_hangs_up(phone_of: Phones, talk: Talk) -> None:
    phone = phone_of(audio.silence(100))
    call = talk(phone, {})
    wait_until(lambda: call.events("turn.agent"), 45, "the end of the greeting")
    phone.hang_up()
    assert call.wait() == 0, call.told
    (ended,) = call.events("call.ended")
    assert (ended["end"]["by"], ended["end"]["sip"]["status"]) == ("callee", 200)
