"""One handshake: with itself, with peers that are not what they should be, with noise."""

import contextlib
import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st
from OpenSSL import SSL

from sipua.rtp.dtls import handshake
from sipua.rtp.dtls.agreement import DtlsAgreement, Fingerprint
from sipua.rtp.dtls.certificate import fingerprint as written
from sipua.rtp.dtls.handshake import Handshake, HandshakeError, client_random
from support.media.dtls import OURS, STRANGERS, THEIRS, agreement, other_side, shake


def pair(ours: DtlsAgreement) -> tuple[Handshake, Handshake]:
    """The client and the server, of which one is ours."""
    ends = Handshake(ours), Handshake(other_side(ours))
    return ends if ours.active else (ends[1], ends[0])


@pytest.mark.parametrize("active", [True, False])
def test_S26_both_ends_have_the_same_keys(active: bool) -> None:
    client, server = pair(agreement(active=active))
    assert client.keys is None
    shake(client, server)
    assert client.keys is not None
    assert server.keys is not None
    assert client.keys.suite == server.keys.suite == "AEAD_AES_128_GCM"
    assert (client.keys.send, client.keys.receive) == (server.keys.receive, server.keys.send)
    assert client.keys.send != client.keys.receive


@pytest.mark.parametrize("suite", list(handshake.PROFILES.values()))
def test_each_profile_has_keys_of_its_length(suite: str, monkeypatch: pytest.MonkeyPatch) -> None:
    only = {name: one for name, one in handshake.PROFILES.items() if one == suite}
    monkeypatch.setattr(handshake, "PROFILES", only)
    handshake._context.cache_clear()
    try:
        client, server = pair(agreement(active=True))
        shake(client, server)
    finally:
        handshake._context.cache_clear()
    assert client.keys is not None
    assert client.keys.suite == suite
    assert len(client.keys.send) == handshake.SUITES[suite].material_bytes


@pytest.mark.parametrize("active", [True, False])
def test_S26_another_certificate_than_that_of_the_sdp_gets_no_keys(active: bool) -> None:
    ours = agreement(active=active)
    client, server = Handshake(ours), Handshake(other_side(ours, STRANGERS))
    if not active:
        client, server = server, client
    with pytest.raises(HandshakeError, match="not the one of its SDP") as failed:
        shake(client, server)
    assert failed.value.reason == "dtls_fingerprint"
    assert (client if active else server).keys is None


def test_one_of_several_fingerprints_is_enough_and_a_longer_hash_is_known() -> None:
    ours = agreement(active=True)
    long = Fingerprint("sha512", hashlib.sha512(THEIRS.certificate).digest())
    wrong = Fingerprint("sha256", bytes(32))
    many = DtlsAgreement(ours.identity, (wrong, long), active=True)
    client, server = Handshake(many), Handshake(other_side(ours))
    shake(client, server)
    assert client.keys is not None


def test_a_client_without_a_certificate_is_refused() -> None:
    server = Handshake(agreement())
    context = SSL.Context(SSL.DTLS_METHOD)
    context.set_options(SSL.OP_NO_QUERY_MTU)
    context.set_tlsext_use_srtp(b"SRTP_AES128_CM_SHA1_80")
    with pytest.raises(HandshakeError, match="certificate"):
        talk(context, server)
    assert server.keys is None


def test_a_handshake_without_srtp_is_refused() -> None:
    server = Handshake(agreement())
    context = of_theirs()
    with pytest.raises(HandshakeError, match="no SRTP") as failed:
        talk(context, server)
    assert failed.value.reason == "dtls_no_srtp"


def test_dtls_1_0_is_refused() -> None:
    server = Handshake(agreement())
    context = of_theirs()
    context.set_cipher_list(b"ALL:@SECLEVEL=0")
    context.set_max_proto_version(0xFEFF)
    with pytest.raises(HandshakeError, match="unsupported protocol"):
        talk(context, server)


def of_theirs() -> SSL.Context:
    """A context without use_srtp, with the peer's certificate."""
    from cryptography import x509
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey

    context = SSL.Context(SSL.DTLS_METHOD)
    context.set_options(SSL.OP_NO_QUERY_MTU)
    context.use_certificate(x509.load_der_x509_certificate(THEIRS.certificate))
    key = serialization.load_der_private_key(THEIRS.key, None)
    assert isinstance(key, EllipticCurvePrivateKey)
    context.use_privatekey(key)
    return context


def talk(context: SSL.Context, server: Handshake) -> None:
    client = SSL.Connection(context, None)
    client.set_ciphertext_mtu(1200)
    client.set_connect_state()
    for _ in range(10):
        with contextlib.suppress(SSL.WantReadError):
            client.do_handshake()
        try:
            flight = client.bio_read(1 << 16)
        except SSL.WantReadError:
            return
        for datagram in server.receive(flight):
            client.bio_write(datagram)


def test_a_lost_last_flight_is_sent_again_when_the_peer_asks() -> None:
    client, server = pair(agreement(active=True))
    first = [out for datagram in client.begin() for out in server.receive(datagram)]
    finished = [out for datagram in first for out in client.receive(datagram)]
    lost = [out for datagram in finished for out in server.receive(datagram)]
    assert lost
    assert server.keys is not None
    again = [out for datagram in finished for out in server.receive(datagram)]
    for datagram in again:
        client.receive(datagram)
    assert client.keys is not None or again == []


def unread(end: Handshake) -> int:
    """What OpenSSL was given and has not taken."""
    at = SSL._ffi.new("char **")
    return int(SSL._lib.BIO_get_mem_data(end._connection._into_ssl, at))


@pytest.mark.parametrize("goodbye", [False, True])
def test_what_the_peer_sends_after_the_handshake_does_not_pile_up(goodbye: bool) -> None:
    client, server = pair(agreement())
    shake(client, server)
    if goodbye:
        client._connection.shutdown()
    else:
        for _ in range(20):
            client._connection.send(b"x")
    server.receive(client._connection.bio_read(1 << 16))
    for _ in range(100):
        server.receive(bytes([23]) * 1400)
    assert unread(server) == 0


def test_after_a_fatal_alert_nothing_more_is_read() -> None:
    client, server = pair(agreement())
    shake(client, server)
    server._connection.recv = refuse  # type: ignore[method-assign]
    for _ in range(100):
        server.receive(bytes(1400))
    assert unread(server) <= 1400


def refuse(_size: int) -> bytes:
    raise SSL.Error([("SSL routines", "", "alert handshake failure")])


def test_datagrams_fit_a_tunnel() -> None:
    client, server = pair(agreement(active=True))
    sizes = []
    flight, ends = client.begin(), [server, client]
    for turn in range(6):
        sizes += [len(datagram) for datagram in flight]
        flight = [out for datagram in flight for out in ends[turn % 2].receive(datagram)]
    assert max(sizes) <= 1200


@given(st.binary(max_size=2048))
def test_noise_is_refused_or_passed_over(noise: bytes) -> None:
    server = Handshake(agreement())
    client = Handshake(other_side(agreement()))
    (hello,) = client.begin()
    for datagram in (noise, hello[:25] + noise, bytes([22, 254, 253]) + noise, hello + noise):
        try:
            server.receive(datagram)
        except HandshakeError:
            server = Handshake(agreement())
        assert server.keys is None


@given(st.binary(max_size=80))
def test_the_random_of_a_client_is_read_or_there_is_none(noise: bytes) -> None:
    assert len(client_random(noise)) in (0, 32)


def test_the_random_stays_when_the_message_is_sent_again() -> None:
    client = Handshake(agreement(active=True))
    (hello,) = client.begin()
    assert len(client_random(hello)) == 32
    assert client_random(hello) != client_random(Handshake(agreement(active=True)).begin()[0])


def test_keys_are_in_no_text() -> None:
    assert OURS.key.hex() not in repr(agreement())
    assert repr(OURS.key) not in repr(agreement())
    assert written(OURS).startswith("sha-256 ")
    assert len(written(OURS)) == len("sha-256 ") + 95
