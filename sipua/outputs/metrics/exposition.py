"""Families as text, in the two forms that Prometheus asks for: OpenMetrics 1.0, and its own."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from sipua.outputs.metrics.families import Family, number

OPENMETRICS = "application/openmetrics-text; version=1.0.0; charset=utf-8"
PLAIN = "text/plain; version=0.0.4; charset=utf-8"


_FRESH_S: Final = 0.2
"""Whoever asks more often gets the same text again."""


class Page:
    """What a reader gets. Belongs to one thread; the families may be written by another."""

    def __init__(self, families: Iterable[Family]) -> None:
        self._families = tuple(families)
        self._texts: dict[str, tuple[float, bytes]] = {}

    def text(self, accept: str, now: float) -> tuple[str, bytes]:
        """The media type and the text, for what the reader accepts."""
        form = media_type(accept)
        made_at, text = self._texts.get(form, (float("-inf"), b""))
        if now - made_at > _FRESH_S:
            text = render(self._families, form)
            self._texts[form] = now, text
        return form, text


def media_type(accept: str) -> str:
    return OPENMETRICS if "application/openmetrics-text" in accept else PLAIN


def render(families: Iterable[Family], form: str) -> bytes:
    """The same samples in both: only the heads of counters differ."""
    lines = []
    for family in families:
        open_metrics = form == OPENMETRICS
        name = family.name
        if family.kind == "counter" and not open_metrics:
            name += "_total"
        lines.append(f"# TYPE {name} {family.kind}")
        if open_metrics and family.unit:
            lines.append(f"# UNIT {name} {family.unit}")
        lines.append(f"# HELP {name} {_help(family.text, quotes=open_metrics)}")
        for suffix, labels, value in family.samples():
            named = ",".join(f'{label}="{_escaped(text)}"' for label, text in labels)
            braces = f"{{{named}}}" if named else ""
            lines.append(f"{family.name}{suffix}{braces} {number(value)}")
    if form == OPENMETRICS:
        lines.append("# EOF")
    return ("\n".join(lines) + "\n").encode("utf-8", "replace")


def _help(text: str, *, quotes: bool) -> str:
    text = text.replace("\\", "\\\\").replace("\n", "\\n")
    return text.replace('"', '\\"') if quotes else text


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace("\n", "\\n").replace('"', '\\"')
