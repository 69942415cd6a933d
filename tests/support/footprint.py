"""What an edge holds on the machine, with its workers: descriptors, bound UDP ports, children.

`nothing_kept(pid, before)` fails when what happened since `before = settled(pid)` left anything
behind.
"""

import contextlib
import time
from dataclasses import dataclass
from pathlib import Path

from sipua.worker.fork_server import SERVER_NAME, WORKER_NAME
from support.calls.ready_agent import WAITING_NAME
from support.process import wait_until

_GIVEN_BACK_WITHIN_S = 20.0  # the last answers, the engine's closing handshake
_SETTLED_S = 0.25
_CLOSE_WAIT = "08"


@dataclass(frozen=True, slots=True)
class Footprint:
    descriptors: int
    udp_ports: frozenset[int]
    children: frozenset[int]


def footprint(pid: int) -> Footprint:
    """A SIP connection that the peer has closed does not count: pjsip keeps it for 33 s more. Nor
    does /dev/null: libuv holds it in reserve, from the first connection of each worker. Nor do the
    files of call records, which are open from the first call to the edge's end.
    """
    held = []
    for process in (pid, *workers(pid)):
        for descriptor in Path(f"/proc/{process}/fd").iterdir():
            with contextlib.suppress(FileNotFoundError):  # closed while we looked
                held.append(str(descriptor.readlink()))
    ports = {_port(row) for row in _table(pid, "udp") if _socket(row) in held}
    closing = {_socket(row) for row in _table(pid, "tcp") if row[3] == _CLOSE_WAIT}
    return Footprint(
        sum(
            descriptor not in (*closing, "/dev/null") and "/cdr/" not in descriptor
            for descriptor in held
        ),
        frozenset(ports),
        frozenset(children(pid)),
    )


def settled(pid: int) -> Footprint:
    """When it has stayed the same for a moment: calls that have just ended are still giving back.

    What opens on first use should have been used by then.
    """
    seen = [footprint(pid)]

    def same_again() -> bool:
        time.sleep(_SETTLED_S)
        seen.append(footprint(pid))
        return seen[-1] == seen[-2]

    wait_until(same_again, _GIVEN_BACK_WITHIN_S, "a moment of rest")
    return seen[-1]


def children(pid: int) -> list[int]:
    listed = ""
    for task in Path(f"/proc/{pid}/task").iterdir():
        with contextlib.suppress(FileNotFoundError):
            listed += (task / "children").read_text()
    return [int(child) for child in listed.split()]


def workers(pid: int) -> list[int]:
    return [child for child in children(pid) if _name(child) == WORKER_NAME]


def agents(pid: int) -> list[int]:
    """The embedded local agent: none or one."""
    ours = (WORKER_NAME, SERVER_NAME, WAITING_NAME)
    return [child for child in children(pid) if _name(child) not in ours]


def fork_server(pid: int) -> int:
    (server,) = (child for child in children(pid) if _name(child) == SERVER_NAME)
    return server


def _name(pid: int) -> str:
    with contextlib.suppress(FileNotFoundError):
        return Path(f"/proc/{pid}/comm").read_text().strip()
    return ""


def nothing_kept(pid: int, before: Footprint) -> None:
    def given_back() -> bool:
        now = footprint(pid)
        return (
            now.descriptors <= before.descriptors
            and now.udp_ports <= before.udp_ports
            and now.children == before.children
        )

    try:
        wait_until(given_back, _GIVEN_BACK_WITHIN_S, "")
    except TimeoutError:
        raise AssertionError(f"before: {before}\nnow: {footprint(pid)}") from None


def _table(pid: int, protocol: str) -> list[list[str]]:
    """See proc_pid_net(5): local address, remote address, state, …, inode."""
    text = Path(f"/proc/{pid}/net/{protocol}").read_text()
    return [line.split() for line in text.splitlines()[1:]]


def _port(row: list[str]) -> int:
    return int(row[1].rpartition(":")[2], 16)


def _socket(row: list[str]) -> str:
    return f"socket:[{row[9]}]"
