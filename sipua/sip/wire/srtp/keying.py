"""What a call asks for the keys of its audio, however they are agreed on."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from sipua.rtp.dtls.agreement import DtlsAgreement
from sipua.rtp.srtp.keys import SrtpKeys
from sipua.sip.wire import sdp
from sipua.sip.wire.srtp.policy import SrtpPolicy


class Keying(Protocol):
    """Of a call whose peer's policy is not `off`."""

    policy: SrtpPolicy

    @property
    def keys(self) -> SrtpKeys | None: ...

    @property
    def agreement(self) -> DtlsAgreement | None: ...

    @property
    def open_question(self) -> bool: ...

    def write_answer(self, ours: str, offer: str, signalling_ip: str = "") -> str: ...

    def write_offer(self, ours: str) -> str: ...

    def read_answer(self, answer: str) -> str: ...


def answered_section(ours: str, offer: str) -> Sequence[str]:
    """The section of an offer that our answer takes: the one whose port is not 0 there."""
    _, *mine = sdp.sections(ours)
    _, *theirs = sdp.sections(offer)
    for own, other in zip(mine, theirs, strict=False):
        if own[0].startswith("m=audio ") and not own[0].startswith("m=audio 0 "):
            return other
    return ()
