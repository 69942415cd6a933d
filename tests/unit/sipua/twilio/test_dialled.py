"""A `<Dial>` without signalling and media: a test plays the targets."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from sipua.calls.facts import CallFacts
from sipua.calls.legs.outcome import TransferOutcome, failed
from sipua.calls.legs.targets import Destination
from sipua.twilio.dialled import Targets
from sipua.twilio.steps import Dialled
from sipua.twilio.twiml.verbs import Dial, Number, Remark, Sip

pytestmark = pytest.mark.usefixtures("virtual_clock")

FACTS = CallFacts(
    call_id="c-1",
    direction="incoming",
    from_uri="sip:+431@h",
    to_uri="sip:200@h",
    origin="pbx",
    route="agent",
    started_at=datetime(2026, 11, 29, tzinfo=UTC),
    peer="192.0.2.1",
)


class Leg:
    """Rings for so long, then has this outcome."""

    def __init__(self, line: Line, number: int, on_left: Callable[[], None]) -> None:
        self._line = line
        self.leg_id = f"leg-{number}"
        self.on_left = on_left
        self.joined = False

    async def run(self) -> TransferOutcome:
        try:
            await asyncio.sleep(self._line.rings_s)
        except asyncio.CancelledError:
            self._line.done.append("given up")
            raise
        outcome = self._line.outcomes.pop(0)
        self.joined = outcome.ok
        if self.joined:
            await asyncio.sleep(self._line.settles_s)
        return outcome


class Line:
    """A call and its second legs."""

    def __init__(self, *outcomes: TransferOutcome) -> None:
        self.second: Any = self
        self.transfer_under_way = False
        self.outcomes = list(outcomes)
        self.rings_s, self.settles_s = 1.0, 0.0
        self.done: list[str] = []
        self.remarks: list[str] = []
        self.legs: list[Leg] = []

    def facts(self) -> CallFacts:
        return FACTS

    def tell(self, event: Any) -> None:
        self.done.append(f"{event.mode} {event.target}")

    def make(self, uri: str, warm: object, *, on_left: Callable[[], None]) -> Leg:
        self.legs.append(Leg(self, len(self.legs), on_left))
        return self.legs[-1]

    def dismiss(self) -> None:
        if self.legs and self.legs[-1].joined:
            self.legs[-1].joined = False
            self.done.append("dismissed")


def destination(text: str) -> Destination | None:
    if text == "people":
        return Destination(("sip:a@pbx", "sip:b@pbx"), "dial")
    return Destination((text,), "dial") if text.startswith(("+43", "sip:")) else None


def targets(line: Line) -> Targets:
    def remark(one: Remark) -> None:
        line.remarks.append(f"{one.code} {one.text}")

    return Targets(line, destination, remark)


GOOD = TransferOutcome(True, 200, "OK", mode="dial", phases={"ringing": 100, "joined": 1000})


@pytest.mark.parametrize(
    ("outcome", "status"),
    [
        (failed(486, "Busy Here"), "busy"),
        (failed(480, "Unavailable"), "no-answer"),
        (failed(404, "Not Found"), "failed"),
        (failed(603, "Decline"), "failed"),
        (failed(200, "hung up", "target_left"), "completed"),
    ],
)
async def test_how_a_target_that_has_not_the_call_ended(
    outcome: TransferOutcome, status: str
) -> None:
    line = Line(outcome)
    dialled = await targets(line).run(Dial((Number("+431"),)))
    assert (dialled.status, dialled.duration_s) == (status, None)
    assert dialled.sid.startswith("CA")
    assert line.done == ["dial sip:+431@192.0.2.1"]


async def test_one_after_the_other_until_one_answers() -> None:
    line = Line(failed(486, "Busy"), failed(486, "Busy"), GOOD)
    waiting = asyncio.ensure_future(
        targets(line).run(Dial((Number("people"), Sip("sip:c@pbx"), Sip("sip:d@pbx"))))
    )
    await asyncio.sleep(63)
    assert line.done == ["dial sip:a@pbx", "dial sip:b@pbx", "dial sip:c@pbx"]
    line.legs[-1].on_left()
    assert (await waiting).results()["DialCallDuration"] == "60"


async def test_who_may_not_be_called_is_passed_over() -> None:
    line = Line(failed(486, "Busy"))
    dialled = await targets(line).run(Dial((Number("+1900"), Number("+431"), Sip("tel:1"))))
    assert dialled.status == "busy"
    assert [one[:5] for one in line.remarks] == ["13225", "13225"]


async def test_nobody_answers_in_the_time_of_the_document() -> None:
    line = Line(GOOD)
    line.rings_s = 31
    dialled = await targets(line).run(Dial((Number("+431"),)))
    assert dialled.status == "no-answer"
    assert line.done[-1] == "given up"


async def test_an_answer_in_the_last_moment_counts() -> None:
    line = Line(GOOD)
    line.rings_s, line.settles_s = 29, 5
    waiting = asyncio.ensure_future(targets(line).run(Dial((Number("+431"),))))
    await asyncio.sleep(40)
    line.legs[0].on_left()
    assert (await waiting).status == "completed"
    assert "given up" not in line.done


async def test_the_longest_time_of_a_call_to_a_target() -> None:
    line = Line(GOOD)
    dialled = await targets(line).run(Dial((Number("+431"),), time_limit_s=60))
    assert (dialled.status, dialled.duration_s) == ("completed", 60)
    assert line.done[-1] == "dismissed"


@pytest.mark.parametrize(("after_s", "end"), [(0.5, "given up"), (20, "dismissed")])
async def test_the_caller_leaves_the_target(after_s: float, end: str) -> None:
    line = Line(GOOD)
    one = targets(line)
    waiting = asyncio.ensure_future(one.run(Dial((Number("+431"),))))
    await asyncio.sleep(after_s)
    one.leave()
    status = (await waiting).status
    assert (status, line.done[-1]) == ("no-answer" if end == "given up" else "completed", end)


@pytest.mark.parametrize(("after_s", "end"), [(0.5, "given up"), (20, "dismissed")])
async def test_another_document_takes_its_place(after_s: float, end: str) -> None:
    line = Line(GOOD)
    waiting = asyncio.ensure_future(targets(line).run(Dial((Number("+431"),))))
    await asyncio.sleep(after_s)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    await asyncio.sleep(0)
    assert line.done[-1] == end


async def test_while_another_transfer_is_under_way() -> None:
    line = Line()
    line.transfer_under_way = True
    assert await targets(line).run(Dial((Number("+431"),))) == Dialled("failed")


async def test_what_has_no_effect_is_said() -> None:
    line = Line(failed(486, "Busy"))
    await targets(line).run(Dial((Number("+431", "2"),), caller_id="+431"))
    assert len(line.remarks) == 2
