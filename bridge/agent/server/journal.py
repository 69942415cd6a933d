"""The journal of the agent's websockets (`agent.journal`): a line of JSON for each message.

    {"at_s": 3.217, "session_id": "sess_...", "from": "client", "event": {...}}

For users who want to see, or to check, what their edge sends. Of a session's audio only the first
message of each kind is written, the rest is counted: it is nine tenths of all messages.
"""

from __future__ import annotations

from io import FileIO
from pathlib import Path
from typing import Literal

import msgspec
import structlog

from sipua.bridge.agent.wire.audio_message import AudioMessage

log = structlog.get_logger("sipua.agent")

Side = Literal["client", "server"]

_AUDIO = (
    "input_audio_buffer.append",
    "response.output_audio.delta",
    "response.audio.delta",
    "session.input_audio.append",
    "audio",
)
_AUDIO_HEADS = (
    *(f'{{"type":"{kind}"'.encode() for kind in _AUDIO),
    b'{"realtimeInput":{"audio"',
    b'{"serverContent":{"modelTurn"',
    b'{"event":"media"',
    b'{"user_audio_chunk"',
)
_MAX_BYTES = 64 * 1024  # of one message; more would fill the file


class Journal:
    """The journal of all sessions of a server; a full disk ends it and nothing else."""

    def __init__(self, path: Path) -> None:
        """Raises OSError when the file cannot be written."""
        self._path = path
        self._file: FileIO | None = path.open("ab", buffering=0)

    def note(self, at_s: float, session_id: str, side: Side, message: bytes) -> None:
        event: object = msgspec.Raw(message)
        if len(message) > _MAX_BYTES:
            event = {"bytes": len(message)}
        else:
            try:
                msgspec.json.decode(message)
            except (msgspec.DecodeError, UnicodeError, RecursionError):
                event = {"not_json": repr(message[:200])}
        self._write(
            {"at_s": round(at_s, 3), "session_id": session_id, "from": side, "event": event}
        )

    def end(self, session_id: str, audio_messages: int) -> None:
        self._write({"session_id": session_id, "audio_messages": audio_messages})

    def close(self) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None

    def _write(self, line: object) -> None:
        if self._file is None:
            return
        try:
            self._file.write(msgspec.json.encode(line) + b"\n")
        except OSError as error:
            log.error(  # noqa: TRY400 - the text says it all
                "agent.journal_ended", path=str(self._path), error=str(error)
            )
            self.close()


class SessionJournal:
    """One session's access to the journal, if there is one."""

    __slots__ = ("_began_s", "_journal", "_plain_text", "_seen", "_session_id", "audio_messages")

    def __init__(
        self, journal: Journal | None, session_id: str, now: float, *, plain_text: bool = False
    ) -> None:
        """`plain_text`: messages of its protocol need not be JSON. They are written as strings."""
        self._plain_text = plain_text
        self._journal = journal
        self._session_id = session_id
        self._began_s = now
        self._seen: set[tuple[Side, bytes]] = set()
        self.audio_messages = 0

    def note(self, side: Side, message: bytes, now: float) -> None:
        if self._journal is None:
            return
        if head := _audio_head(message):
            self.audio_messages += 1
            if (side, head) in self._seen:
                return
            self._seen.add((side, head))
        if isinstance(message, AudioMessage):
            message = b'{"audio_bytes":%d}' % len(message)
        elif self._plain_text and not message.startswith(b"{"):
            message = msgspec.json.encode(message.decode(errors="replace"))
        self._journal.note(now - self._began_s, self._session_id, side, message)

    def end(self) -> None:
        if self._journal is not None:
            self._journal.end(self._session_id, self.audio_messages)


def _audio_head(message: bytes) -> bytes:
    """What messages of its kind begin with; empty: it is no audio."""
    if isinstance(message, AudioMessage):
        return b"binary"
    if message.startswith(_AUDIO_HEADS):
        return next(head for head in _AUDIO_HEADS if message.startswith(head))
    return b""
