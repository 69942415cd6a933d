import errno
import random
import socket
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import pytest

from sipua.rtp import ports
from sipua.rtp.ports import NoPortsLeft, PortPool, ReservedPort, family_of
from support.ports import PortBlock

HOST = "127.0.0.1"
FreeRange = Callable[[int], tuple[int, int]]


@pytest.fixture
def free_range() -> Iterator[FreeRange]:
    """An even port with so many free pairs from it on, which no other process takes."""
    with PortBlock() as block:
        yield lambda pairs: block.range(2 * pairs)


@contextmanager
def closing(*reserved: ReservedPort) -> Iterator[None]:
    try:
        yield
    finally:
        for one in reserved:
            one.rtp_socket.close()
            one.rtcp_socket.close()


def test_a_pair_is_even_and_odd_bound_and_does_not_block(free_range: FreeRange) -> None:
    reserved = PortPool((HOST,), *free_range(4)).reserve(0.0)
    with closing(reserved):
        assert reserved.port % 2 == 0
        assert reserved.rtp_socket.getsockname() == (HOST, reserved.port)
        assert reserved.rtcp_socket.getsockname() == (HOST, reserved.port + 1)
        with pytest.raises(BlockingIOError):
            reserved.rtp_socket.recv(1)
        size = reserved.rtp_socket.getsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF)
        assert size >= 100_000
        assert reserved.rtp_socket.getsockopt(socket.IPPROTO_IP, socket.IP_TOS) == 0xB8


@pytest.mark.parametrize(
    ("port_min", "port_max", "pairs"),
    [(16384, 24575, 4096), (10, 13, 2), (11, 14, 1), (10, 10, 0), (11, 12, 0)],
)
def test_only_whole_pairs_inside_the_range(port_min: int, port_max: int, pairs: int) -> None:
    assert PortPool((HOST,), port_min, port_max).stats()["pairs"] == pairs


def test_ports_are_chosen_at_random(free_range: FreeRange) -> None:
    low, high = free_range(32)
    orders = []
    for seed in (1, 2):
        pool = PortPool((HOST,), low, high, rng=random.Random(seed))
        reserved = [pool.reserve(0.0) for _ in range(8)]
        with closing(*reserved):
            orders.append([one.port for one in reserved])
    assert orders[0] != orders[1]
    assert orders[0] != sorted(orders[0])


def test_R14_a_port_rests_before_it_is_used_again(free_range: FreeRange) -> None:
    pool = PortPool((HOST,), *free_range(1), rest_s=30)
    first = pool.reserve(100.0)
    pool.release(first, 200.0)
    for now in (200.0, 229.9):
        with pytest.raises(NoPortsLeft, match="0 of 1 pairs in use, 1 resting"):
            pool.reserve(now)
    second = pool.reserve(230.0)
    with closing(second):
        assert second.port == first.port


def test_R14_packets_of_the_rest_are_gone(free_range: FreeRange) -> None:
    """A released port is closed: what arrives then is refused by the system, not kept."""
    pool = PortPool((HOST,), *free_range(1), rest_s=30)
    first = pool.reserve(0.0)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as old_peer:
        old_peer.sendto(b"early", (HOST, first.port))
        pool.release(first, 1.0)
        old_peer.sendto(b"late", (HOST, first.port))
        second = pool.reserve(31.0)
        with closing(second), pytest.raises(BlockingIOError):
            second.rtp_socket.recv(100)


def test_H3_no_ports_left_recovers(free_range: FreeRange) -> None:
    pool = PortPool((HOST,), *free_range(3), rest_s=0)
    reserved = [pool.reserve(0.0) for _ in range(3)]
    with pytest.raises(NoPortsLeft, match="3 of 3 pairs in use"):
        pool.reserve(0.0)
    pool.release(reserved[0], 1.0)
    again = pool.reserve(1.0)
    with closing(again, *reserved):
        assert again.port == reserved[0].port


@pytest.mark.parametrize("offset", [0, 1])
def test_a_pair_of_which_somebody_has_one_is_passed_over(
    offset: int, free_range: FreeRange
) -> None:
    low, high = free_range(8)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
        other.bind((HOST, low + 6 + offset))
        pool = PortPool((HOST,), low, high, rng=random.Random(1))
        reserved = [pool.reserve(0.0) for _ in range(7)]
        with closing(*reserved):
            assert low + 6 not in [one.port for one in reserved]
            with pytest.raises(NoPortsLeft):
                pool.reserve(0.0)
            assert pool.stats() == {
                "pairs": 8,
                "in_use": 7,
                "resting": 1,
                "free": 0,
                "refused": 1,
            }


def test_attempts_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    def taken(host: str, port: int) -> ReservedPort:
        raise OSError(errno.EADDRINUSE, "taken")

    pool = PortPool((HOST,), 16384, 24575)
    monkeypatch.setattr(ports, "_bind", taken)
    with pytest.raises(NoPortsLeft):
        pool.reserve(0.0)
    assert pool.stats()["refused"] == 64


def test_H3_no_descriptors_left_is_said_and_costs_no_port(
    monkeypatch: pytest.MonkeyPatch, free_range: FreeRange
) -> None:
    pool = PortPool((HOST,), *free_range(2))

    def no_descriptors(*_: object) -> socket.socket:
        raise OSError(errno.EMFILE, "Too many open files")

    with monkeypatch.context() as patch:
        patch.setattr(socket, "socket", no_descriptors)
        with pytest.raises(NoPortsLeft, match="Too many open files"):
            pool.reserve(0.0)
    assert pool.stats()["free"] == 2
    with closing(pool.reserve(0.0)):
        pass


def test_a_host_that_is_not_ours_is_said() -> None:
    with pytest.raises(NoPortsLeft, match=r"cannot bind 192\.0\.2\.1:"):
        PortPool(("192.0.2.1",), 16384, 24575).reserve(0.0)


def test_ipv6(free_range: FreeRange) -> None:
    reserved = PortPool(("::1",), *free_range(8)).reserve(0.0)
    with closing(reserved):
        assert reserved.rtp_socket.getsockname()[:2] == ("::1", reserved.port)
        assert reserved.rtp_socket.getsockopt(socket.IPPROTO_IPV6, socket.IPV6_TCLASS) == 0xB8
        assert reserved.family is socket.AF_INET6


def test_a_pair_is_of_the_family_that_the_call_needs(free_range: FreeRange) -> None:
    pool = PortPool(("127.0.0.1", "::1"), *free_range(2))
    assert pool.families == (socket.AF_INET, socket.AF_INET6)
    first, second = pool.reserve(0.0, socket.AF_INET6), pool.reserve(0.0, socket.AF_INET)
    with closing(first, second):
        assert first.rtp_socket.getsockname()[:2] == ("::1", first.port)
        assert second.rtp_socket.getsockname() == ("127.0.0.1", second.port)
        assert first.port != second.port  # one range for both
        assert pool.stats()["free"] == 0
    with pytest.raises(NoPortsLeft, match="no IPv6 address"):
        PortPool((HOST,), 16384, 24575).reserve(0.0, socket.AF_INET6)


def test_ipv6_sockets_leave_ipv4_alone(free_range: FreeRange) -> None:
    """Else an IPv4 peer would be seen as ::ffff:192.0.2.1, which no SDP names."""
    reserved = PortPool(("::",), *free_range(1)).reserve(0.0)
    with closing(reserved), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
        other.bind(("0.0.0.0", reserved.port))


def test_released_twice_is_released_once(free_range: FreeRange) -> None:
    pool = PortPool((HOST,), *free_range(1), rest_s=0)
    reserved = pool.reserve(0.0)
    pool.release(reserved, 0.0)
    pool.release(reserved, 0.0)
    assert pool.stats()["resting"] == 1


def test_threads_never_get_the_same_port(free_range: FreeRange) -> None:
    pool = PortPool((HOST,), *free_range(64), rest_s=0)

    def churn(_: int) -> None:
        for _ in range(50):
            reserved = pool.reserve(0.0)  # a port given twice fails to bind
            pool.release(reserved, 0.0)

    with ThreadPoolExecutor(8) as threads:
        list(threads.map(churn, range(8)))
    assert pool.stats()["in_use"] == 0
    assert pool.stats()["refused"] == 0


def test_the_family_of_an_address() -> None:
    assert family_of("192.0.2.1") is socket.AF_INET
    assert family_of("pbx.example.com") is socket.AF_INET
    assert family_of("2001:db8::1") is socket.AF_INET6
    assert family_of("::") is socket.AF_INET6
