"""From the events of a call that is over to its spans. Pure.

    call ─┬─ setup ── ringing, ack
          ├─ engine connect, engine outage
          ├─ turn ── caller, endpointing, model, tools, outage, playout, agent
          ├─ execute_tool …
          ├─ hold, command, menu, transfer, leg
          └─ worker lost

Start and end of a span are the times of the two events that it is between. By default no attribute
holds a number or a word: what other sides wrote is private, what is in closed lists, in our
configuration, or an identifier is not.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, ClassVar, Final

import msgspec

from sipua.events.teller import ENDED, Told
from sipua.outputs.traces.leg_spans import LegSpans, sip
from sipua.outputs.traces.span import Span, Trace
from sipua.outputs.traces.story import Story
from sipua.outputs.traces.tree import Tree
from sipua.outputs.traces.turn_spans import TurnSpans
from sipua.process import trace_context

Fields = Mapping[str, Any]

_SETUP: Final = ("setup", "")
_RINGING: Final = ("ringing", "")
_ACK: Final = ("ack", "")
_OUTAGE: Final = ("outage", "")
_HOLD: Final = ("hold", "")
_RINGS: Final = 180
"""A provisional status below it says only that a proxy is there."""


def spans(story: Story, *, private: bool) -> Trace | None:
    """None: there is nothing in it that can be read."""
    first = [one for told in story.first if (one := _read(told))]
    last = [one for told in story.last if (one := _read(told))]
    if not first:
        return None
    moments = [told.at_s for told, _ in (*first, *last)]
    tree = Tree(story.trace, min(moments), max(moments), private=private)
    writer = CallSpans(tree)
    for told, data in first:
        writer.feed(told, data)
    if story.left_out:
        writer.leave_out(story.left_out, first[-1][0].at_s)
    for told, data in last:
        writer.feed(told, data)
    writer.end()
    return Trace(story.trace.trace_id, tree.spans)


def _read(told: Told) -> tuple[Told, Fields] | None:
    try:
        data = msgspec.json.decode(told.data)
    except msgspec.MsgspecError:
        return None
    return (told, data) if isinstance(data, dict) else None


class CallSpans:
    def __init__(self, tree: Tree) -> None:
        self._tree = tree
        self._turns = TurnSpans(tree)
        self._legs = LegSpans(tree)
        self._engine = ""
        self._confirmed = False
        self._heard_s = tree.start_s
        """When anything was last heard of the call, before its end."""
        self._complete = True
        """Whether no event was left out."""
        self._tokens: dict[str, float] = {}
        self._models: set[str] = set()

    def feed(self, told: Told, data: Fields) -> None:
        if told.type.startswith("turn."):
            self._turns.feed(told.type, told.at_s, data)
        elif self._legs.feed(told.type, told.at_s, data):
            pass
        elif act := self._HANDLERS.get(told.type):
            act(self, told.at_s, data)
        elif told.type in _MOMENTS:
            self._moment(told.type, told.at_s, data)
        if told.type != ENDED:
            self._heard_s = told.at_s

    def leave_out(self, count: int, at_s: float) -> None:
        """Events are missing from here on."""
        self._tree.finish_all(at_s, known=False)
        self._tree.say(self._tree.root, {"sipua.events_left_out": count})
        self._complete = False

    def end(self) -> None:
        self._tree.finish_all(self._tree.end_s, known=True)
        self._turns.end()
        self._tree.bound()
        if self._complete:
            self._tree.say(self._tree.root, self._tokens)
        if len(self._models) == 1:
            self._tree.say(self._tree.root, {"gen_ai.request.model": self._models.pop()})

    # --- it begins --------------------------------------------------------------------------

    def _incoming(self, at_s: float, data: Fields) -> None:
        self._begin(at_s, "incoming", data, data.get("origin"))
        self._tree.say(self._tree.root, {"sipua.private.source": data.get("source")})

    def _placing(self, at_s: float, data: Fields) -> None:
        self._begin(at_s, "outgoing", data, data.get("account"))
        self._tree.say(self._tree.root, {"sipua.by": data.get("by")})

    def _begin(self, at_s: float, direction: str, data: Fields, origin: object) -> None:
        tree, root = self._tree, self._tree.root
        root.kind = "server" if direction == "incoming" else "client"
        parent_id = _text(data.get("trace_parent_id"))
        root.parent_id = parent_id if trace_context.is_span_id(parent_id) else ""
        facts = {
            "sipua.call_id": tree.call_id,
            "sipua.direction": direction,
            "sipua.origin": origin,
            "sipua.route": data.get("route"),
            "sipua.worker": data.get("worker"),
            "sipua.private.from": data.get("from"),
            "sipua.private.to": data.get("to"),
        }
        tree.say(root, facts)
        tree.begin(_SETUP, tree.add("setup", at_s, tree.end_s, ("setup",)))

    def _ringing(self, at_s: float, _: Fields) -> None:
        if (setup := self._tree.open(_SETUP)) and not self._tree.open(_RINGING):
            ringing = self._tree.add("ringing", at_s, setup.end_s, ("ringing",), parent=setup)
            self._tree.begin(_RINGING, ringing)

    def _progress(self, at_s: float, data: Fields) -> None:
        setup, status = self._tree.open(_SETUP), data.get("status")
        if setup is None or not isinstance(status, int):
            return
        self._tree.note(setup, "progress", at_s, sip(data))
        if status >= _RINGS:
            self._ringing(at_s, data)

    def _answered(self, at_s: float, data: Fields) -> None:
        self._tree.finish(_RINGING, at_s)
        if setup := self._tree.open(_SETUP):
            self._tree.say(setup, {"sipua.setup_ms": data.get("setup_ms")})
            self._tree.begin(_ACK, self._tree.add("ack", at_s, setup.end_s, ("ack",), parent=setup))

    def _confirm(self, at_s: float, _: Fields) -> None:
        self._confirmed = True
        self._turns.answered(at_s)
        for about in (_RINGING, _ACK, _SETUP):
            self._tree.finish(about, at_s)

    # --- the engine -------------------------------------------------------------------------

    def _in_use(self, at_s: float, data: Fields) -> None:
        tree = self._tree
        self._engine = _text(data.get("engine"))
        outage = tree.finish(_OUTAGE, at_s)
        gap_ms, connect_ms = _number(data.get("gap_ms")), data.get("connect_ms")
        if outage is None and gap_ms:  # its beginning was left out
            outage = self._outage_from(at_s - gap_ms / 1000, at_s, self._engine)
        facts = {
            "sipua.engine": self._engine,
            "sipua.engine.why": data.get("why"),
            "gen_ai.conversation.id": data.get("session_id"),
        }
        if isinstance(connect_ms, int):
            about = ("engine", _text(data.get("session_id")))
            span = tree.add("engine connect", at_s - connect_ms / 1000, at_s, about, kind="client")
            restored = {"sipua.engine.restored": data.get("restored")}
            tree.say(span, facts | restored)
        else:
            tree.note(tree.root, "engine changed", at_s, facts)

    def _outage(self, at_s: float, data: Fields) -> None:
        span = self._outage_from(at_s, self._tree.end_s, _text(data.get("engine")))
        self._tree.say(span, {"sipua.private.cause": data.get("cause")})
        self._tree.begin(_OUTAGE, span)

    def _outage_from(self, start_s: float, end_s: float, engine: str) -> Span:
        span = self._tree.add("engine outage", start_s, end_s, ("outage",))
        self._tree.say(span, {"sipua.engine": engine})
        span.error = "engine_outage"
        return span

    def _gone(self, at_s: float, data: Fields) -> None:
        outage = self._tree.finish(_OUTAGE, at_s)
        said = {
            "sipua.engine": data.get("engine"),
            "sipua.private.cause": data.get("cause"),
        }
        self._tree.note(self._tree.root, "engine gone", at_s, said)
        if outage is not None:
            outage.error = "engine_gone"

    def _usage(self, _: float, data: Fields) -> None:
        for total, kinds in _TOKENS.items():
            if count := sum(_number(data.get(kind)) for kind in kinds):
                self._tokens[total] = self._tokens.get(total, 0) + count
        model = data.get("model")
        if isinstance(model, str) and data.get("of") == "response":
            self._models.add(model)

    # --- tools, commands, holds -----------------------------------------------------------

    def _tool_called(self, at_s: float, data: Fields) -> None:
        name, tool_call_id = _text(data.get("tool")), _text(data.get("tool_call_id"))
        span = self._tree.add(
            f"execute_tool {name}"[:96], at_s, self._tree.end_s, ("tool", tool_call_id)
        )
        facts = {
            "gen_ai.operation.name": "execute_tool",
            "gen_ai.tool.name": name,
            "gen_ai.tool.call.id": tool_call_id,
        }
        self._tree.say(span, facts)
        self._tree.begin(("tool", tool_call_id), span)

    def _tool_over(self, at_s: float, data: Fields) -> None:
        span = self._tree.finish(("tool", _text(data.get("tool_call_id"))), at_s)
        outcome = _text(data.get("outcome"))
        said = {
            "sipua.tool.outcome": outcome,
            "sipua.private.reason": data.get("reason"),
        }
        if span is None:  # the model asked for one that there is not, or it began unseen
            said["sipua.private.tool"] = data.get("tool")
            self._tree.note(self._tree.root, "tool", at_s, said)
            return
        self._tree.say(span, said)
        span.error = "" if outcome == "ok" else outcome

    def _steered(self, at_s: float, data: Fields) -> None:
        span = self._tree.add("command", at_s, at_s, ("command",))
        facts = {
            "sipua.command": data.get("act"),
            "sipua.command.status": data.get("status"),
            "sipua.by": data.get("by"),
            "sipua.command.on": data.get("on"),
            "sipua.command.size": data.get("size"),
            "sipua.private.about": data.get("about"),
            "sipua.private.detail": data.get("detail"),
        }
        self._tree.say(span, facts)
        if data.get("status") not in ("done", "accepted"):
            span.error = _text(data.get("status"))

    def _held(self, at_s: float, data: Fields) -> None:
        span = self._tree.add("hold", at_s, self._tree.end_s, ("hold",))
        self._tree.say(span, {"sipua.hold.by": data.get("by")})
        self._tree.begin(_HOLD, span)

    def _resumed(self, at_s: float, _: Fields) -> None:
        self._tree.finish(_HOLD, at_s)

    # --- moments of the whole call ----------------------------------------------------------

    def _moment(self, name: str, at_s: float, data: Fields) -> None:
        said = {attribute: data.get(field) for attribute, field in _MOMENTS[name].items()}
        self._tree.note(self._tree.root, name.removeprefix("call."), at_s, said)

    # --- the end ----------------------------------------------------------------------------

    def _ended(self, at_s: float, data: Fields) -> None:
        tree, root = self._tree, self._tree.root
        end = _object(data.get("end"))
        of_sip = _object(end.get("sip"))
        facts = {
            "sipua.sip_call_id": data.get("sip_call_id"),
            "sipua.status": data.get("status"),
            "sipua.end.by": end.get("by"),
            "sipua.end.reason": end.get("reason"),
            "sipua.end.fault": end.get("fault"),
            "sipua.sip.status_code": of_sip.get("status"),
            "sipua.talk_s": data.get("duration_s"),
            "sipua.first_audio_ms": data.get("first_audio_ms"),
            "sipua.interruptions": data.get("interruptions"),
            "sipua.private.detail": end.get("detail"),
            "sipua.private.sip_reason": of_sip.get("reason"),
        }
        for name, value in _object(data.get("metadata")).items():
            facts[f"sipua.private.metadata.{name}"] = value
        tree.say(root, facts)
        reason = _text(end.get("reason"))
        if end.get("fault"):
            root.error = reason
            if (setup := tree.open(_SETUP)) is not None:
                setup.error = reason
        if reason == "worker_died":
            lost = tree.add("worker lost", self._heard_s, at_s, ("worker lost",))
            lost.error = reason

    _HANDLERS: ClassVar[Mapping[str, Callable[[CallSpans, float, Fields], None]]] = {
        "call.incoming": _incoming,
        "call.placing": _placing,
        "call.ringing": _ringing,
        "call.progress": _progress,
        "call.answered": _answered,
        "call.confirmed": _confirm,
        "engine.in_use": _in_use,
        "engine.outage": _outage,
        "engine.gone": _gone,
        "engine.usage": _usage,
        "tool.called": _tool_called,
        "tool.done": _tool_over,
        "tool.failed": _tool_over,
        "call.steered": _steered,
        "call.held": _held,
        "call.resumed": _resumed,
        "call.ended": _ended,
    }


_TOKENS: Final[Mapping[str, Iterable[str]]] = {
    "gen_ai.usage.input_tokens": ("audio_in", "text_in"),
    "gen_ai.usage.output_tokens": ("audio_out", "text_out"),
    "sipua.cost": ("cost",),
}
_MOMENTS: Final[Mapping[str, Mapping[str, str]]] = {
    "call.answered_by": {"sipua.answered_by": "verdict", "sipua.answered_by.cause": "cause"},
    "call.beep": {"sipua.beep.hz": "hz", "sipua.beep.duration_ms": "duration_ms"},
    "call.message": {"sipua.message.state": "state", "sipua.message.after": "after"},
    "call.greeting_late": {"sipua.waited_s": "waited_s"},
    "call.media": {
        "sipua.codec": "codec",
        "sipua.media.direction": "direction",
        "sipua.private.remote": "remote",
    },
    "call.offer_refused": {"sipua.sip.status_code": "status", "sipua.private.cause": "cause"},
    "call.request_refused": {"sipua.sip.method": "method", "sipua.private.source": "source"},
    "call.source": {"sipua.source.rank": "rank", "sipua.private.address": "address"},
    "call.dtmf": {
        "sipua.dtmf.duration_ms": "duration_ms",
        "sipua.dtmf.inband": "inband",
        "sipua.private.digit": "digit",
    },
    "call.quality": {
        "sipua.rtp.remote_fraction_lost": "remote_fraction_lost",
        "sipua.rtp.remote_jitter_ms": "remote_jitter_ms",
        "sipua.rtp.round_trip_ms": "round_trip_ms",
    },
    "call.interrupted": {
        "sipua.interrupted.by": "by",
        "sipua.interrupted.played_ms": "played_ms",
    },
    "call.fallback": {"sipua.fallback.step": "step", "sipua.private.cause": "cause"},
    "call.prompt_unheard": {"sipua.waited_s": "waited_s"},
    "call.transfer_refused": {"sipua.sip.status_code": "status", "sipua.private.target": "target"},
    "engine.silent": {"sipua.engine.waited_ms": "waited_ms", "sipua.engine.action": "action"},
}
"""Events of the whole call: the attributes, and the fields that they are."""


def _object(value: object) -> Fields:
    return value if isinstance(value, dict) else {}


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _number(value: object) -> float:
    return value if isinstance(value, int | float) and not isinstance(value, bool) else 0
