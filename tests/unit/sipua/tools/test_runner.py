"""Tools at work: what the model is told, what the log says, and that nothing is left over."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from sipua.log import logs
from sipua.tools.call_queue import Result, failure
from sipua.tools.context import ToolContext
from support.calls.tool_call import FunctionTool, Table


def quick(arguments: dict[str, Any], _: ToolContext) -> Result:
    return Result(f"got {arguments}")


async def never(_: dict[str, Any], __: ToolContext) -> Result:
    await asyncio.Event().wait()
    return Result("cannot be")


def broken(_: dict[str, Any], __: ToolContext) -> Result:
    raise RuntimeError("password=geheim was refused")


async def test_a_call_and_its_result() -> None:
    table = Table(FunctionTool("quick", quick))
    (one,) = table.model_calls(("quick", '{"a": 1}'))
    assert await table.result(one) == ("got {'a': 1}", True, "ok")
    await table.runner.close()


async def test_the_model_speaks_when_the_slowest_of_a_response_is_done() -> None:
    gate = asyncio.Event()

    async def slow(_: dict[str, Any], __: ToolContext) -> Result:
        await gate.wait()
        return Result("late")

    table = Table(FunctionTool("quick", quick), FunctionTool("slow", slow))
    first, second, third = table.model_calls("slow", "quick", "nothing")
    assert (await table.result(second))[1] is False
    assert (await table.result(third))[1:] == (False, "refused")
    gate.set()
    assert await table.result(first) == ("late", True, "ok")


async def test_a_tool_that_takes_too_long_is_given_up() -> None:
    table = Table(FunctionTool("never", never, timeout_s=0.02))
    output, respond, outcome = await table.result(table.model_calls("never")[0])
    assert "took too long" in json.loads(output)["error"]
    assert (respond, outcome) == (True, "timeout")


async def test_a_bug_is_a_traceback_for_us_and_a_sentence_for_the_model(
    capsys: pytest.CaptureFixture[str],
) -> None:
    logs.configure("debug", "json")
    table = Table(FunctionTool("broken", broken))
    output, _, outcome = await table.result(table.model_calls("broken")[0])
    assert outcome == "error"
    assert "geheim" not in output
    log = capsys.readouterr().err
    (bug,) = [line for line in map(json.loads, log.splitlines()) if line["event"] == "tool.bug"]
    assert "RuntimeError" in bug["error"]
    assert "in broken" in bug["traceback"]


async def test_what_the_log_says(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure("info", "json")
    table = Table(FunctionTool("quick", quick), FunctionTool("never", never))
    one, two, _ = table.model_calls(("quick", '{"pin": "4711"}'), "never", "unknown")
    await table.result(one)
    await table.runner.close()
    lines = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    told = {(line["event"], line["tool_call_id"], line.get("outcome")) for line in lines}
    assert told == {
        ("tool.failed", "c2", "refused"),
        ("tool.called", one, None),
        ("tool.done", one, "ok"),
        ("tool.called", two, None),
        ("tool.failed", two, "cancelled"),
    }
    reasons = {line["reason"] for line in lines if line["event"] == "tool.failed"}
    assert reasons == {"unknown_tool", "the call ended"}
    assert all(line["call_id"] == "c-test" for line in lines)
    assert "4711" not in json.dumps(lines), "arguments are for level debug"


async def test_at_debug_arguments_and_results_are_told_without_secrets(
    capsys: pytest.CaptureFixture[str],
) -> None:
    logs.configure("debug", "json")
    table = Table(FunctionTool("quick", quick))
    (one,) = table.model_calls(("quick", '{"order": "17", "password": "geheim!"}'))
    await table.result(one)
    lines = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    (told,) = [line for line in lines if line["event"] == "tool.arguments"]
    assert told["arguments"] == {"order": "17", "password": "********"}


async def test_what_a_tool_does_not_reveal_is_in_no_log(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure("debug", "json")
    tool = FunctionTool("quick", quick)
    tool.reveals = False
    table = Table(tool)
    await table.result(table.model_calls(("quick", '{"digits": "4711"}'))[0])
    assert "4711" not in capsys.readouterr().err


async def test_the_end_of_the_call_cancels_what_runs() -> None:
    table = Table(FunctionTool("never", never))
    table.model_calls("never", "never")
    await asyncio.sleep(0)
    await table.runner.close()
    assert table.call.results == {}
    table.model_calls("never")
    assert table.runner.counters()["called"] == 2, "nothing begins after the end"


async def test_a_flood_of_calls_is_bounded() -> None:
    table = Table(FunctionTool("never", never), max_running=3, max_per_minute=100)
    ids = table.model_calls(*["never"] * 10)
    await table.result(ids[-1])
    assert len(table.call.results) == 7
    assert table.runner.counters() | {"called": 3, "refused": 7} == table.runner.counters()
    await table.runner.close()


async def test_a_result_given_early_is_the_only_one() -> None:
    after = asyncio.Event()

    async def early(_: dict[str, Any], context: ToolContext) -> None:
        context.answer(Result("first"))
        await after.wait()
        raise RuntimeError("too late to matter to the model")

    table = Table(FunctionTool("early", early))
    (one,) = table.model_calls("early")
    assert (await table.result(one))[0] == "first"
    after.set()
    await table.runner.close()
    assert table.call.steps == ["result of c0"]


async def test_why_a_tool_failed_is_told_bounded_and_not_of_one_that_hides_its_results(
    capsys: pytest.CaptureFixture[str],
) -> None:
    async def closed(_arguments: dict[str, Any], _context: ToolContext) -> Result:
        return failure("closed on Mondays " + "x" * 1000 + "\ud800")

    async def said(_arguments: dict[str, Any], _context: ToolContext) -> Result:
        return failure("what a server said", reason="answered with status 503")

    logs.configure("info", "json")
    hidden = FunctionTool("hidden", closed)
    hidden.reveals = False  # type: ignore[misc]
    tools = [FunctionTool("open", closed), FunctionTool("server", said), hidden]
    table = Table(*tools, FunctionTool("broken", broken))
    for name in ("open", "server", "hidden", "broken"):
        await table.result(table.model_calls(name)[0])
    lines = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    told = {line["tool"]: line["reason"] for line in lines if line["event"] == "tool.failed"}
    assert told.pop("open") == ("closed on Mondays " + "x" * 1000)[:200]
    assert told == {
        "server": "answered with status 503",
        "hidden": "********",
        "broken": "it raised RuntimeError",
    }
