"""One end of a link: a socket pair of the kernel that keeps the borders of messages and carries
descriptors.

Messages that the kernel does not take at once wait, up to a bound: an other side that does not read
is a fault, and the end of the link. So is a message that cannot be read.

A message may arrive without its descriptors, and then without all of them: this process has too
many open, or the user's processes have too many on their way. The link goes on; what the message
was about cannot.
"""

from __future__ import annotations

import array
import asyncio
import contextlib
import errno
import os
import socket
from collections import deque
from collections.abc import Callable, Sequence
from typing import Generic, Protocol, TypeVar

from sipua.events.teller import ENDED, Told
from sipua.outputs.hep.seen import RtcpSeen
from sipua.worker.link.coding import LONGEST, LinkError, Reader, encode
from sipua.worker.link.messages import (
    CapturedSip,
    Samples,
    Steer,
    TakeCall,
    TakeLeg,
    ToEdge,
    ToWorker,
    Watch,
)

MOST_WAITING = 1024
"""Messages; a call has about ten in its life."""
_MOST_NEW = 0.25
"""Of the room may be filled by what can be refused: so a flood of calls that begin and end leaves
room for what the calls that run must be told."""
MOST_DESCRIPTORS = 2
NO_DESCRIPTORS = (
    "its descriptors did not come along: this process has too many open, or the edge too many on "
    "their way (`ulimit -n`)"
)
_MOST_AT_ONCE = 64
_OVERHEAD = 32
"""Bytes of its send buffer that the kernel keeps for itself."""
_SPACE = socket.CMSG_SPACE(MOST_DESCRIPTORS * array.array("i").itemsize)

_REFUSABLE = (TakeCall, TakeLeg, Steer, CapturedSip, Watch, Samples, RtcpSeen)

M = TypeVar("M")
Handler = Callable[[M, list[int]], None]
"""`handler(message, descriptors)`: all descriptors that were passed, or none; they are its to
close."""


class Descriptor(Protocol):
    """An open socket or file."""

    def fileno(self) -> int: ...

    def close(self) -> None: ...


def pair() -> tuple[socket.socket, socket.socket]:
    both = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    for one in both:  # the machine's default may be too small for the longest message
        one.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, LONGEST)  # the kernel doubles it
    return both


class Channel(Generic[M]):
    """On the running loop from `start` to `close`; all methods are called there."""

    def __init__(
        self,
        sock: socket.socket,
        reader: Reader[M],
        on_message: Handler[M],
        on_end: Callable[[str], None],
        *,
        most_waiting: int = MOST_WAITING,
    ) -> None:
        """`on_end(cause)`: once; the link is closed. An empty cause: the other side has ended."""
        self._socket = sock
        self._reader = reader
        self._on_message = on_message
        self._on_end = on_end
        self._most_waiting = most_waiting
        self._longest = LONGEST
        self._buffer = memoryview(bytearray(LONGEST))
        self._waiting: deque[tuple[bytes, Sequence[Descriptor]]] = deque()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._closed = False
        self.refused = 0
        """Messages that could not be read."""

    def start(self) -> None:
        self._socket.setblocking(False)
        room = self._socket.getsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF)
        self._longest = room - _OVERHEAD
        self._loop = asyncio.get_running_loop()
        self._loop.add_reader(self._socket, self._read)

    def close(self) -> None:
        """May be called twice. What waits is not sent any more."""
        if self._closed:
            return
        self._closed = True
        if self._loop is not None:
            self._loop.remove_reader(self._socket)
            self._loop.remove_writer(self._socket)
        while self._waiting:
            _close(self._waiting.popleft()[1])
        self._socket.close()

    def send(self, message: ToWorker | ToEdge, passed: Sequence[Descriptor] = ()) -> None:
        """Send; our copies of what is passed are closed once they have left. Raises LinkError for a
        message that cannot be sent, or need not be while so many wait: nothing is lost by it but
        this message, and what was to be passed stays open. A link that has ended sends nothing.
        """
        data = encode(message)
        if self._closed:
            _close(passed)
            return
        if len(data) > self._longest:
            words = f"{len(data)} bytes, the kernel takes {self._longest} (net.core.wmem_max)"
            raise LinkError(f"{type(message).__name__}: {words}")
        if _may_be_refused(message) and len(self._waiting) >= self._most_waiting * _MOST_NEW:
            raise LinkError(f"{type(message).__name__}: {len(self._waiting)} messages wait")
        if self._waiting:
            self._wait(data, passed)
            return
        try:
            self._put(data, passed)
        except BlockingIOError:
            assert self._loop is not None
            self._loop.add_writer(self._socket, self._write)
            self._wait(data, passed)
        except ConnectionError:
            _close(passed)  # the reader takes what the other side had still sent, and then the end
        except OSError as error:
            _close(passed)
            self._end(_words(error))

    def read_rest(self) -> None:
        """Read what an other side that has ended had still sent."""
        while self._receive():
            pass

    def _wait(self, data: bytes, passed: Sequence[Descriptor]) -> None:
        if len(self._waiting) >= self._most_waiting:
            _close(passed)
            self._end(f"it reads no messages: {len(self._waiting)} wait")
            return
        self._waiting.append((data, passed))

    def _put(self, data: bytes, passed: Sequence[Descriptor]) -> None:
        rights = array.array("i", [one.fileno() for one in passed])
        control = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, rights)] if passed else []
        try:
            self._socket.sendmsg([data], control)
        except OSError as error:
            if error.errno != errno.ETOOMANYREFS:
                raise
            self._socket.send(data)  # who gets it without them ends what it is about
        _close(passed)

    def _write(self) -> None:
        while self._waiting:
            try:
                self._put(*self._waiting[0])
            except BlockingIOError:
                return
            except ConnectionError:  # as above
                _close(self._waiting[0][1])
            except OSError as error:
                self._end(_words(error))
                return
            self._waiting.popleft()
        if self._loop is not None and not self._closed:
            self._loop.remove_writer(self._socket)

    def _read(self) -> None:
        for _ in range(_MOST_AT_ONCE):
            if not self._receive():
                return

    def _receive(self) -> bool:
        """Take one message; False: there is none now."""
        if self._closed:
            return False
        try:
            size, control, flags, _ = self._socket.recvmsg_into(
                [self._buffer], _SPACE, socket.MSG_CMSG_CLOEXEC
            )
        except BlockingIOError:
            return False
        except ConnectionError:  # told once, before what it had still sent: it has not read all
            return True
        except OSError as error:
            self._end(_words(error))
            return False
        descriptors = _descriptors(control)
        if flags & socket.MSG_CTRUNC:
            close_all(descriptors)
            descriptors = []
        if not size:
            close_all(descriptors)
            self._end("")
            return False
        try:
            message = self._reader.decode(self._buffer[:size])  # one that was cut off is none
        except LinkError as error:
            self.refused += 1
            close_all(descriptors)
            self._end(str(error))
            return False
        self._on_message(message, descriptors)
        return True

    def _end(self, cause: str) -> None:
        if not self._closed:
            self.close()
            self._on_end(cause)


def _may_be_refused(message: ToWorker | ToEdge) -> bool:
    """A call or a leg that has not begun, a command from outside, a gap in a capture, an event, a
    report of RTCP, a look at calls; but not the end of a call."""
    if isinstance(message, Told):
        return message.type != ENDED
    return isinstance(message, _REFUSABLE)


def _descriptors(control: list[tuple[int, int, bytes]]) -> list[int]:
    found = array.array("i")
    for level, kind, data in control:
        if level == socket.SOL_SOCKET and kind == socket.SCM_RIGHTS:
            found.frombytes(data[: len(data) - len(data) % found.itemsize])
    return found.tolist()


def close_all(descriptors: Sequence[int]) -> None:
    for descriptor in descriptors:
        with contextlib.suppress(OSError):
            os.close(descriptor)


def _close(passed: Sequence[Descriptor]) -> None:
    for descriptor in passed:
        descriptor.close()


def _words(error: OSError) -> str:
    return f"{type(error).__name__}: {error.strerror or error}"
