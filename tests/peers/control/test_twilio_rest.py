"""Twilio's own client steers calls of a real edge, judged by the wire."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from twilio.base.exceptions import TwilioRestException
from twilio.rest.api.v2010.account.call import CallInstance
from twilio.twiml.voice_response import VoiceResponse

from support.calls.api import TOKENS, Api, api_config
from support.calls.edge import Edge
from support.calls.twilio_client import ACCOUNT, twilio_client
from support.peers.sipp import Sipp
from support.ports import LOOPBACK
from support.process import wait_until

pytestmark = pytest.mark.peer

Edges = Callable[..., Edge]
PLACING = {"prefixes": [f"sip:@{LOOPBACK}", "+43"], "max_calls": 2, "per_minute": 10}


def config(**more: Any) -> dict[str, Any]:
    return {"api": api_config(placing=PLACING), "twilio": {"account_sid": ACCOUNT}, **more}


def only(edge: Edge) -> CallInstance:
    """The only call, once it is up."""
    client = twilio_client(Api(edge).url, TOKENS["admin"])
    (call,) = wait_until(lambda: client.calls.list(status="in-progress"), 20, "a call in the list")
    assert isinstance(call, CallInstance)
    return call


def test_an_agent_hangs_up(edge_factory: Edges, sipp: Sipp) -> None:
    edge = edge_factory(config())
    call = sipp.start("uac_call_ended_by_peer", edge.address)
    shown = only(edge)
    assert (shown.direction, shown.duration) == ("inbound", None)
    assert shown.update(status="completed").status == "completed"
    assert call.wait().ok, "it has got a BYE"
    ended = edge.wait_event("call.ended")["end"]
    assert (ended["by"], ended["reason"]) == ("operator", "operator_hangup")
    wait_until(lambda: shown.fetch().status == "completed", 10, "the end of the call")
    assert int(str(shown.fetch().duration)) >= 0
    with pytest.raises(TwilioRestException, match="was not found"):
        shown.update(status="completed")


def test_an_agent_refers_the_call(edge_factory: Edges, sipp: Sipp) -> None:
    edge = edge_factory(config())
    call = sipp.start("uac_is_transferred", edge.address)
    response = VoiceResponse()
    response.refer().sip(f"sip:colleague@{LOOPBACK}")
    assert only(edge).update(twiml=str(response)).status == "in-progress"
    assert call.wait().ok
    ended = edge.wait_event("call.ended")["end"]
    assert (ended["by"], ended["reason"]) == ("agent", "transferred")


def test_an_agent_places_a_call(edge_factory: Edges, sipp: Sipp) -> None:
    run = sipp.start("uas_answer", pause_ms=50)
    trunk = {"name": "carrier", "proxy": f"sip:{run.address}"}
    edge = edge_factory(
        config(
            agent={"greeting": False},
            record={"numbers": "full"},
            trunks=[{**trunk, "allowed_caller_ids": ["+43*"]}],
            outbound_routes=[{"name": "all", "trunks": [{"trunk": "carrier"}]}],
            routes=[{"name": "support"}],
        )
    )
    client = twilio_client(Api(edge).url, TOKENS["admin"])
    placed = client.calls.create(to="+43555", from_="+43200", application_sid="support")
    assert (placed.status, placed.direction, placed.to) == ("queued", "outbound-api", "+43555")
    wait_until(lambda: placed.fetch().status == "in-progress", 20, "the answer")
    assert edge.wait_event("call.placing")["route"] == "support"
    placed.update(status="completed")
    (invite,) = run.wait().received("INVITE")
    assert "+43555@" in invite.first_line
    assert "+43200@" in invite.text
    with pytest.raises(TwilioRestException, match="allowed_caller_ids"):
        client.calls.create(to="+43555", from_="+1900", application_sid="support")
