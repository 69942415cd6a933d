"""Codes that members dial: who is meant, and what is refused."""

from __future__ import annotations

from typing import Any, cast

import pytest

from sipua.config import Config
from sipua.edge.calls.queues.member_codes import CodeRefusedError, MemberCodes, member_of
from sipua.edge.calls.queues.queues import EdgeQueues
from sipua.events.event import Event
from sipua.sip.messages import IncomingCall
from sipua.sip.wire.caller_id import Caller, Parties

TARGETS = ["sip:201@pbx", "sip:202@pbx", "sip:7@a", "sip:7@b", "203"]


@pytest.mark.parametrize(
    ("caller", "target"),
    [
        ("sip:201@pbx", "sip:201@pbx"),
        ('"Anna" <sip:201@elsewhere>', "sip:201@pbx"),
        ("sip:7@B", "sip:7@b"),
        ("sip:7@c", None),
        ("sip:203@pbx", "203"),
        ("sip:20@pbx", None),
        ("sip:pbx", None),
        ("", None),
    ],
)
def test_the_member_who_has_the_number(caller: str, target: str | None) -> None:
    assert member_of(caller, TARGETS) == target


CONFIG = {
    "trunks": ({"name": "office", "hosts": ["192.0.2.1"]},),
    "queues": (
        {
            "name": "people",
            "members": (
                {"name": "anna", "target": "sip:201@pbx"},
                {"name": "twin", "target": "sip:7@a"},
                {"name": "other", "target": "sip:7@b"},
            ),
        },
        {"name": "night", "members": ({"name": "late", "target": "sip:201@pbx"},)},
    ),
    "queue_members": {
        "sign_in_code": "*60",
        "sign_out_code": "*61",
        "pause_code": "*62",
        "pause_reasons": {"1": "lunch"},
        "accounts": ("office",),
        "file": "",
    },
}


class Phone:
    def __init__(self) -> None:
        config = Config.model_validate(CONFIG)
        self.told: list[Event] = []
        self.queues = EdgeQueues(config, lambda *_: None, self.told.append)
        self.codes = MemberCodes(self.queues)
        self.codes.use(config)

    def dial(self, code: str, user: str = "201", host: str = "pbx", **more: Any) -> str:
        caller = Caller(user, host=host, header="From", anonymous=more.get("anonymous", False))
        invite = IncomingCall(
            "c-1",
            "abc",
            f"sip:{user}@{host}",
            f"sip:{code}@edge",
            f"sip:{code}@edge",
            ("192.0.2.1", 5060),
            more.get("origin", "office"),
            cast("Any", None),
            0.0,
            parties=Parties(caller=caller),
        )
        return self.codes.dialled(invite)

    @property
    def presence(self) -> tuple[str, str]:
        presence = self.queues.states()[0].members[0].presence
        return presence.state, presence.reason


async def test_codes_from_the_members_own_phone() -> None:
    phone = Phone()
    assert phone.dial("*61") == "signed_out"
    assert phone.presence == ("signed_out", "")
    assert phone.dial("*60") == "signed_in"
    assert phone.presence == ("signed_in", "")
    assert phone.dial("%2A62") == "paused", "as some phones send it"
    assert phone.presence == ("paused", "")
    assert phone.dial("*621") == "paused"
    assert phone.presence == ("paused", "lunch")
    assert phone.dial("*6299") == "paused"
    assert phone.presence == ("paused", "99")
    fields = phone.told[-1].fields()
    assert (fields["by"], fields["queues"]) == ("dialled", ["people", "night"])


@pytest.mark.parametrize("number", ["100", "*601", "*611", "*62%00", "*62" + "1" * 60, "60"])
async def test_another_number_is_none_of_ours(number: str) -> None:
    phone = Phone()
    assert phone.dial(number) == ""
    assert phone.told == []


@pytest.mark.parametrize(
    ("dialled", "rule"),
    [
        ({"origin": "elsewhere"}, "queue_members.accounts"),
        ({"user": "999"}, "queues.members"),
        ({"user": "7", "host": "c"}, "queues.members"),
        ({"anonymous": True}, "queues.members"),
    ],
)
async def test_who_is_refused(dialled: dict[str, Any], rule: str) -> None:
    phone = Phone()
    with pytest.raises(CodeRefusedError) as refused:
        phone.dial("*61", **dialled)
    assert refused.value.rule == rule
    assert phone.told == []
