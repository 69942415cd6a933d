"""The keys of one call's audio, over all its offers and answers. No I/O.

pjsip takes part in offer and answer, so that it does not refuse RTP/SAVP; its keys are never used.
Which suite and which keys there are is decided here, and written over what pjsip has written.

Our key of a suite stays the same for the whole call. A new one with every re-INVITE would begin the
count of packets anew, and on that the two sides have no agreement (RFC 3711 3.3.1 and most peers).
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence

from sipua.rtp.srtp.keys import SUITES, SrtpKeys
from sipua.sip.wire import sdes, sdp
from sipua.sip.wire.sdes import CryptoLine, SrtpPolicy

NO_SRTP = 'the answer has no SRTP, which `srtp = "require"` asks for'


class Keying:
    """Of a call whose peer's policy is not `off`."""

    def __init__(self, policy: SrtpPolicy) -> None:
        self.policy = policy
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

    def write_answer(self, ours: str, offer: str) -> str:
        """Our answer with its keys. What cannot be met has been refused before."""
        section = answered_section(ours, offer)
        line = next(iter(sdes.read(section).lines), None) if section else None
        self._lines, self._agreed = (), True
        if line is None:
            self.keys = None
            return sdes.write(ours, ())
        own = self._key(line.suite)
        self.keys = SrtpKeys(line.suite, own, line.key)
        self._lines = (CryptoLine(line.tag, line.suite, own),)
        return sdes.write(ours, self._lines)

    def write_offer(self, ours: str) -> str:
        """Our offer with its keys: within a call, those that are used already come first."""
        suites = sorted(sdes.OURS, key=lambda suite: suite not in self._own)
        if self._agreed:
            suites = [self.keys.suite] if self.keys else []
        lines = [CryptoLine(tag, one, self._key(one)) for tag, one in enumerate(suites, 1)]
        self._lines = tuple(lines)
        first = self.policy == "require" and not self._agreed
        return sdes.write(ours, lines, secured=True if first else None)

    def read_answer(self, answer: str) -> str:
        """What the peer says to our offer. Why the call cannot go on; empty: it can."""
        section = sdp.audio(answer)
        if not section or (self._agreed and not self._lines):
            return ""  # rejected audio is the affair of pjsip
        offered = {line.tag: line for line in self._lines}
        answered = sdes.read(section)
        line = next(iter(answered.lines), None)
        ours = offered.get(line.tag) if line else None
        if line is not None and ours is not None and ours.suite == line.suite:
            self.keys = SrtpKeys(line.suite, ours.key, line.key)
            self._agreed = True
            return ""
        if line is not None or answered.cause:
            return "the answer has SRTP that was not offered"
        if self.policy == "require":
            return NO_SRTP
        self.keys, self._agreed = None, True
        return ""

    def _key(self, suite: str) -> bytes:
        if suite not in self._own:
            self._own[suite] = secrets.token_bytes(SUITES[suite].material_bytes)
        return self._own[suite]


def answered_section(ours: str, offer: str) -> Sequence[str]:
    """The section of an offer that our answer takes: the one whose port is not 0 there."""
    _, *mine = sdp.sections(ours)
    _, *theirs = sdp.sections(offer)
    for own, other in zip(mine, theirs, strict=False):
        if own[0].startswith("m=audio ") and not own[0].startswith("m=audio 0 "):
            return other
    return ()
