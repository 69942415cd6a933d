"""The handshakes of one call's audio, over all its offers and answers. No I/O.

Our certificate stays the same for the whole call, and so does our `tls-id`: a later offer is
another handshake only if the peer wants one (RFC 8842 5).
"""

from __future__ import annotations

import functools
import secrets
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Final

from sipua.rtp.dtls.agreement import DtlsAgreement, Identity
from sipua.rtp.latch.addresses import canonical, shows_nat
from sipua.rtp.srtp.keys import SrtpKeys
from sipua.sip.wire import sdp
from sipua.sip.wire.srtp import dtls
from sipua.sip.wire.srtp.dtls import Offered
from sipua.sip.wire.srtp.keying import answered_section
from sipua.sip.wire.srtp.policy import NO_SRTP_ANSWERED, SrtpPolicy

_PROFILES: Final = {"require": "UDP/TLS/RTP/SAVP", "prefer": "RTP/AVP"}


class DtlsKeying:
    """Of a call whose peer's policy is not `off`."""

    keys: SrtpKeys | None = None
    """None: they are not known to signalling."""

    def __init__(self, policy: SrtpPolicy, identity: Identity, fingerprint: str) -> None:
        """`fingerprint`: of our certificate, as it is written in an SDP."""
        self.policy = policy
        self.agreement: DtlsAgreement | None = None
        """As the last offer and its answer say; None: the audio is not encrypted."""
        self._identity = identity
        self._fingerprint = fingerprint
        self._tls_id = secrets.token_hex(16)
        self._profile = _PROFILES.get(policy, "RTP/AVP")
        self._agreed = False
        self._asked: list[str] = []
        """The session part of the peer's last SDP: a 183 and its 200 have the same."""

    @property
    def open_question(self) -> bool:
        """Nothing may be sent yet: our first offer has no answer, or one without the SRTP that has
        to be.
        """
        return not self._agreed or (self.policy == "require" and self.agreement is None)

    def write_answer(self, ours: str, offer: str, signalling_ip: str = "") -> str:
        """Our answer. What cannot be met has been refused before."""
        session, section = sdp.sections(offer)[0], answered_section(ours, offer)
        offered = dtls.read(session, section)
        self._agreed = True
        self._profile = sdp.profile_of(section) or self._profile
        if not offered.fingerprints:
            self.agreement = None
            return sdp.with_keys(ours, (), self._profile)
        active = self._begins(offered, sdp.offered_host(offer), signalling_ip)
        self._agree(session, offered, active)
        lines = self._lines("active" if active else "passive", with_id=bool(offered.tls_id))
        return sdp.with_keys(ours, lines, self._profile)

    def write_offer(self, ours: str) -> str:
        plain = self._agreed and self.agreement is None
        lines = () if plain else self._lines("actpass", with_id=True)
        return sdp.with_keys(ours, lines, self._profile)

    def read_answer(self, answer: str) -> str:
        """What the peer says to our offer. Why the call cannot go on; empty: it can."""
        session, section = sdp.sections(answer)[0], sdp.audio(answer)
        if not section or (self._agreed and self.agreement is None):
            return ""  # rejected audio is the affair of pjsip
        offered = dtls.read(session, section)
        if offered.fingerprints and offered.setup != "actpass":
            self._agree(session, offered, offered.setup != "active")
            self._agreed = True
            return ""
        if offered.fingerprints:
            return "the answer leaves it to us who begins the handshake (a=setup:actpass)"
        if offered.cause:
            return f"the answer has DTLS-SRTP that we cannot use: {offered.cause}"
        if self.policy == "require":
            return NO_SRTP_ANSWERED
        self.agreement, self._agreed = None, True
        return ""

    def _begins(self, offered: Offered, host: str, signalling_ip: str) -> bool:
        """Whether we begin. A peer behind a NAT can reach us, and we not it."""
        if offered.setup in ("active", "passive"):
            return offered.setup == "passive"
        last = self.agreement
        if last and (last.fingerprints, last.peer_id) == (offered.fingerprints, offered.tls_id):
            return last.active
        behind_nat = host != signalling_ip and canonical(host) and shows_nat(host, signalling_ip)
        return not behind_nat

    def _agree(self, session: list[str], offered: Offered, active: bool) -> None:
        last, asked = self.agreement, self._asked
        number = last.number if last else 0
        if last and offered.new and session != asked:
            number += 1
        self._asked = session
        self.agreement = DtlsAgreement(
            self._identity, offered.fingerprints, active, offered.tls_id, number
        )

    def _lines(self, setup: str, *, with_id: bool) -> Sequence[str]:
        lines = [f"a=fingerprint:{self._fingerprint}", f"a=setup:{setup}"]
        return [*lines, f"a=tls-id:{self._tls_id}"] if with_id else lines


def of_today(policy: SrtpPolicy) -> DtlsKeying:
    """With the certificate of this process, which has another one each day."""
    return DtlsKeying(policy, *_identity(datetime.now(UTC).toordinal()))


@functools.lru_cache(maxsize=1)
def _identity(_day: int) -> tuple[Identity, str]:
    from sipua.rtp.dtls import certificate  # noqa: PLC0415 - needs an extra

    identity = certificate.make_identity(datetime.now(UTC))
    return identity, certificate.fingerprint(identity)
