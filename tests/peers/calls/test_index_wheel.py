"""The quick start's pjsua2, as the package index has it: a call works, and its 4-call limit holds.

Runs in an environment of its own (`.venv-index`), which `make test` sets up.
"""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest

from support.calls.edge import Edge
from support.media import audio
from support.media.rtp_far_end import RtpFarEnd
from support.peers.raw_caller import OFFER, RawCaller
from support.peers.sipp import Sipp
from support.ports import LOOPBACK, LOOPBACK6
from support.signalling import offers
from support.signalling.dns_server import DnsServer

ENVIRONMENT = Path(__file__).parents[3] / ".venv-index"
PYTHON = ENVIRONMENT / "bin" / "python"
LACK = ENVIRONMENT / "lack"  # the set-up's word that the index has no wheel for this Python
LIMIT = 4

# `make unit` sets no second environment up.
pytestmark = [
    pytest.mark.peer,
    pytest.mark.skipif(LACK.exists(), reason=LACK.read_text() if LACK.exists() else ""),
]


@pytest.fixture
def edge(edge_factory: Callable[..., Edge]) -> Edge:
    assert PYTHON.exists(), "no environment with the index's wheel: run make test"
    return edge_factory(python=PYTHON)


@pytest.mark.sound
def test_a_call_works_on_the_indexs_wheel(
    edge: Edge, sipp: Sipp, far_end: Callable[..., RtpFarEnd]
) -> None:
    speech = audio.speech("short")
    media = far_end(1, np.concatenate([audio.silence(4500), speech, audio.silence(5000)]))
    sipp.run("uac_call", edge.address, media=media, pause_ms=9000)
    (stream,) = media.finish()
    (listening,) = edge.events(name="edge.listening")
    assert listening["production"] is False
    assert listening["pjsua2"].startswith("2.15")
    assert listening["max_calls"] == LIMIT
    assert stream.lost == 0
    # A frame that the test machine was too busy to send costs the piece that it was in.
    for said in (audio.read_wav(audio.GREETING, rate_hz=8000), speech):
        scores = sorted(piece.score for piece in audio.find_pieces(said, stream.pcm()))
        assert scores[len(scores) // 3] > 0.9


def test_ipv6_is_refused_with_what_to_do(edge: Edge, sipp: Sipp) -> None:
    """It would abort the process: the wheel is compiled without."""
    command = [PYTHON, "-m", "sipua", "call", f"sip:agent@[{LOOPBACK6}]:{edge.port}"]
    called = subprocess.run(command, capture_output=True, text=True, check=False)
    assert "this pjsua2 is built without IPv6; `make pjsua2`" in called.stderr
    assert called.returncode == 4
    offer = offers.offer(address="2001:db8::9")
    sipp.run("uac_rejected", edge.address, STATUS="488", OFFER=offer)
    assert edge.wait_event("call.rejected")["cause"].endswith("over IPv6, and we have IPv4")


def test_S25_tls_is_refused_with_what_to_do(tmp_path: Path) -> None:
    """Its OpenSSL is one without security fixes."""
    file = tmp_path / "edge.toml"
    file.write_text('[sip]\nport = 0\naccept = "any"\ntransports = ["udp", "tls"]\n')
    command = [PYTHON, "-m", "sipua", "serve", "--config", file]
    served = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert "needs a pjsua2 with OpenSSL 3" in served.stderr
    assert "`make pjsua2`" in served.stderr
    assert served.returncode == 4


def test_S17_the_fifth_call_is_refused(edge: Edge, sipp: Sipp) -> None:
    calls = sipp.start("uac_call", edge.address, calls=LIMIT, until_told=True)
    edge.wait_event("call.confirmed", count=LIMIT)
    sipp.run("uac_rejected", edge.address, STATUS="486")
    calls.hang_up()
    calls.wait()


def test_S22_the_indexs_wheel_asks_our_resolver_too(
    edge_factory: Callable[..., Edge], sipp: Sipp
) -> None:
    """Its structures are older ones; a name that only our DNS server knows tells who was asked."""
    registrar = sipp.start(
        "uas_registrar",
        calls=50,
        pause_ms=60000,
        USERNAME="agent",
        PASSWORD="secret",
        EXPIRES="60",
    )
    with closing(DnsServer()) as dns:
        dns.set("one.test", "A", LOOPBACK)
        dns.set("_sip._udp.pbx.test", "SRV", f"10 5 {registrar.port} one.test.")
        account = {"name": "pbx", "registrar": "sip:pbx.test", "user": "agent"}
        edge = edge_factory(
            {
                "sip": {"nameservers": [dns.address]},
                "accounts": [account | {"password": "secret"}],
            },
            python=PYTHON,
        )
        edge.wait_event("registration.ok")
        assert edge.events(name="sip.fault") == []
        assert edge.stop() == 0


def test_S23_options_is_200_even_when_no_call_is_taken(
    edge_factory: Callable[..., Edge], sipp: Sipp
) -> None:
    """What doctor warns of: this pjsua2 answers by itself, without asking the gate."""
    edge = edge_factory({"sip": {"max_calls": 1}}, python=PYTHON)
    call = sipp.start("uac_call", edge.address, until_told=True)
    edge.wait_event("call.confirmed")
    sipp.run("uac_rejected", edge.address, STATUS="486")
    sipp.run("uac_options", edge.address, STATUS="200")
    call.hang_up()
    call.wait()


def test_S7_an_offer_that_cannot_be_met_is_refused_before_it_rings(edge: Edge) -> None:
    with RawCaller(edge.address) as caller:
        caller.invite(OFFER.replace("c=IN IP4 127.0.0.1", "c=IN IP4 localhost"))
        assert caller.final("INVITE").status == 488
        caller.ack()
        assert {response.status for response in caller.responses} <= {100, 488}
    assert "names a host" in edge.wait_event("call.rejected")["cause"]
    assert edge.events(name="call.incoming") == []


def test_S6_an_answer_that_it_cannot_hand_over_ends_that_call_alone(edge: Edge) -> None:
    with RawCaller(edge.address) as caller:
        caller.invite(OFFER + "m=audio 9 RTP/AVP 0\r\n" * 3)
        edge.wait_event("sip.fault")
    edge.wait_event("call.ended")
    with RawCaller(edge.address) as caller:
        caller.invite()
        assert caller.final("INVITE").status == 200
        caller.ack()
        caller.bye()
        caller.final("BYE")


def test_doctor_warns_about_it() -> None:
    result = subprocess.run(
        [PYTHON, "-m", "sipua", "doctor", "--json"], capture_output=True, text=True, check=False
    )
    findings = {finding["name"]: finding for finding in json.loads(result.stdout)}
    assert findings["pjsua2"]["level"] == "warn"
    assert "crash" in findings["pjsua2"]["advice"]
    assert findings["calls at once"]["value"] == str(LIMIT)
    assert findings["OPTIONS"]["level"] == "warn"
    assert "make pjsua2" in findings["OPTIONS"]["advice"]


def test_S12_a_refer_is_followed_by_policy_alone(
    edge_factory: Callable[..., Edge], sipp: Sipp
) -> None:
    target = sipp.start("uas_hang_up", pause_ms=1500)
    trunk = {"name": "pbx", "hosts": [LOOPBACK], "proxy": f"sip:{target.address}"}
    policy = {"refer": "allow", "refer_targets": ["201"]}
    edge = edge_factory({"trunks": [trunk | policy]}, python=PYTHON)
    sipp.run("uac_refer", edge.address, TARGET=f"sip:900@{LOOPBACK}", STATUS="403", pause_ms=100)
    sipp.run("uac_refer_followed", edge.address, TARGET=f"sip:201@{LOOPBACK}", pause_ms=200)
    assert target.wait(check=False).ok
    assert edge.wait_event("call.party_changed")["way"] == "refer"
    edge.wait_event("call.ended", count=2)
    assert edge.events(name="call.failed") == edge.events(name="sip.fault") == []
