"""Arguments for pjsua2, made of ours."""

from __future__ import annotations

import socket
from typing import Any

import pjsua2 as pj

from sipua.rtp.ports import family_of
from sipua.sip.dns.names import transport_of
from sipua.sip.settings import AccountSettings, SipSettings

_NEVER, _BEHIND_NAT, _ALWAYS = range(3)
"""pjsip's: whether our Contact becomes the address that a registrar has seen; `_ALWAYS`: also where
only the port has changed, within a private network."""
_TIMERS = {
    "off": pj.PJSUA_SIP_TIMER_INACTIVE,
    "optional": pj.PJSUA_SIP_TIMER_OPTIONAL,
    "required": pj.PJSUA_SIP_TIMER_REQUIRED,
}
_PRACK = {
    "off": pj.PJSUA_100REL_NOT_USED,
    "accepted": pj.PJSUA_100REL_NOT_USED,  # not used by itself: a peer that requires it gets it
    "preferred": pj.PJSUA_100REL_OPTIONAL,
    "required": pj.PJSUA_100REL_MANDATORY,
}


def call_params(
    status: int = 0, reason: str = "", headers: dict[str, str] | None = None, *, flag: int = 0
) -> Any:
    """CallOpParam with one audio line and no other media (2.16+ would offer text otherwise). `From`
    among the headers takes the place of the account's.
    """
    params = pj.CallOpParam(True)
    params.opt.audioCount = 1
    params.opt.videoCount = 0
    if hasattr(params.opt, "textCount"):
        params.opt.textCount = 0
    if flag:
        params.opt.flag = flag
    if status:
        params.statusCode = status
        params.reason = reason
    for name, value in (headers or {}).items():
        if name == "From":
            params.txOption.localUri = value
        else:
            params.txOption.headers.push_back(sip_header(name, value))
    return params


def notify_params(about: str, status: int, reason: str, *, over: bool) -> Any:
    """A NOTIFY on what has become of a REFER (RFC 3515 2.4.4); `about`: its Event header."""
    params = pj.CallSendRequestParam()
    params.method = "NOTIFY"
    state = "terminated;reason=noresource" if over else "active;expires=60"
    params.txOption.headers.push_back(sip_header("Event", about))
    params.txOption.headers.push_back(sip_header("Subscription-State", state))
    params.txOption.contentType = "message/sipfrag;version=2.0"
    words = "".join(char for char in reason if " " <= char <= "~")[:64]
    params.txOption.msgBody = f"SIP/2.0 {status} {words}\r\n"
    return params


def sip_header(name: str, value: str) -> Any:
    header = pj.SipHeader()
    header.hName, header.hValue = name, value
    return header


def has_ipv6() -> bool:
    """Whether this build of pjsua2 has IPv6, by its account's default. A build without it aborts
    the process when an account uses it. (The package index's wheel has none for accounts, though
    its transports would listen.)
    """
    account = pj.AccountConfig()  # kept: its sipConfig is a part of it, and goes when it goes
    return bool(account.sipConfig.ipv6Use != pj.PJSUA_IPV6_DISABLED)


def _ipv6_use(hosts: tuple[str, ...]) -> int:
    """The family to use for names with addresses of both: only what we listen on can be used."""
    families = {family_of(host) for host in hosts}
    if len(families) > 1:
        return int(pj.PJSUA_IPV6_ENABLED_NO_PREFERENCE)
    only_ipv6 = socket.AF_INET6 in families
    return int(pj.PJSUA_IPV6_ENABLED_USE_IPV6_ONLY if only_ipv6 else pj.PJSUA_IPV6_DISABLED)


def account_config(settings: AccountSettings, sip: SipSettings, realm: str, contact: str) -> Any:
    """`contact`: ours, as its peer is told it; empty: pjsip makes it."""
    config = pj.AccountConfig()
    config.idUri = settings.id_uri
    config.regConfig.registrarUri = settings.registrar
    config.sipConfig.contactForced = contact
    config.regConfig.registerOnAdd = False
    config.regConfig.disableRegOnModify = True
    config.regConfig.timeoutSec = settings.expires_s
    config.regConfig.retryIntervalSec = 0  # registration.RetryPolicy does the retries
    config.regConfig.firstRetryIntervalSec = 0
    config.regConfig.dropCallsOnFail = False
    for hop in (settings.outbound_proxy, settings.proxy):
        if hop:
            config.sipConfig.proxies.push_back(hop)
    if settings.password and realm:
        config.sipConfig.authCreds.push_back(
            pj.AuthCredInfo("digest", realm, settings.user, 0, settings.password)
        )
    config.callConfig.timerUse = _TIMERS[settings.session_timers]
    config.callConfig.timerSessExpiresSec = settings.session_expires_s or sip.session_expires_s
    config.callConfig.timerMinSESec = settings.min_session_expires_s or sip.min_session_expires_s
    config.callConfig.prackUse = _PRACK[settings.prack]
    # pjsua has no media: a loop transport opens no socket and drops everything.
    config.mediaConfig.useLoopMedTp = True
    config.mediaConfig.enableLoopback = False
    config.mediaConfig.lockCodecEnabled = False
    config.mediaConfig.streamKaEnabled = False
    if has_ipv6():
        # An answer has its offer's family; `onCallSdpCreated` sets that of our offers.
        config.mediaConfig.ipv6Use = pj.PJSUA_IPV6_ENABLED_PREFER_IPV4
        config.sipConfig.ipv6Use = _ipv6_use(sip.hosts)
    # So that pjsip takes RTP/SAVP; keys and policy are ours (`sipua.sip.wire.srtp`).
    off = settings.srtp == "off"
    config.mediaConfig.srtpUse = pj.PJMEDIA_SRTP_DISABLED if off else pj.PJMEDIA_SRTP_OPTIONAL
    config.mediaConfig.srtpSecureSignaling = 0
    config.natConfig.sdpNatRewriteUse = False
    config.natConfig.udpKaIntervalSec = settings.keepalive_s
    tls = sip.tls
    if tls is not None and transport_of(settings.first_hop or settings.registrar) == "tls":
        # The port that we listen on, and not that of a connection: a peer that has lost it
        # calls us there. (pjsip would look up the name with getaddrinfo for the other one,
        # without SRV records.) Where we do not listen it is that of the present connection.
        config.natConfig.contactUseSrcPort = not tls.certificate
        reachable = tls.certificate and sip.public_addresses
        config.natConfig.contactRewriteUse = (
            _NEVER if reachable else _BEHIND_NAT if tls.certificate else _ALWAYS
        )
    return config
