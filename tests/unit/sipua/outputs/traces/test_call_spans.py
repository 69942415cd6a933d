"""From the events of a call to its spans."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sipua.events import call_events as told_of
from sipua.events.teller import Told
from sipua.outputs.traces import call_spans, otlp
from sipua.outputs.traces.span import PRIVATE, Trace
from sipua.outputs.traces.story import WANTED, Story
from sipua.outputs.traces.tree import END_UNKNOWN, Tree
from sipua.process.trace_context import CallTrace
from support.calls.rows import BEGAN_S, ended, incoming
from support.calls.traced_call import (
    CANARIES,
    LONG,
    LOST,
    PLACED,
    TRACE,
    WHOLE,
    events,
    faulty,
    named,
    one,
    root,
    since_s,
    story,
    trace,
)


def within(found: Trace) -> None:
    spans = {span.span_id: span for span in found.spans}
    assert len(spans) == len(found.spans), "an id is there twice"
    for span in found.spans:
        assert span.start_s <= span.end_s
        if span is not root(found):
            parent = spans[span.parent_id]
            assert parent.start_s <= span.start_s, (parent.name, span.name)
            assert span.end_s <= parent.end_s, (parent.name, span.name)
        for moment in span.moments:
            assert span.start_s <= moment.at_s <= span.end_s, (span.name, moment.name)


def test_every_span_has_the_times_of_its_events_and_lies_inside_its_parent() -> None:
    found = trace(*WHOLE)
    within(found)
    assert since_s(root(found)) == (0.0, 20.0)
    assert since_s(one(found, "setup")) == (0.0, 2.0)
    assert since_s(one(found, "ringing")) == (0.01, 1.0)
    assert since_s(one(found, "ack")) == (1.0, 2.0)
    assert [since_s(span) for span in named(found, "engine connect")] == [(0.2, 0.5), (10.5, 11.0)]
    assert [since_s(span) for span in named(found, "engine outage")] == [(9.0, 11.0), (18.1, 18.2)]
    assert since_s(one(found, "execute_tool find_order")) == (6.1, 7.1)
    assert since_s(one(found, "execute_tool pay")) == (8.5, 8.6)
    assert since_s(one(found, "hold")) == (12.0, 13.0)
    assert since_s(one(found, "transfer")) == (14.0, 16.0)
    assert since_s(one(found, "menu")) == (13.7, 13.9)
    assert since_s(one(found, "leg")) == (14.1, 15.9)
    assert [moment.name for moment in one(found, "leg").moments] == ["joined"]
    assert [since_s(span) for span in named(found, "turn")] == [
        (2.0, 4.0),
        (5.0, 8.0),
        (17.0, 18.0),
    ]
    assert since_s(one(found, "caller")) == (5.0, 6.0)
    assert since_s(one(found, "endpointing")) == (6.0, 6.3)
    assert [since_s(span) for span in named(found, "model")] == [(2.0, 2.4), (6.3, 6.4)]
    assert since_s(one(found, "tools")) == (6.4, 7.4)
    assert since_s(one(found, "outage")) == (7.4, 7.46)
    assert [since_s(span) for span in named(found, "playout")] == [(2.4, 2.5), (7.46, 7.5)]
    assert [since_s(span) for span in named(found, "agent")] == [(2.5, 4.0), (7.5, 8.0)]
    assert since_s(one(found, "no answer")) == (17.0, 18.0)


def test_what_went_wrong_is_an_error() -> None:
    found = trace(*WHOLE)
    assert {(span.name, span.error) for span in found.spans if span.error} == {
        ("call", "engine_lost"),
        ("execute_tool pay", "error"),
        ("engine outage", "engine_outage"),
        ("engine outage", "engine_gone"),
        ("transfer", "transfer_failed"),
        ("command", "refused"),
        ("turn", "unanswered"),
        ("no answer", "unanswered"),
    }


def test_the_call_of_the_spans_outside() -> None:
    found = trace(*WHOLE)
    assert found.trace_id == TRACE.trace_id
    assert (root(found).span_id, root(found).parent_id) == (TRACE.span_id, "00f067aa0ba902b7")
    assert one(found, "execute_tool find_order").span_id == TRACE.child("tool", "t1")
    assert root(trace((0.0, incoming()), (1.0, ended()))).parent_id == ""


def test_numbers_and_words_are_private() -> None:
    assert all(any(canary in str(event.fields()) for _, event in WHOLE) for canary in CANARIES)
    plain, private = trace(*WHOLE), trace(*WHOLE, private=True)
    for canary in CANARIES:
        assert canary not in repr(plain)
        assert canary in repr(private)
    assert PRIVATE not in repr(plain)
    for span in private.spans:
        for said in (span.attributes, *(moment.attributes for moment in span.moments)):
            for name, value in said.items():
                if any(canary in str(value) for canary in CANARIES):
                    assert name.startswith(PRIVATE), name
    (text,) = [m for m in named(private, "turn")[1].moments if m.name == "text"]
    assert text.attributes == {"sipua.who": "caller", f"{PRIVATE}text": "my canary words"}
    assert root(private).attributes[f"{PRIVATE}metadata.customer"] == "canary"


def test_all_events_of_a_call_are_told_or_left_out_on_purpose() -> None:
    told = {event.type for _, event in WHOLE}
    others = {"call.placing", "call.progress", "call.transferred", "turn.text"}
    others |= {"call.answered_by", "call.beep", "call.message"}
    assert told | others == WANTED | {"turn.text"}


def test_a_call_that_we_place_and_that_is_not_answered() -> None:
    found = trace(*PLACED)
    within(found)
    assert root(found).kind == "client"
    assert since_s(one(found, "setup")) == (0.0, 5.0)
    assert since_s(one(found, "ringing")) == (0.4, 5.0)
    setup = one(found, "setup")
    assert setup.error == root(found).error == "busy"
    assert [moment.attributes for moment in setup.moments] == [
        {"sipua.sip.status_code": 100},
        {"sipua.sip.status_code": 180},
    ]


def test_a_worker_that_dies_has_a_span_since_it_was_last_heard_of() -> None:
    found = trace(*LOST)
    within(found)
    lost = one(found, "worker lost")
    assert (since_s(lost), lost.error) == ((2.0, 6.0), "worker_died")
    assert since_s(one(found, "execute_tool pay")) == (2.0, 6.0)


def test_what_was_open_where_events_are_left_out_has_no_known_end() -> None:
    found = trace(*LONG)
    within(found)
    assert root(found).attributes["sipua.events_left_out"] == len(LONG) - 512
    tool = one(found, "execute_tool pay")
    assert tool.attributes[END_UNKNOWN] is True
    assert since_s(one(found, "engine outage")) == (17.0, 20.0)  # told by its end alone
    assert since_s(root(found)) == (0.0, 30.0)


def test_a_tool_call_id_that_comes_again_gets_an_id_of_its_own() -> None:
    again = [(n * 1.0, told_of.ToolCalled(tool="pay", tool_call_id="same")) for n in range(1, 5)]
    found = trace((0.0, incoming()), *again, (9.0, ended()))
    within(found)
    spans = named(found, "execute_tool pay")
    assert [since_s(span) for span in spans] == [(1.0, 2.0), (2.0, 3.0), (3.0, 4.0), (4.0, 9.0)]


def test_names_that_an_engine_chooses_cannot_take_all_ids() -> None:
    tree = Tree(CallTrace("1" * 32, "c-1", sampled=True), 0.0, 1.0, private=False)
    named = ("tool", "x"), ("tool", "x\0" + "2"), ("tool", "x")  # what the third one tries next
    ids = {tree.add("tool", 0.0, 1.0, about).span_id for about in named}
    assert len(ids) == 3


def test_a_clock_that_is_set_back_makes_no_span_end_before_its_begin() -> None:
    found = trace(
        (100.0, incoming()),
        (100.5, told_of.Confirmed()),
        (40.0, told_of.TurnCaller(turn=1, item="i", start_ms=0, end_ms=500)),
        (41.0, told_of.ToolCalled(tool="pay", tool_call_id="t")),
        (42.0, ended()),
    )
    within(found)


@pytest.mark.parametrize("private", [False, True])
@given(data=st.data())
def test_any_data_makes_spans_or_none(private: bool, data: st.DataObject) -> None:
    values = st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=10),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
        max_leaves=5,
    )
    names = [
        *("turn", "start_ms", "end_ms", "total_ms", "model_ms", "of", "tool", "tool_call_id"),
        *("status", "end", "sip", "reason", "fault", "engine", "gap_ms", "connect_ms", "metadata"),
        *("session_id", "audio_in", "cost", "model", "by", "waited_ms", "trace_parent_id"),
    ]
    kinds = st.sampled_from(sorted(WANTED | {"turn.text"}))
    told = data.draw(
        st.lists(
            st.tuples(kinds, st.floats(0, 2e9), st.dictionaries(st.sampled_from(names), values)),
            min_size=1,
            max_size=12,
        )
    )
    made = Story(TRACE)
    for kind, at_s, fields in told:
        try:
            encoded = msgspec.json.encode(fields)
        except (UnicodeEncodeError, OverflowError):
            continue
        made.add(Told(kind, at_s, "c-1", encoded), room=True)
    found = call_spans.spans(made, private=private)
    if found is not None:
        within(found)
        assert otlp.request({}, [found])


def test_what_is_no_json_is_passed_over() -> None:
    made = Story(TRACE)
    made.add(Told("call.incoming", BEGAN_S, "c-1", b"\xff{"), room=True)
    assert call_spans.spans(made, private=False) is None
    (first, *rest) = events((0.0, incoming()), (1.0, faulty()))
    made = Story(TRACE)
    for one_told in (first, Told("turn.caller", BEGAN_S, "c-1", b"[]"), *rest):
        made.add(one_told, room=True)
    assert call_spans.spans(made, private=False) is not None
    assert story(events((0.0, incoming()), (1.0, faulty()))) is not None
