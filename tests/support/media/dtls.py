"""Two ends of a handshake, and what goes between them."""

import datetime as dt
import hashlib
from dataclasses import replace

from sipua.rtp.dtls.agreement import DtlsAgreement, Fingerprint, Identity
from sipua.rtp.dtls.certificate import make_identity
from sipua.rtp.dtls.handshake import Handshake

TODAY = dt.datetime.now(dt.UTC)
OURS, THEIRS, STRANGERS = (make_identity(TODAY) for _ in range(3))


def fingerprint(identity: Identity) -> Fingerprint:
    return Fingerprint("sha256", hashlib.sha256(identity.certificate).digest())


def agreement(
    own: Identity = OURS, peer: Identity = THEIRS, *, active: bool = False, number: int = 0
) -> DtlsAgreement:
    return DtlsAgreement(own, (fingerprint(peer),), active, number=number)


def other_side(ours: DtlsAgreement, own: Identity = THEIRS) -> DtlsAgreement:
    return replace(
        ours, identity=own, fingerprints=(fingerprint(ours.identity),), active=not ours.active
    )


def shake(client: Handshake, server: Handshake) -> None:
    """Until neither has anything to say. Raises HandshakeError of the one that fails first."""
    flight, ends = client.begin(), [server, client]
    for turn in range(20):
        flight = [out for datagram in flight for out in ends[turn % 2].receive(datagram)]
        if not flight:
            return
