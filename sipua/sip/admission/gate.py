"""The answer to a request outside a dialogue, before pjsip spends anything on it.

INVITE    401 where its trunk has users, and it is from none of them
          by caller, number of calls, the number it is for, and whether its offer can be met
OPTIONS   200 only when an INVITE would be accepted
REFER     403: there is no call that it could be about
others    403 to a peer that may not call: the same answer to every method
any       481 to what says to be within a dialog that is not there for its source
          503, or no answer, to a source that sends too many; to a stranger that scans
          400, 420 or 483 to what can be read in two ways, or wants what we do not have
"""

from __future__ import annotations

import socket
from collections.abc import Sequence

from sipua.rtp.ports import PortPool
from sipua.sip.admission import offer
from sipua.sip.admission.admission import FORBIDDEN, NO_DIALOG, Admission, Refusal, refusal_of
from sipua.sip.admission.authentication import Authenticator
from sipua.sip.admission.flood import Flood
from sipua.sip.admission.refused_proofs import RefusedProofs
from sipua.sip.admission.soundness import unsound
from sipua.sip.admission.sources import source_of
from sipua.sip.messages import TransferRefused
from sipua.sip.wire.addresses import address
from sipua.sip.wire.srtp.policy import SrtpKeying, SrtpPolicy
from sipua.sip.wire.texts import Message

_ADDRESS_TYPES = {socket.AF_INET: "IP4", socket.AF_INET6: "IP6"}
"""The families of our media, in SDP's words."""


class Gate:
    def __init__(
        self,
        admission: Admission,
        ports: PortPool,
        *,
        codecs: Sequence[str],
    ) -> None:
        self._admission = admission
        self._ports = ports
        self._codecs = codecs
        self._flood = Flood()
        self._authenticator = Authenticator()
        self._refused_proofs = RefusedProofs()

    def judge(
        self,
        method: str,
        message: str,
        host: str,
        *,
        calls_up: int,
        now: float,
        names: frozenset[str] = frozenset(),
    ) -> Refusal | None:
        """`names`: in the certificate of its connection. A peer that may not call learns that, and
        nothing of what its message is like."""
        origin, limits = self._admission.origin(host, names), self._admission.flood
        if flooded := self._flood.judge(limits, host, origin, message, now):
            return flooded
        users = self._admission.policy(origin or "").users if method == "INVITE" else None
        if users is None:
            return self._judged(method, message, host, origin, names, calls_up=calls_up, now=now)
        text, source = Message(message), source_of(host)
        if repeated := self._refused_proofs.answer(text, source, now):
            return repeated
        if unproved := self._authenticator.judge(users, method, text, source, now):
            failed = self._flood.failed(limits, host, now) if unproved.because else None
            return failed or unproved
        refused = self._judged(method, message, host, origin, names, calls_up=calls_up, now=now)
        if refused:
            self._refused_proofs.note(text, source, refused, now)
        return refused

    def within(
        self, message: str, host: str, *, now: float, names: frozenset[str] = frozenset()
    ) -> Refusal:
        """The answer to a request with a tag of ours, or a CANCEL, of no dialog; or of one that its
        source has no part in: an attacker cannot tell these apart. It costs the same tokens."""
        origin, limits = self._admission.origin(host, names), self._admission.flood
        return self._flood.judge(limits, host, origin, message, now) or NO_DIALOG

    def _judged(
        self,
        method: str,
        message: str,
        host: str,
        origin: str | None,
        names: frozenset[str],
        *,
        calls_up: int,
        now: float,
    ) -> Refusal | None:
        refused: Refusal | None = None
        if method == "INVITE":
            verdict = self.invite(message, host, calls_up, names=names, may_replace=True)
            refused = verdict if isinstance(verdict, Refusal) else None
        elif method == "OPTIONS":
            ports_left = self._ports.left(now)
            probe = self._admission.probe
            refused = probe(host, calls_up, ports_left=ports_left, now=now, names=names)
        elif method == "REFER" or origin is None:
            refused = FORBIDDEN
        return refused or unsound(method, message)

    def refer_refused(self, message: str, status: int, source: str) -> TransferRefused:
        """Of no call, by `source`."""
        target = Message(message).header("Refer-To") or ""
        return TransferRefused("", target, status, "out of a call", address(source))

    def invite(
        self,
        message: str,
        host: str,
        calls_up: int,
        *,
        names: frozenset[str] = frozenset(),
        may_replace: bool = False,
    ) -> str | Refusal:
        """The origin's name when the call may come in, else the refusal to send. `may_replace`:
        with a Replaces it is for our Contact, which is no number; pjsip finds its call, or refuses.
        """
        verdict = self._admission.judge(host, calls_up, names)
        if isinstance(verdict, Refusal):
            return verdict
        text = Message(message)
        rule = self._admission.policy(verdict).refused_by(text)
        if rule and not (may_replace and text.header("Replaces")):
            # 404, and not 403: the trunk passes on that there is no such number.
            return Refusal(404, "Not Found", because=rule, rule="allowed_numbers")
        if full := self._admission.slots.full(verdict, "incoming"):
            return refusal_of(full)
        families = {_ADDRESS_TYPES[family] for family in self._ports.families}
        policy = self._admission.policy(verdict)
        codecs = policy.codecs or self._codecs
        wanted = policy.srtp, policy.srtp_keys
        return offer.refusal(message, codecs, families, *wanted) or verdict

    def misplaced(
        self,
        sdp_offer: str,
        family: socket.AddressFamily,
        srtp: SrtpPolicy,
        keying: SrtpKeying = "sdes",
    ) -> str:
        """Why the audio of a re-INVITE or UPDATE cannot be reached from the call's sockets, or its
        SRTP not be had; empty: no reason is known.
        """
        return offer.misplaced(sdp_offer, {_ADDRESS_TYPES[family]}, srtp, keying)
