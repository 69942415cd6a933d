"""SDES: the keys of SRTP in an SDP (RFC 4568), read and written. No I/O.

a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:WVNfX19zZW1jdGwgKCkgewkyMjA7fQp9CnVubGVz|2^20
         │ suite                          key and salt, base64                       lifetime
         tag
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from sipua.rtp.srtp.keys import (
    AEAD_AES_128_GCM,
    AEAD_AES_256_GCM,
    AES_CM_128_HMAC_SHA1_32,
    AES_CM_128_HMAC_SHA1_80,
    SUITES,
)
from sipua.sip.wire import sdp
from sipua.sip.wire.srtp.policy import NO_SRTP_OFFERED, SrtpPolicy

OURS: Final = (
    AES_CM_128_HMAC_SHA1_80,
    AEAD_AES_256_GCM,
    AEAD_AES_128_GCM,
    AES_CM_128_HMAC_SHA1_32,
)
"""Those that are offered and taken, in our order: what each peer has comes first."""

_SECURED: Final = ("RTP/SAVP", "RTP/SAVPF", "UDP/TLS/RTP/SAVP", "UDP/TLS/RTP/SAVPF")
_MOST_LINES: Final = 32
_LONGEST: Final = 512
_LONGEST_LIFE: Final = 1 << 48
"""Packets that may be sent with one key (RFC 3711 9.2)."""
_LINE = re.compile(
    r"a=crypto:(?P<tag>[0-9]{1,9}) {1,8}(?P<suite>[A-Za-z0-9_-]{1,64}) {1,8}"
    r"(?P<keys>[^ ]{1,400})(?P<parameters>(?: {1,8}[^ ]{1,64}){0,16}) {0,8}"
)
_KEY = re.compile(
    r"inline:(?P<key>[A-Za-z0-9+/]{1,128}={0,2})"
    r"(?:\|(?P<power>2\^)?(?P<life>[0-9]{1,20}))?"
    r"(?P<mki>\|[0-9]{1,40}:[0-9]{1,3})?"
)
_HARMLESS = re.compile(r"-.*|WSH=[0-9]{1,5}")
"""Session parameters that may be passed over: those marked so, and the hint at a replay window."""


@dataclass(frozen=True, slots=True)
class CryptoLine:
    """One that we can use."""

    tag: int
    suite: str
    key: bytes = field(repr=False)

    def __str__(self) -> str:
        """The line of an SDP; it has the key."""
        return f"a=crypto:{self.tag} {self.suite} inline:{base64.b64encode(self.key).decode()}"


@dataclass(frozen=True, slots=True)
class Offered:
    """What an audio section says of SRTP."""

    required: bool
    """Its profile has SRTP, so an answer without it is none. Else it is for those who can."""
    lines: tuple[CryptoLine, ...]
    """Those that we can use, in the order of their sender."""
    cause: str = ""
    """Why there are none; without a key. Empty: there are some, or none was there."""


def read(section: Sequence[str], suites: Sequence[str] = OURS) -> Offered:
    """`suites`: those that may be used."""
    required = secured(section)
    found: list[CryptoLine] = []
    causes: list[str] = []
    lines = [line for line in section if line.startswith("a=crypto:")]
    for line in lines[:_MOST_LINES]:
        one = _read(line, suites)
        if isinstance(one, str):
            causes.append(one)
        elif any(one.tag == other.tag for other in found):
            causes.append(f"the tag {one.tag} twice")
        else:
            found.append(one)
    if found:
        return Offered(required, tuple(found))
    if not lines:
        return Offered(required, (), "no a=crypto line" if required else "")
    return Offered(required, (), "; ".join(dict.fromkeys(causes)))


def secured(section: Sequence[str]) -> bool:
    """Whether the profile of this section is one with SRTP."""
    return sdp.profile_of(section) in _SECURED


def unmet(section: Sequence[str], policy: SrtpPolicy) -> str:
    """Why this policy cannot take the offer in an audio section; empty: it can."""
    if policy == "off":
        return ""
    offered = read(section)
    if offered.lines:
        return ""
    by_handshake = "TLS" in sdp.profile_of(section)
    if by_handshake or (offered.required and any(map(_is_fingerprint, section))):
        return 'the offer has DTLS-SRTP, and `srtp_keys` is "sdes"'
    if offered.cause and (offered.required or policy == "require"):
        return f"the offer has SRTP that we cannot use: {offered.cause}"
    if policy == "require":
        return NO_SRTP_OFFERED
    return ""


def _is_fingerprint(line: str) -> bool:
    return line.startswith("a=fingerprint:")


def _read(line: str, suites: Sequence[str]) -> CryptoLine | str:
    """The line, or why we cannot use it: in words that name neither key nor any text of it."""
    match = _LINE.fullmatch(line) if len(line) <= _LONGEST else None
    if match is None:
        return "a line that is not of RFC 4568"
    suite = match["suite"].upper()
    if suite not in suites:
        return f"the suite {match['suite']}"
    if ";" in match["keys"]:
        return "several keys in one line"
    key = _KEY.fullmatch(match["keys"])
    if key is None:
        return "a key that is not of RFC 4568"
    if key["mki"]:
        return "a key with an MKI"
    for parameter in match["parameters"].split():
        if not _HARMLESS.fullmatch(parameter):
            return f"the parameter {parameter.partition('=')[0][:20]!r}"
    if key["life"] and not _lives(key["power"], int(key["life"])):
        return "a lifetime that no key has"
    material = _decoded(key["key"])
    if material is None or len(material) != SUITES[suite].material_bytes:
        return f"a key of another length than {suite} has"
    return CryptoLine(int(match["tag"]), suite, material)


def _lives(power: str | None, number: int) -> bool:
    """Whether a key may be used for so many packets. Its owner changes it in time."""
    if power:
        return 0 < number <= 48
    return 0 < number <= _LONGEST_LIFE


def _decoded(text: str) -> bytes | None:
    try:
        return base64.b64decode(text, validate=True)
    except (ValueError, binascii.Error):
        return None
