"""RtpSession as most tests want it: PCMU and PCMA, telephone-event 101, the peer of netmodel."""

from collections.abc import Mapping

from sipua.rtp.events import Address
from sipua.rtp.latch.latch import Policy, SourceLatch
from sipua.rtp.rtcp.session import RtcpSession
from sipua.rtp.session.config import RtpConfig
from sipua.rtp.session.session import RtpSession
from support.media.netmodel import PEER

LAWS = {0: "PCMU", 8: "PCMA"}


def make_session(
    *,
    remote: Address | None = PEER,
    signalling_ip: str | None = PEER[0],
    policy: Policy = Policy.AUTO,
    config: RtpConfig | None = None,
    law_by_pt: Mapping[int, str] | None = None,
    first_sequence: int | None = None,
    first_timestamp: int | None = None,
    now: float = 0.0,
    ssrc: int = 0xCAFE,
    rtcp: RtcpSession | None = None,
) -> RtpSession:
    latch = SourceLatch(policy)
    latch.set_remote(remote, signalling_ip)
    return RtpSession(
        ssrc=ssrc,
        law_by_pt=LAWS if law_by_pt is None else law_by_pt,
        send_pt=0,
        telephone_event_pt=101,
        latch=latch,
        config=config or RtpConfig(),
        now=now,
        first_sequence=first_sequence,
        first_timestamp=first_timestamp,
        rtcp=rtcp,
    )
