"""Our Contact, as each peer is told it: over the fake pjsua2."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator

import pytest

from sipua.sip.nat.told_address import SetFoundAddress, SetTowards, ToldAddress, Towards
from sipua.sip.pj.accounts import MOST_FACES
from sipua.sip.settings import AccountSettings
from support.signalling.signalling import ACCOUNT, Signalling, answered, invite

LAN = Towards((ipaddress.ip_network("192.0.2.0/24"),), "192.0.2.77")
TRUNK = AccountSettings("carrier", "sip:sipua@198.51.100.7", proxy="sip:198.51.100.7", trunk="c")
FOUND, MOVED = "203.0.113.9", "203.0.113.10"


@pytest.fixture
def signalling(monkeypatch: pytest.MonkeyPatch) -> Iterator[Signalling]:
    made = Signalling(monkeypatch, ACCOUNT, TRUNK)
    made.endpoint.told = ToldAddress((), varies=True)
    made.endpoint.told.found = FOUND
    made.endpoint.open()
    yield made
    made.close()


def contact_of(signalling: Signalling, name: str) -> str:
    return str(signalling.account(name).contact)


def choose(signalling: Signalling, source: str, via: str = "UDP") -> str:
    """The account that pjsip is told to take for an INVITE, by its Contact."""
    message = invite().replace("\r\n", f"\r\nVia: SIP/2.0/{via} {source};branch=z9hG4bKx\r\n", 1)

    class Received:
        srcAddress, wholeMsg = source, message  # noqa: N815 (pjsua2's names)

    number = signalling.endpoint._account_for(Received)
    (account,) = (one for one in signalling.endpoint._accounts if one.getId() == number)
    return str(account.contact)


def test_a_registrar_is_told_what_stun_has_found(signalling: Signalling) -> None:
    assert contact_of(signalling, "pbx") == f"<sip:100@{FOUND}:5060>"


def test_a_caller_is_told_it_and_one_of_the_table_another_one(signalling: Signalling) -> None:
    assert choose(signalling, "198.51.100.9:5060") == f"<sip:sipua@{FOUND}:5060>"
    signalling.endpoint.command(SetTowards((LAN,)))
    assert choose(signalling, "192.0.2.1:5060") == "<sip:sipua@192.0.2.77:5060>"
    assert choose(signalling, "198.51.100.9:5060") == f"<sip:sipua@{FOUND}:5060>"


def test_by_a_transport_that_we_do_not_listen_on_pjsip_makes_it(signalling: Signalling) -> None:
    assert choose(signalling, "198.51.100.9:5060", via="TLS") == ""


def test_accounts_for_contacts_are_few(signalling: Signalling) -> None:
    contacts = set()
    for last in range(3 * MOST_FACES):
        signalling.endpoint.told.found = f"203.0.113.{last}"
        contacts.add(choose(signalling, "198.51.100.9:5060"))
    assert len(contacts) == 3 * MOST_FACES
    assert len(list(signalling.endpoint._accounts)) <= 3 + MOST_FACES


def test_another_address_is_registered_once_the_old_one_has_left(signalling: Signalling) -> None:
    pbx = signalling.account("pbx")
    pbx.onRegState(answered(200, expires_s=300))
    signalling.take()
    signalling.pj.steps.clear()
    signalling.endpoint.command(SetFoundAddress(MOVED))
    assert signalling.pj.asked("setRegistration") == [(False,)]
    assert contact_of(signalling, "pbx") == f"<sip:100@{FOUND}:5060>", "the old one leaves"
    pbx.onRegState(answered(200))
    signalling.pass_time(0.1)
    assert signalling.pj.asked("setRegistration") == [(False,), (True,)]
    assert contact_of(signalling, "pbx") == f"<sip:100@{MOVED}:5060>"


def test_the_same_address_again_changes_nothing(signalling: Signalling) -> None:
    signalling.account("pbx").onRegState(answered(200, expires_s=300))
    signalling.pj.steps.clear()
    signalling.endpoint.command(SetFoundAddress(FOUND))
    assert signalling.pj.asked("setRegistration") == []


def test_a_name_is_in_a_network_once_it_has_answered(monkeypatch: pytest.MonkeyPatch) -> None:
    by_name = AccountSettings("pbx", "sip:100@pbx.test", "sip:pbx.test", "100", "secret")
    signalling = Signalling(monkeypatch, by_name)
    try:
        signalling.endpoint.told = ToldAddress((LAN,), varies=True)
        signalling.endpoint.told.found = FOUND
        signalling.endpoint.open()
        pbx = signalling.account("pbx")
        assert pbx.contact == f"<sip:100@{FOUND}:5060>"
        pbx.onRegState(answered(200, source="192.0.2.9:5060", expires_s=300))
        signalling.pass_time(0.1)
        pbx.onRegState(answered(200, source="192.0.2.9:5060"))
        signalling.pass_time(0.1)
        assert pbx.contact == "<sip:100@192.0.2.77:5060>"
        pbx.onRegState(answered(200, source="192.0.2.9:5060", expires_s=300))
        signalling.pj.steps.clear()
        signalling.pass_time(1)
        assert signalling.pj.asked("setRegistration") == [], "it is settled"
    finally:
        signalling.close()


def test_a_trunk_is_told_it_when_it_is_called(signalling: Signalling) -> None:
    signalling.place("carrier")
    assert contact_of(signalling, "carrier") == f"<sip:sipua@{FOUND}:5060>"


def test_without_table_and_stun_pjsip_makes_every_contact(monkeypatch: pytest.MonkeyPatch) -> None:
    signalling = Signalling(monkeypatch, ACCOUNT)
    signalling.endpoint.open()
    assert contact_of(signalling, "pbx") == ""
    assert choose(signalling, "198.51.100.9:5060") == ""
    assert signalling.pj.asked("modify") == []
    signalling.close()
