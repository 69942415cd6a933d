"""The spans of one call while they are put together: parents, ids, bounds. Pure.

A span ends when its second event comes. One that has none ends with the call, or where events were
left out: then its end is not known.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from sipua.outputs.traces.span import PRIVATE, Attributes, Kind, Moment, Span, attributes
from sipua.process.trace_context import CallTrace

END_UNKNOWN: Final = "sipua.end_unknown"


class Tree:
    def __init__(self, trace: CallTrace, start_s: float, end_s: float, *, private: bool) -> None:
        self._trace = trace
        self.call_id = trace.call_id
        self._private = private
        self._used: set[str] = set()
        self._open: dict[tuple[str, str], Span] = {}
        self.start_s = start_s
        self.end_s = end_s
        self.root = Span("call", trace.span_id, "", start_s, end_s)
        self.spans = [self.root]

    def add(
        self,
        name: str,
        start_s: float,
        end_s: float,
        about: tuple[str, ...],
        *,
        parent: Span | None = None,
        kind: Kind = "internal",
    ) -> Span:
        """`about`: what its id is made from; one that comes again gets another id."""
        parent = parent or self.root
        span = Span(name, self._id(about), parent.span_id, start_s, end_s, kind)
        self.spans.append(span)
        return span

    def _id(self, about: tuple[str, ...]) -> str:
        span_id, more = self._trace.child(*about), len(self._used)
        while span_id in self._used:
            span_id = self._trace.child(*about, str(more))
            more += 1
        self._used.add(span_id)
        return span_id

    # --- spans with two events --------------------------------------------------------------

    def begin(self, about: tuple[str, str], span: Span) -> None:
        """One of the same kind and name that is still open ends here."""
        self.finish(about, span.start_s)
        self._open[about] = span

    def open(self, about: tuple[str, str]) -> Span | None:
        return self._open.get(about)

    def finish(self, about: tuple[str, str], at_s: float) -> Span | None:
        """None: it was not open."""
        span = self._open.pop(about, None)
        if span is not None:
            span.end_s = at_s
        return span

    def finish_all(self, at_s: float, *, known: bool) -> None:
        for about in list(self._open):
            span = self.finish(about, at_s)
            if span is not None and not known:
                span.attributes[END_UNKNOWN] = True

    def bound(self) -> None:
        """So that each lies inside its parent, whatever the clock did meanwhile."""
        known = {span.span_id: span for span in self.spans}
        for span in self.spans:  # parents stand before their children
            parent = self.root if span is self.root else known[span.parent_id]
            span.start_s = min(max(span.start_s, parent.start_s), parent.end_s)
            span.end_s = min(max(span.end_s, span.start_s), parent.end_s)
            for moment in span.moments:
                moment.at_s = min(max(moment.at_s, span.start_s), span.end_s)

    # --- what is said about them ------------------------------------------------------------

    def say(self, span: Span, values: Mapping[str, object]) -> None:
        span.attributes |= self._allowed(values)

    def note(self, span: Span, name: str, at_s: float, values: Mapping[str, object]) -> None:
        span.moments.append(Moment(name, at_s, self._allowed(values)))

    def _allowed(self, values: Mapping[str, object]) -> Attributes:
        return attributes(
            {
                name: value
                for name, value in values.items()
                if self._private or not name.startswith(PRIVATE)
            }
        )
