"""The local agent's journal, judged by the vendor's SDK: what the edge sent in a whole test."""

import json
from pathlib import Path
from typing import Any

from support.engine import gemini_types, live_types
from support.engine.dialect_types import JUDGES

Line = dict[str, Any]


def lines(path: Path) -> list[Line]:
    """Complete lines only: the writer may have been killed in the middle of one."""
    if not path.exists():
        return []
    return [
        json.loads(line) for line in path.read_text().splitlines(keepends=True) if line[-1] == "\n"
    ]


def events(path: Path, side: str) -> list[Line]:
    return [line["event"] for line in lines(path) if line.get("from") == side]


def judge_client(path: Path, dialect: str = "ga") -> int:
    """Each event of ours is one that the SDK knows, exactly; how many there were."""
    # What was too long for the journal has only its length there.
    own = [line for line in lines(path) if line.get("from") == "client"]
    sent = [line for line in own if "bytes" not in line["event"]]
    live = {line["session_id"] for line in sent if line["event"].get("type") == "session.start"}
    for line in sent:
        if "type" not in line["event"]:
            gemini_types.accepted_client_message(json.dumps(line["event"]))
            continue
        judge = live_types.accepted_client_event
        if line["session_id"] not in live:
            judge = JUDGES[dialect].client
        judge(json.dumps(line["event"]))
    return len(sent)
