"""Captures of network traffic: the UDP datagrams of a file, and the writer of a call's capture.

    file ──▶ file.py (pcap, pcapng, gzip) ──▶ frames.py (link, IP, fragments) ──▶ Datagram

Whatever the file holds, `read` gives datagrams or raises CaptureError with one line for the user;
faults of single frames are counted and passed over.
"""

from collections.abc import Iterator
from ipaddress import AddressValueError, IPv4Address, IPv6Address
from pathlib import Path
from struct import Struct
from typing import BinaryIO

from sipua.rtp.events import Address
from sipua.rtp.pcap.file import CaptureError, frames
from sipua.rtp.pcap.frames import LINK_NAMES, Datagram, Decoder, FrameCounts

__all__ = ["CaptureError", "Datagram", "FrameCounts", "PcapWriter", "read"]


def read(path: str | Path, counts: FrameCounts | None = None) -> Iterator[Datagram]:
    """The UDP datagrams of a capture, in the order of the file.

    `counts` is filled on the way with what was seen and what was passed over, and why. Raises
    CaptureError where the file ends badly, after the datagrams before that place.
    """
    decoder = Decoder(FrameCounts() if counts is None else counts)
    for frame in frames(path):
        if (datagram := decoder.decode(frame)) is not None:
            yield datagram
    decoder.finish()
    seen = decoder.counts
    if seen.frames and seen.unknown_link == seen.frames:
        kind = decoder.unknown_link_type
        name = LINK_NAMES.get(kind, "unknown")
        raise CaptureError(
            f"{path}: link type {kind} ({name}) is not read; "
            "Ethernet, Linux cooked, raw IP and loopback are"
        )


_FILE_HEADER = Struct("<IHHiIII")
_RECORD_HEADER = Struct("<IIII")
_MICROSECONDS = 0xA1B2C3D4
_SNAP_LENGTH = 262_144
_RAW_IP = 101
_UDP = Struct("!HHHH")
_UDP_PROTOCOL = 17
_MAX_PAYLOAD = 65_507
# A call has a handful of address pairs; an attacker with many addresses must not fill the memory.
_MAX_PAIRS = 64


class PcapWriter:
    """Writes datagrams as raw IP packets, with headers made from their addresses: any tool that
    reads pcap shows and plays them. The file belongs to the caller, and OSError of its write()
    too.
    """

    def __init__(self, file: BinaryIO, max_bytes: int) -> None:
        self._file = file
        self._left = max_bytes
        self._pairs: dict[tuple[Address, Address], tuple[bytes, int, bool]] = {}
        self.packets = 0
        self.refused = 0
        """Datagrams not written: from the first one that would have made the file too big, all."""
        self._emit(
            _FILE_HEADER.pack(_MICROSECONDS, 2, 4, 0, 0, _SNAP_LENGTH, _RAW_IP)
            if max_bytes >= _FILE_HEADER.size
            else b""
        )

    def write(self, at_s: float, source: Address, target: Address, payload: bytes) -> bool:
        """False (counted) when the file is full, or the datagram is bigger than UDP allows."""
        pair = self._pairs.get((source, target)) or self._new_pair(source, target)
        size = len(pair[0]) + 8 + len(payload)
        if size + _RECORD_HEADER.size > self._left or len(payload) > _MAX_PAYLOAD:
            self._left = 0
            self.refused += 1
            return False
        microseconds = round(at_s * 1_000_000)
        seconds, microseconds = divmod(microseconds, 1_000_000)
        self._emit(
            _RECORD_HEADER.pack(seconds & 0xFFFFFFFF, microseconds, size, size)
            + _packet(pair, source[1], target[1], payload)
        )
        self.packets += 1
        return True

    def _emit(self, data: bytes) -> None:
        self._file.write(data)
        self._left -= len(data)

    def _new_pair(self, source: Address, target: Address) -> tuple[bytes, int, bool]:
        if len(self._pairs) >= _MAX_PAIRS:
            self._pairs.clear()
        pair = self._pairs[source, target] = _ip_header(source[0], target[0])
        return pair


_IPV4 = Struct("!BBHHHBBH4s4s")
_IPV6 = Struct("!IHBB16s16s")
_TTL = 64


def _ip_header(source: str, target: str) -> tuple[bytes, int, bool]:
    """A header without its length, the sum of its 16-bit words, and whether it is IPv6."""
    if ":" not in source and ":" not in target:
        addresses = _ipv4(source), _ipv4(target)
        header = _IPV4.pack(0x45, 0, 0, 0, 0x4000, _TTL, _UDP_PROTOCOL, 0, *addresses)
        return header, _sum(header), False
    addresses = _ipv6(source), _ipv6(target)
    header = _IPV6.pack(0x60000000, 0, _UDP_PROTOCOL, _TTL, *addresses)
    return header, _sum(b"".join(addresses)) + _UDP_PROTOCOL, True


def _ipv4(host: str) -> bytes:
    """The address; for anything else (a name out of a log line), the unspecified one."""
    try:
        return IPv4Address(host).packed
    except AddressValueError:
        return bytes(4)


def _ipv6(host: str) -> bytes:
    try:
        return IPv6Address(host.partition("%")[0] if ":" in host else f"::ffff:{host}").packed
    except AddressValueError:
        return bytes(16)


def _packet(
    pair: tuple[bytes, int, bool], source_port: int, target_port: int, payload: bytes
) -> bytes:
    header, header_sum, ipv6 = pair
    length = 8 + len(payload)
    if not ipv6:
        total = length + 20
        checksum = _folded(header_sum + total)
        return b"%b%b%b%b%b%b%b" % (
            header[:2],
            total.to_bytes(2),
            header[4:10],
            checksum.to_bytes(2),
            header[12:],
            _UDP.pack(source_port, target_port, length, 0),
            payload,
        )
    # IPv6 has no UDP without a checksum.
    sum_of_words = header_sum + 2 * length + source_port + target_port + _sum(payload)
    return b"%b%b%b%b%b" % (
        header[:4],
        length.to_bytes(2),
        header[6:],
        _UDP.pack(source_port, target_port, length, _folded(sum_of_words) or 0xFFFF),
        payload,
    )


def _sum(data: bytes) -> int:
    """The 16-bit words added up, an odd last byte filled with zero (RFC 1071)."""
    if len(data) % 2:
        data += b"\0"
    # 2^16 ≡ 1 modulo 65535, so the number that the bytes form has the remainder of that sum.
    return int.from_bytes(data) % 0xFFFF


def _folded(total: int) -> int:
    return ~(total % 0xFFFF or (0xFFFF if total else 0)) & 0xFFFF
