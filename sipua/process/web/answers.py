"""What the HTTP clients have of an answer, or of its failure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import aiohttp


@dataclass(frozen=True, slots=True)
class Failure:
    kind: Literal["refused", "certificate", "tls", "name", "unreachable", "closed", "protocol"]
    text: str
    """What the server has done, without a subject; of a kind that is about a thing of it, with
    that."""


def failure_of(error: Exception, refused: str) -> Failure:
    """Of a request of aiohttp's; `refused`: what the session's sockets say of an address that may
    not be reached."""
    match error:
        case aiohttp.ClientConnectorCertificateError():
            text = f"its certificate is not trusted: {named(error.certificate_error)}"
            return Failure("certificate", text)
        case aiohttp.ClientSSLError():
            return Failure("tls", f"TLS failed: {named(error.os_error)}")
        case aiohttp.ClientConnectorDNSError():
            return Failure("name", "its name does not resolve")
        case aiohttp.ClientConnectorError() if refused in str(error.os_error):
            return Failure("refused", refused)
        case aiohttp.ClientConnectorError():
            return Failure("unreachable", f"cannot be reached: {os_words(error.os_error)}")
        case aiohttp.ServerDisconnectedError() | aiohttp.ClientOSError():
            return Failure("closed", "closed the connection without an answer")
    return Failure("protocol", f"broke the protocol: {type(error).__name__}")


async def read_at_most(stream: aiohttp.StreamReader, most: int) -> bytes:
    """The first `most` bytes, or all."""
    pieces: list[bytes] = []
    length = 0
    while length < most and (piece := await stream.read(most - length)):
        pieces.append(piece)
        length += len(piece)
    return b"".join(pieces)


def named(error: object) -> str:
    """The words of a library, with the name of the error, which often says more."""
    return f"{type(error).__name__}: {error}"[:200]


def os_words(error: OSError) -> str:
    return error.strerror or type(error).__name__
