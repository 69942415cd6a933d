"""The frames of a capture file: pcap in all its forms, pcapng, either of them gzip'd.

Formats: draft-ietf-opsawg-pcap, draft-ietf-opsawg-pcapng. One record is in memory at a time, and
no record is believed to be bigger than the biggest that a capture program writes.
"""

import gzip
import io
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

MAX_FRAME = 262_144
"""libpcap's own limit (MAXIMUM_SNAPLEN)."""
_MAX_BLOCK = MAX_FRAME + 65_536
_MAX_INTERFACES = 1024
_CHUNK = 65_536

_GZIP = b"\x1f\x8b"
_SECTION = b"\x0a\x0d\x0d\x0a"
_PCAP_MAGICS: dict[bytes, tuple[str, int]] = {
    b"\xd4\xc3\xb2\xa1": ("little", 1_000_000),
    b"\xa1\xb2\xc3\xd4": ("big", 1_000_000),
    b"\x4d\x3c\xb2\xa1": ("little", 1_000_000_000),
    b"\xa1\xb2\x3c\x4d": ("big", 1_000_000_000),
}
# Files that users pass by mistake: the error names what they are.
_FOREIGN: tuple[tuple[bytes, str], ...] = (
    (b"RIFF", "a WAV (RIFF) file"),
    (b"PK\x03\x04", "a zip archive"),
    (b"BZh", "a bzip2 file; unpack it first"),
    (b"\xfd7zXZ", "an xz file; unpack it first"),
    (b"\x28\xb5\x2f\xfd", "a zstd file; unpack it first"),
    (b"\x7fELF", "a program"),
    (b"#!rtpplay", "an rtpdump file"),
    (b"snoop\0", "a snoop capture; convert it with `editcap -F pcap`"),
    (b"\x34\xcd\xb2\xa1", "a modified pcap (Kuznetzov); convert it with `editcap -F pcap`"),
    (b"\xa1\xb2\xcd\x34", "a modified pcap (Kuznetzov); convert it with `editcap -F pcap`"),
    (b"version https://git-lfs", "a Git LFS pointer; run `git lfs pull`"),
)


class CaptureError(Exception):
    """The file is not a capture, or is broken; the text is one line that says what and where."""


@dataclass(slots=True)
class Frame:
    """One captured frame. `missing` bytes at its end were cut off by the capture program."""

    number: int
    at_s: float
    link_type: int
    data: bytes
    missing: int


def frames(path: str | Path) -> Iterator[Frame]:
    """All frames of a file, in its order. Raises CaptureError."""
    name = str(path) if str(path).isprintable() else repr(str(path))
    try:
        with Path(path).open("rb") as file:
            source: BinaryIO = file
            if file.peek(2)[:2] == _GZIP:
                source = io.BufferedReader(gzip.GzipFile(fileobj=file))
            yield from _Reader(source, name).frames()
    except (OSError, EOFError, zlib.error) as error:
        raise CaptureError(f"{name}: {_why(error)}") from None
    except ValueError as error:  # a NUL in the name
        raise CaptureError(f"{name}: {error}") from None


def _why(error: Exception) -> str:
    if isinstance(error, FileNotFoundError):
        return "no such file"
    if isinstance(error, IsADirectoryError):
        return "a folder, not a capture"
    if isinstance(error, PermissionError):
        return "not permitted to read it"
    if isinstance(error, gzip.BadGzipFile | zlib.error):
        return f"the gzip data is broken ({error})"
    if isinstance(error, EOFError):
        return "the gzip data ends in the middle"
    return str(error)


@dataclass(slots=True)
class _Interface:
    link_type: int
    snap_length: int
    ticks_per_s: int = 1_000_000
    offset_s: int = 0


class _Reader:
    def __init__(self, file: BinaryIO, name: str) -> None:
        self._file = file
        self._name = name
        self._at = 0
        self._number = 0

    def frames(self) -> Iterator[Frame]:
        magic = self._take_up_to(4)
        if magic in _PCAP_MAGICS:
            return self._pcap(*_PCAP_MAGICS[magic])
        if magic == _SECTION:
            return self._pcapng()
        raise CaptureError(f"{self._name}: {self._foreign(magic)}")

    def _foreign(self, magic: bytes) -> str:
        if not magic:
            return "the file is empty"
        head = magic + self._take_up_to(32)
        for start, kind in _FOREIGN:
            if head.startswith(start):
                return f"not a capture (pcap, pcapng) but {kind}"
        return f"not a capture (pcap, pcapng); it begins with {head[:8].hex(' ')}"

    # --- pcap -----------------------------------------------------------------------------

    def _pcap(self, order: str, ticks_per_s: int) -> Iterator[Frame]:
        header = self._take(20, "the file header")
        major = _number(header[0:2], order)
        if major != 2:
            raise CaptureError(f"{self._name}: pcap version {major} is not known (2 is)")
        # The upper bits tell of frame check sequences, which lie behind the IP packet.
        link_type = _number(header[16:20], order) & 0xFFFF
        while True:
            begins = self._at
            record = self._take_up_to(16)
            if not record:
                return
            if len(record) < 16:
                raise self._broken(begins, "the file ends in the middle of a record's header")
            seconds, ticks, captured, length = (
                _number(record[at : at + 4], order) for at in (0, 4, 8, 12)
            )
            if captured > MAX_FRAME:
                raise self._broken(begins, f"a record that claims {captured} bytes")
            self._number += 1
            data = self._take(captured, f"frame {self._number}", begins)
            yield Frame(
                self._number,
                seconds + ticks / ticks_per_s,
                link_type,
                data,
                max(0, length - captured),
            )

    # --- pcapng ---------------------------------------------------------------------------

    def _pcapng(self) -> Iterator[Frame]:
        order = self._section(0, first=True)
        interfaces: list[_Interface] = []
        last_at_s = 0.0
        while True:
            begins = self._at
            head = self._take_up_to(4)
            if not head:
                return
            if head == _SECTION:
                order = self._section(begins, first=False)
                interfaces = []
                continue
            head += self._take(4, "a block's header", begins)
            kind, length = _number(head[:4], order), _number(head[4:8], order)
            self._check_length(begins, length, 12)
            if kind not in (_INTERFACE, _OLD_PACKET, _SIMPLE_PACKET, _ENHANCED_PACKET):
                self._skip(length - 12, begins)
                self._check_trailer(begins, length, order)
                continue
            if length > _MAX_BLOCK:
                raise self._broken(begins, f"a block that claims {length} bytes")
            body = self._take(length - 12, "a block", begins)
            self._check_trailer(begins, length, order)
            if kind == _INTERFACE:
                if len(interfaces) == _MAX_INTERFACES:
                    raise self._broken(begins, f"more than {_MAX_INTERFACES} interfaces")
                interfaces.append(self._interface(body, order, begins))
                continue
            self._number += 1
            frame = self._packet(kind, body, order, interfaces, begins=begins, last_at_s=last_at_s)
            last_at_s = frame.at_s
            yield frame

    def _section(self, begins: int, *, first: bool) -> str:
        head = self._take(8, "the file header" if first else "a section's header", begins)
        order = {b"\x4d\x3c\x2b\x1a": "little", b"\x1a\x2b\x3c\x4d": "big"}.get(head[4:8])
        if order is None:
            raise self._broken(begins, "a pcapng section without its byte-order mark")
        length = _number(head[:4], order)
        self._check_length(begins, length, 28)
        version = self._take(4, "a section's header", begins)
        major = _number(version[:2], order)
        if major != 1:
            raise CaptureError(f"{self._name}: pcapng version {major} is not known (1 is)")
        self._skip(length - 20, begins)
        self._check_trailer(begins, length, order)
        return order

    def _interface(self, body: bytes, order: str, begins: int) -> _Interface:
        if len(body) < 8:
            raise self._broken(begins, "an interface description that is too short")
        found = _Interface(_number(body[0:2], order), _number(body[4:8], order))
        at = 8
        while at + 4 <= len(body):
            code, size = _number(body[at : at + 2], order), _number(body[at + 2 : at + 4], order)
            value = body[at + 4 : at + 4 + size]
            at += 4 + (size + 3 & ~3)
            if code == 0 or len(value) < size:
                break
            if code == _TIME_RESOLUTION and size == 1:
                exponent = value[0] & 0x7F
                found.ticks_per_s = (2 if value[0] & 0x80 else 10) ** exponent
            elif code == _TIME_OFFSET and size == 8:
                found.offset_s = _number(value, order, signed=True)
        return found

    def _packet(
        self,
        kind: int,
        body: bytes,
        order: str,
        interfaces: list[_Interface],
        *,
        begins: int,
        last_at_s: float,
    ) -> Frame:
        head_size = 4 if kind == _SIMPLE_PACKET else 20
        if len(body) < head_size:
            raise self._broken(begins, "a packet block that is too short")
        if kind == _SIMPLE_PACKET:
            index = 0
        else:
            index = _number(body[0:4] if kind == _ENHANCED_PACKET else body[0:2], order)
        if index >= len(interfaces):
            raise self._broken(begins, f"a packet of interface {index}, which is not described")
        interface = interfaces[index]
        if kind == _SIMPLE_PACKET:
            # It carries no time of its own: it came no earlier than the one before it.
            length = _number(body[0:4], order)
            captured = min(length, interface.snap_length or length, len(body) - head_size)
            at_s = last_at_s
        else:
            ticks = _number(body[4:8], order) << 32 | _number(body[8:12], order)
            captured, length = _number(body[12:16], order), _number(body[16:20], order)
            at_s = ticks / interface.ticks_per_s + interface.offset_s
        if captured > len(body) - head_size:
            raise self._broken(begins, f"a packet that claims {captured} bytes of its block")
        return Frame(
            self._number,
            at_s,
            interface.link_type,
            body[head_size : head_size + captured],
            max(0, length - captured),
        )

    # --- bytes ----------------------------------------------------------------------------

    def _check_length(self, begins: int, length: int, least: int) -> None:
        if length < least or length % 4:
            raise self._broken(begins, f"a block that claims {length} bytes")

    def _check_trailer(self, begins: int, length: int, order: str) -> None:
        again = _number(self._take(4, "a block", begins), order)
        if again != length:
            raise self._broken(begins, f"a block of {length} bytes that ends as one of {again}")

    def _skip(self, size: int, begins: int) -> None:
        while size:
            size -= len(self._take(min(size, _CHUNK), "a block", begins))

    def _take(self, size: int, what: str, begins: int = 0) -> bytes:
        data = self._take_up_to(size)
        if len(data) < size:
            raise self._broken(begins, f"the file ends in the middle of {what}")
        return data

    def _take_up_to(self, size: int) -> bytes:
        data = self._file.read(size)
        self._at += len(data)
        return data

    def _broken(self, begins: int, what: str) -> CaptureError:
        return CaptureError(
            f"{self._name}: broken at byte {begins}, after {self._number} frames: {what}"
        )


_INTERFACE, _OLD_PACKET, _SIMPLE_PACKET, _ENHANCED_PACKET = 1, 2, 3, 6
_TIME_RESOLUTION, _TIME_OFFSET = 9, 14


def _number(data: bytes, order: str, *, signed: bool = False) -> int:
    return int.from_bytes(data, "big" if order == "big" else "little", signed=signed)
