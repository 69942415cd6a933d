"""The attack of R1 on an edge and on Asterisk's strictrtp, in the same namespaces: docs/nat.md.

make dev peers
sudo .venv/bin/python scripts/measure_attacks.py     # root: for network namespaces
"""

import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from support.calls.edge import Edge
from support.peers.asterisk import Asterisk
from support.peers.netns import Host, Network
from support.peers.rival_call import Party
from support.peers.rival_variants import (
    LOCKED_S,
    WHILE_IT_RINGS,
    Variant,
    attack,
    attack_hosts,
)
from support.process import wait_until

EDGE, PBX = "203.0.113.1", "203.0.113.2"
AT_ONCE = 2
VARIANTS = [
    *(
        Variant(caller_at, attacker_at, 0.1, attacker_s)
        for caller_at in ("public", "kept", "random")
        for attacker_at in ("beside", "elsewhere", "forged")
        for attacker_s in (WHILE_IT_RINGS, 0.1, 1.0, LOCKED_S)
        if not (attacker_at == "forged" and (caller_at == "random" or attacker_s < 1.0))
    ),
    *(
        Variant(caller_at, attacker_at, 2.0, 0.1)
        for caller_at in ("public", "kept", "random")
        for attacker_at in ("beside", "elsewhere")
    ),
]


def main() -> None:
    with tempfile.TemporaryDirectory(prefix="sipua-attacks-") as folder, Network() as network:
        hosts = attack_hosts(network)
        edge_host = network.host("edge", f"{EDGE}/24")
        pbx_host = network.host("pbx", f"{PBX}/24")
        edge = Edge(Path(folder, "edge"), {"sip": {"host": EDGE}}, inside=edge_host.command)
        try:
            ours = _all(lambda number, variant: _on_edge(edge, hosts, number, variant))
        finally:
            edge.close()
        asterisk = Asterisk(Path(folder, "asterisk"), host=PBX, inside=pbx_host.command)
        try:
            theirs = _all(lambda number, variant: _on_asterisk(asterisk, hosts, number, variant))
        finally:
            asterisk.stop()
    _print(ours, theirs)


Row = tuple[Party, Party, int]
"""The caller, the attacker, and how many of the attacker's packets were let in."""


def _all(call) -> list[Row]:  # type: ignore[no-untyped-def]  # one of the two below
    with ThreadPoolExecutor(AT_ONCE) as pool:
        return list(pool.map(call, range(len(VARIANTS)), VARIANTS))


def _on_edge(edge: Edge, hosts: dict[str, Host], number: int, variant: Variant) -> Row:
    def incoming(call_id: str) -> list[dict[str, object]]:
        events = edge.events(name="call.incoming")
        return [one for one in events if one["sip_call_id"] == call_id]

    def rtp_port(call_id: str) -> int:
        return int(str(wait_until(lambda: incoming(call_id), 5, "the call")[0]["rtp_port"]))

    there = EDGE, edge.port
    caller, attacker, call_id = attack(variant, number, hosts, there, rtp_port=rtp_port)
    ended = edge.wait_event("call.ended", call_id=str(incoming(call_id)[0]["call_id"]))
    streams = ended["rtp"]["streams"]
    let_in = sum(one["received"] for one in streams if one["ssrc"] == attacker.ssrc)
    return caller, attacker, let_in


def _on_asterisk(asterisk: Asterisk, hosts: dict[str, Host], number: int, variant: Variant) -> Row:
    """Its echo sends back what it lets in, to where its audio goes."""
    says = {"From": f"<sip:phone@{PBX}>;tag={number}"}
    caller, attacker, _ = attack(
        variant, number, hosts, asterisk.address, rtp_port=None, user="600", says=says
    )
    return caller, attacker, caller.loud + attacker.loud


def _print(ours: list[Row], theirs: list[Row]) -> None:
    print("| caller, attacker | to the attacker | caller's audio after ms | injected |")
    print("|---|---|---|---|")
    for variant, *rows in zip(VARIANTS, ours, theirs, strict=True):
        cells = ["", "", ""]
        for caller, attacker, let_in in rows:
            served = (caller.served_from(variant.caller_s) - variant.caller_s) * 1000
            figures = len(attacker.received), served, let_in
            for column, figure in enumerate(figures):
                cells[column] += f"{' / ' if cells[column] else ''}{figure:.0f}"
        print(f"| {variant.name} | {' | '.join(cells)} |")


if __name__ == "__main__":
    main()
