"""The target of a REFER is called by the rules of its trunk, or not at all."""

from __future__ import annotations

import asyncio
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from sipua.config import Config
from sipua.edge.calls.place_calls import PlaceCalls
from sipua.edge.wiring import outbound as do_not_call
from sipua.edge.wiring import wiring
from sipua.events.event import Event
from sipua.sip.admission.admission import Admission
from sipua.sip.messages import CallProgress
from sipua.sip.trunks.slots import Limits
from sipua.sip.wire.refer_messages import FollowRefer, ReferAsked, RefuseRefer

TRUNKS = (
    {
        "name": "carrier",
        "hosts": ("192.0.2.10",),
        "proxy": "sip:192.0.2.10",
        "user": "edge",
        "allowed_destinations": ("2??", "+49*", "bob", "!+49900*"),
        "number_out": {"+": "00"},
        "caller_id": "+4930999",
        "headers_out": {"X-Tenant": "a"},
    },
    {"name": "inside", "hosts": ("192.0.2.20",)},
)


class Bed:
    def __init__(self, up: int = 1, **outbound: Any) -> None:
        self.told: list[Event] = []
        self.sent: list[Any] = []
        self.admission = Admission(max_calls=9, accept_any=False)
        self.admission.slots.use({"carrier": Limits(2, 0)})
        self.admission.slots.take("carrier", "c-1", "incoming")
        config = Config.model_validate(
            {
                "engine": {"url": "ws://127.0.0.1:9/x"},
                "trunks": TRUNKS,
                "outbound": outbound,
                "accounts": (
                    {"name": "pbx", "registrar": "sip:192.0.2.30", "user": "100", "password": "x"},
                ),
            }
        )
        self.list = do_not_call.do_not_call_list(config)
        calls: Any = type("Calls", (), {"__len__": lambda _: up, "legs": ()})()
        unused: Any = None
        events: Any = SimpleNamespace(
            teller=lambda: SimpleNamespace(tell=self.told.append), subscribe=lambda *_: None
        )
        sip: Any = SimpleNamespace(send=self.sent.append)
        self.place = PlaceCalls(
            config,
            calls,
            settings=wiring.sip_settings(config, 9),
            ports=unused,
            sip=sip,
            admission=self.admission,
            events=events,
        )

    def asked(self, target: str, origin: str = "carrier", **more: str) -> Any:
        assert self.place.follows(ReferAsked("c-1", "c-1.r1", origin, target, **more))
        return self.sent[-1]


def test_a_number_is_called_as_its_trunk_wants_it() -> None:
    bed = Bed()
    order = bed.asked("+4930123", referred_by="sip:boss@pbx", replaces="a;to-tag=b;from-tag=c")
    assert isinstance(order, FollowRefer)
    assert (order.target, order.account) == ("sip:004930123@192.0.2.10", "carrier")
    assert order.headers == {
        "X-Tenant": "a",
        "From": "<sip:004930999@192.0.2.10>",
        "Referred-By": "<sip:boss@pbx>",
        "Replaces": "a;to-tag=b;from-tag=c",
    }
    assert bed.admission.slots.calls("carrier") == 2


def test_a_uri_stays_as_it_is_and_an_account_is_a_way() -> None:
    bed = Bed()
    assert bed.asked("sip:bob@192.0.2.77").target == "sip:bob@192.0.2.77"
    order = bed.asked("201", "pbx")
    assert (order.target, order.account) == ("sip:201@192.0.2.30", "pbx")


@pytest.mark.parametrize(
    ("target", "origin", "status", "words"),
    [
        ("+4990012345", "carrier", 403, "allowed_destinations of carrier"),
        ("sip:eve@192.0.2.77", "carrier", 403, "allowed_destinations of carrier"),
        ("sip:bob@[::1]", "carrier", 403, "no address of that family"),
        ("201", "inside", 403, "a number without a host"),
    ],
)
def test_S12_what_its_rules_forbid(target: str, origin: str, status: int, words: str) -> None:
    bed = Bed()
    order = bed.asked(target, origin)
    assert isinstance(order, RefuseRefer)
    assert order.status == status
    assert words in order.reason
    assert bed.admission.slots.calls("carrier") == 1


def test_a_trunk_or_an_edge_that_is_full() -> None:
    bed = Bed()
    bed.admission.slots.take("carrier", "c-2", "incoming")
    assert (bed.asked("201").status, len(bed.told)) == (503, 1)
    assert Bed(up=9).asked("201").status == 503


def test_a_fault_of_ours_is_an_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    bed = Bed()
    monkeypatch.setattr(PlaceCalls, "_check_room", lambda _: 1 / 0)
    assert bed.asked("201").status == 500


def test_other_events_are_not_its() -> None:
    assert not Bed().place.follows(CallProgress("c-1", 180, "Ringing"))


async def test_a_party_in_the_list_where_that_is_wanted(tmp_path: Path) -> None:
    bed = Bed(directory=str(tmp_path), do_not_call_also=("referred",))
    bed.list.add(["+4930123"], by="me", reason="", now_s=0.0)

    async def answer(target: str) -> Any:
        count = len(bed.sent)
        assert bed.place.follows(ReferAsked("c-1", "c-1.r1", "carrier", target))
        async with asyncio.timeout(20):
            while len(bed.sent) == count:
                await asyncio.sleep(0.01)
        return bed.sent[-1]

    for target in ("+4930123", "sip:%2B4930123@192.0.2.99", "tel:+4930123"):
        refused = await answer(target)
        assert isinstance(refused, RefuseRefer)
        assert (refused.status, refused.reason[:12]) == (403, "do_not_call:")
    assert len(bed.told) == 3
    assert isinstance(await answer("+4930124"), FollowRefer)
    (tmp_path / "do_not_call.sqlite3").write_bytes(b"no database" * 1000)
    assert (await answer("+4930125")).status == 503
    assert bed.admission.slots.calls("carrier") == 2
