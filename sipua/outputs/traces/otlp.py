"""Traces as OTLP has them: the one file that needs the extra. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from importlib.metadata import version
from typing import Final

from google.protobuf.message import DecodeError
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, InstrumentationScope, KeyValue
from opentelemetry.proto.resource.v1.resource_pb2 import Resource
from opentelemetry.proto.trace.v1 import trace_pb2

from sipua.outputs.traces.span import Span, Trace, Value

_KINDS: Final = {
    "internal": trace_pb2.Span.SPAN_KIND_INTERNAL,
    "server": trace_pb2.Span.SPAN_KIND_SERVER,
    "client": trace_pb2.Span.SPAN_KIND_CLIENT,
}


def request(resource: Mapping[str, str], traces: Iterable[Trace]) -> bytes:
    """The body of an export."""
    scope = InstrumentationScope(name="sipua", version=version("sipua"))
    spans = [_span(trace.trace_id, span) for trace in traces for span in trace.spans]
    found = trace_pb2.ResourceSpans(
        resource=Resource(attributes=_attributes(resource)),
        scope_spans=[trace_pb2.ScopeSpans(scope=scope, spans=spans)],
    )
    body: bytes = ExportTraceServiceRequest(resource_spans=[found]).SerializeToString()
    return body


def refused(body: bytes) -> tuple[int, str]:
    """How many spans a collector did not take of a request that it took, and why."""
    try:
        partial = ExportTraceServiceResponse.FromString(body).partial_success
    except DecodeError:
        return 0, ""
    return partial.rejected_spans, partial.error_message


def _span(trace_id: str, span: Span) -> trace_pb2.Span:
    status = None
    if span.error:
        status = trace_pb2.Status(code=trace_pb2.Status.STATUS_CODE_ERROR, message=span.error)
    failed = {"error.type": span.error} if span.error else {}
    return trace_pb2.Span(
        trace_id=bytes.fromhex(trace_id),
        span_id=bytes.fromhex(span.span_id),
        parent_span_id=bytes.fromhex(span.parent_id),
        name=span.name,
        kind=_KINDS[span.kind],
        start_time_unix_nano=_nanoseconds(span.start_s),
        end_time_unix_nano=_nanoseconds(span.end_s),
        attributes=_attributes({**span.attributes, **failed}),
        events=[
            trace_pb2.Span.Event(
                time_unix_nano=_nanoseconds(moment.at_s),
                name=moment.name,
                attributes=_attributes(moment.attributes),
            )
            for moment in span.moments
        ],
        status=status,
    )


def _attributes(values: Mapping[str, Value]) -> Sequence[KeyValue]:
    return [KeyValue(key=name, value=_value(value)) for name, value in values.items()]


def _value(value: Value) -> AnyValue:
    match value:
        case bool():
            return AnyValue(bool_value=value)
        case int():
            return AnyValue(int_value=value)
        case float():
            return AnyValue(double_value=value)
    return AnyValue(string_value=value)


def _nanoseconds(at_s: float) -> int:
    return round(at_s * 1_000_000) * 1000  # a float is no finer
