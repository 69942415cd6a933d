"""The alarm of pjsua2's poll: what other threads use to end a running poll at once.

One end of an unnamed pair of sockets is registered in pjsip's own ioqueue, beside its transports; a
byte from the other end makes the poll return. No other process can reach that pair, and pjsip takes
it for no transport, so it is in no header and no list of addresses. pjsua2 does not show the
ioqueue, but every build exports it. No structure of pjsip is written here: the buffers that it
wants are opaque, and larger than they must be.
"""

from __future__ import annotations

import ctypes
import socket
from collections.abc import Callable
from ctypes import POINTER, byref, c_char_p, c_int, c_size_t, c_ssize_t, c_uint, c_void_p

from pjsua2 import _pjsua2

_PENDING = 70002  # PJ_EPENDING: the read waits for a byte
_ALWAYS_ASYNC = 1 << 31  # PJ_IOQUEUE_ALWAYS_ASYNC: read in the poll, never at once
_OPAQUE_BYTES = 1024  # pj_ioqueue_op_key_t has 272, pj_ioqueue_callback 32
_POOL_BYTES = 512
_READ_BYTES = 64
_PROOFS, _PROOF_MS = 5, 20
_MISSED = 100
"""Polls in which the byte stayed where it was; a poll reads sixteen descriptors at most."""


class WakerError(RuntimeError):
    """This build cannot be woken, or not any more."""


class Waker:
    """`wake` is for any thread, all else for the pjsua2 thread."""

    def __init__(self, poll: Callable[[int], object]) -> None:
        """After libInit, before anything listens. `poll`: libHandleEvents, to prove that it works.
        WakerError: this build is another one than those we know.
        """
        theirs, self._ours = socket.socketpair()
        self._ours.setblocking(False)
        self._read = ctypes.create_string_buffer(_OPAQUE_BYTES)
        self._bytes = ctypes.create_string_buffer(_READ_BYTES)
        self._key = c_void_p()
        self._missed = 0
        self._woken = False
        try:
            self._pj = _functions()
            self._register(theirs)
        except BaseException:
            theirs.close()
            self._ours.close()
            raise
        theirs.detach()  # pjsip's from here on: it closes it when it is unregistered
        try:
            self._await_byte()
            self._prove(poll)
        except BaseException:
            self.close()
            raise

    def wake(self) -> None:
        """End the poll that runs, or the next one. WakerError: it goes on for its whole time."""
        self._woken = True
        try:
            self._ours.send(b"\0")
        except BlockingIOError:
            pass  # full of bytes, any of which will do
        except OSError as error:
            raise WakerError(f"the waker's socket: {error}") from error

    def polled(self) -> None:
        """Make ready for the next byte; to be called after each poll. WakerError: it cannot be."""
        if not self._pj.pj_ioqueue_is_pending(self._key, self._read):
            self._missed, self._woken = 0, False
            self._await_byte()
        elif self._woken:
            self._missed += 1
            if self._missed == _MISSED:
                raise WakerError(f"{_MISSED} polls did not read what wakes them")

    def close(self) -> None:
        """Before libDestroy."""
        self._pj.pj_ioqueue_unregister(self._key)
        self._ours.close()

    def _register(self, theirs: socket.socket) -> None:
        pj = self._pj
        endpoint = pj.pjsua_get_pjsip_endpt()
        if endpoint is None:
            raise WakerError("the library has not begun")
        queue = c_void_p(pj.pjsip_endpt_get_ioqueue(endpoint))
        pool = c_void_p(pj.pjsua_pool_create(b"waker", _POOL_BYTES, _POOL_BYTES))  # freed by pjsua
        no_callbacks = ctypes.create_string_buffer(_OPAQUE_BYTES)
        status = pj.pj_ioqueue_register_sock(
            pool, queue, theirs.fileno(), None, no_callbacks, byref(self._key)
        )
        if status != 0 or self._key.value is None:
            raise WakerError(f"pj_ioqueue_register_sock: status {status}")

    def _await_byte(self) -> None:
        length = c_ssize_t(_READ_BYTES)
        status = self._pj.pj_ioqueue_recv(
            self._key, self._read, self._bytes, byref(length), _ALWAYS_ASYNC
        )
        if status != _PENDING:
            raise WakerError(f"pj_ioqueue_recv: status {status}")

    def _prove(self, poll: Callable[[int], object]) -> None:
        self.wake()
        for _ in range(_PROOFS):
            poll(_PROOF_MS)
            if not self._pj.pj_ioqueue_is_pending(self._key, self._read):
                self.polled()
                return
        raise WakerError("a byte in pjsip's ioqueue does not end its poll")


def _functions() -> ctypes.PyDLL:
    """Those of pjsip that are used here. None of them waits, so they keep the interpreter."""
    pj = ctypes.PyDLL(_pjsua2.__file__)
    signatures: dict[str, tuple[object, tuple[object, ...]]] = {
        "pjsua_get_pjsip_endpt": (c_void_p, ()),
        "pjsip_endpt_get_ioqueue": (c_void_p, (c_void_p,)),
        "pjsua_pool_create": (c_void_p, (c_char_p, c_size_t, c_size_t)),
        "pj_ioqueue_register_sock": (
            c_int,
            (c_void_p, c_void_p, ctypes.c_long, c_void_p, c_void_p, POINTER(c_void_p)),
        ),
        "pj_ioqueue_is_pending": (c_int, (c_void_p, c_void_p)),
        "pj_ioqueue_recv": (c_int, (c_void_p, c_void_p, c_void_p, POINTER(c_ssize_t), c_uint)),
        "pj_ioqueue_unregister": (c_int, (c_void_p,)),
    }
    for name, (result, arguments) in signatures.items():
        try:
            function = getattr(pj, name)
        except AttributeError:
            raise WakerError(f"this build does not export {name}") from None
        function.restype, function.argtypes = result, arguments
    return pj
