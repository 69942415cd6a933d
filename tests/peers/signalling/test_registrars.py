"""S19: one of two registrars dies and comes back; SIPp plays both."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from support.calls.steered_edge import SteeredEdge
from support.peers.sipp import Sipp, SippRun
from support.process import wait_until
from support.signalling.udp_switch import UdpSwitch

pytestmark = pytest.mark.peer

PASSWORD = "of-a-test"
REFRESH_S = 5


def start(sipp: Sipp) -> SippRun:
    values = {"USERNAME": "agent", "PASSWORD": PASSWORD, "EXPIRES": "60"}
    return sipp.start("uas_registrar", calls=50, pause_ms=60000, timeout_s=120, **values)


def test_S19_the_second_registrar_has_the_account_until_the_first_is_back(
    tmp_path: Path, sipp: Sipp
) -> None:
    behind, second = start(sipp), start(sipp)
    first = UdpSwitch(behind.port)
    at_first = f"sip:{first.address};transport=udp"
    at_second = f"sip:{second.address};transport=udp"
    edge = SteeredEdge(
        tmp_path / "edge",
        {
            "accounts": [
                {
                    "name": "office",
                    "registrar": at_first,
                    "backup_registrars": [at_second],
                    "user": "agent",
                    "password": PASSWORD,
                    "refresh_s": REFRESH_S,
                }
            ]
        },
    )
    try:
        edge.wait_event("registration.ok")
        assert second.messages() == []
        first.on = False
        dead_since = datetime.now(UTC)
        taken = edge.wait_event("registration.ok", count=2, timeout_s=30)
        assert taken["registrar"] == at_second
        # A refresh, three seconds of silence, and a busy machine.
        assert (datetime.fromisoformat(taken["ts"]) - dead_since).total_seconds() < 20
        shown = edge.get("/v1/registrations")["registrations"]
        assert [(one["state"], one["registrar"]) for one in shown] == [("registered", at_second)]
        # What is silent is told as before, and who has the account meanwhile.
        silent = edge.wait_event("registration.waiting")
        assert (silent["registrar"], silent["meanwhile"]) == (at_first, at_second)
        first.on = True
        back = edge.wait_event("registration.ok", count=3, timeout_s=40)
        assert back["registrar"] == at_first
        left = edge.wait_event("registration.removed")
        assert (left["registrar"], left["meanwhile"]) == (at_second, at_first)
        goodbyes = [one.text for one in second.messages() if "Expires: 0\n" in one.text]
        assert goodbyes
        assert edge.stop() == 0
        wait_until(
            lambda: any("Expires: 0\n" in one.text for one in behind.messages()), 5, "the goodbye"
        )
    finally:
        edge.close()
        first.close()
