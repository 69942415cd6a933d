"""Every message as it goes and comes; and whatever else may come."""

from __future__ import annotations

import typing
from datetime import UTC, datetime

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from sipua.calls.facts import CallFacts
from sipua.sip.messages import Answer, Hangup, MediaReady
from sipua.worker.link import coding
from sipua.worker.link.coding import LONGEST, LinkError, encode, of_edge, of_worker
from sipua.worker.link.messages import (
    CapturedSip,
    CaptureOrder,
    Ping,
    Pong,
    TakeCall,
    ToEdge,
    ToWorker,
)
from support.calls.call_story import MEDIA

TO_WORKER, TO_EDGE = typing.get_args(ToWorker), typing.get_args(ToEdge)
FACTS = CallFacts(
    "c-1", "incoming", "<sip:ä@a>", "<sip:b@b>", "anyone", "sales", datetime(2026, 3, 1, tzinfo=UTC)
)


@given(st.one_of([st.from_type(kind) for kind in TO_WORKER]))
def test_what_the_edge_says_comes_unchanged(message: ToWorker) -> None:
    assert _same(of_edge().decode(_encoded(message)), message)


@given(st.one_of([st.from_type(kind) for kind in TO_EDGE]))
def test_what_a_worker_says_comes_unchanged(message: ToEdge) -> None:
    assert _same(of_worker().decode(_encoded(message)), message)


def _same(one: object, other: object) -> bool:
    return one == other or repr(one) == repr(other)  # "nan" is "nan", which is not equal to itself


def _encoded(message: ToWorker | ToEdge) -> bytes:
    try:
        return encode(message)
    except LinkError:  # a number of more than 64 bits
        assume(False)
        raise


@pytest.mark.parametrize(
    "message",
    [
        TakeCall(FACTS, 16384, CaptureOrder(("192.0.2.1", 16384), ("c-1", "c-2"))),
        MediaReady("c-1", MEDIA),
        CapturedSip("c-1", 1.5, ("192.0.2.1", 5060), ("192.0.2.2", 5060), b"INVITE \xff"),
        Ping(),
    ],
)
def test_a_message_that_is_cut_off_is_none(message: ToWorker) -> None:
    data = encode(message)
    for length in range(len(data)):
        with pytest.raises(LinkError):
            of_edge().decode(data[:length])


@given(st.binary(max_size=400))
def test_whatever_comes_is_a_message_or_a_link_error(data: bytes) -> None:
    for reader in (of_edge(), of_worker()):
        try:
            reader.decode(data)
        except LinkError:
            continue


@given(st.one_of([st.from_type(kind) for kind in TO_WORKER]), st.data())
def test_a_damaged_message_is_a_message_or_a_link_error(
    message: ToWorker, data: st.DataObject
) -> None:
    damaged = bytearray(_encoded(message))
    place = data.draw(st.integers(0, len(damaged) - 1))
    damaged[place] = data.draw(st.integers(0, 255))
    try:
        of_edge().decode(bytes(damaged))
    except LinkError:
        return


def test_each_side_reads_only_what_the_other_may_say() -> None:
    with pytest.raises(LinkError, match="unknown message: 'Pong'"):
        of_edge().decode(encode(Pong()))
    with pytest.raises(LinkError, match="unknown message: 'Ping'"):
        of_worker().decode(encode(Ping()))
    assert of_worker().decode(encode(Answer("c-1"))) == Answer("c-1")


@pytest.mark.parametrize(
    "message",
    [
        Hangup("c-1", 500, "\udce4"),
        CapturedSip("c-1", 0.0, ("a", 1), ("b", 2), bytes(LONGEST)),
        Hangup("c-1", 2**64),
    ],
)
def test_what_cannot_be_sent_is_refused_before_it_is_sent(message: ToWorker | ToEdge) -> None:
    with pytest.raises(LinkError, match=type(message).__name__):
        encode(message)


def test_a_sip_message_of_64_kb_fits() -> None:
    assert len(encode(CapturedSip("c-1", 0.0, ("a", 1), ("b", 2), bytes(65_536)))) < coding.LONGEST
