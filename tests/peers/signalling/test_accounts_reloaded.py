"""Accounts that come, go and change while the edge runs; SIPp plays each registrar."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from typing import Any

import pytest

from support.calls.edge import Edge
from support.peers.sipp import Sipp, SippRun
from support.process import wait_until

pytestmark = pytest.mark.peer

PASSWORD = "zx-nobody-else-has-this"


def registers(run: SippRun) -> list[str]:
    return [m.text for m in run.messages() if m.first_line.startswith("REGISTER")]


def test_S19_accounts_come_go_and_change_at_run_time(
    edge_factory: Callable[..., Edge], sipp: Sipp
) -> None:
    runs = {
        name: sipp.start(
            "uas_registrar",
            calls=50,
            pause_ms=60_000,
            timeout_s=120,
            USERNAME="agent",
            PASSWORD=PASSWORD,
            EXPIRES="300",
        )
        for name in ("kept", "mended", "gone", "added")
    }

    def account(name: str, password: str = PASSWORD) -> dict[str, Any]:
        registrar = f"sip:{runs[name].address};transport=udp"
        about = {"expires_s": 300, "refresh_s": 100}
        return {"name": name, "registrar": registrar, "user": "agent", "password": password} | about

    def with_accounts(*accounts: dict[str, Any]) -> dict[str, Any]:
        return {"accounts": list(accounts), "sip": closed}

    closed: dict[str, Any] = {}
    edge = edge_factory(
        with_accounts(account("kept"), account("mended", "wrong-password"), account("gone"))
    )

    def told(name: str, account_name: str) -> int:
        return sum(event["account"] == account_name for event in edge.events(name=name))

    for name in ("kept", "gone"):
        wait_until(lambda name=name: told("registration.ok", name), 20, f"{name} to register")
    wait_until(lambda: told("registration.failed", "mended"), 20, "a wrong password")
    before = len(registers(runs["kept"]))
    edge.write(with_accounts(account("kept"), account("mended"), account("added")))
    os.kill(edge.process.pid, signal.SIGHUP)
    plan = edge.wait_event("config.reloaded")["plan"]
    assert set(plan["applied"]) == {
        "accounts[mended].password",
        "accounts[gone]",
        "accounts[added]",
    }
    for name in ("mended", "added"):
        wait_until(lambda name=name: told("registration.ok", name), 20, f"{name} to register")
    wait_until(lambda: told("registration.removed", "gone"), 20, "the one that is gone")
    assert "Expires: 0\n" in registers(runs["gone"])[-1]
    assert len(registers(runs["kept"])) == before, "it is as it was"
    # Changed again, it is taken back first: both have the same contact there.
    edge.write(
        with_accounts(account("kept"), {**account("mended"), "refresh_s": 50}, account("added"))
    )
    os.kill(edge.process.pid, signal.SIGHUP)
    wait_until(lambda: told("registration.ok", "mended") == 2, 20, "it to register again")
    expiries = ["Expires: 0\n" in text for text in registers(runs["mended"])]
    assert True in expiries
    assert expiries[-1] is False
    assert edge.stop() == 0
    for name in ("kept", "mended", "added"):
        assert "Expires: 0\n" in registers(runs[name])[-1]
    assert edge.events(name="sip.fault") == []
