"""S19: registration at registrars of every temper, all at once from one edge.

What counts is how often they are asked: one REGISTER too many after a refusal locks accounts and
feeds fail2ban. SIPp plays each registrar; its trace is the evidence.
"""

import itertools
import re
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

import pytest

from support.calls.edge import Edge, Event
from support.peers.sipp import SipMessage, Sipp, SippRun
from support.process import wait_until

pytestmark = pytest.mark.peer

EXPIRES_S = 4
RETRY_AFTER_S = 2
PASSWORD = "zx-nobody-else-has-this"

REGISTRARS: dict[str, tuple[str, dict[str, Any]]] = {
    # Its registrations live for 4 s, so that their refreshing is seen.
    "accepts": (
        "uas_registrar",
        {"USERNAME": "agent", "PASSWORD": PASSWORD, "EXPIRES": str(EXPIRES_S)},
    ),
    # Each 401 has a new nonce: a client that takes that for a new chance goes on for ever.
    "wants-another-password": (
        "uas_registrar",
        {"USERNAME": "agent", "PASSWORD": "wrong", "EXPIRES": str(EXPIRES_S)},
    ),
    "forbids": ("uas_registrar_refuses", {"STATUS": "403 Forbidden"}),
    "asks-to-wait": (
        "uas_registrar_refuses",
        {"STATUS": "503 Service Unavailable", "HEADERS": f"Retry-After: {RETRY_AFTER_S}"},
    ),
    "finds-it-too-brief": ("uas_registrar_too_brief", {"MIN_EXPIRES": "1234"}),
}


@dataclass(frozen=True, slots=True)
class Account:
    """One registration, as the registrar and the log saw it; `goodbye` after SIGTERM."""

    trace: list[SipMessage]
    goodbye: list[SipMessage]
    told: list[Event]
    log: str  # of the whole edge

    @property
    def requests(self) -> list[SipMessage]:
        return requests(self.trace)

    @property
    def with_digest(self) -> list[SipMessage]:
        return [m for m in self.requests if "Authorization:" in m.text]

    @property
    def answers(self) -> list[int]:
        return [int(m.first_line.split()[1]) for m in self.trace if m.sent]


@pytest.fixture(scope="module")
def accounts(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Account]]:
    home = tmp_path_factory.mktemp("registration")
    with ExitStack() as stack:
        sipp = Sipp(home / "sipp")
        stack.callback(sipp.close)
        runs: dict[str, SippRun] = {
            name: sipp.start(scenario, calls=50, pause_ms=60000, **values)
            for name, (scenario, values) in REGISTRARS.items()
        }
        edge = Edge(
            home / "edge",
            {
                "accounts": [
                    {
                        "name": name,
                        "registrar": f"sip:{run.address};transport=udp",
                        "user": "agent",
                        "password": PASSWORD,
                        "expires_s": 60,
                        "refresh_s": 10,
                    }
                    for name, run in runs.items()
                ]
            },
        )
        stack.callback(edge.close)
        # What comes on time bounds the watch over what must not come at all.
        wait_until(lambda: len(accepted(runs["accepts"].messages())) >= 3, 30, "two refreshes")
        wait_until(lambda: len(requests(runs["asks-to-wait"].messages())) >= 3, 30, "two retries")
        traces = {name: run.messages() for name, run in runs.items()}
        assert edge.stop() == 0
        yield {
            name: Account(
                trace=traces[name],
                goodbye=run.messages()[len(traces[name]) :],
                told=[event for event in edge.events() if event.get("account") == name],
                log=edge.log,
            )
            for name, run in runs.items()
        }


def requests(messages: list[SipMessage]) -> list[SipMessage]:
    return [m for m in messages if m.first_line.startswith("REGISTER")]


def accepted(messages: list[SipMessage]) -> list[SipMessage]:
    return [m for m in messages if m.first_line == "SIP/2.0 200 OK"]


def gaps_s(messages: list[SipMessage]) -> list[float]:
    pairs = itertools.pairwise(messages)
    return [(after.at_s - before.at_s) % 86400 for before, after in pairs]


def test_S19_digest_with_the_realm_of_the_first_challenge(accounts: dict[str, Account]) -> None:
    account = accounts["accepts"]
    assert "Authorization:" not in account.requests[0].text
    (first, *_) = account.with_digest
    assert 'realm="sipp"' in first.text
    assert account.answers[:3] == [401, 401, 200]  # the first one teaches the realm
    assert [event["event"] for event in account.told] == [
        "registration.ok",
        "registration.removed",
    ]


def test_S19_it_is_refreshed_before_it_expires(accounts: dict[str, Account]) -> None:
    assert max(gaps_s(accepted(accounts["accepts"].trace))) < EXPIRES_S


def test_S19_a_wrong_password_is_not_tried_again(accounts: dict[str, Account]) -> None:
    """pjsip answers a challenge with a new nonce again, as the old one may have been stale: three
    times at most (its PJSIP_MAX_STALE_COUNT), at once, and then never again."""
    account = accounts["wants-another-password"]
    assert 1 <= len(account.with_digest) <= 3
    assert len(account.requests) == 2 + len(account.with_digest)
    (told,) = account.told
    assert (told["event"], told["status"]) == ("registration.failed", 401)
    assert told["retry_in_s"] is None
    assert "password" in told["fix"]


def test_S19_403_is_final(accounts: dict[str, Account]) -> None:
    account = accounts["forbids"]
    assert len(account.requests) == 1
    (told,) = account.told
    assert (told["event"], told["status"], told["retry_in_s"]) == ("registration.failed", 403, None)


def test_S19_retry_after_is_honoured(accounts: dict[str, Account]) -> None:
    gaps = gaps_s(accounts["asks-to-wait"].requests)
    assert min(gaps) >= RETRY_AFTER_S - 0.01
    assert max(gaps) < RETRY_AFTER_S * 1.1 + 3  # the jitter, and a busy machine


def test_S19_423_asks_for_longer(accounts: dict[str, Account]) -> None:
    account = accounts["finds-it-too-brief"]
    assert [re.findall(r"^Expires: (\d+)", m.text, re.MULTILINE) for m in account.requests] == [
        ["60"],
        ["1234"],
    ]
    assert (account.told[0]["event"], account.told[0]["expires_s"]) == ("registration.ok", 1234)


def test_H1_sigterm_unregisters_what_was_registered(accounts: dict[str, Account]) -> None:
    goodbye = accounts["accepts"].goodbye
    last = requests(goodbye)[-1].text
    assert "Expires: 0\n" in last
    assert "Authorization:" in last
    assert goodbye[-1].first_line == "SIP/2.0 200 OK"
    # This one has stopped to answer, and cannot keep the edge from its end.
    assert accounts["finds-it-too-brief"].goodbye
    for name in ("wants-another-password", "forbids"):
        assert accounts[name].goodbye == []


def test_H8_the_password_is_in_no_log(accounts: dict[str, Account]) -> None:
    assert PASSWORD not in accounts["accepts"].log
