import socket

import pytest

from support.ports import LOOPBACK, PortBlock


def test_two_blocks_have_nothing_in_common() -> None:
    with PortBlock() as one, PortBlock() as other:
        mine = {one.port() for _ in range(50)}
        assert len(mine) == 50
        assert not mine & {other.port() for _ in range(50)}


def test_a_range_begins_at_an_even_port_and_is_used_once() -> None:
    with PortBlock(600) as block:
        first, last = block.range(500)
        assert (first % 2, last - first) == (0, 499)
        assert block.port() > last
        with pytest.raises(RuntimeError, match="used up"):
            block.range(500)


def test_a_taken_port_is_passed_over() -> None:
    with PortBlock() as block, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
        port = block.port()
        taken.bind((LOOPBACK, port + 1))
        assert block.port() == port + 2
