"""The runner of one call's tools: the model's calls in, results out.

ToolCall ─▶ ToolCallQueue.take ─▶ a task for each ─▶ Tool.run ─▶ ToolCallQueue.done ─▶ tool_result
                                   (media loop: built-in tools wait here; webhooks and Python
                                    functions work on threads of their own, this only waits)
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from structlog.typing import FilteringBoundLogger

from sipua.bridge.engine_api.events import ResponseStarted, ToolCall
from sipua.bridge.events import AudioBegan, BridgeEvent
from sipua.bridge.fault_owner import FaultOwner, described
from sipua.events import call_events
from sipua.events.event import Event
from sipua.events.teller import Teller
from sipua.log.secret_masking import MASK
from sipua.tools.call_queue import Answer, Refusal, Result, Run, ToolCallQueue, failure
from sipua.tools.context import CallControl, Tool, ToolContext

BUG = "The tool failed. Tell the caller that this does not work at the moment."
_LOGGED_CHARS = 4000
TOO_LATE = "The tool took too long and was given up. Tell the caller, or try once more."


class ToolRunner:
    """The tools of one call: `on_event` gets all of its events, `close` ends what still runs."""

    def __init__(
        self,
        tools: Mapping[str, Tool],
        queue: ToolCallQueue,
        call: CallControl,
        log: FilteringBoundLogger,
        *,
        faults: FaultOwner | None = None,
        tell: Callable[[Event], None] | None = None,
    ) -> None:
        """Both of the call. An exception of a tool is no fault but a result."""
        self._faults = faults or FaultOwner()
        self._tools = tools
        self._queue = queue
        self._call = call
        self._log = log
        self._tell = tell or Teller(log).tell
        self._loop = asyncio.get_running_loop()
        self._tasks: dict[asyncio.Task[None], ToolContext] = {}
        self._claims: set[str] = set()
        self._response = ""
        self._spoke = False
        self._closed = False

    def on_event(self, event: BridgeEvent, now: float) -> None:
        if isinstance(event, ToolCall):
            self._take(event, now)
        elif isinstance(event, ResponseStarted):
            self._response, self._spoke = event.response_id, False
        elif isinstance(event, AudioBegan):
            self._spoke = True
        if self._tasks:
            for context in self._tasks.values():
                for listener in tuple(context.listeners):
                    listener(event)

    async def run(self) -> None:
        """Run until it is cancelled with its call."""
        try:
            await asyncio.Event().wait()
        finally:
            await self.close()

    async def close(self) -> None:
        """End with the call: running tools are cancelled, and their results are dropped."""
        self._closed = True
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def counters(self) -> dict[str, int]:
        return self._queue.counters()

    # --- a call comes -----------------------------------------------------------------------

    def _take(self, call: ToolCall, now: float) -> None:
        if self._closed:
            return
        taken = self._queue.take(call, now)
        if taken is None:
            return
        # All calls of a response come within one turn of the loop; after it they are known.
        self._faults.call_soon("tool results", self._seal, call.response_id)
        if isinstance(taken, Refusal):
            self._tell(
                call_events.ToolFailed(
                    tool=call.name[:64],
                    tool_call_id=call.call_id,
                    duration_ms=0,
                    outcome="refused",
                    reason=taken.reason,
                )
            )
            self._log.debug("tool.refused", tool_call_id=call.call_id, text=taken.text)
            return
        context = ToolContext(
            tool_call_id=taken.tool_call_id,
            call=self._call,
            log=self._log,
            spoke=self._spoke_in(call.response_id),
            others_running=lambda: self._queue.running - 1,
            answer=lambda result: self._finish(taken, self._tools[taken.name], result, now),
            claims=self._claims,
            tell=self._tell,
        )
        task = self._faults.task(self._run(taken, context, now), "tool")
        self._tasks[task] = context
        task.add_done_callback(self._tasks.pop)

    def _spoke_in(self, response_id: str) -> bool:
        if response_id in ("", self._response):
            return self._spoke
        return self._call.speaking

    def _seal(self, response_id: str) -> None:
        if not self._closed:
            self._give(self._queue.seal(response_id))

    # --- it runs ----------------------------------------------------------------------------

    async def _run(self, run: Run, context: ToolContext, began: float) -> None:
        tool = self._tools[run.name]
        self._tell(call_events.ToolCalled(tool=run.name, tool_call_id=run.tool_call_id))
        self._log.debug(
            "tool.arguments", tool_call_id=run.tool_call_id, arguments=_shown(tool, run.arguments)
        )
        try:
            async with asyncio.timeout(tool.timeout_s):
                result = await tool.run(run.arguments, context)
        except TimeoutError:
            result = failure(TOO_LATE, "timeout", f"no result within {tool.timeout_s:g} s")
        except asyncio.CancelledError:
            if self._queue.awaits(run.tool_call_id):
                self._log_result("cancelled", run, began, "the call ended")
            raise
        except Exception as error:  # noqa: BLE001 - a bug in a tool is no reason to end the call
            self._log.error(
                "tool.bug", tool=run.name, tool_call_id=run.tool_call_id, **described(error)
            )
            result = failure(BUG, reason=f"it raised {type(error).__name__}")
        if result is not None:
            self._finish(run, tool, result, began)

    def _finish(self, run: Run, tool: Tool, result: Result, began: float) -> None:
        if not self._queue.awaits(run.tool_call_id):
            return  # it gave its result earlier
        answers = self._queue.done(run.tool_call_id, result)
        self._log_result(result.outcome, run, began, _shown(tool, result.reason))
        self._log.debug(
            "tool.result",
            tool_call_id=run.tool_call_id,
            result=_shown(tool, result.output[:_LOGGED_CHARS]),
        )
        self._give(answers)

    def _log_result(self, outcome: str, run: Run, began: float, reason: object) -> None:
        facts: dict[str, Any] = {
            "tool": run.name,
            "tool_call_id": run.tool_call_id,
            "duration_ms": round((self._loop.time() - began) * 1000, 1),
            "outcome": outcome,
        }
        if outcome == "ok":
            self._tell(call_events.ToolDone(**facts))
        else:
            self._tell(call_events.ToolFailed(**facts, reason=str(reason)))

    def _give(self, answers: Sequence[Answer]) -> None:
        for answer in answers:
            self._call.tool_result(
                answer.tool_call_id, answer.output, respond=answer.respond, outcome=answer.outcome
            )


def _shown(tool: Tool, value: object) -> object:
    return value if tool.reveals else MASK
