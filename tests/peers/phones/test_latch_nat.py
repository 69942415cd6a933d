"""R1 with a real NAT: the caller, and an attacker behind the same NAT, on the same host, elsewhere.

All calls are made at once, to one edge; each has its own attacker, which knows the port of the
edge. What is counted is what came to the two sockets, and what the edge let through to its engine.
`-s` prints the figures.
"""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from support.calls.edge import Edge
from support.engine import journal
from support.engine.scenarios import scenario
from support.peers import rival_call
from support.peers.netns import Host, Network, why_impossible
from support.peers.rival_call import LOUD, Party
from support.process import wait_until

# Thirty calls at once, each with an attacker: they have the machine for themselves.
pytestmark = [pytest.mark.peer, pytest.mark.alone]

EDGE = "203.0.113.1"
LASTS_S = 10.0
LOCKED_S = 6.5
"""After the answer: the lock of a caller that is not where its SDP says."""
WHILE_IT_RINGS = -1.0


@dataclass(frozen=True)
class Variant:
    caller_at: str
    """`kept`, `random`: behind a NAT that keeps ports or does not. `public`: no NAT."""
    attacker_at: str
    """`beside` the caller, on its host or behind its NAT; or `elsewhere`."""
    caller_s: float = 0.1
    attacker_s: float = 0.1
    attacker_ends_s: float = 1000.0
    reports: bool = False
    announces: bool = False

    @property
    def alone_s(self) -> float:
        """For so long the attacker is all that there is, and could not know the port before."""
        if self.attacker_s < 0 or self.attacker_at == "elsewhere":
            return 0.0
        return max(0.0, self.caller_s - self.attacker_s)

    @property
    def name(self) -> str:
        attacker = "while it rings" if self.attacker_s < 0 else f"{self.attacker_s:g} s"
        until = f" to {self.attacker_ends_s:g} s" if self.attacker_ends_s < 100 else ""
        known_by = " RTCP" * self.reports + " a=ssrc" * self.announces
        caller = f"{self.caller_at} port {self.caller_s:g} s{known_by}"
        return f"{caller}, attacker {self.attacker_at} {attacker}{until}"


VARIANTS = [
    *(
        Variant(caller_at, attacker_at, caller_s, attacker_s)
        for caller_at in ("kept", "public")
        for attacker_at in ("beside", "elsewhere")
        for caller_s, attacker_s in (
            (0.1, WHILE_IT_RINGS),
            (4.0, WHILE_IT_RINGS),
            (0.1, 0.1),
            (0.1, 1.0),
            (0.1, LOCKED_S),
        )
    ),
    Variant("kept", "beside", 1.5, 0.1),
    Variant("public", "beside", 2.0, 0.1),
    # A NAT that changes ports, and nothing in the SDP that helps.
    Variant("random", "beside", 0.1, WHILE_IT_RINGS),
    Variant("random", "beside", 4.0, WHILE_IT_RINGS),
    Variant("random", "beside", 0.1, 1.0),
    Variant("random", "beside", 0.1, LOCKED_S),
    Variant("random", "elsewhere", 0.1, 0.1),
    Variant("random", "beside", 0.1, 0.1, reports=True),
    Variant("random", "beside", 1.5, 0.1, reports=True),
    Variant("random", "beside", 0.1, 0.1, announces=True),
    Variant("random", "beside", 1.5, 0.1, announces=True),
    Variant("random", "beside", 1.5, 0.1, attacker_ends_s=2.5),
]


@dataclass
class Outcome:
    caller: Party
    attacker: Party
    ended: dict[str, Any] = field(default_factory=dict)

    def let_through(self, party: Party) -> int:
        """Packets that reached the reorder buffer, and what is behind it."""
        streams = self.ended["rtp"]["streams"]
        return sum(one["received"] for one in streams if one["ssrc"] == party.ssrc)


@dataclass
class Matches:
    outcomes: dict[Variant, Outcome]
    speech_heard: int
    """How often the engine was given something that sounds like speech: the callers are quiet."""


@pytest.fixture(scope="module")
def matches(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Matches]:
    if reason := why_impossible():
        pytest.skip(f"no network namespaces here: {reason}")
    home = tmp_path_factory.mktemp("nat")
    with Network() as network:
        edge_host = network.host("edge", f"{EDGE}/24")
        hosts = {
            "kept": _behind_nat(network, "203.0.113.9/24", ""),
            "random": _behind_nat(network, "203.0.113.10/24", "random"),
            "public": network.host("public", "203.0.113.20/24"),
            "elsewhere": network.host("elsewhere", "203.0.113.66/24"),
        }
        rings = "[[connect]]\nslow_s = 0.6\ntimes = 0\n"
        edge = Edge(
            home,
            {"sip": {"host": EDGE}, "agent": {"scenario": scenario(home, rings)}},
            inside=edge_host.command,
        )
        try:
            outcomes = _play(edge, hosts)
            assert edge.stop() == 0
        finally:
            edge.close()
        events = journal.events(home / "agent.jsonl", "server")
        heard = [one for one in events if one.get("type", "").endswith("speech_started")]
        yield Matches(outcomes, len(heard))


def _behind_nat(network: Network, outside: str, how: str) -> Host:
    inside = ("192.168.77.5/24", "192.168.77.6/24")
    return network.behind_nat(outside, "192.168.77.1/24", *inside, how=how)


def _play(edge: Edge, hosts: dict[str, Host]) -> dict[Variant, Outcome]:
    def rtp_port(call_id: str) -> int:
        def incoming() -> list[int]:
            events = edge.events(name="call.incoming")
            return [one["rtp_port"] for one in events if one["sip_call_id"] == call_id]

        return wait_until(incoming, 5, f"call.incoming of {call_id}")[0]

    def call(number: int, variant: Variant) -> Outcome:
        behind_nat = variant.caller_at != "public"
        home = hosts[variant.caller_at]
        own = "192.168.77.5" if behind_nat else "203.0.113.20"
        beside = "192.168.77.6" if behind_nat else own
        sip = home.udp((own, 0))
        caller = Party(
            home.udp((own, 20000 + 2 * number)),
            1000 + number,
            variant.caller_s,
            reports=variant.reports,
            announces=variant.announces,
        )
        elsewhere = variant.attacker_at == "elsewhere"
        attacker = Party(
            hosts["elsewhere"].udp(("203.0.113.66", 0)) if elsewhere else home.udp((beside, 0)),
            2000 + number,
            variant.attacker_s,
            variant.attacker_ends_s,
        )
        if not variant.alone_s:
            attacker = replace(attacker, payload=LOUD)
        try:
            call_id = rival_call.run(
                sip, (EDGE, edge.port), caller, attacker, rtp_port=rtp_port, lasts_s=LASTS_S
            )
        finally:
            for udp in (sip, caller.udp, attacker.udp):
                udp.close()
        return Outcome(caller, attacker, _ended(edge, call_id))

    with ThreadPoolExecutor(len(VARIANTS)) as pool:
        outcomes = list(pool.map(call, range(len(VARIANTS)), VARIANTS))
    return dict(zip(VARIANTS, outcomes, strict=True))


def _ended(edge: Edge, sip_call_id: str) -> dict[str, Any]:
    (incoming,) = (
        one for one in edge.events(name="call.incoming") if one["sip_call_id"] == sip_call_id
    )
    return edge.wait_event("call.ended", call_id=incoming["call_id"])


@pytest.mark.timeout(120)
@pytest.mark.parametrize("variant", VARIANTS, ids=[variant.name for variant in VARIANTS])
def test_R1_behind_a_real_nat(matches: Matches, variant: Variant) -> None:
    outcome = matches.outcomes[variant]
    caller, attacker = outcome.caller, outcome.attacker
    alone = [at for at in attacker.received if at < variant.caller_s]
    beside = len(attacker.received) - len(alone)
    both_since = max(variant.caller_s, variant.attacker_s)
    served = caller.served_from(both_since)
    print(
        f"\n{variant.name}: to the attacker {len(alone)} alone, {beside} then; the caller has "
        f"audio after {served - both_since:.2f} s, {len(caller.received)} "
        f"packets; let through of the attacker {outcome.let_through(attacker)}"
    )
    # While no other source sends, it is what a caller would be.
    assert len(alone) <= variant.alone_s / 0.02 + 4
    assert beside <= 4 + 8 * bool(variant.alone_s)  # until the caller has shown four packets
    assert max(attacker.received, default=0.0) < both_since + 2.0
    assert served <= both_since + 2.0
    assert caller.received[-1] > LASTS_S - 0.5
    if not variant.alone_s:
        assert outcome.let_through(attacker) == 0
    assert outcome.let_through(caller) > 100


@pytest.mark.timeout(120)
def test_R1_nothing_of_an_attackers_reaches_the_engine(matches: Matches) -> None:
    assert matches.speech_heard == 0
