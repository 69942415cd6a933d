"""An RTCP session with its RTP session, and reports of the peer."""

import random

from sipua.rtp.rtcp.packets import Compound, Report, ReportBlock, SenderInfo, build
from sipua.rtp.rtcp.session import Control, RtcpSession
from sipua.rtp.session.session import RtpSession
from support.media.netmodel import PEER, Talker
from support.media.rtcp_link import WALL_S
from support.media.rtp_session import make_session

OURS, THEIRS = 0xCAFE, Talker().ssrc
CONTROL_PORT = (PEER[0], PEER[1] + 1)


def with_reports(now: float = 0.0) -> tuple[RtpSession, RtcpSession]:
    rtcp = RtcpSession(ssrc=OURS, wall_s=WALL_S, now=now, rng=random.Random(1))
    return make_session(rtcp=rtcp, now=now), rtcp


def due_report(session: RtpSession, now: float) -> Control | None:
    session.handle_timer(now)
    return session.take_control()


def block(**fields: int) -> ReportBlock:
    known = {"ssrc": OURS, "fraction_lost": 0, "lost": 0, "highest": 0, "jitter_samples": 0}
    return ReportBlock(**(known | {"last_sr": 0, "delay_since_sr": 0} | fields))


def report(*blocks: ReportBlock, ssrc: int = THEIRS, sender: SenderInfo | None = None) -> bytes:
    return build(Compound([Report(ssrc, sender, list(blocks))], {ssrc: b"cname"}))
