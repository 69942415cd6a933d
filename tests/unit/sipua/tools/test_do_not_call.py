"""The tool enters the number of its own call, and tells it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from sipua.calls.facts import CallFacts
from sipua.campaigns.do_not_call import DoNotCallList
from sipua.config import Config
from sipua.edge.wiring import call as wiring
from sipua.sip.wire.caller_id import NOBODY, Caller
from sipua.tools.do_not_call import DoNotCall
from support.calls.tool_call import FACTS, Table

CALLER = replace(FACTS, caller=Caller("+4930123456", header="From"))
CALLEE = replace(FACTS, direction="outgoing", called="+4940765432", caller=Caller("+49301"))
ASKED = ("do_not_call", '{"reason": "wants \\n no  more calls"}')


@pytest.fixture
def numbers(tmp_path: Path) -> DoNotCallList:
    return DoNotCallList(tmp_path / "list.sqlite3")


def table(numbers: DoNotCallList, facts: CallFacts, monkeypatch: pytest.MonkeyPatch) -> Table:
    made = Table(DoNotCall(numbers, "last4"))
    monkeypatch.setattr(made.call, "facts", lambda: facts)
    return made


@pytest.mark.parametrize(("facts", "number"), [(CALLER, "+4930123456"), (CALLEE, "+4940765432")])
async def test_the_other_side_is_entered(
    numbers: DoNotCallList, monkeypatch: pytest.MonkeyPatch, facts: CallFacts, number: str
) -> None:
    made = table(numbers, facts, monkeypatch)
    (one,) = made.model_calls(ASKED)
    assert (await made.result(one))[0] == '{"entered": true}'
    entry = numbers.find(number)
    assert entry is not None
    assert (entry.by, entry.reason, entry.call_id) == ("agent", "wants no more calls", "c-test")


@pytest.mark.parametrize(
    "facts",
    [
        replace(FACTS, caller=NOBODY),
        replace(FACTS, caller=Caller("+4930123456", anonymous=True)),
        replace(FACTS, caller=Caller("bob")),
    ],
)
async def test_a_number_that_is_not_known_is_not_guessed(
    numbers: DoNotCallList, monkeypatch: pytest.MonkeyPatch, facts: CallFacts
) -> None:
    made = table(numbers, facts, monkeypatch)
    (one,) = made.model_calls(ASKED)
    assert "could not be entered" in (await made.result(one))[0]
    assert numbers.count() == 0


async def test_a_disk_that_does_not_work_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("")
    made = table(DoNotCallList(tmp_path / "file" / "list.sqlite3"), CALLER, monkeypatch)
    (one,) = made.model_calls(ASKED)
    output, _, outcome = await made.result(one)
    assert "could not be written down" in output
    assert outcome != "ok"


def test_it_is_on_offer_where_the_configuration_wants_it() -> None:
    config = Config.model_validate({"tools": {"builtin": ["hang_up", "do_not_call"]}})
    assert wiring.toolbox(config).names == {"hang_up", "do_not_call"}
