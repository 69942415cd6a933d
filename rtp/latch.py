"""Who is heard, and where our audio goes: the source latch.

An address in the SDP is a claim; behind a NAT it is a wrong one. A port that believes whoever
speaks first hands calls to strangers. Each source therefore has a rank by how well signalling
vouches for it:

    1  exactly the address and port of the SDP     heard at once
    2  the SDP's host, another port                after 4 packets in order over 60 ms
    3  the host that signalling comes from         after 4 packets in order over 60 ms
    4  anyone else                                 after 1 s, and only when the SDP's address shows
                                                   a NAT or the policy is `any`

A better rank takes over from a worse one. After 5 s or 50 packets the source is locked and only a
new offer or answer unlocks it, with two exceptions that keep an early stranger from locking the
caller out: rank 4 is a guess and never locks, and rank 1, which the peer itself named, passes a
lock once it has shown the 4 packets too (one forged packet must not redirect a call).

Only callers that were accepted are heard, so the same rule guards what reaches the model.
"""

import ipaddress
from dataclasses import dataclass
from enum import Enum, StrEnum, auto

from sipua.rtp.events import Address

EXACT, SDP_HOST, SIGNALLING_HOST, STRANGER = 1, 2, 3, 4

# A stranger waits until the caller, who has a better rank, would have been heard.
_PROBATION_S = {EXACT: 0.060, SDP_HOST: 0.060, SIGNALLING_HOST: 0.060, STRANGER: 1.0}
_PROBATION_PACKETS = 4
_LOCK_S = 5.0
_LOCK_PACKETS = 50
_MAX_CANDIDATES = 16
# Steps of the sequence number that still count as in order: some loss is no reason to distrust.
_MAX_STEP = 16
# Addresses that only work on the network they are used in.
_PRIVATE = tuple(
    ipaddress.ip_network(network)
    for network in (
        "10.0.0.0/8",
        "172.16.0.0/12",
        "192.168.0.0/16",
        "100.64.0.0/10",  # carrier NAT, RFC 6598
        "169.254.0.0/16",
        "127.0.0.0/8",
        "fc00::/7",
        "fe80::/10",
        "::1/128",
    )
)
_BROADCAST = ipaddress.ip_address("255.255.255.255")
_CLOCK_SLACK_S = 1e-6  # differences of floats: 60 ms must count as 60 ms


class Policy(StrEnum):
    AUTO = "auto"
    SDP = "sdp"  # ranks 1 and 2 are heard, audio always goes to the SDP's address
    ANY = "any"  # strangers may be heard without a NAT, even before there is an SDP


class Verdict(Enum):
    ACCEPTED = auto()
    CHANGED = auto()  # accepted, and from now on the source
    PROBATION = auto()  # may become the source, is not heard yet
    REFUSED = auto()


@dataclass(slots=True)
class _Candidate:
    rank: int
    ssrc: int
    sequence: int
    packets: int
    since: float
    last: float


class SourceLatch:
    """Decides per source address; one per session."""

    __slots__ = (
        "_candidates",
        "_good",
        "_natted",
        "_policy",
        "_sdp",
        "_sdp_host",
        "_signalling_ip",
        "_since",
        "locked",
        "rank",
        "source",
    )

    def __init__(self, policy: Policy | str = Policy.AUTO) -> None:
        self._policy = Policy(policy)
        self._sdp: Address | None = None
        self._sdp_host: str | None = None
        self._signalling_ip: str | None = None
        self._natted = False
        self._candidates: dict[Address, _Candidate] = {}
        self._since = 0.0
        self._good = 0
        self.source: Address | None = None
        """The address that is heard now."""
        self.rank: int | None = None
        self.locked = False

    @property
    def target(self) -> Address | None:
        """Where our audio goes; None while there is nowhere to send."""
        if self._policy is Policy.SDP or self.source is None:
            return self._sdp
        return self.source

    def set_remote(self, sdp: Address | None, signalling_ip: str | None) -> None:
        """A new offer or answer: unlocks; another address also forgets the source.

        Addresses are IP literals. One that no audio may be sent to (unspecified, multicast,
        broadcast, port 0, a name) leaves the target empty.
        """
        address = None if sdp is None else sendable(sdp)
        signalling_ip = None if signalling_ip is None else _canonical(signalling_ip)
        self.locked = False
        self._good = 0
        self._candidates.clear()
        if address == self._sdp and signalling_ip == self._signalling_ip:
            return
        self._sdp = address
        self._sdp_host = host = None if address is None else address[0]
        self._signalling_ip = signalling_ip
        # A private address only shows a NAT when signalling came from somewhere else: a PBX on
        # the same network says, and uses, its private address.
        self._natted = (
            host is not None and host != signalling_ip and _shows_nat(host, signalling_ip)
        )
        self.source = None
        self.rank = None

    def accept(self, source: Address, ssrc: int, sequence: int, now: float, good: bool) -> Verdict:
        """Judge one packet; `good`: it has a negotiated payload type."""
        if source == self.source:
            if good and not self.locked:
                self._count(now)
            return Verdict.ACCEPTED
        if not good:
            return Verdict.REFUSED
        rank = self._rank_of(source)
        if rank is None or (self.rank is not None and not self._may_replace(rank)):
            return Verdict.REFUSED
        # Rank 1 is heard at once, unless it would break a lock.
        if (rank != EXACT or self.locked) and not self._has_passed(
            source, rank, ssrc, sequence, now
        ):
            return Verdict.PROBATION
        self._candidates.clear()
        self.source = source
        self.rank = rank
        self.locked = False
        self._since = now
        self._good = 1
        return Verdict.CHANGED

    def _count(self, now: float) -> None:
        if self._good == 0:  # first since a new offer or answer
            self._since = now
        self._good += 1
        if self.rank != STRANGER and (
            self._good >= _LOCK_PACKETS or now - self._since >= _LOCK_S - _CLOCK_SLACK_S
        ):
            self.locked = True
            self._candidates.clear()

    def _may_replace(self, rank: int) -> bool:
        assert self.rank is not None
        return rank < self.rank and (not self.locked or rank == EXACT)

    def _rank_of(self, source: Address) -> int | None:
        """None: this source is never heard."""
        host = source[0]
        if self._sdp_host is not None:
            if source == self._sdp:
                return EXACT
            if host == self._sdp_host:
                return SDP_HOST
        if self._policy is Policy.SDP:
            return None
        if self._policy is Policy.AUTO and self._sdp_host is None:
            return None
        if host == self._signalling_ip:
            return SIGNALLING_HOST
        if self._natted or self._policy is Policy.ANY:
            return STRANGER
        return None

    def _has_passed(self, source: Address, rank: int, ssrc: int, sequence: int, now: float) -> bool:
        candidate = self._candidates.get(source)
        if candidate is None:
            if self._make_room(rank):
                self._candidates[source] = _Candidate(rank, ssrc, sequence, 1, now, now)
            return False
        step = (sequence - candidate.sequence) & 0xFFFF
        candidate.last = now
        if ssrc != candidate.ssrc or _MAX_STEP < step < 0x10000 - _MAX_STEP:
            candidate.ssrc = ssrc
            candidate.sequence = sequence
            candidate.packets = 1
            candidate.since = now
        elif 0 < step <= _MAX_STEP:  # others are duplicates or late: they prove nothing
            candidate.sequence = sequence
            candidate.packets += 1
        return (
            candidate.packets >= _PROBATION_PACKETS
            and now - candidate.since >= _PROBATION_S[rank] - _CLOCK_SLACK_S
        )

    def _make_room(self, rank: int) -> bool:
        """Bounded memory under a spray of forged sources: the worst, then stalest, gives way."""
        if len(self._candidates) < _MAX_CANDIDATES:
            return True
        worst = max(
            self._candidates,
            key=lambda address: (self._candidates[address].rank, -self._candidates[address].last),
        )
        if self._candidates[worst].rank < rank:
            return False
        del self._candidates[worst]
        return True


def _canonical(host: str) -> str | None:
    """The address as a socket reports it; None when it is not an IP address."""
    try:
        return str(ipaddress.ip_address(host))
    except ValueError:
        return None


def _shows_nat(host: str, signalling_ip: str | None) -> bool:
    """IPv4 signalling of a phone with both families says nothing of where its IPv6 is from."""
    if ":" in host and ":" not in (signalling_ip or host):
        return False
    return _is_private(host)


def _is_private(host: str) -> bool:
    address = ipaddress.ip_address(host)
    return any(address in network for network in _PRIVATE)


def sendable(address: Address) -> Address | None:
    """The address in canonical form, None when no audio may be sent to it."""
    try:
        host = ipaddress.ip_address(address[0])
    except ValueError:
        return None
    if host.is_unspecified or host.is_multicast or host == _BROADCAST:
        return None
    return (str(host), address[1]) if 0 < address[1] <= 0xFFFF else None
