"""The owner of a taken port is found by its socket."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest

from sipua.process.port_owner import port_owner


@pytest.mark.parametrize("transport", ["udp", "tcp"])
def test_our_own_socket_is_found_by_its_port(transport: str) -> None:
    kind = socket.SOCK_DGRAM if transport == "udp" else socket.SOCK_STREAM
    with socket.socket(socket.AF_INET, kind) as taken:
        taken.bind(("127.0.0.1", 0))
        if transport == "tcp":
            taken.listen()
        owner = port_owner(transport, taken.getsockname()[1])
    assert owner is not None
    assert f"(pid {os.getpid()})" in owner


def test_a_free_port_has_no_owner(closed_port: int) -> None:
    assert port_owner("udp", closed_port) is None


def test_a_machine_without_proc_is_no_error(tmp_path: Path) -> None:
    assert port_owner("tcp", 5060, proc=tmp_path) is None
