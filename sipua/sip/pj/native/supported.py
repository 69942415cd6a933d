"""What our INVITEs say that we can: pjsip writes one list into all of them. pjsua2 thread only.

pjsua offers reliable ringing (`100rel`) in each call, whatever its account says: an account can
only want it more. pjsip copies the header of its endpoint into each INVITE that it makes, within
the function that places the call. So the word is taken from the header for that time. Nothing but
the count and the places of the words is changed, and only if the header is found as it is written
here.
"""

from __future__ import annotations

import ctypes
from collections.abc import Iterator
from contextlib import contextmanager
from ctypes import POINTER, Structure, c_int, c_long, c_uint, c_void_p
from typing import Final

from pjsua2 import _pjsua2

_RELIABLE: Final = b"100rel"
_SUPPORTED: Final = 36  # of pjsip_hdr_e
_MOST: Final = 32  # PJSIP_GENERIC_ARRAY_MAX_COUNT


class _Text(Structure):  # pj_str_t
    _fields_ = (("ptr", c_void_p), ("length", c_long))

    def bytes(self) -> bytes:
        return ctypes.string_at(self.ptr, self.length) if self.ptr else b""


class _Header(Structure):  # pjsip_generic_array_hdr
    _fields_ = (
        ("previous", c_void_p),
        ("next", c_void_p),
        ("type", c_int),
        ("name", _Text),
        ("short_name", _Text),
        ("functions", c_void_p),
        ("count", c_uint),
        ("values", _Text * _MOST),
    )


@contextmanager
def without_reliable_ringing() -> Iterator[None]:
    """An INVITE that is made meanwhile does not offer it."""
    header = _header()
    place = -1 if header is None else _place(header)
    if header is None or place < 0:
        yield
        return
    last = header.count - 1
    _swap(header, place, last)
    header.count = last
    try:
        yield
    finally:
        header.count = last + 1
        _swap(header, place, last)


def _header() -> _Header | None:
    """None: this build has another one, or none."""
    library = ctypes.CDLL(_pjsua2.__file__)
    try:
        library.pjsua_get_pjsip_endpt.restype = c_void_p
        library.pjsip_endpt_get_capability.restype = POINTER(_Header)
    except AttributeError:
        return None
    endpoint = library.pjsua_get_pjsip_endpt()
    if not endpoint:
        return None
    found = library.pjsip_endpt_get_capability(c_void_p(endpoint), c_int(_SUPPORTED), None)
    if not found:
        return None
    header: _Header = found.contents
    known = header.type == _SUPPORTED and 0 < header.count <= _MOST
    return header if known and header.name.bytes() == b"Supported" else None


def _place(header: _Header) -> int:
    words = [header.values[place].bytes() for place in range(header.count)]
    return words.index(_RELIABLE) if _RELIABLE in words else -1


def _swap(header: _Header, one: int, other: int) -> None:
    first, second = header.values[one], header.values[other]
    kept = first.ptr, first.length
    first.ptr, first.length = second.ptr, second.length
    second.ptr, second.length = kept
