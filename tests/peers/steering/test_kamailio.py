"""A phone behind Kamailio is steered over the API: each re-INVITE takes the way that the proxy has
recorded (15 s)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from support.calls.api import Api, api_config
from support.calls.edge import Edge
from support.media import audio
from support.peers.baresip import Baresip
from support.peers.kamailio import PASSWORD, Kamailio
from support.process import wait_until

pytestmark = [pytest.mark.peer, pytest.mark.timeout(180)]


@pytest.fixture
def kamailio(tmp_path: Path) -> Iterator[Kamailio]:
    kamailio = Kamailio(tmp_path / "kamailio")
    yield kamailio
    kamailio.close()


@pytest.fixture
def phone(kamailio: Kamailio, tmp_path: Path) -> Iterator[Baresip]:
    phone = Baresip(
        tmp_path / "phone",
        audio.silence(100),
        registrar=kamailio.address,
        password=PASSWORD,
    )
    kamailio.wait_registered("phone")
    yield phone
    phone.close()


def test_hold_keys_and_hang_up_through_a_proxy(
    kamailio: Kamailio, phone: Baresip, edge_factory: Callable[..., Edge]
) -> None:
    account = {
        "name": "pbx",
        "registrar": f"sip:{kamailio.address};transport=udp",
        "user": "agent",
        "password": PASSWORD,
    }
    edge = edge_factory({"accounts": [account], "api": api_config()})
    api = Api(edge)
    edge.wait_event("registration.ok")
    kamailio.wait_registered("agent")
    phone.call(f"sip:agent@{kamailio.address}")
    phone.wait_talking()
    call_id = edge.wait_event("call.confirmed")["call_id"]
    path = f"/v1/calls/{call_id}"
    for on in (True, False):
        held = api.ask("POST", f"{path}/hold", {"on": on})
        assert (held.status, held.json["status"]) == (200, "done")
        assert api.get(f"{path}/stats")["held"] is on
    assert api.ask("POST", f"{path}/dtmf", {"digits": "12#"}).json["status"] == "accepted"
    assert wait_until(lambda: api.get(f"{path}/stats").get("round_trip_ms"), 30, "RTCP") < 500
    ended = api.ask("POST", f"{path}/hangup", {"wait_s": 10}).json
    assert (ended["state"], ended["end"]["by"]) == ("ended", "operator")
    phone.wait_ended()

    ours = [one for one in kamailio.passed() if one.method in ("INVITE", "BYE")]
    assert [one.method for one in ours] == ["INVITE", "INVITE", "BYE"], "none has strayed"
    ladder = api.get(f"{path}/sip")["messages"]
    sent = [one["cseq"].split()[1] for one in ladder if one["direction"] == "sent"]
    assert sent.count("BYE") == 1
    reinvites = [one for one in ladder if one["first_line"].startswith("INVITE ")]
    assert [one["direction"] for one in reinvites] == ["received", "sent", "sent"]
    assert "a=sendonly" in reinvites[1]["text"]
    assert all(PASSWORD not in one["text"] for one in ladder)
