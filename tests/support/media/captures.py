"""Capture files made by hand, byte by byte: what the reader under test must read."""

import struct
from collections.abc import Sequence
from ipaddress import ip_address

from sipua.rtp.events import Address

PHONE: Address = ("192.0.2.1", 4000)
PBX: Address = ("198.51.100.2", 16384)
PHONE6: Address = ("2001:db8::1", 4000)
PBX6: Address = ("2001:db8::2", 16384)


def udp(payload: bytes, source: Address = PHONE, target: Address = PBX) -> bytes:
    return struct.pack("!HHHH", source[1], target[1], 8 + len(payload), 0) + payload


def ipv4(
    body: bytes,
    source: Address = PHONE,
    target: Address = PBX,
    *,
    options: bytes = b"",
    protocol: int = 17,
    identity: int = 7,
    offset: int = 0,
    more: bool = False,
) -> bytes:
    size = 20 + len(options)
    return (
        struct.pack(
            "!BBHHHBBH4s4s",
            0x40 | size // 4,
            0,
            size + len(body),
            identity,
            offset // 8 | (0x2000 if more else 0),
            64,
            protocol,
            0,
            ip_address(source[0]).packed,
            ip_address(target[0]).packed,
        )
        + options
        + body
    )


def ipv6(
    body: bytes, source: Address = PHONE6, target: Address = PBX6, *, following: int = 17
) -> bytes:
    return (
        struct.pack("!IHBB", 0x60000000, len(body), following, 64)
        + ip_address(source[0]).packed
        + ip_address(target[0]).packed
        + body
    )


def ethernet(packet: bytes, *, tags: Sequence[int] = (), trailer: bytes = b"") -> bytes:
    kind = b"\x86\xdd" if packet[0] >> 4 == 6 else b"\x08\x00"
    between = b"".join(struct.pack("!HH", tag, 100) for tag in tags)
    return bytes(12) + between + kind + packet + trailer


def pcap(
    frames: Sequence[tuple[float, bytes]],
    *,
    link: int = 1,
    order: str = "<",
    nanoseconds: bool = False,
    snap_length: int = 65535,
) -> bytes:
    ticks = 1_000_000_000 if nanoseconds else 1_000_000
    magic = 0xA1B23C4D if nanoseconds else 0xA1B2C3D4
    out = struct.pack(order + "IHHiIII", magic, 2, 4, 0, 0, snap_length, link)
    for at_s, data in frames:
        seconds, part = divmod(round(at_s * ticks), ticks)
        kept = data[:snap_length]
        out += struct.pack(order + "IIII", seconds, part, len(kept), len(data)) + kept
    return out


def block(kind: int, body: bytes, order: str = "<") -> bytes:
    body += bytes(-len(body) % 4)
    length = struct.pack(order + "I", len(body) + 12)
    return struct.pack(order + "I", kind) + length + body + length


def section(order: str = "<") -> bytes:
    return block(0x0A0D0D0A, struct.pack(order + "IHHq", 0x1A2B3C4D, 1, 0, -1), order)


def interface(link: int, order: str = "<", *, options: bytes = b"", snap_length: int = 0) -> bytes:
    return block(1, struct.pack(order + "HHI", link, 0, snap_length) + options, order)


def resolution(value: int, order: str = "<") -> bytes:
    return struct.pack(order + "HHB3x", 9, 1, value)


def offset(seconds: int, order: str = "<") -> bytes:
    return struct.pack(order + "HHq", 14, 8, seconds)


def enhanced(data: bytes, ticks: int, order: str = "<", *, number: int = 0, cut: int = 0) -> bytes:
    kept = data[: len(data) - cut]
    head = struct.pack(
        order + "IIIII", number, ticks >> 32, ticks & 0xFFFFFFFF, len(kept), len(data)
    )
    return block(6, head + kept, order)


def simple(data: bytes, order: str = "<") -> bytes:
    return block(3, struct.pack(order + "I", len(data)) + data, order)
