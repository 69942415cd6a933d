"""Edges forked from a process that has imported all that an edge and its workers import.

    pytest ── arguments, environment, log ──▶ that process ──▶ a process for a moment ──▶ edge
           ◀── its process number ───────────

Python's start and the imports took most of the processor that the tests of calls need. From its
first line on an edge does the same as one that was started as a program, and it is a child of
pytest as well. Its agent is forked, too (ready_agent.py). What the interpreter reads at its own
start, such as PYTHONPATH, needs a real start.
"""

from __future__ import annotations

import gc
import json
import os
import resource
import signal
import socket
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NoReturn

from sipua.process import linux
from support.calls import ready_agent
from support.calls.adopted import Adopted
from support.process import Child

_TESTS = str(Path(__file__).parents[2])
_AT_START = dict(os.environ)
_READ_AT_START = ("PYTHON", "LD_", "MALLOC_", "OPENBLAS_")
_ANSWER = struct.Struct("=i")
_LARGEST = 1 << 17  # of a question


def can(env: Mapping[str, str]) -> bool:
    """Whether an edge with that environment may be forked."""
    names = {name for name in {*env, *_AT_START} if name.startswith(_READ_AT_START)}
    return all(env.get(name) == _AT_START.get(name) for name in names)


class ForkedEdge(Child):
    """`sipua` with these arguments."""

    def __init__(self, arguments: Sequence[str | Path], log: Path, env: Mapping[str, str]) -> None:
        self.log = log
        self._name = "sipua"
        with log.open("ab") as output:
            self._process = Adopted(_forks.fork([*map(str, arguments)], env, output.fileno()))


class _Forks:
    """Our side of the process that edges are forked from. It is started with the first edge, and
    ends with us.
    """

    def __init__(self) -> None:
        self._control: socket.socket | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._one_at_a_time = threading.Lock()

    def fork(self, arguments: list[str], env: Mapping[str, str], output: int) -> int:
        """The process number of a new edge, which is a child of ours."""
        about = {
            "tests": os.getpid(),
            "folder": str(Path.cwd()),
            "arguments": arguments,
            "env": dict(env),
            "limits": resource.getrlimit(resource.RLIMIT_NOFILE),
        }
        with self._one_at_a_time:
            if self._control is None:
                self._control, self._process = _begin()
            linux.adopt_orphans(True)
            try:
                socket.send_fds(self._control, [json.dumps(about).encode()], [output])
                answer = self._control.recv(_ANSWER.size)
                assert answer, "the process that edges are forked from has ended"
            except BaseException:
                self._give_up()
                raise
            finally:
                linux.adopt_orphans(False)
        return int(_ANSWER.unpack(answer)[0])

    def _give_up(self) -> None:
        """An answer that came late would be taken for that of the next question."""
        assert self._control is not None
        assert self._process is not None
        self._control.close()
        self._process.kill()
        self._process.wait()
        self._control = self._process = None


_forks = _Forks()


def _begin() -> tuple[socket.socket, subprocess.Popen[bytes]]:
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    ours.settimeout(60)
    code = (
        f"import sys; sys.path.insert(1, {_TESTS!r}); "
        f"from support.calls import edge_forks; edge_forks.serve({theirs.fileno()})"
    )
    with theirs:
        process = subprocess.Popen(
            # Their command line is this one: `sipua doctor` looks for the name in it.
            [sys.executable, "-c", code, "sipua", "serve"],
            pass_fds=[theirs.fileno()],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            env={**_AT_START, "OPENBLAS_NUM_THREADS": "1"},  # its threads would not survive a fork
        )
    return ours, process


# --- the process that edges are forked from ----------------------------------------------------


def serve(descriptor: int) -> None:
    """Until the tests are over. In an edge it returns when the edge has ended."""
    control = socket.socket(fileno=descriptor)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    _import_all()
    sys.path.remove(_TESTS)
    gc.collect()
    gc.freeze()
    while True:
        asked, descriptors, _, _ = socket.recv_fds(control, _LARGEST, 1)
        if not asked:
            return
        told, tell = os.pipe()
        between = os.fork()
        if between == 0:
            edge = os.fork()
            if edge:
                os.write(tell, _ANSWER.pack(edge))
                os._exit(0)
            control.close()
            os.close(told)
            os.close(tell)
            _be_an_edge(descriptors[0], json.loads(asked))
        os.waitpid(between, 0)
        control.send(os.read(told, _ANSWER.size))
        for number in (told, tell, *descriptors):
            os.close(number)


def _import_all() -> None:
    from sipua import __main__  # noqa: F401
    from sipua.bridge.engines.openai_live import protocol as _live  # noqa: F401
    from sipua.bridge.engines.openai_realtime import protocol as _realtime  # noqa: F401
    from sipua.control import api  # noqa: F401
    from sipua.doctor import doctor
    from sipua.edge import app  # noqa: F401
    from sipua.outputs.hooks import webhooks  # noqa: F401
    from sipua.sip.dns import lookup  # noqa: F401
    from sipua.tools.wire import http_client  # noqa: F401
    from sipua.worker import process

    ready_agent.import_all()
    process.version()
    doctor.build_info()  # what pjsua2 is does not change: each edge asks it in a process otherwise
    assert linux.threads() == 1, "one with threads starts its fork server as a program"


def _be_an_edge(output: int, about: dict[str, Any]) -> NoReturn:
    between = os.getppid()
    while (parent := os.getppid()) == between and parent != about["tests"]:
        time.sleep(0.0002)
    linux.die_with_parent()
    if os.getppid() != about["tests"]:
        os._exit(1)
    resource.setrlimit(resource.RLIMIT_NOFILE, tuple(about["limits"]))
    signal.signal(signal.SIGINT, signal.default_int_handler)
    for number in (1, 2):
        os.dup2(output, number)
    os.close(output)
    os.environ.clear()
    os.environ.update(about["env"])
    time.tzset()
    os.chdir(about["folder"])
    sys.path[0] = about["folder"]
    ready_agent.prepare()
    from sipua import __main__

    sys.argv = [str(__main__.__file__), *about["arguments"]]
    __main__.main()
    raise AssertionError("it has an exit status")
