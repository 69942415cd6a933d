"""The spans of a call's turns: who spoke, and what the answer waited for. Pure.

    turn ── caller ─┬─ endpointing ─ model ─ tools ─ outage ─ playout ─┬─ agent
              end of the speech                                  first packet

The stages are sums: model and tools may take turns, and are drawn one behind the other.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from sipua.outputs.traces.span import Span
from sipua.outputs.traces.tree import Tree

Fields = Mapping[str, Any]

STAGES: Final = ("endpointing", "model", "tools", "outage", "playout")


@dataclass(slots=True)
class _Part:
    name: str
    start_s: float
    end_s: float
    attributes: dict[str, object] = field(default_factory=dict)
    error: str = ""


@dataclass(slots=True)
class _Turn:
    parts: list[_Part] = field(default_factory=list)
    attributes: dict[str, object] = field(default_factory=dict)
    texts: list[tuple[float, Fields]] = field(default_factory=list)
    spoke_until_s: float | None = None
    """The caller, last."""
    error: str = ""


class TurnSpans:
    def __init__(self, tree: Tree) -> None:
        self._tree = tree
        self._zero_s: float | None = None
        self._turns: dict[int, _Turn] = {}

    def answered(self, at_s: float) -> None:
        """What the times of turns count from."""
        self._zero_s = at_s

    def feed(self, kind: str, at_s: float, data: Fields) -> None:
        number = data.get("turn")
        if not isinstance(number, int):
            return
        turn = self._turns.setdefault(number, _Turn())
        match kind:
            case "turn.caller":
                turn.parts.append(part := self._spoken("caller", at_s, data))
                turn.spoke_until_s = part.end_s
            case "turn.agent":
                part = self._spoken("agent", at_s, data)
                cut = {"sipua.cut": data.get("cut"), "sipua.of_ms": data.get("of_ms")}
                part.attributes = {"sipua.played_ms": data.get("played_ms"), **cut}
                turn.parts.append(part)
            case "turn.latency":
                self._waited(turn, at_s, data)
            case "turn.unanswered":
                self._in_vain(turn, at_s, data)
            case "turn.text":
                turn.texts.append((at_s, data))

    def end(self) -> None:
        """Write them."""
        for number, turn in sorted(self._turns.items()):
            if turn.parts:
                self._write(number, turn)

    def _spoken(self, name: str, at_s: float, data: Fields) -> _Part:
        return _Part(name, self._at(data, "start_ms", at_s), self._at(data, "end_ms", at_s))

    def _at(self, data: Fields, name: str, otherwise_s: float) -> float:
        value = data.get(name)
        if self._zero_s is None or not isinstance(value, int | float):
            return otherwise_s
        return self._zero_s + value / 1000

    def _waited(self, turn: _Turn, at_s: float, data: Fields) -> None:
        total_ms = _ms(data, "total")
        turn.attributes |= {"sipua.turn.of": data.get("of"), "sipua.turn.latency_ms": total_ms}
        if data.get("of") == "caller" and turn.spoke_until_s is not None:
            from_s = turn.spoke_until_s
        else:
            from_s = at_s - total_ms / 1000
        for stage in STAGES:
            if length_ms := _ms(data, stage):
                until_s = from_s + length_ms / 1000
                turn.parts.append(_Part(stage, from_s, until_s))
                from_s = until_s

    def _in_vain(self, turn: _Turn, at_s: float, data: Fields) -> None:
        turn.error = "unanswered"
        turn.attributes |= {
            "sipua.turn.waited_ms": data.get("waited_ms"),
            "sipua.turn.responses": data.get("responses"),
            "sipua.turn.nudges": data.get("nudges"),
        }
        from_s = at_s - _ms(data, "waited") / 1000
        turn.parts.append(_Part("no answer", from_s, at_s, error="unanswered"))

    def _write(self, number: int, turn: _Turn) -> None:
        tree = self._tree
        start_s = min(part.start_s for part in turn.parts)
        end_s = max(part.end_s for part in turn.parts)
        span = tree.add("turn", start_s, end_s, ("turn", str(number)))
        tree.say(span, {"sipua.turn": number, **turn.attributes})
        span.error = turn.error
        for part in turn.parts:
            about = ("turn", str(number), part.name)
            child = tree.add(part.name, part.start_s, part.end_s, about, parent=span)
            tree.say(child, part.attributes)
            child.error = part.error
        self._tell_texts(span, turn)

    def _tell_texts(self, span: Span, turn: _Turn) -> None:
        for at_s, data in turn.texts:
            said = {"sipua.who": data.get("who"), "sipua.private.text": data.get("text")}
            self._tree.note(span, "text", at_s, said)


def _ms(data: Fields, name: str) -> float:
    value = data.get(f"{name}_ms")
    return value if isinstance(value, int | float) and not isinstance(value, bool) else 0
