"""The built-in tools against a call that remembers what was done to it."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime
from typing import Any

import pytest

from sipua.bridge.engine_api.events import ResponseStarted
from sipua.bridge.events import AudioBegan
from sipua.rtp.events import Dtmf
from sipua.tools import ending
from sipua.tools.call_queue import Result
from sipua.tools.context import ToolContext, Transferred
from sipua.tools.digits import CollectDigits, SendDtmf
from sipua.tools.ending import HangUp, Transfer
from sipua.tools.hold import PutOnHold
from sipua.tools.info import GetCallInfo
from sipua.tools.recording import PauseRecording, ResumeRecording
from support.calls.tool_call import FunctionTool, Table

TARGETS = {"sales": "sip:201@192.0.2.10", "night desk": "+4930123"}


@pytest.fixture(autouse=True)
def _soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ending, "_FIRST_WORD_S", 0.3)


# --- hang_up


async def test_hang_up_waits_until_the_goodbye_was_heard() -> None:
    table = Table(HangUp(15))
    table.call.speaking = True
    (one,) = table.model_calls(("hang_up", '{"reason": "all  done"}'), spoke=True)
    output, respond, _ = await table.result(one)
    assert "ends now" in output
    assert not respond, "nothing more is to be said"
    await asyncio.sleep(0.3)
    assert table.call.steps == ["interruptible False", "listening False", "result of c0"]
    table.call.speaking = False
    await table.until(lambda: table.call.steps[-1] == "bye: hang_up: all done")


async def test_hang_up_without_a_goodbye_asks_for_one() -> None:
    table = Table(HangUp(15))
    (one,) = table.model_calls("hang_up")
    output, respond, _ = await table.result(one)
    assert "Say goodbye" in output
    assert respond
    table.event(ResponseStarted("r2"))
    table.event(AudioBegan("item 2"))
    table.call.speaking = True
    await asyncio.sleep(0.3)
    assert table.call.steps[-1] == "result of c0"
    table.call.speaking = False
    await table.until(lambda: "bye: hang_up" in table.call.steps)


async def test_hang_up_does_not_wait_for_ever() -> None:
    table = Table(HangUp(0.1))
    table.call.speaking = True
    table.model_calls("hang_up", spoke=True)
    await table.until(lambda: "bye: hang_up" in table.call.steps)
    silent = Table(HangUp(0.1))
    silent.model_calls("hang_up")
    await silent.until(lambda: "bye: hang_up" in silent.call.steps)


async def test_hang_up_twice_is_one_goodbye() -> None:
    table = Table(HangUp(15))
    table.call.speaking = True
    _, second = table.model_calls("hang_up", "hang_up", spoke=True)
    assert "already" in (await table.result(second))[0]
    table.call.speaking = False
    await table.until(lambda: "bye: hang_up" in table.call.steps)
    await table.runner.close()
    assert table.call.steps.count("bye: hang_up") == 1


# --- transfer


async def test_transfer_waits_for_the_announcement() -> None:
    table = Table(Transfer(TARGETS))
    table.call.speaking = True
    (one,) = table.model_calls(("transfer", '{"target": "night desk"}'), spoke=True)
    await asyncio.sleep(0.2)
    assert table.call.steps == []
    table.call.speaking = False
    output, respond, outcome = await table.result(one)
    assert table.call.steps == ["transfer night desk: +4930123", "result of c0"]
    assert (json.loads(output), respond, outcome) == ({"transferred_to": "night desk"}, False, "ok")


async def test_a_transfer_that_fails_is_explained_and_the_call_goes_on() -> None:
    table = Table(Transfer(TARGETS))
    table.call.transferred = Transferred(ok=False, text="486 Busy Here")
    (one,) = table.model_calls(("transfer", '{"target": "sales"}'))
    output, respond, outcome = await table.result(one)
    assert "486 Busy Here" in json.loads(output)["error"]
    assert (respond, outcome) == (True, "error")
    (again,) = table.model_calls(("transfer", '{"target": "sales"}'))
    assert "486 Busy Here" in (await table.result(again))[0], "it may be tried again"


@pytest.mark.parametrize("target", ["sip:evil@203.0.113.9", "+49190123456", "Sales", ""])
async def test_only_configured_targets(target: str) -> None:
    table = Table(Transfer(TARGETS))
    (one,) = table.model_calls(("transfer", json.dumps({"target": target})))
    output, _, outcome = await table.result(one)
    assert outcome == "refused"
    assert "one of" in output
    assert table.call.steps == ["result of c0"]


def test_the_model_sees_names_not_addresses() -> None:
    declared = json.dumps(Transfer(TARGETS).declaration.as_function())
    assert "night desk" in declared
    assert "192.0.2.10" not in declared


# --- keys


async def test_send_dtmf() -> None:
    table = Table(SendDtmf())
    one, two = table.model_calls(
        ("send_dtmf", '{"digits": "12#"}'), ("send_dtmf", '{"digits": "1w2"}')
    )
    assert (await table.result(one))[2] == "ok"
    assert (await table.result(two))[2] == "refused"
    assert "keys 12#" in table.call.steps


async def collect(keys: str, **arguments: Any) -> dict[str, Any]:
    table = Table(CollectDigits(mask=True))
    (one,) = table.model_calls(("collect_digits", json.dumps(arguments)))
    await asyncio.sleep(0)
    for key in keys:
        table.event(Dtmf(key, 100, inband=False))
    output, respond, outcome = await table.result(one)
    assert (respond, outcome) == (True, "ok")
    found: dict[str, Any] = json.loads(output)
    return found


async def test_collected_digits() -> None:
    assert await collect("4711#9") == {"digits": "4711", "ended_by": "terminator"}
    assert await collect("4711", max_digits=3) == {"digits": "471", "ended_by": "max_digits"}
    assert await collect("#") == {"digits": "", "ended_by": "terminator"}
    assert await collect("1#2*", terminator="*") == {"digits": "1#2", "ended_by": "terminator"}
    assert await collect("1#2", terminator="", max_digits=3) == {
        "digits": "1#2",
        "ended_by": "max_digits",
    }


async def test_digits_that_do_not_come() -> None:
    some = collect("47", next_digit_timeout_s=1)
    none = collect("", first_digit_timeout_s=1)
    assert await asyncio.gather(some, none) == [
        {"digits": "47", "ended_by": "timeout"},
        {"digits": "", "ended_by": "timeout"},
    ]


async def test_the_wait_for_digits_begins_after_the_question() -> None:
    table = Table(CollectDigits(mask=True))
    table.call.speaking = True
    (one,) = table.model_calls(("collect_digits", '{"first_digit_timeout_s": 1}'))
    await asyncio.sleep(1.3)
    assert table.call.results == {}
    table.event(Dtmf("5", 100, inband=False))
    table.event(Dtmf("#", 100, inband=False))
    assert json.loads((await table.result(one))[0])["digits"] == "5"


async def test_one_at_a_time_collects() -> None:
    table = Table(CollectDigits(mask=True))
    one, two = table.model_calls("collect_digits", "collect_digits")
    assert "already" in (await table.result(two))[0]
    table.event(Dtmf("#", 100, inband=False))
    await table.result(one)


# --- put_on_hold


async def test_hold_ends_with_the_other_tools() -> None:
    gate = asyncio.Event()

    async def slow(_: dict[str, Any], __: ToolContext) -> Result:
        await gate.wait()
        return Result("found")

    table = Table(FunctionTool("slow", slow), PutOnHold(60))
    found, hold = table.model_calls("slow", ("put_on_hold", '{"seconds": 50}'))
    await table.until(lambda: table.call.steps == ["listening False", "hold sound True"])
    gate.set()
    output, respond, _ = await table.result(hold)
    assert json.loads(output)["ended_by"] == "the other tools are done"
    assert respond
    assert (await table.result(found))[1] is False
    assert table.call.steps[3:5] == ["hold sound False", "listening True"]


async def test_hold_alone_ends_after_its_time_and_with_the_call() -> None:
    table = Table(PutOnHold(60))
    (one,) = table.model_calls(("put_on_hold", '{"seconds": 1}'))
    assert json.loads((await table.result(one))[0])["ended_by"] == "the time is over"
    table.model_calls(("put_on_hold", '{"seconds": 50}'))
    await table.until(lambda: table.call.steps[-1] == "hold sound True")
    await table.runner.close()
    assert table.call.steps[-2:] == ["hold sound False", "listening True"]


async def test_a_hold_that_ends_during_the_goodbye_lets_nobody_cough_into_it() -> None:
    table = Table(HangUp(15), PutOnHold(60))
    table.call.speaking = True
    hold, _ = table.model_calls(("put_on_hold", '{"seconds": 50}'), "hang_up", spoke=True)
    await table.result(hold)
    assert table.call.steps.count("hold sound False") == 1
    assert "listening True" not in table.call.steps
    table.call.speaking = False
    await table.until(lambda: "bye: hang_up" in table.call.steps)


async def test_hold_is_no_longer_than_allowed() -> None:
    table = Table(PutOnHold(60))
    (one,) = table.model_calls(("put_on_hold", '{"seconds": 61}'))
    assert (await table.result(one))[2] == "refused"


# --- get_call_info


async def info(*reveal: str, timezone: str = "Europe/Berlin") -> dict[str, Any]:
    noon = datetime(2026, 7, 1, 10, 30, tzinfo=UTC)
    table = Table(GetCallInfo(reveal, timezone, lambda: noon))
    (one,) = table.model_calls("get_call_info")
    found: dict[str, Any] = json.loads((await table.result(one))[0])
    return found


async def test_call_info_tells_what_it_may() -> None:
    assert await info("from", "duration") == {
        "from": '"Anna" <sip:+4930123@192.0.2.1>',
        "duration_s": 12,
    }
    assert await info("time") == {
        "time": "2026-07-01T12:30:00+02:00",
        "weekday": "Wednesday",
        "timezone": "Europe/Berlin",
    }
    assert await info("to", "direction", "sip") == {
        "to": "sip:100@192.0.2.2",
        "direction": "incoming",
        "call_id": "c-test",
        "sip_call_id": "abc@192.0.2.1",
        "account": "carrier",
        "route": "day",
    }
    assert (await info("time", timezone=""))["timezone"]


# --- recordings


async def test_a_recording_has_silence_while_digits_are_collected() -> None:
    table = Table(CollectDigits(mask=True))
    table.call.pauses_while_collecting = True
    (one,) = table.model_calls("collect_digits")
    await table.until(lambda: "recording paused by collect_digits" in table.call.steps)
    table.event(Dtmf("#", 100, inband=False))
    await table.result(one)
    await table.until(lambda: "recording resumed by collect_digits" in table.call.steps)


async def test_the_model_pauses_and_resumes() -> None:
    table = Table(PauseRecording(), ResumeRecording())
    one, two = table.model_calls("recording_pause", "recording_resume")
    assert (await table.result(one))[0] == '{"kept": false}'
    assert (await table.result(two))[0] == '{"resumed": true}'
    assert [step for step in table.call.steps if step.startswith("recording")] == [
        "recording paused by agent",
        "recording resumed by agent",
    ]
