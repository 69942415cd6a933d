"""The attack of R1 in its variants: where caller and attacker are, and who begins when."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from socket import socket

from sipua.rtp.events import Address
from support.peers import rival_call
from support.peers.netns import Forger, Host, Network
from support.peers.rival_call import LOUD, QUIET, Party

LASTS_S = 10.0
LOCKED_S = 6.5
"""After the answer: the lock of a caller that is not where its SDP says."""
WHILE_IT_RINGS = -1.0

_INSIDE, _BESIDE = "192.168.77.5", "192.168.77.6"
_OUTSIDE = {"kept": "203.0.113.9", "random": "203.0.113.10", "public": "203.0.113.20"}
_ELSEWHERE = "203.0.113.66"


@dataclass(frozen=True)
class Variant:
    caller_at: str
    """`kept`, `random`: behind a NAT that keeps ports or does not. `public`: no NAT."""
    attacker_at: str
    """`beside` the caller, on its host or behind its NAT; `elsewhere`; `forged`: elsewhere, under
    the address and port that the caller's packets come from."""
    caller_s: float = 0.1
    attacker_s: float = 0.1
    attacker_ends_s: float = 1000.0
    reports: bool = False
    announces: bool = False

    @property
    def alone_s(self) -> float:
        """For so long the attacker is all that there is, and could not know the port before."""
        if self.attacker_s < 0 or self.attacker_at != "beside":
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
    # Under the caller's own address: by its SSRC alone it is another one.
    *(
        Variant(caller_at, "forged", 0.1, attacker_s)
        for caller_at in ("kept", "public")
        for attacker_s in (1.0, LOCKED_S)
    ),
]


def attack_hosts(network: Network) -> dict[str, Host]:
    """By `caller_at`, and `elsewhere`."""
    return {
        "kept": _behind_nat(network, _OUTSIDE["kept"], ""),
        "random": _behind_nat(network, _OUTSIDE["random"], "random"),
        "public": network.host("public", f"{_OUTSIDE['public']}/24"),
        "elsewhere": network.host("elsewhere", f"{_ELSEWHERE}/24"),
    }


def _behind_nat(network: Network, outside: str, how: str) -> Host:
    inside = (f"{_INSIDE}/24", f"{_BESIDE}/24")
    return network.behind_nat(f"{outside}/24", "192.168.77.1/24", *inside, how=how)


def attack(
    variant: Variant,
    number: int,
    hosts: Mapping[str, Host],
    there: Address,
    *,
    rtp_port: Callable[[str], int] | None,
    user: str = "agent",
    says: Mapping[str, str] | None = None,
) -> tuple[Party, Party, str]:
    """The caller, the attacker and the Call-ID of a call to `there`. `number`: another one for each
    call; `rtp_port`, `user`, `says`: as in `rival_call.run`.
    """
    home, outside = hosts[variant.caller_at], _OUTSIDE[variant.caller_at]
    own = outside if variant.caller_at == "public" else _INSIDE
    sip = home.udp((own, 0))
    media = (own, 20000 + 2 * number)
    caller_udp = home.udp(media)
    attacker_udp = _attacker(variant, hosts, own, (outside, media[1]))
    caller = Party(
        caller_udp,
        1000 + number,
        variant.caller_s,
        reports=variant.reports,
        announces=variant.announces,
    )
    attacker = Party(
        attacker_udp,
        2000 + number,
        variant.attacker_s,
        variant.attacker_ends_s,
        payload=QUIET if variant.alone_s else LOUD,
    )
    try:
        call_id = rival_call.run(
            sip,
            there,
            caller,
            attacker,
            media=media,
            rtp_port=rtp_port,
            lasts_s=LASTS_S,
            user=user,
            says=says,
        )
    finally:
        for udp in (sip, caller_udp, attacker_udp):
            udp.close()
    return caller, attacker, call_id


def _attacker(
    variant: Variant, hosts: Mapping[str, Host], own: str, callers: Address
) -> socket | Forger:
    if variant.attacker_at == "forged":
        return hosts["elsewhere"].forger(callers)
    if variant.attacker_at == "elsewhere":
        return hosts["elsewhere"].udp((_ELSEWHERE, 0))
    beside = own if variant.caller_at == "public" else _BESIDE
    return hosts[variant.caller_at].udp((beside, 0))
