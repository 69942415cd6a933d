import socket

import pytest

from sipua.sip.wire.free_port import free_port
from support.ports import LOOPBACK


def bound(kind: socket.SocketKind, port: int = 0) -> socket.socket:
    taken = socket.socket(socket.AF_INET, kind)
    taken.bind((LOOPBACK, port))
    return taken


@pytest.mark.parametrize("kind", [socket.SOCK_DGRAM, socket.SOCK_STREAM])
def test_a_port_that_one_transport_cannot_have_is_left(kind: socket.SocketKind) -> None:
    with bound(kind) as taken:
        port = taken.getsockname()[1]
        found = free_port([LOOPBACK], ["udp", "tcp"], [port, 0])
        assert found not in (0, port)
        assert free_port([LOOPBACK], ["udp", "tcp"], [port]) == 0


def test_it_is_free_for_every_host_and_transport() -> None:
    port = free_port([LOOPBACK, "::1"], ["udp", "tcp"])
    for kind in (socket.SOCK_DGRAM, socket.SOCK_STREAM):
        with bound(kind, port):
            pass


def test_both_families_of_every_address() -> None:
    assert free_port(["0.0.0.0", "::"], ["udp", "tcp"])


def test_an_address_of_another_machine_is_for_pjsip_to_refuse() -> None:
    assert free_port(["192.0.2.1"], ["udp"]) == 0
