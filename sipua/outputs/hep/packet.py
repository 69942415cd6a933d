"""A packet of HEP 3 (EEP): "HEP3", its length, and chunks of vendor, type, length and value.

The sizes of the values are fixed: heplify-server drops a packet with another one.
"""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from functools import lru_cache
from struct import Struct
from typing import Final

from sipua.outputs.hep.settings import What
from sipua.rtp.events import Address

LONGEST: Final = 65_000
"""Bytes: a datagram takes no more, and Homer reads no more from a connection."""
UDP: Final = 17
TCP: Final = 6
_FAMILIES: Final = {4: 2, 6: 10}
_ADDRESS_CHUNKS: Final = {4: (3, 4), 6: (5, 6)}

_HEAD: Final = Struct("!4sH")
_CHUNK: Final = Struct("!HHH")
_BYTE: Final = Struct("!B")
_SHORT: Final = Struct("!H")
_WORD: Final = Struct("!I")

# 1, 5 and 100 are Homer's; 101 is not given to anything, and kept as it is.
_TYPES: Final[dict[What, int]] = {"sip": 1, "rtcp": 5, "logs": 100, "cdr": 101}


@dataclass(frozen=True, slots=True)
class Packet:
    kind: What
    at_s: float
    """Unix time."""
    source: Address
    target: Address
    payload: bytes
    correlation: str
    """The Call-ID of SIP: by it Homer puts together what belongs to a call."""
    protocol: int = UDP


@dataclass(frozen=True, slots=True)
class Sender:
    """What is the same in all packets."""

    capture_id: int
    auth_key: str = ""
    node: str = ""


def encode(packet: Packet, sender: Sender) -> bytes:
    """Raises ValueError for an address that is none. A payload that is too long is cut."""
    version, source = _packed(packet.source[0])
    their_version, target = _packed(packet.target[0])
    if version != their_version:
        raise ValueError("addresses of two families")
    source_chunk, target_chunk = _ADDRESS_CHUNKS[version]
    micros = round(packet.at_s * 1_000_000)
    chunks = [
        _chunk(1, _BYTE.pack(_FAMILIES[version])),
        _chunk(2, _BYTE.pack(packet.protocol)),
        _chunk(source_chunk, source),
        _chunk(target_chunk, target),
        _chunk(7, _SHORT.pack(packet.source[1])),
        _chunk(8, _SHORT.pack(packet.target[1])),
        _chunk(9, _WORD.pack(micros // 1_000_000 & 0xFFFFFFFF)),
        _chunk(10, _WORD.pack(micros % 1_000_000)),
        _chunk(11, _BYTE.pack(_TYPES[packet.kind])),
        _chunk(12, _WORD.pack(sender.capture_id)),
    ]
    for kind, text in ((14, sender.auth_key), (19, sender.node), (17, packet.correlation)):
        if text:
            chunks.append(_chunk(kind, text.encode("utf-8", "replace")[:1024]))
    before = b"".join(chunks)
    room = LONGEST - _HEAD.size - len(before) - _CHUNK.size
    body = before + _chunk(15, packet.payload[:room])
    return _HEAD.pack(b"HEP3", _HEAD.size + len(body)) + body


@lru_cache(1024)
def _packed(host: str) -> tuple[int, bytes]:
    """Version and bytes. Most packets of an edge have the same few addresses."""
    address = ipaddress.ip_address(host.partition("%")[0])
    return address.version, address.packed


def _chunk(kind: int, value: bytes) -> bytes:
    return _CHUNK.pack(0, kind, _CHUNK.size + len(value)) + value
