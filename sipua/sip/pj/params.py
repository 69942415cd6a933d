"""Arguments for pjsua2, made of ours."""

from __future__ import annotations

from typing import Any

import pjsua2 as pj


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
