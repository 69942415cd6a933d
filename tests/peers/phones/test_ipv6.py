"""IPv6 against real peers: SIPp and Asterisk on [::1]; linphone on a machine with both families,
which offers IPv6 audio in an INVITE that comes over IPv4 (75 s).
"""

import json
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from support.calls.edge import Edge, toml
from support.media import audio
from support.media.rtp_far_end import RtpFarEnd
from support.peers.asterisk import Asterisk
from support.peers.linphone import Linphone
from support.peers.netns import Host, Network, why_impossible
from support.peers.pbx import GREETING, account
from support.peers.sipp import Sipp
from support.ports import LOOPBACK, LOOPBACK6, PortBlock
from support.process import Child
from support.signalling import offers

Edges = Callable[..., Edge]

BOTH = [LOOPBACK, LOOPBACK6]
QUIET = audio.silence(1000)  # who speaks at once cuts the greeting short
ALL = ["0.0.0.0", "::"]


def has_ipv6() -> bool:
    try:
        with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as probe:
            probe.bind((LOOPBACK6, 0))
    except OSError:
        return False
    return True


pytestmark = [
    pytest.mark.peer,
    pytest.mark.timeout(120),
    pytest.mark.skipif(not has_ipv6(), reason="this machine has no ::1: IPv6 is off in its kernel"),
]


@pytest.fixture(scope="module")
def asterisk6(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Asterisk]:
    asterisk = Asterisk(tmp_path_factory.mktemp("asterisk6"), host=LOOPBACK6)
    yield asterisk
    asterisk.stop()


def account6(asterisk: Asterisk, transport: str = "udp") -> dict[str, Any]:
    uri = f"sip:[{LOOPBACK6}]:{asterisk.port};transport={transport}"
    return account(asterisk, registrar=uri)


def is_heard(recording: audio.Pcm) -> bool:
    """The greeting: half a second of it. How evenly it comes is judged over IPv4; what was never
    sent, or went elsewhere, is in no piece of it.
    """
    return max(piece.score for piece in audio.find_pieces(GREETING, recording)) > 0.9


def received(ended: dict[str, Any]) -> int:
    return sum(int(stream["received"]) for stream in ended["rtp"]["streams"])


# --- SIPp -----------------------------------------------------------------------------------


@pytest.mark.parametrize("transport", ["u1", "t1"])
def test_a_call_over_ipv6(
    edge_factory: Edges, sipp: Sipp, far_end: Callable[..., RtpFarEnd], transport: str
) -> None:
    edge = edge_factory({"sip": {"host": BOTH}})
    media = far_end(1, QUIET, host=LOOPBACK6)
    sipp.run("uac_call", (LOOPBACK6, edge.port), media=media, pause_ms=4500, transport=transport)
    (stream,) = media.finish()
    incoming, ended = edge.wait_event("call.incoming"), edge.wait_event("call.ended")
    assert incoming["source"].startswith("[::1]:")
    assert edge.wait_event("call.media")["remote"] == f"[::1]:{media.port}"
    assert is_heard(stream.pcm())
    assert [source[0] for source in stream.sources] == [LOOPBACK6]
    assert ended["rtp"]["rank"] == 1
    assert ended["rtp"]["target"] == f"[::1]:{media.port}"
    assert received(ended) > 150


def test_a_call_over_ipv4_beside_it(
    edge_factory: Edges, sipp: Sipp, far_end: Callable[..., RtpFarEnd]
) -> None:
    edge = edge_factory({"sip": {"host": BOTH}})
    media = far_end(1, QUIET)
    sipp.run("uac_call", edge.address, media=media, pause_ms=1500)
    (stream,) = media.finish()
    assert len(stream.arrival_ms) > 50
    assert edge.wait_event("call.media")["remote"] == f"{LOOPBACK}:{media.port}"


def test_an_ipv6_offer_over_ipv4_is_met(
    edge_factory: Edges, sipp: Sipp, far_end: Callable[..., RtpFarEnd]
) -> None:
    edge = edge_factory({"sip": {"host": LOOPBACK}, "rtp": {"host": BOTH}})
    media = far_end(1, QUIET, host=LOOPBACK6)
    offer = offers.offer(address=LOOPBACK6)
    sipp.run("uac_call", edge.address, media=media, pause_ms=1500, OFFER=offer)
    (stream,) = media.finish()
    assert len(stream.arrival_ms) > 50
    assert edge.wait_event("call.incoming")["source"].startswith(LOOPBACK)
    assert received(edge.wait_event("call.ended")) > 50


def test_an_ipv4_offer_over_ipv6_is_met(
    edge_factory: Edges, sipp: Sipp, far_end: Callable[..., RtpFarEnd]
) -> None:
    edge = edge_factory({"sip": {"host": LOOPBACK6}, "rtp": {"host": BOTH}})
    media = far_end(1, QUIET)
    offer = offers.offer(address=LOOPBACK)
    address = (LOOPBACK6, edge.port)
    sipp.run("uac_call", address, media=media, pause_ms=1500, OFFER=offer)
    (stream,) = media.finish()
    assert len(stream.arrival_ms) > 50
    assert edge.wait_event("call.incoming")["source"].startswith("[::1]:")
    assert received(edge.wait_event("call.ended")) > 50


@pytest.mark.parametrize(
    ("config", "offer", "cause"),
    [
        ({}, offers.offer(address="2001:db8::9"), "over IPv6, and we have IPv4"),
        ({"rtp": {"host": BOTH}}, offers.offer(address="fe80::9"), "no route to the address"),
        ({"rtp": {"host": LOOPBACK6}}, offers.AUDIO, "over IPv4, and we have IPv6"),
    ],
    ids=["no address", "no route", "no IPv4"],
)
def test_an_offer_that_cannot_be_met_costs_nothing(
    edge_factory: Edges, sipp: Sipp, config: dict[str, Any], offer: str, cause: str
) -> None:
    edge = edge_factory(config)
    sipp.run("uac_rejected", edge.address, STATUS="488", OFFER=offer)
    rejected = edge.wait_event("call.rejected")
    assert rejected["status"] == 488
    assert cause in rejected["cause"]
    assert not edge.events(name="call.incoming")


def test_a_delayed_offer_has_the_family_of_the_signalling(
    edge_factory: Edges, sipp: Sipp, far_end: Callable[..., RtpFarEnd]
) -> None:
    edge = edge_factory({"sip": {"host": BOTH}})
    media = far_end(1, QUIET, host=LOOPBACK6)
    sipp.run("uac_delayed_offer", (LOOPBACK6, edge.port), media=media, pause_ms=1500)
    (stream,) = media.finish()
    assert len(stream.arrival_ms) > 50
    assert received(edge.wait_event("call.ended")) > 50


def test_hold_and_resume_over_ipv6(
    edge_factory: Edges, sipp: Sipp, far_end: Callable[..., RtpFarEnd]
) -> None:
    edge = edge_factory({"sip": {"host": BOTH}})
    media = far_end(1, QUIET, host=LOOPBACK6)
    hold = offers.HOLD_SENDONLY
    sipp.run(
        "uac_hold", (LOOPBACK6, edge.port), media=media, pause_ms=700, HOLD=hold, ANSWER="recvonly"
    )
    edge.wait_event("call.resumed")
    assert edge.wait_event("call.ended")["end"]["by"] == "caller"


def test_another_offer_of_the_other_family_is_refused_and_the_call_goes_on(
    edge_factory: Edges, sipp: Sipp, far_end: Callable[..., RtpFarEnd]
) -> None:
    edge = edge_factory({"sip": {"host": BOTH}})
    media = far_end(1, QUIET, host=LOOPBACK6)
    sipp.run(
        "uac_reoffer_refused",
        (LOOPBACK6, edge.port),
        media=media,
        pause_ms=700,
        REOFFER=offers.offer(address=LOOPBACK, version=2),
        STATUS="488",
    )
    (stream,) = media.finish()
    ended = edge.wait_event("call.ended")
    assert (ended["end"]["by"], ended["end"]["sip"]["status"]) == ("caller", 200)
    assert len(stream.arrival_ms) > 50  # before and after it
    assert len(edge.events(name="call.media")) == 1


def test_a_capture_of_a_call_over_ipv6(
    edge_factory: Edges, sipp: Sipp, far_end: Callable[..., RtpFarEnd], tmp_path: Path
) -> None:
    edge = edge_factory(
        {
            "sip": {"host": BOTH},
            "capture": {"enabled": True, "directory": str(tmp_path / "captures")},
        }
    )
    media = far_end(1, QUIET, host=LOOPBACK6)
    sipp.run("uac_call", (LOOPBACK6, edge.port), media=media, pause_ms=1500)
    ended = edge.wait_event("call.ended")
    told = subprocess.run(
        [sys.executable, "-m", "sipua", "bench", "streams", "--json", ended["capture"]["file"]],
        check=True,
        capture_output=True,
        text=True,
    )
    streams = json.loads(told.stdout)["streams"]
    rtp_port = edge.events(name="call.incoming")[0]["rtp_port"]
    ours, theirs = f"[::1]:{rtp_port}", f"[::1]:{media.port}"
    ways = {(stream["source"], stream["target"]) for stream in streams}
    assert ways == {(ours, theirs), (theirs, ours)}
    assert {stream["call"] for stream in streams} == {1}  # its SIP says which call they are of


# --- Asterisk -------------------------------------------------------------------------------


@pytest.mark.parametrize("transport", ["udp", "tcp"])
def test_asterisk_registers_us_and_calls(
    asterisk6: Asterisk, edge_factory: Edges, transport: str
) -> None:
    asterisk6.reset()
    edge = edge_factory({"sip": {"host": BOTH}, "accounts": [account6(asterisk6, transport)]})
    assert "@[::1]:" in asterisk6.wait_contact().uri
    edge.wait_event("registration.ok")
    asterisk6.originate("PJSIP/sipua", "60240")
    ended = edge.wait_event("call.ended", timeout_s=30)
    assert edge.events(name="call.incoming")[0]["origin"] == "sipua"
    assert edge.events(name="call.media")[0]["remote"].startswith("[::1]:")
    assert (ended["end"]["by"], ended["end"]["sip"]["status"]) == ("caller", 200)
    assert is_heard(audio.read_wav(asterisk6.wait_recording(30).received, rate_hz=8000))
    assert ended["rtp"]["rtcp"]["received"] > 0
    assert ended["rtp"]["rtcp"]["round_trip_ms"] is not None


def test_we_call_asterisk(asterisk6: Asterisk, tmp_path: Path) -> None:
    asterisk6.reset()
    config = {"sip": {"host": BOTH}, "accounts": [account6(asterisk6)]}
    uri = f"sip:600@[{LOOPBACK6}]:{asterisk6.port}"
    story = called(tmp_path, uri, config, "--account", "sipua")
    assert story["received_packets"] > 100  # an echo


def test_we_call_without_a_configuration(edge_factory: Edges, tmp_path: Path) -> None:
    """As one tries it first: nothing says that `sipua call` may use IPv6, too."""
    edge = edge_factory({"sip": {"host": LOOPBACK6}})
    story = called(tmp_path, f"sip:agent@[{LOOPBACK6}]:{edge.port}", {})
    assert story["received_packets"] > 100


def called(home: Path, uri: str, config: dict[str, Any], *options: str) -> dict[str, Any]:
    """The story of a call by `sipua call`, whose audio was IPv6."""
    with PortBlock() as ports:
        first, last = ports.range(100)
        file = home / "call.toml"
        file.write_text(toml({"rtp": {"port_min": first, "port_max": last}, **config}))
        file.chmod(0o600)
        command = [sys.executable, "-m", "sipua", "call", "--json", "--seconds", "3"]
        child = Child([*command, "--config", file, *options, uri], home / "call.out")
        status = child.wait(30)
    told = child.log.read_text()
    assert status == 0, told
    story: dict[str, Any] = json.loads(told)
    (media,) = [entry for entry in story["timeline"] if entry["event"] == "media"]
    assert media["remote"].startswith("[::1]:")
    return story


# --- linphone -------------------------------------------------------------------------------


EDGE = ("192.0.2.1", "2001:db8:7::1")
PHONE = ("192.0.2.2", "2001:db8:7::2")


@pytest.fixture
def hosts() -> Iterator[tuple[Host, Host]]:
    """The edge's and the phone's, each with both families."""
    if why := why_impossible():
        pytest.skip(f"no network namespaces on this machine: {why}")
    with Network() as network:
        edge, phone = (
            network.host(name, f"{ip4}/24") for name, (ip4, _) in (("edge", EDGE), ("phone", PHONE))
        )
        for host, (_, ip6) in ((edge, EDGE), (phone, PHONE)):
            host.run("ip", "address", "add", f"{ip6}/64", "dev", "wan", "nodad")
        # A phone asks for the way to the internet to learn its own addresses.
        phone.run("ip", "route", "add", "default", "via", EDGE[0])
        phone.run("ip", "-6", "route", "add", "default", "via", EDGE[1])
        yield edge, phone


@pytest.fixture
def phone(hosts: tuple[Host, Host], tmp_path: Path) -> Iterator[Linphone]:
    within = hosts[1].command
    phone = Linphone(tmp_path / "phone", QUIET, address=PHONE[0], dual_stack=True, within=within)
    yield phone
    phone.close()


@pytest.mark.parametrize("family", ["IPv4", "IPv6"])
def test_a_phone_with_both_families(
    hosts: tuple[Host, Host], phone: Linphone, edge_factory: Edges, family: str
) -> None:
    edge = edge_factory({"sip": {"host": ALL}}, inside=hosts[0].command)
    host = EDGE[0] if family == "IPv4" else f"[{EDGE[1]}]"
    phone.call(f"sip:agent@{host}:{edge.port}")
    phone.wait_talking()
    edge.wait_event("turn.agent", timeout_s=20)
    phone.hang_up()
    ended = edge.wait_event("call.ended")
    source = PHONE[0] if family == "IPv4" else f"[{PHONE[1]}]"
    assert edge.events(name="call.incoming")[0]["source"].startswith(f"{source}:")
    assert edge.events(name="call.media")[0]["remote"].startswith(f"[{PHONE[1]}]:")
    assert (ended["end"]["by"], ended["end"]["sip"]["status"]) == ("caller", 200)
    assert received(ended) > 100
    assert is_heard(phone.heard())


def test_a_phone_with_both_families_and_an_edge_with_one(
    hosts: tuple[Host, Host], phone: Linphone, edge_factory: Edges
) -> None:
    """The offer cannot be met: it is refused before it rings, and the log says why."""
    edge = edge_factory({"sip": {"host": "0.0.0.0"}}, inside=hosts[0].command)
    phone.call(f"sip:agent@{EDGE[0]}:{edge.port}")
    rejected = edge.wait_event("call.rejected")
    assert rejected["status"] == 488
    assert rejected["cause"].endswith("over IPv6, and we have IPv4")
    assert not edge.events(name="call.incoming")
