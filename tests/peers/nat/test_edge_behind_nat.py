"""An edge behind a real NAT that forgets after four seconds; outside Asterisk, coturn, callers.

office 10.0.0.5 ── NAT 203.0.113.9 ──┐
   its SIP port is forwarded         ├── Asterisk, coturn (STUN), callers
branch 10.1.0.5 ── NAT 203.0.113.8 ──┘
   nothing is forwarded
"""

import re
import socket
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from support.calls.edge import Edge
from support.peers.asterisk import Asterisk
from support.peers.asterisk_config import PASSWORD
from support.peers.coturn import Coturn
from support.peers.netns import Host, Network, why_impossible
from support.peers.talk import Talk
from support.process import wait_until

pytestmark = [pytest.mark.peer, pytest.mark.timeout(180)]

OUTSIDE, MOVED, BRANCH, PBX, STUN = (f"203.0.113.{last}" for last in (9, 99, 8, 10, 50))
INSIDE, PHONE, ROUTER = "10.0.0.5", "10.0.0.77", "10.0.0.1"
FORGETS_S = 4
QUIET_S = 2.5 * FORGETS_S
STUN_S = 5


@dataclass
class Bed:
    network: Network
    asterisk: Asterisk
    stun: Coturn
    office: Edge
    office_host: Host
    branch: Edge
    branch_host: Host
    outside: Host


@pytest.fixture(scope="module")
def bed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bed]:
    if reason := why_impossible():
        pytest.skip(f"no network namespaces here: {reason}")
    home = tmp_path_factory.mktemp("nat")
    with Network() as network:
        pbx = network.host("pbx", f"{PBX}/24")
        outside = network.host("outside", "203.0.113.20/24", "203.0.113.21/24")
        stun = Coturn(home, STUN, 3478, network.host("stun", f"{STUN}/24").command)
        closers = [stun.stop]
        try:
            asterisk = Asterisk(home, host=PBX, inside=pbx.command)
            closers.append(asterisk.stop)
            branch_host = network.behind_nat(
                f"{BRANCH}/24", "10.1.0.1/24", "10.1.0.5/24", forgets_s=FORGETS_S
            )
            branch = _edge(home / "branch", branch_host, asterisk, "10.1.0.5", "sipua")
            closers.append(branch.close)
            office_host = network.behind_nat(
                f"{OUTSIDE}/24", f"{ROUTER}/24", f"{INSIDE}/24", f"{PHONE}/24", forgets_s=FORGETS_S
            )
            office = _edge(
                home / "office",
                office_host,
                asterisk,
                INSIDE,
                "sipua-alaw",
                stun_servers=[f"{STUN}:3478"],
                stun_refresh_s=STUN_S,
                networks=[{"networks": ["10.0.0.0/24"]}],
            )
            closers.append(office.close)
            assert office_host.router is not None
            office_host.router.forward(office.port, INSIDE)
            yield Bed(network, asterisk, stun, office, office_host, branch, branch_host, outside)
        finally:
            for close in reversed(closers):
                close()


def _edge(
    home: Path, host: Host, asterisk: Asterisk, address: str, user: str, **sip: object
) -> Edge:
    registrar = f"sip:{PBX}:{asterisk.port};transport=udp"
    account = {
        "name": "pbx",
        "registrar": registrar,
        "user": user,
        "password": PASSWORD,
        "keepalive_s": 1,
        "refresh_s": 120,
    }
    config = {
        "sip": {"host": address, **sip},
        "rtp": {"keepalive_s": 1},
        "edge": {"workers": 1},
        "accounts": [account],
    }
    return Edge(home, config, inside=host.command)


@dataclass
class AfterSilence:
    """What was opened before a long silence."""

    inside: socket.socket
    outside: socket.socket
    mapped: tuple[str, int]
    held: Talk
    there: tuple[str, int]


@pytest.fixture(scope="module")
def after_silence(bed: Bed) -> Iterator[AfterSilence]:
    bed.asterisk.wait_contact("sipua")
    held = Talk(bed.outside, "203.0.113.21", (OUTSIDE, bed.office.port))
    there = held.hear()
    held.say(there)
    held.hold()
    with (
        bed.branch_host.udp(("10.1.0.5", 0)) as inside,
        bed.outside.udp(("203.0.113.20", 0)) as outside,
    ):
        inside.settimeout(5)
        outside.settimeout(5)
        inside.sendto(b"there", outside.getsockname())
        _, mapped = outside.recvfrom(10)
        outside.sendto(b"back", mapped)
        assert inside.recv(10) == b"back"
        time.sleep(QUIET_S)
        yield AfterSilence(inside, outside, mapped, held, there)


def test_this_nat_forgets(after_silence: AfterSilence) -> None:
    """Else the next two tests would show nothing."""
    assert after_silence.mapped[0] == BRANCH
    after_silence.outside.sendto(b"late", after_silence.mapped)
    after_silence.inside.settimeout(1)
    with pytest.raises(TimeoutError):
        after_silence.inside.recv(10)


def test_on_hold_the_way_of_audio_stays_open(bed: Bed, after_silence: AfterSilence) -> None:
    """No port of RTP is forwarded: what the caller says is let in as long as we send."""
    talk = after_silence.held
    talk.say(after_silence.there)
    ended = talk.end(bed.office)
    assert int(str(ended["received"])) >= 45
    assert int(str(ended["keepalives"])) >= QUIET_S - 4


@pytest.mark.usefixtures("after_silence")
def test_a_registered_edge_is_called_after_a_long_silence(bed: Bed) -> None:
    """And its audio passes both ways: Asterisk's echo is all that there is to hear."""
    assert BRANCH in bed.asterisk.wait_contact("sipua").uri
    bed.asterisk.originate("PJSIP/sipua", "600")
    bed.branch.wait_event("call.confirmed")
    time.sleep(2)
    bed.asterisk.cli("channel request hangup all")
    ended = bed.branch.wait_event("call.ended")
    assert sum(one["received"] for one in ended["rtp"]["streams"]) > 25


def test_each_peer_is_told_the_address_that_it_reaches(bed: Bed) -> None:
    """Found by STUN to those outside, our own one to the LAN: Contact, SDP and registration."""
    outside = Talk(bed.outside, "203.0.113.20", (OUTSIDE, bed.office.port))
    assert outside.told == (OUTSIDE, OUTSIDE)
    assert outside.hear()[0] == OUTSIDE
    outside.end(bed.office)
    phone = Talk(bed.office_host, PHONE, (INSIDE, bed.office.port))
    assert phone.told == (INSIDE, INSIDE)
    assert phone.hear()[0] == INSIDE
    phone.end(bed.office)
    assert f"@{OUTSIDE}:{bed.office.port}" in bed.asterisk.wait_contact("sipua-alaw").uri


def test_both_sides_behind_a_nat(bed: Bed) -> None:
    """Neither SDP is reachable as it is: our audio goes to where the caller's comes from."""
    talk = Talk(bed.branch_host, "10.1.0.5", (OUTSIDE, bed.office.port))
    assert talk.told == (OUTSIDE, OUTSIDE)
    port = re.search(r"^m=audio (\d+)", talk.answer, re.MULTILINE)
    assert port
    there = OUTSIDE, int(port[1])
    assert bed.office_host.router is not None
    bed.office_host.router.forward(there[1], INSIDE)  # as the page says: the range of RTP
    talk.say(there, 50)
    talk.hear()
    ended = talk.end(bed.office)
    assert int(str(ended["received"])) >= 30
    assert str(ended["target"]).startswith(f"{BRANCH}:")


def test_hairpin(bed: Bed) -> None:
    """A phone of the LAN that calls by the public address: the NAT sends it back in."""
    talk = Talk(bed.office_host, PHONE, (OUTSIDE, bed.office.port))
    assert talk.told == (INSIDE, INSIDE)
    assert talk.hear()[0] == INSIDE
    talk.end(bed.office)


def test_another_public_address_is_followed(bed: Bed) -> None:
    """The provider has given the NAT another one. It is the last test: the bed is another then."""
    router = bed.office_host.router
    assert router is not None
    router.run("ip", "address", "del", f"{OUTSIDE}/24", "dev", "wan")
    router.run("ip", "address", "add", f"{MOVED}/24", "dev", "wan")
    moved = bed.office.wait_event("edge.public_address", count=2)
    assert (moved["address"], moved["before"]) == (MOVED, OUTSIDE)
    wait_until(
        lambda: f"@{MOVED}:" in bed.asterisk.wait_contact("sipua-alaw").uri, 30, "the new contact"
    )
    assert len(bed.asterisk.contacts("sipua-alaw")) == 1, "the old one has left"
    talk = Talk(bed.outside, "203.0.113.20", (MOVED, bed.office.port))
    assert talk.told == (MOVED, MOVED)
    talk.end(bed.office)
    confirmed = len(bed.office.events(name="call.confirmed"))
    bed.asterisk.originate("PJSIP/sipua-alaw", "600")
    bed.office.wait_event("call.confirmed", count=confirmed + 1)


def test_a_stun_server_that_is_gone_is_told_and_the_address_holds(bed: Bed) -> None:
    bed.stun.stop()
    event = bed.office.wait_event("edge.public_address_unknown")
    assert (event["address"], event["servers"]) == (MOVED, [f"{STUN}:3478"])
