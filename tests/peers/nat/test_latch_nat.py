"""R1 with a real NAT: the caller, and an attacker behind the same NAT, on the same host, elsewhere.

All calls are made at once, to one edge; each has its own attacker, which knows the port of the
edge. What is counted is what came to the two sockets, and what the edge let through to its engine.
`-s` prints the figures.
"""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import pytest

from support.calls.edge import Edge
from support.engine import journal
from support.engine.scenarios import scenario
from support.peers.netns import Host, Network, why_impossible
from support.peers.rival_call import Party
from support.peers.rival_variants import LASTS_S, VARIANTS, Variant, attack, attack_hosts
from support.process import wait_until

# Thirty calls at once, each with an attacker: they have the machine for themselves.
pytestmark = [pytest.mark.peer, pytest.mark.alone]

EDGE = "203.0.113.1"


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
        hosts = attack_hosts(network)
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


def _play(edge: Edge, hosts: dict[str, Host]) -> dict[Variant, Outcome]:
    def rtp_port(call_id: str) -> int:
        def incoming() -> list[int]:
            events = edge.events(name="call.incoming")
            return [one["rtp_port"] for one in events if one["sip_call_id"] == call_id]

        return wait_until(incoming, 5, f"call.incoming of {call_id}")[0]

    def call(number: int, variant: Variant) -> Outcome:
        caller, attacker, call_id = attack(
            variant, number, hosts, (EDGE, edge.port), rtp_port=rtp_port
        )
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
