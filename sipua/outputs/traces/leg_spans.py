"""The spans of a caller who is led elsewhere: menus, transfers, second legs. Pure.

menu ─────┐            keys are events of it
transfer ─┤            from REFER, or the INVITE of a second leg, to its outcome
leg b ────┘            from its INVITE to its end; joined is an event of it
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, ClassVar, Final

from sipua.outputs.traces.tree import Tree

Fields = Mapping[str, Any]

_TRANSFER: Final = ("transfer", "")


class LegSpans:
    def __init__(self, tree: Tree) -> None:
        self._tree = tree

    def feed(self, kind: str, at_s: float, data: Fields) -> bool:
        """False: it is about something else."""
        if (act := self._HANDLERS.get(kind)) is None:
            return False
        act(self, at_s, data)
        return True

    def _menu(self, at_s: float, data: Fields) -> None:
        span = self._tree.add("menu", at_s, self._tree.end_s, ("menu", str(data.get("menu"))))
        self._tree.say(span, {"sipua.menu": data.get("menu")})
        self._tree.begin(("menu", ""), span)

    def _key(self, at_s: float, data: Fields) -> None:
        if span := self._tree.open(("menu", "")):
            said = {
                "sipua.menu.valid": data.get("valid"),
                "sipua.private.digit": data.get("digit"),
            }
            self._tree.note(span, "key", at_s, said)

    def _menu_left(self, at_s: float, data: Fields) -> None:
        if span := self._tree.finish(("menu", ""), at_s):
            said = {"sipua.menu.by": data.get("by"), "sipua.private.to": data.get("to")}
            self._tree.say(span, said)

    def _transfer(self, at_s: float, data: Fields) -> None:
        span = self._tree.add("transfer", at_s, self._tree.end_s, ("transfer",))
        self._tree.say(span, {"sipua.private.target": data.get("target")})
        self._tree.begin(_TRANSFER, span)

    def _transfer_progress(self, at_s: float, data: Fields) -> None:
        if span := self._tree.open(_TRANSFER):
            self._tree.note(span, "progress", at_s, sip(data))

    def _transfer_ok(self, at_s: float, data: Fields) -> None:
        if span := self._tree.finish(_TRANSFER, at_s):
            how = {"sipua.transfer.mode": data.get("mode")}
            self._tree.say(span, sip(data) | how)

    def _transfer_failed(self, at_s: float, data: Fields) -> None:
        if span := self._tree.open(_TRANSFER):
            span.error = "transfer_failed"
            self._tree.say(span, {"sipua.transfer.cause": data.get("cause")})
        self._transfer_ok(at_s, data)

    def _leg(self, at_s: float, data: Fields) -> None:
        name = str(data.get("leg"))
        span = self._tree.add("leg", at_s, self._tree.end_s, ("leg", name), kind="client")
        said = {
            "sipua.leg": name,
            "sipua.origin": data.get("account"),
            "sipua.sip_call_id": data.get("sip_call_id"),
            "sipua.private.target": data.get("target"),
        }
        self._tree.say(span, said)
        self._tree.begin(("leg", name), span)

    def _joined(self, at_s: float, data: Fields) -> None:
        if span := self._tree.open(("leg", str(data.get("leg")))):
            self._tree.note(span, "joined", at_s, {})

    def _leg_ended(self, at_s: float, data: Fields) -> None:
        if span := self._tree.finish(("leg", str(data.get("leg"))), at_s):
            said = {
                "sipua.leg.state": data.get("state"),
                "sipua.rtp.sent": data.get("sent"),
                "sipua.rtp.received": data.get("received"),
                "sipua.rtp.lost": data.get("lost"),
            }
            self._tree.say(span, said)

    _HANDLERS: ClassVar[Mapping[str, Callable[[LegSpans, float, Fields], None]]] = {
        "menu.entered": _menu,
        "menu.key": _key,
        "menu.left": _menu_left,
        "call.transfer": _transfer,
        "call.transfer_progress": _transfer_progress,
        "call.transferred": _transfer_ok,
        "call.transfer_failed": _transfer_failed,
        "call.leg": _leg,
        "call.joined": _joined,
        "call.leg_ended": _leg_ended,
    }


def sip(data: Fields) -> dict[str, object]:
    """What the other side has answered."""
    return {
        "sipua.sip.status_code": data.get("status"),
        "sipua.private.reason": data.get("reason"),
    }
