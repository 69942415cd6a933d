"""Which user of this machine is at the other end of a connection: the kernel's own table."""

import os
import pwd
import socket
from pathlib import Path

import pytest

from sipua.control.http.local_user import local_user


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
def test_the_user_of_a_connection(host: str) -> None:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with (
        socket.create_server((host, 0), family=family) as server,
        socket.create_connection(server.getsockname()[:2]),
    ):
        ours, peer = server.accept()
        with ours:
            name = local_user(peer[:2], ours.getsockname()[:2])
    assert name == pwd.getpwuid(os.getuid()).pw_name


def test_of_another_machine_and_without_a_table(tmp_path: Path) -> None:
    assert local_user(("192.0.2.1", 1), ("192.0.2.2", 2)) is None
    assert local_user(("127.0.0.1", 1), ("127.0.0.1", 2), tmp_path) is None
    assert local_user(("no address", 1), ("127.0.0.1", 2)) is None


def test_a_user_without_a_name(tmp_path: Path) -> None:
    (tmp_path / "net").mkdir()
    (tmp_path / "net" / "tcp").write_text(
        "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid\n"
        "   0: 0100007F:0001 0100007F:0002 01 00000000:00000000 00:00000000 00000000 987654 0 1\n"
    )
    assert local_user(("127.0.0.1", 1), ("127.0.0.1", 2), tmp_path) == "uid 987654"
