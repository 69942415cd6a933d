"""Calls that we place: the number as the trunk wants it, who we say we are, and what is refused.
Judged by the INVITE that SIPp has received."""

from collections.abc import Callable
from typing import Any

import pytest

from support.calls.steered_edge import SteeredEdge
from support.peers.sipp import Sipp, SippRun

pytestmark = pytest.mark.peer

Steered = Callable[..., SteeredEdge]


def line(text: str, name: str) -> str:
    """The value of a header; empty: it is not there."""
    found = [row for row in text.splitlines() if row.lower().startswith(f"{name.lower()}:")]
    assert len(found) <= 1, found
    return found[0].partition(":")[2].strip() if found else ""


def edge_of(steered_edge: Steered, run: SippRun, **keys: Any) -> SteeredEdge:
    trunk = {
        "name": "carrier",
        "proxy": f"sip:{run.address}",
        "number_out": {"1": "0049"},
        "caller_id": "1300",
        "allowed_caller_ids": ["13*", "!1399"],
        "allowed_destinations": ["1*", "!1900*"],
        "headers_out": {"X-Tenant": "trunk", "X-Trunk": "yes"},
    }
    routes = [{"name": "out", "headers_out": {"x-tenant": "route", "X-Route": "yes"}}]
    return steered_edge({"trunks": [trunk | keys], "routes": routes})


def invite_of(steered_edge: Steered, sipp: Sipp, keys: dict[str, Any], **order: Any) -> str:
    run = sipp.start("uas_reject", STATUS="486 Busy Here")
    edge = edge_of(steered_edge, run, **keys)
    placed = edge.place("130", origin="carrier", **order)
    edge.wait_event("call.ended", call_id=placed["id"])
    run.wait(check=False)
    invites = run.result().received("INVITE")
    assert invites, str(run.result())
    return invites[0].text


def test_the_trunk_gets_its_form_of_both_numbers_and_all_headers(
    steered_edge: Steered, sipp: Sipp
) -> None:
    text = invite_of(steered_edge, sipp, {"caller_name": 'Ex "A"'}, headers={"X-Route": "asked"})
    assert text.splitlines()[0].startswith("INVITE sip:004930@")
    assert line(text, "From").startswith('"Ex \\"A\\"" <sip:0049300@')
    assert line(text, "P-Asserted-Identity") == ""
    assert line(text, "Privacy") == ""
    told = [line(text, name) for name in ("X-Tenant", "X-Route", "X-Trunk")]
    assert told == ["route", "asked", "yes"]


def test_another_number_of_ours_asserted_and_withheld(steered_edge: Steered, sipp: Sipp) -> None:
    keys = {"assert_identity": True, "hide_caller_id": True}
    text = invite_of(steered_edge, sipp, keys, caller_id="1377")
    assert line(text, "From").startswith('"Anonymous" <sip:anonymous@anonymous.invalid>;tag=')
    assert line(text, "P-Asserted-Identity").startswith("<sip:0049377@")
    assert line(text, "Privacy") == "id"


def test_without_keys_all_is_as_it_was(steered_edge: Steered, sipp: Sipp) -> None:
    keys = {"caller_id": "", "user": "us", "number_out": {}, "headers_out": {}}
    text = invite_of(steered_edge, sipp, keys)
    assert text.splitlines()[0].startswith("INVITE sip:130@")
    assert line(text, "From").startswith("sip:us@")


def test_what_the_trunk_does_not_allow_leaves_no_invite(steered_edge: Steered, sipp: Sipp) -> None:
    run = sipp.start("uas_reject", STATUS="486 Busy Here")
    edge = edge_of(steered_edge, run)
    for to, order, said in (
        ("1900123", {}, 'allowed_destinations of carrier: 1900123: "!1900*"'),
        ("200", {}, "allowed_destinations of carrier: 200: no pattern fits"),
        (f"sip:1900@{run.address}", {}, "allowed_destinations of carrier: 1900: "),
        ("130", {"caller_id": "1400"}, "allowed_caller_ids of carrier: 1400: no pattern fits"),
        ("130", {"caller_id": "1399"}, '"!1399"'),
        ("130", {"caller_id": "1>\r\nX: y"}, "is no number"),
        ("130", {"headers": {"P-Asserted-Identity": "<sip:1@x>"}}, "may not be set"),
    ):
        refused = edge.place(to, origin="carrier", **order)
        assert refused["status"] == "invalid", refused
        assert said in str(refused["detail"])
    assert "allowed_caller_ids" in str(edge.place(f"sip:9@{run.address}", caller_id="1"))
    blocked = edge.events(name="call.blocked")
    assert [one["rule"] for one in blocked] == [
        *["allowed_destinations"] * 3,
        *["allowed_caller_ids"] * 2,
    ]
    assert (blocked[0]["origin"], blocked[0]["by"]) == ("carrier", "test")
    assert blocked[0]["cause"] == '1900123: "!1900*"'
    assert edge.events(name="call.placing") == []
    assert run.stop().received("INVITE") == []
