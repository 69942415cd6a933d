"""The reader of records: one call's story from its file, even when the file was cut off."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sipua.record import retention

Entry = Mapping[str, Any]


class NoRecordError(Exception):
    """There is no such record; the text says which, and what to do."""


@dataclass(frozen=True, slots=True)
class Story:
    path: Path
    call: Entry
    """The first line."""
    entries: tuple[Entry, ...]
    """All others, by their time; each text is joined to its turn."""
    end: Entry | None
    """None: the call still runs, or the process was killed."""
    unreadable: int = 0
    """Lines that cannot be read: the last one of a file that was cut off."""

    @property
    def call_id(self) -> str:
        return str(self.call.get("call_id") or self.path.stem)

    @property
    def answered(self) -> Entry | None:
        return next((entry for entry in self.entries if entry["kind"] == "answered"), None)

    @property
    def ending(self) -> tuple[str, str, int]:
        """By whom, why, and the last SIP status (0: there was none)."""
        last = self.end or {}
        end = last.get("end")
        if not isinstance(end, dict):  # sipua.record/1
            status = last.get("status")
            told = status if isinstance(status, int) else 0
            return str(last.get("by", "?")), str(last.get("reason") or ""), told
        sip = end.get("sip")
        status = sip.get("status") if isinstance(sip, dict) else 0
        why = end.get("detail") or end.get("reason") or ""
        return str(end.get("by", "?")), str(why), status if isinstance(status, int) else 0

    @property
    def last_ms(self) -> int:
        return max((int(entry.get("at_ms", 0)) for entry in self.entries), default=0)


def find(directory: Path, which: str) -> Path:
    """The path of a record: a file, or a call id."""
    path = Path(which)
    if path.suffix == ".jsonl" or path.is_file():
        if not path.is_file():
            raise NoRecordError(f"there is no file {which}")
        return path
    return find_id(directory, which)


def find_id(directory: Path, call_id: str) -> Path:
    """The path of the record of a call id, which is trusted to be one."""
    for day in reversed(retention.days(directory)):
        if (found := day / f"{call_id}.jsonl").is_file():
            return found
    raise NoRecordError(
        f"no record of {call_id} in {directory}: was record.enabled set when it was made, and is "
        "this the directory (-c FILE, or --directory)?"
    )


def read(path: Path) -> Story:
    """Raises NoRecordError for a file that cannot be read or has not one entry."""
    try:
        lines = path.read_bytes().splitlines()
    except OSError as error:
        raise NoRecordError(f"{path}: {error.strerror}") from None
    entries, unreadable = [], 0
    for line in lines:
        try:
            entry = json.loads(line)
        except (ValueError, RecursionError):
            entry = None
        if isinstance(entry, dict) and isinstance(entry.get("kind"), str):
            entries.append(entry)
        else:
            unreadable += 1
    if not entries:
        raise NoRecordError(f"{path} is no record of a call")
    call = entries[0] if entries[0]["kind"] == "call" else {}
    end = next((entry for entry in entries if entry["kind"] == "end"), None)
    rest = [entry for entry in entries if entry["kind"] not in ("call", "end")]
    return Story(path, call, tuple(_in_order(rest)), end, unreadable)


def _in_order(entries: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Entries by the time of the event, not of its entry; late texts are joined to their turn."""
    turns = {entry.get("item"): entry for entry in entries if entry["kind"] in ("caller", "agent")}
    kept = []
    for entry in entries:
        if entry["kind"] == "text" and entry.get("item") in turns:
            turns[entry["item"]]["text"] = entry.get("text")
        else:
            kept.append(entry)
    answer_starts: dict[Any, int] = {}  # the begin of a turn's answer: its times stand below it
    for entry in reversed(kept):
        if entry["kind"] == "agent":
            answer_starts[entry.get("turn")] = entry.get("start_ms", 0)

    def moment(entry: Entry) -> tuple[int, bool]:
        is_latency = entry["kind"] == "latency"
        at_ms = int(entry.get("start_ms", entry.get("at_ms", 0)))
        return (answer_starts.get(entry.get("turn"), at_ms) if is_latency else at_ms), is_latency

    return sorted(kept, key=moment)
