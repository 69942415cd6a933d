"""DTLS-SRTP in an SDP (RFC 5763, RFC 8122, RFC 8842), read and written. No I/O.

a=fingerprint:sha-256 3A:96:…    of the certificate that its sender shows in the handshake
a=setup:actpass                  who begins it: `active` does; `actpass` leaves it to the answer
a=tls-id:abc3de65cddef001be82    another one is another handshake
a=connection:new                 the same, of those without it (RFC 5763 5)
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from sipua.rtp.dtls.agreement import Fingerprint
from sipua.sip.wire import sdp
from sipua.sip.wire.srtp.policy import NO_SRTP_OFFERED, SrtpPolicy

_HASHES: Final = {"sha-256": ("sha256", 32), "sha-384": ("sha384", 48), "sha-512": ("sha512", 64)}
"""SHA-1 is broken: a certificate can be made to a fingerprint."""
_MOST: Final = 16
_FINGERPRINT = re.compile(
    r"a=fingerprint:(?P<hash>[A-Za-z0-9-]{1,16}) {1,8}"
    r"(?P<digest>[0-9A-Fa-f]{2}(?::[0-9A-Fa-f]{2}){0,63}) {0,8}"
)
_SETUP = re.compile(r"a=setup:(active|passive|actpass|holdconn) {0,8}")
_TLS_ID = re.compile(r"a=tls-id:([A-Za-z0-9+/_-]{20,255}) {0,8}")


@dataclass(frozen=True, slots=True)
class Offered:
    """What an audio section, or its session, says of a handshake."""

    fingerprints: tuple[Fingerprint, ...]
    setup: str = ""
    tls_id: str = ""
    new: bool = False
    """It asks for another handshake than the last one."""
    cause: str = ""
    """Why there is none that we can use. Empty: there is, or nothing was said of one."""


def read(session: Sequence[str], section: Sequence[str]) -> Offered:
    """An attribute of the section counts before that of the session."""
    lines = _of("a=fingerprint:", session, section)
    found: list[Fingerprint] = []
    causes: list[str] = []
    for line in lines[:_MOST]:
        one = _fingerprint(line)
        if isinstance(one, str):
            causes.append(one)
        else:
            found.append(one)
    setup = _value(_SETUP, _of("a=setup:", session, section))
    if found and setup == "holdconn":
        return Offered((), cause="it wants no handshake yet (a=setup:holdconn)")
    if not found:
        return Offered((), cause="; ".join(dict.fromkeys(causes)))
    tls_id = _value(_TLS_ID, _of("a=tls-id:", session, section))
    new = any(line.strip() == "a=connection:new" for line in section)
    return Offered(tuple(found), setup, tls_id, new)


def unmet(session: Sequence[str], section: Sequence[str], policy: SrtpPolicy) -> str:
    """Why this policy cannot take the offer in an audio section; empty: it can."""
    if policy == "off":
        return ""
    offered = read(session, section)
    if offered.fingerprints:
        return ""
    secured = "SAVP" in sdp.profile_of(section)
    if secured and any(line.startswith("a=crypto:") for line in section):
        return 'the offer has its keys in the SDP, and `srtp_keys` is "dtls"'
    if offered.cause and (secured or policy == "require"):
        return f"the offer has DTLS-SRTP that we cannot use: {offered.cause}"
    if secured:
        return "the offer has SRTP without a fingerprint"
    return NO_SRTP_OFFERED if policy == "require" else ""


def _of(kind: str, session: Sequence[str], section: Sequence[str]) -> list[str]:
    own = [line for line in section if line.startswith(kind)]
    return own or [line for line in session if line.startswith(kind)]


def _value(pattern: re.Pattern[str], lines: Sequence[str]) -> str:
    match = pattern.fullmatch(lines[0]) if lines else None
    return match[1] if match else ""


def _fingerprint(line: str) -> Fingerprint | str:
    """Or why we cannot use it."""
    match = _FINGERPRINT.fullmatch(line)
    if match is None:
        return "a fingerprint that is not of RFC 8122"
    name, size = _HASHES.get(match["hash"].lower(), ("", 0))
    if not name:
        return f"a fingerprint by {match['hash']}"
    digest = bytes.fromhex(match["digest"].replace(":", ""))
    if len(digest) != size:
        return f"a fingerprint of another length than {match['hash']} has"
    return Fingerprint(name, digest)
