"""The messages of Media Streams: what the agent says, and what it is told."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import msgspec
import pybase64

# A message beyond this is dropped unread: it would hold the event loop, and with it the audio of
# every other call. It is six minutes of speech in one message.
MAX_MESSAGE_BYTES: Final = 4 * 1024 * 1024
MAX_NAME_CHARS: Final = 1000  # of a mark


class MessageError(Exception):
    """It cannot be used: bad_json, malformed, oversize, bad_base64."""

    def __init__(self, reason: str, size: int) -> None:
        super().__init__(reason)
        self.reason = reason
        self.size = size


class _Media(msgspec.Struct, gc=False):
    payload: str


class _Mark(msgspec.Struct, gc=False):
    name: str


# Each kind of message has the parts of all, so that the decoder needs one pass. Those without a
# `mark` object are sent by agents in use.
class AgentMessage(msgspec.Struct, gc=False):
    event: str
    streamSid: str | None = None  # noqa: N815 - as it is on the wire
    media: _Media | None = None
    mark: _Mark | None = None


_MESSAGE: Final = msgspec.json.Decoder(AgentMessage)


def decode(message: bytes | str) -> AgentMessage:
    """Raises MessageError, and nothing else."""
    size = len(message)
    if size > MAX_MESSAGE_BYTES:
        raise MessageError("oversize", size)
    try:
        return _MESSAGE.decode(message)
    except msgspec.ValidationError:
        raise MessageError("malformed", size) from None
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        raise MessageError("bad_json", size) from None


def audio_of(message: AgentMessage) -> bytes:
    """Raises MessageError."""
    if message.media is None:
        raise MessageError("malformed", 0)
    try:
        return pybase64.b64decode(message.media.payload, None, True)
    except ValueError:
        raise MessageError("bad_base64", len(message.media.payload)) from None


class StreamMessages:
    """What one stream tells its agent, numbered as the protocol has it.

    `sequenceNumber` counts messages from `start` on, `chunk` those of audio, and `timestamp` is the
    end of the audio so far: agents reckon with it how much of their answer was heard.
    """

    __slots__ = (
        "_account_sid",
        "_call_sid",
        "_chunk",
        "_media_head",
        "_samples",
        "_sequence",
        "stream_sid",
    )

    def __init__(self, account_sid: str, call_sid: str, stream_sid: str) -> None:
        self._account_sid = account_sid
        self._call_sid = call_sid
        self.stream_sid = stream_sid
        self._sequence = self._chunk = self._samples = 0
        # By hand: it is made 50 times a second in each call.
        self._media_head = (
            b'","streamSid":"%b","media":{"track":"inbound","chunk":"' % stream_sid.encode()
        )

    def connected(self) -> bytes:
        return b'{"event":"connected","protocol":"Call","version":"1.0.0"}'

    def start(self, parameters: Mapping[str, str]) -> bytes:
        media_format = {"encoding": "audio/x-mulaw", "sampleRate": 8000, "channels": 1}
        return self._message(
            "start",
            {
                "accountSid": self._account_sid,
                "streamSid": self.stream_sid,
                "callSid": self._call_sid,
                "tracks": ["inbound"],
                "mediaFormat": media_format,
                "customParameters": dict(parameters),
            },
        )

    def media(self, mulaw: bytes) -> bytes:
        self._sequence += 1
        self._chunk += 1
        self._samples += len(mulaw)
        return b'{"event":"media","sequenceNumber":"%d%b%d","timestamp":"%d","payload":"%b"}}' % (
            self._sequence,
            self._media_head,
            self._chunk,
            self._samples // 8,
            pybase64.b64encode(mulaw),
        )

    def dtmf(self, digit: str) -> bytes:
        return self._message("dtmf", {"track": "inbound_track", "digit": digit})

    def mark(self, name: str) -> bytes:
        return self._message("mark", {"name": name})

    def stop(self) -> bytes:
        return self._message("stop", {"accountSid": self._account_sid, "callSid": self._call_sid})

    def _message(self, event: str, about: dict[str, Any]) -> bytes:
        self._sequence += 1
        return msgspec.json.encode(
            {
                "event": event,
                "sequenceNumber": str(self._sequence),
                "streamSid": self.stream_sid,
                event: about,
            }
        )
