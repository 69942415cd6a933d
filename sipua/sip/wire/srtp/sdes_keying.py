"""The keys of one call's audio, over all its offers and answers. No I/O.

Which suite and which keys there are is decided here, and written into what pjsip has written.

Our key of a suite stays the same for the whole call. A new one with every re-INVITE would begin the
count of packets anew, and on that the two sides have no agreement (RFC 3711 3.3.1 and most peers).
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from typing import Final

from sipua.rtp.dtls.agreement import DtlsAgreement
from sipua.rtp.srtp.keys import SUITES, SrtpKeys
from sipua.sip.wire import sdp
from sipua.sip.wire.srtp import sdes
from sipua.sip.wire.srtp.keying import answered_section
from sipua.sip.wire.srtp.policy import NO_SRTP_ANSWERED, NOT_OFFERED, SrtpPolicy
from sipua.sip.wire.srtp.sdes import CryptoLine

_PROFILES: Final = {"require": "RTP/SAVP", "prefer": "RTP/AVP"}


class SdesKeying:
    """By keys in the SDP."""

    agreement: DtlsAgreement | None = None
    """There is no handshake."""

    def __init__(self, policy: SrtpPolicy, suites: Sequence[str] = sdes.OURS) -> None:
        """`suites`: those that may be used, in our order."""
        self.policy = policy
        self._suites = suites
        self._profile = _PROFILES.get(policy, "RTP/AVP")
        self.keys: SrtpKeys | None = None
        """As the last offer and its answer say; None: the audio is not encrypted."""
        self._own: dict[str, bytes] = {}
        self._lines: tuple[CryptoLine, ...] = ()
        """Of our last offer or answer: pjsip offers the latter again by itself, to refresh the
        session of a peer without UPDATE."""
        self._agreed = False

    @property
    def open_question(self) -> bool:
        """Nothing may be sent yet: our first offer has no answer, or one without the SRTP that has
        to be.
        """
        return not self._agreed or (self.policy == "require" and self.keys is None)

    def write_answer(self, ours: str, offer: str, _signalling_ip: str = "") -> str:
        """Our answer with its keys. What cannot be met has been refused before."""
        section = answered_section(ours, offer)
        line = next(iter(sdes.read(section, self._suites).lines), None) if section else None
        self._lines, self._agreed = (), True
        self._profile = sdp.profile_of(section) or self._profile
        if line is None:
            self.keys = None
            return sdp.with_keys(ours, (), self._profile)
        own = self._key(line.suite)
        self.keys = SrtpKeys(line.suite, own, line.key)
        self._lines = (CryptoLine(line.tag, line.suite, own),)
        return self._written(ours)

    def write_offer(self, ours: str) -> str:
        """Our offer with its keys: within a call, those that are used already come first."""
        suites = sorted(self._suites, key=lambda suite: suite not in self._own)
        if self._agreed:
            suites = [self.keys.suite] if self.keys else []
        lines = [CryptoLine(tag, one, self._key(one)) for tag, one in enumerate(suites, 1)]
        self._lines = tuple(lines)
        return self._written(ours)

    def read_answer(self, answer: str) -> str:
        """What the peer says to our offer. Why the call cannot go on; empty: it can."""
        section = sdp.audio(answer)
        if not section or (self._agreed and not self._lines):
            return ""  # rejected audio is the affair of pjsip
        offered = {line.tag: line for line in self._lines}
        answered = sdes.read(section, self._suites)
        line = next(iter(answered.lines), None)
        ours = offered.get(line.tag) if line else None
        if line is not None and ours is not None and ours.suite == line.suite:
            self.keys = SrtpKeys(line.suite, ours.key, line.key)
            self._agreed = True
            return ""
        if line is not None or answered.cause:
            return NOT_OFFERED
        if self.policy == "require":
            return NO_SRTP_ANSWERED
        self.keys, self._agreed = None, True
        return ""

    def _written(self, ours: str) -> str:
        return sdp.with_keys(ours, [str(line) for line in self._lines], self._profile)

    def _key(self, suite: str) -> bytes:
        if suite not in self._own:
            self._own[suite] = secrets.token_bytes(SUITES[suite].material_bytes)
        return self._own[suite]
