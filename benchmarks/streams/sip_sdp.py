"""The SIP and SDP of a capture, as far as RTP needs it: who receives what where, in which call.

The reader of a capture must survive everything that ever was on a wire: what it does not understand
it leaves out, and it never raises.
"""

import re
from dataclasses import dataclass, field
from ipaddress import AddressValueError, IPv6Address

from sipua.rtp.events import Address

_REQUEST = re.compile(rb"[A-Z]{3,16} [^ \r\n]{1,2048} SIP/2\.0\r?\n")
_STATUS = b"SIP/2.0 "
_COMPACT = {"i": "call-id", "f": "from", "t": "to"}
_WANTED = ("call-id", "from", "to", "cseq")
_TEXT_LIMIT = 256
_MAX_MEDIA = 16
_MAX_FORMATS = 64


@dataclass(frozen=True, slots=True)
class Codec:
    name: str
    clock_rate: int


@dataclass(slots=True)
class Media:
    """One m-line: where its author receives RTP, and what each payload type means there; or fax."""

    kind: str
    address: Address
    udptl: bool = False
    """T.38 over UDPTL, which is no RTP."""
    encrypted: bool = False
    payload_types: tuple[int, ...] = ()
    codecs: dict[int, Codec] = field(default_factory=dict)
    parameters: dict[int, str] = field(default_factory=dict)
    ptime_ms: int | None = None
    direction: str = "sendrecv"


@dataclass(slots=True)
class SipMessage:
    call_id: str
    from_uri: str
    to_uri: str
    method: str
    media: list[Media]


def read(payload: bytes) -> SipMessage | None:
    """The SIP message in a datagram; None when it is something else."""
    if not payload.startswith(_STATUS) and not _REQUEST.match(payload):
        return None
    text = payload.decode("utf-8", "replace").replace("\r\n", "\n")
    head, _, body = text.partition("\n\n")
    headers: dict[str, str] = {}
    for line in head.split("\n")[1:]:
        name, colon, value = line.partition(":")
        name = name.strip().lower()
        name = _COMPACT.get(name, name)
        if colon and name in _WANTED:
            headers.setdefault(name, _clean(value))
    method = headers.get("cseq", "").rpartition(" ")[2]
    return SipMessage(
        headers.get("call-id", ""),
        _uri(headers.get("from", "")),
        _uri(headers.get("to", "")),
        method,
        media_of(body),
    )


def media_of(body: str) -> list[Media]:
    """The streams that an SDP describes, also one that is a part of a multipart body."""
    begin = body.find("v=0")
    if begin < 0:
        return []
    lines = [line.strip() for line in body[begin:].split("\n")]
    first = next((n for n, line in enumerate(lines) if line.startswith("m=")), len(lines))
    session_host = _connection(lines[:first])
    session_direction = _direction(lines[:first]) or "sendrecv"
    found: list[Media] = []
    while first < len(lines) and len(found) < _MAX_MEDIA:
        following = next(
            (n for n in range(first + 1, len(lines)) if lines[n].startswith("m=")), len(lines)
        )
        section = lines[first + 1 : following]
        media = _media(lines[first], _connection(section) or session_host)
        if media is not None:
            media.direction = _direction(section) or session_direction
            for line in section:
                _attribute(media, line)
            found.append(media)
        first = following
    return found


def _media(line: str, host: str) -> Media | None:
    kind, port_text, protocol, *formats = [*line[2:].split(), "", "", ""]
    port = _integer(port_text.partition("/")[0], 65535)
    protocol = protocol.upper()
    if not port or not host:
        return None
    if kind == "image" and protocol == "UDPTL":
        return Media(kind, (host, port), udptl=True)
    if "RTP/" not in protocol:
        return None
    numbers = (_integer(text, 127) for text in formats[:_MAX_FORMATS])
    types = tuple(number for number in numbers if number is not None)
    return Media(
        kind[:_TEXT_LIMIT], (host, port), encrypted="SAVP" in protocol, payload_types=types
    )


def _attribute(media: Media, line: str) -> None:
    name, _, value = line.partition(":")
    if name == "a=ptime":
        media.ptime_ms = _integer(value.strip(), 200) or None
        return
    if name not in ("a=rtpmap", "a=fmtp"):
        return
    number_text, _, rest = value.strip().partition(" ")
    number = _integer(number_text, 127)
    if number is None:
        return
    if name == "a=fmtp":
        media.parameters[number] = _clean(rest)
        return
    encoding, _, rate_text = rest.strip().partition("/")
    rate = _integer(rate_text.partition("/")[0], 1_000_000)
    if encoding and rate:
        media.codecs[number] = Codec(_clean(encoding), rate)


def _connection(lines: list[str]) -> str:
    for line in lines:
        words = line.split()
        if line.startswith("c=") and len(words) == 3:
            return _canonical(words[2].partition("/")[0][:_TEXT_LIMIT].lower())
    return ""


def _canonical(host: str) -> str:
    """An IPv6 address in the one form that the frames' addresses are written in."""
    try:
        return str(IPv6Address(host)) if ":" in host else host
    except AddressValueError:
        return host


def _direction(lines: list[str]) -> str:
    known = ("sendrecv", "sendonly", "recvonly", "inactive")
    return next((line[2:] for line in lines if line.startswith("a=") and line[2:] in known), "")


def _integer(text: str, most: int) -> int | None:
    if not (text.isascii() and text.isdigit() and len(text) <= 9):
        return None
    number = int(text)
    return number if number <= most else None


def _uri(value: str) -> str:
    """The URI of a From or To, without name, tag and parameters."""
    inside = value.partition("<")[2].partition(">")[0] or value.partition(";")[0]
    return inside.partition(";")[0].strip()


def _clean(text: str) -> str:
    """What may be shown on a terminal."""
    return "".join(c for c in text.strip()[:_TEXT_LIMIT] if c.isprintable())
