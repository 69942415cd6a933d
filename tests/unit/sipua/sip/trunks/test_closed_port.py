from __future__ import annotations

import socket
import time

import pytest

from sipua.sip.trunks.closed_port import KEEP_ALIVE, ClosedPort


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
def test_a_closed_port_says_so_and_goes_on_saying_it(host: str, closed_port: int) -> None:
    port = ClosedPort(host, closed_port)
    deadline = time.monotonic() + 20
    while not port.refused() and time.monotonic() < deadline:
        time.sleep(0.001)
    assert port.refused()
    assert port.refused()
    port.close()
    assert port.refused(), "it stays so, and nothing is asked any more"


def test_a_port_that_listens_hears_a_keep_alive_and_is_not_closed() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.bind(("127.0.0.1", 0))
        server.settimeout(20)
        port = ClosedPort(*server.getsockname())
        heard, source = server.recvfrom(100)
        assert heard == KEEP_ALIVE
        assert not port.refused()
        server.sendto(b"\r\n", source)
        assert not port.refused()
        port.close()


def test_where_there_is_no_way_nothing_is_known() -> None:
    port = ClosedPort("255.255.255.255", 9)  # a broadcast needs a permission
    assert not port.refused()
    port.close()
