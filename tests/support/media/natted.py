"""A session whose caller is behind a NAT, and the addresses of those who may send to it."""

import random
from dataclasses import dataclass

from sipua.rtp.events import Address
from sipua.rtp.latch.latch import Policy
from sipua.rtp.rtcp.session import RtcpSession
from sipua.rtp.session.session import RtpSession
from support.media.rtp_session import make_session

SIGNALLING = "203.0.113.9"
BEHIND_NAT: Address = ("192.168.1.5", 4000)
PUBLIC: Address = ("198.51.100.7", 4000)
NATTED: Address = (SIGNALLING, 31000)
KEPT: Address = (SIGNALLING, BEHIND_NAT[1])
NEIGHBOUR: Address = (SIGNALLING, 31002)
ELSEWHERE: Address = ("192.0.2.66", 9999)


@dataclass(frozen=True)
class Evidence:
    source: Address = NATTED
    ssrcs: tuple[int, ...] = ()
    reports_at: tuple[float, ...] = ()
    early: tuple[Address, ...] = ()


def natted_session(
    evidence: Evidence = Evidence(),
    sdp: Address = BEHIND_NAT,
    policy: Policy = Policy.AUTO,
) -> RtpSession:
    rtcp = RtcpSession(ssrc=0xCAFE, wall_s=0, now=0.0, rng=random.Random(1))
    session = make_session(remote=sdp, signalling_ip=SIGNALLING, rtcp=rtcp, policy=policy)
    session.latch.set_early(evidence.early)
    session.latch.set_remote(sdp, SIGNALLING, evidence.ssrcs)
    return session


def offer(session: RtpSession, remote: Address, *, on_hold: bool, now: float) -> None:
    session.update(
        law_by_pt={0: "PCMU"},
        send_pt=0,
        telephone_event_pt=None,
        remote=remote,
        signalling_ip=SIGNALLING,
        sending=not on_hold,
        on_hold=on_hold,
        now=now,
    )
