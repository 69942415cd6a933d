"""The bridge between pjsip's look-ups of host names and our resolver. pjsua2 thread only.

By default pjsip calls getaddrinfo on the calling thread, which is the only one that signalling
has. pjsip takes another resolver by `pjsip_endpt_set_ext_resolver`; pjsua2 does not show that
function, but every build exports it. Three small structures of pjsip are written here; before the
resolver is installed, pjsip itself fills them in, and the result must be what we would write.
"""

from __future__ import annotations

import ctypes
import ipaddress
import socket
import struct
import time
from collections.abc import Callable, Sequence
from ctypes import (
    CFUNCTYPE,
    POINTER,
    Structure,
    byref,
    c_char_p,
    c_int,
    c_long,
    c_ubyte,
    c_uint,
    c_void_p,
)
from dataclasses import dataclass
from typing import Any

from pjsua2 import _pjsua2

from sipua.sip.dns.names import (
    MAX_NAMES,
    Found,
    Name,
    NotFound,
    Outcome,
    Target,
    default_port,
    targets,
)

_NOT_RESOLVED = 70018  # PJ_ERESOLVE; a transaction makes 502 of it
_IPV6 = 128  # a bit of pjsip_transport_type_e
_TRANSPORTS = {0: "", 1: "udp", 2: "tcp", 3: "tls"}
_TYPES = {name: number for number, name in _TRANSPORTS.items() if name}
_ROOM = 64  # entries: pjsip copies as many as its build has, 8 to 32
_MOST = 8
_SOCKADDR_BYTES = 28  # the larger one, of IPv6


class _Text(Structure):  # pj_str_t
    _fields_ = (("ptr", c_void_p), ("length", c_long))


class _Target(Structure):  # pjsip_host_info
    _fields_ = (("flag", c_uint), ("type", c_int), ("host", _Text), ("port", c_int))


_RECORD = (
    ("type", c_int),
    ("priority", c_uint),
    ("weight", c_uint),
    ("address", c_ubyte * _SOCKADDR_BYTES),
    ("address_length", c_int),
)


class _Record(Structure):  # pjsip_server_address_record
    _fields_ = (("name", _Text), *_RECORD)


class _Records(Structure):  # pjsip_server_addresses
    _fields_ = (("count", c_uint), ("entry", _Record * _ROOM))


class _OldRecord(Structure):  # until 2.15
    _fields_ = _RECORD


class _OldRecords(Structure):
    _fields_ = (("count", c_uint), ("entry", _OldRecord * _ROOM))


_LAYOUTS = (_Records, _OldRecords)

_Answer = CFUNCTYPE(None, c_int, c_void_p, c_void_p)
_Resolve = CFUNCTYPE(None, c_void_p, c_void_p, POINTER(_Target), c_void_p, c_void_p)


class _Callbacks(Structure):  # pjsip_ext_resolver
    _fields_ = (("resolve", _Resolve),)


class LayoutError(RuntimeError):
    """The structures of this build are not those that are written in this file."""


@dataclass(eq=False, slots=True)
class _Question:
    """One look-up of pjsip: it must be answered exactly once."""

    host: bytes
    transport: str | None
    """None: one that we do not speak; another one in its place would be wrong."""
    port: int
    token: int
    answer: Callable[[int, int, Any], None]


class PjResolver:
    """pjsip's external resolver. `ask` returns the outcome, or None and passes it later."""

    def __init__(
        self,
        ask: Callable[[Name, Callable[[Outcome], None]], Outcome | None],
        fault: Callable[[str, BaseException], None],
    ) -> None:
        self.versions = {4}
        """The IP versions that our transports can reach."""
        self._ask = ask
        self._fault = fault
        self._open: set[_Question] = set()
        self._left_out: dict[Target, float] = {}
        """Until when: they are tried last."""
        self._given: dict[str, list[Target]] = {}
        """What pjsip was told of a name last; it takes the first."""
        self._layout: type[_Records | _OldRecords] = _Records
        # pjsip keeps a pointer to it.
        self._callbacks = _Callbacks(_Resolve(self._resolve))

    def install(self) -> None:
        """Install it, after libInit. LayoutError: pjsip goes on to resolve by itself."""
        library = ctypes.CDLL(_pjsua2.__file__)
        library.pjsua_get_pjsip_endpt.restype = c_void_p
        endpoint = c_void_p(library.pjsua_get_pjsip_endpt())
        self._layout = _layout_of(library, endpoint)
        library.pjsip_endpt_set_ext_resolver(endpoint, byref(self._callbacks))

    def reaches(self, address: str) -> bool:
        return _version(address) in self.versions

    def leave_out(self, target: Target, until: float) -> None:
        """Try it last, until then, where a name stands for several."""
        now = time.monotonic()
        left = {one: end for one, end in self._left_out.items() if end > now}
        self._left_out = left if len(left) < MAX_NAMES else {}
        self._left_out[target] = until

    def leave(self, host: str, rest_s: float) -> bool:
        """The target that a name stood for last has failed, and is tried last for a while. Whether
        another one may do better."""
        given, now = self._given.get(host.lower(), []), time.monotonic()
        if given:
            self.leave_out(given[0], now + rest_s)
        return any(self._left_out.get(one, 0.0) <= now for one in given)

    def ranked(self, found: Found, port: int, transport: str) -> list[Target]:
        """Where a request goes, as far as our transports reach, best first."""
        now = time.monotonic()
        ends = {one: end for one, end in self._left_out.items() if end > now}
        there = [one for one in targets(found, port, transport) if self.reaches(one.address)]
        return sorted(there, key=lambda one: ends.get(one, 0.0)) if ends else there

    def close(self) -> None:
        """Close it, before libDestroy: open and later look-ups get no address any more."""
        self._ask = lambda _name, _later: NotFound("the end has begun")
        for question in list(self._open):
            self._answer(question, [])

    def _resolve(self, _resolver: int, _pool: int, target: Any, token: int, callback: int) -> None:
        asked = target.contents
        question = _Question(
            host=ctypes.string_at(asked.host.ptr, asked.host.length),
            transport=_TRANSPORTS.get(asked.type & ~_IPV6),
            port=asked.port,
            token=token,
            answer=_Answer(callback),
        )
        self._open.add(question)
        try:
            self._find(question)
        except Exception as error:  # noqa: BLE001 (ctypes would swallow it)
            self._fault("resolve", error)
            self._answer(question, [])

    def _find(self, question: _Question) -> None:
        host = question.host.decode("ascii", "replace").lower()
        port, transport = question.port, question.transport
        if transport is None:
            self._answer(question, [])
            return
        if _version(host):
            there = Target(host, port or default_port(transport), transport or "udp")
            self._answer(question, [there])
            return

        def found(outcome: Outcome) -> None:
            known = outcome if isinstance(outcome, Found) else Found(())
            ranked = self.ranked(known, port, transport)
            self._given = self._given if len(self._given) < MAX_NAMES else {}
            self._given[host] = ranked[:_MOST]
            self._answer(question, ranked)

        outcome = self._ask(Name(host, services=not port), found)
        if outcome is not None:
            found(outcome)

    def _answer(self, question: _Question, found: Sequence[Target]) -> None:
        if question not in self._open:
            return
        self._open.remove(question)
        if not found:
            question.answer(_NOT_RESOLVED, question.token, None)
            return
        records = _records(self._layout, question.host, found[:_MOST])
        question.answer(0, question.token, byref(records))


def _records(
    layout: type[_Records | _OldRecords], host: bytes, found: Sequence[Target]
) -> _Records | _OldRecords:
    """pjsip's records of the targets; `host` must live as long as they do."""
    records = layout(count=len(found))
    for record, target in zip(records.entry, found, strict=False):
        if isinstance(record, _Record):
            record.name = _Text(ctypes.cast(c_char_p(host), c_void_p), len(host))
        _fill(record, target)
    return records


def _fill(record: _Record | _OldRecord, target: Target) -> None:
    kind = _TYPES[target.transport]
    packed = ipaddress.ip_address(target.address).packed
    if len(packed) == 4:
        sockaddr = struct.pack("=H", socket.AF_INET) + struct.pack("!H4s8x", target.port, packed)
    else:
        kind |= _IPV6
        sockaddr = struct.pack("=H", socket.AF_INET6)
        sockaddr += struct.pack("!HI16sI", target.port, 0, packed, 0)
    record.type, record.address_length = kind, len(sockaddr)
    ctypes.memmove(record.address, sockaddr, len(sockaddr))


def _version(host: str) -> int:
    """The IP version of an address; 0: it is a name."""
    try:
        return ipaddress.ip_address(host).version
    except ValueError:
        return 0


def _layout_of(library: ctypes.CDLL, endpoint: c_void_p) -> type[_Records | _OldRecords]:
    """The layout of this build, found by letting pjsip resolve an address, which needs no DNS."""
    host = b"192.0.2.1"
    asked = _Target(0, _TYPES["tcp"], _Text(ctypes.cast(c_char_p(host), c_void_p), len(host)), 5070)
    seen: list[type[_Records | _OldRecords]] = []

    def take(status: int, _token: int, records: int) -> None:
        for layout in _LAYOUTS if status == 0 else ():
            expected = _records(layout, host, [Target("192.0.2.1", 5070, "tcp")])
            if _plain(layout.from_address(records)) == _plain(expected):
                seen.append(layout)

    library.pjsip_endpt_resolve(endpoint, None, byref(asked), None, _Answer(take))
    if len(seen) != 1:
        raise LayoutError("pjsip resolves names itself: the structures of this build are not known")
    return seen[0]


def _plain(records: _Records | _OldRecords) -> tuple[object, ...]:
    """The first record without the padding of its structures."""
    record = records.entry[0]
    name = record.name.length if isinstance(record, _Record) else None
    address = bytes(record.address)[: record.address_length]
    return records.count, name, record.type, record.priority, record.weight, address
