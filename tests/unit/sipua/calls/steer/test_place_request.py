from __future__ import annotations

from typing import Any

import pytest

from sipua.calls.steer.place_request import PlaceRequest, fault_of


@pytest.mark.parametrize(
    "more",
    [
        {},
        {"headers": {"X-Order": "17 ä", "subject": "hello", "User-to-User": "00;encoding=hex"}},
        {"ring_timeout_s": 1, "max_duration_s": 86_400},
        {"metadata": {"order": "17"}},
    ],
)
def test_what_may_be_asked_for(more: dict[str, Any]) -> None:
    assert fault_of(PlaceRequest("sip:1@pbx", **more)) == ""


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"ring_timeout_s": 0}, "`ring_timeout_s` is to be from 1 to 600"),
        ({"ring_timeout_s": float("nan")}, "`ring_timeout_s` is to be"),
        ({"max_duration_s": 1e9}, "`max_duration_s` is to be"),
        ({"headers": {"From": "x"}}, "'From' may not be set"),
        ({"headers": {"Route": "<sip:evil>"}}, "'Route' may not be set"),
        ({"headers": {"P-Asserted-Identity": "x"}}, "may not be set"),
        ({"headers": {"X-A\r\nRoute": "x"}}, "may not be set"),
        ({"headers": {"X-": "x"}}, "may not be set"),
        ({"headers": {"X-A:": "x"}}, "may not be set"),
        ({"headers": {"X-A": "x\r\nRoute: <sip:evil>"}}, "X-A is empty, or has characters"),
        ({"headers": {"X-A": "x\x00"}}, "X-A is empty, or has characters"),
        ({"headers": {"X-A": "\u2028"}}, "X-A is empty, or has characters"),
        ({"headers": {"X-A": "\udcff"}}, "X-A is empty, or has characters"),
        ({"headers": {"X-A": ""}}, "X-A is empty"),
        ({"headers": {"X-A": "x" * 257}}, "X-A is longer than 256"),
        ({"headers": {f"X-{n}": "x" for n in range(17)}}, "more than 16"),
        ({"metadata": {"a b": "x"}}, "'a b' is no name"),
    ],
)
def test_what_may_not(more: dict[str, Any], said: str) -> None:
    assert said in fault_of(PlaceRequest("sip:1@pbx", **more))
