"""The source latch: whose audio is accepted, and where our audio goes.

The address in the SDP is a claim, and behind a NAT it is wrong. A port that accepts the first
sender gives calls to attackers. So each source has a standing: how well signalling confirms it. A
better source takes over from a worse one:

    rank                                            accepted                    locked after
    1  exactly the address and port of the SDP      at once                     50 packets or 5 s
    2  the SDP's host, another port                 4 packets in order, 60 ms   5 s
    3  the host that signalling comes from          4 packets in order, 60 ms   5 s
    4  any other; only when the SDP's address       1 s                         never
       shows a NAT, or the policy is `any`

Within a rank, evidence of what only the caller can know (points):

    4  the SSRC that the SDP announces, that an RTCP report from the SDP's own address names, or
       that was locked when a new offer came; locks like rank 1
    1  rank 3 from the port of the SDP: many NATs keep the port
    1  RTCP reports of this SSRC quote ours

A source that was sending before an answer named our port is below all others, whatever its rank: it
waits 5 s and is never locked.

Two sources of equal standing contend: the caller, and an attacker on the caller's host or behind
the same NAT. Neither is accepted, and each that was not accepted before is sent four packets, so
that its reports can quote our SSRC, until

    one has more points                     it is accepted
    one has been quiet for 0.4 s            the other is accepted
    1.5 s have gone by                      the earlier one is accepted: the answer makes a caller
                                            send, an attacker may begin at any time

That happens once between two offers; a second rival waits for more points, or for a second of
silence. Nothing is locked while a rival sends, for 10 s at most.

Our audio goes to the accepted source; before that to the SDP's address, and for 1 s more when ranks
2 and 3 without points are accepted and that address does not show a NAT: its owner may be about to
send.

Only a new offer or answer unlocks, with one exception: what signalling itself named, rank 1 or a
known SSRC, passes the lock of a worse one once it has shown the 4 packets (one forged packet must
not redirect a call). Only accepted callers reach the model, so the same rule guards its input.
"""

from collections import deque
from collections.abc import Collection
from enum import Enum, StrEnum, auto

from sipua.rtp.events import Address
from sipua.rtp.latch.addresses import canonical, sendable, shows_nat
from sipua.rtp.latch.candidates import CLOCK_SLACK_S, PROBATION_PACKETS, Candidate, Candidates

EXACT, SDP_HOST, SIGNALLING_HOST, OTHER_HOST = 1, 2, 3, 4

# Standings: smaller is better. Points of evidence never make up for a rank.
_RANK, _EARLY = 16, 128
_SSRC_KNOWN, _PORT_KEPT, _REPORTS = 4, 1, 1

_PROBATION_S = 0.060
# These wait until the caller, which has a better standing, would have been accepted.
_OTHER_HOST_S = 1.0
_EARLY_S = 5.0
_SDP_FIRST_S = 1.0

_CONTENTION_S = 1.5
_RIVAL_QUIET_S = 0.4
_SOURCE_QUIET_S = 1.0
_PROBES = 4

_LOCK_S = 5.0
_LOCK_PACKETS = 50
_LOCK_DESPITE_RIVALS_S = 10.0

_MAX_SSRCS = 8


class Policy(StrEnum):
    AUTO = "auto"
    SDP = "sdp"  # ranks 1 and 2 are accepted, audio always goes to the SDP's address
    ANY = "any"  # other sources are accepted without a NAT, even before there is an SDP


class Verdict(Enum):
    ACCEPTED = auto()
    CHANGED = auto()  # accepted, and from now on the source
    PROBATION = auto()  # may become the source, is not accepted yet
    CONTENDED = auto()  # one of several that may be the caller: none is accepted
    REFUSED = auto()


class SourceLatch:
    """The source of one session: it judges each packet by its source address."""

    __slots__ = (
        "_behind_nat",
        "_candidates",
        "_contended_at",
        "_early",
        "_good",
        "_known",
        "_locking_since",
        "_newest",
        "_policy",
        "_reported",
        "_rival_at",
        "_sdp",
        "_sdp_host",
        "_settled",
        "_signalling_ip",
        "_since",
        "_standing",
        "locked",
        "probes",
        "rank",
        "source",
        "target",
    )

    def __init__(self, policy: Policy | str = Policy.AUTO) -> None:
        self._policy = Policy(policy)
        self._sdp: Address | None = None
        self._sdp_host: str | None = None
        self._signalling_ip: str | None = None
        self._behind_nat = False
        self._early: frozenset[Address] = frozenset()
        self._known: set[int] = set()
        self._reported: deque[int] = deque(maxlen=_MAX_SSRCS)
        self._candidates = Candidates()
        self._contended_at: float | None = None
        self._settled = False
        self._rival_at: float | None = None
        self._standing = 0
        self._since = 0.0
        """The source's first packet: it decides which of two was earlier."""
        self._locking_since = 0.0
        """Its first packet since the last offer or answer."""
        self._good = 0
        self._newest: tuple[int, int, float] = (0, 0, 0.0)
        """SSRC, sequence number and time of the source's last packet; not kept under a lock."""
        self.source: Address | None = None
        """The accepted address."""
        self.rank: int | None = None
        self.locked = False
        self.target: Address | None = None
        """Where our audio goes; None while there is nowhere to send."""
        self.probes: list[Address] = []
        """The next packets go here in its place, the last address first: pop them."""

    def set_early(self, sources: Collection[Address]) -> None:
        """These sent to our port before signalling named it."""
        self._early = frozenset(sources)

    def set_remote(
        self, sdp: Address | None, signalling_ip: str | None, ssrcs: Collection[int] = ()
    ) -> None:
        """Take a new offer or answer: it unlocks; another address also forgets the source.

        Addresses are IP literals. One that no audio may be sent to (unspecified, multicast,
        broadcast, port 0, a name) leaves the target empty. `ssrcs`: what the caller will send
        under, as far as it is known.
        """
        address = None if sdp is None else sendable(sdp)
        signalling_ip = None if signalling_ip is None else canonical(signalling_ip)
        # What was locked before an earlier offer stays known when nothing was locked since.
        known = [*ssrcs] if self.locked else [*ssrcs, *self._known]
        self._known = set(known[:_MAX_SSRCS])
        self.locked = False
        self._good = 0
        self._candidates.by_address.clear()
        self._end_contention()
        self._settled = False
        self._rival_at = None
        if address == self._sdp and signalling_ip == self._signalling_ip:
            if self.source is not None and self.rank is not None:
                # By its address alone until it sends again: its NAT may have moved it meanwhile.
                self._standing = self._standing_of(self.source, self.rank, None)
            return
        self._sdp = address
        self._sdp_host = host = None if address is None else address[0]
        self._signalling_ip = signalling_ip
        # A private address only shows a NAT when signalling came from somewhere else: a PBX on
        # the same network says, and uses, its private address.
        self._behind_nat = (
            host is not None and host != signalling_ip and shows_nat(host, signalling_ip)
        )
        self.source = None
        self.rank = None
        self.target = address

    def vouch(self, ssrc: int, *, certain: bool) -> None:
        """Note a report under this SSRC that quotes ours, or that comes from the address which the
        SDP names for reports (`certain`).
        """
        if self.locked:
            return
        if certain and len(self._known) < _MAX_SSRCS:
            self._known.add(ssrc)
        elif ssrc not in self._reported:
            self._reported.append(ssrc)

    def may_report(self, host: str) -> bool:
        """Whether RTCP from there can be the caller's."""
        if self.source is not None:
            return host == self.source[0]
        if host == self._sdp_host:
            return True
        return host == self._signalling_ip and self._policy is not Policy.SDP

    def rank_of_host(self, host: str) -> int | None:
        """How likely the peer is there, 1 the likeliest; None: audio from there is never taken."""
        return self._rank_of((host, 0))

    def accept(self, source: Address, ssrc: int, sequence: int, now: float, good: bool) -> Verdict:
        """Judge one packet; `good`: it has a negotiated payload type."""
        if source == self.source:
            if good and not self.locked:
                self._count(ssrc, sequence, now)
            return Verdict.ACCEPTED
        if not good or (self.locked and source != self._sdp and ssrc not in self._known):
            return Verdict.REFUSED
        rank = self._rank_of(source)
        if rank is None:
            return Verdict.REFUSED
        standing = self._standing_of(source, rank, ssrc)
        if self.locked and standing >= self._standing:
            return Verdict.REFUSED
        if self.source is not None and standing > self._standing and not self._gone(rank, now):
            return Verdict.REFUSED
        seen = Candidate(rank, standing, self._wait_s(rank, standing), ssrc, sequence, 1, now, now)
        if rank == EXACT and not self.locked:
            return self._take(source, seen)
        candidate = self._candidates.follow(source, seen)
        if candidate is None or not candidate.has_passed(now):
            return Verdict.PROBATION
        return self._contend(source, candidate, now) or self._take(source, candidate)

    # -- the source

    def _take(self, source: Address, shown: Candidate) -> Verdict:
        self._settled |= self._contended_at is not None
        self._end_contention()
        self._candidates.by_address.clear()
        self.source = source
        self.rank = shown.rank
        self.locked = False
        self._standing = shown.standing
        self._since = self._locking_since = shown.since
        self._good = 1
        self._newest = (shown.ssrc, shown.sequence, shown.last)
        self.target = self._sdp if self._is_sdp_first(shown.last) else source
        return Verdict.CHANGED

    def _count(self, ssrc: int, sequence: int, now: float) -> None:
        assert self.source is not None
        assert self.rank is not None
        if self._good == 0:  # first since a new offer or answer
            self._locking_since = now
        self._good += 1
        self._newest = (ssrc, sequence, now)
        # Evidence that comes later counts; it is not lost with a change of SSRC.
        self._standing = min(self._standing, self._standing_of(self.source, self.rank, ssrc))
        if self.target is not self.source and not self._is_sdp_first(now):
            self.target = self.source
        if self._may_lock(now):
            self.locked = True
            self._candidates.by_address.clear()

    def _is_sdp_first(self, now: float) -> bool:
        """Whether our audio goes to the SDP's address while another one is accepted."""
        if self._policy is not Policy.AUTO:
            return self._policy is Policy.SDP
        return (
            self.rank in (SDP_HOST, SIGNALLING_HOST)
            and self._sdp is not None
            and not self._behind_nat
            and not self._settled
            and self._standing >= self.rank * _RANK
            and now - self._since < _SDP_FIRST_S - CLOCK_SLACK_S
        )

    def _may_lock(self, now: float) -> bool:
        if self.rank == OTHER_HOST or self._standing >= _EARLY:
            return False
        lasted_s = now - self._locking_since + CLOCK_SLACK_S
        if self._is_sure:
            return self._good >= _LOCK_PACKETS or lasted_s >= _LOCK_S
        if self._rival_at is not None and now - self._rival_at < _SOURCE_QUIET_S:
            return lasted_s >= _LOCK_DESPITE_RIVALS_S
        return lasted_s >= _LOCK_S

    @property
    def _is_sure(self) -> bool:
        """Whether the source is the SDP's, or has what no other source can have."""
        assert self.rank is not None
        return self.rank == EXACT or self._standing <= self.rank * _RANK - _SSRC_KNOWN

    def _gone(self, rank: int, now: float) -> bool:
        """Whether the source has sent since the last offer and fallen silent: it was not the
        caller, or the caller has moved. A sure source may be silent, on mute or on hold.
        """
        return (
            rank == self.rank
            and rank != OTHER_HOST
            and self._good > 0
            and not self._is_sure
            and now - self._newest[2] >= _SOURCE_QUIET_S - CLOCK_SLACK_S
        )

    # -- the others

    def _rank_of(self, source: Address) -> int | None:
        """None: this source is never accepted."""
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
        if self._behind_nat or self._policy is Policy.ANY:
            return OTHER_HOST
        return None

    def _standing_of(self, source: Address, rank: int, ssrc: int | None) -> int:
        standing = rank * _RANK
        if ssrc in self._known:
            standing -= _SSRC_KNOWN
        if ssrc in self._reported:
            standing -= _REPORTS
        if rank == SIGNALLING_HOST and self._sdp is not None and source[1] == self._sdp[1]:
            standing -= _PORT_KEPT
        return standing + _EARLY if source in self._early and rank != EXACT else standing

    def _wait_s(self, rank: int, standing: int) -> float:
        if standing >= _EARLY:
            return _EARLY_S
        return _OTHER_HOST_S if rank == OTHER_HOST else _PROBATION_S

    # -- contention

    def _contend(self, source: Address, candidate: Candidate, now: float) -> Verdict | None:
        """Judge a candidate that has passed its probation. None: it has no rival."""
        if self.source is not None:
            if candidate.standing < self._standing or self._gone(candidate.rank, now):
                return None
            self._rival_at = now
            if candidate.rank == OTHER_HOST or self._good == 0 or self._settled:
                return Verdict.REFUSED
            self._step_back(self.source, now)
        rivals = [
            other
            for other in self._candidates.by_address.values()
            if other is not candidate
            and other.standing <= candidate.standing
            and (other.packets > 1 or other.is_stream)
            and now - other.last < _RIVAL_QUIET_S
        ]
        if not rivals or candidate.rank == OTHER_HOST:
            return None
        self._rival_at = now
        if self._contended_at is None:
            self._contended_at = now
            self._begin_contention(candidate.standing)
        if now - self._contended_at < _CONTENTION_S:
            return Verdict.CONTENDED
        mine = (candidate.standing, candidate.since)
        earlier = any(
            (other.standing, other.since) < mine for other in rivals if other.has_passed(now)
        )
        return Verdict.CONTENDED if earlier else None

    def _step_back(self, source: Address, now: float) -> None:
        """Make the source one candidate of several again, with what it has shown."""
        assert self.rank is not None
        ssrc, sequence, _ = self._newest
        standing, since = self._standing, self._since
        self._candidates.by_address[source] = Candidate(
            self.rank, standing, 0.0, ssrc, sequence, PROBATION_PACKETS, since, now, is_stream=True
        )
        self.source = None
        self.rank = None

    def _begin_contention(self, standing: int) -> None:
        """A source that was sent to has had its packets; each other one gets its few."""
        served, self.target = self.target, self._sdp
        if self._policy is not Policy.SDP:
            self.probes = _PROBES * [
                address
                for address, other in self._candidates.by_address.items()
                if other.standing == standing and address != served
            ]

    def _end_contention(self) -> None:
        self._contended_at = None
        self.probes = []
