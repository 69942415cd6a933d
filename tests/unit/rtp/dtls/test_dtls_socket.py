"""A port with handshakes: who may begin, what is heard before and after, and who ends what."""

import itertools
from collections import Counter, deque
from collections.abc import Iterator

import pytest

from sipua.rtp.dtls.agreement import DtlsAgreement
from sipua.rtp.dtls.dtls_socket import AGAIN_S, MOST_ATTEMPTS, MOST_BEGUN, DtlsSocket
from sipua.rtp.dtls.handshake import Handshake
from sipua.rtp.events import Address
from sipua.rtp.packet import build
from sipua.rtp.srtp.srtp import Srtp
from support.media.dtls import STRANGERS, agreement, other_side

PEER: Address = ("192.0.2.1", 4000)
NAT: Address = ("192.0.2.1", 5000)
STRANGER: Address = ("203.0.113.9", 4000)
SIGNALLING = "198.51.100.4"


def packet(sequence: int = 1) -> bytes:
    return build(bytes(160), payload_type=0, sequence=sequence, timestamp=0, ssrc=7)


class Port:
    """Ours, without a network; `peers` answers what is sent to each address."""

    def __init__(self) -> None:
        self.waiting: deque[tuple[bytes, Address]] = deque()
        self.sent: list[tuple[bytes, Address]] = []
        self.refused: Counter[str] = Counter()
        self.now = 100.0
        self.changes = 0
        self.socket = DtlsSocket(self, self, self._refuse, lambda: self.now, self._change)

    def recvfrom(self, _size: int, /) -> tuple[bytes, Address]:
        if not self.waiting:
            raise BlockingIOError
        return self.waiting.popleft()

    def sendto(self, data: bytes, target: Address, /) -> int:
        self.sent.append((data, target))
        return len(data)

    def rank_of_host(self, host: str) -> int | None:
        return {PEER[0]: 2, SIGNALLING: 3}.get(host)

    def _refuse(self, reason: str) -> None:
        self.refused[reason] += 1

    def _change(self) -> None:
        self.changes += 1

    def take(self, datagram: bytes, source: Address = PEER) -> bytes | None:
        self.waiting.append((datagram, source))
        try:
            return self.socket.recvfrom(2048)[0]
        except BlockingIOError:
            return None

    def shake(self, peer: Handshake, source: Address = PEER) -> None:
        """Until neither has anything to say. Where we begin, it has been sent already."""
        for datagram in peer.begin():
            self.take(datagram, source)
        for _ in range(10):
            ours, self.sent = self.sent, []
            flight = [out for data, target in ours if target for out in peer.receive(data)]
            if not flight:
                return
            for datagram in flight:
                self.take(datagram, source)


def far(ours: DtlsAgreement) -> Handshake:
    return Handshake(other_side(ours))


def srtp_of(peer: Handshake) -> Srtp:
    assert peer.keys is not None
    return Srtp(peer.keys)


@pytest.fixture
def port() -> Port:
    return Port()


@pytest.mark.parametrize("active", [True, False])
def test_S26_nothing_is_sent_and_nothing_heard_before_there_are_keys(
    port: Port, active: bool
) -> None:
    ours = agreement(active=active)
    port.socket.agree(ours, PEER)
    assert port.socket.suite is None
    assert port.take(packet()) is None
    assert port.refused == {"srtp_early": 1}
    with pytest.raises(BlockingIOError):
        port.socket.sendto(packet(), PEER)
    peer = far(ours)
    port.shake(peer)
    assert port.socket.suite == "AEAD_AES_128_GCM"
    assert port.socket.trouble == ""
    assert port.socket.deadline is None
    srtp = srtp_of(peer)
    assert port.take(srtp.protect(packet())) == packet()
    assert port.take(packet()) is None, "plain"
    port.socket.sendto(packet(2), PEER)
    assert srtp.unprotect(port.sent[-1][0]) == packet(2)


def test_S26_a_stranger_cannot_begin_nor_disturb(port: Port) -> None:
    ours = agreement()
    port.socket.agree(ours, PEER)
    (forged,) = Handshake(other_side(ours, STRANGERS)).begin()
    port.take(forged, STRANGER)
    assert port.sent == []
    assert port.refused == {"dtls_source": 1}
    port.shake(Handshake(other_side(ours, STRANGERS)), NAT)
    assert port.socket.suite is None
    assert port.refused["dtls_fingerprint"] == 1
    assert "not the one of its SDP" in port.socket.trouble
    port.sent.clear()
    port.shake(far(ours))
    assert port.socket.suite


def test_who_begins_at_the_peers_host_a_hundred_times_does_not_keep_it_out(port: Port) -> None:
    ours = agreement()
    port.socket.agree(ours, PEER)
    for number in range(100):
        (forged,) = Handshake(other_side(ours, STRANGERS)).begin()
        port.take(forged, (PEER[0], 10000 + number))
        port.now += 0.02
    assert len(port.socket._attempts) == MOST_ATTEMPTS
    assert port.refused["dtls_too_many"] >= 100 - 3 * MOST_BEGUN
    port.now += 1
    port.sent.clear()
    port.shake(far(ours))
    assert port.socket.suite


@pytest.mark.parametrize(
    ("peer", "attacker"), [(PEER, PEER[0]), (PEER, SIGNALLING), (NAT, SIGNALLING)]
)
def test_S26_a_flood_from_where_the_peer_is_less_likely_does_not_keep_it_out(
    port: Port, peer: Address, attacker: str
) -> None:
    """Forged beginnings, before each datagram of the peer."""
    ours = agreement()
    port.socket.agree(ours, PEER)
    ports = itertools.count(10000)

    def flood() -> None:
        for _ in range(2 * MOST_BEGUN):
            (forged,) = Handshake(other_side(ours, STRANGERS)).begin()
            port.take(forged, (attacker, next(ports)))

    talks = far(ours)
    flood()
    flight = talks.begin()
    for _ in range(10):
        port.sent.clear()
        for datagram in flight:
            port.take(datagram, peer)
        answers = [data for data, target in port.sent if target == peer]
        flight = [out for data in answers for out in talks.receive(data)]
        port.now += 1
        flood()
        if not flight:
            break
    assert port.socket.suite
    assert port.refused["dtls_too_many"] > MOST_BEGUN


def test_the_peer_may_answer_from_another_port_than_its_sdp_names(port: Port) -> None:
    ours = agreement(active=True)
    port.socket.agree(ours, PEER)
    assert port.sent[0][1] == PEER
    port.shake(far(ours), NAT)
    assert port.socket.suite


def test_where_we_begin_a_failure_is_not_the_end(port: Port) -> None:
    """What an attacker answers in the peer's place ends one attempt."""
    ours = agreement(active=True)
    port.socket.agree(ours, PEER)
    port.shake(Handshake(other_side(ours, STRANGERS)))
    assert port.socket.suite is None
    assert port.socket.deadline == pytest.approx(port.now + AGAIN_S)
    port.sent.clear()
    port.now += AGAIN_S
    port.socket.poll()
    port.shake(far(ours))
    assert port.socket.suite


def test_S26_the_peer_may_shake_hands_anew_and_its_old_key_is_good_until_then(port: Port) -> None:
    """As Asterisk does after a hold, with the same certificate."""
    ours = agreement()
    port.socket.agree(ours, PEER)
    first, second = far(ours), far(ours)
    port.shake(first)
    old = srtp_of(first)
    port.take(second.begin()[0])
    assert port.take(old.protect(packet(1))) == packet(1)
    for datagram, _ in port.sent[-1:]:
        for out in second.receive(datagram):
            port.take(out)
    for datagram, _ in port.sent[-1:]:
        second.receive(datagram)
    new = srtp_of(second)
    assert port.take(new.protect(packet(2))) == packet(2)
    assert port.take(old.protect(packet(3))) is None
    port.socket.sendto(packet(4), PEER)
    assert new.unprotect(port.sent[-1][0]) == packet(4)


def test_an_old_beginning_that_comes_again_changes_nothing(port: Port) -> None:
    ours = agreement()
    port.socket.agree(ours, PEER)
    peer = far(ours)
    (hello,) = peer.begin()
    port.take(hello)
    for datagram, _ in list(port.sent):
        for out in peer.receive(datagram):
            port.take(out)
    assert port.socket.suite
    port.sent.clear()
    for source in (PEER, NAT):
        port.take(hello, source)
    assert port.socket._attempts == {}
    assert port.socket.deadline is None


def test_another_fingerprint_is_another_handshake_and_the_same_is_none(port: Port) -> None:
    ours = agreement(active=True)
    port.socket.agree(ours, PEER)
    first = far(ours)
    port.shake(first)
    port.socket.agree(ours, PEER)
    assert port.sent == []
    other = agreement(peer=STRANGERS, active=True)
    port.socket.agree(other, PEER)
    assert port.sent, "it has begun"
    assert port.socket.suite, "and the old keys are used until it is over"
    assert port.take(srtp_of(first).protect(packet())) == packet()
    second = Handshake(other_side(other, STRANGERS))
    port.shake(second)
    assert port.take(srtp_of(second).protect(packet(5))) == packet(5)


def test_where_we_begin_we_do_so_again_when_signalling_asks(port: Port) -> None:
    port.socket.agree(agreement(active=True), PEER)
    port.shake(far(agreement(active=True)))
    port.socket.agree(agreement(active=True, number=1), PEER)
    assert port.sent


def test_a_media_address_that_comes_later_is_where_we_begin(port: Port) -> None:
    """The first offer was on hold."""
    ours = agreement(active=True)
    port.socket.agree(ours, None)
    assert port.sent == []
    port.socket.agree(ours, PEER)
    assert port.sent


def test_what_waits_before_the_call_begins_is_dropped_but_no_handshake(port: Port) -> None:
    ours = agreement()
    port.socket.agree(ours, PEER)
    port.waiting.extend((packet(n), PEER) for n in range(3))
    peer = far(ours)
    port.waiting.append((peer.begin()[0], PEER))
    assert port.socket.drain(100) == 3
    for datagram, _ in list(port.sent):
        for out in peer.receive(datagram):
            port.take(out)
    assert port.socket.suite


@pytest.fixture
def noise() -> Iterator[bytes]:
    return (bytes([20 + n % 44]) + bytes([n]) * n for n in itertools.count(1))


def test_noise_is_counted_and_nothing_is_said_to_it(port: Port, noise: Iterator[bytes]) -> None:
    port.socket.agree(agreement(), PEER)
    for datagram in itertools.islice(noise, 200):
        port.take(datagram)
    assert port.refused == {"dtls_unexpected": 200}
    assert port.sent == []


def test_once_closed_it_says_nothing_more(port: Port) -> None:
    port.socket.agree(agreement(active=True), PEER)
    port.socket.close()
    changes = port.changes
    port.now += 10
    port.socket.poll()
    (hello,) = Handshake(other_side(agreement())).begin()
    port.take(hello)
    assert port.changes == changes
    assert port.socket.deadline is None
