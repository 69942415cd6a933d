"""The SDP that leaves: pjsip's, with our address, codecs and keys. Runs on the pjsua2 thread."""

from __future__ import annotations

from typing import Any

from sipua.rtp.ports import ReservedPort
from sipua.sip.admission import media_family
from sipua.sip.nat.told_address import ToldAddress
from sipua.sip.pj.dialogs.negotiated import Offered
from sipua.sip.settings import AccountSettings, SipSettings
from sipua.sip.wire import codecs, sdp, texts
from sipua.sip.wire.addresses import of_family


def write(
    created: Any,
    offered: Offered,
    local: ReservedPort,
    settings: SipSettings,
    own: AccountSettings,
    *,
    signalling_ip: str,
    told: ToldAddress,
) -> None:
    """`created`: the parameter of `onCallSdpCreated`. Raises ValueError: pjsua2 has no text."""
    if not created.sdp.wholeSdp:  # the package index's wheel passes none above 1 KB
        raise ValueError("pjsua2 has no text for an SDP of this length")
    # Empty when we make the offer: pjsua2 does not show what its answer says of RTCP.
    offer = texts.body(str(created.remSdp.wholeSdp))
    bound = of_family(settings.media_hosts, local.family)
    assert bound is not None, "ports are reserved of families that have a host"
    peer = media_family.seen_from(local.family, signalling_ip, sdp.offered_host(offer))
    host = told.to(peer, bound, settings.media_public)
    wanted = codecs.for_answer(offer, own.codecs) if own.codecs else settings.codecs
    offered.read(offer, settings.rtcp_xr)
    text = sdp.rewrite_local(
        codecs.only(texts.body(created.sdp.wholeSdp), wanted),
        host,
        local.port,
        own.ptime_ms or settings.ptime_ms,
        rtcp_mux=offered.rtcp_muxed,
        rtcp_xr=offered.extended_rtcp,
    )
    if (keying := offered.keying) is not None:
        text = (
            keying.write_answer(text, offer, signalling_ip) if offer else keying.write_offer(text)
        )
    created.sdp.wholeSdp = text
