"""SIP messages with masked secrets, in their old length: Content-Length stays right, and
Wireshark shows everything else as it went over the wire.
"""

import re

from sipua.log.secret_masking import star_registered

# Messages come from peers: every repeat has a bound, large enough for the longest message.
_MOST = rb"{1,65536}+"
_SECRETS = re.compile(
    # Digest: with the response, the password can be guessed offline.
    rb"(?:\b(?:response|rspauth)\s{0,65536}+=\s{0,65536}+\"?)(?P<digest>[^\",;\r\n]" + _MOST + rb")"
    # Basic, Bearer, and any other that is not a digest; also on a line that continues the header.
    rb"|^(?:proxy-)?authorization[ \t]{0,65536}+:(?:[ \t]|\r?\n[ \t]){0,65536}+(?!digest\b)"
    rb"(?:[^\s]{1,64}+[ \t]{0,64}+\r?\n[ \t]{1,64}+)?"
    rb"(?P<other>[^\r\n]" + _MOST + rb")"
    # A token in another header, such as one of the caller's system.
    rb"|\bbearer[ \t]{1,64}+(?P<token>[\w.~+/=\-]{6,65536}+)"
    # Keys of SRTP and ICE inside SDP: of RFC 4568, of ICE, of RFC 4567 and of SDP's own `k=`.
    rb"|\binline:(?P<srtp>[^\s|;]" + _MOST + rb")|^a=ice-pwd:(?P<ice>[^\r\n]" + _MOST + rb")"
    rb"|^a=key-mgmt:mikey[ \t]{1,64}+(?P<mikey>[^\r\n]" + _MOST + rb")"
    rb"|^k=(?:clear|base64|uri):(?P<sdp>[^\r\n]" + _MOST + rb")",
    re.IGNORECASE | re.MULTILINE,
)
# sip:user:password@host. Without an @ it is a host and a port, and stays; it is matched all the
# same, so that a row of `sip:sip:sip:` is scanned once.
_USERINFO = re.compile(
    rb"\bsips?:[^\s:@;?\"'<>]{0,65536}+:(?P<userinfo>[^\s@\"'<>]" + _MOST + rb")(?P<is>@?)",
    re.IGNORECASE,
)


# Keys of the telephone: `Signal=5` of application/dtmf-relay.
_SIGNAL = re.compile(r"(^\s{0,64}+signal\s{0,64}+=\s{0,64}+)(\S)", re.IGNORECASE | re.MULTILINE)
_NOT_BLANK = re.compile(r"\S")


def mask_message(text: str) -> bytes:
    message = star_registered(hide_keys(text)).encode("utf-8", "surrogateescape")
    return _SECRETS.sub(_stars, _USERINFO.sub(_password, message))


def hide_keys(text: str) -> str:
    """A message without the key in it, if it is an INFO with one: PINs and card numbers are sent
    so."""
    if not text.startswith("INFO "):
        return text
    end = "\r\n\r\n" if "\r\n\r\n" in text else "\n\n"
    head, end, body = text.partition(end)
    if "application/dtmf" not in head.lower():
        return text
    hidden = _SIGNAL.sub(r"\1*", body) if "=" in body else _NOT_BLANK.sub("*", body)
    return head + end + hidden


def _password(match: re.Match[bytes]) -> bytes:
    return _cover(match, "userinfo") if match["is"] else match[0]


def _stars(match: re.Match[bytes]) -> bytes:
    assert match.lastgroup is not None
    return _cover(match, match.lastgroup)


def _cover(match: re.Match[bytes], group: str) -> bytes:
    whole = match[0]
    begin = match.start(group) - match.start()
    end = match.end(group) - match.start()
    return whole[:begin] + b"*" * (end - begin) + whole[end:]
