"""What a collector has got, read with the types of OpenTelemetry's own package."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from support.calls.hook_server import Received

Value = str | int | float | bool


@dataclass
class Happening:
    name: str
    at_s: float
    attributes: dict[str, Value]


@dataclass
class Seen:
    """A span, as it was received."""

    trace_id: str
    span_id: str
    parent_id: str
    name: str
    kind: int
    start_s: float
    end_s: float
    attributes: dict[str, Value]
    happenings: list[Happening]
    failed: bool
    message: str
    resource: dict[str, Value]
    children: list[Seen] = field(default_factory=list)

    def all(self) -> Iterable[Seen]:
        yield self
        for child in self.children:
            yield from child.all()

    def named(self, name: str) -> list[Seen]:
        """Itself, or below it, by time."""
        found = [span for span in self.all() if span.name == name]
        return sorted(found, key=lambda span: span.start_s)

    def one(self, name: str) -> Seen:
        (found,) = self.named(name)
        return found


def trees(requests: Sequence[Received]) -> list[Seen]:
    """The spans of each call, the first to have ended first. Each parent must be there, or be
    outside of all that was received."""
    found: dict[tuple[str, str], Seen] = {}
    for request in requests:
        for span in _spans(request):
            assert (span.trace_id, span.span_id) not in found, "an id is there twice"
            found[span.trace_id, span.span_id] = span
    roots = []
    for span in found.values():
        parent = found.get((span.trace_id, span.parent_id))
        (roots if parent is None else parent.children).append(span)
    return roots


def within(root: Seen) -> None:
    """Every span lies inside its parent, and every happening inside its span."""
    for span in root.all():
        assert span.start_s <= span.end_s, span
        for child in span.children:
            assert span.start_s <= child.start_s, (span.name, child.name)
            assert child.end_s <= span.end_s, (span.name, child.name)
        for happening in span.happenings:
            assert span.start_s <= happening.at_s <= span.end_s, (span.name, happening.name)


def _spans(request: Received) -> Iterable[Seen]:
    assert request.headers["content-type"] == "application/x-protobuf"
    message = ExportTraceServiceRequest.FromString(request.body)
    for resource in message.resource_spans:
        about = _attributes(resource.resource.attributes)
        for scope in resource.scope_spans:
            assert scope.scope.name == "sipua"
            for span in scope.spans:
                assert len(span.trace_id) == 16
                assert len(span.span_id) == 8
                assert len(span.parent_span_id) in (0, 8)
                yield Seen(
                    span.trace_id.hex(),
                    span.span_id.hex(),
                    span.parent_span_id.hex(),
                    span.name,
                    span.kind,
                    span.start_time_unix_nano / 1e9,
                    span.end_time_unix_nano / 1e9,
                    _attributes(span.attributes),
                    [
                        Happening(e.name, e.time_unix_nano / 1e9, _attributes(e.attributes))
                        for e in span.events
                    ],
                    failed=span.status.code == span.status.STATUS_CODE_ERROR,
                    message=span.status.message,
                    resource=about,
                )


def _attributes(values: Iterable[Any]) -> dict[str, Value]:
    found: dict[str, Value] = {}
    for one in values:
        assert one.key not in found, f"{one.key} is there twice"
        found[one.key] = getattr(one.value, one.value.WhichOneof("value"))
    return found
