"""What is sent, byte by byte what OpenTelemetry's own SDK and encoder would send."""

from __future__ import annotations

from importlib.metadata import version

import pytest
from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import Event, ReadableSpan
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import SpanContext, SpanKind, Status, StatusCode, TraceFlags

from sipua.outputs.traces import otlp
from sipua.outputs.traces.span import Span, Trace
from support.calls.traced_call import WHOLE, trace

RESOURCE = {"service.name": "sipua", "service.instance.id": "berlin"}
KINDS = {"internal": SpanKind.INTERNAL, "server": SpanKind.SERVER, "client": SpanKind.CLIENT}


def official(found: Trace) -> ExportTraceServiceRequest:
    """As the SDK would send it."""
    scope = InstrumentationScope("sipua", version("sipua"))
    resource = Resource(RESOURCE)

    def context(span_id: str) -> SpanContext:
        return SpanContext(int(found.trace_id, 16), int(span_id, 16), False, TraceFlags(1))

    def of(span: Span) -> ReadableSpan:
        failed = {"error.type": span.error} if span.error else {}
        return ReadableSpan(
            span.name,
            context(span.span_id),
            context(span.parent_id) if span.parent_id else None,
            resource,
            {**span.attributes, **failed},
            [Event(m.name, m.attributes, round(m.at_s * 1e6) * 1000) for m in span.moments],
            kind=KINDS[span.kind],
            status=Status(StatusCode.ERROR, span.error) if span.error else Status(StatusCode.UNSET),
            start_time=round(span.start_s * 1e6) * 1000,
            end_time=round(span.end_s * 1e6) * 1000,
            instrumentation_scope=scope,
        )

    request: ExportTraceServiceRequest = encode_spans([of(span) for span in found.spans])
    for resource_spans in request.resource_spans:
        for scope_spans in resource_spans.scope_spans:
            for span in scope_spans.spans:
                span.ClearField("flags")  # of the version of the standard, and optional
                if not span.status.code:
                    span.ClearField("status")  # unset, in so many words
    return request


@pytest.mark.parametrize("private", [False, True])
def test_it_is_what_the_official_encoder_writes(private: bool) -> None:
    found = trace(*WHOLE, private=private)
    ours = ExportTraceServiceRequest.FromString(otlp.request(RESOURCE, [found]))
    assert ours == official(found)


def test_many_calls_are_one_request() -> None:
    found = trace(*WHOLE)
    ours = ExportTraceServiceRequest.FromString(otlp.request(RESOURCE, [found, found, found]))
    ((scope,),) = [resource.scope_spans for resource in ours.resource_spans]
    assert len(scope.spans) == 3 * len(found.spans)


def test_what_a_collector_did_not_take() -> None:
    answer = ExportTraceServiceResponse()
    assert otlp.refused(answer.SerializeToString()) == (0, "")
    answer.partial_success.rejected_spans = 7
    answer.partial_success.error_message = "too old"
    assert otlp.refused(answer.SerializeToString()) == (7, "too old")
    for nonsense in (b"{}", b"\xff" * 100, b"<html>", bytes(range(256))):
        assert otlp.refused(nonsense)[0] >= 0
