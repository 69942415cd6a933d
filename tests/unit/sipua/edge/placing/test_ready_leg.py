"""The rules of a trunk hold for the second leg of a call, too."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import msgspec
import pytest

from sipua.calls.legs.orders import PlaceLeg
from sipua.calls.steer.place_request import CannotPlaceError
from sipua.config import Config
from sipua.edge.calls.place_calls import PlaceCalls
from sipua.edge.placing import placing
from sipua.edge.wiring import outbound as wiring
from sipua.events.stream import EventStream
from sipua.events.teller import Told
from sipua.rtp.ports import NoPortsLeft, ReservedPort
from sipua.sip.admission.admission import Admission
from sipua.sip.trunks.slots import Limits

TRUNK = {
    "name": "carrier",
    "hosts": ("192.0.2.10",),
    "proxy": "sip:192.0.2.10",
    "user": "edge",
    "allowed_destinations": ("+49*", "!+49900*"),
    "headers_out": {"X-Tenant": "a"},
    "number_out": {"+": "00"},
}
RULE = {"name": "all", "prefixes": ("+",), "trunks": ({"trunk": "carrier"},)}


class Bed:
    def __init__(self, monkeypatch: pytest.MonkeyPatch, **outbound: Any) -> None:
        self.sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.told: list[Told] = []
        self.ports_left = True
        self.admission = Admission(max_calls=9, accept_any=False)
        self.admission.slots.use({"carrier": Limits(1, 0)})
        config = Config.model_validate(
            {
                "engine": {"url": "ws://127.0.0.1:9/x"},
                "trunks": (TRUNK,),
                "outbound_routes": (RULE,),
                "outbound": outbound,
            }
        )
        self.list = wiring.do_not_call_list(config)
        account = SimpleNamespace(
            name="carrier", id_uri="sip:edge@192.0.2.10", proxy_uri="", sign=None
        )
        unused: Any = None
        events = EventStream("test")
        events.subscribe(lambda happened: self.told.append(happened.told))
        monkeypatch.setattr(placing, "reserve", self.reserve)
        monkeypatch.setattr(placing, "first_hop", lambda *_: "sip:192.0.2.10")
        self.place = PlaceCalls(
            config,
            _Calls(),  # type: ignore[arg-type]
            settings=SimpleNamespace(accounts=[account]),  # type: ignore[arg-type]
            ports=unused,
            sip=unused,
            admission=self.admission,
            events=events,
        )

    async def reserve(self, *_: object) -> ReservedPort:
        if not self.ports_left:
            raise NoPortsLeft("all are taken")
        return ReservedPort(16384, self.sock, self.sock)


class _Calls:
    def __init__(self) -> None:
        self.legs: list[str] = []

    def __len__(self) -> int:
        return 1

    def peer_of(self, call_id: str) -> str:
        return "192.0.2.77"


def order(number: str, leg: int = 1) -> PlaceLeg:
    return PlaceLeg("c-test", f"c-test.b{leg}", f"sip:{number}@192.0.2.10", "carrier")


@pytest.fixture
def bed(monkeypatch: pytest.MonkeyPatch) -> Iterator[Bed]:
    made = Bed(monkeypatch)
    yield made
    made.sock.close()


async def test_a_number_that_its_trunk_may_not_call_is_not_reached_by_a_transfer(bed: Bed) -> None:
    with pytest.raises(CannotPlaceError, match="allowed_destinations of carrier") as found:
        await bed.place.second_leg(order("+4990012345"))
    assert found.value.kind == "invalid"
    (blocked,) = bed.told
    data = msgspec.json.decode(blocked.data)
    assert (data["origin"], data["rule"]) == ("carrier", "allowed_destinations")
    assert bed.admission.slots.calls("carrier") == 0


async def test_a_number_of_the_call_is_one_at_the_legs_trunk(bed: Bed) -> None:
    """In the form of that trunk; a URI that was asked for stays as it is."""
    asked = PlaceLeg("c-test", "c-test.b1", "sip:+4930123@192.0.2.77", "carrier")
    ready = await bed.place.second_leg(asked)
    assert ready.invite.target == "sip:004930123@192.0.2.10"
    ready.not_sent()
    elsewhere = PlaceLeg("c-test", "c-test.b2", "sip:+4930123@192.0.2.78", "carrier")
    ready = await bed.place.second_leg(elsewhere)
    assert ready.invite.target == "sip:+4930123@192.0.2.78"


async def test_a_leg_without_an_account_goes_out_by_the_rules(bed: Bed) -> None:
    asked = PlaceLeg("c-test", "c-test.b1", "sip:+4930123@192.0.2.77", "")
    ready = await bed.place.second_leg(asked)
    assert (ready.invite.account, ready.invite.target) == ("carrier", "sip:004930123@192.0.2.10")
    assert bed.admission.slots.calls("carrier") == 1
    ready.not_sent()
    other = PlaceLeg("c-test", "c-test.b2", "sip:201@192.0.2.77", "")
    ready = await bed.place.second_leg(other)  # no rule has it
    assert (ready.invite.account, ready.invite.target) == ("", "sip:201@192.0.2.77")


async def test_a_leg_takes_a_slot_of_its_trunk_until_it_ends(bed: Bed) -> None:
    ready = await bed.place.second_leg(order("+4930123"))
    assert ready.invite.headers["X-Tenant"] == "a"
    with pytest.raises(CannotPlaceError, match="max_calls of trunk carrier is 1") as found:
        await bed.place.second_leg(order("+4930124", 2))
    assert found.value.kind == "trunk_full"
    ready.not_sent()
    assert bed.admission.slots.calls("carrier") == 0
    bed.ports_left = False
    with pytest.raises(NoPortsLeft):
        await bed.place.second_leg(order("+4930125", 3))
    assert bed.admission.slots.calls("carrier") == 0


@pytest.mark.parametrize(
    ("target", "account"),
    [
        ("sip:+4930123@192.0.2.10", "carrier"),
        ("sip:%2B4930123@192.0.2.10", "carrier"),
        ("sip:+4930123@192.0.2.77", ""),
    ],
)
async def test_a_number_in_the_list_gets_no_leg_where_that_is_wanted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, target: str, account: str
) -> None:
    bed = Bed(monkeypatch, directory=str(tmp_path), do_not_call_also=("legs",))
    bed.list.add(["+4930123"], by="me", reason="", now_s=0.0)
    with closing(bed.sock):
        with pytest.raises(CannotPlaceError, match="do_not_call: in the list") as found:
            await bed.place.second_leg(PlaceLeg("c-test", "c-test.b1", target, account))
        assert (found.value.kind, found.value.rule) == ("blocked", "do_not_call")
        (blocked,) = bed.told
        assert msgspec.json.decode(blocked.data)["rule"] == "do_not_call"
        assert bed.admission.slots.calls("carrier") == 0
        await bed.place.second_leg(order("+4930124"))


async def test_usually_the_list_does_not_hold_for_legs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bed = Bed(monkeypatch, directory=str(tmp_path))
    bed.list.add(["+4930123"], by="me", reason="", now_s=0.0)
    with closing(bed.sock):
        assert (await bed.place.second_leg(order("+4930123"))).invite.account == "carrier"
