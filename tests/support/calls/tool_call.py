"""A call as tools see it, that remembers what they did to it."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from sipua.bridge.engine_api.events import ResponseStarted, ToolCall
from sipua.bridge.events import AudioBegan, BridgeEvent
from sipua.calls.facts import CallFacts
from sipua.log import logs
from sipua.tools.call_queue import Result, ToolCallQueue
from sipua.tools.context import Tool, ToolContext, Transferred
from sipua.tools.runner import ToolRunner
from sipua.tools.wire.schema import Declaration, Registry

FACTS = CallFacts(
    call_id="c-test",
    direction="incoming",
    from_uri='"Anna" <sip:+4930123@192.0.2.1>',
    to_uri="sip:100@192.0.2.2",
    origin="carrier",
    route="day",
    started_at=datetime(2026, 3, 1, 12, 0, tzinfo=UTC),
    sip_call_id="abc@192.0.2.1",
    talked_s=12.34,
)


class FakeCall:
    """`steps` is what happened, in order."""

    def __init__(self) -> None:
        self.steps: list[str] = []
        self.results: dict[str, tuple[str, bool, str]] = {}
        self.speaking = False
        self.transferred: Transferred | Callable[[], Any] = Transferred(ok=True)

    def facts(self) -> CallFacts:
        return FACTS

    def interruptible(self, on: bool) -> None:
        self.steps.append(f"interruptible {on}")

    def listening(self, on: bool) -> None:
        self.steps.append(f"listening {on}")

    def hold_sound(self, on: bool) -> None:
        self.steps.append(f"hold sound {on}")

    pauses_while_collecting = False

    def pause_recording(self, asker: str) -> bool:
        self.steps.append(f"recording paused by {asker}")
        return True

    def resume_recording(self, asker: str) -> bool:
        self.steps.append(f"recording resumed by {asker}")
        return True

    def send_dtmf(self, digits: str) -> None:
        self.steps.append(f"keys {digits}")

    async def transfer(self, target: str, name: str) -> Transferred:
        self.steps.append(f"transfer {name}: {target}")
        if callable(self.transferred):
            self.transferred()
        assert isinstance(self.transferred, Transferred)
        return self.transferred

    def hang_up(self, cause: str) -> None:
        self.steps.append(f"bye: {cause}")

    def tool_result(
        self, call_id: str, output: str, *, respond: bool = True, outcome: str = ""
    ) -> None:
        self.results[call_id] = (output, respond, outcome)
        self.steps.append(f"result of {call_id}")


class FunctionTool:
    """A tool that is one coroutine."""

    reveals = True

    def __init__(
        self, name: str, run: Callable[[dict[str, Any], ToolContext], Any], timeout_s: float = 5
    ) -> None:
        self.declaration = Declaration(name, "A tool of the tests.", {"type": "object"})
        self.timeout_s = timeout_s
        self._run = run

    async def run(self, arguments: dict[str, Any], context: ToolContext) -> Result | None:
        found = self._run(arguments, context)
        return (await found) if asyncio.iscoroutine(found) else found


class Table:
    """A runner with its call: `table.model_calls("hang_up")`, `await table.result("c0")`."""

    def __init__(self, *tools: Tool, log: Any = None, **bounds: Any) -> None:
        self.call = FakeCall()
        by_name: Mapping[str, Tool] = {tool.declaration.name: tool for tool in tools}
        queue = ToolCallQueue(Registry(tool.declaration for tool in tools), **bounds)
        self.runner = ToolRunner(by_name, queue, self.call, log or logs.bind_call("c-test"))
        self._calls = 0
        self._responses = 0

    def event(self, event: BridgeEvent) -> None:
        self.runner.on_event(event, asyncio.get_running_loop().time())

    def model_calls(self, *asked: str | tuple[str, str], spoke: bool = False) -> Sequence[str]:
        """One response with these calls; the ids of the calls."""
        self._responses += 1
        response_id = f"r{self._responses}"
        self.event(ResponseStarted(response_id))
        if spoke:
            self.event(AudioBegan(f"item {response_id}"))
        ids = []
        for one in asked:
            name, arguments = one if isinstance(one, tuple) else (one, "{}")
            ids.append(f"c{self._calls}")
            self._calls += 1
            self.event(ToolCall(ids[-1], name, arguments, response_id))
        return ids

    async def until(self, happened: Callable[[], object]) -> None:
        async with asyncio.timeout(20):
            while not happened():
                await asyncio.sleep(0.005)

    async def result(self, tool_call_id: str) -> tuple[str, bool, str]:
        await self.until(lambda: tool_call_id in self.call.results)
        return self.call.results[tool_call_id]
