"""W3C trace context: strict about what comes in, and judged by OpenTelemetry's own parser."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.trace import get_current_span
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from sipua.process import trace_context
from sipua.process.trace_context import CallTrace, Incoming, begin, parse

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
SPAN = "00f067aa0ba902b7"
GOOD = f"00-{TRACE}-{SPAN}-01"


def official(text: str) -> Incoming | None:
    carrier = {trace_context.HEADER: text}
    found = get_current_span(TraceContextTextMapPropagator().extract(carrier)).get_span_context()
    if not found.is_valid:
        return None
    return Incoming(f"{found.trace_id:032x}", f"{found.span_id:016x}", bool(found.trace_flags & 1))


@pytest.mark.parametrize("text", [GOOD, GOOD[:-1] + "0", GOOD[:-2] + "ff", f"cc-{GOOD[3:]}-more"])
def test_one_that_is_good(text: str) -> None:
    assert parse(text) == official(text)
    assert parse(text) is not None


@pytest.mark.parametrize(
    "text",
    [
        "",
        "00",
        GOOD.upper(),
        f" {GOOD}",
        f"{GOOD}\n",
        f"{GOOD}-more",
        f"ff-{GOOD[3:]}",
        f"00-{'0' * 32}-{SPAN}-01",
        f"00-{TRACE}-{'0' * 16}-01",
        f"00-{TRACE[:-1]}-{SPAN}-01",
        f"00-{TRACE[:-1]}g-{SPAN}-01",
        f"00-{TRACE[:-1]}٣-{SPAN}-01",
        f"cc-{GOOD[3:]}-{'x' * 300}",
        GOOD.replace("-", "_"),
    ],
)
def test_one_that_is_not(text: str) -> None:
    assert parse(text) is None


@given(st.text() | st.from_regex(r"[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}(-.*)?"))
def test_no_text_is_believed_that_the_official_parser_refuses(text: str) -> None:
    found = parse(text)
    if found is not None:
        assert found == official(text)


@given(st.text(min_size=1), st.booleans(), st.lists(st.text(), max_size=3))
def test_what_goes_out_is_understood(call_id: str, sampled: bool, about: list[str]) -> None:
    trace = CallTrace(TRACE, call_id, sampled)
    told = official(trace.traceparent(*about))
    assert told is not None
    assert (told.trace_id, told.sampled) == (TRACE, sampled)
    assert told.span_id == (trace.child(*about) if about else trace.span_id)


def test_ids_of_spans_are_the_same_everywhere_and_differ() -> None:
    one, other = CallTrace(TRACE, "c-1", True), CallTrace(TRACE, "c-2", True)
    assert one.child("tool", "a") == CallTrace(TRACE, "c-1", False).child("tool", "a")
    assert len({one.span_id, other.span_id, one.child("tool", "a"), one.child("tool", "ab")}) == 4
    assert one.child("a", "bc") != one.child("ab", "c")


def test_a_call_goes_on_in_the_trace_that_it_came_with() -> None:
    trace = begin("c-1", "f" * 32, 0.0, Incoming(TRACE, SPAN, True))
    assert (trace.trace_id, trace.parent_id, trace.sampled) == (TRACE, SPAN, True)
    assert begin("c-1", "f" * 32, 0.0).trace_id == "f" * 32


def test_the_share_is_drawn_by_the_call_id() -> None:
    drawn = [begin(f"c-{number}", "f" * 32, 0.25).sampled for number in range(4000)]
    assert 800 < sum(drawn) < 1200
    assert drawn == [begin(f"c-{number}", "e" * 32, 0.25).sampled for number in range(4000)]
    assert all(begin(f"c-{number}", "f" * 32, 1.0).sampled for number in range(1000))
    assert not any(begin(f"c-{number}", "f" * 32, 0.0).sampled for number in range(1000))
