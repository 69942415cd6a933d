"""The figures of a call, out of what the API tells of it: numbers to sort by, texts, and how bad
they are.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeAlias

from sipua.cli.top.lines import Style

Call: TypeAlias = Mapping[str, Any]


def loss(call: Call) -> float | None:
    """The larger share of packets that got lost lately, of both directions, in per cent."""
    known = [share for share in (_of(call, "received", "loss"), _of(call, "sent", "loss")) if share]
    if known:
        return max(known) * 100
    return None if _of(call, "received", "loss") is None else 0.0


def jitter_ms(call: Call) -> float | None:
    return _of(call, "received", "jitter_ms")


def round_trip_ms(call: Call) -> float | None:
    return _number(stats(call).get("round_trip_ms"))


def mos(call: Call) -> float | None:
    """The lower one of both directions."""
    known = [one for one in (_of(call, "received", "mos"), _of(call, "sent", "mos")) if one]
    return min(known, default=None)


def talk(call: Call) -> str:
    """Who is to be heard."""
    found = str(stats(call).get("talk", "none"))
    return "" if found == "none" else found


def latency_ms(call: Call) -> float | None:
    return _number(call.get("last_latency_ms"))


def codec(call: Call) -> str:
    return str((call.get("media") or {}).get("codec", ""))


def state(call: Call) -> str:
    if call.get("held") and call["state"] == "active":
        return "hold"
    return str(call["state"])


def state_style(call: Call) -> Style:
    if call["state"] == "active":
        return "good" if call.get("engine_up", True) else "bad"
    return "warn" if call["state"] in ("placing", "ringing") else "dim"


def graded(value: float | None, warn: float, bad: float) -> Style:
    if value is None:
        return "dim"
    return "bad" if value >= bad else "warn" if value >= warn else ""


def number(value: float | None, decimals: int = 0) -> str:
    return "-" if value is None else f"{value:.{decimals}f}"


def age(seconds: float) -> str:
    """As short as it can be: 59 s, 12:04, 3 h 05, 12 d."""
    whole = int(max(0.0, seconds))
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60}:{whole % 60:02}"
    if whole < 86_400:
        return f"{whole // 3600} h {whole % 3600 // 60:02}"
    return f"{whole // 86_400} d {whole % 86_400 // 3600} h"


def who(uri: object) -> str:
    """The number of a URI."""
    text = str(uri or "?")
    for scheme in ("sip:", "sips:", "tel:"):
        _, found, rest = text.partition(scheme)
        if found:
            return rest.partition("@")[0].partition(";")[0].partition(">")[0] or text
    return text


def caller(call: Call) -> str:
    """Who calls: as the trunk asserts it or in its form, or as From has it."""
    known = call.get("caller")
    if isinstance(known, Mapping):
        if known.get("anonymous"):
            return "anonymous"
        if known.get("number"):
            return str(known["number"])
    return who(call.get("from"))


def stats(call: Call) -> Mapping[str, Any]:
    found = call.get("stats")
    return found if isinstance(found, Mapping) else {}


def _of(call: Call, side: str, name: str) -> float | None:
    found = stats(call).get(side)
    return _number(found.get(name)) if isinstance(found, Mapping) else None


def _number(value: object) -> float | None:
    return float(value) if isinstance(value, int | float) else None
