"""The coding of messages: msgpack of `[name, fields]`. No I/O.

What does not decode is a fault of the other side, and named by a `LinkError`.
"""

from __future__ import annotations

import typing
from typing import Any, Generic, TypeVar

import msgspec

from sipua.worker.link.messages import ToEdge, ToWorker

LONGEST = 131_072
"""Bytes of one message. The longest has a SIP message of 64 kB; the kernel's limit is its send
buffer, 208 kB by default."""

M = TypeVar("M")


class LinkError(Exception):
    """A message that cannot be sent, or that the other side should not have sent."""


_encoder = msgspec.msgpack.Encoder()
_envelope = msgspec.msgpack.Decoder(tuple[str, msgspec.Raw])


def encode(message: ToWorker | ToEdge) -> bytes:
    """Raises LinkError for a text that is none (lone surrogates), and for one that is too long."""
    try:
        data = _encoder.encode((type(message).__name__, message))
    except (UnicodeEncodeError, OverflowError, TypeError) as error:
        raise LinkError(f"{type(message).__name__}: {type(error).__name__}: {error}") from error
    if len(data) > LONGEST:
        raise LinkError(f"{type(message).__name__}: {len(data)} bytes are too long for a message")
    return data


class Reader(Generic[M]):
    """The decoder of one direction."""

    def __init__(self, messages: Any) -> None:
        """`messages`: their union."""
        self._decoders = {
            kind.__name__: msgspec.msgpack.Decoder(kind) for kind in typing.get_args(messages)
        }

    def decode(self, data: bytes | memoryview) -> M:
        """Raises LinkError."""
        try:
            name, fields = _envelope.decode(data)
            decoder = self._decoders.get(name)
            if decoder is None:
                raise LinkError(f"an unknown message: {name[:40]!r}")
            message: M = decoder.decode(fields)
        except (msgspec.MsgspecError, ValueError, RecursionError) as error:
            raise LinkError(f"not a message: {error}") from error
        return message


def of_edge() -> Reader[ToWorker]:
    """The reader of a worker."""
    return Reader(ToWorker)


def of_worker() -> Reader[ToEdge]:
    """The reader of the edge."""
    return Reader(ToEdge)
