"""The edge stays registered at Asterisk, whatever happens to either (25 s, the slow test 30 s)."""

import signal
import time
from collections.abc import Callable

import pytest

from support.calls.edge import Edge
from support.peers.asterisk import EVERY_ASTERISK, Asterisk
from support.peers.pbx import account, registers
from support.process import wait_until

Edges = Callable[..., Edge]
REFRESH_S = 5  # the shortest that the configuration allows
BACK_WITHIN_S = 30


def call_ends_well(asterisk: Asterisk, edge: Edge, count: int) -> None:
    """Asterisk calls, the edge answers, Asterisk hangs up."""
    asterisk.originate("PJSIP/sipua", "6081")
    ended = edge.wait_event("call.ended", count=count)
    assert (ended["end"]["by"], ended["end"]["sip"]["status"]) == ("caller", 200)
    assert len(edge.events(name="call.confirmed", call_id=ended["call_id"])) == 1
    asterisk.wait_idle()


def restart_without_memory(asterisk: Asterisk) -> None:
    """As on a new machine: the contact is lost."""
    asterisk.process.stop()
    for database in (asterisk.layout.home / "db").iterdir():
        database.unlink()
    asterisk.start()
    assert asterisk.contacts() == []


@EVERY_ASTERISK
def test_S19_a_restarted_asterisk_that_forgot_us_is_told(
    asterisk: Asterisk, edge_factory: Edges
) -> None:
    edge = edge_factory({"accounts": [account(asterisk, refresh_s=REFRESH_S)]})
    edge.wait_event("registration.ok")
    restart_without_memory(asterisk)
    asterisk.wait_contact("sipua", BACK_WITHIN_S)
    call_ends_well(asterisk, edge, 1)


@pytest.mark.slow
@pytest.mark.timeout(120)
def test_S19_with_the_default_refresh_it_is_told_within_30_s(
    asterisk: Asterisk, edge_factory: Edges
) -> None:
    edge = edge_factory({"accounts": [account(asterisk)]})
    edge.wait_event("registration.ok")
    restart_without_memory(asterisk)
    asterisk.wait_contact("sipua", BACK_WITHIN_S)


def test_S19_a_restarted_asterisk_that_remembers_can_call_at_once(
    asterisk: Asterisk, edge_factory: Edges
) -> None:
    edge = edge_factory({"accounts": [account(asterisk)]})
    edge.wait_event("registration.ok")
    asterisk.restart()
    assert len(asterisk.contacts("sipua")) == 1
    call_ends_well(asterisk, edge, 1)


def test_S19_an_asterisk_that_comes_up_after_the_edge(
    asterisk: Asterisk, edge_factory: Edges
) -> None:
    asterisk.process.stop()
    edge = edge_factory({"accounts": [account(asterisk)]})
    time.sleep(1)  # the first REGISTER and its repetition were lost
    assert not edge.events(name="registration.ok")
    asterisk.start()
    edge.wait_event("registration.ok", timeout_s=BACK_WITHIN_S)
    assert len(asterisk.contacts("sipua")) == 1
    call_ends_well(asterisk, edge, 1)


def test_S19_a_wrong_password_is_told_once_and_never_tried_again(
    asterisk: Asterisk, edge_factory: Edges
) -> None:
    users = ("sipua", "sipua-alaw")
    earlier = {user: len(registers(asterisk, user)) for user in users}
    wrong = account(asterisk, "sipua-alaw", password="not-it", refresh_s=REFRESH_S)
    edge = edge_factory({"accounts": [wrong, account(asterisk, refresh_s=REFRESH_S)]})
    failed = edge.wait_event("registration.failed")
    assert (failed["account"], failed["status"]) == ("sipua-alaw", 401)
    assert failed["retry_in_s"] is None
    assert "password" in failed["fix"]
    edge.wait_event("registration.ok")

    # The account beside it has refreshed by now: whatever was to be repeated has been.
    def count(user: str) -> int:
        return len(registers(asterisk, user)) - earlier[user]

    at_first = count("sipua")
    wait_until(lambda: count("sipua") > at_first, 3 * REFRESH_S, "the refresh of the good account")
    asked = registers(asterisk, "sipua-alaw")[earlier["sipua-alaw"] :]
    # For the realm, with the realm, with the digest. Asterisk makes a nonce of the present second:
    # pjsip answers one that has changed meanwhile again, three in all (PJSIP_MAX_STALE_COUNT).
    with_digest = [request for request in asked if "\nAuthorization:" in request]
    assert 1 <= len(with_digest) <= 3, "\n".join(asked)
    assert len(asked) <= 2 + len(with_digest), "\n".join(asked)
    nonces = {request.partition('nonce="')[2].partition('"')[0] for request in with_digest}
    assert len(nonces) == len(with_digest), "no challenge is answered twice"
    assert len(edge.events(name="registration.failed")) == 1
    assert asterisk.contacts("sipua-alaw") == []
    assert "not-it" not in edge.log


@pytest.mark.slow
def test_S19_an_unknown_host_is_one_failure_for_each_attempt(edge_factory: Edges) -> None:
    nowhere = {"name": "a", "registrar": "sip:no-such-host.invalid", "user": "a", "password": "p"}
    edge = edge_factory({"sip": {"host": "0.0.0.0"}, "accounts": [nowhere]})
    edge.wait_event("registration.failed", count=2, timeout_s=30)
    for failed, attempt in zip(edge.events(name="registration.failed"), range(2), strict=False):
        assert failed["status"] == 502
        assert "DNS" in failed["fix"]
        assert failed["retry_in_s"] <= 2**attempt  # each attempt backs off once


@EVERY_ASTERISK
def test_H1_a_stopped_edge_is_gone_from_asterisk(asterisk: Asterisk, edge_factory: Edges) -> None:
    edge = edge_factory({"accounts": [account(asterisk)]})
    edge.wait_event("registration.ok")
    assert len(asterisk.contacts("sipua")) == 1
    assert edge.stop() == 0
    assert asterisk.contacts("sipua") == []
    assert len(edge.events(name="registration.removed")) == 1


def test_H1_a_draining_edge_leaves_asterisk_before_its_calls_end(
    asterisk: Asterisk, edge_factory: Edges
) -> None:
    edge = edge_factory({"accounts": [account(asterisk)], "calls": {"drain_s": 20}})
    edge.wait_event("registration.ok")
    asterisk.originate("PJSIP/sipua", "6083")
    edge.wait_event("call.confirmed")
    edge.process.send(signal.SIGTERM)
    edge.wait_event("registration.removed")
    assert asterisk.contacts("sipua") == []
    assert not edge.events(name="call.ended"), "the call was to go on"
    assert edge.process.wait(30) == 0
    assert edge.wait_event("call.ended")["end"]["by"] == "caller"


def test_H2_a_killed_edge_comes_back_with_one_contact(
    asterisk: Asterisk, edge_factory: Edges
) -> None:
    edge = edge_factory({"accounts": [account(asterisk)]})
    edge.wait_event("registration.ok")
    asterisk.originate("PJSIP/sipua", "6082")
    edge.wait_event("call.confirmed")
    edge.kill()
    assert len(asterisk.contacts("sipua")) == 1, "Asterisk was not told"

    edge.start()
    edge.wait_event("registration.ok", count=2)
    assert len(asterisk.contacts("sipua")) == 1
    call_ends_well(asterisk, edge, 1)
    asterisk.wait_idle()
