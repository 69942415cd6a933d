"""SIP messages without their secrets, each as long as it was: Content-Length stays right, and
Wireshark shows everything else as it went over the wire.
"""

import re

_SECRETS = re.compile(
    # Digest: with the response, the password can be guessed at home.
    rb"(?:\b(?:response|rspauth)\s*=\s*\"?)(?P<digest>[^\",;\r\n]+)"
    # Basic, Bearer, and whatever else is not a digest.
    rb"|^(?:proxy-)?authorization\s*:[ \t]*(?![ \t]|digest\b)(?P<other>[^\r\n]+)"
    # Keys of SRTP and ICE inside SDP.
    rb"|\binline:(?P<srtp>[^\s|;]+)"
    rb"|^a=ice-pwd:(?P<ice>[^\r\n]+)"
    # sip:user:password@host
    rb"|\bsips?:[^\s:@;?\"'<>]*:(?P<userinfo>[^\s@\"'<>]+)@",
    re.IGNORECASE | re.MULTILINE,
)


def mask_message(text: str) -> bytes:
    return _SECRETS.sub(_stars, text.encode("utf-8", "surrogateescape"))


def _stars(match: re.Match[bytes]) -> bytes:
    whole, group = match[0], match.lastgroup
    assert group is not None
    begin = match.start(group) - match.start()
    end = match.end(group) - match.start()
    return whole[:begin] + b"*" * (end - begin) + whole[end:]
